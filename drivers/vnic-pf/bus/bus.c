// SPDX-License-Identifier: GPL-2.0
/*
 * The host bridge of an adapter, accesses to the configuration spaces behind
 * it, and the bus's lifetime.
 *
 * The PF is device 00.0 of the root bus; VF n has routing id n + 1, so that
 * the 256th VF lies on bus 1.
 */
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/platform_device.h>
#include <linux/slab.h>

#include "../vnic.h"
#include "compat.h"
#include "priv.h"
#include "vnic_host.h"
#include "vnic_iommu.h"

/*
 * PCI domains: the first free one, so that names made of it are short (enP8p0s0v0, and with a
 * VLAN still 15 characters), but behind those that firmware gives to sockets.  QEMU takes none
 * above 0xffff.
 */
#define VNIC_DOMAIN_MIN		8
#define VNIC_DOMAIN_MAX		0xffff

/* ---- configuration accesses ---- */

static struct vnic_bus *vnic_bus_of(struct pci_bus *pb)
{
	return container_of(to_pci_sysdata(pb), struct vnic_bus, sysdata);
}

/* Is a reset that was initiated by configuration access still under way?  Other
 * resets do not disturb the configuration space.  Under bus->lock.
 */
static bool vnic_bus_in_flr(struct vnic_bus_fn *fn)
{
	if (fn->flr && !fn->bus->ops->in_reset(fn->bus->ad, vnic_bus_fn_vf(fn)))
		fn->flr = false;
	return fn->flr;
}

/* The function at an address if it answers now.  Under bus->lock. */
static struct vnic_bus_fn *vnic_bus_lookup(struct vnic_bus *bus, unsigned int busnr,
					   unsigned int devfn)
{
	int vf = (int)PCI_DEVID(busnr, devfn) - VNIC_VF_OFFSET;

	lockdep_assert_held(&bus->lock);
	if (vf >= (int)bus->num_vfs || (vf >= 0 && !bus->ops->vf_present(bus->ad, vf)) ||
	    vnic_bus_in_flr(vnic_bus_fn(bus, vf)))
		return NULL;
	return vnic_bus_fn(bus, vf);
}

/* Tell of what a write changed in a function.  Under bus->lock. */
static void vnic_bus_fn_changed(struct vnic_bus_fn *fn)
{
	u16 command = vnic_cfg_read(&fn->cfg, PCI_COMMAND, 2);
	u16 flags = vnic_cfg_read(&fn->cfg, VNIC_CFG_MSIX_CAP + PCI_MSIX_FLAGS, 2);
	bool master = command & PCI_COMMAND_MASTER;
	bool msix = flags & PCI_MSIX_FLAGS_ENABLE;
	bool maskall = flags & PCI_MSIX_FLAGS_MASKALL;

	if (master != fn->master) {
		WRITE_ONCE(fn->master, master);
		fn->bus->ops->bus_master(fn->bus->ad, vnic_bus_fn_vf(fn), master);
	}
	if (msix != fn->msix || maskall != fn->maskall) {
		WRITE_ONCE(fn->msix, msix);
		WRITE_ONCE(fn->maskall, maskall);
		vnic_msi_update(fn);
	}
}

/* The PF has been written to: BARs stay, VFs come or go.  Under bus->lock. */
static void vnic_bus_pf_changed(struct vnic_bus *bus)
{
	struct vnic_cfg *cfg = &vnic_bus_fn(bus, VNIC_PF)->cfg;
	u16 ctrl = vnic_cfg_read(cfg, VNIC_CFG_EXT_FIRST + PCI_SRIOV_CTRL, 2);
	unsigned int n = 0;

	vnic_blocks_pin_bars(bus);
	if (ctrl & PCI_SRIOV_CTRL_VFE)
		n = vnic_cfg_read(cfg, VNIC_CFG_EXT_FIRST + PCI_SRIOV_NUM_VF, 2);
	n = min(n, bus->total_vfs);
	for (; bus->num_vfs < n; bus->num_vfs++) {
		struct vnic_bus_fn *fn = vnic_bus_fn(bus, bus->num_vfs);

		fn->flr = false;
		vnic_cfg_build_vf(&fn->cfg, VNIC_DEF_VECTORS);
		vnic_bus_fn_changed(fn);
	}
	bus->num_vfs = n;
}

