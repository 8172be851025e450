// SPDX-License-Identifier: GPL-2.0
/*
 * Attaching an XDP program and taking it away (ndo_bpf); xdp.c runs it.  The same for
 * the memory of XDP sockets, one for each queue; xsk.c uses it.
 *
 * A program sees whole frames with complete checksums: attaching one starts the
 * device over without RX_CSUM and RX_GSO, so that the device cuts up what comes as
 * one.  One that does not know of several buffers (xdp.frags) limits the MTU.
 */
#include <linux/bpf.h>
#include <linux/dma-mapping.h>
#include <linux/rtnetlink.h>
#include <net/xdp_sock_drv.h>

#include "vf.h"

/* Parts that are used are synchronised, each by itself. */
#define VNICVF_XSK_DMA_ATTRS	DMA_ATTR_SKIP_CPU_SYNC

/* From no program to one, or back: other buffers, other features.  Taking a
 * program away never fails: the core counts on it.
 */
static int vnicvf_xdp_switch(struct vnicvf *vf, struct bpf_prog *prog,
			     struct netlink_ext_ack *extack)
{
	struct net_device *netdev = vf->netdev;
	struct bpf_prog *old = vf->prog;
	int err;

	/* Detached: vnicvf_attach() will follow. */
	if (!netif_device_present(netdev)) {
		WRITE_ONCE(vf->prog, prog);
		return 0;
	}
	vnicvf_detach(vf);	/* no queue sees the change */
	WRITE_ONCE(vf->prog, prog);
	err = vnicvf_attach(vf, vnicvf_wanted_features(vf, netdev_get_wanted_features(netdev)));
	if (!err)
		return 0;
	vnicvf_request_reset(vf);
	if (!prog)
		return 0;
	NL_SET_ERR_MSG_MOD(extack, "cannot make the queues anew; no program is attached");
	WRITE_ONCE(vf->prog, old);
	return err;
}

static int vnicvf_xdp_setup(struct vnicvf *vf, struct bpf_prog *prog,
			    struct netlink_ext_ack *extack)
{
	struct bpf_prog *old = vf->prog;
	int err;

	ASSERT_RTNL();
	if (prog && vf->netdev->mtu > vnicvf_xdp_max_mtu(vf, prog)) {
		NL_SET_ERR_MSG_FMT_MOD(extack, "%s: MTU %u at most", prog->aux->xdp_has_frags ?
				       "XDP sockets without XDP_USE_SG" :
				       "XDP without xdp.frags needs frames in one buffer",
				       vnicvf_xdp_max_mtu(vf, prog));
		return -EOPNOTSUPP;
	}
	if (!prog == !old) {
		WRITE_ONCE(vf->prog, prog);
		vnicvf_set_max_mtu(vf);
	} else {
		err = vnicvf_xdp_switch(vf, prog, extack);
		if (err)
			return err;
		netdev_update_features(vf->netdev);
	}
	/* Freed after a grace period: NAPI may be running it. */
	if (old)
		bpf_prog_put(old);
	return 0;
}

/* XDP sockets have no message of the refusal; the kernel's log has it. */
static int vnicvf_xsk_check(struct vnicvf *vf, struct xsk_buff_pool *pool, u16 queue)
{
	unsigned int frame = vnicvf_xsk_buf_len(pool), need = VNIC_RX_BUF_MIN;

	if (queue >= vf->num_qps)
		return -EINVAL;
	if (vf->qp[queue].xsk)
		return -EBUSY;
	if (vf->prog && !(vf->prog->aux->xdp_has_frags && vnicvf_xsk_sg(pool)))
		need = max(need, vf->netdev->mtu + ETH_HLEN + 2 * VLAN_HLEN);
	if (frame >= need)
		return 0;
	if (net_ratelimit())
		netdev_info(vf->netdev, "XDP sockets' chunks hold frames of %u bytes, %u are needed\n",
			    frame, need);
	return -EINVAL;
}

/* What the queue sends from, and, for a program, receives into, becomes the sockets'
 * memory: all queues are made anew.
 */
static int vnicvf_xsk_enable(struct vnicvf *vf, struct xsk_buff_pool *pool, u16 queue)
{
	struct vnicvf_qp *qp;
	int err;

	err = vnicvf_xsk_check(vf, pool, queue);
	if (err)
		return err;
	qp = &vf->qp[queue];
	err = xsk_pool_dma_map(pool, qp->dev, VNICVF_XSK_DMA_ATTRS);
	if (err)
		return err;
	/* The core looks at it even if nothing is received here. */
	xsk_pool_set_rxq_info(pool, &qp->rx.xdp);
	qp->xsk = pool;
	err = vnicvf_restart(vf);
	if (err) {	/* recovery will try without */
		qp->xsk = NULL;
		xsk_pool_dma_unmap(pool, VNICVF_XSK_DMA_ATTRS);
		return err;
	}
	vnicvf_set_max_mtu(vf);
	return 0;
}

/* Never fails: the memory goes.  If the queues cannot be made, recovery does that. */
static int vnicvf_xsk_disable(struct vnicvf *vf, u16 queue)
{
	struct vnicvf_qp *qp = &vf->qp[queue];
	struct xsk_buff_pool *pool;

	if (queue >= vf->made_qps || !qp->xsk)
		return 0;
	pool = qp->xsk;
	qp->xsk = NULL;
	vnicvf_restart(vf);
	xsk_pool_dma_unmap(pool, VNICVF_XSK_DMA_ATTRS);
	vnicvf_set_max_mtu(vf);
	return 0;
}

static int vnicvf_xsk_setup(struct vnicvf *vf, struct xsk_buff_pool *pool, u16 queue)
{
	ASSERT_RTNL();
	return pool ? vnicvf_xsk_enable(vf, pool, queue) : vnicvf_xsk_disable(vf, queue);
}

/* ndo_bpf.  Context: rtnl. */
int vnicvf_bpf(struct net_device *netdev, struct netdev_bpf *bpf)
{
	switch (bpf->command) {
	case XDP_SETUP_PROG:
		return vnicvf_xdp_setup(netdev_priv(netdev), bpf->prog, bpf->extack);
	case XDP_SETUP_XSK_POOL:
		return vnicvf_xsk_setup(netdev_priv(netdev), bpf->xsk.pool, bpf->xsk.queue_id);
	default:
		return -EINVAL;
	}
}
