#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable debug=shown,order,changed,reset,unload newest=shown,order,marks
# proof: stable=order,changed
# timeout: 300
"""devlink parameter vf<N>_rx_queue: what is beyond a VF's inbound rate waits, in order and
fairly, and is marked or dropped if it waits too long."""
import os
import socket
import struct
import sys
import time
sys.path.insert(0, sys.path[0] + '/../lib')
from ktap import between, contains, defer, eq, note, run, slow, timely, true, wait_for
from devlink import Devlink
from tso import VNET_HDR_LEN, gso, tso_socket
from vnic import (fresh, iperf, iperf_mbps, mac_bytes, make_quiet_pair, packet_socket, ping,
                  sh, shared)

MIB = 1 << 20
SIZE = 1500
TARGET = 5000       # us
TAG = b'vnq'
# what the sender offers must be more than the rate, also on a kernel that is slow
RATE = 4 if slow() == 1 else 1      # Mb/s
MANY = 1200
SHORT = 15140       # bytes of a burst
LONG = 40           # segments of a frame that is longer
TCP_RATE = 20 if slow() == 1 else 4
DROPS = ('rx_drop_rate', 'rx_drop_codel', 'rx_drop_memory', 'rx_drop_nobuf', 'rx_drop_reset',
         'rx_drop_link')


def make_bench():
    """Two VFs; nobody else talks.  With how a frame from the first to the second begins."""
    pf, vfs = make_quiet_pair()
    # what waits for the device must not be dropped before it
    sh(f'tc qdisc replace dev {vfs[0].name} root pfifo limit 4000', ns='vf0')
    return pf, vfs, mac_bytes(vfs[1].mac) + mac_bytes(vfs[0].mac)


def bench(mbps=RATE, target=TARGET, burst=0):
    """The same, shared by the cases; VF 1 is sent at most mbps, of which no burst is left."""
    pf, vfs, _ = shared(make_bench)
    dl = Devlink(pf)
    dl.set_param('vf1_rx_queue', 0)
    dl.set_param('vf1_rx_rate', 0)
    dl.set_param('vf1_rx_burst', burst)
    dl.set_param('vf1_rx_queue', target)
    dl.set_param('vf1_rx_rate', mbps)
    return pf, vfs, dl


def counters(pf):
    """Marks, and drops by reason, of all VFs"""
    stats = pf.stats()
    got = {name: stats['vfs_' + name] for name in DROPS}
    got['rx_marked'] = stats['vf1_rx_marked']
    got['rx_packets'] = stats['vf1_rx_packets']
    return got


def since(pf, before):
    """What has been counted since, without what has not"""
    return {name: n - before[name] for name, n in counters(pf).items() if n != before[name]}


def datagram(seq, flow=0, ecn=0, v6=False):
    """A numbered UDP frame for VF 1, to nobody's address, of SIZE bytes"""
    body = TAG + struct.pack('>IB', seq, flow)
    length = SIZE - 14 - (40 if v6 else 20)
    udp = struct.pack('>HHHH', 1000 + flow, 9, length, 0) + body
    if v6:
        head = struct.pack('>IHBB', 6 << 28 | ecn << 20, length, 17, 64)
        head += b'\xfd' + bytes(14) + b'\x01' + b'\xfd' + bytes(14) + b'\x02'
    else:
        head = bytearray(struct.pack('>BBHHHBBH4s4s', 0x45, ecn, 20 + length, seq & 0xffff, 0,
                                     64, 17, 0, bytes((10, 8, 0, 1)), bytes((10, 8, 0, 2))))
        head[10:12] = struct.pack('>H', checksum(head))
    return (shared(make_bench)[2] + (b'\x86\xdd' if v6 else b'\x08\x00') + bytes(head) +
            udp).ljust(SIZE, b'.')


def checksum(head):
    """Internet checksum of an IPv4 header"""
    total = sum(struct.unpack('>10H', bytes(head)))
    total = (total & 0xffff) + (total >> 16)
    return 0xffff - (total & 0xffff) - (total >> 16)


def flood(vfs, frames):
    """VF 0 is given the frames as fast as its queue takes them, by one CPU: each has a queue of
    its own, among which there is no order."""
    cpus = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cpus)})
    sock = packet_socket(vfs[0].name, 'vf0')
    sock.setsockopt(socket.SOL_SOCKET, 32, 8 * MIB)     # SO_SNDBUFFORCE
    for frame in frames:
        sock.send(frame)
    os.sched_setaffinity(0, cpus)


def listen():
    """A socket that takes what VF 1 receives"""
    sock = packet_socket(shared(make_bench)[1][1].name, 'vf1')
    sock.setsockopt(socket.SOL_SOCKET, 33, 16 * MIB)    # SO_RCVBUFFORCE
    return sock


