#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable
# proof: stable=networkd,link
"""VFs configured by what configures the host's network: each file is that of tools.rst."""
import os
import re
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
from daemons import Networkd, network_manager, udevd
from ktap import Skip, contains, defer, eq, run, true, wait_for
from vnic import load, out, read, refused, sh, write_file

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../Documentation/tools.rst')
NETPLAN = '/run/netplan/60-vnic.yaml'
LINK = '/run/systemd/network/10-vnic.link'


def block(name, pf):
    """The literal block behind a line that ends in the name, for this PF."""
    text = re.search(r'^.*``' + re.escape(name) + r'``::\n\n((?:    .*\n|\n)+)', read(PAGE) + '\n',
                     re.M)
    true(text, f'{name} is in tools.rst')
    return re.sub(r'^    ', '', text[1], flags=re.M).replace('<pf>', pf)


def there(program):
    """Skip the case in a tree without a program."""
    if sh(f'command -v {program}', check=False).returncode:
        raise Skip(f'no {program}')


def settings(pf):
    """Of each VF what the files set: (MAC, VLAN, rates, spoof check, trust, link state)"""
    return [(vf['address'], vf['vlan_list'][0], vf['rate'], vf['spoofchk'], vf['trust'],
             vf['link_state']) for vf in pf.vfinfo()]


def network_manager_profile():
    """NetworkManager: a profile of the PF makes and configures the VFs, and takes them away"""
    there('NetworkManager')
    pf = load(total_vfs=4)[0]
    conf = block('/etc/NetworkManager/conf.d/vnic.conf', pf.dev)
    network_manager(conf.replace('[keyfile]\n', ''))
    sh(block('NetworkManager', pf.dev))
    for _ in range(2):
        sh('nmcli connection up vnic')
        wait_for(lambda: settings(pf)[2:] and settings(pf)[2][2]['max_tx'] == 50,
                 'the last of the VFs is set')
        macs = [vf['address'] for vf in pf.vfinfo()]
        eq(settings(pf), [
            ('02:00:00:00:00:10', {'vlan': 10, 'qos': 3}, {'max_tx': 500, 'min_tx': 100}, False,
             True, 'auto'),
            (macs[1], {'vlan': 20, 'qos': 5, 'protocol': '802.1ad'}, {'max_tx': 0, 'min_tx': 0},
             True, False, 'auto'),
            (macs[2], {}, {'max_tx': 50, 'min_tx': 0}, True, False, 'auto')], 'VFs')
        vf = wait_for(lambda: re.search(r'^(\S+v0):(\S+)',
                                        out('nmcli -t -f DEVICE,STATE device'), re.M), 'VF 0')
        eq(vf[2], 'unmanaged', 'VF 0')
        sh('nmcli connection down vnic')
        eq(pf.get('sriov_numvfs'), '0', 'VFs, without the profile')
    sh('nmcli connection modify vnic sriov.eswitch-mode switchdev')
    refused('nmcli connection up vnic')


def netplan():
    """netplan: number of VFs, a VLAN in the adapter, and the mode of the switch"""
    there('netplan')
    pf = load(total_vfs=4)[0]
    name = pf.vfs(1)[0].dev     # udev is not there, which would name it <pf>v0
    pf.numvfs(0)
    text = block('/etc/netplan/60-vnic.yaml', pf.dev).replace(f'{pf.dev}v0', name)
    defer(lambda: os.path.exists(NETPLAN) and os.remove(NETPLAN))
    write_file(NETPLAN, text, 0o600)
    for _ in range(2):
        sh('netplan apply --sriov-only')
        eq(pf.get('sriov_numvfs'), '4', 'VFs')
        eq(pf.vfinfo(0)['vlan_list'][0].get('vlan'), 15, 'VLAN of VF 0')
    write_file(NETPLAN, text.replace('legacy', 'switchdev'), 0o600)
    contains(refused('netplan apply --sriov-only'), 'no representors', 'another mode')
    eq(pf.vf(0).driver(), 'vnic-vf', 'and VFs keep their driver')


def networkd():
    """systemd-networkd: [SR-IOV] in the .network file of the PF"""
    pf = load(total_vfs=4)[0]
    pf.vfs(2)
    macs = [vf['address'] for vf in pf.vfinfo()]
    Networkd(pf.dev, *block('[SR-IOV]', pf.dev).splitlines())
    eq(settings(pf), [
        ('02:00:00:00:00:10', {'vlan': 10, 'qos': 3}, {'max_tx': 0, 'min_tx': 0}, False, True,
         'enable'),
        (macs[1], {'vlan': 20, 'protocol': '802.1ad'}, {'max_tx': 0, 'min_tx': 0}, True, False,
         'auto')], 'VFs')


def link():
    """systemd-udevd: SR-IOVVirtualFunctions= in a .link file, when the PF appears"""
    pf = load(total_vfs=4)[0]
    defer(lambda: os.path.exists(LINK) and os.remove(LINK))
    write_file(LINK, block('/etc/systemd/network/10-vnic.link', pf.dev))
    udevd()
    wait_for(lambda: pf.get('sriov_numvfs') == '2', 'VFs')
    wait_for(lambda: pf.vfinfo(0)['address'] == '02:00:00:00:00:10', 'MAC of VF 0')
    eq(pf.dev, 'enP8p0s0', 'name of the PF')
    wait_for(lambda: pf.vf(0).netdevs() == ['enP8p0s0v0'], 'name of VF 0')


run([network_manager_profile, netplan, networkd, link])
