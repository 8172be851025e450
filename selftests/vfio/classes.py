#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable debug quick=unmap_copy,ring_gone,changed,flr_delivery
# proof: stable=unmap_copy,ring_gone,changed,flr_delivery
# timeout: 900
"""Runs classes on four VFs of a PF that is up and has an uplink.

The machine's source of random numbers loses its driver meanwhile, so that there is a BAR
that may be mapped.
"""
import contextlib
import glob
import os
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
from bench import on_bench
from vnic import read, write

DRIVER = '/sys/bus/pci/drivers/virtio-pci'
RNG = ('0x1005', '0x1044')      # virtio-rng, transitional and not


@contextlib.contextmanager
def without_driver():
    """A PCI device of the machine has none."""
    bdf = next(os.path.basename(path) for path in glob.glob(DRIVER + '/????:*')
               if read(path + '/device') in RNG)
    write(DRIVER + '/unbind', bdf)
    try:
        yield
    finally:
        write(DRIVER + '/bind', bdf)


with without_driver():
    status = on_bench('classes')
sys.exit(status)
