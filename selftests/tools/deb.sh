#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# run-on: tree
#
# The Debian packages in a system that is thrown away, an overlay of the tree: built,
# installed with apt, the modules built by dkms for all kernels, also one that comes later,
# upgrade, purge.
# Prints KTAP, exits 0 if all is well.
cd "$(dirname "$0")/../.." || exit 1
. selftests/lib/ktap.sh
. selftests/lib/system.sh

# package NAME VERSION: its file in the overlay
package()
{
	echo "/tmp/$1_$2_all.deb"
}

# conf CONFIG-LINE...: what dkms.conf says for a kernel with these options
conf()
{
	mkdir -p "$root/tmp/kernel/include/config"
	printf '%s\n' "$@" >"$root/tmp/kernel/include/config/auto.conf"
	# shellcheck disable=SC2016 # expanded in the overlay
	in_root bash -c 'kernel_source_dir=/tmp/kernel
		. /usr/src/vnic-$1/dkms.conf
		for i in ${!BUILT_MODULE_NAME[*]}; do
			echo "${BUILT_MODULE_LOCATION[i]}/${BUILT_MODULE_NAME[i]}"
		done | sort | xargs
		for kernel in 6.1.0-9 6.11.9 6.12.1 6.20-1 7.3.4 10.0; do
			[[ ! $kernel =~ $BUILD_EXCLUSIVE_KERNEL ]] || echo "$kernel"
		done | xargs' - "$version"
}

# host_modules VERSION KERNEL...: all four are there for each of these kernels
host_modules()
{
	local expected=$1 kernel
	shift
	for kernel; do
		modules "$kernel" "$expected" vnic-iommu vnic-pf vnic-vf vnic-vfio-pci || return
	done
}

# nothing_of NAME VERSION: no source for dkms, and nothing that it keeps
nothing_of()
{
	[ ! -e "$root/usr/src/$1-$2" ] && [ ! -e "$root/var/lib/dkms/$1/$2" ]
}

