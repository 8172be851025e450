/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Copying payload.
 *
 * The kernel's memcpy() moves 32 bytes a loop on CPUs without fast short
 * strings.  For what is long a string instruction is better there, as in the
 * kernel's copies from and to user space.
 */
#ifndef _VNIC_COPY_H
#define _VNIC_COPY_H

#include <linux/kasan-checks.h>
#include <linux/string.h>
#include <linux/types.h>
#include <linux/unaligned.h>

#define VNIC_COPY_LONG	256	/* bytes from which a string instruction pays */

/* The last bytes first, perhaps some of them twice. */
static inline void vnic_copy_long(void *to, const void *from, size_t len)
{
	size_t words = len / sizeof(u64), last = len - sizeof(u64);

	kasan_check_read(from, len);
	kasan_check_write(to, len);
	put_unaligned(get_unaligned((const u64 *)(from + last)), (u64 *)(to + last));
	asm volatile("rep movsq" : "+c" (words), "+D" (to), "+S" (from) : : "memory");
}

/**
 * vnic_copy - copy bytes that nobody looks at on the way
 * @to: where to
 * @from: where from; may change meanwhile; does not overlap with @to
 * @len: bytes
 */
static inline void vnic_copy(void *to, const void *from, size_t len)
{
	if (len >= VNIC_COPY_LONG)
		vnic_copy_long(to, from, len);
	else
		memcpy(to, from, len);
}

#endif /* _VNIC_COPY_H */
