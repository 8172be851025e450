#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable
# proof: stable
"""What a VM has the kernel keep for its VF is charged to the VM's cgroup."""
import re
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
from cgroup import GROUPS, group, move
from ktap import run, true, wait_for
from misbehave import Misbehave
from vnic import load, read, write

TABLES = 4000
PAGE = 4096


def kernel(path):
    """Bytes of the kernel's that are charged to a cgroup"""
    return int(re.search(r'^kernel (\d+)$', read(path + '/memory.stat'), re.M)[1])


def tables():
    """page tables of the VFs' IOMMU: of a VMM that maps a page at thousands of places, each of
    which takes a table; they are gone with it"""
    pf = load(total_vfs=4)[0]
    pf.set('sriov_drivers_autoprobe', 0)
    vf = pf.vfs(1)[0].to_vfio()
    path = group('vm', 'max')
    write(GROUPS + '/cgroup.subtree_control', '+memory')
    driver = Misbehave(vf)
    move(driver.proc.pid, path)
    before = kernel(path)
    driver.tell(f'scatter {TABLES}', 'ok')
    took = kernel(path) - before
    true(TABLES * PAGE <= took < 2 * TABLES * PAGE, f'{TABLES} tables, {took} bytes are charged')
    driver.close()
    # tables are freed after a grace period
    wait_for(lambda: kernel(path) < before + took / 10, 'charged no more when it has gone')


run([tables])
