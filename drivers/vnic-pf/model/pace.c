// SPDX-License-Identifier: GPL-2.0
/*
 * Frames that wait for their VF's inbound rate; see pace.h.
 *
 * What a sender costs here is bounded: a frame is copied once, as it is when it
 * waits for a buffer, and to make room for it VNIC_PACE_SHED others are dropped
 * at most.  Nothing is allocated.
 */
#include <linux/hash.h>
#include <linux/ktime.h>

#include "fn.h"
#include "pace.h"
#include "worker.h"

#define VNIC_PACE_FRAMES	32	/* frames of a turn, or of a purge under the lock */
#define VNIC_PACE_SHED		64	/* frames dropped to make room for one */
#define VNIC_PACE_INTERVAL	20	/* targets: CoDel's interval */
#define VNIC_PACE_TICK		50000	/* ns between two turns, at least: for the bucket to fill */
#define VNIC_FLOW_BITS		6

static_assert(BIT(VNIC_FLOW_BITS) == VNIC_FLOWS);

void vnic_pace_init(struct vnic_pace *pace)
{
	spin_lock_init(&pace->lock);
	vnic_fair_init(&pace->fair);
}

/* ---- under pace->lock ---- */

/* The next frame, busy, and its flow; NULL: none waits */
static struct vnic_stored *vnic_pace_first(struct vnic_fn *fn, struct vnic_flow **flow)
{
	struct vnic_stored *item;

	/* A flow whose frames have been reclaimed is empty the next time. */
	while ((*flow = vnic_fair_next(&fn->pace.fair))) {
		item = vnic_partition_first(&fn->part, &(*flow)->fifo);
		if (item)
			return item;
	}
	return NULL;
}

static void vnic_pace_lose(struct vnic_fn *fn, struct vnic_stored *item, enum vnic_drop why)
{
	vnic_port_drop(&fn->port, why, item->segs);
	vnic_stored_release(item);
}

/* Some of what waits.  False: nothing is left. */
static bool vnic_pace_purge_some(struct vnic_fn *fn, enum vnic_drop why)
{
	struct vnic_stored *item;
	struct vnic_flow *flow;
	unsigned int n;

	spin_lock_bh(&fn->pace.lock);
	for (n = 0; n < VNIC_PACE_FRAMES; n++) {
		item = vnic_pace_first(fn, &flow);
		if (!item)
			break;
		vnic_pace_lose(fn, item, why);
	}
	spin_unlock_bh(&fn->pace.lock);
	return n == VNIC_PACE_FRAMES;
}

/* Others may come meanwhile: what was there goes, and no more than the memory holds. */
void vnic_pace_purge(struct vnic_fn *fn, enum vnic_drop why)
{
	u32 left = fn->ad->memory->pool.cells / VNIC_PACE_FRAMES + 1;

	while (left-- && vnic_pace_purge_some(fn, why))
		cond_resched();
}

/* Charge for a frame that may go now.  VNIC_DROP_MAX: it may; else why it is dropped if
 * it cannot wait.
 */
static enum vnic_drop vnic_pace_take(struct vnic_port *port, u32 bytes, u32 packets)
{
	enum vnic_drop why;

	spin_lock(&port->rx_lock);
	why = vnic_port_rx_take(port, bytes, packets, false, ktime_get_ns());
	spin_unlock(&port->rx_lock);
	return why;
}

/* ---- senders; BH disabled, pace->lock held ---- */

/*
 * The flow of a frame: by its addresses and ports, and by the port it comes
 * from, so that no sender gets into another's flow by forging addresses.
 */
static struct vnic_flow *vnic_pace_flow(struct vnic_fn *fn, struct vnic_frame *f)
{
	u32 hash = hash_ptr(f->src, 32);

	if (!(f->flags & VNIC_FR_HASHED))
		vnic_frame_hash(f, &fn->rss_key);
	if (f->flags & VNIC_FR_HASHED)
		hash ^= f->hash;
	return &fn->pace.fair.flows[hash_32(hash, VNIC_FLOW_BITS)];
}

