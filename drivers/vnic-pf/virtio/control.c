// SPDX-License-Identifier: GPL-2.0
/*
 * The control queue (5.1.6.5), and the rest of what is done for a virtio driver in the
 * turns of the function's first worker: the data path is enabled, and changes of link
 * and address become changes of the device configuration.
 *
 * A request is copied once; checks and handlers see the copy.  Trust, limits and
 * filters are the switch's, as for the native mailbox: what it refuses is answered
 * with VIRTIO_NET_ERR, and counted.
 */
#include <linux/etherdevice.h>
#include <linux/ethtool.h>
#include <linux/log2.h>
#include <linux/nospec.h>
#include <linux/unaligned.h>

#include "../trace.h"
#include "virtio.h"

#define VNIC_VIRTIO_ANNOUNCE	(100 * NSEC_PER_MSEC)	/* see vnic_virtio_announce() */

/**
 * struct vnic_ctrl_op - a kind of request
 * @class: VIRTIO_NET_CTRL_*
 * @cmd: command of the class
 * @needs: VIRTIO_NET_F_* that must have been negotiated
 * @len: bytes of data, at least if @list, else exactly
 * @list: a list follows, whose length @handle checks
 * @config: takes the switch's configuration lock: runs in a kworker
 * @reply: bytes of the answer before the result
 * @handle: do it.  0 or -errno
 */
struct vnic_ctrl_op {
	u8	class;
	u8	cmd;
	u8	needs;
	u16	len;
	bool	list;
	bool	config;
	u8	reply;
	int	(*handle)(struct vnic_virtio *v, const u8 *data, u32 len);
};

/* ---- requests ---- */

/*
 * Put modes and filters in force.  Who is promiscuous hears all groups, and is in all VLANs
 * (5.1.6.5.1): there is no other request for that.  Who has more filters than there can be
 * hears what the rest is for.
 */
static int vnic_virtio_rx_mode(struct vnic_virtio *v, u32 modes)
{
	if (v->num_uc > VNIC_UC_TRUSTED)
		modes |= VNIC_MODE_PROMISC;
	if (modes & VNIC_MODE_PROMISC)
		modes |= VNIC_MODE_ALLMULTI | VNIC_MODE_ALLCTAG | VNIC_MODE_ALLSTAG;
	if (v->num_mc > VNIC_MC_TRUSTED)
		modes |= VNIC_MODE_ALLMULTI;
	return vnic_port_guest_rx_mode(&v->fn->port, modes, v->num_uc, v->num_mc, v->addrs);
}

/* Of the modes those that are allowed, whatever becomes of the filters */
static int vnic_ctrl_rx_mode(struct vnic_virtio *v, u32 modes)
{
	int err = vnic_virtio_rx_mode(v, modes);

	if (err != -EPERM)
		v->modes = modes;
	return err;
}

/*
 * The answer is about the mode: of filters that are refused the driver has heard.  A driver
 * that has no list of groups asks for all multicast, which takes trust; its neighbours find
 * it without.
 */
static int vnic_ctrl_mode(struct vnic_virtio *v, u32 mode, u8 on)
{
	int err;

	v->wanted = on ? v->wanted | mode : v->wanted & ~mode;
	vnic_port_guest_discovery(&v->fn->port, v->wanted);
	err = vnic_ctrl_rx_mode(v, on ? v->modes | mode : v->modes & ~mode);
	return on && err == -EPERM ? err : 0;
}

static int vnic_ctrl_promisc(struct vnic_virtio *v, const u8 *data, u32 len)
{
	return vnic_ctrl_mode(v, VNIC_MODE_PROMISC, data[0]);
}

static int vnic_ctrl_allmulti(struct vnic_virtio *v, const u8 *data, u32 len)
{
	return vnic_ctrl_mode(v, VNIC_MODE_ALLMULTI, data[0]);
}

/* A list of addresses at the front of @data: their number; -EINVAL: it is cut off. */
static int vnic_ctrl_list(const u8 *data, u32 len)
{
	u32 n;

	if (len < sizeof(__le32))
		return -EINVAL;
	n = get_unaligned_le32(data);
	return n <= VNIC_FILTERS_MAX && n * ETH_ALEN <= len - sizeof(__le32) ? (int)n : -EINVAL;
}

/* DPDK's driver sends all places of its table, of those not in use zero addresses. */
static bool vnic_ctrl_macs_valid(const u8 *macs, unsigned int n, bool multicast)
{
	unsigned int i;

	for (i = 0; i < n; i++, macs += ETH_ALEN)
		if (!is_zero_ether_addr(macs) && !vnic_port_macs_valid(macs, 1, multicast))
			return false;
	return true;
}

