/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How busy a transmit queue is, and what follows: who takes its turns, and
 * whether the driver is to ring for each frame.
 */
#ifndef _VNIC_LOAD_H
#define _VNIC_LOAD_H

#include <linux/types.h>

/**
 * struct vnic_load - how busy a transmit queue is
 * @turned: ktime ns of the end of the last turn of who rang
 * @took: ns that turn took
 * @streak: turns of who rings in a row that took a good part of its time
 * @need: so many of them make the queue busy
 * @frames: taken from the ring since it was last empty
 * @bytes: of their batches
 * @rested: ktime ns when it was
 * @gap: ns between two frames, a moving average
 * @look: ktime ns at which the worker looks by itself; 0: the driver rings
 * @missed: looks in a row that found nothing
 *
 * Used in turns of the queue pair's worker.
 */
struct vnic_load {
	u64	turned;
	u32	took;
	u16	streak;
	u16	need;
	u32	frames;
	u32	bytes;
	u64	rested;
	u32	gap;
	u64	look;
	u8	missed;
};

void vnic_load_init(struct vnic_load *load);
bool vnic_load_busy(struct vnic_load *load, u64 now);
void vnic_load_turned(struct vnic_load *load, u64 begin, u64 end);
u64 vnic_load_rest(struct vnic_load *load, u64 now);

#endif /* _VNIC_LOAD_H */
