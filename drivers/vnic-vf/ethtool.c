// SPDX-License-Identifier: GPL-2.0
/*
 * ethtool: statistics, rings, channels, link.  Under rtnl.
 */
#include <linux/ethtool.h>

#include <compat.h>

#include "vf.h"
#include "pp_stats.h"

/* ---- statistics: of the device, of each queue pair, of the page pools ---- */

struct vnicvf_stat {
	char	name[ETH_GSTRING_LEN];
	size_t	offset;
};

#define VNICVF_DEV_STAT(field)	{ "dev_" #field, offsetof(struct vnic_mbx_stats_all, stats.field) }
#define VNICVF_DEV_DROP(field)	{ "dev_" #field, offsetof(struct vnic_mbx_stats_all, drops.field) }
#define VNICVF_DEV_WAIT(field)	{ "dev_" #field, offsetof(struct vnic_mbx_stats_all, waited.field) }

static const struct vnicvf_stat vnicvf_dev_stats[] = {
	VNICVF_DEV_STAT(rx_drop_rate),
	VNICVF_DEV_STAT(rx_drop_nobuf),
	VNICVF_DEV_STAT(rx_drop_other),
	VNICVF_DEV_STAT(tx_drop_spoof),
	VNICVF_DEV_STAT(tx_drop_vlan),
	VNICVF_DEV_STAT(tx_drop_malformed),
	VNICVF_DEV_STAT(tx_drop_other),
	VNICVF_DEV_STAT(interrupts),
};

/* With VNIC_F_DROPS; the two "other" are what these leave then. */
static const struct vnicvf_stat vnicvf_dev_drops[] = {
	VNICVF_DEV_DROP(rx_drop_oversize),
	VNICVF_DEV_DROP(rx_drop_link),
	VNICVF_DEV_DROP(rx_drop_reset),
	VNICVF_DEV_DROP(rx_drop_memory),
	VNICVF_DEV_DROP(rx_drop_reclaim),
	VNICVF_DEV_DROP(tx_drop_control),
	VNICVF_DEV_DROP(tx_drop_link),
	VNICVF_DEV_DROP(tx_drop_nodest),
};

/* With VNIC_F_WAITED */
static const struct vnicvf_stat vnicvf_dev_waited[] = {
	VNICVF_DEV_WAIT(rx_drop_codel),
	VNICVF_DEV_WAIT(rx_marked),
};

#define VNICVF_TX_STAT(field)	{ #field, offsetof(struct vnicvf_tx_stats, field) }

static const struct vnicvf_stat vnicvf_tx_stats[] = {
	VNICVF_TX_STAT(packets),
	VNICVF_TX_STAT(bytes),
	VNICVF_TX_STAT(gso_packets),
	VNICVF_TX_STAT(gso_segs),
	VNICVF_TX_STAT(csum),
	VNICVF_TX_STAT(copied),
	VNICVF_TX_STAT(spared),
	VNICVF_TX_STAT(linearized),
	VNICVF_TX_STAT(dropped),
	VNICVF_TX_STAT(stops),
	VNICVF_TX_STAT(kicks),
	VNICVF_TX_STAT(xdp_frames),
	VNICVF_TX_STAT(xdp_full),
	VNICVF_TX_STAT(xsk_frames),
};

#define VNICVF_RX_STAT(field)	{ #field, offsetof(struct vnicvf_rx_stats, field) }

static const struct vnicvf_stat vnicvf_rx_stats[] = {
	VNICVF_RX_STAT(packets),
	VNICVF_RX_STAT(bytes),
	VNICVF_RX_STAT(multicast),
	VNICVF_RX_STAT(gso_packets),
	VNICVF_RX_STAT(gso_segs),
	VNICVF_RX_STAT(csum_ok),
	VNICVF_RX_STAT(csum_partial),
	VNICVF_RX_STAT(csum_none),
	VNICVF_RX_STAT(copied),
	VNICVF_RX_STAT(long_frames),
	VNICVF_RX_STAT(alloc_fail),
	VNICVF_RX_STAT(nomem),
	VNICVF_RX_STAT(errors),
	VNICVF_RX_STAT(aborted),
	VNICVF_RX_STAT(kicks),
	VNICVF_RX_STAT(interrupts),
	VNICVF_RX_STAT(xdp_pass),
	VNICVF_RX_STAT(xdp_drop),
	VNICVF_RX_STAT(xdp_tx),
	VNICVF_RX_STAT(xdp_redirect),
	VNICVF_RX_STAT(xdp_aborted),
	VNICVF_RX_STAT(xsk_starved),
};

#define VNICVF_QP_STATS	(ARRAY_SIZE(vnicvf_tx_stats) + ARRAY_SIZE(vnicvf_rx_stats))

