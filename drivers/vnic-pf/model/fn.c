// SPDX-License-Identifier: GPL-2.0
/*
 * A virtual function's life: creation, attach and detach of a driver, reset,
 * and what its worker does with a piece of work.
 *
 * The rule for attach, detach, reset and destruction:
 *
 *  - A reset is requested by VNIC_FN_RESET_OWN or _TELL (any context) and done by
 *    fn->reset_work under fn->lock, nowhere else.  A synchronous reset queues
 *    the work and flushes it.  Requests merge: a reset that begins after the
 *    request satisfies it, and vnic_fn_resetting() is true from the first
 *    request to the end of the last reset, so no reset comes late over a driver
 *    that has started again.
 *  - Why a kworker: it takes the switch's configuration lock, and the caller
 *    may be a thread of a VM, which its cgroup can throttle at any instruction.
 *    The same holds for the mailbox (mailbox.c).
 *  - Attach waits for resets requested before.  Detach closes the registers
 *    (VNIC_FN_ATTACHED), resets, stops the worker, then lets go of the backend;
 *    until that is done (fn->be is NULL) attach says -EBUSY.  A reset between
 *    the two finds nothing to do.
 *  - Destruction comes after the VF's pci_dev is gone, so nobody is attached
 *    (WARN); configuration accesses find the function by RCU, so after
 *    unpublishing, a grace period and cancelling the work nobody knows it.
 *
 * fn->lock is never taken by a worker (reset waits for its turn under it), or by
 * the forwarding path.
 */
#include <linux/delay.h>
#include <linux/kcov.h>
#include <linux/mm.h>
#include <linux/pci.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>

#include <compat.h>

#include "../bus/bus.h"
#include "../trace.h"
#include "fn.h"
#include "worker.h"

#define VNIC_SETTLE	(2 * HZ)	/* who is waited for may be a guest's thread */

/* ---- work ---- */

/* The bit may be older than the backend, and the thread is: it starts first. */
static void vnic_fn_work_backend(struct vnic_fn *fn)
{
	/* pairs with vnic_fn_attach_locked() */
	const struct vnic_backend_ops *be = smp_load_acquire(&fn->be);

	if (be && be->work)
		be->work(fn->be_priv);
}

static bool vnic_fn_work(struct vnic_fn *fn, unsigned int qp, unsigned int bit)
{
	if (bit == VNIC_WORK_MBX) {
		if (test_bit(VNIC_FN_MASTER, &fn->flags) && !vnic_fn_resetting(fn) &&
		    !vnic_fn_held(fn, bit))
			fn->pers->work(fn);
		return false;
	}
	if (bit == VNIC_WORK_BACKEND) {
		vnic_fn_work_backend(fn);
		return false;
	}
	if (!vnic_fn_running(fn))
		return false;
	if (bit == VNIC_WORK_PACE)
		return vnic_pace_work(fn);
	return bit == VNIC_WORK_TX ? vnic_txq_work(&fn->txq[qp]) : vnic_rxq_work(&fn->rxq[qp]);
}

void vnic_fn_reset_rss(struct vnic_fn *fn)
{
	u8 key[VNIC_HASH_KEY_LEN];
	unsigned int i;

	lockdep_assert_held(&fn->lock);
	get_random_bytes(key, sizeof(key));
	vnic_hash_set_key(&fn->rss_key, key);
	vnic_hash_set_types(&fn->rss_key, VNIC_HASH_ALL);
	for (i = 0; i < VNIC_RSS_SLOTS; i++)
		WRITE_ONCE(fn->rss_table[i], 0);
	WRITE_ONCE(fn->rss_other, 0);
	vnic_steer_reset(&fn->steer);
}

/* ---- reset ---- */

/* In this order: the first worker pauses others in its turns. */
static void vnic_fn_pause(struct vnic_fn *fn)
{
	unsigned int i;

	for (i = 0; i < VNIC_MAX_QPS; i++)
		vnic_worker_pause(fn->worker[i]);
}

static void vnic_fn_resume(struct vnic_fn *fn)
{
	unsigned int i;

	for (i = VNIC_MAX_QPS; i--; )
		vnic_worker_resume(fn->worker[i]);
}

/* A driver that could not be told that it has to start over keeps what it set up. */
static bool vnic_fn_spared(const struct vnic_fn *fn)
{
	unsigned long flags = READ_ONCE(fn->flags);

	return fn->pers->blind && flags & BIT(VNIC_FN_ATTACHED) && !(flags & BIT(VNIC_FN_FAILED));
}

