#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable=boots,uplink,keeps,faults,made_again
# timeout: 360
"""The installed units, with systemd as init: what is there after a boot, and stays.

The system is thrown away: an overlay of the machine's root with what the packages install,
whose init is systemd in a PID namespace.  It has all capabilities and the machine's kernel,
/sys and network, so modules are loaded, and udev names what appears, as at a machine's boot.
"""
import os
import signal
import sys
from shlex import quote
sys.path.insert(0, sys.path[0] + '/../lib')
from guest import Once
from ktap import Fail, contains, defer, eq, keep, note, run, spending, true, wait_for
from vnic import Background, out, pf_list, read, sh, unload, write_file

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../..')
BASE = '/run/systemd-test'
ROOT, CGROUP = BASE + '/root', '/sys/fs/cgroup/systemd-test'
CONF = ROOT + '/etc/vnic.toml'
BDF = '0008:00:00.0'
UP, SOON = 120, 40      # seconds that a busy host takes at most, for a boot and for a unit
MACS = ('02:00:00:00:50:01', '02:00:00:00:50:02')
VFS = f'''\
[adapter."{BDF}"]
num_vfs = 2
uplink = "late0"
link_speed = 1000
[adapter."{BDF}".vf.0]
mac = "{MACS[0]}"
max_tx_rate = 300
min_tx_rate = 20
[adapter."{BDF}".vf.1]
mac = "{MACS[1]}"
vlan = 7
max_tx_rate = 50
'''
SET = [(MACS[0], None, {'max_tx': 300, 'min_tx': 20}), (MACS[1], 7, {'max_tx': 50, 'min_tx': 0})]

TRIGGER = '''\
[Service]
ExecStart=
ExecStart=udevadm trigger --action=add --subsystem-match=net
ExecStart=udevadm trigger --action=add --subsystem-match=pci --attr-match=vendor=0x766e
'''
MASKED = ('getty.target', 'proc-sys-fs-binfmt_misc.automount', *(f'{name}.service' for name in (
    'ldconfig', 'systemd-binfmt', 'systemd-hwdb-update', 'systemd-journal-catalog-update',
    'systemd-logind', 'systemd-sysctl')))
# Modules are the machine's.  The console, which is the machine's log, is not.
BOOT = f'''
echo $$ >{CGROUP}/cgroup.procs
exec unshare -m -p -i -u -C --fork --kill-child --propagation private sh -c '
cd {ROOT} &&
mount -t proc proc proc && mount --bind /sys sys && mount -t cgroup2 cgroup2 sys/fs/cgroup &&
mount -t tmpfs -o mode=755 dev dev && cp -a /dev/null dev/console &&
for dev in null zero full random urandom tty kmsg; do cp -a /dev/$dev dev; done &&
mount -t tmpfs run run && mount -t tmpfs tmp tmp && mount --rbind /lib/modules usr/lib/modules &&
mkdir -p oldroot && pivot_root . oldroot && umount -l oldroot &&
exec env -i container=vnic-test /usr/lib/systemd/systemd </dev/null >/dev/null 2>&1'
'''


class System(Once):
    """A system with vnic's tools installed, and its init while it is up"""

    def __init__(self):
        super().__init__()
        self.init = self.shell = self.adapter = None

    def make(self):
        """The root, with what packages install and no services that others enable; its boot"""
        unload()
        defer(unload)
        sh(f'mkdir -p {BASE}')
        sh(f'mount -t tmpfs tmpfs {BASE}; mkdir {BASE}/upper {BASE}/work {ROOT} {CGROUP}')
        defer(sh, f'umount -R {BASE} && find {CGROUP} -depth -type d -exec rmdir {{}} +')
        sh(f'mount -t overlay -o lowerdir=/,upperdir={BASE}/upper,workdir={BASE}/work o {ROOT}')
        # Settings of the kernel are none of this system's business; nor is a first boot, at
        # which systemd enables whatever is installed.
        sh(f'rm -rf {ROOT}/etc/systemd/system/*.wants {ROOT}/usr/lib/sysctl.d {ROOT}/etc/sysctl.d')
        units = f'{ROOT}/etc/systemd/system'
        sh(f'ln -s /usr/lib/systemd/system/multi-user.target {units}/default.target')
        for unit in MASKED:
            sh(f'ln -s /dev/null {units}/{unit}')
        # Of what the machine has, udev is told of what is named and configured: all takes long.
        write_file(f'{units}/systemd-udev-trigger.service.d/few.conf', TRIGGER)
        write_file(f'{ROOT}/etc/machine-id', '6f1c2a548d034b6e9a573e0d51c7b284\n')
        sh(f'make -s -C {TOP} install-tools install-load DESTDIR={ROOT} PREFIX=/usr')
        sh(f'systemctl --root={ROOT} enable vnic.service')
        write_file(CONF, VFS)
        self.boot()
        keep()

    def boot(self):
        """Boot it, with a kernel that has no module of vnic's."""
        unload()
        with spending('boot'):
            self.shell = Background(BOOT)
            children = f'/proc/{self.shell.proc.pid}/task/{self.shell.proc.pid}/children'
            self.init = wait_for(lambda: read(children), 'init', SOON)
            defer(self.end)
            private = f'/proc/{self.init}/root/run/systemd/private'
            wait_for(lambda: os.path.exists(private), 'systemd', SOON)
            self.up()
        self.adapter = pf_list()[0]

    def pf(self):
        """The adapter, once the system is up"""
        self.get()
        if not self.adapter:
            raise Fail('the system has not booted')
        return self.adapter

    def up(self):
        """Wait until it has booted, without a fault."""
        done = self.do(f'timeout {UP} systemctl is-system-running --wait', check=False)
        state = done.stdout.strip()
        if state != 'running':
            note(self.do('systemctl list-jobs; systemctl --failed; '
                         'journalctl -q -n 100 | grep -v kernel:', check=False).stdout)
            raise Fail(f'the system is {state or "not up"}')

    def end(self):
        """Power off: all that runs there ends with its init."""
        if self.init:
            os.kill(int(self.init), signal.SIGKILL)
            self.shell.finish()
            self.init = None

    def reboot(self):
        """As an administrator does it."""
        self.do('systemctl reboot')
        self.shell.finish()
        self.init = self.adapter = None
        self.boot()

    def do(self, cmd, check=True):
        """A command in it"""
        return sh(f'nsenter -t {self.init} -m -p -i -u -C -r -w sh -c {quote(cmd)}', check=check,
                  timeout=UP + 10)

    def says(self, unit, what='ActiveState'):
        """A property of a unit"""
        return self.do(f'systemctl show -P {what} {unit}').stdout.strip()

    def journal(self, unit):
        """The messages of the unit"""
        return self.do(f'journalctl -q -o cat -u {unit}').stdout


