#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What waits for answers, and how long frames take: two VFs driven by one program through
vfio (selftests/vfio/loops.c), in virtual time, with and without the device's looking.

A loop has so many requests under way, a batch, too, but shows what one turn has to send
together; a stream goes one way. few: its receiver posts few of the buffers that it could,
and waits for interrupts, as vnic-vf does.
"""
import argparse
import sys
import bed          # finds the selftests' library
import chart
from program import Told
from vnic import load

DEPTHS = (1, 2, 4, 8, 16, 32, 64)
CHECKED = (4, 16)    # of these with --check
SIZES = (64, 1024)
WINDOWS = ((16, 4), (32, 16))       # under way, requests of an answer
STREAMS = ((15000, 1), (5000, 1), (60000, 32), (0, 1), (0, 32))  # ns from burst to burst, frames
RATE_LEAST = 0.9    # of the rate without looking
LATE_MOST = 30000   # ns that looking may make the slowest percent later
MODERATION = 20     # us between interrupts, as of vnic-vf at first
FEW = 64            # buffers that a receiver posts of a ring of 256, and waits at times
COLUMNS = ('traffic', 'size', 'looking', 'per_second', 'p50_ns', 'p99_ns', 'max_ns', 'kicks')


def traffic(depths):
    """What is measured: its name and the command, without the size of frames and the time."""
    for depth in depths:
        yield f'loop {depth}', f'loop {depth} {{size}} {{ms}}'
    for depth in depths:
        if depth > 1:
            yield f'batch {depth}', f'batch {depth} {{size}} {{ms}}'
    for depth, window in WINDOWS:
        yield f'loop {depth} by {window}', f'loop {depth} {{size}} {{ms}} {window}'
    for gap, burst in STREAMS:
        name = f'stream {burst} in {gap / 1000:g} us' if gap else f'flood of {burst}'
        yield name, f'stream {gap} {burst} {{size}} {{ms}}'
        if gap and burst == 1:
            yield name + ', few', f'stream {gap} {burst} {{size}} {{ms}}'


def measure(ends, names, ms, sizes):
    """Rows of the table."""
    for looking in ('on', 'off'):
        for size in sizes:
            for name, command in names:
                few = name.endswith(', few')
                ends.tell(f'start {FEW} {MODERATION}' if few else 'start 256 0', 'started')
                ends.tell(f'moderate {MODERATION if looking == "on" else 0}', 'moderated')
                said = ends.tell(command.format(size=size, ms=ms)).split()
                row = dict(zip(COLUMNS, [name, size, looking, *map(float, said)]))
                print(f'{name:20} {size:5} {looking:4} {row["per_second"]:9.0f}/s  '
                      f'{row["p50_ns"]:8.0f} {row["p99_ns"]:8.0f} {row["max_ns"]:8.0f} ns  '
                      f'{row["kicks"]:5.0f} kicks per 1000', flush=True)
                yield row


def verdict(rows):
    """What looking costs, against what is allowed. Returns the lines that miss it."""
    off = {(r['traffic'], r['size']): r for r in rows if r['looking'] == 'off'}
    missed = []
    for row in rows:
        if row['looking'] == 'off':
            continue
        other = off[row['traffic'], row['size']]
        rate = row['per_second'] / other['per_second']
        late = row['p99_ns'] - other['p99_ns']
        if rate < RATE_LEAST or late > LATE_MOST:
            missed.append(f'{row["traffic"]}, {row["size"]} bytes: {rate:.2f} of the rate without '
                          f'looking, p99 {late / 1000:+.0f} us')
    return missed


def picture(rows, path):
    """Rates of the loops with small frames, by their depth."""
    lines = ['requests "with looking" "without looking"']
    for depth in DEPTHS:
        rates = [r['per_second'] for r in rows
                 if r['traffic'] == f'loop {depth}' and r['size'] == SIZES[0]]
        lines.append(' '.join(map(str, [depth, *rates])))
    chart.draw(path, f'''{chart.datablock('data', lines)}
set style data histogram
set style fill solid border -1
set yrange [0:*]
set xlabel "requests under way"
set ylabel "requests a second"
plot for [i=2:3] $data using i:xtic(1)
''')


def main():
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--ms', type=int, default=30, help='of virtual time for each line')
    parser.add_argument('--check', action='store_true', help='only some, quickly')
    args = parser.parse_args()
    pf = load(total_vfs=4)[0]
    pf.set('sriov_drivers_autoprobe', 0)
    ends = Told('loops', *(vf.to_vfio().bdf for vf in pf.vfs(2)))
    if args.check:
        rows = list(measure(ends, list(traffic(CHECKED)), 10, SIZES[:1]))
    else:
        rows = list(measure(ends, list(traffic(DEPTHS)), args.ms, SIZES))
        picture(rows, '/log/loops.svg')
    ends.close()
    chart.save_csv('/log/loops.csv', COLUMNS, rows)
    missed = verdict(rows)
    for line in missed:
        print('MISSED: ' + line)
    return bool(missed)


sys.exit(main())
