#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Offered load: what a web server on a VF answers of requests that come at a rate, whether
those before have been answered or not.

The server has a part of a CPU, alone or with a second one, each on a VF of its own, and requests
come by connections that are kept or by a connection each (offer.c). The same over veth pairs and
a bridge is what the adapter is compared with.
"""
import argparse
import time
import bed
import chart
import isolation
import tenants

PAGE = 1024             # bytes
KEPT = 64               # connections to each server
RATES = {'kept': (400, 800, 1200, 1600, 2000, 2800, 3600),
         'new': (150, 300, 450, 600, 800, 1100, 1500)}          # requests a second, in all
BEDS = ('vnic', 'bridge')
ALL, FLAT, CONSOLIDATED, AS_BRIDGE = 0.99, 0.9, 0.9, 0.9
LIGHT = 0.7             # of the most replies a second: there all are to be answered
COLUMNS = ('kind', 'servers', 'offered') + tuple(
    f'{over}_{name}' for over in BEDS for name in
    ('replies', 'answered_percent', 'p50_ms', 'p99_ms', 'vm_percent', 'busy_percent',
     'vm_instructions', 'late_ms')) + ('vnic_thread_percent',)


def offer(house, over, kind, number, rate, seconds):
    """So many requests a second to so many servers together."""
    servers = house.over(over)[:number]
    meter = tenants.Meter(servers)
    with meter:
        how = f'{rate // number} {seconds} {KEPT if kind == "kept" else 0}'
        clients = [bed.Program(house.wire, f'/run/offer {server.end.ip} {how}')
                   for server in servers]
        for client in clients:
            client.proc.stdout.readline()
        meter.watch(seconds)
        said = [[int(n) for n in client.output(60).split()] for client in clients]
        time.sleep(0.2)
    due, answered, replies = (sum(s[i] for s in said) for i in range(3))
    p50, p99, late = (max(s[i] for s in said) / 1000 for i in (3, 4, 5))
    used = sum(meter.rates('used'))
    return {f'{over}_{name}': value for name, value in (
        ('replies', replies / seconds), ('answered_percent', 100 * answered / due),
        ('p50_ms', p50), ('p99_ms', p99), ('vm_percent', 100 * used),
        ('thread_percent', 100 * sum(meter.rates('device'))),
        ('busy_percent', 100 * meter.busy),
        ('vm_instructions', used * 1e9 * seconds / max(replies, 1)), ('late_ms', late))}


def head(args):
    """The table's."""
    print(f'The servers have {args.core} % of the CPU together; pages of {PAGE} bytes; {KEPT} '
          f'connections to each that are kept, or a new one for each request; {args.seconds} s of '
          'virtual time for each half of a line.')
    print(f'{"":4} {"":7} {"":>7} ' + ' '.join(f'{over:>8}{"":45}' for over in BEDS))
    for first, half, last in (
            (f'{"":4} {"":7} {"offered":>7}',
             f' {"replies":>8} {"answered":>8} {"p50":>7} {"p99":>7} {"VM":>6} {"all":>6} '
             f'{"a reply":>7}', f' {"thread":>6}'),
            (f'{"":4} {"servers":7} {"1/s":>7}',
             f' {"1/s":>8} {"%":>8} {"ms":>7} {"ms":>7} {"CPU %":>6} {"CPU %":>6} {"instr":>7}',
             f' {"CPU %":>6}')):
        print(first + 2 * half + last)


def show(r):
    """A line of the table."""
    halves = ''.join(
        f' {r[over + "_replies"]:8.1f} {r[over + "_answered_percent"]:8.2f} '
        f'{r[over + "_p50_ms"]:7.2f} {r[over + "_p99_ms"]:7.2f} {r[over + "_vm_percent"]:6.2f} '
        f'{r[over + "_busy_percent"]:6.1f} {r[over + "_vm_instructions"]:7.0f}' for over in BEDS)
    print(f'{r["kind"]:4} {r["servers"]:7} {r["offered"]:7}{halves} '
          f'{r["vnic_thread_percent"]:6.2f}', flush=True)


