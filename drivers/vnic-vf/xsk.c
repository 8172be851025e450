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

#include <compat.h>
#include "rx.h"

#define VNICVF_XSK_BATCH	64	/* buffers or frames at once */
#define VNICVF_XSK_SEND		256	/* frames of a poll */
#define VNICVF_XSK_LOW		32	/* buffers with which the device may be short of some */
#define VNICVF_XSK_ROOM		(2 * VNICVF_TX_DESCS)	/* left: for the stack, and to end a frame */

/* Does its user take frames of several chunks (XDP_USE_SG)? */
bool vnicvf_xsk_sg(const struct xsk_buff_pool *pool)
{
	return pool->umem->flags & XDP_UMEM_SG_FLAG;
}

/* Bytes that the device may write into a chunk.  With several, the first has the others'
 * addresses at its end.
 */
u32 vnicvf_xsk_buf_len(struct xsk_buff_pool *pool)
{
	u32 tail = SKB_DATA_ALIGN(sizeof(struct skb_shared_info));
	u32 room = xsk_pool_get_chunk_size(pool) - xsk_pool_get_headroom(pool);

	if (!vnicvf_xsk_sg(pool))
		return xsk_pool_get_rx_frame_size(pool);
	return room > tail ? min(room - tail, xsk_pool_get_rx_frame_size(pool)) : 0;
}

/* Bytes of a chunk that a program may use up by lengthening the last one; 0: none.  Cores
 * take it that a chunk begins where its page does.
 */
u32 vnicvf_xsk_frag_size(struct xsk_buff_pool *pool)
{
	u32 size = xsk_pool_get_chunk_size(pool);

	return pool->unaligned || size < PAGE_SIZE ? 0 : size;
}

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
			vnicvf_rx_buf(rx, at)->xsk = bufs[i];
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
	vnicvf_rx_show(qp, at);
}

/*
 * What the program passes: a copy for the stack, with its metadata.  @more buffers were
 * added to the first one.  The list of their addresses at the end of that lies in memory
 * that the sockets' user writes, too, so that what is copied is what the core's own list
 * of buffers says.
 */
static struct sk_buff *vnicvf_xsk_copy(struct vnicvf_qp *qp, struct xdp_buff *xdp, u32 more)
{
	u32 meta = xdp->data - xdp->data_meta, len = xdp->data_end - xdp->data_meta;
	struct sk_buff *skb;
	struct xdp_buff *next;

	skb = napi_alloc_skb(&qp->napi, len + more * xsk_pool_get_chunk_size(qp->rx.xsk));
	if (unlikely(!skb))
		return NULL;
	skb_put_data(skb, xdp->data_meta, len);
	while (unlikely(more--) && (next = xsk_buff_get_frag(xdp))) {
		len = next->data_end - next->data;
		if (!WARN_ON_ONCE(len > skb_tailroom(skb)))
			skb_put_data(skb, next->data, len);
		xsk_buff_free(next);
	}
	if (meta) {
		skb_metadata_set(skb, meta);
		__skb_pull(skb, meta);
	}
	return skb;
}

/* The buffers of one frame; those of one that is not taken are free again.  @more: how many
 * there are beside the first.
 */
