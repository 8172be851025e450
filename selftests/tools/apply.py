#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable
# proof: stable=round_trip,diff,faults,undone,documented
# timeout: 360
"""tools/vnic: save and apply, the file that keeps what an administrator configured."""
import contextlib
import fcntl
import functools
import importlib.machinery
import importlib.util
import io
import os
import re
import sys
import time
import types
sys.path.insert(0, sys.path[0] + '/../lib')
import bpf
from daemons import udevd
from ktap import contains, defer, eq, run, true, wait_for
from devlink import Devlink
from vnic import Background, loaded, out, pf_list, read, sh, shared, unload

TOOLS = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../tools')
FILE, OTHER = '/run/vnic.toml', '/run/other.toml'
BDF = '0008:00:00.0'
DIFFERS = 3

ALL = '''\
[adapter."0008:00:00.0"]
num_vfs = 2
uplink = "wire0"
link_speed = 900
drivers_autoprobe = false
auto_recover = false

[adapter."0008:00:00.0".node.acme]
tx_max = 600
rx_rate = 550
tx_share = 100
tx_weight = 2
tx_priority = 3

[adapter."0008:00:00.0".node."acme: \\"test\\" #1"]
parent = "acme"
tx_max = 500
rx_rate = 0
tx_share = 10

[adapter."0008:00:00.0".node.-]
parent = "acme: \\"test\\" #1"

[adapter."0008:00:00.0".vf.0]
mac = "02:00:00:00:00:10"
personality = "native"
driver = "vnic-vfio-pci"

[adapter."0008:00:00.0".vf.1]
mac = "02:00:00:00:00:11"
vlan = 12
qos = 3
vlan_protocol = "802.1ad"
max_tx_rate = 345
min_tx_rate = 7
parent = "-"
rx_rate = 500
rx_burst = 300000
tx_burst = 400000
rx_queue = 5000
rx_pps = 20000
tx_pps = 1000
storm_control = 500
tx_weight = 3
tx_priority = 5
memory_guaranteed = 65536
memory_borrowed = 131072
trust = true
spoofchk = false
state = "disable"
msix_vectors = 9
port_netdev = true
personality = "virtio"
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
        tool.made.parser = functools.cache(tool.made.parser)    # 0.1 s in the machine
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
    lines = [re.sub('^# .*|  # .*', '', line).strip() for line in text.splitlines()]
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
    sh('modprobe vnic-pf total_vfs=9')


def make_bench():
    """An adapter without VFs, and a netdev that can be its uplink."""
    sh('ip link add wire0 type veth peer name wire1')
    defer(sh, 'ip link del wire0')
    load_modules()
    defer(unload)
    return pf_list()[0]


def bench(keep=None):
    """The same, shared by the cases, as if new; not if there are as many VFs as are to be kept,
    whose destruction takes a second: then the case must not depend on what was set before."""
    pf = shared(make_bench)
    if pf.get('sriov_numvfs') == str(keep):
        return pf
    sh('ip link set wire0 nomaster')
    pf.numvfs(0)
    dl = Devlink(pf)
    for name in dl.show('port function rate show'):     # there may be nodes without VFs
        dl.run(f'port function rate del {name}')
    dl.set_param('link_speed', 0)
    dl.run(f'health set pci/{BDF} reporter vf auto_recover true')
    pf.set('sriov_drivers_autoprobe', 0)
    return pf


def two(pf):
    """Two VFs, if they are not there already"""
    if pf.get('sriov_numvfs') != '2':
        pf.numvfs(2)


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


HEAD = f'[adapter."{BDF}"]\nnum_vfs = 3\nlink_speed = 100\ndrivers_autoprobe = false\n'


def tree(nodes, vfs, head=HEAD):
    """A file with these nodes and VFs: {name: 'key = value; …'}, ['key = value; …']"""
    tables = [(f'node.{name}', keys) for name, keys in nodes.items()]
    tables += [(f'vf.{i}', keys) for i, keys in enumerate(vfs)]
    return head + ''.join(f'[adapter."{BDF}".{name}]\n' + keys.replace('; ', '\n') + '\n'
                          for name, keys in tables)


def in_kernel(pf):
    """What devlink has: {VF or node: (parent, tx_share, tx_max, tx_weight, tx_priority)}, Mb/s"""
    return {name.rpartition('/')[2]: (rate.get('parent', ''), rate.get('tx_share', 0) // 125000,
                                      rate.get('tx_max', 0) // 125000,
                                      rate.get('tx_weight', 0), rate.get('tx_priority', 0))
            for name, rate in Devlink(pf).show('port function rate show').items()}


def tenants():
    """nodes are made, changed, moved and removed as the file says, as are VFs' places; each line of
    the difference is printed; save writes what there is"""
    pf = bench()
    text = tree({'a': 'tx_share = 90; tx_max = 95; rx_rate = 40', 'b': 'parent = "a"; tx_share = 60',
                 'c': 'tx_weight = 3; tx_priority = 2'},
                ['parent = "b"; min_tx_rate = 60', 'parent = "a"; min_tx_rate = 30',
                 'parent = "c"; min_tx_rate = 10'])
    said = apply(text).splitlines()
    for line in ('node a: added', 'node a rx_rate: "tx_max" -> 40', 'node b parent: "" -> "a"',
                 'vf0 parent: "" -> "b"', 'node c tx_priority: 0 -> 2'):
        true(f'{pf.dev} {line}' in said, f'{line} in {said}')
    eq(in_kernel(pf), {'a': ('', 90, 95, 0, 0), 'b': ('a', 60, 0, 0, 0), 'c': ('', 0, 0, 3, 2),
                       '0': ('b', 60, 0, 0, 0), '1': ('a', 30, 0, 0, 0), '2': ('c', 10, 0, 0, 0)},
       'rates')
    eq(Devlink(pf).param('node_a_rx_rate'), '40', 'rx_rate')
    eq(apply(text), '', 'a second time')
    saved = vnic('save')
    eq(apply(saved), '', 'of what save writes')
    for change, lines in (
            (('rx_rate = 40', ''), ['node a rx_rate: 40 -> "tx_max"']),
            (('.node.c]\n', '.node.d]\n', 'parent = "c"', ''),
             ['node c: removed', 'node d: added', 'node d tx_weight: 0 -> 3',
              'node d tx_priority: 0 -> 2', 'vf2 parent: "c" -> ""'])):
        other = text
        for old, new in zip(change[::2], change[1::2]):
            other = other.replace(old, new)
        lines = [f'{pf.dev} {line}' for line in lines]
        eq(apply(other, '--diff', status=DIFFERS).splitlines(), lines, f'difference by {change}')
        eq(vnic('save'), saved, 'state after --diff')
        eq(apply(other).splitlines(), lines, f'changed by {change}')
        eq(apply(other, '--diff'), '', f'difference after {change}')
        apply(text)
        eq(vnic('save'), saved, f'and back from {change}')
    pf.numvfs(0)
    eq(Devlink(pf).show('port function rate show'), {}, 'rates without VFs')
    apply(text.replace('num_vfs = 3', 'num_vfs = 4'))
    eq({name: rate[0] for name, rate in in_kernel(pf).items()},
       {'a': '', 'b': 'a', 'c': '', '0': 'b', '1': 'a', '2': 'c', '3': ''},
       'with another VF, after VFs and nodes have gone')
    apply(text)
    eq(vnic('save'), saved, 'and without it')
    apply(HEAD)
    eq(in_kernel(pf), {str(i): ('', 0, 0, 0, 0) for i in range(3)}, 'none is named')


def tenants_move():
    """from any tree to any other, also where all that there is is guaranteed, with no step that the
    kernel refuses"""
    pf = bench(keep=3)
    full = 'min_tx_rate = 50; '
    trees = [
        ({}, ['', '', '']),
        ({'a': 'tx_share = 100', 'b': 'parent = "a"; tx_share = 100', 'c': 'parent = "b"',
          'd': 'parent = "c"; tx_max = 100'}, [full + 'parent = "d"', full + 'parent = "d"', '']),
        # upside down: each node is above what was above it
        ({'d': 'tx_share = 100', 'c': 'parent = "d"; tx_share = 100', 'b': 'parent = "c"',
          'a': 'parent = "b"; tx_max = 100'}, [full + 'parent = "a"', '', full + 'parent = "b"']),
        # two that have all there is
        ({'a': 'tx_share = 50', 'b': 'tx_share = 50', 'c': 'parent = "a"', 'd': 'parent = "b"',
          'e': 'parent = "c"; tx_share = 50', 'f': 'parent = "d"; tx_max = 50'},
         [full + 'parent = "e"', full + 'parent = "f"', '']),
        # what is below them changes places
        ({'a': 'tx_share = 50', 'b': 'tx_share = 50', 'c': 'parent = "b"', 'd': 'parent = "a"',
          'e': 'parent = "c"; tx_share = 50', 'f': 'parent = "d"; tx_max = 50'},
         [full + 'parent = "e"', full + 'parent = "f"', '']),
        # other names; above the limit on the number, if the old ones were there meanwhile
        ({'f': '', 'g': 'parent = "f"; tx_share = 70; tx_max = 70', 'h': 'tx_share = 30'},
         ['parent = "g"; min_tx_rate = 60', 'parent = "h"', 'parent = "g"; min_tx_rate = 10']),
        ({'g': 'tx_share = 30; tx_max = 30', 'h': 'parent = "g"; tx_max = 20'},
         ['parent = "h"; min_tx_rate = 20', 'min_tx_rate = 70', 'parent = "g"']),
    ]
    defer(setattr, tool().keys, 'NODES_MAX', tool().keys.NODES_MAX)
    tool().keys.NODES_MAX = 6
    for nodes, vfs in [*trees, trees[0]]:
        text = tree(nodes, vfs)
        apply(text)
        eq(apply(text, '--diff'), '', f'difference to {text}')
        eq({name: rate[0] for name, rate in in_kernel(pf).items()},
           {**{name: place(keys) for name, keys in nodes.items()},
            **{str(i): place(keys) for i, keys in enumerate(vfs)}}, f'parents of {text}')


def place(keys):
    """The parent among such keys"""
    return (re.findall('parent = "(.*?)"', keys) or [''])[0]


def tenant_faults():
    """what cannot be of a tree is said before anything changes, with the key and what could"""
    pf = bench(keep=3)
    apply(tree({'x': 'tx_max = 5'}, ['parent = "x"', '', '']))
    before = vnic('save')
    node = f'adapter."{BDF}".node'
    for nodes, vfs, parts in (
            ({'a': 'parent = "b"', 'c': ''}, ['', 'parent = "d"'],
             [f'{node}.a.parent: no node "b" in the file; there are: "a", "c"',
              f'adapter."{BDF}".vf.1.parent: no node "d" in the file']),
            ({}, ['parent = "x"'], ['no node "x" in the file; there are: none']),
            ({'a': 'parent = "c"', 'b': 'parent = "a"', 'c': 'parent = "b"', 'd': 'parent = "a"'},
             [], [f'{node}.a.parent: a circle: a below c below b below a']),
            ({'a': 'parent = "a"'}, [], [f'{node}.a.parent: a circle: a below a']),
            ({'a': '', 'b': 'parent = "a"', 'c': 'parent = "b"', 'd': 'parent = "c"',
              'e': 'parent = "d"'}, [],
             [f'{node}.e.parent: 5 nodes above each other (e below d below c below b below a): '
              'at most 4']),
            ({'a': 'tx_share = 6; tx_max = 5'}, [], [f'{node}.a.tx_share: 6 is more than tx_max, 5']),
            ({'a': 'tx_share = 49'}, ['parent = "a"; min_tx_rate = 20', '',
                                      'parent = "a"; min_tx_rate = 30'],
             [f'{node}.a.tx_share: 49 is less than', '50 or more']),
            ({'a': 'tx_max = 49', 'b': 'parent = "a"; tx_share = 30', 'c': 'parent = "a"'},
             ['parent = "b"; min_tx_rate = 5', 'parent = "c"; min_tx_rate = 20'],
             [f'{node}.a.tx_max: 49 is less than', '50 or more']),
            ({'a': 'tx_share = 60', 'b': ''}, ['parent = "a"; min_tx_rate = 60',
                                               'parent = "b"; min_tx_rate = 30',
                                               'min_tx_rate = 11'],
             [f'adapter."{BDF}".link_speed: 100 is less than all guarantees together: 101']),
            ({'a': 'tx_weight = -1; tx_priority = 8; tx_max = true; rx_rate = "max_tx_rate"; '
              'share = 5; parent = 5'}, [],
             [f'{node}.a.tx_weight: -1 is not accepted: 0 (in proportion to tx_share) to 1000000',
              f'{node}.a.tx_priority: 8', f'{node}.a.tx_max: true is', f'{node}.a.share: no such',
              f'{node}.a.rx_rate: "max_tx_rate" is not accepted: "tx_max" (the same) or 0 (no limit)',
              f'{node}.a.parent: 5 is not accepted: the name of a node, or "" (none)']),
            ({'12': '', '"a/b"': '', '""': '', '"a\\n"': '', 'n' * 64: '', '"\u00e9"': ''}, [],
             [f'{node}.12: "12" is not accepted: 1 to 63 bytes, not digits alone',
              f'{node}."a/b": ', f'{node}."": ', f'{node}."a\\n": ', f'{node}.{"n" * 64}: ']),
            ({f'n{i}': '' for i in range(257)}, [], [f'{node}: 257 nodes: at most 256'])):
        for args in (('--check',), ()):
            said = apply(tree(nodes, vfs), *args, status=1)
            for part in parts:
                contains(said, part, f'of {nodes} {vfs}')
        eq(said.count('\n'), len(parts) - ('or more' in parts[-1]), f'lines in {said}')
    contains(apply(f'[adapter."{BDF}"]\nnum_vfs = 3\nnode.a = 5\n', status=1),
             f'{node}.a: must be a table', 'no table')
    eq(vnic('save'), before, 'state')
    eq(in_kernel(pf)['0'], ('x', 0, 0, 0, 0), 'VF 0')


def tenants_undone():
    """a tree that the kernel refuses in the middle is undone, also where nodes were moved, made and
    removed before; so is one that was interrupted"""
    pf = bench(keep=3)
    head = HEAD.replace('link_speed = 100\n', '')      # what there is only the kernel knows
    apply(tree({'a': 'tx_share = 500; tx_max = 600; rx_rate = 7', 'b': 'parent = "a"',
                'c': 'parent = "b"; tx_weight = 2'},
               ['parent = "c"; min_tx_rate = 400', 'parent = "a"; min_tx_rate = 100', ''], head))
    before, rates = vnic('save'), in_kernel(pf)
    new = tree({'c': 'tx_share = 60000', 'b': 'parent = "c"; tx_max = 500', 'd': 'tx_share = 50000'},
               ['parent = "d"; min_tx_rate = 30000', 'parent = "b"; min_tx_rate = 100'], head)
    said = apply(new, status=1)
    for part in (f'{pf.dev} node d tx_share: ', 'At most 40000 Mb/s of the link are left',
                 'all is as it was before'):
        contains(said, part, 'refused')
    eq(vnic('save'), before, 'saved')
    eq(in_kernel(pf), rates, 'rates')
    real, steps = tool().state.call, []

    def interrupted(*argv):
        steps.append(argv)
        if 'd' in argv[-1] and 'parent' in argv:
            raise KeyboardInterrupt
        return real(*argv)

    defer(setattr, tool().state, 'call', real)
    tool().state.call = interrupted
    contains(apply(new.replace('50000', '40000'), status=1), 'interrupted', 'interrupted')
    true(len(steps) > 5, 'steps before')
    eq(in_kernel(pf), rates, 'rates')


def defaults():
    """keys that are not in the file become their defaults, but for uplink, address and driver;
    num_vfs 0 and back loses what VFs had, not what the adapter has"""
    pf = bench(keep=2)
    apply(ALL)
    pf.numvfs(0)
    pf.numvfs(2)
    kept = ALL[:ALL.index('[adapter."0008:00:00.0".node')]
    eq([l for l in plain(vnic('save')) if not re.search(r'mac|vf\.|personality', l)], plain(kept),
       'kept')
    apply(ALL)
    apply('[adapter."0008:00:00.0"]\nnum_vfs = 2\ndrivers_autoprobe = false\n')
    eq(plain(vnic('save')),
       plain('[adapter."0008:00:00.0"]\nnum_vfs = 2\nuplink = "wire0"\ndrivers_autoprobe = false\n'
             '[adapter."0008:00:00.0".vf.0]\nmac = "02:00:00:00:00:10"\n'
             'personality = "native"\ndriver = "vnic-vfio-pci"\n'
             '[adapter."0008:00:00.0".vf.1]\nmac = "02:00:00:00:00:11"\n'
             'personality = "virtio"\ndriver = "vnic-vf"'), 'defaults')


def released():
    """an uplink that the file does not name stays, also if somebody else has set it; "none" releases
    it, and save writes that, too"""
    pf = bench()
    sh(f'ip link set wire0 master {pf.dev}')
    text = f'[adapter."{BDF}"]\nnum_vfs = 0\n'
    eq(apply(text), f'{pf.dev} drivers_autoprobe: false -> true\n', 'without a name')
    contains(vnic('save'), 'uplink = "wire0"\n', 'saved')
    eq(apply(text + 'uplink = "none"\n'), f'{pf.dev} uplink: "wire0" -> "none"\n', 'none')
    eq('master' in out('ip link show wire0'), False, 'master of wire0')
    contains(vnic('save'), 'uplink = "none"\n', 'saved without one')


def faults():
    """what is wrong with a file is said, all of it, with the key and what is accepted; nothing
    changes"""
    pf = bench(keep=2)
    two(pf)
    before = vnic('save')
    head = f'[adapter."{BDF}"]\nnum_vfs = 2\nuplink = "wire0"\n'
    vf = head + f'[adapter."{BDF}".vf.1]\n'
    here = f'adapter."{BDF}"'
    for text, parts in (
            ('[adapter\n', ['line 1']),
            ('[adaptor.x]\n', ['adaptor', 'there is: adapter']),
            ('[adapter.nosuch]\nnum_vfs = 2\n', ['adapter.nosuch', f'({BDF})']),
            (f'[adapter."{BDF}"]\n', [':1: ', 'num_vfs: missing', '0 to 9']),
            (f'[adapter."{BDF}"]\nnum_vfs = 10\n', ['num_vfs', '0 to 9']),
            (head + 'mtu = 9000\n', [f'{here}.mtu: no such key', 'link_speed']),
            (head + f'[adapter.{pf.dev}]\nnum_vfs = 2\n',
             [f'adapter.{pf.dev}: {BDF} is in the file']),
            (head.replace('wire0', 'nosuch'), [f'{here}.uplink: no interface nosuch', 'wire0']),
            (head.replace('wire0', pf.dev), [f'{here}.uplink', "adapter's own"]),
            (head + f'[adapter."{BDF}".vf.2]\ntrust = true\n',
             [f':4: {here}.vf.2: no such VF: 0 to 1']),
            (vf + 'qos = 3\n\n# VLAN\nvlan_protocol = "802.1ad"\n',
             [f':5: {here}.vf.1.qos: only 0', f':8: {here}.vf.1.vlan_protocol: only "802.1Q"']),
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
            (f'[adapter."{BDF}"]\nnum_vfs = 9\n' + ''.join(
                f'[adapter."{BDF}".vf.{i}]\nmsix_vectors = 17\n' for i in range(9)),
             [f'{here}: all msix_vectors together are 153: the adapter has 145'])):
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
    bench(keep=2)
    text = '[adapter."0008:00:00.0"]\nnum_vfs = 2\nlink_speed = {}\ndrivers_autoprobe = false\n' + \
        ''.join(f'[adapter."0008:00:00.0".vf.{i}]\nmin_tx_rate = {{}}\nmax_tx_rate = {{}}\n'
                f'memory_guaranteed = {{}}\n' for i in (0, 1))
    most, least = 13 << 20, 1 << 20     # of 16 MiB
    for values in ((1000, 900, 950, most, 100, 100, least), (1000, 100, 100, least, 900, 0, most),
                   (200, 100, 150, most, 100, 120, least)):
        apply(text.format(*values))
        eq(apply(text.format(*values), '--diff'), '', f'difference to {values}')


def diff():
    """--diff prints a line for each key that would change, changes nothing, and its status tells"""
    pf = bench(keep=2)
    apply(ALL)
    before = vnic('save')
    said = apply(ALL.replace('345', '0').replace('trust = true', '').replace('"wire0"', '"none"'),
                 '--diff', status=DIFFERS)
    eq(said.splitlines(), [f'{pf.dev} uplink: "wire0" -> "none"',
                           f'{pf.dev} vf1 max_tx_rate: 345 -> 0',
                           f'{pf.dev} vf1 trust: true -> false'], 'lines')
    said = apply(ALL.replace('num_vfs = 2', 'num_vfs = 3'), '--diff', status=DIFFERS)
    contains(said, f'{pf.dev} num_vfs: 2 -> 3\n{pf.dev} node acme: added\n', 'nodes go with VFs')
    contains(said, f'\n{pf.dev} vf0 mac: default -> "02:', 'more VFs')
    eq(vnic('save'), before, 'state')
    eq(apply(ALL, '--diff'), '', 'no difference')


def in_use():
    """VFs that a guest, a container or the host uses are not destroyed; with --force, those of a
    guest are not"""
    pf = bench(keep=2)
    pf.set('sriov_drivers_autoprobe', 1)
    two(pf)
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


def left():
    """VFs that a guest or a container has are left as they are if the file has no table for them,
    and so are the nodes that they are below; one with a table is set, with --force all are"""
    pf = bench()
    pf.set('sriov_drivers_autoprobe', 1)
    pf.numvfs(5)
    sh('ip netns add there; modprobe vnic-vfio-pci')
    defer(sh, 'ip netns del there')
    sh(f'ip link set {pf.vf(0).dev} netns there')
    pf.vf(1).bind('vnic-vfio-pci')
    sh(f'ip link add vtap0 link {pf.vf(2).dev} type macvtap mode passthru')
    defer(sh, 'ip link del vtap0', check=False)
    for i in range(5):
        wait_for(pf.vf(i).driver, 'driver')
        pf.link(i, f'vlan 1{i} spoofchk off')
        pf.link(i, f'trust on state enable max_tx_rate 5{i}')
    for command in ('add {}/top tx_max 70mbit', 'add {}/mid', 'set {}/mid parent top',
                    'add {}/idle', 'set {}/0 parent mid', 'set {}/3 parent idle'):
        Devlink(pf).run('port function rate ' + command.format(f'pci/{BDF}'))
    text = f'[adapter."{BDF}"]\nnum_vfs = 5\n'
    group = os.path.basename(os.readlink(f'{pf.vf(1).path}/iommu_group'))
    with open(f'/dev/vfio/{group}', 'rb', buffering=0):
        before = settings(pf)
        said = f'{pf.dev}: in use and not in the file, so left as they are: VFs'
        contains(apply(text, '--check'), f'{said} 0-2 ', '--check')
        lines = apply(text, '--diff', status=DIFFERS)
        eq({line.split()[1] for line in lines.splitlines()} & {'vf0', 'vf1', 'vf2'}, set(),
           f'what would change of those in use: {lines}')
        contains(lines, f'vf4 vlan: 14 -> 0', 'what would change')
        contains(apply(text), f'{said} 0-2 ', 'what is left')
        eq(settings(pf)[:3], before[:3], 'VFs in use')
        eq([vf[:2] for vf in settings(pf)[3:]], 2 * [({}, {'max_tx': 0, 'min_tx': 0})], 'others')
        rates = in_kernel(pf)
        eq((rates['0'][0], rates['mid'][0], rates['top'][2], 'idle' in rates),
           ('mid', 'top', 70, False), 'nodes')
        eq(len(apply(text).splitlines()), 1, 'lines of a second time')
        said += ' 1-2 '
        contains(apply(text + f'[adapter."{BDF}".vf.0]\nvlan = 7\n'), said, 'VF 0 is in the file')
        eq((settings(pf)[0][0], settings(pf)[1:3]), ({'vlan': 7}, before[1:3]), 'VFs')
        contains(apply(text + 'link_speed = 10\n'
                       f'[adapter."{BDF}".vf.0]\nmin_tx_rate = 11\n', status=1), '11 or more',
                 'what does not fit')
        apply(text, '--force')
    eq([vf[:2] for vf in settings(pf)], 5 * [({}, {'max_tx': 0, 'min_tx': 0})], 'by --force')
    eq('mid' in in_kernel(pf), False, 'nodes, by --force')


def settings(pf):
    """Of each VF: VLAN, rates, trust, spoof check, link state"""
    return [(vf['vlan_list'][0], vf['rate'], vf['trust'], vf['spoofchk'], vf['link_state'])
            for vf in pf.vfinfo()]


def probed():
    """a VF that has just got its driver, and no interface yet, is not in use"""
    pf = bench(keep=1)
    pf.set('sriov_drivers_autoprobe', 1)
    if pf.get('sriov_numvfs') != '1':
        pf.numvfs(1)
    pf.link(0, 'vlan 5')
    vf = type(tool().find_pf(BDF).vfs[0])
    real, calls = vf.netdevs, []
    defer(setattr, vf, 'netdevs', real)
    vf.netdevs = lambda self: calls.append(1) or (real(self) if len(calls) > 3 else [])
    contains(apply(f'[adapter."{BDF}"]\nnum_vfs = 1\n'), 'vf0 vlan: 5 -> 0', 'VF 0')
    true(len(calls) > 3, 'looks for the interface')


def loads():
    """the driver of VFs is loaded before they are made, and by --vfs, so that they have it at once;
    not where they get none, or where it is on the blacklist"""
    pf = bench()
    defer(sh, 'modprobe vnic-vf')
    defer(sh, 'rm -f /run/modprobe.d/vnic-test.conf')

    def drivers(text, *args):
        sh('rmmod vnic-vf')
        apply(text, *args)
        return [pf.vf(i).driver() for i in range(2)]

    text = f'[adapter."{BDF}"]\nnum_vfs = 2\n'
    eq(drivers(text), 2 * ['vnic-vf'], 'drivers')
    eq(drivers(text, '--vfs'), 2 * ['vnic-vf'], 'drivers, by --vfs')
    pf.numvfs(0)
    os.makedirs('/run/modprobe.d', exist_ok=True)
    write_file('/run/modprobe.d/vnic-test.conf', 'blacklist vnic-vf\n')
    eq(drivers(text), 2 * [None], 'drivers, of those on the blacklist')
    sh('rm /run/modprobe.d/vnic-test.conf; modprobe vnic-vf')
    pf.numvfs(0)
    eq(drivers(text + 'drivers_autoprobe = false\n'), 2 * [None], 'drivers of those that get none')
    eq(loaded('vnic-vf'), False, 'vnic-vf is loaded')


def rebinds():
    """another number of vectors leaves a VF its driver, also if new VFs are to get none"""
    pf = bench()
    pf.set('sriov_drivers_autoprobe', 1)
    pf.numvfs(2)
    wait_for(pf.vf(0).driver, 'driver')
    apply(f'[adapter."{BDF}"]\nnum_vfs = 2\ndrivers_autoprobe = false\n'
          f'[adapter."{BDF}".vf.0]\nmsix_vectors = 4\n')
    eq((pf.vf(0).driver(), pf.vf(1).driver()), ('vnic-vf', 'vnic-vf'), 'drivers')
    contains(vnic('save'), 'msix_vectors = 4\n', 'vectors')


def unseen():
    """what cannot be seen is neither saved nor applied: an interface in another namespace, a VF
    that somebody takes away meanwhile"""
    pf = bench(keep=2)
    two(pf)
    vnic('save', OTHER)
    saved, dev = read(OTHER), pf.dev
    real = tool().state.PARAMS
    defer(setattr, tool().state, 'PARAMS', real)
    tool().state.PARAMS = (*real, 'gone')
    contains(vnic('save', OTHER, status=1), 'does not show parameter vf0_gone', 'a parameter')
    tool().state.PARAMS = real
    sh('ip netns add there')
    defer(sh, 'ip netns del there')
    sh(f'ip link set {dev} netns there')
    defer(sh, f'ip link set {dev} netns 1', ns='there')
    for args in (('save', OTHER), ('apply', OTHER)):
        contains(vnic(*args, status=1), 'not in this network namespace', args[0])
    eq(read(OTHER), saved, 'the file')


def filtered():
    """an XDP program at a VF's port is not taken away in passing, but with --force"""
    pf = bench(keep=2)
    two(pf)
    dl = Devlink(pf)
    dl.set_param('vf1_port_netdev', 'true')
    dev = dl.netdev(1)
    sh(f'ip link set dev {dev} xdpdrv pinned {bpf.pin("apply", bpf.finish(bpf.PASS))}')
    text = f'[adapter."{BDF}"]\nnum_vfs = 2\ndrivers_autoprobe = false\n'
    contains(apply(text, status=1), f'VF 1: {dev}', 'what is refused')
    contains(out(f'ip link show dev {dev}'), 'xdp', 'the program is still there')
    apply(text + f'[adapter."{BDF}".vf.1]\nport_netdev = true\n')
    contains(out(f'ip link show dev {dev}'), 'xdp', 'the program is still there')
    apply(text, '--force')
    eq(dl.param('vf1_port_netdev'), False, 'port_netdev')


def alone():
    """who applies a file waits for another who does, and looks at VFs only then"""
    pf = bench()
    with open(tool().LOCK, 'w', encoding='ascii') as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        write_file(FILE, f'[adapter."{BDF}"]\nnum_vfs = 2\ndrivers_autoprobe = false\n'
                         f'[adapter."{BDF}".vf.1]\nvlan = 7\n')
        second = Background(f'{TOOLS}/vnic apply {FILE}')
        contains(second.proc.stdout.readline(), 'waiting for another', 'what it says')
        pf.numvfs(2)
    eq(second.finish().splitlines(), [f'{pf.dev} vf1 vlan: 0 -> 7'], 'what it changes')
    eq(second.proc.returncode, 0, 'its status')


def save():
    """save follows a symbolic link, and writes into what is no file"""
    bench(keep=2)
    write_file(OTHER, 'old')
    sh(f'ln -sf {OTHER} /run/link.toml; rm -f /run/pipe; mkfifo /run/pipe')
    vnic('save', '/run/link.toml')
    eq((os.readlink('/run/link.toml'), read(OTHER)), (OTHER, vnic('save').strip()), 'link, and file')
    reader = Background('cat /run/pipe')
    vnic('save', '/run/pipe')
    eq(reader.finish().strip(), read(OTHER), 'by a pipe')


def waits():
    """--wait: an uplink that is not there yet is waited for"""
    pf = bench(keep=2)
    text = f'[adapter."{BDF}"]\nnum_vfs = 2\nuplink = "late0"\n'
    apply(text, '--wait', '0.3', status=1)
    defer(sh, 'ip link del late0', check=False)
    defer(setattr, tool(), 'time', time)
    tool().time = types.SimpleNamespace(
        monotonic=time.monotonic, sleep=lambda _seconds: sh('ip link add late0 type dummy'))
    apply(text, '--wait', '600')
    contains(out('ip link show late0'), f'master {pf.dev}', 'uplink')


def of_unit(name):
    """The arguments of vnic in a unit, with FILE for the file"""
    line = re.search('^ExecStart=/usr/local/sbin/vnic (.*) /etc/vnic.toml$',
                     read(f'{TOOLS}/{name}.service'), re.M)
    return [*line[1].split(), FILE]


def late():
    """at boot an uplink that is not there is left out, and all else is applied; it is given its place,
    and nothing else is touched, when it appears"""
    pf = bench()
    defer(setattr, tool(), 'UPLINK_WAIT', tool().UPLINK_WAIT)
    tool().UPLINK_WAIT = 0.3
    text = (f'[adapter."{BDF}"]\nnum_vfs = 1\nuplink = "late0"\nlink_speed = 900\n'
            f'drivers_autoprobe = false\n[adapter."{BDF}".vf.0]\nvlan = 5\nmin_tx_rate = 10\n')
    write_file(FILE, text)
    warning = f'vnic: warning: {pf.dev}: no interface late0 (yet): the uplink is left as it is'
    start = time.monotonic()
    said = vnic(*of_unit('vnic')).splitlines()
    true(time.monotonic() - start < 25, 'it does not wait as for an adapter')
    eq(said[-1], warning, 'warning')
    eq((pf.vfinfo(0)['vlan_list'][0], pf.vfinfo(0)['rate']['min_tx']), ({'vlan': 5}, 10), 'VF 0')
    eq(apply(text, '--boot').splitlines(), [warning], 'a second time')
    contains(apply(text, status=1), 'uplink: no interface late0', 'not at boot')
    contains(apply(text, '--uplink', '--wait', '0.3', status=1), 'no interface late0, for 0.3 s',
             'when it does not appear')
    contains(apply(text + 'qos = 9\n', '--boot', status=1), '9 is not accepted', 'a wrong file')
    write_file(FILE, text)
    waits_for = Background(f'{TOOLS}/vnic {" ".join(of_unit("vnic-uplink"))}')
    eq(waits_for.proc.stdout.readline().strip(), warning, 'what waits for it')
    pf.link(0, 'vlan 6')
    defer(sh, 'ip link del late0', check=False)
    sh('ip link add late0 type bond')
    eq(waits_for.finish().splitlines(), [f'{pf.dev} uplink: "none" -> "late0"'], 'what changes')
    eq(waits_for.proc.returncode, 0, 'its status')
    contains(out('ip link show late0'), f'master {pf.dev}', 'uplink')
    eq(pf.vfinfo(0)['vlan_list'][0], {'vlan': 6}, 'VLAN of VF 0')
    eq(apply(text, '--uplink'), '', 'a second time')


def parts():
    """without link_speed what is a part of the link waits for the uplink; all else does not"""
    pf = bench()
    defer(setattr, tool(), 'UPLINK_WAIT', tool().UPLINK_WAIT)
    tool().UPLINK_WAIT = 0
    text = (f'[adapter."{BDF}"]\nnum_vfs = 1\nuplink = "late1"\n'
            f'[adapter."{BDF}".node.t]\ntx_max = 500\ntx_share = 20\n'
            f'[adapter."{BDF}".vf.0]\nvlan = 5\nmin_tx_rate = 10\nmax_tx_rate = 300\n')
    warnings = [f'vnic: warning: {pf.dev}: no interface late1 (yet): the uplink is left as it is',
                f'vnic: warning: {pf.dev}: without link_speed guarantees, weights and priorities wait '
                'for the uplink']
    eq(apply(text, '--boot').splitlines()[-2:], warnings, 'warnings')
    eq(pf.vfinfo(0)['rate'], {'max_tx': 300, 'min_tx': 0}, 'rates')
    eq(apply(text, '--boot').splitlines(), warnings, 'a second time')
    sh('ip link add late1 type veth peer name late1far; ip link set late1far up; ip link set late1 up')
    defer(sh, 'ip link del late1', check=False)
    eq(set(apply(text, '--uplink').splitlines()),
       {f'{pf.dev} uplink: "none" -> "late1"', f'{pf.dev} vf0 min_tx_rate: 0 -> 10',
        f'{pf.dev} node t tx_share: 0 -> 20'}, 'when it is there')
    eq(apply(text), '', 'and the whole file')


def unit():
    """systemd finds nothing wrong with the units, and udev nothing with the rule"""
    sh('mkdir -p /run/unit /usr/local/sbin')
    sh(f'cp {TOOLS}/vnic*.service /run/unit/; cp {TOOLS}/vnic /usr/local/sbin/vnic')
    eq(sh('systemd-analyze verify --man=no /run/unit/*.service').stderr, '', 'verify')
    sh(f'udevadm verify {TOOLS}/90-vnic.rules')


VFS = f'''\
[adapter."{BDF}"]
num_vfs = 2
drivers_autoprobe = false
[adapter."{BDF}".node.acme]
tx_max = 600
[adapter."{BDF}".vf.0]
vlan = 7
max_tx_rate = 50
parent = "acme"
[adapter."{BDF}".vf.1]
trust = true
rx_queue = 5000
'''


def made_again():
    """VFs that somebody else makes are given what their tables say: udev tells of them, by the rule
    and the unit that are installed; what is not named is left to him, and so is their number"""
    pf = bench()
    conf = '/etc/vnic.toml'     # the rule looks for it
    defer(sh, f'rm -f {conf} /run/udev/rules.d/90-vnic.rules /run/systemctl /run/vfs.log')
    for path in (conf, FILE):
        write_file(path, VFS)
    vnic('apply', conf)
    write_file('/run/systemctl', f'#!/bin/sh\nexport PATH={os.environ["PATH"]}\n'
               '[ "$*" = "--no-block restart vnic-vfs.service" ] && '
               f'{TOOLS}/vnic {" ".join(of_unit("vnic-vfs"))} >>/run/vfs.log 2>&1; echo "$* $?" >>/run/vfs.log\n')
    sh('chmod 755 /run/systemctl; mount --bind /run/systemctl /usr/bin/systemctl')
    defer(sh, 'umount /usr/bin/systemctl')
    sh(f'mkdir -p /run/udev/rules.d; cp {TOOLS}/90-vnic.rules /run/udev/rules.d/')
    udevd()

    def again(count):
        pf.numvfs(0)
        write_file('/run/vfs.log', '')
        pf.numvfs(count)
        sh('udevadm settle')
        return wait_for(lambda: read('/run/vfs.log'), 'what udev starts').splitlines()

    lines = again(2)
    for line in ('node acme tx_max: 0 -> 600', 'vf0 vlan: 0 -> 7', 'vf0 parent: "" -> "acme"',
                 'vf1 trust: false -> true', 'vf1 rx_queue: 0 -> 5000'):
        true(f'{pf.dev} {line}' in lines, f'{line} in {lines}')
    true('num_vfs' not in str(lines), f'their number is not in {lines}')
    eq(apply(VFS, '--diff'), '', 'difference to the whole file')
    pf.link(0, 'spoofchk off')
    pf.link(1, 'vlan 9')
    sh('devlink port function rate add pci/' + BDF + '/other')
    for _ in range(2):
        eq(vnic('apply', '--vfs', conf), '', 'by hand')
    pf.link(1, 'trust off')
    eq(vnic('apply', '--vfs', '--diff', conf, status=DIFFERS), f'{pf.dev} vf1 trust: false -> true\n',
       'what would change')
    write_file('/run/vfs.log', '')
    sh('udevadm trigger --action=change --subsystem-match=pci && udevadm settle')
    eq((read('/run/vfs.log'), pf.vfinfo(1)['trust']), ('', False), 'when udev is told to look again')
    eq(('other' in in_kernel(pf), pf.vfinfo(0)['spoofchk'], pf.vfinfo(1)['vlan_list'][0]),
       (True, False, {'vlan': 9}), 'what the file does not name')
    lines = again(1)
    contains(lines, f'vnic: {pf.dev}: there are 1 VFs, so not applied: the tables of VFs 1', 'one VF')
    eq(pf.vfinfo(0)['vlan_list'][0], {'vlan': 7}, 'VLAN of one VF')
    again(3)
    eq((pf.get('sriov_numvfs'), pf.vfinfo(1)['trust'], pf.vfinfo(2)['trust']), ('3', True, False),
       'three VFs')
    pf.numvfs(0)
    eq(vnic('apply', '--vfs', conf).splitlines(),
       [f'vnic: {pf.dev}: there are 0 VFs, so not applied: the tables of VFs 0-1'], 'no VFs')
    eq(in_kernel(pf), {}, 'nodes without VFs')


def quicker():
    """a VF whose interface somebody has put up before it was configured keeps its driver and vectors;
    all else is set, as of the others"""
    pf = bench(keep=2)
    apply(f'[adapter."{BDF}"]\nnum_vfs = 2\n')
    vfs = [pf.vf(i) for i in range(2)]
    sh(f'ip link set {vfs[0].dev} up')
    text = (f'[adapter."{BDF}"]\nnum_vfs = 2\n[adapter."{BDF}".vf.0]\nvlan = 7\nmsix_vectors = 3\n'
            f'[adapter."{BDF}".vf.1]\nvlan = 8\nmsix_vectors = 3\n')
    lines = apply(text, '--vfs').splitlines()
    contains(lines[-1], 'VF 0 is in use already', 'the last line')
    eq(set(lines[:-1]), {f'{pf.dev} vf0 vlan: 0 -> 7', f'{pf.dev} vf1 vlan: 0 -> 8',
                         f'{pf.dev} vf1 msix_vectors: 5 -> 3'}, 'what is set')
    sh(f'ip link set {vfs[0].dev} down')
    eq(apply(text, '--vfs'), f'{pf.dev} vf0 msix_vectors: 5 -> 3\n', 'later')


def others():
    """--vfs: if VFs are destroyed and made again meanwhile, neither their number nor what others have
    set of the new ones is undone"""
    pf = bench()
    pf.numvfs(2)
    real = tool().state.call

    def call(*argv):
        if 'trust' in argv:
            pf.numvfs(0)
            pf.numvfs(1)
            pf.link(0, 'vlan 9')
            raise tool().Refused('gone')
        return real(*argv)
    defer(setattr, tool().state, 'call', real)
    tool().state.call = call
    contains(apply(f'[adapter."{BDF}"]\nnum_vfs = 2\n[adapter."{BDF}".vf.0]\nmax_tx_rate = 5\n'
                   f'trust = true\n', '--vfs', status=1), 'gone', 'what it says')
    eq((pf.get('sriov_numvfs'), pf.vfinfo(0)['vlan_list'][0]), ('1', {'vlan': 9}), 'VFs')


def waiting():
    """--vfs waits until the kernel has counted the VFs that it has told of"""
    pf = bench(keep=2)
    two(pf)
    module = sys.modules[type(tool().find_pf(BDF)).__module__]
    real, counts = module.read, ['0', '0', '0']

    def read_few(path, default=''):
        return counts.pop() if path.endswith('sriov_numvfs') and counts else real(path, default)
    defer(setattr, module, 'read', real)
    module.read = read_few
    apply(VFS, '--vfs')
    eq(pf.vfinfo(0)['vlan_list'][0], {'vlan': 7}, 'VLAN of VF 0')
    module.read = lambda path, default='': '3' if path.endswith('sriov_numvfs') else \
        real(path, default)
    defer(setattr, module, 'NUMBER_WAIT', module.NUMBER_WAIT)
    module.NUMBER_WAIT = 0.3
    contains(apply(VFS, '--vfs', status=1), 'made or destroyed for 0.3 s', 'too long')


def documented():
    """the keys of each table are in the manual, no others are; the guide has all, each as often"""
    keys = tool().keys
    tables = (keys.PF_KEYS, keys.NODE_KEYS, keys.VF_KEYS)
    text = read(f'{TOOLS}/../Documentation/admin-guide.rst')
    eq([key for key in {key for table in tables for key in table}
        if len(re.findall(f'^``{key}`` ', text, re.M)) < sum(key in t for t in tables)], [],
       'not in the guide')
    parts = re.split(r'^\.SH KEYS OF .*$', read(f'{TOOLS}/vnic.conf.5'), flags=re.M)[1:]
    eq(len(parts), len(tables), 'parts of vnic.conf(5)')
    for part, table in zip(parts, tables):
        heads = re.findall(r'^\.TP\n\.BR? (.*)$', re.split(r'^\.SH ', part, flags=re.M)[0], re.M)
        eq(sorted(re.findall(r'\w+', ' '.join(heads))), sorted(table), 'keys of vnic.conf(5)')


def renamed():
    """udev renames the PF while settings are made: it is found by its new name"""
    pf = bench(keep=3)
    real, old = tool().state.call, pf.dev

    def rename(name):
        sh(f'ip link set {pf.dev} down; ip link set {pf.dev} name {name}; ip link set {name} up')

    def call(*argv):
        said = real(*argv)
        if pf.dev == old and 'vf' in argv:
            rename('renamed0')
        return said
    defer(rename, old)
    defer(setattr, tool().state, 'call', real)
    tool().state.call = call
    apply(tree({}, ['max_tx_rate = 6', 'max_tx_rate = 7; trust = true', '']))
    eq(pf.dev, 'renamed0', 'renamed meanwhile')
    eq([pf.vfinfo(i)['rate']['max_tx'] for i in range(2)] + [pf.vfinfo(1)['trust']], [6, 7, True],
       'set')


# Many keep what the one before has left (bench()): 3 VFs, 2, 2 with drivers, 1.
run([tenants, tenants_move, tenant_faults, tenants_undone, renamed,
     round_trip, diff, defaults, on_the_way, faults, unseen, filtered, waiting, save, waits,
     rebinds, quicker, in_use, probed,
     released, undone, left, loads, alone, late, parts, unit, made_again, others, documented])
