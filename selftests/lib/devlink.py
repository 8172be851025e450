# SPDX-License-Identifier: GPL-2.0
"""devlink of an adapter, as a test sees it."""
import json

from vnic import out, refused


class Devlink:
    """The devlink instance of a PF; ports are numbered as VFs are."""

    def __init__(self, pf):
        self.dev = 'pci/' + pf.bdf

    def run(self, args, fails=False):
        """`devlink <args>`: what it prints; fails: it must fail, what it says."""
        return refused('devlink ' + args) if fails else out('devlink ' + args)

    def show(self, args):
        """`devlink -j <args>`: what lies in the outermost object; ports by number."""
        return next(iter(json.loads(self.run('-n -j ' + args)).values()))

    def ports(self):
        """(flavour, VF) of the ports"""
        ports = self.show('port show')
        return [(p['flavour'], p['vfnum']) for name, p in sorted(ports.items())
                if name.startswith(self.dev + '/')]

    def netdev(self, port):
        """The netdev of a port; None: it has none"""
        return self.show(f'port show {self.dev}/{port}')[f'{self.dev}/{port}'].get('netdev')

    def address(self, port):
        """MAC of the VF of a port"""
        return self.show(f'port show {self.dev}/{port}')[f'{self.dev}/{port}']['function']['hw_addr']

    def sb(self):
        """Bytes of the shared buffer"""
        return self.show('sb show')[self.dev][0]['size']

    def pools(self):
        """Bytes of its pools"""
        return [self.show(f'sb pool show {self.dev} pool {i}')[self.dev][0]['size']
                for i in (0, 1)]

    def threshold(self, port, pool):
        """Bytes of a port in a pool"""
        name = f'{self.dev}/{port}'
        return self.show(f'sb port pool show {name} pool {pool}')[name][0]['threshold']

    def set(self, port, pool, size, fails=False):
        """Set it."""
        return self.run(f'sb port pool set {self.dev}/{port} pool {pool} th {size}', fails)

    def occupancy(self, port):
        """(now, most) of a port, for each pool"""
        name = f'{self.dev}/{port}'
        self.run(f'sb occupancy snapshot {self.dev}')
        pools = self.show(f'sb occupancy show {name}')[name]['pool']
        return [(pools[i]['current'], pools[i]['max']) for i in ('0', '1')]

    def param(self, name):
        """A parameter's value at run time"""
        shown = self.show(f'dev param show {self.dev} name {name}')
        return shown[self.dev][0]['values'][0]['value']

    def set_param(self, name, value, fails=False):
        """Set it."""
        return self.run(f'dev param set {self.dev} name {name} value {value} cmode runtime', fails)
