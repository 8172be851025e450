// SPDX-License-Identifier: GPL-2.0
/*
 * The net_device: open and stop, MTU, features, statistics, timeouts.
 * Everything here runs under rtnl unless noted.
 */
#include <net/netdev_queues.h>

#include "vf.h"

#define VNIC_TX_TIMEOUT		(30 * HZ)	/* a VF shaped to 1 Mb/s takes 0.5 s a TSO frame */

static int vnic_open(struct net_device *netdev)
{
	struct vnic_vf *vf = netdev_priv(netdev);
	int err;

	snprintf(vf->ctl_name, sizeof(vf->ctl_name), "%s-ctl", netdev->name);
	if (!READ_ONCE(vf->mbx.live)) {
		err = vnic_start(vf, vnic_wanted_features(vf, netdev->features));
		if (err)
			return err;
	}
	return vnic_up(vf);
}

static int vnic_stop(struct net_device *netdev)
{
	vnic_down(netdev_priv(netdev));
	return 0;
}

static int vnic_change_mtu(struct net_device *netdev, int mtu)
{
	struct vnic_vf *vf = netdev_priv(netdev);
	unsigned int old = netdev->mtu;
	int err;

	if (vf->up && vnic_rx_buf_size(vf, mtu) == vnic_rx_buf_size(vf, old)) {
		err = vnic_mbx_u32(vf, VNIC_MBX_SET_MTU, mtu);
		if (!err)
			WRITE_ONCE(netdev->mtu, mtu);
		return err;
	}
	WRITE_ONCE(netdev->mtu, mtu);
	err = vnic_restart(vf);
	if (err)
		WRITE_ONCE(netdev->mtu, old);
	return err;
}

/* A program sees complete checksums and frames as on a wire. */
static netdev_features_t vnic_fix_features(struct net_device *netdev, netdev_features_t features)
{
	struct vnic_vf *vf = netdev_priv(netdev);

	if (vf->prog)
		features &= ~(NETIF_F_RXCSUM | NETIF_F_GRO_HW);
	if (!vf->trusted && ~features & netdev->hw_features & VNIC_VLAN_FILTERS) {
		features |= netdev->hw_features & VNIC_VLAN_FILTERS;
		if (net_ratelimit())
			netdev_warn(netdev, "VLANs are filtered: the host does not trust this VF\n");
	}
	return features;
}

/* Receive offloads are agreed on in HELLO: changing them starts the device over.
 * What concerns sending is the stack's business.
 */
static int vnic_set_features(struct net_device *netdev, netdev_features_t features)
{
	struct vnic_vf *vf = netdev_priv(netdev);
	u64 want = vnic_wanted_features(vf, features);
	int err;

	vnic_set_vlan_filter(vf, features);
	/* Detached: vnic_attach() will follow netdev->features. */
	if (want == vf->features || !netif_device_present(netdev))
		return 0;
	vnic_detach(vf);
	err = vnic_attach(vf, want);
	if (err)
		vnic_request_reset(vf);
	return err;
}

/* Context: the watchdog's timer. */
static void vnic_tx_timeout(struct net_device *netdev, unsigned int txqueue)
{
	struct vnic_vf *vf = netdev_priv(netdev);
	struct vnic_qp *qp = &vf->qp[txqueue];

	if (vnic_load(&qp->tx.ev->cons) != READ_ONCE(qp->tx.clean)) {
		netdev_warn(netdev, "queue %u: completions without interrupt\n", txqueue);
		napi_schedule(&qp->napi);
		return;
	}
	vnic_request_reset(vf);
}

static void vnic_get_tx_stats(const struct vnic_tx_stats *st, struct netdev_queue_stats_tx *out)
{
	unsigned int start;

	do {
		start = u64_stats_fetch_begin(&st->syncp);
		out->packets = u64_stats_read(&st->packets);
		out->bytes = u64_stats_read(&st->bytes);
		out->needs_csum = u64_stats_read(&st->csum);
		out->hw_gso_packets = u64_stats_read(&st->gso_packets);
		out->hw_gso_wire_packets = u64_stats_read(&st->gso_segs);
		out->hw_drop_errors = u64_stats_read(&st->dropped);
		out->stop = u64_stats_read(&st->stops);
	} while (u64_stats_fetch_retry(&st->syncp, start));
}

static void vnic_get_rx_stats(const struct vnic_rx_stats *st, struct netdev_queue_stats_rx *out)
{
	unsigned int start;

	do {
		start = u64_stats_fetch_begin(&st->syncp);
		out->packets = u64_stats_read(&st->packets);
		out->bytes = u64_stats_read(&st->bytes);
		out->alloc_fail = u64_stats_read(&st->alloc_fail);
		out->csum_unnecessary = u64_stats_read(&st->csum_ok);
		out->csum_none = u64_stats_read(&st->csum_none);
		out->hw_gro_packets = u64_stats_read(&st->gso_packets);
		out->hw_gro_wire_packets = u64_stats_read(&st->gso_segs);
		out->hw_drops = u64_stats_read(&st->errors);
	} while (u64_stats_fetch_retry(&st->syncp, start));
}

static u64 vnic_get_multicast(const struct vnic_rx_stats *st)
{
	unsigned int start;
	u64 n;

	do {
		start = u64_stats_fetch_begin(&st->syncp);
		n = u64_stats_read(&st->multicast);
	} while (u64_stats_fetch_retry(&st->syncp, start));
	return n;
}

