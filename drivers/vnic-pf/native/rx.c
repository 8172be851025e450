// SPDX-License-Identifier: GPL-2.0
/*
 * Receive descriptors: buffers that the driver posts, and the completions that are
 * written over them.  rxq->lock held, in a stretch.
 */
#include "native.h"

/* A frame's flags go into its completion as they are, with those of the buffer. */
VNIC_SAME(VNIC_FR_CSUM_OK, VNIC_RXC_F_CSUM_OK);
VNIC_SAME(VNIC_FR_CSUM_PARTIAL, VNIC_RXC_F_CSUM_PARTIAL);
VNIC_SAME(VNIC_FR_TSO4, VNIC_RXC_F_TSO4);
VNIC_SAME(VNIC_FR_TSO6, VNIC_RXC_F_TSO6);
VNIC_SAME(VNIC_FR_HASH_L3, VNIC_RXC_F_HASH_L3);
VNIC_SAME(VNIC_FR_HASH_L4, VNIC_RXC_F_HASH_L4);
static_assert(!((VNIC_FR_USO | VNIC_FR_HASH | VNIC_FR_TSO) &
		(VNIC_RXC_F_SOP | VNIC_RXC_F_EOP | VNIC_RXC_F_ABORT)));

/* ---- buffers from the driver ---- */

/* A descriptor from the driver.  Whether it may be written to is seen when it is. */
static bool vnic_native_posted_ok(const struct vnic_rx_desc *d)
{
	u32 len = le32_to_cpu(d->len);

	return !d->rsvd && len >= VNIC_RX_BUF_MIN && len <= VNIC_RX_BUF_MAX;
}

/* How many descriptors can be fetched, or -errno: the driver's fault */
static int vnic_native_posted(struct vnic_rxq *rxq, u32 most)
{
	u32 prod, avail, used;

	if (!vnic_native_prod(rxq->fn, &rxq->ring, rxq->fetched, &prod))
		return -EFAULT;
	used = rxq->fetched - rxq->cons;
	avail = prod - rxq->fetched;
	if (used > rxq->ring.size || avail > rxq->ring.size - used)
		return -EINVAL;
	return min3(avail, rxq->ready_mask + 1 - used, most);
}

int vnic_native_rx_fetch(struct vnic_rxq *rxq, u32 most)
{
	int i, err = 0, n = vnic_native_posted(rxq, most);

	if (n <= 0)
		return n;
	for (i = 0; i < n; i++) {
		struct vnic_rxbuf *buf = vnic_rx_buf(rxq, rxq->fetched);
		const __le64 *from;
		union vnic_desc d;

		from = vnic_ring_at_rw(rxq->fn, &rxq->page[0],
				       vnic_native_addr(&rxq->ring, rxq->fetched));
		err = -EFAULT;
		if (!from)
			break;
		d.raw[0] = READ_ONCE(from[0]);
		d.raw[1] = READ_ONCE(from[1]);
		err = -EINVAL;
		if (!vnic_native_posted_ok(&d.rx))
			break;
		buf->addr = le64_to_cpu(d.rx.addr);
		buf->len = le32_to_cpu(d.rx.len);
		rxq->fetched++;
	}
	rxq->ring.seen = rxq->fetched;
	return i ?: err;
}

/* ---- completions ---- */

/*
 * Is there room for @len bytes?  0; -ENOBUFS: not yet; -E2BIG: never, because
 * (nearly) all that the ring can hold is posted and too small.
 */
int vnic_native_rx_room(const struct vnic_rxq *rxq, u32 len)
{
	u32 all = rxq->ready_mask + 1;
	u32 i, room = 0;

	for (i = rxq->cons; i != rxq->fetched; i++) {
		room += vnic_rx_buf(rxq, i)->len;
		if (room >= len)
			return 0;
	}
	return rxq->fetched - rxq->cons >= all - all / 4 ? -E2BIG : -ENOBUFS;
}

