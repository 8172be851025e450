// SPDX-License-Identifier: GPL-2.0
/*
 * Transmit descriptors: the buffers of a frame, and what is asked for.
 */
#include "native.h"

#define VNIC_TX_CHAIN	(VNIC_TX_MAX_BUFS + 1)	/* descriptors of a frame */

static_assert(VNIC_TX_MAX_BUFS <= VNIC_TX_BUFS);

/* Is a request of the driver well-formed and negotiated? */
static bool vnic_native_ctx_ok(const struct vnic_fn *fn, const struct vnic_tx_ctx *ctx)
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

/* False: it cannot be honoured. */
static bool vnic_native_ask(const struct vnic_fn *fn, const struct vnic_tx_ctx *ctx,
			    struct vnic_tx_ask *ask)
{
	u16 flags = le16_to_cpu(ctx->flags);

	if (!vnic_native_ctx_ok(fn, ctx))
		return false;
	if (!(flags & VNIC_TXD_F_CSUM))
		return true;
	ask->flags = VNIC_FR_CSUM_PARTIAL;
	if (flags & VNIC_TXD_F_TSO4)
		ask->flags |= VNIC_FR_TSO4;
	if (flags & VNIC_TXD_F_TSO6)
		ask->flags |= VNIC_FR_TSO6;
	ask->csum_start = le16_to_cpu(ctx->csum_start);
	ask->csum_offset = le16_to_cpu(ctx->csum_offset);
	ask->gso_size = le16_to_cpu(ctx->gso_size);
	ask->hdr_len = le16_to_cpu(ctx->hdr_len);
	return !(ask->flags & VNIC_FR_TSO) || ask->hdr_len;
}

/* Copy the descriptors of the frame at @t->at, each once. */
static noinline int vnic_native_tx_chain(struct vnic_txq *txq, struct vnic_tx_turn *t)
{
	struct vnic_buf *b = txq->work->buf;
	unsigned int n = 0, left = t->prod - t->at;
	const __le64 *from;
	union vnic_desc d;
	u16 flags;

	t->ask.flags = 0;
	t->len = 0;
	t->bad = false;
	do {	/* no ring is so small that a legal chain fills it */
		if (n == left)
			return 0;
		if (n == VNIC_TX_CHAIN)
			return -EINVAL;
		from = vnic_ring_at(txq->fn, &t->page[0], vnic_native_addr(&txq->ring, t->at + n));
		if (!from)
			return -ENXIO;
		d.raw[0] = READ_ONCE(from[0]);
		d.raw[1] = READ_ONCE(from[1]);
		flags = le16_to_cpu(d.tx.flags);
		if (flags & VNIC_TXD_F_CTX) {
			if (n || (flags & VNIC_TXD_F_EOP))
				return -EINVAL;
			t->bad = !vnic_native_ask(txq->fn, &d.ctx, &t->ask);
		} else {
			t->bad |= (flags & ~VNIC_TXD_F_EOP) || d.tx.rsvd || !d.tx.len;
			b->addr = le64_to_cpu(d.tx.addr);
			b->len = le16_to_cpu(d.tx.len);
			t->len += b++->len;
		}
		n++;
	} while (!(flags & VNIC_TXD_F_EOP));
	t->bufs = txq->work->buf;
	t->nbufs = b - txq->work->buf;
	return t->nbufs > VNIC_TX_MAX_BUFS ? -EINVAL : (int)n;
}

/* Usual: one data descriptor.  False: nothing was done, or it is to be done again. */
static __always_inline bool vnic_native_tx_one(struct vnic_txq *txq, struct vnic_tx_turn *t)
{
	const __le64 *from = vnic_ring_at(txq->fn, &t->page[0],
					  vnic_native_addr(&txq->ring, t->at));
	struct vnic_buf *b = txq->work->buf;
	union vnic_desc d;

	if (!from)
		return false;
	d.raw[0] = READ_ONCE(from[0]);
	d.raw[1] = READ_ONCE(from[1]);
	if (d.tx.flags != cpu_to_le16(VNIC_TXD_F_EOP) || d.tx.rsvd || !d.tx.len)
		return false;
	b->addr = le64_to_cpu(d.tx.addr);
	b->len = le16_to_cpu(d.tx.len);
	t->ask.flags = 0;
	t->bad = false;
	t->len = b->len;
	t->bufs = b;
	t->nbufs = 1;
	return true;
}

int vnic_native_tx_cut(struct vnic_txq *txq, struct vnic_tx_turn *t)
{
	return likely(vnic_native_tx_one(txq, t)) ? 1 : vnic_native_tx_chain(txq, t);
}
