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

/* A request, whose answer is not waited for */
static void submit(const void *req, __u32 len)
{
	memcpy(evil.mem + AT_CTRL, req, len);
	evil.mem[AT_ACK] = 0xee;
	put_desc(CTRL, 0, evil.iova + AT_CTRL, len, VRING_DESC_F_NEXT, 1);
	put_desc(CTRL, 1, evil.iova + AT_ACK, 1, VRING_DESC_F_WRITE, 0);
	offer(CTRL, 0);
	notify(CTRL);
}

/*
 * The same in a table, since a packed ring's descriptor is where the device says what it has
 * used; flags are the last of a packed table's.
 */
static void submit_table(const void *req, __u32 len)
{
	struct vring_packed_desc *t = (void *)(evil.mem + AT_TABLE);

	memcpy(evil.mem + AT_CTRL, req, len);
	evil.mem[AT_ACK] = 0xee;
	t[0] = (struct vring_packed_desc) { htole64(evil.iova + AT_CTRL), htole32(len), 0, 0 };
	t[1] = (struct vring_packed_desc) { htole64(evil.iova + AT_ACK), htole32(1), 0,
					    htole16(VRING_DESC_F_WRITE) };
	put_desc(CTRL, 0, evil.iova + AT_TABLE, 2 * sizeof(*t), VRING_DESC_F_INDIRECT, 0);
	offer(CTRL, 0);
	notify(CTRL);
}

/* The data, which may be asked for or not, and the length, which is right or too long */
static void change_request(void *arg)
{
	struct vring_desc *d = packed ? (void *)(evil.mem + AT_TABLE) : desc(CTRL);
	static unsigned int n;

	(void)arg;
	__atomic_store_n(evil.mem + AT_CTRL + 2, n & 1, __ATOMIC_SEQ_CST);
	__atomic_store_n(&d->len, htole32(n % 3 ? 3 : 4), __ATOMIC_SEQ_CST);
	n++;
}

/* A frame to somebody else does not come, and one to VF 0 does. */
static void not_promiscuous(void)
{
	static __u8 got[2048];

	bench_kind->expect();
	from_wire_to((__u8[6]) { 2, 0, 0, 0, 0, 0x77 }, 100, 1);
	from_wire(300, 1);
	check_eq(bench_kind->receive(got, sizeof(got)), 300);
	check_moved("vf0_rx_packets", 1);
}

