#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# run-on: tree
# proof: tree
#
# The token bucket under a synthetic clock. About half a minute.
# A meter that never refuses would run for ever: it is ended after two minutes.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/broken.sh"

run_broken drivers/vnic-pf/lib/meter.c "$here/meter_test.c" 120 <<'END'
earns one part in 50 too much|s/m->rate \* dt/m->rate * dt * 51 \/ 50/
earns one part in 50 too little|s/m->rate \* dt/m->rate * dt * 49 \/ 50/
rounds each time to microseconds|s/m->rate \* dt/m->rate * (dt - dt % 1000)/
has no bottom to the idle time|s/if (dt >= m->fill)/if (0)/
takes what is not there|s/m->tokens >= (s64)(min_t(u64, bytes + leave, m->burst) \* VNIC_NANO)/m->tokens > 0/
leaves nothing to others|s/bytes + leave, m->burst/bytes, m->burst/
never lets a frame longer than the burst pass|s/min_t(u64, bytes + leave, m->burst)/(bytes + leave)/
fills up when the rate changes|s/clamp_t(s64, m->tokens, -owed, full);/full;/
earns for a step back|s/now > m->last ? now - m->last : 0/now - m->last/
stops after a step back|s/^\tm->last = now;/\tm->last = now > m->last ? now : m->last;/
charges no frame that is longer than the burst|s/^\tbytes = min_t(u64, bytes, 2 \* most);/\tif (bytes > m->burst) return;/
charges a burst at most|s/min_t(u64, bytes, 2 \* most)/min_t(u64, bytes, m->burst)/
keeps more debt than the new burst|s/clamp_t(s64, m->tokens, -owed, full);/min_t(s64, m->tokens, full);/
forgives what is owed when it is late|s/while (m->tokens < 0 \&\& dt >= m->fill)/while (0)/
forgives all but one bucket of it|s/while (m->tokens < 0 \&\& dt >= m->fill)/if (m->tokens < 0 \&\& dt >= m->fill)/
owes without end|s/max_t(s64, m->tokens - (s64)(bytes \* VNIC_NANO), .*;/m->tokens - bytes * VNIC_NANO;/
gives back more than was taken|s/m->tokens + bytes \* VNIC_NANO, m->burst \* VNIC_NANO/m->tokens + 2 * bytes * VNIC_NANO, m->burst * VNIC_NANO/
gives back a bucket at most|s/bytes, m->burst + vnic_meter_owed(m));/bytes, m->burst);/
gives back more than a bucket|s/m->tokens = min_t(s64, m->tokens + bytes \* VNIC_NANO, m->burst \* VNIC_NANO);/m->tokens += bytes * VNIC_NANO;/
has half the bucket of packets|s/VNIC_METER_PACKETS_TSO, VNIC_METER/VNIC_METER_PACKETS_TSO \/ 2, VNIC_METER/
END
