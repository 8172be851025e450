// SPDX-License-Identifier: GPL-2.0
/*
 * The bench of the hostile driver: what it makes the host's own threads do, as often as it
 * can, until what it has saved is spent (model/toll.c; what it takes of a CPU: toll.py).
 */
#include "bench.h"

#define EACH	100u		/* us that a piece of work costs at least: VNIC_TOLL_EACH */
#define SAVED	250000u		/* us that may be saved: VNIC_TOLL_SAVED */
#define EARN	20u		/* of so many us one is earned: VNIC_TOLL_TIME */
#define ROW	3u		/* batches that were held up, one after the other */

unsigned int check_toll(void (*batch)(void))
{
	__u64 begun = now_us(), t, now = begun, most;
	unsigned int n = 0, held = 0;

	while (held < ROW) {
		t = now;
		batch();
		now = now_us();
		n += TOLL_BATCH;
		most = SAVED + (now - begun) / EARN + EACH;
		check(n * EACH <= most, "%u in %llu us", n, now - begun);
		held = now - t < (TOLL_BATCH - 1) * EACH * EARN ? 0 : held + 1;
	}
	printf("# %u in %llu ms, the last %u in %llu ms\n", n, (now - begun) / 1000, TOLL_BATCH,
	       (now - t) / 1000);
	return n;
}
