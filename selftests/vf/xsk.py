#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable newest=receive,transmit,echo,life,several quick=receive,transmit,gone,flying
# run-on: debug=receive,transmit,echo,wakeup,life,several,scribbled,link,unfinished,gone,flying
# proof: stable=receive,transmit
"""XDP sockets without copies on VFs: both ways, wakeups, limits, life and end."""
import re
import shlex
import signal
import sys
import time
import zlib
sys.path.insert(0, sys.path[0] + '/../lib')
from ktap import (Fail, between as within, contains, defer, eq, run, sleep, slow, timely, true,
                  wait_for)
from program import Told
from vnic import (DATAGRAMS, Background, frame, load, one_cpu, out, packet_socket, pair, ping,
                  receive as heard, refused, sh, write)

SIZES = list(range(60, 1515, 31)) + [1514]


class Socket(Told):
    """A program with an XDP socket on a VF's queue."""

    def __init__(self, vf, *options, queue=0):
        super().__init__('xsk', vf.name, str(queue), *options, ns=vf.ns)
        self.vf, self.mac = vf, vf.mac
        self.ready()

    def ready(self):
        """Wait until the VF's queues run."""
        wait_for(self.vf.carrier, f'carrier of {self.vf.name}')

    def recv(self, count, seconds=5, keep=False):
        """[(size, crc)] of frames received."""
        said = self.tell(f'{"take" if keep else "recv"} {count} {int(seconds * 1000 * slow())}')
        return [tuple(map(int, f.split(':'))) for f in said.split()]

    def flags(self):
        """(rx, tx): must the kernel be woken?"""
        return tuple(int(f[-1]) for f in self.tell('flags').split())

    def refused(self, command):
        """What it says of a command that must fail."""
        try:
            self.tell(command)
        except Fail as err:
            return str(err)
        raise Fail(f'{command}: accepted, should be refused')

    def kill(self):
        """End it as kill -9 does."""
        self.proc.send_signal(signal.SIGKILL)
        self.proc.wait()


def refused_socket(vf, *options, queue=0):
    """A socket that cannot be had; what was said."""
    try:
        Socket(vf, *options, queue=queue)
    except Fail as err:
        return str(err)
    raise Fail(f'{options} on queue {queue}: accepted, should be refused')


def frames(src, dst):
    """A function that makes frames from one netdev to another."""
    src, dst = src.mac, dst.mac
    return lambda size=60: frame(dst, src, size=size)


def known(some):
    """What recv() says of such frames."""
    return [(len(data), zlib.crc32(data)) for data in some]


def one_queue(vfs):
    """One queue pair each, so that all frames come by it."""
    for vf in vfs:
        sh(f'ethtool -L {vf.name} combined 1', ns=vf.ns)
        wait_for(vf.carrier, f'carrier of {vf.name}')
    one_cpu()


def setup(mtu=1500):
    """Two VFs with one queue pair."""
    _, vfs = pair(mtu)
    one_queue(vfs)
    return vfs


def own(prefix):
    """A PF, whose settings the case may change, and two VFs with one queue pair in namespaces"""
    pf = load(total_vfs=4)[0]
    vfs = pf.vfs(2)
    for i, vf in enumerate(vfs):
        vf.up(ns=f'{prefix}{i}', ip=f'10.9.0.{i + 1}')
    one_queue(vfs)
    return pf, vfs


def count(vf, name):
    """A counter of ethtool -S over all queues."""
    return sum(v for k, v in vf.stats().items() if k.endswith('_' + name))


def works(here, there):
    """Frames of a socket reach the other one, in both directions."""
    for a, b in ((here, there), (there, here)):
        data = frame(b.mac, a.mac, size=700)
        eq(a.tell(f'send 20 700 {b.mac}'), '20', 'sent')
        eq(b.recv(20), known([data] * 20), 'received')


