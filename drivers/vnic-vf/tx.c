// SPDX-License-Identifier: GPL-2.0
/*
 * Transmit: from skbs and XDP frames to descriptors, and their completion.
 *
 * Small frames are copied into memory the device knows, and freed at once.  Where
 * an IOMMU translates, all others are copied, too: an emulated one makes each
 * mapping dear.  For all but small ones somebody waits: a socket for its memory,
 * the stack for room in the ring.  Only then is an interrupt asked for; see
 * vnicvf_tx_arm().
 */
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <net/netdev_queues.h>
#include <net/page_pool/helpers.h>
#include <net/tcp.h>
#include <net/xdp_sock_drv.h>

#include <vnic_copy.h>
#include "vf.h"

#define VNICVF_TX_CHUNK		32768	/* bytes of a data descriptor, at most */
#define VNICVF_TX_WAKE		(2 * VNICVF_TX_DESCS)
#define VNICVF_TX_HDR_MAX	256	/* bytes in which a device looks for headers */

/* Is a mapping more than arithmetic?  Then an IOMMU is told of each buffer, and if
 * that is emulated, it is an exit to the VMM and more.
 */
static bool vnicvf_tx_mapping_dear(struct device *dev)
{
#if IS_ENABLED(CONFIG_IOMMU_API)
	struct iommu_domain *domain = iommu_get_domain_for_dev(dev);

	return domain && domain->type & __IOMMU_DOMAIN_PAGING;
#else
	return false;
#endif
}

int vnicvf_tx_alloc(struct vnicvf_qp *qp, u32 size)
{
	struct vnicvf_txq *tx = &qp->tx;

	tx->desc = dma_alloc_coherent(qp->dev, size * VNIC_DESC_SIZE, &tx->dma, GFP_KERNEL);
	if (!tx->desc)
		return -ENOMEM;
	tx->buf = kvcalloc(size, sizeof(*tx->buf), GFP_KERNEL);
	if (!tx->buf) {
		dma_free_coherent(qp->dev, size * VNIC_DESC_SIZE, tx->desc, tx->dma);
		return -ENOMEM;
	}
	/* Without it frames are mapped one by one. */
	tx->copy = dma_alloc_coherent(qp->dev, size * VNICVF_TX_COPY, &tx->copy_dma,
				      GFP_KERNEL | __GFP_NOWARN);
	tx->spare = NULL;
	if (vnicvf_tx_mapping_dear(qp->dev))
		tx->spare = dma_alloc_coherent(qp->dev, VNICVF_TX_SPARE, &tx->spare_dma,
					       GFP_KERNEL | __GFP_NOWARN);
	tx->spared = 0;
	tx->given = 0;
	tx->mask = size - 1;
	tx->prod = 0;
	tx->published = 0;
	tx->held = 0;
	tx->lazy = false;
	tx->owed = false;
	tx->clean = 0;
	tx->xsk = qp->xsk;
	tx->xsk_done = 0;
	tx->xsk_open = 0;
	tx->xsk_skip = false;
	return 0;
}

static void vnicvf_tx_stat(struct vnicvf_txq *tx, u64_stats_t *counter)
{
	u64_stats_update_begin(&tx->stats.syncp);
	u64_stats_inc(counter);
	u64_stats_update_end(&tx->stats.syncp);
}

static void vnicvf_tx_unmap(struct vnicvf_qp *qp, struct vnicvf_tx_buf *buf)
{
	if (!buf->len)
		return;
	switch (buf->map) {
	case VNICVF_TX_SINGLE:
		dma_unmap_single(qp->dev, buf->dma, buf->len, DMA_TO_DEVICE);
		break;
	case VNICVF_TX_PAGE:
		dma_unmap_page(qp->dev, buf->dma, buf->len, DMA_TO_DEVICE);
		break;
	case VNICVF_TX_SPARED:	/* in the order in which they were taken */
		smp_store_release(&qp->tx.given, qp->tx.given + buf->len);
		break;
	}
}

