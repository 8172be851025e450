#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable debug newest quick=threads,bursts
# proof: stable=bursts,idle
"""Workers of VFs on the host: a thread per queue pair, no lost wakeup, order."""
import random
import struct
import sys
import time
sys.path.insert(0, sys.path[0] + '/../lib')
from ktap import defer, eq, note, run, sleep, true, wait_for
from vnic import (VF_DRIVER, Background, frame, fresh, make_pair, one_cpu, out,
                  packet_socket, pair, ping, receive, sh, write)


def names(vf, qps):
    """Names of the threads a VF with so many queue pairs has."""
    domain = vf.bdf.split(':')[0].lstrip('0')
    return {f'vnic-{domain}-vf{vf.index}'} | \
        {f'vn-{domain}-v{vf.index}q{qp}' for qp in range(1, qps)}


def running(vf):
    """Names of the threads a VF has."""
    all_names = set(out('ps -eo comm=').split())
    return all_names & names(vf, 16)


def threads():
    """each queue pair has a thread of its own, none without a driver"""
    fresh()
    _, (vf, other) = make_pair()
    eq(running(vf), names(vf, 2), 'threads of two queue pairs')
    ping(vf.ns, '10.9.0.2')
    write(VF_DRIVER + '/unbind', vf.bdf)
    wait_for(lambda: not running(vf), 'no thread without a driver')
    true(running(other), 'threads of the other VF')


def numbered(dst, src, number):
    """A frame that says which one it is."""
    data = bytearray(frame(dst, src))
    data[20:24] = struct.pack('!I', number)
    return bytes(data)


def bursts():
    """every frame of small bursts with pauses arrives, and in order"""
    _, (a, b) = pair()
    one_cpu()
    dst, src = b.mac, a.mac
    send = packet_socket(a.name, ns=a.ns)
    take = packet_socket(b.name, ns=b.ns)
    rnd = random.Random(1)
    sent = 0
    got = []
    for _ in range(60):
        count = rnd.choice((1, 1, 2, 3, 8, 30))
        for _ in range(count):
            send.send(numbered(dst, src, sent))
            sent += 1
        got += receive(take, count=count)
        eq(len(got), sent, 'frames that have arrived')
        time.sleep(rnd.choice((0, 0.00002, 0.0001, 0.001, 0.01)))
    eq([struct.unpack('!I', data[20:24])[0] for data, _ in got], list(range(sent)), 'order')
    note(f'{sent} frames')


def idle():
    """a VF with nothing to do wakes no thread"""
    pf, (vf, other) = pair()
    for one in (vf, other):
        sh(f'ip link set {one.name} arp off; '
           f'sysctl -qw net.ipv6.conf.{one.name}.disable_ipv6=1', ns=one.ns)
        defer(sh, f'ip link set {one.name} arp on', ns=one.ns)
    def wakeups():
        stats = pf.stats()
        return [stats[f'vf{index}_wakeups'] for index in range(2)]

    def at_rest():
        first = wakeups()
        sleep(1)
        return wakeups() == first
    wait_for(at_rest, 'what has begun before ends', seconds=60)
    before = pf.stats()
    sleep(3)
    after = pf.stats()
    for index in range(2):
        eq(after[f'vf{index}_wakeups'], before[f'vf{index}_wakeups'], f'wakeups of VF {index}')


def flood():
    """a flood is the worker's, woken by doorbells only"""
    pf, _ = pair()
    before = pf.stats()
    Background('iperf3 -s', ns='vf1')
    wait_for(lambda: ':5201' in out('ss -Hltn', ns='vf1'), 'iperf3 server')
    sh('iperf3 -c 10.9.0.2 -u -b 0 -l 64 -t 3', ns='vf0', timeout=60, check=False)
    after = pf.stats()
    got = {name: after[f'vf0_{name}'] - before[f'vf0_{name}']
           for name in ('tx_packets', 'kicks', 'kicks_here', 'wakeups')}
    note(str(got))
    eq(got['kicks_here'], 0, 'turns taken by xmit')
    true(got['tx_packets'] > 100, 'packets')
    true(got['wakeups'] <= got['kicks'] + 20, 'no wakeup without a doorbell')


run([bursts, idle, flood, threads])
