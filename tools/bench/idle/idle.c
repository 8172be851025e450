// SPDX-License-Identifier: GPL-2.0
/*
 * idle: while it is loaded, an idle CPU executes no-ops instead of halting.
 *
 * For the emulated machine whose time is counted in instructions.  While such a
 * machine halts, its time goes on as it does outside, so that its timers are late
 * where the host is busy.  No-ops cost the emulator next to nothing, and with them
 * nothing but instructions moves the machine's clock.  How long the CPU was idle is
 * in sysfs, as it is of any idle state; but what interrupts do while it is idle counts
 * to that.  What does not is the parameter "turns": of 1000 no-ops each, and of the
 * instructions around them.
 */
#include <linux/cpu.h>
#include <linux/cpuidle.h>
#include <linux/module.h>
#include <linux/sched/idle.h>

static unsigned long turns;
module_param(turns, ulong, 0444);

static __cpuidle int idle_enter(struct cpuidle_device *dev, struct cpuidle_driver *drv, int index)
{
	raw_local_irq_enable();
	if (!current_set_polling_and_test())
		for (; !need_resched(); turns++)
			asm volatile(".rept 1000\n\tnop\n\t.endr");
	raw_local_irq_disable();
	current_clr_polling();
	return index;
}

static struct cpuidle_driver idle_driver = {
	.name = "nops",
	.states = { {
		.name = "NOPS",
		.desc = "no-ops",
		.enter = idle_enter,
		.flags = CPUIDLE_FLAG_POLLING,
	} },
	.state_count = 1,
};

static int __init idle_init(void)
{
	return cpuidle_register(&idle_driver, NULL);
}

static void __exit idle_exit(void)
{
	cpuidle_unregister(&idle_driver);
}

module_init(idle_init);
module_exit(idle_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("An idle state of no-ops for a machine that counts instructions");
