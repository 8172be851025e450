// SPDX-License-Identifier: GPL-2.0
/*
 * The hostile virtio driver: requests, notifications and resets (classes 9 and 11).
 */
#include <assert.h>
#include <unistd.h>

#include "vhostile.h"

static const __u8 good_mode[] = { VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, 0 };

/* ---- class 9 ---- */

/* Too short, too long, unknown, not negotiated, not allowed: refused, and each is counted */
static void case_control(void)
{
	unsigned int n;

	vopen(USUAL);
	n = bad_requests_refused();
	check_refused(n);
	check_eq(ctrl(good_mode, sizeof(good_mode), 1), VIRTIO_NET_OK);
	check_refused(n);
	check_eq(ctrl(good_mode, sizeof(good_mode), 0), -1);	/* nowhere to answer */
	check_stopped("control queue invalid");
	works();
	vclose();
}

/* The same request in the whole ring, one notification: each is answered. */
static void burst(__u8 class, __u8 ack)
{
	const __u8 req[] = { class, VIRTIO_NET_CTRL_RX_PROMISC, 0 };
	struct vring_used_elem e;
	unsigned int i;

	memcpy(evil.mem + AT_CTRL, req, sizeof(req));
	memset(evil.mem + AT_ACK, 0xee, SIZE);
	for (i = 0; i < SIZE; i += 2) {
		put_desc(CTRL, i, evil.iova + AT_CTRL, sizeof(req), VRING_DESC_F_NEXT, i + 1);
		put_desc(CTRL, i + 1, evil.iova + AT_ACK + i, 1, VRING_DESC_F_WRITE, 0);
		offer(CTRL, i);
	}
	notify(CTRL);
	for (i = 0; i < SIZE; i += 2) {
		check(take(CTRL, &e, WAIT), "request %u of %u is not answered", i / 2, SIZE / 2);
		check_eq(evil.mem[AT_ACK + e.id], ack);
	}
}

static void burst_of_modes(void)
{
	burst(VIRTIO_NET_CTRL_RX, VIRTIO_NET_OK);
}

/* As many as it can: those that touch the switch are held to a rate, others are not. */
static void case_flood(void)
{
	unsigned int n;

	static_assert(SIZE / 2 == TOLL_BATCH);
	vopen(USUAL);
	check_toll(burst_of_modes);
	check_refused(0);
	for (n = 0; n < 60; n++)
		burst(99, VIRTIO_NET_ERR);
	check_refused(n * SIZE / 2);
	works();
	vclose();
}

/* ---- class 11 ---- */

#define EACH	16u

/* The device is as new. */
static void flr_new(void)
{
	flr(&evil);
	cfg_command(&evil.dev, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 0);
	check_eq(status(), 0);
}

/* Frames to the wire, as fast as it goes; a reset ends it. */
static void bursts(void *arg)
{
	struct vring_used_elem e;
	unsigned int i;

	(void)arg;
	for (i = 0; i < EACH; i++)
		offer(TX, i);
	notify(TX);
	for (i = 0; i < EACH && take(TX, &e, 100); i++)
		;
}

/* In the middle of what is copied out of its memory */
static void case_flr_copy(void)
{
	static struct out o;
	unsigned int i, j;

	vopen(USUAL);
	for (i = 0; i < 8; i++) {
		put_frame_to(wire_mac, 1500);
		for (j = 0; j < EACH; j++)
			put_desc(TX, j, evil.iova + AT_TX_BUFS, HDR + 1500, 0, 0);
		meanwhile(bursts, NULL);
		for (j = 0; j < 200; j++)
			comes_out_whole(wire_sock, 1500);
		flr_new();
		meanwhile_stop();
		while (comes_out(wire_sock, &o, 0))
			check(o.len == 1500 && !memcmp(o.frame, tx_buf() + HDR, 1500), "changed");
		flr_start();
	}
	check(!health().stopped, "stopped");
	vclose();
}

/* In the middle of what is copied into its memory: none of it is written afterwards. */
static void case_flr_delivery(void)
{
	const unsigned int len = SIZE * 4096;
	__u8 *before = malloc(len);
	unsigned int i;
	__u64 had, end;

	vopen(USUAL);
	for (i = 0; i < 8; i++) {
		had = counter("vf0_rx_packets");
		post_many(SIZE);
		meanwhile(flood_in, NULL);
		for (end = now_ms() + WAIT; counter("vf0_rx_packets") < had + 20;)
			check(now_ms() < end, "nothing is delivered");
		flr_new();
		memcpy(before, evil.mem + AT_RX_BUFS, len);
		usleep(2000);
		check(!memcmp(before, evil.mem + AT_RX_BUFS, len), "written after the reset");
		meanwhile_stop();
		flr_start();
	}
	free(before);
	vclose();
}

/* Notifications of all queues that are and are not, of all widths */
static void bells(void *arg)
{
	static unsigned int n;

	(void)arg;
	wr(NOTIFY + n % 1024 * 4, 1 << n % 3, n);
	n++;
}

static void some_resets(void)
{
	unsigned int n;

	for (n = 0; n < TOLL_BATCH; n++) {
		if (n % 4)
			set_status(0);
		else
			flr_new();
		if (n % 8 == 7)
			start(USUAL);
	}
}

/* ... and resets of both kinds, as fast as it goes.  What they cost the host: toll.py */
static void case_storm(void)
{
	vopen(USUAL);
	works();
	meanwhile(bells, NULL);
	check_toll(some_resets);
	meanwhile_stop();
	flr_start();
	works();
	check(!health().stopped, "it was stopped");
	vclose();
}

/* Notifications alone, while the driver works: no frame is lost. */
static void case_bells(void)
{
	unsigned int i;

	vopen(USUAL);
	meanwhile(bells, NULL);
	for (i = 0; i < 300; i++)
		works();
	meanwhile_stop();
	check_moved("vf0_tx_packets", i);
	check_moved("vf0_rx_packets", i);
	check_moved("vf0_tx_dropped", 0);
	check_moved("vf0_rx_dropped", 0);
	vclose();
}

const struct hostile_case vcontrol_cases[] = {
	{ 9, "control", case_control, "requests short, long, unknown, refused; no answer" },
	{ 9, "packed-control", case_control, "the same with packed rings" },
	{ 9, "control_flood", case_flood, "a flood of requests" },
	{ 9, "packed-control_flood", case_flood, "the same with packed rings" },
	{ 11, "flr_copy", case_flr_copy, "FLR while frames are copied from it" },
	{ 11, "packed-flr_copy", case_flr_copy, "the same with packed rings" },
	{ 11, "flr_delivery", case_flr_delivery, "FLR while frames are copied to it" },
	{ 11, "packed-flr_delivery", case_flr_delivery, "the same with packed rings" },
	{ 11, "storms", case_storm, "storms of notifications and resets" },
	{ 11, "notifications", case_bells, "a storm of notifications, and frames meanwhile" },
	{ 11, "packed-notifications", case_bells, "the same with packed rings" },
	{}
};
