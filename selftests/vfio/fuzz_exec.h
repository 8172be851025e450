/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What does a program, in parts: VFs, memory and the native device (fuzz_exec.c), frames
 * (fuzz_frame.c), a virtio device (fuzz_virtio.c) and its queues (fuzz_vring.c).
 */
#ifndef VNIC_SELFTEST_FUZZ_EXEC_H
#define VNIC_SELFTEST_FUZZ_EXEC_H

#include "fuzz.h"

#define FUZZ_ANSWER_MS	100

struct vf {
	struct vdev	dev;
	bool		virtio;		/* its personality */
	__u64		rests;		/* now_ms() until which it does */
};

/* A virtqueue as the program's driver has it; places of a packed one count two laps */
struct fuzz_vq {
	__u16		size;
	__u16		avail;		/* chains offered; the next place, if packed */
	__u16		slot;		/* the next free one of the table, by "vsend", "vpost" */
};

/* One of the two VFs of a program */
struct side {
	struct vf	*vf;		/* NULL: not opened */
	bool		virtio;		/* which one is to be opened */
	struct side	*peer;
	__u8		*mem;
	__u64		iova;
	__u16		seq;
	bool		silent;		/* has left a message without an answer */
	__u8		mac[6];
	__u32		prod[FUZZ_QPS];	/* of TX rings, by "send" */
	__u64		features;	/* virtio's, by "vstart" */
	struct fuzz_vq	vq[FUZZ_VQS];
};

/* ---- fuzz_exec.c ---- */

extern struct side *cur;		/* of the operation that is being done */
struct vdev *fuzz_dev(void);		/* its VF; opened if it is not */
void fuzz_close(void);
bool fuzz_failed(void);			/* an answer may be late, but does not come after that */
/* Room for @len bytes at an offset in the memory of both; wraps */
__u8 *fuzz_at(__u64 off, size_t len);
void fuzz_wr(__u64 off, unsigned int width, __u64 val);	/* to BAR0 */

/* ---- fuzz_frame.c ---- */

/* Headers of kind @kind (fuzz/README) for a frame of @len bytes: the first 128 bytes */
void fuzz_headers(__u8 *f, unsigned int kind, __u32 len);

/* ---- fuzz_virtio.c ---- */

bool fuzz_virtio_is(struct vdev *d);
bool fuzz_virtio_failed(struct vdev *d);
void fuzz_virtio(const struct fuzz_op *op);

/* ---- fuzz_vring.c ---- */

/* Queue @q of @size descriptors is where programs have it, and empty. */
void fuzz_vring_make(unsigned int q, __u16 size);
/* Notify it, by a write of @width bytes. */
void fuzz_vring_kick(__u64 q, unsigned int width, __u64 val);
void fuzz_vring(const struct fuzz_op *op);

#endif
