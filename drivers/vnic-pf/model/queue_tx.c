// SPDX-License-Identifier: GPL-2.0
/*
 * Transmit: from descriptors to the switch, in turns of the queue pair's worker.
 *
 * One turn is one batch: in one BH-disabled stretch, copy each descriptor once,
 * make frames of them, shape, forward and publish.  A buffer that is not the
 * driver's memory stops the function.  A frame that cannot go now stays in the
 * ring, and is looked at afresh later: nothing of it is kept.
 *
 * Who takes the turn: the thread that rings, for a small backlog of a queue that
 * is not busy (vnic_txq_here()), else the worker.
 */
#include <linux/bottom_half.h>
#include <linux/if_vlan.h>
#include <linux/ktime.h>
#include <linux/slab.h>

#include "fn.h"
#include "worker.h"

#define VNIC_TX_BYTES	(128 * 1024)	/* a batch ends when it has so many */
#define VNIC_TX_HERE	32		/* descriptors that a thread that rings may take */
#define VNIC_TX_CHAIN	(VNIC_TX_MAX_BUFS + 1)	/* descriptors of a frame */
#define VNIC_TX_FEW	16	/* descriptors whose completion is not urgent: fewer */
#define VNIC_TX_LOOK	(20 * NSEC_PER_USEC)	/* until a look, if who receives waits */
#define VNIC_TX_PATIENCE	(100 * NSEC_PER_USEC)	/* ... for so long */

/* A frame that is not to be segmented; a driver may put two tags into it */
#define VNIC_TX_FRAME_MAX	(VNIC_MTU_MAX + ETH_HLEN + 2 * VLAN_HLEN)

/**
 * struct vnic_tx_work - scratch memory of a turn
 * @desc: the descriptors of the frame being looked at
 * @frame: frames of the batch
 * @start: their first descriptors, index in the ring
 * @lost: first descriptors of frames that are dropped
 */
struct vnic_tx_work {
	union vnic_desc		desc[VNIC_TX_CHAIN];
	struct vnic_frame	frame[VNIC_BATCH];
	u32			start[VNIC_BATCH];
	u32			lost[VNIC_BATCH];
};

/**
 * struct vnic_tx_turn - state of one turn
 * @prod: the driver's index
 * @at: next descriptor to look at, index in the ring
 * @bytes: of the frames
 * @frames: number of frames
 * @lost: number of frames dropped
 * @page: page of the ring
 * @ctx: of the frame being looked at, like all that follows; NULL: none
 * @data: its data descriptors in the scratch memory
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
	struct vnic_ring_page		page;
	const struct vnic_tx_ctx	*ctx;
	const union vnic_desc		*data;
	unsigned int			nbufs;
	u32				len;
	bool				bad;
};

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
	kvfree(txq->work);
	txq->work = NULL;
}

/* ---- descriptors ---- */

/* Is a request of the driver well-formed and negotiated? */
static bool vnic_tx_ctx_ok(const struct vnic_fn *fn, const struct vnic_tx_ctx *ctx)
{
	u16 flags = le16_to_cpu(ctx->flags);
	u16 tso = flags & (VNIC_TXD_F_TSO4 | VNIC_TXD_F_TSO6);

	if (ctx->rsvd0 || ctx->rsvd1)
		return false;
	if (flags & ~(VNIC_TXD_F_CTX | VNIC_TXD_F_CSUM | VNIC_TXD_F_TSO4 | VNIC_TXD_F_TSO6))
		return false;
	if ((flags & VNIC_TXD_F_CSUM) && !(fn->features & BIT_ULL(VNIC_F_TX_CSUM)))
		return false;
	if (!tso)
		return !ctx->gso_size && !ctx->hdr_len;
	return tso != (VNIC_TXD_F_TSO4 | VNIC_TXD_F_TSO6) && (flags & VNIC_TXD_F_CSUM) &&
	       (fn->features & BIT_ULL(VNIC_F_TX_TSO));
}

static bool vnic_tx_len_ok(const struct vnic_tx_turn *t)
{
	bool tso = t->ctx && (le16_to_cpu(t->ctx->flags) & (VNIC_TXD_F_TSO4 | VNIC_TXD_F_TSO6));

	return t->len >= VNIC_FRAME_MIN && t->len <= (tso ? VNIC_FRAME_MAX : VNIC_TX_FRAME_MAX);
}

/*
 * Copy the descriptors of the frame at @t->at.  What is wrong with the frame
 * alone drops the frame; when its end is in doubt, so is all that follows.
 *
 * Return: their number; 0: its end is not there; -EINVAL; -ENXIO: no ring.
 */
static int vnic_tx_cut(struct vnic_txq *txq, struct vnic_tx_turn *t)
{
	union vnic_desc *d = txq->work->desc;
	unsigned int n = 0, left = t->prod - t->at;
	const __le64 *from;
	u16 flags;

	t->ctx = NULL;
	t->data = d;
	t->len = 0;
	t->bad = false;
	do {	/* no ring is so small that a legal chain fills it */
		if (n == left)
			return 0;
		if (n == VNIC_TX_CHAIN)
			return -EINVAL;
		from = vnic_ring_slot(txq->fn, &txq->ring, &t->page, t->at + n);
		if (!from)
			return -ENXIO;
		d->raw[0] = READ_ONCE(from[0]);
		d->raw[1] = READ_ONCE(from[1]);
		flags = le16_to_cpu(d->tx.flags);
		if (flags & VNIC_TXD_F_CTX) {
			if (n || (flags & VNIC_TXD_F_EOP))
				return -EINVAL;
			t->ctx = &d->ctx;
			t->data = d + 1;
		} else {
			t->bad |= (flags & ~VNIC_TXD_F_EOP) || d->tx.rsvd || !d->tx.len;
			t->len += le16_to_cpu(d->tx.len);
		}
		d++;
		n++;
	} while (!(flags & VNIC_TXD_F_EOP));
	t->nbufs = d - t->data;
	if (t->nbufs > VNIC_TX_MAX_BUFS)
		return -EINVAL;
	t->bad |= (t->ctx && !vnic_tx_ctx_ok(txq->fn, t->ctx)) || !vnic_tx_len_ok(t);
	return n;
}

