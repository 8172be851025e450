#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable debug
# timeout: 480
"""Module parameters, and what loading and unloading leaves behind."""
import errno
import os
import re
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
from devlink import Devlink
from ktap import contains, defer, eq, run, true
from vnic import (errno_of, load, loaded, log_mark, log_since, out, pf_list, read, refused, sh,
                  unload, write)


def ranges():
    """parameters out of range, or unknown words, are refused with what is accepted"""
    for params, accepted in (('adapters=0', '1 to 8'), ('adapters=9', '1 to 8'),
                             ('total_vfs=0', '1 to 256'), ('total_vfs=257', '1 to 256'),
                             ('memory=0', '1 to 1024'), ('memory=1025', '1 to 1024'),
                             ('personality=x', 'native, virtio or virtio-split are accepted'),
                             ('personality=', 'native, virtio or virtio-split are accepted')):
        mark = log_mark()
        contains(refused(f'modprobe vnic-pf {params}'), os.strerror(errno.EINVAL), params)
        said = log_since(mark)
        contains(said, params.split('=')[0], 'the line in dmesg')
        contains(said, accepted, f'{params}: what is accepted')
        true(not loaded('vnic-pf'), f'{params}: not loaded')


def no_numbers():
    """what is no number of its kind is refused by the kernel, with the parameter's name"""
    sh('modprobe vnic-pf && rmmod vnic-pf')     # what it depends on is there
    for module, params, why in (('vnic-pf', 'adapters=-1', errno.EINVAL),
                                ('vnic-pf', 'memory=x', errno.EINVAL),
                                ('vnic-pf', 'total_vfs=99999999999', errno.ERANGE),
                                ('vnic-vfio-pci', 'doorbell_page=2', errno.EINVAL)):
        mark = log_mark()
        contains(refused(f'modprobe {module} {params}'), os.strerror(why), params)
        contains(log_since(mark), params.split('=')[0], f'{params}: the line in dmesg')
        true(not loaded(module), f'{params}: {module} is not loaded')


def defaults():
    """one adapter: a PF with 64 VFs and a netdev, in a domain QEMU takes; virtio VFs for guests"""
    pfs = load(personality=None)
    eq(len(pfs), 1, 'PFs')
    eq(pfs[0].get('sriov_totalvfs'), '64', 'sriov_totalvfs')
    true(pfs[0].dev, 'netdev')
    eq(pfs[0].bdf, '0008:00:00.0', 'PF: in a domain that QEMU takes')
    pfs[0].numvfs(1)
    for of, name in ((pfs[0], 'enP8p0s0'), (pfs[0].vf(0), 'enP8p0s0v0')):
        said = out(f'udevadm test-builtin net_id /sys/class/net/{of.dev} 2>&1').splitlines()
        true(f'ID_NET_NAME_PATH={name}' in said, f'udev calls it {name}: {said}')
        true(len(name + '.4094') <= 15, 'there is room for a VLAN')
    eq(Devlink(pfs[0]).param('vf0_personality'), 'virtio', 'what a guest meets')


def many():
    """adapters=8 total_vfs=3: eight PFs in domains of their own"""
    pfs = load(adapters=8, total_vfs=3)
    eq(len(pfs), 8, 'PFs')
    eq([p.bdf.split(':')[0] for p in pfs], [f'{8 + i:04x}' for i in range(8)], 'domains')
    for pf in pfs:
        eq(pf.get('sriov_totalvfs'), '3', 'sriov_totalvfs')
        pf.numvfs(3)
    eq(len(out('lspci -D -d 766e:').splitlines()), 8 * 4, 'functions in lspci')


def cycles():
    """loading and unloading again and again leaves nothing behind"""
    def footprint():
        return out('cat /proc/iomem | wc -l; ls /sys/bus/pci/devices | wc -l;'
                   'ls /sys/class/net | wc -l; ls /sys/devices/platform | wc -l')
    unload()
    before = footprint()
    for _ in range(4):
        sh('modprobe vnic-pf total_vfs=8')
        pf_list()[0].numvfs(8)
        sh('rmmod vnic-pf')
    eq(footprint(), before, 'iomem lines, PCI devices, netdevs, platform devices')


def taint():
    """no taint beyond out-of-tree (and unsigned)"""
    load()
    value = int(out('cat /proc/sys/kernel/tainted'))
    eq(value & ~(1 << 12 | 1 << 13), 0, 'taint')


def other_build():
    """modules of different builds do not get together: refused, with what to reload"""
    load()
    sh('modprobe vnic-vfio-pci')    # and what insmod would miss
    for module, its in (('vnic-vfio-pci', 'vnic-pf'), ('vnic-pf', 'vnic-iommu')):
        with open(out(f'modinfo -n {module}'), 'rb') as file:
            code, count = re.subn(rb'[0-9a-f]{15}(?=[0-9a-f]\0)', b'another build: ', file.read())
        true(count, f'{module} has a hash of what it shares')
        with open('/run/other.ko', 'wb') as file:
            file.write(code)
        sh(f'rmmod {module}')
        mark = log_mark()
        refused('insmod /run/other.ko')
        contains(log_since(mark), f': reload {its}\n', f'{module} of another build')
        true(not loaded(module), f'{module}: not loaded')
    sh('modprobe vnic-vfio-pci')


def too_much():
    """more packet memory than there is: refused with what there is, and nobody is killed"""
    free = int(re.search(r'MemAvailable: +(\d+)', read('/proc/meminfo'))[1]) >> 10
    defer(write, '/proc/sys/vm/nr_hugepages', 0)
    write('/proc/sys/vm/nr_hugepages', (free - 700) // 2)   # so that there are about 700 MB
    pfs = load(adapters=3, total_vfs=1, memory=300)
    mark = log_mark()
    errors = [errno_of(pf.numvfs, 1) for pf in pfs]
    eq(set(errors), {0, errno.ENOMEM}, f'numvfs of 3 adapters with 300 MiB each: {errors}')
    said = log_since(mark)
    contains(said, 'no memory for 300 MiB of packet memory (memory=)', 'the line in dmesg')
    true(not re.search('oom|[Oo]ut of memory|allocation failure|Call Trace', said), said)


run([ranges, no_numbers, defaults, many, cycles, other_build, too_much, taint])
