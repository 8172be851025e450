#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable debug newest quick=order
# proof: stable
"""UDP on its way up the stack: in order, and joined for those who want that."""
import socket
import struct
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
from ktap import eq, note, run, true, wait_for
from vnic import inside, one_cpu, pair, ping, sh, shared

UDP_GRO = 104
BURST = 40


class Bench:
    """Two VFs; frames come to the second in bursts."""

    def __init__(self):
        _, self.vfs = pair()
        vf = self.vfs[1]
        for i, peer in enumerate(self.vfs[:2]):
            sh(f'ip addr add fd00::{i + 1}/64 dev {peer.name} nodad', ns=peer.ns)
        sh(f'ethtool -L {vf.name} combined 1', ns=vf.ns)    # fragments have no ports to hash
        self.moderate(10000)
        for ip in ('10.9.0.2', 'fd00::2'):
            wait_for(lambda ip=ip: ping('vf0', ip, count=1, check=False), 'ping')

    def moderate(self, usecs):
        """Time between two polls of the second VF, at least"""
        vf = self.vfs[1]
        sh(f'ethtool -C {vf.name} adaptive-rx off rx-usecs {usecs} rx-frames 0', ns=vf.ns)

    def sockets(self, ip, gro):
        """One that sends, and one that receives"""
        family = socket.AF_INET6 if ':' in ip else socket.AF_INET
        with inside(self.vfs[1].ns):
            take = socket.socket(family, socket.SOCK_DGRAM)
        take.bind((ip, 5400))
        take.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)     # SO_RCVBUFFORCE
        take.settimeout(20)
        if gro:
            take.setsockopt(socket.IPPROTO_UDP, UDP_GRO, 1)
        with inside('vf0'):
            give = socket.socket(family, socket.SOCK_DGRAM)
        give.connect((ip, 5400))
        return give, take


def taken(sock):
    """What one call gives: the datagrams in it"""
    data, anc, _, _ = sock.recvmsg(65536, 64)
    size = next((struct.unpack('=i', val[:4])[0] for level, kind, val in anc
                 if (level, kind) == (socket.IPPROTO_UDP, UDP_GRO)), len(data))
    return [data[i:i + size] for i in range(0, len(data), size)]


def exchange(ip, gro, sizes, bursts):
    """Bursts of datagrams arrive, all, in order and as they were; how many calls took them"""
    b = shared(Bench)
    one_cpu()
    give, take = b.sockets(ip, gro)
    calls = number = 0
    with give, take:
        for _ in range(bursts):
            sent = []
            for _ in range(BURST):
                size = sizes[number % len(sizes)]
                sent.append((b'%08d' % number + b'x' * size)[:size])
                number += 1
            for data in sent:
                give.send(data)
            got = []
            while len(got) < BURST:
                got += taken(take)
                calls += 1
            true(got == sent, f'all in order: {[d[:8] for d in got]}')
    note(f'{ip}: {number} datagrams in {calls} calls')
    return number, calls


def order():
    """datagrams of all sizes come whole and in order, IPv4 and IPv6, fragments among them"""
    for ip in ('10.9.0.2', 'fd00::2'):
        number, calls = exchange(ip, False, (8, 100, 200, 500, 1000, 1452), 15)
        eq(calls, number, 'one a call')
        number, calls = exchange(ip, False, (100, 2000, 8, 8), 8)
        eq(calls, number, 'one a call')


def joined():
    """a socket that wants datagrams joined gets them so, others beside it as they are; and again"""
    b = shared(Bench)
    for ip in ('10.9.0.2', 'fd00::2', '10.9.0.2'):
        number, calls = exchange(ip, True, (1000,), 15)
        true(calls < number / 2, f'{number} datagrams in {calls} calls')
        number, calls = exchange(ip, False, (8, 1000, 300), 5)
        eq(calls, number, 'one a call')
        give, take = b.sockets(ip, False)   # until UDP goes past GRO again, a poll for each
        with give, take:
            b.moderate(0)
            for _ in range(300):
                give.send(b'x')
                eq(take.recv(10), b'x', 'one')
            b.moderate(10000)


run([order, joined])
