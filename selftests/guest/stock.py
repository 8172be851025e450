#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: guests
# timeout: 1200
"""Stock kernels that nobody here made: Debian 12's (Linux 6.1) and the newest one.

Their own virtio_net serves a VF, from boot over XDP to kexec.  guest/virtio.py does
what this does not with the stable kernel.  The first guest's VF has four pairs of queues,
so that an XDP program has its own; the second's two.  Both have packed virtqueues, and
split ones from when they are plugged again.  The newest driver uses them in order.
"""
import base64
import os
import re
import shlex
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
import bpf
from devlink import Devlink
from guest import BUSY, Guest, Two, start_together, together
from ktap import Skip, contains, defer, eq, keep, run, spending, true, wait_for
from machine import REPORT
from vnic import Background, frame, load, out, packet_socket, ping, read, receive, sh, write

IN_ORDER, RING_PACKED, RING_RESET = 35, 34, 40
HOST, PF = '10.9.2.3', '10.9.2.100'
KERNELS = ('oldstable', 'newest')
BUS = '/sys/bus/virtio/drivers'
OFFERED = ('tx-checksumming: on', 'tx-tcp-segmentation: on', 'tx-tcp6-segmentation: on',
           'scatter-gather: on', 'generic-receive-offload: on', 'rx-gro-hw: on',
           'rx-checksumming: on [fixed]', 'rx-vlan-filter: on [fixed]', 'receive-hashing: off\n',
           'large-receive-offload: off [fixed]')
SOME = 4 << 20      # bytes


class Stock(Guest):
    """Has one netdev, whose name is known: a command in a guest takes its time."""

    def dev(self):
        """Name of its netdev."""
        return 'eth0'


class Guests(Two):
    """With those kernels; and a VF on the host, and the PF"""

    IPS = ('10.9.2.1', '10.9.2.2')
    MACS = ('02:00:00:00:30:01', '02:00:00:00:30:02')

    def get(self):
        """PF, VFs, guests, if there are the kernels (tools/vm/tree)."""
        if not os.path.exists(f'/vnic-guest/{KERNELS[0]}'):
            raise Skip("the mirror had Debian 12's kernel no more")
        return super().get()

    def make(self):
        """Modules, VFs, guests."""
        self.pf = load(total_vfs=8, personality=None)[0]
        self.dl = Devlink(self.pf)
        self.vf = self.pf.vfs(3)
        write(f'{self.vf[0].path}/driver/unbind', self.vf[0].bdf)
        self.vf[0].set('sriov_vf_msix_count', 9)
        for i in (0, 1):
            self.pf.link(i, f'mac {self.MACS[i]}')
            self.vf[i].to_vfio()
        self.a, self.b = [
            Stock(name, [vf], root_port=True, start=False, extra='--mem 512M --no-load '
                  f'--tree --guest-kernel {kernel}')
            for name, vf, kernel in zip('ab', self.vf, KERNELS)]
        self.two = (self.a, self.b)
        start_together(self.two)
        keep()
        self.vf[2].up('host', ip=HOST)
        sh(f'ip link set {self.pf.dev} up; ip addr add {PF}/24 dev {self.pf.dev}')
        for ns in ('host', None):
            Background('iperf3 -s', ns=ns)
            wait_for(lambda n=ns: ':5201' in out('ss -Hltn', ns=n), 'server')
        keep()
        self.serve()

    def serve(self):
        """Addresses and servers, after a boot."""
        self.up()
        for guest in self.two:
            guest.serve()

    def flow(self, guest, *ips, args='--bidir'):
        """TCP flows between a guest and each of these, a megabyte both ways."""
        with spending('traffic'):
            guest.run('; '.join(f'iperf3 -c {ip} -n 1M {args} || exit 1' for ip in ips), busy=BUSY)

    def all_answer(self):
        """Both guests answer each other and the host."""
        self.a.ping(self.IPS[1])
        for ip in self.IPS:
            ping('host', ip)

    def traffic(self):
        """The host keeps sending to both for the rest of the case."""
        for ip in self.IPS:
            Background(f'ping -q -i 0.03 {ip}', ns='host')

    def clean(self):
        """No report in the log of either kernel."""
        for guest in self.two:
            bad = [line for line in guest.out('dmesg').splitlines() if REPORT.search(line)]
            eq(bad, [], f'log of {guest.name}')


guests = Guests()


