// SPDX-License-Identifier: GPL-2.0
/*
 * UDP datagrams that the device is to segment (VIRTIO_NET_F_HOST_USO): for a VF that takes
 * no segmented frames each segment is a packet of its own; requests that the headers do not
 * bear out are lost.
 */
#include <netinet/in.h>
#include <unistd.h>

#include "virtio.h"

#define IP	14u
#define USO	(USUAL | F(VIRTIO_NET_F_HOST_USO))
#define SEGS	128u	/* at most: UDP_MAX_SEGMENTS of Linux */

/* Offset of the UDP header */
static unsigned int udp_at(bool v6)
{
	return IP + (v6 ? 40 : 20);
}

static unsigned int pseudo(const __u8 *frame, bool v6, unsigned int len)
{
	return v6 ? sum16(frame + IP + 8, 32, IPPROTO_UDP + len) :
		    sum16(frame + IP + 12, 8, IPPROTO_UDP + len);
}

static __u8 *frame_to_send(void)
{
	return evil.mem + AT_TX_BUFS + HDR;
}

/* A datagram of @payload bytes, and the request to cut it into pieces of @gso */
static void put_datagram(bool v6, unsigned int payload, __u16 gso)
{
	struct virtio_net_hdr_v1 hdr = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .gso_type = VIRTIO_NET_HDR_GSO_UDP_L4,
		.gso_size = htole16(gso), .csum_start = htole16(udp_at(v6)),
		.csum_offset = htole16(6),
	};
	unsigned int at = udp_at(v6), len = at + 8 + payload;
	__u8 *f = frame_to_send();

	put_frame(len, &hdr, 5);
	put16(f + 12, v6 ? 0x86dd : 0x0800);
	memset(f + IP, 0, at - IP);
	f[IP] = v6 ? 0x60 : 0x45;
	f[IP + (v6 ? 6 : 9)] = IPPROTO_UDP;
	f[IP + (v6 ? 7 : 8)] = 64;
	put16(f + IP + (v6 ? 4 : 2), v6 ? 8 + payload : len - IP);
	put16(f + IP + (v6 ? 8 : 12), 0x0a09);
	if (!v6) {
		put16(f + IP + 4, 65530);	/* its identification will wrap */
		put16(f + IP + 10, ~sum16(f + IP, 20, 0));
	}
	put16(f + at, 1000);
	put16(f + at + 2, 2000);
	put16(f + at + 4, 8 + payload);
	put16(f + at + 6, pseudo(f, v6, 8 + payload));
}

static void send_it(void)
{
	offer(TX, 0);
	notify(TX);
	consumed(0);
}

/* Segment @i of the datagram in the buffer is a packet that a wire could have brought. */
static void check_segment(bool v6, unsigned int i, unsigned int payload, unsigned int gso)
{
	unsigned int at = udp_at(v6), left = payload - i * gso, n = left < gso ? left : gso;
	const __u8 *sent = frame_to_send();
	__u8 f[2048];

	check_eq(drv_receive(&good, f, sizeof(f), WAIT), at + 8 + n);
	check(!memcmp(f, sent, IP), "Ethernet header");
	check_eq(get16(f + IP + (v6 ? 4 : 2)), v6 ? 8 + n : at + 8 + n - IP);
	if (!v6) {
		check_eq(get16(f + IP + 4), (get16(sent + IP + 4) + i) & 0xffff);
		check_eq(sum16(f + IP, 20, 0), 0xffff);
	}
	check(!memcmp(f + at, sent + at, 4), "ports");
	check_eq(get16(f + at + 4), 8 + n);
	check(get16(f + at + 6), "no checksum");
	check_eq(sum16(f + at, 8 + n, pseudo(f, v6, 8 + n)), 0xffff);
	check(!memcmp(f + at + 8, sent + at + 8 + i * gso, n), "payload of segment %u", i);
}

