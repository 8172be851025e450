// SPDX-License-Identifier: GPL-2.0
/*
 * Frames: made from skbs or from what a VF sent, parsed and checked by their
 * header copy, and turned into skbs.
 *
 * What a VF says of its frame (offloads) is believed only as far as the header
 * copy bears it out; what is bad is refused, never repaired.
 */
#include <linux/errno.h>
#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <linux/unaligned.h>
#include <net/checksum.h>
#include <net/inet_ecn.h>
#include <net/ip.h>
#include <net/ipv6.h>

#include <vnic_copy.h>

#include "frame.h"
#include "../lib/meter.h"

#define VNIC_INNER_TAGS	2	/* tags that a sender may have put, beside the one in vlan_* */
#define VNIC_EXTHDRS	8	/* IPv6 extension headers looked behind */
#define VNIC_LINEAR	1600	/* bytes: an skb of up to this needs no page fragments */

/* ---- parsing ---- */

/* Protocol behind the Ethernet header and inner tags, of which the switch may have put one
 * back (vnic_frame_push_tag()); @off: where it starts
 */
static u16 vnic_frame_proto(const struct vnic_frame *f, unsigned int *off)
{
	u16 proto = get_unaligned_be16(f->hdr + 2 * ETH_ALEN);
	unsigned int at = ETH_HLEN, i;

	for (i = 0; i < VNIC_INNER_TAGS + 1 && eth_type_vlan(htons(proto)); i++) {
		if (at + VLAN_HLEN > f->hdr_len)
			break;
		proto = get_unaligned_be16(f->hdr + at + 2);
		at += VLAN_HLEN;
	}
	*off = at;
	return proto;
}

static bool vnic_parse_ipv4(const struct vnic_frame *f, struct vnic_headers *h)
{
	const struct iphdr *ip = (const void *)(f->hdr + h->l3);

	if (h->l3 + sizeof(*ip) > f->hdr_len || ip->version != 4 || ip->ihl < 5)
		return false;
	h->l4 = h->l3 + ip->ihl * 4;
	h->l4_proto = ip->protocol;
	h->fragment = ip_is_fragment(ip);
	return h->l4 <= f->hdr_len;
}

static bool vnic_parse_ipv6(const struct vnic_frame *f, struct vnic_headers *h)
{
	const struct ipv6hdr *ip = (const void *)(f->hdr + h->l3);
	unsigned int at = h->l3 + sizeof(*ip), i;
	const u8 *ext;
	u8 next;

	if (at > f->hdr_len || ip->version != 6)
		return false;
	next = ip->nexthdr;
	h->fragment = false;
	for (i = 0; i < VNIC_EXTHDRS; i++) {
		if (next != NEXTHDR_HOP && next != NEXTHDR_ROUTING && next != NEXTHDR_DEST &&
		    next != NEXTHDR_FRAGMENT)
			break;
		if (at + 8 > f->hdr_len)
			return false;
		ext = f->hdr + at;
		if (next == NEXTHDR_FRAGMENT)
			h->fragment = true;
		at += next == NEXTHDR_FRAGMENT ? 8 : 8 + 8 * ext[1];
		next = ext[0];
	}
	h->l4 = at;
	h->l4_proto = next;
	return at <= f->hdr_len;
}

bool vnic_frame_parse(const struct vnic_frame *f, struct vnic_headers *h)
{
	unsigned int off;

	h->l3_proto = vnic_frame_proto(f, &off);
	h->l3 = off;
	switch (h->l3_proto) {
	case ETH_P_IP:
		return vnic_parse_ipv4(f, h);
	case ETH_P_IPV6:
		return vnic_parse_ipv6(f, h);
	default:
		return false;
	}
}

/* ---- congestion ---- */

#define VNIC_IPV6_ECN	0x30	/* of the second byte of an IPv6 header */

