#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable debug newest=netdev,rules,answers,numvfs rt=rules,answers,under_traffic
# proof: stable=rules,answers
# timeout: 300
"""A VF's port on the host: its netdev, and XDP programs that say what the VF gets."""
import json
import os
import socket
import struct
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
import bpf
from devlink import Devlink
from misbehave import Misbehave
from ktap import between, contains, defer, eq, note, run, Skip, sleep, true, wait_for
from tso import SEGMENTS, tso, tso_socket
from vnic import (Background, errno_of, ethtool_stats, frame, load, loaded, log_mark,
                  log_since, mac_bytes, out, packet_socket, ping, read, receive, refused, sh,
                  shared, unload)
from wire import carried, make_wired

TOP = os.path.abspath(sys.path[0] + '/../..')
FAR = '02:00:00:88:88:88'           # somebody on the wire
TOS = 0x5c                          # by which frames of the tests are known
UDP, TCP, ICMP = 17, 6, 1
SYN, ACK = 2, 16
CSUM = 1 << 2                       # VNIC_TXD_F_CSUM
N = 20


def bench():
    """PF with uplink and VFs 0 to 2, shared by the cases"""
    return shared(make_wired, 1500, 3)


def port(index=0):
    """Make the netdev of a VF's port for the rest of the case; its name."""
    pf, _ = bench()
    dl = Devlink(pf)
    dl.set_param(f'vf{index}_port_netdev', 'true')
    defer(dl.set_param, f'vf{index}_port_netdev', 'false')
    return dl.netdev(index)


def attach(dev, name, code):
    """Have a program judge; it goes with the port's netdev."""
    sh(f'ip link set dev {dev} xdpdrv pinned {bpf.pin(name, code)}')


def ip_frame(dst, src, proto=UDP, saddr='192.0.2.1', dport=9, flags=ACK, length=60):
    """An Ethernet frame with IPv4 and that much behind its header."""
    ip = struct.pack('>BBHHHBBH4s4s', 0x45, TOS, 20 + length, 1, 0, 64, proto, 0,
                     socket.inet_aton(saddr), bytes((10, 9, 0, 1)))
    l4 = struct.pack('>HHIIBBHHH', 1000, dport, 1, 0, 5 << 4, flags, 1000, 0, 0)
    return mac_bytes(dst) + mac_bytes(src) + b'\x08\0' + ip + l4.ljust(length, b'.')


def came(sock, **kwargs):
    """How many frames of the tests arrive."""
    return len(receive(sock, tag=bytes((0x45, TOS)), **kwargs))


def exactly(sock, count, what):
    """That many come, however slow the machine is, and no more."""
    eq(came(sock, count=count, seconds=10), count, what)
    eq(came(sock, seconds=0.2), 0, f'{what}: more than that')


def send(sock, *frames, times=N):
    """Send some frames, one after the other, again and again."""
    for _ in range(times):
        for data in frames:
            sock.send(data)


def senders(pf, vfs):
    """(who, socket, its address) of all that may send to VF 0"""
    own = read(f'/sys/class/net/{pf.dev}/address')
    return [('another VF', packet_socket(vfs[1].name, 'vf1'), vfs[1].mac),
            ('the PF', packet_socket(pf.dev), own),
            ('the wire', packet_socket('ethfar', 'wire'), FAR)]


def refusals(pf):
    """Frames that programs let not pass, of all VFs"""
    return pf.stats()['vfs_rx_drop_xdp']


def counted(pf, before, count, what):
    """That many more are counted, and no more."""
    wait_for(lambda: refusals(pf) - before >= count, f'{what}: {count} counted')
    eq(refusals(pf) - before, count, what)


def packets(dev):
    """What a netdev has received and sent"""
    stats = json.loads(out(f'ip -j -s link show dev {dev}'))[0]['stats64']
    return [stats[way]['packets'] for way in ('rx', 'tx')]