/* ---- descriptors to frames; BH disabled ---- */

/* How many bytes of the frame are to be looked at? */
static u32 vnic_tx_headers(const struct vnic_tx_ctx *ctx)
{
	u32 end;

	if (!ctx)
		return VNIC_HDR_USUAL;
	end = max_t(u32, le16_to_cpu(ctx->hdr_len),
		    le16_to_cpu(ctx->csum_start) + le16_to_cpu(ctx->csum_offset) + sizeof(__sum16));
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

static void vnic_tx_offloads(struct vnic_frame *f, const struct vnic_tx_ctx *ctx)
{
	u16 flags = le16_to_cpu(ctx->flags);

	if (flags & VNIC_TXD_F_CSUM) {
		f->flags |= VNIC_FR_CSUM_PARTIAL;
		f->csum_start = le16_to_cpu(ctx->csum_start);
		f->csum_offset = le16_to_cpu(ctx->csum_offset);
	}
	if (flags & VNIC_TXD_F_TSO4)
		f->flags |= VNIC_FR_TSO4;
	if (flags & VNIC_TXD_F_TSO6)
		f->flags |= VNIC_FR_TSO6;
	f->gso_size = le16_to_cpu(ctx->gso_size);
	f->gso_hdr_len = le16_to_cpu(ctx->hdr_len);
}

/* Add a buffer.  0; -EFAULT: it is not the driver's memory; -EINVAL. */
static int vnic_tx_buffer(struct vnic_txq *txq, struct vnic_frame *f,
			  const struct vnic_tx_desc *d, u32 headers)
{
	u32 len = le16_to_cpu(d->len);
	u64 addr = le64_to_cpu(d->addr);
	struct vnic_as *as = txq->fn->as;
	const u8 *ptr;
	u32 n;

	for (; len; len -= n, addr += n) {
		n = min_t(u32, len, PAGE_SIZE - offset_in_page(addr));
		ptr = vnic_as_ptr(as, addr, n);
		if (unlikely(!ptr))
			return -EFAULT;
		if (unlikely(!vnic_tx_add(f, ptr, n, headers)))
			return -EINVAL;
	}
	return 0;
}

/* Make a frame of the descriptors.  0; -EFAULT: a buffer is not the driver's memory;
 * -EINVAL: drop it.
 */
static int vnic_tx_frame(struct vnic_txq *txq, const struct vnic_tx_turn *t, struct vnic_frame *f)
{
	u32 headers = vnic_tx_headers(t->ctx);
	const union vnic_desc *d;
	int err;

	if (t->bad)
		return -EINVAL;
	memset(f, 0, offsetof(struct vnic_frame, spans));
	f->len = t->len;
	for (d = t->data; d < t->data + t->nbufs; d++) {
		err = vnic_tx_buffer(txq, f, &d->tx, headers);
		if (err)
			return err;
	}
	if (t->ctx)
		vnic_tx_offloads(f, t->ctx);
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

	if (!vnic_ring_prod(txq->fn, &txq->ring, &t->prod))
		return -ENXIO;
	if (t->prod - txq->cons > txq->ring.size)
		return -EINVAL;
	if (t->prod - txq->cons > most)
		return -EBUSY;
	while (t->at != t->prod && t->frames + t->lost < VNIC_BATCH && t->bytes < VNIC_TX_BYTES) {
		len = vnic_tx_cut(txq, t);
		if (len <= 0)
			return len;
		err = vnic_tx_frame(txq, t, &w->frame[t->frames]);
		if (err == -EFAULT)
			return err;
		if (err)
			w->lost[t->lost++] = t->at;
		else
			w->start[t->frames++] = t->at;
		t->at += len;
		t->bytes += t->len;
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

/* Make and send a batch.  Does not sleep.  Returns as vnic_tx_collect(). */
static int vnic_tx_batch(struct vnic_txq *txq, struct vnic_tx_turn *t, u32 most)
{
	int err, gone = 0;

	*t = (struct vnic_tx_turn) { .at = txq->cons, .page = VNIC_RING_NOPAGE };
	local_bh_disable();
	vnic_stretch_begin();
	err = vnic_tx_collect(txq, t, most);
	if (t->at != txq->cons)
		gone = vnic_tx_send(txq, t);
	vnic_stretch_end();
	local_bh_enable();
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
	u32 now, ahead = look ? txq->ring.size / 2 : 1;
	bool ok;

	vnic_as_begin();
	ok = vnic_ring_arm(txq->fn, &txq->ring, prod + ahead, &now);
	vnic_as_end();
	if (!ok)
		vnic_fn_fail(txq->fn, "TX ring unmapped");
	else if (look)
		vnic_worker_wake_at(txq->worker, VNIC_WORK_TX, look);
	return ok && now - prod >= ahead;
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
	vnic_ring_tell_bell(fn, &txq->ring);
	if (vnic_tx_waits(txq))
		return false;

	err = vnic_tx_batch(txq, &t, txq->ring.size);
	if (err) {
		vnic_fn_fail(fn, err == -EINVAL ? "TX ring or descriptors invalid" :
				 err == -EFAULT ? "TX buffer not accessible" :
						  "TX ring unmapped");
		return false;
	}
	if (!t.frames && !t.lost)
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
