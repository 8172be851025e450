# SPDX-License-Identifier: GPL-2.0
"""A VF with a driver that misbehaves when told to (misbehave.c)."""
import os
import subprocess
import tempfile

from ktap import Fail, defer, note
from vnic import sh

SOURCE = os.path.dirname(os.path.abspath(__file__))
BUILT = '/log/bin/misbehave'    # by selftests/run: the compiler is slow in the machine
_made = []


def program():
    """Path of the program, compiled if need be."""
    if os.access(BUILT, os.X_OK):
        return BUILT
    if not _made:
        _made.append(tempfile.mkdtemp(dir='/run'))
        sh(f'make -s -C {SOURCE} OUT={_made[0]}', timeout=240)
    return _made[0] + '/misbehave'


class Misbehave:
    """The driver of one VF, which is bound to vnic-vfio-pci; gone at the end of the case."""

    def __init__(self, vf):
        self.vf = vf
        self.proc = subprocess.Popen([program(), vf.bdf], text=True, stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        defer(self.close)
        self.answer('ready')

    def answer(self, want=None):
        """The line it says."""
        line = self.proc.stdout.readline().strip()
        if not line or line.startswith('#') or (want and line != want):
            note(line)
            raise Fail(f'driver of {self.vf.bdf}: {line or "ended"}')
        return line

    def tell(self, command):
        """Give it a command; what it answers."""
        self.proc.stdin.write(command + '\n')
        self.proc.stdin.flush()
        return self.answer()

    def close(self):
        """End it; the VF is closed."""
        if self.proc.poll() is None:
            self.proc.stdin.close()
            try:
                self.proc.wait(30)
            except subprocess.TimeoutExpired:
                self.proc.kill()
                self.proc.wait()
