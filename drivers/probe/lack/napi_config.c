// SPDX-License-Identifier: GPL-2.0
/* The name is free, and a NAPI context is added by itself. */
#include <linux/netdevice.h>

static int netif_napi_add_config;

static void probe_napi_add(struct net_device *dev, struct napi_struct *napi,
			   int (*poll)(struct napi_struct *, int))
{
	netif_napi_add(dev, napi, poll);
}