def netdev():
    """a port has a netdev while that is asked for: named by adapter and VF, known to devlink"""
    pf, _ = bench()
    dl = Devlink(pf)
    mark = log_mark()
    eq((dl.param('vf1_port_netdev'), dl.netdev(1)), (False, None), 'at first')
    dev = port(1)
    eq(dev, f'vnic{pf.bdf.split(":")[0].lstrip("0") or "0"}vf1', 'name')
    eq((dl.param('vf1_port_netdev'), dl.netdev(0)), (True, None), 'of this VF only')
    dl.set_param('vf1_port_netdev', 'true')
    eq(dl.netdev(1), dev, 'asked for again')
    eq(read(f'/sys/class/net/{dev}/phys_port_name'), 'pf0vf1', 'phys_port_name')
    eq(pf.netdevs(), [pf.dev], 'netdevs of the PF')
    contains(out(f'ethtool -i {dev}'), f'bus-info: {pf.bdf}', 'driver')
    sh(f'ip link set {dev} up')
    link = json.loads(out(f'ip -j addr show dev {dev}'))[0]
    true('NOARP' in link['flags'] and 'LOWER_UP' in link['flags'], f'flags {link["flags"]}')
    eq(link['addr_info'], [], 'addresses')
    ping('vf0', '10.9.0.2')
    wait_for(lambda: packets(dev) == [pf.vfinfo(1)['stats'][way]['packets']
                                      for way in ('rx', 'tx')], 'the VF\'s packets')
    dl.set_param('vf1_port_netdev', 'false')
    eq((dl.param('vf1_port_netdev'), dl.netdev(1)), (False, None), 'in the end')
    true(not os.path.exists(f'/sys/class/net/{dev}'), 'is gone')
    eq(log_since(mark).count('WARNING'), 0, 'warnings')


def nothing_upon():
    """nothing is sent by it, nothing put upon it, and it stays where it is: refused"""
    pf, _ = bench()
    dev = port()
    sh(f'ip link set {dev} up; ip link add br9 type bridge; ip netns add other')
    defer(sh, 'ip link del br9; ip netns del other')
    sock = packet_socket(dev)
    true(errno_of(sock.send, frame(FAR, FAR)), 'sending fails')
    eq(json.loads(out(f'ip -j -s link show dev {dev}'))[0]['stats64']['tx']['errors'], 1, 'counted')
    refused(f'ip link set {dev} master br9')
    sh('ip link set ethup nomaster')
    defer(sh, f'ip link set ethup master {pf.dev}')
    contains(refused(f'ip link set {dev} master {pf.dev}'), 'Error:', 'as the uplink')
    refused(f'ip link set {dev} netns other')
    true(os.path.exists(f'/sys/class/net/{dev}'), 'is still here')


def name_taken():
    """a port whose name is taken gets no netdev, with the reason"""
    pf, _ = bench()
    dl = Devlink(pf)
    name = f'vnic{pf.bdf.split(":")[0].lstrip("0") or "0"}vf2'
    sh(f'ip link add {name} type dummy')
    defer(sh, f'ip link del {name}', check=False)
    contains(dl.set_param('vf2_port_netdev', 'true', fails=True), 'rename that', 'reason')
    eq((dl.param('vf2_port_netdev'), dl.netdev(2)), (False, None), 'nothing changed')
    sh(f'ip link set {name} name other9')
    defer(sh, 'ip link del other9')
    eq(port(2), name, 'then it does')


