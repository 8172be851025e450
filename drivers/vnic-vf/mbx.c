// SPDX-License-Identifier: GPL-2.0
/*
 * The mailbox: one request at a time, answered through a completion.  What the
 * device writes is read once and checked before it is used.
 */
#include <linux/dma-mapping.h>

#include "vf.h"

static const int vnicvf_mbx_errno[] = {
	[VNIC_MBX_OK]		= 0,
	[VNIC_MBX_E_VERSION]	= -EPROTONOSUPPORT,
	[VNIC_MBX_E_OPCODE]	= -EOPNOTSUPP,
	[VNIC_MBX_E_LEN]	= -EPROTO,
	[VNIC_MBX_E_INVAL]	= -EINVAL,
	[VNIC_MBX_E_STATE]	= -EBUSY,
	[VNIC_MBX_E_PERM]	= -EPERM,
	[VNIC_MBX_E_INUSE]	= -EADDRINUSE,
	[VNIC_MBX_E_NOSPC]	= -ENOSPC,
	[VNIC_MBX_E_FAULT]	= -EFAULT,
	[VNIC_MBX_E_NOMEM]	= -ENOMEM,
};

int vnicvf_mbx_init(struct vnicvf *vf)
{
	struct vnicvf_mbx *mbx = &vf->mbx;

	mutex_init(&mbx->lock);
	init_completion(&mbx->done);
	/* Coherent memory is aligned to its size. */
	mbx->page = dma_alloc_coherent(&vf->pdev->dev, VNIC_MBX_PAGE_SIZE, &mbx->dma, GFP_KERNEL);
	return mbx->page ? 0 : -ENOMEM;
}

void vnicvf_mbx_free(struct vnicvf *vf)
{
	dma_free_coherent(&vf->pdev->dev, VNIC_MBX_PAGE_SIZE, vf->mbx.page, vf->mbx.dma);
}

/* Give the page to a device that has just been reset. */
void vnicvf_mbx_start(struct vnicvf *vf)
{
	struct vnicvf_mbx *mbx = &vf->mbx;

	mutex_lock(&mbx->lock);
	memset(mbx->page, 0, VNIC_MBX_PAGE_SIZE);
	mbx->event = 0;
	vnicvf_hw_write(&vf->hw, VNIC_REG_MBX_ADDR_HI, upper_32_bits(mbx->dma));
	vnicvf_hw_write(&vf->hw, VNIC_REG_MBX_ADDR_LO, lower_32_bits(mbx->dma));
	mbx->live = true;
	mutex_unlock(&mbx->lock);
}

/* No more requests; a waiting one ends. */
void vnicvf_mbx_stop(struct vnicvf *vf)
{
	struct vnicvf_mbx *mbx = &vf->mbx;

	WRITE_ONCE(mbx->live, false);
	complete(&mbx->done);
	mutex_lock(&mbx->lock);
	mutex_unlock(&mbx->lock);
}

static bool vnicvf_mbx_answered(struct vnicvf_mbx *mbx)
{
	/* seq is written last: the rest of the response is there, too */
	return le16_to_cpu(virt_load_acquire(&mbx->page->resp.seq)) == READ_ONCE(mbx->seq);
}

/**
 * vnicvf_mbx_irq - the control vector was raised
 * @vf: function
 *
 * Context: hard interrupt.
 * Return: true when there is work for process context.
 */
bool vnicvf_mbx_irq(struct vnicvf *vf)
{
	struct vnicvf_mbx *mbx = &vf->mbx;
	const struct vnic_mbx_status *st = &mbx->page->status;
	bool reset = le32_to_cpu(READ_ONCE(st->flags)) & VNIC_ST_F_RESET;

	if (reset || vnicvf_mbx_answered(mbx))
		complete(&mbx->done);
	return reset || le32_to_cpu(READ_ONCE(st->event)) != READ_ONCE(mbx->event);
}

/* What the host allows now, see struct vnic_mbx_status; the rest stays to be read. */
u32 vnicvf_mbx_allow_seq(struct vnicvf *vf)
{
	return le32_to_cpu(READ_ONCE(vf->mbx.page->status.allow_seq));
}

/* Read the status block; the event counter first, so that a change during the
 * read leaves a difference.
 */
void vnicvf_mbx_status(struct vnicvf *vf, struct vnicvf_status *out)
{
	const struct vnic_mbx_status *st = &vf->mbx.page->status;

	WRITE_ONCE(vf->mbx.event, vnicvf_load(&st->event));
	out->flags = le32_to_cpu(READ_ONCE(st->flags));
	out->speed = le32_to_cpu(READ_ONCE(st->speed));
	out->mac_seq = le32_to_cpu(READ_ONCE(st->mac_seq));
	out->allow_seq = le32_to_cpu(READ_ONCE(st->allow_seq));
	memcpy(out->mac, st->mac, sizeof(out->mac));
}

