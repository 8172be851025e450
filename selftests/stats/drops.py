#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable debug newest=spoof,nobuf quick=nobuf
# proof: stable=documented,spoof,rate,nobuf,agree
# timeout: 300
"""Every drop is counted once, under its reason, everywhere: in `ip -s link` of the VF, in
`ethtool -S` of the PF and of the VF, and by a trace event."""
import re
import sys
import time
sys.path.insert(0, sys.path[0] + '/../lib')
import bpf
from devlink import Devlink
from events import Events
from flows import UDP, Flow
from ktap import Fail, between, defer, eq, note, run, sleep, slow, true, wait_for
from misbehave import Misbehave
from program import program
from tso import tso, tso_socket
from vnic import frame, load, packet_socket, sh, shared

NOBODY = '02:00:00:99:99:99'
MAC = ['02:00:00:00:00:01', '02:00:00:00:00:02', '02:00:00:00:00:03']
N = 20


class Bench:
    """PF (up), VFs 0 and 1 on the host with packet sockets, VF 2 for vfio."""

    def __init__(self):
        sh('sysctl -qw net.ipv6.conf.default.disable_ipv6=1')
        self.pf = load(total_vfs=4)[0]
        sh(f'ip link set {self.pf.dev} addrgenmode none up')
        self.vf = self.pf.vfs(3)
        self.vf[2].to_vfio()
        for i, mac in enumerate(MAC):
            self.pf.link(i, f'mac {mac}')
        for vf in self.vf[:2]:
            sh(f'ip link set {vf.dev} addrgenmode none')
            vf.up(ns=f'vf{vf.index}')
        wait_for(lambda: all(vf.mac == MAC[vf.index] for vf in self.vf[:2]), 'addresses')
        self.sock = [packet_socket(vf.name, vf.ns) for vf in self.vf[:2]]

    def send(self, index, dst, count=N, **kwargs):
        """A VF of the host sends."""
        data = frame(dst, kwargs.pop('src', MAC[index]), **kwargs)
        for _ in range(count):
            self.sock[index].send(data)

    def driver(self):
        """A driver of our own for VF 2."""
        return Misbehave(self.vf[2])

    def set(self, index, what, back):
        """`ip link set vf`, and back at the end of the case."""
        self.pf.link(index, what)
        defer(self.pf.link, index, back)


def totals(pf):
    """Of each VF (rx_dropped, tx_dropped), as `ip -s link` has them."""
    return [(vf['stats']['rx']['dropped'], vf['stats']['tx']['dropped']) for vf in pf.vfinfo()]


def reasons(pf):
    """The drops of all VFs by reason, as `ethtool -S` of the PF has them."""
    return {k[4:]: v for k, v in pf.stats().items() if '_drop_' in k and k.startswith('vfs_')}


def quiet(pf):
    """Both, at a moment when nothing is under way."""
    last, same = None, 0
    for _ in range(50):
        now = totals(pf), reasons(pf)
        same = same + 1 if now == last else 0
        if same == 2:
            return now
        last = now
        sleep(0.3)
    raise Fail('counters do not come to rest')


def counted(pf, before, **want):
    """Wait until so many more are dropped, by reason."""
    def moved_so():
        now = reasons(pf)
        return all(now[why] - before[why] >= n for why, n in want.items())
    wait_for(moved_so, f'{want} counted')


def agrees(pf):
    """The totals of `ip -s link` are the sums of the reasons."""
    vfs, why = quiet(pf)
    for way in range(2):
        eq(sum(vf[way] for vf in vfs),
           sum(v for k, v in why.items() if k.startswith(('rx_', 'tx_')[way])),
           f'{("rx", "tx")[way]}_dropped of all VFs, and the sum of the reasons')
    return vfs, why


def moved(new, old):
    """What has moved in a dictionary of counters."""
    return {k: v - old[k] for k, v in new.items() if v != old[k]}


def traced(events, vf=None):
    """Packets by reason of the events of VFs (or one)."""
    packets = {}
    for e in events:
        if e['port'] == 'vf' and vf in (None, e['vf']):
            packets[e['reason']] = packets.get(e['reason'], 0) + e['packets']
    return packets


