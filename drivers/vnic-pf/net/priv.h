/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Inside net/: the PF netdev's private data and what its files share.
 *
 * Configuration runs under rtnl.  The data path runs with BH disabled: PF
 * transmit (netdev.c) and uplink receive (uplink.c), both by ingress.c, and uplink
 * transmit (uplink_tx.c).
 */
#ifndef _VNIC_NET_PRIV_H
#define _VNIC_NET_PRIV_H

#include <linux/atomic.h>
#include <linux/hrtimer.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <linux/workqueue.h>
#include <net/gro_cells.h>

#include "../model/fn.h"
#include "../switch/cpu_claim.h"
#include "../switch/port.h"
#include "../vnic.h"
#include "net.h"

#define VNIC_PF_SPEED		100000	/* Mb/s without an uplink */

struct vnic_credit;
struct vnic_devlink;
struct vnic_health;
struct vnic_uplink;

/**
 * struct vnic_scratch - the frame a CPU is switching for PF or uplink, or a port's answer
 * @claim: a nested caller (a tunnel over the PF as uplink) is refused
 * @rc: what the uplink's queue said to the PF's frame, NET_XMIT_*
 * @to: for whose batch, being switched on this CPU, the uplink has promised
 * @promised: frames found to fit
 * @promised_bytes: their bytes
 * @frame: too large for the stack
 */
struct vnic_scratch {
	struct vnic_cpu_claim	claim;
	int			rc;
	const struct vnic_credit *to;
	unsigned int		promised;
	unsigned int		promised_bytes;
	struct vnic_frame	frame;
};

/**
 * struct vnic_net - private data of the PF netdev
 * @ad: adapter
 * @dev: the netdev
 * @devlink: its devlink instance
 * @health: its health reporter of VFs
 * @port: the PF's port of the switch
 * @cells: receive queues of the netdev
 * @scratch: per CPU
 * @rx_mode_work: takes address lists and flags to the switch; again in a while, if there
 *	was no memory
 * @rx_addrs: its copy of the lists
 * @uplink: rtnl; NULL: none
 * @speed_work: asks the uplink for its speed
 * @speed: Mb/s of the uplink (0: unknown), VNIC_PF_SPEED without
 * @nb: follows the uplink's state
 */
struct vnic_net {
	struct vnic_adapter		*ad;
	struct net_device		*dev;
	struct vnic_devlink		*devlink;
	struct vnic_health		*health;
	struct vnic_port		port;
	struct gro_cells		cells;
	struct vnic_scratch __percpu	*scratch;
	struct delayed_work		rx_mode_work;
	u8				rx_addrs[VNIC_FILTERS_MAX * ETH_ALEN];
	struct vnic_uplink		*uplink;
	struct work_struct		speed_work;
	u32				speed;
	struct notifier_block		nb;
};

/* ingress.c */
/* Scratch memory of all CPUs, vnic_net.scratch: 0 or -ENOMEM.  Process context.  Freed by
 * free_percpu() when neither PF nor uplink can send any more.
 */
int vnic_scratch_alloc(struct vnic_net *net);
/* Claim this CPU's scratch frame; NULL: the CPU is switching already.
 * Context: BH disabled, and stays so until vnic_scratch_put().
 */
struct vnic_scratch *vnic_scratch_get(struct vnic_net *net);
void vnic_scratch_put(struct vnic_net *net);
/**
 * vnic_net_switch_skb - send an skb through the switch
 * @port: port that sends: PF or uplink
 * @s: scratch of this CPU
 * @skb: data at the Ethernet header, not shared; consumed
 *
 * Context: BH disabled.
 */
void vnic_net_switch_skb(struct vnic_port *port, struct vnic_scratch *s, struct sk_buff *skb);

/* Drop it, as one that cannot be a frame.  Any context. */
void vnic_net_malformed(struct vnic_port *port, struct sk_buff *skb);
/* Segments of a GSO kind that frames cannot have (tunnels, SCTP); NULL: dropped.  @skb is
 * consumed.  BH disabled.
 */
struct sk_buff *vnic_net_segment(struct vnic_port *port, struct sk_buff *skb);

/* vf_ndo.c; rtnl */
int vnic_ndo_set_vf_mac(struct net_device *dev, int vf, u8 *mac);
int vnic_ndo_set_vf_vlan(struct net_device *dev, int vf, u16 vlan, u8 qos, __be16 proto);
int vnic_ndo_set_vf_rate(struct net_device *dev, int vf, int min_tx_rate, int max_tx_rate);
int vnic_ndo_set_vf_spoofchk(struct net_device *dev, int vf, bool on);
int vnic_ndo_set_vf_trust(struct net_device *dev, int vf, bool on);
int vnic_ndo_set_vf_link_state(struct net_device *dev, int vf, int state);
int vnic_ndo_get_vf_config(struct net_device *dev, int vf, struct ifla_vf_info *ivi);
int vnic_ndo_get_vf_stats(struct net_device *dev, int vf, struct ifla_vf_stats *vs);

/* uplink.c */
void vnic_uplink_init(struct vnic_net *net);		/* before the netdev is seen */
int vnic_uplink_start(struct vnic_net *net);		/* follows netdev events; no rtnl */
void vnic_uplink_stop(struct vnic_net *net);		/* releases the uplink; no rtnl */
int vnic_uplink_add(struct vnic_net *net, struct net_device *dev, struct netlink_ext_ack *extack);
int vnic_uplink_del(struct vnic_net *net, struct net_device *dev);
struct vnic_port *vnic_uplink_port(struct vnic_net *net);	/* rtnl; NULL: none */

/* uplink_tx.c */
/* Has the VF at most half of what it may have on its way to the uplink, and does nothing of
 * it wait for its share of the wire?  Any context.
 */
bool vnic_uplink_spare(struct vnic_net *net, unsigned int vf);

/* ethtool.c */
extern const struct ethtool_ops vnic_pf_ethtool_ops;

/* devlink.c; process context, rtnl not held */
struct vnic_devlink *vnic_devlink_create(struct vnic_adapter *ad);	/* ERR_PTR(-ENOMEM) */
void vnic_devlink_destroy(struct vnic_devlink *vd);
int vnic_devlink_add_vfs(struct vnic_devlink *vd, unsigned int n);	/* -ENOMEM: none */
void vnic_devlink_del_vfs(struct vnic_devlink *vd);

/* devlink_rate.c: `ip link` has set a rate; any context */
void vnic_devlink_rates_changed(struct vnic_net *net);

/* health.c */
struct vnic_health *vnic_health_create(struct vnic_net *net);
void vnic_health_destroy(struct vnic_health *h);

#endif /* _VNIC_NET_PRIV_H */
