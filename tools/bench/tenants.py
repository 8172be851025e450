# SPDX-License-Identifier: GPL-2.0
"""Virtual machines made of namespaces, and the ways to limit what one is sent and sends.

Who does a machine's work (its programs, its network device's receiver, a VF's thread) is in a
cgroup, so that what it takes of the CPU is known, and all of them may share a part of a CPU.
What the host does for its traffic, and the wire's other end, is outside.
"""
import contextlib
import os
import time
import bed
import cgroup
from devlink import Devlink
from flood import Nobody
from vnic import out, read, sh, write

MODULES = 'for m in sch_tbf sch_fq_codel act_police cls_flower; do modprobe $m; done'
CORE = 'vms'            # cgroup of what all of them share
PERIOD = 10000          # us, in which they have their part of the CPU
BURST = '256k'          # bytes of tc's policer and bucket; the VF's has as much at low rates
IDLE_TURNS = '/sys/module/idle/parameters/turns'
TURN = 1004e-9          # seconds of an idle turn: its instructions


def kernel_threads(prefixes):
    """Those whose names begin so."""
    found = []
    for pid in filter(str.isdigit, os.listdir('/proc')):
        with contextlib.suppress(OSError):      # gone meanwhile
            if read(f'/proc/{pid}/comm').startswith(prefixes):
                found.append(int(pid))
    return found


def receive_apart(end):
    """A thread of its own receives."""
    end.run(f'ethtool -K {end.dev} gro on; echo 1 >/sys/class/net/{end.dev}/threaded')


class Tenant:
    """A virtual machine: an end, and a cgroup of who works for it."""

    def __init__(self, end, threads=()):
        self.end, self.threads, self.pids = end, threads, []
        self.group = cgroup.group(f'{CORE}/{end.name}', f'max {PERIOD}')

    def set_apart(self):
        """Threads of its own receive, and do what is done for it, and not who sends to it."""
        receive_apart(self.end)
        self.pids = kernel_threads(self.threads) if self.threads else []
        for pid in kernel_threads((f'napi/{self.end.dev}-',) + self.threads):
            write(self.group + '/cgroup.procs', pid)

    def start(self, cmd, port):
        """A program of its own that listens to a UDP port."""
        program = bed.Program(self.end, cmd)
        bed.listens(self.end, port, udp=True)
        self.gather()
        return program

    def gather(self):
        """Its programs, which have been started."""
        for pid in out(f'ip netns pids {self.end.name}').split():
            write(self.group + '/cgroup.procs', pid)

    def used(self):
        """Seconds that it has had of the CPU."""
        words = read(self.group + '/cpu.stat').split()
        return int(words[words.index('usage_usec') + 1]) / 1e6

    def device(self):
        """Seconds of it that its VF's thread had."""
        return sum(int(read(f'/proc/{pid}/schedstat').split()[0]) for pid in self.pids) / 1e9

    def target(self):
        """Where frames for it are sent, and nothing is done about them."""
        return Nobody(self.end.mac, self.end.ip)


class House:
    """A bed with as many tenants over VFs, and as many over veth pairs and a bridge; all
    of them together have so many percent of the CPU, or what they want."""

    def __init__(self, number, link, percent=None):
        self.bed = bed.Bed(number, link)
        sh(MODULES)
        quota = percent * PERIOD // 100 if percent else 'max'
        write(cgroup.group(CORE, f'{quota} {PERIOD}') + '/cgroup.subtree_control', '+cpu')
        self.wire, self.devlink = self.bed.wire, Devlink(self.bed.pf)
        self.tenants = {'vnic': [self.on_vf(i) for i in range(number)],
                        'bridge': [self.on_port(i, end)
                                   for i, end in enumerate(self.bed.bridged(number))]}

    def on_vf(self, index):
        """A tenant with a VF; its thread works for it, as vhost's does."""
        return Tenant(self.bed.vfs[index], (cgroup.thread_name(self.bed.pf.vf(index)),))

    @staticmethod
    def on_port(index, end):
        """A tenant at a port of the bridge."""
        sh(f'bridge fdb replace {end.mac} dev vb{index} master static')
        return Tenant(end)

    def set_apart(self):
        """Each VM does its own work, and so does the wire's other end. A veth pair whose sender
        leaves segmentation to it has the sender do what the receiver should."""
        sh('for d in /sys/class/net/vb* /sys/class/net/ethup; do ethtool -K ${d##*/} tso off; done')
        receive_apart(self.wire)
        for tenant in self.tenants['vnic'] + self.tenants['bridge']:
            tenant.set_apart()

    def over(self, name):
        """The wire is the adapter's, or the bridge's; the tenants there."""
        self.bed.attach(self.bed.pf.dev if name == 'vnic' else 'br0')
        return self.tenants[name]


