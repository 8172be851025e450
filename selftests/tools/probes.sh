#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# run-on: tree
#
# The build asks the kernel's headers, and says what it leaves out. Headers are Debian's
# with one thing changed; modules are empty, one with compat.h, to be quick.
# Prints KTAP, exits 0 if all is well.
vnic=$(cd "$(dirname "$0")/../.." && pwd)
. "$vnic/selftests/lib/empty.sh"
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
src=$tmp/src answers=$tmp/src/drivers/include/generated/probed.h
n=0 failed=0

# result STATUS NAME
result()
{
	n=$((n + 1))
	if [ "$1" = 0 ]; then echo "ok $n $2"; return; fi
	echo "not ok $n $2"
	sed 's/^/# /' "$tmp/out"
	failed=1
}

# farm FROM TO DIR: TO/DIR becomes a real directory of links to what is in FROM/DIR
farm()
{
	[ ! -L "$2/$3" ] || rm "$2/$3"
	mkdir -p "$2/$3"
	ln -s "$1/$3"/* "$2/$3/"
}

# headers PATTERN: Debian's headers of a kernel, as links, in $kernel and $kcommon
headers()
{
	# shellcheck disable=SC2086 # a pattern
	debian=$(printf '%s\n' /usr/src/linux-headers-$1-amd64 | head -n 1)
	common=${debian%amd64}common
	kernel=$tmp/kernel.$n
	kcommon=$tmp/common.$n
	for dir in . include include/generated; do farm "$debian" "$kernel" $dir; done
	rm "$kernel/include/config"
	mkdir "$kernel/include/config"
	cp "$debian"/include/config/[a-z]* "$kernel/include/config/"
	for dir in . include include/linux; do farm "$common" "$kcommon" $dir; done
	rm "$kernel/Makefile"
	sed "s,$debian,$kernel,; s,$common,$kcommon," "$debian/Makefile" >"$kernel/Makefile"
}

# edit FILE SED-SCRIPT: what was a link becomes a changed file
edit()
{
	sed "$2" "$1" >"$tmp/edited" && ! cmp -s "$tmp/edited" "$1" &&
		rm "$1" && mv "$tmp/edited" "$1"
}

# without OPTION: the kernel is configured without it
without()
{
	edit "$kernel/include/config/auto.conf" "/^CONFIG_$1=/d" &&
		edit "$kernel/include/generated/autoconf.h" "/^#define CONFIG_$1\(_MODULE\)\? /d"
}

# build [TARGET]...: our make, as quick as it gets
build()
{
	make -C "$src" KDIR="$kernel" CONFIG_DEBUG_INFO= CONFIG_DEBUG_INFO_BTF_MODULES= \
		"$@" >"$tmp/out" 2>&1
}

# says PATTERN: the last build said it, in one line
says()
{
	[ "$(grep -c "$1" "$tmp/out")" = 1 ]
}

# built MODULE...: these and no other
built()
{
	[ "$(sed 's,.*/,,; s/\.o$//' "$src/modules.order" | sort | xargs)" = "$*" ]
}

# has NAME ANSWER
has()
{
	grep -qx "#define VNIC_HAVE_$1 $2" "$answers"
}

mkdir -p "$src/tools" "$src/drivers" "$src/debian"
cp "$vnic/debian/changelog" "$src/debian/"
cp -r "$vnic/Makefile" "$vnic/Kbuild" "$vnic/uapi" "$src/"
cp -r "$vnic"/tools/vnic "$vnic"/tools/vnic?* "$vnic"/tools/*.hwdb "$vnic"/tools/*.rules \
	"$src/tools/"
cp -r "$vnic/drivers/probe" "$vnic/drivers/include" "$vnic/drivers/options.mk" "$src/drivers/"
rm -rf "$src/drivers/include/generated"
for dir in vnic-vf vnic-iommu vnic-pf; do
	empty_driver "$vnic/drivers/$dir" "$src/drivers/$dir"
done
echo '#include <compat.h>' >>"$src/drivers/vnic-vf/main.c"
# A compiler that tells how often it was asked, and one that calls itself clang
# and gives up after a few errors, as that does after 20
printf '#!/bin/sh\necho "$@" >>%s/cc.log\nexec gcc "$@"\n' "$tmp" >"$tmp/cc"
cat >"$tmp/clang" <<'END'
#!/bin/sh
[ "$*" != --version ] || exec echo 'Debian clang version 19.1.7 (3+b1)'
most=5
for arg; do
	shift
	case $arg in
	-ferror-limit=0) most=0 ;;
	--target=* | -fintegrated-as | -Werror=[uo]* | -Werror=ig*) ;;	# what the kernel gives clang
	*) set -- "$@" "$arg" ;;
	esac
done
exec gcc -fmax-errors=$most "$@"
END
chmod +x "$tmp/cc" "$tmp/clang"

# probed: how often probes were compiled since the last time
probed()
{
	grep -c -e -fsyntax-only "$tmp/cc.log"
	: >"$tmp/cc.log"
}

echo "KTAP version 1"
echo "1..13"

headers '6.12*'
build CC="$tmp/cc" && built vnic-iommu vnic-pf vnic-vf vnic-vfio-pci && has RXFH_FIELDS_OP 1 &&
	[ "$(probed)" = 2 ] && ! grep -q vnic: "$tmp/out"
result $? "Debian's headers: four modules, probes compiled in two parts"

build CC="$tmp/cc" && built vnic-iommu vnic-pf vnic-vf vnic-vfio-pci && [ "$(probed)" = 0 ]
result $? "the answers are kept: no probe is compiled again"

build vf CC="$tmp/clang" && ! grep -q vnic: "$tmp/out"
result $? "a compiler that stops at a few errors is asked to go on: nearly each probe has one"

edit "$kcommon/include/linux/ethtool.h" \
	'/^struct ethtool_rxfh_fields {/,/^};/d; /(\*[gs]et_rxfh_fields)/,/;$/d' &&
	build vf CC="$tmp/cc" && [ "$(probed)" = 2 ] && has RXFH_FIELDS_OP 0
result $? "a header changed, its version did not: asked again, and the answer changes"

headers '6.12*'
edit "$kcommon/include/linux/ethtool.h" '/(\*get_rxfh_fields)/,/;$/d' &&
	! build && says 'vnic: neither .*/have/rxfh_fields_op.c nor lack/rxfh_fields_op.c' &&
	grep -q 'error:' "$tmp/out" && [ ! -e "$answers" ]
