// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupts of a function: moderation and counting.  How an interrupt reaches
 * the driver is the backend's business.
 *
 * The first request after a quiet time is raised at once; those that follow
 * within the vector's time become one interrupt, at its end or when they tell of
 * as many descriptors as the driver does not want to wait for.  A request that
 * may wait (of a driver that has sent a little) is raised with the next, or after
 * its own time.  That begins anew when the driver asks for another in its place: it
 * has seen what the first was to tell.
 *
 * The driver asks for an interrupt once (intr_at), so this is called once for
 * many packets, and the lock is not worth avoiding.
 */
#include <linux/hrtimer.h>
#include <linux/spinlock.h>

#include <compat.h>

#include "fn.h"

static void vnic_vector_fire(struct vnic_vector *vec, u64 now)
{
	struct vnic_fn *fn = vec->fn;

	lockdep_assert_held(&vec->lock);
	if (vec->armed) {
		hrtimer_try_to_cancel(&vec->timer);	/* it finds nothing to do */
		WRITE_ONCE(vec->armed, false);
	}
	vec->next = now + (u64)vec->usecs * NSEC_PER_USEC;
	WRITE_ONCE(vec->raised, vec->raised + 1);
	fn->be->raise(fn->be_priv, vec->index);
}

static enum hrtimer_restart vnic_vector_timer(struct hrtimer *timer)
{
	struct vnic_vector *vec = container_of(timer, struct vnic_vector, timer);
	unsigned long flags;
	u64 now;

	spin_lock_irqsave(&vec->lock, flags);
	if (vec->on && vec->armed) {
		now = ktime_get_ns();
		if (now < vec->due)
			hrtimer_start(timer, ns_to_ktime(vec->due), HRTIMER_MODE_ABS);
		else
			vnic_vector_fire(vec, now);
	}
	spin_unlock_irqrestore(&vec->lock, flags);
	return HRTIMER_NORESTART;
}

/*
 * Not now: the timer raises it at @due, or enough that it tells of.  @patient: it may
 * wait; @instead: of the one before.
 */
static void vnic_vector_hold(struct vnic_vector *vec, u64 due, bool patient, bool instead)
{
	lockdep_assert_held(&vec->lock);
	vec->patient = patient && (vec->patient || !vec->armed);
	if (vec->armed && vec->patient && instead) {
		vec->due = max(vec->due, due);	/* the timer finds it too early */
		return;
	}
	if (vec->armed && vec->due <= due)
		return;
	vec->due = due;
	WRITE_ONCE(vec->armed, true);
	hrtimer_start(&vec->timer, ns_to_ktime(due), HRTIMER_MODE_ABS);
}

/* Count what is gathered.  True: no reason to wait any longer. */
static bool vnic_vector_full(struct vnic_vector *vec, unsigned int n)
{
	lockdep_assert_held(&vec->lock);
	vec->held = vec->armed ? vec->held + n : n;
	return vec->frames && vec->held >= vec->frames;
}

void vnic_vector_tell(struct vnic_fn *fn, unsigned int vector, unsigned int n)
{
	struct vnic_vector *vec = &fn->vec[vector];
	unsigned long flags;

	spin_lock_irqsave(&vec->lock, flags);
	if (vec->on && vec->armed && vnic_vector_full(vec, n))
		vnic_vector_fire(vec, ktime_get_ns());
	spin_unlock_irqrestore(&vec->lock, flags);
}

static void vnic_vector_request(struct vnic_fn *fn, unsigned int vector, unsigned int n,
				u32 wait, bool instead)
{
	struct vnic_vector *vec = &fn->vec[vector];
	unsigned long flags;
	u64 now, due;

	spin_lock_irqsave(&vec->lock, flags);
	if (!vec->on)
		goto out;
	if (!vec->usecs) {
		vnic_vector_fire(vec, 0);
		goto out;
	}
	now = ktime_get_ns();
	due = max(vec->next, now + wait);
	if (due > now && !vnic_vector_full(vec, n))
		vnic_vector_hold(vec, due, wait, instead);
	else
		vnic_vector_fire(vec, now);
out:
	spin_unlock_irqrestore(&vec->lock, flags);
}

void vnic_vector_raise(struct vnic_fn *fn, unsigned int vector, unsigned int n, u32 wait)
{
	vnic_vector_request(fn, vector, n, wait, false);
}

void vnic_vector_raise_instead(struct vnic_fn *fn, unsigned int vector, unsigned int n, u32 wait)
{
	vnic_vector_request(fn, vector, n, wait, true);
}

void vnic_vector_set_moderation(struct vnic_vector *vec, u32 usecs, u32 frames)
{
	spin_lock_irq(&vec->lock);
	vec->usecs = usecs;
	vec->frames = frames;
	spin_unlock_irq(&vec->lock);
}

/* Without moderation, as after reset.  The backend is set. */
void vnic_vectors_start(struct vnic_fn *fn)
{
	unsigned int i;

	for (i = 0; i < VNIC_MAX_VECTORS; i++) {
		struct vnic_vector *vec = &fn->vec[i];

		spin_lock_irq(&vec->lock);
		vec->on = true;
		vec->usecs = 0;
		vec->frames = 0;
		vec->next = 0;
		spin_unlock_irq(&vec->lock);
	}
}

void vnic_vectors_stop(struct vnic_fn *fn)
{
	unsigned int i;

	for (i = 0; i < VNIC_MAX_VECTORS; i++) {
		struct vnic_vector *vec = &fn->vec[i];

		spin_lock_irq(&vec->lock);
		vec->on = false;
		WRITE_ONCE(vec->armed, false);
		spin_unlock_irq(&vec->lock);
		hrtimer_cancel(&vec->timer);
	}
}

u64 vnic_vectors_raised(struct vnic_fn *fn)
{
	u64 sum = 0;
	unsigned int i;

	for (i = 0; i < VNIC_MAX_VECTORS; i++)
		sum += READ_ONCE(fn->vec[i].raised);
	return sum;
}

void vnic_vectors_init(struct vnic_fn *fn)
{
	unsigned int i;

	for (i = 0; i < VNIC_MAX_VECTORS; i++) {
		struct vnic_vector *vec = &fn->vec[i];

		vec->fn = fn;
		vec->index = i;
		spin_lock_init(&vec->lock);
		vnic_hrtimer_setup(&vec->timer, vnic_vector_timer);
	}
}
