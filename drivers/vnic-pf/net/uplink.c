// SPDX-License-Identifier: GPL-2.0
/*
 * The uplink: `ip link set eth0 master <pf>` makes eth0 the switch's wire.
 *
 * Here is which device can be it, and following its state.  What it receives is in
 * uplink_rx.c, sending to it in uplink_tx.c.
 */
#include <linux/ethtool.h>
#include <linux/if_arp.h>
#include <linux/if_macvlan.h>
#include <linux/if_vlan.h>
#include <linux/netdevice.h>
#include <linux/sched.h>
#include <net/dsa.h>

#include <compat.h>

#include "../bus/bus.h"
#include "uplink.h"

struct vnic_port *vnic_uplink_port(struct vnic_net *net)
{
	return net->uplink ? &net->uplink->port : NULL;
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

/* A netdev of a VF or PF of any vnic adapter?  Each has its PCI device as parent. */
static bool vnic_is_port_netdev(struct net_device *dev)
{
	struct device *parent = dev->dev.parent;

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
	if (dev->priv_flags & IFF_DONT_BRIDGE) {
		NL_SET_ERR_MSG_MOD(extack,
				   "Device sends from its own address only (Wi-Fi station ...)");
		return -EOPNOTSUPP;
	}
	if (dev->priv_flags & IFF_NO_RX_HANDLER) {
		NL_SET_ERR_MSG_MOD(extack, "Device gives away nothing it receives (VRF ...)");
		return -EOPNOTSUPP;
	}
	if (netif_is_macvlan(dev) && macvlan_supports_dest_filter(dev)) {
		NL_SET_ERR_MSG_MOD(extack,
				   "A macvlan receives its own address only, but in mode passthru");
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

/* The port has been in the switch, so frames may wait and a timer may run. */
static void vnic_uplink_port_exit(struct vnic_uplink *up)
{
	vnic_uplink_tx_stop(up);
	vnic_port_destroy(&up->port);		/* no deliver(), no busy() after it */
	vnic_uplink_tx_purge(up);
}

static int vnic_uplink_port_init(struct vnic_uplink *up)
{
	int err;

	err = vnic_port_init(&up->port, up->net->ad->sw, VNIC_PORT_UPLINK, 0,
			     &vnic_uplink_port_ops, up, NULL);
	if (!err)
		vnic_uplink_set_mtu(up);
	return err;
}

static struct vnic_uplink *vnic_uplink_alloc(struct vnic_net *net, struct net_device *dev)
{
	struct vnic_uplink *up = kzalloc(sizeof(*up), GFP_KERNEL);

	if (!up)
		return NULL;
	up->credits = vnic_credits_create(net->ad, dev->name);
	if (!up->credits) {
		kfree(up);
		return NULL;
	}
	up->net = net;
	up->dev = dev;
	vnic_uplink_tx_init(up);
	netdev_hold(dev, &up->tracker, GFP_KERNEL);
	return up;
}

static void vnic_uplink_free(struct vnic_uplink *up)
{
	netdev_put(up->dev, &up->tracker);
	vnic_credits_leave(up->credits);
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
	err = vnic_uplink_rx_init(up);
	if (err)
		goto port_exit;
	err = netdev_rx_handler_register(dev, vnic_uplink_rx, up);
	if (err)
		goto rx_exit;
	dev_disable_lro(dev);
	net->uplink = up;
	vnic_uplink_update(net);	/* the speed as before, until it has been asked for */
	schedule_work(&net->speed_work);
	netdev_info(net->dev, "uplink is %s\n", dev->name);
	return 0;

rx_exit:
	vnic_uplink_rx_exit(up);
port_exit:
	vnic_uplink_port_exit(up);
unpromisc:
	dev_set_promiscuity(dev, -1);
unlink:
	netdev_upper_dev_unlink(dev, net->dev);
free:
	vnic_uplink_free(up);
	return err;
}

/* VFs lose their wire, which few want: say who did it. */
static void vnic_uplink_tell_released(struct vnic_net *net, const struct net_device *dev)
{
	if (net->ad->num_vfs)
		pci_warn(net->ad->pf, "uplink %s was released by %s[%d]: VFs are without a wire\n",
			 dev->name, current->comm, task_tgid_nr(current));
	else
		netdev_info(net->dev, "uplink %s released\n", dev->name);
}

static void vnic_uplink_release(struct vnic_net *net)
{
	struct vnic_uplink *up = net->uplink;
	struct net_device *dev = up->dev;

	ASSERT_RTNL();
	netdev_rx_handler_unregister(dev);	/* waits for those in it */
	vnic_uplink_rx_exit(up);
	vnic_uplink_port_exit(up);
	dev_set_promiscuity(dev, -1);
	netdev_upper_dev_unlink(dev, net->dev);
	net->uplink = NULL;
	vnic_uplink_update(net);
	vnic_uplink_tell_released(net, dev);
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

/* Is @dev the uplink, or one that it is made of? */
static bool vnic_uplink_has(struct vnic_uplink *up, struct net_device *dev)
{
	guard(rcu)();
	return dev == up->dev || netdev_has_upper_dev_all_rcu(dev, up->dev);
}

/* A device goes below another, or leaves it.  One that is over a port may not go below
 * the uplink, as the uplink may not be over a port: a frame would go round.
 */
static int vnic_uplink_upper(struct vnic_uplink *up, unsigned long event,
			     struct netdev_notifier_changeupper_info *info)
{
	struct net_device *dev = netdev_notifier_info_to_dev(&info->info);

	if (!vnic_uplink_has(up, info->upper_dev))
		return NOTIFY_DONE;
	if (event == NETDEV_CHANGEUPPER) {
		schedule_work(&up->net->speed_work);
		return NOTIFY_DONE;
	}
	if (!info->linking || (!vnic_is_port_netdev(dev) && !vnic_is_over_port(dev)))
		return NOTIFY_DONE;
	NL_SET_ERR_MSG_MOD(netdev_notifier_info_to_extack(&info->info),
			   "A vnic PF or VF cannot be part of an uplink");
	return notifier_from_errno(-ELOOP);
}

static int vnic_uplink_event(struct notifier_block *nb, unsigned long event, void *ptr)
{
	struct vnic_net *net = container_of(nb, struct vnic_net, nb);
	struct net_device *dev = netdev_notifier_info_to_dev(ptr);
	struct vnic_uplink *up = net->uplink;

	if (!up)
		return NOTIFY_DONE;
	/* The PF goes, or moves to another namespace: its uplink stays behind. */
	if (dev == net->dev && event == NETDEV_UNREGISTER) {
		vnic_uplink_release(net);
		return NOTIFY_DONE;
	}
	switch (event) {
	case NETDEV_PRECHANGEUPPER:
	case NETDEV_CHANGEUPPER:
		return vnic_uplink_upper(up, event, ptr);
	case NETDEV_CHANGE:
	case NETDEV_CHANGELOWERSTATE:
		/* A bond's speed is that of those in it. */
		if (dev != up->dev && vnic_uplink_has(up, dev))
			schedule_work(&net->speed_work);
		break;
	}
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

void vnic_uplink_init(struct vnic_net *net)
{
	INIT_WORK(&net->speed_work, vnic_uplink_speed_work);
	net->nb.notifier_call = vnic_uplink_event;
	net->speed = VNIC_PF_SPEED;
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
