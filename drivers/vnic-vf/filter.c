// SPDX-License-Identifier: GPL-2.0
/*
 * What the function receives beside its address: unicast and multicast filters,
 * the promiscuous modes, VLANs.
 */
#include <linux/bitmap.h>
#include <linux/rtnetlink.h>

#include "vf.h"

#define VNICVF_VLAN_SINGLE	16	/* messages for one VLAN each, after a quiet second */
#define VNICVF_FILTER_AGAIN	HZ	/* filters for which there was no memory are sent again */

/**
 * struct vnicvf_filter - receive filters as they are sent
 * @flags: VNIC_RX_MODE_*
 * @num_uc: unicast addresses
 * @num_mc: multicast addresses
 * @uc: unicast addresses, VNIC_MAX_FILTERS entries
 * @mc: multicast addresses, VNIC_MAX_FILTERS entries
 * @req: room for the message
 */
struct vnicvf_filter {
	u32	flags;
	u16	num_uc;
	u16	num_mc;
	u8	uc[VNIC_MAX_FILTERS][ETH_ALEN];
	u8	mc[VNIC_MAX_FILTERS][ETH_ALEN];
	u8	req[sizeof(struct vnic_mbx_rx_mode) + VNIC_MAX_FILTERS * ETH_ALEN];
};

static_assert(sizeof_field(struct vnicvf_filter, req) <= VNIC_MBX_REQ_MAX);

static u16 vnicvf_filter_list(struct netdev_hw_addr_list *list, u8 (*out)[ETH_ALEN], bool *all)
{
	struct netdev_hw_addr *ha;
	u16 n = 0;

	netdev_hw_addr_list_for_each(ha, list) {
		if (n == VNIC_MAX_FILTERS) {
			*all = true;
			break;
		}
		ether_addr_copy(out[n++], ha->addr);
	}
	return n;
}

/* What the stack wants.  Lists that no device takes become promiscuous modes, and
 * who is promiscuous because of the stack (a bridge, a capture) wants all VLANs.
 */
static void vnicvf_filter_gather(struct vnicvf *vf, struct vnicvf_filter *f)
{
	struct net_device *netdev = vf->netdev;
	u32 vlan_all = READ_ONCE(vf->vlan_all);
	bool promisc, allmulti;

	netif_addr_lock_bh(netdev);
	promisc = netdev->flags & IFF_PROMISC;
	allmulti = netdev->flags & (IFF_ALLMULTI | IFF_PROMISC);
	if (promisc && vnicvf_has(vf, VNIC_F_VLAN_ALL))
		vlan_all = VNIC_RX_MODE_ALLCTAG | VNIC_RX_MODE_ALLSTAG;
	f->num_uc = vnicvf_filter_list(&netdev->uc, f->uc, &promisc);
	f->num_mc = vnicvf_filter_list(&netdev->mc, f->mc, &allmulti);
	netif_addr_unlock_bh(netdev);

	if (f->num_uc + f->num_mc > VNIC_MAX_FILTERS) {
		f->num_mc = VNIC_MAX_FILTERS - min_t(u16, f->num_uc, VNIC_MAX_FILTERS);
		allmulti = true;
	}
	f->flags = (promisc ? VNIC_RX_MODE_PROMISC : 0) |
		   (allmulti ? VNIC_RX_MODE_ALLMULTI : 0) | vlan_all;
}

static int vnicvf_filter_call(struct vnicvf *vf, struct vnicvf_filter *f)
{
	struct vnic_mbx_rx_mode *req = (struct vnic_mbx_rx_mode *)f->req;
	size_t uc = f->num_uc * ETH_ALEN, mc = f->num_mc * ETH_ALEN;

	req->flags = cpu_to_le32(f->flags);
	req->num_uc = cpu_to_le16(f->num_uc);
	req->num_mc = cpu_to_le16(f->num_mc);
	memcpy(req->addrs, f->uc, uc);
	memcpy(req->addrs + uc, f->mc, mc);
	return vnicvf_mbx_call(vf, VNIC_MBX_SET_RX_MODE, req, sizeof(*req) + uc + mc, NULL, 0);
}

/* Ask for less: what the device said it takes, with the promiscuous modes in
 * place of the rest; if that was too much, half of it.
 */
static void vnicvf_filter_shrink(const struct vnicvf *vf, struct vnicvf_filter *f, bool trusted)
{
	if (f->num_uc <= vf->caps_uc && f->num_mc <= vf->caps_mc) {
		f->num_uc /= 2;
		f->num_mc /= 2;
		return;
	}
	if (trusted && f->num_uc > vf->caps_uc)
		f->flags |= VNIC_RX_MODE_PROMISC;
	if (trusted && f->num_mc > vf->caps_mc)
		f->flags |= VNIC_RX_MODE_ALLMULTI;
	f->num_uc = min(f->num_uc, vf->caps_uc);
	f->num_mc = min(f->num_mc, vf->caps_mc);
}

static const char *vnicvf_filter_mode(u32 flags)
{
	if (flags & VNIC_RX_MODE_PROMISC)
		return "promiscuous";
	return flags & VNIC_RX_MODE_ALLMULTI ? "all-multicast" : "all-VLAN";
}

