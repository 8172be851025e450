// SPDX-License-Identifier: GPL-2.0
/*
 * Address spaces: bus addresses of a driver -> its memory, and the pins that
 * keep a guest's pages where they are.  See as.h for the protocol.
 *
 * The table of a guest address space (an xarray by page number) holds for each
 * page: nothing, a struct page (pinned, translates), or a value (dead: pinned,
 * no longer translates, waits to be unpinned; VNIC_AS_DEAD is set).
 *
 * Why no pin outlives an invalidation.  A pin is announced in @flight under
 * @lock before ops->pin() is called.  An invalidation, under the same lock,
 * makes the live entries dead, starts the hold-off and, if the flight lies in
 * its range, marks the flight dead.  So a pin is seen by the invalidation in the
 * table or in flight, or it comes later and sees the hold-off.  A dead flight
 * enters the table as dead pages, which never translate.  The invalidation
 * waits until the flight has landed and nothing dead is left in its range.
 *
 * Why it cannot deadlock.  type1 takes its iommu->lock for pins and unpins; it
 * holds its device_list_lock while it calls us to invalidate, and takes that
 * one with iommu->lock held elsewhere.  So an invalidation neither unpins nor
 * takes a lock under which somebody pins or unpins: dead pages are unpinned by
 * a work item (@reaper), and the wait for it and for the landing has a limit,
 * VNIC_AS_UNMAP_MS.  After it, type1 lets go of its locks and calls again, ten
 * times in all (then it dies by BUG_ON), while the hold-off keeps other pins
 * away; reaper and landing need nothing but these locks and CPU time (slots of
 * the table are reserved before).
 *
 *  - pin_lock: one vnic_as_pin() at a time gets at the backend.  Held across
 *    ops->pin(), so never taken by an invalidation.
 *  - lock: protects what changes in the table, and all the rest; held around
 *    the owner's callback, never around ops->pin() or ops->unpin().
 *  - cache_lock: leaf, BH-safe; a guest's page enters the cache under it only if
 *    it is alive in the table, and leaves the cache when it dies.
 */
#include <linux/dma-direct.h>
#include <linux/jiffies.h>
#include <linux/kref.h>
#include <linux/memory_hotplug.h>
#include <linux/overflow.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "../../include/compat.h"
#include "as.h"

#define VNIC_AS_CHUNK		32	/* pages pinned by one call */
#define VNIC_AS_HOLDOFFS	8	/* ranges held off at a time */
#define VNIC_AS_UNMAP_MS	1000	/* one invalidation waits so long at most */
#define VNIC_AS_DEAD		XA_MARK_0

/* A word of the cache: the upper bits of the key and 1 more, and a page frame */
#define VNIC_AS_SETS		2048
#define VNIC_AS_WAYS		2
#define VNIC_AS_PFN_BITS	40
static_assert(BITS_PER_LONG == 64, "page frame and key fit a word");

/* Pages that were invalidated and may not be pinned for a while */
struct vnic_as_holdoff {
	unsigned long	first;
	unsigned long	last;
	u64		until;		/* ktime, ns */
};

/**
 * struct vnic_as - an address space
 * @refs: references
 * @dev: host-direct: the device that the driver maps memory for
 * @ops: guest: how to pin; NULL: host-direct
 * @priv: for @ops
 * @pin_lock: see above
 * @lock: see above; protects what follows
 * @cache: what was found lately; the key is the page number of a guest's iova,
 *	or, host-direct, the page frame number, if it is that of ordinary memory
 * @victim: way of the cache that makes room next
 * @cache_lock: see above
 * @pages: the table
 * @pinned: pages in @pages that are pinned, dead or not
 * @flight: the pages being pinned now, if @npages
 * @landings: pins that have landed
 * @holdoff: pages that may not be pinned now
 * @epoch: value of the entries that die now; @reaper buries those before
 * @grace: pages have died that somebody may be looking at
 * @reaper: unpins dead pages
 * @changed: something has landed or was unpinned
 * @inval: the owner's callback
 * @owner: its argument
 */
