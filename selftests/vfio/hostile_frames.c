// SPDX-License-Identifier: GPL-2.0
/*
 * The hostile driver: what is in its frames, and what it asks to be done to them
 * (classes 1, 4 and 10), to the PF and to the wire.
 */
#include <arpa/inet.h>

#include "bench_tcp.h"
#include "native.h"

#define CSUM	VNIC_TXD_F_CSUM
#define TSO4	(VNIC_TXD_F_CSUM | VNIC_TXD_F_TSO4)
#define TSO6	(VNIC_TXD_F_CSUM | VNIC_TXD_F_TSO6)
#define OFFLOADS (FEATURE(TX_CSUM) | FEATURE(TX_TSO) | FEATURE(VLAN_FILTER) | \
		  FEATURE(VLAN_MAP) | FEATURE(VLAN_ALL))

/* The frame in VF 0's buffers behind a context */
static struct vnic_tx_ctx *put_ctx(__u16 flags, __u16 start, __u16 offset, __u16 gso, __u16 hdr)
{
	struct vnic_tx_ctx *ctx = (void *)put_desc(0, 0, 0);

	*ctx = (struct vnic_tx_ctx) {
		.csum_start = htole16(start),
		.csum_offset = htole16(offset),
		.gso_size = htole16(gso),
		.hdr_len = htole16(hdr),
		.flags = htole16(VNIC_TXD_F_CTX | flags),
	};
	return ctx;
}

/* ---- class 4 ---- */

static const struct {
	const char *what;
	__u16 flags, start, offset, gso, hdr;
	__u16 at, val;		/* 16 bits of the frame, changed */
} bad_tso[] = {
	{ "MSS 0", TSO4, TCP, 16, 0, HEADERS, 0, 0 },
	{ "MSS 1", TSO4, TCP, 16, 1, HEADERS, 0, 0 },
	{ "MSS 63", TSO4, TCP, 16, VNIC_GSO_MIN - 1, HEADERS, 0, 0 },
	{ "no header", TSO4, TCP, 16, 1448, 0, 0, 0 },
	{ "header too short", TSO4, TCP, 16, 1448, HEADERS - 1, 0, 0 },
	{ "header longer than the packet", TSO4, TCP, 16, 1448, TSO_LEN + 1, 0, 0 },
	{ "header of 65535", TSO4, TCP, 16, 1448, 65535, 0, 0 },
	{ "checksum outside", CSUM, TSO_LEN, 16, 0, 0, 0, 0 },
	{ "checksum at the very end", CSUM, TSO_LEN - 1, 0, 0, 0, 0, 0 },
	{ "checksum offset outside", CSUM, TCP, 65535, 0, 0, 0, 0 },
	{ "checksum far behind the headers", CSUM, TCP, 300, 0, 0, 0, 0 },
	{ "checksum in the Ethernet header", CSUM, 0, 16, 0, 0, 0, 0 },
	{ "checksum start and offset around 2^16", CSUM, 65535, 20, 0, 0, 0, 0 },
	{ "TSO without checksum", VNIC_TXD_F_TSO4, TCP, 16, 1448, HEADERS, 0, 0 },
	{ "another checksum than TCP's", TSO4, TCP, 6, 1448, HEADERS, 0, 0 },
	{ "IPv4 said to be IPv6", TSO6, TCP, 16, 1448, HEADERS, 0, 0 },
	{ "both", TSO4 | TSO6, TCP, 16, 1448, HEADERS, 0, 0 },
	{ "a size without TSO", CSUM, TCP, 16, 1448, 0, 0, 0 },
	{ "IP length of the headers", TSO4, TCP, 16, 1448, HEADERS, IP + 2, 40 },
	{ "IP length of a segment", TSO4, TCP, 16, 1448, HEADERS, IP + 2, 1488 },
	{ "IP length 0", TSO4, TCP, 16, 1448, HEADERS, IP + 2, 0 },
	{ "IP length 65535", TSO4, TCP, 16, 1448, HEADERS, IP + 2, 65535 },
	{ "IP header of 16 bytes", TSO4, TCP, 16, 1448, HEADERS, IP, 0x4400 },
	{ "a fragment", TSO4, TCP, 16, 1448, HEADERS, IP + 6, 0x2000 },
	{ "UDP", TSO4, TCP, 16, 1448, HEADERS, IP + 8, 64 << 8 | 17 },
	{ "TCP header of 16 bytes", TSO4, TCP, 16, 1448, HEADERS, TCP + 12, 0x4010 },
	{ "TCP header of 60 bytes", TSO4, TCP, 16, 1448, HEADERS, TCP + 12, 0xf010 },
	{ "unknown flags", CSUM | 1 << 9, TCP, 16, 0, 0, 0, 0 },
};

