// SPDX-License-Identifier: GPL-2.0
/*
 * Frames in a receive virtqueue (5.1.6.3): chains of buffers that the driver posts, a
 * header and a frame written into one of them, or with VIRTIO_NET_F_MRG_RXBUF into as
 * many as it takes.  rxq->lock held, in a stretch.
 */
#include "virtio.h"

/* ---- chains from the driver ---- */

/* Add a chain behind the buffers that are ready. */
static void vnic_virtio_add(struct vnic_rxq *rxq, const struct vnic_chain *c)
{
	struct vnic_rxbuf *to;
	unsigned int i;

	for (i = 0; i < c->n; i++) {
		to = vnic_rx_buf(rxq, rxq->fetched++);
		to->addr = c->buf[i].addr;
		to->len = c->buf[i].len;
		to->id = c->id;
		to->last = i == c->n - 1;
		to->entries = c->entries;
	}
}

/* Small pieces cost who sends, so a chain is to be as long as a native buffer at least;
 * an empty piece, or one whose end is none, is nothing to write to.
 */
static bool vnic_virtio_posted_ok(const struct vnic_chain *c)
{
	const struct vnic_buf *buf;
	u64 sum = 0;

	for (buf = c->buf; buf < c->buf + c->n; buf++) {
		if (!buf->len || buf->addr + buf->len < buf->addr)
			return false;
		sum += buf->len;
	}
	return !c->out && sum >= VNIC_RX_BUF_MIN;
}

/* One chain.  Its entries; 0: no room for it yet; -errno */
static int vnic_virtio_fetch(struct vnic_rxq *rxq)
{
	u32 room = rxq->ready_mask + 1 - (rxq->fetched - rxq->cons);
	struct vnic_buf buf[VNIC_VQ_BUFS] __uninitialized;
	struct vnic_chain c = { .buf = buf, .most = min_t(u32, room, VNIC_VQ_BUFS) };
	int err;

	if (!room)
		return 0;
	err = vnic_vring_chain(rxq->fn, &rxq->ring, rxq->page, rxq->ring.seen, &c);
	if (err == -E2BIG)
		return room < VNIC_VQ_BUFS ? 0 : -EINVAL;
	if (err)
		return err;
	if (!vnic_virtio_posted_ok(&c))
		return -EINVAL;
	vnic_virtio_add(rxq, &c);
	rxq->ring.seen += c.entries;
	return c.entries;
}

int vnic_vring_rx_fetch(struct vnic_rxq *rxq, u32 most)
{
	struct vnic_ring *ring = &rxq->ring;
	u32 prod, i, busy = ring->seen - ring->vring.done;
	int got = 0;

	if (!vnic_vring_prod(rxq->fn, ring, ring->seen, &prod))
		return -EFAULT;
	if (busy + (prod - ring->seen) > ring->size)
		return -EINVAL;
	for (i = 0; i < most && (s32)(prod - ring->seen) > 0; i += got) {
		got = vnic_virtio_fetch(rxq);
		if (got <= 0)
			break;
	}
	/*
	 * With frames waiting the driver has been asked to ring (vnic_vring_arm()), and has
	 * perhaps not looked yet: nobody else wakes the worker for them.
	 */
	if (i && !vnic_rx_waiting(rxq) && !vnic_vring_hush(rxq->fn, ring))
		return -EFAULT;
	return i ?: got == -ENXIO ? -EFAULT : got;
}

/* ---- frames ---- */

int vnic_vring_rx_room(const struct vnic_rxq *rxq, u32 len)
{
	u32 all = rxq->ready_mask + 1, room = 0, i;

	len += rxq->ring.vring.front;
	for (i = rxq->cons; i != rxq->fetched; i++) {
		room += vnic_rx_buf(rxq, i)->len;
		if (room >= len)
			return 0;
		if (vnic_rx_buf(rxq, i)->last && !rxq->ring.vring.merge)
			return -E2BIG;
	}
	/* All that the ring can hold, nearly, and too small? */
	if (rxq->ring.seen - rxq->ring.vring.done >= rxq->ring.size - rxq->ring.size / 4)
		return -E2BIG;
	return rxq->fetched - rxq->cons >= all - all / 4 ? -E2BIG : -ENOBUFS;
}

/* Chains that hold @len bytes; there are as many. */
static u16 vnic_virtio_chains(const struct vnic_rxq *rxq, u32 len)
{
	const struct vnic_rxbuf *buf;
	u16 chains = 1;
	u32 i;

	for (i = rxq->cons; ; i++) {
		buf = vnic_rx_buf(rxq, i);
		if (buf->len >= len)
			return chains;
		len -= buf->len;
		chains += buf->last;
	}
}

/* VIRTIO_NET_HASH_REPORT_*: over what the hash is */
static u16 vnic_virtio_report(u16 flags)
{
	u16 report = VIRTIO_NET_HASH_REPORT_IPv4;

	if (!(flags & VNIC_FR_HASHED))
		return VIRTIO_NET_HASH_REPORT_NONE;
	if (flags & VNIC_FR_HASH_L4)
		report = flags & VNIC_FR_HASH_UDP ? VIRTIO_NET_HASH_REPORT_UDPv4 :
						    VIRTIO_NET_HASH_REPORT_TCPv4;
	return flags & VNIC_FR_HASH_V6 ? report + VNIC_HASH_V6 : report;
}