def feature(guest, bit):
    """Has its driver accepted it?"""
    return guest.out(f'cat /sys/class/net/{guest.dev()}/device/features')[bit] == '1'


def counter(guest, pattern):
    """Sum of the counters of `ethtool -S` that match it."""
    found = re.findall(rf'^\s+(?:{pattern}): (\d+)$', guest.out(f'ethtool -S {guest.dev()}'), re.M)
    true(found, f'counters {pattern}')
    return sum(map(int, found))


def says(guest, options, *parts):
    """Output of `ethtool OPTION DEV`, of all options, has these parts."""
    text = guest.out('; '.join(f'ethtool {option} {guest.dev()}'
                               for option in options.split() or [''])) + '\n'
    for part in parts:
        contains(text, part, f'{guest.name}: ethtool {options}')


def does(guest, *cmds, refused=False):
    """`ethtool OPTION DEV ...` works, each; or each is refused."""
    then = '&& echo "TAKEN' if refused else '|| echo "REFUSED'
    lines = [cmd.split(None, 1) for cmd in cmds]
    text = guest.out('; '.join(f'ethtool {option} {guest.dev()} {rest} 2>&1 {then} {rest}"'
                               for option, rest in lines), check=False)
    true('TAKEN' not in text and 'REFUSED' not in text, f'{guest.name}: {text}')


def boots(p):
    """they boot, bind by themselves, and ethtool -i -k -l -g -c -S show what is offered"""
    p.get().bound('virtio_net', p.MACS[0][:-1])
    for guest, kernel, pairs in zip(p.two, KERNELS, (4, 2)):
        eq(guest.out('uname -r'), read(f'/vnic-guest/{kernel}/release'), 'kernel')
        true(feature(guest, RING_PACKED) and feature(guest, RING_RESET), 'packed virtqueues')
        says(guest, '-k -l -g -c', *OFFERED, f'Combined:\t{pairs}\n', 'Combined:\t1\n',
             'RX:\t\t\t256\n', 'TX:\t\t\t256\n', 'rx-usecs:\t', 'tx-usecs:\t')
        says(guest, '', 'Duplex: Full\n', 'Link detected: yes\n')
        true(counter(guest, '[rt]x_queue_._kicks|[rt]x_kicks') > 0, 'kicks')
    true(p.a.out('uname -r').startswith('6.1.'), 'Linux 6.1')
    true(feature(p.b, IN_ORDER), 'the newest driver uses them in order')
    p.clean()


def pings(p):
    """every size, both ways, with each other and the host"""
    p.get()
    for guest, other, ip in zip(p.two, reversed(p.IPS), p.IPS):
        guest.run('; '.join(f'ping -q -n -c 1 -W 5 -s {size} {to} || exit 1'
                            for size in (0, 1472, 4000) for to in (other, HOST)))
        ping('host', ip, size=4000)


def tcp(p):
    """TCP both ways: with each other, with a native VF, with the PF"""
    p.get()
    p.flow(p.a, p.IPS[1])
    for guest in p.two:
        p.flow(guest, HOST, PF)


def vlan(p):
    """VLANs inside of the guests, and a port VLAN that they do not see"""
    p.get().vlan()


def jumbo(p):
    """MTU 9000"""
    p.get().jumbo()


def several(used):
    """More than one queue has received."""
    return sum(n > 0 for n in used) > 1


def queues(p):
    """ethtool -L: each number of pairs, and no more; several receive"""
    p.get()
    for guest, pairs in zip(p.two, (4, 2)):
        does(guest, f'-L combined {pairs + 1}', refused=True)
        for n in range(1, pairs + 1):
            does(guest, f'-L combined {n}')
            guest.ping(HOST, count=1)
        used = guest.inputs_of(lambda guest=guest: p.flow(guest, HOST, args='-P 16 -R'),
                               several)
        eq(len(used), pairs, 'receive queues')
        true(several(used), f'several receive: {used}')
        does(guest, '-L combined 1')    # one to spare for XDP


