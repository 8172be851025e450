// SPDX-License-Identifier: GPL-2.0
/*
 * Partitions: preallocated cells and slots, and the frames in them.  Touches
 * no memory of a driver; which frame waits for which queue is the queue's
 * business (model/queue_rx.c).
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "partition.h"

#define VNIC_CELLS_PER_PAGE	(PAGE_SIZE / VNIC_PART_CELL)

static void *vnic_cell_ptr(struct vnic_part *part, u16 cell)
{
	return page_address(part->pages[cell / VNIC_CELLS_PER_PAGE]) +
	       cell % VNIC_CELLS_PER_PAGE * VNIC_PART_CELL;
}

/**
 * vnic_part_init - allocate a partition
 * @part: partition
 * @npages: pages
 *
 * Context: process.
 * Return: 0 or -ENOMEM.
 */
int vnic_part_init(struct vnic_part *part, unsigned int npages)
{
	unsigned int i, cells = npages * VNIC_CELLS_PER_PAGE;

	memset(part, 0, sizeof(*part));
	spin_lock_init(&part->lock);
	INIT_LIST_HEAD(&part->free_items);
	part->limit = VNIC_PART_LIMIT;
	part->pages = kcalloc(npages, sizeof(*part->pages), GFP_KERNEL);
	part->next = kcalloc(cells, sizeof(*part->next), GFP_KERNEL);
	part->items = kvcalloc(VNIC_PART_ITEMS, sizeof(*part->items), GFP_KERNEL);
	if (!part->pages || !part->next || !part->items)
		goto fail;
	for (; part->npages < npages; part->npages++) {
		part->pages[part->npages] = alloc_page(GFP_KERNEL | __GFP_ZERO);
		if (!part->pages[part->npages])
			goto fail;
	}
	for (i = 0; i < cells; i++)
		part->next[i] = i + 1;
	part->free_cells = cells;
	for (i = 0; i < VNIC_PART_ITEMS; i++)
		list_add_tail(&part->items[i].node, &part->free_items);
	return 0;
fail:
	vnic_part_destroy(part);
	return -ENOMEM;
}

void vnic_part_destroy(struct vnic_part *part)
{
	while (part->npages)
		__free_page(part->pages[--part->npages]);
	kfree(part->pages);
	kfree(part->next);
	kvfree(part->items);
	part->pages = NULL;
	part->next = NULL;
	part->items = NULL;
}

/* Take a slot and room for @f, or nothing. */
static struct vnic_stored *vnic_part_charge(struct vnic_part *part, const struct vnic_frame *f)
{
	unsigned int i, cells = f->skb ? 0 : DIV_ROUND_UP(f->len, VNIC_PART_CELL);
	u32 charge = f->skb ? f->skb->truesize : cells * VNIC_PART_CELL;
	struct vnic_stored *item = NULL;

	spin_lock(&part->lock);
	if (cells > part->free_cells || (f->skb && part->used + charge > part->limit))
		goto out;
	item = list_first_entry_or_null(&part->free_items, struct vnic_stored, node);
	if (!item)
		goto out;
	list_del_init(&item->node);
	item->skb = NULL;
	item->charge = charge;
	item->cell = part->free_cell;
	for (i = 0; i < cells; i++)
		part->free_cell = part->next[part->free_cell];
	part->free_cells -= cells;
	part->used += charge;
	part->high = max(part->high, part->used);
out:
	spin_unlock(&part->lock);
	return item;
}

static void vnic_part_uncharge(struct vnic_part *part, struct vnic_stored *item, unsigned int cells)
{
	u16 last = item->cell;
	unsigned int i;

	spin_lock(&part->lock);
	if (cells) {
		for (i = 1; i < cells; i++)
			last = part->next[last];
		part->next[last] = part->free_cell;
		part->free_cell = item->cell;
		part->free_cells += cells;
	}
	part->used -= item->charge;
	list_add(&item->node, &part->free_items);
	spin_unlock(&part->lock);
}

static void vnic_part_copy(struct vnic_part *part, u16 cell, const struct vnic_frame *f)
{
	unsigned int off, n;

	for (off = 0; off < f->len; off += n) {
		n = min_t(unsigned int, f->len - off, VNIC_PART_CELL);
		vnic_frame_copy(f, off, vnic_cell_ptr(part, cell), n);
		cell = part->next[cell];
	}
}

struct vnic_stored *vnic_part_store(struct vnic_part *part, struct vnic_frame *f)
{
	struct vnic_stored *item = vnic_part_charge(part, f);

	if (!item)
		return ERR_PTR(-ENOSPC);
	if (f->skb) {
		item->skb = vnic_frame_take_skb(f);
		if (!item->skb) {
			vnic_part_uncharge(part, item, 0);
			return ERR_PTR(-ENOMEM);
		}
		/* A receiver that stalls must not hold the sender's socket. */
		skb_orphan(item->skb);
	} else {
		vnic_part_copy(part, item->cell, f);
	}
	item->piece = 0;
	item->segs = f->segs;
	item->hdr_len = f->hdr_len;
	item->len = f->len;
	item->wire = f->wire;
	item->hash = f->hash;
	item->flags = f->flags;
	item->csum_start = f->csum_start;
	item->csum_offset = f->csum_offset;
	item->gso_size = f->gso_size;
	item->gso_hdr_len = f->gso_hdr_len;
	item->vlan_tci = f->vlan_tci;
	item->vlan_proto = f->vlan_proto;
	return item;
}

static int vnic_part_load_skb(struct vnic_stored *item, struct vnic_frame *f)
{
	u16 hash = item->flags & (VNIC_FR_HASH_L3 | VNIC_FR_HASH_L4);
	int err = vnic_frame_from_skb(f, item->skb);

	f->hash = item->hash;
	f->flags |= hash;
	return err;
}

int vnic_part_load(struct vnic_part *part, struct vnic_stored *item, struct vnic_frame *f)
{
	u32 left = item->len - item->hdr_len;
	u32 skip = item->hdr_len;
	u16 cell = item->cell;

	if (item->skb)
		return vnic_part_load_skb(item, f);
	f->skb = NULL;
	f->src = NULL;
	f->copies = 1;
	f->segs = item->segs;
	f->hdr_len = item->hdr_len;
	f->len = item->len;
	f->wire = item->wire;
	f->hash = item->hash;
	f->flags = item->flags;
	f->csum_start = item->csum_start;
	f->csum_offset = item->csum_offset;
	f->gso_size = item->gso_size;
	f->gso_hdr_len = item->gso_hdr_len;
	f->vlan_tci = item->vlan_tci;
	f->vlan_proto = item->vlan_proto;
	memcpy(f->hdr, vnic_cell_ptr(part, cell), item->hdr_len);
	for (f->nspans = 0; left; f->nspans++) {
		struct vnic_span *span = &f->spans[f->nspans];

		span->ptr = vnic_cell_ptr(part, cell) + skip;
		span->len = min(left, VNIC_PART_CELL - skip);
		left -= span->len;
		skip = 0;
		cell = part->next[cell];
	}
	return 0;
}

void vnic_part_release(struct vnic_part *part, struct vnic_stored *item)
{
	unsigned int cells = item->skb ? 0 : DIV_ROUND_UP(item->len, VNIC_PART_CELL);
	struct sk_buff *skb = item->skb;

	vnic_part_uncharge(part, item, cells);
	consume_skb(skb);
}
