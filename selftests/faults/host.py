#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: debug quick=probe,uplink
# allocations: fail
# timeout: 300
"""Each allocation of what an administrator does fails in turn: an error, and nothing else."""
import os
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
from ktap import defer, run, true, wait_for
import faults
from faults import PAGES, SLAB, each, insmod, rmmod, setup
from vnic import PF_DRIVER, VF_DRIVER, fresh, load, loaded, read, sh, shared, unload, write
from wire import wire


def make_idle():
    """PF and a VF without a driver"""
    pf = load(total_vfs=4)[0]
    pf.set('sriov_drivers_autoprobe', 0)
    pf.numvfs(1)
    pf.set('sriov_drivers_autoprobe', 1)
    return pf, pf.vf(0)


def make_bound():
    """The same, and the VF's driver bound"""
    pf, vf = make_idle()
    vf.bind('vnic-vf')
    return pf, vf


def modules():
    """the modules are loaded: IOMMU, bus, a PF on it; nothing is left of what fails"""
    fresh()
    unload()
    write('/sys/bus/pci/drivers_autoprobe', 0)
    defer(write, '/sys/bus/pci/drivers_autoprobe', 1)
    # Nearer than usual: a bridge that cannot be added leaks its windows (Linux 6.12).
    setup(SLAB, PAGES, near=6)
    defer(unload)
    insmod('vnic-iommu')
    rmmod('vnic-iommu')

    def buses():
        return sorted(os.listdir('/sys/bus/pci/devices')), loaded('vnic-pf')
    each('vnic-iommu', lambda nth: nth.call(insmod, 'vnic-iommu'), lambda: rmmod('vnic-iommu'),
         lambda: loaded('vnic-iommu'))
    insmod('vnic-iommu')
    before = buses()

    def attempt(nth):
        nth.call(insmod, 'vnic-pf', 'total_vfs=4 memory=1')
        if not nth.said and buses()[0] == before[0]:
            nth.said = 'no PF'
        return nth
    each('vnic-pf', attempt, lambda: rmmod('vnic-pf'), buses, again=False)


def probe():
    """the PF's driver is bound to it: switch, netdev, devlink"""
    pf = load(total_vfs=4)[0]
    write(PF_DRIVER + '/unbind', pf.bdf)
    setup(SLAB, PAGES)
    each('bind vnic-pf', lambda nth: nth.bind(write, PF_DRIVER + '/bind', pf.bdf),
         lambda: write(PF_DRIVER + '/unbind', pf.bdf), pf.driver, again=False)


def numvfs():
    """sriov_numvfs: VFs come whole or not at all; and go"""
    pf = load(total_vfs=4)[0]
    pf.set('sriov_drivers_autoprobe', 0)
    # Near: most of what the PCI core allocates may fail, and each try sleeps for 2 s there.
    setup(SLAB, PAGES, near=5)

    def state():
        return pf.get('sriov_numvfs'), [n for n in os.listdir(pf.path) if n.startswith('virtfn')]
    each('sriov_numvfs 1', lambda nth: nth.call(pf.set, 'sriov_numvfs', 1),
         lambda: pf.set('sriov_numvfs', 0), state, again=False)
    pf.numvfs(1)
    each('sriov_numvfs 0', lambda nth: nth.call(pf.set, 'sriov_numvfs', 0),
         lambda: pf.set('sriov_numvfs', 1), state)


def bind():
    """a VF's driver on the host is bound, and unbound"""
    _, vf = shared(make_idle)
    vf.set('driver_override', 'vnic-vf')
    setup(SLAB, PAGES)
    each('bind vnic-vf', lambda nth: nth.bind(write, VF_DRIVER + '/bind', vf.bdf),
         lambda: write(VF_DRIVER + '/unbind', vf.bdf), vf.driver,
         may=('Cannot allocate memory', 'No such device'),  # the latter: the MSI core's domain
         again=False)