struct vnic_as {
	struct kref			refs;
	struct device			*dev;
	const struct vnic_pin_ops	*ops;
	void				*priv;
	struct mutex			pin_lock;	/* see above */
	struct mutex			lock;		/* see above */
	unsigned long			cache[VNIC_AS_SETS][VNIC_AS_WAYS];
	unsigned int			victim;
	spinlock_t			cache_lock;	/* see above */
	struct xarray			pages;
	unsigned long			pinned;
	struct {
		unsigned long		first;
		unsigned int		npages;
		bool			dead;
	} flight;
	unsigned long			landings;
	struct vnic_as_holdoff		holdoff[VNIC_AS_HOLDOFFS];
	unsigned long			epoch;
	bool				grace;
	struct work_struct		reaper;
	wait_queue_head_t		changed;
	void				(*inval)(void *owner, dma_addr_t iova, size_t len);
	void				*owner;
};

static void vnic_as_reap(struct work_struct *work);

static struct vnic_as *vnic_as_alloc(void)
{
	struct vnic_as *as = kvzalloc(sizeof(*as), GFP_KERNEL_ACCOUNT);

	if (!as)
		return NULL;
	kref_init(&as->refs);
	mutex_init(&as->pin_lock);
	mutex_init(&as->lock);
	spin_lock_init(&as->cache_lock);
	xa_init_flags(&as->pages, XA_FLAGS_ACCOUNT);
	INIT_WORK(&as->reaper, vnic_as_reap);
	init_waitqueue_head(&as->changed);
	return as;
}

/**
 * vnic_as_host - address space of a driver on this host
 * @dev: the device it maps memory for; its DMA is direct (no IOMMU)
 *
 * Return: NULL when out of memory.
 */
struct vnic_as *vnic_as_host(struct device *dev)
{
	struct vnic_as *as = vnic_as_alloc();

	if (as)
		as->dev = dev;
	return as;
}

/**
 * vnic_as_guest - address space whose pages are pinned on demand
 * @ops: how
 * @priv: for @ops
 *
 * Return: NULL when out of memory.
 */
struct vnic_as *vnic_as_guest(const struct vnic_pin_ops *ops, void *priv)
{
	struct vnic_as *as = vnic_as_alloc();

	if (as) {
		as->ops = ops;
		as->priv = priv;
	}
	return as;
}
EXPORT_SYMBOL_VNIC(vnic_as_guest);

/* ---- the cache ---- */

static unsigned long vnic_as_tag(unsigned long key)
{
	return key / VNIC_AS_SETS + 1;
}

/* The page frame of a key, or 0 */
static __always_inline unsigned long vnic_as_cached(const struct vnic_as *as, unsigned long key)
{
	const unsigned long *set = as->cache[key % VNIC_AS_SETS];
	unsigned long tag = vnic_as_tag(key) << VNIC_AS_PFN_BITS;
	unsigned long pfn;

	if (unlikely(vnic_as_tag(key) >> (BITS_PER_LONG - VNIC_AS_PFN_BITS)))
		return 0;	/* too large for the cache */
	pfn = READ_ONCE(set[0]) ^ tag;
	if (likely(!(pfn >> VNIC_AS_PFN_BITS)))
		return pfn;
	pfn = READ_ONCE(set[1]) ^ tag;
	return pfn >> VNIC_AS_PFN_BITS ? 0 : pfn;
}

