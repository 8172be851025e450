# SPDX-License-Identifier: GPL-2.0
"""A VF with a driver that misbehaves when told to (selftests/vfio/misbehave.c)."""
from program import Told


class Misbehave(Told):
    """The driver of one VF, which is bound to vnic-vfio-pci; gone at the end of the case."""

    def __init__(self, vf, *options):
        super().__init__('misbehave', vf.bdf, *options)
