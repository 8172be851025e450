// SPDX-License-Identifier: GPL-2.0
/*
 * Who may have how many cells of the packet memory.  Also compiled by
 * selftests/pool in user space.
 */
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/slab.h>

#include "pool.h"

/* ---- lists of cells ---- */

static struct vnic_hold *vnic_pool_hold(struct vnic_pool *pool, u32 cell)
{
	return pool->slots + cell * pool->slot_size;
}

/* Move @n cells from the beginning of one list to that of another. */
static void vnic_cells_move(struct vnic_pool *pool, u32 *from, u32 *to, u32 n)
{
	u32 first = *from, last = first, i;

	if (!n)
		return;
	for (i = 1; i < n; i++)
		last = pool->next[last];
	*from = pool->next[last];
	pool->next[last] = *to;
	*to = first;
}

/* ---- under both locks ---- */

/* After a change of what is taken or guaranteed */
static void vnic_part_settle(struct vnic_part *part)
{
	struct vnic_pool *pool = part->pool;
	u32 promise = max(part->guarantee, min(part->promise, part->taken));

	pool->promised += promise - part->promise;
	part->promise = promise;
	if (part->taken <= promise)
		list_del_init(&part->over);
	else if (list_empty(&part->over))
		list_add_tail(&part->over, &pool->over);
}

static void vnic_part_draw(struct vnic_part *part, u32 n)
{
	struct vnic_pool *pool = part->pool;

	vnic_cells_move(pool, &pool->free_cell, &part->stock_cell, n);
	pool->free -= n;
	part->stock += n;
	part->taken += n;
}

static void vnic_part_return(struct vnic_part *part, u32 n)
{
	struct vnic_pool *pool = part->pool;

	vnic_cells_move(pool, &part->stock_cell, &pool->free_cell, n);
	pool->free += n;
	part->stock -= n;
	part->taken -= n;
}

/* Draw what is missing for @n cells, and some more.  False: may not, cannot. */
static bool vnic_part_fill(struct vnic_part *part, u32 n)
{
	struct vnic_pool *pool = part->pool;
	u32 need = n > part->stock ? n - part->stock : 0;
	u64 taken = (u64)part->taken + need;
	u32 more = 0;

	if (taken > (u64)part->guarantee + part->borrow || need > pool->free)
		return false;
	if (taken < part->guarantee) {
		more = min_t(u32, VNIC_POOL_STOCK, part->guarantee - taken);
		more = min(more, pool->free - need);
	}
	vnic_part_draw(part, need + more);
	vnic_part_settle(part);
	return true;
}

/* ---- under vnic_part.lock ---- */

static u32 vnic_part_used(const struct vnic_part *part)
{
	return part->taken - part->stock;
}

static u32 vnic_part_own(const struct vnic_part *part)
{
	return min(vnic_part_used(part), part->guarantee);
}

/* Use cells of the stock. */
static struct vnic_hold *vnic_part_cut(struct vnic_part *part, u32 n, struct vnic_fifo *fifo)
{
	u32 cell = part->stock_cell, used, own, none = 0;
	struct vnic_hold *hold = vnic_pool_hold(part->pool, cell);

	vnic_cells_move(part->pool, &part->stock_cell, &none, n);
	part->stock -= n;
	used = vnic_part_used(part);
	own = vnic_part_own(part);
	part->high_own = max(part->high_own, own);
	part->high_borrowed = max(part->high_borrowed, used - own);
	*hold = (struct vnic_hold) {
		.part = part, .fifo = fifo, .cell = cell, .cells = n, .busy = true,
	};
	list_add_tail(&hold->held, &part->held);
	list_add_tail(&hold->node, &fifo->list);
	fifo->len++;
	fifo->cells += n;
	return hold;
}

/* Put what was in use into the stock. */
static void vnic_part_uncut(struct vnic_hold *hold)
{
	struct vnic_part *part = hold->part;
	u32 cell = hold->cell;

	list_del(&hold->held);
	list_del(&hold->node);
	hold->fifo->len--;
	hold->fifo->cells -= hold->cells;
	part->stock += hold->cells;
	vnic_cells_move(part->pool, &cell, &part->stock_cell, hold->cells);
}

