// SPDX-License-Identifier: GPL-2.0
/*
 * The hostile driver: indexes, queues, descriptors and lengths (classes 2, 3 and 5).
 */
#include "native.h"

static struct vnic_mbx_queue queue(__u16 type, __u32 size)
{
	unsigned int tx = type == VNIC_QUEUE_TX;

	return (struct vnic_mbx_queue) {
		.type = htole16(type),
		.vector = htole16(1),
		.size = htole32(size),
		.ring = htole64(evil.iova + (tx ? AT_TX_RING : AT_RX_RING)),
		.event = htole64(evil.iova + (tx ? AT_TX_EVENT : AT_RX_EVENT)),
	};
}

static int create(const struct vnic_mbx_queue *q)
{
	return drv_msg(&evil, VNIC_MBX_QUEUE_CREATE, q, sizeof(*q), NULL, 0);
}

static int destroy(__u16 type, __u16 index)
{
	struct vnic_mbx_queue_id id = { .type = htole16(type), .index = htole16(index) };

	return drv_msg(&evil, VNIC_MBX_QUEUE_DESTROY, &id, sizeof(id), NULL, 0);
}

static int enable(__u32 on)
{
	struct vnic_mbx_u32 msg = { .value = htole32(on) };

	return drv_msg(&evil, VNIC_MBX_ENABLE, &msg, sizeof(msg), NULL, 0);
}

static void frame_to_wire(void)
{
	static struct out o;
	__u8 *sent = put_frame(wire_mac, 300);

	drv_push(&evil);
	check(drv_sent(&evil, WAIT), "not sent");
	check(comes_out(wire_sock, &o, WAIT), "nothing reaches the wire");
	check(o.len == 300 && !memcmp(o.frame, sent, 300), "changed on its way");
}

/* Where prod jumps to from cons.  In 32 bits, so 2^32 - 1 is one step back. */
static void case_jumps(void)
{
	static const __u32 jump[] = { ~0u, 1u << 16, 1u << 31 };
	unsigned int i;

	bench_open(0);
	for (i = 0; i < 2 * ARRAY_SIZE(jump); i++) {
		unsigned int at = i & 1 ? AT_RX_EVENT : AT_TX_EVENT;
		struct vnic_event *ev;
		__u32 from;

		frame_to_wire();
		ev = drv_event(&evil, at);
		from = le32toh(ev->cons);
		__atomic_store_n(&ev->prod, htole32(from + jump[i / 2]), __ATOMIC_SEQ_CST);
		reg_write(&evil.dev, VNIC_REG_KICK, i & 1);
		check_stopped(i & 1 ? BAD_RX : BAD_TX);
	}
	check_moved("vf0_tx_packets", 2 * ARRAY_SIZE(jump));
	check_moved("vf0_tx_dropped", 0);
	bench_close();
}

/* Queues as they may not be; each is refused and the next is looked at afresh. */
static void case_sizes(void)
{
	static const __u32 size[] = { 0, 1, 2, 32, 63, 65, 4095, 4097, 8192, 1u << 31, ~0u };
	struct vnic_mbx_queue q;
	unsigned int i, n = 0;

	bench_open(0);
	check_eq(destroy(VNIC_QUEUE_TX, 0), VNIC_MBX_OK);
	check_eq(destroy(VNIC_QUEUE_RX, 0), VNIC_MBX_OK);
	for (i = 0; i < 2 * ARRAY_SIZE(size); i++, n++) {
		q = queue(i & 1, size[i / 2]);
		check_eq(create(&q), VNIC_MBX_E_INVAL);
	}
	for (i = 0; i < 10; i++, n++) {
		q = queue(VNIC_QUEUE_TX, 64);
		switch (i) {
		case 0:
			q.type = htole16(2);
			break;
		case 1:
			q.index = htole16(1);	/* not negotiated */
			break;
		case 2:
			q.index = htole16(0xffff);
			break;
		case 3:
			q.vector = 0;
			break;
		case 4:
			q.vector = htole16(evil.dev.vectors);
			break;
		case 5:
			q.vector = htole16(0xffff);
			break;
		case 6:
			q.ring = htole64(evil.iova + AT_TX_RING + 8);
			break;
		case 7:
			q.event = htole64(evil.iova + AT_TX_EVENT + 64);
			break;
		case 8:
			q.rsvd = htole16(1);
			break;
		case 9:
			q.rsvd1 = htole32(1);
			break;
		}
		check_eq(create(&q), VNIC_MBX_E_INVAL);
	}
	/* rings that lead out of what is mapped, or around the end of all addresses */
	q = queue(VNIC_QUEUE_TX, 4096);
	q.ring = htole64(evil.iova + MEM_SIZE - PAGE);
	check_eq(create(&q), VNIC_MBX_E_FAULT);
	q.ring = htole64(-4096ull);
	check_eq(create(&q), VNIC_MBX_E_FAULT);
	check_refused(n + 2);
	q = queue(VNIC_QUEUE_TX, VNIC_RING_MAX);
	q.ring = htole64(evil.iova + AT_TX_BUFS);
	check_eq(create(&q), VNIC_MBX_OK);
	bench_close();
}

