// SPDX-License-Identifier: GPL-2.0
/*
 * The adapter's devlink instance on the PF's pci_dev: `devlink dev info`, and a
 * port of flavour pcivf for each VF, numbered as the VF is.
 *
 * The ports have no netdev of the host's unless one is asked for (port_netdev.c):
 * they are there for what devlink can configure of a VF.  A representor would make it
 * a switchdev adapter, with interfaces that the users of `ip link ... vf` do not
 * expect.  devlink asks after an hour, with a line in the log for each port, why none
 * has come; that is called off.
 *
 * Ports exist from before the VFs' PCI devices until after them, so what acts on a
 * port has its VF.
 */
#include <linux/etherdevice.h>
#include <linux/slab.h>
#include <linux/stringify.h>
#include <net/devlink.h>

#include "devlink.h"

static int vnic_devlink_info_get(struct devlink *devlink, struct devlink_info_req *req,
				 struct netlink_ext_ack *extack)
{
	int err = devlink_info_version_running_put(req, DEVLINK_INFO_VERSION_GENERIC_FW,
						   VNIC_RELEASE);

	return err ?: devlink_info_version_running_put(req,
						       DEVLINK_INFO_VERSION_GENERIC_FW_MGMT_API,
						       __stringify(VNIC_VERSION_1));
}

/* `devlink dev eswitch`: VFs are configured by `ip link ... vf`, which is called legacy.
 * netplan and NetworkManager ask, and set the mode of a profile that has one.
 */
static int vnic_eswitch_mode_get(struct devlink *devlink, u16 *mode)
{
	*mode = DEVLINK_ESWITCH_MODE_LEGACY;
	return 0;
}

static int vnic_eswitch_mode_set(struct devlink *devlink, u16 mode,
				 struct netlink_ext_ack *extack)
{
	if (mode == DEVLINK_ESWITCH_MODE_LEGACY)
		return 0;
	NL_SET_ERR_MSG_MOD(extack, "The mode is legacy: VFs have no representors");
	return -EOPNOTSUPP;
}

static const struct devlink_ops vnic_devlink_ops = {
	.info_get		= vnic_devlink_info_get,
	.eswitch_mode_get	= vnic_eswitch_mode_get,
	.eswitch_mode_set	= vnic_eswitch_mode_set,
	.sb_pool_get		= vnic_sb_pool_get,
	.sb_pool_set		= vnic_sb_pool_set,
	.sb_port_pool_get	= vnic_sb_port_pool_get,
	.sb_port_pool_set	= vnic_sb_port_pool_set,
	.sb_occ_snapshot	= vnic_sb_occ_snapshot,
	.sb_occ_max_clear	= vnic_sb_occ_max_clear,
	.sb_occ_port_pool_get	= vnic_sb_occ_port_pool_get,
	.rate_leaf_tx_share_set	= vnic_rate_tx_share_set,
	.rate_leaf_tx_max_set	= vnic_rate_tx_max_set,
	.rate_leaf_tx_priority_set = vnic_rate_tx_priority_set,
	.rate_leaf_tx_weight_set = vnic_rate_tx_weight_set,
	.rate_leaf_parent_set	= vnic_rate_parent_set,
	.rate_node_tx_share_set	= vnic_node_tx_share_set,
	.rate_node_tx_max_set	= vnic_node_tx_max_set,
	.rate_node_tx_priority_set = vnic_node_tx_priority_set,
	.rate_node_tx_weight_set = vnic_node_tx_weight_set,
	.rate_node_parent_set	= vnic_node_parent_set,
	.rate_node_new		= vnic_node_new,
	.rate_node_del		= vnic_node_del,
};

/* ---- ports; devl lock held ---- */

/* `devlink port function set ... hw_addr`: as `ip link ... vf N mac`, with extack */
static int vnic_port_fn_addr_get(struct devlink_port *port, u8 *addr, int *len,
				 struct netlink_ext_ack *extack)
{
	struct vnic_port_info info;

	vnic_port_get_info(&vnic_devlink_fn(port)->port, &info);
	ether_addr_copy(addr, info.host_mac);
	*len = ETH_ALEN;
	return 0;
}

