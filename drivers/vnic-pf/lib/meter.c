// SPDX-License-Identifier: GPL-2.0
/*
 * The token bucket.  Integer arithmetic only; also compiled by
 * selftests/meter under a synthetic clock.
 */
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/types.h>

#include "meter.h"

u64 vnic_meter_rate(unsigned int mbps)
{
	return mbps * 125000ULL;
}

u64 vnic_meter_default_burst(u64 rate)
{
	u64 ms = div_u64(rate, 1000);
	u64 burst = clamp_t(u64, ms * VNIC_METER_BURST_RTO_MS,
			    VNIC_METER_BURST_TSO, VNIC_METER_BURST_RTO);

	return clamp_t(u64, ms * VNIC_METER_BURST_MS, burst, VNIC_METER_BURST_MAX);
}

u64 vnic_meter_default_packets(u64 pps)
{
	u64 burst = clamp_t(u64, div_u64(pps * VNIC_METER_BURST_RTO_MS, 1000),
			    VNIC_METER_PACKETS_TSO, VNIC_METER_PACKETS_RTO);

	return max_t(u64, div_u64(pps * VNIC_METER_BURST_MS, 1000), burst);
}

/*
 * Earn what is due.  Below @fill ns, rate * dt is at most a full bucket plus
 * one ns at the rate, so nothing overflows: 2 * 2^30 * 10^9 < 2^63.  A debt may be
 * some full buckets, where those are small.
 */
static void vnic_meter_earn(struct vnic_meter *m, u64 now)
{
	s64 full = m->burst * VNIC_NANO;
	u64 dt = now > m->last ? now - m->last : 0;

	m->last = now;
	while (m->tokens < 0 && dt >= m->fill) {
		m->tokens += m->rate * m->fill;
		dt -= m->fill;
	}
	if (dt >= m->fill)
		m->tokens = full;
	else
		m->tokens = min_t(s64, m->tokens + m->rate * dt, full);
}

/* What can be owed at most */
static u64 vnic_meter_owed(const struct vnic_meter *m)
{
	return max_t(u64, m->burst, VNIC_METER_FRAME_MAX);
}

void vnic_meter_set(struct vnic_meter *m, u64 rate, u64 burst, u64 now)
{
	s64 full, owed;

	burst = min_t(u64, burst, VNIC_METER_BURST_MAX);
	full = burst * VNIC_NANO;
	if (m->rate)
		vnic_meter_earn(m, now);
	else
		m->tokens = full;
	m->rate = rate;
	m->burst = burst;
	owed = vnic_meter_owed(m) * VNIC_NANO;
	m->tokens = clamp_t(s64, m->tokens, -owed, full);
	m->last = now;
	m->fill = rate ? div64_u64(full, rate) + 1 : 0;
}

bool vnic_meter_has(struct vnic_meter *m, u64 bytes, u64 leave, u64 now)
{
	if (!m->rate)
		return true;
	vnic_meter_earn(m, now);
	return m->tokens >= (s64)(min_t(u64, bytes + leave, m->burst) * VNIC_NANO);
}

bool vnic_meter_take(struct vnic_meter *m, u64 bytes, u64 now)
{
	if (!vnic_meter_has(m, bytes, 0, now))
		return false;
	vnic_meter_spend(m, bytes);
	return true;
}

void vnic_meter_spend(struct vnic_meter *m, u64 bytes)
{
	u64 most = vnic_meter_owed(m);

	if (!m->rate)
		return;
	bytes = min_t(u64, bytes, 2 * most);
	m->tokens = max_t(s64, m->tokens - (s64)(bytes * VNIC_NANO), -(s64)(most * VNIC_NANO));
}

void vnic_meter_refund(struct vnic_meter *m, u64 bytes)
{
	bytes = min_t(u64, bytes, m->burst + vnic_meter_owed(m));
	if (m->rate)
		m->tokens = min_t(s64, m->tokens + bytes * VNIC_NANO, m->burst * VNIC_NANO);
}

u64 vnic_meter_wait(struct vnic_meter *m, u64 bytes, u64 now)
{
	s64 missing;

	if (!m->rate)
		return 0;
	vnic_meter_earn(m, now);
	missing = min_t(u64, bytes, m->burst) * VNIC_NANO - m->tokens;
	return missing > 0 ? div64_u64(missing + m->rate - 1, m->rate) : 0;
}
