// SPDX-License-Identifier: GPL-2.0
/*
 * Who may have how many cells of the packet memory (the very pool.c of the
 * module): cases, and operations by chance after each of which the books must
 * balance.  Prints KTAP.  With any argument it ends at the first failure.
 */
#include <linux/types.h>
#include <stdio.h>
#include <stdlib.h>

#include <linux/errno.h>
#include <linux/minmax.h>

#include "pool.h"
#include "unit.h"

#define CELLS		256u
#define CPUS		1u
#define PARTS		4
#define STEPS		200000

/* what a slot holds: the hold and a number */
struct thing {
	struct vnic_hold	hold;
	u32			number;
};

static struct vnic_pool pool;
static struct vnic_part part[PARTS];
static struct vnic_fifo fifo[PARTS];
static u32 lost[PARTS];		/* reclaimed, things */
static bool busy_lost, own_lost;
static u32 numbers;

static bool balanced;

/* vnic_pool.reclaim */
static void reclaim(struct vnic_hold *hold)
{
	lost[hold->part - part]++;
	busy_lost |= hold->busy;
	own_lost |= hold->part->taken <= hold->part->promise;
}

static void start(u32 guarantee, u32 borrow)
{
	u32 i, most;

	vnic_pool_destroy(&pool);
	if (vnic_pool_init(&pool, CELLS, CPUS, sizeof(struct thing), reclaim))
		exit(1);
	for (i = 0; i < PARTS; i++) {
		vnic_part_open(&part[i], &pool);
		vnic_fifo_init(&fifo[i]);
		lost[i] = 0;
		if (vnic_part_resize(&part[i], guarantee, borrow, &most))
			exit(1);
	}
	busy_lost = false;
	own_lost = false;
	balanced = true;
}

static struct thing *take_busy(u32 i, u32 cells)
{
	struct vnic_hold *hold = vnic_part_take(&part[i], cells, &fifo[i]);

	if (!hold)
		return NULL;
	((struct thing *)hold)->number = numbers++;
	return (struct thing *)hold;
}

static bool take(u32 i, u32 cells)
{
	struct thing *t = take_busy(i, cells);

	if (t)
		vnic_hold_idle(&t->hold);
	return t;
}

/* Give the oldest back; false: none. */
static bool give(u32 i)
{
	struct vnic_hold *hold = vnic_part_first(&part[i], &fifo[i]);

	if (hold)
		vnic_part_give(hold);
	return hold;
}

static u32 fill(u32 i, u32 cells)
{
	u32 n = 0;

	while (take(i, cells))
		n++;
	return n;
}

static struct vnic_part_use use(u32 i)
{
	struct vnic_part_use u;

	vnic_part_get_use(&part[i], &u);
	return u;
}

static bool resize(u32 i, u32 guarantee, u32 borrow, u32 *most)
{
	return !vnic_part_resize(&part[i], guarantee, borrow, most);
}

/* ---- the books ---- */

static bool seen[CELLS];

/* Mark the cells of a list; false: one is in another, too. */
static bool mark(u32 cell, u32 n)
{
	for (; n; n--, cell = pool.next[cell]) {
		if (cell >= CELLS || seen[cell])
			return false;
		seen[cell] = true;
	}
	return true;
}

static bool part_balanced(const struct vnic_part *p, const struct vnic_fifo *f)
{
	u32 cells = 0, n = 0, last = 0;
	struct vnic_hold *hold;

	list_for_each_entry(hold, &f->list, node) {
		u32 number = ((struct thing *)hold)->number;

		if (hold->part != p || !mark(hold->cell, hold->cells) || (n && number <= last))
			return false;
		last = number;
		cells += hold->cells;
		n++;
	}
	return n == f->len && cells == p->taken - p->stock && mark(p->stock_cell, p->stock) &&
	       p->stock <= 2 * VNIC_POOL_STOCK && (!p->stock || p->taken <= p->guarantee) &&
	       p->promise >= p->guarantee &&
	       (p->promise == p->guarantee || p->promise <= p->taken) &&
	       list_empty(&p->over) == (p->taken <= p->promise);
}

static void balance(void)
{
	u32 i, taken = 0, promised = 0;

	for (i = 0; i < CELLS; i++)
		seen[i] = false;
	balanced &= mark(pool.free_cell, pool.free);
	for (i = 0; i < PARTS; i++) {
		balanced &= part_balanced(&part[i], &fifo[i]);
		taken += part[i].taken;
		promised += part[i].promise;
	}
	balanced &= taken + pool.free == CELLS && promised == pool.promised &&
		    promised <= CELLS - pool.margin && !pool.lock.held;
}

/* ---- cases ---- */

static void case_limits(void)
{
	start(32, 16);
	result(fill(0, 1) == 48, "a partition has its guarantee and what it may borrow");
	result(use(0).own == 32 && use(0).borrowed == 16, "and says which is which");
	result(fill(1, 5) == 9, "the last frame fits whole or not at all");
	balance();
	result(balanced, "the books balance");
}

static void case_guarantee(void)
{
	u32 i, n = 0;

	start(48, CELLS);
	fill(0, 1);
	fill(1, 7);
	balance();
	result(balanced && pool.free < 7, "two have borrowed all there is");
	for (i = 0; i < 48 / 3; i++)
		n += take(2, 3);
	result(n == 48 / 3, "a third one has its guarantee all the same");
	for (i = 0, n = 0; i < 48; i++)
		n += take(3, 1);
	result(n == 48, "and a fourth one");
	result(lost[0] + lost[1] > 0 && !lost[2] && !lost[3] && !own_lost,
	       "at the cost of what was borrowed only");
	result(!take(2, 1), "and not a cell more");
	balance();
	result(balanced, "the books balance");
}

