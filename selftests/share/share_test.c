// SPDX-License-Identifier: GPL-2.0
/*
 * Sharing a link (the very share.c of the module) under a synthetic clock: who
 * gets how much of it.  Prints KTAP.  With any argument it ends at the first
 * failure.
 */
#include <stdio.h>
#include <stdlib.h>

#include <linux/minmax.h>

#include "meter.h"
#include "share.h"
#include "unit.h"

#define MBPS		125000ULL	/* bytes per second */
#define FRAME		1514ULL
#define TSO		(45 * 1514ULL)
#define RATE		(100 * MBPS)
#define DEPTH		(RATE / 250)	/* 4 ms */
#define TICK		20000ULL	/* ns between two looks at a source */
#define MAX		8
#define GREEDY		(~0ULL)

/**
 * struct source - who sends
 * @claim: its claim
 * @offered: bytes per second it wants to send; GREEDY: all it can
 * @frame: bytes of its frames
 * @due: nano-bytes that it wants to have sent by now, beyond what it has
 * @sent: bytes
 * @refused: frames that had to wait
 */
struct source {
	struct vnic_claim	claim;
	u64			offered;
	u64			frame;
	s64			due;
	u64			sent;
	u64			refused;
};

static struct vnic_share share;
static struct source sources[MAX];
static unsigned int num;
static u64 now;
static u64 unclaimed;	/* bytes per second that go by unasked */

static void start(u64 rate)
{
	vnic_share_init(&share);
	now = 123456789;
	vnic_share_set(&share, rate, DEPTH, now);
	num = 0;
	unclaimed = 0;
}

/* Add a source; returns its number. */
static unsigned int add(u64 offered, u64 frame, u64 min, u32 weight, u8 prio)
{
	struct source *s = &sources[num];

	*s = (struct source) { .offered = offered, .frame = frame };
	vnic_claim_init(&s->claim);
	vnic_share_set_claim(&share, &s->claim, min, weight, prio);
	return num++;
}

static void look_at(struct source *s)
{
	unsigned int burst;

	if (s->offered != GREEDY)
		s->due += s->offered * TICK;
	for (burst = 0; burst < 1000; burst++) {
		if (s->offered != GREEDY && s->due < (s64)(s->frame * VNIC_NANO))
			return;
		if (!vnic_share_take(&share, &s->claim, s->frame, now)) {
			s->refused++;
			return;
		}
		s->sent += s->frame;
		s->due -= s->frame * VNIC_NANO;
	}
}

static void run(unsigned int ms)
{
	u64 end = now + ms * 1000000ULL;
	unsigned int i, first = 0;

	while (now < end) {
		now += TICK;
		if (unclaimed)
			vnic_share_spend(&share, unclaimed * TICK / VNIC_NANO, now);
		first++;
		for (i = 0; i < num; i++)
			look_at(&sources[(first + i) % num]);
	}
}

/* Settle, then count for @ms. */
static void measure(unsigned int ms)
{
	unsigned int i;

	run(100);
	for (i = 0; i < num; i++) {
		sources[i].sent = 0;
		sources[i].refused = 0;
	}
	run(ms);
}

/* Has source @i sent @mbps in @ms, to 1 %? */
static bool got(unsigned int i, unsigned int ms, double mbps)
{
	double is = sources[i].sent * 8.0 / 1000 / ms;

	if (is > mbps * 0.99 && is < mbps * 1.01)
		return true;
	printf("# source %u: %.2f Mb/s, not %.2f\n", i, is, mbps);
	return false;
}

static void test_alone(void)
{
	start(RATE);
	add(GREEDY, FRAME, 0, 1, 0);
	add(0, FRAME, 0, 1, 0);
	add(0, FRAME, 50 * MBPS, 50, 7);
	measure(1000);
	result(got(0, 1000, 100), "who is alone gets all");
	start(0);
	add(20 * RATE, FRAME, 0, 1, 0);
	measure(100);
	result(got(0, 100, 2000), "without a rate there is no limit");
}

