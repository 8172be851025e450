// SPDX-License-Identifier: GPL-2.0
/*
 * A virtio driver in user space, which keeps the rules and breaks them: VF 0 is a virtio
 * network device, VF 1 a native one that it talks to.  Prints KTAP.
 *
 * Usage: virtio [-c CASE,...] [-t SECONDS] [-s SEED] VF VF
 *        virtio -k [-s SEED] VF VF    no cases: traffic without end, for who kills it; says
 *                                     "ready" once frames have passed both ways
 *        virtio -n OPERATION VF VF    no cases: see virtio_faults.c; "TRIES FAILED"
 *
 * A case opens both, does one thing, and checks that the device is then, or after a
 * reset, as good as before, and that VF 1 never noticed.
 */
#include <linux/pci_regs.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "virtio.h"

#define TRIES	3	/* of a case that is judged by the clock */

struct drv evil, good;
unsigned int seconds = 3;
static unsigned int seed = 1;

/* ---- cases ---- */

static void case_works(void)
{
	static const __u64 kinds[] = { BASE, USUAL, BASE | F(VIRTIO_F_IN_ORDER),
				       BASE | F(VIRTIO_F_ACCESS_PLATFORM) };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		open_both(kinds[i]);
		works();
		works();
		check(wait_eventfd(evil.irq[1], WAIT), "no interrupt");
		close_both();
	}
}

/*
 * A driver that wants to hear of each chain, and has seen it when it offers the next,
 * hears of the last (of how many more depends on the time between two).
 */
static void case_patience(void)
{
	struct vring_used_elem e;
	unsigned int i;

	open_both(USUAL);
	put_frame(60, NULL, 1);
	memset(tx_buf() + HDR, 2, 6);	/* to nobody */
	for (i = 0; i < 3000; i++) {
		want_next();
		wait_eventfd(evil.irq[1], 0);
		offer(TX, 0);
		notify(TX);
		check(take(TX, &e, WAIT), "not sent");
		if (i % 100 == 99)
			check(wait_eventfd(evil.irq[1], WAIT), "not told of chain %u", i);
	}
	close_both();
}

/* A header in pieces, a frame in pieces, a table */
static void case_layouts(void)
{
	struct vring_desc *t;
	unsigned int i, n;

	open_both(USUAL);
	for (n = 1; n <= 30; n += 7) {
		put_frame(900, NULL, n);
		for (i = 0; i < n; i++)
			put_desc(TX, 10 + i, evil.iova + AT_TX_BUFS + i, 1, VRING_DESC_F_NEXT,
				 11 + i);
		put_desc(TX, 10 + n, evil.iova + AT_TX_BUFS + n, HDR + 900 - n, 0, 0);
		offer(TX, 10);
		notify(TX);
		consumed(10);
		arrives(900);
	}
	t = (void *)(evil.mem + AT_TABLE + 4096 - 40);	/* across a page, not aligned */
	put_frame(900, NULL, 1);
	n = packed ? 1 : 2;	/* in a packed virtqueue one follows the other */
	t[0] = (struct vring_desc) { htole64(evil.iova + AT_TX_BUFS), htole32(HDR),
				     htole16(packed ? 0 : VRING_DESC_F_NEXT), htole16(2) };
	t[n] = (struct vring_desc) { htole64(evil.iova + AT_TX_BUFS + HDR), htole32(900), 0, 0 };
	if (packed)
		t[0].next = 0;	/* where its flags are */
	put_desc(TX, 5, evil.iova + AT_TABLE + 4096 - 40, (n + 1) * sizeof(*t),
		 VRING_DESC_F_INDIRECT, 0);
	offer(TX, 5);
	notify(TX);
	consumed(5);
	arrives(900);
	close_both();
}

