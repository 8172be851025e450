#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The fairness experiment: 1, 2, 4 and 8 VFs share a wire alike, and one more asks for answers.

Each is in a namespace that sends to the wire, receives from it, or forwards: there it is a
router, which receives with its first VF what it sends with its second. The same traffic over
veth pairs and a bridge on the same wire is what the adapter is compared with.
"""
import argparse
import json
import sys
import time
import bed
import chart
import peers
from cgroup import all_threads
from vnic import read, sh

NUMBERS = (1, 2, 4, 8)
MOST = max(NUMBERS)
PROBE = 2 * MOST        # the VF that only answers; those from MOST on are the routers' second
PORT = 5300             # of the first flow's iperf3
WARM = 3                # seconds until every flow has its rate
MOST_SECONDS = 60       # that a flow may take
REST = 1                # seconds until the queues of the flows before are empty
CONNECTIONS = 4         # of a VF
BLOCK = 16384           # bytes: iperf3 counts whole ones
PERIOD = 2              # ms between requests
UDP_SECONDS = 1
UDP_LOADS = {64: 18, 1500: 1458}        # bytes of a frame, of which so many are iperf3's
UDP_KPPS = 8            # of 64-byte frames, all together
UDP_SHARE = 0.8         # of the wire, frames of 1500 bytes
HEADROOM = 0.95         # of the wire is shared, so that what queues does so at the adapter
JAIN_MIN = 0.99
CASES = 'send,receive,forward'
BEDS = ('', 'native_')
COLUMNS = ('case', 'vfs') + tuple(
    bed_name + name for bed_name in BEDS for name in
    ('min_mbps', 'max_mbps', 'total_mbps', 'jain', 'cpu_percent', 'p50_ms', 'p99_ms', 'lost',
     'idle_p99_ms')) + (
         'frame_ms', 'thread_percent', 'efficiency_percent', 'loss_64_percent', 'loss_1500_percent')


class Second(peers.NamespaceEnd):
    """Another device of a namespace that there is; takes it out of its own."""

    def __init__(self, end, other):     # pylint: disable=super-init-not-called
        self.name, self.dev = end.name, other.dev
        other.run(f'ip link set {other.dev} netns {end.name}')


class Ends:
    """The ends over one bed: namespaces, each also a router."""

    def __init__(self, ends, wire, sink):
        self.tenants, self.probe, self.wire, self.sink = ends[:MOST], ends[PROBE], wire, sink
        for tenant, other in zip(self.tenants, ends[MOST:PROBE]):
            self.make_router(tenant, Second(tenant, other))

    def make_router(self, tenant, second):
        """From 10.9.1.k, on the wire, by this router to 10.8.1.k, there too."""
        wire, sink = self.wire, self.sink
        k = tenant.ip.rsplit('.', 1)[1]
        second.up(f'10.8.0.{k}')
        bed.acquaint([second, sink])
        tenant.run('sysctl -qw net.ipv4.ip_forward=1; '
                   f'ip route add 10.9.1.{k} via {wire.ip}; ip route add 10.8.1.{k} via {sink.ip}')
        wire.run(f'ip addr add 10.9.1.{k}/32 dev {wire.dev}; '
                 f'ip route add 10.8.1.{k} via {tenant.ip} src 10.9.1.{k}')
        sink.run(f'ip addr add 10.8.1.{k}/32 dev {sink.dev}; '
                 f'ip route add 10.9.1.{k} via {second.ip} src 10.8.1.{k}')

    def flow(self, case, i):
        """Flow i of a case: the end that receives, the one that sends, and their addresses."""
        tenant = self.tenants[i]
        k = tenant.ip.rsplit('.', 1)[1]
        return {'send': (self.wire, tenant, f'-c {tenant.ip}'),
                'receive': (tenant, self.wire, f'-c {self.wire.ip}'),
                'forward': (self.sink, self.wire, f'-c 10.9.1.{k} -B 10.8.1.{k}')}[case]


class Flow:
    """iperf3 at two ends, the client receives. The server is a new one each time: the one
    before may not be over yet."""

    client = None

    def __init__(self, there, here, where, port, args):
        self.server = bed.Program(here, f'iperf3 -s -1 -p {port}')
        bed.listens(here, port)
        self.there, self.cmd = there, f'iperf3 -J -R {where} -p {port} {args}'

    def start(self):
        """Begin, all flows at once."""
        self.client = bed.Program(self.there, self.cmd)

    def results(self):
        """What the client says, after its warnings."""
        text = self.client.output(MOST_SECONDS)
        self.server.stop()
        return json.loads(text[text.index('{'):])


def start(ends, case, number, args):
    """As many flows."""
    flows = [Flow(*ends.flow(case, i), PORT + i, args) for i in range(number)]
    time.sleep(REST)
    for flow in flows:
        flow.start()
    return flows


def tcp(ends, case, number, seconds):
    """TCP as fast as it goes, requests meanwhile."""
    window = bed.Window()
    flows = start(ends, case, number, f'-P {CONNECTIONS} -l {BLOCK} -t {WARM + seconds + 2}')
    time.sleep(0.3)
    with window:
        time.sleep(WARM)
        threads = ran()
        window.mark()
        times = ask(ends, seconds)
        window.mark()
        threads = ran() - threads
        said = [flow.results() for flow in flows]
    rates = []
    for one in said:
        parts = [part['sum'] for part in one['intervals'][WARM:WARM + seconds]]
        rates.append(sum(p['bytes'] for p in parts) * 8e-6 / sum(p['seconds'] for p in parts))
    return times | {'min_mbps': min(rates), 'max_mbps': max(rates), 'total_mbps': sum(rates),
                    'jain': sum(rates) ** 2 / (number * sum(r * r for r in rates)),
                    'cpu_percent': (100 - window.idle) / number,
                    'thread_percent': 100 * threads / window.seconds / number}


def ran():
    """Seconds that the VFs' threads have run, all together."""
    return sum(int(read(f'/proc/{pid}/schedstat').split()[0]) for pid in all_threads()) / 1e9


