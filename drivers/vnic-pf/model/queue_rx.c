// SPDX-License-Identifier: GPL-2.0
/*
 * Receive: from the switch to a driver's buffers.
 *
 * Senders deliver (vnic_vf_deliver()): a frame of another VF is copied straight
 * into buffers that have been fetched; what finds none, and every skb, waits in
 * the partition and is copied by the worker (vnic_rxq_work()).  What waits for the
 * VF's rate (pace.h) comes from there, too.
 *
 * Who fetches buffers: a sender that leaves less than half looks at the driver's
 * index and takes what it finds, or else the worker.  The driver is asked to ring
 * only while frames wait.
 */
#include <linux/if_vlan.h>
#include <linux/ktime.h>
#include <linux/slab.h>

#include "../trace.h"
#include "fn.h"
#include "worker.h"

#define VNIC_RX_SNAP	64		/* descriptors fetched under the lock */
#define VNIC_RX_TOP_UP	32		/* ... by a sender */
#define VNIC_RX_PURGE	32		/* frames dropped under the lock at a time */
#define VNIC_RX_FRAMES	16		/* frames copied by the worker under the lock */
#define VNIC_RX_BYTES	(128 * 1024)	/* ... and bytes */

/**
 * struct vnic_rx_work - scratch memory, under rxq->lock
 * @frame: a frame from the partition
 * @piece: a segment
 */
struct vnic_rx_work {
	struct vnic_frame	frame;
	struct vnic_piece	piece;
};

int vnic_rxq_open(struct vnic_rxq *rxq, u16 tell, u32 ready)
{
	rxq->ready = kvcalloc(ready, sizeof(*rxq->ready), GFP_KERNEL_ACCOUNT);
	rxq->work = kzalloc(sizeof(*rxq->work), GFP_KERNEL_ACCOUNT);
	if (!rxq->ready || !rxq->work) {
		kvfree(rxq->ready);
		kfree(rxq->work);
		return -ENOMEM;
	}
	spin_lock_bh(&rxq->lock);
	rxq->ready_mask = ready - 1;
	rxq->tell = tell;
	rxq->ring.seen = 0;
	rxq->fetched = 0;
	rxq->cons = 0;
	rxq->tried = 0;
	rxq->least = rxq->ring.size;
	WRITE_ONCE(rxq->ring.live, true);
	spin_unlock_bh(&rxq->lock);
	return 0;
}

void vnic_stored_lose(struct vnic_fn *fn, const struct vnic_stored *item, enum vnic_drop why)
{
	vnic_port_lose_rest(&fn->port, why, item->segs, item->piece,
			    item->gso_hdr_len + item->gso_size);
}

/* Drop some of what waits: senders wait meanwhile.  False: nothing is left. */
static bool vnic_rxq_purge(struct vnic_rxq *rxq)
{
	struct vnic_stored *item;
	unsigned int n;

	spin_lock_bh(&rxq->lock);
	WRITE_ONCE(rxq->ring.live, false);
	for (n = 0; n < VNIC_RX_PURGE; n++) {
		item = vnic_partition_first(&rxq->fn->part, &rxq->fifo);
		if (!item)
			break;
		vnic_stored_lose(rxq->fn, item, VNIC_DROP_RX_RESET);
		vnic_stored_release(item);
	}
	spin_unlock_bh(&rxq->lock);
	return n == VNIC_RX_PURGE;
}

void vnic_rxq_close(struct vnic_rxq *rxq)
{
	while (vnic_rxq_purge(rxq))
		cond_resched();
	kvfree(rxq->ready);
	kfree(rxq->work);
	rxq->ready = NULL;
	rxq->work = NULL;
}

/* Under the lock, a stretch: what is translated is good until vnic_stretch_end(). */
static void vnic_rx_begin(struct vnic_rxq *rxq)
{
	lockdep_assert_held(&rxq->lock);
	vnic_stretch_begin();
	vnic_ring_no_pages(rxq->page);
	vnic_as_no_near(&rxq->near);
}

