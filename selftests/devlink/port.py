#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable debug newest=ports
# proof: stable=ports,address
"""devlink ports: one for each VF, whose address can be set by it."""
import os
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
from ktap import contains, defer, eq, run, true, wait_for
from devlink import Devlink
from vnic import load, log_mark, log_since, out, sh


def ports():
    """a port for each VF, with its number, while there are VFs"""
    pf = load(total_vfs=8)[0]
    dl = Devlink(pf)
    mark = log_mark()
    for count in (1, 8, 3):
        pf.numvfs(count)
        eq(dl.ports(), [('pcivf', i) for i in range(count)], 'ports')
        pf.numvfs(0)
        eq(dl.ports(), [], 'ports without VFs')
    eq(log_since(mark).count('WARNING'), 0, 'warnings')


def address():
    """hw_addr is the address of the VF: as ip link and a running driver see it; junk is refused"""
    pf = load(total_vfs=4)[0]
    vf = pf.vfs(2)[1].up(ns='vf1')
    dl = Devlink(pf)
    eq(dl.address(1), vf.mac, 'address at first')
    mac = '02:00:00:00:00:07'
    dl.run(f'port function set {dl.dev}/1 hw_addr {mac}')
    eq(dl.address(1), mac, 'address that was set')
    eq(pf.vfinfo(1)['address'], mac, 'in ip link')
    wait_for(lambda: vf.mac == mac, 'the driver has it')
    pf.link(1, 'mac 02:00:00:00:00:08')
    eq(dl.address(1), '02:00:00:00:00:08', 'address set by ip link')
    for bad in ('01:00:5e:00:00:01', 'ff:ff:ff:ff:ff:ff', '02:00:00:00:00:00:01'):
        contains(dl.run(f'port function set {dl.dev}/1 hw_addr {bad}', fails=True),
                 'unicast Ethernet address', bad)
    eq(dl.address(1), '02:00:00:00:00:08', 'address after that')
    dl.run(f'port function set {dl.dev}/1 hw_addr 00:00:00:00:00:00')
    true(dl.address(1) not in ('02:00:00:00:00:08', '00:00:00:00:00:00'), 'the default one')


def busy():
    """ports, sizes and parameters are asked for all the time while VFs come and go"""
    pf = load(total_vfs=4)[0]
    pf.set('sriov_drivers_autoprobe', 0)
    loop = ('devlink port show; devlink sb port pool show; devlink sb pool show; '
            'devlink dev param show')
    rounds = '/run/rounds'
    pid = out(f'(while :; do {loop}; echo >>{rounds}; done) >/dev/null 2>&1 & echo $!')
    defer(sh, f'kill {pid}; rm -f {rounds}', check=False)
    for i in range(200):
        pf.numvfs(4)
        pf.numvfs(0)
        asked = os.path.getsize(rounds) if os.path.exists(rounds) else 0
        if i >= 7 and asked > 4:
            break
    sh(f'kill -0 {pid}')
    true(asked > 4, f'asked {asked} times')


run([ports, address, busy])
