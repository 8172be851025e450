#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable debug quick=unicast,port_vlan,trunk,trust_mac,vlans_back,filters,host_mac
# proof: stable=unicast,broadcast,spoofchk,port_vlan,trunk,trust,filters,link_state,host_mac,claims
"""Who gets which frame: MAC, VLAN, source checks, trust, link state."""
import json
import sys
import time
sys.path.insert(0, sys.path[0] + '/../lib')
from devlink import Devlink
from events import Events
from ktap import Skip, contains, defer, eq, note, run, sleep, slow, true, wait_for
from peers import RING, Peers
from vnic import (frame, load, log_mark, log_since, out, packet_socket, receive, refused, sh,
                  shared, write)

BROADCAST = 'ff:ff:ff:ff:ff:ff'
NOBODY = '02:00:00:99:99:99'


class Bench:
    """PF (up) and three VFs in namespaces, each with a packet socket."""

    def __init__(self, count=3, **params):
        self.pf = load(total_vfs=8, **params)[0]
        sh(f'ip link set {self.pf.dev} addrgenmode none up')
        sh('sysctl -qw net.ipv6.conf.default.disable_ipv6=1')
        self.vf = self.pf.vfs(count)
        for i, vf in enumerate(self.vf):
            self.pf.link(i, f'mac 02:00:00:00:00:{i + 1:02x}')
            name = vf.dev
            sh(f'ip link set {name} addrgenmode none')
            vf.up(ns=f'vf{i}')
        wait_for(lambda: all(vf.mac == f'02:00:00:00:00:{i + 1:02x}'
                             for i, vf in enumerate(self.vf)), 'addresses')
        self.mac = [vf.mac for vf in self.vf]
        self.pfmac = out(f'cat /sys/class/net/{self.pf.dev}/address')
        self.sock = [packet_socket(vf.name, vf.ns) for vf in self.vf]
        self.pfsock = packet_socket(self.pf.dev)
        self.sent = 0

    def reset(self):
        """Settings as they are at the beginning."""
        for i, mac in enumerate(self.mac):
            self.pf.link(i, f'mac {mac} vlan 0 spoofchk on trust off state auto')
            sh(f'ip link set {self.vf[i].name} promisc off up', ns=f'vf{i}')
        wait_for(lambda: all(vf.mac == mac and vf.carrier() for vf, mac in
                             zip(self.vf, self.mac)), 'addresses and carrier')
        for sock in self.sock + [self.pfsock]:
            receive(sock, seconds=0.01)
        return self

    def send(self, index, dst, want=None, **kwargs):
        """VF index (or 'pf') sends; returns who received what VLANs. What is wanted is waited for."""
        src = kwargs.pop('src', None)
        sock = self.pfsock if index == 'pf' else self.sock[index]
        if src is None:
            src = self.pfmac if index == 'pf' else self.mac[index]
        self.sent += 1              # so that what an earlier one left behind is not taken for it
        tag = b'%06d' % self.sent
        sock.send(frame(dst, src, tag=tag, **kwargs))
        start, got = time.monotonic(), {}
        sleep(0.15 * slow())        # for what nobody wants
        while True:
            for name, each in [('pf', self.pfsock)] + list(enumerate(self.sock)):
                frames = receive(each, tag, seconds=0.005)
                if frames:
                    got[name] = got.get(name, []) + [v for _, v in frames]
            if want is None or got == want or time.monotonic() > start + 10 * slow():
                return got

    def check(self, index, dst, *, want, what, **kwargs):
        """What VF index (or 'pf') sends is received so."""
        eq(self.send(index, dst, want=want, **kwargs), want, what)


def unicast():
    """unicast reaches its VF and nobody else"""
    b = shared(Bench).reset()
    b.check(0, b.mac[1], want={1: [None]}, what='VF 0 to VF 1')
    b.check(0, b.mac[2], want={2: [None]}, what='VF 0 to VF 2')
    b.check('pf', b.mac[2], want={2: [None]}, what='PF to VF 2')
    b.check(1, b.pfmac, want={'pf': [None]}, what='VF 1 to PF')
    b.check(0, b.mac[0], want={}, what='to itself: nowhere')
    b.check(0, NOBODY, want={}, what='unknown unicast without uplink: nowhere')


