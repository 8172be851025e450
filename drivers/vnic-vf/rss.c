// SPDX-License-Identifier: GPL-2.0
/*
 * Which queue a flow is received on: key and table of the device's hash, as ethtool
 * -x and -X show and set them, and what is hashed (-n and -N rx-flow-hash).  Under rtnl.
 */
#include <linux/ethtool.h>

#include "vf.h"

/* RXH_XFRM_* by VNIC_HASH_X_* */
static const u8 vnicvf_rxfh_xfrm[] = {
	[VNIC_HASH_X_NONE]	= 0,
	[VNIC_HASH_X_XOR]	= RXH_XFRM_SYM_XOR,
	[VNIC_HASH_X_OR_XOR]	= RXH_XFRM_SYM_OR_XOR,
};

/* What the device's hash is made of, as it understands it */
static int vnicvf_send_hash(struct vnicvf *vf, const struct vnic_mbx_hash *hash)
{
	if (!vnicvf_has(vf, VNIC_F_HASH_FIELDS))
		return 0;
	return vnicvf_mbx_call(vf, VNIC_MBX_SET_HASH, hash, sizeof(*hash), NULL, 0);
}

int vnicvf_set_rss(struct vnicvf *vf)
{
	struct vnic_mbx_rss req;
	int err;

	if (!vnicvf_has(vf, VNIC_F_RSS))
		return 0;
	memcpy(req.key, vf->rss_key, sizeof(req.key));
	memcpy(req.table, vf->rss_table, sizeof(req.table));
	err = vnicvf_send_hash(vf, &vf->rss_hash);
	return err ?: vnicvf_mbx_call(vf, VNIC_MBX_SET_RSS, &req, sizeof(req), NULL, 0);
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
	rxfh->input_xfrm = vnicvf_rxfh_xfrm[vf->rss_hash.xfrm];
	if (rxfh->key)
		memcpy(rxfh->key, vf->rss_key, VNIC_RSS_KEY_LEN);
	for (i = 0; rxfh->indir && i < VNIC_RSS_ENTRIES; i++)
		rxfh->indir[i] = vf->rss_table[i];
	return 0;
}

/* @xfrm as ethtool has it, into @hash */
static int vnicvf_take_xfrm(const struct vnicvf *vf, u8 xfrm, struct vnic_mbx_hash *hash,
			    struct netlink_ext_ack *extack)
{
	u8 i;

	if (xfrm == RXH_XFRM_NO_CHANGE)
		return 0;
	for (i = 0; i < ARRAY_SIZE(vnicvf_rxfh_xfrm); i++)
		if (vnicvf_rxfh_xfrm[i] == xfrm)
			break;
	if (i == ARRAY_SIZE(vnicvf_rxfh_xfrm)) {
		NL_SET_ERR_MSG_MOD(extack, "one of symmetric-xor and symmetric-or-xor, or none");
		return -EOPNOTSUPP;
	}
	if (i && !vnicvf_has(vf, VNIC_F_HASH_FIELDS)) {
		NL_SET_ERR_MSG_MOD(extack, "this device has no symmetric hash");
		return -EOPNOTSUPP;
	}
	hash->xfrm = i;
	return 0;
}

/* All contexts have that key, but some kernels keep, and show, one of each. */
static void vnicvf_share_key(struct vnicvf *vf)
{
	struct ethtool_rxfh_context *ctx;
	unsigned long id;

	xa_for_each(&vf->netdev->ethtool->rss_ctx, id, ctx)
		memcpy(ethtool_rxfh_context_key(ctx), vf->rss_key, sizeof(vf->rss_key));
}

int vnicvf_set_rxfh(struct net_device *netdev, struct ethtool_rxfh_param *rxfh,
		    struct netlink_ext_ack *extack)
{
	struct vnicvf *vf = netdev_priv(netdev);
	u8 table[VNIC_RSS_ENTRIES], key[VNIC_RSS_KEY_LEN];
	struct vnic_mbx_hash hash = vf->rss_hash, old = hash;
	unsigned int i;
	int err;

	if (!vnicvf_has(vf, VNIC_F_RSS))
		return -EOPNOTSUPP;
	if (rxfh->hfunc != ETH_RSS_HASH_NO_CHANGE && rxfh->hfunc != ETH_RSS_HASH_TOP) {
		NL_SET_ERR_MSG_MOD(extack, "the hash function is toeplitz");
		return -EOPNOTSUPP;
	}
	err = vnicvf_take_xfrm(vf, rxfh->input_xfrm, &hash, extack);
	if (err)
		return err;
	memcpy(table, vf->rss_table, sizeof(table));
	memcpy(key, vf->rss_key, sizeof(key));
	vf->rss_hash = hash;
	if (rxfh->key)
		memcpy(vf->rss_key, rxfh->key, sizeof(key));
	for (i = 0; rxfh->indir && i < VNIC_RSS_ENTRIES; i++)
		vf->rss_table[i] = rxfh->indir[i];
	err = vf->up ? vnicvf_set_rss(vf) : 0;	/* or vnicvf_up() sends it */
	if (!err) {
		vnicvf_share_key(vf);
	} else {
		memcpy(vf->rss_table, table, sizeof(table));
		memcpy(vf->rss_key, key, sizeof(key));
		vf->rss_hash = old;
	}
	return err;
}

