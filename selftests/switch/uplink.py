#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable debug rt=tcp quick=born,tcp,backpressure,leaves,moved,claims
# proof: stable=ways,tcp,unknown,claims,vlan,carrier,backpressure
"""The wire: a netdev enslaved to the PF is the adapter's uplink."""
import os
import re
import shlex
import socket
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
from daemons import Networkd
from ktap import between, contains, defer, eq, note, run, Skip, sleep, timely, true, wait_for
from wire import carried, make_wired, wire
from vnic import (Background, datagrams, frame, inside, iperf, iperf_mbps, load, log_mark,
                  log_since, mac_bytes, out, packet_socket,
                  ping, receive, refused, sh, shared, unheard)


def bench():
    """The same, shared by cases."""
    return shared(make_wired)


def ways():
    """VF, PF and wire reach each other"""
    bench()
    for ns, ip in (('vf0', '10.9.0.200'), ('wire', '10.9.0.1'), ('vf0', '10.9.0.2'),
                   (None, '10.9.0.200'), ('wire', '10.9.0.100'), ('vf1', '10.9.0.100')):
        ping(ns, ip, size=1472)


FLOOD = """
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(('ethfar', 0))
frames = [bytes.fromhex(to + sys.argv[1] + '88b5').ljust(60, b'.') for to in sys.argv[2:]]
while True:
    for each in frames:
        s.send(each)
"""


def born():
    """frames for VFs that are being made, under a flood to their addresses: nobody's until then"""
    pf = load(total_vfs=4)[0]
    wire()
    sh(f'ip link set {pf.dev} up; ip link set ethup master {pf.dev}')
    pf.set('sriov_drivers_autoprobe', 0)
    pf.vfs(4)
    macs = ' '.join(vf['address'].replace(':', '') for vf in pf.vfinfo())
    flood = Background(f'python3 -c {shlex.quote(FLOOD)} 020000000099 {macs}', ns='wire')
    wait_for(lambda: pf.stats()['uplink_tx_packets'] > 1000, 'a flood')
    for _ in range(12):
        pf.numvfs(0)
        pf.numvfs(4)
    true(flood.proc.poll() is None, 'it goes on')
    eq(macs, ' '.join(vf['address'].replace(':', '') for vf in pf.vfinfo()), 'addresses')


def tcp():
    """TCP between VF and wire, both ways, with TSO"""
    bench()
    for args in ('', '-R'):
        rate = iperf_mbps(iperf('wire', 'vf0', '10.9.0.200', args))
        note(f'{rate:.0f} Mb/s {args}')
        true(rate > 1, 'TCP flows')


def extensions():
    """TCP behind 240 bytes of IPv6 extension headers, from PF, wire and another VF"""
    pf, vfs = bench()
    for ns, dev, ip in (('vf0', vfs[0].name, 'fd00::1'), (None, pf.dev, 'fd00::9'),
                        ('wire', 'ethfar', 'fd00::200'), ('vf1', vfs[1].name, 'fd00::2')):
        sh(f'sysctl -qw net.ipv6.conf.{dev}.disable_ipv6=0 && '
           f'ip addr replace {ip}/64 dev {dev} nodad', ns=ns)
    # RFC 8200: 8 * (1 + 29) bytes, filled by an option of RFC 4727, to be skipped.
    options = bytes([0, 29, 0x1e, 236]) + bytes(236)
    for ns in (None, 'wire', 'vf1'):
        wait_for(lambda n=ns: ping(n, 'fd00::1', count=1, check=False), f'ping from {ns}')
        eq(carried(ns, (socket.AF_INET6, socket.SOCK_STREAM), ('fd00::1', 7007), 400000, options),
           400000, f'bytes from {ns}')


