// SPDX-License-Identifier: GPL-2.0
/*
 * ethtool on the PF netdev: the counters of all ports by name.
 *
 * `ethtool -S`: the PF's drops by reason, the uplink's traffic and drops, the
 * drops of all VFs together by reason, and for each VF seven counters and who was
 * woken how often for it.  That is
 * the only place that shows the counters of 256 VFs (`ip -s link` ends at
 * 221), so none is left out however many there are.
 *
 * Context of everything here: process, under rtnl.
 */
#include <linux/ethtool.h>

#include "priv.h"

static const char vnic_total_names[][ETH_GSTRING_LEN] = {
	"rx_packets", "rx_bytes", "rx_dropped", "tx_packets", "tx_bytes", "tx_dropped",
};

/* of a VF, beside its totals */
#define VNIC_MARKED	"rx_marked"

/* struct vnic_fn_stats, in its order */
static const char vnic_fn_names[][ETH_GSTRING_LEN] = {
	"kicks", "kicks_page", "kicks_here", "wakeups", "interrupts",
};

#define VNIC_TOTALS	ARRAY_SIZE(vnic_total_names)
#define VNIC_FN_STATS	ARRAY_SIZE(vnic_fn_names)
#define VNIC_VF_STATS	(VNIC_TOTALS + 1 + VNIC_FN_STATS)
static_assert(sizeof(struct vnic_fn_stats) == VNIC_FN_STATS * sizeof(u64));

static u64 *vnic_put_totals(u64 *data, const struct vnic_port_stats *st)
{
	*data++ = st->rx_packets;
	*data++ = st->rx_bytes;
	*data++ = st->rx_dropped;
	*data++ = st->tx_packets;
	*data++ = st->tx_bytes;
	*data++ = st->tx_dropped;
	return data;
}

static u64 *vnic_put_drops(u64 *data, const struct vnic_port_stats *st)
{
	memcpy(data, st->drops, sizeof(st->drops));
	return data + VNIC_DROP_MAX;
}

static void vnic_get_drvinfo(struct net_device *dev, struct ethtool_drvinfo *info)
{
	struct vnic_net *net = netdev_priv(dev);

	strscpy(info->driver, "vnic-pf", sizeof(info->driver));
	strscpy(info->fw_version, VNIC_RELEASE, sizeof(info->fw_version));
	strscpy(info->bus_info, pci_name(net->ad->pf), sizeof(info->bus_info));
}

static int vnic_get_link_ksettings(struct net_device *dev, struct ethtool_link_ksettings *ks)
{
	struct vnic_net *net = netdev_priv(dev);
	struct vnic_port_info info;
	bool known;

	vnic_port_get_info(&net->port, &info);
	known = netif_carrier_ok(dev) && info.speed;
	ks->base.port = PORT_OTHER;
	ks->base.autoneg = AUTONEG_DISABLE;
	ks->base.duplex = known ? DUPLEX_FULL : DUPLEX_UNKNOWN;
	ks->base.speed = known ? info.speed : SPEED_UNKNOWN;
	return 0;
}

/* PF drops, uplink totals and drops, VF drops, totals and work of each VF */
static int vnic_get_sset_count(struct net_device *dev, int sset)
{
	struct vnic_net *net = netdev_priv(dev);

	if (sset != ETH_SS_STATS)
		return -EOPNOTSUPP;
	return 3 * VNIC_DROP_MAX + VNIC_TOTALS + VNIC_VF_STATS * net->ad->num_vfs;
}

static void vnic_put_names(u8 **data, const char *prefix, const char (*names)[ETH_GSTRING_LEN],
			   unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		ethtool_sprintf(data, "%s%s", prefix, names[i]);
}

static void vnic_get_strings(struct net_device *dev, u32 sset, u8 *data)
{
	struct vnic_net *net = netdev_priv(dev);
	char prefix[ETH_GSTRING_LEN];
	unsigned int i;

	if (sset != ETH_SS_STATS)
		return;
	vnic_put_names(&data, "", vnic_drop_names, VNIC_DROP_MAX);
	vnic_put_names(&data, "uplink_", vnic_total_names, VNIC_TOTALS);
	vnic_put_names(&data, "uplink_", vnic_drop_names, VNIC_DROP_MAX);
	vnic_put_names(&data, "vfs_", vnic_drop_names, VNIC_DROP_MAX);
	for (i = 0; i < net->ad->num_vfs; i++) {
		snprintf(prefix, sizeof(prefix), "vf%u_", i);
		vnic_put_names(&data, prefix, vnic_total_names, VNIC_TOTALS);
		ethtool_sprintf(&data, "%s%s", prefix, VNIC_MARKED);
		vnic_put_names(&data, prefix, vnic_fn_names, VNIC_FN_STATS);
	}
}

static void vnic_get_vf_stats(struct vnic_net *net, u64 *drops, u64 *data)
{
	struct vnic_fn_stats work;
	struct vnic_port_stats st;
	struct vnic_fn *fn;
	unsigned int i, d;

	memset(drops, 0, VNIC_DROP_MAX * sizeof(*drops));
	for (i = 0; i < net->ad->num_vfs; i++) {
		fn = rtnl_dereference(net->ad->vfs[i]);
		memset(&st, 0, sizeof(st));
		memset(&work, 0, sizeof(work));
		if (fn) {
			vnic_port_get_stats(&fn->port, &st);
			vnic_fn_get_stats(fn, &work);
		}
		for (d = 0; d < VNIC_DROP_MAX; d++)
			drops[d] += st.drops[d];
		data = vnic_put_totals(data, &st);
		*data++ = st.rx_marked;
		memcpy(data, &work, sizeof(work));
		data += VNIC_FN_STATS;
	}
}

static void vnic_get_ethtool_stats(struct net_device *dev, struct ethtool_stats *stats, u64 *data)
{
	struct vnic_net *net = netdev_priv(dev);
	struct vnic_port *uplink = vnic_uplink_port(net);
	struct vnic_port_stats st;

	vnic_port_get_stats(&net->port, &st);
	data = vnic_put_drops(data, &st);
	if (uplink)
		vnic_port_get_stats(uplink, &st);
	else
		memset(&st, 0, sizeof(st));
	data = vnic_put_totals(data, &st);
	data = vnic_put_drops(data, &st);
	vnic_get_vf_stats(net, data, data + VNIC_DROP_MAX);
}

const struct ethtool_ops vnic_pf_ethtool_ops = {
	.get_drvinfo		= vnic_get_drvinfo,
	.get_link		= ethtool_op_get_link,
	.get_link_ksettings	= vnic_get_link_ksettings,
	.get_ts_info		= ethtool_op_get_ts_info,
	.get_sset_count		= vnic_get_sset_count,
	.get_strings		= vnic_get_strings,
	.get_ethtool_stats	= vnic_get_ethtool_stats,
};