def rules():
    """by protocol, prefix and port: what a program drops never comes, all else does, from all"""
    pf, vfs = bench()
    dev, macs = port(), [vf.mac for vf in vfs]
    here, there = (packet_socket(vf.name, vf.ns) for vf in vfs[::2])
    who = senders(pf, vfs)
    for name, rule, bad, good in (
            ('proto', {'proto': UDP}, {'proto': UDP}, {'proto': TCP}),
            ('prefix', {'src': ('10.77.0.0', 16)}, {'saddr': '10.77.3.4'}, {'saddr': '10.78.3.4'}),
            ('port', {'proto': TCP, 'dport': 80}, {'proto': TCP, 'dport': 80},
             {'proto': TCP, 'dport': 81})):
        attach(dev, name, bpf.ipv4(lambda p: p.add(bpf.finish(bpf.DROP)), **rule))
        for sender, sock, mac in who:
            before, own = refusals(pf), ethtool_stats(dev)['rx_drop_xdp']
            send(sock, ip_frame(macs[0], mac, **bad), ip_frame(macs[0], mac, **good),
                 ip_frame(macs[2], mac, **bad))
            what = f'{name} from {sender}'
            exactly(here, N, f'{what}: what passes')
            exactly(there, N, f'{what}: to the VF without a program')
            counted(pf, before, N, what)
            eq(ethtool_stats(dev)['rx_drop_xdp'] - own, N, f'{what}: at the port')
        sh(f'ip link set dev {dev} xdpdrv off')
    who[0][1].send(ip_frame(macs[0], who[0][2], proto=TCP, dport=80))
    eq(came(here, count=1, seconds=2), 1, 'without a program')
    ping('vf1', '10.9.0.1')


def many():
    """a broadcast stays away from the VF whose program drops it, and from no other"""
    pf, vfs = bench()
    attach(port(), 'many', bpf.test_frames_only(bpf.finish(bpf.DROP)))
    socks = [packet_socket(vf.name, vf.ns) for vf in (vfs[0], vfs[2])]
    far, before = packet_socket('ethfar', 'wire'), refusals(pf)
    here = packet_socket(vfs[1].name, 'vf1')
    send(here, frame('ff:ff:ff:ff:ff:ff', vfs[1].mac))
    eq([len(receive(sock, count=N, seconds=10)) for sock in (socks[1], far)], [N, N], 'frames')
    eq(receive(socks[0]), [], 'at the VF with the program')
    counted(pf, before, N, 'at the VF with the program')


def segments():
    """a frame to be segmented is judged once and counted as what it is on a wire"""
    pf, vfs = bench()
    attach(port(), 'tso', bpf.ipv4(lambda p: p.add(bpf.finish(bpf.DROP)), proto=TCP, dport=2))
    sock, before = tso_socket(vfs[1].name, 'vf1'), refusals(pf)
    got = pf.vfinfo(0)['stats']['rx']['packets']
    send(sock, tso(vfs[0].mac, vfs[1].mac))
    counted(pf, before, N * SEGMENTS, 'segments')
    true(pf.vfinfo(0)['stats']['rx']['packets'] - got < SEGMENTS, 'none came')


def tagged(off, ethertype):
    """Drop frames with this type there."""
    p = bpf.Program().add(bpf.load(4, 2, 1, 0), bpf.load(4, 3, 1, 4))
    p.add(bpf.insn(0xbf, 4, 2), bpf.insn(0x07, 4, imm=off + 2)).jump('pass', 0x2d, 4, 3)
    p.add(bpf.load(2, 5, 2, off)).jump('pass', 0x55, 5, imm=bpf.net16(ethertype))
    return p.add(bpf.finish(bpf.DROP)).label('pass').add(bpf.finish(bpf.PASS)).done()


def vlans():
    """the program sees a tag where the VF would, and none of a port VLAN"""
    pf, vfs = bench()
    dev, far = port(), packet_socket('ethfar', 'wire')
    here = packet_socket(vfs[0].name, 'vf0')
    sh(f'ip link add link {vfs[0].name} name tag7 type vlan id 7; ip link set tag7 up', ns='vf0')
    defer(sh, 'ip link del tag7', ns='vf0')
    for name, code, passes in (('tag', tagged(12, 0x8100), False),
                               ('inner', tagged(16, 0x88b5), False),
                               ('none', tagged(12, 0x88b5), True)):
        attach(dev, name, code)
        before = refusals(pf)
        far.send(frame(vfs[0].mac, FAR, vlan=7))
        if passes:
            eq(len(receive(here, count=1)), 1, f'{name}: passes')
        else:
            counted(pf, before, 1, name)
        sh(f'ip link set dev {dev} xdpdrv off')
    pf.link(0, 'vlan 50')
    defer(pf.link, 0, 'vlan 0')
    attach(dev, 'port-vlan', tagged(12, 0x88b5))
    before = refusals(pf)
    far.send(frame(vfs[0].mac, FAR, vlan=50))
    counted(pf, before, 1, 'port VLAN')