class Way:
    """A way to limit tenant 1: over what, and functions that begin and end it."""

    def __init__(self, name, over, begin=None, end=None):
        self.name, self.over, self.begin, self.end = name, over, begin, end

    @contextlib.contextmanager
    def limit(self, house, mbps):
        """Meanwhile it has so many Mb/s; 0: it is not limited."""
        if mbps and self.begin:
            self.begin(house, mbps)
        yield
        if mbps and self.end:
            self.end(house)


def vf_both(house, mbps):
    """max_tx_rate, as vnic takes it."""
    house.bed.cap(1, mbps)


def vf_sending(house, mbps):
    """max_tx_rate, as it is of hardware."""
    house.devlink.set_param('vf1_rx_rate', 0)
    house.bed.cap(1, mbps)


def vf_end(house):
    """No limit."""
    house.bed.cap(1, 0)
    house.devlink.set_param('vf1_rx_rate', 'max_tx_rate')


def port_htb(house, mbps):
    """HTB with a fair queue: at the port for what the tenant is sent, at the uplink for what it
    sends."""
    sh(f'tc qdisc add dev vb1 root handle 1: htb default 1; '
       f'tc class add dev vb1 parent 1: classid 1:1 htb rate {mbps}mbit; '
       f'tc qdisc add dev vb1 parent 1:1 fq_codel')
    rest = max(house.bed.link - mbps, 1)
    sh('tc qdisc del dev ethup root; tc qdisc add dev ethup root handle 1: htb default 10; '
       f'tc class add dev ethup parent 1: classid 1:1 htb rate {house.bed.link}mbit burst 3k; '
       f'tc class add dev ethup parent 1:1 classid 1:10 htb rate {rest}mbit '
       f'ceil {house.bed.link}mbit burst 3k; '
       f'tc class add dev ethup parent 1:1 classid 1:11 htb rate {mbps}mbit burst 3k; '
       f'tc qdisc add dev ethup parent 1:11 fq_codel; tc filter add dev ethup parent 1: '
       f'protocol ip flower src_ip {house.tenants["bridge"][1].end.ip} classid 1:11')


def port_tbf(_house, mbps):
    """TBF at the port, for what the tenant is sent only."""
    sh(f'tc qdisc add dev vb1 root tbf rate {mbps}mbit burst {BURST} latency 50ms')


def port_police(_house, mbps):
    """Policers at the port, one a direction."""
    police = f'matchall action police rate {mbps}mbit burst {BURST} mtu 64k conform-exceed drop'
    sh(f'tc qdisc add dev vb1 clsact; tc filter add dev vb1 ingress {police}; '
       f'tc filter add dev vb1 egress {police}')


def port_end(house):
    """No limit."""
    for what in ('root', 'clsact'):
        sh(f'tc qdisc del dev vb1 {what}', check=False)
    sh('tc qdisc del dev ethup root')
    house.bed.shape_uplink()


BOTH = Way('vnic, max_tx_rate', 'vnic', vf_both, vf_end)
SENDING = Way('vnic, sending only', 'vnic', vf_sending, vf_end)
HTB = Way('bridge, htb', 'bridge', port_htb, port_end)
TBF = Way('bridge, tbf', 'bridge', port_tbf, port_end)
POLICE = Way('bridge, police', 'bridge', port_police, port_end)


class Meter(bed.Window):
    """A window, what tenants had of the CPU in it, and what it was busy with in all."""

    def __init__(self, tenants):
        super().__init__()
        self.tenants, self.before, self.after = tenants, None, None

    def counters(self):
        """The tenants', the frames that came by the wire and to each of them, turns of the idle
        CPU."""
        return {'used': [t.used() for t in self.tenants],
                'device': [t.device() for t in self.tenants], 'turns': int(read(IDLE_TURNS)),
                'offered': int(read('/sys/class/net/ethup/statistics/rx_packets')),
                'got': [t.end.received() for t in self.tenants]}

    def watch(self, seconds):
        """What is measured."""
        self.before = self.counters()
        self.mark()
        time.sleep(seconds)
        self.after = self.counters()
        self.mark()

    def rate(self, name):
        """Of a counter, in a second."""
        return (self.after[name] - self.before[name]) / self.seconds

    def rates(self, name):
        """Of one that each tenant has."""
        return [(b - a) / self.seconds for a, b in zip(self.before[name], self.after[name])]

    @property
    def busy(self):
        """Part of the CPU that was busy."""
        return 1 - self.rate('turns') * TURN