static unsigned int vnicvf_num_dev_drops(const struct vnicvf *vf)
{
	return vnicvf_has(vf, VNIC_F_DROPS) ? ARRAY_SIZE(vnicvf_dev_drops) : 0;
}

static unsigned int vnicvf_num_dev_waited(const struct vnicvf *vf)
{
	return vnicvf_has(vf, VNIC_F_WAITED) ? ARRAY_SIZE(vnicvf_dev_waited) : 0;
}

static int vnicvf_get_sset_count(struct net_device *netdev, int sset)
{
	struct vnicvf *vf = netdev_priv(netdev);

	if (sset != ETH_SS_STATS)
		return -EOPNOTSUPP;
	return 2 + ARRAY_SIZE(vnicvf_dev_stats) + vnicvf_num_dev_drops(vf) +
	       vnicvf_num_dev_waited(vf) + vf->made_qps * VNICVF_QP_STATS +
	       page_pool_ethtool_stats_get_count();
}

static void vnicvf_get_strings(struct net_device *netdev, u32 sset, u8 *data)
{
	struct vnicvf *vf = netdev_priv(netdev);
	unsigned int i, j;

	if (sset != ETH_SS_STATS)
		return;
	ethtool_puts(&data, "resets");
	ethtool_puts(&data, "requests_refused");
	for (i = 0; i < ARRAY_SIZE(vnicvf_dev_stats); i++)
		ethtool_puts(&data, vnicvf_dev_stats[i].name);
	for (i = 0; i < vnicvf_num_dev_drops(vf); i++)
		ethtool_puts(&data, vnicvf_dev_drops[i].name);
	for (i = 0; i < vnicvf_num_dev_waited(vf); i++)
		ethtool_puts(&data, vnicvf_dev_waited[i].name);
	for (i = 0; i < vf->made_qps; i++) {
		for (j = 0; j < ARRAY_SIZE(vnicvf_tx_stats); j++)
			ethtool_sprintf(&data, "tx%u_%s", i, vnicvf_tx_stats[j].name);
		for (j = 0; j < ARRAY_SIZE(vnicvf_rx_stats); j++)
			ethtool_sprintf(&data, "rx%u_%s", i, vnicvf_rx_stats[j].name);
	}
	page_pool_ethtool_stats_get_strings(data);
}

/* The reasons that have a name of their own are not "other". */
static void vnicvf_split_other(struct vnic_mbx_stats_all *st)
{
	const struct vnic_mbx_drops *d = &st->drops;
	u64 rx = le64_to_cpu(d->rx_drop_oversize) + le64_to_cpu(d->rx_drop_link) +
		 le64_to_cpu(d->rx_drop_reset) + le64_to_cpu(d->rx_drop_memory) +
		 le64_to_cpu(d->rx_drop_reclaim) + le64_to_cpu(st->waited.rx_drop_codel);
	u64 tx = le64_to_cpu(d->tx_drop_control) + le64_to_cpu(d->tx_drop_link) +
		 le64_to_cpu(d->tx_drop_nodest);

	le64_add_cpu(&st->stats.rx_drop_other, -rx);
	le64_add_cpu(&st->stats.tx_drop_other, -tx);
}

/* Bytes of its answer */
static unsigned int vnicvf_dev_stats_len(const struct vnicvf *vf)
{
	if (!vnicvf_has(vf, VNIC_F_DROPS))
		return sizeof(struct vnic_mbx_stats);
	return vnicvf_has(vf, VNIC_F_WAITED) ? sizeof(struct vnic_mbx_stats_all) :
					       offsetof(struct vnic_mbx_stats_all, waited);
}

/* Ask the device.  While it does not answer its counters stay as they were last. */
void vnicvf_ask_dev_stats(struct vnicvf *vf)
{
	struct vnic_mbx_stats_all st = {};

	if (vnicvf_mbx_call(vf, VNIC_MBX_GET_STATS, NULL, 0, &st, vnicvf_dev_stats_len(vf)))
		return;
	if (vnicvf_has(vf, VNIC_F_DROPS))
		vnicvf_split_other(&st);
	vf->dev_stats = st;
}

static u64 *vnicvf_put_dev_stats(const struct vnicvf *vf, const struct vnicvf_stat *desc,
				 unsigned int n, u64 *data)
{
	const u8 *st = (const u8 *)&vf->dev_stats;
	unsigned int i;

	for (i = 0; i < n; i++)
		*data++ = le64_to_cpu(*(const __le64 *)(st + desc[i].offset));
	return data;
}

