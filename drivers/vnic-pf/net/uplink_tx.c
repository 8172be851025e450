// SPDX-License-Identifier: GPL-2.0
/*
 * Sending to the uplink.
 *
 * It is bounded for each VF: a credit counts what it has under way, and the
 * skb's destructor gives back.  A frame that the uplink's queue refuses because
 * it is full is held and offered again by a timer; until all that is held has
 * gone, the VF is told that the uplink is busy, stops, and keeps its frames.
 * The PF's own frames keep their socket instead, which bounds them, and learn
 * what the queue said.
 *
 * Where VFs share the wire (switch/wire.c), what a VF's share does not allow yet
 * is held, too, and sent by the timer.  It holds so much that the VF can be
 * woken in time, and no more: then the VF finds the uplink busy.  On a slow wire
 * what is to be segmented is segmented here, so that nobody waits for 64 KB of
 * another.
 *
 * A frame can be refused for ever (a filter's drop looks as a full queue does),
 * so nothing is held longer than VNIC_HOLD, and not long where filters exist.
 */
#include <linux/bits.h>
#include <linux/etherdevice.h>
#include <linux/netdevice.h>
#include <net/gso.h>
#include <net/sch_generic.h>

#include <compat.h>

#include "uplink.h"

#define VNIC_FLIGHT_FRAMES	128		/* of one VF under way, at most */
#define VNIC_FLIGHT_BYTES	(256 * 1024)
#define VNIC_RETRY_NS		(500 * NSEC_PER_USEC)
#define VNIC_RETRY_MIN_NS	(100 * NSEC_PER_USEC)	/* while VFs wait for their share */
#define VNIC_RETRY_BYTES	ETH_FRAME_LEN	/* ... or what it takes to send these */
#define VNIC_HELD_BYTES		(8 * ETH_FRAME_LEN)	/* enough held for a VF's share, at least */
#define VNIC_HELD_MANY		32		/* frames for many that a VF has held at most */
#define VNIC_SLOW_WIRE		1000		/* Mb/s; below, TSO frames do not leave whole */
#define VNIC_RETRY_VFS		16		/* tried in one run of the timer */
#define VNIC_HOLD		HZ		/* jiffies a refused frame is held */
#define VNIC_HOLD_FILTERS	(HZ / 100 + 1)	/* the same with egress filters on the uplink */

/**
 * struct vnic_held - of an skb that is held, in its cb
 * @wire: bytes on the wire
 * @paid: its share is taken
 */
struct vnic_held {
	unsigned int	wire;
	bool		paid;
};

static struct vnic_held *vnic_held(struct sk_buff *skb)
{
	return (struct vnic_held *)skb->cb;
}

/* ---- credits ---- */

/* Let the VF send again.  Any context. */
static void vnic_credit_unblock(struct vnic_credit *c)
{
	struct vnic_fn *fn;

	rcu_read_lock();
	fn = rcu_dereference(c->ad->vfs[c->index]);
	if (fn)
		fn->port.ops->unblock(&fn->port);
	rcu_read_unlock();
}

/* Half empty: time to wake the VF, once for many frames */
static bool vnic_credit_low(const struct vnic_credit *c)
{
	return atomic_read(&c->frames) <= VNIC_FLIGHT_FRAMES / 2 &&
	       atomic_read(&c->bytes) <= VNIC_FLIGHT_BYTES / 2;
}

bool vnic_uplink_spare(struct vnic_net *net, unsigned int vf)
{
	const struct vnic_uplink *up;
	const struct vnic_credit *c;
	struct vnic_port *port;

	guard(rcu)();
	port = vnic_switch_uplink(net->ad->sw);
	if (!port)
		return true;
	up = port->priv;
	c = &up->credits->vf[vf];
	return vnic_credit_low(c) && !READ_ONCE(c->paused) && !READ_ONCE(c->held_bytes);
}

/* Destructor of a VF's skb: sent, dropped, or taken over by a socket.  All of
 * it is one RCU read section, for which credit.c waits.
 */