static void case_twice(void)
{
	struct vnic_mbx_queue q;

	bench_open(0);
	check_eq(enable(1), VNIC_MBX_OK);
	frame_to_wire();
	check_eq(enable(2), VNIC_MBX_E_INVAL);
	check_eq(enable(~0u), VNIC_MBX_E_INVAL);
	/* a live queue is not changed: neither where it is nor how long */
	q = queue(VNIC_QUEUE_TX, 64);
	q.ring = htole64(evil.iova + AT_RX_RING);
	check_eq(create(&q), VNIC_MBX_E_STATE);
	q = queue(VNIC_QUEUE_RX, 64);
	check_eq(create(&q), VNIC_MBX_E_STATE);
	frame_to_wire();
	from_wire(300, 1);
	check(drv_receive(&evil, (__u8[2048]) {}, 2048, WAIT) == 300, "not received");
	check_eq(enable(0), VNIC_MBX_OK);
	check_eq(enable(0), VNIC_MBX_OK);
	put_frame(wire_mac, 60);
	drv_push(&evil);
	check_silent();
	check_eq(enable(1), VNIC_MBX_OK);
	check(drv_sent(&evil, WAIT), "not sent when enabled again");
	check_eq(destroy(VNIC_QUEUE_TX, 0), VNIC_MBX_OK);
	check_eq(destroy(VNIC_QUEUE_TX, 0), VNIC_MBX_E_STATE);
	check_eq(destroy(VNIC_QUEUE_TX, 0xffff), VNIC_MBX_E_INVAL);
	check_eq(destroy(2, 0), VNIC_MBX_E_INVAL);
	check_refused(7);
	bench_close();
}

/* What stops it: a chain whose end is in doubt */
static void case_chains(void)
{
	const __u64 buf = MEM_IOVA + AT_TX_BUFS;
	unsigned int kind, i;

	bench_open(0);
	for (kind = 0; kind < 4; kind++) {
		switch (kind) {
		case 0:		/* one buffer too many */
			for (i = 0; i <= VNIC_TX_MAX_BUFS; i++)
				put_desc(buf, 60, i == VNIC_TX_MAX_BUFS ? VNIC_TXD_F_EOP : 0);
			break;
		case 1:		/* a ring without an end */
			for (i = 0; i < RING_SIZE; i++)
				put_desc(buf, 60, 0);
			break;
		case 2:		/* a context inside of a frame */
			put_desc(buf, 60, 0);
			put_desc(0, 0, VNIC_TXD_F_CTX);
			put_desc(buf, 60, VNIC_TXD_F_EOP);
			break;
		case 3:		/* a frame that is nothing but a context */
			put_desc(0, 0, VNIC_TXD_F_CTX | VNIC_TXD_F_EOP);
			break;
		}
		drv_push(&evil);
		check_stopped(BAD_TX);
	}
	/* the end is not there yet: nothing happens until it comes */
	put_desc(buf, 60, 0);
	drv_push(&evil);
	check_silent();
	check(!(reg_read(&evil.dev, VNIC_REG_STATUS) & VNIC_STATUS_FAILED), "stopped");
	memcpy(evil.mem + AT_TX_BUFS, wire_mac, 6);
	memcpy(evil.mem + AT_TX_BUFS + 6, evil.caps.mac, 6);
	memset(evil.mem + AT_TX_BUFS + 12, 0x88, 48);
	put_desc(buf, 40, VNIC_TXD_F_EOP);
	drv_push(&evil);
	check(drv_sent(&evil, WAIT), "not sent");
	check_moved("uplink_rx_packets", 1);
	check_moved("vf0_tx_dropped", 0);
	bench_close();
}

/* Lengths that no frame has: that frame is dropped and counted. */
static void case_lengths(void)
{
	static const __u16 len[] = { 0, 1, 13, VNIC_MTU_MAX + 14 + 9, 65535 };
	const __u64 buf = MEM_IOVA + AT_TX_BUFS;
	unsigned int i;

	bench_open(0);
	for (i = 0; i < ARRAY_SIZE(len); i++) {
		put_desc(buf, len[i], VNIC_TXD_F_EOP);
		put_desc(buf, 60, 0);	/* the same behind another buffer */
		put_desc(buf, len[i] < 14 ? 0 : len[i], VNIC_TXD_F_EOP);
	}
	put_desc(buf, 60, VNIC_TXD_F_EOP)->rsvd = htole32(1);
	put_desc(buf, 60, VNIC_TXD_F_EOP | 1 << 15);
	drv_push(&evil);
	check(drv_sent(&evil, WAIT), "stands still");
	check_moved("vfs_tx_drop_malformed", 2 * ARRAY_SIZE(len) + 2);
	check_moved("vf0_tx_dropped", 2 * ARRAY_SIZE(len) + 2);
	check_silent();
	frame_to_wire();
	bench_close();
}

