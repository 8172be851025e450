// SPDX-License-Identifier: GPL-2.0
/*
 * vnic-vfio-pci: gives a VF to a virtual machine.
 *
 * A vfio device in the IOMMU group of the VF's own pci_dev, so that stock QEMU
 * and libvirt take it by its PCI address.  Its memory is mapped by the vfio core
 * into a domain of vnic-iommu.  This file binds the device, opens it and answers
 * its ioctls; the rest is one file per matter.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "../bus/bus.h"
#include "compat.h"
#include "priv.h"

static int vnic_vfio_init(struct vfio_device *vdev)
{
	struct vnic_vfio *vv = vnic_vfio_of(vdev);

	vv->pdev = to_pci_dev(vdev->dev);
	init_rwsem(&vv->gate);
	mutex_init(&vv->irq_lock);
	mutex_init(&vv->cfg_lock);
	return 0;
}

static void vnic_vfio_release(struct vfio_device *vdev)
{
	struct vnic_vfio *vv = vnic_vfio_of(vdev);

	mutex_destroy(&vv->cfg_lock);
	mutex_destroy(&vv->irq_lock);
}

/* Everything of one user of the device, or nothing.  @gate held for writing. */
static int vnic_vfio_setup(struct vnic_vfio *vv)
{
	struct vnic_as *as;
	int err;

	err = vnic_vfio_irqs_open(vv);
	if (err)
		return err;
	err = vnic_vfio_config_open(vv);
	if (err)
		goto irqs;
	as = vnic_as_guest(vnic_iommu_of(&vv->pdev->dev));
	if (!as) {
		err = -ENOMEM;
		goto config;
	}
	err = vnic_fn_attach(vv->fn, &vnic_vfio_backend, vv, as);
	if (err)
		goto free_as;
	vnic_vfio_config_attached(vv);
	vnic_bell_open(vv);
	vv->open = true;
	return 0;

free_as:
	vnic_as_free(as);
config:
	vnic_vfio_config_close(vv);
irqs:
	vnic_vfio_irqs_close(vv);
	return err;
}

/*
 * Called for the first file of the device only, in the VM's process: the
 * function's worker becomes part of it.
 */
static int vnic_vfio_open(struct vfio_device *vdev)
{
	struct vnic_vfio *vv = vnic_vfio_of(vdev);
	int err;

	down_write(&vv->gate);
	err = vnic_vfio_setup(vv);
	up_write(&vv->gate);
	return err;
}

/*
 * May run in the exit path of the VM's process, which has no mm any more.  The doorbell
 * page goes outside of the gate: it waits for KVM, which may wait for the guest's memory.
 */
static void vnic_vfio_close(struct vfio_device *vdev)
{
	struct vnic_vfio *vv = vnic_vfio_of(vdev);
	struct vnic_bell *bell;

	down_write(&vv->gate);
	vv->open = false;	/* nobody looks for the bell but the function's thread */
	up_write(&vv->gate);
	mutex_lock(&vv->irq_lock);
	bell = vv->bell;
	vv->bell = NULL;
	mutex_unlock(&vv->irq_lock);
	vnic_bell_close(bell);

	down_write(&vv->gate);
	vnic_fn_detach(vv->fn);
	vnic_vfio_config_close(vv);
	vnic_vfio_irqs_close(vv);
	up_write(&vv->gate);
}

static long vnic_vfio_ioctl_info(void __user *arg)
{
	size_t minsz = offsetofend(struct vfio_device_info, num_irqs);
	struct vfio_device_info info = {};

	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;
	info.flags = VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET;
	info.num_regions = VFIO_PCI_NUM_REGIONS;
	info.num_irqs = VFIO_PCI_NUM_IRQS;
	return copy_to_user(arg, &info, minsz) ? -EFAULT : 0;
}

/* Capabilities behind the region's description, if the user has left room for them */
static int vnic_vfio_put_caps(struct vfio_region_info *info, struct vfio_info_cap *caps,
			      void __user *arg)
{
	size_t need = sizeof(*info) + caps->size;

	info->cap_offset = 0;
	if (!caps->size) {
		info->argsz = sizeof(*info);
		return 0;
	}
	info->flags |= VFIO_REGION_INFO_FLAG_CAPS;
	if (info->argsz < need) {
		info->argsz = need;
		return 0;
	}
	info->cap_offset = sizeof(*info);
	vfio_info_cap_shift(caps, sizeof(*info));
	return copy_to_user(arg + sizeof(*info), caps->buf, caps->size) ? -EFAULT : 0;
}

