#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable debug quick newest rt=frames,reset_traffic,close,killed,host_reset,hostile iommu=info,frames,unmap,address,close,host_reset,hostile
# proof: stable=info,frames,unmap,address,reset_traffic,close,killed,host_reset,hostile
# timeout: 900
"""Runs vfio_api on three VFs, or some of its cases.

VNIC_SEED and VNIC_FUZZ_SECONDS reach its hostile driver.  There is no KVM on an
emulated rt machine, and behind an IOMMU only reaching memory is another thing.
"""
import os
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
from program import cases_named, on_three_vfs
from vnic import read, sh


def main():
    """Set up, run, clean up; vfio_api prints the KTAP."""
    slow = float(os.environ.get('VNIC_SLOW', '1'))
    args = ['-t', os.environ.get('VNIC_FUZZ_SECONDS', '10' if slow > 1 else '5')]
    if 'VNIC_SEED' in os.environ:
        args += ['-s', os.environ['VNIC_SEED']]
    # KVM on PREEMPT_RT wants a constant TSC, which an emulated CPU cannot promise.
    emulated_rt = 'PREEMPT_RT' in os.uname().version and \
        'constant_tsc' not in read('/proc/cpuinfo')
    sh('modprobe kvm_amd || modprobe kvm_intel', check=not emulated_rt)
    return on_three_vfs('vfio_api', *cases_named(), *args)


sys.exit(main())