def sctp():
    """SCTP from the wire to a VF that takes no partial checksums"""
    _, vfs = bench()
    if sh('modprobe sctp', check=False).returncode:
        raise Skip('kernel without SCTP')
    sh(f'ethtool -K {vfs[0].name} rx off', ns='vf0')
    defer(sh, f'ethtool -K {vfs[0].name} rx on', ns='vf0')
    wait_for(lambda: ping('wire', '10.9.0.1', count=1, check=False), 'ping')
    eq(carried('wire', (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_SCTP),
               ('10.9.0.1', 7008), 1000), 1000, 'bytes')


def vrf():
    """a device that gives away nothing of what it receives is refused, with the reason"""
    pf = load(total_vfs=4)[0]
    if sh('modprobe vrf', check=False).returncode:
        raise Skip('kernel without VRF')
    sh(f'ip link set {pf.dev} up; ip addr add 10.9.0.100/24 dev {pf.dev}')
    pf.vfs(1)[0].up(ns='vf0', ip='10.9.0.1')
    sh('ip link add vrf9 type vrf table 99; ip link set vrf9 up')
    defer(sh, 'ip link del vrf9')
    contains(refused(f'ip link set vrf9 master {pf.dev}'), 'VRF', 'reason')
    ping('vf0', '10.9.0.100')


def jumbo():
    """9014 byte frames over the wire"""
    make_wired(mtu=9000)
    ping('vf0', '10.9.0.200', size=8972, extra='-M do')
    ping('wire', '10.9.0.1', size=8972, extra='-M do')
    true(iperf_mbps(iperf('wire', 'vf0', '10.9.0.200')) > 1, 'TCP flows')


def unknown():
    """unknown unicast of a VF goes to the wire only; of the wire to nobody"""
    _, vfs = bench()
    here, other = packet_socket(vfs[0].name, 'vf0'), packet_socket(vfs[1].name, 'vf1')
    far = packet_socket('ethfar', 'wire')
    here.send(frame('02:00:00:99:99:99', vfs[0].mac))
    eq(len(receive(far, count=1)), 1, 'on the wire')
    eq(receive(other), [], 'not at the other VF')
    far.send(frame('02:00:00:99:99:98', '02:00:00:88:88:88'))
    eq(receive(other) + receive(here), [], 'from the wire to nobody')


def stand_in():
    """the address of a VF that does not run is served by who has it on the wire, link forced or not"""
    pf, vfs = bench()
    mac = vfs[0].mac
    here, sender = (packet_socket(vf.name, vf.ns) for vf in vfs)
    far = packet_socket('ethfar', 'wire')

    def arrives():
        for sock in here, far:      # of one before, that was late
            receive(sock, seconds=0.01)
        sender.send(frame(mac, vfs[1].mac))
        return {name for name, sock in (('VF', here), ('wire', far))
                if receive(sock, count=1, seconds=0.3)}
    eq(wait_for(arrives, 'it arrives'), {'VF'}, 'while it runs')
    back = f'ip link set {vfs[0].name} up; ip addr replace 10.9.0.1/24 dev {vfs[0].name}'
    defer(sh, back, ns='vf0')
    sh(f'ip link set {vfs[0].name} down', ns='vf0')
    eq(wait_for(arrives, 'it arrives'), {'wire'}, 'down')
    defer(pf.link, 0, 'state auto')
    pf.link(0, 'state enable')
    eq(wait_for(arrives, 'it arrives'), {'wire'}, 'down, link state enable')
    sh(back, ns='vf0')
    wait_for(lambda: arrives() == {'VF'}, 'up again')


def bpdu(group, root):
    """A frame by which the bridge `root` says that it is the root of the spanning tree."""
    root = bytes.fromhex('1000') + mac_bytes(root)
    says = bytes(5) + root + bytes(4) + root + bytes.fromhex('8001 0000 1400 0200 0f00')
    return frame(group, '02:00:00:88:88:88', ethertype=3 + len(says),
                 tag=bytes.fromhex('424203') + says)


