# SPDX-License-Identifier: GPL-2.0
"""The two ends of each peer: guests on a virtual network card, namespaces of the host, or one
of each.

An end has dev, mac, ip, run(), out(); a peer is a function that makes two of them.
"""
import os
import shlex
import sys
sys.path.insert(0, '/vnic/selftests/lib')
from guest import Guest
from ktap import wait_for
from vnic import VF_DRIVER, load, out, sh, write

QUEUES = 4          # queue pairs a card offers; one is used unless a workload asks for more
# Loaded before the symbols are read.
MODULES = 'for m in pktgen sch_ingress cls_matchall act_gact; do modprobe $m; done'
# Without it an interrupt that KVM injects may be delivered twice, see performance.rst.
CPU = '-cpu host,kvm-pv-eoi=off'
NETDEVS = 'for d in /sys/class/net/*/device; do d=${d%/device}; echo ${d##*/}; done'


class End:
    """One of the two ends."""

    ip = dev = mac = None
    bursts = True       # its device can send a packet more than once

    def run(self, cmd, **kwargs):
        """Run a shell command at this end."""
        raise NotImplementedError

    def out(self, cmd, **kwargs):
        """Its output."""
        return self.run(cmd, **kwargs).stdout.strip()

    def up(self, ip):
        """Give the network device an address and set it up."""
        self.ip = ip
        self.run(f'ip addr add {ip}/24 dev {self.dev}; ip link set {self.dev} up')
        wait_for(lambda: 'LOWER_UP' in self.out(f'ip link show {self.dev}'), 'carrier', 30)
        self.mac = self.out(f'cat /sys/class/net/{self.dev}/address')

    def received(self):
        """Packets its device has delivered."""
        return int(self.out(f'cat /sys/class/net/{self.dev}/statistics/rx_packets'))

    def kallsyms(self):
        """Its kernel's symbols, as they must be kept for a profile."""
        return None


class GuestEnd(End):
    """A guest."""

    def __init__(self, name, vfs=(), extra='', before='', module=None, card=True):
        args = f"--mem 512M --append ipv6.disable=1 --extra '{CPU} {extra}'"
        if before:
            args += ' ' + before
        self.guest = Guest(name, vfs, extra=args)
        self.name = name
        self.run(MODULES)
        if module:
            self.run('modprobe ' + module)
        if card:
            self.dev = wait_for(lambda: self.out(NETDEVS), f'network device in {name}', 60)

    def run(self, cmd, timeout=30, check=True):
        return self.guest.run(cmd, timeout=timeout, check=check)

    def kallsyms(self):
        return self.out("grep '\\[' /proc/kallsyms", timeout=60)


class InGuestEnd(End):
    """A network namespace of a guest; takes the device, one end of a veth pair, into it."""

    bursts = False

    def __init__(self, inside, name, dev):
        self.inside, self.name, self.dev = inside, name, dev
        inside.run(f'ip netns add {name}; ip link set {dev} netns {name}; '
                   f'ip -n {name} link set {dev} up')     # the other one's carrier

    def run(self, cmd, timeout=30, check=True):
        return self.inside.run(f'ip netns exec {self.name} bash -c {shlex.quote(cmd)}',
                               timeout=timeout, check=check)

    def kallsyms(self):
        return self.inside.kallsyms()


class NamespaceEnd(End):
    """A network namespace of the host; takes the device into it."""

    def __init__(self, name, dev):
        self.name = name
        self.dev = dev
        sh(f'ip netns add {name}; ip link set {dev} netns {name}')
        self.run('ip link set lo up')

    def run(self, cmd, timeout=30, check=True):
        return sh(cmd, ns=self.name, timeout=timeout, check=check)


def adapter(numvfs=2, **params):
    """vnic-pf with VFs."""
    pf = load(total_vfs=max(numvfs, 8), **params)[0]
    pf.numvfs(numvfs)
    sh(f'ip link set {pf.dev} up')
    return pf