/* ---- copying into buffers; rxq->lock held ---- */

/* On to the next piece of memory, or buffer.  0, or -EFAULT: it is gone. */
static int vnic_rx_advance(struct vnic_rxq *rxq, struct vnic_rx_cursor *cur)
{
	const struct vnic_rxbuf *buf = vnic_rx_buf(rxq, cur->index);

	if (cur->addr == buf->addr + buf->len) {
		buf = vnic_rx_buf(rxq, ++cur->index);
		cur->addr = buf->addr;
	}
	if (cur->index == rxq->fetched)
		return -EFAULT;
	cur->ptr = vnic_as_wrun(rxq->fn->as, cur->addr, buf->addr + buf->len - cur->addr,
				&cur->room);
	return cur->ptr ? 0 : -EFAULT;
}

int vnic_rx_put(struct vnic_rxq *rxq, struct vnic_rx_cursor *cur, const void *src, u32 len)
{
	u32 n;

	for (; len; len -= n, src += n) {
		if (!cur->room && vnic_rx_advance(rxq, cur))
			return -EFAULT;
		n = min(len, cur->room);
		vnic_as_store(rxq->fn->as, cur->addr, cur->ptr, src, n);
		cur->addr += n;
		cur->ptr += n;
		cur->room -= n;
	}
	return 0;
}

static int vnic_rx_put_skb(struct vnic_rxq *rxq, struct vnic_rx_cursor *cur,
			   struct sk_buff *skb, u32 off, u32 len)
{
	struct skb_seq_state st;
	unsigned int done = 0, n;
	const u8 *data;
	int err;

	skb_prepare_seq_read(skb, off, off + len, &st);
	while (done < len && (n = skb_seq_read(done, &data, &st))) {
		n = min(n, len - done);	/* it gives the rest of a fragment, whatever the end is */
		err = vnic_rx_put(rxq, cur, data, n);
		if (err) {
			skb_abort_seq_read(&st);
			return err;
		}
		done += n;
	}
	skb_abort_seq_read(&st);
	return done == len ? 0 : -EINVAL;
}

/* Copy @len bytes of the frame from @off; the headers from the copy. */
static int vnic_rx_put_frame(struct vnic_rxq *rxq, struct vnic_rx_cursor *cur,
			     const struct vnic_frame *f, u32 off, u32 len)
{
	u32 n, start = f->hdr_len;
	unsigned int i;
	int err = 0;

	if (off < f->hdr_len) {
		n = min(len, f->hdr_len - off);
		err = vnic_rx_put(rxq, cur, f->hdr + off, n);
		off += n;
		len -= n;
	}
	if (err || !len)
		return err;
	if (f->skb)
		return vnic_rx_put_skb(rxq, cur, f->skb, off, len);
	for (i = 0; i < f->nspans && len && !err; start += f->spans[i++].len) {
		if (off >= start + f->spans[i].len)
			continue;
		n = min(len, start + f->spans[i].len - off);
		err = vnic_rx_put(rxq, cur, f->spans[i].ptr + (off - start), n);
		off += n;
		len -= n;
	}
	return err;
}

/*
 * Deliver @hdr_len bytes of @hdr and @len bytes of the frame from @off, with
 * the frame's tag put in, as one frame described by @note.
 */
