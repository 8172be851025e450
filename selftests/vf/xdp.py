#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable debug newest=reflect,redirect,mtu,frags,frags_reflect,frags_redirect quick=reflect,redirect,under_traffic
# proof: stable=drop,reflect
"""XDP programs on VFs: each verdict, the limits, attaching under traffic."""
import json
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
import bpf
from ktap import contains, defer, eq, run, sleep, slow, true, wait_for
from vnic import (Background, frame, iperf, iperf_mbps, load, one_cpu, out, packet_socket,
                  pair, ping, receive, refused, sh)


def attach(vf, name, code, frags=False):
    """Attach a program to a VF for the rest of the case."""
    path = bpf.pin(name, code, frags)
    sh(f'ip link set dev {vf.name} xdpdrv pinned {path}', ns=vf.ns)
    defer(detach, vf)
    wait_for(vf.carrier, f'carrier of {vf.name}')
    return path


def detach(vf):
    """Take it away."""
    sh(f'ip link set dev {vf.name} xdpdrv off', ns=vf.ns)
    wait_for(vf.carrier, f'carrier of {vf.name}')


def count(vf, name):
    """A counter of ethtool -S over all queues."""
    return sum(v for k, v in vf.stats().items() if k.endswith('_' + name))


def between(src, dst):
    """A function that makes frames from one netdev to another."""
    src, dst = src.mac, dst.mac
    return lambda size=60: frame(dst, src, size=size)


def exchange(here, there, sizes, sent, wanted):
    """Send frames of these sizes, some at a time; they arrive as wanted, in order."""
    one_cpu()
    for i in range(0, len(sizes), 40):
        some = sizes[i:i + 40]
        for size in some:
            here.send(sent(size))
        got = receive(there, count=len(some))
        eq([len(data) for data, _ in got], some, 'lengths in order')
        for (data, _), size in zip(got, some):
            true(data == wanted(size), f'frame of {size} bytes')


def pass_on():
    """pass: ping and TCP go on, also from a sender that segments nothing itself"""
    _, vfs = pair()
    attach(vfs[0], 'pass', bpf.finish(bpf.PASS))
    link = json.loads(out(f'ip -j link show dev {vfs[0].name}', ns='vf0'))[0]
    eq(link['xdp']['mode'], 1, 'native mode')
    features = out(f'ethtool -k {vfs[0].name}', ns='vf0')
    contains(features, 'rx-checksumming: off [requested on]', 'what a program may rely on')
    for size in (18, 500, 1472):
        ping('vf0', '10.9.0.2', size=size)
    for args in ('', '-R'):
        true(iperf_mbps(iperf('vf1', 'vf0', '10.9.0.2', args, seconds=1)) > 1, f'TCP {args}')
    true(count(vfs[0], 'xdp_pass') > 100, 'counted')
    detach(vfs[0])
    contains(out(f'ethtool -k {vfs[0].name}', ns='vf0'), 'rx-checksumming: on', 'afterwards')
    ping('vf0', '10.9.0.2')


def drop():
    """drop: test frames stay away and are counted, others pass"""
    _, vfs = pair()
    attach(vfs[1], 'drop', bpf.test_frames_only(bpf.finish(bpf.DROP)))
    here, there = packet_socket(vfs[0].name, 'vf0'), packet_socket(vfs[1].name, 'vf1')
    before = count(vfs[1], 'xdp_drop')
    data = between(*vfs)(300)
    for total in range(100, 800, 100):        # more than the ring has buffers
        for _ in range(100):
            here.send(data)
        wait_for(lambda n=total: count(vfs[1], 'xdp_drop') - before == n, f'{total} counted')
    eq(receive(there), [], 'frames that arrive')
    ping('vf0', '10.9.0.2')


def aborted():
    """a program that aborts, or answers nonsense: dropped, counted, traced"""
    _, vfs = pair()
    trace = '/sys/kernel/tracing'
    sh(f'mountpoint -q {trace} || mount -t tracefs nodev {trace}')
    sh(f'echo > {trace}/trace; echo 1 > {trace}/events/xdp/xdp_exception/enable')
    defer(sh, f'echo 0 > {trace}/events/xdp/xdp_exception/enable')
    attach(vfs[1], 'abort', bpf.test_frames_only(bpf.finish(bpf.ABORTED)))
    here = packet_socket(vfs[0].name, 'vf0')
    here.send(frame(vfs[1].mac, vfs[0].mac))
    wait_for(lambda: count(vfs[1], 'xdp_aborted') == 1, 'counted')
    contains(out(f'cat {trace}/trace'), 'action=ABORTED', 'trace')
    sh(f'ip link set dev {vfs[1].name} xdpdrv off', ns='vf1')
    attach(vfs[1], 'nonsense', bpf.test_frames_only(bpf.finish(77)))
    here.send(frame(vfs[1].mac, vfs[0].mac))
    wait_for(lambda: count(vfs[1], 'xdp_aborted') == 2, 'counted')


