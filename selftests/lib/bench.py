# SPDX-License-Identifier: GPL-2.0
"""The bench of the hostile drivers (selftests/vfio/bench.h): a PF that is up, with an uplink."""
import os
import subprocess

from devlink import Devlink
from program import cases_named, program
from vnic import load, sh, unload


def wired():
    """A PF with an uplink, where nobody sends anything of his own accord."""
    sh('sysctl -qw net.ipv6.conf.default.disable_ipv6=1')
    pf = load(total_vfs=4)[0]
    sh('ip link add ethup type veth peer name ethfar')
    sh('ip link set ethfar up; ip link set ethup up')
    sh(f'ip link set ethup master {pf.dev}; ip link set {pf.dev} up')
    return pf


def benched(name, personality, cases, **how):
    """Run a program on four VFs, the first of which is of this kind; as subprocess.run()."""
    sh('modprobe kvm_amd || modprobe kvm_intel', check=False)
    pf = wired()
    # or else a busy host lets a VF that a case has stopped be reset before it has looked
    sh(f'devlink health set pci/{pf.bdf} reporter vf auto_recover false')
    try:
        pf.set('sriov_drivers_autoprobe', 0)
        pf.numvfs(4)
        Devlink(pf).set_param('vf0_personality', personality)
        vfs = [pf.vf(i).to_vfio().bdf for i in range(4)]
        return subprocess.run([program(name), *cases, str(int(float(os.environ.get(
            'VNIC_SLOW', '1')))), pf.dev, pf.bdf, 'ethfar', *vfs], check=False, **how)
    finally:
        unload()
        sh('ip link del ethup', check=False)


def on_bench(name, personality='native', cases=(), **how):
    """Run it, or the cases of it that were named on our command line, or these; its status."""
    return benched(name, personality, cases_named() or cases, **how).returncode
