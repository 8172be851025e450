// SPDX-License-Identifier: GPL-2.0
/*
 * Fair queueing (the very fair.c of the module): who sends how much, who goes
 * first, and how long it takes to find out.  Prints KTAP.  With any argument it
 * ends at the first failure.
 */
#include <linux/types.h>
#include <string.h>

#include <linux/minmax.h>
#include <linux/spinlock.h>

#include "fair.h"
#include "unit.h"

static struct vnic_fair fair;
static u64 sent[VNIC_FLOWS];

static struct vnic_flow *flow(unsigned int i)
{
	return &fair.flows[i];
}

static void start(void)
{
	vnic_fair_init(&fair);
	memset(sent, 0, sizeof(sent));
}

/* Here a fifo is no more than its length. */
static void put(unsigned int i, unsigned int frames, u32 bytes)
{
	for (; frames; frames--) {
		flow(i)->fifo.len++;
		flow(i)->fifo.cells += bytes / 2048 + 1;
		vnic_fair_join(&fair, flow(i), bytes);
	}
}

/* The next sends a frame of @bytes[its number]; its number, or -1 */
static int take(const u32 *bytes)
{
	struct vnic_flow *next = vnic_fair_next(&fair);
	int i = next ? next - fair.flows : -1;

	if (!next)
		return -1;
	next->fifo.len--;
	vnic_fair_sent(next, bytes[i]);
	sent[i] += bytes[i];
	return i;
}

static u64 gap(u64 a, u64 b)
{
	return a > b ? a - b : b - a;
}

static void shares(void)
{
	static const u32 bytes[][4] = {
		{ 1514, 1514, 1514, 1514 }, { 60, 1514, 600, 9014 }, { 65226, 1514, 60, 65226 },
	};
	unsigned int i, j, k, round;

	for (i = 0; i < 3; i++) {
		u32 longest = 0, quantum;
		u64 worst = 0;

		start();
		for (j = 0; j < 4; j++) {
			put(j, 100000, bytes[i][j]);
			longest = max(longest, bytes[i][j]);
		}
		quantum = max_t(u32, VNIC_QUANTUM, longest / 8);
		for (round = 0; round < 20000; round++) {
			take(bytes[i]);
			for (j = 0; j < 4; j++)
				for (k = 0; k < j; k++)
					worst = max(worst, gap(sent[j], sent[k]));
		}
		result(worst <= 2 * longest + 2 * quantum,
		       "flows with frames of %u to %u bytes differ by %llu bytes at most",
		       bytes[i][0], bytes[i][3], (unsigned long long)worst);
	}
}

static void fresh_first(void)
{
	static const u32 bytes[VNIC_FLOWS] = { 1514, 1514, 100, 1500 };
	unsigned int i;

	start();
	put(0, 10000, 1514);
	put(1, 10000, 1514);
	for (i = 0; i < 10; i++)
		take(bytes);
	put(2, 1, 100);
	result(take(bytes) == 2, "who has just begun to wait goes first");
	put(2, 100, 100);
	for (i = 1; take(bytes) == 2; i++)
		;
	result(i == 16, "with a quantum: %u frames of 100 bytes", i);
	start();
	put(0, 10000, 1514);
	put(1, 10000, 1514);
	for (i = 0; i < 10000; i++) {
		if (i % 2 && !flow(3)->fifo.len)
			put(3, 1, 1500);
		take(bytes);
	}
	result(sent[3] <= sent[0] + 2 * VNIC_QUANTUM && sent[0] > 100000 && sent[1] > 100000,
	       "and gets no more than its share by never having more than one: %llu of %llu bytes",
	       (unsigned long long)sent[3], (unsigned long long)sent[0]);
}

static void emptied(void)
{
	static const u32 bytes[VNIC_FLOWS] = { 1514, 1514 };

	start();
	result(take(bytes) < 0, "nobody waits");
	put(0, 3, 1514);
	put(1, 1, 65226);
	flow(0)->fifo.len = 0;		/* all were taken back */
	result(take(bytes) == 1, "a flow whose frames are gone is passed over");
	result(take(bytes) < 0 && vnic_fair_empty(&fair), "then nobody waits");
	result(!fair.longest, "and no frame is the longest");
	put(0, 1, 1514);
	result(take(bytes) == 0 && take(bytes) < 0, "it can come back");
}

/* All flows have sent their longest frame. */
static void rounds(void)
{
	u32 bytes[VNIC_FLOWS];
	unsigned int i;
	s64 quantum;

	start();
	for (i = 0; i < VNIC_FLOWS; i++) {
		bytes[i] = 256 * 1024;
		put(i, 2, bytes[i]);
	}
	quantum = flow(0)->deficit;
	for (i = 0; i < VNIC_FLOWS; i++)
		take(bytes);
	for (i = 0; i < VNIC_FLOWS && flow(i)->deficit + 9 * quantum > 0; i++)
		;
	result(i == VNIC_FLOWS, "nobody owes more than nine rounds give");
	result(take(bytes) >= 0, "somebody may send");
}

static void fattest(void)
{
	start();
	put(3, 10, 1514);
	put(60, 2, 65226);
	put(5, 1, 65226);
	result(vnic_fair_fattest(&fair) == flow(60), "who occupies most");
}

int main(int argc, char **argv)
{
	(void)argv;
	first_ends = argc > 1;
	shares();
	fresh_first();
	emptied();
	rounds();
	fattest();
	return finish();
}
