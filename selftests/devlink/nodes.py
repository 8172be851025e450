#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable debug=gone newest=tree,refused,guarantees,gone
# proof: stable=tree,refused,guarantees
# (the debug kernel is too slow to keep such rates)
# timeout: 300
"""Nodes of devlink port function rate: what VFs of a tenant have together."""
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
from ktap import between, contains, eq, run, sleep, timely, true, wait_for
from devlink import Devlink
from misbehave import Misbehave
from pump import AWAY, Pump, pump, rates
from vnic import log_mark, log_since, out, sh, shared
from wire import make_wired

VFS = 4
RATE = 4                        # Mb/s of a tenant, or of the wire
FULL = 0.75                     # of it is used at least: more when nothing else is on this machine


class Rates(Devlink):
    """The rates of an adapter's VFs and nodes."""

    def add(self, name, args='', fails=False):
        """Make a node."""
        return self.run(f'port function rate add {self.dev}/{name} {args}', fails)

    def delete(self, name, fails=False):
        """Remove it."""
        return self.run(f'port function rate del {self.dev}/{name}', fails)

    def rate(self, name, args, fails=False):
        """Set rates of a node, or of a VF."""
        return self.run(f'port function rate set {self.dev}/{name} {args}', fails)

    def shown(self):
        """All, by name"""
        return {name.removeprefix(self.dev + '/'): rate
                for name, rate in self.show('port function rate show').items()
                if name.startswith(self.dev + '/')}

    def nodes(self):
        """Names of the nodes"""
        return sorted(name for name, rate in self.shown().items() if rate['type'] == 'node')

    def batch(self, what, names, args=''):
        """The same for each of the names, at once."""
        lines = ''.join(f'port function rate {what} {self.dev}/{name} {args}\n' for name in names)
        sh(f"devlink -b - <<'END'\n{lines}END")

    def clear(self):
        """No nodes; VFs have no rates."""
        shown = self.shown()
        self.batch('set', shown, 'tx_share 0 tx_max 0 tx_weight 0 tx_priority 0')
        self.batch('set', [name for name, rate in shown.items() if rate.get('parent')], 'noparent')
        self.batch('del', self.nodes())


def make_bench():
    """Four VFs and a wire; IPv6 says nothing."""
    sh('sysctl -qw net.ipv6.conf.default.disable_ipv6=1')
    pf, vfs = make_wired(count=VFS)
    return pf, vfs, Rates(pf)


def bench(link=100):
    """The same, shared by the cases, as if new: the link has so many Mb/s."""
    pf, vfs, dl = shared(make_bench)
    dl.clear()
    dl.set_param('link_speed', link)
    return pf, vfs, dl


def tree():
    """nodes are made, shown, moved and removed; one that something is below stays"""
    pf, _, dl = bench()
    dl.add('gold', 'tx_share 20mbit tx_max 60mbit tx_weight 3 tx_priority 2')
    dl.add('ten-1', 'tx_max 30mbit parent gold')
    dl.rate(0, 'tx_share 5mbit parent ten-1')
    dl.rate(1, 'parent gold')
    shown = dl.shown()
    eq({name: rate.get('parent') for name, rate in shown.items()},
       {'gold': None, 'ten-1': 'gold', '0': 'ten-1', '1': 'gold', '2': None, '3': None}, 'parents')
    eq([shown['gold'][key] for key in ('tx_share', 'tx_max', 'tx_weight', 'tx_priority')],
       [2500000, 7500000, 3, 2], 'gold')
    names = {p['name'] for p in dl.show('dev param show')[dl.dev]}
    eq({name for name in names if name.startswith('node_')},
       {'node_gold_rx_rate', 'node_ten-1_rx_rate'}, 'parameters of nodes')
    eq(dl.param('node_gold_rx_rate'), 'tx_max', 'rx_rate')
    for value in (0, 7, 'tx_max'):
        dl.set_param('node_gold_rx_rate', value)
        eq(dl.param('node_gold_rx_rate'), str(value), 'rx_rate')
    for name in ('gold', 'ten-1'):
        contains(dl.delete(name, fails=True), 'has children', f'del {name}')
    dl.rate(0, 'parent gold')
    dl.delete('ten-1')
    dl.rate(0, 'noparent')
    dl.rate(1, 'noparent')
    eq(pf.vfinfo(0)['rate']['min_tx'], 5, 'min_tx_rate')
    dl.delete('gold')
    eq(dl.nodes(), [], 'nodes')
    dl.add('gold')
    eq(dl.param('node_gold_rx_rate'), 'tx_max', 'rx_rate of another')


