#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: guests
# timeout: 1200
"""A guest whose virtio VFs are DPDK's: a driver that polls and wants no interrupts.

Debian's dpdk-testpmd as it comes, by the guest's vfio-pci and IOMMU: its port 0 is a VF with
packed virtqueues, port 1 one with split ones, two pairs of queues each.  A peer on the host,
a VF in a namespace, sends frames and has them back.
"""
import re
import sys
import time
sys.path.insert(0, sys.path[0] + '/../lib')
from devlink import Devlink
from guest import Guest, Once
from ktap import (Late, between, contains, defer, eq, keep, note, run, sleep, spending, true,
                  wait_for)
from vnic import Background, load, mac_bytes, out, packet_socket, receive, sh

MACS = ('02:00:00:00:40:01', '02:00:00:00:40:02')
PEER = '02:00:00:00:40:03'
PMDS = '/usr/lib/x86_64-linux-gnu/dpdk/pmds-25.0'
PATHS = (('packed ring standard Tx', 'packed ring mergeable buffer Rx'),
         ('inorder Tx', 'inorder Rx'))

PREPARE = '''
mkdir -p /dpdk/proc /dpdk/sys /dpdk/dev /dpdk/tmp /dpdk/var/run /dev/hugepages /tmp/pmd
tar -xf /dpdk.tar -C /dpdk && rm /dpdk.tar
mount -t hugetlbfs none /dev/hugepages
echo 40 >/proc/sys/vm/nr_hugepages
for dir in proc sys dev dev/hugepages tmp; do mount -o bind /$dir /dpdk/$dir; done
modprobe -a vfio_pci vfio_iommu_type1'''
BIND = '''
for at in /sys/bus/pci/devices/*; do
	[ $(cat $at/device) = 0x1041 ] || continue
	echo ${at##*/}
	[ ! -e $at/driver ] || echo ${at##*/} >$at/driver/unbind
	echo %s >$at/driver_override
	echo ${at##*/} >/sys/bus/pci/drivers_probe
done'''
START = '''
cd /tmp/pmd; rm -f in out; mkfifo in; (exec sleep 9999 >in 2>&1) & echo $! >keeper
chroot /dpdk /usr/bin/stdbuf -oL /usr/bin/dpdk-testpmd -l 0,1 -m 64 --no-telemetry %s \
	--log-level=pmd.net.virtio.init:debug -- -i --no-mlockall --total-num-mbufs=8192 \
	--rxq=2 --txq=2 --port-topology=loop --no-flush-rx <in >out 2>err & echo $! >pid
until grep -q testpmd\\> out; do kill -0 $(cat pid) || { cat out err; exit 1; }; sleep 0.3; done
cat out err'''
DO = '''
cd /tmp/pmd; at=$(($(stat -c %%s out) + 1)) log=$(($(stat -c %%s err) + 1)); printf '%s' >in
while [ $(tail -c +$at out | grep -c testpmd\\>) -lt %d ]; do
	kill -0 $(cat pid) || exit 1; sleep 0.05
done
tail -c +$at out; tail -c +$log err'''

WHERE = '''
cd /tmp/pmd; tail -c 300 out; tail -c 300 err
for task in /proc/$(cat pid)/task/*; do echo $(cat $task/comm $task/stack $task/syscall); done'''


def pack(path):
    """testpmd, the drivers it wants, and what they need; of a tree over 9p it starts slowly"""
    found = set(re.findall(r'(/\S+) \(0x', out('ldd /usr/bin/dpdk-testpmd')))
    found |= {'/usr/bin/dpdk-testpmd', '/usr/bin/stdbuf', '/usr/libexec/coreutils/libstdbuf.so'}
    found |= {f'{PMDS}/librte_{name}.so.25.0' for name in ('net_virtio', 'mempool_ring')}
    sh(f'tar -chPf {path} --transform=s,^/,, ' + ' '.join(sorted(found)))


