/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Trees of shares: nodes and VFs as they are configured, made what is dealt out.
 *
 * Inside the switch.  There are four, of the same shape: what leaves and what comes
 * through the uplink (the link's speed is dealt out), and what VFs below nodes send
 * and are sent, to and from anywhere (nodes have rates, the root has none).
 */
#ifndef _VNIC_TREE_H
#define _VNIC_TREE_H

#include <linux/spinlock.h>

#include "../lib/share.h"

struct vnic_port;
struct vnic_switch;

/**
 * struct vnic_tree - one tree
 * @lock: leaf; BH disabled; taken inside vnic_port.rx_lock or .tx_lock, and never with
 *	that of another tree; protects @share, and shares of nodes and claims of ports
 *	in it
 * @share: its root
 */
struct vnic_tree {
	spinlock_t		lock; /* see above */
	struct vnic_share	share;
};

void vnic_trees_init(struct vnic_switch *sw);
void vnic_trees_join(struct vnic_port *port);
/* The port is in no tree any more: nothing it does has to wait. */
void vnic_trees_leave(struct vnic_port *port);
/* Make the trees what ports and nodes are configured to; @speed: Mb/s of the wire, 0: it
 * is not shared.  sw->lock held.
 */
void vnic_trees_update(struct vnic_switch *sw, u32 speed);
u8 vnic_conf_prio(const struct vnic_port_conf *conf);

#endif /* _VNIC_TREE_H */