static void case_tso(void)
{
	unsigned int i, n = 0;

	bench_open(OFFLOADS);
	for (i = 0; i < 2 * ARRAY_SIZE(bad_tso); i++, n++) {
		__u8 *buf = evil.mem + AT_TX_BUFS + (evil.tx_prod + 1) % RING_SIZE * TX_BUF_SIZE;
		unsigned int k = i / 2;

		make_tcp(buf, i & 1 ? wire_mac : pf_mac, TSO_LEN);
		if (bad_tso[k].at)
			put16(buf + bad_tso[k].at, bad_tso[k].val);
		put_ctx(bad_tso[k].flags, bad_tso[k].start, bad_tso[k].offset, bad_tso[k].gso,
			bad_tso[k].hdr);
		put_desc(MEM_IOVA + (buf - evil.mem), TSO_LEN, VNIC_TXD_F_EOP);
		drv_push(&evil);
		check(drv_sent(&evil, WAIT), "%s: stands still", bad_tso[k].what);
		check(moved("vfs_tx_drop_malformed") == n + 1, "%s: not dropped", bad_tso[k].what);
	}
	put_ctx(CSUM, TCP, 16, 0, 0)->rsvd0 = htole16(1);
	put_desc(MEM_IOVA + AT_TX_BUFS, 100, VNIC_TXD_F_EOP);
	put_ctx(CSUM, TCP, 16, 0, 0)->rsvd1 = htole32(1);
	put_desc(MEM_IOVA + AT_TX_BUFS, 100, VNIC_TXD_F_EOP);
	drv_push(&evil);
	check_moved("vfs_tx_drop_malformed", n + 2);
	check_moved("vf0_tx_dropped", n + 2);
	check_silent();
	bench_close();
}

/* The same over IPv6: @gso is of @t, where TCP begins is as the headers are made */
static void send_tso6(const __u8 *dst, const struct tso6 *t)
{
	__u8 *buf = evil.mem + AT_TX_BUFS + (evil.tx_prod + 1) % RING_SIZE * TX_BUF_SIZE;
	unsigned int tcp = make_tso6(buf, dst, t);

	put_ctx(TSO6, tcp, 16, t->gso, tcp + 20);
	put_desc(MEM_IOVA + (buf - evil.mem), tso6_len(t), VNIC_TXD_F_EOP);
	drv_push(&evil);
	check(drv_sent(&evil, WAIT), "%s: stands still", t->what);
}

/* ... to another VF, the PF and the wire; what is right arrives there. */
static void case_tso6(void)
{
	const struct tso6 *t;
	unsigned int to, n = 0;
	struct drv mate;
	__u8 got[2048];

	bench_open(OFFLOADS);
	bench_mate(&mate);
	for (to = 0; to < 3; to++) {
		const __u8 *dst = to == 0 ? mate.caps.mac : to == 1 ? pf_mac : wire_mac;
		unsigned int tcp;

		for (t = bad_tso6; t->what; t++) {
			send_tso6(dst, t);
			check(moved("vfs_tx_drop_malformed") == ++n, "%s: not dropped", t->what);
		}
		check_silent();
		check(drv_receive(&mate, got, sizeof(got), 0) < 0, "something reaches VF 3");
		for (t = good_tso6; t->what; t++) {
			send_tso6(dst, t);
			tcp = IP + 40 + t->exts * t->size;
			tcp_arrives(to ? NULL : &mate, to == 1 ? pf_sock : wire_sock,
				    tso6_len(t) - tcp - 20);
		}
	}
	check_moved("vfs_tx_drop_malformed", n);
	check_moved("vf0_tx_dropped", n);
	vdev_close(&mate.dev);
	bench_close();
}

static void put_tso(const __u8 *dst, unsigned int len, __u16 gso)
{
	__u8 *buf = evil.mem + AT_TX_BUFS;

	make_tcp(buf, dst, len);
	put_ctx(gso ? TSO4 : CSUM, TCP, 16, gso, gso ? HEADERS : 0);
	put_desc(MEM_IOVA + AT_TX_BUFS, len, VNIC_TXD_F_EOP);
	drv_push(&evil);
	check(drv_sent(&evil, WAIT), "stands still");
}

