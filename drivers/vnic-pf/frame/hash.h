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
 * (5.1.6.4.3.1), and so that BIT(VNIC_HASH_K_*) is the type.  IPv6's are VNIC_HASH_V6
 * bits above IPv4's.
 */
#define VNIC_HASH_V6	3
#define VNIC_HASH_F_ALL	(VNIC_HASH_F_ADDRS | VNIC_HASH_F_PORTS)
#define VNIC_HASH_ALL	GENMASK(VNIC_HASH_KINDS - 1, 0)

/**
 * struct vnic_hash_key - a Toeplitz key as a table, and what it is for
 * @fields: by VNIC_HASH_K_*: VNIC_HASH_F_* that are hashed; 0: there is no hash
 * @xfrm: VNIC_HASH_X_*: what is done to source and destination before
 * @table: by half byte of the input and its value: what that contributes
 */
struct vnic_hash_key {
	u8	fields[VNIC_HASH_KINDS];
	u8	xfrm;
	u32	table[VNIC_HASH_HALVES][16];
};

/* These change what others hash with meanwhile.  They get some of each: a hash of neither,
 * so a frame may go to another queue than the next of its flow.
 */

/* @key: VNIC_RSS_KEY_LEN bytes */
void vnic_hash_set_key(struct vnic_hash_key *h, const u8 *key);
/* @fields: VNIC_HASH_KINDS bytes; with it and @xfrm as in struct vnic_mbx_hash, checked */
void vnic_hash_set_fields(struct vnic_hash_key *h, const u8 *fields, u8 xfrm);
/* @types: of VNIC_HASH_ALL: all fields of these, and TCP and UDP as IP without theirs */
void vnic_hash_set_types(struct vnic_hash_key *h, u32 types);

/* Hash over those fields of the header copy that the key is for; sets hash and
 * VNIC_FR_HASH_*.
 */
void vnic_frame_hash(struct vnic_frame *f, const struct vnic_hash_key *key);

/* The same, if it is the hash of @prev, which was made with the same key.
 * False: hash it.
 */
bool vnic_frame_hash_as(struct vnic_frame *f, const struct vnic_frame *prev);

#endif /* _VNIC_HASH_H */
