// SPDX-License-Identifier: GPL-2.0
/* No such op: else the member would be there twice. */
#include <linux/ethtool.h>

struct probe_rx_ring_count_ops {
	const struct ethtool_ops;
	int get_rx_ring_count;
};