def receive():
    """frames of all sizes come byte for byte, more than the rings hold; others go up the stack"""
    vfs = setup()
    sock = Socket(vfs[1], 'wakeup')
    eq(sock.tell('mode'), 'zc', 'mode')
    here = packet_socket(vfs[0].name, 'vf0')
    some = list(map(frames(*vfs), SIZES))
    for _ in range(24):
        for data in some:
            here.send(data)
        eq(sock.recv(len(some)), known(some), 'frames')
    eq(count(vfs[1], 'xdp_redirect'), 24 * len(SIZES), 'counted')
    for size in (10, 500, 1472):
        ping('vf0', '10.9.0.2', size=size)
    eq(sock.tell('stats').split()[0], 'rx_dropped=0', 'lost by the socket')


def transmit():
    """frames of all sizes are sent byte for byte without a program; what no wire takes is dropped"""
    vfs = setup()
    sock = Socket(vfs[0], 'wakeup', 'noprog')
    there = packet_socket(vfs[1].name, 'vf1')
    sent = count(vfs[0], 'xsk_frames')
    made, to = frames(*vfs), vfs[1].mac
    for size in SIZES:
        eq(sock.tell(f'send 20 {size} {to}'), '20', 'sent')
        got = heard(there, count=20, seconds=5)
        true([data for data, _ in got] == [made(size)] * 20, f'frames of {size} bytes')
    eq(count(vfs[0], 'xsk_frames') - sent, 20 * len(SIZES), 'counted')
    bad = vfs[0].stats()['dev_tx_drop_malformed']
    eq(sock.tell(f'send 3 13 {vfs[1].mac}'), '3', 'too short: given back')
    eq(vfs[0].stats()['dev_tx_drop_malformed'] - bad, 3, 'dropped and counted by the device')
    eq(sock.tell(f'send 3 4000 {vfs[1].mac}'), '3', 'longer than the MTU: given back')
    eq(sock.tell(f'send 1 100 {vfs[1].mac}'), '1', 'sent afterwards')
    eq([len(data) for data, _ in heard(there, count=1, seconds=5)], [100], 'arrives')
    ping('vf0', '10.9.0.2')


def echo():
    """frames go back from where they were received, while the stack uses the queue, too"""
    vfs = setup()
    made, back = frames(*vfs), frames(*reversed(vfs))
    for options in (('wakeup',), ()):
        sock = Socket(vfs[1], *options)
        here = packet_socket(vfs[0].name, 'vf0')
        Background('ping -q -i 0.02 10.9.0.2', ns='vf0')
        for i in range(8):
            sizes = SIZES[i % 4::4]     # a raw socket does not hold all, in both directions
            sock.give(f'echo {len(sizes)} 20000')
            for size in sizes:
                here.send(made(size))
            eq(sock.answer(), str(len(sizes)), 'sent back')
            got = [data for data, _ in heard(here, count=len(sizes), seconds=5)]
            eq([len(data) for data in got], sizes, 'lengths in order')
            true(got == list(map(back, sizes)), 'frames byte for byte')
        ping('vf0', '10.9.0.2')
        sock.close()


def wakeup():
    """the kernel says when it has to be woken, and goes on by itself where it does not"""
    vfs = setup()
    there = Socket(vfs[1], 'wakeup')
    eq(there.flags(), (0, 1), 'with buffers, nothing to send')
    there.close()
    here = packet_socket(vfs[0].name, 'vf0')
    data = frame(vfs[1].mac, vfs[0].mac, size=100)
    there = Socket(vfs[1], 'wakeup', 'chunks=16')
    eq(there.flags()[0], 1, 'with few buffers')
    for told in (True, False):
        for _ in range(16):
            here.send(data)
        eq(len(there.recv(16, keep=True)), 16, 'received into all there are')
        here.send(data)
        eq(there.recv(1, seconds=0.3, keep=True), [], 'without a buffer')
        true(count(vfs[1], 'xsk_starved') > 0, 'counted')
        there.tell('give', 'ok')
        if told:
            there.tell('wake', 'ok')
        wait_for(lambda: here.send(data) and there.recv(1, seconds=0.2), 'buffers that were given')
        if told:
            there.close()
            there = Socket(vfs[1], 'chunks=16')
            eq(there.flags()[0], 0, 'who does not want to be asked is not')


