// SPDX-License-Identifier: GPL-2.0
/*
 * How busy a transmit queue is, and what follows: who takes its turns, and
 * whether the driver is to ring for each frame.
 *
 * The driver rings, and who rings takes the turn, see kick.c: a frame is with its
 * receiver at once.  Since a doorbell of a guest is an exit, the worker looks by
 * itself instead, where nobody waits for what a look makes later:
 *
 *  - Whoever receives is behind.  It has got a good many frames that it has not seen
 *    to, so another would only wait for it.  The next look is about when it will be
 *    done with them, after VNIC_LOAD_DELAY at most.
 *  - A look replaces VNIC_LOAD_WORTH doorbells.  Then it comes soon: a frame waits no
 *    longer than the caller of vnic_load_rest() says.
 *
 * In either case who rings must have spent a good part of its time in turns, a few
 * times in a row.  And a driver that waits for answers is never looked at: it stops
 * when it has sent its requests, however many, and a look would only make them late.
 * That is a driver that gets a frame for each VNIC_LOAD_ALONE that it sends.
 *
 * While the worker looks, only a driver that has come far ahead rings.  When a look
 * finds nothing the driver rings for its next frame; that wakes the worker, as long
 * as looks are mostly worth it.  When they are not, who rings takes the turns again;
 * and when frames were late for nothing, the queue has to be busy for twice as long
 * until looks are tried again.
 *
 * Queues of a driver on this host are never busy in this sense: who rings there
 * takes no turns, and ringing is a function call.
 */
#include <linux/ktime.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <vnic/vnic_ring.h>

#include "load.h"

#define VNIC_LOAD_SHARE	8		/* a turn begins within so many times the last ... */
#define VNIC_LOAD_BUSY	4		/* ... so often in a row */
#define VNIC_LOAD_QUIET	NSEC_PER_MSEC	/* nothing is left of the load */
#define VNIC_LOAD_ALONE	16		/* frames for an answer, of who waits for it, at most */
#define VNIC_LOAD_LONE	64U		/* frames without answers that make a stream */
#define VNIC_LOAD_WORTH	8		/* doorbells that a look has to replace */
#define VNIC_LOAD_FEW	4		/* frames that are worth a look, at least */
#define VNIC_LOAD_BEHIND 32		/* frames that keep a receiver busy */
#define VNIC_LOAD_CREDIT 4		/* at first; a look that was not worth it takes 2 */
#define VNIC_LOAD_NEED	1024		/* turns in a row that are asked for, at most */
#define VNIC_LOAD_DELAY	(VNIC_LOOK_US * NSEC_PER_USEC)	/* between looks, at most */

void vnic_load_init(struct vnic_load *load)
{
	*load = (struct vnic_load) { .need = VNIC_LOAD_BUSY, .behind = U32_MAX };
}

/* Busy, nobody answers, and looks are worth it */
static bool vnic_load_streams(const struct vnic_load *load)
{
	return load->streak >= load->need && load->lone == VNIC_LOAD_LONE &&
	       (load->wanted || load->credit);
}

/**
 * vnic_load_busy - is the turn the worker's?
 * @load: load
 * @now: ktime ns
 *
 * For who rings.
 */
bool vnic_load_busy(struct vnic_load *load, u64 now)
{
	u64 since = now - load->turned;

	if (load->look)
		return true;
	if (since > VNIC_LOAD_QUIET) {
		load->streak = 0;
		load->credit = 0;
	} else if (load->streak < load->need) {
		load->streak = since < (u64)load->took * VNIC_LOAD_SHARE ? load->streak + 1 : 0;
	}
	return vnic_load_streams(load);
}

/**
 * vnic_load_turned - a turn of who rings has ended
 * @load: load
 * @begin: ktime ns
 * @end: ktime ns
 */
void vnic_load_turned(struct vnic_load *load, u64 begin, u64 end)
{
	load->turned = end;
	load->took = min_t(u64, end - begin, U32_MAX);
}

/* The driver rings, and who rings takes the turns. */
static void vnic_load_fall(struct vnic_load *load)
{
	load->look = 0;
	load->credit = 0;
	load->streak = 0;
	load->lone = 0;
	load->need = min(2 * load->need, VNIC_LOAD_NEED);
}

/* Does who sends so many frames get answers, @came by now? */
static bool vnic_load_answered(const struct vnic_load *load, u32 came, u32 frames)
{
	u32 answers = came - load->came;

	return answers && answers >= frames / VNIC_LOAD_ALONE;
}

