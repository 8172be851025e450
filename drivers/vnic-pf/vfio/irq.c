// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupts of a VF in a guest: an eventfd per MSI-X vector, one for errors
 * and one by which the user is asked to give the device up.
 *
 * The user (QEMU) keeps the MSI-X table and masks vectors by taking their
 * eventfd to itself; to the device a vector without an eventfd is one that
 * nobody listens to.
 *
 * The thread that causes an interrupt signals it, whose ever it is, with
 * interrupts off.  That is short while nobody waits for the eventfd, or KVM does: its
 * irqfd stands before all others, and takes the event, so that none of them is woken.
 * Any number of others may wait, directly or for an epoll that waits (poll() of it
 * by any number), and each would be a step of another VM's thread: there the function's
 * own thread signals.
 */
#include <linux/file.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include "priv.h"

/* Is signalling short?  Nobody waits, or who is the first of them takes the event: an
 * irqfd.  Who waits may hold the queue's lock for long; then it is not.  Interrupts off.
 */
static bool vnic_vfio_short(const struct vnic_vfio_irq *vi)
{
	const unsigned int irqfd = WQ_FLAG_PRIORITY | WQ_FLAG_EXCLUSIVE;
	struct wait_queue_entry *first;
	bool is_short;

	if (!spin_trylock(&vi->wqh->lock))
		return false;
	first = list_first_entry_or_null(&vi->wqh->head, struct wait_queue_entry, entry);
	is_short = !first || (first->flags & irqfd) == irqfd;
	spin_unlock(&vi->wqh->lock);
	return is_short;
}

/**
 * vnic_vfio_signal - signal one of the device's eventfds
 * @vv: the device, open
 * @irq: a vector, VNIC_VFIO_IRQ_ERR() or VNIC_VFIO_IRQ_REQ()
 *
 * At once if that is short, else by the function's thread.
 *
 * Context: any, except NMI.
 * Return: was there an eventfd?
 */
bool vnic_vfio_signal(struct vnic_vfio *vv, unsigned int irq)
{
	struct vnic_vfio_irq *vi = &vv->irqs[irq];
	bool there, later = false;
	unsigned long flags;

	spin_lock_irqsave(&vi->lock, flags);
	there = vi->ctx;
	if (there) {
		later = !vnic_vfio_short(vi);
		if (later)
			WRITE_ONCE(vi->due, true);
		else
			eventfd_signal(vi->ctx);
	}
	spin_unlock_irqrestore(&vi->lock, flags);
	if (later)
		vnic_fn_wake_backend(vv->fn);
	return there;
}

/* @irq_lock keeps the eventfd meanwhile: its own lock is what others wait for. */
static void vnic_vfio_signal_due(struct vnic_vfio *vv, struct vnic_vfio_irq *vi)
{
	struct eventfd_ctx *ctx;

	lockdep_assert_held(&vv->irq_lock);
	spin_lock_irq(&vi->lock);
	ctx = vi->due ? vi->ctx : NULL;
	WRITE_ONCE(vi->due, false);
	spin_unlock_irq(&vi->lock);
	if (ctx)
		eventfd_signal(ctx);
}

/* In a turn of the function's thread */
static void vnic_vfio_work(void *priv)
{
	struct vnic_vfio *vv = priv;
	unsigned int i;

	guard(mutex)(&vv->irq_lock);
	if (READ_ONCE(vv->bell))
		vnic_bell_work(vv->bell);
	for (i = 0; i < VNIC_VFIO_IRQS(vv); i++) {
		if (READ_ONCE(vv->irqs[i].due))
			vnic_vfio_signal_due(vv, &vv->irqs[i]);
		cond_resched();
	}
}

static void vnic_vfio_raise(void *priv, unsigned int vector)
{
	struct vnic_vfio *vv = priv;

	if (vector < vv->vectors)
		vnic_vfio_signal(vv, vector);
}

const struct vnic_backend_ops vnic_vfio_backend = {
	.raise	= vnic_vfio_raise,
	.work	= vnic_vfio_work,
	.guest	= true,
};

/**
 * struct vnic_vfio_event - an eventfd
 * @ctx: itself, a reference; NULL: none
 * @wqh: where who waits for it is queued; there as long as @ctx is
 * @table: asks for @wqh
 */
struct vnic_vfio_event {
	struct eventfd_ctx	*ctx;
	wait_queue_head_t	*wqh;
	poll_table		table;
};

static void vnic_vfio_event_queue(struct file *file, wait_queue_head_t *wqh, poll_table *table)
{
	container_of(table, struct vnic_vfio_event, table)->wqh = wqh;
}

/* The eventfd @fd, or none: -1.  0 or -errno. */
static int vnic_vfio_event_get(struct vnic_vfio_event *event, s32 fd)
{
	struct file *file;
	int err = 0;

	memset(event, 0, sizeof(*event));
	if (fd == -1)
		return 0;
	file = eventfd_fget(fd);
	if (IS_ERR(file))
		return PTR_ERR(file);
	event->ctx = eventfd_ctx_fileget(file);
	if (IS_ERR(event->ctx)) {
		err = PTR_ERR(event->ctx);
		event->ctx = NULL;
	} else {
		init_poll_funcptr(&event->table, vnic_vfio_event_queue);
		vfs_poll(file, &event->table);
	}
	fput(file);
	return err;
}

/*
 * Put @event (its reference is taken over) in the place of the old, which is signalled if
 * that was due: whoever replaces it looks what came before.
 */