def bridges():
    """a bridge over the PF hears the spanning tree on the wire; LLDP stays with the uplink"""
    pf, _ = bench()
    far, here, own = packet_socket('ethfar', 'wire'), packet_socket(pf.dev), packet_socket('ethup')
    for group, tag, there in (('01:80:c2:00:00:08', b'ad', True),
                              ('01:80:c2:00:00:0e', b'lldp', False),
                              ('01:80:c2:00:00:02', b'lacp', False)):
        far.send(frame(group, '02:00:00:88:88:88', tag=tag))
        eq(bool(receive(own, tag, count=1)), True, f'{group} at the uplink')
        came = receive(here, tag, count=1, seconds=None if there else 0.3)
        eq(bool(came), there, f'{group} at the PF')
    sh(f'ip link add br9 type bridge stp_state 1; ip link set {pf.dev} master br9')
    defer(sh, 'ip link del br9')
    sh('ip link set br9 up')
    far.send(bpdu('01:80:c2:00:00:00', '02:00:00:77:77:77'))
    wait_for(lambda: out('cat /sys/class/net/br9/bridge/root_id') == '1000.020000777777',
             'the root of the spanning tree')


def stamps(ns, ip):
    """How many software time stamps a datagram's sender is told."""
    with inside(ns):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        # SO_TIMESTAMPING: TX_SOFTWARE, SOFTWARE, OPT_ID, OPT_TSONLY
        sock.setsockopt(socket.SOL_SOCKET, 37, 1 << 1 | 1 << 4 | 1 << 7 | 1 << 11)
        sock.sendto(bytes(100), (ip, 9))

        def told():
            try:
                return sock.recvmsg(100, 1000, socket.MSG_ERRQUEUE | socket.MSG_DONTWAIT)
            except BlockingIOError:
                return None
        wait_for(told, 'a time stamp')
        sleep(0.1)
        return 1 + sum(1 for _ in range(8) if told())


def stamped():
    """a packet's transmit time stamp is told once, wherever the packet goes"""
    pf, _ = bench()
    sh(f'ip addr replace 10.9.0.100/24 brd + dev {pf.dev}')
    for ns, ip in ((None, '10.9.0.200'), (None, '10.9.0.1'), ('vf0', '10.9.0.200'),
                   ('vf0', '10.9.0.2'), ('vf0', '10.9.0.100')):
        ping(ns, ip, count=1)
        eq(stamps(ns, ip), 1, f'from {ns or "the PF"} to {ip}')
    eq(stamps(None, '10.9.0.255'), 1, 'from the PF to all')


def vlan():
    """a port VLAN is a tag on the wire"""
    pf, vfs = bench()
    pf.link(0, 'vlan 50 qos 2')
    defer(pf.link, 0, 'vlan 0')
    here, far = packet_socket(vfs[0].name, 'vf0'), packet_socket('ethfar', 'wire')
    here.send(frame('02:00:00:99:99:99', vfs[0].mac))
    got = receive(far, count=1)
    eq([v for _, v in got], [50 | 2 << 13], 'tag on the wire')
    far.send(frame(vfs[0].mac, '02:00:00:88:88:88', vlan=50))
    eq([v for _, v in receive(here, count=1)], [None], 'stripped towards the VF')
    far.send(frame(vfs[0].mac, '02:00:00:88:88:88', vlan=51))
    eq(receive(here), [], 'another VLAN stays out')


def refusals():
    """what cannot be an uplink is refused with a reason and changes nothing"""
    pf = load(total_vfs=4)[0]
    vf = pf.vfs(1)[0]
    wire()
    sh('ip link add br0 type bridge')
    defer(sh, 'ip link del br0')
    sh('ip link set ethup master br0')
    refused(f'ip link set ethup master {pf.dev}; ip link set ethup nomaster; '
            f'ip link add mv0 link ethup type macvlan && ip link set ethup master {pf.dev}')
    defer(sh, 'ip link del mv0', check=False)
    said = refused(f'ip link set ethup master {pf.dev}')
    true('Error:' in said, f'extack: {said}')
    sh('ip link del mv0')
    for what in ('lo', vf.dev, pf.dev):
        said = refused(f'ip link set {what} master {pf.dev}')
        true('Error:' in said or 'RTNETLINK' in said, f'{what}: {said}')
    sh(f'ip link set ethup master {pf.dev}')
    sh('ip link add second type dummy')
    defer(sh, 'ip link del second')
    contains(refused(f'ip link set second master {pf.dev}'), 'Error:', 'a second uplink')
    sh('ip link set ethup nomaster')
    sh(f'ip link set second master {pf.dev}')


