// SPDX-License-Identifier: GPL-2.0
/*
 * The mailbox of a function (uapi/vnic/vnic_mbx.h): requests of the driver, and
 * the status block.
 *
 * All of it runs in the function's first worker.  A request is copied once; checks
 * and handlers see the copy.  The page is touched only in two short
 * preemption-disabled stretches, to copy the request and to write the answer.
 *
 * Whatever takes the switch's configuration lock runs in a kworker (model/toll.c)
 * while the worker waits.
 */
#include <linux/bitmap.h>
#include <linux/bits.h>
#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "../model/worker.h"
#include "../trace.h"
#include "native.h"

/* A driver that waits for an answer may not know before that it has to reset. */
static_assert(VNIC_RESCUE_MS >= VNIC_MBX_TIMEOUT_MS);

/**
 * struct vnic_mbx - buffers of a function's mailbox
 * @fn: function
 * @op: operation of the request, once it was checked
 * @result: VNIC_MBX_OK or VNIC_MBX_E_*
 * @out_len: bytes of @caps or @stats to answer with
 * @req: the request, as copied from the page
 * @out: payload of the answer
 * @caps: answer of HELLO
 * @stats: answer of GET_STATS
 * @status: the status block, as last written
 */
struct vnic_mbx {
	struct vnic_fn			*fn;
	const struct vnic_mbx_op	*op;
	u32				result;
	unsigned int			out_len;
	struct {
		struct vnic_mbx_hdr	hdr;
		u8			payload[VNIC_MBX_REQ_MAX];
	} req __aligned(8);
	union {
		u8			out[sizeof(struct vnic_mbx_stats_all)];
		struct vnic_mbx_caps	caps;
		struct vnic_mbx_stats_all stats;
	};
	struct vnic_mbx_status		status;
};

/**
 * struct vnic_mbx_op - a kind of request
 * @handle: do it; the payload is at least @len bytes, exactly unless @list
 * @needs: features that must have been negotiated
 * @len: bytes of payload
 * @list: a list follows, whose length @handle checks
 * @hello: allowed before HELLO, and only then
 * @config: takes the switch's configuration lock: runs in a kworker
 */
struct vnic_mbx_op {
	u32	(*handle)(struct vnic_fn *fn, struct vnic_mbx *m);
	u64	needs;
	u16	len;
	bool	list;
	bool	hello;
	bool	config;
};

/* ---- features ---- */

#define VNIC_F_QPS	(BIT_ULL(VNIC_F_MQ) | BIT_ULL(VNIC_F_RSS) | \
			 BIT_ULL(VNIC_F_HASH_FIELDS) | BIT_ULL(VNIC_F_RULES))

static const u64 vnic_mbx_depends[][2] = {
	{ BIT_ULL(VNIC_F_TX_TSO), BIT_ULL(VNIC_F_TX_CSUM) },
	{ BIT_ULL(VNIC_F_RX_GSO), BIT_ULL(VNIC_F_RX_CSUM) },
	{ BIT_ULL(VNIC_F_RSS), BIT_ULL(VNIC_F_MQ) },
	{ BIT_ULL(VNIC_F_WAITED), BIT_ULL(VNIC_F_DROPS) },
	{ BIT_ULL(VNIC_F_VLAN_MAP), BIT_ULL(VNIC_F_VLAN_FILTER) },
	{ BIT_ULL(VNIC_F_VLAN_ALL), BIT_ULL(VNIC_F_VLAN_FILTER) },
	{ BIT_ULL(VNIC_F_HASH_FIELDS), BIT_ULL(VNIC_F_RSS) },
	{ BIT_ULL(VNIC_F_RULES), BIT_ULL(VNIC_F_RSS) },
};

u64 vnic_mbx_features(const struct vnic_fn *fn)
{
	u64 features = GENMASK_ULL(VNIC_F_RULES, 0);

	if (vnic_fn_qps(fn) < 2)
		features &= ~VNIC_F_QPS;
	return features;
}

static bool vnic_mbx_features_ok(const struct vnic_fn *fn, u64 features)
{
	unsigned int i;

	if (features & ~vnic_mbx_features(fn))
		return false;
	for (i = 0; i < ARRAY_SIZE(vnic_mbx_depends); i++)
		if (features & vnic_mbx_depends[i][0] && !(features & vnic_mbx_depends[i][1]))
			return false;
	return true;
}

/* Queue pairs this driver may use */
static unsigned int vnic_mbx_qps(const struct vnic_fn *fn)
{
	return fn->features & BIT_ULL(VNIC_F_MQ) ? vnic_fn_qps(fn) : 1;
}

