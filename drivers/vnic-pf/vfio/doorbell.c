// SPDX-License-Identifier: GPL-2.0
/*
 * The doorbell page as memory whose writes KVM reports: a doorbell then costs
 * the guest one exit that never leaves the kernel.
 *
 * Page 1 of BAR0 is an ordinary page, which the user maps and KVM puts into the
 * guest.  KVM's external write tracking keeps it write-protected and calls
 * vnic_bell_write() in the vCPU's thread after each write.  Where KVM cannot do
 * that the page is not offered for mapping, and its writes arrive by pwrite()
 * as those to the registers do.
 *
 * The user forwards writes to the BAR (config.c), so it is known where the
 * guest has put the page.  KVM tracks a page of a memory slot, however, and the
 * slot comes after the write to the BAR and may go at any time.  Therefore:
 *
 *  - The page is tracked ("armed") or not.  When a write to it has been reported
 *    it is proven; until then vnic_fn_set_bell() has the event blocks say that
 *    it is dead, and a driver rings it and the register.
 *  - Why proven: KVM takes the mark of a page where it found no slot (a stale MMIO
 *    SPTE, make_spte() in arch/x86/kvm/mmu/spte.c) for a writable mapping, and
 *    maps a tracked page writable over it at the first access.  Tracking it
 *    once more protects it then.
 *  - When the page has a place and is not armed or not proven, accesses to the
 *    registers, which are trapped, try again: a driver that rings both arms and
 *    proves.
 *  - Arming, disarming and vnic_bell_lost(), which KVM calls before a slot goes,
 *    exclude each other by kvm->slots_lock.  KVM counts trackers in the slot
 *    without a limit of its own other than a WARN, so that each count is given
 *    back to the slot where it was taken, also when that is about to go; and a
 *    slot that is going already cannot be armed.
 *  - KVM may hold slots_lock for as long as the VMM likes: it waits for vCPUs,
 *    and one may wait for memory that never comes.  Nothing waits for it that
 *    keeps an administrator: where it is taken the next try does it, and a page
 *    that is still tracked where the BAR is no more rings nothing.
 *
 * A driver that cannot be told that the page is dead (vnic_personality.blind) rings in
 * vain meanwhile, and may not touch a register for hours.  For such, while the page has
 * a place and is not proven, and while there are queues, a kworker looks at the page itself
 * every VNIC_BELL_LOOK: it is filled with what no driver writes, so that what differs has
 * been rung.  Writes from before it was filled are made up for by a look at all queues.
 * Whatever the guest and its VMM do, there are no more looks than that: they are outside of
 * the VM's cgroup.  (The function's own thread waits for a CPU for longer than a doorbell
 * may be late.)  It has that thread try to have the page tracked, since KVM's locks may be
 * held for long.
 *
 * Whatever the guest does with its BAR, only the page of its own memory map
 * that it names as the doorbell page is tracked, and only this VF is rung.
 */
#include <linux/atomic.h>
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/jiffies.h>
#include <linux/kvm_host.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "compat.h"
#include "priv.h"

static bool doorbell_page = true;
module_param(doorbell_page, bool, 0644);
MODULE_PARM_DESC(doorbell_page,
		 "Take guests' doorbells in the kernel where KVM can (from the next opening of a VF on)");

#define VNIC_BELL_NONE		((gfn_t)~0ULL)
#define VNIC_BELL_RETRY_MS	10
#define VNIC_BELL_OPEN_MS	500	/* for which opening waits for KVM's slots */
#define VNIC_BELL_LOOK		(NSEC_PER_MSEC / 2)	/* ns between two looks at the page */
#define VNIC_BELL_IDLE		0xffffffffU	/* no queue's number (or number and index) */

/* KVM's part, looked up when needed: without KVM the module works as well. */
struct vnic_bell_kvm {
	typeof(kvm_page_track_register_notifier)	*start;
	typeof(kvm_page_track_unregister_notifier)	*stop;
	typeof(kvm_write_track_add_gfn)			*add;
	typeof(kvm_write_track_remove_gfn)		*remove;
};

/**
 * struct vnic_bell - the doorbell page of an open device
 * @vv: device
 * @page: what the user maps
 * @kvm: virtual machine; the vfio core has a reference while the device is open
 * @ops: what KVM offers
 * @node: by which KVM calls
 * @want: guest page number the guest has placed it at, VNIC_BELL_NONE: nowhere;
 *	written under @cfg_lock and @lock
 * @gfn: guest page that is tracked, or VNIC_BELL_NONE; written under kvm->slots_lock
 *	and @lock
 * @proven: a write to @gfn was reported, and that is @want; written under @lock
 * @lock: leaf but for a worker's; what the driver is told follows @proven
 * @retry: jiffies before which it is not tried again
 * @looking: a look at the page is due, for a blind driver
 * @timer: wakes @look
 * @look: looks at the page
 * @words: of the page that are looked at
 */
