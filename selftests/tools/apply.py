#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable
"""tools/vnic: save and apply, the file that keeps what an administrator configured."""
import contextlib
import importlib.machinery
import importlib.util
import io
import os
import re
import sys
import time
import types
sys.path.insert(0, sys.path[0] + '/../lib')
from ktap import contains, defer, eq, run, true, wait_for
from devlink import Devlink
from vnic import out, pf_list, read, sh, shared, unload

TOOLS = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../tools')
FILE, OTHER = '/run/vnic.toml', '/run/other.toml'
BDF = '1000:00:00.0'
DIFFERS = 3

ALL = '''\
[adapter."1000:00:00.0"]
num_vfs = 2
uplink = "wire0"
link_speed = 900
drivers_autoprobe = false
auto_recover = false

[adapter."1000:00:00.0".vf.0]
mac = "02:00:00:00:00:10"
driver = "vnic-vfio-pci"

[adapter."1000:00:00.0".vf.1]
mac = "02:00:00:00:00:11"
vlan = 12
qos = 3
vlan_protocol = "802.1ad"
max_tx_rate = 345
min_tx_rate = 7
rx_rate = 500
rx_burst = 300000
tx_burst = 400000
rx_queue = 5000
rx_pps = 20000
tx_pps = 1000
tx_weight = 3
tx_priority = 5
memory_guaranteed = 65536
memory_borrowed = 131072
trust = true
spoofchk = false
state = "disable"
msix_vectors = 9
driver = "vnic-vf"
'''


def tool():
    """tools/vnic as a module: starting Python is slow in the machine."""
    if not hasattr(tool, 'made'):
        loader = importlib.machinery.SourceFileLoader('vnic_tool', TOOLS + '/vnic')
        sys.path.insert(1, TOOLS)
        tool.made = importlib.util.module_from_spec(
            importlib.util.spec_from_loader('vnic_tool', loader))
        loader.exec_module(tool.made)
    return tool.made


def vnic(*args, status=0):
    """What `vnic <args>` prints; it must end with this status."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        got = tool().main(list(args))
    eq(got, status, f'status of vnic {" ".join(args)}, which said {said.getvalue()!r}')
    return said.getvalue()


def plain(text):
    """A file's lines without comments and blank ones."""
    lines = [line.split('#')[0].strip() for line in text.splitlines()]
    return [line for line in lines if line]


def apply(text, *args, status=0):
    """Apply a file with this text."""
    write_file(FILE, text)
    return vnic('apply', *args, FILE, status=status)


def write_file(path, text):
    """Make a file."""
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text)


def load_modules():
    """As load(), and what the cases share stays."""
    sh('modprobe vnic-vf')
    sh('modprobe vnic-pf total_vfs=8')


def make_bench():
    """An adapter without VFs, and a netdev that can be its uplink."""
    sh('ip link add wire0 type veth peer name wire1')
    defer(sh, 'ip link del wire0')
    load_modules()
    defer(unload)
    return pf_list()[0]


def bench():
    """The same, shared by the cases, as if new."""
    pf = shared(make_bench)
    sh('ip link set wire0 nomaster')
    pf.numvfs(0)
    Devlink(pf).set_param('link_speed', 0)
    Devlink(pf).run(f'health set pci/{BDF} reporter vf auto_recover true')
    pf.set('sriov_drivers_autoprobe', 0)
    return pf


def round_trip():
    """what apply has set save writes, all keys; a second apply changes nothing; after a reload
    the file makes the same state"""
    bench()
    said = apply(ALL)
    contains(said, 'num_vfs: 0 -> 2', 'what it did')
    eq(plain(vnic('save')), plain(ALL), 'saved')
    eq(apply(ALL), '', 'a second time')
    unload()
    load_modules()
    pf = pf_list()[0]
    vnic('apply', FILE)
    vnic('save', OTHER)
    eq(plain(read(OTHER)), plain(ALL), 'saved after a reload')
    info = pf.vfinfo(1)     # the kernel agrees, not only the tool with itself
    eq((info['address'], info['rate']['max_tx'], info['trust'], info['spoofchk'],
        info['link_state']), ('02:00:00:00:00:11', 345, True, False, 'disable'), 'ip link')
    eq((pf.vf(0).driver(), pf.vf(1).driver()), ('vnic-vfio-pci', 'vnic-vf'), 'drivers')
    eq((Devlink(pf).param('vf1_rx_queue'), Devlink(pf).threshold(1, 0)), (5000, 65536), 'devlink')


