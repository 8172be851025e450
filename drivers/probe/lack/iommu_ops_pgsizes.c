// SPDX-License-Identifier: GPL-2.0
/* No such member: else it would be there twice. */
#include <linux/iommu.h>

struct probe_iommu_ops {
	const struct iommu_ops;
	int pgsize_bitmap;
};
