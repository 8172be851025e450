// SPDX-License-Identifier: GPL-2.0
/*
 * What the fuzzer's programs do to virtqueues, split or packed: descriptors, chains of
 * them, frames, requests of the control queue, notifications.
 *
 * Chains are made in a table, as for a split virtqueue; what is offered in a packed one is
 * copied from there into the ring, as virtio_packed.c does.
 */
#include <unistd.h>

#include "fuzz_exec.h"
#include "virtio.h"

#define MINE	(1u << VRING_PACKED_DESC_F_AVAIL)
#define THEIRS	(1u << VRING_PACKED_DESC_F_USED)
#define PIECES	40u	/* of a chain, at most: more than a frame may have */
#define TABLE	((0x1000u - FUZZ_VQ_TABLE) / sizeof(struct vring_desc))

/* Pieces of memory that become a chain */
struct piece {
	__u64	addr;
	__u32	len;
	__u16	flags;
};

static bool is_packed(void)
{
	return cur->features & F(VIRTIO_F_RING_PACKED);
}

static void *part_of(unsigned int q, unsigned int off)
{
	return cur->mem + FUZZ_VQ(q) + off;
}

void fuzz_vring_make(unsigned int q, __u16 size)
{
	cur->vq[q] = (struct fuzz_vq) {
		.size = size && size < FUZZ_VQ_SIZE ? size : FUZZ_VQ_SIZE,
	};
}

void fuzz_vring_kick(__u64 q, unsigned int width, __u64 val)
{
	fuzz_wr(NOTIFY + 4 * (q % 1024), width, val);
}

/* ---- offers ---- */

static bool wrap(const struct fuzz_vq *vq)
{
	return vq->avail < vq->size;
}

/* The chain from @head on into the ring, its first descriptor last */
static void offer_packed(unsigned int q, __u16 head)
{
	struct vring_packed_desc *ring = part_of(q, FUZZ_VQ_DRIVER), *to, *first = NULL;
	const struct vring_desc *table = part_of(q, 0), *d;
	struct fuzz_vq *vq = &cur->vq[q];
	__u16 flags, first_flags = 0;
	unsigned int n = 0;

	do {
		d = &table[head % FUZZ_VQ_SIZE];
		to = &ring[vq->avail % vq->size];
		to->addr = d->addr;
		to->len = d->len;
		to->id = htole16(head);
		flags = le16toh(d->flags) & ~(MINE | THEIRS);
		head = le16toh(d->next);
		if (n)
			to->flags = htole16(flags | (wrap(vq) ? MINE : THEIRS));
		else
			first_flags = flags | (wrap(vq) ? MINE : THEIRS);
		first = n ? first : to;
		vq->avail = (vq->avail + 1) % (2 * vq->size);
	} while (++n < vq->size && flags & VRING_DESC_F_NEXT);
	__atomic_store_n(&first->flags, htole16(first_flags), __ATOMIC_RELEASE);
}

static void offer_chain(unsigned int q, __u16 head)
{
	struct vring_avail *avail = part_of(q, FUZZ_VQ_DRIVER);
	struct fuzz_vq *vq = &cur->vq[q];

	if (!vq->size)
		fuzz_vring_make(q, 0);
	if (is_packed()) {
		offer_packed(q, head);
		return;
	}
	avail->ring[vq->avail % vq->size] = htole16(head);
	__atomic_store_n(&avail->idx, htole16(++vq->avail), __ATOMIC_RELEASE);
}

static void put_to(void *at, __u64 addr, __u32 len, __u16 flags, __u16 next)
{
	struct vring_desc d = {
		.addr = htole64(addr), .len = htole32(len), .flags = htole16(flags),
		.next = htole16(next),
	};

	memcpy(at, &d, sizeof(d));
}

/* A table of them: in a packed virtqueue one follows the other */
static void put_table(struct vring_desc *table, const struct piece *p, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n && i < TABLE; i++)
		if (is_packed())
			put_to(&table[i], p[i].addr, p[i].len, 0, p[i].flags);
		else
			put_to(&table[i], p[i].addr, p[i].len,
			       p[i].flags | (i + 1 < n ? VRING_DESC_F_NEXT : 0), i + 1);
}

