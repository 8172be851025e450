// SPDX-License-Identifier: GPL-2.0
/*
 * The hostile virtio driver: descriptors that change, and what it asks to be done to its
 * frames (classes 1 and 4), to another VF, the PF and the wire.
 */
#include "bench_tcp.h"
#include "vhostile.h"

#define LONG	1500u
#define EACH	32u
#define CSUM	VIRTIO_NET_HDR_F_NEEDS_CSUM
#define TSO4	VIRTIO_NET_HDR_GSO_TCPV4
#define TSO6	VIRTIO_NET_HDR_GSO_TCPV6
#define USO	VIRTIO_NET_HDR_GSO_UDP_L4

/* A TCP packet of @len bytes to @dst behind a header */
static void put_tcp(const __u8 *dst, unsigned int len, const struct virtio_net_hdr_v1 *hdr)
{
	put_frame_to(dst, len);
	memcpy(tx_buf(), hdr, HDR);
	make_tcp(tx_buf() + HDR, dst, len);
}

/* One that is to be segmented, with what it may say of its headers' length */
static void put_tso(const __u8 *dst, __u16 hdr_len)
{
	const struct virtio_net_hdr_v1 hdr = {
		.flags = CSUM, .gso_type = TSO4, .gso_size = htole16(1448),
		.hdr_len = htole16(hdr_len), .csum_start = htole16(TCP),
		.csum_offset = htole16(16),
	};

	put_tcp(dst, TSO_LEN, &hdr);
}

/* ---- class 1 ---- */

/* Two frames, and descriptors that lead now to one, now to the other */
static void flip_desc(void *arg)
{
	static unsigned int n;
	unsigned int i = n++ % SIZE, second = n / 3 & 1;
	struct vring_desc *d = live(TX, i);

	(void)arg;
	__atomic_store_n(&d->addr, htole64(MEM_IOVA + AT_TX_BUFS + second * PAGE),
			 __ATOMIC_RELAXED);
	__atomic_store_n(&d->len, htole32(HDR + (second ? LONG : 100)), __ATOMIC_RELAXED);
}

/* Each frame that leaves is one that lay in a buffer, of one of the lengths. */
static void case_descriptors(void)
{
	unsigned int i, j, rounds = 60;
	struct vring_used_elem e;
	static struct out o;
	__u8 *buf;

	vopen(USUAL);
	buf = tx_buf();
	memset(buf, 0, 2 * PAGE);
	drv_frame(&evil, wire_mac, buf + HDR, LONG, 1);
	drv_frame(&evil, wire_mac, buf + PAGE + HDR, LONG, 2);
	for (i = 0; i < SIZE; i++)
		put_desc(TX, i, evil.iova + AT_TX_BUFS, HDR + LONG, 0, 0);
	meanwhile(flip_desc, NULL);
	for (i = 0; i < rounds; i++) {
		for (j = 0; j < EACH; j++)
			offer(TX, i % 2 * EACH + j);
		notify(TX);
		for (j = 0; j < EACH; j++)
			check(take(TX, &e, WAIT), "stands still; status %#x", status());
		for (j = 0; j < EACH && comes_out(wire_sock, &o, WAIT); j++) {
			check(o.len == 100 || o.len == (int)LONG, "%d bytes", o.len);
			check(!memcmp(o.frame, buf + HDR, o.len) ||
			      !memcmp(o.frame, buf + PAGE + HDR, o.len),
			      "%d bytes that were in no buffer", o.len);
		}
		check_eq(j, EACH);
	}
	meanwhile_stop();
	check_moved("vf0_tx_packets", rounds * EACH);
	check_moved("vf0_tx_dropped", 0);
	/* one that leads to nothing, once it has been rung for */
	put_desc(TX, 0, MEM_IOVA + 2 * MEM_SIZE, 112, 0, 0);
	offer(TX, 0);
	notify(TX);
	check_stopped("TX buffer not accessible");
	vclose();
}

/* Descriptor 0 as often as a batch has frames, and how many arrive at once */
static unsigned int send_batch(int sock, void (*judge)(const struct out *o))
{
	struct vring_used_elem e;
	static struct out o;
	unsigned int j, n = 0;

	for (j = 0; j < EACH; j++) {
		desc(TX)[j] = *desc(TX);
		offer(TX, j);
	}
	notify(TX);
	for (j = 0; j < EACH; j++)
		check(take(TX, &e, WAIT), "stands still; status %#x", status());
	for (; comes_out(sock, &o, 0); n++)
		judge(&o);
	return n;
}

