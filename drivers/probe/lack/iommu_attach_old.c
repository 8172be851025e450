// SPDX-License-Identifier: GPL-2.0
/* Attaching to an IOMMU domain does not tell the old one. */
#include <linux/iommu.h>

static int probe_iommu_attach(struct iommu_domain *domain, struct device *dev);

static const struct iommu_domain_ops probe_iommu_domain_ops = {
	.attach_dev = probe_iommu_attach,
};
