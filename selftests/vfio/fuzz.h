/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of the fuzzer of a VF's device share: programs (fuzz_prog.c), what does
 * them (fuzz_exec.c, fuzz_exec.h), what they reach (fuzz_cover.c) and the loop (fuzz.c).
 *
 * Programs as text: fuzz/README.
 */
#ifndef VNIC_SELFTEST_FUZZ_H
#define VNIC_SELFTEST_FUZZ_H

#include "test.h"

#define FUZZ_OPS	48	/* of a program, at most */
#define FUZZ_ARGS	7
#define FUZZ_DATA	64	/* bytes */
#define FUZZ_TEXT	16384	/* bytes of a program as text, at most */

/*
 * The memory of the two VFs of a program: FUZZ_HALF bytes each, one behind the other from
 * bus address MEM_IOVA on.  Offsets in a half:
 */
#define FUZZ_HALF	0x40000u
#define FUZZ_MBX	0x0u
#define FUZZ_EVENT(qp, rx)	(0x1000u + (qp) * 0x100u + (rx) * 0x80u)
#define FUZZ_RING(qp, rx)	(0x2000u + (qp) * 0x2000u + (rx) * 0x1000u)
#define FUZZ_RING_SIZE	256u
#define FUZZ_TX_BUFS	0x8000u
#define FUZZ_RX_BUFS	0x18000u
#define FUZZ_BUF	0x800u
#define FUZZ_TX_SLOTS	32u
#define FUZZ_RX_SLOTS	80u
#define FUZZ_QPS	2u	/* queue pairs that "start" makes */
#define FUZZ_FRAMES	9u	/* kinds of frames */

/*
 * Of a VF with the virtio personality: virtqueues where a native one has its rings, with
 * the table of descriptors first.
 */
#define FUZZ_VQS	5u
#define FUZZ_VQ(q)	(0x2000u + (q) * 0x1000u)
#define FUZZ_VQ_DRIVER	0x400u	/* the available ring; if packed, the ring */
#define FUZZ_VQ_DEVICE	0x800u	/* the used ring; if packed, event suppression */
#define FUZZ_VQ_TABLE	0xa80u	/* indirect */
#define FUZZ_VQ_SIZE	64u	/* at most, to have it there */
#define FUZZ_CTRL	0x7000u	/* a request */
#define FUZZ_ANSWER	0x7f00u	/* ... and its answer */

/* How "vsend", "vpost" and "vctrl" put a chain together */
#define FUZZ_INDIRECT	1u	/* by a table */
#define FUZZ_SPLIT	2u	/* the header alone */
#define FUZZ_NOWHERE	4u	/* a request: no place for the result, or 3 bytes for it, or */
#define FUZZ_LONG	8u
#define FUZZ_MORE	16u	/* 8 bytes more */
#define FUZZ_CSUM	8u	/* a frame: what its header asks for */
#define FUZZ_GSO	16u
#define FUZZ_MODES	32u

enum fuzz_kind {
	OP_VF, OP_START, OP_RD, OP_WR, OP_CFGRD, OP_CFGWR, OP_RGN, OP_MEM, OP_MSG, OP_HDR,
	OP_QUEUE, OP_TXD, OP_CTX, OP_RXD, OP_POST, OP_SEND, OP_FRAME, OP_PROD, OP_MAP, OP_UNMAP,
	OP_IRQ, OP_INFO, OP_RESET, OP_WAIT, OP_FLIP, OP_MMAP, OP_OPEN,
	/* fuzz_virtio.c, then fuzz_vring.c */
	OP_VIRTIO, OP_VSTART, OP_VSET, OP_VWIN, OP_VQ, OP_VQRESET,
	OP_VDESC, OP_VOFFER, OP_VWORD, OP_VSEND, OP_VPOST, OP_VCTRL, OP_VKICK, OP_KINDS
};

struct fuzz_op {
	__u8	kind;		/* enum fuzz_kind */
	__u8	len;		/* of @data */
	__u64	arg[FUZZ_ARGS];
	__u8	data[FUZZ_DATA];
};

struct fuzz_prog {
	unsigned int	n;
	struct fuzz_op	op[FUZZ_OPS];
};

/* ---- fuzz_prog.c ---- */

/* xorshift: the same numbers for the same seed; not 0 */
extern __u64 fuzz_seed;
__u32 fuzz_rnd(__u32 n);	/* below @n */

/* The program of a text; NULL, or what is wrong in which line (a static buffer) */
const char *fuzz_parse(struct fuzz_prog *p, const char *text);
/* The text of a program: its length; @size is FUZZ_TEXT */
size_t fuzz_print(const struct fuzz_prog *p, char *text, size_t size);
/* A new one by chance; one that differs from @p, perhaps by a part of @other */
void fuzz_make(struct fuzz_prog *p);
void fuzz_mutate(struct fuzz_prog *p, const struct fuzz_prog *other);

/* ---- fuzz_exec.c ---- */

/* VFs bound to vnic-vfio-pci, which share a container; ends the process on failure */
void fuzz_open(char **bdf, unsigned int n);
/*
 * Do a program on two VFs, from their opening to their closing, so that nothing is done for
 * them any more when it returns.
 */
void fuzz_run(const struct fuzz_prog *p);
/* Operations done so far, for who waits for the end */
extern unsigned long fuzz_done;

/* ---- fuzz_cover.c ---- */

/*
 * kcov of two kinds: what the calling thread does, and what is done elsewhere in the kernel
 * for VFs that threads open which the calling one makes after cover_remote().
 */
bool cover_possible(void);	/* a kernel with CONFIG_KCOV */
void cover_remote(void);
void cover_local(void);
void cover_reset(void);
/* Take what was reached since: is any of it new? */
bool cover_take(void);
/* The places of the last cover_take(), each once; *@n of them */
const __u64 *cover_last(unsigned int *n);
unsigned int cover_places(void);	/* reached so far */
void cover_write(const char *path);	/* all of them, a hexadecimal address a line */

#endif
