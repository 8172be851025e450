/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Access to the VF's registers: by direct call on the host, by memory-mapped
 * I/O in a guest; and the function's MSI-X vectors.
 */
#ifndef _VNIC_VF_HW_H
#define _VNIC_VF_HW_H

#include <linux/io.h>
#include <linux/pci.h>
#include <vnic/vnic_regs.h>
#include <vnic/vnic_ring.h>

#include "vnic_host.h"

#define VNICVF_ALL_ONES	0xffffffffu	/* what a device that is gone reads as */

/**
 * struct vnicvf_hw - the device behind a pci_dev
 * @pdev: its pci_dev
 * @ops: entry points of the software device (host), or NULL (guest)
 * @fn: handle for @ops
 * @bar: mapped BAR0 (guest)
 * @vectors: MSI-X vectors allocated, control vector included
 * @generation: VNIC_REG_GENERATION when the driver last set the device up
 */
struct vnicvf_hw {
	struct pci_dev			*pdev;
	const struct vnic_host_ops	*ops;
	struct vnic_fn			*fn;
	void __iomem			*bar;
	unsigned int			vectors;
	u32				generation;
};

static inline u32 vnicvf_hw_read(const struct vnicvf_hw *hw, u32 offset)
{
	return hw->ops ? hw->ops->read(hw->fn, offset) : ioread32(hw->bar + offset);
}

static inline void vnicvf_hw_write(const struct vnicvf_hw *hw, u32 offset, u32 value)
{
	if (hw->ops)
		hw->ops->write(hw->fn, offset, value);
	else
		iowrite32(value, hw->bar + offset);
}

/*
 * Indices in shared memory: ordered against the other side's CPU even when this
 * kernel is built for one.
 */
static inline u32 vnicvf_load(const __le32 *p)
{
	/* the device's index before what it has written up to there */
	return le32_to_cpu(virt_load_acquire(p));
}

static inline void vnicvf_publish(__le32 *p, u32 value)
{
	/* what has been written up to there before the index */
	virt_store_release(p, cpu_to_le32(value));
}

/* Ring: by the doorbell page, and, while that may be dead, by register, too. */
static inline void vnicvf_ring_bell(const struct vnicvf_hw *hw, const struct vnic_event *ev,
				    u32 doorbell, u32 qp)
{
	bool dead = READ_ONCE(ev->flags) & cpu_to_le32(VNIC_EV_F_DOORBELL_DEAD);

	vnicvf_hw_write(hw, doorbell, qp);
	if (unlikely(dead))
		vnicvf_hw_write(hw, VNIC_REG_KICK,
				doorbell & 4 ? VNIC_KICK_RX(qp) : VNIC_KICK_TX(qp));
}

/* Publish the driver's index and ring the doorbell if the device asked for it.
 * Return: true when it was rung.
 */
static inline bool vnicvf_kick(const struct vnicvf_hw *hw, struct vnic_event *ev, u32 doorbell,
			       u32 qp, u32 new, u32 old)
{
	vnicvf_publish(&ev->prod, new);
	virt_mb();	/* prod before kick_at and flags: the device does the reverse */
	if (!vnic_need_event(le32_to_cpu(READ_ONCE(ev->kick_at)), new, old))
		return false;
	vnicvf_ring_bell(hw, ev, doorbell, qp);
	return true;
}

/* hw.c; process context */
int vnicvf_hw_open(struct vnicvf_hw *hw, struct pci_dev *pdev);
void vnicvf_hw_close(struct vnicvf_hw *hw);
int vnicvf_hw_check(struct vnicvf_hw *hw);
int vnicvf_hw_reset(struct vnicvf_hw *hw);		/* sleeps */

/* Any context */
bool vnicvf_hw_gone(const struct vnicvf_hw *hw);
bool vnicvf_hw_needs_reset(const struct vnicvf_hw *hw);
u64 vnicvf_hw_features(const struct vnicvf_hw *hw);

#endif /* _VNIC_VF_HW_H */
