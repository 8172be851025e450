#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: guests
# proof: guests=offline,devices,network
# timeout: 1200
"""VFs given to guests by libvirt, which binds them itself (managed='yes'): by virsh."""
import os
import re
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
from devlink import Devlink
from ktap import contains, defer, eq, keep, note, run, true, wait_for
from virsh import (Domain, daemon, file_of, hostdev, interface, refused_by_virsh,
                   stop_daemon, vfio_unused, virsh)
from vnic import load, log_mark, log_since, out, read, sh, shared, unload

VNIC = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../tools/vnic')
PEER = '10.9.0.9'       # the PF's, VLAN 42
VLAN = "<vlan><tag id='42'/></vlan>"
NETWORK = "<network><name>vnic</name><forward mode='hostdev' managed='yes'><pf dev='{}'/>" \
    '</forward></network>'
# An IOMMU in the guest: libvirt wants the interrupts to be remapped, too.
IOMMU = "<iommu model='intel'><driver intremap='on' caching_mode='on'/></iommu>"
IOAPIC = "<ioapic driver='qemu'/>"
RED, BLUE, THIRD = '02:00:00:00:16:01', '02:00:00:00:16:02', '02:00:00:00:16:03'


class Bench:
    """An adapter, libvirt, and domains that are started when a case wants them.

    red has the network's first VF, 0, a virtio device, as VFs are if nobody says otherwise;
    blue VF 1, for vnic-vf, and an IOMMU.
    """

    def __init__(self):
        self.pf = load(total_vfs=8)[0]
        note(f'vfio is {"not loaded" if vfio_unused() else "loaded: " + out("lsmod | grep vfio")}')
        self.vfs = self.pf.vfs(4)
        Devlink(self.pf).set_param('vf0_personality', 'virtio')
        self.pf.link(0, 'mac 02:00:00:00:16:50 max_tx_rate 50 trust on')
        self.pf.link(1, 'vlan 7')
        # libvirt puts back what the interface has, which takes the host's when it goes up
        for state in ('up', 'down'):
            sh(f'ip link set {self.vfs[0].dev} {state}')
        self.before = [self.settings(i) for i in range(4)]
        sh(f'ip link add link {self.pf.dev} name peer type vlan id 42; '
           f'ip addr add {PEER}/24 dev peer')
        daemon()
        virsh(f'net-define {file_of("network", NETWORK.format(self.pf.dev))}')
        defer(virsh, 'net-undefine vnic', check=False)
        virsh('net-start vnic')
        defer(virsh, 'net-destroy vnic', check=False)
        self.domains = {}

    def settings(self, index):
        """All of `ip link` of a VF but its counters."""
        info = self.pf.vfinfo(index)
        del info['stats']
        return info

    def online(self):
        """The PF is up."""
        sh(f'ip link set {self.pf.dev} up; ip link set peer up')
        return self

    def running(self, name, make):
        """A domain."""
        if name not in self.domains:
            self.online()
            self.domains[name] = make()
            keep()
        return self.domains[name]

    def red(self):
        """VF 0, from the network."""
        return self.running('red', lambda: Domain('red', red_interface(), ports=2).up('10.9.0.1'))

    def blue(self):
        """VF 1, named by its address, and an IOMMU."""
        return self.running('blue', lambda: Domain(
            'blue', interface(self.vfs[1], BLUE, VLAN) + IOMMU, features=IOAPIC,
            append='intel_iommu=on iommu=nopt iommu.passthrough=0').up('10.9.0.2'))

    def is_back(self, index, what):
        """A VF is the host's again, with the settings from before."""
        wait_for(lambda: self.vfs[index].driver() == 'vnic-vf', f'{what}: VF {index} is back', 60)
        eq(self.vfs[index].get('driver_override'), '(null)', f'{what}: driver_override')
        eq(self.settings(index), self.before[index], f'{what}: settings of VF {index}')


def red_interface():
    """An interface of the network"""
    return f"<interface type='network'><mac address='{RED}'/><source network='vnic'/>{VLAN}" \
        '</interface>'