static void vnic_bus_flr(struct vnic_bus_fn *fn)
{
	vnic_cfg_reset(&fn->cfg);
	vnic_bus_fn_changed(fn);
	fn->flr = true;
	fn->bus->ops->flr(fn->bus->ad, vnic_bus_fn_vf(fn));
}

static int vnic_config_read(struct pci_bus *pb, unsigned int devfn, int where, int size, u32 *val)
{
	struct vnic_bus *bus = vnic_bus_of(pb);
	struct vnic_bus_fn *fn;
	unsigned long flags;

	raw_spin_lock_irqsave(&bus->lock, flags);
	fn = vnic_bus_lookup(bus, pb->number, devfn);
	*val = fn ? vnic_cfg_read(&fn->cfg, where, size) : ~0u;
	raw_spin_unlock_irqrestore(&bus->lock, flags);
	return fn ? PCIBIOS_SUCCESSFUL : PCIBIOS_DEVICE_NOT_FOUND;
}

static int vnic_config_write(struct pci_bus *pb, unsigned int devfn, int where, int size, u32 val)
{
	struct vnic_bus *bus = vnic_bus_of(pb);
	struct vnic_bus_fn *fn;
	unsigned long flags;

	raw_spin_lock_irqsave(&bus->lock, flags);
	fn = vnic_bus_lookup(bus, pb->number, devfn);
	if (fn) {
		vnic_cfg_write(&fn->cfg, where, size, val);
		vnic_bus_fn_changed(fn);
		if (vnic_bus_fn_vf(fn) == VNIC_PF)
			vnic_bus_pf_changed(bus);
		if (vnic_cfg_is_flr(where, size, val))
			vnic_bus_flr(fn);
	}
	raw_spin_unlock_irqrestore(&bus->lock, flags);
	return fn ? PCIBIOS_SUCCESSFUL : PCIBIOS_DEVICE_NOT_FOUND;
}

static struct pci_ops vnic_pci_ops = {
	.read	= vnic_config_read,
	.write	= vnic_config_write,
};

/* ---- what other layers ask ---- */

const char vnic_pf_shared[] = VNIC_PF_SHARED;
EXPORT_SYMBOL_VNIC(vnic_pf_shared);

struct vnic_adapter *vnic_adapter_of(struct pci_dev *pdev)
{
	return pdev->bus->ops == &vnic_pci_ops ? vnic_bus_of(pdev->bus)->ad : NULL;
}

int vnic_bus_vf_index(struct pci_dev *pdev)
{
	if (pdev->bus->ops != &vnic_pci_ops)
		return -ENODEV;
	return vnic_bus_dev_vf(pdev);
}

void vnic_bus_set_vectors(struct vnic_bus *bus, int vf, unsigned int vectors)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&bus->lock, flags);
	vnic_cfg_set_vectors(&vnic_bus_fn(bus, vf)->cfg, vectors);
	raw_spin_unlock_irqrestore(&bus->lock, flags);
}

bool vnic_bus_is_master(struct vnic_bus *bus, int vf)
{
	return READ_ONCE(vnic_bus_fn(bus, vf)->master);
}

/* ---- lifetime ---- */

/* A PF was found: claim its BARs where they are, else the PCI core would look for
 * another place.  (VFs get theirs from the PF.)
 */
