#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# run-on: tree
# proof: tree
#
# CoDel under a synthetic clock. A few seconds.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/broken.sh"

run_broken drivers/vnic-pf/lib/codel.c "$here/codel_test.c" 60 <<'END'
hits at once|s/return now >= c->above;/return true;/
never hits|s/return now >= c->above;/return false;/
hits what waits less than the target|s/waited < law->target || //
hits a queue of one frame|s/ || behind <= VNIC_CODEL_FEW//
does not forget a queue that was short|s/^\t\tc->above = 0;$/\t\t;/
hits always at the same distance|s/int_sqrt64((u64)count << 16)/256/
hits ever faster|s/int_sqrt64((u64)count << 16)/(count << 8)/
goes on when the queue is short|s/^\t\tc->hitting = false;$/\t\t;/
begins anew each time|s/c->count = hits > 1 \&\& soon ? hits : 1;/c->count = 1;/
never begins anew|s/hits > 1 \&\& soon/hits > 1/
END
