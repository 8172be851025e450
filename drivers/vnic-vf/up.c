// SPDX-License-Identifier: GPL-2.0
/*
 * The data path as a whole: making it and taking it down, in the order in which
 * the stack, the queues and the device have to learn of it.  Under rtnl.
 */
#include <linux/rtnetlink.h>

#include "vf.h"

/* Everything a data path needs beside its queues. */
static int vnicvf_configure(struct vnicvf *vf)
{
	int err;

	err = vnicvf_mbx_u32(vf, VNIC_MBX_SET_MTU, vf->netdev->mtu);
	if (err)
		return err;
	vnicvf_rss_default(vf);
	err = vnicvf_set_rss(vf);
	if (err)
		return err;
	err = vnicvf_set_steering(vf);
	if (err)
		return err;
	return vnicvf_moder_start(vf);
}

/* Stop the data path and take the queues from the device, by a reset if it does
 * not give them back.
 */
static void vnicvf_quiesce(struct vnicvf *vf)
{
	vnicvf_qps_disable(vf);
	netif_tx_disable(vf->netdev);
	if (vnicvf_qps_destroy(vf)) {
		vnicvf_mbx_stop(vf);
		vnicvf_hw_reset(&vf->hw);
		vnicvf_request_reset(vf);
	}
	vnicvf_qps_release(vf);
}

/**
 * vnicvf_up - make the queues and start the data path
 * @vf: function after vnicvf_start()
 *
 * Return: 0 or -errno; there are no queues then.
 */
int vnicvf_up(struct vnicvf *vf)
{
	int err;

	ASSERT_RTNL();
	err = netif_set_real_num_queues(vf->netdev, vf->num_qps, vf->num_qps);
	if (err)
		return err;
	err = vnicvf_qps_alloc(vf);
	if (err)
		return err;
	err = vnicvf_qps_enable(vf);
	if (err)
		goto release;
	err = vnicvf_qps_create(vf);
	if (err)
		goto quiesce;
	err = vnicvf_configure(vf);
	if (err)
		goto quiesce;
	err = vnicvf_mbx_u32(vf, VNIC_MBX_ENABLE, 1);
	if (err)
		goto quiesce;
	vf->up = true;
	/* What came meanwhile waits, and nobody may be able to add to it. */
	netif_tx_wake_all_queues(vf->netdev);
	vnicvf_qps_start(vf);
	vnicvf_status_sync(vf);
	return 0;

quiesce:
	vnicvf_quiesce(vf);
	return err;
release:
	vnicvf_qps_release(vf);
	return err;
}

/* The reverse; does nothing when there are no queues. */
void vnicvf_down(struct vnicvf *vf)
{
	ASSERT_RTNL();
	netif_carrier_off(vf->netdev);
	if (!vf->up)
		return;
	vf->up = false;
	vnicvf_quiesce(vf);
}

/**
 * vnicvf_restart - make the queues anew, after a change of what they are like
 * @vf: function
 *
 * Return: 0, also when there were no queues; else the caller restores what it
 * changed, and recovery will try with that.
 */
int vnicvf_restart(struct vnicvf *vf)
{
	int err;

	ASSERT_RTNL();
	if (!vf->up)
		return 0;
	vnicvf_down(vf);
	err = vnicvf_up(vf);
	if (err)
		vnicvf_request_reset(vf);
	return err;
}

/**
 * vnicvf_set_num_qps - use another number of queue pairs
 * @vf: function
 * @n: 1 to @vf->max_qps
 *
 * Return: 0; else the number is as it was, and recovery will try with that.
 */
int vnicvf_set_num_qps(struct vnicvf *vf, unsigned int n)
{
	unsigned int old = vf->num_qps;
	bool up = vf->up;
	int err;

	ASSERT_RTNL();
	vnicvf_down(vf);
	vf->num_qps = n;
	if (up)
		err = vnicvf_up(vf);
	else
		err = netif_set_real_num_queues(vf->netdev, n, n);
	if (!err) {
		vnicvf_rss_default(vf);
		vnicvf_xps_default(vf);
		return 0;
	}
	vf->num_qps = old;
	vnicvf_request_reset(vf);
	return err;
}

/* Take the netdev from the stack and the queues from the device.  Nothing of
 * the driver's memory is in the device's hands afterwards.  Context: rtnl.
 */
void vnicvf_detach(struct vnicvf *vf)
{
	ASSERT_RTNL();
	netif_device_detach(vf->netdev);
	vnicvf_mbx_stop(vf);
	vnicvf_down(vf);
}

/**
 * vnicvf_attach - the reverse: reset the device, and set everything up again
 * @vf: function after vnicvf_detach()
 * @features: VNIC_F_* to accept
 *
 * Context: rtnl.
 * Return: 0; else the netdev stays detached.
 */
int vnicvf_attach(struct vnicvf *vf, u64 features)
{
	int err;

	ASSERT_RTNL();
	err = vnicvf_start(vf, features);
	if (err)
		return err;
	if (netif_running(vf->netdev)) {
		err = vnicvf_up(vf);
		if (err)
			return err;
		vnicvf_filter_send(vf);
	}
	netif_device_attach(vf->netdev);
	return 0;
}
