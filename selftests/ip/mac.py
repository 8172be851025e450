#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable newest=stable debug=pods,put_back,died,was_up,unset,at_once,stable,kinds
# proof: stable=put_back,died,unset,kinds
"""Addresses of VFs: where they come from, and what tools that set and restore them leave."""
import json
import os
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
from ktap import defer, eq, note, run, true, wait_for
from vnic import frame, load, out, packet_socket, pf_list, read, receive, refused, sh, shared

RANDOM, PERMANENT, BY_USER = '1', '0', '3'
POD = '02:00:00:00:50:01'


class Node:
    """PF (up) and three VFs without trust: two for pods, and a neighbour of bad intentions."""

    def __init__(self):
        self.pf = load(total_vfs=4)[0]
        sh(f'ip link set {self.pf.dev} addrgenmode none up')
        sh('sysctl -qw net.ipv6.conf.default.disable_ipv6=1')
        self.vf = self.pf.vfs(3)
        self.name = [vf.dev for vf in self.vf]
        self.home = [vf.mac for vf in self.vf]
        eq([vf['address'] for vf in self.pf.vfinfo()], self.home, 'default addresses')
        self.vf[2].up(ns='evil')
        self.sock = packet_socket(self.pf.dev)

    def again(self):
        """As it was at the beginning, whatever the case before has left."""
        for i in (0, 1):
            self.pf.link(i, 'mac 00:00:00:00:00:00')
            self.name[i] = self.vf[i].dev
            sh(f'ip link set {self.name[i]} down')
            wait_for(lambda i=i: self.get(self.name[i]) == self.home[i], 'default address')
        return self

    def shown(self, index):
        """What ip says of a VF, without statistics."""
        return {k: v for k, v in self.pf.vfinfo(index).items() if k != 'stats'}

    def in_force(self, index):
        """The address by which the switch knows the VF."""
        vfs = json.loads(out(f'devlink -j health diagnose pci/{self.pf.bdf} reporter vf'))['VFs']
        own = [vf['own address'] for vf in vfs if vf['vf'] == index and 'own address' in vf]
        return own[0] if own else self.shown(index)['address']

    def get(self, name, ns=None):
        """The address of a netdev."""
        return json.loads(out(f'ip -j link show dev {name}', ns=ns))[0]['address']

    def set(self, name, mac, ns=None):
        """Set it, and see that it is set."""
        sh(f'ip link set {name} address {mac}', ns=ns)
        eq(self.get(name, ns), mac, f'address of {name}')

    def give(self, index, mac):
        """Set it of the VF, and see that it is set."""
        self.pf.link(index, f'mac {mac}')
        eq(self.pf.vfinfo(index)['address'], mac, f'address of VF {index}')

    def safe(self, *macs):
        """The neighbour gets none of these addresses, by no way."""
        name = self.vf[2].name
        for state in ('down', 'up'):
            sh(f'ip link set {name} {state}', ns='evil')
            for mac in macs:
                refused(f'ip link set {name} address {mac}', ns='evil')
        add, del_ = ('; '.join(f'bridge fdb {what} {mac} dev {name} self' for mac in macs)
                     for what in ('add', 'del'))
        sh(add, ns='evil', check=False)
        wait_for(self.vf[2].carrier, 'carrier')
        evil = packet_socket(name, 'evil')
        for mac in macs:
            self.sock.send(frame(mac, self.get(self.pf.dev)))
            evil.send(frame(self.get(self.pf.dev), mac))
        eq(receive(evil, seconds=0.2), [], 'what comes for the others')
        eq(receive(self.sock, seconds=0.1), [], 'what is sent as one of them')
        sh(del_, ns='evil', check=False)

    def hears(self, name, ns, mac):
        """Does what is sent to an address arrive at a VF?"""
        sock = packet_socket(name, ns)
        self.sock.send(frame(mac, self.get(self.pf.dev)))
        return bool(receive(sock, seconds=0.3, count=1))


