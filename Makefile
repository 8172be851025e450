# SPDX-License-Identifier: GPL-2.0
# What a user types.  The kernel's build system reads Kbuild instead.

KDIR     ?= /lib/modules/$(shell uname -r)/build
PREFIX   ?= /usr/local
DESTDIR  ?=
# make dist
DIST     ?= dist
UNITS    := vnic.service vnic-uplink.service vnic-vfs.service
MODULES  := vnic-pf vnic-vf vnic-iommu vnic-vfio-pci
# Of vnic: the newest in the changelog, which Kbuild and tools/vnic read, too.
VERSION  := $(shell sed -n '1s/.*(\(.*\)).*/\1/p' debian/changelog)
RELEASE   = $(shell cat '$(KDIR)/include/config/kernel.release' 2>/dev/null)
MODDIR    = $(DESTDIR)/lib/modules/$(RELEASE)/updates
LIBDIR    = $(DESTDIR)$(PREFIX)/lib/vnic
# Where systemd and udev look for such files: udev for names not in /usr/local
SYSTEMDIR = $(DESTDIR)$(if $(filter /usr /usr/local,$(PREFIX)),$(PREFIX)/lib,/etc)
UNITDIR   = $(SYSTEMDIR)/systemd/system
LOADDIR   = $(SYSTEMDIR)/modules-load.d
RULESDIR  = $(SYSTEMDIR)/udev/rules.d
HWDBDIR   = $(DESTDIR)$(if $(filter /usr,$(PREFIX)),/usr/lib,/etc)/udev/hwdb.d
MANDIR    = $(DESTDIR)$(PREFIX)/share/man
BASHDIR   = $(DESTDIR)$(PREFIX)/share/bash-completion/completions
# Where the distribution has udev's database, in /etc or /usr; without udev nobody asks it.
UPDATE_HWDB = if command -v systemd-hwdb >/dev/null; then \
	if [ -e /etc/udev/hwdb.bin ]; then systemd-hwdb update; else systemd-hwdb --usr update; fi; fi
MIN      := 6.12
# make chaos
SECONDS  ?= 1800
SEED     ?=
KERNEL   ?= stable
# make fuzz
TIME     ?= 300
REPLAY   ?=
FAULT    ?=

all: modules

help:
	@echo 'make                 build the modules for the running kernel (KDIR=<kernel build directory>: another)'
	@echo 'make install         install modules, and what install-tools does (PREFIX=$(PREFIX), DESTDIR=)'
	@echo 'make install-tools   install tools/vnic, its units, manuals and completion, and the uapi headers'
	@echo 'make vf              build vnic-vf only, for guests with native VFs'
	@echo 'make install-vf      install vnic-vf only'
	@echo 'make uninstall       remove them again'
	@echo 'make deb             build Debian packages into dist/ (as root; in the test machines'"'"' Debian tree)'
	@echo 'make rpm             build RPM packages into dist/ (as root; in the same tree)'
	@echo 'make dist            make the release tarball of what is committed, $(DIST)/vnic-$(VERSION).tar.gz (DIST=)'
	@echo 'make clean           remove what was built here'
	@echo 'make demo            show the main job in a test machine (as root; installs what it needs)'
	@echo 'make test            the proof: selftests in test machines, a quarter of an hour (as root; installs what it needs)'
	@echo 'make test ALL=1      all selftests'
	@echo 'make debug-kernel    build the kernel with KASAN, lockdep, kmemleak ... into the cache'
	@echo 'make test-debug      run the selftests on that kernel; any report fails'
	@echo 'make chaos           all that can be done to an adapter, at random under traffic (as root; SECONDS=1800, SEED=)'
	@echo 'make fuzz            fuzz a VF on the debug kernel, led by coverage (as root; TIME=300, SEED=, REPLAY=file, FAULT=name)'
	@echo 'make bench           measure what a packet costs, vnic and others (as root; an hour and more)'
	@echo 'make bench-check     the same for two VFs of the host only, and for requests; fails if they cost or wait more'
	@echo 'make evidence        show that VFs get what they were promised, whatever others do (as root)'
	@echo 'make check           sparse, W=1, checkpatch and kernel-doc over the sources, in the test tree'

# Headers there, and new enough?  A plain line instead of a compiler's error.
headers:
	@if [ ! -e '$(KDIR)/Makefile' ]; then \
		echo 'vnic: no kernel headers in $(KDIR).' >&2; \
		echo 'vnic: install them (Debian: apt-get install linux-headers-$(shell uname -r)), or give KDIR=<kernel build directory>.' >&2; \
		exit 1; \
	fi
	@v=`$(MAKE) -s -C '$(KDIR)' kernelversion 2>/dev/null | tail -n 1`; \
	if [ "`printf '%s\n' $(MIN) "$$v" | sort -V | head -n 1`" != '$(MIN)' ]; then \
		echo "vnic: $(KDIR) is Linux $$v; vnic needs $(MIN) or newer." >&2; \
		exit 1; \
	fi

# Which modules, and what is left out: drivers/options.mk.
modules: headers
	$(MAKE) -C '$(KDIR)' M='$(CURDIR)' VNIC_PARTS=all modules

vf: headers
	$(MAKE) -C '$(KDIR)' M='$(CURDIR)' VNIC_PARTS=vf modules

