// SPDX-License-Identifier: GPL-2.0
/*
 * The memory behind the BARs: ordinary pages.
 *
 * The address space of a machine has no free place that is surely not used by
 * something else, except memory that was allocated.  The pages are marked
 * reserved, so that the PCI core may ioremap() the MSI-X tables; /proc/iomem
 * does not change.  Drivers on this host never map BAR0 (see vnic_host.h).
 *
 * The BARs are hardwired to their place, as a device on a root bus may have
 * them: they can be sized, but not moved.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/set_memory.h>

#include "../vnic.h"
#include "priv.h"

static int block_alloc(struct vnic_block *block, unsigned int bar, size_t size)
{
	size_t off;

	block->mem = alloc_pages_exact(size, GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN |
				       __GFP_RETRY_MAYFAIL);
	if (!block->mem)
		return -ENOMEM;
	block->size = size;
	block->bar = bar;
	for (off = 0; off < size; off += PAGE_SIZE)
		SetPageReserved(virt_to_page(block->mem + off));
	return 0;
}

static void block_free(struct vnic_block *block)
{
	size_t off;

	if (!block->mem)
		return;
	/* ioremap() made the kernel's own mapping of these pages uncached. */
	set_memory_wb((unsigned long)block->mem, block->size >> PAGE_SHIFT);
	for (off = 0; off < block->size; off += PAGE_SIZE)
		ClearPageReserved(virt_to_page(block->mem + off));
	free_pages_exact(block->mem, block->size);
	block->mem = NULL;
}

/* The register of a BAR, low or high half: sized now, or back to its place? */
static void pin_half(struct vnic_cfg *cfg, unsigned int off, u32 place)
{
	u32 val = vnic_cfg_read(cfg, off, 4), rw = 0;
	unsigned int i;

	for (i = 0; i < 4; i++)
		rw |= (u32)cfg->rw[off + i] << (8 * i);
	if ((val & rw) != rw)
		vnic_cfg_write(cfg, off, 4, place);
}

void vnic_blocks_pin_bars(struct vnic_bus *bus)
{
	struct vnic_cfg *cfg = &vnic_bus_fn(bus, VNIC_PF)->cfg;
	unsigned int i;

	for (i = 0; i < VNIC_BLOCKS; i++) {
		phys_addr_t phys = virt_to_phys(bus->block[i].mem);

		pin_half(cfg, bus->block[i].bar, lower_32_bits(phys));
		pin_half(cfg, bus->block[i].bar + 4, upper_32_bits(phys));
	}
}

void *vnic_block_mem(struct vnic_bus *bus, enum vnic_block_id id, unsigned int index,
		     size_t size)
{
	return bus->block[id].mem + index * size;
}

/* The bridge decodes from the lowest to the highest block; what lies between
 * is never given to a device, because no BAR can move.
 */
static void set_window(struct vnic_bus *bus)
{
	unsigned int i;

	bus->window.name = "vnic";
	bus->window.flags = IORESOURCE_MEM;
	bus->window.start = PHYS_ADDR_MAX;
	bus->window.end = 0;
	for (i = 0; i < VNIC_BLOCKS; i++) {
		phys_addr_t phys = virt_to_phys(bus->block[i].mem);

		bus->window.start = min(bus->window.start, phys);
		bus->window.end = max(bus->window.end, phys + bus->block[i].size - 1);
	}
}

int vnic_blocks_alloc(struct vnic_bus *bus)
{
	struct vnic_block *block = bus->block;
	unsigned int n = bus->total_vfs;

	if (block_alloc(&block[VNIC_BLOCK_PF_MSIX], VNIC_CFG_BAR(VNIC_BAR_MSIX),
			VNIC_BAR_MSIX_SIZE) ||
	    block_alloc(&block[VNIC_BLOCK_VF_CTRL], VNIC_CFG_VF_BAR(VNIC_BAR_CTRL),
			n * VNIC_BAR_CTRL_SIZE) ||
	    block_alloc(&block[VNIC_BLOCK_VF_MSIX], VNIC_CFG_VF_BAR(VNIC_BAR_MSIX),
			n * VNIC_BAR_MSIX_SIZE)) {
		pr_err("adapter %d: no contiguous memory for the BARs of %u VFs (%u and %u KiB in one piece); try a smaller total_vfs\n",
		       bus->ad->id, n, n * VNIC_BAR_CTRL_SIZE / SZ_1K,
		       n * VNIC_BAR_MSIX_SIZE / SZ_1K);
		vnic_blocks_free(bus);
		return -ENOMEM;
	}
	set_window(bus);
	vnic_blocks_pin_bars(bus);
	return 0;
}

void vnic_blocks_free(struct vnic_bus *bus)
{
	unsigned int i;

	for (i = 0; i < VNIC_BLOCKS; i++)
		block_free(&bus->block[i]);
}
