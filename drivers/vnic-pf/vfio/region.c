// SPDX-License-Identifier: GPL-2.0
/*
 * The regions of the vfio device, that is what its user reaches by pread() and
 * pwrite(): BAR0 with the registers, BAR2 with the MSI-X table, and the
 * configuration space.
 *
 * A region is a row of a table: its size, what may be done with it, and who
 * answers.
 */
#include <linux/minmax.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/unaligned.h>

#include "priv.h"

/* A region's index is in the upper bits of the offset in the device's file. */
#define VNIC_VFIO_SHIFT		40
#define VNIC_VFIO_MASK		((1ULL << VNIC_VFIO_SHIFT) - 1)

/**
 * struct vnic_vfio_region - one region
 * @size: bytes
 * @flags: VFIO_REGION_INFO_FLAG_*
 * @read: read @size bytes (1, 2 or 4, naturally aligned); NULL: nobody answers
 * @write: write them
 *
 * An access that nobody answers reads all-ones and is lost on write, as on a
 * real bus.
 */
struct vnic_vfio_region {
	u32	size;
	u32	flags;
	u32	(*read)(struct vnic_vfio *vv, u32 off, u32 size);
	void	(*write)(struct vnic_vfio *vv, u32 off, u32 size, u32 val);
};

/* What the guest has reached here, it reaches at the place the BAR has by now. */
static void vnic_vfio_reached(struct vnic_vfio *vv)
{
	if (vv->bell)
		vnic_bell_retry(vv->bell);
}

static u32 vnic_vfio_ctrl_read(struct vnic_vfio *vv, u32 off, u32 size)
{
	u32 val;

	if (!READ_ONCE(vv->decode))
		return ~0U;
	val = vnic_fn_read(vv->fn, off, size);
	vnic_vfio_reached(vv);
	return val;
}

static void vnic_vfio_ctrl_write(struct vnic_vfio *vv, u32 off, u32 size, u32 val)
{
	if (!READ_ONCE(vv->decode))
		return;
	vnic_fn_write(vv->fn, off, size, val);
	vnic_vfio_reached(vv);
}

#define VNIC_VFIO_RW	(VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE)

static const struct vnic_vfio_region vnic_vfio_regions[VFIO_PCI_NUM_REGIONS] = {
	[VFIO_PCI_BAR0_REGION_INDEX] = {
		.size	= VNIC_BAR_CTRL_SIZE,
		.flags	= VNIC_VFIO_RW,
		.read	= vnic_vfio_ctrl_read,
		.write	= vnic_vfio_ctrl_write,
	},
	/* The user keeps the MSI-X table and the pending bits itself. */
	[VFIO_PCI_BAR2_REGION_INDEX] = {
		.size	= VNIC_BAR_MSIX_SIZE,
		.flags	= VNIC_VFIO_RW,
	},
	[VFIO_PCI_CONFIG_REGION_INDEX] = {
		.size	= VNIC_CFG_SIZE,
		.flags	= VNIC_VFIO_RW,
		.read	= vnic_vfio_config_read,
		.write	= vnic_vfio_config_write,
	},
};

/* Of BAR0 only the doorbell page */
static int vnic_vfio_sparse(struct vfio_info_cap *caps)
{
	DEFINE_RAW_FLEX(struct vfio_region_info_cap_sparse_mmap, sparse, areas, 1);

	sparse->header.id = VFIO_REGION_INFO_CAP_SPARSE_MMAP;
	sparse->header.version = 1;
	sparse->nr_areas = 1;
	sparse->areas[0].offset = VNIC_DOORBELL_BASE;
	sparse->areas[0].size = PAGE_SIZE;
	return vfio_info_add_capability(caps, &sparse->header, __struct_size(sparse));
}

/**
 * vnic_vfio_region_info - size and place of a region
 * @vdev: the device
 * @info: index in, the rest out
 * @caps: capabilities to add: that the doorbell page of BAR0 may be mapped
 *
 * Return: 0; -EINVAL: no such region; -ENOMEM.
 */
int vnic_vfio_region_info(struct vfio_device *vdev, struct vfio_region_info *info,
			  struct vfio_info_cap *caps)
{
	const struct vnic_vfio_region *region;

