#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable debug
# proof: stable=to_pf,virtio_to_pf
"""What a guest says of its frames is not taken for granted by who gets them of the switch."""
import socket
import struct
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
from devlink import Devlink
from events import Events
from ktap import defer, eq, run, true, wait_for
from misbehave import Misbehave
from program import Told
from tso import SIZE, gso, tso_socket
from vnic import checksum, load, packet_socket, read, receive, sh, shared
from wire import make_wired, wire

CSUM, TSO4 = 1 << 2, 1 << 3         # VNIC_TXD_F_*
DODGY = 1 << 1      # SKB_GSO_*
KINDS = {'tcpv4': 1 << 0, 'tcpv6': 1 << 4}
# What a virtio VF may ask for, too.  SKB_GSO_UDP_L4 is 1 << 17: the events have 16 bits.
GUESTS = KINDS | {'udp4': 0, 'udp6': 0}
INTO = ('net:napi_gro_receive_entry', 'net:netif_rx_entry', 'net:netif_receive_skb_entry')
OUT = 'net:net_dev_start_xmit'
WIRE = '02:00:00:00:00:99'          # nobody's here
N = 8


def kinds(events, names, dev):
    """gso_type of the frames to be cut into segments that pass a netdev, once each."""
    for name in names:
        found = [int(e['gso_type'], 16) for e in events.take(name)
                 if e['dev'] == dev and e['gso_size']]
        if found:
            return found
    return []


def marked(send, asked, names, dev):
    """What send(KIND) sends N times is marked when the host's stack gets it."""
    events = Events(*names)
    for kind, bit in asked.items():
        events.clear()
        send(kind)
        wait_for(lambda: len(kinds(events, names, dev)) >= N, f'{N} {kind} frames of {dev}')
        eq(set(kinds(events, names, dev)), {bit | DODGY}, f'{kind}: gso_type')


def of_host(dst):
    """How VF 0 sends frames to be segmented by its netdev"""
    _, vfs = shared(make_wired)
    sock = tso_socket(vfs[0].name, vfs[0].ns)

    def send(kind):
        for _ in range(N):
            sock.send(gso(kind, dst, vfs[0].mac))
    return send


def make_guest():
    """A PF with an uplink, and a virtio VF that a program drives as a guest's driver does"""
    pf = load(total_vfs=4)[0]
    wire()
    sh(f'ip link set ethup master {pf.dev}; ip link set {pf.dev} up')
    pf.set('sriov_drivers_autoprobe', 0)
    pf.numvfs(1)
    Devlink(pf).set_param('vf0_personality', 'virtio')
    return pf, pf.vf(0).to_vfio()


def of_guest(dst):
    """The same of a guest's, by a virtio device"""
    _, vf = shared(make_guest)
    user = Told('vmisbehave', vf.bdf)
    return lambda kind: user.tell(f'gso {dst} {kind} {N}', 'ok')


def address(pf):
    """The PF's own"""
    return read(f'/sys/class/net/{pf.dev}/address')


def to_pf():
    """a VF's frames to be segmented are marked SKB_GSO_DODGY at the PF"""
    pf, _ = shared(make_wired)
    marked(of_host(address(pf)), KINDS, INTO, pf.dev)


def to_wire():
    """and at the uplink"""
    shared(make_wired)
    marked(of_host(WIRE), KINDS, (OUT,), 'ethup')


def offload(data, tags):
    """A frame of gso(), with so many tags in front, as misbehave's command."""
    vnet, macs, rest = data[:10], data[10:22], data[22:]
    _, _, hdr, size, start, offset = struct.unpack('<BBHHHH', vnet)
    for i in range(tags):
        rest = struct.pack('>HH', 0x8100, 5 + i) + rest
    more = 4 * tags
    return f'offload {CSUM | TSO4} {start + more} {offset} {size} {hdr + more} ' + \
        (macs + rest).hex()


