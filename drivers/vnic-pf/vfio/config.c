// SPDX-License-Identifier: GPL-2.0
/*
 * The configuration space a guest sees of its VF, and what writing to it does:
 * bus mastering, memory decoding, power state, function-level reset.
 *
 * It has nothing to do with the VF's configuration space on this host.  The
 * user (QEMU) keeps the MSI-X table and maps the BARs; what the guest writes
 * into MSI-X control is only remembered, and the place of BAR0 matters for the
 * doorbell page alone.
 */
#include <linux/pci_regs.h>
#include <linux/slab.h>
#include <linux/virtio_pci.h>

#include "priv.h"

#define VNIC_VFIO_PMCSR		(VNIC_CFG_PM_CAP + PCI_PM_CTRL)
#define VNIC_VFIO_BAR		(PCI_BASE_ADDRESS_0 + 4 * VNIC_BAR_CTRL)

/* Where the guest has put BAR0; 0: nowhere */
static u64 vnic_vfio_bar(struct vnic_vfio *vv)
{
	u32 lo = vnic_cfg_read(vv->cfg, VNIC_VFIO_BAR, 4);
	u32 hi = vnic_cfg_read(vv->cfg, VNIC_VFIO_BAR + 4, 4);

	return (u64)hi << 32 | (lo & PCI_BASE_ADDRESS_MEM_MASK);
}

/*
 * Make command register and power state come true.  In D3hot nothing is
 * decoded; the driver has stopped what it does not want to go on, and finds
 * the rest as it was (No_Soft_Reset).
 */
static void vnic_vfio_config_apply(struct vnic_vfio *vv)
{
	u16 cmd = vnic_cfg_read(vv->cfg, PCI_COMMAND, 2);
	u16 pm = vnic_cfg_read(vv->cfg, VNIC_VFIO_PMCSR, 2);
	bool d0 = (pm & PCI_PM_CTRL_STATE_MASK) == (__force u16)PCI_D0;
	bool decode = d0 && (cmd & PCI_COMMAND_MEMORY);
	bool master = cmd & PCI_COMMAND_MASTER;
	bool was;

	lockdep_assert_held(&vv->cfg_lock);
	vnic_bell_place(vv, decode ? vnic_vfio_bar(vv) : 0);
	was = vv->decode;
	WRITE_ONCE(vv->decode, decode);
	/* Doorbells rung while nothing was decoded are lost: look now. */
	if (decode && !was)
		vnic_fn_wake_queues(vv->fn);
	if (master == vv->master)
		return;
	vv->master = master;
	vnic_fn_set_master(vv->fn, master);
}

/* What any reset does to it; BARs keep what was written to them. */
static void vnic_vfio_config_clear(struct vnic_vfio *vv)
{
	vnic_cfg_reset(vv->cfg);
	vnic_vfio_config_apply(vv);
}

/**
 * vnic_vfio_config_open - make the config space for a user
 * @vv: the device; its vectors are known, the function is not attached yet
 *
 * Return: 0 or -ENOMEM.
 */
int vnic_vfio_config_open(struct vnic_vfio *vv)
{
	vv->cfg = kvzalloc(sizeof(*vv->cfg), GFP_KERNEL_ACCOUNT);
	if (!vv->cfg)
		return -ENOMEM;
	vv->master = false;
	vv->flr = false;
	vv->decode = false;
	vnic_cfg_build_guest(vv->cfg, vv->vectors);
	return 0;
}

/* The function has been attached, so what the guest meets in it is settled. */
void vnic_vfio_config_attached(struct vnic_vfio *vv)
{
	if (vv->fn->pers->config)
		vv->fn->pers->config(vv->fn, vv->cfg);
}

void vnic_vfio_config_close(struct vnic_vfio *vv)
{
	kvfree(vv->cfg);
	vv->cfg = NULL;
}

/* The user resets the device (VFIO_DEVICE_RESET). */
void vnic_vfio_config_reset(struct vnic_vfio *vv)
{
	mutex_lock(&vv->cfg_lock);
	vnic_vfio_config_clear(vv);
	vv->flr = false;
	mutex_unlock(&vv->cfg_lock);
}

/*
 * An access to the data of a virtio PCI_CFG capability (virtio 1.2, 4.1.4.9) is one to
 * BAR0, where and how wide the capability says.  Bytes; 0: it is none, or to another
 * place.
 */
static u32 vnic_vfio_window(struct vnic_vfio *vv, u32 off, u32 size, u32 *where)
{
	u32 cap = vv->fn->pers->window, len;

	if (!cap || off != cap + sizeof(struct virtio_pci_cap) || !vv->decode)
		return 0;
	if (vnic_cfg_read(vv->cfg, cap + VIRTIO_PCI_CAP_BAR, 1) != VNIC_BAR_CTRL)
		return 0;
	*where = vnic_cfg_read(vv->cfg, cap + VIRTIO_PCI_CAP_OFFSET, 4);
	len = vnic_cfg_read(vv->cfg, cap + VIRTIO_PCI_CAP_LENGTH, 4);
	return len <= size ? len : 0;
}

/* Does the function still work on a reset by the guest?  Then it is not there. */
static bool vnic_vfio_in_flr(struct vnic_vfio *vv)
{
	lockdep_assert_held(&vv->cfg_lock);
	if (vv->flr && !vnic_fn_resetting(vv->fn))
		vv->flr = false;
	return vv->flr;
}

u32 vnic_vfio_config_read(struct vnic_vfio *vv, u32 off, u32 size)
{
	u32 val = ~0U, where, len = 0;

	mutex_lock(&vv->cfg_lock);
	if (!vnic_vfio_in_flr(vv)) {
		val = vnic_cfg_read(vv->cfg, off, size);
		len = vnic_vfio_window(vv, off, size, &where);
	}
	mutex_unlock(&vv->cfg_lock);
	return len ? vnic_fn_read(vv->fn, where, len) : val;
}

/* PCIe 6.6.2: initiated here; the guest waits 100 ms, and then as long as it is not there. */
static void vnic_vfio_flr(struct vnic_vfio *vv)
{
	vnic_vfio_config_clear(vv);
	vv->flr = true;
	vnic_fn_reset_async(vv->fn);
}

void vnic_vfio_config_write(struct vnic_vfio *vv, u32 off, u32 size, u32 val)
{
	u32 where, len = 0;

	mutex_lock(&vv->cfg_lock);
	if (vnic_vfio_in_flr(vv))
		goto unlock;
	if (vnic_cfg_is_flr(off, size, val)) {
		vnic_vfio_flr(vv);
		goto unlock;
	}
	len = vnic_vfio_window(vv, off, size, &where);
	vnic_cfg_write(vv->cfg, off, size, val);
	vnic_vfio_config_apply(vv);
unlock:
	mutex_unlock(&vv->cfg_lock);
	if (len)
		vnic_fn_write(vv->fn, where, len, val & GENMASK(BITS_PER_BYTE * len - 1, 0));
}
