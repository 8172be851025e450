# SPDX-License-Identifier: GPL-2.0
"""Trace events, vnic's or SYSTEM:NAME, taken by an instance of the kernel's tracing of our own."""
import os
import re

from ktap import Fail, defer
from vnic import read, sh, write

TRACEFS = '/sys/kernel/tracing'


class Events:
    """What the events say from now on; gone at the end of the case."""

    def __init__(self, *names, instance='vnic'):
        if not os.path.isdir(TRACEFS + '/events'):
            sh(f'mount -t tracefs tracefs {TRACEFS}')
        self.path = f'{TRACEFS}/instances/{instance}'
        os.mkdir(self.path)
        defer(os.rmdir, self.path)
        write(self.path + '/buffer_size_kb', 4096)
        for name in names:
            write(self.file(name, 'enable'), 1)
            defer(write, self.file(name, 'enable'), 0)

    def file(self, name, what):
        """A file of an event."""
        system, _, event = name.rpartition(':')
        return f'{self.path}/events/{system or "vnic"}/{event}/{what}'

    def filter(self, name, what):
        """Take only some of an event."""
        write(self.file(name, 'filter'), what)

    def clear(self):
        """Forget those so far."""
        with open(self.path + '/trace', 'w', encoding='utf-8'):
            pass

    def take(self, name):
        """Those of an event so far: a list of dictionaries, numbers as int."""
        found = []
        for line in read(self.path + '/trace').splitlines():
            if 'LOST' in line:
                raise Fail('trace events were lost')
            _, sep, text = line.partition(f' {name.rpartition(":")[2]}: ')
            if sep:
                fields = re.findall(r'(\w+)=(\S+)', text)
                found.append({k: int(v) if re.fullmatch(r'-?\d+', v) else v for k, v in fields})
        return found
