// SPDX-License-Identifier: GPL-2.0
/*
 * Virtqueues of either format: who wants to hear of what, and what has been used.
 *
 * An index counts entries of the ring since the queue was made: chains in a split
 * virtqueue, descriptors in a packed one.
 */
#include "virtio.h"

#define VNIC_VRING_LOOK	64	/* entries to look at in a packed virtqueue, at most */

/* How many entries are there behind @seen?  Of a packed virtqueue at most @most.  -ENXIO */
static int vnic_vring_more(struct vnic_fn *fn, const struct vnic_ring *ring, u32 seen, u32 most)
{
	return ring->vring.packed ? vnic_packed_more(fn, ring, seen, most) :
				    vnic_split_more(fn, ring, seen);
}

bool vnic_vring_prod(struct vnic_fn *fn, const struct vnic_ring *ring, u32 at, u32 *prod)
{
	int more = vnic_vring_more(fn, ring, at, VNIC_VRING_LOOK);

	if (more < 0)
		return false;
	smp_rmb();	/* that they are there before what they are; the driver has a wmb */
	*prod = at + more;
	return true;
}

int vnic_vring_chain(struct vnic_fn *fn, const struct vnic_ring *ring,
		     struct vnic_ring_page *page, u32 index, struct vnic_chain *c)
{
	c->n = 0;
	c->out = 0;
	return ring->vring.packed ? vnic_packed_chain(fn, ring, page, index, c) :
				    vnic_split_chain(fn, ring, page, index, c);
}

bool vnic_vring_put(struct vnic_fn *fn, const struct vnic_ring *ring,
		    struct vnic_ring_page *page, u32 index, u16 id, u32 len)
{
	return ring->vring.packed ? vnic_packed_put(fn, ring, page, index, id, len) :
				    vnic_split_put(fn, ring, page, index, id, len);
}

bool vnic_vring_reaches(struct vnic_fn *fn, const struct vnic_ring *ring)
{
	return ring->vring.packed ? vnic_packed_reaches(fn, ring) :
				    vnic_split_reaches(fn, ring);
}

/* ---- who wants to hear ---- */

/* What a transmit queue has consumed goes back by name; of other queues that is done. */
static bool vnic_vring_give_back(struct vnic_fn *fn, struct vnic_ring *ring, u32 old, u32 new)
{
	struct vnic_ring_page page[VNIC_RING_PAGES];
	const struct vnic_tx_work *w = container_of(ring, struct vnic_txq, ring)->work;
	unsigned int k;

	vnic_ring_no_pages(page);
	for (k = 0; old != new; old += w->entries[k++])
		if (!vnic_vring_put(fn, ring, page, old, w->id[k], 0))
			return false;
	ring->vring.done = new;
	return true;
}

/* What is asked about later is no older than this; see vnic_packed_place(). */
static void vnic_vring_published(struct vnic_ring *ring)
{
	ring->vring.told = ring->vring.done;
	if (ring->vring.done - ring->vring.mark >= 2 * ring->size)
		ring->vring.mark += 2 * ring->size;
}

bool vnic_vring_publish(struct vnic_fn *fn, struct vnic_ring *ring, u32 old, u32 new, u32 wait)
{
	u32 told = ring->vring.told, done;
	u16 event = ring->vring.event;
	int wants;

	if (!ring->rx && !vnic_vring_give_back(fn, ring, old, new))
		return false;
	done = ring->vring.done;
	if (!ring->vring.packed && !vnic_split_publish(fn, ring, done))
		return false;
	smp_mb();	/* what is used before the driver's wish (2.7.10, 2.8.21) */
	wants = 0;
	if (!ring->vring.mute)
		wants = ring->vring.packed ? vnic_packed_wants(fn, ring, told, done, &event) :
					     vnic_split_wants(fn, ring, told, done, &event);
	if (wants > 0 && event != ring->vring.event)
		vnic_vector_raise_instead(fn, ring->vector, done - told, wait);
	else if (wants > 0)
		vnic_vector_raise(fn, ring->vector, done - told, wait);
	else if (!ring->vring.mute && vnic_vector_held(&fn->vec[ring->vector]))
		vnic_vector_tell(fn, ring->vector, done - told);
	ring->vring.event = event;
	vnic_vring_published(ring);
	return wants >= 0 && (ring->rx || ring->vring.event_idx || vnic_vring_hush(fn, ring));
}

bool vnic_vring_behind(struct vnic_fn *fn, const struct vnic_ring *ring, u32 cons, u32 *missing)
{
	u32 done = ring->vring.done, busy = ring->seen - done;
	int more;

	if (ring->vring.packed ? vnic_packed_waits(fn, ring, done) :
				 vnic_split_waits(fn, ring, done))
		return true;
	more = vnic_vring_more(fn, ring, ring->seen, ring->size);
	*missing = more >= 0 && busy + more < ring->size ? ring->size - busy - more : 0;
	return false;
}

bool vnic_vring_hush(struct vnic_fn *fn, struct vnic_ring *ring)
{
	if (ring->vring.quiet)
		return true;
	ring->vring.quiet = true;
	return ring->vring.packed ? vnic_packed_hush(fn, ring) : vnic_split_hush(fn, ring);
}

bool vnic_vring_arm(struct vnic_fn *fn, struct vnic_ring *ring, u32 seen, u32 ahead, u32 *more)
{
	bool ok;
	int n;

	if (ring->vring.packed)
		ok = vnic_packed_arm(fn, ring, seen, ahead);
	else
		ok = vnic_split_arm(fn, ring, seen, ahead);
	if (!ok)
		return false;
	/* One that is passed rings no more by itself. */
	ring->vring.quiet = ring->vring.event_idx || ahead > 1;
	smp_mb();	/* the wish before the driver's entries (2.7.10, 2.8.21) */
	n = vnic_vring_more(fn, ring, seen, ahead);
	*more = n;
	return n >= 0;
}
