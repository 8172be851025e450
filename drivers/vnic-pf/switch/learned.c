// SPDX-License-Identifier: GPL-2.0
/*
 * Addresses that speak beyond this adapter: learned, and taken from VFs that claim them.
 *
 * A table of fixed size: a flood of addresses can make it forget others, of which the
 * next frame puts them back.  Who may not claim what: policy.c.
 */
#include <linux/etherdevice.h>
#include <linux/jhash.h>
#include <linux/random.h>
#include <linux/slab.h>

#include "switch.h"

/* Is an address one that a VF's driver has chosen, and may be claimed from another? */
static bool vnic_learned_claimed(struct vnic_switch *sw, const u8 *mac)
{
	const struct vnic_port_policy *pol;
	struct rhlist_head *list, *pos;
	struct vnic_fdb_entry *e;

	list = vnic_fdb_lookup(&sw->fdb, mac);
	rhl_for_each_entry_rcu(e, pos, list, rhl) {
		pol = rcu_dereference(e->port->policy);
		if (e->port->type == VNIC_PORT_VF && !pol->trusted &&
		    (e->kind == VNIC_FDB_UC ||
		     (pol->own_mac && ether_addr_equal(pol->mac, mac))))
			return true;
	}
	return false;
}

static struct vnic_learned_mac *vnic_learned_set(struct vnic_learned *l, u64 mac)
{
	u32 hash = jhash_2words(lower_32_bits(mac), upper_32_bits(mac), l->seed);

	return l->set[hash % VNIC_LEARNED_SETS];
}

/* Its place, or the first that is free (then it is in none behind that), or that of the one
 * that has been silent for longest.  Others may be writing there, too: whoever loses is put
 * back by its next frame.
 */
static struct vnic_learned_mac *vnic_learned_place(struct vnic_learned *l, u64 mac)
{
	struct vnic_learned_mac *set = vnic_learned_set(l, mac), *oldest = set;
	unsigned int i;

	for (i = 0; i < VNIC_LEARNED_WAYS; i++) {
		u64 has = READ_ONCE(set[i].mac);

		if (has == mac || !has)
			return &set[i];
		if (time_before(READ_ONCE(set[i].at), READ_ONCE(oldest->at)))
			oldest = &set[i];
	}
	return oldest;
}

void vnic_learned_see(struct vnic_switch *sw, const u8 *mac)
{
	struct vnic_learned *l = sw->learned;
	unsigned long now = jiffies;
	u64 key = ether_addr_to_u64(mac);
	struct vnic_learned_mac *place = vnic_learned_place(l, key);

	/* Once a second is enough, also to look whether somebody claims it. */
	if (READ_ONCE(place->mac) == key && time_before(now, READ_ONCE(place->at) + HZ))
		return;
	WRITE_ONCE(place->at, now);
	WRITE_ONCE(place->mac, key);
	if (vnic_learned_claimed(sw, mac) && !cmpxchg(&l->claimed, 0, key))
		schedule_work(&l->work);
}

bool vnic_learned_has(const struct vnic_switch *sw, const u8 *mac)
{
	u64 key = ether_addr_to_u64(mac);
	const struct vnic_learned_mac *place = vnic_learned_place(sw->learned, key);

	return READ_ONCE(place->mac) == key &&
	       time_before(jiffies, READ_ONCE(place->at) + VNIC_LEARNED_AGE * HZ);
}

int vnic_learned_init(struct vnic_switch *sw, work_func_t take)
{
	struct vnic_learned *l = kvzalloc(sizeof(*l), GFP_KERNEL);

	if (!l)
		return -ENOMEM;
	l->sw = sw;
	l->seed = get_random_u32();
	INIT_WORK(&l->work, take);
	sw->learned = l;
	return 0;
}

void vnic_learned_destroy(struct vnic_switch *sw)
{
	cancel_work_sync(&sw->learned->work);
	kvfree(sw->learned);
}
