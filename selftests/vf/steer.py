#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable debug newest quick=fields
"""Which queue of a VF a packet comes to: what is hashed, symmetric hashes."""
import array
import errno
import fcntl
import socket
import struct
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
from flows import ICMP, NONE, OR_XOR, TCP, UDP, XOR, Flow, queues_of
from ktap import contains, defer, eq, run, true, wait_for
from vnic import (errno_of, inside, make_quiet_pair, out, packet_socket, refused, sh,
                  shared)

KEY = bytes(range(0x11, 0x11 + 40 * 5, 5))
FLOWS = [(f'10.{i}.{i * 37 % 256}.{i + 1}', f'10.200.{i * 11}.9', 1000 + 77 * i, 53 + i * 1234)
         for i in range(8)]
FLOWS6 = [(f'fd00::{i * 4099:x}:{i + 1:x}', f'fd00::99:{i * 13:x}', 999 + 7 * i, 80 + i * 777)
          for i in range(8)]


def bench():
    """Socket of VF 1, and VF 0 with a known key and a table of two queues"""
    _, vfs = shared(make_quiet_pair)
    hkey = ':'.join(f'{b:02x}' for b in KEY)
    sh(f'ethtool -X {vfs[0].name} hkey {hkey} equal 2', ns=vfs[0].ns)
    return packet_socket(vfs[1].name, vfs[1].ns), vfs


def come(sock, vfs, flows, **kwargs):
    """The queues of VF 0 that packets of flows come to"""
    frames = [flow.frame(vfs[0].mac, vfs[1].mac, **kwargs) for flow in flows]
    return queues_of(sock, vfs[0], frames)


def due(flows, fields='sdfn', xfrm=NONE):
    """... and should"""
    hashes = [flow.hashed(KEY, fields, xfrm) for flow in flows]
    return [0 if value is None else value % 128 % 2 for value in hashes]


def every():
    """(name, flows) of each kind"""
    for proto, name in ((TCP, 'tcp'), (UDP, 'udp')):
        yield name + '4', [Flow(proto, *flow) for flow in FLOWS]
        yield name + '6', [Flow(proto, *flow) for flow in FLOWS6]


def hashed(vf, kind):
    """`ethtool -n rx-flow-hash`, as letters"""
    text = out(f'ethtool -n {vf.name} rx-flow-hash {kind}', ns=vf.ns)
    names = {'s': 'IP SA', 'd': 'IP DA', 'f': 'L4 bytes 0', 'n': 'L4 bytes 2'}
    return ''.join(letter for letter, name in names.items() if name in text)


def choose(vf, kind, fields):
    """`ethtool -N rx-flow-hash`"""
    sh(f'ethtool -N {vf.name} rx-flow-hash {kind} {fields}', ns=vf.ns)


def fields():
    """ethtool -N rx-flow-hash: just these fields decide; kept over down, up and a reset"""
    sock, vfs = bench()
    vf = vfs[0]
    seen = set()
    for kind, flows in every():
        defer(choose, vf, kind, 'sdfn')
        eq(hashed(vf, kind), 'sdfn', f'{kind}: at first')
        eq(come(sock, vfs, flows), due(flows), f'{kind}: all')
        for chosen in ('sd', 's', 'd', 'f', 'n', 'sn'):
            choose(vf, kind, chosen)
            eq(hashed(vf, kind), chosen, f'{kind}: as set')
            want = due(flows, chosen)
            eq(come(sock, vfs, flows), want, f'{kind}: {chosen}')
            seen.add(tuple(want))
    true(len(seen) > 8, 'fields make a difference')
    pieces = [Flow(UDP, *flow) for flow in FLOWS]
    eq(come(sock, vfs, pieces, fragment=True), due(pieces, 'sd'), 'fragments: addresses')
    other = [Flow(ICMP, *flow) for flow in FLOWS]
    eq(come(sock, vfs, other), due(other, 'sd'), 'ICMP: addresses')
    choose(vf, 'tcp4', 'n')
    sh(f'ip link set {vf.name} down; ip link set {vf.name} up', ns=vf.ns)
    sh(f'ethtool -K {vf.name} rx off; ethtool -K {vf.name} rx on', ns=vf.ns)
    wait_for(vf.carrier, 'carrier')
    tcp = [Flow(TCP, *flow) for flow in FLOWS]
    eq(come(sock, vfs, tcp), due(tcp, 'n'), 'after down, up and another HELLO')
    for kind, what in (('tcp4', 'v'), ('tcp4', 't'), ('tcp6', 'm'), ('udp4', 'r'),
                       ('sctp4', 'sdfn'), ('ah4', 'sd')):
        refused(f'ethtool -N {vf.name} rx-flow-hash {kind} {what}', ns=vf.ns)
    eq(hashed(vf, 'tcp4'), 'n', 'what was refused changes nothing')
    eq(hashed(vf, 'sctp4'), 'sd', 'SCTP: as IP')


def set_xfrm(vf, xfrm):
    """As `ethtool -X xfrm` does: the program of Debian 13 does not know OR_XOR"""
    no_change, command = 0xffffffff, 0x47           # ETHTOOL_SRSSH
    request = array.array('B', struct.pack('=IIIIBBHI', command, 0, no_change, 0, 0, xfrm, 0, 0))
    with inside(vf.ns), socket.socket() as sock:
        fcntl.ioctl(sock, 0x8946, struct.pack('16sP', vf.name.encode(), request.buffer_info()[0]))


def symmetric():
    """ethtool -X xfrm: both directions of a flow come to one queue; what does not fit is refused"""
    sock, vfs = bench()
    vf = vfs[0]
    defer(set_xfrm, vf, NONE)
    for xfrm, name in ((XOR, 'xor'), (OR_XOR, 'or-xor')):
        set_xfrm(vf, xfrm)
        for kind, flows in every():
            want = due(flows, xfrm=xfrm)
            eq(come(sock, vfs, flows), want, f'{name} {kind}')
            eq(come(sock, vfs, [flow.back() for flow in flows]), want, f'{name} {kind}, back')
        refused(f'ethtool -N {vf.name} rx-flow-hash tcp4 sdf', ns=vf.ns)
        choose(vf, 'tcp4', 'sd')
        flows = [Flow(TCP, *flow) for flow in FLOWS]
        eq(come(sock, vfs, flows), due(flows, 'sd', xfrm), f'{name}: addresses only')
        choose(vf, 'tcp4', 'sdfn')
    sh(f'ethtool -X {vf.name} xfrm symmetric-xor', ns=vf.ns)
    contains(out(f'ethtool -x {vf.name}', ns=vf.ns), 'symmetric-xor: on', 'shown')
    sh(f'ip link set {vf.name} down; ip link set {vf.name} up', ns=vf.ns)
    wait_for(vf.carrier, 'carrier')
    flows = [Flow(UDP, *flow) for flow in FLOWS]
    eq(come(sock, vfs, flows), due(flows, xfrm=XOR), 'after down and up')
    set_xfrm(vf, NONE)
    for way in (flows, [flow.back() for flow in flows]):
        eq(come(sock, vfs, way), due(way), 'not symmetric any more')
    choose(vf, 'udp6', 's')
    defer(choose, vf, 'udp6', 'sdfn')
    refused(f'ethtool -X {vf.name} xfrm symmetric-xor', ns=vf.ns)
    eq(errno_of(set_xfrm, vf, 4), errno.EOPNOTSUPP, 'another one')


run([fields, symmetric])
