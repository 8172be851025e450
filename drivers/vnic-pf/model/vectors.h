/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Interrupts of a function: moderation and counting (vectors.c).  A part of fn.h, which
 * is to be included.
 */
#ifndef _VNIC_VECTORS_H
#define _VNIC_VECTORS_H

#include <linux/hrtimer.h>
#include <linux/spinlock.h>

struct vnic_fn;

/**
 * struct vnic_vector - interrupt moderation of one MSI-X vector
 * @fn: function
 * @index: entry of the MSI-X table
 * @lock: leaf; held around vnic_backend_ops.raise, so that none is in flight
 *	once the vector is off; protects what follows
 * @on: a backend takes interrupts
 * @armed: @timer will raise; requests until then are one interrupt.  Read
 *	without the lock by who has more to tell
 * @patient: ... which all may wait
 * @usecs: least time between two interrupts
 * @frames: descriptors that end the wait before its time; 0: none do
 * @held: descriptors gathered since @armed
 * @due: ktime ns when, while @armed; @timer comes then or before
 * @timer: fires a delayed one
 * @next: ktime ns before which none is raised
 * @raised: interrupts raised since the function was created
 */
struct vnic_vector {
	struct vnic_fn		*fn;
	u16			index;
	spinlock_t		lock;		/* see above */
	bool			on;
	bool			armed;
	bool			patient;
	u32			usecs;
	u32			frames;
	u32			held;
	u64			due;
	struct hrtimer		timer;
	u64			next;
	u64			raised;
} ____cacheline_aligned_in_smp;

void vnic_vectors_init(struct vnic_fn *fn);
void vnic_vectors_start(struct vnic_fn *fn);	/* a backend takes interrupts */
void vnic_vectors_stop(struct vnic_fn *fn);	/* none is raised after; process context */
#define VNIC_MODERATION_MAX	10000	/* us */
/* As in struct vnic_vector; @usecs: VNIC_MODERATION_MAX at most, which is not checked */
void vnic_vector_set_moderation(struct vnic_vector *vec, u32 usecs, u32 frames);
u64 vnic_vectors_raised(struct vnic_fn *fn);	/* interrupts, all vectors */
/* Raise a vector, moderated; @n: descriptors it tells of; @wait: ns that it may
 * wait for another reason, if it is moderated at all.  Any context.
 */
void vnic_vector_raise(struct vnic_fn *fn, unsigned int vector, unsigned int n, u32 wait);
/* The same; the driver has seen all that the request before this one was to tell. */
void vnic_vector_raise_instead(struct vnic_fn *fn, unsigned int vector, unsigned int n, u32 wait);
/* Tell of more descriptors, for which the driver has not asked.  Any context. */
void vnic_vector_tell(struct vnic_fn *fn, unsigned int vector, unsigned int n);
/* Is one held back, so that more descriptors may end the wait? */
static inline bool vnic_vector_held(const struct vnic_vector *vec)
{
	return READ_ONCE(vec->armed);
}

#endif /* _VNIC_VECTORS_H */
