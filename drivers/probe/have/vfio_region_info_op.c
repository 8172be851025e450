// SPDX-License-Identifier: GPL-2.0
/* The vfio core asks for regions by an op of its own. Linux 6.19 */
#include <linux/vfio.h>

static int probe_region_info(struct vfio_device *vdev, struct vfio_region_info *info,
			     struct vfio_info_cap *caps);

static const struct vfio_device_ops probe_vfio_ops = {
	.get_region_info_caps = probe_region_info,
};
