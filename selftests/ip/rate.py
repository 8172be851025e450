#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable
# proof: stable=window,shaping,at_once
# (the debug kernel cannot offer more than such rates)
# timeout: 400
"""ip link set <pf> vf N max_tx_rate: polices what is sent to a VF, shapes what it sends."""
import sys
import threading
import time
sys.path.insert(0, sys.path[0] + '/../lib')
from ktap import between, eq, note, run, sleep, slow, timely, true
from vnic import frame, iperf, iperf_mbps, make_quiet_pair, packet_socket, sh, shared


def burst(mbps):
    """Bytes of the default burst at a rate."""
    return max(256 << 10, min(mbps * 31250, 4 << 20), mbps * 1250)


def bench():
    """Two VFs, 10.9.0.1 and 10.9.0.2, shared by the cases, without rates; nobody else talks."""
    pf, vfs = shared(make_quiet_pair)
    for i in (0, 1):
        pf.link(i, 'max_tx_rate 0')
    return pf, vfs


def flood(pf, vfs, size, mbps, seconds):
    """VF 0 sends frames of size to VF 1 as fast as it can; returns bytes delivered, seconds."""
    sock = packet_socket(vfs[0].name, 'vf0')
    data = frame(vfs[1].mac, vfs[0].mac, size=size)
    pf.link(1, f'max_tx_rate {mbps}')
    before = pf.vfinfo(1)['stats']['rx']
    start = time.monotonic()
    offered = 0
    while time.monotonic() - start < seconds:
        for _ in range(50):
            try:
                sock.send(data)
                offered += 1
            except OSError:         # the socket's own buffer is full
                time.sleep(0.001)
    took = time.monotonic() - start
    sleep(0.2)
    after = pf.vfinfo(1)['stats']['rx']
    return (after['bytes'] - before['bytes'], after['dropped'] - before['dropped'],
            offered * size, took)


def window():
    """delivered <= R t + burst, and >= R t less a frame while more is offered"""
    pf, vfs = bench()
    for size, mbps in ((64, 1), (512, 2), (1500, 4)):
        delivered, dropped, offered, took = flood(pf, vfs, size, mbps, 4)
        allowed = mbps * 125000 * took
        note(f'{size} byte frames, {mbps} Mb/s, {took:.2f} s: offered {offered}, '
             f'delivered {delivered}, dropped {dropped} frames, R t {allowed:.0f}')
        timely(offered > 1.2 * (allowed + burst(mbps)), 'the flood is more than the rate allows')
        true(dropped > 0, 'excess was dropped and counted')
        between(delivered, (allowed - size) * 0.99, (allowed + mbps * 125000 * 0.3 + burst(mbps)) * 1.01,
                f'bytes delivered at {mbps} Mb/s')


def steady():
    """over 10 s the rate is held within 1 % once the burst is spent"""
    pf, vfs = bench()
    sock = packet_socket(vfs[0].name, 'vf0')
    data = frame(vfs[1].mac, vfs[0].mac, size=1000)
    stop = threading.Event()

    def pump():
        while not stop.is_set():
            for _ in range(50):
                try:
                    sock.send(data)
                except OSError:         # the socket's own buffer is full
                    time.sleep(0.001)
    pf.link(1, 'max_tx_rate 4')
    thread = threading.Thread(target=pump)
    thread.start()
    try:
        sleep(2)       # the burst is spent
        first, t0 = pf.vfinfo(1)['stats']['rx'], time.monotonic()
        sleep(10)
        last, t1 = pf.vfinfo(1)['stats']['rx'], time.monotonic()
    finally:
        stop.set()
        thread.join()
    rate = (last['bytes'] - first['bytes']) * 8e-6 / (t1 - t0)
    true(last['dropped'] > first['dropped'], 'more was offered')
    # the figure is read by a command that takes a tenth of a second or two
    between(round(rate, 3), 4 * 0.98, 4 * 1.02, 'Mb/s over 10 s at 4 Mb/s')


def tcp():
    """TCP through a bucket of rate R reaches at least 0.9 R, towards the VF and from it"""
    pf, _ = bench()
    for mbps in (5, 20, 60):
        if mbps > 20 and slow() > 1:
            continue
        pf.link(1, f'max_tx_rate {mbps}')
        for args, way in (('', 'to'), ('-R', 'from')):
            result = iperf('vf1', 'vf0', '10.9.0.2', f'{args} -O 1', seconds=5)
            rate = iperf_mbps(result)
            # iperf counts TCP payload: 1448 of 1514 bytes of a frame
            between(round(rate * 1514 / 1448, 2), 0.9 * mbps, 1.3 * mbps,
                    f'Mb/s of TCP {way} the VF at {mbps} Mb/s')


def shaping():
    """what a VF sends is shaped to its rate without loss"""
    pf, _ = bench()
    pf.link(0, 'max_tx_rate 5')
    before = pf.vfinfo(0)['stats']['tx']
    start = time.monotonic()
    result = iperf('vf1', 'vf0', '10.9.0.2', '-u -b 15M -l 1400', seconds=5)
    after = pf.vfinfo(0)['stats']['tx']
    took = time.monotonic() - start
    total = result['end']['sum']
    note(f'{total["packets"]} sent, {total["lost_packets"]} lost')
    eq(after['dropped'] - before['dropped'], 0, 'drops at the device')
    sent = (after['bytes'] - before['bytes']) * 8e-6
    between(round(sent, 2), 5 * 5 * 0.9, 5 * took + burst(5) * 8e-6, 'Mb sent at 5 Mb/s')


def at_once():
    """changing the rate under load takes effect at once and loses nothing else"""
    pf, vfs = bench()
    flood(pf, vfs, 1000, 2, 2)
    delivered, _, _, took = flood(pf, vfs, 1000, 8, 2)
    between(round(delivered * 8e-6 / took, 2), 7.5, 8.5 + burst(8) * 8e-6 / took, 'Mb/s after 2 -> 8')
    delivered, _, _, took = flood(pf, vfs, 1000, 1, 3)
    between(round(delivered * 8e-6 / took, 2), 0.9, 1.2 + burst(1) * 8e-6 / took, 'Mb/s after 8 -> 1')
    pf.link(1, 'max_tx_rate 0')
    before = pf.vfinfo(1)['stats']['rx']['dropped']
    sh('ping -c 20 -i 0.02 -s 1000 10.9.0.2', ns='vf0')
    eq(pf.vfinfo(1)['stats']['rx']['dropped'], before, 'no drops without a rate')


run([window, steady, tcp, shaping, at_once])
