// SPDX-License-Identifier: GPL-2.0
/*
 * Dealing out a link by minimum, priority and weight.  Integer arithmetic only;
 * also compiled by selftests/share under a synthetic clock.
 *
 * No product overflows: a rate is at most 1.25 * 10^11 bytes per second
 * (VNIC_RATE_MAX), a window 10^7 ns, and depths are clamped to both.
 */
#include <linux/list.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/types.h>

#include "meter.h"
#include "share.h"

#define VNIC_SHARE_ROUNDS	8	/* of dealing; each but the last fills somebody */

void vnic_share_init(struct vnic_share *s)
{
	*s = (struct vnic_share) {};
	INIT_LIST_HEAD(&s->hungry);
}

/* Give a claim what it can hold of @tokens.  Returns how many. */
static s64 vnic_claim_give(const struct vnic_share *s, struct vnic_claim *c, s64 tokens)
{
	s64 room = s->depth - c->tokens;

	tokens = min(tokens, room);
	c->tokens += tokens;
	if (tokens == room)
		list_del_init(&c->node);
	return tokens;
}

/* Deal the minimum of @dt ns.  Returns what is left of @amount; @prios: bits of
 * the priorities of those that are still not full.
 */
static s64 vnic_share_minimum(struct vnic_share *s, s64 amount, u64 dt, unsigned int *prios)
{
	struct vnic_claim *c, *tmp;

	*prios = 0;
	list_for_each_entry_safe(c, tmp, &s->hungry, node) {
		amount -= vnic_claim_give(s, c, min_t(s64, c->min * dt, amount));
		if (c->tokens < s->depth)
			*prios |= 1U << c->prio;
	}
	return amount;
}

/* Deal by weight to those of a priority.  Returns what is left. */
static s64 vnic_share_spare(struct vnic_share *s, s64 amount, u8 prio)
{
	struct vnic_claim *c, *tmp;
	unsigned int round;
	u64 weights;
	s64 unit;

	for (round = 0; round < VNIC_SHARE_ROUNDS; round++) {
		weights = 0;
		list_for_each_entry(c, &s->hungry, node)
			weights += c->prio == prio ? c->weight : 0;
		if (!weights)
			break;
		unit = div64_u64(amount, weights);
		if (!unit)
			break;
		list_for_each_entry_safe(c, tmp, &s->hungry, node)
			if (c->prio == prio)
				amount -= vnic_claim_give(s, c, unit * c->weight);
	}
	return amount;
}

/* Deal out what has become due. */
static void vnic_share_deal(struct vnic_share *s, u64 now)
{
	u64 dt = now > s->last ? min(now - s->last, VNIC_SHARE_WINDOW) : 0;
	unsigned int prios;
	s64 amount, paid;
	int prio;

	s->last = now;
	amount = vnic_share_minimum(s, s->rate * dt, dt, &prios);
	paid = min(amount, s->debt);
	s->debt -= paid;
	amount -= paid;
	for (prio = VNIC_SHARE_PRIOS - 1; prio >= 0 && amount; prio--)
		if (prios & 1U << prio)
			amount = vnic_share_spare(s, amount, prio);
}

void vnic_share_set(struct vnic_share *s, u64 rate, u64 depth, u64 now)
{
	vnic_share_deal(s, now);
	s->rate = rate;
	s->depth = min_t(u64, depth, VNIC_METER_BURST_MAX) * VNIC_NANO;
	s->debt = 0;
}

void vnic_claim_init(struct vnic_claim *c)
{
	*c = (struct vnic_claim) { .weight = 1 };
	INIT_LIST_HEAD(&c->node);
}

void vnic_share_set_claim(struct vnic_share *s, struct vnic_claim *c, u64 min, u32 weight, u8 prio)
{
	c->min = min;
	c->weight = weight;
	c->prio = prio;
	c->tokens = min_t(s64, c->tokens, s->depth);
	list_del_init(&c->node);
	if (c->tokens < s->depth)
		list_add_tail(&c->node, &s->hungry);
}

void vnic_share_remove(struct vnic_claim *c)
{
	list_del_init(&c->node);
}

bool vnic_share_take(struct vnic_share *s, struct vnic_claim *c, u64 bytes, u64 now)
{
	if (!s->rate)
		return true;
	/* before anything is taken: who was full until now earns nothing for then */
	if (now - s->last >= VNIC_SHARE_STEP)
		vnic_share_deal(s, now);
	if (c->tokens <= 0)
		return false;
	c->tokens -= bytes * VNIC_NANO;
	if (list_empty(&c->node))
		list_add_tail(&c->node, &s->hungry);
	return true;
}

void vnic_share_spend(struct vnic_share *s, u64 bytes, u64 now)
{
	if (!s->rate)
		return;
	if (now - s->last >= VNIC_SHARE_STEP)
		vnic_share_deal(s, now);
	s->debt = min_t(s64, s->debt + bytes * VNIC_NANO, s->rate * VNIC_SHARE_WINDOW);
}