/* What was put changes all the time: it arrives as @judge has it, or is lost, as @dropped says. */
static void rewritten(int sock, void (*flip)(void *arg), void (*judge)(const struct out *o),
		      const char *dropped)
{
	__u64 had = moved(dropped), end = 0;
	unsigned int i, whole = 0;
	static struct out o;

	meanwhile(flip, tx_buf());
	for (i = 0; i < 60 || !whole || moved(dropped) == had; i++) {
		if (i < 60)	/* these are done, however long they take */
			end = now_ms() + WAIT * bench_slow;
		check(now_ms() < end, "nothing was rewritten in time: %u arrived", whole);
		whole += send_batch(sock, judge);
	}
	meanwhile_stop();
	/* all that were not lost, and what else there is */
	for (; comes_out(sock, &o, moved(dropped) - had + whole < i * EACH ? WAIT : QUIET); whole++)
		judge(&o);
	printf("# %u of %u arrived\n", whole, i * EACH);
	check_moved(dropped, had + i * EACH - whole);
}

static void flip_source(void *arg)
{
	__atomic_fetch_xor((__u8 *)arg + HDR + 11, 1, __ATOMIC_SEQ_CST);
}

static void own_source(const struct out *o)
{
	check(!memcmp(o->frame + 6, evil.caps.mac, 6), "from another address than was checked");
	check_eq(o->len, 1000);
}

/* The source address changes all the time: what was checked is what is sent. */
static void case_headers(void)
{
	vopen(USUAL);
	put_frame_to(pf_mac, 1000);
	rewritten(pf_sock, flip_source, own_source, "vfs_tx_drop_spoof");
	put_frame_to(wire_mac, 1000);
	rewritten(wire_sock, flip_source, own_source, "vfs_tx_drop_spoof");
	check_moved("vf0_tx_dropped", moved("vfs_tx_drop_spoof"));
	vclose();
}

/* A kind that was not negotiated, a checksum outside, no checksum: in turns with what is right */
static void flip_hdr(void *arg)
{
	struct virtio_net_hdr_v1 *hdr = arg;
	static unsigned int n;

	switch (n++ % 6) {
	case 0:
	case 1:
		__atomic_fetch_xor(&hdr->gso_type, VIRTIO_NET_HDR_GSO_TCPV4 ^
				   VIRTIO_NET_HDR_GSO_TCPV6, __ATOMIC_SEQ_CST);
		break;
	case 2:
	case 3:
		__atomic_fetch_xor(&hdr->csum_start, htole16(TCP ^ 0xffff), __ATOMIC_SEQ_CST);
		break;
	default:
		__atomic_fetch_xor(&hdr->flags, VIRTIO_NET_HDR_F_NEEDS_CSUM, __ATOMIC_SEQ_CST);
	}
}

static void whole_tcp(const struct out *o)
{
	check_tcp(o);
}

/* The header in front of the frame changes: it is read once. */
static void case_hdr_rewritten(void)
{
	vopen(USUAL);
	put_tso(wire_mac, HEADERS);
	rewritten(wire_sock, flip_hdr, whole_tcp, "vfs_tx_drop_malformed");
	put_tso(pf_mac, HEADERS);
	rewritten(pf_sock, flip_hdr, whole_tcp, "vfs_tx_drop_malformed");
	check_moved("vf0_tx_dropped", moved("vfs_tx_drop_malformed"));
	vclose();
}

static unsigned int under_way;

/* Not more than the ring has, however long the device takes */
static void bursts(void *arg)
{
	struct vring_used_elem e;

	(void)arg;
	if (!under_way) {
		for (; under_way < EACH; under_way++)
			offer(TX, under_way);
		notify(TX);
	}
	while (under_way && take(TX, &e, 100))
		under_way--;
}

/* What is unmapped while it is being sent: nothing of what is there then leaves. */
static void case_unmap_copy(void)
{
	__u8 *mem = get_memory(4 * PAGE), frame[LONG];
	static struct out o;
	unsigned int i, round;

	vopen(USUAL);
	drv_frame(&evil, wire_mac, frame, LONG, 1);
	for (round = 0; round < 3; round++) {
		for (i = 0; i < 4; i++) {
			memset(mem + i * PAGE, 0, HDR);
			memcpy(mem + i * PAGE + HDR, frame, LONG);
		}
		check_eq(vdev_map(&evil.dev, ELSEWHERE, mem, 4 * PAGE), 0);
		for (i = 0; i < EACH; i++)
			put_desc(TX, i, ELSEWHERE + i % 4 * PAGE, HDR + LONG, 0, 0);
		under_way = 0;
		meanwhile(bursts, NULL);
		for (i = 0; i < 300 + round * 37; i++)
			check(comes_out(wire_sock, &o, WAIT), "nothing comes");
		check_eq(vdev_unmap(&evil.dev, ELSEWHERE, 4 * PAGE), 0);
		memset(mem, 0x5a, 4 * PAGE);
		check(bench_kind->failed(), "sends from memory that is unmapped");
		meanwhile_stop();
		while (comes_out(wire_sock, &o, 0))
			check(o.len == (int)LONG && !memcmp(o.frame, frame, LONG),
			      "what was there after unmap has left");
		check_stopped("TX buffer not accessible");
	}
	vclose();
}

