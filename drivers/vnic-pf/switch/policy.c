// SPDX-License-Identifier: GPL-2.0
/*
 * Configuration of ports: what the host sets and what a port's driver asks for.
 *
 * The driver may be hostile: each of its requests is checked against what the
 * host has set, does a bounded amount of work, and waits for RCU when its
 * requests free more than the system gives back (vnic_guest_end()).
 */
#include <linux/bitmap.h>
#include <linux/timekeeping.h>

#include "switch.h"

#define VNIC_ASSURED_BURST	(64 * 1024)	/* bytes: a guarantee is no licence to burst */
#define VNIC_PACE	1024	/* objects a driver may retire per RCU grace period */

static bool vnic_conf_made_up(const struct vnic_port_conf *conf)
{
	return conf->random && vnic_conf_entry(conf) == conf->home;
}

/* Forward to the address in force only; to be called before another one is removed. */
static void vnic_conf_activate(struct vnic_port_conf *conf)
{
	struct vnic_fdb_entry *e = vnic_conf_entry(conf);

	WRITE_ONCE(e->active, true);
	if (conf->given && conf->given != e)
		WRITE_ONCE(conf->given->active, false);
	if (conf->home != e)
		WRITE_ONCE(conf->home->active, false);
}

/* Most filters the port may have now; see port.h */
static unsigned int vnic_conf_max_uc(const struct vnic_port_conf *conf)
{
	if (conf->trusted)
		return VNIC_UC_TRUSTED;
	return conf->given ? 0 : VNIC_UC_UNTRUSTED;
}

static unsigned int vnic_conf_max_mc(const struct vnic_port_conf *conf)
{
	return conf->trusted ? VNIC_MC_TRUSTED : VNIC_MC_UNTRUSTED;
}

/* Receive modes, VNIC_MODE_* */
static void vnic_conf_set_modes(struct vnic_port_conf *conf, u32 flags)
{
	conf->promisc = flags & VNIC_MODE_PROMISC;
	conf->allmulti = flags & VNIC_MODE_ALLMULTI;
	conf->all_ctag = flags & VNIC_MODE_ALLCTAG;
	conf->all_stag = flags & VNIC_MODE_ALLSTAG;
}

/* The owner tells its driver of a new address or link state. */
static void vnic_port_changed(struct vnic_port *port)
{
	if (port->ops->changed)
		port->ops->changed(port);
}

/* ---- filters and addresses ---- */

static void vnic_filter_del(struct vnic_port *port, struct vnic_fdb_entry *e)
{
	if (e->kind == VNIC_FDB_UC)
		port->conf->num_uc--;
	else
		port->conf->num_mc--;
	port->conf->retired++;
	vnic_fdb_del(e);
}

/* Remove filters beyond these numbers, the newest first. */
static void vnic_filters_trim(struct vnic_port *port, unsigned int max_uc, unsigned int max_mc)
{
	struct vnic_port_conf *conf = port->conf;
	struct vnic_fdb_entry *e, *tmp;

	list_for_each_entry_safe_reverse(e, tmp, &conf->filters, node) {
		if (e->kind == VNIC_FDB_UC ? conf->num_uc > max_uc : conf->num_mc > max_mc)
			vnic_filter_del(port, e);
	}
}

/* Back to the address that the host has set, or the default one. */
static void vnic_port_drop_own(struct vnic_port *port)
{
	struct vnic_port_conf *conf = port->conf;
	struct vnic_fdb_entry *own = conf->own;

	if (!own)
		return;
	conf->own = NULL;
	vnic_conf_activate(conf);
	vnic_fdb_del(own);
	conf->retired++;
}

/* Is an address somebody else's, as far as a VF's driver is concerned?  One that speaks
 * beyond the adapter is only for VFs that the host trusts.
 */
static bool vnic_port_may_not_claim(struct vnic_port *port, const u8 *mac)
{
	return port->type == VNIC_PORT_VF &&
	       (vnic_fdb_taken(port, mac) ||
		(!port->conf->trusted && vnic_learned_has(port->sw, mac)));
}

