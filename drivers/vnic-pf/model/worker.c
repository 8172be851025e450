// SPDX-License-Identifier: GPL-2.0
/*
 * The thread of a queue pair: waking, pausing, and the two kinds of thread.
 *
 * What is done is the function's business (fn.c); here is only when.  Work is a bit
 * in @pending: whoever sets it first wakes the thread, the thread clears it
 * before it looks at what there is to do, so nothing is lost and a flood of
 * wakes is one bit.  A turn looks once at each bit that is set, and every piece
 * of work is bounded, so a turn is the thread's budget: between turns it looks
 * at signals and at requests to pause.
 *
 * The thread that rings a doorbell may take a turn itself.  One that finds the
 * turn taken sets the bit; a thread that does so goes to sleep, and is woken by
 * who has the turn, who looks for bits when it is over.
 *
 * A vhost_task dies with its process: by SIGKILL, before the backend is
 * detached.  Then bits are set and nobody cares; pause, resume and stop work as
 * before.
 */
#include <linux/bitops.h>
#include <linux/hrtimer.h>
#include <linux/kcov.h>
#include <linux/kthread.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include <compat.h>

#include "fn.h"
#include "worker.h"

/* Domain at most ffff, VF 255, queue pair 15; and a NUL */
static_assert(sizeof("vnic-ffff-vf255") <= TASK_COMM_LEN);
static_assert(sizeof("vn-ffff-v255q15") <= TASK_COMM_LEN);

/**
 * struct vnic_worker - a queue pair's thread
 * @fn: function
 * @qp: queue pair
 * @work: does it
 * @pending: work to do
 * @turn: held during a turn, and by who paused it.  A mutex, so that lockdep
 *	knows what a turn may take: never anything under which
 *	vnic_worker_pause() or vnic_worker_stop() is called
 * @first: @turn of the function's first worker
 * @pausing: somebody waits for @turn: end this one, begin none
 * @lock: leaf; protects what follows, up to @timer.  Raw, since accesses to
 *	configuration space wake, too
 * @task: the thread, with a reference; NULL before its first step and after its
 *	last.  Woken directly, since vhost_task_wake() may not be called once the
 *	task was killed, which we cannot know
 * @wakeups: times it was asleep then
 * @timed: work to do when @timer fires
 * @due: ktime ns of @timer, if @timed is not empty
 * @timer: wakes for @timed
 * @kthread: thread for a driver on this host, with a reference
 * @vtask: thread for a guest
 */
struct vnic_worker {
	struct vnic_fn		*fn;
	u8			qp;
	vnic_worker_work	*work;
	unsigned long		pending;
	struct mutex		turn;	/* see above */
	struct mutex		*first;
	bool			pausing;
	raw_spinlock_t		lock;	/* see above */
	struct task_struct	*task;
	u64			wakeups;
	unsigned long		timed;
	u64			due;
	struct hrtimer		timer;
	struct task_struct	*kthread;
	struct vhost_task	*vtask;
};

/* Wake the thread. */
static void vnic_worker_rouse(struct vnic_worker *w)
{
	lockdep_assert_held(&w->lock);
	if (w->task && wake_up_process(w->task))
		WRITE_ONCE(w->wakeups, w->wakeups + 1);
}

static void vnic_worker_kick(struct vnic_worker *w)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&w->lock, flags);
	vnic_worker_rouse(w);
	raw_spin_unlock_irqrestore(&w->lock, flags);
}

void vnic_worker_wake(struct vnic_worker *w, unsigned int bit)
{
	if (!test_and_set_bit(bit, &w->pending))
		vnic_worker_kick(w);
}

void vnic_worker_wake_at(struct vnic_worker *w, unsigned int bit, u64 when)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&w->lock, flags);
	if (!w->timed || when < w->due) {
		w->due = when;
		hrtimer_start(&w->timer, ns_to_ktime(when), HRTIMER_MODE_ABS);
	}
	__set_bit(bit, &w->timed);
	raw_spin_unlock_irqrestore(&w->lock, flags);
}

/*
 * One timer for all bits: those whose time has not come are looked at, find
 * nothing to do and ask again.
 */
static enum hrtimer_restart vnic_worker_timer(struct hrtimer *timer)
{
	struct vnic_worker *w = container_of(timer, struct vnic_worker, timer);
	unsigned long flags;
	unsigned int bit;

	raw_spin_lock_irqsave(&w->lock, flags);
	for_each_set_bit(bit, &w->timed, VNIC_WORK_BITS)
		set_bit(bit, &w->pending);
	w->timed = 0;
	vnic_worker_rouse(w);
	raw_spin_unlock_irqrestore(&w->lock, flags);
	return HRTIMER_NORESTART;
}

u64 vnic_worker_wakeups(const struct vnic_worker *w)
{
	return READ_ONCE(w->wakeups);
}

void vnic_worker_pause(struct vnic_worker *w)
{
	WRITE_ONCE(w->pausing, true);
	if (w->qp)
		mutex_lock_nest_lock(&w->turn, w->first);
	else
		mutex_lock(&w->turn);
}

void vnic_worker_resume(struct vnic_worker *w)
{
	WRITE_ONCE(w->pausing, false);
	mutex_unlock(&w->turn);
	vnic_worker_kick(w);
}

