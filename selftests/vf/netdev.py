#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable debug newest=mtu,sizes,vlan,threaded,never_up quick=multicast,updown,threaded,never_up
# proof: stable=never_up,ethtool,mtu,sizes,vlan,offloads newest=mtu,vlan
"""The VF's netdev as a user sees it: ethtool, MTU, filters, namespaces."""
import json
import os
import re
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
from ktap import contains, defer, eq, run, true, wait_for
from qstats import DEVICE, FIELDS, queue_stats
from vnic import (Background, frame, load, log_mark, log_since, one_cpu, out, packet_socket, pair,
                  ping, read, receive, refused, sh)


def ethtool():
    """ethtool -i -l -g -k -S -c answer, and -L -G take what is in range"""
    _, vfs = pair()
    name, ns = vfs[0].name, 'vf0'
    text = out(f'ethtool -i {name}', ns=ns)
    contains(text, 'driver: vnic-vf', '-i')
    contains(text, f'bus-info: {vfs[0].bdf}', '-i')
    contains(out(f'ethtool -l {name}', ns=ns), 'Combined:\t', '-l')
    contains(out(f'ethtool -g {name}', ns=ns), 'RX:', '-g')
    text = out(f'ethtool -k {name}', ns=ns)
    for feature in ('rx-checksumming: on', 'tx-checksumming: on',
                    'tcp-segmentation-offload: on', 'scatter-gather: on'):
        contains(text, feature, '-k')
    contains(out(f'ethtool -c {name}', ns=ns), 'rx-usecs:', '-c')
    true(vfs[0].stats(), '-S')
    sh(f'ethtool -L {name} combined 1', ns=ns)
    contains(out(f'ethtool -l {name}', ns=ns).split('Current')[1], 'Combined:\t1', '-L')
    refused(f'ethtool -L {name} combined 99', ns=ns)
    sh(f'ethtool -G {name} rx 128 tx 256', ns=ns)
    text = out(f'ethtool -g {name}', ns=ns).split('Current')[1]
    contains(text, '128', '-G rx')
    contains(text, '256', '-G tx')
    refused(f'ethtool -G {name} rx 1000000', ns=ns)
    wait_for(lambda: ping('vf0', '10.9.0.2', count=1, check=False), 'ping')


def mtu():
    """MTU 68 to 9000; others are refused; frames of every size pass at 9000"""
    _, vfs = pair()
    for vf in vfs:
        for bad in (67, 9001):
            refused(f'ip link set {vf.name} mtu {bad}', ns=vf.ns)
        sh(f'ip link set {vf.name} mtu 68', ns=vf.ns)
        sh(f'ip link set {vf.name} mtu 9000', ns=vf.ns)
        sh(f'ip addr replace 10.9.0.{vf.index + 1}/24 dev {vf.name}', ns=vf.ns)
    for size in (0, 18, 100, 228, 1000, 1472, 1473, 2000, 4068, 4096, 8000, 8972):
        ping('vf0', '10.9.0.2', size=size, count=1, extra='-M do')


def sizes():
    """frames of 60 to 9014 bytes arrive byte for byte, none is reordered"""
    _, vfs = pair(mtu=9000)
    one_cpu()
    here, there = packet_socket(vfs[0].name, 'vf0'), packet_socket(vfs[1].name, 'vf1')
    sizes_ = list(range(60, 320, 7)) + [1513, 1514, 1515, 2047, 2048, 2049, 4095, 4096, 4097,
                                        8191, 8192, 8193, 9013, 9014]
    largest = frame(vfs[1].mac, vfs[0].mac, size=9014)
    for size in sizes_:
        here.send(largest[:size])
    got = receive(there, count=len(sizes_))
    eq([len(f) for f, _ in got], sizes_, 'lengths in order')
    for (data, _), size in zip(got, sizes_):
        true(data == largest[:size], f'frame of {size} bytes is what was sent')


