// SPDX-License-Identifier: GPL-2.0
/*
 * Queue pairs: memory, interrupts, NAPI, and telling the device of them.
 */
#include <linux/dma-mapping.h>

#include <compat.h>
#include "vf.h"

static irqreturn_t vnicvf_qp_irq(int irq, void *data)
{
	struct vnicvf_qp *qp = data;
	struct vnicvf_rx_stats *st = &qp->rx.stats;

	u64_stats_inc(&st->interrupts);
	napi_schedule(&qp->napi);
	return IRQ_HANDLED;
}

/* Completions of both rings.  Both are armed before NAPI completes, and looked
 * at once more afterwards: whichever side is late, one of the two sees it.
 */
static int vnicvf_poll_both(struct vnicvf_qp *qp, int budget)
{
	struct napi_struct *napi = &qp->napi;
	u32 tx_at, rx_at;
	bool more;
	int work;

	vnicvf_tx_clean(qp, budget);
	work = vnicvf_rx_poll(qp, budget);
	more = qp->tx.xsk && vnicvf_xsk_send(qp);
	if (work == budget || more)
		return budget;

	if (qp->moder.adaptive)
		vnicvf_moder_sample(qp);
	tx_at = vnicvf_tx_arm(&qp->tx);
	rx_at = vnicvf_rx_arm(&qp->rx);
	if (!napi_complete_done(napi, work) || unlikely(qp->failed))
		return work;
	virt_mb();	/* intr_at before cons: the device does the reverse */
	if ((s32)(vnicvf_load(&qp->tx.ev->cons) - tx_at) >= 0 ||
	    (s32)(vnicvf_load(&qp->rx.ev->cons) - rx_at) >= 0)
		napi_schedule(napi);
	return work;
}

/* What the stack sends while it is given frames, completing NAPI included, is
 * shown to the device together when that is over.  By then NAPI may be polling
 * again elsewhere: a task that takes back its mark may take back that of the
 * next, which then rings for each frame, but never leaves its own.
 */
static int vnicvf_poll(struct napi_struct *napi, int budget)
{
	struct vnicvf_qp *qp = container_of(napi, struct vnicvf_qp, napi);
	int work;

	if (!budget) {	/* netpoll: nothing may be received */
		vnicvf_tx_clean(qp, 0);
		return 0;
	}
	WRITE_ONCE(qp->poller, current);
	work = vnicvf_poll_both(qp, budget);
	WRITE_ONCE(qp->poller, NULL);
	vnicvf_tx_settle(qp);
	return work;
}

/* Once, at probe: @vf->max_qps queue pairs without rings. */
int vnicvf_qps_init(struct vnicvf *vf)
{
	struct vnicvf_qp *qp;
	unsigned int i;

	vf->events = dma_alloc_coherent(&vf->pdev->dev, vf->max_qps * sizeof(*vf->events),
					&vf->events_dma, GFP_KERNEL);
	if (!vf->events)
		return -ENOMEM;
	vf->qp = kcalloc(vf->max_qps, sizeof(*vf->qp), GFP_KERNEL);
	if (!vf->qp)
		goto free_events;
	vf->made_qps = vf->max_qps;
	vf->tx_size = VNICVF_RING_DEFAULT;
	vf->rx_size = VNICVF_RING_DEFAULT;

	for (i = 0; i < vf->made_qps; i++) {
		qp = &vf->qp[i];
		qp->vf = vf;
		qp->dev = &vf->pdev->dev;
		qp->index = i;
		qp->irq = pci_irq_vector(vf->pdev, 1 + i);
		qp->tx.ev = &vf->events[i].tx;
		qp->rx.ev = &vf->events[i].rx;
		qp->tx.nq = netdev_get_tx_queue(vf->netdev, i);
		u64_stats_init(&qp->tx.stats.syncp);
		u64_stats_init(&qp->rx.stats.syncp);
		vnicvf_moder_init(qp);
	}
	return 0;

free_events:
	dma_free_coherent(&vf->pdev->dev, vf->max_qps * sizeof(*vf->events), vf->events,
			  vf->events_dma);
	return -ENOMEM;
}

void vnicvf_qps_free(struct vnicvf *vf)
{
	dma_free_coherent(&vf->pdev->dev, vf->made_qps * sizeof(*vf->events), vf->events,
			  vf->events_dma);
	kfree(vf->qp);
}

static void vnicvf_qps_release_first(struct vnicvf *vf, unsigned int n)
{
	while (n--) {
		vnicvf_rx_free(&vf->qp[n]);
		vnicvf_tx_free(&vf->qp[n]);
	}
	for (n = 0; n < vf->num_qps; n++)
		__netif_napi_del(&vf->qp[n].napi);
	synchronize_net();	/* of __netif_napi_del() */
}

/* Each CPU sends through one queue pair, the one whose interrupt it takes. */
void vnicvf_xps_default(struct vnicvf *vf)
{
	int node = dev_to_node(&vf->pdev->dev);
	unsigned int i, j, cpus = num_online_cpus();
	cpumask_var_t mask;

	if (!zalloc_cpumask_var(&mask, GFP_KERNEL))
		return;
	for (i = 0; i < vf->num_qps; i++) {
		cpumask_clear(mask);
		for (j = i; j < cpus; j += vf->num_qps)
			cpumask_set_cpu(cpumask_local_spread(j, node), mask);
		netif_set_xps_queue(vf->netdev, mask, i);
	}
	free_cpumask_var(mask);
}

/* NAPI contexts, rings and receive buffers of all queue pairs in use; all or none.
 * The netdev has no context that is not in use: whoever switches threads off waits
 * for all of them, and one that is disabled never answers.
 */
