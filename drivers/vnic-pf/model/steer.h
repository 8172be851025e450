/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a native driver wants to be received otherwise than its table of hashes says:
 * rules by addresses and ports, each for a queue pair, for another table (a context), or
 * to be dropped.  native/ takes them out of messages.
 *
 * Whoever sends to the function looks, on his time: a driver cannot make that take
 * longer than VNIC_STEER_RULES comparisons for each packet that is not of the flow of the
 * one before.  A function without rules costs a look at a word.
 */
#ifndef _VNIC_STEER_H
#define _VNIC_STEER_H

#include <linux/seqlock.h>
#include <linux/types.h>

struct vnic_frame;

#define VNIC_STEER_RULES	32	/* of a function */
#define VNIC_STEER_CONTEXTS	15	/* tables beside its own */
#define VNIC_RSS_SLOTS		128	/* queue pairs in each of these tables */
/* Two addresses of IPv6 and two ports */
#define VNIC_RULE_WORDS		9

/* What becomes of a packet that a rule fits */
enum vnic_rule_action {
	VNIC_STEER_NONE,	/* there is no rule */
	VNIC_STEER_DROP,
	VNIC_STEER_QUEUE,	/* to a queue pair */
	VNIC_STEER_RSS,		/* to where the table of a context says; 0: the function's own */
};

/**
 * struct vnic_rule - a rule
 * @value: source and destination address, source and destination port, as they are in a
 *	packet, then 0; 0 where @mask is
 * @mask: which of their bits count
 * @v6: of IPv6
 * @proto: IPPROTO_*, 0: any; with ports TCP, UDP or SCTP
 * @ports: a port counts: vnic_steer_set_rule() sees that from @mask
 * @action: enum vnic_rule_action
 * @arg: queue pair or context, or 0
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
	struct vnic_rule	rule[VNIC_STEER_RULES];
	u8			table[VNIC_STEER_CONTEXTS][VNIC_RSS_SLOTS];
};

/* What a rule says: its action in the upper byte, queue pair or context in the lower */
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

/* Set or remove (VNIC_STEER_NONE) rule @index: 0, or -EINVAL, with nothing changed.
 * @qps: queue pairs that the driver may use.  Context: as @seq says
 */
int vnic_steer_set_rule(struct vnic_steer *s, unsigned int index, const struct vnic_rule *rule,
			unsigned int qps);

/* The same for the table of a context, 1 to VNIC_STEER_CONTEXTS; @queue: VNIC_RSS_SLOTS
 * queue pairs
 */
int vnic_steer_set_context(struct vnic_steer *s, unsigned int context, const u8 *queue,
			   unsigned int qps);

/* What the rules say of a packet; of action VNIC_STEER_NONE: nothing.  Any context */
u16 vnic_steer_find(const struct vnic_steer *s, const struct vnic_frame *f);

#endif /* _VNIC_STEER_H */