/* Context: any. */
static void vnic_get_stats64(struct net_device *netdev, struct rtnl_link_stats64 *out)
{
	struct vnic_vf *vf = netdev_priv(netdev);
	struct netdev_queue_stats_rx rx;
	struct netdev_queue_stats_tx tx;
	unsigned int i;

	for (i = 0; i < vf->made_qps; i++) {
		out->multicast += vnic_get_multicast(&vf->qp[i].rx.stats);
		vnic_get_rx_stats(&vf->qp[i].rx.stats, &rx);
		vnic_get_tx_stats(&vf->qp[i].tx.stats, &tx);
		out->rx_packets += rx.packets;
		out->rx_bytes += rx.bytes;
		out->rx_dropped += rx.alloc_fail;
		out->rx_errors += rx.hw_drops;
		out->tx_packets += tx.packets;
		out->tx_bytes += tx.bytes;
		out->tx_dropped += tx.hw_drop_errors;
	}
}

static void vnic_queue_stats_rx(struct net_device *netdev, int i, struct netdev_queue_stats_rx *out)
{
	struct vnic_vf *vf = netdev_priv(netdev);

	vnic_get_rx_stats(&vf->qp[i].rx.stats, out);
}

static void vnic_queue_stats_tx(struct net_device *netdev, int i, struct netdev_queue_stats_tx *out)
{
	struct vnic_vf *vf = netdev_priv(netdev);

	vnic_get_tx_stats(&vf->qp[i].tx.stats, out);
}

/* What queue pairs have counted that are not in use now. */
static void vnic_base_stats(struct net_device *netdev, struct netdev_queue_stats_rx *rx,
			    struct netdev_queue_stats_tx *tx)
{
	static const struct vnic_rx_stats no_rx;
	static const struct vnic_tx_stats no_tx;
	struct vnic_vf *vf = netdev_priv(netdev);

	/* What is set here is what the core reports of the device as a whole. */
	vnic_get_rx_stats(&no_rx, rx);
	vnic_get_tx_stats(&no_tx, tx);
	netdev_stat_queue_sum(netdev, netdev->real_num_rx_queues, vf->made_qps, rx,
			      netdev->real_num_tx_queues, vf->made_qps, tx);
}

static const struct netdev_stat_ops vnic_stat_ops = {
	.get_queue_stats_rx	= vnic_queue_stats_rx,
	.get_queue_stats_tx	= vnic_queue_stats_tx,
	.get_base_stats		= vnic_base_stats,
};

static const struct net_device_ops vnic_netdev_ops = {
	.ndo_open		= vnic_open,
	.ndo_stop		= vnic_stop,
	.ndo_start_xmit		= vnic_xmit,
	.ndo_features_check	= vnic_features_check,
	.ndo_set_rx_mode	= vnic_set_rx_mode,
	.ndo_set_mac_address	= vnic_set_mac,
	.ndo_validate_addr	= eth_validate_addr,
	.ndo_change_mtu		= vnic_change_mtu,
	.ndo_fix_features	= vnic_fix_features,
	.ndo_set_features	= vnic_set_features,
	.ndo_vlan_rx_add_vid	= vnic_vlan_add,
	.ndo_vlan_rx_kill_vid	= vnic_vlan_kill,
	.ndo_tx_timeout		= vnic_tx_timeout,
	.ndo_get_stats64	= vnic_get_stats64,
	.ndo_bpf		= vnic_bpf,
	.ndo_xdp_xmit		= vnic_xdp_xmit,
};

static netdev_features_t vnic_tx_features(const struct vnic_vf *vf)
{
	netdev_features_t features = NETIF_F_SG;

	if (vnic_has(vf, VNIC_F_TX_CSUM))
		features |= NETIF_F_HW_CSUM;
	if (vnic_has(vf, VNIC_F_TX_TSO))
		features |= NETIF_F_TSO | NETIF_F_TSO6;
	return features;
}

static netdev_features_t vnic_rx_features(const struct vnic_vf *vf)
{
	netdev_features_t features = 0;

	if (vnic_has(vf, VNIC_F_RX_CSUM))
		features |= NETIF_F_RXCSUM;
	if (vnic_has(vf, VNIC_F_RX_GSO))
		features |= NETIF_F_GRO_HW;
	if (vnic_has(vf, VNIC_F_RX_HASH))
		features |= NETIF_F_RXHASH;
	return features;
}

/* Fill in the net_device from what HELLO agreed on; before registration. */
void vnic_netdev_setup(struct vnic_vf *vf)
{
	struct net_device *netdev = vf->netdev;

	netdev->netdev_ops = &vnic_netdev_ops;
	netdev->ethtool_ops = &vnic_ethtool_ops;
	netdev->stat_ops = &vnic_stat_ops;
	netdev->watchdog_timeo = VNIC_TX_TIMEOUT;
	netdev->min_mtu = VNIC_MTU_MIN;
	netdev->priv_flags |= IFF_UNICAST_FLT;
	netdev->hw_features = vnic_tx_features(vf) | vnic_rx_features(vf);
	netdev->vlan_features = vnic_tx_features(vf) | NETIF_F_HIGHDMA;
	netdev->features = netdev->hw_features | NETIF_F_HIGHDMA;
	if (vnic_has(vf, VNIC_F_VLAN_FILTER))
		netdev->features |= VNIC_VLAN_FILTERS;
	if (vnic_has(vf, VNIC_F_VLAN_ALL))
		netdev->hw_features |= VNIC_VLAN_FILTERS;
	netdev->xdp_features = NETDEV_XDP_ACT_BASIC | NETDEV_XDP_ACT_REDIRECT |
			       NETDEV_XDP_ACT_NDO_XMIT;
	netdev_rss_key_fill(vf->rss_key, sizeof(vf->rss_key));
	netif_carrier_off(netdev);
}