result $? "a form that nobody thought of is an error and not 'absent'"

headers '6.12*'
edit "$kcommon/include/linux/hrtimer.h" '1i int broken = ;' &&
	! build && grep -q 'hrtimer.h:.*error:' "$tmp/out" && says "vnic: the kernel headers in $kernel do not compile" &&
	[ ! -e "$answers" ]
result $? "headers that do not compile are named"

headers '6.12*'
rm "$kernel/Module.symvers"
! build && says "vnic: $kernel has no Module.symvers"
result $? "missing Module.symvers is said"

headers '6.12*'
without PCI_IOV &&
	make -C "$kernel" M="$src" CONFIG_DEBUG_INFO= CONFIG_DEBUG_INFO_BTF_MODULES= modules \
		>"$tmp/out" 2>&1 && built vnic-vf &&
	says 'vnic: .*CONFIG_PCI_IOV (virtual functions).*not built: vnic-iommu vnic-pf vnic-vfio-pci$'
result $? "without PCI_IOV the kernel's own make says so in a line, and builds vnic-vf"

headers '6.12*'
root=$tmp/root/lib/modules/$(cat "$kernel/include/config/kernel.release")/updates
mkdir -p "$root"
touch "$root/vnic-vfio-pci.ko"
without VFIO && build install DESTDIR="$tmp/root" && built vnic-iommu vnic-pf vnic-vf &&
	says 'vnic: .*CONFIG_VFIO (VFs in virtual machines).*not built: vnic-vfio-pci$' &&
	[ "$(ls -m "$root")" = 'vnic-iommu.ko, vnic-pf.ko, vnic-vf.ko' ]
result $? "without VFIO: all others are built and installed, none of before stays"

other=$tmp/other/opt etc=$tmp/other/etc
build install DESTDIR="$tmp/other" PREFIX=/opt &&
	"$other/sbin/vnic" apply --help | grep -q max_tx_rate &&
	[ "$("$other/sbin/vnic" --version)" = "$("$vnic/tools/vnic" --version)" ] &&
	[ "$(cat "$etc"/systemd/system/vnic*.service | grep -c '^Exec.*=/opt/sbin/vnic apply ')" = 4 ] &&
	[ "$(cat "$etc/modules-load.d/vnic.conf")" = vnic-pf ] && [ -s "$etc/udev/hwdb.d/20-vnic.hwdb" ] &&
	rm "$kernel/Makefile" && build uninstall DESTDIR="$tmp/other" PREFIX=/opt && [ -z "$(find "$tmp/other" -type f)" ]
result $? "vnic is installed where its unit looks, and what others read where they do; no file is left"

headers '6.12*'
build uninstall DESTDIR="$tmp/root" && [ -z "$(ls "$root")" ] &&
	without PCI_IOV && without NET_DEVLINK && build install-vf DESTDIR="$tmp/root" &&
	built vnic-vf && ! grep -q vnic: "$tmp/out" && [ "$(ls "$root")" = vnic-vf.ko ]
result $? "make install-vf builds and installs vnic-vf only, for a guest's kernel, too"

without PAGE_POOL && ! build vf && says 'vnic: .*CONFIG_PAGE_POOL .*not built: vnic-vf$' &&
	says 'vnic: nothing is left to build'
result $? "nothing to build is an error"

# Of the newest kernel's modules only the answers matter: its tools want more than is here.
headers '[7-9].*'
build vf
has EMUL_DOMAIN_NR 1 && edit "$kernel/Module.symvers" '/\tpci_bus_release_emul_domain_nr\t/d' && {
	build vf
	has EMUL_DOMAIN_NR 0
}
result $? "what modules may not use counts as absent"
exit $failed