def add(node, index, ns, mac, late=False):
    """sriov-cni's ADD, in its order; late: so late that an interface that is up has the
    host's address when it looks.  Return: what it keeps for DEL.
    """
    name = node.name[index]
    kept = {'admin': node.pf.vfinfo(index)['address']}
    if mac:
        node.give(index, mac)
    if late:
        wait_for(lambda: node.get(name) == mac, 'taken by the interface')
    kept['effective'] = node.get(name)
    sh(f'ip netns add {ns}')
    defer(sh, f'ip netns del {ns}', check=False)
    sh(f'ip link set {name} netns {ns} name net1')
    if mac:
        node.set('net1', mac, ns)
    sh('ip link set net1 up', ns=ns)
    wait_for(lambda: 'LOWER_UP' in out('ip link show net1', ns=ns), 'carrier')
    return kept


def reset_config(node, index, mac, kept):
    """DEL's ResetVFConfig()"""
    if mac:
        node.give(index, kept['admin'])


def release(node, index, ns, mac, kept):
    """DEL's ReleaseVF()"""
    sh(f'ip link set net1 down; ip link set net1 name {node.name[index]}', ns=ns)
    if mac:
        node.set(node.name[index], kept['effective'], ns)
    sh(f'ip link set {node.name[index]} netns 1', ns=ns)
    sh(f'ip netns del {ns}')


def delete(node, index, ns, mac, kept, release_first=False):
    """sriov-cni's DEL, in its order since 2.7; before it released the VF first."""
    steps = [lambda: reset_config(node, index, mac, kept),
             lambda: release(node, index, ns, mac, kept)]
    for step in reversed(steps) if release_first else steps:
        step()
        node.safe(*{node.in_force(index), node.home[index]})


def as_before(node, index, before):
    """Is all of a VF as it was, and its address not bound to what the host has set?"""
    eq(node.shown(index), before, 'what ip shows of the VF')
    name, own = node.name[index], '02:00:00:00:50:99'
    wait_for(lambda: node.get(name) == node.home[index], 'its default address')
    eq(node.in_force(index), node.home[index], 'and in the switch')
    node.set(name, own)
    node.set(name, node.home[index])


def pods():
    """pods in turn, with a MAC and without, by sriov-cni's steps in either order"""
    node = shared(Node).again()
    before = node.shown(0)
    for mac, release_first in ((POD, False), (None, False), (POD, True)):
        kept = add(node, 0, 'pod', mac)
        eq(kept, {'admin': node.home[0], 'effective': node.home[0]}, 'what it keeps')
        eq(node.get('net1', 'pod'), mac or node.home[0], 'address in the pod')
        wait_for(lambda to=mac: node.hears('net1', 'pod', to or node.home[0]),
                 'the pod is reached')
        if mac:
            true(not node.hears('net1', 'pod', node.home[0]), 'not by the default address')
            node.safe(mac, node.home[0])
            refused(f'ip link set net1 address {node.home[0]}', ns='pod')
            refused('ip link set net1 address 02:00:00:00:50:77', ns='pod')
        delete(node, 0, 'pod', mac, kept, release_first)
        as_before(node, 0, before)


def settings_of(shown):
    """What a pod's settings are in what ip shows: as ResetVFConfig() writes them back"""
    vlan, rate = shown['vlan_list'][0], shown['rate']
    return {'vlan': f'vlan {vlan.get("vlan", 0)} qos {vlan.get("qos", 0)} '
                    f'proto {vlan.get("protocol", "802.1q").lower()}',
            'rate': f'max_tx_rate {rate["max_tx"]} min_tx_rate {rate["min_tx"]}',
            'spoofchk': f'spoofchk {"on" if shown["spoofchk"] else "off"}',
            'trust': f'trust {"on" if shown["trust"] else "off"}',
            'state': f'state {shown["link_state"]}'}