/* An address that the driver may have.  0, -EADDRINUSE or -ENOMEM.  sw->lock held. */
static int vnic_port_take_own(struct vnic_port *port, const u8 *mac)
{
	struct vnic_port_conf *conf = port->conf;
	struct vnic_fdb_entry *own = NULL;

	if (!ether_addr_equal(mac, vnic_conf_base(conf)->mac)) {
		if (vnic_port_may_not_claim(port, mac))
			return -EADDRINUSE;
		own = vnic_fdb_add(port, mac, VNIC_FDB_PRIMARY);
		if (IS_ERR(own))
			return -ENOMEM;
	}
	vnic_port_drop_own(port);
	conf->own = own;
	eth_zero_addr(conf->lost_own);
	vnic_conf_activate(conf);
	/* A report of the address before may be on its way: this one comes later. */
	conf->mac_seq++;
	vnic_port_publish(port);
	vnic_port_changed(port);
	return 0;
}

/* What the driver has set goes with trust, and comes back with it: vnic_port_regain_own(). */
static void vnic_port_lose_own(struct vnic_port *port)
{
	struct vnic_port_conf *conf = port->conf;

	ether_addr_copy(conf->lost_own, conf->own->mac);
	vnic_port_drop_own(port);
	conf->mac_seq++;
}

/* Others may have the address now.  The host is not told of memory that lacks for it, and the
 * driver does not ask again.  sw->lock held.
 */
static void vnic_port_regain_own(struct vnic_port *port)
{
	if (is_valid_ether_addr(port->conf->lost_own) &&
	    vnic_port_take_own(port, port->conf->lost_own) == -ENOMEM)
		schedule_delayed_work(&port->sw->regain, HZ);
}

void vnic_switch_regain(struct work_struct *work)
{
	struct vnic_switch *sw = container_of(to_delayed_work(work), struct vnic_switch, regain);
	struct vnic_port *port;

	mutex_lock(&sw->lock);
	list_for_each_entry(port, &sw->ports, node)
		if (port->type == VNIC_PORT_VF && port->conf->trusted)
			vnic_port_regain_own(port);
	mutex_unlock(&sw->lock);
}

/**
 * vnic_port_flush - remove what a port's driver has put into the FDB
 * @port: port
 *
 * Context: process, sw->lock held.
 */
void vnic_port_flush(struct vnic_port *port)
{
	vnic_conf_set_modes(port->conf, 0);
	port->conf->discovery = false;
	vnic_filters_trim(port, 0, 0);
	vnic_port_drop_own(port);
	eth_zero_addr(port->conf->lost_own);
	bitmap_zero(port->vlans, 2 * VNIC_VLANS);
}

/* Take back what trust, or the absence of a MAC set by the host, allowed. */
static void vnic_port_enforce(struct vnic_port *port)
{
	struct vnic_port_conf *conf = port->conf;

	if (conf->trusted)
		return;
	vnic_conf_set_modes(conf, 0);
	vnic_filters_trim(port, vnic_conf_max_uc(conf), vnic_conf_max_mc(conf));
	if (conf->given && conf->own)
		vnic_port_lose_own(port);
}

/* What the driver of a VF has claimed of an address ends; @back: until trust lets it be
 * shared again.  False: nothing.  sw->lock held.
 */
static bool vnic_port_yield(struct vnic_port *port, const u8 *mac, bool back)
{
	struct vnic_port_conf *conf = port->conf;
	struct vnic_fdb_entry *e = vnic_fdb_find(port, mac, VNIC_FDB_UC);
	bool own = conf->own && ether_addr_equal(conf->own->mac, mac);

	if (own)
		vnic_port_lose_own(port);
	if (!back && ether_addr_equal(conf->lost_own, mac))
		eth_zero_addr(conf->lost_own);
	if (!e && !own)
		return false;
	if (e)
		vnic_filter_del(port, e);
	WRITE_ONCE(conf->lost, conf->lost + 1);
	vnic_port_publish(port);
	vnic_port_changed(port);
	return true;
}

/*
 * The host has given an address to @port, or uses it itself: then it is nobody
 * else's, whoever claimed it first.  Two ports to which the host gives the same one
 * both have it.  @back: see vnic_port_yield().  sw->lock held.
 */
