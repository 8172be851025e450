/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A PCI configuration space in memory: values, and for each bit whether it is
 * read-only, read-write or write-1-to-clear.
 *
 * Used by the bus for PF and VFs, and by vnic-vfio-pci for what a guest sees
 * of its VF.  Pure: no locks, no allocation; the owner serialises writers.
 */
#ifndef _VNIC_CONFIG_H
#define _VNIC_CONFIG_H

#include <linux/types.h>

#define VNIC_CFG_SIZE		4096	/* bytes a function answers to */
#define VNIC_CFG_STORED		0x140	/* of them kept; the rest reads 0 */

/* Where the capabilities are, the same for PF and VF */
#define VNIC_CFG_PM_CAP		0x40
#define VNIC_CFG_EXP_CAP	0x50
#define VNIC_CFG_MSIX_CAP	0x90
#define VNIC_CFG_EXT_FIRST	0x100	/* SR-IOV in the PF */

/**
 * struct vnic_cfg - a configuration space
 * @val: current bytes, little-endian
 * @rw: bits that a write sets to what it says
 */
struct vnic_cfg {
	u8	val[VNIC_CFG_STORED];
	u8	rw[VNIC_CFG_STORED];
};

u32 vnic_cfg_read(const struct vnic_cfg *cfg, unsigned int off, unsigned int size);
void vnic_cfg_write(struct vnic_cfg *cfg, unsigned int off, unsigned int size, u32 val);

/* Does this write initiate a function-level reset?  (The bit itself reads 0.) */
bool vnic_cfg_is_flr(unsigned int off, unsigned int size, u32 val);
/* What a function-level reset does to the registers.  BARs, the MSI-X table
 * size and, in a PF, the SR-IOV capability keep their values.
 */
void vnic_cfg_reset(struct vnic_cfg *cfg);

/* set value and masks of a field when building a space */
void vnic_cfg_set8(struct vnic_cfg *cfg, unsigned int off, u8 val, u8 rw);
void vnic_cfg_set16(struct vnic_cfg *cfg, unsigned int off, u16 val, u16 rw);
void vnic_cfg_set32(struct vnic_cfg *cfg, unsigned int off, u32 val, u32 rw);

/* Table Size of the MSI-X capability */
void vnic_cfg_set_vectors(struct vnic_cfg *cfg, unsigned int vectors);

/* Templates.  @vectors: MSI-X table size. */
void vnic_cfg_build_pf(struct vnic_cfg *cfg, unsigned int total_vfs);
void vnic_cfg_build_vf(struct vnic_cfg *cfg, unsigned int vectors);
/* As vnic_cfg_build_vf(), as a guest sees it: vendor and device id filled in,
 * BAR0 and BAR2 sized and writable, memory enable writable.
 */
void vnic_cfg_build_guest(struct vnic_cfg *cfg, unsigned int vectors);

#endif /* _VNIC_CONFIG_H */
