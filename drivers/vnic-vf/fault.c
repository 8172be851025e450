// SPDX-License-Identifier: GPL-2.0
/*
 * What finds the device at fault asks for its reset here.  Any file may: it only
 * sets a bit and schedules the control work, which does the rest (control.c).
 */
#include "vf.h"

/* Any context.  Resets keep a distance, so that a device that fails each time
 * costs nothing.
 */
void vnicvf_request_reset(struct vnicvf *vf)
{
	unsigned long next = READ_ONCE(vf->next_reset);
	unsigned long now = jiffies;

	set_bit(VNICVF_RESET, &vf->flags);
	schedule_delayed_work(&vf->control, time_before(now, next) ? next - now : 0);
}

/* The device's indices make no sense: leave the rings alone until the reset. */
void vnicvf_qp_fail(struct vnicvf_qp *qp)
{
	if (qp->failed)
		return;
	qp->failed = true;
	netdev_err(qp->vf->netdev, "queue %u: device completed what it was not given\n",
		   qp->index);
	vnicvf_request_reset(qp->vf);
}