def tags():
    """three tags in a port VLAN of 802.1ad: cut right for who takes no TSO; with four: none"""
    pf = load(total_vfs=4)[0]
    vfs = pf.vfs(2)
    for vf in vfs:
        pf.link(vf.index, 'vlan 100 proto 802.1ad')
    sh(f'ethtool -K {vfs[1].dev} rx-gro-hw off gro off')
    vfs[1].up(ns='vf1')
    sock = packet_socket(vfs[1].name, 'vf1')
    data = gso('tcpv4', vfs[1].mac, vfs[0].mac, segments=3)
    user = Misbehave(vfs[0].to_vfio())
    user.tell(offload(data, 4), 'ok')
    eq(pf.stats()['vfs_tx_drop_malformed'], 1, 'refused')
    user.tell(offload(data, 3), 'ok')
    got = [frame for frame, vlan in receive(sock, b'', count=3) if vlan == 7]
    eq(pf.stats()['vfs_tx_drop_malformed'], 1, 'refused')
    eq(len(got), 3, 'segments')
    for i, frame in enumerate(got):
        eq(frame[12:22].hex(), '81000006' '81000005' '0800', 'inner tags, type')
        ip = frame[22:]
        eq(len(ip), 40 + (SIZE if i < 2 else 100), f'length of segment {i}')
        eq(int.from_bytes(ip[2:4], 'big'), len(ip), 'in its header')
        eq(checksum(ip[:20]), 0, 'checksum of the header')
        eq(int.from_bytes(ip[24:28], 'big'), 3 + i * SIZE, 'sequence number')
        eq(checksum(ip[12:20] + struct.pack('>HH', 6, len(ip) - 20) + ip[20:]), 0, 'checksum')


def completions(sock):
    """How many sends the kernel says to be done with now: [of those, copied]"""
    done = copied = 0
    while True:
        try:
            _, anc, _, _ = sock.recvmsg(1, 512, socket.MSG_ERRQUEUE | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return done, copied
        for _, _, value in anc:
            _, origin, _, code, _, first, last = struct.unpack('=IBBBBII', value[:16])
            eq(origin, 5, 'SO_EE_ORIGIN_ZEROCOPY')
            done += last - first + 1
            copied += (last - first + 1) * (code == 1)      # SO_EE_CODE_ZEROCOPY_COPIED


def zerocopy():
    """a guest that takes nothing keeps no memory of a sender that lends its own (MSG_ZEROCOPY)"""
    pf = load(total_vfs=4)[0]
    pf.set('sriov_drivers_autoprobe', 0)
    pf.numvfs(1)
    vf = pf.vf(0)
    user = Misbehave(vf.to_vfio())      # has posted 256 buffers, and looks at none
    sh(f'ip link set {pf.dev} up; ip addr add 10.9.7.1/24 dev {pf.dev}; '
       f'ip neigh add 10.9.7.2 lladdr {pf.vfinfo(0)["address"]} dev {pf.dev}')
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    defer(sock.close)
    sock.setsockopt(socket.SOL_SOCKET, 60, 1)       # SO_ZEROCOPY
    total = [0, 0]

    def all_done():
        total[:] = [n + m for n, m in zip(total, completions(sock))]
        return total[0] >= 400
    for _ in range(400):
        sock.sendto(bytes(1400), 0x4000000, ('10.9.7.2', 9))    # MSG_ZEROCOPY
        all_done()
    wait_for(all_done, 'all are done')
    eq(total, [400, 400], 'done, copied')
    true(int(user.tell('take 2000')) > 256, 'frames waited')


def virtio_to_pf():
    """those of a guest's virtio device, and datagrams, at the PF"""
    pf, _ = shared(make_guest)
    marked(of_guest(address(pf)), GUESTS, INTO, pf.dev)


def virtio_to_wire():
    """and at the uplink"""
    shared(make_guest)
    marked(of_guest(WIRE), GUESTS, (OUT,), 'ethup')


run([to_pf, to_wire, virtio_to_pf, virtio_to_wire, tags, zerocopy])
