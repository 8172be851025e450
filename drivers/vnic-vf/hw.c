// SPDX-License-Identifier: GPL-2.0
/*
 * Access to the VF's registers, its reset, and its vectors.  Knows nothing of
 * network devices.
 */
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/interrupt.h>

#include "hw.h"

#define VNICVF_RESET_TIMEOUT_MS	5000

/* The software device on this host, or a mapped BAR in a guest. */
static int vnicvf_hw_map(struct vnicvf_hw *hw)
{
	struct vnic_fn *fn;

	hw->ops = vnic_host_find(hw->pdev);
	if (hw->ops) {
		fn = hw->ops->open(hw->pdev);
		if (IS_ERR(fn))
			return PTR_ERR(fn);
		hw->fn = fn;
		return 0;
	}

	if (pci_resource_len(hw->pdev, VNIC_BAR_CTRL) < VNIC_BAR_CTRL_SIZE)
		return -ENODEV;
	hw->bar = pci_iomap(hw->pdev, VNIC_BAR_CTRL, VNIC_BAR_CTRL_SIZE);
	return hw->bar ? 0 : -ENOMEM;
}

static void vnicvf_hw_unmap(struct vnicvf_hw *hw)
{
	if (hw->ops)
		hw->ops->close(hw->fn);
	else
		pci_iounmap(hw->pdev, hw->bar);
}

/* One control vector, and one per queue pair as far as they and CPUs reach.
 * Queue pairs are spread over the CPUs once; a user's affinity stays.
 */
static int vnicvf_hw_vectors(struct vnicvf_hw *hw)
{
	int node = dev_to_node(&hw->pdev->dev);
	unsigned int want = 1 + min_t(unsigned int, VNIC_MAX_QPS, num_online_cpus());
	unsigned int i;
	int n;

	n = pci_alloc_irq_vectors(hw->pdev, VNIC_MIN_VECTORS, want, PCI_IRQ_MSIX);
	if (n < 0)
		return n;
	hw->vectors = n;
	for (i = 1; i < hw->vectors; i++)
		irq_set_affinity(pci_irq_vector(hw->pdev, i),
				 cpumask_of(cpumask_local_spread(i - 1, node)));
	return 0;
}

/**
 * vnicvf_hw_open - make the device usable
 * @hw: zeroed
 * @pdev: VF
 *
 * Context: process.
 * Return: 0; -EBUSY: the VF is in use elsewhere; -ENODEV: it is going away;
 * another error of the PCI core.  Undone by vnicvf_hw_close().
 */
int vnicvf_hw_open(struct vnicvf_hw *hw, struct pci_dev *pdev)
{
	int err;

	hw->pdev = pdev;
	err = pci_enable_device(pdev);
	if (err)
		return err;
	err = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
	if (err)
		goto disable;
	err = vnicvf_hw_map(hw);
	if (err)
		goto disable;
	pci_set_master(pdev);
	err = vnicvf_hw_vectors(hw);
	if (err)
		goto unmap;
	return 0;

unmap:
	pci_clear_master(pdev);
	vnicvf_hw_unmap(hw);
disable:
	pci_disable_device(pdev);
	return err;
}

/* All interrupts are freed and the device has been reset. */
void vnicvf_hw_close(struct vnicvf_hw *hw)
{
	pci_clear_master(hw->pdev);
	vnicvf_hw_unmap(hw);
	pci_free_irq_vectors(hw->pdev);
	pci_disable_device(hw->pdev);
}

/* Is this a device whose interface the driver speaks? */
int vnicvf_hw_check(struct vnicvf_hw *hw)
{
	u32 version;

	if (vnicvf_hw_read(hw, VNIC_REG_MAGIC) != VNIC_MAGIC) {
		dev_err(&hw->pdev->dev, "not a vnic device, or it is gone\n");
		return -ENODEV;
	}
	version = vnicvf_hw_read(hw, VNIC_REG_VERSION);
	if ((version & 0xffff) < VNIC_VERSION_1 || (version >> 16) > VNIC_VERSION_1) {
		dev_err(&hw->pdev->dev, "device speaks versions %u to %u, driver %u\n",
			version >> 16, version & 0xffff, VNIC_VERSION_1);
		return -EPROTONOSUPPORT;
	}
	return 0;
}

bool vnicvf_hw_gone(const struct vnicvf_hw *hw)
{
	return vnicvf_hw_read(hw, VNIC_REG_MAGIC) != VNIC_MAGIC;
}

/* Has the device lost the driver's state, or refused to go on? */
bool vnicvf_hw_needs_reset(const struct vnicvf_hw *hw)
{
	return vnicvf_hw_read(hw, VNIC_REG_GENERATION) != hw->generation ||
	       vnicvf_hw_read(hw, VNIC_REG_STATUS) & VNIC_STATUS_FAILED;
}

u64 vnicvf_hw_features(const struct vnicvf_hw *hw)
{
	return vnicvf_hw_read(hw, VNIC_REG_FEATURES_LO) |
	       (u64)vnicvf_hw_read(hw, VNIC_REG_FEATURES_HI) << 32;
}

/**
 * vnicvf_hw_reset - reset the function
 * @hw: device
 *
 * When it returns the device has forgotten every address the driver named:
 * if it does not say so in time it is cut off by its bus-master enable.
 *
 * Context: process, may sleep for VNICVF_RESET_TIMEOUT_MS.
 * Return: 0, -ENODEV when the device is gone, -ETIMEDOUT.
 */
int vnicvf_hw_reset(struct vnicvf_hw *hw)
{
	unsigned long end = jiffies + msecs_to_jiffies(VNICVF_RESET_TIMEOUT_MS);
	u32 status;

	pci_set_master(hw->pdev);
	vnicvf_hw_write(hw, VNIC_REG_CONTROL, VNIC_CTRL_RESET);
	for (;;) {
		status = vnicvf_hw_read(hw, VNIC_REG_STATUS);
		if (status == VNICVF_ALL_ONES)
			return -ENODEV;
		if (status & VNIC_STATUS_READY)
			break;
		if (time_after(jiffies, end)) {
			dev_err(&hw->pdev->dev, "reset timed out\n");
			pci_clear_master(hw->pdev);
			return -ETIMEDOUT;
		}
		usleep_range(500, 1000);
	}
	hw->generation = vnicvf_hw_read(hw, VNIC_REG_GENERATION);
	return 0;
}
