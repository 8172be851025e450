#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable
# timeout: 400
"""Public reports about SR-IOV NICs and what people run on them, tried on vnic.

Each case names the report: a repository and the number of an issue there.
"""
import json
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
from ktap import contains, defer, eq, run, true, wait_for
from vnic import load, out, ping, sh, shared
from wire import wire

MODES = {'active-backup': 'fail_over_mac active', '802.3ad': 'lacp_rate fast'}


class Bench:
    """A PF with a wire, and four untrusted VFs; the last one is in a namespace, 10.9.0.4."""

    def __init__(self):
        self.pf = load(total_vfs=4)[0]
        wire()
        sh(f'ip link set ethup master {self.pf.dev}; ip link set {self.pf.dev} up')
        self.vf = self.pf.vfs(4)
        for i in range(4):
            self.pf.link(i, f'mac 02:00:00:00:15:0{i}')
        self.vf[3].up('peer', ip='10.9.0.4')

    def pod(self, *vfs):
        """A namespace 'pod', with these VFs as net0, net1 ...: up, without addresses"""
        sh('ip netns add pod; ip -n pod link set lo up')
        defer(self.gone, vfs)
        for n, i in enumerate(vfs):
            vf = self.vf[i]
            sh(f'ip link set {vf.dev} down; ip link set {vf.dev} netns pod name net{n}')
            vf.name, vf.ns = f'net{n}', 'pod'
            sh(f'ip link set {vf.name} up', ns='pod')
            wait_for(vf.carrier, 'carrier')

    def gone(self, vfs):
        """The namespace dies, and its VFs are back."""
        sh('ip netns del pod', check=False)
        wait_for(lambda: all(self.vf[i].netdevs() for i in vfs), 'VFs are back')


def bond(b, mode):
    """VFs 0 and 1 in a bond of the pod, 10.9.0.1"""
    b.pod(0, 1)
    sh(f'ip link set net0 down; ip link set net1 down; '
       f'ip link add bond0 type bond mode {mode} miimon 50 {MODES[mode]}; '
       'ip link set net0 master bond0; ip link set net1 master bond0; '
       'ip addr add 10.9.0.1/24 dev bond0; ip link set bond0 up', ns='pod')


def failover():
    """k8snetworkplumbingwg/bond-cni 14, 11: a bond that takes the address of its active VF"""
    b = shared(Bench)
    bond(b, 'active-backup')
    defer(b.pf.link, 0, 'state auto')
    defer(b.pf.link, 1, 'state auto')
    wait_for(lambda: ping('pod', '10.9.0.4', count=1, check=False), 'answer')
    for way, other in ((0, 1), (1, 0)):
        b.pf.link(other, 'state auto')
        wait_for(b.vf[other].carrier, 'the other is there')
        b.pf.link(way, 'state disable')
        wait_for(lambda: ping('pod', '10.9.0.4', count=1, check=False), f'without VF {way}')
        ping('peer', '10.9.0.1', count=1)


def lacp():
    """k8snetworkplumbingwg/bond-cni 31: 802.3ad over VFs has no partner, and says so"""
    b = shared(Bench)
    before = b.pf.stats()['vfs_tx_drop_control']
    bond(b, '802.3ad')
    wait_for(lambda: ping('pod', '10.9.0.4', count=1, check=False), 'answer by one of them')
    wait_for(lambda: b.pf.stats()['vfs_tx_drop_control'] > before, 'LACPDUs are counted')
    contains(out('/vnic/tools/vnic drops ' + b.pf.dev), 'tx_drop_control', 'and told')


def follows():
    """ixy-languages/ixy.rs 28, sriov-network-device-plugin 363: VFs follow the wire's carrier"""
    b = shared(Bench)
    b.pod(0)
    sh('ip addr add 10.9.0.1/24 dev net0', ns='pod')
    for _ in range(2):
        ping('pod', '10.9.0.200', count=1)
        sh('ip link set ethfar down', ns='wire')
        wait_for(lambda: not b.vf[0].carrier(), 'no carrier')
        sh('ip link set ethfar up', ns='wire')
        wait_for(b.vf[0].carrier, 'carrier')
    ping('pod', '10.9.0.200', count=1)


def unplugged():
    """k8snetworkplumbingwg/sriov-cni 102: VFs reach each other by link state, without a wire"""
    b = shared(Bench)
    b.pod(0)
    sh('ip addr add 10.9.0.1/24 dev net0', ns='pod')
    sh('ip link set ethfar down', ns='wire')
    defer(sh, 'ip link set ethfar up', ns='wire')
    wait_for(lambda: not b.vf[0].carrier(), 'no carrier')
    for i in (0, 3):
        b.pf.link(i, 'state enable')
        defer(b.pf.link, i, 'state auto')
    wait_for(b.vf[0].carrier, 'carrier')
    ping('pod', '10.9.0.4')


