// SPDX-License-Identifier: GPL-2.0
/*
 * The forwarding database: entries made, found and removed.
 */
#include <linux/slab.h>

#include "switch.h"

struct vnic_fdb_entry *vnic_fdb_add(struct vnic_port *port, const u8 *mac, enum vnic_fdb_kind kind)
{
	struct vnic_fdb_entry *e;

	lockdep_assert_held(&port->sw->lock);
	e = kzalloc(sizeof(*e), GFP_KERNEL);
	if (!e)
		return ERR_PTR(-ENOMEM);
	ether_addr_copy(e->mac, mac);
	e->kind = kind;
	e->active = true;
	e->port = port;
	INIT_LIST_HEAD(&e->node);
	if (rhltable_insert(&port->sw->fdb, &e->rhl, vnic_fdb_params)) {
		kfree(e);
		return ERR_PTR(-ENOMEM);
	}
	return e;
}

void vnic_fdb_del(struct vnic_fdb_entry *e)
{
	lockdep_assert_held(&e->port->sw->lock);
	list_del(&e->node);
	rhltable_remove(&e->port->sw->fdb, &e->rhl, vnic_fdb_params);
	kfree_rcu(e, rcu);
}

struct vnic_fdb_entry *vnic_fdb_find(struct vnic_port *port, const u8 *mac, enum vnic_fdb_kind kind)
{
	struct vnic_fdb_entry *e, *found = NULL;
	struct rhlist_head *list, *pos;

	lockdep_assert_held(&port->sw->lock);
	rcu_read_lock();
	list = vnic_fdb_lookup(&port->sw->fdb, mac);
	rhl_for_each_entry_rcu(e, pos, list, rhl) {
		if (e->port == port && e->kind == kind) {
			found = e;
			break;
		}
	}
	rcu_read_unlock();
	return found;
}

/* VFs that the host trusts, both of them, may share an address, as a bond or VRRP does. */
static bool vnic_ports_share(const struct vnic_port *a, const struct vnic_port *b)
{
	return a->type == VNIC_PORT_VF && b->type == VNIC_PORT_VF &&
	       a->conf->trusted && b->conf->trusted;
}

bool vnic_fdb_taken(struct vnic_port *port, const u8 *mac)
{
	struct rhlist_head *list, *pos;
	struct vnic_fdb_entry *e;
	bool taken = false;

	lockdep_assert_held(&port->sw->lock);
	rcu_read_lock();
	list = vnic_fdb_lookup(&port->sw->fdb, mac);
	rhl_for_each_entry_rcu(e, pos, list, rhl) {
		if (e->port != port && !vnic_ports_share(e->port, port)) {
			taken = true;
			break;
		}
	}
	rcu_read_unlock();
	return taken;
}
