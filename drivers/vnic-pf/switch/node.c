// SPDX-License-Identifier: GPL-2.0
/*
 * Nodes: lifetime and configuration.
 *
 * A change is made, summed up and, where something above would have promised more
 * than it can keep (promise.c), taken back, all under sw->lock: nobody sees it.
 */
#include <linux/bitmap.h>
#include <linux/slab.h>

#include "switch.h"

/* Number of nodes from this one to the lowest below it */
static unsigned int vnic_node_height(const struct vnic_node *node)
{
	unsigned int level = vnic_node_level(node), lowest = level;
	const struct vnic_node *other, *above;

	list_for_each_entry(other, &node->sw->nodes, list)
		for (above = other; above; above = above->parent)
			if (above == node)
				lowest = max(lowest, vnic_node_level(other));
	return lowest - level + 1;
}

/* ---- configuration ---- */

/* All VFs may be affected: who waits looks again. */
static void vnic_nodes_changed(struct vnic_switch *sw)
{
	struct vnic_port *port;

	vnic_wire_update(sw);
	list_for_each_entry(port, &sw->ports, node)
		if (port->ops->unblock)
			port->ops->unblock(port);
}

/* May the node itself have these?  sw->lock held. */
static int vnic_node_check_rates(const struct vnic_node *node, const u32 *rates,
				 struct vnic_refusal *no)
{
	u32 min = rates[VNIC_RATE_MIN], max = rates[VNIC_RATE_TX];

	if (rates[VNIC_RATE_PRIO] >= VNIC_SHARE_PRIOS)
		return -ERANGE;
	if (max && min > max)
		return -EINVAL;
	no->left = node->sum;
	if ((min && node->sum > min) || (max && node->sum > max))
		return -EBUSY;
	/* What is not below another competes on the wire only. */
	if (!node->parent && !vnic_wire_speed(node->sw) &&
	    (rates[VNIC_RATE_WEIGHT] > node->rates[VNIC_RATE_WEIGHT] ||
	     rates[VNIC_RATE_PRIO] > node->rates[VNIC_RATE_PRIO]))
		return -ENODATA;
	return 0;
}

/* sw->lock held */
static int vnic_node_try_rates(struct vnic_node *node, const u32 *rates, struct vnic_refusal *no)
{
	struct vnic_chain chain;
	u32 had[VNIC_RATES];
	int err;

	vnic_chain_note(&chain, node->sw, node->parent);
	err = vnic_node_check_rates(node, rates, no);
	if (err)
		return err;
	memcpy(had, node->rates, sizeof(had));
	memcpy(node->rates, rates, sizeof(node->rates));
	err = vnic_chain_check(&chain, node->sw, node->parent, rates[VNIC_RATE_MIN], no);
	if (err)
		memcpy(node->rates, had, sizeof(node->rates));
	return err;
}

int vnic_node_set_rate(struct vnic_node *node, enum vnic_rate which, u32 value,
		       struct vnic_refusal *no)
{
	struct vnic_switch *sw = node->sw;
	u32 rates[VNIC_RATES];
	int err;

	if (!vnic_rate_valid(which, value))
		return -ERANGE;
	mutex_lock(&sw->lock);
	memcpy(rates, node->rates, sizeof(rates));
	rates[which] = value;
	err = vnic_node_try_rates(node, rates, no);
	if (!err)
		vnic_nodes_changed(sw);
	mutex_unlock(&sw->lock);
	return err;
}

u32 vnic_node_get_rate(struct vnic_node *node, enum vnic_rate which)
{
	u32 value;

	mutex_lock(&node->sw->lock);
	value = node->rates[which];
	mutex_unlock(&node->sw->lock);
	return value;
}

/* Put what is at *@place, and was promised @mine Mb/s, below another.  sw->lock held. */
static int vnic_node_move(struct vnic_switch *sw, struct vnic_node **place,
			  struct vnic_node *parent, u64 mine, struct vnic_refusal *no)
{
	struct vnic_node *old = *place;
	struct vnic_chain chain;
	int err;

	if (parent == old)
		return 0;
	vnic_chain_note(&chain, sw, parent);
	*place = parent;
	err = vnic_chain_check(&chain, sw, parent, mine, no);
	if (err)
		*place = old;
	else
		vnic_nodes_changed(sw);
	return err;
}

int vnic_node_set_parent(struct vnic_node *node, struct vnic_node *parent,
			 struct vnic_refusal *no)
{
	struct vnic_switch *sw = node->sw;
	int err = -EMLINK;

	mutex_lock(&sw->lock);
	if (vnic_node_level(parent) + vnic_node_height(node) <= VNIC_NODES_ABOVE) {
		vnic_nodes_promise(sw);
		err = vnic_node_move(sw, &node->parent, parent, vnic_node_promised(node), no);
	}
	mutex_unlock(&sw->lock);
	return err;
}

int vnic_port_set_parent(struct vnic_port *port, struct vnic_node *parent,
			 struct vnic_refusal *no)
{
	struct vnic_switch *sw = port->sw;
	int err;

	mutex_lock(&sw->lock);
	err = vnic_node_move(sw, &port->conf->parent, parent, port->conf->rates[VNIC_RATE_MIN],
			     no);
	mutex_unlock(&sw->lock);
	return err;
}

/* ---- lifetime ---- */

struct vnic_node *vnic_node_create(struct vnic_switch *sw, const char *name)
{
	struct vnic_node *node;
	enum vnic_tree_id id;

	if (strlen(name) >= VNIC_NODE_NAME)
		return ERR_PTR(-ENAMETOOLONG);
	node = kzalloc(sizeof(*node), GFP_KERNEL);
	if (!node)
		return ERR_PTR(-ENOMEM);
	node->sw = sw;
	strscpy(node->name, name, sizeof(node->name));
	node->rates[VNIC_RATE_RX] = VNIC_RATE_AS_TX;
	for (id = 0; id < VNIC_TREES; id++)
		vnic_share_init(&node->share[id], 0);
	mutex_lock(&sw->lock);
	node->index = find_first_zero_bit(sw->node_ids, VNIC_NODES_MAX);
	if (node->index < VNIC_NODES_MAX) {
		__set_bit(node->index, sw->node_ids);
		list_add_tail(&node->list, &sw->nodes);
		vnic_wire_update(sw);
	}
	mutex_unlock(&sw->lock);
	if (node->index < VNIC_NODES_MAX)
		return node;
	kfree(node);
	return ERR_PTR(-ENOSPC);
}

void vnic_node_destroy(struct vnic_node *node)
{
	struct vnic_switch *sw = node->sw;

	mutex_lock(&sw->lock);
	__clear_bit(node->index, sw->node_ids);
	list_del(&node->list);
	/* All claims are made anew: none is to the node any more. */
	vnic_nodes_changed(sw);
	mutex_unlock(&sw->lock);
	kfree(node);
}

void vnic_nodes_dissolve(struct vnic_switch *sw)
{
	struct vnic_node *node;
	struct vnic_port *port;

	mutex_lock(&sw->lock);
	list_for_each_entry(node, &sw->nodes, list) {
		node->parent = NULL;
		node->rates[VNIC_RATE_MIN] = 0;
	}
	list_for_each_entry(port, &sw->ports, node)
		port->conf->parent = NULL;
	vnic_nodes_changed(sw);
	mutex_unlock(&sw->lock);
}