def broadcast():
    """broadcast reaches all but the sender"""
    b = shared(Bench).reset()
    b.check(0, BROADCAST, want={'pf': [None], 1: [None], 2: [None]}, what='from VF 0')
    b.check('pf', BROADCAST, want={0: [None], 1: [None], 2: [None]}, what='from the PF')


def generator():
    """what pktgen sends at the PF arrives, each packet many times the same skb"""
    b = shared(Bench).reset()
    if sh('modprobe pktgen', check=False).returncode:
        raise Skip('kernel without pktgen')
    defer(sh, 'rmmod pktgen')
    write('/proc/net/pktgen/kpktgend_0', f'add_device {b.pf.dev}\n')
    device = f'/proc/net/pktgen/{b.pf.dev}'
    for what in ('clone_skb 10', 'count 100', 'pkt_size 60', 'dst 10.9.0.2', f'dst_mac {b.mac[1]}'):
        write(device, what + '\n')
    before = b.pf.vfinfo(1)['stats']['rx']['packets']
    write('/proc/net/pktgen/pgctrl', 'start\n')
    wait_for(lambda: b.pf.vfinfo(1)['stats']['rx']['packets'] - before == 100, '100 packets')


def burst():
    """a ring full of broadcasts: every VF gets each of them once, in order"""
    pf = load(total_vfs=8)[0]
    pf.set('sriov_drivers_autoprobe', 0)
    pf.numvfs(8)
    defer(pf.numvfs, 0)
    Devlink(pf).set_param('vf3_storm_control', 0)
    peers = Peers([pf.vf(i).to_vfio() for i in range(8)])
    for first in (0, RING):     # memory that is not pinned yet ends a batch, the first time
        peers.send_all(3, RING, 60)
        for vf in range(8):     # what comes twice shows in the second round, or at the last VF
            eq(peers.take(vf, 1000 if first and vf == 7 else RING), [] if vf == 3 else list(range(first, first + RING)),
               f'frames of VF {vf}')


def spoofchk():
    """spoofchk on: frames with a foreign source are dropped and counted; off: they pass"""
    b = shared(Bench).reset()
    b.check(0, b.mac[1], src=NOBODY, want={}, what='spoofed')
    stats = b.pf.vfinfo(0)['stats']['tx']
    true(stats['dropped'] >= 1, f'counted in tx_dropped: {stats}')
    b.pf.link(0, 'spoofchk off')
    b.check(0, b.mac[1], src=NOBODY, want={1: [None]}, what='with spoofchk off')
    b.pf.link(0, 'spoofchk on')
    b.check(0, b.mac[1], src=NOBODY, want={}, what='on again')


def control_frames():
    """pause, LLDP, STP and the other 01:80:c2:00:00:0x of a VF are dropped, with spoofchk off too"""
    b = shared(Bench).reset()
    b.pf.link(0, 'spoofchk off')
    b.pf.link(0, 'trust on')
    for last in (0x00, 0x01, 0x02, 0x0e, 0x0f):
        b.check(0, f'01:80:c2:00:00:{last:02x}', want={}, what=f'01:80:c2:00:00:{last:02x}')


def port_vlan():
    """port VLAN: members see each other untagged, others nothing; tagged frames are refused"""
    b = shared(Bench).reset()
    b.pf.link(0, 'vlan 100 qos 5')
    b.pf.link(1, 'vlan 100')
    b.check(0, b.mac[1], want={1: [None]}, what='VLAN 100 to VLAN 100: tag stripped')
    b.check(0, b.mac[2], want={}, what='not to a VF without the VLAN')
    b.check(0, BROADCAST, want={'pf': [5 << 13 | 100], 1: [None]},
            what='broadcast to the member, and to the PF with tag and priority')
    b.check(2, b.mac[0], want={}, what='untagged does not reach VLAN 100')
    b.check(0, b.mac[1], vlan=100, want={}, what='a tag of the guest is refused, even the same')
    b.check(0, b.mac[1], vlan=5, want={}, what='another, too')
    b.check('pf', b.mac[0], vlan=100, want={0: [None]}, what='PF sends tagged 100')
    b.check('pf', b.mac[0], vlan=101, want={}, what='PF sends tagged 101')
    b.pf.link(0, 'vlan 0')
    b.pf.link(1, 'vlan 0')
    b.check(0, b.mac[2], want={2: [None]}, what='after vlan 0')


