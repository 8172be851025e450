// SPDX-License-Identifier: GPL-2.0
/*
 * The switch's token bucket (the very meter.c of the module) under a synthetic
 * clock: no window of time lets more or less pass than the meter promises.
 *
 * All sums are kept exactly, in nano-bytes, in 128 bits.  Prints KTAP.
 * With any argument it ends at the first failure.
 */
#include <stdio.h>
#include <stdlib.h>

#include "meter.h"
#include "unit.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define SEC		1000000000ULL
#define HOUR		(3600 * SEC)
#define FRAMES_MAX	10000000ULL	/* of one run: a fraction of a second of real time */

typedef __int128 s128;

static const unsigned int rates[] = {	/* Mb/s; the odd ones divide nothing evenly */
	1, 7, 10, 100, 333, 1000, 2500, 9973, 10000, 25000, 40000, 100000,
};

/* Layer-2 bytes of a frame, or of all segments of a TSO frame: 45 full ones of 1514 */
static const struct {
	const char	*name;
	unsigned int	bytes;
} sizes[] = { { "64", 64 }, { "512", 512 }, { "1500", 1500 }, { "TSO", 45 * 1514 } };

/**
 * struct watch - every window of time so far
 * @rate: bytes per second
 * @start: ns
 * @passed: nano-bytes since @start
 * @low: least of passed - rate * t at the beginning of any window
 * @high: most of it at the beginning of any window, once the bucket was empty
 * @most: nano-bytes by which some window exceeded rate * t
 * @least: nano-bytes by which some window fell short of it
 */
struct watch {
	u64	rate;
	u64	start;
	s128	passed;
	s128	low;
	s128	high;
	s128	most;
	s128	least;
};

static void watch_init(struct watch *w, u64 rate, u64 now)
{
	*w = (struct watch){ .rate = rate, .start = now };
}

/* passed - rate * t */
static s128 watch_level(const struct watch *w, u64 now)
{
	return w->passed - (s128)w->rate * (now - w->start);
}

/* @bytes passed: the end of windows that may have too much */
static void watch_passed(struct watch *w, u64 now, u64 bytes)
{
	s128 level = watch_level(w, now);

	w->low = level < w->low ? level : w->low;
	w->passed += (s128)bytes * VNIC_NANO;
	level = watch_level(w, now);
	w->most = level - w->low > w->most ? level - w->low : w->most;
}

/* A frame was refused: the end of windows that may have too little. */
static void watch_refused(struct watch *w, u64 now)
{
	s128 level = watch_level(w, now);

	w->high = level > w->high ? level : w->high;
	w->least = w->high - level > w->least ? w->high - level : w->least;
}

/* A meter with its default burst, as the switch sets it */
static void meter_make(struct vnic_meter *m, unsigned int mbps, u64 now)
{
	u64 rate = vnic_meter_rate(mbps);

	*m = (struct vnic_meter){ 0 };
	vnic_meter_set(m, rate, vnic_meter_default_burst(rate), now);
}

static u64 frames_per(u64 rate, u64 ns, unsigned int bytes)
{
	return (u64)((s128)rate * ns / SEC / bytes);
}

/* Offer frames of one size until one is refused.  Returns false if tokens are
 * out of range.
 */
static bool flood(struct vnic_meter *m, struct watch *w, u64 now, unsigned int bytes)
{
	while (vnic_meter_take(m, bytes, now))
		watch_passed(w, now, bytes);
	watch_refused(w, now);
	return m->tokens <= (s64)(m->burst * VNIC_NANO);
}

/*
 * More than the rate is offered all the time: look at every window, and at the
 * sum since the bucket was empty, which must be within 1 % of the rate (or a
 * frame, where that is more).
 */
static const char *overload(unsigned int mbps, unsigned int bytes, u64 ns)
{
	u64 now = random_below(HOUR), start = now, step;
	struct vnic_meter m;
	struct watch w;
	s128 due, off;

	meter_make(&m, mbps, now);
	watch_init(&w, m.rate, now);
	while (vnic_meter_take(&m, bytes, now))
		watch_passed(&w, now, bytes);
	off = -w.passed;
	w.high = w.passed;
	step = 2 * (u64)((s128)bytes * SEC / m.rate) + 1;
	while (now - start < ns) {
		now += random_below(step) + 1;
		if (!flood(&m, &w, now, bytes))
			return "tokens out of range";
	}
	if (w.most > (s128)m.burst * VNIC_NANO)
		return "a window passed more than R t + burst";
	if (w.least > (s128)bytes * VNIC_NANO)
		return "a window passed less than R t - one frame";
	due = (s128)m.rate * (now - start);
	off += w.passed - due;
	off = off < 0 ? -off : off;
	return off > due / 100 && off > (s128)bytes * VNIC_NANO ? "not within 1 %" : NULL;
}