static void vnic_virtio_header(struct vnic_virtio_hdr *h, const struct vnic_rx_note *note,
			       u16 chains)
{
	struct virtio_net_hdr_v1 *hdr = &h->v1;

	*h = (struct vnic_virtio_hdr) {
		.report = cpu_to_le16(vnic_virtio_report(note->flags)),
	};
	if (note->flags & VNIC_FR_HASHED)
		h->hash = cpu_to_le32(note->hash);
	hdr->num_buffers = vnic_to_v16(chains);
	if (note->flags & VNIC_FR_CSUM_PARTIAL) {
		hdr->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		hdr->csum_start = vnic_to_v16(note->csum_start);
		hdr->csum_offset = vnic_to_v16(note->csum_offset);
	} else if (note->flags & VNIC_FR_CSUM_OK) {
		hdr->flags = VIRTIO_NET_HDR_F_DATA_VALID;
	}
	if (note->flags & VNIC_FR_GSO) {
		hdr->gso_type = note->flags & VNIC_FR_TSO4 ? VIRTIO_NET_HDR_GSO_TCPV4 :
				note->flags & VNIC_FR_TSO6 ? VIRTIO_NET_HDR_GSO_TCPV6 :
							     VIRTIO_NET_HDR_GSO_UDP_L4;
		hdr->gso_size = vnic_to_v16(note->gso_size);
		hdr->hdr_len = vnic_to_v16(note->hdr_len);
	}
}

int vnic_vring_rx_front(struct vnic_rxq *rxq, struct vnic_rx_cursor *cur,
			const struct vnic_rx_note *note, u32 len)
{
	const u8 front = rxq->ring.vring.front;
	struct vnic_virtio_hdr hdr;

	vnic_virtio_header(&hdr, note, vnic_virtio_chains(rxq, len + front));
	return vnic_rx_put(rxq, cur, &hdr, front);
}

/* Give back the chain of @buf, entry @at; @len bytes of it have been written. */
static bool vnic_virtio_done(struct vnic_rxq *rxq, u32 at, const struct vnic_rxbuf *buf, u32 len)
{
	return vnic_vring_put(rxq->fn, &rxq->ring, rxq->page, at, buf->id, len);
}

int vnic_vring_rx_complete(struct vnic_rxq *rxq, const struct vnic_rx_cursor *cur,
			   const struct vnic_rx_note *note)
{
	struct vnic_ring *ring = &rxq->ring;
	const struct vnic_rxbuf *buf, *first = vnic_rx_buf(rxq, rxq->cons);
	u32 i, len = 0, first_len = 0, at = ring->vring.done;

	for (i = rxq->cons; ; i++) {
		buf = vnic_rx_buf(rxq, i);
		if (i == cur->index)
			len += cur->addr - buf->addr;
		else if ((s32)(cur->index - i) > 0)
			len += buf->len;
		if (!buf->last)
			continue;
		if (at == ring->vring.done)
			first_len = len;
		else if (!vnic_virtio_done(rxq, at, buf, len))
			return -EFAULT;
		at += buf->entries;
		len = 0;
		if ((s32)(i - cur->index) >= 0)
			break;
	}
	/* Who sees the first looks for the others, in a packed virtqueue. */
	smp_wmb();
	if (!vnic_virtio_done(rxq, ring->vring.done, first, first_len))
		return -EFAULT;
	ring->vring.done = at;
	rxq->cons = i + 1;
	return 0;
}

/* Usual: whole, not tagged, in one span, into a chain of one buffer, in one piece. */
bool vnic_vring_rx_quick(struct vnic_rxq *rxq, const struct vnic_frame *f)
{
	const struct vnic_rxbuf *buf = vnic_rx_buf(rxq, rxq->cons);
	const u8 front = rxq->ring.vring.front;
	const u32 len = front + f->len;
	struct vnic_as *as = rxq->fn->as;
	struct vnic_virtio_hdr hdr;
	struct vnic_rx_note note;
	u64 addr = buf->addr;
	void *ptr;

	if (f->vlan_proto || f->skb || f->nspans > 1 || rxq->cons == rxq->fetched ||
	    !buf->last || buf->len < len || vnic_rx_in_pieces(rxq, f))
		return false;
	ptr = vnic_as_wptr_near(as, &rxq->near, addr, len);
	if (!ptr)
		return false;
	vnic_rx_describe(rxq, f, &note);
	vnic_virtio_header(&hdr, &note, 1);
	if (likely(front == sizeof(hdr.v1)))
		vnic_as_store(as, addr, ptr, &hdr, sizeof(hdr.v1));
	else
		vnic_as_store(as, addr, ptr, &hdr, sizeof(hdr));
	ptr += front;
	addr += front;
	vnic_as_store(as, addr, ptr, f->hdr, f->hdr_len);
	if (f->nspans)
		vnic_as_store(as, addr + f->hdr_len, ptr + f->hdr_len, f->spans[0].ptr,
			      f->len - f->hdr_len);
	smp_wmb();	/* the frame before whose it is, in a packed virtqueue */
	if (!vnic_virtio_done(rxq, rxq->ring.vring.done, buf, len))
		return false;
	rxq->ring.vring.done += buf->entries;
	rxq->cons++;
	return true;
}
