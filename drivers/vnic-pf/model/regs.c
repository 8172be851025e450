// SPDX-License-Identifier: GPL-2.0
/*
 * Control registers of a function (uapi/vnic/vnic_regs.h).
 *
 * Values come from the driver and are hostile: each is used once and only to
 * choose among the few things below.
 */
#include <linux/align.h>
#include <linux/random.h>
#include <linux/string.h>

#include <compat.h>

#include "fn.h"
#include "worker.h"

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

static u32 vnic_native_read(struct vnic_fn *fn, u32 offset)
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
		vnic_mbx_notify(fn);
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

static void vnic_native_write(struct vnic_fn *fn, u32 offset, u32 value)
{
	if (offset >= VNIC_DOORBELL_BASE) {
		vnic_native_ring(fn, (offset - VNIC_DOORBELL_BASE) / 8, offset & 4);
		return;
	}
	switch (offset) {
	case VNIC_REG_MBX_KICK:
		if (!READ_ONCE(fn->mbx_addr))
			break;
		set_bit(VNIC_MBX_REQUEST, &fn->mbx_pending);
		vnic_worker_wake(fn->worker[0], VNIC_WORK_MBX);
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
	u8 key[VNIC_RSS_KEY_LEN];
	unsigned int i;

	lockdep_assert_held(&fn->lock);
	WRITE_ONCE(fn->mbx_pending, 0);
	WRITE_ONCE(fn->mbx_addr, 0);
	WRITE_ONCE(fn->mbx_hi, 0);
	WRITE_ONCE(fn->mbx_lo, 0);
	fn->hello = false;
	WRITE_ONCE(fn->features, 0);
	get_random_bytes(key, sizeof(key));
	vnic_hash_set_key(&fn->rss_key, key);
	for (i = 0; i < VNIC_RSS_ENTRIES; i++)
		WRITE_ONCE(fn->rss_table[i], 0);
}

const struct vnic_personality vnic_native_personality = {
	.name	= "vnic",
	.read	= vnic_native_read,
	.write	= vnic_native_write,
	.kick	= vnic_queue_kick,
	.reset	= vnic_native_reset,
};

static bool vnic_fn_offset_ok(u32 offset)
{
	return offset < VNIC_BAR_CTRL_SIZE && IS_ALIGNED(offset, sizeof(u32));
}

u32 vnic_fn_read(struct vnic_fn *fn, u32 offset)
{
	return vnic_fn_offset_ok(offset) ? fn->pers->read(fn, offset) : ~0U;
}
EXPORT_SYMBOL_VNIC(vnic_fn_read);

void vnic_fn_write(struct vnic_fn *fn, u32 offset, u32 value)
{
	if (vnic_fn_offset_ok(offset))
		fn->pers->write(fn, offset, value);
}
EXPORT_SYMBOL_VNIC(vnic_fn_write);
