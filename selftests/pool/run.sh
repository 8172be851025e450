#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# run-on: tree
# proof: tree
#
# Guarantees, lending and resizing of the packet memory. A few seconds.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/broken.sh"

run_broken drivers/vnic-pf/lib/pool.c "$here/pool_test.c" 60 <<'END'
never takes back|/^static void vnic_part_reclaim/,/^}/s/pool->reclaim(hold);/break;/
takes back what is in work|s/if (smp_load_acquire(&hold->busy))/if (0)/
takes back from who uses its own|s/if (pool->free >= need || part->taken <= part->promise)/if (pool->free >= need)/
takes back the oldest|s/list_for_each_entry_safe_reverse/list_for_each_entry_safe/
takes back for a borrower|/^static void vnic_pool_reclaim/,/^}/s/		return;/		;/
lends without limit|s/taken > (u64)part->guarantee + part->borrow/false/
promises all|s/pool->cells - pool->margin - /pool->cells - /
promises what has not drained|s/max(part->guarantee, min(part->promise, part->taken))/part->guarantee/
never ends an old promise|s/max(part->guarantee, min(part->promise, part->taken))/max(part->guarantee, part->promise)/
resizes when refused|s/if (guarantee <= \*most) {/if (1) {/
stocks what is not its own|s/min_t(u32, VNIC_POOL_STOCK, part->guarantee - taken)/VNIC_POOL_STOCK/
keeps what is not its own|s/if (part->taken > part->guarantee || part->stock/if (part->stock/
hoards|s/ || part->stock + hold->cells > 2 \* VNIC_POOL_STOCK)/)/
has no stock|s/more = min_t(u32, VNIC_POOL_STOCK.*/more = 0;/
loses a cell|s/for (i = 1; i < n; i++)/for (i = 0; i < n; i++)/
forgets the high-water mark|s/part->high_borrowed = max(part->high_borrowed, used - own)/part->high_borrowed = used - own/
leaves a resized stock outside|/^int vnic_part_resize/,/^}/s/vnic_part_return(part, part->stock);/;/
END
