// SPDX-License-Identifier: GPL-2.0
/*
 * The device's events, and recovery: after a reset of the function by the host, or
 * an error, everything the user configured is set up again.
 */
#include <linux/interrupt.h>
#include <linux/rtnetlink.h>

#include "vf.h"

#define VNIC_RESET_INTERVAL	HZ	/* between two resets */
#define VNIC_RESET_TRIES	6	/* failures in a row before giving up */

irqreturn_t vnic_control_irq(int irq, void *data)
{
	struct vnic_vf *vf = data;

	/* A reset that is waiting its time looks at the status, too. */
	if (vnic_mbx_irq(vf))
		schedule_delayed_work(&vf->control, 0);
	return IRQ_HANDLED;
}

/* Context: rtnl. */
static void vnic_recover(struct vnic_vf *vf)
{
	int err;

	vf->resets++;
	vf->next_reset = jiffies + VNIC_RESET_INTERVAL;
	vnic_detach(vf);
	err = vnic_attach(vf, vnic_wanted_features(vf, vf->netdev->features));
	if (!err) {
		vf->failures = 0;
		netdev_info(vf->netdev, "device reset, running again\n");
		return;
	}
	if (vnic_hw_gone(&vf->hw) || ++vf->failures >= VNIC_RESET_TRIES) {
		netdev_err(vf->netdev, "device does not come back after reset: %d\n", err);
		return;
	}
	vf->next_reset = jiffies + VNIC_RESET_INTERVAL * vf->failures;
	vnic_request_reset(vf);
}

void vnic_control_work(struct work_struct *work)
{
	struct vnic_vf *vf = container_of(to_delayed_work(work), struct vnic_vf, control);

	rtnl_lock();
	if (test_bit(VNIC_VF_AWAY, &vf->flags) || vf->netdev->reg_state != NETREG_REGISTERED)
		goto unlock;
	if (vnic_hw_gone(&vf->hw)) {
		/* For good, or only while memory decoding is off? */
		netif_carrier_off(vf->netdev);
		schedule_delayed_work(&vf->control, HZ);
		goto unlock;
	}
	if (!vnic_hw_needs_reset(&vf->hw) && !test_bit(VNIC_VF_RESET, &vf->flags)) {
		vnic_status_sync(vf);
		if (test_and_clear_bit(VNIC_VF_FEATURES, &vf->flags))
			netdev_update_features(vf->netdev);
		goto unlock;
	}
	if (time_before(jiffies, vf->next_reset))
		vnic_request_reset(vf);
	else
		vnic_recover(vf);
unlock:
	rtnl_unlock();
}
