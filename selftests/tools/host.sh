#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# run-on: tree
# proof: tree
#
# What tools/vm says when the host lacks something: a line each, before anything that
# takes long. Programs that ask the host are stubs here.
# Prints KTAP, exits 0 if all is well.
cd "$(dirname "$0")/../.." || exit 1
. selftests/lib/ktap.sh

# stub NAME: a program of that name, its text on standard input
stub()
{
	{ echo '#!/bin/sh'; cat; } >"$tmp/bin/$1"
	chmod +x "$tmp/bin/$1"
}

# host DISK-MB MEMORY-MB [LIMIT-MB]: a host that has so much and whose mirror answers
host()
{
	rm -rf "${tmp:?}/bin" "$tmp/host" "$tmp/asked"
	mkdir -p "$tmp/bin" "$tmp/host/proc" "$tmp/host/sys/fs/cgroup"
	echo "MemTotal: $(($2 * 1000000 / 1024 + 1)) kB" >"$tmp/host/proc/meminfo"
	[ -z "${3:-}" ] || echo "$(($3 * 1000000))" >"$tmp/host/sys/fs/cgroup/memory.max"
	echo "echo Filesystem; echo fs 9 9 $(($1 * 1000000 / 1024 + 1)) 9% /" | stub df
	echo "echo \"\$@\" >>$tmp/asked" | stub apt-helper
	stub apt-get </dev/null
	export VNIC_HOST_ROOT="$tmp/host" VNIC_CACHE="$tmp/cache/vnic"
}

# check ARGUMENT...: preflight; its lines in $tmp/out
check()
{
	PATH=$tmp/bin:$PATH tools/vm/preflight "$@" >"$tmp/out" 2>&1
}

# refused PATTERN ARGUMENT...: it fails with this line and no other
refused()
{
	pattern=$1
	shift
	! check "$@" && grep -q "^preflight: error: $pattern" "$tmp/out" &&
		[ "$(wc -l <"$tmp/out")" = 1 ]
}

echo "KTAP version 1"
echo "1..15"
new='--new-tree http://mirror.test/debian'

host 50000 8000
# shellcheck disable=SC2086 # words
check $new && [ ! -s "$tmp/out" ] && grep -q 'http://mirror.test/debian/dists/' "$tmp/asked"
result $? "nothing lacks: not a word, the mirror was asked"

host 3900 8000
# shellcheck disable=SC2086
refused "disk space: 3.9 GB free for $tmp/cache/vnic, 4.5 GB needed" $new
result $? "too little disk space for a new tree"

host 3900 8000
check && [ ! -s "$tmp/out" ] && [ ! -e "$tmp/asked" ]
result $? "with a tree that is enough, and the mirror is not asked"

host 600 8000
refused 'disk space: 0.6 GB free'
result $? "too little disk space for builds and logs"

host 50000 4900
refused 'memory: this host has 4.9 GB, a test machine needs one of 5.0 GB'
result $? "memory below 5 GB"

host 50000 5000
check && [ ! -s "$tmp/out" ]
result $? "5 GB of memory are enough"

host 50000 16000 2000
refused 'memory: this host has 2.0 GB'
result $? "a container's limit counts as its memory"

host 50000 8000
stub apt-helper <<'EOF'
echo "E: Failed to fetch $2  Could not resolve 'mirror.test'" >&2
echo 'E: Download Failed' >&2
exit 100
EOF
# shellcheck disable=SC2086
refused "package mirror: .* http://mirror.test/debian: Could not resolve 'mirror.test'" $new
result $? "a mirror that is not there, and why"

host 50000 8000
echo 'exit 124' | stub timeout
# shellcheck disable=SC2086
refused 'package mirror: .*: no answer in [0-9]* s' $new
result $? "a mirror that does not answer"

host 50000 8000
refused 'no Debian mirror found' --new-tree ''
result $? "a host without a mirror"

host 50000 8000
printf '# list\nhttp://listed.test/debian/\tpriority:1\n' >"$tmp/list"
check --new-tree "mirror+file:$tmp/list" &&
	grep -q 'http://listed.test/debian/dists/' "$tmp/asked"
result $? "of a list of mirrors the first is asked"

host 50000 8000
rm "$tmp/bin/apt-get"
mkdir "$tmp/usr"
ln -s /usr/bin/* "$tmp/usr/"
rm "$tmp"/usr/apt-*
! PATH=$tmp/bin:$tmp/usr tools/vm/preflight --new-tree http://mirror.test/debian \
	>"$tmp/out" 2>&1 && grep -q 'error: no apt-get' "$tmp/out"
result $? "a host without apt-get"

host 50000 8000
echo 'echo aarch64' | stub uname
refused 'the test machines need an x86-64 host, this is aarch64'
result $? "a host of another architecture"

# All that lacks at once, and no package is fetched; the status goes through.
host 100 1000
echo 'echo "E: nothing"; exit 100' | stub apt-helper
for program in apt-get mmdebstrap; do
	echo "echo $program >>$tmp/ran" | stub $program
done
bad=0
for command in tools/vm/tree 'tools/vm/build' 'tools/vm/run true' tools/demo/demo; do
	! PATH=$tmp/bin:$PATH $command >"$tmp/out" 2>&1 &&
		[ "$(grep -c '^preflight: error: ' "$tmp/out")" = 3 ] || bad=1
done
[ $bad = 0 ] && [ ! -e "$tmp/ran" ]
result $? "tree, build, run and demo say all that lacks before they fetch anything"

host 50000 8000
echo 'echo 1000' | stub id
! PATH=$tmp/bin:$PATH tools/demo/demo >"$tmp/out" 2>&1 && grep -q 'must run as root' "$tmp/out"
result $? "the demo needs root"
exit $failed
