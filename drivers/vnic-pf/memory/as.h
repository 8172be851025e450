/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Address spaces: how the device reaches the memory its driver names by bus
 * address.  Two kinds: that of a driver on this host, whose addresses are
 * physical ones (dma-direct), and that of a guest, which vfio has mapped into a
 * domain of vnic's IOMMU.
 *
 * Protocol: between vnic_as_begin() and vnic_as_end(), a stretch, addresses are
 * translated, and what was found is good.  Whoever unmaps a guest's memory waits
 * for the stretches; so nothing sleeps in one, and each is short.  A task may be
 * throttled anywhere else without holding up anybody.  Memory that is not mapped
 * or not to be written is not found: nothing is ever pinned, waited for or tried
 * again here, as with a hardware NIC.
 *
 * memory/ stands on frame/ and lib/; the model and vfio call it, with any lock of theirs
 * but in the order that each function says.
 */
#ifndef _VNIC_AS_H
#define _VNIC_AS_H

#include <linux/bottom_half.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/preempt.h>
#include <linux/string.h>
#include <linux/types.h>

#include <vnic_copy.h>
#include <vnic_iommu.h>

struct vnic_as;

/* memory/as.c; NULL when out of memory.  Process context. */
/* Of a driver on this host: @dev maps memory for it, directly */
struct vnic_as *vnic_as_host(struct device *dev);
/* Of a guest; @iommu outlives it */
struct vnic_as *vnic_as_guest(const struct vnic_iommu_dev *iommu);
/* No stretch may use it any more (see vnic_fn_detach()). */
void vnic_as_free(struct vnic_as *as);

/* A stretch.  Any context but hardirq; they nest. */
static inline void vnic_as_begin(void)
{
	preempt_disable();
	vnic_stretch_begin();
}

static inline void vnic_as_end(void)
{
	vnic_stretch_end();
	preempt_enable();
}

/* The same for a stretch in which a spinlock is taken, which on PREEMPT_RT may sleep */
static inline void vnic_as_begin_bh(void)
{
	local_bh_disable();
	vnic_stretch_begin();
}

static inline void vnic_as_end_bh(void)
{
	vnic_stretch_end();
	local_bh_enable();
}

/**
 * vnic_as_ptr - translate what is read
 * @as: address space
 * @iova: first byte
 * @len: bytes, > 0
 *
 * Context: in a stretch; the pointer is good until it ends.
 * Return: NULL when it is not the driver's memory.  What crosses a page may be, and not lie
 * in one piece: NULL as well; see vnic_as_run().
 */
const void *vnic_as_ptr(struct vnic_as *as, dma_addr_t iova, u32 len);

/* The same for what is read and written.  NULL also when it may not be written. */
void *vnic_as_wptr(struct vnic_as *as, dma_addr_t iova, u32 len);

/**
 * struct vnic_as_near - what was translated last: what is near it needs no walk
 * @first: first bus address of the piece of memory
 * @len: its bytes, as far as is known; 0: none
 * @ptr: where it is
 *
 * Good in one stretch, for one address space and one kind of access.
 */
struct vnic_as_near {
	dma_addr_t	first;
	u64		len;
	void		*ptr;
};

/* A stretch begins. */
static inline void vnic_as_no_near(struct vnic_as_near *near)
{
	near->len = 0;
}

/* vnic_as_ptr(), and what is near for the next */
const void *vnic_as_ptr_far(struct vnic_as *as, struct vnic_as_near *near, dma_addr_t iova,
			    u32 len);
/* vnic_as_wptr(), the same */
void *vnic_as_wptr_far(struct vnic_as *as, struct vnic_as_near *near, dma_addr_t iova, u32 len);

static __always_inline void *vnic_as_find_near(const struct vnic_as_near *near, dma_addr_t iova,
					       u32 len)
{
	u64 at = iova - near->first;

	if (unlikely(at >= near->len || len > near->len - at))
		return NULL;
	return near->ptr + array_index_nospec(at, near->len);	/* a guest chooses it */
}

/**
 * vnic_as_ptr_near - vnic_as_ptr() of one address after the other
 * @as: address space
 * @near: what the stretch has read before
 * @iova: first byte
 * @len: bytes, > 0
 *
 * Context: in a stretch; the pointer is good until it ends.
 * Return: as vnic_as_ptr().
 */
static __always_inline const void *vnic_as_ptr_near(struct vnic_as *as, struct vnic_as_near *near,
						    dma_addr_t iova, u32 len)
{
	return vnic_as_find_near(near, iova, len) ?: vnic_as_ptr_far(as, near, iova, len);
}

/* The same for what is read and written. */
static __always_inline void *vnic_as_wptr_near(struct vnic_as *as, struct vnic_as_near *near,
					       dma_addr_t iova, u32 len)
{
	return vnic_as_find_near(near, iova, len) ?: vnic_as_wptr_far(as, near, iova, len);
}

/**
 * vnic_as_run - translate what is read, as much as lies in one piece
 * @as: address space
 * @iova: first byte
 * @len: bytes wanted, > 0
 * @run: bytes found, from 1 to @len; up to the end of the page at least
 *
 * Context: in a stretch; the pointer is good until it ends.
 * Return: NULL when the first byte is not the driver's memory.
 */
const void *vnic_as_run(struct vnic_as *as, dma_addr_t iova, u32 len, u32 *run);

/* The same for what is read and written. */
void *vnic_as_wrun(struct vnic_as *as, dma_addr_t iova, u32 len, u32 *run);

/**
 * vnic_as_reaches - is a range the driver's memory now?
 * @as: address space
 * @iova: first byte
 * @len: bytes, > 0; may cross pages
 * @write: is it to be written?
 *
 * Context: in a stretch.
 */
bool vnic_as_reaches(struct vnic_as *as, dma_addr_t iova, u32 len, bool write);

/**
 * vnic_as_store - the one function that writes into a driver's memory
 * @as: address space (dirty tracking will need it)
 * @iova: where, as a bus address
 * @ptr: the same place, translated by vnic_as_wptr()
 * @src: what
 * @len: bytes
 */
static __always_inline void vnic_as_store(struct vnic_as *as, dma_addr_t iova, void *ptr,
					  const void *src, size_t len)
{
	if (__builtin_constant_p(len))
		memcpy(ptr, src, len);
	else
		vnic_copy(ptr, src, len);
}

/* The same for an index or flag of 32 bits, which must not be seen half written. */
static inline void vnic_as_store32(struct vnic_as *as, dma_addr_t iova, __le32 *ptr, u32 val)
{
	WRITE_ONCE(*ptr, cpu_to_le32(val));
}

/* Of 16 bits */
static inline void vnic_as_store16(struct vnic_as *as, dma_addr_t iova, __le16 *ptr, u16 val)
{
	WRITE_ONCE(*ptr, cpu_to_le16(val));
}

#endif /* _VNIC_AS_H */
