#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Who gets the bandwidth that a cap frees: two VMs share a wire, one of them is capped.

TCP (iperf3) by both, as much as goes, once sent to the wire and once received from it. VM 1 is
capped in all the ways of tenants.py: by the adapter, by the adapter as hardware does, by tc at a
bridge.
"""
import argparse
import time
import chart
import tenants
from fairness import BLOCK, PORT, WARM, Flow

CONNECTIONS = 8         # of each VM
STEPS = (20, 50, 80)    # percent of half a wire
HOLD, REST = 0.05, 0.95
GOODPUT = 1448 / 1514  # of what the wire carries
WAYS = (tenants.BOTH, tenants.SENDING, tenants.HTB, tenants.POLICE)
COLUMNS = ('case', 'way', 'cap_mbps', 'vf0_mbps', 'vf1_mbps', 'total_mbps', 'possible_mbps',
           'busy_percent')


def flow(house, both, case, index):
    """iperf3 of a tenant: who receives is the client."""
    vm, wire = both[index].end, house.wire
    there, here = (wire, vm) if case == 'send' else (vm, wire)
    return Flow(there, here, f'-c {here.ip}', PORT + index, f'-P {CONNECTIONS} -l {BLOCK}')


def rate(said, seconds):
    """Mb/s of what came in the window."""
    parts = [part['sum'] for part in said['intervals'][WARM:WARM + seconds]]
    return sum(p['bytes'] for p in parts) * 8e-6 / sum(p['seconds'] for p in parts)


def measure(house, case, way, mbps, args):
    """A line of the table."""
    both = house.over(way.over)
    meter = tenants.Meter(both)
    with way.limit(house, mbps), meter:
        flows = [flow(house, both, case, i) for i in (0, 1)]
        time.sleep(1)                   # until the queues of the line before are empty
        for one in flows:
            one.cmd += f' -t {WARM + args.seconds + 2}'
            one.start()
        time.sleep(WARM)
        meter.watch(args.seconds)
        rates = [rate(one.results(), args.seconds) for one in flows]
    return {'case': case, 'way': way.name if mbps else way.over + ', no cap', 'cap_mbps': mbps,
            'vf0_mbps': rates[0], 'vf1_mbps': rates[1], 'total_mbps': sum(rates),
            'busy_percent': 100 * meter.busy}


def head(args):
    """The table's."""
    print(f'The wire has {args.link} Mb/s; {args.seconds} s of virtual time for each line; '
          f'{CONNECTIONS} TCP connections of each VM; goodput.')
    print(f'{"":8}{"":18} {"cap":>5} {"VM 1":>7} {"of cap":>7} {"VM 0":>7} {"possible":>8} '
          f'{"of it":>6} {"total":>7} {"busy":>6}')
    print(f'{"":8}{"":18} {"Mb/s":>5} {"Mb/s":>7} {"%":>7} {"Mb/s":>7} {"Mb/s":>8} '
          f'{"%":>6} {"Mb/s":>7} {"CPU %":>6}')


def show(r):
    """A line of the table."""
    held = f'{100 * r["vf1_mbps"] / r["cap_mbps"]:7.1f}' if r['cap_mbps'] else f'{"-":>7}'
    rest = f'{100 * r["vf0_mbps"] / r["possible_mbps"]:6.1f}' if r['cap_mbps'] else f'{"-":>6}'
    print(f'{r["case"]:8}{r["way"]:18} {r["cap_mbps"] or "-":>5} {r["vf1_mbps"]:7.3f} {held} '
          f'{r["vf0_mbps"]:7.3f} {r["possible_mbps"]:8.3f} {rest} {r["total_mbps"]:7.3f} '
          f'{r["busy_percent"]:6.1f}', flush=True)


def targets(rows):
    """What was promised, for every way."""
    for way in WAYS:
        for case in ('send', 'receive'):
            lines = [r for r in rows if r['way'] == way.name and r['case'] == case]
            over = max(r['vf1_mbps'] / r['cap_mbps'] for r in lines)
            rest = min(r['vf0_mbps'] / r['possible_mbps'] for r in lines)
            good = over <= 1 + HOLD and rest >= REST
            print(f'{way.name}, {case}: VM 1 has at most {100 * over:.0f} % of its cap (wanted '
                  f'{100 * (1 + HOLD):.0f}), VM 0 at least {100 * rest:.0f} % of what is possible '
                  f'(wanted {100 * REST:.0f}): ' + ('met' if good else 'missed'))


def picture(rows, path):
    """What VM 0 has over the cap of VM 1, in both directions."""
    script = 'set multiplot layout 1,2\nset yrange [0:*]\nset xlabel "cap of VM 1, Mb/s"\n'
    for case in ('send', 'receive'):
        lines = ['cap possible ' + ' '.join(f'"{way.name}"' for way in WAYS)]
        for cap in sorted({r['cap_mbps'] for r in rows if r['cap_mbps']}):
            of = {r['way']: r for r in rows if r['case'] == case and r['cap_mbps'] == cap}
            lines.append(f'{cap} {of[tenants.BOTH.name]["possible_mbps"]:.4f} '
                         + ' '.join(f'{of[way.name]["vf0_mbps"]:.4f}' for way in WAYS))
        script += f'''{chart.datablock(case, lines)}
set ylabel "VM 0, both {case}, Mb/s"
plot for [i=3:{2 + len(WAYS)}] ${case} using 1:i with linespoints linewidth 2, \\
	${case} using 1:2 with lines dashtype 2 linecolor "black"
'''
    chart.draw(path, script + 'unset multiplot\n')


def main():
    """Measure, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument('--link', type=int, default=40)
    parser.add_argument('--seconds', type=int, default=4)
    args = parser.parse_args()
    house = tenants.House(2, args.link)
    # What is sent to VMs waits at the wire's other end: in a fair queue, and in frames as a wire
    # carries them, as in fairness.py.
    house.wire.run(f'ip link set {house.wire.dev} gso_max_segs 1; '
                   f'tc qdisc add dev {house.wire.dev} parent 1:1 fq_codel')
    head(args)
    rows = []
    for case in ('send', 'receive'):
        for over in ('vnic', 'bridge'):
            free = measure(house, case, tenants.Way('', over), 0, args)
            free['possible_mbps'] = GOODPUT * args.link
            rows.append(free)
            show(free)
            for way in (w for w in WAYS if w.over == over):
                for step in STEPS:
                    rows.append(measure(house, case, way, args.link * step // 200, args))
                    rows[-1]['possible_mbps'] = GOODPUT * (args.link - rows[-1]['cap_mbps'])
                    show(rows[-1])
    targets(rows)
    chart.save_csv('/log/freed.csv', COLUMNS, rows)
    picture(rows, '/log/freed.svg')


if __name__ == '__main__':
    main()
