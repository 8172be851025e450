// SPDX-License-Identifier: GPL-2.0
/*
 * PCI configuration spaces in memory: access by the masks of each bit, and the
 * templates of PF, VF and VF as a guest sees it.
 */
#include <linux/pci.h>
#include <linux/string.h>
#include <linux/unaligned.h>
#include <vnic/vnic_regs.h>

#include "compat.h"
#include "config.h"
#include "priv.h"

#define EXP	VNIC_CFG_EXP_CAP
#define MSIX	VNIC_CFG_MSIX_CAP
#define SRIOV	VNIC_CFG_EXT_FIRST

/* The byte of Device Control in which FLR is initiated, and the bit there. */
#define FLR_BYTE	(EXP + PCI_EXP_DEVCTL + 1)
#define FLR_BIT		(PCI_EXP_DEVCTL_BCR_FLR >> 8)

#define MEM64		PCI_BASE_ADDRESS_MEM_TYPE_64

/**
 * vnic_cfg_read - read a field
 * @cfg: space
 * @off: first byte
 * @size: bytes, 1 to 4
 *
 * Return: the value; bytes beyond VNIC_CFG_STORED read 0.
 */
u32 vnic_cfg_read(const struct vnic_cfg *cfg, unsigned int off, unsigned int size)
{
	u32 val = 0;
	unsigned int i;

	for (i = 0; i < size && i < 4; i++)
		if (off + i < VNIC_CFG_STORED)
			val |= (u32)cfg->val[off + i] << (8 * i);
	return val;
}
EXPORT_SYMBOL_VNIC(vnic_cfg_read);

/**
 * vnic_cfg_write - write a field, each bit as its masks say
 * @cfg: space
 * @off: first byte
 * @size: bytes, 1 to 4
 * @val: value
 */
void vnic_cfg_write(struct vnic_cfg *cfg, unsigned int off, unsigned int size, u32 val)
{
	unsigned int i;

	for (i = 0; i < size && i < 4 && off + i < VNIC_CFG_STORED; i++) {
		u8 new = val >> (8 * i), *p = &cfg->val[off + i];

		*p = (*p & ~cfg->rw[off + i]) | (new & cfg->rw[off + i]);
	}
}
EXPORT_SYMBOL_VNIC(vnic_cfg_write);

bool vnic_cfg_is_flr(unsigned int off, unsigned int size, u32 val)
{
	if (size > 4 || off > FLR_BYTE || off + size <= FLR_BYTE)
		return false;
	return (val >> (8 * (FLR_BYTE - off))) & FLR_BIT;
}
EXPORT_SYMBOL_VNIC(vnic_cfg_is_flr);

void vnic_cfg_reset(struct vnic_cfg *cfg)
{
	vnic_cfg_write(cfg, PCI_COMMAND, 2, 0);
	vnic_cfg_write(cfg, PCI_CACHE_LINE_SIZE, 1, 0);
	vnic_cfg_write(cfg, PCI_INTERRUPT_LINE, 1, 0);
	vnic_cfg_write(cfg, VNIC_CFG_PM_CAP + PCI_PM_CTRL, 2, 0);
	vnic_cfg_write(cfg, EXP + PCI_EXP_DEVCTL, 2, 0);
	vnic_cfg_write(cfg, MSIX + PCI_MSIX_FLAGS, 2, 0);
}
EXPORT_SYMBOL_VNIC(vnic_cfg_reset);

void vnic_cfg_set8(struct vnic_cfg *cfg, unsigned int off, u8 val, u8 rw)
{
	cfg->val[off] = val;
	cfg->rw[off] = rw;
}

void vnic_cfg_set16(struct vnic_cfg *cfg, unsigned int off, u16 val, u16 rw)
{
	put_unaligned_le16(val, &cfg->val[off]);
	put_unaligned_le16(rw, &cfg->rw[off]);
}

void vnic_cfg_set32(struct vnic_cfg *cfg, unsigned int off, u32 val, u32 rw)
{
	put_unaligned_le32(val, &cfg->val[off]);
	put_unaligned_le32(rw, &cfg->rw[off]);
}