/* A frame across pages that are neighbours for the device only, and then one of two */
static void case_straddle(void)
{
	const unsigned int first = 7, len = 1500;
	__u8 *mem = get_memory(4 * PAGE), frame[1500];
	static struct out o;

	bench_open(0);
	check_eq(vdev_map(&evil.dev, ELSEWHERE, mem + 2 * PAGE, PAGE), 0);
	check_eq(vdev_map(&evil.dev, ELSEWHERE + PAGE, mem, PAGE), 0);
	drv_frame(&evil, wire_mac, frame, len, 1);
	memcpy(mem + 3 * PAGE - first, frame, first);
	memcpy(mem, frame + first, len - first);
	put_desc(ELSEWHERE + PAGE - first, len, VNIC_TXD_F_EOP);
	drv_push(&evil);
	check(comes_out(wire_sock, &o, WAIT), "nothing reaches the wire");
	check(o.len == (int)len && !memcmp(o.frame, frame, len), "changed on its way");
	/* the second page is nobody's */
	put_desc(ELSEWHERE + 2 * PAGE - 100, 200, VNIC_TXD_F_EOP);
	drv_push(&evil);
	check_stopped("TX buffer not accessible");
	/* address and length around the end of all addresses */
	put_desc(-100ull, 1000, VNIC_TXD_F_EOP);
	drv_push(&evil);
	check_stopped("TX buffer not accessible");
	check_silent();
	check_moved("vf0_tx_packets", 1);
	bench_close();
}

static void repost(unsigned int slot, __u64 addr, __u32 len)
{
	struct vnic_rx_desc *ring = (void *)(evil.mem + AT_RX_RING);

	ring[slot % RING_SIZE].rsvd = 0;	/* a completion was there */
	ring[slot % RING_SIZE].len = htole32(len);
	ring[slot % RING_SIZE].addr = htole64(addr);
}

/* Receive buffers of lengths that may not be */
static void case_rx_lengths(void)
{
	static const __u32 len[] = { 0, VNIC_RX_BUF_MIN - 1, VNIC_RX_BUF_MAX + 1 };
	unsigned int i, j;

	bench_open(0);
	for (i = 0; i < ARRAY_SIZE(len); i++) {
		/* all are fetched: use one up for each that is posted anew */
		from_wire(100, i);
		check(drv_receive(&evil, (__u8[2048]) {}, 2048, WAIT) == 100, "not received");
		for (j = 0; j < RING_SIZE; j++)
			repost(j, MEM_IOVA + AT_RX_BUFS, len[i]);
		for (j = 0; j < RING_SIZE && !(reg_read(&evil.dev, VNIC_REG_STATUS) &
					       VNIC_STATUS_FAILED); j++) {
			from_wire(100, i);
			usleep(500);
			repost(evil.rx_prod++, MEM_IOVA + AT_RX_BUFS, len[i]);
			drv_event(&evil, AT_RX_EVENT)->prod = htole32(evil.rx_prod);
			reg_write(&evil.dev, VNIC_REG_KICK, VNIC_KICK_RX(0));
		}
		check_stopped(BAD_RX);
	}
	bench_close();
}

/* Another place and length for a buffer; what the device has written there is not touched. */
static void flip_buffer(void *arg)
{
	static unsigned int n;
	unsigned int slot = n++ % RING_SIZE, round = n / RING_SIZE;
	struct vnic_rx_desc *d = (struct vnic_rx_desc *)(evil.mem + AT_RX_RING) + slot;

	(void)arg;
	__atomic_store_n(&d->len, htole32(round & 2 ? VNIC_RX_BUF_MIN : RX_BUF_SIZE),
			 __ATOMIC_RELAXED);
	__atomic_store_n(&d->addr, htole64(round & 1 ? ELSEWHERE :
					   MEM_IOVA + AT_RX_BUFS + slot * RX_BUF_SIZE),
			 __ATOMIC_RELAXED);
}

