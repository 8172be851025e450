/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The uplink, as the files that make it share it: uplink.c (what it is), uplink_rx.c
 * (receiving), uplink_tx.c (sending) and credit.c (what is under way).
 */
#ifndef _VNIC_NET_UPLINK_H
#define _VNIC_NET_UPLINK_H

#include "priv.h"

/**
 * struct vnic_credit - what a VF has under way to the uplink
 * @ad: adapter
 * @index: VF
 * @frames: frames handed to the uplink that it has not sent yet
 * @bytes: their bytes
 * @blocked: the VF stopped and wants its unblock()
 * @paused: the uplink is busy for the VF; written under the uplink's lock
 * @waiting: on the uplink's waiting list; under the uplink's lock
 * @since: jiffies, when the first of @held came to the head
 * @node: in the uplink's waiting list
 * @held: frames the uplink's queue refused or that wait for the VF's share, oldest
 *	first; the uplink's lock
 * @held_bytes: their bytes on the wire; the uplink's lock
 * @held_many: how many of them are multicast; the uplink's lock
 *
 * Outlives all that is under way, so that an skb may point to it whatever became of
 * the VF, the uplink or the adapter: once the uplink is released @blocked stays
 * false, and @ad is not looked at.
 */
struct vnic_credit {
	struct vnic_adapter	*ad;
	u16			index;
	atomic_t		frames;
	atomic_t		bytes;
	bool			blocked;
	bool			paused;
	bool			waiting;
	unsigned long		since;
	struct list_head	node;
	struct sk_buff_head	held;
	unsigned int		held_bytes;
	unsigned int		held_many;
};

/**
 * struct vnic_credits - of all VFs to one uplink
 * @node: link while the uplink is gone, but frames are not
 * @uplink: name of the uplink, for messages
 * @num: VFs that the adapter can have
 * @vf: one for each
 */
struct vnic_credits {
	struct list_head	node;
	char			uplink[IFNAMSIZ];
	unsigned int		num;
	struct vnic_credit	vf[] __counted_by(num);
};

/**
 * struct vnic_uplink - a netdev that is the adapter's uplink
 * @net: adapter's networking
 * @dev: the netdev
 * @tracker: our reference to it
 * @port: its port of the switch
 * @cells: what it has received, per CPU
 * @credits: what VFs have under way
 * @lock: protects @waiting, @nwaiting, @stopped and the held frames; BH disabled
 * @waiting: credits whose VF waits for @dev's queue
 * @nwaiting: entries of @waiting
 * @stopped: @retry is not started any more
 * @retry: offers held frames again; softirq, the only one to take them away
 */
struct vnic_uplink {
	struct vnic_net		*net;
	struct net_device	*dev;
	netdevice_tracker	tracker;
	struct vnic_port	port;
	struct vnic_uplink_cell __percpu *cells;
	struct vnic_credits	*credits;
	spinlock_t		lock; /* see above */
	struct list_head	waiting;
	unsigned int		nwaiting;
	bool			stopped;
	struct hrtimer		retry;
};

/* uplink_rx.c */
/* Before vnic_uplink_rx() can be called; 0 or -ENOMEM.  rtnl */
int vnic_uplink_rx_init(struct vnic_uplink *up);
/* It is not called any more: what has not been switched is dropped.  The port is there
 * still.  rtnl
 */
void vnic_uplink_rx_exit(struct vnic_uplink *up);
/* The device's rx_handler.  BH disabled */
rx_handler_result_t vnic_uplink_rx(struct sk_buff **pskb);

/* uplink_tx.c */
extern const struct vnic_port_ops vnic_uplink_port_ops;
void vnic_uplink_tx_init(struct vnic_uplink *up);
/* What is held stays so: the port is about to go.  rtnl */
void vnic_uplink_tx_stop(struct vnic_uplink *up);
/* The port is gone: drop what is held, wake everybody.  rtnl */
void vnic_uplink_tx_purge(struct vnic_uplink *up);

/* credit.c */
/* For an uplink of this name.  Process context.  NULL: no memory */
struct vnic_credits *vnic_credits_create(struct vnic_adapter *ad, const char *uplink);
/* The uplink's port is gone: free them when nothing is under way.  Does not wait for
 * that.  Process context.
 */
void vnic_credits_leave(struct vnic_credits *cs);

#endif /* _VNIC_NET_UPLINK_H */
