// SPDX-License-Identifier: GPL-2.0
/*
 * What transmit and receive queues have in common: creation, end, and access
 * to ring and event block in the driver's memory.
 */
#include <linux/log2.h>
#include <linux/nospec.h>

#include "fn.h"
#include "worker.h"

#define VNIC_ALIVE_MASK		(BIT(VNIC_FN_FAILED) | BIT(VNIC_FN_MASTER))
#define VNIC_ENABLED_MASK	(VNIC_ALIVE_MASK | BIT(VNIC_FN_ENABLED))

bool vnic_queues_alive(const struct vnic_fn *fn)
{
	return (READ_ONCE(fn->flags) & VNIC_ALIVE_MASK) == BIT(VNIC_FN_MASTER);
}

bool vnic_queues_enabled(const struct vnic_fn *fn)
{
	return (READ_ONCE(fn->flags) & VNIC_ENABLED_MASK) ==
	       (BIT(VNIC_FN_MASTER) | BIT(VNIC_FN_ENABLED));
}

/* ---- ring and event block ---- */

static struct vnic_event *vnic_ring_event(struct vnic_fn *fn, const struct vnic_ring *ring)
{
	return vnic_as_wptr(fn->as, ring->event, sizeof(struct vnic_event));
}

bool vnic_ring_translate(struct vnic_fn *fn, const struct vnic_ring *ring,
			 struct vnic_ring_page *pg, u64 page)
{
	u64 addr = page << PAGE_SHIFT;

	if (ring->rx)
		pg->rx = vnic_as_wptr(fn->as, addr, PAGE_SIZE);
	else
		pg->tx = vnic_as_ptr(fn->as, addr, PAGE_SIZE);
	pg->page = pg->tx ? page : U64_MAX;
	return pg->tx;
}

/* Read the driver's index; what it covers may be read afterwards. */
bool vnic_ring_prod(struct vnic_fn *fn, const struct vnic_ring *ring, u32 *prod)
{
	struct vnic_event *ev = vnic_ring_event(fn, ring);

	if (!ev)
		return false;
	*prod = le32_to_cpu(smp_load_acquire(&ev->prod));	/* of the driver's release */
	return true;
}

/* Publish that cons moved from @old to @new; interrupt if the driver wants it,
 * but it may wait for @wait ns.
 */
bool vnic_ring_publish(struct vnic_fn *fn, const struct vnic_ring *ring, u32 old, u32 new,
		       u32 wait)
{
	struct vnic_event *ev = vnic_ring_event(fn, ring);

	if (!ev)
		return false;
	smp_wmb();	/* completions before the index; pairs with the driver's acquire */
	vnic_as_store32(fn->as, ring->event + offsetof(struct vnic_event, cons), &ev->cons, new);
	smp_mb();	/* cons before intr_at: vnic_ring.h, event suppression */
	if (vnic_need_event(le32_to_cpu(READ_ONCE(ev->intr_at)), new, old))
		vnic_vector_raise(fn, ring->vector, new - old, wait);
	else if (vnic_vector_held(fn, ring->vector))
		vnic_vector_tell(fn, ring->vector, new - old);
	return true;
}

/*
 * How far is the driver behind with what was completed up to @cons?  0: it waits
 * for an interrupt.
 */
u32 vnic_ring_behind(struct vnic_fn *fn, const struct vnic_ring *ring, u32 cons)
{
	struct vnic_event *ev = vnic_ring_event(fn, ring);
	u32 posted;

	if (!ev || le32_to_cpu(READ_ONCE(ev->intr_at)) - cons - 1 < ring->size)
		return 0;
	posted = le32_to_cpu(READ_ONCE(ev->prod)) - cons;
	return posted < ring->size ? ring->size - posted : 0;
}

/* Ask for a doorbell when prod passes @kick_at, then read prod once more. */
bool vnic_ring_arm(struct vnic_fn *fn, const struct vnic_ring *ring, u32 kick_at, u32 *prod)
{
	struct vnic_event *ev = vnic_ring_event(fn, ring);

	if (!ev)
		return false;
	vnic_as_store32(fn->as, ring->event + offsetof(struct vnic_event, kick_at),
			&ev->kick_at, kick_at);
	smp_mb();	/* kick_at before prod: vnic_ring.h, event suppression */
	*prod = le32_to_cpu(READ_ONCE(ev->prod));
	return true;
}

static bool vnic_ring_set_flags(struct vnic_fn *fn, struct vnic_ring *ring)
{
	bool dead = test_bit(VNIC_FN_BELL_DEAD, &fn->flags);
	struct vnic_event *ev = vnic_ring_event(fn, ring);

	if (!ev)
		return false;
	vnic_as_store32(fn->as, ring->event + offsetof(struct vnic_event, flags), &ev->flags,
			dead ? VNIC_EV_F_DOORBELL_DEAD : 0);
	smp_mb();	/* flags before prod: vnic_ring.h, event suppression */
	ring->dead = dead;
	return true;
}

void vnic_ring_tell_bell(struct vnic_fn *fn, struct vnic_ring *ring)
{
	if (likely(ring->dead == test_bit(VNIC_FN_BELL_DEAD, &fn->flags)))
		return;
	vnic_as_begin();
	vnic_ring_set_flags(fn, ring);
	vnic_as_end();
}

/* ---- creation ---- */

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
	u32 prod;

	vnic_as_begin();
	ok = vnic_as_reaches(fn->as, ring->addr, ring->size * VNIC_DESC_SIZE, ring->rx) &&
	     vnic_ring_set_flags(fn, ring) && vnic_ring_publish(fn, ring, 0, 0, 0) &&
	     vnic_ring_arm(fn, ring, 1, &prod);
	vnic_as_end();
	return ok ? VNIC_MBX_OK : VNIC_MBX_E_FAULT;
}

static void vnic_ring_set(struct vnic_ring *ring, const struct vnic_mbx_queue *q)
{
	ring->addr = le64_to_cpu(q->ring);
	ring->event = le64_to_cpu(q->event);
	ring->size = le32_to_cpu(q->size);
	ring->vector = le16_to_cpu(q->vector);
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
	if (vnic_rxq_open(rxq))
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

void vnic_queues_init(struct vnic_fn *fn)
{
	unsigned int i;

	vnic_pace_init(&fn->pace);
	for (i = 0; i < VNIC_MAX_QPS; i++) {
		fn->txq[i].fn = fn;
		fn->txq[i].worker = fn->worker[i];
		fn->txq[i].ring.index = i;
		fn->rxq[i].fn = fn;
		fn->rxq[i].worker = fn->worker[i];
		fn->rxq[i].ring.index = i;
		fn->rxq[i].ring.rx = true;
		spin_lock_init(&fn->rxq[i].lock);
		vnic_fifo_init(&fn->rxq[i].fifo);
	}
}

void vnic_queues_stop(struct vnic_fn *fn)
{
	unsigned int i;

	for (i = 0; i < VNIC_MAX_QPS; i++) {
		if (fn->txq[i].ring.live)
			vnic_txq_close(&fn->txq[i]);
		if (fn->rxq[i].ring.live)
			vnic_rxq_close(&fn->rxq[i]);
	}
	vnic_pace_purge(fn, VNIC_DROP_RX_RESET);
}