static void vnic_credit_return(struct sk_buff *skb)
{
	struct vnic_credit *c = skb_shinfo(skb)->destructor_arg;

	rcu_read_lock();
	atomic_sub(skb_shinfo(skb)->tskey, &c->bytes);
	atomic_dec_return(&c->frames);
	/* Who is paused is woken by the timer. */
	if (vnic_credit_low(c) && READ_ONCE(c->blocked) && !READ_ONCE(c->paused) &&
	    xchg(&c->blocked, false))
		vnic_credit_unblock(c);
	rcu_read_unlock();
}

/* The skb is new and nobody's, so its destructor_arg is free as it is for
 * packet sockets, and so is tskey (no timestamp is asked for).  slow_gro makes
 * a receiver on this host (veth) run the destructor before it merges the skb.
 */
static void vnic_credit_take(struct vnic_credit *c, struct sk_buff *skb)
{
	skb_shinfo(skb)->destructor_arg = c;
	skb_shinfo(skb)->tskey = skb->len;
	skb->destructor = vnic_credit_return;
	skb->slow_gro = 1;
	atomic_inc(&c->frames);
	atomic_add(skb->len, &c->bytes);
}

/* ---- what is held ---- */

static u64 vnic_uplink_tick(struct vnic_uplink *up)
{
	u32 speed = vnic_port_wire_speed(&up->port);

	if (!speed)
		return VNIC_RETRY_NS;
	return clamp_t(u64, VNIC_RETRY_BYTES * BITS_PER_BYTE * 1000 / speed, VNIC_RETRY_MIN_NS,
		       VNIC_RETRY_NS);
}

/* So many bytes held are enough until the VF is heard again. */
static unsigned int vnic_uplink_enough(struct vnic_uplink *up)
{
	u64 tick = vnic_uplink_tick(up) * vnic_port_wire_speed(&up->port) / (BITS_PER_BYTE * 1000);

	return max_t(u64, 2 * tick, VNIC_HELD_BYTES);
}

/* A frame for many cannot wait at the VF, since the others get it now: a few are
 * held here until their turn comes, of as many bytes as may be under way.
 */
static bool vnic_credit_may_hold(const struct vnic_credit *c, const struct vnic_frame *f)
{
	return is_multicast_ether_addr(f->hdr) &&
	       READ_ONCE(c->held_many) < VNIC_HELD_MANY &&
	       READ_ONCE(c->held_bytes) + f->wire <= VNIC_FLIGHT_BYTES;
}

/*
 * Promise to take a frame of the batch that this CPU switches, if it fits; the
 * VF's other queues may be doing the same, so each may exceed what the VF may
 * have under way by a batch, and what may be held.  BH disabled.
 */
static bool vnic_uplink_promise(struct vnic_uplink *up, const struct vnic_port *src,
				const struct vnic_credit *c, const struct vnic_frame *f)
{
	struct vnic_scratch *s = this_cpu_ptr(up->net->scratch);
	unsigned int frames, bytes;

	if (s->to != c) {
		s->to = c;
		s->promised = 0;
		s->promised_bytes = 0;
	}
	frames = atomic_read(&c->frames) + s->promised;
	bytes = atomic_read(&c->bytes) + s->promised_bytes;
	if (frames && (frames >= VNIC_FLIGHT_FRAMES || bytes + f->len > VNIC_FLIGHT_BYTES))
		return false;
	/* What has no share would be held: the rest of the batch waits at the VF. */
	if (s->promised && !vnic_port_wire_lasts(src, s->promised_bytes) &&
	    !vnic_credit_may_hold(c, f) &&
	    READ_ONCE(c->held_bytes) + s->promised_bytes >= vnic_uplink_enough(up))
		return false;
	s->promised++;
	s->promised_bytes += f->len;
	return true;
}

/* vnic_port_ops.forget */
static void vnic_uplink_forget(struct vnic_port *port, const struct vnic_frame *f)
{
	struct vnic_uplink *up = port->priv;
	struct vnic_scratch *s = this_cpu_ptr(up->net->scratch);

	if (!f) {
		s->to = NULL;
	} else if (s->to) {
		s->promised--;
		s->promised_bytes -= f->len;
	}
}

