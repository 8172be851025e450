// SPDX-License-Identifier: GPL-2.0
/*
 * How busy a transmit queue is, and what follows: who takes its turns, and
 * whether the driver is to ring for each frame.
 *
 * Idle: who rings takes the turn, see kick.c.  Busy: who rings spends a good part
 * of its time in turns, a few times in a row; then the worker takes them.  A
 * queue whose driver sends steadily is not rung for: the worker looks by itself
 * when a batch can be expected, after VNIC_LOAD_DELAY at most, since a doorbell
 * of a guest is an exit.  Only a driver that has come far ahead of that rings.
 * When a look was not worth it, the driver rings for each frame as before, and
 * the queue has to be busy for twice as long until that is tried again: a driver
 * that waits for each answer is not to wait for a timer.
 *
 * Queues of a driver on this host are never busy in this sense: who rings there
 * takes no turns, and ringing is a function call.
 */
#include <linux/ktime.h>
#include <linux/limits.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <vnic/vnic_ring.h>

#include "load.h"

#define VNIC_LOAD_SHARE	8		/* a turn begins within so many times the last ... */
#define VNIC_LOAD_BUSY	4		/* ... so often in a row */
#define VNIC_LOAD_QUIET	NSEC_PER_MSEC	/* nothing is left of the load */
#define VNIC_LOAD_BATCH	64		/* frames to look for */
#define VNIC_LOAD_WORTH	4		/* frames that are worth a look ... */
#define VNIC_LOAD_LARGE	32768		/* ... or two, of so many bytes */
#define VNIC_LOAD_MISS	3		/* looks in a row that find nothing */
#define VNIC_LOAD_NEED	1024		/* turns in a row that are asked for, at most */
#define VNIC_LOAD_DELAY	(VNIC_LOOK_US * NSEC_PER_USEC)	/* of a frame, at most */

void vnic_load_init(struct vnic_load *load)
{
	*load = (struct vnic_load) { .need = VNIC_LOAD_BUSY };
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
	if (since > VNIC_LOAD_QUIET)
		load->streak = 0;
	else if (load->streak < load->need)
		load->streak = since < (u64)load->took * VNIC_LOAD_SHARE ? load->streak + 1 : 0;
	return load->streak >= load->need;
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
	load->missed = 0;
	load->streak = 0;
	load->need = min(2 * load->need, VNIC_LOAD_NEED);
}

/*
 * Was it worth a look?  A driver that waits for answers has sent one frame, or a
 * few.  One that has sent nothing may have been without a CPU.
 */
static bool vnic_load_worth(struct vnic_load *load, u32 frames, u32 bytes)
{
	if (!frames)
		return ++load->missed < VNIC_LOAD_MISS;
	load->missed = 0;
	return frames >= VNIC_LOAD_WORTH || (frames > 1 && bytes >= VNIC_LOAD_LARGE);
}

static void vnic_load_measure(struct vnic_load *load, u64 now)
{
	u32 gap = div_u64(min_t(u64, now - load->rested, VNIC_LOAD_QUIET), max(load->frames, 1u));

	load->gap = load->gap ? (3 * load->gap + gap) / 4 : gap;
	load->frames = 0;
	load->bytes = 0;
	load->rested = now;
}

/**
 * vnic_load_rest - the ring is empty
 * @load: load; @frames and @bytes say what was taken since the last time
 * @now: ktime ns
 *
 * Return: ktime ns when the worker is to look by itself; 0: the driver rings.
 */
u64 vnic_load_rest(struct vnic_load *load, u64 now)
{
	u32 frames = load->frames, bytes = load->bytes;

	if (now < load->look && !frames)
		return load->look;	/* here for something else */
	vnic_load_measure(load, now);
	if (load->streak < load->need)
		return 0;
	if (load->look ? !vnic_load_worth(load, frames, bytes) :
			 load->gap > VNIC_LOAD_DELAY / 2) {
		vnic_load_fall(load);
		return 0;
	}
	if (load->look && frames)
		load->need = VNIC_LOAD_BUSY;
	load->look = now + min_t(u64, VNIC_LOAD_BATCH * load->gap, VNIC_LOAD_DELAY);
	return load->look;
}
