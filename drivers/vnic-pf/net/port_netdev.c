// SPDX-License-Identifier: GPL-2.0
/*
 * The netdev of a VF's port, for who asks for one: the host's handle on what is sent to
 * the VF.
 *
 * It is there to attach an XDP program to (switch/port_xdp.c runs it), and shows what the
 * VF has received and lost.  No frame comes to it and none is sent by it, so nothing can
 * be put upon it: bridges and bonds are refused it, and VLANs.  It is no representor: the
 * adapter is no switchdev.
 *
 * It has no parent device, since who looks for the PF's netdev takes the first one below the
 * PF's PCI device.  devlink says whose port it is, and the name does: the adapter's PCI
 * domain and the VF.
 *
 * What a program answers (XDP_TX) waits in a short queue, and is sent in NAPI context as if
 * the VF had sent it.
 */
#include <linux/etherdevice.h>
#include <linux/ethtool.h>
#include <linux/filter.h>
#include <linux/rtnetlink.h>

#include <compat.h>

#include "../switch/port_xdp.h"
#include "devlink.h"

#define VNIC_ANSWERS	256	/* frames that wait at most */

/**
 * struct vnic_port_netdev - private data of the netdev
 * @dev: the netdev
 * @ad: adapter
 * @port: the VF's port
 * @xdp: its program
 * @napi: sends @answers
 * @answers: frames of the program
 */
struct vnic_port_netdev {
	struct net_device	*dev;
	struct vnic_adapter	*ad;
	struct vnic_port	*port;
	struct vnic_port_xdp	xdp;
	struct napi_struct	napi;
	struct sk_buff_head	answers;
};

/* ---- answers ---- */

/* vnic_port_xdp.answer */
static void vnic_port_netdev_answer(struct vnic_port_xdp *xdp, const void *data, unsigned int len)
{
	struct vnic_port_netdev *pn = container_of(xdp, struct vnic_port_netdev, xdp);
	struct sk_buff *skb = NULL;

	/* The PF's, since somebody may keep it for longer than the port's netdev is there. */
	if (skb_queue_len_lockless(&pn->answers) < VNIC_ANSWERS)
		skb = netdev_alloc_skb(pn->ad->net->dev, len);
	if (!skb) {
		DEV_STATS_INC(pn->dev, tx_fifo_errors);
		return;
	}
	skb_put_data(skb, data, len);
	skb_queue_tail(&pn->answers, skb);
	napi_schedule(&pn->napi);
}

/* The answer as a frame of the VF's own, which may be tagged and made anew. */
static int vnic_port_netdev_frame(struct vnic_frame *f, const struct sk_buff *skb)
{
	memset(f, 0, offsetof(struct vnic_frame, spans));
	f->answer = true;
	f->len = skb->len;
	f->hdr_len = min_t(u32, f->len, VNIC_HDR_MAX);
	memcpy(f->hdr, skb->data, f->hdr_len);
	if (f->len > f->hdr_len)
		f->spans[f->nspans++] = (struct vnic_span) {
			.ptr = skb->data + f->hdr_len,
			.len = f->len - f->hdr_len,
		};
	return vnic_frame_finish(f);
}

/*
 * May the VF send it now?  Its rates, and what it may have under way, are for all that it
 * sends; half of each is left to the VF itself, which a flood that is answered would mute.
 */
static bool vnic_port_netdev_may(struct vnic_port_netdev *pn, const struct vnic_frame *f)
{
	return vnic_uplink_spare(pn->ad->net, pn->port->index) &&
	       (!vnic_port_shaped(pn->port) || vnic_port_shape_spare(pn->port, f));
}

/* It was not: it is not charged for. */
static void vnic_port_netdev_give_back(struct vnic_port *port, const struct vnic_frame *f)
{
	if (vnic_port_shaped(port))
		vnic_port_unshape(port, f, 1);
}

/* Send an answer as the VF would.  False: it is lost. */
static bool vnic_port_netdev_send(struct vnic_port_netdev *pn, struct vnic_frame *f,
				  struct sk_buff *skb)
{
	bool busy;

	if (vnic_port_netdev_frame(f, skb)) {
		vnic_port_drop(pn->port, VNIC_DROP_TX_MALFORMED, 1);
		return true;	/* counted */
	}
	if (!vnic_port_netdev_may(pn, f))
		return false;
	if (vnic_switch_forward(pn->port, f, 1, &busy))
		return true;
	vnic_port_netdev_give_back(pn->port, f);
	return false;
}

