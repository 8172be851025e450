/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Nodes: what VFs of a tenant may have together, as `devlink port function rate`
 * knows them.
 *
 * A node has a rate for what the VFs below it send and one for what they are sent,
 * to and from anywhere, and a guarantee, a weight and a priority on the wire.  Nodes
 * may be below others.  What is guaranteed is checked up the tree: the children of a
 * node that has a guarantee have no more together, nor those of one that has a rate.
 *
 * Configuration: process context; takes vnic_switch.lock; net/ serialises what makes,
 * moves and removes nodes (devl), and so may hold on to one.
 */
#ifndef _VNIC_NODE_H
#define _VNIC_NODE_H

#include "port.h"

#define VNIC_NODES_ABOVE	4	/* of a VF, at most: each is a level of recursion when
					 * a share is dealt out; tenant, customer, machine,
					 * service is what bandwidth is divided by elsewhere
					 */
#define VNIC_NODES_MAX		256	/* of an adapter: as many as VFs, which is one for each */
#define VNIC_NODE_NAME		64	/* bytes of a name, with its 0 */

/**
 * struct vnic_node - a node; under vnic_switch.lock
 * @sw: its switch
 * @parent: node above it; NULL: none
 * @list: in vnic_switch.nodes
 * @index: 0 to VNIC_NODES_MAX - 1, nobody else's while it exists
 * @name: for messages
 * @rates: VNIC_RATE_TX, _RX, _MIN, _WEIGHT and _PRIO
 * @sum: Mb/s that its children were promised; right after vnic_nodes_promise()
 * @wants: scratch of tree.c, bytes per second: what its children always have
 * @want: the same: what it has itself
 * @grant: the same, as far as there is so much
 * @share: what it deals out to its children in each tree; under the lock of that
 */
struct vnic_node {
	struct vnic_switch	*sw;
	struct vnic_node	*parent;
	struct list_head	list;
	unsigned int		index;
	char			name[VNIC_NODE_NAME];
	u32			rates[VNIC_RATES];
	u64			sum;
	u64			wants;
	u64			want;
	u64			grant;
	struct vnic_share	share[VNIC_TREES];
};

/* Make a node that has nothing and is below nothing.  ERR_PTR(-ENOMEM), (-ENOSPC): there
 * are VNIC_NODES_MAX, (-ENAMETOOLONG).
 */
struct vnic_node *vnic_node_create(struct vnic_switch *sw, const char *name);
/* Remove a node; nothing is below it. */
void vnic_node_destroy(struct vnic_node *node);
/* Nothing is below any node, and none has a guarantee any more. */
void vnic_nodes_dissolve(struct vnic_switch *sw);

/**
 * vnic_node_set_rate - set what the VFs below a node have together
 * @node: node
 * @which: one of vnic_node.rates; VNIC_RATE_RX may be VNIC_RATE_AS_TX
 * @value: see enum vnic_rate
 * @no: why not
 *
 * Takes effect at once, also on who waits.
 *
 * Return: as vnic_port_set_rates(), and -EBUSY: its children were promised more,
 * @no->left.
 */
int vnic_node_set_rate(struct vnic_node *node, enum vnic_rate which, u32 value,
		       struct vnic_refusal *no);
u32 vnic_node_get_rate(struct vnic_node *node, enum vnic_rate which);
/* Put a node below another that is not below it, or NULL: none.  As vnic_port_set_rates()
 * of its guarantee, and -EMLINK: more than VNIC_NODES_ABOVE nodes above each other.
 */
int vnic_node_set_parent(struct vnic_node *node, struct vnic_node *parent,
			 struct vnic_refusal *no);
/* The same of a VF's port */
int vnic_port_set_parent(struct vnic_port *port, struct vnic_node *parent,
			 struct vnic_refusal *no);

#endif /* _VNIC_NODE_H */