def all_settings():
    """12 pods in turn, with all that a network may ask for, in sriov-cni's order, and MTU"""
    node = shared(Node).again()
    before = node.shown(0)
    for n in range(12):
        pod = {'vlan': f'vlan {100 + n} qos {n % 8} proto 802.1{"q" if n % 3 else "ad"}',
               'rate': f'max_tx_rate {100 * (n + 1)} min_tx_rate {10 * n}',
               'spoofchk': f'spoofchk {"off" if n % 4 == 1 else "on"}',
               'trust': f'trust {"on" if n % 2 else "off"}',
               'state': f'state {("auto", "enable")[n % 2]}'}
        mac = POD if n % 4 < 2 else None
        kept, mtu = settings_of(node.shown(0)), 1400 + n
        node.pf.link(0, pod['vlan'])
        admin = add(node, 0, 'pod', mac)
        for key in ('rate', 'spoofchk', 'trust', 'state'):
            node.pf.link(0, pod[key])
        eq(settings_of(node.shown(0)), pod, 'of the VF')
        sh(f'ip link set net1 mtu {mtu}', ns='pod')
        if n % 2:
            sh('ip link set net1 allmulticast on', ns='pod')
        for key in ('vlan', 'spoofchk'):
            node.pf.link(0, kept[key])
        reset_config(node, 0, mac, admin)
        for key in ('rate', 'trust', 'state'):
            node.pf.link(0, kept[key])
        sh('ip link set net1 mtu 1500; ip link set net1 allmulticast off', ns='pod')
        release(node, 0, 'pod', mac, admin)
        as_before(node, 0, before)


def put_back():
    """an address put back while the interface is down is a number: up, it has the host's"""
    node = shared(Node).again()
    kept = add(node, 0, 'pod', POD)
    for _ in range(2):
        sh('ip link set net1 down', ns='pod')
        node.set('net1', node.home[0], 'pod')
        eq(node.in_force(0), POD, 'in the switch')
        for mac in (node.home[2], '02:00:00:00:50:77'):
            refused(f'ip link set net1 address {mac}', ns='pod')
        sh('ip link set net1 up', ns='pod')
        eq(node.get('net1', 'pod'), POD, 'up')
        wait_for(lambda: node.hears('net1', 'pod', POD), 'the pod is reached')
    delete(node, 0, 'pod', POD, kept)


def died():
    """a namespace that dies with the VF in it: DEL finds only the host's side"""
    node = shared(Node).again()
    before = node.shown(0)
    for _ in range(2):
        kept = add(node, 0, 'pod', POD)
        sh('ip netns del pod')
        wait_for(node.vf[0].netdevs, 'back')
        node.name[0] = node.vf[0].dev
        node.safe(POD, node.home[0])
        reset_config(node, 0, POD, kept)
        as_before(node, 0, before)


def was_up():
    """an interface that was up when the pod came may be left with its address, but not to keep"""
    node = shared(Node).again()
    before = [node.shown(i) for i in (0, 1)]
    for release_first in (False, True):
        sh(f'ip link set {node.name[0]} up')
        kept = add(node, 0, 'pod', POD, late=True)
        eq(kept['effective'], POD, 'what it keeps')
        delete(node, 0, 'pod', POD, kept, release_first)
        eq(node.shown(0), before[0], 'what ip shows of the VF')
        other = add(node, 1, 'pod2', POD)
        eq(node.in_force(0), node.home[0], 'the address is the other pod\'s now')
        sh(f'ip link set {node.name[0]} up')
        wait_for(lambda: node.get(node.name[0]) == node.home[0], 'and not the first one\'s')
        wait_for(lambda: node.hears('net1', 'pod2', POD), 'which is reached')
        sh(f'ip link set {node.name[0]} down')
        delete(node, 1, 'pod2', POD, other)
        as_before(node, 0, before[0])
        as_before(node, 1, before[1])


def unset():
    """the default address set by the host is none: shown and restored, all is as before"""
    node = shared(Node).again()
    own, name = '02:00:00:00:50:03', node.name[0]
    sh(f'ip link set {name} up')
    for how in (f'ip link set {node.pf.dev} vf 0 mac',
                f'devlink port function set pci/{node.pf.bdf}/0 hw_addr'):
        sh(f'{how} {POD}')
        wait_for(lambda: node.get(name) == POD, 'set')
        refused(f'ip link set {name} address {own}')
        sh(f'{how} {node.home[0]}')
        wait_for(lambda: node.get(name) == node.home[0], 'unset')
        node.set(name, own)
        eq(node.in_force(0), own, 'an address of its own')
        eq(node.shown(0)['address'], node.home[0], 'which is not what the host has set')
        sh(f'{how} {node.shown(0)["address"]}')
        wait_for(lambda: node.get(name) == node.home[0], "that ends the driver's own")
    sh(f'ip link set {name} down')


