/* SPDX-License-Identifier: GPL-2.0 */
/* What meter.h and meter.c need of the kernel's types, in user space. */
#ifndef _SHIM_LINUX_TYPES_H
#define _SHIM_LINUX_TYPES_H

#include <stdbool.h>
#include <stdint.h>

typedef uint64_t u64;
typedef int64_t s64;

#endif /* _SHIM_LINUX_TYPES_H */