/* Enter a key; of a guest: under cache_lock. */
static void vnic_as_enter(struct vnic_as *as, unsigned long key, unsigned long pfn)
{
	unsigned long *set = as->cache[key % VNIC_AS_SETS];
	unsigned long tag = vnic_as_tag(key);
	unsigned int way;

	if (tag >> (BITS_PER_LONG - VNIC_AS_PFN_BITS) || pfn >> VNIC_AS_PFN_BITS)
		return;
	for (way = 0; way < VNIC_AS_WAYS; way++)
		if (!READ_ONCE(set[way]))
			break;
	if (way == VNIC_AS_WAYS) {
		way = READ_ONCE(as->victim) % VNIC_AS_WAYS;
		WRITE_ONCE(as->victim, way + 1);
	}
	WRITE_ONCE(set[way], tag << VNIC_AS_PFN_BITS | pfn);
}

/* The page of a guest is dead now. */
static void vnic_as_forget(struct vnic_as *as, unsigned long key)
{
	unsigned long *set = as->cache[key % VNIC_AS_SETS];
	unsigned int i;

	spin_lock_bh(&as->cache_lock);
	for (i = 0; i < VNIC_AS_WAYS; i++)
		if (set[i] >> VNIC_AS_PFN_BITS == vnic_as_tag(key))
			WRITE_ONCE(set[i], 0);
	spin_unlock_bh(&as->cache_lock);
}

/* Ordinary memory, and not, say, the BAR of another device?  Process context. */
static bool vnic_pfn_is_ram(unsigned long pfn)
{
	struct page *page = pfn_to_online_page(pfn);

	return page && (!PageReserved(page) || page_is_ram(pfn));
}

static int vnic_as_check_host(struct vnic_as *as, dma_addr_t iova, size_t len)
{
	unsigned long pfn = PHYS_PFN(dma_to_phys(as->dev, iova));
	unsigned long last = PHYS_PFN(dma_to_phys(as->dev, iova + len - 1));

	if (last < pfn)
		return -EFAULT;
	for (; pfn <= last; pfn++) {
		if (vnic_as_cached(as, pfn))
			continue;
		if (!vnic_pfn_is_ram(pfn))
			return -EFAULT;
		vnic_as_enter(as, pfn, pfn);
	}
	return 0;
}

static bool vnic_as_held_off(struct vnic_as *as, unsigned long first, unsigned long last)
{
	u64 now = ktime_get_ns();
	unsigned int i;

	lockdep_assert_held(&as->lock);
	for (i = 0; i < VNIC_AS_HOLDOFFS; i++)
		if (as->holdoff[i].until > now && as->holdoff[i].first <= last &&
		    as->holdoff[i].last >= first)
			return true;
	return false;
}

/* With all entries in use, the one that ends first is widened. */
static void vnic_as_hold_off(struct vnic_as *as, unsigned long first, unsigned long last)
{
	struct vnic_as_holdoff *h = &as->holdoff[0];
	u64 now = ktime_get_ns();
	unsigned int i;

	lockdep_assert_held(&as->lock);
	for (i = 1; i < VNIC_AS_HOLDOFFS; i++)
		if (as->holdoff[i].until < h->until)
			h = &as->holdoff[i];
	if (h->until > now) {
		first = min(first, h->first);
		last = max(last, h->last);
	}
	h->first = first;
	h->last = last;
	h->until = now + VNIC_AS_HOLDOFF_MS * NSEC_PER_MSEC;
}

/* ---- the dead ---- */

/* Store a dead entry over one that exists, so that nothing is allocated. */
static void vnic_as_set_dead(struct vnic_as *as, unsigned long index)
{
	lockdep_assert_held(&as->lock);
	xa_store(&as->pages, index, xa_mk_value(as->epoch), GFP_NOWAIT);
	xa_set_mark(&as->pages, index, VNIC_AS_DEAD);
	vnic_as_forget(as, index);
}

static bool vnic_as_has_dead(struct vnic_as *as, unsigned long first, unsigned long last)
{
	return xa_find(&as->pages, &first, last, VNIC_AS_DEAD);
}