def at_once():
    """an address that the user sets while the host's is being reported is not lost"""
    node = shared(Node).again()
    name = node.name[0]
    sh(f'ip link set {name} up')
    for i in range(10):
        own = f'02:00:00:00:51:{i:02x}'
        # one program: the report waits for rtnl, which the next setting has at once
        sh(f"""printf 'link set {node.pf.dev} vf 0 mac %s\\n' {POD} {node.home[0]} >/tmp/at-once
               echo 'link set {name} address {own}' >>/tmp/at-once; ip -batch /tmp/at-once""")
        wait_for(lambda: node.get(name) == node.in_force(0), 'interface and switch agree')
        eq(node.in_force(0), own, 'on what was set last')
    node.set(name, node.home[0])
    sh(f'ip link set {name} down')


def addresses(**params):
    """(address, how it was assigned, permanent address) of PF and VFs of two fresh adapters"""
    devs = []
    for pf in load(adapters=2, total_vfs=4, **params):
        pf.numvfs(1)
        devs += [pf.dev, pf.vf(0).dev]
    found = [(read(f'/sys/class/net/{dev}/address'), read(f'/sys/class/net/{dev}/addr_assign_type'),
              out(f'ethtool -P {dev}').split(': ')[1]) for dev in devs]
    true(all(int(mac[:2], 16) & 3 == 2 for mac, _, _ in found), 'local unicast addresses')
    eq(len({mac for mac, _, _ in found}), 4, 'different ones')
    return found


def stable():
    """addresses are the same after each load, by UUID or mac_seed; random if that is wished"""
    params = {}
    if not os.path.exists('/sys/class/dmi/id/product_uuid'):
        note('a machine without UUID: only mac_seed is tried')
        params = {'mac_seed': 'one'}
    first = addresses(**params)
    eq(addresses(**params), first, 'again')
    other = addresses(mac_seed='two')
    for mac, kind, permanent in first + other:
        eq((kind, permanent), (PERMANENT, mac), mac)
    eq({a for a, _, _ in first} & {a for a, _, _ in other}, set(), 'what two machines share')
    made_up = addresses(mac_seed='random')
    for mac, kind, permanent in made_up:
        true(kind == RANDOM and permanent != mac, f'random: {mac} {kind} {permanent}')
    pf = pf_list()[0]
    before = pf.vfinfo(0)['address']
    pf.numvfs(0)
    pf.numvfs(1)
    true(pf.vfinfo(0)['address'] != before, 'another each time')


def kinds():
    """addr_assign_type and permanent address of a VF, whoever sets its address"""
    pf = load(total_vfs=4)[0]
    vf = pf.vfs(1)[0].up(ns='vf0')
    home = vf.mac

    def kind():
        return out(f'cat /sys/class/net/{vf.name}/addr_assign_type', ns='vf0')
    for mac in (POD, home):
        pf.link(0, f'mac {mac}')
        wait_for(lambda m=mac: vf.mac == m, 'set by the host')
        eq(kind(), PERMANENT, 'the device\'s')
    sh(f'ip link set {vf.name} address {POD}', ns='vf0')
    eq(kind(), BY_USER, 'the user\'s')
    eq(out(f'ethtool -P {vf.name}', ns='vf0').split(': ')[1], home, 'permanent address')
    pf.link(0, f'mac {POD}')
    vf.bind('vnic-vf')
    vf.name, vf.ns = None, None
    eq(out(f'ethtool -P {vf.dev}').split(': ')[1], POD, 'of a new driver: what the host has set')
    pf.numvfs(0)
    pf.numvfs(1)
    eq(pf.vfinfo(0)['address'], home, 'of a new VF: the default one')


run([pods, all_settings, put_back, died, was_up, unset, at_once, stable, kinds])
