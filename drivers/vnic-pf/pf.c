// SPDX-License-Identifier: GPL-2.0
/*
 * The PF's PCI driver: switch and PF netdev while it is bound, VFs by
 * sriov_numvfs, the pool of MSI-X vectors, and what a reset of the PF does.
 *
 * Everything here runs under the PF's device_lock, so that neither the VFs nor
 * the vector pool change meanwhile.
 */
#include <linux/module.h>
#include <linux/pci.h>

#include "bus/bus.h"
#include "model/fn.h"
#include "net/net.h"
#include "pf.h"
#include "switch/port.h"
#include "vnic.h"

/* A VF's model by index; under the PF's device_lock. */
static struct vnic_fn *pf_vf(struct vnic_adapter *ad, unsigned int vf)
{
	return rcu_dereference_protected(ad->vfs[vf], lockdep_is_held(&ad->pf->dev.mutex));
}

static int vnic_pf_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct vnic_adapter *ad = vnic_adapter_of(pdev);
	int err;

	if (!ad)
		return -ENODEV;
	err = pci_enable_device_mem(pdev);
	if (err)
		return err;
	ad->pf = pdev;
	ad->sw = vnic_switch_create(ad);
	if (IS_ERR(ad->sw)) {
		err = PTR_ERR(ad->sw);
		goto err_device;
	}
	err = vnic_net_create(ad);
	if (err)
		goto err_switch;
	return 0;

err_switch:
	vnic_switch_destroy(ad->sw);
err_device:
	ad->sw = NULL;
	ad->pf = NULL;
	pci_disable_device(pdev);
	return err;
}

static void vnic_pf_disable_vfs(struct vnic_adapter *ad)
{
	if (!pci_num_vf(ad->pf))
		return;
	pci_disable_sriov(ad->pf);
	vnic_net_del_vfs(ad);
	vnic_fns_destroy(ad);
}

static void vnic_pf_remove(struct pci_dev *pdev)
{
	struct vnic_adapter *ad = vnic_adapter_of(pdev);

	vnic_pf_disable_vfs(ad);
	vnic_net_destroy(ad);
	vnic_switch_destroy(ad->sw);
	ad->sw = NULL;
	ad->pf = NULL;
	pci_disable_device(pdev);
}

/*
 * rtnetlink's list of VFs is one attribute of 64 KiB at most, and with its counters a VF
 * takes 296 bytes of it.  What does not fit is not refused: the length wraps.
 */
#define VNIC_VFINFO_MAX	((U16_MAX + 1) / 296)

static void vnic_pf_tell_many(const struct vnic_adapter *ad, int n)
{
	if (n > VNIC_VFINFO_MAX)
		pci_info(ad->pf, "of more than %u VFs ip -s link shows a part, and ip link set ... vf N with only one of max_tx_rate and min_tx_rate finds a part: give both, or use devlink\n",
			 VNIC_VFINFO_MAX);
}

static int vnic_pf_enable_vfs(struct vnic_adapter *ad, int n)
{
	int err = vnic_fns_create(ad, n);

	if (err) {
		pci_err(ad->pf, "cannot create %d VFs: %pe\n", n, ERR_PTR(err));
		return err;
	}
	err = vnic_net_add_vfs(ad, n);
	if (err)
		goto err_fns;
	err = pci_enable_sriov(ad->pf, n);
	if (err)
		goto err_net;
	vnic_pf_tell_many(ad, n);
	return n;

err_net:
	vnic_net_del_vfs(ad);
err_fns:
	vnic_fns_destroy(ad);
	return err;
}

static int vnic_pf_sriov_configure(struct pci_dev *pdev, int n)
{
	struct vnic_adapter *ad = vnic_adapter_of(pdev);

	if (n)
		return vnic_pf_enable_vfs(ad, n);
	if (!vnic_fns_retire(ad)) {
		pci_err(pdev, "VFs are in use by guests: detach them first\n");
		return -EBUSY;
	}
	vnic_pf_disable_vfs(ad);
	return 0;
}

static unsigned int vnic_pf_pool(const struct vnic_adapter *ad)
{
	return ad->total_vfs * VNIC_POOL_VECTORS + VNIC_EXTRA_VECTORS;
}

static u32 vnic_pf_get_vf_total_msix(struct pci_dev *pdev)
{
	return vnic_pf_pool(vnic_adapter_of(pdev));
}

/* The PCI core has made sure that no driver is bound to the VF. */
static int vnic_pf_set_msix_vec_count(struct pci_dev *vf, int count)
{
	struct vnic_adapter *ad = vnic_adapter_of(vf);
	unsigned int index = vnic_bus_vf_index(vf), left = vnic_pf_pool(ad), i;
	unsigned int vectors = count ?: VNIC_DEF_VECTORS;

	if (vectors < VNIC_MIN_VECTORS || vectors > VNIC_MAX_VECTORS) {
		pci_err(vf, "%d MSI-X vectors refused: %d to %d, or 0 for the default of %d\n",
			count, VNIC_MIN_VECTORS, VNIC_MAX_VECTORS, VNIC_DEF_VECTORS);
		return -EINVAL;
	}
	for (i = 0; i < ad->num_vfs; i++)
		if (i != index)
			left -= pf_vf(ad, i)->vectors;
	if (vectors > left) {
		pci_err(vf, "%u MSI-X vectors refused: the pool of %u has %u left for this VF\n",
			vectors, vnic_pf_pool(ad), left);
		return -ENOSPC;
	}
	vnic_fn_set_vectors(pf_vf(ad, index), vectors);
	vnic_bus_set_vectors(ad->bus, index, vectors);
	return 0;
}

static void vnic_pf_reset_prepare(struct pci_dev *pdev)
{
	pci_info(pdev, "reset: its %u VFs are reset with it\n", vnic_adapter_of(pdev)->num_vfs);
}

/* The VFs keep what the host configured; their drivers are told, and start over. */
static void vnic_pf_reset_done(struct pci_dev *pdev)
{
	vnic_fns_reset(vnic_adapter_of(pdev));
}

static const struct pci_error_handlers vnic_pf_err_handler = {
	.reset_prepare	= vnic_pf_reset_prepare,
	.reset_done	= vnic_pf_reset_done,
};

static const struct pci_device_id vnic_pf_ids[] = {
	{ PCI_DEVICE(VNIC_PCI_VENDOR_ID, VNIC_PCI_DEVICE_ID_PF) },
	{ }
};
MODULE_DEVICE_TABLE(pci, vnic_pf_ids);

struct pci_driver vnic_pf_driver = {
	.name				= "vnic-pf",
	.id_table			= vnic_pf_ids,
	.probe				= vnic_pf_probe,
	.remove				= vnic_pf_remove,
	.sriov_configure		= vnic_pf_sriov_configure,
	.sriov_get_vf_total_msix	= vnic_pf_get_vf_total_msix,
	.sriov_set_msix_vec_count	= vnic_pf_set_msix_vec_count,
	.err_handler			= &vnic_pf_err_handler,
};
