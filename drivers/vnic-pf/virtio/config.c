// SPDX-License-Identifier: GPL-2.0
/*
 * What a guest's configuration space has of a virtio device (4.1.2, 4.1.4): ids, and
 * the capabilities that say where in BAR0 what is.
 */
#include <linux/pci_regs.h>
#include <linux/virtio_ids.h>

#include "../bus/config.h"
#include "virtio.h"

#define VNIC_VIRTIO_VENDOR	0x1af4
#define VNIC_VIRTIO_DEVICE_ID	(0x1040 + VIRTIO_ID_NET)
#define VNIC_VIRTIO_REVISION	1

/* A capability at @off, behind which another one is at @next.  Its length */
static void vnic_virtio_cap(struct vnic_cfg *cfg, unsigned int off, unsigned int next,
			    u8 type, u8 size, u32 offset, u32 length)
{
	vnic_cfg_set8(cfg, off + VIRTIO_PCI_CAP_VNDR, PCI_CAP_ID_VNDR, 0);
	vnic_cfg_set8(cfg, off + VIRTIO_PCI_CAP_NEXT, next, 0);
	vnic_cfg_set8(cfg, off + VIRTIO_PCI_CAP_LEN, size, 0);
	vnic_cfg_set8(cfg, off + VIRTIO_PCI_CAP_CFG_TYPE, type, 0);
	vnic_cfg_set8(cfg, off + VIRTIO_PCI_CAP_BAR, VNIC_BAR_CTRL, 0);
	vnic_cfg_set32(cfg, off + VIRTIO_PCI_CAP_OFFSET, offset, 0);
	vnic_cfg_set32(cfg, off + VIRTIO_PCI_CAP_LENGTH, length, 0);
}

/* The window through which BAR0 is reached: the driver says where it looks. */
static void vnic_virtio_window(struct vnic_cfg *cfg, unsigned int off)
{
	vnic_virtio_cap(cfg, off, 0, VIRTIO_PCI_CAP_PCI_CFG, sizeof(struct virtio_pci_cfg_cap),
			0, 0);
	vnic_cfg_set8(cfg, off + VIRTIO_PCI_CAP_BAR, VNIC_BAR_CTRL, 0xff);
	vnic_cfg_set32(cfg, off + VIRTIO_PCI_CAP_OFFSET, 0, ~0U);
	vnic_cfg_set32(cfg, off + VIRTIO_PCI_CAP_LENGTH, 0, ~0U);
}

void vnic_virtio_config(const struct vnic_fn *fn, struct vnic_cfg *cfg)
{
	const unsigned int common = VNIC_CFG_MSIX_CAP + 0x10, isr = common + 0x10;
	const unsigned int device = isr + 0x10, notify = device + 0x10;

	static_assert(VNIC_CFG_MSIX_CAP + 0x10 + 4 * 0x10 + 4 == VNIC_VIRTIO_WINDOW);
	vnic_cfg_set16(cfg, PCI_VENDOR_ID, VNIC_VIRTIO_VENDOR, 0);
	vnic_cfg_set16(cfg, PCI_DEVICE_ID, VNIC_VIRTIO_DEVICE_ID, 0);
	vnic_cfg_set8(cfg, PCI_REVISION_ID, VNIC_VIRTIO_REVISION, 0);
	vnic_cfg_set8(cfg, VNIC_CFG_MSIX_CAP + PCI_CAP_LIST_NEXT, common, 0);
	vnic_virtio_cap(cfg, common, isr, VIRTIO_PCI_CAP_COMMON_CFG, sizeof(struct virtio_pci_cap),
			VNIC_VIRTIO_COMMON, VNIC_VIRTIO_COMMON_LEN);
	vnic_virtio_cap(cfg, isr, device, VIRTIO_PCI_CAP_ISR_CFG, sizeof(struct virtio_pci_cap),
			VNIC_VIRTIO_ISR, 1);
	vnic_virtio_cap(cfg, device, notify, VIRTIO_PCI_CAP_DEVICE_CFG,
			sizeof(struct virtio_pci_cap), VNIC_VIRTIO_DEVICE, VNIC_VIRTIO_DEVICE_LEN);
	vnic_virtio_cap(cfg, notify, VNIC_VIRTIO_WINDOW, VIRTIO_PCI_CAP_NOTIFY_CFG,
			sizeof(struct virtio_pci_notify_cap), VNIC_DOORBELL_BASE, PAGE_SIZE);
	vnic_cfg_set32(cfg, notify + VIRTIO_PCI_NOTIFY_CAP_MULT, VNIC_VQ_NOTIFY, 0);
	vnic_virtio_window(cfg, VNIC_VIRTIO_WINDOW);
}
