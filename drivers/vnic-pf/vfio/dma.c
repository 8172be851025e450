// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's memory: pins by way of the vfio core, and their end when the
 * user unmaps it.
 *
 * The translations themselves, and who waits for whom, are memory/as.c's.
 */
#include <linux/iommu.h>
#include <linux/overflow.h>

#include "priv.h"

/*
 * One page a call: iommufd takes back only exactly what one call pinned, and
 * the table above may give ranges back in other pieces.
 */
static int vnic_vfio_pin(void *priv, dma_addr_t iova, int npages, struct page **pages)
{
	struct vnic_vfio *vv = priv;
	int i, ret;

	for (i = 0; i < npages; i++, iova += PAGE_SIZE) {
		ret = vfio_pin_pages(&vv->vdev, iova, 1, IOMMU_READ | IOMMU_WRITE, &pages[i]);
		if (ret == 1)
			continue;
		if (i)
			break;
		return ret < 0 ? ret : -EFAULT;
	}
	return i;
}

static void vnic_vfio_unpin(void *priv, dma_addr_t iova, int npages)
{
	struct vnic_vfio *vv = priv;

	for (; npages > 0; npages--, iova += PAGE_SIZE)
		vfio_unpin_pages(&vv->vdev, iova, 1);
}

const struct vnic_pin_ops vnic_vfio_pin_ops = {
	.pin	= vnic_vfio_pin,
	.unpin	= vnic_vfio_unpin,
};

/* What dma_unmap is about from now on; NULL: nothing */
void vnic_vfio_dma_set(struct vnic_vfio *vv, struct vnic_as *as)
{
	struct vnic_as *old;

	spin_lock(&vv->dma_lock);
	old = vv->dma_as;
	vv->dma_as = as ? vnic_as_get(as) : NULL;
	spin_unlock(&vv->dma_lock);
	if (old)
		vnic_as_put(old);
}

/**
 * vnic_vfio_dma_unmap - vfio op: the user has unmapped a range
 * @vdev: the device
 * @iova: first byte
 * @length: bytes; iommufd says 0, ULONG_MAX for everything
 *
 * Nothing in the range is accessed any more when it returns, and nothing is
 * pinned, unless a second elapsed: then type1 calls again (after ten times it
 * dies by BUG_ON; see memory/as.c).  iommufd may call it in parallel with the
 * close of the device, and after it.
 *
 * Context: process, may sleep; type1 holds its list of devices locked.
 */
void vnic_vfio_dma_unmap(struct vfio_device *vdev, u64 iova, u64 length)
{
	struct vnic_vfio *vv = vnic_vfio_of(vdev);
	struct vnic_as *as;
	u64 end;

	if (!length)
		return;
	if (check_add_overflow(iova, length, &end))
		length = U64_MAX - iova;
	spin_lock(&vv->dma_lock);
	as = vv->dma_as ? vnic_as_get(vv->dma_as) : NULL;
	spin_unlock(&vv->dma_lock);
	if (!as)
		return;
	vnic_as_invalidate(as, iova, length);
	vnic_as_put(as);
}
