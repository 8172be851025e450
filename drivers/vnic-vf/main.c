// SPDX-License-Identifier: GPL-2.0
/*
 * The VF driver of vnic, for guests and for VFs used on the host: PCI driver
 * and lifetime of a function.
 */
#include <linux/interrupt.h>
#include <linux/module.h>
#include <linux/rtnetlink.h>

#include "vf.h"

static int vnicvf_control_request_irq(struct vnicvf *vf)
{
	snprintf(vf->ctl_name, sizeof(vf->ctl_name), "%s-ctl", pci_name(vf->pdev));
	return request_irq(pci_irq_vector(vf->pdev, 0), vnicvf_control_irq, 0, vf->ctl_name, vf);
}

static int vnicvf_probe_control(struct vnicvf *vf)
{
	int err;

	err = vnicvf_hw_check(&vf->hw);
	if (err)
		return err;
	vf->offered = vnicvf_hw_features(&vf->hw);
	return vnicvf_start(vf, vnicvf_wanted_features(vf, NETIF_F_RXCSUM | NETIF_F_GRO_HW));
}

static int vnicvf_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct net_device *netdev;
	struct vnicvf *vf;
	int err;

	netdev = alloc_etherdev_mqs(sizeof(*vf), VNIC_MAX_QPS, VNIC_MAX_QPS);
	if (!netdev)
		return -ENOMEM;
	SET_NETDEV_DEV(netdev, &pdev->dev);
	vf = netdev_priv(netdev);
	vf->netdev = netdev;
	vf->pdev = pdev;
	vf->next_reset = jiffies;
	INIT_DELAYED_WORK(&vf->control, vnicvf_control_work);
	mutex_init(&vf->filter_lock);
	INIT_DELAYED_WORK(&vf->filter, vnicvf_filter_work);
	INIT_WORK(&vf->vlan, vnicvf_vlan_work);
	pci_set_drvdata(pdev, vf);

	err = vnicvf_hw_open(&vf->hw, pdev);
	if (err)
		goto free_netdev;
	err = vnicvf_mbx_init(vf);
	if (err)
		goto close_hw;
	err = vnicvf_control_request_irq(vf);
	if (err)
		goto free_mbx;
	err = vnicvf_probe_control(vf);
	if (err)
		goto free_irq;
	err = vnicvf_qps_init(vf);
	if (err)
		goto free_irq;
	vnicvf_netdev_setup(vf);
	/* The netdev was allocated before it was known how many there are. */
	err = netif_set_real_num_queues(netdev, vf->num_qps, vf->num_qps);
	if (err)
		goto free_qps;
	err = register_netdev(netdev);
	if (err)
		goto free_qps;
	vnicvf_xps_default(vf);
	/* What happened to the device meanwhile. */
	schedule_delayed_work(&vf->control, 0);
	return 0;

free_qps:
	vnicvf_qps_free(vf);
free_irq:
	vnicvf_mbx_stop(vf);
	vnicvf_hw_reset(&vf->hw);
	free_irq(pci_irq_vector(pdev, 0), vf);
	cancel_delayed_work_sync(&vf->control);
free_mbx:
	vnicvf_mbx_free(vf);
close_hw:
	vnicvf_hw_close(&vf->hw);
free_netdev:
	free_netdev(netdev);
	return err;
}

static void vnicvf_remove(struct pci_dev *pdev)
{
	struct vnicvf *vf = pci_get_drvdata(pdev);

	disable_delayed_work_sync(&vf->control);
	unregister_netdev(vf->netdev);
	disable_delayed_work_sync(&vf->filter);
	disable_work_sync(&vf->vlan);
	vnicvf_mbx_stop(vf);
	vnicvf_hw_reset(&vf->hw);
	free_irq(pci_irq_vector(pdev, 0), vf);
	vnicvf_qps_free(vf);
	vnicvf_forget_rules(vf);
	vnicvf_mbx_free(vf);
	vnicvf_hw_close(&vf->hw);
	free_netdev(vf->netdev);
}

/* Reboot or kexec: the device must not write into the next kernel's memory. */
static void vnicvf_shutdown(struct pci_dev *pdev)
{
	struct vnicvf *vf = pci_get_drvdata(pdev);

	disable_delayed_work_sync(&vf->control);
	rtnl_lock();
	vnicvf_detach(vf);
	rtnl_unlock();
	vnicvf_hw_reset(&vf->hw);
	pci_clear_master(pdev);
}

/* Leave the device alone until vnicvf_back(). */
static void vnicvf_away(struct vnicvf *vf)
{
	rtnl_lock();
	set_bit(VNICVF_AWAY, &vf->flags);
	vnicvf_detach(vf);
	rtnl_unlock();
}

/* Set everything up again on a device that knows nothing of it. */
static void vnicvf_back(struct vnicvf *vf)
{
	rtnl_lock();
	clear_bit(VNICVF_AWAY, &vf->flags);
	vf->resets++;
	if (vnicvf_attach(vf, vnicvf_wanted_features(vf, vf->netdev->features)))
		vnicvf_request_reset(vf);
	else
		vf->failures = 0;
	rtnl_unlock();
}

/* A function-level reset by the PCI core; device_lock is held from here to
 * reset_done.
 */
static void vnicvf_reset_prepare(struct pci_dev *pdev)
{
	vnicvf_away(pci_get_drvdata(pdev));
}

static void vnicvf_reset_done(struct pci_dev *pdev)
{
	vnicvf_back(pci_get_drvdata(pdev));
}

/* Sleep, and hibernation: what the device is told before is lost with its power. */
static int vnicvf_suspend(struct device *dev)
{
	struct vnicvf *vf = dev_get_drvdata(dev);

	vnicvf_away(vf);
	vnicvf_hw_reset(&vf->hw);
	return 0;
}

static int vnicvf_resume(struct device *dev)
{
	vnicvf_back(dev_get_drvdata(dev));
	return 0;
}

static DEFINE_SIMPLE_DEV_PM_OPS(vnicvf_pm_ops, vnicvf_suspend, vnicvf_resume);

static const struct pci_error_handlers vnicvf_err_handler = {
	.reset_prepare	= vnicvf_reset_prepare,
	.reset_done	= vnicvf_reset_done,
};

static const struct pci_device_id vnicvf_ids[] = {
	{ PCI_DEVICE(VNIC_PCI_VENDOR_ID, VNIC_PCI_DEVICE_ID_VF) },
	{ }
};
MODULE_DEVICE_TABLE(pci, vnicvf_ids);

static struct pci_driver vnicvf_driver = {
	.name		= VNICVF_NAME,
	.id_table	= vnicvf_ids,
	.probe		= vnicvf_probe,
	.remove		= vnicvf_remove,
	.shutdown	= vnicvf_shutdown,
	.err_handler	= &vnicvf_err_handler,
	.driver.pm	= pm_sleep_ptr(&vnicvf_pm_ops),
};
module_pci_driver(vnicvf_driver);

MODULE_AUTHOR("The vnic authors");
MODULE_DESCRIPTION("vnic virtual function network driver");
MODULE_LICENSE("GPL");
MODULE_VERSION(VNIC_RELEASE);
