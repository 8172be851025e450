// SPDX-License-Identifier: GPL-2.0
/* Neither the op nor its argument's type: else they would be there twice. */
#include <linux/ethtool.h>

struct ethtool_rxfh_fields {
	const struct ethtool_ops;
	int get_rxfh_fields;
};