static void vnic_port_evict(struct vnic_port *port, const u8 *mac, bool back)
{
	struct vnic_switch *sw = port->sw;
	struct vnic_port *other;

	list_for_each_entry(other, &sw->ports, node)
		if (other != port && other->type == VNIC_PORT_VF &&
		    vnic_port_yield(other, mac, back))
			dev_notice_ratelimited(&sw->ad->pf->dev,
					       "VF %u: loses %pM, which is another's\n",
					       other->index, mac);
}

/**
 * vnic_switch_reclaim - take an address that is in use beyond the adapter from VFs
 * @work: of struct vnic_learned
 *
 * From those, that is, whose drivers claim it, and which the host does not trust.
 *
 * Context: process.
 */
void vnic_switch_reclaim(struct work_struct *work)
{
	struct vnic_learned *l = container_of(work, struct vnic_learned, work);
	struct vnic_switch *sw = l->sw;
	struct vnic_port *port;
	u8 mac[ETH_ALEN];

	u64_to_ether_addr(READ_ONCE(l->claimed), mac);
	mutex_lock(&sw->lock);
	list_for_each_entry(port, &sw->ports, node)
		if (port->type == VNIC_PORT_VF && !port->conf->trusted &&
		    vnic_port_yield(port, mac, true))
			dev_notice_ratelimited(&sw->ad->pf->dev,
					       "VF %u: loses %pM, which is in use beyond this adapter\n",
					       port->index, mac);
	mutex_unlock(&sw->lock);
	WRITE_ONCE(l->claimed, 0);
}

/* What VFs with trust shared is nobody's but that of those who still have it, or of
 * the one the host gave it to.  sw->lock held.
 */
static void vnic_port_unshare(struct vnic_port *port)
{
	struct vnic_port_conf *conf = port->conf;
	struct vnic_fdb_entry *e, *tmp;

	list_for_each_entry_safe(e, tmp, &conf->filters, node)
		if (e->kind == VNIC_FDB_UC && vnic_fdb_taken(port, e->mac))
			vnic_filter_del(port, e);
	if (conf->own && vnic_fdb_taken(port, conf->own->mac))
		vnic_port_lose_own(port);
	vnic_port_evict(port, vnic_conf_base(conf)->mac, true);
}

/* ---- the host ---- */

u64 vnic_port_lost(const struct vnic_port *port)
{
	return READ_ONCE(port->conf->lost);
}

bool vnic_port_own_mac(const struct vnic_port *port, u8 *mac)
{
	const struct vnic_port_policy *pol;
	bool own;

	rcu_read_lock();
	pol = rcu_dereference(port->policy);
	own = pol->own_mac;
	ether_addr_copy(mac, pol->mac);
	rcu_read_unlock();
	return own;
}

void vnic_port_get_info(struct vnic_port *port, struct vnic_port_info *info)
{
	const struct vnic_port_conf *conf = port->conf;
	const struct vnic_port_policy *pol;
	struct vnic_switch *sw = port->sw;

	mutex_lock(&sw->lock);
	pol = rcu_dereference_protected(port->policy, lockdep_is_held(&sw->lock));
	*info = (struct vnic_port_info) {
		.mac_default	= vnic_conf_entry(conf) == conf->home,
		.mac_random	= vnic_conf_made_up(conf),
		.mac_seq	= conf->mac_seq,
		.allow_seq	= conf->allow_seq,
		.vlan		= conf->vlan,
		.qos		= conf->qos,
		.vlan_proto	= conf->vlan_proto,
		.spoofchk	= conf->spoofchk,
		.trusted	= conf->trusted,
		.link_state	= conf->link_state,
		.link_up	= vnic_policy_link_up(sw, pol),
		.speed		= vnic_wire_speed(sw),
		.enabled	= conf->enabled,
	};
	vnic_conf_copy_mac(info->mac, vnic_conf_entry(conf));
	vnic_conf_copy_mac(info->host_mac, vnic_conf_base(conf));
	memcpy(info->rates, conf->rates, sizeof(info->rates));
	mutex_unlock(&sw->lock);
}

