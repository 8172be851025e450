// SPDX-License-Identifier: GPL-2.0
/*
 * The port of a VF: to which of its receive queues frames from the switch go, and which of
 * them wait for the VF's rate before (pace.c).
 */
#include <linux/skbuff.h>

#include "fn.h"

/* Hash a frame, if it is the function's wish, and find its queue. @prev: the
 * frame before in the batch, or NULL.
 */
static u8 vnic_rx_queue_of(struct vnic_fn *fn, struct vnic_frame *f, const struct vnic_frame *prev)
{
	u64 features = READ_ONCE(fn->features);
	u8 queue;

	if (!(features & (BIT_ULL(VNIC_F_RSS) | BIT_ULL(VNIC_F_RX_HASH)))) {
		f->flags &= ~VNIC_FR_HASH;
		return 0;
	}
	if (!prev || !vnic_frame_hash_as(f, prev))
		vnic_frame_hash(f, &fn->rss_key);
	if (!(features & BIT_ULL(VNIC_F_RSS)))
		return 0;
	queue = f->flags & VNIC_FR_HASHED ? READ_ONCE(fn->rss_table[f->hash % VNIC_RSS_ENTRIES]) :
					    READ_ONCE(fn->rss_other);
	return queue < VNIC_MAX_QPS && READ_ONCE(fn->rxq[queue].ring.live) ? queue : 0;
}

/*
 * To its sender a frame is sent: a receiver that stalls must not hold the socket.  Here,
 * since any number may wait for the socket, and all are looked at: not under a lock that
 * other senders wait for.  The last of several copies has the socket.
 */
static void vnic_vf_accept(struct vnic_frame *f)
{
	if (!f->skb || f->copies > 1)
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
	u8 queue[VNIC_BATCH];
	unsigned int i;

	n = min_t(unsigned int, n, VNIC_BATCH);
	for (i = 0; i < n; i++) {
		vnic_vf_accept(frames[i]);
		queue[i] = vnic_rx_queue_of(fn, frames[i], i ? frames[i - 1] : NULL);
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
	u8 queue[VNIC_BATCH];
	unsigned int i;

	n = min_t(unsigned int, n, VNIC_BATCH);
	for (i = 0; i < n; i++) {
		now[i] = frames[i];
		vnic_vf_accept(now[i]);
		queue[i] = vnic_rx_queue_of(fn, now[i], i ? now[i - 1] : NULL);
	}
	n = vnic_pace_admit(fn, now, queue, n);
	vnic_rx_groups(fn, now, queue, n);
}
