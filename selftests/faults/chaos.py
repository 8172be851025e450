#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable
# timeout: 450
"""What an administrator can do to an adapter, in random order, under traffic.

CHAOS_SECONDS: for how long; beyond a minute the traffic takes all the CPU there is.
CHAOS_SEED: the seed that a run has printed, to have its order again.  CHAOS_STEPS: only
these steps, by name (`make chaos`).
"""
import concurrent.futures
import os
import random
import shlex
import signal
import sys
import threading
import time
sys.path.insert(0, sys.path[0] + '/../lib')
from ktap import Fail, contains, defer, note, run, slow, true, wait_for
from devlink import Devlink
from machine import REPORT
from program import Told
from vnic import (DATAGRAMS, PF_DRIVER, VF_DRIVER, Background, pf_list, ping, sh, unload, write)
from wire import wire

SECONDS = int(os.environ.get('CHAOS_SECONDS', '25'))
SEED = int(os.environ.get('CHAOS_SEED') or random.randrange(1 << 32))
FULL = SECONDS > 60 and slow() == 1     # else there is CPU left for more steps
STEP = 180              # s, on a production kernel: what takes longer hangs
VFS = 3                 # the last one in a program's hands
KINDS = ('native', 'virtio', 'virtio-split')    # of that one
ADDRESS = {'c0': '10.9.0.1', 'c1': '10.9.0.2', None: '10.9.0.100', 'wire': '10.9.0.200'}
PATHS = (('c0', 'c1'), ('c1', None), ('wire', 'c0'), (None, 'wire'))


class World:
    """An adapter with an uplink, two VFs in namespaces, one in a program's hands.

    Those of the namespaces are native, as all on the host are; the program's is one of KINDS.
    """

    def __init__(self, rng):
        self.rng = rng
        self.sizes = random.Random(rng.random())    # how often they are asked for is chance
        self.user = self.dl = self.pf = None
        self.was_reset = False      # what the program has: it may end
        self.kind = rng.choice(KINDS)
        self.floods = {}
        for index in (0, 1):
            defer(sh, f'ip netns del c{index}', check=False)
        wire()
        self.make()

    # ---- how it is made; each part can be made again ----

    def make(self):
        """From no module to all of it"""
        sh('modprobe vnic-vf; modprobe vnic-pf total_vfs=4 memory=4 personality=native; modprobe vnic-vfio-pci')
        self.make_pf()
        self.make_vfs()

    def make_pf(self):
        """PF and uplink"""
        self.pf = pf_list()[0]
        self.dl = Devlink(self.pf)
        dev = self.pf.dev
        sh(f'ip link set {dev} up; ip addr replace {ADDRESS[None]}/24 dev {dev}')
        sh(f'ip link set ethup master {dev}')

    def make_vfs(self):
        """VFs, in namespaces and in the program's hands"""
        self.pf.set('sriov_drivers_autoprobe', 1)
        self.pf.numvfs(VFS)
        for index in (0, 1):
            self.settle(index)
        self.pf.vf(2).bind('vnic-vfio-pci')
        self.be(self.kind)
        self.start_user()
        self.forget()

    def settle(self, index):
        """A VF's netdev, wherever it is now, in its namespace and up"""
        ns = f'c{index}'
        if not os.path.exists('/run/netns/' + ns):
            sh(f'ip netns add {ns}; ip -n {ns} link set lo up')
        vf = self.pf.vf(index)
        dev = self.name(index)
        if not dev:
            dev = vf.dev
            sh(f'ip link set {dev} netns {ns}')
        sh(f'ip addr replace {ADDRESS[ns]}/24 dev {dev}; ip link set {dev} up', ns=ns)

    def name(self, index):
        """Name of a VF's netdev in its namespace; None: it is not there"""
        ns = f'c{index}'
        found = sh(f'ls /sys/bus/pci/devices/{self.pf.vf(index).bdf}/net', ns=ns,
                   check=False).stdout.split()
        return found[0] if found else None

    def be(self, kind):
        """What the program's VF is to be, which nobody has open now"""
        self.dl.set_param('vf2_personality', kind)
        self.kind = kind

    def start_user(self):
        """The program takes its VF, and is busy for hours if there is CPU for it"""
        vf = self.pf.vf(2).bdf
        self.was_reset = False
        if self.kind == 'native':
            self.user = Told('misbehave', vf)
            does = f'send ff:ff:ff:ff:ff:ff 200 {100000000 if FULL else 20}'
        else:
            self.user = Told('vmisbehave', vf, *(['packed'] if self.kind == 'virtio' else []))
            does = f'rounds {100000000 if FULL else 2}'
        defer(self.user.proc.kill)      # it does not listen
        self.user.proc.stdin.write(does + '\n')
        self.user.proc.stdin.flush()

    def end_user(self):
        """kill -9, in the middle of what it does"""
        self.user.proc.kill()
        self.user.proc.wait()

    def forget(self):
        """Addresses of netdevs that have gone; those that come meanwhile it says it cannot"""
        for ns in ADDRESS:
            sh('ip neigh flush all', ns=ns, check=False)

    # ---- traffic ----

    def flood(self):
        """Traffic in all directions: started, and again what has ended with its netdev"""
        if self.user.proc.poll() is not None:
            if not self.was_reset:
                raise Fail(f'the program has ended: {self.user.proc.stdout.read()[-400:]}')
            self.start_user()
        mbps, often = (0, '-f') if FULL else (5 / slow(), f'-i {0.01 * slow()}')
        if 'udp' not in self.floods or self.floods['udp'].poll() is not None:
            self.floods['udp'] = Background(
                f'python3 -c {shlex.quote(DATAGRAMS)} {ADDRESS["c1"]} 1400 {mbps} 1000000',
                ns='c0').proc
        for source, to in PATHS:
            old = self.floods.get((source, to))
            if old is None or old.poll() is not None:
                self.floods[source, to] = Background(
                    f'ping -q {often} -s {self.sizes.choice((18, 1000, 1472))} {ADDRESS[to]}',
                    ns=source).proc

    def works(self):
        """Traffic gets through on every path; asked of all at a time, for it is slow."""
        left = list(PATHS)

        def answered(path):
            return ping(path[0], ADDRESS[path[1]], count=1, check=False)

        def all_answered():
            left[:] = [path for path, good in zip(left, pool.map(answered, left)) if not good]
            return not left
        with concurrent.futures.ThreadPoolExecutor(len(PATHS)) as pool:
            try:
                wait_for(all_answered, 'traffic', seconds=60)
            except Fail:
                raise Fail(f'no traffic (from, to; None is the PF): {left}') from None


