// SPDX-License-Identifier: GPL-2.0
/*
 * Bringing the device up, following its events, and recovery: after a reset of
 * the function by the host, a function-level reset, or an error, everything the
 * user configured is set up again.
 */
#include <linux/interrupt.h>
#include <linux/rtnetlink.h>

#include "vf.h"

#define VNIC_RESET_INTERVAL	HZ	/* between two resets */
#define VNIC_RESET_TRIES	6	/* failures in a row before giving up */

static const u64 vnic_driver_features =
	BIT_ULL(VNIC_F_TX_CSUM) | BIT_ULL(VNIC_F_TX_TSO) | BIT_ULL(VNIC_F_RX_CSUM) |
	BIT_ULL(VNIC_F_RX_GSO) | BIT_ULL(VNIC_F_MQ) | BIT_ULL(VNIC_F_RSS) |
	BIT_ULL(VNIC_F_VLAN_FILTER) | BIT_ULL(VNIC_F_COALESCE) | BIT_ULL(VNIC_F_RX_HASH) |
	BIT_ULL(VNIC_F_DROPS) | BIT_ULL(VNIC_F_WAITED) | BIT_ULL(VNIC_F_VLAN_MAP) |
	BIT_ULL(VNIC_F_VLAN_ALL);

/**
 * vnic_wanted_features - what to accept in HELLO
 * @vf: function
 * @features: features of the netdev; receive offloads follow them
 *
 * Return: VNIC_F_* bits, dependencies between them kept.
 */
u64 vnic_wanted_features(const struct vnic_vf *vf, netdev_features_t features)
{
	u64 want = vf->offered & vnic_driver_features;

	if (!(features & NETIF_F_RXCSUM) || vf->prog)	/* see xdp.c */
		want &= ~BIT_ULL(VNIC_F_RX_CSUM);
	if (!(features & NETIF_F_GRO_HW) || !(want & BIT_ULL(VNIC_F_RX_CSUM)))
		want &= ~BIT_ULL(VNIC_F_RX_GSO);
	if (!(want & BIT_ULL(VNIC_F_TX_CSUM)))
		want &= ~BIT_ULL(VNIC_F_TX_TSO);
	if (!(want & BIT_ULL(VNIC_F_MQ)))
		want &= ~BIT_ULL(VNIC_F_RSS);
	return want;
}

static int vnic_hello(struct vnic_vf *vf, u64 features, struct vnic_mbx_caps *caps)
{
	struct vnic_mbx_hello hello = { .features = cpu_to_le64(features) };
	int err;

	err = vnic_mbx_call(vf, VNIC_MBX_HELLO, &hello, sizeof(hello), caps, sizeof(*caps));
	if (err)
		return err;
	if (le64_to_cpu(caps->features) != features || !is_valid_ether_addr(caps->mac) ||
	    !caps->max_qps || le16_to_cpu(caps->vectors) < VNIC_MIN_VECTORS ||
	    le16_to_cpu(caps->mtu_max) < ETH_MIN_MTU)
		return -EPROTO;
	return 0;
}

/* The netdev has the host's address now. */
static void vnic_take_mac(struct vnic_vf *vf, const u8 *mac, bool random)
{
	struct net_device *netdev = vf->netdev;

	vf->own_mac = false;
	vnic_put_mac(vf, mac);
	netdev->addr_assign_type = random ? NET_ADDR_RANDOM : NET_ADDR_PERM;
	if (netdev->reg_state == NETREG_REGISTERED)
		call_netdevice_notifiers(NETDEV_CHANGEADDR, netdev);
}

/* The host's address, unless the user set one and may keep it. */
static void vnic_hello_mac(struct vnic_vf *vf, const struct vnic_mbx_caps *caps)
{
	struct net_device *netdev = vf->netdev;

	vf->mac_seq = le32_to_cpu(caps->mac_seq);
	if (ether_addr_equal(netdev->dev_addr, caps->mac))
		return;
	if (vf->own_mac && !caps->mac_fixed && !vnic_send_mac(vf, netdev->dev_addr))
		return;
	vnic_take_mac(vf, caps->mac, le32_to_cpu(caps->flags) & VNIC_CAPS_F_MAC_RANDOM);
}

static void vnic_take_caps(struct vnic_vf *vf, const struct vnic_mbx_caps *caps)
{
	unsigned int qps = min3(vf->hw.vectors - 1, (unsigned int)le16_to_cpu(caps->max_qps),
				(unsigned int)le16_to_cpu(caps->vectors) - 1);

	if (!vnic_has(vf, VNIC_F_MQ))
		qps = 1;
	/* The array has been made for what there was at probe. */
	vf->max_qps = vf->qp ? min(vf->made_qps, qps) : qps;
	vf->num_qps = vf->num_qps ? min(vf->num_qps, vf->max_qps) : vf->max_qps;
	if (vf->netdev->reg_state != NETREG_REGISTERED)
		vf->trusted = caps->trusted;	/* later: vnic_status_trust() */
	vf->caps_uc = le16_to_cpu(caps->max_uc);
	vf->caps_mc = le16_to_cpu(caps->max_mc);
	vf->netdev->max_mtu = min_t(u16, le16_to_cpu(caps->mtu_max), VNIC_MTU_MAX);
	if (vf->prog)
		vf->netdev->max_mtu = min(vf->netdev->max_mtu, vnic_xdp_max_mtu());
}

