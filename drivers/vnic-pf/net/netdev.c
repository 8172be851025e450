// SPDX-License-Identifier: GPL-2.0
/*
 * The PF netdev: the host's own port of the switch.
 *
 * It has no queue of its own, as macvlan and bridges have none: a frame is
 * switched in the sender's context.  What the uplink's queue answers goes back
 * to the sender; what a VF has no room for is dropped and counted at the VF.
 */
#include <linux/etherdevice.h>
#include <linux/ethtool.h>
#include <linux/if_vlan.h>
#include <net/dst.h>

#include "priv.h"

static netdev_tx_t vnic_pf_start_xmit(struct sk_buff *skb, struct net_device *dev)
{
	struct vnic_net *net = netdev_priv(dev);
	struct vnic_scratch *s;
	int rc;

	skb = skb_share_check(skb, GFP_ATOMIC);		/* pktgen's always are */
	if (!skb) {
		vnic_port_drop(&net->port, VNIC_DROP_TX_FAULT, 1);
		return NET_XMIT_DROP;
	}
	s = vnic_scratch_get(net);
	if (!s) {
		vnic_port_drop(&net->port, VNIC_DROP_TX_NODEST, 1);
		kfree_skb(skb);
		return NET_XMIT_DROP;
	}
	/* A VF may keep the skb as long as its guest likes, and frees it under locks: pages of
	 * MSG_ZEROCOPY would stay with it, and change, and their owner be woken there.
	 */
	if (skb_orphan_frags_rx(skb, GFP_ATOMIC)) {
		vnic_port_drop(&net->port, VNIC_DROP_TX_FAULT, 1);
		kfree_skb(skb);
		rc = NET_XMIT_DROP;
		goto out;
	}
	skb_dst_drop(skb);
	nf_reset_ct(skb);
	vnic_net_switch_skb(&net->port, s, skb);
	rc = s->rc;
out:
	vnic_scratch_put(net);
	return rc;
}

/* Frames for the host.  Queued for the NAPI context of this CPU, so that the
 * sender's preemption-disabled stretch stays short.
 */
static void vnic_pf_deliver(struct vnic_port *port, struct vnic_frame **frames, unsigned int n)
{
	struct vnic_net *net = port->priv;
	struct sk_buff *skb;
	unsigned int i;

	for (i = 0; i < n; i++) {
		skb = vnic_frame_take_skb(frames[i]);
		if (!skb) {
			vnic_port_drop(port, VNIC_DROP_RX_NOMEM, frames[i]->segs);
			continue;
		}
		skb->pkt_type = PACKET_HOST;	/* eth_type_trans() only changes it if not */
		skb->protocol = eth_type_trans(skb, net->dev);
		if (gro_cells_receive(&net->cells, skb) == NET_RX_SUCCESS)
			vnic_port_count_rx(port, frames[i]);
		else
			vnic_port_drop(port, VNIC_DROP_RX_NOBUF, frames[i]->segs);
	}
}

static const struct vnic_port_ops vnic_pf_port_ops = {
	.deliver	= vnic_pf_deliver,
};

static int vnic_pf_init(struct net_device *dev)
{
	struct vnic_net *net = netdev_priv(dev);

	return gro_cells_init(&net->cells, dev);
}

static void vnic_pf_uninit(struct net_device *dev)
{
	struct vnic_net *net = netdev_priv(dev);

	gro_cells_destroy(&net->cells);
}

static int vnic_pf_open(struct net_device *dev)
{
	struct vnic_net *net = netdev_priv(dev);

	vnic_port_guest_enable(&net->port, true);
	return 0;
}

static int vnic_pf_stop(struct net_device *dev)
{
	struct vnic_net *net = netdev_priv(dev);

	vnic_port_guest_enable(&net->port, false);
	return 0;
}

static int vnic_pf_set_mac(struct net_device *dev, void *addr)
{
	struct vnic_net *net = netdev_priv(dev);
	struct sockaddr *sa = addr;
	int err;

	err = eth_prepare_mac_addr_change(dev, addr);
	if (err)
		return err;
	err = vnic_port_set_mac(&net->port, sa->sa_data);
	if (err)
		return err;
	eth_commit_mac_addr_change(dev, addr);
	return 0;
}

static int vnic_pf_change_mtu(struct net_device *dev, int mtu)
{
	struct vnic_net *net = netdev_priv(dev);
	int err = vnic_port_guest_mtu(&net->port, mtu);

	if (err)
		return err;
	WRITE_ONCE(dev->mtu, mtu);
	return 0;
}

/* Addresses of @list into @addrs, as far as @room goes; their full number */
static unsigned int vnic_pf_copy_addrs(const struct netdev_hw_addr_list *list, u8 *addrs,
				       unsigned int room)
{
	struct netdev_hw_addr *ha;
	unsigned int n = 0;

	netdev_hw_addr_list_for_each(ha, list) {
		if (n < room)
			ether_addr_copy(addrs + n * ETH_ALEN, ha->addr);
		n++;
	}
	return n;
}