/* Everything a driver did is undone; what the host configured stays. */
static void vnic_fn_do_reset(struct vnic_fn *fn, bool tell)
{
	bool failed;
	u64 since;

	lockdep_assert_held(&fn->lock);
	if (tell && vnic_fn_spared(fn)) {
		vnic_pace_purge(fn, VNIC_DROP_RX_RESET);
		return;
	}
	vnic_fn_pause(fn);
	since = ktime_get_ns();
	/* First, so that a driver that is told finds that it is so. */
	WRITE_ONCE(fn->generation, fn->generation + 1);
	if (tell)
		fn->pers->tell_reset(fn);
	clear_bit(VNIC_FN_ENABLED, &fn->flags);
	vnic_port_guest_enable(&fn->port, false);
	vnic_port_guest_reset(&fn->port);
	vnic_queues_stop(fn);
	vnic_vectors_stop(fn);
	WRITE_ONCE(fn->pending, 0);
	fn->pers->reset(fn);
	failed = test_and_clear_bit(VNIC_FN_FAILED, &fn->flags);
	trace_vnic_reset(fn, tell, failed);
	if (failed)
		fn->ad->watch->restarted(fn->ad);
	if (test_bit(VNIC_FN_ATTACHED, &fn->flags))
		vnic_vectors_start(fn);
	vnic_fn_resume(fn);
	vnic_fn_toll_spend(fn, since);
}

/* What was to be done while a reset was requested or done found vnic_fn_running() false:
 * all of it is looked for once more, since a driver that was spared rings no more for it.
 */
static void vnic_fn_wake(struct vnic_fn *fn)
{
	vnic_worker_wake(fn->worker[0], VNIC_WORK_MBX);
	vnic_worker_wake(fn->worker[0], VNIC_WORK_PACE);
	vnic_fn_wake_queues(fn);
}

static void vnic_fn_reset_work(struct work_struct *work)
{
	struct vnic_fn *fn = container_of(work, struct vnic_fn, reset_work);
	bool own, tell;
	u64 wait;

	while ((wait = vnic_fn_toll(fn)))
		fsleep(wait / NSEC_PER_USEC + 1);
	mutex_lock(&fn->lock);
	kcov_remote_start_common(fn->kcov.handle);
	set_bit(VNIC_FN_RESETTING, &fn->flags);
	own = test_and_clear_bit(VNIC_FN_RESET_OWN, &fn->flags);
	tell = test_and_clear_bit(VNIC_FN_RESET_TELL, &fn->flags);
	if (own || tell)
		vnic_fn_do_reset(fn, !own);
	clear_bit(VNIC_FN_RESETTING, &fn->flags);
	vnic_fn_wake(fn);
	kcov_remote_stop();
	mutex_unlock(&fn->lock);
}

static void vnic_fn_request_reset(struct vnic_fn *fn, bool tell)
{
	if (test_bit(VNIC_FN_DYING, &fn->flags))
		return;
	set_bit(tell ? VNIC_FN_RESET_TELL : VNIC_FN_RESET_OWN, &fn->flags);
	queue_work(system_long_wq, &fn->reset_work);
}

void vnic_fn_reset(struct vnic_fn *fn, bool tell)
{
	vnic_fn_request_reset(fn, tell);
	flush_work(&fn->reset_work);
}
EXPORT_SYMBOL_VNIC(vnic_fn_reset);

void vnic_fn_reset_async(struct vnic_fn *fn)
{
	vnic_fn_request_reset(fn, false);
}
EXPORT_SYMBOL_VNIC(vnic_fn_reset_async);

void vnic_fns_rescue(struct vnic_adapter *ad, u64 ns)
{
	struct vnic_fn_health st;
	struct vnic_fn *fn;
	unsigned int i;

	mutex_lock(&ad->lock);
	for (i = 0; i < ad->num_vfs; i++) {
		fn = rcu_dereference_protected(ad->vfs[i], lockdep_is_held(&ad->lock));
		vnic_fn_get_health(fn, &st);
		if (st.stopped && ktime_get_ns() - st.at >= ns)
			vnic_fn_request_reset(fn, true);
	}
	mutex_unlock(&ad->lock);
}

static bool vnic_fns_resetting(struct vnic_adapter *ad)
{
	struct vnic_fn *fn;
	unsigned int i;

	guard(rcu)();
	for (i = 0; i < VNIC_MAX_VFS; i++) {
		fn = rcu_dereference(ad->vfs[i]);
		if (fn && vnic_fn_resetting(fn))
			return true;
	}
	return false;
}