def defaults():
    """keys that are not in the file become their defaults, but for address and driver; num_vfs 0
    and back loses what VFs had, not what the adapter has"""
    pf = bench()
    apply(ALL)
    pf.numvfs(0)
    pf.numvfs(2)
    kept = ALL[:ALL.index('[adapter."1000:00:00.0".vf.0]')]
    eq([l for l in plain(vnic('save')) if 'mac' not in l and 'vf.' not in l], plain(kept), 'kept')
    apply(ALL)
    apply('[adapter."1000:00:00.0"]\nnum_vfs = 2\ndrivers_autoprobe = false\n')
    eq(plain(vnic('save')),
       plain('[adapter."1000:00:00.0"]\nnum_vfs = 2\ndrivers_autoprobe = false\n'
             '[adapter."1000:00:00.0".vf.0]\nmac = "02:00:00:00:00:10"\n'
             'driver = "vnic-vfio-pci"\n'
             '[adapter."1000:00:00.0".vf.1]\nmac = "02:00:00:00:00:11"\n'
             'driver = "vnic-vf"'), 'defaults')


def faults():
    """what is wrong with a file is said, all of it, with the key and what is accepted; nothing
    changes"""
    pf = bench()
    pf.numvfs(2)
    before = vnic('save')
    head = f'[adapter."{BDF}"]\nnum_vfs = 2\nuplink = "wire0"\n'
    vf = head + f'[adapter."{BDF}".vf.1]\n'
    here = f'adapter."{BDF}"'
    for text, parts in (
            ('[adapter\n', ['line 1']),
            ('[adaptor.x]\n', ['adaptor', 'there is: adapter']),
            ('[adapter.nosuch]\nnum_vfs = 2\n', ['adapter.nosuch', f'({BDF})']),
            (f'[adapter."{BDF}"]\n', ['num_vfs: missing', '0 to 8']),
            (f'[adapter."{BDF}"]\nnum_vfs = 9\n', ['num_vfs', '0 to 8']),
            (head + 'mtu = 9000\n', [f'{here}.mtu: no such key', 'link_speed']),
            (head + f'[adapter.{pf.dev}]\nnum_vfs = 2\n',
             [f'adapter.{pf.dev}: {BDF} is in the file']),
            (head.replace('wire0', 'nosuch'), [f'{here}.uplink: no interface nosuch', 'wire0']),
            (head.replace('wire0', pf.dev), [f'{here}.uplink', "adapter's own"]),
            (head + f'[adapter."{BDF}".vf.2]\ntrust = true\n',
             [f'{here}.vf.2: no such VF: 0 to 1']),
            (vf + 'qos = 3\nvlan_protocol = "802.1ad"\n',
             [f'{here}.vf.1.qos: only 0', f'{here}.vf.1.vlan_protocol: only "802.1Q"']),
            (vf + 'vlan = 4095\ntrust = 1\nmax_tx_rate = true\nrate = 5\n',
             [f'{here}.vf.1.vlan: 4095 is not accepted: 0 (none) to 4094',
              f'{here}.vf.1.trust: 1 is not accepted: true or false',
              f'{here}.vf.1.rate: no such key',
              f'{here}.vf.1.max_tx_rate: true is not']),
            (vf + 'mac = "01:00:00:00:00:01"\nstate = "up"\nrx_rate = "none"\nrx_burst = 1\n'
             'memory_guaranteed = 2049\n', ['unicast', '"auto", "enable"', '"max_tx_rate"',
                                            '15140', 'multiple of 2048']),
            (vf + 'max_tx_rate = 5\nmin_tx_rate = 6\nmemory_guaranteed = 16777216\n',
             ['6 is more than max_tx_rate, 5', 'all memory_guaranteed']),
            (head + f'link_speed = 5\n[adapter."{BDF}".vf.0]\nmin_tx_rate = 6\n', ['6 or more']),
            (f'[adapter."{BDF}"]\nnum_vfs = 8\n' + ''.join(
                f'[adapter."{BDF}".vf.{i}]\nmsix_vectors = 17\n' for i in range(8)),
             [f'{here}: all msix_vectors together are 136: the adapter has 104'])):
        for args in (('--check',), ()):
            said = apply(text, *args, status=1)
            for part in parts:
                contains(said, part, text)
    eq(vnic('save'), before, 'state')
    eq(apply(vf + 'vlan = 5\n', '--check'), '', 'nothing is wrong')
    eq(vnic('save'), before, 'state after --check')


def undone():
    """what the kernel refuses in the middle is said, with its reason, and all is undone"""
    pf = bench()
    text = (f'[adapter."{BDF}"]\nnum_vfs = 2\nuplink = "none"\nauto_recover = false\n' +
            ''.join(f'[adapter."{BDF}".vf.{i}]\nmac = "02:00:00:00:00:2{i}"\nvlan = 7\n'
                    'min_tx_rate = 60000\ndriver = "vnic-vf"\n' for i in (0, 1)))
    before = vnic('save')
    said = apply(text, status=1)
    for part in (f'{pf.dev} vf1 min_tx_rate: ', 'At most 40000 Mb/s of the link are left',
                 'all is as it was before'):
        contains(said, part, 'refused')
    eq(vnic('save'), before, 'no VFs, as before')
    apply(ALL)
    before = vnic('save')
    contains(apply(text, status=1), 'all is as it was before', 'refused')
    eq(vnic('save'), before, 'all keys are as before')