bool vnic_part_crowded(const struct vnic_part *part)
{
	u32 guarantee = READ_ONCE(part->guarantee), taken = READ_ONCE(part->taken);
	u32 used = taken - READ_ONCE(part->stock);
	u64 most = (u64)guarantee + READ_ONCE(part->borrow);

	/* what is free can be borrowed, too, but no more than that */
	most = min_t(u64, most, max_t(u64, guarantee, (u64)taken + READ_ONCE(part->pool->free)));
	return used >= most - most / 4;
}

/* ---- taking back; under vnic_pool.lock ---- */

/* Drop the newest frames of a partition that uses more than its own. */
static void vnic_part_reclaim(struct vnic_part *part, u32 need)
{
	struct vnic_pool *pool = part->pool;
	struct vnic_hold *hold, *tmp;

	spin_lock(&part->lock);
	list_for_each_entry_safe_reverse(hold, tmp, &part->held, held) {
		if (pool->free >= need || part->taken <= part->promise)
			break;
		if (smp_load_acquire(&hold->busy))	/* pairs with vnic_hold_idle() */
			continue;
		pool->reclaim(hold);
		vnic_part_uncut(hold);
		vnic_part_return(part, part->stock);
	}
	vnic_part_settle(part);
	spin_unlock(&part->lock);
}

/* Have cells for a partition that does not use what it is guaranteed. */
static void vnic_pool_reclaim(struct vnic_part *part, u32 n)
{
	struct vnic_pool *pool = part->pool;
	struct vnic_part *from, *tmp;
	u32 stock = min(n, READ_ONCE(part->stock));

	if (part->taken + n - stock > part->guarantee)
		return;
	list_for_each_entry_safe(from, tmp, &pool->over, over) {
		if (pool->free >= n)
			break;
		if (from != part)
			vnic_part_reclaim(from, n);
	}
}

/* ---- taking and giving ---- */

static struct vnic_hold *vnic_part_take_slow(struct vnic_part *part, u32 n, struct vnic_fifo *fifo)
{
	struct vnic_pool *pool = part->pool;
	struct vnic_hold *hold = NULL;

	spin_lock(&pool->lock);
	if (pool->free < n)
		vnic_pool_reclaim(part, n);
	spin_lock(&part->lock);
	if (vnic_part_fill(part, n))
		hold = vnic_part_cut(part, n, fifo);
	spin_unlock(&part->lock);
	spin_unlock(&pool->lock);
	return hold;
}

struct vnic_hold *vnic_part_take(struct vnic_part *part, u32 cells, struct vnic_fifo *fifo)
{
	struct vnic_hold *hold;

	spin_lock(&part->lock);
	if (cells > part->stock) {
		spin_unlock(&part->lock);
		return vnic_part_take_slow(part, cells, fifo);
	}
	hold = vnic_part_cut(part, cells, fifo);
	spin_unlock(&part->lock);
	return hold;
}

/* More than is worth keeping, or not its own: the rest goes back to the pool. */
static void vnic_part_give_slow(struct vnic_hold *hold)
{
	struct vnic_part *part = hold->part;
	struct vnic_pool *pool = part->pool;
	u32 keep;

	spin_lock(&pool->lock);
	spin_lock(&part->lock);
	vnic_part_uncut(hold);
	keep = part->guarantee - vnic_part_own(part);
	keep = min_t(u32, keep, VNIC_POOL_STOCK);
	if (part->stock > keep)
		vnic_part_return(part, part->stock - keep);
	vnic_part_settle(part);
	spin_unlock(&part->lock);
	spin_unlock(&pool->lock);
}

void vnic_part_give(struct vnic_hold *hold)
{
	struct vnic_part *part = hold->part;

	spin_lock(&part->lock);
	if (part->taken > part->guarantee || part->stock + hold->cells > 2 * VNIC_POOL_STOCK) {
		spin_unlock(&part->lock);
		vnic_part_give_slow(hold);
		return;
	}
	vnic_part_uncut(hold);
	spin_unlock(&part->lock);
}

