// SPDX-License-Identifier: GPL-2.0
/*
 * What a port's rates let pass: towards it (policed, or waited for by its owner)
 * and from it (shaped).  Each direction has a meter of bytes and one of packets; a
 * frame passes if both let it, and is charged to both.  TSO: all segments, with
 * their headers.
 */
#include <linux/timekeeping.h>

#include "switch.h"

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
	vnic_port_rx_spend(port, bytes, packets);
	return VNIC_DROP_MAX;
}

void vnic_port_rx_spend(struct vnic_port *port, u32 bytes, u32 packets)
{
	lockdep_assert_held(&port->rx_lock);
	vnic_meter_spend(&port->rx_meter, bytes);
	vnic_meter_spend(&port->rx_pps, packets);
}

u64 vnic_port_rx_wait(struct vnic_port *port, u32 bytes, u32 packets, u64 now)
{
	lockdep_assert_held(&port->rx_lock);
	return max(vnic_meter_wait(&port->rx_meter, bytes, now),
		   vnic_meter_wait(&port->rx_pps, packets, now));
}

/* ---- from the port ---- */

/* tx_lock held. */
static bool vnic_port_tx_take(struct vnic_port *port, u64 bytes, u64 packets, u64 now)
{
	if (!vnic_meter_has(&port->tx_meter, bytes, 0, now) ||
	    !vnic_meter_has(&port->tx_pps, packets, 0, now))
		return false;
	vnic_meter_spend(&port->tx_meter, bytes);
	vnic_meter_spend(&port->tx_pps, packets);
	return true;
}

unsigned int vnic_port_shape(struct vnic_port *port, const struct vnic_frame *frames,
			     unsigned int n, u64 *wait)
{
	unsigned int i;
	u64 now;

	spin_lock_bh(&port->tx_lock);
	now = ktime_get_ns();
	for (i = 0; i < n; i++)
		if (!vnic_port_tx_take(port, frames[i].wire, frames[i].segs, now))
			break;
	if (i < n)
		*wait = max3(vnic_meter_wait(&port->tx_meter, frames[i].wire, now),
			     vnic_meter_wait(&port->tx_pps, frames[i].segs, now), 1ULL);
	spin_unlock_bh(&port->tx_lock);
	return i;
}

void vnic_port_unshape(struct vnic_port *port, const struct vnic_frame *frames, unsigned int n)
{
	unsigned int i;

	spin_lock_bh(&port->tx_lock);
	for (i = 0; i < n; i++) {
		vnic_meter_refund(&port->tx_meter, frames[i].wire);
		vnic_meter_refund(&port->tx_pps, frames[i].segs);
	}
	spin_unlock_bh(&port->tx_lock);
}
