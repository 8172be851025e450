// SPDX-License-Identifier: GPL-2.0
/*
 * The uplink: `ip link set eth0 master <pf>` makes eth0 the switch's wire.
 *
 * Receiving only classifies, admits and queues, in eth0's receive context.
 *
 * Sending is bounded for each VF: a credit counts what it has under way, and
 * the skb's destructor gives back.  A frame that eth0's queue refuses because
 * it is full is held and offered again by a timer; until all that is held has
 * gone, the VF is told that the uplink is busy, stops, and keeps its frames.
 * The PF's own frames keep their socket instead, which bounds them, and learn
 * what the queue said.
 *
 * A frame can be refused for ever (a filter's drop looks as a full queue does),
 * so nothing is held longer than VNIC_HOLD, and not long where filters exist.
 */
#include <linux/ethtool.h>
#include <linux/if_arp.h>
#include <linux/if_macvlan.h>
#include <linux/if_vlan.h>
#include <linux/netdevice.h>
#include <net/dsa.h>
#include <net/dst.h>
#include <net/gso.h>
#include <net/sch_generic.h>

#include <compat.h>

#include "../bus/bus.h"
#include "priv.h"

#define VNIC_FLIGHT_FRAMES	128		/* of one VF under way, at most */
#define VNIC_FLIGHT_BYTES	(256 * 1024)
#define VNIC_RETRY_NS		(500 * NSEC_PER_USEC)
#define VNIC_RETRY_VFS		16		/* tried in one run of the timer */
#define VNIC_HOLD		HZ		/* jiffies a refused frame is held */
#define VNIC_HOLD_FILTERS	(HZ / 100 + 1)	/* the same with egress filters on the uplink */

/**
 * struct vnic_uplink - a netdev that is the adapter's uplink
 * @net: adapter's networking
 * @dev: the netdev
 * @tracker: our reference to it
 * @port: its port of the switch
 * @lock: protects @waiting, @nwaiting and the held frames; BH disabled
 * @waiting: credits whose VF waits for @dev's queue
 * @nwaiting: entries of @waiting
 * @retry: offers held frames again; softirq, the only one to take them away
 */
struct vnic_uplink {
	struct vnic_net		*net;
	struct net_device	*dev;
	netdevice_tracker	tracker;
	struct vnic_port	port;
	spinlock_t		lock; /* see above */
	struct list_head	waiting;
	unsigned int		nwaiting;
	struct hrtimer		retry;
};

struct vnic_port *vnic_uplink_port(struct vnic_net *net)
{
	return net->uplink ? &net->uplink->port : NULL;
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

/* Destructor of a VF's skb: sent, dropped, or taken over by a socket.  All of
 * it is one RCU read section, for which vnic_uplink_exit() waits.
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

/*
 * Promise to take a frame of the batch that this CPU switches, if it fits; the
 * VF's other queues may be doing the same, so each may exceed what the VF may
 * have under way by a batch.  BH disabled.
 */
static bool vnic_credit_promise(struct vnic_net *net, const struct vnic_credit *c,
				unsigned int len)
{
	struct vnic_scratch *s = this_cpu_ptr(net->scratch);
	unsigned int frames, bytes;

	if (s->to != c) {
		s->to = c;
		s->promised = 0;
		s->promised_bytes = 0;
	}
	frames = atomic_read(&c->frames) + s->promised;
	bytes = atomic_read(&c->bytes) + s->promised_bytes;
	if (frames && (frames >= VNIC_FLIGHT_FRAMES || bytes + len > VNIC_FLIGHT_BYTES))
		return false;
	s->promised++;
	s->promised_bytes += len;
	return true;
}

static void vnic_credit_forget_promise(struct vnic_net *net)
{
	this_cpu_ptr(net->scratch)->to = NULL;
}

/* ---- sending ---- */

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
	}
	if (pause)
		WRITE_ONCE(c->paused, true);
	if (!c->waiting) {
		c->waiting = true;
		list_add_tail(&c->node, &up->waiting);
		if (!up->nwaiting++)
			hrtimer_start(&up->retry, ns_to_ktime(VNIC_RETRY_NS),
				      HRTIMER_MODE_REL_SOFT);
	}
	spin_unlock(&up->lock);
}

