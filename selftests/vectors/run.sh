#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# run-on: tree
# proof: tree
#
# Moderation of interrupts. A second.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/broken.sh"

run_broken drivers/vnic-pf/model/vectors.c "$here/vectors_test.c" 60 <<'END'
raises what is off|s/if (vec->on && vec->armed)/if (vec->armed)/;s/if (!vec->on)/if (0)/
does not moderate|s/if (due > now \&\& /if (0 \&\& /
forgets when the last was|s/vec->next = now + .*;/vec->next = 0;/
forgets what it holds|s/hrtimer_start(&vec->timer.*/;/
gathers without end|s/return vec->frames && .*/return false;/
gathers what was told before|s/vec->held = vec->armed ? vec->held + n : n;/vec->held += n;/
never waits|s/max(vec->next, now + wait)/vec->next/
does not count|s/WRITE_ONCE(vec->raised.*/;/
keeps the time of the first|s/vec->patient && instead/0/
begins anew for each|s/vec->patient && instead/vec->patient/
makes what may not wait later|s/vec->patient = patient && .*/vec->patient = patient;/
raises when the timer comes|s/if (now < vec->due)/if (0)/
lets the later one stand|s/if (vec->armed && vec->due <= due)/if (vec->armed)/
END