def reflect():
    """tx: frames of all sizes come back byte for byte, through 200 bytes of headroom"""
    _, vfs = pair()
    attach(vfs[1], 'tx', bpf.test_frames_only(
        bpf.swap_macs() + bpf.adjust_head(-200) + bpf.adjust_head(200) + bpf.finish(bpf.TX)))
    here = packet_socket(vfs[0].name, 'vf0')
    sizes = list(range(60, 1515, 19)) + [1514]
    exchange(here, here, sizes, between(*vfs), between(vfs[1], vfs[0]))
    true(count(vfs[1], 'xdp_tx') >= len(sizes), 'counted by the receive queue')
    true(count(vfs[1], 'xdp_frames') >= len(sizes), 'counted by the transmit queue')
    ping('vf0', '10.9.0.2')


def forwarding(sizes, mtu=1500, frags=False):
    """Frames of these sizes from one VF out of another, to a third."""
    pf = load(total_vfs=4)[0]
    vfs = pf.vfs(4)
    vfs[0].up(ns='a', mtu=mtu)
    vfs[1].up(ns='mid', mtu=mtu)
    vfs[2].name, vfs[2].ns = vfs[2].dev, 'mid'
    sh(f'ip link set {vfs[2].name} netns mid')
    sh(f'ip link set {vfs[2].name} mtu {mtu} up', ns='mid')
    vfs[3].up(ns='b', mtu=mtu)
    wait_for(vfs[2].carrier, 'carrier')
    attach(vfs[1], 'redirect', bpf.test_frames_only(
        bpf.set_macs(vfs[3].mac, vfs[2].mac) + bpf.redirect(vfs[2].link()['ifindex'])), frags)
    here, there = packet_socket(vfs[0].name, 'a'), packet_socket(vfs[3].name, 'b')
    first = between(vfs[0], vfs[1])
    exchange(here, there, sizes, first, between(vfs[2], vfs[3]))
    eq(count(vfs[1], 'xdp_redirect'), len(sizes), 'redirected')
    eq(count(vfs[2], 'xdp_frames'), len(sizes), 'sent')
    sh(f'ip link set {vfs[2].name} down', ns='mid')
    here.send(first())
    eq(receive(there), [], 'nothing through a netdev that is down')


def redirect():
    """redirect: from one VF out of another, to a third"""
    forwarding([60, 256, 257, 1000, 1514] * 20)


def frags_redirect():
    """redirect: frames of several buffers, too"""
    forwarding([60, 1514, 3500, 3521, 5000, 9014] * 10, 9000, True)


JUMBO = [60, 256, 257, 1514, 3520, 3521, 3534, 5000, 7040, 7041, 9000, 9014]


def frags():
    """a program that knows of several buffers takes any MTU: pass, drop, shorter, exchanged"""
    _, vfs = pair(mtu=9000)
    attach(vfs[1], 'frags', bpf.test_frames_only(bpf.finish(bpf.DROP)), True)
    for size in (18, 3492, 3493, 8972):
        ping('vf0', '10.9.0.2', size=size, extra='-M do', count=1)
    true(iperf_mbps(iperf('vf1', 'vf0', '10.9.0.2', seconds=1)) > 1, 'TCP')
    here, there = packet_socket(vfs[0].name, 'vf0'), packet_socket(vfs[1].name, 'vf1')
    one_cpu()
    made, before = between(*vfs), count(vfs[1], 'xdp_drop')
    for _ in range(24):                     # more than the ring has buffers
        for size in JUMBO:
            here.send(made(size))
    wait_for(lambda: count(vfs[1], 'xdp_drop') - before == 24 * len(JUMBO), 'all counted')
    eq(receive(there), [], 'frames that arrive')
    one = bpf.pin('one', bpf.finish(bpf.PASS))
    contains(refused(f'ip -force link set dev {vfs[1].name} xdpdrv pinned {one}', ns='vf1'),
             'MTU 3498 at most', 'another that does not')
    for cut, size in ((1, 9014), (1974, 9014), (1975, 9014), (5000, 9014), (60, 3530), (8900, 9014)):
        path = bpf.pin(f'cut{cut}', bpf.test_frames_only(bpf.adjust_tail(-cut) + bpf.finish(bpf.PASS)),
                       True)
        sh(f'ip -force link set dev {vfs[1].name} xdpdrv pinned {path}', ns='vf1')
        for _ in range(20):
            here.send(made(size))
        got = [data for data, _ in receive(there, count=20)]
        true(got == [made(size)[:-cut]] * 20, f'{size} bytes less {cut}')
    sh(f'ip link set {vfs[1].name} mtu 3498', ns='vf1')
    sh(f'ip -force link set dev {vfs[1].name} xdpdrv pinned {one}', ns='vf1')
    refused(f'ip link set {vfs[1].name} mtu 3499', ns='vf1')
    ping('vf0', '10.9.0.2', size=3400)


