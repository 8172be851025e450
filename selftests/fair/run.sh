#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# run-on: tree
# proof: tree
#
# Fair queueing: shares, who goes first, how long it takes. A few seconds.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/broken.sh"

run_broken drivers/vnic-pf/lib/fair.c "$here/fair_test.c" 60 <<'END'
does not charge turns|s/flow->deficit += vnic_fair_quantum(fair);/flow->deficit = 1 << 20;/
lets one flow go on|s/if (flow->deficit <= 0) {/if (0) {/
has no fresh flows|s/list_add_tail(\&flow->node, \&fair->fresh)/list_add_tail(\&flow->node, \&fair->old)/
lets a fresh flow stay fresh|s/if (fresh \&\& !list_empty(\&fair->old))/if (0)/
takes many rounds for a long frame|s/max_t(u32, VNIC_QUANTUM, fair->longest \/ 8)/VNIC_QUANTUM/
forgets what was long|s/fair->longest = max(fair->longest, bytes);/;/
remembers what was long for ever|s/^\t\tfair->longest = 0;$/\t\t;/
finds the thinnest|s/fifo.cells) > READ_ONCE/fifo.cells) < READ_ONCE/
END