/* A new address by the host replaces all others; NULL: the default one.  sw->lock held. */
static int vnic_port_rebase(struct vnic_port *port, const u8 *mac)
{
	struct vnic_port_conf *conf = port->conf;
	struct vnic_fdb_entry *given = NULL;

	if (mac)
		given = vnic_fdb_add(port, mac, VNIC_FDB_PRIMARY);
	if (IS_ERR(given))
		return PTR_ERR(given);
	vnic_port_drop_own(port);
	eth_zero_addr(conf->lost_own);
	swap(conf->given, given);
	vnic_conf_activate(conf);
	if (given)
		vnic_fdb_del(given);
	conf->mac_seq++;
	conf->allow_seq++;
	vnic_port_enforce(port);
	vnic_port_publish(port);
	vnic_port_changed(port);
	vnic_port_evict(port, vnic_conf_base(conf)->mac, false);
	return 0;
}

int vnic_port_set_mac(struct vnic_port *port, const u8 *mac)
{
	bool unset = is_zero_ether_addr(mac);
	int err;

	if (port->type == VNIC_PORT_UPLINK || (!unset && !is_valid_ether_addr(mac)))
		return -EINVAL;
	mutex_lock(&port->sw->lock);
	unset = unset || ether_addr_equal(mac, port->conf->home->mac);
	err = vnic_port_rebase(port, unset ? NULL : mac);
	mutex_unlock(&port->sw->lock);
	return err;
}

int vnic_port_set_vlan(struct vnic_port *port, u16 vid, u8 qos, __be16 proto)
{
	struct vnic_port_conf *conf = port->conf;

	if (port->type != VNIC_PORT_VF || vid >= VLAN_VID_MASK || qos > 7 || (!vid && qos))
		return -EINVAL;
	if (!eth_type_vlan(proto))
		return -EPROTONOSUPPORT;
	mutex_lock(&port->sw->lock);
	conf->vlan = vid;
	conf->qos = qos;
	conf->vlan_proto = vid ? proto : 0;
	conf->allow_seq++;
	vnic_wire_update(port->sw);
	vnic_port_publish(port);
	vnic_port_changed(port);
	mutex_unlock(&port->sw->lock);
	return 0;
}

/* Is more of the link asked for than the port has already?  sw->lock held. */
static bool vnic_port_asks_share(const struct vnic_port *port, const u32 *rates)
{
	const u32 *had = port->conf->rates;
	u32 prio = rates[VNIC_RATE_PRIO];

	return rates[VNIC_RATE_MIN] > had[VNIC_RATE_MIN] ||
	       rates[VNIC_RATE_WEIGHT] > had[VNIC_RATE_WEIGHT] ||
	       (prio != VNIC_PRIO_BY_QOS &&
		(had[VNIC_RATE_PRIO] == VNIC_PRIO_BY_QOS || prio > had[VNIC_RATE_PRIO]));
}

/* May the port have these?  As vnic_port_set_rates().  sw->lock held. */
static int vnic_port_check_rates(const struct vnic_port *port, const u32 *rates)
{
	u32 min = rates[VNIC_RATE_MIN], max = rates[VNIC_RATE_TX];

	if (rates[VNIC_RATE_RX_QUEUE] && !port->ops->queue)
		return -EOPNOTSUPP;
	if (max && min > max)
		return -EINVAL;
	/* What is below a node has a weight there, whatever the link is. */
	if (!port->conf->parent && !vnic_wire_speed(port->sw) &&
	    vnic_port_asks_share(port, rates))
		return -ENODATA;
	return 0;
}

/* Give the port these, if it may have them and what is above it has so much.  As
 * vnic_port_set_rates().  sw->lock held.
 */
static int vnic_port_try_rates(struct vnic_port *port, const u32 *rates, struct vnic_refusal *no)
{
	struct vnic_port_conf *conf = port->conf;
	struct vnic_chain chain;
	u32 had[VNIC_RATES];
	int err;

	err = vnic_port_check_rates(port, rates);
	if (err)
		return err;
	vnic_chain_note(&chain, port->sw, conf->parent);
	memcpy(had, conf->rates, sizeof(had));
	memcpy(conf->rates, rates, sizeof(conf->rates));
	err = vnic_chain_check(&chain, port->sw, conf->parent, rates[VNIC_RATE_MIN], no);
	if (err)
		memcpy(conf->rates, had, sizeof(conf->rates));
	return err;
}

