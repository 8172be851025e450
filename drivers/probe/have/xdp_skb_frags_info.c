// SPDX-License-Identifier: GPL-2.0
/* What an skb takes over of XDP's frags is told by their flags. Linux 6.18 */
#include <net/xdp.h>

static void probe_xdp_skb_frags_info(struct sk_buff *skb, const struct xdp_buff *xdp)
{
	xdp_update_skb_frags_info(skb, 1, 1, 1, xdp_buff_get_skb_flags(xdp));
}
