// SPDX-License-Identifier: GPL-2.0
/*
 * The hostile virtio driver: indexes, chains and lengths (classes 2, 3 and 5).
 */
#include <unistd.h>

#include "vhostile.h"

/*
 * All of the table and of the available ring is good, so that the index alone is wrong.  Not
 * of the control queue, which looks at one entry at a time: it finds none.
 */
static void fill(unsigned int q)
{
	unsigned int i;

	for (i = 0; i < SIZE && q != CTRL; i++) {
		put_desc(q, i, evil.iova + (q == RX ? AT_RX_BUFS + i * 4096 : AT_TX_BUFS),
			 q == RX ? 2048 : HDR + 300, q == RX ? VRING_DESC_F_WRITE : 0, 0);
		avail_of(q)->ring[i] = htole16(i);
	}
}

/* Indexes that jump, of each kind of queue.  In 16 bits, so 65535 is one step back. */
static void case_jumps(void)
{
	static const char *const reason[] = { BAD_RX, BAD_TX, "control queue invalid" };
	static const __u16 jump[] = { SIZE + 1, 0xffff };
	unsigned int i, q;

	vopen(USUAL);
	for (q = RX; q <= CTRL; q++)
		for (i = 0; i < ARRAY_SIZE(jump); i++) {
			works();
			fill(q);
			__atomic_store_n(&avail_of(q)->idx, htole16(avail[q] + jump[i]),
					 __ATOMIC_SEQ_CST);
			notify(q);
			check_stopped(reason[q]);
		}
	check_moved("vf0_tx_packets", q * i);
	check_moved("vf0_rx_packets", q * i);
	check_moved("vf0_tx_dropped", 0);
	vclose();
}

/* All of the ring, longer than a frame or a request; of a split one it leads back to the first */
static void put_whole_ring(unsigned int q)
{
	unsigned int n;

	for (n = 0; n < size[q]; n++)
		put_desc(q, n, evil.iova + AT_TX_BUFS, 1000,
			 packed && n == size[q] - 1u ? 0 : VRING_DESC_F_NEXT, (n + 1) % size[q]);
}

/* What leaves the device in doubt stops it, and nothing of it is sent. */
static void case_chains(void)
{
	const char *reason;
	unsigned int i;

	vopen(USUAL);
	for (i = 0; (reason = bad_chain(i)); i++)
		if (*reason)
			check_stopped(reason);
	put_whole_ring(CTRL);
	offer(CTRL, 0);
	notify(CTRL);
	check_stopped("control queue invalid");
	check_moved("vf0_tx_packets", 0);
	check_moved("vf0_tx_dropped", 0);
	check_silent();
	vclose();
}

/* A table whose descriptors lead back to the first; in a packed ring: one of too many */
static void put_loop(unsigned int q)
{
	struct vring_desc *t = (void *)(evil.mem + AT_TABLE);
	unsigned int i, n = packed ? 100 : 3;

	for (i = 0; i < n; i++)
		t[i] = (struct vring_desc) {
			.addr = htole64(evil.iova + AT_TX_BUFS),
			.len = htole32(112),
			.flags = htole16(packed ? 0 : VRING_DESC_F_NEXT),
			.next = htole16(packed ? 0 : (i + 1) % n),
		};
	put_desc(q, 0, evil.iova + AT_TABLE, n * sizeof(*t), VRING_DESC_F_INDIRECT, 0);
}

/* Pieces whose sum is more than 2^32 */
static void put_overflow(unsigned int q)
{
	put_desc(q, 0, evil.iova + AT_TX_BUFS, ~0u, VRING_DESC_F_NEXT, 1);
	put_desc(q, 1, evil.iova + AT_TX_BUFS, 200, 0, 0);
}

/* Lengths that no frame has, and chains that go on and on: that frame is lost, and counted. */
static void case_lengths(void)
{
	static const __u32 len[] = {
		0, 1, HDR - 1, HDR, HDR + 1, HDR + 13, HDR + VNIC_MTU_MAX + 14 + 9, 65535,
		1u << 31, ~0u,
	};
	static void (*const put[])(unsigned int q) = { put_loop, put_whole_ring, put_overflow };
	unsigned int i;

	vopen(USUAL);
	for (i = 0; i < ARRAY_SIZE(len) + ARRAY_SIZE(put); i++) {
		put_frame_to(wire_mac, 100);
		if (i < ARRAY_SIZE(len))
			put_desc(TX, 0, evil.iova + AT_TX_BUFS, len[i], 0, 0);
		else
			put[i - ARRAY_SIZE(len)](TX);
		send_it();
		check_moved("vfs_tx_drop_malformed", i + 1);
	}
	check_moved("vf0_tx_dropped", i);
	check_silent();
	put_frame_to(wire_mac, 300);
	send_it();
	comes_out_whole(wire_sock, 300);
	/* around the end of all addresses: the header is there, the frame is not */
	put_frame_to(wire_mac, 100);
	put_desc(TX, 0, -100ull, 1000, 0, 0);
	offer(TX, 0);
	notify(TX);
	check_stopped("TX buffer not accessible");
	check_silent();
	check_moved("vf0_tx_packets", 1);
	vclose();
}

