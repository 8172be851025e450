// SPDX-License-Identifier: GPL-2.0
/*
 * The path of a batch of frames: source checks, classification, police,
 * delivery.
 *
 * A batch is classified first: each destination collects a bitmap of the frames
 * it gets.  Then each destination is served once, in the order in which they
 * came up, its frames in the order in which they were sent: one look at its
 * policy, one turn of its meter, one call of its owner.  Nothing is allocated;
 * the bitmaps are per CPU.
 *
 * Of a frame that is refused here nothing of the destination has been touched
 * but its policy, its meter and a counter.
 */
#include <linux/bitops.h>
#include <linux/timekeeping.h>
#include <linux/unaligned.h>

#include "../trace.h"
#include "cpu_claim.h"
#include "port_xdp.h"
#include "switch.h"

static_assert(VNIC_BATCH == 32, "a batch's frames fit the bits of a u32");

/*
 * Copies, beyond the first of each frame, that end a batch: what all of 256 VFs get, or
 * would get but for the storm's limit, takes as much longer, with BH disabled.
 */
#define VNIC_COPIES	32

/**
 * struct vnic_batch - scratch memory of one batch
 * @claim: guards against forwarding inside a delivery on the same CPU
 * @nports: entries of @ports
 * @ports: destinations in the order in which they came up
 * @frames: by vnic_port_slot(): the frames the port gets; all 0 between batches
 * @room: where a port's program sees a frame
 */
struct vnic_batch {
	struct vnic_cpu_claim	claim;
	unsigned int		nports;
	struct vnic_port	*ports[VNIC_PORTS_MAX];
	u32			frames[VNIC_PORTS_MAX];
	struct vnic_xdp_room	room;
};

/**
 * struct vnic_pass - a batch on its way
 * @sw: switch
 * @src: who sends
 * @pol: its policy
 * @b: scratch
 * @nports: destinations of the frames before this one
 * @f: the frame being classified
 * @bit: its bit in the bitmaps
 * @tci: its tag in the switch (port VLAN applied)
 * @proto: protocol of that tag; 0: none
 * @only: the only port that the frame before leads to; NULL: frames like it are
 *	to be looked up
 * @only_frames: the bitmap of that.  What the frame was like:
 * @only_macs: addresses and type
 * @only_tci: tag that it was sent with
 * @only_proto: protocol of that tag
 * @flood: it goes to whoever wants it: its address is no port's own
 * @undone: copies that were found and not made after all
 * @refused: packets of frames that went nowhere, not counted yet
 * @why: their reason, the same for all of them
 */
struct vnic_pass {
	struct vnic_switch		*sw;
	struct vnic_port		*src;
	const struct vnic_port_policy	*pol;
	struct vnic_batch		*b;
	unsigned int			nports;
	struct vnic_frame		*f;
	u32				bit;
	u16				tci;
	__be16				proto;
	struct vnic_port		*only;
	u32				*only_frames;
	u64				only_macs[2];
	u16				only_tci;
	__be16				only_proto;
	bool				flood;
	unsigned int			undone;
	unsigned int			refused;
	enum vnic_drop			why;
};

struct vnic_batch __percpu *vnic_batch_alloc(void)
{
	struct vnic_batch __percpu *batch = alloc_percpu(struct vnic_batch);
	unsigned int cpu;

	if (!batch)
		return NULL;
	for_each_possible_cpu(cpu)
		vnic_cpu_claim_init(&per_cpu_ptr(batch, cpu)->claim);
	return batch;
}

static unsigned int vnic_port_slot(const struct vnic_port *port)
{
	switch (port->type) {
	case VNIC_PORT_PF:
		return VNIC_MAX_VFS;
	case VNIC_PORT_UPLINK:
		return VNIC_MAX_VFS + 1;
	default:
		return port->index;
	}
}

static bool vnic_port_up(const struct vnic_port *port, const struct vnic_port_policy *pol)
{
	return pol->enabled && vnic_policy_link_up(port->sw, pol);
}

/* ---- refusal ---- */

