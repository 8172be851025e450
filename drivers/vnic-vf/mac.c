// SPDX-License-Identifier: GPL-2.0
/*
 * The function's address: the user's, the host's, and which of them is in force.
 */
#include "vf.h"

static int vnicvf_send_mac(struct vnicvf *vf, const u8 *mac)
{
	struct vnic_mbx_mac req = {};

	ether_addr_copy(req.mac, mac);
	return vnicvf_mbx_call(vf, VNIC_MBX_SET_MAC, &req, sizeof(req), NULL, 0);
}

/* The netdev has another address now.  Context: rtnl, once it is registered. */
static void vnicvf_put_mac(struct vnicvf *vf, const u8 *mac)
{
	ether_addr_copy(vf->prev_mac, vf->netdev->dev_addr);
	eth_hw_addr_set(vf->netdev, mac);
}

/*
 * Has a tool seen the address before the host set one, and puts it back (sriov-cni) before
 * the host unsets that?  While the interface is down it is of no consequence: the device
 * keeps the host's, and the interface has it when it goes up.
 */
static bool vnicvf_mac_put_back(struct vnicvf *vf, const u8 *mac)
{
	if (netif_running(vf->netdev) || !ether_addr_equal(mac, vf->prev_mac))
		return false;
	vf->mac_seq--;		/* what vnicvf_mac_status() takes is news */
	return true;
}

int vnicvf_set_mac(struct net_device *netdev, void *addr)
{
	struct vnicvf *vf = netdev_priv(netdev);
	struct sockaddr *sa = addr;
	int err;

	if (!is_valid_ether_addr(sa->sa_data))
		return -EADDRNOTAVAIL;
	if (ether_addr_equal(netdev->dev_addr, sa->sa_data))
		return 0;
	err = vnicvf_send_mac(vf, sa->sa_data);
	if (!err) {
		vf->own_mac = true;
		ether_addr_copy(vf->user_mac, sa->sa_data);
	}
	if (err == -EPERM && vnicvf_mac_put_back(vf, sa->sa_data))
		err = 0;
	if (err == -EPERM)
		netdev_warn(netdev, "the host has set this VF's address and does not let it change\n");
	else if (err == -EADDRINUSE && net_ratelimit())
		netdev_warn(netdev, "%pM is in use in this adapter: VFs that share one need trust\n",
			    sa->sa_data);
	if (err)
		return err;
	vnicvf_put_mac(vf, sa->sa_data);
	return 0;
}

/* The netdev has the host's address now. */
static void vnicvf_take_mac(struct vnicvf *vf, const u8 *mac, bool random)
{
	struct net_device *netdev = vf->netdev;

	vf->own_mac = false;
	vnicvf_put_mac(vf, mac);
	netdev->addr_assign_type = random ? NET_ADDR_RANDOM : NET_ADDR_PERM;
	if (netdev->reg_state == NETREG_REGISTERED)
		call_netdevice_notifiers(NETDEV_CHANGEADDR, netdev);
}

/* The host's address, unless the user set one and may keep it.  0; -ENOMEM: the device has
 * none for it now, and is to be asked again.
 */
int vnicvf_mac_hello(struct vnicvf *vf, const struct vnic_mbx_caps *caps)
{
	struct net_device *netdev = vf->netdev;
	int err;

	vf->mac_seq = le32_to_cpu(caps->mac_seq);
	if (ether_addr_equal(netdev->dev_addr, caps->mac))
		return 0;
	if (vf->own_mac && !caps->mac_fixed) {
		err = vnicvf_send_mac(vf, netdev->dev_addr);
		if (!vnicvf_mbx_refused(err))
			return err;	/* no answer: it is asked for again */
	}
	vnicvf_take_mac(vf, caps->mac, le32_to_cpu(caps->flags) & VNIC_CAPS_F_MAC_RANDOM);
	return 0;
}

/* Has the host given the function an address?  The report may be older than
 * what the driver has set since, so the address alone does not tell.
 *
 * One that it has set waits until the interface goes up.  Tools note the interface's
 * address after they have set the VF's, to put it back when they unset that
 * (sriov-cni): they must not find the one that they have set.
 */
void vnicvf_mac_status(struct vnicvf *vf, const struct vnicvf_status *st)
{
	struct net_device *netdev = vf->netdev;

	if (!is_valid_ether_addr(st->mac) || vf->mac_seq == st->mac_seq)
		return;
	if (!ether_addr_equal(netdev->dev_addr, st->mac)) {
		vf->own_mac = false;
		if (!netif_running(netdev) && !(st->flags & VNIC_ST_F_MAC_DEFAULT))
			return;
		vnicvf_take_mac(vf, st->mac, st->flags & VNIC_ST_F_MAC_RANDOM);
		/* the user's again, as trust is back? */
		vf->own_mac = ether_addr_equal(vf->user_mac, st->mac);
		netdev_info(netdev, "address set to %pM by the host\n", st->mac);
	}
	vf->mac_seq = st->mac_seq;
}