/* What is longer on the wire than the MTU is lost at the port that it is for. */
static void case_oversize(void)
{
	static struct out o;
	unsigned int i;

	bench_open(OFFLOADS);
	for (i = 0; i < 2; i++) {
		const __u8 *dst = i ? wire_mac : pf_mac;
		const char *lost = i ? "uplink_rx_drop_oversize" : "rx_drop_oversize";

		put_frame(dst, 1515);
		drv_push(&evil);
		check_moved(lost, 1);
		put_tso(dst, 9000, 1461);
		check_moved(lost, 1 + 7);	/* counted as segments */
		put_tso(dst, 9000, 8000);
		check_moved(lost, 1 + 7 + 2);
		check_silent();
		put_tso(dst, 9000, 1460);
		check(comes_out(i ? wire_sock : pf_sock, &o, WAIT), "it does not arrive");
		check_eq(o.len, 9000);
		check_tcp(&o);
		put_tso(dst, 900, 0);
		check(comes_out(i ? wire_sock : pf_sock, &o, WAIT), "it does not arrive");
		check_tcp(&o);
	}
	bench_close();
}

/* ---- class 1 ---- */

/* Right at one call and wrong at the next: a thread that is preempted leaves either. */
static void flip_length(void *arg)
{
	__u16 *len = (void *)((__u8 *)arg + IP + 2);

	__atomic_fetch_xor(len, htons(40) ^ htons(TSO_LEN - IP), __ATOMIC_SEQ_CST);
}

/* There have been frames of both kinds, and at least so many rounds. */
static bool enough(unsigned int rounds, unsigned int least, unsigned int arrived,
		   const char *dropped, __u64 end)
{
	return rounds >= least && ((arrived && moved(dropped)) || now_ms() > end);
}

/* How long another may take to come out while so many have not: they are there, or counted lost. */
static int rest_ms(__u64 missing, const char *dropped)
{
	return moved(dropped) < missing ? WAIT : QUIET;
}

/* The length in the IP header changes while the frame is looked at and copied. */
static void case_tso_rewritten(void)
{
	unsigned int i, j, whole = 0, each = RING_SIZE / 4;
	__u8 *buf = evil.mem;
	static struct out o;
	__u64 end;

	bench_open(OFFLOADS);
	end = now_ms() + WAIT * bench_slow;
	buf = evil.mem + AT_TX_BUFS;
	make_tcp(buf, wire_mac, TSO_LEN);
	meanwhile(flip_length, buf);
	for (i = 0; !enough(i, 40, whole, "vfs_tx_drop_malformed", end); i++) {
		for (j = 0; j < each; j++) {
			put_ctx(TSO4, TCP, 16, 1448, HEADERS);
			put_desc(MEM_IOVA + AT_TX_BUFS, TSO_LEN, VNIC_TXD_F_EOP);
		}
		drv_push(&evil);
		check(drv_sent(&evil, WAIT), "stands still");
		while (comes_out(wire_sock, &o, 0)) {
			check_tcp(&o);
			whole++;
		}
	}
	meanwhile_stop();
	while (comes_out(wire_sock, &o,
			 rest_ms(i * each - whole, "vfs_tx_drop_malformed"))) {
		check_tcp(&o);
		whole++;
	}
	printf("# %u of %u arrived\n", whole, i * each);
	check(whole && whole < i * each, "nothing was rewritten in time");
	check_moved("vfs_tx_drop_malformed", i * each - whole);
	bench_close();
}

static void flip_source(void *arg)
{
	__atomic_fetch_xor((__u8 *)arg + 11, 1, __ATOMIC_SEQ_CST);
}

/* The source address changes all the time: what was checked is what is sent. */
static void case_headers(void)
{
	unsigned int to, i, j, got, all = 0, arrived = 0;
	static struct out o;
	__u64 end;
	__u8 *buf;

	bench_open(0);
	end = now_ms() + WAIT * bench_slow;
	buf = evil.mem + AT_TX_BUFS;
	for (to = 0; to < 2; to++) {
		int sock = to ? wire_sock : pf_sock;

		drv_frame(&evil, to ? wire_mac : pf_mac, buf, 1000, 1);
		meanwhile(flip_source, buf);
		for (i = 0; !enough(i, 15, arrived, "vfs_tx_drop_spoof", end); i++) {
			all += RING_SIZE;
			for (j = 0; j < RING_SIZE; j++)
				put_desc(MEM_IOVA + AT_TX_BUFS, 1000, VNIC_TXD_F_EOP);
			drv_push(&evil);
			check(drv_sent(&evil, WAIT), "stands still");
			for (got = 0; comes_out(sock, &o, 0); got++, arrived++)
				check(!memcmp(o.frame + 6, evil.caps.mac, 6),
				      "from another address than was checked");
		}
		meanwhile_stop();
		for (; comes_out(sock, &o, rest_ms(all - arrived, "vfs_tx_drop_spoof")); arrived++)
			check(!memcmp(o.frame + 6, evil.caps.mac, 6), "from another address");
	}
	printf("# %u of %u arrived\n", arrived, all);
	check(arrived && arrived < all, "nothing was rewritten in time");
	check_moved("vfs_tx_drop_spoof", all - arrived);
	check_moved("vf0_tx_dropped", all - arrived);
	bench_close();
}

