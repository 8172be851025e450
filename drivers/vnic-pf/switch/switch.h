/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Inside the switch: its state, what the forwarding path reads of a port, and what
 * the host and the port's driver asked for.
 *
 * Only files of switch/ include this.
 */
#ifndef _VNIC_SWITCH_H
#define _VNIC_SWITCH_H

#include <linux/if_link.h>
#include <linux/if_vlan.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/rhashtable.h>
#include <linux/workqueue.h>

#include "../vnic.h"
#include "fdb.h"
#include "learned.h"
#include "node.h"
#include "port.h"
#include "promise.h"
#include "tree.h"
#include "wire.h"

#define VNIC_PORTS_MAX	(VNIC_MAX_VFS + 2)	/* VFs, PF, uplink */
#define VNIC_VLANS	4096			/* bits of one VLAN bitmap */

struct vnic_batch;

/**
 * struct vnic_switch - the switch of an adapter
 * @ad: its adapter
 * @lock: serialises configuration: everything below that says so
 * @ports: ports; RCU, written under @lock
 * @pf: the PF's port; RCU, written under @lock
 * @uplink: the uplink's port; RCU, written under @lock
 * @fdb: struct vnic_fdb_entry by address; RCU, written under @lock
 * @learned: addresses beyond the adapter
 * @regain: gives drivers their addresses back for which there was no memory
 * @promisc: ports that take unknown unicast; written under @lock
 * @allmulti: ports that take all multicast; written under @lock
 * @discovery: ports that take the multicast of discovery; written under @lock
 * @carrier: what ports with link state "auto" follow
 * @speed: Mb/s that the uplink has, 0: unknown; written under @lock
 * @link_speed: Mb/s that were set instead, 0: none; written under @lock
 * @wire_speed: Mb/s of the wire that VFs share, 0: they do not; written under @lock
 * @promising: minima of VFs are set; written under @lock
 * @nodes: struct vnic_node; under @lock
 * @node_ids: their indices; under @lock
 * @tree: what VFs share, by enum vnic_tree_id
 * @batch: scratch memory of forwarding, per CPU
 */
struct vnic_switch {
	struct vnic_adapter		*ad;
	struct mutex			lock; /* configuration, see above */
	struct list_head		ports;
	struct vnic_port __rcu		*pf;
	struct vnic_port __rcu		*uplink;
	struct rhltable			fdb;
	struct vnic_learned		*learned;
	struct delayed_work		regain;
	unsigned int			promisc;
	unsigned int			allmulti;
	unsigned int			discovery;
	bool				carrier;
	u32				speed;
	u32				link_speed;
	u32				wire_speed;
	bool				promising;
	struct list_head		nodes;
	DECLARE_BITMAP(node_ids, VNIC_NODES_MAX);
	struct vnic_tree		tree[VNIC_TREES];
	struct vnic_batch __percpu	*batch;
};

/**
 * struct vnic_port_policy - what the forwarding path needs to know of a port
 * @rcu: for freeing
 * @mac: address in force
 * @own_mac: that is one which its driver has set
 * @enabled: data path enabled by its driver
 * @link_state: IFLA_VF_LINK_STATE_*
 * @spoofchk: check source addresses
 * @trusted: unicast filters are valid source addresses
 * @policed: it has a rate for what it is sent, or a node above it has, and what is
 *	beyond is dropped
 * @queued: it has a rate, and what is beyond waits: vnic_port_ops.queue
 * @guaranteed: it has a guarantee
 * @promisc: takes unknown unicast
 * @allmulti: takes all multicast
 * @discovery: takes that by which neighbours are found
 * @all_ctag: is in every VLAN of 802.1Q
 * @all_stag: is in every VLAN of 802.1ad
 * @vlan_tci: port VLAN with its priority
 * @vlan_proto: of the port VLAN; 0: none
 * @max_len: bytes of the longest frame towards the port (tags not counted)
 */
struct vnic_port_policy {
	struct rcu_head	rcu;
	u8		mac[ETH_ALEN];
	bool		own_mac;
	bool		enabled;
	u8		link_state;
	bool		spoofchk;
	bool		trusted;
	bool		policed;
	bool		guaranteed;
	bool		queued;
	bool		promisc;
	bool		allmulti;
	bool		discovery;
	bool		all_ctag;
	bool		all_stag;
	u16		vlan_tci;
	__be16		vlan_proto;
	u32		max_len;
};