/* Take those that are addresses, behind @at others: how many. */
static u16 vnic_ctrl_take_macs(struct vnic_virtio *v, unsigned int at, const u8 *macs,
			       unsigned int n)
{
	unsigned int i, taken = 0;

	for (i = 0; i < n; i++, macs += ETH_ALEN)
		if (!is_zero_ether_addr(macs))
			memcpy(v->addrs + (at + taken++) * ETH_ALEN, macs, ETH_ALEN);
	return taken;
}

static int vnic_ctrl_table(struct vnic_virtio *v, const u8 *data, u32 len)
{
	int uc, mc;
	u32 off;

	uc = vnic_ctrl_list(data, len);
	if (uc < 0)
		return -EMSGSIZE;
	off = sizeof(__le32) + uc * ETH_ALEN;
	mc = vnic_ctrl_list(data + off, len - off);
	if (mc < 0)
		return -EMSGSIZE;
	if (uc + mc > VNIC_FILTERS_MAX)
		return -ENOSPC;
	if (!vnic_ctrl_macs_valid(data + sizeof(__le32), uc, false) ||
	    !vnic_ctrl_macs_valid(data + off + sizeof(__le32), mc, true))
		return -EINVAL;
	v->num_uc = vnic_ctrl_take_macs(v, 0, data + sizeof(__le32), uc);
	v->num_mc = vnic_ctrl_take_macs(v, v->num_uc, data + off + sizeof(__le32), mc);
	return vnic_ctrl_rx_mode(v, v->modes);
}

/* The driver's own change: in the configuration before the answer (5.1.6.5.2.1), and no move
 * that is to be announced.  All else there waits for vnic_virtio_status(), which interrupts.
 */
static void vnic_ctrl_took_addr(struct vnic_virtio *v, const u8 *mac)
{
	spin_lock(&v->lock);
	if (!ether_addr_equal(v->config.mac, mac)) {
		ether_addr_copy(v->config.mac, mac);
		v->generation++;
	}
	spin_unlock(&v->lock);
}

static int vnic_ctrl_addr(struct vnic_virtio *v, const u8 *data, u32 len)
{
	u8 mac[ETH_ALEN] __aligned(2);
	int err;

	memcpy(mac, data, ETH_ALEN);
	err = is_valid_ether_addr(mac) ? vnic_port_guest_mac(&v->fn->port, mac) : -EINVAL;
	if (!err)
		vnic_ctrl_took_addr(v, mac);
	return err;
}

/* All VLANs of the protocols of which the driver does not, or cannot, say what it wants. */
static void vnic_virtio_vlans(void *virtio)
{
	struct vnic_virtio *v = virtio;
	DECLARE_BITMAP(all, VLAN_N_VID);

	bitmap_fill(all, VLAN_N_VID);
	clear_bit(0, all);
	clear_bit(VLAN_VID_MASK, all);
	vnic_port_guest_vlans(&v->fn->port, ETH_P_8021AD, all);
	vnic_port_guest_vlans(&v->fn->port, ETH_P_8021Q, v->filters ? v->vlans : all);
}

/*
 * Number 0 is a priority, which needs no membership.  With the first request the driver says
 * that it filters: those of FreeBSD and DPDK negotiate CTRL_VLAN, and most leave it at that.
 */
static int vnic_ctrl_vlan(struct vnic_virtio *v, const u8 *data, bool add)
{
	u16 vid = get_unaligned_le16(data);

	if (vid >= VLAN_N_VID - 1)
		return -EINVAL;
	if (vid)
		assign_bit(vid, v->vlans, add);
	if (!v->filters) {
		v->filters = true;
		vnic_fn_call(v->fn, vnic_virtio_vlans, v);
	}
	if (!vid)
		return 0;
	return vnic_port_guest_vlan(&v->fn->port, vid, ETH_P_8021Q, add);
}

static int vnic_ctrl_vlan_add(struct vnic_virtio *v, const u8 *data, u32 len)
{
	return vnic_ctrl_vlan(v, data, true);
}

static int vnic_ctrl_vlan_del(struct vnic_virtio *v, const u8 *data, u32 len)
{
	return vnic_ctrl_vlan(v, data, false);
}

