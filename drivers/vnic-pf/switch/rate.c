// SPDX-License-Identifier: GPL-2.0
/*
 * Rates: which there can be, and what those of a port and of the nodes above it let
 * pass, towards it (policed, or waited for by its owner) and from it (shaped).  Each
 * direction has a meter of bytes and one of packets, and a claim to what its nodes
 * have; a frame passes if all let it, and is charged to all.  TSO: all segments, with
 * their headers.
 */
#include <linux/timekeeping.h>

#include "switch.h"

bool vnic_rate_valid(enum vnic_rate which, u32 value)
{
	switch (which) {
	case VNIC_RATE_TX:
	case VNIC_RATE_MIN:
		return value <= VNIC_RATE_MAX;
	case VNIC_RATE_RX:
		return value <= VNIC_RATE_MAX || value == VNIC_RATE_AS_TX;
	case VNIC_RATE_TX_BURST:
	case VNIC_RATE_RX_BURST:
		return !value || (value >= VNIC_METER_BURST_MIN && value <= VNIC_METER_BURST_MAX);
	case VNIC_RATE_TX_PPS:
	case VNIC_RATE_RX_PPS:
		return !value || (value >= VNIC_PPS_MIN && value <= VNIC_PPS_MAX);
	case VNIC_RATE_STORM:
		return !value || (value >= VNIC_STORM_MIN && value <= VNIC_PPS_MAX);
	case VNIC_RATE_WEIGHT:
		return value <= VNIC_SHARE_WEIGHT_MAX;
	case VNIC_RATE_PRIO:
		return value < VNIC_SHARE_PRIOS || value == VNIC_PRIO_BY_QOS;
	case VNIC_RATE_RX_QUEUE:
		return !value ||
		       (value >= VNIC_QUEUE_TARGET_MIN && value <= VNIC_QUEUE_TARGET_MAX);
	default:
		return false;
	}
}

/* ---- rates of nodes; rx_lock or tx_lock held, BH disabled ---- */

/* @half: only if half of what it may save stays */
static bool vnic_cap_take(struct vnic_port *port, enum vnic_tree_id id, u32 bytes, bool half)
{
	struct vnic_tree *tree = &port->sw->tree[id];
	struct vnic_claim *c = &port->claim[id];
	u64 now = ktime_get_ns();
	bool taken;

	spin_lock(&tree->lock);
	taken = (!half || vnic_share_has_half(&tree->share, c, now)) &&
		vnic_share_take(&tree->share, c, bytes, now);
	spin_unlock(&tree->lock);
	return taken;
}

/* Minus @bytes: they are given back. */
static void vnic_cap_charge(struct vnic_port *port, enum vnic_tree_id id, s64 bytes)
{
	struct vnic_tree *tree = &port->sw->tree[id];

	spin_lock(&tree->lock);
	if (bytes < 0)
		vnic_share_refund(&tree->share, &port->claim[id], -bytes);
	else
		vnic_share_charge(&tree->share, &port->claim[id], bytes);
	spin_unlock(&tree->lock);
}

static u64 vnic_cap_wait(struct vnic_port *port, enum vnic_tree_id id)
{
	struct vnic_tree *tree = &port->sw->tree[id];
	u64 wait;

	spin_lock(&tree->lock);
	wait = vnic_share_wait(&tree->share, &port->claim[id], ktime_get_ns());
	spin_unlock(&tree->lock);
	return wait;
}

/* ---- towards the port; rx_lock held ---- */

enum vnic_drop vnic_port_rx_take(struct vnic_port *port, u32 bytes, u32 packets, bool half,
				 u64 now)
{
	struct vnic_meter *b = &port->rx_meter, *p = &port->rx_pps;

	lockdep_assert_held(&port->rx_lock);
	if (!vnic_meter_has(b, bytes, half ? b->burst / 2 : 0, now))
		return VNIC_DROP_RX_RATE;
	if (!vnic_meter_has(p, packets, half ? p->burst / 2 : 0, now))
		return VNIC_DROP_RX_PPS;
	if (READ_ONCE(port->rx_cap) && !vnic_cap_take(port, VNIC_CAP_IN, bytes, false))
		return VNIC_DROP_RX_NODE;
	vnic_meter_spend(b, bytes);
	vnic_meter_spend(p, packets);
	return VNIC_DROP_MAX;
}