static int vnic_rx_write(struct vnic_rxq *rxq, const struct vnic_frame *f, const u8 *hdr,
			 u32 hdr_len, u32 off, u32 len, const struct vnic_rx_note *note)
{
	const struct vnic_ring_ops *ops = rxq->ring.ops;
	u32 all = hdr_len + len + (f->vlan_proto ? VLAN_HLEN : 0);
	struct vnic_rx_cursor cur = {
		.index = rxq->cons,
		.addr = vnic_rx_buf(rxq, rxq->cons)->addr,
	};
	u32 done = 0;
	int err;

	err = ops->rx_room(rxq, all);
	if (err)
		return err;
	if (ops->rx_front)
		err = ops->rx_front(rxq, &cur, note, all);
	if (!err && f->vlan_proto) {
		__be16 tag[2] = { f->vlan_proto, htons(f->vlan_tci) };

		done = 2 * ETH_ALEN;
		err = vnic_rx_put(rxq, &cur, hdr, done);
		if (!err)
			err = vnic_rx_put(rxq, &cur, tag, sizeof(tag));
	}
	if (!err)
		err = vnic_rx_put(rxq, &cur, hdr + done, hdr_len - done);
	if (!err)
		err = vnic_rx_put_frame(rxq, &cur, f, off, len);
	return err ?: ops->rx_complete(rxq, &cur, note);
}

/* As far as the negotiated features go. */
void vnic_rx_describe(const struct vnic_rxq *rxq, const struct vnic_frame *f,
		      struct vnic_rx_note *note)
{
	u16 tag = f->vlan_proto ? VLAN_HLEN : 0;

	*note = (struct vnic_rx_note) {
		.flags		= f->flags & rxq->tell,
		.csum_start	= f->csum_start + tag,
		.csum_offset	= f->csum_offset,
		.gso_size	= f->gso_size,
		.hdr_len	= f->gso_hdr_len + tag,
		.hash		= f->hash,
	};
}

/* vnic_rx_frame() of a frame that is not usual */
static noinline int vnic_rx_frame_slow(struct vnic_rxq *rxq, const struct vnic_frame *f, u16 *next)
{
	struct vnic_piece *p = &rxq->work->piece;
	struct vnic_rx_note note;
	int err;

	if (!vnic_rx_in_pieces(rxq, f)) {
		vnic_rx_describe(rxq, f, &note);
		return vnic_rx_write(rxq, f, f->hdr, f->hdr_len, f->hdr_len,
				     f->len - f->hdr_len, &note);
	}
	note = (struct vnic_rx_note) {};
	for (; *next < f->segs; ++*next) {
		if (rxq->cons == rxq->fetched)
			return -ENOBUFS;
		vnic_frame_piece(f, *next, p);
		err = vnic_rx_write(rxq, f, p->hdr, p->hdr_len, p->off, p->len, &note);
		if (err)
			return err;
	}
	return 0;
}

/*
 * Deliver a frame, or what is left of it from piece *@next on.
 * 0; -ENOBUFS: wait for buffers; -E2BIG: they will never do; -EFAULT.
 */
static __always_inline int vnic_rx_frame(struct vnic_rxq *rxq, const struct vnic_frame *f,
					 u16 *next)
{
	return vnic_ring_rx_quick(rxq, f) ? 0 : vnic_rx_frame_slow(rxq, f, next);
}

static const char vnic_rx_unmapped[] = "RX ring or buffer unmapped";

static enum vnic_drop vnic_rx_why(int err)
{
	switch (err) {
	case -E2BIG:
		return VNIC_DROP_RX_OVERSIZE;
	case -ENOSPC:
		return VNIC_DROP_RX_MEMORY;
	case -ENOMEM:
	case -EINVAL:
	case -EOPNOTSUPP:
		return VNIC_DROP_RX_NOMEM;
	case -EFAULT:
		return VNIC_DROP_RX_RESET;
	default:
		return VNIC_DROP_RX_NOBUF;
	}
}

/* A frame is lost, but for @done of its pieces. */
static void vnic_rx_lost(struct vnic_rxq *rxq, int err, const struct vnic_frame *f, u16 done)
{
	vnic_port_lose_rest(&rxq->fn->port, vnic_rx_why(err), f->segs, done,
			    f->gso_hdr_len + f->gso_size);
	if (err == -EFAULT)
		vnic_fn_fail(rxq->fn, vnic_rx_unmapped);
}

