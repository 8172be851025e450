# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# For tests of the modules' pure code in user space: the test is run with the code as it
# is, and once more with each of several broken versions, which it must notice.
# Sourced by a run.sh. Prints KTAP. Needs a C compiler only (CC, default gcc).

lib=$(cd "$(dirname "$0")/../lib" && pwd)
root=$lib/../..

# run_broken CODE.C TEST.C SECONDS: CODE.C is a file of the modules, TEST.C its test, which
# with an argument ends at the first failure; a broken version runs for SECONDS at most.
# On standard input a line per broken version: name|sed expression. Returns 0 if all is well.
run_broken()
(
	code=$root/$1 test=$2 seconds=$3
	tmp=$(mktemp -d) || exit 1
	trap 'rm -rf --one-file-system "$tmp"' EXIT

	# compile ARGUMENT...
	compile() {
		"${CC:-gcc}" -O2 -Wall -Wextra -Wno-sign-compare -I"$lib/include" -I"$lib" \
			-I"$root/uapi" -I"$(dirname "$test")" -I"$(dirname "$code")" "$@"
	}

	# build CODE.C PROGRAM: with the test, which is compiled once
	build() {
		compile "$tmp/test.o" "$1" -o "$2"
	}

	cp "$code" "$tmp/code.c"
	if ! compile -c "$test" -o "$tmp/test.o" || ! build "$tmp/code.c" "$tmp/whole"; then
		echo 'Bail out! the test does not compile'
		exit 1
	fi
	"$tmp/whole" >"$tmp/out"
	failed=$?
	grep -v '^1\.\.' "$tmp/out"
	n=$(grep -Ec '^(not )?ok ' "$tmp/out")
	[ "$n" -gt 0 ] || failed=1

	while IFS='|' read -r name broken; do
		n=$((n + 1))
		sed "$broken" "$code" >"$tmp/code.c"
		if cmp -s "$code" "$tmp/code.c" ||
		   ! build "$tmp/code.c" "$tmp/broken" 2>"$tmp/log" ||
		   timeout "$seconds" "$tmp/broken" first >/dev/null; then
			failed=1
			echo "not ok $n one that $name is noticed"
		else
			echo "ok $n one that $name is noticed"
		fi
	done
	echo "1..$n"
	exit $((failed != 0))
)
