// SPDX-License-Identifier: GPL-2.0
/*
 * The first thing after a reset: agreeing with the device on what it does, and
 * telling it what it knew before.
 */
#include <linux/rtnetlink.h>

#include "vf.h"

static const u64 vnicvf_driver_features =
	BIT_ULL(VNIC_F_TX_CSUM) | BIT_ULL(VNIC_F_TX_TSO) | BIT_ULL(VNIC_F_RX_CSUM) |
	BIT_ULL(VNIC_F_RX_GSO) | BIT_ULL(VNIC_F_MQ) | BIT_ULL(VNIC_F_RSS) |
	BIT_ULL(VNIC_F_VLAN_FILTER) | BIT_ULL(VNIC_F_COALESCE) | BIT_ULL(VNIC_F_RX_HASH) |
	BIT_ULL(VNIC_F_DROPS) | BIT_ULL(VNIC_F_WAITED) | BIT_ULL(VNIC_F_VLAN_MAP) |
	BIT_ULL(VNIC_F_VLAN_ALL) | BIT_ULL(VNIC_F_HASH_FIELDS) | BIT_ULL(VNIC_F_RULES);

/**
 * vnicvf_wanted_features - what to accept in HELLO
 * @vf: function
 * @features: features of the netdev; receive offloads follow them
 *
 * Return: VNIC_F_* bits, dependencies between them kept.
 */
u64 vnicvf_wanted_features(const struct vnicvf *vf, netdev_features_t features)
{
	u64 want = vf->offered & vnicvf_driver_features;

	if (!(features & NETIF_F_RXCSUM) || vf->prog)	/* see bpf.c */
		want &= ~BIT_ULL(VNIC_F_RX_CSUM);
	if (!(features & NETIF_F_GRO_HW) || !(want & BIT_ULL(VNIC_F_RX_CSUM)))
		want &= ~BIT_ULL(VNIC_F_RX_GSO);
	if (!(want & BIT_ULL(VNIC_F_TX_CSUM)))
		want &= ~BIT_ULL(VNIC_F_TX_TSO);
	if (!(want & BIT_ULL(VNIC_F_MQ)))
		want &= ~BIT_ULL(VNIC_F_RSS);
	if (!(want & BIT_ULL(VNIC_F_RSS)))
		want &= ~(BIT_ULL(VNIC_F_HASH_FIELDS) | BIT_ULL(VNIC_F_RULES));
	return want;
}

/* What device, program and XDP sockets allow, for the core to check and to say. */
void vnicvf_set_max_mtu(struct vnicvf *vf)
{
	vf->netdev->max_mtu = vf->caps_mtu;
	if (vf->prog)
		vf->netdev->max_mtu = min(vf->caps_mtu, vnicvf_xdp_max_mtu(vf, vf->prog));
}

static int vnicvf_hello(struct vnicvf *vf, u64 features, struct vnic_mbx_caps *caps)
{
	struct vnic_mbx_hello hello = { .features = cpu_to_le64(features) };
	int err;

	err = vnicvf_mbx_call(vf, VNIC_MBX_HELLO, &hello, sizeof(hello), caps, sizeof(*caps));
	if (err)
		return err;
	if (le64_to_cpu(caps->features) != features || !is_valid_ether_addr(caps->mac) ||
	    !caps->max_qps || le16_to_cpu(caps->vectors) < VNIC_MIN_VECTORS ||
	    le16_to_cpu(caps->mtu_max) < ETH_MIN_MTU)
		return -EPROTO;
	return 0;
}

static void vnicvf_take_caps(struct vnicvf *vf, const struct vnic_mbx_caps *caps)
{
	unsigned int qps = min3(vf->hw.vectors - 1, (unsigned int)le16_to_cpu(caps->max_qps),
				(unsigned int)le16_to_cpu(caps->vectors) - 1);

	if (!vnicvf_has(vf, VNIC_F_MQ))
		qps = 1;
	/* The array has been made for what there was at probe. */
	vf->max_qps = vf->qp ? min(vf->made_qps, qps) : qps;
	vf->num_qps = vf->num_qps ? min(vf->num_qps, vf->max_qps) : vf->max_qps;
	if (vf->netdev->reg_state != NETREG_REGISTERED)
		vf->trusted = caps->trusted;	/* later: vnicvf_status_trust() */
	vf->caps_uc = le16_to_cpu(caps->max_uc);
	vf->caps_mc = le16_to_cpu(caps->max_mc);
	vf->caps_mtu = min_t(u16, le16_to_cpu(caps->mtu_max), VNIC_MTU_MAX);
	vnicvf_set_max_mtu(vf);
}

/**
 * vnicvf_start - reset the device and agree on what it does
 * @vf: function, without queues
 * @features: VNIC_F_* to accept
 *
 * Sets the address and the VLANs again that the device has forgotten.
 *
 * Context: process; rtnl, once the netdev is registered.
 * Return: 0 or -errno; the device is not usable then.
 */
int vnicvf_start(struct vnicvf *vf, u64 features)
{
	struct vnic_mbx_caps caps;
	int err;

	if (vf->netdev->reg_state == NETREG_REGISTERED)
		ASSERT_RTNL();
	clear_bit(VNICVF_RESET, &vf->flags);
	vnicvf_mbx_stop(vf);
	err = vnicvf_hw_reset(&vf->hw);
	if (err)
		return err;
	vnicvf_mbx_start(vf);
	err = vnicvf_hello(vf, features, &caps);
	if (err)
		goto stop;
	vf->features = features;
	vnicvf_take_caps(vf, &caps);
	err = vnicvf_mac_hello(vf, &caps);
	if (err)
		goto stop;
	vf->allow_seq = vnicvf_mbx_allow_seq(vf);
	vnicvf_vlan_replay(vf);
	return 0;

stop:
	vnicvf_mbx_stop(vf);
	return err;
}
