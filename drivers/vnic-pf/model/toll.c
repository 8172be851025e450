// SPDX-License-Identifier: GPL-2.0
/*
 * Work that a driver causes in kworkers: how much of it, and how it is done.
 *
 * Whatever takes the switch's configuration lock runs in a kworker while the
 * function's worker waits: a thread of a VM can be throttled at any instruction, and
 * the host's administrator must not wait for it.  The toll bounds for how long.
 */
#include <linux/kcov.h>
#include <linux/workqueue.h>

#include "fn.h"

/*
 * Only guests pay: their kworkers are outside of their VM's cgroup.  A driver on this host
 * asks under rtnl, and who waits there keeps all others waiting.
 */
u64 vnic_fn_toll(struct vnic_fn *fn)
{
	u64 now, wait;

	if (!test_bit(VNIC_FN_GUEST, &fn->flags))
		return 0;
	spin_lock(&fn->toll_lock);
	now = ktime_get_ns();
	wait = vnic_meter_wait(&fn->toll, VNIC_TOLL_EACH, now);
	if (!wait)
		vnic_meter_spend(&fn->toll, VNIC_TOLL_EACH);
	spin_unlock(&fn->toll_lock);
	return wait;
}

/* How long a piece takes is known afterwards, so it may be owed. */
void vnic_fn_toll_spend(struct vnic_fn *fn, u64 since)
{
	if (!test_bit(VNIC_FN_GUEST, &fn->flags))
		return;
	spin_lock(&fn->toll_lock);
	vnic_meter_spend(&fn->toll, min_t(u64, ktime_get_ns() - since, VNIC_TOLL_LONGEST));
	spin_unlock(&fn->toll_lock);
}

/* What vnic_fn_call() waits for */
struct vnic_fn_call {
	struct work_struct	work;
	struct vnic_fn		*fn;
	void			(*call)(void *arg);
	void			*arg;
};

static void vnic_fn_run_call(struct work_struct *work)
{
	struct vnic_fn_call *c = container_of(work, struct vnic_fn_call, work);
	u64 since = ktime_get_ns();

	kcov_remote_start_common(c->fn->kcov.handle);
	c->call(c->arg);
	kcov_remote_stop();
	vnic_fn_toll_spend(c->fn, since);
}

void vnic_fn_call(struct vnic_fn *fn, void (*call)(void *arg), void *arg)
{
	struct vnic_fn_call c = { .fn = fn, .call = call, .arg = arg };

	INIT_WORK_ONSTACK(&c.work, vnic_fn_run_call);
	schedule_work(&c.work);
	flush_work(&c.work);
	destroy_work_on_stack(&c.work);
}
