#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Virtual routers: 1, 2 and 4 guests that forward between two cards each, from a wire to it.

The cards are two VFs of a guest, or two virtio-net with vhost-net on taps in a bridge. pktgen
at the wire's other end sends each router a number of frames: what does not arrive at the
router's sink, which is at that end, too, is lost.
"""
import argparse
import time
import bed
import chart
import peers
from flood import Nobody
from kept import Kept
from ktap import wait_for
from loads import Stream
from vnic import sh

NUMBERS = (1, 2, 4)
KINDS = ('vnic', 'vhost')
SIZES = (64, 1500)
BURST = 8               # frames that arrive at a router at once
FIRST_KPPS = 16         # of all routers together, where the search begins
EXACT = 1.06            # the search ends where two rates are as near
IDLE_MIN = 1            # percent of the CPU
STRESS = 0.7            # of its rate without loss, to each other router
OVERLOAD = 2            # times that rate, to each
PINGS, PERIOD = 400, 2  # requests; ms between them
DRAINED = 0.05          # seconds until what was sent has arrived
JAIN_MIN, P99_MAX = 0.99, 2.0
COLUMNS = ('cards', 'routers', 'kpps_64', 'idle_64_percent', 'kpps_1500', 'idle_1500_percent',
           'p50_ms', 'p99_ms', 'stressed_p50_ms', 'stressed_p99_ms', 'overload_kpps', 'least_kpps',
           'jain')


class Port(peers.End):
    """A card of a router."""

    def __init__(self, end, dev):
        self.end, self.dev = end, dev

    def run(self, cmd, timeout=30, check=True):
        return self.end.run(cmd, timeout=timeout, check=check)


class Router:
    """A guest that forwards what is for its sink, and the answers."""

    def __init__(self, the_bed, index, end):
        def two_devices():
            devs = end.out(peers.NETDEVS).split()
            return devs if len(devs) == 2 else None
        near, far = (Port(end, dev) for dev in wait_for(two_devices, 'two cards', 60))
        wire = the_bed.wire
        self.end, self.near = end, near
        self.sink = bed.Sink(wire, f'sink{index}', f'10.8.0.{200 + index}')
        near.up(f'10.9.0.{index + 1}')
        far.up(f'10.8.0.{index + 1}')
        bed.acquaint([near, wire])
        bed.acquaint([far, self.sink])
        end.run('echo 1 >/proc/sys/net/ipv4/ip_forward')
        wire.run(f'ip route replace {self.sink.ip} via {near.ip}')
        self.sink.run(f'ip route add {wire.ip} via {far.ip}; '
                      'tc qdisc add dev {0} clsact; tc filter add dev {0} ingress protocol ip '
                      'u32 match ip protocol 17 0xff action drop'.format(self.sink.dev))
        # A bridge must have seen all of them, else it floods.
        wire.run(f'ping -c 2 -i 0.2 -W 5 {self.sink.ip}', timeout=60)

    def gone(self):
        """It is not needed any more."""
        self.end.guest.kill()
        sh(f'ip netns del {self.sink.name}')


def make(the_bed, kind, index):
    """A router with cards of this kind."""
    name = f'{kind[:2]}{index}'
    if kind == 'vnic':
        vfs = [the_bed.pf.vf(2 * index + i).to_vfio() for i in range(2)]
        return Router(the_bed, index, peers.GuestEnd(name, vfs))
    cards = [peers.tap(2 * index + i, 'virtio-net-pci', ',vhost=on', f'n{i}') for i in range(2)]
    return Router(the_bed, index, peers.GuestEnd(name, extra=' '.join(cards)))


def alive(routers):
    """Fails if one is a guest that hangs."""
    for router in routers:
        router.end.run('true')


class Lots:
    """Frames of a size to some routers alike, so many at such a rate."""

    def __init__(self, the_bed, routers, size):
        self.wire, self.routers = the_bed.wire, routers
        self.streams = [Lots.stream(size, i) for i in range(len(routers))]
        for stream, router in zip(self.streams, routers):
            stream.prepare(self.wire, Nobody(router.near.mac, router.sink.ip))

    @staticmethod
    def stream(size, index):
        """Of the pktgen sources of a router."""
        return Stream(size, 1, sources=BURST, first=index * BURST)

    def set(self, kpps, seconds):
        """The next lot, of all together; returns the frames for each router (0: no end)."""
        gap = int(BURST * len(self.streams) * 1000 / kpps)
        count = int(seconds * 1e6 / gap)
        for stream in self.streams:
            stream.change(self.wire, f'count {count}', f'delay {gap * 1000}')
        return count * BURST

    def send(self, kpps, seconds):
        """A lot. (kpps offered, kpps of it that arrived at each router, lost, idle CPU)"""
        count = self.set(kpps, seconds)
        before = [router.sink.received() for router in self.routers]
        window = bed.Window()
        with window:
            window.mark()
            self.wire.run('echo start >/proc/net/pktgen/pgctrl', timeout=120)
            window.mark()
            time.sleep(DRAINED)
        got = [r.sink.received() - b for r, b in zip(self.routers, before)]
        seconds = self.took()
        rates = [n / 1000 / seconds for n in got]
        return (count * len(got) / 1000 / seconds, rates, count * len(got) - sum(got),
                max(0, 100 - (100 - window.idle) * window.seconds / seconds))

    def took(self):
        """Seconds that pktgen needed; what starts it takes longer."""
        said = self.wire.out("grep -ho 'OK: [0-9]*' /proc/net/pktgen/ethfar@*")
        return max(int(line.split()[1]) for line in said.splitlines()) / 1e6


def search(lots, seconds):
    """The highest rate without loss, and what the CPU was idle there. Where it is not idle at
    all, what is not lost yet stays in queues, which grow."""
    good = bad = idle = 0
    kpps = FIRST_KPPS
    while not bad or bad > EXACT * max(good, 0.1):
        offered, _, lost, rest = lots.send(kpps, seconds)
        print(f'# {kpps:.2f} kpps: offered {offered:.2f}, lost {lost}, idle {rest:.1f} %',
              flush=True)
        if lost or rest < IDLE_MIN:
            alive(lots.routers)
            bad, kpps = kpps, (good + kpps) / 2
            continue
        good, idle = kpps, rest
        end = good * (100 - IDLE_MIN) / (100 - idle)    # where the CPU would be idle no more
        if end < EXACT * good:
            break
        # From below: a guest that is sent too much hangs more often.
        kpps = max(end / EXACT, EXACT * good)
        if bad:
            kpps = min(kpps, (good + bad) / 2)
    return good, idle


def ask(the_bed, router):
    """Round trips through a router: median and 99th percentile."""
    probe = bed.Program(the_bed.wire, f'fping -q -C {PINGS} -p {PERIOD} -i 1 -t 3000 '
                        f'{router.sink.ip}')
    times = probe.output(120).split(':')[1].split()
    rtts = sorted(float(t) for t in times if t != '-')
    return rtts[len(rtts) // 2], rtts[len(rtts) * 99 // 100]


def latency(the_bed, routers, kpps):
    """Through the first router, with the others idle and with each of them sent so much."""
    with bed.Window():
        row = dict(zip(('p50_ms', 'p99_ms'), ask(the_bed, routers[0])))
    if len(routers) == 1:
        return row
    lots = Lots(the_bed, routers[1:], SIZES[0])
    lots.set(kpps * (len(routers) - 1), 0)
    with bed.Window():
        noise = bed.Program(the_bed.wire, 'echo start >/proc/net/pktgen/pgctrl')
        time.sleep(0.1)
        row |= dict(zip(('stressed_p50_ms', 'stressed_p99_ms'), ask(the_bed, routers[0])))
        the_bed.wire.run('echo stop >/proc/net/pktgen/pgctrl')
        noise.output(60)
    return row


def fairness(the_bed, routers, kpps, seconds):
    """All are sent more than they can forward."""
    _, rates, _, _ = Lots(the_bed, routers, SIZES[0]).send(kpps, seconds)
    return {'overload_kpps': sum(rates), 'least_kpps': min(rates),
            'jain': sum(rates) ** 2 / (len(rates) * sum(r * r for r in rates))}


class Lines:
    """The table's lines; routers are started when the first line that needs them is missing."""

    def __init__(self, seconds):
        self.seconds = seconds
        self.kept = Kept('/log/routers.rows')
        self.bed, self.kind, self.routers = None, None, []

    def some(self, kind, number):
        """So many routers of a kind."""
        if not self.bed:
            self.bed = bed.Bed(0)
            self.bed.pf.numvfs(2 * max(NUMBERS))
        if kind != self.kind:
            for router in self.routers:
                router.gone()
            self.kind, self.routers = kind, []
            if kind == 'vhost':
                sh('modprobe vhost_net')
                peers.bridge()
            self.bed.attach('br0' if kind == 'vhost' else self.bed.pf.dev)
        while len(self.routers) < number:
            self.routers.append(make(self.bed, kind, len(self.routers)))
        return self.routers[:number]

    def part(self, kind, number, name, measure):
        """A part of a line: what measure(routers) says."""
        def fresh():
            routers = self.some(kind, number)
            got = measure(routers)
            alive(routers)
            return got
        return self.kept.get(f'{kind} {number} {name}', fresh)

    def line(self, kind, number):
        """A line."""
        row = {'cards': kind, 'routers': number}
        for size in SIZES:
            def rate(routers, size=size):
                return search(Lots(self.bed, routers, size), self.seconds)
            row[f'kpps_{size}'], row[f'idle_{size}_percent'] = \
                self.part(kind, number, f'rate {size}', rate)
        each = row['kpps_64'] / number
        row |= self.part(kind, number, 'latency',
                         lambda routers: latency(self.bed, routers, STRESS * each))
        if number > 1:
            row |= self.part(kind, number, 'fairness', lambda routers: fairness(
                self.bed, routers, OVERLOAD * row['kpps_64'], self.seconds))
        return row


