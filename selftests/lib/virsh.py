# SPDX-License-Identifier: GPL-2.0
"""libvirt in the test machine, and guests that are its domains."""
import atexit
import glob
import json
import os
import re
import shlex

from guest import Guest
from ktap import Fail, defer, note, spending, wait_for
from vnic import out, read, sh

PIDFILE = '/run/libvirtd.pid'
MEMLOCK = 64 << 20      # what systemd gives to libvirtd.service

# As `guest start` has it: less to probe, and no timer that ticks in an emulated machine.
MACHINE = 'pit=off,smbus=off,sata=off,graphics=off,i8042=off'

DOMAIN = """
<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>{name}</name>
  <memory unit='MiB'>256</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='q35'>hvm</type>
    <kernel>{kernel}</kernel>
    <initrd>{initrd}</initrd>
    <cmdline>{cmdline}</cmdline>
  </os>
  <features><acpi/><apic/>{features}</features>
  <cpu mode='host-passthrough'/>
  <clock offset='utc'>
    <timer name='hpet' present='no'/>
  </clock>
  <on_reboot>restart</on_reboot>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <controller type='usb' model='none'/>
    <controller type='pci' model='pcie-root'/>
    <controller type='virtio-serial'><address type='pci' bus='0' slot='4'/></controller>
    {ports}
    <console type='file'>
      <source path='/log/guest-{name}.log' append='on'/>
      <target type='virtio'/>
    </console>
    <channel type='unix'>
      <source mode='bind' path='/run/vnic/guests/{name}/agent'/>
      <target type='virtio' name='agent'/>
    </channel>
    <memballoon model='none'/>
    {devices}
  </devices>
  <qemu:commandline>
    <qemu:arg value='-machine'/>
    <qemu:arg value='{machine}'/>
  </qemu:commandline>
</domain>
"""


def virsh(cmd, check=True, timeout=60):
    """Output of a virsh command that must succeed; check=False: its CompletedProcess."""
    done = sh(f'virsh -q -c qemu:///system {cmd}', check=check, timeout=timeout)
    return done.stdout.strip() if check else done


def refused_by_virsh(cmd):
    """A virsh command that must fail; returns what it said."""
    done = virsh(cmd, check=False)
    if not done.returncode:
        raise Fail(f'virsh {cmd}: accepted, should be refused')
    return done.stderr.strip()


def file_of(name, xml):
    """A file with that XML."""
    path = f'/run/{name}.xml'
    with open(path, 'w', encoding='ascii') as file:
        file.write(xml)
    return path


def static_nodes():
    """Device nodes of modules not loaded yet: systemd makes /dev/vfio/vfio at boot, and udev
    lets everybody open it, as the kernel does.
    """
    for line in out('kmod static-nodes --format=tmpfiles').splitlines():
        kind, path, _, _, _, _, *dev = line.split()
        if kind.startswith('c') and path.startswith('/dev/vfio/'):
            sh(f'mkdir -p {os.path.dirname(path)}')
            if not os.path.exists(path):
                sh(f'mknod {path} c {dev[0].replace(":", " ")}')
            os.chmod(path, 0o666)


def daemon():
    """Start libvirtd, if it does not run; it ends with the test."""
    if os.path.exists(PIDFILE):
        return
    os.makedirs('/etc/libvirt', exist_ok=True)
    with open('/etc/libvirt/qemu.conf', 'w', encoding='ascii') as file:
        # else as Debian has it. No virtlogd; and each exit of a guest to QEMU would come
        # past the sandbox's filters, in an emulated machine
        file.write('stdio_handler = "file"\nseccomp_sandbox = 0\n')
    static_nodes()
    sh('guest prepare libvirt && chmod 666 /dev/kvm && chmod 777 /log')
    with spending('libvirt'):
        sh(f'prlimit --memlock={MEMLOCK}:{MEMLOCK} libvirtd -d -p {PIDFILE}')
        wait_for(lambda: not virsh('list', check=False).returncode, 'libvirtd answers', 60)
    atexit.register(stop_daemon)


def stop_daemon():
    """End libvirtd at once; its domains live on."""
    if not os.path.exists(PIDFILE):
        return
    end(int(read(PIDFILE)))
    os.remove(PIDFILE)


