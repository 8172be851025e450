# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the scripts here have in common. Sourced behind ../vm/lib.sh.

# shellcheck disable=SC2034 # for who sources this
TRIES=8		# machines: many a guest hangs, see Documentation/performance.rst

# build_plugin TREE DIR: plugin.so in DIR/bin, by the tree's compiler; counts, and ends a
# machine in which a guest hangs.
build_plugin()
{
	mkdir -p "$2/bin"
	in_tree "$1" "$2" gcc -O2 -Wall -Wextra -shared -fPIC -fvisibility=hidden \
		-o /log/bin/plugin.so /vnic/tools/bench/plugin.c
}