static int vnic_port_netdev_poll(struct napi_struct *napi, int budget)
{
	struct vnic_port_netdev *pn = container_of(napi, struct vnic_port_netdev, napi);
	struct vnic_scratch *s;
	struct sk_buff *skb;
	int done = 0;

	while (done < budget) {
		skb = skb_dequeue(&pn->answers);
		if (!skb)
			break;
		s = vnic_scratch_get(pn->ad->net);
		if (s && vnic_port_netdev_send(pn, &s->frame, skb)) {
			consume_skb(skb);
		} else {
			DEV_STATS_INC(pn->dev, tx_fifo_errors);
			kfree_skb(skb);
		}
		if (s)
			vnic_scratch_put(pn->ad->net);
		done++;
	}
	if (done < budget)
		napi_complete_done(napi, done);
	return done;
}

/* ---- the netdev ---- */

/* Replaced at once: a frame on its way is judged by the one or the other. */
static void vnic_port_netdev_set_prog(struct vnic_port_netdev *pn, struct bpf_prog *prog)
{
	struct bpf_prog *old = rtnl_dereference(pn->xdp.prog);

	rcu_assign_pointer(pn->xdp.prog, prog);
	vnic_port_set_xdp(pn->port, prog ? &pn->xdp : NULL);
	if (old)
		bpf_prog_put(old);	/* freed after a grace period */
}

static int vnic_port_netdev_bpf(struct net_device *dev, struct netdev_bpf *bpf)
{
	switch (bpf->command) {
	case XDP_SETUP_PROG:
		vnic_port_netdev_set_prog(netdev_priv(dev), bpf->prog);
		return 0;
	case XDP_SETUP_PROG_HW:
		NL_SET_ERR_MSG_MOD(bpf->extack, "Programs run on the host: xdpdrv is accepted");
		return -EOPNOTSUPP;
	default:
		return -EINVAL;
	}
}

static netdev_tx_t vnic_port_netdev_xmit(struct sk_buff *skb, struct net_device *dev)
{
	DEV_STATS_INC(dev, tx_errors);
	kfree_skb(skb);
	return NET_XMIT_DROP;
}

static void vnic_port_netdev_get_stats64(struct net_device *dev, struct rtnl_link_stats64 *s)
{
	struct vnic_port_netdev *pn = netdev_priv(dev);
	struct vnic_port_stats st;

	vnic_port_get_stats(pn->port, &st);
	s->rx_packets = st.rx_packets;
	s->rx_bytes = st.rx_bytes;
	s->multicast = st.rx_multicast;
	s->rx_dropped = st.rx_dropped;
	s->tx_packets = st.tx_packets;
	s->tx_bytes = st.tx_bytes;
	s->tx_dropped = st.tx_dropped;
	s->tx_errors = DEV_STATS_READ(dev, tx_errors);
	s->tx_fifo_errors = DEV_STATS_READ(dev, tx_fifo_errors);
}

static const struct net_device_ops vnic_port_netdev_ops = {
	.ndo_start_xmit		= vnic_port_netdev_xmit,
	.ndo_get_stats64	= vnic_port_netdev_get_stats64,
	.ndo_bpf		= vnic_port_netdev_bpf,
};

static void vnic_port_netdev_drvinfo(struct net_device *dev, struct ethtool_drvinfo *info)
{
	struct vnic_port_netdev *pn = netdev_priv(dev);

	strscpy(info->driver, "vnic-pf", sizeof(info->driver));
	strscpy(info->fw_version, VNIC_RELEASE, sizeof(info->fw_version));
	strscpy(info->bus_info, pci_name(pn->ad->pf), sizeof(info->bus_info));
}

static int vnic_port_netdev_sset_count(struct net_device *dev, int sset)
{
	return sset == ETH_SS_STATS ? VNIC_DROP_MAX : -EOPNOTSUPP;
}

static void vnic_port_netdev_strings(struct net_device *dev, u32 sset, u8 *data)
{
	unsigned int i;

	for (i = 0; sset == ETH_SS_STATS && i < VNIC_DROP_MAX; i++)
		ethtool_puts(&data, vnic_drop_names[i]);
}

