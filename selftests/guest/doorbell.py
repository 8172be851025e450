#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: guests=kernel,toggled,register debug
# timeout: 600
"""Guests' doorbells: taken in the kernel, by register, and when the page comes and goes."""
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
from guest import Guest
from ktap import eq, note, run, sleep, true, wait_for
from vnic import ethtool_stats, load, read, sh, shared

PARAM = '/sys/module/vnic_vfio_pci/parameters/doorbell_page'
# In the guest: $dev is the VF
DEV = 'dev=$(basename $(ls -d /sys/bus/pci/drivers/vnic-vf/*:*)); '
OFF, ON = ' COMMAND=4', ' COMMAND=6'     # memory decoding, in setpci's words


def bench(doorbell_page=1, extra=''):
    """A guest with VF 0, and VF 1 in a namespace as its peer (10.9.0.2)."""
    pf = load(total_vfs=8)[0]
    vfs = pf.vfs(2)
    vfs[1].up(ns='peer', ip='10.9.0.2')
    sh(f'modprobe vnic-vfio-pci doorbell_page={doorbell_page}')
    vfs[0].to_vfio()
    return pf, Guest('a', [vfs[0]], extra=extra).up('10.9.0.1')


def kicks(pf):
    """Doorbells of VF 0: all, and those by the page."""
    stats = ethtool_stats(pf.dev)
    return stats['vf0_kicks'], stats['vf0_kicks_page']


def traffic(pf, guest, count=20):
    """Ping both ways; how many doorbells were trapped and taken in the kernel meanwhile."""
    before = kicks(pf)
    guest.ping('10.9.0.2', count=count, every=0.05)
    sh(f'ping -n -q -c {count} -i 0.05 -W 5 10.9.0.1', ns='peer')
    after = kicks(pf)
    page = after[1] - before[1]
    trapped = after[0] - before[0] - page
    note(f'{count} pings each way: {page} doorbells in the kernel, {trapped} trapped')
    return trapped, page


def by_page(pf, guest):
    """The page rings, and nothing else does."""
    guest.ping('10.9.0.2', count=3)     # rung both ways, which arms the page and proves it
    trapped, page = traffic(pf, guest)
    true(page >= 5, f'{page} doorbells by the page')
    true(trapped <= 2, f'{trapped} doorbells trapped')


def kernel():
    """doorbells are taken in the kernel, also after a reboot"""
    pf, guest = shared(bench)
    by_page(pf, guest)
    guest.reboot()
    by_page(pf, guest.up('10.9.0.1'))


def trapped_page():
    """switched off, every doorbell is trapped and traffic flows"""
    pf, guest = bench(doorbell_page=0)
    eq(read(PARAM), 'N', 'parameter')
    trapped, page = traffic(pf, guest)
    true(trapped >= 5, f'{trapped} doorbells trapped')
    eq(page, 0, 'doorbells by the page')


def register():
    """with the page never mapped, the driver rings it and the register"""
    pf, guest = bench(extra="--extra '-global vfio-pci.x-no-mmap=on'")
    trapped, page = traffic(pf, guest)
    true(trapped >= 5, f'{trapped} doorbells trapped')
    eq(page, 0, 'doorbells by the page')


def toggled():
    """the guest switches memory decoding off and on under traffic"""
    pf, guest = shared(bench)
    by_page(pf, guest)
    guest.run('ethtool -C eth0 adaptive-rx off')      # messages would be lost
    sh('(ping -q -f -w 60 10.9.0.1 >/dev/null 2>&1 &)', ns='peer')
    for _ in range(3):
        guest.run(f'{DEV} setpci -s $dev{(OFF + ON) * 10}')
        guest.run(f'{DEV} setpci -s $dev{OFF}; sleep 0.2; setpci -s $dev{ON}')
        sleep(0.5)
    sh('pkill ping || true')
    # the driver looks again a second after it found nothing decoded
    wait_for(lambda: traffic(pf, guest)[0] <= 2, 'the page rings', seconds=30)
    by_page(pf, guest)
    log = guest.out('dmesg | grep -E "WATCHDOG|not answered|needs a reset" || true')
    eq(log, '', 'troubles in the guest')


# Low memory that Linux keeps free, nowhere, the ROM, far beyond all memory
PLACES = [0x20000, 0x7e000, 0xa0000, 0, 0xf1230000, 0xfffff000, 0x2000000000]


def put(place):
    """BAR0 to a place, in setpci's words."""
    return f' BASE_ADDRESS_1={place >> 32:08x} BASE_ADDRESS_0={place & 0xffffffff:08x}'


def hostile():
    """the guest puts the page over memory, holes and other devices, again and again"""
    pf, guest = shared(bench)
    by_page(pf, guest)
    bars = guest.out(f'{DEV} cat /sys/bus/pci/devices/$dev/resource '
                     '/sys/bus/pci/devices/*/resource | grep -v "^0x0* "').splitlines()
    own = int(bars[0].split()[0], 16)
    places = PLACES + [int(line.split()[0], 16) & ~0x1fff for line in bars[3:6]] + [own]
    on_off = ''.join(put(place) + OFF + ON for place in places)
    while_on = ''.join(put(place) for place in places)
    guest.run(f"""{DEV} echo $dev >/sys/bus/pci/devices/$dev/driver/unbind
        for i in $(seq 20); do setpci -s $dev{ON}{on_off}{while_on}; done
        setpci -s $dev{OFF}{put(own)}{ON}
        echo $dev >/sys/bus/pci/drivers/vnic-vf/bind""", timeout=200)
    by_page(pf, guest.up('10.9.0.1'))


run([kernel, toggled, hostile, trapped_page, register])