def up():
    """a VF's netdev goes up and down; MTU, rings and channels change while it is up"""
    _, vf = shared(make_bound)
    setup(SLAB, PAGES, near=6)      # the queues are made anew for each try
    dev = vf.dev

    def state():
        return [read(f'/sys/class/net/{dev}/{name}') for name in ('flags', 'mtu', 'operstate')] + \
            sorted(os.listdir(f'/sys/class/net/{dev}/queues'))
    faults.set_up(dev)
    faults.set_up(dev, False)
    each('up', lambda nth: nth.call(faults.set_up, dev), lambda: faults.set_up(dev, False), state,
         again=False)
    faults.set_up(dev)
    sh(f'ethtool -K {dev} rx-gro-hw off')       # buffers are as large as the MTU needs
    wait_for(lambda: state()[2] == 'up', 'carrier')

    def repair():
        faults.set_up(dev, False)
        faults.set_up(dev)
    each('mtu', lambda nth: nth.call(faults.set_mtu, dev, 3000),
         lambda: faults.set_mtu(dev, 1500), state, repair=repair,
         again=False)
    each('rx ring', lambda nth: nth.call(faults.set_rx_ring, dev, 64),
         lambda: faults.set_rx_ring(dev, 512), state, repair=repair,
         again=False)
    each('channels', lambda nth: nth.call(faults.set_channels, dev, 1),
         lambda: faults.set_channels(dev, 2), state, repair=repair,
         again=False)
    each('reset', lambda nth: nth.call(vf.set, 'reset', 1))
    wait_for(lambda: state()[2] == 'up', 'carrier after resets')
    each('down', lambda nth: nth.call(faults.set_up, dev, False), lambda: faults.set_up(dev),
         state)


def uplink():
    """a device becomes the uplink, and ceases to be"""
    pf, _ = shared(make_bound)
    dev = pf.dev
    faults.set_up(dev)
    wire()
    setup(SLAB, PAGES)

    def state():
        return sh('ip -d link show ethup').stdout.replace('\n', ' ')
    each('master', lambda nth: nth.call(faults.set_master, 'ethup', dev),
         lambda: faults.set_master('ethup', None), state)
    faults.set_master('ethup', dev)
    each('nomaster', lambda nth: nth.call(faults.set_master, 'ethup', None),
         lambda: faults.set_master('ethup', dev), state)


def devlink():
    """devlink and ip link: what they set is set, or as it was"""
    pf, _ = shared(make_bound)
    setup(SLAB, PAGES)
    name = 'pci/' + pf.bdf
    for cmd in (f'devlink sb port pool set {name}/0 pool 0 th 131072',
                f'devlink port function set {name}/0 hw_addr 02:00:00:00:00:05',
                f'devlink port function rate set {name}/0 tx_max 10mbit',
                f'devlink dev param set {name} name vf0_rx_queue value 2000 cmode runtime',
                f'devlink dev param set {name} name vf0_personality value virtio cmode runtime',
                f'devlink health diagnose {name} reporter vf',
                f'devlink health recover {name} reporter vf',
                f'ip link set {pf.dev} vf 0 vlan 5 qos 1',
                f'ip link set {pf.dev} vf 0 mac 02:00:00:00:00:06',
                f'ip link set {pf.dev} vf 0 trust on',
                f'ip link set {pf.dev} vf 0 max_tx_rate 100'):
        each(cmd, lambda nth, cmd=cmd: nth.run(cmd))


def port_netdev():
    """a VF's port gets a netdev, or none"""
    pf, _ = shared(make_bound)
    setup(SLAB, PAGES)
    name = 'pci/' + pf.bdf

    def setter(value):
        return f'devlink dev param set {name} name vf0_port_netdev value {value} cmode runtime'

    def state():
        return sh(f'devlink -n port show {name}/0').stdout
    true(each('port netdev', lambda nth: nth.run(setter('true')),
              lambda: sh(setter('false')), state), 'a netdev needs memory')


def nodes():
    """tenants come, have VFs and rates, and go"""
    pf, _ = shared(make_bound)
    setup(SLAB, PAGES)
    name = 'pci/' + pf.bdf
    rate = 'devlink port function rate '

    def state():
        return sh(f'{rate} show').stdout, sh(f'devlink dev param show {name}').stdout
    add, delete = f'{rate} add {name}/tenant', f'{rate} del {name}/tenant'
    true(each('add', lambda nth: nth.run(add), lambda: sh(delete), state), 'a tenant needs memory')
    sh(add)
    for cmd in (f'{rate} set {name}/tenant tx_max 100mbit',
                f'devlink dev param set {name} name node_tenant_rx_rate value 50 cmode runtime',
                f'{rate} set {name}/0 parent tenant', f'{rate} set {name}/0 noparent'):
        each(cmd, lambda nth, cmd=cmd: nth.run(cmd))
    each('del', lambda nth: nth.run(delete), lambda: sh(add), state)
    sh(delete)


def removed():
    """the uplink is deleted"""
    pf, _ = shared(make_bound)
    faults.set_up(pf.dev)
    wire()
    sh(f'ip link set ethup master {pf.dev}')
    setup(SLAB, PAGES)

    def come_back():
        sh('ip link add ethup type veth peer name ethfar netns wire; '
           f'ip link set ethup up master {pf.dev}')
    each('ip link del', lambda nth: nth.run('ip link del ethup'), come_back,
         lambda: pf.netdevs() + sorted(os.listdir('/sys/class/net')))


run([modules, probe, numvfs, bind, up, uplink, devlink, port_netdev, nodes, removed])
