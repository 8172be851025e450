// SPDX-License-Identifier: GPL-2.0
/*
 * XDP sockets without copies (AF_XDP, XDP_ZEROCOPY): the device reads what a program
 * sends, and writes what it receives, where the program has it.
 *
 * The memory (xsk_buff_pool) belongs to one queue pair; bpf.c takes it over.  Received
 * frames go through the XDP program, which gives them to a socket or not: what it
 * passes is copied for the stack.  What sockets send goes out by the stack's TX ring,
 * from NAPI only, and never takes the room that the stack counts on.
 *
 * A program that asked for it (XDP_USE_NEED_WAKEUP) is told when it has to call us:
 * to send, if no completion is under way that would bring NAPI here anyway; to
 * receive, if the device has next to no buffers.
 */
#include <linux/bpf.h>
#include <linux/filter.h>
#include <net/xdp_sock_drv.h>

#include "rx.h"

#define VNICVF_XSK_BATCH	64	/* buffers or frames at once */
#define VNICVF_XSK_SEND		256	/* frames of a poll */
#define VNICVF_XSK_LOW		32	/* buffers with which the device may be short of some */

/**
 * vnicvf_xsk_post - put free buffers of the sockets' memory into the ring
 * @rx: ring with @rx->xsk
 * @at: first slot
 *
 * As many as there are, and slots.
 *
 * Context: NAPI, or rtnl before there is any.
 * Return: the slot behind; not published.
 */
u32 vnicvf_xsk_post(struct vnicvf_rxq *rx, u32 at)
{
	struct xdp_buff *bufs[VNICVF_XSK_BATCH];
	u32 i, n, got, left = rx->clean + rx->mask + 1 - at;

	for (; left; left -= got) {
		n = min(left, VNICVF_XSK_BATCH);
		got = xsk_buff_alloc_batch(rx->xsk, bufs, n);
		for (i = 0; i < got; i++, at++) {
			rx->buf[at & rx->mask].xsk = bufs[i];
			rx->desc[at & rx->mask].post = (struct vnic_rx_desc) {
				.addr = cpu_to_le64(xsk_buff_xdp_get_dma(bufs[i])),
				.len  = cpu_to_le32(rx->buf_len),
			};
		}
		if (got < n)
			break;
	}
	return at;
}

static bool vnicvf_xsk_low(const struct vnicvf_rxq *rx, u32 at)
{
	return at - rx->clean < VNICVF_XSK_LOW;
}

/* The device is short of buffers: the sockets' user has to say when there are more.
 * One who does not is asked again soon.  Return: the slot behind what there is by now.
 */
static u32 vnicvf_xsk_starved(struct vnicvf_rxq *rx, u32 at)
{
	u64_stats_update_begin(&rx->stats.syncp);
	u64_stats_inc(&rx->stats.xsk_starved);
	u64_stats_update_end(&rx->stats.syncp);
	if (!xsk_uses_need_wakeup(rx->xsk)) {
		mod_timer(&rx->refill, jiffies + 1);
		return at;
	}
	xsk_set_rx_need_wakeup(rx->xsk);
	virt_mb();	/* the flag before the ring: the user does the reverse */
	return vnicvf_xsk_post(rx, at);
}

/* Give the device what buffers there are.  Context: NAPI. */
void vnicvf_xsk_fill(struct vnicvf_qp *qp)
{
	struct vnicvf_rxq *rx = &qp->rx;
	u32 at = vnicvf_xsk_post(rx, rx->prod);

	if (unlikely(vnicvf_xsk_low(rx, at)))
		at = vnicvf_xsk_starved(rx, at);
	if (likely(!vnicvf_xsk_low(rx, at)) && xsk_uses_need_wakeup(rx->xsk))
		xsk_clear_rx_need_wakeup(rx->xsk);
	if (at != rx->prod &&
	    vnicvf_kick(&qp->vf->hw, rx->ev, VNIC_DOORBELL_RX(qp->index), qp->index, at,
			rx->prod)) {
		u64_stats_update_begin(&rx->stats.syncp);
		u64_stats_inc(&rx->stats.kicks);
		u64_stats_update_end(&rx->stats.syncp);
	}
	rx->prod = at;
}

