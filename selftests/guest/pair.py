#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: guests debug
# proof: guests=boots,pings,tcp,rate,flood,host_reset,end
# timeout: 600
"""Two guests with a VF each by vfio: a NIC in every respect, and no doorbell is lost."""
import errno
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
from guest import Guest, Two
from ktap import between, defer, eq, keep, note, run, timely, true, wait_for
from vnic import Background, errno_of, load, out, ping, sh


class Pair(Two):
    """With the native driver"""

    def make(self):
        """Modules, VFs, guests."""
        self.pf = load(total_vfs=8)[0]
        self.vf = self.pf.vfs(2)
        for i, vf in enumerate(self.vf):
            self.pf.link(i, f'mac 02:00:00:00:10:0{i + 1}')
            vf.to_vfio()
        self.a = Guest('a', [self.vf[0]])
        self.b = Guest('b', [self.vf[1]])
        keep()
        self.up()
        self.b.serve()

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


def boots(p):
    """vnic-vf binds in the guest; the address set by ip link is the guest's"""
    p.get().bound('vnic-vf', '02:00:00:00:10:0')


def pings(p):
    """ping between the guests, all sizes"""
    p.get()
    for size in (0, 56, 1472, 4000):
        p.a.ping('10.9.0.2', size=size)
    p.b.ping('10.9.0.1')


def lone(p):
    """a lone packet is sent by the thread that rings, and wakes no worker"""
    p.get()
    got = p.count(lambda: p.a.run('ping -n -c 50 -i 0.05 10.9.0.2'))
    true(got['tx_packets'] >= 50, 'packets')
    timely(got['kicks_here'] >= got['kicks'] * 0.9, 'kicks handled where they were rung')
    timely(got['wakeups'] <= 10, 'wakeups of the worker')


def bursts(p):
    """every frame of small bursts with pauses is answered"""
    p.get().bursts()


def pauses(p):
    """resets and parameters of the guest while it sends: it works after"""
    p.get()
    dev = p.a.dev()
    p.a.run('(ping -q -f -w 20 10.9.0.2 >/dev/null 2>&1 &)')
    for _ in range(3):
        p.a.run(f'ethtool -G {dev} tx 128; ethtool -G {dev} tx 256')
        sh(f'echo 1 >{p.pf.path}/reset')
        p.a.up('10.9.0.1')
    p.a.run('killall ping', check=False)
    wait_for(lambda: p.a.ping('10.9.0.2', count=1, check=False), 'ping', seconds=20)


def tcp(p):
    """iperf3 in both directions between the guests"""
    p.get()
    for args in ('', '-R'):
        true(p.a.iperf('10.9.0.2', args) > 1, 'TCP flows')


def jumbo(p):
    """MTU 9000"""
    p.get().jumbo()


def vlan(p):
    """guest VLANs, and a port VLAN the guests do not see"""
    p.get().vlan()


def host_and_wire(p):
    """guest and host, guest and wire"""
    p.get()
    sh(f'ip link set {p.pf.dev} up; ip addr add 10.9.0.100/24 dev {p.pf.dev}')
    defer(sh, f'ip addr del 10.9.0.100/24 dev {p.pf.dev}')
    ping(None, '10.9.0.1', size=1472)
    p.a.ping('10.9.0.100')
    server = Background('iperf3 -s -1')
    wait_for(lambda: ':5201' in out('ss -Hltn'), 'server')
    true(p.a.iperf('10.9.0.100') > 1, 'guest to host')
    server.stop()
    sh('ip netns add wire; ip link add ethup type veth peer name ethfar netns wire')
    defer(sh, 'ip link del ethup; ip netns del wire')
    sh(f'ip link set ethup up master {p.pf.dev}')
    sh('ip addr add 10.9.0.200/24 dev ethfar; ip link set ethfar up', ns='wire')
    wait_for(lambda: p.a.ping('10.9.0.200', count=1, check=False), 'wire')
    ping('wire', '10.9.0.2', size=1472)
    Background('iperf3 -s', ns='wire')
    wait_for(lambda: ':5201' in out('ss -Hltn', ns='wire'), 'server')
    for args in ('', '-R'):
        true(p.a.iperf('10.9.0.200', args) > 1, f'guest and wire {args}')


