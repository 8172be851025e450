#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable
# timeout: 400
"""The CNI plugin sriov-cni itself, if its binary is given to selftests/run: VNIC_SRIOV_CNI.

It is run as a container runtime runs it (the CNI specification): configuration on its
standard input, CNI_* in its environment; its addresses come from an IPAM plugin that is
made here.  Its steps one by one, without the binary: mac.py.
"""
import glob
import itertools
import json
import os
import shutil
import subprocess
import sys
import threading
sys.path.insert(0, sys.path[0] + '/../lib')
from ktap import Skip, between, contains, defer, eq, run, slow, true, wait_for
from vnic import (datagrams, frame, inside, load, out, packet_socket, ping, receive, refused, sh,
                  shared, unheard, write_file)
from wire import wire

GIVEN = os.environ.get('VNIC_SRIOV_CNI', '')
FOLDER, CACHE = '/tmp/cni', '/var/lib/cni/sriov'
PLUGIN = FOLDER + '/sriov'
IPAM = f"""#!/bin/sh
[ ! -e {FOLDER}/no-address ] || {{ echo '{{"code": 100, "msg": "no address left"}}'; exit 1; }}
[ "$CNI_COMMAND" != ADD ] ||
    echo '{{"cniVersion": "1.0.0", "ips": [{{"address": "'$POD_IP'/24"}}]}}'
"""
POD, OWN = '02:00:00:00:50:01', '02:00:00:00:50:77'
COUNT = itertools.count()
PEER, FAR = '10.9.0.100', '10.9.0.200'


class Node:
    """PF with a wire, 10.9.0.200, three VFs for pods, and a fourth one, 10.9.0.100."""

    def __init__(self):
        os.makedirs(FOLDER, exist_ok=True)
        shutil.copy(GIVEN, PLUGIN)
        write_file(FOLDER + '/addresses', IPAM, mode=0o755)
        self.pf = load(total_vfs=4)[0]
        wire()
        sh(f'ip link set ethup master {self.pf.dev}; ip link set {self.pf.dev} up')
        self.vf = self.pf.vfs(4)
        self.name = [vf.dev for vf in self.vf]
        self.home = [vf.mac for vf in self.vf]
        self.vf[3].up(ns='peer', ip=PEER)
        self.before = [self.settings(i) for i in range(3)]

    def again(self):
        """As it was at the beginning, whatever the case before has left."""
        shutil.rmtree(CACHE, ignore_errors=True)
        self.pf.link(3, 'vlan 0 state auto')
        for i, name in enumerate(self.name[:3]):
            self.pf.link(i, f'vlan 0 mac {self.home[i]} max_tx_rate 0 min_tx_rate 0 spoofchk on '
                            'trust off state auto')
            dev = self.vf[i].dev
            sh(f'ip link set {dev} down mtu 1500')
            if dev != name:
                sh(f'ip link set {dev} name {name}')
        return self

    def settings(self, index):
        """What ip shows of a VF, as sriov-cni names it."""
        shown = self.pf.vfinfo(index)
        vlan, rate = shown['vlan_list'][0], shown['rate']
        return {'mac': shown['address'], 'vlan': vlan.get('vlan', 0), 'vlanQoS': vlan.get('qos', 0),
                'vlanProto': vlan.get('protocol', '802.1q').lower(),
                'max_tx_rate': rate['max_tx'], 'min_tx_rate': rate['min_tx'],
                'spoofchk': 'on' if shown['spoofchk'] else 'off',
                'trust': 'on' if shown['trust'] else 'off', 'link_state': shown['link_state']}

    def as_before(self, index, name=None):
        """All of a VF is as it was, it is in this namespace, and the plugin keeps nothing."""
        eq(self.settings(index), self.before[index], 'settings of the VF')
        name = name or self.name[index]
        eq(self.vf[index].netdevs(), [name], 'interface of the VF')
        link = self.vf[index].link()
        eq((link['address'], link['mtu'], 'UP' in link['flags']), (self.home[index], 1500, False),
           'address, MTU, and is it up')
        sh(f'ip link set {name} address {OWN}')     # which it may have, as the host gives it none
        sh(f'ip link set {name} address {self.home[index]}')
        eq(glob.glob(CACHE + '/pod*'), [], 'kept by the plugin')


