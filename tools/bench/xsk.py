#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What a frame costs a host whose programs have XDP sockets on VFs: without copies, and the same
program with copies.

All instructions of the machine count: both programs' ends, the kernel, and the adapter, which
copies a frame once from VF to VF either way.
"""
import argparse
import glob
import chart
import fold
import peers
from vnic import load, out, sh

CASES = ('send', 'receive', 'forward', 'both')
SIZES = (64, 1500)
MOST = 0.5      # of the instructions of the same program with copies
WHOLE = ('send', 'both')    # of the others the sender is without copies either way
COLUMNS = ('case', 'size', 'zc_instructions', 'copy_instructions', 'ratio')


def setup():
    """Two VFs with one queue pair each."""
    peers.quiet()
    vfs = load(total_vfs=2)[0].vfs(2)
    for vf in vfs:
        vf.up()
        sh(f'ethtool -L {vf.name} combined 1')
    return vfs


def cost(vfs, case, mode, count, size, profile=False):
    """Instructions of the machine for a frame."""
    windows = len(glob.glob('/log/window.*'))
    came = int(out(f'/log/bin/xsk {case} {mode} {count} {size} {vfs[0].name} {vfs[1].name}',
                   timeout=600))
    if came != count:
        print(f'# {case} {mode} {size}: {came} of {count} frames came')
    if profile:
        print(f'\n{case} {mode}, {size} bytes: instructions for a frame')
        fold.profile('/log', windows, came, 40)
        fold.modules('/log', windows, came)
    return fold.Window(f'/log/window.{windows}').insns / came


def main():
    """Measure, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument('--frames', type=int, default=20000)
    parser.add_argument('--profile', action='store_true')
    args = parser.parse_args()
    vfs = setup()
    sh('cat /proc/kallsyms >/log/kallsyms')
    rows = []
    print('case      bytes  without copies  with copies  ratio  target')
    for case in CASES:
        for size in SIZES:
            zc, copy = (cost(vfs, case, mode, args.frames, size, args.profile)
                        for mode in ('zc', 'copy'))
            rows.append({'case': case, 'size': size, 'zc_instructions': zc,
                         'copy_instructions': copy, 'ratio': zc / copy})
            print(f'{case:8} {size:6}  {zc:14.0f}  {copy:11.0f}  {zc / copy:5.2f}  '
                  f'{MOST if case in WHOLE else "-"}', flush=True)
    chart.save_csv('/log/xsk.csv', COLUMNS, rows)


if __name__ == '__main__':
    main()