def below():
    """what cannot be an uplink, a VF or what is over one, cannot be put below it either"""
    pf = load(total_vfs=4)[0]
    vf = pf.vfs(1)[0].dev
    sh('ip link add br9 type bridge')
    defer(sh, 'ip link del br9')
    sh(f'ip link set br9 up; ip link set br9 master {pf.dev}')
    sh(f'ip link add v5 link {vf} type vlan id 5')
    for what in (vf, 'v5'):
        contains(refused(f'ip link set {what} master br9'), 'cannot be part of an uplink', what)
    refused(f'ip link set {pf.dev} master br9')
    sh('ip link add br8 type bridge; ip link add o0 type veth peer name o1')
    defer(sh, 'ip link del br8; ip link del o0')
    sh(f'ip link set o0 master br9; ip link set {vf} master br8')
    eq(os.path.basename(os.readlink('/sys/class/net/o0/master')), 'br9', 'others')
    sh(f'ip link set br9 nomaster; ip link set v5 master br9; ip link set {vf} nomaster; '
       f'ip link set {vf} master br9')


def legs():
    """the speed of a bond as uplink follows that of those that are in it"""
    pf = load(total_vfs=4)[0]
    if sh('modprobe bonding max_bonds=0', check=False).returncode:
        raise Skip('kernel without bonding')
    sh('ip link add bond9 type bond mode balance-rr miimon 20')
    defer(sh, 'ip link del bond9')
    for i in (0, 1):
        sh(f'ip link add leg{i} type veth peer name far{i}; ip link set far{i} up')
        defer(sh, f'ip link del leg{i}')

    def speed(want):
        wait_for(lambda: f'Speed: {want}Mb/s' in out(f'ethtool {pf.dev}'), f'{want} Mb/s')
    sh(f'ip link set leg0 master bond9; ip link set bond9 up; ip link set bond9 master {pf.dev}')
    speed(10000)
    for change, want in (('leg1 master bond9', 20000), ('far1 down', 10000), ('far1 up', 20000),
                         ('leg1 nomaster', 10000)):
        sh(f'ip link set {change}')
        speed(want)


def networkd():
    """systemd-networkd takes the uplink away, and the log says so, but with KeepMaster=yes"""
    pf, _ = make_wired()
    mark, there = log_mark(), f'master {pf.dev}'
    daemon = Networkd('ethup', 'KeepMaster=yes')
    daemon.reload('KeepMaster=yes', 'Description=changed')
    contains(out('ip link show ethup'), there, 'the uplink')
    true('released' not in log_since(mark), 'nothing was said')
    daemon.reload()
    wait_for(lambda: there not in out('ip link show ethup'), 'it is taken away')
    contains(log_since(mark), f'uplink ethup was released by systemd-network[{daemon.run.proc.pid}]',
             'the log')
    daemon.reload('KeepMaster=yes')
    sh(f'ip link set ethup {there}')
    ping('vf0', '10.9.0.200')


def carrier():
    """the link state of the uplink is the VFs' (state auto); enable ignores it"""
    pf, vfs = bench()
    pf.link(1, 'state enable')
    defer(pf.link, 1, 'state auto')
    sh('ip link set ethfar down', ns='wire')
    wait_for(lambda: not vfs[0].carrier(), 'carrier of VF 0 lost')
    said = out(f'ethtool {pf.dev}')
    for part in ('Speed: Unknown!', 'Duplex: Unknown!', 'Link detected: no'):
        contains(said, part, 'ethtool of the PF')
    true(vfs[1].carrier(), 'VF 1 (enable) keeps it')
    sh('ip link set ethfar up', ns='wire')
    wait_for(vfs[0].carrier, 'carrier back')


