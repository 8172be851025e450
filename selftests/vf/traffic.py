#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable debug newest=tcp,one_copy rt=tcp,flr_under_traffic quick=flr_under_traffic,pf_reset_under_traffic,reconfigure_under_traffic,unbind_under_traffic,numvfs_under_traffic
# proof: stable=tcp,udp,one_copy,flr_under_traffic,unbind_under_traffic,host newest=tcp,one_copy
"""Traffic of real programs between VFs and PF, and recovery under it."""
import os
import re
import socket
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
from ktap import between, defer, eq, note, run, sleep, slow, true, wait_for
from vnic import (VF_DRIVER, Background, datagrams, frame, fresh, iperf, iperf_mbps, load,
                  make_pair, out, packet_socket, pair, ping, sh, unheard, write)

SO_SNDBUFFORCE = 32     # asm-generic/socket.h


def tcp():
    """TCP both ways between two VFs"""
    pair()
    for args in ('', '-R', '-P 4'):
        result = iperf('vf1', 'vf0', '10.9.0.2', args)
        note(f'{args}: {iperf_mbps(result):.0f} Mb/s')
        true(iperf_mbps(result) > 1, 'TCP flows')


def router():
    """a namespace forwards between its two VFs: TCP in both directions through it"""
    pf = load(total_vfs=4)[0]
    vfs = pf.vfs(4)
    for i, ip in ((0, '10.9.1.2'), (3, '10.9.2.2')):
        vfs[i].up(ns=f'vf{i}', ip=ip)
        sh(f'ip route add 10.9.0.0/16 via {ip[:-1]}1', ns=f'vf{i}')
    vfs[1].up(ns='router', ip='10.9.1.1')
    sh(f'ip link set {vfs[2].dev} netns router name second; ip netns exec router sh -c '
       '"ip addr add 10.9.2.1/24 dev second; ip link set second up; sysctl -qw net.ipv4.ip_forward=1"')
    wait_for(lambda: ping('vf0', '10.9.2.2', count=1, check=False), 'ping')
    for args in ('-P 4', '-R'):
        rate = iperf_mbps(iperf('vf3', 'vf0', '10.9.2.2', args))
        note(f'{args}: {rate:.0f} Mb/s')
        true(rate > 1, 'TCP flows through the router')


def udp():
    """UDP below capacity arrives whole"""
    pair()
    before = unheard('vf1')
    sent = datagrams('vf0', '10.9.0.2', 1000, mbps=5)
    true(sent > 10, f'{sent} sent')
    wait_for(lambda: unheard('vf1') - before == sent, f'all {sent} arrive')


def host():
    """PF and VF: ping of all sizes and TCP both ways"""
    pf = load(total_vfs=4)[0]
    vf = pf.vfs(1)[0].up(ns='vf0', ip='10.9.0.1', mtu=9000)
    sh(f'ip link set {pf.dev} mtu 9000 up; ip addr add 10.9.0.100/24 dev {pf.dev}')
    for size in (0, 56, 1472, 4000, 8972):
        ping('vf0', '10.9.0.100', size=size, count=1, extra='-M do')
    for args in ('', '-R'):
        true(iperf_mbps(iperf(None, 'vf0', '10.9.0.100', args)) > 1, f'TCP {args}')
    stats = vf.stats()
    copied, packets = (sum(n for name, n in stats.items() if re.fullmatch(rf'rx\d+_{what}', name))
                       for what in ('copied', 'packets'))
    between(copied, 10, packets - 10, f'small frames copied, of {packets}')


def alive(ns='vf0', ip='10.9.0.2'):
    """Wait until a ping gets through."""
    wait_for(lambda: ping(ns, ip, count=1, check=False), 'ping', seconds=20)


def carried(pf):
    """Packets that the VFs have sent"""
    return [vf['stats']['tx']['packets'] for vf in pf.vfinfo()]


def under_traffic(action, rounds=3):
    """Do something repeatedly while TCP and a flood run; then all must work again."""
    pf, vfs = pair()
    server = Background('iperf3 -s', ns='vf1')
    wait_for(lambda: ':5201' in out('ss -Hltn', ns='vf1'), 'iperf3 server')
    seconds = int(rounds * 4 * slow()) + 10
    Background(f'iperf3 -c 10.9.0.2 -t {seconds} -P 2', ns='vf0')
    Background('ping -q -f 10.9.0.1', ns='vf1')
    before = carried(pf)
    wait_for(lambda: all(new > old + 100 for new, old in zip(carried(pf), before)), 'traffic')
    for _ in range(rounds):
        action(pf, vfs)
        sleep(0.5)
    server.stop()


def flr_under_traffic():
    """FLR of either VF under traffic: recovers"""
    def action(_, vfs):
        for vf in vfs:
            vf.set('reset', 1)
    under_traffic(action)
    alive()


