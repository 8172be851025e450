/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The thread in which the work of a queue pair is done: a vhost_task of the VM's
 * process (so in the VM's cgroup) or a kthread.  This type hides which.
 *
 * A function has a worker for each queue pair it could have; they live as long
 * as the function and can be woken all that time.  The thread of the first one,
 * which also serves the mailbox, exists while there is a backend; that of
 * another from the creation of its first queue until the backend goes.
 */
#ifndef _VNIC_WORKER_H
#define _VNIC_WORKER_H

#include <linux/types.h>

struct vnic_fn;
struct vnic_worker;

/* Work a worker may be woken for, bits of vnic_worker_wake() */
#define VNIC_WORK_MBX	0	/* of the first worker only */
#define VNIC_WORK_TX	1
#define VNIC_WORK_PACE	2	/* of the first worker only */
#define VNIC_WORK_RX	3	/* behind what gives it work */
#define VNIC_WORK_BACKEND	4	/* of the first worker only: what the backend leaves it */
#define VNIC_WORK_BITS	5

/* One bit of work of queue pair @qp, bounded; in a turn.  True: again. */
typedef bool vnic_worker_work(struct vnic_fn *fn, unsigned int qp, unsigned int bit);

/* For queue pair @qp; those of a function are created in order.  @work does what it is
 * woken for.  NULL: no memory
 */
struct vnic_worker *vnic_worker_create(struct vnic_fn *fn, unsigned int qp,
				       vnic_worker_work *work);
/* Process context; it has been stopped. */
void vnic_worker_destroy(struct vnic_worker *w);

/* Make the thread unless there is one: with @user a vhost_task of current's
 * process, else a kthread.  Named "vnic-<domain>-vf<N>", of queue pairs other
 * than 0 "vn-<domain>-v<N>q<Q>", domain in hex: 15 characters at most.
 * Process context.  0 or -errno.
 */
int vnic_worker_start(struct vnic_worker *w, bool user);
/* End the thread; process context.  After it nothing runs. */
void vnic_worker_stop(struct vnic_worker *w);

/* Wake for a piece of work.  Any context (not NMI). */
void vnic_worker_wake(struct vnic_worker *w, unsigned int bit);
/* Wake for it at a time (ktime_get_ns()), or earlier; any context */
void vnic_worker_wake_at(struct vnic_worker *w, unsigned int bit, u64 when);
/* Keep it from running: waits until its current turn is over, which takes long
 * if its cgroup is throttled.  Not nestable; the same task resumes.  Several of
 * a function are paused in order, the first one first: it is also what the
 * others' are nested in.  Process context, not from the worker itself.
 */
void vnic_worker_pause(struct vnic_worker *w);
void vnic_worker_resume(struct vnic_worker *w);

/* Take a turn in the place of the thread, without waiting: false if it cannot
 * be.  Process context, preemption on or off; the same task ends it.
 */
bool vnic_worker_begin(struct vnic_worker *w);
void vnic_worker_end(struct vnic_worker *w);

/* Times the thread was woken from sleep */
u64 vnic_worker_wakeups(const struct vnic_worker *w);

#endif /* _VNIC_WORKER_H */
