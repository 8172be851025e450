// SPDX-License-Identifier: GPL-2.0
/*
 * Attaching an XDP program and taking it away (ndo_bpf); xdp.c runs it.
 *
 * A program sees whole frames with complete checksums in one buffer: attaching
 * one starts the device over without RX_CSUM and RX_GSO, so that the device cuts
 * up what comes as one.
 */
#include <linux/bpf.h>
#include <linux/rtnetlink.h>

#include "vf.h"

/* From no program to one, or back: other buffers, other features.  Taking a
 * program away never fails: the core counts on it.
 */
static int vnicvf_xdp_switch(struct vnicvf *vf, struct bpf_prog *prog,
			     struct netlink_ext_ack *extack)
{
	struct net_device *netdev = vf->netdev;
	struct bpf_prog *old = vf->prog;
	int err;

	/* Detached: vnicvf_attach() will follow. */
	if (!netif_device_present(netdev)) {
		WRITE_ONCE(vf->prog, prog);
		return 0;
	}
	vnicvf_detach(vf);	/* no queue sees the change */
	WRITE_ONCE(vf->prog, prog);
	err = vnicvf_attach(vf, vnicvf_wanted_features(vf, netdev_get_wanted_features(netdev)));
	if (!err)
		return 0;
	vnicvf_request_reset(vf);
	if (!prog)
		return 0;
	NL_SET_ERR_MSG_MOD(extack, "cannot make the queues anew; no program is attached");
	WRITE_ONCE(vf->prog, old);
	return err;
}

static int vnicvf_xdp_setup(struct vnicvf *vf, struct bpf_prog *prog,
			    struct netlink_ext_ack *extack)
{
	struct bpf_prog *old = vf->prog;
	int err;

	ASSERT_RTNL();
	if (prog && vf->netdev->mtu > vnicvf_xdp_max_mtu()) {
		NL_SET_ERR_MSG_FMT_MOD(extack, "XDP needs frames in one buffer: MTU %u at most",
				       vnicvf_xdp_max_mtu());
		return -EOPNOTSUPP;
	}
	if (!prog == !old) {
		WRITE_ONCE(vf->prog, prog);
	} else {
		err = vnicvf_xdp_switch(vf, prog, extack);
		if (err)
			return err;
		netdev_update_features(vf->netdev);
	}
	/* Freed after a grace period: NAPI may be running it. */
	if (old)
		bpf_prog_put(old);
	return 0;
}

/* ndo_bpf.  Context: rtnl. */
int vnicvf_bpf(struct net_device *netdev, struct netdev_bpf *bpf)
{
	switch (bpf->command) {
	case XDP_SETUP_PROG:
		return vnicvf_xdp_setup(netdev_priv(netdev), bpf->prog, bpf->extack);
	default:
		return -EINVAL;
	}
}
