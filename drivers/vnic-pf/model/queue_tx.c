// SPDX-License-Identifier: GPL-2.0
/*
 * Transmit: from a ring to the switch, in turns of the queue pair's worker.
 *
 * One turn is one batch: in one BH-disabled stretch, copy each descriptor once,
 * make frames of them, shape, forward and publish.  A buffer that is not the
 * driver's memory stops the function.  A frame that cannot go now stays in the
 * ring, and is looked at afresh later: nothing of it is kept.  One in more pieces than a
 * struct vnic_frame has room for is copied together first.
 *
 * Who takes the turn: the thread that rings, for a small backlog of a queue that
 * is not busy (vnic_txq_here()), else the worker.
 */
#include <linux/if_vlan.h>
#include <linux/ktime.h>
#include <linux/slab.h>
#include <linux/unaligned.h>

#include "fn.h"
#include "worker.h"

#define VNIC_TX_BYTES	(128 * 1024)	/* a batch ends when it has so many */
#define VNIC_TX_PIECES	1024	/* ... or so many buffers were looked at */
#define VNIC_TX_HERE	32		/* descriptors that a thread that rings may take */
#define VNIC_TX_FEW	16	/* descriptors whose completion is not urgent: fewer */
/* A frame that is not to be segmented; a driver may put two tags into it */
#define VNIC_TX_FRAME_MAX	(VNIC_MTU_MAX + ETH_HLEN + 2 * VLAN_HLEN)
static_assert(VNIC_TX_FRAME_MAX <= VNIC_METER_FRAME_MAX);
#define VNIC_TCP_MAX	60	/* bytes of TCP's header */
#define VNIC_TX_LOOK	(20 * NSEC_PER_USEC)	/* until a look, if who receives waits */
#define VNIC_TX_PATIENCE	(100 * NSEC_PER_USEC)	/* ... for so long */

int vnic_txq_open(struct vnic_txq *txq)
{
	txq->work = kvzalloc(sizeof(*txq->work), GFP_KERNEL_ACCOUNT);
	if (!txq->work)
		return -ENOMEM;
	txq->cons = 0;
	txq->blocked = false;
	txq->wait_until = 0;
	vnic_load_init(&txq->load);
	WRITE_ONCE(txq->ring.live, true);
	return 0;
}

void vnic_txq_close(struct vnic_txq *txq)
{
	WRITE_ONCE(txq->ring.live, false);
	if (txq->work)
		kvfree(txq->work->long_frame);
	kvfree(txq->work);
	txq->work = NULL;
}

/* ---- buffers to frames; BH disabled ---- */

/* How many bytes of the frame are to be looked at? */
static u32 vnic_tx_headers(const struct vnic_tx_ask *ask)
{
	u32 end;

	if (!ask->flags)
		return VNIC_HDR_USUAL;
	end = max_t(u32, ask->hdr_len, ask->csum_start + ask->csum_offset + sizeof(__sum16));
	if (ask->flags & VNIC_FR_TSO && !ask->hdr_len)
		end = max_t(u32, end, ask->csum_start + VNIC_TCP_MAX);
	return end <= VNIC_HDR_USUAL ? VNIC_HDR_USUAL : VNIC_HDR_MAX;
}

/* Add bytes to the header copy, or else a span. */
static bool vnic_tx_add(struct vnic_frame *f, const u8 *ptr, u32 len, u32 headers)
{
	u32 n = min(len, headers - f->hdr_len);

	if (n) {
		memcpy(f->hdr + f->hdr_len, ptr, n);
		f->hdr_len += n;
		if (n == len)
			return true;
	}
	if (f->nspans == ARRAY_SIZE(f->spans))
		return false;
	f->spans[f->nspans].ptr = ptr + n;
	f->spans[f->nspans++].len = len - n;
	return true;
}

static void vnic_tx_offloads(struct vnic_frame *f, const struct vnic_tx_ask *ask)
{
	f->flags |= ask->flags;
	f->csum_start = ask->csum_start;
	f->csum_offset = ask->csum_offset;
	f->gso_size = ask->gso_size;
	f->gso_hdr_len = ask->hdr_len;
}