static void vnic_port_set_meter(struct vnic_meter *meter, spinlock_t *lock, u32 mbps, u32 burst)
{
	u64 rate = vnic_meter_rate(mbps);

	spin_lock_bh(lock);
	vnic_meter_set(meter, rate, burst ?: vnic_meter_default_burst(rate), ktime_get_ns());
	spin_unlock_bh(lock);
}

static void vnic_port_set_pps(struct vnic_meter *meter, spinlock_t *lock, u32 pps, u64 burst)
{
	spin_lock_bh(lock);
	vnic_meter_set(meter, pps, burst ?: vnic_meter_default_packets(pps), ktime_get_ns());
	spin_unlock_bh(lock);
}

void vnic_port_apply_storm(struct vnic_port *port)
{
	u32 pps = port->conf->rates[VNIC_RATE_STORM];

	vnic_port_set_pps(&port->storm, &port->tx_lock, pps,
			  max_t(u32, pps / 10, VNIC_STORM_BURST));
}

/* Make meters and shares what was configured.  sw->lock held. */
static void vnic_port_apply_rates(struct vnic_port *port)
{
	const u32 *rates = port->conf->rates;

	vnic_port_set_meter(&port->rx_meter, &port->rx_lock, vnic_conf_rx_rate(port->conf),
			    rates[VNIC_RATE_RX_BURST]);
	vnic_port_set_pps(&port->rx_pps, &port->rx_lock, rates[VNIC_RATE_RX_PPS], 0);
	vnic_port_set_meter(&port->tx_meter, &port->tx_lock, rates[VNIC_RATE_TX],
			    rates[VNIC_RATE_TX_BURST]);
	vnic_port_set_pps(&port->tx_pps, &port->tx_lock, rates[VNIC_RATE_TX_PPS], 0);
	vnic_port_apply_storm(port);
	vnic_port_set_meter(&port->min_meter, &port->tx_lock, rates[VNIC_RATE_MIN],
			    VNIC_ASSURED_BURST);
	vnic_wire_update(port->sw);
	vnic_port_publish(port);
	vnic_port_set_queue(port);
}

int vnic_port_set_rates(struct vnic_port *port, unsigned int which,
			const u32 values[VNIC_RATES], struct vnic_refusal *no)
{
	u32 rates[VNIC_RATES];
	unsigned int i;
	int err;

	mutex_lock(&port->sw->lock);
	for (i = 0; i < VNIC_RATES; i++)
		rates[i] = which & BIT(i) ? values[i] : port->conf->rates[i];
	for (i = 0, err = 0; i < VNIC_RATES && !err; i++)
		err = vnic_rate_valid(i, rates[i]) ? 0 : -ERANGE;
	if (!err)
		err = vnic_port_try_rates(port, rates, no);
	if (!err)
		vnic_port_apply_rates(port);
	mutex_unlock(&port->sw->lock);
	if (!err && port->ops->unblock)
		port->ops->unblock(port);
	return err;
}

int vnic_port_set_rate(struct vnic_port *port, enum vnic_rate which, u32 value)
{
	struct vnic_refusal no;
	u32 values[VNIC_RATES];

	values[which] = value;
	return vnic_port_set_rates(port, BIT(which), values, &no);
}

int vnic_port_set_spoofchk(struct vnic_port *port, bool on)
{
	mutex_lock(&port->sw->lock);
	port->conf->spoofchk = on;
	vnic_port_publish(port);
	mutex_unlock(&port->sw->lock);
	return 0;
}

/* Who is trusted may now share what @port has, and takes it back; drivers that were
 * refused it ask again.  sw->lock held.
 */
static void vnic_port_offer(struct vnic_port *port)
{
	struct vnic_port *other;

	list_for_each_entry(other, &port->sw->ports, node) {
		if (other == port || other->type != VNIC_PORT_VF || !other->conf->trusted)
			continue;
		other->conf->allow_seq++;
		vnic_port_regain_own(other);
		vnic_port_changed(other);
	}
}

