#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable debug quick newest rt iommu
# timeout: 300
"""Runs vfio_api on three VFs.  VNIC_SEED and VNIC_FUZZ_SECONDS reach its hostile driver."""
import os
import subprocess
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
from program import program
from vnic import load, read, sh, unload


def main():
    """Set up, run, clean up; vfio_api prints the KTAP."""
    args = ['-t', os.environ.get('VNIC_FUZZ_SECONDS', '10')]
    if 'VNIC_SEED' in os.environ:
        args += ['-s', os.environ['VNIC_SEED']]
    sh('modprobe iommufd', check=False)
    # KVM on PREEMPT_RT wants a constant TSC, which an emulated CPU cannot promise.
    emulated_rt = 'PREEMPT_RT' in os.uname().version and \
        'constant_tsc' not in read('/proc/cpuinfo')
    sh('modprobe kvm_amd || modprobe kvm_intel', check=not emulated_rt)
    pf = load(total_vfs=4)[0]
    try:
        pf.set('sriov_drivers_autoprobe', 0)
        pf.numvfs(3)
        vfs = [pf.vf(i).to_vfio().bdf for i in range(3)]
        return subprocess.run([program('vfio_api')] + args + sys.argv[1:] + vfs,
                              check=False).returncode
    finally:
        unload()


sys.exit(main())