/* A device looks for headers in the first bytes only; what lies deeper the
 * stack has to do.
 */
netdev_features_t vnicvf_features_check(struct sk_buff *skb, struct net_device *netdev,
					netdev_features_t features)
{
	unsigned int end = 0;

	if (skb_is_gso(skb) && skb_shinfo(skb)->gso_size < VNIC_GSO_MIN)
		features &= ~NETIF_F_GSO_MASK;
	if (skb_is_gso(skb))
		end = skb_tcp_all_headers(skb);
	else if (skb->ip_summed == CHECKSUM_PARTIAL)
		end = skb_checksum_start_offset(skb) + skb->csum_offset + sizeof(__sum16);
	if (end > VNICVF_TX_HDR_MAX || skb->len > VNIC_FRAME_MAX - VLAN_HLEN)
		features &= ~(NETIF_F_CSUM_MASK | NETIF_F_GSO_MASK);
	return vlan_features_check(skb, features);
}

static unsigned int vnicvf_tx_chunks(unsigned int len)
{
	return DIV_ROUND_UP(len, VNICVF_TX_CHUNK);
}

static unsigned int vnicvf_tx_count(const struct sk_buff *skb)
{
	unsigned int count = vnicvf_tx_chunks(skb_headlen(skb));
	unsigned int i;

	for (i = 0; i < skb_shinfo(skb)->nr_frags; i++)
		count += vnicvf_tx_chunks(skb_frag_size(&skb_shinfo(skb)->frags[i]));
	return count;
}

/* Fill slots for one mapping.  Return: the slot behind. */
static u32 vnicvf_tx_add(struct vnicvf_txq *tx, u32 at, dma_addr_t dma, u32 len,
			 enum vnicvf_tx_map map)
{
	u32 chunk, mapped = len;

	while (len) {
		chunk = min(len, VNICVF_TX_CHUNK);
		tx->buf[at & tx->mask] = (struct vnicvf_tx_buf) {
			.dma = dma, .len = mapped, .map = map,
		};
		tx->desc[at & tx->mask].data = (struct vnic_tx_desc) {
			.addr = cpu_to_le64(dma), .len = cpu_to_le16(chunk),
		};
		at++;
		dma += chunk;
		len -= chunk;
		mapped = 0;	/* one mapping, one unmapping */
	}
	return at;
}

/* A slot for what the device has to do to the frame */
static noinline void vnicvf_tx_offload(struct vnicvf_txq *tx, u32 at, const struct sk_buff *skb)
{
	const struct skb_shared_info *shinfo = skb_shinfo(skb);
	struct vnic_tx_ctx ctx = {};
	u16 flags = VNIC_TXD_F_CTX | VNIC_TXD_F_CSUM;

	ctx.csum_start = cpu_to_le16(skb_checksum_start_offset(skb));
	ctx.csum_offset = cpu_to_le16(skb->csum_offset);
	if (skb_is_gso(skb)) {
		flags |= shinfo->gso_type & SKB_GSO_TCPV4 ? VNIC_TXD_F_TSO4 : VNIC_TXD_F_TSO6;
		ctx.gso_size = cpu_to_le16(shinfo->gso_size);
		ctx.hdr_len = cpu_to_le16(skb_tcp_all_headers(skb));
	}
	ctx.flags = cpu_to_le16(flags);
	tx->desc[at & tx->mask].ctx = ctx;
	tx->buf[at & tx->mask] = (struct vnicvf_tx_buf) {};
}

/* What the device has to do to the frame.  Return: the slot behind. */
static __always_inline u32 vnicvf_tx_context(struct vnicvf_txq *tx, u32 at,
					     const struct sk_buff *skb)
{
	if (skb->ip_summed != CHECKSUM_PARTIAL)
		return at;
	vnicvf_tx_offload(tx, at, skb);
	return at + 1;
}

