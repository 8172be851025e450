# SPDX-License-Identifier: GPL-2.0
"""Packets that are to be cut into segments, by raw sockets."""
import socket
import struct

from vnic import checksum, mac_bytes, packet_socket

SEGMENTS = 5
SIZE = 1428     # bytes of a segment; over IPv6, too, it fits into an MTU of 1500
VNET_HDR = 15   # PACKET_VNET_HDR
VNET_HDR_LEN = 10
GSO = {'tcpv4': 1, 'tcpv6': 4, 'udp': 5}        # VIRTIO_NET_HDR_GSO_*


def tso_socket(dev, ns=None):
    """A raw socket whose frames have a struct virtio_net_hdr before them."""
    sock = packet_socket(dev, ns)
    sock.setsockopt(263, VNET_HDR, 1)   # SOL_PACKET
    return sock


def _ip4(protocol, length):
    """The header of an IPv4 packet of this length."""
    ip = struct.pack('>BBHHHBBH4s4s', 0x45, 0, length, 1, 0, 64, protocol, 0,
                     bytes((10, 9, 0, 1)), bytes((10, 9, 0, 2)))
    return ip[:10] + struct.pack('>H', checksum(ip)) + ip[12:]


def _ip6(protocol, length):
    """The header of an IPv6 packet that carries as much."""
    return struct.pack('>IHBB', 6 << 28, length, protocol, 64) + \
        socket.inet_pton(socket.AF_INET6, 'fd09::1') + socket.inet_pton(socket.AF_INET6, 'fd09::2')


def gso(kind, dst, src, length=0, segments=SEGMENTS):
    """A frame to be cut into segments, its IP header with a length, 0: the right one."""
    payload = (segments - 1) * SIZE + 100
    if kind == 'udp':
        protocol, at, l4 = 17, 6, struct.pack('>HHHH', 1, 2, 8 + payload, 0)
    else:
        protocol, at, l4 = 6, 16, struct.pack('>HHIIBBHHH', 1, 2, 3, 4, 5 << 4, 16, 1000, 0, 0)
    if kind == 'tcpv6':
        ip = struct.pack('>H', 0x86dd) + _ip6(protocol, length or len(l4) + payload)
    else:
        ip = struct.pack('>H', 0x800) + _ip4(protocol, length or 20 + len(l4) + payload)
    head = mac_bytes(dst) + mac_bytes(src) + ip
    # struct virtio_net_hdr: checksum wanted, kind, headers, segment, where the checksum is
    return struct.pack('<BBHHHH', 1, GSO[kind], len(head + l4), SIZE, len(head), at) + \
        head + l4 + bytes(payload)


def tso(dst, src, length=0):
    """One of TCP over IPv4"""
    return gso('tcpv4', dst, src, length)