/* ---- class 4 ---- */

static const struct {
	const char *what;
	__u8 flags, type;
	__u16 start, offset, gso;
	__u16 at, val;		/* 16 bits of the frame, changed */
	__u16 len;		/* of the frame; 0: TSO_LEN */
} bad_tso[] = {
	{ "MSS 0", CSUM, TSO4, TCP, 16, 0, 0, 0, 0 },
	{ "MSS 1", CSUM, TSO4, TCP, 16, 1, 0, 0, 0 },
	{ "MSS 63", CSUM, TSO4, TCP, 16, VNIC_GSO_MIN - 1, 0, 0, 0 },
	{ "checksum outside", CSUM, 0, TSO_LEN, 16, 0, 0, 0, 0 },
	{ "checksum at the very end", CSUM, 0, TSO_LEN - 1, 0, 0, 0, 0, 0 },
	{ "checksum offset outside", CSUM, 0, TCP, 65535, 0, 0, 0, 0 },
	{ "checksum far behind the headers", CSUM, 0, TCP, 300, 0, 0, 0, 0 },
	{ "checksum in the Ethernet header", CSUM, 0, 0, 16, 0, 0, 0, 0 },
	{ "checksum start and offset around 2^16", CSUM, 0, 65535, 20, 0, 0, 0, 0 },
	{ "TSO without checksum", 0, TSO4, TCP, 16, 1448, 0, 0, 0 },
	{ "another checksum than TCP's", CSUM, TSO4, TCP, 6, 1448, 0, 0, 0 },
	{ "not negotiated", CSUM, TSO6, TCP, 16, 1448, 0, 0, 0 },
	{ "datagrams, not negotiated", CSUM, USO, TCP, 6, 1448, 0, 0, 0 },
	{ "fragments", CSUM, VIRTIO_NET_HDR_GSO_UDP, TCP, 16, 1448, 0, 0, 0 },
	{ "a kind that there is not", CSUM, 0x7f, TCP, 16, 1448, 0, 0, 0 },
	{ "IP length of the headers", CSUM, TSO4, TCP, 16, 1448, IP + 2, 40, 0 },
	{ "IP length 0", CSUM, TSO4, TCP, 16, 1448, IP + 2, 0, 0 },
	{ "IP length 65535", CSUM, TSO4, TCP, 16, 1448, IP + 2, 65535, 0 },
	{ "IP header of 16 bytes", CSUM, TSO4, TCP, 16, 1448, IP, 0x4400, 0 },
	{ "a fragment", CSUM, TSO4, TCP, 16, 1448, IP + 6, 0x2000, 0 },
	{ "UDP", CSUM, TSO4, TCP, 16, 1448, IP + 8, 64 << 8 | 17, 0 },
	{ "TCP header of 16 bytes", CSUM, TSO4, TCP, 16, 1448, TCP + 12, 0x4010, 0 },
	{ "IP header of 60 bytes", CSUM, TSO4, TCP, 16, 1448, IP, 0x4f00, 0 },
	{ "TCP header longer than the packet", CSUM, TSO4, TCP, 16, 1448, TCP + 12, 0xf010, 80 },
};

static void put_bad(const __u8 *dst, unsigned int i)
{
	struct virtio_net_hdr_v1 hdr = {
		.flags = bad_tso[i].flags, .gso_type = bad_tso[i].type,
		.hdr_len = htole16(HEADERS), .gso_size = htole16(bad_tso[i].gso),
		.csum_start = htole16(bad_tso[i].start),
		.csum_offset = htole16(bad_tso[i].offset),
	};

	put_tcp(dst, bad_tso[i].len ?: TSO_LEN, &hdr);
	if (bad_tso[i].at)
		put16(tx_buf() + HDR + bad_tso[i].at, bad_tso[i].val);
}