/* Fill a slot with a copy of the first bytes.  Return: the slot behind. */
static __always_inline u32 vnicvf_tx_copy_head(struct vnicvf_txq *tx, u32 at,
					       const struct sk_buff *skb, u32 len)
{
	u32 slot = at & tx->mask, off = slot * VNICVF_TX_COPY;

	if (len > skb_headlen(skb))
		skb_copy_bits(skb, 0, tx->copy + off, len);
	else
		vnic_copy(tx->copy + off, skb->data, len);
	tx->buf[slot].len = 0;
	tx->desc[slot].data = (struct vnic_tx_desc) {
		.addr = cpu_to_le64(tx->copy_dma + off), .len = cpu_to_le16(len),
	};
	return at + 1;
}

/* Copy a frame to where the device finds it without a mapping, in one piece.
 * Return: the slot behind, or @at: there is no room.
 */
static u32 vnicvf_tx_spare(struct vnicvf_txq *tx, u32 at, const struct sk_buff *skb)
{
	u32 off = tx->spared % VNICVF_TX_SPARE, take = ALIGN(skb->len, SMP_CACHE_BYTES);
	u32 used = tx->spared - smp_load_acquire(&tx->given);	/* read, then written again */
	u32 next;

	if (off + take > VNICVF_TX_SPARE) {	/* not to the end and on at the start */
		take += VNICVF_TX_SPARE - off;
		off = 0;
	}
	if (used + take > VNICVF_TX_SPARE)
		return at;
	skb_copy_bits(skb, 0, tx->spare + off, skb->len);
	next = vnicvf_tx_add(tx, at, tx->spare_dma + off, skb->len, VNICVF_TX_SPARED);
	tx->buf[at & tx->mask].len = take;
	tx->spared += take;
	return next;
}

/* Map the frame into slots from tx->prod on; the linear part of most is headers
 * and not worth it.  Return: slots used, or -ENOMEM.
 */
static int vnicvf_tx_map(struct vnicvf_qp *qp, struct sk_buff *skb)
{
	struct vnicvf_txq *tx = &qp->tx;
	const skb_frag_t *frag;
	u32 at = tx->prod, start;
	dma_addr_t dma;
	unsigned int i;

	at = vnicvf_tx_context(tx, at, skb);
	if (tx->spare) {
		start = at;
		at = vnicvf_tx_spare(tx, start, skb);
		if (at != start) {
			vnicvf_tx_stat(tx, &tx->stats.spared);
			goto done;
		}
	}
	if (skb_headlen(skb) <= VNICVF_TX_COPY && tx->copy) {
		at = vnicvf_tx_copy_head(tx, at, skb, skb_headlen(skb));
	} else {
		dma = dma_map_single(qp->dev, skb->data, skb_headlen(skb), DMA_TO_DEVICE);
		if (dma_mapping_error(qp->dev, dma))
			return -ENOMEM;
		at = vnicvf_tx_add(tx, at, dma, skb_headlen(skb), VNICVF_TX_SINGLE);
	}
	for (i = 0; i < skb_shinfo(skb)->nr_frags; i++) {
		frag = &skb_shinfo(skb)->frags[i];
		dma = skb_frag_dma_map(qp->dev, frag, 0, skb_frag_size(frag), DMA_TO_DEVICE);
		if (dma_mapping_error(qp->dev, dma))
			goto unmap;
		at = vnicvf_tx_add(tx, at, dma, skb_frag_size(frag), VNICVF_TX_PAGE);
	}
done:
	tx->desc[(at - 1) & tx->mask].data.flags = cpu_to_le16(VNIC_TXD_F_EOP);
	return at - tx->prod;

unmap:
	while (at-- != tx->prod)
		vnicvf_tx_unmap(qp, &tx->buf[at & tx->mask]);
	return -ENOMEM;
}

