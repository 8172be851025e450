// SPDX-License-Identifier: GPL-2.0
/*
 * Trees of shares: what VFs and nodes are configured to have, as claims.
 *
 * Everything is made anew whenever something changes: first, without the tree's
 * lock, what each is to have for certain, then the claims, under it.
 */
#include <linux/math64.h>
#include <linux/timekeeping.h>

#include "switch.h"

#define VNIC_TREE_DEPTH_MS	4	/* what a VF that was idle may send at once */
/* What every VF has, as a shift of the rate that is shared (1.6 % for 256 VFs), and in
 * bytes per second at least: else the watchdog of the driver of one with a low priority
 * would take its queue for stuck.
 */
#define VNIC_TREE_TRICKLE	14
#define VNIC_TREE_TRICKLE_MIN	4096

static bool vnic_tree_is_wire(enum vnic_tree_id id)
{
	return id == VNIC_WIRE_OUT || id == VNIC_WIRE_IN;
}

static bool vnic_tree_is_inbound(enum vnic_tree_id id)
{
	return id == VNIC_WIRE_IN || id == VNIC_CAP_IN;
}

/* ---- lifetime ---- */

void vnic_trees_init(struct vnic_switch *sw)
{
	enum vnic_tree_id id;

	for (id = 0; id < VNIC_TREES; id++) {
		spin_lock_init(&sw->tree[id].lock);
		vnic_share_init(&sw->tree[id].share, vnic_tree_is_wire(id) ?
				VNIC_SHARE_WINDOW : VNIC_SHARE_WINDOW_MAX);
	}
}

void vnic_trees_join(struct vnic_port *port)
{
	enum vnic_tree_id id;

	for (id = 0; id < VNIC_TREES; id++)
		vnic_claim_init(&port->claim[id]);
}

void vnic_trees_leave(struct vnic_port *port)
{
	enum vnic_tree_id id;

	for (id = 0; id < VNIC_TREES; id++) {
		spin_lock_bh(&port->sw->tree[id].lock);
		vnic_share_remove(&port->claim[id]);
		spin_unlock_bh(&port->sw->tree[id].lock);
	}
}

/* ---- what was configured; bytes per second ---- */

/* A node's own rate in the tree; 0: none */
static u64 vnic_tree_rate(const struct vnic_node *node, enum vnic_tree_id id)
{
	if (id == VNIC_CAP_OUT)
		return vnic_meter_rate(node->rates[VNIC_RATE_TX]);
	return id == VNIC_CAP_IN ? vnic_meter_rate(vnic_node_rx_rate(node)) : 0;
}

/* The least rate of a node and those above it; 0: none has one */
static u64 vnic_tree_cap(const struct vnic_node *node, enum vnic_tree_id id)
{
	u64 cap = 0;

	for (; node; node = node->parent)
		cap = min_not_zero(cap, vnic_tree_rate(node, id));
	return cap;
}

/* Bytes that a member of what has this rate saves */
static u64 vnic_tree_depth(enum vnic_tree_id id, u64 rate)
{
	if (vnic_tree_is_inbound(id))
		return vnic_meter_default_burst(rate);
	return max_t(u64, div_u64(rate, 1000) * VNIC_TREE_DEPTH_MS, 2 * VNIC_MTU_MAX);
}

/* Spare goes in proportion to the minima (Mb/s) where no weight was set. */
static u32 vnic_tree_weight(const u32 *rates, u64 min)
{
	return rates[VNIC_RATE_WEIGHT] ?: clamp_t(u64, min, 1, VNIC_SHARE_WEIGHT_MAX);
}

u8 vnic_conf_prio(const struct vnic_port_conf *conf)
{
	u32 prio = conf->rates[VNIC_RATE_PRIO];

	return prio == VNIC_PRIO_BY_QOS ? conf->qos : prio;
}

/* ---- what each has for certain; sw->lock held ---- */

/* What a VF always has of a rate, its link's or its nodes' */
static u64 vnic_tree_want(const struct vnic_port *port, enum vnic_tree_id id, u64 rate)
{
	if (!vnic_tree_is_wire(id))
		rate = vnic_tree_cap(port->conf->parent, id);
	return max3(vnic_meter_rate(port->conf->rates[VNIC_RATE_MIN]), rate >> VNIC_TREE_TRICKLE,
		    (u64)VNIC_TREE_TRICKLE_MIN);
}

/* If the @wants of several are more than there is, each is cut in proportion. */
static u64 vnic_tree_cut(u64 want, u64 wants, u64 rate)
{
	return rate && wants > rate ? mul_u64_u64_div_u64(want, rate, wants) : want;
}

/* Of a claim that wants so much and is at @parent, or at the root, which is @rate */
static u64 vnic_tree_grant(const struct vnic_node *parent, u64 want, u64 wants, u64 rate)
{
	return parent ? vnic_tree_cut(want, parent->wants, parent->grant) :
			vnic_tree_cut(want, wants, rate);
}

