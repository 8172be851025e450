/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a native driver wants to be received otherwise than its table of hashes says:
 * rules by addresses and ports (VNIC_MBX_SET_RULE), each for a queue pair, for another
 * table (VNIC_MBX_SET_CONTEXT), or to be dropped.
 *
 * Whoever sends to the function looks, on his time: a driver cannot make that take
 * longer than VNIC_MAX_RULES comparisons for each packet that is not of the flow of the
 * one before.  A function without rules costs a look at a word.
 */
#ifndef _VNIC_STEER_H
#define _VNIC_STEER_H

#include <linux/seqlock.h>
#include <linux/types.h>
#include <vnic/vnic_mbx.h>

struct vnic_frame;

#define VNIC_RULE_WORDS		(VNIC_RULE_BYTES / sizeof(u32))

/**
 * struct vnic_rule - a rule
 * @value: as in the message
 * @mask: as in the message
 * @v6: of IPv6
 * @proto: IPPROTO_*, 0: any
 * @ports: a port counts
 * @action: VNIC_RULE_*
 * @arg: queue pair or context
 */
struct vnic_rule {
	u32	value[VNIC_RULE_WORDS];
	u32	mask[VNIC_RULE_WORDS];
	bool	v6;
	u8	proto;
	bool	ports;
	u8	action;
	u8	arg;
};

/**
 * struct vnic_steer - all of a function
 * @live: of which of @rule there are; senders look at this first
 * @seq: changes with the rules.  One writer: the mailbox, or the reset while it is paused
 * @rule: the first that fits decides; read by senders, who start over with none if @seq
 *	has changed meanwhile
 * @table: queue pairs by context - 1, always below VNIC_MAX_QPS; 0 after reset.  A sender
 *	sees some of the old one and some of the new one while it is replaced
 */
struct vnic_steer {
	u32			live;
	seqcount_t		seq;
	struct vnic_rule	rule[VNIC_MAX_RULES];
	u8			table[VNIC_RSS_CONTEXTS][VNIC_RSS_ENTRIES];
};

/* What a rule says: VNIC_RULE_* in the upper byte, queue pair or context in the lower */
static inline u8 vnic_steer_action(u16 found)
{
	return found >> 8;
}

static inline u8 vnic_steer_arg(u16 found)
{
	return found;
}

void vnic_steer_init(struct vnic_steer *s);

/* No rules, and tables of 0.  Context: as @seq says */
void vnic_steer_reset(struct vnic_steer *s);

/* Set or remove (VNIC_RULE_NONE) a rule: 0, or -EINVAL, with nothing changed.
 * @qps: queue pairs that the driver may use.  Context: as @seq says
 */
int vnic_steer_set_rule(struct vnic_steer *s, const struct vnic_mbx_rule *req, unsigned int qps);

/* The same for the table of a context */
int vnic_steer_set_context(struct vnic_steer *s, const struct vnic_mbx_context *req,
			   unsigned int qps);

/* What the rules say of a packet; of action VNIC_RULE_NONE: nothing.  Any context */
u16 vnic_steer_find(const struct vnic_steer *s, const struct vnic_frame *f);

#endif /* _VNIC_STEER_H */
