#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# run-on: tree
# proof: tree
#
# Sharing a link by minimum, priority and weight, under a synthetic clock. A few seconds.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/broken.sh"

run_broken drivers/vnic-pf/lib/share.c "$here/share_test.c" 60 <<'END'
deals no minimum|s/min_t(s64, c->min \* dt, amount)/0/
deals the minimum twice|s/amount -= vnic_claim_give(c, min_t(s64, c->min \* dt, amount), dt)/vnic_claim_give(c, min_t(s64, c->min * dt, amount), dt)/
ignores weights|s/unit \* c->weight/unit/
weighs all alike|s/weights += c->prio == prio ? c->weight : 0/weights += c->prio == prio/;s/unit \* c->weight/unit/
ignores priority|s/c->prio == prio ? c->weight : 0/c->weight/;s/if (c->prio == prio)/if (1)/
serves the lowest first|s/for (prio = VNIC_SHARE_PRIOS - 1; prio >= 0 \&\& left; prio--)/for (prio = 0; prio < VNIC_SHARE_PRIOS; prio++)/
gives spare to the full|s/	if (tokens == room)/	if (0)/;s/tokens = min(tokens, room);/;/
loses what the full leave|s/round < VNIC_SHARE_ROUNDS/round < 1/
deals what was not due|s/: 0;/: 1000;/
makes up for all|s/min(now - s->last, s->window)/(now - s->last)/;s/tokens = min(tokens, room);/;/
forgets what is unclaimed|s/	left -= paid;/	;/
takes unclaimed from minima|s/s, amount, dt, &prios/s, amount - min_t(s64, amount, s->debt), dt, \&prios/
remembers unclaimed for ever|s/min_t(s64, s->debt + bytes \* VNIC_NANO, s->rate \* VNIC_SHARE_WINDOW)/s->debt + bytes * VNIC_NANO/
never refuses|s/return c->tokens > 0;/return true;/
charges nothing|s/c->tokens -= bytes \* VNIC_NANO/c->tokens -= 0/
never is hungry again|/^void vnic_share_charge/,/^}/s/	vnic_claim_open(c);/	;/
charges before it deals|/^static bool vnic_share_has/,/^}/s/if (now - s->last >= VNIC_SHARE_STEP)/if (c->tokens <= 0 \&\& now - s->last >= VNIC_SHARE_STEP)/
keeps a depth too large|s/c->tokens = min_t(s64, c->tokens, s->depth);/;/
steps with the clock|s/now > s->last ? min(now - s->last, s->window) : 0/min_t(u64, now - s->last, s->window)/
forgets groups|s/	if (c->below)$/	if (0)/
gives a group its minimum twice|s/amount -= vnic_claim_give(c, unit \* c->weight, 0)/amount -= vnic_claim_give(c, unit * c->weight, c->below ? 100000 : 0)/
lets groups have more than their rate|s/s->budget = s->rate ? saved + s->rate \* dt : VNIC_SHARE_ALL;/s->budget = VNIC_SHARE_ALL;/
lets groups make up for nothing|s/min(c->below->budget, c->below->depth)/0/
lets groups make up for all|s/min(c->below->budget, c->below->depth)/c->below->budget/
does not count what a group got|s/	if (s->budget != VNIC_SHARE_ALL)/	if (0)/
weighs groups that have had their rate|s/return list_empty(&c->below->hungry) ? 0 : c->below->budget;/return c->below->budget > 0 ? c->below->budget : 1;/
allows inner groups nothing|s/			vnic_share_allow(c->below, min.*;/			c->below->budget = c->below->rate * dt;/
makes groups compete without a link|s/: VNIC_SHARE_ALL;/: 2500000LL * dt;/
does not reach an outer group|/^static void vnic_claim_open/,/^}/s/		c = &c->of->up;/		break;/
leaves a full group open|/^static void vnic_claim_close/,/^}/s/		c = &c->of->up;/		break;/;s/return list_empty(&c->below->hungry) ? 0 : c->below->budget;/return c->below->budget;/
lets the owing sleep for ever|s/, s->window \/ 2)/, (u64)3600 * VNIC_NANO)/
asks at once|s/	return min(max(least, min(.*$/	return 1;/
thinks the outer rate its own|s/rate = in->rate ? min(rate, in->rate) : rate;/rate = 1250000000;/
gives back nothing|/^void vnic_share_refund/,/^}/s/c->tokens + bytes \* VNIC_NANO/c->tokens/
gives back too much|/^void vnic_share_refund/,/^}/s/min_t(s64, c->tokens + bytes \* VNIC_NANO, c->of->depth)/c->tokens + bytes * VNIC_NANO/
spares all it has|s/ || c->tokens > c->of->depth \/ 2)/ || 1)/
spares nothing without a limit|s/(!vnic_share_limits(s, c) || c->tokens > c->of->depth/(c->of \&\& c->tokens > c->of->depth/
keeps who is removed waiting|/^void vnic_share_remove/,/^}/s/c->of = NULL;/;/
END