/* Unpin first: who waits for the entries to go waits for the pins. */
static void vnic_as_bury(struct vnic_as *as, unsigned long first, unsigned int n)
{
	unsigned int i;

	if (!n)
		return;
	as->ops->unpin(as->priv, (dma_addr_t)first << PAGE_SHIFT, n);
	mutex_lock(&as->lock);
	for (i = 0; i < n; i++)
		xa_erase(&as->pages, first + i);
	as->pinned -= n;
	mutex_unlock(&as->lock);
	wake_up_all(&as->changed);
}

static void vnic_as_reap(struct work_struct *work)
{
	struct vnic_as *as = container_of(work, struct vnic_as, reaper);
	unsigned long index, epoch, start = 0;
	unsigned int n = 0;
	void *entry;
	bool grace;

	mutex_lock(&as->lock);
	epoch = as->epoch++;
	grace = as->grace;
	as->grace = false;
	mutex_unlock(&as->lock);
	if (grace)	/* waits for preemption-disabled stretches, too */
		synchronize_rcu_expedited();

	xa_for_each_marked(&as->pages, index, entry, VNIC_AS_DEAD) {
		if (xa_to_value(entry) > epoch)	/* its turn comes: the work is queued again */
			continue;
		if (n == VNIC_AS_CHUNK || index != start + n) {
			vnic_as_bury(as, start, n);
			cond_resched();
			n = 0;
		}
		if (!n++)
			start = index;
	}
	vnic_as_bury(as, start, n);
}

/* ---- pinning ---- */

static int vnic_as_take_off(struct vnic_as *as, unsigned long first, unsigned int n)
{
	int err = 0;

	mutex_lock(&as->lock);
	if (vnic_as_held_off(as, first, first + n - 1)) {
		err = -EAGAIN;
	} else {
		as->flight.first = first;
		as->flight.npages = n;
		as->flight.dead = false;
	}
	mutex_unlock(&as->lock);
	return err;
}

/* Enter @n pages; dead ones if the flight died or one of them is no RAM. */
static int vnic_as_land(struct vnic_as *as, struct page **pages, int n)
{
	unsigned long first = as->flight.first;
	int i, err = 0;

	for (i = 0; i < n && !err; i++)
		if (!vnic_pfn_is_ram(page_to_pfn(pages[i])))
			err = -EFAULT;

	mutex_lock(&as->lock);
	if (as->flight.dead)
		err = -EAGAIN;
	for (i = 0; i < n; i++) {	/* the slots are reserved: cannot fail */
		if (err)
			vnic_as_set_dead(as, first + i);
		else
			xa_store(&as->pages, first + i, pages[i], GFP_NOWAIT);
	}
	as->pinned += n;
	as->flight.npages = 0;
	as->landings++;
	mutex_unlock(&as->lock);
	wake_up_all(&as->changed);
	if (err && n)
		queue_work(system_long_wq, &as->reaper);
	return err;
}

/* Pin @n pages that have no entry in the table. */
static int vnic_as_pin_run(struct vnic_as *as, unsigned long first, unsigned int n)
{
	struct page *pages[VNIC_AS_CHUNK];
	unsigned int i;
	int got, err;

	lockdep_assert_held(&as->pin_lock);
	for (i = 0; i < n; i++) {
		err = xa_reserve(&as->pages, first + i, GFP_KERNEL_ACCOUNT);
		if (err)
			goto release;
	}
	err = vnic_as_take_off(as, first, n);
	if (err)
		goto release;

	got = as->ops->pin(as->priv, (dma_addr_t)first << PAGE_SHIFT, n, pages);
	err = vnic_as_land(as, pages, max(got, 0));
	if (!err && got < (int)n)
		err = got == -ENOMEM ? -ENOMEM : -EFAULT;
release:
	for (i = 0; i < n; i++)
		xa_release(&as->pages, first + i);
	return err;
}

