# SPDX-License-Identifier: GPL-2.0
"""The workloads: each runs once between two ends and says how many units it carried."""
import time
from vnic import sh


class Stream:
    """Packets of pktgen, dropped by tc where they arrive. The unit is a packet delivered.

    Devices that cannot send a packet more than once, as a veth, take no bursts (End.bursts):
    there as many sources send at once. Streams beside each other have other sources: those from
    `first` on. pktgen keeps a hold of each packet that it sends, as no wire does, so that who
    wants to change one copies it; `wire` packets are let go.
    """

    unit = 'packet'

    def __init__(self, size, count, burst=1, gap_us=0, sources=1, first=0, wire=False):
        self.size, self.count, self.burst, self.gap_us = size, count, burst, gap_us
        self.sources, self.wire = range(first, first + sources), wire

    def prepare(self, a, b):
        """Settings that stay."""
        if self.burst > 1 and not a.bursts:
            self.sources, self.burst = range(self.burst), 1
        b.run(f'tc qdisc add dev {b.dev} clsact 2>/dev/null || exit 0; '
              f'tc filter add dev {b.dev} ingress matchall action drop')
        lines = [f'pkt_size {self.size - 4}', f'count {self.count // len(self.sources)}', 'clone_skb 0',
                 f'dst_mac {b.mac}', f'dst {b.ip}', f'src_min {a.ip}', f'src_max {a.ip}',
                 'udp_dst_min 9', 'udp_dst_max 9', f'burst {self.burst}',
                 f'delay {self.gap_us * 1000}'] + ['flag !SHARED'] * self.wire
        if not self.sources.start:
            a.run('echo rem_device_all > /proc/net/pktgen/kpktgend_0')
        for i in self.sources:
            dev = f'{a.dev}@{i}'
            a.run(f'p=/proc/net/pktgen; echo add_device {dev} > $p/kpktgend_0; '
                  + ' '.join(f'echo "{line}" > $p/{dev};' for line in lines))

    def pace(self, a, gap_us):
        """Another gap, while it runs."""
        self.change(a, f'delay {gap_us * 1000}')

    def change(self, a, *lines):
        """Other settings."""
        a.run(f'for i in {" ".join(map(str, self.sources))}; do '
              + ' '.join(f'echo {line} > /proc/net/pktgen/{a.dev}@$i;' for line in lines) + ' done')

    def once(self, a, b, mark=True):
        """Run it; returns (units delivered, units offered)."""
        before = b.received()
        start = 'mark write /proc/net/pktgen/pgctrl start' if mark else \
            'echo start > /proc/net/pktgen/pgctrl'
        a.run(start, timeout=40)
        time.sleep(0.02)
        return b.received() - before, self.count

    def warm(self, a, b):
        """Run it without counting."""
        self.once(a, b, mark=False)

    def finish(self, a, b):
        """Undo what others would notice."""
        a.run('echo rem_device_all > /proc/net/pktgen/kpktgend_0')
        b.run(f'tc qdisc del dev {b.dev} clsact')


class Net:
    """A program of net.c against its server at the other end."""

    def __init__(self, unit, units, command, offloads=True, queues=1):
        self.unit, self.units, self.command = unit, units, command
        self.offloads, self.queues = offloads, queues

    def settings(self, a, b, offloads, queues):
        """Offloads and queues of both ends, where the workload is about them."""
        for end in (a, b):
            if not self.offloads:
                end.run('ethtool -K {0} tso {1} gso {1} gro {1} 2>/dev/null'
                        .format(end.dev, 'on' if offloads else 'off'), check=False)
            if self.queues > 1:
                end.run(f'ethtool -L {end.dev} combined {queues}', check=False)

    def prepare(self, a, b):
        """Settings and server."""
        self.settings(a, b, self.offloads, self.queues)
        serve(b)

    def once(self, a, b, mark=True):
        """Run it; the program marks by itself what is to be counted."""
        a.run(self.command.format(ip=b.ip), timeout=40)
        return self.units, self.units

    def warm(self, a, b):
        """The program warms up by itself."""

    def finish(self, a, b):
        """Settings back."""
        self.settings(a, b, True, 1)


class Back(Net):
    """The same with the program at the second end, its server at the first."""

    def prepare(self, a, b):
        super().prepare(b, a)

    def once(self, a, b, mark=True):
        return super().once(b, a, mark)

    def finish(self, a, b):
        super().finish(b, a)


