// SPDX-License-Identifier: GPL-2.0
/*
 * The receive hash: Toeplitz over addresses (and TCP/UDP ports) of the header
 * copy, or what the driver chose of them.
 *
 * The hash is linear, so what each half byte of the input contributes is looked
 * up in a table made from the key.  Frames of a batch are mostly of one flow:
 * those take the hash of the frame before.
 */
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/string.h>
#include <linux/unaligned.h>
#include <net/ip.h>

#include "frame.h"
#include "hash.h"

static_assert(VNIC_HASH_INPUT + sizeof(u32) <= VNIC_HASH_KEY_LEN);

/* The 32 bits of the key from bit @at on */
static u32 vnic_key_window(const u8 *key, unsigned int at)
{
	return get_unaligned_be64(key + at / 8) << at % 8 >> 32;
}

void vnic_hash_set_key(struct vnic_hash_key *h, const u8 *key)
{
	u8 padded[VNIC_HASH_KEY_LEN + sizeof(u64)] = {};
	unsigned int i, value, bit;

	memcpy(padded, key, VNIC_HASH_KEY_LEN);
	for (i = 0; i < ARRAY_SIZE(h->table); i++) {
		for (value = 0; value < ARRAY_SIZE(h->table[i]); value++) {
			u32 sum = 0;

			for (bit = 0; bit < 4; bit++)
				if (value & (8 >> bit))
					sum ^= vnic_key_window(padded, 4 * i + bit);
			WRITE_ONCE(h->table[i][value], sum);
		}
	}
}

void vnic_hash_set_fields(struct vnic_hash_key *h, const u8 *fields, u8 xfrm)
{
	unsigned int kind;

	WRITE_ONCE(h->xfrm, xfrm);
	for (kind = 0; kind < VNIC_KINDS; kind++)
		WRITE_ONCE(h->fields[kind], fields[kind]);
}

void vnic_hash_set_types(struct vnic_hash_key *h, u32 types)
{
	u8 fields[VNIC_KINDS] = {};
	unsigned int kind, ip;

	for (kind = 0; kind < VNIC_KINDS; kind++) {
		ip = kind < VNIC_HASH_V6 ? VNIC_KIND_IPV4 : VNIC_KIND_IPV6;
		if (kind != ip && types & BIT(kind))
			fields[kind] = VNIC_FIELDS;
		else if (types & BIT(ip))
			fields[kind] = VNIC_FIELD_ADDRS;
	}
	vnic_hash_set_fields(h, fields, VNIC_XFRM_NONE);
}

/* What @len bytes at @at of the input contribute */
static __always_inline u32 vnic_hash_bytes(const struct vnic_hash_key *h, unsigned int at,
					   const u8 *data, unsigned int len)
{
	const u32 (*table)[16] = &h->table[2 * at];
	u32 sum = 0;

	for (; len; len--, data++, table += 2)
		sum ^= READ_ONCE(table[0][*data >> 4]) ^ READ_ONCE(table[1][*data & 15]);
	return sum;
}

/* What a source and a destination of @half bytes each contribute; @fields: bit 0, the
 * source counts, bit 1, the destination
 */
static u32 vnic_hash_pair(const struct vnic_hash_key *h, unsigned int at, const u8 *data,
			  unsigned int half, u8 fields)
{
	switch (fields) {
	case 0:
		return 0;
	case 1:
		return vnic_hash_bytes(h, at, data, half);
	case 2:
		return vnic_hash_bytes(h, at + half, data + half, half);
	default:
		return vnic_hash_bytes(h, at, data, 2 * half);
	}
}

/* The same for those of both directions */
static u32 vnic_hash_sym_pair(const struct vnic_hash_key *h, unsigned int at, const u8 *data,
			      unsigned int half, u8 xfrm)
{
	u8 in[2 * sizeof(struct in6_addr)];
	unsigned int i;

	for (i = 0; i < half; i++) {
		in[i] = data[i] ^ data[half + i];
		in[half + i] = xfrm == VNIC_XFRM_XOR ? in[i] : data[i] | data[half + i];
	}
	return vnic_hash_bytes(h, at, in, 2 * half);
}

