# SPDX-License-Identifier: GPL-2.0
"""Guests with VFs by vfio, inside the test machine (tools/vm/guest)."""
import re
import shlex
import subprocess

from ktap import Fail, contains, defer, eq, note, sleep, slow, spending, true, wait_for
from vnic import out, sh


BUSY = 'the server is busy running a test'      # iperf3's, which has not seen the last one's end


class Guest:
    """A virtual machine; gone at the end of the case."""

    def __init__(self, name, vfs=(), root_port=False, extra='', start=True):
        self.name = name
        self.vfs = list(vfs)
        self.args = ' '.join(f'--vf {vf.bdf}' for vf in self.vfs) + \
            (' --root-port' if root_port else '') + (f' {extra}' if extra else '')
        if start:
            self.start()

    def start(self):
        """Boot it."""
        with spending('guests'):
            sh(f'guest start {self.name} {self.args}', timeout=420)
        defer(self.end)
        return self

    def run(self, cmd, check=True, timeout=60, busy=None):
        """Run a command in it; its CompletedProcess.  Where it says `busy`: again, some times."""
        seconds = int(timeout * slow())
        for _ in range(6):
            done = sh(f'guest exec {self.name} -t {seconds} {shlex.quote(cmd)}', check=False,
                      timeout=timeout + 20)
            if not busy or busy not in done.stdout + done.stderr:
                break
            sleep(1)
        if check and done.returncode:
            raise Fail(f'{self.name}: {cmd}: exit {done.returncode}: '
                       f'{(done.stderr + done.stdout).strip()[-400:]}')
        return done

    def out(self, cmd, **kwargs):
        """Output of a command in it."""
        return self.run(cmd, **kwargs).stdout.strip()

    def dev(self):
        """Name of its (first) VF netdev."""
        script = 'for d in /sys/class/net/*; do ' \
                 'case $(readlink $d/device/driver) in */vnic-vf|*/virtio_net) basename $d; exit;; ' \
                 'esac; done'
        return wait_for(lambda: self.out(script), f'netdev of a VF in {self.name}')

    def up(self, ip, mtu=1500):
        """Address and link up."""
        dev = self.dev()
        self.run(f'ip link set {dev} mtu {mtu}; ip addr replace {ip}/24 dev {dev}; '
                 f'ip link set {dev} up')
        wait_for(lambda: 'LOWER_UP' in self.out(f'ip link show {dev}'), f'carrier in {self.name}')
        return self

    def ping(self, ip, size=56, count=2, check=True, every=0.2):
        """ping from it, one `every` so many seconds."""
        done = self.run(f'ping -n -c {count} -i {every} -W {10 if check else 5} '
                        f'-s {size} {ip}', check=False)
        if check and done.returncode:
            raise Fail(f'ping {ip} size {size} from {self.name}: {done.stdout[-300:]}')
        return not done.returncode

    def iperf(self, ip, args='', seconds=2):
        """iperf3 to a server that runs; Mb/s received."""
        with spending('traffic'):
            text = self.out(f'iperf3 -f m -c {ip} -t {seconds} {args}', timeout=seconds + 40,
                            busy=BUSY)
        found = re.findall(r'([\d.]+) Mbits/sec.*receiver', text)
        if not found:
            raise Fail(f'iperf3 in {self.name}: {text[-400:]}')
        note(f'{self.name} iperf3 {args}: {found[-1]} Mb/s')
        return float(found[-1])

    def serve(self):
        """Start an iperf3 server in it."""
        self.run('iperf3 -s -D; for i in $(seq 100); do '
                 'grep -qs ":1451 " /proc/net/tcp /proc/net/tcp6 && exit; sleep 0.1; done; exit 1')

    def interrupts(self):
        """Interrupts of its VF."""
        text = self.out('cat /proc/interrupts')
        return sum(int(f) for line in text.splitlines()
                   if re.search(r'vnic|MSI.*-(ctl|\d+)$', line)
                   for f in line.split()[1:3] if f.isdigit())

    def inputs(self):
        """Interrupts of each receive queue of a virtio VF, over all CPUs."""
        return [sum(map(int, counts.split())) for counts in
                re.findall(r'\d+:((?:\s+\d+)+) .*-input\.\d', self.out('cat /proc/interrupts'))]

    def inputs_of(self, what, enough):
        """Interrupts of each receive queue during what(), done again until enough(them).

        Which flow goes to which queue is chance: a key chosen at boot and the ports of a
        few connections in a row, which differ in a few bits only.
        """
        before = self.inputs()
        for _ in range(8):
            what()
            got = [n - m for n, m in zip(self.inputs(), before)]
            if enough(got):
                break
        return got

    def busy(self):
        """Busy jiffies of its CPU."""
        fields = [int(x) for x in self.out('head -1 /proc/stat').split()[1:9]]
        return sum(fields) - fields[3] - fields[4]

    def reboot(self, how=''):
        """Reset it, or what the command `how` does, and wait."""
        with spending('guests'):
            sh(f'guest reboot {self.name} {shlex.quote(how) if how else ""}', timeout=290)

    def stop(self):
        """Power it off."""
        with spending('guests'):
            sh(f'guest stop {self.name}', timeout=150)

    def kill(self):
        """kill -9 of QEMU."""
        sh(f'guest kill {self.name}', check=False)

    def end(self):
        """The same as the last thing: where it is goes into the log if it does not answer."""
        try:
            sh(f'guest look {self.name}', check=False, timeout=120)
        finally:
            self.kill()

    def unplug(self):
        """Hot-unplug the VF behind the root port."""
        sh(f'guest unplug {self.name}', timeout=120)

    def plug(self, vf):
        """Hot-plug a VF."""
        sh(f'guest plug {self.name} {vf.bdf}', timeout=120)

    def running(self):
        """Is it there?"""
        return self.name in out('guest list')


