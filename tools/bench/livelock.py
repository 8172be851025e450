#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""No livelock: a VF that can take only so much gets that, however much more is sent to it.

pktgen at the other end of the wire offers 1 to 20 times what VF 0 can take: its rate, or what
its thread does with the CPU that its cgroup has. Then, what a frame costs that is refused.
"""
import argparse
import os
import time
import bed
import bpf
import cgroup
import chart
import livelock_guests
from devlink import Devlink
from flood import Flood, go_deaf
from vnic import read, sh, write

STEPS = (1, 2, 5, 10, 20)
FLAT = 0.05             # of the most
FCS = 4                 # bytes of a frame that the meter does not count
RATES = {64: 2, 1500: 20}               # Mb/s of VF 0
CPU_MAX = '1000 50000'                  # us, of VF 0's thread: 2 %
BURST = 64              # frames at once: with fewer pktgen does not sleep at the highest load
REFUSED_KPPS = 20
COLUMNS = ('limit', 'size', 'load', 'offered_kpps', 'delivered_kpps', 'of_most_percent',
           'dropped_kpps', 'thread_percent', 'idle_percent', 'reasons')
REFUSED_COLUMNS = ('case', 'size', 'offered_kpps', 'delivered_kpps', 'refused_kpps',
                   'instructions', 'refused_instructions', 'wakeups', 'interrupts', 'thread_ms',
                   'idle_percent')


class Victim:
    """A VF that frames are sent to."""

    def __init__(self, the_bed, index, target):
        self.bed, self.index, self.target = the_bed, index, target
        self.pid = cgroup.thread(the_bed.pf.vf(index))

    def counters(self):
        """The adapter's, and ns that the VF's thread has run."""
        ran = int(read(f'/proc/{self.pid}/schedstat').split()[0])
        return self.bed.pf.stats() | {'thread': ran}


class Meter(bed.Window):
    """A window, and what happened to a VF in it."""

    def __init__(self, victim):
        super().__init__()
        self.victim = victim
        self.before = self.after = None

    def watch(self, seconds):
        """What is measured; reading the counters takes as long before either mark."""
        self.before = self.victim.counters()
        self.mark()
        time.sleep(seconds)
        self.after = self.victim.counters()
        self.mark()

    def rate(self, name):
        """Of a counter, in a second."""
        return (self.after[name] - self.before[name]) / self.seconds

    def vf(self, name):
        """Of one of the VF's."""
        return self.rate(f'vf{self.victim.index}_{name}')

    def reasons(self):
        """Why frames of VFs were dropped."""
        return ' '.join(f'{name[4:]}={self.after[name] - count}'
                        for name, count in self.before.items()
                        if name.startswith('vfs_') and self.after[name] > count)


def flood(victim, kpps, size, seconds, first=None):
    """What comes of a flood from the wire. With `first` thousand a second before, nothing
    that was saved up is left: the bucket is empty, the memory full."""
    meter = Meter(victim)
    with Flood(victim.bed.wire, victim.target, first or kpps, size, BURST) as noise, meter:
        time.sleep(0.3)
        if first:
            noise.pace(kpps)
            time.sleep(0.1)
        meter.watch(seconds)
    return meter


def steps(victim, limit, size, capacity, seconds):
    """Lines of the table for a VF that takes so many thousand frames a second."""
    rows = []
    for load in STEPS:
        meter = flood(victim, load * capacity, size, seconds, STEPS[-1] * capacity)
        rows.append({'limit': limit, 'size': size, 'load': load,
                     'offered_kpps': meter.rate('uplink_tx_packets') / 1000,
                     'delivered_kpps': meter.vf('rx_packets') / 1000,
                     'dropped_kpps': meter.vf('rx_dropped') / 1000,
                     'thread_percent': meter.rate('thread') / 1e7,
                     'idle_percent': meter.idle, 'reasons': meter.reasons()})
    most = max(r['delivered_kpps'] for r in rows)
    for r in rows:
        r['of_most_percent'] = 100 * r['delivered_kpps'] / most
        show(r)
    return rows


def head():
    """The table's."""
    print(f'{"":8} {"":>5} {"load":>5} {"offered":>8} {"got":>8} {"of most":>8} {"dropped":>8} '
          f'{"thread":>7} {"idle":>6}')
    print(f'{"limit":8} {"bytes":>5} {"":>5} {"kpps":>8} {"kpps":>8} {"%":>8} {"kpps":>8} '
          f'{"CPU %":>7} {"CPU %":>6}')


def show(r):
    """A line of the table."""
    print(f'{r["limit"]:8} {r["size"]:>5} {r["load"]:>4}x {r["offered_kpps"]:8.3f} '
          f'{r["delivered_kpps"]:8.3f} {r["of_most_percent"]:8.1f} {r["dropped_kpps"]:8.3f} '
          f'{r["thread_percent"]:7.2f} {r["idle_percent"]:6.1f}  {r["reasons"]}', flush=True)