/* What the program passes: a copy for the stack, with its metadata. */
static struct sk_buff *vnicvf_xsk_copy(struct vnicvf_qp *qp, const struct xdp_buff *xdp)
{
	u32 len = xdp->data_end - xdp->data_meta, meta = xdp->data - xdp->data_meta;
	struct sk_buff *skb = napi_alloc_skb(&qp->napi, len);

	if (unlikely(!skb))
		return NULL;
	memcpy(__skb_put(skb, len), xdp->data_meta, len);
	if (meta) {
		skb_metadata_set(skb, meta);
		__skb_pull(skb, meta);
	}
	return skb;
}

/**
 * vnicvf_xsk_gather - take a frame from the sockets' memory
 * @qp: queue pair with @qp->rx.xsk and a completed buffer at @qp->rx.clean
 * @f: result; with VNICVF_RX_FRAME: an skb of the frame
 * @prog: program that decides
 *
 * Context: NAPI.
 */
enum vnicvf_rx_result vnicvf_xsk_gather(struct vnicvf_qp *qp, struct vnicvf_rx_frame *f,
					const struct bpf_prog *prog)
{
	struct vnicvf_rxq *rx = &qp->rx;
	const struct vnic_rx_cmpl *c = &rx->desc[rx->clean & rx->mask].cmpl;
	struct vnicvf_rx_buf *buf = &rx->buf[rx->clean & rx->mask];
	enum vnicvf_rx_result result = VNICVF_RX_XDP;
	u16 flags = le16_to_cpu(READ_ONCE(c->flags));
	u16 len = le16_to_cpu(READ_ONCE(c->len));
	struct xdp_buff *xdp = buf->xsk;

	rx->clean++;
	buf->xsk = NULL;
	if (unlikely(flags & VNIC_RXC_F_ABORT)) {
		result = VNICVF_RX_ABORTED;
		goto free;
	}
	if (unlikely((flags & (VNIC_RXC_F_SOP | VNIC_RXC_F_EOP)) !=
		     (VNIC_RXC_F_SOP | VNIC_RXC_F_EOP) || len < ETH_HLEN || len > rx->buf_len)) {
		result = VNICVF_RX_BAD;
		goto free;
	}
	xsk_buff_set_size(xdp, len);
	xsk_buff_dma_sync_for_cpu(xdp);
	switch (vnicvf_xdp_run(qp, prog, xdp)) {
	case VNICVF_XDP_TAKEN:
		return VNICVF_RX_XDP;
	case VNICVF_XDP_PASS:
		vnicvf_rx_first(f, c, flags);
		f->copied = true;
		f->skb = vnicvf_xsk_copy(qp, xdp);
		result = f->skb ? VNICVF_RX_FRAME : VNICVF_RX_NOMEM;
		break;
	default:
		break;
	}
free:
	xsk_buff_free(xdp);
	return result;
}

/* Put a frame into the ring.  One that is too short or too long the device drops and
 * counts, as with any driver's.
 */
static void vnicvf_xsk_put(struct vnicvf_txq *tx, const struct xdp_desc *desc)
{
	dma_addr_t dma = xsk_buff_raw_get_dma(tx->xsk, desc->addr);
	u32 slot = tx->prod & tx->mask;

	xsk_buff_raw_dma_sync_for_device(tx->xsk, dma, desc->len);
	tx->buf[slot].len = 0;
	tx->buf[slot].bytes = 0;
	tx->buf[slot].count = 1;
	tx->buf[slot].kind = VNICVF_TX_XSK;
	tx->desc[slot].data = (struct vnic_tx_desc) {
		.addr	= cpu_to_le64(dma),
		.len	= cpu_to_le16(desc->len),
		.flags	= cpu_to_le16(VNIC_TXD_F_EOP),
	};
	WRITE_ONCE(tx->prod, tx->prod + 1);
}