/* Frames that are wrong are lost, one by one; the queue goes on. */
static void case_frames(void)
{
	const struct virtio_net_hdr_v1 bad[] = {
		{ .gso_type = VIRTIO_NET_HDR_GSO_TCPV4 },
		{ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .gso_type = VIRTIO_NET_HDR_GSO_UDP_L4 },
		{ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .gso_type = VIRTIO_NET_HDR_GSO_TCPV4 },
		{ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 65535 },
		{ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 34, .csum_offset = 65535 },
		{ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 34, .csum_offset = 16,
		  .gso_type = VIRTIO_NET_HDR_GSO_TCPV4, .gso_size = 1, .hdr_len = 65535 },
		{ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 34, .csum_offset = 16,
		  .gso_type = VIRTIO_NET_HDR_GSO_TCPV6, .gso_size = 1400 },
	};
	static const __u32 len[] = { 0, 1, 11, 12, 13, HDR + 13, HDR + 9023, 65535, 1u << 31, ~0u };
	unsigned int i, n;

	open_both(USUAL);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		put_frame(1000, &bad[i], i);
		offer(TX, 0);
		notify(TX);
		consumed(0);
	}
	for (i = 0; i < ARRAY_SIZE(len) - 2; i++) {
		put_frame(100, NULL, i);
		put_desc(TX, 0, evil.iova + AT_TX_BUFS, len[i], 0, 0);
		offer(TX, 0);
		notify(TX);
		consumed(0);
	}
	/* in too many bytes, or without end: the chain is lost */
	put_frame(100, NULL, 0);
	for (n = 0; n < SIZE - 1; n++)
		put_desc(TX, n, evil.iova + AT_TX_BUFS, 200, VRING_DESC_F_NEXT, n + 1);
	put_desc(TX, n, evil.iova + AT_TX_BUFS, 200, packed ? 0 : VRING_DESC_F_NEXT, 0);
	offer(TX, 0);
	notify(TX);
	consumed(0);
	works();
	/* beyond all memory */
	for (; i < ARRAY_SIZE(len); i++) {
		put_frame(100, NULL, i);
		put_desc(TX, 0, -16ull, len[i], 0, 0);
		offer(TX, 0);
		notify(TX);
		comes_back(USUAL);
	}
	close_both();
}

/* What leaves the device in doubt stops it. */
static void case_chains(void)
{
	const char *reason;
	unsigned int i;

	open_both(USUAL);
	for (i = 0; (reason = bad_chain(i)); i++)
		if (*reason)
			comes_back(USUAL);
	close_both();
}

/* Indexes that jump, of both queues and the control queue */
static void case_jumps(void)
{
	static const __u16 jump[] = { SIZE + 1, 0x7fff, 0xffff };
	unsigned int i, q;

	open_both(USUAL);
	for (q = RX; q <= TX; q++)
		for (i = 0; i < ARRAY_SIZE(jump); i++) {
			__atomic_store_n(&avail_of(q)->idx, htole16(avail[q] + jump[i]),
					 __ATOMIC_SEQ_CST);
			notify(q);
			comes_back(USUAL);
		}
	close_both();
}

/* Queues as they may not be */
static void case_queues(void)
{
	static const __u32 sizes[] = { 0, 3, 63, 512, 32768, 65535 };
	unsigned int i;
	__u64 at;

	open_both(0);
	wr(VIRTIO_PCI_COMMON_Q_SELECT, 2, RX);
	check_eq(rd(VIRTIO_PCI_COMMON_Q_SIZE, 2), 256);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		wr(VIRTIO_PCI_COMMON_Q_SIZE, 2, sizes[i]);
		check_eq(rd(VIRTIO_PCI_COMMON_Q_SIZE, 2), 256);
	}
	check(!enable(RX), "a queue is enabled before FEATURES_OK");
	wr(VIRTIO_PCI_COMMON_Q_SELECT, 2, 999);
	check_eq(rd(VIRTIO_PCI_COMMON_Q_SIZE, 2), 0);
	wr(VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
	start(USUAL);
	/* one in use stays as it is */
	place(TX, 32, 0, 0, 0);
	check_eq(rd(VIRTIO_PCI_COMMON_Q_SIZE, 2), SIZE);
	works();
	/* the available index is beyond the ring's last page; not aligned; nowhere */
	for (i = 0; i < 4; i++) {
		reset();
		check(negotiate(USUAL), "features");
		at = evil.iova + AT_DESC(TX);
		place(TX, SIZE, i == 0 ? at + 8 : at, i == 1 ? at + 1 : at + 0x1000,
		      i == 2 ? at + 2 : i == 3 ? -4096ull : at + 0x2000);
		check_eq(rd(VIRTIO_PCI_COMMON_Q_ENABLE, 2), 0);
		comes_back(USUAL);
	}
	close_both();
}

