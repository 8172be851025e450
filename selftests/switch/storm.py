#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable newest debug quick
# proof: stable=broadcast,setting
# timeout: 120
"""What a VF may send to many is limited, and nothing else is."""
import sys
import time
sys.path.insert(0, sys.path[0] + '/../lib')
from devlink import Devlink
from ktap import between, eq, note, run, sleep, slow, wait_for
from vnic import frame, load, packet_socket, sh, shared

ALL = 'ff:ff:ff:ff:ff:ff'
GROUP = '01:00:5e:01:02:03'
UNKNOWN = '02:00:00:00:99:99'
STRAY = 5       # packets that others may send meanwhile, as IGMP


class Bench:
    """A PF that is up, an uplink, and two VFs of the host."""

    def __init__(self):
        sh('sysctl -qw net.ipv6.conf.default.disable_ipv6=1')
        self.pf = load(total_vfs=4)[0]
        self.dl = Devlink(self.pf)
        sh('ip link add stup type veth peer name stfar; ip link set stfar addrgenmode none up; '
           f'ip link set stup addrgenmode none up; ip link set stup master {self.pf.dev}; '
           f'ip link set {self.pf.dev} addrgenmode none up')
        self.vfs = self.pf.vfs(2)
        for vf in self.vfs:
            sh(f'ip link set {vf.dev} addrgenmode none')
            vf.up(ns=f'vf{vf.index}')
        wait_for(lambda: all(vf.carrier() for vf in self.vfs), 'carriers')
        self.sock = packet_socket(self.vfs[0].name, 'vf0')

    def counters(self):
        """VF 0's (sent, dropped because they are too many), VF 1's received, and the uplink's"""
        stats, vfs = self.pf.stats(), self.pf.vfinfo()
        return (vfs[0]['stats']['tx']['packets'], stats['vfs_tx_drop_storm'],
                vfs[1]['stats']['rx']['packets'],
                stats['uplink_rx_packets'] + stats['uplink_rx_drop_nobuf'])

    def sent(self, dst, count):
        """VF 0 sends so many: how many were too many, came to VF 1, and to the wire; seconds"""
        sleep(0.3)      # the bucket is full again
        data = frame(dst, self.vfs[0].mac, size=100)
        before, start = self.counters(), time.monotonic()
        for _ in range(count):
            self.sock.send(data)
        wait_for(lambda: self.counters()[0] - before[0] >= count, 'all is sent')
        sleep(0.2)
        delta = [new - old for new, old in zip(self.counters(), before)]
        between(delta[0], count, count + STRAY, 'sent')
        return *delta[1:], time.monotonic() - start

    def expect(self, dst, count, came, wire):
        """Nothing is too much, and so many come to VF 1 and to the wire."""
        got = self.sent(dst, count)
        eq(got[0], 0, f'dropped of those to {dst}')
        between(got[1], came, came + STRAY, f'to {dst}, come to VF 1')
        between(got[2], wire, wire + STRAY, f'to {dst}, come to the wire')

    def spread(self, dst, count, limit, burst):
        """The same to many, with this limit: what passes is with VF 1 and the wire."""
        dropped, came, wire, took = self.sent(dst, count)
        note(f'{dropped} of {count} dropped in {took:.2f} s, {came} came to VF 1')
        between(came, count - dropped, count - dropped + STRAY, 'came to VF 1')
        between(wire, count - dropped, count - dropped + STRAY, 'to the wire')
        between(came, burst, burst + limit * took + 1 + STRAY, 'passed')


def broadcast():
    """1000 packets to all a second: what is beyond comes nowhere, and is counted"""
    b = shared(Bench)
    eq([b.dl.param(f'vf{i}_storm_control') for i in (0, 1)], [1000, 1000], 'default')
    b.spread(ALL, 3000, 1000, 100)


def setting():
    """another limit, and none"""
    b = shared(Bench)
    b.dl.set_param('vf0_storm_control', 10)
    b.spread(ALL, 500, 10, 32)
    b.dl.set_param('vf0_storm_control', 0)
    b.expect(ALL, 2000, 2000, 2000)
    for value in (1, 9, 1000000001):
        said = b.dl.set_param('vf0_storm_control', value, fails=True)
        eq('0 (no limit) or 10 to 1000000000 packets a second' in said, True, said)
    eq(b.dl.param('vf0_storm_control'), 0, 'value')
    b.dl.set_param('vf0_storm_control', 1000)


def others():
    """one receiver is not many: an unknown address on the wire, a group without members"""
    b = shared(Bench)
    b.dl.set_param('vf0_storm_control', 10)
    b.expect(UNKNOWN, 500, 0, 500)
    b.expect(GROUP, 500, 0, 500)
    b.expect(b.vfs[1].mac, 500, 500, 0)


def many():
    """a group with a member, and an unknown address that somebody listens for, are"""
    b = shared(Bench)
    b.dl.set_param('vf0_storm_control', 200)
    sh(f'ip maddr add {GROUP} dev {b.vfs[1].name}', ns='vf1')
    sleep(0.5 * slow())
    b.spread(GROUP, 600, 200, 32)
    sh(f'ip maddr del {GROUP} dev {b.vfs[1].name}', ns='vf1')
    b.pf.link(1, 'trust on')
    sh(f'ip link set {b.vfs[1].name} promisc on', ns='vf1')
    sleep(0.5 * slow())
    b.spread(UNKNOWN, 600, 200, 32)
    sh(f'ip link set {b.vfs[1].name} promisc off', ns='vf1')
    b.pf.link(1, 'trust off')


def ports():
    """a batch of frames, each for more ports than a batch has room for if they are counted twice"""
    pf = load(total_vfs=32)[0]
    vfs = pf.vfs(24)
    dl = Devlink(pf)
    sh(''.join(f'ip link set {vf.dev} addrgenmode none up; ip maddr add {GROUP} dev {vf.dev}; '
               for vf in vfs))
    wait_for(lambda: all(vf.carrier() for vf in vfs), 'carriers')
    sleep(0.5 * slow())
    dl.set_param('vf0_storm_control', 10)
    data = frame(GROUP, vfs[0].mac, size=100)
    sock = packet_socket(vfs[0].dev)
    before = pf.vfinfo()
    for _ in range(2000):
        sock.send(data)
    sleep(0.5)
    got = [new['stats']['rx']['packets'] - old['stats']['rx']['packets']
           for new, old in zip(pf.vfinfo(), before)]
    note(f'of 2000 came {got}')
    between(min(got[1:]), 32, 32 + STRAY + 50, 'passed')
    between(max(got[1:]), min(got[1:]), min(got[1:]) + STRAY, 'the same to each')


run([broadcast, setting, others, many, ports])