/* What the driver may be told has changed. */
static void vnic_ctrl_tell(struct vnic_virtio *v)
{
	u16 tell = vnic_virtio_tell(v);
	struct vnic_rxq *rxq;
	unsigned int i;

	for (i = 0; i < v->pairs; i++) {
		rxq = &v->fn->rxq[i];
		spin_lock_bh(&rxq->lock);
		rxq->tell = tell;
		spin_unlock_bh(&rxq->lock);
	}
}

/*
 * The device steers, by all that can be hashed, unless the driver wants to be told of some
 * of that only.  Linux 6.1 negotiates RSS and HASH_REPORT, and says nothing but this.
 */
static int vnic_ctrl_pairs(struct vnic_virtio *v, const u8 *data, u32 len)
{
	u16 pairs = get_unaligned_le16(data);
	unsigned int i;

	if (!pairs || pairs > v->pairs)
		return -EINVAL;
	if (!vnic_virtio_has(v, VIRTIO_NET_F_HASH_REPORT) || !v->hash_types)
		vnic_hash_set_types(&v->fn->rss_key, VNIC_HASH_ALL);
	for (i = 0; i < VNIC_RSS_SLOTS; i++)
		WRITE_ONCE(v->fn->rss_table[i], i % pairs);
	WRITE_ONCE(v->fn->rss_other, 0);
	return 0;
}

void vnic_ctrl_hash_begin(struct vnic_virtio *v)
{
	v->hash_types = 0;
	if (vnic_virtio_has(v, VIRTIO_NET_F_RSS) || vnic_virtio_has(v, VIRTIO_NET_F_HASH_REPORT))
		vnic_hash_set_types(&v->fn->rss_key, 0);
}

/* A key behind its length.  Is it one?  Linux's driver sends a byte of padding behind it. */
static bool vnic_ctrl_key_ok(const u8 *data, u32 len)
{
	return len && data[0] <= VNIC_HASH_KEY_LEN && len > data[0];
}

static void vnic_ctrl_set_key(struct vnic_virtio *v, const u8 *data, u32 types)
{
	u8 key[VNIC_HASH_KEY_LEN] = {};

	memcpy(key, data + 1, data[0]);
	vnic_hash_set_types(&v->fn->rss_key, types);
	vnic_hash_set_key(&v->fn->rss_key, key);
	v->hash_types = types;
	vnic_ctrl_tell(v);
}

static int vnic_ctrl_hash(struct vnic_virtio *v, const u8 *data, u32 len)
{
	const u32 front = offsetof(struct virtio_net_hash_config, hash_key_length);
	u32 types = get_unaligned_le32(data);

	if (types & ~VNIC_HASH_ALL || !vnic_ctrl_key_ok(data + front, len - front))
		return -EINVAL;
	vnic_ctrl_set_key(v, data + front, types);
	return 0;
}

/* As a struct virtio_net_rss_config, whose table may be of any length */
static int vnic_ctrl_rss(struct vnic_virtio *v, const u8 *data, u32 len)
{
	const u32 front = offsetof(struct virtio_net_rss_config, indirection_table);
	u32 i, n, end, types = get_unaligned_le32(data);
	u16 other = get_unaligned_le16(data + 6), tx;
	const u8 *table = data + front;

	n = get_unaligned_le16(data + 4) + 1;
	end = front + n * sizeof(__le16) + sizeof(__le16);	/* max_tx_vq */
	if (types & ~VNIC_HASH_ALL || !is_power_of_2(n) || n > VNIC_RSS_SLOTS ||
	    other >= v->pairs || end > len || !vnic_ctrl_key_ok(data + end, len - end))
		return -EINVAL;
	tx = get_unaligned_le16(data + end - sizeof(__le16));
	for (i = 0; i < n; i++)
		if (get_unaligned_le16(table + i * sizeof(__le16)) >= v->pairs)
			return -EINVAL;
	if (!tx || tx > v->pairs)
		return -EINVAL;
	vnic_ctrl_set_key(v, data + end, types);
	for (i = 0; i < VNIC_RSS_SLOTS; i++)
		WRITE_ONCE(v->fn->rss_table[i], get_unaligned_le16(table + i % n * sizeof(__le16)));
	WRITE_ONCE(v->fn->rss_other, other);
	return 0;
}

