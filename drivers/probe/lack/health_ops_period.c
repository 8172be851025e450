// SPDX-License-Identifier: GPL-2.0
/* The grace period of a health reporter is an argument. */
#include <net/devlink.h>

static struct devlink_health_reporter *
probe_health(struct devlink *devlink, const struct devlink_health_reporter_ops *ops, void *priv)
{
	return devlink_health_reporter_create(devlink, ops, 0, priv);
}
