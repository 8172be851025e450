// SPDX-License-Identifier: GPL-2.0
/*
 * Packed virtqueues of the driver in user space, and the cases that only they have.
 *
 * A case puts descriptors into a table, as for a split virtqueue; what is offered is
 * copied from there into the ring.
 */
#include <linux/pci_regs.h>
#include <unistd.h>

#include "virtio.h"

#define LINKED	(VRING_DESC_F_NEXT | VRING_DESC_F_WRITE | VRING_DESC_F_INDIRECT)
#define MINE	(1u << VRING_PACKED_DESC_F_AVAIL)
#define THEIRS	(1u << VRING_PACKED_DESC_F_USED)

/* Places count the slots of two laps: wrap counter 1, then 0. */
static struct {
	__u32	avail, used;	/* next places */
	__u32	told;		/* those before it the device was told of, or did not ask */
	__u16	len[256];	/* descriptors of a chain, by its number */
} state[QUEUES2 + 1];

static struct vring_packed_desc *ring_of(unsigned int q)
{
	return (void *)(evil.mem + AT_AVAIL(q));
}

static struct vring_packed_desc_event *driver_event(unsigned int q)
{
	return (void *)(evil.mem + AT_USED(q));
}

static struct vring_packed_desc_event *device_event(unsigned int q)
{
	return driver_event(q) + 1;
}

static __u32 slot(unsigned int q, __u32 place)
{
	return place % size[q];
}

static bool wrap(unsigned int q, __u32 place)
{
	return place < size[q];
}

static __u32 beyond(unsigned int q, __u32 place, __u32 n)
{
	return (place + n) % (2 * size[q]);
}

void packed_place(unsigned int q)
{
	memset(&state[q], 0, sizeof(state[q]));
	place(q, size[q], rings_iova() + AT_AVAIL(q), rings_iova() + AT_USED(q),
	      rings_iova() + AT_USED(q) + sizeof(struct vring_packed_desc_event));
}

void packed_offer(unsigned int q, __u16 head)
{
	__u32 at = state[q].avail, n = 0, i = head % 256;
	__u16 flags, first = 0;

	do {
		struct vring_desc d = desc(q)[i % 256];
		struct vring_packed_desc *to = &ring_of(q)[slot(q, at)];

		flags = le16toh(d.flags) & LINKED;
		to->addr = d.addr;
		to->len = d.len;
		to->id = htole16(head);
		if (n)
			to->flags = htole16(flags | (wrap(q, at) ? MINE : THEIRS));
		else
			first = flags | (wrap(q, at) ? MINE : THEIRS);
		at = beyond(q, at, 1);
		i = le16toh(d.next);
	} while (++n < size[q] && flags & VRING_DESC_F_NEXT);
	state[q].len[head % 256] = n;
	__atomic_store_n(&ring_of(q)[slot(q, state[q].avail)].flags, htole16(first),
			 __ATOMIC_RELEASE);
	state[q].avail = at;
}

bool packed_asked(unsigned int q)
{
	__u32 at, from = state[q].told, span = beyond(q, state[q].avail, 2 * size[q] - from);
	__u16 flags, off;

	state[q].told = state[q].avail;
	__sync_synchronize();	/* what is offered before the device's wish */
	flags = le16toh(__atomic_load_n(&device_event(q)->flags, __ATOMIC_RELAXED));
	off = le16toh(__atomic_load_n(&device_event(q)->off_wrap, __ATOMIC_RELAXED));
	if (flags != VRING_PACKED_EVENT_FLAG_DESC)
		return flags == VRING_PACKED_EVENT_FLAG_ENABLE;
	at = (off & 0x7fff) + (off & 0x8000 ? 0 : size[q]);
	return beyond(q, at, 2 * size[q] - from) < span;
}

bool packed_used(unsigned int q)
{
	__u32 place = state[q].used;
	__u16 flags = le16toh(__atomic_load_n(&ring_of(q)[slot(q, place)].flags,
					      __ATOMIC_ACQUIRE));

	return (flags & (MINE | THEIRS)) == (wrap(q, place) ? MINE | THEIRS : 0);
}

void packed_take(unsigned int q, struct vring_used_elem *e)
{
	struct vring_packed_desc *d = &ring_of(q)[slot(q, state[q].used)];

	e->id = le16toh(d->id);
	e->len = le32toh(d->len);
	state[q].used = beyond(q, state[q].used, state[q].len[e->id % 256]);
}

void packed_scribble(unsigned int q, __u32 n, __u16 flags)
{
	ring_of(q)[n % size[q]].flags = htole16(flags);
	if (!(n % 5))
		driver_event(q)->flags = htole16(flags >> 7);
	if (!(n % 7))
		driver_event(q)->off_wrap = htole16(flags ^ n);
}

/* ---- cases ---- */

static void send_one(unsigned int fill)
{
	struct vring_used_elem e;

	put_frame(200, NULL, fill);
	offer(TX, 0);
	notify(TX);
	check(take(TX, &e, WAIT), "not sent");
	arrives(200);
}

/* Chains of @len descriptors, @count at once, through some laps: each is sent, in order */
static void send_laps(unsigned int len, unsigned int count)
{
	unsigned int i, k, n, round = 0, sent = 0;
	struct vring_used_elem e;

	for (; sent < 3 * size[TX]; round++) {
		put_frame(600 + round % 7, NULL, round);
		for (k = 0; k < count; k++) {
			for (i = 0; i < len - 1; i++)
				put_desc(TX, k * len + i, evil.iova + AT_TX_BUFS + i, 1,
					 VRING_DESC_F_NEXT, k * len + i + 1);
			put_desc(TX, k * len + i, evil.iova + AT_TX_BUFS + i,
				 HDR + 600 + round % 7 - i, 0, 0);
			offer(TX, k * len);
		}
		if (asked(TX))
			notify(TX);
		for (k = 0; k < count; k++) {
			check(take(TX, &e, WAIT), "size %u, chains of %u: %u of %u, round %u",
			      size[TX], len, k, count, round);
			check_eq(e.id, k * len);
			arrives(600 + round % 7);
		}
		n = len * count;
		sent += n;
	}
}

