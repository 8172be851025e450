#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: guests debug
# proof: guests=boots,pings,tcp,config,rate,end
# timeout: 600
"""Guests with stock drivers: a VF that is a virtio network device.

The first guest has packed virtqueues, the second split ones.
"""
import socket
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
from devlink import Devlink
from guest import Guest, Two
from ktap import between, contains, defer, eq, keep, run, sleep, timely, true, wait_for
from program import program
from vnic import Background, frame, load, out, packet_socket, ping, read, sh

FEATURES = {  # bits that a stock Linux driver takes
    'CSUM': 0, 'GUEST_CSUM': 1, 'CTRL_GUEST_OFFLOADS': 2, 'MAC': 5, 'GUEST_TSO4': 7,
    'GUEST_TSO6': 8, 'HOST_TSO4': 11, 'HOST_TSO6': 12, 'MRG_RXBUF': 15, 'STATUS': 16,
    'CTRL_VQ': 17, 'CTRL_RX': 18, 'CTRL_VLAN': 19, 'GUEST_ANNOUNCE': 21, 'MQ': 22, 'CTRL_MAC_ADDR': 23,
    'INDIRECT_DESC': 28, 'EVENT_IDX': 29, 'VERSION_1': 32, 'VQ_NOTF_COAL': 52, 'NOTF_COAL': 53,
    'GUEST_USO4': 54, 'GUEST_USO6': 55, 'HOST_USO': 56, 'HASH_REPORT': 57, 'RSS': 60, 'SPEED_DUPLEX': 63}


class Guests(Two):
    """With virtio; and a VF on the host, where all are native"""

    IPS = ('10.9.1.1', '10.9.1.2')

    def make(self):
        """Modules, VFs, guests."""
        self.pf = load(total_vfs=8, personality='virtio')[0]
        self.dl = Devlink(self.pf)
        self.vf = self.pf.vfs(3)
        self.dl.set_param('vf1_personality', 'virtio-split')
        for i in (0, 1):
            self.pf.link(i, f'mac 02:00:00:00:20:0{i + 1}')
            self.vf[i].to_vfio()
        self.a = Guest('a', [self.vf[0]], extra=f'--cpus 2 --no-load --add {program("datagrams")}')
        self.b = Guest('b', [self.vf[1]], extra=f'--no-load --add {program("datagrams")}')
        keep()
        self.vf[2].up('host', ip='10.9.1.3')
        keep()
        self.up()
        self.b.serve()


guests = Guests()


def boots(p):
    """stock virtio_net binds and negotiates all that is offered; the host still sees vnic"""
    p.get().bound('virtio_net', '02:00:00:00:20:0')
    for i, guest in enumerate((p.a, p.b)):
        dev = guest.dev()
        bits = guest.out(f'cat /sys/class/net/{dev}/device/features')
        for name, bit in FEATURES.items():
            eq(bits[bit], '1', f'feature {name}')
        eq(bits[34], '10'[i], 'RING_PACKED')
        contains(guest.out('lspci -n'), '1af4:1041', 'PCI ids')
        contains(guest.out(f'ethtool {dev}'), 'Duplex: Full', 'duplex')
    contains(out(f'lspci -n -s {p.vf[0].bdf}'), '766e:1001', 'the host\'s lspci')


def pings(p):
    """every size, virtio to virtio, to a native VF on the host and back"""
    p.get()
    for size in (0, 56, 1472, 4000):
        p.a.ping('10.9.1.2', size=size)
        p.a.ping('10.9.1.3', size=size)
        ping('host', '10.9.1.2', size=size)


def bursts(p):
    """every frame of small bursts with pauses is answered"""
    p.get().bursts()


def tcp(p):
    """TCP in both directions: virtio, native, PF"""
    p.get()
    for args in ('', '-R'):
        true(p.a.iperf('10.9.1.2', args) > 0.2, 'virtio and virtio')
    Background('iperf3 -s', ns='host')
    wait_for(lambda: ':5201' in out('ss -Hltn', ns='host'), 'server')
    for args in ('', '-R'):
        true(p.a.iperf('10.9.1.3', args) > 0.2, 'virtio and native')
    sh(f'ip link set {p.pf.dev} up; ip addr add 10.9.1.100/24 dev {p.pf.dev}')
    defer(sh, f'ip addr del 10.9.1.100/24 dev {p.pf.dev}')
    Background('iperf3 -s')
    wait_for(lambda: ':5201' in out('ss -Hltn'), 'server')
    for args in ('', '-R'):
        true(p.a.iperf('10.9.1.100', args) > 0.2, 'virtio and the PF')