/* Receive buffers as they may not be: none, too small, around the end, without one */
static void case_rx_lengths(void)
{
	static const struct {
		__u64 addr;
		__u32 len;
		__u16 flags;
	} bad[] = {
		{ MEM_IOVA + AT_RX_BUFS, 0, 0 },
		{ MEM_IOVA + AT_RX_BUFS, VNIC_RX_BUF_MIN - 1, 0 },
		{ -100ull, 2048, 0 },
		{ MEM_IOVA + AT_RX_BUFS, 2048, VRING_DESC_F_NEXT },	/* from itself to itself */
	};
	unsigned int i;

	vopen(USUAL);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		put_desc(RX, 0, bad[i].addr, bad[i].len, VRING_DESC_F_WRITE | bad[i].flags, 0);
		offer(RX, 0);
		notify(RX);
		check_stopped(BAD_RX);
	}
	check_moved("vf0_rx_packets", 0);
	vclose();
}

#define SLOT	1024u		/* bytes of each buffer elsewhere */

static unsigned int flipped;

/*
 * Another buffer in the place of one that the device has been told of.  The length stays in
 * a packed ring, where the device says how much it has used.
 */
static void flip_buffer(void *arg)
{
	unsigned int n = flipped++, i = n % SIZE;
	__u64 addr = n / SIZE & 1 ? MEM_IOVA + AT_RX_BUFS + i * 4096 : ELSEWHERE + i * SLOT;

	(void)arg;
	__atomic_store_n(&live(RX, i)->addr, htole64(addr), __ATOMIC_RELAXED);
	__atomic_store_n(&desc(RX)[i].addr, htole64(addr), __ATOMIC_RELAXED);
	__atomic_store_n(&desc(RX)[i].len, htole32(n / SIZE & 2 ? SLOT : 2048), __ATOMIC_RELAXED);
}

/* Header and frame, as they are to be in a buffer */
static __u8 whole[SLOT];

static void make_whole(unsigned int seed)
{
	struct virtio_net_hdr_v1 hdr = { .num_buffers = htole16(1) };

	memcpy(whole, &hdr, HDR);
	drv_frame(&good, mac, whole + HDR, SLOT - HDR, seed);
}

/* They are whole in one of the two that descriptor @i has led to; is it the other one? */
static bool is_elsewhere(__u8 *there, unsigned int i)
{
	__u8 *other = there + i * SLOT, *usual = evil.mem + AT_RX_BUFS + i * 4096;
	bool elsewhere = !memcmp(other, whole, SLOT);

	check(elsewhere || !memcmp(usual, whole, SLOT), "descriptor %u: in neither buffer", i);
	memset(other, 0, SLOT);
	memset(usual, 0, SLOT);
	return elsewhere;
}

/* As many frames as half of the ring: how many are elsewhere? */
static unsigned int refill_round(__u8 *there, unsigned int seed)
{
	unsigned int k, elsewhere = 0;
	struct vring_used_elem e;

	make_whole(seed);
	for (k = 0; k < SIZE / 2; k++)
		drv_put(&good, whole + HDR, SLOT - HDR, 1);
	drv_push(&good);
	for (k = 0; k < SIZE / 2; k++) {
		check(take(RX, &e, WAIT), "no frame %u; status %#x", k, status());
		check_eq(e.len, SLOT);
		elsewhere += is_elsewhere(there, e.id);
		offer(RX, e.id);
	}
	notify(RX);
	return elsewhere;
}

/* Buffers change place and length while they are filled: each frame comes, and is counted. */
static void case_rx_refill(void)
{
	unsigned int i, elsewhere = 0, all = 0;
	__u8 *there;
	__u64 end;

	vopen(USUAL);
	there = get_memory(SIZE * SLOT + PAGE);
	memset(there + SIZE * SLOT, 0xa7, PAGE);
	check_eq(vdev_map(&evil.dev, ELSEWHERE, there, SIZE * SLOT + PAGE), 0);
	put_frame(300, NULL, 7);
	send_it();
	arrives(300);	/* then it is ready to receive, too */
	post_many(SIZE);
	meanwhile(flip_buffer, NULL);
	for (i = 0, end = now_ms() + 1000; i < 30 || now_ms() < end; i++, all += SIZE / 2)
		elsewhere += refill_round(there, i);
	meanwhile_stop();
	printf("# %u of %u frames elsewhere\n", elsewhere, all);
	check(elsewhere && elsewhere < all, "no buffer was changed in time");
	check_moved("vf0_rx_packets", all);
	check_moved("vf0_rx_dropped", 0);
	check(!(status() & VIRTIO_CONFIG_S_NEEDS_RESET), "it has stopped");
	for (i = 0; i < PAGE; i++)
		check(there[SIZE * SLOT + i] == 0xa7, "written behind the last buffer");
	vclose();
}