static int vnic_ctrl_offloads(struct vnic_virtio *v, const u8 *data, u32 len)
{
	const u64 all = BIT_ULL(VIRTIO_NET_F_GUEST_CSUM) | BIT_ULL(VIRTIO_NET_F_GUEST_TSO4) |
			BIT_ULL(VIRTIO_NET_F_GUEST_TSO6) |
			BIT_ULL(VIRTIO_NET_F_GUEST_USO4) | BIT_ULL(VIRTIO_NET_F_GUEST_USO6);
	u64 on = get_unaligned_le64(data);

	if (on & ~(v->features & all))
		return -EINVAL;
	v->offloads = on;
	vnic_ctrl_tell(v);
	return 0;
}

/* Of all queues of a kind, the control queue apart.  A vector that both share has what was
 * set last.
 */
static int vnic_ctrl_coalesce(struct vnic_virtio *v, const u8 *data, unsigned int first)
{
	u32 frames = get_unaligned_le32(data), usecs = get_unaligned_le32(data + 4);
	unsigned int i, vector;

	if (usecs > VNIC_MODERATION_MAX)
		return -EINVAL;
	frames = min(frames, U16_MAX);
	v->moderation[first] = (struct vnic_virtio_moderation) { usecs, frames, true };
	for (i = first; i < vnic_virtio_ctrl(v); i += 2) {
		v->vq_moderation[i] = v->moderation[first];
		vector = READ_ONCE(v->vq[i].vector);
		if (vector < READ_ONCE(v->fn->vectors))
			vnic_vector_set_moderation(&v->fn->vec[vector], usecs, frames);
	}
	return 0;
}

/* The queue that a request is about (struct virtio_net_ctrl_coal_vq), if it is one that is
 * in use, or VNIC_VQ_MAX.
 */
static unsigned int vnic_ctrl_queue(const struct vnic_virtio *v, const u8 *data)
{
	u16 index = get_unaligned_le16(data);

	if (index >= vnic_virtio_ctrl(v))
		return VNIC_VQ_MAX;
	index = array_index_nospec(index, VNIC_VQ_MAX);
	return READ_ONCE(v->vq[index].enabled) ? index : VNIC_VQ_MAX;
}

/* A vCPU may take the queue's vector away meanwhile: it is read once.  One that comes later
 * gets what the queue has.
 */
static int vnic_ctrl_coalesce_set(struct vnic_virtio *v, const u8 *data, u32 len)
{
	u32 frames = get_unaligned_le32(data + 4), usecs = get_unaligned_le32(data + 8);
	unsigned int index = vnic_ctrl_queue(v, data);
	u16 vector;

	if (index == VNIC_VQ_MAX || usecs > VNIC_MODERATION_MAX)
		return -EINVAL;
	frames = min(frames, U16_MAX);
	v->vq_moderation[index] = (struct vnic_virtio_moderation) { usecs, frames, true };
	vector = READ_ONCE(v->vq[index].vector);
	if (vector < READ_ONCE(v->fn->vectors)) {
		vector = array_index_nospec(vector, VNIC_MAX_VECTORS);
		vnic_vector_set_moderation(&v->fn->vec[vector], usecs, frames);
	}
	return 0;
}

/* Bytes that the driver has for an answer */
static u64 vnic_ctrl_room(const struct vnic_virtio *v)
{
	unsigned int i;
	u64 room = 0;

	for (i = 0; i < v->num_in; i++)
		room += v->in[i].len;
	return room;
}

static int vnic_ctrl_coalesce_get(struct vnic_virtio *v, const u8 *data, u32 len)
{
	unsigned int index = vnic_ctrl_queue(v, data);
	const struct vnic_virtio_moderation *m;

	if (index == VNIC_VQ_MAX || vnic_ctrl_room(v) <= sizeof(v->reply))
		return -EINVAL;
	m = &v->vq_moderation[index];
	put_unaligned_le32(READ_ONCE(m->frames), v->reply);
	put_unaligned_le32(READ_ONCE(m->usecs), v->reply + 4);
	return 0;
}

static int vnic_ctrl_coalesce_tx(struct vnic_virtio *v, const u8 *data, u32 len)
{
	return vnic_ctrl_coalesce(v, data, 1);
}

static int vnic_ctrl_coalesce_rx(struct vnic_virtio *v, const u8 *data, u32 len)
{
	return vnic_ctrl_coalesce(v, data, 0);
}

static int vnic_ctrl_announced(struct vnic_virtio *v, const u8 *data, u32 len)
{
	v->announce = false;
	if (v->announce_again) {
		v->announce_again = false;
		v->announce_at = ktime_get_ns();
		vnic_fn_pend(v->fn, VNIC_PENDING_STATUS);
	}
	spin_lock(&v->lock);
	if (vnic_v16(v->config.status) & VIRTIO_NET_S_ANNOUNCE) {
		v->config.status &= ~vnic_to_v16(VIRTIO_NET_S_ANNOUNCE);
		v->generation++;
	}
	spin_unlock(&v->lock);
	return 0;
}