def leaves():
    """nomaster, deletion and a move to another namespace release the uplink; VFs go on"""
    pf, _ = make_wired()
    sh('ip link set ethup nomaster')
    true(not ping('vf0', '10.9.0.200', count=1, check=False), 'no wire')
    ping('vf0', '10.9.0.2')
    sh(f'ip link set ethup master {pf.dev}')
    wait_for(lambda: ping('vf0', '10.9.0.200', count=1, check=False), 'wire again')
    flood = Background('ping -q -f 10.9.0.200', ns='vf0')
    sh('ip link set ethup netns wire')
    flood.stop()
    wait_for(lambda: ping('vf0', '10.9.0.2', count=1, check=False), 'VFs go on')
    sh('ip link del ethup', ns='wire')
    sh('ip link add ethup type veth peer name ethfar netns wire')
    sh(f'ip link set ethup up; ip link set ethup master {pf.dev}')
    sh('ip addr add 10.9.0.200/24 dev ethfar; ip link set ethfar up', ns='wire')
    sh('ip neigh flush all', ns='vf0')      # the far end has another address now
    wait_for(lambda: ping('vf0', '10.9.0.200', count=1, check=False), 'a new wire')
    flood = Background('ping -q -f 10.9.0.200', ns='vf0')
    sleep(0.5)
    sh('ip link del ethup')
    flood.stop()
    wait_for(lambda: ping('vf0', '10.9.0.2', count=1, check=False), 'VFs go on')


def moved():
    """the PF goes to another namespace and back: its uplink stays behind, released"""
    pf, _ = make_wired()
    name = pf.dev
    sh('ip netns add there')
    defer(sh, 'ip netns del there', check=False)
    sh(f'ip link set {name} netns there')
    true('master' not in out('ip link show ethup'), 'released')
    ping('vf0', '10.9.0.2')
    sh(f'ip link set {name} netns 1', ns='there')
    sh(f'ip link set {name} up; ip link set ethup master {name}')
    wait_for(lambda: ping('vf0', '10.9.0.200', count=1, check=False), 'wire again')


def backpressure():
    """a slow wire pushes back: a VF's queue waits, nothing is dropped silently"""
    pf, _ = bench()
    sh('tc qdisc replace dev ethup root tbf rate 20mbit burst 20k limit 30k')
    defer(sh, 'tc qdisc del dev ethup root')
    before, drops = unheard('wire'), pf.vfinfo(0)['stats']['tx']['dropped']
    sent = datagrams('vf0', '10.9.0.200', 1400)
    drops = pf.vfinfo(0)['stats']['tx']['dropped'] - drops
    note(f'{sent} sent, {drops} dropped; {out("tc -s qdisc show dev ethup")}')
    eq(drops, 0, 'dropped at the device')
    timely(sent * 1400 * 8 / 3 < 30e6, f'the sender was slowed: {sent} in 3 s')
    wait_for(lambda: unheard('wire') - before == sent, 'all of them came out of the wire')


def backlog():
    """Packets in the uplink's queue"""
    return int(re.search(r'backlog \S+ (\d+)p', out('tc -s qdisc show dev ethup')).group(1))


