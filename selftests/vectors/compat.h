/* SPDX-License-Identifier: GPL-2.0 */
/* What vectors.c needs of the module's header of that name. */
#include <stddef.h>

#define container_of(ptr, type, member)	((type *)((char *)(ptr) - offsetof(type, member)))
#define max(a, b)	((a) > (b) ? (a) : (b))

#define vnic_hrtimer_setup(timer, fn)	((timer)->function = (fn))
