// SPDX-License-Identifier: GPL-2.0
/*
 * The personalities that there are, by name, and which of them new VFs have.
 */
#include <linux/module.h>
#include <linux/string.h>

#include "model/fn.h"
#include "personality.h"

static const struct vnic_personality *const vnic_personalities[] = {
	&vnic_native_personality,
	&vnic_virtio_personality,
	&vnic_virtio_split_personality,
};

static char *personality = "virtio";
module_param(personality, charp, 0444);
MODULE_PARM_DESC(personality, "What guests meet in new VFs: " VNIC_PERSONALITIES
		 " (default virtio)");

const struct vnic_personality *vnic_personality_of(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(vnic_personalities); i++)
		if (!strcmp(vnic_personalities[i]->name, name))
			return vnic_personalities[i];
	return NULL;
}

const struct vnic_personality *vnic_personality_host(void)
{
	return &vnic_native_personality;
}

const char *vnic_personality_asked(void)
{
	return personality;
}

const struct vnic_personality *vnic_personality_default(void)
{
	return vnic_personality_of(personality);
}