/**
 * struct vnic_port_conf - what was asked for; under vnic_switch.lock
 * @home: FDB entry of the default address, the port's alone while it exists; NULL
 *	for the uplink
 * @random: that address was made up
 * @given: FDB entry of the address that the host has set; NULL: none
 * @own: FDB entry of the address the driver has set; NULL: none.  Of these three
 *	one is active: see vnic_conf_entry()
 * @lost_own: address that the driver had set when trust went; zero: none
 * @mac_seq: counts changes of the address
 * @allow_seq: counts changes of what the host allows the driver
 * @vlan: port VLAN, 0: none
 * @qos: its priority
 * @vlan_proto: its protocol
 * @rates: see enum vnic_rate
 * @parent: node above it; NULL: none
 * @link_state: IFLA_VF_LINK_STATE_*
 * @spoofchk: check source addresses
 * @trusted: see vnic_port_set_trust()
 * @enabled: data path enabled
 * @promisc: asked for and allowed
 * @allmulti: asked for and allowed
 * @discovery: see vnic_port_guest_discovery()
 * @all_ctag: asked for and allowed
 * @all_stag: asked for and allowed
 * @mtu: bytes
 * @filters: FDB entries of kind VNIC_FDB_UC and VNIC_FDB_MC
 * @num_uc: unicast filters
 * @num_mc: multicast filters
 * @lost: addresses that the driver had claimed and that proved to be another's
 * @retired: objects freed since @grace
 * @grace: RCU state when @retired was 0; see vnic_guest_end()
 */
struct vnic_port_conf {
	struct vnic_fdb_entry	*home;
	bool			random;
	struct vnic_fdb_entry	*given;
	struct vnic_fdb_entry	*own;
	u8			lost_own[ETH_ALEN];
	u32			mac_seq;
	u32			allow_seq;
	u16			vlan;
	u8			qos;
	__be16			vlan_proto;
	u32			rates[VNIC_RATES];
	struct vnic_node	*parent;
	u8			link_state;
	bool			spoofchk;
	bool			trusted;
	bool			enabled;
	bool			promisc;
	bool			allmulti;
	bool			discovery;
	bool			all_ctag;
	bool			all_stag;
	u32			mtu;
	struct list_head	filters;
	unsigned int		num_uc;
	unsigned int		num_mc;
	u64			lost;
	unsigned int		retired;
	unsigned long		grace;
};

/* Mb/s that VFs can be promised; 0: not known.  sw->lock held. */
static inline u32 vnic_wire_speed(const struct vnic_switch *sw)
{
	lockdep_assert_held(&sw->lock);
	return sw->link_speed ?: sw->speed;
}

static inline bool vnic_policy_link_up(const struct vnic_switch *sw,
				       const struct vnic_port_policy *pol)
{
	if (pol->link_state == IFLA_VF_LINK_STATE_AUTO)
		return READ_ONCE(sw->carrier);
	return pol->link_state == IFLA_VF_LINK_STATE_ENABLE;
}

/* Bit of a VLAN in vnic_port.vlans */
static inline unsigned int vnic_vlan_bit(u16 vid, __be16 proto)
{
	return vid + (proto == htons(ETH_P_8021AD) ? VNIC_VLANS : 0);
}

/* ---- publish.c; process context, sw->lock held ---- */

/* The address that the port has unless its driver sets another; NULL: it has none. */
struct vnic_fdb_entry *vnic_conf_base(const struct vnic_port_conf *conf);
/* The address in force; NULL: none */
struct vnic_fdb_entry *vnic_conf_entry(const struct vnic_port_conf *conf);
/* The address of an entry; NULL's is zero. */
void vnic_conf_copy_mac(u8 *mac, const struct vnic_fdb_entry *e);
/* Mb/s that may be sent to the port; 0: no limit */
u32 vnic_conf_rx_rate(const struct vnic_port_conf *conf);
/* Make the forwarding path see conf.  Taking rights away must not fail, so the
 * allocation does not.
 */
void vnic_port_publish(struct vnic_port *port);
/* The owner learns whether frames are to wait for the rate. */
void vnic_port_set_queue(struct vnic_port *port);
/* The meter of VNIC_RATE_STORM, as configured */
void vnic_port_apply_storm(struct vnic_port *port);
/* The least rates of the nodes above a VF, bytes per second; 0: none.  In force at once. */
void vnic_port_set_caps(struct vnic_port *port, u64 tx, u64 rx);

/* policy.c */
/* Remove all filters and the driver's own address.  sw->lock held. */
void vnic_port_flush(struct vnic_port *port);
/* Work of struct vnic_learned: take its @claimed from VFs without trust. */
void vnic_switch_reclaim(struct work_struct *work);
/* vnic_switch.regain */
void vnic_switch_regain(struct work_struct *work);

/* rate.c: is a value in the range of what it is for?  Any context. */
bool vnic_rate_valid(enum vnic_rate which, u32 value);

/* forward.c */
struct vnic_batch __percpu *vnic_batch_alloc(void);

#endif /* _VNIC_SWITCH_H */