static void vnic_bus_claim(struct pci_dev *pdev)
{
	unsigned int i;

	for (i = 0; i < PCI_NUM_RESOURCES; i++) {
		struct resource *res = &pdev->resource[i];

		/* The core reports a failure; there is none, the BARs are hardwired. */
		if (res->flags & IORESOURCE_MEM && !res->parent &&
		    pci_claim_resource(pdev, i))
			break;
	}
}

/* A VF was found: without its IOMMU it works on this host, but not with vfio. */
static void vnic_bus_add_iommu(struct pci_dev *pdev)
{
	int err = vnic_iommu_add(&pdev->dev);

	if (err)
		pci_warn(pdev, "no IOMMU group, so not for virtual machines: %d\n", err);
}

static int vnic_bus_notify(struct notifier_block *nb, unsigned long action, void *data)
{
	struct vnic_bus *bus = container_of(nb, struct vnic_bus, nb);
	struct pci_dev *pdev = to_pci_dev(data);

	if (action != BUS_NOTIFY_ADD_DEVICE || pdev->bus->ops != &vnic_pci_ops ||
	    vnic_bus_of(pdev->bus) != bus)
		return NOTIFY_DONE;
	if (pdev->is_virtfn)
		vnic_bus_add_iommu(pdev);
	else
		vnic_bus_claim(pdev);
	return NOTIFY_OK;
}

static void vnic_bus_init_fns(struct vnic_bus *bus)
{
	int vf;

	for (vf = VNIC_PF; vf < (int)bus->total_vfs; vf++) {
		struct vnic_bus_fn *fn = vnic_bus_fn(bus, vf);
		enum vnic_block_id id = vf == VNIC_PF ? VNIC_BLOCK_PF_MSIX : VNIC_BLOCK_VF_MSIX;

		fn->bus = bus;
		fn->pba = vnic_block_mem(bus, id, max(vf, 0), VNIC_BAR_MSIX_SIZE) +
			  VNIC_MSIX_PBA_OFFSET;
		vnic_msi_init_fn(fn);
	}
}

static int vnic_bus_add_parent(struct vnic_bus *bus, const void *platdata, size_t size)
{
	struct platform_device_info info = {
		.name		= VNIC_HOST_BRIDGE,
		.id		= bus->ad->id,
		.data		= platdata,
		.size_data	= size,
	};

	bus->parent = platform_device_register_full(&info);
	return PTR_ERR_OR_ZERO(bus->parent);
}

static int vnic_bus_add_bridge(struct vnic_bus *bus)
{
	struct pci_host_bridge *bridge = pci_alloc_host_bridge(0);

	if (!bridge)
		return -ENOMEM;
	bus->bridge = bridge;
	bus->busn.name = "vnic";
	bus->busn.flags = IORESOURCE_BUS;
	bus->busn.end = PCI_BUS_NUM(VNIC_MAX_VFS - 1 + VNIC_VF_OFFSET);
	bridge->dev.parent = &bus->parent->dev;
	bridge->sysdata = &bus->sysdata;
	bridge->ops = &vnic_pci_ops;
	pci_add_resource(&bridge->windows, &bus->busn);
	pci_add_resource(&bridge->windows, &bus->window);
	dev_set_msi_domain(&bridge->dev, bus->irqs);
	return 0;
}

/* Under pci_lock_rescan_remove(). */
static int vnic_bus_find_pf(struct vnic_bus *bus)
{
	struct pci_bus *root;
	int err;

	err = pci_scan_root_bus_bridge(bus->bridge);
	if (err)
		return err;
	root = bus->bridge->bus;
	pci_bus_add_devices(root);
	if (!list_empty(&root->devices))
		return 0;
	/* It is there: the PCI core had no memory for it, and does not say so. */
	pci_stop_root_bus(root);
	pci_remove_root_bus(root);
	return -ENOMEM;
}

/* The PCI core drops the bridge's reference, too, when it cannot register the bus (seen in
 * Linux 6.12), but not when something else fails.  One of our own shows which it was.
 */
