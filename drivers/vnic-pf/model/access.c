// SPDX-License-Identifier: GPL-2.0
/*
 * Accesses to a function's BAR0, which its personality answers.
 */
#include <linux/align.h>
#include <linux/log2.h>

#include <compat.h>

#include "fn.h"

static bool vnic_fn_access_ok(const struct vnic_fn *fn, u32 offset, u32 size)
{
	if (offset >= VNIC_BAR_CTRL_SIZE || !is_power_of_2(size) || !IS_ALIGNED(offset, size))
		return false;
	return size <= sizeof(u32) && (!fn->pers->width || size == fn->pers->width);
}

u32 vnic_fn_read(struct vnic_fn *fn, u32 offset, u32 size)
{
	return vnic_fn_access_ok(fn, offset, size) ? fn->pers->read(fn, offset, size) : ~0U;
}
EXPORT_SYMBOL_VNIC(vnic_fn_read);

void vnic_fn_write(struct vnic_fn *fn, u32 offset, u32 size, u32 value)
{
	if (vnic_fn_access_ok(fn, offset, size))
		fn->pers->write(fn, offset, size, value);
}
EXPORT_SYMBOL_VNIC(vnic_fn_write);
