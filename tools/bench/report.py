#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Prints what tools/bench/run measured, in the Debian tree: report.py [OPTION]... DIR

--csv FILE      write the table there, too
--svg FILE      and a picture
--compare FILE  what changed since that CSV
--profile       where the instructions go
--check FILE    fail where vnic costs more than 3 % over the figures of that CSV
"""
import argparse
import csv
import glob
import os
import sys
import chart
import fold

COLUMNS = ('workload', 'peer', 'unit', 'insns', 'spread', 'guest', 'exits', 'interrupts', 'kicks',
           'switches', 'delivered', 'repeats')
LOADS = ('64-bursts', '64-single', '64-overload', '1514-bursts', 'udp-8', 'udp-1460', 'tcp',
         'tcp-plain', 'tcp-flows', 'tcp-crr', 'udp-rr', 'tcp-rr', '10mbit', 'wire-tcp',
         'wire-tcp-back', 'wire-udp-8', 'wire-udp-rr', '10mbit-send', '10mbit-receive',
         '2cpu-overload', 'host-64', 'host-1514')
FLOORS = ('direct', 'bare')     # no card at all: what the rest of a workload costs
PEERS = ('direct', 'bare', 'vnic', 'vnic64', 'virtio', 'vhost', 'macvtap', 'qemu', 'e1000', 'rtl8139', 'veth',
         'macvlan', 'ipvlan')
SPREAD_MAX = 2.0    # percent; above, a figure is marked
RISE_MAX = 3.0      # percent that --check accepts

# What one guest's traffic costs in a second, and the most that ours may have of vhost's.
COSTS = ('insns', 'switches', 'interrupts', 'exits', 'kicks')
COST_LOADS = ('10mbit-send', '10mbit-receive')
COST_MAX = 0.6
# Hardware SR-IOV by virtio at 10 Mb/s of TCP, as 'Virtual network interfaces: challenges and
# solutions' has them in its cost tables: cycles 18.8 of 33.4 M/s and 31.1 of 51.8, interrupts
# 390 of 1700 and 1200 of 2600.
PAPER = {('10mbit-send', 'insns'): 18.8 / 33.4, ('10mbit-send', 'interrupts'): 390 / 1700,
         ('10mbit-receive', 'insns'): 31.1 / 51.8, ('10mbit-receive', 'interrupts'): 1200 / 2600}

# Of ours: workload, what of it, peer, and the ratio ours / peer at most.
TARGETS = {
    'vnic': (
        ('64-bursts', 'insns', 'vhost', 0.40),
        ('64-single', 'insns', 'vhost', 0.73),
        ('64-overload', 'insns', 'vhost', 0.35),
        ('1514-bursts', 'insns', 'vhost', 0.43),
        ('tcp', 'insns', 'vhost', 0.60),
        ('tcp-plain', 'insns', 'vhost', 0.55),
        ('udp-rr', 'insns', 'vhost', 0.54),
        ('tcp-rr', 'insns', 'vhost', 0.54),
        ('10mbit', 'insns', 'vhost', 0.60),
        ('10mbit', 'interrupts', 'vhost', 0.40),
        ('10mbit', 'exits', 'vhost', 0.40),
        ('host-64', 'insns', 'veth', 0.85),
        ('host-1514', 'insns', 'veth', 0.95),
    ),
    'virtio': (
        ('64-bursts', 'insns', 'vhost', 0.55),
        ('64-overload', 'insns', 'vhost', 0.50),
        ('1514-bursts', 'insns', 'vhost', 0.60),
        ('tcp', 'insns', 'vhost', 0.80),
        ('tcp-plain', 'insns', 'vhost', 0.70),
        ('udp-rr', 'insns', 'vhost', 0.60),
        ('tcp-rr', 'insns', 'vhost', 0.60),
    ),
}
EVENTS_MAX = 20     # kicks and interrupts per 1000 packets at a saturating load


def table(path):
    """What all machines below the directory measured: a dictionary per workload and peer."""
    groups = {}
    for results in sorted(glob.glob(path + '/*/results')):
        for row in fold.figures(os.path.dirname(results)):
            groups.setdefault((row['load'], row['peer']), []).append(row)
    rows = []
    for (load, peer), group in groups.items():
        per = [r['insns'] / max(r['units'], 1) for r in group]
        mean = sum(per) / len(per)
        units = max(sum(r['units'] for r in group), 1)
        row = {'workload': load, 'peer': peer, 'unit': group[0]['unit'], 'insns': mean,
               'spread': 100 * (max(per) - min(per)) / mean,
               'guest': 100 * sum(r['guest'] for r in group) / sum(r['insns'] for r in group),
               'delivered': 100 * units / sum(r['offered'] for r in group),
               'repeats': len(group), 'last': group[-1]}
        for name in ('exits', 'interrupts', 'kicks', 'switches'):
            row[name] = sum(r[name] for r in group) / units
        rows.append(row)
    return sorted(rows, key=lambda r: (LOADS.index(r['workload']), PEERS.index(r['peer'])))


def load_csv(path):
    """A table written before, by workload and peer."""
    with open(path, encoding='ascii', newline='') as file:
        lines = (line for line in file if not line.startswith('#'))
        return {(row['workload'], row['peer']): row for row in csv.DictReader(lines)}


def show(rows):
    """The table, for people."""
    print(chart.versions())
    print(f'{"workload":12} {"peer":8} {"unit":11} {"instructions":>12} {"spread":>7} '
          f'{"in guests":>9} {"exits":>8} {"interrupts":>10} {"kicks":>8} {"switches":>8} '
          f'{"delivered":>9}')
    for row in rows:
        mark = '!' if row['spread'] > SPREAD_MAX else ' '
        print(f'{row["workload"]:12} {row["peer"]:8} {row["unit"]:11} {row["insns"]:12.0f} '
              f'{row["spread"]:5.1f} %{mark} {row["guest"]:6.1f} % {row["exits"]:8.3f} '
              f'{row["interrupts"]:10.3f} {row["kicks"]:8.3f} {row["switches"]:8.3f} '
              f'{row["delivered"]:7.1f} %')
    print('Per unit. Exits: of guests to the host. Interrupts: in guests. '
          '!: repeats differ by more than 2 %.')


def costs(rows):
    """What one guest's traffic costs, peers side by side, and what ours has of vhost's."""
    rows = [row for row in rows if row['workload'] in COST_LOADS]
    known = {(row['workload'], row['peer']): row for row in rows}
    names = list(dict.fromkeys(row['peer'] for row in rows))
    ours = [name for name in names if name in TARGETS] if 'vhost' in names else []
    if not rows:
        return
    print(f'\n{"a second":14} {"":10} ' + ' '.join(f'{name:>11}' for name in names)
          + ''.join(f' {name + " / vhost":>20}' for name in ours) + f' {"paper":>6}')
    for load, what in ((load, what) for load in COST_LOADS for what in COSTS):
        cells = {name: known[load, name][what] for name in names if (load, name) in known}
        line = f'{load:14} {what:10} ' + ' '.join(
            f'{cells[name]:11.0f}' if name in cells else f'{"-":>11}' for name in names)
        for name in ours:
            line += f' {judged(cells.get(name), cells.get("vhost")):>20}'
        paper = PAPER.get((load, what))
        print(line + (f' {paper:6.2f}' if paper else f' {"-":>6}'))


def judged(our, their):
    """A ratio, with what was aimed at."""
    if our is None or not their:
        return '-'
    return f'{our / their:.2f} {"met" if our / their <= COST_MAX else "MISSED"}'


def ratios(known, name):
    """Ratios of a peer of ours against what is aimed at: (workload, of what, ratio, at most)."""
    lines = []
    for load, what, peer, most in TARGETS[name]:
        ours, theirs = known.get((load, name)), known.get((load, peer))
        if ours and theirs and theirs[what]:
            lines.append((load, what + ' / ' + peer, ours[what] / theirs[what], most))
    return lines


def floors(rows):
    """What each workload costs without a card, and what every peer has beyond that."""
    known = {(row['workload'], row['peer']): row for row in rows}
    head = False
    for load in dict.fromkeys(row['workload'] for row in rows):
        floor = next((known[load, name]['insns'] for name in FLOORS if (load, name) in known), 0)
        yard = known.get((load, 'vhost')) or known.get((load, 'veth'))
        if not floor or not yard:
            continue
        if not head:
            print(f'\n{"floor":14} {"instructions":>12}  and what each peer is of its yardstick, '
                  'with the floor and (without)')
            head = True
        cells = [f'{name} {known[load, name]["insns"] / yard["insns"]:.2f} '
                 f'({(known[load, name]["insns"] - floor) / (yard["insns"] - floor):.2f})'
                 for name in ('vnic', 'virtio') if (load, name) in known]
        print(f'{load:14} {floor:12.0f}  {floor / yard["insns"]:.2f} of {yard["peer"]}; '
              + ', '.join(cells))


def split(rows):
    """Whose the instructions are, peers side by side."""
    print(f'\n{"whose":14} {"peer":8} ' + ' '.join(f'{part:>14}' for part in fold.PARTS))
    for row in rows:
        last = row['last']
        got = fold.parts(last['log'], last['window'], max(last['units'], 1))
        print(f'{row["workload"]:14} {row["peer"]:8} '
              + ' '.join(f'{got[part]:14.0f}' for part in fold.PARTS))


def other_targets(known):
    """What else is aimed at, of vnic's; likewise."""
    lines = []
    for load in ('64-overload', '2cpu-overload'):
        ours = known.get((load, 'vnic'))
        if ours:
            events = 1000 * (ours['kicks'] + ours['interrupts'])
            lines.append((load, 'kicks + interrupts per 1000', events, EVENTS_MAX))
    small, large = known.get(('host-64', 'vnic')), known.get(('host-64', 'vnic64'))
    if small and large:
        lines.append(('host-64', '64 VFs / 2 VFs', large['insns'] / small['insns'], 1.05))
    return lines


