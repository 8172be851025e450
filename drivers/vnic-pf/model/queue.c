// SPDX-License-Identifier: GPL-2.0
/*
 * What transmit and receive queues have in common: their beginning and end.
 */
#include "fn.h"
#include "worker.h"

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
