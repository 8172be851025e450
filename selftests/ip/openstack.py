#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable newest
# proof: stable
"""What OpenStack does to VFs through sysfs and netlink: nova, and neutron's SR-IOV agent.

As nova/virt/libvirt/vif.py, nova/pci and neutron's mech_sriov/agent have it (2026.1).
The agent talks netlink by pyroute2; that libvirt's part works is guest/libvirt.py.
"""
import json
import os
import re
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
from pyroute2 import IPRoute
from ktap import defer, eq, run, true
from vnic import load, out, read, sh, shared

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                    '../../Documentation/openstack.rst')
PORT_MAC = 'fa:16:3e:00:00:01'      # what neutron gives to a port


class Agent:
    """What neutron's agent has for a PF (physical_device_mappings = physnet1:<pf>)."""

    def __init__(self, dev):
        self.sysfs = f'/sys/class/net/{dev}/device'
        with IPRoute() as ip:
            self.index = ip.link_lookup(ifname=dev)[0]

    def slots(self):
        """PCI address -> number, of the VFs that the PF has."""
        found = {}
        for name in os.listdir(self.sysfs):
            match = re.match(r'virtfn(\d+)', name)
            if match:
                slot = os.path.basename(os.readlink(f'{self.sysfs}/{name}'))
                found[slot] = int(match.group(1))
        true(int(read(f'{self.sysfs}/sriov_numvfs')) == len(found), 'not all VFs were initialized')
        return found

    def vfs(self):
        """What it reads of the VFs, statistics included, though it does not want them."""
        with IPRoute() as ip:
            link = ip.link('get', index=self.index, ext_mask=1)[0]
        found = {}
        for info in link.get_attr('IFLA_VFINFO_LIST').get_attrs('IFLA_VF_INFO'):
            mac = info.get_attr('IFLA_VF_MAC')
            rate = info.get_attr('IFLA_VF_RATE', default={})
            found[mac['vf']] = {'mac': mac['mac'],
                                'state': info.get_attr('IFLA_VF_LINK_STATE')['link_state'],
                                'max_tx_rate': rate.get('max_tx_rate'),
                                'min_tx_rate': rate.get('min_tx_rate')}
        return found

    def device(self, slot):
        """The MAC of a port's VF; None: no port has it, since the VF has a netdev here."""
        number = self.slots()[slot]
        return None if os.path.isdir(f'{self.sysfs}/virtfn{number}/net') \
            else self.vfs()[number]['mac']

    def set(self, slot, **feature):
        """One setting of a VF."""
        with IPRoute() as ip:
            ip.link('set', index=self.index, vf={'vf': self.slots()[slot], **feature})

    def rate(self, slot, **kbps):
        """A QoS rule: Mb/s, at least 1; the rate that the rule does not name is sent again."""
        rates = {name: max(round(value / 1000), 1) if value else 0 for name, value in kbps.items()}
        vf = self.vfs()[self.slots()[slot]]
        for name in ('max_tx_rate', 'min_tx_rate'):
            if name not in rates and vf[name]:
                rates[name] = vf[name]
        self.set(slot, rate=rates)


def bench():
    """Two VFs and the agent"""
    pf = load(total_vfs=4)[0]
    vfs = pf.vfs(2)
    sh(f'ip link set {pf.dev} up')
    return pf, vfs, Agent(pf.dev)


def passed_through(pf, vf):
    """The VF as libvirt leaves it for a port: no netdev, MAC and VLAN (nova's vnic_type direct)."""
    vf.to_vfio()
    defer(vf.bind, None)
    pf.link(vf.index, f'mac {PORT_MAC} vlan 101')
    defer(pf.link, vf.index, 'mac 00:00:00:00:00:00 vlan 0')


def bound():
    """neutron's agent finds a port by PCI address and MAC, and what it sets is so"""
    pf, vfs, agent = shared(bench)
    eq(agent.slots(), {vf.bdf: vf.index for vf in vfs}, 'VFs')
    eq([agent.device(vf.bdf) for vf in vfs], [None, None], 'no port')
    passed_through(pf, vfs[1])
    eq([agent.device(vf.bdf) for vf in vfs], [None, PORT_MAC], 'the port')
    slot = vfs[1].bdf
    for on in (0, 1):       # port_security_enabled=False, and back
        agent.set(slot, spoofchk=on)
        eq(pf.vfinfo(1)['spoofchk'], bool(on), 'spoofchk')
    # admin_state_up, propagate_uplink_status
    for state, name in ((2, 'disable'), (1, 'enable'), (0, 'auto')):
        agent.set(slot, link_state=state)
        eq(agent.vfs()[1]['state'], state, 'state that it reads')
        eq(pf.vfinfo(1)['link_state'], name, 'state')


