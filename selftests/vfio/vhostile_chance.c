// SPDX-License-Identifier: GPL-2.0
/*
 * The hostile virtio driver: all classes by chance, as hostile.c has it for a native VF.
 *
 * Most of it is right, so that it gets past the first check, and since what stops the VF
 * ends all for a second.  A second thread rewrites descriptors, rings and headers all the
 * time, a third maps and unmaps.
 */
#include "vhostile.h"

#define EXTRA_IOVA	(MEM_IOVA + 2 * MEM_SIZE)
#define EXTRA_SIZE	(256u << 10)
#define FRAMES		16u	/* in the first buffers to be sent */
#define LONG		2048u	/* bytes of a receive buffer */
#define SECONDS		5u
#define SELDOM		10000u	/* one part of a chain in so many is wrong */
#define VERY_SELDOM	30000u	/* ... of what the other thread writes */

static __u8 *extra;
static bool stop_mapping;

/* A bus address; one in @odds is not where it should be */
static __u64 somewhere(__u32 *s, unsigned int q, unsigned int odds)
{
	if (!below(s, odds))
		switch (below(s, 6)) {
		case 0:
			return (__u64)rnd(s) << 32 | rnd(s);
		case 1:
			return MEM_IOVA + MEM_SIZE - below(s, 4096);
		case 2:
			return MEM_IOVA + AT_TABLE + below(s, 16) * 16;
		default:	/* over one of the edges */
			return EXTRA_IOVA - 16 + below(s, 2) * EXTRA_SIZE;
		}
	if (q == CTRL)
		return MEM_IOVA + AT_CTRL;
	if (!below(s, 32))	/* unless it has just gone */
		return EXTRA_IOVA + below(s, EXTRA_SIZE / LONG) * LONG;
	return MEM_IOVA + (q == RX ? AT_RX_BUFS : AT_TX_BUFS) + below(s, FRAMES) * PAGE;
}

static __u32 some_length(__u32 *s, unsigned int q, unsigned int odds)
{
	static const __u32 edges[] = { 0, 1, 11, 12, 13, 26, 4096, 65535, 65536, 1u << 31, ~0u };

	if (!below(s, odds))
		return edges[below(s, ARRAY_SIZE(edges))];
	return q == RX ? LONG : q == TX ? HDR + 60 + below(s, 1400) : 1 + below(s, 64);
}

/* A chain of a buffer, or of a request and the place for its answer; of anything, seldom */
static void put_chain(__u32 *s, unsigned int q, unsigned int head)
{
	__u16 flags = q == RX ? VRING_DESC_F_WRITE : q == CTRL ? VRING_DESC_F_NEXT : 0;

	if (!below(s, SELDOM))
		flags = below(s, 8);
	put_desc(q, head, somewhere(s, q, SELDOM / 10), some_length(s, q, SELDOM), flags, head + 1);
	if (q == CTRL)
		put_desc(q, head + 1, evil.iova + AT_ACK, 1, VRING_DESC_F_WRITE, 0);
}

/* Headers and frames to VF 3, the PF and the wire */
static void put_frames(void)
{
	unsigned int i;

	for (i = 0; i < FRAMES; i++) {
		__u8 *at = tx_buf() + i * PAGE;

		memset(at, 0, HDR);
		drv_frame(&evil, i % 3 == 0 ? good.caps.mac : i % 3 == 1 ? pf_mac : wire_mac,
			  at + HDR, 1500, i);
	}
}

/* A byte of a header that is nearly right, or of a frame behind its destination */
static void scribble_frame(__u32 *s)
{
	struct virtio_net_hdr_v1 *hdr = (void *)(tx_buf() + below(s, FRAMES) * PAGE);
	static const __u8 kinds[] = { 0, 0, 0, 1, 3, 4, 5, 0x81 };

	switch (below(s, 6)) {
	case 0:
		hdr->flags = below(s, 3);
		break;
	case 1:
		hdr->gso_type = kinds[below(s, ARRAY_SIZE(kinds))];
		break;
	case 2:
		hdr->gso_size = htole16(below(s, 4) ? 1448 : rnd(s));
		break;
	case 3:
		hdr->csum_start = htole16(below(s, 4) ? 34 : rnd(s));
		hdr->csum_offset = htole16(below(s, 4) ? 16 : rnd(s));
		break;
	default:
		((__u8 *)hdr)[HDR + 6 + below(s, 60)] = below(s, 8) ? below(s, 8) : rnd(s);
	}
}

/* 16 bits of the ring that says what is offered, seldom its index */
static void scribble_ring(__u32 *s)
{
	__u16 *ring = (__u16 *)avail_of(below(s, QUEUES));

	if (packed)
		ring[below(s, SIZE * 8)] = htole16(rnd(s));
	else
		ring[below(s, 64) ? 2 + below(s, SIZE + 1) : below(s, 2)] =
			htole16(below(s, 8) ? below(s, SIZE) : rnd(s));
}

