// SPDX-License-Identifier: GPL-2.0
/* Which symmetric hashes a driver has is a mask of RXH_XFRM_*, OR_XOR among them. Linux 6.15 */
#include <linux/ethtool.h>

static const struct ethtool_ops probe_rss_input_xfrm_ops = {
	.supported_input_xfrm = RXH_XFRM_SYM_XOR | RXH_XFRM_SYM_OR_XOR,
};
