// SPDX-License-Identifier: GPL-2.0
/*
 * Sharing a link (the very share.c of the module) under a synthetic clock: who
 * gets how much of it, alone and in groups.  Prints KTAP.  With any argument it ends at the first
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
#define GROUPS		4
#define CAP_WINDOW	VNIC_SHARE_WINDOW_MAX
#define GREEDY		(~0ULL)

/**
 * struct source - who sends
 * @claim: its claim
 * @offered: bytes per second it wants to send; GREEDY: all it can
 * @frame: bytes of its frames
 * @due: nano-bytes that it wants to have sent by now, beyond what it has
 * @sent: bytes
 * @refused: frames that had to wait
 * @patient: it asks again after vnic_share_wait() only
 * @next: when it does
 */
struct source {
	struct vnic_claim	claim;
	u64			offered;
	u64			frame;
	s64			due;
	u64			sent;
	u64			refused;
	bool			patient;
	u64			next;
};

static struct vnic_share share;
static struct vnic_share groups[GROUPS];
static struct source sources[MAX];
static unsigned int num;
static u64 now;
static u64 unclaimed;	/* bytes per second that go by unasked */

static void start(u64 rate)
{
	vnic_share_init(&share, rate ? VNIC_SHARE_WINDOW : CAP_WINDOW);
	now = 123456789;
	vnic_share_set(&share, rate, DEPTH, now);
	num = 0;
	unclaimed = 0;
}

/* Add a source to the link or a group; returns its number. */
static unsigned int add_to(struct vnic_share *of, u64 offered, u64 frame, u64 min, u32 weight,
			   u8 prio)
{
	struct source *s = &sources[num];

	*s = (struct source) { .offered = offered, .frame = frame };
	vnic_claim_init(&s->claim);
	vnic_share_set_claim(of, &s->claim, min, weight, prio);
	return num++;
}

static unsigned int add(u64 offered, u64 frame, u64 min, u32 weight, u8 prio)
{
	return add_to(&share, offered, frame, min, weight, prio);
}

/* Make a group, of the link or another; returns it. */
static struct vnic_share *group(unsigned int i, struct vnic_share *of, u64 rate, u64 min,
				u32 weight, u8 prio)
{
	vnic_share_init(&groups[i], 0);
	vnic_share_set_group(&groups[i], of, rate, rate ? rate / 250 : DEPTH, min, weight, prio);
	return &groups[i];
}

