// SPDX-License-Identifier: GPL-2.0
/* A netdev that stays in its network namespace is immutable in that. Linux 6.15 */
#include <linux/netdevice.h>

static void probe_netns_immutable(struct net_device *dev)
{
	dev->netns_immutable = true;
}