def offloads(p):
    """without its offloads, each alone, TCP arrives as well"""
    p.get()
    dev = p.b.dev()
    for feature in ('rx-gro-hw', 'gro', 'tso', 'tx'):
        p.b.run(f'ethtool -K {dev} {feature} off')
        for args in ('', '-R'):
            true(p.a.iperf('10.9.1.2', args, seconds=1) > 0.2, f'without {feature} {args}')
    p.b.run(f'ethtool -K {dev} tx on tso on gro on rx-gro-hw on')


def host(cmd):
    """Output of a command on the host, by the PF."""
    return out(cmd.replace('/datagrams', program('datagrams')))


def native(cmd):
    """... where the native VF is."""
    return out(cmd.replace('/datagrams', program('datagrams')), ns='host')


def bulks(sender, receiver, ip, dev):
    """20 times 20 datagrams go; how many frames `dev` of the receiver got for that."""
    count = f"ip -s link show {dev} | awk '/RX:/ {{ getline; print $2; exit }}'"
    receiver(f'(/datagrams take 20 >/run/taken 2>&1 &)')
    wait_for(lambda: ':5300' in receiver('ss -Hlun'), 'a socket')
    before = int(receiver(count))
    sender(f'/datagrams send {ip} 20')
    wait_for(lambda: 'right' in receiver('cat /run/taken'), 'the end')
    contains(receiver('cat /run/taken'), '400 right', f'to {ip}')
    return int(receiver(count)) - before


def bulk(p):
    """UDP in bulk (USO) goes whole from guests and PF to a guest that takes it, in pieces to others"""
    p.get()
    sh(f'ip link set {p.pf.dev} up; ip addr add 10.9.1.100/24 dev {p.pf.dev}')
    defer(sh, f'ip addr flush dev {p.pf.dev}')
    a, b, vf = p.a.dev(), p.b.dev(), p.vf[2].name
    for run_in, dev, number in ((p.a.out, a, 1), (p.b.out, b, 2), (native, vf, 3),
                                (host, p.pf.dev, 100)):
        run_in(f'sysctl -qw net.ipv6.conf.{dev}.disable_ipv6=0; '    # tests before this one disable it
               f'ip addr add fd00::{number}/64 dev {dev} nodad')
    for guest in (p.a, p.b):    # Linux takes the feature, and leaves it off at first
        guest.run(f'ethtool -K {guest.dev()} tx-udp-segmentation on')
    for sender, receiver, ip, dev in (
            (p.a.out, p.b.out, '10.9.1.2', b), (p.b.out, p.a.out, 'fd00::1', a),
            (host, p.a.out, '10.9.1.1', a)):
        got = bulks(sender, receiver, ip, dev)
        true(20 <= got < 60, f'frames to {ip}: {got}')
    p.b.run(f'ethtool -K {b} rx-gro-hw off')
    # The PF counts what a wire would have brought.
    for receiver, ip, dev in ((native, 'fd00::3', vf), (p.b.out, '10.9.1.2', b),
                              (host, 'fd00::100', p.pf.dev)):
        got = bulks(p.a.out, receiver, ip, dev)
        true(400 <= got < 440, f'frames to {ip}: {got}')
    p.b.run(f'ethtool -K {b} rx-gro-hw on')


def jumbo(p):
    """MTU 9000"""
    p.get().jumbo()


def steering(p):
    """RSS: the guest chooses the queues, the key and what is hashed"""
    p.get()
    dev = p.a.dev()
    p.a.run(f'ethtool -L {dev} combined 2')
    contains(p.a.out(f'ethtool -x {dev}'), 'with 2 RX ring(s)', 'table')
    for weights, quiet in (('1 0', 1), ('0 1', 0)):
        p.a.run(f'ethtool -X {dev} weight {weights}')
        before = p.a.inputs()
        true(p.a.iperf('10.9.1.2', '-P 2 -R') > 0.2, 'TCP in')
        got = [n - m for n, m in zip(p.a.inputs(), before)]
        timely(got[1 - quiet] > 20 + 10 * got[quiet], f'weights {weights}: {got}')
    key = ':'.join(['6d', '5a'] * 20)
    p.a.run(f'ethtool -X {dev} equal 2 hkey {key}')
    contains(p.a.out(f'ethtool -x {dev}'), key, 'key')
    p.a.run(f'ethtool -N {dev} rx-flow-hash udp4 sd')
    contains(p.a.out(f'ethtool -n {dev} rx-flow-hash udp4'), 'IP SA', 'kinds')
    p.a.ping('10.9.1.2')
    p.a.run(f'ethtool -Q {dev} queue_mask 0x2 --coalesce rx-usecs 77')
    contains(p.a.out(f'ethtool -Q {dev} queue_mask 0x2 --show-coalesce'), 'rx-usecs: 77',
             'moderation of one queue')
    p.a.ping('10.9.1.2')
    p.a.run(f'ethtool -X {dev} default; ethtool -L {dev} combined 1')


