/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How the VF driver on the host reaches a VF's registers without a trap.
 *
 * On the host, the BARs of a VF are ordinary memory that nobody watches: the
 * driver calls the device instead.  It finds the entry points from the
 * pci_dev, so that vnic-vf.ko has no symbol of vnic-pf.ko and loads in a
 * guest, too.
 *
 * The root bridge's parent is a platform device named VNIC_HOST_BRIDGE whose
 * platform data starts with struct vnic_host_ops; only the kernel can make
 * one, so a guest's (hostile) PCI device never passes the test.
 */
#ifndef _VNIC_HOST_H
#define _VNIC_HOST_H

#include <linux/pci.h>
#include <linux/platform_device.h>

#define VNIC_HOST_BRIDGE	"vnic-bridge"
#define VNIC_HOST_MAGIC		0x766e6963	/* also the version of this struct */

struct vnic_fn;

/**
 * struct vnic_host_ops - the device as the VF driver on the host calls it
 * @magic: VNIC_HOST_MAGIC
 * @open: claim the VF for the calling driver.  Process context, from probe or
 *	later.  Returns a handle, ERR_PTR(-EBUSY) when the VF is in use
 *	(through vfio), ERR_PTR(-ENODEV) when it is going away.
 * @close: give it back; the device touches no memory of the driver and raises
 *	no interrupt after it returns.  Process context, may sleep.
 * @read: read a 32-bit register of BAR0.  Any context.
 * @write: write a 32-bit register of BAR0.  Doorbells,
 *	VNIC_REG_KICK and VNIC_REG_MBX_KICK: any context; the rest: process context, may sleep.
 */
struct vnic_host_ops {
	u32		magic;
	struct vnic_fn	*(*open)(struct pci_dev *pdev);
	void		(*close)(struct vnic_fn *fn);
	u32		(*read)(struct vnic_fn *fn, u32 offset);
	void		(*write)(struct vnic_fn *fn, u32 offset, u32 value);
};

/**
 * vnic_host_find - entry points of the software device behind a pci_dev
 * @pdev: a VF
 *
 * Return: the ops, or NULL when @pdev does not lie on vnic's software bus in
 * this kernel (that is: in a guest).
 */
static inline const struct vnic_host_ops *vnic_host_find(struct pci_dev *pdev)
{
	struct pci_host_bridge *bridge = pci_find_host_bridge(pdev->bus);
	struct device *parent = bridge->dev.parent;
	const struct vnic_host_ops *ops;

	if (!parent || parent->bus != &platform_bus_type ||
	    strcmp(to_platform_device(parent)->name, VNIC_HOST_BRIDGE))
		return NULL;
	ops = dev_get_platdata(parent);
	return ops && ops->magic == VNIC_HOST_MAGIC ? ops : NULL;
}

#endif /* _VNIC_HOST_H */
