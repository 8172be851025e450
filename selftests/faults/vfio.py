#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: debug quick=copies
# allocations: fail
# timeout: 200
"""Each allocation of what a VF's user in user space does fails in turn, and each copy."""
import os
import subprocess
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
from ktap import Skip, note, run, true
from faults import COPIES, PAGES, SLAB, each, setup
from program import program
from vnic import load, sh, shared, write

VFIO = '/sys/bus/pci/drivers/vnic-vfio-pci'


def make_user():
    """A VF bound to vnic-vfio-pci"""
    pf = load(total_vfs=4)[0]
    pf.set('sriov_drivers_autoprobe', 0)
    pf.numvfs(1)
    sh('modprobe iommufd', check=False)
    return pf.vf(0).to_vfio()


def each_of(vf, way, *operations):
    """The operations of selftests/vfio/faults.c, which loops itself; (tries, failed) of each"""
    found = {}
    for name in operations:
        done = subprocess.run([program('faults'), vf.bdf, way, name], capture_output=True,
                              text=True, check=False)
        true(not done.returncode, f'{way}, {name}: {(done.stdout + done.stderr).strip()}')
        tries, failed = map(int, done.stdout.split())
        note(f'{way}, {name}: {tries} tries, {failed} failed')
        found[name] = failed
    return found


def memory(way):
    """Memory, by group or cdev"""
    vf = shared(make_user)
    setup(SLAB, PAGES)
    failed = each_of(vf, way, 'open', 'map', 'unmap', 'irqs', 'reset', 'queue')
    for name in ('open', 'map', 'irqs', 'queue'):
        true(failed[name], f'{name} needs no memory')


def group():
    """group and container: open, map, interrupts, reset, queues: an error, then it works"""
    memory('group')


def cdev():
    """the same by character device and iommufd"""
    if not os.path.exists('/dev/iommu') and sh('modprobe iommufd', check=False).returncode:
        raise Skip('kernel without iommufd')
    memory('cdev')


def copies():
    """copies from and to the user: ioctls, registers, configuration space"""
    vf = shared(make_user)
    setup(COPIES)
    failed = each_of(vf, 'group', 'info', 'irqs', 'read', 'write', 'map')
    for name, count in failed.items():
        true(count, f'{name} copies nothing')


def bind():
    """vnic-vfio-pci is bound and unbound"""
    vf = shared(make_user)
    write(VFIO + '/unbind', vf.bdf)
    # Of that module only: vfio warns when it has no memory for a group (Linux 6.12).
    setup(SLAB, PAGES, module='vnic-vfio-pci')
    each('bind vnic-vfio-pci', lambda nth: nth.bind(write, VFIO + '/bind', vf.bdf),
         lambda: write(VFIO + '/unbind', vf.bdf), vf.driver)
    write(VFIO + '/bind', vf.bdf)


run([group, cdev, copies, bind])
