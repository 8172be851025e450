#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# run-on: tree
#
# The RPM packages: built, the same as Debian's (which deb.sh tries), and installed, upgraded
# and removed by rpm, with their scripts and the modules that dkms builds, in a system that
# is thrown away. It has no packages of RPM, so what they depend on is only read.
# Prints KTAP, exits 0 if all is well.
cd "$(dirname "$0")/../.." || exit 1
. selftests/lib/ktap.sh
. selftests/lib/system.sh

# package NAME VERSION: its file in the overlay
package()
{
	echo "/tmp/$1-$2-1.noarch.rpm"
}

# unpacked DIR: what there is in an unpacked package, with its modes; without documents, and
# what Debian's Python has for itself
unpacked()
{
	find "$1" -name '*.gz' -type f -exec gunzip {} + &&
		find "$1" -name '*.gz' -type l -execdir sh -c 'ln -s "$(readlink "$0" | sed "s/\.gz$//")" "${0%.gz}" && rm "$0"' {} \; &&
		rm -rf "$1"/usr/share/{doc,licenses,lintian,python3} &&
		(cd "$1" && find . ! -type d -printf '%M %P\n' | sort)
}

# like_debian NAME: the same files with the same contents
like_debian()
{
	local rpm=$tmp/$1.rpm deb=$tmp/$1.deb
	mkdir "$rpm" "$deb" &&
		rpm2cpio "$root$(package "$1" "$version")" | (cd "$rpm" && cpio -idm --quiet) &&
		dpkg-deb -x "$root/tmp/$1_${version}_all.deb" "$deb" &&
		diff <(unpacked "$deb") <(unpacked "$rpm") && diff -r --no-dereference "$deb" "$rpm"
}

# asks NAME OPTION: what it requires or conflicts with, but for rpm's own features and the
# shell of its scripts
asks()
{
	rpm -qp "$2" "$root$(package "$1" "$version")" | grep -v -e '^rpmlib(' -e '^/bin/sh$' | sort -u
}

echo "KTAP version 1"
echo "1..7"

overlay && tools/rpm --here "$root/tmp" 2>"$tmp/out" && next_version "$tmp/new" &&
	"$tmp/new/tools/rpm" --here "$root/tmp" 2>"$tmp/out" &&
	[ "$(cd "$root/tmp" && echo *.rpm)" = "$(printf '%s ' vnic-"$version"{-1,.1-1}.src.rpm \
		vnic-{dkms,tools,vf-dkms}-"$version"{-1,.1-1}.noarch.rpm | xargs -n 1 | sort | xargs)" ] &&
	rpm -K --nosignature "$root/tmp"/*.rpm >"$tmp/out" && ! grep -v 'digests OK$' "$tmp/out"
check $? "packages are built, of this version and of a newer one"

tools/deb --here "$root/tmp" 2>"$tmp/out" && for name in vnic-dkms vnic-vf-dkms vnic-tools; do
	like_debian $name >"$tmp/out" 2>&1 || break
done && [ ! -s "$tmp/out" ]
check $? "they have Debian's files, with the same contents"

[ "$(asks vnic-dkms --requires; asks vnic-dkms --conflicts)" = "dkms
vnic-vf-dkms" ] && [ "$(asks vnic-vf-dkms --requires; asks vnic-vf-dkms --conflicts)" = "dkms
vnic-dkms" ] && [ "$(asks vnic-tools --requires)" = "(iproute or iproute2)
/usr/bin/python3
python3 >= 3.11" ]
check $? "what they depend on, and host's and guest's modules do not go together"

# Which systems with RPM have anyway.
mkdir -p "$root"/usr/share/{licenses,man/man5,man/man8} && files >"$tmp/before"
kernel "$newest" gone
in_root rpm -i --nodeps "$(package vnic-vf-dkms "$version")" "$(package vnic-tools "$version")" &&
	modules "$stable" "$version" vnic-vf && prints "vnic $version" vnic --version
check $? "installed: vnic-vf is built for the kernel that has headers, and vnic runs"

kernel "$newest" there
in_root rpm -U --nodeps "$(package vnic-vf-dkms "$version.1")" "$(package vnic-tools "$version.1")" &&
	modules "$newest" "$version.1" vnic-vf && modules "$stable" "$version.1" vnic-vf &&
	[ ! -e "$root/usr/src/vnic-vf-$version" ] && [ ! -e "$root/var/lib/dkms/vnic-vf/$version" ] &&
	prints "vnic $version.1" vnic --version
check $? "upgraded: modules for both kernels, of the older version nothing is left"

in_root rpm -e vnic-vf-dkms vnic-tools && modules "$newest" "" && modules "$stable" "" &&
	files | diff "$tmp/before" - >"$tmp/out"
check $? "removed: no file is left"

kernel "$stable" gone
kernel "$newest" gone
in_root rpm -i --nodeps "$(package vnic-dkms "$version")" && modules "$stable" "" &&
	prints "vnic/$version: added" dkms status && prints "vnic-pf" cat /usr/lib/modules-load.d/vnic.conf
check $? "vnic-dkms without any headers is installed all the same, and its modules wait for them"
exit $failed
