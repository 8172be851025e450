/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Queues of a function: rings in the driver's memory, worked in the turns of
 * their queue pair's worker (TX, refill) and, for delivery, by any sender.
 *
 * TX (queue_tx.c), in a turn: in one BH-disabled stretch copy descriptors once,
 * validate, translate, copy headers, shape, forward; publish cons; interrupt if
 * asked.
 *
 * RX (queue_rx.c): posted descriptors are fetched into the ready array under
 * rxq->lock, by senders and the worker.  Senders take buffers from the array,
 * copy, publish cons, interrupt if asked; with none ready they store the frame in
 * the partition and wake the worker.  Order is kept: while frames wait, new ones
 * queue behind them.
 *
 * A queue has all that it works with in itself: the queues of a function write
 * no cache line in common for a packet.  What whoever rings the doorbell counts has a
 * line of its own: it is not the thread that works the queue, nor who delivers to it.
 */
#ifndef _VNIC_QUEUE_H
#define _VNIC_QUEUE_H

#include <linux/cache.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <vnic/vnic_mbx.h>
#include <vnic/vnic_ring.h>

#include "load.h"

struct vnic_fn;
struct vnic_frame;
struct vnic_port;
struct vnic_rx_work;
struct vnic_stored;
struct vnic_tx_work;
struct vnic_worker;

#define VNIC_READY	1024	/* RX buffers fetched ahead, at most */

/**
 * struct vnic_ring - where a ring is
 * @addr: bus address of the descriptors
 * @event: bus address of the event block
 * @size: descriptors
 * @vector: to raise
 * @index: queue pair
 * @rx: of a receive queue: descriptors are written, too
 * @live: created and not stopped
 * @dead: the event block says that the doorbell page may not ring
 */
struct vnic_ring {
	u64	addr;
	u64	event;
	u32	size;
	u16	vector;
	u16	index;
	bool	rx;
	bool	live;
	bool	dead;
};

/**
 * struct vnic_ring_page - a page of a ring, translated
 * @page: its number.  Good for one stretch (memory/as.h)
 * @tx: its start, of a transmit queue
 * @rx: its start, of a receive queue
 */
struct vnic_ring_page {
	u64			page;
	union {
		const void	*tx;
		void		*rx;
	};
};

#define VNIC_RING_NOPAGE	((struct vnic_ring_page) { .page = U64_MAX })

/* A descriptor of any kind, as copied from the ring */
union vnic_desc {
	__le64			raw[2];
	struct vnic_tx_desc	tx;
	struct vnic_tx_ctx	ctx;
	struct vnic_rx_desc	rx;
};

/**
 * struct vnic_txq - a transmit queue
 * @fn: function
 * @worker: of its queue pair
 * @ring: where it is
 * @cons: next descriptor to consume (the device's truth)
 * @blocked: waits for a destination's unblock()
 * @unblocked: unblock() was called: forget @blocked and @wait_until
 * @wait_until: shaper: ns (ktime) before which nothing is sent; 0: none
 * @load: how busy it is
 * @work: scratch memory of a turn
 * @kicks: doorbells
 * @kicks_here: of these, those whose work was done by who rang
 *
 * Used (but for @unblocked), created and destroyed in turns of its worker, or
 * with that paused.
 */
struct vnic_txq {
	struct vnic_fn		*fn;
	struct vnic_worker	*worker;
	struct vnic_ring	ring;
	u32			cons;
	bool			blocked;
	bool			unblocked;
	u64			wait_until;
	struct vnic_load	load;
	struct vnic_tx_work	*work;
	atomic_long_t		kicks ____cacheline_aligned_in_smp;
	atomic_long_t		kicks_here;
};

/* A posted buffer */
struct vnic_rxbuf {
	u64	addr;	/* bus address */
	u32	len;	/* bytes */
};

/**
 * struct vnic_rxq - a receive queue
 * @lock: protects everything below; BH-safe; held while a frame is copied in
 * @fn: function
 * @worker: of its queue pair
 * @ring: where it is
 * @fetched: next descriptor to fetch
 * @cons: next descriptor to complete
 * @least: descriptors that the driver has never posted
 * @tell: VNIC_FR_*: what the driver may be told of a frame
 * @ready_mask: slots of @ready less 1
 * @ready: fetched buffers [cons, fetched), slot = index & @ready_mask
 * @page: of the ring; whoever takes the lock translates afresh
 * @fifo: frames waiting (struct vnic_stored); under the partition's lock
 * @work: scratch memory; the worker's, but for the part under @lock
 * @kicks: doorbells; no lock
 * @kicks_here: of these, those whose work was done by who rang; no lock
 */
struct vnic_rxq {
	spinlock_t		lock;	/* see above */
	struct vnic_fn		*fn;
	struct vnic_worker	*worker;
	struct vnic_ring	ring;
	u32			fetched;
	u32			cons;
	u32			least;
	u16			tell;
	u32			ready_mask;
	struct vnic_rxbuf	*ready;
	struct vnic_ring_page	page;
	struct vnic_fifo	fifo;
	struct vnic_rx_work	*work;
	atomic_long_t		kicks ____cacheline_aligned_in_smp;
	atomic_long_t		kicks_here;
};

