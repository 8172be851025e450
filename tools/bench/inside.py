#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Measures one peer inside the test machine: inside.py KIND PEER REPEATS WORKLOAD...

KIND host: between namespaces of the host; guest, smp: between two guests (peer direct: between
two namespaces of one); one: between a guest and a namespace of the host (peer bare: between two
namespaces). Each workload
is run once to warm up and then REPEATS times; for each of these a line of JSON goes to
/log/results, with the number of the plugin's window.
"""
import glob
import json
import os
import sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import peers        # finds the selftests' library
import loads
from ktap import note
from vnic import sh


def windows():
    """How many windows the plugin has written."""
    return len(glob.glob('/log/window.*[0-9]'))


def measure(peer, name, load, ends, repeats):
    """Run a workload; write its results."""
    load.prepare(*ends)
    load.warm(*ends)
    for repeat in range(repeats):
        window = windows()
        done, offered = load.once(*ends)
        line = {'peer': peer, 'load': name, 'repeat': repeat, 'window': window,
                'units': done, 'offered': offered, 'unit': load.unit}
        if windows() != window + 1:
            raise RuntimeError(f'{name}: {windows() - window} windows')
        with open('/log/results', 'a', encoding='ascii') as file:
            file.write(json.dumps(line) + '\n')
        note(f'{peer} {name}: {done:.4g} of {offered:.4g} {load.unit}s')
    load.finish(*ends)


def main():
    """Make the ends, run the workloads."""
    kind, peer, repeats, names = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:]
    sh('cp /log/mark /log/net /usr/local/bin/')
    peers.quiet()
    slow = peer in ('e1000', 'rtl8139')
    if kind == 'host':
        known, makers = loads.host_loads(), peers.HOST_PEERS
    elif kind == 'one':
        known, makers = loads.one_loads(slow), peers.ONE_PEERS
    else:
        known, makers = loads.guest_loads(slow), peers.GUEST_PEERS
    ends = makers[peer]()
    for i, end in enumerate(ends):
        end.up(f'10.9.0.{i + 1}')
    sh('cat /proc/kallsyms >/run/kallsyms; cp /run/kallsyms /log/')
    for i, end in enumerate(ends):
        other = ends[1 - i]
        end.run(f'ip neigh replace {other.ip} lladdr {other.mac} dev {end.dev}')
        # Slow, and the guests are alike.
        symbols = end.kallsyms() if i == 0 and os.environ.get('PROFILE') else None
        if symbols:
            with open('/log/kallsyms.guest', 'w', encoding='ascii') as file:
                file.write(symbols + '\n')
    ends[0].run('ping -c 1 -W 5 ' + ends[1].ip)
    sh('mark watch')
    for name in names:
        measure(peer, name, known[name], ends, repeats)


main()
