#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: guests
# timeout: 1200
"""A guest that boots from the network by its VF: by BIOS and iPXE, and by UEFI.

Nothing in it is ours: QEMU's SeaBIOS and iPXE (its ROM is given to the VF, which has none),
Debian's OVMF with its own virtio-net driver, kernel image and module virtio_net as they come,
busybox.  The host is DHCP, TFTP and HTTP server at the PF.
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
# A program for UEFI: it adds up what it carries, says the sum, and powers off.
EFI = r'''
#define API __attribute__((ms_abi))
typedef unsigned short u16;
typedef unsigned long long u64;
struct text { void *reset; u64 (API *output)(struct text *, const u16 *); };
struct runtime { char head[24]; void *others[10]; void (API *reset)(int, u64, u64, void *); };
struct table { char head[64]; struct text *out; void *err[2]; struct runtime *runtime; };
extern const unsigned char load[], load_end[];
asm(".data\nload: .incbin \"load\"\nload_end:\n.text");

u64 API start(void *image, struct table *table)
{
	u16 text[] = u"\r\nefi: 0000000000000000 ran\r\n";
	u64 sum = 0xcbf29ce484222325;

	for (const unsigned char *p = load; p != load_end; p++)
		sum = (sum ^ *p) * 0x100000001b3;
	for (int i = 0; i < 16; i++)
		text[7 + i] = "0123456789abcdef"[sum >> (60 - 4 * i) & 15];
	table->out->output(table->out, text);
	table->runtime->reset(2, 0, 0, 0);
	return 0;
}
'''
CC = 'gcc -O2 -c -ffreestanding -fno-stack-protector -fpie -mno-red-zone -fno-ident ' \
    '-fno-asynchronous-unwind-tables'
LD = 'ld -m i386pep --subsystem 10 -e start --image-base 0 --dynamicbase --enable-reloc-section'


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


def make_efi():
    """The program, with what it carries; the sum of that"""
    load = os.urandom(256 << 10)
    for name, data in (('load', load), ('say.c', EFI.encode())):
        with open(f'{HOME}/{name}', 'wb') as file:
            file.write(data)
    sh(f'cd {HOME} && {CC} say.c -o say.o && {LD} say.o -o say.efi')
    total = 0xcbf29ce484222325
    for byte in load:
        total = (total ^ byte) * 0x100000001b3 & (1 << 64) - 1
    return f'{total:016x}'


def dhcp(dev, program):
    """DHCP and TFTP, where the program is to be had"""
    Background(f'dnsmasq -k -i {dev} --bind-interfaces -p 0 -u root --dhcp-range=10.9.0.1,10.9.0.9 '
               f'--enable-tftp --tftp-root={HOME} --dhcp-boot={program}')


def serve(dev):
    """DHCP, TFTP, HTTP"""
    make_initrd()
    os.symlink('/vnic-guest/stable/bzImage', HOME + '/vmlinuz')
    for name, text in (('boot.ipxe', SCRIPT), ('nginx.conf', NGINX)):
        with open(f'{HOME}/{name}', 'w', encoding='ascii') as file:
            file.write(text)
    dhcp(dev, 'boot.ipxe')
    sh(f'nginx -c {HOME}/nginx.conf')
    defer(sh, 'kill $(cat /run/netboot.pid)')


def said():
    """What is on the guest's serial console."""
    return read(SERIAL) if os.path.exists(SERIAL) else ''


def bench():
    """PF with the host's address, and a virtio VF for a guest"""
    pf = load(total_vfs=4, personality=None)[0]
    vf = pf.vfs(1)[0]
    sh(f'ip addr add {HOST}/24 dev {pf.dev}; ip link set {pf.dev} up')
    pf.link(0, 'mac 02:00:00:00:30:01')
    os.makedirs(HOME)
    defer(shutil.rmtree, HOME)
    if os.path.exists(SERIAL):
        os.unlink(SERIAL)
    return pf, vf.to_vfio()


def boot(vf, args):
    """A guest that boots by its VF"""
    return Background('qemu-system-x86_64 -nodefaults -no-user-config -display none -m 512 '
                      f'-serial file:{SERIAL} -device vfio-pci,host={vf.bdf},{args}')


def ipxe():
    """iPXE gets address, script and kernel by a virtio VF, and Linux goes on with it"""
    pf, vf = bench()
    serve(pf.dev)
    sh('modprobe kvm_amd')
    guest = boot(vf, f'romfile={ROM} -M q35,accel=kvm,graphics=off,sata=off,smbus=off -cpu host')
    wait_for(lambda: 'seq=2' in said() or guest.proc.poll() is not None, 'the script', seconds=60)
    contains(said(), 'ipxe: 02:00:00:00:30:01 virtio-net 10.9.0.', 'address, driver')
    wait_for(lambda: guest.proc.poll() is not None, 'Linux has loaded the file', seconds=120)
    contains(said(), 'linux: ' + out(f'md5sum <{HOME}/initrd'), 'what Linux got')
    true(read(SERVED).count('GET /initrd HTTP/1.1" 200') == 2, 'loaded twice')


def ovmf():
    """UEFI's own virtio-net driver gets address and program by a virtio VF, whole, and it runs"""
    # Without KVM: when that ran OVMF, the machine's emulator (QEMU 11.1) aborted with
    # "cpu_interrupt: assertion failed: (bql_locked())".  OVMF writes CR8 at each interrupt.
    pf, vf = bench()
    total = make_efi()
    dhcp(pf.dev, 'say.efi')
    shutil.copy('/usr/share/OVMF/OVMF_VARS_4M.fd', HOME + '/vars')
    flash = ' '.join(f'-drive if=pflash,format=raw,{drive}' for drive in
                     ('readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd', f'file={HOME}/vars'))
    guest = boot(vf, f'romfile= -M q35,accel=tcg,graphics=off,sata=off,smbus=off -cpu max {flash}')
    wait_for(lambda: ' ran' in said() or guest.proc.poll() is not None, 'the program', seconds=400)
    contains(said(), 'PXEv4 (MAC:020000003001)', 'it boots by the VF')
    contains(said(), f'NBP filesize is {os.path.getsize(HOME + "/say.efi")} Bytes', 'the file')
    contains(said(), f'efi: {total} ran', 'what the program carries')
    wait_for(lambda: guest.proc.poll() is not None, 'power off', seconds=30)


run([ipxe, ovmf])
