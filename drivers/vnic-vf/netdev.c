// SPDX-License-Identifier: GPL-2.0
/*
 * The net_device: open and stop, MTU, features, statistics, timeouts.
 * Everything here runs under rtnl unless noted.
 */
#include <net/netdev_queues.h>

#include "vf.h"

#define VNICVF_TX_TIMEOUT	(30 * HZ)	/* a VF shaped to 1 Mb/s takes 0.5 s a TSO frame */

static int vnicvf_open(struct net_device *netdev)
{
	struct vnicvf *vf = netdev_priv(netdev);
	int err;

	snprintf(vf->ctl_name, sizeof(vf->ctl_name), "%s-ctl", netdev->name);
	if (!READ_ONCE(vf->mbx.live)) {
		err = vnicvf_start(vf, vnicvf_wanted_features(vf, netdev->features));
		if (err)
			return err;
	}
	return vnicvf_up(vf);
}

static int vnicvf_stop(struct net_device *netdev)
{
	vnicvf_down(netdev_priv(netdev));
	return 0;
}

static int vnicvf_change_mtu(struct net_device *netdev, int mtu)
{
	struct vnicvf *vf = netdev_priv(netdev);
	unsigned int old = netdev->mtu;
	int err;

	if (vf->up && vnicvf_rx_buf_size(vf, mtu) == vnicvf_rx_buf_size(vf, old)) {
		err = vnicvf_mbx_u32(vf, VNIC_MBX_SET_MTU, mtu);
		if (!err)
			WRITE_ONCE(netdev->mtu, mtu);
		return err;
	}
	WRITE_ONCE(netdev->mtu, mtu);
	err = vnicvf_restart(vf);
	if (err)
		WRITE_ONCE(netdev->mtu, old);
	return err;
}

/* A program sees complete checksums and frames as on a wire. */
static netdev_features_t vnicvf_fix_features(struct net_device *netdev, netdev_features_t features)
{
	struct vnicvf *vf = netdev_priv(netdev);

	if (vf->prog)
		features &= ~(NETIF_F_RXCSUM | NETIF_F_GRO_HW);
	if (!vf->trusted && ~features & netdev->hw_features & VNICVF_VLAN_FILTERS) {
		features |= netdev->hw_features & VNICVF_VLAN_FILTERS;
		if (net_ratelimit())
			netdev_warn(netdev, "VLANs are filtered: the host does not trust this VF\n");
	}
	return features;
}

/* Receive offloads are agreed on in HELLO: changing them starts the device over.
 * What concerns sending is the stack's business.
 */
static int vnicvf_set_features(struct net_device *netdev, netdev_features_t features)
{
	struct vnicvf *vf = netdev_priv(netdev);
	u64 want = vnicvf_wanted_features(vf, features);
	int err;

	vnicvf_set_vlan_filter(vf, features);
	/* Detached: vnicvf_attach() will follow netdev->features. */
	if (want != vf->features && netif_device_present(netdev)) {
		vnicvf_detach(vf);
		err = vnicvf_attach(vf, want);
		if (err) {
			vnicvf_request_reset(vf);
			return err;
		}
	}
	vnicvf_set_ntuple(vf, features);	/* the last: rules that are gone are gone */
	return 0;
}

/* Context: the watchdog's timer. */
static void vnicvf_tx_timeout(struct net_device *netdev, unsigned int txqueue)
{
	struct vnicvf *vf = netdev_priv(netdev);
	struct vnicvf_qp *qp = &vf->qp[txqueue];

	if (vnicvf_load(&qp->tx.ev->cons) != READ_ONCE(qp->tx.clean)) {
		netdev_warn(netdev, "queue %u: completions without interrupt\n", txqueue);
		napi_schedule(&qp->napi);
		return;
	}
	vnicvf_request_reset(vf);
}

static void vnicvf_get_tx_stats(const struct vnicvf_tx_stats *st, struct netdev_queue_stats_tx *out)
{
	unsigned int start;

	do {
		start = u64_stats_fetch_begin(&st->syncp);
		out->packets = u64_stats_read(&st->packets);
		out->bytes = u64_stats_read(&st->bytes);
		out->needs_csum = u64_stats_read(&st->csum);
		out->hw_gso_packets = u64_stats_read(&st->gso_packets);
		out->hw_gso_wire_packets = u64_stats_read(&st->gso_segs);
		out->stop = u64_stats_read(&st->stops);
	} while (u64_stats_fetch_retry(&st->syncp, start));
}

