// SPDX-License-Identifier: GPL-2.0
/*
 * Running the program of a port: what it is shown of a frame, and what its verdict is
 * taken for.
 */
#include <linux/bpf.h>
#include <linux/bpf_trace.h>
#include <linux/filter.h>
#include <linux/unaligned.h>

#include "port_xdp.h"
#include "switch.h"

static_assert(sizeof_field(struct vnic_frame, hdr) + VLAN_HLEN <= VNIC_XDP_DATA);

void vnic_port_set_xdp(struct vnic_port *port, struct vnic_port_xdp *xdp)
{
	rcu_assign_pointer(port->xdp, xdp);
}

/* The frame as on a wire to the port, as far as it was copied.  Returns the bytes. */
static unsigned int vnic_xdp_show(u8 *data, const struct vnic_frame *f, bool stripped)
{
	unsigned int macs = 2 * ETH_ALEN;

	if (stripped || !f->vlan_proto) {
		memcpy(data, f->hdr, f->hdr_len);
		return f->hdr_len;
	}
	memcpy(data, f->hdr, macs);
	put_unaligned(f->vlan_proto, (__be16 *)(data + macs));
	put_unaligned_be16(f->vlan_tci, data + macs + sizeof(__be16));
	memcpy(data + macs + VLAN_HLEN, f->hdr + macs, f->hdr_len - macs);
	return f->hdr_len + VLAN_HLEN;
}

/* XDP_TX.  What was shown of a longer frame is none, unless the program has cut it to a
 * length of its own.  False: not possible.
 */
static bool vnic_xdp_answer(struct vnic_port_xdp *xdp, const struct xdp_buff *buff,
			    const struct vnic_frame *f, const void *end)
{
	if (f->len > f->hdr_len && buff->data_end == end)
		return false;
	if (f->answer)		/* two programs would answer each other for ever */
		return false;
	xdp->answer(xdp, buff->data, buff->data_end - buff->data);
	return true;
}

/* Does the frame pass? */
static bool vnic_xdp_run(struct vnic_port_xdp *xdp, struct bpf_prog *prog, bool stripped,
			 struct vnic_xdp_room *room, const struct vnic_frame *f)
{
	struct xdp_buff buff;
	void *end;
	u32 act;

	xdp_init_buff(&buff, sizeof(room->bytes), &xdp->rxq);
	xdp_prepare_buff(&buff, room->bytes, XDP_PACKET_HEADROOM,
			 vnic_xdp_show(room->bytes + XDP_PACKET_HEADROOM, f, stripped), false);
	end = buff.data_end;
	act = bpf_prog_run_xdp(prog, &buff);
	switch (act) {
	case XDP_PASS:
		return true;
	case XDP_DROP:
		return false;
	case XDP_TX:
		if (vnic_xdp_answer(xdp, &buff, f, end))
			return false;
		break;
	default:	/* XDP_REDIRECT, too: the frame is not the program's to give away */
		bpf_warn_invalid_xdp_action(xdp->rxq.dev, prog, act);
		break;
	case XDP_ABORTED:
		break;
	}
	trace_xdp_exception(xdp->rxq.dev, prog, act);
	return false;
}

unsigned int vnic_port_xdp_admit(struct vnic_port *port, struct vnic_port_xdp *xdp, bool stripped,
				 struct vnic_xdp_room *room, struct vnic_frame **out,
				 unsigned int n)
{
	struct bpf_prog *prog = rcu_dereference(xdp->prog);
	struct bpf_net_context context, *own;
	unsigned int i, kept = 0, refused = 0;

	if (!prog)
		return n;
	own = bpf_net_ctx_set(&context);	/* some helpers look for it */
	for (i = 0; i < n; i++) {
		if (vnic_frame_settle_csum(out[i]) &&
		    vnic_xdp_run(xdp, prog, stripped, room, out[i]))
			out[kept++] = out[i];
		else
			refused += out[i]->segs;
	}
	bpf_net_ctx_clear(own);
	if (refused)
		vnic_port_drop(port, VNIC_DROP_RX_XDP, refused);
	return kept;
}
