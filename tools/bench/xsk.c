// SPDX-License-Identifier: GPL-2.0
/*
 * xsk: what a frame costs with XDP sockets on two VFs, without copies and with them, with
 * the marks of plugin.c around what is counted.
 *
 *   xsk CASE zc|copy COUNT SIZE DEV0 DEV1
 *
 *   send      a socket on DEV0 sends, a program on DEV1 drops
 *   receive   a socket on DEV0, always without copies, sends; one on DEV1 receives
 *   forward   the same, and it sends back what it received; a program on DEV0 drops
 *   both      send and receive
 *
 * Frames are sent 64 at a time; who receives takes what is there and waits by poll().
 */
#include <linux/bpf.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../../selftests/vf/xsk.h"
#include "mark.h"

#define BURST	64
#define WINDOW	256	/* frames under way to who takes them: none is to be lost */

static struct xsk near, far;

static void must_open(struct xsk *x, const char *dev, bool copy, int verdict)
{
	struct xsk_ask ask = { .copy = copy, .wakeup = true, .verdict = verdict };
	const char *bad = xsk_open(x, dev, 0, &ask);

	if (bad) {
		perror(bad);
		exit(1);
	}
}

/* All chunks to send from hold the frame already: who sends touches descriptors only. */
static void prepare(uint32_t size)
{
	uint32_t n = near.spares;

	xsk_put(&near, far.mac, n, size, 0);
	*near.tx.prod -= n;
	near.spares = n;
}

static uint32_t burst(uint32_t size, uint32_t left)
{
	uint32_t n = left < BURST ? left : BURST, prod = *near.tx.prod, i;
	struct xdp_desc *d;

	n = n < near.spares ? n : near.spares;
	for (i = 0; i < n; i++) {
		d = (struct xdp_desc *)near.tx.desc + ((prod + i) & near.tx.mask);
		d->addr = near.spare[--near.spares];
		d->len = size;
		d->options = 0;
	}
	__atomic_store_n(near.tx.prod, prod + n, __ATOMIC_RELEASE);
	return n;
}

/* Take what is there.  Return: how many frames. */
static uint32_t take(void)
{
	uint32_t i, n = xsk_received(&far);

	for (i = 0; i < n; i++)
		xsk_give(&far, &xsk_peek(&far, i)->addr, 1);
	xsk_take(&far, n);
	xsk_wake(&far, false);
	return n;
}

static void swap_macs(uint8_t *p)
{
	uint8_t mac[6];

	memcpy(mac, p, 6);
	memcpy(p, p + 6, 6);
	memcpy(p + 6, mac, 6);
}

/* Send back what is there, and give back to receive what has been sent. */
static uint32_t forward(void)
{
	uint32_t i, n = xsk_received(&far), prod = *far.tx.prod, cons = *far.done.cons;
	uint32_t done = __atomic_load_n(far.done.prod, __ATOMIC_ACQUIRE);

	for (i = 0; i < n; i++) {
		swap_macs(far.umem + xsk_peek(&far, i)->addr);
		((struct xdp_desc *)far.tx.desc)[(prod + i) & far.tx.mask] = *xsk_peek(&far, i);
	}
	xsk_take(&far, n);
	__atomic_store_n(far.tx.prod, prod + n, __ATOMIC_RELEASE);
	if (prod + n != cons)
		xsk_kick(&far, false);
	for (; cons != done; cons++)
		xsk_give(&far, (__u64 *)far.done.desc + (cons & far.done.mask), 1);
	__atomic_store_n(far.done.cons, cons, __ATOMIC_RELEASE);
	xsk_wake(&far, false);
	return n;
}

static void nap(struct xsk *x)
{
	struct pollfd p = { .fd = x->fd, .events = POLLIN };

	poll(&p, 1, 1);
}

/* Return: frames that came where they were to come */
static uint32_t go(const char *what, uint32_t count, uint32_t size)
{
	uint32_t (*arrived)(void) = !strcmp(what, "forward") ? forward : take;
	uint32_t sent = 0, back = 0, came = 0, idle = 0;
	bool only = !strcmp(what, "send");

	while ((back < count || (!only && came < count)) && idle < 200) {
		bool wait = !only && sent - came > WINDOW - BURST;
		uint32_t n = wait ? 0 : burst(size, count - sent), b, c;

		if (n || back < sent)
			xsk_kick(&near, false);
		b = xsk_reap(&near);
		c = only ? 0 : arrived();
		sent += n;
		back += b;
		came += c;
		idle = n || b || c ? 0 : idle + 1;
		if (!n && !b && !c)
			nap(only ? &near : &far);
	}
	return only ? back : came;
}

int main(int argc, char **argv)
{
	bool copy, send, both;
	uint32_t count, size, came;

	if (argc != 7)
		return 2;
	copy = !strcmp(argv[2], "copy");
	count = atoi(argv[3]);
	size = atoi(argv[4]);
	send = !strcmp(argv[1], "send");
	both = !strcmp(argv[1], "both");
	must_open(&near, argv[5], copy && (send || both), XDP_DROP);
	must_open(&far, argv[6], copy || send, send ? XDP_DROP : 0);
	sleep(1);
	prepare(size);
	go(argv[1], count / 4, size);
	mark_begin();
	came = go(argv[1], count, size);
	mark_end();
	printf("%u\n", came);
	xsk_close(&near);
	xsk_close(&far);
	return 0;
}