struct vnic_bell {
	struct vnic_vfio			*vv;
	struct page				*page;
	struct kvm				*kvm;
	struct vnic_bell_kvm			ops;
	struct kvm_page_track_notifier_node	node;
	gfn_t					want;
	gfn_t					gfn;
	bool					proven;
	spinlock_t				lock;	/* see above */
	unsigned long				retry;
	bool					looking;
	struct hrtimer				timer;
	struct work_struct			look;
	unsigned int				words;
};

static void vnic_bell_kvm_put(struct vnic_bell_kvm *ops)
{
	if (ops->start)
		symbol_put(kvm_page_track_register_notifier);
	if (ops->stop)
		symbol_put(kvm_page_track_unregister_notifier);
	if (ops->add)
		symbol_put(kvm_write_track_add_gfn);
	if (ops->remove)
		symbol_put(kvm_write_track_remove_gfn);
}

/* All of it or nothing */
static bool vnic_bell_kvm_get(struct vnic_bell_kvm *ops)
{
	ops->start = symbol_get(kvm_page_track_register_notifier);
	ops->stop = symbol_get(kvm_page_track_unregister_notifier);
	ops->add = symbol_get(kvm_write_track_add_gfn);
	ops->remove = symbol_get(kvm_write_track_remove_gfn);
	if (ops->start && ops->stop && ops->add && ops->remove)
		return true;
	vnic_bell_kvm_put(ops);
	return false;
}

/* Is the page to be looked at? */
static bool vnic_bell_blind(const struct vnic_bell *bell)
{
	return bell->words && !READ_ONCE(bell->proven) &&
	       READ_ONCE(bell->want) != VNIC_BELL_NONE;
}

/* The page is to be looked at, in a while.  Any context. */
static void vnic_bell_look_later(struct vnic_bell *bell)
{
	if (!READ_ONCE(bell->looking) && !xchg(&bell->looking, true))
		hrtimer_start(&bell->timer, ns_to_ktime(VNIC_BELL_LOOK), HRTIMER_MODE_REL);
}

/* Tracked or not, proven or not, and what the driver is told of it */
static void vnic_bell_set(struct vnic_bell *bell, gfn_t gfn, bool proven)
{
	lockdep_assert_held(&bell->lock);
	WRITE_ONCE(bell->gfn, gfn);
	WRITE_ONCE(bell->proven, proven);
	vnic_fn_set_bell(bell->vv->fn, proven);
	if (vnic_bell_blind(bell))
		vnic_bell_look_later(bell);
}

/* A write to @gfn has been reported: those that follow will be, too. */
static void vnic_bell_prove(struct vnic_bell *bell, gfn_t gfn)
{
	spin_lock(&bell->lock);
	if (bell->gfn == gfn && bell->want == gfn)
		vnic_bell_set(bell, gfn, true);
	spin_unlock(&bell->lock);
}

/*
 * The guest has written somewhere that KVM watches.  In the vCPU's thread, under
 * KVM's SRCU: it may not sleep.
 */
static void vnic_bell_write(gpa_t gpa, const u8 *new, int bytes,
			    struct kvm_page_track_notifier_node *node)
{
	struct vnic_bell *bell = container_of(node, struct vnic_bell, node);
	unsigned int offset = offset_in_page(gpa);
	struct vnic_fn *fn = bell->vv->fn;
	gfn_t gfn = gpa_to_gfn(gpa);

	if (gfn != READ_ONCE(bell->gfn) || gfn != READ_ONCE(bell->want))
		return;
	if (unlikely(!READ_ONCE(bell->proven)))
		vnic_bell_prove(bell, gfn);
	vnic_fn_bell(fn, offset, bytes);
}

static void vnic_bell_disarm(struct vnic_bell *bell)
{
	lockdep_assert_held(&bell->kvm->slots_lock);
	if (bell->gfn == VNIC_BELL_NONE)
		return;
	bell->ops.remove(bell->kvm, bell->gfn);
	spin_lock(&bell->lock);
	vnic_bell_set(bell, VNIC_BELL_NONE, false);
	spin_unlock(&bell->lock);
}

/*
 * A slot is about to go.  It is still there, as it is when only the one of
 * system management mode goes, which has pages of the same numbers.
 */
