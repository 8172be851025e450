#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable
# timeout: 200
"""A VF's work is done by threads of its own, which the host can place and limit."""
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
from cgroup import group, move, thread, threads
from ktap import eq, note, run, timely, true, wait_for
from vnic import datagrams, load, read, sh, shared


def make_bench():
    """VFs 0 and 1 send to 2 and 3."""
    pf = load(total_vfs=4)[0]
    vfs = pf.vfs(4)
    for i, vf in enumerate(vfs):
        sh(f'ethtool -L {vf.dev} combined 1', check=False)      # one thread; it may be so already
        vf.up(ns=f'vf{i}', ip=f'10.9.{i % 2}.{i + 1}')
    return pf, vfs


def sent(vf):
    """Packets a second that a VF sends, flooding the one it faces."""
    seconds = 2
    before = vf.pf.vfinfo(vf.index)['stats']['tx']['packets']
    datagrams(vf.ns, f'10.9.{vf.index % 2}.{vf.index + 3}', 1000, seconds=seconds)
    return (vf.pf.vfinfo(vf.index)['stats']['tx']['packets'] - before) / seconds


def placed():
    """taskset moves a VF's thread"""
    _, vfs = shared(make_bench)
    pid = thread(vfs[0])
    for cpu in (0, 1):
        sh(f'taskset -pc {cpu} {pid}')
        before = int(read(f'/proc/{pid}/schedstat').split()[0])
        true(sent(vfs[0]) > 0, 'frames sent')
        true(int(read(f'/proc/{pid}/schedstat').split()[0]) > before, 'the thread has run')
        eq(int(read(f'/proc/{pid}/stat').rsplit(')', 1)[1].split()[36]), cpu, 'CPU it ran on')
    sh(f'taskset -pc 0,1 {pid}')


def throttled():
    """a VF whose thread has used up its cpu.max slows down, and no other does"""
    _, vfs = shared(make_bench)
    free = [sent(vf) for vf in vfs[:2]]
    path = group('vnic-test', '1000 100000')
    move(thread(vfs[0]), path)
    slow = [sent(vf) for vf in vfs[:2]]
    note(f'packets a second: {free[0]:.0f} and {free[1]:.0f}; with VF 0 at 1 % of a CPU: '
         f'{slow[0]:.0f} and {slow[1]:.0f}')
    events = dict(line.split() for line in read(path + '/cpu.stat').splitlines())
    true(int(events['nr_throttled']) > 0, 'the thread was throttled')
    timely(slow[0] < free[0] / 2, 'VF 0 is slower')
    timely(slow[1] > free[1] / 2, 'VF 1 is not')


def released():
    """a throttled VF is reset, stopped and destroyed all the same"""
    pf, vfs = shared(make_bench)
    move(thread(vfs[0]), group('vnic-test2', '1000 100000'))
    sent(vfs[0])
    vfs[0].set('reset', 1)
    wait_for(lambda: vfs[0].carrier(), 'carrier after the reset', seconds=60)
    true(sent(vfs[1]) > 0, 'another VF sends')
    eq([len(threads(vf)) for vf in vfs], [1] * 4, 'threads')
    pf.numvfs(0)
    eq([threads(vf) for vf in vfs], [[]] * 4, 'threads left')


run([placed, throttled, released])
