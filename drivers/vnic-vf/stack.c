// SPDX-License-Identifier: GPL-2.0
/*
 * What is received goes up the stack: through GRO if that may pay, else in lists.
 *
 * Of UDP nothing is joined, but for sockets with UDP_GRO, tunnels and forwarding that want
 * it, and a driver cannot see whether there are any.  So UDP goes up in lists, but the last
 * datagram of a poll, and how GRO takes that says whether somebody wants it.  Then all of it
 * goes through GRO, until GRO has kept nothing of it in many polls.  Frames of a flow keep
 * their order: within a poll all go one way, and a list goes up before what comes behind it.
 * While somebody polls busily GRO may keep a frame over many polls: then nothing changes.
 */
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netdevice.h>
#include <net/busy_poll.h>
#include <net/ipv6.h>

#include "rx.h"

#define VNICVF_STACK_LIST	8	/* frames of a list, as net.core.gro_normal_batch */
#define VNICVF_STACK_GRO	256	/* polls with UDP until that goes past GRO again */

/* Fragments, which GRO joins no more, are to come between the datagrams as they were sent. */
static bool vnicvf_stack_v6_udp(u8 nexthdr)
{
	return nexthdr == IPPROTO_UDP || nexthdr == NEXTHDR_FRAGMENT;
}

static bool vnicvf_stack_is_udp(const struct sk_buff *skb)
{
	if (skb->protocol == htons(ETH_P_IP))
		return skb_headlen(skb) >= sizeof(struct iphdr) &&
		       ((const struct iphdr *)skb->data)->protocol == IPPROTO_UDP;
	if (skb->protocol == htons(ETH_P_IPV6))
		return skb_headlen(skb) >= sizeof(struct ipv6hdr) &&
		       vnicvf_stack_v6_udp(((const struct ipv6hdr *)skb->data)->nexthdr);
	return false;
}

static void vnicvf_stack_list(struct vnicvf_rxq *rx)
{
	netif_receive_skb_list(&rx->up);
	INIT_LIST_HEAD(&rx->up);
	rx->up_num = 0;
}

static void vnicvf_stack_gro(struct vnicvf_qp *qp, struct sk_buff *skb)
{
	if (napi_gro_receive(&qp->napi, skb) != GRO_NORMAL)
		qp->rx.up_gro = VNICVF_STACK_GRO;
}

void vnicvf_stack_rx(struct vnicvf_qp *qp, struct sk_buff *skb)
{
	struct vnicvf_rxq *rx = &qp->rx;

	if (!vnicvf_stack_is_udp(skb)) {
		napi_gro_receive(&qp->napi, skb);
		return;
	}
	if (unlikely(rx->up_gro)) {
		rx->up_seen = true;
		vnicvf_stack_gro(qp, skb);
		return;
	}
	if (rx->up_num == VNICVF_STACK_LIST)
		vnicvf_stack_list(rx);
	skb_mark_napi_id(skb, &qp->napi);
	list_add_tail(&skb->list, &rx->up);
	rx->up_num++;
}

void vnicvf_stack_end(struct vnicvf_qp *qp)
{
	struct vnicvf_rxq *rx = &qp->rx;
	struct sk_buff *last;

	if (unlikely(rx->up_gro) && rx->up_seen &&
	    !test_bit(NAPI_STATE_IN_BUSY_POLL, &qp->napi.state))
		rx->up_gro--;
	rx->up_seen = false;
	if (!rx->up_num)
		return;
	last = list_last_entry(&rx->up, struct sk_buff, list);
	skb_list_del_init(last);
	if (!list_empty(&rx->up))
		vnicvf_stack_list(rx);
	rx->up_num = 0;
	vnicvf_stack_gro(qp, last);
}