/* Counters of one ring, a consistent set. */
static u64 *vnicvf_read_stats(const void *stats, const struct u64_stats_sync *syncp,
			      const struct vnicvf_stat *desc, unsigned int n, u64 *data)
{
	unsigned int i, start;

	do {
		start = u64_stats_fetch_begin(syncp);
		for (i = 0; i < n; i++)
			data[i] = u64_stats_read((const u64_stats_t *)(stats + desc[i].offset));
	} while (u64_stats_fetch_retry(syncp, start));
	return data + n;
}

static void vnicvf_get_ethtool_stats(struct net_device *netdev, struct ethtool_stats *stats,
				     u64 *data)
{
	struct vnicvf *vf = netdev_priv(netdev);
	struct vnicvf_qp *qp;
	unsigned int i;

	*data++ = vf->resets;
	*data++ = READ_ONCE(vf->mbx.refused);
	vnicvf_ask_dev_stats(vf);
	data = vnicvf_put_dev_stats(vf, vnicvf_dev_stats, ARRAY_SIZE(vnicvf_dev_stats), data);
	data = vnicvf_put_dev_stats(vf, vnicvf_dev_drops, vnicvf_num_dev_drops(vf), data);
	data = vnicvf_put_dev_stats(vf, vnicvf_dev_waited, vnicvf_num_dev_waited(vf), data);
	for (i = 0; i < vf->made_qps; i++) {
		qp = &vf->qp[i];
		data = vnicvf_read_stats(&qp->tx.stats, &qp->tx.stats.syncp, vnicvf_tx_stats,
					 ARRAY_SIZE(vnicvf_tx_stats), data);
		data = vnicvf_read_stats(&qp->rx.stats, &qp->rx.stats.syncp, vnicvf_rx_stats,
					 ARRAY_SIZE(vnicvf_rx_stats), data);
	}
	vnicvf_pp_stats(vf, data);
}

/* ---- rings and channels ---- */

static void vnicvf_get_ringparam(struct net_device *netdev, struct ethtool_ringparam *ring,
				 struct kernel_ethtool_ringparam *kernel_ring,
				 struct netlink_ext_ack *extack)
{
	struct vnicvf *vf = netdev_priv(netdev);

	ring->rx_max_pending = VNIC_RING_MAX;
	ring->tx_max_pending = VNIC_RING_MAX;
	ring->rx_pending = vf->rx_size;
	ring->tx_pending = vf->tx_size;
}

static bool vnicvf_ring_size_ok(u32 size)
{
	return size >= VNIC_RING_MIN && size <= VNIC_RING_MAX && is_power_of_2(size);
}

static int vnicvf_set_ringparam(struct net_device *netdev, struct ethtool_ringparam *ring,
				struct kernel_ethtool_ringparam *kernel_ring,
				struct netlink_ext_ack *extack)
{
	struct vnicvf *vf = netdev_priv(netdev);
	u32 tx = vf->tx_size, rx = vf->rx_size;
	int err;

	if (!vnicvf_ring_size_ok(ring->tx_pending) || !vnicvf_ring_size_ok(ring->rx_pending)) {
		NL_SET_ERR_MSG_FMT_MOD(extack, "ring sizes are powers of two from %u to %u",
				       VNIC_RING_MIN, VNIC_RING_MAX);
		return -EINVAL;
	}
	if (ring->tx_pending == tx && ring->rx_pending == rx)
		return 0;
	vf->tx_size = ring->tx_pending;
	vf->rx_size = ring->rx_pending;
	err = vnicvf_restart(vf);
	if (err) {
		vf->tx_size = tx;
		vf->rx_size = rx;
		NL_SET_ERR_MSG_MOD(extack, "cannot make rings of that size; keeping the old ones");
	}
	return err;
}

static void vnicvf_get_channels(struct net_device *netdev, struct ethtool_channels *ch)
{
	struct vnicvf *vf = netdev_priv(netdev);

	ch->max_combined = vf->max_qps;
	ch->combined_count = vf->num_qps;
}

/* The core has checked the limits (one at least), and that no user's RSS table is cut off. */
static int vnicvf_set_channels(struct net_device *netdev, struct ethtool_channels *ch)
{
	struct vnicvf *vf = netdev_priv(netdev);

	return ch->combined_count == vf->num_qps ? 0 : vnicvf_set_num_qps(vf, ch->combined_count);
}

/* ---- queues and what chooses them ---- */

static u32 vnicvf_get_rx_ring_count(struct net_device *netdev)
{
	struct vnicvf *vf = netdev_priv(netdev);

	return vf->num_qps;
}

