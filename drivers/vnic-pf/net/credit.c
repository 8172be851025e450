// SPDX-License-Identifier: GPL-2.0
/*
 * How long the credits of an uplink live: until the last skb that points to one is
 * gone.
 *
 * A queueing discipline or a driver keeps an skb as long as it likes, so nobody
 * waits for it who has anything to do: when an uplink is released, credits that are
 * still used are left here, and freed when others are left or the module goes.  The
 * module alone waits, since the skbs' destructor is in it; nothing is held then that
 * somebody else needs, and setting the former uplink down ends it.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/string.h>

#include "net.h"
#include "uplink.h"

#define VNIC_LEFT_STEP_MS	20
#define VNIC_LEFT_TELL_MS	(60 * MSEC_PER_SEC)	/* between two lines of the log */

static DEFINE_MUTEX(vnic_left_lock);	/* vnic_left */
static LIST_HEAD(vnic_left);		/* struct vnic_credits of former uplinks */

struct vnic_credits *vnic_credits_create(struct vnic_adapter *ad, const char *uplink)
{
	struct vnic_credits *cs = kvzalloc(struct_size(cs, vf, ad->total_vfs), GFP_KERNEL);
	unsigned int i;

	if (!cs)
		return NULL;
	cs->num = ad->total_vfs;
	strscpy(cs->uplink, uplink, sizeof(cs->uplink));
	for (i = 0; i < cs->num; i++) {
		cs->vf[i].ad = ad;
		cs->vf[i].index = i;
		INIT_LIST_HEAD(&cs->vf[i].node);
		__skb_queue_head_init(&cs->vf[i].held);
	}
	return cs;
}

static unsigned int vnic_credits_under_way(const struct vnic_credits *cs)
{
	unsigned int i, n = 0;

	for (i = 0; i < cs->num; i++)
		n += atomic_read(&cs->vf[i].frames);
	return n;
}

/* Free what is not used any more.  Returns the frames that use the rest. */
static unsigned int vnic_credits_reap(void)
{
	struct vnic_credits *cs, *next;
	unsigned int n, left = 0;
	LIST_HEAD(gone);

	mutex_lock(&vnic_left_lock);
	list_for_each_entry_safe(cs, next, &vnic_left, node) {
		n = vnic_credits_under_way(cs);
		left += n;
		if (!n)
			list_move(&cs->node, &gone);
	}
	mutex_unlock(&vnic_left_lock);
	if (!list_empty(&gone))
		synchronize_rcu();	/* the destructor that has given back the last */
	list_for_each_entry_safe(cs, next, &gone, node)
		kvfree(cs);
	return left;
}

void vnic_credits_leave(struct vnic_credits *cs)
{
	mutex_lock(&vnic_left_lock);
	list_add_tail(&cs->node, &vnic_left);
	mutex_unlock(&vnic_left_lock);
	vnic_credits_reap();
}

static void vnic_credits_tell(void)
{
	const struct vnic_credits *cs;

	mutex_lock(&vnic_left_lock);
	list_for_each_entry(cs, &vnic_left, node)
		pr_warn("unloading waits for %u frames of VFs that the former uplink %s has not sent (tc -s qdisc): set it down to drop them\n",
			vnic_credits_under_way(cs), cs->uplink);
	mutex_unlock(&vnic_left_lock);
}

void vnic_net_exit(void)
{
	unsigned int ms;

	for (ms = 0; vnic_credits_reap(); ms += VNIC_LEFT_STEP_MS) {
		if (ms % VNIC_LEFT_TELL_MS == MSEC_PER_SEC)
			vnic_credits_tell();
		msleep(VNIC_LEFT_STEP_MS);
	}
	synchronize_rcu_tasks();	/* a destructor about to return */
}
