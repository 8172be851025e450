# SPDX-License-Identifier: GPL-2.0
"""No livelock in a guest: how much of what its application is sent it gets done, however much
more is sent to it.

A guest's virtual CPU has a part of the machine's. Its application works on each datagram it
takes (take.c); pktgen at the other end of the wire offers 0.5 to 20 times what it can take:
to a VF without a cap, with a rate, with packets a second, and to virtio-net with vhost-net.
"""
import glob
import time
import bed
import cgroup
import chart
import peers
from devlink import Devlink
from flood import Flood, Nobody
from kept import Kept
from vnic import read, sh, write

STEPS = (0.5, 1, 2, 5, 10, 20)
SIZE, FCS = 512, 4      # bytes of a frame; those that the meter does not count
WORK = 100000           # instructions for each datagram
CPU_MAX = '3000 10000'  # us, of the virtual CPU: 30 %
TRIAL_KPPS = 3          # a little more than the guest can take
SOFT, SETTLED = 0.2, 0.5        # seconds: until the load is set, and until it is as it stays
BURST = 16
FLAT = 0.10             # of the most
SHARE_MIN = 60          # percent of the guest's CPU that the application keeps
CAPPED = ('max_rate', 'rx_pps')
LIMITS = ('none',) + CAPPED + ('vhost',)
COLUMNS = ('limit', 'cap', 'load', 'offered_kpps', 'to_guest_kpps', 'done_kpps',
           'of_most_percent', 'share_percent', 'vcpu_percent', 'others_percent', 'idle_percent',
           'reasons')


def ran(tasks):
    """Seconds that tasks have run, together."""
    return sum(int(read(f'/proc/{task}/schedstat').split()[0]) for task in tasks) / 1e9


class Victim:
    """A guest whose virtual CPU has a part of the machine's, and an application."""

    def __init__(self, end, others=()):
        self.end = end
        pid = int(sh(f'guest pid {end.name}').stdout)
        self.vcpu, = self.threads(pid, 'CPU 0/KVM')
        # What the machine does for this guest, apart from its virtual CPU.
        self.others = list(others) + self.threads(pid, f'vhost-{pid}')
        path = cgroup.group('guest-' + end.name, CPU_MAX)
        write(path + '/cgroup.type', 'threaded')
        write(path + '/cgroup.threads', self.vcpu)

    @staticmethod
    def threads(pid, name):
        """Threads of a process by their name."""
        return [int(path.split('/')[4]) for path in glob.glob(f'/proc/{pid}/task/*/comm')
                if read(path) == name]

    def start(self, seconds):
        """Its application waits for the first datagram."""
        self.end.run(f'take {int(1000 * (SOFT + SETTLED))} {int(1000 * seconds)} {WORK} '
                     '>/run/take </dev/null 2>&1 &')

    def done(self):
        """Thousands of datagrams a second that its application had."""
        self.end.run('while pgrep -x take >/dev/null; do sleep 0.1; done')
        count, length = map(int, self.end.out('cat /run/take').split())
        return count * 1e6 / length


def measure(the_bed, victim, kpps, seconds):
    """What comes of a flood."""
    window = bed.Window()
    victim.start(seconds)
    target = Nobody(victim.end.mac, victim.end.ip)

    def look():
        window.mark()
        return (ran([victim.vcpu]), ran(victim.others), the_bed.wire_sent(),
                the_bed.pf.stats())

    with Flood(the_bed.wire, target, STEPS[0], SIZE, BURST) as noise, window:
        time.sleep(SOFT)
        noise.pace(kpps)
        time.sleep(SETTLED)
        before = look()
        time.sleep(seconds)
        after = look()
    vcpu, others, sent = (a - b for a, b in zip(after[:3], before))
    done = victim.done()
    stats = {name: after[3][name] - before[3][name] for name in after[3]}
    return {'offered_kpps': sent / 1000 / window.seconds,
            'to_guest_kpps': stats['vf0_rx_packets'] / 1000 / window.seconds,
            'done_kpps': done,
            'share_percent': 100 * done * WORK * 1e-6 * window.seconds / vcpu,
            'vcpu_percent': 100 * vcpu / window.seconds,
            'others_percent': 100 * others / window.seconds, 'idle_percent': window.idle,
            'reasons': ' '.join(f'{name[4:]}={count}' for name, count in stats.items()
                                if name.startswith('vfs_') and count)}


def limited(the_bed, limit, kpps):
    """Set the cap of a line; what it is."""
    devlink = Devlink(the_bed.pf)
    mbps = int(kpps * (SIZE - FCS) * 8 / 1000) if limit == 'max_rate' else 0
    the_bed.cap(0, mbps)
    pps = int(kpps * 1000) if limit == 'rx_pps' else 0
    devlink.set_param('vf0_rx_pps', pps)
    return {'max_rate': f'{mbps} Mb/s', 'rx_pps': f'{pps / 1000:.2f} kpps'}.get(limit, '')


def vnic_victim(the_bed):
    """The guest with VF 0."""
    return Victim(the_bed.vfs[0], [cgroup.thread(the_bed.pf.vf(0))])


