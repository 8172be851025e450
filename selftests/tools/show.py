#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable newest=ethtool,as_json
# proof: stable=ethtool,as_json,lspci
"""What the usual programs show of PF and VFs: ethtool, ip, devlink, lspci, lshw, tcpdump ..."""
import json
import os
import re
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
from ktap import Skip, contains, defer, eq, note, run, true, wait_for
from vnic import Background, load, out, ping, read, sh, shared

BRIEF = (r'^\s+ethtool \[ FLAGS \](?: \[ --phy PHY \])? ([-\w|]+) DEVNAME'
         r'\s+(?:Show|Query|Get|Do a|Print|List|Display)')
# Of what `ethtool --help` can show: what there is of a VF, and of these what there is of the PF.
SHOWN = {'-c', '-g', '-k', '-i', '-S', '-n', '-T', '-x', '-P', '-l'}
OF_PF = {'-k', '-i', '-S', '-T', '-P'}
WANTS_MORE = {'--get-tunable': 'rx-copybreak', '--get-phy-tunable': 'downshift'}
# What the kernel answers itself, with nothing, for every NIC.
EMPTY = {'--show-module', '--show-phys'}
# How ethtool says that a driver or device has no such thing.
NONE = re.compile(r'not supported|no stats available|Cannot get tunable|does not report tunnel')


class Bench:
    """A PF with two VFs that are up; VF 1 is in namespace vf1."""

    def __init__(self):
        self.pf = load(total_vfs=4)[0]
        self.vfs = self.pf.vfs(2)
        self.dev, self.vf = self.pf.dev, self.vfs[0].dev
        sh(f'ip link set {self.dev} up; ip addr add 10.9.0.100/24 dev {self.dev}')
        sh(f'ip link set {self.vf} up')
        self.vfs[1].up(ns='vf1', ip='10.9.0.2')
        self.pf.link(0, 'mac 02:00:00:00:70:00 vlan 7 qos 2 max_tx_rate 500 min_tx_rate 100')
        self.pf.link(1, 'trust on spoofchk off state enable')


def lacks(program):
    """Skip the case in a tree without a program."""
    if sh(f'command -v {program}', check=False).returncode:
        raise Skip(f'no {program}')


def ethtool():
    """each thing that ethtool can show is there, or is said not to be; nothing fails otherwise"""
    b = shared(Bench)
    gets = [words.split('|')[0] for words in re.findall(BRIEF, out('ethtool --help'), re.M)]
    true(len(gets) > 25, f'options found: {gets}')
    for dev, there in ((b.vf, SHOWN), (b.dev, OF_PF)):
        contains(out(f'ethtool {dev}'), 'Link detected: yes', dev)
        shown = set()
        for option in gets:
            done = sh(f'ethtool {option} {dev} {WANTS_MORE.get(option, "")}', check=False)
            said = done.stdout + done.stderr
            if option in EMPTY or NONE.search(said) and option not in there:
                continue
            shown.add(option)
            true(done.returncode == 0, f'{option} {dev}: {said}')
        eq(shown, there, f'what is shown of {dev}')


def as_json():
    """`ip -j` and `devlink -j`: all that they show is JSON, and tells what was set"""
    b = shared(Bench)
    for cmd in ('link', 'addr', 'neigh', 'route', 'stats', 'netconf'):
        json.loads(out(f'ip -j -d -s {cmd} show') or '[]')
    vf = json.loads(out(f'ip -j -d link show {b.dev}'))[0]['vfinfo_list'][0]
    eq((vf['address'], vf['vlan_list'], vf['rate']),
       ('02:00:00:00:70:00', [{'vlan': 7, 'qos': 2}], {'max_tx': 500, 'min_tx': 100}), 'VF 0')
    name = f'pci/{b.pf.bdf}'
    shown = {}
    for what in ('dev show', 'dev info', 'dev param show', f'dev eswitch show {name}', 'port show',
                 'port function rate show', 'sb show', 'sb pool show', 'sb port pool show',
                 f'sb occupancy show {name}/0', 'region show', 'health show',
                 f'health diagnose {name} reporter vf', 'trap show', 'trap group show',
                 'trap policer show', 'dev selftests show', 'lc show'):
        shown[what] = json.loads(out(f'devlink -j {what}'))
    eq(shown[f'dev eswitch show {name}'], {'dev': {name: {'mode': 'legacy'}}}, 'mode')
    eq([p['vfnum'] for p in shown['port show']['port'].values()], [0, 1], 'ports')
    eq(shown['port show']['port'][f'{name}/0']['function']['hw_addr'], '02:00:00:00:70:00', 'VF 0')
    eq(shown['port function rate show']['rate'][f'{name}/0'],
       {'type': 'leaf', 'tx_share': 12500000, 'tx_max': 62500000}, 'its rate in bytes')
    eq(shown['dev info']['info'][name]['driver'], 'vnic-pf', 'driver')


def eswitch():
    """the mode of the switch is legacy: setting that is nothing, any other is refused"""
    name = f'pci/{shared(Bench).pf.bdf}'
    sh(f'devlink dev eswitch set {name} mode legacy')
    done = sh(f'devlink dev eswitch set {name} mode switchdev', check=False)
    true(done.returncode, 'switchdev')
    contains(done.stderr, 'no representors', 'why')