/* A vector of a queue: not the control vector */
static bool vnic_mbx_vector_ok(const struct vnic_fn *fn, unsigned int vector)
{
	return vector >= 1 && vector < READ_ONCE(fn->vectors);
}

/* ---- requests ---- */

/* What became of a request that the switch, or steering, decides on */
static u32 vnic_mbx_status(int err)
{
	switch (err) {
	case 0:
		return VNIC_MBX_OK;
	case -EPERM:
		return VNIC_MBX_E_PERM;
	case -EADDRINUSE:
		return VNIC_MBX_E_INUSE;
	case -ENOSPC:
		return VNIC_MBX_E_NOSPC;
	case -ENOMEM:
		return VNIC_MBX_E_NOMEM;
	default:
		return VNIC_MBX_E_INVAL;
	}
}

static void vnic_mbx_caps(struct vnic_fn *fn, u64 features, struct vnic_mbx_caps *caps)
{
	struct vnic_port_limits limits;

	vnic_port_guest_limits(&fn->port, &limits);
	*caps = (struct vnic_mbx_caps) {
		.features	= cpu_to_le64(features),
		.max_qps	= cpu_to_le16(vnic_mbx_qps(fn)),
		.vectors	= cpu_to_le16(READ_ONCE(fn->vectors)),
		.mtu_max	= cpu_to_le16(VNIC_MTU_MAX),
		.mtu		= cpu_to_le16(limits.mtu),
		.max_uc		= cpu_to_le16(limits.max_uc),
		.max_mc		= cpu_to_le16(limits.max_mc),
		.mac_fixed	= limits.mac_fixed,
		.trusted	= limits.trusted,
		.rss_entries	= cpu_to_le16(VNIC_RSS_ENTRIES),
		.max_vlans	= cpu_to_le16(limits.max_vlans),
		.mac_seq	= cpu_to_le32(limits.mac_seq),
		.flags		= cpu_to_le32(limits.mac_random ? VNIC_CAPS_F_MAC_RANDOM : 0),
	};
	ether_addr_copy(caps->mac, limits.mac);
}

static u32 vnic_mbx_hello(struct vnic_fn *fn, struct vnic_mbx *m)
{
	const struct vnic_mbx_hello *req = (void *)m->req.payload;
	u64 features = le64_to_cpu(req->features);

	if (req->rsvd[0] || req->rsvd[1] || !vnic_mbx_features_ok(fn, features))
		return VNIC_MBX_E_INVAL;
	WRITE_ONCE(fn->features, features);
	fn->hello = true;
	vnic_mbx_caps(fn, features, &m->caps);
	m->out_len = sizeof(m->caps);
	return VNIC_MBX_OK;
}

static u32 vnic_mbx_queue_create(struct vnic_fn *fn, struct vnic_mbx *m)
{
	return vnic_queue_create(fn, (const void *)m->req.payload);
}

static u32 vnic_mbx_queue_destroy(struct vnic_fn *fn, struct vnic_mbx *m)
{
	const struct vnic_mbx_queue_id *q = (void *)m->req.payload;

	if (q->rsvd)
		return VNIC_MBX_E_INVAL;
	return vnic_queue_destroy(fn, le16_to_cpu(q->type), le16_to_cpu(q->index));
}

static u32 vnic_mbx_enable(struct vnic_fn *fn, struct vnic_mbx *m)
{
	const struct vnic_mbx_u32 *req = (void *)m->req.payload;
	u32 on = le32_to_cpu(req->value);

	if (on > 1 || req->rsvd)
		return VNIC_MBX_E_INVAL;
	assign_bit(VNIC_FN_ENABLED, &fn->flags, on);
	vnic_port_guest_enable(&fn->port, on);
	if (on)
		vnic_fn_wake_queues(fn);
	return VNIC_MBX_OK;
}

static u32 vnic_mbx_set_mac(struct vnic_fn *fn, struct vnic_mbx *m)
{
	const struct vnic_mbx_mac *req = (void *)m->req.payload;

	if (!is_valid_ether_addr(req->mac) || req->rsvd[0] || req->rsvd[1])
		return VNIC_MBX_E_INVAL;
	return vnic_mbx_status(vnic_port_guest_mac(&fn->port, req->mac));
}

VNIC_SAME(VNIC_MODE_PROMISC, VNIC_RX_MODE_PROMISC);
VNIC_SAME(VNIC_MODE_ALLMULTI, VNIC_RX_MODE_ALLMULTI);
VNIC_SAME(VNIC_MODE_ALLCTAG, VNIC_RX_MODE_ALLCTAG);
VNIC_SAME(VNIC_MODE_ALLSTAG, VNIC_RX_MODE_ALLSTAG);
VNIC_SAME(VNIC_FILTERS_MAX, VNIC_MAX_FILTERS);

