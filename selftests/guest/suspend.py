#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: guests
# timeout: 400
"""Sleep: of a guest that has a VF, and of a host that has the adapter.

The host is a guest, too: the machine's own disk does not live through its sleep.
"""
import sys
import time
sys.path.insert(0, sys.path[0] + '/../lib')
from guest import Guest
from ktap import note, run, wait_for
from vnic import frame, load, packet_socket

def sleeps(guest):
    """Let it sleep and wake up: by itself after its devices have slept; in full but for power."""
    for how, state in ('devices', 'freeze'), ('core', 'mem'):
        guest.run('echo 1 >/sys/module/suspend/parameters/pm_test_delay; '
                  f'echo {how} >/sys/power/pm_test; echo {state} >/sys/power/state', timeout=40)
        yield f'after {state}, {how}'


def back(cond, what):
    """Wait until it is as before: far below a second, but for what this host does meanwhile."""
    start = time.monotonic()
    wait_for(cond, what, 15)
    note(f'{what}: {time.monotonic() - start:.1f} s')


def of_guest():
    """a guest's VF receives at once after sleep, though it says nothing, and sends"""
    pf = load(total_vfs=4)[0]
    vfs = pf.vfs(2)
    vfs[1].up(ns='peer', ip='10.9.0.2')
    vfs[0].to_vfio()
    guest = Guest('a', [vfs[0]]).up('10.9.0.1')
    guest.ping('10.9.0.2')
    dev = guest.dev()
    mac = guest.out(f'cat /sys/class/net/{dev}/address')
    here = packet_socket(vfs[1].name, 'peer')

    def received():
        return int(guest.out(f'cat /sys/class/net/{dev}/statistics/rx_packets'))
    for when in sleeps(guest):
        def heard(before=received()):
            for _ in range(5):
                here.send(frame(mac, vfs[1].mac))
            return received() >= before + 5
        back(heard, f'a frame is heard {when}')
        guest.ping('10.9.0.2')


def of_host():
    """a host's VFs and PF send and receive at once after its sleep"""
    guest = Guest('a', extra='--add /vnic-modules/vnic-iommu.ko --add /vnic-modules/vnic-pf.ko')
    guest.run('insmod /vnic-iommu.ko && insmod /vnic-pf.ko total_vfs=2 && modprobe vnic-vf && '
              'cd /sys/bus/pci/drivers/vnic-pf/*:*/ && echo 2 >sriov_numvfs && '
              'pf=$(ls net) && ip addr add 10.9.0.9/24 dev $pf && ip link set $pf up && '
              'for i in 0 1; do ip netns add vf$i; dev=$(ls virtfn$i/net); '
              'ip link set $dev netns vf$i; ip -n vf$i addr add 10.9.0.$i/24 dev $dev; '
              'ip -n vf$i link set $dev up; done')

    def pings():
        return not guest.run('for to in 1 9; do ip netns exec vf0 ping -n -c 1 -W 1 10.9.0.$to || '
                             'exit; done', check=False).returncode
    wait_for(pings, 'VF and PF are reached')
    for when in sleeps(guest):
        back(pings, f'VF and PF are reached {when}')
    guest.run('rmmod vnic-pf vnic-iommu vnic-vf')


run([of_guest, of_host])
