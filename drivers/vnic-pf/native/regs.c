// SPDX-License-Identifier: GPL-2.0
/*
 * Control registers of a function (uapi/vnic/vnic_regs.h).
 *
 * Values come from the driver and are hostile: each is used once and only to
 * choose among the few things below.
 */
#include <linux/align.h>

#include "../personality.h"
#include "../model/worker.h"
#include "native.h"

static u32 vnic_native_status(const struct vnic_fn *fn)
{
	unsigned long flags = READ_ONCE(fn->flags);
	u32 status = 0;

	if (!vnic_fn_resetting(fn))
		status |= VNIC_STATUS_READY;
	if (flags & BIT(VNIC_FN_ENABLED))
		status |= VNIC_STATUS_ENABLED;
	if (flags & BIT(VNIC_FN_FAILED))
		status |= VNIC_STATUS_FAILED;
	return status;
}

static u32 vnic_native_read(struct vnic_fn *fn, u32 offset, u32 size)
{
	switch (offset) {
	case VNIC_REG_MAGIC:
		return VNIC_MAGIC;
	case VNIC_REG_VERSION:
		return VNIC_VERSION_1 << 16 | VNIC_VERSION_1;
	case VNIC_REG_FEATURES_LO:
		return lower_32_bits(vnic_mbx_features(fn));
	case VNIC_REG_FEATURES_HI:
		return upper_32_bits(vnic_mbx_features(fn));
	case VNIC_REG_STATUS:
		return vnic_native_status(fn);
	case VNIC_REG_MBX_ADDR_LO:
		return READ_ONCE(fn->mbx_lo);
	case VNIC_REG_MBX_ADDR_HI:
		return READ_ONCE(fn->mbx_hi);
	case VNIC_REG_GENERATION:
		return READ_ONCE(fn->generation);
	}
	return 0;
}

/* A doorbell by a register: a guest's thread writes it, or a driver's xmit. */
static void vnic_native_ring(struct vnic_fn *fn, unsigned int qp, bool rx)
{
	vnic_queue_kick(fn, qp, rx, test_bit(VNIC_FN_GUEST, &fn->flags));
}

/* A doorbell by the page: a guest's thread has written it. */
static void vnic_native_page(struct vnic_fn *fn, u32 offset, u32 size)
{
	if (size == sizeof(u32) && IS_ALIGNED(offset, sizeof(u32)))
		vnic_queue_kick(fn, offset / 8, offset & 4, true);
}

/* The pair takes effect with its low half.  An address that is no page's is none. */
static void vnic_native_set_mbx(struct vnic_fn *fn, u32 low)
{
	u64 addr = (u64)fn->mbx_hi << 32 | low;

	lockdep_assert_held(&fn->lock);
	WRITE_ONCE(fn->mbx_lo, low);
	if (!IS_ALIGNED(addr, VNIC_MBX_PAGE_SIZE))
		addr = 0;
	WRITE_ONCE(fn->mbx_addr, addr);
	if (addr)
		vnic_fn_pend(fn, VNIC_PENDING_STATUS);
}

static void vnic_native_write_control(struct vnic_fn *fn, u32 offset, u32 value)
{
	unsigned long flags;

	mutex_lock(&fn->lock);
	flags = READ_ONCE(fn->flags);
	if (!(flags & BIT(VNIC_FN_ATTACHED)) || flags & BIT(VNIC_FN_FAILED))
		goto out;
	if (offset == VNIC_REG_MBX_ADDR_HI)
		WRITE_ONCE(fn->mbx_hi, value);
	else
		vnic_native_set_mbx(fn, value);
out:
	mutex_unlock(&fn->lock);
}

static void vnic_native_write(struct vnic_fn *fn, u32 offset, u32 size, u32 value)
{
	if (offset >= VNIC_DOORBELL_BASE) {
		vnic_native_ring(fn, (offset - VNIC_DOORBELL_BASE) / 8, offset & 4);
		return;
	}
	switch (offset) {
	case VNIC_REG_MBX_KICK:
		if (!READ_ONCE(fn->mbx_addr))
			break;
		vnic_fn_pend(fn, VNIC_PENDING_REQUEST);
		break;
	case VNIC_REG_KICK:
		vnic_native_ring(fn, value >> 1, value & 1);
		break;
	case VNIC_REG_MBX_ADDR_HI:
	case VNIC_REG_MBX_ADDR_LO:
		vnic_native_write_control(fn, offset, value);
		break;
	case VNIC_REG_CONTROL:
		if (value & VNIC_CTRL_RESET)
			vnic_fn_reset(fn, false);
		break;
	}
}

/* Everything the driver set up by registers and mailbox */
static void vnic_native_reset(struct vnic_fn *fn)
{
	lockdep_assert_held(&fn->lock);
	WRITE_ONCE(fn->mbx_addr, 0);
	WRITE_ONCE(fn->mbx_hi, 0);
	WRITE_ONCE(fn->mbx_lo, 0);
	fn->hello = false;
	WRITE_ONCE(fn->features, 0);
	vnic_fn_reset_rss(fn);
}

static bool vnic_native_used(const struct vnic_fn *fn)
{
	return READ_ONCE(fn->mbx_addr);
}

const struct vnic_personality vnic_native_personality = {
	.name		= "native",
	.width		= sizeof(u32),
	.attach		= vnic_mbx_attach,
	.detach		= vnic_mbx_detach,
	.read		= vnic_native_read,
	.write		= vnic_native_write,
	.bell		= vnic_native_page,
	.work		= vnic_mbx_work,
	.used		= vnic_native_used,
	.tell_reset	= vnic_mbx_tell_reset,
	.reset		= vnic_native_reset,
};
