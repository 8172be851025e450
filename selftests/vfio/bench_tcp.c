// SPDX-License-Identifier: GPL-2.0
/*
 * The bench of the hostile driver: TCP packets, see bench_tcp.h.
 */
#include <netinet/in.h>

#include "bench_tcp.h"

#define IP6	40u		/* bytes of an IPv6 header */
#define NEXT6	(IP + 6)	/* where it says what follows, and after how many hops it ends */
#define NEXT(n)	((n) << 8 | 64)
#define TCP6	(IP + IP6)

const struct tso6 bad_tso6[] = {
	{ "MSS 0", 0, 0, 0, 0, 0, 0 },
	{ "MSS 1", 1, 0, 0, 0, 0, 0 },
	{ "MSS 63", VNIC_GSO_MIN - 1, 0, 0, 0, 0, 0 },
	{ "IPv6 length 0", 1440, 0, 0, IP + 4, 0, 0 },
	{ "IPv6 length of the headers", 1440, 0, 0, IP + 4, 20, 0 },
	{ "IPv6 length of a segment", 1440, 0, 0, IP + 4, 1460, 0 },
	{ "IPv6 length 65535", 1440, 0, 0, IP + 4, 65535, 0 },
	{ "version 4", 1440, 0, 0, IP, 0x4000, 0 },
	{ "UDP", 1440, 0, 0, NEXT6, NEXT(IPPROTO_UDP), 0 },
	{ "no next header", 1440, 0, 0, NEXT6, NEXT(IPPROTO_NONE), 0 },
	{ "a fragment", 1440, 1, 8, NEXT6, NEXT(IPPROTO_FRAGMENT), 0 },
	{ "a fragment behind another header", 1440, 2, 8, TCP6, IPPROTO_FRAGMENT << 8, 0 },
	{ "TCP behind what is looked at", 1440, 1, 208, 0, 0, 0 },
	{ "TCP at the end of what is looked at", 1440, 1, 184, 0, 0, 0 },
	{ "nine headers", 1440, 9, 8, 0, 0, 0 },
	{ "a header of length 255", 1440, 1, 2048, 0, 0, 0 },
	{ "a header longer than the packet", 1440, 1, 8, TCP6, IPPROTO_TCP << 8 | 255, 200 },
	{ "TCP behind where it is said to be", 1440, 1, 8, TCP6, IPPROTO_TCP << 8 | 1, 0 },
	{ "TCP header of 16 bytes", 1440, 0, 0, TCP6 + 12, 0x4010, 0 },
	{ "TCP header longer than the packet", 1440, 0, 0, TCP6 + 12, 0xf010, 100 },
	{}
};

const struct tso6 good_tso6[] = {
	{ "no header in between", 1440, 0, 0, 0, 0, 0 },
	{ "a header in between", 1428, 1, 8, 0, 0, 0 },
	{ "eight headers in between", 1372, 8, 8, 0, 0, 0 },
	{ "TCP as far behind as is looked at", 1264, 1, 176, 0, 0, 0 },
	{}
};

static unsigned int sum_pseudo(const __u8 *frame, bool v6, unsigned int len)
{
	return v6 ? sum16(frame + IP + 8, 32, IPPROTO_TCP + len) :
		    sum16(frame + IP + 12, 8, IPPROTO_TCP + len);
}

static void put_tcp_header(__u8 *f, unsigned int tcp, bool v6, size_t len)
{
	static const __u8 header[] = {
		1, 2, 3, 4, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 1, 0, 0, 0, 0, 0,
	};

	memcpy(f + tcp, header, sizeof(header));
	put16(f + tcp + 16, sum_pseudo(f, v6, len - tcp));
}

void make_tcp(__u8 *f, const __u8 *dst, size_t len)
{
	static const __u8 ip[] = {
		0x45, 0, 0, 0, 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 9, 0, 1, 10, 9, 0, 2,
	};

	drv_frame(&evil, dst, f, len, 1);
	put16(f + 12, 0x0800);
	memcpy(f + IP, ip, sizeof(ip));
	put16(f + IP + 2, len - IP);
	put16(f + IP + 10, ~sum16(f + IP, 20, 0));
	put_tcp_header(f, TCP, false, len);
}