static void vnicvf_get_rx_stats(const struct vnicvf_rx_stats *st, struct netdev_queue_stats_rx *out)
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
	} while (u64_stats_fetch_retry(&st->syncp, start));
}

static u64 vnicvf_get_stat(const u64_stats_t *stat, const struct u64_stats_sync *syncp)
{
	unsigned int start;
	u64 n;

	do {
		start = u64_stats_fetch_begin(syncp);
		n = u64_stats_read(stat);
	} while (u64_stats_fetch_retry(syncp, start));
	return n;
}

/* Context: any. */
static void vnicvf_get_stats64(struct net_device *netdev, struct rtnl_link_stats64 *out)
{
	struct vnicvf *vf = netdev_priv(netdev);
	struct netdev_queue_stats_rx rx;
	struct netdev_queue_stats_tx tx;
	unsigned int i;

	for (i = 0; i < vf->made_qps; i++) {
		const struct vnicvf_rx_stats *rxs = &vf->qp[i].rx.stats;
		const struct vnicvf_tx_stats *txs = &vf->qp[i].tx.stats;

		vnicvf_get_rx_stats(rxs, &rx);
		vnicvf_get_tx_stats(txs, &tx);
		out->multicast += vnicvf_get_stat(&rxs->multicast, &rxs->syncp);
		out->rx_packets += rx.packets;
		out->rx_bytes += rx.bytes;
		out->rx_dropped += vnicvf_get_stat(&rxs->nomem, &rxs->syncp) +
				   vnicvf_get_stat(&rxs->aborted, &rxs->syncp);
		out->rx_errors += vnicvf_get_stat(&rxs->errors, &rxs->syncp);
		out->tx_packets += tx.packets;
		out->tx_bytes += tx.bytes;
		out->tx_dropped += vnicvf_get_stat(&txs->dropped, &txs->syncp);
	}
}

static void vnicvf_queue_stats_rx(struct net_device *netdev, int i,
				  struct netdev_queue_stats_rx *out)
{
	struct vnicvf *vf = netdev_priv(netdev);

	vnicvf_get_rx_stats(&vf->qp[i].rx.stats, out);
}

static void vnicvf_queue_stats_tx(struct net_device *netdev, int i,
				  struct netdev_queue_stats_tx *out)
{
	struct vnicvf *vf = netdev_priv(netdev);

	vnicvf_get_tx_stats(&vf->qp[i].tx.stats, out);
}

/* What the device has dropped: it says so of the VF, not of queues. */
static void vnicvf_dev_drops(struct vnicvf *vf, struct netdev_queue_stats_rx *rx,
			     struct netdev_queue_stats_tx *tx)
{
	const struct vnic_mbx_stats *st = &vf->dev_stats.stats;
	const struct vnic_mbx_drops *d = &vf->dev_stats.drops;

	vnicvf_ask_dev_stats(vf);
	rx->hw_drop_overruns = le64_to_cpu(st->rx_drop_nobuf);
	rx->hw_drop_ratelimits = le64_to_cpu(st->rx_drop_rate);
	rx->hw_drops = rx->hw_drop_overruns + rx->hw_drop_ratelimits +
		       le64_to_cpu(st->rx_drop_other) + le64_to_cpu(d->rx_drop_oversize) +
		       le64_to_cpu(d->rx_drop_link) + le64_to_cpu(d->rx_drop_reset) +
		       le64_to_cpu(d->rx_drop_memory) + le64_to_cpu(d->rx_drop_reclaim) +
		       le64_to_cpu(vf->dev_stats.waited.rx_drop_codel);
	tx->hw_drop_errors = le64_to_cpu(st->tx_drop_malformed);
	tx->hw_drops = tx->hw_drop_errors + le64_to_cpu(st->tx_drop_spoof) +
		       le64_to_cpu(st->tx_drop_vlan) + le64_to_cpu(st->tx_drop_other) +
		       le64_to_cpu(d->tx_drop_control) + le64_to_cpu(d->tx_drop_link) +
		       le64_to_cpu(d->tx_drop_nodest);
}

/* What queue pairs have counted that are not in use now, and the device.  rtnl; sleeps. */
static void vnicvf_base_stats(struct net_device *netdev, struct netdev_queue_stats_rx *rx,
			      struct netdev_queue_stats_tx *tx)
{
	static const struct vnicvf_rx_stats no_rx;
	static const struct vnicvf_tx_stats no_tx;
	struct vnicvf *vf = netdev_priv(netdev);