def heard(sock, idle=1.0):
    """[(number, flow, IP header)] of the frames received, until none comes for a while, and none
    has waited when that while began"""
    got, dl, waits = [], Devlink(shared(make_bench)[0]), True
    sock.settimeout(idle * slow())
    end = time.monotonic() + 60 * slow()
    while time.monotonic() < end:
        try:
            frame = sock.recv(2048)
        except TimeoutError:
            if not waits:
                break
            waits = dl.occupancy(1)[0][0]
            continue
        at = frame.find(TAG)
        if at > 0:
            got.append(struct.unpack_from('>IB', frame, at + len(TAG)) + (frame[14:at - 8],))
    return got


def shown():
    """off by default; range; each VF its own"""
    pf, _, dl = bench()
    eq(dl.param('vf0_rx_queue'), 0, 'default')
    for value in (100, 5000, 1000000, 0):
        dl.set_param('vf1_rx_queue', value)
        eq((dl.param('vf0_rx_queue'), dl.param('vf1_rx_queue')), (0, value), 'rx_queue')
    dl.set_param('vf1_rx_queue', TARGET)
    for value in (1, 99, 1000001, 4294967295):
        contains(dl.set_param('vf1_rx_queue', value, fails=True),
                 '0 (none waits) or 100 to 1000000 microseconds', f'rx_queue {value}')
    eq(dl.param('vf1_rx_queue'), TARGET, 'rx_queue after what was refused')
    true('vf1_rx_marked' in pf.stats(), 'the PF tells how many were marked')


def order():
    """what the bucket has no tokens for arrives later, at the rate, whole, in order"""
    pf, vfs, _ = bench()
    before, sock = counters(pf), listen()
    count = 600
    start = time.monotonic()
    flood(vfs, [datagram(i, ecn=2) for i in range(count)])
    got = heard(sock)
    took = time.monotonic() - start - 1.0 * slow()
    eq(len(got), count, 'frames')
    true([number for number, _, _ in got] == list(range(count)), 'they are in order')
    between(round(took, 2), (count * SIZE - (256 << 10)) / (RATE * 125e3) * 0.98, 30 * slow(),
            f'seconds for {count} frames at {RATE} Mb/s')
    note(since(pf, before))
    eq({k for k in since(pf, before) if 'drop' in k}, set(), 'drops')


def marks():
    """frames of senders that know marks are marked when the queue stands, others dropped"""
    pf, vfs, _ = bench()
    for ecn, v6 in ((2, False), (1, False), (2, True)):
        bench()
        before, sock = counters(pf), listen()
        flood(vfs, [datagram(i, ecn=ecn, v6=v6) for i in range(600)])
        got = heard(sock)
        what = f'ECN {ecn}, IPv{6 if v6 else 4}'
        if v6:
            codes = [head[1] >> 4 & 3 for _, _, head in got]
        else:
            codes = [head[1] & 3 for _, _, head in got]
            eq([checksum(head) for _, _, head in got if checksum(head)], [], 'bad checksums')
        eq((len(got), set(codes)), (600, {ecn, 3}), f'frames and codes, {what}')
        eq(since(pf, before), {'rx_packets': 600, 'rx_marked': codes.count(3)},
           f'counted, {what}')
        eq(codes[:174], [ecn] * 174, 'the burst passes as it was sent')
        between(codes.count(3), 4, 300, f'marks, not of each of 426 that wait, {what}')
    bench()
    before, sock = counters(pf), listen()
    flood(vfs, [datagram(i) for i in range(600)])
    got = heard(sock)
    eq({head[1] for _, _, head in got}, {0}, 'codes of frames whose sender knows no marks')
    numbers = [number for number, _, _ in got]
    eq(numbers, sorted(numbers), 'order around drops')
    between(600 - len(got), 4, 120 * slow(), 'drops')
    eq(since(pf, before), {'rx_packets': len(got), 'rx_drop_codel': 600 - len(got)}, 'counted')