/* Pieces as a chain, which is offered */
static void offer_pieces(unsigned int q, const struct piece *p, unsigned int n, bool indirect)
{
	struct vring_desc *table = part_of(q, 0);
	struct fuzz_vq *vq = &cur->vq[q];
	__u16 head, at, next;
	unsigned int i;

	if (!vq->size)
		fuzz_vring_make(q, 0);
	head = vq->slot % vq->size;
	if (indirect) {
		put_table(part_of(q, FUZZ_VQ_TABLE), p, n);
		put_to(&table[head], cur->iova + FUZZ_VQ(q) + FUZZ_VQ_TABLE,
		       n * sizeof(*table), VRING_DESC_F_INDIRECT, 0);
		n = 1;
	}
	for (i = 0, at = head; i < n && !indirect; i++, at = next) {
		next = (at + 1) % vq->size;
		put_to(&table[at], p[i].addr, p[i].len,
		       p[i].flags | (i + 1 < n ? VRING_DESC_F_NEXT : 0), next);
	}
	vq->slot = (head + n) % vq->size;
	offer_chain(q, head);
}

/* ---- frames ---- */

static unsigned int header_len(void)
{
	return cur->features & F(VIRTIO_NET_F_HASH_REPORT) ? 20 : HDR;
}

/*
 * What a frame of kind @kind may ask for: a checksum, or to be cut into pieces of 200 bytes.
 * What @mode has beyond FUZZ_MODES, if anything, says where the checksum is instead.
 */
static void put_header(__u8 *to, unsigned int kind, unsigned int mode)
{
	bool udp = kind == 3 || kind == 8;
	struct virtio_net_hdr_v1 hdr = {};

	if (mode & FUZZ_CSUM) {
		hdr.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		hdr.csum_start = htole16(14 + 4 * (kind == 7) + (kind == 2 ? 40 : 20));
		hdr.csum_offset = htole16(mode / FUZZ_MODES ?: udp ? 6 : 16);
	}
	if (mode & FUZZ_GSO) {
		hdr.gso_type = udp ? VIRTIO_NET_HDR_GSO_UDP_L4 :
			       kind == 2 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
		hdr.gso_size = htole16(200);
		hdr.hdr_len = htole16(54);
	}
	memset(to, 0, header_len());
	memcpy(to, &hdr, sizeof(hdr));
}

static void do_send(unsigned int q, unsigned int kind, __u32 len, unsigned int pieces,
		    unsigned int count, unsigned int mode)
{
	unsigned int front = header_len(), i, n;
	struct piece p[PIECES + 1];
	__u32 slot, at, part;

	for (; count; count--) {
		slot = cur->prod[0]++ % FUZZ_TX_SLOTS;
		put_header(cur->mem + FUZZ_TX_BUFS + slot * FUZZ_BUF, kind, mode);
		fuzz_headers(cur->mem + FUZZ_TX_BUFS + slot * FUZZ_BUF + front, kind, len);
		n = 0;
		at = 0;
		if (mode & FUZZ_SPLIT) {
			p[n++] = (struct piece) { .len = front };
			at = front;
		}
		for (i = 0; i < pieces; i++, at += part) {
			part = i + 1 < pieces ? (front + len) / pieces : front + len - at;
			p[n++] = (struct piece) { .addr = at, .len = part };
		}
		for (i = 0; i < n; i++)
			p[i].addr += cur->iova + FUZZ_TX_BUFS + slot * FUZZ_BUF;
		offer_pieces(q, p, n, mode & FUZZ_INDIRECT);
	}
	fuzz_vring_kick(q, 2, q);
}

static void do_post(unsigned int q, __u32 len, unsigned int pieces, unsigned int count,
		    unsigned int mode)
{
	static unsigned int next;
	struct piece p[PIECES];
	unsigned int i;

	for (; count; count--) {
		for (i = 0; i < pieces; i++)
			p[i] = (struct piece) {
				.addr = cur->iova + FUZZ_RX_BUFS +
					next++ % FUZZ_RX_SLOTS * FUZZ_BUF,
				.len = len, .flags = VRING_DESC_F_WRITE,
			};
		offer_pieces(q, p, pieces, mode & FUZZ_INDIRECT);
	}
	fuzz_vring_kick(q, 2, q);
}

/* ---- the control queue ---- */

static unsigned int ctrl_queue(void)
{
	return cur->features & (F(VIRTIO_NET_F_MQ) | F(VIRTIO_NET_F_RSS)) ? CTRL2 : CTRL;
}

/* Has the device used what was offered last? */
static bool answered(unsigned int q, unsigned int place)
{
	const struct vring_packed_desc *ring = part_of(q, FUZZ_VQ_DRIVER);
	const struct vring_used *used = part_of(q, FUZZ_VQ_DEVICE);
	const struct fuzz_vq *vq = &cur->vq[q];
	__u16 flags;

	if (!is_packed())
		return le16toh(__atomic_load_n(&used->idx, __ATOMIC_ACQUIRE)) == vq->avail;
	flags = le16toh(__atomic_load_n(&ring[place % vq->size].flags, __ATOMIC_ACQUIRE));
	return (flags & (MINE | THEIRS)) == (place < vq->size ? MINE | THEIRS : 0);
}

