// SPDX-License-Identifier: GPL-2.0
/*
 * Where the device model meets this host: the entry points of a VF driver that
 * runs here (drivers/include/vnic_host.h), and what the software bus tells of
 * accesses to configuration space.
 */
#include <linux/pci.h>
#include <linux/rcupdate.h>

#include <vnic_host.h>

#include "../bus/bus.h"
#include "fn.h"

static void vnic_host_raise(void *priv, unsigned int vector)
{
	struct vnic_fn *fn = priv;

	vnic_bus_raise(fn->ad->bus, fn->index, vector);
}

static const struct vnic_backend_ops vnic_host_backend = {
	.raise	= vnic_host_raise,
};

static struct vnic_fn *vnic_host_open(struct pci_dev *pdev)
{
	struct vnic_fn *fn = vnic_fn_of(pdev);
	struct vnic_as *as;
	int err;

	if (!fn)
		return ERR_PTR(-ENODEV);
	as = vnic_as_host(&pdev->dev);
	if (!as)
		return ERR_PTR(-ENOMEM);
	err = vnic_fn_attach(fn, &vnic_host_backend, fn, as);
	if (err) {
		vnic_as_free(as);
		return ERR_PTR(err);
	}
	return fn;
}

static u32 vnic_host_read(struct vnic_fn *fn, u32 offset)
{
	return vnic_fn_read(fn, offset, sizeof(u32));
}

static void vnic_host_write(struct vnic_fn *fn, u32 offset, u32 value)
{
	vnic_fn_write(fn, offset, sizeof(u32), value);
}

const struct vnic_host_ops vnic_host_ops = {
	.magic	= VNIC_HOST_MAGIC,
	.open	= vnic_host_open,
	.close	= vnic_fn_detach,
	.read	= vnic_host_read,
	.write	= vnic_host_write,
};

static bool vnic_model_vf_present(struct vnic_adapter *ad, int vf)
{
	return rcu_access_pointer(ad->vfs[vf]);
}

/* A guest has a configuration space of its own, see vnic_fn_set_master(). */
static void vnic_model_bus_master(struct vnic_adapter *ad, int vf, bool on)
{
	struct vnic_fn *fn;

	if (vf == VNIC_PF)
		return;
	rcu_read_lock();
	fn = rcu_dereference(ad->vfs[vf]);
	if (fn && !test_bit(VNIC_FN_GUEST, &fn->flags))
		vnic_fn_set_master(fn, on);
	rcu_read_unlock();
}

/*
 * The PF's driver resets the VFs once the PCI core has restored the PF (pf.c), and
 * vnic-vfio-pci has reset a guest's before this: as far as its driver can bear it.
 */
static void vnic_model_flr(struct vnic_adapter *ad, int vf)
{
	struct vnic_fn *fn;

	if (vf == VNIC_PF)
		return;
	rcu_read_lock();
	fn = rcu_dereference(ad->vfs[vf]);
	if (fn && !(test_bit(VNIC_FN_GUEST, &fn->flags) && READ_ONCE(fn->pers)->blind))
		vnic_fn_reset_async(fn);
	rcu_read_unlock();
}

static bool vnic_model_in_reset(struct vnic_adapter *ad, int vf)
{
	struct vnic_fn *fn;
	bool resetting;

	if (vf == VNIC_PF)
		return false;
	rcu_read_lock();
	fn = rcu_dereference(ad->vfs[vf]);
	resetting = fn && vnic_fn_resetting(fn);
	rcu_read_unlock();
	return resetting;
}

const struct vnic_bus_ops vnic_model_bus_ops = {
	.vf_present	= vnic_model_vf_present,
	.bus_master	= vnic_model_bus_master,
	.flr		= vnic_model_flr,
	.in_reset	= vnic_model_in_reset,
};