static void look_at(struct source *s)
{
	unsigned int burst;

	if (s->offered != GREEDY)
		s->due += s->offered * TICK;
	if (s->patient && now < s->next)
		return;
	for (burst = 0; burst < 1000; burst++) {
		if (s->offered != GREEDY && s->due < (s64)(s->frame * VNIC_NANO))
			return;
		if (!vnic_share_take(&share, &s->claim, s->frame, now)) {
			s->refused++;
			s->next = now + vnic_share_wait(&share, &s->claim, now);
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

/* Source @i wants that much from now on. */
static void offer(unsigned int i, u64 offered)
{
	sources[i].offered = offered;
	sources[i].due = 0;
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
/* A source by chance offers something else; and then a millisecond. */
static void change_one(void)
{
	unsigned int i = random_below(MAX);

	sources[i].offered = random_below(2) ? GREEDY : random_below(RATE / 4);
	sources[i].frame = random_below(8) ? FRAME : TSO;
	sources[i].due = 0;
	run(1);
}

/* Bytes that every @nth source has sent */
static u64 sent_by(unsigned int nth)
{
	unsigned int i;
	u64 sent = 0;

	for (i = 0; i < MAX; i += nth)
		sent += sources[i].sent;
	return sent;
}

/* What of that is beyond @rate since @from and what was saved */
static u64 beyond(unsigned int nth, u64 rate, u64 from, u64 saved)
{
	u64 sent = sent_by(nth), most = rate / 1000 * ((now - from) / 1000000) + saved;

	return sent > most ? sent - most : 0;
}

static void test_bound(void)
{
	u64 from, more, worst = 0;
	unsigned int i, step;

	start(RATE);
	for (i = 0; i < MAX; i++)
		add(GREEDY, FRAME, i < 2 ? 20 * MBPS : 0, i + 1, i % 3);
	from = now;
	for (step = 0; step < 20000; step++) {
		change_one();
		more = beyond(1, RATE, from, MAX * (DEPTH + TSO));
		if (more > worst)
			worst = more;
	}
	if (worst)
		printf("# %llu bytes too many\n", (unsigned long long)worst);
	result(!worst, "never more than the link and what was saved");
	result(sent_by(1) > RATE / 1000 * ((now - from) / 1000000) * 95 / 100, "and hardly less");
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

/* ---- groups ---- */

static void test_groups(void)
{
	struct vnic_share *a, *b;

	start(RATE);
	a = group(0, &share, 0, 0, 1, 0);
	b = group(1, &share, 0, 0, 3, 0);
	add_to(a, GREEDY, FRAME, 0, 1, 0);
	add_to(a, GREEDY, TSO, 0, 4, 0);
	add_to(b, GREEDY, FRAME, 0, 1, 0);
	measure(2000);
	result(got(0, 2000, 5) & got(1, 2000, 20) & got(2, 2000, 75),
	       "a group shares as one, its members what it gets, by weight");

	start(RATE);
	a = group(0, &share, 0, 0, 1, 0);
	add_to(a, 5 * MBPS, FRAME, 0, 1, 0);
	add_to(a, GREEDY, FRAME, 0, 1, 0);
	add(GREEDY, FRAME, 0, 1, 0);
	measure(1000);
	result(got(0, 1000, 5) & got(1, 1000, 45) & got(2, 1000, 50),
	       "what a member leaves is its group's");
	offer(1, 10 * MBPS);
	measure(1000);
	result(got(1, 1000, 10) & got(2, 1000, 85), "what a group leaves goes to the others");

	start(RATE);
	a = group(0, &share, 0, 60 * MBPS, 1, 0);
	add_to(a, GREEDY, FRAME, 50 * MBPS, 1, 0);
	add_to(a, GREEDY, FRAME, 0, 1, 0);
	add(GREEDY, TSO, 0, 1, 7);
	measure(1000);
	result(got(0, 1000, 55) & got(1, 1000, 5) & got(2, 1000, 40),
	       "a group's minimum is its members', their own minima first");
	offer(0, 0);
	measure(1000);
	result(got(1, 1000, 60) & got(2, 1000, 40), "or whoever of them wants it");

	start(RATE);
	a = group(0, &share, 0, 0, 1, 0);
	add_to(a, GREEDY, FRAME, 0, 1, 7);
	add_to(a, GREEDY, FRAME, 0, 1, 0);
	add(GREEDY, FRAME, 0, 1, 0);
	measure(1000);
	result(got(0, 1000, 50) & got(2, 1000, 50), "a priority counts inside the group");
	result(sources[1].sent < RATE / 1000, "there it does");

	start(RATE);
	a = group(0, &share, 0, 0, 1000, 0);
	b = group(1, &share, MBPS, 0, 1000, 0);
	add_to(a, 0, FRAME, 0, 1, 0);
	add_to(b, GREEDY, FRAME, 0, 1, 0);
	add(GREEDY, FRAME, 0, 1, 0);
	measure(1000);
	result(got(1, 1000, 1) & got(2, 1000, 99),
	       "groups that are full or have their rate leave the rest at once");
}

static void test_nested(void)
{
	struct vnic_share *a, *b;

	start(RATE);
	a = group(0, &share, 0, 40 * MBPS, 1, 0);
	b = group(1, a, 0, 30 * MBPS, 1, 0);
	add_to(b, GREEDY, FRAME, 0, 1, 0);
	add_to(b, GREEDY, FRAME, 10 * MBPS, 1, 0);
	add_to(a, GREEDY, FRAME, 0, 1, 5);
	add(GREEDY, TSO, 0, 1, 7);
	measure(1000);
	result(got(0, 1000, 10) & got(1, 1000, 20) & got(2, 1000, 10) & got(3, 1000, 60),
	       "minima in groups in groups");
	offer(3, 0);
	measure(1000);
	result(got(0, 1000, 10) & got(1, 1000, 20) & got(2, 1000, 70),
	       "and what is spare goes by the priority of each level");
}

static void test_caps(void)
{
	struct vnic_share *a, *b, *c;

	start(0);
	a = group(0, &share, 10 * MBPS, 0, 1, 0);
	b = group(1, &share, 20 * MBPS, 0, 1000000, 0);
	c = group(2, b, 5 * MBPS, 0, 1, 0);
	add_to(a, GREEDY, FRAME, 0, 1, 0);
	add_to(a, GREEDY, TSO, 0, 1, 0);
	add_to(b, GREEDY, FRAME, 0, 1, 0);
	add_to(c, GREEDY, FRAME, 0, 1, 0);
	add_to(c, GREEDY, FRAME, 0, 4, 0);
	add(20 * RATE, FRAME, 0, 1, 0);
	measure(20000);
	result(got(0, 20000, 5) & got(1, 20000, 5), "a group's rate is shared by its members");
	result(got(2, 20000, 15) & got(3, 20000, 1) & got(4, 20000, 4),
	       "so is that of a group in a group, and the rest of the outer one's");
	result(got(5, 20000, 2000), "who is in none has no limit");
	offer(2, 0);
	measure(1000);
	result(got(3, 1000, 1) & got(4, 1000, 4), "an inner rate holds where the outer has room");

	start(0);
	a = group(0, &share, 10 * MBPS, 0, 1, 0);
	b = group(1, a, 8 * MBPS, 0, 1, 0);
	add_to(a, GREEDY, FRAME, 0, 1, 0);
	add_to(b, GREEDY, FRAME, 0, 1, 0);
	add_to(b, GREEDY, TSO, 0, 1, 0);
	measure(20000);
	result(got(0, 20000, 5) & got(1, 20000, 2.5) & got(2, 20000, 2.5),
	       "an outer rate holds where the inner has room");
	offer(0, 1 * MBPS);
	measure(20000);
	result(got(0, 20000, 1) & got(1, 20000, 4) & got(2, 20000, 4), "and then the inner one");

	start(0);
	a = group(0, &share, 0, 0, 1, 0);
	b = group(1, a, 8 * MBPS, 0, 1, 0);
	c = group(2, a, 4 * MBPS, 0, 1, 3);
	add_to(b, GREEDY, FRAME, 0, 1, 0);
	add_to(c, GREEDY, FRAME, 0, 1, 0);
	measure(1000);
	result(got(0, 1000, 8) & got(1, 1000, 4), "in a group without a rate each has its own");
}

/* All wait as they are told.  Nobody starves, and nothing is lost. */
static void test_waiting(void)
{
	struct vnic_share *a;
	unsigned int i;

	start(0);
	a = group(0, &share, 10 * MBPS, 0, 1, 0);
	for (i = 0; i < 4; i++)
		sources[add_to(a, GREEDY, i ? FRAME : TSO, 0, 1, 0)].patient = true;
	measure(40000);
	result(got(0, 40000, 2.5) & got(1, 40000, 2.5) & got(2, 40000, 2.5) & got(3, 40000, 2.5),
	       "who waits as it is told has its part");
	result(sources[1].refused < 40000, "and is not told to ask too often");

	start(0);
	a = group(0, &share, 1 * MBPS, 0, 1, 0);
	sources[add_to(a, GREEDY, TSO, 0, 1, 0)].patient = true;
	measure(20000);
	sources[0].sent = sources[0].sent / TSO * TSO;
	result(sources[0].sent * 8 / 20 > 950000 && sources[0].sent * 8 / 20 < 1050000,
	       "at a low rate, too");

	start(0);
	a = group(0, &share, 10 * MBPS, 0, 1, 0);
	add_to(a, 0, FRAME, 0, 1, 0);
	run(100);
	result(!vnic_share_wait(&share, &sources[0].claim, now), "who has tokens does not wait");
	vnic_share_charge(&share, &sources[0].claim, 12500 + DEPTH / 10);
	result(vnic_share_wait(&share, &sources[0].claim, now) == 10000000,
	       "who owes waits for as long as that takes");
	vnic_share_charge(&share, &sources[0].claim, 1250000);
	result(vnic_share_wait(&share, &sources[0].claim, now) <= CAP_WINDOW / 2,
	       "never so long that something is lost");
}

static void test_refund(void)
{
	struct vnic_share *a;
	s64 before;

	start(0);
	a = group(0, &share, 10 * MBPS, 0, 1, 0);
	add_to(a, 0, FRAME, 0, 1, 0);
	run(100);
	vnic_share_take(&share, &sources[0].claim, FRAME, now);
	before = sources[0].claim.tokens;
	vnic_share_take(&share, &sources[0].claim, TSO, now);
	vnic_share_refund(&share, &sources[0].claim, TSO);
	result(sources[0].claim.tokens == before, "what did not go is given back");
	vnic_share_refund(&share, &sources[0].claim, TSO);
	result(sources[0].claim.tokens == a->depth, "no more than it can hold");
	offer(0, GREEDY);
	measure(1000);
	result(got(0, 1000, 10), "and it goes on");
}

static void test_group_bound(void)
{
	u64 from, more, worst = 0;
	struct vnic_share *a, *b;
	unsigned int i, step;

	start(0);
	a = group(0, &share, RATE, 0, 1, 0);
	b = group(1, a, RATE / 2, 0, 1, 0);
	for (i = 0; i < MAX; i++)
		add_to(i % 2 ? a : b, GREEDY, FRAME, 0, i + 1, i % 3);
	from = now;
	for (step = 0; step < 5000; step++) {
		change_one();
		more = beyond(1, RATE, from, MAX * (DEPTH + TSO));
		if (more > worst)
			worst = more;
		more = beyond(2, RATE / 2, from, MAX / 2 * (DEPTH + TSO) + DEPTH);
		if (more > worst)
			worst = more;
	}
	if (worst)
		printf("# %llu bytes too many\n", (unsigned long long)worst);
	result(!worst, "never more than a group's rate and what was saved");
}

static void test_moves(void)
{
	struct vnic_share *a, *b;

	start(0);
	a = group(0, &share, 10 * MBPS, 0, 1, 0);
	b = group(1, &share, 20 * MBPS, 0, 1, 0);
	add_to(a, GREEDY, FRAME, 0, 1, 0);
	add_to(a, GREEDY, FRAME, 0, 1, 0);
	add_to(b, GREEDY, FRAME, 0, 1, 0);
	run(100);
	vnic_share_set(&share, 0, 0, now);
	vnic_share_set_group(a, b, 10 * MBPS, DEPTH / 10, 0, 1, 0);
	vnic_share_set_group(b, &share, 20 * MBPS, DEPTH / 5, 0, 1, 0);
	vnic_share_set_claim(a, &sources[0].claim, 0, 1, 0);
	vnic_share_set_claim(b, &sources[1].claim, 0, 1, 0);
	vnic_share_set_claim(b, &sources[2].claim, 0, 2, 0);
	measure(1000);
	result(got(0, 1000, 5) & got(1, 1000, 5) & got(2, 1000, 10),
	       "groups and members move, and count where they are");
	vnic_share_remove(&sources[0].claim);
	measure(1000);
	result(got(1, 1000, 20.0 / 3) & got(2, 1000, 40.0 / 3), "an empty group leaves its part");
	sources[0].sent = 0;
	offer(0, RATE);
	run(100);
	result(got(0, 100, 100), "who is removed has no limit");
}

/* Others behind a source that leave it half of what it has saved */
static void test_spare(void)
{
	struct vnic_claim *c = &sources[0].claim;

	start(RATE);
	add_to(&share, 0, FRAME, 0, 1, 0);
	run(100);
	result(vnic_share_has_half(&share, c, now), "who is full has some to spare");
	vnic_share_charge(&share, c, DEPTH * 3 / 4);
	result(!vnic_share_has_half(&share, c, now) && vnic_share_take(&share, c, FRAME, now),
	       "who has less than half has none to spare, and may go");
	vnic_share_remove(c);
	result(vnic_share_has_half(&share, c, now), "who has no limit has");
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
	test_groups();
	test_nested();
	test_caps();
	test_waiting();
	test_refund();
	test_group_bound();
	test_moves();
	test_spare();
	return finish();
}
