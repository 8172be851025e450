// SPDX-License-Identifier: GPL-2.0
/*
 * `ip link set <pf> vf N ...` and what `ip link show` prints of the VFs.
 *
 * The kernel gives these operations no extack: a refusal is the precise errno
 * and a rate-limited line that names the VF and what would be accepted.
 *
 * Context of everything here: process, under rtnl, which also keeps the set of
 * VFs as it is.
 */
#include <linux/etherdevice.h>
#include <linux/if_link.h>
#include <linux/if_vlan.h>
#include <linux/net.h>
#include <linux/ratelimit.h>

#include "priv.h"

#define VNIC_QOS_MAX	7

#define vf_refuse(dev, vf, fmt, ...) do {						\
	if (net_ratelimit())								\
		netdev_err(dev, "VF %d: " fmt "\n", vf, ##__VA_ARGS__);			\
} while (0)

static struct vnic_port *vf_port_quiet(struct net_device *dev, int vf)
{
	struct vnic_net *net = netdev_priv(dev);
	struct vnic_fn *fn;

	if (vf < 0 || vf >= READ_ONCE(net->ad->num_vfs))
		return NULL;
	fn = rtnl_dereference(net->ad->vfs[vf]);
	return fn ? &fn->port : NULL;
}

/* The port of a VF; NULL, and said so, when there is none */
static struct vnic_port *vf_port(struct net_device *dev, int vf)
{
	struct vnic_port *port = vf_port_quiet(dev, vf);
	struct vnic_net *net = netdev_priv(dev);
	unsigned int n = READ_ONCE(net->ad->num_vfs);

	if (port)
		return port;
	if (n)
		vf_refuse(dev, vf, "no such VF; there are 0 to %u", n - 1);
	else
		vf_refuse(dev, vf, "no such VF; none is enabled (see sriov_numvfs)");
	return NULL;
}

int vnic_ndo_set_vf_mac(struct net_device *dev, int vf, u8 *mac)
{
	struct vnic_port *port = vf_port(dev, vf);
	int err;

	if (!port)
		return -EINVAL;
	if (is_multicast_ether_addr(mac)) {
		vf_refuse(dev, vf, "MAC %pM refused: unicast, or zero to unset, is accepted", mac);
		return -EINVAL;
	}
	err = vnic_port_set_mac(port, mac);
	if (err)
		vf_refuse(dev, vf, "MAC %pM not set: error %d", mac, err);
	return err;
}

int vnic_ndo_set_vf_vlan(struct net_device *dev, int vf, u16 vlan, u8 qos, __be16 proto)
{
	struct vnic_port *port = vf_port(dev, vf);

	if (!port)
		return -EINVAL;
	if (vlan >= VLAN_N_VID - 1) {
		vf_refuse(dev, vf, "VLAN %u refused: 0 (none) to %u are accepted", vlan,
			  VLAN_N_VID - 2);
		return -EINVAL;
	}
	if (qos > VNIC_QOS_MAX) {
		vf_refuse(dev, vf, "QoS %u refused: 0 to %u are accepted", qos, VNIC_QOS_MAX);
		return -EINVAL;
	}
	if (qos && !vlan) {
		vf_refuse(dev, vf, "QoS %u refused: only 0 is accepted without a VLAN", qos);
		return -EINVAL;
	}
	if (!eth_type_vlan(proto)) {
		vf_refuse(dev, vf, "VLAN protocol 0x%04x refused: 802.1Q and 802.1ad are accepted",
			  ntohs(proto));
		return -EPROTONOSUPPORT;
	}
	return vnic_port_set_vlan(port, vlan, qos, proto);
}

