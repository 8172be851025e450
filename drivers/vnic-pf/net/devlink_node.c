// SPDX-License-Identifier: GPL-2.0
/*
 * Nodes of `devlink port function rate`: what VFs of a tenant may have together.
 *
 * devlink's tx_max is what they send.  What they are sent is a parameter of the
 * device, node_<name>_rx_rate, as it is for a VF: it comes and goes with the node.
 *
 * devlink itself refuses to remove a node that something is below, and to put one
 * below itself.
 */
#include <linux/slab.h>

#include "devlink.h"

static struct vnic_node *vnic_rate_node(void *priv)
{
	struct vnic_devlink_node *dnode = priv;

	return dnode->node;
}

/* ---- lifetime ---- */

static struct vnic_node *vnic_node_make(struct vnic_devlink *vd, const char *name,
					struct netlink_ext_ack *extack)
{
	struct vnic_node *node = vnic_node_create(vd->ad->sw, name);

	if (node == ERR_PTR(-ENOSPC))
		NL_SET_ERR_MSG_FMT_MOD(extack, "At most %u nodes are supported", VNIC_NODES_MAX);
	else if (node == ERR_PTR(-ENAMETOOLONG))
		NL_SET_ERR_MSG_FMT_MOD(extack, "At most %u characters are accepted as a name",
				       VNIC_NODE_NAME - 1);
	return node;
}

int vnic_node_new(struct devlink_rate *rate, void **priv, struct netlink_ext_ack *extack)
{
	struct vnic_devlink *vd = devlink_priv(rate->devlink);
	struct vnic_devlink_node *dnode;
	int err;

	dnode = kzalloc(sizeof(*dnode), GFP_KERNEL);
	if (!dnode)
		return -ENOMEM;
	dnode->node = vnic_node_make(vd, rate->name, extack);
	err = PTR_ERR_OR_ZERO(dnode->node);
	if (err)
		goto free;
	vd->nodes[dnode->node->index] = dnode;
	err = vnic_param_node_register(vd, dnode);
	if (err)
		goto destroy;
	*priv = dnode;
	return 0;

destroy:
	vd->nodes[dnode->node->index] = NULL;
	vnic_node_destroy(dnode->node);
free:
	kfree(dnode);
	return err;
}

int vnic_node_del(struct devlink_rate *rate, void *priv, struct netlink_ext_ack *extack)
{
	struct vnic_devlink *vd = devlink_priv(rate->devlink);
	struct vnic_devlink_node *dnode = priv;

	vnic_param_node_unregister(vd, dnode);
	vd->nodes[dnode->node->index] = NULL;
	vnic_node_destroy(dnode->node);
	kfree(dnode);
	return 0;
}

void vnic_nodes_del(struct vnic_devlink *vd)
{
	/* One after the other, some might not be taken from where they are: the
	 * guarantee of the node above may not cover what is next to it.
	 */
	vnic_nodes_dissolve(vd->ad->sw);
	devl_rate_nodes_destroy(priv_to_devlink(vd));
}

/* ---- configuration ---- */

static int vnic_node_set(void *priv, enum vnic_rate which, u64 bytes,
			 struct netlink_ext_ack *extack)
{
	struct vnic_refusal no;
	u32 mbps;
	int err;

	err = vnic_rate_mbps(bytes, &mbps, extack);
	if (err)
		return err;
	return vnic_rate_say(vnic_node_set_rate(vnic_rate_node(priv), which, mbps, &no), &no,
			     extack);
}

int vnic_node_tx_share_set(struct devlink_rate *rate, void *priv, u64 tx_share,
			   struct netlink_ext_ack *extack)
{
	return vnic_node_set(priv, VNIC_RATE_MIN, tx_share, extack);
}

int vnic_node_tx_max_set(struct devlink_rate *rate, void *priv, u64 tx_max,
			 struct netlink_ext_ack *extack)
{
	return vnic_node_set(priv, VNIC_RATE_TX, tx_max, extack);
}

int vnic_node_tx_priority_set(struct devlink_rate *rate, void *priv, u32 tx_priority,
			      struct netlink_ext_ack *extack)
{
	struct vnic_refusal no;
	int err = -ERANGE;

	if (tx_priority < VNIC_SHARE_PRIOS)
		err = vnic_node_set_rate(vnic_rate_node(priv), VNIC_RATE_PRIO, tx_priority, &no);
	if (err == -ERANGE)
		NL_SET_ERR_MSG_FMT_MOD(extack, "0 to %u are accepted", VNIC_SHARE_PRIOS - 1);
	return vnic_rate_say(err, &no, extack);
}

int vnic_node_tx_weight_set(struct devlink_rate *rate, void *priv, u32 tx_weight,
			    struct netlink_ext_ack *extack)
{
	struct vnic_refusal no;
	int err;

	err = vnic_node_set_rate(vnic_rate_node(priv), VNIC_RATE_WEIGHT, tx_weight, &no);
	if (err == -ERANGE)
		NL_SET_ERR_MSG_FMT_MOD(extack, "0 (in proportion to tx_share) to %u are accepted",
				       VNIC_SHARE_WEIGHT_MAX);
	return vnic_rate_say(err, &no, extack);
}

int vnic_node_parent_set(struct devlink_rate *rate, struct devlink_rate *parent, void *priv,
			 void *parent_priv, struct netlink_ext_ack *extack)
{
	struct vnic_refusal no;
	int err;

	err = vnic_node_set_parent(vnic_rate_node(priv),
				   parent ? vnic_rate_node(parent_priv) : NULL, &no);
	if (err == -EMLINK)
		NL_SET_ERR_MSG_FMT_MOD(extack, "At most %u nodes can be above a VF",
				       VNIC_NODES_ABOVE);
	return vnic_rate_say(err, &no, extack);
}