unsigned int make_tcp6(__u8 *f, const __u8 *dst, size_t len, unsigned int exts, unsigned int size)
{
	static const __u8 ip[IP6] = {
		0x60, 0, 0, 0, 0, 0, IPPROTO_TCP, 64, 0xfd, [23] = 1, 0xfd, [39] = 2,
	};
	unsigned int tcp = TCP6 + exts * size, i;
	__u8 *next = f + NEXT6;

	check(tcp + 20 <= len, "%u headers of %u bytes in %zu", exts, size, len);
	drv_frame(&evil, dst, f, len, 1);
	put16(f + 12, 0x86dd);
	memcpy(f + IP, ip, sizeof(ip));
	put16(f + IP + 4, len - TCP6);
	memset(f + TCP6, 0, exts * size);	/* options that are padding */
	for (i = 0; i < exts; i++) {
		*next = IPPROTO_DSTOPTS;
		next = f + TCP6 + i * size;
		next[0] = IPPROTO_TCP;
		next[1] = size / 8 - 1;
	}
	put_tcp_header(f, tcp, true, len);
	return tcp;
}

unsigned int tso6_len(const struct tso6 *t)
{
	return t->len ?: TSO_LEN;
}

unsigned int make_tso6(__u8 *f, const __u8 *dst, const struct tso6 *t)
{
	unsigned int tcp = make_tcp6(f, dst, tso6_len(t), t->exts, t->size);

	if (t->at)
		put16(f + t->at, t->val);
	return tcp;
}

/* Where TCP begins in an IP packet that says nothing wrong */
static unsigned int check_ip(const __u8 *f, unsigned int len)
{
	unsigned int at = TCP6, next = f[NEXT6];

	if (get16(f + 12) == 0x0800) {
		check_eq(get16(f + IP + 2), len - IP);
		check_eq(f[IP], 0x45);
		check_eq(sum16(f + IP, 20, 0), 0xffff);
		return TCP;
	}
	check_eq(get16(f + 12), 0x86dd);
	check_eq(get16(f + IP + 4), len - TCP6);
	check_eq(f[IP], 0x60);
	while (next == IPPROTO_DSTOPTS && at + 20 <= len) {
		next = f[at];
		at += 8 + 8 * f[at + 1];
	}
	check_eq(next, IPPROTO_TCP);
	check(at + 20 <= len, "TCP begins at %u of %u bytes", at, len);
	return at;
}

/* To be segmented: into what; or it is as short as a segment. */
static void check_segments(const struct out *o, bool v6, unsigned int headers)
{
	if (!o->vnet.gso_type) {
		check(o->len <= 1514, "%d bytes, not to be segmented", o->len);
		return;
	}
	check_eq(o->vnet.gso_type & ~VIRTIO_NET_HDR_GSO_ECN,
		 v6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4);
	check(o->vnet.gso_size >= VNIC_GSO_MIN && o->vnet.gso_size <= 1460, "gso_size %u",
	      o->vnet.gso_size);
	check(o->vnet.hdr_len >= headers, "hdr_len %u", o->vnet.hdr_len);
}

unsigned int check_tcp(const struct out *o)
{
	const __u8 *f = o->frame;
	unsigned int tcp = check_ip(f, o->len), len = o->len - tcp;
	bool v6 = get16(f + 12) != 0x0800;

	check(!memcmp(f + 6, evil.caps.mac, 6), "from another address");
	check_eq(f[tcp + 12] >> 4, 5);
	check_segments(o, v6, tcp + 20);
	if (o->vnet.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		check_eq(o->vnet.csum_start, tcp);
		check_eq(o->vnet.csum_offset, 16);
		check_eq(get16(f + tcp + 16), sum_pseudo(f, v6, len));
	} else {
		check_eq(sum16(f + tcp, len, sum_pseudo(f, v6, len)), 0xffff);
	}
	return len - 20;
}

void tcp_arrives(struct drv *vf, int sock, unsigned int payload)
{
	unsigned int got = 0;
	static struct out o;

	while (got < payload) {
		memset(&o.vnet, 0, sizeof(o.vnet));
		if (vf)
			o.len = drv_receive(vf, o.frame, sizeof(o.frame), WAIT);
		else if (!comes_out(sock, &o, WAIT))
			o.len = -1;
		check(o.len > 0, "%u of %u bytes arrive", got, payload);
		got += check_tcp(&o);
	}
	check_eq(got, payload);
}