def life():
    """sockets go on after resets, down and up, other rings and programs, and without one"""
    vfs = setup()
    here, there = Socket(vfs[0], 'wakeup'), Socket(vfs[1], 'wakeup')
    works(here, there)
    for what in (lambda: vfs[1].set('reset', 1),
                 lambda: sh(f'ip link set {vfs[1].name} down; sleep 0.1; '
                            f'ip link set {vfs[1].name} up', ns='vf1'),
                 lambda: sh(f'ethtool -G {vfs[1].name} rx 64 tx 128', ns='vf1'),
                 lambda: sh(f'ethtool -G {vfs[1].name} rx 1024 tx 512', ns='vf1'),
                 lambda: sh(f'ip link set {vfs[1].name} mtu 1600', ns='vf1'),
                 lambda: there.tell('exchange', 'ok'),
                 lambda: (there.tell('detach', 'ok'), there.tell('attach', 'ok'))):
        what()
        there.ready()
        works(here, there)
    sh(f'ethtool -G {vfs[1].name} rx 512 tx 512', ns='vf1')
    there.tell('detach', 'ok')
    there.ready()
    eq(there.tell(f'send 10 100 {vfs[0].mac}'), '10', 'sent without a program')
    eq(len(here.recv(10)), 10, 'arrived')
    eq(there.recv(1, seconds=0.2), [], 'received without a program')
    ping('vf0', '10.9.0.2', size=1400)
    here.close()
    there.close()       # its memory is given back a moment later
    wait_for(lambda: ping('vf0', '10.9.0.2', count=1, check=False), 'ping', seconds=20)


def queues():
    """one of several queues, the others go on; fewer queues are refused; no such queue"""
    _, vfs = pair()
    most = max(int(line.split()[-1]) for line in out(f'ethtool -l {vfs[1].name}', ns='vf1')
               .splitlines() if line.startswith('Combined'))
    true(most >= 2, f'{most} queue pairs')
    sh(f'ethtool -L {vfs[1].name} combined 2', ns='vf1')
    contains(refused_socket(vfs[1], queue=2), 'Invalid argument', 'no such queue')
    sock = Socket(vfs[1], queue=1)
    contains(refused_socket(vfs[1], 'noprog', queue=1), 'Device or resource busy', 'taken')
    contains(refused(f'ethtool -L {vfs[1].name} combined 1', ns='vf1'), 'AF_XDP', 'fewer queues')
    sh(f'ethtool -X {vfs[1].name} weight 0 1', ns='vf1')
    defer(sh, f'ethtool -X {vfs[1].name} default', ns='vf1')
    ping('vf0', '10.9.0.2')
    sh(f'ethtool -L {vfs[1].name} combined {most}', ns='vf1')
    sock.ready()
    eq(sock.tell(f'send 10 100 {vfs[0].mac}'), '10', 'sent with more queues')
    sock.close()


def limits():
    """what cannot be is refused, and the reason said: chunks, MTU, programs"""
    vfs = setup()
    refused_socket(vfs[1], 'headroom=3600')
    sock = Socket(vfs[1], 'chunk=2048')
    refused(f'ip link set {vfs[1].name} mtu 1900', ns='vf1')
    sock.tell('detach', 'ok')
    sock.ready()
    sh(f'ip link set {vfs[1].name} mtu 3000', ns='vf1')
    contains(sock.refused('attach'), 'attach: ', 'a program whose sockets have no room')
    sh(f'ip link set {vfs[1].name} mtu 1500', ns='vf1')
    sock.tell('attach', 'ok')
    sock.close()
    sock = Socket(vfs[1], 'any')
    eq(sock.tell('mode'), 'zc', 'who does not care gets it')
    sock.close()
    eq(Socket(vfs[1], 'copy').tell('mode'), 'copy', 'who wants copies gets them')