static void test_overload(void)
{
	unsigned int r, s;
	const char *why;
	u64 ns;

	/* A shorter run at the highest rates is the harder test of the 1 %. */
	for (r = 0; r < ARRAY_SIZE(rates); r++) {
		for (s = 0; s < ARRAY_SIZE(sizes); s++) {
			ns = 10 * SEC;
			while (frames_per(vnic_meter_rate(rates[r]), ns, sizes[s].bytes) >
			       FRAMES_MAX)
				ns /= 2;
			why = overload(rates[r], sizes[s].bytes, ns);
			result_why(!why, why, "overload %u Mb/s, %s bytes, %u ms: windows, 1 %%",
			       rates[r], sizes[s].name, (unsigned int)(ns / 1000000));
		}
	}
}

/* Frames of all sizes, bursts and pauses at random: the upper bound always holds. */
static const char *mixed(unsigned int mbps)
{
	u64 now = random_below(HOUR), idle;
	struct vnic_meter m;
	unsigned int n, bytes;
	struct watch w;

	meter_make(&m, mbps, now);
	watch_init(&w, m.rate, now);
	for (n = 0; n < 2000000; n++) {
		bytes = 60 + random_below(random_below(4) ? 1455 : 70000);
		if (vnic_meter_take(&m, bytes, now))
			watch_passed(&w, now, bytes);
		idle = (u64)((s128)bytes * SEC / m.rate);
		now += random_below(8) ? random_below(idle + 1) : random_below(8 * idle + 1);
	}
	return w.most > (s128)m.burst * VNIC_NANO ? "a window passed more than R t + burst" : NULL;
}

static void test_mixed(void)
{
	unsigned int r;
	const char *why;

	for (r = 0; r < ARRAY_SIZE(rates); r++) {
		why = mixed(rates[r]);
		result_why(!why, why, "mixed sizes and pauses, %u Mb/s", rates[r]);
	}
}

/* Over hours, what passed and what is left is the rate to the last nano-byte. */
static void test_drift(unsigned int mbps, unsigned int bytes, u64 ns)
{
	u64 now = 12345, start = now, step;
	struct vnic_meter m;
	s128 begin, passed = 0;
	bool full = false;

	meter_make(&m, mbps, now);
	while (vnic_meter_take(&m, bytes, now))
		;
	begin = m.tokens;
	step = (u64)((s128)bytes * SEC / m.rate) / 2 + 1;
	while (now - start < ns) {
		now += random_below(step) + 1;
		if (vnic_meter_take(&m, bytes, now))
			passed += (s128)bytes * VNIC_NANO;
		if (m.tokens == (s64)(m.burst * VNIC_NANO))
			full = true;
	}
	result_why(!full && begin + (s128)m.rate * (now - start) - passed == m.tokens,
	       "tokens were lost or made", "no drift: %u Mb/s, %u bytes, %u h",
	       mbps, bytes, (unsigned int)(ns / HOUR));
}

/* However long nothing is sent, the bucket holds its burst and no more. */
static void test_idle(void)
{
	static const u64 idle[] = { SEC, HOUR, 24 * HOUR, 365 * 24 * HOUR, INT64_MAX };
	unsigned int r, i;
	struct vnic_meter m;
	u64 passed, now;
	bool ok = true;

	for (r = 0; r < ARRAY_SIZE(rates); r++) {
		for (i = 0; i < ARRAY_SIZE(idle); i++) {
			meter_make(&m, rates[r], 1);
			while (vnic_meter_take(&m, 1500, 1))
				;
			/* a second refills neither 1 Mb/s nor 7 Mb/s */
			now = 1 + (i ? idle[i] : idle[i] * 3);
			for (passed = 0; vnic_meter_take(&m, 64, now); passed += 64)
				;
			if (passed > m.burst || passed + 64 <= m.burst)
				ok = false;
		}
	}
	result_why(ok, "idle time earned another amount than the burst",
	       "idle for 3 s to 292 years earns the burst");
}