def rate(p):
    """a rate set from the host acts on the running guest, in both directions, at once"""
    p.get()
    p.pf.link(1, 'max_tx_rate 8')
    to = p.a.iperf('10.9.0.2', '-O 2', seconds=6)
    back = p.a.iperf('10.9.0.2', '-R -O 2', seconds=6)
    p.pf.link(1, 'max_tx_rate 0')
    # 0.9 R is ip/rate.py's business: a guest emulated in an emulated machine stalls at times
    between(to * 1514 / 1448, 0.7 * 8, 1.4 * 8, 'Mb/s to the limited guest')
    between(back * 1514 / 1448, 0.7 * 8, 1.4 * 8, 'Mb/s from the limited guest')
    # ... so that 2 Mb/s have been seen without a limit, too
    wait_for(lambda: p.a.iperf('10.9.0.2', '-O 1') > 12, 'more passes without the limit', 60)


def flood(p):
    """a flood at a limited guest is dropped at the device: its CPU and interrupts stay low"""
    p.get()
    figures = {}
    for mbps in (0, 1):
        p.pf.link(1, f'max_tx_rate {mbps}')
        before = p.pf.vfinfo(1)['stats']['rx']
        busy, irqs = p.b.busy(), p.b.interrupts()
        p.a.run('iperf3 -u -c 10.9.0.2 -b 40M -l 1400 -t 5 >/dev/null 2>&1 || true', timeout=40)
        after = p.pf.vfinfo(1)['stats']['rx']
        figures[mbps] = (p.b.busy() - busy, p.b.interrupts() - irqs,
                         after['packets'] - before['packets'],
                         after['dropped'] - before['dropped'])
        note(f'limit {mbps or "none"}: guest busy {figures[mbps][0]} ticks, '
             f'{figures[mbps][1]} interrupts, {figures[mbps][2]} packets delivered, '
             f'{figures[mbps][3]} dropped at the device')
    p.pf.link(1, 'max_tx_rate 0')
    timely(figures[1][3] > figures[1][2], 'most of it was dropped at the device')
    # a slow guest takes what it gets one by one: an interrupt for each that is delivered
    timely(figures[1][1] < figures[1][2] * 1.2 + 20, 'what was dropped interrupted nobody')
    timely(figures[1][0] < figures[0][0], 'less guest CPU with the limit')


def reboot(p):
    """the guest reboots and has its NIC again"""
    p.get()
    p.b.reboot()
    p.b.up('10.9.0.2')
    p.b.serve()
    p.a.ping('10.9.0.2')


def reload(p):
    """the guest's driver is unloaded and loaded under traffic"""
    p.get()
    p.b.run('(ping -q -f -w 20 10.9.0.1 >/dev/null 2>&1 &)')
    for _ in range(3):
        p.a.run('rmmod vnic_vf && modprobe vnic-vf')
        p.a.up('10.9.0.1')
    wait_for(lambda: p.a.ping('10.9.0.2', count=1, check=False), 'ping')


def busy(p):
    """numvfs=0 and rmmod vnic-pf are refused while a guest has a VF"""
    p.get()
    eq(errno_of(p.pf.numvfs, 0), errno.EBUSY, 'numvfs 0')
    true(sh('rmmod vnic-pf', check=False).returncode, 'rmmod refused')
    p.a.ping('10.9.0.2')


def host_reset(p):
    """FLR from the host's sysfs: the guest recovers"""
    p.get()
    p.vf[0].set('reset', 1)
    wait_for(lambda: p.a.ping('10.9.0.2', count=1, check=False), 'ping after FLR', seconds=20)
    p.pf.set('reset', 1)
    wait_for(lambda: p.a.ping('10.9.0.2', count=1, check=False), 'after FLR of the PF', seconds=20)


def end(p):
    """both guests power off; what they used is gone"""
    p.get()
    p.a.stop()
    p.b.stop()
    threads = out('ps -eo comm | grep -c "^vnic-.*vf" || true')
    eq(threads, '0', 'threads of the VFs')


run([boots, pings, lone, bursts, pauses, tcp, jumbo, vlan, host_and_wire, rate, flood, reboot, reload, host_reset, busy,
     end], pair)
