// SPDX-License-Identifier: GPL-2.0
/*
 * CoDel, RFC 8289, section 5, for one frame at a time.  Integer arithmetic only;
 * also compiled by selftests/codel under a synthetic clock.
 */
#include <linux/math.h>
#include <linux/math64.h>
#include <linux/types.h>

#include "codel.h"

#define VNIC_CODEL_AGAIN	16	/* intervals: hitting that begins so soon goes on */
#define VNIC_CODEL_FEW		2	/* cells, a frame or two: no standing queue, however slow */

/* When to hit the next one, of @count up to now */
static u64 vnic_codel_next(u64 from, u64 interval, u32 count)
{
	/* 8 bits of fraction; the interval is a few seconds at most */
	return from + div_u64(interval << 8, int_sqrt64((u64)count << 16));
}

/* Has the queue stood for an interval? */
static bool vnic_codel_stands(struct vnic_codel *c, const struct vnic_codel_law *law, u64 waited,
			      u32 behind, u64 now)
{
	if (waited < law->target || behind <= VNIC_CODEL_FEW) {
		c->above = 0;
		return false;
	}
	if (!c->above) {
		c->above = now + law->interval;
		return false;
	}
	return now >= c->above;
}

/* Begin where it ended if that was a moment ago: the rate was nearly right then. */
static void vnic_codel_begin(struct vnic_codel *c, u64 interval, u64 now)
{
	u32 hits = c->count - c->last;
	bool soon = (s64)(now - c->next) < (s64)(VNIC_CODEL_AGAIN * interval);

	c->hitting = true;
	c->count = hits > 1 && soon ? hits : 1;
	c->last = c->count;
	c->next = vnic_codel_next(now, interval, c->count);
}

bool vnic_codel_hit(struct vnic_codel *c, const struct vnic_codel_law *law, u64 waited, u32 behind,
		    u64 now)
{
	if (!vnic_codel_stands(c, law, waited, behind, now)) {
		c->hitting = false;
		return false;
	}
	if (!c->hitting) {
		vnic_codel_begin(c, law->interval, now);
		return true;
	}
	if (now < c->next)
		return false;
	c->count++;
	c->next = vnic_codel_next(c->next, law->interval, c->count);
	return true;
}
