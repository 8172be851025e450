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
 * @turned: ktime ns of the end of the last turn
 * @took: ns that the last turn of who rang took
 * @streak: turns of who rings in a row that took a good part of its time
 * @need: so many of them make the queue busy
 * @frames: taken from the ring since it was last empty
 * @behind: frames that their receiver had got before and not seen to, the least
 *	of all receivers; U32_MAX: there were no frames
 * @rested: ktime ns when it was empty
 * @gap: ns between two frames, a moving average
 * @beat: ns between two turns when the driver rings, the same
 * @came: frames that the driver had received when the last answer was seen
 * @lone: frames sent since then, VNIC_LOAD_LONE at most
 * @look: ktime ns at which the worker looks by itself; 0: the driver rings
 * @wanted: looks would be worth it
 * @credit: more with each look that was worth it, less with others; 0: there were none
 *
 * Used in turns of the queue pair's worker.
 */
struct vnic_load {
	u64	turned;
	u32	took;
	u16	streak;
	u16	need;
	u32	frames;
	u32	behind;
	u64	rested;
	u32	gap;
	u32	beat;
	u32	came;
	u32	lone;
	u64	look;
	bool	wanted;
	u8	credit;
};

void vnic_load_init(struct vnic_load *load);
bool vnic_load_busy(struct vnic_load *load, u64 now);
void vnic_load_turned(struct vnic_load *load, u64 begin, u64 end);
u64 vnic_load_rest(struct vnic_load *load, u64 now, u32 came, u64 most);

#endif /* _VNIC_LOAD_H */
