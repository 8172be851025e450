#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable debug quick=works,frames,jumps,refill,packed-refill,flood,control,pairs,chance,hash,taken,vectors,packed-works,packed-laps,packed-hostile,packed-control,packed-chance newest=works,frames,pairs,chance,packed-works,packed-laps,packed-pairs,packed-chance iommu=works,frames,chance,packed-works
# proof: stable=works,frames,hash,packed-works,packed-hostile,packed-control newest=works,packed-works
# timeout: 900
"""Runs virtio on two VFs, the first of which is a virtio network device.

VNIC_SEED and VNIC_FUZZ_SECONDS reach its case chance, the latter flood, too.
"""
import os
import subprocess
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
from devlink import Devlink
from program import cases_named, program
from vnic import load, sh, unload


def main():
    """Set up, run, clean up; virtio prints the KTAP."""
    slow = float(os.environ.get('VNIC_SLOW', '1'))
    args = ['-t', os.environ.get('VNIC_FUZZ_SECONDS', '10' if slow > 1 else '5'),
            '-s', os.environ.get('VNIC_SEED', '1')]
    sh('modprobe kvm_amd || modprobe kvm_intel', check=False)
    pf = load(total_vfs=4)[0]
    try:
        pf.set('sriov_drivers_autoprobe', 0)
        pf.numvfs(2)
        Devlink(pf).set_param('vf0_personality', 'virtio')
        vfs = [pf.vf(i).to_vfio().bdf for i in range(2)]
        return subprocess.run([program('virtio'), *cases_named(), *args, *vfs],
                              check=False).returncode
    finally:
        unload()


sys.exit(main())
