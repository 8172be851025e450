#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: debug quick=unmap_copy,ring_gone,flr_delivery
"""What classes does with mappings and resets, with the hostile VF opened by its character device.

iommufd maps for it, and unmaps, in ways of its own; the other VFs are there by group.  Debian's
kernels have no iommufd.
"""
import os
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
from bench import on_bench
from vnic import sh

CASES = ('unmap_copy', 'no_write', 'no_read', 'ring_gone', 'config', 'flr_copy', 'flr_delivery')

sh('modprobe iommufd')
sys.exit(on_bench('classes', cases=['-c', ','.join(CASES)], env={**os.environ, 'VNIC_CDEV': '1'}))