/* A step back earns nothing, and the rate goes on from there at once. */
static void test_clock_back(unsigned int mbps)
{
	u64 now = 10 * HOUR, passed = 0, first, rate = vnic_meter_rate(mbps);
	u64 step = (u64)((s128)1500 * SEC / rate) / 2;
	struct vnic_meter m;
	unsigned int n;
	bool earned;

	meter_make(&m, mbps, now);
	while (vnic_meter_take(&m, 1500, now))
		;
	now -= 5 * HOUR;
	earned = vnic_meter_take(&m, 1500, now) || vnic_meter_take(&m, 1500, now - 1) ||
		 vnic_meter_take(&m, 1500, 0);
	/* 0 is where the clock is now */
	for (now = 0, n = 0; n < 100000; n++) {
		now += step;
		if (vnic_meter_take(&m, 1500, now))
			passed += 1500;
	}
	first = (u64)((s128)rate * now / SEC);
	result_why(!earned && passed <= first + 1500 && passed + 1500 >= first,
	       "a step back earned tokens or stopped the meter", "clock steps back, %u Mb/s", mbps);
}

/* The rate changes under load, up and down, every few milliseconds. */
static void test_change(void)
{
	u64 now = HOUR, burst_max = 0, last = now;
	s128 allowed = 0, passed = 0, low = 0, most = 0;
	struct vnic_meter m;
	unsigned int n;
	bool kept = true;
	s64 before, full;

	meter_make(&m, rates[0], now);
	for (n = 0; n < 3000000; n++) {
		now += random_below(20000) + 1;
		allowed += (s128)m.rate * (now - last);
		last = now;
		if (passed - allowed < low)
			low = passed - allowed;
		if (vnic_meter_take(&m, 1500, now))
			passed += 1500 * (s128)VNIC_NANO;
		if (passed - allowed - low > most)
			most = passed - allowed - low;
		burst_max = m.burst > burst_max ? m.burst : burst_max;
		if (random_below(300))
			continue;
		before = m.tokens;
		vnic_meter_set(&m, vnic_meter_rate(rates[random_below(ARRAY_SIZE(rates))]),
			       VNIC_METER_BURST_TSO << random_below(4), now);
		full = m.burst * VNIC_NANO;
		if (m.tokens != (before < full ? before : full))
			kept = false;
	}
	result_why(kept, "tokens changed", "a change of rate keeps what the bucket holds");
	result_why(most <= (s128)burst_max * VNIC_NANO, "a window passed more than its rates + burst",
	       "changes of rate under load keep the bound");
}

/* After wait() and not before, the frame goes. */
static void test_wait(void)
{
	unsigned int r, n, bytes;
	struct vnic_meter m, copy;
	u64 now, wait;
	bool ok = true;

	for (r = 0; r < ARRAY_SIZE(rates); r++) {
		now = HOUR;
		meter_make(&m, rates[r], now);
		for (n = 0; n < 100000; n++) {
			bytes = 60 + random_below(69000);
			wait = vnic_meter_wait(&m, bytes, now);
			copy = m;
			if (wait && vnic_meter_take(&copy, bytes, now + wait - 1))
				ok = false;
			now += wait;
			if (!vnic_meter_take(&m, bytes, now))
				ok = false;
		}
	}
	result_why(ok, "too early or too late", "wait() is exact");
}

/*
 * A frame may be longer than the burst: it goes when the bucket is full, and the rate
 * holds all the same.  Those that wait (pace.c, shaped ones) ask for how long ...
 */
static const char *longer(unsigned int mbps, unsigned int more)
{
	u64 bytes = VNIC_METER_BURST_MIN + more, now = HOUR, wait, n;
	u64 start, rate = vnic_meter_rate(mbps);
	struct vnic_meter m = { 0 };
	s128 passed = 0, due;

	vnic_meter_set(&m, rate, VNIC_METER_BURST_MIN, now);
	vnic_meter_spend(&m, bytes);
	start = now;
	for (n = 0; n < 20000; n++) {
		wait = vnic_meter_wait(&m, bytes, now);
		if (wait && !vnic_meter_wait(&m, bytes, now + wait - 1))
			return "too early";
		/* the timer is late, sometimes later than the bucket takes to be full */
		now = start + wait + random_below(random_below(8) ? 2 : m.fill);
		if (vnic_meter_wait(&m, bytes, now))
			return "never full";
		vnic_meter_spend(&m, bytes);
		passed += bytes;
		due = (s128)rate * (now - HOUR) / SEC;
		if (passed > due + more + 1)
			return "more than the rate";
		start = now;
	}
	return NULL;
}

/*
 * ... and those that are dropped come again: as often as the rate allows, and no
 * window has more than the rate and one of them.
 */
