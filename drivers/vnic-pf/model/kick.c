// SPDX-License-Identifier: GPL-2.0
/*
 * Doorbells: who does the work that a driver rings for.
 *
 * A thread of a guest (a vCPU, or one of the VMM's) is in the VM's cgroup as the
 * worker is, so it may do a little work at once: no thread has to be woken, and
 * a lone packet is with its receiver before the guest goes on.  It takes a turn
 * of the worker if nobody else has it, with preemption off, so that no cgroup
 * stops it while it has the turn.  What would sleep, or is much, or waits for
 * something, is the worker's.
 *
 * A driver on this host rings inside its xmit, with BHs off, on behalf of any
 * task, and often within the delivery of another port's frame.  The work would
 * be charged to whoever that is, stack up on its stack, and find the switch's
 * scratch memory in use: there the worker is woken.
 *
 * On PREEMPT_RT the worker is always woken: what a turn takes are locks that
 * sleep there, which preemption must not be off for, and with it on a task of
 * higher priority could keep the turn from everybody.
 */
#include <linux/nospec.h>
#include <linux/preempt.h>

#include <compat.h>

#include "fn.h"
#include "worker.h"

/* Do the queue's work now.  False: the worker has to. */
static bool vnic_kick_do(struct vnic_worker *w, struct vnic_txq *txq, struct vnic_rxq *rxq)
{
	bool done = false;

	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		return false;
	preempt_disable();
	if (vnic_worker_begin(w)) {
		done = vnic_fn_running(txq ? txq->fn : rxq->fn) &&
		       (txq ? vnic_txq_here(txq) : vnic_rxq_here(rxq));
		vnic_worker_end(w);
	}
	preempt_enable();
	return done;
}

static void vnic_kick_tx(struct vnic_txq *txq, bool here)
{
	if (!READ_ONCE(txq->ring.live))
		return;
	atomic_long_inc(&txq->kicks);
	if (here && vnic_kick_do(txq->worker, txq, NULL))
		atomic_long_inc(&txq->kicks_here);
	else
		vnic_worker_wake(txq->worker, VNIC_WORK_TX);
}

static void vnic_kick_rx(struct vnic_rxq *rxq, bool here)
{
	if (!READ_ONCE(rxq->ring.live))
		return;
	atomic_long_inc(&rxq->kicks);
	if (here && vnic_kick_do(rxq->worker, NULL, rxq))
		atomic_long_inc(&rxq->kicks_here);
	else
		vnic_worker_wake(rxq->worker, VNIC_WORK_RX);
}

/* Only a queue that exists is worth a wake. */
void vnic_queue_kick(struct vnic_fn *fn, unsigned int qp, bool rx, bool here)
{
	if (qp >= VNIC_MAX_QPS)
		return;
	qp = array_index_nospec(qp, VNIC_MAX_QPS);
	if (rx)
		vnic_kick_rx(&fn->rxq[qp], here);
	else
		vnic_kick_tx(&fn->txq[qp], here);
}

void vnic_fn_bell(struct vnic_fn *fn, u32 offset, u32 size)
{
	atomic_long_inc(&fn->kicks_page);
	fn->pers->bell(fn, offset, size);
}
EXPORT_SYMBOL_VNIC(vnic_fn_bell);

void vnic_fn_get_stats(struct vnic_fn *fn, struct vnic_fn_stats *st)
{
	unsigned int i;

	*st = (struct vnic_fn_stats) {
		.interrupts = vnic_vectors_raised(fn),
		.kicks_page = atomic_long_read(&fn->kicks_page),
	};
	for (i = 0; i < VNIC_MAX_QPS; i++) {
		st->kicks += atomic_long_read(&fn->txq[i].kicks);
		st->kicks += atomic_long_read(&fn->rxq[i].kicks);
		st->kicks_here += atomic_long_read(&fn->txq[i].kicks_here);
		st->kicks_here += atomic_long_read(&fn->rxq[i].kicks_here);
		st->wakeups += vnic_worker_wakeups(fn->worker[i]);
	}
}
