// SPDX-License-Identifier: GPL-2.0
/*
 * What `ip link ... vf N max_tx_rate` cannot say of a VF's rates, as parameters of
 * the device at run time (devlink has none for ports):
 *
 *   vf<N>_rx_rate   "max_tx_rate", Mb/s, or 0 for no limit: what may be sent to it
 *   vf<N>_rx_burst  bytes of the bucket that polices this; 0: by the rate
 *   vf<N>_rx_queue  us that a frame may wait for this rate before it is marked or
 *                   dropped; 0: what is beyond the rate is dropped at once
 *   vf<N>_rx_pps    packets a second that may be sent to it; 0: no limit
 *   vf<N>_tx_pps    packets a second that it may send; 0: no limit
 *   vf<N>_tx_burst  bytes of the bucket that shapes what it sends; 0: by the rate
 *   vf<N>_storm_control  packets a second that it may send to many; 0: no limit
 *
 * And what a guest meets in it:
 *
 *   vf<N>_personality  "native", or "virtio": a virtio network device, which is without
 *                      packed virtqueues if "virtio-split"
 *
 * And what the host has to look at what is sent to it:
 *
 *   vf<N>_port_netdev  true: a netdev, for an XDP program and its counters (port_netdev.c)
 *
 * And of nodes and the adapter:
 *
 *   node_<name>_rx_rate  "tx_max", Mb/s, or 0 for no limit: what may be sent to the VFs
 *                   below that node together
 *   link_speed      Mb/s that VFs share of the wire; 0: what the uplink says it has
 */
#include <linux/kernel.h>

#include <compat.h>

#include "../personality.h"
#include "devlink.h"

#define VNIC_PARAM_LINK_SPEED	(DEVLINK_PARAM_GENERIC_ID_MAX + 1)
/* ids of VF N: VNIC_VF_PARAMS from VNIC_PARAM_ID(N) */
#define VNIC_PARAM_ID(vf)	(VNIC_PARAM_LINK_SPEED + 1 + (vf) * VNIC_VF_PARAMS)

/* ids of nodes */
#define VNIC_PARAM_NODE_ID(index)	(VNIC_PARAM_ID(VNIC_MAX_VFS) + (index))

#define VNIC_RX_RATE_AS_TX	"max_tx_rate"
#define VNIC_NODE_RX_AS_TX	"tx_max"

/* ---- of a VF ---- */

/*
 * In the order of the ids.  Of those that are a number: what 0 means, the least and the
 * most beside that, and in what.  The others are flags or strings.
 */
struct vnic_param {
	const char	*name;
	enum vnic_rate	rate;
	const char	*zero;
	u32		min, max;
	const char	*unit;
	bool		flag;

	VNIC_PARAM_GET((*get));
	int		(*set)(struct devlink *devlink, u32 id, struct devlink_param_gset_ctx *ctx,
			       struct netlink_ext_ack *extack);
};

static const struct vnic_param *vnic_param_of(u32 id);

static struct vnic_devlink_vf *vnic_param_vf(struct devlink *devlink, u32 id)
{
	struct vnic_devlink *vd = devlink_priv(devlink);

	return &vd->vfs[(id - VNIC_PARAM_ID(0)) / VNIC_VF_PARAMS];
}

static struct vnic_fn *vnic_param_fn(struct devlink *devlink, u32 id)
{
	return vnic_param_vf(devlink, id)->fn;
}

static struct vnic_port *vnic_param_port(struct devlink *devlink, u32 id)
{
	return &vnic_param_fn(devlink, id)->port;
}

/* ---- rates towards VFs: a number, or a word for that of the other direction ---- */

static void vnic_rx_rate_show(struct devlink_param_gset_ctx *ctx, u32 rate, const char *as_tx)
{
	if (rate == VNIC_RATE_AS_TX)
		strscpy(ctx->val.vstr, as_tx, sizeof(ctx->val.vstr));
	else
		snprintf(ctx->val.vstr, sizeof(ctx->val.vstr), "%u", rate);
}

static int vnic_rx_rate_parse(const struct devlink_param_gset_ctx *ctx, u32 *rate,
			      const char *as_tx, struct netlink_ext_ack *extack)
{
	*rate = VNIC_RATE_AS_TX;
	if (!strcmp(ctx->val.vstr, as_tx) ||
	    (!kstrtou32(ctx->val.vstr, 10, rate) && *rate <= VNIC_RATE_MAX))
		return 0;
	NL_SET_ERR_MSG_FMT_MOD(extack, "%s or 0 (no limit) to %u Mb/s are accepted", as_tx,
			       VNIC_RATE_MAX);
	return -ERANGE;
}

static VNIC_PARAM_GET(vnic_rx_rate_get)
{
	struct vnic_port_info info;

	vnic_port_get_info(vnic_param_port(devlink, id), &info);
	vnic_rx_rate_show(ctx, info.rates[VNIC_RATE_RX], VNIC_RX_RATE_AS_TX);
	return 0;
}

