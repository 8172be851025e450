// SPDX-License-Identifier: GPL-2.0
/*
 * Access to rings in the driver's memory.
 */
#include "fn.h"

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