bool vnic_fns_settle(struct vnic_adapter *ad)
{
	unsigned long end = jiffies + VNIC_SETTLE;

	while (vnic_fns_resetting(ad)) {
		if (time_after(jiffies, end))
			return false;
		msleep(20);
	}
	return true;
}

void vnic_fns_reset(struct vnic_adapter *ad)
{
	struct vnic_fn *fn;
	unsigned int i;

	for (i = 0; i < ad->num_vfs; i++) {
		fn = rcu_dereference_protected(ad->vfs[i], lockdep_is_held(&ad->pf->dev.mutex));
		vnic_fn_request_reset(fn, true);
	}
	for (i = 0; i < ad->num_vfs; i++) {
		fn = rcu_dereference_protected(ad->vfs[i], lockdep_is_held(&ad->pf->dev.mutex));
		if (!test_bit(VNIC_FN_GUEST, &fn->flags))
			flush_work(&fn->reset_work);
	}
	vnic_fns_settle(ad);
}

/* A driver that has set up nothing has nothing that would be stopped. */
void vnic_fn_set_master(struct vnic_fn *fn, bool on)
{
	if (on) {
		set_bit(VNIC_FN_MASTER, &fn->flags);
		vnic_fn_wake(fn);
		return;
	}
	if (test_and_clear_bit(VNIC_FN_MASTER, &fn->flags) && fn->pers->used(fn))
		vnic_fn_request_reset(fn, false);
}
EXPORT_SYMBOL_VNIC(vnic_fn_set_master);

/* ---- attach ---- */

/*
 * Bus mastering at attach.  A guest's is off until its configuration space says
 * otherwise.  On the host it may change at any time: what is read last is what
 * a change that comes later is told over.
 */
static void vnic_fn_init_master(struct vnic_fn *fn, bool guest)
{
	bool on;

	assign_bit(VNIC_FN_GUEST, &fn->flags, guest);
	do {
		on = !guest && vnic_bus_is_master(fn->ad->bus, fn->index);
		assign_bit(VNIC_FN_MASTER, &fn->flags, on);
	} while (!guest && on != vnic_bus_is_master(fn->ad->bus, fn->index));
}

static int vnic_fn_attach_locked(struct vnic_fn *fn, const struct vnic_backend_ops *be,
				 void *priv, struct vnic_as *as)
{
	int err;

	if (test_bit(VNIC_FN_DYING, &fn->flags) ||
	    (be->guest && test_bit(VNIC_FN_RETIRED, &fn->flags)))
		return -ENODEV;
	if (fn->be)
		return -EBUSY;
	WRITE_ONCE(fn->pers, be->guest ? fn->guest_pers : fn->ad->host_pers);
	vnic_fn_init_master(fn, be->guest);	/* now who asks finds that it has a guest */
	err = fn->pers->attach(fn);
	if (err)
		goto no_guest;
	err = vnic_worker_start(fn->worker[0], be->guest);
	if (err)
		goto detach;
	fn->be_priv = priv;
	smp_store_release(&fn->be, be);	/* behind @be_priv: the worker runs already */
	fn->as = as;
	fn->kcov.handle = kcov_common_handle();
	clear_bit(VNIC_FN_LOGGED, &fn->flags);
	clear_bit(VNIC_FN_BELL_DEAD, &fn->flags);
	vnic_vectors_start(fn);
	set_bit(VNIC_FN_ATTACHED, &fn->flags);
	return 0;

detach:
	fn->pers->detach(fn);
no_guest:
	clear_bit(VNIC_FN_GUEST, &fn->flags);
	return err;
}

int vnic_fn_attach(struct vnic_fn *fn, const struct vnic_backend_ops *be, void *priv,
		   struct vnic_as *as)
{
	int err;

	flush_work(&fn->reset_work);
	mutex_lock(&fn->lock);
	err = vnic_fn_attach_locked(fn, be, priv, as);
	mutex_unlock(&fn->lock);
	return err;
}
EXPORT_SYMBOL_VNIC(vnic_fn_attach);

void vnic_fn_detach(struct vnic_fn *fn)
{
	struct vnic_as *as;
	unsigned int i;

	mutex_lock(&fn->lock);
	clear_bit(VNIC_FN_ATTACHED, &fn->flags);
	mutex_unlock(&fn->lock);
	vnic_fn_reset(fn, false);

	mutex_lock(&fn->lock);
	for (i = 0; i < VNIC_MAX_QPS; i++)	/* the first one starts others */
		vnic_worker_stop(fn->worker[i]);
	fn->pers->detach(fn);
	as = fn->as;
	fn->as = NULL;
	fn->be_priv = NULL;
	fn->be = NULL;
	memset(&fn->kcov, 0, sizeof(fn->kcov));
	clear_bit(VNIC_FN_GUEST, &fn->flags);
	mutex_unlock(&fn->lock);
	vnic_as_free(as);
}
EXPORT_SYMBOL_VNIC(vnic_fn_detach);

