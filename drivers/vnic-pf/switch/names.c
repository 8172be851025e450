// SPDX-License-Identifier: GPL-2.0
/*
 * What ports and reasons of drops are called, in ethtool, devlink and trace events.
 */
#include <linux/pci.h>

#include "switch.h"

const char vnic_drop_names[VNIC_DROP_MAX][ETH_GSTRING_LEN] = {
	[VNIC_DROP_RX_RATE]		= "rx_drop_rate",
	[VNIC_DROP_RX_PPS]		= "rx_drop_pps",
	[VNIC_DROP_RX_NODE]		= "rx_drop_node",
	[VNIC_DROP_RX_SHARE]		= "rx_drop_share",
	[VNIC_DROP_RX_XDP]		= "rx_drop_xdp",
	[VNIC_DROP_RX_RULE]		= "rx_drop_rule",
	[VNIC_DROP_RX_CODEL]		= "rx_drop_codel",
	[VNIC_DROP_RX_NOBUF]		= "rx_drop_nobuf",
	[VNIC_DROP_RX_MEMORY]		= "rx_drop_memory",
	[VNIC_DROP_RX_RECLAIM]		= "rx_drop_reclaim",
	[VNIC_DROP_RX_OVERSIZE]		= "rx_drop_oversize",
	[VNIC_DROP_RX_LINK]		= "rx_drop_link",
	[VNIC_DROP_RX_NOMEM]		= "rx_drop_nomem",
	[VNIC_DROP_RX_RESET]		= "rx_drop_reset",
	[VNIC_DROP_TX_SPOOF]		= "tx_drop_spoof",
	[VNIC_DROP_TX_VLAN]		= "tx_drop_vlan",
	[VNIC_DROP_TX_STORM]		= "tx_drop_storm",
	[VNIC_DROP_TX_CONTROL]		= "tx_drop_control",
	[VNIC_DROP_TX_MALFORMED]	= "tx_drop_malformed",
	[VNIC_DROP_TX_LINK]		= "tx_drop_link",
	[VNIC_DROP_TX_NODEST]		= "tx_drop_nodest",
	[VNIC_DROP_TX_FAULT]		= "tx_drop_fault",
};

const char *vnic_port_pf_name(const struct vnic_port *port)
{
	return pci_name(port->sw->ad->pf);
}