/* The modes that this driver may ask for */
static u32 vnic_mbx_rx_modes(const struct vnic_fn *fn)
{
	u32 modes = VNIC_RX_MODE_PROMISC | VNIC_RX_MODE_ALLMULTI;

	if (fn->features & BIT_ULL(VNIC_F_VLAN_ALL))
		modes |= VNIC_RX_MODE_ALLCTAG | VNIC_RX_MODE_ALLSTAG;
	return modes;
}

static u32 vnic_mbx_set_rx_mode(struct vnic_fn *fn, struct vnic_mbx *m)
{
	const struct vnic_mbx_rx_mode *req = (void *)m->req.payload;
	unsigned int num_uc = le16_to_cpu(req->num_uc);
	unsigned int num_mc = le16_to_cpu(req->num_mc);
	u32 flags = le32_to_cpu(req->flags);

	if (flags & ~vnic_mbx_rx_modes(fn))
		return VNIC_MBX_E_INVAL;
	if (num_uc + num_mc > VNIC_MAX_FILTERS)
		return VNIC_MBX_E_NOSPC;
	if (le16_to_cpu(m->req.hdr.len) != sizeof(*req) + (num_uc + num_mc) * ETH_ALEN)
		return VNIC_MBX_E_LEN;
	return vnic_mbx_status(vnic_port_guest_rx_mode(&fn->port, flags, num_uc, num_mc,
						       req->addrs));
}

static u32 vnic_mbx_vlan(struct vnic_fn *fn, struct vnic_mbx *m, bool add)
{
	const struct vnic_mbx_vlan *req = (void *)m->req.payload;
	u16 proto = le16_to_cpu(req->proto);
	u16 vid = le16_to_cpu(req->vid);

	if (!vid || vid >= VLAN_N_VID - 1 || req->rsvd ||
	    (proto != ETH_P_8021Q && proto != ETH_P_8021AD))
		return VNIC_MBX_E_INVAL;
	return vnic_mbx_status(vnic_port_guest_vlan(&fn->port, vid, proto, add));
}

static u32 vnic_mbx_vlan_add(struct vnic_fn *fn, struct vnic_mbx *m)
{
	return vnic_mbx_vlan(fn, m, true);
}

static u32 vnic_mbx_vlan_del(struct vnic_fn *fn, struct vnic_mbx *m)
{
	return vnic_mbx_vlan(fn, m, false);
}

static u32 vnic_mbx_set_vlans(struct vnic_fn *fn, struct vnic_mbx *m)
{
	const struct vnic_mbx_vlans *req = (void *)m->req.payload;
	DECLARE_BITMAP(vlans, VLAN_N_VID);
	u16 proto = le16_to_cpu(req->proto);
	u64 map[ARRAY_SIZE(req->map)];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(map); i++)
		map[i] = le64_to_cpu(req->map[i]);
	bitmap_from_arr64(vlans, map, VLAN_N_VID);
	if (req->rsvd[0] || req->rsvd[1] || req->rsvd[2] || test_bit(0, vlans) ||
	    test_bit(VLAN_VID_MASK, vlans) || (proto != ETH_P_8021Q && proto != ETH_P_8021AD))
		return VNIC_MBX_E_INVAL;
	return vnic_mbx_status(vnic_port_guest_vlans(&fn->port, proto, vlans));
}

static u32 vnic_mbx_set_mtu(struct vnic_fn *fn, struct vnic_mbx *m)
{
	const struct vnic_mbx_u32 *req = (void *)m->req.payload;
	u32 mtu = le32_to_cpu(req->value);

	if (mtu < VNIC_MTU_MIN || mtu > VNIC_MTU_MAX || req->rsvd)
		return VNIC_MBX_E_INVAL;
	return vnic_mbx_status(vnic_port_guest_mtu(&fn->port, mtu));
}

VNIC_SAME(VNIC_HASH_KEY_LEN, VNIC_RSS_KEY_LEN);

/* Senders use key and table meanwhile: a frame may see some of each, and every
 * table entry is a queue pair that exists, old or new.
 */