static const char *dropped(unsigned int mbps, unsigned int more)
{
	u64 bytes = VNIC_METER_BURST_MIN + more, now = HOUR, rate = vnic_meter_rate(mbps);
	u64 pause = (u64)((s128)bytes * SEC / rate) / 8, late = 0, missed = 0;
	struct vnic_meter m = { 0 };
	struct watch w;
	unsigned int n;

	vnic_meter_set(&m, rate, VNIC_METER_BURST_MIN, now);
	watch_init(&w, rate, now);
	for (n = 0; n < 100000; n++) {
		late = random_below(2 * pause + 1) + 1;
		now += late;
		if (vnic_meter_take(&m, bytes, now)) {
			watch_passed(&w, now, bytes);
			missed += late;		/* earned while the bucket was full, at most */
		}
	}
	if (w.most > (s128)bytes * VNIC_NANO)
		return "a window passed more than the rate and a frame";
	if (w.passed < (s128)rate * (now - HOUR - missed) - (s128)bytes * VNIC_NANO)
		return "less than the rate";
	return NULL;
}

static void test_longer(void)
{
	static const unsigned int more[] = { 1, 4080, 45 * 1514, 100000, VNIC_METER_FRAME_MAX };
	struct vnic_meter m = { 0 };
	unsigned int r, i;
	const char *why;

	for (r = 0; r < ARRAY_SIZE(rates); r++) {
		for (i = 0, why = NULL; i < ARRAY_SIZE(more) && !why; i++)
			why = longer(rates[r], more[i]);
		result_why(!why, why, "frames longer than the burst wait, %u Mb/s", rates[r]);
		for (i = 0, why = NULL; i < ARRAY_SIZE(more) && !why; i++)
			why = dropped(rates[r], more[i]);
		result_why(!why, why, "frames longer than the burst are dropped, %u Mb/s", rates[r]);
	}
	vnic_meter_spend(&m, UINT64_MAX);
	result_why(!m.tokens, "owed", "without a rate nothing is owed");
	vnic_meter_set(&m, vnic_meter_rate(1), VNIC_METER_BURST_MIN, 1);
	vnic_meter_spend(&m, UINT64_MAX);
	vnic_meter_spend(&m, UINT64_MAX);
	result_why(m.tokens == -(s64)(VNIC_METER_FRAME_MAX * VNIC_NANO), "another debt",
		   "a frame is owed at most");
	vnic_meter_set(&m, vnic_meter_rate(1), UINT64_MAX, 1);
	for (i = 0; i < 3; i++)
		vnic_meter_spend(&m, UINT64_MAX);
	result_why(m.tokens == -(s64)(m.burst * VNIC_NANO), "another debt", "or a burst");
	vnic_meter_set(&m, vnic_meter_rate(1), VNIC_METER_BURST_TSO * 2, 1);
	result_why(m.tokens == -(s64)(VNIC_METER_BURST_TSO * 2 * VNIC_NANO), "another debt",
		   "... of the burst there is now");
}

/* What did not pass after all is there for others, and no more than that. */
static void test_refund(void)
{
	u64 now = HOUR, burst = 100000;
	struct vnic_meter m = { 0 };

	vnic_meter_refund(&m, 1500);
	result_why(!m.tokens, "earned", "without a rate there is nothing to give back");
	vnic_meter_set(&m, vnic_meter_rate(1), burst, now);
	result_why(vnic_meter_take(&m, burst, now) && !vnic_meter_take(&m, 1, now),
		   "not all", "the bucket is taken whole");
	vnic_meter_refund(&m, 1500);
	result_why(!vnic_meter_take(&m, 1501, now) && vnic_meter_take(&m, 1500, now),
		   "another amount", "a frame given back is there for another");
	vnic_meter_refund(&m, burst);
	result_why(vnic_meter_take(&m, 3 * burst, now), "is owed", "a frame longer than the bucket");
	vnic_meter_refund(&m, 3 * burst);
	result_why(vnic_meter_take(&m, burst, now), "is still owed",
		   "what such a frame took is given back whole");
	vnic_meter_refund(&m, burst);
	vnic_meter_refund(&m, UINT64_MAX);
	result_why(m.tokens == (s64)(burst * VNIC_NANO), "more", "no more than the bucket holds");
}

