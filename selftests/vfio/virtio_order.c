// SPDX-License-Identifier: GPL-2.0
/*
 * A virtio driver that does things in another order than Linux's, or more of them: as those
 * of Windows, NetBSD and DPDK do, which virtio allows.
 */
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include "virtio.h"

#define NONE	VIRTIO_MSI_NO_VECTOR
#define COAL	(USUAL | F(VIRTIO_NET_F_NOTF_COAL) | F(VIRTIO_NET_F_VQ_NOTF_COAL))

/* ---- vectors ---- */

/* Give queue @q a vector: which one it has then */
static __u32 aim(unsigned int q, __u32 vector)
{
	wr(VIRTIO_PCI_COMMON_Q_SELECT, 2, q);
	wr(VIRTIO_PCI_COMMON_Q_MSIX, 2, vector);
	return rd(VIRTIO_PCI_COMMON_Q_MSIX, 2);
}

static void drain(void)
{
	unsigned int i;

	for (i = 0; i < evil.dev.vectors; i++)
		wait_eventfd(evil.irq[i], 0);
}

/* Each queue is used: which vectors of 0 to 4 are raised?  A bit each */
static unsigned int raised(void)
{
	static const __u8 mode[] = { VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, 0 };
	unsigned int i, bits = 0;

	want_next();
	works();
	check_eq(ctrl(mode, sizeof(mode), 1), VIRTIO_NET_OK);
	usleep(20000);	/* what is held back comes */
	for (i = 0; i < 5; i++)
		bits |= wait_eventfd(evil.irq[i], 0) << i;
	return bits;
}

void order_vectors(void)
{
	unsigned int late, q;

	early_vector = NONE;
	/* without EVENT_IDX each chain that is used is told of */
	for (late = 0; late < 2; late++) {
		open_both(0);
		wr(VIRTIO_PCI_COMMON_MSIX, 2, NONE);
		prepare(USUAL & ~F(VIRTIO_RING_F_EVENT_IDX));
		if (late) {
			driver_ok();
			drain();
			check_eq(raised(), 0);
		}
		for (q = RX; q <= CTRL; q++)
			check_eq(aim(q, 2 + q), 2 + q);
		if (!late)
			driver_ok();
		/* the new ones tell of what was used while there were none */
		for (q = RX; late && q <= CTRL; q++)
			check(wait_eventfd(evil.irq[2 + q], WAIT), "nothing of queue %u", q);
		drain();
		check_eq(raised(), 1 << 2 | 1 << 3 | 1 << 4);
		/* one that there is not is none */
		check_eq(aim(RX, 999), NONE);
		check_eq(aim(TX, NONE), NONE);
		drain();
		check_eq(raised(), 1 << 4);
		check_eq(aim(RX, 1), 1);
		check_eq(aim(TX, 1), 1);
		drain();
		check_eq(raised(), 1 << 1 | 1 << 4);
		wr(VIRTIO_PCI_COMMON_MSIX, 2, 4);
		check_eq(rd(VIRTIO_PCI_COMMON_MSIX, 2), 4);
		close_both();
	}
	early_vector = 1;
}

/* Another vCPU gives TX one of two vectors, RX one of two or none, all the time. */
static void *moves(void *done)
{
	unsigned int n;

	for (n = 0; !__atomic_load_n((bool *)done, __ATOMIC_RELAXED); n++) {
		check_eq(aim(TX, 1 + n % 2), 1 + n % 2);
		aim(RX, n % 3 ? 2 + n % 3 : NONE);
	}
	check_eq(aim(RX, 3), 3);
	printf("# %u times\n", n);
	return NULL;
}

static bool wait_either(int ms)
{
	struct pollfd p[2] = { { .fd = evil.irq[1], .events = POLLIN },
			       { .fd = evil.irq[2], .events = POLLIN } };

	return poll(p, 2, ms) > 0;
}

/* A frame is sent, and told of. */
static void sent_and_told(unsigned int n)
{
	struct vring_used_elem e;

	want_next();
	wait_eventfd(evil.irq[1], 0);
	wait_eventfd(evil.irq[2], 0);
	offer(TX, 0);
	notify(TX);
	while (!used(TX))
		check(wait_either(WAIT), "not told of frame %u", n);
	check(take(TX, &e, WAIT), "not sent");
}