/* Wait for the answer, a second at a time: a lost interrupt costs a second, and
 * a device that is gone or was reset is noticed.
 */
static int vnicvf_mbx_wait(struct vnicvf *vf)
{
	struct vnicvf_mbx *mbx = &vf->mbx;
	unsigned long end = jiffies + msecs_to_jiffies(VNIC_MBX_TIMEOUT_MS);

	do {
		wait_for_completion_timeout(&mbx->done, HZ);
		if (vnicvf_mbx_answered(mbx))
			return 0;
		if (!READ_ONCE(mbx->live))
			return -ENETDOWN;
		if (vnicvf_hw_gone(&vf->hw))
			return -ENODEV;
		if (vnicvf_hw_needs_reset(&vf->hw))
			return -EIO;
	} while (time_before(jiffies, end));
	return -ETIMEDOUT;
}

static void vnicvf_mbx_send(struct vnicvf *vf, u16 opcode, const void *req, size_t len)
{
	struct vnicvf_mbx *mbx = &vf->mbx;
	u16 seq = mbx->seq + 1;

	reinit_completion(&mbx->done);
	WRITE_ONCE(mbx->seq, seq ? seq : 1);
	if (len)
		memcpy(mbx->page->req_payload, req, len);
	mbx->page->req = (struct vnic_mbx_hdr) {
		.version = cpu_to_le16(VNIC_VERSION_1),
		.opcode	 = cpu_to_le16(opcode),
		.len	 = cpu_to_le16(len),
		.seq	 = cpu_to_le16(mbx->seq),
	};
	virt_wmb();	/* the request before the kick */
	vnicvf_hw_write(&vf->hw, VNIC_REG_MBX_KICK, 1);
}

static int vnicvf_mbx_take(struct vnicvf *vf, u16 opcode, void *resp, size_t resp_len)
{
	struct vnicvf_mbx *mbx = &vf->mbx;
	const struct vnic_mbx_page *page = mbx->page;
	u32 status = le32_to_cpu(READ_ONCE(page->resp.status));

	lockdep_assert_held(&mbx->lock);
	if (le16_to_cpu(READ_ONCE(page->resp.opcode)) != opcode)
		return -EPROTO;
	if (status) {
		WRITE_ONCE(mbx->refused, mbx->refused + 1);
		return status < ARRAY_SIZE(vnicvf_mbx_errno) ? vnicvf_mbx_errno[status] : -EPROTO;
	}
	if (le16_to_cpu(READ_ONCE(page->resp.len)) != resp_len)
		return -EPROTO;
	if (resp_len)
		memcpy(resp, page->resp_payload, resp_len);
	return 0;
}

/**
 * vnicvf_mbx_call - ask the device for something
 * @vf: function
 * @opcode: VNIC_MBX_*
 * @req: payload
 * @req_len: its bytes, at most VNIC_MBX_REQ_MAX
 * @resp: where the response's payload goes
 * @resp_len: bytes the response must have
 *
 * A device that does not answer is marked for reset.
 *
 * Context: process, sleeps for VNIC_MBX_TIMEOUT_MS at most.
 * Return: 0; what the device answered as an errno (-EPERM, -EADDRINUSE,
 * -ENOSPC, -EINVAL, -EOPNOTSUPP, ...); -ENETDOWN: mailbox not in use;
 * -ENODEV, -EIO, -ETIMEDOUT: no answer; -EPROTO: an answer that makes no sense.
 */
int vnicvf_mbx_call(struct vnicvf *vf, u16 opcode, const void *req, size_t req_len,
		    void *resp, size_t resp_len)
{
	struct vnicvf_mbx *mbx = &vf->mbx;
	int err;

	if (WARN_ON_ONCE(req_len > VNIC_MBX_REQ_MAX || resp_len > VNIC_MBX_RESP_MAX))
		return -EINVAL;
	mutex_lock(&mbx->lock);
	if (!mbx->live) {
		err = -ENETDOWN;
		goto unlock;
	}
	vnicvf_mbx_send(vf, opcode, req, req_len);
	err = vnicvf_mbx_wait(vf);
	if (!err) {
		err = vnicvf_mbx_take(vf, opcode, resp, resp_len);
	} else if (err != -ENETDOWN) {
		netdev_err(vf->netdev, "mailbox request %u not answered: %d\n", opcode, err);
		mbx->live = false;
		vnicvf_request_reset(vf);
	}
unlock:
	mutex_unlock(&mbx->lock);
	return err;
}

int vnicvf_mbx_u32(struct vnicvf *vf, u16 opcode, u32 value)
{
	struct vnic_mbx_u32 req = { .value = cpu_to_le32(value) };

	return vnicvf_mbx_call(vf, opcode, &req, sizeof(req), NULL, 0);
}
