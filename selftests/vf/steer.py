#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable debug=rules,contexts newest=contexts
# proof: stable=rules,contexts
"""Which queue of a VF a packet comes to: what is hashed, symmetric hashes, rules, contexts."""
import array
import errno
import fcntl
import re
import socket
import struct
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
from flows import ICMP, NONE, OR_XOR, TCP, UDP, XOR, Flow, Steered
from ktap import contains, defer, eq, run, true, wait_for
from vnic import (errno_of, inside, make_quiet_pair, out, refused, sh, shared)

KEY = bytes(range(0x11, 0x11 + 40 * 5, 5))
FLOWS = [(f'10.{i}.{i * 37 % 256}.{i + 1}', f'10.200.{i * 11}.9', 1000 + 77 * i, 53 + i * 1234)
         for i in range(6)]
FLOWS6 = [(f'fd00::{i * 4099:x}:{i + 1:x}', f'fd00::99:{i * 13:x}', 999 + 7 * i, 80 + i * 777)
          for i in range(6)]


def bench():
    """VF 0, with a known key and a table of two queues, and VF 1 that sends to it"""
    _, vfs = shared(make_quiet_pair)
    hkey = ':'.join(f'{b:02x}' for b in KEY)
    sh(f'ethtool -X {vfs[0].name} hkey {hkey} equal 2', ns=vfs[0].ns)
    return Steered(*vfs), vfs[0]


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
    to, vf = bench()
    seen = set()
    for kind, flows in every():
        defer(choose, vf, kind, 'sdfn')
        eq(hashed(vf, kind), 'sdfn', f'{kind}: at first')
        eq(to.come(flows), due(flows), f'{kind}: all')
        for chosen in ('sd', 's', 'd', 'f', 'n', 'sn') if kind == 'tcp4' else ('sn',):
            choose(vf, kind, chosen)
            eq(hashed(vf, kind), chosen, f'{kind}: as set')
            want = due(flows, chosen)
            eq(to.come(flows), want, f'{kind}: {chosen}')
            seen.add(tuple(want))
    true(len(seen) > 5, 'fields make a difference')
    pieces = [Flow(UDP, *flow) for flow in FLOWS]
    eq(to.come(pieces, fragment=True), due(pieces, 'sd'), 'fragments: addresses')
    other = [Flow(ICMP, *flow) for flow in FLOWS]
    eq(to.come(other), due(other, 'sd'), 'ICMP: addresses')
    choose(vf, 'tcp4', 'n')
    sh(f'ip link set {vf.name} down; ip link set {vf.name} up', ns=vf.ns)
    sh(f'ethtool -K {vf.name} rx off; ethtool -K {vf.name} rx on', ns=vf.ns)
    wait_for(vf.carrier, 'carrier')
    tcp = [Flow(TCP, *flow) for flow in FLOWS]
    eq(to.come(tcp), due(tcp, 'n'), 'after down, up and another HELLO')
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
    to, vf = bench()
    defer(set_xfrm, vf, NONE)
    for xfrm, name in ((XOR, 'xor'), (OR_XOR, 'or-xor')):
        set_xfrm(vf, xfrm)
        for kind, flows in list(every())[xfrm - 1::xfrm]:     # of OR_XOR half of them
            want = due(flows, xfrm=xfrm)
            eq(to.come(flows), want, f'{name} {kind}')
            eq(to.come([flow.back() for flow in flows]), want, f'{name} {kind}, back')
        refused(f'ethtool -N {vf.name} rx-flow-hash tcp4 sdf', ns=vf.ns)
        choose(vf, 'tcp4', 'sd')
        flows = [Flow(TCP, *flow) for flow in FLOWS]
        eq(to.come(flows), due(flows, 'sd', xfrm), f'{name}: addresses only')
        choose(vf, 'tcp4', 'sdfn')
    sh(f'ethtool -X {vf.name} xfrm symmetric-xor', ns=vf.ns)
    contains(out(f'ethtool -x {vf.name}', ns=vf.ns), 'symmetric-xor: on', 'shown')
    sh(f'ip link set {vf.name} down; ip link set {vf.name} up', ns=vf.ns)
    wait_for(vf.carrier, 'carrier')
    flows = [Flow(UDP, *flow) for flow in FLOWS]
    eq(to.come(flows), due(flows, xfrm=XOR), 'after down and up')
    set_xfrm(vf, NONE)
    for way in (flows, [flow.back() for flow in flows]):
        eq(to.come(way), due(way), 'not symmetric any more')
    choose(vf, 'udp6', 's')
    defer(choose, vf, 'udp6', 'sdfn')
    refused(f'ethtool -X {vf.name} xfrm symmetric-xor', ns=vf.ns)
    true(errno_of(set_xfrm, vf, 4) in (errno.EINVAL, errno.EOPNOTSUPP), 'another one')


