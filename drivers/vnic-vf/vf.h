/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The VF driver's view of one function.  Names that begin with vnicvf are this
 * driver's; vnic ones are the interface's (uapi/vnic, drivers/include).
 *
 * Locks: rtnl serialises setting up and tearing down queues, the device's reset
 * and configuration; the mailbox has a mutex of its own, below rtnl.  The
 * control work takes rtnl; the filter work does not.
 *
 * Files, each calling only those named before it (the ways up are work items, the
 * interrupt handlers, NAPI and the ops of netdev, ethtool and PCI):
 * hw.c      registers, reset, vectors
 * fault.c   asking for a reset
 * mbx.c     mailbox
 * tx.c      transmit
 * xdp.c     running an XDP program, sending XDP frames
 * xsk.c     XDP sockets without copies
 * rx.c      receive
 * coalesce.c  interrupt moderation
 * queue.c   queue pairs
 * rss.c     which queue a flow is received on
 * steer.c   ... by rules that come before that
 * mac.c     the address
 * filter.c  receive filters and VLANs
 * start.c   agreeing with the device after a reset
 * status.c  what the host has changed
 * up.c      making the data path and taking it down
 * control.c events of the device, recovery
 * bpf.c     attaching an XDP program, and XDP sockets
 * ethtool.c ethtool_ops
 * netdev.c  net_device_ops
 * main.c    PCI driver
 */
#ifndef _VNIC_VF_H
#define _VNIC_VF_H

#include <linux/bitmap.h>
#include <linux/etherdevice.h>
#include <linux/ethtool.h>
#include <linux/if_vlan.h>
#include <linux/interrupt.h>
#include <linux/netdevice.h>
#include <linux/workqueue.h>

#include <compat.h>

#include "hw.h"
#include "mbx.h"
#include "queue.h"

#define VNICVF_NAME		"vnic-vf"	/* of the PCI driver, in sysfs and ethtool */
#define VNICVF_RING_DEFAULT	512	/* descriptors */

/* vf->flags, bit numbers */
#define VNICVF_RESET		0	/* the device has to be reset */
#define VNICVF_AWAY		1	/* between reset_prepare and reset_done, or asleep */
#define VNICVF_FEATURES		2	/* what decides on features has changed */

/**
 * struct vnicvf - one function; netdev_priv()
 * @netdev: its netdev
 * @pdev: its pci_dev
 * @hw: registers
 * @mbx: mailbox
 * @flags: VNICVF_*
 * @up: queues exist and run
 * @offered: VNIC_F_* the driver may accept, as offered at probe
 * @features: VNIC_F_* in force
 * @caps_uc: unicast filters the device allows
 * @caps_mc: multicast filters the device allows
 * @caps_mtu: largest MTU the device allows
 * @qp: all queue pairs
 * @made_qps: entries of @qp
 * @max_qps: what vectors and device allow, at most @made_qps
 * @num_qps: queue pairs in use
 * @tx_size: descriptors of a TX ring
 * @rx_size: descriptors of an RX ring
 * @events: event blocks of all rings
 * @events_dma: their bus address
 * @speed: link speed in Mb/s, 0: unknown
 * @mac_seq: of the address of the host that was taken last
 * @allow_seq: of what the host allows, when receive filters and VLANs were sent last
 * @trusted: by the host; rtnl
 * @filter_lock: one sender of receive filters at a time; guards @refused and @few
 * @refused: VNIC_RX_MODE_* of which the user was told that they are not in force
 * @few: ... and that some addresses are not received
 * @own_mac: the user set an address of his own: set again after a reset
 * @user_mac: the last one that he set
 * @prev_mac: the address before the one that the netdev has; see vnicvf_set_mac()
 * @prog: XDP program; written under rtnl, from NULL or to it only without queues
 * @rss_key: Toeplitz key
 * @rss_table: indirection table
 * @rss_hash: what is hashed
 * @contexts: bit n: there is context n, from 1
 * @context: its table, at n - 1
 * @rule: rules by location; NULL: there is none
 * @ctag: VLANs joined, 802.1Q; rtnl
 * @stag: VLANs joined, 802.1ad; rtnl
 * @vlan_all: modes that stand in for VLAN filters, VNIC_RX_MODE_*; written under rtnl
 * @vlan_since: jiffies when a VLAN was joined or left last
 * @vlan_count: how many were since a quiet second
 * @control: events of the device and recovery
 * @filter: sends the receive filters; again in a while, if there was no memory
 * @vlan: sends all VLANs
 * @next_reset: jiffies before which no further reset starts
 * @failures: resets in a row that failed
 * @resets: resets so far
 * @dev_stats: the device's counters as it told them last; rtnl
 * @ctl_name: of the control interrupt
 */
