/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Inside net/: what the files of the devlink instance share.
 *
 * Everything is called under the instance's lock (devl), except for creation and
 * destruction and where it says so; rtnl may be taken inside.
 */
#ifndef _VNIC_NET_DEVLINK_H
#define _VNIC_NET_DEVLINK_H

#include <net/devlink.h>

#include "../model/fn.h"
#include "../switch/node.h"
#include "../vnic.h"
#include "priv.h"

#define VNIC_VF_PARAMS	9	/* parameters of a VF */

/**
 * struct vnic_devlink_vf - a VF's port
 * @port: devlink's; its index is the VF's
 * @fn: the VF
 * @netdev: its port's, if it has one
 * @params: its parameters
 * @names: their names
 */
struct vnic_devlink_vf {
	struct devlink_port	port;
	struct vnic_fn		*fn;
	struct net_device	*netdev;
	struct devlink_param	params[VNIC_VF_PARAMS];
	char			names[VNIC_VF_PARAMS][24];
};

/**
 * struct vnic_devlink_node - a node; the private data of its devlink_rate
 * @node: the switch's
 * @rx_rate: its parameter
 * @name: of that
 */
struct vnic_devlink_node {
	struct vnic_node	*node;
	struct devlink_param	rx_rate;
	char			name[VNIC_NODE_NAME + sizeof("node__rx_rate")];
};

/**
 * struct vnic_devlink - private data of the devlink instance
 * @ad: adapter
 * @vfs: a port for each VF, while there are VFs
 * @num_vfs: number of @vfs
 * @nodes: by vnic_node.index
 * @link_speed: the parameter of that name
 * @rates_work: takes rates that `ip link` has set to devlink's copies
 */
struct vnic_devlink {
	struct vnic_adapter	*ad;
	struct vnic_devlink_vf	*vfs;
	unsigned int		num_vfs;
	struct vnic_devlink_node *nodes[VNIC_NODES_MAX];
	struct devlink_param	link_speed;
	struct work_struct	rates_work;
};

static inline struct vnic_fn *vnic_devlink_fn(struct devlink_port *port)
{
	return container_of(port, struct vnic_devlink_vf, port)->fn;
}

/* devlink_param.c */
int vnic_params_register(struct vnic_devlink *vd, unsigned int vf);
void vnic_params_unregister(struct vnic_devlink *vd, unsigned int vf);

int vnic_param_node_register(struct vnic_devlink *vd, struct vnic_devlink_node *dnode);
void vnic_param_node_unregister(struct vnic_devlink *vd, struct vnic_devlink_node *dnode);

int vnic_param_link_speed_register(struct vnic_devlink *vd);
void vnic_param_link_speed_unregister(struct vnic_devlink *vd);

/* devlink_rate.c */
void vnic_rates_init(struct vnic_devlink *vd);
/* devlink's bytes per second to Mb/s.  0 or -ERANGE, said. */
int vnic_rate_mbps(u64 bytes, u32 *mbps, struct netlink_ext_ack *extack);
/* Say why rates of a VF or node were refused: -EINVAL, -EBUSY, -ENODATA, -ENOSPC.  Returns
 * @err.
 */
int vnic_rate_say(int err, const struct vnic_refusal *no, struct netlink_ext_ack *extack);
int vnic_rate_tx_share_set(struct devlink_rate *rate, void *priv, u64 tx_share,
			   struct netlink_ext_ack *extack);
int vnic_rate_tx_max_set(struct devlink_rate *rate, void *priv, u64 tx_max,
			 struct netlink_ext_ack *extack);
int vnic_rate_tx_priority_set(struct devlink_rate *rate, void *priv, u32 tx_priority,
			      struct netlink_ext_ack *extack);
int vnic_rate_tx_weight_set(struct devlink_rate *rate, void *priv, u32 tx_weight,
			    struct netlink_ext_ack *extack);
int vnic_rate_parent_set(struct devlink_rate *rate, struct devlink_rate *parent, void *priv,
			 void *parent_priv, struct netlink_ext_ack *extack);

/* devlink_node.c: the same of nodes */
int vnic_node_new(struct devlink_rate *rate, void **priv, struct netlink_ext_ack *extack);
int vnic_node_del(struct devlink_rate *rate, void *priv, struct netlink_ext_ack *extack);
int vnic_node_tx_share_set(struct devlink_rate *rate, void *priv, u64 tx_share,
			   struct netlink_ext_ack *extack);
int vnic_node_tx_max_set(struct devlink_rate *rate, void *priv, u64 tx_max,
			 struct netlink_ext_ack *extack);
int vnic_node_tx_priority_set(struct devlink_rate *rate, void *priv, u32 tx_priority,
			      struct netlink_ext_ack *extack);
int vnic_node_tx_weight_set(struct devlink_rate *rate, void *priv, u32 tx_weight,
			    struct netlink_ext_ack *extack);
int vnic_node_parent_set(struct devlink_rate *rate, struct devlink_rate *parent, void *priv,
			 void *parent_priv, struct netlink_ext_ack *extack);
/* Remove all.  Context: devl lock. */
void vnic_nodes_del(struct vnic_devlink *vd);

/* port_netdev.c: rtnl not held */
/* Have a netdev for a VF's port, which may have one.  0; -ENOMEM; -EEXIST: its name is
 * another's.
 */
int vnic_port_netdev_create(struct vnic_devlink_vf *dvf);
/* Have none.  Its program goes with it: no frame is shown to that any more. */
void vnic_port_netdev_destroy(struct vnic_devlink_vf *dvf);

/* devlink_sb.c */
int vnic_sb_register(struct devlink *devlink, u32 bytes);
void vnic_sb_unregister(struct devlink *devlink);
int vnic_sb_pool_get(struct devlink *devlink, unsigned int sb, u16 pool,
		     struct devlink_sb_pool_info *info);
int vnic_sb_pool_set(struct devlink *devlink, unsigned int sb, u16 pool, u32 size,
		     enum devlink_sb_threshold_type type, struct netlink_ext_ack *extack);
int vnic_sb_port_pool_get(struct devlink_port *port, unsigned int sb, u16 pool, u32 *threshold);
int vnic_sb_port_pool_set(struct devlink_port *port, unsigned int sb, u16 pool, u32 threshold,
			  struct netlink_ext_ack *extack);
int vnic_sb_occ_snapshot(struct devlink *devlink, unsigned int sb);
int vnic_sb_occ_max_clear(struct devlink *devlink, unsigned int sb);
int vnic_sb_occ_port_pool_get(struct devlink_port *port, unsigned int sb, u16 pool,
			      u32 *cur, u32 *max);

#endif /* _VNIC_NET_DEVLINK_H */
