# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# A system that packages are tried in and that is thrown away: an overlay of the tree, with
# two kernels of it, in $root. Sourced after ktap.sh.
. selftests/lib/check.sh
. selftests/lib/empty.sh

# shellcheck disable=SC2034 # for who sources this
version=$(sed -n '1s/.*(\(.*\)).*/\1/p' debian/changelog)
# shellcheck disable=SC2034
read -r stable cloud newest < <(awk '$1 ~ /^(stable|cloud|newest)$/ { print $2 }' /etc/vnic-kernels | xargs)
root=$tmp/root
# Nothing is removed at the end: $tmp is in the tmpfs that selftests/run mounts for the tree's
# tests, and goes with their mount namespace. With mounts below it, rm would follow them.
trap - EXIT
[ "$(stat -f -c %T "$tmp")" = tmpfs ] || { echo "Bail out! /tmp is not a tmpfs of the test's own"; exit 1; }

# in_root COMMAND...: in the overlay; what it says is in $tmp/out
in_root()
{
	chroot "$root" env LC_ALL=C DEBIAN_FRONTEND=noninteractive INITRD=No "$@" </dev/null \
		>"$tmp/out" 2>&1
}

# prints EXPECTED COMMAND...: exactly that
prints()
{
	local expected=$1
	shift
	in_root "$@" && [ "$(cat "$tmp/out")" = "$expected" ]
}

# devices DIR: the few that programs want. Not the host's /dev, which is no business of packages.
devices()
{
	mknod -m 666 "$1/null" c 1 3 && mknod -m 666 "$1/zero" c 1 5 && mknod -m 666 "$1/full" c 1 7 &&
		mknod -m 666 "$1/random" c 1 8 && mknod -m 666 "$1/urandom" c 1 9 &&
		ln -s /proc/self/fd "$1/fd"
}

# few_modules KERNEL: it has one of its own only, which says how they are compressed: depmod, which
# each module of ours brings about several times, would read all of them
few_modules()
{
	local dir=/lib/modules/$1/kernel
	mount -t tmpfs few "$root$dir" && cp "$dir"/drivers/net/dummy.ko* "$root$dir"
}

# overlay: a system without what was left out of the tree, and with two kernels; the headers of a
# third one, $cloud, are gone
overlay()
{
	local kernel
	mkdir -p "$tmp"/{upper,work,root}
	mount -t overlay overlay -o "lowerdir=/,upperdir=$tmp/upper,workdir=$tmp/work" "$root" &&
		mount -t proc proc "$root/proc" && mount -t tmpfs tmp "$root/tmp" &&
		mount -t tmpfs -o mode=755 dev "$root/dev" && devices "$root/dev" || return
	sed -i /path-exclude/d "$root"/etc/dpkg/dpkg.cfg.d/*
	rm "$root"/lib/modules/*-rt-*/build
	kernel "$cloud" gone
	for kernel in "$stable" "$cloud" "$newest"; do few_modules "$kernel" || return; done
}

# kernel KERNEL there|gone: its headers, as far as dkms looks
kernel()
{
	local link=$root/lib/modules/$1/build
	if [ "$2" = gone ]; then mv "$link" "$link.gone"; else mv "$link.gone" "$link"; fi
}

# modules KERNEL VERSION MODULE...: these are there for it, and no other, of that version
modules()
{
	local kernel=$1 expected=$2 module dir=$root/lib/modules/$1/updates/dkms
	shift 2
	[ "$(find "$dir" -name 'vnic*' -printf '%f\n' 2>/dev/null | sed 's/\.ko.*//' | sort | xargs)" = "$*" ] ||
		{ find "$root/lib/modules/$kernel/updates" >"$tmp/out" 2>&1; return 1; }
	for module; do
		prints "$expected" modinfo -k "$kernel" -F version "$module" || return
		[[ $(modinfo -b "$root" -k "$kernel" -n "$module") = */updates/dkms/* ]] || return
	done
}

# files: all paths of the overlay, but for logs and for what dpkg, rpm and dkms keep for
# themselves
files()
{
	find "$root" -xdev \( -path "$root/var/log" -o -path "$root/var/cache" -o -path "$root/tmp" \
		-o -path "$root/var/lib/dpkg" -o -path "$root/var/lib/apt" \
		-o -path "$root/var/lib/rpm" \
		-o -path "$root/usr/lib/python3*" -o -name 'mok.*' \) -prune -o -print | sort
}

# next_version DIR [VERSION]: the files of this checkout are there, of version $version.1 or that
# one; its drivers are empty: the real ones were built of the version before
next_version()
{
	local driver
	rm -rf "$1" && mkdir -p "$1" &&
		cp -r Makefile Kbuild README.md COPYING LICENSES drivers uapi tools debian vnic.spec Documentation "$1" ||
		return
	for driver in drivers/vnic-{iommu,pf,vf}; do
		rm -r "${1:?}/$driver" && empty_driver "$driver" "$1/$driver" || return
	done
	sed -i "1s/(.*)/(${2:-$version.1})/" "$1/debian/changelog"
}
