/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's typed minimum and clamp, in user space. */
#ifndef _SHIM_LINUX_MINMAX_H
#define _SHIM_LINUX_MINMAX_H

#define min_t(type, a, b) ({		\
	type _min_a = (a), _min_b = (b);	\
	_min_a < _min_b ? _min_a : _min_b; })

#define max_t(type, a, b) ({		\
	type _max_a = (a), _max_b = (b);	\
	_max_a > _max_b ? _max_a : _max_b; })

#define min(a, b)	min_t(__typeof__(a), a, b)
#define max(a, b)	max_t(__typeof__(a), a, b)

#define clamp_t(type, v, lo, hi) min_t(type, max_t(type, v, lo), hi)

#endif /* _SHIM_LINUX_MINMAX_H */
