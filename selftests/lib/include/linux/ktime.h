/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's units of time, in user space. */
#ifndef _SHIM_LINUX_KTIME_H
#define _SHIM_LINUX_KTIME_H

#include <linux/types.h>

typedef s64 ktime_t;

u64 ktime_get_ns(void);		/* of the test, if it has a clock */
#define ns_to_ktime(ns)	((ktime_t)(ns))

#define NSEC_PER_USEC	1000L
#define NSEC_PER_MSEC	1000000L

#endif /* _SHIM_LINUX_KTIME_H */
