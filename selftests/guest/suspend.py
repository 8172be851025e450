#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: guests
# timeout: 400
"""Sleep: of a guest that has a VF, and of a host that has the adapter.

The host is a guest, too: the machine's own disk does not live through its sleep.  Who has a
VF there by vfio is a program: a QEMU would be a guest's guest's guest's.
"""
import sys
import time
sys.path.insert(0, sys.path[0] + '/../lib')
from guest import Guest
from ktap import eq, note, run, true, wait_for
from program import program
from vnic import frame, load, packet_socket

def sleeps(guest):
    """Let it sleep and wake up: by itself after its devices have slept; in full but for power."""
    for how, state in ('devices', 'freeze'), ('core', 'mem'):
        guest.run('echo 1 >/sys/module/suspend/parameters/pm_test_delay; '
                  f'echo {how} >/sys/power/pm_test; echo {state} >/sys/power/state', timeout=40)
        yield f'after {state}, {how}'


def back(cond, what):
    """Wait until it is as before: far below a second, but for what this host does meanwhile."""
    start = time.monotonic()
    wait_for(cond, what, 15)
    note(f'{what}: {time.monotonic() - start:.1f} s')


def of_guest():
    """a guest's VF receives at once after sleep, though it says nothing, and sends"""
    pf = load(total_vfs=4)[0]
    vfs = pf.vfs(2)
    vfs[1].up(ns='peer', ip='10.9.0.2')
    vfs[0].to_vfio()
    guest = Guest('a', [vfs[0]]).up('10.9.0.1')
    guest.ping('10.9.0.2')
    dev = guest.dev()
    mac = guest.out(f'cat /sys/class/net/{dev}/address')
    here = packet_socket(vfs[1].name, 'peer')

    def received():
        return int(guest.out(f'cat /sys/class/net/{dev}/statistics/rx_packets'))
    for when in sleeps(guest):
        def heard(before=received()):
            for _ in range(5):
                here.send(frame(mac, vfs[1].mac))
            return received() >= before + 5
        back(heard, f'a frame is heard {when}')
        guest.ping('10.9.0.2')


# The adapter, a wire, and VFs: 0 and 1 on the host, for programs 2, a native one, and 3, virtio.
HOST = 'sysctl -q net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1; ' \
    'modprobe -a vnic-vf vfio_iommu_type1 vfio_pci_core && insmod /vnic-iommu.ko && ' \
    'insmod /vnic-pf.ko total_vfs=4 personality=native && insmod /vnic-vfio-pci.ko && ' \
    'cd /sys/bus/pci/drivers/vnic-pf/*:*/ && echo 4 >sriov_numvfs && pf=$(ls net) && ' \
    'ip netns add wire && ip link add ethup type veth peer name ethfar netns wire && ' \
    'ip link set ethup up && ip -n wire link set ethfar up && ' \
    'ip -n wire addr add 10.9.0.8/24 dev ethfar && ip link set ethup master $pf && ' \
    'ip addr add 10.9.0.9/24 dev $pf && ip link set $pf up && ' \
    'for i in 0 1; do ip netns add vf$i; dev=$(ls virtfn$i/net); ' \
    'ip link set $dev netns vf$i; ip -n vf$i addr add 10.9.0.$i/24 dev $dev; ' \
    'ip -n vf$i link set $dev up; done && ' \
    'devlink dev param set pci/$(basename $PWD) name vf3_personality value virtio ' \
    'cmode runtime && ' \
    'for i in 2 3; do ip link set $pf vf $i mac 02:00:00:00:60:0$i && ' \
    'ip -n wire neigh add 10.9.0.$i lladdr 02:00:00:00:60:0$i dev ethfar && ' \
    'vf=$(basename $(readlink -f virtfn$i)) && echo vnic-vfio-pci >virtfn$i/driver_override && ' \
    'echo $vf >virtfn$i/driver/unbind && echo $vf >/sys/bus/pci/drivers_probe || exit; done'
# The programs send to all, and count what comes, all the time.
BUSY = 'touch /busy; cd /sys/bus/pci/drivers/vnic-pf/*:*/; i=2; ' \
    'for vmm in misbehave vmisbehave; do (while [ -e /busy ]; do ' \
    'echo "send ff:ff:ff:ff:ff:ff 200 1"; echo "take 50"; sleep 0.1; done | ' \
    '/$vmm $(basename $(readlink -f virtfn$i)) >/said$i 2>&1) </dev/null >/dev/null 2>&1 & ' \
    'ip netns exec wire ping -q -i 0.1 10.9.0.$i </dev/null >/dev/null 2>&1 & i=$((i + 1)); done'


class Programs:
    """Those that have VFs of a guest, as VMMs have."""

    def __init__(self, guest):
        self.guest = guest
        guest.run(BUSY)
        self.before = (0, 0), (0, 0)

    def said(self, vf):
        """Frames that one has sent, and received"""
        words = self.guest.out(f'cat /said{vf}').split()
        true('#' not in words, f'the program of VF {vf}: {" ".join(words[-20:])}')
        return words.count('ok'), sum(int(word) for word in words if word.isdigit())

    def mark(self):
        """From here on"""
        self.before = self.said(2), self.said(3)

    def go_on(self):
        """Both have sent and received some more."""
        return all(now >= before + 5 for vf in (2, 3)
                   for now, before in zip(self.said(vf), self.before[vf - 2]))

    def end(self):
        """What they have sent, and no more, was counted, and has reached the wire."""
        self.guest.run('rm /busy; killall ping; for i in $(seq 300); do '
                       'pidof misbehave vmisbehave >/dev/null || exit 0; sleep 0.1; done; exit 1')
        sent = [self.said(vf)[0] for vf in (2, 3)]
        words = self.guest.out('ethtool -S $(ls /sys/bus/pci/drivers/vnic-pf/*/net) | '
                               'grep "vf[23]_tx_packets"; ip netns exec wire '
                               'cat /sys/class/net/ethfar/statistics/rx_packets').split()
        eq([int(word) for word in words[1:4:2]], sent, 'frames, by the VFs\' counters')
        true(int(words[4]) >= sum(sent), f'{words[4]} frames on the wire, of {sum(sent)}')


def of_host():
    """a host's VFs and PF send and receive at once after its sleep; so do those given away"""
    files = [f'/vnic-modules/vnic-{name}.ko' for name in ('iommu', 'pf', 'vfio-pci')] + \
        [program(name) for name in ('misbehave', 'vmisbehave')]
    guest = Guest('a', extra=' '.join('--add ' + file for file in files))
    guest.run(HOST)

    def pings():
        return not guest.run('for to in 1 9 8; do ip netns exec vf0 ping -n -c 1 -W 1 10.9.0.$to || '
                             'exit; done', check=False).returncode
    programs = Programs(guest)
    wait_for(pings, 'VF, PF and wire are reached')
    wait_for(programs.go_on, 'frames of VFs 2 and 3')
    programs.mark()
    for when in sleeps(guest):
        back(pings, f'VF, PF and wire are reached {when}')
        back(programs.go_on, f'VFs that programs have go on {when}, both ways')
        programs.mark()
    programs.end()
    guest.run('rmmod vnic-vfio-pci vnic-pf vnic-iommu vnic-vf')


run([of_guest, of_host])
