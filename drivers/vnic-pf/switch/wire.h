/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The wire behind the uplink, shared by the VFs, in each of its directions.
 *
 * Inside the switch.  Who sends asks for what leaves (vnic_port_wire_take());
 * what comes is admitted in forward.c.  As long as nobody has been promised
 * anything and no link speed was set, nothing is shared and nothing is charged.
 */
#ifndef _VNIC_WIRE_H
#define _VNIC_WIRE_H

#include <linux/spinlock.h>

#include "share.h"

struct vnic_port;
struct vnic_switch;

enum vnic_wire_dir { VNIC_WIRE_OUT, VNIC_WIRE_IN, VNIC_WIRE_DIRS };

/**
 * struct vnic_wire - one direction
 * @lock: leaf; BH disabled; protects @share and the ports' claims to it
 * @share: who may have how much; claims are those of VFs
 */
struct vnic_wire {
	spinlock_t		lock; /* see above */
	struct vnic_share	share;
};

void vnic_wire_init(struct vnic_switch *sw);
void vnic_wire_join(struct vnic_port *port);
/* No forwarding path uses the port any more. */
void vnic_wire_leave(struct vnic_port *port);
/* Make the shares what ports and link speed are configured to.  sw->lock held. */
void vnic_wire_update(struct vnic_switch *sw);
/* Mb/s that VFs can be promised; 0: not known.  sw->lock held. */
u32 vnic_wire_speed(const struct vnic_switch *sw);
/* Mb/s that VFs other than @port were promised.  sw->lock held. */
u64 vnic_wire_promised(const struct vnic_switch *sw, const struct vnic_port *port);
/* Keep the VF's frames from the wire that its share allows.  Returns how many. */
unsigned int vnic_wire_admit(struct vnic_port *port, struct vnic_frame **out, unsigned int n);

#endif /* _VNIC_WIRE_H */