def provoke(index, reason, act, count=N, others=()):
    """Drop count packets (None: some) of a VF for a reason, by act(bench)."""
    b = shared(Bench)
    ev = Events('vnic_drop')
    vfs, why = agrees(b.pf)
    ev.clear()
    act(b)
    wait_for(lambda: reasons(b.pf)[reason] - why[reason] >= (count or 1), f'{reason} counted')
    vfs_after, why_after = agrees(b.pf)
    events = ev.take('vnic_drop')
    delta = moved(why_after, why)
    note(f'{delta}, {len(events)} events')
    if count:
        eq(delta[reason], count, reason)
    eq(sorted(set(delta) - set(others)), [reason], 'reasons')
    true(all(e['pf'] == b.pf.bdf for e in events), f'events of {b.pf.bdf}')
    eq(traced(events), delta, 'packets of the events, and the counters')
    for i, (old, new) in enumerate(zip(vfs, vfs_after)):
        got = traced(events, i)
        for way, prefix in enumerate(('rx_', 'tx_')):
            eq(sum(v for k, v in got.items() if k.startswith(prefix)), new[way] - old[way],
               f'VF {i} {prefix}: packets of the events, and ip -s link')
    true(traced(events, index).get(reason), f'{reason} is of VF {index}')
    return events


def spoof():
    """tx_drop_spoof: a source address that is not the VF's"""
    provoke(0, 'tx_drop_spoof', lambda b: b.send(0, MAC[1], src=NOBODY))


def control():
    """tx_drop_control: what only the network's own equipment says"""
    def act(b):
        b.send(0, '01:80:c2:00:00:0e')
        b.send(0, MAC[1], ethertype=0x8808)
        b.send(0, MAC[1], ethertype=0x88cc)
    provoke(0, 'tx_drop_control', act, count=3 * N)


def vlan():
    """tx_drop_vlan: a VLAN that the VF has not joined"""
    provoke(0, 'tx_drop_vlan', lambda b: b.send(0, MAC[1], vlan=77))


def nodest():
    """tx_drop_nodest: unknown unicast without an uplink"""
    provoke(0, 'tx_drop_nodest', lambda b: b.send(0, NOBODY))


def storm():
    """tx_drop_storm: more for all than the VF may send"""
    def act(b):
        dl = Devlink(b.pf)
        defer(lambda: dl.set_param('vf0_storm_control', 1000))
        dl.set_param('vf0_storm_control', 10)
        b.send(0, 'ff:ff:ff:ff:ff:ff', count=200)

    provoke(0, 'tx_drop_storm', act, count=None)


def malformed():
    """tx_drop_malformed: a frame shorter than its header"""
    provoke(2, 'tx_drop_malformed', lambda b: b.driver().tell(f'send {MAC[0]} 13 {N}'))


def tso_length():
    """tx_drop_malformed: to be segmented, but the IP packet is shorter than the frame"""
    def got(b):
        return b.pf.vfinfo()[1]['stats']['rx']['packets']
    b = shared(Bench)
    sock = tso_socket(b.vf[0].name, b.vf[0].ns)
    before = got(b)
    for _ in range(N):
        sock.send(tso(MAC[1], MAC[0]))
    wait_for(lambda: got(b) - before == 5 * N, 'segments of frames that are right')
    provoke(0, 'tx_drop_malformed', lambda b: [sock.send(tso(MAC[1], MAC[0], length)) for _ in range(N)
                                               for length in (40, 1488, 65535)], count=3 * N)


def tx_link():
    """tx_drop_link: a driver that sends without a link"""
    def act(b):
        driver = b.driver()
        b.set(2, 'state disable', 'state auto')
        driver.tell(f'send {MAC[0]} 60 {N}')
    provoke(2, 'tx_drop_link', act)


def rx_link():
    """rx_drop_link: to a VF that the host has cut off"""
    def act(b):
        b.set(1, 'state disable', 'state auto')
        b.send(0, MAC[1])
    provoke(1, 'rx_drop_link', act)


def oversize():
    """rx_drop_oversize: longer than the receiver's MTU allows"""
    def act(b):
        sh(f'ip link set {b.vf[0].name} mtu 3000', ns='vf0')
        defer(sh, f'ip link set {b.vf[0].name} mtu 1500', ns='vf0')
        wait_for(b.vf[0].carrier, 'carrier')
        b.send(0, MAC[1], size=2000)
    provoke(1, 'rx_drop_oversize', act)


def rate():
    """rx_drop_rate: beyond the VF's rate; a vnic_police event a batch"""
    police = []

    def act(b):
        ev = police[0]
        b.set(1, 'max_tx_rate 1', 'max_tx_rate 0')
        sent = b.pf.vfinfo(0)['stats']['tx']['packets']
        b.send(0, MAC[1], size=1400, count=1000)
        wait_for(lambda: b.pf.vfinfo(0)['stats']['tx']['packets'] >= sent + 1000, 'all is sent')
        quiet(b.pf)
        police.extend(ev.take('vnic_police'))

    shared(Bench)
    police.append(Events('vnic_police', instance='police'))
    drops = provoke(1, 'rx_drop_rate', act, count=None)
    frames = [e for e in police[1:] if e['vf'] == 1]
    eq(sum(e['frames'] for e in frames), traced(drops, 1)['rx_drop_rate'], 'frames policed')
    eq([e['bytes'] for e in frames], [e['frames'] * 1400 for e in frames], 'bytes policed')