static enum vnicvf_rx_result vnicvf_xsk_collect(struct vnicvf_rxq *rx, struct xdp_buff **head,
						u32 *more, u32 todo, bool frags)
{
	enum vnicvf_rx_result result = VNICVF_RX_FRAME;
	const struct vnic_rx_cmpl *c;
	struct vnicvf_rx_buf *buf;
	struct xdp_buff *xdp;
	u16 len, flags;

	*head = NULL;
	*more = 0;
	do {
		c = &rx->desc[rx->clean & rx->mask].cmpl;
		buf = vnicvf_rx_buf(rx, rx->clean);
		xdp = buf->xsk;
		buf->xsk = NULL;
		flags = le16_to_cpu(READ_ONCE(c->flags));
		len = le16_to_cpu(READ_ONCE(c->len));
		if (likely(result == VNICVF_RX_FRAME))
			result = vnicvf_rx_check(rx->buf_len, flags, len, !*head);
		if (unlikely(*head && !frags && result == VNICVF_RX_FRAME))
			result = VNICVF_RX_LONG;
		if (likely(result == VNICVF_RX_FRAME)) {
			xsk_buff_set_size(xdp, len);
			xsk_buff_dma_sync_for_cpu(xdp);
			if (!*head)
				*head = xdp;
			else if (*more < MAX_SKB_FRAGS && vnic_xsk_add_frag(*head, xdp, *more))
				++*more;
			else
				result = VNICVF_RX_BAD;
		}
		if (unlikely(result != VNICVF_RX_FRAME))
			xsk_buff_free(xdp);
		rx->clean++;
	} while (--todo && !(flags & VNIC_RXC_F_EOP));

	if (unlikely(!(flags & VNIC_RXC_F_EOP)))
		result = VNICVF_RX_BAD;
	if (unlikely(result != VNICVF_RX_FRAME && *head))
		xsk_buff_free(*head);
	return result;
}

/**
 * vnicvf_xsk_gather - take a frame from the sockets' memory
 * @qp: queue pair with @qp->rx.xsk
 * @f: result; with VNICVF_RX_FRAME: an skb of the frame
 * @prog: program that decides
 * @todo: completed buffers from @qp->rx.clean on, at least 1
 *
 * Context: NAPI.
 */
enum vnicvf_rx_result vnicvf_xsk_gather(struct vnicvf_qp *qp, struct vnicvf_rx_frame *f,
					const struct bpf_prog *prog, u32 todo)
{
	struct vnicvf_rxq *rx = &qp->rx;
	const struct vnic_rx_cmpl *c = &rx->desc[rx->clean & rx->mask].cmpl;
	bool frags = prog->aux->xdp_has_frags && vnicvf_xsk_sg(rx->xsk);
	enum vnicvf_rx_result result;
	struct xdp_buff *xdp;
	u32 more;

	result = vnicvf_xsk_collect(rx, &xdp, &more, todo, frags);
	if (unlikely(result != VNICVF_RX_FRAME))
		return result;
	result = VNICVF_RX_XDP;
	switch (vnicvf_xdp_run(qp, prog, xdp)) {
	case VNICVF_XDP_TAKEN:
		return VNICVF_RX_XDP;
	case VNICVF_XDP_PASS:	/* the ring has not been filled again: c is as it was */
		vnicvf_rx_first(f, c, le16_to_cpu(READ_ONCE(c->flags)));
		f->copied = true;
		f->skb = vnicvf_xsk_copy(qp, xdp, more);
		result = f->skb ? VNICVF_RX_FRAME : VNICVF_RX_NOMEM;
		break;
	default:
		break;
	}
	xsk_buff_free(xdp);
	return result;
}

/* End a frame that cannot be sent with the last descriptor put in: the device drops and
 * counts one with an empty descriptor.
 */
static void vnicvf_xsk_spoil(struct vnicvf_txq *tx)
{
	struct vnic_tx_desc *last = &tx->desc[(tx->prod - 1) & tx->mask].data;

	last->len = 0;
	last->flags = cpu_to_le16(VNIC_TXD_F_EOP);
	tx->xsk_open = 0;
}

/* Put a buffer of a frame into the ring.  A frame that is too short or too long the device
 * drops and counts, as with any driver's; one of too many buffers we let it drop.
 */
