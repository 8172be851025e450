// SPDX-License-Identifier: GPL-2.0
/*
 * What the uplink receives.  A frame that comes alone is switched where it comes.  What
 * follows in the same run of the CPU's receive softirq is queued, and switched in batches
 * when the NIC's poll is over, by a NAPI instance of the PF's netdev, as GRO cells do it
 * for tunnels.
 */
#include <linux/etherdevice.h>
#include <linux/kernel_stat.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <net/dst.h>
#include <net/gso.h>

#include "uplink.h"

#define VNIC_UPLINK_BATCH	16	/* frames: VNIC_BATCH at most */
#define VNIC_UPLINK_BACKLOG	1000	/* skbs of a CPU, as many as the kernel's own backlog */
#define VNIC_UPLINK_TURN	4	/* budgets of skbs that a poll takes */

/* Last bytes of the bridges' group addresses, 01:80:c2:00:00:xx (802.1Q 8.6.3) */
#define VNIC_STP	0x00
#define VNIC_STP_AD	0x08	/* of provider bridges */

/**
 * struct vnic_uplink_cell - what the uplink has received on a CPU
 * @napi: switches it
 * @queue: skbs, data at the Ethernet header, not shared
 * @up: the uplink
 * @run: which run of the softirq the last frame came in
 * @frames: of @n skbs, VNIC_UPLINK_BATCH at most; @napi's, too large for the stack
 * @n: how many
 */
struct vnic_uplink_cell {
	struct napi_struct	napi;
	struct sk_buff_head	queue;
	struct vnic_uplink	*up;
	unsigned int		run;
	struct vnic_frame	*frames;
	unsigned int		n;
};

/* ---- in the NIC's receive context ---- */

/* Is it for the uplink's own end of the link (LLDP, LACP, pause), or its stack?  What
 * bridges tell each other is not: a bridge can be over the PF, never over the uplink.
 */
static bool vnic_uplink_own(const struct sk_buff *skb)
{
	const u8 *dest = eth_hdr(skb)->h_dest;

	if (skb->pkt_type == PACKET_LOOPBACK)
		return true;
	return is_link_local_ether_addr(dest) && dest[5] != VNIC_STP && dest[5] != VNIC_STP_AD;
}

/* Is it the first of this run of the softirq, and none before it waits? */
static bool vnic_uplink_first(struct vnic_uplink_cell *cell)
{
	unsigned int run = kstat_softirqs_cpu(NET_RX_SOFTIRQ, smp_processor_id());
	bool first = cell->run != run;

	cell->run = run;
	return first && !napi_is_scheduled(&cell->napi);
}

/* False: the CPU is switching already. */
static bool vnic_uplink_now(struct vnic_uplink *up, struct sk_buff *skb)
{
	struct vnic_scratch *s = vnic_scratch_get(up->net);

	if (!s)
		return false;
	vnic_net_switch_skb(&up->port, s, skb);
	vnic_scratch_put(up->net);
	return true;
}

/* False: there is no room. */
static bool vnic_uplink_queue(struct vnic_uplink_cell *cell, struct sk_buff *skb)
{
	unsigned int len;

	/* The NAPI instance can be a thread's, on another CPU. */
	spin_lock(&cell->queue.lock);
	len = skb_queue_len(&cell->queue);
	if (len < VNIC_UPLINK_BACKLOG)
		__skb_queue_tail(&cell->queue, skb);
	spin_unlock(&cell->queue.lock);
	if (!len)
		napi_schedule(&cell->napi);
	return len < VNIC_UPLINK_BACKLOG;
}

rx_handler_result_t vnic_uplink_rx(struct sk_buff **pskb)
{
	struct sk_buff *skb = *pskb;
	struct vnic_uplink_cell *cell;
	struct vnic_uplink *up;

	if (unlikely(vnic_uplink_own(skb)))
		return RX_HANDLER_PASS;
	up = rcu_dereference(skb->dev->rx_handler_data);
	skb = skb_share_check(skb, GFP_ATOMIC);
	if (unlikely(!skb)) {
		vnic_port_drop(&up->port, VNIC_DROP_TX_FAULT, 1);
		return RX_HANDLER_CONSUMED;
	}
	if (unlikely(skb_orphan_frags_rx(skb, GFP_ATOMIC)))
		goto drop;
	skb_orphan(skb);	/* a VF may keep it long */
	skb_dst_drop(skb);
	nf_reset_ct(skb);
	skb_push(skb, ETH_HLEN);
	cell = this_cpu_ptr(up->cells);
	if (vnic_uplink_first(cell) && vnic_uplink_now(up, skb))
		return RX_HANDLER_CONSUMED;
	if (likely(vnic_uplink_queue(cell, skb)))
		return RX_HANDLER_CONSUMED;
drop:
	vnic_port_drop(&up->port, VNIC_DROP_TX_FAULT, 1);
	kfree_skb(skb);
	return RX_HANDLER_CONSUMED;
}