static int vnic_port_fn_addr_set(struct devlink_port *port, const u8 *addr, int len,
				 struct netlink_ext_ack *extack)
{
	if (len != ETH_ALEN || is_multicast_ether_addr(addr)) {
		NL_SET_ERR_MSG_MOD(extack,
				   "A unicast Ethernet address, or zero to unset it, is accepted");
		return -EINVAL;
	}
	return vnic_port_set_mac(&vnic_devlink_fn(port)->port, addr);
}

static const struct devlink_port_ops vnic_devlink_port_ops = {
	.port_fn_hw_addr_get	= vnic_port_fn_addr_get,
	.port_fn_hw_addr_set	= vnic_port_fn_addr_set,
};

static void vnic_devlink_del_ports(struct vnic_devlink *vd)
{
	while (vd->num_vfs) {
		vnic_params_unregister(vd, --vd->num_vfs);
		vnic_port_netdev_destroy(&vd->vfs[vd->num_vfs]);
		devl_rate_leaf_destroy(&vd->vfs[vd->num_vfs].port);
		devl_port_unregister(&vd->vfs[vd->num_vfs].port);
	}
	kvfree(vd->vfs);
	vd->vfs = NULL;
}

static int vnic_devlink_add_port(struct vnic_devlink *vd, unsigned int vf)
{
	struct vnic_devlink_vf *dvf = &vd->vfs[vf];
	int err;

	/* Neither created nor destroyed by the caller: the VFs are there. */
	dvf->fn = rcu_dereference_protected(vd->ad->vfs[vf], true);
	devlink_port_attrs_pci_vf_set(&dvf->port, 0, 0, vf, false);
	err = devl_port_register_with_ops(priv_to_devlink(vd), &dvf->port, vf,
					  &vnic_devlink_port_ops);
	if (err)
		return err;
	err = devl_rate_leaf_create(&dvf->port, dvf->fn, NULL);
	if (err)
		goto del_port;
	err = vnic_params_register(vd, vf);
	if (err)
		goto del_rate;
	cancel_delayed_work_sync(&dvf->port.type_warn_dw);
	vd->num_vfs++;
	return 0;

del_rate:
	devl_rate_leaf_destroy(&dvf->port);
del_port:
	devl_port_unregister(&dvf->port);
	return err;
}

int vnic_devlink_add_vfs(struct vnic_devlink *vd, unsigned int n)
{
	struct devlink *devlink = priv_to_devlink(vd);
	unsigned int vf;
	int err = 0;

	devl_lock(devlink);
	vd->vfs = kvcalloc(n, sizeof(*vd->vfs), GFP_KERNEL);
	if (!vd->vfs)
		err = -ENOMEM;
	for (vf = 0; vf < n && !err; vf++)
		err = vnic_devlink_add_port(vd, vf);
	if (err)
		vnic_devlink_del_ports(vd);
	devl_unlock(devlink);
	return err;
}

void vnic_devlink_del_vfs(struct vnic_devlink *vd)
{
	devl_lock(priv_to_devlink(vd));
	vnic_nodes_del(vd);	/* they are for these VFs */
	vnic_devlink_del_ports(vd);
	devl_unlock(priv_to_devlink(vd));
}

/* ---- lifetime ---- */

struct vnic_devlink *vnic_devlink_create(struct vnic_adapter *ad)
{
	struct vnic_devlink *vd;
	struct devlink *devlink;
	int err;

	devlink = devlink_alloc(&vnic_devlink_ops, sizeof(*vd), &ad->pf->dev);
	if (!devlink)
		return ERR_PTR(-ENOMEM);
	vd = devlink_priv(devlink);
	vd->ad = ad;
	vnic_rates_init(vd);
	devl_lock(devlink);
	err = vnic_sb_register(devlink, ad->memory_size);
	if (err)
		goto free;
	err = vnic_param_link_speed_register(vd);
	if (err)
		goto unregister_sb;
	devl_register(devlink);
	devl_unlock(devlink);
	return vd;

unregister_sb:
	vnic_sb_unregister(devlink);
free:
	devl_unlock(devlink);
	devlink_free(devlink);
	return ERR_PTR(err);
}

void vnic_devlink_destroy(struct vnic_devlink *vd)
{
	struct devlink *devlink = priv_to_devlink(vd);

	cancel_work_sync(&vd->rates_work);
	devl_lock(devlink);
	vnic_nodes_del(vd);
	devl_unregister(devlink);
	vnic_param_link_speed_unregister(vd);
	vnic_sb_unregister(devlink);
	devl_unlock(devlink);
	devlink_free(devlink);
}