static u32 vnic_mbx_set_rss(struct vnic_fn *fn, struct vnic_mbx *m)
{
	const struct vnic_mbx_rss *req = (void *)m->req.payload;
	unsigned int i;

	for (i = 0; i < VNIC_RSS_ENTRIES; i++)
		if (req->table[i] >= vnic_mbx_qps(fn))
			return VNIC_MBX_E_INVAL;
	vnic_hash_set_key(&fn->rss_key, req->key);
	for (i = 0; i < VNIC_RSS_ENTRIES; i++)
		WRITE_ONCE(fn->rss_table[i], req->table[i]);
	return VNIC_MBX_OK;
}

VNIC_SAME(VNIC_KIND_IPV4, VNIC_HASH_K_IPV4);
VNIC_SAME(VNIC_KIND_TCP4, VNIC_HASH_K_TCP4);
VNIC_SAME(VNIC_KIND_UDP4, VNIC_HASH_K_UDP4);
VNIC_SAME(VNIC_KIND_IPV6, VNIC_HASH_K_IPV6);
VNIC_SAME(VNIC_KIND_TCP6, VNIC_HASH_K_TCP6);
VNIC_SAME(VNIC_KIND_UDP6, VNIC_HASH_K_UDP6);
VNIC_SAME(VNIC_KINDS, VNIC_HASH_KINDS);
VNIC_SAME(VNIC_FIELD_SADDR, VNIC_HASH_F_SADDR);
VNIC_SAME(VNIC_FIELD_DADDR, VNIC_HASH_F_DADDR);
VNIC_SAME(VNIC_FIELD_SPORT, VNIC_HASH_F_SPORT);
VNIC_SAME(VNIC_FIELD_DPORT, VNIC_HASH_F_DPORT);
VNIC_SAME(VNIC_XFRM_NONE, VNIC_HASH_X_NONE);
VNIC_SAME(VNIC_XFRM_XOR, VNIC_HASH_X_XOR);
VNIC_SAME(VNIC_XFRM_OR_XOR, VNIC_HASH_X_OR_XOR);

/* Of each pair both or none: else a hash of both directions is none. */
static bool vnic_mbx_symmetric(u8 fields)
{
	u8 addrs = fields & VNIC_HASH_F_ADDRS, ports = fields & VNIC_HASH_F_PORTS;

	return (!addrs || addrs == VNIC_HASH_F_ADDRS) && (!ports || ports == VNIC_HASH_F_PORTS);
}

static u32 vnic_mbx_set_hash(struct vnic_fn *fn, struct vnic_mbx *m)
{
	const struct vnic_mbx_hash *req = (void *)m->req.payload;
	unsigned int kind;
	u8 fields, all;

	if (req->xfrm > VNIC_HASH_X_MAX || req->rsvd)
		return VNIC_MBX_E_INVAL;
	for (kind = 0; kind < VNIC_HASH_KINDS; kind++) {
		fields = req->fields[kind];
		all = VNIC_HASH_F_ADDRS;
		if (kind != VNIC_HASH_K_IPV4 && kind != VNIC_HASH_K_IPV6)
			all |= VNIC_HASH_F_PORTS;
		if (fields & ~all || (req->xfrm && !vnic_mbx_symmetric(fields)))
			return VNIC_MBX_E_INVAL;
	}
	vnic_hash_set_fields(&fn->rss_key, req->fields, req->xfrm);
	return VNIC_MBX_OK;
}

VNIC_SAME(VNIC_RSS_SLOTS, VNIC_RSS_ENTRIES);
VNIC_SAME(VNIC_STEER_CONTEXTS, VNIC_RSS_CONTEXTS);

static u32 vnic_mbx_set_context(struct vnic_fn *fn, struct vnic_mbx *m)
{
	const struct vnic_mbx_context *req = (void *)m->req.payload;

	if (req->rsvd[0] || req->rsvd[1] || req->rsvd[2])
		return VNIC_MBX_E_INVAL;
	return vnic_mbx_status(vnic_steer_set_context(&fn->steer, le16_to_cpu(req->context),
						      req->table, vnic_mbx_qps(fn)));
}

VNIC_SAME(VNIC_STEER_RULES, VNIC_MAX_RULES);
VNIC_SAME(VNIC_STEER_NONE, VNIC_RULE_NONE);
VNIC_SAME(VNIC_STEER_DROP, VNIC_RULE_DROP);
VNIC_SAME(VNIC_STEER_QUEUE, VNIC_RULE_QUEUE);
VNIC_SAME(VNIC_STEER_RSS, VNIC_RULE_RSS);
VNIC_SAME(VNIC_RULE_WORDS * sizeof(u32), VNIC_RULE_BYTES);