class Testpmd(Once):
    """PF, VFs, the guest with two of them, the peer; testpmd while it runs"""

    def make(self):
        """Modules, VFs, guest, testpmd."""
        sh('sysctl -qw net.ipv6.conf.default.disable_ipv6=1')
        defer(sh, 'sysctl -qw net.ipv6.conf.default.disable_ipv6=0')
        self.pf = load(total_vfs=4, personality='virtio')[0]
        self.vf = self.pf.vfs(3)
        Devlink(self.pf).set_param('vf1_personality', 'virtio-split')
        for i, mac in enumerate(MACS):
            self.pf.link(i, f'mac {mac}')
            self.vf[i].to_vfio()
        self.vf[2].up('peer', mac=PEER)
        self.sock = packet_socket(self.vf[2].name, ns='peer')
        pack('/run/dpdk.tar')
        self.guest = Guest('a', self.vf[:2], extra='--add /run/dpdk.tar --mem 512M --cpus 2 '
                                                   '--iommu intel --no-load')
        self.guest.run(PREPARE)
        self.bdf = self.guest.out(BIND % 'vfio-pci').split()
        self.said = self.start()
        keep()

    def start(self):
        """Start testpmd; what it says"""
        with spending('testpmd'):
            return self.guest.out(START % ' '.join(f'-a {bdf}' for bdf in self.bdf))

    def do(self, *cmds):
        """Commands to it; what it says, and what it and its threads log meanwhile, which come
        between the letters of a prompt if they go the same way.
        """
        done = self.guest.run(DO % (''.join(cmd + r'\n' for cmd in cmds), len(cmds)), check=False)
        if done.returncode:
            note(f'{done.stdout[-200:]} {self.guest.out(WHERE)}')
            self.kill()
            self.said = self.start()
            raise Late(f'testpmd does not answer {cmds}')
        return done.stdout.strip()

    def send(self, frames, sock=None):
        """The peer sends them, as fast as it can, by its VF or by an interface over it."""
        sock = sock or self.sock
        sock.settimeout(None)
        for data in frames:
            sock.send(data)

    def forward(self, mode='macswap'):
        """Begin to do this with frames."""
        said = self.do('stop', f'set fwd {mode}', 'start')
        contains(said, f'{mode} packet forwarding', 'started')

    def kill(self):
        """kill -9"""
        self.guest.run('cd /tmp/pmd; kill -9 $(cat pid keeper); '
                       'while kill -0 $(cat pid); do sleep 0.05; done')

    def counts(self, port):
        """Frames that a port counts as (received, sent), by queue"""
        text = self.do(f'show port xstats {port}')
        return [[int(n) for n in re.findall(rf'{way}_q\d_good_packets: (\d+)', text)]
                for way in ('rx', 'tx')]


pmd = Testpmd()


def udp(port, i, size):
    """A UDP datagram to a port's address, from the i th host, of size bytes"""
    data = i.to_bytes(4, 'big') + bytes((k * 7 + i) & 255 for k in range(size - 46))
    head = bytes.fromhex('4500') + (28 + len(data)).to_bytes(2, 'big') + \
        bytes.fromhex('0000000040110000 0a09') + ((i + 1) * 40503 & 0xffff).to_bytes(2, 'big') + \
        bytes.fromhex('0a090201')
    total = sum(int.from_bytes(head[k:k + 2], 'big') for k in range(0, 20, 2))
    total = (total & 0xffff) + (total >> 16)
    return mac_bytes(MACS[port]) + mac_bytes(PEER) + b'\x08\x00' + head[:10] + \
        (0xffff - total).to_bytes(2, 'big') + head[12:] + bytes.fromhex('00090009') + \
        (8 + len(data)).to_bytes(2, 'big') + b'\x00\x00' + data


def swapped(data):
    """What comes back"""
    return data[6:12] + data[:6] + data[12:]


def echo(t, port, frames, sock=None):
    """Send them, 32 at a time; all come back, whole"""
    sock = sock or t.sock
    for i in range(0, len(frames), 32):
        some = frames[i:i + 32]
        t.send(some, sock)
        got = [data for data, _ in receive(sock, tag=b'', seconds=10, count=len(some))]
        true(sorted(got) == sorted(map(swapped, some)),
             f'port {port}, frames {i} to {i + len(some) - 1}: {len(got)} came back')
    eq(receive(sock, tag=b'', seconds=0.1), [], 'more than was sent')