bool vnic_frame_ect(const struct vnic_frame *f)
{
	const u8 *ip = f->hdr;
	struct vnic_headers h;

	if (!vnic_frame_parse(f, &h))
		return false;
	ip += h.l3;
	return h.l3_proto == ETH_P_IP ? ip[1] & INET_ECN_MASK : ip[1] & VNIC_IPV6_ECN;
}

void vnic_frame_set_ce(struct vnic_frame *f)
{
	struct vnic_headers h;

	if (!vnic_frame_parse(f, &h))
		return;
	if (h.l3_proto == ETH_P_IP)
		IP_ECN_set_ce((void *)(f->hdr + h.l3));
	else if (f->hdr[h.l3 + 1] & VNIC_IPV6_ECN)
		f->hdr[h.l3 + 1] |= VNIC_IPV6_ECN;
}

/* ---- the outermost tag ---- */

/* Move an inline tag from the header copy to vlan_*.  False: it is cut off. */
static bool vnic_frame_pop_tag(struct vnic_frame *f)
{
	__be16 proto = get_unaligned((__be16 *)(f->hdr + 2 * ETH_ALEN));
	unsigned int tail = 2 * ETH_ALEN + VLAN_HLEN;

	f->vlan_proto = 0;
	f->vlan_tci = 0;
	if (!eth_type_vlan(proto))
		return true;
	if (f->hdr_len < ETH_HLEN + VLAN_HLEN)
		return false;
	f->vlan_proto = proto;
	f->vlan_tci = get_unaligned_be16(f->hdr + ETH_HLEN);
	memmove(f->hdr + 2 * ETH_ALEN, f->hdr + tail, f->hdr_len - tail);
	f->hdr_len -= VLAN_HLEN;
	f->len -= VLAN_HLEN;
	return true;
}

void vnic_frame_push_tag(struct vnic_frame *f, u16 tci, __be16 proto)
{
	u8 *at = f->hdr + 2 * ETH_ALEN;

	memmove(at + VLAN_HLEN, at, f->hdr_len - 2 * ETH_ALEN);
	put_unaligned(proto, (__be16 *)at);
	put_unaligned_be16(tci, at + 2);
	f->hdr_len += VLAN_HLEN;
	f->len += VLAN_HLEN;
	f->wire += f->segs * VLAN_HLEN;
	if (f->flags & VNIC_FR_CSUM_PARTIAL)
		f->csum_start += VLAN_HLEN;
	if (f->flags & VNIC_FR_GSO)
		f->gso_hdr_len += VLAN_HLEN;
}

/* ---- what a VF asks for ---- */

/* The checksum field lies in the header copy, behind the Ethernet header. */
static bool vnic_frame_csum_valid(const struct vnic_frame *f)
{
	return f->csum_start >= ETH_HLEN && f->csum_start < f->len &&
	       (u32)f->csum_start + f->csum_offset + sizeof(__sum16) <= f->hdr_len;
}

/* Bytes of the IP packet, as its header says */
static unsigned int vnic_frame_ip_len(const struct vnic_frame *f, const struct vnic_headers *h)
{
	const void *ip = f->hdr + h->l3;

	if (h->l3_proto == ETH_P_IP)
		return ntohs(((const struct iphdr *)ip)->tot_len);
	return sizeof(struct ipv6hdr) + ntohs(((const struct ipv6hdr *)ip)->payload_len);
}

/* Where the headers of a segment end that has TCP or UDP at @l4; 0: they are malformed */
static unsigned int vnic_frame_l4_end(const struct vnic_frame *f, unsigned int l4, bool udp)
{
	const struct tcphdr *th = (const void *)(f->hdr + l4);
	unsigned int end = l4 + (udp ? sizeof(struct udphdr) : sizeof(*th));

	if (end > f->hdr_len || (!udp && th->doff < sizeof(*th) / 4))
		return 0;
	if (!udp)
		end = l4 + th->doff * 4;
	return end <= f->hdr_len && end < f->len ? end : 0;
}