/* Make room for a frame: drop the oldest of who occupies most. */
static void vnic_pace_shed(struct vnic_fn *fn, u32 cells)
{
	struct vnic_flow *flow = vnic_fair_fattest(&fn->pace.fair);
	struct vnic_stored *item;
	u32 freed = 0, i;

	for (i = 0; i < VNIC_PACE_SHED && freed < cells; i++) {
		item = vnic_partition_first(&fn->part, &flow->fifo);
		if (!item)
			return;
		freed += item->hold.cells;
		vnic_pace_lose(fn, item, VNIC_DROP_RX_MEMORY);
	}
}

/* Let a frame wait, or drop it.  True: the first of its flow, so it may be its turn. */
static bool vnic_pace_store(struct vnic_fn *fn, struct vnic_frame *f, u8 queue)
{
	struct vnic_flow *flow = vnic_pace_flow(fn, f);
	struct vnic_stored *item;
	u64 now = ktime_get_ns();
	bool first;

	item = vnic_partition_put(&fn->part, &flow->fifo, f, 0, now);
	if (item == ERR_PTR(-ENOSPC)) {
		vnic_pace_shed(fn, vnic_partition_cells(f));
		item = vnic_partition_put(&fn->part, &flow->fifo, f, 0, now);
	}
	if (IS_ERR(item)) {
		vnic_port_drop(&fn->port, item == ERR_PTR(-ENOSPC) ? VNIC_DROP_RX_MEMORY :
								     VNIC_DROP_RX_NOMEM, f->segs);
		return false;
	}
	item->queue = queue;
	item->ect = vnic_frame_ect(f);
	first = vnic_fair_join(&fn->pace.fair, flow, f->wire);
	vnic_stored_keep(item);
	return first;
}

unsigned int vnic_pace_admit(struct vnic_fn *fn, struct vnic_frame **frames, u8 *queue,
			     unsigned int n)
{
	struct vnic_pace *pace = &fn->pace;
	enum vnic_drop why = VNIC_DROP_MAX;
	unsigned int i, kept = 0;
	bool wake = false;

	spin_lock(&pace->lock);
	for (i = 0; i < n; i++) {
		struct vnic_frame *f = frames[i];

		/* Under the lock: what is to be stopped is purged afterwards. */
		if (!vnic_queues_enabled(fn)) {
			vnic_port_drop(&fn->port, VNIC_DROP_RX_LINK, f->segs);
			continue;
		}
		if (vnic_fair_empty(&pace->fair))
			why = vnic_pace_take(&fn->port, f->wire, f->segs);
		else
			why = VNIC_DROP_RX_RATE;
		if (why == VNIC_DROP_MAX) {
			frames[kept] = f;
			queue[kept++] = queue[i];
		} else if (pace->target) {
			wake |= vnic_pace_store(fn, f, queue[i]);
		} else {
			vnic_port_drop(&fn->port, why, f->segs);
		}
	}
	if (wake)
		vnic_worker_wake_at(fn->worker[0], VNIC_WORK_PACE, ktime_get_ns() + VNIC_PACE_TICK);
	spin_unlock(&pace->lock);
	return kept;
}

/* ---- the worker ---- */

/*
 * What is a standing queue.  The interval is twenty targets (RFC 8289, 4.4: a
 * target of 5 to 10 % of it).  At a low rate even a single frame takes longer than
 * the target to be sent: that much is no standing queue.  rx_lock held.
 */
static struct vnic_codel_law vnic_pace_law(const struct vnic_fn *fn)
{
	const struct vnic_pace *pace = &fn->pace;
	u64 rate = min_not_zero(fn->port.rx_meter.rate, READ_ONCE(fn->port.rx_cap));
	u64 pps = fn->port.rx_pps.rate;
	struct vnic_codel_law law = {
		.target = pace->target,
		.interval = pace->target * VNIC_PACE_INTERVAL,
	};

	if (rate)
		law.target = max(law.target,
				 div64_u64(VNIC_QUANTUM * NSEC_PER_SEC, rate));
	if (pps)
		law.target = max(law.target, div64_u64(NSEC_PER_SEC, pps));
	return law;
}