	/* What is set here is what the core reports of the device as a whole. */
	vnicvf_get_rx_stats(&no_rx, rx);
	vnicvf_get_tx_stats(&no_tx, tx);
	vnicvf_dev_drops(vf, rx, tx);
	netdev_stat_queue_sum(netdev, netdev->real_num_rx_queues, vf->made_qps, rx,
			      netdev->real_num_tx_queues, vf->made_qps, tx);
}

static const struct netdev_stat_ops vnicvf_stat_ops = {
	.get_queue_stats_rx	= vnicvf_queue_stats_rx,
	.get_queue_stats_tx	= vnicvf_queue_stats_tx,
	.get_base_stats		= vnicvf_base_stats,
};

static const struct net_device_ops vnicvf_netdev_ops = {
	.ndo_open		= vnicvf_open,
	.ndo_stop		= vnicvf_stop,
	.ndo_start_xmit		= vnicvf_xmit,
	.ndo_features_check	= vnicvf_features_check,
	.ndo_set_rx_mode	= vnicvf_set_rx_mode,
	.ndo_set_mac_address	= vnicvf_set_mac,
	.ndo_validate_addr	= eth_validate_addr,
	.ndo_change_mtu		= vnicvf_change_mtu,
	.ndo_fix_features	= vnicvf_fix_features,
	.ndo_set_features	= vnicvf_set_features,
	.ndo_vlan_rx_add_vid	= vnicvf_vlan_add,
	.ndo_vlan_rx_kill_vid	= vnicvf_vlan_kill,
	.ndo_tx_timeout		= vnicvf_tx_timeout,
	.ndo_get_stats64	= vnicvf_get_stats64,
	.ndo_bpf		= vnicvf_bpf,
	.ndo_xdp_xmit		= vnicvf_xdp_xmit,
	.ndo_xsk_wakeup		= vnicvf_xsk_wakeup,
};

static netdev_features_t vnicvf_tx_features(const struct vnicvf *vf)
{
	netdev_features_t features = NETIF_F_SG;

	if (vnicvf_has(vf, VNIC_F_TX_CSUM))
		features |= NETIF_F_HW_CSUM;
	if (vnicvf_has(vf, VNIC_F_TX_TSO))
		features |= NETIF_F_TSO | NETIF_F_TSO6;
	return features;
}

static netdev_features_t vnicvf_rx_features(const struct vnicvf *vf)
{
	netdev_features_t features = 0;

	if (vnicvf_has(vf, VNIC_F_RX_CSUM))
		features |= NETIF_F_RXCSUM;
	if (vnicvf_has(vf, VNIC_F_RX_GSO))
		features |= NETIF_F_GRO_HW;
	if (vnicvf_has(vf, VNIC_F_RX_HASH))
		features |= NETIF_F_RXHASH;
	if (vnicvf_has(vf, VNIC_F_RULES))
		features |= NETIF_F_NTUPLE;
	return features;
}

/* Fill in the net_device from what HELLO agreed on; before registration. */
void vnicvf_netdev_setup(struct vnicvf *vf)
{
	struct net_device *netdev = vf->netdev;

	netdev->netdev_ops = &vnicvf_netdev_ops;
	netdev->ethtool_ops = &vnicvf_ethtool_ops;
	netdev->stat_ops = &vnicvf_stat_ops;
	netdev->watchdog_timeo = VNICVF_TX_TIMEOUT;
	netdev->min_mtu = VNIC_MTU_MIN;
	netdev->priv_flags |= IFF_UNICAST_FLT;
	netdev->hw_features = vnicvf_tx_features(vf) | vnicvf_rx_features(vf);
	netdev->vlan_features = vnicvf_tx_features(vf) | NETIF_F_HIGHDMA;
	netdev->features = netdev->hw_features | NETIF_F_HIGHDMA;
	if (vnicvf_has(vf, VNIC_F_VLAN_FILTER))
		netdev->features |= VNICVF_VLAN_FILTERS;
	if (vnicvf_has(vf, VNIC_F_VLAN_ALL))
		netdev->hw_features |= VNICVF_VLAN_FILTERS;
	netdev->xdp_features = NETDEV_XDP_ACT_BASIC | NETDEV_XDP_ACT_REDIRECT |
			       NETDEV_XDP_ACT_NDO_XMIT | NETDEV_XDP_ACT_RX_SG |
			       NETDEV_XDP_ACT_NDO_XMIT_SG;
	netdev->xdp_zc_max_segs = VNIC_TX_MAX_BUFS;
	if (IS_ENABLED(CONFIG_XDP_SOCKETS))
		netdev->xdp_features |= NETDEV_XDP_ACT_XSK_ZEROCOPY;
	vnicvf_rss_init(vf);
	netif_carrier_off(netdev);
}