static void wait_answer(unsigned int q, unsigned int place)
{
	__u64 end = now_ms() + (cur->silent ? 1 : FUZZ_ANSWER_MS);
	unsigned int n;

	for (n = 1; !answered(q, place); n++) {
		if (now_ms() >= end || (n % 32 == 0 && fuzz_failed())) {
			cur->silent = true;
			return;
		}
		usleep(100);
	}
}

/* @data, then @fill again and again, as @len bytes behind class and command */
static void put_request(const struct fuzz_op *op, __u64 len, __u64 fill)
{
	__u8 *to = cur->mem + FUZZ_CTRL;
	unsigned int i;

	*to++ = op->arg[0];
	*to++ = op->arg[1];
	for (i = 0; i < len && i < FUZZ_ANSWER - FUZZ_CTRL - 2; i++)
		to[i] = i < op->len ? op->data[i] : fill >> i % 8 * 8;
}

static void do_ctrl(const struct fuzz_op *op)
{
	__u64 len = op->arg[2], mode = op->arg[4], at = cur->iova + FUZZ_CTRL;
	unsigned int q = ctrl_queue(), n = 0, place;
	struct piece p[4];

	put_request(op, len, op->arg[3]);
	if (mode & FUZZ_SPLIT) {
		p[n++] = (struct piece) { at, 2, 0 };
		p[n++] = (struct piece) { at + 2, len, 0 };
	} else {
		p[n++] = (struct piece) { at, 2 + len, 0 };
	}
	at = cur->iova + FUZZ_ANSWER;
	if (!(mode & FUZZ_NOWHERE))
		p[n++] = (struct piece) { at, mode & FUZZ_LONG ? 3 : 1, VRING_DESC_F_WRITE };
	if (mode & FUZZ_MORE)
		p[n++] = (struct piece) { at + 8, 8, VRING_DESC_F_WRITE };
	place = cur->vq[q].avail;
	offer_pieces(q, p, n, mode & FUZZ_INDIRECT);
	fuzz_vring_kick(q, 2, q);
	wait_answer(q, place);
}

/* ---- words ---- */

/* A word by which driver and device tell each other where they are, and the bell */
static void do_word(unsigned int q, unsigned int which, __u16 val)
{
	struct vring_packed_desc *ring = part_of(q, FUZZ_VQ_DRIVER);
	__u16 *driver = part_of(q, FUZZ_VQ_DRIVER), *device = part_of(q, FUZZ_VQ_DEVICE);
	struct fuzz_vq *vq = &cur->vq[q];

	if (!vq->size)
		fuzz_vring_make(q, 0);
	switch (which) {
	case 0:		/* flags */
		*(is_packed() ? device + 1 : driver) = htole16(val);
		break;
	case 1:		/* where it wants to hear of something */
		*(is_packed() ? device : driver + 2 + vq->size) = htole16(val);
		break;
	case 2:		/* what is available */
		if (is_packed())
			ring[vq->avail % vq->size].flags = htole16(val);
		else
			driver[1] = htole16(vq->avail + val);
		break;
	default:	/* the device's own */
		device[is_packed() ? 2 + val % 2 : val % 4] = htole16(val);
	}
	fuzz_vring_kick(q, 2, q);
}

void fuzz_vring(const struct fuzz_op *op)
{
	const __u64 *a = op->arg;
	unsigned int q = a[0] % FUZZ_VQS;

	switch (op->kind) {
	case OP_VDESC:
		put_to(fuzz_at(a[0] + a[1] % 4096 * sizeof(struct vring_desc),
			       sizeof(struct vring_desc)), a[2], a[3], a[4], a[5]);
		break;
	case OP_VOFFER:
		offer_chain(q, a[1]);
		fuzz_vring_kick(q, 2, q);
		break;
	case OP_VWORD:
		do_word(q, a[1] % 4, a[2]);
		break;
	case OP_VSEND:
		do_send(q, a[1] % FUZZ_FRAMES, a[2], 1 + a[3] % PIECES, 1 + a[4] % 16,
			a[5]);
		break;
	case OP_VPOST:
		do_post(q, a[1], 1 + a[2] % PIECES, 1 + a[3] % FUZZ_VQ_SIZE, a[4] % FUZZ_MODES);
		break;
	case OP_VCTRL:
		do_ctrl(op);
		break;
	case OP_VKICK:
		fuzz_vring_kick(a[0], a[1], a[2]);
		break;
	}
}
