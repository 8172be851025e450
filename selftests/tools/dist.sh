#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# run-on: tree
#
# The release tarball of `make dist`: always the same, whole, and all that comes of it has its
# version. The tree has no git: selftests/run has made it, twice, in /log/dist.
# Prints KTAP, exits 0 if all is well.
cd "$(dirname "$0")/../.." || exit 1
. selftests/lib/ktap.sh
. selftests/lib/check.sh
. selftests/lib/empty.sh
. tools/vm/lib.sh

echo "KTAP version 1"
if [ ! -e /log/dist/files ]; then
	echo "1..1"
	echo "ok 1 make dist # SKIP this is no git repository"
	exit 0
fi
echo "1..4"

cmp /log/dist/{one,two}/*.tar.gz >"$tmp/out" 2>&1 && ! tar -tvf /log/dist/one/*.tar.gz |
	grep -v -e '^[d-]rwxr-xr-x root/root ' -e '^-rw-r--r-- root/root ' >"$tmp/out"
check $? "made by another user, with other settings and at another place, it is the same"

tar -C "$tmp" -xf /log/dist/one/*.tar.gz && src=$(echo "$tmp"/vnic-*) && [ -d "$src" ] &&
	diff <(sort /log/dist/files) <(cd "$src" && find . ! -type d -printf '%P\n' | sort) >"$tmp/out"
check $? "it has all that is committed, and nothing else"

# As it is only with nothing uncommitted; and deb.sh builds of these files.
mkdir "$tmp/checkout"
if [ -s /log/dist/changed ]; then
	result 0 "so it has what packages are built of # SKIP not all is committed here"
else
	checkout_files "$tmp/checkout" && diff -r -x '.checkpatch-*' "$tmp/checkout" "$src" >"$tmp/out" 2>&1
	check $? "so it has what packages are built of"
fi

# With nothing in the modules, to be quick.
release=$(awk '$1 == "stable" { print $2 }' /etc/vnic-kernels)
version=$(sed -n '1s/.*(\(.*\)).*/\1/p' "$src/debian/changelog")
for driver in vnic-iommu vnic-pf vnic-vf; do
	rm -r "${src:?}/drivers/$driver" && empty_driver "drivers/$driver" "$src/drivers/$driver" || break
done && make -C "$src" install KDIR="/lib/modules/$release/build" CONFIG_DEBUG_INFO= \
	CONFIG_DEBUG_INFO_BTF_MODULES= DESTDIR="$tmp/there" PREFIX=/usr >"$tmp/out" 2>&1 && {
	basename "$src"
	basename /log/dist/one/*.tar.gz .tar.gz
	"$tmp/there/usr/sbin/vnic" --version
	for module in "$tmp/there/lib/modules/$release/updates"/*.ko; do echo "vnic $(modinfo -F version "$module")"; done
} | tr - ' ' | uniq -c >"$tmp/out" && [ "$(xargs <"$tmp/out")" = "7 vnic $version" ]
check $? "make install in it: four modules and vnic, all of its version"
exit $failed