/* ---- class 10 ---- */

static void expect_lost(__u8 *frame, size_t len, const char *why, __u64 *n)
{
	drv_send(&evil, frame, len, 1);
	check(drv_sent(&evil, WAIT), "stands still");
	check_moved(why, ++*n);
}

/* Sources that are not its own, tags that are not, to PF and wire */
static void case_sources(void)
{
	static const __u8 src[][6] = {
		{ 2, 0, 0, 0, 0, 0x55 }, { 1, 0, 0x5e, 0, 0, 1 }, { 0x33, 0x33, 0, 0, 0, 1 },
		{ 255, 255, 255, 255, 255, 255 }, { 0, 0, 0, 0, 0, 0 },
	};
	/* tags, the outer one first; 0x88a8 is the other protocol */
	static const __u16 tags[][4] = {
		{ 0x8100, 0, 0x8100, 5 }, { 0x8100, 5, 0x8100, 6 }, { 0x88a8, 5, 0x8100, 6 },
		{ 0x8100, 0xe000, 0x88a8, 0 }, { 0x88a8, 0, 0x8100, 0xfff },
		{ 0x8100, 0xfff, 0, 0 }, { 0x88a8, 0xfff, 0, 0 },
		{ 0x8100, 0xffff, 0x8100, 0xffff }, { 0x8100, 77, 0, 0 },
	};
	__u64 spoof = 0, vlan = 0, control = 0;
	__u8 frame[100];
	unsigned int i, to;

	bench_open(OFFLOADS);
	for (to = 0; to < 2; to++) {
		const __u8 *dst = to ? wire_mac : pf_mac;

		for (i = 0; i < ARRAY_SIZE(src); i++) {
			drv_frame(&evil, dst, frame, sizeof(frame), i);
			memcpy(frame + 6, src[i], 6);
			expect_lost(frame, sizeof(frame), "vfs_tx_drop_spoof", &spoof);
		}
		for (i = 0; i < ARRAY_SIZE(tags); i++) {
			drv_frame(&evil, dst, frame, sizeof(frame), i);
			put16(frame + 12, tags[i][0]);
			put16(frame + 14, tags[i][1]);
			put16(frame + 16, tags[i][2] ? tags[i][2] : 0x88b5);
			put16(frame + 18, tags[i][3]);
			expect_lost(frame, sizeof(frame), "vfs_tx_drop_vlan", &vlan);
		}
		for (i = 0; i < 2; i++) {
			drv_frame(&evil, dst, frame, sizeof(frame), i);
			put16(frame + 12, i ? 0x8808 : 0x88cc);
			expect_lost(frame, sizeof(frame), "vfs_tx_drop_control", &control);
		}
	}
	check_moved("vf0_tx_dropped", spoof + vlan + control);
	check_silent();
	bench_close();
}

static int vlan(__u16 opcode, __u16 vid, __u16 proto)
{
	struct vnic_mbx_vlan msg = { .vid = htole16(vid), .proto = htole16(proto) };

	return drv_msg(&evil, opcode, &msg, sizeof(msg), NULL, 0);
}

/* In place of all others: one */
static int vlans(__u16 proto, unsigned int word, unsigned int bit)
{
	struct vnic_mbx_vlans msg = { .proto = htole16(proto) };

	msg.map[word] = htole64(1ull << bit);
	return drv_msg(&evil, VNIC_MBX_SET_VLANS, &msg, sizeof(msg), NULL, 0);
}

static int rx_mode(__u32 flags, unsigned int num_uc, unsigned int num_mc, const __u8 *first)
{
	__u8 msg[VNIC_MBX_REQ_MAX] = {}, *addr = msg + sizeof(struct vnic_mbx_rx_mode);
	struct vnic_mbx_rx_mode *m = (void *)msg;
	unsigned int i;

	m->flags = htole32(flags);
	m->num_uc = htole16(num_uc);
	m->num_mc = htole16(num_mc);
	for (i = 0; i < num_uc + num_mc; i++, addr += 6) {
		memcpy(addr, (__u8[6]) { i < num_uc ? 2 : 3, 0, 0, 0x77, 0, i }, 6);
		if (!i && first)
			memcpy(addr, first, 6);
	}
	return drv_msg(&evil, VNIC_MBX_SET_RX_MODE, msg, addr - msg, NULL, 0);
}