/* VNIC_FR_TSO4 to VNIC_FR_USO6: what the headers are, if it can be segmented; or 0 */
static u16 vnic_headers_gso(const struct vnic_headers *h)
{
	bool v4 = h->l3_proto == ETH_P_IP;

	if (h->fragment || h->l3 > ETH_HLEN + VNIC_INNER_TAGS * VLAN_HLEN)
		return 0;
	if (h->l4_proto == IPPROTO_UDP)
		return v4 ? VNIC_FR_USO4 : VNIC_FR_USO6;
	if (h->l4_proto == IPPROTO_TCP)
		return v4 ? VNIC_FR_TSO4 : VNIC_FR_TSO6;
	return 0;
}

/*
 * A request for segmentation is exactly what the headers say.  A packet shorter than the
 * frame would be cut by the stack, but not what the skb says of its segments.
 */
static bool vnic_frame_gso_valid(const struct vnic_frame *f, const struct vnic_headers *h)
{
	const bool udp = f->flags & VNIC_FR_USO;
	const u16 check = udp ? offsetof(struct udphdr, check) : offsetof(struct tcphdr, check);
	const struct udphdr *uh = (const void *)(f->hdr + h->l4);

	if (f->csum_start != h->l4 || f->csum_offset != check ||
	    vnic_frame_ip_len(f, h) != f->len - h->l3)
		return false;
	if (udp)
		return f->gso_size && ntohs(uh->len) == f->len - h->l4 &&
		       f->len - f->gso_hdr_len <= f->gso_size * UDP_MAX_SEGMENTS;
	return f->gso_size >= VNIC_GSO_MIN;
}

/* Hold the request against the headers, which say also over which IP UDP is, and, unless
 * @told, where they end.
 */
static bool vnic_frame_gso_check(struct vnic_frame *f, bool told)
{
	u16 asked = f->flags & VNIC_FR_GSO, is, end;
	struct vnic_headers h;

	if (!(f->flags & VNIC_FR_CSUM_PARTIAL) || !vnic_frame_parse(f, &h))
		return false;
	is = vnic_headers_gso(&h);
	if (asked != is && !(asked == VNIC_FR_USO && is & VNIC_FR_USO))
		return false;
	f->flags ^= asked ^ is;
	end = vnic_frame_l4_end(f, h.l4, is & VNIC_FR_USO);
	if (!told)
		f->gso_hdr_len = end;
	return end && f->gso_hdr_len == end && vnic_frame_gso_valid(f, &h);
}

/* segs and wire; a single segment needs no segmentation */
static void vnic_frame_measure(struct vnic_frame *f)
{
	if (f->flags & VNIC_FR_GSO && f->len - f->gso_hdr_len <= f->gso_size)
		f->flags &= ~VNIC_FR_GSO;
	if (f->flags & VNIC_FR_GSO) {
		f->segs = DIV_ROUND_UP(f->len - f->gso_hdr_len, f->gso_size);
		f->wire = f->len + (f->segs - 1) * f->gso_hdr_len;
		return;
	}
	f->gso_size = 0;
	f->gso_hdr_len = 0;
	f->segs = 1;
	f->wire = f->len;
}

int vnic_frame_finish(struct vnic_frame *f)
{
	bool told = f->gso_hdr_len;
	u32 len = f->len;

	f->flags &= VNIC_FR_CSUM_PARTIAL | VNIC_FR_GSO;
	f->copies = 0;
	f->src = NULL;
	f->skb = NULL;
	if (len < ETH_HLEN || len > VNIC_FRAME_MAX || f->hdr_len < ETH_HLEN)
		return -EINVAL;
	if (!vnic_frame_pop_tag(f))
		return -EINVAL;
	f->csum_start -= len - f->len;	/* wraps when too small: refused as too large */
	f->gso_hdr_len -= len - f->len;
	if (f->flags & VNIC_FR_CSUM_PARTIAL && !vnic_frame_csum_valid(f))
		return -EINVAL;
	if (f->flags & VNIC_FR_GSO && !vnic_frame_gso_check(f, told))
		return -EINVAL;
	vnic_frame_measure(f);
	return f->wire <= VNIC_METER_FRAME_MAX ? 0 : -EINVAL;
}