/* Negotiation */
static void case_features(void)
{
	static const __u64 bad[] = {
		F(VIRTIO_NET_F_MAC),				/* not VERSION_1 */
		BASE | F(27), BASE | F(63 - 1),			/* not offered */
		BASE | F(VIRTIO_NET_F_HOST_TSO4),		/* what needs CSUM */
		BASE | F(VIRTIO_NET_F_GUEST_TSO6),
		BASE | F(VIRTIO_NET_F_CTRL_RX),			/* CTRL_VQ */
	};
	unsigned int i;

	open_both(0);
	check((offered() & USUAL) == USUAL, "offered: %#llx", offered());
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		check(!negotiate(bad[i]), "features %#llx are accepted", bad[i]);
		set_status(status() | VIRTIO_CONFIG_S_DRIVER_OK);
		check(!(status() & VIRTIO_CONFIG_S_DRIVER_OK), "ready without features");
		reset();
	}
	start(BASE);
	wr(VIRTIO_PCI_COMMON_GFSELECT, 4, 0);
	wr(VIRTIO_PCI_COMMON_GF, 4, ~0u);
	check_eq(rd(VIRTIO_PCI_COMMON_GF, 4), (__u32)BASE);
	works();
	close_both();
}

static void case_control(void)
{
	static const __u8 good_mode[] = { VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, 0 };

	open_both(USUAL);
	check_eq(ctrl(good_mode, sizeof(good_mode), 1), VIRTIO_NET_OK);
	bad_requests_refused();
	check_eq(ctrl(good_mode, sizeof(good_mode), 1), VIRTIO_NET_OK);
	works();
	check_eq(ctrl(good_mode, sizeof(good_mode), 0), -1);	/* nowhere to answer */
	comes_back(USUAL);
	close_both();
}

/* Two pairs of queues: made, used, one of them made anew under traffic of the other */
static void case_pairs(void)
{
	static const __u8 pairs[] = { VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, 2, 0 };
	struct vring_used_elem e;
	unsigned int q, i;

	open_both(USUAL | F(VIRTIO_NET_F_MQ) | F(VIRTIO_F_RING_RESET));
	check(!enable(QUEUES2), "a queue that there is not");
	check_eq(ctrl(pairs, sizeof(pairs), 1), VIRTIO_NET_OK);
	for (i = 0; i < 20; i++) {
		works();
		put_frame(200, NULL, i);
		put_desc(TX1, 0, evil.iova + AT_TX_BUFS, HDR + 200, 0, 0);
		offer(TX1, 0);
		notify(TX1);
		check(take(TX1, &e, WAIT) && !e.id, "the second queue does not send");
		arrives(200);
		for (q = RX1; q <= TX1; q++) {
			wr(VIRTIO_PCI_COMMON_Q_SELECT, 2, q);
			wr(VIRTIO_PCI_COMMON_Q_RESET, 2, 1);
			check(enable(q), "queue %u again", q);
		}
	}
	close_both();
}

/* Frames over several buffers, and into what is too small */
/*
 * A driver that has posted buffers rings if it is asked to, which it looks at last; the
 * device may have seen the buffers before, as it sends it another frame.
 */