def thrown_away(name, devices):
    """Define a domain for a case that does not boot it."""
    domain = Domain.__new__(Domain)
    domain.name = name
    domain.define(devices)
    return domain


def offline():
    """a PF that is down: libvirt refuses, and changes nothing (vnic list warns of it)"""
    b = shared(Bench)
    sh(f'ip link set {b.pf.dev} down')
    thrown_away('third', interface(b.vfs[2], THIRD))
    contains(refused_by_virsh('start third'), 'PF is not online', 'virsh start')
    b.is_back(2, 'refused')
    b.online()


def devices():
    """libvirt's list of devices has PF and VFs as nova reads it; detached and back by that name"""
    b = shared(Bench).online()
    name = 'pci_' + re.sub('[:.]', '_', b.vfs[2].bdf)
    for bdf, parts in ((b.pf.bdf, ("type='virt_functions'",)),
                       (b.vfs[2].bdf, ("type='phys_function'", "<product id='0x1001'",
                                       "<vendor id='0x766e'", '<iommuGroup number='))):
        xml = virsh('nodedev-dumpxml pci_' + re.sub('[:.]', '_', bdf))
        for part in parts:
            contains(xml, part, bdf)
    virsh(f'nodedev-detach {name}')
    eq(b.vfs[2].driver(), 'vnic-vfio-pci', 'driver')
    virsh(f'nodedev-reattach {name}')
    b.is_back(2, 'reattached')


def bandwidth():
    """<bandwidth> is refused by libvirt for each NIC's VFs: the rate is the host's to set"""
    b = shared(Bench).online()
    limit = "<bandwidth><inbound average='1000'/></bandwidth>"
    thrown_away('third', interface(b.vfs[2], THIRD, limit))
    contains(refused_by_virsh('start third'), 'bandwidth settings are not supported', 'virsh start')
    b.is_back(2, 'refused')


def network():
    """a network hands out VFs: MAC and VLAN, on a host where nobody has used vfio"""
    b = shared(Bench)
    red = b.red()
    eq(b.vfs[0].driver(), 'vnic-vfio-pci', 'driver that libvirt has found')
    info = b.settings(0)
    eq(info['address'], RED, 'MAC')
    eq(info['vlan_list'][0]['vlan'], 42, 'VLAN')
    eq(info['rate']['max_tx'], 50, 'rate')
    eq(red.devs(), {RED: red.dev()}, 'the MAC in the guest')
    red.ping(PEER, size=1400)
    contains(out(f'{VNIC} list'), f'qemu-system-x86[{red.pid()}]', 'user')
    contains(virsh('net-dumpxml vnic'), "connections='1'", 'VFs in use')
    locked = limit_of(red)
    eq(locked, (256 + 1024) << 20, 'memory that QEMU may lock, as libvirt computes it')


def limit_of(domain):
    """Bytes that its QEMU may lock; it is not root's."""
    status = read(f'/proc/{domain.pid()}/status')
    true(re.search(r'^Uid:\t(?!0\b)', status, re.M), 'QEMU is not root')
    return int(re.search(r'^Max locked memory +(\d+)', read(f'/proc/{domain.pid()}/limits'),
                         re.M).group(1))


def by_address():
    """two domains, one of them with an IOMMU: <interface type='hostdev'> by address"""
    b = shared(Bench)
    red, blue = b.red(), b.blue()
    eq(b.settings(1)['vlan_list'][0], {'vlan': 42}, 'VLAN')
    contains(blue.out('cat /sys/bus/pci/drivers/vnic-vf/*/iommu_group/type'), 'DMA', 'its domain')
    for size in (56, 1400):
        blue.ping('10.9.0.1', size=size)
        blue.ping(PEER, size=size)
    blue.serve()
    true(red.iperf('10.9.0.2', seconds=1) > 0.1, 'TCP flows')
    thrown_away('third', interface(b.vfs[1], THIRD))
    contains(refused_by_virsh('start third'), 'in use by driver QEMU, domain blue', 'VF 1 again')
    eq(b.vfs[1].driver(), 'vnic-vfio-pci', 'VF 1')


