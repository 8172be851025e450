/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the ways to receive have in common (rx.c, and xsk.c for XDP sockets): a frame
 * on its way up, and what became of one.
 */
#ifndef _VNIC_VF_RX_H
#define _VNIC_VF_RX_H

#include "vf.h"

struct sk_buff;

/* A frame on its way up, with what the device says of it */
struct vnicvf_rx_frame {
	struct sk_buff	*skb;
	u16		flags;
	u16		csum_start;
	u16		csum_offset;
	u16		gso_size;
	u16		hdr_len;
	u32		hash;
	bool		copied;
	bool		in_long;	/* buffers: the first is one */
};

enum vnicvf_rx_result {
	VNICVF_RX_FRAME,
	VNICVF_RX_NOMEM,
	VNICVF_RX_ABORTED,
	VNICVF_RX_BAD,
	VNICVF_RX_XDP,
	VNICVF_RX_LONG,		/* of more buffers than the program knows of */
};

/* The buffer at index @at of the ring, from rx->clean on as many as rx->buf_mask says */
static inline struct vnicvf_rx_buf *vnicvf_rx_buf(const struct vnicvf_rxq *rx, u32 at)
{
	return &rx->buf[at & rx->buf_mask];
}

/* What the device says of a frame, each field read once. */
static inline void vnicvf_rx_first(struct vnicvf_rx_frame *f, const struct vnic_rx_cmpl *c,
				   u16 flags)
{
	f->copied = false;
	f->in_long = false;
	f->flags = flags;
	f->hash = le32_to_cpu(READ_ONCE(c->hash));
	f->csum_start = le16_to_cpu(READ_ONCE(c->csum_start));
	f->csum_offset = le16_to_cpu(READ_ONCE(c->csum_offset));
	f->gso_size = le16_to_cpu(READ_ONCE(c->gso_size));
	f->hdr_len = le16_to_cpu(READ_ONCE(c->hdr_len));
}

/* Is a completion, of a frame's first buffer or not, to be taken?  Else why not.  @most: bytes
 * of the buffer.
 */
static inline enum vnicvf_rx_result vnicvf_rx_check(u32 most, u16 flags, u16 len, bool first)
{
	if (unlikely(first != !!(flags & VNIC_RXC_F_SOP)))
		return VNICVF_RX_BAD;
	if (unlikely(flags & VNIC_RXC_F_ABORT))
		return VNICVF_RX_ABORTED;
	if (unlikely(!len || len > most || (first && len < ETH_HLEN)))
		return VNICVF_RX_BAD;
	return VNICVF_RX_FRAME;
}

/* Show the device the buffers before slot @at, and ring if it asks.  NAPI, or rtnl before there
 * is any.
 */
static inline void vnicvf_rx_show(struct vnicvf_qp *qp, u32 at)
{
	struct vnicvf_rxq *rx = &qp->rx;

	if (at != rx->prod &&
	    vnicvf_kick(&qp->vf->hw, rx->ev, VNIC_DOORBELL_RX(qp->index), qp->index, at,
			rx->prod)) {
		u64_stats_update_begin(&rx->stats.syncp);
		u64_stats_inc(&rx->stats.kicks);
		u64_stats_update_end(&rx->stats.syncp);
	}
	rx->prod = at;
}

/* stack.c; NAPI: a frame, with its protocol, goes up; and at the end of each poll */
void vnicvf_stack_rx(struct vnicvf_qp *qp, struct sk_buff *skb);
void vnicvf_stack_end(struct vnicvf_qp *qp);

/* xsk.c; NAPI, or rtnl before there is any */
u32 vnicvf_xsk_post(struct vnicvf_rxq *rx, u32 at);
enum vnicvf_rx_result vnicvf_xsk_gather(struct vnicvf_qp *qp, struct vnicvf_rx_frame *f,
					const struct bpf_prog *prog, u32 todo);

#endif /* _VNIC_VF_RX_H */
