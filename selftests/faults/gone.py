#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: debug
# allocations: fail
# timeout: 300
"""Each allocation of what takes away fails in turn: it goes all the same, and comes back."""
import os
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
from ktap import eq, run, true, wait_for
import faults
from faults import PAGES, SLAB, each, insmod, rmmod, setup
from vnic import PF_DRIVER, VF_DRIVER, load, loaded, pf_list, ping, sh, write
from wire import wire


def full(pf):
    """A VF that is up, the uplink, a tenant: what is there to be taken away"""
    pf.numvfs(1)
    sh(f'devlink port function rate add pci/{pf.bdf}/tenant && '
       f'devlink port function rate set pci/{pf.bdf}/0 parent tenant && '
       f'ip link set {pf.dev} up && ip link set ethup master {pf.dev} && '
       f'ip link set {pf.vf(0).dev} up')


def links():
    """Netdevs, and who has an uplink"""
    return sorted(os.listdir('/sys/class/net')), sh('ip -d link show ethup').stdout.split()[6:9]


def make():
    """All of it"""
    sh('sysctl -qw net.ipv4.conf.all.arp_ignore=1')     # the PF is on this side, too
    pf = load(total_vfs=4)[0]
    wire()
    full(pf)
    return pf


def vf_driver():
    """a VF's driver is unbound while it is up"""
    pf = make()
    vf = pf.vf(0)
    before = links()
    setup(SLAB, PAGES)

    def bound():
        write(VF_DRIVER + '/bind', vf.bdf)
        faults.set_up(vf.dev)
    each('unbind vnic-vf', lambda nth: nth.later(write, VF_DRIVER + '/unbind', vf.bdf), bound)
    eq(vf.driver(), 'vnic-vf', 'driver')
    eq(links(), before, 'netdevs, but for what they are numbered')
    sh(f'ip addr add 10.9.0.1/24 dev {vf.dev}')
    wait_for(lambda: ping('wire', '10.9.0.1', count=1, check=False), 'the VF, after all')


def pf_driver():
    """the PF's is, with a VF, the uplink and a tenant"""
    pf = make()
    before = links()
    setup(SLAB, PAGES, near=6)

    def bound():
        true(not pf.netdevs(), 'the netdev has stayed')
        write(PF_DRIVER + '/bind', pf.bdf)
        full(pf)
    each('unbind vnic-pf', lambda nth: nth.later(write, PF_DRIVER + '/unbind', pf.bdf), bound)
    eq(links(), before, 'netdevs, after all')


def reset():
    """the PF is reset, with a VF that is up"""
    pf = make()
    dev = pf.vf(0).dev
    sh(f'ip addr add 10.9.0.1/24 dev {dev}')
    setup(SLAB, PAGES)
    each('reset of the PF', lambda nth: nth.later(pf.set, 'reset', 1))
    wait_for(lambda: ping('wire', '10.9.0.1', count=1, check=False), 'the VF, after all')


def unloaded():
    """modules are removed, with all that they have"""
    pf = make()
    setup(SLAB, PAGES, near=6)

    def again():
        true(not loaded('vnic-pf'), 'vnic-pf is loaded')
        insmod('vnic-pf', 'total_vfs=4 personality=native')
        setup(SLAB, PAGES, near=6)
        full(pf_list()[0])
    each('rmmod vnic-pf', lambda nth: nth.later(rmmod, 'vnic-pf'), again)
    sh('ip addr add 10.9.0.1/24 dev ' + pf.vf(0).dev)
    wait_for(lambda: ping('wire', '10.9.0.1', count=1, check=False), 'the VF, after all')


run([vf_driver, pf_driver, reset, unloaded])
