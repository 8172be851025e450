#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable debug=refused,gone quick=gone newest=refused,twins
# proof: stable=refused,twins
# (the debug kernel is too slow to keep such rates)
# timeout: 400
"""min_tx_rate, weights and priorities: shares of the wire, and who is heard at a busy VF."""
import sys
import time
sys.path.insert(0, sys.path[0] + '/../lib')
from cgroup import group, move, thread
from ktap import between, contains, defer, eq, note, run, sleep, slow, timely, true, wait_for
from devlink import Devlink
from pump import AWAY, Pump, pump, rates
from wire import make_wired
from vnic import (iperf, iperf_mbps, log_mark, log_since, out, packet_socket, read, receive, sh,
                  shared)

OTHER_TYPE = 0x88b6
LINK = 4                        # Mb/s
PARTITION = 256 * 1024          # bytes, of a VF whose thread is slow
FULL = 0.7                      # of it is used at least: more when nothing else is on this machine


def make_bench():
    """Three VFs and a wire; IPv6 says nothing."""
    sh('sysctl -qw net.ipv6.conf.default.disable_ipv6=1')
    pf, vfs = make_wired(count=3)
    return pf, vfs, Devlink(pf)


def bench(link=LINK):
    """The same, shared by the cases, as if new: the link has so many Mb/s."""
    pf, vfs, dl = shared(make_bench)
    for i in range(3):
        pf.link(i, 'max_tx_rate 0 min_tx_rate 0')
        pf.link(i, 'vlan 0')
        dl.run(f'port function rate set {dl.dev}/{i} tx_weight 0 tx_priority 0')
    dl.set_param('link_speed', link)
    return pf, vfs, dl


def refused():
    """guarantees that cannot be kept are refused, with what is left, and change nothing"""
    pf, _, dl = bench(link=100)
    pf.link(0, 'max_tx_rate 50 min_tx_rate 30')
    pf.link(1, 'min_tx_rate 60')
    sleep(6)       # the log's rate limit starts afresh
    for vf, what, part in ((2, 'min_tx_rate 11', 'at most 10 Mb/s'), (0, 'min_tx_rate 41', 'at most 40'),
                           (1, 'min_tx_rate 1000001', '1000000 Mb/s')):
        mark = log_mark()
        true(pf.link(vf, what, check=False).returncode, f'{what} refused')
        contains(log_since(mark), part, what)
    for what in ('min_tx_rate 51', 'max_tx_rate 29'):       # the kernel's own check
        true(pf.link(0, what, check=False).returncode, f'{what} refused')
    for args, part in ((f'port function rate set {dl.dev}/2 tx_share 11mbit', 'At most 10 Mb/s'),
                       (f'port function rate set {dl.dev}/0 tx_share 51mbit', 'tx_share <= tx_max'),
                       (f'port function rate set {dl.dev}/2 tx_max 1500kbit', 'whole ones'),
                       (f'port function rate set {dl.dev}/2 tx_max 2tbit', '1000000 Mb/s'),
                       (f'port function rate set {dl.dev}/2 tx_priority 8', 'to 7'),
                       (f'port function rate set {dl.dev}/2 tx_weight 1000001', 'to 1000000'),
                       (f'dev param set {dl.dev} name link_speed value 89 cmode runtime', '90 Mb/s'),
                       (f'dev param set {dl.dev} name link_speed value 1000001 cmode runtime',
                        '1000000 Mb/s')):
        contains(dl.run(args, fails=True), part, args)
    eq([(vf['rate']['min_tx'], vf['rate']['max_tx']) for vf in pf.vfinfo()],
       [(30, 50), (60, 0), (0, 0)], 'rates')
    eq(dl.param('link_speed'), 100, 'link_speed')
    pf.link(2, 'min_tx_rate 10')
    for i in range(3):
        pf.link(i, 'min_tx_rate 0')
    sh(f'ip link set ethup nomaster; ip link add nospeed type dummy; ip link set nospeed up master {pf.dev}')
    defer(sh, f'ip link del nospeed; ip link set ethup master {pf.dev}')
    dl.run(f'port function rate set {dl.dev}/1 tx_weight 2')
    mark = log_mark()
    dl.set_param('link_speed', 0)
    wait_for(lambda: 'Unknown' in out(f'ethtool {pf.dev}'), 'no speed')
    contains(log_since(mark), 'speed is not known', 'the log, with a weight that has no effect now')
    for weight in (1, 0):       # less is never refused
        dl.run(f'port function rate set {dl.dev}/1 tx_weight {weight}')
    for what in ('tx_share 1mbit', 'tx_weight 2', 'tx_priority 1'):
        contains(dl.run(f'port function rate set {dl.dev}/2 {what}', fails=True), 'link_speed',
                 f'{what}, no speed is known')


