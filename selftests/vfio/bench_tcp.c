// SPDX-License-Identifier: GPL-2.0
/*
 * The bench of the hostile driver: TCP packets, see bench_tcp.h.
 */
#include "bench_tcp.h"

static unsigned int pseudo(const __u8 *frame, unsigned int len)
{
	return sum16(frame + IP + 12, 8, 6 + len);
}

void make_tcp(__u8 *f, const __u8 *dst, size_t len)
{
	static const __u8 ip[] = {
		0x45, 0, 0, 0, 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 9, 0, 1, 10, 9, 0, 2,
	};
	static const __u8 tcp[] = {
		1, 2, 3, 4, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 1, 0, 0, 0, 0, 0,
	};

	drv_frame(&evil, dst, f, len, 1);
	put16(f + 12, 0x0800);
	memcpy(f + IP, ip, sizeof(ip));
	memcpy(f + TCP, tcp, sizeof(tcp));
	put16(f + IP + 2, len - IP);
	put16(f + IP + 10, ~sum16(f + IP, 20, 0));
	put16(f + TCP + 16, pseudo(f, len - TCP));
}

void check_tcp(const struct out *o)
{
	const __u8 *f = o->frame;
	unsigned int len = o->len - IP;

	check(!memcmp(f + 6, evil.caps.mac, 6), "from another address");
	check_eq(get16(f + 12), 0x0800);
	check_eq(get16(f + IP + 2), len);
	check_eq(f[IP], 0x45);
	check_eq(sum16(f + IP, 20, 0), 0xffff);
	check_eq(f[TCP + 12] >> 4, 5);
	if (o->vnet.gso_type) {
		check_eq(o->vnet.gso_type & ~VIRTIO_NET_HDR_GSO_ECN, VIRTIO_NET_HDR_GSO_TCPV4);
		check(o->vnet.gso_size >= VNIC_GSO_MIN && o->vnet.gso_size <= 1460, "gso_size %u",
		      o->vnet.gso_size);
		check(o->vnet.hdr_len >= HEADERS, "hdr_len %u", o->vnet.hdr_len);
	} else {
		check(o->len <= 1514, "%d bytes, not to be segmented", o->len);
	}
	if (o->vnet.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		check_eq(o->vnet.csum_start, TCP);
		check_eq(o->vnet.csum_offset, 16);
		check_eq(get16(f + TCP + 16), pseudo(f, len - 20));
	} else {
		check_eq(sum16(f + TCP, len - 20, pseudo(f, len - 20)), 0xffff);
	}
}