static void test_weights(void)
{
	start(RATE);
	add(GREEDY, FRAME, 0, 1, 0);
	add(GREEDY, TSO, 0, 1, 0);
	measure(2000);
	result(got(0, 2000, 50) & got(1, 2000, 50), "equals get the same, whatever their frames");
	start(RATE);
	add(GREEDY, FRAME, 0, 1, 0);
	add(GREEDY, FRAME, 0, 3, 0);
	add(GREEDY, FRAME, 0, 6, 0);
	measure(1000);
	result(got(0, 1000, 10) & got(1, 1000, 30) & got(2, 1000, 60), "spare goes by weight");
	start(RATE);
	add(10 * MBPS, FRAME, 0, 1, 0);
	add(GREEDY, FRAME, 0, 1, 0);
	add(GREEDY, FRAME, 0, 3, 0);
	measure(1000);
	result(got(0, 1000, 10) & got(1, 1000, 22.5) & got(2, 1000, 67.5),
	       "what one does not want goes to the others by weight");
}

static void test_minimum(void)
{
	start(RATE);
	add(GREEDY, FRAME, 0, 50, 0);
	add(GREEDY, TSO, 0, 50, 0);
	add(GREEDY, FRAME, 40 * MBPS, 1, 0);
	measure(1000);
	result(got(2, 1000, 40 + 60.0 / 101), "a minimum is kept, and spare comes on top");
	start(RATE);
	add(GREEDY, FRAME, 0, 1000, 7);
	add(GREEDY, TSO, 0, 1000, 7);
	add(38 * MBPS, FRAME, 40 * MBPS, 1, 0);
	measure(1000);
	result(got(2, 1000, 38) && !sources[2].refused, "who is inside its minimum never waits");
	result(got(0, 1000, 31) & got(1, 1000, 31), "what it does not use of it is not lost");
	start(RATE);
	add(GREEDY, FRAME, 60 * MBPS, 60, 0);
	add(GREEDY, FRAME, 20 * MBPS, 20, 0);
	measure(1000);
	result(got(0, 1000, 75) & got(1, 1000, 25), "minima as weights share in proportion");
	start(RATE);
	add(GREEDY, FRAME, 60 * MBPS, 1, 0);
	add(GREEDY, FRAME, 40 * MBPS, 1, 0);
	add(GREEDY, FRAME, 0, 1, 0);
	measure(1000);
	result(got(0, 1000, 60) & got(1, 1000, 40), "all of the link can be promised");
}

static void test_priority(void)
{
	start(RATE);
	add(GREEDY, FRAME, 0, 100, 3);
	add(GREEDY, FRAME, 0, 1, 5);
	add(GREEDY, FRAME, 30 * MBPS, 1, 0);
	measure(1000);
	result(got(1, 1000, 70) & got(2, 1000, 30), "a higher priority gets the spare, no minimum");
	result(sources[0].sent < RATE / 1000, "and who has neither waits");
	start(RATE);
	add(GREEDY, FRAME, 0, 1, 0);
	add(GREEDY, FRAME, 0, 3, 0);
	add(20 * MBPS, FRAME, 0, 1, 1);
	measure(1000);
	result(got(0, 1000, 20) & got(1, 1000, 60) & got(2, 1000, 20),
	       "what a higher priority leaves goes to the lower by weight");
}

static void test_unclaimed(void)
{
	start(RATE);
	add(GREEDY, FRAME, 0, 1, 0);
	add(GREEDY, FRAME, 30 * MBPS, 1, 0);
	unclaimed = 50 * MBPS;
	measure(1000);
	result(got(0, 1000, 10) & got(1, 1000, 40), "what goes by unasked is taken from the spare");
	start(RATE);
	add(GREEDY, FRAME, 0, 1, 0);
	add(GREEDY, FRAME, 30 * MBPS, 1, 0);
	unclaimed = 200 * MBPS;
	measure(1000);
	result(got(1, 1000, 30), "and from no minimum");
	unclaimed = 0;
	run(30);
	sources[0].sent = 0;
	run(100);
	result(got(0, 100, 35), "it is forgotten soon");
}