/* Sum up what VFs and nodes want.  Returns what they do at the root. */
static u64 vnic_tree_sum(struct vnic_switch *sw, enum vnic_tree_id id, u64 rate)
{
	struct vnic_port *port;
	struct vnic_node *node;
	unsigned int level;
	u64 wants = 0;

	list_for_each_entry(node, &sw->nodes, list)
		node->wants = 0;
	list_for_each_entry(port, &sw->ports, node) {
		if (port->type != VNIC_PORT_VF)
			continue;
		node = port->conf->parent;
		*(node ? &node->wants : &wants) += vnic_tree_want(port, id, rate);
	}
	for (level = VNIC_NODES_ABOVE; level; level--) {
		list_for_each_entry(node, &sw->nodes, list) {
			if (vnic_node_level(node) != level)
				continue;
			node->want = max(vnic_meter_rate(node->rates[VNIC_RATE_MIN]), node->wants);
			*(node->parent ? &node->parent->wants : &wants) += node->want;
		}
	}
	return wants;
}

/* Grant nodes what they want, as far as there is so much.  As vnic_tree_sum(). */
static u64 vnic_tree_plan(struct vnic_switch *sw, enum vnic_tree_id id, u64 rate)
{
	u64 wants = vnic_tree_sum(sw, id, rate), own;
	struct vnic_node *node;
	unsigned int level;

	for (level = 1; level <= VNIC_NODES_ABOVE; level++) {
		list_for_each_entry(node, &sw->nodes, list) {
			if (vnic_node_level(node) != level)
				continue;
			node->grant = vnic_tree_grant(node->parent, node->want, wants, rate);
			own = vnic_tree_rate(node, id);
			if (own)
				node->grant = min(node->grant, own);
		}
	}
	return wants;
}

/* ---- the claims ---- */

/* tree->lock held */
static void vnic_tree_set_node(struct vnic_tree *tree, struct vnic_node *node,
			       enum vnic_tree_id id, u64 rate)
{
	struct vnic_share *of = node->parent ? &node->parent->share[id] : &tree->share;
	u64 least = vnic_tree_is_wire(id) ? rate : vnic_tree_cap(node, id);

	lockdep_assert_held(&tree->lock);
	vnic_share_set_group(&node->share[id], of, vnic_tree_rate(node, id),
			     vnic_tree_depth(id, least), node->grant,
			     vnic_tree_weight(node->rates, vnic_node_promised(node)),
			     node->rates[VNIC_RATE_PRIO]);
}

/* tree->lock held */
static void vnic_tree_set_port(struct vnic_tree *tree, struct vnic_port *port,
			       enum vnic_tree_id id, u64 rate, u64 wants)
{
	const struct vnic_port_conf *conf = port->conf;
	struct vnic_node *parent = conf->parent;
	u64 want = vnic_tree_want(port, id, rate);

	lockdep_assert_held(&tree->lock);
	if (!parent && !vnic_tree_is_wire(id)) {
		vnic_share_remove(&port->claim[id]);
		return;
	}
	vnic_share_set_claim(parent ? &parent->share[id] : &tree->share, &port->claim[id],
			     vnic_tree_grant(parent, want, wants, rate),
			     vnic_tree_weight(conf->rates, conf->rates[VNIC_RATE_MIN]),
			     vnic_conf_prio(conf));
}

/* @rate: that of the root */
static void vnic_tree_update(struct vnic_switch *sw, enum vnic_tree_id id, u64 rate)
{
	u64 wants = vnic_tree_plan(sw, id, rate);
	struct vnic_tree *tree = &sw->tree[id];
	struct vnic_port *port;
	struct vnic_node *node;

	spin_lock_bh(&tree->lock);
	vnic_share_set(&tree->share, rate, vnic_tree_depth(id, rate), ktime_get_ns());
	list_for_each_entry(node, &sw->nodes, list)
		vnic_tree_set_node(tree, node, id, rate);
	list_for_each_entry(port, &sw->ports, node)
		if (port->type == VNIC_PORT_VF)
			vnic_tree_set_port(tree, port, id, rate, wants);
	spin_unlock_bh(&tree->lock);
}

void vnic_trees_update(struct vnic_switch *sw, u32 speed)
{
	struct vnic_port *port;
	enum vnic_tree_id id;

	lockdep_assert_held(&sw->lock);
	for (id = 0; id < VNIC_TREES; id++)
		vnic_tree_update(sw, id, vnic_tree_is_wire(id) ? vnic_meter_rate(speed) : 0);
	list_for_each_entry(port, &sw->ports, node)
		if (port->type == VNIC_PORT_VF)
			vnic_port_set_caps(port, vnic_tree_cap(port->conf->parent, VNIC_CAP_OUT),
					   vnic_tree_cap(port->conf->parent, VNIC_CAP_IN));
}
