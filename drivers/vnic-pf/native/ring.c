// SPDX-License-Identifier: GPL-2.0
/*
 * The event block of a native ring (uapi/vnic/vnic_ring.h): indexes, and who wants
 * to hear of them.
 */
#include "native.h"

static struct vnic_event *vnic_native_event(struct vnic_fn *fn, const struct vnic_ring *ring)
{
	return vnic_as_wptr(fn->as, ring->native.event, sizeof(struct vnic_event));
}

/* Read the driver's index; what it covers may be read afterwards. */
bool vnic_native_prod(struct vnic_fn *fn, const struct vnic_ring *ring, u32 at, u32 *prod)
{
	struct vnic_event *ev = vnic_native_event(fn, ring);

	if (!ev)
		return false;
	*prod = le32_to_cpu(smp_load_acquire(&ev->prod));	/* of the driver's release */
	return true;
}

bool vnic_native_publish(struct vnic_fn *fn, struct vnic_ring *ring, u32 old, u32 new,
			 u32 wait)
{
	struct vnic_event *ev = vnic_native_event(fn, ring);

	if (!ev)
		return false;
	smp_wmb();	/* completions before the index; pairs with the driver's acquire */
	vnic_as_store32(fn->as, ring->native.event + offsetof(struct vnic_event, cons),
			&ev->cons, new);
	smp_mb();	/* cons before intr_at: vnic_ring.h, event suppression */
	if (vnic_need_event(le32_to_cpu(READ_ONCE(ev->intr_at)), new, old))
		vnic_vector_raise(fn, ring->vector, new - old, wait);
	else if (vnic_vector_held(&fn->vec[ring->vector]))
		vnic_vector_tell(fn, ring->vector, new - old);
	return true;
}

bool vnic_native_behind(struct vnic_fn *fn, const struct vnic_ring *ring, u32 cons, u32 *missing)
{
	struct vnic_event *ev = vnic_native_event(fn, ring);
	u32 posted;

	if (!ev)
		return true;
	posted = le32_to_cpu(READ_ONCE(ev->prod)) - cons;
	*missing = posted < ring->size ? ring->size - posted : 0;
	return le32_to_cpu(READ_ONCE(ev->intr_at)) - cons - 1 < ring->size;
}

bool vnic_native_arm(struct vnic_fn *fn, struct vnic_ring *ring, u32 seen, u32 ahead, u32 *more)
{
	struct vnic_event *ev = vnic_native_event(fn, ring);

	if (!ev)
		return false;
	vnic_as_store32(fn->as, ring->native.event + offsetof(struct vnic_event, kick_at),
			&ev->kick_at, seen + ahead);
	smp_mb();	/* kick_at before prod: vnic_ring.h, event suppression */
	*more = le32_to_cpu(READ_ONCE(ev->prod)) - seen;
	return true;
}

bool vnic_native_set_flags(struct vnic_fn *fn, struct vnic_ring *ring)
{
	bool dead = test_bit(VNIC_FN_BELL_DEAD, &fn->flags);
	struct vnic_event *ev = vnic_native_event(fn, ring);

	if (!ev)
		return false;
	vnic_as_store32(fn->as, ring->native.event + offsetof(struct vnic_event, flags), &ev->flags,
			dead ? VNIC_EV_F_DOORBELL_DEAD : 0);
	smp_mb();	/* flags before prod: vnic_ring.h, event suppression */
	ring->native.dead = dead;
	return true;
}

/*
 * vnic_fn_set_bell() wakes the worker for that, whose turn it is the first thing of.
 * Its memory gone?  The turn will find that, too.
 */
void vnic_native_bell(struct vnic_fn *fn, struct vnic_ring *ring)
{
	if (likely(ring->native.dead == test_bit(VNIC_FN_BELL_DEAD, &fn->flags)))
		return;
	vnic_as_begin();
	vnic_native_set_flags(fn, ring);
	vnic_as_end();
}
