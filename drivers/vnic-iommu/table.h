/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The page table of a domain: who writes it.  Who reads it: vnic_iommu.h.
 */
#ifndef _VNIC_IOMMU_TABLE_H
#define _VNIC_IOMMU_TABLE_H

#include <linux/mutex.h>
#include <linux/sizes.h>
#include <linux/types.h>

#include "vnic_iommu.h"

/* What may be mapped as one entry */
#define VNIC_PT_SIZES	((unsigned long)(SZ_4K | SZ_2M | SZ_1G))

/**
 * struct vnic_pt - a page table
 * @lock: writers; they map and unmap different ranges side by side
 * @root: top table
 */
struct vnic_pt {
	struct mutex	lock;	/* writers */
	u64		*root;
};

/* 0 or -ENOMEM */
int vnic_pt_init(struct vnic_pt *pt);
/* Nobody reads it any more; what is mapped is forgotten. */
void vnic_pt_destroy(struct vnic_pt *pt);

/**
 * vnic_pt_map - map physically contiguous memory
 * @pt: page table
 * @iova: first byte, as @phys a multiple of @size
 * @phys: where it is
 * @size: one of VNIC_PT_SIZES
 * @count: of entries
 * @prot: VNIC_PTE_READ, VNIC_PTE_WRITE
 * @gfp: for tables; may sleep
 * @mapped: bytes mapped are added, also when an error is returned
 *
 * Memory that is none of this kernel's (another device's BAR) is mapped, but
 * not found.
 *
 * Return: 0, -ENOMEM, -ERANGE or -EEXIST.
 */
int vnic_pt_map(struct vnic_pt *pt, u64 iova, phys_addr_t phys, size_t size, size_t count,
		u64 prot, gfp_t gfp, size_t *mapped);

/**
 * vnic_pt_unmap - end mappings
 * @pt: page table
 * @iova: first byte
 * @len: bytes, whole entries
 * @used: set to true if one of them was found by somebody, who may still use
 *	it; else left as it is
 *
 * Return: bytes unmapped from @iova on; less than @len: there is a gap, or half
 * an entry.
 */
size_t vnic_pt_unmap(struct vnic_pt *pt, u64 iova, size_t len, bool *used);

/* Physical address, or 0 */
phys_addr_t vnic_pt_phys(struct vnic_pt *pt, u64 iova);

#endif /* _VNIC_IOMMU_TABLE_H */
