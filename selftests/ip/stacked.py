#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable
# timeout: 400
"""What is stacked over a VF, and what can be the PF's uplink: bond, team, bridge, VLAN ..."""
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
from ktap import Skip, contains, defer, run, wait_for
from vnic import load, ping, refused, sh, shared
from wire import wire

# How each is made over a link: {top} and {low}.
OVER = {
    'bond': 'ip link add {top} type bond mode active-backup miimon 50 fail_over_mac active && '
            'ip link set {low} down && ip link set {low} master {top}',
    'team': 'ip link set {low} down && teamd -d -t {top} -c '
            '\'{{"runner": {{"name": "activebackup"}}, "ports": {{"{low}": {{}}}}}}\'',
    'bridge': 'ip link add {top} type bridge && ip link set {low} master {top}',
    'macvlan': 'ip link add {top} link {low} type macvlan mode bridge',
    'passthru': 'ip link add {top} link {low} type macvlan mode passthru',
    'ipvlan': 'ip link add {top} link {low} type ipvlan mode l2',
    'vlan': 'ip link add {top} link {low} type vlan id 70',
    'qinq': 'ip link add {top} link {low} type vlan id 70 proto 802.1ad',
    'vxlan': 'ip addr add {outer}/24 dev {low} && ip link add {top} type vxlan id 7 '
             'dstport 4789 local {outer} remote {other} dev {low}',
}
SAME_AT_PEER = ('vlan', 'qinq', 'vxlan')    # the other side has to have it, too
FOREIGN = ('macvlan',)                      # sends from an address that is not the VF's
# What cannot be an uplink, and what is said of it.
REFUSED = {'macvlan': 'in mode passthru', 'ipvlan': 'gives away nothing'}


def stack(kind, top, low, address, outer=1, other=2, ns=None):
    """Make one of a kind over a link that is up; it gets the address."""
    if kind == 'team' and sh('command -v teamd', check=False).returncode:
        raise Skip('no teamd')
    sh(OVER[kind].format(top=top, low=low, outer=f'172.16.0.{outer}',
                         other=f'172.16.0.{other}'), ns=ns)
    defer(sh, f'teamd -k -t {top}' if kind == 'team' else f'ip link del {top}', ns=ns, check=False)
    if kind == 'vxlan':
        defer(sh, f'ip addr flush dev {low}', ns=ns)
    sh(f'ip addr add {address}/24 dev {top}; ip link set {low} up; ip link set {top} up', ns=ns)


class Pods:
    """A PF with two VFs without trust in namespaces pod and peer."""

    def __init__(self):
        self.pf = load(total_vfs=4)[0]
        self.vfs = self.pf.vfs(2)
        for vf, ns in zip(self.vfs, ('pod', 'peer')):
            vf.up(ns=ns)


def over(kind):
    """A case: that over a VF, and its peer another VF."""
    def case():
        b = shared(Pods)
        if kind in FOREIGN:
            b.pf.link(0, 'spoofchk off')
            defer(b.pf.link, 0, 'spoofchk on')
        stack(kind, 'top0', b.vfs[0].name, '10.9.0.1', ns='pod')
        if kind in SAME_AT_PEER:
            stack(kind, 'top0', b.vfs[1].name, '10.9.0.2', 2, 1, ns='peer')
        else:
            sh(f'ip addr add 10.9.0.2/24 dev {b.vfs[1].name}', ns='peer')
            defer(sh, f'ip addr flush dev {b.vfs[1].name}', ns='peer')
        for ns in ('pod', 'peer'):              # addresses may be others than before
            sh('ip neigh flush all', ns=ns)
        wait_for(lambda: ping('pod', '10.9.0.2', count=1, check=False), 'answer')
        ping('pod', '10.9.0.2', size=1400, count=3)
        ping('peer', '10.9.0.1', size=1400, count=3)
    case.__name__ = f'over_{kind}'
    case.__doc__ = f'{kind} over a VF'
    return case


class Wired:
    """A PF, a VF in namespace vf0, and a wire that nobody has as uplink yet."""

    def __init__(self):
        self.pf = load(total_vfs=4)[0]
        wire()
        sh('ip addr flush dev ethfar', ns='wire')
        sh(f'ip link set {self.pf.dev} up')
        self.vf = self.pf.vfs(1)[0].up(ns='vf0', ip='10.9.0.1')


def uplink(kind):
    """A case: that over the host's interface is the uplink."""
    def case():
        b = shared(Wired)
        stack(kind, 'top0', 'ethup', '10.99.0.1')
        sh('ip addr flush dev top0')
        if kind in REFUSED:
            contains(refused(f'ip link set top0 master {b.pf.dev}'), REFUSED[kind], 'why')
            return
        if kind in SAME_AT_PEER:
            stack(kind, 'top0', 'ethfar', '10.9.0.200', 2, 1, ns='wire')
        else:
            sh('ip addr add 10.9.0.200/24 dev ethfar', ns='wire')
            defer(sh, 'ip addr flush dev ethfar', ns='wire')
        sh(f'ip link set top0 master {b.pf.dev}')
        sh('ip neigh flush all', ns='vf0')      # the peer's address may be another than before
        wait_for(b.vf.carrier, 'carrier')
        wait_for(lambda: ping('vf0', '10.9.0.200', count=1, check=False), 'answer')
        ping('vf0', '10.9.0.200', size=1400, count=3)
        ping('wire', '10.9.0.1', size=1400, count=3)
    case.__name__ = f'uplink_{kind}'
    case.__doc__ = f'{kind} as uplink' + ': is refused' * (kind in REFUSED)
    return case


run([over(kind) for kind in OVER] + [uplink(kind) for kind in OVER])
