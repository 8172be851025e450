#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable debug=late
"""Nothing that a VMM holds, or takes at the last moment, keeps the administrator."""
import errno
import os
import shlex
import sys
import time
sys.path.insert(0, sys.path[0] + '/../lib')
from devlink import Devlink
from ktap import eq, note, run, slow, true
from misbehave import Misbehave
from vnic import Background, errno_of, load, out, sh, write

MOST = 5                # s that a command may take, on a production kernel
VFS = 16
# Opens the group now, and the device when VF 0 has gone; says what came of it, and stays.
LATE = """
import fcntl, os, struct, sys, time
group, bdf, first = sys.argv[1:]
group = os.open(f'/dev/vfio/{group}', os.O_RDWR)
container = os.open('/dev/vfio/vfio', os.O_RDWR)
fcntl.ioctl(group, 0x3b68, struct.pack('i', container))
fcntl.ioctl(container, 0x3b66, 1)
print('ready', flush=True)
while os.path.exists(first):
    pass
try:
    fcntl.ioctl(group, 0x3b6a, bytearray(bdf.encode() + b'\\0'))
    print('open', flush=True)
    time.sleep(40)
except OSError as err:
    print(err.errno, flush=True)
"""


def timed(what, step, *args):
    """It may not take long."""
    start = time.monotonic()
    result = step(*args)
    took = time.monotonic() - start
    note(f'{what}: {took:.2f} s')
    true(took < MOST * slow(), f'{what} takes {took:.1f} s')
    return result


def vfs(personality, count=1):
    """VFs, the last one for vfio"""
    pf = load(total_vfs=VFS)[0]
    pf.set('sriov_drivers_autoprobe', 0)
    vf = pf.vfs(count)[-1]
    Devlink(pf).set_param(f'vf{vf.index}_personality', personality)
    return pf, vf.to_vfio()


def hold(personality):
    """The administrator's commands, while KVM's slots are held"""
    sh('modprobe kvm_amd || modprobe kvm_intel')
    pf, vf = vfs(personality)
    driver = Misbehave(vf, 'vm')
    driver.tell('hold')
    path = f'/sys/bus/pci/devices/{vf.bdf}'
    timed('reset', write, path + '/reset', 1)
    timed('lspci', out, f'lspci -vv -s {vf.bdf}')
    timed('devlink', out, f'devlink health show pci/{pf.bdf} reporter vf')
    eq(timed('numvfs=0', errno_of, pf.numvfs, 0), errno.EBUSY, 'a guest has it')
    driver.proc.kill()
    driver.proc.wait()
    timed('numvfs=0 when it is dead', pf.numvfs, 0)


def native():
    """KVM's slots are held by who waits for memory that never comes; its native VF is reset"""
    hold('native')


def virtio():
    """the same with a virtio VF"""
    hold('virtio')


def late():
    """who opens a VF while VFs go is refused"""
    pf, vf = vfs('native', VFS)
    group = os.path.basename(os.readlink(f'/sys/bus/pci/devices/{vf.bdf}/iommu_group'))
    opener = Background(f'python3 -c {shlex.quote(LATE)} {group} {vf.bdf} '
                        f'/sys/bus/pci/devices/{pf.vf(0).bdf}')
    eq(opener.proc.stdout.readline().strip(), 'ready', 'it waits')
    timed('numvfs=0', pf.numvfs, 0)
    eq(opener.proc.stdout.readline().strip(), str(errno.ENODEV), 'it comes too late')


run([native, virtio, late])