def targets(rows):
    """Say which targets are met."""
    known = {(row['workload'], row['peer']): row for row in rows}
    for name in TARGETS:
        lines = ratios(known, name) + (other_targets(known) if name == 'vnic' else [])
        if lines:
            print(f'\n{name} compared')
        for load, what, ratio, most in lines:
            print(f'{load:12} {what:28} {ratio:7.2f}   at most {most:5.2f}   '
                  f'{"met" if ratio <= most else "MISSED"}')


def compare(rows, path):
    """What changed since an older table."""
    old = load_csv(path)
    print(f'\nCompared with {os.path.basename(path)}')
    for row in rows:
        before = old.get((row['workload'], row['peer']))
        if not before:
            continue
        was = float(before['insns'])
        print(f'{row["workload"]:12} {row["peer"]:8} {was:12.0f} -> {row["insns"]:10.0f}  '
              f'{100 * (row["insns"] / was - 1):+6.1f} %')


def check(rows, path):
    """The guard against regressions; returns failures. See the head of the CSV."""
    known = {(row['workload'], row['peer']): row for row in rows}
    passed = failed = 0
    for (load, peer), before in load_csv(path).items():
        yard = before['yardstick']
        ours, theirs = known.get((load, peer)), known.get((load, yard))
        name = f'{load}: {peer} / {yard}'
        if not ours or not theirs:
            print(f'not ok {name}: not measured')
            failed += 1
            continue
        ratio, was = ours['insns'] / theirs['insns'], float(before['ratio'])
        change = 100 * (ratio / was - 1)
        good = change <= RISE_MAX
        print(f'{"ok" if good else "not ok"} {name}: {ratio:.4f} ({ours["insns"]:.0f} / '
              f'{theirs["insns"]:.0f}), committed {was:.4f}, {change:+.1f} %')
        passed, failed = passed + good, failed + (not good)
        if change < -RISE_MAX:
            print(f'# cheaper than committed: put {ratio:.4f} into {os.path.basename(path)}')
    if failed:
        print(f'# more than {RISE_MAX:.0f} % above tools/bench/{os.path.basename(path)}; '
              'its head says how to update it')
    print(f'{passed} passed, {failed} failed, 0 skipped')
    return failed


