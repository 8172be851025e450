// SPDX-License-Identifier: GPL-2.0
/*
 * A virtio VF's driver that misbehaves when told to, through vfio: what misbehave is to a
 * native one.
 *
 * Usage: vmisbehave BDF [packed]
 * Starts the device, with split virtqueues or packed ones, and says "ready", then reads
 * commands, a line each, and answers each with "ok", or what was asked for:
 *
 *   send MAC LEN N    send N frames of LEN bytes to MAC
 *   take MS           take frames until none has come for so long: how many
 *   rounds N          N times: frames to all, a request that is refused, a chain that stops
 *                     the device, and the device started again
 */
#include <sys/resource.h>
#include <unistd.h>

#include "virtio.h"

#define BUFS	16u

struct drv evil, good;		/* there is no other VF */

static void start_again(void)
{
	unsigned int i;

	reset();
	start(USUAL);
	for (i = 0; i < BUFS; i++)
		refill(i, 2048);
	notify(RX);
}

static unsigned int take_frames(int ms)
{
	struct vring_used_elem e;
	unsigned int n;

	for (n = 0; take(RX, &e, ms); n++)
		post(e.id, 2048);
	return n;
}

static void send_frames(const __u8 *to, unsigned int len, unsigned int n)
{
	while (n--) {
		put_frame(len, NULL, n);
		memcpy(tx_buf() + HDR, to, 6);
		offer(TX, 0);
		notify(TX);
		consumed(0);
	}
}

static void rounds(unsigned int n)
{
	static const __u8 all[6] = { 255, 255, 255, 255, 255, 255 }, unknown[] = { 99, 99, 99 };
	const char *reason;
	unsigned int i = 0;
	__u64 end;

	while (n--) {
		send_frames(all, 200, 20);
		take_frames(0);
		check_eq(ctrl(unknown, sizeof(unknown), 1), VIRTIO_NET_ERR);
		reason = bad_chain(i++);
		if (!reason) {
			i = 0;
			continue;
		}
		for (end = now_ms() + WAIT; *reason && !(status() & VIRTIO_CONFIG_S_NEEDS_RESET);
		     usleep(1000))
			check(now_ms() < end, "chain %u does not stop it", i - 1);
		start_again();
	}
}

static void command(const char *line)
{
	unsigned int len, n;
	__u8 to[6];

	if (sscanf(line, "send %hhx:%hhx:%hhx:%hhx:%hhx:%hhx %u %u", &to[0], &to[1], &to[2],
		   &to[3], &to[4], &to[5], &len, &n) == 8) {
		check(len >= 14 && len <= 1514, "%u bytes", len);
		send_frames(to, len, n);
	} else if (sscanf(line, "take %u", &n) == 1) {
		printf("%u\n", take_frames(n));
		return;
	} else if (sscanf(line, "rounds %u", &n) == 1) {
		rounds(n);
	} else {
		fail("unknown command: %s", line);
	}
	printf("ok\n");
}

int main(int argc, char **argv)
{
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	char line[128];

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 2 || argc > 3) {
		fprintf(stderr, "usage: vmisbehave BDF [packed]\n");
		return 2;
	}
	packed = argc == 3;
	setrlimit(RLIMIT_MEMLOCK, &all);
	drv_open(&evil, argv[1], false);
	start_again();
	printf("ready\n");
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = 0;
		command(line);
	}
	return 0;
}