def forwards(t, port):
    """Frames of many sizes and flows come back, by all queues, and everybody counts them"""
    before, host = t.counts(port), t.pf.vfinfo(port)['stats']
    echo(t, port, [udp(port, i, 60 + i * 97 % 1455) for i in range(256)])
    after, now = t.counts(port), t.pf.vfinfo(port)['stats']
    gained = [[m - n for n, m in zip(*way)] for way in zip(before, after)]
    note(f'port {port}: received and sent by queues {gained}')
    eq([sum(way) for way in gained], [256, 256], 'what testpmd counts')
    true(min(gained[0] + gained[1]) > 40, f'both queues are used: {gained}')
    eq([now[way]['packets'] - host[way]['packets'] for way in ('tx', 'rx')], [256, 256],
       'what ip -s link counts')


def polls(t):
    """both kinds of rings: all frames of many sizes and flows come back, by all queues"""
    t.get()
    for port, (mac, paths) in enumerate(zip(MACS, PATHS)):
        contains(t.said, f'Port {port}: {mac}', 'address set by ip link')
        for path in paths:
            contains(t.said, f'using {path} path on port {port}', 'path')
    t.forward()
    for port in (0, 1):
        forwards(t, port)


def back(t, least=0):
    """How many frames come back before there is silence, after so many?"""
    got = len(receive(t.sock, tag=b'', count=least)) if least else 0
    while True:
        more = len(receive(t.sock, tag=b'', seconds=1, count=64))
        got += more
        if not more:
            return got


def arrived(t, port):
    """Frames to a port, delivered and dropped, as the host counts"""
    rx = t.pf.vfinfo(port)['stats']['rx']
    return rx['packets'], rx['dropped']


