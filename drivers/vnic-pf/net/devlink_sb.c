// SPDX-License-Identifier: GPL-2.0
/*
 * The packet memory in devlink's terms: `devlink sb`.
 *
 * Shared buffer 0 is the adapter's packet memory.  Pool 0 is what is guaranteed: a
 * port's threshold there is the VF's partition.  Pool 1 is the rest, and all of pool
 * 0 that its owners do not use: a port's threshold there is how much the VF may
 * borrow.  Thresholds and occupancy are in bytes, in cells of VNIC_CELL.
 *
 * Why sb and not devlink resources: a resource takes effect at a reload, a threshold
 * at once, and sb has occupancy with a high-water mark.
 */
#include "devlink.h"

#define VNIC_SB			0
#define VNIC_SB_GUARANTEED	0
#define VNIC_SB_BORROWED	1
#define VNIC_SB_POOLS		2

int vnic_sb_register(struct devlink *devlink, u32 bytes)
{
	return devl_sb_register(devlink, VNIC_SB, bytes, 0, VNIC_SB_POOLS, 0, 0);
}

void vnic_sb_unregister(struct devlink *devlink)
{
	devl_sb_unregister(devlink, VNIC_SB);
}

int vnic_sb_pool_get(struct devlink *devlink, unsigned int sb, u16 pool,
		     struct devlink_sb_pool_info *info)
{
	struct vnic_devlink *vd = devlink_priv(devlink);
	u32 promised = 0;

	if (vd->num_vfs)
		promised = vnic_pool_promised(&vd->ad->memory->pool) * VNIC_CELL;
	info->pool_type = DEVLINK_SB_POOL_TYPE_EGRESS;
	info->threshold_type = DEVLINK_SB_THRESHOLD_TYPE_STATIC;
	info->cell_size = VNIC_CELL;
	info->size = pool == VNIC_SB_GUARANTEED ? promised : vd->ad->memory_size - promised;
	return 0;
}

int vnic_sb_pool_set(struct devlink *devlink, unsigned int sb, u16 pool, u32 size,
		     enum devlink_sb_threshold_type type, struct netlink_ext_ack *extack)
{
	NL_SET_ERR_MSG_MOD(extack,
			   "Pools are sized by what the ports are guaranteed (th of pool 0); the whole by the module's parameter memory");
	return -EOPNOTSUPP;
}

int vnic_sb_port_pool_get(struct devlink_port *port, unsigned int sb, u16 pool, u32 *threshold)
{
	struct vnic_part_use use;

	vnic_part_get_use(&vnic_devlink_fn(port)->part.part, &use);
	*threshold = (pool == VNIC_SB_GUARANTEED ? use.guarantee : use.borrow) * VNIC_CELL;
	return 0;
}

int vnic_sb_port_pool_set(struct devlink_port *port, unsigned int sb, u16 pool, u32 threshold,
			  struct netlink_ext_ack *extack)
{
	struct vnic_part *part = &vnic_devlink_fn(port)->part.part;
	u32 cells = threshold / VNIC_CELL, most;
	struct vnic_part_use use;
	int err;

	if (threshold % VNIC_CELL) {
		NL_SET_ERR_MSG_FMT_MOD(extack,
				       "A threshold is a multiple of the cell size, %u bytes",
				       VNIC_CELL);
		return -EINVAL;
	}
	if (cells > part->pool->cells) {
		NL_SET_ERR_MSG_FMT_MOD(extack, "The packet memory has %u bytes",
				       part->pool->cells * VNIC_CELL);
		return -ERANGE;
	}
	vnic_part_get_use(part, &use);
	if (pool == VNIC_SB_GUARANTEED)
		use.guarantee = cells;
	else
		use.borrow = cells;
	err = vnic_part_resize(part, use.guarantee, use.borrow, &most);
	if (err)
		NL_SET_ERR_MSG_FMT_MOD(extack, "At most %u bytes are left for this port",
				       most * VNIC_CELL);
	return err;
}

/* Occupancy is read when it is asked for: there is nothing to be kept. */
int vnic_sb_occ_snapshot(struct devlink *devlink, unsigned int sb)
{
	return 0;
}

int vnic_sb_occ_max_clear(struct devlink *devlink, unsigned int sb)
{
	struct vnic_devlink *vd = devlink_priv(devlink);
	unsigned int i;

	for (i = 0; i < vd->num_vfs; i++)
		vnic_part_clear_high(&vd->vfs[i].fn->part.part);
	return 0;
}

int vnic_sb_occ_port_pool_get(struct devlink_port *port, unsigned int sb, u16 pool,
			      u32 *cur, u32 *max)
{
	struct vnic_part_use use;

	vnic_part_get_use(&vnic_devlink_fn(port)->part.part, &use);
	*cur = (pool == VNIC_SB_GUARANTEED ? use.own : use.borrowed) * VNIC_CELL;
	*max = (pool == VNIC_SB_GUARANTEED ? use.high_own : use.high_borrowed) * VNIC_CELL;
	return 0;
}