/* ---- from an skb ---- */

/* Segmentation the switch knows, TCP and UDP straight over IP: which; or 0 */
static u16 vnic_skb_gso(const struct sk_buff *skb)
{
	unsigned int type = skb_shinfo(skb)->gso_type;

	switch (type & ~(SKB_GSO_DODGY | SKB_GSO_TCP_ECN | SKB_GSO_TCP_FIXEDID)) {
	case SKB_GSO_TCPV4:
		return VNIC_FR_TSO4;
	case SKB_GSO_TCPV6:
		return VNIC_FR_TSO6;
	case SKB_GSO_UDP_L4:
		return VNIC_FR_USO;
	}
	return 0;
}

/* Segmentation fields of a GSO skb; -EOPNOTSUPP: the headers are others */
static int vnic_frame_skb_gso(struct vnic_frame *f, const struct sk_buff *skb)
{
	u16 kind = vnic_skb_gso(skb);
	struct vnic_headers h;

	if (!(f->flags & VNIC_FR_CSUM_PARTIAL) || !vnic_frame_parse(f, &h))
		return -EOPNOTSUPP;
	kind &= vnic_headers_gso(&h);
	if (!kind || h.l4 != f->csum_start)
		return -EOPNOTSUPP;
	f->gso_size = skb_shinfo(skb)->gso_size;
	f->gso_hdr_len = vnic_frame_l4_end(f, h.l4, kind & VNIC_FR_USO);
	f->flags |= kind;
	return f->gso_hdr_len ? 0 : -EOPNOTSUPP;
}

/* Take the tag from the skb's metadata or its data. */
static int vnic_frame_skb_tag(struct vnic_frame *f, struct sk_buff *skb)
{
	const struct ethhdr *eth = (const void *)skb->data;
	int err;

	if (skb_vlan_tag_present(skb)) {
		f->vlan_tci = skb_vlan_tag_get(skb);
		f->vlan_proto = skb->vlan_proto;
		return 0;
	}
	f->vlan_tci = 0;
	f->vlan_proto = eth_type_vlan(eth->h_proto) ? eth->h_proto : 0;
	if (!f->vlan_proto)
		return 0;
	if (skb->len < ETH_HLEN + VLAN_HLEN)
		return -EINVAL;
	err = __skb_vlan_pop(skb, &f->vlan_tci);
	if (!err)
		__vlan_hwaccel_put_tag(skb, f->vlan_proto, f->vlan_tci);
	return err;
}

/*
 * A checksum is left to whom the frame is delivered to if it is an Internet checksum
 * (SCTP's is not) and its field lies in the header copy (behind long extension
 * headers it does not).  Any other is computed here, of segments after segmentation.
 */
static int vnic_frame_skb_csum(struct sk_buff *skb)
{
	int start = skb_checksum_start_offset(skb);
	u32 field = start + skb->csum_offset + sizeof(__sum16);

	if (skb->ip_summed != CHECKSUM_PARTIAL)
		return 0;
	if (start < 0)
		return -EINVAL;
	if (!skb_csum_is_sctp(skb) && field <= min_t(u32, skb->len, VNIC_HDR_MAX))
		return 0;
	if (field > skb_headlen(skb))
		return -EINVAL;		/* the stack would warn */
	return skb_is_gso(skb) ? -EOPNOTSUPP : skb_csum_hwoffload_help(skb, 0);
}

/*
 * Are the headers where nobody else can write?  What lies in pages may be a user's: of a
 * packet socket's ring, or of a file.  What the stack makes has its headers before them.
 */