def waiting_while_reset():
    """what waits in the host's queue while the VF is reset is sent after, though nobody adds to it"""
    pf, vfs = pair()
    sock = packet_socket(vfs[0].name, 'vf0')
    sock.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, 8 << 20)
    sock.settimeout(0.1)
    data = frame(vfs[1].mac, vfs[0].mac, size=1400)

    def backlog():
        shown = out(f'tc -s qdisc show dev {vfs[0].name}', ns='vf0')
        return sum(int(n) for n in re.findall(r'backlog \w+ (\d+)p', shown))

    for n in range(5):
        pf.link(0, 'max_tx_rate 1')
        vfs[0].set('reset', 1)          # so that the stack does not look at the carrier soon again
        wait_for(vfs[0].carrier, 'carrier')
        try:
            for _ in range(5000):
                sock.send(data)
        except OSError:
            pass                        # all that may waits
        true(backlog() > 0, 'frames wait')
        vfs[0].set('reset', 1)
        pf.link(0, 'max_tx_rate 0')
        wait_for(lambda: not backlog(), f'what has waited is gone, round {n}', seconds=10)
    alive()


def pf_reset_under_traffic():
    """FLR of the PF under traffic: both recover"""
    under_traffic(lambda pf, vfs: pf.set('reset', 1))
    alive()


def reconfigure_under_traffic():
    """queue count, ring size and MTU change under traffic"""
    def action(_, vfs):
        for vf in vfs:
            sh(f'ethtool -L {vf.name} combined 1', ns=vf.ns)
            sh(f'ethtool -G {vf.name} rx 64', ns=vf.ns)
            sh(f'ethtool -L {vf.name} combined 2', ns=vf.ns)
            sh(f'ethtool -G {vf.name} rx 512', ns=vf.ns)
            sh(f'ip link set {vf.name} mtu 2000; ip link set {vf.name} mtu 1500', ns=vf.ns)
    under_traffic(action, rounds=2)
    alive()


def unbind_under_traffic():
    """unbind and bind of a VF's driver under traffic"""
    fresh()
    _, vfs = make_pair()
    Background('ping -q -f 10.9.0.1', ns='vf1')
    for _ in range(3):
        sleep(0.3)
        write(VF_DRIVER + '/unbind', vfs[0].bdf)
        write(VF_DRIVER + '/bind', vfs[0].bdf)
        vfs[0].ns = None
        name = vfs[0].dev
        sh(f'ip link set {name} netns vf0')
        sh(f'ip addr add 10.9.0.1/24 dev {name}; ip link set {name} up', ns='vf0')
    alive()


def numvfs_under_traffic():
    """numvfs=0 under traffic, and the modules are unloaded under traffic"""
    pf = load(total_vfs=4)[0]
    for turn in range(3):
        pf.numvfs(2)
        for i in range(2):
            pf.vf(i).up(ns=f'n{turn}{i}', ip=f'10.9.0.{i + 1}')
        flood = Background('ping -q -f 10.9.0.1', ns=f'n{turn}1')
        sleep(1)
        if turn < 2:
            pf.numvfs(0)
        else:
            sh('rmmod vnic-pf', timeout=120)
        flood.stop()
    true(not os.path.isdir('/sys/module/vnic_pf'), 'unloaded')


def one_copy():
    """two VFs exchange frames without an skb in the adapter"""
    pf, _ = pair()
    ping('vf0', '10.9.0.2', count=2)
    trace = '/sys/kernel/tracing'
    if not os.path.isdir(trace + '/events'):
        sh('mount -t tracefs nodev /sys/kernel/tracing')
    with open(trace + '/kprobe_events', 'w', encoding='ascii') as file:
        file.write('p:vnicskb vnic_pf:vnic_frame_take_skb\n')
    defer(sh, f'echo > {trace}/kprobe_events')
    write(trace + '/events/kprobes/vnicskb/enable', 1)
    defer(write, trace + '/events/kprobes/vnicskb/enable', 0)
    def hits():
        return int(out(f'grep -c vnicskb: {trace}/trace || true'))
    write(trace + '/trace', '\n')
    iperf('vf1', 'vf0', '10.9.0.2', seconds=1)
    eq(hits(), 0, 'skbs made between two VFs')
    sh(f'ip link set {pf.dev} up; ip addr replace 10.9.0.100/24 dev {pf.dev}')
    ping('vf0', '10.9.0.100', count=2)
    true(hits(), 'those for the PF are seen')


run([tcp, router, udp, one_copy, flr_under_traffic, waiting_while_reset, pf_reset_under_traffic,
     reconfigure_under_traffic, unbind_under_traffic, numvfs_under_traffic, host])