/* Changed after submission: each answer is that of one of the requests it was. */
static void case_changed(void)
{
	unsigned int i, refused = 0;
	struct vring_used_elem e;
	__u64 end = 0;
	__u8 ack;

	vopen(USUAL);
	meanwhile(change_request, NULL);
	for (i = 0; i < 1000 || !refused || refused == i; i++) {
		if (i < 1000)	/* these are done, however long they take */
			end = now_ms() + 5 * WAIT * bench_slow;
		check(now_ms() < end, "nothing was changed in time: %u of %u refused", refused, i);
		if (packed)
			submit_table(good_mode, sizeof(good_mode));
		else
			submit(good_mode, sizeof(good_mode));
		check(take(CTRL, &e, WAIT), "no answer; status %#x", status());
		ack = evil.mem[AT_ACK];
		check(ack == VIRTIO_NET_OK || ack == VIRTIO_NET_ERR, "answer %#x", ack);
		check_eq(e.len, 1);
		refused += ack == VIRTIO_NET_ERR;
	}
	meanwhile_stop();
	printf("# %u of %u refused\n", refused, i);
	check_refused(refused);
	not_promiscuous();
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

static unsigned int under_way;

/*
 * Frames to the wire, as fast as it goes; a reset ends it.  Not more than the ring has, however
 * long the device takes
 */
static void bursts(void *arg)
{
	struct vring_used_elem e;

	(void)arg;
	if (!under_way)
		for (; under_way < EACH; under_way++)
			offer(TX, under_way);
	notify(TX);
	while (under_way && take(TX, &e, 100))
		under_way--;
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
		under_way = 0;
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

#define RESETTABLE	(USUAL | F(VIRTIO_NET_F_CTRL_MAC_ADDR) | F(VIRTIO_NET_F_CTRL_VLAN) | \
			 F(VIRTIO_NET_F_NOTF_COAL) | F(VIRTIO_NET_F_CTRL_GUEST_OFFLOADS) | \
			 F(VIRTIO_F_RING_RESET))

/* In the middle of each kind of request: of the device, or of the control queue alone */
static void case_flr_message(void)
{
	static struct {
		__u8	len, req[10];
	} msg[] = {
		{ 3, { VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, 0 } },
		{ 3, { VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_ALLMULTI, 1 } },
		{ 10, { VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET } },
		{ 8, { VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET } },
		{ 4, { VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_ADD, 5, 0 } },
		{ 10, { VIRTIO_NET_CTRL_NOTF_COAL, VIRTIO_NET_CTRL_NOTF_COAL_RX_SET, 7 } },
		{ 10, { VIRTIO_NET_CTRL_GUEST_OFFLOADS, VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET } },
		{ 3, { 99, 99, 99 } },
	};
	unsigned int i, k, how;

	vopen(RESETTABLE);
	memcpy(msg[3].req + 2, mac, 6);
	for (how = 0; how < 2; how++)
		for (i = 0; i < 3; i++)
			for (k = 0; k < ARRAY_SIZE(msg); k++) {
				submit(msg[k].req, msg[k].len);
				if (i)
					usleep(i * 50);
				if (how)
					queue_reset(CTRL);
				else
					flr_new();
				check_still();
				if (how)
					check(enable(CTRL), "it is not made again");
				else
					flr_start();
				check_eq(ctrl(good_mode, sizeof(good_mode), 1), VIRTIO_NET_OK);
			}
	check(!health().stopped, "stopped");
	works();
	vclose();
}

/* In the middle of changes of its packet memory, with frames that wait there: of the device,
 * or of the queue that they wait for
 */
static void case_flr_resize(void)
{
	unsigned int i, changes = 0;
	__u64 end = 0;

	vopen(RESETTABLE);
	post_many(SIZE);
	resize_start();
	meanwhile(flood_in, NULL);
	resize_full();
	for (i = 0; i < 12 || changes < 12; i++) {
		if (i < 12)	/* these are done, however long they take */
			end = now_ms() + 5 * WAIT * bench_slow;
		check(now_ms() < end, "only %u changes", changes);
		usleep(30000);
		if (i & 1) {
			queue_reset(RX);
			check(enable(RX), "it is not made again");
		} else {
			flr_start();
		}
		post_many(SIZE);
		changes += resize_changes();
	}
	meanwhile_stop();
	flr_start();	/* and nothing waits any more */
	printf("# %u resets, %u changes\n", i, changes);
	resize_stop();
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
	{ 9, "control_changed", case_changed, "requests changed after submission" },
	{ 9, "packed-control_changed", case_changed, "the same with packed rings" },
	{ 11, "flr_message", case_flr_message, "FLR, or a reset of the queue, in requests" },
	{ 11, "packed-flr_message", case_flr_message, "the same with packed rings" },
	{ 11, "flr_resize", case_flr_resize, "FLR, or of a queue, in changes of packet memory" },
	{ 11, "flr_copy", case_flr_copy, "FLR while frames are copied from it" },
	{ 11, "packed-flr_copy", case_flr_copy, "the same with packed rings" },
	{ 11, "flr_delivery", case_flr_delivery, "FLR while frames are copied to it" },
	{ 11, "packed-flr_delivery", case_flr_delivery, "the same with packed rings" },
	{ 11, "storms", case_storm, "storms of notifications and resets" },
	{ 11, "notifications", case_bells, "a storm of notifications, and frames meanwhile" },
	{ 11, "packed-notifications", case_bells, "the same with packed rings" },
	{}
};