/* No two of an array, nor a doorbell and the work, share a line. */
static_assert(!(sizeof(struct vnic_txq) % SMP_CACHE_BYTES) &&
	      !(offsetof(struct vnic_txq, kicks) % SMP_CACHE_BYTES));
static_assert(!(sizeof(struct vnic_rxq) % SMP_CACHE_BYTES) &&
	      !(offsetof(struct vnic_rxq, kicks) % SMP_CACHE_BYTES));

/* ---- queue.c ---- */

/* Set up / stop a queue from a message whose length was checked; in a turn of
 * the first worker.  VNIC_MBX_OK or VNIC_MBX_E_*.
 */
u32 vnic_queue_create(struct vnic_fn *fn, const struct vnic_mbx_queue *q);
u32 vnic_queue_destroy(struct vnic_fn *fn, u16 type, u16 qp);
void vnic_queues_init(struct vnic_fn *fn);	/* once, when the fn is created */
/* Stop all, drop what waits (VNIC_DROP_RX_RESET).  Workers paused or stopped. */
void vnic_queues_stop(struct vnic_fn *fn);

/* May the driver's memory be touched?  Does it send and receive? */
bool vnic_queues_alive(const struct vnic_fn *fn);
bool vnic_queues_enabled(const struct vnic_fn *fn);

/* Ring access; in a stretch (memory/as.h).  False, NULL: memory is gone. */
bool vnic_ring_translate(struct vnic_fn *fn, const struct vnic_ring *ring,
			 struct vnic_ring_page *pg, u64 page);
bool vnic_ring_prod(struct vnic_fn *fn, const struct vnic_ring *ring, u32 *prod);
bool vnic_ring_publish(struct vnic_fn *fn, const struct vnic_ring *ring, u32 old, u32 new,
		       u32 wait);
u32 vnic_ring_behind(struct vnic_fn *fn, const struct vnic_ring *ring, u32 cons);
bool vnic_ring_arm(struct vnic_fn *fn, const struct vnic_ring *ring, u32 kick_at, u32 *prod);

/* Let the event block say whether the doorbell page rings: vnic_fn_set_bell()
 * wakes the worker for that, whose turn it is the first thing of.
 */
void vnic_ring_tell_bell(struct vnic_fn *fn, struct vnic_ring *ring);

static inline u64 vnic_ring_addr(const struct vnic_ring *ring, u32 index)
{
	return ring->addr + (index & (ring->size - 1)) * VNIC_DESC_SIZE;
}

/* The descriptor, to be read; of a receive queue, vnic_ring_rx_slot(), to be written, too */
static inline const __le64 *vnic_ring_slot(struct vnic_fn *fn, const struct vnic_ring *ring,
					   struct vnic_ring_page *pg, u32 index)
{
	u64 addr = vnic_ring_addr(ring, index);

	if (unlikely(addr >> PAGE_SHIFT != pg->page) &&
	    !vnic_ring_translate(fn, ring, pg, addr >> PAGE_SHIFT))
		return NULL;
	return pg->tx + offset_in_page(addr);
}

static inline void *vnic_ring_rx_slot(struct vnic_fn *fn, const struct vnic_ring *ring,
				      struct vnic_ring_page *pg, u32 index)
{
	return vnic_ring_slot(fn, ring, pg, index) ?
	       pg->rx + offset_in_page(vnic_ring_addr(ring, index)) : NULL;
}

/* ---- queue_tx.c, queue_rx.c ---- */

/* Worker turns: returns true when there is more to do now. */
bool vnic_txq_work(struct vnic_txq *txq);
bool vnic_rxq_work(struct vnic_rxq *rxq);
/* Turns of who rang the doorbell; preemption disabled.  False: the worker has
 * something to do.
 */
bool vnic_txq_here(struct vnic_txq *txq);
bool vnic_rxq_here(struct vnic_rxq *rxq);

/* Memory and state of a queue; vnic_*_open(): -ENOMEM */
int vnic_txq_open(struct vnic_txq *txq);
void vnic_txq_close(struct vnic_txq *txq);
int vnic_rxq_open(struct vnic_rxq *rxq);
void vnic_rxq_close(struct vnic_rxq *rxq);

/* A stored frame goes on to its receive queue; it was busy.  BH disabled */
void vnic_rxq_pass(struct vnic_fn *fn, struct vnic_stored *item);

/* vnic_port_ops.deliver, .queue and .unblock of a VF port */
void vnic_vf_deliver(struct vnic_port *port, struct vnic_frame **frames, unsigned int n);
void vnic_vf_queue(struct vnic_port *port, struct vnic_frame **frames, unsigned int n);
void vnic_vf_unblock(struct vnic_port *port);

#endif /* _VNIC_QUEUE_H */
