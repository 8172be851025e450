#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable debug
"""tools/vnic: list, attach, detach, drops, top."""
import json
import os
import re
import subprocess
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
from ktap import contains, defer, eq, run, true, wait_for
from vnic import frame, load, out, packet_socket, ping, read, refused, sh, unload

VNIC = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../tools/vnic')


def empty():
    """without an adapter it says what to do"""
    unload()
    contains(refused(f'{VNIC} list'), 'modprobe vnic-pf', 'list')


def listing():
    """list shows adapters, VFs, MAC, VLAN, rate and who uses them"""
    pf = load(total_vfs=4)[0]
    pf.vfs(2)
    pf.link(1, 'mac 02:00:00:00:00:31 vlan 12 max_tx_rate 345')
    text = out(f'{VNIC} list')
    contains(text, f'{pf.dev}  {pf.bdf}', 'the PF')
    line = [l for l in text.splitlines() if pf.vf(1).bdf in l][0]
    for part in ('02:00:00:00:00:31', '12', '345', pf.vf(1).dev):
        contains(line, part, 'VF 1')
    sh('ip netns add there')
    defer(sh, 'ip netns del there')
    sh(f'ip link set {pf.vf(0).dev} netns there')
    shell = subprocess.Popen(['unshare', '-n', 'sleep', '60'])
    defer(shell.kill)
    wait_for(lambda: sh(f'ip link set {pf.vf(1).dev} netns {shell.pid}', check=False).returncode == 0
             and pf.vf(1).netdevs() == [], 'a container has VF 1')
    text = out(f'{VNIC} list')
    contains(text, 'in netns there', 'VF 0')
    contains(text, f'in netns of sleep[{shell.pid}]', 'VF 1')


def as_json():
    """list --json has every setting; --version is that of the modules"""
    pf = load(total_vfs=4)[0]
    pf.vfs(2)
    pf.link(1, 'mac 02:00:00:00:00:31 vlan 12 qos 3 proto 802.1ad max_tx_rate 345 min_tx_rate 7 '
               'trust on spoofchk off state disable')
    for user in ('', 'setpriv --reuid 65534 --regid 65534 --clear-groups '):
        vf = json.loads(out(f'{user}{VNIC} list --json'))[0]['vfs'][1]
        want = {'pci': pf.vf(1).bdf, 'mac': '02:00:00:00:00:31', 'vlan': 12, 'qos': 3,
                'vlan_protocol': '802.1ad', 'max_tx_rate': 345, 'min_tx_rate': 7, 'trust': True,
                'spoofchk': False, 'link_state': 'disable', 'netdevs': [pf.vf(1).dev]}
        eq({k: vf[k] for k in want}, want, 'VF 1')
    for module in ('vnic-pf', 'vnic-vf', 'vnic-vfio-pci', 'vnic-iommu'):
        eq('vnic ' + out(f'modinfo -F version {module}'), out(f'{VNIC} --version'), module)


def drops():
    """drops tells what a VF lost and why, of each reason what it means"""
    pf = load(total_vfs=4)[0]
    vf = pf.vfs(2)[0]
    vf.up(ns='vf0', ip='10.9.0.1')
    contains(out(f'{VNIC} drops {pf.dev} 1'), 'lost nothing', 'VF 1')
    sock = packet_socket(vf.name, vf.ns)
    for _ in range(10):
        sock.send(frame('02:00:00:00:00:99', '02:00:00:00:00:98'))
    line = wait_for(lambda: [l for l in out(f'{VNIC} drops {pf.dev} 0').splitlines()
                             if 'tx_drop_spoof' in l], 'spoofed packets')[0]
    eq(line.split()[:4], ['VF', '0', 'tx_drop_spoof', '10'], 'count')
    contains(line, 'foreign address', 'meaning')
    eq('VF 1' in out(f'{VNIC} drops {pf.dev}'), False, 'VF 1')
    named = set(re.findall(r'vfs_([rt]x_drop_\w+)', out(f'ethtool -S {pf.dev}')))
    known = set(re.findall(r'"([rt]x_drop_\w+)":', read(VNIC)))
    eq(named, known, 'reasons that have a meaning')


def attach():
    """attach binds a VF to vfio and prints the QEMU line; detach gives it back"""
    pf = load(total_vfs=4)[0]
    vf = pf.vfs(2)[0]
    text = out(f'{VNIC} attach {pf.dev} 0')
    eq(vf.driver(), 'vnic-vfio-pci', 'driver')
    contains(out(f'{VNIC} list'), 'free (vfio)', 'root sees that nobody has it')
    seen = out(f'setpriv --reuid 65534 --regid 65534 --clear-groups {VNIC} list')
    contains(seen, 'only root sees', 'others do not')
    contains(text, f'-device vfio-pci,host={vf.bdf}', 'QEMU line')
    contains(text, '<hostdev', 'libvirt')
    eq(pf.vf(1).driver(), 'vnic-vf', 'the other VF')
    out(f'{VNIC} detach {pf.dev} 0')
    eq(vf.driver(), 'vnic-vf', 'driver after detach')


def errors():
    """bad arguments are refused with what would be accepted"""
    pf = load(total_vfs=4)[0]
    contains(refused(f'{VNIC} attach {pf.dev} 0'), 'sriov_numvfs', 'no VFs')
    pf.vfs(2)
    contains(refused(f'{VNIC} attach {pf.dev} 2'), '0 to 1', 'VF 2 of 2')
    contains(refused(f'{VNIC} attach lo 0'), pf.dev, 'not an adapter')
    contains(refused(f'{VNIC} detach {pf.dev} 0'), 'not attached', 'detach')
    true(sh(f'{VNIC} nonsense', check=False).returncode, 'unknown command')


def top():
    """top shows what flows"""
    pf = load(total_vfs=4)[0]
    for i, vf in enumerate(pf.vfs(2)):
        vf.up(ns=f'vf{i}', ip=f'10.9.0.{i + 1}')
    ping('vf0', '10.9.0.2')
    text = out(f'{VNIC} top -i 0.5 -c 1')
    contains(text, pf.bdf, 'the PF')
    eq(len([l for l in text.splitlines() if l.split()[0] in ('0', '1')]), 2, 'rows of VFs')


run([empty, listing, as_json, drops, attach, errors, top])
