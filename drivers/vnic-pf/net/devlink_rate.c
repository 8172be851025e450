// SPDX-License-Identifier: GPL-2.0
/*
 * `devlink port function rate`: what a VF may send, and what it is guaranteed, as
 * `ip link ... vf N max_tx_rate, min_tx_rate` with extack, and who gets what is
 * left of the wire (tx_priority, tx_weight).
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

/* devlink's bytes per second to Mb/s.  0 or -ERANGE. */
static int vnic_rate_mbps(u64 bytes, u32 *mbps, struct netlink_ext_ack *extack)
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

static void vnic_rate_say_no_speed(struct netlink_ext_ack *extack)
{
	NL_SET_ERR_MSG_MOD(extack, "The uplink's speed is not known: set parameter link_speed");
}

static int vnic_rate_set(struct vnic_port *port, enum vnic_rate which, u64 bytes,
			 struct netlink_ext_ack *extack)
{
	u32 values[VNIC_RATES], left;
	int err;

	err = vnic_rate_mbps(bytes, &values[which], extack);
	if (err)
		return err;
	err = vnic_port_set_rates(port, BIT(which), values, &left);
	if (err == -EINVAL)
		NL_SET_ERR_MSG_MOD(extack, "tx_share would be more than tx_max");
	else if (err == -ENODATA)
		vnic_rate_say_no_speed(extack);
	else if (err == -ENOSPC)
		NL_SET_ERR_MSG_FMT_MOD(extack, "At most %u Mb/s of the link are left for it",
				       left);
	return err;
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
		vnic_rate_say_no_speed(extack);
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
		vnic_rate_say_no_speed(extack);
	else if (err)
		NL_SET_ERR_MSG_FMT_MOD(extack, "0 (in proportion to tx_share) to %u are accepted",
				       VNIC_SHARE_WEIGHT_MAX);
	return err;
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
