// SPDX-License-Identifier: GPL-2.0
/*
 * The receive hash: Toeplitz over addresses (and TCP/UDP ports) of the header
 * copy.
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

static_assert(VNIC_HASH_INPUT + sizeof(u32) <= VNIC_RSS_KEY_LEN);

/* The 32 bits of the key from bit @at on */
static u32 vnic_key_window(const u8 *key, unsigned int at)
{
	return get_unaligned_be64(key + at / 8) << at % 8 >> 32;
}

void vnic_hash_set_key(struct vnic_hash_key *h, const u8 *key, u32 types)
{
	u8 padded[VNIC_RSS_KEY_LEN + sizeof(u64)] = {};
	unsigned int i, value, bit;

	WRITE_ONCE(h->types, types);
	memcpy(padded, key, VNIC_RSS_KEY_LEN);
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

/* What @len bytes at @at of the input contribute */
static u32 vnic_hash_bytes(const struct vnic_hash_key *h, unsigned int at, const u8 *data,
			   unsigned int len)
{
	const u32 (*table)[16] = &h->table[2 * at];
	u32 sum = 0;

	for (; len; len--, data++, table += 2)
		sum ^= READ_ONCE(table[0][*data >> 4]) ^ READ_ONCE(table[1][*data & 15]);
	return sum;
}

/* VNIC_HASH_TCP or VNIC_HASH_UDP, if there are ports to hash, else 0 */
static u32 vnic_hash_ports(const struct vnic_frame *f, const struct vnic_headers *h)
{
	if (h->fragment || h->l4 + 4 > f->hdr_len)
		return 0;
	if (h->l4_proto == IPPROTO_TCP)
		return VNIC_HASH_TCP;
	return h->l4_proto == IPPROTO_UDP ? VNIC_HASH_UDP : 0;
}

void vnic_frame_hash(struct vnic_frame *f, const struct vnic_hash_key *key)
{
	u32 ports, types = READ_ONCE(key->types);
	unsigned int addrs, len;
	struct vnic_headers h;

	f->flags &= ~VNIC_FR_HASH;
	if (!vnic_frame_parse(f, &h))
		return;
	if (h.l3_proto == ETH_P_IP) {
		addrs = h.l3 + offsetof(struct iphdr, saddr);
		len = 2 * sizeof(struct in_addr);
	} else {
		types >>= VNIC_HASH_V6;
		addrs = h.l3 + offsetof(struct ipv6hdr, saddr);
		len = 2 * sizeof(struct in6_addr);
	}
	ports = vnic_hash_ports(f, &h) & types;
	if (!ports && !(types & VNIC_HASH_IP))
		return;
	f->flags |= ports ? VNIC_FR_HASH_L4 : VNIC_FR_HASH_L3;
	if (ports == VNIC_HASH_UDP)
		f->flags |= VNIC_FR_HASH_UDP;
	if (h.l3_proto != ETH_P_IP)
		f->flags |= VNIC_FR_HASH_V6;
	f->hash = vnic_hash_bytes(key, 0, f->hdr + addrs, len);
	if (ports)
		f->hash ^= vnic_hash_bytes(key, len, f->hdr + h.l4, 4);
}

/* Both are IPv4 without options; @b is TCP or UDP, and no fragment. */
static bool vnic_same_ipv4(const u8 *a, const u8 *b)
{
	const struct iphdr *ip = (const void *)a;

	return *a == *b && ip->protocol == ((const struct iphdr *)b)->protocol &&
	       !ip_is_fragment(ip) &&
	       !memcmp(a + offsetof(struct iphdr, saddr), b + offsetof(struct iphdr, saddr), 12);
}

/* Both are IPv6. */
static bool vnic_same_ipv6(const u8 *a, const u8 *b)
{
	u8 next = ((const struct ipv6hdr *)a)->nexthdr;

	return next == ((const struct ipv6hdr *)b)->nexthdr && *a >> 4 == *b >> 4 &&
	       (next == IPPROTO_TCP || next == IPPROTO_UDP) &&
	       !memcmp(a + offsetof(struct ipv6hdr, saddr), b + offsetof(struct ipv6hdr, saddr),
		       VNIC_HASH_INPUT);
}

bool vnic_frame_hash_as(struct vnic_frame *f, const struct vnic_frame *prev)
{
	__be16 proto = ((const struct ethhdr *)f->hdr)->h_proto;
	const u8 *a = f->hdr + ETH_HLEN, *b = prev->hdr + ETH_HLEN;
	bool same = false;

	if (!(prev->flags & VNIC_FR_HASH_L4) ||
	    proto != ((const struct ethhdr *)prev->hdr)->h_proto)
		return false;
	if (proto == htons(ETH_P_IP))
		same = f->hdr_len >= ETH_HLEN + sizeof(struct iphdr) + 4 && *a == 0x45 &&
		       vnic_same_ipv4(a, b);
	else if (proto == htons(ETH_P_IPV6))
		same = f->hdr_len >= ETH_HLEN + sizeof(struct ipv6hdr) + 4 && vnic_same_ipv6(a, b);
	if (!same)
		return false;
	f->flags &= ~VNIC_FR_HASH;
	f->flags |= prev->flags & VNIC_FR_HASH;
	f->hash = prev->hash;
	return true;
}
