/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What tests of the modules' pure code have in common (see broken.sh): results in
 * KTAP, and numbers by chance.
 */
#ifndef _VNIC_SELFTEST_UNIT_H
#define _VNIC_SELFTEST_UNIT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <linux/types.h>

static unsigned int test_no, failures;
static bool first_ends;		/* the first failure ends the test */

static inline void print_result(bool ok, const char *name, va_list ap)
{
	failures += !ok;
	printf("%s %u ", ok ? "ok" : "not ok", ++test_no);
	vprintf(name, ap);
	printf("\n");
	if (!ok && first_ends)
		exit(1);
}

/* Result of one test, named as by printf(). */
static inline void result(bool ok, const char *name, ...)
{
	va_list ap;

	va_start(ap, name);
	print_result(ok, name, ap);
	va_end(ap);
}

/* The same; @why is printed if it is not ok. */
static inline void result_why(bool ok, const char *why, const char *name, ...)
{
	va_list ap;

	if (!ok)
		printf("# %s\n", why);
	va_start(ap, name);
	print_result(ok, name, ap);
	va_end(ap);
}

/* The plan; the program's status */
static inline int finish(void)
{
	printf("1..%u\n", test_no);
	return failures != 0;
}

/* xorshift: the same numbers in each run */
static inline u64 random_below(u64 n)
{
	static u64 x = 88172645463325252ULL;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x % n;
}

#endif /* _VNIC_SELFTEST_UNIT_H */