/* Linux 6.19 and newer never ask here: see VNIC_VFIO_REGION_INFO_OP(). */
static long vnic_vfio_ioctl_region_info(struct vnic_vfio *vv, void __user *arg)
{
	size_t minsz = offsetofend(struct vfio_region_info, offset);
	struct vfio_info_cap caps = {};
	struct vfio_region_info info;
	int err;

	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;
	err = vnic_vfio_region_info(&vv->vdev, &info, &caps);
	if (err)
		return err;
	err = vnic_vfio_put_caps(&info, &caps, arg);
	kfree(caps.buf);
	if (err)
		return err;
	return copy_to_user(arg, &info, minsz) ? -EFAULT : 0;
}

static long vnic_vfio_ioctl_irq_info(struct vnic_vfio *vv, void __user *arg)
{
	size_t minsz = offsetofend(struct vfio_irq_info, count);
	struct vfio_irq_info info = {};
	int err;

	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;
	err = vnic_vfio_irq_info(vv, &info);
	if (err)
		return err;
	return copy_to_user(arg, &info, minsz) ? -EFAULT : 0;
}

static long vnic_vfio_ioctl_set_irqs(struct vnic_vfio *vv, void __user *arg)
{
	size_t minsz = offsetofend(struct vfio_irq_set, count);
	struct vfio_irq_set hdr;
	void *data = NULL;
	size_t size = 0;
	long err;

	if (copy_from_user(&hdr, arg, minsz))
		return -EFAULT;
	err = vfio_set_irqs_validate_and_prepare(&hdr, vnic_vfio_irq_count(vv, hdr.index),
						 VFIO_PCI_NUM_IRQS, &size);
	if (err)
		return err;
	if (size) {
		data = memdup_user(arg + minsz, size);
		if (IS_ERR(data))
			return PTR_ERR(data);
	}
	err = vnic_vfio_set_irqs(vv, &hdr, data);
	kfree(data);
	return err;
}

/* No access of the user overtakes it: it finds the device as after power-on. */
static long vnic_vfio_ioctl_reset(struct vnic_vfio *vv)
{
	down_write(&vv->gate);
	vnic_vfio_config_reset(vv);
	vnic_fn_reset(vv->fn, false);
	up_write(&vv->gate);
	return 0;
}

static long vnic_vfio_ioctl(struct vfio_device *vdev, unsigned int cmd, unsigned long arg)
{
	struct vnic_vfio *vv = vnic_vfio_of(vdev);
	void __user *uarg = (void __user *)arg;

	switch (cmd) {
	case VFIO_DEVICE_GET_INFO:
		return vnic_vfio_ioctl_info(uarg);
	case VFIO_DEVICE_GET_REGION_INFO:
		return vnic_vfio_ioctl_region_info(vv, uarg);
	case VFIO_DEVICE_GET_IRQ_INFO:
		return vnic_vfio_ioctl_irq_info(vv, uarg);
	case VFIO_DEVICE_SET_IRQS:
		return vnic_vfio_ioctl_set_irqs(vv, uarg);
	case VFIO_DEVICE_RESET:
		return vnic_vfio_ioctl_reset(vv);
	default:
		return -ENOTTY;
	}
}

/*
 * The device is wanted back; called every 10 s until its user closes it.  It
 * cannot be taken away: a stuck user keeps it.
 */
static void vnic_vfio_request(struct vfio_device *vdev, unsigned int count)
{
	struct vnic_vfio *vv = vnic_vfio_of(vdev);
	bool told = true;

	down_read(&vv->gate);
	if (vv->open)
		told = vnic_vfio_signal(vv, VNIC_VFIO_IRQ_REQ(vv));
	up_read(&vv->gate);
	if (!told && !count)
		pci_notice(vv->pdev, "in use by a process that cannot be asked to release it: waiting\n");
}

/* @buf: what the user gave to VFIO_GROUP_GET_DEVICE_FD */
static int vnic_vfio_match(struct vfio_device *vdev, char *buf)
{
	return !strcmp(buf, pci_name(vnic_vfio_of(vdev)->pdev));
}

