#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# run-on: tree
#
# How busy a transmit queue is under a synthetic clock, and proof that the test can fail:
# it is run once more with each of several broken load.c. Prints KTAP, exits 0 if all is
# well. Needs a C compiler only (CC, default gcc). A few seconds.
set -u
here=$(cd "$(dirname "$0")" && pwd)
model=$here/../../drivers/vnic-pf/model
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

# build LOAD.C PROGRAM
build() {
	"${CC:-gcc}" -O2 -Wall -Wextra -Wno-sign-compare -I"$here/../lib/include" \
		-I"$here/../../uapi" -I"$model" "$here/load_test.c" "$1" -o "$2"
}

# Each line breaks it in one way: name|sed expression
mutants() {
	cat <<'END'
never looks|s/load->gap > VNIC_LOAD_DELAY \/ 2/1/
looks for ever|s/^#define VNIC_LOAD_MISS.*/#define VNIC_LOAD_MISS 1000000/
gives up at the first miss|s/^#define VNIC_LOAD_MISS.*/#define VNIC_LOAD_MISS 1/
looks too late|s/min_t(u64, VNIC_LOAD_BATCH \* load->gap, VNIC_LOAD_DELAY)/10 * VNIC_LOAD_DELAY/
looks too often|s/^#define VNIC_LOAD_BATCH.*/#define VNIC_LOAD_BATCH 16/
does not learn from requests|s/min(2 \* load->need, VNIC_LOAD_NEED)/load->need/
never forgets|s/load->need = VNIC_LOAD_BUSY;/;/
takes a frame for a stream|s/frames >= VNIC_LOAD_WORTH ||/frames ||/
does not see large frames|s/^#define VNIC_LOAD_LARGE.*/#define VNIC_LOAD_LARGE 1000000000/
takes all frames for large|s/^#define VNIC_LOAD_LARGE.*/#define VNIC_LOAD_LARGE 1/
makes every queue busy|s/since < (u64)load->took \* VNIC_LOAD_SHARE/true/
END
}

build "$model/load.c" "$tmp/load" || { echo 'Bail out! the test does not compile'; exit 1; }
"$tmp/load" >"$tmp/out"
failed=$?
grep -v '^1\.\.' "$tmp/out"
n=$(grep -Ec '^(not )?ok ' "$tmp/out")
[ "$n" -gt 0 ] || failed=1

mutants >"$tmp/mutants"
while IFS='|' read -r name broken; do
	n=$((n + 1))
	sed "$broken" "$model/load.c" >"$tmp/load.c"
	if cmp -s "$model/load.c" "$tmp/load.c" ||
	   ! build "$tmp/load.c" "$tmp/broken" 2>"$tmp/log" ||
	   timeout 60 "$tmp/broken" first >/dev/null; then
		failed=1
		echo "not ok $n one that $name is noticed"
	else
		echo "ok $n one that $name is noticed"
	fi
done <"$tmp/mutants"
echo "1..$n"
exit $((failed != 0))