bool vnic_worker_begin(struct vnic_worker *w)
{
	if (READ_ONCE(w->pausing) || !mutex_trylock(&w->turn))
		return false;
	if (!READ_ONCE(w->pausing))
		return true;
	mutex_unlock(&w->turn);	/* resuming wakes the thread */
	return false;
}

void vnic_worker_end(struct vnic_worker *w)
{
	mutex_unlock(&w->turn);
	smp_mb();	/* the turn's end before pending; pairs with vnic_worker_turn() */
	if (READ_ONCE(w->pending))
		vnic_worker_kick(w);
}

/*
 * A turn.  Entered in TASK_INTERRUPTIBLE, so that a wake between the look at
 * @pending and schedule() is not lost.  False: nothing to do, go to sleep.
 */
static bool vnic_worker_turn(struct vnic_worker *w)
{
	unsigned int bit;

	if (READ_ONCE(w->pausing) || !READ_ONCE(w->pending))
		return false;
	smp_rmb();	/* pending before the turn; see vnic_worker_end() */
	if (!mutex_trylock(&w->turn))
		return false;
	__set_current_state(TASK_RUNNING);
	kcov_remote_start_common(w->fn->kcov.handle);
	/* Others set bits meanwhile: each is looked at as it comes. */
	for (bit = 0; bit < VNIC_WORK_BITS; bit++) {
		if (!test_bit(bit, &w->pending))
			continue;
		if (test_and_clear_bit(bit, &w->pending) && w->work(w->fn, w->qp, bit))
			set_bit(bit, &w->pending);
		if (READ_ONCE(w->pausing))
			break;
		cond_resched();
	}
	kcov_remote_stop();
	mutex_unlock(&w->turn);
	cond_resched();
	return true;
}

/* The thread's first step: from here on it can be woken. */
static void vnic_worker_enter(struct vnic_worker *w)
{
	raw_spin_lock_irq(&w->lock);
	w->task = get_task_struct(current);
	raw_spin_unlock_irq(&w->lock);
}

/* The thread has taken its last step. */
static void vnic_worker_leave(void *arg)
{
	struct vnic_worker *w = arg;
	struct task_struct *task;

	raw_spin_lock_irq(&w->lock);
	task = w->task;
	w->task = NULL;
	raw_spin_unlock_irq(&w->lock);
	if (task)
		put_task_struct(task);
}

static int vnic_worker_kthread(void *arg)
{
	struct vnic_worker *w = arg;

	vnic_worker_enter(w);
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (kthread_should_stop())
			break;
		if (!vnic_worker_turn(w))
			schedule();
	}
	__set_current_state(TASK_RUNNING);
	return 0;
}

/* Called by the vhost_task in a loop, in TASK_INTERRUPTIBLE; sleeps on false. */
static bool vnic_worker_vtask(void *arg)
{
	struct vnic_worker *w = arg;

	if (!READ_ONCE(w->task))
		vnic_worker_enter(w);
	return vnic_worker_turn(w);
}

int vnic_worker_start(struct vnic_worker *w, bool user)
{
	unsigned int domain = pci_domain_nr(w->fn->ad->pf->bus);
	char name[TASK_COMM_LEN];

	if (w->vtask || w->kthread)
		return 0;
	if (w->qp)
		snprintf(name, sizeof(name), "vn-%x-v%uq%u", domain, w->fn->index, w->qp);
	else
		snprintf(name, sizeof(name), "vnic-%x-vf%u", domain, w->fn->index);
	if (user) {
		struct vhost_task *vtask;
		sigset_t all, mask;

		/* A signal that is pending (QEMU kicks its vCPUs by one) would make it fail. */
		sigfillset(&all);
		sigprocmask(SIG_BLOCK, &all, &mask);
		vtask = vnic_vhost_task_create(vnic_worker_vtask, vnic_worker_leave, w, name);
		sigprocmask(SIG_SETMASK, &mask, NULL);
		if (IS_ERR(vtask))
			return PTR_ERR(vtask);
		w->vtask = vtask;
		vnic_vhost_task_start(vtask);
	} else {
		struct task_struct *kthread;

		kthread = kthread_create(vnic_worker_kthread, w, "%s", name);
		if (IS_ERR(kthread))
			return PTR_ERR(kthread);
		w->kthread = get_task_struct(kthread);
		wake_up_process(kthread);
	}
	return 0;
}

void vnic_worker_stop(struct vnic_worker *w)
{
	if (w->vtask)
		vnic_vhost_task_stop(w->vtask);
	if (w->kthread)
		kthread_stop_put(w->kthread);
	w->vtask = NULL;
	w->kthread = NULL;
	vnic_worker_leave(w);
}

struct vnic_worker *vnic_worker_create(struct vnic_fn *fn, unsigned int qp,
				       vnic_worker_work *work)
{
	struct vnic_worker *w = kzalloc(sizeof(*w), GFP_KERNEL);

	if (!w)
		return NULL;
	w->fn = fn;
	w->qp = qp;
	w->work = work;
	if (qp)	/* two classes for lockdep: these nest in the first worker's */
		mutex_init(&w->turn);
	else
		mutex_init(&w->turn);
	w->first = qp ? &fn->worker[0]->turn : &w->turn;
	raw_spin_lock_init(&w->lock);
	vnic_hrtimer_setup(&w->timer, vnic_worker_timer);
	return w;
}

void vnic_worker_destroy(struct vnic_worker *w)
{
	if (!w)
		return;
	hrtimer_cancel(&w->timer);
	kfree(w);
}
