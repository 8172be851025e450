// SPDX-License-Identifier: GPL-2.0
/*
 * The VF driver of vnic, for guests and for VFs used on the host: PCI driver
 * and lifetime of a function.
 */
#include <linux/interrupt.h>
#include <linux/module.h>
#include <linux/rtnetlink.h>

#include "vf.h"

static int vnic_control_request_irq(struct vnic_vf *vf)
{
	snprintf(vf->ctl_name, sizeof(vf->ctl_name), "%s-ctl", pci_name(vf->pdev));
	return request_irq(pci_irq_vector(vf->pdev, 0), vnic_control_irq, 0, vf->ctl_name, vf);
}

static int vnic_probe_control(struct vnic_vf *vf)
{
	int err;

	err = vnic_hw_check(&vf->hw);
	if (err)
		return err;
	vf->offered = vnic_hw_features(&vf->hw);
	return vnic_start(vf, vnic_wanted_features(vf, NETIF_F_RXCSUM | NETIF_F_GRO_HW));
}

static int vnic_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct net_device *netdev;
	struct vnic_vf *vf;
	int err;

	netdev = alloc_etherdev_mqs(sizeof(*vf), VNIC_MAX_QPS, VNIC_MAX_QPS);
	if (!netdev)
		return -ENOMEM;
	SET_NETDEV_DEV(netdev, &pdev->dev);
	vf = netdev_priv(netdev);
	vf->netdev = netdev;
	vf->pdev = pdev;
	vf->next_reset = jiffies;
	INIT_DELAYED_WORK(&vf->control, vnic_control_work);
	mutex_init(&vf->filter_lock);
	INIT_WORK(&vf->filter, vnic_filter_work);
	INIT_WORK(&vf->vlan, vnic_vlan_work);
	pci_set_drvdata(pdev, vf);

	err = vnic_hw_open(&vf->hw, pdev);
	if (err)
		goto free_netdev;
	err = vnic_mbx_init(vf);
	if (err)
		goto close_hw;
	err = vnic_control_request_irq(vf);
	if (err)
		goto free_mbx;
	err = vnic_probe_control(vf);
	if (err)
		goto free_irq;
	err = vnic_qps_init(vf);
	if (err)
		goto free_irq;
	vnic_netdev_setup(vf);
	err = register_netdev(netdev);
	if (err)
		goto free_qps;
	vnic_xps_default(vf);
	/* What happened to the device meanwhile. */
	schedule_delayed_work(&vf->control, 0);
	return 0;

free_qps:
	vnic_qps_free(vf);
free_irq:
	vnic_mbx_stop(vf);
	vnic_hw_reset(&vf->hw);
	free_irq(pci_irq_vector(pdev, 0), vf);
	cancel_delayed_work_sync(&vf->control);
free_mbx:
	vnic_mbx_free(vf);
close_hw:
	vnic_hw_close(&vf->hw);
free_netdev:
	free_netdev(netdev);
	return err;
}

static void vnic_remove(struct pci_dev *pdev)
{
	struct vnic_vf *vf = pci_get_drvdata(pdev);

	disable_delayed_work_sync(&vf->control);
	unregister_netdev(vf->netdev);
	disable_work_sync(&vf->filter);
	disable_work_sync(&vf->vlan);
	vnic_mbx_stop(vf);
	vnic_hw_reset(&vf->hw);
	free_irq(pci_irq_vector(pdev, 0), vf);
	vnic_qps_free(vf);
	vnic_mbx_free(vf);
	vnic_hw_close(&vf->hw);
	free_netdev(vf->netdev);
}

/* Reboot or kexec: the device must not write into the next kernel's memory. */
static void vnic_shutdown(struct pci_dev *pdev)
{
	struct vnic_vf *vf = pci_get_drvdata(pdev);

	disable_delayed_work_sync(&vf->control);
	rtnl_lock();
	vnic_detach(vf);
	rtnl_unlock();
	vnic_hw_reset(&vf->hw);
	pci_clear_master(pdev);
}

/* Leave the device alone until vnic_back(). */
static void vnic_away(struct vnic_vf *vf)
{
	rtnl_lock();
	set_bit(VNIC_VF_AWAY, &vf->flags);
	vnic_detach(vf);
	rtnl_unlock();
}

/* Set everything up again on a device that knows nothing of it. */
static void vnic_back(struct vnic_vf *vf)
{
	rtnl_lock();
	clear_bit(VNIC_VF_AWAY, &vf->flags);
	vf->resets++;
	if (vnic_attach(vf, vnic_wanted_features(vf, vf->netdev->features)))
		vnic_request_reset(vf);
	rtnl_unlock();
}

/* A function-level reset by the PCI core; device_lock is held from here to
 * reset_done.
 */
static void vnic_reset_prepare(struct pci_dev *pdev)
{
	vnic_away(pci_get_drvdata(pdev));
}

static void vnic_reset_done(struct pci_dev *pdev)
{
	vnic_back(pci_get_drvdata(pdev));
}

/* Sleep, and hibernation: what the device is told before is lost with its power. */
static int vnic_suspend(struct device *dev)
{
	struct vnic_vf *vf = dev_get_drvdata(dev);

	vnic_away(vf);
	vnic_hw_reset(&vf->hw);
	return 0;
}

static int vnic_resume(struct device *dev)
{
	vnic_back(dev_get_drvdata(dev));
	return 0;
}

static DEFINE_SIMPLE_DEV_PM_OPS(vnic_pm_ops, vnic_suspend, vnic_resume);

static const struct pci_error_handlers vnic_err_handler = {
	.reset_prepare	= vnic_reset_prepare,
	.reset_done	= vnic_reset_done,
};

static const struct pci_device_id vnic_ids[] = {
	{ PCI_DEVICE(VNIC_PCI_VENDOR_ID, VNIC_PCI_DEVICE_ID_VF) },
	{ }
};
MODULE_DEVICE_TABLE(pci, vnic_ids);

static struct pci_driver vnic_driver = {
	.name		= VNIC_VF_NAME,
	.id_table	= vnic_ids,
	.probe		= vnic_probe,
	.remove		= vnic_remove,
	.shutdown	= vnic_shutdown,
	.err_handler	= &vnic_err_handler,
	.driver.pm	= pm_sleep_ptr(&vnic_pm_ops),
};
module_pci_driver(vnic_driver);

MODULE_DESCRIPTION("vnic virtual function network driver");
MODULE_LICENSE("GPL");
MODULE_VERSION(VNIC_RELEASE);
