// SPDX-License-Identifier: GPL-2.0
/* There is no such function, and sockets' memory is added to a list only. */
#include <net/xdp.h>
#include <net/xdp_sock_drv.h>

int xdp_buff_add_frag(void);

static void probe_xdp_buff_add_frag(struct xdp_buff *xdp)
{
	xsk_buff_add_frag(xdp);
}