def queues(p):
    """two pairs of queues, and moderation"""
    p.get()
    dev = p.a.dev()
    p.a.run(f'ethtool -L {dev} combined 2')
    contains(p.a.out(f'ethtool -l {dev}'), 'Combined:\t2', 'queues')
    true(p.a.iperf('10.9.1.2', '-P 4') > 0.2, 'TCP out')
    used = p.a.inputs_of(
        lambda: true(p.a.iperf('10.9.1.2', '-P 4 -R') > 0.2, 'TCP in'), lambda n: min(n) > 100)
    true(len(used) == 2 and min(used) > 100, f'both receive: {used}')
    p.a.run(f'ethtool -C {dev} rx-usecs 100 rx-frames 32 tx-usecs 100')
    contains(p.a.out(f'ethtool -c {dev}'), 'rx-usecs:\t100', 'moderation')
    p.a.ping('10.9.1.2')
    true(p.a.run(f'ethtool -C {dev} rx-usecs 1000000', check=False).returncode, 'out of range')
    p.a.run(f'ethtool -C {dev} rx-usecs 20 rx-frames 1 tx-usecs 20')


def vlan(p):
    """guest VLANs, and a port VLAN the guests do not see"""
    p.get().vlan()


def announced(sock, mac):
    """Has this address announced itself by ARP, among what the socket has heard?"""
    while True:
        try:
            data = sock.recv(2048, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        sender, target = data[28:32], data[38:42]
        if data[6:14] == mac + b'\x08\x06' and sender == target:
            return True


def config(p):
    """a link set by ip link reaches the running guest, which announces itself; addresses of its
    own are policed"""
    p.get()
    dev = p.a.dev()
    sh(f'ip link set {p.pf.dev} up')
    sock = packet_socket(p.pf.dev)
    mac = bytes.fromhex('020000002001')
    true(not announced(sock, mac), 'announced before')
    p.pf.link(0, 'state disable')
    wait_for(lambda: 'NO-CARRIER' in p.a.out(f'ip link show {dev}'), 'no carrier')
    p.pf.link(0, 'state auto')
    wait_for(lambda: 'LOWER_UP' in p.a.out(f'ip link show {dev}'), 'carrier')
    wait_for(lambda: announced(sock, mac), 'announced once its link is back')
    p.a.ping('10.9.1.2')
    true(p.a.run(f'ip link set {dev} address 02:00:00:00:20:77', check=False).returncode,
         'another address than the host\'s is refused')
    p.a.run(f'ip link set {dev} promisc on')
    contains(p.a.out('dmesg | tail -5'), 'promisc', 'promiscuous mode is refused')
    p.a.run(f'ip link set {dev} promisc off')
    p.pf.link(0, 'trust on')
    p.a.run(f'ip link set {dev} address 02:00:00:00:20:77')
    wait_for(lambda: p.a.ping('10.9.1.2', count=1, check=False), 'with its own address')
    p.a.run(f'ip link set {dev} address 02:00:00:00:20:01')
    p.pf.link(0, 'trust off')
    p.a.ping('10.9.1.2')


def allowed(p):
    """what was refused, or was until it no longer might, is so as soon as the host allows it"""
    p.get()
    dev = p.a.dev()
    sh(f'ip link set {p.pf.dev} up')
    sock, mine = packet_socket(p.pf.dev), read(f'/sys/class/net/{p.pf.dev}/address')

    def hears(where, dst, **kwargs):
        """How many of 50 frames from the PF does the guest hear?"""
        count = f'cat /sys/class/net/{where}/statistics/rx_packets'
        before = int(p.a.out(count))
        for _ in range(50):
            sock.send(frame(dst, mine, **kwargs))
        return int(p.a.out(f'sleep 0.3; {count}')) - before
    mac = '02:00:00:00:20:01'
    nobody, group = '02:00:00:99:99:99', '01:00:5e:09:09:09'
    p.a.run(f'ip link set {dev} promisc on')
    defer(p.a.run, f'ip link set {dev} promisc off')
    defer(p.pf.link, 0, 'trust off')
    for _ in range(2):
        true(hears(dev, nobody) < 10, 'promiscuous, without trust')  # it may hear others
        true(hears(dev, group) < 10, 'a group of others')
        p.pf.link(0, 'trust on')
        wait_for(lambda: hears(dev, nobody) >= 50, 'promiscuous, with trust')
        wait_for(lambda: hears(dev, group) >= 50, 'it hears all groups')
        wait_for(lambda: hears(dev, mac, vlan=99) >= 50, 'in all VLANs')
        p.pf.link(0, 'trust off')
    # an address that is another's is refused, and nothing else is with it
    p.pf.link(0, 'trust on')
    p.a.run(f'bridge fdb add {mine} dev {dev} self; ip link set {dev} allmulticast on; '
            f'ip link set {dev} allmulticast off')
    wait_for(lambda: hears(dev, nobody) >= 50, 'promiscuous still')
    p.a.run(f'bridge fdb del {mine} dev {dev} self')
    p.pf.link(0, 'trust off')
    defer(p.pf.link, 0, 'vlan 0')
    p.pf.link(0, 'vlan 7')
    p.a.run(f'ip link add v9 link {dev} type vlan id 9; ip link set v9 up')
    defer(p.a.run, 'ip link del v9')
    p.pf.link(0, 'trust off')
    p.pf.link(0, 'vlan 0')
    true(hears(dev, mac, vlan=99) < 10, 'in no other VLAN than 9, without trust')
    p.pf.link(0, 'vlan 7')
    eq(hears('v9', mac, vlan=9), 0, 'VLAN 9 in a port VLAN')
    p.pf.link(0, 'vlan 0')
    wait_for(lambda: hears('v9', mac, vlan=9) >= 50, 'VLAN 9')


def rate(p):
    """a rate set from the host acts on the running guest, in both directions"""
    p.get()
    p.pf.link(1, 'max_tx_rate 8')
    to = p.a.iperf('10.9.1.2', '-O 1', seconds=5)
    back = p.a.iperf('10.9.1.2', '-R -O 1', seconds=5)
    p.pf.link(1, 'max_tx_rate 0')
    # How much of it TCP uses is ip/rate.py's business: these guests stall at times.
    between(to * 1514 / 1448, 1, 1.5 * 8, 'Mb/s to the limited guest')
    between(back * 1514 / 1448, 1, 1.5 * 8, 'Mb/s from the limited guest')


def driver(p):
    """its driver is unbound and bound again under traffic, and the guest reboots"""
    p.get()
    p.b.run('(ping -q -f -w 15 10.9.1.1 >/dev/null 2>&1 &)')
    name = p.a.out(f'basename $(readlink -f /sys/class/net/{p.a.dev()}/device)')
    for _ in range(3):
        p.a.run(f'cd /sys/bus/virtio/drivers/virtio_net; echo {name} >unbind; echo {name} >bind')
        p.a.up('10.9.1.1')
    p.a.ping('10.9.1.2')
    p.b.reboot()
    p.b.up('10.9.1.2')
    p.b.serve()
    p.a.ping('10.9.1.2')


def resets(p):
    """resets from the host, of the PF and of the VF, are nothing a virtio guest notices"""
    p.get()
    p.pf.set('reset', 1)
    p.a.ping('10.9.1.2')
    p.vf[0].set('reset', 1)
    p.a.ping('10.9.1.2')
    p.b.ping('10.9.1.1')
    flood = 'ping -q -f -s 1400 -w {} {} >/dev/null 2>&1 &'
    for _ in range(5):      # what comes up during one is done after it, whoever rings no more
        p.a.run(f"({flood.format(2, '10.9.1.2')})")
        p.b.run(f"({flood.format(2, '10.9.1.1')})")
        for _ in range(10):
            p.pf.set('reset', 1)
            sleep(0.1)
        p.a.ping('10.9.1.2')
    # the driver's own resets, at the same time, are done
    name = p.a.out(f'basename $(readlink -f /sys/class/net/{p.a.dev()}/device)')
    bind = f'echo {name} >unbind; echo {name} >bind'
    p.a.run(f'(cd /sys/bus/virtio/drivers/virtio_net; for i in 1 2 3 4 5; do {bind}; done; '
            'echo >/tmp/bound) >/dev/null 2>&1 &')
    wait_for(lambda: p.pf.set('reset', 1) or p.a.run('test -e /tmp/bound', check=False).returncode == 0,
             'bound five times', seconds=60)
    p.a.up('10.9.1.1')
    p.a.ping('10.9.1.2')


def choose(p):
    """the personality is refused while a guest has the VF, and unknown ones always"""
    p.get()
    contains(p.dl.set_param('vf0_personality', 'native', fails=True), 'A guest has the VF', 'busy')
    contains(p.dl.set_param('vf2_personality', 'e1000', fails=True),
             'native, virtio or virtio-split', 'unknown')
    eq(p.dl.param('vf0_personality'), 'virtio', 'as it was')
    eq(p.dl.param('vf2_personality'), 'virtio', 'default, whatever it is on the host')


def end(p):
    """back to native, to another guest"""
    p.get()
    p.a.stop()
    p.b.stop()
    p.dl.set_param('vf0_personality', 'native')
    c = Guest('c', [p.vf[0]])
    contains(c.out(f'ethtool -i {c.dev()}'), 'driver: vnic-vf', 'driver')
    c.up('10.9.1.1')
    c.ping('10.9.1.3')
    c.stop()


run([boots, pings, bursts, tcp, offloads, bulk, jumbo, queues, steering, vlan, config, allowed, rate, driver,
     resets, choose, end], guests)
