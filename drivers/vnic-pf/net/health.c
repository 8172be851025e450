// SPDX-License-Identifier: GPL-2.0
/*
 * The devlink health reporter "vf": VFs that a driver's error has stopped, and what
 * was refused or dropped of each.
 *
 * The device model tells of them in any context (vnic_watch_ops); a work item
 * reports, at most once a second for all VFs together, however many misbehave
 * and however often.  So devlink's error count counts reports; diagnose has the
 * failures of each VF.
 *
 * A VF's driver is told that its function was stopped, and is to reset it
 * itself.  Recovery by devlink is for one that does not: with auto_recover the
 * function is reset VNIC_RESCUE_AFTER later, by `devlink health recover` at once.
 * The reporter is healthy again when no VF is stopped, whoever reset it.
 *
 * Lifetime: from before the first VF to after the last, so the ops are called,
 * and the work items run, only while ad->net is there.
 */
#include <linux/limits.h>
#include <linux/slab.h>
#include <net/devlink.h>

#include <compat.h>

#include "priv.h"

#define VNIC_HEALTH_INTERVAL	HZ	/* between two reports */
#define VNIC_RESCUE_AFTER	msecs_to_jiffies(VNIC_RESCUE_MS)
#define VNIC_RESCUE_NS		((u64)VNIC_RESCUE_MS * NSEC_PER_MSEC)

/**
 * struct vnic_health - the reporter
 * @ad: adapter
 * @devlink: its devlink instance
 * @reporter: devlink's part
 * @report: tells devlink that VFs were stopped, or that none is any more
 * @rescue: resets VFs whose drivers do not
 * @news: bit 0: a VF was stopped since the last report
 * @next: jiffies before which @report is not to run
 * @told: devlink has been told of an error and not of its end; devlink's lock
 */
struct vnic_health {
	struct vnic_adapter		*ad;
	struct devlink			*devlink;
	struct devlink_health_reporter	*reporter;
	struct delayed_work		report;
	struct delayed_work		rescue;
	unsigned long			news;
	unsigned long			next;
	bool				told;
};

/* ---- what the model tells; any context ---- */

static void vnic_health_look(struct vnic_health *h)
{
	unsigned long next = READ_ONCE(h->next), now = jiffies;

	queue_delayed_work(system_long_wq, &h->report, time_before(now, next) ? next - now : 0);
}

static void vnic_health_stopped(struct vnic_adapter *ad)
{
	struct vnic_health *h = ad->net->health;

	set_bit(0, &h->news);
	vnic_health_look(h);
}

static void vnic_health_restarted(struct vnic_adapter *ad)
{
	vnic_health_look(ad->net->health);
}

static const struct vnic_watch_ops vnic_health_watch_ops = {
	.stopped	= vnic_health_stopped,
	.restarted	= vnic_health_restarted,
};

/* ---- what the VFs say ---- */

static bool vnic_health_of(struct vnic_health *h, unsigned int vf, struct vnic_fn_health *st)
{
	struct vnic_fn *fn;

	rcu_read_lock();
	fn = rcu_dereference(h->ad->vfs[vf]);
	if (fn)
		vnic_fn_get_health(fn, st);
	rcu_read_unlock();
	return fn;
}

/* Is any VF stopped now? */
static bool vnic_health_any(struct vnic_health *h)
{
	struct vnic_fn_health st;
	unsigned int i;

	for (i = 0; i < VNIC_MAX_VFS; i++)
		if (vnic_health_of(h, i, &st) && st.stopped)
			return true;
	return false;
}

/* The last failure of all; returns the VF, or -1: there was none. */
static int vnic_health_last(struct vnic_health *h, struct vnic_fn_health *last)
{
	struct vnic_fn_health st;
	unsigned int i;
	int vf = -1;

	for (i = 0; i < VNIC_MAX_VFS; i++) {
		if (!vnic_health_of(h, i, &st) || !st.why || (vf >= 0 && st.at <= last->at))
			continue;
		*last = st;
		vf = i;
	}
	return vf;
}

/* Log what has not been logged. */
static void vnic_health_log(struct vnic_health *h)
{
	struct vnic_fn *fn;
	unsigned int i;

	guard(rcu)();
	for (i = 0; i < VNIC_MAX_VFS; i++) {
		fn = rcu_dereference(h->ad->vfs[i]);
		if (fn)
			vnic_fn_log_failure(fn);
	}
}

