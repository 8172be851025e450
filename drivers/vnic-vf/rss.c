// SPDX-License-Identifier: GPL-2.0
/*
 * Which queue a flow is received on: key and table of the device's hash, as ethtool
 * -x and -X show and set them.  Under rtnl.
 */
#include <linux/ethtool.h>

#include "vf.h"

int vnicvf_set_rss(struct vnicvf *vf)
{
	struct vnic_mbx_rss req;

	if (!vnicvf_has(vf, VNIC_F_RSS))
		return 0;
	memcpy(req.key, vf->rss_key, sizeof(req.key));
	memcpy(req.table, vf->rss_table, sizeof(req.table));
	return vnicvf_mbx_call(vf, VNIC_MBX_SET_RSS, &req, sizeof(req), NULL, 0);
}

/* Spread evenly, unless the user made a table of his own that still fits. */
void vnicvf_rss_default(struct vnicvf *vf)
{
	bool fits = netif_is_rxfh_configured(vf->netdev);
	unsigned int i;

	for (i = 0; i < VNIC_RSS_ENTRIES; i++)
		fits = fits && vf->rss_table[i] < vf->num_qps;
	if (fits)
		return;
	for (i = 0; i < VNIC_RSS_ENTRIES; i++)
		vf->rss_table[i] = ethtool_rxfh_indir_default(i, vf->num_qps);
}

u32 vnicvf_get_rxfh_key_size(struct net_device *netdev)
{
	return vnicvf_has(netdev_priv(netdev), VNIC_F_RSS) ? VNIC_RSS_KEY_LEN : 0;
}

u32 vnicvf_get_rxfh_indir_size(struct net_device *netdev)
{
	return vnicvf_has(netdev_priv(netdev), VNIC_F_RSS) ? VNIC_RSS_ENTRIES : 0;
}

int vnicvf_get_rxfh(struct net_device *netdev, struct ethtool_rxfh_param *rxfh)
{
	struct vnicvf *vf = netdev_priv(netdev);
	unsigned int i;

	if (!vnicvf_has(vf, VNIC_F_RSS))
		return -EOPNOTSUPP;
	rxfh->hfunc = ETH_RSS_HASH_TOP;
	if (rxfh->key)
		memcpy(rxfh->key, vf->rss_key, VNIC_RSS_KEY_LEN);
	for (i = 0; rxfh->indir && i < VNIC_RSS_ENTRIES; i++)
		rxfh->indir[i] = vf->rss_table[i];
	return 0;
}

int vnicvf_set_rxfh(struct net_device *netdev, struct ethtool_rxfh_param *rxfh,
		    struct netlink_ext_ack *extack)
{
	struct vnicvf *vf = netdev_priv(netdev);
	u8 table[VNIC_RSS_ENTRIES], key[VNIC_RSS_KEY_LEN];
	unsigned int i;
	int err;

	if (!vnicvf_has(vf, VNIC_F_RSS))
		return -EOPNOTSUPP;
	if (rxfh->hfunc != ETH_RSS_HASH_NO_CHANGE && rxfh->hfunc != ETH_RSS_HASH_TOP) {
		NL_SET_ERR_MSG_MOD(extack, "the hash function is toeplitz");
		return -EOPNOTSUPP;
	}
	memcpy(table, vf->rss_table, sizeof(table));
	memcpy(key, vf->rss_key, sizeof(key));
	if (rxfh->key)
		memcpy(vf->rss_key, rxfh->key, sizeof(key));
	for (i = 0; rxfh->indir && i < VNIC_RSS_ENTRIES; i++)
		vf->rss_table[i] = rxfh->indir[i];
	if (!vf->up)
		return 0;	/* vnicvf_up() sends it */
	err = vnicvf_set_rss(vf);
	if (err) {
		memcpy(vf->rss_table, table, sizeof(table));
		memcpy(vf->rss_key, key, sizeof(key));
	}
	return err;
}
