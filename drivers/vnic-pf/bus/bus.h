/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The software PCI bus: one host bridge and PCI domain per adapter, the
 * configuration spaces of the PF and its VFs, their BAR memory, and MSI-X
 * towards drivers on this host.
 *
 * The lowest layer: it knows nothing of networking and calls upwards only
 * through struct vnic_bus_ops.
 */
#ifndef _VNIC_BUS_H
#define _VNIC_BUS_H

#include <linux/pci.h>
#include <linux/types.h>

struct vnic_adapter;
struct vnic_bus;

#define VNIC_PF		(-1)	/* "vf" argument that means the PF */

/**
 * struct vnic_bus_ops - what the bus tells the device model
 * @vf_present: does VF @vf have a device model (does it answer config reads)?
 * @bus_master: bus-master enable of a function changed (PCI 3.0 6.2.2)
 * @flr: function-level reset was initiated (PCIe 6.6.2); the model starts it
 *	and returns, completion shows in @in_reset
 * @in_reset: is the function still resetting?  Asked after @flr only: until it
 *	says no, the config space reads all-ones (PCIe: no completion), which
 *	pci_dev_wait() understands
 *
 * All of them are called from configuration accesses: any context, perhaps
 * with interrupts off under a raw spinlock.  @vf is VNIC_PF or the VF's index.
 */
struct vnic_bus_ops {
	bool	(*vf_present)(struct vnic_adapter *ad, int vf);
	void	(*bus_master)(struct vnic_adapter *ad, int vf, bool on);
	void	(*flr)(struct vnic_adapter *ad, int vf);
	bool	(*in_reset)(struct vnic_adapter *ad, int vf);
};

/* bus.c: creation (scans and probes: ops are called before it returns; ad->bus
 * is set by then)
 */
struct vnic_bus *vnic_bus_create(struct vnic_adapter *ad, unsigned int total_vfs,
				 const struct vnic_bus_ops *ops,
				 const void *platdata, size_t platdata_size);
void vnic_bus_destroy(struct vnic_bus *bus);

/* What vnic-vfio-pci shares with vnic-pf, as it was when that was built: see
 * drivers/include/shared.mk
 */
extern const char vnic_pf_shared[];

/* A pci_dev of ours -> VF index, or VNIC_PF; another's: -ENODEV, which is less */
int vnic_bus_vf_index(struct pci_dev *pdev);

/**
 * vnic_bus_raise - raise an MSI-X vector towards the driver on this host
 * @bus: the bus
 * @vf: VNIC_PF or VF index
 * @vector: entry of the function's MSI-X table
 *
 * Context: any, except NMI.  Nothing happens when the function's MSI-X is off
 * or the vector has no handler; a masked vector stays pending.
 */
void vnic_bus_raise(struct vnic_bus *bus, int vf, unsigned int vector);

/* MSI-X table size of a VF (the capability's Table Size + 1).  Process
 * context; the caller has checked the pool and that no driver is bound.
 */
void vnic_bus_set_vectors(struct vnic_bus *bus, int vf, unsigned int vectors);

/* Is bus mastering on for the function?  Any context. */
bool vnic_bus_is_master(struct vnic_bus *bus, int vf);

#endif /* _VNIC_BUS_H */