def ask(ends, seconds):
    """Round trips from the wire to the VF that only answers."""
    probe = bed.Program(ends.wire, f'fping -q -C {seconds * 1000 // PERIOD} -p {PERIOD} -i 1 '
                        f'-t 3000 {ends.probe.ip}')
    times = probe.output().split(':')[1].split()
    rtts = sorted(float(t) for t in times if t != '-')
    return {'p50_ms': rtts[len(rtts) // 2], 'p99_ms': rtts[len(rtts) * 99 // 100],
            'lost': len(times) - len(rtts)}


def udp(ends, case, number, size, link):
    """What is lost of UDP that the wire has room for, in percent."""
    mbps = UDP_KPPS * 8 * UDP_LOADS[size] / 1000 if size == 64 else UDP_SHARE * link
    with bed.Window():
        flows = start(ends, case, number, f'-u -b {round(mbps * 1e6 / number)} '
                      f'-l {UDP_LOADS[size]} -t {UDP_SECONDS}')
        said = [flow.results()['end']['sum'] for flow in flows]
    return 100 * sum(s['lost_packets'] for s in said) / sum(s['packets'] for s in said)


def set_speed(the_bed, mbps):
    """Tell the adapter what its wire has, so that it can share that."""
    done = sh(f'devlink dev param set pci/{the_bed.pf.bdf} name link_speed value {mbps} '
              'cmode runtime', check=False)
    if done.returncode:
        sys.exit('the adapter does not know how to share: ' + done.stderr.strip())


def guarantee(the_bed, mbps, case, number):
    """Give the VFs of a case equal guarantees of the wire, all others none."""
    indices = list(range(number)) + [PROBE]
    if case == 'forward':
        indices += range(MOST, MOST + number)
    for i in range(PROBE + 1):
        the_bed.pf.link(i, 'min_tx_rate 0')
    for i in indices:
        the_bed.pf.link(i, f'min_tx_rate {mbps // len(indices)}')


def measure(the_bed, ends, case, number, args):
    """A line of the table."""
    row = {'case': case, 'vfs': number}
    the_bed.attach(the_bed.pf.dev)
    row |= tcp(ends[''], case, number, args.seconds)
    for size in UDP_LOADS:
        row[f'loss_{size}_percent'] = udp(ends[''], case, number, size, args.link)
    the_bed.attach('br0')
    row |= {'native_' + k: v for k, v in tcp(ends['native_'], case, number, args.seconds).items()}
    return row | {'efficiency_percent': 100 * row['total_mbps'] / row['native_total_mbps']}


def head():
    """The table's."""
    print(f'{"":11} {"least":>7} {"most":>7} {"total":>7} {"of":>6} {"Jain":>6} {"Jain":>6} '
          f'{"CPU":>6} {"thread":>6} {"CPU":>6} {"p50":>8} {"p99":>8} {"wanted":>8} {"p99":>8} '
          f'{"loss":>5} {"loss":>5}')
    print(f'{"":11} {"Mb/s":>7} {"Mb/s":>7} {"Mb/s":>7} {"bridge":>6} {"":>6} {"bridge":>6} '
          f'{"%/VF":>6} {"%/VF":>6} {"bridge":>6} {"ms":>8} {"ms":>8} {"ms":>8} {"bridge":>8} '
          f'{"64 %":>5} {"1500%":>5}')


def p99_max(r):
    """What the 99th percentile may be: a frame of the wire for each VF that competes more than
    without load, or as much as with the bridge, where what waits does so before either."""
    vfs = r['vfs'] * (2 if r['case'] == 'forward' else 1)
    before = 0 if r['case'] == 'send' else r['native_p99_ms']
    return max(r['idle_p99_ms'] + vfs * r['frame_ms'], before) + bed.SPARE


def show(r):
    """A line of the table."""
    print(f'{r["case"]:8} {r["vfs"]:>2} {r["min_mbps"]:7.3f} {r["max_mbps"]:7.3f} '
          f'{r["total_mbps"]:7.3f} {r["efficiency_percent"]:6.1f} {r["jain"]:6.4f} '
          f'{r["native_jain"]:6.4f} {r["cpu_percent"]:6.2f} {r["thread_percent"]:6.2f} '
          f'{r["native_cpu_percent"]:6.2f} {r["p50_ms"]:8.3f} {r["p99_ms"]:8.3f} '
          f'{p99_max(r):8.3f} {r["native_p99_ms"]:8.3f} '
          f'{r["loss_64_percent"]:5.2f} {r["loss_1500_percent"]:5.2f}', flush=True)


def targets(rows):
    """What was promised."""
    for what, name, good in (
            (f'Jain\'s index, at least {JAIN_MIN}', lambda r: f'{r["jain"]:.4f}',
             lambda r: r['jain'] >= JAIN_MIN),
            ('99th percentile, at most a frame of the wire for each VF above that without load, '
             f'or the bridge\'s if that is before either, and {bed.SPARE} ms', lambda r: f'{r["p99_ms"]:.3f}',
             lambda r: r['p99_ms'] <= p99_max(r))):
        bad = [f'{r["case"]} {r["vfs"]}: {name(r)}' for r in rows if not good(r)]
        print(f'{what}: ' + ('missed (' + ', '.join(bad) + ')' if bad else 'met'))


def picture(rows, path):
    """Sums and percentiles, case by case, with what the bridge has."""
    lines = ['case adapter bridge adapter bridge wanted']
    lines += [f'"{r["case"]} {r["vfs"]}" {r["total_mbps"]:.4f} {r["native_total_mbps"]:.4f} '
              f'{r["p99_ms"]:.4f} {r["native_p99_ms"]:.4f} {p99_max(r):.4f}' for r in rows]
    chart.draw(path, f'''{chart.datablock('data', lines)}
set multiplot layout 1,2
set style data histogram
set style histogram clustered gap 1
set style fill solid border -1
set xtics rotate by -45
set ylabel "goodput of all, Mb/s"
set yrange [0:*]
plot for [i=2:3] $data using i:xtic(1)
set ylabel "99th percentile of one more, ms, logarithmic"
set logscale y
set yrange [*:*]
plot for [i=4:5] $data using i:xtic(1), \\
	$data using 0:6 with points pointtype 2 linecolor "black" title "wanted, at most"
unset multiplot
''')


def main():
    """Measure, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument('--link', type=int, default=40)
    parser.add_argument('--seconds', type=int, default=3)
    parser.add_argument('--guarantee', action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument('--cases', default=CASES)
    args = parser.parse_args()
    the_bed = bed.Bed(PROBE + 1, args.link)
    shared = int(args.link * HEADROOM)
    if args.guarantee:
        set_speed(the_bed, shared)
    wire, sink = the_bed.wire, bed.Sink(the_bed.wire)
    # What is sent to VFs waits there, before the adapter: that queue is to be fair itself, and
    # of frames as a wire carries them.
    wire.run(f'ip link set {wire.dev} gso_max_segs 1; '
             f'tc qdisc add dev {wire.dev} parent 1:1 fq_codel')
    ends = {'': Ends(the_bed.vfs, wire, sink),
            'native_': Ends(the_bed.bridged(PROBE + 1), wire, sink)}
    idle = {}
    for name, master in zip(BEDS, (the_bed.pf.dev, 'br0')):
        the_bed.attach(master)
        with bed.Window():
            ask(ends[name], 1)
            idle[name + 'idle_p99_ms'] = ask(ends[name], args.seconds)['p99_ms']
    print(f'The wire has {args.link} Mb/s; {args.seconds} s of virtual time for each line; '
          f'one more VF answers a request every {PERIOD} ms: without load in '
          f'{idle["idle_p99_ms"]:.3f} ms (bridge: {idle["native_idle_p99_ms"]:.3f} ms). '
          f'{"Equal" if args.guarantee else "No"} guarantees.')
    head()
    rows = []
    idle['frame_ms'] = bed.frame_ms(args.link)
    for case in args.cases.split(','):
        for number in NUMBERS:
            if args.guarantee:
                guarantee(the_bed, shared, case, number)
            rows.append(idle | measure(the_bed, ends, case, number, args))
            show(rows[-1])
    targets(rows)
    chart.save_csv('/log/fairness.csv', COLUMNS, rows)
    picture(rows, '/log/fairness.svg')


if __name__ == '__main__':
    main()
