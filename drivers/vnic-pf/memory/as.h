/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Address spaces: how the device reaches the memory its driver names by bus
 * address.  Two kinds: host-direct (a driver on this host, dma-direct) and
 * pinned guest memory (through vfio).
 *
 * Protocol: vnic_as_pin() (process context, may sleep) makes a range
 * accessible; vnic_as_ptr() translates inside a preemption-disabled stretch
 * and the pointer is good until that stretch ends.  When the guest's memory is
 * unmapped, vnic_as_invalidate() removes the translations, tells the owner's
 * queues, waits for all preemption-disabled stretches and only then unpins.
 * A task may be throttled anywhere else without holding up anybody.
 */
#ifndef _VNIC_AS_H
#define _VNIC_AS_H

#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/string.h>
#include <linux/types.h>
#include <linux/xarray.h>

#include "copy.h"

struct device;
struct vnic_as;

/**
 * struct vnic_pin_ops - how a guest address space gets at its pages
 * @pin: pin @npages pages from @iova for reading and writing; returns the
 *	number pinned (contiguous from the start), or -errno.  Process context.
 * @unpin: unpin what was pinned.  Process context.
 */
struct vnic_pin_ops {
	int	(*pin)(void *priv, dma_addr_t iova, int npages, struct page **pages);
	void	(*unpin)(void *priv, dma_addr_t iova, int npages);
};

/* memory/as.c; constructors */
struct vnic_as *vnic_as_host(struct device *dev);
struct vnic_as *vnic_as_guest(const struct vnic_pin_ops *ops, void *priv);
/* Unpins all.  No stretch may use it any more (see vnic_fn_detach()). */
void vnic_as_free(struct vnic_as *as);
/* A reference keeps the struct, so that vnic_as_invalidate() may be called until
 * it is put, also during and after vnic_as_free().  Any context.
 */
struct vnic_as *vnic_as_get(struct vnic_as *as);
void vnic_as_put(struct vnic_as *as);

/**
 * vnic_as_pin - make a range accessible
 * @as: address space
 * @iova: first byte
 * @len: bytes, > 0; may cross pages
 *
 * Context: process, may sleep.
 * Return: 0; -EAGAIN: the range was unmapped a moment ago, try again in
 * VNIC_AS_HOLDOFF_MS; -EFAULT: not memory of the driver; -ENOMEM.
 */
int vnic_as_pin(struct vnic_as *as, dma_addr_t iova, size_t len);
#define VNIC_AS_HOLDOFF_MS	20

/**
 * vnic_as_ptr - translate
 * @as: address space
 * @iova: first byte
 * @len: bytes; must not cross a page
 *
 * Context: preemption disabled; the pointer is good until it is enabled.
 * Return: NULL when the page is not (or no longer) pinned.
 */
void *vnic_as_ptr(struct vnic_as *as, dma_addr_t iova, size_t len);

/* The same for a range that was perhaps not made accessible yet.  NULL: call
 * vnic_as_pin(), after which vnic_as_ptr() has it.
 */
void *vnic_as_try(struct vnic_as *as, dma_addr_t iova, size_t len);

/**
 * vnic_as_store - the one function that writes into a driver's memory
 * @as: address space (dirty tracking will need it)
 * @iova: where, as a bus address
 * @ptr: the same place, translated
 * @src: what
 * @len: bytes
 */
static inline void vnic_as_store(struct vnic_as *as, dma_addr_t iova, void *ptr,
				 const void *src, size_t len)
{
	if (__builtin_constant_p(len))
		memcpy(ptr, src, len);
	else
		vnic_copy(ptr, src, len);
}

/* The same for an index or flag of 32 bits, which must not be seen half written. */
static inline void vnic_as_store32(struct vnic_as *as, dma_addr_t iova, __le32 *ptr, u32 val)
{
	WRITE_ONCE(*ptr, cpu_to_le32(val));
}

/* Drop every pin in the range; len 0: all.  Calls @inval (set by the owner)
 * when something was pinned there, then waits for stretches, then unpins; for
 * VNIC_AS_HOLDOFF_MS nothing of the range can be pinned again (len 0, a reset:
 * it can at once).  Does nothing to a host-direct space, which has no pins.
 * It has a time limit when called for a range: an -EAGAIN of sorts for type1,
 * which calls again.  Process context; see as.c for the locks it may come with.
 */
void vnic_as_invalidate(struct vnic_as *as, dma_addr_t iova, size_t len);

/* No queue is left, so nobody looks at the pages: drop all pins but that of the
 * page at @keep (the mailbox).  By the owner, which neither pins nor uses
 * another page meanwhile; its callback is not called.  Process context.
 */
void vnic_as_drop_but(struct vnic_as *as, dma_addr_t keep);

/* The owner's callback: stop queues whose rings or posted buffers lie in it */
void vnic_as_set_owner(struct vnic_as *as,
		       void (*inval)(void *owner, dma_addr_t iova, size_t len),
		       void *owner);

/* pages pinned now (0 for host-direct) */
unsigned long vnic_as_pinned(struct vnic_as *as);

#endif /* _VNIC_AS_H */
