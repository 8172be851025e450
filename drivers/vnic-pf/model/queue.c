// SPDX-License-Identifier: GPL-2.0
/*
 * What transmit and receive queues have in common: beginning, end, and access to
 * rings in the driver's memory.
 */
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

bool vnic_ring_translate(struct vnic_fn *fn, struct vnic_ring_page *pg, u64 page, bool write)
{
	u64 addr = page << PAGE_SHIFT;

	if (write)
		pg->rx = vnic_as_wptr(fn->as, addr, PAGE_SIZE);
	else
		pg->tx = vnic_as_ptr(fn->as, addr, PAGE_SIZE);
	pg->page = pg->tx ? page : U64_MAX;
	return pg->tx;
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