def refused():
    """what is out of range, too deep or too many is refused, with what is accepted"""
    _, _, dl = bench()
    for above, name in zip((None, 'a', 'b', 'c'), 'abcd'):
        dl.add(name, f'parent {above}' if above else '')
    contains(dl.add('e', 'parent d', fails=True), 'At most 4 nodes can be above a VF', 'a fifth')
    dl.rate(0, 'parent d')
    dl.add('x')
    dl.add('y', 'parent x')
    contains(dl.rate('x', 'parent c', fails=True), 'At most 4 nodes', 'two below three')
    dl.rate('x', 'parent b')
    contains(dl.rate('a', 'parent d', fails=True), 'lready a parent', 'a loop')
    contains(dl.add('n' * 64, fails=True), '63 characters', 'a long name')
    for args, part in (('tx_max 1500kbit', 'whole ones'), ('tx_max 2tbit', '1000000 Mb/s'),
                       ('tx_priority 8', '0 to 7'), ('tx_weight 1000001', 'to 1000000')):
        contains(dl.rate('x', args, fails=True), part, args)
    for value in (1000001, '"1G"', 'max_tx_rate'):
        contains(dl.set_param('node_x_rx_rate', value, fails=True),
                 'tx_max or 0 (no limit) to 1000000 Mb/s', f'rx_rate {value}')
    eq({name: rate.get('parent') for name, rate in dl.shown().items()},
       {'a': None, 'b': 'a', 'c': 'b', 'd': 'c', 'x': 'b', 'y': 'x', '0': 'd', '1': None,
        '2': None, '3': None}, 'parents')
    many = [f'n{i}' for i in range(250)]
    dl.batch('add', many)
    contains(dl.add('one-more', fails=True), 'At most 256 nodes', 'too many')
    dl.batch('del', many)


def guarantees():
    """what is guaranteed is checked up the tree, with what is left; a refusal changes nothing"""
    pf, _, dl = bench(link=100)
    dl.add('t', 'tx_share 50mbit tx_max 60mbit')
    dl.add('u', 'tx_max 20mbit')
    dl.add('s', 'parent t')
    dl.rate(0, 'parent s tx_share 30mbit')
    dl.rate(1, 'parent u tx_share 15mbit')
    dl.rate(2, 'tx_share 25mbit')
    before = dl.shown()
    for name, args, part in (
            (0, 'tx_share 51mbit', 'At most 50 Mb/s are left of tx_share of node t'),
            (2, 'tx_share 36mbit', 'At most 35 Mb/s of the link'),
            (1, 'tx_share 21mbit', 'At most 20 Mb/s are left of tx_max of node u'),
            (2, 'parent t', 'At most 20 Mb/s are left of tx_share of node t'),
            (2, 'parent u', 'At most 5 Mb/s are left of tx_max of node u'),
            ('t', 'tx_share 29mbit', 'Below it 30 Mb/s are guaranteed'),
            ('t', 'tx_share 61mbit', 'tx_share'),
            ('u', 'tx_max 14mbit', 'Below it 15 Mb/s are guaranteed'),
            ('u', 'tx_share 14mbit', 'Below it 15 Mb/s are guaranteed'),
            ('s', 'tx_max 29mbit', 'Below it 30 Mb/s are guaranteed'),
            ('s', 'tx_share 51mbit', 'At most 50 Mb/s are left of tx_share of node t')):
        contains(dl.rate(name, args, fails=True), part, f'{name} {args}')
    contains(dl.rate('t', 'tx_max 0') + dl.rate('t', 'tx_share 61mbit', fails=True),
             'At most 60 Mb/s of the link', 'a guarantee of a node')
    dl.rate('t', 'tx_max 60mbit')
    mark = log_mark()
    true(pf.link(0, 'min_tx_rate 51', check=False).returncode, 'min_tx_rate 51 refused')
    contains(log_since(mark), 'at most 50 Mb/s of node t are left', 'min_tx_rate 51')
    contains(dl.set_param('link_speed', 89, fails=True), '90 Mb/s', 'link_speed')
    eq(dl.shown(), before, 'rates')
    pf.link(0, 'min_tx_rate 50')        # all of the tenant's
    dl.rate(2, 'tx_share 35mbit')       # all that is left
    contains(dl.rate('s', 'noparent', fails=True), 'At most 0 Mb/s of the link', 's taken from t')
    dl.rate('t', 'tx_share 0')          # now it is its VF's
    dl.rate('s', 'noparent')