def fair():
    """a flow that floods does not delay another, nor takes the memory from it"""
    pf, vfs, _ = bench()
    sock = listen()
    flood(vfs, [datagram(i, ecn=2) for i in range(800)] +
          [datagram(10000 + i, flow=1 + i, ecn=2) for i in range(8)])
    got = [number for number, _, _ in heard(sock)]
    place = [i for i, number in enumerate(got) if number >= 10000]
    eq(len(place), 8, 'frames of others')
    note(f'the others were in places {place} of {len(got)}')
    # one in 64 shares the flood's queue
    timely(sorted(place)[5] < 500, 'the others did not wait behind the flood')
    before = counters(pf)
    dl = Devlink(pf)
    defer(dl.set, 1, 0, dl.threshold(1, 0))
    defer(dl.set, 1, 1, dl.threshold(1, 1))
    dl.set(1, 0, 256 << 10)
    dl.set(1, 1, 0)
    flood(vfs, [datagram(i, ecn=2) for i in range(1200)] +
          [datagram(10000 + i, flow=1 + i, ecn=2) for i in range(8)])
    got = [number for number, _, _ in heard(sock)]
    counted = since(pf, before)
    note(counted)
    true(len([number for number in got if number >= 10000]) >= 6, 'frames of others')
    timely(counted.get('rx_drop_memory', 0) > 100, 'the flood has filled the memory')
    eq(sum(n for name, n in counted.items() if 'drop' in name) + len(got), 1208,
       'delivered or counted')
    numbers = [number for number in got if number < 10000]
    eq(numbers, sorted(numbers), 'order around drops')


def long_frame(vfs):
    """(a frame to VF 1 with what a socket wants before it, its bytes as segments).  TCP of
    LONG segments, whose sender knows marks"""
    frame = bytearray(gso('tcpv4', vfs[1].mac, vfs[0].mac, segments=LONG))
    ip = VNET_HDR_LEN + 14
    frame[ip + 1] = 2
    frame[ip + 10:ip + 12] = bytes(2)
    frame[ip + 10:ip + 12] = struct.pack('>H', checksum(frame[ip:ip + 20]))
    return frame, len(frame) - VNET_HDR_LEN + (LONG - 1) * 54


def send_long(pf, vfs, gap):
    """60 of them, one each gap seconds: (seconds until all has come that comes, bytes, what was
    counted, the bytes of one)"""
    vf = vfs[1]
    sh(f'ethtool -K {vf.name} rx-gro-hw on', ns=vf.ns)
    dl, sock = Devlink(pf), tso_socket(vfs[0].name, 'vf0')
    sock.setsockopt(socket.SOL_SOCKET, 32, 8 * MIB)     # SO_SNDBUFFORCE
    frame, size = long_frame(vfs)
    before, had = counters(pf), pf.stats()['vf1_rx_bytes']
    start = time.monotonic()
    for _ in range(60):
        sock.send(frame)
        time.sleep(gap)
    wait_for(lambda: not dl.occupancy(1)[0][0], 'nothing waits', 60)
    took = time.monotonic() - start
    got = pf.stats()['vf1_rx_bytes'] - had
    note(f'{got} bytes in {took:.2f} s, {size} of a frame; {since(pf, before)}')
    return took, got, since(pf, before), size


def longer():
    """a frame longer than the burst is charged whole, with a queue and without one"""
    pf, vfs, dl = bench(burst=SHORT)
    rate = RATE * 125e3
    defer(dl.set, 1, 0, dl.threshold(1, 0))
    dl.set(1, 0, 5 * MIB)
    took, got, counted, size = send_long(pf, vfs, 0)
    # Of others, whose frames bear no marks (ARP): they wait for as long.
    true(counted.pop('rx_drop_codel', 0) < LONG, 'CoDel drops none of the long ones')
    eq({name for name in counted if 'drop' in name}, set(), 'drops')
    true(got <= rate * took + SHORT + size, 'no more than the rate and the burst allow')
    # What is not used within 30 ms is lost, on a busy host.
    between(got / took / rate, 0.5, 1.1, 'of the rate')
    dl.set_param('vf1_rx_queue', 0)
    took, got, counted, size = send_long(pf, vfs, 0.05)
    true(counted.get('rx_drop_rate', 0) > 0, 'a plain bucket drops')
    true(0 < got <= rate * took + SHORT + size, 'no more than the rate and the burst allow')


def changed():
    """the option or the rate taken away while frames wait: nothing is stuck, nothing overtakes"""
    pf, vfs, dl = bench(mbps=1)
    before, sock = counters(pf), listen()
    flood(vfs, [datagram(i, ecn=2) for i in range(MANY)])
    wait_for(lambda: dl.occupancy(1)[0][0] > 10 << 10, 'frames wait')
    dl.set_param('vf1_rx_rate', 0)
    flood(vfs, [datagram(i, ecn=2) for i in range(MANY, MANY + 20)])
    got = [number for number, _, _ in heard(sock)]
    true(got == list(range(MANY + 20)), 'all, in order, without a rate')
    dl.set_param('vf1_rx_rate', 1)
    flood(vfs, [datagram(i, ecn=2) for i in range(MANY)])
    wait_for(lambda: dl.occupancy(1)[0][0] > 10 << 10, 'frames wait')
    dl.set_param('vf1_rx_queue', 0)
    got = [number for number, _, _ in heard(sock)]
    counted = since(pf, before)
    true(got == sorted(got), 'what the bucket had tokens for, in order')
    eq(counted.get('rx_drop_rate'), MANY - len(got), 'dropped as beyond the rate')
    eq(dl.occupancy(1)[0][0], 0, 'occupied')
    before = counters(pf)
    flood(vfs, [datagram(i, ecn=2) for i in range(MANY)])
    got = heard(sock)
    counted = since(pf, before)
    true(counted.get('rx_drop_rate', 0) > 50, 'a plain bucket drops')
    eq(set(counted) - {'rx_packets', 'rx_drop_rate'}, set(), 'and does nothing else')