SHOWN = ('vnic', 'virtio', 'vhost', 'macvtap', 'qemu'), ('vnic', 'veth', 'macvlan', 'ipvlan')
COLOURS = {'vnic': '#1f4e79', 'virtio': '#5b9bd5', 'macvtap': '#d9a441', 'qemu': '#b55a30',
           'macvlan': '#d9a441', 'ipvlan': '#b55a30'}      # the yardstick is grey
TOP = 2.0       # of a bar; what is beyond has its figure


def panel(known, loads, names, yard, title):
    """Gnuplot's lines for the workloads of one yardstick."""
    lines = ['workload ' + ' '.join(f'"{yard} = 1"' if n == yard else n for n in names)]
    labels = []
    for i, load in enumerate(loads):
        cells = [known.get((load, name)) for name in names]
        of = [c / known[load, yard] if c else None for c in cells]
        lines.append(load + ' ' + ' '.join(f'{min(c, TOP):.4f}' if c else '?' for c in of))
        for j, ratio in enumerate(of):
            if ratio and names[j] != yard:
                at = i + (j - (len(names) - 1) / 2) / (len(names) + 1)
                labels.append(f'set label "{ratio:.2f}" at {at:.3f},{min(ratio, TOP) + 0.03:.3f} '
                              'rotate left font ",9" front')
    name = 'of_' + yard
    bars = (f'${name} using {i}:xtic(1) lc rgb "{COLOURS.get(peer, "#999999")}"'
            for i, peer in enumerate(names, 2))
    return chart.datablock(name, lines) + f'''unset label
{chr(10).join(labels)}
set title "{title}"
plot {", ".join(bars)}, 1 lt -1 notitle
'''