def two_vfs(numvfs=2, **params):
    """The first two of an adapter's VFs."""
    pf = adapter(numvfs, **params)
    return [pf.vf(0), pf.vf(1)]


def as_virtio(vf):
    """A VF that is a virtio device, given to vfio with vectors for all its queues."""
    write(VF_DRIVER + '/unbind', vf.bdf)
    vf.set('sriov_vf_msix_count', 2 * QUEUES + 1)
    return vf.to_vfio()


def guests(make):
    """Two guests, made by make(index)."""
    return [make(0), make(1)]


def direct():
    """no card, but the two ends of a veth pair in one guest: the generator and the stacks"""
    guest = GuestEnd('a', module='veth', card=False)
    guest.run('ip link add c0 type veth peer name c1')
    return [InGuestEnd(guest, f'n{i}', f'c{i}') for i in range(2)]


def vnic():
    """VFs by vfio"""
    vfs = [vf.to_vfio() for vf in two_vfs()]
    return guests(lambda i: GuestEnd('ab'[i], [vfs[i]]))


def virtio():
    """VFs by vfio that are virtio devices to their guests"""
    vfs = [as_virtio(vf) for vf in two_vfs(personality='virtio')]
    return guests(lambda i: GuestEnd('ab'[i], [vfs[i]]))


def bridge():
    """A bridge for taps."""
    sh('modprobe tun; ip link add br0 type bridge stp_state 0 mcast_snooping 0; ip link set br0 up')


def tap(i, model, opts='', netdev='n0'):
    """QEMU's arguments for a card on a tap in the bridge; each card of a guest has a netdev."""
    several = model == 'virtio-net-pci'
    sh(f'ip tuntap add tap{i} mode tap {"multi_queue" if several else ""}; '
       f'ip link set tap{i} master br0 up')
    if several:
        opts += f',queues={QUEUES}'
        model += f',mq=on,vectors={2 * QUEUES + 2}'
    return f'-netdev tap,id={netdev},ifname=tap{i},script=no,downscript=no{opts} ' \
           f'-device {model},netdev={netdev},mac=02:00:00:00:20:0{i + 1},romfile='


def on_bridge(model, opts='', module=None):
    """Two guests with this card on taps in a bridge."""
    bridge()
    return guests(lambda i: GuestEnd('ab'[i], extra=tap(i, model, opts), module=module))


def vhost():
    """virtio-net and vhost-net on tap and bridge"""
    sh('modprobe vhost_net')
    return on_bridge('virtio-net-pci', ',vhost=on')


def qemu():
    """virtio-net without vhost on tap and bridge"""
    return on_bridge('virtio-net-pci', ',vhost=off')


def e1000():
    """an emulated e1000 on tap and bridge"""
    return on_bridge('e1000', module='e1000')


def rtl8139():
    """an emulated rtl8139 on tap and bridge"""
    return on_bridge('rtl8139', module='8139cp')


def macvtap():
    """virtio-net and vhost-net on macvtap in bridge mode"""
    sh('modprobe vhost_net; modprobe macvtap; ip link add low0 type dummy; ip link set low0 up')

    def make(i):
        mac = f'02:00:00:00:20:0{i + 1}'
        sh(f'ip link add link low0 name mvt{i} address {mac} type macvtap mode bridge; '
           f'ip link set mvt{i} up')
        index = out(f'cat /sys/class/net/mvt{i}/ifindex')
        dev = f'/dev/tap{index}'
        wait_for(lambda: os.path.exists(dev), dev)
        return GuestEnd('ab'[i], extra='-netdev tap,id=n0,fd=7,vhost=on '
                        f'-device virtio-net-pci,netdev=n0,mac={mac},romfile=',
                        before=f'7<>{dev}')
    return guests(make)


def host_vnic(numvfs=2):
    """two VFs of the host"""
    ends = [NamespaceEnd(f'ns{vf.index}', vf.dev) for vf in two_vfs(numvfs)]
    for end in ends:
        # With one CPU pktgen spins, and is counted, from a full ring to its slice's end.
        end.run(f'ethtool -G {end.dev} tx 2048 rx 2048')
    return ends


