#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable debug=empty,listing,tenants,as_json,drops,attach,personality,container,altname,errors,top
# proof: stable=empty,listing,drops,attach,errors
# (the debug kernel is too slow to keep such rates)
"""tools/vnic: list, attach, detach, drops, top, of VFs and tenants."""
import json
import os
import re
import subprocess
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
from ktap import between, contains, defer, eq, run, timely, true, wait_for
from pump import Pump
from vnic import frame, load, out, packet_socket, ping, read, refused, sh, unload

VNIC = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../tools/vnic')


def empty():
    """without an adapter it says what to do"""
    unload()
    contains(refused(f'{VNIC} list'), 'modprobe vnic-pf', 'list')


def listing():
    """list shows adapters, VFs, MAC, VLAN, rate and who uses them"""
    pf = load(total_vfs=4)[0]
    pf.vfs(2)
    pf.link(1, 'mac 02:00:00:00:00:31 vlan 12 max_tx_rate 345')
    text = out(f'{VNIC} list')
    contains(text, f'{pf.dev}  {pf.bdf}', 'the PF')
    line = [l for l in text.splitlines() if pf.vf(1).bdf in l][0]
    for part in ('02:00:00:00:00:31', '12', '345', pf.vf(1).dev):
        contains(line, part, 'VF 1')
    sh('ip netns add there')
    defer(sh, 'ip netns del there')
    sh(f'ip link set {pf.vf(0).dev} netns there')
    shell = subprocess.Popen(['unshare', '-n', 'sleep', '60'])
    defer(shell.kill)
    wait_for(lambda: sh(f'ip link set {pf.vf(1).dev} netns {shell.pid}', check=False).returncode == 0
             and pf.vf(1).netdevs() == [], 'a container has VF 1')
    wait_for(lambda: read(f'/proc/{shell.pid}/comm') == 'sleep', 'its program runs')
    text = out(f'{VNIC} list')
    contains(text, 'in netns there', 'VF 0')
    contains(text, f'in netns of sleep[{shell.pid}]', 'VF 1')


def nodes(pf, *commands):
    """`devlink port function rate`; {}: the PF's device"""
    for command in commands:
        sh(f'devlink port function rate {command}'.format(f'pci/{pf.bdf}'))


def words(text, *first):
    """The words of the line that begins with these."""
    found = [line.split() for line in text.splitlines() if line.split()[:len(first)] == [*first]]
    eq(len(found), 1, f'lines that begin with {first} in {text}')
    return found[0]


def tenants():
    """list shows tenants as a tree, with their limits, and of each VF which it is of, and what its
    guest meets"""
    pf = load(total_vfs=4)[0]
    pf.vfs(4)
    contains(words(out(f'{VNIC} list'), 'VF'), 'DEVICE', 'VFs')
    true('TENANT' not in out(f'{VNIC} list'), 'nothing of tenants where there are none')
    nodes(pf, 'add {}/beta tx_max 70mbit', 'add {}/acme tx_share 20mbit tx_max 60mbit tx_weight 3',
          'add {}/test', 'set {}/test parent acme', 'set {}/0 parent acme', 'set {}/1 parent test',
          'set {}/2 parent test', 'set {}/test tx_priority 4')
    sh(f'devlink dev param set pci/{pf.bdf} name node_test_rx_rate value 9 cmode runtime')
    sh(f'devlink dev param set pci/{pf.bdf} name vf2_personality value virtio cmode runtime')
    text = out(f'{VNIC} list')
    for vf, personality, tenant in ((0, 'native', 'acme'), (2, 'virtio', 'test'),
                                    (3, 'native', '-')):
        contains(' '.join(words(text, str(vf))), f' {personality} {tenant} ', f'VF {vf}')
    table = text[text.rindex('  TENANT'):].splitlines()
    eq([' '.join(line.split()) for line in table[1:]],
       ['acme 20 to 60 Mb/s 60 Mb/s 3 0 0', 'test - 9 Mb/s - 4 1-2', 'beta 70 Mb/s 70 Mb/s - 0 -'],
       'nodes')
    eq([len(line) - len(line.lstrip()) for line in table[1:]], [2, 4, 2], 'indents')


