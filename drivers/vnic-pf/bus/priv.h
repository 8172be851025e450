/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the bus share, and nobody else.
 *
 * Files: bus.c bridge, configuration accesses, lifetime; config.c the spaces;
 * msi.c MSI-X towards drivers on this host; resource.c BAR memory.
 *
 * Lock order: vnic_bus.lock -> vnic_irq.lock.  Both are raw: configuration
 * accesses come under the PCI core's raw spinlock.
 */
#ifndef _VNIC_BUS_PRIV_H
#define _VNIC_BUS_PRIV_H

#include <linux/irq_work.h>
#include <linux/notifier.h>
#include <linux/pci.h>
#include <linux/smp.h>
#include <vnic/vnic_regs.h>

#include "bus.h"
#include "config.h"

#define VNIC_VF_OFFSET		1	/* SR-IOV: routing id of VF 0 - the PF's */
#define VNIC_VF_STRIDE		1
#define VNIC_PF_VECTORS		1	/* MSI-X table size of the PF */

/* Where BAR @bar is: in the header, for the VFs in the SR-IOV capability */
#define VNIC_CFG_BAR(bar)	(PCI_BASE_ADDRESS_0 + 4 * (bar))
#define VNIC_CFG_VF_BAR(bar)	(VNIC_CFG_EXT_FIRST + PCI_SRIOV_BAR + 4 * (bar))

/* The blocks of memory that stand for BARs */
enum vnic_block_id {
	VNIC_BLOCK_PF_MSIX,
	VNIC_BLOCK_VF_CTRL,		/* BAR0 of all VFs */
	VNIC_BLOCK_VF_MSIX,		/* BAR2 of all VFs */
	VNIC_BLOCKS
};

/**
 * struct vnic_block - memory that stands for a BAR (of all VFs, for a VF BAR)
 * @mem: physically contiguous, naturally aligned to one function's part
 * @size: bytes
 * @bar: offset of the BAR in the PF's configuration space
 */
struct vnic_block {
	void		*mem;
	size_t		size;
	unsigned int	bar;
};

/**
 * struct vnic_irq - an MSI-X vector towards a driver on this host
 * @lock: protects @virq, @masked, @pending
 * @fn: its function
 * @virq: Linux interrupt, 0: none allocated
 * @cpu: where its handler runs
 * @masked: by the vector's mask bit
 * @pending: raised while masked
 * @busy: a call to another CPU is under way, from sending to its return
 * @queued: it has been sent and not begun
 * @work: handles the interrupt on this CPU
 * @call: ... on another
 */
struct vnic_irq {
	raw_spinlock_t		lock;
	struct vnic_bus_fn	*fn;
	unsigned int		virq;
	unsigned int		cpu;
	bool			masked;
	bool			pending;
	atomic_t		busy;
	unsigned long		queued;
	struct irq_work		work;
	call_single_data_t	call;
};

/**
 * struct vnic_bus_fn - a function on the bus
 * @bus: bus
 * @cfg: its configuration space; under vnic_bus.lock
 * @pba: pending bits of its MSI-X table
 * @flr: a function-level reset has been initiated, it does not answer; under
 *	vnic_bus.lock
 * @master: bus mastering is on
 * @msix: MSI-X is enabled
 * @maskall: all its vectors are masked
 * @irq: vectors
 */
struct vnic_bus_fn {
	struct vnic_bus		*bus;
	struct vnic_cfg		cfg;
	unsigned long		*pba;
	bool			flr;
	bool			master;
	bool			msix;
	bool			maskall;
	struct vnic_irq		irq[VNIC_MAX_VECTORS];
};

/**
 * struct vnic_bus - the bus of an adapter
 * @sysdata: first: x86 finds it by bus->sysdata and casts
 * @ad: adapter
 * @ops: what is told of configuration accesses
 * @parent: device above the bridge, see vnic_host.h
 * @bridge: host bridge
 * @fwnode: names @irqs
 * @irqs: parent domain of all the bus's MSI-X domains
 * @nb: tells of devices found on the bus
 * @busn: bus numbers the bridge decodes
 * @window: memory the bridge decodes
 * @block: BAR memory
 * @lock: configuration spaces, @num_vfs
 * @total_vfs: TotalVFs
 * @num_vfs: VFs that answer: NumVFs while VF Enable is set, else 0
 * @fn: [0] PF, [1 + n] VF n
 */
struct vnic_bus {
	struct pci_sysdata		sysdata;
	struct vnic_adapter		*ad;
	const struct vnic_bus_ops	*ops;
	struct platform_device		*parent;
	struct pci_host_bridge		*bridge;
	struct fwnode_handle		*fwnode;
	struct irq_domain		*irqs;
	struct notifier_block		nb;
	struct resource			busn;
	struct resource			window;
	struct vnic_block		block[VNIC_BLOCKS];
	raw_spinlock_t			lock;
	unsigned int			total_vfs;
	unsigned int			num_vfs;
	struct vnic_bus_fn		fn[];
};

/* "vf" of the interface -> function */
static inline struct vnic_bus_fn *vnic_bus_fn(struct vnic_bus *bus, int vf)
{
	return &bus->fn[vf + 1];
}

/* ... and back */
static inline int vnic_bus_fn_vf(const struct vnic_bus_fn *fn)
{
	return fn - fn->bus->fn - 1;
}

/* The same of a device that is on such a bus */
static inline int vnic_bus_dev_vf(struct pci_dev *pdev)
{
	return (int)pci_dev_id(pdev) - VNIC_VF_OFFSET;
}

/* msi.c */
int vnic_msi_init(struct vnic_bus *bus);
void vnic_msi_exit(struct vnic_bus *bus);	/* no interrupt is allocated any more */
void vnic_msi_init_fn(struct vnic_bus_fn *fn);
/* @fn->msix or @fn->maskall changed: deliver or forget what is pending.  Under
 * vnic_bus.lock.
 */
void vnic_msi_update(struct vnic_bus_fn *fn);

/* resource.c */
int vnic_blocks_alloc(struct vnic_bus *bus);
void vnic_blocks_free(struct vnic_bus *bus);
/* Undo what a write did to a BAR, unless it asks for the BAR's size. */
void vnic_blocks_pin_bars(struct vnic_bus *bus);
/* Part of a block that belongs to a function */
void *vnic_block_mem(struct vnic_bus *bus, enum vnic_block_id id, unsigned int index,
		     size_t size);

#endif /* _VNIC_BUS_PRIV_H */
