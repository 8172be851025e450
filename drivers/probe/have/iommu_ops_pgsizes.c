// SPDX-License-Identifier: GPL-2.0
/* The ops of an IOMMU have its page sizes. Gone in Linux 6.19 */
#include <linux/iommu.h>

static const struct iommu_ops probe_iommu_ops = {
	.pgsize_bitmap = 4096,
};
