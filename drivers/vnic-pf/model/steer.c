// SPDX-License-Identifier: GPL-2.0
/*
 * Rules of a native driver by which packets are received.
 */
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/nospec.h>
#include <linux/string.h>
#include <linux/unaligned.h>

#include "../frame/frame.h"
#include "steer.h"

static_assert(VNIC_STEER_RULES <= 32);	/* steer->live */

void vnic_steer_init(struct vnic_steer *s)
{
	seqcount_init(&s->seq);
}

/* ---- the driver's wishes ---- */

static bool vnic_proto_has_ports(u8 proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP;
}

/* The words of addresses of a rule; those of ports are in the one behind. */
static unsigned int vnic_rule_addrs(bool v6)
{
	return (v6 ? 2 * sizeof(struct in6_addr) : 2 * sizeof(struct in_addr)) / sizeof(u32);
}

static bool vnic_rule_has_ports(const struct vnic_rule *rule)
{
	return rule->mask[vnic_rule_addrs(rule->v6)];
}

static void vnic_steer_put(struct vnic_steer *s, unsigned int index, const struct vnic_rule *rule)
{
	struct vnic_rule *to = &s->rule[index];
	u32 live = s->live & ~BIT(index);
	unsigned int i;

	if (rule->action != VNIC_STEER_NONE)
		live |= BIT(index);
	preempt_disable();	/* for as little as this: senders do not wait for it */
	write_seqcount_begin(&s->seq);
	for (i = 0; i < VNIC_RULE_WORDS; i++) {
		WRITE_ONCE(to->value[i], rule->value[i]);
		WRITE_ONCE(to->mask[i], rule->mask[i]);
	}
	WRITE_ONCE(to->v6, rule->v6);
	WRITE_ONCE(to->proto, rule->proto);
	WRITE_ONCE(to->ports, vnic_rule_has_ports(rule));
	WRITE_ONCE(to->action, rule->action);
	WRITE_ONCE(to->arg, rule->arg);
	WRITE_ONCE(s->live, live);
	write_seqcount_end(&s->seq);
	preempt_enable();
}

void vnic_steer_reset(struct vnic_steer *s)
{
	static const struct vnic_rule none;
	unsigned int i, j;

	for (i = 0; i < VNIC_STEER_RULES; i++)
		if (s->live & BIT(i))
			vnic_steer_put(s, i, &none);
	for (i = 0; i < VNIC_STEER_CONTEXTS; i++)
		for (j = 0; j < VNIC_RSS_SLOTS; j++)
			WRITE_ONCE(s->table[i][j], 0);
}

int vnic_steer_set_context(struct vnic_steer *s, unsigned int context, const u8 *queue,
			   unsigned int qps)
{
	unsigned int i;

	if (!context || context > VNIC_STEER_CONTEXTS)
		return -EINVAL;
	for (i = 0; i < VNIC_RSS_SLOTS; i++)
		if (queue[i] >= qps)
			return -EINVAL;
	context = array_index_nospec(context - 1, VNIC_STEER_CONTEXTS);
	for (i = 0; i < VNIC_RSS_SLOTS; i++)
		WRITE_ONCE(s->table[context][i], queue[i]);
	return 0;
}

static bool vnic_rule_action_ok(const struct vnic_rule *rule, unsigned int qps)
{
	switch (rule->action) {
	case VNIC_STEER_DROP:
		return !rule->arg;
	case VNIC_STEER_QUEUE:
		return rule->arg < qps;
	case VNIC_STEER_RSS:
		return rule->arg <= VNIC_STEER_CONTEXTS;
	default:
		return false;
	}
}

/* Nothing beside the mask, behind the ports, or where there are none */
static bool vnic_rule_words_ok(const struct vnic_rule *rule)
{
	unsigned int addrs = vnic_rule_addrs(rule->v6), i;

	for (i = 0; i < VNIC_RULE_WORDS; i++)
		if (rule->value[i] & ~rule->mask[i] || (i > addrs && rule->mask[i]))
			return false;
	return !vnic_rule_has_ports(rule) || vnic_proto_has_ports(rule->proto);
}

int vnic_steer_set_rule(struct vnic_steer *s, unsigned int index, const struct vnic_rule *rule,
			unsigned int qps)
{
	if (index >= VNIC_STEER_RULES)
		return -EINVAL;
	if (rule->action != VNIC_STEER_NONE &&
	    (!vnic_rule_action_ok(rule, qps) || !vnic_rule_words_ok(rule)))
		return -EINVAL;
	vnic_steer_put(s, array_index_nospec(index, VNIC_STEER_RULES), rule);
	return 0;
}

/* ---- senders ---- */

/**
 * struct vnic_packet - what rules are compared with
 * @word: addresses, and the ports behind them
 * @v6: of IPv6
 * @proto: IPPROTO_*
 * @ports: there are some
 */
struct vnic_packet {
	u32	word[VNIC_RULE_WORDS];
	bool	v6;
	u8	proto;
	bool	ports;
};

/* False: it is not IP. */
static bool vnic_packet_of(struct vnic_packet *p, const struct vnic_frame *f)
{
	struct vnic_headers h;
	unsigned int addrs, at;

	if (!vnic_frame_parse(f, &h))
		return false;
	p->v6 = h.l3_proto != ETH_P_IP;
	p->proto = h.l4_proto;
	p->ports = !h.fragment && h.l4 + 4 <= f->hdr_len && vnic_proto_has_ports(h.l4_proto);
	addrs = vnic_rule_addrs(p->v6);
	at = h.l3 + (p->v6 ? offsetof(struct ipv6hdr, saddr) : offsetof(struct iphdr, saddr));
	memcpy(p->word, f->hdr + at, addrs * sizeof(u32));
	p->word[addrs] = p->ports ? get_unaligned((const u32 *)(f->hdr + h.l4)) : 0;
	return true;
}

static bool vnic_rule_fits(const struct vnic_rule *rule, const struct vnic_packet *p)
{
	unsigned int i, n = vnic_rule_addrs(p->v6) + 1;
	u8 proto = READ_ONCE(rule->proto);
	u32 differs = 0;

	if (READ_ONCE(rule->v6) != p->v6 || (proto && proto != p->proto) ||
	    (READ_ONCE(rule->ports) && !p->ports))
		return false;
	for (i = 0; i < n; i++)
		differs |= (p->word[i] & READ_ONCE(rule->mask[i])) ^ READ_ONCE(rule->value[i]);
	return !differs;
}

u16 vnic_steer_find(const struct vnic_steer *s, const struct vnic_frame *f)
{
	struct vnic_packet p;
	u16 found = VNIC_STEER_NONE;
	unsigned long live;
	unsigned int i, seq;

	if (!vnic_packet_of(&p, f))
		return VNIC_STEER_NONE;
	/* The writer may be a thread that does not get the CPU: nobody waits for it. */
	seq = raw_seqcount_begin(&s->seq);
	live = READ_ONCE(s->live);
	for_each_set_bit(i, &live, VNIC_STEER_RULES) {
		if (vnic_rule_fits(&s->rule[i], &p)) {
			found = READ_ONCE(s->rule[i].action) << 8 | READ_ONCE(s->rule[i].arg);
			break;
		}
	}
	return read_seqcount_retry(&s->seq, seq) ? VNIC_STEER_NONE : found;
}
