/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A program at a port of the switch: XDP, run for each frame on its way to the port,
 * before its rates, and before anything is done for who is behind it.
 *
 * The program sees a copy of the frame's headers, that from which all else is decided
 * and delivered (struct vnic_frame), so that the sender cannot change what it has
 * judged; of frames from PF and uplink that is so up to the end of TCP's or UDP's header.
 * What it writes is not delivered: it filters.
 */
#ifndef _VNIC_PORT_XDP_H
#define _VNIC_PORT_XDP_H

#include <linux/bpf.h>
#include <linux/skbuff.h>
#include <net/xdp.h>

#include "port.h"

#define VNIC_XDP_DATA	512	/* the copy, and as much as a program may make it longer */

/**
 * struct vnic_xdp_room - where a CPU shows a frame to a program
 * @bytes: headroom, the frame, and what every xdp_buff has behind it
 */
struct vnic_xdp_room {
	u8	bytes[SKB_DATA_ALIGN(XDP_PACKET_HEADROOM + VNIC_XDP_DATA) +
		      SKB_DATA_ALIGN(sizeof(struct skb_shared_info))] __aligned(SMP_CACHE_BYTES);
};

/**
 * struct vnic_port_xdp - a port's program
 * @prog: the program; another one at any time, NULL: all pass; RCU
 * @rxq: what a program is told of where the frame came; registered by the owner
 * @answer: XDP_TX: take a frame that the port is to send.  It may not be sent at once:
 *	the switch is busy with the frame it answers.  BH disabled.
 */
struct vnic_port_xdp {
	struct bpf_prog __rcu	*prog;
	struct xdp_rxq_info	rxq;
	void			(*answer)(struct vnic_port_xdp *xdp, const void *data,
					  unsigned int len);
};

/* From now on frames to the port are shown to @xdp; NULL: to none, and after an RCU
 * grace period the one before is not used.  Process context; one at a time for a port.
 */
void vnic_port_set_xdp(struct vnic_port *port, struct vnic_port_xdp *xdp);

/* forward.c: keep of the @n frames, in @out, those that pass; counts the others.  @stripped:
 * the port sees no outermost tag.  @room: this CPU's.  RCU, BH disabled.  Returns how many.
 */
unsigned int vnic_port_xdp_admit(struct vnic_port *port, struct vnic_port_xdp *xdp, bool stripped,
				 struct vnic_xdp_room *room, struct vnic_frame **out,
				 unsigned int n);

#endif /* _VNIC_PORT_XDP_H */
