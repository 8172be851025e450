# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# Results of steps in the tree that take long and say much. Sourced after ktap.sh; what a
# step says is to be in $tmp/out.
[ -e /etc/vnic-kernels ] || { echo "Bail out! only for selftests/run"; exit 1; }

began=$SECONDS

# check STATUS NAME: a result, with its time, and with a failure the end of what was said last
check()
{
	local status=$1
	result "$status" "$2 # $((SECONDS - began)) s"
	[ "$status" = 0 ] || tail -n 25 "$tmp/out" | sed 's/^/# /'
	began=$SECONDS
}