/*
 * May this frame go now?  0: it is charged, unless it is to be dropped; else ns
 * to wait.  *@hit: drop it or mark it.
 */
static u64 vnic_pace_ask(struct vnic_fn *fn, struct vnic_flow *flow,
			 const struct vnic_stored *item, bool *hit)
{
	struct vnic_port *port = &fn->port;
	struct vnic_codel_law law;
	u64 now, wait;

	spin_lock(&port->rx_lock);
	now = ktime_get_ns();
	wait = vnic_port_rx_wait(port, item->wire, item->segs, now);
	if (!wait) {
		law = vnic_pace_law(fn);
		*hit = vnic_codel_hit(&flow->codel, &law, now - item->since,
				      READ_ONCE(flow->fifo.cells) - item->hold.cells, now);
		if (!*hit || item->ect)
			vnic_port_rx_spend(port, item->wire, item->segs);
	}
	spin_unlock(&port->rx_lock);
	return wait;
}

/* The next frame.  0: it is gone; else ns until it may go. */
static u64 vnic_pace_one(struct vnic_fn *fn, struct vnic_flow *flow, struct vnic_stored *item)
{
	bool hit = false;
	u64 wait = vnic_pace_ask(fn, flow, item, &hit);

	if (wait) {
		vnic_stored_keep(item);
		return wait;
	}
	if (hit && !item->ect) {
		vnic_pace_lose(fn, item, VNIC_DROP_RX_CODEL);
		return 0;
	}
	if (hit) {
		item->ce = true;
		vnic_port_count_marked(&fn->port, item->segs);
	}
	vnic_fair_sent(flow, item->wire);
	vnic_rxq_pass(fn, item);
	return 0;
}

bool vnic_pace_work(struct vnic_fn *fn)
{
	struct vnic_pace *pace = &fn->pace;
	struct vnic_stored *item;
	struct vnic_flow *flow;
	unsigned int i;
	u64 wait = 0;
	bool more;

	if (!vnic_queues_enabled(fn)) {
		vnic_pace_purge(fn, VNIC_DROP_RX_LINK);
		return false;
	}
	spin_lock_bh(&pace->lock);
	for (i = 0; i < VNIC_PACE_FRAMES && !wait; i++) {
		item = vnic_pace_first(fn, &flow);
		if (!item)
			break;
		wait = vnic_pace_one(fn, flow, item);
	}
	more = !wait && !vnic_fair_empty(&pace->fair);
	if (wait)
		vnic_worker_wake_at(fn->worker[0], VNIC_WORK_PACE,
				    ktime_get_ns() + max_t(u64, wait, VNIC_PACE_TICK));
	spin_unlock_bh(&pace->lock);
	return more;
}

/* ---- configuration ---- */

/* Nothing waits any more: what the rate admits goes on, the rest is dropped; some of it.
 * True: there is more.
 */
static bool vnic_pace_drain(struct vnic_fn *fn)
{
	struct vnic_stored *item;
	struct vnic_flow *flow;
	enum vnic_drop why;
	unsigned int i;

	for (i = 0; i < VNIC_PACE_FRAMES; i++) {
		item = vnic_pace_first(fn, &flow);
		if (!item)
			return false;
		why = vnic_pace_take(&fn->port, item->wire, item->segs);
		if (why == VNIC_DROP_MAX)
			vnic_rxq_pass(fn, item);
		else
			vnic_pace_lose(fn, item, why);
	}
	return true;
}

void vnic_vf_set_queue(struct vnic_port *port, u64 target)
{
	struct vnic_fn *fn = port->priv;
	bool more;

	do {
		spin_lock_bh(&fn->pace.lock);
		fn->pace.target = target;
		more = !target && vnic_pace_drain(fn);
		spin_unlock_bh(&fn->pace.lock);
		cond_resched();
	} while (more);
	/* The rate may be another: how long to wait, too. */
	if (target)
		vnic_worker_wake(fn->worker[0], VNIC_WORK_PACE);
}
