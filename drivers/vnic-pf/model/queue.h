/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Queues of a function: rings in the driver's memory, worked in the turns of
 * their queue pair's worker (TX, refill) and, for delivery, by any sender.
 *
 * What a ring looks like is the matter of its format (struct vnic_ring_ops): the
 * files here know frames, buffers and indexes, but no descriptor.
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
#include <linux/indirect_call_wrapper.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <vnic/vnic_ring.h>

#include "../frame/frame.h"
#include "../lib/load.h"

struct vnic_fn;
struct vnic_port;
struct vnic_ring_ops;
struct vnic_rx_work;
struct vnic_stored;
struct vnic_tx_work;
struct vnic_worker;

#define VNIC_READY	1024	/* RX buffers fetched ahead, at most */

/**
 * struct vnic_native_ring - what the native format has beside the descriptors
 * @event: bus address of the event block
 * @dead: the event block says that the doorbell page may not ring
 */
struct vnic_native_ring {
	u64	event;
	bool	dead;
};

/**
 * struct vnic_vring - what a virtqueue has beside the descriptors
 * @driver: bus address of the driver area: the available ring; if @packed its event
 *	suppression
 * @device: bus address of the device area: the used ring; if @packed its event
 *	suppression
 * @done: entries given back, index in the ring
 * @told: those published
 * @mark: if @packed: index of a first slot, two laps at most before @told
 * @event: place that the driver last asked to be told of, if @event_idx
 * @packed: VIRTIO_F_RING_PACKED was negotiated
 * @event_idx: VIRTIO_F_EVENT_IDX was
 * @indirect: VIRTIO_F_INDIRECT_DESC was
 * @merge: VIRTIO_NET_F_MRG_RXBUF was
 * @front: bytes of the header before a frame
 * @mute: the driver has given the queue no vector
 * @quiet: the driver does not ring, as far as it was asked
 */
struct vnic_vring {
	u64	driver;
	u64	device;
	u32	done;
	u32	told;
	u32	mark;
	u16	event;
	bool	packed;
	bool	event_idx;
	bool	indirect;
	bool	merge;
	bool	mute;
	bool	quiet;
	u8	front;
};

/**
 * struct vnic_ring - where a ring is
 * @ops: its format
 * @addr: bus address of the descriptors
 * @size: descriptors
 * @seen: the driver's entries that have been fetched, of a receive queue
 * @vector: to raise
 * @index: queue pair
 * @rx: of a receive queue
 * @live: created and not stopped
 * @native: of the native format
 * @vring: of a virtqueue
 */
struct vnic_ring {
	const struct vnic_ring_ops	*ops;
	u64				addr;
	u32				size;
	u32				seen;
	u16				vector;
	u16				index;
	bool				rx;
	bool				live;
	union {
		struct vnic_native_ring	native;
		struct vnic_vring		vring;
	};
};

#define VNIC_RING_PAGES	3	/* parts of a ring, each of which has a page in use */

/**
 * struct vnic_ring_page - a page of a ring, translated
 * @page: its number.  Good for one stretch (memory/as.h)
 * @tx: its start, to be read
 * @rx: its start, to be read and written
 */
struct vnic_ring_page {
	u64			page;
	union {
		const void	*tx;
		void		*rx;
	};
};

#define VNIC_RING_NOPAGE	((struct vnic_ring_page) { .page = U64_MAX })

/* None of the VNIC_RING_PAGES is translated: at the beginning of a stretch. */
static inline void vnic_ring_no_pages(struct vnic_ring_page *page)
{
	unsigned int i;

	for (i = 0; i < VNIC_RING_PAGES; i++)
		page[i].page = U64_MAX;
}

#define VNIC_TX_BUFS	256	/* buffers of a frame of any format, at most */

/* Memory of a driver: bus address, bytes */
struct vnic_buf {
	u64	addr;
	u32	len;
};

