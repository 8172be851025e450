// SPDX-License-Identifier: GPL-2.0
/* Reading a devlink parameter has no extack. */
#include <net/devlink.h>

static int probe_param_get(struct devlink *devlink, u32 id, struct devlink_param_gset_ctx *ctx);

static const struct devlink_param probe_param = {
	.get = probe_param_get,
};