def mtu():
    """OpenNebula/one 7926, nmstate 1214: a VF's MTU above that of PF and wire"""
    b = shared(Bench)
    b.pod(0)
    for dev, ns in (('net0', 'pod'), (b.vf[3].name, 'peer')):
        sh(f'ip link set {dev} mtu 9000', ns=ns)
        defer(sh, f'ip link set {dev} mtu 1500', ns=ns, check=False)
    sh('ip addr add 10.9.0.1/24 dev net0', ns='pod')
    wait_for(lambda: ping('pod', '10.9.0.4', size=8972, count=1, extra='-M do', check=False),
             'ping')
    before = b.pf.stats()['uplink_rx_drop_oversize']
    eq(ping('pod', '10.9.0.200', size=8972, extra='-M do -W 1', check=False), False, 'on the wire')
    true(b.pf.stats()['uplink_rx_drop_oversize'] > before, 'counted')
    ping('pod', '10.9.0.200', size=1472, extra='-M do')


def addresses():
    """sriov-network-device-plugin 273, DPDK/grout 404: an IPv6 address goes to the next pod"""
    b = shared(Bench)
    sh(f'ip addr add fd00::4/64 dev {b.vf[3].name} nodad', ns='peer')
    defer(sh, f'ip addr del fd00::4/64 dev {b.vf[3].name}', ns='peer')
    for vf in (0, 1):
        b.pod(vf)
        sh('ip addr add fd00::1/64 dev net0', ns='pod')
        wait_for(lambda: 'tentative' not in out('ip -6 addr show dev net0', ns='pod'), 'DAD')
        eq('dadfailed' in out('ip -6 addr show dev net0', ns='pod'), False, 'found elsewhere')
        ping('pod', 'fd00::4', count=1)
        sh('ip neigh flush all', ns='peer')
        ping('peer', 'fd00::1', count=1)
        b.gone((vf,))


def churn():
    """nvandamme/systemd-networkd-i40e 1: containers come and go, and IPv6 still works"""
    b = shared(Bench)
    b.pod(0)
    for _ in range(2):
        sh('for i in $(seq 30); do ip link add m$i link net0 type macvlan; ip link set m$i up; done; '
           'for i in $(seq 30); do ip link del m$i; done', ns='pod', timeout=120)
    sh('ip addr add fd00::1/64 dev net0 nodad', ns='pod')
    sh(f'ip addr add fd00::4/64 dev {b.vf[3].name} nodad', ns='peer')
    defer(sh, f'ip addr del fd00::4/64 dev {b.vf[3].name}', ns='peer')
    sh('ip neigh flush all', ns='peer')     # of the pod before
    wait_for(lambda: ping('peer', 'fd00::1', count=1, check=False), 'answer')
    state = json.loads(out(f'devlink -j health diagnose pci/{b.pf.bdf} reporter vf'))['VFs'][0]
    eq((state['failures'], state['lost addresses']), (0, 0), 'failures, and addresses lost')


def twins():
    """k8snetworkplumbingwg/sriov-cni 125: the address of a pod, while the old VF still has it"""
    b = shared(Bench)
    b.pf.link(1, 'mac 02:00:00:00:15:00')
    defer(b.pf.link, 1, 'mac 02:00:00:00:15:01')
    b.pod(1)
    sh('ip addr add 10.9.0.1/24 dev net0', ns='pod')
    for state in ('down', 'up'):    # of the old one
        sh(f'ip link set {b.vf[0].dev} {state}')
        sh('ip neigh flush all', ns='peer')
        ping('peer', '10.9.0.1')
    sh(f'ip link set {b.vf[0].dev} down')


def names():
    """k8snetworkplumbingwg/sriov-cni 40, 250, 445: a name, or another of its names, is taken"""
    b = shared(Bench)
    b.pod(0)
    sh('ip link add net0 type dummy; ip link property add dev net0 altname taken')
    defer(sh, 'ip link del net0')
    sh('ip link property add dev net0 altname taken', ns='pod')
    b.gone((0,))
    true(b.vf[0].dev != 'net0', 'another name')
    b.pod(0)
    sh('ip addr add 10.9.0.1/24 dev net0', ns='pod')
    ping('pod', '10.9.0.4')


run([failover, lacp, follows, unplugged, mtu, addresses, churn, twins, names])