/* ---- what of a frame is hashed ---- */

/* RXH_* by bit of VNIC_HASH_F_* */
static const u32 vnicvf_rxfh_fields[] = {
	RXH_IP_SRC, RXH_IP_DST, RXH_L4_B_0_1, RXH_L4_B_2_3,
};

/* VNIC_HASH_K_* of a flow of ethtool's, or -EOPNOTSUPP */
static int vnicvf_hash_kind(u32 flow_type)
{
	switch (flow_type) {
	case TCP_V4_FLOW:
		return VNIC_HASH_K_TCP4;
	case UDP_V4_FLOW:
		return VNIC_HASH_K_UDP4;
	case TCP_V6_FLOW:
		return VNIC_HASH_K_TCP6;
	case UDP_V6_FLOW:
		return VNIC_HASH_K_UDP6;
	case SCTP_V4_FLOW:
	case IPV4_FLOW:
		return VNIC_HASH_K_IPV4;
	case SCTP_V6_FLOW:
	case IPV6_FLOW:
		return VNIC_HASH_K_IPV6;
	default:
		return -EOPNOTSUPP;
	}
}

int vnicvf_get_rxfh_fields(struct net_device *netdev, struct ethtool_rxfh_fields *info)
{
	struct vnicvf *vf = netdev_priv(netdev);
	unsigned int i;
	int kind;

	info->data = 0;
	if (!vnicvf_has(vf, VNIC_F_RSS))
		return 0;
	kind = vnicvf_hash_kind(info->flow_type);
	if (kind < 0)
		return kind;
	for (i = 0; i < ARRAY_SIZE(vnicvf_rxfh_fields); i++)
		if (vf->rss_hash.fields[kind] & BIT(i))
			info->data |= vnicvf_rxfh_fields[i];
	return 0;
}

/* VNIC_HASH_F_* of RXH_*; -1: there is more in it, or ports where there are none */
static int vnicvf_hash_fields(u64 rxh, bool ports)
{
	unsigned int i;
	int fields = 0;

	for (i = 0; i < ARRAY_SIZE(vnicvf_rxfh_fields); i++) {
		if (rxh & vnicvf_rxfh_fields[i])
			fields |= BIT(i);
		rxh &= ~(u64)vnicvf_rxfh_fields[i];
	}
	return rxh || (fields & VNIC_HASH_F_PORTS && !ports) ? -1 : fields;
}

/* @extack may be NULL: by ioctl, and so by ethtool -N. */
int vnicvf_set_rxfh_fields(struct net_device *netdev, const struct ethtool_rxfh_fields *info,
			   struct netlink_ext_ack *extack)
{
	struct vnicvf *vf = netdev_priv(netdev);
	int kind = vnicvf_hash_kind(info->flow_type), fields, err;
	struct vnic_mbx_hash hash = vf->rss_hash;
	bool ports;

	if (!vnicvf_has(vf, VNIC_F_HASH_FIELDS)) {
		NL_SET_ERR_MSG_MOD(extack, "what this device hashes is fixed");
		return -EOPNOTSUPP;
	}
	if (kind < 0 || info->flow_type == SCTP_V4_FLOW || info->flow_type == SCTP_V6_FLOW) {
		NL_SET_ERR_MSG_MOD(extack, "can be set for tcp4, udp4, ip4, tcp6, udp6 and ip6");
		return -EOPNOTSUPP;
	}
	ports = kind != VNIC_HASH_K_IPV4 && kind != VNIC_HASH_K_IPV6;
	fields = vnicvf_hash_fields(info->data, ports);
	if (fields < 0) {
		NL_SET_ERR_MSG_MOD(extack, "hashed can be addresses, and ports of TCP and UDP");
		return -EINVAL;
	}
	hash.fields[kind] = fields;
	err = vf->up ? vnicvf_send_hash(vf, &hash) : 0;
	if (!err)
		vf->rss_hash = hash;
	return err;
}

void vnicvf_rss_init(struct vnicvf *vf)
{
	const u8 all = VNIC_HASH_F_ADDRS | VNIC_HASH_F_PORTS;

	netdev_rss_key_fill(vf->rss_key, sizeof(vf->rss_key));
	vf->rss_hash = (struct vnic_mbx_hash) {
		.fields = {
			[VNIC_HASH_K_IPV4] = VNIC_HASH_F_ADDRS,
			[VNIC_HASH_K_TCP4] = all,
			[VNIC_HASH_K_UDP4] = all,
			[VNIC_HASH_K_IPV6] = VNIC_HASH_F_ADDRS,
			[VNIC_HASH_K_TCP6] = all,
			[VNIC_HASH_K_UDP6] = all,
		},
	};
	vnicvf_rss_default(vf);
}