/* @skb joins (1) or leaves (-1) what is held.  Under the uplink's lock. */
static void vnic_credit_count_held(struct vnic_credit *c, struct sk_buff *skb, int sign)
{
	WRITE_ONCE(c->held_bytes, c->held_bytes + sign * (int)vnic_held(skb)->wire);
	if (is_multicast_ether_addr(skb->data))
		WRITE_ONCE(c->held_many, c->held_many + sign);
}

/* Have the timer wake this VF.  @skb: frame to hold, or NULL.  @pause: find the
 * uplink busy for it until then.
 */
static void vnic_uplink_wait(struct vnic_uplink *up, struct vnic_credit *c, struct sk_buff *skb,
			     bool pause)
{
	spin_lock(&up->lock);
	if (skb) {
		if (skb_queue_empty(&c->held))
			c->since = jiffies;
		__skb_queue_tail(&c->held, skb);
		vnic_credit_count_held(c, skb, 1);
	}
	if (pause || c->held_bytes >= vnic_uplink_enough(up))
		WRITE_ONCE(c->paused, true);
	if (!c->waiting) {
		c->waiting = true;
		list_add_tail(&c->node, &up->waiting);
		if (!up->nwaiting++ && !up->stopped)
			hrtimer_start(&up->retry, ns_to_ktime(vnic_uplink_tick(up)),
				      HRTIMER_MODE_REL_SOFT);
	}
	spin_unlock(&up->lock);
}

/* ---- sending ---- */

/* vnic_port_ops.busy */
static bool vnic_uplink_busy(struct vnic_port *port, struct vnic_port *src,
			     const struct vnic_frame *f)
{
	struct vnic_uplink *up = port->priv;
	struct vnic_credit *c;

	if (src->type != VNIC_PORT_VF)
		return false;
	c = &up->credits->vf[src->index];
	if ((!READ_ONCE(c->paused) || vnic_credit_may_hold(c, f)) &&
	    vnic_uplink_promise(up, src, c, f))
		return false;
	WRITE_ONCE(c->blocked, true);
	/* Pairs with the full barrier of the atomics in vnic_credit_return():
	 * either it sees blocked, or we see that little is under way and have
	 * the timer do it (what was promised will be, but do not rely on it).
	 */
	smp_mb();
	if (vnic_credit_low(c) && !READ_ONCE(c->paused))
		vnic_uplink_wait(up, c, NULL, false);
	return true;
}

static struct sk_buff *vnic_uplink_skb(struct vnic_uplink *up, struct vnic_frame *f)
{
	struct sk_buff *skb = vnic_frame_take_skb(f);

	if (!skb) {
		vnic_port_drop(&up->port, VNIC_DROP_RX_NOMEM, f->segs);
		return NULL;
	}
	skb->dev = up->dev;
	return skb;
}

/* Does any queue of the device hold something? */
static bool vnic_uplink_backlog(struct net_device *dev)
{
	unsigned int i;

	for (i = 0; i < dev->real_num_tx_queues; i++)
		if (qdisc_qlen_sum(rcu_dereference_bh(netdev_get_tx_queue(dev, i)->qdisc)))
			return true;
	return false;
}

static bool vnic_uplink_has_queue(struct net_device *dev)
{
	return rcu_dereference_bh(netdev_get_tx_queue(dev, 0)->qdisc)->enqueue;
}

/* The device dropped a frame: was that for a full queue, so that it is worth
 * another try?  Yes if the queue holds something.  If not, it may just have
 * drained, so the first time it is, unless a filter is the likely reason.
 */
static bool vnic_uplink_was_full(struct net_device *dev, bool first)
{
	if (vnic_uplink_backlog(dev))
		return true;
	return first && vnic_uplink_has_queue(dev) && !vnic_dev_filters_egress(dev);
}