def owed():
    """frames that the uplink's queue keeps hold up neither another uplink nor the PF's removal;
    unloading waits for them and says so"""
    pf, vfs = make_wired()
    sh('tc qdisc replace dev ethup root tbf rate 80bit burst 1600 limit 1m')
    here = packet_socket(vfs[0].name, 'vf0')
    for _ in range(150):    # as many as the VF may have under way there, and more
        here.send(frame('02:00:00:99:99:99', vfs[0].mac, size=1500))
    wait_for(lambda: backlog() > 100, 'frames wait')
    sh('ip link add other type veth peer name otherfar; ip link set other up; '
       'ip link set otherfar up')
    defer(sh, 'ip link del other', check=False)
    sh(f'ip link set ethup nomaster; ip link set other master {pf.dev}')
    far = packet_socket('otherfar')
    wait_for(lambda: here.send(frame('02:00:00:99:99:98', vfs[0].mac)) and
             [got for got, _ in receive(far, count=5, seconds=1)
              if got[:6] == bytes.fromhex('020000999998')], 'another uplink takes its frames')
    sh(f'ip link set other nomaster; ip link set ethup master {pf.dev}')
    start = backlog()
    removal = Background(f'echo {pf.bdf} >/sys/bus/pci/drivers/vnic-pf/unbind')
    wait_for(lambda: removal.proc.poll() is not None, 'the PF is removed', seconds=30)
    between(backlog(), start - 10, start, 'frames that wait')
    defer(sh, 'ip link set ethup down', check=False)    # what ends the wait, whatever fails
    mark = log_mark()
    removal = Background('rmmod vnic-pf')
    wait_for(lambda: 'frames of VFs that the former uplink ethup has not sent' in log_since(mark),
             'the log says what unloading waits for', seconds=20)
    true(removal.proc.poll() is None, 'it waits')
    sh('ip link set ethup down')
    wait_for(lambda: removal.proc.poll() is not None, 'unloaded', seconds=20)
    eq(removal.proc.returncode, 0, 'rmmod')
    sh('modprobe vnic-pf total_vfs=4')  # for what cleans up


def claims():
    """an address that speaks on the wire is not for a VF's driver to claim, first or second"""
    pf, vfs = bench()
    far, sender = packet_socket('ethfar', 'wire'), packet_socket(vfs[0].name, 'vf0')
    here, name = packet_socket(vfs[1].name, 'vf1'), vfs[1].name
    first, second, third = (f'02:00:00:88:77:0{i}' for i in range(3))
    says = f'VF 1: loses {second}, which is in use beyond this adapter'
    defer(sh, f'ip link set {name} address {vfs[1].mac}', ns='vf1', check=False)
    defer(pf.link, 1, 'trust off')

    def speaks(mac):
        far.send(frame(vfs[0].mac, mac))
        receive(sender, count=1)

    def goes(mac):
        for sock in here, far:      # of one before, that was late
            receive(sock, seconds=0.01)
        sender.send(frame(mac, vfs[0].mac))
        return {where for where, sock in (('VF', here), ('wire', far))
                if receive(sock, count=1, seconds=0.3)}

    def claims(mac):
        sh(f'bridge fdb add {mac} dev {name} self', ns='vf1')
        defer(sh, f'bridge fdb del {mac} dev {name} self', ns='vf1', check=False)
    speaks(first)
    claims(first)
    contains(refused(f'ip link set {name} address {first}', ns='vf1'), 'in use', 'its reason')
    sleep(0.3)
    eq(wait_for(lambda: goes(first), 'it arrives'), {'wire'}, 'who speaks there already')
    before, mark = pf.lost(1), log_mark()
    claims(second)
    wait_for(lambda: goes(second) == {'VF'}, 'an address of nobody')
    speaks(second)
    wait_for(lambda: goes(second) == {'wire'}, 'whose owner speaks later')
    sh(f'ip link set {name} address {third}', ns='vf1')
    wait_for(lambda: goes(third) == {'VF'}, 'an address of its own')
    speaks(third)
    wait_for(lambda: goes(third) == {'wire'}, 'that one, too')
    eq(pf.lost(1) - before, 2, 'lost addresses')
    eq(log_since(mark).count(says), 1, 'lines in the log')
    pf.link(1, 'trust on')
    wait_for(lambda: goes(third) == {'VF'}, 'with trust it has it again')
    speaks(third)
    sleep(1.2)
    speaks(third)
    eq(wait_for(lambda: goes(third), 'it arrives'), {'VF'}, 'and keeps it')


run([born, ways, tcp, extensions, sctp, unknown, stand_in, claims, stamped, bridges, vlan, carrier,
     backpressure, jumbo,
     refusals, below, legs, networkd, vrf, leaves, moved, owed])