class Pod:
    """A pod, its namespace and its network: conf is the configuration's, args are CNI_ARGS."""

    def __init__(self, node, index=0, args='', **conf):
        self.node, self.index, self.ip = node, index, f'10.9.0.{index + 1}'
        self.ns = f'pod{next(COUNT)}'       # of two with one name the plugin takes the VF for used
        self.conf = {'cniVersion': '1.0.0', 'type': 'sriov', 'name': 'tenant',
                     'deviceID': node.vf[index].bdf, 'ipam': {'type': 'addresses'}, **conf}
        self.env = {'CNI_CONTAINERID': self.ns, 'CNI_NETNS': f'/run/netns/{self.ns}',
                    'CNI_IFNAME': 'net1', 'CNI_PATH': FOLDER, 'CNI_ARGS': args,
                    'POD_IP': self.ip, 'PATH': os.environ['PATH']}
        sh(f'ip netns add {self.ns}; ip -n {self.ns} link set lo up')
        defer(self.end)

    def end(self):
        """Its namespace dies."""
        sh(f'ip netns del {self.ns}', check=False)
        wait_for(self.node.vf[self.index].netdevs, 'VF is back')

    def ask(self, what, check=True, **env):
        """(exit status, what the plugin answers)"""
        done = subprocess.run([PLUGIN], input=json.dumps(self.conf), capture_output=True, text=True,
                              env={**self.env, 'CNI_COMMAND': what, **env}, check=False,
                              timeout=60 * slow())
        answer = json.loads(done.stdout or '{}')
        if check:
            eq((done.returncode, answer.get('msg')), (0, None), f'{what}: status, message')
        return done.returncode, answer

    def add(self, **expected):
        """ADD: what ip shows of the VF, and what the plugin says of the interface, is right"""
        answer = self.ask('ADD')[1]
        eq(self.node.settings(self.index), {**self.node.before[self.index], **expected},
           'settings of the VF')
        mac = expected.get('mac', self.node.home[self.index])
        link = self.link()
        eq([(i['name'], i['mac'], i['sandbox']) for i in answer['interfaces']],
           [('net1', mac, self.env['CNI_NETNS'])], 'the plugin says')
        eq((link['address'], link['mtu'], 'UP' in link['flags']), (mac, 1500, True), 'the pod has')
        eq([ip['address'] for ip in answer['ips']], [f'{self.ip}/24'], 'its address')
        return self

    def delete(self):
        """DEL: and all is as it was; the namespace ends"""
        self.ask('DEL')
        self.node.as_before(self.index)
        sh(f'ip netns del {self.ns}')

    def refused(self, what):
        """ADD fails, says why, and leaves nothing behind."""
        status, answer = self.ask('ADD', check=False)
        eq(status, 1, 'status')
        contains(answer['msg'], what, 'why')
        self.node.as_before(self.index)

    def link(self):
        """Its interface"""
        return json.loads(out('ip -j link show dev net1', ns=self.ns))[0]

    def carrier(self):
        """Has it a carrier?"""
        return 'LOWER_UP' in self.link()['flags']

    def talks(self, to=PEER):
        """It is answered."""
        wait_for(lambda: ping(self.ns, to, count=1, check=False), f'answer of {to}')

    def silent(self, to=PEER):
        """It is not answered."""
        true(not ping(self.ns, to, count=1, check=False), f'an answer of {to}')

    def sends_as(self, mac):
        """Does the wire's far end get what it sends with this source address?"""
        far = packet_socket('ethfar', 'wire')
        packet_socket('net1', self.ns).send(frame('ff:ff:ff:ff:ff:ff', mac))
        return [tag for _, tag in receive(far, seconds=0.3, count=1)]


def plain(pod):
    """A pod that asks for nothing; its own MTU ends with it"""
    pod.add().talks(FAR)
    pod.talks()
    eq(pod.sends_as(POD), [], 'sent by an address that is not its own')
    sh('ip link set net1 mtu 1400', ns=pod.ns)
    pod.talks()


def mac(pod):
    """An address: the pod has it, and no other one"""
    pod.add(mac=POD).talks()
    eq(pod.sends_as(POD), [None], 'sent')
    for other in (OWN, pod.node.home[pod.index]):
        refused(f'ip link set net1 address {other}', ns=pod.ns)
        eq(pod.sends_as(other), [], 'sent by another address')