/* All that the device says it has used is given back, as a descriptor or as it is. */
static void give_back(bool anew)
{
	__u32 cons = le32toh(__atomic_load_n(&drv_event(&evil, AT_RX_EVENT)->cons,
					     __ATOMIC_ACQUIRE));

	for (; evil.rx_cons != cons; evil.rx_cons++)
		if (anew)
			repost(evil.rx_cons, MEM_IOVA + AT_RX_BUFS, RX_BUF_SIZE);
	usleep(300);	/* they change all the time, also when they are looked at */
	evil.rx_prod = cons + RING_SIZE;
	__atomic_store_n(&drv_event(&evil, AT_RX_EVENT)->prod, htole32(evil.rx_prod),
			 __ATOMIC_RELEASE);
	reg_write(&evil.dev, VNIC_REG_KICK, VNIC_KICK_RX(0));
}

/*
 * Buffers change place and length while they are filled: each frame is delivered, to where
 * a buffer was, and counted.  A completion is no buffer: that stops the VF.
 */
static void case_rx_refill(void)
{
	const unsigned int n = 2000;
	__u8 *there = get_memory(2 * PAGE);
	unsigned int i;

	bench_open(0);
	memset(there, 0xa7, 2 * PAGE);
	check_eq(vdev_map(&evil.dev, ELSEWHERE, there, 2 * PAGE), 0);
	meanwhile(flip_buffer, NULL);
	for (i = 0; i < n; i++) {
		from_wire(60 + i % 1200, i);
		if (i % 16 == 15) {
			check_moved("vf0_rx_packets", i + 1);
			give_back(true);
		}
	}
	meanwhile_stop();
	check_moved("vf0_rx_dropped", 0);
	check(!(reg_read(&evil.dev, VNIC_REG_STATUS) & VNIC_STATUS_FAILED), "stopped");
	check(there[0] != 0xa7, "no buffer has changed its place");
	for (i = RX_BUF_SIZE; i < 2 * PAGE; i++)
		check(there[i] == 0xa7, "written behind the buffer");
	from_wire(100, i);
	check_moved("vf0_rx_packets", n + 1);
	give_back(false);
	check_stopped(BAD_RX);
	bench_close();
}

/* Two VFs of one VM: one sends what lies in the other's receive buffers, in place. */
static void case_same(void)
{
	struct vnic_rx_desc *ring;
	unsigned int i, shift;
	static struct drv mate;
	__u8 *sent, frame[600];

	bench_open(0);
	bench_mate(&mate);
	for (shift = 0; shift < 2; shift++) {
		ring = (void *)(mate.mem + AT_RX_RING);
		sent = put_frame(mate.caps.mac, sizeof(frame));
		memcpy(frame, sent, sizeof(frame));
		for (i = 0; i < RING_SIZE; i++)
			ring[i] = (struct vnic_rx_desc) {
				.addr = htole64(MEM_IOVA + (sent - evil.mem) + 100 * shift),
				.len = htole32(RX_BUF_SIZE),
			};
		reg_write(&mate.dev, VNIC_REG_CONTROL, VNIC_CTRL_RESET);
		drv_mailbox(&mate);
		drv_hello(&mate);
		check_eq(drv_create(&mate, VNIC_QUEUE_RX, AT_RX_RING, AT_RX_EVENT), VNIC_MBX_OK);
		drv_event(&mate, AT_RX_EVENT)->prod = htole32(RING_SIZE);
		reg_write(&mate.dev, VNIC_REG_KICK, VNIC_KICK_RX(0));
		check_eq(drv_msg(&mate, VNIC_MBX_ENABLE, &(struct vnic_mbx_u32) { htole32(1), 0 },
				 sizeof(struct vnic_mbx_u32), NULL, 0), VNIC_MBX_OK);
		drv_push(&evil);
		check(drv_sent(&evil, WAIT), "not sent");
		check_moved("vf3_rx_packets", 1 + shift);
		check(!memcmp(sent + 100 * shift, frame, 14), "the headers are not those sent");
		if (!shift)
			check(!memcmp(sent, frame, sizeof(frame)), "copied onto itself: changed");
	}
	vdev_close(&mate.dev);
	bench_close();
}

const struct hostile_case ring_cases[] = {
	{ 2, "jumps", case_jumps, "indexes that jump stop the VF" },
	{ 2, "sizes", case_sizes, "queues of illegal size, place and vector are refused" },
	{ 2, "twice", case_twice, "enabled, made, destroyed twice; a live queue changed" },
	{ 3, "chains", case_chains, "chains that do not end, or wrongly, stop the VF" },
	{ 3, "lengths", case_lengths, "lengths that no frame has are dropped" },
	{ 3, "straddle", case_straddle, "a frame across pages, into none, and around the end" },
	{ 5, "rx_lengths", case_rx_lengths, "receive buffers of illegal length stop the VF" },
	{ 5, "rx_refill", case_rx_refill, "receive buffers change while they are filled" },
	{ 5, "same", case_same, "sent and received in the same place" },
	{}
};
