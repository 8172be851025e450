#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: debug quick=vf_filter,trust
# allocations: fail
# timeout: 300
"""Allocations of what is done later, by the kernel's workers: nobody is there to be told.

So what lacked memory must be done again by the driver's own doing, within seconds.
"""
import os
import socket
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
from ktap import defer, eq, note, run, true, wait_for
import faults
from faults import DEBUGFS, PAGES, SLAB, each, setup
from qstats import queue_stats
from vnic import (frame, inside, load, packet_socket, pair, ping, receive, sh, shared,
                  write)

GIVEN, OWN = '02:00:00:00:50:01', '02:00:00:00:50:02'


def make():
    """A PF and a VF, both up, where nobody else says anything"""
    sh('sysctl -qw net.ipv6.conf.default.disable_ipv6=1')
    pf = load(total_vfs=4)[0]
    vf = pf.vfs(1)[0]
    sh(f'ip link set {pf.dev} up; ip link set {vf.dev} up')
    wait_for(vf.carrier, 'carrier')
    return pf, vf


def heard(group, there, here, mac):
    """Does a frame to a group arrive?"""
    here.send(frame(group, mac))
    return bool(receive(there, seconds=0.2, count=1))


def joins(module, sender, receiver):
    """A netdev joins a group, and hears it: how many allocations made it wait"""
    here, there = packet_socket(sender.dev), packet_socket(receiver.dev)
    mac = sh(f'cat /sys/class/net/{sender.dev}/address').stdout.strip()
    setup(SLAB, PAGES, near=14, module=module)
    group = '03:00:00:00:50:01'
    true(not heard(group, there, here, mac), 'a group that was not joined is not heard')
    hits = 0

    def attempt(nth):
        nonlocal hits
        nth.later(lambda: (faults.join(receiver.dev, group), receive(there, seconds=0.2)))
        wait_for(lambda: heard(group, there, here, mac), f'{nth.nth} failed: the group is heard')
        hits += not nth.left
        return nth

    def leave():
        faults.join(receiver.dev, group, False)
        wait_for(lambda: not heard(group, there, here, mac), 'it is left')
    each(f'join, {module}', attempt, leave, again=False)
    return hits


def vf_filter():
    """a VF's netdev joins a group: its driver lacks memory for the message, or the device"""
    pf, vf = shared(make)
    true(joins('vnic-vf', pf, vf), 'the driver needs no memory')
    true(joins('vnic-pf', pf, vf), 'the device needs no memory')


def pf_filter():
    """the PF's netdev does"""
    pf, vf = shared(make)
    true(joins('vnic-pf', vf, pf), 'the switch needs no memory')


def trust():
    """trust comes back, and with it the address that the VF's user had set"""
    pf, vf = shared(make)
    pf.link(0, f'mac {GIVEN}')
    pf.link(0, 'trust on')
    wait_for(lambda: vf.mac == GIVEN, 'the given address')
    sh(f'ip link set {vf.dev} address {OWN}')
    pf.link(0, 'trust off')
    wait_for(lambda: vf.mac == GIVEN, 'the given address again')
    setup(SLAB, PAGES, near=14, module='vnic-pf')
    hits = 0

    def attempt(nth):
        nonlocal hits
        nth.run(f'ip link set {pf.dev} vf 0 trust on')
        true(not nth.said, nth.said)
        wait_for(lambda: vf.mac == OWN, f'{nth.nth} failed: the own address')
        hits += not nth.left
        return nth

    def off():
        pf.link(0, 'trust off')
        wait_for(lambda: vf.mac == GIVEN, 'the given address')
    each('trust on', attempt, off, again=False)
    pf.link(0, 'mac 00:00:00:00:00:00')
    true(hits, 'trust needs no memory')


def reset():
    """the VF is reset: the address that its user had set is told again"""
    _, vf = shared(make)
    sh(f'ip link set {vf.dev} address {OWN}')
    setup(SLAB, PAGES, near=14, module='vnic-pf')
    hits = 0

    def attempt(nth):
        nonlocal hits
        nth.later(vf.set, 'reset', 1)
        wait_for(lambda: vf.mac == OWN and vf.carrier(), f'{nth.nth} failed: the own address')
        hits += not nth.left
        if not nth.left:
            note(f'reset, {nth.nth} failed')
        return nth
    each('reset', attempt, again=False)
    true(hits, 'a reset needs no memory')


def rx_buffers():
    """no page for received frames for a while: counted, also as the queue's, and it goes on"""
    _, vfs = pair()
    setup(PAGES, near=14, module='vnic-vf')
    for name, value, after in (('task-filter', 'Y', 'N'), ('times', -1, 1), ('probability', 100, 0)):
        write(f'{DEBUGFS}/{PAGES}/{name}', value)
        defer(write, f'{DEBUGFS}/{PAGES}/{name}', after)
    sh(f'ethtool -L {vfs[1].name} combined 1', ns='vf1')
    wait_for(vfs[1].carrier, 'carrier')
    sh(f'echo 1 >/sys/class/net/{vfs[1].name}/threaded', ns='vf1')
    polls = [pid for pid in os.listdir('/proc') if pid.isdigit() and
             faults.comm(pid).startswith(f'napi/{vfs[1].name}'[:15])]
    eq(len(polls), 1, 'threads that poll')
    with inside('vf1'):         # nobody reads: the pages are not given back
        socks = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(16)]
    for i, sock in enumerate(socks):
        sock.bind(('10.9.0.2', 7000 + i))
    write(f'/proc/{polls[0]}/make-it-fail', 1)
    with inside('vf0'), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        wait_for(lambda: [sender.sendto(bytes(1400), ('10.9.0.2', 7000 + i)) for i in range(16)] and
                 queue_stats(vfs[1].name, 'vf1')[1]['rx', 0]['rx_alloc_fail'] > 0,
                 'rx-alloc-fail of the queue', step=0)
    write(f'/proc/{polls[0]}/make-it-fail', 0)
    total, queues = queue_stats(vfs[1].name, 'vf1')
    eq(total['rx_alloc_fail'], queues['rx', 0]['rx_alloc_fail'], 'of the netdev')
    eq(vfs[1].stats()['rx0_alloc_fail'], total['rx_alloc_fail'], 'ethtool -S')
    for sock in socks:
        sock.close()
    for _ in range(3):
        wait_for(lambda: ping('vf0', '10.9.0.2', size=1400, count=1, check=False), 'ping')


run([vf_filter, pf_filter, trust, reset, rx_buffers])
