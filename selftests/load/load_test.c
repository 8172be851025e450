// SPDX-License-Identifier: GPL-2.0
/*
 * Who takes the turns of a transmit queue, and whether its driver rings (the very
 * load.c of the module), under a synthetic clock: rates and delays of closed loops
 * and of streams, with and without looks.
 *
 * Two drivers send to each other as a case says; the device does what load.c says.
 * All share a CPU, but for a receiver that is slow.  Prints KTAP.  With any argument
 * it ends at the first failure.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vnic/vnic_ring.h>

#include <linux/ktime.h>

#include "load.h"
#include "unit.h"

#define USEC		1000ULL
#define MSEC		1000000ULL
#define PUT_NS		300		/* what a driver needs for a frame */
#define FRAME_NS	800		/* what the device needs for it */
#define RING_NS		1000		/* ... and for a doorbell */
#define WAKE_NS		3000		/* ... and to wake the worker */
#define MOST		(20 * USEC)	/* that a frame may wait for a look */
#define LATE		(30 * USEC)	/* that looks may make the slowest percent later */
#define DELAY		(VNIC_LOOK_US * USEC)
#define RING		256u		/* descriptors */
#define SAMPLES		400000u

/**
 * struct end - a driver and its transmit queue; the other's receive queue
 * @load: what is tested
 * @sent: when the frames in the ring were sent
 * @waiting: their number
 * @came: frames that it has received
 * @seen: of these, so many seen to
 * @take: ns that it needs for each, on a CPU of its own; 0: it is never behind
 * @done: when it will be done with what it has received
 * @look: when the worker looks; 0: the driver rings
 */
struct end {
	struct vnic_load	load;
	u64			sent[RING];
	unsigned int		waiting;
	u32			came;
	u32			seen;
	u64			take;
	u64			done;
	u64			look;
};

/* What has happened: doorbells, turns of who rang, looks, and how late frames were */
static struct {
	unsigned int	rings;
	unsigned int	here;
	unsigned int	looks;
	bool		late;		/* a look was further away than allowed */
	u32		delay[SAMPLES];
	unsigned int	samples;
} seen;

static struct end ends[2];
static u64 now, most;

static void forget(void)
{
	seen.rings = 0;
	seen.here = 0;
	seen.looks = 0;
	seen.samples = 0;
}

static void start(u64 may_wait)
{
	unsigned int i;

	memset(ends, 0, sizeof(ends));
	now = 3600000 * MSEC;
	most = may_wait;
	for (i = 0; i < 2; i++)
		vnic_load_init(&ends[i].load);
	seen.late = false;
	forget();
}

static struct end *other(struct end *e)
{
	return e == &ends[0] ? &ends[1] : &ends[0];
}

/* A frame arrives.  What it waits while its receiver is busy is not the device's fault. */
static void arrive(struct end *to, u64 sent)
{
	u64 from = sent > to->done ? sent : to->done;

	if (seen.samples < SAMPLES)
		seen.delay[seen.samples++] = now > from ? now - from : 0;
	to->came++;
	to->done = (now > to->done ? now : to->done) + to->take;
}

/* The device takes what waits; the ring is empty then. */
static void turn(struct end *e)
{
	struct end *to = other(e);
	unsigned int i, n = e->waiting;
	u32 behind = to->take && to->done > now ? (to->done - now) / to->take : 0;

	for (i = 0; i < n; i++) {
		now += FRAME_NS;
		arrive(to, e->sent[i]);
	}
	if (n && behind < e->load.behind)
		e->load.behind = behind;
	e->load.frames += n;
	e->waiting = 0;
	e->look = vnic_load_rest(&e->load, now, e->came, most);
	seen.late |= e->look > now + DELAY || (!to->take && e->look > now + MOST);
}

/* The driver rings for what waits. */
static void ring(struct end *e)
{
	u64 begin;

	seen.rings++;
	now += RING_NS;
	begin = now;
	if (vnic_load_busy(&e->load, now)) {
		now += WAKE_NS;
		turn(e);
		return;
	}
	seen.here++;
	turn(e);
	vnic_load_turned(&e->load, begin, now);
}

/* Who has to be looked at next?  NULL: nobody until then. */
static struct end *next_look(u64 until)
{
	struct end *next = NULL;
	unsigned int i;

	for (i = 0; i < 2; i++)
		if (ends[i].look && ends[i].look <= until && (!next || ends[i].look < next->look))
			next = &ends[i];
	return next;
}