def port_vlan_ad():
    """port VLAN of proto 802.1ad: tagged at the PF, stripped towards the VF"""
    b = shared(Bench).reset()
    b.pf.link(0, 'vlan 200 proto 802.1ad')
    b.pf.link(1, 'vlan 200 proto 802.1ad')
    b.check(0, b.mac[1], want={1: [None]}, what='member to member')
    b.check(0, BROADCAST, want={'pf': [200], 1: [None]},
            what='broadcast: the PF sees the tag, others nothing')


def tags():
    """frames of full length pass with two tags of the guest, also inside a port VLAN"""
    b = shared(Bench).reset()
    inner = bytes.fromhex('0006 88b5') + b'vnic'
    sh(f'ip link set {b.vf[0].name} mtu 1600', ns='vf0')
    defer(sh, f'ip link set {b.vf[0].name} mtu 1500', ns='vf0')

    def arrives(index, payload, proto):
        b.sock[0].send(frame(b.mac[index], b.mac[0], size=18 + payload, vlan=5, proto=proto,
                             ethertype=0x8100, tag=inner))
        return len(receive(b.sock[index], tag=inner, count=1, seconds=0.5))
    for i in (0, 1):
        b.pf.link(i, 'vlan 200 proto 802.1ad')
    for payload, there in ((1500, 1), (1501, 0)):
        eq(arrives(1, payload, 0x8100), there, f'{payload} bytes in a port VLAN')
    for i in (0, 1):
        b.pf.link(i, 'vlan 0')
        sh(f'ip link add v5 link {b.vf[i].name} type vlan id 5 proto 802.1ad', ns=f'vf{i}')
        defer(sh, 'ip link del v5', ns=f'vf{i}')
    for payload, there in ((1500, 1), (1501, 0)):
        eq(arrives(1, payload, 0x88a8), there, f'{payload} bytes without one')


def trunk():
    """guest VLANs pass by filter, in both directions, only while no port VLAN is set"""
    b = shared(Bench).reset()
    b.check(0, b.mac[1], vlan=5, want={}, what='no filter: refused')
    for i in (0, 1):
        sh(f'ip link add link {b.vf[i].name} name v5 type vlan id 5; ip link set v5 up',
           ns=f'vf{i}')
        defer(sh, 'ip link del v5', ns=f'vf{i}')
    wait_for(lambda: b.send(0, b.mac[1], vlan=5) == {1: [5]}, 'VLAN 5 passes')
    b.check(0, b.mac[2], vlan=5, want={}, what='not to a VF without the filter')
    true(2 not in b.send(0, BROADCAST, vlan=5), 'broadcast neither')
    b.check(0, b.mac[1], vlan=6, want={}, what='VLAN 6 does not')
    b.pf.link(1, 'vlan 7')
    b.check(0, b.mac[1], vlan=5, want={}, what='a port VLAN ends it')


def trust():
    """promiscuous mode needs trust: unknown unicast reaches only a trusted, promiscuous VF"""
    b = shared(Bench).reset()

    def told():
        """What was refused, as the VF counts it and as the host does."""
        shown = json.loads(out(f'devlink -j health diagnose pci/{b.pf.bdf} reporter vf'))['VFs']
        return [b.vf[2].stats()['requests_refused'],
                sum(vf['refused requests'] for vf in shown if vf['vf'] == 2)]
    before = told()
    sh(f'ip link set {b.vf[2].name} promisc on', ns='vf2')
    wait_for(lambda: told() == [n + 1 for n in before], 'refused, and counted at both ends')
    b.check(0, NOBODY, want={}, what='untrusted')
    mark = log_mark()
    sh(f'ip link set {b.vf[2].name} promisc off allmulticast on', ns='vf2')
    wait_for(lambda: 'all-multicast mode refused' in log_since(mark), 'the mode that was refused')
    true('promiscuous mode refused' not in log_since(mark), 'not another')
    sh(f'ip link set {b.vf[2].name} allmulticast off promisc on', ns='vf2')
    for _ in range(2):
        b.pf.link(2, 'trust on')
        wait_for(lambda: b.send(0, NOBODY) == {2: [None]}, 'trusted')
        b.check(0, b.mac[1], want={1: [None]}, what='known unicast still only to its port')
        b.pf.link(2, 'trust off')
        wait_for(lambda: b.send(0, NOBODY) == {}, 'taken back with trust')


