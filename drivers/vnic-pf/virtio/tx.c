// SPDX-License-Identifier: GPL-2.0
/*
 * Frames in a transmit virtqueue (5.1.6.2): a header, then the frame, in whatever
 * pieces the driver likes.
 */
#include "virtio.h"

static_assert(VNIC_TX_BUFS >= VNIC_VQ_SIZE);	/* a chain may fill the queue (2.7.5.2) */

/* Usual: the header is in one buffer, in one piece.  False: nothing was done. */
static bool vnic_virtio_take_near(struct vnic_fn *fn, struct vnic_as_near *near,
				  struct vnic_buf *buf, u8 *hdr, size_t front)
{
	const void *ptr;

	if (buf->len < front)
		return false;
	ptr = vnic_as_ptr_near(fn->as, near, buf->addr, front);
	if (!ptr)
		return false;
	if (likely(front == sizeof(struct virtio_net_hdr_v1)))
		memcpy(hdr, ptr, sizeof(struct virtio_net_hdr_v1));
	else
		memcpy(hdr, ptr, front);
	buf->addr += front;
	buf->len -= front;
	return true;
}

/*
 * Take the header from the front of the buffers.  0; -EINVAL: there is not so much;
 * -EFAULT: it is not the driver's memory.
 */
static int vnic_virtio_take_header(struct vnic_fn *fn, struct vnic_as_near *near,
				   struct vnic_buf *buf, unsigned int nbufs, unsigned int *first,
				   u8 *hdr, size_t front)
{
	size_t done = 0, n;

	if (likely(nbufs) && vnic_virtio_take_near(fn, near, buf, hdr, front)) {
		*first = !buf->len;
		return 0;
	}

	for (*first = 0; *first < nbufs; ++*first, ++buf) {
		n = min_t(size_t, buf->len, front - done);
		if (!vnic_vring_copy(fn, buf->addr, hdr + done, n))
			return -EFAULT;
		done += n;
		buf->addr += n;
		buf->len -= n;
		if (buf->len)
			break;
	}
	return done == front ? 0 : -EINVAL;
}

/* What the header asks for.  False: it cannot be honoured. */
static bool vnic_virtio_ask(const struct vnic_fn *fn, const struct virtio_net_hdr_v1 *hdr,
			    struct vnic_tx_ask *ask)
{
	const struct vnic_virtio *v = fn->virtio;

	if (!(hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
		return hdr->gso_type == VIRTIO_NET_HDR_GSO_NONE;
	if (!vnic_virtio_has(v, VIRTIO_NET_F_CSUM))
		return false;
	ask->flags = VNIC_FR_CSUM_PARTIAL;
	ask->csum_start = vnic_v16(hdr->csum_start);
	ask->csum_offset = vnic_v16(hdr->csum_offset);
	ask->gso_size = 0;
	ask->hdr_len = 0;	/* the driver's is a hint (5.1.6.2.1) */
	switch (hdr->gso_type) {
	case VIRTIO_NET_HDR_GSO_NONE:
		return true;
	case VIRTIO_NET_HDR_GSO_TCPV4:
		ask->flags |= VNIC_FR_TSO4;
		ask->gso_size = vnic_v16(hdr->gso_size);
		return vnic_virtio_has(v, VIRTIO_NET_F_HOST_TSO4);
	case VIRTIO_NET_HDR_GSO_TCPV6:
		ask->flags |= VNIC_FR_TSO6;
		ask->gso_size = vnic_v16(hdr->gso_size);
		return vnic_virtio_has(v, VIRTIO_NET_F_HOST_TSO6);
	case VIRTIO_NET_HDR_GSO_UDP_L4:
		ask->flags |= VNIC_FR_USO;
		ask->gso_size = vnic_v16(hdr->gso_size);
		return vnic_virtio_has(v, VIRTIO_NET_F_HOST_USO);
	}
	return false;
}

static u64 vnic_virtio_sum(const struct vnic_buf *buf, unsigned int n)
{
	u64 sum = 0;

	while (n--)
		sum += buf++->len;
	return sum;
}

int vnic_vring_tx_cut(struct vnic_txq *txq, struct vnic_tx_turn *t)
{
	struct vnic_tx_work *w = txq->work;
	struct vnic_fn *fn = txq->fn;
	struct vnic_virtio_hdr hdr;
	struct vnic_chain c = { .buf = w->buf, .most = VNIC_TX_BUFS };
	unsigned int first, k = t->frames + t->lost;
	int err;

	t->ask.flags = 0;
	t->bad = true;
	t->len = 0;
	err = vnic_vring_chain(fn, &txq->ring, t->page, t->at, &c);
	if (err && err != -E2BIG)
		return err;
	w->id[k] = c.id;
	w->entries[k] = c.entries;
	t->pieces += c.n;
	if ((s32)(t->at + c.entries - t->prod) > 0)
		t->prod = t->at + c.entries;
	if (err)
		return c.entries;	/* in too many pieces, or without end: it is lost */
	if (c.out != c.n)
		return -EINVAL;
	err = vnic_virtio_take_header(fn, &t->near, w->buf, c.n, &first, (u8 *)&hdr,
				      txq->ring.vring.front);
	if (err == -EFAULT)
		return err;
	t->bufs = w->buf + first;
	t->nbufs = c.n - first;
	t->len = min_t(u64, vnic_virtio_sum(t->bufs, t->nbufs), U32_MAX);
	t->bad = err || !vnic_virtio_ask(fn, &hdr.v1, &t->ask);
	return c.entries;
}