def twins():
    """ip link and devlink show the same, whoever has set it; VFs have the link's speed"""
    pf, vfs, dl = bench(link=100)

    def rate(vf):
        shown = dl.show(f'port function rate show {dl.dev}/{vf}')[f'{dl.dev}/{vf}']
        return shown.get('tx_share', 0) * 8 // 10**6, shown.get('tx_max', 0) * 8 // 10**6

    pf.link(0, 'max_tx_rate 50 min_tx_rate 30')
    wait_for(lambda: rate(0) == (30, 50), 'what ip link has set')
    dl.run(f'port function rate set {dl.dev}/1 tx_share 20mbit tx_max 70mbit')
    eq((pf.vfinfo(1)['rate']['min_tx'], pf.vfinfo(1)['rate']['max_tx']), (20, 70), 'VF 1')
    eq(rate(1), (20, 70), 'VF 1 by devlink')
    dl.run(f'port function rate set {dl.dev}/1 tx_share 0 tx_max 0')
    eq((pf.vfinfo(1)['rate']['min_tx'], pf.vfinfo(1)['rate']['max_tx']), (0, 0), 'VF 1')
    for dev, ns in ((pf.dev, None), (vfs[0].name, 'vf0')):
        wait_for(lambda d=dev, n=ns: 'Speed: 100Mb/s' in out(f'ethtool {d}', ns=n), f'speed of {dev}')
    dl.set_param('link_speed', 0)
    wait_for(lambda: 'Speed: 10000Mb/s' in out(f'ethtool {vfs[0].name}', ns='vf0'), "veth's speed")


def outbound():
    """what VFs send to the wire: guarantees first, spare by weight, all of it used, nothing lost"""
    pf, vfs, dl = bench()
    lost = pf.stats()['uplink_rx_drop_nobuf']
    dropped = [vf['stats']['tx']['dropped'] for vf in pf.vfinfo()]
    pumps = pump(vfs, 0, 1)
    mbps = rates(pf, 'tx')
    between(mbps[0] / (mbps[0] + mbps[1]), 0.45, 0.55, 'share of one of two equals')
    between(sum(mbps), LINK * FULL, LINK * 1.1, 'together')
    pf.link(1, 'min_tx_rate 3')
    mbps = rates(pf, 'tx')
    between(mbps[1] / sum(mbps), 0.85, 0.99, 'share with a guarantee of 3 and 3 of 4 parts of the rest')
    between(sum(mbps), LINK * FULL, LINK * 1.1, 'together')
    dl.run(f'port function rate set {dl.dev}/0 tx_weight 1')
    dl.run(f'port function rate set {dl.dev}/1 tx_weight 3')
    pf.link(1, 'min_tx_rate 0')
    mbps = rates(pf, 'tx')
    between(mbps[1] / mbps[0], 2.5, 3.5, 'weights 3 to 1')
    dl.run(f'port function rate set {dl.dev}/0 tx_priority 1')
    pf.link(1, 'min_tx_rate 1')
    mbps = rates(pf, 'tx')
    between(mbps[1] / sum(mbps), 0.2, 0.3, 'share of a guarantee of 1 beside a higher priority')
    between(sum(mbps), LINK * FULL, LINK * 1.1, 'together')
    pumps[0].stop()
    mbps = rates(pf, 'tx')
    between(mbps[1], LINK * FULL, LINK * 1.1, 'alone')
    eq([vf['stats']['tx']['dropped'] for vf in pf.vfinfo()], dropped, 'drops')
    eq(pf.stats()['uplink_rx_drop_nobuf'], lost, 'drops at the uplink')


def by_qos():
    """vlan qos is a priority: who has a higher one gets the spare"""
    pf, vfs, dl = bench()
    pump(vfs, 0, 1)
    pf.link(0, 'vlan 10 qos 1')
    pf.link(1, 'vlan 10 qos 4')
    pf.link(0, 'min_tx_rate 1')
    mbps = rates(pf, 'tx')
    between(mbps[0] / sum(mbps), 0.2, 0.3, 'share of the lower one with a guarantee of 1')
    dl.run(f'port function rate set {dl.dev}/0 tx_priority 5')
    mbps = rates(pf, 'tx')
    timely(mbps[0] > 10 * mbps[1], 'tx_priority comes before qos')
    # 4 KiB/s, in bursts of what is held for it; drivers' watchdogs bark after five seconds.
    for _ in range(3):
        sent, start = pf.vfinfo(1)['stats']['tx']['packets'], time.monotonic()
        wait_for(lambda sent=sent: pf.vfinfo(1)['stats']['tx']['packets'] > sent,
                 'a frame of who has no share', seconds=30)
        timely(time.monotonic() - start < 4.5 * slow(), 'a frame of who has no share comes in time')


