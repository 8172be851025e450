// SPDX-License-Identifier: GPL-2.0
/* A netdev that stays in its network namespace is local to that. */
#include <linux/netdevice.h>

static void probe_netns_local(struct net_device *dev)
{
	dev->netns_local = true;
}
