#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# run-on: tree
# proof: tree
#
# What `make` says when it cannot build, that help names every command, and that what `make
# test` runs is a part of all.
# Prints KTAP, exits 0 if all is well.
cd "$(dirname "$0")/../.." || exit 1
. selftests/lib/ktap.sh

echo "KTAP version 1"
echo "1..4"

# says PATTERN: make with KDIR=$tmp/kernel fails and says it
says()
{
	! make KDIR="$tmp/kernel" modules >"$tmp/out" 2>&1 && grep -q "$1" "$tmp/out"
}

says 'apt-get install linux-headers'
result $? "without kernel headers make says what to install"

mkdir "$tmp/kernel"
printf 'kernelversion:\n\t@echo 6.1.99\n' >"$tmp/kernel/Makefile"
says 'is Linux 6.1.99; vnic needs 6.12 or newer'
result $? "a kernel older than 6.12 is refused with both versions"

make help >"$tmp/help" 2>&1
bad=0
for target in $(sed -n 's/^\.PHONY: all help headers install-load install-names modules//p' Makefile); do
	grep -q "make $target " "$tmp/help" || bad=1
done
result $bad "make help names every command"

# Lines of both: KIND FILE, or KIND FILE:CASE,CASE.
selftests/run --list >"$tmp/proof" && selftests/run --all --list >"$tmp/all" &&
	[ -s "$tmp/proof" ] && awk '
		{ split($2, test, ":"); name = $1 " " test[1]; n = split(test[2], cases, ",") }
		NR == FNR { there[name] = 1; some[name] = n; for (i in cases) runs[name, cases[i]] = 1; next }
		!there[name] || (some[name] && !n) { bad = 1; print }
		some[name] { for (i in cases) if (!runs[name, cases[i]]) { bad = 1; print name, cases[i] } }
		END { exit bad }' "$tmp/all" "$tmp/proof"
result $? "the proof is a part of all tests"
exit $failed
