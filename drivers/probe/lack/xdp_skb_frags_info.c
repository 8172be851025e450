// SPDX-License-Identifier: GPL-2.0
/* It is told by a bool. */
#include <net/xdp.h>

static void probe_xdp_skb_frags_info(struct sk_buff *skb, const struct xdp_buff *xdp)
{
	xdp_update_skb_shared_info(skb, 1, 1, 1, xdp_buff_is_frag_pfmemalloc(xdp));
}