/**
 * struct vnic_tx_ask - what a driver asks for with a frame, not checked
 * @flags: VNIC_FR_CSUM_PARTIAL, VNIC_FR_TSO4, VNIC_FR_TSO6, VNIC_FR_USO (of either
 *	IP); 0: nothing, and what follows is not valid
 * @csum_start: as in struct vnic_frame, like all that follow
 * @csum_offset: where the checksum goes
 * @gso_size: bytes of payload a segment
 * @hdr_len: bytes of all headers; 0: up to the end of TCP's or UDP's, wherever that is
 */
struct vnic_tx_ask {
	u16	flags;
	u16	csum_start;
	u16	csum_offset;
	u16	gso_size;
	u16	hdr_len;
};

/**
 * struct vnic_tx_work - scratch memory of a turn
 * @buf: buffers of the frame being looked at
 * @long_frame: a copy of one in more pieces than a frame has spans, VNIC_FRAME_MAX bytes;
 *	NULL: there has been none.  One of a batch, whose span it is
 * @no_long: there is no memory for that: the next one is dropped
 * @frame: frames of the batch
 * @start: their first descriptors, index in the ring
 * @lost: first descriptors of frames that are dropped
 * @id: how the driver knows each of the batch, in order, lost ones included, in
 *	formats that give them back by name
 * @entries: of the ring that each of these takes
 */
struct vnic_tx_work {
	struct vnic_buf		buf[VNIC_TX_BUFS];
	u8			*long_frame;
	bool			no_long;
	struct vnic_frame	frame[VNIC_BATCH];
	u32			start[VNIC_BATCH];
	u32			lost[VNIC_BATCH];
	u16			id[VNIC_BATCH];
	u16			entries[VNIC_BATCH];
};

/**
 * struct vnic_tx_turn - state of one turn
 * @prod: the driver's index
 * @at: next descriptor to look at, index in the ring
 * @bytes: of the frames
 * @frames: number of frames
 * @lost: number of frames dropped
 * @pieces: buffers looked at, in formats whose frames may have very many
 * @copied: there is a long frame in the batch
 * @short_of: memory for one is to be got before the frame at @at is looked at again
 * @page: pages of the ring, as the format uses them
 * @near: what was read last of the frames
 * @ask: of the frame being looked at, like all that follow
 * @bufs: its buffers, in the scratch memory
 * @nbufs: their number
 * @len: bytes
 * @bad: not to be sent
 */
