/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The mailbox: requests to the device, and the device's status block.
 */
#ifndef _VNIC_VF_MBX_H
#define _VNIC_VF_MBX_H

#include <linux/completion.h>
#include <linux/mutex.h>
#include <vnic/vnic_mbx.h>

struct vnicvf;

/**
 * struct vnicvf_mbx - mailbox
 * @lock: one request at a time; protects all but @seq, which the interrupt reads
 * @done: the response is there, or the device has been reset
 * @page: shared with the device
 * @dma: its bus address
 * @seq: of the request under way
 * @live: the device knows the page and answers
 * @event: status.event the driver has acted upon (control work only)
 * @refused: requests that the device has refused
 */
struct vnicvf_mbx {
	struct mutex		lock;	/* one request at a time */
	struct completion	done;
	struct vnic_mbx_page	*page;
	dma_addr_t		dma;
	u16			seq;
	bool			live;
	u32			event;
	u64			refused;
};

/* Status block as the driver last read it */
struct vnicvf_status {
	u32	flags;
	u32	speed;
	u32	mac_seq;
	u32	allow_seq;
	u8	mac[6];
};

/* Process context where nothing else is said, with rtnl or not; takes vnicvf_mbx.lock. */
int vnicvf_mbx_init(struct vnicvf *vf);
void vnicvf_mbx_free(struct vnicvf *vf);
void vnicvf_mbx_start(struct vnicvf *vf);
void vnicvf_mbx_stop(struct vnicvf *vf);
bool vnicvf_mbx_irq(struct vnicvf *vf);					/* hard interrupt */
void vnicvf_mbx_status(struct vnicvf *vf, struct vnicvf_status *st);	/* rtnl */
u32 vnicvf_mbx_allow_seq(struct vnicvf *vf);
int vnicvf_mbx_call(struct vnicvf *vf, u16 opcode, const void *req, size_t req_len,
		    void *resp, size_t resp_len);
int vnicvf_mbx_u32(struct vnicvf *vf, u16 opcode, u32 value);

/* Did the host say no to a request?  Else it did it, or there was no answer (the device is
 * being reset, or its worker gets no CPU) or no memory: it may be asked again.
 */
static inline bool vnicvf_mbx_refused(int err)
{
	return err == -EPERM || err == -EADDRINUSE || err == -ENOSPC || err == -EINVAL ||
	       err == -EOPNOTSUPP || err == -EBUSY;
}

#endif /* _VNIC_VF_MBX_H */
