// SPDX-License-Identifier: GPL-2.0
/*
 * Queues as the native driver makes and ends them, by messages.
 */
#include <linux/log2.h>
#include <linux/nospec.h>

#include "../model/worker.h"
#include "native.h"

static const struct vnic_ring_ops vnic_native_ring_ops = {
	.prod		= vnic_native_prod,
	.publish	= vnic_native_publish,
	.arm		= vnic_native_arm,
	.behind		= vnic_native_behind,
	.bell		= vnic_native_bell,
	.tx_cut		= vnic_native_tx_cut,
	.rx_fetch	= vnic_native_rx_fetch,
	.rx_quick	= vnic_native_rx_quick,
	.rx_room	= vnic_native_rx_room,
	.rx_complete	= vnic_native_rx_complete,
};

static u32 vnic_queue_check(struct vnic_fn *fn, const struct vnic_mbx_queue *q)
{
	u32 size = le32_to_cpu(q->size);
	u16 index = le16_to_cpu(q->index);
	u16 vector = le16_to_cpu(q->vector);

	if (q->rsvd || q->rsvd1 || le16_to_cpu(q->type) > VNIC_QUEUE_RX)
		return VNIC_MBX_E_INVAL;
	if (index >= vnic_fn_qps(fn) || (index && !(fn->features & BIT_ULL(VNIC_F_MQ))))
		return VNIC_MBX_E_INVAL;
	if (!vector || vector >= READ_ONCE(fn->vectors))
		return VNIC_MBX_E_INVAL;
	if (size < VNIC_RING_MIN || size > VNIC_RING_MAX || !is_power_of_2(size))
		return VNIC_MBX_E_INVAL;
	if (!IS_ALIGNED(le64_to_cpu(q->ring), VNIC_DESC_SIZE) ||
	    !IS_ALIGNED(le64_to_cpu(q->event), VNIC_EVENT_ALIGN))
		return VNIC_MBX_E_INVAL;
	return VNIC_MBX_OK;
}

static u32 vnic_queue_map(struct vnic_fn *fn, struct vnic_ring *ring)
{
	bool ok;
	u32 more;

	vnic_as_begin_bh();
	ok = vnic_as_reaches(fn->as, ring->addr, ring->size * VNIC_DESC_SIZE, ring->rx) &&
	     vnic_native_set_flags(fn, ring) && vnic_native_publish(fn, ring, 0, 0, 0) &&
	     vnic_native_arm(fn, ring, 0, 1, &more);
	vnic_as_end_bh();
	return ok ? VNIC_MBX_OK : VNIC_MBX_E_FAULT;
}

static void vnic_ring_set(struct vnic_ring *ring, const struct vnic_mbx_queue *q)
{
	ring->ops = &vnic_native_ring_ops;
	ring->addr = le64_to_cpu(q->ring);
	ring->native.event = le64_to_cpu(q->event);
	ring->size = le32_to_cpu(q->size);
	ring->vector = le16_to_cpu(q->vector);
}

/* What a driver that has not negotiated a feature is not told */
static u16 vnic_native_tell(const struct vnic_fn *fn)
{
	u16 tell = 0;

	if (fn->features & BIT_ULL(VNIC_F_RX_HASH))
		tell |= VNIC_FR_HASHED;
	if (fn->features & BIT_ULL(VNIC_F_RX_CSUM))
		tell |= VNIC_FR_CSUM_OK | VNIC_FR_CSUM_PARTIAL;
	if (fn->features & BIT_ULL(VNIC_F_RX_GSO))
		tell |= VNIC_FR_TSO;
	return tell;
}

static u32 vnic_queue_create_tx(struct vnic_txq *txq, const struct vnic_mbx_queue *q)
{
	u32 status;

	if (txq->ring.live)
		return VNIC_MBX_E_STATE;
	vnic_ring_set(&txq->ring, q);
	status = vnic_queue_map(txq->fn, &txq->ring);
	if (status != VNIC_MBX_OK)
		return status;
	if (vnic_txq_open(txq))
		return VNIC_MBX_E_NOMEM;
	vnic_worker_wake(txq->worker, VNIC_WORK_TX);
	return VNIC_MBX_OK;
}

static u32 vnic_queue_create_rx(struct vnic_rxq *rxq, const struct vnic_mbx_queue *q)
{
	u32 status;

	if (rxq->ring.live)
		return VNIC_MBX_E_STATE;
	vnic_ring_set(&rxq->ring, q);
	status = vnic_queue_map(rxq->fn, &rxq->ring);
	if (status != VNIC_MBX_OK)
		return status;
	if (vnic_rxq_open(rxq, vnic_native_tell(rxq->fn),
			  min_t(u32, rxq->ring.size, VNIC_READY)))
		return VNIC_MBX_E_NOMEM;
	vnic_worker_wake(rxq->worker, VNIC_WORK_RX);
	return VNIC_MBX_OK;
}

/*
 * Keep the queue pair's worker from its turns, unless it is the one we run in.
 * The range of @qp was checked.
 */
static void vnic_queue_pause(struct vnic_fn *fn, unsigned int qp)
{
	if (qp)
		vnic_worker_pause(fn->worker[qp]);
}

static void vnic_queue_resume(struct vnic_fn *fn, unsigned int qp)
{
	if (qp)
		vnic_worker_resume(fn->worker[qp]);
}

u32 vnic_queue_create(struct vnic_fn *fn, const struct vnic_mbx_queue *q)
{
	u32 status = vnic_queue_check(fn, q);
	u16 qp = le16_to_cpu(q->index);

	if (status != VNIC_MBX_OK)
		return status;
	if (!vnic_queues_alive(fn))
		return VNIC_MBX_E_STATE;
	qp = array_index_nospec(qp, VNIC_MAX_QPS);
	if (vnic_worker_start(fn->worker[qp], test_bit(VNIC_FN_GUEST, &fn->flags)))
		return VNIC_MBX_E_NOMEM;
	vnic_queue_pause(fn, qp);
	if (le16_to_cpu(q->type) == VNIC_QUEUE_TX)
		status = vnic_queue_create_tx(&fn->txq[qp], q);
	else
		status = vnic_queue_create_rx(&fn->rxq[qp], q);
	vnic_queue_resume(fn, qp);
	return status;
}

static bool vnic_queue_close(struct vnic_fn *fn, bool tx, u16 qp)
{
	bool live = tx ? fn->txq[qp].ring.live : fn->rxq[qp].ring.live;

	if (!live)
		return false;
	if (tx)
		vnic_txq_close(&fn->txq[qp]);
	else
		vnic_rxq_close(&fn->rxq[qp]);
	return true;
}

u32 vnic_queue_destroy(struct vnic_fn *fn, u16 type, u16 qp)
{
	bool closed;

	if (type > VNIC_QUEUE_RX || qp >= VNIC_MAX_QPS)
		return VNIC_MBX_E_INVAL;
	qp = array_index_nospec(qp, VNIC_MAX_QPS);
	vnic_queue_pause(fn, qp);
	closed = vnic_queue_close(fn, type == VNIC_QUEUE_TX, qp);
	vnic_queue_resume(fn, qp);
	return closed ? VNIC_MBX_OK : VNIC_MBX_E_STATE;
}
