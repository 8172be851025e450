// SPDX-License-Identifier: GPL-2.0
/*
 * The page table of a domain: mapping, unmapping, the tables' memory.
 *
 * A table without entries is taken out and freed after a grace period, since
 * who looks an address up (a stretch, which is a read side of RCU, too) may be
 * in it.  So tables are as many as mappings need, whatever a guest maps and
 * unmaps with an IOMMU of its own; they are charged to whom the caller's GFP
 * flags say, the VM's cgroup.
 *
 * The number of entries of a table is the private word of its page.
 */
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "table.h"

#define VNIC_PT_LEVELS	4

static u64 *vnic_pt_alloc(gfp_t gfp)
{
	struct page *page = alloc_page(gfp | __GFP_ZERO);

	if (!page)
		return NULL;
	set_page_private(page, 0);
	return page_address(page);
}

static void vnic_pt_free(u64 *table)
{
	struct page *page = virt_to_page(table);

	set_page_private(page, 0);
	__free_page(page);
}

static void vnic_pt_free_rcu(struct rcu_head *head)
{
	vnic_pt_free(page_address(container_of(head, struct page, rcu_head)));
}

/* One entry more, or less, of the table that @slot is in.  Its number now */
static unsigned long vnic_pt_count(u64 *slot, int more)
{
	struct page *page = virt_to_page(slot);

	set_page_private(page, page_private(page) + more);
	return page_private(page);
}

static unsigned int vnic_pt_index(u64 iova, unsigned int shift)
{
	return iova >> shift & (VNIC_PT_ENTRIES - 1);
}

int vnic_pt_init(struct vnic_pt *pt)
{
	mutex_init(&pt->lock);
	pt->root = vnic_pt_alloc(GFP_KERNEL_ACCOUNT);
	return pt->root ? 0 : -ENOMEM;
}

static void vnic_pt_free_below(u64 *table, unsigned int level)
{
	unsigned int i;

	for (i = 0; level && i < VNIC_PT_ENTRIES; i++) {
		if (!table[i] || table[i] & VNIC_PTE_LEAF)
			continue;
		vnic_pt_free_below(phys_to_virt(table[i]), level - 1);
		cond_resched();
	}
	vnic_pt_free(table);
}

void vnic_pt_destroy(struct vnic_pt *pt)
{
	vnic_pt_free_below(pt->root, VNIC_PT_LEVELS - 1);
	mutex_destroy(&pt->lock);
}

/* Ordinary memory, all of it, and not, say, the BAR of another device? */
static bool vnic_pt_is_mem(phys_addr_t phys, size_t size)
{
	unsigned long pfn = PHYS_PFN(phys), end = PHYS_PFN(phys + size);

	for (; pfn < end; pfn++) {
		struct page *page = pfn_to_online_page(pfn);

		if (IS_ALIGNED(pfn, PAGES_PER_SECTION))
			cond_resched();
		if (!page || (PageReserved(page) && page != ZERO_PAGE(0)))
			return false;
	}
	return true;
}

/* The entry of @iova for memory of 1 << @to bytes, tables on the way made */
static u64 *vnic_pt_walk(struct vnic_pt *pt, u64 iova, unsigned int to, gfp_t gfp)
{
	unsigned int shift = VNIC_PT_TOP_SHIFT;
	u64 *table = pt->root, *slot, *below;

	for (;; shift -= VNIC_PT_LEVEL_BITS, table = below) {
		slot = &table[vnic_pt_index(iova, shift)];
		if (shift == to)
			return slot;
		if (*slot & VNIC_PTE_LEAF)
			return slot;	/* in use: the caller sees it */
		if (*slot) {
			below = phys_to_virt(*slot);
			continue;
		}
		below = vnic_pt_alloc(gfp);
		if (!below)
			return NULL;
		vnic_pt_count(slot, 1);
		smp_store_release(slot, virt_to_phys(below));	/* zeroes before the table */
	}
}

/*
 * Tables on the way to @iova that have no entry go.  From below upwards: what is
 * on the way is looked for once for each.
 */