static int vnic_rx_rate_set(struct devlink *devlink, u32 id, struct devlink_param_gset_ctx *ctx,
			    struct netlink_ext_ack *extack)
{
	u32 rate;
	int err = vnic_rx_rate_parse(ctx, &rate, VNIC_RX_RATE_AS_TX, extack);

	return err ?: vnic_port_set_rate(vnic_param_port(devlink, id), VNIC_RATE_RX, rate);
}

static VNIC_PARAM_GET(vnic_pers_get)
{
	struct vnic_fn *fn = vnic_param_fn(devlink, id);

	strscpy(ctx->val.vstr, READ_ONCE(fn->guest_pers)->name, sizeof(ctx->val.vstr));
	return 0;
}

static int vnic_pers_set(struct devlink *devlink, u32 id, struct devlink_param_gset_ctx *ctx,
			 struct netlink_ext_ack *extack)
{
	const struct vnic_personality *pers = vnic_personality_of(ctx->val.vstr);
	int err;

	if (!pers) {
		NL_SET_ERR_MSG_MOD(extack, VNIC_PERSONALITIES " are accepted");
		return -EINVAL;
	}
	err = vnic_fn_set_personality(vnic_param_fn(devlink, id), pers);
	if (err)
		NL_SET_ERR_MSG_MOD(extack, "A guest has the VF: stop the guest first");
	return err;
}

static VNIC_PARAM_GET(vnic_port_netdev_get)
{
	ctx->val.vbool = vnic_param_vf(devlink, id)->netdev;
	return 0;
}

static int vnic_port_netdev_set(struct devlink *devlink, u32 id, struct devlink_param_gset_ctx *ctx,
				struct netlink_ext_ack *extack)
{
	struct vnic_devlink_vf *dvf = vnic_param_vf(devlink, id);
	int err = 0;

	if (ctx->val.vbool)
		err = vnic_port_netdev_create(dvf);
	else
		vnic_port_netdev_destroy(dvf);
	if (err == -EEXIST)
		NL_SET_ERR_MSG_MOD(extack, "Its name is another interface's: rename that");
	return err;
}

static struct vnic_node *vnic_param_node(struct devlink *devlink, u32 id)
{
	struct vnic_devlink *vd = devlink_priv(devlink);

	return vd->nodes[id - VNIC_PARAM_NODE_ID(0)]->node;
}

static VNIC_PARAM_GET(vnic_node_rx_rate_get)
{
	struct vnic_node *node = vnic_param_node(devlink, id);

	vnic_rx_rate_show(ctx, vnic_node_get_rate(node, VNIC_RATE_RX), VNIC_NODE_RX_AS_TX);
	return 0;
}

static int vnic_node_rx_rate_set(struct devlink *devlink, u32 id,
				 struct devlink_param_gset_ctx *ctx,
				 struct netlink_ext_ack *extack)
{
	struct vnic_refusal no;
	u32 rate;
	int err = vnic_rx_rate_parse(ctx, &rate, VNIC_NODE_RX_AS_TX, extack);

	return err ?: vnic_node_set_rate(vnic_param_node(devlink, id), VNIC_RATE_RX, rate, &no);
}

/* ---- numbers ---- */

static VNIC_PARAM_GET(vnic_number_get)
{
	struct vnic_port_info info;

	vnic_port_get_info(vnic_param_port(devlink, id), &info);
	ctx->val.vu32 = info.rates[vnic_param_of(id)->rate];
	return 0;
}

static int vnic_number_set(struct devlink *devlink, u32 id, struct devlink_param_gset_ctx *ctx,
			   struct netlink_ext_ack *extack)
{
	const struct vnic_param *p = vnic_param_of(id);
	int err;

	err = vnic_port_set_rate(vnic_param_port(devlink, id), p->rate, ctx->val.vu32);
	if (err == -ERANGE)
		NL_SET_ERR_MSG_FMT_MOD(extack, "0 (%s) or %u to %u %s are accepted",
				       p->zero, p->min, p->max, p->unit);
	return err;
}

static const struct vnic_param vnic_params[] = {
	{ "rx_rate",	VNIC_RATE_RX, .get = vnic_rx_rate_get, .set = vnic_rx_rate_set },
	{ "rx_burst",	VNIC_RATE_RX_BURST, "by the rate", VNIC_METER_BURST_MIN,
			VNIC_METER_BURST_MAX, "bytes" },
	{ "tx_burst",	VNIC_RATE_TX_BURST, "by the rate", VNIC_METER_BURST_MIN,
			VNIC_METER_BURST_MAX, "bytes" },
	{ "rx_queue",	VNIC_RATE_RX_QUEUE, "none waits", VNIC_QUEUE_TARGET_MIN,
			VNIC_QUEUE_TARGET_MAX, "microseconds" },
	{ "rx_pps",	VNIC_RATE_RX_PPS, "no limit", VNIC_PPS_MIN, VNIC_PPS_MAX,
			"packets a second" },
	{ "tx_pps",	VNIC_RATE_TX_PPS, "no limit", VNIC_PPS_MIN, VNIC_PPS_MAX,
			"packets a second" },
	{ "storm_control", VNIC_RATE_STORM, "no limit", VNIC_STORM_MIN, VNIC_PPS_MAX,
			"packets a second" },
	{ "personality", .get = vnic_pers_get, .set = vnic_pers_set },
	{ "port_netdev", .get = vnic_port_netdev_get, .set = vnic_port_netdev_set, .flag = true },
};