static const struct vnic_ctrl_op vnic_ctrl_ops[] = {
	{ VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, VIRTIO_NET_F_CTRL_RX, 1,
	  .config = true, .handle = vnic_ctrl_promisc },
	{ VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_ALLMULTI, VIRTIO_NET_F_CTRL_RX, 1,
	  .config = true, .handle = vnic_ctrl_allmulti },
	{ VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, VIRTIO_NET_F_CTRL_RX,
	  2 * sizeof(__le32), .list = true, .config = true, .handle = vnic_ctrl_table },
	{ VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, VIRTIO_NET_F_CTRL_MAC_ADDR,
	  ETH_ALEN, .config = true, .handle = vnic_ctrl_addr },
	{ VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_ADD, VIRTIO_NET_F_CTRL_VLAN, 2,
	  .handle = vnic_ctrl_vlan_add },
	{ VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_DEL, VIRTIO_NET_F_CTRL_VLAN, 2,
	  .handle = vnic_ctrl_vlan_del },
	{ VIRTIO_NET_CTRL_ANNOUNCE, VIRTIO_NET_CTRL_ANNOUNCE_ACK, VIRTIO_NET_F_GUEST_ANNOUNCE, 0,
	  .handle = vnic_ctrl_announced },
	{ VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, VIRTIO_NET_F_MQ, 2,
	  .handle = vnic_ctrl_pairs },
	{ VIRTIO_NET_CTRL_GUEST_OFFLOADS, VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET,
	  VIRTIO_NET_F_CTRL_GUEST_OFFLOADS, 8, .handle = vnic_ctrl_offloads },
	{ VIRTIO_NET_CTRL_NOTF_COAL, VIRTIO_NET_CTRL_NOTF_COAL_TX_SET, VIRTIO_NET_F_NOTF_COAL,
	  8, .handle = vnic_ctrl_coalesce_tx },
	{ VIRTIO_NET_CTRL_NOTF_COAL, VIRTIO_NET_CTRL_NOTF_COAL_RX_SET, VIRTIO_NET_F_NOTF_COAL,
	  8, .handle = vnic_ctrl_coalesce_rx },
	{ VIRTIO_NET_CTRL_NOTF_COAL, VIRTIO_NET_CTRL_NOTF_COAL_VQ_SET, VIRTIO_NET_F_VQ_NOTF_COAL,
	  12, .handle = vnic_ctrl_coalesce_set },
	{ VIRTIO_NET_CTRL_NOTF_COAL, VIRTIO_NET_CTRL_NOTF_COAL_VQ_GET, VIRTIO_NET_F_VQ_NOTF_COAL,
	  4, .reply = 8, .handle = vnic_ctrl_coalesce_get },
	{ VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_RSS_CONFIG, VIRTIO_NET_F_RSS, 13, .list = true,
	  .handle = vnic_ctrl_rss },
	{ VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_HASH_CONFIG, VIRTIO_NET_F_HASH_REPORT, 13,
	  .list = true, .handle = vnic_ctrl_hash },
};

/* NULL: none that this driver may ask for, or of the wrong length */
static const struct vnic_ctrl_op *vnic_ctrl_find(const struct vnic_virtio *v)
{
	const struct vnic_ctrl_op *op;
	u32 len = v->len - 2;
	unsigned int i;

	if (v->len < 2 || v->len > VNIC_CTRL_MAX)
		return NULL;
	for (i = 0; i < ARRAY_SIZE(vnic_ctrl_ops); i++) {
		op = &vnic_ctrl_ops[i];
		if (op->class == v->req[0] && op->cmd == v->req[1])
			return vnic_virtio_has(v, op->needs) &&
			       (op->list ? len >= op->len : len == op->len) ? op : NULL;
	}
	return NULL;
}

/**
 * struct vnic_ctrl_run - a request being done
 * @v: device
 * @op: what
 * @result: 0 or -errno
 */
struct vnic_ctrl_run {
	struct vnic_virtio		*v;
	const struct vnic_ctrl_op	*op;
	int				result;
};

static void vnic_ctrl_run(void *arg)
{
	struct vnic_ctrl_run *run = arg;

	run->result = run->op->handle(run->v, run->v->req + 2, run->v->len - 2);
}