class Datagrams(Net):
    """Datagrams from a socket as fast as it takes them; the unit is one that a socket got."""

    def __init__(self, size, count):
        super().__init__('datagram', count, f'net udp {{ip}} {size} {count}')

    def once(self, a, b, mark=True):
        """Run it; the program says how many arrived."""
        return int(a.out(self.command.format(ip=b.ip), timeout=40)), self.units


class Pace:
    """TCP at a rate, from the first end to the second, the other way, or both ways at once; the
    unit is a second."""

    unit = 'second'

    def __init__(self, bitrate, seconds, ways=('there', 'back')):
        self.bitrate, self.seconds, self.ways = bitrate, seconds, ways

    def flows(self, a, b):
        """Who sends to whom."""
        return [{'there': (a, b), 'back': (b, a)}[way] for way in self.ways]

    def prepare(self, a, b):
        """Servers where something arrives."""
        for _, end in self.flows(a, b):
            serve(end)

    def warm(self, a, b):
        """Run it without counting: the first takes up to half as much more."""
        self.once(a, b, mark=False)

    def once(self, a, b, mark=True):
        """Run all; count in the middle."""
        flows = self.flows(a, b)
        for end, other in flows:
            end.run(f'net pace {other.ip} {self.bitrate} {self.seconds + 2} '
                    '>/dev/null 2>&1 </dev/null &')
        time.sleep(1)
        if mark:
            sh('mark begin')
        before = time.monotonic()
        time.sleep(self.seconds)
        taken = time.monotonic() - before
        if mark:
            sh('mark end')
        for end, _ in flows:
            end.run('while pgrep -f "[n]et pace" >/dev/null; do sleep 0.1; done')
        return taken, taken

    def finish(self, a, b):
        """Nothing to undo."""


def serve(end):
    """Start the server of net.c at an end, once."""
    end.run('ss -Hlnt "sport = :7000" | grep -q . || '
            '{ net server >/dev/null 2>&1 </dev/null & sleep 0.3; }')


def guest_loads(slow):
    """Workloads of two guests; `slow` is for cards that need several times longer."""
    k = 4 if slow else 1
    mb = 48 // k
    return {
        '64-bursts': Stream(64, 8192 // k, 32, 3000 * k),
        '64-single': Stream(64, 1500 // k, 1, 400 * k),
        '64-overload': Stream(64, 8192 // k, 32),
        '1514-bursts': Stream(1518, 8192 // k, 32, 3000 * k),
        'tcp': Net('MB', mb, f'net bulk {{ip}} {mb << 20}'),
        'tcp-plain': Net('MB', mb / 2, f'net bulk {{ip}} {mb << 19}', offloads=False),
        'tcp-flows': Net('MB', mb, f'net bulk {{ip}} {mb << 20} 8', queues=4),
        'udp-8': Datagrams(8, 8192 // k),
        'udp-1460': Datagrams(1460, 8192 // k),
        'udp-rr': Net('transaction', 800 // k, f'net rr udp {{ip}} {800 // k}'),
        'tcp-rr': Net('transaction', 800 // k, f'net rr tcp {{ip}} {800 // k}'),
        'tcp-crr': Net('connection', 400 // k, f'net crr {{ip}} {400 // k}'),
        '10mbit': Pace(10000000, 2),
        '2cpu-overload': Stream(64, 50000 // k, 32),
    }


def one_loads(slow):
    """Workloads of a guest and a namespace of the host; the guest is the first end."""
    k = 4 if slow else 1
    mb = 48 // k
    return {
        'wire-tcp': Net('MB', mb, f'net bulk {{ip}} {mb << 20}'),
        'wire-tcp-back': Back('MB', mb, f'net bulk {{ip}} {mb << 20}'),
        'wire-udp-8': Datagrams(8, 8192 // k),
        'wire-udp-rr': Net('transaction', 800 // k, f'net rr udp {{ip}} {800 // k}'),
        '10mbit-send': Pace(10000000, 2, ('there',)),
        '10mbit-receive': Pace(10000000, 2, ('back',)),
    }


def host_loads():
    """Workloads of two namespaces of the host."""
    return {
        'host-64': Stream(64, 50000),
        'host-1514': Stream(1518, 50000),
    }