/* Add a buffer.  0; -EFAULT: it is not the driver's memory; -E2BIG: no room. */
static int vnic_tx_buffer(struct vnic_txq *txq, struct vnic_frame *f,
			  const struct vnic_buf *b, u32 headers)
{
	struct vnic_as *as = txq->fn->as;
	u64 addr = b->addr;
	u32 len = b->len;
	const u8 *ptr;
	u32 n;

	for (; len; len -= n, addr += n) {
		ptr = vnic_as_run(as, addr, len, &n);
		if (unlikely(!ptr))
			return -EFAULT;
		if (unlikely(!vnic_tx_add(f, ptr, n, headers)))
			return -E2BIG;
	}
	return 0;
}

/* Copy the buffers to @to, which has room for their sum.  False: one is not the driver's
 * memory.
 */
static bool vnic_tx_copy(struct vnic_txq *txq, const struct vnic_tx_turn *t, u8 *to)
{
	const struct vnic_buf *b;
	const u8 *ptr;
	u32 n, done;

	for (b = t->bufs; b < t->bufs + t->nbufs; b++) {
		for (done = 0; done < b->len; done += n, to += n) {
			ptr = vnic_as_run(txq->fn->as, b->addr + done, b->len - done, &n);
			if (!ptr)
				return false;
			memcpy(to, ptr, n);
		}
	}
	return true;
}

/*
 * Make a frame of very many pieces, in one span.  0; -EFAULT; -EAGAIN: in another batch, for
 * which there may be memory; -EINVAL: there is none, drop it.
 */
static int vnic_tx_long(struct vnic_txq *txq, struct vnic_tx_turn *t, struct vnic_frame *f,
			u32 headers)
{
	struct vnic_tx_work *w = txq->work;

	if (t->copied)
		return -EAGAIN;
	if (!w->long_frame) {
		t->short_of = !w->no_long;
		w->no_long = false;
		return t->short_of ? -EAGAIN : -EINVAL;
	}
	if (!vnic_tx_copy(txq, t, w->long_frame))
		return -EFAULT;
	t->copied = true;
	f->hdr_len = 0;
	f->nspans = 0;
	vnic_tx_add(f, w->long_frame, t->len, headers);
	return 0;
}

/* Memory for them, in the worker's thread; it stays until the queue is closed. */
static void vnic_tx_long_room(struct vnic_txq *txq)
{
	struct vnic_tx_work *w = txq->work;

	w->long_frame = kvmalloc(VNIC_FRAME_MAX, GFP_KERNEL_ACCOUNT);
	w->no_long = !w->long_frame;
}

static bool vnic_tx_len_ok(const struct vnic_tx_turn *t)
{
	return t->len >= VNIC_FRAME_MIN &&
	       t->len <= (t->ask.flags & VNIC_FR_GSO ? VNIC_FRAME_MAX : VNIC_TX_FRAME_MAX);
}

/* All of a frame without offloads and tag but spans and bytes.  One by one: for a memset()
 * the compiler takes a string instruction, and its start costs more than these stores.
 */
static __always_inline void vnic_tx_plain(struct vnic_frame *f, u32 len, u16 hdr_len)
{
	f->len = len;
	f->wire = len;
	f->segs = 1;
	f->hdr_len = hdr_len;
	f->nspans = 0;
	f->flags = 0;
	f->csum_start = 0;
	f->csum_offset = 0;
	f->gso_size = 0;
	f->gso_hdr_len = 0;
	f->vlan_tci = 0;
	f->vlan_proto = 0;
	f->copies = 0;
	f->assured = false;
	f->answer = false;
	f->behind = 0;
	f->hash = 0;
	f->src = NULL;
	f->skb = NULL;
}

/*
 * Usual: one buffer, in one piece, of which nothing is asked, and no tag.  False: nothing was
 * done, or it is to be done again.
 */
