// SPDX-License-Identifier: GPL-2.0
/*
 * From an skb to the switch: what the PF sends and what the uplink receives by itself, one
 * frame at a time in the scratch memory of the CPU it comes on.
 */
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <net/gso.h>

#include "priv.h"

int vnic_scratch_alloc(struct vnic_net *net)
{
	unsigned int cpu;

	net->scratch = alloc_percpu(struct vnic_scratch);
	if (!net->scratch)
		return -ENOMEM;
	for_each_possible_cpu(cpu)
		vnic_cpu_claim_init(&per_cpu_ptr(net->scratch, cpu)->claim);
	return 0;
}

struct vnic_scratch *vnic_scratch_get(struct vnic_net *net)
{
	struct vnic_scratch *s;

	if (!vnic_cpu_claim_get(&net->scratch->claim))
		return NULL;
	s = this_cpu_ptr(net->scratch);
	s->rc = NET_XMIT_SUCCESS;
	return s;
}

void vnic_scratch_put(struct vnic_net *net)
{
	vnic_cpu_claim_put(&net->scratch->claim);
}

static void vnic_net_forward(struct vnic_port *port, struct vnic_frame *f)
{
	bool busy;

	vnic_switch_forward(port, f, 1, &busy);
	if (f->skb)
		consume_skb(f->skb);
}

void vnic_net_malformed(struct vnic_port *port, struct sk_buff *skb)
{
	vnic_port_drop(port, VNIC_DROP_TX_MALFORMED, 1);
	kfree_skb(skb);
}

struct sk_buff *vnic_net_segment(struct vnic_port *port, struct sk_buff *skb)
{
	struct sk_buff *segs = __skb_gso_segment(skb, NETIF_F_SG | NETIF_F_HW_CSUM, false);

	if (IS_ERR_OR_NULL(segs)) {
		vnic_net_malformed(port, skb);
		return NULL;
	}
	consume_skb(skb);
	return segs;
}

static void vnic_net_switch_segments(struct vnic_port *port, struct vnic_scratch *s,
				     struct sk_buff *skb)
{
	struct sk_buff *segs = vnic_net_segment(port, skb), *seg, *next;

	skb_list_walk_safe(segs, seg, next) {
		skb_mark_not_on_list(seg);
		if (vnic_frame_from_skb(&s->frame, seg))
			vnic_net_malformed(port, seg);
		else
			vnic_net_forward(port, &s->frame);
	}
}

void vnic_net_switch_skb(struct vnic_port *port, struct vnic_scratch *s, struct sk_buff *skb)
{
	int err = vnic_frame_from_skb(&s->frame, skb);

	if (!err)
		vnic_net_forward(port, &s->frame);
	else if (err == -EOPNOTSUPP && skb_is_gso(skb))
		vnic_net_switch_segments(port, s, skb);
	else
		vnic_net_malformed(port, skb);
}
