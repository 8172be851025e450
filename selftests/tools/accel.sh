#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# run-on: tree
# proof: tree
#
# When a test machine runs on the host's KVM, and what is said when it does not. The host
# and the emulator are stubs.
# Prints KTAP, exits 0 if all is well.
cd "$(dirname "$0")/../.." || exit 1
. selftests/lib/ktap.sh
export VNIC_HOST_ROOT=$tmp/host VNIC_CACHE=$tmp/cache
. tools/vm/lib.sh
. tools/vm/accel.sh
# shellcheck disable=SC2034 # read by say
VM_NAME=run

# emulator: what the script on standard input does instead of a boot; in its PATH it
# stands for unshare, which QEMU is started by.
mkdir -p "$tmp/bin" "$tmp/host/dev"
PATH=$tmp/bin:$PATH
emulator()
{
	rm -f "$tmp/started"
	{ echo '#!/bin/bash'; echo "echo \"\$*\" >$tmp/started"; cat; } >"$tmp/bin/unshare"
	chmod +x "$tmp/bin/unshare"
}

# chosen WANTED ACCEL PATTERN: this is chosen and said, in 100 columns
chosen()
{
	[ "$(choose_accel "$1" /tree /boot 2>"$tmp/out")" = "$2" ] && grep -q "$3" "$tmp/out" && ! grep -q '.\{101\}' "$tmp/out"
}

echo "KTAP version 1"
echo "1..13"

emulator <<<'echo "vnic-probe: svm"'
chosen auto tcg 'no /dev/kvm: the machine is emulated' && [ ! -e "$tmp/started" ]
result $? "auto without /dev/kvm: emulation"

! choose_accel kvm /tree /boot >"$tmp/out" 2>&1 && grep -q 'no /dev/kvm' "$tmp/out"
result $? "kvm without /dev/kvm: refused"

: >"$tmp/host/dev/kvm"
[ "$(choose_accel tcg /tree /boot 2>&1)" = tcg ] && [ ! -e "$tmp/started" ]
result $? "emulation when asked for, without a word or a try"

chosen auto kvm "runs on this host's KVM" && grep -q ' /tree /boot kvm host$' "$tmp/started"
result $? "auto on a KVM that nests (AMD): KVM, tried with KVM"

emulator <<<'printf "[ 0.5] vnic-probe: vmx\r\n[ 0.6] reboot: Power down\r\n"'
chosen auto kvm "runs on this host's KVM"
result $? "auto on a KVM that nests (Intel): KVM"

emulator <<<'printf "[ 0.5] vnic-probe: \r\n"'
chosen auto tcg 'neither svm nor vmx: the machine is emulated'
result $? "auto on a KVM that does not nest: emulation"

emulator <<<'echo "qemu-system-x86_64: -accel kvm: failed to initialize kvm: Permission denied" >&2; exit 1'
chosen auto tcg 'stock kernel (Permission denied): the machine is emulated'
result $? "auto on a KVM that QEMU cannot use: emulation, and why"

emulator <<<'printf "[ 0.1] %0200d\r\n" 0; exit 1'
chosen auto tcg 'stock kernel (\[ 0.1\] 0*): the machine is emulated'
result $? "auto on a KVM on which the kernel dies: emulation, and its last words"

# shellcheck disable=SC2034 # read by probe_boot
KVM_SECONDS=1
emulator <<<'echo "early console"; exec sleep 100'
chosen auto tcg 'stock kernel (not in 1 s): the machine is emulated'
result $? "auto on a KVM that hangs: emulation after the time limit"

! choose_accel kvm /tree /boot >"$tmp/out" 2>&1 && grep -q 'not in 1 s' "$tmp/out"
result $? "kvm on a KVM that hangs: refused"

! tools/vm/run --accel fast true 2>"$tmp/out" && grep -q 'kvm, tcg or auto' "$tmp/out"
result $? "an unknown accelerator is refused"

! tools/vm/run --icount --accel auto true 2>"$tmp/out" && grep -q 'no --accel auto' "$tmp/out"
result $? "counting instructions is for emulation only"

echo 'flags : fpu vme svm_lock vmx' >"$tmp/intel"
echo 'flags : fpu svm npt' >"$tmp/amd"
echo 'flags : fpu svm_lock' >"$tmp/none"
[ "$(kvm_module "$tmp/intel") $(kvm_module "$tmp/amd") $(kvm_module "$tmp/none")" = \
	'kvm_intel kvm_amd ' ]
result $? "guests get the module of their machine's CPU"
exit $failed