def verdicts():
    """abort, nonsense and redirect: dropped, counted, traced; a program only judges"""
    pf, vfs = bench()
    dev, trace = port(), '/sys/kernel/tracing'
    sh(f'mountpoint -q {trace} || mount -t tracefs nodev {trace}')
    sh(f'echo > {trace}/trace; echo 1 > {trace}/events/xdp/xdp_exception/enable')
    defer(sh, f'echo 0 > {trace}/events/xdp/xdp_exception/enable')
    sock, here = packet_socket(vfs[1].name, 'vf1'), packet_socket(vfs[0].name, 'vf0')
    ifindex = json.loads(out(f'ip -j link show {pf.dev}'))[0]['ifindex']
    for name, body in (('abort', bpf.finish(bpf.ABORTED)), ('nonsense', bpf.finish(77)),
                       ('redirect', bpf.redirect(ifindex))):
        attach(dev, name, bpf.test_frames_only(body))
        before = refusals(pf)
        sock.send(frame(vfs[0].mac, vfs[1].mac))
        counted(pf, before, 1, name)
        sh(f'ip link set dev {dev} xdpdrv off')
    text = out(f'cat {trace}/trace')
    for action in ('ABORTED', 'REDIRECT', '0x4d'):
        contains(text, f'action={action}', 'trace')
    eq(receive(here), [], 'frames')
    attach(dev, 'writes', bpf.test_frames_only(
        bpf.set_macs(vfs[2].mac, FAR) + bpf.adjust_head(14) + bpf.finish(bpf.PASS)))
    data = frame(vfs[0].mac, vfs[1].mac, size=400)
    sock.send(data)
    eq(receive(here, count=1), [(data, None)], 'what it writes is not delivered')


def bad_requests():
    """a program for the device, and what is none: refused, and the one before stays"""
    pf, vfs = bench()
    dev = port()
    attach(dev, 'first', bpf.test_frames_only(bpf.finish(bpf.DROP)))
    path = bpf.pin('second', bpf.finish(bpf.PASS))
    refused(f'ip link set dev {dev} xdpoffload pinned {path}')
    refused(f'ip -force link set dev {dev} xdpoffload pinned {path}')
    refused(f'ip link set dev {dev} xdpdrv pinned {path}')      # without -force
    refused(f'ip link set dev {dev} xdpdrv pinned {bpf.MOUNT}/nothing')
    before = refusals(pf)
    packet_socket(vfs[1].name, 'vf1').send(frame(vfs[0].mac, vfs[1].mac))
    counted(pf, before, 1, 'the first program')


