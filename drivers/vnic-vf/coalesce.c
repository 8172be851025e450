// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupt moderation: what ethtool -C and -Q set, and its adaption to the load
 * by the kernel's dim library.
 *
 * The device keeps interrupts of a vector apart (usecs), unless enough has
 * happened (frames).  A vector serves both rings of a queue pair, so what is set
 * for receiving holds for sending, too.  Only how late an interrupt for
 * completions is asked for (tx-frames) is the driver's and sending's alone.
 */
#include <linux/dim.h>

#include <compat.h>

#include "vf.h"

#define VNICVF_USECS_DEFAULT	20
#define VNICVF_FRAMES_MAX	VNIC_RING_MAX
/* Descriptors until an interrupt for completions: with TSO, half the watchdog's
 * time at 1 Mb/s
 */
#define VNICVF_TX_FRAMES_DEFAULT	128
/* A change costs a message, so adaption takes its time. */
#define VNICVF_DIM_INTERVAL	(HZ / 10)

static int vnicvf_moder_send(struct vnicvf_qp *qp, u32 usecs, u32 frames)
{
	struct vnic_mbx_coalesce req = {
		.vector	= cpu_to_le16(1 + qp->index),
		.frames	= cpu_to_le16(frames),
		.usecs	= cpu_to_le32(usecs),
	};

	return vnicvf_mbx_call(qp->vf, VNIC_MBX_SET_COALESCE, &req, sizeof(req), NULL, 0);
}

/* What dim has decided on.  Not at all while there are no queues. */
static void vnicvf_dim_work(struct work_struct *work)
{
	struct dim *dim = container_of(work, struct dim, work);
	struct vnicvf_qp *qp = container_of(dim, struct vnicvf_qp, dim);
	struct dim_cq_moder m = net_dim_get_rx_moderation(dim->mode, dim->profile_ix);

	/* The user may have turned it off meanwhile. */
	if (READ_ONCE(qp->moder.adaptive))
		vnicvf_moder_send(qp, m.usec, m.pkts);
	WRITE_ONCE(qp->dim_next, jiffies + VNICVF_DIM_INTERVAL);
	dim->state = DIM_START_MEASURE;
}

/* Interrupts and what came with them, at the end of a poll.  Context: NAPI. */
void vnicvf_moder_sample(struct vnicvf_qp *qp)
{
	const struct vnicvf_tx_stats *tx = &qp->tx.stats;
	const struct vnicvf_rx_stats *rx = &qp->rx.stats;
	struct dim_sample sample = {};

	if (time_before(jiffies, READ_ONCE(qp->dim_next)))
		return;
	dim_update_sample(u64_stats_read(&rx->interrupts),
			  u64_stats_read(&rx->packets) + u64_stats_read(&tx->packets),
			  u64_stats_read(&rx->bytes) + u64_stats_read(&tx->bytes), &sample);
	vnic_net_dim(&qp->dim, &sample);
}

/* Once, at probe */
void vnicvf_moder_init(struct vnicvf_qp *qp)
{
	bool can = vnicvf_has(qp->vf, VNIC_F_COALESCE);

	qp->moder = (struct vnicvf_moder) {
		.usecs	  = can ? VNICVF_USECS_DEFAULT : 0,
		.adaptive = can,
	};
	INIT_WORK(&qp->dim.work, vnicvf_dim_work);
}

/* Set up one queue pair; NAPI may be running. */
static int vnicvf_moder_apply(struct vnicvf_qp *qp)
{
	const struct vnicvf_moder *m = &qp->moder;
	struct dim_cq_moder def;

	WRITE_ONCE(qp->tx.arm_max, m->tx_frames ?: VNICVF_TX_FRAMES_DEFAULT);
	if (!vnicvf_has(qp->vf, VNIC_F_COALESCE))
		return 0;
	if (!m->adaptive)
		return vnicvf_moder_send(qp, m->usecs, m->frames);
	qp->dim.state = DIM_START_MEASURE;
	qp->dim.tune_state = DIM_PARKING_ON_TOP;
	qp->dim.mode = DIM_CQ_PERIOD_MODE_START_FROM_EQE;
	qp->dim.profile_ix = NET_DIM_DEF_PROFILE_EQE;
	WRITE_ONCE(qp->dim_next, jiffies);
	def = net_dim_get_def_rx_moderation(DIM_CQ_PERIOD_MODE_START_FROM_EQE);
	return vnicvf_moder_send(qp, def.usec, def.pkts);
}

/* The queues in use have been made. */
int vnicvf_moder_start(struct vnicvf *vf)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < vf->num_qps && !err; i++)
		err = vnicvf_moder_apply(&vf->qp[i]);
	return err;
}

/* NAPI is off. */
void vnicvf_moder_stop(struct vnicvf_qp *qp)
{
	cancel_work_sync(&qp->dim.work);
}

/* ---- ethtool -c, -C, -Q ---- */