def lspci():
    """lspci -vvv reads all capabilities, and shows the VFs that there are"""
    b = shared(Bench)
    text = {bdf: out(f'lspci -vvv -s {bdf}') for bdf in (b.pf.bdf, b.vfs[0].bdf)}
    for bdf, said in text.items():
        for bad in ('access denied', '!!!', '<chain', 'Unknown', 'Unassigned', 'ignored'):
            true(bad not in said, f'{bad}: {said}')
        contains(said, 'Root Complex Integrated Endpoint', bdf)
        contains(said, 'MSI-X: Enable', bdf)
        contains(said, f'Kernel driver in use: {"vnic-pf" if bdf == b.pf.bdf else "vnic-vf"}', bdf)
    contains(text[b.pf.bdf], 'Single Root I/O Virtualization', 'of the PF')
    contains(text[b.pf.bdf], 'Initial VFs: 4, Total VFs: 4, Number of VFs: 2', 'VFs')
    contains(text[b.vfs[0].bdf], 'MSI-X: Enable+', 'vectors of the VF')


def lshw():
    """lshw: PF and VFs, each with its interface, driver and address"""
    lacks('lshw')
    b = shared(Bench)
    found = {n['businfo']: n for n in json.loads(out('lshw -json -c network'))
             if 'vnic' in n['configuration'].get('driver', '')}
    eq({k: (n['logicalname'], n['configuration']['driver']) for k, n in found.items()
        if 'logicalname' in n},
       {f'pci@{b.pf.bdf}': (b.dev, 'vnic-pf'), f'pci@{b.vfs[0].bdf}': (b.vf, 'vnic-vf')}, 'found')
    eq(found[f'pci@{b.vfs[0].bdf}']['serial'], b.vfs[0].mac, 'address')


def tcpdump():
    """tcpdump at PF and VF shows both directions of a ping"""
    b = shared(Bench)
    line = '-n -p -l -c 4 icmp and host 10.9.0.100'
    taken = [(Background(f'tcpdump -i {dev} {line} >/run/{dev}.dump 2>&1', ns=ns),
              f'/run/{dev}.dump') for dev, ns in ((b.dev, None), (b.vfs[1].name, 'vf1'))]
    wait_for(lambda: all(os.path.exists(path) and 'listening on' in read(path)
                         for _, path in taken), 'both listen', seconds=30)
    ping('vf1', '10.9.0.100')
    for dump, path in taken:
        dump.finish(20)
        said = read(path)
        for part in ('10.9.0.2 > 10.9.0.100: ICMP echo request',
                     '10.9.0.100 > 10.9.0.2: ICMP echo reply'):
            eq(said.count(part), 2, f'{part} in {said}')


def affinity(irq):
    """(where an interrupt may go, where it goes)"""
    return [read(f'/proc/irq/{irq}/{name}_list') for name in ('smp_affinity', 'effective_affinity')]


def irqbalance():
    """irqbalance sees the VF's interrupts and places them; the VF works"""
    lacks('irqbalance')
    b = shared(Bench)
    irqs = sorted(int(n) for n in os.listdir(f'{b.vfs[1].path}/msi_irqs'))
    for irq in irqs:
        for cpu in ('1', '0'):
            sh(f'echo {cpu} > /proc/irq/{irq}/smp_affinity_list')
            eq(affinity(irq), [cpu, cpu], f'interrupt {irq}')
    Background('ping -q -i 0.01 10.9.0.100', ns='vf1')
    said = out('irqbalance --oneshot --debug', timeout=120)
    for irq in irqs:
        contains(said, f'Interrupt {irq} ', 'what irqbalance sees')
    note(str({irq: affinity(irq) for irq in irqs}))
    ping('vf1', '10.9.0.100')


def xdp_tools():
    """xdp-loader, xdp-filter, xdp-bench and bpftool at a VF"""
    b = shared(Bench)
    vf = b.vfs[1]

    def answered():
        return ping('vf1', '10.9.0.100', count=1, check=False)
    sh('mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf')
    sh(f'xdp-filter load --mode native --features tcp,udp,ipv4,ethernet {vf.name}', ns='vf1')
    defer(sh, f'xdp-loader unload --all {vf.name}', ns='vf1', check=False)
    contains(out(f'xdp-loader status {vf.name}', ns='vf1'), 'native', 'mode')
    wait_for(answered, 'ping')
    sh('xdp-filter ip 10.9.0.100 --mode src', ns='vf1')
    true(not ping('vf1', '10.9.0.100', count=1, check=False), 'filtered')
    shown = json.loads(out(f'bpftool -j net show dev {vf.name}', ns='vf1'))[0]['xdp']
    eq([(x['devname'], x['mode']) for x in shown], [(vf.name, 'driver')], 'by bpftool')
    sh(f'xdp-loader unload --all {vf.name}', ns='vf1')
    wait_for(answered, 'ping')
    for seconds in (3, 10, 30):     # until it has begun
        done = sh(f'timeout -s INT {seconds} xdp-bench tx -m native -i 1 {vf.name}', ns='vf1',
                  check=False)
        if 'Summary' in done.stdout:
            break
    contains(done.stdout, 'Summary', f'xdp-bench: {done.stderr}')
    wait_for(answered, 'ping')


run([ethtool, as_json, eswitch, lspci, lshw, tcpdump, irqbalance, xdp_tools])