/* Packets instead of bytes: the same bucket, with a depth of its own */
static void test_packets(void)
{
	static const unsigned int pps[] = { 100, 1000, 50000, 2000000, 1000000000 };
	unsigned int i, n, passed;
	struct vnic_meter m;
	u64 burst, now;
	bool ok = true;

	for (i = 0; i < ARRAY_SIZE(pps); i++) {
		burst = vnic_meter_default_packets(pps[i]);
		ok &= burst >= 256 && burst >= pps[i] / 100 && burst <= 4096 + pps[i] / 100;
		m = (struct vnic_meter) { 0 };
		now = HOUR;
		vnic_meter_set(&m, pps[i], burst, now);
		for (passed = 0; vnic_meter_take(&m, 1, now); passed++)
			;
		ok &= passed == burst;
		for (n = passed = 0; n < 1000; n++) {
			now += 10 * SEC / pps[i];	/* ten are earned, one is taken, and nine */
			ok &= vnic_meter_take(&m, 1, now) && vnic_meter_take(&m, 9, now) &&
			      !vnic_meter_take(&m, 1, now);
		}
	}
	result_why(ok, "another number", "packets a second, and their burst");
}

/* Who has to leave something to others gets no more, and they get that. */
static void test_leave(void)
{
	u64 now = HOUR, some = 0, others = 0, leave;
	struct vnic_meter m;

	meter_make(&m, 10, now);
	leave = m.burst / 2;
	for (; vnic_meter_has(&m, 1500, leave, now); some += 1500)
		vnic_meter_spend(&m, 1500);
	result(some <= m.burst - leave && some > m.burst - leave - 1500, "half is left to others");
	while (vnic_meter_take(&m, 1500, now))
		others += 1500;
	result(some + others > m.burst - 1500, "who get it");
	now += SEC / 10;
	result(!vnic_meter_has(&m, 1500, leave, now) && vnic_meter_take(&m, 1500, now),
	       "and what comes first");
}

/* The corners of what can be set */
static void test_limits(void)
{
	const unsigned int most = 1000000;	/* VNIC_RATE_MAX */
	struct vnic_meter m = { 0 };
	u64 passed;
	unsigned int r;
	bool ok = true;

	result_why(vnic_meter_take(&m, UINT64_MAX, 0) && !vnic_meter_wait(&m, UINT64_MAX, 0),
	       "refused", "no rate, no limit");
	for (r = 0; r < ARRAY_SIZE(rates); r++)
		ok &= vnic_meter_default_burst(vnic_meter_rate(rates[r])) >= 4 * 45 * 1442 &&
		      vnic_meter_default_burst(vnic_meter_rate(rates[r])) <= VNIC_METER_BURST_MAX;
	result_why(ok, "burst out of range", "default burst holds four TSO frames");

	meter_make(&m, most, 5);
	vnic_meter_set(&m, vnic_meter_rate(most), UINT64_MAX, 5);
	for (passed = 0; vnic_meter_take(&m, 65536, 5); passed += 65536)
		;
	/* the largest product of rate and time that is multiplied out, and beyond */
	vnic_meter_has(&m, 1, 0, 5 + m.fill - 1);
	ok = m.tokens >= 0 && m.tokens <= (s64)(m.burst * VNIC_NANO);
	vnic_meter_has(&m, 1, 0, UINT64_MAX);
	ok &= m.tokens == (s64)(m.burst * VNIC_NANO);
	result_why(ok && passed <= m.burst, "overflow", "1 Tb/s, burst 1 GiB, clock to its end");
	result_why(vnic_meter_take(&m, m.burst + 1, UINT64_MAX) &&
	       !vnic_meter_take(&m, m.burst + 1, UINT64_MAX), "twice",
	       "more than the burst passes when the bucket is full");

	vnic_meter_set(&m, 0, 0, 6);
	vnic_meter_set(&m, vnic_meter_rate(1), VNIC_METER_BURST_MIN, 7);
	result_why(m.tokens == VNIC_METER_BURST_MIN * VNIC_NANO, "not full",
	       "a meter that had no limit starts full");
}

int main(int argc, char **argv)
{
	static const unsigned int back_mbps[] = { 1, 7, 333, 1000 };
	unsigned int i;

	first_ends = argc > 1 && argv[1];
	printf("KTAP version 1\n");
	test_limits();
	test_idle();
	for (i = 0; i < ARRAY_SIZE(back_mbps); i++)
		test_clock_back(back_mbps[i]);
	test_change();
	test_wait();
	test_leave();
	test_longer();
	test_refund();
	test_packets();
	test_overload();
	test_mixed();
	test_drift(1, 512, 24 * HOUR);
	test_drift(7, 1514, 12 * HOUR);
	test_drift(333, 45 * 1514, 12 * HOUR);
	test_drift(9973, 45 * 1514, HOUR);
	return finish();
}