def hot():
    """<hostdev>: attached to a domain that runs, detached, attached; then an <interface>"""
    b = shared(Bench)
    red = b.red()
    path = file_of('hot', hostdev(b.vfs[2]))
    b.pf.link(2, 'mac 02:00:00:00:16:52 vlan 42')
    b.before[2] = b.settings(2)
    for again in range(2):
        virsh(f'attach-device red {path} --live')
        dev = wait_for(lambda: red.devs().get('02:00:00:00:16:52'), 'the VF in the guest', 20)
        if not again:
            red.run(f'ip link set {red.devs()[RED]} down; ip link set {dev} up; '
                    f'ip addr add 10.9.0.3/24 dev {dev}')
            red.ping(PEER)
            red.run(f'ip addr del 10.9.0.3/24 dev {dev}; ip link set {red.devs()[RED]} up')
            red.up('10.9.0.1')
        virsh(f'detach-device red {path} --live')
        b.is_back(2, 'detached')
        wait_for(lambda: len(red.devs()) == 1, 'gone in the guest', 20)
    path = file_of('hot', interface(b.vfs[3], THIRD, VLAN))
    virsh(f'attach-device red {path} --live')
    wait_for(lambda: red.devs().get(THIRD), 'the interface in the guest', 20)
    eq(b.settings(3)['vlan_list'][0]['vlan'], 42, 'its VLAN')
    virsh(f'detach-device red {path} --live')
    b.is_back(3, 'detached')
    red.ping(PEER)


def reboots():
    """virsh reboot, and reset: the same VF, with its settings, in the guest that comes up"""
    b = shared(Bench)
    red = b.red()
    pid, before = red.pid(), b.settings(0)
    for again in (red.reboot, red.reset):
        again()
        eq(red.pid(), pid, 'QEMU')
        eq(b.settings(0), before, 'settings')
        red.up('10.9.0.1').ping(PEER)


def saved():
    """virsh save is refused, and the domain runs on"""
    b = shared(Bench)
    red = b.red()
    contains(refused_by_virsh('save red /run/red.save'), 'migrat', 'virsh save')
    contains(refused_by_virsh('managedsave red'), 'migrat', 'virsh managedsave')
    eq(red.state(), 'running', 'state')
    red.ping(PEER)


def ended():
    """libvirtd is killed and starts again, then virsh shutdown: VFs as they were before"""
    b = shared(Bench)
    red, blue = b.red(), b.blue()
    stop_daemon()
    daemon()
    eq(red.state(), 'running', 'state')
    red.shutdown()
    b.is_back(0, 'shut down')
    blue.ping(PEER)
    sh(f'guest kill {blue.name}')
    b.is_back(1, 'killed')


def idle():
    """An adapter on a host where nobody has used vfio; a VF."""
    pf = load(total_vfs=8)[0]
    true(vfio_unused(), 'vfio is not loaded')
    vf = pf.vfs(2)[1]
    sh(f'ip link set {pf.dev} up')
    daemon()
    return vf


def again():
    """when the last VF has left vfio, and with the modules loaded afresh, it works again"""
    vf = idle()
    for reload, driver in ((False, "<driver name='vfio' model='vnic-vfio-pci'/>"), (True, '')):
        if reload:
            unload()
            sh('modprobe vnic-vf; modprobe vnic-pf total_vfs=8')
            vf.pf.numvfs(2)
        thrown_away('third', hostdev(vf, driver))
        virsh('start third --paused')
        eq(vf.driver(), 'vnic-vfio-pci', 'driver')
        virsh('destroy third')
        eq(vf.driver(), 'vnic-vf', 'driver')
        virsh('undefine third')


def stock():
    """stock vfio-pci does not serve a VF: no guest starts with it, and the kernel says why"""
    vf = idle()
    mark = log_mark()
    thrown_away('third', hostdev(vf, "<driver name='vfio' model='vfio-pci'/>"))
    refused_by_virsh('start third --paused')
    contains(log_since(mark), 'VFs do not work by vfio-pci: bind it to vnic-vfio-pci', 'log')
    eq(vf.driver(), 'vnic-vf', 'driver')


run([offline, devices, bandwidth, network, by_address, hot, reboots, saved, ended, again, stock])