def never_up():
    """a VF that never was up has as many queues as it will have: nobody counts more, and all are
    in the table that spreads what is received"""
    name = load(total_vfs=4)[0].vfs(1)[0].dev
    count = int(re.findall(r'^Combined:\s+(\d+)', out(f'ethtool -l {name}'), re.M)[-1])
    eq(set(queue_stats(name)[0].values()), {0}, 'counts')
    eq(sorted(os.listdir(f'/sys/class/net/{name}/queues')),
       [f'{way}-{i}' for way in ('rx', 'tx') for i in range(count)], 'queues')
    rows = re.findall(r'^ +\d+: +(.*)$', out(f'ethtool -x {name}'), re.M)
    eq({int(ring) for row in rows for ring in row.split()}, set(range(count)), 'rings in the table')


def per_queue():
    """statistics of queues by netlink agree with the totals, also of queues that are gone"""
    _, vfs = pair()
    sh(f'ethtool -L {vfs[0].name} combined 2', ns='vf0', check=False)   # it may be so already
    for cpu in (0, 1):      # each sends by a queue of its own
        sh(f'taskset -c {cpu} ping -c 5 -i 0.1 10.9.0.2', ns='vf0')

    def stats():
        link = json.loads(out(f'ip -j -s link show dev {vfs[0].name}', ns='vf0'))[0]['stats64']
        total, queues = queue_stats(vfs[0].name, 'vf0')
        return {f'{way}_{what}': link[way][what] for way in ('rx', 'tx')
                for what in ('packets', 'bytes')}, total, queues

    sh(f'ip addr flush dev {vfs[1].name}', ns='vf1')      # nobody says anything any more

    def still():
        """What two looks found alike, and `ethtool -S` between them."""
        first, shown, second = stats(), vfs[0].stats(), stats()
        return first == second and (*first, shown)
    link, total, queues, shown = wait_for(still, 'statistics that stand still')
    eq({key: total[key] for key in link}, link, 'totals')
    eq(sorted(total), sorted([*FIELDS.values(), *DEVICE.values()]), 'what is counted of the device')
    true(not any(set(q) & set(DEVICE.values()) for q in queues.values()), f'of the device: {queues}')
    summed = FIELDS.values()
    eq(sorted(queues), [('rx', 0), ('rx', 1), ('tx', 0), ('tx', 1)], 'queues')
    eq({key: sum(q.get(key, 0) for q in queues.values()) for key in summed},
       {key: total[key] for key in summed}, 'sum of the queues')
    true(all(queues['tx', i]['tx_packets'] >= 5 for i in (0, 1)), f'sent by both: {queues}')
    eq({(way, i): shown[f'{way}{i}_packets'] for way, i in queues},
       {(way, i): q[f'{way}_packets'] for (way, i), q in queues.items()}, 'ethtool -S')
    sh(f'ethtool -L {vfs[0].name} combined 1', ns='vf0')
    _, now, queues = stats()
    eq(sorted(queues), [('rx', 0), ('tx', 0)], 'queues')
    true(all(now[key] >= total[key] for key in total), f'{now} is not less than {total}')
    true(queues['tx', 0]['tx_packets'] < now['tx_packets'], 'what a queue has sent that is gone')


