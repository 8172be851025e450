// SPDX-License-Identifier: GPL-2.0
/*
 * VFs whose drivers do only what they are told: for tests of what waits in the
 * device while a driver takes nothing.
 *
 * Usage: peers VF...   (bound to vnic-vfio-pci; numbered from 0)
 * Commands on standard input, one line of answer each:
 *   send I J COUNT LEN   VF I sends frames to VF J: "sent"
 *   all I COUNT LEN      VF I sends frames to all others at once: "sent"
 *   take J COUNT         VF J takes frames, at most so many: the numbers of those
 *                        that came, e.g. "0-299 301-302"; each is compared
 * A VF has RING_SIZE buffers posted at first, and again what it takes.  Frames are
 * numbered from 0, for each receiver.
 */
#include <sys/resource.h>
#include <unistd.h>

#include "test.h"

#define PEERS	8
#define NUMBER	14	/* where a frame's number is */
#define TAKE_MS	1000	/* nothing comes any more, after the last that was sent */

static struct drv peers[PEERS];
static __u32 sent[PEERS];
static unsigned int num;

static const __u8 broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

static void make_frame(unsigned int from, const __u8 *mac, __u32 number, __u8 *frame, size_t len)
{
	drv_frame(&peers[from], mac, frame, len, number);
	memcpy(frame + NUMBER, &number, sizeof(number));
	frame[NUMBER + sizeof(number)] = from;
}

static void cmd_send(unsigned int from, unsigned int to, unsigned int count, size_t len)
{
	static __u8 frame[TX_BUF_SIZE];

	check(from < num && to < num && len >= 60 && len <= sizeof(frame), "send");
	while (count--) {
		make_frame(from, peers[to].caps.mac, sent[to]++, frame, len);
		drv_send(&peers[from], frame, len, 1);
		check(drv_sent(&peers[from], WAIT), "a sender is held up");
	}
	puts("sent");
}

/* Numbered as those to VF 0 */
static void cmd_all(unsigned int from, unsigned int count, size_t len)
{
	static __u8 frame[TX_BUF_SIZE];

	check(from < num && count <= RING_SIZE && len >= 60 && len <= sizeof(frame), "all");
	while (count--) {
		make_frame(from, broadcast, sent[0]++, frame, len);
		drv_put(&peers[from], frame, len, 1);
	}
	drv_push(&peers[from]);
	check(drv_sent(&peers[from], WAIT), "a sender is held up");
	puts("sent");
}

static void cmd_take(unsigned int to, unsigned int count)
{
	static __u8 got[TX_BUF_SIZE], want[TX_BUF_SIZE];
	__s64 first = -1, last = -1;
	__u32 number;
	int len;

	check(to < num, "take");
	while (count-- && (len = drv_receive(&peers[to], got, sizeof(got),
					     last + 1 == sent[to] ? TAKE_MS : 5 * TAKE_MS)) >= 0) {
		check(len >= 60, "%d bytes", len);
		memcpy(&number, got + NUMBER, sizeof(number));
		check(got[NUMBER + sizeof(number)] < num, "sender");
		make_frame(got[NUMBER + sizeof(number)], got[0] & 1 ? broadcast : peers[to].caps.mac,
			   number, want, len);
		check(!memcmp(got, want, len), "frame %u was changed", number);
		if (first >= 0 && number != last + 1) {
			printf("%lld-%lld ", first, last);
			first = -1;
		}
		last = number;
		if (first < 0)
			first = number;
	}
	if (first >= 0)
		printf("%lld-%lld", first, last);
	puts("");
}

int main(int argc, char **argv)
{
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	unsigned int a, b, c, d;
	char line[128];

	if (argc < 2 || argc > PEERS + 1) {
		fprintf(stderr, "usage: peers VF...\n");
		return 2;
	}
	setrlimit(RLIMIT_MEMLOCK, &all);
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (num = 0; num < (unsigned int)argc - 1; num++) {
		drv_open(&peers[num], argv[num + 1], false);
		drv_start(&peers[num]);
	}
	puts("ready");
	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "send %u %u %u %u", &a, &b, &c, &d) == 4)
			cmd_send(a, b, c, d);
		else if (sscanf(line, "all %u %u %u", &a, &b, &c) == 3)
			cmd_all(a, b, c);
		else if (sscanf(line, "take %u %u", &a, &b) == 2)
			cmd_take(a, b);
		else
			fail("command: %s", line);
	}
	return 0;
}
