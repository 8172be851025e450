// SPDX-License-Identifier: GPL-2.0
/*
 * Module parameters, and the adapters' lifetime: from load to unload.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "bus/bus.h"
#include "compat.h"
#include "model/fn.h"
#include "net/net.h"
#include "personality.h"
#include "pf.h"
#include "vnic.h"
#include "vnic_host.h"
#include "vnic_iommu.h"

static unsigned int adapters = 1;
module_param(adapters, uint, 0444);
MODULE_PARM_DESC(adapters, "Number of adapters, 1 to 8 (default 1)");

static unsigned int total_vfs = VNIC_DEF_VFS;
module_param(total_vfs, uint, 0444);
MODULE_PARM_DESC(total_vfs, "VFs an adapter can have, 1 to 256 (default 64)");

static unsigned int memory = VNIC_DEF_MEMORY;
module_param(memory, uint, 0444);
MODULE_PARM_DESC(memory, "Packet memory of an adapter in MiB, 1 to 1024 (default 16)");

static struct vnic_adapter *vnic_adapters[VNIC_MAX_ADAPTERS];

static struct vnic_adapter *vnic_adapter_create(int id)
{
	struct vnic_adapter *ad = kzalloc(sizeof(*ad), GFP_KERNEL);
	struct vnic_bus *bus;

	if (!ad)
		return ERR_PTR(-ENOMEM);
	ad->id = id;
	ad->total_vfs = total_vfs;
	ad->memory_size = memory * SZ_1M;
	ad->host_pers = vnic_personality_host();
	ad->guest_pers = vnic_personality_default();
	mutex_init(&ad->lock);
	bus = vnic_bus_create(ad, total_vfs, &vnic_model_bus_ops, &vnic_host_ops,
			      sizeof(vnic_host_ops));
	if (IS_ERR(bus)) {
		kfree(ad);
		return ERR_CAST(bus);
	}
	return ad;
}

static void vnic_adapters_destroy(void)
{
	int i;

	for (i = VNIC_MAX_ADAPTERS - 1; i >= 0; i--) {
		if (!vnic_adapters[i])
			continue;
		vnic_bus_destroy(vnic_adapters[i]->bus);
		mutex_destroy(&vnic_adapters[i]->lock);
		kfree(vnic_adapters[i]);
		vnic_adapters[i] = NULL;
	}
}

static bool vnic_param_ok(const char *name, unsigned int value, unsigned int max)
{
	if (value >= 1 && value <= max)
		return true;
	pr_err("%s=%u is out of range: 1 to %u\n", name, value, max);
	return false;
}

static int __init vnic_init(void)
{
	unsigned int i;
	int err;

	if (IS_ENABLED(CONFIG_IOMMU_API) && strcmp(vnic_iommu_shared, VNIC_IOMMU_SHARED)) {
		pr_err("vnic-iommu is loaded from another build: reload vnic-iommu\n");
		return -EINVAL;
	}
	vnic_address_init();
	if (!vnic_personality_default()) {
		pr_err("personality=%s refused: " VNIC_PERSONALITIES " are accepted\n",
		       vnic_personality_asked());
		return -EINVAL;
	}
	if (!vnic_param_ok("adapters", adapters, VNIC_MAX_ADAPTERS) ||
	    !vnic_param_ok("total_vfs", total_vfs, VNIC_MAX_VFS) ||
	    !vnic_param_ok("memory", memory, VNIC_MAX_MEMORY))
		return -EINVAL;
	for (i = 0; i < adapters; i++) {
		struct vnic_adapter *ad = vnic_adapter_create(i);

		if (IS_ERR(ad)) {
			err = PTR_ERR(ad);
			pr_err("adapter %u of %u cannot be created: %pe\n", i + 1, adapters, ad);
			goto err_adapters;
		}
		vnic_adapters[i] = ad;
	}
	/* The PFs are probed from here: their buses are complete. */
	err = pci_register_driver(&vnic_pf_driver);
	if (err)
		goto err_adapters;
	return 0;

err_adapters:
	vnic_adapters_destroy();
	return err;
}

static void __exit vnic_exit(void)
{
	pci_unregister_driver(&vnic_pf_driver);
	vnic_adapters_destroy();
	vnic_net_exit();
}

module_init(vnic_init);
module_exit(vnic_exit);
VNIC_IMPORT_NS();
MODULE_AUTHOR("The vnic authors");
MODULE_DESCRIPTION("vnic: SR-IOV network adapter in software, PF and device model");
MODULE_LICENSE("GPL");
MODULE_VERSION(VNIC_RELEASE);