# What was built, and of an earlier build nothing that would not fit to it.
install: modules install-tools install-load install-names
	install -d '$(MODDIR)'
	for m in $(MODULES); do rm -f '$(MODDIR)'/$$m.ko; done
	install -m 644 `sed 's/o$$/ko/' modules.order` '$(MODDIR)'
	if [ -z '$(DESTDIR)' ]; then depmod '$(RELEASE)'; fi

install-tools:
	install -d '$(DESTDIR)$(PREFIX)/sbin' '$(LIBDIR)/vniclib' '$(UNITDIR)' '$(BASHDIR)' \
		'$(RULESDIR)' '$(MANDIR)/man5' '$(MANDIR)/man8' '$(DESTDIR)$(PREFIX)/include/vnic'
	install -m 755 tools/vnic '$(DESTDIR)$(PREFIX)/sbin/vnic'
	install -m 644 tools/vniclib/*.py '$(LIBDIR)/vniclib'
	echo 'RELEASE = "$(VERSION)"' >'$(LIBDIR)/vniclib/release.py'
	for u in $(UNITS); do sed 's,/usr/local/,$(PREFIX)/,' tools/$$u >'$(UNITDIR)'/$$u || exit; done
	install -m 644 tools/90-vnic.rules '$(RULESDIR)'
	install -m 644 tools/vnic.8 '$(MANDIR)/man8'
	install -m 644 tools/vnic.conf.5 '$(MANDIR)/man5'
	ln -sf vnic.conf.5 '$(MANDIR)/man5/vnic.toml.5'
	install -m 644 tools/vnic.bash-completion '$(BASHDIR)/vnic'
	install -m 644 uapi/vnic/*.h '$(DESTDIR)$(PREFIX)/include/vnic'

# The adapter is there from boot on.
install-load:
	install -d '$(LOADDIR)'
	echo vnic-pf >'$(LOADDIR)/vnic.conf'

# What lspci and others call PF and VFs.
install-names:
	install -d '$(HWDBDIR)'
	install -m 644 tools/20-vnic.hwdb '$(HWDBDIR)'
	if [ -z '$(DESTDIR)' ]; then $(UPDATE_HWDB); fi

install-vf: vf install-names
	install -d '$(MODDIR)'
	install -m 644 drivers/vnic-vf/vnic-vf.ko '$(MODDIR)'
	if [ -z '$(DESTDIR)' ]; then depmod '$(RELEASE)'; fi

# Needs no kernel headers, which may be gone; of all kernels.
uninstall:
	if [ -z '$(DESTDIR)' ] && command -v systemctl >/dev/null; then systemctl -q disable vnic || true; fi
	for m in $(MODULES); do rm -f '$(DESTDIR)'/lib/modules/*/updates/$$m.ko; done
	rm -f '$(DESTDIR)$(PREFIX)/sbin/vnic'
	rm -rf '$(LIBDIR)'
	for u in $(UNITS); do rm -f '$(UNITDIR)'/$$u; done
	rm -f '$(RULESDIR)/90-vnic.rules' '$(LOADDIR)/vnic.conf' '$(MANDIR)/man8/vnic.8' \
		'$(MANDIR)/man5/vnic.conf.5' '$(MANDIR)/man5/vnic.toml.5' '$(BASHDIR)/vnic' \
		'$(HWDBDIR)/20-vnic.hwdb'
	rm -rf '$(DESTDIR)$(PREFIX)/include/vnic'
	if [ -z '$(DESTDIR)' ]; then \
		for dir in /lib/modules/*/updates; do \
			dir=$${dir%/updates}; if [ -e "$$dir/modules.order" ]; then depmod "$${dir##*/}"; fi; \
		done; \
		$(UPDATE_HWDB); \
	fi

# Needs no kernel headers.
clean:
	find . -path ./.git -prune -o \( -name '*.o' -o -name '*.ko' -o -name '*.mod' -o -name '*.mod.c' \
		-o -name '.*.cmd' -o -name modules.order -o -name Module.symvers \) -exec rm -f {} +
	rm -rf drivers/include/generated

deb:
	tools/deb

rpm:
	tools/rpm

# The same for everybody, whatever git was told of modes.
dist:
	install -d '$(DIST)'
	git -c tar.umask=0022 archive --prefix='vnic-$(VERSION)/' -o '$(DIST)/vnic-$(VERSION).tar.gz' HEAD
	@echo '$(DIST)/vnic-$(VERSION).tar.gz'

demo:
	tools/demo/demo

test:
	selftests/run $(if $(ALL),--all)

test-debug:
	selftests/run --debug

chaos:
	selftests/chaos --seconds '$(SECONDS)' --seed '$(SEED)' --kernel '$(KERNEL)'

fuzz:
	selftests/fuzz --seconds '$(TIME)' --seed '$(or $(SEED),1)' $(if $(REPLAY),--replay '$(REPLAY)') $(if $(FAULT),--fault '$(FAULT)')

debug-kernel:
	tools/vm/debug-kernel

bench:
	tools/bench/run

bench-check:
	tools/bench/run --check
	tools/bench/evidence loops --check

evidence:
	tools/bench/evidence

check:
	tools/check

.PHONY: all help headers install-load install-names modules vf install install-tools install-vf uninstall clean deb rpm dist demo test test-debug chaos fuzz debug-kernel bench bench-check evidence check