def rule(vf, at, what):
    """`ethtool -N` at a location, removed at the end of the case"""
    sh(f'ethtool -N {vf.name} {what} loc {at}', ns=vf.ns)
    defer(sh, f'ethtool -N {vf.name} delete {at}', ns=vf.ns, check=False)


def rules():
    """ethtool -N: by addresses, ports and protocol, with masks, the first that fits decides"""
    to, vf = bench()
    sh(f'ethtool -X {vf.name} equal 1', ns=vf.ns)
    tcp = [Flow(TCP, *flow) for flow in FLOWS]
    udp6 = [Flow(UDP, *flow) for flow in FLOWS6]
    src, dst, sport, dport = FLOWS[3]
    eq(to.come(tcp), [0] * 6, 'no rules')
    for what in (f'src-ip {src}', f'dst-ip {dst}', f'src-port {sport}', f'dst-port {dport}',
                 f'src-ip {src} dst-ip {dst} src-port {sport} dst-port {dport}'):
        rule(vf, 5, f'flow-type tcp4 {what} action 1')
        eq(to.come(tcp), [int(i == 3) for i in range(6)], what)
        eq(to.come([Flow(UDP, *flow) for flow in FLOWS]), [0] * 6, f'UDP with {what}')
    # ethtool's masks have a bit for what does not count
    rule(vf, 5, 'flow-type tcp4 src-port 0 m 0xfffe action 1')
    eq(to.come(tcp), [int(not flow[2] % 2) for flow in FLOWS], 'even ports')
    eq(to.come(tcp, fragment=True), [0] * 6, 'fragments have no ports')
    rule(vf, 2, f'flow-type ip4 src-ip {src} action 1')
    eq(to.come(tcp, fragment=True), [int(i == 3) for i in range(6)], 'but addresses')
    sh(f'ethtool -N {vf.name} delete 5', ns=vf.ns)
    rule(vf, 2, 'flow-type ip4 l4proto 17 action 1')
    eq(to.come(tcp[:3] + [Flow(UDP, *flow) for flow in FLOWS[:3]]), [0] * 3 + [1] * 3,
       'by protocol')
    sh(f'ethtool -N {vf.name} delete 2', ns=vf.ns)
    rule(vf, 9, 'flow-type tcp4 src-port 1000 m 0x00ff action 1')
    eq(to.come(tcp), [int(flow[2] >> 8 == 1000 >> 8) for flow in FLOWS], 'with a mask')
    src, dst, sport, dport = FLOWS6[4]
    for what in (f'src-ip {src}', f'dst-ip {dst}', f'src-port {sport}', f'dst-port {dport}'):
        rule(vf, 5, f'flow-type udp6 {what} action 1')
        eq(to.come(udp6), [int(i == 4) for i in range(6)], what)
    lost = vf.pf.stats()['vfs_rx_drop_rule']
    rule(vf, 0, f'flow-type udp6 src-ip {src} action -1')
    eq(to.come(udp6, lost=[4]), [None if i == 4 else 0 for i in range(6)], 'dropped')
    wait_for(lambda: vf.pf.stats()['vfs_rx_drop_rule'] - lost == 1 << 4, 'counted')
    text = out(f'ethtool -n {vf.name}', ns=vf.ns)
    contains(text, 'Total 3 rules', 'shown')
    contains(text, 'Action: Drop', 'shown')
    sh(f'ip link set {vf.name} down; ip link set {vf.name} up', ns=vf.ns)
    sh(f'ethtool -K {vf.name} rx off; ethtool -K {vf.name} rx on', ns=vf.ns)
    wait_for(vf.carrier, 'carrier')
    eq(to.come(tcp), [int(flow[2] >> 8 == 1000 >> 8) for flow in FLOWS],
       'after down, up and another HELLO')
    refused(f'ethtool -L {vf.name} combined 1', ns=vf.ns)
    for what in ('ether src 02:00:00:00:00:01 action 1', 'tcp4 tos 4 action 1',
                 'tcp4 src-port 1 vlan 5 action 1', 'tcp4 src-port 1 action 2', 'ah4 action 1',
                 'ip4 l4data 7 action 1', 'tcp4 src-port 1 context 3'):
        refused(f'ethtool -N {vf.name} flow-type {what} loc 7', ns=vf.ns)
    refused(f'ethtool -N {vf.name} flow-type tcp4 action 1 loc 32', ns=vf.ns)
    refused(f'ethtool -N {vf.name} delete 7', ns=vf.ns)
    for at in set(range(32)) - {0, 5, 9}:
        rule(vf, at, f'flow-type tcp4 dst-port {at} action 0')
    refused(f'ethtool -N {vf.name} flow-type tcp4 dst-port 99 action 1', ns=vf.ns)
    sh(f'ethtool -K {vf.name} ntuple off', ns=vf.ns)
    defer(sh, f'ethtool -K {vf.name} ntuple on', ns=vf.ns)
    contains(out(f'ethtool -n {vf.name}', ns=vf.ns), 'Total 0 rules', 'ntuple off')
    eq(to.come(tcp), [0] * 6, 'no rules any more')
    refused(f'ethtool -N {vf.name} flow-type tcp4 src-port 1 action 1 loc 0', ns=vf.ns)