def cap():
    """tx_max of a node: its VFs send so much together, each its part; others are not touched"""
    pf, vfs, dl = bench(link=0)
    dl.add('t', f'tx_max {RATE}mbit')
    dl.rate(0, 'parent t')
    dl.rate(1, 'parent t')
    dl.set_param('node_t_rx_rate', 0)
    dropped = [vf['stats']['tx']['dropped'] for vf in pf.vfinfo()]
    pump(vfs, 0)
    pump(vfs, 1, dest=vfs[3].mac)
    pump(vfs, 2, dest=vfs[3].mac, mbps=2 * RATE)
    mbps = rates(pf, 'tx', seconds=2, settle=0.5)
    between(mbps[0] + mbps[1], RATE * FULL, RATE * 1.15, 'together')
    between(mbps[0] / (mbps[0] + mbps[1]), 0.45, 0.55, 'share of one of two equals')
    timely(mbps[2] > RATE * 1.2, 'who is not below it has more')
    dl.rate(1, 'tx_weight 3')
    mbps = rates(pf, 'tx', seconds=2, settle=0.5)
    between(mbps[1] / mbps[0], 2.5, 3.5, 'weights 3 to 1')
    dl.set_param('vf1_tx_burst', 15140)
    dl.rate(1, 'tx_max 1mbit')
    mbps = rates(pf, 'tx', seconds=2, settle=0.5)
    between(mbps[1], FULL, 1.1, 'with a rate of its own')
    between(mbps[0] + mbps[1], RATE * FULL, RATE * 1.15, 'together')
    dl.rate(1, 'tx_max 0 tx_weight 0')
    dl.set_param('vf1_tx_burst', 0)
    dl.add('u', 'tx_max 1mbit parent t')
    dl.rate(1, 'parent u')
    mbps = rates(pf, 'tx', seconds=2, settle=0.5)
    between(mbps[1], FULL, 1.1, 'below another node')
    between(mbps[0] + mbps[1], RATE * FULL, RATE * 1.15, 'together')
    eq([vf['stats']['tx']['dropped'] for vf in pf.vfinfo()], dropped, 'drops')
    dl.rate('t', 'tx_max 0')
    dl.rate(1, 'noparent')
    mbps = rates(pf, 'tx', seconds=1, settle=0.2)
    timely(mbps[0] > RATE * 1.2 and mbps[1] > RATE * 1.2, 'without a rate there is no limit')


def tenants():
    """on the wire tenants share as VFs do, and the VFs of one what it gets"""
    pf, vfs, dl = bench(link=RATE)
    dl.add('t')
    dl.add('u')
    for i, name in enumerate('ttu'):
        dl.rate(i, f'parent {name}')
    pump(vfs, 0, 1, 2)
    mbps = rates(pf, 'tx', seconds=2, settle=0.5)
    between(mbps[2] / sum(mbps), 0.42, 0.58, 'share of one of two equal tenants')
    between(mbps[0] / (mbps[0] + mbps[1]), 0.4, 0.6, 'share of a VF of the other')
    between(sum(mbps), RATE * FULL, RATE * 1.15, 'together')
    dl.rate('u', 'tx_share 3mbit')
    mbps = rates(pf, 'tx', seconds=2, settle=0.5)
    between(mbps[2] / sum(mbps), 0.8, 0.99, 'share of a tenant with a guarantee')
    dl.rate('u', 'tx_share 0')
    dl.rate('t', 'tx_weight 3')
    dl.rate(1, 'tx_weight 2')
    mbps = rates(pf, 'tx', seconds=2, settle=0.5)
    between((mbps[0] + mbps[1]) / mbps[2], 2.2, 4, 'weights 3 to 1')
    between(mbps[1] / mbps[0], 1.5, 2.7, 'weights 2 to 1 in the first')
    dl.rate(0, 'tx_priority 7')
    dl.rate('u', 'tx_priority 1')
    mbps = rates(pf, 'tx', seconds=2, settle=0.5)
    timely(mbps[2] > 5 * (mbps[0] + mbps[1]), "a VF's priority counts inside its tenant")


def inbound():
    """what the VFs of a tenant are sent together: as tx_max, or a rate of its own; each its part"""
    pf, vfs, dl = bench(link=0)
    dl.add('t', f'tx_max {RATE}mbit')
    dl.rate(0, 'parent t')
    dl.rate(1, 'parent t')
    dropped = pf.stats()['vfs_rx_drop_node']
    other = pf.vfinfo(3)['stats']['rx']['dropped']
    pump(vfs, 2, dest=vfs[0].mac, mbps=3 * RATE)
    Pump('ethfar', 'wire', vfs[1].mac, AWAY, mbps=2 * RATE)
    pump(vfs, 2, dest=vfs[3].mac, mbps=RATE)
    mbps = rates(pf, 'rx', seconds=2, settle=2)
    between(mbps[0] + mbps[1], RATE * FULL, RATE * 1.15, 'together')
    between(mbps[0] / (mbps[0] + mbps[1]), 0.4, 0.6, 'share of one of two equals')
    timely(mbps[3] > RATE * 0.5, 'who is not below it is not touched')
    true(pf.stats()['vfs_rx_drop_node'] > dropped, 'drops, and why')
    eq(pf.vfinfo(3)['stats']['rx']['dropped'], other, 'drops of who is not below it')
    dl.set_param('node_t_rx_rate', 1)
    mbps = rates(pf, 'rx', seconds=2, settle=2)
    between(mbps[0] + mbps[1], FULL, 1.1, 'with a rate of its own')
    dl.set_param('node_t_rx_rate', 0)
    sleep(0.2)
    dropped = pf.stats()['vfs_rx_drop_node']
    mbps = rates(pf, 'rx', seconds=1)
    eq(pf.stats()['vfs_rx_drop_node'], dropped, 'drops without a rate')
    dl.set_param('node_t_rx_rate', 'tx_max')
    for i in (0, 1):
        dl.set_param(f'vf{i}_rx_queue', 20000)
    mbps = rates(pf, 'rx', seconds=2, settle=2)
    eq(pf.stats()['vfs_rx_drop_node'], dropped, 'drops at once of what can wait')
    between(mbps[0] + mbps[1], RATE * FULL, RATE * 1.15, 'together, of what has waited')


