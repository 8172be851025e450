// SPDX-License-Identifier: GPL-2.0
/*
 * Packed virtqueues (2.8): one ring of descriptors, whose flags say whose each is.
 *
 * What AVAIL and USED mean turns with each lap of the ring.  A place is where in two
 * laps an index is: slots of a lap whose wrap counter is 1, then of one where it is 0.
 *
 * Everything read is the driver's and may change at any time: each value is read once,
 * and checked before it is used.
 */
#include "virtio.h"

#define VNIC_PACKED_MINE	(BIT(VRING_PACKED_DESC_F_AVAIL) | BIT(VRING_PACKED_DESC_F_USED))

/* Of an entry that is not older than those published last, and not a whole ring newer
 * than what is done: so not four laps from the mark (vnic_vring_published()).
 */
static u32 vnic_packed_place(const struct vnic_ring *ring, u32 index)
{
	u32 place = index - ring->vring.mark;

	return place < 2 * ring->size ? place : place - 2 * ring->size;
}

static bool vnic_packed_wrap(const struct vnic_ring *ring, u32 place)
{
	return place < ring->size;
}

static u32 vnic_packed_slot(const struct vnic_ring *ring, u32 place)
{
	return vnic_packed_wrap(ring, place) ? place : place - ring->size;
}

/* ---- entries ---- */

static bool vnic_packed_available(const struct vring_packed_desc *d, bool wrap)
{
	u16 flags = le16_to_cpu(READ_ONCE(d->flags)) & VNIC_PACKED_MINE;

	return flags == (wrap ? BIT(VRING_PACKED_DESC_F_AVAIL) : BIT(VRING_PACKED_DESC_F_USED));
}

/* How many of the @most entries from @place on, as far as lap and page go, are available?
 * *@looked: at how many it looked.  -ENXIO
 */
static int vnic_packed_run(struct vnic_fn *fn, const struct vnic_ring *ring, u32 place, u32 most,
			   u32 *looked)
{
	const bool wrap = vnic_packed_wrap(ring, place);
	u32 slot = vnic_packed_slot(ring, place), n;
	const struct vring_packed_desc *d;
	u64 addr = ring->addr + slot * sizeof(*d);

	*looked = min3(most, ring->size - slot,
		       (u32)((PAGE_SIZE - offset_in_page(addr)) / sizeof(*d)));
	d = vnic_as_ptr(fn->as, addr, *looked * sizeof(*d));
	if (!d)
		return -ENXIO;
	for (n = 0; n < *looked && vnic_packed_available(d + n, wrap); n++)
		;
	return n;
}

int vnic_packed_more(struct vnic_fn *fn, const struct vnic_ring *ring, u32 seen, u32 most)
{
	u32 n = 0, looked;
	int got;

	most = min(most, ring->size - (seen - ring->vring.done));
	while (n < most) {
		got = vnic_packed_run(fn, ring, vnic_packed_place(ring, seen + n), most - n,
				      &looked);
		if (got < 0)
			return got;
		n += got;
		if (got < looked)
			break;
	}
	return n;
}

bool vnic_packed_put(struct vnic_fn *fn, const struct vnic_ring *ring,
		     struct vnic_ring_page *page, u32 index, u16 id, u32 len)
{
	u32 place = vnic_packed_place(ring, index);
	u64 addr = ring->addr + vnic_packed_slot(ring, place) * sizeof(struct vring_packed_desc);
	struct vring_packed_desc *d = vnic_ring_at_rw(fn, &page[2], addr);
	u32 flags = vnic_packed_wrap(ring, place) ? VNIC_PACKED_MINE : 0;

	if (!d)
		return false;
	if (len)
		flags |= VRING_DESC_F_WRITE;
	vnic_as_store32(fn->as, addr + offsetof(struct vring_packed_desc, len), &d->len, len);
	smp_wmb();	/* what it is before whose it is */
	vnic_as_store32(fn->as, addr + offsetof(struct vring_packed_desc, id),
			(__le32 *)&d->id, id | flags << 16);
	return true;
}

bool vnic_packed_reaches(struct vnic_fn *fn, const struct vnic_ring *ring)
{
	return IS_ALIGNED(ring->addr, sizeof(struct vring_packed_desc)) &&
	       IS_ALIGNED(ring->vring.driver, sizeof(u32)) &&
	       IS_ALIGNED(ring->vring.device, sizeof(u32)) &&
	       vnic_as_reaches(fn->as, ring->addr, sizeof(struct vring_packed_desc) * ring->size,
			       true) &&
	       vnic_as_reaches(fn->as, ring->vring.driver, sizeof(u32), false) &&
	       vnic_as_reaches(fn->as, ring->vring.device, sizeof(u32), true);
}

/* ---- event suppression (2.8.10): a place, and above it what to do at it ---- */

/* What the driver wishes; -ENXIO.  *@at: the place, with VRING_PACKED_EVENT_FLAG_DESC */
static int vnic_packed_wish(struct vnic_fn *fn, const struct vnic_ring *ring, u32 *at)
{
	const __le32 *ptr = vnic_as_ptr(fn->as, ring->vring.driver, sizeof(*ptr));
	u32 val;

	if (!ptr)
		return -ENXIO;
	val = le32_to_cpu(READ_ONCE(*ptr));
	*at = val & (BIT(VRING_PACKED_EVENT_F_WRAP_CTR) - 1);
	if (!(val & BIT(VRING_PACKED_EVENT_F_WRAP_CTR)))
		*at += ring->size;
	return val >> 16 & 3;
}

