/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR MIT) */
/*
 * Descriptor rings and event blocks of a vnic queue pair, all in the driver's
 * memory.
 *
 * This header holds wire formats only: little-endian, fixed layout.
 *
 * A ring is an array of 2^n 16-byte descriptors (VNIC_RING_MIN to
 * VNIC_RING_MAX), 16-byte aligned, contiguous in bus address space.  Each ring
 * has an event block (struct vnic_event), 128-byte aligned.  Indices are
 * free-running 32-bit counters; a slot is index & (size - 1).
 *
 * Producer: the driver fills slots, then publishes event.prod (release).
 * Consumer: the device consumes in order, then publishes event.cons (release).
 *
 * Event suppression, the same in both directions: a side that is about to
 * sleep writes the index at which it wants to be woken, issues a full memory
 * barrier and looks at the other's index once more.  The other side, having
 * moved its index from `old` to `new`, issues a full memory barrier, reads the
 * event index `ev` and signals when vnic_need_event(ev, new, old).
 * A side that does not want to be woken leaves its event index behind.  The
 * device may put kick_at up to half a TX ring ahead while it looks at prod by
 * itself, at least every VNIC_LOOK_US; but not if the moderation of the queue's
 * vector is 0, as after reset (VNIC_MBX_SET_COALESCE).
 *
 * The driver's signal is the doorbell, and VNIC_REG_KICK behind it when
 * event.flags, read after that barrier, say VNIC_EV_F_DOORBELL_DEAD: the device
 * takes the flag back when it has seen a doorbell.  The flag may come and go at
 * any time.  Having set it, the device issues a full barrier and looks at prod,
 * so that a doorbell that was written in vain is not missed.
 */
#ifndef _UAPI_VNIC_RING_H
#define _UAPI_VNIC_RING_H

#include <linux/types.h>

#define VNIC_RING_MIN		64	/* descriptors */
#define VNIC_RING_MAX		4096
#define VNIC_DESC_SIZE		16	/* bytes */
#define VNIC_EVENT_ALIGN	128
#define VNIC_TX_MAX_BUFS	18	/* data descriptors of one frame */
#define VNIC_FRAME_MIN		14	/* bytes: an Ethernet header */
#define VNIC_FRAME_MAX		(65535 + 18)	/* bytes of one GSO frame, with its header */
#define VNIC_GSO_MIN		64	/* bytes: smallest gso_size of a TSO frame */
#define VNIC_LOOK_US		250	/* us in which the device looks at a TX ring */
#define VNIC_RX_BUF_MIN		256	/* bytes of a receive buffer */
#define VNIC_RX_BUF_MAX		65535
#define VNIC_MTU_MIN		68
#define VNIC_MTU_MAX		9000

/**
 * struct vnic_event - event block of one ring
 * @prod: written by the driver: descriptors made available, free-running
 * @intr_at: written by the driver: interrupt when @cons passes this
 * @rsvd0: written as 0
 * @cons: written by the device: descriptors consumed, free-running
 * @kick_at: written by the device: ring the doorbell when @prod passes this
 * @flags: written by the device: VNIC_EV_F_*
 * @rsvd1: written as 0
 */
struct vnic_event {
	__le32	prod;
	__le32	intr_at;
	__le32	rsvd0[14];
	__le32	cons;
	__le32	kick_at;
	__le32	flags;
	__le32	rsvd1[13];
};

/* The doorbell page may not work now: write VNIC_REG_KICK, too */
#define VNIC_EV_F_DOORBELL_DEAD		(1u << 0)

/* The flags of every descriptor are at the same place, bytes 10 and 11. */
#define VNIC_TXD_F_EOP		(1u << 0)	/* last descriptor of the frame */
#define VNIC_TXD_F_CTX		(1u << 1)	/* a context descriptor: first of its frame */
/* In a context descriptor only: */
#define VNIC_TXD_F_CSUM		(1u << 2)	/* complete the checksum at start + offset */
#define VNIC_TXD_F_TSO4		(1u << 3)	/* TCP over IPv4, gso_size bytes a segment */
#define VNIC_TXD_F_TSO6		(1u << 4)	/* TCP over IPv6, gso_size bytes a segment */

/**
 * struct vnic_tx_desc - TX data descriptor: one buffer of a frame
 * @addr: bus address
 * @len: bytes, 1 to 65535
 * @flags: VNIC_TXD_F_EOP or 0
 * @rsvd: 0
 */