def every_vlan():
    """a trusted VF that is promiscuous, or filters no VLANs, sends and receives in all of them"""
    b = shared(Bench).reset()
    name, mac = b.vf[1].name, b.mac[1]
    unfiltered = f'ethtool -K {name} rx-vlan-filter %s rx-vlan-stag-filter %s'
    defer(sh, unfiltered % ('on', 'on'), ns='vf1')
    true(sh(unfiltered % ('off', 'off'), check=False, ns='vf1').returncode, 'refused without trust')
    eq(sh(f'ethtool -k {name} | grep -c "vlan.*filter: on"', ns='vf1').stdout.strip(), '2',
       'and nothing is changed')
    b.pf.link(1, 'trust on')
    wait_for(lambda: b.send('pf', mac, vlan=77) == {1: [77]}, 'what was asked for comes with trust')
    sh(unfiltered % ('on', 'on'), ns='vf1')
    for on, off in ((f'ip link set {name} promisc on', f'ip link set {name} promisc off'),
                    (unfiltered % ('off', 'off'), unfiltered % ('on', 'on'))):
        b.check('pf', mac, vlan=77, want={}, what='not before')
        sh(on, ns='vf1')
        wait_for(lambda: b.send('pf', mac, vlan=77) == {1: [77]}, 'in')
        b.check('pf', mac, vlan=4000, proto=0x88a8, want={1: [4000]}, what='in, 802.1ad')
        b.check('pf', BROADCAST, vlan=79, want={1: [79]}, what='broadcasts, to it alone')
        b.check(1, b.pfmac, vlan=78, want={'pf': [78]}, what='out')
        b.check(1, b.mac[0], vlan=78, want={}, what='but to nobody who has not joined')
        b.pf.link(1, 'trust off')
        wait_for(lambda: b.send('pf', mac, vlan=77) == {}, 'taken back with trust')
        b.pf.link(1, 'trust on')
        wait_for(lambda: b.send('pf', mac, vlan=77) == {1: [77]}, 'and given back')
        b.vf[1].set('reset', 1)
        wait_for(b.vf[1].carrier, 'carrier')
        wait_for(lambda: b.send('pf', mac, vlan=77) == {1: [77]}, 'after a reset')
        sh(off, ns='vf1')
        wait_for(lambda: b.send('pf', mac, vlan=77) == {}, 'over')
    b.pf.link(1, 'vlan 7')
    sh(f'ip link set {name} promisc on', ns='vf1')
    b.check('pf', mac, vlan=77, want={}, what='a port VLAN is stronger')


def many_vlans():
    """thousands of VLANs are joined and left by a few messages, and are back after a reset"""
    b = shared(Bench).reset()
    name, mac = b.vf[1].name, b.mac[1]
    defer(sh, 'ip link del br0', ns='vf1')
    sh(f'ip link add br0 type bridge vlan_filtering 1; ip link set {name} master br0', ns='vf1')
    ev = Events('vnic_mbx')
    ev.filter('vnic_mbx', 'vf == 1')

    def told():
        """In how many messages: the first few one by one, then all that came up meanwhile."""
        count = sum('VLAN' in e['opcode'] for e in ev.take('vnic_mbx'))
        true(1 <= count <= 100, f'{count} messages')
        ev.clear()
    sh(f'bridge vlan add vid 2-4094 dev {name}', ns='vf1')
    for vid in (2, 17, 2500, 4094):
        wait_for(lambda vid=vid: b.send('pf', mac, vlan=vid) == {1: [vid]}, f'VLAN {vid}')
    b.check('pf', mac, vlan=4094, proto=0x88a8, want={}, what='not those of the other protocol')
    told()
    b.vf[1].set('reset', 1)
    wait_for(b.vf[1].carrier, 'carrier')
    wait_for(lambda: b.send('pf', mac, vlan=4094) == {1: [4094]}, 'back')
    told()
    sh(f'bridge vlan del vid 18-4094 dev {name}', ns='vf1')
    wait_for(lambda: b.send('pf', mac, vlan=4094) == {}, 'left')
    b.check('pf', mac, vlan=17, want={1: [17]}, what='the others stay')
    told()