struct vnic_tx_turn {
	u32				prod;
	u32				at;
	u32				bytes;
	unsigned int			frames;
	unsigned int			lost;
	unsigned int			pieces;
	bool				copied;
	bool				short_of;
	struct vnic_ring_page		page[VNIC_RING_PAGES];
	struct vnic_as_near		near;
	struct vnic_tx_ask		ask;
	const struct vnic_buf		*bufs;
	unsigned int			nbufs;
	u32				len;
	bool				bad;
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

/**
 * struct vnic_rxbuf - a posted buffer
 * @addr: bus address
 * @len: bytes
 * @id: how the driver knows the chain it is part of, in formats that have chains
 * @last: it is the last of its chain; without chains not set
 * @entries: of the ring that its chain takes, in formats that have chains
 */
struct vnic_rxbuf {
	u64	addr;
	u32	len;
	u16	id;
	bool	last;
	u8	entries;
};

/**
 * struct vnic_rx_cursor - where the next byte goes
 * @index: buffer
 * @room: bytes at @ptr, up to the end of the buffer or of what lies in one piece
 * @addr: bus address
 * @ptr: the same, translated
 */
struct vnic_rx_cursor {
	u32	index;
	u32	room;
	u64	addr;
	void	*ptr;
};

/**
 * struct vnic_rx_note - what a driver is told of a frame
 * @flags: VNIC_FR_*, of those in vnic_rxq.tell
 * @csum_start: as the driver sees the frame, tag included, like all that follow
 * @csum_offset: where the checksum goes
 * @gso_size: bytes of payload a segment
 * @hdr_len: bytes of the headers
 * @hash: receive hash, if @flags say so
 */
struct vnic_rx_note {
	u16	flags;
	u16	csum_start;
	u16	csum_offset;
	u16	gso_size;
	u16	hdr_len;
	u32	hash;
};

/**
 * struct vnic_rxq - a receive queue
 * @lock: protects everything below; BH-safe; held while a frame is copied in
 * @fn: function
 * @worker: of its queue pair
 * @ring: where it is
 * @fetched: next buffer to fetch
 * @cons: next buffer to complete
 * @tried: @fetched when the oldest frame that waits was tried last
 * @least: descriptors that the driver has not posted since it waited last
 * @tell: VNIC_FR_*: what the driver may be told of a frame
 * @ready_mask: slots of @ready less 1
 * @ready: fetched buffers [cons, fetched), slot = index & @ready_mask
 * @page: pages of the ring; whoever takes the lock translates afresh
 * @near: the buffer that was written into last, the same
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
	u32			tried;
	u32			least;
	u16			tell;
	u32			ready_mask;
	struct vnic_rxbuf	*ready;
	struct vnic_ring_page	page[VNIC_RING_PAGES];
	struct vnic_as_near	near;
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

/**
 * struct vnic_ring_ops - a ring format
 * @prod: read the driver's index, which is @at or beyond; what it covers may be
 *	read afterwards
 * @publish: say that what is completed moved from @old to @new (entries of a
 *	transmit ring, buffers of a receive queue), and interrupt if the driver wants
 *	it, but it may wait for @wait ns
 * @arm: ask for a doorbell when the driver adds the @ahead th entry behind @seen,
 *	then look once more: *@more entries behind @seen are there already
 * @behind: how many more buffers than it has could the driver have posted, when those
 *	up to @cons are completed?  True: it waits for an interrupt; *@missing may be
 *	left as it is then
 * @bell: let the ring say whether the doorbell page rings; NULL: it cannot
 * @tx_cut: look at the frame at t->at: its buffers, what is asked for, its length.
 *	One that ends beyond t->prod moves that.
 *	What is wrong with the frame alone is t->bad; when its end is in doubt, so is
 *	all that follows.  Entries of it; 0: its end is not there; -EINVAL; -ENXIO: no
 *	ring; -EFAULT: a buffer is not there
 * @rx_fetch: fetch up to @most posted entries: copy each once, behind the buffers
 *	that are ready.  How many; if none: 0, or -errno: the driver's fault
 * @rx_quick: deliver a frame if it is a usual one.  False: nothing was done, take
 *	the long way
 * @rx_room: is there room for @len bytes and the front?  0; -ENOBUFS: not yet;
 *	-E2BIG: never
 * @rx_front: write the front of a frame of @len bytes; NULL: there is none
 * @rx_complete: the buffers from cons to @cur have been written: complete them, and
 *	move cons.  0, or -EFAULT
 *
 * All in a stretch (memory/as.h); of a receive queue under its lock.  False: the
 * ring's memory is gone.
 */
struct vnic_ring_ops {
	bool	(*prod)(struct vnic_fn *fn, const struct vnic_ring *ring, u32 at, u32 *prod);
	bool	(*publish)(struct vnic_fn *fn, struct vnic_ring *ring, u32 old, u32 new, u32 wait);
	bool	(*arm)(struct vnic_fn *fn, struct vnic_ring *ring, u32 seen, u32 ahead, u32 *more);
	bool	(*behind)(struct vnic_fn *fn, const struct vnic_ring *ring, u32 cons,
			  u32 *missing);
	void	(*bell)(struct vnic_fn *fn, struct vnic_ring *ring);
	int	(*tx_cut)(struct vnic_txq *txq, struct vnic_tx_turn *t);
	int	(*rx_fetch)(struct vnic_rxq *rxq, u32 most);
	bool	(*rx_quick)(struct vnic_rxq *rxq, const struct vnic_frame *f);
	int	(*rx_room)(const struct vnic_rxq *rxq, u32 len);
	int	(*rx_front)(struct vnic_rxq *rxq, struct vnic_rx_cursor *cur,
			    const struct vnic_rx_note *note, u32 len);
	int	(*rx_complete)(struct vnic_rxq *rxq, const struct vnic_rx_cursor *cur,
			       const struct vnic_rx_note *note);
};

/* What of a format is called for each batch or frame, directly where the CPU would
 * otherwise have to guess.
 */
bool vnic_native_prod(struct vnic_fn *fn, const struct vnic_ring *ring, u32 at, u32 *prod);
bool vnic_native_publish(struct vnic_fn *fn, struct vnic_ring *ring, u32 old, u32 new,
			 u32 wait);
bool vnic_native_arm(struct vnic_fn *fn, struct vnic_ring *ring, u32 seen, u32 ahead,
		     u32 *more);
bool vnic_native_behind(struct vnic_fn *fn, const struct vnic_ring *ring, u32 cons, u32 *missing);
int vnic_native_tx_cut(struct vnic_txq *txq, struct vnic_tx_turn *t);
int vnic_native_rx_fetch(struct vnic_rxq *rxq, u32 most);
bool vnic_native_rx_quick(struct vnic_rxq *rxq, const struct vnic_frame *f);

bool vnic_vring_prod(struct vnic_fn *fn, const struct vnic_ring *ring, u32 at, u32 *prod);
bool vnic_vring_publish(struct vnic_fn *fn, struct vnic_ring *ring, u32 old, u32 new, u32 wait);
bool vnic_vring_arm(struct vnic_fn *fn, struct vnic_ring *ring, u32 seen, u32 ahead, u32 *more);
bool vnic_vring_behind(struct vnic_fn *fn, const struct vnic_ring *ring, u32 cons, u32 *missing);
int vnic_vring_tx_cut(struct vnic_txq *txq, struct vnic_tx_turn *t);
int vnic_vring_rx_fetch(struct vnic_rxq *rxq, u32 most);
bool vnic_vring_rx_quick(struct vnic_rxq *rxq, const struct vnic_frame *f);

static inline bool vnic_ring_prod(struct vnic_fn *fn, const struct vnic_ring *ring, u32 at,
				  u32 *prod)
{
	return INDIRECT_CALL_2(ring->ops->prod, vnic_native_prod, vnic_vring_prod,
			       fn, ring, at, prod);
}

static inline bool vnic_ring_publish(struct vnic_fn *fn, struct vnic_ring *ring, u32 old,
				     u32 new, u32 wait)
{
	return INDIRECT_CALL_2(ring->ops->publish, vnic_native_publish, vnic_vring_publish,
			       fn, ring, old, new, wait);
}

static inline bool vnic_ring_arm(struct vnic_fn *fn, struct vnic_ring *ring, u32 seen,
				 u32 ahead, u32 *more)
{
	return INDIRECT_CALL_2(ring->ops->arm, vnic_native_arm, vnic_vring_arm,
			       fn, ring, seen, ahead, more);
}

static inline bool vnic_ring_behind(struct vnic_fn *fn, const struct vnic_ring *ring, u32 cons,
				    u32 *missing)
{
	return INDIRECT_CALL_2(ring->ops->behind, vnic_native_behind, vnic_vring_behind,
			       fn, ring, cons, missing);
}

static inline int vnic_ring_tx_cut(struct vnic_txq *txq, struct vnic_tx_turn *t)
{
	return INDIRECT_CALL_2(txq->ring.ops->tx_cut, vnic_native_tx_cut, vnic_vring_tx_cut,
			       txq, t);
}

static inline int vnic_ring_rx_fetch(struct vnic_rxq *rxq, u32 most)
{
	return INDIRECT_CALL_2(rxq->ring.ops->rx_fetch, vnic_native_rx_fetch, vnic_vring_rx_fetch,
			       rxq, most);
}

static inline bool vnic_ring_rx_quick(struct vnic_rxq *rxq, const struct vnic_frame *f)
{
	return INDIRECT_CALL_2(rxq->ring.ops->rx_quick, vnic_native_rx_quick, vnic_vring_rx_quick,
			       rxq, f);
}

/* ---- queue.c ---- */

void vnic_queues_init(struct vnic_fn *fn);	/* once, when the fn is created */
/* Stop all, drop what waits (VNIC_DROP_RX_RESET).  Workers paused or stopped. */
void vnic_queues_stop(struct vnic_fn *fn);

/* ---- state.c ---- */

/* May the driver's memory be touched?  Does it send and receive? */
bool vnic_queues_alive(const struct vnic_fn *fn);
bool vnic_queues_enabled(const struct vnic_fn *fn);

/* ---- ring.c ---- */

/* Translate a page of a ring; @write: it is written, too.  In a stretch.  False:
 * memory is gone.
 */
bool vnic_ring_translate(struct vnic_fn *fn, struct vnic_ring_page *pg, u64 page, bool write);

/* What is at @addr of a part of the ring, which does not cross a page, to be read;
 * vnic_ring_at_rw(): and written.  In a stretch.  NULL: memory is gone.
 */
static inline const void *vnic_ring_at(struct vnic_fn *fn, struct vnic_ring_page *pg, u64 addr)
{
	if (unlikely(addr >> PAGE_SHIFT != pg->page) &&
	    !vnic_ring_translate(fn, pg, addr >> PAGE_SHIFT, false))
		return NULL;
	return pg->tx + offset_in_page(addr);
}

static inline void *vnic_ring_at_rw(struct vnic_fn *fn, struct vnic_ring_page *pg, u64 addr)
{
	if (unlikely(addr >> PAGE_SHIFT != pg->page) &&
	    !vnic_ring_translate(fn, pg, addr >> PAGE_SHIFT, true))
		return NULL;
	return pg->rx + offset_in_page(addr);
}

/* Count a stored frame that goes no further.  Context of the counters */
void vnic_stored_lose(struct vnic_fn *fn, const struct vnic_stored *item, enum vnic_drop why);
/* Do frames wait?  They may just have been reclaimed. */
static inline bool vnic_rx_waiting(const struct vnic_rxq *rxq)
{
	return READ_ONCE(rxq->fifo.len);
}

static inline struct vnic_rxbuf *vnic_rx_buf(const struct vnic_rxq *rxq, u32 index)
{
	return &rxq->ready[index & rxq->ready_mask];
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

/* Memory and state of a queue whose ring is set; its worker paused, or in its turn.
 * @tell: as in struct vnic_rxq; @ready: buffers fetched ahead, a power of two.
 * vnic_*_open(): 0 or -ENOMEM
 */
int vnic_txq_open(struct vnic_txq *txq);
void vnic_txq_close(struct vnic_txq *txq);
int vnic_rxq_open(struct vnic_rxq *rxq, u16 tell, u32 ready);
void vnic_rxq_close(struct vnic_rxq *rxq);

/* For the formats; rxq->lock held, in a stretch.  Copy into the buffers: 0, or
 * -EFAULT: a buffer is gone.  What the driver is told of a frame.  Must the frame be
 * taken to pieces for the driver?
 */
int vnic_rx_put(struct vnic_rxq *rxq, struct vnic_rx_cursor *cur, const void *src, u32 len);
void vnic_rx_describe(const struct vnic_rxq *rxq, const struct vnic_frame *f,
		      struct vnic_rx_note *note);
static inline bool vnic_rx_in_pieces(const struct vnic_rxq *rxq, const struct vnic_frame *f)
{
	return f->flags & ~rxq->tell & (VNIC_FR_GSO | VNIC_FR_CSUM_PARTIAL);
}

/* Each frame goes to the receive queue that @queue says.  BH disabled, any sender */
#define VNIC_RX_NOWHERE	VNIC_MAX_QPS	/* ... or has been dropped */
void vnic_rx_groups(struct vnic_fn *fn, struct vnic_frame **frames, const u8 *queue,
		    unsigned int n);
/* A stored frame goes on to its receive queue; it was busy.  BH disabled */
void vnic_rxq_pass(struct vnic_fn *fn, struct vnic_stored *item);

/* deliver.c, queue_tx.c: vnic_port_ops.deliver, .queue and .unblock of a VF port */
void vnic_vf_deliver(struct vnic_port *port, struct vnic_frame **frames, unsigned int n);
void vnic_vf_queue(struct vnic_port *port, struct vnic_frame **frames, unsigned int n);
void vnic_vf_unblock(struct vnic_port *port);

#endif /* _VNIC_QUEUE_H */
