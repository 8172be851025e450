#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: guests=strict,lazy,virtio,virtio_vfs
# timeout: 1200
"""Guests that have an IOMMU themselves, which they map and unmap each buffer with."""
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
from guest import Guest
from devlink import Devlink
from ktap import contains, defer, note, run, timely
from vnic import load, sh, shared


def bench(personality='native'):
    """VF 0 for guests with an IOMMU, VF 1 in one without, VF 2 in a namespace with iperf3."""
    pf = load(total_vfs=4)[0]
    vfs = pf.vfs(3)
    vfs[2].up(ns='peer', ip='10.9.0.3')
    for i in range(2):
        Devlink(pf).set_param(f'vf{i}_personality', personality)
    vfs[0].to_vfio()
    vfs[1].to_vfio()
    sh('iperf3 -s -D -I /run/iperf3.pid', ns='peer')
    defer(sh, 'kill $(tr -d "\\0" </run/iperf3.pid)')
    return vfs[0], Guest('b', [vfs[1]]).up('10.9.0.2')


def share(guest, plain, args):
    """What it reaches of what the other one does at the same time, at least half.

    What else runs on this host makes either slower for a while: one right after the
    other, and the best of up to six such pairs counts.
    """
    best = 0
    for _ in range(6):
        of = plain.iperf('10.9.0.3', args, seconds=1)
        best = max(best, guest.iperf('10.9.0.3', args, seconds=1) / of)
        if best >= 0.5:
            break
    note(f'{best:.2f} of what a guest without an IOMMU reaches, iperf3 {args}')
    timely(best >= 0.5, f'{best:.2f} of what a guest without an IOMMU reaches')


def bench_virtio():
    """The same with virtio VFs"""
    return bench('virtio')


def behind(vf, extra):
    """A guest with an IOMMU, which translates for its VF"""
    guest = Guest('a', [vf], extra=extra).up('10.9.0.1')
    for size in (56, 1400):
        guest.ping('10.9.0.3', size=size)
    device = f'$(readlink -f /sys/class/net/{guest.dev()}/device)'
    contains(guest.out(f'cat {device}/iommu_group/type {device}/../iommu_group/type 2>/dev/null',
                       check=False), 'DMA', 'its domain')
    return guest


def compare(extra):
    """With an IOMMU a guest sends and receives at least half of what it does without."""
    vf, plain = shared(bench)
    guest = behind(vf, extra)
    share(guest, plain, '')
    share(guest, plain, '-R')
    guest.kill()


def strict():
    """intel-iommu, strict: what is unmapped is so at once; native VFs"""
    compare("--iommu intel --append iommu.strict=1")


def lazy():
    """intel-iommu, lazy: unmapped many at a time; native VFs"""
    compare("--iommu intel --append iommu.strict=0")


def virtio():
    """virtio-iommu; native VFs"""
    compare("--iommu virtio")


def shares(guest, plain, what):
    """Print what the guest reaches of what the plain one does, sending and receiving."""
    for args in ('', '-R'):
        of = plain.iperf('10.9.0.3', args, seconds=1)
        mbps = guest.iperf('10.9.0.3', args, seconds=1)
        timely(mbps > 0.2, f'TCP {args}: {mbps} Mb/s')
        note(f'{what}: {mbps / of:.2f} of what a guest without an IOMMU reaches {args}')


def both_modes(iommu):
    """A virtio VF behind this IOMMU, strict and lazy"""
    vf, plain = shared(bench_virtio)
    for mode in (1, 0):
        guest = behind(vf, f'--iommu {iommu} --append iommu.strict={mode}')
        shares(guest, plain, f'virtio VF, {iommu}-iommu, iommu.strict={mode}')
        guest.kill()


def virtio_vfs():
    """virtio-iommu, strict and lazy; virtio VFs: slower, as their driver maps each frame"""
    both_modes('virtio')


def intel_vfs():
    """by hand: intel-iommu, strict and lazy; virtio VFs"""
    both_modes('intel')


def tap(i, platform):
    """QEMU's arguments for vhost-net by a tap of the bridge"""
    sh(f'ip tuntap add tap{i} mode tap; ip link set tap{i} master br0 up')
    return f'-netdev tap,id=n0,ifname=tap{i},script=no,downscript=no,vhost=on ' \
           f'-device virtio-net-pci,netdev=n0,disable-legacy=on,mac=02:00:00:00:09:0{i}{platform}'


def vhost():
    """by hand: the same by tap and vhost-net, strict: what the guest and its QEMU cost there"""
    sh('ip link add br0 type bridge; ip link set br0 up; ip netns add far; '
       'ip link add v0 type veth peer name v1 netns far; ip link set v0 master br0 up; '
       'ip -n far link set v1 up; ip -n far addr add 10.9.0.3/24 dev v1')
    defer(sh, 'ip netns del far; ip link del br0; ip link del tap1; ip link del tap2')
    sh('ip netns exec far iperf3 -s -D -I /run/far.pid')
    defer(sh, 'kill $(tr -d "\\0" </run/far.pid)')
    sh('modprobe vhost_net tun')
    plain = Guest('d', extra=f"--no-load --extra '{tap(2, '')}'").up('10.9.0.2')
    guest = Guest('c', extra="--no-load --iommu virtio --append iommu.strict=1 "
                  f"--extra '{tap(1, ',iommu_platform=on')}'").up('10.9.0.1')
    shares(guest, plain, 'tap and vhost, iommu.strict=1')


run([strict, lazy, virtio, virtio_vfs, intel_vfs, vhost])