static void vnic_pf_queue_rx_mode(struct vnic_net *net, unsigned long delay)
{
	mod_delayed_work(system_long_wq, &net->rx_mode_work, delay);
}

/* The switch's configuration takes a mutex, ndo_set_rx_mode must not sleep.
 * More addresses than there are filters: all of their kind.
 */
static void vnic_pf_rx_mode_work(struct work_struct *work)
{
	struct vnic_net *net = container_of(to_delayed_work(work), struct vnic_net, rx_mode_work);
	struct net_device *dev = net->dev;
	unsigned int num_uc, num_mc;
	u8 *addrs = net->rx_addrs;
	u32 flags = 0;

	netif_addr_lock_bh(dev);
	if (dev->flags & IFF_PROMISC)
		flags |= VNIC_MODE_PROMISC | VNIC_MODE_ALLMULTI;
	if (dev->flags & IFF_ALLMULTI)
		flags |= VNIC_MODE_ALLMULTI;
	num_uc = vnic_pf_copy_addrs(&dev->uc, addrs, VNIC_FILTERS_MAX);
	if (num_uc > VNIC_FILTERS_MAX) {
		flags |= VNIC_MODE_PROMISC;
		num_uc = 0;
	}
	num_mc = vnic_pf_copy_addrs(&dev->mc, addrs + num_uc * ETH_ALEN,
				    VNIC_FILTERS_MAX - num_uc);
	if (num_mc > VNIC_FILTERS_MAX - num_uc) {
		flags |= VNIC_MODE_ALLMULTI;
		num_mc = 0;
	}
	netif_addr_unlock_bh(dev);
	/* Nobody will ask again. */
	if (vnic_port_guest_rx_mode(&net->port, flags, num_uc, num_mc, addrs) == -ENOMEM)
		vnic_pf_queue_rx_mode(net, HZ);
}

static void vnic_pf_set_rx_mode(struct net_device *dev)
{
	vnic_pf_queue_rx_mode(netdev_priv(dev), 0);
}

static int vnic_pf_vlan(struct net_device *dev, __be16 proto, u16 vid, bool add)
{
	struct vnic_net *net = netdev_priv(dev);

	if (!vid)	/* priority-tagged frames need no membership */
		return 0;
	return vnic_port_guest_vlan(&net->port, vid, ntohs(proto), add);
}

static int vnic_pf_vlan_add(struct net_device *dev, __be16 proto, u16 vid)
{
	return vnic_pf_vlan(dev, proto, vid, true);
}

static int vnic_pf_vlan_del(struct net_device *dev, __be16 proto, u16 vid)
{
	return vnic_pf_vlan(dev, proto, vid, false);
}

static void vnic_pf_get_stats64(struct net_device *dev, struct rtnl_link_stats64 *s)
{
	struct vnic_net *net = netdev_priv(dev);
	struct vnic_port_stats st;

	vnic_port_get_stats(&net->port, &st);
	s->rx_packets = st.rx_packets;
	s->rx_bytes = st.rx_bytes;
	s->multicast = st.rx_multicast;
	/* The core adds what its receive queues dropped. */
	s->rx_dropped = st.rx_dropped - st.drops[VNIC_DROP_RX_NOBUF];
	s->tx_packets = st.tx_packets;
	s->tx_bytes = st.tx_bytes;
	s->tx_dropped = st.tx_dropped;
}

static int vnic_pf_add_slave(struct net_device *dev, struct net_device *slave,
			     struct netlink_ext_ack *extack)
{
	return vnic_uplink_add(netdev_priv(dev), slave, extack);
}

static int vnic_pf_del_slave(struct net_device *dev, struct net_device *slave)
{
	return vnic_uplink_del(netdev_priv(dev), slave);
}

static const struct net_device_ops vnic_pf_netdev_ops = {
	.ndo_init		= vnic_pf_init,
	.ndo_uninit		= vnic_pf_uninit,
	.ndo_open		= vnic_pf_open,
	.ndo_stop		= vnic_pf_stop,
	.ndo_start_xmit		= vnic_pf_start_xmit,
	.ndo_set_rx_mode	= vnic_pf_set_rx_mode,
	.ndo_set_mac_address	= vnic_pf_set_mac,
	.ndo_validate_addr	= eth_validate_addr,
	.ndo_change_mtu		= vnic_pf_change_mtu,
	.ndo_get_stats64	= vnic_pf_get_stats64,
	.ndo_vlan_rx_add_vid	= vnic_pf_vlan_add,
	.ndo_vlan_rx_kill_vid	= vnic_pf_vlan_del,
	.ndo_add_slave		= vnic_pf_add_slave,
	.ndo_del_slave		= vnic_pf_del_slave,
	.ndo_set_vf_mac		= vnic_ndo_set_vf_mac,
	.ndo_set_vf_vlan	= vnic_ndo_set_vf_vlan,
	.ndo_set_vf_rate	= vnic_ndo_set_vf_rate,
	.ndo_set_vf_spoofchk	= vnic_ndo_set_vf_spoofchk,
	.ndo_set_vf_trust	= vnic_ndo_set_vf_trust,
	.ndo_set_vf_link_state	= vnic_ndo_set_vf_link_state,
	.ndo_get_vf_config	= vnic_ndo_get_vf_config,
	.ndo_get_vf_stats	= vnic_ndo_get_vf_stats,
};

