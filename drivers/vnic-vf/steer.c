// SPDX-License-Identifier: GPL-2.0
/*
 * Which queue a flow is received on, by rules (ethtool -n and -N) and by other tables
 * than the usual one, which these choose (ethtool -X context).  Under rtnl.
 *
 * What was asked for is kept here, and told to the device again after each reset.
 */
#include <linux/ethtool.h>
#include <linux/in.h>
#include <linux/slab.h>

#include "vf.h"

/**
 * struct vnicvf_rule - a rule
 * @fs: as ethtool gave it
 * @context: with FLOW_RSS
 */
struct vnicvf_rule {
	struct ethtool_rx_flow_spec	fs;
	u32				context;
};

/* ---- contexts ---- */

/* Its table, of queues that there are: a device may have fewer of them after a reset. */
static int vnicvf_send_context(struct vnicvf *vf, u32 context, const u8 *table)
{
	struct vnic_mbx_context req = { .context = cpu_to_le16(context) };
	unsigned int i;

	for (i = 0; i < VNIC_RSS_ENTRIES; i++)
		req.table[i] = table[i] % vf->num_qps;
	return vnicvf_mbx_call(vf, VNIC_MBX_SET_CONTEXT, &req, sizeof(req), NULL, 0);
}

/* @rxfh can be honoured: all contexts have the key, the function and the fields of the first. */
static int vnicvf_context_check(const struct vnicvf *vf, const struct ethtool_rxfh_param *rxfh,
				struct netlink_ext_ack *extack)
{
	if (!vnicvf_has(vf, VNIC_F_RULES)) {
		NL_SET_ERR_MSG_MOD(extack, "this device has one context");
		return -EOPNOTSUPP;
	}
	if (rxfh->key || rxfh->input_xfrm != RXH_XFRM_NO_CHANGE ||
	    (rxfh->hfunc != ETH_RSS_HASH_NO_CHANGE && rxfh->hfunc != ETH_RSS_HASH_TOP)) {
		NL_SET_ERR_MSG_MOD(extack, "a context has a table of its own, and nothing else");
		return -EOPNOTSUPP;
	}
	return 0;
}

int vnicvf_create_context(struct net_device *netdev, struct ethtool_rxfh_context *ctx,
			  const struct ethtool_rxfh_param *rxfh, struct netlink_ext_ack *extack)
{
	struct vnicvf *vf = netdev_priv(netdev);
	u32 *indir = ethtool_rxfh_context_indir(ctx);
	unsigned int i;
	int err;

	for (i = 0; !rxfh->indir && i < VNIC_RSS_ENTRIES; i++)
		indir[i] = ethtool_rxfh_indir_default(i, vf->num_qps);
	err = vnicvf_modify_context(netdev, ctx, rxfh, extack);
	if (err)
		return err;
	ctx->hfunc = ETH_RSS_HASH_TOP;
	memcpy(ethtool_rxfh_context_key(ctx), vf->rss_key, sizeof(vf->rss_key));
	return 0;
}

int vnicvf_modify_context(struct net_device *netdev, struct ethtool_rxfh_context *ctx,
			  const struct ethtool_rxfh_param *rxfh, struct netlink_ext_ack *extack)
{
	const u32 *indir = rxfh->indir ?: ethtool_rxfh_context_indir(ctx);
	struct vnicvf *vf = netdev_priv(netdev);
	u8 table[VNIC_RSS_ENTRIES];
	unsigned int i;
	int err;

	err = vnicvf_context_check(vf, rxfh, extack);
	if (err)
		return err;
	for (i = 0; i < VNIC_RSS_ENTRIES; i++)
		table[i] = indir[i];
	err = vf->up ? vnicvf_send_context(vf, rxfh->rss_context, table) : 0;
	if (err)
		return err;
	memcpy(vf->context[rxfh->rss_context - 1], table, sizeof(table));
	__set_bit(rxfh->rss_context, &vf->contexts);
	return 0;
}

/* The device keeps the table, which no rule chooses. */
int vnicvf_remove_context(struct net_device *netdev, struct ethtool_rxfh_context *ctx,
			  u32 context, struct netlink_ext_ack *extack)
{
	struct vnicvf *vf = netdev_priv(netdev);
	unsigned int i;

	for (i = 0; i < VNIC_MAX_RULES; i++) {
		if (vf->rule[i] && vf->rule[i]->context == context) {
			NL_SET_ERR_MSG_FMT_MOD(extack, "rule %u is for it", i);
			return -EBUSY;
		}
	}
	__clear_bit(context, &vf->contexts);
	return 0;
}

/* ---- rules ---- */

/* ethtool's ioctl has no way to say why: the log has. */
static int vnicvf_rule_refused(const struct vnicvf *vf, const char *why)
{
	if (net_ratelimit())
		netdev_info(vf->netdev, "rule refused: %s\n", why);
	return -EINVAL;
}

