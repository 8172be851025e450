# SPDX-License-Identifier: GPL-2.0
"""VFs whose drivers do only what they are told (selftests/vfio/peers.c)."""
import os
import subprocess
import tempfile

from ktap import Fail, defer
from vnic import sh

RING = 256      # buffers that each has posted
BUILT = '/log/bin/peers'    # by selftests/run: the compiler is slow in the machine
SOURCE = os.path.dirname(os.path.abspath(__file__)) + '/../vfio'


def _program():
    if os.access(BUILT, os.X_OK):
        return BUILT
    where = tempfile.mkdtemp(dir='/run')
    sh(f'make -s -C {SOURCE} OUT={where} {where}/peers', timeout=240)
    return where + '/peers'


class Peers:
    """Drivers for VFs bound to vnic-vfio-pci, ended at the end of the case."""

    def __init__(self, vfs):
        self.proc = subprocess.Popen([_program()] + [vf.bdf for vf in vfs], text=True,
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        defer(self.stop)
        self._expect('ready')

    def stop(self):
        """End them."""
        self.proc.stdin.close()
        self.proc.wait(timeout=60)

    def _answer(self):
        line = self.proc.stdout.readline()
        if not line or line.startswith('#'):
            raise Fail(f'peers: {line.strip() or "has ended"}')
        return line.strip()

    def _expect(self, answer):
        got = self._answer()
        if got != answer:
            raise Fail(f'peers: {got!r}, want {answer!r}')

    def _command(self, text):
        self.proc.stdin.write(text + '\n')
        self.proc.stdin.flush()

    def send(self, source, dest, count, size):
        """VF source sends frames to VF dest, which does not take them."""
        self._command(f'send {source} {dest} {count} {size}')
        self._expect('sent')

    def take(self, dest, count=1000000):
        """The numbers of the frames that have come to a VF, each compared."""
        self._command(f'take {dest} {count}')
        numbers = []
        for part in self._answer().split():
            first, last = part.split('-')
            numbers += range(int(first), int(last) + 1)
        return numbers
