# SPDX-License-Identifier: GPL-2.0
"""CPU for a VF's thread, by cgroup v2."""
import os

from ktap import defer
from vnic import out, sh, write

GROUPS = '/sys/fs/cgroup'


def thread(vf):
    """Number of the thread of a VF's first queue pair."""
    name = f'vnic-{vf.bdf.split(":")[0].lstrip("0")}-vf{vf.index}'
    return int(out(f'pgrep -wx {name}'))


def group(name, cpu_max):
    """A cgroup with so much CPU, gone at the end of the case."""
    path = f'{GROUPS}/{name}'
    if not os.path.exists(GROUPS + '/cgroup.controllers'):
        sh(f'mount -t cgroup2 cgroup2 {GROUPS}')
    write(GROUPS + '/cgroup.subtree_control', '+cpu')
    os.mkdir(path)
    defer(os.rmdir, path)
    write(path + '/cpu.max', cpu_max)
    return path


def move(pid, path):
    """Put a process into a cgroup, and back at the end of the case if it is still there."""
    def back():
        if os.path.exists(f'/proc/{pid}'):
            write(GROUPS + '/cgroup.procs', pid)
    write(path + '/cgroup.procs', pid)
    defer(back)