/* What steering does not see: of a rule to be removed there is nothing but its index. */
static bool vnic_mbx_rule_ok(const struct vnic_mbx_rule *req)
{
	const size_t behind = sizeof(*req) - offsetof(struct vnic_mbx_rule, action);

	if (req->rsvd[0] || req->rsvd[1])
		return false;
	if (req->action == VNIC_RULE_NONE)
		return !memchr_inv(&req->action, 0, behind);
	return req->version == 4 || req->version == 6;
}

static u32 vnic_mbx_set_rule(struct vnic_fn *fn, struct vnic_mbx *m)
{
	const struct vnic_mbx_rule *req = (void *)m->req.payload;
	struct vnic_rule rule = {
		.v6	= req->version == 6,
		.proto	= req->proto,
		.action	= req->action,
		.arg	= req->arg,
	};

	if (!vnic_mbx_rule_ok(req))
		return VNIC_MBX_E_INVAL;
	memcpy(rule.value, req->value, sizeof(rule.value));
	memcpy(rule.mask, req->mask, sizeof(rule.mask));
	return vnic_mbx_status(vnic_steer_set_rule(&fn->steer, le16_to_cpu(req->index), &rule,
						   vnic_mbx_qps(fn)));
}

VNIC_SAME(VNIC_MODERATION_MAX, VNIC_COALESCE_MAX);

static u32 vnic_mbx_set_coalesce(struct vnic_fn *fn, struct vnic_mbx *m)
{
	const struct vnic_mbx_coalesce *req = (void *)m->req.payload;
	unsigned int vector = le16_to_cpu(req->vector);
	u32 usecs = le32_to_cpu(req->usecs);

	if (!vnic_mbx_vector_ok(fn, vector) || usecs > VNIC_COALESCE_MAX)
		return VNIC_MBX_E_INVAL;
	vnic_vector_set_moderation(&fn->vec[vector], usecs, le16_to_cpu(req->frames));
	return VNIC_MBX_OK;
}

static void vnic_mbx_put_stats(struct vnic_mbx_stats *out, const struct vnic_port_stats *st)
{
	const u64 *d = st->drops;

	*out = (struct vnic_mbx_stats) {
		.rx_drop_rate		= cpu_to_le64(d[VNIC_DROP_RX_RATE] + d[VNIC_DROP_RX_PPS] +
						      d[VNIC_DROP_RX_NODE] + d[VNIC_DROP_RX_SHARE]),
		.rx_drop_nobuf		= cpu_to_le64(d[VNIC_DROP_RX_NOBUF]),
		.rx_drop_other		= cpu_to_le64(st->rx_dropped - d[VNIC_DROP_RX_RATE] -
						      d[VNIC_DROP_RX_PPS] - d[VNIC_DROP_RX_NODE] -
						      d[VNIC_DROP_RX_SHARE] -
						      d[VNIC_DROP_RX_NOBUF]),
		.tx_drop_spoof		= cpu_to_le64(d[VNIC_DROP_TX_SPOOF]),
		.tx_drop_vlan		= cpu_to_le64(d[VNIC_DROP_TX_VLAN]),
		.tx_drop_malformed	= cpu_to_le64(d[VNIC_DROP_TX_MALFORMED]),
		.tx_drop_other		= cpu_to_le64(st->tx_dropped - d[VNIC_DROP_TX_SPOOF] -
						      d[VNIC_DROP_TX_VLAN] -
						      d[VNIC_DROP_TX_MALFORMED]),
	};
}

static void vnic_mbx_put_drops(struct vnic_mbx_drops *out, const struct vnic_port_stats *st)
{
	const u64 *d = st->drops;

	*out = (struct vnic_mbx_drops) {
		.rx_drop_oversize	= cpu_to_le64(d[VNIC_DROP_RX_OVERSIZE]),
		.rx_drop_link		= cpu_to_le64(d[VNIC_DROP_RX_LINK]),
		.rx_drop_reset		= cpu_to_le64(d[VNIC_DROP_RX_RESET]),
		.tx_drop_control	= cpu_to_le64(d[VNIC_DROP_TX_CONTROL]),
		.tx_drop_link		= cpu_to_le64(d[VNIC_DROP_TX_LINK]),
		.tx_drop_nodest		= cpu_to_le64(d[VNIC_DROP_TX_NODEST]),
		.rx_drop_memory		= cpu_to_le64(d[VNIC_DROP_RX_MEMORY]),
		.rx_drop_reclaim	= cpu_to_le64(d[VNIC_DROP_RX_RECLAIM]),
	};
}

static void vnic_mbx_put_waited(struct vnic_mbx_waited *out, const struct vnic_port_stats *st)
{
	*out = (struct vnic_mbx_waited) {
		.rx_drop_codel		= cpu_to_le64(st->drops[VNIC_DROP_RX_CODEL]),
		.rx_marked		= cpu_to_le64(st->rx_marked),
	};
}

