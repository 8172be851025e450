// SPDX-License-Identifier: GPL-2.0
/*
 * Frames in the packet memory.  Touches no memory of a driver; which frame waits
 * for which queue is the queue's business (model/queue_rx.c).
 */
#include <linux/cpumask.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "partition.h"

static_assert(offsetof(struct vnic_stored, hold) == 0);

static struct vnic_stored *vnic_hold_item(struct vnic_hold *hold)
{
	return container_of(hold, struct vnic_stored, hold);
}

static struct vnic_partition *vnic_hold_partition(const struct vnic_hold *hold)
{
	return container_of(hold->part, struct vnic_partition, part);
}

static u8 *vnic_cell_ptr(const struct vnic_memory *memory, u32 cell)
{
	return memory->bytes + (size_t)cell * VNIC_CELL;
}

/* ---- lifetime ---- */

/* vnic_pool.reclaim */
static void vnic_hold_reclaim(struct vnic_hold *hold)
{
	struct vnic_partition *part = vnic_hold_partition(hold);
	struct vnic_stored *item = vnic_hold_item(hold);

	part->reclaimed(part, item);
	kfree_skb(item->skb);
}

/* The wish may be too large: no process is to be killed for it. */
static void *vnic_memory_alloc(size_t bytes)
{
	if (si_mem_available() <= (long)(bytes >> PAGE_SHIFT))
		return NULL;
	return __vmalloc(bytes, GFP_KERNEL | __GFP_ZERO | __GFP_RETRY_MAYFAIL | __GFP_NOWARN);
}

struct vnic_memory *vnic_memory_create(u32 bytes)
{
	struct vnic_memory *memory = kzalloc(sizeof(*memory), GFP_KERNEL);
	u32 cells = bytes / VNIC_CELL;

	if (!memory)
		return NULL;
	memory->bytes = vnic_memory_alloc((size_t)cells * VNIC_CELL);
	memory->owner = kvcalloc(cells, sizeof(*memory->owner), GFP_KERNEL);
	if (!memory->bytes || !memory->owner ||
	    vnic_pool_init(&memory->pool, cells, num_online_cpus(), sizeof(struct vnic_stored),
			   vnic_hold_reclaim)) {
		kvfree(memory->owner);
		vfree(memory->bytes);
		kfree(memory);
		return NULL;
	}
	return memory;
}

void vnic_memory_destroy(struct vnic_memory *memory)
{
	if (!memory)
		return;
	vnic_pool_destroy(&memory->pool);
	kvfree(memory->owner);
	vfree(memory->bytes);
	kfree(memory);
}

void vnic_partition_init(struct vnic_partition *part, struct vnic_memory *memory, u16 owner,
			 void (*reclaimed)(struct vnic_partition *, const struct vnic_stored *))
{
	vnic_part_open(&part->part, &memory->pool);
	part->memory = memory;
	part->owner = owner;
	part->reclaimed = reclaimed;
}

void vnic_partition_destroy(struct vnic_partition *part)
{
	vnic_part_close(&part->part);
}

/* ---- storing ---- */

/* No VF's memory holds what another has left there. */
static u8 *vnic_partition_cell(struct vnic_partition *part, u32 cell)
{
	struct vnic_memory *memory = part->memory;
	u8 *ptr = vnic_cell_ptr(memory, cell);

	if (memory->owner[cell] != part->owner) {
		memory->owner[cell] = part->owner;
		memset(ptr, 0, VNIC_CELL);
	}
	return ptr;
}

static void vnic_partition_copy(struct vnic_partition *part, u32 cell, const struct vnic_frame *f)
{
	unsigned int off, n;

	for (off = 0; off < f->len; off += n) {
		n = min_t(unsigned int, f->len - off, VNIC_CELL);
		vnic_frame_copy(f, off, vnic_partition_cell(part, cell), n);
		cell = part->memory->pool.next[cell];
	}
}

struct vnic_stored *vnic_partition_put(struct vnic_partition *part, struct vnic_fifo *fifo,
				       struct vnic_frame *f, u16 piece, u64 since)
{
	struct vnic_hold *hold = vnic_part_take(&part->part, vnic_partition_cells(f), fifo);
	struct vnic_stored *item;

	if (!hold)
		return ERR_PTR(-ENOSPC);
	item = vnic_hold_item(hold);
	item->skb = NULL;
	if (f->skb) {
		item->skb = vnic_frame_take_skb(f);
		if (!item->skb) {
			vnic_part_give(hold);
			return ERR_PTR(-ENOMEM);
		}
	} else {
		vnic_partition_copy(part, hold->cell, f);
	}
	item->since = since;
	item->piece = piece;
	item->ce = false;
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

int vnic_partition_store(struct vnic_partition *part, struct vnic_fifo *fifo,
			 struct vnic_frame *f, u16 piece, u64 since)
{
	struct vnic_stored *item = vnic_partition_put(part, fifo, f, piece, since);

	if (IS_ERR(item))
		return PTR_ERR(item);
	vnic_stored_keep(item);
	return 0;
}

/* ---- getting it back ---- */

struct vnic_stored *vnic_partition_first(struct vnic_partition *part, struct vnic_fifo *fifo)
{
	struct vnic_hold *hold = vnic_part_first(&part->part, fifo);

	return hold ? vnic_hold_item(hold) : NULL;
}

void vnic_stored_release(struct vnic_stored *item)
{
	struct sk_buff *skb = item->skb;

	vnic_part_give(&item->hold);
	consume_skb(skb);
}

static int vnic_stored_load_skb(const struct vnic_stored *item, struct vnic_frame *f)
{
	u16 hash = item->flags & VNIC_FR_HASH;
	int err = vnic_frame_from_skb(f, item->skb);

	f->hash = item->hash;
	f->flags |= hash;
	return err;
}

int vnic_partition_load(struct vnic_partition *part, const struct vnic_stored *item,
			struct vnic_frame *f)
{
	u32 left = item->len - item->hdr_len;
	u32 skip = item->hdr_len;
	u32 cell = item->hold.cell;

	if (item->skb)
		return vnic_stored_load_skb(item, f);
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
	memcpy(f->hdr, vnic_cell_ptr(part->memory, cell), item->hdr_len);
	for (f->nspans = 0; left; f->nspans++) {
		struct vnic_span *span = &f->spans[f->nspans];

		span->ptr = vnic_cell_ptr(part->memory, cell) + skip;
		span->len = min(left, VNIC_CELL - skip);
		left -= span->len;
		skip = 0;
		cell = part->memory->pool.next[cell];
	}
	return 0;
}
