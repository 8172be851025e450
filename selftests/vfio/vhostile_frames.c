// SPDX-License-Identifier: GPL-2.0
/*
 * The hostile virtio driver: descriptors that change, and what it asks to be done to its
 * frames (classes 1 and 4), to another VF, the PF and the wire.
 */
#include "bench_tcp.h"
#include "vhostile.h"

/* ---- class 1 ---- */

#define LONG	1500u
#define EACH	32u

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

/* ---- class 4 ---- */

#define TSO_LEN	4000u
#define CSUM	VIRTIO_NET_HDR_F_NEEDS_CSUM
#define TSO4	VIRTIO_NET_HDR_GSO_TCPV4
#define TSO6	VIRTIO_NET_HDR_GSO_TCPV6
#define USO	VIRTIO_NET_HDR_GSO_UDP_L4

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

/* A TCP packet of @len bytes to @dst behind a header */
static void put_tcp(const __u8 *dst, unsigned int len, const struct virtio_net_hdr_v1 *hdr)
{
	put_frame_to(dst, len);
	memcpy(tx_buf(), hdr, HDR);
	make_tcp(tx_buf() + HDR, dst, len);
}

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
	const struct virtio_net_hdr_v1 hdr = {
		.flags = CSUM, .gso_type = TSO4, .gso_size = htole16(1448),
		.hdr_len = htole16(hdr_len), .csum_start = htole16(TCP),
		.csum_offset = htole16(16),
	};
	unsigned int i, segs = sock < 0 ? (TSO_LEN - HEADERS + 1447) / 1448 : 1;
	static struct out o;

	put_tcp(dst, TSO_LEN, &hdr);
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

const struct hostile_case vframe_cases[] = {
	{ 1, "descriptors", case_descriptors, "descriptors rewritten after the notification" },
	{ 1, "packed-descriptors", case_descriptors, "the same with packed rings" },
	{ 4, "tso", case_tso, "offloads that the headers do not bear out are dropped" },
	{ 4, "packed-tso", case_tso, "the same with packed rings" },
	{}
};