static int vnicvf_get_rxnfc(struct net_device *netdev, struct ethtool_rxnfc *info, u32 *rules)
{
	struct vnicvf *vf = netdev_priv(netdev);

	switch (info->cmd) {
	case ETHTOOL_GRXRINGS:
		info->data = vnicvf_get_rx_ring_count(netdev);
		return 0;
	case ETHTOOL_GRXFH:
		return VNIC_GET_RXFH_OF_RXNFC(vnicvf_get_rxfh_fields, netdev, info);
	case ETHTOOL_GRXCLSRLCNT:
		return vnicvf_list_rules(vf, info, NULL);
	case ETHTOOL_GRXCLSRLALL:
		return vnicvf_list_rules(vf, info, rules);
	case ETHTOOL_GRXCLSRULE:
		return vnicvf_get_rule(vf, info);
	default:
		return -EOPNOTSUPP;
	}
}

static int vnicvf_set_rxnfc(struct net_device *netdev, struct ethtool_rxnfc *info)
{
	switch (info->cmd) {
	case ETHTOOL_SRXFH:
		return VNIC_SET_RXFH_OF_RXNFC(vnicvf_set_rxfh_fields, netdev, info);
	case ETHTOOL_SRXCLSRLINS:
		return vnicvf_add_rule(netdev_priv(netdev), info);
	case ETHTOOL_SRXCLSRLDEL:
		return vnicvf_del_rule(netdev_priv(netdev), info->fs.location);
	default:
		return -EOPNOTSUPP;
	}
}

/* ---- the rest ---- */

static void vnicvf_get_drvinfo(struct net_device *netdev, struct ethtool_drvinfo *info)
{
	struct vnicvf *vf = netdev_priv(netdev);

	strscpy(info->driver, VNICVF_NAME, sizeof(info->driver));
	strscpy(info->bus_info, pci_name(vf->pdev), sizeof(info->bus_info));
	snprintf(info->fw_version, sizeof(info->fw_version), "interface %u", VNIC_VERSION_1);
}

static int vnicvf_get_link_ksettings(struct net_device *netdev, struct ethtool_link_ksettings *cmd)
{
	struct vnicvf *vf = netdev_priv(netdev);
	u32 speed = READ_ONCE(vf->speed);
	bool known = netif_carrier_ok(netdev) && speed;

	ethtool_link_ksettings_zero_link_mode(cmd, supported);
	ethtool_link_ksettings_zero_link_mode(cmd, advertising);
	cmd->base.speed = known ? speed : SPEED_UNKNOWN;
	cmd->base.duplex = known ? DUPLEX_FULL : DUPLEX_UNKNOWN;
	cmd->base.autoneg = AUTONEG_DISABLE;
	cmd->base.port = PORT_OTHER;
	return 0;
}

const struct ethtool_ops vnicvf_ethtool_ops = {
	/* RX and TX of a queue pair have one interrupt, so there is no TX_USECS. */
	.supported_coalesce_params = ETHTOOL_COALESCE_RX_USECS | ETHTOOL_COALESCE_MAX_FRAMES |
				     ETHTOOL_COALESCE_USE_ADAPTIVE_RX,
	VNIC_RSS_XFRM_CAP
	.rxfh_max_num_contexts	= VNIC_RSS_CONTEXTS + 1,
	.get_drvinfo		= vnicvf_get_drvinfo,
	.get_link		= ethtool_op_get_link,
	.get_link_ksettings	= vnicvf_get_link_ksettings,
	.get_ts_info		= ethtool_op_get_ts_info,
	.get_sset_count		= vnicvf_get_sset_count,
	.get_strings		= vnicvf_get_strings,
	.get_ethtool_stats	= vnicvf_get_ethtool_stats,
	.get_ringparam		= vnicvf_get_ringparam,
	.set_ringparam		= vnicvf_set_ringparam,
	.get_channels		= vnicvf_get_channels,
	.set_channels		= vnicvf_set_channels,
	.get_coalesce		= vnicvf_get_coalesce,
	.set_coalesce		= vnicvf_set_coalesce,
	.get_per_queue_coalesce	= vnicvf_get_queue_coalesce,
	.set_per_queue_coalesce	= vnicvf_set_queue_coalesce,
	.get_rxnfc		= vnicvf_get_rxnfc,
	.set_rxnfc		= vnicvf_set_rxnfc,
	VNIC_RX_RING_COUNT_OP(vnicvf_get_rx_ring_count)
	VNIC_GET_RXFH_FIELDS_OP(vnicvf_get_rxfh_fields)
	VNIC_SET_RXFH_FIELDS_OP(vnicvf_set_rxfh_fields)
	.get_rxfh_key_size	= vnicvf_get_rxfh_key_size,
	.get_rxfh_indir_size	= vnicvf_get_rxfh_indir_size,
	.get_rxfh		= vnicvf_get_rxfh,
	.set_rxfh		= vnicvf_set_rxfh,
	.create_rxfh_context	= vnicvf_create_context,
	.modify_rxfh_context	= vnicvf_modify_context,
	.remove_rxfh_context	= vnicvf_remove_context,
};