/* Say what is not received, once until it is something else.  @refused: modes */
static void vnicvf_filter_report(struct vnicvf *vf, const struct vnicvf_filter *f, u32 refused,
				 bool lost)
{
	bool few = lost && !f->flags;

	if (vf->refused == refused && vf->few == few)
		return;
	vf->refused = refused;
	vf->few = few;
	if (refused)
		netdev_warn(vf->netdev, "%s mode refused: the host does not trust this VF%s\n",
			    vnicvf_filter_mode(refused),
			    few ? "; some addresses are not received" : "");
	else if (few)
		netdev_warn(vf->netdev, "too many addresses: %u unicast, %u multicast are received\n",
			    f->num_uc, f->num_mc);
}

/* Trust may come and go while the function runs, so the device is asked for
 * what is wanted, and for less when it refuses.
 */
static int vnicvf_filter_negotiate(struct vnicvf *vf, struct vnicvf_filter *f)
{
	u32 wanted = f->flags;
	bool trusted = true, lost = false;
	int err;

	while ((err = vnicvf_filter_call(vf, f))) {
		if (err == -EPERM && f->flags) {
			f->flags = 0;
			trusted = false;
		} else if (err == -EPERM && f->num_uc) {
			f->num_uc = 0;
			lost = true;
		} else if (err == -ENOSPC && f->num_uc + f->num_mc) {
			vnicvf_filter_shrink(vf, f, trusted);
			lost = true;
		} else {
			break;
		}
	}
	if (err && err != -ENETDOWN && net_ratelimit())
		netdev_err(vf->netdev, "receive filters not set: %d\n", err);
	else if (!err)
		vnicvf_filter_report(vf, f, trusted ? 0 : wanted, lost);
	return err;
}

static int vnicvf_filter_try(struct vnicvf *vf)
{
	struct vnicvf_filter *f = kmalloc(sizeof(*f), GFP_KERNEL);
	int err;

	if (!f)
		return -ENOMEM;	/* those in force stay */
	/* Who comes later has seen what is newer. */
	mutex_lock(&vf->filter_lock);
	vnicvf_filter_gather(vf, f);
	err = vnicvf_filter_negotiate(vf, f);
	mutex_unlock(&vf->filter_lock);
	kfree(f);
	return err;
}

/* Not at once: that would be one request after the other for as long as memory is short. */
static void vnicvf_filter_queue(struct vnicvf *vf, unsigned long delay)
{
	mod_delayed_work(system_long_wq, &vf->filter, delay);
}

/* Send the receive filters as they are now; if either side has no memory for them, nobody
 * is there to ask again but the driver.  Context: process.
 */
void vnicvf_filter_send(struct vnicvf *vf)
{
	if (vnicvf_filter_try(vf) == -ENOMEM)
		vnicvf_filter_queue(vf, VNICVF_FILTER_AGAIN);
}

void vnicvf_filter_later(struct vnicvf *vf)
{
	vnicvf_filter_queue(vf, 0);
}

/**
 * vnicvf_set_vlan_filter - filter VLANs, or receive all of them
 * @vf: function
 * @features: what the netdev is to have
 *
 * Context: rtnl.
 */
void vnicvf_set_vlan_filter(struct vnicvf *vf, netdev_features_t features)
{
	u32 all = 0;

	ASSERT_RTNL();
	if (!vnicvf_has(vf, VNIC_F_VLAN_ALL))
		return;
	if (!(features & NETIF_F_HW_VLAN_CTAG_FILTER))
		all |= VNIC_RX_MODE_ALLCTAG;
	if (!(features & NETIF_F_HW_VLAN_STAG_FILTER))
		all |= VNIC_RX_MODE_ALLSTAG;
	if (all == vf->vlan_all)
		return;
	WRITE_ONCE(vf->vlan_all, all);
	if (netif_device_present(vf->netdev))
		vnicvf_filter_send(vf);
}

void vnicvf_filter_work(struct work_struct *work)
{
	vnicvf_filter_send(container_of(to_delayed_work(work), struct vnicvf, filter));
}

/* Context: atomic, so a work item sends the message. */
void vnicvf_set_rx_mode(struct net_device *netdev)
{
	vnicvf_filter_later(netdev_priv(netdev));
}

static int vnicvf_vlan_send(struct vnicvf *vf, u16 opcode, __be16 proto, u16 vid)
{
	struct vnic_mbx_vlan req = {
		.vid	= cpu_to_le16(vid),
		.proto	= cpu_to_le16(ntohs(proto)),
	};

	return vnicvf_mbx_call(vf, opcode, &req, sizeof(req), NULL, 0);
}

static unsigned long *vnicvf_vlans(struct vnicvf *vf, __be16 proto)
{
	return proto == htons(ETH_P_8021AD) ? vf->stag : vf->ctag;
}

