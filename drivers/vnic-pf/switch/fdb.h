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

#include <linux/if_ether.h>
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

/* Of vnic_switch.fdb */
extern const struct rhashtable_params vnic_fdb_params;

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
