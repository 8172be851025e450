// SPDX-License-Identifier: GPL-2.0
/*
 * Shares of the wire: is it shared, of what speed, and taking.
 *
 * What leaves waits for its share (net/uplink_tx.c), what comes beyond is
 * dropped before it costs the VF anything.  Frames of the PF never wait: they
 * are taken from the spare.  Frames that come for many are not charged: the
 * wire carried them once.
 */
#include <linux/etherdevice.h>
#include <linux/timekeeping.h>

#include "../trace.h"
#include "switch.h"

/* ---- configuration ---- */

/* Is that more than what everybody has? */
static bool vnic_rates_ask(const u32 *rates, u8 prio)
{
	return rates[VNIC_RATE_MIN] || rates[VNIC_RATE_WEIGHT] || prio;
}

/* Was anything asked for that makes VFs unequal? */
static bool vnic_wire_asked(const struct vnic_switch *sw)
{
	const struct vnic_port *port;
	const struct vnic_node *node;

	if (sw->link_speed)
		return true;
	list_for_each_entry(port, &sw->ports, node)
		if (vnic_rates_ask(port->conf->rates, vnic_conf_prio(port->conf)))
			return true;
	list_for_each_entry(node, &sw->nodes, list)
		if (vnic_rates_ask(node->rates, node->rates[VNIC_RATE_PRIO]))
			return true;
	return false;
}

/* If the link cannot keep all that was promised, each has less in proportion. */
void vnic_wire_update(struct vnic_switch *sw)
{
	bool asked = vnic_wire_asked(sw);
	u32 speed = asked ? vnic_wire_speed(sw) : 0;
	u64 promised = vnic_nodes_promise(sw);

	if (asked && !speed && sw->wire_speed)
		pci_warn(sw->ad->pf, "the uplink's speed is not known: VFs share it as it comes until link_speed is set\n");
	if (speed && promised > speed && speed != sw->wire_speed)
		pci_warn(sw->ad->pf, "VFs were promised %llu Mb/s, the link has %u: reduced in proportion\n",
			 promised, speed);
	vnic_trees_update(sw, speed);
	WRITE_ONCE(sw->promising, promised);
	WRITE_ONCE(sw->wire_speed, speed);
}

/* ---- taking ---- */

u32 vnic_port_wire_speed(const struct vnic_port *port)
{
	return READ_ONCE(port->sw->wire_speed);
}

bool vnic_port_wire_take(struct vnic_port *port, unsigned int bytes)
{
	struct vnic_tree *wire = &port->sw->tree[VNIC_WIRE_OUT];
	bool taken;

	if (!vnic_port_wire_speed(port))
		return true;
	spin_lock_bh(&wire->lock);
	taken = vnic_share_take(&wire->share, &port->claim[VNIC_WIRE_OUT], bytes, ktime_get_ns());
	spin_unlock_bh(&wire->lock);
	return taken;
}

bool vnic_port_wire_lasts(const struct vnic_port *port, unsigned int bytes)
{
	return !vnic_port_wire_speed(port) ||
	       READ_ONCE(port->claim[VNIC_WIRE_OUT].tokens) > (s64)bytes * VNIC_NANO;
}

static void vnic_wire_spend(struct vnic_tree *wire, unsigned int bytes)
{
	spin_lock_bh(&wire->lock);
	vnic_share_spend(&wire->share, bytes, ktime_get_ns());
	spin_unlock_bh(&wire->lock);
}

void vnic_port_wire_spend(struct vnic_port *port, unsigned int bytes)
{
	if (vnic_port_wire_speed(port))
		vnic_wire_spend(&port->sw->tree[VNIC_WIRE_OUT], bytes);
}

/* The PF's frames from the wire */
static unsigned int vnic_wire_admit_pf(struct vnic_tree *wire, struct vnic_frame **out,
				       unsigned int n)
{
	unsigned int i, bytes = 0;

	for (i = 0; i < n; i++)
		bytes += out[i]->wire;
	vnic_wire_spend(wire, bytes);
	return n;
}

unsigned int vnic_wire_admit(struct vnic_port *port, struct vnic_frame **out, unsigned int n)
{
	struct vnic_tree *wire = &port->sw->tree[VNIC_WIRE_IN];
	unsigned int i, kept = 0, over = 0, bytes = 0;
	struct vnic_claim *claim = &port->claim[VNIC_WIRE_IN];
	u64 now;

	if (port->type != VNIC_PORT_VF)
		return vnic_wire_admit_pf(wire, out, n);
	spin_lock_bh(&wire->lock);
	now = ktime_get_ns();
	for (i = 0; i < n; i++) {
		if (is_multicast_ether_addr(out[i]->hdr) ||
		    vnic_share_take(&wire->share, claim, out[i]->wire, now)) {
			out[kept++] = out[i];
			continue;
		}
		over += out[i]->segs;
		bytes += out[i]->wire;
	}
	spin_unlock_bh(&wire->lock);
	if (over) {
		trace_vnic_police(port, over, bytes);
		vnic_port_drop(port, VNIC_DROP_RX_SHARE, over);
	}
	return kept;
}