def priority_tag():
    """a priority tag of PF or wire hides no VLAN"""
    b = shared(Bench).reset()
    hidden = b'\0\6\x88\xb5hide'
    b.pfsock.send(frame(b.mac[1], b.pfmac, vlan=0))
    eq(len(receive(b.sock[1], count=1)), 1, 'by itself it is no tag')
    b.pfsock.send(frame(b.mac[1], b.pfmac, vlan=0, ethertype=0x8100, tag=hidden))
    eq(receive(b.sock[1], tag=hidden), [], 'a VLAN behind it')


def trust_filters():
    """addresses beyond what an untrusted VF may have are received as soon as it is trusted"""
    b = shared(Bench).reset()
    b.pf.link(2, 'mac 00:00:00:00:00:00')   # so that it may have addresses of its own
    name, most = b.vf[2].name, 16
    wait_for(lambda: b.vf[2].mac != b.mac[2], 'its default address')
    macs = [f'02:00:00:00:77:{i:02x}' for i in range(most + 6)]
    defer(sh, '; '.join(f'bridge fdb del {mac} dev {name} self' for mac in macs), ns='vf2')
    sh('; '.join(f'bridge fdb add {mac} dev {name} self' for mac in macs), ns='vf2')

    def received():
        for mac in macs[-8:]:
            b.sock[0].send(frame(mac, b.mac[0]))
        return len(receive(b.sock[2], seconds=0.5, count=8))
    wait_for(lambda: b.send(0, macs[0]) == {2: [None]}, 'the first of them')
    true(received() < 8, 'the last of them are not received without trust')
    for _ in range(2):
        b.pf.link(2, 'trust on')
        wait_for(lambda: received() == 8, 'they are with trust')
        b.pf.link(2, 'trust off')
        wait_for(lambda: received() < 8, 'taken back with trust')


def vlans_back():
    """a VF's own VLANs come back after a port VLAN during which the VF was reset"""
    b = shared(Bench).reset()
    sh(f'ip link add link {b.vf[1].name} name v5 type vlan id 5 && ip link set v5 up', ns='vf1')
    defer(sh, 'ip link del v5', ns='vf1')
    wait_for(lambda: b.send('pf', b.mac[1], vlan=5) == {1: [5]}, 'VLAN 5')
    b.pf.link(1, 'vlan 7')
    b.vf[1].set('reset', 1)
    wait_for(b.vf[1].carrier, 'carrier')
    b.check('pf', b.mac[1], vlan=5, want={}, what='in another VLAN now')
    b.pf.link(1, 'vlan 0')
    wait_for(lambda: b.send('pf', b.mac[1], vlan=5) == {1: [5]}, 'VLAN 5 again')


def trust_mac():
    """a VF whose address the host has set may change it only with trust"""
    b = shared(Bench).reset()
    new = '02:00:00:00:00:77'
    true(sh(f'ip link set {b.vf[0].name} address {new}', ns='vf0', check=False).returncode,
         'refused without trust')
    b.pf.link(0, 'trust on')
    sh(f'ip link set {b.vf[0].name} address {new}', ns='vf0')
    b.check(1, new, want={0: [None]}, what='the new address receives')
    b.check(1, b.mac[0], want={}, what='the old one does not')
    b.pf.link(2, 'mac 00:00:00:00:00:00')
    for mac in new, b.pfmac:
        true(sh(f'ip link set {b.vf[2].name} address {mac}', ns='vf2', check=False).returncode,
             "another port's address is refused")
    b.pf.link(2, 'trust on')
    true(sh(f'ip link set {b.vf[2].name} address {b.pfmac}', ns='vf2', check=False).returncode,
         "the PF's, with trust, too")