def pps():
    """rx_drop_pps: more packets than the VF may be sent"""
    def act(b):
        dl = Devlink(b.pf)
        defer(lambda: dl.set_param('vf1_rx_pps', 0))
        dl.set_param('vf1_rx_pps', 100)
        b.send(0, MAC[1], count=600)
        sleep(0.2)

    provoke(1, 'rx_drop_pps', act, count=None)


def node():
    """rx_drop_node: beyond what the VFs below a node may be sent"""
    def act(b):
        dl = Devlink(b.pf)
        rate = 'port function rate'
        dl.run(f'{rate} add {dl.dev}/tenant tx_max 1mbit')
        defer(dl.run, f'{rate} del {dl.dev}/tenant')
        dl.run(f'{rate} set {dl.dev}/1 parent tenant')
        defer(dl.run, f'{rate} set {dl.dev}/1 noparent')
        b.send(0, MAC[1], size=1400, count=1000)
        sleep(0.2)

    provoke(1, 'rx_drop_node', act, count=None)


def xdp():
    """rx_drop_xdp: refused by the program at the VF's port"""
    def act(b):
        dl = Devlink(b.pf)
        dl.set_param('vf1_port_netdev', 'true')
        defer(dl.set_param, 'vf1_port_netdev', 'false')
        path = bpf.pin('drop', bpf.test_frames_only(bpf.finish(bpf.DROP)))
        sh(f'ip link set dev {dl.netdev(1)} xdpdrv pinned {path}')
        b.send(0, MAC[1])

    provoke(1, 'rx_drop_xdp', act)


def rule():
    """rx_drop_rule: a rule of the VF's driver; the VF sees it as "other\""""
    def act(b):
        vf = b.vf[1]
        before = vf.stats()['dev_rx_drop_other']
        sh(f'ethtool -N {vf.name} flow-type udp4 dst-port 7 action -1 loc 3', ns=vf.ns)
        defer(sh, f'ethtool -N {vf.name} delete 3', ns=vf.ns)
        for port in (7, 8):
            data = Flow(UDP, '10.1.1.1', '10.1.1.2', 99, port).frame(MAC[1], MAC[0])
            for _ in range(N):
                b.sock[0].send(data)
        wait_for(lambda: vf.stats()['dev_rx_drop_other'] == before + N, 'other')

    provoke(1, 'rx_drop_rule', act)


def nobuf():
    """rx_drop_nobuf: a driver that posts no more buffers; rx_drop_reset: what waited then"""
    def act(b):
        driver = b.driver()
        b.send(0, MAC[2], count=4000)     # more than ring and partition hold
        wait_for(lambda: reasons(b.pf)['rx_drop_nobuf'], 'nobuf')
        quiet(b.pf)
        driver.tell('reset')
        wait_for(lambda: reasons(b.pf)['rx_drop_reset'], 'reset')
    events = provoke(2, 'rx_drop_nobuf', act, count=None, others=['rx_drop_reset'])
    true(traced(events, 2).get('rx_drop_reset'), 'those that waited')


def agree():
    """ethtool -S of a VF agrees with ip -s link of the PF, reason by reason"""
    b = shared(Bench)
    before = reasons(b.pf)
    b.send(0, NOBODY)
    b.send(0, MAC[1], src=NOBODY)
    counted(b.pf, before, tx_drop_nodest=N, tx_drop_spoof=N)
    vfs, _ = agrees(b.pf)
    for vf in b.vf[:2]:
        stats = {k: v for k, v in vf.stats().items() if k.startswith('dev_')}
        for way, prefix in enumerate(('dev_rx_drop_', 'dev_tx_drop_')):
            eq(sum(v for k, v in stats.items() if k.startswith(prefix)), vfs[vf.index][way],
               f'VF {vf.index}: sum of {prefix}*')
    true(b.vf[0].stats()['dev_tx_drop_nodest'] >= N, 'nodest as VF 0 sees it')
    true(b.vf[0].stats()['dev_tx_drop_spoof'] >= N, 'spoof as VF 0 sees it')
    eq(b.vf[0].stats()['dev_tx_drop_other'], reasons(b.pf)['tx_drop_storm'],
       'reasons without a name')


