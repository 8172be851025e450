// SPDX-License-Identifier: GPL-2.0
/*
 * vnic-iommu: the IOMMU of vnic's software bus, for the kernel's IOMMU core.
 *
 * Each VF has a group of its own from its creation.  Drivers on this host have
 * the identity domain: their addresses are physical ones.  With vfio a VF is
 * attached to a domain with a page table, which vfio fills as that of any
 * hardware IOMMU: it pins what it maps, and takes nothing away before
 * iotlb_sync has returned.
 *
 * A module of its own: the IOMMU core holds it while there are VFs, and with it
 * vnic-pf could not be unloaded while it has some.  A domain holds it, too: that
 * of an iommufd may live longer than the VFs it was for.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/iommu.h>
#include <linux/lockdep.h>
#include <linux/module.h>
#include <linux/property.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "compat.h"
#include "table.h"

/**
 * struct vnic_domain - what vfio has mapped for one VM, for one or more VFs
 * @domain: for the IOMMU core
 * @pt: page table
 */
struct vnic_domain {
	struct iommu_domain	domain;
	struct vnic_pt		pt;
};

const char vnic_iommu_shared[] = VNIC_IOMMU_SHARED;
EXPORT_SYMBOL_VNIC(vnic_iommu_shared);

static struct iommu_device vnic_iommu;
static struct fwnode_handle *vnic_iommu_fwnode;	/* by which VFs are known as ours */

static struct vnic_pt *vnic_pt_of(struct iommu_domain *domain)
{
	return &container_of(domain, struct vnic_domain, domain)->pt;
}

/* ---- stretches ---- */

DEFINE_PER_CPU(struct vnic_stretch, vnic_stretch);
EXPORT_PER_CPU_SYMBOL_GPL(vnic_stretch);

/* Most stretches are over after some us; a busy machine may have stopped a CPU. */
static void vnic_stretch_wait_cpu(const struct vnic_stretch *s)
{
	unsigned int ended = READ_ONCE(s->ended), spins = 0;

	/* Later stretches find the table as it is now: they need not end. */
	while (READ_ONCE(s->depth) && READ_ONCE(s->ended) == ended) {
		if (spins++ < 1000)
			cpu_relax();
		else
			usleep_range(20, 50);
	}
}

/* Wait until all stretches that have begun are over.  Process context, may sleep. */
static void vnic_stretch_wait(void)
{
	unsigned int cpu;

	might_sleep();
	if (IS_ENABLED(CONFIG_PREEMPT_RT)) {
		synchronize_rcu_expedited();
		return;
	}
	smp_mb();	/* the table before depth; pairs with vnic_stretch_begin() */
	for_each_online_cpu(cpu)
		vnic_stretch_wait_cpu(per_cpu_ptr(&vnic_stretch, cpu));
	smp_mb();	/* ended before what the caller does with the memory */
}

/* ---- attaching ---- */

/* From now on the VF finds what is in @root, and nobody uses what it was before. */
static void vnic_iommu_set_root(struct device *dev, u64 *root)
{
	struct vnic_iommu_dev *iod = dev_iommu_priv_get(dev);

	if (READ_ONCE(iod->root) == root)
		return;
	/* zeroes and entries before the table; pairs with the dependency in vnic_iommu_find() */
	smp_store_release(&iod->root, root);
	vnic_stretch_wait();
}

/*
 * A domain with a page table is vfio's.  Stock vfio-pci would start a guest whose VF is
 * dead, since nothing tells the device what is written to its registers: it is refused.
 * The driver stays bound while vfio owns the group.
 */
static int VNIC_IOMMU_ATTACH(vnic_iommu_attach_paging)
{
	const char *driver = dev_driver_string(dev);

	if (strcmp(driver, VNIC_VFIO_NAME)) {
		dev_err_ratelimited(dev, "VFs do not work by %s: bind it to " VNIC_VFIO_NAME "\n",
				    driver);
		return -ENODEV;
	}
	vnic_iommu_set_root(dev, vnic_pt_of(domain)->root);
	return 0;
}

