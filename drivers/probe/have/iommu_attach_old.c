// SPDX-License-Identifier: GPL-2.0
/* Attaching to an IOMMU domain tells the old one. Linux 6.19 */
#include <linux/iommu.h>

static int probe_iommu_attach(struct iommu_domain *domain, struct device *dev,
			      struct iommu_domain *old);

static const struct iommu_domain_ops probe_iommu_domain_ops = {
	.attach_dev = probe_iommu_attach,
};