# ---- steps; after each of them traffic must be possible again ----

def vfs_gone(w):
    """sriov_numvfs 0 and back"""
    w.end_user()
    w.pf.numvfs(0)
    w.make_vfs()


def rebind(w):
    """a VF's driver is unbound and bound"""
    index = w.rng.randrange(2)
    bdf = w.pf.vf(index).bdf
    write(VF_DRIVER + '/unbind', bdf)
    write(VF_DRIVER + '/bind', bdf)
    w.settle(index)


def vf_module(w):
    """rmmod vnic-vf"""
    sh('rmmod vnic-vf', timeout=STEP)
    sh('modprobe vnic-vf')
    for index in (0, 1):
        w.settle(index)


def pf_module(w):
    """rmmod vnic-pf, with VFs, uplink and traffic"""
    w.end_user()
    sh('rmmod vnic-vfio-pci; rmmod vnic-pf', timeout=STEP)
    w.make()


def pf_rebind(w):
    """the PF's driver is unbound and bound"""
    w.end_user()
    write(PF_DRIVER + '/unbind', w.pf.bdf)
    write(PF_DRIVER + '/bind', w.pf.bdf)
    w.make_pf()
    w.make_vfs()


def uplink_leaves(w):
    """the uplink is released and taken again"""
    sh('ip link set ethup nomaster')
    sh(f'ip link set ethup master {w.pf.dev}')


def uplink_gone(w):
    """the uplink is deleted, another one comes"""
    sh('ip link del ethup')
    sh('ip link add ethup type veth peer name ethfar netns wire; ip link set ethup up')
    sh(f'ip addr add {ADDRESS["wire"]}/24 dev ethfar; ip link set ethfar up', ns='wire')
    sh(f'ip link set ethup master {w.pf.dev}')
    w.forget()


def uplink_down(w):
    """the uplink loses its carrier"""
    sh('ip link set ethfar down', ns='wire')
    sh('ip link set ethfar up', ns='wire')
    wait_for(lambda: 'LOWER_UP' in sh(f'ip link show {w.pf.dev}').stdout, 'carrier of the PF')


def namespace_gone(w):
    """a namespace is deleted, with a VF in it"""
    index = w.rng.randrange(2)
    ns = f'c{index}'
    for path, flood in w.floods.items():        # a program in it would keep it
        if ns in path or path == 'udp':
            flood.kill()
            flood.wait()
    sh(f'ip netns del {ns}')
    wait_for(w.pf.vf(index).netdevs, f'the netdev of {ns} is back')
    w.settle(index)


def cpu(w):
    """a CPU goes offline and comes back"""
    path = '/sys/devices/system/cpu/cpu1/online'
    write(path, 0)
    w.works()
    write(path, 1)


def mtu(w):
    """MTU of a VF, the PF and the uplink"""
    index = w.rng.randrange(2)
    for size in (w.rng.choice((2000, 4000, 9000)), 1500):
        sh(f'ip link set ethup mtu {size}; ip link set {w.pf.dev} mtu {size}')
        sh(f'ip link set {w.name(index)} mtu {size}', ns=f'c{index}')


def rings(w):
    """channels and rings of a VF"""
    index = w.rng.randrange(2)
    dev, ns = w.name(index), f'c{index}'
    for cmd in (f'-L {dev} combined {w.rng.randint(1, 2)}',
                f'-G {dev} rx {w.rng.choice((64, 256, 512))} tx {w.rng.choice((64, 512))}'):
        done = sh('ethtool ' + cmd, ns=ns, check=False)
        true(not done.returncode or 'no channel parameters changed' in done.stderr or
             'no ring parameters changed' in done.stderr, f'{cmd}: {done.stderr}')