struct vnicvf {
	struct net_device	*netdev;
	struct pci_dev		*pdev;
	struct vnicvf_hw	hw;
	struct vnicvf_mbx	mbx;
	unsigned long		flags;
	bool			up;
	u64			offered;
	u64			features;
	u16			caps_uc;
	u16			caps_mc;
	unsigned int		caps_mtu;

	struct vnicvf_qp	*qp;
	unsigned int		made_qps;
	unsigned int		max_qps;
	unsigned int		num_qps;
	u32			tx_size;
	u32			rx_size;
	struct vnicvf_qp_events	*events;
	dma_addr_t		events_dma;

	u32			speed;
	u32			mac_seq;
	u32			allow_seq;
	bool			trusted;
	struct mutex		filter_lock;	/* see above */
	u32			refused;
	bool			few;
	bool			own_mac;
	u8			user_mac[ETH_ALEN];
	u8			prev_mac[ETH_ALEN];
	struct bpf_prog		*prog;
	u8			rss_key[VNIC_RSS_KEY_LEN];
	u8			rss_table[VNIC_RSS_ENTRIES];
	struct vnic_mbx_hash	rss_hash;
	unsigned long		contexts;
	u8			context[VNIC_RSS_CONTEXTS][VNIC_RSS_ENTRIES];
	struct vnicvf_rule	*rule[VNIC_MAX_RULES];
	DECLARE_BITMAP(ctag, VLAN_N_VID);
	DECLARE_BITMAP(stag, VLAN_N_VID);
	u32			vlan_all;
	unsigned long		vlan_since;
	unsigned int		vlan_count;

	struct delayed_work	control;
	struct delayed_work	filter;
	struct work_struct	vlan;
	unsigned long		next_reset;
	unsigned int		failures;
	u64			resets;
	struct vnic_mbx_stats_all dev_stats;
	char			ctl_name[IFNAMSIZ + 8];
};

static inline bool vnicvf_has(const struct vnicvf *vf, unsigned int feature)
{
	return vf->features & BIT_ULL(feature);
}

/* fault.c */

/* Reset the device, by the control work, as soon as resets keep their distance.  Any context. */
void vnicvf_request_reset(struct vnicvf *vf);
/* The device's indices make no sense: the same, said once.  NAPI of @qp */
void vnicvf_qp_fail(struct vnicvf_qp *qp);

/* xsk.c; rtnl */
void vnicvf_xsk_resume(struct vnicvf *vf);

/* coalesce.c; rtnl but for vnicvf_moder_sample() */
void vnicvf_moder_init(struct vnicvf_qp *qp);
int vnicvf_moder_start(struct vnicvf *vf);	/* the device has the queues; sleeps */
void vnicvf_moder_stop(struct vnicvf_qp *qp);	/* NAPI is off; sleeps */
void vnicvf_moder_sample(struct vnicvf_qp *qp);	/* NAPI of @qp */
int vnicvf_get_coalesce(struct net_device *netdev, struct ethtool_coalesce *ec,
			struct kernel_ethtool_coalesce *kernel_ec, struct netlink_ext_ack *extack);
int vnicvf_set_coalesce(struct net_device *netdev, struct ethtool_coalesce *ec,
			struct kernel_ethtool_coalesce *kernel_ec, struct netlink_ext_ack *extack);
int vnicvf_get_queue_coalesce(struct net_device *netdev, u32 queue, struct ethtool_coalesce *ec);
int vnicvf_set_queue_coalesce(struct net_device *netdev, u32 queue, struct ethtool_coalesce *ec);

/* rss.c; rtnl, once the netdev is registered */

/* A random key, an even table, hashes of all that can be; @vf->num_qps is known. */
void vnicvf_rss_init(struct vnicvf *vf);
/* Tell the device key and table, and what to hash; nothing to do without VNIC_F_RSS.
 * 0 or -errno; sleeps.
 */
int vnicvf_set_rss(struct vnicvf *vf);
/* @vf->num_qps has changed: a table that names other queues is made anew. */
void vnicvf_rss_default(struct vnicvf *vf);
u32 vnicvf_get_rxfh_key_size(struct net_device *netdev);
u32 vnicvf_get_rxfh_indir_size(struct net_device *netdev);
int vnicvf_get_rxfh(struct net_device *netdev, struct ethtool_rxfh_param *rxfh);
int vnicvf_set_rxfh(struct net_device *netdev, struct ethtool_rxfh_param *rxfh,
		    struct netlink_ext_ack *extack);
int vnicvf_get_rxfh_fields(struct net_device *netdev, struct ethtool_rxfh_fields *info);
int vnicvf_set_rxfh_fields(struct net_device *netdev, const struct ethtool_rxfh_fields *info,
			   struct netlink_ext_ack *extack);

