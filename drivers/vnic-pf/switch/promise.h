/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Nodes as the switch reads them: levels, rates, and what was promised up the tree.
 *
 * Inside the switch.  Process context, vnic_switch.lock held.
 */
#ifndef _VNIC_PROMISE_H
#define _VNIC_PROMISE_H

#include <linux/types.h>

#include "node.h"

/* Mb/s that may be sent to the VFs below a node; 0: no limit */
u32 vnic_node_rx_rate(const struct vnic_node *node);
/* Number of nodes from the top to this one; NULL: 0 */
unsigned int vnic_node_level(const struct vnic_node *node);
/* Mb/s that a node was promised, or else its children: after vnic_nodes_promise() */
u64 vnic_node_promised(const struct vnic_node *node);
/* Sum up what was promised at each node (vnic_node.sum).  Mb/s that were of the link. */
u64 vnic_nodes_promise(struct vnic_switch *sw);

/**
 * struct vnic_chain - what was promised from a node up, before a change
 * @sum: Mb/s, of the children of each node; the last is the link's
 */
struct vnic_chain {
	u64	sum[VNIC_NODES_ABOVE + 1];
};

/* Remember what is promised from @parent (NULL: the link) up. */
void vnic_chain_note(struct vnic_chain *chain, struct vnic_switch *sw, struct vnic_node *parent);
/* And now?  @mine: Mb/s of who asks.  0; -ENODATA: more of a link whose speed is not known;
 * -ENOSPC: more than somebody up there has: @no.
 */
int vnic_chain_check(const struct vnic_chain *chain, struct vnic_switch *sw,
		     const struct vnic_node *parent, u64 mine, struct vnic_refusal *no);

#endif /* _VNIC_PROMISE_H */