/* Give a VF's skb to the device.  @first: for the first time.
 * 0; -EAGAIN: its queue is full; else lost.
 */
static int vnic_uplink_xmit(struct vnic_uplink *up, struct vnic_credit *c, struct sk_buff *skb,
			    bool first)
{
	int rc;

	vnic_credit_take(c, skb);
	rc = dev_queue_xmit(skb);
	switch (rc) {
	case NET_XMIT_SUCCESS:
		return 0;
	case NET_XMIT_CN:	/* taken, but the queue is congested: pause the VF */
		vnic_uplink_wait(up, c, NULL, true);
		return 0;
	case NET_XMIT_DROP:
		return vnic_uplink_was_full(up->dev, first) ? -EAGAIN : -ENOBUFS;
	default:
		return -EIO;
	}
}

/* The same; the skb stays the caller's. */
static int vnic_uplink_xmit_clone(struct vnic_uplink *up, struct vnic_credit *c,
				  struct sk_buff *skb, bool first)
{
	struct sk_buff *clone = skb_clone(skb, GFP_ATOMIC);

	return clone ? vnic_uplink_xmit(up, c, clone, first) : -EAGAIN;
}

/* Hold a VF's skb.  @paid: refused by the queue, though it has its share. */
static void vnic_uplink_hold(struct vnic_uplink *up, struct vnic_credit *c, struct sk_buff *skb,
			     unsigned int wire, bool paid)
{
	*vnic_held(skb) = (struct vnic_held) { .wire = wire, .paid = paid };
	vnic_uplink_wait(up, c, skb, paid);
}

/* Must it wait behind others, or for its share of the wire? */
static bool vnic_uplink_has_to_wait(struct vnic_credit *c, struct vnic_port *src,
				    unsigned int wire)
{
	return !skb_queue_empty_lockless(&c->held) || !vnic_port_wire_take(src, wire);
}

/* As on a wire */
static unsigned int vnic_skb_packets(const struct sk_buff *skb)
{
	return max_t(unsigned int, skb_shinfo(skb)->gso_segs, 1);
}

/* It is on its way. */
static void vnic_uplink_count(struct vnic_uplink *up, const struct sk_buff *skb, unsigned int wire)
{
	struct vnic_rx_sum sum = {};

	vnic_rx_sum_frames(&sum, skb->data, vnic_skb_packets(skb), wire);
	vnic_port_count_rx_sum(&up->port, &sum);
}

static void vnic_uplink_send_segment(struct vnic_uplink *up, struct vnic_credit *c,
				     struct vnic_port *src, struct sk_buff *seg)
{
	int err;

	if (vnic_uplink_has_to_wait(c, src, seg->len)) {
		vnic_uplink_hold(up, c, seg, seg->len, false);
		return;
	}
	err = vnic_uplink_xmit_clone(up, c, seg, true);
	if (err == -EAGAIN) {
		vnic_uplink_hold(up, c, seg, seg->len, true);
		return;
	}
	if (err)
		vnic_port_drop(&up->port, VNIC_DROP_RX_NOBUF, 1);
	else
		vnic_uplink_count(up, seg, seg->len);
	consume_skb(seg);
}

/* Cut a VF's skb for a slow wire.  False: it goes as it is. */
static bool vnic_uplink_send_segments(struct vnic_uplink *up, struct vnic_credit *c,
				      struct vnic_port *src, struct sk_buff *skb)
{
	u32 speed = vnic_port_wire_speed(src);
	struct sk_buff *segs, *seg, *next;

	if (!skb_is_gso(skb) || !speed || speed >= VNIC_SLOW_WIRE)
		return false;
	skb_reset_mac_header(skb);
	segs = skb_gso_segment(skb, up->dev->features & ~NETIF_F_GSO_MASK);
	if (IS_ERR_OR_NULL(segs))
		return false;
	consume_skb(skb);
	skb_list_walk_safe(segs, seg, next) {
		skb_mark_not_on_list(seg);
		vnic_uplink_send_segment(up, c, src, seg);
	}
	return true;
}