def shared_mac():
    """VFs with trust may share an address; it is one's when the other stops, or is not trusted"""
    b = shared(Bench).reset()
    both = '02:00:00:00:00:78'
    for i in (1, 2):
        b.pf.link(i, 'trust on')
        sh(f'ip link set {b.vf[i].name} address {both}', ns=f'vf{i}')
    wait_for(lambda: b.send(0, both) == {1: [None], 2: [None]}, 'received by both')
    b.check(1, b.mac[0], src=both, want={0: [None]}, what='one sends by it')
    b.check(2, b.mac[0], src=both, want={0: [None]}, what='so does the other')
    sh(f'ip link set {b.vf[2].name} down', ns='vf2')
    b.check(0, both, want={1: [None]}, what='the other is down')
    sh(f'ip link set {b.vf[2].name} up', ns='vf2')
    wait_for(lambda: b.send(0, both) == {1: [None], 2: [None]}, 'both again')
    b.pf.link(2, 'trust off')
    b.check(0, both, want={1: [None]}, what='the other is not trusted any more')
    b.pf.link(2, 'trust on')
    b.pf.link(1, f'mac {b.mac[1]}')
    sh(f'ip link set {b.vf[2].name} address {both}', ns='vf2')
    wait_for(lambda: b.send(0, both) == {2: [None]}, "the other's alone")


def own_mac_back():
    """an address that a VF's driver has set goes with trust and comes back with it, but no other's"""
    b = shared(Bench).reset()
    both, own = b.mac[1], '02:00:00:00:00:79'
    for i in (1, 2):
        b.pf.link(i, 'trust on')
    sh(f'ip link set {b.vf[2].name} address {both}', ns='vf2')     # as a bond does
    wait_for(lambda: b.send(0, both) == {1: [None], 2: [None]}, 'received by both')
    for i in (2, 1):
        b.pf.link(i, 'trust off')
        wait_for(lambda: b.vf[2].mac == b.mac[2], "the host's address")
        b.check(0, both, want={1: [None]}, what=f'without trust of VF {i}')
        b.pf.link(i, 'trust on')
        wait_for(lambda: b.vf[2].mac == both, 'its own again')
        b.check(0, both, want={1: [None], 2: [None]}, what=f'with trust of VF {i} again')
    b.vf[2].set('reset', 1)
    wait_for(lambda: b.vf[2].carrier() and b.vf[2].mac == both, 'after a reset')
    sh(f'ip link set {b.vf[2].name} address {own}', ns='vf2')
    b.pf.link(0, f'mac {own} trust on')
    wait_for(lambda: b.vf[2].mac == b.mac[2], "the host's address")
    b.pf.link(2, 'trust off')
    b.pf.link(2, 'trust on')
    b.check(1, own, want={0: [None]}, what='given to another it is gone')
    b.pf.link(0, f'mac {b.mac[0]}')
    sh(f'ip link set {b.vf[2].name} address {own}', ns='vf2')
    b.pf.link(2, 'trust off')
    b.pf.link(0, f'mac {own}')
    b.pf.link(2, 'trust on')
    b.check(1, own, want={0: [None]}, what='given to another without trust it is gone')


def shared_filter():
    """a VRRP address on macvlans of two VFs: shared as soon as both are trusted, in any order"""
    b = shared(Bench).reset()
    both = '02:00:5e:00:01:33'
    b.pf.link(1, 'mac 00:00:00:00:00:00')   # so that it may have an address of its own
    wait_for(lambda: b.vf[1].mac != b.mac[1], 'its default address')
    for i in (1, 2):
        defer(sh, 'ip link del vrrp', ns=f'vf{i}')
        sh(f'ip link add vrrp link {b.vf[i].name} address {both} type macvlan; '
           'ip link set vrrp up', ns=f'vf{i}')
    wait_for(lambda: b.send(0, both) == {1: [None]}, 'of one')
    b.pf.link(2, 'trust on')
    b.check(0, both, want={1: [None]}, what='the other one alone is trusted')
    b.pf.link(1, 'trust on')
    wait_for(lambda: b.send(0, both) == {1: [None], 2: [None]}, 'received by both')
    sh(f'ip link set {b.vf[1].name} down', ns='vf1')
    b.check(0, both, want={2: [None]}, what='one is down')


def filters():
    """an untrusted VF cannot claim another's address, a trusted one can add some"""
    b = shared(Bench).reset()
    sh(f'bridge fdb add {b.mac[1]} dev {b.vf[2].name} self', ns='vf2', check=False)
    defer(sh, f'bridge fdb del {b.mac[1]} dev {b.vf[2].name} self', ns='vf2', check=False)
    sleep(0.5)
    b.check(0, b.mac[1], want={1: [None]}, what='stays with its owner')
    b.pf.link(2, 'trust on')
    sh(f'bridge fdb add 02:00:00:00:55:01 dev {b.vf[2].name} self', ns='vf2')
    defer(sh, f'bridge fdb del 02:00:00:00:55:01 dev {b.vf[2].name} self', ns='vf2')
    wait_for(lambda: b.send(0, '02:00:00:00:55:01') == {2: [None]}, 'an added address')


