// SPDX-License-Identifier: GPL-2.0
/*
 * Address spaces: bus addresses of a driver -> its memory.  See as.h for the
 * protocol.
 */
#include <linux/dma-direct.h>
#include <linux/memory_hotplug.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include <asm/e820/api.h>

#include <compat.h>

#include "as.h"

#define VNIC_AS_RAM	4096	/* page frames remembered */

/**
 * struct vnic_as - an address space
 * @iommu: a guest's: the VF's IOMMU; NULL: a driver's on this host
 * @dev: host: the device that the driver maps memory for
 * @ram: host: page frames found to be ordinary memory, plus 1, each in its place
 */
struct vnic_as {
	const struct vnic_iommu_dev	*iommu;
	struct device			*dev;
	unsigned long			ram[];
};

struct vnic_as *vnic_as_host(struct device *dev)
{
	struct vnic_as *as;

	as = kvzalloc(struct_size(as, ram, VNIC_AS_RAM), GFP_KERNEL);
	if (as)
		as->dev = dev;
	return as;
}

struct vnic_as *vnic_as_guest(const struct vnic_iommu_dev *iommu)
{
	struct vnic_as *as;

	if (WARN_ON_ONCE(!iommu))	/* it would be the host's own memory */
		return NULL;
	as = kzalloc(sizeof(*as), GFP_KERNEL_ACCOUNT);
	if (as)
		as->iommu = iommu;
	return as;
}
EXPORT_SYMBOL_VNIC(vnic_as_guest);

void vnic_as_free(struct vnic_as *as)
{
	kvfree(as);
}
EXPORT_SYMBOL_VNIC(vnic_as_free);

/*
 * Ordinary memory, and not, say, the BAR of another device?  What the kernel has
 * set aside at boot (swiotlb's) is memory, too, if the firmware says so.
 */
static noinline bool vnic_as_look(struct vnic_as *as, unsigned long pfn)
{
	struct page *page = pfn_to_online_page(pfn);

	if (!page)
		return false;
	if (PageReserved(page) &&
	    !e820__mapped_any(PFN_PHYS(pfn), PFN_PHYS(pfn + 1), E820_TYPE_RAM))
		return false;
	WRITE_ONCE(as->ram[pfn % VNIC_AS_RAM], pfn + 1);
	return true;
}

static __always_inline bool vnic_as_is_ram(struct vnic_as *as, unsigned long pfn)
{
	return likely(READ_ONCE(as->ram[pfn % VNIC_AS_RAM]) == pfn + 1) || vnic_as_look(as, pfn);
}

/* Memory that begins @room bytes before the end of a page goes on: how far, up to @len? */
static noinline u64 vnic_as_host_room(struct vnic_as *as, unsigned long pfn, u64 room, u32 len)
{
	while (room < len && vnic_as_is_ram(as, ++pfn))
		room += PAGE_SIZE;
	return room;
}

/* Where @iova is, how many bytes from there lie in one piece, if less than @len do, and how
 * many of that piece lie before it, as far as is known
 */
static __always_inline void *vnic_as_find(struct vnic_as *as, dma_addr_t iova, u32 len, u64 need,
					  u64 *room, u64 *before)
{
	phys_addr_t phys;

	if (IS_ENABLED(CONFIG_PROVE_LOCKING))
		WARN_ON_ONCE(!vnic_stretch_held());
	if (as->iommu)
		return vnic_iommu_find(as->iommu, iova, need, room, before);
	phys = dma_to_phys(as->dev, iova);
	if (unlikely(!vnic_as_is_ram(as, PHYS_PFN(phys))))
		return NULL;
	*before = offset_in_page(phys);
	*room = PAGE_SIZE - *before;
	if (unlikely(*room < len))
		*room = vnic_as_host_room(as, PHYS_PFN(phys), *room, len);
	return phys_to_virt(phys);
}

static __always_inline void *vnic_as_find_run(struct vnic_as *as, dma_addr_t iova, u32 len,
					      u64 need, u32 *run)
{
	u64 room, before;
	void *ptr;

	ptr = vnic_as_find(as, iova, len, need, &room, &before);
	if (likely(ptr))
		*run = min_t(u64, room, len);
	return ptr;
}

/* @near: what is found is remembered there; NULL: it is not */
static __always_inline void *vnic_as_find_all(struct vnic_as *as, struct vnic_as_near *near,
					      dma_addr_t iova, u32 len, u64 need)
{
	u64 room, before;
	void *ptr;

	ptr = vnic_as_find(as, iova, len, need, &room, &before);
	if (unlikely(!ptr || room < len))
		return NULL;
	if (near)
		*near = (struct vnic_as_near) {
			.first	= iova - before,
			.len	= before + room,
			.ptr	= ptr - before,
		};
	return ptr;
}

const void *vnic_as_run(struct vnic_as *as, dma_addr_t iova, u32 len, u32 *run)
{
	return vnic_as_find_run(as, iova, len, VNIC_PTE_READ, run);
}

void *vnic_as_wrun(struct vnic_as *as, dma_addr_t iova, u32 len, u32 *run)
{
	return vnic_as_find_run(as, iova, len, VNIC_PTE_READ | VNIC_PTE_WRITE, run);
}

const void *vnic_as_ptr(struct vnic_as *as, dma_addr_t iova, u32 len)
{
	return vnic_as_find_all(as, NULL, iova, len, VNIC_PTE_READ);
}

void *vnic_as_wptr(struct vnic_as *as, dma_addr_t iova, u32 len)
{
	return vnic_as_find_all(as, NULL, iova, len, VNIC_PTE_READ | VNIC_PTE_WRITE);
}

const void *vnic_as_ptr_far(struct vnic_as *as, struct vnic_as_near *near, dma_addr_t iova,
			    u32 len)
{
	return vnic_as_find_all(as, near, iova, len, VNIC_PTE_READ);
}

void *vnic_as_wptr_far(struct vnic_as *as, struct vnic_as_near *near, dma_addr_t iova, u32 len)
{
	return vnic_as_find_all(as, near, iova, len, VNIC_PTE_READ | VNIC_PTE_WRITE);
}

bool vnic_as_reaches(struct vnic_as *as, dma_addr_t iova, u32 len, bool write)
{
	dma_addr_t end;
	u32 n;

	if (check_add_overflow(iova, len - 1, &end))
		return false;
	for (; len; len -= n, iova += n)
		if (!(write ? vnic_as_wrun(as, iova, len, &n) : vnic_as_run(as, iova, len, &n)))
			return false;
	return true;
}
