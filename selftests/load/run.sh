#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# run-on: tree
# proof: tree
#
# How busy a transmit queue is, under a synthetic clock. A few seconds.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/broken.sh"

run_broken drivers/vnic-pf/lib/load.c "$here/load_test.c" 60 <<'END'
looks at who waits for answers|s/return answers && answers >=.*/return false;/
sees answers only while it looks|/^static void vnic_load_watch/,/^}/s/load->lone = 0;/;/
sees answers only while it does not look|s/vnic_load_answered(load, came, frames), most/false, most/
never looks|/^static bool vnic_load_begin/,/^}/s/return true;/return false;/
looks for the sake of few doorbells|s/^#define VNIC_LOAD_WORTH.*/#define VNIC_LOAD_WORTH 2/
does not care who is behind|s/behind >= VNIC_LOAD_BEHIND ||/false ||/
hurries though the receiver is behind|s/((u64)behind + frames \/ 2) \* load->gap, most/0, most/
looks late though the receiver waits|s/now + vnic_load_wait/now + 10 * vnic_load_wait/
takes who is behind for far behind|s/((u64)behind + frames \/ 2) \* load->gap, most/VNIC_LOAD_DELAY, most/
goes on looking where nothing comes|/^static bool vnic_load_go_on/,/^}/s/		load->look = 0;/		return true;/
gives up when nothing comes once|s/^#define VNIC_LOAD_CREDIT.*/#define VNIC_LOAD_CREDIT 1/
never gives up|s/load->credit -= min(load->credit, 2);/;/
never forgets|s/		load->need = VNIC_LOAD_BUSY;/;/
looks on though the receiver is not behind any more|/^static bool vnic_load_go_on/,/^}/s/behind < VNIC_LOAD_BEHIND \/ 4/false/
does not learn|s/min(2 \* load->need, VNIC_LOAD_NEED)/load->need/
makes every queue busy|s/since < (u64)load->took \* VNIC_LOAD_SHARE/true/
cannot be turned off|s/load->wanted = most \&\& (/load->wanted = (/; s/!most ||//
END
