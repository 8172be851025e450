/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The receive hash of a frame.
 */
#ifndef _VNIC_HASH_H
#define _VNIC_HASH_H

#include <linux/bits.h>
#include <linux/types.h>
#include <vnic/vnic_mbx.h>

struct vnic_frame;

#define VNIC_HASH_INPUT	36	/* bytes: two IPv6 addresses and two ports */

#define VNIC_HASH_HALVES	(2 * VNIC_HASH_INPUT)

/* What a hash is made over: addresses, or those and ports; as virtio numbers them
 * (5.1.6.4.3.1).  IPv6's are VNIC_HASH_V6 bits above IPv4's.
 */
#define VNIC_HASH_IP	BIT(0)
#define VNIC_HASH_TCP	BIT(1)
#define VNIC_HASH_UDP	BIT(2)
#define VNIC_HASH_V6	3
#define VNIC_HASH_ALL	GENMASK(5, 0)

/**
 * struct vnic_hash_key - a Toeplitz key as a table
 * @types: VNIC_HASH_*: what is hashed at all
 * @table: by half byte of the input and its value: what that contributes
 */
struct vnic_hash_key {
	u32	types;
	u32	table[VNIC_HASH_HALVES][16];
};

/* @key: VNIC_RSS_KEY_LEN bytes; @types: VNIC_HASH_*.  Who hashes meanwhile gets some of
 * each: a hash of neither key, so a frame may go to another queue than the next of its
 * flow.
 */
void vnic_hash_set_key(struct vnic_hash_key *h, const u8 *key, u32 types);

/* Hash over addresses (and TCP/UDP ports) of the header copy, of the kinds that the key
 * is for; sets hash and VNIC_FR_HASH_*.
 */
void vnic_frame_hash(struct vnic_frame *f, const struct vnic_hash_key *key);

/* The same, if it is the hash of @prev, which was made with the same key.
 * False: hash it.
 */
bool vnic_frame_hash_as(struct vnic_frame *f, const struct vnic_frame *prev);

#endif /* _VNIC_HASH_H */
