// SPDX-License-Identifier: GPL-2.0
/* Reading a devlink parameter has an extack. Linux 6.19 */
#include <net/devlink.h>

static int probe_param_get(struct devlink *devlink, u32 id, struct devlink_param_gset_ctx *ctx,
			   struct netlink_ext_ack *extack);

static const struct devlink_param probe_param = {
	.get = probe_param_get,
};