int vnic_as_pin(struct vnic_as *as, dma_addr_t iova, size_t len)
{
	unsigned long index, last, start;
	unsigned int n = 0;
	dma_addr_t end;
	void *entry;
	int err = 0;

	if (!len || check_add_overflow(iova, len - 1, &end))
		return -EFAULT;
	if (!as->ops)
		return vnic_as_check_host(as, iova, len);

	index = iova >> PAGE_SHIFT;
	last = end >> PAGE_SHIFT;
	for (; index <= last; index++) {
		if (vnic_as_cached(as, index))
			continue;
		entry = xa_load(&as->pages, index);
		if (!entry)
			break;
		if (xa_is_value(entry))
			return -EAGAIN;
	}
	if (index > last)
		return 0;

	mutex_lock(&as->pin_lock);
	for (start = index; index <= last && !err; index++) {
		entry = xa_load(&as->pages, index);
		if (entry && xa_is_value(entry)) {
			err = -EAGAIN;
			break;
		}
		if (!entry && !n++)
			start = index;
		if (n && (entry || n == VNIC_AS_CHUNK)) {
			err = vnic_as_pin_run(as, start, n);
			n = 0;
		}
	}
	if (n && !err)
		err = vnic_as_pin_run(as, start, n);
	mutex_unlock(&as->pin_lock);
	return err;
}

/* ---- translation ---- */

/* The page of a guest from the table; into the cache with it */
static struct page *vnic_as_find(struct vnic_as *as, unsigned long index)
{
	struct page *page;

	spin_lock_bh(&as->cache_lock);
	page = xa_load(&as->pages, index);
	if (!page || xa_is_value(page))
		page = NULL;
	else if (!vnic_as_cached(as, index))
		vnic_as_enter(as, index, page_to_pfn(page));
	spin_unlock_bh(&as->cache_lock);
	return page;
}

/* Not in the cache.  @strict: what vnic_as_pin() might refuse is not there. */
static noinline void *vnic_as_look(struct vnic_as *as, unsigned long key, dma_addr_t iova,
				   bool strict)
{
	struct page *page;

	if (as->ops) {
		page = vnic_as_find(as, key);
	} else {
		page = pfn_to_online_page(key);
		if (page && !PageReserved(page))
			vnic_as_enter(as, key, key);
		else if (strict)
			page = NULL;
	}
	return page ? page_address(page) + offset_in_page(iova) : NULL;
}

static __always_inline void *vnic_as_translate(struct vnic_as *as, dma_addr_t iova, size_t len,
					       bool strict)
{
	unsigned long key, pfn;

	if (unlikely(len > PAGE_SIZE - offset_in_page(iova)))
		return NULL;
	key = as->ops ? iova >> PAGE_SHIFT : PHYS_PFN(dma_to_phys(as->dev, iova));
	pfn = vnic_as_cached(as, key);
	if (likely(pfn))
		return pfn_to_kaddr(pfn) + offset_in_page(iova);
	return vnic_as_look(as, key, iova, strict);
}

void *vnic_as_ptr(struct vnic_as *as, dma_addr_t iova, size_t len)
{
	return vnic_as_translate(as, iova, len, false);
}

void *vnic_as_try(struct vnic_as *as, dma_addr_t iova, size_t len)
{
	return vnic_as_translate(as, iova, len, true);
}

/* ---- invalidation ---- */

/**
 * struct vnic_as_killed - what vnic_as_kill() found
 * @any: something is pinned, or about to be
 * @flying: a pin is in flight
 * @landings: vnic_as.landings when it was
 */
struct vnic_as_killed {
	bool		any;
	bool		flying;
	unsigned long	landings;
};