def device_drops():
    """what the device drops is told by netlink as `ethtool -S` does: rates, forged addresses"""
    pf, vfs = pair()
    pf.link(1, 'max_tx_rate 1')
    defer(pf.link, 1, 'max_tx_rate 0')
    pf.link(0, 'spoofchk on')
    here = packet_socket(vfs[0].name, 'vf0')
    data = frame(vfs[1].mac, vfs[0].mac, size=1500)
    forged = frame(vfs[1].mac, '02:00:00:00:66:66')
    for _ in range(5):
        here.send(forged)
    # The bucket holds 256 KiB and more
    wait_for(lambda: [here.send(data) for _ in range(200)] and
             vfs[1].stats()['dev_rx_drop_rate'] > 0, 'more than the rate')

    def shown():
        """What the device drops, by `ethtool -S`."""
        return [{name: n for name, n in vf.stats().items()
                 if name.startswith(('dev_rx_drop_', 'dev_tx_drop_'))} for vf in vfs]

    def still():
        """That, when two looks found it alike, and what netlink says between them."""
        first, told, second = shown(), [queue_stats(vf.name, vf.ns)[0] for vf in vfs], shown()
        return first == second and (*told, *first)

    def drops(stats, way):
        return sum(n for name, n in stats.items() if name.startswith(f'dev_{way}_drop_'))
    sender, receiver, sent, came = wait_for(still, 'counters that stand still')
    eq(receiver['rx_hw_drop_ratelimits'], came['dev_rx_drop_rate'], 'beyond the rate')
    eq(receiver['rx_hw_drops'], drops(came, 'rx'), 'all that was sent to it')
    true(sender['tx_hw_drops'] >= 5, 'forged')
    eq(sender['tx_hw_drops'], drops(sent, 'tx'), 'all that it sent')


def received(vf):
    """Multicast packets, as `ip -s link` counts them."""
    said = json.loads(out(f'ip -j -s link show dev {vf.name}', ns=vf.ns))[0]
    return said['stats64']['rx']['multicast']


def multicast():
    """multicast and unicast filters: what was joined arrives, other groups do not"""
    _, vfs = pair()
    joined, other = '01:00:5e:01:02:03', '01:00:5e:01:02:04'
    sh(f'ip maddr add {joined} dev {vfs[1].name}', ns='vf1')
    here, there = packet_socket(vfs[0].name, 'vf0'), packet_socket(vfs[1].name, 'vf1')

    def arrives(group):
        here.send(frame(group, vfs[0].mac))
        return bool(receive(there, count=1, seconds=0.5))
    before = received(vfs[1])
    wait_for(lambda: arrives(joined), 'joined group')
    wait_for(lambda: received(vfs[1]) > before, 'it is counted')
    true(not arrives(other), 'a group that was not joined stays away')
    sh(f'ip maddr del {joined} dev {vfs[1].name}', ns='vf1')
    wait_for(lambda: not arrives(joined), 'left group')


def vlan():
    """a VLAN subinterface: the filter is set, traffic passes, other VLANs do not"""
    _, vfs = pair()
    for vf in vfs:
        sh(f'ip link add link {vf.name} name v5 type vlan id 5', ns=vf.ns)
        defer(sh, 'ip link del v5', ns=vf.ns, check=False)
        sh(f'ip addr add 10.8.0.{vf.index + 1}/24 dev v5', ns=vf.ns)
        sh('ip link set v5 up', ns=vf.ns)
    ping('vf0', '10.8.0.2', size=1400)
    here, there = packet_socket(vfs[0].name, 'vf0'), packet_socket(vfs[1].name, 'vf1')
    here.send(frame(vfs[1].mac, vfs[0].mac, vlan=5))
    eq([v for _, v in receive(there, count=1)], [5], 'VLAN 5 arrives tagged')
    here.send(frame(vfs[1].mac, vfs[0].mac, vlan=6))
    eq(receive(there), [], 'VLAN 6 does not')
    for vf in vfs:
        sh('ip link del v5', ns=vf.ns)
    here.send(frame(vfs[1].mac, vfs[0].mac, vlan=5))
    eq(receive(there), [], 'VLAN 5 does not any more')