/* A frame of a VF.  Refused by a full queue, it is made once more from the
 * VF's memory, so that the common case needs no second reference.
 */
static void vnic_uplink_send_vf(struct vnic_uplink *up, struct vnic_credit *c,
				struct vnic_frame *f)
{
	struct sk_buff *skb = vnic_uplink_skb(up, f);
	int err;

	if (!skb)
		return;
	if (vnic_uplink_send_segments(up, c, f->src, skb))
		return;
	if (vnic_uplink_has_to_wait(c, f->src, f->wire)) {
		vnic_uplink_hold(up, c, skb, f->wire, false);
		return;
	}
	err = vnic_uplink_xmit(up, c, skb, true);
	if (err == -EAGAIN) {
		skb = vnic_uplink_skb(up, f);
		if (skb)
			vnic_uplink_hold(up, c, skb, f->wire, true);
	} else if (err) {
		vnic_port_drop(&up->port, VNIC_DROP_RX_NOBUF, f->segs);
	} else {
		vnic_port_count_rx(&up->port, f);
	}
}

/* A frame of the PF, which this CPU is switching now: tell it the result. */
static void vnic_uplink_send_pf(struct vnic_uplink *up, struct vnic_frame *f)
{
	struct vnic_scratch *s = this_cpu_ptr(up->net->scratch);
	struct sk_buff *skb = vnic_uplink_skb(up, f);

	if (!skb)
		return;
	vnic_port_wire_spend(&up->port, f->wire);
	s->rc = dev_queue_xmit(skb);
	if (s->rc == NET_XMIT_SUCCESS || s->rc == NET_XMIT_CN)
		vnic_port_count_rx(&up->port, f);
	else
		vnic_port_drop(&up->port, VNIC_DROP_RX_NOBUF, f->segs);
}

/* vnic_port_ops.deliver */
static void vnic_uplink_deliver(struct vnic_port *port, struct vnic_frame **frames, unsigned int n)
{
	struct vnic_uplink *up = port->priv;
	struct vnic_port *src = frames[0]->src;
	struct vnic_credit *c;
	unsigned int i;

	if (src->type == VNIC_PORT_PF) {
		for (i = 0; i < n; i++)
			vnic_uplink_send_pf(up, frames[i]);
		return;
	}
	c = &up->credits->vf[src->index];
	for (i = 0; i < n; i++)
		vnic_uplink_send_vf(up, c, frames[i]);
}

const struct vnic_port_ops vnic_uplink_port_ops = {
	.deliver	= vnic_uplink_deliver,
	.busy		= vnic_uplink_busy,
	.forget		= vnic_uplink_forget,
};

/* ---- the timer's ---- */

static bool vnic_uplink_held_too_long(struct vnic_uplink *up, struct vnic_credit *c)
{
	unsigned long hold = vnic_dev_filters_egress(up->dev) ? VNIC_HOLD_FILTERS : VNIC_HOLD;

	return time_after(jiffies, c->since + hold);
}

/* Has the VF its share for this frame?  One that is gone has none to wait for. */
static bool vnic_credit_may(const struct vnic_credit *c, struct sk_buff *skb)
{
	struct vnic_held *held = vnic_held(skb);
	struct vnic_fn *fn;

	if (held->paid)
		return true;
	rcu_read_lock();
	fn = rcu_dereference(c->ad->vfs[c->index]);
	held->paid = !fn || vnic_port_wire_take(&fn->port, held->wire);
	rcu_read_unlock();
	return held->paid;
}

/* Offer the oldest frame once more.  True: it is off the list. */
static bool vnic_uplink_offer(struct vnic_uplink *up, struct vnic_credit *c, struct sk_buff *skb)
{
	int err = vnic_uplink_xmit_clone(up, c, skb, false);

	if (err == -EAGAIN && !vnic_uplink_held_too_long(up, c))
		return false;
	if (err)
		vnic_port_drop(&up->port, VNIC_DROP_RX_NOBUF, vnic_skb_packets(skb));
	else
		vnic_uplink_count(up, skb, vnic_held(skb)->wire);
	spin_lock(&up->lock);
	__skb_unlink(skb, &c->held);
	vnic_credit_count_held(c, skb, -1);
	c->since = jiffies;
	spin_unlock(&up->lock);
	consume_skb(skb);
	return true;
}

