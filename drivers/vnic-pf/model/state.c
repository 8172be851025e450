// SPDX-License-Identifier: GPL-2.0
/*
 * What state a virtual function is in, what has stopped it, and who is to look at it:
 * what all that serve it ask and say.
 */
#include <linux/ktime.h>
#include <linux/pci.h>

#include "fn.h"
#include "worker.h"

bool vnic_fn_resetting(const struct vnic_fn *fn)
{
	return READ_ONCE(fn->flags) & (BIT(VNIC_FN_RESET_OWN) | BIT(VNIC_FN_RESET_TELL) |
				       BIT(VNIC_FN_RESETTING));
}
EXPORT_SYMBOL_VNIC(vnic_fn_resetting);

bool vnic_fn_running(const struct vnic_fn *fn)
{
	unsigned long flags = READ_ONCE(fn->flags);

	return flags & BIT(VNIC_FN_MASTER) && !(flags & BIT(VNIC_FN_FAILED)) &&
	       !vnic_fn_resetting(fn);
}

#define VNIC_ALIVE_MASK		(BIT(VNIC_FN_FAILED) | BIT(VNIC_FN_MASTER))
#define VNIC_ENABLED_MASK	(VNIC_ALIVE_MASK | BIT(VNIC_FN_ENABLED))

bool vnic_queues_alive(const struct vnic_fn *fn)
{
	return (READ_ONCE(fn->flags) & VNIC_ALIVE_MASK) == BIT(VNIC_FN_MASTER);
}

bool vnic_queues_enabled(const struct vnic_fn *fn)
{
	return (READ_ONCE(fn->flags) & VNIC_ENABLED_MASK) ==
	       (BIT(VNIC_FN_MASTER) | BIT(VNIC_FN_ENABLED));
}

/* Not yet, because of an error a moment ago?  Then the worker comes back. */
bool vnic_fn_held(struct vnic_fn *fn, unsigned int bit)
{
	u64 until = READ_ONCE(fn->fail_until);

	if (!until)
		return false;
	if (ktime_get_ns() >= until) {
		WRITE_ONCE(fn->fail_until, 0);
		return false;
	}
	vnic_worker_wake_at(fn->worker[0], bit, until);
	return true;
}

/* ---- who is to look ---- */

void vnic_fn_pend(struct vnic_fn *fn, unsigned int pending)
{
	set_bit(pending, &fn->pending);
	vnic_worker_wake(fn->worker[0], VNIC_WORK_MBX);
}

void vnic_fn_pend_at(struct vnic_fn *fn, unsigned int pending, u64 when)
{
	set_bit(pending, &fn->pending);
	vnic_worker_wake_at(fn->worker[0], VNIC_WORK_MBX, when);
}

void vnic_fn_wake_backend(struct vnic_fn *fn)
{
	vnic_worker_wake(fn->worker[0], VNIC_WORK_BACKEND);
}
EXPORT_SYMBOL_VNIC(vnic_fn_wake_backend);

void vnic_fn_wake_queues(struct vnic_fn *fn)
{
	unsigned int qp;

	for (qp = 0; qp < VNIC_MAX_QPS; qp++) {
		if (READ_ONCE(fn->txq[qp].ring.live))
			vnic_worker_wake(fn->worker[qp], VNIC_WORK_TX);
		if (READ_ONCE(fn->rxq[qp].ring.live))
			vnic_worker_wake(fn->worker[qp], VNIC_WORK_RX);
	}
}
EXPORT_SYMBOL_VNIC(vnic_fn_wake_queues);

bool vnic_fn_has_queues(const struct vnic_fn *fn)
{
	unsigned int qp;

	for (qp = 0; qp < VNIC_MAX_QPS; qp++)
		if (READ_ONCE(fn->txq[qp].ring.live) || READ_ONCE(fn->rxq[qp].ring.live))
			return true;
	return false;
}
EXPORT_SYMBOL_VNIC(vnic_fn_has_queues);

void vnic_fn_rung(struct vnic_fn *fn)
{
	vnic_fn_pend(fn, VNIC_PENDING_REQUEST);
	vnic_fn_wake_queues(fn);
}
EXPORT_SYMBOL_VNIC(vnic_fn_rung);

void vnic_fn_set_bell(struct vnic_fn *fn, bool rings)
{
	bool rang = rings ? !test_and_clear_bit(VNIC_FN_BELL_DEAD, &fn->flags) :
			    !test_and_set_bit(VNIC_FN_BELL_DEAD, &fn->flags);

	if (rang != rings)
		vnic_fn_wake_queues(fn);
}
EXPORT_SYMBOL_VNIC(vnic_fn_set_bell);

/* ---- errors ---- */

/* The function is to be stopped; false: it is already. */
static bool vnic_fn_note_failure(struct vnic_fn *fn, const char *why, u64 now)
{
	unsigned long flags;
	bool first;

	spin_lock_irqsave(&fn->fail_lock, flags);
	first = !test_and_set_bit(VNIC_FN_FAILED, &fn->flags);
	if (first) {
		fn->failures++;
		fn->fail_why = why;
		fn->fail_at = now;
	}
	spin_unlock_irqrestore(&fn->fail_lock, flags);
	return first;
}

void vnic_fn_get_health(struct vnic_fn *fn, struct vnic_fn_health *st)
{
	unsigned long flags;
	u64 ago;

	spin_lock_irqsave(&fn->fail_lock, flags);
	st->failures = fn->failures;
	st->why = fn->fail_why;
	st->at = fn->fail_at;
	st->stopped = test_bit(VNIC_FN_FAILED, &fn->flags);
	spin_unlock_irqrestore(&fn->fail_lock, flags);
	ago = ktime_get_ns() - st->at;
	st->when = ktime_get_real_seconds() - div_u64(ago, NSEC_PER_SEC);
	st->refused = READ_ONCE(fn->refused);
	st->lost = vnic_port_lost(&fn->port);
	st->own_mac = vnic_port_own_mac(&fn->port, st->mac);
}

void vnic_fn_log_failure(struct vnic_fn *fn)
{
	struct vnic_fn_health st;

	if (!test_and_clear_bit(VNIC_FN_TO_LOG, &fn->flags))
		return;
	vnic_fn_get_health(fn, &st);
	dev_warn_ratelimited(&fn->ad->pf->dev, "VF %u: stopped until reset: %s\n", fn->index,
			     st.why);
}

void vnic_fn_fail(struct vnic_fn *fn, const char *why)
{
	u64 now = ktime_get_ns();

	if (!vnic_fn_note_failure(fn, why, now))
		return;
	WRITE_ONCE(fn->fail_until, now + (u64)VNIC_FAIL_HOLD_MS * NSEC_PER_MSEC);
	/* Not here: a console is slow, and this may be the thread of a neighbour. */
	if (!test_and_set_bit(VNIC_FN_LOGGED, &fn->flags))
		set_bit(VNIC_FN_TO_LOG, &fn->flags);
	vnic_fn_pend(fn, VNIC_PENDING_STATUS);
	fn->ad->watch->stopped(fn->ad);
}
