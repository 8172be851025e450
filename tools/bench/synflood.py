#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""A SYN flood of 20 times what a VF can take: who still gets a connection to its server, with
and without an XDP program at the VF's port (tools/samples/port_syn.bpf.c).

VF 0's thread has a part of a CPU, by its cgroup, as in the livelock experiment; SYNs of forged
senders come from the wire's other end.  A client there begins a connection each few ms, whether
those before it have come about or not, and waits a second for what the server says.
"""
import argparse
import os
import time
import bed
import cgroup
import chart
from devlink import Devlink
from ktap import wait_for
from livelock import Meter, Victim
from vnic import sh

PORT = 8080
LOAD = 20               # of what the VF can take
BURST = 64
KPPS = 30               # of the flood that finds out what the VF can take
CPU_MAX = '1000 50000'  # us, of VF 0's thread: 2 %
SENDERS = '198.18.0.0/15'
LIMIT = 500             # of new connections a second: TOTAL in tools/bench/evidence
READY = '/run/client'   # there while a client waits
COLUMNS = ('case', 'flood_kpps', 'to_vf_kpps', 'refused_kpps', 'asked', 'answered',
           'answered_percent', 'p50_ms', 'p99_ms', 'thread_percent', 'idle_percent', 'reasons')

SERVER = f'''
import socket
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(("", {PORT}))
server.listen(128)
while True:
    with server.accept()[0] as taken:
        taken.send(b"hello")
'''

# arguments: address, us between two, seconds; prints how many were asked, and ms of each answer
CLIENT = f'''
import os, select, socket, sys, time
open("{READY}", "w").close()        # whatever had to be read from a file server has been
while os.path.exists("{READY}"):
    time.sleep(0.005)
ip, gap, seconds = sys.argv[1], int(sys.argv[2]) / 1e6, float(sys.argv[3])
poll, waiting, took, asked = select.epoll(), dict(), [], 0
begin = now = time.monotonic()
while now < begin + seconds + 1:
    if now < begin + seconds and now >= begin + asked * gap:
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex((ip, {PORT}))
        poll.register(sock, select.EPOLLIN)
        waiting[sock.fileno()] = sock, now
        asked += 1
    until = begin + asked * gap if now < begin + seconds else begin + seconds + 1
    for fd, _ in poll.poll(max(until - time.monotonic(), 0)):
        sock, since = waiting.pop(fd)
        try:
            said = sock.recv(9)
        except OSError:
            said = b""
        now = time.monotonic()
        if said and now - since < 1:
            took.append(1000 * (now - since))
        sock.close()
    now = time.monotonic()
print(asked, *took)
'''


class Flood:
    """SYNs from the wire's other end"""

    def __init__(self, the_bed, kpps):
        wire, end = the_bed.wire, the_bed.vfs[0]
        gap = int(BURST * 1000 / kpps) if kpps else 0
        self.cmd = gap and f'/log/bin/syns {wire.dev} {end.mac} {wire.mac} {end.ip} {PORT} ' \
                           f'{BURST} {gap}'
        self.wire, self.proc = wire, None

    def __enter__(self):
        if self.cmd:
            self.proc = bed.Program(self.wire, self.cmd)
            time.sleep(0.5)

    def __exit__(self, *args):
        if self.proc:
            self.proc.stop()


def percentile(values, part):
    """In ms; 0 of none."""
    values = sorted(values)
    return values[min(int(part * len(values)), len(values) - 1)] if values else 0


def case(name, victim, kpps, args):
    """A line of the table."""
    end, meter = victim.target, Meter(victim)
    with Flood(victim.bed, kpps), meter:
        client = bed.Program(victim.bed.wire,
                             f'python3 /log/client.py {end.ip} {args.gap} {args.seconds}')
        wait_for(lambda: os.path.exists(READY), 'the client', 60)
        os.unlink(READY)
        meter.watch(args.seconds)
        asked, *took = map(float, client.output().split())
    row = {'case': name, 'flood_kpps': kpps, 'to_vf_kpps': meter.vf('rx_packets') / 1000,
           'refused_kpps': meter.vf('rx_dropped') / 1000, 'asked': asked / args.seconds,
           'answered': len(took) / args.seconds, 'answered_percent': 100 * len(took) / asked,
           'p50_ms': percentile(took, 0.5), 'p99_ms': percentile(took, 0.99),
           'thread_percent': meter.rate('thread') / 1e7, 'idle_percent': meter.idle,
           'reasons': meter.reasons()}
    print(f'{name:26} {kpps:7.2f} {row["to_vf_kpps"]:7.2f} {row["refused_kpps"]:8.2f} '
          f'{row["asked"]:6.1f} {row["answered"]:8.1f} {row["answered_percent"]:6.1f} '
          f'{row["p50_ms"]:7.1f} {row["p99_ms"]:7.1f} {row["thread_percent"]:7.2f} '
          f'{meter.idle:6.1f}  {row["reasons"]}', flush=True)
    return row


def capacity(victim, seconds):
    """Thousands of SYNs a second that the VF takes of more"""
    meter = Meter(victim)
    with Flood(victim.bed, KPPS), meter:
        meter.watch(seconds)
    return meter.vf('rx_packets') / 1000


def main():
    """Measure, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument('--link', type=int, default=1000)
    parser.add_argument('--seconds', type=int, default=4)
    parser.add_argument('--gap', type=int, default=20000)
    args = parser.parse_args()
    the_bed = bed.Bed(1, args.link)
    victim = Victim(the_bed, 0, the_bed.vfs[0])
    for path, text in (('/log/server.py', SERVER), ('/log/client.py', CLIENT)):
        with open(path, 'w', encoding='ascii') as file:
            file.write(text)
    victim.target.run(f'ip route add {SENDERS} via {the_bed.wire.ip}')
    server = bed.Program(victim.target, 'python3 /log/server.py')
    bed.listens(victim.target, PORT)
    cgroup.move(victim.pid, cgroup.group('slow', CPU_MAX))
    print(f'{"":26} {"flood":>7} {"to VF":>7} {"refused":>8} {"asked":>6} {"answered":>8} '
          f'{"":>6} {"p50":>7} {"p99":>7} {"thread":>7} {"idle":>6}\n'
          f'{"":26} {"kpps":>7} {"kpps":>7} {"kpps":>8} {"1/s":>6} {"1/s":>8} {"%":>6} '
          f'{"ms":>7} {"ms":>7} {"CPU %":>7} {"CPU %":>6}')
    rows = [case('no flood', victim, 0, args)]
    kpps = LOAD * capacity(victim, args.seconds)
    rows.append(case('no program', victim, kpps, args))
    dl = Devlink(the_bed.pf)
    dl.set_param('vf0_port_netdev', 'true')
    dev = dl.netdev(0)
    for name, obj in ((f'at most {LIMIT} SYNs a second', 'limit'), ('senders are asked', 'ask')):
        sh(f'ip -force link set dev {dev} xdpdrv obj /log/bin/{obj}.o sec xdp')
        rows.append(case(name, victim, kpps, args))
    rows.append(case('the same, no flood', victim, 0, args))
    server.stop()
    chart.save_csv('/log/synflood.csv', COLUMNS, rows)


main()
