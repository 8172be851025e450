#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable debug quick newest iommu
# timeout: 300
"""Runs vfio_api on three VFs.  VNIC_SEED and VNIC_FUZZ_SECONDS reach its hostile driver."""
import os
import subprocess
import sys
import tempfile
sys.path.insert(0, sys.path[0] + '/../lib')
from vnic import load, sh, unload

HERE = os.path.dirname(os.path.abspath(__file__))
BUILT = '/log/bin/vfio_api'     # by selftests/run: the compiler is slow in the machine


def program(where):
    """Path of vfio_api, compiled if need be."""
    if os.access(BUILT, os.X_OK):
        return BUILT
    sh(f'make -s -C {HERE} OUT={where}', timeout=240)
    return where + '/vfio_api'


def main():
    """Set up, run, clean up; vfio_api prints the KTAP."""
    args = ['-t', os.environ.get('VNIC_FUZZ_SECONDS', '10')]
    if 'VNIC_SEED' in os.environ:
        args += ['-s', os.environ['VNIC_SEED']]
    with tempfile.TemporaryDirectory(dir='/run') as where:
        prog = program(where)
        sh('modprobe iommufd', check=False)
        sh('modprobe kvm_amd || modprobe kvm_intel')
        pf = load(total_vfs=4)[0]
        try:
            pf.set('sriov_drivers_autoprobe', 0)
            pf.numvfs(3)
            vfs = [pf.vf(i).to_vfio().bdf for i in range(3)]
            return subprocess.run([prog] + args + sys.argv[1:] + vfs, check=False).returncode
        finally:
            unload()


sys.exit(main())
