// SPDX-License-Identifier: GPL-2.0
/* The settings of a NAPI context outlive it, by its index. Linux 6.13 */
#include <linux/netdevice.h>

static void probe_napi_config(struct net_device *dev, struct napi_struct *napi,
			      int (*poll)(struct napi_struct *, int))
{
	netif_napi_add_config(dev, napi, poll, 0);
}