static void vnicvf_tx_account(struct vnicvf_txq *tx, const struct sk_buff *skb, bool copied)
{
	struct vnicvf_tx_stats *st = &tx->stats;
	unsigned int segs = 1, bytes = skb->len;

	u64_stats_update_begin(&st->syncp);
	if (skb_is_gso(skb)) {
		segs = max_t(unsigned int, skb_shinfo(skb)->gso_segs, 1);
		bytes += (segs - 1) * skb_tcp_all_headers(skb);
		u64_stats_inc(&st->gso_packets);
		u64_stats_add(&st->gso_segs, segs);
	}
	if (skb->ip_summed == CHECKSUM_PARTIAL)
		u64_stats_inc(&st->csum);
	if (copied)
		u64_stats_inc(&st->copied);
	u64_stats_add(&st->packets, segs);
	u64_stats_add(&st->bytes, bytes);
	u64_stats_update_end(&st->syncp);
}

/* Is somebody waiting for the completion of a frame behind @index? */
static bool vnicvf_tx_waited(const struct vnicvf_txq *tx, u32 index)
{
	return (s32)(READ_ONCE(tx->held) - index) > 0;
}

/* After how many of the descriptors under way is there an interrupt?  Soon
 * enough that the device does not run dry.
 */
static u32 vnicvf_tx_distance(const struct vnicvf_txq *tx, u32 under_way)
{
	return clamp(under_way - under_way / 4, 1u, READ_ONCE(tx->arm_max));
}

/* Ask for an interrupt if NAPI has not, and one of the new frames needs it.  It
 * is asked for among those the device has not seen, so it cannot be missed.
 */
static void vnicvf_tx_ask(struct vnicvf_txq *tx)
{
	u32 cons, at;

	if (netif_xmit_stopped(tx->nq))
		WRITE_ONCE(tx->held, tx->prod);
	if (!vnicvf_tx_waited(tx, tx->published))
		return;
	smp_mb();	/* held before lazy: vnicvf_tx_arm() does the reverse */
	if (!READ_ONCE(tx->lazy) || !xchg(&tx->lazy, false))
		return;
	cons = vnicvf_load(&tx->ev->cons);
	at = cons + vnicvf_tx_distance(tx, tx->prod - cons);
	if ((s32)(at - tx->published) <= 0)
		at = tx->published + 1;
	WRITE_ONCE(tx->ev->intr_at, cpu_to_le32(at));
}

/* Show the device what it has not seen.  Context: under the queue's lock. */
void vnicvf_tx_flush(struct vnicvf_qp *qp)
{
	struct vnicvf_txq *tx = &qp->tx;
	u32 old = tx->published;

	WRITE_ONCE(tx->owed, false);
	if (old == tx->prod)
		return;
	vnicvf_tx_ask(tx);
	tx->published = tx->prod;
	if (vnicvf_kick(&qp->vf->hw, tx->ev, VNIC_DOORBELL_TX(qp->index), qp->index, tx->prod, old))
		vnicvf_tx_stat(tx, &tx->stats.kicks);
}

/* The same, but what is sent from within the queue pair's own poll (answers,
 * forwarded frames) waits for the poll's end: see vnicvf_tx_settle().  Netpoll
 * comes with interrupts off, and may have interrupted the poll.
 */
static void vnicvf_tx_flush_soon(struct vnicvf_qp *qp)
{
	if (READ_ONCE(qp->poller) == current && !irqs_disabled())
		WRITE_ONCE(qp->tx.owed, true);
	else
		vnicvf_tx_flush(qp);
}

/**
 * vnicvf_tx_settle - show the device what was put off during a poll
 * @qp: queue pair; no longer polled by the caller
 *
 * NAPI may be polling again elsewhere, or be off and the ring on its way out:
 * then the queue has been stopped, under the lock.  A queue that is full is
 * stopped, too, but owes nothing.
 *
 * Context: softirq.
 */
void vnicvf_tx_settle(struct vnicvf_qp *qp)
{
	struct vnicvf_txq *tx = &qp->tx;

	if (likely(!READ_ONCE(tx->owed)))
		return;
	__netif_tx_lock(tx->nq, smp_processor_id());
	if (tx->owed && !netif_tx_queue_stopped(tx->nq))
		vnicvf_tx_flush(qp);
	__netif_tx_unlock(tx->nq);
}