def partitions(w):
    """devlink: partitions of the packet memory are resized"""
    for index in range(VFS):
        w.dl.set(index, w.rng.choice((0, 1)), w.rng.choice((16, 64, 128, 256)) * 2048)


def settings(w):
    """ip link set ... vf, of all VFs"""
    for index in range(VFS):
        for what in (f'vlan {w.rng.choice((0, 7))}', f'spoofchk {w.rng.choice(("on", "off"))}',
                     f'trust {w.rng.choice(("on", "off"))}',
                     f'state {w.rng.choice(("auto", "enable", "disable"))}',
                     f'max_tx_rate {w.rng.choice((0, 50, 1000))}',
                     f'min_tx_rate {w.rng.choice((0, 20))}'):
            w.pf.link(index, what)
        w.pf.vfinfo()
        w.pf.link(index, 'vlan 0')
        w.pf.link(index, 'state auto')
        w.pf.link(index, 'max_tx_rate 0 min_tx_rate 0')


def vf_reset(w):
    """reset of a VF, also of the program's"""
    index = w.rng.randrange(VFS)
    w.was_reset |= index == 2
    w.pf.vf(index).set('reset', 1)


def pf_reset(w):
    """reset of the PF"""
    w.was_reset = True
    w.pf.set('reset', 1)


def user_killed(w, kind=None):
    """the program is killed with its VF open, and started again"""
    w.end_user()
    w.be(kind or w.kind)
    w.start_user()


def personality(w):
    """the program's VF becomes another device: not while it is open, but once it is free"""
    kind = w.rng.choice([kind for kind in KINDS if kind != w.kind])
    contains(w.dl.set_param('vf2_personality', kind, fails=True), 'A guest has the VF', 'in use')
    user_killed(w, kind)


STEPS = (vfs_gone, rebind, vf_module, pf_module, pf_rebind, uplink_leaves, uplink_gone, uplink_down,
         namespace_gone, cpu, mtu, rings, partitions, settings, vf_reset, pf_reset, user_killed,
         personality)


class Meanwhile:
    """What others ask and set at the same time; that it fails is no matter."""

    COMMANDS = ('ip -s link show', 'devlink port show', 'devlink health show',
                'devlink dev param show', 'lspci -d 766e: -vv', 'devlink sb port pool show',
                'for d in /sys/class/net/*; do ethtool -S ${d##*/}; done')

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.end = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        defer(self.stop)

    def run(self):
        """Until the end"""
        while not self.end.wait(0.2):
            sh(self.rng.choice(self.COMMANDS), check=False, timeout=STEP)

    def stop(self):
        """The end"""
        self.end.set()
        self.thread.join()


class Log:
    """The kernel's log from now on."""

    def __init__(self):
        self.fd = os.open('/dev/kmsg', os.O_RDONLY | os.O_NONBLOCK)
        os.lseek(self.fd, 0, os.SEEK_END)
        defer(os.close, self.fd)

    def check(self):
        """No report since the last time."""
        while True:
            try:
                line = os.read(self.fd, 8192).decode(errors='replace')
            except BlockingIOError:
                return
            except BrokenPipeError:     # some were overwritten
                continue
            if REPORT.search(line):
                raise Fail('the kernel: ' + line.split(';', 1)[-1].splitlines()[0])


def overdue(*_):
    """SIGALRM"""
    raise Fail(f'not over within {STEP * slow():.0f} s')


def bounded(fn, *args):
    """Call fn, which must be over in time."""
    signal.alarm(int(STEP * slow()))
    try:
        fn(*args)
    finally:
        signal.alarm(0)


def chaos():
    """everything in random order under traffic: it goes on, nothing hangs, nothing is left"""
    note(f'seed {SEED}, {SECONDS} s')
    rng = random.Random(SEED)
    only = os.environ.get('CHAOS_STEPS', '').split()
    steps = [step for step in STEPS if not only or step.__name__ in only]
    unknown = set(only) - {step.__name__ for step in steps}
    true(not unknown, f'no such step: {unknown}; there are '
         f'{", ".join(step.__name__ for step in STEPS)}')
    signal.signal(signal.SIGALRM, overdue)
    unload()
    defer(unload)
    log = Log()
    w = World(rng)
    Meanwhile(SEED)
    end = time.monotonic() + SECONDS * slow()
    done = {step.__name__: 0 for step in steps}
    todo = []
    while time.monotonic() < end:
        # a round of all in random order, so that a short run leaves little out
        todo = todo or rng.sample(steps, len(steps))
        step = todo.pop()
        w.flood()
        start = time.monotonic()
        try:
            bounded(step, w)
            bounded(w.works)
            log.check()
        except Exception:
            note(f'in step {sum(done.values()) + 1}, {step.__name__}, seed {SEED}')
            raise
        done[step.__name__] += 1
        if SECONDS > 60:
            note(f'{step.__name__} {time.monotonic() - start:.1f} s')
    note(f'{sum(done.values())} steps: ' + ', '.join(f'{k} {v}' for k, v in done.items()))
    w.end_user()


run([chaos])
