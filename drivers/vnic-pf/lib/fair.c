// SPDX-License-Identifier: GPL-2.0
/*
 * Deficit round robin over flows.  Also compiled by selftests/fair in user space.
 */
#include <linux/minmax.h>

#include "fair.h"

void vnic_fair_init(struct vnic_fair *fair)
{
	unsigned int i;

	INIT_LIST_HEAD(&fair->fresh);
	INIT_LIST_HEAD(&fair->old);
	fair->longest = 0;
	for (i = 0; i < VNIC_FLOWS; i++) {
		fair->flows[i] = (struct vnic_flow) {};
		vnic_fifo_init(&fair->flows[i].fifo);
		INIT_LIST_HEAD(&fair->flows[i].node);
	}
}

static s64 vnic_fair_quantum(const struct vnic_fair *fair)
{
	return max_t(u32, VNIC_QUANTUM, fair->longest / 8);
}

bool vnic_fair_join(struct vnic_fair *fair, struct vnic_flow *flow, u32 bytes)
{
	fair->longest = max(fair->longest, bytes);
	if (!list_empty(&flow->node))
		return false;
	flow->deficit = vnic_fair_quantum(fair);
	list_add_tail(&flow->node, &fair->fresh);
	return true;
}

/*
 * A flow at the head has nothing left.  One that was fresh has to stand in line
 * once with the others, or it would be fresh each time it sends a frame.
 */
static void vnic_fair_rest(struct vnic_fair *fair, struct vnic_flow *flow, bool fresh)
{
	if (fresh && !list_empty(&fair->old))
		list_move_tail(&flow->node, &fair->old);
	else
		list_del_init(&flow->node);
	if (vnic_fair_empty(fair))
		fair->longest = 0;
}

struct vnic_flow *vnic_fair_next(struct vnic_fair *fair)
{
	struct vnic_flow *flow;
	bool fresh;

	/*
	 * A flow owes at most the longest frame, eight quanta.  So it ends after
	 * nine rounds.
	 */
	while (!vnic_fair_empty(fair)) {
		fresh = !list_empty(&fair->fresh);
		flow = list_first_entry(fresh ? &fair->fresh : &fair->old, struct vnic_flow, node);
		if (flow->deficit <= 0) {
			flow->deficit += vnic_fair_quantum(fair);
			list_move_tail(&flow->node, &fair->old);
		} else if (!READ_ONCE(flow->fifo.len)) {
			vnic_fair_rest(fair, flow, fresh);
		} else {
			return flow;
		}
	}
	return NULL;
}

struct vnic_flow *vnic_fair_fattest(struct vnic_fair *fair)
{
	struct vnic_flow *fattest = &fair->flows[0];
	unsigned int i;

	for (i = 1; i < VNIC_FLOWS; i++)
		if (READ_ONCE(fair->flows[i].fifo.cells) > READ_ONCE(fattest->fifo.cells))
			fattest = &fair->flows[i];
	return fattest;
}