/* Count the frames that were refused: as many at a time as share a reason. */
static void vnic_count_refused(struct vnic_pass *p)
{
	if (p->refused)
		vnic_port_drop(p->src, p->why, p->refused);
	p->refused = 0;
}

/* The frame goes nowhere. */
static void vnic_refuse(struct vnic_pass *p, enum vnic_drop why)
{
	if (p->why != why)
		vnic_count_refused(p);
	p->why = why;
	p->refused += p->f->segs;
}

/* ---- source checks ---- */

/*
 * Does a frame speak as a network's own equipment?  To 01:80:c2:00:00:0x, or
 * pause and LLDP frames to whatever address.
 */
static bool vnic_is_control(const u8 *hdr)
{
	__be16 type = get_unaligned((__be16 *)(hdr + 2 * ETH_ALEN));

	return is_link_local_ether_addr(hdr) || type == htons(ETH_P_PAUSE) ||
	       type == htons(ETH_P_LLDP);
}

/* May the port send from this address? */
static bool vnic_source_valid(const struct vnic_pass *p)
{
	const u8 *mac = p->f->hdr + ETH_ALEN;
	struct rhlist_head *list, *pos;
	struct vnic_fdb_entry *e;

	if (is_multicast_ether_addr(mac))
		return false;
	if (!p->pol->spoofchk || ether_addr_equal(mac, p->pol->mac))
		return true;
	if (!p->pol->trusted)
		return false;
	list = vnic_fdb_lookup(&p->sw->fdb, mac);
	rhl_for_each_entry_rcu(e, pos, list, rhl)
		if (e->port == p->src && e->kind == VNIC_FDB_UC)
			return true;
	return false;
}

/* A tag right behind the Ethernet header (the outermost is not there)? */
static bool vnic_inner_tag(const struct vnic_frame *f)
{
	return eth_type_vlan(((const struct ethhdr *)f->hdr)->h_proto);
}

/* Has the port joined this VLAN, by itself or as one of all? */
static bool vnic_port_joined(const struct vnic_port *port, const struct vnic_port_policy *pol,
			     u16 vid, __be16 proto)
{
	return test_bit(vnic_vlan_bit(vid, proto), port->vlans) ||
	       (proto == htons(ETH_P_8021AD) ? pol->all_stag : pol->all_ctag);
}

/* Decide the frame's tag in the switch; false: VLAN not allowed. */
static bool vnic_source_vlan(struct vnic_pass *p)
{
	const struct vnic_port_policy *pol = p->pol;
	const struct vnic_frame *f = p->f;
	u16 vid = f->vlan_tci & VLAN_VID_MASK;

	p->tci = f->vlan_tci;
	p->proto = f->vlan_proto;
	/* a priority tag is no tag: another behind it would slip through */
	if (f->vlan_proto && !vid && vnic_inner_tag(f))
		return false;
	if (!pol->vlan_proto)
		return !f->vlan_proto || !vid ||
		       vnic_port_joined(p->src, pol, vid, f->vlan_proto);

	p->tci = pol->vlan_tci;
	p->proto = pol->vlan_proto;
	if (!f->vlan_proto || !vid)
		return true;
	return pol->vlan_proto == htons(ETH_P_8021AD) && f->vlan_proto == htons(ETH_P_8021Q);
}

/* Of the wire, or of who is behind the PF: what is not the PF's own address is learned. */
static void vnic_source_learn(struct vnic_pass *p)
{
	const u8 *mac = p->f->hdr + ETH_ALEN;

	if (!ether_addr_equal(mac, p->pol->mac) && !is_multicast_ether_addr(mac))
		vnic_learned_see(p->sw, mac);
}

/* Why a VF may not send this frame; VNIC_DROP_MAX: it may. */
static enum vnic_drop vnic_source_check(struct vnic_pass *p)
{
	p->tci = p->f->vlan_tci;
	p->proto = p->f->vlan_proto;
	if (p->src->type != VNIC_PORT_VF) {
		vnic_source_learn(p);
		return VNIC_DROP_MAX;
	}
	if (vnic_is_control(p->f->hdr))
		return VNIC_DROP_TX_CONTROL;
	if (!vnic_source_valid(p))
		return VNIC_DROP_TX_SPOOF;
	if (!vnic_source_vlan(p))
		return VNIC_DROP_TX_VLAN;
	return VNIC_DROP_MAX;
}

