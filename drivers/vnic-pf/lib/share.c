// SPDX-License-Identifier: GPL-2.0
/*
 * Dealing out a link by minimum, priority and weight.  Integer arithmetic only;
 * also compiled by selftests/share under a synthetic clock.
 *
 * No product overflows: a rate is at most 1.25 * 10^11 bytes per second
 * (VNIC_RATE_MAX), a window 5 * 10^7 ns, and depths are clamped to both.
 *
 * Groups nest as deep as the caller lets them: here, each is a level of recursion.
 */
#include <linux/limits.h>
#include <linux/list.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/types.h>

#include "meter.h"
#include "share.h"

#define VNIC_SHARE_ROUNDS	8	/* of dealing; each but the last fills somebody */
#define VNIC_SHARE_ALL		S64_MAX	/* as much as anybody can hold */

void vnic_share_init(struct vnic_share *s, u64 window)
{
	*s = (struct vnic_share) { .window = window };
	INIT_LIST_HEAD(&s->hungry);
	vnic_claim_init(&s->up);
}

/* ---- who is hungry ---- */

/* A claim is not full: neither is its group, then. */
static void vnic_claim_open(struct vnic_claim *c)
{
	while (c->of && list_empty(&c->node)) {
		list_add_tail(&c->node, &c->of->hungry);
		c->of->num_hungry++;
		c = &c->of->up;
	}
}

/* A claim is full, or gone: so is its group, if it was the last. */
static void vnic_claim_close(struct vnic_claim *c)
{
	while (!list_empty(&c->node)) {
		list_del_init(&c->node);
		c->of->num_hungry--;
		if (!list_empty(&c->of->hungry))
			break;
		c = &c->of->up;
	}
}

/* Nobody is hungry any more. */
static void vnic_share_close(struct vnic_share *s)
{
	struct vnic_claim *c, *tmp;

	list_for_each_entry_safe(c, tmp, &s->hungry, node) {
		list_del_init(&c->node);
		if (c->below)
			vnic_share_close(c->below);
	}
	s->num_hungry = 0;
}

/* ---- dealing ---- */

static s64 vnic_share_pour(struct vnic_share *s, s64 amount, u64 dt);

/* nano-bytes that a claim can still get */
static s64 vnic_claim_room(const struct vnic_claim *c)
{
	if (!c->below)
		return c->of->depth - c->tokens;
	return list_empty(&c->below->hungry) ? 0 : c->below->budget;
}

/* Give a claim what it can hold of @tokens.  Returns how many. */
static s64 vnic_claim_give(struct vnic_claim *c, s64 tokens, u64 dt)
{
	s64 room = vnic_claim_room(c);

	tokens = min(tokens, room);
	if (c->below)
		return vnic_share_pour(c->below, tokens, dt);
	c->tokens += tokens;
	if (tokens == room)
		vnic_claim_close(c);
	return tokens;
}

/* Give each claim all that it can hold. */
static void vnic_share_fill(struct vnic_share *s, u64 dt)
{
	struct vnic_claim *c, *tmp;

	list_for_each_entry_safe(c, tmp, &s->hungry, node)
		vnic_claim_give(c, VNIC_SHARE_ALL, dt);
}

/* Deal the minimum of @dt ns.  Returns what is left of @amount; @prios: bits of
 * the priorities of those that are still not full.
 */
static s64 vnic_share_minimum(struct vnic_share *s, s64 amount, u64 dt, unsigned int *prios)
{
	struct vnic_claim *c, *tmp;

	*prios = 0;
	list_for_each_entry_safe(c, tmp, &s->hungry, node) {
		amount -= vnic_claim_give(c, min_t(s64, c->min * dt, amount), dt);
		if (vnic_claim_room(c) > 0)
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
			if (vnic_claim_room(c) > 0)
				weights += c->prio == prio ? c->weight : 0;
		if (!weights)
			break;
		unit = div64_u64(amount, weights);
		if (!unit)
			break;
		list_for_each_entry_safe(c, tmp, &s->hungry, node)
			if (c->prio == prio)
				amount -= vnic_claim_give(c, unit * c->weight, 0);
	}
	return amount;
}

/* Deal out @amount, of which @dt ns of minima have not been dealt.  Returns how much
 * could be used (anything, of all).
 */
static s64 vnic_share_pour(struct vnic_share *s, s64 amount, u64 dt)
{
	unsigned int prios;
	s64 left, paid;
	int prio;

	if (amount == VNIC_SHARE_ALL) {
		vnic_share_fill(s, dt);
		return amount;
	}
	left = vnic_share_minimum(s, amount, dt, &prios);
	paid = min(left, s->debt);
	s->debt -= paid;
	left -= paid;
	for (prio = VNIC_SHARE_PRIOS - 1; prio >= 0 && left; prio--)
		if (prios & 1U << prio)
			left = vnic_share_spare(s, left, prio);
	if (s->budget != VNIC_SHARE_ALL)
		s->budget -= amount - left;
	return amount - left;
}

/*
 * What the rates of link and groups allow of @dt ns.  A group that has been kept from
 * its rate by others may make up for it, but for no more than a member saves.
 */