def link_state():
    """state disable cuts a VF off, enable and auto bring it back, the carrier follows"""
    b = shared(Bench).reset()
    b.pf.link(1, 'state disable')
    wait_for(lambda: not b.vf[1].carrier(), 'carrier lost')
    b.check(0, b.mac[1], want={}, what='nothing arrives')
    b.check(0, BROADCAST, want={'pf': [None], 2: [None]}, what='no broadcast either')
    for state in ('enable', 'auto'):
        b.pf.link(1, 'state ' + state)
        wait_for(b.vf[1].carrier, f'carrier with {state}')
        b.check(0, b.mac[1], want={1: [None]}, what=state)
        b.pf.link(1, 'state disable')


def host_mac():
    """a MAC set by the host reaches the running VF; all-zero unsets it"""
    b = shared(Bench).reset()
    b.pf.link(0, 'mac 02:00:00:00:00:42')
    wait_for(lambda: b.vf[0].mac == '02:00:00:00:00:42', 'the VF has it')
    b.check(1, '02:00:00:00:00:42', want={0: [None]}, what='it receives')
    b.pf.link(0, 'mac 00:00:00:00:00:00')
    wait_for(lambda: b.vf[0].mac not in ('02:00:00:00:00:42', '00:00:00:00:00:00'), 'unset')
    note(f'default address: {b.vf[0].mac}')


def claims():
    """an address that the host sets is taken from the VF that claimed it first"""
    b = shared(Bench).reset()
    b.pf.link(2, 'mac 00:00:00:00:00:00')   # so that it may have an address of its own
    name, other = b.vf[2].name, '02:00:00:00:66:01'
    wait_for(lambda: b.vf[2].mac != b.mac[2], 'unset')
    first, before = b.vf[2].mac, b.pf.lost(2)
    mark = log_mark()
    refused(f'ip link set {name} address {b.mac[1]}', ns='vf2')
    contains(log_since(mark), f'{b.mac[1]} is in use', 'why the address of VF 1 is refused')
    sh(f'bridge fdb add {other} dev {name} self', ns='vf2')
    defer(sh, f'bridge fdb del {other} dev {name} self', ns='vf2', check=False)
    wait_for(lambda: b.send(0, other) == {2: [None]}, 'a filter')
    b.pf.link(1, f'mac {other}')
    b.check(0, other, want={1: [None]}, what='the host has set it on another: only there')
    sh(f'ip link set {name} promisc on; ip link set {name} promisc off', ns='vf2', check=False)
    sleep(0.3)
    b.check(0, other, want={1: [None]}, what='wanted again')
    b.pf.link(1, f'mac {b.mac[1]}')
    own = '02:00:00:00:66:02'
    sh(f'ip link set {name} address {own}', ns='vf2')
    wait_for(lambda: b.send(0, own) == {2: [None]}, 'an address of its own')
    b.pf.link(1, f'mac {own}')
    b.check(0, own, want={1: [None]}, what='the host has set it on another: only there')
    wait_for(lambda: b.vf[2].mac == first, 'its driver is told')
    eq(b.pf.lost(2) - before, 2, 'lost addresses')
    b.pf.link(1, f'mac {b.mac[1]}')
    sh(f'bridge fdb add {own} dev {name} self', ns='vf2')
    defer(sh, f'bridge fdb del {own} dev {name} self', ns='vf2', check=False)
    wait_for(lambda: b.send(0, own) == {2: [None]}, 'a filter')
    sh(f'ip link add mv9 link {b.pf.dev} address {own} type macvlan; ip link set mv9 up')
    defer(sh, 'ip link del mv9')
    wait_for(lambda: b.send(0, own) == {'pf': [None]}, "an address of the host's own: only there")


run([unicast, broadcast, spoofchk, control_frames, port_vlan, port_vlan_ad, tags, trunk, trust,
     every_vlan, many_vlans, priority_tag, trust_filters, vlans_back, trust_mac, shared_mac,
     own_mac_back, shared_filter, filters, link_state, host_mac, claims, generator, burst])