def several():
    """frames of several chunks, up to the largest MTU, both ways, back, and up the stack"""
    vfs = setup(mtu=9000)
    sizes = [60, 1400, 1500, 3000, 4500, 9014]
    some = list(map(frames(*vfs), sizes))
    contains(refused_socket(vfs[1], 'frags', 'chunk=2048'), 'Invalid argument',
             'a socket for frames of one chunk')
    sock = Socket(vfs[1], 'wakeup', 'frags', 'sg', 'chunk=2048')
    eq(sock.tell('mode'), 'zc', 'mode')
    here = packet_socket(vfs[0].name, 'vf0')
    for _ in range(20):
        for data in some:
            here.send(data)
        eq(sock.recv(len(some)), known(some), 'received')
    here, made = packet_socket(vfs[0].name, 'vf0'), frames(*reversed(vfs))
    for part in (2048, 1000, 501):      # 501: 18 of them
        for size in sizes:
            eq(sock.tell(f'send 5 {size} {vfs[0].mac} {part}'), '5', 'sent')
            got = [data for data, _ in heard(here, count=5, seconds=5)]
            eq([len(data) for data in got], [size] * 5, f'lengths in parts of {part}')
            true(got == [made(size)] * 5, 'frames byte for byte')
    sock.give(f'echo {len(sizes)} 20000')
    for data in some:
        here.send(data)
    eq(sock.answer(), str(len(sizes)), 'sent back')
    got = [data for data, _ in heard(here, count=len(sizes), seconds=5)]
    true(got == list(map(made, sizes)), 'what came back')
    for size in (100, 8972):
        ping('vf0', '10.9.0.2', size=size)
    sock.tell('detach', 'ok')
    sock.ready()
    ping('vf0', '10.9.0.2', size=8972)


def scribbled():
    """who owns the memory rewrites what the kernel notes in it: what goes up the stack is whole"""
    vfs = setup(mtu=9000)
    sock = Socket(vfs[1], 'wakeup', 'frags', 'sg', 'chunk=2048', 'chunks=64')
    ping('vf0', '10.9.0.2', size=8972)
    sock.give(f'scribble {int(5000 * slow())}')
    sleep(0.2)
    # until 100 are answered: the first, if none is lost
    said = out('ping -n -c 100 -i 0.02 -w 40 -s 8972 10.9.0.2', ns='vf0')
    eq(sorted(map(int, re.findall(r'icmp_seq=(\d+) ttl', said))), list(range(1, 101)), 'answers')
    eq(sock.answer(), 'ok', 'the program goes on')
    eq(vfs[1].stats()['rx0_errors'], 0, 'frames that make no sense')


def link():
    """a program that sleeps until there is room goes on when the link is back"""
    pf, vfs = pair()
    one_queue(vfs)
    sock = Socket(vfs[0], 'wakeup', 'noprog')
    for vf in vfs:      # else it is soon woken by what the stack sends
        where = f'/proc/sys/net/ipv6/conf/{vf.name}/disable_ipv6'
        sh(f'echo 1 >{where}', ns=vf.ns)
        defer(sh, f'echo 0 >{where}', ns=vf.ns)
    pf.link(0, 'state disable')
    defer(pf.link, 0, 'state auto')
    wait_for(lambda: 'NO-CARRIER' in out(f'ip link show {vfs[0].name}', ns='vf0'), 'no carrier')
    true(int(sock.tell(f'post 2000 100 {vfs[1].mac}')) > 512, 'a ring more than half full')
    sock.give(f'room {int(10000 * slow())}')
    sleep(0.5)
    pf.link(0, 'state auto')
    eq(sock.answer(), '1', 'there is room')


def shared_ring():
    """the stack waits for room in a ring full of a socket's frames no longer than it must"""
    pf, vfs = own('r')
    sock = Socket(vfs[0], 'wakeup', 'noprog')
    # It is to be the ring that stops the stack, not the bytes that it has under way.
    sh(f'echo 1000000 >/sys/class/net/{vfs[0].name}/queues/tx-0/byte_queue_limits/limit_min',
       ns='r0')
    ping('r0', '10.9.0.2')
    pf.link(0, 'max_tx_rate 1')
    true(int(sock.tell(f'post 1000 1500 {vfs[1].mac}')) == 1000, 'posted')
    Background(f'python3 -c {shlex.quote(DATAGRAMS)} 10.9.0.2 1000 0 1000', ns='r0')

    def stopped():
        return vfs[0].stats()['tx0_stops']
    wait_for(stopped, 'the stack is stopped')
    # The ring takes six seconds to be sent; completions are told of after a quarter of that.
    before, start = stopped(), time.monotonic()
    wait_for(lambda: stopped() >= before + 2, 'it goes on, and is stopped again, and again',
             seconds=30)
    timely(time.monotonic() - start <= 8 * slow(), 'no longer than it must')
    sock.close()