/* Tell the driver of all frames completed since cons was @old. */
static void vnic_rx_publish(struct vnic_rxq *rxq, u32 old)
{
	if (rxq->cons != old && !vnic_ring_publish(rxq->fn, &rxq->ring, old, rxq->cons, 0))
		vnic_fn_fail(rxq->fn, "RX ring unmapped");
}

/* ---- senders; BH disabled ---- */

/* Now, if somebody wants to know how long frames wait; see vnic_rx_waited() */
static u64 vnic_rx_since(void)
{
	return trace_vnic_waited_enabled() ? ktime_get_ns() : 0;
}

/* Put a frame behind those that wait. */
static void vnic_rx_store(struct vnic_rxq *rxq, struct vnic_frame *f, u16 piece)
{
	struct vnic_partition *part = &rxq->fn->part;
	bool first = !vnic_rx_waiting(rxq);
	int err = -ENOSPC;

	/* the last of it is for senders inside their guarantee, while there are such */
	if (f->assured || !vnic_port_assured(&rxq->fn->port) || !vnic_part_crowded(&part->part))
		err = vnic_partition_store(part, &rxq->fifo, f, piece, vnic_rx_since());
	if (err == -ENOSPC && rxq->cons == rxq->fetched)
		err = -ENOBUFS;
	if (err)
		vnic_rx_lost(rxq, err, f, piece);
	else if (first)
		vnic_worker_wake(rxq->worker, VNIC_WORK_RX);
}

/* vnic_rx_deliver() of a frame that is not usual.  @now: its turn has come */
static noinline void vnic_rx_deliver_slow(struct vnic_rxq *rxq, struct vnic_frame *f, bool now,
					  struct vnic_rx_sum *sum)
{
	u16 piece = 0;
	int err = -ENOBUFS;

	/* In pieces for many would be long for the sender, whom nobody can stop meanwhile:
	 * each who wants that cuts for itself.
	 */
	if (now && !(f->copies > 1 && vnic_rx_in_pieces(rxq, f)))
		err = vnic_rx_frame_slow(rxq, f, &piece);
	if (!err)
		vnic_rx_sum_add(sum, f);
	else if (err == -ENOBUFS)
		vnic_rx_store(rxq, f, piece);
	else
		vnic_rx_lost(rxq, err, f, piece);
}

/* An skb is the worker's, and what comes while frames wait is behind them. */
static __always_inline void vnic_rx_deliver(struct vnic_rxq *rxq, struct vnic_frame *f,
					    struct vnic_rx_sum *sum)
{
	bool now = !f->skb && !vnic_rx_waiting(rxq);

	if (likely(now && vnic_ring_rx_quick(rxq, f)))
		vnic_rx_sum_add(sum, f);
	else
		vnic_rx_deliver_slow(rxq, f, now, sum);
}

/* Not much is left: look for more. */
static void vnic_rx_top_up(struct vnic_rxq *rxq)
{
	if (rxq->fetched - rxq->cons <= rxq->ready_mask / 2 &&
	    vnic_ring_rx_fetch(rxq, VNIC_RX_TOP_UP) < 0)
		vnic_worker_wake(rxq->worker, VNIC_WORK_RX);
}

/* How far is the driver behind with its buffers?  Some never posts all it could: what is
 * missing when it waits for more, or is fewer while it is busy, is what it never posts, until
 * it waits again: it may post fewer, and longer, from then on.
 */
static u32 vnic_rx_behind(struct vnic_rxq *rxq)
{
	u32 missing = rxq->least;

	if (vnic_ring_behind(rxq->fn, &rxq->ring, rxq->cons, &missing)) {
		rxq->least = missing;
		return 0;
	}
	rxq->least = min(rxq->least, missing);
	return missing - rxq->least;
}

/* Deliver those of the frames that are for queue @index. */
static noinline void vnic_rx_group(struct vnic_rxq *rxq, unsigned int index,
				   struct vnic_frame **frames, const u8 *queue, unsigned int n)
{
	struct vnic_rx_sum sum = {};
	struct vnic_fn *fn = rxq->fn;
	unsigned int i;
	u32 old, behind;
	bool live;