int vnic_ndo_set_vf_rate(struct net_device *dev, int vf, int min_tx_rate, int max_tx_rate)
{
	const u32 rates[VNIC_RATES] = {
		[VNIC_RATE_TX] = max_tx_rate,
		[VNIC_RATE_MIN] = min_tx_rate,
	};
	struct vnic_port *port = vf_port(dev, vf);
	struct vnic_refusal no;
	int err;

	if (!port)
		return -EINVAL;
	err = vnic_port_set_rates(port, BIT(VNIC_RATE_TX) | BIT(VNIC_RATE_MIN), rates, &no);
	if (err == -ERANGE)
		vf_refuse(dev, vf,
			  "max_tx_rate %u, min_tx_rate %u refused: 0 (none) to %u Mb/s are accepted",
			  max_tx_rate, min_tx_rate, VNIC_RATE_MAX);
	else if (err == -ENODATA)
		vf_refuse(dev, vf,
			  "min_tx_rate %u refused: speed of the link not known (see link_speed)",
			  min_tx_rate);
	else if (err == -ENOSPC)
		vf_refuse(dev, vf,
			  "min_tx_rate %u refused: at most %llu Mb/s of %s%s are left for it",
			  min_tx_rate, no.left, no.of == VNIC_OF_LINK ? "the link" : "node ",
			  no.of == VNIC_OF_LINK ? "" : no.node);
	else if (err)
		vf_refuse(dev, vf, "max_tx_rate %u, min_tx_rate %u refused: %pe",
			  max_tx_rate, min_tx_rate, ERR_PTR(err));
	else
		vnic_devlink_rates_changed(netdev_priv(dev));
	return err;
}

int vnic_ndo_set_vf_spoofchk(struct net_device *dev, int vf, bool on)
{
	struct vnic_port *port = vf_port(dev, vf);

	return port ? vnic_port_set_spoofchk(port, on) : -EINVAL;
}

int vnic_ndo_set_vf_trust(struct net_device *dev, int vf, bool on)
{
	struct vnic_port *port = vf_port(dev, vf);

	return port ? vnic_port_set_trust(port, on) : -EINVAL;
}

int vnic_ndo_set_vf_link_state(struct net_device *dev, int vf, int state)
{
	struct vnic_port *port = vf_port(dev, vf);

	if (!port)
		return -EINVAL;
	switch (state) {
	case IFLA_VF_LINK_STATE_AUTO:
	case IFLA_VF_LINK_STATE_ENABLE:
	case IFLA_VF_LINK_STATE_DISABLE:
		return vnic_port_set_link_state(port, state);
	default:
		vf_refuse(dev, vf, "link state %d refused: 0 (auto) to 2 are accepted", state);
		return -EINVAL;
	}
}

int vnic_ndo_get_vf_config(struct net_device *dev, int vf, struct ifla_vf_info *ivi)
{
	struct vnic_port *port = vf_port_quiet(dev, vf);
	struct vnic_port_info info;

	if (!port)
		return -EINVAL;
	vnic_port_get_info(port, &info);
	ivi->vf = vf;
	/* Not one that its driver has set: tools read it now and set it again later. */
	ether_addr_copy(ivi->mac, info.host_mac);
	ivi->vlan = info.vlan;
	ivi->qos = info.qos;
	ivi->vlan_proto = info.vlan ? info.vlan_proto : htons(ETH_P_8021Q);
	ivi->spoofchk = info.spoofchk;
	ivi->trusted = info.trusted;
	ivi->linkstate = info.link_state;
	ivi->min_tx_rate = info.rates[VNIC_RATE_MIN];
	ivi->max_tx_rate = info.rates[VNIC_RATE_TX];
	return 0;
}

int vnic_ndo_get_vf_stats(struct net_device *dev, int vf, struct ifla_vf_stats *vs)
{
	struct vnic_port *port = vf_port_quiet(dev, vf);
	struct vnic_port_stats st;

	if (!port)
		return -EINVAL;
	vnic_port_get_stats(port, &st);
	vs->rx_packets = st.rx_packets;
	vs->rx_bytes = st.rx_bytes;
	vs->tx_packets = st.tx_packets;
	vs->tx_bytes = st.tx_bytes;
	vs->multicast = st.rx_multicast;
	vs->broadcast = st.rx_broadcast;
	vs->rx_dropped = st.rx_dropped;
	vs->tx_dropped = st.tx_dropped;
	return 0;
}