/* A frame the rings can hold?  Return: data descriptors, or 0 to drop it. */
static unsigned int vnicvf_tx_fit(struct vnicvf_txq *tx, struct sk_buff *skb)
{
	unsigned int count = vnicvf_tx_count(skb);

	if (unlikely(skb->len < VNIC_FRAME_MIN || skb->len > VNIC_FRAME_MAX))
		return 0;
	if (likely(count <= VNIC_TX_MAX_BUFS))
		return count;
	if (skb_linearize(skb))
		return 0;
	vnicvf_tx_stat(tx, &tx->stats.linearized);
	return vnicvf_tx_count(skb);
}

/* Copy a small frame: nothing to map, and the skb can go.  Return: slots used. */
static int vnicvf_tx_copy(struct vnicvf_txq *tx, const struct sk_buff *skb)
{
	u32 first = tx->prod, at = vnicvf_tx_context(tx, first, skb);

	at = vnicvf_tx_copy_head(tx, at, skb, skb->len);
	tx->desc[(at - 1) & tx->mask].data.flags = cpu_to_le16(VNIC_TXD_F_EOP);
	tx->buf[first & tx->mask].kind = VNICVF_TX_COPIED;
	return at - first;
}

static bool vnicvf_tx_small(const struct vnicvf_txq *tx, const struct sk_buff *skb)
{
	return skb->len <= VNICVF_TX_COPY && tx->copy;
}

/* Put a frame into the ring.  Return: slots used, or -ENOMEM. */
static int vnicvf_tx_put(struct vnicvf_qp *qp, struct sk_buff *skb, bool small)
{
	struct vnicvf_txq *tx = &qp->tx;
	struct vnicvf_tx_buf *first = &tx->buf[tx->prod & tx->mask];
	int used;

	if (small) {
		used = vnicvf_tx_copy(tx, skb);
	} else {
		used = vnicvf_tx_map(qp, skb);
		if (unlikely(used < 0))
			return used;
		first->skb = skb;
		first->kind = VNICVF_TX_SKB;
		WRITE_ONCE(tx->held, tx->prod + used);
	}
	first->count = used;
	first->bytes = skb->len;
	return used;
}

netdev_tx_t vnicvf_xmit(struct sk_buff *skb, struct net_device *netdev)
{
	struct vnicvf *vf = netdev_priv(netdev);
	struct vnicvf_qp *qp = &vf->qp[skb_get_queue_mapping(skb)];
	struct vnicvf_txq *tx = &qp->tx;
	unsigned int count, bytes = skb->len;
	bool flush, small;
	int used;

	count = vnicvf_tx_fit(tx, skb);
	if (unlikely(!count))
		goto drop;
	if (unlikely(vnicvf_tx_room(tx) < count + 1)) {
		vnicvf_tx_flush(qp);
		/* Woken for nothing.  There may be nothing left to ask with: NAPI does. */
		if (!netif_txq_try_stop(tx->nq, vnicvf_tx_room(tx), VNICVF_TX_WAKE)) {
			WRITE_ONCE(tx->held, tx->prod);
			napi_schedule(&qp->napi);
		}
		return NETDEV_TX_BUSY;
	}
	small = vnicvf_tx_small(tx, skb);
	used = vnicvf_tx_put(qp, skb, small);
	if (unlikely(used < 0))
		goto drop;

	skb_tx_timestamp(skb);
	vnicvf_tx_account(tx, skb, small);
	WRITE_ONCE(tx->prod, tx->prod + used);
	if (small)	/* netpoll comes with interrupts off */
		napi_consume_skb(skb, !irqs_disabled());
	flush = __netdev_tx_sent_queue(tx->nq, bytes, netdev_xmit_more());
	if (!netif_txq_maybe_stop(tx->nq, vnicvf_tx_room(tx), VNICVF_TX_DESCS, VNICVF_TX_WAKE)) {
		vnicvf_tx_stat(tx, &tx->stats.stops);
		vnicvf_tx_flush(qp);
	} else if (flush) {
		vnicvf_tx_flush_soon(qp);
	}
	return NETDEV_TX_OK;

drop:
	dev_kfree_skb_any(skb);
	vnicvf_tx_stat(tx, &tx->stats.dropped);
	if (!netdev_xmit_more())
		vnicvf_tx_flush(qp);
	return NETDEV_TX_OK;
}