def head():
    """The table's."""
    print(f'{"":6} {"":7} {"64 bytes":>8} {"idle":>6} {"1500":>8} {"idle":>6} {"p50":>7} '
          f'{"p99":>7} {"p50":>8} {"p99":>8} {"ratio":>6} {"overload":>8} {"least":>8} {"Jain":>6}')
    print(f'{"cards":6} {"routers":7} {"kpps":>8} {"CPU %":>6} {"kpps":>8} {"CPU %":>6} '
          f'{"idle":>7} {"ms":>7} {"stressed":>8} {"ms":>8} {"":>6} {"kpps":>8} {"kpps":>8}')


def show(r):
    """A line of the table."""
    text = f'{r["cards"]:6} {r["routers"]:>7} {r["kpps_64"]:8.2f} {r["idle_64_percent"]:6.1f} ' \
           f'{r["kpps_1500"]:8.2f} {r["idle_1500_percent"]:6.1f} {r["p50_ms"]:7.3f} ' \
           f'{r["p99_ms"]:7.3f} '
    if 'stressed_p99_ms' in r:
        text += f'{r["stressed_p50_ms"]:8.3f} {r["stressed_p99_ms"]:8.3f} ' \
                f'{r["stressed_p99_ms"] / r["p99_ms"]:6.1f} '
    if 'jain' in r:
        text += f'{r["overload_kpps"]:8.2f} {r["least_kpps"]:8.2f} {r["jain"]:6.4f}'
    print(text, flush=True)