# completes LINE WORD...: what bash offers there
completes()
{
	local line=$1
	shift
	# shellcheck disable=SC2016 # expanded in the overlay
	prints "$*" bash -c '. /usr/share/bash-completion/completions/vnic
		COMP_LINE=$1 COMP_POINT=${#1}
		read -ra COMP_WORDS <<<"$1"
		[[ $1 != *" " ]] || COMP_WORDS+=("")
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		_vnic
		echo "${COMPREPLY[@]}"' - "$line"
}

# options_complete COMMAND: all that its help names in full
options_complete()
{
	in_root vnic "$@" --help || return
	# shellcheck disable=SC2046 # words
	completes "vnic $* --" $(grep -oE '^  .*' "$tmp/out" | grep -oE -e '^  (-[a-z], |-[a-z] [A-Z]+, )?--[a-z]+' |
		grep -oE -e '--[a-z]+')
}

all_options_complete()
{
	local command
	for command in $commands; do options_complete "$command" || return; done
}

echo "KTAP version 1"
echo "1..17"

overlay && tools/deb --here "$root/tmp" 2>"$tmp/out" && for newer in "$version".{1,2}; do
	next_version "$tmp/new" "$newer" && "$tmp/new/tools/deb" --here "$root/tmp" 2>"$tmp/out" || break
done && [ "$(cd "$root/tmp" && echo *.deb | xargs -n 1 | sed 's/_.*//' | uniq -c | xargs)" = \
	"3 vnic-dkms 3 vnic-tools 3 vnic-vf-dkms" ]
check $? "packages are built, of this version and of two newer ones"

lintian --fail-on error,warning "$root/tmp/"*"_${version}_all.deb" >"$tmp/out" 2>&1
check $? "lintian has neither errors nor warnings"

# What has one module only is tried with that, to be quick.
files >"$tmp/before"
kernel "$newest" gone
in_root apt-get -y install "$(package vnic-vf-dkms "$version")" && modules "$stable" "$version" vnic-vf &&
	in_root modinfo -k "$stable" -F signer vnic-vf && [ -s "$tmp/out" ]
check $? "vnic-vf-dkms: vnic-vf is there, signed, and nothing else"

kernel "$newest" there
in_root apt-get -y install "$(package vnic-vf-dkms "$version.1")" &&
	modules "$newest" "$version.1" vnic-vf && modules "$stable" "$version.1" vnic-vf &&
	nothing_of vnic-vf "$version"
check $? "upgraded: the module is the newer one, of the older one nothing is left"

in_root apt-get -y remove vnic-vf-dkms && modules "$newest" "" && modules "$stable" "" &&
	! in_root modinfo -k "$newest" vnic-vf
check $? "removed: no module is left"

# For all kernels, of newer versions with nothing in the modules.
in_root apt-get -y install "$(package vnic-dkms "$version.1")" && host_modules "$version.1" "$stable" "$newest"
check $? "vnic-dkms: four modules for each of two kernels"

in_root /etc/kernel/postinst.d/dkms "$cloud" && modules "$cloud" "" && kernel "$cloud" there &&
	in_root linux-run-hooks headers postinst "$cloud" -- configure && host_modules "$version.1" "$cloud"
check $? "another kernel is installed: they are built for it, too, as soon as its headers are there"

in_root apt-get -y install "$(package vnic-dkms "$version.2")" &&
	host_modules "$version.2" "$stable" "$cloud" "$newest" && nothing_of vnic "$version.1"
check $? "upgraded: they are the newer ones for all kernels, of the older ones nothing is left"

kernel "$cloud" gone
in_root apt-get -y remove vnic-dkms && modules "$stable" "" && modules "$cloud" "" && modules "$newest" ""
check $? "removed: no module is left, not for a kernel either whose headers are gone"

kernel "$stable" gone
in_root apt-get -y install "$(package vnic-dkms "$version")" "$(package vnic-tools "$version")" &&
	host_modules "$version" "$newest" && modules "$stable" "" && prints "vnic-pf" cat /usr/lib/modules-load.d/vnic.conf &&
	in_root systemd-hwdb query pci:v0000766Ed00001000sv &&
	grep -qx ID_VENDOR_FROM_DATABASE=vnic "$tmp/out" && grep -q ^ID_MODEL_ "$tmp/out"
check $? "vnic-dkms as it is: the same, vnic-pf is loaded at boot, and udev knows its name"
kernel "$stable" there

in_root apt-get -y --download-only install "$(package vnic-vf-dkms "$version")" &&
	grep -A 1 'REMOVED:$' "$tmp/out" | grep -qx '  vnic-dkms'
check $? "host's and guest's modules do not go together"

prints "vnic $version" vnic --version && prints "$version" dpkg-query -W -f '${Version}' vnic-dkms &&
	in_root vnic apply --help && grep -q max_tx_rate "$tmp/out" &&
	in_root grep '^Exec.*=/usr/sbin/vnic apply' /usr/lib/systemd/system/vnic{,-uplink,-vfs}.service &&
	[ -e "$root/usr/lib/udev/rules.d/90-vnic.rules" ]
check $? "vnic says the version of the packages, and finds its parts"

in_root man -w 8 vnic && in_root man -w 5 vnic.conf && in_root man -w 5 vnic.toml &&
	in_root sh -c 'man --warnings 8 vnic 2>&1 >/dev/null; man --warnings 5 vnic.conf 2>&1 >/dev/null' &&
	[ ! -s "$tmp/out" ]
check $? "vnic(8), vnic.conf(5) and vnic.toml(5) are manual pages without faults"

commands=$(sed -n 's/^    sub.*//; s/.*add_parser("\([a-z]*\)".*/\1/p; s/.*(("\(attach\)", .*/\1\ndetach/p' tools/vnic | sort | xargs)
completes "vnic " list drops top attach detach save apply &&
	[ "$(xargs -n 1 <"$tmp/out" | sort | xargs)" = "$commands" ] &&
	completes "vnic a" attach apply && completes "vnic attach --personality virtio" virtio virtio-split &&
	options_complete && all_options_complete
check $? "bash completes vnic's commands and all options"

conf CONFIG_{X86_64,NET,PCI_MSI,DIMLIB,PAGE_POOL,PCI_IOV,NET_DEVLINK,GRO_CELLS,IOMMU_API}=y &&
	[ "$(cat "$tmp/out")" = "drivers/vnic-iommu/vnic-iommu drivers/vnic-pf/vnic-pf drivers/vnic-vf/vnic-vf
6.12.1 6.20-1 7.3.4 10.0" ] && conf CONFIG_X86_64=y &&
	[ "$(cat "$tmp/out")" = drivers/vnic-vf/vnic-vf ]
check $? "a kernel without VFIO has the other modules, one without any or too old is left out"

in_root apt-get -y install "$(package vnic-tools "$version.1")" && prints "vnic $version.1" vnic --version
check $? "vnic is upgraded"

in_root apt-get -y purge vnic-dkms vnic-tools && files | diff "$tmp/before" - >"$tmp/out"
check $? "purged: no file is left"
exit $failed