static bool vnic_tx_quick(struct vnic_txq *txq, struct vnic_tx_turn *t, struct vnic_frame *f)
{
	const struct vnic_buf *b = t->bufs;
	u32 n, len = t->len;
	const u8 *ptr;

	if (t->nbufs != 1 || t->ask.flags)
		return false;
	ptr = vnic_as_ptr_near(txq->fn->as, &t->near, b->addr, len);
	if (!ptr)
		return false;
	n = min_t(u32, len, VNIC_HDR_USUAL);
	vnic_copy(f->hdr, ptr, n);
	if (eth_type_vlan(get_unaligned((__be16 *)(f->hdr + 2 * ETH_ALEN))))
		return false;
	vnic_tx_plain(f, len, n);
	if (len > n) {
		f->nspans = 1;
		f->spans[0].ptr = ptr + n;
		f->spans[0].len = len - n;
	}
	return true;
}

/* Make a frame of the buffers.  0; -EFAULT: one is not the driver's memory;
 * -EINVAL: drop it; -EAGAIN: in another batch.
 */
static int vnic_tx_frame(struct vnic_txq *txq, struct vnic_tx_turn *t, struct vnic_frame *f)
{
	u32 headers = vnic_tx_headers(&t->ask);
	unsigned int i;
	int err;

	if (t->bad || !vnic_tx_len_ok(t))
		return -EINVAL;
	if (likely(vnic_tx_quick(txq, t, f)))
		return 0;
	memset(f, 0, offsetof(struct vnic_frame, spans));
	f->len = t->len;
	for (i = 0; i < t->nbufs; i++) {
		err = vnic_tx_buffer(txq, f, &t->bufs[i], headers);
		if (err == -E2BIG) {
			err = vnic_tx_long(txq, t, f, headers);
			i = t->nbufs;
		}
		if (err)
			return err;
	}
	if (t->ask.flags)
		vnic_tx_offloads(f, &t->ask);
	return vnic_frame_finish(f);
}

/*
 * Make a batch of frames of at most @most descriptors.  0; -EBUSY: there are
 * more; other -errno: the driver's fault, -ENXIO: a ring or an event block, -EFAULT:
 * a buffer that is not there.  All but the last frame are good in any case.
 */
static int vnic_tx_collect(struct vnic_txq *txq, struct vnic_tx_turn *t, u32 most)
{
	struct vnic_tx_work *w = txq->work;
	int len, err;

	if (!vnic_ring_prod(txq->fn, &txq->ring, txq->cons, &t->prod))
		return -ENXIO;
	if (t->prod - txq->cons > txq->ring.size)
		return -EINVAL;
	if (t->prod - txq->cons > most)
		return -EBUSY;
	while (t->at != t->prod && t->frames + t->lost < VNIC_BATCH && t->bytes < VNIC_TX_BYTES &&
	       t->pieces < VNIC_TX_PIECES) {
		len = vnic_ring_tx_cut(txq, t);
		if (len <= 0)
			return len;
		err = vnic_tx_frame(txq, t, &w->frame[t->frames]);
		if (err == -EAGAIN)
			break;
		if (err == -EFAULT)
			return err;
		if (err) {
			w->lost[t->lost++] = t->at;
		} else {
			w->start[t->frames++] = t->at;
			t->bytes += t->len;	/* a bad one says what it likes */
		}
		t->at += len;
	}
	return 0;
}

/* How many of the frames may go now?  Sets wait_until if not all. */
static unsigned int vnic_tx_shape(struct vnic_txq *txq, struct vnic_tx_turn *t)
{
	unsigned int may;
	u64 wait;

	if (!vnic_port_shaped(&txq->fn->port))
		return t->frames;
	may = vnic_port_shape(&txq->fn->port, txq->work->frame, t->frames, &wait);
	if (may < t->frames)
		txq->wait_until = ktime_get_ns() + wait;
	return may;
}