static void scribble(void *arg)
{
	unsigned int q = below(arg, QUEUES);
	struct vring_desc *d = live(q, below(arg, SIZE));

	switch (below(arg, 8)) {
	case 0:
		d->addr = htole64(somewhere(arg, q, VERY_SELDOM));
		break;
	case 1:
		d->len = htole32(some_length(arg, q, VERY_SELDOM));
		break;
	case 2:
		if (!below(arg, VERY_SELDOM))
			scribble_ring(arg);
		break;
	case 3:		/* not of a packed ring, where they say whose it is */
		if (below(arg, VERY_SELDOM))
			break;
		desc(q)[below(arg, SIZE)].flags = htole16(below(arg, 8));
		desc(q)[below(arg, SIZE)].next = htole16(below(arg, SIZE));
		break;
	case 4:
		evil.mem[AT_CTRL + below(arg, 16)] = below(arg, 8);
		break;
	default:
		scribble_frame(arg);
	}
	if (!below(arg, 64))
		usleep(below(arg, 50));
}

static void *maps(void *arg)
{
	while (!__atomic_load_n(&stop_mapping, __ATOMIC_RELAXED)) {
		vdev_map(&evil.dev, EXTRA_IOVA, extra, EXTRA_SIZE);
		usleep(below(arg, 300000));
		vdev_unmap(&evil.dev, EXTRA_IOVA, EXTRA_SIZE);
		usleep(below(arg, 1000));
	}
	return NULL;
}

static unsigned int owed[QUEUES];	/* chains that the device has, of each queue */

/* The device begins anew, as far as the others let it. */
static void again(void)
{
	memset(owed, 0, sizeof(owed));
	cfg_command(&evil.dev, PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY, 0);
	reset();
	negotiate(USUAL);
	make_queues();
	wr(VIRTIO_PCI_COMMON_MSIX, 2, 0);
	set_status(status() | VIRTIO_CONFIG_S_DRIVER_OK);
	put_frames();
}

/* Chains, of two descriptors at most, as many as there is room for */
static void offer_some(__u32 *s, unsigned int q)
{
	struct vring_used_elem e;
	unsigned int i, head;

	while (owed[q] && used(q) && take(q, &e, 0))
		owed[q]--;
	for (i = below(s, 8); i && owed[q] < SIZE / 2; i--, owed[q]++) {
		head = below(s, SIZE - 1);
		put_chain(s, q, head);
		offer(q, head);
	}
	notify(q);
}

static void step(__u32 *s)
{
	offer_some(s, below(s, QUEUES));
	if (!below(s, 8))
		from_wire(60 + below(s, 1400), *s);
	if (!below(s, 200))
		cfg_command(&evil.dev, 0, PCI_COMMAND_MASTER);
	if (!below(s, 3))
		cfg_command(&evil.dev, PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY, 0);
	if (!below(s, 100))
		wr(below(s, 0x40) & ~1u, 2, rnd(s));
	if (status() & VIRTIO_CONFIG_S_NEEDS_RESET || !below(s, 300))
		again();
}

/* What VF 3 was sent is of no interest. */
static void drain(void)
{
	static __u8 got[70000];

	while (drv_receive(&good, got, sizeof(got), QUIET) >= 0)
		;
}

/* Each of what it is about, since it had failed so often */
static bool done_much(__u64 failures)
{
	return health().failures > failures && moved("vf0_tx_packets") && moved("vf0_rx_packets");
}

static void case_chance(void)
{
	__u32 seed = now_us() | 1, s[3] = { seed, seed ^ 0x5bd1e994, seed ^ 0x1b873592 };
	__u64 failures, end, last;
	unsigned long steps = 0;
	pthread_t mapper;

	vopen(USUAL);
	printf("# seed %u\n", seed);
	extra = guarded_memory(EXTRA_SIZE);
	failures = health().failures;
	put_frames();
	meanwhile(scribble, &s[1]);
	check(!pthread_create(&mapper, NULL, maps, &s[2]), "no thread");
	last = now_ms() + 5 * WAIT * bench_slow;
	do {
		end = now_ms() + 1000 * SECONDS * (bench_slow > 1 ? 2 : 1);
		for (; now_ms() < end; steps++)
			step(&s[0]);
	} while (!done_much(failures) && now_ms() < last);
	meanwhile_stop();
	__atomic_store_n(&stop_mapping, true, __ATOMIC_RELAXED);
	pthread_join(mapper, NULL);
	failures = health().failures - failures;
	printf("# %lu steps, %llu failures, %llu frames sent, %llu received\n", steps, failures,
	       moved("vf0_tx_packets"), moved("vf0_rx_packets"));
	check_guards(extra, EXTRA_SIZE);
	check(steps && failures && moved("vf0_tx_packets") && moved("vf0_rx_packets"),
	      "it has not done much");
	flr_start();
	drain();
	works();
	vclose();
}

const struct hostile_case vchance_cases[] = {
	{ 0, "chance", case_chance, "all of it by chance" },
	{ 0, "packed-chance", case_chance, "the same with packed rings" },
	{}
};