def picture(rows, path):
    """Bars per workload, peers side by side, guests above, the host below: vhost = 1, veth = 1."""
    known = {(row['workload'], row['peer']): row['insns'] for row in rows}
    panels = []
    for names, yard, what in zip(SHOWN, ('vhost', 'veth'), ('between guests', 'between VFs of the host')):
        loads = [load for load in dict.fromkeys(row['workload'] for row in rows)
                 if (load, yard) in known]
        names = [name for name in names if any((load, name) in known for load in loads)]
        if loads:
            panels.append((len(loads), panel(known, loads, names, yard,
                           f'Instructions of the whole machine {what}, {yard} = 1; less is better')))
    if not panels:
        print('no picture: it needs vhost or veth beside the others')
        return
    height = (560, 1000)[len(panels) - 1]
    chart.draw(path, f'''set style data histogram
set style histogram clustered gap 1
set style fill solid 0.9 noborder
set yrange [0:{TOP + 0.25}]
set xtics nomirror scale 0
set multiplot layout {len(panels)},1
''' + ''.join(text for _, text in panels) + 'unset multiplot\n', height)


def main():
    """Do what the options say."""
    parser = argparse.ArgumentParser()
    parser.add_argument('dir')
    for name in ('csv', 'svg', 'compare', 'check'):
        parser.add_argument('--' + name)
    parser.add_argument('--profile', action='store_true')
    args = parser.parse_args()
    rows = table(args.dir)
    show(rows)
    costs(rows)
    targets(rows)
    floors(rows)
    if args.csv:
        chart.save_csv(args.csv, COLUMNS, rows)
    if args.compare:
        compare(rows, args.compare)
    if args.profile:
        split(rows)
        for row in rows:
            last = row['last']
            print(f'\n{row["workload"]} over {row["peer"]}: instructions per {row["unit"]}')
            fold.profile(last['log'], last['window'], max(last['units'], 1))
    if args.svg:
        picture(rows, args.svg)
    if args.check and check(rows, args.check):
        sys.exit(1)


main()
