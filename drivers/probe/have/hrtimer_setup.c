// SPDX-License-Identifier: GPL-2.0
/* A timer gets its function when it is initialised. Linux 6.13 */
#include <linux/hrtimer.h>

static void probe_hrtimer_setup(struct hrtimer *timer,
				enum hrtimer_restart (*fn)(struct hrtimer *))
{
	hrtimer_setup(timer, fn, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);
}