/* One buffer of an XDP frame into slots.  In a page of one of our pools it is mapped.
 * Return: the slot behind, or @at: there is no mapping.
 */
static u32 vnicvf_tx_xdp_add(struct vnicvf_qp *qp, u32 at, struct page *page, u32 offset, u32 len,
			     bool mapped)
{
	struct vnicvf_txq *tx = &qp->tx;
	dma_addr_t dma;
	u32 next;

	if (!mapped) {
		dma = dma_map_page(qp->dev, page, offset, len, DMA_TO_DEVICE);
		if (dma_mapping_error(qp->dev, dma))
			return at;
		return vnicvf_tx_add(tx, at, dma, len, VNICVF_TX_PAGE);
	}
	dma = page_pool_get_dma_addr(page) + offset;
	dma_sync_single_for_device(qp->dev, dma, len, DMA_BIDIRECTIONAL);
	next = vnicvf_tx_add(tx, at, dma, len, VNICVF_TX_PAGE);
	tx->buf[at & tx->mask].len = 0;	/* stays mapped */
	return next;
}

/* All of an XDP frame into slots from tx->prod on.  Return: slots used; 0: there is no
 * mapping.
 */
static u32 vnicvf_tx_xdp_map(struct vnicvf_qp *qp, struct xdp_frame *xdpf, bool mapped)
{
	struct skb_shared_info *shinfo = xdp_get_shared_info_from_frame(xdpf);
	u32 i, last, frags = xdp_frame_has_frags(xdpf) ? shinfo->nr_frags : 0;
	struct vnicvf_txq *tx = &qp->tx;
	u32 at = tx->prod;

	for (i = 0; i <= frags; i++) {
		last = at;
		if (i)
			at = vnicvf_tx_xdp_add(qp, at, skb_frag_page(&shinfo->frags[i - 1]),
					       skb_frag_off(&shinfo->frags[i - 1]),
					       skb_frag_size(&shinfo->frags[i - 1]), mapped);
		else
			at = vnicvf_tx_xdp_add(qp, at, virt_to_page(xdpf->data),
					       offset_in_page(xdpf->data), xdpf->len, mapped);
		if (unlikely(at == last))
			goto unmap;
	}
	tx->desc[(at - 1) & tx->mask].data.flags = cpu_to_le16(VNIC_TXD_F_EOP);
	return at - tx->prod;

unmap:
	while (at-- != tx->prod)
		vnicvf_tx_unmap(qp, &tx->buf[at & tx->mask]);
	return 0;
}

/* Descriptors of an XDP frame; 0: it is none that could be sent. */
static u32 vnicvf_tx_xdp_count(struct xdp_frame *xdpf)
{
	u32 i, count, len = xdp_get_frame_len(xdpf);
	const struct skb_shared_info *shinfo;

	if (unlikely(len < VNIC_FRAME_MIN || len > VNIC_FRAME_MAX || !xdpf->len))
		return 0;
	count = vnicvf_tx_chunks(xdpf->len);
	if (unlikely(xdp_frame_has_frags(xdpf))) {
		shinfo = xdp_get_shared_info_from_frame(xdpf);
		for (i = 0; i < shinfo->nr_frags; i++)
			count += vnicvf_tx_chunks(skb_frag_size(&shinfo->frags[i]));
	}
	return count <= VNIC_TX_MAX_BUFS ? count : 0;
}