/* Give the frame its tag; a customer's tag goes inside the provider's. */
static void vnic_tag_frame(struct vnic_pass *p)
{
	struct vnic_frame *f = p->f;

	if (p->src->type != VNIC_PORT_VF || !p->pol->vlan_proto)
		return;
	if (f->vlan_proto && f->vlan_tci & VLAN_VID_MASK)
		vnic_frame_push_tag(f, f->vlan_tci, f->vlan_proto);
	f->vlan_tci = p->tci;
	f->vlan_proto = p->proto;
}

/* ---- destinations ---- */

/* Is the port in the frame's VLAN? */
static bool vnic_port_member(const struct vnic_pass *p, const struct vnic_port *port,
			     const struct vnic_port_policy *pol)
{
	u16 vid = p->proto ? p->tci & VLAN_VID_MASK : 0;

	if (port->type != VNIC_PORT_VF)
		return true;
	if (pol->vlan_proto)
		return p->proto == pol->vlan_proto && vid == (pol->vlan_tci & VLAN_VID_MASK);
	/* of PF and wire: a priority tag is no tag, and what is behind it is no VLAN's */
	if (p->proto && !vid && vnic_inner_tag(p->f))
		return false;
	return !vid || vnic_port_joined(port, pol, vid, p->proto);
}

/* Asked once for a frame: what is not busy has promised to take it. */
static bool vnic_port_busy(const struct vnic_pass *p, struct vnic_port *port)
{
	if (!port->ops->busy || p->b->frames[vnic_port_slot(port)] & p->bit)
		return false;
	return port->ops->busy(port, p->src, p->f);
}

static void vnic_add_port(struct vnic_pass *p, struct vnic_port *port)
{
	u32 *frames = &p->b->frames[vnic_port_slot(port)];

	if (*frames & p->bit)
		return;
	if (!*frames)
		p->b->ports[p->b->nports++] = port;
	*frames |= p->bit;
	p->f->copies++;
}

/* No port gets the frame now. */
static void vnic_undo(struct vnic_pass *p)
{
	unsigned int i;

	for (i = 0; i < p->b->nports; i++) {
		struct vnic_port *port = p->b->ports[i];
		u32 *frames = &p->b->frames[vnic_port_slot(port)];

		if (port->ops->forget && *frames & p->bit)
			port->ops->forget(port, p->f);
		*frames &= ~p->bit;
	}
	p->b->nports = p->nports;
	p->undone += p->f->copies;
	p->f->copies = 0;
}

/* One copy of a frame that many get: who is busy or down goes without it. */
static void vnic_add_copy(struct vnic_pass *p, struct vnic_port *port,
			  const struct vnic_port_policy *pol)
{
	if (port == p->src || !vnic_port_up(port, pol) || !vnic_port_member(p, port, pol))
		return;
	if (vnic_port_busy(p, port))
		vnic_port_drop(port, VNIC_DROP_RX_NOBUF, p->f->segs);
	else
		vnic_add_port(p, port);
}

/* A copy to the PF or the uplink, if there is one */
static void vnic_add_host_copy(struct vnic_pass *p, struct vnic_port *port)
{
	if (port)
		vnic_add_copy(p, port, rcu_dereference(port->policy));
}

/* More for many than the source may send?  @take: else this is charged. */
static bool vnic_storm(const struct vnic_pass *p, bool take)
{
	return p->src->type == VNIC_PORT_VF && READ_ONCE(p->src->storm.rate) &&
	       !vnic_port_storm_may(p->src, p->f->segs, take);
}