def together(guests, verb, what, timeout=420):
    """`guest VERB NAME what(guest)` for several guests at a time."""
    with spending('guests'):
        todo = [(guest, subprocess.Popen(
            ['guest', verb, guest.name, *shlex.split(what(guest))], text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)) for guest in guests]
        said = [(guest, proc, proc.communicate(timeout=timeout * slow())[0])
                for guest, proc in todo]
    for guest, proc, text in said:
        if proc.returncode:
            raise Fail(f'guest {verb} {guest.name}: exit {proc.returncode}: {text[-400:]}')


def start_together(guests):
    """Boot several guests at a time that were made with start=False."""
    for guest in guests:
        defer(guest.end)
    together(guests, 'start', lambda guest: guest.args)


class Once:
    """What the first case that wants it makes, and all cases use."""

    def __init__(self):
        self.made = False

    def get(self):
        """It, made."""
        if not self.made:
            self.made = True
            self.make()
        return self

    def make(self):
        """PF, VFs, guests."""
        raise NotImplementedError


class Two(Once):
    """Two guests `a` and `b` with VFs 0 and 1 of a PF `pf`."""

    IPS = ('10.9.0.1', '10.9.0.2')

    def up(self, mtu=1500):
        """Addresses in both."""
        for guest, ip in zip((self.a, self.b), self.IPS):
            guest.up(ip, mtu=mtu)

    def bound(self, driver, mac):
        """Each VF's netdev has this driver, and the address set by ip link, `mac` and a digit."""
        for i, guest in enumerate((self.a, self.b), 1):
            dev = guest.dev()
            contains(guest.out(f'ip link show {dev}'), f'{mac}{i}', 'address')
            contains(guest.out(f'ethtool -i {dev}'), f'driver: {driver}', 'driver')

    def bursts(self):
        """Every frame of small bursts with pauses is answered, and so ends each of them."""
        script = 'for n in 1 2 3 5 8 13 21 34 55 1 2 3 5 8 13 21 34 55; do ' \
                 f'ping -q -n -c $n -l $n -i 30 -w 20 {self.IPS[1]} || exit 1; done'
        for line in self.a.out(script, timeout=120).splitlines():
            if 'transmitted' in line:
                sent, got = [int(word) for word in line.replace(',', '').split()
                             if word.isdigit()][:2]
                eq(got, sent, 'answers')

    def jumbo(self):
        """MTU 9000, and back."""
        self.up(mtu=9000)
        self.a.ping(self.IPS[1], size=8972)
        true(self.a.iperf(self.IPS[1]) > 1, 'TCP flows')
        self.up()

    def vlan(self):
        """Guest VLANs, and a port VLAN the guests do not see."""
        inside = [ip.replace('10.9.', '10.8.') for ip in self.IPS]
        for guest, ip in zip((self.a, self.b), inside):
            dev = guest.dev()
            guest.run(f'modprobe 8021q; ip link add link {dev} name v5 type vlan id 5; '
                      f'ip addr add {ip}/24 dev v5; ip link set v5 up')
        self.a.ping(inside[1], size=1400)
        for guest in (self.a, self.b):
            guest.run('ip link del v5')
        self.pf.link(0, 'vlan 77')
        true(not self.a.ping(self.IPS[1], count=1, check=False), 'another VLAN: no answer')
        self.pf.link(1, 'vlan 77')
        self.a.ping(self.IPS[1])
        self.pf.link(0, 'vlan 0')
        self.pf.link(1, 'vlan 0')