/* A field of @len bytes, at @from of the values and masks of @fs, goes to @at of the rule. */
static void vnicvf_rule_put(struct vnic_mbx_rule *req, unsigned int at,
			    const struct ethtool_rx_flow_spec *fs, size_t from, unsigned int len)
{
	const u8 *value = (const u8 *)&fs->h_u + from, *mask = (const u8 *)&fs->m_u + from;
	unsigned int i;

	for (i = 0; i < len; i++) {
		req->value[at + i] = value[i] & mask[i];
		req->mask[at + i] = mask[i];
	}
}

#define VNICVF_SPEC(member)	offsetof(union ethtool_flow_union, member)

/* A mask of all or nothing */
static bool vnicvf_whole(u8 mask)
{
	return !mask || mask == 0xff;
}

/* What of @fs is of IPv4; false: there is more than a rule can say. */
static bool vnicvf_rule_ip4(struct vnic_mbx_rule *req, const struct ethtool_rx_flow_spec *fs)
{
	req->version = 4;
	vnicvf_rule_put(req, 0, fs, VNICVF_SPEC(tcp_ip4_spec.ip4src), 4);
	vnicvf_rule_put(req, 4, fs, VNICVF_SPEC(tcp_ip4_spec.ip4dst), 4);
	if (req->proto) {
		vnicvf_rule_put(req, 8, fs, VNICVF_SPEC(tcp_ip4_spec.psrc), 2);
		vnicvf_rule_put(req, 10, fs, VNICVF_SPEC(tcp_ip4_spec.pdst), 2);
		return !fs->m_u.tcp_ip4_spec.tos;
	}
	if (fs->m_u.usr_ip4_spec.proto)
		req->proto = fs->h_u.usr_ip4_spec.proto;
	return !fs->m_u.usr_ip4_spec.l4_4_bytes && !fs->m_u.usr_ip4_spec.tos &&
	       !fs->m_u.usr_ip4_spec.ip_ver && vnicvf_whole(fs->m_u.usr_ip4_spec.proto);
}

/* The same for IPv6 */
static bool vnicvf_rule_ip6(struct vnic_mbx_rule *req, const struct ethtool_rx_flow_spec *fs)
{
	req->version = 6;
	vnicvf_rule_put(req, 0, fs, VNICVF_SPEC(tcp_ip6_spec.ip6src), 16);
	vnicvf_rule_put(req, 16, fs, VNICVF_SPEC(tcp_ip6_spec.ip6dst), 16);
	if (req->proto) {
		vnicvf_rule_put(req, 32, fs, VNICVF_SPEC(tcp_ip6_spec.psrc), 2);
		vnicvf_rule_put(req, 34, fs, VNICVF_SPEC(tcp_ip6_spec.pdst), 2);
		return !fs->m_u.tcp_ip6_spec.tclass;
	}
	if (fs->m_u.usr_ip6_spec.l4_proto)
		req->proto = fs->h_u.usr_ip6_spec.l4_proto;
	return !fs->m_u.usr_ip6_spec.l4_4_bytes && !fs->m_u.usr_ip6_spec.tclass &&
	       vnicvf_whole(fs->m_u.usr_ip6_spec.l4_proto);
}

/* What packets a rule is for */
static int vnicvf_rule_packets(const struct vnicvf *vf, const struct ethtool_rx_flow_spec *fs,
			       struct vnic_mbx_rule *req)
{
	bool ok;

	switch (fs->flow_type & ~FLOW_RSS) {
	case TCP_V4_FLOW:
	case TCP_V6_FLOW:
		req->proto = IPPROTO_TCP;
		break;
	case UDP_V4_FLOW:
	case UDP_V6_FLOW:
		req->proto = IPPROTO_UDP;
		break;
	case SCTP_V4_FLOW:
	case SCTP_V6_FLOW:
		req->proto = IPPROTO_SCTP;
		break;
	case IPV4_USER_FLOW:
	case IPV6_USER_FLOW:
		break;
	default:
		return vnicvf_rule_refused(vf, "flow types are tcp4, udp4, sctp4, ip4, and of 6");
	}
	switch (fs->flow_type & ~FLOW_RSS) {
	case TCP_V4_FLOW:
	case UDP_V4_FLOW:
	case SCTP_V4_FLOW:
	case IPV4_USER_FLOW:
		ok = vnicvf_rule_ip4(req, fs);
		break;
	default:
		ok = vnicvf_rule_ip6(req, fs);
		break;
	}
	return ok ? 0 : vnicvf_rule_refused(vf, "it is by addresses, ports and a whole l4proto");
}

/* What becomes of them */
static int vnicvf_rule_action(const struct vnicvf *vf, const struct vnicvf_rule *rule,
			      struct vnic_mbx_rule *req)
{
	u64 cookie = rule->fs.ring_cookie;