def on_the_way():
    """guarantees that move between VFs, and a speed that shrinks with them, are set in an order
    that works"""
    bench()
    text = '[adapter."1000:00:00.0"]\nnum_vfs = 2\nlink_speed = {}\ndrivers_autoprobe = false\n' + \
        ''.join(f'[adapter."1000:00:00.0".vf.{i}]\nmin_tx_rate = {{}}\nmax_tx_rate = {{}}\n'
                f'memory_guaranteed = {{}}\n' for i in (0, 1))
    most, least = 13 << 20, 1 << 20     # of 16 MiB
    for values in ((1000, 900, 950, most, 100, 100, least), (1000, 100, 100, least, 900, 0, most),
                   (200, 100, 150, most, 100, 120, least)):
        apply(text.format(*values))
        eq(apply(text.format(*values), '--diff'), '', f'difference to {values}')


def diff():
    """--diff prints a line for each key that would change, changes nothing, and its status tells"""
    pf = bench()
    apply(ALL)
    before = vnic('save')
    said = apply(ALL.replace('345', '0').replace('trust = true', '').replace('"wire0"', '"none"'),
                 '--diff', status=DIFFERS)
    eq(said.splitlines(), [f'{pf.dev} uplink: "wire0" -> "none"',
                           f'{pf.dev} vf1 max_tx_rate: 345 -> 0',
                           f'{pf.dev} vf1 trust: true -> false'], 'lines')
    said = apply(ALL.replace('num_vfs = 2', 'num_vfs = 3'), '--diff', status=DIFFERS)
    contains(said, f'{pf.dev} num_vfs: 2 -> 3\n{pf.dev} vf0 mac: default -> "02:', 'more VFs')
    eq(vnic('save'), before, 'state')
    eq(apply(ALL, '--diff'), '', 'no difference')


def in_use():
    """VFs that a guest, a container or the host uses are not destroyed; with --force, those of a
    guest are not"""
    pf = bench()
    pf.set('sriov_drivers_autoprobe', 1)
    pf.numvfs(2)
    text = f'[adapter."{BDF}"]\nnum_vfs = 1\n'
    vf = pf.vf(0)
    dev = vf.dev
    sh(f'ip link set {dev} up')
    contains(apply(text, status=1), f'VF 0: host: {dev}: stop', 'an interface that is up')
    for key in ('driver = "none"', 'msix_vectors = 4'):
        said = apply(f'[adapter."{BDF}"]\nnum_vfs = 2\n[adapter."{BDF}".vf.0]\n{key}\n', status=1)
        contains(said, f'from their drivers that are in use: VF 0: host: {dev}: stop', key)
    sh('ip netns add there')
    defer(sh, 'ip netns del there')
    sh(f'ip link set {dev} netns there')
    contains(apply(text, status=1), f'VF 0: host: {dev} in netns there: stop', 'of a container')
    eq(pf.get('sriov_numvfs'), '2', 'VFs')
    sh('modprobe vnic-vfio-pci')
    pf.vf(1).bind('vnic-vfio-pci')
    group = os.path.basename(os.readlink(f'{pf.vf(1).path}/iommu_group'))
    with open(f'/dev/vfio/{group}', 'rb', buffering=0):
        contains(apply(text, '--force', status=1), f'VF 1: python3[{os.getpid()}]; VF 0: host',
                 'of a guest')
        eq(pf.get('sriov_numvfs'), '2', 'VFs')
    apply(text, '--force')
    eq(pf.get('sriov_numvfs'), '1', 'VFs')
    wait_for(pf.vf(0).netdevs, 'the netdev of the new VF')


def waits():
    """--wait: an uplink that is not there yet is waited for"""
    pf = bench()
    text = f'[adapter."{BDF}"]\nnum_vfs = 0\nuplink = "late0"\n'
    apply(text, '--wait', '0.3', status=1)
    defer(sh, 'ip link del late0', check=False)
    defer(setattr, tool(), 'time', time)
    tool().time = types.SimpleNamespace(
        monotonic=time.monotonic, sleep=lambda _seconds: sh('ip link add late0 type dummy'))
    apply(text, '--wait', '600')
    contains(out('ip link show late0'), f'master {pf.dev}', 'uplink')


def unit():
    """systemd finds nothing wrong with vnic.service"""
    sh('mkdir -p /run/unit /usr/local/sbin')
    sh(f'cp {TOOLS}/vnic.service /run/unit/; cp {TOOLS}/vnic /usr/local/sbin/vnic')
    eq(sh('systemd-analyze verify /run/unit/vnic.service').stderr, '', 'verify')


def documented():
    """every key is in the guide and in the manual"""
    keys = tool().keys
    for path, form in (('../Documentation/admin-guide.rst', '^``{}`` '),
                       ('vnic.8', r'^\.BR? .*\b{}\b')):
        text = read(f'{TOOLS}/{path}')
        eq([key for key in {**keys.PF_KEYS, **keys.VF_KEYS}
            if not re.search(form.format(key), text, re.M)], [], f'not in {path}')


run([round_trip, defaults, faults, undone, on_the_way, diff, in_use, waits, unit, documented])
