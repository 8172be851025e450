// SPDX-License-Identifier: GPL-2.0
/*
 * The data path as a whole: making it and taking it down, in the order in which
 * the stack, the queues and the device have to learn of it.  Under rtnl.
 */
#include <linux/rtnetlink.h>

#include "vf.h"

/* Everything a data path needs beside its queues. */
static int vnic_configure(struct vnic_vf *vf)
{
	int err;

	err = vnic_mbx_u32(vf, VNIC_MBX_SET_MTU, vf->netdev->mtu);
	if (err)
		return err;
	vnic_rss_default(vf);
	err = vnic_set_rss(vf);
	if (err)
		return err;
	return vnic_moder_start(vf);
}

/* Stop the data path and take the queues from the device, by a reset if it does
 * not give them back.
 */
static void vnic_quiesce(struct vnic_vf *vf)
{
	vnic_qps_disable(vf);
	netif_tx_disable(vf->netdev);
	if (vnic_qps_destroy(vf)) {
		vnic_mbx_stop(vf);
		vnic_hw_reset(&vf->hw);
		vnic_request_reset(vf);
	}
	vnic_qps_release(vf);
}

/**
 * vnic_up - make the queues and start the data path
 * @vf: function after vnic_start()
 *
 * Return: 0 or -errno; there are no queues then.
 */
int vnic_up(struct vnic_vf *vf)
{
	int err;

	ASSERT_RTNL();
	err = netif_set_real_num_queues(vf->netdev, vf->num_qps, vf->num_qps);
	if (err)
		return err;
	err = vnic_qps_alloc(vf);
	if (err)
		return err;
	err = vnic_qps_enable(vf);
	if (err)
		goto release;
	err = vnic_qps_create(vf);
	if (err)
		goto quiesce;
	err = vnic_configure(vf);
	if (err)
		goto quiesce;
	err = vnic_mbx_u32(vf, VNIC_MBX_ENABLE, 1);
	if (err)
		goto quiesce;
	vf->up = true;
	/* What came meanwhile waits, and nobody may be able to add to it. */
	netif_tx_wake_all_queues(vf->netdev);
	vnic_qps_start(vf);
	vnic_status_sync(vf);
	return 0;

quiesce:
	vnic_quiesce(vf);
	return err;
release:
	vnic_qps_release(vf);
	return err;
}

/* The reverse; does nothing when there are no queues. */
void vnic_down(struct vnic_vf *vf)
{
	ASSERT_RTNL();
	netif_carrier_off(vf->netdev);
	if (!vf->up)
		return;
	vf->up = false;
	vnic_quiesce(vf);
}

/**
 * vnic_restart - make the queues anew, after a change of what they are like
 * @vf: function
 *
 * Return: 0, also when there were no queues; else the caller restores what it
 * changed, and recovery will try with that.
 */
int vnic_restart(struct vnic_vf *vf)
{
	int err;

	ASSERT_RTNL();
	if (!vf->up)
		return 0;
	vnic_down(vf);
	err = vnic_up(vf);
	if (err)
		vnic_request_reset(vf);
	return err;
}

/**
 * vnic_set_num_qps - use another number of queue pairs
 * @vf: function
 * @n: 1 to @vf->max_qps
 *
 * Return: 0; else the number is as it was, and recovery will try with that.
 */
int vnic_set_num_qps(struct vnic_vf *vf, unsigned int n)
{
	unsigned int old = vf->num_qps;
	bool up = vf->up;
	int err;

	ASSERT_RTNL();
	vnic_down(vf);
	vf->num_qps = n;
	if (up)
		err = vnic_up(vf);
	else
		err = netif_set_real_num_queues(vf->netdev, n, n);
	if (!err) {
		vnic_rss_default(vf);
		vnic_xps_default(vf);
		return 0;
	}
	vf->num_qps = old;
	vnic_request_reset(vf);
	return err;
}

/* Take the netdev from the stack and the queues from the device.  Nothing of
 * the driver's memory is in the device's hands afterwards.  Context: rtnl.
 */
void vnic_detach(struct vnic_vf *vf)
{
	ASSERT_RTNL();
	netif_device_detach(vf->netdev);
	vnic_mbx_stop(vf);
	vnic_down(vf);
}

/**
 * vnic_attach - the reverse: reset the device, and set everything up again
 * @vf: function after vnic_detach()
 * @features: VNIC_F_* to accept
 *
 * Context: rtnl.
 * Return: 0; else the netdev stays detached.
 */
int vnic_attach(struct vnic_vf *vf, u64 features)
{
	int err;

	ASSERT_RTNL();
	err = vnic_start(vf, features);
	if (err)
		return err;
	if (netif_running(vf->netdev)) {
		err = vnic_up(vf);
		if (err)
			return err;
		vnic_filter_send(vf);
	}
	netif_device_attach(vf->netdev);
	return 0;
}