static bool vnic_frame_settled(const struct vnic_frame *f)
{
	unsigned int linear = skb_headlen(f->skb);
	struct vnic_headers h;

	if (linear >= f->hdr_len)
		return true;
	if (!vnic_frame_parse(f, &h) || h.fragment)
		return false;
	switch (h.l4_proto) {
	case IPPROTO_TCP:
		return linear >= h.l4 + sizeof(struct tcphdr);
	case IPPROTO_UDP:
		return linear >= h.l4 + sizeof(struct udphdr);
	default:
		return false;
	}
}

int vnic_frame_from_skb(struct vnic_frame *f, struct sk_buff *skb)
{
	int err;

	if (skb_shared(skb) || !pskb_may_pull(skb, ETH_HLEN))
		return -EINVAL;
	skb_reset_mac_header(skb);
	err = vnic_frame_skb_tag(f, skb);
	if (err)
		return err;
	if (skb->len > VNIC_FRAME_MAX)
		return skb_is_gso(skb) ? -EOPNOTSUPP : -EINVAL;
	err = vnic_frame_skb_csum(skb);
	if (err)
		return err;
	f->len = skb->len;
	f->hdr_len = min_t(u32, f->len, VNIC_HDR_MAX);
	f->nspans = 0;
	f->flags = 0;
	f->copies = 0;
	f->answer = false;
	f->src = NULL;
	f->skb = skb;
	if (skb_copy_bits(skb, 0, f->hdr, f->hdr_len))
		return -EINVAL;
	if (unlikely(!vnic_frame_settled(f))) {
		if (!pskb_may_pull(skb, f->hdr_len))
			return -ENOMEM;
		skb_copy_from_linear_data(skb, f->hdr, f->hdr_len);
	}

	if (skb->ip_summed == CHECKSUM_PARTIAL) {
		f->csum_start = skb_checksum_start_offset(skb);
		f->csum_offset = skb->csum_offset;
		f->flags |= VNIC_FR_CSUM_PARTIAL;
		if (!vnic_frame_csum_valid(f))
			return -EINVAL;
	} else if (skb->ip_summed == CHECKSUM_UNNECESSARY) {
		f->flags |= VNIC_FR_CSUM_OK;
	}
	err = skb_is_gso(skb) ? vnic_frame_skb_gso(f, skb) : 0;
	if (err)
		return err;
	vnic_frame_measure(f);
	return f->wire <= VNIC_METER_FRAME_MAX ? 0 : -EOPNOTSUPP;
}

/* ---- the bytes ---- */

void vnic_frame_copy(const struct vnic_frame *f, unsigned int off, void *to, unsigned int len)
{
	unsigned int i, n;

	if (off < f->hdr_len) {
		n = min_t(unsigned int, len, f->hdr_len - off);
		memcpy(to, f->hdr + off, n);
		to += n;
		off += n;
		len -= n;
	}
	if (!len)
		return;
	if (f->skb) {
		if (skb_copy_bits(f->skb, off, to, len))
			memset(to, 0, len);
		return;
	}
	off -= f->hdr_len;
	for (i = 0; len && i < f->nspans; i++) {
		if (off >= f->spans[i].len) {
			off -= f->spans[i].len;
			continue;
		}
		n = min(len, f->spans[i].len - off);
		vnic_copy(to, f->spans[i].ptr + off, n);
		to += n;
		len -= n;
		off = 0;
	}
	memset(to, 0, len);
}

__wsum vnic_frame_csum(const struct vnic_frame *f, unsigned int off, unsigned int len)
{
	unsigned int done = 0, i, n;
	__wsum sum = 0;

	if (off < f->hdr_len) {
		done = min_t(unsigned int, len, f->hdr_len - off);
		sum = csum_partial(f->hdr + off, done, 0);
		off += done;
		len -= done;
	}
	if (!len)
		return sum;
	if (f->skb)
		return csum_block_add(sum, skb_checksum(f->skb, off, len, 0), done);
	off -= f->hdr_len;
	for (i = 0; len && i < f->nspans; i++) {
		if (off >= f->spans[i].len) {
			off -= f->spans[i].len;
			continue;
		}
		n = min(len, f->spans[i].len - off);
		sum = csum_block_add(sum, csum_partial(f->spans[i].ptr + off, n, 0), done);
		done += n;
		len -= n;
		off = 0;
	}
	return sum;
}