/* Count the frames that the driver has sent without getting an answer. */
static void vnic_load_watch(struct vnic_load *load, u32 came, u32 frames)
{
	load->lone = min(load->lone + frames, VNIC_LOAD_LONE);
	if (!vnic_load_answered(load, came, load->lone))
		return;
	load->came = came;
	load->lone = 0;
}

static u32 vnic_load_average(u32 old, u32 val)
{
	return old ? (3 * (u64)old + val) / 4 : val;
}

/* How fast do frames come, and how often does the driver ring? */
static void vnic_load_measure(struct vnic_load *load, u64 now)
{
	u32 since = min_t(u64, now - load->rested, VNIC_LOAD_QUIET);

	if (load->frames)
		load->gap = vnic_load_average(load->gap, since / load->frames);
	if (load->frames && !load->look)
		load->beat = vnic_load_average(load->beat, since);
	load->frames = 0;
	load->behind = U32_MAX;
	load->rested = now;
	load->turned = now;
}

/* Does a look replace enough doorbells, however soon? */
static bool vnic_load_soon(const struct vnic_load *load, u64 most)
{
	return VNIC_LOAD_WORTH * (u64)load->beat <= most;
}

/* The driver has rung.  Look?  @behind: frames that who receives is behind. */
static bool vnic_load_begin(struct vnic_load *load, u32 behind, u64 most)
{
	load->wanted = most && (behind >= VNIC_LOAD_BEHIND || vnic_load_soon(load, most));
	if (!vnic_load_streams(load))
		return false;
	load->credit = load->credit ?: VNIC_LOAD_CREDIT;
	return true;
}

/* A look was not worth it.  Is there credit left? */
static bool vnic_load_pay(struct vnic_load *load)
{
	load->credit -= min(load->credit, 2);
	return load->credit;
}

/* A look has found so much.  Look again? */
static bool vnic_load_go_on(struct vnic_load *load, u32 frames, u32 behind, bool answered,
			    u64 most)
{
	bool soon = vnic_load_soon(load, most);

	if (!frames) {	/* it may be without a CPU */
		load->look = 0;
		if (!vnic_load_pay(load) && soon)
			vnic_load_fall(load);
		return false;
	}
	if (!most || answered || (soon && frames < VNIC_LOAD_FEW)) {
		vnic_load_fall(load);
		return false;
	}
	if (behind < VNIC_LOAD_BEHIND / 4 && !soon) {
		if (!vnic_load_pay(load))
			load->look = 0;
		return load->look;
	}
	load->credit = min(load->credit + 1, 2 * VNIC_LOAD_CREDIT);
	if (behind >= VNIC_LOAD_BEHIND / 4 || load->credit == 2 * VNIC_LOAD_CREDIT)
		load->need = VNIC_LOAD_BUSY;
	return true;
}

/* How long until the next look? */
static u64 vnic_load_wait(const struct vnic_load *load, u32 frames, u32 behind, u64 most)
{
	if (behind < VNIC_LOAD_BEHIND / 4 && vnic_load_soon(load, most))
		return most;
	/* who is behind, or was, takes at least half as long for a frame as who sends */
	return clamp_t(u64, ((u64)behind + frames / 2) * load->gap, most, VNIC_LOAD_DELAY);
}

/**
 * vnic_load_rest - the ring is empty
 * @load: load; @frames and @behind say what was taken since the last time
 * @now: ktime ns
 * @came: frames that the driver has received, free-running
 * @most: ns that a frame may wait for a look while its receiver waits; 0: no looks
 *
 * Return: ktime ns when the worker is to look by itself; 0: the driver rings.
 */
u64 vnic_load_rest(struct vnic_load *load, u64 now, u32 came, u64 most)
{
	u32 frames = load->frames, behind = frames ? load->behind : 0;
	bool look;

	if (now < load->look && !frames)
		return load->look;	/* here for something else */
	vnic_load_measure(load, now);
	if (load->look) {
		look = vnic_load_go_on(load, frames, behind,
				       vnic_load_answered(load, came, frames), most);
	} else {
		vnic_load_watch(load, came, frames);
		look = vnic_load_begin(load, behind, most);
	}
	if (!look)
		return 0;
	load->came = came;
	load->look = now + vnic_load_wait(load, frames, behind, most);
	return load->look;
}