static void case_refill(void)
{
	static const __u64 kinds[] = { BASE, USUAL };
	struct vring_used_elem e;
	unsigned int i, n, k;
	__u8 frame[300];

	for (k = 0; k < ARRAY_SIZE(kinds); k++) {
		open_both(kinds[k]);
		works();
		drv_frame(&good, mac, frame, sizeof(frame), 9);
		for (n = 0; n < 50; n++) {
			drv_send(&good, frame, sizeof(frame), 1);
			check(drv_sent(&good, WAIT), "not sent");
			usleep(2000);	/* it waits, and the driver is asked to ring */
			for (i = 0; i < 8; i++)
				refill(i, 2048);
			drv_send(&good, frame, sizeof(frame), 1);
			check(drv_sent(&good, WAIT), "not sent");
			if (asked_of(RX, 8))
				notify(RX);
			for (i = 0; i < 2; i++)
				check(take(RX, &e, WAIT), "round %u: frame %u waits", n, i);
			for (i = 0; i < 6; i++) {
				drv_send(&good, frame, sizeof(frame), 1);
				check(take(RX, &e, WAIT), "round %u: no frame", n);
			}
		}
		close_both();
	}
}

static bool stop_sending;

static void *send_on(void *arg)
{
	__u8 frame[300];
	unsigned int n;

	drv_frame(&good, mac, frame, sizeof(frame), 9);
	for (n = 0; !__atomic_load_n(&stop_sending, __ATOMIC_RELAXED); n++) {
		drv_send(&good, frame, sizeof(frame), 1);
		check(drv_sent(&good, WAIT), "not sent");
		if (n % 13 == 12)	/* what waits runs out at times */
			usleep(n % 7 * 50);
	}
	return arg;
}

/* A few buffers, and always frames that wait for them: a sender that sees those just
 * posted, the worker, and the driver's doorbell meet in every order.
 */
static void case_flood(void)
{
	static const __u64 kinds[] = { BASE, USUAL };
	struct vring_used_elem e;
	unsigned int i, k;
	pthread_t thread;
	__u64 end, n;

	for (k = 0; k < ARRAY_SIZE(kinds); k++) {
		open_both(kinds[k]);
		works();
		__atomic_store_n(&stop_sending, false, __ATOMIC_RELAXED);
		check(!pthread_create(&thread, NULL, send_on, NULL), "no thread");
		end = now_ms() + 1000 * seconds;
		for (n = 0; now_ms() < end; n++) {
			for (i = 0; i < 4; i++)
				refill(i, 2048);
			if (asked_of(RX, 4))
				notify(RX);
			for (i = 0; i < 4; i++)
				check(take(RX, &e, WAIT), "round %llu: no frame %u", n, i);
		}
		__atomic_store_n(&stop_sending, true, __ATOMIC_RELAXED);
		pthread_join(thread, NULL);
		printf("# %llu rounds\n", n);
		close_both();
	}
}

static void case_receive(void)
{
	struct virtio_net_hdr_v1 hdr;
	struct vring_used_elem e;
	__u8 frame[1500];
	unsigned int i, n, at;

	open_both(USUAL);
	works();	/* it is ready to receive a little after DRIVER_OK */
	drv_frame(&good, mac, frame, sizeof(frame), 5);
	for (i = 0; i < 8; i++)
		post(i, 256);
	drv_send(&good, frame, sizeof(frame), 1);
	for (i = 0, at = 0, n = 1; i < n; i++) {
		check(take(RX, &e, WAIT), "buffer %u of %u", i, n);
		check_eq(e.id, i);
		if (!i) {
			memcpy(&hdr, evil.mem + AT_RX_BUFS, HDR);
			n = le16toh(hdr.num_buffers);
			check_eq(n, 6);
			at = HDR;
		}
		check(!memcmp(evil.mem + AT_RX_BUFS + i * 4096 + (i ? 0 : HDR),
			      frame + (i ? at - HDR : 0), e.len - (i ? 0 : HDR)), "changed");
		at += e.len - (i ? 0 : HDR);
	}
	check_eq(at, HDR + sizeof(frame));
	close_both();

	/* without merging a frame that does not fit is lost, and its buffer stays */
	open_both(BASE);
	works();
	drv_frame(&good, mac, frame, sizeof(frame), 5);
	post(0, 512);
	drv_send(&good, frame, sizeof(frame), 1);
	check(!take(RX, &e, 200), "a frame in a buffer that is too small");
	drv_frame(&good, mac, frame, 200, 6);
	drv_send(&good, frame, 200, 1);
	check(take(RX, &e, WAIT), "the next one that fits");
	check_eq(e.len, HDR + 200);
	/* less than any buffer may have */
	post(1, 200);
	comes_back(BASE);
	close_both();
}

