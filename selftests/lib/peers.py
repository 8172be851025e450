# SPDX-License-Identifier: GPL-2.0
"""VFs whose drivers do only what they are told (selftests/vfio/peers.c)."""
from program import Told

RING = 256      # buffers that each has posted


class Peers(Told):
    """Drivers for VFs bound to vnic-vfio-pci, ended at the end of the case."""

    def __init__(self, vfs):
        super().__init__('peers', *[vf.bdf for vf in vfs])

    def send(self, source, dest, count, size):
        """VF source sends frames to VF dest, which does not take them."""
        self.tell(f'send {source} {dest} {count} {size}', 'sent')

    def send_all(self, source, count, size):
        """VF source sends broadcasts, all in its ring before the device is told of them."""
        self.tell(f'all {source} {count} {size}', 'sent')

    def take(self, dest, count=1000000):
        """The numbers of the frames that have come to a VF, each compared."""
        numbers = []
        for part in self.tell(f'take {dest} {count}').split():
            first, last = part.split('-')
            numbers += range(int(first), int(last) + 1)
        return numbers