/* Time passes until then; the worker looks when it is due. */
static void pass_to(u64 until)
{
	struct end *e;

	while ((e = next_look(until))) {
		now = (e->look > now ? e->look : now) + WAKE_NS;
		seen.looks++;
		turn(e);
	}
	now = until > now ? until : now;
}

static void pass(u64 ns)
{
	pass_to(now + ns);
}

/* The driver sends @n frames and shows them at once. */
static void send(struct end *e, unsigned int n)
{
	while (e->waiting + n > RING)
		pass(USEC);
	while (n--) {
		now += PUT_NS;
		e->sent[e->waiting++] = now;
	}
	pass(0);
	if (e->waiting && (!e->look || e->waiting >= RING / 2))
		ring(e);
}

/* Bursts of @n frames that begin @gap ns apart, or as soon as there is time. */
static void stream(unsigned int n, u64 gap, unsigned int times)
{
	u64 at = now;

	while (times--) {
		pass_to(at);
		send(&ends[0], n);
		at += gap;
	}
}

/* ---- figures ---- */

static int by_value(const void *a, const void *b)
{
	u32 x = *(const u32 *)a, y = *(const u32 *)b;

	return x < y ? -1 : x > y;
}

static u32 percentile(unsigned int percent)
{
	qsort(seen.delay, seen.samples, sizeof(*seen.delay), by_value);
	return seen.samples ? seen.delay[(u64)(seen.samples - 1) * percent / 100] : 0;
}

struct figures {
	double	rate;		/* a second */
	u32	p50, p99, max;	/* ns */
};

static struct figures figures(unsigned int done, u64 since)
{
	return (struct figures) {
		.rate = done * 1e9 / (now - since),
		.p50 = percentile(50), .p99 = percentile(99), .max = percentile(100),
	};
}

/* @n frames: shown at once, or each when it is ready */
static void send_some(struct end *e, unsigned int n, bool together)
{
	if (together && n)
		send(e, n);
	for (; !together && n; n--)
		send(e, 1);
}

/*
 * So many requests under way; a frame answers @window of them, and each @think ns
 * later, with what has come meanwhile.
 */
static struct figures loop(u64 may_wait, unsigned int depth, unsigned int window, u64 think,
			   bool together)
{
	unsigned int done = 0, owed = 0, n;
	struct end *a = &ends[0], *b = &ends[1];
	u64 begin;

	start(may_wait);
	begin = now;
	send_some(a, depth, together);
	while (now < begin + 100 * MSEC) {
		owed += b->came - b->seen;
		b->seen = b->came;
		send_some(b, owed / window, together);
		owed %= window;
		n = (a->came - a->seen) * window;
		a->seen = a->came;
		done += n;
		send_some(a, n, together);
		pass(think);
	}
	return figures(done, begin);
}

/* Looks cost a loop a tenth of its rate at most, and its frames LATE. */
static bool shown_ok(unsigned int depth, unsigned int window, u64 think, bool together)
{
	struct figures off = loop(0, depth, window, think, together);
	struct figures on = loop(MOST, depth, window, think, together);

	printf("# %u under way, an answer for %u, %llu ns later%s: %.0f/s, %u %u %u ns; ", depth,
	       window, (unsigned long long)think, together ? ", together" : "", on.rate, on.p50,
	       on.p99, on.max);
	printf("without looks %.0f/s, %u %u %u ns\n", off.rate, off.p50, off.p99, off.max);
	return on.rate >= 0.9 * off.rate && on.p99 <= off.p99 + LATE;
}

/* ... whether they are shown one by one or what one turn has to send at once */
static bool loop_ok(unsigned int depth, unsigned int window, u64 think)
{
	return shown_ok(depth, window, think, true) & shown_ok(depth, window, think, false);
}

/* ---- cases ---- */

static void test_loops(void)
{
	static const unsigned int depth[] = { 1, 2, 3, 4, 5, 8, 16, 32, 48, 64 };
	bool whole = true, parts = true, thinks = true, alone = true;
	unsigned int i;

	for (i = 0; i < sizeof(depth) / sizeof(*depth); i++) {
		whole &= loop_ok(depth[i], 1, 100);
		alone &= !seen.looks || depth[i] >= 64;
		thinks &= loop_ok(depth[i], 1, 20 * USEC);
		if (depth[i] >= 4)
			parts &= loop_ok(depth[i], depth[i] / 4, 100) &
				 loop_ok(depth[i], depth[i], 100);
	}
	result(whole, "loops of 1 to 64 requests do not wait for looks");
	result(alone, "nor are they looked at");
	result(thinks, "nor when answers take their time");
	result(parts, "nor when an answer is for several requests");
	result(loop_ok(128, 8, 100) & loop_ok(128, 64, 100) & loop_ok(128, 128, 100),
	       "nor when more are under way than make a stream");
}