/* Move frames from the sockets to the ring.  Return: how many. */
static u32 vnicvf_xsk_move(struct vnicvf_txq *tx, u32 max)
{
	u32 i, n, bytes = 0;

	n = xsk_tx_peek_release_desc_batch(tx->xsk, max);
	for (i = 0; i < n; i++) {
		vnicvf_xsk_put(tx, &tx->xsk->tx_descs[i]);
		bytes += tx->xsk->tx_descs[i].len;
	}
	if (!n)
		return 0;
	tx->xsk_flying += n;
	WRITE_ONCE(tx->held, tx->prod);	/* somebody waits for each of them */
	u64_stats_update_begin(&tx->stats.syncp);
	u64_stats_add(&tx->stats.packets, n);
	u64_stats_add(&tx->stats.bytes, bytes);
	u64_stats_add(&tx->stats.xsk_frames, n);
	u64_stats_update_end(&tx->stats.syncp);
	return n;
}

/* The same while there is room.  Return: true: there may be more. */
static bool vnicvf_xsk_move_all(struct vnicvf_txq *tx)
{
	u32 n, room, sent;

	for (sent = 0; sent < VNICVF_XSK_SEND; sent += n) {
		room = vnicvf_tx_room(tx);
		if (room <= VNICVF_TX_DESCS) {
			WRITE_ONCE(tx->held, tx->prod);	/* come back when there is some */
			return false;
		}
		n = vnicvf_xsk_move(tx, min(room - VNICVF_TX_DESCS, VNICVF_XSK_BATCH));
		if (!n)
			return false;
	}
	return true;
}

/* Must the user call us to have more sent?  Not if a completion brings us here.
 * Return: true: there may be more.
 */
static bool vnicvf_xsk_tell(struct vnicvf_txq *tx)
{
	if (!xsk_uses_need_wakeup(tx->xsk))
		return false;
	if (tx->prod != tx->clean && (s32)(tx->held - tx->clean) > 0) {
		xsk_clear_tx_need_wakeup(tx->xsk);
		return false;
	}
	xsk_set_tx_need_wakeup(tx->xsk);
	virt_mb();	/* the flag before the ring: the user does the reverse */
	if (!vnicvf_xsk_move(tx, 1))
		return false;
	xsk_clear_tx_need_wakeup(tx->xsk);
	return true;
}

/**
 * vnicvf_xsk_send - send what XDP sockets want sent
 * @qp: queue pair with @qp->tx.xsk
 *
 * Context: NAPI.
 * Return: true: there may be more, and NAPI is to come again.
 */
bool vnicvf_xsk_send(struct vnicvf_qp *qp)
{
	struct vnicvf_txq *tx = &qp->tx;
	bool more = false;

	if (unlikely(!netif_carrier_ok(qp->vf->netdev))) {
		if (xsk_uses_need_wakeup(tx->xsk))	/* when it is back */
			xsk_set_tx_need_wakeup(tx->xsk);
		return false;
	}
	__netif_tx_lock(tx->nq, smp_processor_id());
	/* A full ring is NAPI's to clean: it comes again. */
	if (likely(!netif_tx_queue_stopped(tx->nq))) {
		txq_trans_cond_update(tx->nq);
		more = vnicvf_xsk_move_all(tx) || vnicvf_xsk_tell(tx);
		vnicvf_tx_flush(qp);
	}
	__netif_tx_unlock(tx->nq);
	return more;
}

/**
 * vnicvf_xsk_wakeup - ndo_xsk_wakeup: there is something to send, or room to receive
 * @netdev: netdev
 * @queue: queue pair
 * @flags: XDP_WAKEUP_*; NAPI looks at both
 *
 * Context: process, RCU read side: queues do not go meanwhile.
 * Return: 0 or -errno.
 */
int vnicvf_xsk_wakeup(struct net_device *netdev, u32 queue, u32 flags)
{
	struct vnicvf *vf = netdev_priv(netdev);
	struct vnicvf_qp *qp;

	if (unlikely(!READ_ONCE(vf->up) || !netif_carrier_ok(netdev)))
		return -ENETDOWN;
	if (unlikely(queue >= READ_ONCE(vf->num_qps)))
		return -ENXIO;
	qp = &vf->qp[queue];
	if (unlikely(!READ_ONCE(qp->tx.xsk)))
		return -ENXIO;
	if (napi_if_scheduled_mark_missed(&qp->napi))
		return 0;
	local_bh_disable();
	napi_schedule(&qp->napi);
	local_bh_enable();
	return 0;
}