def stalls(t):
    """rings that run full, or dry, go on: flooded while nobody polls, and while it does"""
    t.get().forward()
    for port in (0, 1):
        for count, poll in ((200, False), (514, False), (1500, True), (3000, False)):
            before = arrived(t, port)
            if not poll:
                t.do('stop')
            t.send([udp(port, 1, 60), udp(port, 2, 60)] * (count // 2))
            if not poll:
                t.do('start')
            wait_for(lambda n=sum(before) + count: sum(arrived(t, port)) >= n,
                     f'all {count} are delivered or dropped')
            got = back(t, least=0 if poll else min(count, 400))
            delivered, dropped = [n - m for m, n in zip(before, arrived(t, port))]
            note(f'port {port}, {count} frames: {delivered} delivered, {got} came back')
            eq(delivered + dropped, count, 'delivered and dropped')
            true(delivered >= min(count, 400), f'{delivered} of {count} delivered')
            true(poll or got >= min(count, 400), f'{got} of {count} came back')
            echo(t, port, [udp(port, i, 200) for i in range(64)])


def link(t, port, state):
    """Set its state on the host; testpmd sees it."""
    t.pf.link(port, 'state ' + ('auto' if state == 'up' else 'disable'))
    wait_for(lambda: f'Link status: {state}' in t.do(f'show port info {port}'), f'link {state}')


def hears(t, port, dst, want, what, sock=None):
    """So many of 20 frames to dst reach its port."""
    def sent():
        tx = t.pf.vfinfo(2)['stats']['tx']
        return tx['packets'] + tx['dropped']

    before, then = arrived(t, port)[0], sent()
    data = udp(port, 1, 100)
    t.send([mac_bytes(dst) + data[6:]] * 20, sock)
    wait_for(lambda: sent() >= then + 20, 'the switch has seen them')
    if want:
        wait_for(lambda: arrived(t, port)[0] >= before + want, what)
    sleep(0.1)
    eq(arrived(t, port)[0] - before, want, what)


def asks(t):
    """link, promiscuous and allmulti mode, its own address: seen, answered and obeyed"""
    t.get().forward('rxonly')
    for port, mac in enumerate(MACS):
        t.pf.link(port, 'trust off')    # tried again, it may be on
        mine = sum(t.counts(port)[0])
        for state in ('down', 'up'):
            link(t, port, state)
        contains(t.do(f'set promisc {port} on'), 'Error', 'without trust')
        hears(t, port, '02:00:00:99:99:99', 0, 'another\'s frames')
        t.pf.link(port, 'trust on')
        t.do(f'set promisc {port} on')
        hears(t, port, '02:00:00:99:99:99', 20, 'promiscuous')
        t.do(f'set promisc {port} off', f'set allmulti {port} on')
        hears(t, port, '01:00:5e:01:02:03', 20, 'allmulti')
        t.do(f'set allmulti {port} off', f'mac_addr set {port} 02:00:00:00:40:77')
        hears(t, port, '01:00:5e:01:02:03', 0, 'a group it has not asked for')
        hears(t, port, '02:00:00:00:40:77', 20, 'its own address')
        hears(t, port, mac, 0, 'the old one')
        t.do(f'mac_addr set {port} {mac}')
        t.pf.link(port, 'trust off')
        hears(t, port, mac, 20, 'as it was')
        wait_for(lambda n=port, m=mine: sum(t.counts(n)[0]) - m >= 80, 'what testpmd has got')
        eq(sum(t.counts(port)[0]) - mine, 80, 'what testpmd has got')


def vlan_sockets(t):
    """The peer's sockets by VLAN, one for none"""
    socks = {None: t.sock}
    for vid in (100, 200):
        sh(f'ip link add link {t.vf[2].name} name v{vid} up type vlan id {vid}', ns='peer')
        defer(sh, f'ip link del v{vid}', ns='peer')
        socks[vid] = packet_socket(f'v{vid}', ns='peer')
    return socks


def in_vlans(t, port, socks, joined):
    """Frames of these VLANs and those without a tag come back, those of others do not arrive."""
    for vid, sock in socks.items():
        if vid not in (None, *joined):
            hears(t, port, MACS[port], 0, f'VLAN {vid}, when it is in {joined}', sock)
            continue
        echo(t, port, [udp(port, i, 200) for i in range(32)], sock)
        if vid:     # they have come by the VF, too
            eq({tag for _, tag in receive(t.sock, tag=b'', count=32)}, {vid}, 'their tags')


def vlans(t):
    """tagged frames come and go: of all VLANs, then of those that it has asked for, and no others"""
    t.get().forward()
    socks = vlan_sockets(t)
    receive(t.sock, tag=b'', seconds=0.2)   # addresses that were announced before
    for port in (0, 1):
        in_vlans(t, port, socks, (100, 200))
        for joined, *cmds in (((100,), 'vlan set filter on {}', 'rx_vlan add 100 {}'),
                              ((200,), 'rx_vlan add 200 {}', 'rx_vlan rm 100 {}')):
            said = t.do(*(cmd.format(port) for cmd in cmds))
            true('rror' not in said and 'fail' not in said, f'{cmds}: {said}')
            in_vlans(t, port, socks, joined)
        t.do(f'rx_vlan rm 200 {port}', f'vlan set filter off {port}')


def sends(t, port, mbps):
    """It sends what it can for a while: the rate of that; nothing is lost on the way"""
    def counts():
        stats = [t.pf.vfinfo(i)['stats'] for i in (port, 2)]
        return stats[0]['tx']['packets'], stats[1]['rx']['packets'] + stats[1]['rx']['dropped']

    t.pf.link(port, f'max_tx_rate {mbps}')
    before = counts()
    t.do('start')
    sleep(0.3)
    start, bytes_then = time.monotonic(), t.pf.vfinfo(port)['stats']['tx']['bytes']
    sleep(0.7)
    gained = t.pf.vfinfo(port)['stats']['tx']['bytes'] - bytes_then
    rate = gained * 8e-6 / (time.monotonic() - start)
    sent = int(re.findall(r'TX-packets: (\d+)', t.do('stop'))[-1])
    note(f'port {port} has sent {sent} frames, limit {mbps or "none"}')
    wait_for(lambda: [n - m for m, n in zip(before, counts())] == [sent, sent],
             'all are sent, and received or dropped')
    return rate


def gets(t, port):
    """Of a flood at its rate of 1 Mb/s it gets what is delivered; the rest is dropped."""
    t.pf.link(port, 'max_tx_rate 1')
    t.forward('rxonly')
    before, mine, start = arrived(t, port), sum(t.counts(port)[0]), time.monotonic()
    t.send([udp(port, 1, 1000)] * 3000)
    wait_for(lambda: sum(arrived(t, port)) - sum(before) >= 3000, 'all are delivered or dropped')
    delivered, dropped = [n - m for m, n in zip(before, arrived(t, port))]
    most = (256 << 10) / 1000 + (time.monotonic() - start) * 125
    wait_for(lambda: sum(t.counts(port)[0]) - mine >= delivered, 'testpmd has them')
    eq((sum(t.counts(port)[0]) - mine, delivered + dropped), (delivered, 3000),
       'delivered, and dropped')
    between(delivered, 100, most, f'of 3000 frames are delivered, {dropped} dropped')
    t.pf.link(port, 'max_tx_rate 0')


def limits(t):
    """the rate holds what it sends and what it gets, and all is counted"""
    t.get()
    defer(back, t)
    defer(t.do, 'stop', 'set portlist 0,1', 'set txpkts 64')
    for port in (0, 1):
        t.do('stop', 'set fwd txonly', 'set txpkts 1000', f'set eth-peer {port} {PEER}',
             f'set portlist {port}')
        between(sends(t, port, 20), 10, 26, 'Mb/s with a limit of 20')
        true(sends(t, port, 0) > 0, 'sends')
        gets(t, port)


def again(t):
    """twice: ports stopped and started, then closed, detached, attached; frames come back"""
    t.get()
    for _ in range(2):
        t.do('stop', 'port stop all', 'port start all')
        t.forward()
        for port in (0, 1):
            echo(t, port, [udp(port, i, 200) for i in range(64)])
        said = t.do('stop', 'port stop all', 'port close all',
                    *(f'device detach {bdf}' for bdf in t.bdf),
                    *(f'port attach {bdf}' for bdf in t.bdf), 'port start all')
        for mac in MACS:
            contains(said, mac, 'started')
        t.forward()
        for port in (0, 1):
            echo(t, port, [udp(port, i, 200) for i in range(64)])


def killed_in_traffic(t):
    """kill -9 while frames go in and out"""
    t.forward()
    script = 'import socket, sys\ns = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)\n' \
        's.bind((sys.argv[1], 0))\nwhile True:\n for f in sys.argv[2:]: s.send(bytes.fromhex(f))'
    frames = ' '.join(udp(port, i, 200).hex() for port in (0, 1) for i in (1, 2))
    sender = Background(f"python3 -c '{script}' {t.vf[2].name} {frames}", ns='peer')
    before = sum(t.counts(0)[1])
    wait_for(lambda: sum(t.counts(0)[1]) > before + 100, 'traffic')
    t.kill()
    sender.stop()
    back(t)


def killed(t):
    """killed by -9 in traffic it starts again, and the kernel's virtio_net takes over"""
    t.get()
    killed_in_traffic(t)
    t.said = t.start()
    polls(t)
    killed_in_traffic(t)
    t.guest.run(BIND % "''")
    sh(f'ip addr add 10.9.2.3/24 dev {t.vf[2].name}', ns='peer')
    for bdf, ip, mac in zip(t.bdf, ('10.9.2.1', '10.9.2.2'), MACS):
        dev = wait_for(lambda: t.guest.out(f'ls /sys/bus/pci/devices/{bdf}/virtio*/net || true'),
                       'netdev')
        contains(t.guest.out(f'ip link show {dev}'), mac, 'address')
        t.guest.run(f'ip addr add {ip}/24 dev {dev}; ip link set {dev} up')
        t.guest.run(f'ping -n -c 3 -i 0.2 -W 5 -I {dev} 10.9.2.3')
        t.guest.run(f'ip link set {dev} down')


run([polls, stalls, asks, limits, vlans, again, killed], pmd)
