#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: guests debug iommu=back
# proof: guests=another
# timeout: 600
"""A VF through the life of its guests: another guest, hot-unplug, unbind (killed.py: kill -9)."""
import re
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
from guest import Guest
from ktap import eq, run, sleep, true, wait_for
from vnic import frame, load, packet_socket, ping, write


def bench(count=2):
    """VF 0 for a guest, VF 1 in a namespace as its peer (10.9.0.2)."""
    pf = load(total_vfs=8)[0]
    vfs = pf.vfs(count)
    vfs[1].up(ns='peer', ip='10.9.0.2')
    vfs[0].to_vfio()
    return pf, vfs


def another():
    """a VF given to another guest: nothing of the first one's traffic or settings is seen"""
    pf, vfs = bench()
    guest = Guest('a', [vfs[0]]).up('10.9.0.1')
    dev = guest.dev()
    guest.run(f'modprobe 8021q; ip link add link {dev} name v5 type vlan id 5; ip link set v5 up')
    guest.ping('10.9.0.2')
    # frames that wait while the guest goes must not reach the next one
    sock = packet_socket(vfs[1].name, 'peer')
    mac = pf.vfinfo(0)['address']
    for _ in range(50):
        sock.send(frame(mac, vfs[1].mac, size=1000))
    guest.kill()
    for _ in range(50):
        sock.send(frame(mac, vfs[1].mac, size=1000))
    second = Guest('b', [vfs[0]], extra='--no-load')
    second.run('modprobe vnic-vf')
    dev = second.dev()
    second.run(f'ip link set {dev} up')
    sleep(1)
    stats = second.out(f'ip -s link show {dev}')
    received = int(re.search(r'RX:.*\n\s+(\d+)\s+(\d+)', stats).group(2))
    true(received < 20, f'frames of before do not arrive: {received}')
    second.up('10.9.0.1')
    second.ping('10.9.0.2')


def hotplug():
    """hot-unplug behind a root port, and plugged again"""
    _, vfs = bench()
    guest = Guest('a', [vfs[0]], root_port=True).up('10.9.0.1')
    guest.ping('10.9.0.2')
    guest.unplug()
    true(guest.run('ls /sys/bus/pci/drivers/vnic-vf/ | grep :', check=False).returncode,
         'gone in the guest')
    guest.plug(vfs[0])
    wait_for(guest.dev, 'netdev again')
    guest.up('10.9.0.1')
    guest.ping('10.9.0.2')


def unbind():
    """unbind while a guest has the VF asks the guest for it"""
    _, vfs = bench()
    guest = Guest('a', [vfs[0]], root_port=True).up('10.9.0.1')
    guest.ping('10.9.0.2')
    write(f'/sys/bus/pci/devices/{vfs[0].bdf}/driver/unbind', vfs[0].bdf)
    eq(vfs[0].driver(), None, 'driver')
    true(guest.running(), 'the guest lives')


def back():
    """after the guest the VF serves the host again"""
    _, vfs = bench()
    guest = Guest('a', [vfs[0]]).up('10.9.0.1')
    guest.ping('10.9.0.2')
    guest.stop()
    vfs[0].bind('vnic-vf')
    vfs[0].up(ns='vf0', ip='10.9.0.1')
    ping('vf0', '10.9.0.2')


def two_vfs():
    """one guest with two VFs"""
    pf = load(total_vfs=8)[0]
    vfs = pf.vfs(3)
    vfs[2].up(ns='peer', ip='10.9.0.2')
    for vf in vfs[:2]:
        vf.to_vfio()
    guest = Guest('a', vfs[:2])
    count = guest.out('ls -d /sys/bus/pci/drivers/vnic-vf/*:* | wc -l')
    eq(count, '2', 'VFs in the guest')
    guest.up('10.9.0.1').ping('10.9.0.2')


run([another, hotplug, unbind, back, two_vfs])
