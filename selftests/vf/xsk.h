/* SPDX-License-Identifier: GPL-2.0 */
/*
 * XDP sockets by the kernel's own interface, without a library: memory, rings, the
 * program that gives them frames.  For the tests (xsk.c) and for tools/bench/xsk.c.
 */
#ifndef XSK_H
#define XSK_H

#include <linux/if_xdp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define XSK_TYPE	0x88b5	/* of the tests' frames, as frame() of lib/vnic.py */

/* One of the four rings; the kernel is at the other end. */
struct xsk_ring {
	uint32_t	*prod;
	uint32_t	*cons;
	uint32_t	*flags;
	void		*desc;		/* struct xdp_desc, or addresses (fill, completion) */
	uint32_t	mask;
};

/* What a socket is to be like; 0: the default */
struct xsk_ask {
	bool		copy, any;	/* else without copies or not at all */
	bool		wakeup;		/* XDP_USE_NEED_WAKEUP */
	bool		noprog;		/* attach none */
	bool		frags;		/* a program that knows of frames of several buffers */
	bool		sg;		/* XDP_USE_SG */
	bool		twin;		/* a second socket that sends from the same memory */
	int		verdict;	/* of the program, instead of the socket: XDP_DROP ... */
	uint32_t	chunk;		/* bytes, default 4096 */
	uint32_t	headroom;	/* bytes */
	uint32_t	ring;		/* entries of each, default 1024; as many chunks each way */
	uint32_t	chunks;		/* given to the kernel to receive; default: all of them */
};

struct xsk {
	int		fd, twin, map, prog, link;
	unsigned int	ifindex, queue;
	struct xsk_ask	ask;
	uint8_t		mac[6];
	uint8_t		*umem;
	struct xsk_ring	rx, tx, fill, done;
	uint64_t	*spare;		/* chunks to send from */
	uint32_t	spares;
};

/* What failed, or NULL; errno says how. */
const char *xsk_open(struct xsk *x, const char *dev, unsigned int queue, const struct xsk_ask *ask);
const char *xsk_exchange(struct xsk *x);	/* another program for the one it has */
void xsk_detach(struct xsk *x);			/* no program */
const char *xsk_attach(struct xsk *x);
void xsk_close(struct xsk *x);
bool xsk_copies(struct xsk *x);			/* is the mode in force one with copies? */

/* Frames to send: to that address, of one or more descriptors if longer than a chunk
 * (a part, if given, is a descriptor's length).  Return: how many went into the ring.
 */
uint32_t xsk_put(struct xsk *x, const uint8_t *to, uint32_t count, uint32_t size, uint32_t part);
void xsk_put_open(struct xsk *x);		/* three descriptors of a frame that has no end */
void xsk_kick(struct xsk *x, bool always);	/* to send, if the kernel wants it */
uint32_t xsk_reap(struct xsk *x);		/* chunks that were sent and are free again */

/* Descriptors received, seen and given back in order.  give: to the kernel, to receive into. */
uint32_t xsk_received(struct xsk *x);
const struct xdp_desc *xsk_peek(struct xsk *x, uint32_t i);
void xsk_take(struct xsk *x, uint32_t n);
void xsk_give(struct xsk *x, const __u64 *addrs, uint32_t n);
void xsk_wake(struct xsk *x, bool always);	/* to receive, if the kernel wants it */

#endif