	spin_lock(&rxq->lock);
	vnic_rx_begin(rxq);
	live = rxq->ring.live && vnic_queues_enabled(fn);
	behind = live ? vnic_rx_behind(rxq) : 0;
	old = rxq->cons;
	for (i = 0; i < n; i++) {
		if (queue[i] != index)
			continue;
		frames[i]->behind = behind;
		if (live)
			vnic_rx_deliver(rxq, frames[i], &sum);
		else
			vnic_port_drop(&fn->port, VNIC_DROP_RX_LINK, frames[i]->segs);
	}
	if (live) {	/* else its memory is not to be touched */
		vnic_rx_publish(rxq, old);
		vnic_rx_top_up(rxq);
	}
	vnic_stretch_end();
	spin_unlock(&rxq->lock);
	vnic_port_count_rx_sum(&fn->port, &sum);
}

/* Deliver all of the frames, queue by queue. */
void vnic_rx_groups(struct vnic_fn *fn, struct vnic_frame **frames, const u8 *queue,
		    unsigned int n)
{
	unsigned long queues = 0;
	unsigned int i;

	for (i = 0; i < n; i++)
		queues |= BIT(queue[i]);
	for_each_set_bit(i, &queues, VNIC_MAX_QPS)
		vnic_rx_group(&fn->rxq[i], i, frames, queue, n);
}

/* Not live any more?  Then the first queue's; not live either: it is lost. */
void vnic_rxq_pass(struct vnic_fn *fn, struct vnic_stored *item)
{
	struct vnic_rxq *rxq = &fn->rxq[item->queue];
	bool live;

	if (!READ_ONCE(rxq->ring.live))
		rxq = &fn->rxq[0];
	spin_lock(&rxq->lock);
	live = rxq->ring.live;
	if (live) {
		vnic_part_move(&item->hold, &rxq->fifo);
		vnic_stored_keep(item);
	}
	spin_unlock(&rxq->lock);
	if (live) {
		vnic_worker_wake(rxq->worker, VNIC_WORK_RX);
		return;
	}
	vnic_port_drop(&fn->port, VNIC_DROP_RX_LINK, item->segs);
	vnic_stored_release(item);
}

/* ---- the worker ---- */

/* Fetch buffers.  How many, or -errno: the driver's fault. */
static int vnic_rx_fetch(struct vnic_rxq *rxq)
{
	int got;

	spin_lock_bh(&rxq->lock);
	vnic_rx_begin(rxq);
	got = vnic_ring_rx_fetch(rxq, VNIC_RX_SNAP);
	vnic_stretch_end();
	spin_unlock_bh(&rxq->lock);
	return got;
}

/* A frame has been delivered from the partition. */
static void vnic_rx_waited(const struct vnic_rxq *rxq, const struct vnic_stored *item)
{
	if (trace_vnic_waited_enabled() && item->since)
		trace_vnic_waited(rxq->fn, ktime_get_ns() - item->since, item->segs);
}

/* Deliver the oldest waiting frame.  -ENOBUFS: it goes on waiting. */
static int vnic_rx_drain_one(struct vnic_rxq *rxq, struct vnic_stored *item, u32 *bytes)
{
	struct vnic_frame *f = &rxq->work->frame;
	int err = vnic_partition_load(&rxq->fn->part, item, f);

	if (!err && item->ce)
		vnic_frame_set_ce(f);
	if (!err)
		err = vnic_rx_frame(rxq, f, &item->piece);
	if (err == -ENOBUFS) {
		vnic_stored_keep(item);
		rxq->tried = rxq->fetched;
		return err;
	}
	if (err) {
		vnic_stored_lose(rxq->fn, item, vnic_rx_why(err));
		if (err == -EFAULT)
			vnic_fn_fail(rxq->fn, vnic_rx_unmapped);
	} else {
		vnic_port_count_rx(&rxq->fn->port, f);
		vnic_rx_waited(rxq, item);
	}
	*bytes += item->len;
	vnic_stored_release(item);
	return err;
}