struct vnic_tx_desc {
	__le64	addr;
	__le16	len;
	__le16	flags;
	__le32	rsvd;
};

/**
 * struct vnic_tx_ctx - TX context descriptor: what the device does to a frame
 * @csum_start: offset in the frame where checksumming starts (bytes)
 * @csum_offset: where the checksum goes, from @csum_start (bytes)
 * @gso_size: TCP payload bytes of a segment (TSO), else 0
 * @hdr_len: bytes of all headers up to the end of TCP's (TSO), else 0
 * @rsvd0: 0
 * @flags: VNIC_TXD_F_CTX and what is asked for
 * @rsvd1: 0
 *
 * TSO needs VNIC_TXD_F_CSUM as well.  Nothing but data descriptors follows.
 */
struct vnic_tx_ctx {
	__le16	csum_start;
	__le16	csum_offset;
	__le16	gso_size;
	__le16	hdr_len;
	__le16	rsvd0;
	__le16	flags;
	__le32	rsvd1;
};

/**
 * struct vnic_rx_desc - RX descriptor as the driver posts it
 * @addr: bus address of the buffer
 * @len: bytes, VNIC_RX_BUF_MIN to VNIC_RX_BUF_MAX
 * @rsvd: 0
 */
struct vnic_rx_desc {
	__le64	addr;
	__le32	len;
	__le32	rsvd;
};

#define VNIC_RXC_F_SOP		(1u << 0)	/* first buffer of a frame: all fields valid */
#define VNIC_RXC_F_EOP		(1u << 1)	/* last buffer of a frame */
#define VNIC_RXC_F_CSUM_OK	(1u << 2)	/* the transport checksum has been verified */
#define VNIC_RXC_F_CSUM_PARTIAL	(1u << 3)	/* checksum is still to be completed */
#define VNIC_RXC_F_TSO4		(1u << 4)	/* TCP over IPv4 of gso_size bytes a segment */
#define VNIC_RXC_F_TSO6		(1u << 5)
#define VNIC_RXC_F_HASH_L3	(1u << 6)	/* hash is valid: over addresses */
#define VNIC_RXC_F_HASH_L4	(1u << 7)	/* hash is valid: over addresses and ports */
#define VNIC_RXC_F_ABORT	(1u << 8)	/* with EOP: discard the frame's buffers */

/**
 * struct vnic_rx_cmpl - what the device writes over a consumed RX descriptor
 * @len: bytes written into this buffer
 * @flags: VNIC_RXC_F_*
 * @hash: RSS hash (first buffer)
 * @csum_start: as in struct vnic_tx_ctx (first buffer)
 * @csum_offset: as in struct vnic_tx_ctx (first buffer)
 * @gso_size: as in struct vnic_tx_ctx (first buffer)
 * @hdr_len: as in struct vnic_tx_ctx (first buffer)
 *
 * Buffers are consumed in the order they were posted.  All buffers of a frame
 * are published in one step of event.cons.
 */
struct vnic_rx_cmpl {
	__le16	len;
	__le16	flags;
	__le32	hash;
	__le16	csum_start;
	__le16	csum_offset;
	__le16	gso_size;
	__le16	hdr_len;
};

/**
 * vnic_need_event - must the other side be woken?
 * @ev: the index at which it wants to be
 * @new: index after the step
 * @old: index before the step
 *
 * Return: nonzero when @ev lies in (@old, @new], in 32-bit circular order.
 * With @ev == @old + 1 the next step wakes.
 */
static inline int vnic_need_event(__u32 ev, __u32 new, __u32 old)
{
	return (__u32)(new - ev) < (__u32)(new - old);
}

#ifndef __cplusplus
_Static_assert(sizeof(struct vnic_event) == 128, "event block");
_Static_assert(sizeof(struct vnic_tx_desc) == VNIC_DESC_SIZE, "tx descriptor");
_Static_assert(sizeof(struct vnic_tx_ctx) == VNIC_DESC_SIZE, "tx context");
_Static_assert(sizeof(struct vnic_rx_desc) == VNIC_DESC_SIZE, "rx descriptor");
_Static_assert(sizeof(struct vnic_rx_cmpl) == VNIC_DESC_SIZE, "rx completion");
#endif

#endif /* _UAPI_VNIC_RING_H */
