// SPDX-License-Identifier: GPL-2.0
/*
 * Following the status block: what the host has changed since it was read last.
 */
#include <linux/rtnetlink.h>

#include "vf.h"

/* The host allows more than before, or less: ask for all that is wanted, again. */
static void vnicvf_status_allow(struct vnicvf *vf, u32 seq)
{
	if (vf->allow_seq == seq)
		return;
	vf->allow_seq = seq;
	vnicvf_vlan_replay(vf);
	vnicvf_filter_later(vf);
}

/* Trust decides what features there are: vnicvf_control_work() looks at them again,
 * since the stack may be about to change some right now.
 */
static void vnicvf_status_trust(struct vnicvf *vf, bool trusted)
{
	if (vf->trusted == trusted)
		return;
	vf->trusted = trusted;
	set_bit(VNICVF_FEATURES, &vf->flags);
	schedule_delayed_work(&vf->control, 0);
}

/* Follow the status block: link, speed, address, rights.  Context: rtnl. */
void vnicvf_status_sync(struct vnicvf *vf)
{
	struct vnicvf_status st;

	ASSERT_RTNL();
	vnicvf_mbx_status(vf, &st);
	WRITE_ONCE(vf->speed, st.speed);
	vnicvf_mac_status(vf, &st);
	vnicvf_status_trust(vf, st.flags & VNIC_ST_F_TRUSTED);
	vnicvf_status_allow(vf, st.allow_seq);
	if (!vf->up || !(st.flags & VNIC_ST_F_LINK_UP)) {
		netif_carrier_off(vf->netdev);
	} else if (!netif_carrier_ok(vf->netdev)) {
		netif_carrier_on(vf->netdev);
		vnicvf_xsk_resume(vf);
	}
}