/* A receiver that needs @take ns for a frame, on a CPU of its own */
static void flood(u64 take, unsigned int times)
{
	start(MOST);
	ends[1].take = take;
	stream(32, 0, times);
}

static void test_behind(void)
{
	flood(4 * USEC, 100);
	forget();
	stream(32, 0, 1000);
	result(seen.rings <= 32000 / 100, "who floods a receiver that is behind hardly rings");
	result(seen.looks <= 32000 / 100, "looks at it find a batch");
	result(percentile(99) <= LATE, "and the receiver does not wait for them");
	pass(700 * USEC);
	ends[1].take = 0;
	forget();
	stream(32, 60 * USEC, 1000);
	result(seen.here > 990, "when it has caught up, who rings takes the turns");
	flood(4 * USEC, 100);
	ends[1].take = 0;
	forget();
	stream(32, 0, 1000);
	result(seen.here > 950, "also of one that floods it still");
	start(MOST);
	ends[1].take = 2300;
	stream(16, 32 * USEC, 80);
	result(percentile(100) <= LATE, "nor one that is hardly slower than the sender");
	result(!seen.late, "no look is later than the bound");
	start(MOST);
	ends[1].take = 20 * USEC;
	stream(1, 15 * USEC, 5000);
	result(seen.here == 5000, "who sends now and then to one that is behind is served at once");
}

static void test_fast(void)
{
	start(MOST);
	stream(1, 0, 1000);
	forget();
	stream(1, 0, 20000);
	result(seen.rings < 20000 / 100, "who sends frame by frame at full speed hardly rings");
	result(percentile(99) <= LATE, "and its frames are seldom late");
	pass(4 * MOST);
	forget();
	stream(1, 0, 1);
	result(seen.rings && percentile(100) <= LATE / 4, "when it has stopped, it rings again");
	result(!seen.late, "no look is later than the bound");
}

/* Who sends now and then is served at once. */
static void test_slow(void)
{
	static const struct {
		unsigned int	burst;
		u64		gap;
	} slow[] = { { 1, 50 * USEC }, { 1, 15 * USEC }, { 1, 5 * USEC }, { 32, 3 * MSEC },
		     { 32, 60 * USEC } };
	unsigned int i;

	for (i = 0; i < sizeof(slow) / sizeof(*slow); i++) {
		start(MOST);
		stream(slow[i].burst, slow[i].gap, 5000);
		result(seen.here == 5000, "%u frames each %llu us are who rings'", slow[i].burst,
		       (unsigned long long)(slow[i].gap / USEC));
	}
}

/* Sends a few frames and stops, again and again */
static void moments(unsigned int n, unsigned int times)
{
	while (times--) {
		stream(1, 0, n);
		pass(100 * USEC);
	}
}

static void test_moments(void)
{
	start(MOST);
	stream(1, 0, 1000);
	forget();
	moments(8, 1000);
	result(seen.here > 7900, "who stops all the time is not looked at for long");
	moments(90, 20);
	forget();
	moments(90, 100);
	result(seen.rings < 100 * 90 / 4, "but is when it goes on for a while each time");
	loop(MOST, 128, 8, 100, false);
	result(seen.looks < 100, "who begins to stream, but is answered, is looked at ever less");
	stream(1, 0, 20000);
	pass(5 * MSEC);
	forget();
	stream(1, 0, 1000);
	result(seen.rings < 100, "until it streams: then soon, also the next time");
}

static void test_never(void)
{
	flood(4 * USEC, 100);
	most = 0;
	stream(32, 0, 100);
	forget();
	stream(32, 0, 1000);
	result(seen.here == 1000 && !seen.looks, "looks can be turned off");
	start(0);
	ends[1].take = 4 * USEC;
	stream(32, 0, 1000);
	result(seen.here == 1000, "before there are any, too");
}

int main(int argc, char **argv)
{
	(void)argv;
	first_ends = argc > 1;
	test_loops();
	test_behind();
	test_fast();
	test_slow();
	test_moments();
	test_never();
	return finish();
}
