#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Two VMs share a part of a CPU; one serves web pages, the other is sent more than it wants.

What VM 1 receives takes the CPU that VM 0's server needs. A cap of what is sent to VM 1 gives it
back, if it holds before VM 1 has to do anything. The ways to cap it are those of tenants.py.
"""
import argparse
import contextlib
import math
import re
import time
import bed
import chart
import isolation
import tenants
from excess import BURST, SINK
from flood import Flood

PAGE = 1024             # bytes
CONNECTIONS = 16        # of wrk
WARM = 0.5
HELD = 0.95             # of what VM 0 does without a flood
WAYS = (tenants.BOTH, tenants.SENDING, tenants.HTB, tenants.TBF, tenants.POLICE)
COLUMNS = ('way', 'offered_kpps', 'got_kpps', 'requests', 'of_quiet_percent', 'p99_ms',
           'vm0_percent', 'vm1_percent', 'other_percent', 'idle_percent')


def load(house, both, args, kpps):
    """wrk against VM 0 and a flood to VM 1: the window, and what wrk says."""
    meter = tenants.Meter(both)
    seconds = math.ceil(WARM + args.seconds + 0.5)
    flood = Flood(house.wire, both[1].target(), kpps, args.size, BURST) if kpps \
        else contextlib.nullcontext()
    with flood, meter:
        time.sleep(0.3)
        wrk = bed.Program(house.wire, f'wrk -t 1 -c {CONNECTIONS} -d {seconds}s --latency '
                          f'http://{both[0].end.ip}/page')
        time.sleep(WARM)
        meter.watch(args.seconds)
        said = wrk.output()
    return meter, said


def measure(house, name, both, args, kpps):
    """A line of the table."""
    meter, said = load(house, both, args, kpps)
    used = [100 * part for part in meter.rates('used')]
    return {'way': name, 'offered_kpps': kpps, 'got_kpps': meter.rates('got')[1] / 1000,
            'requests': float(re.search(r'Requests/sec:\s+([\d.]+)', said).group(1)),
            'p99_ms': isolation.percentile(said), 'vm0_percent': used[0], 'vm1_percent': used[1],
            'other_percent': 100 * meter.busy - sum(used),
            'idle_percent': 100 * (1 - meter.busy)}


def lines(house, over, args):
    """Those of the adapter, or of the bridge."""
    both = house.over(over)
    isolation.serve(both[0].end, PAGE)
    both[0].gather()
    both[1].start(SINK, 9)
    rows = []
    for way in (None, tenants.Way(f'{over}, no limit', over),
                *(w for w in WAYS if w.over == over)):
        if way:
            with way.limit(house, args.cap):
                rows.append(measure(house, way.name, both, args, args.flood))
        else:
            rows.append(measure(house, f'{over}, no flood', both, args, 0))
        rows[-1]['of_quiet_percent'] = 100 * rows[-1]['requests'] / rows[0]['requests']
        show(rows[-1])
    return rows


def head(args):
    """The table's."""
    print(f'VM 0 and VM 1 have {args.core} % of the CPU together. {args.flood} kpps of {args.size} '
          f'bytes to VM 1, capped at {args.cap} Mb/s; {CONNECTIONS} connections to VM 0, pages of '
          f'{PAGE} bytes; {args.seconds:g} s of virtual time for each line.')
    print(f'{"":18} {"offered":>8} {"got":>7} {"VM 0":>8} {"of no":>7} {"p99":>7} {"VM 0":>6} '
          f'{"VM 1":>6} {"other":>6} {"idle":>6}')
    print(f'{"":18} {"kpps":>8} {"kpps":>7} {"req/s":>8} {"flood %":>7} {"ms":>7} {"CPU %":>6} '
          f'{"CPU %":>6} {"CPU %":>6} {"CPU %":>6}')


def show(r):
    """A line of the table."""
    print(f'{r["way"]:18} {r["offered_kpps"]:8.3f} {r["got_kpps"]:7.3f} {r["requests"]:8.1f} '
          f'{r["of_quiet_percent"]:7.1f} {r["p99_ms"]:7.2f} {r["vm0_percent"]:6.2f} '
          f'{r["vm1_percent"]:6.2f} {r["other_percent"]:6.1f} {r["idle_percent"]:6.1f}', flush=True)


def targets(rows):
    """What was promised."""
    got = next(r['of_quiet_percent'] for r in rows if r['way'] == tenants.BOTH.name)
    print(f'With max_tx_rate of VM 1, VM 0 does {got:.1f} % of what it does without a flood (at '
          f'least {100 * HELD:.0f} %): ' + ('met' if got >= 100 * HELD else 'missed'))


def picture(rows, path):
    """What VM 0 does, and who has the CPU."""
    text = ['way "VM 0, % of its requests without a flood" "VM 0, % of the CPU" '
            '"VM 1, % of the CPU"']
    text += [f'"{r["way"]}" {r["of_quiet_percent"]:.2f} {r["vm0_percent"]:.2f} '
             f'{r["vm1_percent"]:.2f}' for r in rows]
    chart.draw(path, f'''{chart.datablock('data', text)}
set style data histogram
set style histogram clustered gap 1
set style fill solid border -1
set ylabel "%"
set yrange [0:*]
set xtics rotate by -15
plot for [i=2:4] $data using i:xtic(1)
''')


def main():
    """Measure, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument('--link', type=int, default=1000)
    parser.add_argument('--seconds', type=float, default=1.5)
    parser.add_argument('--core', type=int, default=20)
    parser.add_argument('--cap', type=int, default=1)
    parser.add_argument('--flood', type=int, default=20)
    parser.add_argument('--size', type=int, default=1500)
    args = parser.parse_args()
    house = tenants.House(2, args.link, args.core)
    house.set_apart()
    head(args)
    rows = lines(house, 'vnic', args) + lines(house, 'bridge', args)
    targets(rows)
    chart.save_csv('/log/sharedcpu.csv', COLUMNS, rows)
    picture(rows, '/log/sharedcpu.svg')


if __name__ == '__main__':
    main()
