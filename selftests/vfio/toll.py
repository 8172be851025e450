#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable debug=messages,resets
"""What a VF's driver can make the host's own threads do is bounded as time of a CPU."""
import glob
import sys
import time
sys.path.insert(0, sys.path[0] + '/../lib')
from devlink import Devlink
from ktap import defer, note, run, timely
from misbehave import Misbehave
from vnic import load, read, sh, shared

SPENT_MS = 2500     # in which the driver uses up what it has saved
SEEN_MS = 3000


def bench():
    """A VF for vfio"""
    pf = load(total_vfs=4)[0]
    pf.set('sriov_drivers_autoprobe', 0)
    return pf.vfs(1)[0].to_vfio()


def kworkers():
    """Seconds that all kworkers have run"""
    total = 0
    for path in glob.glob('/proc/[0-9]*/comm'):
        try:
            if read(path).startswith('kworker'):
                total += int(read(path[:-4] + 'schedstat').split()[0])
        except (FileNotFoundError, ProcessLookupError):
            pass    # it has ended
    return total / 1e9


def share(most, what, *options):
    """How much of a CPU do kworkers take while a driver does this as often as it can?

    VNIC_TOLL_TIME is 5 %; the rest of `most` is what else they do, on a slow machine.
    """
    driver = Misbehave(shared(bench), *options)
    driver.tell(f'{what} {SPENT_MS}')
    least = 1
    for _ in range(4):      # a host that is busy makes it more
        before, start = kworkers(), time.monotonic()
        count = int(driver.tell(f'{what} {SEEN_MS}'))
        took = time.monotonic() - start
        used = (kworkers() - before) / took
        note(f'{count / took:.0f} {what} a second, kworkers take {100 * used:.1f} % of a CPU')
        timely(count > 10, 'some are done')
        least = min(least, used)
        if least < most:
            break
    timely(least < most, 'kworkers are left alone')


def messages():
    """messages that change the switch's configuration"""
    share(0.08, 'messages')


def resets():
    """resets by the device's register"""
    share(0.1, 'resets')


def registers():
    """registers read while the doorbell page is not rung, by a virtio VF with a virtual machine"""
    # 8.8 %, for 2000 looks a second; 25 to 80 % when each access made one
    sh('modprobe kvm_amd || modprobe kvm_intel')
    vf = shared(bench)
    dl = Devlink(vf.pf)
    dl.set_param(f'vf{vf.index}_personality', 'virtio')
    defer(dl.set_param, f'vf{vf.index}_personality', 'native')
    share(0.14, 'registers', 'vm')


run([messages, resets, registers])
