#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: guests
# timeout: 300
"""A guest that boots from the network by its VF: BIOS, iPXE, and a stock kernel from there.

Nothing in it is ours: QEMU's SeaBIOS and iPXE (its ROM is given to the VF, which has none),
Debian's kernel image and its module virtio_net as they come, busybox.  The host is DHCP, TFTP
and HTTP server at the PF.
"""
import os
import shutil
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
from ktap import contains, defer, run, true, wait_for
from vnic import Background, load, out, read, sh

ROM = '/usr/share/qemu/pxe-virtio.rom'
HOME, SERIAL, SERVED = '/run/netboot', '/log/guest-netboot.log', '/run/netboot.access'
HOST = '10.9.0.100'
SCRIPT = f'''#!ipxe
echo ipxe: ${{netX/mac}} ${{netX/chip}} ${{netX/ip}} ${{netX/mtu}}
ping -c 2 {HOST} || exit
kernel http://{HOST}/vmlinuz console=ttyS0 panic=-1 quiet
initrd http://{HOST}/initrd
boot
'''
INIT = f'''#!/bin/busybox sh
/bin/busybox mount -t sysfs sys /sys
for module in failover net_failover virtio_net; do /bin/busybox insmod /$module.ko; done
dev=$(/bin/busybox ls /sys/bus/virtio/drivers/virtio_net/virtio*/net)
/bin/busybox ip addr add 10.9.0.50/24 dev $dev
/bin/busybox ip link set $dev up
/bin/busybox wget -q -O /got http://{HOST}/initrd &&
	echo "linux: $(/bin/busybox md5sum </got)"
/bin/busybox poweroff -f
'''
NGINX = f'''pid /run/netboot.pid; error_log /dev/null; user root;
events {{ }}
http {{
	access_log {SERVED};
	server {{ listen {HOST}:80; root {HOME}; }}
}}
'''


def make_initrd():
    """busybox, the module and what it needs, and /init"""
    root = HOME + '/root'
    for path in ('bin', 'sys', 'dev'):
        os.makedirs(f'{root}/{path}')
    shutil.copy('/bin/busybox', root + '/bin')
    for module in ('failover', 'net_failover', 'virtio_net'):
        path = out(f'modinfo -n {module}')
        sh(f'xz -dc {path} >{root}/{module}.ko' if path.endswith('.xz') else
           f'cp {path} {root}/{module}.ko')
    with open(root + '/init', 'w', encoding='ascii') as file:
        file.write(INIT)
    os.chmod(root + '/init', 0o755)
    sh(f'cd {root} && find . | cpio -o -H newc >../initrd')


def serve(dev):
    """DHCP, TFTP, HTTP"""
    os.makedirs(HOME)
    defer(shutil.rmtree, HOME)
    make_initrd()
    os.symlink('/vnic-guest/stable/bzImage', HOME + '/vmlinuz')
    for name, text in (('boot.ipxe', SCRIPT), ('nginx.conf', NGINX)):
        with open(f'{HOME}/{name}', 'w', encoding='ascii') as file:
            file.write(text)
    Background(f'dnsmasq -k -i {dev} --bind-interfaces -p 0 -u root --dhcp-range=10.9.0.1,10.9.0.9 '
               f'--enable-tftp --tftp-root={HOME} --dhcp-boot=boot.ipxe')
    sh(f'nginx -c {HOME}/nginx.conf')
    defer(sh, 'kill $(cat /run/netboot.pid)')


def said():
    """What is on the guest's serial console."""
    return read(SERIAL) if os.path.exists(SERIAL) else ''


def ipxe():
    """iPXE gets address, script and kernel by a virtio VF, and Linux goes on with it"""
    pf = load(total_vfs=4, personality=None)[0]
    vf = pf.vfs(1)[0]
    sh(f'ip addr add {HOST}/24 dev {pf.dev}; ip link set {pf.dev} up')
    pf.link(0, 'mac 02:00:00:00:30:01')
    vf.to_vfio()
    serve(pf.dev)
    sh('modprobe kvm_amd')
    guest = Background('qemu-system-x86_64 -nodefaults -no-user-config -display none '
                       '-M q35,accel=kvm,graphics=off,sata=off,smbus=off -cpu host -m 512 '
                       f'-serial file:{SERIAL} -device vfio-pci,host={vf.bdf},romfile={ROM}')
    wait_for(lambda: 'seq=2' in said() or guest.proc.poll() is not None, 'the script', seconds=60)
    contains(said(), 'ipxe: 02:00:00:00:30:01 virtio-net 10.9.0.', 'address, driver')
    wait_for(lambda: guest.proc.poll() is not None, 'Linux has loaded the file', seconds=120)
    contains(said(), 'linux: ' + out(f'md5sum <{HOME}/initrd'), 'what Linux got')
    true(read(SERVED).count('GET /initrd HTTP/1.1" 200') == 2, 'loaded twice')


run([ipxe])
