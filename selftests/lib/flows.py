# SPDX-License-Identifier: GPL-2.0
"""Packets of flows, what a device's hash over them is, and which queue they come to."""
import socket
import time

from ktap import eq, slow
from vnic import checksum, mac_bytes, packet_socket

TCP, UDP, ICMP = 6, 17, 1
NONE, XOR, OR_XOR = range(3)


class Flow:
    """A flow: addresses as text, of IPv4 or IPv6, and ports."""

    def __init__(self, proto, src, dst, sport=0, dport=0):
        self.v6 = ':' in src
        family = socket.AF_INET6 if self.v6 else socket.AF_INET
        self.proto = proto
        self.ends = [socket.inet_pton(family, src), socket.inet_pton(family, dst)]
        self.ports = [sport.to_bytes(2, 'big'), dport.to_bytes(2, 'big')]

    def back(self):
        """The other direction of it."""
        flow = object.__new__(Flow)
        flow.v6, flow.proto = self.v6, self.proto
        flow.ends, flow.ports = self.ends[::-1], self.ports[::-1]
        return flow

    def frame(self, dst, src, fragment=False):
        """An Ethernet frame of it, from one MAC to another; or a middle piece of a datagram."""
        body = b''.join(self.ports) + bytes(36)
        if self.v6:
            ip = b'\x60\0\0\0' + len(body).to_bytes(2, 'big') + bytes([self.proto, 64])
        else:
            ip = (b'\x45\0' + (20 + len(body)).to_bytes(2, 'big') + b'\0\1' +
                  (b'\x20\x04' if fragment else b'\0\0') + bytes([64, self.proto, 0, 0]))
            ip = ip[:10] + checksum(ip + b''.join(self.ends)).to_bytes(2, 'big')
        return (mac_bytes(dst) + mac_bytes(src) + (b'\x86\xdd' if self.v6 else b'\x08\0') + ip +
                b''.join(self.ends) + body)

    def hashed(self, key, fields='sdfn', xfrm=NONE):
        """Its Toeplitz hash over fields (as ethtool calls them); None: over nothing."""
        if not fields:
            return None
        data = bytes(self.input(fields, xfrm))
        bits = int.from_bytes(key, 'big')
        total = 0
        for i in range(8 * len(data)):
            if data[i // 8] >> 7 - i % 8 & 1:
                total ^= bits >> 8 * len(key) - 32 - i & 0xffffffff
        return total

    def input(self, fields, xfrm):
        """What is hashed: addresses and ports, 0 where they are not chosen."""
        for pair, names in ((self.ends, 'sd'), (self.ports, 'fn')):
            pair = [part if name in fields else bytes(len(part))
                    for part, name in zip(pair, names)]
            if xfrm:
                pair = [bytes(a ^ b for a, b in zip(*pair)),
                        bytes(a ^ b if xfrm == XOR else a | b for a, b in zip(*pair))]
            yield from pair[0] + pair[1]


class Steered:
    """A VF to which flows are sent by a raw socket of another one; nobody else may send."""

    def __init__(self, vf, sender):
        self.vf = vf
        self.macs = vf.mac, sender.mac
        self.sock = packet_socket(sender.name, sender.ns)
        self.seen = self.packets()

    def packets(self):
        """Received by each of its queues."""
        stats = self.vf.stats()
        return [stats[f'rx{i}_packets'] for i in range(16) if f'rx{i}_packets' in stats]

    def come(self, flows, lost=(), **kwargs):
        """The queue to which packets of each of up to 6 flows come; None if to none.

        Of the nth 2^n are sent: a queue's counter says which have come to it.  Where lost
        are expected, those are not waited for.
        """
        for i, flow in enumerate(flows):
            data = flow.frame(*self.macs, **kwargs)
            for _ in range(1 << i):
                self.sock.send(data)
        due = sum(1 << i for i in range(len(flows)) if i not in lost)
        before, self.seen = self.seen, self.packets()
        end = time.monotonic() + 30 * slow()
        while sum(self.seen) - sum(before) < due and time.monotonic() < end:
            self.seen = self.packets()
        came = [new - old for new, old in zip(self.seen, before)]
        eq(sum(came), due, f'packets ({came})')
        return [next((queue for queue, n in enumerate(came) if n >> i & 1), None)
                for i in range(len(flows))]