/* What is right but for hdr_len, which is a hint, is whole where it arrives. */
static void passes(const __u8 *dst, int sock, __u16 hdr_len)
{
	unsigned int i, segs = sock < 0 ? (TSO_LEN - HEADERS + 1447) / 1448 : 1;
	static struct out o;

	put_tso(dst, hdr_len);
	send_it();
	for (i = 0; i < segs; i++) {
		memset(&o, 0, sizeof(o));
		if (sock < 0)	/* VF 3 takes no segments */
			o.len = drv_receive(&good, o.frame, sizeof(o.frame), WAIT);
		else
			check(comes_out(sock, &o, WAIT), "what is right does not arrive");
		check(o.len > 0, "segment %u does not arrive", i);
		check_tcp(&o);
	}
}

/* The same over IPv6 */
static void send_tso6(const __u8 *dst, const struct tso6 *t)
{
	struct virtio_net_hdr_v1 hdr = {
		.flags = CSUM, .gso_type = TSO6, .gso_size = htole16(t->gso),
		.csum_offset = htole16(16),
	};
	unsigned int tcp;

	put_frame_to(dst, tso6_len(t));
	tcp = make_tso6(tx_buf() + HDR, dst, t);
	hdr.hdr_len = htole16(tcp + 20);
	hdr.csum_start = htole16(tcp);
	memcpy(tx_buf(), &hdr, HDR);
	send_it();
}

static void case_tso6(void)
{
	const struct tso6 *t;
	unsigned int to, n = 0;
	__u8 got[2048];

	vopen(USUAL | F(VIRTIO_NET_F_HOST_TSO6));
	for (to = 0; to < 3; to++) {
		const __u8 *dst = to == 0 ? good.caps.mac : to == 1 ? pf_mac : wire_mac;
		unsigned int tcp;

		for (t = bad_tso6; t->what; t++) {
			send_tso6(dst, t);
			check(moved("vfs_tx_drop_malformed") == ++n, "%s: not dropped", t->what);
		}
		check_silent();
		check(drv_receive(&good, got, sizeof(got), 0) < 0, "something reaches VF 3");
		for (t = good_tso6; t->what; t++) {
			send_tso6(dst, t);
			tcp = IP + 40 + t->exts * t->size;
			tcp_arrives(to ? NULL : &good, to == 1 ? pf_sock : wire_sock,
				    tso6_len(t) - tcp - 20);
		}
	}
	check_moved("vfs_tx_drop_malformed", n);
	check_moved("vf0_tx_dropped", n);
	vclose();
}

static void case_tso(void)
{
	static const __u16 hint[] = { HEADERS, 0, HEADERS - 1, TSO_LEN + 1, 65535 };
	static __u8 got[2048];
	unsigned int to, i, n = 0;

	vopen(USUAL);
	for (to = 0; to < 3; to++) {
		const __u8 *dst = to == 0 ? good.caps.mac : to == 1 ? pf_mac : wire_mac;

		for (i = 0; i < ARRAY_SIZE(bad_tso); i++, n++) {
			put_bad(dst, i);
			send_it();
			check(moved("vfs_tx_drop_malformed") == n + 1, "%s: not dropped",
			      bad_tso[i].what);
		}
		check_silent();
		check(drv_receive(&good, got, sizeof(got), 0) < 0, "something reaches VF 3");
		for (i = 0; i < ARRAY_SIZE(hint); i++)
			passes(dst, to == 0 ? -1 : to == 1 ? pf_sock : wire_sock, hint[i]);
	}
	check_moved("vfs_tx_drop_malformed", n);
	check_moved("vf0_tx_dropped", n);
	vclose();
}

/* ---- class 10 ---- */

static int set_mac(const __u8 *to)
{
	__u8 req[8] = { VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET };

	memcpy(req + 2, to, 6);
	return ctrl(req, sizeof(req), 1);
}

/* @first: in the place of the first of those that follow, of which are @uc and @mc */
static int set_table(unsigned int uc, unsigned int mc, const __u8 *first)
{
	__u8 req[2 + 8 + 200 * 6] = { VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, uc };
	__u8 *at = req + 6;
	unsigned int i;

	for (i = 0; i < uc + mc; i++, at += 6) {
		if (i == uc) {
			*at = mc;
			at += 4;
		}
		memcpy(at, (__u8[6]) { i < uc ? 2 : 3, 0, 0, 0x77, 0, i }, 6);
		if (!i && first)
			memcpy(at, first, 6);
	}
	return ctrl(req, mc ? at - req : at + 4 - req, 1);
}

static int vlan(__u8 cmd, __u16 vid)
{
	return ctrl((__u8[]) { VIRTIO_NET_CTRL_VLAN, cmd, vid, vid >> 8 }, 4, 1);
}

