/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The host's side of the adapter: PF netdev (the host's own port), uplink, VF
 * configuration by ip link, ethtool, devlink.
 *
 * net/ stands on all that is below main.c and pf.c, which alone call it, by this header.
 */
#ifndef _VNIC_NET_H
#define _VNIC_NET_H

struct vnic_adapter;
struct vnic_net;

/* Create and register PF netdev and devlink for a bound PF; ad->pf and ad->sw
 * are set.  Process context, rtnl not held.
 */
int vnic_net_create(struct vnic_adapter *ad);
/* Release the uplink, unregister; VFs are gone already. */
void vnic_net_destroy(struct vnic_adapter *ad);

/* Wait until no skb has a destructor of the module.  No adapter is left; process
 * context, no locks.
 */
void vnic_net_exit(void);

/* VFs [0, n) exist, their PCI devices do not yet: 0 or -ENOMEM.  They have gone. */
int vnic_net_add_vfs(struct vnic_adapter *ad, unsigned int n);
void vnic_net_del_vfs(struct vnic_adapter *ad);

#endif /* _VNIC_NET_H */