def tagged(pod):
    """VLAN and priority are on the wire, and the pod does not see them"""
    pod.add(vlan=100, vlanQoS=5).silent()
    eq(pod.sends_as(pod.node.home[pod.index]), [5 << 13 | 100], 'tag on the wire')
    pod.node.pf.link(3, 'vlan 100')
    pod.talks()


def service(pod):
    """A VLAN of 802.1ad is another one than that of 802.1Q"""
    pod.add(vlan=200, vlanProto='802.1ad').silent()
    pod.node.pf.link(3, 'vlan 200')
    pod.silent()
    pod.node.pf.link(3, 'vlan 200 proto 802.1ad')
    pod.talks()


def capped(pod):
    """A rate holds in both directions"""
    pod.add(max_tx_rate=5)
    for here, there, ip in ((pod.ns, 'peer', PEER), ('peer', pod.ns, pod.ip)):
        before = unheard(there)
        datagrams(here, ip, 1400, mbps=20, seconds=3)
        # and a burst of 256 KiB
        between((unheard(there) - before) * 1442 * 8 / 3e6, 3, 7, f'Mb/s from {here} to {there}')


def promised(pod):
    """A guarantee"""
    pod.add(max_tx_rate=1000, min_tx_rate=100).talks()


def spoofs(pod):
    """Without spoofchk it may send by any address"""
    pod.add(spoofchk='off').talks()
    eq(pod.sends_as(OWN), [None], 'sent by an address that is not its own')


def trusted(pod):
    """With trust it may take another address, which ends with it"""
    pod.add(mac=POD, trust='on').talks()
    sh(f'ip link set net1 address {OWN}', ns=pod.ns)
    eq(pod.sends_as(OWN), [None], 'sent')
    pod.talks()


def enabled(pod):
    """Its carrier does not depend on the wire's"""
    defer(sh, 'ip link set ethfar up', ns='wire')
    sh('ip link set ethfar down', ns='wire')
    pod.add(link_state='enable')
    wait_for(pod.carrier, 'carrier')
    pod.node.pf.link(3, 'state enable')
    pod.talks()
    sh('ip link set ethfar up', ns='wire')


def disabled(pod):
    """It has no carrier until the host gives it one"""
    pod.add(link_state='disable')
    true(not pod.carrier(), 'a carrier')
    pod.silent()
    pod.node.pf.link(pod.index, 'state enable')
    wait_for(pod.carrier, 'carrier')
    pod.talks()


def everything(pod):
    """All at once"""
    pod.add(mac=POD, vlan=300, vlanQoS=2, max_tx_rate=500, min_tx_rate=50, spoofchk='off',
            trust='on', link_state='enable')
    pod.node.pf.link(3, 'vlan 300')
    pod.talks()
    eq(pod.sends_as(OWN), [2 << 13 | 300], 'tag on the wire')


PODS = ((plain, {}),
        (mac, {'mac': POD}),
        (mac, {'args': f'IgnoreUnknown=1;MAC={POD.upper()}'}),
        (mac, {'mac': OWN, 'capabilities': {'mac': True}, 'runtimeConfig': {'mac': POD}}),
        (tagged, {'vlan': 100, 'vlanQoS': 5}),
        (service, {'vlan': 200, 'vlanProto': '802.1ad'}),
        (capped, {'max_tx_rate': 5}),
        (promised, {'max_tx_rate': 1000, 'min_tx_rate': 100}),
        (spoofs, {'spoofchk': 'off'}),
        (trusted, {'mac': POD, 'trust': 'on', 'spoofchk': 'on'}),
        (enabled, {'link_state': 'enable'}),
        (disabled, {'link_state': 'disable'}),
        (everything, {'mac': POD, 'vlan': 300, 'vlanQoS': 2, 'vlanProto': '802.1Q',
                      'max_tx_rate': 500, 'min_tx_rate': 50, 'spoofchk': 'off', 'trust': 'on',
                      'link_state': 'enable'}))


def pods():
    """pods in turn, each with a setting of sriov-cni, the last one with all of them"""
    node = shared(Node).again()
    for check, conf in PODS:
        pod = Pod(node, **conf)
        check(pod)
        node.pf.link(3, 'vlan 0 state auto')
        pod.delete()
        wait_for(node.vf[3].carrier, 'carrier of the peer')


