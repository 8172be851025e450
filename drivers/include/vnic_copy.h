/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Copying frames, in the device and in the VF driver.
 *
 * The kernel's memcpy() moves 32 bytes a loop on CPUs without fast short
 * strings.  For what is long a string instruction is better there, as in the
 * kernel's copies from and to user space; what is as short as the smallest
 * frames is copied without a call and a loop.
 */
#ifndef _VNIC_COPY_H
#define _VNIC_COPY_H

#include <linux/kasan-checks.h>
#include <linux/string.h>
#include <linux/types.h>
#include <linux/unaligned.h>

#define VNIC_COPY_LONG	256	/* bytes from which a string instruction pays */
#define VNIC_COPY_SHORT	32	/* twice as many at most go without a loop */

static __always_inline void vnic_copy_word(void *to, const void *from)
{
	put_unaligned(get_unaligned((const u64 *)from), (u64 *)to);
}

/* VNIC_COPY_SHORT bytes: no loop, which the compiler would keep */
static __always_inline void vnic_copy_words(void *to, const void *from)
{
	vnic_copy_word(to, from);
	vnic_copy_word(to + 8, from + 8);
	vnic_copy_word(to + 16, from + 16);
	vnic_copy_word(to + 24, from + 24);
}

/* The first bytes and the last ones, some of them perhaps twice */
static __always_inline void vnic_copy_short(void *to, const void *from, size_t len)
{
	size_t last = len - VNIC_COPY_SHORT;

	vnic_copy_words(to, from);
	vnic_copy_words(to + last, from + last);
}

/* The last bytes first, perhaps some of them twice. */
static inline void vnic_copy_long(void *to, const void *from, size_t len)
{
	size_t words = len / sizeof(u64), last = len - sizeof(u64);

	kasan_check_read(from, len);
	kasan_check_write(to, len);
	vnic_copy_word(to + last, from + last);
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
	if (len - VNIC_COPY_SHORT <= VNIC_COPY_SHORT)
		vnic_copy_short(to, from, len);
	else if (len >= VNIC_COPY_LONG)
		vnic_copy_long(to, from, len);
	else
		memcpy(to, from, len);
}

#endif /* _VNIC_COPY_H */
