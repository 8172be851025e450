#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: debug quick=memory
# timeout: 300
"""iommufd in place of a container: VFIO_GROUP_SET_CONTAINER takes it, and its VFIO ioctls map.

Programs that know nothing but groups and /dev/vfio/vfio are given it so (a kernel with
IOMMUFD_VFIO_CONTAINER, or a node of that name).  Debian's kernels have no iommufd.
"""
import os
import subprocess
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
from bench import benched
from ktap import contains, note, run, slow, true
from program import program
from vnic import load, sh, shared


def three():
    """Three VFs bound to vnic-vfio-pci"""
    sh('modprobe iommufd')
    pf = load(total_vfs=4)[0]
    pf.set('sriov_drivers_autoprobe', 0)
    return [vf.to_vfio().bdf for vf in pf.vfs(3)]


HOW = {'env': {**os.environ, 'VNIC_CONTAINER': '/dev/iommu'}, 'capture_output': True,
       'text': True}


def judge(done, name, cases, kind):
    """Each of them says "ok"."""
    note(done.stdout)
    true(not done.returncode, f'{name}: exit {done.returncode}: {done.stderr}')
    for case in cases:
        contains(done.stdout, f' {kind}: {case}:', 'said')


def cases_of(name, cases, *args):
    """Cases of a program"""
    judge(subprocess.run([program(name), '-c', ','.join(cases), *args, *shared(three)],
                         check=False, **HOW), name, cases, 'group')


def rights():
    """on the hostile driver's bench: read-only, write-only, not mapped any more"""
    cases = 'no_write', 'no_read', 'ring_places', 'ring_gone'
    sh('modprobe iommufd')
    judge(benched('classes', 'native', ['-c', ','.join(cases)], **HOW), 'classes', cases,
          'class 6')


def memory():
    """what is mapped and how: read-only, for each frame, for two VFs"""
    cases_of('memory', ('read_only', 'each_frame', 'shared'),
             '1', str(int(slow())))


def api():
    """unmapped under live rings, addresses that are nobody's, closed and killed with all live"""
    cases_of('vfio_api', ('frames', 'unmap', 'address', 'close', 'killed'))


run([rights, memory, api])
