#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What traffic above a cap costs the host, and who is capped, if it comes from outside.

A flood of UDP from the wire is sent to VM 1, whose program reads what comes. It is capped in
all the ways of tenants.py: by the adapter, by the adapter as hardware does, by tc at its port of
a bridge; and not at all.
"""
import argparse
import glob
import time
import chart
import fold
import tenants
from flood import Flood
from vnic import sh

FCS, BURST = 4, 64      # bytes of a frame that nobody counts; frames at once
SIZES = (64, 1500)
WARM = 0.7              # seconds: the cap's burst is spent
SINK = 'socat -u -b 65536 UDP-RECV:9 OPEN:/dev/null'
WAYS = (tenants.BOTH, tenants.SENDING, tenants.HTB, tenants.TBF, tenants.POLICE)
VM_MAX = 1.1            # what VM 1 may take, of what as many frames cost it with no excess
COLUMNS = ('size', 'way', 'offered_kpps', 'got_kpps', 'refused_kpps', 'frame_instructions',
           'vm_instructions', 'host_instructions', 'refused_instructions', 'vm_percent',
           'vm_of_no_excess', 'idle_percent')


class Place:
    """VM 1 over the adapter or over the bridge, and the CPU when nothing is sent."""

    def __init__(self, house, over, seconds):
        self.house, self.seconds = house, seconds
        self.victim = house.over(over)[1]
        self.quiet = tenants.Meter([self.victim])
        with self.quiet:
            time.sleep(WARM)
            self.quiet.watch(seconds)

    def flood(self, kpps, size, burst):
        """A window in which so many thousand frames a second come."""
        meter = tenants.Meter([self.victim])
        with Flood(self.house.wire, self.victim.target(), kpps, size, burst), meter:
            time.sleep(WARM)
            meter.watch(self.seconds)
        return meter

    def reference(self, kpps, size, burst):
        """Instructions for a frame that is dropped where it comes in: of the generator, mostly."""
        sh('tc qdisc add dev ethup clsact; tc filter add dev ethup ingress matchall action drop')
        meter = self.flood(kpps, size, burst)
        sh('tc qdisc del dev ethup clsact')
        return (meter.busy - self.quiet.busy) * 1e9 / meter.rate('offered')

    def line(self, name, size, meter, generator):
        """A line of the table; instructions without those of the generator."""
        offered, got = meter.rate('offered'), meter.rates('got')[0]
        used = meter.rates('used')[0] - self.quiet.rates('used')[0]
        frame = (meter.busy - self.quiet.busy) * 1e9 / offered - generator
        vm = used * 1e9 / offered
        return {'size': size, 'way': name, 'offered_kpps': offered / 1000,
                'got_kpps': got / 1000, 'refused_kpps': max(offered - got, 0) / 1000,
                'frame_instructions': frame, 'vm_instructions': vm,
                'host_instructions': frame - vm, 'vm_percent': 100 * used,
                'idle_percent': 100 * (1 - meter.busy)}


def measure(house, size, args):
    """The lines of a size of frames."""
    allowed = args.cap * 125 / (size - FCS)         # thousands a second
    rows, generator = [], None
    for over in ('vnic', 'bridge'):
        place = Place(house, over, args.seconds)
        if not generator:
            alone = place.reference(allowed, size, 1)
            generator = place.reference(args.flood, size, BURST)
        # What a cap lets through comes one by one.
        lines = [place.line(f'{over}, no excess', size, place.flood(allowed, size, 1), alone),
                 place.line(f'{over}, no limit', size, place.flood(args.flood, size, BURST),
                            generator)]
        for way in (w for w in WAYS if w.over == over):
            with way.limit(house, args.cap):
                meter = place.flood(args.flood, size, BURST)
            lines.append(place.line(way.name, size, meter, generator))
            compare(lines[-1], lines[0])
        for row in lines:
            show(row)
        rows += lines
    return rows


def compare(row, at_cap):
    """What a refused frame costs, and what VM 1 pays, beside the same without them."""
    row['vm_of_no_excess'] = row['vm_percent'] / at_cap['vm_percent']
    if row['refused_kpps'] > row['got_kpps']:
        row['refused_instructions'] = (row['frame_instructions'] * row['offered_kpps']
                                       - at_cap['frame_instructions'] * row['got_kpps']) \
            / row['refused_kpps']


def head(args):
    """The table's."""
    print(f'{args.flood} kpps from the wire to VM 1, capped at {args.cap} Mb/s; {args.seconds:g} s '
          'of virtual time for each line. Instructions without those of the generator.')
    print(f'{"":5} {"":18} {"offered":>8} {"got":>7} {"a frame":>8} {"of it":>7} {"of it":>7} '
          f'{"refused":>8} {"VM 1":>6} {"ratio":>6} {"idle":>6}')
    print(f'{"bytes":5} {"":18} {"kpps":>8} {"kpps":>7} {"instr":>8} {"VM 1":>7} {"host":>7} '
          f'{"instr":>8} {"CPU %":>6} {"":>6} {"CPU %":>6}')


