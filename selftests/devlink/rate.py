#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable newest=shown,refused
# proof: stable=shown,refused,only_sending,only_receiving,bursts,packets
# timeout: 200
"""devlink parameters of a VF's rates: for one direction only, of packets, and bursts."""
import re
import socket
import sys
import time
sys.path.insert(0, sys.path[0] + '/../lib')
from ktap import between, contains, eq, note, run, timely, true, wait_for
from devlink import Devlink
from vnic import frame, iperf, iperf_mbps, make_quiet_pair, packet_socket, sh, shared

MIB = 1 << 20
SIZE = 1500
AS_TX = 'max_tx_rate'


def make_bench():
    """Two VFs; nobody else talks."""
    pf, vfs = make_quiet_pair()
    # what waits for the device must not be dropped before it
    sh(f'tc qdisc replace dev {vfs[0].name} root pfifo limit 2000', ns='vf0')
    return pf, vfs


def bench():
    """The same, shared by the cases, as if new."""
    pf, vfs = shared(make_bench)
    dl = Devlink(pf)
    for i in (0, 1):
        pf.link(i, 'max_tx_rate 0')
        dl.set_param(f'vf{i}_rx_rate', AS_TX)
        dl.set_param(f'vf{i}_rx_burst', 0)
        dl.set_param(f'vf{i}_tx_burst', 0)
        dl.set_param(f'vf{i}_rx_pps', 0)
        dl.set_param(f'vf{i}_tx_pps', 0)
    return pf, vfs, dl


