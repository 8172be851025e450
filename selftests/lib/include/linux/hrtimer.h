/* SPDX-License-Identifier: GPL-2.0 */
/* Timers of the kernel, in user space: the test has the clock, and lets them expire. */
#ifndef _SHIM_LINUX_HRTIMER_H
#define _SHIM_LINUX_HRTIMER_H

#include <linux/ktime.h>

#define HRTIMER_MODE_ABS	0

enum hrtimer_restart { HRTIMER_NORESTART, HRTIMER_RESTART };

struct hrtimer {
	enum hrtimer_restart (*function)(struct hrtimer *timer);
	ktime_t expires;
	bool queued;
};

static inline void hrtimer_start(struct hrtimer *timer, ktime_t expires, int mode)
{
	(void)mode;
	timer->expires = expires;
	timer->queued = true;
}

static inline int hrtimer_try_to_cancel(struct hrtimer *timer)
{
	timer->queued = false;
	return 0;
}

#define hrtimer_cancel(timer)	hrtimer_try_to_cancel(timer)

#endif /* _SHIM_LINUX_HRTIMER_H */
