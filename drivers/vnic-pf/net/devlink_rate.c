// SPDX-License-Identifier: GPL-2.0
/*
 * `devlink port function rate`: what a VF may send, and what it is guaranteed, as
 * `ip link ... vf N max_tx_rate, min_tx_rate` with extack, and who gets what is
 * left of the wire (tx_priority, tx_weight); and which node it is below.
 *
 * devlink keeps copies of its own of tx_max and tx_share.  `ip link` comes with
 * rtnl, inside of which its lock cannot be taken: a work item follows.
 */
#include <linux/math64.h>

#include "devlink.h"

#define VNIC_BYTES_PER_MBIT	125000U		/* a second */

static struct vnic_port *vnic_rate_port(void *priv)
{
	struct vnic_fn *fn = priv;

	return &fn->port;
}

int vnic_rate_mbps(u64 bytes, u32 *mbps, struct netlink_ext_ack *extack)
{
	u32 rest;
	u64 rate = div_u64_rem(bytes, VNIC_BYTES_PER_MBIT, &rest);

	if (rest || rate > VNIC_RATE_MAX) {
		NL_SET_ERR_MSG_FMT_MOD(extack, "0 (none) to %u Mb/s (whole ones) are accepted",
				       VNIC_RATE_MAX);
		return -ERANGE;
	}
	*mbps = rate;
	return 0;
}

int vnic_rate_say(int err, const struct vnic_refusal *no, struct netlink_ext_ack *extack)
{
	if (err == -EINVAL)
		NL_SET_ERR_MSG_MOD(extack, "tx_share would be more than tx_max");
	else if (err == -EBUSY)
		NL_SET_ERR_MSG_FMT_MOD(extack,
				       "Below it %llu Mb/s are guaranteed: no less is accepted",
				       no->left);
	else if (err == -ENODATA)
		NL_SET_ERR_MSG_MOD(extack,
				   "The uplink's speed is not known: set parameter link_speed");
	else if (err == -ENOSPC && no->of == VNIC_OF_LINK)
		NL_SET_ERR_MSG_FMT_MOD(extack, "At most %llu Mb/s of the link are left for it",
				       no->left);
	else if (err == -ENOSPC)
		NL_SET_ERR_MSG_FMT_MOD(extack, "At most %llu Mb/s are left of %s of node %s",
				       no->left,
				       no->of == VNIC_OF_NODE_MIN ? "tx_share" : "tx_max",
				       no->node);
	return err;
}

static int vnic_rate_set(struct vnic_port *port, enum vnic_rate which, u64 bytes,
			 struct netlink_ext_ack *extack)
{
	struct vnic_refusal no;
	u32 values[VNIC_RATES];
	int err;

	err = vnic_rate_mbps(bytes, &values[which], extack);
	if (err)
		return err;
	return vnic_rate_say(vnic_port_set_rates(port, BIT(which), values, &no), &no, extack);
}

int vnic_rate_tx_share_set(struct devlink_rate *rate, void *priv, u64 tx_share,
			   struct netlink_ext_ack *extack)
{
	return vnic_rate_set(vnic_rate_port(priv), VNIC_RATE_MIN, tx_share, extack);
}

int vnic_rate_tx_max_set(struct devlink_rate *rate, void *priv, u64 tx_max,
			 struct netlink_ext_ack *extack)
{
	return vnic_rate_set(vnic_rate_port(priv), VNIC_RATE_TX, tx_max, extack);
}

int vnic_rate_tx_priority_set(struct devlink_rate *rate, void *priv, u32 tx_priority,
			      struct netlink_ext_ack *extack)
{
	int err = -ERANGE;

	/* 0, which devlink shows for what was never set, means the VLAN's */
	if (tx_priority < VNIC_SHARE_PRIOS)
		err = vnic_port_set_rate(vnic_rate_port(priv), VNIC_RATE_PRIO,
					 tx_priority ?: VNIC_PRIO_BY_QOS);
	if (err == -ENODATA)
		vnic_rate_say(err, NULL, extack);
	else if (err)
		NL_SET_ERR_MSG_FMT_MOD(extack, "0 (that of the VF's VLAN) to %u are accepted",
				       VNIC_SHARE_PRIOS - 1);
	return err;
}

int vnic_rate_tx_weight_set(struct devlink_rate *rate, void *priv, u32 tx_weight,
			    struct netlink_ext_ack *extack)
{
	int err = vnic_port_set_rate(vnic_rate_port(priv), VNIC_RATE_WEIGHT, tx_weight);

	if (err == -ENODATA)
		vnic_rate_say(err, NULL, extack);
	else if (err)
		NL_SET_ERR_MSG_FMT_MOD(extack, "0 (in proportion to tx_share) to %u are accepted",
				       VNIC_SHARE_WEIGHT_MAX);
	return err;
}

int vnic_rate_parent_set(struct devlink_rate *rate, struct devlink_rate *parent, void *priv,
			 void *parent_priv, struct netlink_ext_ack *extack)
{
	struct vnic_devlink_node *dnode = parent_priv;
	struct vnic_refusal no;

	return vnic_rate_say(vnic_port_set_parent(vnic_rate_port(priv),
						  parent ? dnode->node : NULL, &no),
			     &no, extack);
}

/* ---- devlink's copies ---- */

static void vnic_rates_work(struct work_struct *work)
{
	struct vnic_devlink *vd = container_of(work, struct vnic_devlink, rates_work);
	struct vnic_port_info info;
	struct devlink_rate *rate;
	unsigned int vf;

	devl_lock(priv_to_devlink(vd));
	for (vf = 0; vf < vd->num_vfs; vf++) {
		rate = vd->vfs[vf].port.devlink_rate;
		vnic_port_get_info(&vd->vfs[vf].fn->port, &info);
		rate->tx_max = (u64)info.rates[VNIC_RATE_TX] * VNIC_BYTES_PER_MBIT;
		rate->tx_share = (u64)info.rates[VNIC_RATE_MIN] * VNIC_BYTES_PER_MBIT;
	}
	devl_unlock(priv_to_devlink(vd));
}

void vnic_devlink_rates_changed(struct vnic_net *net)
{
	schedule_work(&net->devlink->rates_work);
}

void vnic_rates_init(struct vnic_devlink *vd)
{
	INIT_WORK(&vd->rates_work, vnic_rates_work);
}