static int set_mac(const __u8 *mac)
{
	struct vnic_mbx_mac msg = {};

	memcpy(msg.mac, mac, 6);
	return drv_msg(&evil, VNIC_MBX_SET_MAC, &msg, sizeof(msg), NULL, 0);
}

/* Addresses and VLANs that it may not have, or not so many of */
static void case_filters(void)
{
	static struct drv mate;
	__u8 theirs[6];

	bench_open(OFFLOADS);
	bench_mate(&mate);
	memcpy(theirs, mate.caps.mac, 6);
	check_eq(set_mac(theirs), VNIC_MBX_E_INUSE);
	check_eq(set_mac(pf_mac), VNIC_MBX_E_INUSE);
	check_eq(set_mac((__u8[6]) { 1, 0, 0x5e, 0, 0, 1 }), VNIC_MBX_E_INVAL);
	check_eq(set_mac((__u8[6]) {}), VNIC_MBX_E_INVAL);
	check_eq(rx_mode(0, 1, 0, theirs), VNIC_MBX_E_INUSE);
	check_eq(rx_mode(0, 1, 0, pf_mac), VNIC_MBX_E_INUSE);
	check_eq(rx_mode(0, 1, 0, (__u8[6]) { 3 }), VNIC_MBX_E_INVAL);
	check_eq(rx_mode(0, 17, 0, NULL), VNIC_MBX_E_NOSPC);
	check_eq(rx_mode(0, 16, 0, NULL), VNIC_MBX_OK);
	check_eq(rx_mode(0, 0, 65, NULL), VNIC_MBX_E_NOSPC);
	check_eq(rx_mode(0, 0, 64, NULL), VNIC_MBX_OK);
	check_eq(rx_mode(0, 200, 57, NULL), VNIC_MBX_E_NOSPC);
	check_eq(rx_mode(VNIC_RX_MODE_PROMISC, 0, 0, NULL), VNIC_MBX_E_PERM);
	check_eq(rx_mode(VNIC_RX_MODE_ALLMULTI, 0, 0, NULL), VNIC_MBX_E_PERM);
	check_eq(rx_mode(VNIC_RX_MODE_ALLCTAG, 0, 0, NULL), VNIC_MBX_E_PERM);
	check_eq(rx_mode(VNIC_RX_MODE_ALLSTAG, 0, 0, NULL), VNIC_MBX_E_PERM);
	check_eq(rx_mode(1 << 4, 0, 0, NULL), VNIC_MBX_E_INVAL);
	check_eq(vlans(0x8100, 0, 0), VNIC_MBX_E_INVAL);
	check_eq(vlans(0x8100, 63, 63), VNIC_MBX_E_INVAL);
	check_eq(vlans(0x9100, 1, 1), VNIC_MBX_E_INVAL);
	check_eq(vlans(0x88a8, 63, 62), VNIC_MBX_OK);
	check_eq(vlan(VNIC_MBX_VLAN_ADD, 0, 0x8100), VNIC_MBX_E_INVAL);
	check_eq(vlan(VNIC_MBX_VLAN_ADD, 4095, 0x8100), VNIC_MBX_E_INVAL);
	check_eq(vlan(VNIC_MBX_VLAN_ADD, 0xffff, 0x8100), VNIC_MBX_E_INVAL);
	check_eq(vlan(VNIC_MBX_VLAN_ADD, 5, 0x9100), VNIC_MBX_E_INVAL);
	check_eq(vlan(VNIC_MBX_VLAN_DEL, 4095, 0x8100), VNIC_MBX_E_INVAL);
	check_refused(23);
	/* what was claimed in vain stays with its owner */
	from_wire_to(theirs, 100, 1);
	check_moved("vf3_rx_packets", 1);
	check_moved("vf0_rx_packets", 0);
	vdev_close(&mate.dev);
	bench_close();
}

const struct hostile_case frame_cases[] = {
	{ 1, "headers", case_headers, "headers rewritten after the source check" },
	{ 1, "tso_rewritten", case_tso_rewritten, "headers rewritten after TSO was checked" },
	{ 4, "tso", case_tso, "offloads that the headers do not bear out are dropped" },
	{ 4, "tso6", case_tso6, "the same over IPv6, also behind extension headers" },
	{ 4, "oversize", case_oversize, "nothing longer than the MTU leaves, as segments neither" },
	{ 10, "sources", case_sources, "foreign sources, two tags, VLAN 4095, control frames" },
	{ 10, "filters", case_filters, "claimed addresses, too many filters, modes, VLANs" },
	{}
};
