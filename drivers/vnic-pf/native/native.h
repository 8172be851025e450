/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The native personality of a VF: registers, mailbox and rings as uapi/vnic/ has
 * them.  Private to native/.
 *
 * Files: regs.c registers; mailbox.c messages and status block; queue.c queues made
 * and ended by messages; ring.c event blocks; tx.c and rx.c descriptors.
 *
 * It calls model/, memory/ and switch/; they call it through struct
 * vnic_personality and struct vnic_ring_ops.
 */
#ifndef _VNIC_NATIVE_H
#define _VNIC_NATIVE_H

#include <vnic/vnic_mbx.h>
#include <vnic/vnic_regs.h>
#include <vnic/vnic_ring.h>

#include "../model/fn.h"

/* What is in messages and rings as those below native/ have it, by a name of their own */
#define VNIC_SAME(own, native)	static_assert((own) == (native))

/* A descriptor of any kind, as copied from the ring */
union vnic_desc {
	__le64			raw[2];
	struct vnic_tx_desc	tx;
	struct vnic_tx_ctx	ctx;
	struct vnic_rx_desc	rx;
};

static inline u64 vnic_native_addr(const struct vnic_ring *ring, u32 index)
{
	return ring->addr + (index & (ring->size - 1)) * VNIC_DESC_SIZE;
}

/* ---- ring.c; in a stretch.  False: memory is gone. ---- */

void vnic_native_bell(struct vnic_fn *fn, struct vnic_ring *ring);
bool vnic_native_set_flags(struct vnic_fn *fn, struct vnic_ring *ring);

/* ---- rx.c; rxq->lock held, in a stretch ---- */

int vnic_native_rx_room(const struct vnic_rxq *rxq, u32 len);
int vnic_native_rx_complete(struct vnic_rxq *rxq, const struct vnic_rx_cursor *cur,
			    const struct vnic_rx_note *note);

/* ---- queue.c ---- */

/* Set up / stop a queue from a message whose length was checked; in a turn of
 * the first worker.  VNIC_MBX_OK or VNIC_MBX_E_*.
 */
u32 vnic_queue_create(struct vnic_fn *fn, const struct vnic_mbx_queue *q);
u32 vnic_queue_destroy(struct vnic_fn *fn, u16 type, u16 qp);

/* ---- mailbox.c ---- */

u64 vnic_mbx_features(const struct vnic_fn *fn);	/* VNIC_F_* offered */
int vnic_mbx_attach(struct vnic_fn *fn);
void vnic_mbx_detach(struct vnic_fn *fn);
void vnic_mbx_work(struct vnic_fn *fn);
void vnic_mbx_tell_reset(struct vnic_fn *fn);

#endif /* _VNIC_NATIVE_H */