/* Deliver waiting frames.  True: more of them could be. */
static bool vnic_rx_drain(struct vnic_rxq *rxq)
{
	struct vnic_stored *item;
	unsigned int frames = 0;
	u32 old, bytes = 0;
	bool more = true;
	int err;

	if (!vnic_rx_waiting(rxq))
		return false;
	spin_lock_bh(&rxq->lock);
	vnic_rx_begin(rxq);
	old = rxq->cons;
	while (frames++ < VNIC_RX_FRAMES && bytes < VNIC_RX_BYTES) {
		item = vnic_partition_first(&rxq->fn->part, &rxq->fifo);
		if (!item)
			break;
		err = vnic_rx_drain_one(rxq, item, &bytes);
		if (err == -ENOBUFS || err == -EFAULT) {
			more = false;
			break;
		}
	}
	vnic_rx_publish(rxq, old);
	more = more && vnic_rx_waiting(rxq);
	vnic_stretch_end();
	spin_unlock_bh(&rxq->lock);
	return more;
}

/*
 * Nothing to fetch, or no place for it.  Who waits for buffers: the driver is to
 * ring when it posts one.  True: there is something to do already: more was posted, or
 * a sender has fetched (vnic_rx_top_up()) since the oldest that waits was tried.
 */
static bool vnic_rx_rest(struct vnic_rxq *rxq)
{
	bool ok = true, again = false;
	u32 more;

	spin_lock_bh(&rxq->lock);
	vnic_rx_begin(rxq);
	if (vnic_rx_waiting(rxq)) {
		ok = vnic_ring_arm(rxq->fn, &rxq->ring, rxq->ring.seen, 1, &more);
		again = ok && (more || rxq->tried != rxq->fetched);
		rxq->tried = rxq->fetched;
	}
	vnic_stretch_end();
	spin_unlock_bh(&rxq->lock);
	if (!ok)
		vnic_fn_fail(rxq->fn, "RX ring unmapped");
	return again;
}

/**
 * vnic_rxq_work - one turn of a receive queue
 * @rxq: queue
 *
 * Context: its worker's turn, in the worker's thread.
 * Return: true: there may be more to do now.
 */
bool vnic_rxq_work(struct vnic_rxq *rxq)
{
	struct vnic_fn *fn = rxq->fn;
	bool more = false;
	int got;

	if (!rxq->ring.live || !vnic_queues_alive(fn))
		return false;
	if (rxq->ring.ops->bell)
		rxq->ring.ops->bell(fn, &rxq->ring);
	got = vnic_rx_fetch(rxq);
	if (got < 0) {
		vnic_fn_fail(fn, got == -EINVAL ? "RX ring invalid" :
						  "RX ring or buffer not accessible");
		return false;
	}
	if (vnic_queues_enabled(fn))
		more = vnic_rx_drain(rxq);
	if (got > 0 || more)
		return true;
	/* While the driver has stopped it, what waits does; starting it wakes the queue. */
	return vnic_rx_rest(rxq) && vnic_queues_enabled(fn);
}

/**
 * vnic_rxq_here - a turn of a receive queue in the thread that rang its doorbell
 * @rxq: queue
 *
 * Fetches what has been posted, if it is not much, and delivers what has waited
 * for it.
 *
 * Context: its worker's turn, preemption disabled.
 * Return: false: there is something to do for the worker.
 */
bool vnic_rxq_here(struct vnic_rxq *rxq)
{
	int got;

	if (!rxq->ring.live || !vnic_queues_alive(rxq->fn))
		return true;
	got = vnic_rx_fetch(rxq);
	if (got < 0 || got == VNIC_RX_SNAP)
		return false;
	if (vnic_queues_enabled(rxq->fn) && vnic_rx_drain(rxq))
		return false;
	return !vnic_rx_rest(rxq);
}