/* Who comes and goes by chance, with frames by chance, never gets more than is there. */
static void test_bound(void)
{
	u64 from, sent, most, worst = 0;
	unsigned int i, step;

	start(RATE);
	for (i = 0; i < MAX; i++)
		add(GREEDY, FRAME, i < 2 ? 20 * MBPS : 0, i + 1, i % 3);
	from = now;
	for (step = 0; step < 20000; step++) {
		i = random_below(MAX);
		sources[i].offered = random_below(2) ? GREEDY : random_below(RATE / 4);
		sources[i].frame = random_below(8) ? FRAME : TSO;
		sources[i].due = 0;
		run(1);
		for (i = 0, sent = 0; i < MAX; i++)
			sent += sources[i].sent;
		most = RATE / 1000 * ((now - from) / 1000000) + MAX * (DEPTH + TSO);
		if (sent > most && sent - most > worst)
			worst = sent - most;
	}
	if (worst)
		printf("# %llu bytes too many\n", (unsigned long long)worst);
	result(!worst, "never more than the link and what was saved");
	result(sent > RATE / 1000 * ((now - from) / 1000000) * 95 / 100, "and hardly less");
}

static void test_changes(void)
{
	u64 sent;

	start(RATE);
	add(GREEDY, FRAME, 0, 1, 0);
	add(GREEDY, FRAME, 0, 1, 0);
	run(100);
	vnic_share_set(&share, RATE / 10, DEPTH / 10, now);
	vnic_share_set_claim(&share, &sources[0].claim, 0, 1, 0);
	vnic_share_set_claim(&share, &sources[1].claim, 0, 4, 0);
	measure(1000);
	result(got(0, 1000, 2) & got(1, 1000, 8), "another rate and weight count at once");
	vnic_share_remove(&sources[1].claim);
	num = 1;
	measure(1000);
	result(got(0, 1000, 10), "who is gone leaves its share");

	start(RATE);
	add(0, FRAME, 0, 1, 0);
	run(1000);
	vnic_share_take(&share, &sources[0].claim, 0, now);
	result(sources[0].claim.tokens == (s64)(DEPTH * VNIC_NANO), "an idle one saves its depth");
	vnic_share_set(&share, RATE / 10, DEPTH / 10, now);
	vnic_share_set_claim(&share, &sources[0].claim, 0, 1, 0);
	result(sources[0].claim.tokens == (s64)(DEPTH / 10 * VNIC_NANO), "a smaller one later");

	start(RATE);
	add(GREEDY, FRAME, 0, 1, 0);
	run(100);
	sent = sources[0].sent;
	now -= 50000000;
	look_at(&sources[0]);
	result(sources[0].sent <= sent + FRAME, "a clock that steps back earns nothing");
	sources[0].sent = 0;
	run(100);
	result(got(0, 100, 100), "and goes on from there");
	now += 3600 * (u64)VNIC_NANO;
	sent = sources[0].sent;
	look_at(&sources[0]);
	result(sources[0].sent - sent <= DEPTH + FRAME, "nothing old is made up for");
}

static void test_deals(void)
{
	start(RATE);
	add(GREEDY, FRAME, 0, 1, 0);
	now += 1000000000;
	vnic_share_take(&share, &sources[0].claim, 0, now);
	now += 9000000;
	look_at(&sources[0]);
	result(sources[0].sent <= DEPTH + FRAME, "who was idle sends what it saved, no more");

	start(RATE);
	add(GREEDY, FRAME, 0, 1, 0);
	add(GREEDY, TSO, 0, 1, 0);
	now += 1000000000;
	vnic_share_take(&share, &sources[0].claim, FRAME, now);
	vnic_share_take(&share, &sources[1].claim, TSO, now);
	now += 9000000;		/* enough for both */
	vnic_share_take(&share, &sources[0].claim, 0, now);
	result(sources[0].claim.tokens == (s64)(DEPTH * VNIC_NANO) &&
	       sources[1].claim.tokens == (s64)(DEPTH * VNIC_NANO),
	       "what fills one is not lost for the other");
}

int main(int argc, char **argv)
{
	(void)argv;
	first_ends = argc > 1;
	test_alone();
	test_weights();
	test_minimum();
	test_priority();
	test_unclaimed();
	test_bound();
	test_changes();
	test_deals();
	return finish();
}