/* steer.c; rtnl */

/* Tell the device all contexts and rules.  0 or -errno; sleeps. */
int vnicvf_set_steering(struct vnicvf *vf);
/* The netdev gets these features: without NETIF_F_NTUPLE, remove all rules.  Sleeps. */
void vnicvf_set_ntuple(struct vnicvf *vf, netdev_features_t features);
/* The netdev is gone: free them. */
void vnicvf_forget_rules(struct vnicvf *vf);
/* As ETHTOOL_SRXCLSRLINS (with a location), _SRXCLSRLDEL, _GRXCLSRULE and _GRXCLSRLALL, or
 * with @at NULL, _GRXCLSRLCNT.  0 or -errno; the first two sleep.
 */
int vnicvf_add_rule(struct vnicvf *vf, const struct ethtool_rxnfc *info);
int vnicvf_del_rule(struct vnicvf *vf, u32 at);
int vnicvf_get_rule(const struct vnicvf *vf, struct ethtool_rxnfc *info);
int vnicvf_list_rules(const struct vnicvf *vf, struct ethtool_rxnfc *info, u32 *at);
int vnicvf_create_context(struct net_device *netdev, struct ethtool_rxfh_context *ctx,
			  const struct ethtool_rxfh_param *rxfh, struct netlink_ext_ack *extack);
int vnicvf_modify_context(struct net_device *netdev, struct ethtool_rxfh_context *ctx,
			  const struct ethtool_rxfh_param *rxfh, struct netlink_ext_ack *extack);
int vnicvf_remove_context(struct net_device *netdev, struct ethtool_rxfh_context *ctx,
			  u32 context, struct netlink_ext_ack *extack);

/* mac.c; rtnl, once the netdev is registered.  All but vnicvf_mac_status() send messages. */
int vnicvf_set_mac(struct net_device *netdev, void *addr);	/* ndo_set_mac_address */
int vnicvf_mac_hello(struct vnicvf *vf, const struct vnic_mbx_caps *caps);
void vnicvf_mac_status(struct vnicvf *vf, const struct vnicvf_status *st);

/* filter.c; rtnl where nothing else is said */
#define VNICVF_VLAN_FILTERS	(NETIF_F_HW_VLAN_CTAG_FILTER | NETIF_F_HW_VLAN_STAG_FILTER)
void vnicvf_set_rx_mode(struct net_device *netdev);	/* ndo_set_rx_mode; atomic */
void vnicvf_filter_send(struct vnicvf *vf);		/* process context, with rtnl or not */
void vnicvf_filter_later(struct vnicvf *vf);		/* the same, by a work item; any context */
void vnicvf_filter_work(struct work_struct *work);	/* without rtnl */
int vnicvf_vlan_add(struct net_device *netdev, __be16 proto, u16 vid);
int vnicvf_vlan_kill(struct net_device *netdev, __be16 proto, u16 vid);
void vnicvf_vlan_replay(struct vnicvf *vf);		/* rtnl, once it is registered */
void vnicvf_vlan_work(struct work_struct *work);	/* takes rtnl */
void vnicvf_set_vlan_filter(struct vnicvf *vf, netdev_features_t features);

/* start.c; rtnl, once the netdev is registered */
void vnicvf_set_max_mtu(struct vnicvf *vf);	/* the program or XDP sockets have changed */
u64 vnicvf_wanted_features(const struct vnicvf *vf, netdev_features_t features);
int vnicvf_start(struct vnicvf *vf, u64 features);

/* status.c; rtnl */
void vnicvf_status_sync(struct vnicvf *vf);

/* up.c; rtnl; all sleep */
int vnicvf_up(struct vnicvf *vf);
void vnicvf_down(struct vnicvf *vf);
int vnicvf_restart(struct vnicvf *vf);
int vnicvf_set_num_qps(struct vnicvf *vf, unsigned int n);
void vnicvf_detach(struct vnicvf *vf);
int vnicvf_attach(struct vnicvf *vf, u64 features);

/* control.c */
void vnicvf_control_work(struct work_struct *work);	/* takes rtnl */
irqreturn_t vnicvf_control_irq(int irq, void *data);	/* hard interrupt */

/* bpf.c; rtnl */
int vnicvf_bpf(struct net_device *netdev, struct netdev_bpf *bpf);	/* ndo_bpf */

/* ethtool.c; its ops: rtnl */
void vnicvf_ask_dev_stats(struct vnicvf *vf);	/* into @vf->dev_stats; rtnl, sleeps */
extern const struct ethtool_ops vnicvf_ethtool_ops;

/* netdev.c */

/* Fill in the net_device from what vnicvf_start() agreed on; before registration. */
void vnicvf_netdev_setup(struct vnicvf *vf);

#endif /* _VNIC_VF_H */
