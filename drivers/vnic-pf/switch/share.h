/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sharing a link: who may have how much of it now.
 *
 * What the link carries is dealt out as it becomes due, to those who can use it:
 * first each claim's minimum, then the rest by priority, and by weight among
 * those of one priority (weighted max-min fairness).  A claim saves up to a
 * depth; whoever is full gets nothing, so that what an idle one does not use
 * goes to the others at once, and the link is fully used while anybody wants it.
 *
 * Pure, as meter.h: the caller supplies time and lock; integers only; compiled
 * by selftests/share under a synthetic clock.  Tokens are nano-bytes.  A frame
 * may go when its claim has any tokens, and may leave it owing: so a claim needs
 * no depth for the longest frame, and over time gets exactly its share.
 *
 * For every window of length t, all claims together take at most
 * rate * t + claims * (depth + one frame).
 */
#ifndef _VNIC_SHARE_H
#define _VNIC_SHARE_H

#include <linux/list.h>
#include <linux/types.h>

#define VNIC_SHARE_WINDOW	10000000ULL	/* ns: nothing older is made up for */
#define VNIC_SHARE_STEP		50000ULL	/* ns between two deals, at least */
#define VNIC_SHARE_PRIOS	8
#define VNIC_SHARE_WEIGHT_MAX	1000000U

/**
 * struct vnic_claim - somebody's claim to a link
 * @min: bytes per second it can always have; all of them together at most the rate
 * @weight: of the spare, 1 to VNIC_SHARE_WEIGHT_MAX
 * @prio: 0 to VNIC_SHARE_PRIOS - 1; a higher one gets spare first
 * @tokens: nano-bytes, at most the depth; 0 or less: has to wait
 * @node: in vnic_share.hungry; empty: it is full
 */
struct vnic_claim {
	u64			min;
	u32			weight;
	u8			prio;
	s64			tokens;
	struct list_head	node;
};

/**
 * struct vnic_share - a link that is shared
 * @rate: bytes per second; 0: no limit, whoever asks may
 * @depth: nano-bytes that a claim saves at most
 * @last: ns, up to when it has been dealt out
 * @debt: nano-bytes that went by without a claim, to be taken from the spare
 * @hungry: claims that are not full
 */
struct vnic_share {
	u64			rate;
	s64			depth;
	u64			last;
	s64			debt;
	struct list_head	hungry;
};

void vnic_share_init(struct vnic_share *s);
/* Change rate and depth (bytes); vnic_share_set_claim() for all claims must follow. */
void vnic_share_set(struct vnic_share *s, u64 rate, u64 depth, u64 now);
/* It begins with nothing; vnic_share_set_claim() must follow. */
void vnic_claim_init(struct vnic_claim *c);
void vnic_share_set_claim(struct vnic_share *s, struct vnic_claim *c, u64 min, u32 weight, u8 prio);
void vnic_share_remove(struct vnic_claim *c);

/* May @bytes go?  True: they are taken. */
bool vnic_share_take(struct vnic_share *s, struct vnic_claim *c, u64 bytes, u64 now);
/* @bytes went by that nobody asked for: out of the spare, never out of a minimum. */
void vnic_share_spend(struct vnic_share *s, u64 bytes, u64 now);

#endif /* _VNIC_SHARE_H */
