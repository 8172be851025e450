// SPDX-License-Identifier: GPL-2.0
/*
 * Nodes: configuration, and the check of guarantees up the tree.
 *
 * A change is made, summed up and, where something above would have promised more
 * than it can keep, taken back, all under sw->lock: nobody sees it.  What promises
 * no more than before is never refused.
 */
#include <linux/bitmap.h>
#include <linux/slab.h>

#include "switch.h"

/* Mb/s that may be sent to the VFs below a node */
u32 vnic_node_rx_rate(const struct vnic_node *node)
{
	u32 rate = node->rates[VNIC_RATE_RX];

	return rate == VNIC_RATE_AS_TX ? node->rates[VNIC_RATE_TX] : rate;
}

/* Number of nodes from the top to this one */
unsigned int vnic_node_level(const struct vnic_node *node)
{
	unsigned int level = 0;

	for (; node; node = node->parent)
		level++;
	return level;
}

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

/* ---- guarantees up the tree; sw->lock held ---- */

/* Mb/s that a node was promised, or else its children */
u64 vnic_node_promised(const struct vnic_node *node)
{
	return node->rates[VNIC_RATE_MIN] ?: node->sum;
}

/* Sum up what was promised at each node.  Returns what was of the link. */
u64 vnic_nodes_promise(struct vnic_switch *sw)
{
	struct vnic_port *port;
	struct vnic_node *node;
	unsigned int level;
	u64 sum = 0;

	lockdep_assert_held(&sw->lock);
	list_for_each_entry(node, &sw->nodes, list)
		node->sum = 0;
	list_for_each_entry(port, &sw->ports, node) {
		node = port->conf->parent;
		*(node ? &node->sum : &sum) += port->conf->rates[VNIC_RATE_MIN];
	}
	for (level = VNIC_NODES_ABOVE; level; level--)
		list_for_each_entry(node, &sw->nodes, list)
			if (vnic_node_level(node) == level)
				*(node->parent ? &node->parent->sum : &sum) +=
					vnic_node_promised(node);
	return sum;
}

void vnic_chain_note(struct vnic_chain *chain, struct vnic_switch *sw, struct vnic_node *parent)
{
	u64 sum = vnic_nodes_promise(sw);
	unsigned int i = 0;

	for (; parent; parent = parent->parent)
		chain->sum[i++] = parent->sum;
	chain->sum[i] = sum;
}

/* More was promised than @limit, @mine Mb/s of @sum of it to who asks. */
static int vnic_chain_refuse(struct vnic_refusal *no, const struct vnic_node *node, u64 limit,
			     u64 sum, u64 mine)
{
	u64 others = sum - mine;

	no->left = limit > others ? limit - others : 0;
	no->of = !node ? VNIC_OF_LINK :
		 node->rates[VNIC_RATE_MIN] ? VNIC_OF_NODE_MIN : VNIC_OF_NODE_MAX;
	if (node)
		strscpy(no->node, node->name, sizeof(no->node));
	return -ENOSPC;
}

int vnic_chain_check(const struct vnic_chain *chain, struct vnic_switch *sw,
		     const struct vnic_node *parent, u64 mine, struct vnic_refusal *no)
{
	u32 speed = vnic_wire_speed(sw), limit;
	u64 sum = vnic_nodes_promise(sw);
	unsigned int i = 0;

	for (; parent; parent = parent->parent, i++) {
		if (parent->sum <= chain->sum[i])
			return 0;
		limit = parent->rates[VNIC_RATE_MIN] ?: parent->rates[VNIC_RATE_TX];
		if (limit && parent->sum > limit)
			return vnic_chain_refuse(no, parent, limit, parent->sum, mine);
		if (parent->rates[VNIC_RATE_MIN])
			return 0;
	}
	if (sum <= chain->sum[i])
		return 0;
	if (!speed)
		return -ENODATA;
	return sum > speed ? vnic_chain_refuse(no, NULL, speed, sum, mine) : 0;
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