/* ---- in the cell's NAPI context ---- */

/* Send what there is. */
static void vnic_uplink_flush(struct vnic_uplink_cell *cell)
{
	unsigned int i, done;
	bool busy;

	/* The switch may stop behind a frame for many; it never waits for who receives. */
	for (i = 0; i < cell->n; i += done) {
		done = vnic_switch_forward(&cell->up->port, &cell->frames[i], cell->n - i, &busy);
		if (WARN_ON_ONCE(!done))
			break;
	}
	for (i = 0; i < cell->n; i++)
		if (cell->frames[i].skb)
			consume_skb(cell->frames[i].skb);
	cell->n = 0;
}

/* One more frame.  Returns as vnic_frame_from_skb(). */
static int vnic_uplink_add_frame(struct vnic_uplink_cell *cell, struct sk_buff *skb)
{
	int err = vnic_frame_from_skb(&cell->frames[cell->n], skb);

	if (!err && ++cell->n == VNIC_UPLINK_BATCH)
		vnic_uplink_flush(cell);
	return err;
}

static void vnic_uplink_add_skb(struct vnic_uplink_cell *cell, struct sk_buff *skb)
{
	struct sk_buff *seg, *next, *segs = NULL;
	int err = vnic_uplink_add_frame(cell, skb);

	if (likely(!err))
		return;
	if (err == -EOPNOTSUPP && skb_is_gso(skb))
		segs = vnic_net_segment(&cell->up->port, skb);
	else
		vnic_net_malformed(&cell->up->port, skb);
	skb_list_walk_safe(segs, seg, next) {
		skb_mark_not_on_list(seg);
		if (vnic_uplink_add_frame(cell, seg))
			vnic_net_malformed(&cell->up->port, seg);
	}
}

/*
 * More than the budget: of each of the NIC's queues that this CPU polls as much may have come
 * since the last time.  What finds no room is lost before a bucket or a guarantee has judged
 * it.
 */
static int vnic_uplink_poll(struct napi_struct *napi, int budget)
{
	struct vnic_uplink_cell *cell = container_of(napi, struct vnic_uplink_cell, napi);
	struct sk_buff_head list;
	struct sk_buff *skb;
	int done = 0;

	__skb_queue_head_init(&list);
	spin_lock(&cell->queue.lock);
	while (done < budget * VNIC_UPLINK_TURN && (skb = __skb_dequeue(&cell->queue))) {
		__skb_queue_tail(&list, skb);
		done++;
	}
	spin_unlock(&cell->queue.lock);
	while ((skb = __skb_dequeue(&list)))
		vnic_uplink_add_skb(cell, skb);
	vnic_uplink_flush(cell);
	if (done >= budget)
		return budget;
	napi_complete_done(napi, done);
	return done;
}

/* ---- rtnl ---- */

int vnic_uplink_rx_init(struct vnic_uplink *up)
{
	struct vnic_uplink_cell *cell;
	unsigned int cpu;

	up->cells = alloc_percpu(struct vnic_uplink_cell);
	if (!up->cells)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		cell = per_cpu_ptr(up->cells, cpu);
		cell->frames = kvmalloc_node(VNIC_UPLINK_BATCH * sizeof(*cell->frames),
					     GFP_KERNEL, cpu_to_node(cpu));
		if (!cell->frames)
			goto free;
	}
	for_each_possible_cpu(cpu) {
		cell = per_cpu_ptr(up->cells, cpu);
		cell->up = up;
		skb_queue_head_init(&cell->queue);
		set_bit(NAPI_STATE_NO_BUSY_POLL, &cell->napi.state);
		netif_napi_add(up->net->dev, &cell->napi, vnic_uplink_poll);
		napi_enable(&cell->napi);
	}
	return 0;

free:
	for_each_possible_cpu(cpu)
		kvfree(per_cpu_ptr(up->cells, cpu)->frames);
	free_percpu(up->cells);
	return -ENOMEM;
}

void vnic_uplink_rx_exit(struct vnic_uplink *up)
{
	struct vnic_uplink_cell *cell;
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		cell = per_cpu_ptr(up->cells, cpu);
		napi_disable(&cell->napi);
		__netif_napi_del(&cell->napi);
	}
	synchronize_net();	/* for all of them */
	for_each_possible_cpu(cpu) {
		cell = per_cpu_ptr(up->cells, cpu);
		skb_queue_purge(&cell->queue);
		kvfree(cell->frames);
	}
	free_percpu(up->cells);
}
