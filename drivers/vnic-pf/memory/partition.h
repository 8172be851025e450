/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A VF's partition of device memory: where frames wait that its RX ring has no
 * buffer for yet.
 *
 * Pages are allocated when the VF is created, so storing never allocates and
 * cannot fail under memory pressure.  They are used in cells of
 * VNIC_PART_CELL bytes.  skbs (from the PF netdev or the uplink) wait by
 * reference and are charged their truesize.
 */
#ifndef _VNIC_PARTITION_H
#define _VNIC_PARTITION_H

#include <linux/list.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "../switch/frame.h"

#define VNIC_PART_PAGES		32		/* pages of a VF's partition: two TSO frames */
#define VNIC_PART_CELL		2048		/* bytes: a frame of 1500 fits into one */
#define VNIC_PART_ITEMS		512		/* frames waiting at most */
#define VNIC_PART_LIMIT		(1024 * 1024)	/* bytes: cells in use and skbs */

/**
 * struct vnic_part - a partition
 * @lock: leaf; protects the free lists and @used
 * @pages: pages, zeroed when they became this VF's
 * @npages: their number
 * @next: next cell in the free list or of the frame, by cell
 * @free_cell: first free cell
 * @free_cells: number of free cells
 * @items: VNIC_PART_ITEMS slots
 * @free_items: free slots
 * @limit: bytes that may be in use before an skb is refused
 * @used: bytes: cells in use and truesize of skbs
 * @high: high-water mark of @used
 */
struct vnic_part {
	spinlock_t		lock;	/* see above */
	struct page		**pages;
	unsigned int		npages;
	u16			*next;
	u16			free_cell;
	u16			free_cells;
	struct vnic_stored	*items;
	struct list_head	free_items;
	u64			limit;
	u64			used;
	u64			high;
};

/**
 * struct vnic_stored - a waiting frame
 * @node: in the queue's fifo, or in vnic_part.free_items
 * @skb: the frame, or NULL: it is in cells
 * @charge: bytes it is charged
 * @cell: first cell
 * @piece: next piece to be delivered to a driver that takes no GSO frames
 * @segs: as in struct vnic_frame, like all that follow
 * @hdr_len: bytes of the header copy
 * @len: bytes of the frame
 * @wire: bytes on a wire
 * @hash: receive hash
 * @flags: VNIC_FR_*
 * @csum_start: where checksumming starts
 * @csum_offset: where the checksum goes
 * @gso_size: bytes of payload of a segment
 * @gso_hdr_len: bytes of headers of a segment
 * @vlan_tci: tag
 * @vlan_proto: its protocol, 0: none
 */
struct vnic_stored {
	struct list_head	node;
	struct sk_buff		*skb;
	u32			charge;
	u16			cell;
	u16			piece;
	u16			segs;
	u16			hdr_len;
	u32			len;
	u32			wire;
	u32			hash;
	u16			flags;
	u16			csum_start;
	u16			csum_offset;
	u16			gso_size;
	u16			gso_hdr_len;
	u16			vlan_tci;
	__be16			vlan_proto;
};

int vnic_part_init(struct vnic_part *part, unsigned int npages);
/* Nothing is stored any more. */
void vnic_part_destroy(struct vnic_part *part);

/**
 * vnic_part_store - keep a frame until there is a buffer
 * @part: partition of the destination
 * @f: frame; an skb is taken (see vnic_frame_take_skb()), other frames are copied
 *
 * Context: BH disabled.
 * Return: the stored frame; ERR_PTR(-ENOSPC): full; ERR_PTR(-ENOMEM): no skb.
 */
struct vnic_stored *vnic_part_store(struct vnic_part *part, struct vnic_frame *f);
/* Make @f the frame that was stored; good until it is released.  BH disabled.
 * 0 or -errno: cannot be delivered.
 */
int vnic_part_load(struct vnic_part *part, struct vnic_stored *item, struct vnic_frame *f);
/* Forget a stored frame (not on a list any more).  BH disabled. */
void vnic_part_release(struct vnic_part *part, struct vnic_stored *item);

#endif /* _VNIC_PARTITION_H */