def as_json():
    """list --json has every setting; --version is that of the modules"""
    pf = load(total_vfs=4)[0]
    pf.vfs(2)
    pf.link(1, 'mac 02:00:00:00:00:31 vlan 12 qos 3 proto 802.1ad max_tx_rate 345 min_tx_rate 7 '
               'trust on spoofchk off state disable')
    nodes(pf, 'add {}/t tx_max 400mbit tx_weight 2', 'add {}/u', 'set {}/u parent t',
          'set {}/1 parent u')
    sh(f'devlink dev param set pci/{pf.bdf} name vf1_personality value virtio cmode runtime')
    for user in ('', 'setpriv --reuid 65534 --regid 65534 --clear-groups '):
        said = json.loads(out(f'{user}{VNIC} list --json'))[0]
        eq(said['nodes'], [
            {'name': 't', 'parent': '', 'tx_max': 400, 'rx_rate': 'tx_max', 'tx_share': 0,
             'tx_weight': 2, 'tx_priority': 0},
            {'name': 'u', 'parent': 't', 'tx_max': 0, 'rx_rate': 'tx_max', 'tx_share': 0,
             'tx_weight': 0, 'tx_priority': 0}], 'nodes')
        vf = said['vfs'][1]
        want = {'pci': pf.vf(1).bdf, 'mac': '02:00:00:00:00:31', 'vlan': 12, 'qos': 3,
                'vlan_protocol': '802.1ad', 'max_tx_rate': 345, 'min_tx_rate': 7, 'trust': True,
                'spoofchk': False, 'link_state': 'disable', 'netdevs': [pf.vf(1).dev],
                'parent': 'u', 'personality': 'virtio'}
        eq({k: vf[k] for k in want}, want, 'VF 1')
    eq(json.loads(out(f'{VNIC} --json')), json.loads(out(f'{VNIC} list --json')), 'without a command')
    contains(refused(f'{VNIC} --json drops {pf.dev}'), 'behind the COMMAND', 'before one')
    contains(sh(VNIC, check=False).stderr, 'a COMMAND is needed', 'without anything')
    for module in ('vnic-pf', 'vnic-vf', 'vnic-vfio-pci', 'vnic-iommu'):
        eq('vnic ' + out(f'modinfo -F version {module}'), out(f'{VNIC} --version'), module)


def drops():
    """drops tells what a VF lost and why, of each reason what it means"""
    pf = load(total_vfs=4)[0]
    vf = pf.vfs(2)[0]
    vf.up(ns='vf0', ip='10.9.0.1')
    contains(out(f'{VNIC} drops {pf.dev} 1'), 'lost nothing', 'VF 1')
    sock = packet_socket(vf.name, vf.ns)
    for _ in range(10):
        sock.send(frame('02:00:00:00:00:99', '02:00:00:00:00:98'))
    line = wait_for(lambda: [l for l in out(f'{VNIC} drops {pf.dev} 0').splitlines()
                             if l.split()[2:4] == ['tx_drop_spoof', '10']], 'spoofed packets')[0]
    eq(line.split()[:4], ['VF', '0', 'tx_drop_spoof', '10'], 'count')
    eq(json.loads(out(f'{VNIC} drops --json {pf.dev} 0')),
       [{'vf': 0, 'pci': vf.bdf, 'drops': {'tx_drop_spoof': 10}}], 'for programs')
    contains(line, 'foreign address', 'meaning')
    eq('VF 1' in out(f'{VNIC} drops {pf.dev}'), False, 'VF 1')
    named = set(re.findall(r'vfs_([rt]x_drop_\w+)', out(f'ethtool -S {pf.dev}')))
    known = set(re.findall(r'"([rt]x_drop_\w+)":', read(VNIC)))
    eq(named, known, 'reasons that have a meaning')


