/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The uplink, as the two files that make it share it: uplink.c (what it is, and
 * receiving) and uplink_tx.c (sending).
 */
#ifndef _VNIC_NET_UPLINK_H
#define _VNIC_NET_UPLINK_H

#include "priv.h"

/**
 * struct vnic_uplink - a netdev that is the adapter's uplink
 * @net: adapter's networking
 * @dev: the netdev
 * @tracker: our reference to it
 * @port: its port of the switch
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
	spinlock_t		lock; /* see above */
	struct list_head	waiting;
	unsigned int		nwaiting;
	bool			stopped;
	struct hrtimer		retry;
};

/* uplink_tx.c */
extern const struct vnic_port_ops vnic_uplink_port_ops;
void vnic_uplink_tx_init(struct vnic_uplink *up);
/* What is held stays so: the port is about to go.  rtnl */
void vnic_uplink_tx_stop(struct vnic_uplink *up);
/* The port is gone: drop what is held, wake everybody.  rtnl */
void vnic_uplink_tx_purge(struct vnic_uplink *up);
int vnic_credits_init(struct vnic_net *net);		/* 0 or -ENOMEM */
void vnic_credits_exit(struct vnic_net *net);		/* waits until nothing is under way */

#endif /* _VNIC_NET_UPLINK_H */
