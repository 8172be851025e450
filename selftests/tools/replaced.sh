#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# run-on: tree
# proof: tree
#
# Which dead machines are taken for the emulator's fault (tools/vm/whose-fault), and that
# tests go on in a fresh machine with nothing lost and nothing counted twice.
# Prints KTAP, exits 0 if all is well.
cd "$(dirname "$0")/../.." || exit 1
. selftests/lib/ktap.sh

# console SED-SCRIPT: what a machine says that died of the emulator, changed by the script
console()
{
	rm -rf "$tmp/log"
	mkdir "$tmp/log"
	sed "$1" >"$tmp/log/console.log" <<-'END'
	[    0.000000] Linux version 6.12.117+deb13-amd64
	[    3.100000] vnic_pf: loading out-of-tree module taints kernel.
	[   31.204911] kvm_amd: Nested Paging enabled
	[   40.100000] BUG: TASK stack guard page was hit at 000000004f0b8a3c (stack is 00000000a5d3b1f5..00000000f5a1c7d2)
	[   40.100100] Oops: stack guard page: 0000 [#1] PREEMPT SMP NOPTI
	[   40.100200] CPU: 1 UID: 0 PID: 412 Comm: CPU 0/KVM Tainted: G           OE      6.12.117+deb13-amd64 #1  Debian 6.12.117-1
	[   40.100300] Hardware name: QEMU Standard PC (Q35 + ICH9, 2009)
	[   40.100400] RIP: 0010:error_entry+0x1c/0x140
	[   40.100500] Code: 56 41 57 31 f6 31 ff
	[   40.100600] RSP: 0018:ffffc90000a77ff8 EFLAGS: 00010046
	[   40.100700] RAX: 0000000000000000 RBX: 0000000000000000 RCX: 0000000000000000
	[   40.100800] RDX: 0000000000000000 RSI: 0000000000000000 RDI: 0000000000000000
	[   40.100900] RBP: 0000000000000000 R08: 0000000000000000 R09: 0000000000000000
	[   40.101000] R10: 0000000000000000 R11: 0000000000000000 R12: 0000000000000000
	[   40.101100] R13: 0000000000000000 R14: 0000000000000000 R15: 0000000000000000
	[   40.101200] FS:  00007f21d5ffb6c0(0000) GS:ffff88813bd00000(0000) knlGS:0000000000000000
	[   40.101300] Call Trace:
	[   40.101400]  <TASK>
	[   40.101500]  ? __svm_vcpu_run+0xa1/0x140 [kvm_amd]
	[   40.101600]  </TASK>
	[   40.101700] Modules linked in: kvm_amd kvm vnic_vfio_pci(OE) vnic_pf(OE)
	[   40.101800] Kernel panic - not syncing: Fatal exception in interrupt
	END
}

# guest BOOTS ASKED LINE: a guest that booted so often, was asked to, and said the line
guest()
{
	i=0
	while [ $i -lt "$1" ]; do
		echo "guest-init: up"
		i=$((i + 1))
	done >"$tmp/log/guest-a.log"
	echo "$3" >>"$tmp/log/guest-a.log"
	echo "$2" >"$tmp/log/guest-a.boots"
}

# emulator WORD: that it is the emulator's fault, said in a line with the word; vnic: not
emulator()
{
	out=$(tools/vm/whose-fault "$tmp/log") && [ "$(echo "$out" | grep -c "$1")" = 1 ]
}

# missed SED-SCRIPT WHAT: a console that is not quite the emulator's
missed()
{
	console "$1"
	! emulator .
	result $? "not the emulator's: $2"
}

echo "KTAP version 1"
echo "1..48"

console ''
emulator '^stack-guard: '
result $? "the emulator's: a stack used up in error_entry, registers cleared, by a vCPU"
missed 's/error_entry/vnicvf_poll/' "a stack used up elsewhere"
missed 's/R08: 0000000000000000/R08: ffff888104a1c000/' "a register that is not cleared"
missed 's/R15: 0000000000000000/R15: 0000000000000001/' "not even the last one"
missed 's/Comm: CPU 0.KVM/Comm: vhost-412/' "a thread that is no vCPU"
missed 's/TASK stack guard/IRQ stack guard/' "the interrupts' stack"
missed 's/__svm_vcpu_run+0xa1.0x140 .kvm_amd./vnic_kick+0x10\/0x20 [vnic_pf]/' "vnic on the trace"
missed 's/__svm_vcpu_run+0xa1.0x140 .kvm_amd./vfio_read+0x10\/0x20 [vfio]/' "another module on the trace"
missed 's/.*kvm_amd: Nested.*/[   31.1] WARNING: CPU: 0 PID: 1 at net\/core\/dev.c:1/' "a warning before"
missed 's/.*kvm_amd: Nested.*/[   31.1] list_add corruption\n[   31.1] kernel BUG at lib\/list_debug.c:29!/' "a BUG before"
missed 's/\(Linux version [^ ]*\)+deb13-amd64/\1-vnicdebug/' "the debug kernel"
missed '/stack guard/d; s/RIP: 0010:error_entry/RIP: 0010:rcu_core/' "any other panic"
missed '/Kernel panic/d' "a machine that did not die of it"
missed '/40.1/d' "a machine that ends without a word"

# clock SED-SCRIPT: a machine whose CPU ran with a guest's clock, changed by the script
clock()
{
	console '/40.1/d'
	sed "$1" >>"$tmp/log/console.log" <<-'END'
	[  148.894619] kvm: kvm [3057]: vcpu0, guest rIP: 0xffffffff81099068 Unhandled WRMSR(0xc0010007) = 0xffff
	[    8.726028] BUG: TASK stack guard page was hit at 000000004291553d (stack is 00000000f55f83be..00000000a50eed2e)
	[    8.729567] Oops: stack guard page: 0000 [#1] PREEMPT SMP NOPTI
	[    8.730368] CPU: 0 UID: 0 PID: 3073 Comm: CPU 0/KVM Not tainted 6.12.117+deb13-amd64 #1  Debian 6.12.117-1
	[    8.730730] RIP: 0010:exc_page_fault+0x19/0x180
	[    8.731739] RSP: 0018:ffffc90001bf8010 EFLAGS: 00000087
	[    8.732210] RAX: 00000000000351c0 RBX: ffffc90001bf8038 RCX: ffffffff81e01928
	[    8.732225] RDX: 0000000000000000 RSI: 0000000000000000 RDI: ffffc90001bf8038
	[    8.732236] RBP: 00000000000351c0 R08: 0000000000000000 R09: 0000000000000000
	[    8.732247] R10: 0000000000000000 R11: 0000000000000000 R12: 0000000000000000
	[    8.732258] R13: 0000000000000000 R14: 0000000000000000 R15: 0000000000000000
	[    8.732549] CR2: ffffc90001bf7ff8 CR3: 0000000101370000 CR4: 0000000000350ef0
	[  155.198122] Kernel panic - not syncing: corrupted stack end detected inside scheduler
	END
}

# not_clock SED-SCRIPT WHAT: a console that is not quite that
not_clock()
{
	clock "$1"
	! emulator .
	result $? "not the emulator's: $2"
}

clock ''
emulator '^guest-clock: '
result $? "the emulator's: a CPU of the machine that ran with a guest's clock"
not_clock 's/\[    8\./[  150./' "the same registers by the machine's own clock"
not_clock 's/\[    8\./[  148./' "a clock that goes back by less than a second"
not_clock 's/exc_page_fault/vnicvf_tx_copy/' "a stack used up elsewhere by the guest's clock"
not_clock 's/R15: 0*$/R15: ffff888104a1c000/' "registers that are not cleared, by the guest's clock"
not_clock 's/.*CR2:.*/&\n[    8.8] vnic_copy+0x10\/0x20 [vnic_pf]/' "vnic on the trace, by the guest's clock"
not_clock 's/Comm: CPU 0.KVM/Comm: kworker/' "a thread that is no vCPU, by the guest's clock"

# stall SED-SCRIPT: a machine with a dead CPU, changed by the script
stall()
{
	console '/40.1/d'
	for s in 244 307; do
		cat <<-END
		[  $s.862812] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:
		[  $s.865317] rcu: 	(detected by 1, t=5254 jiffies, g=37305, q=30 ncpus=2)
		[  $s.866352] rcu: rcu_preempt kthread timer wakeup didn't happen for 5253 jiffies! g37305 f0x2 RCU_GP_WAIT_FQS(5) ->state=0x200
		[  $s.866820] rcu: 	Possible timer handling issue on cpu=0 timer-softirq=6637
		[  $s.867916] rcu: RCU grace-period kthread stack dump:
		[  $s.880967] rcu: Stack dump where RCU GP kthread last ran:
		END
	done | sed "$1" >>"$tmp/log/console.log"
}

stall ''
emulator '^dead-cpu: '
result $? "the emulator's: a CPU that takes no interrupt and no NMI"
stall 's/.*307.88.*Stack dump.*/&\n[ 308.0] NMI backtrace for cpu 0/'
! emulator .
result $? "not the emulator's: a CPU that answers an NMI"
stall '/307/d'
! emulator .
result $? "not the emulator's: a stall that may end"
stall '/Possible timer/d'
! emulator .
result $? "not the emulator's: a stall of another kind"

# cpus SED-SCRIPT: what the monitor says of a machine whose first CPU has lost a wakeup,
# changed by the script
cpus()
{
	console '/40.1/d'
	sed "$1" >"$tmp/log/cpus" <<-'END'
	(qemu) info lapic 0
	dumping local APIC state for CPU 0

	LVT0	 0x00010700 active-hi edge  masked                      ExtINT (vec 0)
	ISR	 (none)
	IRR	 37 236 251

	APR 0x00 TPR 0x10 DFR 0x0f LDR 0x00 PPR 0x10
	dumping local APIC state for CPU 1

	ISR	 (none)
	IRR	 (none)

	APR 0x01 TPR 0x10 DFR 0x0f LDR 0x00 PPR 0x10

	CPU#0
	RAX=0000000000000000 RBX=0000000000000000 RCX=0000000000000000 RDX=0000000000000000
	RIP=ffffffff81d0fa3f RFL=00000212 [----A--] CPL=0 II=0 A20=1 SMM=0 HLT=1

	CPU#1
	RIP=ffffffff81d0fa3f RFL=00000206 [-----P-] CPL=0 II=0 A20=1 SMM=0 HLT=1
	END
}

# not_asleep SED-SCRIPT WHAT: CPUs that are in order
not_asleep()
{
	cpus "$1"
	! emulator .
	result $? "not the emulator's: $2"
}

cpus ''
emulator '^lost-wakeup: '
result $? "the emulator's: a CPU that sleeps though interrupts are pending"
not_asleep 's/IRR.*37.*/IRR	 (none)/' "a CPU that sleeps"
not_asleep '/RFL=00000212/s/HLT=1/HLT=0/' "a CPU that is awake"
not_asleep 's/RFL=00000212/RFL=00000012/' "one that sleeps with interrupts disabled"
not_asleep 's/PPR 0x10/PPR 0xf0/' "one that is at something more important"
cpus ''
echo '[  244.862812] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:' >>"$tmp/log/console.log"
! emulator .
result $? "not the emulator's: one of a machine that complains"

console '/40.1/d'
guest 2 1 ''
emulator '^guest a reset: '
result $? "the emulator's: a guest that boots again unasked"
guest 2 2 ''
! emulator .
result $? "not the emulator's: a reboot that was asked for"
guest 2 1 'Kernel panic - not syncing: Fatal exception'
! emulator .
result $? "not the emulator's: a guest that panics"
console '/stack guard/d'
guest 2 1 ''
! emulator .
result $? "not the emulator's: a reset while the machine complains"

# lost SED-SCRIPT: what a guest's emulator says of its CPU, twice, changed by the script
lost()
{
	console '/ 40[.]/d'
	guest 1 1 ''
	for i in 1 2; do
		cat <<-END
		guest: a does not answer, look $i of 2 at 05:12:31
		memory 268435456
		CPU#0
		RIP=ffffffff81e3a5d4 RFL=00000246 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=0
		CR0=80050033 CR2=00007f21d5ffb6c0 CR3=000000010a370000 CR4=00350ef0
		thread CPU 0/KVM: kvm_vcpu_block kvm_arch_vcpu_ioctl_run
		END
	done | sed "$1" >"$tmp/log/guest-a.state"
}

# not_lost SED-SCRIPT WHAT: a guest that is not quite so
not_lost()
{
	lost "$1"
	! emulator .
	result $? "not the emulator's: $2"
}

lost ''
emulator '^guest a registers: ' && [ "$(tools/vm/whose-fault --guests "$tmp/log")" = a ]
result $? "the emulator's: a guest that stands still with a page table outside of its memory"
cp "$tmp/log/guest-a.state" "$tmp/log/guest-b.state"
emulator '^guest a registers: '
result $? "the emulator's: two such guests"
rm "$tmp/log/guest-b.state"
not_lost 's/000000010a370000/000000000a370000/' "one whose page table is in its memory"
not_lost '1,6s/000000010a370000/000000000a370000/' "one that had a page table in its memory before"
not_lost '/^memory/d' "one of whose memory nothing is known"
not_lost '1,6d' "one look of it alone"
lost ''
echo '[   31.1] WARNING: CPU: 0 PID: 1 at net/core/dev.c:1' >>"$tmp/log/console.log"
! emulator .
result $? "not the emulator's: a guest that stands still while the machine complains"

# A machine's programs as far as machine.py uses them, and tests of 2, 3 and 1 cases; in the
# second of them a guest is reset as long as $tmp/bad is there.
mkdir "$tmp/bin"
cat >"$tmp/bin/guest" <<END
#!/bin/sh
[ ! -e $tmp/reset ] || echo a
[ "\$2" != --forget ] || rm -f $tmp/reset
END
printf '#!/bin/sh\necho "[ 1.0] up"\n' >"$tmp/bin/dmesg"
printf '#!/bin/sh\n' >"$tmp/bin/modprobe"
printf '#!/bin/sh\n' >"$tmp/bin/rmmod"
printf '#!/bin/sh\necho 1..2; echo ok 1 a; echo not ok 2 b\n' >"$tmp/one"
cat >"$tmp/two" <<END
#!/bin/sh
echo 1..3; echo ok 1 a; echo "ok 2 b # SKIP"
if [ -e $tmp/bad ]; then touch $tmp/reset; else echo ok 3 c; fi
END
printf '#!/bin/sh\necho 1..1; echo ok 1 a\n' >"$tmp/three"
chmod +x "$tmp"/bin/* "$tmp/one" "$tmp/two" "$tmp/three"

# machine [NAME=VALUE]: runs the three tests as a machine does
machine()
{
	env "$@" PATH="$tmp/bin:$PATH" selftests/lib/machine.py stable \
		"$tmp/one" "$tmp/two" "$tmp/three" >"$tmp/out" 2>&1
}

rm -f /log/totals /log/done
: >"$tmp/bad"
machine A=1
[ $? = 1 ] && [ ! -e /log/totals ] && [ "$(cat /log/done)" = "1 1 0 $tmp/one" ]
result $? "a test that fails with a guest's reset leaves the machine to be replaced"
rm "$tmp/bad" "$tmp/reset"
machine VNIC_AGAIN=1
[ "$(cat /log/totals)" = "5 1 1" ] && grep -q '^ok 2' "$tmp/out" && ! grep -q '^not ok 1' "$tmp/out"
result $? "the fresh machine goes on with that test, and the totals are those of all"
: >"$tmp/bad"
machine A=1
rm "$tmp/reset"
machine VNIC_AGAIN=1
[ "$(cat /log/totals)" = "4 2 1" ] && grep -q '^not ok 2' "$tmp/out"
result $? "a reset in the fresh machine fails the test"
rm "$tmp/bad"
machine A=1
[ "$(cat /log/totals)" = "5 1 1" ] && grep -q '^not ok 1' "$tmp/out"
result $? "another run begins with the first test"

# report: what a run of the tests says in the end, and whether it is too much
report()
{
	bash -c '. tools/vm/lib.sh; replaced_report "$1"' - "$tmp/replaced" >"$tmp/out"
}

report && [ "$(cat "$tmp/out")" = "0 machines replaced, 0 guests started again" ]
result $? "a run in which nothing was replaced says so"
echo "machine stack-guard: ...; logs in /x" >"$tmp/replaced"
echo "guest a silent at its start; logs in /y" >>"$tmp/replaced"
echo "guest b silent at its start; logs in /y" >>"$tmp/replaced"
report && grep -q '^1 machines replaced, 2 guests' "$tmp/out" && grep -q 'logs in /x' "$tmp/out" &&
	echo "machine guest a reset: ...; logs in /z" >>"$tmp/replaced" && ! report
result $? "one machine may be replaced, two fail"
exit $failed
