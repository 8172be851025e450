// SPDX-License-Identifier: GPL-2.0
/*
 * The device's events, and recovery: after a reset of the function by the host, or
 * an error, everything the user configured is set up again.
 */
#include <linux/interrupt.h>
#include <linux/rtnetlink.h>

#include "vf.h"

#define VNICVF_RESET_INTERVAL	HZ	/* between two resets */
#define VNICVF_RESET_TRIES	6	/* failures in a row, then it is tried less often */
#define VNICVF_RESET_SELDOM	(60 * HZ)	/* ... since each try may hold rtnl for seconds */

irqreturn_t vnicvf_control_irq(int irq, void *data)
{
	struct vnicvf *vf = data;

	/* A reset that is waiting its time looks at the status, too. */
	if (vnicvf_mbx_irq(vf))
		schedule_delayed_work(&vf->control, 0);
	return IRQ_HANDLED;
}

/* Context: rtnl. */
static void vnicvf_recover(struct vnicvf *vf)
{
	int err;

	vf->resets++;
	vf->next_reset = jiffies + VNICVF_RESET_INTERVAL;
	vnicvf_detach(vf);
	err = vnicvf_attach(vf, vnicvf_wanted_features(vf, vf->netdev->features));
	if (!err) {
		vf->failures = 0;
		netdev_info(vf->netdev, "device reset, running again\n");
		return;
	}
	if (vf->failures < VNICVF_RESET_TRIES && ++vf->failures == VNICVF_RESET_TRIES)
		netdev_err(vf->netdev, "device does not come back after reset: %d\n", err);
	vf->next_reset = jiffies + (vf->failures < VNICVF_RESET_TRIES ?
				    VNICVF_RESET_INTERVAL * vf->failures : VNICVF_RESET_SELDOM);
	vnicvf_request_reset(vf);
}

void vnicvf_control_work(struct work_struct *work)
{
	struct vnicvf *vf = container_of(to_delayed_work(work), struct vnicvf, control);

	rtnl_lock();
	if (test_bit(VNICVF_AWAY, &vf->flags) || vf->netdev->reg_state != NETREG_REGISTERED)
		goto unlock;
	if (vnicvf_hw_gone(&vf->hw)) {
		/* For good, or only while memory decoding is off? */
		netif_carrier_off(vf->netdev);
		schedule_delayed_work(&vf->control, HZ);
		goto unlock;
	}
	if (!vnicvf_hw_needs_reset(&vf->hw) && !test_bit(VNICVF_RESET, &vf->flags)) {
		vnicvf_status_sync(vf);
		if (test_and_clear_bit(VNICVF_FEATURES, &vf->flags))
			netdev_update_features(vf->netdev);
		goto unlock;
	}
	if (time_before(jiffies, vf->next_reset))
		vnicvf_request_reset(vf);
	else
		vnicvf_recover(vf);
unlock:
	rtnl_unlock();
}