static void vnic_port_netdev_stats(struct net_device *dev, struct ethtool_stats *stats, u64 *data)
{
	struct vnic_port_netdev *pn = netdev_priv(dev);
	struct vnic_port_stats st;

	vnic_port_get_stats(pn->port, &st);
	memcpy(data, st.drops, sizeof(st.drops));
}

static const struct ethtool_ops vnic_port_ethtool_ops = {
	.get_drvinfo		= vnic_port_netdev_drvinfo,
	.get_link		= ethtool_op_get_link,
	.get_sset_count		= vnic_port_netdev_sset_count,
	.get_strings		= vnic_port_netdev_strings,
	.get_ethtool_stats	= vnic_port_netdev_stats,
};

/* ---- lifetime ---- */

/* alloc_netdev()'s */
static void vnic_port_netdev_setup(struct net_device *dev)
{
	ether_setup(dev);
	dev->netdev_ops = &vnic_port_netdev_ops;
	dev->ethtool_ops = &vnic_port_ethtool_ops;
	dev->flags = IFF_NOARP;
	dev->priv_flags |= IFF_NO_QUEUE | IFF_NO_ADDRCONF | IFF_NO_RX_HANDLER |
			   IFF_DISABLE_NETPOLL;
	dev->priv_flags &= ~IFF_TX_SKB_SHARING;
	dev->lltx = true;
	dev->xdp_features = NETDEV_XDP_ACT_BASIC;
	dev->features |= NETIF_F_VLAN_CHALLENGED;
	vnic_netdev_stays(dev);
	eth_hw_addr_random(dev);
}

static struct net_device *vnic_port_netdev_alloc(struct vnic_devlink_vf *dvf)
{
	struct vnic_adapter *ad = dvf->fn->ad;
	struct vnic_port_netdev *pn;
	struct net_device *dev;
	char name[IFNAMSIZ];

	snprintf(name, sizeof(name), "vnic%xvf%u", pci_domain_nr(ad->pf->bus), dvf->fn->index);
	dev = alloc_netdev(sizeof(*pn), name, NET_NAME_PREDICTABLE, vnic_port_netdev_setup);
	if (!dev)
		return NULL;
	pn = netdev_priv(dev);
	pn->dev = dev;
	pn->ad = ad;
	pn->port = &dvf->fn->port;
	pn->xdp.answer = vnic_port_netdev_answer;
	skb_queue_head_init(&pn->answers);
	SET_NETDEV_DEVLINK_PORT(dev, &dvf->port);
	return dev;
}

/* Of a netdev that is not registered, or not any more */
static void vnic_port_netdev_free(struct vnic_devlink_vf *dvf, struct net_device *dev)
{
	struct vnic_port_netdev *pn = netdev_priv(dev);

	cancel_delayed_work_sync(&dvf->port.type_warn_dw);	/* see devlink.c */
	napi_disable(&pn->napi);
	skb_queue_purge(&pn->answers);
	netif_napi_del(&pn->napi);
	xdp_rxq_info_unreg(&pn->xdp.rxq);
	free_netdev(dev);
}

int vnic_port_netdev_create(struct vnic_devlink_vf *dvf)
{
	struct vnic_port_netdev *pn;
	struct net_device *dev;
	int err;

	if (dvf->netdev)
		return 0;
	dev = vnic_port_netdev_alloc(dvf);
	if (!dev)
		return -ENOMEM;
	pn = netdev_priv(dev);
	err = xdp_rxq_info_reg(&pn->xdp.rxq, dev, 0, 0);
	if (err) {
		free_netdev(dev);
		return err;
	}
	netif_napi_add(dev, &pn->napi, vnic_port_netdev_poll);
	napi_enable(&pn->napi);
	err = register_netdev(dev);
	if (err) {
		vnic_port_netdev_free(dvf, dev);
		return err;
	}
	dvf->netdev = dev;
	return 0;
}

void vnic_port_netdev_destroy(struct vnic_devlink_vf *dvf)
{
	struct net_device *dev = dvf->netdev;

	if (!dev)
		return;
	dvf->netdev = NULL;
	unregister_netdev(dev);		/* takes the program away, and waits for RCU */
	vnic_port_netdev_free(dvf, dev);
}