/* Drivers on this host do not come by here: see memory/as.c of vnic-pf. */
static int VNIC_IOMMU_ATTACH(vnic_iommu_attach_none)
{
	vnic_iommu_set_root(dev, NULL);
	return 0;
}

static const struct iommu_domain_ops vnic_static_ops = {
	.attach_dev	= vnic_iommu_attach_none,
};

static struct iommu_domain vnic_identity = {
	.type	= IOMMU_DOMAIN_IDENTITY,
	.ops	= &vnic_static_ops,
};

static struct iommu_domain vnic_blocked = {
	.type	= IOMMU_DOMAIN_BLOCKED,
	.ops	= &vnic_static_ops,
};

/* ---- domains ---- */

static int vnic_domain_map(struct iommu_domain *domain, unsigned long iova, phys_addr_t phys,
			   size_t size, size_t count, int prot, gfp_t gfp, size_t *mapped)
{
	u64 bits = 0;

	if (prot & IOMMU_READ)
		bits |= VNIC_PTE_READ;
	if (prot & IOMMU_WRITE)
		bits |= VNIC_PTE_WRITE;
	return vnic_pt_map(vnic_pt_of(domain), iova, phys, size, count, bits, gfp, mapped);
}

/* What nobody has found needs no wait: then the gather stays empty. */
static size_t vnic_domain_unmap(struct iommu_domain *domain, unsigned long iova, size_t size,
				size_t count, struct iommu_iotlb_gather *gather)
{
	bool used = false;
	size_t done;

	done = vnic_pt_unmap(vnic_pt_of(domain), iova, size * count, &used);
	if (used)
		iommu_iotlb_gather_add_range(gather, iova, done);
	return done;
}

static void vnic_domain_sync(struct iommu_domain *domain, struct iommu_iotlb_gather *gather)
{
	if (gather->end)
		vnic_stretch_wait();
}

static phys_addr_t vnic_domain_phys(struct iommu_domain *domain, dma_addr_t iova)
{
	return vnic_pt_phys(vnic_pt_of(domain), iova);
}

/* The device reads and writes as the CPU that it is. */
static bool vnic_domain_coherent(struct iommu_domain *domain)
{
	return true;
}

static void vnic_domain_free(struct iommu_domain *domain)
{
	struct vnic_domain *d = container_of(domain, struct vnic_domain, domain);

	vnic_pt_destroy(&d->pt);
	kfree(d);
	module_put(THIS_MODULE);
}

static const struct iommu_domain_ops vnic_domain_ops = {
	.attach_dev		= vnic_iommu_attach_paging,
	.map_pages		= vnic_domain_map,
	.unmap_pages		= vnic_domain_unmap,
	.iotlb_sync		= vnic_domain_sync,
	.iova_to_phys		= vnic_domain_phys,
	.enforce_cache_coherency = vnic_domain_coherent,
	.free			= vnic_domain_free,
};

static struct iommu_domain *vnic_domain_alloc(struct device *dev)
{
	struct vnic_domain *d = kzalloc(sizeof(*d), GFP_KERNEL_ACCOUNT);
	int err;

	if (!d)
		return ERR_PTR(-ENOMEM);
	err = vnic_pt_init(&d->pt);
	if (err) {
		kfree(d);
		return ERR_PTR(err);
	}
	__module_get(THIS_MODULE);
	d->domain.pgsize_bitmap = VNIC_PT_SIZES;
	d->domain.geometry.aperture_end = BIT_ULL(VNIC_PT_IOVA_BITS) - 1;
	d->domain.geometry.force_aperture = true;
	return &d->domain;
}

/* ---- devices ---- */