def coalesce(p):
    """ethtool -C: taken over, or refused beyond the limit; the newest one adapts, too"""
    p.get()
    for guest in p.two:
        does(guest, '-C rx-usecs 90 rx-frames 16 tx-usecs 70 tx-frames 8')
        says(guest, '-c', 'rx-usecs:\t90\n', 'rx-frames:\t16\n', 'tx-usecs:\t70\n',
             'tx-frames:\t8\n')
        does(guest, '-C rx-usecs 1000000', '-C rx-usecs-irq 5', refused=True)
        guest.ping(HOST)
    does(p.a, '-C adaptive-rx on', refused=True)
    does(p.b, '-C adaptive-rx on')
    p.flow(p.b, HOST, args='-R')
    says(p.b, '-c', 'Adaptive RX: on')
    does(p.b, '-C adaptive-rx off')
    for guest in p.two:
        does(guest, '-C rx-usecs 20 rx-frames 1 tx-usecs 20 tx-frames 1')


def rings(p):
    """ethtool -G under traffic: each queue anew, of any size up to 256"""
    p.get()
    p.traffic()
    for guest in p.two:
        does(guest, '-G rx 100 tx 64')
        says(guest, '-g', 'RX:\t\t\t100\n', 'TX:\t\t\t64\n')
        guest.ping(HOST)
        does(guest, '-G rx 256 tx 256')
        does(guest, '-G rx 512', refused=True)
    p.all_answer()


def offloads(p):
    """ethtool -K: what may be changed works either way, the rest is refused"""
    p.get()
    for guest in p.two:
        does(guest, '-K rx off', '-K rxvlan on', '-K lro on', '-K rx-vlan-filter off', refused=True)
        does(guest, '-K tx off sg off gro off rx-gro-hw off rxhash on')
        says(guest, '-k', 'tx-checksumming: off', 'tcp-segmentation-offload: off',
             'rx-gro-hw: off', 'receive-hashing: on')
        true(whole(guest, False), 'no frames larger than the MTU')
        p.flow(guest, HOST)
        does(guest, '-K tx on sg on tso on gro on rx-gro-hw on rxhash off')
        says(guest, '-k', *OFFERED)
        true(whole(guest, True), 'larger ones again')


def whole(guest, wanted):
    """The guest gets TCP in frames larger than the MTU, or does not, if it is not wanted."""
    def got():
        return int(guest.out(f'cat /sys/class/net/{guest.dev()}/statistics/rx_packets'))
    before = got()
    guest.run(f'iperf3 -c {HOST} -n {SOME} -R')
    return (got() - before < SOME / 1514) == wanted


def config(p):
    """link and speed set on the host reach the running guests"""
    p.get()
    defer(p.dl.set_param, 'link_speed', 0)
    p.dl.set_param('link_speed', 9500)
    for i, guest in enumerate(p.two):
        dev = guest.dev()
        p.pf.link(i, 'state disable')
        wait_for(lambda g=guest, d=dev: 'NO-CARRIER' in g.out(f'ip link show {d}'), 'no carrier')
        p.pf.link(i, 'state auto')
        wait_for(lambda g=guest, d=dev: 'LOWER_UP' in g.out(f'ip link show {d}'), 'carrier')
        says(guest, '', 'Speed: 9500Mb/s\n')
        guest.ping(HOST)


def attach(guest, section):
    """Replace its XDP program by another, 'off': by none."""
    what = section if section == 'off' else f'obj /xdp.o sec {section}'
    text = guest.out(f'ip -force link set dev eth0 xdpdrv {what} && ip link show eth0')
    eq(' xdp ' in text, section != 'off', 'native program')


def reflects(guest, vf, mac):
    """Frames of all sizes to this address come back byte for byte.

    Not in their order: the guest's driver sends them by the queue of the CPU that its NAPI
    is on, which changes.
    """
    sock, mine = packet_socket(vf.name, vf.ns), vf.mac
    sock.bind((vf.name, 0x88b5))    # other traffic fills its buffer
    sizes = list(range(60, 1515, 48)) + [1514]
    for size in sizes:
        sock.send(frame(mac, mine, size=size))
    got = sorted((data for data, _ in receive(sock, count=len(sizes))), key=len)
    eq([len(data) for data in got], sizes, f'frames that came back from {guest.name}')
    true(got == [frame(mine, mac, size=size) for size in sizes], 'what is in them')


