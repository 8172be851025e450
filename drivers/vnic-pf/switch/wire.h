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

#include <linux/types.h>

struct vnic_frame;
struct vnic_port;
struct vnic_switch;

/* Make all trees what ports, nodes and link speed are configured to.  sw->lock held. */
void vnic_wire_update(struct vnic_switch *sw);
/* Keep the VF's frames from the wire that its share allows.  Returns how many. */
unsigned int vnic_wire_admit(struct vnic_port *port, struct vnic_frame **out, unsigned int n);

#endif /* _VNIC_WIRE_H */