/* Every register, every width, every bit pattern, and the window to them */
static void case_registers(void)
{
	unsigned int off, len, round;
	static const __u32 val[] = { 0, 1, 0xff, 0x8000, ~0u };

	open_both(USUAL);
	for (round = 0; round < ARRAY_SIZE(val); round++)
		for (off = 0; off < 0x300; off++)
			for (len = 1; len <= 4; len *= 2) {
				__u32 got;

				vdev_read(&evil.dev, VFIO_PCI_BAR0_REGION_INDEX, off, &got, len);
				vdev_write(&evil.dev, VFIO_PCI_BAR0_REGION_INDEX, off, &val[round],
					   len);
			}
	for (off = 0; off < PAGE; off += 2)
		wr(NOTIFY + off, 2, off);
	reset();
	start(USUAL);
	works();
	/* the status by way of configuration space */
	window_aim(0, VIRTIO_PCI_COMMON_STATUS, 1);
	check_eq(cfg_read(&evil.dev, window_cap() + WINDOW_DATA, 1), status());
	works();
	close_both();
}

/* A reset at every step of the way, of both kinds */
static void case_resets(void)
{
	unsigned int step, kind;

	open_both(0);
	for (step = 0; step < 12; step++) {
		kind = step & 1;
		if (step >= 2)
			check(negotiate(USUAL), "features");
		if (step >= 4)
			enable(RX);
		if (step >= 6)
			enable(CTRL);
		if (step >= 8)
			enable(TX);
		if (step >= 10) {
			set_status(status() | VIRTIO_CONFIG_S_DRIVER_OK);
			put_frame(200, NULL, step);
			offer(TX, 0);
			notify(TX);
		}
		if (kind) {
			check(!ioctl(evil.dev.fd, VFIO_DEVICE_RESET), "%m");
			cfg_command(&evil.dev, PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY, 0);
		}
		reset();
	}
	while (drv_receive(&good, tx_buf(), 4096, 100) >= 0)
		;
	start(USUAL);
	works();
	/* one queue alone, under RING_RESET */
	reset();
	start(USUAL | F(VIRTIO_F_RING_RESET));
	works();
	wr(VIRTIO_PCI_COMMON_Q_SELECT, 2, TX);
	wr(VIRTIO_PCI_COMMON_Q_RESET, 2, 1);
	check_eq(rd(VIRTIO_PCI_COMMON_Q_RESET, 2), 0);
	check_eq(rd(VIRTIO_PCI_COMMON_Q_ENABLE, 2), 0);
	check(enable(TX), "again");
	works();
	close_both();
}

static __u32 chance(__u32 n)
{
	static __u64 x;

	if (!x)
		x = seed * 0x9e3779b97f4a7c15ull;
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (x >> 11) % n;
}

