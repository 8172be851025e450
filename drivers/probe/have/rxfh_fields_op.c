// SPDX-License-Identifier: GPL-2.0
/* What a flow's hash is made of is asked for by an op of its own. Linux 6.17 */
#include <linux/ethtool.h>

static int probe_rxfh_fields(struct net_device *netdev, struct ethtool_rxfh_fields *fields)
{
	return fields->flow_type == fields->data;
}

static const struct ethtool_ops probe_rxfh_fields_ops = {
	.get_rxfh_fields = probe_rxfh_fields,
};