/* Copies to all ports that want all frames of the kinds named. */
static void vnic_add_copies(struct vnic_pass *p, bool promisc, bool allmulti, bool discovery)
{
	const struct vnic_port_policy *pol;
	struct vnic_port *port;

	list_for_each_entry_rcu(port, &p->sw->ports, node) {
		pol = rcu_dereference(port->policy);
		if ((!promisc || pol->promisc) && (!allmulti || pol->allmulti) &&
		    (!discovery || pol->discovery))
			vnic_add_copy(p, port, pol);
	}
}

/* All nodes and solicited nodes of IPv6 (RFC 4291, 2.7.1), all hosts of IPv4 (RFC 1112) */
static bool vnic_is_discovery(const u8 *mac)
{
	u64 addr = ether_addr_to_u64(mac);

	return addr == 0x333300000001ULL || addr >> 24 == 0x3333ff || addr == 0x01005e000001ULL;
}

static void vnic_to_multicast(struct vnic_pass *p)
{
	struct vnic_port *uplink = rcu_dereference(p->sw->uplink);
	const u8 *mac = p->f->hdr;
	struct rhlist_head *list, *pos;
	struct vnic_fdb_entry *e;

	if (vnic_is_control(mac)) {
		vnic_add_host_copy(p, p->src->type == VNIC_PORT_PF ?
				   uplink : rcu_dereference(p->sw->pf));
		return;
	}
	p->flood = true;
	if (is_broadcast_ether_addr(mac)) {
		if (vnic_storm(p, false))	/* before all ports are looked through */
			vnic_refuse(p, VNIC_DROP_TX_STORM);
		else
			vnic_add_copies(p, false, false, false);
		return;
	}
	list = vnic_fdb_lookup(&p->sw->fdb, mac);
	rhl_for_each_entry_rcu(e, pos, list, rhl)
		vnic_add_copy(p, e->port, rcu_dereference(e->port->policy));
	if (READ_ONCE(p->sw->allmulti))
		vnic_add_copies(p, false, true, false);
	if (READ_ONCE(p->sw->discovery) && vnic_is_discovery(mac))
		vnic_add_copies(p, false, false, true);
	vnic_add_host_copy(p, uplink);
}

/* An address of none of our ports in this VLAN.  False: the uplink is busy. */
static bool vnic_to_unknown(struct vnic_pass *p)
{
	struct vnic_port *uplink = rcu_dereference(p->sw->uplink);

	if (uplink && uplink != p->src) {
		if (vnic_port_busy(p, uplink))
			return false;
		vnic_add_port(p, uplink);
	}
	p->flood = true;
	if (READ_ONCE(p->sw->promisc))
		vnic_add_copies(p, true, false, false);
	else if (uplink != p->src)
		p->only = uplink;
	return true;
}

/* False: a destination is busy. */
static bool vnic_to_unicast(struct vnic_pass *p)
{
	const struct vnic_port_policy *pol;
	struct vnic_port *only = NULL;
	struct rhlist_head *list, *pos;
	struct vnic_fdb_entry *e;
	unsigned int ports = 0;

	list = vnic_fdb_lookup(&p->sw->fdb, p->f->hdr);
	rhl_for_each_entry_rcu(e, pos, list, rhl) {
		pol = rcu_dereference(e->port->policy);
		/* Of a port that does not run, an address is not known: who stands in
		 * for it may be on the wire.
		 */
		if (!READ_ONCE(e->active) || !pol->enabled || !vnic_port_member(p, e->port, pol))
			continue;
		ports++;
		if (e->port == p->src)
			continue;
		only = e->port;
		if (vnic_port_busy(p, only))
			return false;
		vnic_add_port(p, only);
	}
	if (!ports)
		return vnic_to_unknown(p);
	if (ports == 1)
		p->only = only;
	return true;
}

/*
 * The frames of a batch are mostly of few flows: what has the addresses, type
 * and tag of the frame before it passes the same checks and goes the same way.
 */
static bool vnic_like_before(const struct vnic_pass *p)
{
	const struct vnic_frame *f = p->f;

	return p->only && get_unaligned((const u64 *)f->hdr) == p->only_macs[0] &&
	       get_unaligned((const u64 *)(f->hdr + 6)) == p->only_macs[1] &&
	       f->vlan_tci == p->only_tci && f->vlan_proto == p->only_proto;
}

