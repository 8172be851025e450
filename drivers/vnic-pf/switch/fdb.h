/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The forwarding database: which ports an address leads to.
 *
 * Inside the switch.  The forwarding path looks addresses up under RCU; what is
 * declared here changes and searches it for who configures: process context,
 * vnic_switch.lock held.
 */
#ifndef _VNIC_FDB_H
#define _VNIC_FDB_H

#include <linux/etherdevice.h>
#include <linux/jhash.h>
#include <linux/list.h>
#include <linux/rhashtable.h>
#include <linux/types.h>

struct vnic_port;

enum vnic_fdb_kind {
	VNIC_FDB_PRIMARY,	/* a port's address */
	VNIC_FDB_UC,		/* unicast filter */
	VNIC_FDB_MC,		/* multicast filter */
};

/**
 * struct vnic_fdb_entry - an address and one of the ports it leads to
 * @rhl: in vnic_switch.fdb
 * @mac: key
 * @kind: why it is there
 * @active: false: an address the port does not use now but may return to; it
 *	is not forwarded to, but nobody else may take it
 * @wanted: scratch of vnic_port_guest_rx_mode()
 * @port: where frames go
 * @node: in vnic_port_conf.filters
 * @rcu: for freeing
 */
struct vnic_fdb_entry {
	struct rhlist_head	rhl;
	u8			mac[ETH_ALEN];
	u8			kind;
	bool			active;
	bool			wanted;
	struct vnic_port	*port;
	struct list_head	node;
	struct rcu_head		rcu;
};

static inline u32 vnic_fdb_hash(const void *mac, u32 len, u32 seed)
{
	u64 key = ether_addr_to_u64(mac);

	return jhash_2words(lower_32_bits(key), upper_32_bits(key), seed);
}

static inline u32 vnic_fdb_obj_hash(const void *obj, u32 len, u32 seed)
{
	return vnic_fdb_hash(((const struct vnic_fdb_entry *)obj)->mac, len, seed);
}

/* 0: it is the one looked for. */
static inline int vnic_fdb_differs(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct vnic_fdb_entry *e = obj;

	return !ether_addr_equal(e->mac, arg->key);
}

/* Of vnic_switch.fdb.  Here, so that what looks up is compiled for it. */
static const struct rhashtable_params vnic_fdb_params = {
	.head_offset		= offsetof(struct vnic_fdb_entry, rhl.rhead),
	.key_offset		= offsetof(struct vnic_fdb_entry, mac),
	.key_len		= ETH_ALEN,
	.hashfn			= vnic_fdb_hash,
	.obj_hashfn		= vnic_fdb_obj_hash,
	.obj_cmpfn		= vnic_fdb_differs,
	.automatic_shrinking	= true,
};

/* The entries of an address, for rhl_for_each_entry_rcu().  RCU */
static inline struct rhlist_head *vnic_fdb_lookup(struct rhltable *fdb, const u8 *mac)
{
	return rhltable_lookup(fdb, mac, vnic_fdb_params);
}

/* Let an address lead to a port.  The entry, active, or ERR_PTR(-ENOMEM). */
struct vnic_fdb_entry *vnic_fdb_add(struct vnic_port *port, const u8 *mac,
				    enum vnic_fdb_kind kind);
/* Remove an entry, also from a list that it is in by its node, and free it, after RCU. */
void vnic_fdb_del(struct vnic_fdb_entry *e);
/* The entry of a port of one kind for an address, or NULL */
struct vnic_fdb_entry *vnic_fdb_find(struct vnic_port *port, const u8 *mac,
				     enum vnic_fdb_kind kind);
/* Does an address belong to a port that does not share it with @port? */
bool vnic_fdb_taken(struct vnic_port *port, const u8 *mac);

#endif /* _VNIC_FDB_H */
