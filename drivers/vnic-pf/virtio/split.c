// SPDX-License-Identifier: GPL-2.0
/*
 * Split virtqueues (2.7): a table of descriptors, and two rings that say which chains
 * of them are available and used.
 *
 * Everything read is the driver's and may change at any time: each value is read once,
 * and checked before it is used.
 */
#include <linux/log2.h>

#include "virtio.h"

static u64 vnic_split_event_addr(const struct vnic_ring *ring, bool used)
{
	return used ? ring->vring.device + 4 + 8 * ring->size :
		      ring->vring.driver + 4 + 2 * ring->size;
}

/* A 16-bit field that the driver writes, flags or an index; -ENXIO: memory is gone. */
static int vnic_split_load(struct vnic_fn *fn, u64 addr)
{
	const __le16 *ptr = vnic_as_ptr(fn->as, addr, sizeof(*ptr));

	return ptr ? (int)le16_to_cpu(READ_ONCE(*ptr)) : -ENXIO;
}

static bool vnic_split_store(struct vnic_fn *fn, u64 addr, u16 val)
{
	__le16 *ptr = vnic_as_wptr(fn->as, addr, sizeof(*ptr));

	if (ptr)
		vnic_as_store16(fn->as, addr, ptr, val);
	return ptr;
}

/* ---- indexes ---- */

int vnic_split_more(struct vnic_fn *fn, const struct vnic_ring *ring, u32 seen)
{
	int idx = vnic_split_load(fn, ring->vring.driver + 2);

	return idx < 0 ? idx : (u16)(idx - seen);
}

bool vnic_split_publish(struct vnic_fn *fn, const struct vnic_ring *ring, u32 done)
{
	smp_wmb();	/* elements before the index */
	return vnic_split_store(fn, ring->vring.device + 2, done);
}

int vnic_split_wants(struct vnic_fn *fn, const struct vnic_ring *ring, u32 old, u32 new,
		     u16 *event)
{
	int val;

	if (ring->vring.event_idx) {
		val = vnic_split_load(fn, vnic_split_event_addr(ring, false));
		*event = val;
		return val < 0 ? val : vring_need_event(val, new, old);
	}
	val = vnic_split_load(fn, ring->vring.driver);
	return val < 0 ? val : !(val & VRING_AVAIL_F_NO_INTERRUPT);
}

bool vnic_split_waits(struct vnic_fn *fn, const struct vnic_ring *ring, u32 done)
{
	int val;

	if (!ring->vring.event_idx)
		return true;
	val = vnic_split_load(fn, vnic_split_event_addr(ring, false));
	return val < 0 || (u16)(val - done) < ring->size;
}

bool vnic_split_hush(struct vnic_fn *fn, const struct vnic_ring *ring)
{
	return ring->vring.event_idx ||
	       vnic_split_store(fn, ring->vring.device, VRING_USED_F_NO_NOTIFY);
}

bool vnic_split_arm(struct vnic_fn *fn, const struct vnic_ring *ring, u32 seen, u32 ahead)
{
	if (ring->vring.event_idx)
		return vnic_split_store(fn, vnic_split_event_addr(ring, true), seen + ahead - 1);
	return vnic_split_store(fn, ring->vring.device, ahead > 1 ? VRING_USED_F_NO_NOTIFY : 0);
}

/* ---- entries ---- */

/* The driver's entry @index of the available ring, or -ENXIO */
static int vnic_split_head(struct vnic_fn *fn, const struct vnic_ring *ring,
			   struct vnic_ring_page *page, u32 index)
{
	const __le16 *ptr = vnic_ring_at(fn, page, ring->vring.driver + 4 +
					 2 * (index & (ring->size - 1)));

	return ptr ? (int)le16_to_cpu(READ_ONCE(*ptr)) : -ENXIO;
}

/* An element may cross a page, its halves do not. */
bool vnic_split_put(struct vnic_fn *fn, const struct vnic_ring *ring, struct vnic_ring_page *page,
		    u32 index, u16 id, u32 len)
{
	u64 addr = ring->vring.device + 4 + 8 * (index & (ring->size - 1));
	__le32 *ptr = vnic_ring_at_rw(fn, &page[2], addr);

	if (!ptr)
		return false;
	vnic_as_store32(fn->as, addr, ptr, id);
	ptr = vnic_ring_at_rw(fn, &page[2], addr + 4);
	if (!ptr)
		return false;
	vnic_as_store32(fn->as, addr + 4, ptr, len);
	return true;
}

bool vnic_split_reaches(struct vnic_fn *fn, const struct vnic_ring *ring)
{
	return is_power_of_2(ring->size) && IS_ALIGNED(ring->addr, sizeof(struct vring_desc)) &&
	       IS_ALIGNED(ring->vring.driver, VRING_AVAIL_ALIGN_SIZE) &&
	       IS_ALIGNED(ring->vring.device, VRING_USED_ALIGN_SIZE) &&
	       vnic_as_reaches(fn->as, ring->addr, sizeof(struct vring_desc) * ring->size, false) &&
	       vnic_as_reaches(fn->as, ring->vring.driver, 6 + 2 * ring->size, false) &&
	       vnic_as_reaches(fn->as, ring->vring.device, 6 + 8 * ring->size, true);
}

/* ---- chains ---- */

/* From descriptor c->id on.  Each descriptor is copied once. */
static int vnic_split_walk(struct vnic_fn *fn, const struct vnic_ring *ring,
			   struct vnic_ring_page *page, struct vnic_chain *c)
{
	struct vnic_ring_page inner = VNIC_RING_NOPAGE;
	unsigned int i = c->id, num = ring->size;
	u64 table = ring->addr;
	bool indirect = false;
	struct vring_desc d;
	u16 flags;
	int err;

	for (;;) {
		if (i >= num)
			return -EINVAL;
		if (!vnic_vring_desc(fn, indirect ? &inner : page, table, i, &d))
			return -ENXIO;
		flags = vnic_v16(d.flags);
		if (flags & VRING_DESC_F_INDIRECT) {
			num = indirect ? 0 : vnic_vring_table(ring, vnic_v32(d.len),
							      flags & VRING_DESC_F_NEXT);
			table = vnic_v64(d.addr);
			indirect = true;
			i = 0;
			continue;
		}
		err = vnic_chain_add(c, vnic_v64(d.addr), vnic_v32(d.len),
				     flags & VRING_DESC_F_WRITE);
		if (err || !(flags & VRING_DESC_F_NEXT))
			return err;
		i = vnic_v16(d.next);
	}
}

int vnic_split_chain(struct vnic_fn *fn, const struct vnic_ring *ring,
		     struct vnic_ring_page *page, u32 index, struct vnic_chain *c)
{
	int head = vnic_split_head(fn, ring, &page[1], index);

	if (head < 0)
		return head;
	c->id = head;
	c->entries = 1;
	return vnic_split_walk(fn, ring, &page[0], c);
}