static void vnic_bell_lost(gfn_t gfn, unsigned long nr_pages,
			   struct kvm_page_track_notifier_node *node)
{
	struct vnic_bell *bell = container_of(node, struct vnic_bell, node);

	if (bell->gfn >= gfn && bell->gfn - gfn < nr_pages)
		vnic_bell_disarm(bell);
}

/* Track the page, also if it is tracked already and that was in vain. */
static void vnic_bell_arm(struct vnic_bell *bell)
{
	gfn_t want = READ_ONCE(bell->want);

	lockdep_assert_held(&bell->kvm->slots_lock);
	if (bell->gfn != want)
		vnic_bell_disarm(bell);
	if (READ_ONCE(bell->proven) || want == VNIC_BELL_NONE ||
	    time_before(jiffies, READ_ONCE(bell->retry)))
		return;
	vnic_bell_disarm(bell);
	WRITE_ONCE(bell->retry, jiffies + msecs_to_jiffies(VNIC_BELL_RETRY_MS));
	if (bell->ops.add(bell->kvm, want))
		return;
	spin_lock(&bell->lock);
	vnic_bell_set(bell, want, false);
	spin_unlock(&bell->lock);
}

/* Placed and not proven, and not tried just now?  Then it is tried to have it watched. */
static bool vnic_bell_due(const struct vnic_bell *bell)
{
	gfn_t want = READ_ONCE(bell->want);

	if (READ_ONCE(bell->gfn) != want && want == VNIC_BELL_NONE)
		return true;
	return want != VNIC_BELL_NONE && !READ_ONCE(bell->proven) &&
	       !time_before(jiffies, READ_ONCE(bell->retry));
}

/* Unless KVM is at its slots; then somebody tries again. */
static void vnic_bell_try(struct vnic_bell *bell)
{
	if (!vnic_bell_due(bell) || !mutex_trylock(&bell->kvm->slots_lock))
		return;
	vnic_bell_arm(bell);
	mutex_unlock(&bell->kvm->slots_lock);
}

/**
 * vnic_bell_place - the guest has put BAR0 somewhere
 * @vv: the device, open
 * @bar: guest physical address, 0: nowhere
 *
 * Context: process, under @cfg_lock.
 */
void vnic_bell_place(struct vnic_vfio *vv, u64 bar)
{
	gfn_t want = bar ? gpa_to_gfn(bar + VNIC_DOORBELL_BASE) : VNIC_BELL_NONE;
	struct vnic_bell *bell = vv->bell;

	lockdep_assert_held(&vv->cfg_lock);
	if (!bell || bell->want == want)
		return;
	spin_lock(&bell->lock);
	WRITE_ONCE(bell->want, want);
	WRITE_ONCE(bell->retry, jiffies);
	vnic_bell_set(bell, bell->gfn, false);
	spin_unlock(&bell->lock);
	vnic_bell_try(bell);
}

/* After an access to a register, by which a driver makes queues, too */
void vnic_bell_retry(struct vnic_bell *bell)
{
	if (vnic_bell_blind(bell))
		vnic_bell_look_later(bell);
	vnic_bell_try(bell);
}

/* In a turn of the function's thread, and the bell stays: for who looks at the page */
void vnic_bell_work(struct vnic_bell *bell)
{
	vnic_bell_try(bell);
}

/* ---- for who cannot be told ---- */

/* Take what was rung in the page.  True: something was. */
static bool vnic_bell_take(struct vnic_bell *bell)
{
	u32 *word = page_address(bell->page);
	bool rung = false;
	unsigned int i;

	for (i = 0; i < bell->words; i++)
		if (READ_ONCE(word[i]) != VNIC_BELL_IDLE)
			rung |= xchg(&word[i], VNIC_BELL_IDLE) != VNIC_BELL_IDLE;
	return rung;
}

/*
 * Fill, then look at the queues: whatever was written before is made up for, whatever
 * is written later is seen the next time, or reported.
 */
static void vnic_bell_look(struct work_struct *work)
{
	struct vnic_bell *bell = container_of(work, struct vnic_bell, look);
	struct vnic_fn *fn = bell->vv->fn;

	WRITE_ONCE(bell->looking, false);
	smp_mb();	/* before the look: who finds it false asks for another */
	if (vnic_bell_due(bell))
		vnic_fn_wake_backend(fn);
	if (vnic_bell_take(bell))
		vnic_fn_rung(fn);
	if (vnic_bell_blind(bell) && vnic_fn_has_queues(fn))
		vnic_bell_look_later(bell);
}

static enum hrtimer_restart vnic_bell_tick(struct hrtimer *timer)
{
	struct vnic_bell *bell = container_of(timer, struct vnic_bell, timer);

