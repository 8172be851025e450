// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupts of a VF in a guest: an eventfd per MSI-X vector, one for errors
 * and one by which the user is asked to give the device up.
 *
 * The user (QEMU) keeps the MSI-X table and masks vectors by taking their
 * eventfd to itself; to the device a vector without an eventfd is one that
 * nobody listens to.
 */
#include <linux/slab.h>

#include "priv.h"

/**
 * vnic_vfio_signal - signal one of the device's eventfds
 * @vv: the device, open
 * @irq: a vector, VNIC_VFIO_IRQ_ERR() or VNIC_VFIO_IRQ_REQ()
 *
 * Context: any, except NMI.
 * Return: was there an eventfd?
 */
bool vnic_vfio_signal(struct vnic_vfio *vv, unsigned int irq)
{
	struct vnic_vfio_irq *vi = &vv->irqs[irq];
	unsigned long flags;
	bool there;

	spin_lock_irqsave(&vi->lock, flags);
	there = vi->ctx;
	if (there)
		eventfd_signal(vi->ctx);
	spin_unlock_irqrestore(&vi->lock, flags);
	return there;
}

static void vnic_vfio_raise(void *priv, unsigned int vector)
{
	struct vnic_vfio *vv = priv;

	if (vector < vv->vectors)
		vnic_vfio_signal(vv, vector);
}

const struct vnic_backend_ops vnic_vfio_backend = {
	.raise	= vnic_vfio_raise,
	.guest	= true,
};

/* Put @ctx (its reference is taken over; NULL: none) in the place of the old. */
static void vnic_vfio_irq_replace(struct vnic_vfio_irq *vi, struct eventfd_ctx *ctx)
{
	unsigned long flags;

	spin_lock_irqsave(&vi->lock, flags);
	swap(vi->ctx, ctx);
	spin_unlock_irqrestore(&vi->lock, flags);
	if (ctx)
		eventfd_ctx_put(ctx);
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
		vnic_vfio_irq_replace(&vv->irqs[i], NULL);
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
	struct eventfd_ctx *ctx[VNIC_MAX_VECTORS] = {};
	unsigned int i;
	int err = 0;

	for (i = 0; i < count && !err; i++) {
		if (fds[i] == -1)
			continue;
		ctx[i] = eventfd_ctx_fdget(fds[i]);
		if (IS_ERR(ctx[i])) {
			err = PTR_ERR(ctx[i]);
			ctx[i] = NULL;
		}
	}
	for (i = 0; i < count; i++) {
		if (!err)
			vnic_vfio_irq_replace(&irqs[i], ctx[i]);
		else if (ctx[i])
			eventfd_ctx_put(ctx[i]);
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
			vnic_vfio_irq_replace(&vv->irqs[first + i], NULL);
	mutex_unlock(&vv->irq_lock);
	return err;
}