def curve(rows, kind, number):
    """The lines of a curve."""
    return [r for r in rows if r['kind'] == kind and r['servers'] == number]


def targets(rows, kinds, numbers):
    """What was promised, of each curve."""
    for kind in kinds:
        most = {}
        for number in numbers:
            lines = curve(rows, kind, number)
            most[number] = max(r['vnic_replies'] for r in lines)
            light = [r['vnic_answered_percent'] for r in lines
                     if r['offered'] <= LIGHT * most[number]]
            verdict(f'{kind}, {number}: of what is offered up to {100 * LIGHT:.0f} % of the most, '
                    'answered', min(light, default=0), 100 * ALL)
            verdict(f'{kind}, {number}: replies at the highest load, of the most',
                    100 * lines[-1]['vnic_replies'] / most[number], 100 * FLAT)
            verdict(f'{kind}, {number}: most replies, of the bridge\'s', 100 * most[number]
                    / max(r['bridge_replies'] for r in lines), 100 * AS_BRIDGE)
        if len(most) > 1:
            verdict(f'{kind}: most replies of two, of one\'s', 100 * most[2] / most[1],
                    100 * CONSOLIDATED)


def verdict(what, got, wanted):
    """A line about a target, in percent."""
    print(f'{what}: {got:.1f} % (at least {wanted:.0f} %): '
          + ('met' if got >= wanted else 'missed'))


def plot(rows, kind, numbers, what):
    """Data and gnuplot's commands for what of a kind."""
    block = f'{what}_{kind}'
    lines = ['offered ' + ' '.join(f'"{over}, {n}"' for n in numbers for over in BEDS)]
    for rate in sorted({r['offered'] for r in rows if r['kind'] == kind}):
        of = {r['servers']: r for r in rows if r['kind'] == kind and r['offered'] == rate}
        lines.append(f'{rate} ' + ' '.join(f'{of[n][f"{over}_{what}"]:.4f}'
                                           for n in numbers for over in BEDS))
    return f'''{chart.datablock(block, lines)}
plot for [i=2:{1 + 2 * len(numbers)}] ${block} using 1:i with linespoints linewidth 2'''


def picture(rows, kinds, numbers, path):
    """Replies and percentiles over what is offered."""
    script = f'set multiplot layout {len(kinds)},2\n'
    for kind in kinds:
        name = 'connections that are kept' if kind == 'kept' else 'a connection for each request'
        script += f'''set xlabel "requests offered a second, {name}"
set ylabel "replies a second"
unset logscale
set yrange [0:*]
{plot(rows, kind, numbers, 'replies')}
set ylabel "99th percentile, ms"
set logscale y
set yrange [*:*]
{plot(rows, kind, numbers, 'p99_ms')}
'''
    chart.draw(path, script + 'unset multiplot\n')


def main():
    """Measure, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument('--link', type=int, default=1000)
    parser.add_argument('--seconds', type=int, default=1)
    parser.add_argument('--core', type=int, default=10)
    parser.add_argument('--kinds', default='kept,new')
    parser.add_argument('--servers', default='1,2')
    args = parser.parse_args()
    kinds, numbers = args.kinds.split(','), [int(n) for n in args.servers.split(',')]
    house = tenants.House(2, args.link, args.core)
    house.set_apart()
    bed.sh('cp /log/bin/offer /run/offer')
    for over in BEDS:
        for server in house.over(over):
            isolation.serve(server.end, PAGE)
            server.gather()
        offer(house, over, 'new', 2, 100, 1)            # whatever is slow the first time
    head(args)
    rows = []
    for kind in kinds:
        for number in numbers:
            for rate in RATES[kind]:
                rows.append({'kind': kind, 'servers': number, 'offered': rate})
                for over in BEDS:
                    rows[-1] |= offer(house, over, kind, number, rate, args.seconds)
                show(rows[-1])
    targets(rows, kinds, numbers)
    chart.save_csv('/log/offered.csv', COLUMNS, rows)
    picture(rows, kinds, numbers, '/log/offered.svg')


if __name__ == '__main__':
    main()