/* vnic_port_ops.busy.  What fits is promised until the batch is delivered. */
static bool vnic_uplink_busy(struct vnic_port *port, struct vnic_port *src,
			     const struct vnic_frame *f)
{
	struct vnic_uplink *up = port->priv;
	struct vnic_credit *c;

	if (src->type != VNIC_PORT_VF)
		return false;
	c = &up->net->credit[src->index];
	if (!READ_ONCE(c->paused) && vnic_credit_promise(up->net, c, f->len))
		return false;
	vnic_credit_forget_promise(up->net);
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
	if (!skb_queue_empty_lockless(&c->held)) {
		vnic_uplink_wait(up, c, skb, true);
		vnic_port_count_rx(&up->port, f);
		return;
	}
	err = vnic_uplink_xmit(up, c, skb, true);
	if (err == -EAGAIN) {
		skb = vnic_uplink_skb(up, f);
		if (!skb)
			return;
		vnic_uplink_wait(up, c, skb, true);
	} else if (err) {
		vnic_port_drop(&up->port, VNIC_DROP_RX_NOBUF, f->segs);
		return;
	}
	vnic_port_count_rx(&up->port, f);
}

/* A frame of the PF, which this CPU is switching now: tell it the result. */
static void vnic_uplink_send_pf(struct vnic_uplink *up, struct vnic_frame *f)
{
	struct vnic_scratch *s = this_cpu_ptr(up->net->scratch);
	struct sk_buff *skb = vnic_uplink_skb(up, f);

	if (!skb)
		return;
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
	struct vnic_scratch *s;
	unsigned int i;

	if (src->type == VNIC_PORT_PF) {
		for (i = 0; i < n; i++)
			vnic_uplink_send_pf(up, frames[i]);
		return;
	}
	c = &up->net->credit[src->index];
	s = vnic_scratch_get(up->net);	/* so that nothing below switches on this CPU */
	for (i = 0; i < n; i++)
		vnic_uplink_send_vf(up, c, frames[i]);
	vnic_credit_forget_promise(up->net);
	if (s)
		vnic_scratch_put(s);
}

static const struct vnic_port_ops vnic_uplink_port_ops = {
	.deliver	= vnic_uplink_deliver,
	.busy		= vnic_uplink_busy,
};

/* ---- what is held ---- */

static bool vnic_uplink_held_too_long(struct vnic_uplink *up, struct vnic_credit *c)
{
	unsigned long hold = vnic_dev_filters_egress(up->dev) ? VNIC_HOLD_FILTERS : VNIC_HOLD;

	return time_after(jiffies, c->since + hold);
}

/* Offer the oldest frame once more.  True: it is off the list. */
static bool vnic_uplink_offer(struct vnic_uplink *up, struct vnic_credit *c, struct sk_buff *skb)
{
	struct sk_buff *clone = skb_clone(skb, GFP_ATOMIC);
	int err;

	err = clone ? vnic_uplink_xmit(up, c, clone, false) : -EAGAIN;
	if (err == -EAGAIN && !vnic_uplink_held_too_long(up, c))
		return false;
	if (err)
		vnic_port_drop(&up->port, VNIC_DROP_RX_NOBUF,
			       max_t(unsigned int, skb_shinfo(skb)->gso_segs, 1));
	spin_lock(&up->lock);
	__skb_unlink(skb, &c->held);
	c->since = jiffies;
	spin_unlock(&up->lock);
	consume_skb(skb);
	return true;
}

/* Offer all that is held; when nothing is any more, the VF may send. */
static void vnic_uplink_flush(struct vnic_uplink *up, struct vnic_credit *c)
{
	struct sk_buff *skb;
	bool empty;

	for (;;) {
		spin_lock(&up->lock);
		skb = skb_peek(&c->held);
		empty = !skb;
		if (empty) {
			list_del_init(&c->node);
			up->nwaiting--;
			c->waiting = false;
			WRITE_ONCE(c->paused, false);
		}
		spin_unlock(&up->lock);
		if (empty)
			break;
		if (!vnic_uplink_offer(up, c, skb))
			return;
	}
	if (xchg(&c->blocked, false))
		vnic_credit_unblock(c);
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
	if (up->nwaiting)
		hrtimer_start(timer, ns_to_ktime(VNIC_RETRY_NS), HRTIMER_MODE_REL_SOFT);
	spin_unlock(&up->lock);
	return HRTIMER_NORESTART;
}