int vnic_port_set_trust(struct vnic_port *port, bool on)
{
	mutex_lock(&port->sw->lock);
	port->conf->trusted = on;
	port->conf->allow_seq++;
	vnic_port_enforce(port);
	if (!on)
		vnic_port_unshare(port);
	vnic_port_publish(port);
	vnic_port_changed(port);
	if (on && port->type == VNIC_PORT_VF) {
		vnic_port_regain_own(port);
		vnic_port_offer(port);
	}
	mutex_unlock(&port->sw->lock);
	return 0;
}

int vnic_port_set_link_state(struct vnic_port *port, int state)
{
	if (state < IFLA_VF_LINK_STATE_AUTO || state > IFLA_VF_LINK_STATE_DISABLE)
		return -EINVAL;
	mutex_lock(&port->sw->lock);
	port->conf->link_state = state;
	vnic_port_publish(port);
	vnic_port_changed(port);
	mutex_unlock(&port->sw->lock);
	return 0;
}

/* Ports with link state "auto" learn of it.  sw->lock held. */
static void vnic_switch_changed(struct vnic_switch *sw)
{
	struct vnic_port *port;

	list_for_each_entry(port, &sw->ports, node)
		vnic_port_changed(port);
}

void vnic_switch_set_carrier(struct vnic_switch *sw, bool up, u32 speed)
{
	mutex_lock(&sw->lock);
	if (sw->carrier != up || sw->speed != speed) {
		sw->speed = speed;
		WRITE_ONCE(sw->carrier, up);
		vnic_wire_update(sw);
		vnic_switch_changed(sw);
	}
	mutex_unlock(&sw->lock);
}

int vnic_switch_set_link_speed(struct vnic_switch *sw, u32 speed, u64 *promised)
{
	int err = 0;

	if (speed > VNIC_RATE_MAX)
		return -ERANGE;
	mutex_lock(&sw->lock);
	*promised = vnic_nodes_promise(sw);
	if (*promised > (speed ?: sw->speed)) {
		err = -ENOSPC;
	} else {
		sw->link_speed = speed;
		vnic_wire_update(sw);
		vnic_switch_changed(sw);
	}
	mutex_unlock(&sw->lock);
	return err;
}

u32 vnic_switch_get_link_speed(struct vnic_switch *sw)
{
	u32 speed;

	mutex_lock(&sw->lock);
	speed = sw->link_speed;
	mutex_unlock(&sw->lock);
	return speed;
}

/* ---- the port's driver ---- */

/**
 * vnic_guest_end - end a driver's request
 * @port: port
 * @status: its answer
 *
 * What requests free waits for RCU, and a driver that asks faster than grace
 * periods pass must not pile it up: it waits, without the lock, so that nobody
 * waits with it.
 *
 * Context: process, sw->lock held; releases it.
 * Return: @status.
 */
static int vnic_guest_end(struct vnic_port *port, int status)
{
	struct vnic_port_conf *conf = port->conf;
	unsigned long grace = conf->grace;
	bool wait = ++conf->retired >= VNIC_PACE;

	if (wait) {
		conf->grace = get_state_synchronize_rcu();
		conf->retired = 0;
	}
	mutex_unlock(&port->sw->lock);
	if (wait)
		cond_synchronize_rcu(grace);
	return status;
}

/* sw->lock held */
static int vnic_guest_mac(struct vnic_port *port, const u8 *mac)
{
	struct vnic_port_conf *conf = port->conf;

	if (!is_valid_ether_addr(mac) || !conf->home)
		return -EINVAL;
	if (ether_addr_equal(mac, vnic_conf_entry(conf)->mac)) {
		eth_zero_addr(conf->lost_own);
		return 0;
	}
	if (conf->given && !conf->trusted)
		return -EPERM;
	return vnic_port_take_own(port, mac);
}

int vnic_port_guest_mac(struct vnic_port *port, const u8 *mac)
{
	mutex_lock(&port->sw->lock);
	return vnic_guest_end(port, vnic_guest_mac(port, mac));
}