/* The way of the frame before, which is among the batch's.  False: the port is busy. */
static bool vnic_go_on(struct vnic_pass *p)
{
	if (p->only->ops->busy && p->only->ops->busy(p->only, p->src, p->f))
		return false;
	*p->only_frames |= p->bit;
	p->f->copies = 1;
	return true;
}

static void vnic_remember(struct vnic_pass *p)
{
	const struct vnic_frame *f = p->f;

	p->only_frames = &p->b->frames[vnic_port_slot(p->only)];
	p->only_macs[0] = get_unaligned((const u64 *)f->hdr);
	p->only_macs[1] = get_unaligned((const u64 *)(f->hdr + 6));
	p->only_tci = f->vlan_tci;
	p->only_proto = f->vlan_proto;
}

/* Find the destinations of a frame by its headers.  False: one is busy. */
static bool vnic_look_up(struct vnic_pass *p)
{
	enum vnic_drop why = vnic_source_check(p);

	p->only = NULL;
	p->flood = false;
	p->nports = p->b->nports;
	if (why != VNIC_DROP_MAX) {
		vnic_refuse(p, why);
		return true;
	}
	if (is_multicast_ether_addr(p->f->hdr)) {
		vnic_to_multicast(p);
	} else if (!vnic_to_unicast(p)) {
		vnic_undo(p);
		p->only = NULL;
		return false;
	} else if (!p->f->copies) {
		vnic_refuse(p, VNIC_DROP_TX_NODEST);
	}
	if (p->flood && p->f->copies > 1 && vnic_storm(p, true)) {
		vnic_undo(p);
		vnic_refuse(p, VNIC_DROP_TX_STORM);
	}
	if (p->only)
		vnic_remember(p);
	return true;
}

/* Find the destinations of a frame.  False: wait for one of them. */
static bool vnic_classify(struct vnic_pass *p)
{
	p->f->src = p->src;
	p->f->copies = 0;
	p->f->assured = false;
	if (!(vnic_like_before(p) ? vnic_go_on(p) : vnic_look_up(p)))
		return false;
	if (p->f->copies)
		vnic_tag_frame(p);
	return true;
}

/* ---- delivery ---- */

/* Bytes of the tags right behind the Ethernet header, of at most @max tags */
static u32 vnic_inner_tags(const struct vnic_frame *f, unsigned int max)
{
	u32 at = 2 * ETH_ALEN, tags = 0;

	while (max-- && at + sizeof(__be16) <= f->hdr_len &&
	       eth_type_vlan(get_unaligned((__be16 *)(f->hdr + at)))) {
		at += VLAN_HLEN;
		tags += VLAN_HLEN;
	}
	return tags;
}

/* Longest frame on the wire, Ethernet header included, the outermost tag and @tags not */
static u32 vnic_frame_longest(const struct vnic_frame *f, unsigned int tags)
{
	u32 len = f->flags & VNIC_FR_GSO ? f->gso_hdr_len + f->gso_size : f->len;

	return len - vnic_inner_tags(f, tags);
}

/* The usual frame fits whatever tags it has. */
static bool vnic_frame_fits(const struct vnic_frame *f, const struct vnic_port_policy *pol)
{
	return !(f->flags & VNIC_FR_GSO) && f->len <= pol->max_len;
}

/* Keep the frames that fit the port: a VF sees two tags beyond its MTU, and none of
 * its port VLAN.  Returns how many.
 */
static unsigned int vnic_admit_size(struct vnic_port *port, const struct vnic_port_policy *pol,
				    struct vnic_frame **out, unsigned int n)
{
	unsigned int tags = port->type == VNIC_PORT_VF && !pol->vlan_proto ? 1 : 2;
	unsigned int i, kept = 0, oversize = 0;

