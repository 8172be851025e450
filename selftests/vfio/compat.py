#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: debug quick=memory
# timeout: 100
"""iommufd in place of a container: VFIO_GROUP_SET_CONTAINER takes it, and its VFIO ioctls map.

Programs that know nothing but groups and /dev/vfio/vfio are given it so (a kernel with
IOMMUFD_VFIO_CONTAINER, or a node of that name).  Debian's kernels have no iommufd.
"""
import os
import subprocess
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
from ktap import contains, note, run, slow, true
from program import program
from vnic import load, sh, shared


def three():
    """Three VFs bound to vnic-vfio-pci"""
    sh('modprobe iommufd')
    pf = load(total_vfs=4)[0]
    pf.set('sriov_drivers_autoprobe', 0)
    return [vf.to_vfio().bdf for vf in pf.vfs(3)]


def cases_of(name, cases, *args):
    """Cases of a program, each of which says "ok" """
    done = subprocess.run([program(name), '-c', ','.join(cases), *args, *shared(three)],
                          env={**os.environ, 'VNIC_CONTAINER': '/dev/iommu'},
                          capture_output=True, text=True, check=False)
    note(done.stdout)
    true(not done.returncode, f'{name}: exit {done.returncode}: {done.stderr}')
    for case in cases:
        contains(done.stdout, f' group: {case}:', 'said')


def memory():
    """what is mapped and how: read-only, write-only, for each frame, for two VFs"""
    cases_of('memory', ('read_only', 'no_write', 'ring', 'no_read', 'each_frame', 'shared'),
             '1', str(int(slow())))


def api():
    """unmapped under live rings, addresses that are nobody's, closed and killed with all live"""
    cases_of('vfio_api', ('frames', 'unmap', 'address', 'close', 'killed'))


run([memory, api])