def node_drops():
    """what a VF lost to the rate of a node is told, and which nodes have one; top shows what the VFs
    below each do together, and lose to that"""
    pf = load(total_vfs=4)[0]
    vfs = [vf.up(ns=f'vf{vf.index}') for vf in pf.vfs(3)]
    nodes(pf, 'add {}/a tx_max 2mbit', 'add {}/b', 'add {}/c', 'set {}/b parent a',
          'set {}/0 parent b', 'set {}/2 parent c')
    Pump(vfs[1].name, 'vf1', vfs[0].mac, vfs[1].mac, mbps=20)
    wait_for(lambda: pf.stats()['vfs_rx_drop_node'] > 1000, 'drops')
    line = words(out(f'{VNIC} drops {pf.dev} 0'), 'VF', '0', 'rx_drop_node')
    timely(int(line[3]) > 1000, f'packets dropped: {line}')
    contains(' '.join(line), 'beyond the rate of a node above it (devlink port function rate): '
             'a 2 Mb/s', 'meaning')
    before = pf.stats()['vfs_rx_drop_node']
    text = out(f'{VNIC} top -i 2 -c 1')
    most = 1.1 * (pf.stats()['vfs_rx_drop_node'] - before) / 2   # of longer than the two seconds
    for name in 'ab':
        rx, lost = of_node(text, name)
        between(rx, 1, 3, f'Mb/s that VFs below {name} are sent')
        between(lost, 100, most, f'packets a second lost below {name}')
    eq(of_node(text, 'c'), (0, 0), 'c')
    seen = out(f'setpriv --reuid 65534 --regid 65534 --clear-groups {VNIC} top -i 0.2 -c 1')
    eq(words(seen, 'b')[-2:], ['-', '0'], 'drops and VFs of b for others than root')
    sh(f'devlink dev param set pci/{pf.bdf} name node_a_rx_rate value 0 cmode runtime')
    contains(out(f'{VNIC} drops {pf.dev} 0'), 'none has one now', 'without a rate')


def of_node(text, name):
    """What `vnic top` says of one: (Mb/s its VFs are sent, packets a second lost to nodes)"""
    rx, _tx, lost = words(text, name)[-4:-1]
    return of_human(rx.removesuffix('b/s')) / 1e6, of_human(lost)


def of_human(text):
    """1.2M -> 1200000"""
    units = {'k': 1e3, 'M': 1e6, 'G': 1e9}
    return float(text.rstrip('kMG')) * units.get(text[-1], 1)


def personality():
    """attach says what the guest meets in the VF, and sets it; not while somebody has the VF"""
    pf = load(total_vfs=4)[0]
    vf = pf.vfs(2)[0]

    def now():
        return json.loads(out(f'devlink -j dev param show pci/{pf.bdf} name vf0_personality')
                          )['param'][f'pci/{pf.bdf}'][0]['values'][0]['value']

    contains(out(f'{VNIC} attach {pf.dev} 0'), f'{vf.bdf}, native (a guest with vnic-vf)', 'as it is')
    contains(out(f'{VNIC} attach {pf.dev} 0 --personality virtio'), f'{vf.bdf}, virtio (any guest',
             'while it is attached')
    eq(now(), 'virtio', 'personality')
    group = os.path.basename(os.readlink(f'{vf.path}/iommu_group'))
    with open(f'/dev/vfio/{group}', 'rb', buffering=0):
        said = refused(f'{VNIC} attach {pf.dev} 0 --personality native')
        contains(said, f'in use by python3 (pid {os.getpid()})', 'in use')
        eq(now(), 'virtio', 'personality')
        contains(out(f'{VNIC} attach {pf.dev} 0 --personality virtio'), ', virtio (', 'no change')
    out(f'{VNIC} detach {pf.dev} 0')
    contains(refused(f'{VNIC} attach {pf.dev} 0 --personality e1000'), 'virtio', 'another word')
    eq((vf.driver(), now()), ('vnic-vf', 'virtio'), 'after a word that is none')
    contains(out(f'{VNIC} attach {pf.dev} 0 --personality native'), ', native (', 'from the host')
    eq((vf.driver(), now()), ('vnic-vfio-pci', 'native'), 'attached')


