/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Claims of a CPU's scratch memory, for stretches with BHs off.
 *
 * The task that has a claim may come here again, where a netdev below sends
 * through the adapter once more: it is refused.  No other task can come
 * meanwhile, since BHs are off.  On PREEMPT_RT one can, and waits: there BHs off
 * keep a task on its CPU, but others not off it (see local_lock_nested_bh()).
 *
 * Order: the scratch frame of PF and uplink (net/), then the switch's batch.
 */
#ifndef _VNIC_CPU_CLAIM_H
#define _VNIC_CPU_CLAIM_H

#include <linux/kconfig.h>
#include <linux/local_lock.h>
#include <linux/percpu.h>
#include <linux/sched.h>

/**
 * struct vnic_cpu_claim - member of a CPU's scratch memory
 * @lock: taken on PREEMPT_RT only
 * @owner: the task that uses the memory; NULL: none
 */
struct vnic_cpu_claim {
	local_lock_t		lock;
	struct task_struct	*owner;
};

/* One CPU's.  Context: any. */
static inline void vnic_cpu_claim_init(struct vnic_cpu_claim *claim)
{
	local_lock_init(&claim->lock);
	claim->owner = NULL;
}

/* Context: BHs disabled until vnic_cpu_claim_put().  False: current has it already. */
static inline bool vnic_cpu_claim_get(struct vnic_cpu_claim __percpu *claim)
{
	if (this_cpu_read(claim->owner) == current)
		return false;
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		local_lock_nested_bh(&claim->lock);
	this_cpu_write(claim->owner, current);
	return true;
}

static inline void vnic_cpu_claim_put(struct vnic_cpu_claim __percpu *claim)
{
	this_cpu_write(claim->owner, NULL);
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		local_unlock_nested_bh(&claim->lock);
}

#endif /* _VNIC_CPU_CLAIM_H */
