# SPDX-License-Identifier: GPL-2.0
"""TCP packets that are to be cut into segments, by raw sockets."""
import struct

from vnic import mac_bytes, packet_socket

SEGMENTS = 5


def tso_socket(dev, ns=None):
    """A raw socket whose frames have a struct virtio_net_hdr before them."""
    sock = packet_socket(dev, ns)
    sock.setsockopt(263, 15, 1)     # SOL_PACKET, PACKET_VNET_HDR
    return sock


def tso(dst, src, length=0):
    """A frame to be cut into SEGMENTS, its IP header with a length, 0: the right one."""
    payload = (SEGMENTS - 1) * 1448 + 100
    ip = struct.pack('>BBHHHBBH4s4s', 0x45, 0, length or 40 + payload, 1, 0, 64, 6, 0,
                     bytes((10, 9, 0, 1)), bytes((10, 9, 0, 2)))
    total = sum(struct.unpack('>10H', ip))
    total = (total & 0xffff) + (total >> 16)
    ip = ip[:10] + struct.pack('>H', ~(total + (total >> 16)) & 0xffff) + ip[12:]
    tcp = struct.pack('>HHIIBBHHH', 1, 2, 3, 4, 5 << 4, 16, 1000, 0, 0)
    head = mac_bytes(dst) + mac_bytes(src) + struct.pack('>H', 0x800) + ip + tcp
    # struct virtio_net_hdr: checksum wanted, TCPv4, header, segment, where the checksum is
    return struct.pack('<BBHHHH', 1, 1, len(head), 1448, 34, 16) + head + bytes(payload)