/* Count those frames up to cons that were dropped. */
static void vnic_tx_count_lost(struct vnic_txq *txq, const struct vnic_tx_turn *t)
{
	unsigned int i;

	for (i = 0; i < t->lost && (s32)(txq->work->lost[i] - txq->cons) < 0; i++)
		vnic_port_drop(&txq->fn->port, VNIC_DROP_TX_MALFORMED, 1);
}

/*
 * How long may the driver wait to hear that cons has moved on from @old?  When
 * the ring is empty and little has been sent, an answer is likely to come first,
 * and one interrupt does for both.
 */
static u32 vnic_tx_patience(const struct vnic_txq *txq, const struct vnic_tx_turn *t, u32 old)
{
	return txq->cons == t->prod && t->prod - old < VNIC_TX_FEW ? VNIC_TX_PATIENCE : 0;
}

/* Send the batch.  0 or -ENXIO: the ring is gone. */
static int vnic_tx_send(struct vnic_txq *txq, struct vnic_tx_turn *t)
{
	struct vnic_tx_work *w = txq->work;
	unsigned int i, may, sent = 0;
	u32 old = txq->cons;
	bool busy = false;

	may = vnic_tx_shape(txq, t);
	if (may)
		sent = vnic_switch_forward(&txq->fn->port, w->frame, may, &busy);
	if (sent < may && vnic_port_shaped(&txq->fn->port))
		vnic_port_unshape(&txq->fn->port, w->frame + sent, may - sent);
	for (i = sent; i < t->frames; i++)
		t->bytes -= w->frame[i].len;
	txq->blocked = busy;
	txq->cons = sent < t->frames ? w->start[sent] : t->at;
	if (txq->cons == old)
		return 0;
	for (i = 0; i < sent; i++)
		txq->load.behind = min(txq->load.behind, w->frame[i].behind);
	txq->load.frames += sent;
	if (t->lost)
		vnic_tx_count_lost(txq, t);
	return vnic_ring_publish(txq->fn, &txq->ring, old, txq->cons,
				 vnic_tx_patience(txq, t, old)) ? 0 : -ENXIO;
}

static void vnic_tx_begin(const struct vnic_txq *txq, struct vnic_tx_turn *t)
{
	t->at = txq->cons;
	t->bytes = 0;
	t->frames = 0;
	t->lost = 0;
	t->pieces = 0;
	t->copied = false;
	t->short_of = false;
	vnic_ring_no_pages(t->page);
	vnic_as_no_near(&t->near);
}

/* Make and send a batch.  Does not sleep.  Returns as vnic_tx_collect(). */
static int vnic_tx_batch(struct vnic_txq *txq, struct vnic_tx_turn *t, u32 most)
{
	int err, gone = 0;

	vnic_tx_begin(txq, t);
	vnic_as_begin_bh();
	err = vnic_tx_collect(txq, t, most);
	if (t->at != txq->cons)
		gone = vnic_tx_send(txq, t);
	vnic_as_end_bh();
	return gone ?: err;
}

/* ---- turns ---- */

/* How many buffers has the driver had back, with what it was sent? */
static u32 vnic_tx_came(const struct vnic_fn *fn)
{
	unsigned int i;
	u32 came = 0;

	for (i = 0; i < vnic_fn_qps(fn); i++)
		came += READ_ONCE(fn->rxq[i].cons);
	return came;
}

/* When does the worker look by itself?  0: the driver rings.  A driver that wants no
 * interrupt to wait does not want frames to, either.
 */
static u64 vnic_tx_look(struct vnic_txq *txq)
{
	struct vnic_fn *fn = txq->fn;
	u64 most = READ_ONCE(fn->vec[txq->ring.vector].usecs) ? VNIC_TX_LOOK : 0;

	return vnic_load_rest(&txq->load, ktime_get_ns(), vnic_tx_came(fn), most);
}

/*
 * Nothing to do: let the driver ring, for its next frame or, while the worker
 * looks by itself, when half the ring waits.  True: that is so already.
 */