def send(vfs, total):
    """VF 0 is given so many bytes for VF 1, as fast as its queue takes them; seconds it took."""
    sock = packet_socket(vfs[0].name, 'vf0')
    sock.setsockopt(socket.SOL_SOCKET, 32, 4 * MIB)     # SO_SNDBUFFORCE
    data = frame(vfs[1].mac, vfs[0].mac, size=SIZE)
    start = time.monotonic()
    for _ in range(total // SIZE):
        sock.send(data)
    return time.monotonic() - start


def counted(pf, vfs, total):
    """(sent, delivered, dropped on arrival) in frames, when all has left VF 0; seconds"""
    before = pf.vfinfo()
    start = time.monotonic()
    send(vfs, total)
    want = before[0]['stats']['tx']['packets'] + total // SIZE
    wait_for(lambda: pf.vfinfo(0)['stats']['tx']['packets'] >= want, 'all is sent', seconds=60,
             step=0.02)
    took = time.monotonic() - start

    def arrived():
        now, then = pf.vfinfo(1)['stats']['rx'], before[1]['stats']['rx']
        return [now[what] - then[what] for what in ('packets', 'dropped')]
    wait_for(lambda: sum(arrived()) >= total // SIZE, 'all is delivered or dropped', seconds=60)
    return (total // SIZE, *arrived(), took)


def shown():
    """defaults: the rate is for both directions, bursts follow from it; only for VFs there are"""
    pf, _, dl = bench()
    for vf in (0, 1):
        eq(dl.param(f'vf{vf}_rx_rate'), AS_TX, 'rx_rate')
        eq(dl.param(f'vf{vf}_rx_burst'), 0, 'rx_burst')
        eq(dl.param(f'vf{vf}_tx_burst'), 0, 'tx_burst')
        eq((dl.param(f'vf{vf}_rx_pps'), dl.param(f'vf{vf}_tx_pps')), (0, 0), 'pps')
    names = [p['name'] for p in dl.show('dev param show')[dl.dev]]
    eq(len(names), 19, 'parameters')
    eq(dl.param('vf1_port_netdev'), False, 'port_netdev')
    for value in (0, 100, 1000000, AS_TX):
        dl.set_param('vf1_rx_rate', value)
        eq(dl.param('vf1_rx_rate'), str(value), 'rx_rate')
    eq(pf.vfinfo(1)['rate']['max_tx'], 0, 'max_tx_rate')
    dl.set_param('vf1_rx_burst', MIB)
    eq((dl.param('vf1_rx_burst'), dl.param('vf1_tx_burst'), dl.param('vf0_rx_burst')),
       (MIB, 0, 0), 'bursts')
    dl.set_param('vf1_rx_pps', 100)
    dl.set_param('vf0_tx_pps', 1000000000)
    eq([dl.param(f'vf{vf}_{way}_pps') for vf in (0, 1) for way in ('rx', 'tx')],
       [0, 1000000000, 100, 0], 'pps')


def refused():
    """what is out of range is refused, with what is not, and changes nothing"""
    _, _, dl = bench()
    for value in (1000001, '1G', 'none', 4294967295):
        contains(dl.set_param('vf1_rx_rate', f'"{value}"', fails=True),
                 'max_tx_rate or 0 (no limit) to 1000000 Mb/s', f'rx_rate {value}')
    for value in (1, 15139, (1 << 30) + 1, 4294967295):
        contains(dl.set_param('vf1_rx_burst', value, fails=True),
                 '15140 to 1073741824 bytes', f'rx_burst {value}')
    for value in (1, 99, 1000000001, 4294967295):
        for way in ('rx', 'tx'):
            contains(dl.set_param(f'vf1_{way}_pps', value, fails=True),
                     '0 (no limit) or 100 to 1000000000 packets a second', f'{way}_pps {value}')
    eq((dl.param('vf1_rx_pps'), dl.param('vf1_tx_pps')), (0, 0), 'pps')
    eq((dl.param('vf1_rx_rate'), dl.param('vf1_rx_burst')), (AS_TX, 0), 'values')


def only_sending():
    """rx_rate 0: max_tx_rate limits what the VF sends, and nothing that is sent to it"""
    pf, vfs, dl = bench()
    dl.set_param('vf1_rx_rate', 0)
    pf.link(1, 'max_tx_rate 1')
    sent, delivered, dropped, _ = counted(pf, vfs, MIB)
    eq((delivered, dropped), (sent, 0), 'delivered to the VF, dropped')
    dl.set_param('vf0_rx_rate', 0)
    pf.link(0, 'max_tx_rate 4')
    sent, delivered, dropped, took = counted(pf, vfs, MIB)
    eq((delivered, dropped), (sent, 0), 'delivered, dropped')
    between(round(took, 2), (MIB - (256 << 10)) / 500e3 * 0.98, 60, 'seconds for 1 MiB at 4 Mb/s')


def only_receiving():
    """max_tx_rate 0 and an rx_rate: only what is sent to the VF is limited"""
    pf, vfs, dl = bench()
    dl.set_param('vf1_rx_rate', 1)
    dl.set_param('vf0_rx_rate', 1)
    sent, delivered, dropped, took = counted(pf, vfs, MIB)
    note(f'{sent} sent in {took:.1f} s, {delivered} delivered, {dropped} dropped')
    eq(delivered + dropped, sent, 'delivered or dropped')
    between(delivered, (256 << 10) // SIZE, ((256 << 10) + took * 125e3) // SIZE + 1, 'delivered')
    timely(took < 4, 'sending is not limited (1 MiB at 1 Mb/s take 6 s)')
    dl.set_param('vf1_rx_rate', AS_TX)
    sent, delivered, dropped, _ = counted(pf, vfs, MIB)
    eq((delivered, dropped), (sent, 0), 'delivered, dropped without a rate')


def bursts():
    """so much passes at once: towards the VF and from it, each its own"""
    pf, vfs, dl = bench()
    pf.link(1, 'max_tx_rate 1')
    dl.set_param('vf1_rx_burst', MIB)
    dl.set_param('vf1_rx_rate', 0)      # a bucket without a rate is full when it gets one
    dl.set_param('vf1_rx_rate', AS_TX)
    sent, delivered, dropped, _ = counted(pf, vfs, MIB)
    eq((delivered, dropped), (sent, 0), 'delivered, dropped within the burst')
    _, delivered, dropped, took = counted(pf, vfs, MIB)
    timely(dropped > 0 and delivered * SIZE < took * 125e3 * 1.1 + 0.3 * MIB, 'then the rate holds')
    dl.set_param('vf1_rx_rate', 0)
    pf.link(0, 'max_tx_rate 1')
    dl.set_param('vf0_tx_burst', 2 * MIB)
    pf.link(0, 'max_tx_rate 0')
    pf.link(0, 'max_tx_rate 1')
    _, _, _, took = counted(pf, vfs, MIB)
    timely(took < 4, f'1 MiB within the burst took {took:.1f} s, at the rate it would be 8')


def small_bursts():
    """a burst of ten frames: no more at once; TSO frames larger than it pass, and pay"""
    pf, vfs, dl = bench()
    dl.set_param('vf1_rx_rate', 1)
    dl.set_param('vf1_rx_burst', 15140)
    sent, delivered, dropped, took = counted(pf, vfs, MIB // 2)
    eq(delivered + dropped, sent, 'delivered or dropped')
    between(delivered, 10, (15140 + (took + 0.2) * 125e3) // SIZE + 1, 'delivered')
    dl.set_param('vf1_rx_rate', 0)
    pf.link(0, 'max_tx_rate 10')
    dl.set_param('vf0_tx_burst', 15140)
    before = vfs[0].stats()
    rate = iperf_mbps(iperf('vf1', 'vf0', '10.9.0.2', seconds=3)) * 1514 / 1448
    note(f'TCP shaped to 10 Mb/s by a small burst: {rate:.1f} Mb/s')
    between(round(rate, 2), 7.5, 10.5, 'Mb/s of TCP shaped to 10 Mb/s')
    after = vfs[0].stats()
    frames = sum(after[k] - before[k] for k in after if re.fullmatch(r'tx\d+_gso_packets', k))
    true(frames > 0, 'TSO frames were sent')
    pf.link(0, 'max_tx_rate 0')
    dl.set_param('vf1_rx_rate', 10)
    rate = iperf_mbps(iperf('vf1', 'vf0', '10.9.0.2', seconds=3)) * 1514 / 1448
    note(f'TCP policed to 10 Mb/s by a small burst: {rate:.1f} Mb/s')
    between(round(rate, 2), 0.5, 10.5, 'Mb/s of TCP policed to 10 Mb/s')


def packets():
    """packets a second: policed towards the VF, shaped from it; beside the rate of bytes"""
    pf, vfs, dl = bench()
    dl.set_param('vf1_rx_pps', 100)
    before = pf.stats()
    sent, delivered, dropped, took = counted(pf, vfs, MIB)
    note(f'{sent} sent in {took:.1f} s, {delivered} delivered, {dropped} dropped')
    eq(delivered + dropped, sent, 'delivered or dropped')
    between(delivered, 256, 256 + (took + 0.2) * 100 + 1, 'delivered at 100 a second')
    after = pf.stats()
    eq([after[f'vfs_rx_drop_{why}'] - before[f'vfs_rx_drop_{why}'] for why in ('pps', 'rate')],
       [dropped, 0], 'dropped for their number, for their bytes')
    dl.set_param('vf1_rx_rate', 1)
    dl.set_param('vf1_rx_burst', 15140)
    _, delivered, _, took = counted(pf, vfs, MIB // 4)
    timely(delivered <= (15140 + (took + 0.2) * 125e3) // SIZE + 1, 'the rate of bytes holds, too')
    dl.set_param('vf1_rx_rate', AS_TX)
    dl.set_param('vf1_rx_pps', 0)
    dl.set_param('vf0_tx_pps', 400)
    sent, delivered, dropped, took = counted(pf, vfs, MIB)
    eq((delivered, dropped), (sent, 0), 'delivered, dropped of what is shaped')
    between(round(took, 2), (sent - 256) / 400 * 0.98, 60, f'seconds for {sent} frames')


def packets_of_tcp():
    """TCP with TSO is charged by its segments: shaped to 1000 packets a second, it has 12 Mb/s"""
    _, _, dl = bench()
    dl.set_param('vf0_tx_pps', 1000)
    rate = iperf_mbps(iperf('vf1', 'vf0', '10.9.0.2', seconds=4)) * 1514 / 1448
    note(f'{rate:.1f} Mb/s at 1000 packets a second')
    between(round(rate, 2), 12.112 * 0.75, 12.112 * 1.3, 'Mb/s')


run([shown, refused, only_sending, only_receiving, bursts, small_bursts, packets, packets_of_tcp])