/* The port is gone and the timer stopped: drop what is held, wake everybody. */
static void vnic_uplink_purge(struct vnic_uplink *up)
{
	struct vnic_net *net = up->net;
	struct vnic_credit *c;
	unsigned int i;

	for (i = 0; i < net->ad->total_vfs; i++) {
		c = &net->credit[i];
		__skb_queue_purge(&c->held);
		list_del_init(&c->node);
		c->waiting = false;
		WRITE_ONCE(c->paused, false);
		if (xchg(&c->blocked, false))
			vnic_credit_unblock(c);
	}
}

/* ---- receiving ---- */

static rx_handler_result_t vnic_uplink_rx(struct sk_buff **pskb)
{
	struct sk_buff *skb = *pskb;
	struct vnic_scratch *s;
	struct vnic_uplink *up;

	if (unlikely(skb->pkt_type == PACKET_LOOPBACK))
		return RX_HANDLER_PASS;
	/* LLDP, LACP, pause: for the uplink's own end of the link */
	if (unlikely(is_link_local_ether_addr(eth_hdr(skb)->h_dest)))
		return RX_HANDLER_PASS;
	up = rcu_dereference(skb->dev->rx_handler_data);
	skb = skb_share_check(skb, GFP_ATOMIC);
	if (unlikely(!skb))
		return RX_HANDLER_CONSUMED;
	s = vnic_scratch_get(up->net);
	if (unlikely(!s || skb_orphan_frags_rx(skb, GFP_ATOMIC))) {
		vnic_port_drop(&up->port, VNIC_DROP_TX_NODEST, 1);
		kfree_skb(skb);
	} else {
		skb_orphan(skb);	/* a VF may keep it long */
		skb_dst_drop(skb);
		nf_reset_ct(skb);
		skb_push(skb, ETH_HLEN);
		vnic_net_switch_skb(&up->port, s, skb);
	}
	if (s)
		vnic_scratch_put(s);
	return RX_HANDLER_CONSUMED;
}

/* ---- link state ---- */

/* Carrier and speed for all ports.  rtnl. */
static void vnic_uplink_update(struct vnic_net *net)
{
	struct vnic_uplink *up = net->uplink;
	bool carrier = true;

	if (up)
		carrier = netif_running(up->dev) && netif_carrier_ok(up->dev);
	else
		net->speed = VNIC_PF_SPEED;
	vnic_switch_set_carrier(net->ad->sw, carrier, net->speed);
	if (carrier)
		netif_carrier_on(net->dev);
	else
		netif_carrier_off(net->dev);
}

/* Not in the notifier: newer kernels call it with the lock of a device held
 * that asking for its speed takes.
 */
static void vnic_uplink_speed_work(struct work_struct *work)
{
	struct vnic_net *net = container_of(work, struct vnic_net, speed_work);
	struct ethtool_link_ksettings ks;

	rtnl_lock();
	if (net->uplink) {
		net->speed = 0;
		if (!__ethtool_get_link_ksettings(net->uplink->dev, &ks) &&
		    ks.base.speed != (u32)SPEED_UNKNOWN)
			net->speed = ks.base.speed;
		vnic_uplink_update(net);
	}
	rtnl_unlock();
}

static void vnic_uplink_set_mtu(struct vnic_uplink *up)
{
	u32 mtu = clamp_t(u32, READ_ONCE(up->dev->mtu), VNIC_MTU_MIN, VNIC_MTU_MAX);

	vnic_port_guest_mtu(&up->port, mtu);
}

/* ---- which device can be the uplink ---- */

/* A netdev of a VF or PF of any vnic adapter? */
static bool vnic_is_port_netdev(struct net_device *dev)
{
	struct device *parent = dev->dev.parent;

	if (vnic_is_pf_netdev(dev))
		return true;
	return parent && dev_is_pci(parent) && vnic_bus_vf_index(to_pci_dev(parent)) >= VNIC_PF;
}

static int vnic_lower_is_port(struct net_device *lower, struct netdev_nested_priv *priv)
{
	return vnic_is_port_netdev(lower);
}