static const struct vfio_device_ops vnic_vfio_ops = {
	.name		= VNIC_VFIO_NAME,
	.init		= vnic_vfio_init,
	.release	= vnic_vfio_release,
	.bind_iommufd	= vfio_iommufd_physical_bind,
	.unbind_iommufd	= vfio_iommufd_physical_unbind,
	.attach_ioas	= vfio_iommufd_physical_attach_ioas,
	.detach_ioas	= vfio_iommufd_physical_detach_ioas,
	.open_device	= vnic_vfio_open,
	.close_device	= vnic_vfio_close,
	.read		= vnic_vfio_read,
	.write		= vnic_vfio_write,
	.mmap		= vnic_vfio_mmap,
	.ioctl		= vnic_vfio_ioctl,
	.request	= vnic_vfio_request,
	.match		= vnic_vfio_match,
	VNIC_VFIO_REGION_INFO_OP(vnic_vfio_region_info)
};

static int vnic_vfio_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct vnic_fn *fn = vnic_fn_of(pdev);
	struct vnic_vfio *vv;
	int err;

	if (!fn) {
		pci_err(pdev, "not a VF of a vnic adapter of this host\n");
		return -ENODEV;
	}
	if (!vnic_iommu_of(&pdev->dev)) {
		pci_err(pdev, "not in an IOMMU group of vnic-iommu: a hardware IOMMU has taken the software device for its own\n");
		return -ENODEV;
	}
	vv = vfio_alloc_device(vnic_vfio, vdev, &pdev->dev, &vnic_vfio_ops);
	if (IS_ERR(vv))
		return PTR_ERR(vv);
	vv->fn = fn;
	pci_set_drvdata(pdev, vv);
	err = vfio_register_group_dev(&vv->vdev);
	if (err)
		vfio_put_device(&vv->vdev);
	return err;
}

/* Waits until the user has closed the device. */
static void vnic_vfio_remove(struct pci_dev *pdev)
{
	struct vnic_vfio *vv = pci_get_drvdata(pdev);

	vfio_unregister_group_dev(&vv->vdev);
	vfio_put_device(&vv->vdev);
}

/*
 * The host resets the VF (sysfs).  Its user is told, and waits at the gate
 * until the reset is over; its config space stays as it is.
 */
static void vnic_vfio_reset_prepare(struct pci_dev *pdev)
{
	struct vnic_vfio *vv = pci_get_drvdata(pdev);

	down_write(&vv->gate);
	if (vv->open)
		vnic_fn_reset(vv->fn, true);
}

static void vnic_vfio_reset_done(struct pci_dev *pdev)
{
	struct vnic_vfio *vv = pci_get_drvdata(pdev);

	up_write(&vv->gate);
}

static const struct pci_error_handlers vnic_vfio_err_handlers = {
	.reset_prepare	= vnic_vfio_reset_prepare,
	.reset_done	= vnic_vfio_reset_done,
};

static const struct pci_device_id vnic_vfio_ids[] = {
	{ PCI_DRIVER_OVERRIDE_DEVICE_VFIO(VNIC_PCI_VENDOR_ID, VNIC_PCI_DEVICE_ID_VF) },
	{ }
};
MODULE_DEVICE_TABLE(pci, vnic_vfio_ids);

static struct pci_driver vnic_vfio_driver = {
	.name			= VNIC_VFIO_NAME,
	.id_table		= vnic_vfio_ids,
	.probe			= vnic_vfio_probe,
	.remove			= vnic_vfio_remove,
	.err_handler		= &vnic_vfio_err_handlers,
	.driver_managed_dma	= true,
};

/* Structs of vnic-pf are used as they are: it has to be of the same build. */
static int __init vnic_vfio_load(void)
{
	if (strcmp(vnic_pf_shared, VNIC_PF_SHARED)) {
		pr_err("this is build %s, of vnic-pf %s is loaded: reload vnic-pf\n",
		       VNIC_PF_SHARED, vnic_pf_shared);
		return -EINVAL;
	}
	return pci_register_driver(&vnic_vfio_driver);
}

static void __exit vnic_vfio_unload(void)
{
	pci_unregister_driver(&vnic_vfio_driver);
}

module_init(vnic_vfio_load);
module_exit(vnic_vfio_unload);

VNIC_IMPORT_NS();
MODULE_AUTHOR("The vnic authors");
MODULE_LICENSE("GPL");
MODULE_VERSION(VNIC_RELEASE);
MODULE_DESCRIPTION("vnic: virtual functions in virtual machines");