def refusals(victim, deaf, size, seconds):
    """What a frame costs that goes nowhere, in instructions."""
    the_bed = victim.bed
    quiet = Meter(victim)
    with quiet:
        quiet.watch(seconds)

    def case(name, whom, first=None):
        meter = flood(whom, REFUSED_KPPS, size, seconds, first)
        offered = meter.rate('uplink_tx_packets') / 1000 or REFUSED_KPPS
        row = {'case': name, 'size': size, 'offered_kpps': offered,
               'delivered_kpps': meter.vf('rx_packets') / 1000,
               'refused_kpps': meter.vf('rx_dropped') / 1000, 'idle_percent': meter.idle,
               'instructions': 1e4 * (quiet.idle - meter.idle) / offered,
               'wakeups': meter.vf('wakeups'), 'interrupts': meter.vf('interrupts'),
               'thread_ms': meter.rate('thread') / 1e6}
        return row

    sh('tc qdisc add dev ethup clsact; tc filter add dev ethup ingress matchall action drop')
    alone = case('dropped by tc', victim)
    sh('tc qdisc del dev ethup clsact')
    taken = case('taken by VF 0', victim)
    the_bed.cap(0, 1)
    rows = [alone, taken, case('beyond its rate', victim, 4 * REFUSED_KPPS)]
    the_bed.cap(0, 0)
    rows.append(case('beyond its memory', deaf))
    rows.append(refused_by_xdp(the_bed, case, victim))
    for row in rows[2:]:
        extra = (row['instructions'] - alone['instructions']) * row['offered_kpps'] \
            - (taken['instructions'] - alone['instructions']) * row['delivered_kpps']
        row['refused_instructions'] = extra / row['refused_kpps']
    for row in rows:
        show_refusal(row)
    return rows


def refused_by_xdp(the_bed, case, victim):
    """The line of frames that a program at VF 0's port drops."""
    dl = Devlink(the_bed.pf)
    dl.set_param('vf0_port_netdev', 'true')
    path = bpf.pin('drop', bpf.ipv4(lambda p: p.add(bpf.finish(bpf.DROP)), proto=17))
    sh(f'ip link set dev {dl.netdev(0)} xdpdrv pinned {path}')
    row = case('refused by XDP', victim)
    dl.set_param('vf0_port_netdev', 'false')
    os.unlink(path)
    return row


def head_refusals():
    """The table's."""
    print(f'{"":17} {"":>5} {"offered":>8} {"got":>7} {"refused":>8} {"a frame":>8} {"refused":>8} '
          f'{"wakeups":>8} {"interrupts":>10} {"thread":>7} {"idle":>6}')
    print(f'{"":17} {"bytes":>5} {"kpps":>8} {"kpps":>7} {"kpps":>8} {"instr":>8} {"instr":>8} '
          f'{"1/s":>8} {"1/s":>10} {"ms/s":>7} {"CPU %":>6}')


def show_refusal(r):
    """A line of the table."""
    refused = f'{r["refused_instructions"]:8.0f}' if 'refused_instructions' in r else f'{"-":>8}'
    print(f'{r["case"]:17} {r["size"]:>5} {r["offered_kpps"]:8.3f} {r["delivered_kpps"]:7.3f} '
          f'{r["refused_kpps"]:8.3f} {r["instructions"]:8.0f} {refused} {r["wakeups"]:8.1f} '
          f'{r["interrupts"]:10.1f} {r["thread_ms"]:7.2f} {r["idle_percent"]:6.1f}', flush=True)


def targets(rows):
    """What was promised."""
    bad = [f'{r["limit"]} {r["size"]} {r["load"]}x: {r["of_most_percent"]:.1f} %' for r in rows
           if r['of_most_percent'] < 100 * (1 - FLAT)]
    print(f'Delivered is within {100 * FLAT:.0f} % of the most at every load: '
          + ('missed (' + ', '.join(bad) + ')' if bad else 'met'))


def picture(rows, path):
    """Delivered over offered."""
    names = []
    for r in rows:
        if (r['limit'], r['size']) not in names:
            names.append((r['limit'], r['size']))
    lines = ['load ' + ' '.join(f'"{size} bytes, limit: {limit}"' for limit, size in names)]
    for load in STEPS:
        of = {(r['limit'], r['size']): r['of_most_percent'] for r in rows if r['load'] == load}
        lines.append(f'{load} ' + ' '.join(f'{of[name]:.2f}' for name in names))
    chart.draw(path, f'''{chart.datablock('data', lines)}
set xlabel "offered, of what VF 0 can take"
set ylabel "delivered, % of the most"
set yrange [0:110]
set logscale x
set xtics (1, 2, 5, 10, 20)
plot for [i=2:{len(names) + 1}] $data using 1:i with linespoints linewidth 2, \\
	{100 * (1 - FLAT)} with lines dashtype 2 linecolor "black" title "wanted"
''')


def loads(the_bed, victim, seconds):
    """The first table."""
    rows = []
    head()
    for size, rate in RATES.items():
        the_bed.cap(0, rate)
        rows += steps(victim, f'{rate} Mb/s', size, rate * 125 / (size - FCS), seconds)
    the_bed.cap(0, 0)
    cgroup.move(victim.pid, cgroup.group('slow', CPU_MAX))
    for size in RATES:
        most = flood(victim, REFUSED_KPPS, size, seconds).vf('rx_packets') / 1000
        rows += steps(victim, 'thread', size, most, seconds)
    write(cgroup.GROUPS + '/cgroup.procs', victim.pid)
    targets(rows)
    print()
    chart.save_csv('/log/livelock.csv', COLUMNS, rows)
    picture(rows, '/log/livelock.svg')


def main():
    """Measure, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument('--link', type=int, default=40)
    parser.add_argument('--seconds', type=int, default=4)
    parser.add_argument('--refused', action='store_true')
    parser.add_argument('--guests', action='store_true')
    args = parser.parse_args()
    if args.guests:
        livelock_guests.main(args)
        return
    the_bed = bed.Bed(2, args.link)
    victim = Victim(the_bed, 0, the_bed.vfs[0])
    if not args.refused:
        loads(the_bed, victim, args.seconds)
    nobody, driver = go_deaf(the_bed, 1)
    deaf = Victim(the_bed, 1, nobody)
    head_refusals()
    refused = []
    for size in RATES:
        refused += refusals(victim, deaf, size, args.seconds)
    driver.close()
    chart.save_csv('/log/refused.csv', REFUSED_COLUMNS, refused)


if __name__ == '__main__':
    main()
