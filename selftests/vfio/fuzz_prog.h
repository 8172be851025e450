/* SPDX-License-Identifier: GPL-2.0 */
/* What makes programs by chance: fuzz_prog.c, and fuzz_vvalue.c for virtio. */
#ifndef VNIC_SELFTEST_FUZZ_PROG_H
#define VNIC_SELFTEST_FUZZ_PROG_H

#include "fuzz.h"

/* Of an argument: says what values are worth a try */
enum fuzz_type {
	NONE, ANY, BOOL, REG, WIDTH, CFG, REGION, MEM, ADDR, LEN, OPCODE, FEATURES, QP, VECTOR,
	SIZE, RING, EVENT, SLOT, TXFLAGS, CTXFLAGS, FRAME, COUNT, FEW, IRQINDEX, IRQFLAGS, CSUM,
	OFFLOAD,
	/* fuzz_vvalue.c */
	VFEATURES, VSIZE, VFIELD, VREG, VQ, VRING, VFLAGS, VNEXT, VWORD, VLEN, PIECES, MODE, CLASS,
	VIRTIO_TYPES = VFEATURES, ALL_TYPES = CLASS
};

/* ---- fuzz_prog.c ---- */

__u64 fuzz_edge(void);	/* a number at which something may change */
__u64 fuzz_half(void);	/* where one of the VFs has its memory */

/* ---- fuzz_vvalue.c ---- */

__u64 fuzz_virtio_value(unsigned int type);
__u64 fuzz_virtio_offset(void);		/* of a word of a virtqueue, in a half */
__u64 fuzz_virtio_field(__u64 field);	/* a value for one of the common configuration */
/* Make "vctrl" a request that the device may take, as long as is right. */
void fuzz_virtio_request(struct fuzz_op *op);

#endif
