#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable debug
"""tools/vnic: list, attach, detach, top."""
import os
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
from ktap import contains, eq, run, true
from vnic import load, out, ping, refused, sh, unload

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


def attach():
    """attach binds a VF to vfio and prints the QEMU line; detach gives it back"""
    pf = load(total_vfs=4)[0]
    vf = pf.vfs(2)[0]
    text = out(f'{VNIC} attach {pf.dev} 0')
    eq(vf.driver(), 'vnic-vfio-pci', 'driver')
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


run([empty, listing, attach, errors, top])