static int vnic_bus_scan(struct vnic_bus *bus)
{
	struct device *bridge = get_device(&bus->bridge->dev);
	int err;

	pci_lock_rescan_remove();
	err = vnic_bus_find_pf(bus);
	pci_unlock_rescan_remove();
	if (!err || kref_read(&bridge->kobj.kref) > 1)
		put_device(bridge);
	return err;
}

/**
 * vnic_bus_create - make an adapter's bus and let the PCI core find it
 * @ad: adapter; @ad->bus is set before the first op or probe is called
 * @total_vfs: 1 to VNIC_MAX_VFS
 * @ops: whom to tell of configuration accesses
 * @platdata: struct vnic_host_ops for drivers on this host; copied
 * @platdata_size: its size, bytes
 *
 * Context: process.
 * Return: the bus, or ERR_PTR().
 */
struct vnic_bus *vnic_bus_create(struct vnic_adapter *ad, unsigned int total_vfs,
				 const struct vnic_bus_ops *ops,
				 const void *platdata, size_t platdata_size)
{
	struct vnic_bus *bus;
	int err = -ENOMEM;

	bus = kvzalloc(struct_size(bus, fn, 1 + total_vfs), GFP_KERNEL);
	if (!bus)
		return ERR_PTR(-ENOMEM);
	bus->ad = ad;
	bus->ops = ops;
	bus->total_vfs = total_vfs;
	bus->sysdata.node = first_online_node;
	raw_spin_lock_init(&bus->lock);
	vnic_cfg_build_pf(&vnic_bus_fn(bus, VNIC_PF)->cfg, total_vfs);

	err = vnic_blocks_alloc(bus);
	if (err)
		goto err_bus;
	vnic_bus_init_fns(bus);
	err = vnic_domain_nr_get(VNIC_DOMAIN_MIN, VNIC_DOMAIN_MAX);
	if (err < 0)
		goto err_blocks;
	bus->sysdata.domain = err;
	err = vnic_bus_add_parent(bus, platdata, platdata_size);
	if (err)
		goto err_domain;
	err = vnic_msi_init(bus);
	if (err)
		goto err_parent;
	bus->nb.notifier_call = vnic_bus_notify;
	bus->nb.priority = 1;	/* before those who look at BARs and IOMMU */
	err = bus_register_notifier(&pci_bus_type, &bus->nb);
	if (err)
		goto err_msi;
	err = vnic_bus_add_bridge(bus);
	if (err)
		goto err_notifier;
	ad->bus = bus;
	err = vnic_bus_scan(bus);
	if (err)
		goto err_bridge;
	return bus;

err_bridge:
	ad->bus = NULL;
	pci_free_host_bridge(bus->bridge);
err_notifier:
	bus_unregister_notifier(&pci_bus_type, &bus->nb);
err_msi:
	vnic_msi_exit(bus);
err_parent:
	platform_device_unregister(bus->parent);
err_domain:
	vnic_domain_nr_put(bus->sysdata.domain);
err_blocks:
	vnic_blocks_free(bus);
err_bus:
	kvfree(bus);
	return ERR_PTR(err);
}

/**
 * vnic_bus_destroy - remove all devices of a bus, and the bus
 * @bus: bus
 *
 * Context: process; drivers on the bus are unbound.
 */
void vnic_bus_destroy(struct vnic_bus *bus)
{
	pci_lock_rescan_remove();
	pci_stop_root_bus(bus->bridge->bus);
	pci_remove_root_bus(bus->bridge->bus);
	pci_unlock_rescan_remove();
	bus->ad->bus = NULL;

	pci_free_host_bridge(bus->bridge);
	bus_unregister_notifier(&pci_bus_type, &bus->nb);
	vnic_msi_exit(bus);
	platform_device_unregister(bus->parent);
	vnic_domain_nr_put(bus->sysdata.domain);
	vnic_blocks_free(bus);
	kvfree(bus);
}
