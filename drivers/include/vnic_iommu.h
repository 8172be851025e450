/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The IOMMU of vnic's software bus (vnic-iommu), as the device model uses it:
 * bus addresses of a VF that is with vfio -> the memory that vfio has mapped.
 *
 * What is mapped, the vfio core has pinned.  The device looks addresses up in
 * stretches, with preemption or BHs off, and what it finds is good until the
 * stretch ends.  Who takes a mapping away waits for the stretches that may have
 * found it (vnic_stretch_wait()), as iotlb_sync of a hardware IOMMU waits for
 * the device.
 */
#ifndef _VNIC_IOMMU_H
#define _VNIC_IOMMU_H

#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/io.h>
#include <linux/kconfig.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/types.h>

struct device;

/*
 * The page table: four levels of 512 entries, as the CPU's.  An entry is 0, the
 * physical address of a table, or with VNIC_PTE_LEAF that of 4 KiB, 2 MiB or
 * 1 GiB of memory.  VNIC_PTE_USED: somebody has found it since it was mapped.
 */
#define VNIC_PT_LEVEL_BITS	9
#define VNIC_PT_ENTRIES		BIT(VNIC_PT_LEVEL_BITS)
#define VNIC_PT_TOP_SHIFT	39
#define VNIC_PT_IOVA_BITS	48
#define VNIC_PTE_ADDR		GENMASK_ULL(51, 12)
#define VNIC_PTE_READ		BIT_ULL(0)
#define VNIC_PTE_WRITE		BIT_ULL(1)
#define VNIC_PTE_LEAF		BIT_ULL(2)
#define VNIC_PTE_USED		BIT_ULL(3)
#define VNIC_PTE_MEM		BIT_ULL(4)	/* the kernel's own mapping has it */

/**
 * struct vnic_iommu_dev - a VF as its IOMMU knows it
 * @root: top table of the domain it is attached to; NULL: it reaches nothing.
 *	Read in a stretch; whoever changes it waits for the stretches
 */
struct vnic_iommu_dev {
	u64	*root;
};

/* What this header was when vnic-iommu was built: drivers/include/shared.mk */
extern const char vnic_iommu_shared[];

/* The one vfio driver by which a VF works: what driver_override says */
#define VNIC_VFIO_NAME	"vnic-vfio-pci"

#if IS_ENABLED(CONFIG_IOMMU_API)

/**
 * vnic_iommu_add - give a VF to the IOMMU
 * @dev: its device, before the IOMMU core is told of it (BUS_NOTIFY_ADD_DEVICE)
 *
 * The device has a group then, and the identity domain until vfio takes it.
 *
 * Context: process.  Return: 0 or -errno.
 */
int vnic_iommu_add(struct device *dev);

/**
 * vnic_iommu_of - a VF's state here
 * @dev: its device
 *
 * Return: good as long as a driver is bound; NULL: it is in no group of ours.
 */
struct vnic_iommu_dev *vnic_iommu_of(struct device *dev);

/**
 * struct vnic_stretch - one CPU's stretches
 * @depth: begun and not ended: they nest, a softirq's in a task's
 * @ended: outermost ones that have ended
 */
struct vnic_stretch {
	unsigned int	depth;
	unsigned int	ended;
};

DECLARE_PER_CPU(struct vnic_stretch, vnic_stretch);

/**
 * vnic_stretch_begin - addresses will be looked up
 *
 * Context: preemption or BHs off until after vnic_stretch_end().  They nest.
 *
 * On PREEMPT_RT, where tasks change in the middle, a stretch is known as what it
 * is as well: a read side of RCU.
 */
static __always_inline void vnic_stretch_begin(void)
{
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		return;
	this_cpu_inc(vnic_stretch.depth);
	smp_mb();	/* depth before the table; pairs with vnic_stretch_wait() */
}

/* What was found may not be used any more. */
static __always_inline void vnic_stretch_end(void)
{
	unsigned int left, ended;

	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		return;
	left = this_cpu_read(vnic_stretch.depth) - 1;
	ended = this_cpu_read(vnic_stretch.ended) + !left;
	/* accesses before; pairs with vnic_stretch_wait(), as the next one */
	smp_store_release(this_cpu_ptr(&vnic_stretch.ended), ended);
	/* depth last */
	smp_store_release(this_cpu_ptr(&vnic_stretch.depth), left);
}

/* In a stretch?  For assertions; true where it is not known. */
static inline bool vnic_stretch_held(void)
{
	return IS_ENABLED(CONFIG_PREEMPT_RT) || this_cpu_read(vnic_stretch.depth);
}

/* Say that an entry was found.  False: it has gone meanwhile. */
static inline bool vnic_pte_use(u64 *slot, u64 pte)
{
	return pte & VNIC_PTE_USED ||
	       (cmpxchg(slot, pte, pte | VNIC_PTE_USED) | VNIC_PTE_USED) == (pte | VNIC_PTE_USED);
}

/**
 * vnic_pt_leaf - the entry that an address is in
 * @root: top table
 * @iova: bus address, of VNIC_PT_IOVA_BITS
 * @shift: the entry is for 1 << @shift bytes
 * @pte: its contents
 *
 * Context: in a stretch, RCU's read lock or the table's lock.
 * Return: NULL: none is.
 */
static __always_inline u64 *vnic_pt_leaf(u64 *root, u64 iova, unsigned int *shift, u64 *pte)
{
	u64 *slot = root;

	for (*shift = VNIC_PT_TOP_SHIFT;; *shift -= VNIC_PT_LEVEL_BITS) {
		slot += iova >> *shift & (VNIC_PT_ENTRIES - 1);
		*pte = READ_ONCE(*slot);
		if (*pte & VNIC_PTE_LEAF)
			return slot;
		if (unlikely(!*pte))
			return NULL;
		slot = phys_to_virt(*pte);
	}
}

/**
 * vnic_iommu_find - look up an address
 * @iod: the VF
 * @iova: bus address
 * @need: VNIC_PTE_READ, VNIC_PTE_WRITE or both
 * @room: bytes from there to the end of its entry
 * @before: bytes of the entry before it
 *
 * Context: in a stretch, until whose end it is good.
 * Return: where it is; NULL: not mapped so.
 */
static __always_inline void *vnic_iommu_find(const struct vnic_iommu_dev *iod, u64 iova, u64 need,
					     u64 *room, u64 *before)
{
	u64 *root = READ_ONCE(iod->root), *slot, pte;
	unsigned int shift;

	need |= VNIC_PTE_MEM;
	if (unlikely(!root || iova >> VNIC_PT_IOVA_BITS))
		return NULL;
	slot = vnic_pt_leaf(root, iova, &shift, &pte);
	if (unlikely(!slot || (pte & need) != need || !vnic_pte_use(slot, pte)))
		return NULL;
	*before = iova & (BIT_ULL(shift) - 1);
	*room = BIT_ULL(shift) - *before;
	return phys_to_virt((pte & VNIC_PTE_ADDR) + *before);
}

#else /* no vfio either: no VF of this kernel is with a guest */

static inline int vnic_iommu_add(struct device *dev)
{
	return 0;
}

static __always_inline void vnic_stretch_begin(void)
{
}

static __always_inline void vnic_stretch_end(void)
{
}

static inline bool vnic_stretch_held(void)
{
	return true;
}

static __always_inline void *vnic_iommu_find(const struct vnic_iommu_dev *iod, u64 iova, u64 need,
					     u64 *room, u64 *before)
{
	return NULL;
}

#endif /* IOMMU_API */

#endif /* _VNIC_IOMMU_H */
