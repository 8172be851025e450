// SPDX-License-Identifier: GPL-2.0
/*
 * XDP: running a program on a frame before an skb is made of it, what it decides,
 * and frames that others send through us.  Frames go out by the TX rings of the
 * stack.  How a program gets here is bpf.c's.
 */
#include <linux/bpf.h>
#include <linux/bpf_trace.h>
#include <linux/filter.h>

#include "vf.h"

/* Send what XDP_TX has gathered; called in NAPI of the same queue pair. */
static void vnicvf_xdp_send(struct vnicvf_qp *qp)
{
	struct vnicvf_rxq *rx = &qp->rx;
	int i, sent;

	/* What came in XDP sockets' memory has been copied out of it. */
	sent = vnicvf_tx_xdp(qp, rx->xdp_tx, rx->xdp_num, !rx->xsk, true);
	for (i = max(sent, 0); i < rx->xdp_num; i++)
		xdp_return_frame_rx_napi(rx->xdp_tx[i]);
	rx->xdp_num = 0;
}

/* At the end of a poll: what the program sent away goes. */
void vnicvf_xdp_flush(struct vnicvf_qp *qp)
{
	struct vnicvf_rxq *rx = &qp->rx;

	if (rx->xdp_num)
		vnicvf_xdp_send(qp);
	if (rx->xdp_redirected) {
		rx->xdp_redirected = false;
		xdp_do_flush();
	}
}

/* Return: false: the buffer is still ours. */
static bool vnicvf_xdp_tx(struct vnicvf_qp *qp, struct xdp_buff *xdp)
{
	struct vnicvf_rxq *rx = &qp->rx;
	struct xdp_frame *xdpf;

	/* The core copies the first buffer only out of XDP sockets' memory. */
	if (unlikely(rx->xsk && xdp_buff_has_frags(xdp)))
		return false;
	xdpf = xdp_convert_buff_to_frame(xdp);
	if (unlikely(!xdpf))
		return false;
	rx->xdp_tx[rx->xdp_num++] = xdpf;
	if (rx->xdp_num == VNICVF_XDP_BULK)
		vnicvf_xdp_send(qp);
	return true;
}

static bool vnicvf_xdp_redirect(struct vnicvf_qp *qp, const struct bpf_prog *prog,
				struct xdp_buff *xdp)
{
	if (unlikely(xdp_do_redirect(qp->vf->netdev, xdp, (struct bpf_prog *)prog)))
		return false;
	qp->rx.xdp_redirected = true;
	return true;
}

static void vnicvf_xdp_count(struct vnicvf_rx_stats *st, u64_stats_t *counter, u32 len)
{
	u64_stats_update_begin(&st->syncp);
	u64_stats_inc(counter);
	if (counter != &st->xdp_pass) {	/* the rest is counted with its skb */
		u64_stats_inc(&st->packets);
		u64_stats_add(&st->bytes, len);
	}
	u64_stats_update_end(&st->syncp);
}

/**
 * vnicvf_xdp_run - let a program see a frame
 * @qp: queue pair
 * @prog: program
 * @xdp: frame, of several buffers if the program knows of that; it may change the frame,
 *	where it starts and where it ends
 *
 * Context: NAPI; vnicvf_xdp_flush() follows before its end.
 * Return: what becomes of the buffer.
 */
enum vnicvf_xdp_verdict vnicvf_xdp_run(struct vnicvf_qp *qp, const struct bpf_prog *prog,
				       struct xdp_buff *xdp)
{
	struct net_device *netdev = qp->vf->netdev;
	struct vnicvf_rx_stats *st = &qp->rx.stats;
	u32 len = xdp_get_buff_len(xdp);
	u32 act = bpf_prog_run_xdp(prog, xdp);

	switch (act) {
	case XDP_PASS:
		vnicvf_xdp_count(st, &st->xdp_pass, len);
		return VNICVF_XDP_PASS;
	case XDP_DROP:
		vnicvf_xdp_count(st, &st->xdp_drop, len);
		return VNICVF_XDP_DROP;
	case XDP_TX:
		if (unlikely(!vnicvf_xdp_tx(qp, xdp)))
			break;
		vnicvf_xdp_count(st, &st->xdp_tx, len);
		return VNICVF_XDP_TAKEN;
	case XDP_REDIRECT:
		if (unlikely(!vnicvf_xdp_redirect(qp, prog, xdp)))
			break;
		vnicvf_xdp_count(st, &st->xdp_redirect, len);
		return VNICVF_XDP_TAKEN;
	default:
		bpf_warn_invalid_xdp_action(netdev, (struct bpf_prog *)prog, act);
		break;
	case XDP_ABORTED:
		break;
	}
	trace_xdp_exception(netdev, prog, act);
	vnicvf_xdp_count(st, &st->xdp_aborted, len);
	return VNICVF_XDP_DROP;
}

/**
 * vnicvf_xdp_xmit - ndo_xdp_xmit: frames redirected to us
 * @netdev: netdev
 * @n: frames
 * @frames: their addresses
 * @flags: XDP_XMIT_FLUSH
 *
 * Context: NAPI of any device.
 * Return: frames taken, the first ones; or -errno.
 */
int vnicvf_xdp_xmit(struct net_device *netdev, int n, struct xdp_frame **frames, u32 flags)
{
	struct vnicvf *vf = netdev_priv(netdev);
	unsigned int queues = READ_ONCE(vf->num_qps);

	if (unlikely(flags & ~XDP_XMIT_FLAGS_MASK))
		return -EINVAL;
	if (unlikely(!READ_ONCE(vf->up) || !netif_carrier_ok(netdev)))
		return -ENETDOWN;
	return vnicvf_tx_xdp(&vf->qp[smp_processor_id() % queues], frames, n, false,
			     flags & XDP_XMIT_FLUSH);
}