def attach():
    """attach binds a VF to vfio and prints the QEMU line; detach gives it back"""
    pf = load(total_vfs=4)[0]
    vf = pf.vfs(2)[0]
    text = out(f'{VNIC} attach {pf.dev} 0')
    eq(vf.driver(), 'vnic-vfio-pci', 'driver')
    contains(out(f'{VNIC} list'), 'free (vfio)', 'root sees that nobody has it')
    seen = out(f'setpriv --reuid 65534 --regid 65534 --clear-groups {VNIC} list')
    contains(seen, 'only root sees', 'others do not')
    contains(text, f'-device vfio-pci,host={vf.bdf}', 'QEMU line')
    contains(text, '<hostdev', 'libvirt')
    eq(pf.vf(1).driver(), 'vnic-vf', 'the other VF')
    out(f'{VNIC} detach {pf.dev} 0')
    eq(vf.driver(), 'vnic-vf', 'driver after detach')


def container():
    """attach does not take the interface of a container, but with --force; nothing else changes"""
    pf = load(total_vfs=4)[0]
    vf = pf.vfs(1)[0]
    dev = vf.dev
    sh('ip netns add there')
    defer(sh, 'ip netns del there')
    sh(f'ip link set {dev} netns there')
    said = refused(f'{VNIC} attach {pf.dev} 0 --personality virtio')
    contains(said, f'VF 0 ({vf.bdf}) is in use, its interface is in another network namespace '
             f'({dev} in netns there)', 'what it says')
    eq(vf.driver(), 'vnic-vf', 'driver')
    contains(out(f'{VNIC} list'), f' native  host: {dev} in netns there', 'what is left')
    out(f'{VNIC} attach {pf.dev} 0 --force')
    eq(vf.driver(), 'vnic-vfio-pci', 'driver, with --force')
    out(f'{VNIC} attach {pf.dev} 0')


def pf_down():
    """list and attach warn of a PF that is down, of which libvirt takes no VF"""
    pf = load(total_vfs=4)[0]
    pf.vfs(1)
    sh('modprobe vfio-pci')
    for state, warns in (('down', True), ('up', False)):
        sh(f'ip link set {pf.dev} {state}')
        pf.vf(0).bind('vfio-pci')       # what attach takes it away from
        for cmd in ('list', f'attach {pf.dev} 0'):
            eq(f'ip link set {pf.dev} up' in sh(f'{VNIC} {cmd}').stderr, warns, f'{cmd}, {state}')
        contains(out(f'{VNIC} list --json'), f'"up": {str(not warns).lower()}', '--json')
        eq(pf.vf(0).driver(), 'vnic-vfio-pci', 'driver')


def altname():
    """a PF is known by its alternative names, too, as `ip link` knows it"""
    pf = load(total_vfs=4)[0]
    pf.vfs(1)
    name = 'the-adapter-of-tenants'
    contains(refused(f'{VNIC} drops {name}'), f'{name} is no vnic adapter', 'before')
    sh(f'ip link property add dev {pf.dev} altname {name}')
    contains(out(f'{VNIC} drops {name} 0'), f'VF 0 of {pf.dev} has lost nothing', 'after')
    contains(refused(f'{VNIC} drops lo'), 'lo is no vnic adapter', 'another interface')


def errors():
    """bad arguments are refused with what would be accepted"""
    pf = load(total_vfs=4)[0]
    contains(refused(f'{VNIC} attach {pf.dev} 0'), 'sriov_numvfs', 'no VFs')
    pf.vfs(2)
    contains(refused(f'{VNIC} attach {pf.dev} 2'), '0 to 1', 'VF 2 of 2')
    contains(refused(f'{VNIC} attach lo 0'), pf.dev, 'not an adapter')
    contains(refused(f'{VNIC} detach {pf.dev} 0'), 'not attached', 'detach')
    true(sh(f'{VNIC} nonsense', check=False).returncode, 'unknown command')


def top():
    """top shows what flows"""
    pf = load(total_vfs=4)[0]
    for i, vf in enumerate(pf.vfs(2)):
        vf.up(ns=f'vf{i}', ip=f'10.9.0.{i + 1}')
    ping('vf0', '10.9.0.2')
    text = out(f'{VNIC} top -i 0.5 -c 1')
    contains(text, pf.bdf, 'the PF')
    eq(len([l for l in text.splitlines() if l.split()[0] in ('0', '1')]), 2, 'rows of VFs')


run([empty, listing, tenants, as_json, drops, node_drops, attach, personality, container,
     pf_down, altname, errors, top])