/* ---- to an skb ---- */

/* A new skb with the frame's bytes: headers linear, the rest in pages */
static struct sk_buff *vnic_frame_new_skb(const struct vnic_frame *f)
{
	unsigned int linear = f->len <= VNIC_LINEAR ? f->len : f->hdr_len, off, i;
	const unsigned int room = NET_SKB_PAD + NET_IP_ALIGN;
	struct sk_buff *skb;
	int err;

	skb = alloc_skb_with_frags(room + linear, f->len - linear, PAGE_ALLOC_COSTLY_ORDER, &err,
				   GFP_ATOMIC | __GFP_NOWARN);
	if (!skb)
		return NULL;
	skb_reserve(skb, room);
	skb_put(skb, linear);
	skb->data_len = f->len - linear;
	skb->len = f->len;
	if (!skb->data_len) {
		vnic_frame_copy(f, 0, skb->data, f->len);
		return skb;
	}
	memcpy(skb->data, f->hdr, linear);
	for (i = 0, off = linear; i < f->nspans; off += f->spans[i].len, i++)
		if (skb_store_bits(skb, off, f->spans[i].ptr, f->spans[i].len))
			goto free;
	return skb;

free:
	kfree_skb(skb);
	return NULL;
}

/* Say in the skb what the frame's offload fields say.  They are a guest's: whoever
 * segments looks at them again (SKB_GSO_DODGY), as with those of virtio-net.
 */
static void vnic_skb_offloads(struct sk_buff *skb, const struct vnic_frame *f)
{
	struct skb_shared_info *info = skb_shinfo(skb);
	const struct tcphdr *th;

	if (f->flags & VNIC_FR_CSUM_PARTIAL)
		skb_partial_csum_set(skb, f->csum_start, f->csum_offset);
	else if (f->flags & VNIC_FR_CSUM_OK)
		skb->ip_summed = CHECKSUM_UNNECESSARY;
	if (!(f->flags & VNIC_FR_GSO))
		return;
	info->gso_size = f->gso_size;
	info->gso_segs = f->segs;
	info->gso_type = SKB_GSO_DODGY;
	if (f->flags & VNIC_FR_USO) {
		info->gso_type |= SKB_GSO_UDP_L4;
		return;
	}
	th = (const void *)(f->hdr + f->csum_start);
	info->gso_type |= f->flags & VNIC_FR_TSO4 ? SKB_GSO_TCPV4 : SKB_GSO_TCPV6;
	if (th->cwr)
		info->gso_type |= SKB_GSO_TCP_ECN;
}

/* The frame's own skb for its last destination, a clone for the others */
static struct sk_buff *vnic_frame_own_skb(struct vnic_frame *f)
{
	struct sk_buff *skb = f->skb;

	if (f->copies > 1)
		return skb_clone(skb, GFP_ATOMIC | __GFP_NOWARN);
	f->skb = NULL;
	return skb;
}

struct sk_buff *vnic_frame_take_skb(struct vnic_frame *f)
{
	struct sk_buff *skb;

	if (f->skb) {
		skb = vnic_frame_own_skb(f);
	} else {
		skb = vnic_frame_new_skb(f);
		if (skb)
			vnic_skb_offloads(skb, f);
	}
	if (!skb)
		return NULL;
	skb->protocol = get_unaligned((__be16 *)(f->hdr + 2 * ETH_ALEN));
	skb_reset_mac_header(skb);
	skb_set_network_header(skb, ETH_HLEN);
	skb_reset_mac_len(skb);
	if (f->vlan_proto)
		__vlan_hwaccel_put_tag(skb, f->vlan_proto, f->vlan_tci);
	else
		__vlan_hwaccel_clear_tag(skb);
	return skb;
}