/* Make a range untranslatable.  Does not start the reaper. */
static struct vnic_as_killed vnic_as_kill(struct vnic_as *as, unsigned long first,
					  unsigned long last)
{
	struct vnic_as_killed k = { .landings = as->landings };
	unsigned long index;
	void *entry;

	lockdep_assert_held(&as->lock);
	if (as->flight.npages && as->flight.first <= last &&
	    as->flight.first + as->flight.npages - 1 >= first) {
		as->flight.dead = true;
		k.flying = true;
	}
	k.any = k.flying;
	if (!as->pinned)
		return k;
	xa_for_each_range(&as->pages, index, entry, first, last) {
		k.any = true;
		if (!xa_is_value(entry))
			vnic_as_set_dead(as, index);
		cond_resched();
	}
	return k;
}

static bool vnic_as_gone(struct vnic_as *as, unsigned long first, unsigned long last,
			 const struct vnic_as_killed *k)
{
	if (k->flying && READ_ONCE(as->landings) == k->landings)
		return false;
	return !vnic_as_has_dead(as, first, last);
}

void vnic_as_invalidate(struct vnic_as *as, dma_addr_t iova, size_t len)
{
	unsigned long first = 0, last = ULONG_MAX;
	struct vnic_as_killed k;
	dma_addr_t end;

	if (!as->ops)
		return;
	if (len) {
		first = iova >> PAGE_SHIFT;
		if (!check_add_overflow(iova, len - 1, &end))
			last = end >> PAGE_SHIFT;
	}

	mutex_lock(&as->lock);
	k = vnic_as_kill(as, first, last);
	if (k.any) {
		as->grace = true;
		if (len)
			vnic_as_hold_off(as, first, last);
		if (as->inval)
			as->inval(as->owner, iova, len);
	}
	mutex_unlock(&as->lock);
	if (!k.any)
		return;

	queue_work(system_long_wq, &as->reaper);
	if (len)
		wait_event_timeout(as->changed, vnic_as_gone(as, first, last, &k),
				   msecs_to_jiffies(VNIC_AS_UNMAP_MS));
	else
		wait_event(as->changed, vnic_as_gone(as, first, last, &k));
}
EXPORT_SYMBOL_VNIC(vnic_as_invalidate);

void vnic_as_drop_but(struct vnic_as *as, dma_addr_t keep)
{
	unsigned long page = keep >> PAGE_SHIFT;

	if (!as->ops)
		return;
	mutex_lock(&as->lock);
	vnic_as_kill(as, page + 1, ULONG_MAX);
	if (page)
		vnic_as_kill(as, 0, page - 1);
	mutex_unlock(&as->lock);
	queue_work(system_long_wq, &as->reaper);
	wait_event(as->changed, !vnic_as_has_dead(as, 0, ULONG_MAX));
}

void vnic_as_set_owner(struct vnic_as *as,
		       void (*inval)(void *owner, dma_addr_t iova, size_t len), void *owner)
{
	mutex_lock(&as->lock);
	as->inval = inval;
	as->owner = owner;
	mutex_unlock(&as->lock);
}

unsigned long vnic_as_pinned(struct vnic_as *as)
{
	return READ_ONCE(as->pinned);
}
EXPORT_SYMBOL_VNIC(vnic_as_pinned);

struct vnic_as *vnic_as_get(struct vnic_as *as)
{
	kref_get(&as->refs);
	return as;
}
EXPORT_SYMBOL_VNIC(vnic_as_get);

static void vnic_as_release(struct kref *refs)
{
	kvfree(container_of(refs, struct vnic_as, refs));
}

void vnic_as_put(struct vnic_as *as)
{
	kref_put(&as->refs, vnic_as_release);
}
EXPORT_SYMBOL_VNIC(vnic_as_put);

void vnic_as_free(struct vnic_as *as)
{
	if (!as)
		return;
	vnic_as_set_owner(as, NULL, NULL);
	vnic_as_invalidate(as, 0, 0);
	cancel_work_sync(&as->reaper);
	xa_destroy(&as->pages);
	vnic_as_put(as);	/* whoever still has it finds nothing pinned */
}
EXPORT_SYMBOL_VNIC(vnic_as_free);