	for (i = 0; i < n; i++) {
		if (vnic_frame_longest(out[i], tags) > pol->max_len)
			oversize += out[i]->segs;
		else
			out[kept++] = out[i];
	}
	if (oversize)
		vnic_port_drop(port, VNIC_DROP_RX_OVERSIZE, oversize);
	return kept;
}

/*
 * Keep the frames that the port's rates allow: one turn of the meters, one
 * decision a frame.  Half of each bucket is for senders inside their guarantee,
 * while there are such: so a flood of others leaves them what they were promised.
 * Returns how many.
 */
static unsigned int vnic_admit_rate(struct vnic_port *port, struct vnic_frame **out, unsigned int n)
{
	unsigned int i, kept = 0, bytes = 0, drops[VNIC_DROP_RX_NODE + 1] = {}, over;
	bool assured = vnic_port_assured(port);
	enum vnic_drop why;
	u64 now;

	spin_lock(&port->rx_lock);
	now = ktime_get_ns();
	for (i = 0; i < n; i++) {
		why = vnic_port_rx_take(port, out[i]->wire, out[i]->segs,
					assured && !out[i]->assured, now);
		if (why == VNIC_DROP_MAX) {
			out[kept++] = out[i];
			continue;
		}
		drops[why] += out[i]->segs;
		bytes += out[i]->wire;
	}
	spin_unlock(&port->rx_lock);
	over = drops[VNIC_DROP_RX_RATE] + drops[VNIC_DROP_RX_PPS] + drops[VNIC_DROP_RX_NODE];
	if (over)
		trace_vnic_police(port, over, bytes);
	for (why = VNIC_DROP_RX_RATE; over && why <= VNIC_DROP_RX_NODE; why++)
		if (drops[why])
			vnic_port_drop(port, why, drops[why]);
	return kept;
}

/* To the owner: what is admitted, or what may wait until it is */
static void vnic_hand_over(struct vnic_port *port, const struct vnic_port_policy *pol,
			   struct vnic_frame **out, unsigned int n)
{
	if (pol->queued)
		port->ops->queue(port, out, n);
	else
		port->ops->deliver(port, out, n);
}

/* All frames of a port with a port VLAN are in that VLAN: it sees no tag. */
static void vnic_deliver_stripped(struct vnic_port *port, const struct vnic_port_policy *pol,
				  struct vnic_frame **out, unsigned int n)
{
	__be16 proto[VNIC_BATCH];
	u16 tci[VNIC_BATCH];
	unsigned int i;

	for (i = 0; i < n; i++) {
		tci[i] = out[i]->vlan_tci;
		proto[i] = out[i]->vlan_proto;
		out[i]->vlan_tci = 0;
		out[i]->vlan_proto = 0;
	}
	vnic_hand_over(port, pol, out, n);
	for (i = 0; i < n; i++) {
		out[i]->vlan_tci = tci[i];
		out[i]->vlan_proto = proto[i];
	}
}

/* Remember that somebody inside its guarantee sends to the port. */
static void vnic_note_assured(struct vnic_port *port, struct vnic_frame **out, unsigned int n)
{
	unsigned long now = jiffies ?: 1;
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (!out[i]->assured)
			continue;
		if (READ_ONCE(port->assured) != now)
			WRITE_ONCE(port->assured, now);
		break;
	}
}

/* Frames of the batch for one port */
static void vnic_serve(struct vnic_batch *b, struct vnic_port *port, struct vnic_frame *frames,
		       u32 bits)
{
	const struct vnic_port_policy *pol = rcu_dereference(port->policy);
	struct vnic_port_xdp *xdp = rcu_dereference(port->xdp);
	unsigned int n = 0, packets = 0;
	struct vnic_frame *out[VNIC_BATCH];
	bool fit = true;
	u32 left;

	for (left = bits; left; left &= left - 1) {
		out[n] = &frames[__ffs(left)];
		fit = fit && vnic_frame_fits(out[n], pol);
		packets += out[n++]->segs;
	}
	if (!vnic_port_up(port, pol)) {
		vnic_port_drop(port, VNIC_DROP_RX_LINK, packets);
		n = 0;
	}
	if (unlikely(!fit))
		n = vnic_admit_size(port, pol, out, n);
	if (n && xdp)
		n = vnic_port_xdp_admit(port, xdp, pol->vlan_proto, &b->room, out, n);
	if (n && READ_ONCE(port->sw->promising))
		vnic_note_assured(port, out, n);
	if (n && pol->policed)
		n = vnic_admit_rate(port, out, n);
	if (n && out[0]->src->type == VNIC_PORT_UPLINK && READ_ONCE(port->sw->wire_speed))
		n = vnic_wire_admit(port, out, n);
	if (n && pol->vlan_proto)
		vnic_deliver_stripped(port, pol, out, n);
	else if (n)
		vnic_hand_over(port, pol, out, n);
	if (port->ops->forget)
		port->ops->forget(port, NULL);
}