int vnicvf_qps_alloc(struct vnicvf *vf)
{
	unsigned int i;
	int err;

	memset(vf->events, 0, vf->made_qps * sizeof(*vf->events));
	for (i = 0; i < vf->num_qps; i++)
		vnic_napi_add(vf->netdev, &vf->qp[i].napi, vnicvf_poll, i);
	for (i = 0; i < vf->num_qps; i++) {
		vf->qp[i].failed = false;
		err = vnicvf_tx_alloc(&vf->qp[i], vf->tx_size);
		if (err)
			goto release;
		err = vnicvf_rx_alloc(&vf->qp[i], vf->rx_size);
		if (err) {
			vnicvf_tx_free(&vf->qp[i]);
			goto release;
		}
	}
	return 0;

release:
	vnicvf_qps_release_first(vf, i);
	return err;
}

/* The device has forgotten them. */
void vnicvf_qps_release(struct vnicvf *vf)
{
	vnicvf_qps_release_first(vf, vf->num_qps);
}

static void vnicvf_qp_link(struct vnicvf_qp *qp, struct napi_struct *napi, int irq)
{
	netif_napi_set_irq(&qp->napi, irq);
	netif_queue_set_napi(qp->vf->netdev, qp->index, NETDEV_QUEUE_TYPE_RX, napi);
	netif_queue_set_napi(qp->vf->netdev, qp->index, NETDEV_QUEUE_TYPE_TX, napi);
}

static void vnicvf_qps_disable_first(struct vnicvf *vf, unsigned int n)
{
	struct vnicvf_qp *qp;

	while (n--) {
		qp = &vf->qp[n];
		napi_disable(&qp->napi);
		vnicvf_moder_stop(qp);
		timer_delete_sync(&qp->rx.refill);
		vnicvf_qp_link(qp, NULL, -1);
		irq_update_affinity_hint(qp->irq, NULL);
		free_irq(qp->irq, qp);
	}
}

/* Interrupts and NAPI on; nothing happens until the device has the queues. */
int vnicvf_qps_enable(struct vnicvf *vf)
{
	unsigned int i, cpu;
	struct vnicvf_qp *qp;
	int err;

	for (i = 0; i < vf->num_qps; i++) {
		qp = &vf->qp[i];
		snprintf(qp->name, sizeof(qp->name), "%s-%u", vf->netdev->name, i);
		err = request_irq(qp->irq, vnicvf_qp_irq, 0, qp->name, qp);
		if (err) {
			vnicvf_qps_disable_first(vf, i);
			return err;
		}
		cpu = cpumask_local_spread(i, dev_to_node(qp->dev));
		irq_update_affinity_hint(qp->irq, cpumask_of(cpu));
		vnicvf_qp_link(qp, &qp->napi, qp->irq);
		napi_enable(&qp->napi);
	}
	return 0;
}

void vnicvf_qps_disable(struct vnicvf *vf)
{
	vnicvf_qps_disable_first(vf, vf->num_qps);
}

static int vnicvf_queue_create(struct vnicvf_qp *qp, u16 type, u32 size, dma_addr_t ring)
{
	struct vnicvf *vf = qp->vf;
	size_t off = type == VNIC_QUEUE_TX ? offsetof(struct vnicvf_qp_events, tx) :
					     offsetof(struct vnicvf_qp_events, rx);
	struct vnic_mbx_queue req = {
		.type	= cpu_to_le16(type),
		.index	= cpu_to_le16(qp->index),
		.vector	= cpu_to_le16(1 + qp->index),
		.size	= cpu_to_le32(size),
		.ring	= cpu_to_le64(ring),
		.event	= cpu_to_le64(vf->events_dma + qp->index * sizeof(*vf->events) + off),
	};

	return vnicvf_mbx_call(vf, VNIC_MBX_QUEUE_CREATE, &req, sizeof(req), NULL, 0);
}

static int vnicvf_queue_destroy(struct vnicvf_qp *qp, u16 type)
{
	struct vnic_mbx_queue_id req = {
		.type	= cpu_to_le16(type),
		.index	= cpu_to_le16(qp->index),
	};

	return vnicvf_mbx_call(qp->vf, VNIC_MBX_QUEUE_DESTROY, &req, sizeof(req), NULL, 0);
}

int vnicvf_qps_create(struct vnicvf *vf)
{
	struct vnicvf_qp *qp;
	unsigned int i;
	int err;

	for (i = 0; i < vf->num_qps; i++) {
		qp = &vf->qp[i];
		err = vnicvf_queue_create(qp, VNIC_QUEUE_TX, qp->tx.mask + 1, qp->tx.dma);
		if (err)
			return err;
		err = vnicvf_queue_create(qp, VNIC_QUEUE_RX, qp->rx.mask + 1, qp->rx.dma);
		if (err)
			return err;
	}
	return 0;
}

/* Return: 0 when the device touches the queues no more. */
int vnicvf_qps_destroy(struct vnicvf *vf)
{
	unsigned int i;
	int err;

	err = vnicvf_mbx_u32(vf, VNIC_MBX_ENABLE, 0);
	for (i = 0; i < vf->num_qps && !err; i++) {
		err = vnicvf_queue_destroy(&vf->qp[i], VNIC_QUEUE_TX);
		if (!err)
			err = vnicvf_queue_destroy(&vf->qp[i], VNIC_QUEUE_RX);
	}
	return err;
}

/* A first poll arms the interrupts; a first doorbell says there are buffers. */
void vnicvf_qps_start(struct vnicvf *vf)
{
	unsigned int i;

	for (i = 0; i < vf->num_qps; i++) {
		vnicvf_ring_bell(&vf->hw, vf->qp[i].rx.ev, VNIC_DOORBELL_RX(i), i);
		local_bh_disable();
		napi_schedule(&vf->qp[i].napi);
		local_bh_enable();
	}
}