/* Bytes of the answer that the driver has negotiated */
static u32 vnic_mbx_stats_len(const struct vnic_fn *fn)
{
	if (!(fn->features & BIT_ULL(VNIC_F_DROPS)))
		return sizeof(struct vnic_mbx_stats);
	if (!(fn->features & BIT_ULL(VNIC_F_WAITED)))
		return offsetof(struct vnic_mbx_stats_all, waited);
	return sizeof(struct vnic_mbx_stats_all);
}

static u32 vnic_mbx_get_stats(struct vnic_fn *fn, struct vnic_mbx *m)
{
	struct vnic_port_stats st;

	vnic_port_get_stats(&fn->port, &st);
	vnic_mbx_put_stats(&m->stats.stats, &st);
	m->stats.stats.interrupts = cpu_to_le64(vnic_vectors_raised(fn));
	vnic_mbx_put_drops(&m->stats.drops, &st);
	vnic_mbx_put_waited(&m->stats.waited, &st);
	m->out_len = vnic_mbx_stats_len(fn);
	return VNIC_MBX_OK;
}

static const struct vnic_mbx_op vnic_mbx_ops[] = {
	[VNIC_MBX_HELLO] = {
		.handle = vnic_mbx_hello, .len = sizeof(struct vnic_mbx_hello),
		.hello = true, .config = true,
	},
	[VNIC_MBX_QUEUE_CREATE] = {
		.handle = vnic_mbx_queue_create, .len = sizeof(struct vnic_mbx_queue),
	},
	[VNIC_MBX_QUEUE_DESTROY] = {
		.handle = vnic_mbx_queue_destroy, .len = sizeof(struct vnic_mbx_queue_id),
	},
	[VNIC_MBX_ENABLE] = {
		.handle = vnic_mbx_enable, .len = sizeof(struct vnic_mbx_u32),
		.config = true,
	},
	[VNIC_MBX_SET_MAC] = {
		.handle = vnic_mbx_set_mac, .len = sizeof(struct vnic_mbx_mac),
		.config = true,
	},
	[VNIC_MBX_SET_RX_MODE] = {
		.handle = vnic_mbx_set_rx_mode, .len = sizeof(struct vnic_mbx_rx_mode),
		.list = true, .config = true,
	},
	[VNIC_MBX_VLAN_ADD] = {
		.handle = vnic_mbx_vlan_add, .len = sizeof(struct vnic_mbx_vlan),
		.needs = BIT_ULL(VNIC_F_VLAN_FILTER),
	},
	[VNIC_MBX_VLAN_DEL] = {
		.handle = vnic_mbx_vlan_del, .len = sizeof(struct vnic_mbx_vlan),
		.needs = BIT_ULL(VNIC_F_VLAN_FILTER),
	},
	[VNIC_MBX_SET_VLANS] = {
		.handle = vnic_mbx_set_vlans, .len = sizeof(struct vnic_mbx_vlans),
		.needs = BIT_ULL(VNIC_F_VLAN_MAP), .config = true,
	},
	[VNIC_MBX_SET_MTU] = {
		.handle = vnic_mbx_set_mtu, .len = sizeof(struct vnic_mbx_u32),
		.config = true,
	},
	[VNIC_MBX_SET_RSS] = {
		.handle = vnic_mbx_set_rss, .len = sizeof(struct vnic_mbx_rss),
		.needs = BIT_ULL(VNIC_F_RSS),
	},
	[VNIC_MBX_SET_HASH] = {
		.handle = vnic_mbx_set_hash, .len = sizeof(struct vnic_mbx_hash),
		.needs = BIT_ULL(VNIC_F_HASH_FIELDS),
	},
	[VNIC_MBX_SET_CONTEXT] = {
		.handle = vnic_mbx_set_context, .len = sizeof(struct vnic_mbx_context),
		.needs = BIT_ULL(VNIC_F_RULES),
	},
	[VNIC_MBX_SET_RULE] = {
		.handle = vnic_mbx_set_rule, .len = sizeof(struct vnic_mbx_rule),
		.needs = BIT_ULL(VNIC_F_RULES),
	},
	[VNIC_MBX_SET_COALESCE] = {
		.handle = vnic_mbx_set_coalesce, .len = sizeof(struct vnic_mbx_coalesce),
		.needs = BIT_ULL(VNIC_F_COALESCE),
	},
	[VNIC_MBX_GET_STATS] = {
		.handle = vnic_mbx_get_stats,
	},
};