static void vnic_pt_prune(struct vnic_pt *pt, u64 iova)
{
	u64 *slots[VNIC_PT_LEVELS], *table = pt->root;
	unsigned int shift = VNIC_PT_TOP_SHIFT;
	int depth = 0;

	while (depth < VNIC_PT_LEVELS) {
		slots[depth] = &table[vnic_pt_index(iova, shift)];
		if (!*slots[depth] || *slots[depth] & VNIC_PTE_LEAF)
			break;
		table = phys_to_virt(*slots[depth]);
		shift -= VNIC_PT_LEVEL_BITS;
		depth++;
	}
	while (depth-- && !page_private(virt_to_page(table))) {
		WRITE_ONCE(*slots[depth], 0);
		call_rcu(&virt_to_page(table)->rcu_head, vnic_pt_free_rcu);
		vnic_pt_count(slots[depth], -1);
		table = (u64 *)((unsigned long)slots[depth] & PAGE_MASK);
	}
}

static int vnic_pt_map_one(struct vnic_pt *pt, u64 iova, phys_addr_t phys, size_t size,
			   u64 prot, gfp_t gfp)
{
	u64 *slot = vnic_pt_walk(pt, iova, ilog2(size), gfp);

	if (!slot)
		return -ENOMEM;
	if (WARN_ON_ONCE(*slot))
		return -EEXIST;
	if (vnic_pt_is_mem(phys, size))
		prot |= VNIC_PTE_MEM;
	vnic_pt_count(slot, 1);
	WRITE_ONCE(*slot, phys | prot | VNIC_PTE_LEAF);
	return 0;
}

int vnic_pt_map(struct vnic_pt *pt, u64 iova, phys_addr_t phys, size_t size, size_t count,
		u64 prot, gfp_t gfp, size_t *mapped)
{
	u64 end = iova + size * count;
	int err = 0;

	if (end < iova || end > BIT_ULL(VNIC_PT_IOVA_BITS) ||
	    (phys + size * count - 1) & ~(VNIC_PTE_ADDR | ~PAGE_MASK))
		return -ERANGE;
	mutex_lock(&pt->lock);
	for (; iova < end && !err; iova += size, phys += size) {
		err = vnic_pt_map_one(pt, iova, phys, size, prot, gfp);
		if (!err)
			*mapped += size;
		else
			vnic_pt_prune(pt, iova);
		cond_resched();
	}
	mutex_unlock(&pt->lock);
	return err;
}

size_t vnic_pt_unmap(struct vnic_pt *pt, u64 iova, size_t len, bool *used)
{
	unsigned int shift;
	size_t done = 0;
	u64 *slot, pte;

	if (iova + len < iova || iova + len > BIT_ULL(VNIC_PT_IOVA_BITS))
		return 0;
	mutex_lock(&pt->lock);
	while (done < len) {
		slot = vnic_pt_leaf(pt->root, iova + done, &shift, &pte);
		if (!slot || !IS_ALIGNED(iova + done, BIT_ULL(shift)) ||
		    BIT_ULL(shift) > len - done)
			break;
		/* Either whoever finds it says so first, or he does not find it. */
		if (xchg(slot, 0) & VNIC_PTE_USED)
			*used = true;
		if (!vnic_pt_count(slot, -1))
			vnic_pt_prune(pt, iova + done);
		done += BIT_ULL(shift);
		cond_resched();
	}
	mutex_unlock(&pt->lock);
	return done;
}

phys_addr_t vnic_pt_phys(struct vnic_pt *pt, u64 iova)
{
	unsigned int shift;
	u64 *slot, pte;

	if (iova >> VNIC_PT_IOVA_BITS)
		return 0;
	rcu_read_lock();
	slot = vnic_pt_leaf(pt->root, iova, &shift, &pte);
	rcu_read_unlock();
	return slot ? (pte & VNIC_PTE_ADDR) + (iova & (BIT_ULL(shift) - 1)) : 0;
}
