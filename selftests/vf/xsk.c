// SPDX-License-Identifier: GPL-2.0
/*
 * xsk: a program with an XDP socket, told by the test what to do (lib/program.py).
 *
 *   xsk DEV QUEUE [copy] [any] [wakeup] [noprog] [frags] [sg] [twin] [chunk=N]
 *       [headroom=N] [ring=N] [chunks=N]
 *
 * A line is a command, its answer a line:
 *   mode                     zc or copy
 *   send COUNT SIZE MAC [PART]   sends frames; how many were sent and given back
 *   post COUNT SIZE MAC      puts them into the ring, kicks; how many; not waiting
 *   open                     puts a frame that has no end into the ring, kicks
 *   reap COUNT MS            waits for so many that were sent; how many
 *   recv COUNT MS            waits for so many frames; SIZE:CRC of each
 *   take COUNT MS            the same, but the chunks are kept
 *   give                     gives those back, without waking the kernel
 *   wake                     says to the kernel that there are
 *   echo COUNT MS            sends so many back to whom they came from; how many
 *   room MS                  sleeps until the ring has room to send; 1: it has
 *   scribble MS              writes behind the data of all chunks, again and again; ok
 *   left                     descriptors that the kernel has not taken to send
 *   flags                    rx=0|1 tx=0|1: the kernel wants to be woken
 *   stats                    the socket's, name=value ...
 *   exchange, detach, attach the program; ok
 */
#include <errno.h>
#include <linux/if_xdp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include "xsk.h"

#define BATCH	64
#define NOTES	320	/* bytes: skb_shared_info */

static struct xsk x;
static __u64 kept[4096];
static unsigned int num_kept;

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e3 + ts.tv_nsec / 1e6;
}

