#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable
# proof: stable
"""An adapter in the network namespace of a cluster's node that is a container (kind ...)."""
import os
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
from ktap import contains, defer, eq, run, true, wait_for
from vnic import Background, load, out, ping, read, refused, sh, shared

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                      '../../tools/samples/ci/vfs-to-node')


class Node:
    """A PF of two that is in the namespace of a process, with its VFs, by the script."""

    def __init__(self):
        self.pfs = load(adapters=2, total_vfs=4)
        # as a container has it: a /sys of its own, which shows its interfaces
        self.process = Background("unshare -n -m sh -c 'mount -t sysfs sysfs /sys && "
                                  "exec sleep 1000'")
        self.pid = self.process.proc.pid
        dev = self.pfs[0].dev
        wait_for(lambda: read(f'/proc/{self.pid}/cmdline').startswith('sleep'), 'the container')
        self.names = dict(line.split() for line in out(f'{SCRIPT} {self.pid} 3').splitlines())
        eq(self.names[self.pfs[0].bdf], dev, 'name of the PF')

    def run(self, cmd):
        """A command in the container."""
        return out(f'nsenter -m -n -t {self.pid} sh -c "{cmd}"')


def moved():
    """PF and VFs are the node's, and its /sys has them as a device plugin wants to find them"""
    n = shared(Node)
    pf = n.pfs[0]
    eq(list(n.names), [pf.bdf, 'virtfn0', 'virtfn1', 'virtfn2'], 'what the script says')
    eq((pf.netdevs(), pf.vf(0).netdevs()), ([], []), 'of the host')
    dev = n.names[pf.bdf]
    for i in range(3):
        eq(n.run(f'ls /sys/class/net/{dev}/device/virtfn{i}/net'), n.names[f'virtfn{i}'], f'VF {i}')
    eq(n.run(f'ls /sys/bus/pci/devices/{pf.vf(1).bdf}/physfn/net'), dev, 'PF of VF 1')
    contains(n.run('ip -br link show up'), dev, 'the PF is up')


def pod():
    """sriov-cni's steps in the node: VF 1 is configured, goes to a pod, talks, and comes back"""
    n = shared(Node)
    dev, name, other = (n.names[k] for k in (n.pfs[0].bdf, 'virtfn1', 'virtfn2'))
    sh('ip netns add pod')
    defer(sh, 'ip netns del pod', check=False)
    n.run(f'ip link set {dev} vf 1 mac 02:00:00:00:60:01 vlan 100')
    n.run(f'ip link set {dev} vf 2 vlan 100')
    pod_pid = Background('sleep 1000', ns='pod').proc.pid
    n.run(f'ip link set {name} netns {pod_pid} name net1')
    sh('ip link set net1 address 02:00:00:00:60:01; ip addr add 10.9.0.1/24 dev net1; '
       'ip link set net1 up', ns='pod')
    n.run(f'ip addr add 10.9.0.2/24 dev {other}; ip link set {other} up')
    wait_for(lambda: ping('pod', '10.9.0.2', count=1, check=False), 'answer')
    sh(f'ip link set net1 down; ip link set net1 netns {n.pid} name {name}', ns='pod')
    n.run(f'ip link set {dev} vf 1 mac 00:00:00:00:00:00 vlan 0')
    eq(n.run(f'ls /sys/class/net/{dev}/device/virtfn1/net'), name, 'back')


def second():
    """another node has the next adapter; a third one none, and is told so"""
    n = shared(Node)
    other = Background('unshare -n sleep 1000')
    wait_for(lambda: os.readlink(f'/proc/{other.proc.pid}/ns/net') !=
             os.readlink('/proc/self/ns/net'), 'its namespace')
    contains(out(f'{SCRIPT} {other.proc.pid} 1', timeout=60), n.pfs[1].bdf, 'the second adapter')
    contains(refused(f'{SCRIPT} {other.proc.pid} 1'), 'adapters=N', 'a third node')
    contains(refused(f'{SCRIPT} {os.getpid()}'), 'no network namespace of its own', 'the host')
    other.stop()
    wait_for(lambda: n.pfs[1].netdevs() and n.pfs[1].vf(0).netdevs(), 'back with the host')


def ended():
    """the container ends: PF and VFs are the host's again, and work"""
    n = shared(Node)
    pf = n.pfs[0]
    n.process.stop()
    wait_for(lambda: pf.netdevs() and all(pf.vf(i).netdevs() for i in range(3)), 'back')
    pf.vf(0).up(ns='vf0', ip='10.9.0.1')
    pf.vf(1).up(ns='vf1', ip='10.9.0.2')
    true(ping('vf0', '10.9.0.2'), 'traffic')


run([moved, pod, second, ended])
