/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A token bucket in exact integer arithmetic.
 *
 * Pure: the caller supplies the time and the lock, and nothing here needs more
 * than the integer types, so that selftests compile it under a synthetic
 * clock.  Tokens are counted in nano-bytes: a rate of R bytes per second earns
 * R of them per nanosecond, so nothing is ever rounded and nothing drifts.
 *
 * For every window of length t: R t - one frame <= passed <= R t + burst.
 * burst is at most VNIC_METER_BURST_MAX, so a bucket fits 63 bits.
 *
 * A frame passes whole or not at all.  A TSO frame is one frame here, charged
 * with all its segments and their headers: one that does not fit is dropped
 * whole, while smaller ones behind it (retransmissions, probes, pure ACKs)
 * still pass, which is what TCP needs to recover without a timeout.  The
 * default burst therefore holds four TSO frames of 64 KB at any rate.  No VF sends
 * a frame larger than the smallest burst (frame.c), but a tag that the switch puts
 * into each of its segments can make it that.  Where frames wait instead of being
 * dropped, such a one waits for a full bucket, and then owes the rest
 * (vnic_meter_spend()): the rate holds, a window may have its excess more.
 *
 * The time should be read under the lock, so that it never steps back from one
 * call to the next.  A clock that does anyway earns nothing for the step, and
 * earns on from where it stepped to.
 */
#ifndef _VNIC_METER_H
#define _VNIC_METER_H

#include <linux/types.h>

#define VNIC_NANO		1000000000LL
#define VNIC_METER_BURST_MAX	0x40000000ULL	/* bytes: 1 GiB */
#define VNIC_METER_BURST_MIN	(256 * 1024)	/* bytes: four TSO frames */
/*
 * The default burst.  A policer keeps no queue, so the round-trip time stays so
 * short that at a low rate no window is small enough: TCP overruns the bucket,
 * loses a whole window and waits for its retransmission timer, 200 ms or more.
 * What the bucket earns meanwhile must not overflow, or the rate is not reached.
 * At high rates losses are repaired without the timer.
 */
#define VNIC_METER_BURST_RTO_MS	250		/* time at the rate, while that is ... */
#define VNIC_METER_BURST_RTO	(4 * 1024 * 1024)	/* ... at most so many bytes */
#define VNIC_METER_BURST_MS	10		/* and never less than this time */

/**
 * struct vnic_meter - a token bucket
 * @rate: bytes per second; 0: no limit
 * @burst: bytes, depth of the bucket
 * @tokens: nano-bytes, at most @burst * 10^9; less than 0 is owed, as much at most
 * @last: ns, when @tokens was right
 * @fill: ns after which an empty bucket is full again
 */
struct vnic_meter {
	u64	rate;
	u64	burst;
	s64	tokens;
	u64	last;
	u64	fill;
};

/* bytes per second from Mb/s; default burst for a rate in bytes per second */
u64 vnic_meter_rate(unsigned int mbps);
u64 vnic_meter_default_burst(u64 rate);
/* Set rate and burst; keeps what the bucket holds (at most the new burst); a
 * meter that had no limit starts full.  @burst is clamped to
 * VNIC_METER_BURST_MAX.
 */
void vnic_meter_set(struct vnic_meter *m, u64 rate, u64 burst, u64 now);
/* Take @bytes if they are there.  True: taken (or no limit).  More than the
 * burst never is.
 */
bool vnic_meter_take(struct vnic_meter *m, u64 bytes, u64 now);
/* The same, but only if @leave bytes are left to others then */
bool vnic_meter_take_above(struct vnic_meter *m, u64 bytes, u64 leave, u64 now);
/* Take @bytes, there or not: what is missing is owed, a burst at most.  For who has
 * asked vnic_meter_wait().
 */
void vnic_meter_spend(struct vnic_meter *m, u64 bytes, u64 now);
/* ns until @bytes would be there, or if that is more than the burst, until the bucket
 * is full; 0: now
 */
u64 vnic_meter_wait(struct vnic_meter *m, u64 bytes, u64 now);

#endif /* _VNIC_METER_H */