/* Bus master off, the queue in the middle of work, memory that goes, all by chance */
static void case_chance(void)
{
	__u64 end = now_ms() + seconds * 1000;
	unsigned long n;

	open_both(USUAL);
	for (n = 0; now_ms() < end; n++) {
		unsigned int q = chance(QUEUES), i;

		for (i = chance(8); i; i--)
			put_desc(q, chance(SIZE), chance(4) ? evil.iova + chance(MEM_SIZE) :
				 (__u64)chance(~0u) << 20, chance(3) ? chance(3000) : chance(~0u),
				 chance(3) ? chance(8) : q == RX ? 2 : 0, chance(SIZE + 2));
		if (packed) {
			packed_scribble(q, chance(SIZE), chance(65536));
		} else {
			avail_of(q)->flags = htole16(chance(2));
			avail_of(q)->ring[size[q] % (SIZE + 1)] = htole16(chance(65536));
		}
		for (i = chance(4); i; i--)
			offer(q, chance(SIZE + 1));
		notify(q);
		if (!chance(200))
			cfg_command(&evil.dev, 0, PCI_COMMAND_MASTER);
		if (!chance(3))
			cfg_command(&evil.dev, PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY, 0);
		if (!chance(30))
			wr(chance(0x40) & ~1u, 2, chance(65536));
		if (status() & VIRTIO_CONFIG_S_NEEDS_RESET || !chance(50)) {
			cfg_command(&evil.dev, PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY, 0);
			reset();
			start(USUAL);
		}
	}
	printf("# %lu steps with seed %u\n", n, seed);
	cfg_command(&evil.dev, PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY, 0);
	while (drv_receive(&good, tx_buf(), 70000, 100) >= 0)
		;
	reset();
	start(USUAL);
	while (drv_receive(&good, tx_buf(), 70000, 100) >= 0)
		;
	works();
	close_both();
}

/* ---- to be killed: guest/killed.py ---- */

