#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: debug
# timeout: 600
"""Guests whose QEMU has VFs by their character device, and maps memory by iommufd.

Debian's kernels have no iommufd; the debug kernel does.
"""
import os
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
from guest import Guest
from ktap import defer, eq, note, run, true, wait_for
from devlink import Devlink
from vnic import load, out, ping, read, sh, shared

CONTAINER = '/dev/vfio/vfio'


def make_vfs():
    """VF 0 is virtio, VF 1 native, both for guests; VF 2 is 10.9.0.3."""
    pf = load(total_vfs=8)[0]
    vfs = pf.vfs(3)
    vfs[2].up(ns='peer', ip='10.9.0.3')
    Devlink(pf).set_param('vf0_personality', 'virtio')
    for vf in vfs[:2]:
        vf.to_vfio()
    return pf, vfs


def bench():
    """Guest a has VF 0, guest b has VF 1."""
    pf, vfs = make_vfs()
    return pf, vfs, [Guest('a', [vfs[0]], root_port=True, extra='--iommufd').up('10.9.0.1'),
                     Guest('b', [vfs[1]], extra='--iommufd').up('10.9.0.2')]


def opened(guest):
    """What QEMU has open of vfio and iommufd"""
    pid = read(f'/run/vnic/guests/{guest.name}/pid').strip()
    return set(out(f'readlink /proc/{pid}/fd/* | grep -E "^/dev/(vfio|iommu)" || true').split())


def traffic():
    """frames of all sizes and TCP between the guests and the host, both personalities"""
    _, vfs, guests = shared(bench)
    for guest, vf in zip(guests, vfs):
        node = out(f'ls /sys/bus/pci/devices/{vf.bdf}/vfio-dev')
        eq(opened(guest), {'/dev/iommu', f'/dev/vfio/devices/{node}'}, 'opened by QEMU')
    guests[1].serve()
    for size in (56, 1472):
        guests[0].ping('10.9.0.2', size=size)
        guests[0].ping('10.9.0.3', size=size)
        ping('peer', '10.9.0.2', size=size)
    for args in ('', '-R'):
        true(guests[0].iperf('10.9.0.2', args) > 0.2, f'TCP {args}')


def again():
    """the driver is bound again, the guest reboots, the VF is unplugged and plugged again"""
    _, vfs, (guest, _) = shared(bench)
    name = guest.out(f'basename $(readlink -f /sys/class/net/{guest.dev()}/device)')
    guest.run(f'cd /sys/bus/virtio/drivers/virtio_net; echo {name} >unbind; echo {name} >bind')
    guest.up('10.9.0.1').ping('10.9.0.3')
    guest.reboot()
    guest.up('10.9.0.1').ping('10.9.0.3')
    guest.unplug()
    wait_for(lambda: not any('vfio' in path for path in opened(guest)), 'QEMU has let go')
    guest.plug(vfs[0])
    guest.up('10.9.0.1').ping('10.9.0.3')


def translated():
    """a guest with an IOMMU of its own: each buffer is mapped and unmapped"""
    _, vfs, guests = shared(bench)
    for guest in guests:
        guest.stop()
    guest = Guest('c', [vfs[0]], extra='--iommufd --iommu intel').up('10.9.0.1')
    note(guest.out('dmesg | grep -m 1 -i "iommu.*translat\\|DMAR.*enabled" || true'))
    guest.ping('10.9.0.3', size=1472)
    guest.stop()


def compat():
    """iommufd where QEMU opens a container, and knows no better: groups, and the ioctls of type1"""
    _, vfs = make_vfs()
    sh('modprobe iommufd')
    defer(sh, f'mv -f {CONTAINER}.kept {CONTAINER}')
    sh(f'mv {CONTAINER} {CONTAINER}.kept && cp -a /dev/iommu {CONTAINER}')
    guest = Guest('d', vfs[:2])
    pid = read('/run/vnic/guests/d/pid').strip()
    eq([os.stat(fd).st_rdev for fd in out(
        f'find -L /proc/{pid}/fd -samefile {CONTAINER}').split()],
       [os.stat('/dev/iommu').st_rdev], 'QEMU has it open, once')
    for i, dev in enumerate(guest.out('ls /sys/class/net | grep -v lo').split()):
        guest.run(f'ip netns add n{i}; ip link set {dev} netns n{i}; '
                  f'ip -n n{i} addr add 10.9.0.{i + 1}/24 dev {dev}; ip -n n{i} link set {dev} up')
        wait_for(lambda i=i: not guest.run(
            f'ip netns exec n{i} ping -q -c 2 -i 0.2 -s 1472 -W 3 10.9.0.3', check=False).returncode,
            f'VF {i}: frames both ways')
        ping('peer', f'10.9.0.{i + 1}', size=1472)
    guest.stop()


run([traffic, again, translated, compat])
