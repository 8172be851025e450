// SPDX-License-Identifier: GPL-2.0
/*
 * The port of a VF: to which of its receive queues frames from the switch go, and which of
 * them wait for the VF's rate before (pace.c).
 */
#include <linux/nospec.h>
#include <linux/skbuff.h>

#include "fn.h"

/* What the table of a context says of a frame that has been hashed; 0: the function's own */
static u8 vnic_rss_queue(const struct vnic_fn *fn, const struct vnic_frame *f, u8 context)
{
	const u8 *table = fn->rss_table;

	if (!(f->flags & VNIC_FR_HASHED))
		return READ_ONCE(fn->rss_other);
	if (context) {
		context = array_index_nospec(context - 1, VNIC_STEER_CONTEXTS);
		table = fn->steer.table[context];
	}
	return READ_ONCE(table[f->hash % VNIC_RSS_SLOTS]);
}

/* What the driver's rules say of a frame that has been hashed, or else the table */
static noinline u8 vnic_rule_queue(struct vnic_fn *fn, const struct vnic_frame *f)
{
	u16 found = vnic_steer_find(&fn->steer, f);

	switch (vnic_steer_action(found)) {
	case VNIC_STEER_DROP:
		vnic_port_drop(&fn->port, VNIC_DROP_RX_RULE, f->segs);
		return VNIC_RX_NOWHERE;
	case VNIC_STEER_QUEUE:
		return vnic_steer_arg(found);
	case VNIC_STEER_RSS:
		return vnic_rss_queue(fn, f, vnic_steer_arg(found));
	default:
		return vnic_rss_queue(fn, f, 0);
	}
}

/* Hash a frame, if it is the function's wish, and find its queue; VNIC_RX_NOWHERE: it was
 * dropped.
 */
static u8 vnic_rx_queue_find(struct vnic_fn *fn, struct vnic_frame *f)
{
	u64 features = READ_ONCE(fn->features);
	u8 queue;

	if (!(features & (BIT_ULL(VNIC_F_RSS) | BIT_ULL(VNIC_F_RX_HASH)))) {
		f->flags &= ~VNIC_FR_HASH;
		return 0;
	}
	vnic_frame_hash(f, &fn->rss_key);
	if (!(features & BIT_ULL(VNIC_F_RSS)))
		return 0;
	queue = unlikely(READ_ONCE(fn->steer.live)) ? vnic_rule_queue(fn, f) :
						      vnic_rss_queue(fn, f, 0);
	if (queue == VNIC_RX_NOWHERE)
		return queue;
	return queue < VNIC_MAX_QPS && READ_ONCE(fn->rxq[queue].ring.live) ? queue : 0;
}

/* The same of a frame of a batch.  @prev: the one before, whose queue was @was; NULL: none */
static __always_inline u8 vnic_rx_queue_of(struct vnic_fn *fn, struct vnic_frame *f,
					   const struct vnic_frame *prev, u8 was)
{
	if (!prev || !vnic_frame_hash_as(f, prev))
		return vnic_rx_queue_find(fn, f);
	if (unlikely(was == VNIC_RX_NOWHERE))
		vnic_port_drop(&fn->port, VNIC_DROP_RX_RULE, f->segs);
	return was;
}

/*
 * To its sender a frame is sent: a receiver that stalls must not hold the socket.  Here,
 * since any number may wait for the socket, and all are looked at: not under a lock that
 * other senders wait for.  The last of several copies has the socket.
 */
static void vnic_vf_accept(struct vnic_frame *f)
{
	if (f->copies > 1)
		return;
	skb_tx_timestamp(f->skb);
	skb_orphan(f->skb);
}

/**
 * vnic_vf_deliver - vnic_port_ops.deliver of a VF
 * @port: port of the VF
 * @frames: admitted frames
 * @n: 1 to VNIC_BATCH
 *
 * Context: BH disabled, any sender.
 */
void vnic_vf_deliver(struct vnic_port *port, struct vnic_frame **frames, unsigned int n)
{
	struct vnic_fn *fn = port->priv;
	struct vnic_frame *prev = NULL;
	u8 queue[VNIC_BATCH], to = 0;
	unsigned int i;

	n = min_t(unsigned int, n, VNIC_BATCH);
	for (i = 0; i < n; i++) {
		if (frames[i]->skb)
			vnic_vf_accept(frames[i]);
		to = vnic_rx_queue_of(fn, frames[i], prev, to);
		queue[i] = to;
		prev = frames[i];
	}
	vnic_rx_groups(fn, frames, queue, n);
}

/**
 * vnic_vf_queue - vnic_port_ops.queue of a VF
 * @port: port of the VF
 * @frames: frames that its rate has not admitted yet
 * @n: 1 to VNIC_BATCH
 *
 * Context: BH disabled, any sender.
 */
void vnic_vf_queue(struct vnic_port *port, struct vnic_frame **frames, unsigned int n)
{
	struct vnic_frame *now[VNIC_BATCH];	/* @frames is the caller's */
	struct vnic_fn *fn = port->priv;
	struct vnic_frame *prev = NULL;
	u8 queue[VNIC_BATCH];
	unsigned int i, kept = 0;
	u8 to = 0;

	n = min_t(unsigned int, n, VNIC_BATCH);
	for (i = 0; i < n; i++) {
		if (frames[i]->skb)
			vnic_vf_accept(frames[i]);
		to = vnic_rx_queue_of(fn, frames[i], prev, to);
		prev = frames[i];
		now[kept] = frames[i];
		queue[kept] = to;
		kept += to != VNIC_RX_NOWHERE;
	}
	n = vnic_pace_admit(fn, now, queue, kept);
	vnic_rx_groups(fn, now, queue, n);
}
