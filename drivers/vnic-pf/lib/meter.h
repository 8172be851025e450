/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A token bucket in exact integer arithmetic.
 *
 * Pure: the caller supplies the time and the lock, and nothing here needs more
 * than the integer types, so that selftests compile it under a synthetic
 * clock.  Tokens are counted in nano-bytes: a rate of R bytes per second earns
 * R of them per nanosecond, so nothing is ever rounded and nothing drifts.  A
 * meter may count packets instead: nothing here knows the difference.
 *
 * For every window of length t: R t - one frame <= passed <= R t + burst, or one
 * frame instead of the burst where that is less.
 * burst is at most VNIC_METER_BURST_MAX, so a bucket fits 63 bits.
 *
 * A frame passes whole or not at all.  A TSO frame is one frame here, charged
 * with all its segments and their headers: one that does not fit is dropped
 * whole, while smaller ones behind it (retransmissions, probes, pure ACKs)
 * still pass, which is what TCP needs to recover without a timeout.  The
 * default burst therefore holds four TSO frames of 64 KB at any rate.  A frame
 * larger than the burst that was set passes when the bucket is full, and then owes
 * the rest: it is neither stuck nor free.
 *
 * The time should be read under the lock, so that it never steps back from one
 * call to the next.  A clock that does anyway earns nothing for the step, and
 * earns on from where it stepped to.
 *
 * lib/ stands on nothing but integers, lists and its callers' locks.
 */
#ifndef _VNIC_METER_H
#define _VNIC_METER_H

#include <linux/types.h>

#define VNIC_NANO		1000000000LL
#define VNIC_METER_BURST_MAX	0x40000000ULL	/* bytes: 1 GiB */
#define VNIC_METER_BURST_MIN	15140		/* bytes that can be set: ten frames of 1514 */
#define VNIC_METER_FRAME_MAX	(256 * 1024)	/* bytes of a frame, with all its segments */
/*
 * The default burst.  A policer keeps no queue, so the round-trip time stays so
 * short that at a low rate no window is small enough: TCP overruns the bucket,
 * loses a whole window and waits for its retransmission timer, 200 ms or more.
 * What the bucket earns meanwhile must not overflow, or the rate is not reached.
 * At high rates losses are repaired without the timer.
 */
#define VNIC_METER_BURST_RTO_MS	250		/* time at the rate, while that is ... */
#define VNIC_METER_BURST_TSO	(256 * 1024)	/* ... at least so many bytes, and ... */
#define VNIC_METER_BURST_RTO	(4 * 1024 * 1024)	/* ... at most so many */
#define VNIC_METER_PACKETS_TSO	256		/* the same of a meter of packets */
#define VNIC_METER_PACKETS_RTO	4096
#define VNIC_METER_BURST_MS	10		/* and never less than this time */

/**
 * struct vnic_meter - a token bucket
 * @rate: bytes (or packets) per second; 0: no limit
 * @burst: bytes (or packets), depth of the bucket
 * @tokens: nano-bytes, at most @burst * 10^9; less than 0 is owed: a bucket at
 *	most, or VNIC_METER_FRAME_MAX
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
/* The same in packets, for packets per second */
u64 vnic_meter_default_packets(u64 pps);
/* Set rate and burst; keeps what the bucket holds (at most the new burst); a
 * meter that had no limit starts full.  @burst is clamped to
 * VNIC_METER_BURST_MAX.
 */
void vnic_meter_set(struct vnic_meter *m, u64 rate, u64 burst, u64 now);
/* May @bytes pass and leave @leave to others?  Yes if they are there, or if the bucket
 * is full; or if there is no limit.  Nothing is taken.
 */
bool vnic_meter_has(struct vnic_meter *m, u64 bytes, u64 leave, u64 now);
/* Take @bytes, there or not: what is missing is owed.  For callers that have asked
 * vnic_meter_has() or vnic_meter_wait() with the same time.
 */
void vnic_meter_spend(struct vnic_meter *m, u64 bytes);
/* Both: take @bytes if they may pass.  True: taken (or no limit). */
bool vnic_meter_take(struct vnic_meter *m, u64 bytes, u64 now);
/* Give back @bytes that were taken for what did not pass after all. */
void vnic_meter_refund(struct vnic_meter *m, u64 bytes);
/* ns until @bytes would be there, or if that is more than the burst, until the bucket
 * is full; 0: now
 */
u64 vnic_meter_wait(struct vnic_meter *m, u64 bytes, u64 now);

#endif /* _VNIC_METER_H */