def frags_reflect():
    """tx: frames of several buffers come back byte for byte"""
    _, vfs = pair(mtu=9000)
    attach(vfs[1], 'tx', bpf.test_frames_only(
        bpf.swap_macs() + bpf.adjust_head(-200) + bpf.adjust_head(200) + bpf.finish(bpf.TX)), True)
    here = packet_socket(vfs[0].name, 'vf0')
    for _ in range(8):                      # more than the rings have places
        exchange(here, here, JUMBO, between(*vfs), between(vfs[1], vfs[0]))
    ping('vf0', '10.9.0.2', size=8972)


def mtu():
    """the MTU limit: refused with the reason, before and after attaching"""
    _, vfs = pair(mtu=9000)
    path = bpf.pin('big', bpf.finish(bpf.PASS))
    said = refused(f'ip link set dev {vfs[0].name} xdpdrv pinned {path}', ns='vf0')
    contains(said, 'MTU 3498 at most', 'what is accepted')
    for vf in vfs:
        sh(f'ip link set {vf.name} mtu 3498', ns=vf.ns)
    sh(f'ip link set dev {vfs[0].name} xdpdrv pinned {path}', ns='vf0')
    defer(detach, vfs[0])
    refused(f'ip link set {vfs[0].name} mtu 3499', ns='vf0')
    wait_for(vfs[0].carrier, 'carrier')
    for size in (100, 2000, 3470):
        ping('vf0', '10.9.0.2', size=size, extra='-M do')
    detach(vfs[0])
    sh(f'ip link set {vfs[0].name} mtu 9000', ns='vf0')


def life():
    """a program stays through a reset, a down and up, and -L; ends with the netdev"""
    _, vfs = pair()
    attach(vfs[1], 'stay', bpf.test_frames_only(bpf.finish(bpf.DROP)))
    here = packet_socket(vfs[0].name, 'vf0')
    for what in (lambda: vfs[1].set('reset', 1),
                 lambda: sh(f'ethtool -L {vfs[1].name} combined 1', ns='vf1'),
                 lambda: sh(f'ip link set {vfs[1].name} down', ns='vf1')):
        what()
        sh(f'ip link set {vfs[1].name} up; ip addr replace 10.9.0.2/24 dev {vfs[1].name}',
           ns='vf1')
        wait_for(lambda: ping('vf0', '10.9.0.2', count=1, check=False), 'ping')
        before = count(vfs[1], 'xdp_drop')
        here.send(frame(vfs[1].mac, vfs[0].mac))
        wait_for(lambda b=before: count(vfs[1], 'xdp_drop') == b + 1, 'dropped')


def under_traffic():
    """attached, replaced and detached under TCP and a flood"""
    _, vfs = pair()
    Background('iperf3 -s', ns='vf1')
    wait_for(lambda: ':5201' in out('ss -Hltn', ns='vf1'), 'iperf3 server')
    Background(f'iperf3 -c 10.9.0.2 -t {int(30 * slow())}', ns='vf0')
    Background('ping -q -f 10.9.0.1', ns='vf1')
    progs = [bpf.pin('one', bpf.finish(bpf.PASS)),
             bpf.pin('two', bpf.test_frames_only(bpf.swap_macs() + bpf.finish(bpf.TX)))]
    for _ in range(2):
        for vf in vfs:
            sh(f'ip link set dev {vf.name} xdpdrv pinned {progs[0]}', ns=vf.ns)
            sleep(0.3)
            sh(f'ip -force link set dev {vf.name} xdpdrv pinned {progs[1]}', ns=vf.ns)
            sh(f'ip link set dev {vf.name} xdpdrv off', ns=vf.ns)
    wait_for(lambda: ping('vf0', '10.9.0.2', count=1, check=False), 'ping', seconds=20)


run([pass_on, drop, aborted, reflect, mtu, frags, frags_reflect, life, under_traffic, redirect,
     frags_redirect])
