/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Frames that wait for a VF: in its partition of the adapter's packet memory.
 *
 * A frame of another VF is copied into cells of VNIC_CELL bytes.  An skb (from
 * the PF netdev or the uplink) waits by reference and occupies the cells that
 * its truesize would fill.  Who may have how many: pool.h.
 */
#ifndef _VNIC_PARTITION_H
#define _VNIC_PARTITION_H

#include <linux/skbuff.h>
#include <linux/types.h>

#include "../frame/frame.h"
#include "../lib/pool.h"

/**
 * struct vnic_memory - an adapter's packet memory
 * @pool: who has which cell
 * @bytes: the cells
 * @owner: who wrote to a cell last, by cell
 */
struct vnic_memory {
	struct vnic_pool	pool;
	u8			*bytes;
	u16			*owner;
};

struct vnic_stored;

/**
 * struct vnic_partition - a VF's
 * @part: its cells
 * @memory: what it is a partition of
 * @owner: its number there, from 1
 * @reclaimed: a frame is dropped because others need its memory.  BH disabled, under
 *	spinlocks.
 */
struct vnic_partition {
	struct vnic_part	part;
	struct vnic_memory	*memory;
	u16			owner;
	void			(*reclaimed)(struct vnic_partition *part,
					     const struct vnic_stored *item);
};

/**
 * struct vnic_stored - a waiting frame
 * @hold: its cells; first
 * @skb: the frame, or NULL: it is in the cells
 * @since: when it began to wait, as vnic_partition_store() was told
 * @piece: next piece to be delivered to a driver that takes no GSO frames
 * @queue: receive queue that it is for, while it waits for its turn (pace.h)
 * @ect: its sender reduces its rate if it is marked
 * @ce: to be marked as having met congestion
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
	struct vnic_hold	hold;
	struct sk_buff		*skb;
	u64			since;
	u16			piece;
	u8			queue;
	bool			ect;
	bool			ce;
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

/* Process context; @bytes: its size.  NULL: no memory */
struct vnic_memory *vnic_memory_create(u32 bytes);
/* There are no partitions any more. */
void vnic_memory_destroy(struct vnic_memory *memory);

void vnic_partition_init(struct vnic_partition *part, struct vnic_memory *memory, u16 owner,
			 void (*reclaimed)(struct vnic_partition *, const struct vnic_stored *));
/* Nothing is stored any more.  Process context. */
void vnic_partition_destroy(struct vnic_partition *part);

/* Cells that a frame occupies */
static inline u32 vnic_partition_cells(const struct vnic_frame *f)
{
	return DIV_ROUND_UP(f->skb ? f->skb->truesize : f->len, VNIC_CELL);
}

/* As vnic_partition_store(), but it is still busy: to be kept.  Or ERR_PTR() */
struct vnic_stored *vnic_partition_put(struct vnic_partition *part, struct vnic_fifo *fifo,
				       struct vnic_frame *f, u16 piece, u64 since);
/**
 * vnic_partition_store - keep a frame until there is a buffer
 * @part: partition of the destination
 * @fifo: behind what it waits
 * @f: frame; an skb is taken (see vnic_frame_take_skb()), other frames are copied
 * @piece: the first that has not been delivered
 * @since: when it began to wait, for who asks later
 *
 * Context: BH disabled.
 * Return: 0; -ENOSPC: full; -ENOMEM: no skb.
 */
int vnic_partition_store(struct vnic_partition *part, struct vnic_fifo *fifo,
			 struct vnic_frame *f, u16 piece, u64 since);

/* The frame that has waited longest, not to be reclaimed from now on: it is to
 * be kept or released.  NULL: none waits.  BH disabled.
 */
struct vnic_stored *vnic_partition_first(struct vnic_partition *part, struct vnic_fifo *fifo);
/* It waits on. */
static inline void vnic_stored_keep(struct vnic_stored *item)
{
	vnic_hold_idle(&item->hold);
}

/* Forget it.  BH disabled. */
void vnic_stored_release(struct vnic_stored *item);
/* Make @f the frame that was stored; good until it is kept or released.  BH
 * disabled.  0 or -errno: cannot be delivered.
 */
int vnic_partition_load(struct vnic_partition *part, const struct vnic_stored *item,
			struct vnic_frame *f);

#endif /* _VNIC_PARTITION_H */
