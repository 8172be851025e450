#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable debug newest=every
# proof: stable=defaults,every,errors,all_64,statistics
"""ip link set <pf> vf N: every setting, its display, and what is refused."""
import json
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
from ktap import contains, eq, run, sleep, true, wait_for
from vnic import load, log_mark, log_since, out, ping, refused, sh, shared


def settings(pf, index):
    """What ip says of a VF, without statistics."""
    info = pf.vfinfo(index)
    info.pop('stats', None)
    return info


def bench():
    """Two VFs without drivers, shared by cases."""
    pf = load(total_vfs=4)[0]
    pf.set('sriov_drivers_autoprobe', 0)
    pf.vfs(2)
    return pf


def defaults():
    """defaults as hardware has them: a MAC, spoofchk on, trust off, state auto, no rate"""
    pf = shared(bench)
    info = settings(pf, 0)
    true(info['address'] != '00:00:00:00:00:00', 'a MAC')
    true(int(info['address'][:2], 16) & 3 == 2, 'locally administered unicast')
    true(info['address'] != settings(pf, 1)['address'], 'different ones')
    eq(info['spoofchk'], True, 'spoofchk')
    eq(info['trust'], False, 'trust')
    eq(info['link_state'], 'auto', 'state')
    eq(info['rate'], {'max_tx': 0, 'min_tx': 0}, 'rates')


def every():
    """each setting is shown as it was set, and only that one changes"""
    pf = shared(bench)
    other = settings(pf, 1)
    for what, part in (('mac 02:00:00:00:00:21', '02:00:00:00:00:21'),
                       ('vlan 100 qos 3', 'vlan 100, qos 3'),
                       ('vlan 200 proto 802.1ad', 'vlan 200, vlan protocol 802.1ad'),
                       ('vlan 300 qos 7 proto 802.1Q', 'vlan 300, qos 7'),
                       ('max_tx_rate 250', 'max_tx_rate 250Mbps'),
                       ('rate 125', '125'),
                       ('min_tx_rate 25', 'min_tx_rate 25Mbps'),
                       ('min_tx_rate 0', 'max_tx_rate 125Mbps'),
                       ('spoofchk off', 'spoof checking off'),
                       ('trust on', 'trust on'),
                       ('state enable', 'link-state enable'),
                       ('state disable', 'link-state disable'),
                       ('state auto', 'link-state auto')):
        pf.link(0, what)
        line = [l for l in out(f'ip link show {pf.dev}').splitlines() if l.strip().startswith('vf 0')]
        contains(line[0], part, what)
    eq(settings(pf, 1), other, 'VF 1')
    pf.link(0, 'vlan 0')
    line = [l for l in out(f'ip link show {pf.dev}').splitlines() if l.strip().startswith('vf 0')]
    true('vlan' not in line[0], 'vlan 0 removes it')


def errors():
    """bad values are refused with a line that names VF and range, and change nothing"""
    pf = shared(bench)
    pf.link(0, 'vlan 10 qos 1')
    pf.link(0, 'max_tx_rate 100')
    before = settings(pf, 0)
    sleep(6)       # the log's rate limit starts afresh
    for what, part in (('mac 01:00:5e:00:00:01', 'unicast'), ('vlan 4095', '4094'),
                       ('vlan 10 qos 8', 'QoS 8 refused'), ('max_tx_rate 1000001', 'Mb/s')):
        mark = log_mark()
        true(pf.link(0, what, check=False).returncode, f'{what} refused')
        said = log_since(mark)
        true('VF 0' in said or 'vf 0' in said, f'{what}: dmesg names the VF: {said!r}')
        contains(said, part, what)
    eq(settings(pf, 0), before, 'unchanged')
    for what in ('mac 02:00:00:00:00:99', 'vlan 5', 'rate 5', 'spoofchk on', 'trust on',
                 'state auto'):
        true(pf.link(2, what, check=False).returncode, f'{what} on a VF that is not there')


def all_64():
    """64 VFs: every one is shown, with statistics"""
    pf = load()[0]
    pf.set('sriov_drivers_autoprobe', 0)
    pf.vfs(64)
    pf.link(63, 'mac 02:00:00:00:01:3f')
    pf.link(63, 'max_tx_rate 77')
    info = pf.vfinfo()
    eq(len(info), 64, 'VFs shown')
    eq(info[63]['address'], '02:00:00:00:01:3f', 'VF 63')
    true(all('dropped' in v['stats']['rx'] and 'dropped' in v['stats']['tx'] for v in info),
         'rx_dropped and tx_dropped of each')


def all_256():
    """of 256 VFs each can be set and shown; what ip cannot do with so many, and what can instead"""
    pf = load(total_vfs=256)[0]
    pf.set('sriov_drivers_autoprobe', 0)
    mark = log_mark()
    pf.numvfs(221)
    eq('more than' in log_since(mark), False, 'a line about many VFs')
    eq(len(pf.vfinfo()), 221, 'VFs shown with their counters')
    pf.link(220, 'max_tx_rate 5')
    pf.numvfs(0)
    pf.numvfs(256)
    contains(log_since(mark), 'of more than 221 VFs', 'said')
    for what, key, value in (('mac 02:00:00:00:01:ff', 'address', '02:00:00:00:01:ff'),
                             ('trust on', 'trust', True),
                             ('spoofchk off', 'spoofchk', False),
                             ('state disable', 'link_state', 'disable'),
                             ('vlan 5', 'vlan_list', [{'vlan': 5}]),
                             ('max_tx_rate 200 min_tx_rate 0', 'rate', {'max_tx': 200, 'min_tx': 0})):
        pf.link(255, what)
        shown = json.loads(out(f'ip -j link show {pf.dev}'))[0]['vfinfo_list']
        eq(len(shown), 256, 'VFs shown')
        eq(shown[255][key], value, what)
    true(len(pf.vfinfo()) < 256, 'ip -s does not show all')
    contains(refused(f'ip link set {pf.dev} vf 255 max_tx_rate 7'), 'Cannot find VF', 'one rate')
    sh(f'devlink port function rate set pci/{pf.bdf}/255 tx_max 56mbit')
    contains(out(f'ip link show {pf.dev}'), 'max_tx_rate 56Mbps', 'by devlink')
    vf = json.loads(out('/vnic/tools/vnic list --json'))[0]['vfs'][255]
    eq((vf['mac'], vf['max_tx_rate']), ('02:00:00:00:01:ff', 56), 'by vnic list')


def statistics():
    """ip -s link agrees with what was sent"""
    pf = load(total_vfs=4)[0]
    vfs = pf.vfs(2)
    for i, vf in enumerate(vfs):
        vf.up(ns=f'vf{i}', ip=f'10.9.0.{i + 1}')
    before = [pf.vfinfo(i)['stats'] for i in (0, 1)]
    ping('vf0', '10.9.0.2', size=1000, count=10)

    def gained(i, way, what):
        return pf.vfinfo(i)['stats'][way][what] - before[i][way][what]
    for i in (0, 1):
        for way in ('rx', 'tx'):
            wait_for(lambda at=(i, way): gained(*at, 'packets') >= 10, f'VF {i} {way} packets')
            wait_for(lambda at=(i, way): gained(*at, 'bytes') >= 10 * 1042, f'VF {i} {way} bytes')


run([defaults, every, errors, all_64, all_256, statistics])