struct vnic_hold *vnic_part_first(struct vnic_part *part, struct vnic_fifo *fifo)
{
	struct vnic_hold *hold;

	spin_lock(&part->lock);
	hold = list_first_entry_or_null(&fifo->list, struct vnic_hold, node);
	if (hold)
		hold->busy = true;
	spin_unlock(&part->lock);
	return hold;
}

void vnic_part_move(struct vnic_hold *hold, struct vnic_fifo *fifo)
{
	spin_lock(&hold->part->lock);
	list_move_tail(&hold->node, &fifo->list);
	hold->fifo->len--;
	hold->fifo->cells -= hold->cells;
	fifo->len++;
	fifo->cells += hold->cells;
	hold->fifo = fifo;
	spin_unlock(&hold->part->lock);
}

/* ---- configuration ---- */

int vnic_part_resize(struct vnic_part *part, u32 guarantee, u32 borrow, u32 *most)
{
	struct vnic_pool *pool = part->pool;
	int err = -ENOSPC;

	spin_lock_bh(&pool->lock);
	spin_lock(&part->lock);
	*most = pool->cells - pool->margin - (pool->promised - part->promise);
	if (guarantee <= *most) {
		err = 0;
		part->guarantee = guarantee;
		part->borrow = borrow;
		vnic_part_return(part, part->stock);
		vnic_part_settle(part);
	}
	spin_unlock(&part->lock);
	spin_unlock_bh(&pool->lock);
	return err;
}

void vnic_part_get_use(struct vnic_part *part, struct vnic_part_use *use)
{
	spin_lock_bh(&part->lock);
	*use = (struct vnic_part_use) {
		.guarantee	= part->guarantee,
		.borrow		= part->borrow,
		.own		= vnic_part_own(part),
		.borrowed	= vnic_part_used(part) - vnic_part_own(part),
		.high_own	= part->high_own,
		.high_borrowed	= part->high_borrowed,
	};
	spin_unlock_bh(&part->lock);
}

void vnic_part_clear_high(struct vnic_part *part)
{
	spin_lock_bh(&part->lock);
	part->high_own = vnic_part_own(part);
	part->high_borrowed = vnic_part_used(part) - part->high_own;
	spin_unlock_bh(&part->lock);
}

u32 vnic_pool_promised(struct vnic_pool *pool)
{
	u32 promised;

	spin_lock_bh(&pool->lock);
	promised = pool->promised;
	spin_unlock_bh(&pool->lock);
	return promised;
}

/* ---- lifetime ---- */

void vnic_part_open(struct vnic_part *part, struct vnic_pool *pool)
{
	*part = (struct vnic_part) { .pool = pool };
	spin_lock_init(&part->lock);
	INIT_LIST_HEAD(&part->held);
	INIT_LIST_HEAD(&part->over);
}

void vnic_part_close(struct vnic_part *part)
{
	u32 most;

	vnic_part_resize(part, 0, 0, &most);
}

int vnic_pool_init(struct vnic_pool *pool, u32 cells, u32 cpus, size_t slot_size,
		   void (*reclaim)(struct vnic_hold *hold))
{
	u32 i;

	*pool = (struct vnic_pool) {
		.cells = cells, .free = cells, .slot_size = slot_size, .reclaim = reclaim,
		.margin = min_t(u64, (u64)cpus * VNIC_POOL_MARGIN, cells / 4),
	};
	spin_lock_init(&pool->lock);
	INIT_LIST_HEAD(&pool->over);
	pool->next = kvcalloc(cells, sizeof(*pool->next), GFP_KERNEL);
	pool->slots = kvcalloc(cells, slot_size, GFP_KERNEL);
	if (!pool->next || !pool->slots) {
		vnic_pool_destroy(pool);
		return -ENOMEM;
	}
	for (i = 0; i < cells; i++)
		pool->next[i] = i + 1;
	return 0;
}

void vnic_pool_destroy(struct vnic_pool *pool)
{
	kvfree(pool->next);
	kvfree(pool->slots);
	pool->next = NULL;
	pool->slots = NULL;
}
