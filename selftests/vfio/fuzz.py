#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: debug quick
# timeout: 300
"""The fuzzer of a VF's device: the programs of fuzz/corpus, then more for a few seconds.

FUZZ_SECONDS, FUZZ_SEED, FUZZ_REPLAY (a file) and FUZZ_TIMES come from selftests/fuzz.
"""
import bisect
import collections
import glob
import os
import re
import subprocess
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
from devlink import Devlink
from ktap import defer, note, run, true
from program import program
from vnic import load, read, sh

HERE = os.path.dirname(os.path.abspath(__file__))
DRIVERS = os.path.abspath(HERE + '/../../drivers')
LOG = '/log/fuzz'
VFS = 16
# What each run reaches at least: of all, and of what only virtio VFs do (its corpus alone
# reaches more).
LEAST = {'': 300, 'vnic-pf/virtio/': 500}
POINT = '__sanitizer_cov_trace_pc'


def setup():
    """VFs bound to vnic-vfio-pci, half of them virtio, of a PF that is up and has an uplink."""
    sh('modprobe kvm_amd || modprobe kvm_intel', check=False)
    sh('sysctl -qw net.ipv6.conf.default.disable_ipv6=1')
    defer(sh, 'sysctl -qw net.ipv6.conf.default.disable_ipv6=0')
    pf = load(total_vfs=VFS)[0]
    sh('ip link add ethup type veth peer name ethfar')
    defer(sh, 'ip link del ethup')
    sh('ip link set ethfar up; ip link set ethup up')
    sh(f'ip link set ethup master {pf.dev}; ip link set {pf.dev} up')
    pf.set('sriov_drivers_autoprobe', 0)
    pf.numvfs(VFS)
    for i in range(VFS):
        sh(f'ip link set {pf.dev} vf {i} trust {"on" if i % 8 > 1 else "off"}')
        Devlink(pf).set_param(f'vf{i}_personality', 'virtio' if i % 2 else 'native')
    for i in range(1, 3):
        sh(f'ip link set {pf.dev} vf {VFS - i} max_tx_rate 2')
        sh(f'ip link set {pf.dev} vf {VFS - 2 - i} vlan 1')
    return [pf.vf(i).to_vfio().bdf for i in range(VFS)]


def defined_in(folder):
    """{function: source file} of a folder of the drivers"""
    found = {}
    for path in glob.glob(f'{DRIVERS}/{folder}/**/*.c', recursive=True):
        with open(path, encoding='utf-8') as file:
            for name in re.findall(r'^\w[^;={}()#]*?\b(\w+)\(', file.read(), re.M):
                found.setdefault(name, os.path.relpath(path, DRIVERS))
    return found


def points(module):
    """(addresses of a loaded module at which kcov looks, its functions by address)"""
    base = int(read(f'/sys/module/{module}/sections/.text'), 16)
    ko = f'/vnic-modules/{module.replace("_", "-")}.ko'
    relocs = subprocess.run(['readelf', '-rW', ko], capture_output=True, text=True,
                            check=True).stdout
    text = relocs.partition(".rela.text'")[2].partition('Relocation section')[0]
    found = [base + int(line.split()[0], 16) + 4 for line in text.splitlines() if POINT in line]
    symbols = subprocess.run(['nm', '-n', ko], capture_output=True, text=True,
                             check=True).stdout
    functions = [(base + int(at, 16), name) for at, name in
                 re.findall(r'^([0-9a-f]+) [tT] (\w+)', symbols, re.M)
                 if name not in ('init_module', 'cleanup_module')]
    return found, functions


def report():
    """Print what was reached: places of all, by source file; returns how many of each"""
    with open(LOG + '/places', encoding='ascii') as file:
        places = {int(line, 16) for line in file}
    there, got = collections.Counter(), collections.Counter()
    for module, folder in (('vnic_pf', 'vnic-pf'), ('vnic_vfio_pci', 'vnic-pf/vfio'),
                           ('vnic_iommu', 'vnic-iommu')):
        found, functions = points(module)
        files = defined_in(folder)
        starts = [at for at, _ in functions]
        for at in found:
            name = functions[max(0, bisect.bisect_right(starts, at) - 1)][1]
            where = files.get(name.split('.')[0], module)
            there[where] += 1
            got[where] += at in places
    for where in sorted(there, key=lambda name: (-got[name], name)):
        if got[where]:
            note(f'{got[where]:5} of {there[where]:5} places: {where}')
    note(f'{sum(got.values())} of {sum(there.values())} places in all')
    return got


def reached(got):
    """Is it as much as any run reaches?"""
    for folder, least in LEAST.items():
        count = sum(n for where, n in got.items() if where.startswith(folder))
        note(f'{count} places in {folder or "all"}, {least} at least')
        true(count >= least, f'next to nothing of {folder or "all"} is reached: is kcov at work?')


def fuzz():
    """programs by chance, led by what they reach, leave the machine unharmed"""
    args = ['-t', os.environ.get('FUZZ_SECONDS') or '15', '-s',
            os.environ.get('FUZZ_SEED') or '1', '-l', LOG]
    if os.environ.get('FUZZ_REPLAY'):
        args = ['-r', os.environ['FUZZ_REPLAY'], '-n', os.environ.get('FUZZ_TIMES') or '200',
                '-l', LOG]
    else:
        args += ['-c', HERE + '/fuzz/corpus']
    # The debug kernel has it, but not the one that looks for data races.
    blind = not os.path.exists('/sys/kernel/debug/kcov') and \
        ('debug' not in os.uname().release or os.path.exists('/sys/kernel/debug/kcsan'))
    if blind:
        args.append('-b')
    status = subprocess.run([program('fuzz'), *args, *setup()], check=False).returncode
    true(not status, f'the fuzzer ends with {status}')
    if not blind:
        got = report()
        if not os.environ.get('FUZZ_REPLAY'):
            reached(got)


run([fuzz])