void vnic_fn_set_vectors(struct vnic_fn *fn, unsigned int vectors)
{
	mutex_lock(&fn->lock);
	WRITE_ONCE(fn->vectors, vectors);
	mutex_unlock(&fn->lock);
}

int vnic_fn_set_personality(struct vnic_fn *fn, const struct vnic_personality *pers)
{
	/* Asked first: of a VF in a guest the lock may be held for as long as its threads,
	 * which may not get the CPU, take to pause.
	 */
	if (test_bit(VNIC_FN_GUEST, &fn->flags))
		return -EBUSY;
	guard(mutex)(&fn->lock);
	if (test_bit(VNIC_FN_GUEST, &fn->flags))
		return -EBUSY;
	WRITE_ONCE(fn->guest_pers, pers);
	return 0;
}

struct vnic_fn *vnic_fn_of(struct pci_dev *pdev)
{
	int vf = vnic_bus_vf_index(pdev);
	struct vnic_fn *fn;

	if (vf < 0)
		return NULL;
	rcu_read_lock();
	fn = rcu_dereference(vnic_adapter_of(pdev)->vfs[vf]);
	rcu_read_unlock();
	return fn;
}
EXPORT_SYMBOL_VNIC(vnic_fn_of);

/* ---- creation ---- */

static void vnic_fn_changed(struct vnic_port *port)
{
	vnic_fn_pend(port->priv, VNIC_PENDING_STATUS);
}

static const struct vnic_port_ops vnic_fn_port_ops = {
	.deliver	= vnic_vf_deliver,
	.queue		= vnic_vf_queue,
	.set_queue	= vnic_vf_set_queue,
	.unblock	= vnic_vf_unblock,
	.changed	= vnic_fn_changed,
};

static void vnic_fn_free_workers(struct vnic_fn *fn)
{
	unsigned int i;

	for (i = 0; i < VNIC_MAX_QPS; i++)
		vnic_worker_destroy(fn->worker[i]);
}

static int vnic_fn_create_workers(struct vnic_fn *fn)
{
	unsigned int i;

	for (i = 0; i < VNIC_MAX_QPS; i++) {
		fn->worker[i] = vnic_worker_create(fn, i, vnic_fn_work);
		if (!fn->worker[i]) {
			vnic_fn_free_workers(fn);
			return -ENOMEM;
		}
	}
	return 0;
}

static void vnic_fn_reclaimed(struct vnic_partition *part, const struct vnic_stored *item)
{
	vnic_stored_lose(container_of(part, struct vnic_fn, part), item, VNIC_DROP_RX_RECLAIM);
}

/* Half of the memory is guaranteed, in equal parts, whether the VFs are there or
 * not; a VF may borrow a sixteenth.
 */
static void vnic_fn_init_partition(struct vnic_fn *fn)
{
	u32 cells = fn->ad->memory->pool.cells, most;

	vnic_partition_init(&fn->part, fn->ad->memory, fn->index + 1, vnic_fn_reclaimed);
	vnic_part_resize(&fn->part.part, cells / 2 / fn->ad->total_vfs, cells / 16, &most);
}

static struct vnic_fn *vnic_fn_create(struct vnic_adapter *ad, unsigned int index)
{
	struct vnic_fn *fn = kvzalloc(sizeof(*fn), GFP_KERNEL);
	u8 mac[ETH_ALEN];
	int err;

	if (!fn)
		return ERR_PTR(-ENOMEM);
	fn->ad = ad;
	fn->index = index;
	fn->vectors = VNIC_DEF_VECTORS;
	fn->pers = ad->host_pers;
	fn->guest_pers = ad->guest_pers;
	mutex_init(&fn->lock);
	spin_lock_init(&fn->toll_lock);
	vnic_steer_init(&fn->steer);
	spin_lock_init(&fn->fail_lock);
	vnic_meter_set(&fn->toll, VNIC_TOLL_TIME, VNIC_TOLL_SAVED, ktime_get_ns());
	INIT_WORK(&fn->reset_work, vnic_fn_reset_work);
	vnic_vectors_init(fn);
	err = vnic_fn_create_workers(fn);
	if (err)
		goto free_fn;
	vnic_queues_init(fn);
	vnic_fn_init_partition(fn);
	err = vnic_port_init(&fn->port, ad->sw, VNIC_PORT_VF, index, &vnic_fn_port_ops, fn,
			     vnic_address(ad->id, index, mac) ? mac : NULL);
	if (err)
		goto free_part;
	return fn;

free_part:
	vnic_partition_destroy(&fn->part);
	vnic_fn_free_workers(fn);
free_fn:
	kvfree(fn);
	return ERR_PTR(err);
}