/* From the wire to a filter of VF 0's: is it there? */
static void check_filter(unsigned int i, bool there)
{
	static __u8 got[2048];
	__u64 had = moved("vf0_rx_packets");

	bench_kind->expect();
	from_wire_to((__u8[6]) { 2, 0, 0, 0x77, 0, i }, 200, i);
	from_wire(300, i);
	if (there)
		check_eq(bench_kind->receive(got, sizeof(got)), 200);
	if (there)
		bench_kind->expect();
	check_eq(bench_kind->receive(got, sizeof(got)), 300);
	check_moved("vf0_rx_packets", had + 1 + there);
}

/* Addresses and VLANs that it may not have, or not so many of; refused, and nothing changes */
static void case_filters(void)
{
	static const __u8 group[6] = { 1, 0, 0x5e, 0, 0, 1 }, none[6];
	static struct out o;
	unsigned int i, n = 0;
	__u8 theirs[6];
	__u64 had;

	vopen(USUAL | F(VIRTIO_NET_F_CTRL_MAC_ADDR) | F(VIRTIO_NET_F_CTRL_VLAN));
	memcpy(theirs, good.caps.mac, 6);
	check_eq(set_table(16, 64, NULL), VIRTIO_NET_OK);
	check_filter(15, true);
	for (i = 0; i < 4; i++, n++)
		check_eq(set_mac(i == 0 ? theirs : i == 1 ? pf_mac : i == 2 ? group : none),
			 VIRTIO_NET_ERR);
	for (i = 0; i < 6; i++)		/* their configuration says so, too */
		check_eq(rd(DEVICE + i, 1), evil.caps.mac[i]);
	for (i = 0; i < 3; i++, n++)
		check_eq(set_table(1, 0, i == 0 ? theirs : i == 1 ? pf_mac : group),
			 VIRTIO_NET_ERR);
	check_eq(set_table(17, 0, NULL), VIRTIO_NET_ERR);
	check_eq(set_table(0, 65, NULL), VIRTIO_NET_ERR);
	check_eq(set_table(0, 1, theirs), VIRTIO_NET_ERR);	/* is no group */
	check_eq(set_table(100, 57, NULL), VIRTIO_NET_ERR);	/* and too many of both */
	check_eq(vlan(VIRTIO_NET_CTRL_VLAN_ADD, 4095), VIRTIO_NET_ERR);
	check_eq(vlan(VIRTIO_NET_CTRL_VLAN_ADD, 0xffff), VIRTIO_NET_ERR);
	check_eq(vlan(VIRTIO_NET_CTRL_VLAN_DEL, 4095), VIRTIO_NET_ERR);
	check_eq(vlan(VIRTIO_NET_CTRL_VLAN_DEL, 4096 + 5), VIRTIO_NET_ERR);
	n += 8;
	check_eq(vlan(VIRTIO_NET_CTRL_VLAN_ADD, 0), VIRTIO_NET_OK);	/* a priority */
	check_eq(vlan(VIRTIO_NET_CTRL_VLAN_ADD, 4094), VIRTIO_NET_OK);
	check_refused(n);
	check_filter(15, true);		/* what was allowed before */
	check_filter(16, false);
	/* what was claimed in vain stays with its owner */
	had = moved("vf0_rx_packets");
	from_wire_to(theirs, 100, 1);
	check_moved("vf3_rx_packets", 1);
	from_wire_to(pf_mac, 100, 1);
	check(comes_out(pf_sock, &o, WAIT) && o.len == 100, "nothing reaches the PF");
	check_moved("vf0_rx_packets", had);
	vclose();
}

const struct hostile_case vframe_cases[] = {
	{ 1, "descriptors", case_descriptors, "descriptors rewritten after the notification" },
	{ 1, "packed-descriptors", case_descriptors, "the same with packed rings" },
	{ 1, "headers", case_headers, "source addresses rewritten after the notification" },
	{ 1, "hdr_rewritten", case_hdr_rewritten, "virtio headers rewritten after it" },
	{ 1, "unmap_copy", case_unmap_copy, "memory unmapped while it is copied from" },
	{ 1, "packed-unmap_copy", case_unmap_copy, "the same with packed rings" },
	{ 4, "tso", case_tso, "offloads that the headers do not bear out are dropped" },
	{ 4, "packed-tso", case_tso, "the same with packed rings" },
	{ 4, "tso6", case_tso6, "the same over IPv6, also behind extension headers" },
	{ 10, "filters", case_filters, "claimed addresses, too many filters, VLANs" },
	{}
};
