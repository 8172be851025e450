# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# What the dkms.conf of both packages have in common, which are in bash and sourced, with
# $kernel_source_dir. The caller has set $make, the target of our Makefile, and $parts,
# VNIC_PARTS of drivers/options.mk.

# Stripped anyway: without debugging information and BTF, which Debian's headers can't have.
MAKE[0]="make KDIR=$kernel_source_dir CONFIG_DEBUG_INFO= CONFIG_DEBUG_INFO_BTF_MODULES= $make"
CLEAN="make clean"
AUTOINSTALL="yes"
BUILD_EXCLUSIVE_ARCH="^x86_64$"
BUILD_EXCLUSIVE_KERNEL="^(6\.(1[2-9]|[2-9][0-9])|[7-9]|[1-9][0-9])[.-]"	# 6.12 or newer

# The modules that this kernel can have. dkms asks for those of a kernel whose headers are
# gone, too, to remove them: then all.
vnic_config=$kernel_source_dir/include/config/auto.conf
vnic_modules="vnic-vf vnic-iommu vnic-pf vnic-vfio-pci"
[ -z "$parts" ] || vnic_modules="vnic-vf"
if [ -e "$vnic_config" ]; then
	vnic_modules=$(make -s -f - VNIC_PARTS="$parts" <<-EOF
		include $vnic_config
		include ${BASH_SOURCE[0]%/*}/../drivers/options.mk
		all:; @echo \$(vnic-built)
	EOF
	)
	[ -n "$vnic_modules" ] || BUILD_EXCLUSIVE_KERNEL="^none$"
fi
vnic_n=0
for vnic_module in ${vnic_modules:-vnic-vf}; do
	BUILT_MODULE_NAME[vnic_n]=$vnic_module
	BUILT_MODULE_LOCATION[vnic_n]=drivers/${vnic_module/vfio-pci/pf}
	DEST_MODULE_LOCATION[vnic_n]=/updates/dkms
	vnic_n=$((vnic_n + 1))
done
