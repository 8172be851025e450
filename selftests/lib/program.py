# SPDX-License-Identifier: GPL-2.0
"""The tests' C programs: where they are, and those that take commands."""
import os
import subprocess
import sys
import tempfile

from ktap import Fail, defer
from vnic import inside, load, sh, unload

BUILT = '/log/bin'      # by selftests/run: the compiler is slow in the machine
SOURCE = os.path.dirname(os.path.abspath(__file__)) + '/../vfio'
_made = []


def program(name):
    """Path of a program, compiled if need be."""
    if os.access(f'{BUILT}/{name}', os.X_OK):
        return f'{BUILT}/{name}'
    if not _made:
        _made.append(tempfile.mkdtemp(dir='/run'))
        sh(f'make -s -C {SOURCE} OUT={_made[0]}', timeout=240)
    return f'{_made[0]}/{name}'


def cases_named():
    """What to tell a program of the cases named on our command line."""
    return ['-c', ','.join(sys.argv[1:])] if sys.argv[1:] else []


def on_three_vfs(name, *args):
    """Run a program that prints KTAP on three VFs bound to vnic-vfio-pci; its status."""
    sh('modprobe iommufd', check=False)
    pf = load(total_vfs=4)[0]
    try:
        pf.set('sriov_drivers_autoprobe', 0)
        pf.numvfs(3)
        vfs = [pf.vf(i).to_vfio().bdf for i in range(3)]
        return subprocess.run([program(name), *args, *vfs], check=False).returncode
    finally:
        unload()


class Told:
    """A program that answers a line to each line; ended at the end of the case."""

    def __init__(self, name, *args, ns=None):
        self.name = name
        with inside(ns):
            self.proc = subprocess.Popen([program(name), *args], text=True, stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        defer(self.close)
        self.answer('ready')

    def answer(self, want=None):
        """What it says to what it was given last, which must be `want` if given."""
        line = self.proc.stdout.readline()
        said = line.strip()
        if not line or said.startswith('#') or (want is not None and said != want):
            raise Fail(f'{self.name}: {said or "has ended"}')
        return said

    def give(self, command):
        """Give it a command; answer() is to follow."""
        self.proc.stdin.write(command + '\n')
        self.proc.stdin.flush()

    def tell(self, command, want=None):
        """Give it a command; what it answers, which must be `want` if given."""
        self.give(command)
        return self.answer(want)

    def close(self):
        """End it; what it has opened is closed."""
        if self.proc.poll() is None:
            self.proc.stdin.close()
            try:
                self.proc.wait(60)
            except subprocess.TimeoutExpired:
                self.proc.kill()
                self.proc.wait()