/* ---- the work items ---- */

static void vnic_health_rescue_later(struct vnic_health *h)
{
	queue_delayed_work(system_long_wq, &h->rescue, VNIC_RESCUE_AFTER);
}

static void vnic_health_tell(struct vnic_health *h)
{
	struct vnic_fn_health last;
	int vf = vnic_health_last(h, &last);
	char msg[80];

	if (vf < 0)	/* the VF is gone already */
		return;
	devl_lock(h->devlink);
	h->told = true;
	devl_unlock(h->devlink);
	snprintf(msg, sizeof(msg), "VF %d: %s", vf, last.why);
	switch (devlink_health_report(h->reporter, msg, h)) {
	case 0:			/* without auto_recover, or nothing is stopped any more */
		cancel_delayed_work_sync(&h->rescue);
		break;
	case -ECANCELED:	/* it waits for the end of an error of before */
		vnic_health_rescue_later(h);
		break;
	}
}

static void vnic_health_report_work(struct work_struct *work)
{
	struct vnic_health *h = container_of(to_delayed_work(work), struct vnic_health, report);

	WRITE_ONCE(h->next, jiffies + VNIC_HEALTH_INTERVAL);
	if (test_and_clear_bit(0, &h->news)) {
		vnic_health_log(h);
		vnic_health_tell(h);
	}
	devl_lock(h->devlink);
	if (h->told && !vnic_health_any(h)) {
		h->told = false;
		devlink_health_reporter_recovery_done(h->reporter);
		devlink_health_reporter_state_update(h->reporter,
						     DEVLINK_HEALTH_REPORTER_STATE_HEALTHY);
	}
	devl_unlock(h->devlink);
}

static void vnic_health_rescue_work(struct work_struct *work)
{
	struct vnic_health *h = container_of(to_delayed_work(work), struct vnic_health, rescue);

	vnic_fns_rescue(h->ad, VNIC_RESCUE_NS);
	if (vnic_health_any(h))
		queue_delayed_work(system_long_wq, &h->rescue, HZ);
}

/* ---- devlink's ops; under devlink's lock ---- */

/* @ctx: the call is devlink_health_report()'s; NULL: an administrator's. */
static int vnic_health_recover(struct devlink_health_reporter *reporter, void *ctx,
			       struct netlink_ext_ack *extack)
{
	struct vnic_health *h = devlink_health_reporter_priv(reporter);

	if (ctx && vnic_health_any(h)) {
		vnic_health_rescue_later(h);
		return -EINPROGRESS;	/* vnic_health_report_work() tells of the end */
	}
	if (!ctx) {
		vnic_fns_rescue(h->ad, 0);
		if (!vnic_fns_settle(h->ad)) {
			NL_SET_ERR_MSG_MOD(extack,
					   "VFs are reset later: their guests have used up their time");
			/* That of one that had not been stopped is not told of. */
			vnic_health_look(h);
			return -EINPROGRESS;
		}
	}
	h->told = false;
	return 0;
}

static void vnic_health_put(struct devlink_fmsg *fmsg, unsigned int vf,
			    const struct vnic_fn_health *st)
{
	char mac[ETH_ALEN * 3], when[32];

	devlink_fmsg_u32_pair_put(fmsg, "vf", vf);
	devlink_fmsg_bool_pair_put(fmsg, "stopped", st->stopped);
	devlink_fmsg_u64_pair_put(fmsg, "failures", st->failures);
	devlink_fmsg_u64_pair_put(fmsg, "refused requests", st->refused);
	devlink_fmsg_u64_pair_put(fmsg, "lost addresses", st->lost);
	if (st->own_mac) {
		snprintf(mac, sizeof(mac), "%pM", st->mac);
		devlink_fmsg_string_pair_put(fmsg, "own address", mac);
	}
	if (!st->why)
		return;
	devlink_fmsg_string_pair_put(fmsg, "reason", st->why);
	snprintf(when, sizeof(when), "%ptT UTC", &st->when);
	devlink_fmsg_string_pair_put(fmsg, "time", when);
}