def answers():
    """XDP_TX: the VF's port sends what the program made, to VF, PF and wire; cut frames are none"""
    pf, vfs = bench()
    dev = port()
    attach(dev, 'tx', bpf.test_frames_only(
        bpf.swap_macs() + bpf.adjust_head(-200) + bpf.adjust_head(200) + bpf.finish(bpf.TX)))
    here = packet_socket(vfs[0].name, 'vf0')
    quiet = f'/proc/sys/net/ipv6/conf/{vfs[0].name}/disable_ipv6'
    sh(f'echo 1 >{quiet}', ns='vf0')
    defer(sh, f'echo 0 >{quiet}', ns='vf0')
    own = vfs[0].mac
    for who, sock, mac in senders(pf, vfs):
        data, before = frame(own, mac, size=100), refusals(pf)
        sent = pf.vfinfo(0)['stats']['tx']['packets']
        for _ in range(N):
            sock.send(data)
            got = receive(sock, count=1)
            eq(got, [(frame(mac, own, size=100), None)], f'what comes back to {who}')
        # its stack may have something to say of its own meanwhile
        sent = pf.vfinfo(0)['stats']['tx']['packets'] - sent
        true(N <= sent <= N + 2, f'sent by the VF: {sent}')
        counted(pf, before, N, who)
        sock.send(frame(own, mac, size=1000))
        counted(pf, before, N + 1, f'{who}: a frame that is longer than what is shown')
        eq(receive(sock), [], 'no answer')
    eq(receive(here), [], 'at the VF')