/* @flags: VNIC_RXC_F_* of the buffer; what it tells of the frame is the first one's. */
static void vnic_native_cmpl(struct vnic_rx_cmpl *c, const struct vnic_rx_note *note)
{
	*c = (struct vnic_rx_cmpl) { .flags = cpu_to_le16(note->flags | VNIC_RXC_F_SOP) };
	if (note->flags & VNIC_FR_HASHED)
		c->hash = cpu_to_le32(note->hash);
	if (note->flags & VNIC_FR_CSUM_PARTIAL) {
		c->csum_start = cpu_to_le16(note->csum_start);
		c->csum_offset = cpu_to_le16(note->csum_offset);
	}
	if (note->flags & VNIC_FR_TSO) {
		c->gso_size = cpu_to_le16(note->gso_size);
		c->hdr_len = cpu_to_le16(note->hdr_len);
	}
}

static bool vnic_native_put_cmpl(struct vnic_rxq *rxq, u32 index, const struct vnic_rx_cmpl *c)
{
	u64 addr = vnic_native_addr(&rxq->ring, index);
	void *ptr = vnic_ring_at_rw(rxq->fn, &rxq->page[0], addr);

	if (!ptr)
		return false;
	vnic_as_store(rxq->fn->as, addr, ptr, c, sizeof(*c));
	return true;
}

int vnic_native_rx_complete(struct vnic_rxq *rxq, const struct vnic_rx_cursor *cur,
			    const struct vnic_rx_note *note)
{
	const struct vnic_rxbuf *buf;
	struct vnic_rx_cmpl c;
	u32 i;

	vnic_native_cmpl(&c, note);
	for (i = rxq->cons; ; i++) {
		buf = vnic_rx_buf(rxq, i);
		c.len = cpu_to_le16(i == cur->index ? cur->addr - buf->addr : buf->len);
		if (i == cur->index)
			c.flags |= cpu_to_le16(VNIC_RXC_F_EOP);
		if (!vnic_native_put_cmpl(rxq, i, &c))
			return -EFAULT;
		if (i == cur->index)
			break;
		c = (struct vnic_rx_cmpl) {};
	}
	rxq->cons = cur->index + 1;
	return 0;
}

/* The completion of a frame without a tag of which more is told */
static noinline void vnic_native_put_told(const struct vnic_rxq *rxq, const struct vnic_frame *f,
					  u64 addr, void *at)
{
	struct vnic_rx_note note;
	struct vnic_rx_cmpl c;

	vnic_rx_describe(rxq, f, &note);
	vnic_native_cmpl(&c, &note);
	c.len = cpu_to_le16(f->len);
	c.flags |= cpu_to_le16(VNIC_RXC_F_EOP);
	vnic_as_store(rxq->fn->as, addr, at, &c, sizeof(c));
}

/* Usual: whole, not tagged, in one span, into memory in one piece. */
bool vnic_native_rx_quick(struct vnic_rxq *rxq, const struct vnic_frame *f)
{
	const struct vnic_rxbuf *buf = vnic_rx_buf(rxq, rxq->cons);
	u16 flags = f->flags & rxq->tell;
	struct vnic_fn *fn = rxq->fn;
	void *ptr, *at;
	u64 addr;

	if (f->vlan_proto || f->skb || f->nspans > 1 || rxq->cons == rxq->fetched ||
	    buf->len < f->len || vnic_rx_in_pieces(rxq, f))
		return false;
	ptr = vnic_as_wptr_near(fn->as, &rxq->near, buf->addr, f->len);
	addr = vnic_native_addr(&rxq->ring, rxq->cons);
	at = vnic_ring_at_rw(fn, &rxq->page[0], addr);
	if (!ptr || !at)
		return false;
	if (unlikely(flags & (VNIC_FR_CSUM_PARTIAL | VNIC_FR_TSO))) {
		vnic_native_put_told(rxq, f, addr, at);
	} else {
		struct vnic_rx_cmpl c = {
			.len	= cpu_to_le16(f->len),
			.flags	= cpu_to_le16(flags | VNIC_RXC_F_SOP | VNIC_RXC_F_EOP),
			.hash	= cpu_to_le32(flags & VNIC_FR_HASHED ? f->hash : 0),
		};

		vnic_as_store(fn->as, addr, at, &c, sizeof(c));
	}
	vnic_as_store(fn->as, buf->addr, ptr, f->hdr, f->hdr_len);
	if (f->nspans)
		vnic_as_store(fn->as, buf->addr + f->hdr_len, ptr + f->hdr_len,
			      f->spans[0].ptr, f->len - f->hdr_len);
	rxq->cons++;
	return true;
}