	/* A device without VGA has no VGA region, not an empty one. */
	if (info->index >= VFIO_PCI_VGA_REGION_INDEX)
		return -EINVAL;
	region = &vnic_vfio_regions[info->index];
	info->offset = (u64)info->index << VNIC_VFIO_SHIFT;
	info->size = region->size;
	info->flags = region->flags;
	if (info->index != VFIO_PCI_BAR0_REGION_INDEX || !vnic_vfio_of(vdev)->bell)
		return 0;
	info->flags |= VFIO_REGION_INFO_FLAG_MMAP;
	return vnic_vfio_sparse(caps);
}

/* vfio op: nothing but the doorbell page can be mapped, and that as a whole. */
int vnic_vfio_mmap(struct vfio_device *vdev, struct vm_area_struct *vma)
{
	u64 pos = (u64)VFIO_PCI_BAR0_REGION_INDEX << VNIC_VFIO_SHIFT | VNIC_DOORBELL_BASE;
	struct vnic_vfio *vv = vnic_vfio_of(vdev);

	if (!vv->bell || vma->vm_pgoff != pos >> PAGE_SHIFT)
		return -EINVAL;
	return vnic_bell_mmap(vv, vma);
}

/*
 * The region at *@pos, which becomes an offset in it; *@count is cut at its
 * end.  NULL: there is none.
 */
static const struct vnic_vfio_region *vnic_vfio_find(loff_t *pos, size_t *count)
{
	u64 index = (u64)*pos >> VNIC_VFIO_SHIFT;
	const struct vnic_vfio_region *region;

	if (index >= ARRAY_SIZE(vnic_vfio_regions))
		return NULL;
	region = &vnic_vfio_regions[index];
	*pos &= VNIC_VFIO_MASK;
	if (*pos >= region->size)
		return NULL;
	*count = min_t(u64, *count, region->size - *pos);
	return region;
}

/* Some drivers' registers have one width, and are not answered in pieces. */
static bool vnic_vfio_answers(const struct vnic_vfio *vv, const struct vnic_vfio_region *region,
			      u32 off, size_t count)
{
	u32 width = vv->fn->pers->width;

	if (!region->read)
		return false;
	return region != &vnic_vfio_regions[VFIO_PCI_BAR0_REGION_INDEX] || !width ||
	       (count == width && IS_ALIGNED(off, width));
}

/* The widest naturally aligned access at @off of at most @count bytes */
static u32 vnic_vfio_piece(u32 off, size_t count)
{
	if (count >= 4 && IS_ALIGNED(off, 4))
		return 4;
	if (count >= 2 && IS_ALIGNED(off, 2))
		return 2;
	return 1;
}

/* vfio op.  No user memory is touched with the gate closed behind us. */
ssize_t vnic_vfio_read(struct vfio_device *vdev, char __user *buf, size_t count, loff_t *ppos)
{
	struct vnic_vfio *vv = vnic_vfio_of(vdev);
	const struct vnic_vfio_region *region;
	loff_t pos = *ppos;
	size_t done;
	bool answers;
	u32 size;

	region = vnic_vfio_find(&pos, &count);
	if (!region)
		return -EINVAL;
	answers = vnic_vfio_answers(vv, region, pos, count);
	for (done = 0; done < count; done += size) {
		u8 bytes[4];
		u32 val = ~0U;

		size = vnic_vfio_piece(pos + done, count - done);
		if (answers) {
			down_read(&vv->gate);
			val = region->read(vv, pos + done, size);
			up_read(&vv->gate);
		}
		put_unaligned_le32(val, bytes);
		if (copy_to_user(buf + done, bytes, size))
			return -EFAULT;
	}
	*ppos += done;
	return done;
}

/* vfio op */
ssize_t vnic_vfio_write(struct vfio_device *vdev, const char __user *buf, size_t count,
			loff_t *ppos)
{
	struct vnic_vfio *vv = vnic_vfio_of(vdev);
	const struct vnic_vfio_region *region;
	loff_t pos = *ppos;
	size_t done;
	bool answers;
	u32 size;

	region = vnic_vfio_find(&pos, &count);
	if (!region)
		return -EINVAL;
	answers = vnic_vfio_answers(vv, region, pos, count);
	for (done = 0; done < count; done += size) {
		u8 bytes[4] = {};

		size = vnic_vfio_piece(pos + done, count - done);
		if (copy_from_user(bytes, buf + done, size))
			return -EFAULT;
		if (!answers)
			continue;
		down_read(&vv->gate);
		region->write(vv, pos + done, size, get_unaligned_le32(bytes));
		up_read(&vv->gate);
	}
	*ppos += done;
	return done;
}