/* Want a filter: keep the one that is there, or add it. */
static int vnic_filter_want(struct vnic_port *port, const u8 *mac, enum vnic_fdb_kind kind)
{
	struct vnic_port_conf *conf = port->conf;
	struct vnic_fdb_entry *e = vnic_fdb_find(port, mac, kind);

	if (!e) {
		if (kind == VNIC_FDB_UC && vnic_port_may_not_claim(port, mac))
			return -EADDRINUSE;
		e = vnic_fdb_add(port, mac, kind);
		if (IS_ERR(e))
			return -ENOMEM;
		list_add_tail(&e->node, &conf->filters);
		if (kind == VNIC_FDB_UC)
			conf->num_uc++;
		else
			conf->num_mc++;
		if (kind == VNIC_FDB_UC && port->type == VNIC_PORT_PF)
			vnic_port_evict(port, mac, false);
	}
	e->wanted = true;
	return 0;
}

/* Want @num filters of one kind, at most @max.  Returns the first error. */
static int vnic_filters_want(struct vnic_port *port, const u8 *addrs, unsigned int num,
			     unsigned int max, enum vnic_fdb_kind kind)
{
	int status = 0, err;
	unsigned int i;

	if (num > max)
		status = max ? -ENOSPC : -EPERM;
	for (i = 0; i < min(num, max); i++) {
		err = vnic_filter_want(port, addrs + i * ETH_ALEN, kind);
		status = status ?: err;
	}
	return status;
}

/* Remove what is not wanted any more. */
static void vnic_filters_sweep(struct vnic_port *port)
{
	struct vnic_fdb_entry *e, *tmp;

	list_for_each_entry_safe(e, tmp, &port->conf->filters, node) {
		if (!e->wanted)
			vnic_filter_del(port, e);
		else
			e->wanted = false;
	}
}

/* sw->lock held */
static int vnic_guest_modes(struct vnic_port *port, u32 flags)
{
	struct vnic_port_conf *conf = port->conf;

	vnic_conf_set_modes(conf, conf->trusted ? flags : 0);
	return flags && !conf->trusted ? -EPERM : 0;
}

bool vnic_port_macs_valid(const u8 *macs, unsigned int n, bool multicast)
{
	unsigned int i;

	for (i = 0; i < n; i++, macs += ETH_ALEN)
		if (!(multicast ? is_multicast_ether_addr(macs) : is_valid_ether_addr(macs)))
			return false;
	return true;
}

static bool vnic_rx_mode_valid(u32 flags, unsigned int num_uc, unsigned int num_mc, const u8 *addrs)
{
	if (flags & ~VNIC_MODES)
		return false;
	if (num_uc > VNIC_FILTERS_MAX || num_mc > VNIC_FILTERS_MAX - num_uc)
		return false;
	return vnic_port_macs_valid(addrs, num_uc, false) &&
	       vnic_port_macs_valid(addrs + num_uc * ETH_ALEN, num_mc, true);
}

int vnic_port_guest_rx_mode(struct vnic_port *port, u32 flags, unsigned int num_uc,
			    unsigned int num_mc, const u8 *addrs)
{
	struct vnic_port_conf *conf = port->conf;
	int status, err;

	mutex_lock(&port->sw->lock);
	if (!vnic_rx_mode_valid(flags, num_uc, num_mc, addrs))
		return vnic_guest_end(port, -EINVAL);
	status = vnic_guest_modes(port, flags);
	err = vnic_filters_want(port, addrs, num_uc, vnic_conf_max_uc(conf), VNIC_FDB_UC);
	status = status ?: err;
	err = vnic_filters_want(port, addrs + num_uc * ETH_ALEN, num_mc,
				vnic_conf_max_mc(conf), VNIC_FDB_MC);
	status = status ?: err;
	vnic_filters_sweep(port);
	vnic_port_publish(port);
	return vnic_guest_end(port, status);
}

void vnic_port_guest_discovery(struct vnic_port *port, bool on)
{
	mutex_lock(&port->sw->lock);
	if (port->conf->discovery != on) {
		port->conf->discovery = on;
		vnic_port_publish(port);
	}
	vnic_guest_end(port, 0);
}

