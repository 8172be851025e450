// SPDX-License-Identifier: GPL-2.0
/* A part of a page, or XDP sockets' memory, is added to a frame by a function. Linux 6.14 */
#include <net/xdp.h>
#include <net/xdp_sock_drv.h>

static bool probe_xdp_buff_add_frag(struct xdp_buff *head, struct page *page, struct xdp_buff *xdp)
{
	return xdp_buff_add_frag(head, page_to_netmem(page), 0, 1, 1) &&
	       xsk_buff_add_frag(head, xdp);
}