/* How far is it from @index to place @at? */
static u32 vnic_packed_far(const struct vnic_ring *ring, u32 index, u32 at)
{
	u32 place = vnic_packed_place(ring, index);

	return at >= place ? at - place : at + 2 * ring->size - place;
}

int vnic_packed_wants(struct vnic_fn *fn, const struct vnic_ring *ring, u32 old, u32 new,
		      u16 *event)
{
	u32 at;
	int wish = vnic_packed_wish(fn, ring, &at);

	if (wish < 0)
		return wish;
	if (wish == VRING_PACKED_EVENT_FLAG_DESC && ring->vring.event_idx) {
		*event = at;
		return vnic_packed_far(ring, old, at) < new - old;
	}
	return wish != VRING_PACKED_EVENT_FLAG_DISABLE;
}

bool vnic_packed_waits(struct vnic_fn *fn, const struct vnic_ring *ring, u32 done)
{
	u32 at;
	int wish = vnic_packed_wish(fn, ring, &at);

	if (wish == VRING_PACKED_EVENT_FLAG_DESC && ring->vring.event_idx)
		return vnic_packed_far(ring, done, at) < ring->size;
	return wish != VRING_PACKED_EVENT_FLAG_DISABLE;
}

static bool vnic_packed_ask(struct vnic_fn *fn, const struct vnic_ring *ring, u32 wish, u32 at)
{
	__le32 *ptr = vnic_as_wptr(fn->as, ring->vring.device, sizeof(*ptr));

	if (ptr)
		vnic_as_store32(fn->as, ring->vring.device, ptr, at | wish << 16);
	return ptr;
}

bool vnic_packed_hush(struct vnic_fn *fn, const struct vnic_ring *ring)
{
	return vnic_packed_ask(fn, ring, VRING_PACKED_EVENT_FLAG_DISABLE, 0);
}

bool vnic_packed_arm(struct vnic_fn *fn, const struct vnic_ring *ring, u32 seen, u32 ahead)
{
	u32 place = vnic_packed_place(ring, seen + ahead - 1), at;

	if (!ring->vring.event_idx)
		return vnic_packed_ask(fn, ring, ahead > 1 ? VRING_PACKED_EVENT_FLAG_DISABLE :
							     VRING_PACKED_EVENT_FLAG_ENABLE, 0);
	at = vnic_packed_slot(ring, place);
	if (vnic_packed_wrap(ring, place))
		at |= BIT(VRING_PACKED_EVENT_F_WRAP_CTR);
	return vnic_packed_ask(fn, ring, VRING_PACKED_EVENT_FLAG_DESC, at);
}

/* ---- chains ---- */

/* A table: all of its descriptors, in their order (2.8.7) */
static int vnic_packed_table(struct vnic_fn *fn, const struct vnic_ring *ring,
			     const struct vring_packed_desc *outer, struct vnic_chain *c)
{
	unsigned int i, num = vnic_vring_table(ring, le32_to_cpu(outer->len),
					       le16_to_cpu(outer->flags) & VRING_DESC_F_NEXT);
	struct vnic_ring_page page = VNIC_RING_NOPAGE;
	struct vring_packed_desc d;
	int err = num ? 0 : -EINVAL;

	for (i = 0; i < num && !err; i++) {
		if (!vnic_vring_desc(fn, &page, le64_to_cpu(outer->addr), i, &d))
			return -ENXIO;
		err = vnic_chain_add(c, le64_to_cpu(d.addr), le32_to_cpu(d.len),
				     le16_to_cpu(d.flags) & VRING_DESC_F_WRITE);
	}
	return err;
}

/* One in too many pieces is walked to its end, which says what it is called. */
int vnic_packed_chain(struct vnic_fn *fn, const struct vnic_ring *ring,
		      struct vnic_ring_page *page, u32 index, struct vnic_chain *c)
{
	u32 i, slot, most = ring->size - (index - ring->vring.done);
	struct vring_packed_desc d;
	int err = 0;
	u16 flags;

	for (i = 0; i < most; i++) {
		slot = vnic_packed_slot(ring, vnic_packed_place(ring, index + i));
		if (!vnic_vring_desc(fn, &page[0], ring->addr, slot, &d))
			return -ENXIO;
		flags = le16_to_cpu(d.flags);
		if (flags & VRING_DESC_F_INDIRECT)
			err = vnic_packed_table(fn, ring, &d, c);
		else
			err = vnic_chain_add(c, le64_to_cpu(d.addr), le32_to_cpu(d.len),
					     flags & VRING_DESC_F_WRITE);
		if (err && err != -E2BIG)
			return err;
		if (!(flags & VRING_DESC_F_NEXT)) {
			c->id = le16_to_cpu(d.id);
			c->entries = i + 1;
			return err;
		}
	}
	return -EINVAL;		/* it does not end in the ring */
}