static void vnic_vfio_irq_replace(struct vnic_vfio_irq *vi, const struct vnic_vfio_event *event)
{
	struct eventfd_ctx *ctx = event->ctx;
	unsigned long flags;
	bool due;

	spin_lock_irqsave(&vi->lock, flags);
	swap(vi->ctx, ctx);
	vi->wqh = event->wqh;
	due = vi->due;
	WRITE_ONCE(vi->due, false);
	spin_unlock_irqrestore(&vi->lock, flags);
	if (!ctx)
		return;
	if (due)
		eventfd_signal(ctx);
	eventfd_ctx_put(ctx);
}

static void vnic_vfio_irq_clear(struct vnic_vfio_irq *vi)
{
	static const struct vnic_vfio_event none;

	vnic_vfio_irq_replace(vi, &none);
}

/* Before the function is attached. */
int vnic_vfio_irqs_open(struct vnic_vfio *vv)
{
	unsigned int i;

	vv->vectors = READ_ONCE(vv->fn->vectors);
	vv->irqs = kcalloc(VNIC_VFIO_IRQS(vv), sizeof(*vv->irqs), GFP_KERNEL_ACCOUNT);
	if (!vv->irqs)
		return -ENOMEM;
	for (i = 0; i < VNIC_VFIO_IRQS(vv); i++)
		spin_lock_init(&vv->irqs[i].lock);
	return 0;
}

/* After the function is detached: nobody raises any more. */
void vnic_vfio_irqs_close(struct vnic_vfio *vv)
{
	unsigned int i;

	for (i = 0; i < VNIC_VFIO_IRQS(vv); i++)
		vnic_vfio_irq_clear(&vv->irqs[i]);
	kfree(vv->irqs);
	vv->irqs = NULL;
}

/* Number of interrupts of a kind, VFIO_PCI_*_IRQ_INDEX. */
unsigned int vnic_vfio_irq_count(const struct vnic_vfio *vv, u32 index)
{
	switch (index) {
	case VFIO_PCI_MSIX_IRQ_INDEX:
		return vv->vectors;
	case VFIO_PCI_ERR_IRQ_INDEX:
	case VFIO_PCI_REQ_IRQ_INDEX:
		return 1;
	default:
		return 0;
	}
}

int vnic_vfio_irq_info(struct vnic_vfio *vv, struct vfio_irq_info *info)
{
	if (info->index >= VFIO_PCI_NUM_IRQS)
		return -EINVAL;
	info->flags = VFIO_IRQ_INFO_EVENTFD;
	/* Vectors come and go one at a time. */
	if (info->index != VFIO_PCI_MSIX_IRQ_INDEX)
		info->flags |= VFIO_IRQ_INFO_NORESIZE;
	info->count = vnic_vfio_irq_count(vv, info->index);
	return 0;
}

/* All of the eventfds, or none of them and an error. */
static int vnic_vfio_assign(struct vnic_vfio_irq *irqs, unsigned int count, const s32 *fds)
{
	struct vnic_vfio_event event[VNIC_MAX_VECTORS];
	unsigned int i, n;
	int err = 0;

	for (n = 0; n < count && !err; n++)
		err = vnic_vfio_event_get(&event[n], fds[n]);
	for (i = 0; i < n; i++) {
		if (!err)
			vnic_vfio_irq_replace(&irqs[i], &event[i]);
		else if (event[i].ctx)
			eventfd_ctx_put(event[i].ctx);
	}
	return err;
}

static void vnic_vfio_trigger(struct vnic_vfio *vv, unsigned int first, unsigned int count,
			      const u8 *wanted)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		if (!wanted || wanted[i])
			vnic_vfio_signal(vv, first + i);
}

static unsigned int vnic_vfio_irq_first(const struct vnic_vfio *vv, u32 index)
{
	switch (index) {
	case VFIO_PCI_ERR_IRQ_INDEX:
		return VNIC_VFIO_IRQ_ERR(vv);
	case VFIO_PCI_REQ_IRQ_INDEX:
		return VNIC_VFIO_IRQ_REQ(vv);
	default:
		return 0;
	}
}

/**
 * vnic_vfio_set_irqs - VFIO_DEVICE_SET_IRQS
 * @vv: the device
 * @hdr: request, checked by vfio_set_irqs_validate_and_prepare()
 * @data: its data: for each interrupt a file descriptor or a bool, or NULL
 *
 * Eventfds are set one or several at a time, -1 takes one away; no data and a
 * count of 0 takes all of the kind away; no data or bools trigger by hand, for
 * loop-back tests.
 *
 * Context: process.
 * Return: 0, -ENOTTY: masking (the user keeps the MSI-X table), -EINVAL, or
 * what a bad file descriptor gives.
 */
int vnic_vfio_set_irqs(struct vnic_vfio *vv, const struct vfio_irq_set *hdr, const void *data)
{
	unsigned int first = vnic_vfio_irq_first(vv, hdr->index) + hdr->start;
	u32 action = hdr->flags & VFIO_IRQ_SET_ACTION_TYPE_MASK;
	unsigned int i;
	int err = 0;

	if (action == VFIO_IRQ_SET_ACTION_MASK || action == VFIO_IRQ_SET_ACTION_UNMASK)
		return -ENOTTY;
	if (action != VFIO_IRQ_SET_ACTION_TRIGGER)
		return -EINVAL;

	mutex_lock(&vv->irq_lock);
	if (hdr->flags & VFIO_IRQ_SET_DATA_EVENTFD)
		err = vnic_vfio_assign(&vv->irqs[first], hdr->count, data);
	else if (hdr->count)
		vnic_vfio_trigger(vv, first, hdr->count, data);
	else if (hdr->flags & VFIO_IRQ_SET_DATA_NONE)
		for (i = 0; i < vnic_vfio_irq_count(vv, hdr->index) - hdr->start; i++)
			vnic_vfio_irq_clear(&vv->irqs[first + i]);
	mutex_unlock(&vv->irq_lock);
	return err;
}
