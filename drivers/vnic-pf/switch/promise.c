// SPDX-License-Identifier: GPL-2.0
/*
 * What is asked of nodes: how deep they are, what they have, and what was promised up
 * the tree, before a change and after it.
 *
 * What promises no more than before is never refused.
 */
#include "switch.h"

u32 vnic_node_rx_rate(const struct vnic_node *node)
{
	u32 rate = node->rates[VNIC_RATE_RX];

	return rate == VNIC_RATE_AS_TX ? node->rates[VNIC_RATE_TX] : rate;
}

unsigned int vnic_node_level(const struct vnic_node *node)
{
	unsigned int level = 0;

	for (; node; node = node->parent)
		level++;
	return level;
}

u64 vnic_node_promised(const struct vnic_node *node)
{
	return node->rates[VNIC_RATE_MIN] ?: node->sum;
}

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