static_assert(ARRAY_SIZE(vnic_params) == VNIC_VF_PARAMS);

static const struct vnic_param *vnic_param_of(u32 id)
{
	return &vnic_params[(id - VNIC_PARAM_ID(0)) % VNIC_VF_PARAMS];
}

static enum devlink_param_type vnic_param_type(const struct vnic_param *p)
{
	if (p->flag)
		return DEVLINK_PARAM_TYPE_BOOL;
	return p->unit ? DEVLINK_PARAM_TYPE_U32 : DEVLINK_PARAM_TYPE_STRING;
}

/* Context: devl lock. */
int vnic_params_register(struct vnic_devlink *vd, unsigned int vf)
{
	struct vnic_devlink_vf *dvf = &vd->vfs[vf];
	unsigned int i;

	for (i = 0; i < VNIC_VF_PARAMS; i++) {
		const struct vnic_param *p = &vnic_params[i];

		snprintf(dvf->names[i], sizeof(dvf->names[i]), "vf%u_%s", vf, p->name);
		dvf->params[i] = (struct devlink_param) {
			.id = VNIC_PARAM_ID(vf) + i,
			.name = dvf->names[i],
			.type = vnic_param_type(p),
			.supported_cmodes = BIT(DEVLINK_PARAM_CMODE_RUNTIME),
			.get = p->get ?: vnic_number_get,
			.set = p->set ?: vnic_number_set,
		};
	}
	return devl_params_register(priv_to_devlink(vd), dvf->params, VNIC_VF_PARAMS);
}

/* Context: devl lock. */
void vnic_params_unregister(struct vnic_devlink *vd, unsigned int vf)
{
	devl_params_unregister(priv_to_devlink(vd), vd->vfs[vf].params, VNIC_VF_PARAMS);
}

/* ---- of nodes ---- */

/* Context: devl lock.  It may be read at once. */
int vnic_param_node_register(struct vnic_devlink *vd, struct vnic_devlink_node *dnode)
{
	snprintf(dnode->name, sizeof(dnode->name), "node_%s_rx_rate", dnode->node->name);
	dnode->rx_rate = (struct devlink_param) {
		.id = VNIC_PARAM_NODE_ID(dnode->node->index),
		.name = dnode->name,
		.type = DEVLINK_PARAM_TYPE_STRING,
		.supported_cmodes = BIT(DEVLINK_PARAM_CMODE_RUNTIME),
		.get = vnic_node_rx_rate_get,
		.set = vnic_node_rx_rate_set,
	};
	return devl_params_register(priv_to_devlink(vd), &dnode->rx_rate, 1);
}

/* Context: devl lock. */
void vnic_param_node_unregister(struct vnic_devlink *vd, struct vnic_devlink_node *dnode)
{
	devl_params_unregister(priv_to_devlink(vd), &dnode->rx_rate, 1);
}

/* ---- of the adapter ---- */

static VNIC_PARAM_GET(vnic_link_speed_get)
{
	struct vnic_devlink *vd = devlink_priv(devlink);

	ctx->val.vu32 = vnic_switch_get_link_speed(vd->ad->sw);
	return 0;
}

static int vnic_link_speed_set(struct devlink *devlink, u32 id, struct devlink_param_gset_ctx *ctx,
			       struct netlink_ext_ack *extack)
{
	struct vnic_devlink *vd = devlink_priv(devlink);
	u64 promised;
	int err;

	err = vnic_switch_set_link_speed(vd->ad->sw, ctx->val.vu32, &promised);
	if (err == -ENOSPC)
		NL_SET_ERR_MSG_FMT_MOD(extack, "VFs were guaranteed %llu Mb/s: no less is accepted",
				       promised);
	else if (err)
		NL_SET_ERR_MSG_FMT_MOD(extack, "0 (the uplink's) to %u Mb/s are accepted",
				       VNIC_RATE_MAX);
	return err;
}

/* Context: devl lock. */
int vnic_param_link_speed_register(struct vnic_devlink *vd)
{
	vd->link_speed = (struct devlink_param) {
		.id = VNIC_PARAM_LINK_SPEED,
		.name = "link_speed",
		.type = DEVLINK_PARAM_TYPE_U32,
		.supported_cmodes = BIT(DEVLINK_PARAM_CMODE_RUNTIME),
		.get = vnic_link_speed_get,
		.set = vnic_link_speed_set,
	};
	return devl_params_register(priv_to_devlink(vd), &vd->link_speed, 1);
}

/* Context: devl lock. */
void vnic_param_link_speed_unregister(struct vnic_devlink *vd)
{
	devl_params_unregister(priv_to_devlink(vd), &vd->link_speed, 1);
}