def inbound():
    """what the wire brings beyond the link: dropped, but not of who is inside its guarantee"""
    pf, vfs, _ = bench()
    pf.link(1, 'min_tx_rate 2')
    before = [vf['stats']['rx']['dropped'] for vf in pf.vfinfo()]
    counted = pf.stats()['vfs_rx_drop_share']
    Pump('ethfar', 'wire', vfs[0].mac, AWAY)
    steady = Pump('ethfar', 'wire', vfs[1].mac, AWAY, mbps=1.5)
    mbps = rates(pf, 'rx', settle=3)
    steady.stop()
    drops = [vf['stats']['rx']['dropped'] - b for vf, b in zip(pf.vfinfo(), before)]
    between(mbps[1], 1, 2, 'inside its guarantee')
    eq(drops[1], 0, 'its drops')
    between(sum(mbps), LINK * FULL, LINK * 1.15, 'together')
    true(drops[0] > 0, 'drops of the flood')
    true(pf.stats()['vfs_rx_drop_share'] - counted >= drops[0], 'their reason')


def busy_rate():
    """at a VF with a rate, a sender inside its guarantee is heard though another floods"""
    pf, vfs, _ = bench(link=0)
    pf.link(2, 'max_tx_rate 2')
    pf.link(1, 'min_tx_rate 2')
    Pump(vfs[0].name, 'vf0', vfs[2].mac, vfs[0].mac, tag=b'loud')
    rates(pf, 'rx', seconds=1, settle=3)
    sock = packet_socket(vfs[2].name, 'vf2')
    steady = Pump(vfs[1].name, 'vf1', vfs[2].mac, vfs[1].mac, mbps=1, tag=b'soft')
    heard = receive(sock, tag=b'soft', seconds=4)
    steady.stop()
    heard += receive(sock, tag=b'soft', seconds=1)
    note(f'{len(heard)} of {steady.sent} heard')
    timely(steady.sent > 200 and len(heard) >= steady.sent * 0.99, 'heard')


def busy_thread():
    """at a VF whose thread has used up its cpu.max, a sender inside its guarantee is heard, too"""
    pf, vfs, dl = bench(link=0)
    for pool, size in enumerate((PARTITION, 0)):
        defer(dl.set, 2, pool, dl.threshold(2, pool))
        dl.set(2, pool, size)
    move(thread(vfs[2]), group('vnic-test', '1000 100000'))
    flood = Pump(pf.dev, None, vfs[2].mac, AWAY, mbps=40)
    sock = packet_socket(vfs[2].name, 'vf2')
    sock.bind((vfs[2].name, OTHER_TYPE))        # the flood would fill it
    part = []
    for guarantee in (0, 2):
        pf.link(1, f'min_tx_rate {guarantee}')
        rates(pf, 'rx', seconds=1)
        tag = b'soft%d' % guarantee
        steady = Pump(vfs[1].name, 'vf1', vfs[2].mac, vfs[1].mac, mbps=0.1, tag=tag,
                      ethertype=OTHER_TYPE)     # what is kept for it lasts for three seconds
        heard = receive(sock, tag=tag, seconds=8)
        steady.stop()
        heard += receive(sock, tag=tag, seconds=3)
        note(f'guarantee {guarantee}: {len(heard)} of {steady.sent} heard')
        timely(steady.sent > 40, 'sent')
        part.append(len(heard) / steady.sent)
    flood.stop()
    timely(part[0] < 0.75, 'without a guarantee it loses')
    timely(part[1] >= 0.9, 'heard')       # the memory is full when it begins


def slow_wire():
    """on a slow wire TSO frames leave as segments, and TCP fills it"""
    bench()
    before = [int(read(f'/sys/class/net/ethup/statistics/tx_{what}')) for what in ('packets', 'bytes')]
    mbps = iperf_mbps(iperf('wire', 'vf0', '10.9.0.200', '-O 1', seconds=4))
    after = [int(read(f'/sys/class/net/ethup/statistics/tx_{what}')) for what in ('packets', 'bytes')]
    packets, size = (b - a for a, b in zip(before, after))
    between(round(mbps * 1514 / 1448, 2), LINK * 0.5, LINK * 1.05, 'Mb/s of TCP')
    between(size / packets, 1000, 1514, 'bytes of a frame that left')


def gone():
    """VFs go while they wait for their share, and come back as others"""
    pf, vfs, _ = bench(link=1)
    pumps = pump(vfs, 0, 1, 2)
    pf.link(1, 'min_tx_rate 1')
    rates(pf, 'tx', seconds=1)
    pf.numvfs(0)
    for sender in pumps:
        sender.stop()
    pf.numvfs(2)
    eq([vf['rate']['min_tx'] for vf in pf.vfinfo()], [0, 0], 'guarantees of new VFs')
    pf.link(0, 'min_tx_rate 1')
    pf.numvfs(0)


run([refused, twins, outbound, by_qos, inbound, busy_rate, busy_thread, slow_wire, gone])