/* It leaves the room that the stack counts on. */
static bool vnicvf_tx_xdp_put(struct vnicvf_qp *qp, struct xdp_frame *xdpf, bool mapped)
{
	u32 used, count = vnicvf_tx_xdp_count(xdpf);
	struct vnicvf_txq *tx = &qp->tx;
	struct vnicvf_tx_buf *first = &tx->buf[tx->prod & tx->mask];

	if (unlikely(!count) || vnicvf_tx_room(tx) < VNICVF_TX_DESCS + count)
		return false;
	used = vnicvf_tx_xdp_map(qp, xdpf, mapped);
	if (unlikely(!used))
		return false;
	first->xdpf = xdpf;
	first->kind = VNICVF_TX_XDP;
	first->count = used;
	first->bytes = 0;
	WRITE_ONCE(tx->prod, tx->prod + used);
	WRITE_ONCE(tx->held, tx->prod);
	u64_stats_inc(&tx->stats.packets);
	u64_stats_inc(&tx->stats.xdp_frames);
	u64_stats_add(&tx->stats.bytes, xdp_get_frame_len(xdpf));
	return true;
}

/**
 * vnicvf_tx_xdp - send XDP frames
 * @qp: queue pair; its TX ring is shared with the stack, under the stack's lock
 * @frames: frames
 * @n: their number
 * @mapped: they lie in pages of one of our page pools
 * @flush: show them to the device now
 *
 * They never take the room that the stack counts on.
 *
 * Context: BH disabled.
 * Return: how many were taken, the first ones; -ENETDOWN.
 */
int vnicvf_tx_xdp(struct vnicvf_qp *qp, struct xdp_frame **frames, int n, bool mapped, bool flush)
{
	struct vnicvf_txq *tx = &qp->tx;
	int sent = 0;

	__netif_tx_lock(tx->nq, smp_processor_id());
	/* Stopped by the driver: no ring, or one that is full. */
	if (unlikely(netif_tx_queue_stopped(tx->nq))) {
		u64_stats_update_begin(&tx->stats.syncp);
		u64_stats_add(&tx->stats.xdp_full, n);
		u64_stats_update_end(&tx->stats.syncp);
		sent = -ENETDOWN;
		goto unlock;
	}
	txq_trans_cond_update(tx->nq);
	u64_stats_update_begin(&tx->stats.syncp);
	while (sent < n && vnicvf_tx_xdp_put(qp, frames[sent], mapped))
		sent++;
	u64_stats_add(&tx->stats.xdp_full, n - sent);
	u64_stats_update_end(&tx->stats.syncp);
	if (flush)
		vnicvf_tx_flush_soon(qp);
unlock:
	__netif_tx_unlock(tx->nq);
	return sent;
}

/* Complete the frame that starts at tx->clean. */
static void vnicvf_tx_done(struct vnicvf_qp *qp, struct vnicvf_tx_buf *buf, int budget)
{
	struct vnicvf_txq *tx = &qp->tx;
	unsigned int i;

	if (buf->kind == VNICVF_TX_COPIED)
		return;
	if (buf->kind == VNICVF_TX_XSK) {
		tx->xsk_done++;
		return;
	}
	for (i = 0; i < buf->count; i++)
		vnicvf_tx_unmap(qp, &tx->buf[(tx->clean + i) & tx->mask]);
	if (buf->kind == VNICVF_TX_SKB)
		napi_consume_skb(buf->skb, budget);
	else
		xdp_return_frame(buf->xdpf);
}

/* Tell XDP sockets what of theirs is done: their memory is theirs again. */
static void vnicvf_tx_xsk_done(struct vnicvf_txq *tx)
{
	if (!tx->xsk_done)
		return;
	xsk_tx_completed(tx->xsk, tx->xsk_done);
	tx->xsk_done = 0;
}

