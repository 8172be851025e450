// SPDX-License-Identifier: GPL-2.0
/*
 * Moderation of interrupts (the very vectors.c of the module) under a synthetic clock:
 * when each request is heard of, and by how many interrupts.
 *
 * Prints KTAP.  With any argument it ends at the first failure.
 */
#include <string.h>

#include "fn.h"
#include "unit.h"

#define USEC		1000ULL
#define WAIT		(100 * USEC)	/* of a request that may wait */
#define USECS		20		/* least time between two interrupts */
#define NEVER		(~0ULL)

static struct vnic_fn fn;
static u64 now, last;		/* the clock; the last interrupt */
static unsigned int heard;	/* interrupts of vector 1 */

u64 ktime_get_ns(void)
{
	return now;
}

static void be_raise(void *priv, unsigned int vector)
{
	(void)priv;
	heard += vector == 1;
	last = now;
}

static const struct vnic_backend_ops be = { .raise = be_raise };

/* Let the time come, and each timer at its own. */
static void until(u64 then)
{
	struct hrtimer *timer = &fn.vec[1].timer;

	while (timer->queued && timer->expires <= then) {
		if (now < timer->expires)
			now = timer->expires;
		timer->queued = false;
		timer->function(timer);
	}
	now = then;
}

static void begin(u32 usecs, u32 frames)
{
	memset(&fn, 0, sizeof(fn));
	fn.be = &be;
	now = 1000 * USEC;
	last = 0;
	heard = 0;
	vnic_vectors_init(&fn);
	vnic_vectors_start(&fn);
	vnic_vector_set_moderation(&fn.vec[1], usecs, frames);
}

static void test_off(void)
{
	begin(USECS, 0);
	vnic_vector_raise(&fn, 1, 1, WAIT);
	vnic_vectors_stop(&fn);
	vnic_vector_raise(&fn, 1, 1, 0);
	until(now + 1000 * USEC);
	result(!heard, "a vector that is off is not raised, by no timer either");
	vnic_vectors_start(&fn);
	vnic_vector_raise(&fn, 1, 1, WAIT);
	result(heard == 1, "without moderation, as at the start, a request is raised at once");
}

static void test_apart(void)
{
	unsigned int i;

	begin(USECS, 0);
	vnic_vector_raise(&fn, 1, 1, 0);
	result(heard == 1, "the first request after a quiet time is raised at once");
	for (i = 0; i < 1000; i++) {
		until(now + USEC);
		vnic_vector_raise(&fn, 1, 1, 0);
	}
	result(heard == 1 + 1000 / USECS, "interrupts are %u us apart: %u in 1 ms", USECS, heard);
	vnic_vector_raise(&fn, 1, 1, 0);
	until(now + USECS * USEC);
	result(heard == 2 + 1000 / USECS, "the last request is heard of");
	result(vnic_vectors_raised(&fn) == heard, "they are counted");
}

static void test_frames(void)
{
	begin(USECS, 7);
	vnic_vector_raise(&fn, 1, 1, 0);
	vnic_vector_raise(&fn, 1, 3, 0);
	vnic_vector_tell(&fn, 1, 3);
	result(heard == 1, "6 descriptors do not end a wait for 7");
	vnic_vector_tell(&fn, 1, 1);
	result(heard == 2, "7 do");
	vnic_vector_raise(&fn, 1, 3, 0);
	result(heard == 2, "from then on it counts anew");
	vnic_vector_tell(&fn, 1, 4);
	until(now + 1000 * USEC);
	result(heard == 3, "and leaves no timer behind");
}

static void test_wait(void)
{
	u64 start;

	begin(USECS, 0);
	start = now;
	vnic_vector_raise(&fn, 1, 1, WAIT);
	until(start + WAIT - 1);
	result(!heard, "a request that may wait does");
	until(start + WAIT);
	result(heard == 1, "for its own time");
	until(now + 1000 * USEC);
	vnic_vector_raise(&fn, 1, 1, WAIT);
	until(now + 5 * USEC);
	vnic_vector_raise(&fn, 1, 1, 0);
	result(heard == 2, "one that may not takes it along");
	until(now + 1000 * USEC);
	result(heard == 2, "and nothing comes after it");
}

static void test_instead(void)
{
	unsigned int i;
	u64 start;

	begin(USECS, 0);
	for (i = 0; i < 50; i++) {
		vnic_vector_raise_instead(&fn, 1, 1, WAIT);
		start = now;
		until(now + 90 * USEC);
	}
	result(!heard, "each request in place of the one before waits anew");
	until(start + WAIT + 1000 * USEC);
	result(heard == 1 && last == start + WAIT, "the last is heard of in its own time");
	for (i = 0, start = now; i < 50; i++) {
		vnic_vector_raise(&fn, 1, 1, WAIT);
		until(now + 10 * USEC);
	}
	result(heard > 1 && last >= start + WAIT && heard <= 6,
	       "requests beside those before do not wait anew");
}

/* What may not wait was there first, or comes: nothing makes it later. */
static void test_mixed(void)
{
	u64 start;

	begin(USECS, 0);
	vnic_vector_raise(&fn, 1, 1, 0);
	start = now;
	until(now + USEC);
	vnic_vector_raise(&fn, 1, 1, 0);
	until(now + USEC);
	vnic_vector_raise_instead(&fn, 1, 1, WAIT);
	until(start + USECS * USEC);
	result(heard == 2, "a request that may not wait is not made later by one instead");
	until(now + 1000 * USEC);
	vnic_vector_raise(&fn, 1, 1, 0);
	start = now;
	until(now + USEC);
	vnic_vector_raise(&fn, 1, 1, WAIT);
	until(now + USEC);
	vnic_vector_raise(&fn, 1, 1, 0);
	until(now + USEC);
	vnic_vector_raise_instead(&fn, 1, 1, WAIT);
	until(start + USECS * USEC);
	result(heard == 4, "nor one that came to a request that may");
}

/* By chance: each request is heard of in its time, unless another came instead. */
static void test_chance(void)
{
	u64 due = NEVER, late = 0, close = 0, before = 0;
	unsigned int i, seen = 0, kind;

	begin(USECS, 0);
	for (i = 0; i < 200000; i++) {
		until(now + random_below(40 * USEC));
		if (heard != seen) {
			late += last > due;
			close += heard != seen + 1 || (before && last - before < USECS * USEC);
			before = last;
			seen = heard;
			due = NEVER;
		}
		late += now > due;
		kind = random_below(8);
		if (kind == 0) {
			due = due < now + USECS * USEC ? due : now + USECS * USEC;
			vnic_vector_raise(&fn, 1, 1, 0);
		} else if (kind < 4) {
			due = due < now + WAIT ? due : now + WAIT;
			vnic_vector_raise(&fn, 1, 1, WAIT);
		} else if (due == NEVER) {
			due = now + WAIT;
			vnic_vector_raise_instead(&fn, 1, 1, WAIT);
		}
	}
	result(!late, "none is late (%llu)", (unsigned long long)late);
	result(!close, "none too close to the one before (%llu)", (unsigned long long)close);
}

int main(int argc, char **argv)
{
	first_ends = argc > 1 && argv[1];
	printf("KTAP version 1\n");
	test_off();
	test_apart();
	test_frames();
	test_wait();
	test_instead();
	test_mixed();
	test_chance();
	return finish();
}
