#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable debug=late
# proof: stable=late
"""Nothing that a VMM holds, or takes at the last moment, or has no CPU for, keeps the
administrator."""
import contextlib
import errno
import glob
import os
import shlex
import sys
import time
sys.path.insert(0, sys.path[0] + '/../lib')
from devlink import Devlink
from ktap import defer, eq, note, run, slow, true, wait_for
from misbehave import Misbehave
from vnic import Background, errno_of, load, out, read, sh, write

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


HERE, THERE = 0, 1      # CPUs: the administrator's, and that of the VM
SPIN = 'echo on; while :; do :; done'


@contextlib.contextmanager
def on_cpu(cpu):
    """What is started meanwhile stays on this CPU."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cpu})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def setting(path, value):
    """A setting of the kernel for this case, where there is such a one"""
    if os.path.exists(path):
        defer(write, path, read(path))
        write(path, value)


def take_cpu(proc):
    """Nothing but interrupts gets that CPU until this is stopped; a thread of a VF that this VMM
    has is in the middle of its work then."""
    setting('/proc/sys/kernel/sched_rt_runtime_us', -1)
    setting(f'/sys/kernel/debug/sched/fair_server/cpu{THERE}/runtime', 0)
    setting('/sys/module/workqueue/parameters/watchdog_thresh', 0)
    spin = Background(f'chrt -f 50 taskset -c {THERE} sh -c {shlex.quote(SPIN)}')
    eq(spin.proc.stdout.readline(), 'on\n', 'who takes the CPU')
    if any('vnic_worker_turn' in read(path) for path in glob.glob(f'/proc/{proc.pid}/task/*/stack')):
        return spin
    spin.stop()
    return None


def ran(proc):
    """ns that each of its threads has had a CPU"""
    return {path: read(path).split()[0] for path in glob.glob(f'/proc/{proc.pid}/task/*/schedstat')}


def starved():
    """a VM that sends gets no CPU any more: its VF's reset in sysfs waits, and no other command
    does, nor the neighbour who sends to it"""
    pf = load(total_vfs=VFS)[0]
    pf.set('sriov_drivers_autoprobe', 0)
    vm, neighbour = (vf.to_vfio() for vf in pf.vfs(2))
    other = Misbehave(neighbour)
    sh(f'ip link set {pf.dev} up')
    pf.link(0, 'mac 02:00:00:00:00:50')
    with on_cpu(THERE):
        driver = Misbehave(vm)
    driver.give('flood')
    defer(driver.proc.kill)
    defer(os.sched_setaffinity, 0, os.sched_getaffinity(0))
    os.sched_setaffinity(0, {HERE})     # what it asks kworkers for, too
    spin = wait_for(lambda: take_cpu(driver.proc), 'it has none in the middle of its work', 60)
    before = ran(driver.proc)
    true(len(before) > 1, 'the VF has threads of its own in the VMM')

    dev = f'pci/{pf.bdf}'
    for command in (*(f'ip link set {pf.dev} vf 0 {what}' for what in (
                        'mac 02:00:00:00:00:51', 'vlan 5', 'vlan 0', 'max_tx_rate 100',
                        'spoofchk off', 'trust on', 'state disable', 'state auto')),
                    f'ip -s link show {pf.dev}', f'ethtool -S {pf.dev}',
                    f'devlink port show {dev}/0', f'devlink health diagnose {dev} reporter vf',
                    f'devlink health recover {dev} reporter vf',
                    f'devlink port function rate set {dev}/0 tx_max 1gbit',
                    f'devlink sb port pool set {dev}/0 pool 0 th 65536',
                    f'devlink sb occupancy snapshot {dev}', f'lspci -vv -s {vm.bdf}'):
        timed(command, sh, command)
    timed('the neighbour sends to it', other.tell, 'send 02:00:00:00:00:51 200 600', 'ok')
    reset = Background(f"sh -c 'echo 1 >/sys/bus/pci/devices/{vm.bdf}/reset'")
    wait_for(lambda: 'pci_reset' in read(f'/proc/{reset.proc.pid}/stack'), 'it is reset')
    timed('reset of the PF', pf.set, 'reset', 1)
    timed('reset of the neighbour', neighbour.set, 'reset', 1)
    timed('its driver starts it again', other.tell, 'reset', 'ok')
    eq(timed('numvfs=0', errno_of, pf.numvfs, 0), errno.EBUSY, 'a guest has it')
    eq(ran(driver.proc), before, 'ns that the threads of the VM ran')
    eq(reset.proc.poll(), None, 'the reset in sysfs waits')

    spin.stop()
    eq((reset.finish(), reset.proc.returncode), ('', 0), 'the reset, once there is CPU')
    driver.proc.kill()
    driver.proc.wait()
    other.close()
    timed('numvfs=0 when it is dead', pf.numvfs, 0)


run([native, virtio, late, starved])