static bool vnic_tx_rest(struct vnic_txq *txq, u32 prod)
{
	u64 look = vnic_tx_look(txq);
	u32 more, ahead = look && txq->ring.size > 1 ? txq->ring.size / 2 : 1;
	bool ok;

	vnic_as_begin();
	ok = vnic_ring_arm(txq->fn, &txq->ring, prod, ahead, &more);
	vnic_as_end();
	if (!ok)
		vnic_fn_fail(txq->fn, "TX ring unmapped");
	else if (look)
		vnic_worker_wake_at(txq->worker, VNIC_WORK_TX, look);
	return ok && more >= ahead;
}

/* Is the queue to wait for something else than the driver? */
static bool vnic_tx_waits(struct vnic_txq *txq)
{
	if (READ_ONCE(txq->unblocked) && xchg(&txq->unblocked, false)) {
		txq->blocked = false;
		txq->wait_until = 0;
	}
	if (txq->blocked)
		return true;
	if (txq->wait_until && txq->wait_until > ktime_get_ns()) {
		vnic_worker_wake_at(txq->worker, VNIC_WORK_TX, txq->wait_until);
		return true;
	}
	txq->wait_until = 0;
	return false;
}

/* A turn of who rings; see vnic_txq_here(). */
static bool vnic_tx_here(struct vnic_txq *txq)
{
	struct vnic_tx_turn t;

	if (vnic_tx_batch(txq, &t, VNIC_TX_HERE))
		return false;
	if (txq->cons != t.prod)
		return vnic_tx_waits(txq);
	return !vnic_tx_rest(txq, t.prod);
}

/**
 * vnic_txq_here - a turn of a transmit queue in the thread that rang its doorbell
 * @txq: queue
 *
 * Takes a small backlog of a queue that is not busy.
 *
 * Context: its worker's turn, preemption disabled.
 * Return: false: there is something to do for the worker.
 */
bool vnic_txq_here(struct vnic_txq *txq)
{
	u64 now;
	bool done;

	if (!txq->ring.live || !vnic_queues_enabled(txq->fn))
		return true;
	if (txq->blocked || txq->wait_until)
		return false;
	now = ktime_get_ns();
	if (vnic_load_busy(&txq->load, now))
		return false;
	done = vnic_tx_here(txq);
	vnic_load_turned(&txq->load, now, ktime_get_ns());
	return done;
}

/**
 * vnic_txq_work - one turn of a transmit queue
 * @txq: queue
 *
 * Context: its worker's turn, in the worker's thread.
 * Return: true: there may be more to do now.
 */
bool vnic_txq_work(struct vnic_txq *txq)
{
	struct vnic_fn *fn = txq->fn;
	struct vnic_tx_turn t;
	int err;

	if (!txq->ring.live || !vnic_queues_enabled(fn))
		return false;
	if (txq->ring.ops->bell)
		txq->ring.ops->bell(fn, &txq->ring);
	if (vnic_tx_waits(txq))
		return false;

	err = vnic_tx_batch(txq, &t, txq->ring.size);
	if (err) {
		vnic_fn_fail(fn, err == -EINVAL ? "TX ring or descriptors invalid" :
				 err == -EFAULT ? "TX buffer not accessible" :
						  "TX ring unmapped");
		return false;
	}
	if (t.short_of)
		vnic_tx_long_room(txq);
	else if (!t.frames && !t.lost)
		return vnic_tx_rest(txq, t.prod);
	return !vnic_tx_waits(txq);
}

/**
 * vnic_vf_unblock - vnic_port_ops.unblock of a VF
 * @port: port of the VF
 *
 * What its queues wait for (a destination, a rate) has changed.
 *
 * Context: any, as long as the function exists.
 */
void vnic_vf_unblock(struct vnic_port *port)
{
	struct vnic_fn *fn = port->priv;
	unsigned int i;

	for (i = 0; i < VNIC_MAX_QPS; i++) {
		if (!READ_ONCE(fn->txq[i].ring.live))
			continue;
		WRITE_ONCE(fn->txq[i].unblocked, true);
		vnic_worker_wake(fn->worker[i], VNIC_WORK_TX);
	}
}