/* Frames both ways, and requests.  VF 1 takes nothing: what it is sent waits in the device. */
static void busy(unsigned int rounds)
{
	static const __u8 mode[] = { VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, 0 };
	struct vring_used_elem e;
	pthread_t thread;
	unsigned int i;

	__atomic_store_n(&stop_sending, false, __ATOMIC_RELAXED);
	check(!pthread_create(&thread, NULL, send_on, NULL), "no thread");
	while (rounds--) {
		for (i = 0; i < 4; i++)
			refill(i, 2048);
		if (asked_of(RX, 4))
			notify(RX);
		put_frame(1000, NULL, rounds);
		offer(TX, 0);
		notify(TX);
		consumed(0);
		if (!(rounds % 16))
			check_eq(ctrl(mode, sizeof(mode), 1), VIRTIO_NET_OK);
		for (i = 0; i < 4; i++)
			check(take(RX, &e, WAIT), "no frame");
	}
	__atomic_store_n(&stop_sending, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
}

/* Opened, used and closed, again and again */
static void to_be_killed(void)
{
	unsigned int n;

	for (n = 0; ; n++) {
		packed = chance(2);
		open_both(USUAL);
		works();
		if (!n)
			puts("ready");
		fflush(stdout);
		busy(1 + chance(500));
		close_both();
		drv_forget(&evil);
		drv_forget(&good);
	}
}

enum { SPLIT = 1, PACKED = 2, BOTH = 3 };

static const struct {
	const char	*name;		/* of a packed virtqueue: packed-NAME */
	void		(*run)(void);
	const char	*what;
	unsigned int	kinds;
} cases[] = {
	{ "works", case_works, "frames both ways, with few features and with many", BOTH },
	{ "layouts", case_layouts, "headers and frames in pieces, tables of descriptors", BOTH },
	{ "frames", case_frames, "frames that are wrong are lost, and nothing else", BOTH },
	{ "uso", uso, "datagrams to be segmented, and requests that are wrong", BOTH },
	{ "chains", case_chains, "chains that leave the device in doubt stop it", BOTH },
	{ "jumps", case_jumps, "indexes that jump stop it", SPLIT },
	{ "laps", packed_laps, "rings of every size, through some laps", PACKED },
	{ "events", packed_events, "interrupts: none, all, or at one place", PACKED },
	{ "hostile", packed_hostile, "buffers offered twice", PACKED },
	{ "queues", case_queues, "queues as they may not be are not enabled", BOTH },
	{ "features", case_features, "what was not offered, or lacks what it needs, is refused",
	  SPLIT },
	{ "control", case_control, "requests: wrong, too long, not allowed, without an answer",
	  BOTH },
	{ "pairs", case_pairs, "two pairs of queues, and the second made anew all the time", BOTH },
	{ "hash", steer_hash, "which queue, and what hash, by the verification suite", BOTH },
	{ "steer", steer_refused, "what cannot be a table, a key or a kind is refused", SPLIT },
	{ "moderation", steer_moderation, "interrupts of one queue", SPLIT },
	{ "taken", steer_taken, "a queue is reset while its vector's moderation is changed", SPLIT },
	{ "vectors", order_vectors, "vectors set after queues were enabled", BOTH },
	{ "moving", order_moving, "a queue's vector changes under traffic, beside its moderation",
	  BOTH },
	{ "unmoderated", order_control, "the control queue has no receive queue's moderation",
	  SPLIT },
	{ "discovery", order_discovery, "a driver that names no groups is found, without trust",
	  SPLIT },
	{ "unfiltered", order_unfiltered, "a driver that never says which VLANs it wants is in all",
	  SPLIT },
	{ "table", order_table, "free places in a table of addresses", SPLIT },
	{ "address", told_address, "an address that the driver sets, and one that the host does",
	  SPLIT },
	{ "announce", told_announce, "link, VLAN: a driver that can is asked to announce itself",
	  SPLIT },
	{ "vlans", order_vlans, "a driver joins all VLANs, one by one", BOTH },
	{ "pieces", order_pieces, "frames in as many pieces as a queue has descriptors", BOTH },
	{ "patience", case_patience, "who sends and sees for itself is told of the last", BOTH },
	{ "bell_lost", bell_lost, "no notification is lost while its page comes and goes", SPLIT },
	{ "refill", case_refill, "frames that wait are delivered once there are buffers", BOTH },
	{ "flood", case_flood, "few buffers, and frames that never end", BOTH },
	{ "receive", case_receive, "frames over several buffers, and too large for one", BOTH },
	{ "registers", case_registers, "every register, every width, and through the window",
	  SPLIT },
	{ "resets", case_resets, "a reset at every step, of the device and of a queue", BOTH },
	{ "chance", case_chance, "whatever by chance", BOTH },
};

/* Case @i of the table with this kind of virtqueues: is it to run?  *@name: its name */
static bool wanted(const char *only, unsigned int i, bool kind, const char **name)
{
	static char full[32];

	snprintf(full, sizeof(full), "%s%s", kind ? "packed-" : "", cases[i].name);
	*name = full;
	return cases[i].kinds & (kind ? PACKED : SPLIT) && wanted_case(only, full);
}

int main(int argc, char **argv)
{
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	const char *only = take_cases(&argc, &argv), *name;
	unsigned int i, n = 0, bad = 0;
	const char *failing = NULL;
	bool endless = false;
	int opt;

	while ((opt = getopt(argc, argv, "kn:t:s:")) > 0)
		if (opt == 'k')
			endless = true;
		else if (opt == 'n')
			failing = optarg;
		else
			*(opt == 't' ? &seconds : &seed) = strtoul(optarg, NULL, 0);
	if (argc - optind != 2) {
		fprintf(stderr, "usage: virtio [-c CASE,...|-k|-n OPERATION] [-t SECONDS] [-s SEED] VF VF\n");
		return 2;
	}
	virtio_bdf[0] = argv[optind];
	virtio_bdf[1] = argv[optind + 1];
	setrlimit(RLIMIT_MEMLOCK, &all);
	if (endless)
		to_be_killed();
	if (failing) {
		faults(failing);
		return 0;
	}
	for (i = 0; i < 2 * ARRAY_SIZE(cases); i++)
		n += wanted(only, i / 2, i & 1, &name);
	printf("KTAP version 1\n1..%u\n", n);
	for (i = 0, n = 0; i < 2 * ARRAY_SIZE(cases); i++) {
		int result;

		packed = i & 1;
		if (!wanted(only, i / 2, packed, &name))
			continue;
		result = run_case(name, cases[i / 2].run, 600);
		bad += case_line(result, ++n, "%s: %s", name, cases[i / 2].what);
	}
	return bad || !n;
}
