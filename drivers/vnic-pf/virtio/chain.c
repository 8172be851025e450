// SPDX-License-Identifier: GPL-2.0
/*
 * Descriptors and the chains they make, as virtqueues of either format have them.
 */
#include "virtio.h"

int vnic_chain_add(struct vnic_chain *c, u64 addr, u32 len, bool write)
{
	if (c->n == c->most)
		return -E2BIG;
	if (!write && c->out != c->n)
		return -EINVAL;		/* to be read, behind one to be written */
	c->buf[c->n].addr = addr;
	c->buf[c->n++].len = len;
	c->out += !write;
	return 0;
}

bool vnic_vring_copy(struct vnic_fn *fn, u64 addr, void *to, size_t len)
{
	const void *ptr;
	u32 n;

	for (; len; len -= n, addr += n, to += n) {
		ptr = vnic_as_run(fn->as, addr, len, &n);
		if (!ptr)
			return false;
		memcpy(to, ptr, n);
	}
	return true;
}

const void *vnic_vring_desc(struct vnic_fn *fn, struct vnic_ring_page *page, u64 table,
			    unsigned int index, void *to)
{
	u64 addr = table + index * VNIC_VRING_DESC;
	const void *ptr;

	if (unlikely(offset_in_page(addr) > PAGE_SIZE - VNIC_VRING_DESC))
		return vnic_vring_copy(fn, addr, to, VNIC_VRING_DESC) ? to : NULL;
	ptr = vnic_ring_at(fn, page, addr);
	return ptr ? memcpy(to, ptr, VNIC_VRING_DESC) : NULL;
}

unsigned int vnic_vring_table(const struct vnic_ring *ring, u32 len, bool next)
{
	if (!ring->vring.indirect || next || len % VNIC_VRING_DESC ||
	    len / VNIC_VRING_DESC > U16_MAX)
		return 0;
	return len / VNIC_VRING_DESC;
}
