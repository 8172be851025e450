#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable debug
"""TCP to a VF with offloads off at either end: a table of what may meet.

Two values of different columns meet in one row at least, so each pair of
settings is tried, not each combination; and each sender that segments nothing
itself meets all that may be off at the VF.
"""
import itertools
import socket
import sys
import time
sys.path.insert(0, sys.path[0] + '/../lib')
import bpf
from ktap import eq, note, run, timely, wait_for
from vnic import inside, ping, sh, shared
from wire import carried, make_wired

SIZE = 2000000
# Who sends, what is off there; what is off at the VF, its ring, MTU, IP version, VLAN
TABLE = '''
PF     -      rx          64     1500   6    5
PF     tso    rx gro      4096   9000   6    -
PF     -      XDP         512    1500   4    -
PF     tso    rx-gro-hw   64     1500   4    5
PF     tx     -           4096   1500   6    5
PF     tso    gro         512    1500   6    5
PF     -      rx gro      512    1500   4    5
PF     -      rx-gro-hw   64     1500   4    5
PF     -      gro         64     1500   6    -
PF     -      -           64     1500   4    -
wire   -      gro         4096   1500   4    -
wire   tso    -           512    9000   4    5
wire   tx     XDP         4096   1500   6    5
wire   -      rx gro      64     1500   4    5
wire   -      rx-gro-hw   4096   1500   6    -
wire   tx     rx          512    9000   4    -
wire   -      rx          64     1500   6    5
wire   -      XDP         512    1500   4    5
wire   -      -           64     1500   4    -
VF     tx     rx-gro-hw   512    9000   6    -
VF     tx     rx gro      64     1500   4    5
VF     -      -           64     9000   6    -
VF     tso    rx          4096   9000   4    -
VF     tx     gro         64     9000   6    5
VF     -      XDP         64     1500   6    5
VF     tso    XDP         4096   1500   6    5
VF     -      rx-gro-hw   512    1500   6    -
VF     -      gro         4096   1500   6    -
VF     -      rx gro      512    1500   6    -
VF     -      rx          64     1500   6    -
VF     -      -           4096   1500   6    -
'''
ROWS = [line.split() for line in TABLE.replace('rx gro ', 'rx+gro ').strip().splitlines()]
VALUES = (('PF', 'wire', 'VF'), ('-', 'tso', 'tx'),
          ('-', 'rx', 'rx-gro-hw', 'gro', 'rx+gro', 'XDP'), ('512', '64', '4096'),
          ('1500', '9000'), ('4', '6'), ('-', '5'))
INDEX = {'PF': 100, 'wire': 200, 'VF': 2}


class Bench:
    """A VF that receives; PF, wire and another VF that send to it. All with every address."""

    def __init__(self):
        pf, (self.vf, other) = make_wired(9000)
        self.ends = {'PF': (None, pf.dev), 'wire': ('wire', 'ethfar'), 'VF': ('vf1', other.name)}
        self.xdp = bpf.pin('pass', bpf.finish(bpf.PASS))
        for ns, dev, index in [(self.vf.ns, self.vf.name, 1)] + [
                (*self.ends[name], INDEX[name]) for name in INDEX]:
            sh(f'ip link add link {dev} name v5 type vlan id 5; ip link set v5 up; '
               f'ip addr add 10.5.0.{index}/24 dev v5', ns=ns)
            for each, net in ((dev, 'fd09'), ('v5', 'fd05')):
                sh(f'sysctl -qw net.ipv6.conf.{each}.disable_ipv6=0; '
                   f'ip addr add {net}::{index}/64 dev {each} nodad', ns=ns)
        self.usual = {}

    def apply(self, row, on):
        """Set a row's settings, or undo them."""
        sender, sends, rx, ring, mtu, _, _ = row
        ns, dev = self.ends[sender]
        if sends != '-':
            sh(f'ethtool -K {dev} {sends} {"off" if on else "on"}', ns=ns)
        name, here = self.vf.name, []
        if on:
            here += [f'ip link set {name} mtu {mtu}; ip link set v5 mtu {mtu}',
                     f'ethtool -G {name} rx {ring}']
        if rx == 'XDP':
            here.append(f'ip link set dev {name} xdpdrv ' + (f'pinned {self.xdp}' if on else 'off'))
        elif rx != '-':
            here += [f'ethtool -K {name} {feature} {"off" if on else "on"}'
                     for feature in rx.split('+')]
        sh(' && '.join(here) or 'true', ns=self.vf.ns)

    def send(self, row):
        """Mb/s of a stream, and how many segments were sent again."""
        ns = self.ends[row[0]][0]
        vlan = row[6] != '-'
        family, address = (socket.AF_INET, '10.5.0.1' if vlan else '10.9.0.1') \
            if row[5] == '4' else (socket.AF_INET6, 'fd05::1' if vlan else 'fd09::1')
        wait_for(lambda: ping(ns, address, count=1, check=False), f'{row}: ping')
        before, start = again(ns), time.monotonic()
        eq(carried(ns, (family, socket.SOCK_STREAM), (address, 7010), SIZE), SIZE, f'{row}: bytes')
        return 8e-6 * SIZE / (time.monotonic() - start), again(ns) - before


def again(ns):
    """TCP segments sent again, of a namespace."""
    with inside(ns), open('/proc/thread-self/net/snmp', encoding='ascii') as file:
        names, values = [line.split() for line in file if line.startswith('Tcp:')]
    return int(values[names.index('RetransSegs')])


def whole():
    """each setting meets each setting of the others in the table"""
    for (i, one), (j, two) in itertools.combinations(enumerate(VALUES), 2):
        missing = set(itertools.product(one, two)) - {(row[i], row[j]) for row in ROWS}
        eq(missing - {('XDP', '9000')}, set(), 'missing')
    whole_frames = {(row[0], row[2]) for row in ROWS if row[1] == '-' and row[4] == '1500'}
    eq(set(itertools.product(VALUES[0], VALUES[2])) - whole_frames, set(), 'missing with TSO')


def rows_of(sender):
    """The rows of one sender: nothing is lost, and none is slower by an order of magnitude."""
    b = shared(Bench)
    plain = [sender, '-', '-', '512', '1500', '4', '-']
    b.apply(plain, True)
    usual, _ = b.send(plain)
    for row in (row for row in ROWS if row[0] == sender):
        b.apply(row, True)
        try:
            rate, twice = b.send(row)
        finally:
            b.apply(row, False)
        note(f'{" ".join(row)}: {rate:.0f} of {usual:.0f} Mb/s, {twice} segments again')
        timely(rate > usual / 40, f'{row}: slow')
        timely(twice <= 60, f'{row}: much is sent again')


def from_pf():
    """from the PF"""
    rows_of('PF')


def from_wire():
    """from the wire"""
    rows_of('wire')


def from_vf():
    """from another VF"""
    rows_of('VF')


run([whole, from_pf, from_wire, from_vf])
