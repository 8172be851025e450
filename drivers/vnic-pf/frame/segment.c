// SPDX-License-Identifier: GPL-2.0
/*
 * Frames as they would be on a wire, for a destination that takes neither
 * segmentation nor partial checksums.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <linux/unaligned.h>
#include <net/checksum.h>
#include <net/ip6_checksum.h>

#include "frame.h"

/* Lengths and identification of piece @i.  Returns the pseudo-header's share of
 * the checksum, folded with @sum of what follows the IP header.
 */
static __sum16 vnic_piece_ipv4(struct vnic_piece *p, const struct vnic_headers *h, unsigned int i,
			       __wsum sum)
{
	struct iphdr *ip = (void *)(p->hdr + h->l3);
	unsigned int len = p->hdr_len - h->l4 + p->len;

	ip->tot_len = htons(h->l4 - h->l3 + len);
	ip->id = htons(ntohs(ip->id) + i);
	ip->check = 0;
	ip->check = ip_fast_csum(ip, ip->ihl);
	return csum_tcpudp_magic(ip->saddr, ip->daddr, len, h->l4_proto, sum);
}

static __sum16 vnic_piece_ipv6(struct vnic_piece *p, const struct vnic_headers *h, __wsum sum)
{
	struct ipv6hdr *ip = (void *)(p->hdr + h->l3);

	ip->payload_len = htons(p->hdr_len - h->l3 - sizeof(*ip) + p->len);
	return csum_ipv6_magic(&ip->saddr, &ip->daddr, p->hdr_len - h->l4 + p->len,
			       h->l4_proto, sum);
}

/* The TCP header of segment @i, without its checksum: where that is */
static __sum16 *vnic_piece_tcp(const struct vnic_frame *f, unsigned int i, struct tcphdr *th)
{
	th->seq = htonl(ntohl(th->seq) + i * f->gso_size);
	if (i + 1 < f->segs) {
		th->fin = 0;
		th->psh = 0;
	}
	if (i)
		th->cwr = 0;
	return &th->check;
}

/* The same for UDP */
static __sum16 *vnic_piece_udp(const struct vnic_piece *p, struct udphdr *uh)
{
	uh->len = htons(sizeof(*uh) + p->len);
	return &uh->check;
}

/* Headers of segment @i of a GSO frame */
static void vnic_piece_gso(const struct vnic_frame *f, unsigned int i, struct vnic_piece *p)
{
	struct vnic_headers h;
	__sum16 *check;
	__wsum sum;
	void *l4;

	/* both were checked when the frame was made, from the same copy */
	if (WARN_ON_ONCE(!vnic_frame_parse(f, &h)))
		return;
	l4 = p->hdr + h.l4;
	check = f->flags & VNIC_FR_USO ? vnic_piece_udp(p, l4) : vnic_piece_tcp(f, i, l4);
	*check = 0;
	sum = vnic_frame_csum(f, p->off, p->len);
	sum = csum_block_add(csum_partial(l4, p->hdr_len - h.l4, 0), sum, p->hdr_len - h.l4);
	*check = h.l3_proto == ETH_P_IP ? vnic_piece_ipv4(p, &h, i, sum) :
					  vnic_piece_ipv6(p, &h, sum);
	if (f->flags & VNIC_FR_USO && !*check)
		*check = CSUM_MANGLED_0;	/* 0 would be: there is none */
}

/* Complete a partial checksum in @hdr, the frame's headers; the field holds the pseudo-header's
 * sum.
 */
static void vnic_complete_csum(const struct vnic_frame *f, u8 *hdr)
{
	__wsum sum = vnic_frame_csum(f, f->csum_start, f->len - f->csum_start);
	__sum16 check = csum_fold(sum);

	put_unaligned(check ?: CSUM_MANGLED_0,
		      (__sum16 *)(hdr + f->csum_start + f->csum_offset));
}

/* Is the sum to be completed TCP's or UDP's own? */
static bool vnic_frame_csum_usual(const struct vnic_frame *f)
{
	struct vnic_headers h;

	if (!vnic_frame_parse(f, &h) || h.fragment || f->csum_start != h.l4)
		return false;
	return (h.l4_proto == IPPROTO_TCP && f->csum_offset == offsetof(struct tcphdr, check)) ||
	       (h.l4_proto == IPPROTO_UDP && f->csum_offset == offsetof(struct udphdr, check));
}

bool vnic_frame_settle_csum(struct vnic_frame *f)
{
	if (!(f->flags & VNIC_FR_CSUM_PARTIAL) || f->flags & VNIC_FR_GSO ||
	    vnic_frame_csum_usual(f))
		return true;
	if (f->skb && skb_checksum_help(f->skb))	/* it may be looked at again */
		return false;
	vnic_complete_csum(f, f->hdr);
	f->flags &= ~VNIC_FR_CSUM_PARTIAL;
	return true;
}

void vnic_frame_piece(const struct vnic_frame *f, unsigned int i, struct vnic_piece *p)
{
	bool gso = f->flags & VNIC_FR_GSO;

	p->hdr_len = gso ? f->gso_hdr_len : f->hdr_len;
	p->off = p->hdr_len + i * f->gso_size;
	p->len = f->len - p->off;
	memcpy(p->hdr, f->hdr, p->hdr_len);
	if (gso) {
		p->len = min_t(u32, p->len, f->gso_size);
		vnic_piece_gso(f, i, p);
	} else if (f->flags & VNIC_FR_CSUM_PARTIAL) {
		vnic_complete_csum(f, p->hdr);
	}
}