def dead():
    """ethtool -S of a VF that cannot reach its device ends soon, with the last counters"""
    b = shared(Bench)
    vf, before = b.vf[0], reasons(b.pf)
    b.send(0, NOBODY)
    counted(b.pf, before, tx_drop_nodest=N)
    quiet(b.pf)
    before, start = vf.stats(), time.monotonic()
    true(before['dev_tx_drop_nodest'] >= N, 'drops counted')
    sh(f'setpci -s {vf.bdf} COMMAND=0:4')       # no bus mastering
    defer(wait_for, vf.carrier, 'carrier', 60)
    defer(sh, f'setpci -s {vf.bdf} COMMAND=4:4')
    after = vf.stats()
    between(time.monotonic() - start, 0, 15 * slow(), 'seconds')
    eq(after['dev_tx_drop_nodest'], before['dev_tx_drop_nodest'], 'drops')


def filtered():
    """events can be filtered by reason and VF"""
    b = shared(Bench)
    ev = Events('vnic_drop')
    ev.filter('vnic_drop', 'reason == "tx_drop_nodest" && vf == 0')
    before = reasons(b.pf)
    b.send(0, NOBODY)
    b.send(1, NOBODY)
    b.send(0, MAC[1], src=NOBODY)
    counted(b.pf, before, tx_drop_nodest=2 * N, tx_drop_spoof=N)
    quiet(b.pf)
    got = ev.take('vnic_drop')
    eq({(e['reason'], e['vf'], e['port']) for e in got}, {('tx_drop_nodest', 0, 'vf')}, 'events')
    eq(sum(e['packets'] for e in got), N, 'packets')


def mailbox():
    """vnic_mbx and vnic_reset tell what a driver asked for and what became of it"""
    b = shared(Bench)
    ev = Events('vnic_mbx', 'vnic_reset')
    driver = b.driver()
    driver.tell('refused 1')
    mine = [e for e in ev.take('vnic_mbx') if e['vf'] == 2]
    eq([(e['opcode'], e['status']) for e in mine],
       [('HELLO', 'OK'), ('QUEUE_CREATE', 'OK'), ('QUEUE_CREATE', 'OK'), ('ENABLE', 'OK'),
        ('SET_MTU', 'E_INVAL')], 'requests of VF 2')
    ev.clear()
    driver.tell('stop')
    with open(f'/sys/bus/pci/devices/{b.vf[2].bdf}/reset', 'w', encoding='utf-8') as file:
        file.write('1')
    mine = [e for e in ev.take('vnic_reset') if e['vf'] == 2]
    eq((mine[0]['tell'], mine[0]['failed']), (1, 1), 'the host\'s reset')
    eq(mine[-1]['generation'], int(driver.tell('generation')), 'generation')


def control_queue():
    """vnic_ctrl tells what a virtio VF's driver asked for, and why it was refused"""
    pf = load(total_vfs=4)[0]
    vfs = pf.vfs(2)
    Devlink(pf).set_param('vf0_personality', 'virtio')
    for vf in vfs:
        vf.to_vfio()
    ev = Events('vnic_ctrl')
    sh(f'{program("virtio")} -c control {vfs[0].bdf} {vfs[1].bdf}', timeout=60)
    said = {(e['vf'], e['class'], e['status']) for e in ev.take('vnic_ctrl')}
    for status in ('OK', 'EOPNOTSUPP', 'EPERM'):
        true((0, 'RX', status) in said or (0, 'MAC', status) in said, f'{status}: {said}')


def documented():
    """each name in ethtool -S of PF and VF is explained, and nothing else"""
    with open('/vnic/Documentation/counters.rst', encoding='utf-8') as file:
        told = set(re.findall(r'^``([a-z_]+)`` ', file.read(), re.M))
    b = shared(Bench)
    has = set()
    for name in [*b.pf.stats(), *b.vf[0].stats()]:
        short = re.sub(r'^(uplink|vfs|vf\d+|[rt]x\d+)_', '', name)
        has.add(short if short in told else short.removeprefix('dev_'))
    has -= {name for name in has if name.startswith('rx_pp_')}
    eq(sorted(has - told), [], 'not explained')
    eq(sorted(told - has), [], 'explained, but not there')


run([documented, spoof, control, vlan, nodest, storm, malformed, tso_length, tx_link, rx_link, oversize, rate,
     pps, node, xdp, rule, nobuf, agree, dead, filtered, mailbox, control_queue])
