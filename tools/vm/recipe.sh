# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0
#
# What the test machines' Debian tree is made of. Sourced by tools/vm/tree, which keys
# the tree by the hash of this file: any edit here makes a new tree at the next use.

# The suite is the tree's, whatever the host runs.
RECIPE_SUITE=trixie
RECIPE_KEYRINGS=/usr/share/keyrings

# From the suite itself: the LTS kernel and its flavours (rt is booted, too; cloud is only
# built for), what builds modules and a kernel, what tests use, what builds packages
# (dpdk-dev: dpdk-testpmd is in no smaller one; xdp-tools: xdp-filter).
RECIPE_PACKAGES=(
	linux-image-amd64 linux-headers-amd64 linux-source-6.12
	linux-image-rt-amd64 linux-headers-rt-amd64 linux-headers-cloud-amd64
	gcc make libc6-dev bc flex bison libelf-dev libssl-dev sparse cpio xz-utils zstd
	iproute2 ethtool iperf3 iputils-ping arping tcpdump socat pciutils
	kmod procps util-linux psmisc busybox-static jq file gnuplot-nox erofs-utils
	python3 python3-scapy python3-pyroute2 nginx wrk fping
	libvirt-daemon-driver-qemu libvirt-daemon-driver-network libvirt-daemon-driver-nodedev
	libvirt-clients
	debhelper dh-dkms dh-python dkms lintian rpm openssl
	ovmf dpdk dpdk-dev kexec-tools xdp-tools bpftool python3-yaml
	network-manager netplan.io libteam-utils lshw irqbalance
)

# From its backports: the newest kernel (the metapackages follow it) and QEMU. QEMU
# before 11 corrupts nested guests under software emulation.
RECIPE_BACKPORTS=(linux-image-amd64 linux-headers-amd64 qemu-system-x86)

# The suite before it, whose kernel guests run (a stock one that does not know vnic): that
# alone is taken from there, unpacked, and only if the mirror still has it.
RECIPE_OLDER=bookworm

# Files of packages that no test machine reads.
RECIPE_EXCLUDE=(
	'/usr/share/man/*' '/usr/share/locale/*' '/usr/share/info/*' '/usr/share/doc/*'
	'/lib/modules/*/kernel/drivers/gpu/*' '/lib/modules/*/kernel/sound/*'
	'/usr/lib/modules/*/kernel/drivers/gpu/*' '/usr/lib/modules/*/kernel/sound/*'
	'/usr/lib/modules/*/kernel/drivers/media/*'
	'/usr/lib/modules/*/kernel/drivers/net/wireless/*'
	'/usr/lib/x86_64-linux-gnu/librte_*.a' '/usr/include/dpdk/*' '/usr/bin/dpdk-test'
)

# Of the newest kernel's source: its own tests of drivers, what they stand on, and the
# programs of theirs that need nothing but a compiler. They go to usr/lib/kselftest.
RECIPE_KSELFTEST=(
	'*/tools/testing/selftests/drivers/net' '*/tools/testing/selftests/net/lib'
	'*/tools/testing/selftests/kselftest*.h' '*/tools/net/ynl' '*/Documentation/netlink/specs'
)
RECIPE_KSELFTEST_PROGRAMS=(drivers/net/napi_id_helper net/lib/{csum,xdp_helper})

# recipe_hook ROOT: what is done while the tree's apt can still fetch. The source is a
# package of 160 MB that is not installed, for 4 MB of it.
recipe_hook()
{
	local release name dir=$1/usr/lib/kselftest
	release=$(find "$1/usr/lib/modules" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort -V | tail -n 1)
	name=linux-source-$(cut -d. -f1,2 <<<"$release")
	mkdir -p "$dir"
	(
		cd "$dir"
		APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get -oAPT::Sandbox::User=root -t "$RECIPE_SUITE-backports" download "$name"
		dpkg-deb --fsys-tarfile "$name"_*.deb | tar -xO "./usr/src/$name.tar.xz" |
			tar -xJ --strip-components=1 --wildcards "${RECIPE_KSELFTEST[@]}"
		rm "$name"_*.deb
	)
}

# recipe_older ROOT: put the suite's kernel unpacked at ROOT/older where the others are.
recipe_older()
{
	local release
	release=$(ls "$1"/older/lib/modules)
	mv "$1/older/lib/modules/$release" "$1/usr/lib/modules/"
	mv "$1/older/boot/vmlinuz-$release" "$1/boot/"
	rm -rf "$1/older" "$1/usr/lib/modules/$release"/kernel/{drivers/{gpu,media},sound}
	rm -rf "$1/usr/lib/modules/$release/kernel/drivers/net/wireless"
	chroot "$1" depmod "$release"
	echo "oldstable $release" >>"$1/etc/vnic-kernels"
}

# recipe_finish ROOT: what is done to the tree after the packages are in.
recipe_finish()
{
	local root=$1 src=$1/usr/src name

	# Mount points of the test machine: its root is read-only where it matters.
	mkdir -p "$root"/{vnic,vnic-modules,vnic-guest,log,oldroot}

	# checkpatch.pl and kernel-doc are in no package but the source.
	mkdir -p "$src/linux-scripts"
	tar -C "$src/linux-scripts" --strip-components=1 --wildcards \
		-xf "$src"/linux-source-6.12.tar.xz \
		'*/scripts/checkpatch.pl' '*/scripts/spelling.txt' \
		'*/scripts/const_structs.checkpatch' '*/scripts/kernel-doc*' \
		'*/scripts/extract-vmlinux' '*/tools/testing/selftests/kselftest'

	for name in "${RECIPE_KSELFTEST_PROGRAMS[@]}"; do
		chroot "$root" gcc -O2 -I/usr/lib/kselftest/tools/testing/selftests \
			-o "/usr/lib/kselftest/tools/testing/selftests/$name"{,.c}
	done

	# The kernels by role: of the ordinary ones the lowest version is the stable one.
	# rt and cloud are the stable one's, should the newest one's have come along. That of
	# the suite before is no package of the tree.
	find "$root/usr/lib/modules" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort -V |
		awk '/-rt-/ { if (!rt++) print "rt", $1; next }
			/-cloud-/ { if (!cloud++) print "cloud", $1; next }
			!n++ { print "stable", $1 } { last = $1 } END { print "newest", last }' \
		>"$root/etc/vnic-kernels"
	[ ! -d "$root/older" ] || recipe_older "$root"
	chroot "$root" qemu-system-x86_64 --version | awk 'NR == 1 { print "qemu", $4 }' \
		>>"$root/etc/vnic-kernels"

	rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/*
	echo vnic >"$root/etc/hostname"
	printf '127.0.0.1 localhost vnic\n::1 localhost\n' >"$root/etc/hosts"
}