static void passes(bool v6, unsigned int payload, unsigned int gso)
{
	unsigned int i, segs = (payload + gso - 1) / gso;

	put_datagram(v6, payload, gso);
	send_it();
	for (i = 0; i < segs; i++)
		check_segment(v6, i, payload, gso);
}

/* The sum of the first segment is 0, which a datagram must not have. */
static void passes_zero(void)
{
	__u8 *f = frame_to_send();
	unsigned int at = udp_at(false), sum;

	put_datagram(false, 2000, 1000);
	put16(f + at + 8, 0);
	sum = sum16(f + at, 4, pseudo(f, false, 1008) + 1008);
	put16(f + at + 8, 0xffff - sum16(f + at + 8, 1000, sum));
	send_it();
	check_segment(false, 0, 2000, 1000);
	check_segment(false, 1, 2000, 1000);
}

/* A request that is wrong in one thing: 16 bits at @at of the header, or of the frame */
static void refused_of(bool v6, unsigned int at, __u16 value, bool header)
{
	__u8 *f = evil.mem + AT_TX_BUFS + (header ? 0 : HDR);

	put_datagram(v6, 3000, 1000);
	if (header)
		memcpy(f + at, &(__le16) { htole16(value) }, 2);
	else
		put16(f + at, value);
	send_it();
	works();
}

static void refused(unsigned int at, __u16 value, bool header)
{
	refused_of(false, at, value, header);
}

/* The frame is wrong over IPv6, as it is over IPv4. */
static void refused6(unsigned int at, __u16 value)
{
	refused_of(true, at, value, false);
}

#define FIELD(name)	offsetof(struct virtio_net_hdr_v1, name)

void uso(void)
{
	const unsigned int at = udp_at(false);

	open_both(USO);
	passes(false, 20 * 1000, 1000);
	passes(true, 20 * 1000, 1000);
	passes(false, 20 * 1000 + 1, 1000);
	passes(true, 1001, 1000);
	passes(false, 1000, 1000);		/* one: only its checksum is to be made */
	passes(false, SEGS * 7, 7);
	passes(true, SEGS, 1);
	passes_zero();

	refused(FIELD(gso_size), 0, true);
	refused(FIELD(gso_size), 3000 / (SEGS + 1), true);
	refused(FIELD(csum_start), at + 1, true);
	refused(FIELD(csum_start), 65535, true);
	refused(FIELD(csum_offset), 4, true);
	refused(FIELD(csum_offset), 16, true);
	refused(0, VIRTIO_NET_HDR_GSO_UDP_L4 << 8, true);	/* without a checksum */
	refused(0, VIRTIO_NET_HDR_F_NEEDS_CSUM | VIRTIO_NET_HDR_GSO_TCPV4 << 8, true);
	refused(12, 0x0806, false);
	refused(12, 0x86dd, false);
	refused(IP, 0x4600, false);
	refused(IP + 2, 1028, false);
	refused(IP + 2, 65535, false);
	refused(IP + 6, 0x2000, false);
	refused(IP + 8, 64 << 8 | IPPROTO_TCP, false);
	refused(at + 4, 1008, false);
	refused(at + 4, 0, false);
	refused6(12, 0x0800);
	refused6(IP, 0x4000);
	refused6(IP + 4, 0);
	refused6(IP + 4, 1008);
	refused6(IP + 4, 65535);
	refused6(IP + 6, IPPROTO_TCP << 8 | 64);
	refused6(IP + 6, IPPROTO_FRAGMENT << 8 | 64);
	refused6(udp_at(true) + 4, 0);
	refused6(udp_at(true) + 4, 8);
	refused6(udp_at(true) + 4, 1008);
	refused6(udp_at(true) + 4, 3009);
	refused6(udp_at(true) + 4, 65535);
	close_both();

	open_both(USUAL);	/* a request that was not negotiated */
	put_datagram(false, 3000, 1000);
	send_it();
	works();
	close_both();
}