static void vnic_serve_all(struct vnic_batch *b, struct vnic_frame *frames)
{
	unsigned int i, slot;
	u32 left;

	for (i = 0; i < b->nports; i++) {
		slot = vnic_port_slot(b->ports[i]);
		left = b->frames[slot];
		b->frames[slot] = 0;
		if (left)
			vnic_serve(b, b->ports[i], frames, left);
		if (i + 1 == b->nports)
			break;	/* nobody is left to look at copies */
		for (; left; left &= left - 1)
			frames[__ffs(left)].copies--;
	}
	b->nports = 0;
}

/* Nothing of the batch is sent. */
static unsigned int vnic_refuse_all(struct vnic_port *src, const struct vnic_frame *frames,
				    unsigned int n, enum vnic_drop why)
{
	unsigned int i, packets = 0, bytes = 0;

	for (i = 0; i < n; i++) {
		packets += frames[i].segs;
		bytes += frames[i].wire;
	}
	vnic_port_count_tx(src, packets, bytes);
	vnic_port_drop(src, why, packets);
	return n;
}

/* Which of the frames are inside the source's guarantee? */
static void vnic_assure(struct vnic_port *src, struct vnic_frame *frames, unsigned int n)
{
	unsigned int i;
	u64 now;

	spin_lock(&src->tx_lock);
	now = ktime_get_ns();
	for (i = 0; i < n; i++)
		frames[i].assured = vnic_meter_take(&src->min_meter, frames[i].wire, now);
	spin_unlock(&src->tx_lock);
}

/* The batch; scratch memory is ours.  RCU. */
static unsigned int vnic_forward(struct vnic_pass *p, struct vnic_frame *frames, unsigned int n,
				 bool *busy)
{
	unsigned int copies = 0, packets = 0, bytes = 0, i;

	for (i = 0; i < n && copies + p->undone < i + VNIC_COPIES; i++) {
		p->f = &frames[i];
		p->bit = BIT(i);
		if (!vnic_classify(p)) {
			*busy = true;
			break;
		}
		copies += frames[i].copies;
		packets += frames[i].segs;
		bytes += frames[i].wire;
	}
	vnic_port_count_tx(p->src, packets, bytes);
	vnic_count_refused(p);
	if (p->pol->guaranteed)
		vnic_assure(p->src, frames, i);
	vnic_serve_all(p->b, frames);
	return i;
}

unsigned int vnic_switch_forward(struct vnic_port *src, struct vnic_frame *frames, unsigned int n,
				 bool *busy)
{
	struct vnic_pass p = {
		.sw = src->sw,
		.src = src,
	};
	unsigned int done;

	*busy = false;
	if (!vnic_cpu_claim_get(&src->sw->batch->claim))
		return vnic_refuse_all(src, frames, n, VNIC_DROP_TX_NODEST);
	p.b = this_cpu_ptr(src->sw->batch);
	rcu_read_lock();
	p.pol = rcu_dereference(src->policy);
	if (vnic_port_up(src, p.pol))
		done = vnic_forward(&p, frames, n, busy);
	else
		done = vnic_refuse_all(src, frames, n, VNIC_DROP_TX_LINK);
	rcu_read_unlock();
	vnic_cpu_claim_put(&src->sw->batch->claim);
	return done;
}