static void vnic_pf_setup(struct net_device *dev, struct vnic_adapter *ad)
{
	u8 mac[ETH_ALEN];

	SET_NETDEV_DEV(dev, &ad->pf->dev);
	dev->netdev_ops = &vnic_pf_netdev_ops;
	dev->ethtool_ops = &vnic_pf_ethtool_ops;
	dev->min_mtu = VNIC_MTU_MIN;
	dev->max_mtu = VNIC_MTU_MAX;
	dev->lltx = true;
	dev->priv_flags |= IFF_NO_QUEUE | IFF_LIVE_ADDR_CHANGE | IFF_UNICAST_FLT |
			   IFF_DISABLE_NETPOLL;
	dev->hw_features = NETIF_F_SG | NETIF_F_HW_CSUM | NETIF_F_TSO | NETIF_F_TSO6 |
			   NETIF_F_GSO_UDP_L4;
	dev->vlan_features = dev->hw_features | NETIF_F_HIGHDMA;
	dev->features = dev->vlan_features |
			NETIF_F_HW_VLAN_CTAG_TX | NETIF_F_HW_VLAN_CTAG_RX |
			NETIF_F_HW_VLAN_CTAG_FILTER |
			NETIF_F_HW_VLAN_STAG_TX | NETIF_F_HW_VLAN_STAG_RX |
			NETIF_F_HW_VLAN_STAG_FILTER;
	if (vnic_address(ad->id, VNIC_ADDRESS_PF, mac))
		eth_hw_addr_set(dev, mac);
	else
		eth_hw_addr_random(dev);
}

/* The PF's port, disabled until the interface is up */
static int vnic_pf_port_init(struct vnic_net *net)
{
	int err;

	err = vnic_port_init(&net->port, net->ad->sw, VNIC_PORT_PF, 0, &vnic_pf_port_ops, net,
			     net->dev->dev_addr);
	if (err)
		return err;
	err = vnic_port_guest_mtu(&net->port, net->dev->mtu);
	if (err) {
		vnic_port_destroy(&net->port);
		return err;
	}
	vnic_port_guest_enable(&net->port, false);
	return 0;
}

int vnic_net_create(struct vnic_adapter *ad)
{
	struct net_device *dev;
	struct vnic_net *net;
	int err;

	dev = alloc_etherdev(sizeof(*net));
	if (!dev)
		return -ENOMEM;
	net = netdev_priv(dev);
	net->ad = ad;
	net->dev = dev;
	INIT_DELAYED_WORK(&net->rx_mode_work, vnic_pf_rx_mode_work);
	vnic_pf_setup(dev, ad);
	err = vnic_scratch_alloc(net);
	if (err)
		goto free_dev;
	vnic_uplink_init(net);
	err = vnic_pf_port_init(net);
	if (err)
		goto free_scratch;
	net->devlink = vnic_devlink_create(ad);
	if (IS_ERR(net->devlink)) {
		err = PTR_ERR(net->devlink);
		goto port_destroy;
	}
	net->health = vnic_health_create(net);
	if (IS_ERR(net->health)) {
		err = PTR_ERR(net->health);
		goto devlink_destroy;
	}
	netif_carrier_off(dev);	/* vnic_uplink_start() turns it on */
	err = register_netdev(dev);
	if (err)
		goto health_destroy;
	err = vnic_uplink_start(net);
	if (err)
		goto unregister;
	ad->net = net;
	return 0;

unregister:
	vnic_uplink_stop(net);
	unregister_netdev(dev);
	cancel_delayed_work_sync(&net->rx_mode_work);
health_destroy:
	vnic_health_destroy(net->health);
devlink_destroy:
	vnic_devlink_destroy(net->devlink);
port_destroy:
	vnic_port_destroy(&net->port);
free_scratch:
	free_percpu(net->scratch);
free_dev:
	free_netdev(dev);
	return err;
}

int vnic_net_add_vfs(struct vnic_adapter *ad, unsigned int n)
{
	return vnic_devlink_add_vfs(ad->net->devlink, n);
}

void vnic_net_del_vfs(struct vnic_adapter *ad)
{
	vnic_devlink_del_vfs(ad->net->devlink);
}

void vnic_net_destroy(struct vnic_adapter *ad)
{
	struct vnic_net *net = ad->net;

	ad->net = NULL;
	unregister_netdev(net->dev);	/* releases the uplink, and there can be no other then */
	vnic_uplink_stop(net);
	cancel_delayed_work_sync(&net->rx_mode_work);
	vnic_health_destroy(net->health);
	vnic_devlink_destroy(net->devlink);
	vnic_port_destroy(&net->port);
	free_percpu(net->scratch);
	free_netdev(net->dev);
}