/* Nobody finds it any more, except the port's switch. */
static void vnic_fn_free(struct vnic_fn *fn)
{
	WARN_ON(fn->be);
	cancel_work_sync(&fn->reset_work);
	vnic_port_destroy(&fn->port);
	vnic_queues_stop(fn);
	vnic_partition_destroy(&fn->part);
	vnic_fn_free_workers(fn);
	kvfree(fn);
}

static void vnic_fns_free(struct vnic_adapter *ad, struct list_head *list)
{
	struct vnic_fn *fn, *next;

	list_for_each_entry_safe(fn, next, list, node)
		vnic_fn_free(fn);
	vnic_memory_destroy(ad->memory);
	ad->memory = NULL;
}

int vnic_fns_create(struct vnic_adapter *ad, unsigned int n)
{
	struct vnic_fn *fn;
	LIST_HEAD(list);
	unsigned int i;

	ad->memory = vnic_memory_create(ad->memory_size);
	if (!ad->memory) {
		pci_err(ad->pf, "no memory for %u MiB of packet memory (memory=), %lu MiB are available\n",
			ad->memory_size / SZ_1M, si_mem_available() >> (20 - PAGE_SHIFT));
		return -ENOMEM;
	}
	for (i = 0; i < n; i++) {
		fn = vnic_fn_create(ad, i);
		if (IS_ERR(fn)) {
			vnic_fns_free(ad, &list);
			return PTR_ERR(fn);
		}
		list_add_tail(&fn->node, &list);
	}
	rtnl_lock();
	mutex_lock(&ad->lock);
	list_for_each_entry(fn, &list, node)
		rcu_assign_pointer(ad->vfs[fn->index], fn);
	ad->num_vfs = n;
	mutex_unlock(&ad->lock);
	rtnl_unlock();
	return 0;
}

void vnic_fns_destroy(struct vnic_adapter *ad)
{
	struct vnic_fn *fn;
	LIST_HEAD(list);
	unsigned int i;

	rtnl_lock();
	mutex_lock(&ad->lock);
	for (i = 0; i < ad->num_vfs; i++) {
		fn = rcu_replace_pointer(ad->vfs[i], NULL, lockdep_is_held(&ad->lock));
		set_bit(VNIC_FN_DYING, &fn->flags);
		list_add_tail(&fn->node, &list);
	}
	ad->num_vfs = 0;
	mutex_unlock(&ad->lock);
	rtnl_unlock();
	synchronize_rcu();
	vnic_fns_free(ad, &list);
}

/* Has a guest one of the VFs? */
static bool vnic_fns_in_guest(struct vnic_adapter *ad)
{
	struct vnic_fn *fn;
	bool used = false;
	unsigned int i;

	rcu_read_lock();
	for (i = 0; i < VNIC_MAX_VFS && !used; i++) {
		fn = rcu_dereference(ad->vfs[i]);
		used = fn && test_bit(VNIC_FN_GUEST, &fn->flags);
	}
	rcu_read_unlock();
	return used;
}

/* False: a guest has it. */
static bool vnic_fn_retire(struct vnic_fn *fn)
{
	guard(mutex)(&fn->lock);
	if (test_bit(VNIC_FN_GUEST, &fn->flags))
		return false;
	set_bit(VNIC_FN_RETIRED, &fn->flags);
	return true;
}

/* Asked first: where a guest has a VF, its lock may be held for as long as a reset takes. */
bool vnic_fns_retire(struct vnic_adapter *ad)
{
	bool free = !vnic_fns_in_guest(ad);
	struct vnic_fn *fn;
	unsigned int i;

	for (i = 0; i < ad->num_vfs && free; i++) {
		fn = rcu_dereference_protected(ad->vfs[i], lockdep_is_held(&ad->pf->dev.mutex));
		free = vnic_fn_retire(fn);
	}
	while (!free && i--) {
		fn = rcu_dereference_protected(ad->vfs[i], lockdep_is_held(&ad->pf->dev.mutex));
		clear_bit(VNIC_FN_RETIRED, &fn->flags);
	}
	return free;
}