def answers_checked():
    """an answer from another's address is not sent, one beyond the VF's rate neither"""
    pf, vfs = bench()
    dev, sock = port(), packet_socket(vfs[1].name, 'vf1')
    attach(dev, 'spoof', bpf.test_frames_only(
        bpf.set_macs(vfs[1].mac, FAR) + bpf.finish(bpf.TX)))
    spoofs = pf.stats()['vfs_tx_drop_spoof']
    data = frame(vfs[0].mac, vfs[1].mac)
    send(sock, data)
    wait_for(lambda: pf.stats()['vfs_tx_drop_spoof'] - spoofs == N, 'counted as the VF\'s')
    eq(receive(sock), [], 'answers')
    sh(f'ip link set dev {dev} xdpdrv off')
    attach(dev, 'reply', bpf.test_frames_only(bpf.swap_macs() + bpf.finish(bpf.TX)))
    dl = Devlink(pf)
    dl.set_param('vf0_tx_pps', 100)
    defer(dl.set_param, 'vf0_tx_pps', 0)
    total, before = 2000, refusals(pf)
    send(sock, data, times=total)
    counted(pf, before, total, 'none came to the VF')
    stats = json.loads(out(f'ip -j -s -s link show dev {dev}'))[0]['stats64']['tx']
    got = len(receive(sock, count=total - stats['fifo_errors'])) + len(receive(sock))
    note(f'{got} of {total} answered')
    eq(got + stats['fifo_errors'], total, 'sent and lost')
    true(stats['fifo_errors'] > total // 4, 'lost for the rate')


def circle():
    """two programs that answer all do not answer each other"""
    pf, vfs = bench()
    code = bpf.test_frames_only(bpf.swap_macs() + bpf.finish(bpf.TX))
    for i in range(2):
        attach(port(i), f'answers{i}', code)

    def count():
        return sum(pf.vfinfo(i)['stats']['tx']['packets'] for i in range(2))

    def quiet():
        had = count()
        sleep(2)
        return count() == had

    wait_for(quiet, 'their stacks say nothing for 2 s', 40)
    sent, before = count(), refusals(pf)
    packet_socket(vfs[1].name, 'vf1').send(frame(vfs[0].mac, vfs[1].mac))
    counted(pf, before, 2, 'the frame, which is answered, and the answer, which is not')
    sleep(0.5)
    counted(pf, before, 2, 'and later')
    sent = count() - sent
    true(2 <= sent <= 4, f'sent by both: {sent}')   # their stacks may have something to say


def limit():
    """a limit of new TCP connections a second: by a program, the VF gets that many and no more"""
    pf, vfs = bench()
    dev, most = port(), 50
    fd = bpf.create_map(bpf.MAP_ARRAY, 4, 16, 1)
    attach(dev, 'syns', bpf.ipv4(lambda p: bpf.at_most(p, fd, most), proto=TCP, syn=True))
    here, sock = packet_socket(vfs[0].name, 'vf0'), packet_socket(vfs[1].name, 'vf1')
    before = refusals(pf)
    macs = vfs[0].mac, vfs[1].mac
    send(sock, ip_frame(*macs, proto=TCP, flags=SYN), times=10 * most)
    got = came(here, seconds=2)
    note(f'{got} of {10 * most}')
    between(got, most, 3 * most, 'connections in at most three seconds')
    counted(pf, before, 10 * most - got, 'what is beyond')
    send(sock, ip_frame(*macs, proto=TCP, flags=ACK), times=2 * most)
    exactly(here, 2 * most, 'segments of connections')


def sample():
    """tools/samples/port_syn.bpf.c: who is there connects, SYNs of forged senders never come"""
    _, vfs = bench()
    path = TOP + '/tools/samples/port_syn.bpf.o'
    if not os.path.exists(path):
        raise Skip('not compiled: no clang')
    dev, here, far = port(), packet_socket(vfs[0].name, 'vf0'), packet_socket('ethfar', 'wire')
    sh(f'ip link set dev {dev} xdpdrv obj {path} sec xdp')
    macs = vfs[0].mac, FAR
    for i in range(N):
        far.send(ip_frame(*macs, proto=TCP, flags=SYN, saddr=f'192.0.2.{i + 1}'))
    eq(came(here), 0, 'SYNs of senders that are not there')
    eq(carried('wire', (socket.AF_INET, socket.SOCK_STREAM), ('10.9.0.1', 7007), 100000), 100000,
       'bytes of one who is')
    eq(carried('vf1', (socket.AF_INET, socket.SOCK_STREAM), ('10.9.0.1', 7007), 100000), 100000,
       'bytes of another VF')


def xdp_filter():
    """xdp-filter of xdp-tools: a port's list of what is dropped"""
    _, vfs = bench()
    dev, here, far = port(), packet_socket(vfs[0].name, 'vf0'), packet_socket('ethfar', 'wire')
    sh('mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf')
    sh(f'xdp-filter load --mode native --features tcp,udp,ipv4 {dev}')
    defer(sh, f'xdp-filter unload {dev}')
    sh('xdp-filter port 80 --mode dst')
    sh('xdp-filter ip 10.77.3.4 --mode src')
    own = vfs[0].mac
    send(far, ip_frame(own, FAR, proto=TCP, dport=80), ip_frame(own, FAR, saddr='10.77.3.4'),
         ip_frame(own, FAR, proto=TCP, dport=81))
    exactly(here, N, 'what is not in the list')


def under_traffic():
    """programs come, change and go under a flood of those who send and of those who answer"""
    pf, _ = bench()
    dev = port()
    before = pf.stats()['vfs_rx_drop_xdp']
    Background('ping -q -f 10.9.0.1', ns='vf1')
    Background('ping -q -f 10.9.0.1', ns='wire')
    Background('ping -q -f 10.9.0.1')
    progs = [bpf.pin('pass', bpf.finish(bpf.PASS)), bpf.pin('drop', bpf.finish(bpf.DROP)),
             bpf.pin('tx', bpf.Program().add(bpf.load(4, 2, 1, 0), bpf.load(4, 3, 1, 4),
                                             bpf.insn(0xbf, 4, 2), bpf.insn(0x07, 4, imm=14))
                     .jump('end', 0x2d, 4, 3).add(bpf.swap_macs()).label('end')
                     .add(bpf.finish(bpf.TX)).done())]
    for i in range(50):
        for path in progs:
            sh(f'ip -force link set dev {dev} xdpdrv pinned {path}')
            sleep(0.2)
        sh(f'ip link set dev {dev} xdpdrv off')
        judged = pf.stats()['vfs_rx_drop_xdp'] - before
        if i >= 4 and judged > 100:
            break
    wait_for(lambda: ping('vf2', '10.9.0.1', count=1, check=False), 'ping', seconds=20)
    true(judged > 100, f'{judged} packets refused meanwhile')


def flooded(name):
    """A VF whose port answers a flood from the wire; PF, its devlink, netdev, the flood."""
    pf, vfs = make_wired(count=2)
    dl = Devlink(pf)
    dl.set_param('vf0_port_netdev', 'true')
    dev = dl.netdev(0)
    attach(dev, name, bpf.test_frames_only(bpf.swap_macs() + bpf.finish(bpf.TX)))
    data = frame(vfs[0].mac, FAR).hex()
    Background('ping -q -f 10.9.0.1')
    flood = Background('python3 -c "import socket; s = socket.socket(17, 3); '
                       "s.bind(('ethfar', 0))\nwhile True: s.send(bytes.fromhex("
                       f"'{data}'))\"", ns='wire')
    wait_for(lambda: refusals(pf) > 100, 'the flood')
    return pf, dl, dev, flood


def param_off():
    """netdev and program go with the parameter, under a flood; the VF gets all again"""
    _, dl, dev, _ = flooded('end-param')
    dl.set_param('vf0_port_netdev', 'false')
    true(not os.path.exists(f'/sys/class/net/{dev}'), 'gone')
    wait_for(lambda: ping('vf0', '10.9.0.100', count=1, check=False), 'ping', seconds=20)


def numvfs():
    """and with the VFs; new ones have none"""
    pf, dl, dev, _ = flooded('end-numvfs')
    pf.numvfs(0)
    true(not os.path.exists(f'/sys/class/net/{dev}'), 'gone')
    pf.numvfs(2)
    eq((dl.param('vf0_port_netdev'), dl.netdev(0)), (False, None), 'of new VFs')


def judged():
    """what the device is asked to write into a frame is there when it is judged"""
    pf = load(total_vfs=4)[0]
    pf.set('sriov_drivers_autoprobe', 0)
    pf.numvfs(2)
    vfs = [pf.vf(i) for i in range(2)]
    dl = Devlink(pf)
    dl.set_param('vf0_port_netdev', 'true')
    # Pass if there is zero at 14.
    attach(dl.netdev(0), 'zero', bpf.test_frames_only(
        bpf.insn(0xbf, 4, 2) + bpf.insn(0x07, 4, imm=16) + bpf.insn(0x2d, 4, 3, 4) +
        bpf.load(2, 5, 2, 14) + bpf.insn(0x55, 5, off=2) +
        bpf.finish(bpf.PASS) + bpf.finish(bpf.DROP)))
    here, there = (Misbehave(vf.to_vfio()) for vf in vfs)
    data = mac_bytes(pf.vfinfo(0)['address']) + mac_bytes(pf.vfinfo(1)['address']) + \
        b'\x88\xb5' + bytes(2) + b'.' * 50
    for asked, offset, passes in ((0, 0, 1), (CSUM, 0, 0), (CSUM, 20, 1)):
        before = refusals(pf)
        there.tell(f'offload {asked} 14 {offset} 0 0 {data.hex()}', 'ok')
        eq(int(here.tell('take 500')), passes, f'sum at {14 + offset}' if asked else 'no sum')
        eq(refusals(pf) - before, 1 - passes, 'refused')


def unloaded():
    """and with the module"""
    _, _, dev, flood = flooded('end-unload')
    unload()
    true(not loaded('vnic-pf'), 'unloaded')
    true(not os.path.exists(f'/sys/class/net/{dev}'), 'gone')
    flood.stop()
    sh('modprobe vnic-pf total_vfs=4')      # for who cleans up


def two_adapters():
    """VF 0 of each of two adapters has a port of its own name"""
    names = []
    for pf in load(total_vfs=4, adapters=2):
        pf.vfs(1)
        dl = Devlink(pf)
        dl.set_param('vf0_port_netdev', 'true')
        names.append(dl.netdev(0))
    eq(len(set(names)), 2, f'names {names}')


run([netdev, nothing_upon, name_taken, rules, many, segments, vlans, verdicts, bad_requests,
     answers, answers_checked, circle, limit, sample, xdp_filter, under_traffic, param_off, numvfs, judged, unloaded, two_adapters])
