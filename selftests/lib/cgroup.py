# SPDX-License-Identifier: GPL-2.0
"""CPU for a VF's thread, by cgroup v2."""
import os
import re

from ktap import defer
from vnic import out, sh, write

GROUPS = '/sys/fs/cgroup'


def threads(vf):
    """Numbers of a VF's threads: by the names that the guide has for VF 0 of the first adapter."""
    with open('/vnic/Documentation/admin-guide.rst', encoding='utf-8') as file:
        name = re.search(r"pgrep -x '([^']+)'", file.read()).group(1)
    domain = vf.bdf.split(':')[0].lstrip('0')
    name = name.replace('-8-', f'-{domain}-').replace('vf0', f'vf{vf.index}') \
        .replace('-v0q', f'-v{vf.index}q')
    return [int(pid) for pid in out(f"pgrep -wx '{name}'", check=False).split()]


def all_threads():
    """Numbers of the threads of all VFs"""
    return out("pgrep '^(vnic|vn)-[0-9a-f]+-v'", check=False).split()


def thread_name(vf):
    """That of the thread of a VF's first queue pair."""
    return f'vnic-{vf.bdf.split(":")[0].lstrip("0")}-vf{vf.index}'


def thread(vf):
    """Its number."""
    return int(out(f'pgrep -wx {thread_name(vf)}'))


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
