/* SPDX-License-Identifier: GPL-2.0 */
/*
 * CoDel: when a queue that stands too long is to be told so (RFC 8289).
 *
 * A queue that absorbs a burst empties again; one whose shortest delay stays
 * above a target for a whole interval is a standing one: it only adds delay.
 * Then one frame is hit, dropped or marked by the caller, and while the delay
 * stays another each interval / sqrt(number of hits), which is what makes TCP
 * reduce its rate linearly.
 *
 * Pure: the caller supplies the time and the lock, and nothing here needs more
 * than the integer types, so that selftests compile it under a synthetic clock.
 * The kernel's <net/codel_impl.h> is made for queues of skbs; what waits here
 * mostly is none.
 */
#ifndef _VNIC_CODEL_H
#define _VNIC_CODEL_H

#include <linux/types.h>

/**
 * struct vnic_codel_law - what is a standing queue
 * @target: ns that a frame may wait
 * @interval: ns that it takes to know that more is no burst
 */
struct vnic_codel_law {
	u64	target;
	u64	interval;
};

/**
 * struct vnic_codel - the state of one queue; all 0 at first
 * @above: ns, when a delay above the target will have lasted an interval; 0: the
 *	delay is below
 * @next: ns, when the next frame is to be hit
 * @count: frames hit since hitting began, or more if it began again soon
 * @last: @count when it began
 * @hitting: the queue stands
 */
struct vnic_codel {
	u64	above;
	u64	next;
	u32	count;
	u32	last;
	bool	hitting;
};

/**
 * vnic_codel_hit - is the frame that leaves the queue to be hit?
 * @c: state of the queue
 * @law: what it is judged by; may be another each time
 * @waited: ns that this one has waited
 * @behind: cells that the frames behind it occupy (pool.h)
 * @now: ns
 *
 * To be asked once for each frame that is about to leave.  A frame that is
 * dropped for it does not leave: the next one is asked about in its place.
 *
 * Return: true: drop it or mark it.
 */
bool vnic_codel_hit(struct vnic_codel *c, const struct vnic_codel_law *law, u64 waited, u32 behind,
		    u64 now);

#endif /* _VNIC_CODEL_H */
