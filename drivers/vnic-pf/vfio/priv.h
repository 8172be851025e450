/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A VF as a vfio device: private to vnic-vfio-pci.
 *
 * The module is one more user of the device model (model/fn.h): it gives a
 * guest's config space, registers, vectors and memory to a function, as
 * model/host.c does for a driver on this host.
 *
 * Locks: @gate -> @cfg_lock -> KVM's slots_lock -> the model's for doorbells, where KVM's
 * is only tried, for a while when the device is opened; @cfg_lock -> the model's; a turn
 * -> @irq_lock; vnic_vfio_irq.lock is a leaf.  The vfio core's own come first.  No user
 * memory is touched under any of ours.
 *
 * vfio/ stands on model/, memory/ and bus/; nobody calls it but the kernel.
 */
#ifndef _VNIC_VFIO_H
#define _VNIC_VFIO_H

#include <linux/eventfd.h>
#include <linux/mm_types.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/vfio.h>

#include "../bus/config.h"
#include "../model/fn.h"

/**
 * struct vnic_vfio_irq - a signal towards the user
 * @lock: protects all of it, held while @ctx is signalled at once; any context
 * @ctx: the user's eventfd, or NULL; changes under @irq_lock, too, while open
 * @wqh: who waits for it
 * @due: the function's thread is to signal it
 */
struct vnic_vfio_irq {
	spinlock_t		lock; /* see above */
	struct eventfd_ctx	*ctx;
	wait_queue_head_t	*wqh;
	bool			due;
};

/* Behind the MSI-X vectors in vnic_vfio.irqs: */
#define VNIC_VFIO_IRQ_ERR(vv)	((vv)->vectors)
#define VNIC_VFIO_IRQ_REQ(vv)	((vv)->vectors + 1)
#define VNIC_VFIO_IRQS(vv)	((vv)->vectors + 2)

/**
 * struct vnic_vfio - a VF bound to vnic-vfio-pci
 * @vdev: for the vfio core
 * @pdev: the VF
 * @fn: its device model
 * @gate: read: an access of the user; write: opening, closing, and a reset,
 *	which no access overtakes
 * @open: between open and close (@gate)
 * @vectors: MSI-X vectors, fixed while open
 * @irqs: VNIC_VFIO_IRQS() of them, while open
 * @irq_lock: held while the function's thread signals eventfds or has @bell tracked, and by
 *	what changes them
 * @cfg_lock: protects @cfg, @master and @flr
 * @cfg: the config space the guest sees, while open
 * @master: the function may access memory: bus master enabled
 * @flr: a function-level reset by the guest may still be running
 * @decode: BARs answer: memory enabled, and in D0; written under @cfg_lock
 * @bell: the doorbell page, while open; NULL: it is trapped like the registers
 */
struct vnic_vfio {
	struct vfio_device	vdev;
	struct pci_dev		*pdev;
	struct vnic_fn		*fn;

	struct rw_semaphore	gate;
	bool			open;
	unsigned int		vectors;
	struct vnic_vfio_irq	*irqs;
	struct mutex		irq_lock; /* eventfds */

	struct mutex		cfg_lock; /* cfg, master, flr */
	struct vnic_cfg		*cfg;
	bool			master;
	bool			flr;
	bool			decode;
	struct vnic_bell	*bell;
};

static inline struct vnic_vfio *vnic_vfio_of(struct vfio_device *vdev)
{
	return container_of(vdev, struct vnic_vfio, vdev);
}

/* config.c; @gate held */
int vnic_vfio_config_open(struct vnic_vfio *vv);
void vnic_vfio_config_attached(struct vnic_vfio *vv);
void vnic_vfio_config_close(struct vnic_vfio *vv);
void vnic_vfio_config_reset(struct vnic_vfio *vv);
u32 vnic_vfio_config_read(struct vnic_vfio *vv, u32 off, u32 size);
void vnic_vfio_config_write(struct vnic_vfio *vv, u32 off, u32 size, u32 val);

/* region.c; @gate not held */
int vnic_vfio_mmap(struct vfio_device *vdev, struct vm_area_struct *vma);
int vnic_vfio_region_info(struct vfio_device *vdev, struct vfio_region_info *info,
			  struct vfio_info_cap *caps);
ssize_t vnic_vfio_read(struct vfio_device *vdev, char __user *buf, size_t count, loff_t *ppos);
ssize_t vnic_vfio_write(struct vfio_device *vdev, const char __user *buf, size_t count,
			loff_t *ppos);

/* irq.c; @gate held for writing in open and close */
int vnic_vfio_irqs_open(struct vnic_vfio *vv);
void vnic_vfio_irqs_close(struct vnic_vfio *vv);
int vnic_vfio_irq_info(struct vnic_vfio *vv, struct vfio_irq_info *info);
int vnic_vfio_set_irqs(struct vnic_vfio *vv, const struct vfio_irq_set *hdr, const void *data);
unsigned int vnic_vfio_irq_count(const struct vnic_vfio *vv, u32 index);
bool vnic_vfio_signal(struct vnic_vfio *vv, unsigned int irq);
extern const struct vnic_backend_ops vnic_vfio_backend;

/* doorbell.c; see there for contexts */
#ifdef CONFIG_KVM_EXTERNAL_WRITE_TRACKING
void vnic_bell_open(struct vnic_vfio *vv);
void vnic_bell_close(struct vnic_bell *bell);
void vnic_bell_place(struct vnic_vfio *vv, u64 bar);
void vnic_bell_retry(struct vnic_bell *bell);
void vnic_bell_work(struct vnic_bell *bell);
int vnic_bell_mmap(struct vnic_vfio *vv, struct vm_area_struct *vma);
#else
static inline void vnic_bell_open(struct vnic_vfio *vv) { }
static inline void vnic_bell_close(struct vnic_bell *bell) { }
static inline void vnic_bell_place(struct vnic_vfio *vv, u64 bar) { }
static inline void vnic_bell_retry(struct vnic_bell *bell) { }
static inline void vnic_bell_work(struct vnic_bell *bell) { }
static inline int vnic_bell_mmap(struct vnic_vfio *vv, struct vm_area_struct *vma)
{
	return -EINVAL;
}
#endif

#endif /* _VNIC_VFIO_H */
