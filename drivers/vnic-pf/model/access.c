// SPDX-License-Identifier: GPL-2.0
/*
 * Accesses to a function's BAR0, and which personality answers them.
 */
#include <linux/align.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/string.h>

#include <compat.h>

#include "fn.h"

static const struct vnic_personality *const vnic_personalities[] = {
	&vnic_native_personality,
	&vnic_virtio_personality,
	&vnic_virtio_split_personality,
};

static char *personality = "virtio";
module_param(personality, charp, 0444);
MODULE_PARM_DESC(personality, "What guests meet in new VFs: " VNIC_PERSONALITIES " (virtio)");

const struct vnic_personality *vnic_personality_of(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(vnic_personalities); i++)
		if (!strcmp(vnic_personalities[i]->name, name))
			return vnic_personalities[i];
	return NULL;
}

const struct vnic_personality *vnic_personality_default(void)
{
	return vnic_personality_of(personality);
}

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
