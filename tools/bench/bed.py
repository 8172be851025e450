# SPDX-License-Identifier: GPL-2.0
"""What the experiments share: VFs in namespaces, a wire of a known rate, and windows of
time in which only instructions move the clock."""
import os
import subprocess
import sys
import time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import peers        # finds the selftests' library
from ktap import wait_for
from vnic import load, read, sh

PROGRAMS = 'ip cat sh sleep nginx wrk fping iperf3 socat'
MODULES = 'for m in veth sch_htb sch_fq_codel pktgen sch_ingress cls_matchall act_gact; do ' \
          'modprobe $m; done'
IDLE = '/sys/devices/system/cpu/cpu0/cpuidle/state0/time'       # us


def touch_programs():
    """Programs and their libraries come from a file server outside, whose answers take no
    virtual time one can rely on: touched, they are copied into memory."""
    sh(f'for p in {PROGRAMS}; do p=$(readlink -f $(command -v $p)); '
       'echo $p; ldd $p | grep -o "/[^ ]*"; done | sort -u | xargs readlink -f | xargs touch -c')


def acquaint(ends):
    """Each knows where the others are: nobody asks while something is measured."""
    for end in ends:
        lines = [f'neigh replace {other.ip} lladdr {other.mac} dev {end.dev}'
                 for other in ends if other is not end]
        end.run('ip -batch - <<EOF\n' + '\n'.join(lines) + '\nEOF')


SPARE = 0.05    # ms that a request may wait beside what the wire causes


def frame_ms(link):
    """How long a frame of 1514 bytes takes a wire of so many Mb/s, with what goes around it."""
    return 1538 * 8 / link / 1000


class Bed:
    """A PF with VFs in namespaces, those in `guests` in guests by vfio; the uplink's wire has
    `link` Mb/s in each direction, or no limit, and the clients are at its other end."""

    def __init__(self, vfs, link=None, guests=()):
        peers.quiet()
        sh(MODULES)
        touch_programs()
        self.pf = load(total_vfs=max(vfs, 8))[0]
        sh('ip link add ethup type veth peer name ethfar')
        self.wire = peers.NamespaceEnd('wire', 'ethfar')
        sh(f'ip link set ethup up; ip link set {self.pf.dev} up')
        self.attach(self.pf.dev)
        self.pf.numvfs(vfs)
        self.vfs = [self.end(i, i in guests) for i in range(vfs)]
        self.wire.up('10.9.0.200')
        for i, end in enumerate(self.vfs):
            end.up(f'10.9.0.{i + 1}')
        acquaint(self.vfs + [self.wire])
        if link:
            self.limit(link)

    def limit(self, link):
        """Give the wire its rate."""
        self.link = link
        self.shape_uplink()
        self.wire.run(self.shape('ethfar'))

    def shape(self, dev):
        """A queue for all, and a rate: as of a card that segments what is sent, nothing is cut
        into segments before."""
        return f'tc qdisc add dev {dev} root handle 1: htb default 1; tc class add dev {dev} ' \
               f'parent 1: classid 1:1 htb rate {self.link}mbit burst 3k cburst 3k'

    def shape_uplink(self):
        """That of what VFs send."""
        sh(self.shape('ethup'))

    def end(self, index, guest):
        """Who has a VF."""
        vf, name = self.pf.vf(index), f'vf{index}'
        if guest:
            return peers.GuestEnd(name, [vf.to_vfio()])
        return peers.NamespaceEnd(name, vf.dev)

    def bridged(self, count):
        """Ends on veth pairs and a bridge, which can have the wire in the adapter's place."""
        peers.bridge()
        ends = []
        for i in range(count):
            sh(f'ip link add ve{i} type veth peer name vb{i}; ip link set vb{i} master br0 up')
            ends.append(peers.NamespaceEnd(f've{i}', f've{i}'))
            ends[i].up(f'10.9.0.{i + 101}')
        acquaint(ends + [self.wire])
        return ends

    def attach(self, master):
        """Whose uplink the wire is: the PF's or the bridge's."""
        sh(f'ip link set ethup nomaster; ip link set ethup master {master}')

    def wire_sent(self):
        """Frames that have come from the wire's other end."""
        return int(read('/sys/class/net/ethup/statistics/rx_packets'))

    def cap(self, index, mbps):
        """Set a VF's rate; 0: none."""
        self.pf.link(index, f'max_tx_rate {mbps}')


class Sink(peers.NamespaceEnd):
    """Where routers send to: a second address of the wire's other end, in a namespace apart."""

    def __init__(self, wire, name='sink', ip='10.8.0.200'):
        wire.run(f'ip link add {name} link {wire.dev} type macvlan mode private')
        wire.run(f'ip link set {name} netns 1')
        super().__init__(name, name)
        self.up(ip)


class Window:
    """Virtual time from `with` to its end; what of it the CPU was idle. See idle/idle.c."""

    def __init__(self):
        self.marks = []

    def __enter__(self):
        sh('insmod /log/idle/idle.ko')
        return self

    def __exit__(self, *args):
        sh('rmmod idle')

    def mark(self):
        """Take the time: the first call begins, the last ends what is measured."""
        self.marks.append((time.monotonic_ns(), int(read(IDLE))))

    @property
    def seconds(self):
        """Length of what is measured."""
        return (self.marks[-1][0] - self.marks[0][0]) / 1e9

    @property
    def idle(self):
        """Percentage of it that the CPU was idle."""
        return 100 * (self.marks[-1][1] - self.marks[0][1]) / 1e6 / self.seconds


class Program:
    """A program at an end, in the background."""

    def __init__(self, end, cmd):
        self.cmd = cmd
        self.proc = subprocess.Popen(['ip', 'netns', 'exec', end.name, 'sh', '-c', 'exec ' + cmd],
                                     text=True, stdin=subprocess.DEVNULL,
                                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def output(self, seconds=None):
        """What it printed, once it has ended by itself."""
        text = self.proc.communicate(timeout=seconds)[0]
        if self.proc.returncode:
            raise RuntimeError(f'{self.cmd}: exit {self.proc.returncode}: {text}')
        return text

    def stop(self):
        """End it, the hard way if it does not want to."""
        self.proc.terminate()
        try:
            self.proc.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            self.proc.kill()
            self.proc.communicate()


def listens(end, port, udp=False):
    """Wait until somebody listens there."""
    flag = 'u' if udp else 't'
    wait_for(lambda: f':{port} ' in end.out(f'ss -Hln{flag}'), f'port {port} of {end.name}')