def end(pid):
    """kill -9, and wait."""
    sh(f'kill -9 {pid}', check=False)
    wait_for(lambda: not os.path.exists(f'/proc/{pid}'), f'process {pid} ends', 30)


def pci_address(vf, kind=''):
    """A VF's address as an element."""
    domain, bus, slot, function = re.split('[:.]', vf.bdf)
    return f"<address {kind}domain='0x{domain}' bus='0x{bus}' slot='0x{slot}' " \
        f"function='0x{function}'/>"


def hostdev(vf, driver=''):
    """A VF as <hostdev>."""
    return f"<hostdev mode='subsystem' type='pci' managed='yes'>{driver}" \
        f'<source>{pci_address(vf)}</source></hostdev>'


def interface(vf, mac, more=''):
    """A VF as <interface>."""
    type_ = "type='pci' "
    return f"<interface type='hostdev' managed='yes'><mac address='{mac}'/>{more}" \
        f'<source>{pci_address(vf, type_)}</source></interface>'


class Domain(Guest):
    """A guest that libvirt runs; gone at the end of the case."""

    def __init__(self, name, devices, ports=1, features='', append=''):
        self.name = name
        self.define(devices, ports, features, append)
        self.start()

    def define(self, devices, ports=1, features='', append=''):
        """Make libvirt know it; ports: how many VFs it may have at a time."""
        kernel, initrd, cmdline = out(
            f'guest prepare {self.name} {shlex.quote(append)}').splitlines()
        xml = DOMAIN.format(name=self.name, kernel=kernel, initrd=initrd, cmdline=cmdline,
                            features=features, devices=devices, machine=MACHINE,
                            ports="<controller type='pci' model='pcie-root-port'/>" * ports)
        virsh(f'define {file_of(self.name, xml)}')
        defer(self.kill)

    def start(self):
        """Boot it; once more if it does not say a word, as `guest start` does."""
        with spending('guests'):
            for _ in range(2):
                virsh(f'start {self.name}')
                if self.adopt(check=False) != 3:
                    return
                note(f'{self.name} does not say a word, once more')
                virsh(f'destroy {self.name}')
            raise Fail(f'{self.name} does not say a word')

    def adopt(self, check=True):
        """It boots: wait for it."""
        done = sh(f'guest adopt {self.name} {self.pid()} -t 120', check=False, timeout=140)
        if done.returncode not in ((0,) if check else (0, 3)):
            raise Fail(f'{self.name}: {done.stderr.strip()[-400:]}')
        return done.returncode

    def pid(self):
        """Of its QEMU."""
        return int(read(f'/run/libvirt/qemu/{self.name}.pid'))

    def reboot(self):
        """virsh reboot: the guest's ACPI daemon (here: poweroff) ends it, libvirt resets it."""
        with spending('guests'):
            virsh(f'reboot {self.name} --mode acpi')
            self.run('(sleep 0.5; poweroff -f) >/dev/null 2>&1 &')
            self.adopt()

    def reset(self):
        """virsh reset: as a button does it."""
        with spending('guests'):
            virsh(f'reset {self.name}')
            self.adopt()

    def shutdown(self):
        """virsh shutdown: as with reboot(), but it does not come back."""
        virsh(f'shutdown {self.name} --mode acpi')
        self.run('(sleep 0.5; poweroff -f) >/dev/null 2>&1 &')
        wait_for(lambda: self.state() == 'shut off', f'{self.name} is shut off', 30)

    def kill(self):
        """Forget it, running or not."""
        if os.path.exists(f'/run/libvirt/qemu/{self.name}.pid'):
            pid = self.pid()
            if virsh(f'destroy {self.name}', check=False).returncode:
                end(pid)
        virsh(f'undefine {self.name}', check=False)

    def state(self):
        """running, paused, shut off"""
        return virsh(f'domstate {self.name}')

    def devs(self):
        """Netdevs of its VFs, by address."""
        links = json.loads(self.out('ip -j link'))
        return {link['address']: link['ifname'] for link in links if link['ifname'] != 'lo'}


def vfio_unused():
    """A host where nobody has used vfio yet."""
    for module in ('vnic_vfio_pci', 'vfio_pci', 'vfio_iommu_type1', 'vfio'):
        sh(f'modprobe -r {module}', check=False)
    return not glob.glob('/sys/module/vfio*')
