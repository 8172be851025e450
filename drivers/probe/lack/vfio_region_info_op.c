// SPDX-License-Identifier: GPL-2.0
/* No such op: else the member would be there twice. */
#include <linux/vfio.h>

struct probe_vfio_ops {
	const struct vfio_device_ops;
	int get_region_info_caps;
};
