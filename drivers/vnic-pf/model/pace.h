/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Frames that wait for their VF's inbound rate, if it has a VNIC_RATE_RX_QUEUE:
 * instead of being dropped, what finds no tokens in the bucket waits in the
 * partition, flow by flow (fair.h), and goes on to its receive queue as the
 * bucket fills.  A flow whose frames wait too long for too long is told so by a
 * mark or, if its sender does not know marks, by a drop (codel.h).
 *
 * Senders put frames in; the function's first worker takes them out, in a turn
 * (VNIC_WORK_PACE), woken by a timer.  It holds no lock between two turns, so a
 * worker that its cgroup throttles delays frames of its own VF only.
 *
 * While a frame waits, those that come later wait, too, whatever their flow:
 * none overtakes one of its own flow.
 */
#ifndef _VNIC_PACE_H
#define _VNIC_PACE_H

#include <linux/spinlock.h>
#include <linux/types.h>

#include "../lib/fair.h"
#include "../switch/port.h"

struct vnic_fn;

/**
 * struct vnic_pace - a VF's frames that wait for its rate
 * @lock: protects all here; BH-safe.  Inside of it: a receive queue's lock, the
 *	partition's, the port's rx_lock, each for a moment
 * @target: ns that a frame may wait before it is marked; 0: none is to wait
 * @fair: the frames
 */
struct vnic_pace {
	spinlock_t		lock;	/* see above */
	u64			target;
	struct vnic_fair	fair;
};

void vnic_pace_init(struct vnic_pace *pace);
/* Drop all that waits.  Process context */
void vnic_pace_purge(struct vnic_fn *fn, enum vnic_drop why);

/**
 * vnic_pace_admit - which of the frames may go on at once
 * @fn: function
 * @frames: frames for it, whose hash is known if they have one
 * @queue: the receive queue of each
 * @n: their number
 *
 * The others wait or are dropped, and counted.  Those that go on move to the
 * beginning of both arrays.
 *
 * Context: BH disabled, any sender.
 * Return: their number.
 */
unsigned int vnic_pace_admit(struct vnic_fn *fn, struct vnic_frame **frames, u8 *queue,
			     unsigned int n);
/* A turn of the first worker.  True: there is more to do now. */
bool vnic_pace_work(struct vnic_fn *fn);
/* vnic_port_ops.set_queue of a VF port */
void vnic_vf_set_queue(struct vnic_port *port, u64 target);

#endif /* _VNIC_PACE_H */
