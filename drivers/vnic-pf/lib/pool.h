/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An adapter's packet memory: one pool of cells, and each VF's partition of it.
 *
 * All of it is allocated when VFs are enabled, so taking cells never allocates.
 * A partition is guaranteed so many cells, and may borrow others up to a limit.
 * What nobody uses can be borrowed, guaranteed to somebody or not: a partition
 * that is short of its guarantee takes cells back from one that uses more than
 * its own, whose newest frames are dropped for it.
 *
 * The guarantees are never more than the pool less VNIC_POOL_MARGIN for each CPU:
 * what a CPU is working on just then cannot be taken back, but no more than that.
 *
 * A partition keeps a small stock of cells within its guarantee, so that queues
 * of different VFs seldom meet at the pool's lock.
 *
 * What is counted in bytes elsewhere is counted in cells here.  Nothing but
 * integers and lists, so that selftests compile it in user space; what is in the
 * cells is the business of partition.c.
 */
#ifndef _VNIC_POOL_H
#define _VNIC_POOL_H

#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#define VNIC_CELL		2048	/* bytes: a frame of 1500 fits into one */
#define VNIC_POOL_MARGIN	36	/* cells of the largest frame, as an skb, too */
#define VNIC_POOL_STOCK		8	/* cells taken ahead; kept at most twice that */

struct vnic_hold;

/**
 * struct vnic_pool - the cells of an adapter
 * @lock: outside of any vnic_part.lock; BH-safe; protects all but @cells,
 *	@margin, @slots and @reclaim
 * @cells: number of cells
 * @free: of these, in nobody's hands
 * @free_cell: the first of them
 * @next: next cell in a list, by cell
 * @promised: sum of vnic_part.promise
 * @margin: cells that are promised to nobody
 * @over: partitions that use more than they are promised
 * @slots: a slot for what begins in a cell, by cell; each begins with a hold
 * @slot_size: bytes of a slot
 * @reclaim: what is in a slot is lost; under both locks
 */
struct vnic_pool {
	spinlock_t		lock;	/* see above */
	u32			cells;
	u32			free;
	u32			free_cell;
	u32			*next;
	u32			promised;
	u32			margin;
	struct list_head	over;
	void			*slots;
	size_t			slot_size;
	void			(*reclaim)(struct vnic_hold *hold);
};

/**
 * struct vnic_part - a VF's partition
 * @lock: leaf, inside of @pool's; BH-safe; protects what is here and the fifos.
 *	@guarantee, @borrow, @taken and @promise are written under both locks
 * @pool: where its cells come from
 * @guarantee: cells it can always have
 * @borrow: cells it may have beyond these if they are free
 * @taken: cells in its hands: in use or in stock
 * @promise: cells it may keep if others need theirs: @guarantee, or what is left
 *	of a larger one before, until that has drained
 * @stock: cells in its hands that are not in use; none beyond @guarantee
 * @stock_cell: the first of them
 * @high_own: most cells in use of @guarantee, since vnic_part_clear_high()
 * @high_borrowed: most beyond
 * @held: holds, oldest first
 * @over: in @pool's list
 */
struct vnic_part {
	spinlock_t		lock;	/* see above */
	struct vnic_pool	*pool;
	u32			guarantee;
	u32			borrow;
	u32			taken;
	u32			promise;
	u32			stock;
	u32			stock_cell;
	u32			high_own;
	u32			high_borrowed;
	struct list_head	held;
	struct list_head	over;
};

/**
 * struct vnic_fifo - holds of a partition that wait in order
 * @list: oldest first
 * @len: their number; read without lock as a hint
 * @cells: that they occupy; the same
 *
 * Under vnic_part.lock.  A hold may vanish from it (vnic_pool.reclaim) unless it
 * is busy.
 */
struct vnic_fifo {
	struct list_head	list;
	unsigned int		len;
	u32			cells;
};

/**
 * struct vnic_hold - cells in use for one thing
 * @part: whose
 * @fifo: where it waits
 * @node: in @fifo
 * @held: in vnic_part.held
 * @cell: first cell, and the number of the slot
 * @cells: their number
 * @busy: being worked on: not to be reclaimed
 */
struct vnic_hold {
	struct vnic_part	*part;
	struct vnic_fifo	*fifo;
	struct list_head	node;
	struct list_head	held;
	u32			cell;
	u32			cells;
	bool			busy;
};

/**
 * struct vnic_part_use - how a partition is used, in cells
 * @guarantee: as in struct vnic_part
 * @borrow: as in struct vnic_part
 * @own: in use, of @guarantee
 * @borrowed: in use beyond
 * @high_own: most of @own since vnic_part_clear_high()
 * @high_borrowed: most of @borrowed since
 */
struct vnic_part_use {
	u32	guarantee, borrow;
	u32	own, borrowed;
	u32	high_own, high_borrowed;
};

/**
 * vnic_pool_init - make a pool
 * @pool: pool
 * @cells: its size
 * @cpus: number of CPUs that may be working on holds at a time
 * @slot_size: bytes of a slot, at least those of struct vnic_hold
 * @reclaim: see struct vnic_pool
 *
 * Context: process.
 * Return: 0 or -ENOMEM.
 */
int vnic_pool_init(struct vnic_pool *pool, u32 cells, u32 cpus, size_t slot_size,
		   void (*reclaim)(struct vnic_hold *hold));
/* Its partitions are gone. */
void vnic_pool_destroy(struct vnic_pool *pool);
/* Sum of what is promised.  Process context. */
u32 vnic_pool_promised(struct vnic_pool *pool);

/* Make a partition without cells.  Any context. */
void vnic_part_open(struct vnic_part *part, struct vnic_pool *pool);
/* Nothing is held any more.  Process context. */
void vnic_part_close(struct vnic_part *part);

/**
 * vnic_part_resize - change what a partition may use
 * @part: partition
 * @guarantee: cells
 * @borrow: cells beyond
 * @most: the largest guarantee possible now
 *
 * What is in use beyond a smaller size stays until it has been delivered, or
 * others need their guarantee; nothing new is taken until then.
 *
 * Context: process.
 * Return: 0; -ENOSPC: @guarantee is more than @most, nothing was changed.
 */
int vnic_part_resize(struct vnic_part *part, u32 guarantee, u32 borrow, u32 *most);
void vnic_part_get_use(struct vnic_part *part, struct vnic_part_use *use);
void vnic_part_clear_high(struct vnic_part *part);

/* ---- BH disabled ---- */

/* Take cells, at least 1, for what joins the fifo.  It is busy.  NULL: full. */
struct vnic_hold *vnic_part_take(struct vnic_part *part, u32 cells, struct vnic_fifo *fifo);
/* Is three quarters of what it can have now in use?  A hint, without locks. */
bool vnic_part_crowded(const struct vnic_part *part);
/* Give it back; it was busy. */
void vnic_part_give(struct vnic_hold *hold);
/* The oldest of a fifo, busy from now on; NULL: none waits */
struct vnic_hold *vnic_part_first(struct vnic_part *part, struct vnic_fifo *fifo);
/* It waits on behind those of another fifo of its partition; it was and is busy. */
void vnic_part_move(struct vnic_hold *hold, struct vnic_fifo *fifo);

/* It waits on. */
static inline void vnic_hold_idle(struct vnic_hold *hold)
{
	/* What was written to it is seen by who finds it idle. */
	smp_store_release(&hold->busy, false);
}

static inline void vnic_fifo_init(struct vnic_fifo *fifo)
{
	INIT_LIST_HEAD(&fifo->list);
	fifo->len = 0;
	fifo->cells = 0;
}

#endif /* _VNIC_POOL_H */