/* What the switch dropped of a VF, by reason.  False: nothing */
static bool vnic_health_drops(struct vnic_health *h, unsigned int vf, struct vnic_port_stats *st)
{
	struct vnic_fn *fn;

	memset(st, 0, sizeof(*st));
	rcu_read_lock();
	fn = rcu_dereference(h->ad->vfs[vf]);
	if (fn)
		vnic_port_get_stats(&fn->port, st);
	rcu_read_unlock();
	return st->rx_dropped || st->tx_dropped;
}

static void vnic_health_put_drops(struct devlink_fmsg *fmsg, const struct vnic_port_stats *st)
{
	unsigned int why;

	devlink_fmsg_pair_nest_start(fmsg, "dropped packets");
	devlink_fmsg_obj_nest_start(fmsg);
	for (why = 0; why < VNIC_DROP_MAX; why++)
		if (st->drops[why])
			devlink_fmsg_u64_pair_put(fmsg, vnic_drop_names[why], st->drops[why]);
	devlink_fmsg_obj_nest_end(fmsg);
	devlink_fmsg_pair_nest_end(fmsg);
}

/* VFs that have an address of their own, or since they were created have been stopped,
 * refused something or lost packets
 */
static int vnic_health_diagnose(struct devlink_health_reporter *reporter,
				struct devlink_fmsg *fmsg, struct netlink_ext_ack *extack)
{
	struct vnic_health *h = devlink_health_reporter_priv(reporter);
	struct vnic_port_stats stats;
	struct vnic_fn_health st;
	unsigned int i;
	bool drops;

	devlink_fmsg_arr_pair_nest_start(fmsg, "VFs");
	for (i = 0; i < VNIC_MAX_VFS; i++) {
		drops = vnic_health_drops(h, i, &stats);
		if (!vnic_health_of(h, i, &st) ||
		    (!st.own_mac && !st.failures && !st.refused && !st.lost && !drops))
			continue;
		devlink_fmsg_obj_nest_start(fmsg);
		vnic_health_put(fmsg, i, &st);
		if (drops)
			vnic_health_put_drops(fmsg, &stats);
		devlink_fmsg_obj_nest_end(fmsg);
	}
	devlink_fmsg_arr_pair_nest_end(fmsg);
	return 0;
}

/* The last failure; devlink keeps the first dump until it is cleared. */
static int vnic_health_dump(struct devlink_health_reporter *reporter, struct devlink_fmsg *fmsg,
			    void *ctx, struct netlink_ext_ack *extack)
{
	struct vnic_health *h = devlink_health_reporter_priv(reporter);
	struct vnic_fn_health last;
	int vf = vnic_health_last(h, &last);

	if (vf >= 0) {
		vnic_health_put(fmsg, vf, &last);
		return 0;
	}
	NL_SET_ERR_MSG_MOD(extack, "no VF has failed");
	return -ENODATA;
}

static const struct devlink_health_reporter_ops vnic_health_ops = {
	.name		= "vf",
	.recover	= vnic_health_recover,
	.diagnose	= vnic_health_diagnose,
	.dump		= vnic_health_dump,
};

/* ---- lifetime ---- */

/**
 * vnic_health_create - make the reporter
 * @net: its devlink instance is registered; there are no VFs yet
 *
 * Context: process, neither devlink's lock nor rtnl held.
 * Return: the reporter or ERR_PTR(-ENOMEM).
 */
struct vnic_health *vnic_health_create(struct vnic_net *net)
{
	struct vnic_health *h = kzalloc(sizeof(*h), GFP_KERNEL);
	struct devlink_health_reporter *reporter;

	if (!h)
		return ERR_PTR(-ENOMEM);
	h->ad = net->ad;
	h->devlink = priv_to_devlink(net->devlink);
	h->next = jiffies;
	INIT_DELAYED_WORK(&h->report, vnic_health_report_work);
	INIT_DELAYED_WORK(&h->rescue, vnic_health_rescue_work);
	reporter = vnic_health_reporter_create(h->devlink, &vnic_health_ops, h);
	if (IS_ERR(reporter)) {
		kfree(h);
		return ERR_CAST(reporter);
	}
	h->reporter = reporter;
	net->ad->watch = &vnic_health_watch_ops;
	return h;
}

/* VFs are gone. */
void vnic_health_destroy(struct vnic_health *h)
{
	h->ad->watch = NULL;
	disable_delayed_work_sync(&h->report);	/* it starts the other */
	disable_delayed_work_sync(&h->rescue);
	devlink_health_reporter_destroy(h->reporter);
	kfree(h);
}
