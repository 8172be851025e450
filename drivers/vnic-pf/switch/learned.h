/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Addresses that speak beyond this adapter: on the wire, or behind the PF.
 *
 * Inside the switch.  VFs' addresses are not learned but known (fdb.h).  Of others
 * only this is of interest: no driver of a VF may claim one that is in use there,
 * unless the host trusts the VF.
 */
#ifndef _VNIC_LEARNED_H
#define _VNIC_LEARNED_H

#include <linux/if_ether.h>
#include <linux/types.h>
#include <linux/workqueue.h>

struct vnic_switch;

#define VNIC_LEARNED_SETS	1024	/* a power of two */
#define VNIC_LEARNED_WAYS	4	/* a set is a cache line */
#define VNIC_LEARNED_AGE	300	/* seconds that an address is known, as of a bridge */

/**
 * struct vnic_learned_mac - an address that has spoken
 * @mac: as a number; 0: none
 * @at: jiffies, when it did last
 */
struct vnic_learned_mac {
	u64		mac;
	unsigned long	at;
};

/**
 * struct vnic_learned - those that have spoken of late
 * @set: by hash, the latest of each; written without a lock, by whoever forwards
 * @sw: the switch
 * @seed: of the hash
 * @claimed: one that a VF claims as well, to be taken from it; 0: none
 * @work: does that, in process context
 */
struct vnic_learned {
	struct vnic_learned_mac	set[VNIC_LEARNED_SETS][VNIC_LEARNED_WAYS];
	struct vnic_switch	*sw;
	u32			seed;
	u64			claimed;
	struct work_struct	work;
};

/* @take: takes @claimed from those who do, and clears it.  0 or -ENOMEM */
int vnic_learned_init(struct vnic_switch *sw, work_func_t take);
/* Nothing is forwarded any more. */
void vnic_learned_destroy(struct vnic_switch *sw);
/* A frame comes from there, not from a VF.  RCU, BH disabled. */
void vnic_learned_see(struct vnic_switch *sw, const u8 *mac);
/* Has an address spoken there within VNIC_LEARNED_AGE?  Any context. */
bool vnic_learned_has(const struct vnic_switch *sw, const u8 *mac);

#endif /* _VNIC_LEARNED_H */