/**
 * vnic_control_start - reset the device and agree on what it does
 * @vf: function, without queues
 * @features: VNIC_F_* to accept
 *
 * Sets the address and the VLANs again that the device has forgotten.
 *
 * Context: process; rtnl, once the netdev is registered.
 * Return: 0 or -errno; the device is not usable then.
 */
int vnic_control_start(struct vnic_vf *vf, u64 features)
{
	struct vnic_mbx_caps caps;
	int err;

	clear_bit(VNIC_VF_RESET, &vf->flags);
	vnic_mbx_stop(vf);
	err = vnic_hw_reset(&vf->hw);
	if (err)
		return err;
	vnic_mbx_start(vf);
	err = vnic_hello(vf, features, &caps);
	if (err) {
		vnic_mbx_stop(vf);
		return err;
	}
	vf->features = features;
	vnic_take_caps(vf, &caps);
	vnic_hello_mac(vf, &caps);
	vf->allow_seq = vnic_mbx_allow_seq(vf);
	vnic_vlan_replay(vf);
	return 0;
}

/* Has the host given the function an address?  The report may be older than
 * what the driver has set since, so the address alone does not tell.
 *
 * One that it has set waits until the interface goes up.  Tools note the interface's
 * address after they have set the VF's, to put it back when they unset that
 * (sriov-cni): they must not find the one that they have set.
 */
static void vnic_status_mac(struct vnic_vf *vf, const struct vnic_status *st)
{
	struct net_device *netdev = vf->netdev;

	if (!is_valid_ether_addr(st->mac) || vf->mac_seq == st->mac_seq)
		return;
	if (!ether_addr_equal(netdev->dev_addr, st->mac)) {
		vf->own_mac = false;
		if (!netif_running(netdev) && !(st->flags & VNIC_ST_F_MAC_DEFAULT))
			return;
		vnic_take_mac(vf, st->mac, st->flags & VNIC_ST_F_MAC_RANDOM);
		/* the user's again, as trust is back? */
		vf->own_mac = ether_addr_equal(vf->user_mac, st->mac);
		netdev_info(netdev, "address set to %pM by the host\n", st->mac);
	}
	vf->mac_seq = st->mac_seq;
}

/* The host allows more than before, or less: ask for all that is wanted, again. */
static void vnic_status_allow(struct vnic_vf *vf, u32 seq)
{
	if (vf->allow_seq == seq)
		return;
	vf->allow_seq = seq;
	vnic_vlan_replay(vf);
	schedule_work(&vf->filter);
}

/* Trust decides what features there are: vnic_control_work() looks at them again,
 * since the stack may be about to change some right now.
 */
static void vnic_status_trust(struct vnic_vf *vf, bool trusted)
{
	if (vf->trusted == trusted)
		return;
	vf->trusted = trusted;
	set_bit(VNIC_VF_FEATURES, &vf->flags);
	schedule_delayed_work(&vf->control, 0);
}

/* Follow the status block: link, speed, address, rights.  Context: rtnl. */
void vnic_status_sync(struct vnic_vf *vf)
{
	struct vnic_status st;

	vnic_mbx_status(vf, &st);
	WRITE_ONCE(vf->speed, st.speed);
	vnic_status_mac(vf, &st);
	vnic_status_trust(vf, st.flags & VNIC_ST_F_TRUSTED);
	vnic_status_allow(vf, st.allow_seq);
	if (vf->up && st.flags & VNIC_ST_F_LINK_UP)
		netif_carrier_on(vf->netdev);
	else
		netif_carrier_off(vf->netdev);
}

irqreturn_t vnic_control_irq(int irq, void *data)
{
	struct vnic_vf *vf = data;

	/* A reset that is waiting its time looks at the status, too. */
	if (vnic_mbx_irq(vf))
		schedule_delayed_work(&vf->control, 0);
	return IRQ_HANDLED;
}

/* Context: rtnl. */
static void vnic_recover(struct vnic_vf *vf)
{
	int err;

	vf->resets++;
	vf->next_reset = jiffies + VNIC_RESET_INTERVAL;
	vnic_detach(vf);
	err = vnic_attach(vf, vnic_wanted_features(vf, vf->netdev->features));
	if (!err) {
		vf->failures = 0;
		netdev_info(vf->netdev, "device reset, running again\n");
		return;
	}
	if (vnic_hw_gone(&vf->hw) || ++vf->failures >= VNIC_RESET_TRIES) {
		netdev_err(vf->netdev, "device does not come back after reset: %d\n", err);
		return;
	}
	vf->next_reset = jiffies + VNIC_RESET_INTERVAL * vf->failures;
	vnic_request_reset(vf);
}

void vnic_control_work(struct work_struct *work)
{
	struct vnic_vf *vf = container_of(to_delayed_work(work), struct vnic_vf, control);

	rtnl_lock();
	if (test_bit(VNIC_VF_AWAY, &vf->flags) || vf->netdev->reg_state != NETREG_REGISTERED)
		goto unlock;
	if (vnic_hw_gone(&vf->hw)) {
		/* For good, or only while memory decoding is off? */
		netif_carrier_off(vf->netdev);
		schedule_delayed_work(&vf->control, HZ);
		goto unlock;
	}
	if (!vnic_hw_needs_reset(&vf->hw) && !test_bit(VNIC_VF_RESET, &vf->flags)) {
		vnic_status_sync(vf);
		if (test_and_clear_bit(VNIC_VF_FEATURES, &vf->flags))
			netdev_update_features(vf->netdev);
		goto unlock;
	}
	if (time_before(jiffies, vf->next_reset))
		vnic_request_reset(vf);
	else
		vnic_recover(vf);
unlock:
	rtnl_unlock();
}
