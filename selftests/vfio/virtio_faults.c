// SPDX-License-Identifier: GPL-2.0
/*
 * What a virtio driver makes the device allocate, each of which fails in turn (nth.h): the
 * queues stop it until it is reset, a request is refused; then it works.
 */
#include <unistd.h>

#include "nth.h"
#include "virtio.h"

#define PAIRS	(USUAL | F(VIRTIO_NET_F_MQ) | F(VIRTIO_F_RING_RESET))
#define MACS	(USUAL | F(VIRTIO_NET_F_CTRL_MAC_ADDR))

static __u8 last;	/* of addresses: another one each time */

/* All queues of two pairs are enabled, or the device says that it has to be reset. */
static bool try_queues(void)
{
	unsigned int q;

	reset();
	check(negotiate(PAIRS), "features");
	make_queues();
	if (status() & VIRTIO_CONFIG_S_NEEDS_RESET)
		return false;
	for (q = 0; q < QUEUES2; q++)
		check(enabled(q), "queue %u is not enabled", q);
	return true;
}

/* The same, and the driver says that it is ready: frames pass. */
static bool try_enable(void)
{
	if (!try_queues())
		return false;
	wr(VIRTIO_PCI_COMMON_MSIX, 2, 0);
	set_status(status() | VIRTIO_CONFIG_S_DRIVER_OK);
	if (status() & VIRTIO_CONFIG_S_NEEDS_RESET)
		return false;
	put_frame(300, NULL, 1);
	offer(TX, 0);
	notify(TX);
	consumed(0);
	arrives(300);
	return true;
}

/* All queues go, one by one, and the device: that needs none, so it cannot fail. */
static bool try_destroy(void)
{
	unsigned int q;

	for (q = 0; q < TX1 + 1; q++) {
		wr(VIRTIO_PCI_COMMON_Q_SELECT, 2, q);
		wr(VIRTIO_PCI_COMMON_Q_RESET, 2, 1);
		check(!enabled(q), "queue %u is still there", q);
	}
	check(!(status() & VIRTIO_CONFIG_S_NEEDS_RESET), "it has stopped");
	reset();
	return true;
}

static bool request(const void *req, __u32 len)
{
	int ack = ctrl(req, len, 1);

	check(ack == VIRTIO_NET_OK || ack == VIRTIO_NET_ERR, "answer %d", ack);
	return ack == VIRTIO_NET_OK;
}

/* The device's own address */
static bool try_mac(void)
{
	const __u8 req[] = { VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET,
			     2, 0, 0, 0, 0x79, ++last };

	return request(req, sizeof(req));
}

/* What it receives beside it: one address, and two of groups */
static bool try_table(void)
{
	const __u8 req[] = { VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET,
			     1, 0, 0, 0, 2, 0, 0, 0, 0x7a, ++last,
			     2, 0, 0, 0, 3, 0, 0, 0, 0x7a, last, 3, 0, 0, 0, 0x7b, last };

	return request(req, sizeof(req));
}

static const struct {
	const char	*name;
	bool		(*run)(void);	/* false: refused */
	enum nth_who	who;
	bool		(*first)(void);	/* before each, unharmed */
} ops[] = {
	{ "queues", try_queues, NTH_SELF, NULL },
	{ "txqueue", try_queues, NTH_ALL, NULL },
	{ "enable", try_enable, NTH_EVERYONE, NULL },
	{ "destroy", try_destroy, NTH_EVERYONE, try_enable },
	{ "mac", try_mac, NTH_KWORKERS, NULL },
	{ "table", try_table, NTH_KWORKERS, NULL },
};

static void each(unsigned int op)
{
	unsigned int nth, failed = 0;
	bool good, hit;

	for (nth = 1; nth < NTH_MOST; nth++) {
		if (ops[op].first)
			check(ops[op].first(), "%s: what is before it", ops[op].name);
		nth_arm(ops[op].who, nth);
		good = ops[op].run();
		hit = nth_disarm();
		check(good || hit, "%s: failed, and none was injected", ops[op].name);
		check(good || ops[op].run(), "%s, nth %u: and again", ops[op].name, nth);
		failed += !good;
		if (!hit) {
			printf("%u %u\n", nth, failed);
			return;
		}
	}
	fail("%s has no end", ops[op].name);
}

void faults(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ops); i++)
		if (!strcmp(name, ops[i].name))
			break;
	check(i < ARRAY_SIZE(ops), "unknown operation: %s", name);
	open_both(MACS);
	works();
	each(i);
	reset();
	start(USUAL);
	works();
	close_both();
}