/* The device is done with the queue, sent or not; NAPI and xmit are off. */
void vnicvf_tx_free(struct vnicvf_qp *qp)
{
	struct vnicvf_txq *tx = &qp->tx;
	struct vnicvf_tx_buf *buf;

	while (tx->clean != tx->prod) {
		buf = &tx->buf[tx->clean & tx->mask];
		vnicvf_tx_done(qp, buf, 0);
		tx->clean += buf->count;
	}
	vnicvf_tx_xsk_done(tx);
	WRITE_ONCE(tx->xsk, NULL);
	netdev_tx_reset_queue(tx->nq);
	if (tx->copy)
		dma_free_coherent(qp->dev, (tx->mask + 1) * VNICVF_TX_COPY, tx->copy, tx->copy_dma);
	if (tx->spare)
		dma_free_coherent(qp->dev, VNICVF_TX_SPARE, tx->spare, tx->spare_dma);
	kvfree(tx->buf);
	dma_free_coherent(qp->dev, (tx->mask + 1) * VNIC_DESC_SIZE, tx->desc, tx->dma);
}

/*
 * The stack waits for room, and what has become free was not the stack's: it would wait
 * for its own last frame, and sockets and programs with it.
 */
static void vnicvf_tx_wake(struct vnicvf_qp *qp)
{
	struct vnicvf_txq *tx = &qp->tx;

	smp_mb();	/* clean before stopped: who stops it does the reverse */
	if (unlikely(netif_tx_queue_stopped(tx->nq)) && READ_ONCE(qp->vf->up) &&
	    vnicvf_tx_room(tx) >= VNICVF_TX_WAKE)
		netif_tx_wake_queue(tx->nq);
}

/**
 * vnicvf_tx_clean - complete what the device has sent
 * @qp: queue pair
 * @budget: of NAPI; 0: called by netpoll
 *
 * Context: NAPI.
 */
void vnicvf_tx_clean(struct vnicvf_qp *qp, int budget)
{
	struct vnicvf_txq *tx = &qp->tx;
	u32 todo = vnicvf_load(&tx->ev->cons) - tx->clean;
	unsigned int count, packets = 0, bytes = 0;
	struct vnicvf_tx_buf *buf;
	u32 old = tx->clean;

	if (unlikely(todo > READ_ONCE(tx->prod) - tx->clean)) {
		vnicvf_qp_fail(qp);
		return;
	}
	while (todo) {
		buf = &tx->buf[tx->clean & tx->mask];
		count = buf->count;
		if (count > todo)
			break;	/* not all of the frame yet */
		if (unlikely(!budget && buf->kind == VNICVF_TX_XDP))
			break;	/* netpoll may come with interrupts off */
		vnicvf_tx_done(qp, buf, budget);
		bytes += buf->bytes;
		packets += buf->kind < VNICVF_TX_XDP;	/* of the stack */
		todo -= count;
		WRITE_ONCE(tx->clean, tx->clean + count);
	}
	vnicvf_tx_xsk_done(tx);
	if (packets)
		netif_txq_completed_wake(tx->nq, packets, bytes, vnicvf_tx_room(tx),
					 VNICVF_TX_WAKE);
	else if (budget && tx->clean != old)
		vnicvf_tx_wake(qp);
}

/**
 * vnicvf_tx_arm - ask for an interrupt, if anybody waits for one
 * @tx: ring
 *
 * Not for each frame: after three quarters of what is under way.  With nothing
 * held, for none at all: tx->lazy then tells xmit to ask when that changes.
 *
 * Context: NAPI, about to complete.
 * Return: index at which there is something to complete.
 */
u32 vnicvf_tx_arm(struct vnicvf_txq *tx)
{
	u32 at = tx->clean;

	WRITE_ONCE(tx->lazy, false);
	if (!vnicvf_tx_waited(tx, at)) {
		WRITE_ONCE(tx->ev->intr_at, cpu_to_le32(at));	/* behind: never */
		smp_store_release(&tx->lazy, true);	/* xmit's intr_at comes after ours */
		smp_mb();	/* lazy before held: vnicvf_tx_ask() does the reverse */
		if (!vnicvf_tx_waited(tx, at) || !xchg(&tx->lazy, false))
			return at + S32_MAX;
	}
	at += vnicvf_tx_distance(tx, READ_ONCE(tx->prod) - at);
	WRITE_ONCE(tx->ev->intr_at, cpu_to_le32(at));
	return at;
}
