// SPDX-License-Identifier: GPL-2.0
/*
 * The switch and its ports: lifetime.
 */
#include <linux/bitmap.h>
#include <linux/slab.h>

#include "switch.h"

struct vnic_switch *vnic_switch_create(struct vnic_adapter *ad)
{
	struct vnic_switch *sw = kzalloc(sizeof(*sw), GFP_KERNEL);
	int err = -ENOMEM;

	if (!sw)
		return ERR_PTR(-ENOMEM);
	sw->ad = ad;
	mutex_init(&sw->lock);
	INIT_LIST_HEAD(&sw->ports);
	INIT_LIST_HEAD(&sw->nodes);
	INIT_DELAYED_WORK(&sw->regain, vnic_switch_regain);
	sw->carrier = true;
	vnic_trees_init(sw);
	sw->batch = vnic_batch_alloc();
	if (!sw->batch)
		goto free_switch;
	err = rhltable_init(&sw->fdb, &vnic_fdb_params);
	if (err)
		goto free_batch;
	err = vnic_learned_init(sw, vnic_switch_reclaim);
	if (err)
		goto free_fdb;
	return sw;

free_fdb:
	rhltable_destroy(&sw->fdb);
free_batch:
	free_percpu(sw->batch);
free_switch:
	kfree(sw);
	return ERR_PTR(err);
}

void vnic_switch_destroy(struct vnic_switch *sw)
{
	WARN_ON(!list_empty(&sw->ports));
	WARN_ON(!list_empty(&sw->nodes));
	cancel_delayed_work_sync(&sw->regain);
	vnic_learned_destroy(sw);
	rhltable_destroy(&sw->fdb);
	free_percpu(sw->batch);
	mutex_destroy(&sw->lock);
	kfree(sw);
}

/* Default configuration.  A VF has nothing but its address; PF and uplink are
 * the host's, so that their owners decide by enabling them.
 */
static void vnic_conf_init(struct vnic_port *port)
{
	struct vnic_port_conf *conf = port->conf;
	bool vf = port->type == VNIC_PORT_VF;

	INIT_LIST_HEAD(&conf->filters);
	conf->link_state = vf ? IFLA_VF_LINK_STATE_AUTO : IFLA_VF_LINK_STATE_ENABLE;
	conf->spoofchk = vf;
	conf->trusted = !vf;
	conf->enabled = !vf;
	conf->mtu = ETH_DATA_LEN;
	conf->rates[VNIC_RATE_RX] = VNIC_RATE_AS_TX;
	conf->rates[VNIC_RATE_STORM] = vf ? VNIC_STORM_DEFAULT : 0;
	conf->rates[VNIC_RATE_PRIO] = VNIC_PRIO_BY_QOS;
	conf->grace = get_state_synchronize_rcu();
}

/* Memory of a port, which has a policy from the beginning: frames find it as soon as its
 * address is there.
 */
static int vnic_port_alloc(struct vnic_port *port)
{
	int cpu;

	RCU_INIT_POINTER(port->policy, kzalloc(sizeof(struct vnic_port_policy), GFP_KERNEL));
	port->conf = kzalloc(sizeof(*port->conf), GFP_KERNEL);
	port->vlans = bitmap_zalloc(2 * VNIC_VLANS, GFP_KERNEL);
	port->pcpu = alloc_percpu(struct vnic_port_pcpu);
	if (!rcu_access_pointer(port->policy) || !port->conf || !port->vlans || !port->pcpu)
		return -ENOMEM;
	for_each_possible_cpu(cpu)
		u64_stats_init(&per_cpu_ptr(port->pcpu, cpu)->syncp);
	return 0;
}

static void vnic_port_free(struct vnic_port *port)
{
	kfree(rcu_dereference_protected(port->policy, true));
	RCU_INIT_POINTER(port->policy, NULL);
	free_percpu(port->pcpu);
	bitmap_free(port->vlans);
	kfree(port->conf);
}

static bool vnic_port_exists(const struct vnic_port *port)
{
	const struct vnic_port *p;

	list_for_each_entry(p, &port->sw->ports, node)
		if (p->type == port->type &&
		    (p->type != VNIC_PORT_VF || p->index == port->index))
			return true;
	return false;
}

/* Give it its default address: @mac, or one that nobody has.  sw->lock held. */
static int vnic_port_settle(struct vnic_port *port, const u8 *mac)
{
	struct vnic_port_conf *conf = port->conf;
	u8 made[ETH_ALEN];

	conf->random = !mac || vnic_fdb_taken(port, mac);
	if (conf->random) {
		do {
			eth_random_addr(made);
		} while (vnic_fdb_taken(port, made));
		mac = made;
	}
	conf->home = vnic_fdb_add(port, mac, VNIC_FDB_PRIMARY);
	return PTR_ERR_OR_ZERO(conf->home);
}

/* Enter the port into the switch.  sw->lock held. */
static int vnic_port_join(struct vnic_port *port, const u8 *mac)
{
	struct vnic_switch *sw = port->sw;
	int err;

	if (vnic_port_exists(port))
		return -EEXIST;
	if (port->type != VNIC_PORT_UPLINK) {
		err = vnic_port_settle(port, mac);
		if (err)
			return err;
	}
	vnic_port_publish(port);
	if (port->type == VNIC_PORT_PF)
		rcu_assign_pointer(sw->pf, port);
	if (port->type == VNIC_PORT_UPLINK)
		rcu_assign_pointer(sw->uplink, port);
	list_add_tail_rcu(&port->node, &sw->ports);
	vnic_wire_update(sw);
	return 0;
}

struct vnic_port *vnic_switch_uplink(struct vnic_switch *sw)
{
	return rcu_dereference(sw->uplink);
}

int vnic_port_init(struct vnic_port *port, struct vnic_switch *sw, enum vnic_port_type type,
		   u16 index, const struct vnic_port_ops *ops, void *priv, const u8 *mac)
{
	int err;

	if (type == VNIC_PORT_VF && index >= VNIC_MAX_VFS)
		return -EINVAL;
	memset(port, 0, sizeof(*port));
	port->sw = sw;
	port->ops = ops;
	port->priv = priv;
	port->type = type;
	port->index = index;
	spin_lock_init(&port->rx_lock);
	spin_lock_init(&port->tx_lock);
	vnic_trees_join(port);
	err = vnic_port_alloc(port);
	if (err)
		goto free;
	vnic_conf_init(port);
	vnic_port_apply_storm(port);

	mutex_lock(&sw->lock);
	err = vnic_port_join(port, mac);
	mutex_unlock(&sw->lock);
	if (err)
		goto free;
	return 0;

free:
	vnic_port_free(port);
	return err;
}

void vnic_port_destroy(struct vnic_port *port)
{
	struct vnic_switch *sw = port->sw;

	mutex_lock(&sw->lock);
	list_del_rcu(&port->node);
	if (port->type == VNIC_PORT_PF)
		RCU_INIT_POINTER(sw->pf, NULL);
	if (port->type == VNIC_PORT_UPLINK)
		RCU_INIT_POINTER(sw->uplink, NULL);
	port->conf->enabled = false;
	vnic_port_flush(port);
	vnic_port_publish(port);
	if (port->conf->given)
		vnic_fdb_del(port->conf->given);
	if (port->conf->home)
		vnic_fdb_del(port->conf->home);
	port->conf->parent = NULL;
	vnic_trees_leave(port);
	vnic_wire_update(sw);
	mutex_unlock(&sw->lock);

	synchronize_rcu();
	vnic_port_free(port);
}
