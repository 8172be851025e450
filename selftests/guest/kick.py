#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: guests debug
# timeout: 400
"""Doorbells of guests: who does the work, and that none is lost."""
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
from guest import Guest
from ktap import eq, keep, note, run, true, wait_for
from vnic import load, sh


class Pair:
    """Two guests, booted once."""

    def __init__(self):
        self.pf = self.a = self.b = None

    def get(self):
        """PF and guests."""
        if self.pf:
            return self
        self.pf = load(total_vfs=4)[0]
        vfs = [vf.to_vfio() for vf in self.pf.vfs(2)]
        self.a = Guest('a', vfs[:1])
        self.b = Guest('b', vfs[1:])
        keep()
        self.a.up('10.9.0.1')
        self.b.up('10.9.0.2')
        self.a.ping('10.9.0.2')
        return self

    def count(self, action):
        """What the counters of VF 0 gain by an action."""
        before = self.pf.stats()
        action()
        after = self.pf.stats()
        got = {name: after[f'vf0_{name}'] - before[f'vf0_{name}']
               for name in ('tx_packets', 'kicks', 'kicks_here', 'wakeups', 'interrupts')}
        note(str(got))
        return got


pair = Pair()


def lone():
    """a lone packet is sent by the thread that rings, and wakes no worker"""
    p = pair.get()
    got = p.count(lambda: p.a.run('ping -n -c 50 -i 0.05 10.9.0.2'))
    true(got['tx_packets'] >= 50, 'packets')
    true(got['kicks_here'] >= got['kicks'] * 0.9, 'kicks handled where they were rung')
    true(got['wakeups'] <= 10, 'wakeups of the worker')


def bursts():
    """every frame of small bursts with pauses is answered"""
    p = pair.get()
    script = 'for n in 1 2 3 5 8 13 21 34 55 1 2 3 5 8 13 21 34 55; do ' \
             'ping -q -n -c $n -l $n -W 5 10.9.0.2 || exit 1; done'
    text = p.a.out(script, timeout=120)
    for line in text.splitlines():
        if 'transmitted' in line:
            sent, got = [int(word) for word in line.replace(',', '').split() if word.isdigit()][:2]
            eq(got, sent, 'answers')


def pauses():
    """resets and parameters of the guest while it sends: it works after"""
    p = pair.get()
    dev = p.a.dev()
    p.a.run('(ping -q -f -w 20 10.9.0.2 >/dev/null 2>&1 &)')
    for _ in range(3):
        p.a.run(f'ethtool -G {dev} tx 128; ethtool -G {dev} tx 256')
        sh(f'echo 1 >{p.pf.path}/reset')
        p.a.up('10.9.0.1')
    p.a.run('killall ping', check=False)
    wait_for(lambda: p.a.ping('10.9.0.2', count=1, check=False), 'ping', seconds=20)


run([lone, bursts, pauses])
