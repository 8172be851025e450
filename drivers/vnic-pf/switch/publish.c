// SPDX-License-Identifier: GPL-2.0
/*
 * What was asked for of a port, made what is in force: the policy that the forwarding
 * path reads, and whether frames wait for its rate.
 */
#include <linux/slab.h>

#include "switch.h"

/* ---- what follows from a port's configuration ---- */

struct vnic_fdb_entry *vnic_conf_base(const struct vnic_port_conf *conf)
{
	return conf->given ?: conf->home;
}

struct vnic_fdb_entry *vnic_conf_entry(const struct vnic_port_conf *conf)
{
	return conf->own ?: vnic_conf_base(conf);
}

void vnic_conf_copy_mac(u8 *mac, const struct vnic_fdb_entry *e)
{
	if (e)
		ether_addr_copy(mac, e->mac);
	else
		eth_zero_addr(mac);
}

u32 vnic_conf_rx_rate(const struct vnic_port_conf *conf)
{
	u32 rate = conf->rates[VNIC_RATE_RX];

	return rate == VNIC_RATE_AS_TX ? conf->rates[VNIC_RATE_TX] : rate;
}

/* Has what is sent to it a limit, of bytes or of packets, or together with others? */
static bool vnic_port_rx_limited(const struct vnic_port *port)
{
	return vnic_conf_rx_rate(port->conf) || port->conf->rates[VNIC_RATE_RX_PPS] ||
	       port->rx_cap;
}

/* ---- putting it in force ---- */

/* Ports with promiscuous modes are counted, so that forwarding looks for them
 * only if there are any.
 */
static void vnic_count_modes(struct vnic_switch *sw, const struct vnic_port_policy *old,
			     const struct vnic_port_policy *new)
{
	unsigned int promisc = sw->promisc + new->promisc - old->promisc;
	unsigned int allmulti = sw->allmulti + new->allmulti - old->allmulti;
	unsigned int discovery = sw->discovery + new->discovery - old->discovery;

	WRITE_ONCE(sw->promisc, promisc);
	WRITE_ONCE(sw->allmulti, allmulti);
	WRITE_ONCE(sw->discovery, discovery);
}

void vnic_port_publish(struct vnic_port *port)
{
	const struct vnic_port_conf *conf = port->conf;
	struct vnic_switch *sw = port->sw;
	struct vnic_port_policy *new, *old;

	lockdep_assert_held(&sw->lock);
	new = kzalloc(sizeof(*new), GFP_KERNEL | __GFP_NOFAIL);
	vnic_conf_copy_mac(new->mac, vnic_conf_entry(conf));
	new->own_mac = conf->own;
	new->enabled = conf->enabled;
	new->link_state = conf->link_state;
	new->spoofchk = conf->spoofchk;
	new->trusted = conf->trusted;
	new->policed = vnic_port_rx_limited(port) && !conf->rates[VNIC_RATE_RX_QUEUE];
	new->queued = vnic_port_rx_limited(port) && conf->rates[VNIC_RATE_RX_QUEUE];
	new->guaranteed = conf->rates[VNIC_RATE_MIN];
	/* a port that is not enabled gets nothing, so it is not looked for */
	new->promisc = conf->enabled && conf->promisc;
	new->allmulti = conf->enabled && conf->allmulti;
	new->discovery = conf->enabled && conf->discovery;
	new->all_ctag = conf->all_ctag;
	new->all_stag = conf->all_stag;
	if (conf->vlan) {
		new->vlan_tci = conf->vlan | conf->qos << VLAN_PRIO_SHIFT;
		new->vlan_proto = conf->vlan_proto;
	}
	new->max_len = conf->mtu + ETH_HLEN;

	old = rcu_replace_pointer(port->policy, new, lockdep_is_held(&sw->lock));
	vnic_count_modes(sw, old, new);
	kfree_rcu(old, rcu);
}

void vnic_port_set_queue(struct vnic_port *port)
{
	const struct vnic_port_conf *conf = port->conf;
	u64 target = vnic_port_rx_limited(port) ? conf->rates[VNIC_RATE_RX_QUEUE] : 0;

	if (port->ops->set_queue)
		port->ops->set_queue(port, target * NSEC_PER_USEC);
}

void vnic_port_set_caps(struct vnic_port *port, u64 tx, u64 rx)
{
	WRITE_ONCE(port->tx_cap, tx);
	if (port->rx_cap == rx)
		return;
	WRITE_ONCE(port->rx_cap, rx);
	vnic_port_publish(port);
	vnic_port_set_queue(port);
}
