#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# run-on: tree
#
# The token bucket under a synthetic clock, and proof that the test can fail: it is run
# once more with each of several broken meters. Prints KTAP, exits 0 if all is well.
# Needs a C compiler only (CC, default gcc). About half a minute.
set -u
here=$(cd "$(dirname "$0")" && pwd)
switch=$here/../../drivers/vnic-pf/switch
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

# build METER.C PROGRAM
build() {
	"${CC:-gcc}" -O2 -Wall -Wextra -Wno-sign-compare -I"$here/../lib/include" -I"$switch" \
		"$here/meter_test.c" "$1" -o "$2"
}

# Each line breaks the meter in one way: name|sed expression
mutants() {
	cat <<'END'
earns one part in 50 too much|s/m->rate \* dt/m->rate * dt * 51 \/ 50/
earns one part in 50 too little|s/m->rate \* dt/m->rate * dt * 49 \/ 50/
rounds each time to microseconds|s/m->rate \* dt/m->rate * (dt - dt % 1000)/
has no bottom to the idle time|s/if (dt >= m->fill)/if (0)/
takes what is not there|s/m->tokens < (s64)(bytes \* VNIC_NANO)/m->tokens <= 0/
fills up when the rate changes|s/min_t(s64, m->tokens, full);/full;/
earns for a step back|s/now > m->last ? now - m->last : 0/now - m->last/
stops after a step back|s/^\tm->last = now;/\tm->last = now > m->last ? now : m->last;/
END
}

build "$switch/meter.c" "$tmp/meter" || { echo 'Bail out! the test does not compile'; exit 1; }
"$tmp/meter" >"$tmp/out"
failed=$?
grep -v '^1\.\.' "$tmp/out"
n=$(grep -Ec '^(not )?ok ' "$tmp/out")
[ "$n" -gt 0 ] || failed=1

mutants >"$tmp/mutants"
while IFS='|' read -r name broken; do
	n=$((n + 1))
	# a meter that never refuses would run for ever
	sed "$broken" "$switch/meter.c" >"$tmp/meter.c"
	if cmp -s "$switch/meter.c" "$tmp/meter.c" ||
	   ! build "$tmp/meter.c" "$tmp/broken" 2>"$tmp/log" ||
	   timeout 120 "$tmp/broken" first >/dev/null; then
		failed=1
		echo "not ok $n a meter that $name is noticed"
	else
		echo "ok $n a meter that $name is noticed"
	fi
done <"$tmp/mutants"
echo "1..$n"
exit $((failed != 0))