/* ---- the queue ---- */

/*
 * Copy the next request.  1; 0: there is none; -errno: the driver's fault.  Of one that
 * is too long only the length is kept.
 */
static int vnic_ctrl_take(struct vnic_virtio *v)
{
	struct vnic_ring_page page[VNIC_RING_PAGES];
	struct vnic_buf buf[VNIC_VQ_BUFS];
	struct vnic_chain c = { .buf = buf, .most = ARRAY_SIZE(buf) };
	unsigned int i;
	u32 prod;
	int err;

	vnic_ring_no_pages(page);
	if (!vnic_vring_prod(v->fn, &v->ctrl, v->next, &prod))
		return -ENXIO;
	if (prod == v->next)
		return 0;
	if (prod - v->next > v->ctrl.size)
		return -EINVAL;
	err = vnic_vring_chain(v->fn, &v->ctrl, page, v->next, &c);
	if (err)
		return err;
	if (c.out == c.n || !buf[c.out].len)
		return -EINVAL;		/* no place for an answer */
	v->id = c.id;
	v->entries = c.entries;
	v->num_in = min_t(u32, c.n - c.out, ARRAY_SIZE(v->in));
	memcpy(v->in, buf + c.out, v->num_in * sizeof(*buf));
	v->len = 0;
	for (i = 0; i < c.out; i++) {
		if (v->len + (u64)buf[i].len > VNIC_CTRL_MAX) {
			v->len = U32_MAX;
			break;
		}
		if (!vnic_vring_copy(v->fn, buf[i].addr, v->req + v->len, buf[i].len))
			return -EFAULT;
		v->len += buf[i].len;
	}
	return 1;
}

/* Write byte @at of the answer.  False: there is no such byte, or no memory. */
static bool vnic_ctrl_put(struct vnic_virtio *v, u32 at, u8 byte)
{
	struct vnic_as *as = v->fn->as;
	unsigned int i;
	u8 *ptr;

	for (i = 0; i < v->num_in; at -= v->in[i++].len) {
		if (at >= v->in[i].len)
			continue;
		ptr = vnic_as_wptr(as, v->in[i].addr + at, 1);
		if (ptr)
			vnic_as_store(as, v->in[i].addr + at, ptr, &byte, 1);
		return ptr;
	}
	return false;
}

/* What is asked for, and the result behind it.  0 or -EFAULT */
static int vnic_ctrl_answer(struct vnic_virtio *v, u8 ack)
{
	struct vnic_ring_page page[VNIC_RING_PAGES];
	struct vnic_fn *fn = v->fn;
	bool ok = true;
	u32 i;

	vnic_ring_no_pages(page);
	vnic_as_begin_bh();
	for (i = 0; i < v->reply_len && ok; i++)
		ok = vnic_ctrl_put(v, i, v->reply[i]);
	ok = ok && vnic_ctrl_put(v, i, ack);
	smp_wmb();	/* the answer before whose it is */
	ok = ok && vnic_vring_put(fn, &v->ctrl, page, v->next, v->id, i + 1);
	if (ok) {
		v->next += v->entries;
		v->ctrl.vring.done = v->next;
		ok = vnic_vring_publish(fn, &v->ctrl, 0, 0, 0);
	}
	vnic_as_end_bh();
	return ok ? 0 : -EFAULT;
}

/* One request.  1: there may be more; 0: there are none; -EAGAIN: not now; other -errno:
 * the driver's fault
 */
static int vnic_ctrl_one(struct vnic_virtio *v)
{
	struct vnic_ctrl_run run = { .v = v, .result = -EOPNOTSUPP };
	struct vnic_fn *fn = v->fn;
	u64 wait;
	int n;

	vnic_as_begin();
	n = vnic_ctrl_take(v);
	vnic_as_end();
	if (n <= 0)
		return n;
	run.op = vnic_ctrl_find(v);
	memset(v->reply, 0, sizeof(v->reply));
	v->reply_len = run.op ? min_t(u64, run.op->reply, vnic_ctrl_room(v) - 1) : 0;
	if (run.op && run.op->config) {
		wait = vnic_fn_toll(fn);
		if (wait) {
			vnic_fn_pend_at(fn, VNIC_PENDING_REQUEST, ktime_get_ns() + wait);
			return -EAGAIN;
		}
		vnic_fn_call(fn, vnic_ctrl_run, &run);
	} else if (run.op) {
		vnic_ctrl_run(&run);
	}
	if (run.result)
		WRITE_ONCE(fn->refused, fn->refused + 1);
	trace_vnic_ctrl(fn, v->len > 0 ? v->req[0] : 0, v->len > 1 ? v->req[1] : 0, run.result);
	return vnic_ctrl_answer(v, run.result ? VIRTIO_NET_ERR : VIRTIO_NET_OK) ?: 1;
}

