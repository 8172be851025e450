# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0
#
# What the scripts of tools/vm have in common: messages, the cache's place, locks.
# Sourced, never run.

VM_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
VM_TOP=$(cd "$VM_DIR/../.." && pwd)
VM_NAME=$(basename "$0")
VM_CACHE=${VNIC_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/vnic}

# Standard output belongs to results (paths, a command's output), so progress goes to
# standard error.
say()
{
	printf '%s %s: %s\n' "$(date +%H:%M:%S)" "$VM_NAME" "$*" >&2
}

die()
{
	printf '%s: error: %s\n' "$VM_NAME" "$*" >&2
	exit 1
}

need_root()
{
	[ "$(id -u)" -eq 0 ] || die "must run as root (chroot, mounts and packages need it)"
}

# usage: the comment at the head of the calling script is its help text.
usage()
{
	awk 'NR < 3 { next } !/^#/ { exit } { sub(/^# ?/, ""); print }' "$0"
}

# with_progress TEXT COMMAND...: runs it with its output in a file, says every 20 s that
# it is still at it (in 100 columns), and shows the file's end when it fails.
with_progress()
{
	local text=$1 log pid rc=0 start=$SECONDS tick=0
	shift
	log=$(mktemp "${TMPDIR:-/tmp}/vnic-$VM_NAME.XXXXXX")
	say "$text ..."
	"$@" >"$log" 2>&1 &
	pid=$!
	# shellcheck disable=SC2064
	trap "kill $pid 2>/dev/null; rm -f '$log'; exit 130" INT TERM
	while kill -0 "$pid" 2>/dev/null; do
		sleep 0.2
		tick=$((tick + 1))
		[ $((tick % 100)) -ne 0 ] ||
			say "$(echo "$text: $((SECONDS - start)) s; $(tail -n 1 "$log")" |
				cut -c "1-$((89 - ${#VM_NAME}))")"
	done
	wait "$pid" || rc=$?
	trap - INT TERM
	if [ "$rc" -ne 0 ]; then
		tail -n 40 "$log" >&2
		say "$text: failed with status $rc after $((SECONDS - start)) s"
	else
		say "$text: done in $((SECONDS - start)) s"
	fi
	rm -f "$log"
	return "$rc"
}

# lock NAME: holds the cache's lock of that name until this process ends.
lock()
{
	local fd
	mkdir -p "$VM_CACHE/locks"
	exec {fd}>"$VM_CACHE/locks/$1"
	if ! flock -n "$fd"; then
		say "waiting for another process that holds the lock $1 ..."
		flock "$fd"
	fi
	LOCK_FD=$fd
}

unlock()
{
	exec {LOCK_FD}>&-
}

# versions TREE ROLE...: in a line, what the mirror served when the tree was made: these
# kernels, and QEMU.
versions()
{
	local tree=$1 role
	shift
	for role; do
		printf 'Linux %s (%s), ' "$(kernel_version "$tree" "$role")" "$role"
	done
	printf 'QEMU %s\n' "$(kernel_version "$tree" qemu)"
}

# built_here KERNEL: it is no package of the tree but made by tools/vm/debug-kernel.
built_here()
{
	[ "$1" = debug ] || [ "$1" = kcsan ]
}

# kernel_version TREE ROLE: the release string of a kernel of the tree, or QEMU's version.
kernel_version()
{
	awk -v role="$2" '$1 == role { print $2 }' "$1/etc/vnic-kernels"
}

# in_tree TREE LOG COMMAND...: in the Debian tree TREE, with this checkout at /vnic and the
# directory LOG at /log.
in_tree()
{
	# shellcheck disable=SC2016 # expanded by the inner shell
	unshare -m --propagation private bash -c '
		mount --bind "$1" "$2/vnic" && mount --bind "$3" "$2/log" &&
		mount -t tmpfs tmp "$2/tmp" && mount --bind /dev "$2/dev" &&
		mount -t proc proc "$2/proc" || exit
		tree=$2
		shift 3
		exec chroot "$tree" "$@"
	' - "$VM_TOP" "$@"
}

# replaced_report FILE: how many machines were replaced, and how many guests started again,
# and why (the file has what tools/vm/run put into $VNIC_REPLACED); false if too many.
replaced_report()
{
	local machines guests
	machines=$(grep -c '^machine ' "$1" 2>/dev/null) || true
	guests=$(grep -c '^guest ' "$1" 2>/dev/null) || true
	echo "${machines:-0} machines replaced, ${guests:-0} guests started again"
	sed 's/^/  /' "$1" 2>/dev/null || true
	[ "${machines:-0}" -le 1 ]
}

# checkout_files DIR: the files of this checkout go there, but what is built.
checkout_files()
{
	(cd "$VM_TOP" && find . \( -name .git -o -path ./dist -o -path ./drivers/include/generated \
		-o -name __pycache__ \) -prune -o -type f ! -name '*.o' ! -name '*.ko' \
		! -name '*.mod' ! -name '*.mod.c' ! -name '.*.cmd' ! -name Module.symvers \
		! -name modules.order -print0 | tar -c --null -T -) | tar -x -C "$1"
}
