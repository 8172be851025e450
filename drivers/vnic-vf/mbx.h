/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The mailbox: requests to the device, and the device's status block.
 */
#ifndef _VNIC_VF_MBX_H
#define _VNIC_VF_MBX_H

#include <linux/completion.h>
#include <linux/mutex.h>
#include <vnic/vnic_mbx.h>

struct vnic_vf;

/**
 * struct vnic_mbx - mailbox
 * @lock: one request at a time; protects all but @seq, which the interrupt reads
 * @done: the response is there, or the device has been reset
 * @page: shared with the device
 * @dma: its bus address
 * @seq: of the request under way
 * @live: the device knows the page and answers
 * @event: status.event the driver has acted upon (control work only)
 * @refused: requests that the device has refused
 */
struct vnic_mbx {
	struct mutex		lock;	/* one request at a time */
	struct completion	done;
	struct vnic_mbx_page	*page;
	dma_addr_t		dma;
	u16			seq;
	bool			live;
	u32			event;
	u64			refused;
};

/* Status block as the driver last read it, checked. */
struct vnic_status {
	u32	flags;
	u32	speed;
	u32	mac_seq;
	u32	allow_seq;
	u8	mac[6];
};

/* Process context where nothing else is said, with rtnl or not: vnic_mbx.lock is taken inside. */
int vnic_mbx_init(struct vnic_vf *vf);
void vnic_mbx_free(struct vnic_vf *vf);
void vnic_mbx_start(struct vnic_vf *vf);
void vnic_mbx_stop(struct vnic_vf *vf);
bool vnic_mbx_irq(struct vnic_vf *vf);					/* hard interrupt */
void vnic_mbx_status(struct vnic_vf *vf, struct vnic_status *st);	/* rtnl */
u32 vnic_mbx_allow_seq(struct vnic_vf *vf);
int vnic_mbx_call(struct vnic_vf *vf, u16 opcode, const void *req, size_t req_len,
		  void *resp, size_t resp_len);
int vnic_mbx_u32(struct vnic_vf *vf, u16 opcode, u32 value);

#endif /* _VNIC_VF_MBX_H */