/* All VLANs of a protocol by one message */
static int vnicvf_vlan_send_all(struct vnicvf *vf, __be16 proto)
{
	struct vnic_mbx_vlans req = { .proto = cpu_to_le16(ntohs(proto)) };
	u64 map[ARRAY_SIZE(req.map)];
	unsigned int i;

	bitmap_to_arr64(map, vnicvf_vlans(vf, proto), VLAN_N_VID);
	for (i = 0; i < ARRAY_SIZE(map); i++)
		req.map[i] = cpu_to_le64(map[i]);
	return vnicvf_mbx_call(vf, VNIC_MBX_SET_VLANS, &req, sizeof(req), NULL, 0);
}

/*
 * Is one more message for one VLAN worth it?  Of the first few after a quiet second the
 * user learns at once whether they are allowed, and they are in force.  Who adds
 * thousands would wait for as many answers, and all of rtnl with him.
 */
static bool vnicvf_vlan_single(struct vnicvf *vf)
{
	if (!vnicvf_has(vf, VNIC_F_VLAN_MAP))
		return true;
	if (jiffies - vf->vlan_since > HZ)
		vf->vlan_count = 0;
	vf->vlan_since = jiffies;
	return vf->vlan_count++ < VNICVF_VLAN_SINGLE;
}

/* VID 0 is no VLAN: priority-tagged frames are always received. */
int vnicvf_vlan_add(struct net_device *netdev, __be16 proto, u16 vid)
{
	struct vnicvf *vf = netdev_priv(netdev);
	int err = 0;

	if (!vid)
		return 0;
	if (vnicvf_vlan_single(vf))
		err = vnicvf_vlan_send(vf, VNIC_MBX_VLAN_ADD, proto, vid);
	else
		schedule_work(&vf->vlan);
	/* Being reset: what is noted here will be set then. */
	if (err && netif_device_present(netdev))
		return err;
	set_bit(vid, vnicvf_vlans(vf, proto));
	return 0;
}

int vnicvf_vlan_kill(struct net_device *netdev, __be16 proto, u16 vid)
{
	struct vnicvf *vf = netdev_priv(netdev);

	if (!test_and_clear_bit(vid, vnicvf_vlans(vf, proto)))
		return 0;
	/* Without an answer the device is reset, which forgets the VLAN, too. */
	if (vnicvf_vlan_single(vf))
		vnicvf_vlan_send(vf, VNIC_MBX_VLAN_DEL, proto, vid);
	else
		schedule_work(&vf->vlan);
	return 0;
}

/* One message each, for devices that know no other.  The first error. */
static int vnicvf_vlan_send_each(struct vnicvf *vf, __be16 proto)
{
	unsigned int vid;
	int err = 0;

	for_each_set_bit(vid, vnicvf_vlans(vf, proto), VLAN_N_VID) {
		err = vnicvf_vlan_send(vf, VNIC_MBX_VLAN_ADD, proto, vid);
		if (err)
			break;
	}
	return err;
}

static void vnicvf_vlan_replay_one(struct vnicvf *vf, __be16 proto)
{
	int err = vnicvf_has(vf, VNIC_F_VLAN_MAP) ? vnicvf_vlan_send_all(vf, proto) :
						    vnicvf_vlan_send_each(vf, proto);

	if (vnicvf_mbx_refused(err))
		netdev_warn(vf->netdev, "the host no longer allows the VLANs in use: %d\n", err);
}

static int vnicvf_vlan_note(struct net_device *upper, int vid, void *vids)
{
	__set_bit(vid, vids);
	return 0;
}

/* Forget the VLANs that were left while the device was detached: the core does not tell
 * the driver then ("failed to kill vid").
 */
static void vnicvf_vlan_prune(struct vnicvf *vf)
{
	DECLARE_BITMAP(vids, VLAN_N_VID) = {};

	if (vf->netdev->reg_state != NETREG_REGISTERED)
		return;		/* none yet, and no rtnl */
	vlan_for_each(vf->netdev, vnicvf_vlan_note, vids);
	bitmap_and(vf->ctag, vf->ctag, vids, VLAN_N_VID);
	bitmap_and(vf->stag, vf->stag, vids, VLAN_N_VID);
}

/* Join all VLANs again.  Context: rtnl, once the netdev is registered. */
void vnicvf_vlan_replay(struct vnicvf *vf)
{
	vnicvf_vlan_prune(vf);
	if (!bitmap_empty(vf->ctag, VLAN_N_VID))
		vnicvf_vlan_replay_one(vf, htons(ETH_P_8021Q));
	if (!bitmap_empty(vf->stag, VLAN_N_VID))
		vnicvf_vlan_replay_one(vf, htons(ETH_P_8021AD));
}

/* VLANs have been added or removed that the device has not been told of. */
void vnicvf_vlan_work(struct work_struct *work)
{
	struct vnicvf *vf = container_of(work, struct vnicvf, vlan);

	rtnl_lock();
	if (netif_device_present(vf->netdev)) {
		vnicvf_vlan_replay_one(vf, htons(ETH_P_8021Q));
		vnicvf_vlan_replay_one(vf, htons(ETH_P_8021AD));
	}
	rtnl_unlock();
}