static void vnicvf_moder_get(const struct vnicvf_qp *qp, struct ethtool_coalesce *ec)
{
	const struct vnicvf_moder *m = &qp->moder;

	ec->rx_coalesce_usecs = m->usecs;
	ec->rx_max_coalesced_frames = m->frames;
	ec->tx_max_coalesced_frames = m->tx_frames;
	ec->use_adaptive_rx_coalesce = m->adaptive;
}

/* Is it possible?  @to: the result. */
static int vnicvf_moder_check(const struct vnicvf_qp *qp, const struct ethtool_coalesce *ec,
			      struct vnicvf_moder *to, struct netlink_ext_ack *extack)
{
	const struct vnicvf_moder *old = &qp->moder;

	if (!vnicvf_has(qp->vf, VNIC_F_COALESCE)) {
		NL_SET_ERR_MSG_MOD(extack, "the device has no interrupt moderation");
		return -EOPNOTSUPP;
	}
	to->adaptive = ec->use_adaptive_rx_coalesce;
	to->usecs = ec->rx_coalesce_usecs;
	to->frames = ec->rx_max_coalesced_frames;
	to->tx_frames = ec->tx_max_coalesced_frames;
	if (to->usecs > VNIC_COALESCE_MAX) {
		NL_SET_ERR_MSG_FMT_MOD(extack, "usecs is 0 to %u", VNIC_COALESCE_MAX);
		return -EINVAL;
	}
	if (to->frames > VNICVF_FRAMES_MAX || to->tx_frames > VNICVF_FRAMES_MAX) {
		NL_SET_ERR_MSG_FMT_MOD(extack,
				       "rx-frames is 0 (none) to %u, tx-frames 0 (default) to %u",
				       VNICVF_FRAMES_MAX, VNICVF_FRAMES_MAX);
		return -EINVAL;
	}
	if (to->adaptive && (to->usecs != old->usecs || to->frames != old->frames)) {
		NL_SET_ERR_MSG_MOD(extack, "adaptive sets usecs and frames: turn it off first");
		return -EINVAL;
	}
	return 0;
}

static int vnicvf_moder_set(struct vnicvf_qp *qp, const struct vnicvf_moder *to)
{
	struct vnicvf_moder old = qp->moder;
	int err = 0;

	WRITE_ONCE(qp->moder.adaptive, false);
	/* A decision under way would come after ours. */
	if (qp->vf->up && qp->index < qp->vf->num_qps)
		cancel_work_sync(&qp->dim.work);
	qp->moder = *to;
	if (qp->vf->up && qp->index < qp->vf->num_qps)
		err = vnicvf_moder_apply(qp);
	if (err) {
		qp->dim.state = DIM_START_MEASURE;	/* the decision is lost */
		qp->moder = old;
	}
	return err;
}

int vnicvf_get_coalesce(struct net_device *netdev, struct ethtool_coalesce *ec,
			struct kernel_ethtool_coalesce *kernel_ec, struct netlink_ext_ack *extack)
{
	struct vnicvf *vf = netdev_priv(netdev);

	vnicvf_moder_get(&vf->qp[0], ec);
	return 0;
}

/* All queue pairs, those of later, too, or none.  What ethtool did not name is as
 * for the first.
 */
int vnicvf_set_coalesce(struct net_device *netdev, struct ethtool_coalesce *ec,
			struct kernel_ethtool_coalesce *kernel_ec, struct netlink_ext_ack *extack)
{
	struct vnicvf_moder to, old[VNIC_MAX_QPS];
	struct vnicvf *vf = netdev_priv(netdev);
	unsigned int i;
	int err;

	err = vnicvf_moder_check(&vf->qp[0], ec, &to, extack);
	if (err)
		return err;
	for (i = 0; i < vf->made_qps; i++) {
		old[i] = vf->qp[i].moder;
		err = vnicvf_moder_set(&vf->qp[i], &to);
		if (err)
			goto undo;
	}
	return 0;

undo:
	/* One that cannot be set back keeps, and shows, what the device has. */
	while (i--)
		vnicvf_moder_set(&vf->qp[i], &old[i]);
	return err;
}

int vnicvf_get_queue_coalesce(struct net_device *netdev, u32 queue, struct ethtool_coalesce *ec)
{
	struct vnicvf *vf = netdev_priv(netdev);

	if (queue >= vf->num_qps)
		return -EINVAL;
	vnicvf_moder_get(&vf->qp[queue], ec);
	return 0;
}

int vnicvf_set_queue_coalesce(struct net_device *netdev, u32 queue, struct ethtool_coalesce *ec)
{
	struct vnicvf *vf = netdev_priv(netdev);
	struct vnicvf_moder to;
	int err;

	if (queue >= vf->num_qps)
		return -EINVAL;
	err = vnicvf_moder_check(&vf->qp[queue], ec, &to, NULL);
	return err ?: vnicvf_moder_set(&vf->qp[queue], &to);
}
