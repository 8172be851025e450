#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: tree
# proof: tree
"""Only what fails by the clock is tried again, and it fails if it never holds."""
import os
import subprocess
import sys
LIB = os.path.normpath(os.path.join(sys.path[0], '../lib'))
sys.path.insert(0, LIB)
from ktap import contains, eq, run

HEAD = f'''
import sys
sys.path.insert(0, {LIB!r})
from ktap import between, defer, eq, run, timely, true
count, undone = [], []
def case():
    """a case"""
    count.append(1)
    defer(undone.append, 1)
'''
TAIL = '''
try:
    run([case])
except SystemExit as end:
    print(len(count), len(undone), end.code)
'''


def program(line):
    """Run a case that ends in this line: its output, and [tries, clean-ups, exit code]."""
    done = subprocess.run([sys.executable, '-c', HEAD + '    ' + line + TAIL], capture_output=True,
                          text=True, check=True).stdout.splitlines()
    return '\n'.join(done[:-1]), [int(word) for word in done[-1].split()]


def once():
    """a figure that holds at the second time"""
    got, counts = program("between(len(count), 2, 2, 'figure')")
    contains(got, '# again: case: figure: 1 is not within 2 to 2', 'said')
    contains(got, 'ok 1 a case', 'result')
    eq(counts, [2, 2, 0], 'tries, clean-ups, exit')


def never():
    """a figure that never holds"""
    got, counts = program("timely(False, 'slow')")
    contains(got, '# case: slow', 'said')
    contains(got, 'not ok 1 a case', 'result')
    eq(counts, [3, 3, 1], 'tries, clean-ups, exit')


def others():
    """no other failure, also if it comes after one by the clock"""
    for line in ('eq(1, 2, "x")', 'true(False, "x")', 'raise ValueError'):
        got, counts = program(line)
        contains(got, 'not ok 1 a case', line)
        eq(counts, [1, 1, 1], line)
    got, counts = program("timely(len(count) > 1, 'slow'); eq(1, 2, 'x')")
    contains(got, '# case: x: got 1, want 2', 'said')
    eq(counts, [2, 2, 1], 'tries, clean-ups, exit')


run([once, never, others])
