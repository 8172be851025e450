#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: guests
# timeout: 600
"""Guests that have an IOMMU themselves, which they map and unmap each buffer with."""
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
from guest import Guest
from ktap import between, contains, defer, run
from vnic import load, sh, shared


def bench():
    """PF; VF 0 for a guest, VF 1 in a namespace, where iperf3 listens."""
    pf = load(total_vfs=4)[0]
    vfs = pf.vfs(2)
    vfs[1].up(ns='peer', ip='10.9.0.2')
    vfs[0].to_vfio()
    sh('iperf3 -s -D -I /run/iperf3.pid', ns='peer')
    defer(sh, 'kill $(tr -d "\\0" </run/iperf3.pid)')
    return vfs


_plain = []


def rates(extra):
    """Mb/s that a guest sends and receives."""
    vfs = shared(bench)
    guest = Guest('a', [vfs[0]], extra=extra).up('10.9.0.1')
    for size in (56, 1400):
        guest.ping('10.9.0.2', size=size)
    found = [guest.iperf('10.9.0.2', args, seconds=4) for args in ('', '-R')]
    if extra:
        contains(guest.out('cat /sys/bus/pci/drivers/vnic-vf/*/iommu_group/type'), 'DMA',
                 'its domain')
    guest.kill()
    return found


def compare(extra):
    """With an IOMMU a guest has at least half of what it has without."""
    if not _plain:
        _plain.extend(rates(''))
    for what, got, of in zip(('sent', 'received'), rates(extra), _plain):
        between(got, 0.5 * of, 100 * of, f'Mb/s {what}, {of:.0f} without')


def strict():
    """intel-iommu, strict: what is unmapped is so at once"""
    compare("--iommu intel --append iommu.strict=1")


def lazy():
    """intel-iommu, lazy: unmapped many at a time"""
    compare("--iommu intel --append iommu.strict=0")


def virtio():
    """virtio-iommu"""
    compare("--iommu virtio")


run([strict, lazy, virtio])