def resets():
    """resets of the PF, of a VF, and by the health reporter, and another driver, leave nodes, what
    they may have, and whose VFs are whose; the rate of a tenant holds after them"""
    pf, vfs, dl = bench(link=100)
    dl.add('t', f'tx_max {RATE}mbit tx_share 3mbit tx_weight 2 tx_priority 1')
    dl.add('u', 'parent t')
    dl.set_param('node_t_rx_rate', 7)
    dl.rate(0, 'parent u tx_share 1mbit')
    dl.rate(1, 'parent t')
    dl.rate(3, 'parent u tx_weight 2')

    def state():
        return dl.shown(), dl.param('node_t_rx_rate'), dl.param('node_u_rx_rate')

    before = state()
    true(before[0]['0']['parent'] == 'u' and before[1] == '7', f'set: {before}')
    for what, reset in (('PF', lambda: pf.set('reset', 1)), ('VF', lambda: vfs[0].set('reset', 1)),
                        ('VF by health recover', lambda: recovered(pf, vfs[3]))):
        reset()
        eq(state(), before, f'after a reset of the {what}')
        # devlink shows copies of its own: what the switch says of a change tells
        for vf in (0, 3):
            contains(dl.rate(vf, 'tx_share 4mbit', fails=True), 'of node t',
                     f'VF {vf} is below t after a reset of the {what}')
        eq(state(), before, 'a refusal changes nothing')
    for vf in vfs[:2]:
        wait_for(vf.carrier, f'carrier of VF {vf.index}')
    pump(vfs, 0, 1)
    mbps = rates(pf, 'tx', seconds=2, settle=0.5)
    between(mbps[0] + mbps[1], RATE * FULL, RATE * 1.15, 'together, after all resets')


def recovered(pf, vf):
    """A VF is stopped for its driver's error, and reset by hand.  It keeps that driver."""
    vf.to_vfio()
    driver, reporter = Misbehave(vf), f'pci/{pf.bdf} reporter vf'
    driver.tell('stop')
    wait_for(lambda: '"state":"error"' in out(f'devlink -j health show {reporter}'), 'stopped')
    wait_for(lambda: not sh(f'devlink health recover {reporter}', check=False).returncode,
             'recovered')
    wait_for(lambda: '"state":"healthy"' in out(f'devlink -j health show {reporter}'), 'reset')
    driver.close()


def gone():
    """VFs go while they wait for their node's rate; new ones are below none, and there is none"""
    pf, vfs, dl = bench(link=1)
    dl.add('t', 'tx_max 1mbit tx_share 1mbit')
    dl.add('u', 'parent t')
    for i in range(3):
        dl.rate(i, f'parent {"tuu"[i]}')
    dl.rate(1, 'tx_share 1mbit')
    dl.set_param('vf1_rx_queue', 5000)
    senders = pump(vfs, 0, 1, 2)
    Pump('ethfar', 'wire', vfs[1].mac, AWAY, mbps=4)
    rates(pf, 'tx', seconds=0.5, settle=0.5)
    pf.numvfs(0)
    for sender in senders:
        sender.stop()
    eq(dl.shown(), {}, 'rates')
    dl.add('t', 'tx_share 1mbit')
    pf.numvfs(2)
    eq({name: rate.get('parent') for name, rate in dl.shown().items()},
       {'t': None, '0': None, '1': None}, 'parents')
    dl.rate(1, 'parent t')
    dl.rate(1, 'tx_share 1mbit')
    wait_for(lambda: pf.vfinfo(1)['rate']['min_tx'] == 1, 'a guarantee of a new VF')
    pf.numvfs(0)
    dl.add('t', 'tx_max 1mbit')
    dl.add('u', 'parent t')     # there when the module goes


run([tree, refused, guarantees, cap, tenants, inbound, resets, gone])
