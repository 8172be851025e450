#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable debug newest=numvfs,groups,flr,pf_reset,rescan,lspci iommu=groups,flr quick=numvfs,groups,flr,rescan
# proof: stable=numvfs,groups,flr,pf_reset,rescan,lspci newest=numvfs,flr
# timeout: 480
"""The PCI core's SR-IOV files, on the software bus."""
import errno
import os
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
from cgroup import all_threads
from ktap import between, contains, defer, eq, note, run, sleep, slow, true, wait_for
from vnic import VF_DRIVER, errno_of, load, out, pf_list, read, sh, unload, write


def numvfs():
    """sriov_numvfs from 0 to total and back, repeatedly; more than total is refused"""
    pf = load(total_vfs=16)[0]
    for count in (16, 0, 1, 0, 7, 0):
        pf.numvfs(count)
        eq(pf.get('sriov_numvfs'), str(count), 'sriov_numvfs')
        links = [n for n in os.listdir(pf.path) if n.startswith('virtfn')]
        eq(len(links), count, 'virtfn links')
    eq(errno_of(pf.numvfs, 17), errno.ERANGE, 'numvfs 17 of 16')
    pf.numvfs(2)
    eq(errno_of(pf.numvfs, 3), errno.EBUSY, 'numvfs 3 while 2')
    eq(pf.get('sriov_numvfs'), '2', 'unchanged')
    eq(os.path.basename(os.readlink(pf.vf(1).path + '/physfn')), pf.bdf, 'physfn')
    pf.numvfs(0)


def all_256():
    """256 VFs come up and go, twice"""
    pf = load(total_vfs=256)[0]
    pf.set('sriov_drivers_autoprobe', 0)
    for _ in range(2):
        pf.numvfs(256)
        eq(len([n for n in os.listdir(pf.path) if n.startswith('virtfn')]), 256, 'VFs')
        true(pf.vf(255).get('vendor') == '0x766e', 'VF 255 answers')
        pf.numvfs(0)


def groups():
    """each VF has an IOMMU group of its own, whatever its driver; host drivers need none"""
    def group(vf):
        link = vf.path + '/iommu_group'
        return os.path.realpath(link) if os.path.exists(link) else None
    for _ in range(2):
        pf = load(total_vfs=4)[0]
        true(not os.path.exists(pf.path + '/iommu_group'), 'the PF is in no group')
        pf.set('sriov_drivers_autoprobe', 0)
        pf.numvfs(4)
        vfs = [pf.vf(i) for i in range(4)]
        found = [group(vf) for vf in vfs]
        eq((None in found, len(set(found))), (False, 4), f'groups {found}')
        for vf in vfs:
            eq(os.listdir(group(vf) + '/devices'), [vf.bdf], 'devices of the group')
            eq(read(group(vf) + '/type').strip(), 'identity', 'type of the group')
        pf.set('sriov_drivers_autoprobe', 1)
        vfs[0].bind('vnic-vf')
        vfs[1].to_vfio()
        eq([group(vf) for vf in vfs], found, 'groups with drivers bound')
        eq(errno_of(write, group(vfs[2]) + '/type', 'DMA'), errno.EINVAL, 'another type')
        vfs[1].bind(None)
        pf.numvfs(0)
        true(not any(os.path.exists(path) for path in found), 'groups are gone with the VFs')
        unload()


def autoprobe():
    """sriov_drivers_autoprobe=0 leaves VFs without a driver"""
    pf = load(total_vfs=4)[0]
    pf.set('sriov_drivers_autoprobe', 0)
    vf = pf.vfs(2)[0]
    eq(vf.driver(), None, 'driver')
    write('/sys/bus/pci/drivers_probe', vf.bdf)
    eq(vf.driver(), None, 'still none: the PCI core keeps to it')
    vf.set('driver_override', 'vnic-vf')
    pf.set('sriov_drivers_autoprobe', 1)
    write('/sys/bus/pci/drivers_probe', vf.bdf)
    eq(vf.driver(), 'vnic-vf', 'driver after drivers_probe')


def bind_unbind():
    """bind and unbind of a VF driver; settings of the VF survive"""
    pf = load(total_vfs=4)[0]
    vf = pf.vfs(1)[0]
    pf.link(0, 'mac 02:00:00:00:00:11')
    pf.link(0, 'vlan 7 qos 3')
    pf.link(0, 'max_tx_rate 100')
    wait_for(vf.netdevs, 'netdev')
    before = {k: v for k, v in pf.vfinfo(0).items() if k != 'stats'}
    for _ in range(3):
        write(VF_DRIVER + '/unbind', vf.bdf)
        eq(vf.driver(), None, 'unbound')
        write(VF_DRIVER + '/bind', vf.bdf)
        eq(vf.mac, '02:00:00:00:00:11', 'address after bind')
    eq({k: v for k, v in pf.vfinfo(0).items() if k != 'stats'}, before, 'settings')


def flr():
    """reset (FLR) of a VF: its settings survive, its driver recovers"""
    pf = load(total_vfs=4)[0]
    vf = pf.vfs(1)[0]
    pf.link(0, 'mac 02:00:00:00:00:12')
    vf.up(ns='vf0', ip='10.9.0.1')
    contains(vf.get('reset_method'), 'flr', 'reset_method')
    for _ in range(3):
        vf.set('reset', 1)
    eq(pf.vfinfo(0)['address'], '02:00:00:00:00:12', 'address as the PF has it')
    wait_for(vf.carrier, 'carrier after FLR')
    eq(vf.mac, '02:00:00:00:00:12', 'address as the VF has it')


