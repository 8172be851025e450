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
 * A claim may stand for a group: a share of its own, nested in the first, which
 * deals out what the group's claim gets in the same way.  A group may have a rate,
 * beyond which it gets nothing; it saves next to nothing, its members do.  So the tokens of
 * a claim have been allowed by all groups that it is in, and a frame asks its own
 * claim only.  A link without a rate gives each group what that one's rate allows.
 *
 * Pure, as meter.h: the caller supplies time and lock; integers only; compiled
 * by selftests/share under a synthetic clock.  Tokens are nano-bytes.  A frame
 * may go when its claim has any tokens, and may leave it owing: so a claim needs
 * no depth for the longest frame, and over time gets exactly its share.
 *
 * For every window of length t, all claims together take at most
 * rate * t + claims * (depth + one frame), and those of a group with a rate another
 * depth.
 */
#ifndef _VNIC_SHARE_H
#define _VNIC_SHARE_H

#include <linux/list.h>
#include <linux/types.h>

#define VNIC_SHARE_WINDOW	10000000ULL	/* ns: nothing older is made up for; of a link */
#define VNIC_SHARE_WINDOW_MAX	50000000ULL	/* the same, at most */
#define VNIC_SHARE_STEP		50000ULL	/* ns between two deals, at least */
#define VNIC_SHARE_LOOK		100000ULL	/* ns to wait for tokens, at least */
#define VNIC_SHARE_NAP		2000000ULL	/* the same at most, if there may be some by then */
#define VNIC_SHARE_PRIOS	8
#define VNIC_SHARE_WEIGHT_MAX	1000000U

struct vnic_share;

/**
 * struct vnic_claim - somebody's claim to a link, or a group's
 * @min: bytes per second it can always have; all of them together at most the rate
 * @weight: of the spare, 1 to VNIC_SHARE_WEIGHT_MAX
 * @prio: 0 to VNIC_SHARE_PRIOS - 1; a higher one gets spare first
 * @tokens: nano-bytes, at most the depth; 0 or less: has to wait; not of a group
 * @of: what it is a claim to; NULL: nothing, so that it need not wait
 * @below: the group that it stands for; NULL: none
 * @node: in @of's hungry; empty: it is full, or all of its group are
 */
struct vnic_claim {
	u64			min;
	u32			weight;
	u8			prio;
	s64			tokens;
	struct vnic_share	*of;
	struct vnic_share	*below;
	struct list_head	node;
};

/**
 * struct vnic_share - a link that is shared, or a group's part of one
 * @rate: bytes per second; 0: no limit of its own
 * @depth: nano-bytes that a claim saves at most
 * @last: ns, up to when it has been dealt out; not of a group, like @window and @debt
 * @window: ns, nothing older is made up for
 * @debt: nano-bytes that went by without a claim, to be taken from the spare
 * @budget: nano-bytes that it may still get
 * @hungry: claims that are not full
 * @num_hungry: their number
 * @up: a group's claim
 */
struct vnic_share {
	u64			rate;
	s64			depth;
	u64			last;
	u64			window;
	s64			debt;
	s64			budget;
	struct list_head	hungry;
	unsigned int		num_hungry;
	struct vnic_claim	up;
};

/* A link.  @window: at most VNIC_SHARE_WINDOW_MAX */
void vnic_share_init(struct vnic_share *s, u64 window);
/* Change a link's rate and depth (bytes).  Then vnic_share_set_group() for all groups and
 * vnic_share_set_claim() for all other claims must follow: until then they get nothing.
 */
void vnic_share_set(struct vnic_share *s, u64 rate, u64 depth, u64 now);
/* Make @s a group of @of, which may be one; @depth (bytes) is its members'. */
void vnic_share_set_group(struct vnic_share *s, struct vnic_share *of, u64 rate, u64 depth,
			  u64 min, u32 weight, u8 prio);
/* It begins with nothing; vnic_share_set_claim() must follow. */
void vnic_claim_init(struct vnic_claim *c);
/* @s: link or group */
void vnic_share_set_claim(struct vnic_share *s, struct vnic_claim *c, u64 min, u32 weight, u8 prio);
/* It is no claim to anything any more. */
void vnic_share_remove(struct vnic_claim *c);

/* In the following, @s is the link. */
/* May @bytes go?  True: they are taken. */
bool vnic_share_take(struct vnic_share *s, struct vnic_claim *c, u64 bytes, u64 now);
/* Has it so much that half of its depth is left to others behind it?  Nothing is taken. */
bool vnic_share_has_half(struct vnic_share *s, struct vnic_claim *c, u64 now);
/* Take @bytes, there or not; for callers that need not wait (vnic_share_wait()) */
void vnic_share_charge(struct vnic_share *s, struct vnic_claim *c, u64 bytes);
/* Give back @bytes that were taken for what did not go after all. */
void vnic_share_refund(struct vnic_share *s, struct vnic_claim *c, u64 bytes);
/* ns after which it is worth asking again; 0: a frame may go now */
u64 vnic_share_wait(struct vnic_share *s, struct vnic_claim *c, u64 now);
/* @bytes went by that nobody asked for: out of the spare, never out of a minimum. */
void vnic_share_spend(struct vnic_share *s, u64 bytes, u64 now);

#endif /* _VNIC_SHARE_H */