/* On top of a port: a VLAN or macvlan of a PF or VF, a bond over VFs ... */
static bool vnic_is_over_port(struct net_device *dev)
{
	struct netdev_nested_priv priv = {};

	return netdev_walk_all_lower_dev(dev, vnic_lower_is_port, &priv);
}

static int vnic_uplink_check(struct vnic_net *net, struct net_device *dev,
			     struct netlink_ext_ack *extack)
{
	if (net->uplink) {
		NL_SET_ERR_MSG_FMT_MOD(extack, "The uplink is %s already; release that first",
				       net->uplink->dev->name);
		return -EBUSY;
	}
	if (dev->flags & IFF_LOOPBACK || dev->type != ARPHRD_ETHER || dev->addr_len != ETH_ALEN) {
		NL_SET_ERR_MSG_MOD(extack, "Only an Ethernet device can be an uplink");
		return -EINVAL;
	}
	if (vnic_is_port_netdev(dev)) {
		NL_SET_ERR_MSG_MOD(extack, "A vnic PF or VF cannot be an uplink");
		return -ELOOP;
	}
	if (vnic_is_over_port(dev)) {
		NL_SET_ERR_MSG_MOD(extack, "A device over a vnic PF or VF cannot be an uplink");
		return -ELOOP;
	}
	if (netdev_uses_dsa(dev)) {
		NL_SET_ERR_MSG_MOD(extack, "The conduit of a DSA switch cannot be an uplink");
		return -EOPNOTSUPP;
	}
	if (netif_is_macvlan_port(dev)) {
		NL_SET_ERR_MSG_MOD(extack, "Device has macvlans; remove them first");
		return -EBUSY;
	}
	if (netdev_is_rx_handler_busy(dev)) {
		NL_SET_ERR_MSG_MOD(extack, "Device is in use (bridge, bond, ipvlan ...)");
		return -EBUSY;
	}
	return 0;
}

/* ---- becoming and ceasing to be the uplink; rtnl ---- */

static int vnic_uplink_port_init(struct vnic_uplink *up)
{
	int err;

	err = vnic_port_init(&up->port, up->net->ad->sw, VNIC_PORT_UPLINK, 0,
			     &vnic_uplink_port_ops, up, NULL);
	if (err)
		return err;
	err = vnic_port_set_spoofchk(&up->port, false);
	if (err) {
		vnic_port_destroy(&up->port);
		return err;
	}
	vnic_uplink_set_mtu(up);
	return 0;
}

static struct vnic_uplink *vnic_uplink_alloc(struct vnic_net *net, struct net_device *dev)
{
	struct vnic_uplink *up = kzalloc(sizeof(*up), GFP_KERNEL);

	if (!up)
		return NULL;
	up->net = net;
	up->dev = dev;
	spin_lock_init(&up->lock);
	INIT_LIST_HEAD(&up->waiting);
	vnic_hrtimer_setup_soft(&up->retry, vnic_uplink_retry);
	netdev_hold(dev, &up->tracker, GFP_KERNEL);
	return up;
}

static void vnic_uplink_free(struct vnic_uplink *up)
{
	netdev_put(up->dev, &up->tracker);
	kfree(up);
}

int vnic_uplink_add(struct vnic_net *net, struct net_device *dev, struct netlink_ext_ack *extack)
{
	struct vnic_uplink *up;
	int err;

	ASSERT_RTNL();
	err = vnic_uplink_check(net, dev, extack);
	if (err)
		return err;
	up = vnic_uplink_alloc(net, dev);
	if (!up)
		return -ENOMEM;
	err = netdev_master_upper_dev_link(dev, net->dev, NULL, NULL, extack);
	if (err)
		goto free;
	err = dev_set_promiscuity(dev, 1);
	if (err)
		goto unlink;
	err = vnic_uplink_port_init(up);
	if (err)
		goto unpromisc;
	err = netdev_rx_handler_register(dev, vnic_uplink_rx, up);
	if (err)
		goto port_destroy;
	dev_disable_lro(dev);
	net->uplink = up;
	net->speed = 0;
	vnic_uplink_update(net);
	schedule_work(&net->speed_work);
	netdev_info(net->dev, "uplink is %s\n", dev->name);
	return 0;

port_destroy:
	vnic_port_destroy(&up->port);
unpromisc:
	dev_set_promiscuity(dev, -1);
unlink:
	netdev_upper_dev_unlink(dev, net->dev);
free:
	vnic_uplink_free(up);
	return err;
}

