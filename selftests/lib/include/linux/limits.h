/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's limits, in user space. */
#ifndef _SHIM_LINUX_LIMITS_H
#define _SHIM_LINUX_LIMITS_H

#include <stdint.h>
#include_next <linux/limits.h>

#define U32_MAX	UINT32_MAX
#define U64_MAX	UINT64_MAX
#define S64_MAX	INT64_MAX

#endif /* _SHIM_LINUX_LIMITS_H */
