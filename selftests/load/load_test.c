// SPDX-License-Identifier: GPL-2.0
/*
 * Who takes the turns of a transmit queue, and whether its driver rings (the very
 * load.c of the module), under a synthetic clock.
 *
 * A driver sends as a case says; the device does what load.c says.  Prints KTAP.
 * With any argument it ends at the first failure.
 */
#include <stdio.h>
#include <stdlib.h>
#include <vnic/vnic_ring.h>

#include <linux/ktime.h>

#include "load.h"
#include "unit.h"

#define USEC		1000ULL
#define MSEC		1000000ULL
#define FRAME_NS	800		/* what the device needs for a frame */
#define DELAY		(VNIC_LOOK_US * USEC)

/**
 * struct sim - a queue and its driver
 * @load: what is tested
 * @now: ns
 * @waiting: frames in the ring
 * @bytes: of them
 * @size: bytes of each frame
 * @look: when the worker looks; 0: the driver rings
 * @rings: doorbells
 * @here: turns of who rang
 * @looks: of the worker, by itself
 * @late: a look was further away than allowed
 */
struct sim {
	struct vnic_load	load;
	u64			now;
	unsigned int		waiting;
	unsigned int		bytes;
	unsigned int		size;
	u64			look;
	unsigned int		rings;
	unsigned int		here;
	unsigned int		looks;
	bool			late;
};

static void sim_init(struct sim *s, unsigned int size)
{
	*s = (struct sim){ .now = 3600000 * MSEC, .size = size };
	vnic_load_init(&s->load);
}

/* The device takes what waits; the ring is empty then. */
static void sim_turn(struct sim *s)
{
	s->now += FRAME_NS * s->waiting;
	s->load.frames += s->waiting;
	s->load.bytes += s->bytes;
	s->waiting = 0;
	s->bytes = 0;
	s->look = vnic_load_rest(&s->load, s->now);
	s->late |= s->look > s->now + DELAY;
}

/* The driver rings for what waits. */
static void sim_ring(struct sim *s)
{
	u64 begin = s->now;

	s->rings++;
	if (vnic_load_busy(&s->load, s->now)) {
		sim_turn(s);
		return;
	}
	s->here++;
	sim_turn(s);
	vnic_load_turned(&s->load, begin, s->now);
}

/* Time passes; the worker looks when it is due. */
static void sim_pass(struct sim *s, u64 ns)
{
	u64 end = s->now + ns;

	while (s->look && s->look <= end) {
		s->now = s->look > s->now ? s->look : s->now;
		s->looks++;
		sim_turn(s);
	}
	s->now = end > s->now ? end : s->now;
}

/* The driver sends @n frames at once. */
static void sim_send(struct sim *s, unsigned int n)
{
	s->waiting += n;
	s->bytes += n * s->size;
	if (!s->look)
		sim_ring(s);
}

static void sim_stream(struct sim *s, unsigned int n, u64 gap, unsigned int times)
{
	while (times--) {
		sim_send(s, n);
		sim_pass(s, gap);
	}
}

/* It rings, and who rings takes the turns. */
static bool sim_idle(struct sim *s)
{
	unsigned int here = s->here;

	sim_pass(s, 2 * MSEC);
	sim_send(s, 1);
	return !s->look && s->here == here + 1;
}

static void test_steady(void)
{
	struct sim s;

	sim_init(&s, 64);
	sim_stream(&s, 32, 60 * USEC, 8);
	result(s.rings <= 8 && s.look, "a driver that sends steadily is soon not asked to ring");
	s.rings = 0;
	s.looks = 0;
	sim_stream(&s, 32, 60 * USEC, 1000);
	result(!s.rings, "nor does it later");
	result(s.looks && 32000 / s.looks >= 48, "looks find a batch");
	sim_pass(&s, 4 * DELAY);
	result(!s.look, "when it stops, looking ends");
	result(sim_idle(&s), "and it rings again");
	result(!s.late, "no look is later than the bound");
}

static void test_paused(void)
{
	struct sim s;

	sim_init(&s, 64);
	sim_stream(&s, 32, 60 * USEC, 100);
	s.rings = 0;
	sim_pass(&s, 3 * DELAY / 2);
	sim_stream(&s, 32, 60 * USEC, 100);
	result(!s.rings, "a driver without a CPU for a moment is still looked at");
	sim_pass(&s, 4 * DELAY);
	while (!s.look)
		sim_stream(&s, 32, 60 * USEC, 1);
	s.rings = 0;
	sim_pass(&s, 3 * DELAY / 2);
	result(s.look, "also when it has stopped before, and just begun again");
}

static void test_slow(void)
{
	struct sim s;

	sim_init(&s, 64);
	sim_stream(&s, 32, 3 * MSEC, 1000);
	result(s.here == 1000, "bursts with pauses are who rings'");
	sim_init(&s, 64);
	sim_stream(&s, 1, 50 * USEC, 100000);
	result(s.here == 100000, "so are lone frames");
}

/* Each frame is sent when the answer to the one before has come. */
static unsigned int requests(struct sim *s, u64 think, unsigned int times)
{
	unsigned int held = 0;
	u64 sent;

	while (times--) {
		sent = s->now;
		sim_send(s, 1);
		while (s->waiting)
			sim_pass(s, USEC);
		held += s->now - sent > 20 * USEC;
		sim_pass(s, think);
	}
	return held;
}

static void test_requests(void)
{
	struct sim s;

	sim_init(&s, 64);
	result(requests(&s, 3 * USEC, 100000) <= 200, "requests are seldom held up");
	sim_init(&s, 60000);
	result(requests(&s, 3 * USEC, 100000) <= 200, "large ones neither");
	s.size = 64;
	sim_stream(&s, 32, 60 * USEC, 2000);
	result(s.look, "a driver that begins to stream is noticed all the same");
	s.rings = 0;
	sim_pass(&s, 4 * DELAY);
	sim_stream(&s, 32, 60 * USEC, 20);
	result(s.rings < 10, "and the next time soon");
}

static void test_large(void)
{
	struct sim s;

	sim_init(&s, 60000);
	sim_stream(&s, 4, 20 * USEC, 20);
	s.rings = 0;
	sim_stream(&s, 1, 100 * USEC, 1000);
	result(!s.rings, "two large frames are worth a look");
	s.size = 64;
	sim_stream(&s, 1, 100 * USEC, 1000);
	result(s.rings > 900, "two small ones are not");
}

int main(int argc, char **argv)
{
	(void)argv;
	first_ends = argc > 1;
	test_steady();
	test_paused();
	test_slow();
	test_requests();
	test_large();
	return finish();
}
