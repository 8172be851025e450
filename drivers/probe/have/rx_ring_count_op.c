// SPDX-License-Identifier: GPL-2.0
/* The number of RX rings is asked for by an op of its own. Linux 6.19 */
#include <linux/ethtool.h>

static u32 probe_rx_ring_count(struct net_device *netdev);

static const struct ethtool_ops probe_rx_ring_count_ops = {
	.get_rx_ring_count = probe_rx_ring_count,
};