static bool vnic_iommu_capable(struct device *dev, enum iommu_cap cap)
{
	return cap == IOMMU_CAP_CACHE_COHERENCY || cap == IOMMU_CAP_ENFORCE_CACHE_COHERENCY;
}

static struct iommu_device *vnic_iommu_probe(struct device *dev)
{
	struct vnic_iommu_dev *iod = kzalloc(sizeof(*iod), GFP_KERNEL);

	if (!iod)
		return ERR_PTR(-ENOMEM);
	dev_iommu_priv_set(dev, iod);
	return &vnic_iommu;
}

static void vnic_iommu_release(struct device *dev)
{
	kfree(dev_iommu_priv_get(dev));
}

static const struct iommu_ops vnic_iommu_ops = {
	.capable		= vnic_iommu_capable,
	.domain_alloc_paging	= vnic_domain_alloc,
	.probe_device		= vnic_iommu_probe,
	.release_device		= vnic_iommu_release,
	.device_group		= generic_device_group,
	.default_domain_ops	= &vnic_domain_ops,
	.owner			= THIS_MODULE,
	.identity_domain	= &vnic_identity,
	.blocked_domain		= &vnic_blocked,
	.release_domain		= &vnic_blocked,
	.default_domain		= &vnic_identity,
	VNIC_IOMMU_OPS_PGSIZES(VNIC_PT_SIZES)
};

/*
 * The core wants its iommu_probe_device_lock to be held, which it does not export,
 * and asserts it by lockdep.  The lock keeps two from probing a device at once: who
 * calls here does so before the core's own notifier, so the only other one could be
 * an IOMMU that registers in this very moment and looks at all devices there are.
 */
int vnic_iommu_add(struct device *dev)
{
	int err;

	lockdep_off();
	err = iommu_fwspec_init(dev, vnic_iommu_fwnode);
	lockdep_on();
	return err;
}
EXPORT_SYMBOL_VNIC(vnic_iommu_add);

struct vnic_iommu_dev *vnic_iommu_of(struct device *dev)
{
	struct iommu_fwspec *fwspec = dev_iommu_fwspec_get(dev);

	if (!dev->iommu_group || !fwspec || fwspec->iommu_fwnode != vnic_iommu_fwnode)
		return NULL;
	return dev_iommu_priv_get(dev);
}
EXPORT_SYMBOL_VNIC(vnic_iommu_of);

static int __init vnic_iommu_init(void)
{
	int err;

	vnic_iommu_fwnode = fwnode_create_software_node(NULL, NULL);
	if (IS_ERR(vnic_iommu_fwnode))
		return PTR_ERR(vnic_iommu_fwnode);
	vnic_iommu.fwnode = vnic_iommu_fwnode;
	err = iommu_device_sysfs_add(&vnic_iommu, NULL, NULL, "vnic");
	if (err)
		goto err_fwnode;
	err = iommu_device_register(&vnic_iommu, &vnic_iommu_ops, NULL);
	if (err)
		goto err_sysfs;
	return 0;

err_sysfs:
	iommu_device_sysfs_remove(&vnic_iommu);
err_fwnode:
	fwnode_remove_software_node(vnic_iommu_fwnode);
	pr_err("the kernel's IOMMU core refuses another IOMMU: %d\n", err);
	return err;
}

static void __exit vnic_iommu_exit(void)
{
	iommu_device_unregister(&vnic_iommu);
	iommu_device_sysfs_remove(&vnic_iommu);
	fwnode_remove_software_node(vnic_iommu_fwnode);
	rcu_barrier();	/* tables freed by RCU */
	synchronize_rcu_tasks();	/* vnic_domain_free() about to return */
}

module_init(vnic_iommu_init);
module_exit(vnic_iommu_exit);
MODULE_AUTHOR("The vnic authors");
MODULE_DESCRIPTION("vnic: IOMMU of the software bus");
MODULE_LICENSE("GPL");
MODULE_VERSION(VNIC_RELEASE);