def pf_reset():
    """reset (FLR) of the PF: VFs recover, settings survive"""
    pf = load(total_vfs=4)[0]
    first, second = pf.vfs(2)
    pf.link(1, 'mac 02:00:00:00:00:13')
    first.up(ns='vf0', ip='10.9.0.1')
    second.up(ns='vf1', ip='10.9.0.2')
    sh('ping -c 1 -W 5 10.9.0.2', ns='vf0')
    pf.set('reset', 1)
    eq(pf.vfinfo(1)['address'], '02:00:00:00:00:13', 'address')
    wait_for(lambda: not sh('ping -c 1 -W 1 10.9.0.2', ns='vf0', check=False).returncode,
             'ping after the reset', seconds=20)


def gone():
    """settings go when the VF is destroyed"""
    pf = load(total_vfs=4)[0]
    pf.numvfs(1)
    pf.link(0, 'vlan 9')
    pf.link(0, 'trust on')
    pf.numvfs(0)
    pf.numvfs(1)
    info = pf.vfinfo(0)
    true('vlan' not in str(info.get('vlan_list', '')) or
         info['vlan_list'][0].get('vlan', 0) == 0, f'no VLAN: {info}')
    eq(info['trust'], False, 'trust')
    pf.numvfs(0)


def rescan():
    """remove + rescan of the PF brings it back, with VFs again possible"""
    pf = load(total_vfs=4)[0]
    pf.numvfs(2)
    bdf = pf.bdf
    for _ in range(2):
        pf.set('remove', 1)
        true(not os.path.exists('/sys/bus/pci/devices/' + bdf), 'gone')
        write('/sys/bus/pci/rescan', 1)
        pf = wait_for(pf_list, 'PF after rescan')[0]
        eq(pf.bdf, bdf, 'address')
        pf.numvfs(4)
        eq(pf.vf(3).driver(), 'vnic-vf', 'driver of VF 3')
    pf.numvfs(0)


def lspci():
    """lspci -vv reads right"""
    pf = load(total_vfs=4)[0]
    vf = pf.vfs(2)[1]
    text = out(f'lspci -vv -s {pf.bdf}')
    for part in ('Ethernet controller', 'Express', 'MSI-X: Enable', 'SR-IOV', 'FLReset+',
                 'Initial VFs: 4, Total VFs: 4, Number of VFs: 2', 'VF offset: 1, stride: 1',
                 'Kernel driver in use: vnic-pf'):
        contains(text, part, 'lspci of the PF')
    text = out(f'lspci -vv -s {vf.bdf}')
    for part in ('Ethernet controller', 'Express', 'MSI-X: Enable', 'FLReset+',
                 'Region 0: Memory at', 'Region 2: Memory at', 'Kernel driver in use: vnic-vf'):
        contains(text, part, 'lspci of the VF')


def available():
    """KiB of memory"""
    sleep(0.5)
    return int(out('echo 3 > /proc/sys/vm/drop_caches; '
                   "awk '/MemAvailable/ {print $2}' /proc/meminfo"))


def idle():
    """an idle adapter with 64 VFs costs no CPU and little memory"""
    pf = load()[0]
    pf.set('sriov_drivers_autoprobe', 0)
    before = available()
    pf.numvfs(64)
    defer(pf.numvfs, 0)
    used = (before - available()) // 64
    note(f'{used} KiB of host memory for each VF, no driver bound')
    true(used <= 500 * slow(), 'memory of an idle VF')
    eq(len(all_threads()), 0, 'threads of idle VFs')


def idle_bound():
    """64 idle VFs with drivers bound and up cost no CPU, no interrupts and little memory"""
    pf = load()[0]
    vfs = pf.vfs(64)
    before = available()
    for vf in vfs:
        sh(f'ip link set {vf.dev} addrgenmode none up')
    used = (before - available()) // 64
    note(f'{used} KiB more for each VF that is up')
    true(used <= 2500 * slow(), 'memory of a VF that is up')

    def times():
        total = 0
        for p in all_threads():
            fields = read(f'/proc/{p}/stat').rsplit(')', 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        return total

    def interrupts():
        irqs = {irq for vf in vfs for irq in os.listdir(f'/sys/bus/pci/devices/{vf.bdf}/msi_irqs')}
        lines = [line.split() for line in read('/proc/interrupts').splitlines()]
        mine = [fields for fields in lines if fields[0].rstrip(':') in irqs]
        true(len(mine) >= 64, 'interrupts of VFs are known')
        return sum(int(f) for fields in mine for f in fields[1:] if f.isdigit())
    sleep(3 * slow())
    eq(len(all_threads()) >= 64, True, 'each VF has its thread')

    def at_rest():
        first = times(), interrupts()
        sleep(1)
        return (times(), interrupts()) == first
    wait_for(at_rest, 'what has begun before ends', seconds=60)
    before, start = times(), interrupts()
    sleep(5)
    used, came = times() - before, interrupts() - start
    note(f'{used} ticks of 10 ms and {came} interrupts in 5 s, 64 VFs')
    between(used, 0, 2, 'ticks of the VFs\' threads in 5 s')
    eq(came, 0, 'interrupts in 5 s')


run([numvfs, all_256, groups, autoprobe, bind_unbind, flr, pf_reset, gone, rescan, lspci, idle, idle_bound])
