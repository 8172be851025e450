/* SPDX-License-Identifier: GPL-2.0 */
/* What pure code of the modules needs of the kernel's types, in user space. */
#ifndef _SHIM_LINUX_TYPES_H
#define _SHIM_LINUX_TYPES_H

#include <stdbool.h>
#include <stdint.h>
#include_next <linux/types.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t s64;

#endif /* _SHIM_LINUX_TYPES_H */