/* The hash over some fields, or of both directions: what few want, and pay for */
static noinline u32 vnic_hash_some(const struct vnic_hash_key *h, const u8 *addrs,
				   unsigned int half, const u8 *ports, u8 fields, u8 xfrm)
{
	u32 sum = 0;

	if (xfrm == VNIC_XFRM_NONE)
		return vnic_hash_pair(h, 0, addrs, half, fields & VNIC_FIELD_ADDRS) ^
		       vnic_hash_pair(h, 2 * half, ports, 2, fields / VNIC_FIELD_SPORT);
	if (fields & VNIC_FIELD_ADDRS)
		sum = vnic_hash_sym_pair(h, 0, addrs, half, xfrm);
	if (fields & VNIC_FIELD_PORTS)
		sum ^= vnic_hash_sym_pair(h, 2 * half, ports, 2, xfrm);
	return sum;
}

static unsigned int vnic_hash_kind(const struct vnic_frame *f, const struct vnic_headers *h)
{
	unsigned int ip = h->l3_proto == ETH_P_IP ? VNIC_KIND_IPV4 : VNIC_KIND_IPV6;

	if (h->fragment || h->l4 + 4 > f->hdr_len)
		return ip;
	if (h->l4_proto == IPPROTO_TCP)
		return ip + VNIC_KIND_TCP4;
	return h->l4_proto == IPPROTO_UDP ? ip + VNIC_KIND_UDP4 : ip;
}

/* VNIC_FR_HASH_* of a hash over @fields */
static u16 vnic_hash_flags(unsigned int kind, u8 fields)
{
	u16 flags = VNIC_FR_HASH_L3;

	if (fields & VNIC_FIELD_PORTS) {
		flags = VNIC_FR_HASH_L4;
		if (kind == VNIC_KIND_UDP4 || kind == VNIC_KIND_UDP6)
			flags |= VNIC_FR_HASH_UDP;
	}
	return kind < VNIC_HASH_V6 ? flags : flags | VNIC_FR_HASH_V6;
}

void vnic_frame_hash(struct vnic_frame *f, const struct vnic_hash_key *key)
{
	unsigned int kind, addrs, half;
	struct vnic_headers h;
	u8 fields, xfrm;

	f->flags &= ~VNIC_FR_HASH;
	if (!vnic_frame_parse(f, &h))
		return;
	kind = vnic_hash_kind(f, &h);
	fields = READ_ONCE(key->fields[kind]);
	if (!fields)
		return;
	if (kind < VNIC_HASH_V6) {
		addrs = h.l3 + offsetof(struct iphdr, saddr);
		half = sizeof(struct in_addr);
	} else {
		addrs = h.l3 + offsetof(struct ipv6hdr, saddr);
		half = sizeof(struct in6_addr);
	}
	f->flags |= vnic_hash_flags(kind, fields);
	xfrm = READ_ONCE(key->xfrm);
	if (unlikely(xfrm || (fields != VNIC_FIELD_ADDRS && fields != VNIC_FIELDS))) {
		f->hash = vnic_hash_some(key, f->hdr + addrs, half, f->hdr + h.l4, fields, xfrm);
		return;
	}
	f->hash = vnic_hash_bytes(key, 0, f->hdr + addrs, 2 * half);
	if (fields & VNIC_FIELD_PORTS)
		f->hash ^= vnic_hash_bytes(key, 2 * half, f->hdr + h.l4, 4);
}

bool vnic_frame_hash_as6(const struct vnic_frame *f, const struct vnic_frame *prev)
{
	__be16 proto = ((const struct ethhdr *)f->hdr)->h_proto;
	const u8 *a = f->hdr + ETH_HLEN, *b = prev->hdr + ETH_HLEN;
	u8 next = ((const struct ipv6hdr *)a)->nexthdr;

	return proto == htons(ETH_P_IPV6) && proto == ((const struct ethhdr *)prev->hdr)->h_proto &&
	       f->hdr_len >= ETH_HLEN + sizeof(struct ipv6hdr) + 4 &&
	       next == ((const struct ipv6hdr *)b)->nexthdr && *a >> 4 == *b >> 4 &&
	       (next == IPPROTO_TCP || next == IPPROTO_UDP) &&
	       !memcmp(a + offsetof(struct ipv6hdr, saddr), b + offsetof(struct ipv6hdr, saddr),
		       VNIC_HASH_INPUT);
}