def host_vnic64():
    """two VFs of the host, of 64 that are enabled"""
    return host_vnic(64)


def host_veth():
    """two veth pairs and a bridge"""
    bridge()
    for i in range(2):
        sh(f'ip link add ve{i} type veth peer name vb{i}; ip link set vb{i} master br0 up')
    return [NamespaceEnd(f'ns{i}', f've{i}') for i in range(2)]


def host_direct():
    """one veth pair between the two: the generator and the stacks"""
    sh('ip link add ve0 type veth peer name ve1')
    ends = [NamespaceEnd(f'ns{i}', f've{i}') for i in range(2)]
    for end in ends:
        end.run(f'ip link set {end.dev} up')    # the other one's carrier
    return ends


def on_dummy(kind):
    """Two devices of this kind above a dummy."""
    sh('ip link add low0 type dummy; ip link set low0 up')
    for i in range(2):
        sh(f'ip link add link low0 name up{i} type {kind}')
    return [NamespaceEnd(f'ns{i}', f'up{i}') for i in range(2)]


def host_macvlan():
    """two macvlans in bridge mode"""
    return on_dummy('macvlan mode bridge')


def host_ipvlan():
    """two ipvlans, layer 2"""
    return on_dummy('ipvlan mode l2 bridge')


def far_end(master=None):
    """Where a guest's traffic goes: a namespace at the other end of a veth pair, which has the
    wire's place in an adapter or a bridge. It sends frames as a wire carries them."""
    sh('ip link add wire0 type veth peer name far0; ip link set wire0 up '
       + (f'master {master}' if master else ''))
    far = NamespaceEnd('far', 'far0')
    far.run('ethtool -K far0 tso off; ip link set far0 up')
    return far


def one_bare():
    """no guest: the other end of the same veth pair, in a namespace"""
    far = far_end()
    near = NamespaceEnd('near', 'wire0')
    near.run('ethtool -K wire0 gro on')     # as cards have it
    return [near, far]


def one_vnic():
    """a guest with a VF by vfio, the far end at the uplink"""
    pf = adapter()
    return [GuestEnd('a', [pf.vf(0).to_vfio()]), far_end(pf.dev)]


def one_virtio():
    """the same with a VF that is a virtio device to its guest"""
    pf = adapter(personality='virtio')
    return [GuestEnd('a', [as_virtio(pf.vf(0))]), far_end(pf.dev)]


def one_on_bridge(model, opts='', module=None):
    """A guest with this card on a tap, in a bridge with the far end."""
    bridge()
    return [GuestEnd('a', extra=tap(0, model, opts), module=module), far_end('br0')]


def one_vhost():
    """a guest with virtio-net and vhost-net"""
    sh('modprobe vhost_net')
    return one_on_bridge('virtio-net-pci', ',vhost=on')


def one_e1000():
    """a guest with an emulated e1000"""
    return one_on_bridge('e1000', module='e1000')


def one_rtl8139():
    """a guest with an emulated rtl8139"""
    return one_on_bridge('rtl8139', module='8139cp')


GUEST_PEERS = {'direct': direct, 'vnic': vnic, 'virtio': virtio, 'vhost': vhost, 'macvtap': macvtap, 'qemu': qemu,
               'e1000': e1000, 'rtl8139': rtl8139}
HOST_PEERS = {'direct': host_direct, 'vnic': host_vnic, 'vnic64': host_vnic64, 'veth': host_veth, 'macvlan': host_macvlan,
              'ipvlan': host_ipvlan}
ONE_PEERS = {'bare': one_bare, 'vnic': one_vnic, 'virtio': one_virtio, 'vhost': one_vhost,
             'e1000': one_e1000, 'rtl8139': one_rtl8139}


def quiet():
    """Nothing that would be measured by accident."""
    write('/proc/sys/net/ipv6/conf/all/disable_ipv6', '1')
    write('/proc/sys/net/ipv6/conf/default/disable_ipv6', '1')
    sh(MODULES)
