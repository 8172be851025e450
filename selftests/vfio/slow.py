#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable debug
# timeout: 100
"""Memory that never comes, of a FUSE file whose server does not answer: who waits for it.

A VF's memory is pinned when it is mapped.  So the map call waits, in the kernel's vfio, and
nobody else may: not the administrator, not other VFs, not this VF's own traffic.
"""
import errno
import glob
import signal
import sys
import tempfile
import time
sys.path.insert(0, sys.path[0] + '/../lib')
from ktap import Fail, Skip, defer, eq, note, run, sleep, slow, true, wait_for
from misbehave import Misbehave
from program import Told
from vnic import errno_of, load, ping, read, sh

ALL = 'ff:ff:ff:ff:ff:ff'
MOST = 20       # s that what an administrator asks for may take


def overdue(*_):
    """SIGALRM"""
    raise Fail(f'not over within {MOST * slow():.0f} s')


def bounded(what, fn, *args):
    """Call fn, which must be over in time; what it returns."""
    start = time.monotonic()
    signal.alarm(int(MOST * slow()))
    try:
        return fn(*args)
    except Fail as err:
        raise Fail(f'{what}: {err}') from None
    finally:
        signal.alarm(0)
        note(f'{what}: {time.monotonic() - start:.2f} s')


def waits(proc):
    """Is a thread of it in FUSE's hands, in an ioctl of vfio?"""
    stacks = [read(path) for path in glob.glob(f'/proc/{proc.pid}/task/*/stack')]
    return any('fuse_' in stack and 'vfio_' in stack for stack in stacks)


def fuse():
    """a page of FUSE that never comes: only the map call waits, and the VMM until its end"""
    if sh('modprobe fuse', check=False).returncode:
        raise Skip('kernel without FUSE')
    signal.signal(signal.SIGALRM, overdue)
    pf = load(total_vfs=4)[0]
    vfs = pf.vfs(3)
    vfs[2].up(ns='peer', ip='10.9.0.3')
    sh(f'ip link set {pf.dev} up; ip addr add 10.9.0.100/24 dev {pf.dev}')
    for vf in vfs[:2]:
        vf.to_vfio()
    directory = tempfile.mkdtemp(dir='/run')
    defer(sh, f'umount -l {directory}', check=False)
    server = bounded('the server', Told, 'slow', 'serve', directory)
    user = bounded('the VMM', Told, 'slow', 'map', vfs[0].bdf, directory + '/file')
    defer(server.proc.kill)         # the first to go: who waits for it cannot before
    other = Misbehave(vfs[1])

    user.tell('map', 'ok')
    eq(bounded('the server is asked', server.proc.stdout.readline), 'asked\n', 'the server')
    wait_for(lambda: waits(user.proc), 'the map call waits')
    dev = 'pci/' + pf.bdf
    for cmd in ('devlink health show', f'devlink health diagnose {dev} reporter vf',
                'devlink port show', f'devlink port show {dev}/0',
                f'devlink sb occupancy snapshot {dev}', f'ip -s link show {pf.dev}',
                f'ethtool -S {pf.dev}', f'devlink port function rate set {dev}/0 tx_max 1gbit',
                f'ip link set {pf.dev} vf 0 vlan 5', f'ip link set {pf.dev} vf 0 vlan 0',
                f'ip link set {pf.dev} vf 0 trust on'):
        bounded(cmd, sh, cmd)
    bounded('a frame of its own VF', user.tell, 'send', 'ok')
    bounded('another personality', errno_of, sh, f'devlink dev param set {dev} '
            'name vf1_personality value virtio cmode runtime', False)
    bounded('reset of another VF', vfs[1].set, 'reset', 1)
    bounded('its driver starts it again', other.tell, 'reset', 'ok')
    bounded('it sends', other.tell, f'send {ALL} 200 10', 'ok')
    eq(bounded('no VFs', errno_of, pf.set, 'sriov_numvfs', 0), errno.EBUSY, 'a guest has them')
    bounded('reset of its own VF', vfs[0].set, 'reset', 1)
    bounded('reset of the PF', pf.set, 'reset', 1)
    wait_for(lambda: ping('peer', '10.9.0.100', count=1, check=False), 'VF 2, after the resets')
    true(waits(user.proc), 'the map call does not wait any more')
    true(user.proc.poll() is None, 'the VMM has ended')

    # What the server has taken is not given up, whatever the kernel's vfio is sent.
    user.proc.kill()
    sleep(1)
    note('the VMM is ' + ('gone' if user.proc.poll() is not None else
                          'killed, and waits for the server'))
    other.close()
    server.proc.kill()
    wait_for(lambda: user.proc.poll() is not None, 'the VMM has gone, with the server')
    wait_for(lambda: not errno_of(pf.set, 'sriov_numvfs', 0), 'its VF is free')
    pf.numvfs(3)
    Misbehave(pf.vf(0).to_vfio()).tell(f'send {ALL} 200 10', 'ok')


run([fuse])