static void vnic_share_allow(struct vnic_share *s, s64 saved, u64 dt)
{
	struct vnic_claim *c;

	s->budget = s->rate ? saved + s->rate * dt : VNIC_SHARE_ALL;
	list_for_each_entry(c, &s->hungry, node)
		if (c->below)
			vnic_share_allow(c->below, min(c->below->budget, c->below->depth), dt);
}

/* Deal out what has become due. */
static void vnic_share_deal(struct vnic_share *s, u64 now)
{
	u64 dt = now > s->last ? min(now - s->last, s->window) : 0;

	s->last = now;
	if (!dt)
		return;
	vnic_share_allow(s, 0, dt);
	vnic_share_pour(s, s->budget, dt);
}

/* ---- configuration ---- */

static void vnic_share_set_rate(struct vnic_share *s, u64 rate, u64 depth)
{
	s->rate = rate;
	s->depth = min_t(u64, depth, VNIC_METER_BURST_MAX) * VNIC_NANO;
}

void vnic_share_set(struct vnic_share *s, u64 rate, u64 depth, u64 now)
{
	vnic_share_deal(s, now);
	vnic_share_close(s);
	vnic_share_set_rate(s, rate, depth);
	s->debt = 0;
}

void vnic_share_set_group(struct vnic_share *s, struct vnic_share *of, u64 rate, u64 depth,
			  u64 min, u32 weight, u8 prio)
{
	vnic_share_set_rate(s, rate, depth);
	s->up.of = of;
	s->up.below = s;
	s->up.min = min;
	s->up.weight = weight;
	s->up.prio = prio;
}

void vnic_claim_init(struct vnic_claim *c)
{
	*c = (struct vnic_claim) { .weight = 1 };
	INIT_LIST_HEAD(&c->node);
}

void vnic_share_set_claim(struct vnic_share *s, struct vnic_claim *c, u64 min, u32 weight, u8 prio)
{
	vnic_claim_close(c);
	c->of = s;
	c->min = min;
	c->weight = weight;
	c->prio = prio;
	c->tokens = min_t(s64, c->tokens, s->depth);
	if (c->tokens < s->depth)
		vnic_claim_open(c);
}

void vnic_share_remove(struct vnic_claim *c)
{
	vnic_claim_close(c);
	c->of = NULL;
}

/* ---- taking ---- */

/* Is there anything to wait for? */
static bool vnic_share_limits(const struct vnic_share *s, const struct vnic_claim *c)
{
	return c->of && (s->rate || c->of != s);
}

/* May one of @c's frames go?  Nothing is taken. */
static bool vnic_share_has(struct vnic_share *s, struct vnic_claim *c, u64 now)
{
	if (!vnic_share_limits(s, c))
		return true;
	/* before anything is taken: who was full until now earns nothing for then */
	if (now - s->last >= VNIC_SHARE_STEP)
		vnic_share_deal(s, now);
	return c->tokens > 0;
}

void vnic_share_charge(struct vnic_share *s, struct vnic_claim *c, u64 bytes)
{
	if (!vnic_share_limits(s, c))
		return;
	c->tokens -= bytes * VNIC_NANO;
	vnic_claim_open(c);
}

bool vnic_share_take(struct vnic_share *s, struct vnic_claim *c, u64 bytes, u64 now)
{
	if (!vnic_share_has(s, c, now))
		return false;
	vnic_share_charge(s, c, bytes);
	return true;
}

bool vnic_share_has_half(struct vnic_share *s, struct vnic_claim *c, u64 now)
{
	return vnic_share_has(s, c, now) &&
	       (!vnic_share_limits(s, c) || c->tokens > c->of->depth / 2);
}

void vnic_share_refund(struct vnic_share *s, struct vnic_claim *c, u64 bytes)
{
	if (!vnic_share_limits(s, c))
		return;
	c->tokens = min_t(s64, c->tokens + bytes * VNIC_NANO, c->of->depth);
	if (c->tokens == c->of->depth)
		vnic_claim_close(c);
}

/*
 * What it owes takes so long at least, if it gets all that its groups may have; and
 * among others that are hungry, as it gets a part only, longer.  It never sleeps past
 * what can be made up for.
 */
u64 vnic_share_wait(struct vnic_share *s, struct vnic_claim *c, u64 now)
{
	const struct vnic_share *in;
	u64 rate = U64_MAX, least;

	if (vnic_share_has(s, c, now))
		return 0;
	for (in = c->of; in; in = in->up.of)
		rate = in->rate ? min(rate, in->rate) : rate;
	least = max_t(u64, div64_u64(-c->tokens, rate), VNIC_SHARE_LOOK);
	return min(max(least, min(least * c->of->num_hungry, VNIC_SHARE_NAP)), s->window / 2);
}

void vnic_share_spend(struct vnic_share *s, u64 bytes, u64 now)
{
	if (!s->rate)
		return;
	if (now - s->last >= VNIC_SHARE_STEP)
		vnic_share_deal(s, now);
	s->debt = min_t(s64, s->debt + bytes * VNIC_NANO, s->rate * VNIC_SHARE_WINDOW);
}
