#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# run-on: tree
#
# How busy a transmit queue is, under a synthetic clock. A few seconds.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/broken.sh"

run_broken drivers/vnic-pf/model/load.c "$here/load_test.c" 60 <<'END'
never looks|s/load->gap > VNIC_LOAD_DELAY \/ 2/1/
looks for ever|s/^#define VNIC_LOAD_MISS.*/#define VNIC_LOAD_MISS 1000000/
remembers misses of the last time|/^static void vnic_load_fall/,/^}/s/load->missed = 0;/;/
gives up at the first miss|s/^#define VNIC_LOAD_MISS.*/#define VNIC_LOAD_MISS 1/
looks too late|s/min_t(u64, VNIC_LOAD_BATCH \* load->gap, VNIC_LOAD_DELAY)/10 * VNIC_LOAD_DELAY/
looks too often|s/^#define VNIC_LOAD_BATCH.*/#define VNIC_LOAD_BATCH 16/
does not learn from requests|s/min(2 \* load->need, VNIC_LOAD_NEED)/load->need/
never forgets|s/load->need = VNIC_LOAD_BUSY;/;/
takes a frame for a stream|s/frames >= VNIC_LOAD_WORTH ||/frames ||/
does not see large frames|s/^#define VNIC_LOAD_LARGE.*/#define VNIC_LOAD_LARGE 1000000000/
takes all frames for large|s/^#define VNIC_LOAD_LARGE.*/#define VNIC_LOAD_LARGE 1/
makes every queue busy|s/since < (u64)load->took \* VNIC_LOAD_SHARE/true/
END