def left_vlan():
    """a VLAN that is left while the VF is being reset is left afterwards"""
    pf, vfs = pair()
    name, there = vfs[1].name, packet_socket(vfs[1].name, 'vf1')
    sh(f'ip link set {pf.dev} up')

    def arrives():
        mine = read(f'/sys/class/net/{pf.dev}/address')
        packet_socket(pf.dev).send(frame(vfs[1].mac, mine, vlan=7))
        return bool(receive(there, count=1, seconds=0.3))

    def missed():
        sh(f'ip link add v7 link {name} type vlan id 7', ns='vf1')
        reset = Background(f'sh -c "echo 1 >{vfs[1].path}/reset"')
        wait_for(lambda: sh(f'ethtool -g {name}', ns='vf1', check=False).returncode or
                 reset.proc.poll() is not None, 'detached', step=0)
        mark = log_mark()
        sh('ip link del v7', ns='vf1')
        reset.finish()      # it may be over before anybody has seen it
        return 'failed to kill vid' in log_since(mark)
    true(not arrives(), 'before')
    wait_for(missed, 'a reset long enough to leave meanwhile', seconds=60)
    wait_for(vfs[1].carrier, 'carrier')
    true(not arrives(), 'afterwards')


def threaded():
    """NAPI in threads goes on and off, with queues that are no longer used; down: no hang"""
    _, vfs = pair()
    name = vfs[0].name

    def threads(on, check=True):
        sh(f'echo {on} >/sys/class/net/{name}/threaded', ns='vf0', timeout=10, check=check)

    threads(1)
    wait_for(lambda: f'napi/{name}' in out('ps -e -o comm='), 'threads')
    ping('vf0', '10.9.0.2')
    sh(f'ethtool -L {name} combined 1', ns='vf0', check=False)      # it may be so already
    threads(0)
    ping('vf0', '10.9.0.2')
    threads(1)
    sh(f'ip link set {name} down', ns='vf0')
    threads(0, check=False)     # the core refuses it of a netdev without NAPI
    sh(f'ip link set {name} up; ip addr replace 10.9.0.1/24 dev {name}', ns='vf0')
    threads(0)
    wait_for(lambda: ping('vf0', '10.9.0.2', count=1, check=False), 'ping')


def namespace():
    """the netdev moves between namespaces and back, and works in each"""
    pf = load(total_vfs=4)[0]
    vfs = pf.vfs(2)
    vfs[1].up(ns='vf1', ip='10.9.0.2')
    name = vfs[0].dev
    for ns in ('one', 'two'):
        sh(f'ip netns add {ns}')
        defer(sh, f'ip netns del {ns}', check=False)
        sh(f'ip link set {name} netns {ns}')
        sh(f'ip addr add 10.9.0.1/24 dev {name}; ip link set {name} up', ns=ns)
        wait_for(lambda n=ns: ping(n, '10.9.0.2', count=1, check=False), f'ping from {ns}')
        sh(f'ip link set {name} netns 1', ns=ns)
    sh('ip netns add three')
    sh(f'ip link set {name} netns three')
    sh('ip netns del three')
    wait_for(lambda: name in vfs[0].netdevs(), 'back after the namespace was deleted')


def offloads():
    """checksum and segmentation offloads can be turned off and on again"""
    _, vfs = pair()
    name = vfs[0].name
    for feature in ('rx', 'tx', 'tso', 'sg', 'gro'):
        for state in ('off', 'on'):
            sh(f'ethtool -K {name} {feature} {state}', ns='vf0')
            wait_for(lambda: ping('vf0', '10.9.0.2', count=1, check=False),
                     f'ping with {feature} {state}')


def updown():
    """the interface goes down and up twenty times and still works"""
    _, vfs = pair()
    for _ in range(20):
        sh(f'ip link set {vfs[0].name} down', ns='vf0')
        sh(f'ip link set {vfs[0].name} up', ns='vf0')
    sh(f'ip addr replace 10.9.0.1/24 dev {vfs[0].name}', ns='vf0')
    wait_for(lambda: ping('vf0', '10.9.0.2', count=1, check=False), 'ping')


run([never_up, ethtool, mtu, sizes, per_queue, device_drops, multicast, vlan, left_vlan, offloads,
     updown, threaded, namespace])
