# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What runs a test machine, KVM or QEMU's emulation (TCG), and which KVM its guests get.
# Sourced, never run. A /dev/kvm says little: some cannot run a kernel, some let no
# machine nest. So a machine is booted in a few seconds and asked.

KVM_SECONDS=20	# a boot on a KVM that is of use takes 2 s

# kvm_module CPUINFO: the module for guests on a CPU that shows this, nothing if none does.
kvm_module()
{
	case $(grep -m1 -owE 'svm|vmx' "$1") in
	svm) echo kvm_amd ;;
	vmx) echo kvm_intel ;;
	esac
}

# probe_boot TREE BOOT [ACCEL [CPU]]: boots the machine's kernel with its initramfs, which
# says what it sees of the CPU and powers off. Prints its console; status 124: too slow.
probe_boot()
{
	# shellcheck disable=SC2016 # expanded by the inner shell
	timeout -k 2 "$KVM_SECONDS" unshare -m --propagation private bash -c '
		set -eu
		mount --bind /dev "$1/dev"
		mount -t tmpfs mnt "$1/mnt"
		mkdir "$1/mnt/boot"
		mount --bind "$2" "$1/mnt/boot"
		exec chroot "$1" qemu-system-x86_64 -nodefaults -no-user-config -display none \
			-no-reboot -M q35 -m 1G -accel "$3" -cpu "$4" \
			-kernel /mnt/boot/vmlinux -initrd /mnt/boot/machine.cpio \
			-append "console=ttyS0 panic=-1 oops=panic vnic.probe" -serial stdio
	' - "$1" "$2" "${3:-kvm}" "${4:-host}" </dev/null 2>&1
}

# choose_accel kvm|tcg|auto TREE BOOT: prints kvm or tcg, and says why where there was a
# choice. Status 1: kvm was asked for and is not to be had.
choose_accel()
{
	local out rc=0 why
	[ "$1" != tcg ] || { echo tcg; return 0; }
	if [ ! -e "${VNIC_HOST_ROOT:-}/dev/kvm" ]; then
		why="this host has no /dev/kvm"
	else
		out=$(probe_boot "$2" "$3") || rc=$?
		case $out in
		*'vnic-probe: svm'* | *'vnic-probe: vmx'*)
			say "the machine runs on this host's KVM"
			echo kvm
			return 0 ;;
		*'vnic-probe: '*) why="this host's KVM gives its machines neither svm nor vmx" ;;
		*)
			why="/dev/kvm runs no stock kernel"
			if [ "$rc" -eq 124 ] || [ "$rc" -eq 137 ]; then
				why+=" (not in $KVM_SECONDS s)"
			else
				why+=" ($(tail -n 1 <<<"$out" |
					sed 's,.* initialize kvm: ,,; s,\r,,' | cut -c 1-29))"
			fi ;;
		esac
	fi
	[ "$1" = auto ] || { say "$why"; return 1; }
	say "$why: the machine is emulated"
	echo tcg
}