def xdp(p):
    """XDP in the driver: drop, pass and reflect under traffic, its offloads off meanwhile"""
    p.get()
    file = bpf.object_file('/run/xdp.o', {
        'pass': bpf.finish(bpf.PASS), 'drop': bpf.finish(bpf.DROP),
        'tx': bpf.test_frames_only(bpf.swap_macs() + bpf.finish(bpf.TX))})
    with open(file, 'rb') as data:
        text = base64.b64encode(data.read()).decode()
    p.traffic()
    for guest, ip, mac in zip(p.two, p.IPS, p.MACS):
        guest.run(f'echo {text} | base64 -d >/xdp.o')
        defer(attach, guest, 'off')
        attach(guest, 'drop')
        true(not ping('host', ip, check=False), 'dropped')
        true(counter(guest, 'rx_xdp_drops|rx_queue_._xdp_drops') > 0, 'drops counted')
        attach(guest, 'pass')
        guest.ping(HOST)
        lost = counter(guest, 'rx_drops|rx_queue_._drops')
        true(whole(guest, False), 'frames fit a page while there is a program')
        eq(counter(guest, 'rx_drops|rx_queue_._drops'), lost, 'frames it could not take')
        attach(guest, 'tx')
        reflects(guest, p.vf[2], mac)
        true(counter(guest, 'rx_xdp_tx|rx_queue_._xdp_tx') > 0, 'frames sent back')
        attach(guest, 'off')
        true(whole(guest, True), 'as before the program')
        true('XDP request' not in guest.out('dmesg'), 'there are queues to spare')
    p.clean()


def rebind(guest, times):
    """Unbind virtio_net from the VF and bind it again."""
    name = guest.out(f'basename $(readlink -f /sys/class/net/{guest.dev()}/device)')
    guest.run(f'cd {BUS}/virtio_net; for i in {" ".join("x" * times)}; do '
              f'echo {name} >unbind; echo {name} >bind; ip link set $(ls {name}/net) up; done')


def driver(p):
    """virtio_net unbound and bound under traffic; an address set meanwhile comes with that"""
    p.get()
    p.traffic()
    for i, (guest, ip) in enumerate(zip(p.two, p.IPS)):
        rebind(guest, 3)
        p.pf.link(i, f'mac 02:00:00:00:31:0{i + 1}')
        contains(guest.out(f'ip link show {guest.dev()}'), p.MACS[i], 'as it was')
        rebind(guest, 1)
        contains(guest.out(f'ip link show {guest.dev()}'), f'02:00:00:00:31:0{i + 1}', 'new one')
        guest.up(ip)
        guest.ping(HOST)
    p.all_answer()


def hotplug(p):
    """unplugged and plugged again, now with split virtqueues, under traffic"""
    p.get()
    p.traffic()
    for guest, vf, ip in zip(p.two, p.vf, p.IPS):
        guest.unplug()
        wait_for(lambda g=guest: not g.out(f'ls {BUS}/virtio_net | grep virtio', check=False),
                 'gone')
        p.dl.set_param(f'vf{vf.index}_personality', 'virtio-split')
        guest.plug(vf)
        wait_for(lambda g=guest: not g.run('ip link show eth0', check=False).returncode, 'netdev')
        guest.up(ip)
        true(not feature(guest, RING_PACKED), 'split virtqueues')
        eq(feature(guest, IN_ORDER), guest is p.b, 'in order')
        p.flow(guest, HOST)
        does(guest, '-G rx 128 tx 64', '-G rx 256 tx 256', '-L combined 1', '-L combined 2')
    p.all_answer()
    p.clean()


def reboot(p):
    """reset under traffic"""
    p.get()
    p.traffic()
    together(p.two, 'reboot', lambda guest: '')
    p.serve()
    p.all_answer()
    p.flow(p.a, p.IPS[1])


def kexec(p):
    """kexec into the same kernel under traffic: the device stops with the old one"""
    p.get()
    p.traffic()
    together(p.two, 'exec', lambda guest: shlex.quote(
        'chroot /tree /sbin/kexec -i -l /vnic-guest/K/bzImage --initrd=/vnic-guest/K/initramfs '
        '--reuse-cmdline'.replace('K', KERNELS[p.two.index(guest)])))
    # Linux 6.1's kexec waits for ever for a virtio console that it has cut off from memory.
    leave = f'cd {BUS}/virtio_console; for d in virtio*; do echo $d >unbind; done; ' \
            'chroot /tree /sbin/kexec -e'
    together(p.two, 'reboot', lambda guest: shlex.quote(leave))
    p.serve()
    p.all_answer()
    p.flow(p.a, p.IPS[1])
    p.clean()


run([boots, pings, tcp, vlan, jumbo, queues, coalesce, rings, offloads, config, xdp, driver,
     hotplug, reboot, kexec], guests)