def vhost_victim(the_bed):
    """A guest on a bridge, which has the wire from now on."""
    sh('modprobe vhost_net')
    peers.bridge()
    the_bed.attach('br0')
    end = peers.GuestEnd('v', extra=peers.tap(0, 'virtio-net-pci', ',vhost=on'))
    end.up('10.9.0.101')
    bed.acquaint([end, the_bed.wire])
    return Victim(end)


def head():
    """The table's."""
    print(f'{"":8} {"cap":>9} {"load":>5} {"offered":>8} {"to guest":>8} {"done":>7} '
          f'{"of most":>8} {"share":>6} {"vCPU":>6} {"others":>6} {"idle":>6}')
    print(f'{"limit":8} {"":>9} {"":>5} {"kpps":>8} {"kpps":>8} {"kpps":>7} {"%":>8} {"%":>6} '
          f'{"CPU %":>6} {"CPU %":>6} {"CPU %":>6}')


def show(r):
    """A line of the table."""
    to_guest = f'{r["to_guest_kpps"]:8.3f}' if r['limit'] != 'vhost' else f'{"-":>8}'
    print(f'{r["limit"]:8} {r["cap"]:>9} {r["load"]:>4}x {r["offered_kpps"]:8.3f} {to_guest} '
          f'{r["done_kpps"]:7.3f} {r["of_most_percent"]:8.1f} {r["share_percent"]:6.1f} '
          f'{r["vcpu_percent"]:6.2f} {r["others_percent"]:6.2f} {r["idle_percent"]:6.1f}  '
          f'{r["reasons"]}', flush=True)


def targets(rows):
    """What was promised of a guest with a cap; what the others have."""
    for what, name, least in (
            (f'done is within {100 * FLAT:.0f} % of the most at 1 to 20 times', 'of_most_percent',
             100 * (1 - FLAT)),
            (f'the application has {SHARE_MIN} % of the guest\'s CPU at 1 to 20 times',
             'share_percent', SHARE_MIN)):
        for limit in LIMITS:
            worst = min((r for r in rows if r['limit'] == limit and r['load'] >= 1),
                        key=lambda r: r[name])
            verdict = 'met' if worst[name] >= least else 'missed'
            print(f'{limit:8} {what}: {worst[name]:.1f} % at {worst["load"]}x: '
                  + (verdict if limit in CAPPED else f'not promised, would be {verdict}'))


def picture(rows, path):
    """Work done over offered load."""
    lines = ['load ' + ' '.join(f'"{limit}"' for limit in LIMITS)]
    for load in STEPS:
        of = {r['limit']: r['done_kpps'] for r in rows if r['load'] == load}
        lines.append(f'{load} ' + ' '.join(f'{of[limit]:.4f}' for limit in LIMITS))
    chart.draw(path, f'''{chart.datablock('data', lines)}
set xlabel "offered, of what the guest can take"
set ylabel "datagrams worked on, thousands a second"
set yrange [0:*]
set logscale x
set xtics (0.5, 1, 2, 5, 10, 20)
plot for [i=2:{len(LIMITS) + 1}] $data using 1:i with linespoints linewidth 2
''')


class Lines:
    """The table's lines: the guests that they need are started when the first one is missing."""

    def __init__(self, seconds, link):
        self.seconds, self.link = seconds, link
        self.kept = Kept('/log/livelock-guests.rows')
        self.bed, self.victims = None, {}

    def wanted(self, limit):
        """Is there a line that no machine has measured?"""
        return any(f'{limit} {load}' not in self.kept for load in ('trial',) + STEPS)

    def victim(self, limit):
        """The guest of a limit."""
        if not self.bed:
            guests = [0] if any(self.wanted(name) for name in ('none',) + CAPPED) else []
            self.bed = bed.Bed(1, self.link, guests)
        kind = vhost_victim if limit == 'vhost' else vnic_victim
        if kind not in self.victims:
            self.victims[kind] = kind(self.bed)
        return self.victims[kind]

    def line(self, limit, load, kpps, cap=0):
        """One of them."""
        def fresh():
            victim = self.victim(limit)
            return {'limit': limit, 'cap': limited(self.bed, limit, cap), 'load': load} \
                | measure(self.bed, victim, kpps, self.seconds)
        return self.kept.get(f'{limit} {load}', fresh)

    def all_of(self, limit, most):
        """The lines of a limit; the guest takes so many thousand a second."""
        rows = [self.line(limit, load, load * most, most) for load in STEPS]
        peak = max(r['done_kpps'] for r in rows)
        for r in rows:
            r['of_most_percent'] = 100 * r['done_kpps'] / peak
            show(r)
        return rows


def main(args):
    """Measure, print."""
    lines = Lines(args.seconds, args.link)
    rows = []
    head()
    most = lines.line('none', 'trial', TRIAL_KPPS)['done_kpps']
    for limit in LIMITS:
        if limit == 'vhost':
            most = lines.line('vhost', 'trial', TRIAL_KPPS)['done_kpps']
        rows += lines.all_of(limit, most)
    targets(rows)
    chart.save_csv('/log/livelock-guests.csv', COLUMNS, rows)
    picture(rows, '/log/livelock-guests.svg')
