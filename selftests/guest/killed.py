#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: guests debug=programs
# proof: guests=programs
# timeout: 300
"""Whoever has VFs by vfio is killed with -9 at any moment: nothing of him is left.

QEMU, with a VF of each personality, during boot, traffic and shutdown; and, since that takes
long, programs that do with VFs what guests do, and what they should not.  Each time no page
stays pinned, no frame stays in the packet memory, no thread of a VF is there, the settings
are the host's, and the VFs work at once; what the host's own VF asks meanwhile is answered.

VNIC_KILLS: how many programs.  VNIC_GUEST_KILLS: how often QEMU.  VNIC_SEED: the seed that a
run has printed, to have its order again.
"""
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
sys.path.insert(0, sys.path[0] + '/../lib')
from devlink import Devlink
from guest import Guest
from ktap import Fail, defer, eq, note, run, sleep, slow, true, wait_for
from program import program
from vnic import Background, load, out, ping, read, sh, write

KILLS = int(os.environ.get('VNIC_KILLS', '10' if slow() == 1 else '6'))
GUEST_KILLS = int(os.environ.get('VNIC_GUEST_KILLS', '3'))
SEED = int(os.environ.get('VNIC_SEED') or random.randrange(1 << 32))
VIRTIO, NATIVE, HOST = 0, 1, 4          # VFs; those from NATIVE to HOST are native
PF_IP, HOST_IP = '10.9.0.100', '10.9.0.2'
END = 60        # s in which one that was killed is gone
ANSWERS = '/run/answers'
GROWTH = 32     # MB
OF_GUESTS = 100 # MB: less than one of them had


def pinned():
    """Pages that the kernel holds for devices"""
    write('/proc/sys/vm/stat_refresh', 1)       # the counters of all CPUs
    found = dict(line.split() for line in read('/proc/vmstat').splitlines())
    return int(found['nr_foll_pin_acquired']) - int(found['nr_foll_pin_released'])


def available():
    """Memory available, MB"""
    return int(re.search(r'MemAvailable:\s+(\d+)', read('/proc/meminfo')).group(1)) >> 10


class Bench:
    """Four VFs for vfio, one of them virtio, and one that serves the host all the time"""

    def __init__(self):
        self.pf = load(total_vfs=8)[0]
        self.dl = Devlink(self.pf)
        self.pf.set('sriov_drivers_autoprobe', 0)
        self.vfs = self.pf.vfs(HOST + 1)
        for i in range(HOST):
            self.pf.link(i, f'mac 02:00:00:00:30:0{i}')
        self.dl.set_param(f'vf{VIRTIO}_personality', 'virtio')
        for vf in self.vfs[:HOST]:
            vf.to_vfio()
        self.vfs[HOST].bind('vnic-vf')
        self.vfs[HOST].up(ns='host', ip=HOST_IP)
        sh(f'ip link set {self.pf.dev} up; ip addr add {PF_IP}/24 dev {self.pf.dev}')
        ping('host', PF_IP)
        self.pings = Background(f'ping -n -i {0.02 * slow()} {PF_IP} >{ANSWERS}', ns='host')
        self.before = self.state()
        self.works()
        self.memory = available()

    def bdfs(self, *indexes):
        """Addresses of VFs"""
        return [self.vfs[i].bdf for i in indexes]

    def state(self):
        """What nobody who has a VF may leave otherwise"""
        name = f'pci/{self.pf.bdf}'
        lines = out(f'devlink sb occupancy snapshot {name}; for i in $(seq 0 {HOST - 1}); do '
                    f'devlink -j sb occupancy show {name}/$i; done').splitlines()
        held = [pool['current'] for line in lines for port in json.loads(line)['occupancy'].values()
                for pool in port['pool'].values()]
        health = json.loads(out(f'devlink -j health show {name} reporter vf'))['health']
        settings = self.pf.vfinfo()[:HOST]
        for vf in settings:
            del vf['stats']
        threads = re.findall(rf'^vn.*-vf?[0-{HOST - 1}](?:q\d)?$', out('ps -eLo comm'), re.M)
        return {'pages pinned': pinned(), 'bytes in the packet memory': held, 'threads': threads,
                'health': health[name][0]['state'], 'settings': settings,
                'drivers': [vf.driver() for vf in self.vfs]}

    def left(self):
        """Nothing is left of one that was killed."""
        try:
            wait_for(lambda: self.state() == self.before, 'state', seconds=30)
        except Fail:
            for what, value in self.state().items():
                eq(value, self.before[what], f'{what}, left by one that was killed')

    def works(self):
        """Frames between the VFs of both kinds, by a program that takes them now"""
        done = subprocess.run([program('virtio'), '-c', 'works', *self.bdfs(VIRTIO, NATIVE)],
                              capture_output=True, text=True, check=False, timeout=60 * slow())
        true(not done.returncode, f'the VFs, at once: {done.stdout}')

    def end(self, most=GROWTH):
        """The memory is back, and the host's VF was answered all the time."""
        self.works()
        self.left()
        grown = self.memory - available()
        note(f'{grown} MB less available')
        true(grown < most * slow(), f'{grown} MB are not available any more')
        true(self.pings.proc.poll() is None, 'somebody asks')
        self.pings.proc.send_signal(signal.SIGINT)
        self.pings.finish()
        said = read(ANSWERS)
        sent, got = map(int, re.search(r'(\d+) packets transmitted, (\d+) received',
                                       said).groups())
        longest = float(re.search(r'rtt .* = [\d.]+/[\d.]+/([\d.]+)/', said).group(1))
        note(f'{sent} questions of the host, {got} answers, after {longest} ms at most')
        answered = set(map(int, re.findall(r'icmp_seq=(\d+) ttl', said)))
        last = max(answered, default=0)
        eq(set(range(1, last + 1)) - answered, set(), 'questions that were not answered')
        # Those on their way when it is ended, which may be as slow as any
        most = 1 + longest / (20 * slow())
        true(sent > 10 and last >= sent - most, f'the host: {got} of {sent} answered')


