// SPDX-License-Identifier: GPL-2.0
/*
 * CoDel (the very codel.c of the module) under a synthetic clock: a queue served
 * at a rate, filled in several ways.  Prints KTAP.  With any argument it ends at
 * the first failure.
 */
#include <linux/types.h>

#include "codel.h"
#include "unit.h"

#define MS	1000000ULL
#define TARGET	(5 * MS)
#define EVERY	MS		/* a frame leaves each ms */

static const struct vnic_codel_law law = { .target = TARGET, .interval = 100 * MS };
static struct vnic_codel codel;
static u64 now;

static void start(void)
{
	codel = (struct vnic_codel) {};
	now = 1000 * MS;
}

/* Serve @ms of a queue in which each frame has waited so long; hits */
static unsigned int serve(unsigned int ms, u64 waited, u32 behind)
{
	unsigned int hits = 0, i;

	for (i = 0; i < ms; i++, now += EVERY)
		hits += vnic_codel_hit(&codel, &law, waited, behind, now);
	return hits;
}

/* ms until the next hit, at most 1000 */
static unsigned int until_hit(u64 waited)
{
	unsigned int ms;

	for (ms = 0; ms < 1000 && !serve(1, waited, 100); ms++)
		;
	return ms;
}

static void good_queues(void)
{
	start();
	result(!serve(10000, TARGET - 1, 100), "below the target nothing is hit");
	result(!serve(10000, 10 * TARGET, 2), "what has no more than a frame or two behind it is not hit");
	result(!serve(99, 10 * TARGET, 100) && !serve(1, 0, 100) && !serve(99, 10 * TARGET, 100),
	       "a burst that is gone within an interval is not hit");
}

static void standing(void)
{
	unsigned int first, n[5], i;
	bool ok = true;
	/* 100 ms over the square root of the hits so far, rounded up to the next frame */
	const unsigned int want[] = { 99, 70, 57, 49, 44 };

	start();
	first = until_hit(2 * TARGET);
	result(first == 100, "a queue that stands is hit after an interval: %u ms", first);
	for (i = 0; i < 5; i++) {
		n[i] = until_hit(2 * TARGET);
		ok &= n[i] >= want[i] - 1 && n[i] <= want[i] + 1;
	}
	result(ok, "then at intervals over the root of the number of hits: %u %u %u %u %u ms",
	       n[0], n[1], n[2], n[3], n[4]);
	result(serve(10, 0, 100) == 0, "not when it no longer stands");
	n[0] = until_hit(2 * TARGET);
	n[1] = until_hit(2 * TARGET);
	result(n[0] == 100, "standing again it has an interval again: %u ms", n[0]);
	result(n[1] <= 50, "and then goes on where it was: %u ms", n[1]);
	for (i = 0; i < 10; i++)
		until_hit(2 * TARGET);
	serve(2000, 0, 100);
	until_hit(2 * TARGET);
	n[0] = until_hit(2 * TARGET);
	result(n[0] >= 98 && n[0] <= 100, "after a long time it begins anew: %u ms", n[0]);
}

static void forever(void)
{
	unsigned int hits;

	start();
	hits = serve(100000, 100 * TARGET, 1000);
	/* the n-th comes after 2 sqrt(n) intervals: soon it is one a frame */
	result(hits > 80000 && hits < 100000, "what does not react is hit ever more often: %u", hits);
}

int main(int argc, char **argv)
{
	(void)argv;
	first_ends = argc > 1;
	good_queues();
	standing();
	forever();
	return finish();
}
