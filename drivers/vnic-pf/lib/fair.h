/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which of several flows may send next: deficit round robin, where a flow that
 * has just begun to wait goes first (as fq_codel does it, RFC 8290).
 *
 * A flow may send a quantum of bytes in its turn.  One that had nothing waiting
 * gets its first turn at once; so a flow that sends little (a handshake, a
 * request, pure ACKs) does not wait behind those that fill the queue.
 *
 * Frames wait in fifos of a partition (pool.h), from which the pool may take
 * them back at any time: a flow that is listed here may turn out to be empty.
 * All here is under one lock of the caller's, and uses integers and lists only,
 * so that selftests compile it in user space.
 */
#ifndef _VNIC_FAIR_H
#define _VNIC_FAIR_H

#include <linux/list.h>
#include <linux/types.h>

#include "codel.h"
#include "pool.h"

#define VNIC_FLOWS	64
#define VNIC_QUANTUM	1514	/* bytes: a frame of the usual MTU */

/**
 * struct vnic_flow - frames that wait in order
 * @fifo: the frames; under the partition's lock
 * @node: in vnic_fair.fresh or .old, or in none
 * @deficit: bytes it may send in this turn
 * @codel: whether it stands
 */
struct vnic_flow {
	struct vnic_fifo	fifo;
	struct list_head	node;
	s64			deficit;
	struct vnic_codel	codel;
};

/**
 * struct vnic_fair - flows
 * @fresh: those that have begun to wait and have not had their first turn
 * @old: the others that wait
 * @longest: bytes of the longest frame since no flow waited.  A quantum is an
 *	eighth of it at least, so that it takes few rounds until somebody may
 *	send
 * @flows: all
 */
struct vnic_fair {
	struct list_head	fresh;
	struct list_head	old;
	u32			longest;
	struct vnic_flow	flows[VNIC_FLOWS];
};

void vnic_fair_init(struct vnic_fair *fair);
/* A frame of @bytes waits in the flow's fifo.  True: it is the first. */
bool vnic_fair_join(struct vnic_fair *fair, struct vnic_flow *flow, u32 bytes);
/* The flow whose turn it is; NULL: none waits.  The same until it has sent. */
struct vnic_flow *vnic_fair_next(struct vnic_fair *fair);
/* It has sent so much. */
static inline void vnic_fair_sent(struct vnic_flow *flow, u32 bytes)
{
	flow->deficit -= bytes;
}

/* The flow that occupies most of the partition */
struct vnic_flow *vnic_fair_fattest(struct vnic_fair *fair);

/* Does no flow wait? */
static inline bool vnic_fair_empty(const struct vnic_fair *fair)
{
	return list_empty(&fair->fresh) && list_empty(&fair->old);
}

#endif /* _VNIC_FAIR_H */