/* One request a turn; the driver is asked to ring for the next. */
static void vnic_ctrl_work(struct vnic_virtio *v)
{
	struct vnic_fn *fn = v->fn;
	bool ok;
	u32 more;
	int n;

	if (!v->ctrl.live)
		return;
	n = vnic_ctrl_one(v);
	if (n == -EAGAIN)
		return;
	if (!n) {
		vnic_as_begin();
		ok = vnic_vring_arm(fn, &v->ctrl, v->next, 1, &more);
		vnic_as_end();
		n = ok ? more : -ENXIO;
	}
	if (n < 0)
		vnic_fn_fail(fn, n == -EINVAL || n == -E2BIG ? "control queue invalid" :
								"control queue not accessible");
	else if (n)
		vnic_fn_pend(fn, VNIC_PENDING_REQUEST);
}

/* ---- how things are ---- */

u16 vnic_virtio_tell(const struct vnic_virtio *v)
{
	u16 tell = 0;

	if (v->offloads & BIT_ULL(VIRTIO_NET_F_GUEST_CSUM))
		tell |= VNIC_FR_CSUM_OK | VNIC_FR_CSUM_PARTIAL;
	if (v->offloads & BIT_ULL(VIRTIO_NET_F_GUEST_TSO4))
		tell |= VNIC_FR_TSO4;
	if (v->offloads & BIT_ULL(VIRTIO_NET_F_GUEST_TSO6))
		tell |= VNIC_FR_TSO6;
	if (v->offloads & BIT_ULL(VIRTIO_NET_F_GUEST_USO4))
		tell |= VNIC_FR_USO4;
	if (v->offloads & BIT_ULL(VIRTIO_NET_F_GUEST_USO6))
		tell |= VNIC_FR_USO6;
	if (vnic_virtio_has(v, VIRTIO_NET_F_HASH_REPORT) && v->hash_types)
		tell |= VNIC_FR_HASH;
	return tell;
}

void vnic_virtio_gather(void *virtio)
{
	struct vnic_virtio *v = virtio;
	struct virtio_net_config config = {
		.max_virtqueue_pairs = vnic_to_v16(v->pairs),
		.rss_max_key_size = VNIC_HASH_KEY_LEN,
		.rss_max_indirection_table_length = cpu_to_le16(VNIC_RSS_SLOTS),
		.supported_hash_types = cpu_to_le32(VNIC_HASH_ALL),
		.duplex = DUPLEX_FULL,
	};
	struct vnic_port_info info;

	vnic_port_get_info(&v->fn->port, &info);
	ether_addr_copy(config.mac, info.mac);
	config.status = vnic_to_v16((info.link_up ? VIRTIO_NET_S_LINK_UP : 0) |
				    (v->announce ? VIRTIO_NET_S_ANNOUNCE : 0));
	config.speed = cpu_to_le32(info.link_up && info.speed ? info.speed : SPEED_UNKNOWN);
	spin_lock(&v->lock);
	if (memcmp(&config, &v->config, sizeof(config))) {
		v->config = config;
		v->generation++;
	}
	spin_unlock(&v->lock);
}

/* Have peers lost sight of the driver?  Its link has come up, or since it started the host
 * has given it another VLAN or address.
 */
static bool vnic_virtio_moved(struct vnic_virtio *v, const struct vnic_port_info *info)
{
	bool moved = info->link_up && !(vnic_v16(v->config.status) & VIRTIO_NET_S_LINK_UP);

	if (v->settled)
		moved |= info->vlan != v->vlan || info->vlan_proto != v->vlan_proto ||
			 !ether_addr_equal(info->mac, v->config.mac);
	v->settled = info->enabled;
	v->vlan = info->vlan;
	v->vlan_proto = info->vlan_proto;
	return moved && info->enabled;
}

/*
 * A driver that can is to announce itself then.  Linux reads that and the link in one go, and
 * announces first, so it is told a while after the link.  One that has not answered yet may
 * have announced itself before what is new now: it is told again once it has.
 */