def rules():
    """its QoS rules: a limit and a guarantee, one after the other, and neither takes the other"""
    pf, vfs, agent = shared(bench)
    passed_through(pf, vfs[1])
    slot = vfs[1].bdf

    def rates():
        info = agent.vfs()[1]
        return info['max_tx_rate'], info['min_tx_rate']
    agent.rate(slot, max_tx_rate=20400)
    eq(rates(), (20, 0), 'a limit of 20.4 Mb/s')
    agent.rate(slot, max_tx_rate=300)
    eq(rates(), (1, 0), 'a limit below 1 Mb/s')
    agent.rate(slot, max_tx_rate=20000)
    agent.rate(slot, min_tx_rate=5000)
    eq(rates(), (20, 5), 'a guarantee beside the limit')
    agent.rate(slot, max_tx_rate=30000)
    eq(rates(), (30, 5), 'another limit')
    agent.rate(slot, min_tx_rate=0)
    eq(rates(), (30, 0), 'no guarantee')
    agent.rate(slot, max_tx_rate=0)
    eq(rates(), (0, 0), 'no limit')


def macvtap():
    """nova, vnic_type macvtap: address and VLAN by the PF, address of the interface, and back"""
    pf, vfs, agent = shared(bench)
    vf, mac = vfs[0].dev, pf.vfinfo(0)['address']
    sh(f'ip link set {pf.dev} vf 0 mac {PORT_MAC} vlan 101')
    sh(f'ip link set {vf} address {PORT_MAC} up')
    sh(f'ip link add link {vf} name macvtap0 address {PORT_MAC} type macvtap mode passthru')
    upper = [name for name in os.listdir(f'{agent.sysfs}/virtfn0/net/{vf}')
             if name.startswith('upper_macvtap')]
    eq(upper, ['upper_macvtap0'], 'what tells the agent of a port')
    eq(read('/sys/class/net/macvtap0/address'), PORT_MAC, 'its address')
    sh('ip link del macvtap0')
    sh(f'ip link set {pf.dev} vf 0 mac 00:00:00:00:00:00 vlan 0')
    # "ip" may fail here (status 2), and does on every NIC: nova takes that
    eq(sh(f'ip link set {vf} address 00:00:00:00:00:00 down', check=False).returncode, 2, 'ip')
    sh(f'ip link set {vf} down')
    info = pf.vfinfo(0)
    eq((info['address'], info['vlan_list'][0].get('vlan')), (mac, None), 'MAC and VLAN')


def trusted():
    """nova, a port with the profile trusted=true: before libvirt has the VF, and after"""
    pf, _, _ = shared(bench)
    for word, want in (('on', True), ('off', False)):
        sh(f'ip link set {pf.dev} vf 1 trust {word}')
        eq(pf.vfinfo(1)['trust'], want, 'trust')


def by_sysfs():
    """what nova asks sysfs: PF or VF, number, interfaces, address of the PF, ids"""
    pf, vfs, _ = shared(bench)
    true(int(pf.get('sriov_totalvfs')) > 0, 'a PF by sriov_totalvfs')
    true(not os.path.exists(f'{vfs[1].path}/sriov_totalvfs'), 'a VF has none')
    eq(os.listdir(f'{vfs[1].path}/physfn/net'), [pf.dev], 'interface of its PF')
    eq(os.path.basename(os.readlink(f'{vfs[1].path}/physfn/virtfn1')), vfs[1].bdf, 'its number')
    eq(read(f'{pf.path}/net/{pf.dev}/address'), json.loads(out(f'ip -j link show {pf.dev}'))[0]
       ['address'], 'address of the PF')
    eq('0x' + pf.get('sriov_vf_device'), vfs[1].get('device'), 'id of its VFs')
    true(re.match(r'^[\da-f]{4}:[\da-f]{2}:[\da-f]{2}\.[0-7]$', vfs[1].bdf), 'form of an address')


def whitelist():
    """each device_spec of openstack.rst means the VFs of this adapter"""
    pf, vfs, _ = shared(bench)
    specs = [json.loads(line) for line in re.findall(r'^ *device_spec = (.*)$', read(PAGE), re.M)]
    true(len(specs) > 1, 'lines')
    for spec in specs:
        true('physical_network' in spec, f'{spec}: network')
        for key in ('vendor', 'product'):
            want = vfs[1].get('vendor' if key == 'vendor' else 'device')
            eq(spec.get(f'{key}_id', want[2:]), want[2:], f'{spec}: {key}')
        # the PF's address stands for all of its VFs
        eq(spec.get('address', pf.bdf), pf.bdf, f'{spec}: address')


run([bound, rules, macvtap, trusted, by_sysfs, whitelist])
