/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The receive hash of a frame.
 */
#ifndef _VNIC_HASH_H
#define _VNIC_HASH_H

#include <linux/bits.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/types.h>
#include <linux/unaligned.h>
#include <net/ip.h>

#include "frame.h"

#define VNIC_HASH_INPUT	36	/* bytes: two IPv6 addresses and two ports */

#define VNIC_HASH_HALVES	(2 * VNIC_HASH_INPUT)

#define VNIC_HASH_KEY_LEN	40	/* bytes */

/* Kinds of packets, by which it is chosen what is hashed.  What is neither TCP nor UDP, and a
 * fragment, is of the kind IPV4 or IPV6.  As virtio numbers them (5.1.6.4.3.1): BIT() of one
 * is the type.  IPv6's are VNIC_HASH_V6 above IPv4's.
 */
enum vnic_kind {
	VNIC_KIND_IPV4,
	VNIC_KIND_TCP4,
	VNIC_KIND_UDP4,
	VNIC_KIND_IPV6,
	VNIC_KIND_TCP6,
	VNIC_KIND_UDP6,
	VNIC_KINDS
};

#define VNIC_HASH_V6	VNIC_KIND_IPV6
#define VNIC_HASH_ALL	GENMASK(VNIC_KINDS - 1, 0)

/* What of a packet is hashed: some of the addresses, and of TCP's and UDP's ports */
#define VNIC_FIELD_SADDR	BIT(0)
#define VNIC_FIELD_DADDR	BIT(1)
#define VNIC_FIELD_SPORT	BIT(2)
#define VNIC_FIELD_DPORT	BIT(3)
#define VNIC_FIELD_ADDRS	(VNIC_FIELD_SADDR | VNIC_FIELD_DADDR)
#define VNIC_FIELD_PORTS	(VNIC_FIELD_SPORT | VNIC_FIELD_DPORT)
#define VNIC_FIELDS		(VNIC_FIELD_ADDRS | VNIC_FIELD_PORTS)

/* What is done to source and destination before, so that both directions have one hash */
enum vnic_xfrm {
	VNIC_XFRM_NONE,
	VNIC_XFRM_XOR,		/* source ^ destination in the places of both */
	VNIC_XFRM_OR_XOR,	/* source ^ destination, then source | destination */
};

/**
 * struct vnic_hash_key - a Toeplitz key as a table, and what it is for
 * @fields: by VNIC_KIND_*: VNIC_FIELD_* that are hashed; 0: there is no hash
 * @xfrm: enum vnic_xfrm
 * @table: by half byte of the input and its value: what that contributes
 */
struct vnic_hash_key {
	u8	fields[VNIC_KINDS];
	u8	xfrm;
	u32	table[VNIC_HASH_HALVES][16];
};

/* These change what others hash with meanwhile.  They get some of each: a hash of neither,
 * so a frame may go to another queue than the next of its flow.
 */

/* @key: VNIC_HASH_KEY_LEN bytes */
void vnic_hash_set_key(struct vnic_hash_key *h, const u8 *key);
/* @fields: VNIC_FIELD_* by kind; ports of TCP and UDP only, and with an @xfrm of each pair
 * both or none, which is not checked
 */
void vnic_hash_set_fields(struct vnic_hash_key *h, const u8 *fields, u8 xfrm);
/* @types: of VNIC_HASH_ALL: all fields of these, and TCP and UDP as IP without theirs */
void vnic_hash_set_types(struct vnic_hash_key *h, u32 types);

/* Hash over those fields of the header copy that the key is for; sets hash and
 * VNIC_FR_HASH_*.
 */
void vnic_frame_hash(struct vnic_frame *f, const struct vnic_hash_key *key);

/* ---- frames of a batch are mostly of one flow ---- */

/* What two IPv4 packets of a flow have in common of the words at these offsets of a frame:
 * type, version and header length; no offset and no more fragments, protocol
 */
#define VNIC_FLOW_TYPE_AT	(2 * ETH_ALEN)
#define VNIC_FLOW_TYPE		htonl(ETH_P_IP << 16 | 0x4500)
#define VNIC_FLOW_TYPE_BITS	htonl(0xffffff00)
#define VNIC_FLOW_PROTO_AT	(ETH_HLEN + offsetof(struct iphdr, frag_off))
#define VNIC_FLOW_PROTO_BITS	htonl((IP_MF | IP_OFFSET) << 16 | 0xff)

/* Both are of one IPv4 flow; @prev has ports. */
static __always_inline bool vnic_frame_hash_as4(const struct vnic_frame *f,
						const struct vnic_frame *prev)
{
	const u8 *a = f->hdr, *b = prev->hdr;
	const unsigned int addrs = ETH_HLEN + offsetof(struct iphdr, saddr), ports = addrs + 8;
	__be32 proto = get_unaligned((const __be32 *)(a + VNIC_FLOW_PROTO_AT));
	__be32 was = get_unaligned((const __be32 *)(b + VNIC_FLOW_PROTO_AT));

	return f->hdr_len >= ports + 4 && !((proto ^ was) & VNIC_FLOW_PROTO_BITS) &&
	       get_unaligned((const u64 *)(a + addrs)) == get_unaligned((const u64 *)(b + addrs)) &&
	       get_unaligned((const u32 *)(a + ports)) == get_unaligned((const u32 *)(b + ports));
}

/* The same of IPv6 */
bool vnic_frame_hash_as6(const struct vnic_frame *f, const struct vnic_frame *prev);

/**
 * vnic_frame_hash_as - the hash of the frame before, if it is of the same flow
 * @f: frame
 * @prev: the one before, hashed with the same key
 *
 * Sets hash and VNIC_FR_HASH_* as vnic_frame_hash() would.
 *
 * Context: any.
 * Return: false: nothing was done, hash it.
 */
static __always_inline bool vnic_frame_hash_as(struct vnic_frame *f, const struct vnic_frame *prev)
{
	__be32 type = get_unaligned((const __be32 *)(f->hdr + VNIC_FLOW_TYPE_AT));
	__be32 was = get_unaligned((const __be32 *)(prev->hdr + VNIC_FLOW_TYPE_AT));

	if (!(prev->flags & VNIC_FR_HASH_L4))
		return false;
	if (likely((type & VNIC_FLOW_TYPE_BITS) == VNIC_FLOW_TYPE)) {
		if ((was & VNIC_FLOW_TYPE_BITS) != VNIC_FLOW_TYPE || !vnic_frame_hash_as4(f, prev))
			return false;
	} else if (!vnic_frame_hash_as6(f, prev)) {
		return false;
	}
	f->flags = (f->flags & ~VNIC_FR_HASH) | (prev->flags & VNIC_FR_HASH);
	f->hash = prev->hash;
	return true;
}

#endif /* _VNIC_HASH_H */