def reset():
    """a VF is reset and taken down while frames wait for its rate"""
    pf, vfs, dl = bench(mbps=1)
    numbers = [datagram(i, ecn=2) for i in range(MANY)]
    before, sent = counters(pf), pf.vfinfo(0)['stats']['tx']['packets']
    flood(vfs, numbers)
    wait_for(lambda: pf.vfinfo(0)['stats']['tx']['packets'] >= sent + MANY, 'all is sent')
    timely(dl.occupancy(1)[0][0] > 10 << 10, 'frames wait')
    sh(f'echo 1 >/sys/bus/pci/devices/{vfs[1].bdf}/reset')
    counted = since(pf, before)
    note(counted)
    true(counted.get('rx_drop_reset', 0) > 0, 'what waited was dropped, and counted')
    eq(dl.occupancy(1)[0][0], 0, 'occupied after reset')
    wait_for(lambda: ping('vf0', '10.9.0.2', check=False), 'it works again')
    flood(vfs, numbers)
    wait_for(lambda: dl.occupancy(1)[0][0] > 10 << 10, 'frames wait')
    sh(f'ip link set {vfs[1].name} down', ns='vf1')
    wait_for(lambda: dl.occupancy(1)[0][0] == 0, 'nothing waits for who is down')
    sh(f'ip link set {vfs[1].name} up', ns='vf1')
    wait_for(vfs[1].carrier, 'carrier')
    wait_for(lambda: ping('vf0', '10.9.0.2', check=False), 'it works again')


def tcp(ecn):
    """Throughput in Mb/s on the wire, retransmits and counters of TCP at TCP_RATE"""
    pf, _, _ = bench(mbps=TCP_RATE)
    for ns in ('vf0', 'vf1'):
        sh(f'sysctl -qw net.ipv4.tcp_ecn={ecn}', ns=ns)
    before = counters(pf)
    result = iperf('vf1', 'vf0', '10.9.0.2', '-P 4 -O 2', seconds=6)
    # iperf counts TCP payload: 1448 of 1514 bytes of a frame
    rate = iperf_mbps(result) * 1514 / 1448
    counted = since(pf, before)
    retransmits = result['end']['sum_sent']['retransmits']
    note(f'ECN {ecn}: {rate:.1f} Mb/s, {retransmits} retransmits, {counted}')
    return rate, retransmits, counted


def tcp_marked():
    """TCP that knows marks reaches the rate with marks, and without loss"""
    rate, retransmits, counted = tcp(1)
    # a machine that has to wait for its host leaves tokens unused
    between(round(rate, 1), TCP_RATE * 0.7, TCP_RATE * 1.1, 'Mb/s')
    true(counted.get('rx_marked', 0) > 0, 'marks')
    # the handshake and the connection that controls iperf3 are not marked but dropped
    codel = counted.pop('rx_drop_codel', 0)
    between(codel, 0, counted['rx_packets'] // 200, 'drops by CoDel')
    eq({name for name in counted if 'drop' in name}, set(), 'other drops')
    between(retransmits, 0, 20, 'retransmits (of who waits for its host)')


def tcp_dropped():
    """TCP that knows none reaches the rate, too: CoDel drops a little"""
    rate, _, counted = tcp(0)
    between(round(rate, 1), TCP_RATE * 0.6, TCP_RATE * 1.1, 'Mb/s')
    eq(counted.get('rx_marked', 0), 0, 'marks')
    true(counted.get('rx_drop_codel', 0) > 0, 'drops by CoDel')
    eq(counted.get('rx_drop_rate', 0), 0, 'drops beyond the rate')


def unload():
    """VFs and module go away while frames wait"""
    pf, vfs, dl = bench(mbps=1)
    flood(vfs, [datagram(i, ecn=2) for i in range(MANY)])
    wait_for(lambda: dl.occupancy(1)[0][0] > 10 << 10, 'frames wait')
    pf.numvfs(0)
    fresh()


run([shown, order, marks, fair, longer, changed, reset, tcp_marked, tcp_dropped, unload])
