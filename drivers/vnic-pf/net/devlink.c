// SPDX-License-Identifier: GPL-2.0
/*
 * The adapter's devlink instance on the PF's pci_dev: `devlink dev info`.
 */
#include <linux/stringify.h>
#include <net/devlink.h>

#include "priv.h"

static int vnic_devlink_info_get(struct devlink *devlink, struct devlink_info_req *req,
				 struct netlink_ext_ack *extack)
{
	return devlink_info_version_running_put(req, DEVLINK_INFO_VERSION_GENERIC_FW,
						__stringify(VNIC_VERSION_1));
}

static const struct devlink_ops vnic_devlink_ops = {
	.info_get	= vnic_devlink_info_get,
};

/* Context: process, rtnl not held.  ERR_PTR(-ENOMEM). */
struct devlink *vnic_devlink_create(struct vnic_adapter *ad)
{
	struct devlink *devlink;

	devlink = devlink_alloc(&vnic_devlink_ops, 0, &ad->pf->dev);
	if (!devlink)
		return ERR_PTR(-ENOMEM);
	devlink_register(devlink);
	return devlink;
}

void vnic_devlink_destroy(struct devlink *devlink)
{
	devlink_unregister(devlink);
	devlink_free(devlink);
}
