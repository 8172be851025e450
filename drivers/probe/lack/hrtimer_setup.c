// SPDX-License-Identifier: GPL-2.0
/* The name is free, and timers are initialised without a function. */
#include <linux/hrtimer.h>

static int hrtimer_setup;

static void probe_hrtimer_init(struct hrtimer *timer,
			       enum hrtimer_restart (*fn)(struct hrtimer *))
{
	hrtimer_init(timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);
	timer->function = fn;
}