static void vnic_virtio_announce(struct vnic_virtio *v, const struct vnic_port_info *info)
{
	if (vnic_virtio_moved(v, info) && vnic_virtio_has(v, VIRTIO_NET_F_GUEST_ANNOUNCE))
		v->announce_at = ktime_get_ns() + VNIC_VIRTIO_ANNOUNCE;
	if (!v->announce_at)
		return;
	if (ktime_get_ns() < v->announce_at) {
		vnic_fn_pend_at(v->fn, VNIC_PENDING_STATUS, v->announce_at);
		return;
	}
	v->announce_at = 0;
	v->announce_again = v->announce;
	v->announce = true;
}

/*
 * The host allows more than before, or less.  No virtio driver asks again for what it was
 * refused, or had until trust went, so that is done for it.
 */
static void vnic_virtio_allowed(struct vnic_virtio *v, const struct vnic_port_info *info)
{
	if (v->allow_seq == info->allow_seq || !info->enabled)
		return;
	v->modes = info->trusted ? v->wanted : 0;
	if (vnic_virtio_rx_mode(v, v->modes) == -ENOMEM)
		vnic_fn_pend_at(v->fn, VNIC_PENDING_STATUS, ktime_get_ns() + NSEC_PER_SEC);
	else
		v->allow_seq = info->allow_seq;
	vnic_virtio_vlans(v);
}

static void vnic_virtio_look(void *virtio)
{
	struct vnic_virtio *v = virtio;
	struct vnic_port_info info;

	vnic_port_get_info(&v->fn->port, &info);
	vnic_virtio_allowed(v, &info);
	vnic_virtio_announce(v, &info);
	vnic_virtio_gather(v);
}

/* Link, address, or an error: the driver looks for itself. */
static void vnic_virtio_status(struct vnic_virtio *v)
{
	struct vnic_fn *fn = v->fn;
	u64 wait = vnic_fn_toll(fn);
	u8 was = v->generation;
	u16 vector;

	if (wait) {
		vnic_fn_pend_at(fn, VNIC_PENDING_STATUS, ktime_get_ns() + wait);
		return;
	}
	vnic_fn_call(fn, vnic_virtio_look, v);
	if (v->generation == was && !test_bit(VNIC_FN_FAILED, &fn->flags))
		return;
	set_bit(1, &v->isr);
	vector = READ_ONCE(v->vector);
	if (vector < READ_ONCE(fn->vectors))
		vnic_vector_raise(fn, vector, 1, 0);
}

/*
 * The driver is ready.  One that does not say what it wants to hear (5.1.6.5.1,
 * 5.1.6.5.3) is in all VLANs, and one that cannot hears all multicast if the host trusts
 * it, else what neighbours are found by.  Of service tags no driver can say, and its MTU is
 * unknown.
 */
static void vnic_virtio_enable(void *virtio)
{
	struct vnic_virtio *v = virtio;
	struct vnic_port *port = &v->fn->port;

	vnic_port_guest_mtu(port, VNIC_MTU_MAX);
	vnic_virtio_vlans(v);
	if (!vnic_virtio_has(v, VIRTIO_NET_F_CTRL_RX))
		vnic_ctrl_mode(v, VNIC_MODE_ALLMULTI, 1);
	set_bit(VNIC_FN_ENABLED, &v->fn->flags);
	vnic_port_guest_enable(port, true);
}

static void vnic_virtio_start(struct vnic_virtio *v)
{
	struct vnic_fn *fn = v->fn;
	u64 wait = vnic_fn_toll(fn);

	if (wait) {
		vnic_fn_pend_at(fn, VNIC_PENDING_START, ktime_get_ns() + wait);
		return;
	}
	vnic_fn_call(fn, vnic_virtio_enable, v);
	vnic_fn_pend(fn, VNIC_PENDING_STATUS);	/* vnic_virtio_allowed() waits for this */
	vnic_fn_wake_queues(fn);
}

void vnic_ctrl_reset(struct vnic_virtio *v)
{
	v->ctrl.live = false;
	v->next = 0;
}

void vnic_virtio_work(struct vnic_fn *fn)
{
	struct vnic_virtio *v = fn->virtio;

	if (test_and_clear_bit(VNIC_PENDING_START, &fn->pending))
		vnic_virtio_start(v);
	if (test_and_clear_bit(VNIC_PENDING_STATUS, &fn->pending))
		vnic_virtio_status(v);
	if (test_and_clear_bit(VNIC_PENDING_REQUEST, &fn->pending) &&
	    !test_bit(VNIC_FN_FAILED, &fn->flags))
		vnic_ctrl_work(v);
}