# ---- programs: (arguments, what it is told) ----

def orderly(bench, rng):
    """Traffic of a virtio and a native VF"""
    return ['virtio', '-k', '-s', str(rng.randrange(1, 1000)), *bench.bdfs(VIRTIO, NATIVE)], ''


def by_chance(bench, rng):
    """A virtio VF's registers, queues and descriptors, whatever"""
    return ['virtio', '-c', rng.choice(('chance', 'packed-chance', 'registers,resets', 'pairs')),
            '-t', '60', '-s', str(rng.randrange(1, 1000)), *bench.bdfs(VIRTIO, NATIVE)], ''


def hostile(bench, rng):
    """The same of a native one, and memory that is mapped and unmapped"""
    return ['vfio_api', '-c', 'hostile', '-t', '60', '-s', str(rng.randrange(1, 1000)),
            *bench.bdfs(NATIVE, NATIVE + 1, NATIVE + 2)], ''


def told(bench, rng):
    """Nothing but messages, resets, or frames"""
    return ['misbehave', *bench.bdfs(NATIVE)], rng.choice(
        ('messages 60000\n', 'resets 60000\n', 'send 02:00:00:00:30:02 1000 1000000\n'))


class Victim:
    """A program that has VFs, and what it has started"""

    def __init__(self, argv, told_to):
        self.argv = argv
        self.proc = subprocess.Popen([program(argv[0]), *argv[1:]], text=True,
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     stderr=subprocess.STDOUT, start_new_session=True)
        defer(self.kill)
        self.proc.stdin.write(told_to)
        self.proc.stdin.flush()

    def ready(self):
        """Wait until it says that frames pass."""
        said = self.proc.stdout.readline().strip()
        eq(said, 'ready', ' '.join(self.argv))

    def kill(self):
        """-9; what it said, if it had ended by itself"""
        if self.proc.stdout.closed:
            return None
        ended = self.proc.poll() is not None
        try:
            os.killpg(self.proc.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        try:
            said = self.proc.communicate(timeout=END * slow())[0]
        except subprocess.TimeoutExpired:
            raise Fail(f'{" ".join(self.argv)}: killed, and not gone in {END * slow()} s') from None
        return said if ended else None


def programs():
    """programs, well-behaved and not, killed at any moment"""
    note(f'seed {SEED}')
    rng = random.Random(SEED)
    bench = Bench()
    done = {}
    for n in range(KILLS):
        # Every other one says whether what the one before had works.
        make = rng.choice((orderly, by_chance, hostile, told)) if n % 2 else orderly
        victim = Victim(*make(bench, rng))
        if not n % 2:
            victim.ready()
            true(pinned() > bench.before['pages pinned'], 'it has memory')
        moment = rng.uniform(0, rng.choice((0.05, 0.5))) * slow()
        time.sleep(moment)
        said = victim.kill()
        what = f'kill {n + 1}, of {" ".join(victim.argv)} after {moment:.3f} s, seed {SEED}'
        try:
            true(said is None or make is by_chance and 'not ok' not in said, f'it ended: {said}')
            bench.left()
        except Fail:
            note(what)
            raise
        done[make.__name__] = done.get(make.__name__, 0) + 1
    note(f'{KILLS} kills: ' + ', '.join(f'{k} {v}' for k, v in done.items()))
    bench.end()


# ---- QEMU ----

NETDEVS = 'i=0; for d in /sys/class/net/*; do case $(readlink $d/device/driver) in ' \
    '*/vnic-vf|*/virtio_net) d=$(basename $d); ip addr add 10.9.$i.1/24 dev $d; ' \
    'ip link set $d up; i=$((i + 1));; esac; done; echo $i'


def qemu():
    """The guest's QEMU, if there is one"""
    pid = sh('guest pid k', check=False).stdout.strip()
    return pid if pid and os.path.exists(f'/proc/{pid}') else None


def kill_qemu():
    """-9, unless it has ended by itself"""
    sh('guest kill k', check=False, timeout=END + 60)
    true(not qemu(), 'QEMU is gone')


def guest_args(bench):
    """A VF of each personality"""
    return ' '.join('--vf ' + bdf for bdf in bench.bdfs(VIRTIO, NATIVE))


def in_boot(bench, rng):
    """The machine starts: vfio opened, memory mapped, drivers probe"""
    start = Background('guest start k ' + guest_args(bench))
    wait_for(qemu, 'QEMU', seconds=60, step=0.02)
    sleep(rng.uniform(0, 6) * slow())
    kill_qemu()
    start.finish()


def busy(bench):
    """A guest with traffic on both VFs"""
    guest = Guest('k', [bench.vfs[i] for i in (VIRTIO, NATIVE)])
    wait_for(lambda: guest.out(NETDEVS) == '2', 'two netdevs')
    guest.ping(HOST_IP)
    guest.run(f'for ip in {HOST_IP} 10.9.1.2; do '
              '(ping -q -f -w 100 $ip >/dev/null 2>&1 &) ; done')
    return guest


def in_traffic(bench, rng):
    """Both VFs have traffic"""
    busy(bench)
    sleep(rng.uniform(0, 1) * slow())
    kill_qemu()


def in_shutdown(bench, rng):
    """The guest powers off, or resets, with traffic"""
    busy(bench)
    end = Background(f'guest {rng.choice(("stop", "reboot"))} k')
    sleep(rng.uniform(0, 2.5) * slow())
    kill_qemu()
    end.finish()


def machines():
    """QEMU with a virtio and a native VF, killed in boot, traffic and shutdown"""
    note(f'seed {SEED}')
    rng = random.Random(SEED)
    bench = Bench()
    sh('ip addr add 10.9.1.2/24 dev ' + bench.vfs[HOST].name, ns='host')
    moments = []
    for n in range(GUEST_KILLS):
        moments = moments or rng.sample((in_boot, in_traffic, in_shutdown), 3)
        moment = moments.pop()
        try:
            moment(bench, rng)
            bench.left()
            bench.works()
            note(f'{moment.__name__}: {bench.memory - available()} MB less available')
            if not n:       # KVM and QEMU have come
                bench.memory = available()
        except Fail:
            note(f'kill {n + 1}, {moment.__name__}, seed {SEED}')
            raise
    bench.end(most=OF_GUESTS)
    vf = bench.vfs[NATIVE]
    vf.bind('vnic-vf')
    vf.up(ns='back', ip='10.9.0.3')
    ping('back', HOST_IP)


run([programs, machines])