	if (rule->fs.flow_type & FLOW_RSS) {
		if (cookie)
			return vnicvf_rule_refused(vf, "with a context there is no action");
		if (rule->context && !test_bit(rule->context, &vf->contexts))
			return vnicvf_rule_refused(vf, "there is no such context");
		req->action = VNIC_RULE_RSS;
		req->arg = rule->context;
		return 0;
	}
	if (cookie == RX_CLS_FLOW_DISC) {
		req->action = VNIC_RULE_DROP;
		return 0;
	}
	if (cookie >= vf->num_qps)
		return vnicvf_rule_refused(vf, "the action is a queue, or -1 to drop");
	req->action = VNIC_RULE_QUEUE;
	req->arg = cookie;
	return 0;
}

static int vnicvf_send_rule(struct vnicvf *vf, const struct vnic_mbx_rule *req)
{
	return vnicvf_mbx_call(vf, VNIC_MBX_SET_RULE, req, sizeof(*req), NULL, 0);
}

static int vnicvf_make_rule(const struct vnicvf *vf, const struct vnicvf_rule *rule,
			    struct vnic_mbx_rule *req)
{
	int err;

	*req = (struct vnic_mbx_rule) { .index = cpu_to_le16(rule->fs.location) };
	err = vnicvf_rule_packets(vf, &rule->fs, req);
	return err ?: vnicvf_rule_action(vf, rule, req);
}

int vnicvf_add_rule(struct vnicvf *vf, const struct ethtool_rxnfc *info)
{
	u32 at = info->fs.location;
	struct vnic_mbx_rule req;
	struct vnicvf_rule *rule;
	int err;

	if (!(vf->netdev->features & NETIF_F_NTUPLE))
		return -EOPNOTSUPP;
	if (at >= VNIC_MAX_RULES)
		return vnicvf_rule_refused(vf, "locations are 0 to 31");
	rule = kzalloc(sizeof(*rule), GFP_KERNEL);
	if (!rule)
		return -ENOMEM;
	rule->fs = info->fs;
	if (rule->fs.flow_type & FLOW_RSS)
		rule->context = info->rss_context;
	err = vnicvf_make_rule(vf, rule, &req);
	if (!err && vf->up)
		err = vnicvf_send_rule(vf, &req);
	if (err) {
		kfree(rule);
		return err;
	}
	kfree(vf->rule[at]);
	vf->rule[at] = rule;
	return 0;
}

int vnicvf_del_rule(struct vnicvf *vf, u32 at)
{
	struct vnic_mbx_rule req = { .index = cpu_to_le16(at) };
	int err;

	if (at >= VNIC_MAX_RULES || !vf->rule[at])
		return -ENOENT;
	err = vf->up ? vnicvf_send_rule(vf, &req) : 0;
	if (err)
		return err;
	kfree(vf->rule[at]);
	vf->rule[at] = NULL;
	return 0;
}

int vnicvf_get_rule(const struct vnicvf *vf, struct ethtool_rxnfc *info)
{
	u32 at = info->fs.location;

	if (at >= VNIC_MAX_RULES || !vf->rule[at])
		return -ENOENT;
	info->fs = vf->rule[at]->fs;
	info->rss_context = vf->rule[at]->context;
	return 0;
}

int vnicvf_list_rules(const struct vnicvf *vf, struct ethtool_rxnfc *info, u32 *at)
{
	unsigned int i, n = 0;

	if (!vnicvf_has(vf, VNIC_F_RULES))
		return -EOPNOTSUPP;
	for (i = 0; i < VNIC_MAX_RULES; i++) {
		if (!vf->rule[i])
			continue;
		if (at && n == info->rule_cnt)
			return -EMSGSIZE;
		if (at)
			at[n] = i;
		n++;
	}
	info->rule_cnt = n;
	info->data = VNIC_MAX_RULES;
	return 0;
}

/* ---- all of them ---- */

void vnicvf_forget_rules(struct vnicvf *vf)
{
	unsigned int i;

	for (i = 0; i < VNIC_MAX_RULES; i++) {
		kfree(vf->rule[i]);
		vf->rule[i] = NULL;
	}
}

void vnicvf_set_ntuple(struct vnicvf *vf, netdev_features_t features)
{
	unsigned int i;

	if (features & NETIF_F_NTUPLE)
		return;
	for (i = 0; i < VNIC_MAX_RULES; i++)
		if (vf->rule[i] && vnicvf_del_rule(vf, i))
			vnicvf_request_reset(vf);	/* it has none afterwards */
	vnicvf_forget_rules(vf);
}

int vnicvf_set_steering(struct vnicvf *vf)
{
	struct vnic_mbx_rule req;
	unsigned int i;
	int err;

	if (!vnicvf_has(vf, VNIC_F_RULES))
		return 0;
	for_each_set_bit(i, &vf->contexts, VNIC_RSS_CONTEXTS + 1) {
		err = vnicvf_send_context(vf, i, vf->context[i - 1]);
		if (err)
			return err;
	}
	for (i = 0; i < VNIC_MAX_RULES; i++) {
		if (!vf->rule[i])
			continue;
		if (vnicvf_make_rule(vf, vf->rule[i], &req)) {
			netdev_warn(vf->netdev, "rule %u is not in force\n", i);
			continue;
		}
		err = vnicvf_send_rule(vf, &req);
		if (err)
			return err;
	}
	return 0;
}