/* What does not depend on the payload; finds the operation. */
static u32 vnic_mbx_check(struct vnic_fn *fn, struct vnic_mbx *m)
{
	const struct vnic_mbx_hdr *hdr = &m->req.hdr;
	unsigned int opcode = le16_to_cpu(hdr->opcode);
	unsigned int len = le16_to_cpu(hdr->len);
	const struct vnic_mbx_op *op;

	if (le16_to_cpu(hdr->version) != VNIC_VERSION_1)
		return VNIC_MBX_E_VERSION;
	if (opcode >= ARRAY_SIZE(vnic_mbx_ops))
		return VNIC_MBX_E_OPCODE;
	op = &vnic_mbx_ops[array_index_nospec(opcode, ARRAY_SIZE(vnic_mbx_ops))];
	if (!op->handle)
		return VNIC_MBX_E_OPCODE;
	if (op->hello == fn->hello || test_bit(VNIC_FN_FAILED, &fn->flags))
		return VNIC_MBX_E_STATE;
	if (op->needs & ~fn->features)
		return VNIC_MBX_E_OPCODE;
	if (len > VNIC_MBX_REQ_MAX || len < op->len || (len > op->len && !op->list))
		return VNIC_MBX_E_LEN;
	if (!hdr->seq || hdr->status || hdr->rsvd)
		return VNIC_MBX_E_INVAL;
	m->op = op;
	return VNIC_MBX_OK;
}

/* ---- the page ---- */

static bool vnic_mbx_copy_request(struct vnic_mbx *m, u64 addr)
{
	const struct vnic_mbx_page *page;

	vnic_as_begin();
	page = vnic_as_ptr(m->fn->as, addr, sizeof(*page));
	if (page)
		memcpy(&m->req, page, sizeof(m->req));
	vnic_as_end();
	return page;
}

static void vnic_mbx_store(struct vnic_fn *fn, u64 addr, void *page, unsigned int off,
			   const void *src, size_t len)
{
	vnic_as_store(fn->as, addr + off, page + off, src, len);
}

/* Payload, header, and last the sequence number the driver looks for. */
static void vnic_mbx_answer(struct vnic_mbx *m, u64 addr)
{
	const unsigned int off = offsetof(struct vnic_mbx_page, resp);
	const unsigned int seq = offsetof(struct vnic_mbx_hdr, seq);
	const unsigned int end = offsetofend(struct vnic_mbx_hdr, seq);
	struct vnic_mbx_hdr hdr = {
		.version	= cpu_to_le16(VNIC_VERSION_1),
		.opcode		= m->req.hdr.opcode,
		.len		= cpu_to_le16(m->result ? 0 : m->out_len),
		.seq		= m->req.hdr.seq,
		.status		= cpu_to_le32(m->result),
	};
	struct vnic_fn *fn = m->fn;
	void *page;

	vnic_as_begin();
	page = vnic_as_wptr(fn->as, addr, VNIC_MBX_PAGE_SIZE);
	if (page) {
		if (hdr.len)
			vnic_mbx_store(fn, addr, page,
				       offsetof(struct vnic_mbx_page, resp_payload),
				       m->out, m->out_len);
		vnic_mbx_store(fn, addr, page, off, &hdr, seq);
		vnic_mbx_store(fn, addr, page, off + end, (u8 *)&hdr + end, sizeof(hdr) - end);
		smp_wmb(); /* all of the answer before its seq */
		vnic_mbx_store(fn, addr, page, off + seq, &hdr.seq, sizeof(hdr.seq));
	}
	vnic_as_end();
	if (page)
		vnic_vector_raise(fn, 0, 1, 0);
}

static void vnic_mbx_handle(void *arg)
{
	struct vnic_mbx *m = arg;

	m->result = m->op->handle(m->fn, m);
}

static void vnic_mbx_request(struct vnic_mbx *m, u64 addr)
{
	struct vnic_fn *fn = m->fn;
	u64 wait;

	if (!vnic_mbx_copy_request(m, addr))
		return;		/* gone since vnic_mbx_work() looked */
	m->out_len = 0;
	m->result = vnic_mbx_check(fn, m);
	if (!m->result && m->op->config) {
		wait = vnic_fn_toll(fn);
		if (wait) {
			vnic_fn_pend_at(fn, VNIC_PENDING_REQUEST, ktime_get_ns() + wait);
			return;
		}
		vnic_fn_call(fn, vnic_mbx_handle, m);
	} else if (!m->result) {
		vnic_mbx_handle(m);
	}
	if (m->result)
		WRITE_ONCE(fn->refused, fn->refused + 1);
	trace_vnic_mbx(fn, le16_to_cpu(m->req.hdr.opcode), m->result);
	vnic_mbx_answer(m, addr);
}