	queue_work(system_highpri_wq, &bell->look);
	return HRTIMER_NORESTART;
}

/* Before the page is offered. */
static void vnic_bell_init_look(struct vnic_bell *bell)
{
	INIT_WORK(&bell->look, vnic_bell_look);
	vnic_hrtimer_setup(&bell->timer, vnic_bell_tick);
	if (bell->vv->fn->pers->blind)
		bell->words = 2 * VNIC_MAX_QPS + 1;
	memset(page_address(bell->page), 0xff, bell->words * sizeof(u32));
}

/* It has no place any more: nothing starts it again. */
static void vnic_bell_stop_look(struct vnic_bell *bell)
{
	cancel_work_sync(&bell->look);
	hrtimer_cancel(&bell->timer);
	cancel_work_sync(&bell->look);
}

/* KVM walks its slots when it takes a notifier, and does not lock them itself. */
static int vnic_bell_start(struct vnic_bell *bell)
{
	unsigned long end = jiffies + msecs_to_jiffies(VNIC_BELL_OPEN_MS);
	int err;

	while (!mutex_trylock(&bell->kvm->slots_lock)) {
		if (time_after(jiffies, end))
			return -EBUSY;
		msleep(20);
	}
	err = bell->ops.start(bell->kvm, &bell->node);
	mutex_unlock(&bell->kvm->slots_lock);
	return err;
}

static int vnic_bell_create(struct vnic_vfio *vv, struct vnic_bell *bell)
{
	int err;

	if (!vnic_bell_kvm_get(&bell->ops))
		return -EOPNOTSUPP;
	bell->page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!bell->page) {
		err = -ENOMEM;
		goto put;
	}
	bell->vv = vv;
	bell->kvm = vv->vdev.kvm;
	bell->want = VNIC_BELL_NONE;
	bell->gfn = VNIC_BELL_NONE;
	spin_lock_init(&bell->lock);
	vnic_bell_init_look(bell);
	bell->node.track_write = vnic_bell_write;
	bell->node.track_remove_region = vnic_bell_lost;
	err = vnic_bell_start(bell);
	if (err)
		goto page;
	return 0;

page:
	__free_page(bell->page);
put:
	vnic_bell_kvm_put(&bell->ops);
	return err;
}

/**
 * vnic_bell_open - offer the doorbell page for mapping if KVM can watch it
 * @vv: the device, its function attached; @gate held for writing
 *
 * If not, or if KVM is at its slots for long, doorbells are trapped like registers, which
 * is no error.
 *
 * Context: process, of the virtual machine.
 */
void vnic_bell_open(struct vnic_vfio *vv)
{
	struct vnic_bell *bell;

	if (!READ_ONCE(doorbell_page) || !vv->vdev.kvm)
		return;
	bell = kzalloc(sizeof(*bell), GFP_KERNEL_ACCOUNT);
	if (!bell)
		return;
	if (vnic_bell_create(vv, bell)) {
		kfree(bell);
		return;
	}
	WRITE_ONCE(vv->bell, bell);
	vnic_fn_set_bell(vv->fn, false);
}

/**
 * vnic_bell_close - undo vnic_bell_open()
 * @bell: what was vnic_vfio.bell, and is no more; NULL: nothing.  Its function is still
 *	attached
 *
 * No doorbell is rung any more when it returns.
 *
 * Context: process; not necessarily one of the virtual machine.  Waits for KVM.
 */
void vnic_bell_close(struct vnic_bell *bell)
{
	if (!bell)
		return;
	mutex_lock(&bell->kvm->slots_lock);
	WRITE_ONCE(bell->want, VNIC_BELL_NONE);
	vnic_bell_disarm(bell);
	mutex_unlock(&bell->kvm->slots_lock);
	vnic_bell_stop_look(bell);
	bell->ops.stop(bell->kvm, &bell->node);
	vnic_bell_kvm_put(&bell->ops);
	__free_page(bell->page);
	kfree(bell);
}

/**
 * vnic_bell_mmap - map the doorbell page
 * @vv: the device, open
 * @vma: where; exactly the page
 *
 * A mapping may outlive the opening of the device: it has a reference to the
 * page, in which there is nothing but what its user has written.
 *
 * Context: process, under mmap_lock.
 * Return: 0 or -errno.
 */
int vnic_bell_mmap(struct vnic_vfio *vv, struct vm_area_struct *vma)
{
	if (vma->vm_end - vma->vm_start != PAGE_SIZE || !(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	vm_flags_set(vma, VM_DONTEXPAND | VM_DONTDUMP);
	return vm_insert_page(vma, vma->vm_start, vv->bell->page);
}