static void vnicvf_xsk_put(struct vnicvf_txq *tx, const struct xdp_desc *desc)
{
	dma_addr_t dma = xsk_buff_raw_get_dma(tx->xsk, desc->addr);
	bool more = desc->options & XDP_PKT_CONTD;
	u32 slot = tx->prod & tx->mask;

	xsk_buff_raw_dma_sync_for_device(tx->xsk, dma, desc->len);
	tx->buf[slot].len = 0;
	tx->buf[slot].bytes = 0;
	tx->buf[slot].count = 1;
	tx->buf[slot].kind = VNICVF_TX_XSK;
	tx->desc[slot].data = (struct vnic_tx_desc) {
		.addr	= cpu_to_le64(dma),
		.len	= cpu_to_le16(desc->len),
		.flags	= cpu_to_le16(more ? 0 : VNIC_TXD_F_EOP),
	};
	WRITE_ONCE(tx->prod, tx->prod + 1);
	if (likely(!more && !tx->xsk_skip)) {
		tx->xsk_open = 0;
		return;
	}
	if (tx->xsk_skip || ++tx->xsk_open == VNIC_TX_MAX_BUFS) {
		vnicvf_xsk_spoil(tx);
		tx->xsk_skip = more;
	}
}

/* Put what was peeked into the ring.  Return: frames that ended. */
static u32 vnicvf_xsk_put_all(struct vnicvf_txq *tx, u32 n, u32 *bytes)
{
	const struct xdp_desc *desc = tx->xsk->tx_descs;
	u32 i, frames = 0;

	for (i = 0; i < n; i++) {
		vnicvf_xsk_put(tx, &desc[i]);
		frames += !(desc[i].options & XDP_PKT_CONTD);
		*bytes += desc[i].len;
	}
	return frames;
}

/* Move descriptors from the sockets to the ring, whole frames.  Cores as that of Linux 6.12.0
 * give them piece by piece where several sockets use one memory: then it can be @max and
 * some more, and what is no frame is for us to find.  Return: how many.
 */
static u32 vnicvf_xsk_move(struct vnicvf_txq *tx, u32 max)
{
	u32 n, more, frames, bytes = 0;

	n = xsk_tx_peek_release_desc_batch(tx->xsk, max);
	if (!n)
		return 0;
	frames = vnicvf_xsk_put_all(tx, n, &bytes);
	while (unlikely(tx->xsk_open)) {
		more = xsk_tx_peek_release_desc_batch(tx->xsk, 1);
		if (!more) {	/* the stack may come next: its end is lost */
			vnicvf_xsk_spoil(tx);
			tx->xsk_skip = true;
			break;
		}
		frames += vnicvf_xsk_put_all(tx, more, &bytes);
		n += more;
	}
	WRITE_ONCE(tx->held, tx->prod);	/* somebody waits for each of them */
	u64_stats_update_begin(&tx->stats.syncp);
	u64_stats_add(&tx->stats.packets, frames);
	u64_stats_add(&tx->stats.bytes, bytes);
	u64_stats_add(&tx->stats.xsk_frames, frames);
	u64_stats_update_end(&tx->stats.syncp);
	return n;
}

/* The same while there is room.  Return: true: there may be more. */
static bool vnicvf_xsk_move_all(struct vnicvf_txq *tx)
{
	u32 n, room, sent;

	for (sent = 0; sent < VNICVF_XSK_SEND; sent += n) {
		room = vnicvf_tx_room(tx);
		if (room < VNICVF_XSK_ROOM + VNIC_TX_MAX_BUFS) {
			WRITE_ONCE(tx->held, tx->prod);	/* come back when there is some */
			return false;
		}
		n = vnicvf_xsk_move(tx, min(room - VNICVF_XSK_ROOM, VNICVF_XSK_BATCH));
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
	if (!vnicvf_xsk_move(tx, VNIC_TX_MAX_BUFS))
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

/**
 * vnicvf_xsk_resume - the link is back: go on with what sockets want sent
 * @vf: function whose queues run
 *
 * Who waits for room in a socket's ring while there is no link would not call us again.
 *
 * Context: process; rtnl.
 */
void vnicvf_xsk_resume(struct vnicvf *vf)
{
	unsigned int i;

	local_bh_disable();
	for (i = 0; i < vf->num_qps; i++)
		if (vf->qp[i].tx.xsk)
			napi_schedule(&vf->qp[i].napi);
	local_bh_enable();
}
