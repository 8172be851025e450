#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: newest=queues,rss_api,irq,napi_id,tso,xsk_reconfig wide
# proof: newest=queues,rss_api,irq,napi_id
# timeout: 1800
"""The newest kernel's own tests of network drivers on a VF, whose remote end is another one.

They are in the tree, from Debian's package of that kernel's source (tools/vm/recipe.sh).
Each case here is one of their files.  A case of theirs passes, or is named here with the
reason why it does not; another reason fails, and so does a case that passes after all.

Left out: what is about other hardware (FEC, PSP, MACsec, IPsec, devmem, io_uring, time
stamps, UDP tunnels, shapers, netkit, L3 statistics, loopback, two ports of a chip); xdp.py,
gro.py, hw/gro_hw.py and hw/xdp_metadata.py, whose programs want clang, and netpoll_basic.py,
which wants bpftrace; hw/pp_alloc_fail.py, which wants a kernel with FAIL_FUNCTION;
napi_threaded.py, which wants an ethtool newer than Debian 13's; hds.py, hw/uso.py and
rss_flow_label.py, all of whose cases are about what vnic-vf does not have; so_txtime.py,
half of which needs ETF in hardware; toeplitz.py, whose program wants generated code, while
vf/steer.py computes the hash.
"""
import os
import re
import subprocess
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
from ktap import eq, note, run, slow, timely, true, wait_for
from vnic import load, ping, sh, shared

TESTS = '/usr/lib/kselftest/tools/testing/selftests/drivers/net/'

NO_CLANG = 'bpf.o: No such file'        # built by clang, which is larger than all else here

# By file and case: what is said of those that do not pass
EXCEPT = {
    'stats.check_pause': 'pause not supported',
    'stats.check_fec': 'FEC not supported',
    'stats.check_fec_hist': 'FEC not supported',
    'irq.check_reconfig_xdp': NO_CLANG,
    'ping.test_xdp_generic_sb': NO_CLANG,
    'ping.test_xdp_generic_mb': NO_CLANG,
    'ping.test_xdp_native_sb': NO_CLANG,
    'ping.test_xdp_native_mb': NO_CLANG + '|native-multi-buffer',
    'ping.test_xdp_offload': 'offloaded XDP',
    # vnic's table has 128 entries, for 16 queues at most
    **{f'rss_drv.resize_{what}.{table}': 'does not dynamically size'
       for what in ('periodic', 'below_user_size_reject', 'nonperiodic_reject',
                    'nonperiodic_no_corruption') for table in ('main', 'ctx')},
    # segmentation within tunnels
    **{f'tso.{outer}_ipv{inner}': 'Device does not support tx-' for outer, inners in (
        ('vxlan4', '46'), ('vxlan6', '46'), ('vxlan_csum4', '46'), ('vxlan_csum6', '46'),
        ('gre4', '46'), ('gre6', '46'), ('ip6', '46'), ('ip4', '46')) for inner in inners},
    'xsk_reconfig.check_xdp_bind': NO_CLANG,
    'rss_ctx.test_rss_context32': 'Not enough queues',    # it wants 66
    'rss_ctx.test_rss_ntuple_addition': 'nonzero action not supported',
}
# ... but on another host might
MAY_PASS = {'ring_reconfig.reconfig_tx_stall': 'could not build qdisc backlog'}
# What a host says that is busy with something else: they wait a second or two
LATE = 'missing packets|did not ramp up'


class Bench:
    """Two VFs with a queue for each CPU: one here, the other in the namespace far"""

    def __init__(self):
        pf = load(total_vfs=2)[0]
        pf.set('sriov_drivers_autoprobe', 0)
        self.vfs = pf.vfs(2)
        for vf in self.vfs:
            vf.set('sriov_vf_msix_count', min(os.cpu_count(), 16) + 1)
            vf.bind('vnic-vf')
        sh('ip netns add far')
        self.dev = [vf.dev for vf in self.vfs]
        sh(f'ip link set {self.dev[1]} netns far')
        for i, ns in enumerate((None, 'far')):
            dev = self.dev[i]
            # their tests take the interface down and expect the address to be there again;
            # tests before this one have turned IPv6 off
            sh(f'sysctl -qw net.ipv6.conf.{dev}.keep_addr_on_down=1 '
               f'net.ipv6.conf.{dev}.disable_ipv6=0; ip link set lo up', ns=ns)
            sh(f'ip addr add 10.9.0.{i + 1}/24 dev {dev}; ip link set {dev} up', ns=ns)
            sh(f'ip addr add fd00:9::{i + 1}/64 dev {dev} nodad', ns=ns)
        # what is looked at there is what a wire would carry
        sh(f'ethtool -K {self.dev[1]} rx off', ns='far')
        for ip in ('10.9.0.2', 'fd00:9::2'):
            wait_for(lambda ip=ip: ping(None, ip, count=1, check=False), f'ping {ip}')

    def env(self):
        """Where their tests find it all"""
        return {**os.environ, 'NETIF': self.dev[0], 'REMOTE_TYPE': 'netns', 'REMOTE_ARGS': 'far',
                'LOCAL_V4': '10.9.0.1', 'REMOTE_V4': '10.9.0.2',
                'LOCAL_V6': 'fd00:9::1', 'REMOTE_V6': 'fd00:9::2', 'LC_ALL': 'C'}


def theirs(file):
    """Run a file of theirs and judge what it says of each case."""
    done = subprocess.run(['python3', TESTS + file], env=shared(Bench).env(), text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                          timeout=600 * slow())
    why, passed, named, wrong, late = '', [], [], [], []
    for line in done.stdout.splitlines():
        found = re.match(r'(not )?ok \d+ (\S+)(.*)', line)
        if not found:
            why += line + '\n'
            continue
        bad, case, rest = found.groups()
        reason = re.search(EXCEPT.get(case) or MAY_PASS.get(case) or r'\Z.', rest + why)
        if not bad and ' SKIP' not in rest and ' XFAIL' not in rest:
            (wrong if case in EXCEPT else passed).append(case)
        elif reason:
            named.append(f'{case} ({reason.group()})')
        else:
            (late if re.search(LATE, why) else wrong).append(case)
            note(f'{line}\n{why[-3000:]}')
        why = ''
    note(f'{len(passed)} passed; not: {", ".join(named) or "none"}')
    eq(wrong, [], 'cases that should have done otherwise')
    timely(not late, f'in time: {late}')
    true(passed, f'something passes: {done.stdout[-2000:]}')


def case_of(file):
    """A case of ours for a file of theirs"""
    def case():
        theirs(file)
    case.__name__ = os.path.basename(file)[:-3]
    case.__doc__ = f"the kernel's {file}"
    return case


run([case_of(file) for file in (
    'queues.py', 'hw/rss_api.py', 'hw/irq.py', 'napi_id.py', 'stats.py', 'ping.py',
    'ring_reconfig.py', 'hw/tso.py', 'hw/xsk_reconfig.py', 'hw/csum.py', 'hw/ntuple.py', 'hw/rss_drv.py', 'hw/rss_input_xfrm.py',
    'hw/rss_ctx.py')])