def targets(rows):
    """What was promised."""
    ours = [r for r in rows if r['cards'] == 'vnic']
    for what, needs, name, good in (
            (f'Jain\'s index, at least {JAIN_MIN}', 'jain', lambda r: r['jain'],
             lambda x: x >= JAIN_MIN),
            (f'99th percentile, at most {P99_MAX:.0f} times that with the others idle',
             'stressed_p99_ms', lambda r: r['stressed_p99_ms'] / r['p99_ms'],
             lambda x: x <= P99_MAX)):
        judged = [r for r in ours if needs in r]
        bad = [f'{r["routers"]}: {name(r):.2f}' for r in judged if not good(name(r))]
        print(f'{what}, of ' + ' and '.join(str(r['routers']) for r in judged) + ' routers: '
              + ('missed (' + ', '.join(bad) + ')' if bad else 'met'))
    known = {(r['cards'], r['routers']): r for r in rows}
    ratios = [(f'{number} of {size}', known['vnic', number][f'kpps_{size}']
               / known['vhost', number][f'kpps_{size}'])
              for number in NUMBERS for size in SIZES if ('vhost', number) in known]
    if ratios:
        print('rate without loss of vnic by that of vhost, at least 1: '
              + ', '.join(f'{name}: {x:.2f}' for name, x in ratios)
              + (': met' if min(x for _, x in ratios) >= 1 else ': missed'))


def picture(rows, path):
    """Rates and percentiles."""
    lines = ['cards "64 bytes" "1500 bytes" "others idle" "others stressed"']
    lines += [f'"{r["cards"]} {r["routers"]}" {r["kpps_64"]:.3f} {r["kpps_1500"]:.3f} '
              f'{r["p99_ms"]:.4f} {r.get("stressed_p99_ms", "?")}' for r in rows]
    chart.draw(path, f'''{chart.datablock('data', lines)}
set multiplot layout 1,2
set style data histogram
set style histogram clustered gap 1
set style fill solid border -1
set ylabel "highest rate without loss, all routers, kpps"
set yrange [0:*]
plot for [i=2:3] $data using i:xtic(1)
set ylabel "99th percentile through a router, ms"
plot for [i=4:5] $data using i:xtic(1)
unset multiplot
''')


def main():
    """Measure, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument('--seconds', type=float, default=0.3)
    parser.add_argument('--most', type=int, default=max(NUMBERS))
    args = parser.parse_args()
    lines = Lines(args.seconds)
    rows = []
    head()
    # As many guests as often hang come last.
    few = [n for n in NUMBERS if n <= min(2, args.most)]
    many = [n for n in NUMBERS if few[-1] < n <= args.most]
    for kind, numbers in [(kind, few) for kind in KINDS] + [(kind, many) for kind in KINDS[::-1]]:
        for number in numbers:
            rows.append(lines.line(kind, number))
            show(rows[-1])
    rows.sort(key=lambda r: (KINDS.index(r['cards']), r['routers']))
    targets(rows)
    chart.save_csv('/log/routers.csv', COLUMNS, rows)
    picture(rows, '/log/routers.svg')


if __name__ == '__main__':
    main()