static void case_newest(void)
{
	struct thing *t;
	u32 number;

	start(48, CELLS);
	fill(0, 1);
	number = ((struct thing *)list_first_entry_or_null(&fifo[0].list, struct vnic_hold,
							   node))->number;
	take(1, 1);
	t = (struct thing *)vnic_part_first(&part[0], &fifo[0]);
	result(lost[0] && t && t->number == number, "what is taken back is what came last");
	vnic_hold_idle(&t->hold);
}

static void case_busy(void)
{
	struct thing *t[CELLS];
	u32 i, n = 0;

	start(48, CELLS);
	for (i = 0; i < CELLS - 60; i++)
		take(0, 1);
	for (i = 0; i < VNIC_POOL_MARGIN; i++)
		t[i] = take_busy(0, 1);
	fill(0, 1);
	for (i = 0; i < 48; i++)
		n += take(1, 1);
	result(n == 48 && !busy_lost, "what is being worked on is not taken back");
	for (i = 0; i < VNIC_POOL_MARGIN; i++)
		vnic_part_give(&t[i]->hold);
	balance();
	result(balanced, "the books balance");
}

static void case_resize(void)
{
	u32 most = 0, had;

	start(48, 0);
	fill(0, 1);
	result(!resize(1, CELLS, 0, &most) && most == CELLS - pool.margin - 3 * 48,
	       "more than there is is refused, and what there is said");
	result(use(1).guarantee == 48, "and nothing has changed");
	result(resize(1, most, 0, &most) && fill(1, 1) == most, "what there is can be had");
	while (give(1))
		;
	resize(1, 48, 0, &most);
	result(resize(0, 8, 0, &most) && use(0).own + use(0).borrowed == 48 && !lost[0],
	       "shrinking below what is in use discards nothing");
	result(!take(0, 1), "but nothing new comes in");
	had = CELLS - pool.margin - 3 * 48;
	result(!resize(1, had + 40, 0, &most) && most == had,
	       "and what is still in use is not promised to others");
	while (use(0).own + use(0).borrowed > 20)
		give(0);
	result(!resize(1, had + 40, 0, &most) && most == had + 28, "but as it drains");
	while (give(0))
		;
	result(resize(1, had + 40, 0, &most) && fill(0, 1) == 8, "all of it in the end");
	balance();
	result(balanced && !lost[0], "the books balance");
}

static void case_high(void)
{
	start(32, 16);
	fill(0, 1);
	while (give(0))
		;
	take(0, 1);
	result(use(0).high_own == 32 && use(0).high_borrowed == 16, "high-water marks stay");
	take(0, 3);
	vnic_part_clear_high(&part[0]);
	result(use(0).high_own == 4 && use(0).high_borrowed == 0, "until they are cleared");
}

static void case_stock(void)
{
	u32 i, n;

	start(48, 0);
	take(0, 1);
	result(pool.free == CELLS - 1 - VNIC_POOL_STOCK, "cells are taken ahead");
	fill(0, 1);
	while (give(0))
		;
	result(part[0].stock <= 2 * VNIC_POOL_STOCK && part[0].stock, "and some kept");
	for (i = 0, n = 0; i < 1000; i++) {
		n += take(0, 1);
		pool.lock.held = 1;	/* the next one to take it ends the test */
		give(0);
		pool.lock.held = 0;
	}
	result(n == 1000, "so that the pool's lock is seldom taken");
}

/* ---- by chance ---- */

/* A frame that the guarantee has room for must be taken. */
static bool chance_take(u32 i, struct thing **busy)
{
	u32 n = 1 + random_below(random_below(4) ? 3 : VNIC_POOL_MARGIN);
	struct vnic_part_use u = use(i);
	struct thing *t = take_busy(i, n);

	if (!t)
		return u.own + u.borrowed + n > u.guarantee;
	if (*busy)
		vnic_hold_idle(&(*busy)->hold);
	*busy = NULL;
	if (random_below(8))
		vnic_hold_idle(&t->hold);
	else
		*busy = t;
	return true;
}

static void chance(void)
{
	struct thing *busy = NULL;
	bool ok = true;
	u32 i, k, most;

	start(40, 60);
	for (k = 0; k < STEPS && ok && balanced; k++) {
		i = random_below(PARTS);
		switch (random_below(16)) {
		case 0:
			resize(i, random_below(100), random_below(120), &most);
			break;
		case 1 ... 5:
			if (!busy || busy->hold.part != &part[i])
				give(i);
			break;
		default:
			ok = chance_take(i, &busy);
		}
		balance();
	}
	result(ok, "by chance: nobody is refused what it is guaranteed");
	result(balanced, "by chance: the books balance at every step");
	result(!busy_lost && !own_lost, "by chance: only what is borrowed and idle is taken back");
}

int main(int argc, char **argv)
{
	(void)argv;
	first_ends = argc > 1;
	case_limits();
	case_guarantee();
	case_newest();
	case_busy();
	case_resize();
	case_high();
	case_stock();
	chance();
	return finish();
}
