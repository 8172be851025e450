# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
#
# Drivers with nothing in them, to be quick where the way to a module is what is tried.

# empty_driver FROM TO: the modules of a folder of drivers/, each of an empty main.c
empty_driver()
{
	for part in . vfio; do
		[ -e "$1/$part/main.c" ] || continue
		mkdir -p "$2/$part"
		printf '#include <linux/module.h>\nMODULE_%s;\nMODULE_%s;\nMODULE_%s;\n' \
			'DESCRIPTION("empty")' 'LICENSE("GPL")' 'VERSION(VNIC_RELEASE)' >"$2/$part/main.c"
	done
	sed -e 's,^\(vnic-[a-z-]*-y :=\).* \?\(\<\(vfio/\)\?main.o\).*,\1 \2,' -e '/^vnic-[^ ]* +=/d' \
		"$1/Kbuild" >"$2/Kbuild"
}