void order_moving(void)
{
	__u8 set[14] = { VIRTIO_NET_CTRL_NOTF_COAL, VIRTIO_NET_CTRL_NOTF_COAL_VQ_SET, TX, 0, 0, 0,
			 7, 0, 0, 0, 90 };
	__u8 get[6] = { VIRTIO_NET_CTRL_NOTF_COAL, VIRTIO_NET_CTRL_NOTF_COAL_VQ_GET, TX };
	bool done = false;
	pthread_t thread;
	__u32 got[2];
	__u64 end;
	unsigned int n;

	open_both(COAL);
	check_eq(ctrl(set, sizeof(set), 1), VIRTIO_NET_OK);
	check(!pthread_create(&thread, NULL, moves, &done), "no thread");
	for (end = now_ms() + 500 * seconds, n = 0; now_ms() < end; n++) {
		put_frame(60, NULL, 1);
		memset(tx_buf() + HDR, 2, 6);	/* to nobody */
		sent_and_told(n);
		if (n % 16)
			continue;
		works();
		check_eq(ctrl(set, sizeof(set), 1), VIRTIO_NET_OK);
		check_eq(ctrl(get, sizeof(get), 9), VIRTIO_NET_OK);
		memcpy(got, evil.mem + AT_ACK, sizeof(got));
		check_eq(le32toh(got[0]), 7);	/* it goes with the queue */
		check_eq(le32toh(got[1]), 90);
	}
	__atomic_store_n(&done, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	printf("# %u frames\n", n);
	drain();
	if (!packed)	/* whose driver wants to hear of all, as long as it does not say */
		avail_of(RX)->ring[size[RX]] = htole16(seen[RX]);
	works();
	check(wait_eventfd(evil.irq[3], WAIT), "not told of a frame received");
	close_both();
}

/* Moderation of receive queues is not the control queue's, whichever number that has. */
void order_control(void)
{
	__u8 set[10] = { VIRTIO_NET_CTRL_NOTF_COAL, VIRTIO_NET_CTRL_NOTF_COAL_RX_SET };
	static const __u8 mode[] = { VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, 0 };
	unsigned int i, soon = 0;
	__u64 start;

	put16(set + 6, 0x1027);		/* 10000 us, the least significant byte first */
	open_both(COAL & ~F(VIRTIO_RING_F_EVENT_IDX));
	check_eq(aim(CTRL, 3), 3);
	check_eq(ctrl(set, sizeof(set), 1), VIRTIO_NET_OK);
	for (i = 0; i < 20; i++) {
		drain();
		check_eq(ctrl(mode, sizeof(mode), 1), VIRTIO_NET_OK);
		start = now_us();
		check(wait_eventfd(evil.irq[3], WAIT), "not told of an answer");
		soon += now_us() - start < 5000;
	}
	timely(soon > 10, "told of %u of 20 answers within 5 ms", soon);
	close_both();
}

/* ---- what is heard ---- */

static bool posted;	/* a buffer is there */

/* Of a frame: put it into a VLAN, 0: none. */
static void tag(__u8 *frame, unsigned int vid)
{
	if (!vid)
		return;
	put16(frame + 12, 0x8100);
	put16(frame + 14, vid);
}

/* VF 1 sends: does it arrive? */
static bool heard_in(const __u8 *to, unsigned int vid)
{
	struct vring_used_elem e;
	__u8 frame[100];

	drv_frame(&good, to, frame, sizeof(frame), 9);
	tag(frame, vid);
	if (!posted)
		post(0, 2048);
	posted = true;
	drv_send(&good, frame, sizeof(frame), 1);
	check(drv_sent(&good, WAIT), "not sent");
	while (take(RX, &e, 100)) {
		posted = memcmp(evil.mem + AT_RX_BUFS + HDR, frame, sizeof(frame));
		if (!posted)
			return true;
		post(0, 2048);
	}
	return false;
}

static bool heard(const __u8 *to)
{
	return heard_in(to, 0);
}

static void hears(bool discovery)
{
	static const __u8 groups[][6] = {
		{ 0x33, 0x33, 0, 0, 0, 1 }, { 0x33, 0x33, 0xff, 1, 2, 3 },
		{ 1, 0, 0x5e, 0, 0, 1 },
	};
	static const __u8 others[][6] = {
		{ 0x33, 0x33, 0, 0, 0, 2 }, { 0x33, 0x33, 0, 0, 0, 0xfb },
		{ 0x33, 0x33, 0xfe, 1, 2, 3 }, { 0x33, 0x32, 0xff, 1, 2, 3 },
		{ 1, 0, 0x5e, 0, 0, 2 }, { 1, 0, 0x5e, 0, 0, 0xfb },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(groups); i++)
		check_eq(heard(groups[i]), discovery);
	for (i = 0; i < ARRAY_SIZE(others); i++)
		check(!heard(others[i]), "group %u of others is heard", i);
}

void order_discovery(void)
{
	__u8 mode[] = { VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_ALLMULTI, 1 };
	static const __u8 table[2 + 4 + 4 + 6] = {
		VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, 0, 0, 0, 0, 1, 0, 0, 0,
		0x33, 0x33, 0, 0, 0, 9,
	};
	static const __u8 named[6] = { 0x33, 0x33, 0, 0, 0, 9 };

	posted = false;
	open_both(BASE);	/* it cannot say anything */
	works();
	hears(true);
	close_both();
	posted = false;
	open_both(USUAL);
	works();
	hears(false);
	check_eq(ctrl(mode, sizeof(mode), 1), VIRTIO_NET_ERR);	/* all it may not have */
	hears(true);
	check_eq(ctrl(table, sizeof(table), 1), VIRTIO_NET_OK);
	check(heard(named), "a group that was named");
	hears(true);
	mode[2] = 0;
	check_eq(ctrl(mode, sizeof(mode), 1), VIRTIO_NET_OK);
	hears(false);
	check_eq(ctrl((__u8[]) { VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, 1 }, 3, 1),
		 VIRTIO_NET_ERR);
	hears(true);
	reset();
	start(USUAL);
	works();
	posted = false;
	hears(false);
	close_both();
}

/* ---- requests by the thousand ---- */

#define VIDS	4094u	/* 1 to so many */

/* What is asked for VLAN @vid, as request @i of those that wait */
static void put_vlan(unsigned int i, __u8 cmd, unsigned int vid)
{
	const __u8 req[8] = { VIRTIO_NET_CTRL_VLAN, cmd, vid & 255, vid >> 8 };

	memcpy(evil.mem + AT_CTRL + i * sizeof(req), req, sizeof(req));
	evil.mem[AT_ACK + i] = 0xee;
	put_desc(CTRL, 2 * i, evil.iova + AT_CTRL + i * sizeof(req), 4, VRING_DESC_F_NEXT,
		 2 * i + 1);
	put_desc(CTRL, 2 * i + 1, evil.iova + AT_ACK + i, 1, VRING_DESC_F_WRITE, 0);
	offer(CTRL, 2 * i);
}

/* For all of them, as many at a time as the queue holds: ms */
static unsigned int all_vlans(__u8 cmd)
{
	__u64 start = now_ms();
	struct vring_used_elem e;
	unsigned int vid, i, n;

	for (vid = 1; vid <= VIDS; vid += n) {
		n = VIDS + 1 - vid < SIZE / 2 ? VIDS + 1 - vid : SIZE / 2;
		for (i = 0; i < n; i++)
			put_vlan(i, cmd, vid + i);
		notify(CTRL);
		for (i = 0; i < n; i++) {
			check(take(CTRL, &e, WAIT), "no answer about VLAN %u", vid + i);
			check_eq(evil.mem[AT_ACK + i], VIRTIO_NET_OK);
		}
	}
	return now_ms() - start;
}

void order_vlans(void)
{
	unsigned int add, del;

	open_both(USUAL | F(VIRTIO_NET_F_CTRL_VLAN));
	add = all_vlans(VIRTIO_NET_CTRL_VLAN_ADD);
	del = all_vlans(VIRTIO_NET_CTRL_VLAN_DEL);
	printf("# joined in %u ms, left in %u ms\n", add, del);
	/* at 100 us each of 50 ms a second, 250 ms saved, it would be 11 s */
	timely(add + del < 5000, "%u and %u ms", add, del);
	works();
	close_both();
}

/* The same the other way */
static bool sent_in(unsigned int vid)
{
	struct vring_used_elem e;
	__u8 got[100];
	int n;

	put_frame(sizeof(got), NULL, 1);
	tag(tx_buf() + HDR, vid);
	offer(TX, 0);
	notify(TX);
	check(take(TX, &e, WAIT), "not taken");
	do
		n = drv_receive(&good, got, sizeof(got), 100);
	while (n > 0 && memcmp(got, tx_buf() + HDR, sizeof(got)));
	return n > 0;
}

static void vlan(unsigned int cmd, unsigned int vid)
{
	const __u8 req[4] = { VIRTIO_NET_CTRL_VLAN, cmd, vid & 255, vid >> 8 };

	check_eq(ctrl(req, sizeof(req), 1), VIRTIO_NET_OK);
}

/* Which of VLANs 5, 6 and none is it in?  A bit each, the same both ways */
static unsigned int member(void)
{
	static const unsigned int vids[] = { 5, 6, 0 };
	unsigned int i, bits = 0;

	for (i = 0; i < ARRAY_SIZE(vids); i++) {
		bits |= heard_in(mac, vids[i]) << i;
		check_eq(sent_in(vids[i]), bits >> i & 1);
	}
	return bits;
}

/* Who negotiates CTRL_VLAN may leave it at that; with the first request it filters. */
void order_unfiltered(void)
{
	struct vnic_mbx_vlan join = { .proto = htole16(0x8100) };
	unsigned int vid;

	open_both(USUAL | F(VIRTIO_NET_F_CTRL_VLAN));
	reg_write(&good.dev, VNIC_REG_CONTROL, VNIC_CTRL_RESET);
	good.features = F(VNIC_F_VLAN_FILTER);
	drv_start(&good);
	for (vid = 5; vid <= 6; vid++) {
		join.vid = htole16(vid);
		check_eq(drv_msg(&good, VNIC_MBX_VLAN_ADD, &join, sizeof(join), NULL, 0),
			 VNIC_MBX_OK);
	}
	works();
	posted = false;
	check_eq(member(), 7);
	vlan(VIRTIO_NET_CTRL_VLAN_ADD, 0);	/* a priority, but it filters now */
	check_eq(member(), 4);
	vlan(VIRTIO_NET_CTRL_VLAN_ADD, 6);
	check_eq(member(), 6);
	vlan(VIRTIO_NET_CTRL_VLAN_DEL, 6);
	check_eq(member(), 4);
	reset();
	start(USUAL | F(VIRTIO_NET_F_CTRL_VLAN));
	works();
	posted = false;
	check_eq(member(), 7);
	close_both();
}

/* Zero addresses are places of a table that are free; others have to be addresses. */
void order_table(void)
{
	__u8 table[2 + 4 + 3 * 6 + 4 + 2 * 6] = {
		VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, 3, 0, 0, 0,
		0, 0, 0, 0, 0, 0, 2, 0, 0, 9, 9, 9, 0, 0, 0, 0, 0, 0,
		2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0x5e, 9, 9, 9,
	};
	const __u8 *uc = table + 12, *mc = table + 34;

	open_both(USUAL);
	works();
	posted = false;
	check(!heard(uc) && !heard(mc), "heard before");
	check_eq(ctrl(table, sizeof(table), 1), VIRTIO_NET_OK);
	check(heard(uc) && heard(mc), "not heard");
	table[34] = 0;	/* no group: nothing changes */
	check_eq(ctrl(table, sizeof(table), 1), VIRTIO_NET_ERR);
	table[34] = 1;
	check(heard(uc) && heard(mc), "not heard any more");
	close_both();
}

/* ---- long chains ---- */

#define PIECES	256u

/*
 * Header and frame, as they are in the buffer, in @n pieces, as even as it goes; with
 * @spread each piece crosses a page.  @table: of a table, which has no links if packed
 */
static void put_pieces(struct vring_desc *d, unsigned int n, bool spread, bool table)
{
	__u32 len = le32toh(desc(TX)[0].len), at = 0, piece, i;
	bool links = !(table && packed);
	__u64 from;

	for (i = 0; i < n; i++, at += piece) {
		piece = (len - at) / (n - i);
		from = AT_TX_BUFS + at;
		if (spread) {	/* the last bytes of page i, and the first of the next */
			from = AT_RX_BUFS + 0x10000 + (i + 1) * 2 * 4096 - piece / 2;
			memcpy(evil.mem + from, tx_buf() + at, piece);
		}
		d[i] = (struct vring_desc) {
			htole64(evil.iova + from), htole32(piece),
			htole16(links && i < n - 1 ? VRING_DESC_F_NEXT : 0),
			htole16(links ? i + 1 : 0),
		};
	}
}

/* A frame of @len bytes in @n pieces, @table: in a table, arrives as it was. */
static void in_pieces(unsigned int len, unsigned int n, bool spread, bool table)
{
	struct vring_desc d[PIECES], *t = table ? (void *)(evil.mem + AT_TABLE) : desc(TX);

	put_frame(len, NULL, n);
	put_pieces(d, n, spread, table);
	memcpy(t, d, n * sizeof(*d));
	if (table)
		put_desc(TX, 0, evil.iova + AT_TABLE, n * sizeof(*d), VRING_DESC_F_INDIRECT, 0);
	offer(TX, 0);
	notify(TX);
	consumed(0);
	arrives(len);
}

/* All of nothing; to be lost */
static void in_pieces_of_nothing(bool table)
{
	struct vring_desc *t = table ? (void *)(evil.mem + AT_TABLE) : desc(TX);
	unsigned int i;

	put_frame(100, NULL, 0);
	for (i = 0; i < PIECES; i++)
		t[i] = (struct vring_desc) {
			htole64(evil.iova + AT_TX_BUFS), 0,
			htole16(i < PIECES - 1 && !(table && packed) ? VRING_DESC_F_NEXT : 0),
			htole16(table && packed ? 0 : i + 1),
		};
	if (table)
		put_desc(TX, 0, evil.iova + AT_TABLE, PIECES * sizeof(*t), VRING_DESC_F_INDIRECT,
			 0);
	offer(TX, 0);
	notify(TX);
	consumed(0);
	works();
}

/* A batch of long ones, of which each has the same table */
static void many_in_pieces(unsigned int n)
{
	struct vring_desc d[PIECES];
	unsigned int i;

	put_frame(1000, NULL, 1);
	put_pieces(d, PIECES, false, true);
	memcpy(evil.mem + AT_TABLE, d, sizeof(d));
	for (i = 0; i < n; i++) {
		put_desc(TX, i, evil.iova + AT_TABLE, sizeof(d), VRING_DESC_F_INDIRECT, 0);
		offer(TX, i);
	}
	notify(TX);
	for (i = 0; i < n; i++) {
		consumed(i);
		arrives(1000);
	}
}

void order_pieces(void)
{
	static const unsigned int n[] = { 36, 37, 52, 53, 64, 255, 256 };
	struct vnic_mbx_u32 mtu = { .value = htole32(9000) };
	unsigned int i, table;

	ring_size = PIECES;
	open_both(USUAL);
	check_eq(drv_msg(&good, VNIC_MBX_SET_MTU, &mtu, sizeof(mtu), NULL, 0), VNIC_MBX_OK);
	for (table = 0; table < 2; table++) {
		for (i = 0; i < ARRAY_SIZE(n); i++) {
			in_pieces(1500, n[i], false, table);
			in_pieces(9000, n[i], false, table);
		}
		in_pieces(1500, 26, true, table);	/* 52 spans, or more */
		in_pieces(1500, 36, true, table);
		in_pieces(9000, 100, true, table);
		in_pieces_of_nothing(table);
	}
	many_in_pieces(40);
	works();
	close_both();
	ring_size = SIZE;
}
