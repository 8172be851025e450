#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""TCP through an inbound cap: what a bucket that drops does to it, and one that queues.

iperf3 from the other end of the wire to VF 0, which has an rx_rate, with one flow and with
many: without rx_queue, with it and ECN, with it and without ECN. A request each 10 ms
(fping) takes the same way and tells what somebody else of the VF notices.
"""
import argparse
import json
import time
import bed
import chart
from devlink import Devlink

WARM = 3                # seconds before the window: the cap's burst is spent
SECONDS = 10
GAP = 10                # ms between two requests
FLOWS = (1, 16)
KINDS = (('bucket', 0, 0), ('rx_queue, ECN', 1, 1), ('rx_queue, no ECN', 1, 0))
COLUMNS = ('flows', 'kind', 'goodput_mbps', 'rate_mbps', 'sent', 'dropped', 'loss_percent',
           'marked', 'retransmits', 'rtt_p50_ms', 'rtt_p99_ms', 'ping_lost', 'ping_p50_ms',
           'ping_p99_ms', 'idle_percent', 'reasons')


def percentile(values, percent):
    """Of sorted values, 0 if there are none"""
    return values[min(len(values) * percent // 100, len(values) - 1)] if values else 0


def requests(the_bed):
    """Round trips of fping from the wire, sorted, in ms; how many were lost"""
    count = SECONDS * 1000 // GAP
    cmd = f'fping -q -C {count} -p {GAP} -i 1 -t 2000 {the_bed.vfs[0].ip}'
    proc = bed.Program(the_bed.wire, cmd)
    times = proc.proc.communicate()[0].split(':')[1].split()    # fails if one is lost
    return sorted(float(t) for t in times if t != '-'), times.count('-')


def measure(the_bed, flows, kind, ecn):
    """A line of the table."""
    vf, wire, pf = the_bed.vfs[0], the_bed.wire, the_bed.pf
    for end in (vf, wire):
        end.run(f'sysctl -qw net.ipv4.tcp_ecn={ecn}')
    wire.run('ip tcp_metrics flush')
    window = bed.Window()
    server = bed.Program(vf, 'iperf3 -s -1')
    bed.listens(vf, 5201)
    client = bed.Program(wire, f'iperf3 -J -c {vf.ip} -P {flows} -O {WARM} -i 0.1 '
                         f'-t {SECONDS + 2}')
    with window:
        time.sleep(WARM + 0.5)
        before = pf.stats()
        window.mark()
        rtts, lost = requests(the_bed)
        window.mark()
        after = pf.stats()
        report = json.loads(client.output())
    server.stop()
    counted = {name: after[name] - before[name] for name in after}
    drops = {name[4:]: n for name, n in counted.items() if name.startswith('vfs_rx_drop') and n}
    flow_rtts = sorted(stream['rtt'] / 1000 for interval in report['intervals']
                       if not interval['sum']['omitted'] for stream in interval['streams'])
    sent = counted['vf0_rx_packets'] + counted['vf0_rx_dropped']
    return {'flows': flows, 'kind': kind,
            'goodput_mbps': report['end']['sum_received']['bits_per_second'] / 1e6,
            'rate_mbps': counted['vf0_rx_bytes'] * 8e-6 / window.seconds,
            'sent': sent, 'dropped': counted['vf0_rx_dropped'],
            'loss_percent': 100 * counted['vf0_rx_dropped'] / sent,
            'marked': counted['vf0_rx_marked'],
            'retransmits': report['end']['sum_sent']['retransmits'],
            'rtt_p50_ms': percentile(flow_rtts, 50), 'rtt_p99_ms': percentile(flow_rtts, 99),
            'ping_lost': lost, 'ping_p50_ms': percentile(rtts, 50),
            'ping_p99_ms': percentile(rtts, 99), 'idle_percent': window.idle,
            'reasons': ' '.join(f'{name}={n}' for name, n in drops.items())}


def show(rows):
    """Print the table."""
    print(f'{"":22} {"goodput":>8} {"rate":>7} {"loss":>6} {"marked":>7} {"retrans-":>8} '
          f'{"RTT p50":>8} {"p99":>7} {"requests":>8} {"p50":>7} {"p99":>7} {"idle":>6}')
    print(f'{"":22} {"Mb/s":>8} {"Mb/s":>7} {"%":>6} {"":>7} {"mits":>8} '
          f'{"ms":>8} {"ms":>7} {"lost":>8} {"ms":>7} {"ms":>7} {"CPU %":>6}')
    for r in rows:
        print(f'{r["flows"]:2}  {r["kind"]:18} {r["goodput_mbps"]:8.2f} {r["rate_mbps"]:7.2f} '
              f'{r["loss_percent"]:6.2f} {r["marked"]:7} {r["retransmits"]:8} '
              f'{r["rtt_p50_ms"]:8.2f} {r["rtt_p99_ms"]:7.2f} {r["ping_lost"]:8} '
              f'{r["ping_p50_ms"]:7.2f} {r["ping_p99_ms"]:7.2f} {r["idle_percent"]:6.1f}')
        if r['reasons']:
            print('      drops: ' + r['reasons'])


def picture(rows, path):
    """Retransmits and delay, case by case."""
    lines = ['case "goodput, Mb/s" "loss, %" "RTT p99, ms" "request p99, ms"']
    lines += [f'"{r["flows"]} {r["kind"]}" {r["goodput_mbps"]:.4f} {r["loss_percent"]:.4f} '
              f'{r["rtt_p99_ms"]:.4f} {r["ping_p99_ms"]:.4f}' for r in rows]
    chart.draw(path, f'''{chart.datablock('data', lines)}
set style data histogram
set style histogram clustered gap 1
set style fill solid border -1
set yrange [0:*]
set xtics rotate by -15
plot for [i=2:5] $data using i:xtic(1)
''')


def main():
    """Measure, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument('--link', type=int, default=40)
    parser.add_argument('--cap', type=int, default=10)
    parser.add_argument('--target', type=int, default=5000)
    parser.add_argument('--large', action='store_true')
    args = parser.parse_args()
    the_bed = bed.Bed(1, args.link)
    if not args.large:              # pieces as from afar, although it is near
        the_bed.wire.run('sysctl -qw net.ipv4.tcp_tso_rtt_log=0')
    devlink = Devlink(the_bed.pf)
    rows = []
    for flows in FLOWS:
        for kind, queue, ecn in KINDS:
            devlink.set_param('vf0_rx_rate', 0)     # the bucket is full when it gets a rate
            devlink.set_param('vf0_rx_queue', queue and args.target)
            devlink.set_param('vf0_rx_rate', args.cap)
            rows.append(measure(the_bed, flows, kind, ecn))
    print(f'The wire has {args.link} Mb/s, what is sent to VF 0 is capped at {args.cap}; rx_queue '
          f'{args.target} us; {SECONDS} s of virtual time for each line.')
    show(rows)
    chart.save_csv('/log/tcpcap.csv', COLUMNS, rows)
    picture(rows, '/log/tcpcap.svg')


main()
