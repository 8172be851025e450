// SPDX-License-Identifier: GPL-2.0
/* No such mask: else the member would be there twice. */
#include <linux/ethtool.h>

struct probe_rss_input_xfrm_ops {
	const struct ethtool_ops;
	int supported_input_xfrm;
};
