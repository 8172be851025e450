#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: debug quick=copies,cdev_copies
# allocations: fail
# timeout: 300
"""Each allocation of what a VF's user in user space does fails in turn, and each copy."""
import os
import subprocess
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
from ktap import Skip, eq, note, run, true
from faults import COPIES, PAGES, SLAB, each, setup
from devlink import Devlink
from program import program
from vnic import load, sh, shared, write
from wire import wire

VFIO = '/sys/bus/pci/drivers/vnic-vfio-pci'


def make_two():
    """A virtio VF and a native one, bound to vnic-vfio-pci"""
    pf = load(total_vfs=4)[0]
    pf.set('sriov_drivers_autoprobe', 0)
    pf.numvfs(2)
    Devlink(pf).set_param('vf0_personality', 'virtio')
    return pf, [pf.vf(i).to_vfio() for i in range(2)]


def make_user():
    """A VF bound to vnic-vfio-pci"""
    pf = load(total_vfs=4)[0]
    pf.set('sriov_drivers_autoprobe', 0)
    pf.numvfs(1)
    sh('modprobe iommufd', check=False)
    return pf.vf(0).to_vfio()


def told(*argv):
    """A program that lets all allocations of an operation fail in turn: how many made it fail"""
    what = ' '.join(argv)
    done = subprocess.run([program(argv[0]), *argv[1:]], capture_output=True, text=True,
                          check=False)
    true(not done.returncode, f'{what}: {(done.stdout + done.stderr).strip()}')
    tries, failed = map(int, done.stdout.split())
    note(f'{what}: {tries} tries, {failed} failed')
    return failed


def each_of(vf, way, *operations):
    """The operations of selftests/vfio/faults.c: how often each failed"""
    return {name: told('faults', vf.bdf, way, name) for name in operations}


def memory(way):
    """Memory, by group or cdev"""
    vf = shared(make_user)
    setup(SLAB, PAGES)
    failed = each_of(vf, way, 'open', 'map', 'unmap', 'irqs', 'reset', 'queue', 'pair', 'enable',
                     'destroy')
    for name in ('open', 'map', 'irqs', 'queue', 'pair'):
        true(failed[name], f'{name} needs no memory')


def group():
    """group and container: open, map, interrupts, reset, queues: an error, then it works"""
    memory('group')


def cdev():
    """the same by character device and iommufd"""
    if not os.path.exists('/dev/iommu') and sh('modprobe iommufd', check=False).returncode:
        raise Skip('kernel without iommufd')
    memory('cdev')


def copied(vf, way, *operations):
    """Each copy of them fails in turn; a reset has none."""
    setup(COPIES)
    for name, count in each_of(vf, way, *operations, 'reset').items():
        eq(bool(count), name != 'reset', f'{way}: {name}: some failed')


COPYING = 'open', 'info', 'irqs', 'read', 'write', 'readmany', 'writemany'


def copies():
    """copies from and to the user: opening, ioctls, registers, configuration space"""
    copied(shared(make_user), 'group', *COPYING, 'map')


def cdev_copies():
    """the same by character device and iommufd (which maps, even if it cannot say so)"""
    vf = shared(make_user)
    if not os.path.exists('/dev/iommu') and sh('modprobe iommufd', check=False).returncode:
        raise Skip('kernel without iommufd')
    copied(vf, 'cdev', *COPYING)


def virtio_copies():
    """the same of a virtio device, whose registers are reached from configuration space, too"""
    _, vfs = shared(make_two)
    setup(COPIES)
    for name, count in each_of(vfs[0], 'virtio', 'info', 'irqs', 'readmany', 'writemany',
                               'window').items():
        true(count, f'{name} copies nothing')


def bell():
    """opened by a virtual machine: without memory its doorbells are trapped, not watched"""
    vf = shared(make_user)
    if sh('modprobe kvm_amd || modprobe kvm_intel', check=False).returncode:
        raise Skip('KVM does not load')
    setup(SLAB, PAGES, module='vnic-vfio-pci')
    each_of(vf, 'kvm', 'open')


def requests():
    """messages and frames: addresses and filters are refused, frames lost, then all is well"""
    vf = shared(make_user)
    pf = vf.pf
    sh(f'ip link set {pf.dev} up')
    wire()
    sh(f'ip link set ethup master {pf.dev}')
    setup(SLAB, PAGES, near=14, module='vnic-pf')   # kvmalloc() is deep
    for name, failed in each_of(vf, 'group', 'mac', 'filters', 'send', 'txqueue').items():
        true(failed, f'{name} needs no memory')


def virtio():
    """the virtio personality: opened, its queues made, requests; queues that go need nothing"""
    _, vfs = shared(make_two)
    setup(SLAB, PAGES)
    true(told('faults', vfs[0].bdf, 'group', 'open'), 'opening needs no memory')
    setup(SLAB, PAGES, near=14, module='vnic-pf')
    for name in ('queues', 'txqueue', 'enable', 'mac', 'table', 'destroy'):
        failed = told('virtio', '-n', name, *(vf.bdf for vf in vfs))
        eq(bool(failed), name != 'destroy', f'{name}: some failed')


def bind():
    """vnic-vfio-pci is bound and unbound"""
    vf = shared(make_user)
    write(VFIO + '/unbind', vf.bdf)
    # Of that module only: vfio warns when it has no memory for a group (Linux 6.12).
    setup(SLAB, PAGES, module='vnic-vfio-pci')
    each('bind vnic-vfio-pci', lambda nth: nth.bind(write, VFIO + '/bind', vf.bdf),
         lambda: write(VFIO + '/unbind', vf.bdf), vf.driver)
    write(VFIO + '/bind', vf.bdf)


run([group, cdev, bell, requests, copies, cdev_copies, bind, virtio, virtio_copies])
