#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# run-on: tree
#
# Sharing a link by minimum, priority and weight, under a synthetic clock. A few seconds.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/broken.sh"

run_broken drivers/vnic-pf/switch/share.c "$here/share_test.c" 60 <<'END'
deals no minimum|s/min_t(s64, c->min \* dt, amount)/0/
deals the minimum twice|s/amount -= vnic_claim_give(s, c, min_t(s64, c->min \* dt, amount))/vnic_claim_give(s, c, min_t(s64, c->min * dt, amount))/
ignores weights|s/unit \* c->weight/unit/
weighs all alike|s/weights += c->prio == prio ? c->weight : 0/weights += c->prio == prio/;s/unit \* c->weight/unit/
ignores priority|s/c->prio == prio ? c->weight : 0/c->weight/;s/if (c->prio == prio)/if (1)/
serves the lowest first|s/for (prio = VNIC_SHARE_PRIOS - 1; prio >= 0 \&\& amount; prio--)/for (prio = 0; prio < VNIC_SHARE_PRIOS; prio++)/
gives spare to the full|s/	if (tokens == room)/	if (0)/;s/tokens = min(tokens, room);/;/
loses what the full leave|s/round < VNIC_SHARE_ROUNDS/round < 1/
deals what was not due|s/: 0;/: 1000;/
makes up for all|s/min(now - s->last, VNIC_SHARE_WINDOW)/(now - s->last)/;s/tokens = min(tokens, room);/;/
forgets what is unclaimed|s/	amount -= paid;/	;/
takes unclaimed from minima|s/s->rate \* dt, dt, &prios/s->rate * dt - min_t(s64, s->rate * dt, s->debt), dt, \&prios/
remembers unclaimed for ever|s/min_t(s64, s->debt + bytes \* VNIC_NANO, s->rate \* VNIC_SHARE_WINDOW)/s->debt + bytes * VNIC_NANO/
never refuses|s/if (c->tokens <= 0)/if (0)/
charges nothing|s/c->tokens -= bytes \* VNIC_NANO/c->tokens -= 0/
never is hungry again|s/if (list_empty(&c->node))/if (0)/
charges before it deals|/^bool vnic_share_take/,/^}/s/if (now - s->last >= VNIC_SHARE_STEP)/if (c->tokens <= 0 \&\& now - s->last >= VNIC_SHARE_STEP)/
keeps a depth too large|s/c->tokens = min_t(s64, c->tokens, s->depth);/;/
steps with the clock|s/now > s->last ? min(now - s->last, VNIC_SHARE_WINDOW) : 0/min_t(u64, now - s->last, VNIC_SHARE_WINDOW)/
END