static void vnic_uplink_release(struct vnic_net *net)
{
	struct vnic_uplink *up = net->uplink;
	struct net_device *dev = up->dev;

	ASSERT_RTNL();
	netdev_rx_handler_unregister(dev);	/* waits for those in it */
	vnic_port_destroy(&up->port);		/* no deliver(), no busy() after it */
	hrtimer_cancel(&up->retry);
	vnic_uplink_purge(up);
	dev_set_promiscuity(dev, -1);
	netdev_upper_dev_unlink(dev, net->dev);
	net->uplink = NULL;
	vnic_uplink_update(net);
	netdev_info(net->dev, "uplink %s released\n", dev->name);
	vnic_uplink_free(up);
}

int vnic_uplink_del(struct vnic_net *net, struct net_device *dev)
{
	if (!net->uplink || net->uplink->dev != dev)
		return -ENODEV;
	vnic_uplink_release(net);
	return 0;
}

/* ---- following it; rtnl ---- */

static int vnic_uplink_event(struct notifier_block *nb, unsigned long event, void *ptr)
{
	struct vnic_net *net = container_of(nb, struct vnic_net, nb);
	struct net_device *dev = netdev_notifier_info_to_dev(ptr);
	struct vnic_uplink *up = net->uplink;

	if (!up)
		return NOTIFY_DONE;
	/* The PF moves to another namespace: its uplink stays behind. */
	if (dev == net->dev && event == NETDEV_UNREGISTER)
		vnic_uplink_release(net);
	if (dev != up->dev)
		return NOTIFY_DONE;
	switch (event) {
	case NETDEV_UP:
	case NETDEV_DOWN:
	case NETDEV_CHANGE:
		vnic_uplink_update(net);
		schedule_work(&net->speed_work);
		break;
	case NETDEV_CHANGEMTU:
		vnic_uplink_set_mtu(up);
		break;
	case NETDEV_UNREGISTER:
		vnic_uplink_release(net);
		break;
	case NETDEV_PRE_TYPE_CHANGE:
		return NOTIFY_BAD;
	}
	return NOTIFY_DONE;
}

int vnic_uplink_init(struct vnic_net *net)
{
	struct vnic_adapter *ad = net->ad;
	unsigned int i;

	INIT_WORK(&net->speed_work, vnic_uplink_speed_work);
	net->nb.notifier_call = vnic_uplink_event;
	net->speed = VNIC_PF_SPEED;
	net->credit = kvcalloc(ad->total_vfs, sizeof(*net->credit), GFP_KERNEL);
	if (!net->credit)
		return -ENOMEM;
	for (i = 0; i < ad->total_vfs; i++) {
		net->credit[i].ad = ad;
		net->credit[i].index = i;
		INIT_LIST_HEAD(&net->credit[i].node);
		__skb_queue_head_init(&net->credit[i].held);
	}
	return 0;
}

int vnic_uplink_start(struct vnic_net *net)
{
	rtnl_lock();
	vnic_uplink_update(net);
	rtnl_unlock();
	return register_netdevice_notifier(&net->nb);
}

void vnic_uplink_stop(struct vnic_net *net)
{
	rtnl_lock();
	if (net->uplink)
		vnic_uplink_release(net);
	rtnl_unlock();
	unregister_netdevice_notifier(&net->nb);
	cancel_work_sync(&net->speed_work);
}

static unsigned int vnic_uplink_under_way(struct vnic_net *net)
{
	unsigned int i, n = 0;

	for (i = 0; i < net->ad->total_vfs; i++)
		n += atomic_read(&net->credit[i].frames);
	return n;
}

/* skbs in the queues of a former uplink still have our destructor: they must be
 * gone before the credits, and before the module.
 */
void vnic_uplink_exit(struct vnic_net *net)
{
	unsigned int n, ms = 0;

	while ((n = vnic_uplink_under_way(net))) {
		if (ms == 10 * MSEC_PER_SEC)
			netdev_warn(net->dev, "waiting for %u frames in the queue of a former uplink (see tc -s qdisc)\n",
				    n);
		msleep(20);
		ms += 20;
	}
	synchronize_rcu();
	synchronize_rcu_tasks();	/* a destructor about to return */
	kvfree(net->credit);
}