/* ---- status block ---- */

static void vnic_mbx_gather_status(void *arg)
{
	struct vnic_mbx *m = arg;
	struct vnic_fn *fn = m->fn;
	struct vnic_port_info info;
	u32 flags = 0;

	vnic_port_get_info(&fn->port, &info);
	if (info.link_up)
		flags |= VNIC_ST_F_LINK_UP;
	if (info.trusted)
		flags |= VNIC_ST_F_TRUSTED;
	if (info.mac_default)
		flags |= VNIC_ST_F_MAC_DEFAULT;
	if (info.mac_random)
		flags |= VNIC_ST_F_MAC_RANDOM;
	if (test_bit(VNIC_FN_FAILED, &fn->flags))
		flags |= VNIC_ST_F_RESET;
	m->status.flags = cpu_to_le32(flags);
	m->status.speed = cpu_to_le32(info.link_up ? info.speed : 0);
	m->status.mac_seq = cpu_to_le32(info.mac_seq);
	m->status.allow_seq = cpu_to_le32(info.allow_seq);
	ether_addr_copy(m->status.mac, info.mac);
}

/* The block, and last the event that tells of it. */
static void vnic_mbx_put_status(struct vnic_mbx *m, u64 addr)
{
	const unsigned int off = offsetof(struct vnic_mbx_page, status);
	const unsigned int body = offsetofend(struct vnic_mbx_status, event);
	struct vnic_fn *fn = m->fn;
	void *page;

	m->status.event = cpu_to_le32(++fn->mbx_event);
	vnic_as_begin();
	page = vnic_as_wptr(fn->as, addr, VNIC_MBX_PAGE_SIZE);
	if (page) {
		vnic_mbx_store(fn, addr, page, off + body, (u8 *)&m->status + body,
			       sizeof(m->status) - body);
		smp_wmb(); /* the block before its event */
		vnic_mbx_store(fn, addr, page, off, &m->status.event, sizeof(m->status.event));
	}
	vnic_as_end();
	if (page)
		vnic_vector_raise(fn, 0, 1, 0);
}

static void vnic_mbx_update_status(struct vnic_mbx *m, u64 addr)
{
	u64 wait = vnic_fn_toll(m->fn);

	if (wait) {
		vnic_fn_pend_at(m->fn, VNIC_PENDING_STATUS, ktime_get_ns() + wait);
		return;
	}
	vnic_fn_call(m->fn, vnic_mbx_gather_status, m);
	vnic_mbx_put_status(m, addr);
}

void vnic_mbx_tell_reset(struct vnic_fn *fn)
{
	struct vnic_mbx *m = fn->mbx;
	u64 addr = fn->mbx_addr;

	lockdep_assert_held(&fn->lock);
	if (!m || !addr || !test_bit(VNIC_FN_MASTER, &fn->flags))
		return;
	m->status.flags |= cpu_to_le32(VNIC_ST_F_RESET);
	vnic_mbx_put_status(m, addr);
}

/* ---- */

void vnic_mbx_work(struct vnic_fn *fn)
{
	struct vnic_mbx *m = fn->mbx;
	u64 addr = READ_ONCE(fn->mbx_addr);
	bool ok;

	if (!addr || !READ_ONCE(fn->pending))
		return;
	vnic_as_begin();
	ok = vnic_as_reaches(fn->as, addr, VNIC_MBX_PAGE_SIZE, true);
	vnic_as_end();
	if (!ok) {
		/* Not tried again, whatever the driver does, until reset. */
		WRITE_ONCE(fn->mbx_addr, 0);
		vnic_fn_fail(fn, "mailbox page is not accessible");
		return;
	}
	if (test_and_clear_bit(VNIC_PENDING_REQUEST, &fn->pending))
		vnic_mbx_request(m, addr);
	if (test_and_clear_bit(VNIC_PENDING_STATUS, &fn->pending))
		vnic_mbx_update_status(m, addr);
}

int vnic_mbx_attach(struct vnic_fn *fn)
{
	struct vnic_mbx *m = kzalloc(sizeof(*m), GFP_KERNEL_ACCOUNT);

	if (!m)
		return -ENOMEM;
	m->fn = fn;
	fn->mbx = m;
	return 0;
}

void vnic_mbx_detach(struct vnic_fn *fn)
{
	kfree(fn->mbx);
	fn->mbx = NULL;
}
