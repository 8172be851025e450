#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable debug quick
# timeout: 400
"""Runs memory on three VFs: 16 GiB of addresses, 1 on the debug kernel."""
import os
import subprocess
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
from program import program
from vnic import load, sh, unload


def main():
    """Set up, run, clean up; the program prints the KTAP."""
    slow = int(os.environ.get('VNIC_SLOW', '1'))
    sh('modprobe iommufd', check=False)
    pf = load(total_vfs=4)[0]
    try:
        pf.set('sriov_drivers_autoprobe', 0)
        pf.numvfs(3)
        vfs = [pf.vf(i).to_vfio().bdf for i in range(3)]
        return subprocess.run([program('memory'), '16' if slow == 1 else '1', str(slow)] + vfs,
                              check=False).returncode
    finally:
        unload()


sys.exit(main())