def contexts():
    """ethtool -X context: tables of their own, chosen by rules; kept; not removed while used"""
    to, vf = bench()
    sh(f'ethtool -X {vf.name} equal 1', ns=vf.ns)
    flows = [Flow(TCP, *flow[:3], 80) for flow in FLOWS]

    def new(what=''):
        text = out(f'ethtool -X {vf.name} context new {what}', ns=vf.ns)
        number = int(text.split()[-1])
        defer(sh, f'ethtool -X {vf.name} context {number} delete', ns=vf.ns, check=False)
        return number
    one, two = new('weight 0 1'), new()
    eq(to.come(flows), [0] * 6, 'contexts without rules')
    rule(vf, 1, f'flow-type tcp4 dst-port 80 context {one}')
    eq(to.come(flows), [1] * 6, 'the first one')
    shown = out(f'ethtool -n {vf.name}', ns=vf.ns)
    true(re.search(rf'RSS Context (ID: )?{one}\b', shown), f'shown: {shown}')
    rule(vf, 0, f'flow-type tcp4 dst-port 80 context {two}')
    eq(to.come(flows), due(flows), 'the second one, even at first')
    rule(vf, 0, 'flow-type tcp4 dst-port 80 context 0')
    eq(to.come(flows), [0] * 6, 'the usual table')
    rule(vf, 0, f'flow-type tcp4 dst-port 80 context {two}')
    sh(f'ethtool -X {vf.name} context {two} weight 1', ns=vf.ns)
    eq(to.come(flows), [0] * 6, 'changed')
    sh(f'ethtool -X {vf.name} context {two} equal 2', ns=vf.ns)
    sh(f'ip link set {vf.name} down', ns=vf.ns)
    three = new('weight 0 1')
    rule(vf, 2, f'flow-type udp4 context {three}')
    sh(f'ip link set {vf.name} up', ns=vf.ns)
    wait_for(vf.carrier, 'carrier')
    eq(to.come(flows), due(flows), 'after down and up')
    eq(to.come([Flow(UDP, *flow) for flow in FLOWS]), [1] * 6, 'made while down')
    refused(f'ethtool -X {vf.name} context {two} delete', ns=vf.ns)
    refused(f'ethtool -X {vf.name} context new hkey {":".join(["11"] * 40)}', ns=vf.ns)
    refused(f'ethtool -L {vf.name} combined 1', ns=vf.ns)
    for _ in range(12):
        new()
    refused(f'ethtool -X {vf.name} context new', ns=vf.ns)


run([fields, symmetric, rules, contexts])