void vnic_cfg_set_vectors(struct vnic_cfg *cfg, unsigned int vectors)
{
	u16 flags = vnic_cfg_read(cfg, MSIX + PCI_MSIX_FLAGS, 2);

	flags &= ~PCI_MSIX_FLAGS_QSIZE;
	vnic_cfg_set16(cfg, MSIX + PCI_MSIX_FLAGS, flags | (vectors - 1),
		       PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
}

/* A 64-bit memory BAR of @size bytes (a power of two). */
static void build_bar(struct vnic_cfg *cfg, unsigned int off, u32 size)
{
	vnic_cfg_set32(cfg, off, MEM64, ~(size - 1));
	vnic_cfg_set32(cfg, off + 4, 0, ~0u);
}

static void build_header(struct vnic_cfg *cfg, u16 vendor, u16 device, u16 sub, u16 command_rw)
{
	memset(cfg, 0, sizeof(*cfg));
	vnic_cfg_set16(cfg, PCI_VENDOR_ID, vendor, 0);
	vnic_cfg_set16(cfg, PCI_DEVICE_ID, device, 0);
	vnic_cfg_set16(cfg, PCI_COMMAND, 0, command_rw);
	vnic_cfg_set16(cfg, PCI_STATUS, PCI_STATUS_CAP_LIST, 0);
	vnic_cfg_set8(cfg, PCI_CLASS_REVISION, VNIC_PCI_REVISION, 0);
	vnic_cfg_set16(cfg, PCI_CLASS_DEVICE, PCI_CLASS_NETWORK_ETHERNET, 0);
	vnic_cfg_set16(cfg, PCI_SUBSYSTEM_VENDOR_ID, VNIC_PCI_VENDOR_ID, 0);
	vnic_cfg_set16(cfg, PCI_SUBSYSTEM_ID, sub, 0);
	vnic_cfg_set8(cfg, PCI_CAPABILITY_LIST, VNIC_CFG_PM_CAP, 0);
}

/* Power management: D0 and D3hot, nothing is lost in between. */
static void build_pm(struct vnic_cfg *cfg)
{
	vnic_cfg_set8(cfg, VNIC_CFG_PM_CAP, PCI_CAP_ID_PM, 0);
	vnic_cfg_set8(cfg, VNIC_CFG_PM_CAP + PCI_CAP_LIST_NEXT, EXP, 0);
	vnic_cfg_set16(cfg, VNIC_CFG_PM_CAP + PCI_PM_PMC, 3, 0);
	vnic_cfg_set16(cfg, VNIC_CFG_PM_CAP + PCI_PM_CTRL, PCI_PM_CTRL_NO_SOFT_RESET,
		       PCI_PM_CTRL_STATE_MASK);
}

/* PCI Express: an endpoint on the root bus (it has no link), with FLR. */
static void build_express(struct vnic_cfg *cfg, u16 devctl_rw)
{
	vnic_cfg_set8(cfg, EXP, PCI_CAP_ID_EXP, 0);
	vnic_cfg_set8(cfg, EXP + PCI_CAP_LIST_NEXT, MSIX, 0);
	vnic_cfg_set16(cfg, EXP + PCI_EXP_FLAGS, 2 | PCI_EXP_TYPE_RC_END << 4, 0);
	vnic_cfg_set32(cfg, EXP + PCI_EXP_DEVCAP, PCI_EXP_DEVCAP_FLR | PCI_EXP_DEVCAP_RBER, 0);
	vnic_cfg_set16(cfg, EXP + PCI_EXP_DEVCTL, 0, devctl_rw);
}

static void build_msix(struct vnic_cfg *cfg, unsigned int vectors)
{
	vnic_cfg_set8(cfg, MSIX, PCI_CAP_ID_MSIX, 0);
	vnic_cfg_set_vectors(cfg, vectors);
	vnic_cfg_set32(cfg, MSIX + PCI_MSIX_TABLE, VNIC_MSIX_TABLE_OFFSET | VNIC_BAR_MSIX, 0);
	vnic_cfg_set32(cfg, MSIX + PCI_MSIX_PBA, VNIC_MSIX_PBA_OFFSET | VNIC_BAR_MSIX, 0);
}

static void build_sriov(struct vnic_cfg *cfg, unsigned int total_vfs)
{
	vnic_cfg_set32(cfg, SRIOV, PCI_EXT_CAP_ID_SRIOV | 1 << 16, 0);
	vnic_cfg_set16(cfg, SRIOV + PCI_SRIOV_CTRL, 0, PCI_SRIOV_CTRL_VFE | PCI_SRIOV_CTRL_MSE);
	vnic_cfg_set16(cfg, SRIOV + PCI_SRIOV_INITIAL_VF, total_vfs, 0);
	vnic_cfg_set16(cfg, SRIOV + PCI_SRIOV_TOTAL_VF, total_vfs, 0);
	vnic_cfg_set16(cfg, SRIOV + PCI_SRIOV_NUM_VF, 0, 0xffff);
	vnic_cfg_set16(cfg, SRIOV + PCI_SRIOV_VF_OFFSET, VNIC_VF_OFFSET, 0);
	vnic_cfg_set16(cfg, SRIOV + PCI_SRIOV_VF_STRIDE, VNIC_VF_STRIDE, 0);
	vnic_cfg_set16(cfg, SRIOV + PCI_SRIOV_VF_DID, VNIC_PCI_DEVICE_ID_VF, 0);
	/* 4 KiB pages, in units of the capability */
	vnic_cfg_set32(cfg, SRIOV + PCI_SRIOV_SUP_PGSIZE, 1, 0);
	vnic_cfg_set32(cfg, SRIOV + PCI_SRIOV_SYS_PGSIZE, 1, 0);
	build_bar(cfg, VNIC_CFG_VF_BAR(VNIC_BAR_CTRL), VNIC_BAR_CTRL_SIZE);
	build_bar(cfg, VNIC_CFG_VF_BAR(VNIC_BAR_MSIX), VNIC_BAR_MSIX_SIZE);
}

/**
 * vnic_cfg_build_pf - the PF's configuration space
 * @cfg: space
 * @total_vfs: TotalVFs
 */
void vnic_cfg_build_pf(struct vnic_cfg *cfg, unsigned int total_vfs)
{
	build_header(cfg, VNIC_PCI_VENDOR_ID, VNIC_PCI_DEVICE_ID_PF, VNIC_PCI_DEVICE_ID_PF,
		     PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_PARITY |
		     PCI_COMMAND_SERR | PCI_COMMAND_INTX_DISABLE);
	vnic_cfg_set8(cfg, PCI_CACHE_LINE_SIZE, 0, 0xff);
	vnic_cfg_set8(cfg, PCI_INTERRUPT_LINE, 0, 0xff);
	build_bar(cfg, VNIC_CFG_BAR(VNIC_BAR_MSIX), VNIC_BAR_MSIX_SIZE);
	build_pm(cfg);
	build_express(cfg, PCI_EXP_DEVCTL_CERE | PCI_EXP_DEVCTL_NFERE | PCI_EXP_DEVCTL_FERE |
		      PCI_EXP_DEVCTL_URRE | PCI_EXP_DEVCTL_RELAX_EN |
		      PCI_EXP_DEVCTL_NOSNOOP_EN | PCI_EXP_DEVCTL_READRQ);
	build_msix(cfg, VNIC_PF_VECTORS);
	build_sriov(cfg, total_vfs);
}

/**
 * vnic_cfg_build_vf - a VF's configuration space
 * @cfg: space
 * @vectors: MSI-X table size
 *
 * Vendor and device id read 0xffff and the BARs 0, as PCIe 9.3.4 demands.
 */
void vnic_cfg_build_vf(struct vnic_cfg *cfg, unsigned int vectors)
{
	build_header(cfg, 0xffff, 0xffff, VNIC_PCI_DEVICE_ID_VF, PCI_COMMAND_MASTER);
	build_pm(cfg);
	build_express(cfg, 0);
	build_msix(cfg, vectors);
}

/**
 * vnic_cfg_build_guest - a VF's configuration space as a guest sees it
 * @cfg: space
 * @vectors: MSI-X table size
 */
void vnic_cfg_build_guest(struct vnic_cfg *cfg, unsigned int vectors)
{
	vnic_cfg_build_vf(cfg, vectors);
	vnic_cfg_set16(cfg, PCI_VENDOR_ID, VNIC_PCI_VENDOR_ID, 0);
	vnic_cfg_set16(cfg, PCI_DEVICE_ID, VNIC_PCI_DEVICE_ID_VF, 0);
	vnic_cfg_set16(cfg, PCI_COMMAND, 0, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	build_bar(cfg, VNIC_CFG_BAR(VNIC_BAR_CTRL), VNIC_BAR_CTRL_SIZE);
	build_bar(cfg, VNIC_CFG_BAR(VNIC_BAR_MSIX), VNIC_BAR_MSIX_SIZE);
}
EXPORT_SYMBOL_VNIC(vnic_cfg_build_guest);
