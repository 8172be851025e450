// SPDX-License-Identifier: GPL-2.0
/*
 * Descriptors and the chains they make, as virtqueues of either format have them.
 */
#include "virtio.h"

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

unsigned int vnic_vring_table(const struct vnic_ring *ring, u32 len, bool next)
{
	if (!ring->vring.indirect || next || len % VNIC_VRING_DESC ||
	    len / VNIC_VRING_DESC > U16_MAX)
		return 0;
	return len / VNIC_VRING_DESC;
}