def show(r):
    """A line of the table."""
    each = f'{r["refused_instructions"]:8.0f}' if 'refused_instructions' in r else f'{"-":>8}'
    ratio = f'{r["vm_of_no_excess"]:6.2f}' if 'vm_of_no_excess' in r else f'{"-":>6}'
    print(f'{r["size"]:5} {r["way"]:18} {r["offered_kpps"]:8.3f} {r["got_kpps"]:7.3f} '
          f'{r["frame_instructions"]:8.0f} {r["vm_instructions"]:7.0f} '
          f'{r["host_instructions"]:7.0f} {each} {r["vm_percent"]:6.2f} {ratio} '
          f'{r["idle_percent"]:6.1f}', flush=True)


def targets(rows):
    """What was promised."""
    known = {(r['way'], r['size']): r for r in rows}
    for what, key, most in (
            (f'VM 1 pays at most {VM_MAX} of what it pays with no excess', 'vm_of_no_excess',
             lambda size: VM_MAX),
            ('A refused frame costs no more than with htb', 'refused_instructions',
             lambda size: known[tenants.HTB.name, size]['refused_instructions']),
            ('A refused frame costs no more than with police', 'refused_instructions',
             lambda size: known[tenants.POLICE.name, size]['refused_instructions'])):
        got = {size: known[tenants.BOTH.name, size][key] for size in SIZES}
        bad = [f'{size} bytes: {got[size]:.5g} instead of {most(size):.5g}' for size in SIZES
               if got[size] > most(size)]
        print(f'{what}: ' + ('missed (' + ', '.join(bad) + ')' if bad else 'met'))


def picture(rows, path):
    """Instructions for a frame that is offered, the host's and VM 1's."""
    lines = ['way host "VM 1"']
    lines += [f'"{r["way"]}, {r["size"]}" {r["host_instructions"]:.0f} {r["vm_instructions"]:.0f}'
              for r in rows if 'excess' not in r['way']]
    chart.draw(path, f'''{chart.datablock('data', lines)}
set style data histogram
set style histogram rowstacked
set style fill solid border -1
set boxwidth 0.7
set ylabel "instructions for each frame offered"
set yrange [0:*]
set xtics rotate by -25
set rmargin 12
plot for [i=2:3] $data using i:xtic(1)
''')


def profile(house, size, args):
    """Where the instructions go that the adapter and a policer execute for a refused frame, and
    those of the generator, which are the same with both."""
    for way in (tenants.BOTH, tenants.POLICE):
        victim, windows = house.over(way.over)[1], len(glob.glob('/log/window.*'))
        meter = tenants.Meter([victim])
        with way.limit(house, args.cap), meter, \
                Flood(house.wire, victim.target(), args.flood, size, BURST):
            sh('cat /proc/kallsyms >/log/kallsyms')     # while the idle state is there
            time.sleep(WARM)
            sh('/log/bin/mark begin')
            meter.watch(args.seconds)
            sh('/log/bin/mark end')
        print(f'\n{way.name}, instructions for a frame of {size} bytes')
        fold.profile('/log', windows, meter.rate('offered') * meter.seconds, 30)
        fold.modules('/log', windows, meter.rate('offered') * meter.seconds)


def main():
    """Measure, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument('--link', type=int, default=400)
    parser.add_argument('--seconds', type=float, default=2)
    parser.add_argument('--cap', type=int, default=1)
    parser.add_argument('--flood', type=int, default=20)
    parser.add_argument('--profile', action='store_true')
    args = parser.parse_args()
    house = tenants.House(2, args.link)
    house.set_apart()
    for ends in house.tenants.values():
        ends[1].start(SINK, 9)
    if args.profile:
        profile(house, SIZES[-1], args)
        return
    head(args)
    rows = [row for size in SIZES for row in measure(house, size, args)]
    targets(rows)
    chart.save_csv('/log/excess.csv', COLUMNS, rows)
    picture(rows, '/log/excess.svg')


if __name__ == '__main__':
    main()