void vnic_port_rx_spend(struct vnic_port *port, u32 bytes, u32 packets)
{
	lockdep_assert_held(&port->rx_lock);
	vnic_meter_spend(&port->rx_meter, bytes);
	vnic_meter_spend(&port->rx_pps, packets);
	if (READ_ONCE(port->rx_cap))
		vnic_cap_charge(port, VNIC_CAP_IN, bytes);
}

u64 vnic_port_rx_wait(struct vnic_port *port, u32 bytes, u32 packets, u64 now)
{
	u64 wait;

	lockdep_assert_held(&port->rx_lock);
	wait = max(vnic_meter_wait(&port->rx_meter, bytes, now),
		   vnic_meter_wait(&port->rx_pps, packets, now));
	return READ_ONCE(port->rx_cap) ? max(wait, vnic_cap_wait(port, VNIC_CAP_IN)) : wait;
}

/* ---- from the port ---- */

/* @half: only if half of each bucket stays.  tx_lock held. */
static bool vnic_port_tx_take(struct vnic_port *port, u64 bytes, u64 packets, bool half, u64 now)
{
	struct vnic_meter *b = &port->tx_meter, *p = &port->tx_pps;

	if (!vnic_meter_has(b, bytes, half ? b->burst / 2 : 0, now) ||
	    !vnic_meter_has(p, packets, half ? p->burst / 2 : 0, now))
		return false;
	if (READ_ONCE(port->tx_cap) && !vnic_cap_take(port, VNIC_CAP_OUT, bytes, half))
		return false;
	vnic_meter_spend(b, bytes);
	vnic_meter_spend(p, packets);
	return true;
}

/* ns until a frame may go that may not now.  tx_lock held. */
static u64 vnic_port_tx_wait(struct vnic_port *port, const struct vnic_frame *f, u64 now)
{
	u64 wait = max3(vnic_meter_wait(&port->tx_meter, f->wire, now),
			vnic_meter_wait(&port->tx_pps, f->segs, now), 1ULL);

	return READ_ONCE(port->tx_cap) ? max(wait, vnic_cap_wait(port, VNIC_CAP_OUT)) : wait;
}

bool vnic_port_shape_spare(struct vnic_port *port, const struct vnic_frame *f)
{
	bool may;

	spin_lock_bh(&port->tx_lock);
	may = vnic_port_tx_take(port, f->wire, f->segs, true, ktime_get_ns());
	spin_unlock_bh(&port->tx_lock);
	return may;
}

unsigned int vnic_port_shape(struct vnic_port *port, const struct vnic_frame *frames,
			     unsigned int n, u64 *wait)
{
	unsigned int i;
	u64 now;

	spin_lock_bh(&port->tx_lock);
	now = ktime_get_ns();
	for (i = 0; i < n; i++)
		if (!vnic_port_tx_take(port, frames[i].wire, frames[i].segs, false, now))
			break;
	if (i < n)
		*wait = vnic_port_tx_wait(port, &frames[i], now);
	spin_unlock_bh(&port->tx_lock);
	return i;
}

bool vnic_port_storm_may(struct vnic_port *port, u32 packets, bool take)
{
	u64 now = ktime_get_ns();
	bool may;

	spin_lock(&port->tx_lock);
	may = take ? vnic_meter_take(&port->storm, packets, now) :
		     vnic_meter_has(&port->storm, packets, 0, now);
	spin_unlock(&port->tx_lock);
	return may;
}

void vnic_port_unshape(struct vnic_port *port, const struct vnic_frame *frames, unsigned int n)
{
	unsigned int i;

	spin_lock_bh(&port->tx_lock);
	for (i = 0; i < n; i++) {
		vnic_meter_refund(&port->tx_meter, frames[i].wire);
		vnic_meter_refund(&port->tx_pps, frames[i].segs);
		if (READ_ONCE(port->tx_cap))
			vnic_cap_charge(port, VNIC_CAP_OUT, -(s64)frames[i].wire);
	}
	spin_unlock_bh(&port->tx_lock);
}