static uint32_t crc32_more(uint32_t crc, const uint8_t *p, uint32_t len)
{
	int bit;

	for (; len--; p++)
		for (crc ^= *p, bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	return crc;
}

/* Wait a moment, as who uses XDP sockets does: poll() wakes the kernel, too. */
static void doze(double until, short events)
{
	struct pollfd p = { .fd = x.fd, .events = events };
	double left = until - now();

	poll(&p, 1, left > 20 ? 20 : left > 1 ? left : 1);
}

static unsigned int reap(unsigned int count, double ms)
{
	double end = now() + ms;
	unsigned int n = xsk_reap(&x);

	while (n < count && now() < end) {
		xsk_kick(&x, false);
		doze(end, 0);
		n += xsk_reap(&x);
	}
	return n;
}

static unsigned int send_frames(const uint8_t *to, unsigned int count, unsigned int size,
				unsigned int part)
{
	unsigned int each = part ? part : x.ask.chunk, pieces = (size + each - 1) / each;
	unsigned int n, sent = 0;

	while (sent < count) {
		n = xsk_put(&x, to, count - sent > BATCH ? BATCH : count - sent, size, part);
		xsk_kick(&x, false);
		if (!n || reap(n * pieces, 8000) != n * pieces)
			break;
		sent += n;
	}
	return sent;
}

/* Frames as they come; of several descriptors, too. */
static void receive(unsigned int count, double ms, int keep)
{
	double end = now() + ms;
	uint32_t crc = ~0u, size = 0;
	unsigned int n = 0;

	while (n < count && now() < end) {
		const struct xdp_desc *d;

		if (!xsk_received(&x)) {
			xsk_wake(&x, false);
			doze(end, POLLIN);
			continue;
		}
		d = xsk_peek(&x, 0);
		crc = crc32_more(crc, x.umem + d->addr, d->len);
		size += d->len;
		if (!(d->options & XDP_PKT_CONTD)) {
			printf("%s%u:%u", n++ ? " " : "", size, ~crc);
			crc = ~0u;
			size = 0;
		}
		if (keep)
			kept[num_kept++] = d->addr;
		else
			xsk_give(&x, &d->addr, 1);
		xsk_take(&x, 1);
	}
	if (!keep)
		xsk_wake(&x, false);
	putchar('\n');
}

static void swap_macs(uint8_t *p)
{
	uint8_t mac[6];

	memcpy(mac, p, 6);
	memcpy(p, p + 6, 6);
	memcpy(p + 6, mac, 6);
}

/* What was received is sent from where it is; its chunk is given back when it has been.
 * All of a frame's descriptors go together.
 */
static unsigned int echo(unsigned int count, double ms)
{
	double end = now() + ms;
	unsigned int n = 0, done = 0, descs = 0;
	uint32_t prod;
	int begins = 1;

	while ((n < count || done < descs) && now() < end) {
		const struct xdp_desc *d;

		for (prod = *x.tx.prod; n < count && xsk_received(&x); prod++, descs++) {
			d = xsk_peek(&x, 0);
			if (begins)
				swap_macs(x.umem + d->addr);
			begins = !(d->options & XDP_PKT_CONTD);
			((struct xdp_desc *)x.tx.desc)[prod & x.tx.mask] = *d;
			n += begins;
			xsk_take(&x, 1);
		}
		if (begins)
			__atomic_store_n(x.tx.prod, prod, __ATOMIC_RELEASE);
		xsk_kick(&x, false);
		for (; *x.done.cons != __atomic_load_n(x.done.prod, __ATOMIC_ACQUIRE); done++) {
			xsk_give(&x, (__u64 *)x.done.desc + (*x.done.cons & x.done.mask), 1);
			__atomic_store_n(x.done.cons, *x.done.cons + 1, __ATOMIC_RELEASE);
		}
		xsk_wake(&x, false);
		if (!xsk_received(&x))
			doze(end, POLLIN);
	}
	return n;
}

/* The kernel is woken once, at the beginning. */
static unsigned int room(int ms)
{
	struct pollfd p = { .fd = x.fd, .events = POLLOUT };

	return poll(&p, 1, ms) == 1;
}

/* Where the kernel notes what further chunks a frame has, until the time is over */
static void scribble(double ms)
{
	const double end = now() + ms;
	uint32_t i;

	while (now() < end)
		for (i = 1; i <= x.ask.chunks; i++)
			memset(x.umem + (size_t)i * x.ask.chunk - NOTES, 0xff, NOTES);
}

static void stats(void)
{
	struct xdp_statistics st = {};
	socklen_t len = sizeof(st);

	getsockopt(x.fd, SOL_XDP, XDP_STATISTICS, &st, &len);
	printf("rx_dropped=%llu rx_invalid=%llu tx_invalid=%llu rx_full=%llu fill_empty=%llu\n",
	       st.rx_dropped, st.rx_invalid_descs, st.tx_invalid_descs, st.rx_ring_full,
	       st.rx_fill_ring_empty_descs);
}

static void say(const char *bad)
{
	if (bad)
		printf("# %s: %s\n", bad, strerror(errno));
	else
		puts("ok");
}

static void parse_mac(uint8_t *mac, const char *text)
{
	unsigned int i;

	for (i = 0; i < 6 && strlen(text) == 17; i++)
		mac[i] = strtoul(text + 3 * i, NULL, 16);
}

static void obey(char *line)
{
	char word[16] = "", text[32] = "";
	unsigned int count = 0, size = 0, part = 0;
	uint8_t to[6] = {};

	sscanf(line, "%15s %u %u %31s %u", word, &count, &size, text, &part);
	parse_mac(to, text);
	if (!strcmp(word, "mode")) {
		puts(xsk_copies(&x) ? "copy" : "zc");
	} else if (!strcmp(word, "send")) {
		printf("%u\n", send_frames(to, count, size, part));
	} else if (!strcmp(word, "post")) {
		printf("%u\n", xsk_put(&x, to, count, size, 0));
		xsk_kick(&x, false);
	} else if (!strcmp(word, "open")) {
		xsk_put_open(&x);
		xsk_kick(&x, false);
		puts("ok");
	} else if (!strcmp(word, "reap")) {
		printf("%u\n", reap(count, size));
	} else if (!strcmp(word, "recv") || !strcmp(word, "take")) {
		receive(count, size, word[0] == 't');
	} else if (!strcmp(word, "give")) {
		xsk_give(&x, kept, num_kept);
		num_kept = 0;
		puts("ok");
	} else if (!strcmp(word, "wake")) {
		xsk_wake(&x, true);
		puts("ok");
	} else if (!strcmp(word, "echo")) {
		printf("%u\n", echo(count, size));
	} else if (!strcmp(word, "room")) {
		printf("%u\n", room(count));
	} else if (!strcmp(word, "scribble")) {
		scribble(count);
		puts("ok");
	} else if (!strcmp(word, "flags")) {
		printf("rx=%u tx=%u\n", *(volatile uint32_t *)x.fill.flags,
		       *(volatile uint32_t *)x.tx.flags);
	} else if (!strcmp(word, "left")) {
		printf("%u\n", *x.tx.prod - *(volatile uint32_t *)x.tx.cons);
	} else if (!strcmp(word, "stats")) {
		stats();
	} else if (!strcmp(word, "exchange")) {
		say(xsk_exchange(&x));
	} else if (!strcmp(word, "attach")) {
		say(xsk_attach(&x));
	} else {
		if (strcmp(word, "detach"))
			exit(2);
		xsk_detach(&x);
		puts("ok");
	}
}

static void parse_option(struct xsk_ask *ask, const char *arg)
{
	ask->copy |= !strcmp(arg, "copy");
	ask->any |= !strcmp(arg, "any");
	ask->wakeup |= !strcmp(arg, "wakeup");
	ask->noprog |= !strcmp(arg, "noprog");
	ask->frags |= !strcmp(arg, "frags");
	ask->sg |= !strcmp(arg, "sg");
	ask->twin |= !strcmp(arg, "twin");
	sscanf(arg, "chunk=%u", &ask->chunk);
	sscanf(arg, "headroom=%u", &ask->headroom);
	sscanf(arg, "ring=%u", &ask->ring);
	sscanf(arg, "chunks=%u", &ask->chunks);
}

int main(int argc, char **argv)
{
	struct xsk_ask ask = {};
	const char *bad;
	char line[256];
	int i;

	if (argc < 3)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (i = 3; i < argc; i++)
		parse_option(&ask, argv[i]);
	bad = xsk_open(&x, argv[1], atoi(argv[2]), &ask);
	if (bad) {
		printf("# %s: %s\n", bad, strerror(errno));
		return 1;
	}
	puts("ready");
	while (fgets(line, sizeof(line), stdin))
		obey(line);
	xsk_close(&x);
	return 0;
}
