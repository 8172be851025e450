// SPDX-License-Identifier: GPL-2.0
/*
 * Shares of the wire: what VFs are configured to have, and taking it.
 *
 * What leaves waits for its share (net/uplink_tx.c), what comes beyond is
 * dropped before it costs the VF anything.  Frames of the PF never wait: they
 * are taken from the spare.  Frames that come for many are not charged: the
 * wire carried them once.
 */
#include <linux/etherdevice.h>
#include <linux/math64.h>
#include <linux/timekeeping.h>

#include "../trace.h"
#include "switch.h"

#define VNIC_WIRE_DEPTH_MS	4	/* what a VF that was idle may send at once */
/* What every VF has, as a shift of the link's rate (1.6 % for 256 VFs), and in bytes per
 * second at least: else the watchdog of the driver of one with a low priority would take
 * its queue for stuck.
 */
#define VNIC_WIRE_TRICKLE	14
#define VNIC_WIRE_TRICKLE_MIN	4096

/* ---- configuration ---- */

void vnic_wire_init(struct vnic_switch *sw)
{
	unsigned int dir;

	for (dir = 0; dir < VNIC_WIRE_DIRS; dir++) {
		spin_lock_init(&sw->wire[dir].lock);
		vnic_share_init(&sw->wire[dir].share);
	}
}

void vnic_wire_join(struct vnic_port *port)
{
	unsigned int dir;

	for (dir = 0; dir < VNIC_WIRE_DIRS; dir++)
		vnic_claim_init(&port->claim[dir]);
}

void vnic_wire_leave(struct vnic_port *port)
{
	struct vnic_wire *wire;

	for (wire = port->sw->wire; wire < port->sw->wire + VNIC_WIRE_DIRS; wire++) {
		spin_lock_bh(&wire->lock);
		vnic_share_remove(&port->claim[wire - port->sw->wire]);
		spin_unlock_bh(&wire->lock);
	}
}

u32 vnic_wire_speed(const struct vnic_switch *sw)
{
	lockdep_assert_held(&sw->lock);
	return sw->link_speed ?: sw->speed;
}

u64 vnic_wire_promised(const struct vnic_switch *sw, const struct vnic_port *port)
{
	const struct vnic_port *other;
	u64 sum = 0;

	lockdep_assert_held(&sw->lock);
	list_for_each_entry(other, &sw->ports, node)
		if (other != port)
			sum += other->conf->rates[VNIC_RATE_MIN];
	return sum;
}

/* Spare goes in proportion to the minima where no weight was set. */
static u32 vnic_conf_weight(const struct vnic_port_conf *conf)
{
	return conf->rates[VNIC_RATE_WEIGHT] ?: max(conf->rates[VNIC_RATE_MIN], 1);
}

static u8 vnic_conf_prio(const struct vnic_port_conf *conf)
{
	u32 prio = conf->rates[VNIC_RATE_PRIO];

	return prio == VNIC_PRIO_BY_QOS ? conf->qos : prio;
}

/* Was anything asked for that makes VFs unequal? */
static bool vnic_wire_asked(const struct vnic_switch *sw)
{
	const struct vnic_port *port;

	if (sw->link_speed)
		return true;
	list_for_each_entry(port, &sw->ports, node)
		if (port->conf->rates[VNIC_RATE_MIN] || port->conf->rates[VNIC_RATE_WEIGHT] ||
		    vnic_conf_prio(port->conf))
			return true;
	return false;
}

/* What a VF always has, in bytes per second */
static u64 vnic_wire_min(const struct vnic_port *port, u64 rate)
{
	return max3(vnic_meter_rate(port->conf->rates[VNIC_RATE_MIN]), rate >> VNIC_WIRE_TRICKLE,
		    (u64)VNIC_WIRE_TRICKLE_MIN);
}

/* If the link cannot keep all of it, each is cut in proportion. */
static void vnic_wire_set(struct vnic_switch *sw, enum vnic_wire_dir dir, u32 speed)
{
	u64 rate = vnic_meter_rate(speed), depth, min, sum = 0;
	struct vnic_wire *wire = &sw->wire[dir];
	struct vnic_port *port;

	depth = dir == VNIC_WIRE_IN ? vnic_meter_default_burst(rate) :
		max_t(u64, div_u64(rate, 1000) * VNIC_WIRE_DEPTH_MS, 2 * VNIC_MTU_MAX);
	list_for_each_entry(port, &sw->ports, node)
		if (port->type == VNIC_PORT_VF)
			sum += vnic_wire_min(port, rate);
	spin_lock_bh(&wire->lock);
	vnic_share_set(&wire->share, rate, depth, ktime_get_ns());
	list_for_each_entry(port, &sw->ports, node) {
		if (port->type != VNIC_PORT_VF)
			continue;
		min = vnic_wire_min(port, rate);
		if (sum > rate)
			min = mul_u64_u64_div_u64(min, rate, sum);
		vnic_share_set_claim(&wire->share, &port->claim[dir], min,
				     vnic_conf_weight(port->conf), vnic_conf_prio(port->conf));
	}
	spin_unlock_bh(&wire->lock);
}

void vnic_wire_update(struct vnic_switch *sw)
{
	bool asked = vnic_wire_asked(sw);
	u32 speed = asked ? vnic_wire_speed(sw) : 0;
	u64 promised = vnic_wire_promised(sw, NULL);

	if (asked && !speed && sw->wire_speed)
		pci_warn(sw->ad->pf, "the uplink's speed is not known: VFs share it as it comes until link_speed is set\n");
	if (speed && promised > speed && speed != sw->wire_speed)
		pci_warn(sw->ad->pf, "VFs were promised %llu Mb/s, the link has %u: reduced in proportion\n",
			 promised, speed);
	vnic_wire_set(sw, VNIC_WIRE_OUT, speed);
	vnic_wire_set(sw, VNIC_WIRE_IN, speed);
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
	struct vnic_wire *wire = &port->sw->wire[VNIC_WIRE_OUT];
	bool taken;

	if (!vnic_port_wire_speed(port))
		return true;
	spin_lock_bh(&wire->lock);
	taken = vnic_share_take(&wire->share, &port->claim[VNIC_WIRE_OUT], bytes, ktime_get_ns());
	spin_unlock_bh(&wire->lock);
	return taken;
}

static void vnic_wire_spend(struct vnic_wire *wire, unsigned int bytes)
{
	spin_lock_bh(&wire->lock);
	vnic_share_spend(&wire->share, bytes, ktime_get_ns());
	spin_unlock_bh(&wire->lock);
}

void vnic_port_wire_spend(struct vnic_port *port, unsigned int bytes)
{
	if (vnic_port_wire_speed(port))
		vnic_wire_spend(&port->sw->wire[VNIC_WIRE_OUT], bytes);
}

/* The PF's frames from the wire */
static unsigned int vnic_wire_admit_pf(struct vnic_wire *wire, struct vnic_frame **out,
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
	struct vnic_wire *wire = &port->sw->wire[VNIC_WIRE_IN];
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