/* Frames into chains of @len buffers, each kept full */
static void receive_laps(unsigned int len)
{
	unsigned int i, k, round, chains = size[RX] / len;
	struct vring_used_elem e;
	__u8 frame[700];

	for (k = 0; k < chains; k++) {
		for (i = 0; i < len; i++)
			put_desc(RX, k * len + i,
				 evil.iova + AT_RX_BUFS + (k * len + i) % 32 * 4096,
				 i == len - 1 ? 2048 : 128,
				 VRING_DESC_F_WRITE | (i == len - 1 ? 0 : VRING_DESC_F_NEXT),
				 k * len + i + 1);
		offer(RX, k * len);
	}
	notify(RX);
	for (round = 0; round < 3 * chains; round++) {
		drv_frame(&good, mac, frame, sizeof(frame), round);
		drv_send(&good, frame, sizeof(frame), 1);
		check(take(RX, &e, WAIT), "size %u, chains of %u, round %u; status %#x", size[RX],
		      len, round, status());
		check_eq(e.id, round % chains * len);
		check_eq(e.len, HDR + sizeof(frame));
		offer(RX, e.id);
		if (asked(RX))
			notify(RX);
	}
}

/* Rings of any size, through several laps, with chains that cross their end */
void packed_laps(void)
{
	static const unsigned int sizes[] = { 1, 3, 7, 100, 256 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ring_size = sizes[i];
		open_both(USUAL & ~F(VIRTIO_NET_F_CTRL_VQ) & ~F(VIRTIO_NET_F_CTRL_RX));
		wr(VIRTIO_PCI_COMMON_Q_SELECT, 2, TX);
		check_eq(rd(VIRTIO_PCI_COMMON_Q_SIZE, 2), sizes[i]);
		send_laps(1, 1);
		if (sizes[i] >= 3) {
			send_laps(2, 1);
			send_laps(1, 3);
			send_laps(3, sizes[i] / 3 < 8 ? sizes[i] / 3 : 8);
		}
		receive_laps(1);
		reset();
		start(USUAL & ~F(VIRTIO_NET_F_CTRL_VQ) & ~F(VIRTIO_NET_F_CTRL_RX));
		send_one(0);		/* then it is ready */
		if (sizes[i] >= 3)
			receive_laps(3);
		close_both();
	}
}

static void wish(unsigned int q, __u16 flags, __u32 place)
{
	struct vring_packed_desc_event *e = driver_event(q);

	e->off_wrap = htole16(slot(q, place) | (wrap(q, place) ? 0x8000 : 0));
	__atomic_store_n(&e->flags, htole16(flags), __ATOMIC_SEQ_CST);
	__sync_synchronize();	/* the wish before what is offered */
}

void packed_want_next(void)
{
	wish(TX, VRING_PACKED_EVENT_FLAG_DESC, state[TX].used);
}

/* Interrupts: none, all, or of the entry that is named */
void packed_events(void)
{
	unsigned int i;

	open_both(USUAL);
	wish(RX, VRING_PACKED_EVENT_FLAG_DISABLE, 0);
	wish(TX, VRING_PACKED_EVENT_FLAG_DISABLE, 0);
	for (i = 0; i < 3; i++)
		send_one(i);
	check(!wait_eventfd(evil.irq[1], 100), "an interrupt that nobody wants");
	wish(TX, VRING_PACKED_EVENT_FLAG_ENABLE, 0);
	send_one(i);
	check(wait_eventfd(evil.irq[1], WAIT), "no interrupt");
	for (i = 0; i < 3 * size[TX] / 4; i++) {
		wish(TX, VRING_PACKED_EVENT_FLAG_DESC, beyond(TX, state[TX].avail, 2));
		send_one(i);
		send_one(i);
		check(!wait_eventfd(evil.irq[1], i % 16 ? 0 : 50), "too early, round %u", i);
		send_one(i);
		check(wait_eventfd(evil.irq[1], WAIT), "none in round %u", i);
		send_one(i);
	}
	check(!wait_eventfd(evil.irq[1], 100), "one that was passed");
	close_both();
}

/* Who claims more buffers than there are gets nothing for it. */
void packed_hostile(void)
{
	struct vring_used_elem e;
	unsigned int i, n;
	__u8 frame[300];

	open_both(USUAL);
	/* a whole ring of buffers, then once more while the device has them */
	for (i = 0; i < size[RX]; i++)
		put_desc(RX, i, evil.iova + AT_RX_BUFS + i % 32 * 4096, 2048, VRING_DESC_F_WRITE,
			 0);
	for (i = 0; i < size[RX]; i++)
		offer(RX, i);
	notify(RX);
	usleep(20000);
	for (i = 0; i < size[RX]; i++)
		packed_scribble(RX, i, VRING_DESC_F_WRITE |
				(i < slot(RX, state[RX].avail) ? MINE : THEIRS));
	notify(RX);
	drv_frame(&good, mac, frame, sizeof(frame), 9);
	for (i = 0; i < size[RX] + 10u; i++)
		drv_send(&good, frame, sizeof(frame), 1);
	for (n = 0; take(RX, &e, 200); n++)
		;
	check(n <= size[RX], "%u frames into %u buffers", n, size[RX]);
	check(!(status() & VIRTIO_CONFIG_S_NEEDS_RESET), "it has stopped");
	reset();
	start(USUAL);
	works();
	close_both();
}