/* VF 3 has VF 0's container, and so its memory. */
static void vopen_shared(void)
{
	bench_open(USUAL);
	memset(&good, 0, sizeof(good));
	vdev_open_with(&good.dev, bench_vf[3], &evil.dev);
	drv_prepare(&good, ELSEWHERE);
	drv_start(&good);
}

#define SAME	600u	/* bytes of a frame that is sent and received in one place */

/* VF 3's receive buffers are all at @addr. */
static void receive_at(__u64 addr)
{
	struct vnic_rx_desc *ring = (void *)(good.mem + AT_RX_RING);
	struct vnic_mbx_u32 on = { .value = htole32(1) };
	unsigned int i;

	reg_write(&good.dev, VNIC_REG_CONTROL, VNIC_CTRL_RESET);
	drv_mailbox(&good);
	drv_hello(&good);
	memset(drv_event(&good, AT_RX_EVENT), 0, sizeof(struct vnic_event));
	check_eq(drv_create(&good, VNIC_QUEUE_RX, AT_RX_RING, AT_RX_EVENT), VNIC_MBX_OK);
	for (i = 0; i < RING_SIZE; i++)
		ring[i] = (struct vnic_rx_desc) {
			.addr = htole64(addr), .len = htole32(RX_BUF_SIZE),
		};
	drv_event(&good, AT_RX_EVENT)->prod = htole32(RING_SIZE);
	reg_write(&good.dev, VNIC_REG_KICK, VNIC_KICK_RX(0));
	check_eq(drv_msg(&good, VNIC_MBX_ENABLE, &on, sizeof(on), NULL, 0), VNIC_MBX_OK);
}

/* One VF sends what lies in the other's receive buffer: in place, and 100 bytes beside it. */
static void case_same(void)
{
	__u8 frame[SAME], *sent, *got;
	struct vring_used_elem e;
	unsigned int shift;

	vopen_shared();
	for (shift = 0; shift <= 100; shift += 100) {
		sent = good.mem + AT_TX_BUFS + good.tx_prod % RING_SIZE * TX_BUF_SIZE;
		got = sent + shift;
		put_desc(RX, 0, ELSEWHERE + (got - good.mem) - HDR, 2048, VRING_DESC_F_WRITE, 0);
		offer(RX, 0);
		notify(RX);
		drv_frame(&good, mac, frame, SAME, shift);
		drv_send(&good, frame, SAME, 1);
		check(take(RX, &e, WAIT), "nothing is received; status %#x", status());
		check_eq(e.len, HDR + SAME);
		check(!memcmp(got, frame, 14), "the headers are not those sent");
		check(shift || !memcmp(got, frame, SAME), "copied onto itself: changed");
	}
	check_moved("vf0_rx_packets", 2);
	for (shift = 0; shift <= 100; shift += 100) {
		receive_at(MEM_IOVA + AT_TX_BUFS + HDR + shift);
		put_frame_to(good.caps.mac, SAME);
		memcpy(frame, tx_buf() + HDR, SAME);
		send_it();
		check_moved("vf3_rx_packets", 1 + shift / 100);
		check(!memcmp(tx_buf() + HDR + shift, frame, 14), "the headers are not those sent");
		check(shift || !memcmp(tx_buf() + HDR, frame, SAME), "copied onto itself: changed");
	}
	check_moved("vf0_tx_packets", 2);
	check_moved("vf0_rx_dropped", 0);
	check(!health().stopped, "stopped");
	vclose();
}

const struct hostile_case vring_cases[] = {
	{ 2, "jumps", case_jumps, "indexes that jump stop the VF" },
	{ 3, "chains", case_chains, "chains that leave the device in doubt stop the VF" },
	{ 3, "packed-chains", case_chains, "the same with packed rings" },
	{ 3, "lengths", case_lengths, "lengths that no frame has, chains that go on, are lost" },
	{ 3, "packed-lengths", case_lengths, "the same with packed rings" },
	{ 5, "rx_lengths", case_rx_lengths, "receive buffers of illegal length stop the VF" },
	{ 5, "packed-rx_lengths", case_rx_lengths, "the same with packed rings" },
	{ 5, "rx_refill", case_rx_refill, "receive buffers change while they are filled" },
	{ 5, "packed-rx_refill", case_rx_refill, "the same with packed rings" },
	{ 5, "same", case_same, "sent and received in the same place" },
	{}
};
