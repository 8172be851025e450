#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# run-on: tree
# proof: tree
#
# tools/demo/repeat counts what passed and what was replaced; the demo is a stub.
# Prints KTAP, exits 0 if all is well.
cd "$(dirname "$0")/../.." || exit 1
. selftests/lib/ktap.sh

mkdir -p "$tmp/tools/demo" "$tmp/tools/vm"
cp tools/demo/repeat "$tmp/tools/demo/"
cp tools/vm/lib.sh "$tmp/tools/vm/"
export VNIC_CACHE="$tmp/cache"

# repeat DEMO ARGUMENT...: with the script DEMO as the demo; its output in $tmp/out
repeat()
{
	printf '#!/bin/sh\n%s\n' "$1" >"$tmp/tools/demo/demo"
	chmod +x "$tmp/tools/demo/demo"
	shift
	rm -f "$tmp/count"
	"$tmp/tools/demo/repeat" "$@" >"$tmp/out" 2>/dev/null
}

echo "KTAP version 1"
echo "1..4"

repeat 'echo all is well' 3 && grep -q '^run  3:  *[0-9]* s, passed$' "$tmp/out" &&
	grep -qx '3 of 3 runs passed, 0 machines replaced' "$tmp/out"
result $? "three runs that pass"

demo="echo x >>$tmp/count; [ \$(wc -l <$tmp/count) != 2 ] || exit 7"
! repeat "$demo" 3 && grep -q '^run  2: .*FAILED with status 7, see ' "$tmp/out" &&
	grep -qx '2 of 3 runs passed, 0 machines replaced' "$tmp/out"
result $? "one that fails: the rest runs, the status says so"

demo="echo x >>$tmp/count; echo \"done; \$(wc -l <$tmp/count) machines replaced\""
repeat "$demo" 2 && grep -q '^run  1: .*passed, 1 machine replaced$' "$tmp/out" &&
	grep -qx '2 of 2 runs passed, 3 machines replaced' "$tmp/out"
result $? "replaced machines are added up"

# shellcheck disable=SC2016 # expanded by the demo
repeat 'echo "kept $1"' 1 --some-option && grep -qx 'kept --some-option' "$tmp"/cache/log/*/1.log
result $? "options go to the demo, its output is kept"
exit $failed