def unfinished():
    """frames of too many chunks and without end are dropped; the queue goes on"""
    vfs = setup(mtu=9000)
    here = packet_socket(vfs[0].name, 'vf0')
    made, to, resets = frames(*reversed(vfs)), vfs[0].mac, vfs[1].stats()['resets']
    for options in ((), ('twin',)):
        sock = Socket(vfs[1], 'wakeup', 'noprog', 'sg', *options)
        sock.tell(f'send 1 9000 {to} 400')              # 23 of them
        eq(heard(here), [], 'a frame of too many chunks')
        sock.tell(f'send 3 9000 {to} 1500')
        eq([data for data, _ in heard(here, count=3, seconds=5)], [made(9000)] * 3, 'after it')
        sock.tell('open', 'ok')
        ping('vf0', '10.9.0.2')                         # the stack's frames are not mixed in
        sock.tell(f'send 1 100 {to}')                   # its end
        heard(here)
        eq(sock.tell(f'send 1 200 {to}'), '1', 'sent afterwards')
        eq([data for data, _ in heard(here, count=1, seconds=5)], [made(200)], 'a frame afterwards')
        sock.close()
    eq(vfs[1].stats()['resets'], resets, 'resets')


def gone():
    """the memory is taken away again and again under traffic, by ending and by killing"""
    vfs = setup()
    Background('iperf3 -s', ns='vf1')
    wait_for(lambda: ':5201' in out('ss -Hltn', ns='vf1'), 'iperf3 server')
    Background(f'iperf3 -c 10.9.0.2 -t {int(30 * slow())}', ns='vf0')
    Background('ping -q -f 10.9.0.1', ns='vf1')
    here, data = packet_socket(vfs[0].name, 'vf0'), frames(*vfs)()
    for end in (Socket.close, Socket.kill) * 2:
        sock = Socket(vfs[1], 'wakeup')
        for _ in range(50):
            here.send(data)
        sock.tell(f'post 500 1000 {vfs[0].mac}')
        end(sock)
    wait_for(lambda: ping('vf0', '10.9.0.2', count=1, check=False), 'ping', seconds=20)


def flying():
    """frames that the device still has: the program is killed, the VF reset, its driver unbound"""
    pf, vfs = own('f')
    pf.link(0, 'max_tx_rate 1')
    sock = Socket(vfs[0], 'wakeup')
    sent = int(sock.tell(f'post 1000 1500 {vfs[1].mac}'))
    true(sent == 1000, f'{sent} in the ring')
    within(int(sock.tell('reap 1000 100')), 0, 999, 'not all sent at 1 Mb/s')
    sock.kill()
    vfs[0].carrier()
    wait_for(lambda: ping('f0', '10.9.0.2', count=1, check=False), 'ping', seconds=30)
    sock = Socket(vfs[0], 'wakeup')
    sock.tell(f'post 1000 1500 {vfs[1].mac}')
    vfs[0].set('reset', 1)
    sock.ready()
    back = int(sock.tell(f'reap 1000 {int(2000 * slow())}'))
    true(back > 0, 'nothing was given back by the reset')
    more = int(sock.tell(f'post 1000 1500 {vfs[1].mac}'))
    write(f'/sys/bus/pci/devices/{vfs[0].bdf}/driver/unbind', vfs[0].bdf)
    eq(back + int(sock.tell('reap 1000 100')) + int(sock.tell('left')), 1000 + more,
       'given back, each once, or not taken')
    sock.close()


run([receive, transmit, echo, wakeup, life, queues, limits, several, scribbled, link,
     shared_ring, unfinished, gone, flying])