def together():
    """three pods that come at the same time, and go so, in a VLAN of their own"""
    node = shared(Node).again()
    for _ in range(2):
        trio = [Pod(node, i, mac=f'02:00:00:00:51:0{i}', vlan=400, min_tx_rate=10)
                for i in range(3)]
        for what in ('ADD', 'DEL'):
            answers = []
            threads = [threading.Thread(target=lambda p=pod: answers.append(p.ask(what, False)))
                       for pod in trio]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            eq([(status, answer.get('msg')) for status, answer in answers], [(0, None)] * 3, what)
            if what == 'ADD':
                for pod in trio:
                    trio[0].talks(pod.ip)
                trio[0].silent()
        for pod in trio:
            node.as_before(pod.index)
            pod.end()


def died():
    """a pod whose namespace dies before DEL: DEL resets the VF, which the next pod takes"""
    node = shared(Node).again()
    for _ in range(2):
        pod = Pod(node, mac=POD, vlan=100, max_tx_rate=50, trust='on')
        pod.add(mac=POD, vlan=100, max_tx_rate=50, trust='on')
        pod.end()
        eq(node.vf[0].netdevs(), ['net1'], 'the VF is back')
        pod.ask('DEL')
        wait_for(lambda: node.vf[0].mac == node.home[0], 'its own address')
        node.as_before(0, name='net1')
        sh(f'ip link set net1 name {node.name[0]}')
    Pod(node).add().delete()


def twice():
    """DEL again, and of a pod that never was: done, and the VF's next pod is not touched"""
    node = shared(Node).again()
    pod = Pod(node, vlan=100)
    pod.ask('DEL')
    node.as_before(0)
    pod.add(vlan=100)
    for _ in range(2):
        pod.ask('DEL')
        node.as_before(0)
    other = Pod(node, vlan=500)
    other.add(vlan=500)
    pod.ask('DEL')
    eq(node.settings(0)['vlan'], 500, 'VLAN of the next pod')
    status, answer = pod.ask('ADD', check=False)
    eq(status, 1, 'status')
    contains(answer['msg'], 'already allocated', 'ADD for a VF that a pod has')
    other.delete()


def errors():
    """ADD of what is refused says so and leaves nothing behind; ADD then goes on"""
    node = shared(Node).again()
    for conf, why in (({'vlan': 4095}, 'vlan id 4095 invalid'),
                      ({'vlan': 1, 'vlanProto': '802.1ah'}, "'802.1Q' or '802.1ad'"),
                      ({'link_state': 'up'}, 'invalid link_state'),
                      ({'deviceID': '0000:00:00.7'}, '0000:00:00.7'),
                      ({'mac': '01:00:00:00:00:01'}, 'failed to set MAC address'),
                      ({'min_tx_rate': 20, 'max_tx_rate': 10}, 'failed to set vf 0 min_tx_rate'),
                      ({'min_tx_rate': 100000}, 'failed to set vf 0 min_tx_rate')):
        Pod(node, **conf).refused(why)
        Pod(node).add().delete()
    pod = Pod(node, mac=POD, vlan=100)
    sh(f'touch {FOLDER}/no-address')
    defer(sh, f'rm -f {FOLDER}/no-address')
    pod.refused('no address left')
    sh(f'rm {FOLDER}/no-address')
    pod.env['CNI_NETNS'] += '-gone'
    pod.refused('failed to open netns')
    pod.env['CNI_NETNS'] = f'/run/netns/{pod.ns}'
    pod.add(mac=POD, vlan=100).delete()


def commands():
    """VERSION, CHECK, STATUS and GC; a command that there is not"""
    pod = Pod(shared(Node).again())
    contains(pod.ask('VERSION')[1]['supportedVersions'], '1.0.0', 'versions')
    pod.add().ask('CHECK')
    pod.conf['cniVersion'] = '1.1.0'
    for what in ('STATUS', 'GC'):
        pod.ask(what)
    pod.talks()
    eq(pod.ask('RESTART', check=False)[0], 1, 'status')
    pod.delete()


def absent():
    """sriov-cni"""
    raise Skip('its binary was not given, by VNIC_SRIOV_CNI (Documentation/kubernetes.rst)')


run([pods, together, died, twice, errors, commands] if GIVEN else [absent])