/* A port VLAN leaves the driver none of its own, but for 802.1Q inside 802.1ad. */
static bool vnic_conf_trunk(const struct vnic_port_conf *conf, __be16 proto)
{
	return !conf->vlan ||
	       (conf->vlan_proto == htons(ETH_P_8021AD) && proto == htons(ETH_P_8021Q));
}

/* The same, of what is in force.  RCU */
static bool vnic_port_trunk(const struct vnic_port *port, __be16 proto)
{
	const struct vnic_port_policy *pol = rcu_dereference(port->policy);

	return !pol->vlan_proto ||
	       (pol->vlan_proto == htons(ETH_P_8021AD) && proto == htons(ETH_P_8021Q));
}

/*
 * A bit, without the lock, so that it takes the driver's own time: drivers join all VLANs
 * there are, one after the other.  One that is joined while the host sets a port VLAN is
 * not in force as long as there is that.
 */
int vnic_port_guest_vlan(struct vnic_port *port, u16 vid, u16 proto, bool add)
{
	unsigned int bit = vnic_vlan_bit(vid & VLAN_VID_MASK, htons(proto));
	int status = 0;

	if (!vid || vid >= VLAN_VID_MASK || !eth_type_vlan(htons(proto)))
		return -EINVAL;
	rcu_read_lock();
	if (!add)
		clear_bit(bit, port->vlans);
	else if (!vnic_port_trunk(port, htons(proto)))
		status = -EPERM;
	else
		set_bit(bit, port->vlans);
	rcu_read_unlock();
	return status;
}

int vnic_port_guest_vlans(struct vnic_port *port, u16 proto, const unsigned long *vlans)
{
	unsigned long *all = port->vlans + BIT_WORD(vnic_vlan_bit(0, htons(proto)));
	int status = 0;
	unsigned int i;

	mutex_lock(&port->sw->lock);
	if (!vnic_conf_trunk(port->conf, htons(proto)) && !bitmap_empty(vlans, VNIC_VLANS))
		status = -EPERM;
	for (i = 0; i < BITS_TO_LONGS(VNIC_VLANS) && !status; i++)
		WRITE_ONCE(all[i], vlans[i]);
	return vnic_guest_end(port, status);
}

int vnic_port_guest_mtu(struct vnic_port *port, u32 mtu)
{
	u32 max = port->type == VNIC_PORT_VF ? VNIC_MTU_MAX : VNIC_FRAME_MAX;

	mutex_lock(&port->sw->lock);
	if (mtu < VNIC_MTU_MIN || mtu > max)
		return vnic_guest_end(port, -EINVAL);
	port->conf->mtu = mtu;
	vnic_port_publish(port);
	return vnic_guest_end(port, 0);
}

void vnic_port_guest_enable(struct vnic_port *port, bool on)
{
	mutex_lock(&port->sw->lock);
	port->conf->enabled = on;
	vnic_port_publish(port);
	vnic_guest_end(port, 0);
}

void vnic_port_guest_reset(struct vnic_port *port)
{
	mutex_lock(&port->sw->lock);
	vnic_port_flush(port);
	port->conf->mtu = ETH_DATA_LEN;
	if (port->type == VNIC_PORT_VF)
		port->conf->enabled = false;
	vnic_port_publish(port);
	vnic_guest_end(port, 0);
}

void vnic_port_guest_limits(struct vnic_port *port, struct vnic_port_limits *limits)
{
	const struct vnic_port_conf *conf = port->conf;

	mutex_lock(&port->sw->lock);
	limits->mtu = conf->mtu;
	limits->max_uc = vnic_conf_max_uc(conf);
	limits->max_mc = vnic_conf_max_mc(conf);
	limits->max_vlans = vnic_conf_trunk(conf, htons(ETH_P_8021Q)) ? VNIC_VLANS_MAX : 0;
	vnic_conf_copy_mac(limits->mac, vnic_conf_entry(conf));
	limits->mac_seq = conf->mac_seq;
	limits->mac_fixed = conf->given && !conf->trusted;
	limits->mac_random = vnic_conf_made_up(conf);
	limits->trusted = conf->trusted;
	mutex_unlock(&port->sw->lock);
}