/* Nobody refuses what is held, it waits for its share: let the VF send more in time. */
static void vnic_uplink_resume(struct vnic_uplink *up, struct vnic_credit *c)
{
	bool wake;

	spin_lock(&up->lock);
	c->since = jiffies;
	wake = c->held_bytes < vnic_uplink_enough(up) / 2;
	if (wake)
		WRITE_ONCE(c->paused, false);
	spin_unlock(&up->lock);
	if (wake && xchg(&c->blocked, false))
		vnic_credit_unblock(c);
}

/* Nothing is held any more?  Then it is off the waiting list, and the VF may send. */
static bool vnic_uplink_done(struct vnic_uplink *up, struct vnic_credit *c)
{
	bool empty;

	spin_lock(&up->lock);
	empty = skb_queue_empty(&c->held);
	if (empty) {
		list_del_init(&c->node);
		up->nwaiting--;
		c->waiting = false;
		WRITE_ONCE(c->paused, false);
	}
	spin_unlock(&up->lock);
	if (empty && xchg(&c->blocked, false))
		vnic_credit_unblock(c);
	return empty;
}

/* Offer all that is held and has its share. */
static void vnic_uplink_flush(struct vnic_uplink *up, struct vnic_credit *c)
{
	struct sk_buff *skb;

	while (!vnic_uplink_done(up, c)) {
		skb = skb_peek(&c->held);	/* only we take it away */
		if (!vnic_credit_may(c, skb)) {
			vnic_uplink_resume(up, c);
			return;
		}
		if (!vnic_uplink_offer(up, c, skb))
			return;
	}
}

static enum hrtimer_restart vnic_uplink_retry(struct hrtimer *timer)
{
	struct vnic_uplink *up = container_of(timer, struct vnic_uplink, retry);
	struct vnic_credit *c;
	unsigned int i, n;

	spin_lock(&up->lock);
	n = min(up->nwaiting, VNIC_RETRY_VFS);
	spin_unlock(&up->lock);
	for (i = 0; i < n; i++) {
		spin_lock(&up->lock);
		c = list_first_entry(&up->waiting, struct vnic_credit, node);
		list_move_tail(&c->node, &up->waiting);
		spin_unlock(&up->lock);
		vnic_uplink_flush(up, c);
	}
	spin_lock(&up->lock);
	if (up->nwaiting && !up->stopped)
		hrtimer_start(timer, ns_to_ktime(vnic_uplink_tick(up)), HRTIMER_MODE_REL_SOFT);
	spin_unlock(&up->lock);
	return HRTIMER_NORESTART;
}

void vnic_uplink_tx_stop(struct vnic_uplink *up)
{
	spin_lock_bh(&up->lock);
	up->stopped = true;
	spin_unlock_bh(&up->lock);
	hrtimer_cancel(&up->retry);
}

void vnic_uplink_tx_purge(struct vnic_uplink *up)
{
	struct vnic_credit *c;
	unsigned int i;

	for (i = 0; i < up->credits->num; i++) {
		c = &up->credits->vf[i];
		__skb_queue_purge(&c->held);
		WRITE_ONCE(c->held_bytes, 0);
		c->held_many = 0;
		list_del_init(&c->node);
		c->waiting = false;
		WRITE_ONCE(c->paused, false);
		if (xchg(&c->blocked, false))
			vnic_credit_unblock(c);
	}
}

/* ---- lifetime ---- */

void vnic_uplink_tx_init(struct vnic_uplink *up)
{
	spin_lock_init(&up->lock);
	INIT_LIST_HEAD(&up->waiting);
	vnic_hrtimer_setup_soft(&up->retry, vnic_uplink_retry);
}
