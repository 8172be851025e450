#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable debug newest=pool,bound,affinity iommu=affinity quick=affinity,offline
# proof: stable=pool,affinity,offline
"""MSI-X: the pool of vectors, queue pairs, interrupts on the host."""
import errno
import glob
import os
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
from ktap import Skip, eq, note, run, true, wait_for
from vnic import VF_DRIVER, errno_of, load, out, ping, read, sh, write

DEFAULT = 5
LEAST, MOST = 2, 17
VIRTIO = 9      # four pairs of queues


def pool():
    """sriov_vf_total_msix and sriov_vf_msix_count move vectors between VFs"""
    pf = load(total_vfs=16)[0]
    pf.set('sriov_drivers_autoprobe', 0)
    total = int(pf.get('sriov_vf_total_msix'))
    true(total >= 16 * VIRTIO, f'pool of {total} gives each of 16 virtio VFs four pairs')
    vfs = pf.vfs(16)
    eq(errno_of(vfs[0].set, 'sriov_vf_msix_count', 1), errno.EINVAL, '1 vector')
    eq(errno_of(vfs[0].set, 'sriov_vf_msix_count', MOST + 1), errno.EINVAL, 'too many vectors')
    used = 16 * DEFAULT
    refusals = 0
    for vf in vfs:
        if used + MOST - DEFAULT > total:
            eq(errno_of(vf.set, 'sriov_vf_msix_count', MOST), errno.ENOSPC, 'pool exhausted')
            refusals += 1
        else:
            vf.set('sriov_vf_msix_count', MOST)
            used += MOST - DEFAULT
            true(f'Count={MOST} ' in out(f'lspci -vv -s {vf.bdf}'), 'lspci shows the count')
    true(refusals, 'the pool can be exhausted')
    vfs[0].set('sriov_vf_msix_count', LEAST)
    vfs[7].set('sriov_vf_msix_count', MOST)
    vfs[7].set('sriov_vf_msix_count', 0)
    true(f'Count={DEFAULT} ' in out(f'lspci -vv -s {vfs[7].bdf}'), '0 means the default')


def bound():
    """the count of a VF with a driver is EBUSY; queue pairs follow vectors (and CPUs)"""
    pf = load(total_vfs=2)[0]
    vf = pf.vfs(1)[0]
    name = vf.dev
    eq(errno_of(vf.set, 'sriov_vf_msix_count', 3), errno.EBUSY, 'bound')
    for vectors in (3, 9, 2):
        write(VF_DRIVER + '/unbind', vf.bdf)
        vf.set('sriov_vf_msix_count', vectors)
        write(VF_DRIVER + '/bind', vf.bdf)
        name = vf.dev
        text = out(f'ethtool -l {name}')
        most = [int(line.split()[1]) for line in text.splitlines()
                if line.startswith('Combined:')][0]
        eq(most, min(vectors - 1, os.cpu_count()), f'queue pairs with {vectors} vectors')


def affinity():
    """VF interrupts appear in /proc/interrupts and their affinity can be set"""
    pf = load(total_vfs=2)[0]
    first, second = pf.vfs(2)
    first.up(ns='vf0', ip='10.9.0.1')
    second.up(ns='vf1', ip='10.9.0.2')
    ping('vf0', '10.9.0.2', count=3)
    irqs = sorted(int(i) for i in os.listdir(first.path + '/msi_irqs'))
    eq(len(irqs) >= 2, True, f'vectors in msi_irqs: {irqs}')
    lines = [l for l in read('/proc/interrupts').splitlines()
             if l.split(':')[0].strip() in {str(i) for i in irqs}]
    eq(len(lines), len(irqs), 'lines in /proc/interrupts')
    true(any(int(c) for l in lines for c in l.split()[1:3] if c.isdigit()), 'some have fired')
    cpus = len(glob.glob('/sys/devices/system/cpu/cpu[0-9]*'))
    if cpus < 2:
        raise Skip('one CPU')

    def counts(irq):
        line = [l for l in read('/proc/interrupts').splitlines()
                if l.split(':')[0].strip() == str(irq)][0]
        return [int(c) for c in line.split()[1:1 + cpus]]
    for cpu in (1, 0, 1):
        for irq in irqs:
            write(f'/proc/irq/{irq}/smp_affinity_list', str(cpu))
        before = [counts(i) for i in irqs]
        ping('vf0', '10.9.0.2', count=3)
        after = [counts(i) for i in irqs]
        there = sum(a[cpu] - b[cpu] for a, b in zip(after, before))
        other = sum(a[1 - cpu] - b[1 - cpu] for a, b in zip(after, before))
        note(f'affinity {cpu}: {there} interrupts there, {other} on the other CPU')
        true(there > 0 and other <= 1, 'interrupts follow the affinity')


def offline():
    """a CPU goes offline and comes back under traffic"""
    if not os.path.exists('/sys/devices/system/cpu/cpu1/online'):
        raise Skip('CPU 1 cannot go offline here')
    pf = load(total_vfs=2)[0]
    first, second = pf.vfs(2)
    first.up(ns='vf0', ip='10.9.0.1')
    second.up(ns='vf1', ip='10.9.0.2')
    try:
        for state in ('0', '1'):
            write('/sys/devices/system/cpu/cpu1/online', state)
            ping('vf0', '10.9.0.2', count=3)
    finally:
        sh('echo 1 > /sys/devices/system/cpu/cpu1/online')


def exclusive():
    """rmmod vnic-vf under use and load again: interrupts are released and taken anew"""
    pf = load(total_vfs=2)[0]
    pf.vfs(2)
    wait_for(pf.vf(0).netdevs, 'netdev')
    for _ in range(3):
        sh('rmmod vnic-vf')
        eq(os.path.isdir(pf.vf(0).path + '/msi_irqs'), False, 'msi_irqs gone')
        sh('modprobe vnic-vf')
        wait_for(pf.vf(0).netdevs, 'netdev')


run([pool, bound, affinity, offline, exclusive])