system = System()


def settings(pf):
    """Of each VF (MAC, VLAN, rates)"""
    return [(vf['address'], vf['vlan_list'][0].get('vlan'), vf['rate']) for vf in pf.vfinfo()]


def boots(t):
    """after a boot the adapter is there, its VFs have their settings, names and drivers, before the
    network is configured; vnic.service is active and says what it has done"""
    pf = t.pf()
    eq(settings(pf), SET, 'VFs')
    eq([(i.dev, i.driver()) for i in (pf, pf.vf(0), pf.vf(1))],
       [('enP8p0s0', 'vnic-pf'), ('enP8p0s0v0', 'vnic-vf'), ('enP8p0s0v1', 'vnic-vf')],
       'names and drivers')
    status = t.do('systemctl status --no-pager vnic').stdout
    for part in ('Active: active (exited)', 'num_vfs: 0 -> 2', 'vf1 vlan: 0 -> 7'):
        contains(status, part, 'status')
    true(int(t.says('vnic', 'ExecMainExitTimestampMonotonic')) <
         int(t.says('network-pre.target', 'ActiveEnterTimestampMonotonic')), 'before the network')


def uplink(t):
    """an uplink that is made after the boot is waited for, and becomes it"""
    pf = t.pf()
    eq(t.says('vnic-uplink'), 'active', 'what waits')
    defer(sh, 'ip link del late0')
    keep()
    sh('ip link add late0 type bond')
    wait_for(lambda: t.says('vnic-uplink') == 'inactive', 'the uplink is there', SOON)
    contains(out('ip link show late0'), f'master {pf.dev}', 'uplink')
    contains(t.journal('vnic-uplink'), 'uplink: "none" -> "late0"', 'the journal')


def keeps(t):
    """reload and restart make what somebody has set as it was"""
    pf = t.pf()
    for verb in ('reload', 'restart'):
        pf.link(1, 'vlan 9')
        pf.link(0, 'max_tx_rate 200')
        t.do(f'systemctl {verb} vnic')
        eq((settings(pf), t.says('vnic')), (SET, 'active'), verb)


def faults(t):
    """a wrong line of the file fails reload and restart, with the line's number in the journal, and
    changes nothing; without it the unit is active again"""
    pf = t.pf()
    pf.link(1, 'vlan 9')
    before = settings(pf)
    write_file(CONF, VFS.replace('max_tx_rate = 50', 'max_tx_rate = "fast"'))
    line = VFS[:VFS.index('max_tx_rate = 50')].count('\n') + 1
    for verb, state in (('reload', 'active'), ('restart', 'failed')):
        mark = len(t.journal('vnic'))
        true(t.do(f'systemctl {verb} vnic', check=False).returncode, f'{verb} fails')
        contains(t.journal('vnic')[mark:], f'/etc/vnic.toml:{line}: ', f'the journal, after {verb}')
        eq((t.says('vnic'), settings(pf)), (state, before), f'after {verb}')
    write_file(CONF, VFS)
    t.do('systemctl restart vnic')
    eq((settings(pf), t.says('vnic')), (SET, 'active'), 'without it')


def made_again(t):
    """VFs that somebody makes again are given their settings, but not while vnic.service is
    stopped"""
    pf = t.pf()
    pf.numvfs(0)
    pf.numvfs(2)
    wait_for(lambda: settings(pf) == SET, 'VFs', SOON)
    t.do('systemctl stop vnic')
    pf.numvfs(0)
    pf.numvfs(2)
    t.do('udevadm settle')      # udev has told systemd
    wait_for(lambda: "Skipped due to 'exec-condition'" in t.journal('vnic-vfs'),
             'vnic-vfs is told, and leaves them', SOON)
    eq(settings(pf)[1][1:], (None, {'max_tx': 0, 'min_tx': 0}), 'stopped')


def reboots(t):
    """by hand: after a reboot all is as before"""
    t.pf()
    t.reboot()
    eq((settings(t.pf()), t.says('vnic')), (SET, 'active'), 'VFs and unit')


run([boots, uplink, keeps, faults, made_again, reboots], system)
