// SPDX-License-Identifier: GPL-2.0
/*
 * The hostile virtio driver: bus mastering, decoding, configuration space and vectors
 * (classes 7 and 8).
 */
#include <unistd.h>

#include "vhostile.h"

#define MSIX	VFIO_PCI_MSIX_IRQ_INDEX
#define NONE	VIRTIO_MSI_NO_VECTOR
#define HALF	(SIZE / 2)

/* ---- class 7 ---- */

/* Frames to the wire in descriptors 0 to SIZE - 1, of which half is offered at a time */
static void put_many(void)
{
	unsigned int i;

	put_frame_to(wire_mac, 1000);
	for (i = 0; i < SIZE; i++)
		desc(TX)[i] = *desc(TX);
}

static void offer_half(unsigned int second)
{
	unsigned int i;

	for (i = 0; i < HALF; i++)
		offer(TX, i + second * HALF);
}

static void take_half(void)
{
	struct vring_used_elem e;
	unsigned int i;

	for (i = 0; i < HALF; i++)
		check(take(TX, &e, WAIT), "stands still; status %#x", status());
}

/* How many come out: all that were counted, and what else there is */
static unsigned int drain(void)
{
	static struct out o;
	unsigned int n = 0;

	for (; comes_out(wire_sock, &o, n < moved("vf0_tx_packets") ? WAIT : QUIET); n++)
		check(o.len == 1000 && !memcmp(o.frame, tx_buf() + HDR, 1000), "changed");
	return n;
}

/* What had begun ends. */
static void settle(void)
{
	__u64 end = now_ms() + WAIT;

	while (!stands_still(20000))
		check(now_ms() < end, "memory is written all the time");
}

/* What is asked for, and buffers are posted, while there is no bus mastering */
static void while_off(unsigned int round)
{
	static const __u8 req[] = { VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, 0 };
	unsigned int i;

	memcpy(evil.mem + AT_CTRL, req, sizeof(req));
	put_desc(CTRL, 0, evil.iova + AT_CTRL, sizeof(req), VRING_DESC_F_NEXT, 1);
	put_desc(CTRL, 1, evil.iova + AT_ACK, 1, VRING_DESC_F_WRITE, 0);
	evil.mem[AT_ACK] = 0xee;
	offer(CTRL, 0);
	offer_half(1);
	put_desc(RX, 3, evil.iova + AT_RX_BUFS, 2048, VRING_DESC_F_WRITE, 0);
	offer(RX, 3);
	for (i = 0; i < 6; i++) {
		notify(i % 3);
		check_still();
	}
	from_wire(300, round);
	check_moved("vfs_rx_drop_link", round + 1);
	check_still();
	/* nobody has read where it was */
	live(RX, packed ? round : 3)->addr = htole64(evil.iova + AT_RX_BUFS + 3 * 4096);
}

/*
 * Bus mastering goes in the middle of a burst: no memory is touched until it is there again, and
 * what comes in is lost.  Then all goes on, what has waited and what was asked for meanwhile.
 */
static void case_master(void)
{
	__u8 got[2048], frame[300];
	struct vring_used_elem e;
	unsigned int round, i;

	vopen(USUAL);
	put_many();
	for (round = 0; round < 8; round++) {
		offer_half(0);
		notify(TX);
		cfg_command(&evil.dev, 0, PCI_COMMAND_MASTER);
		settle();
		while_off(round);
		cfg_command(&evil.dev, PCI_COMMAND_MASTER, 0);
		for (i = RX; i <= CTRL; i++)
			notify(i);
		take_half();
		take_half();
		check(take(CTRL, &e, WAIT) && evil.mem[AT_ACK] == VIRTIO_NET_OK, "no answer");
		drv_frame(&evil, mac, frame, sizeof(frame), 100 + round);
		memcpy(frame + 6, wire_mac, 6);
		from_wire(sizeof(frame), 100 + round);
		check_eq(bench_kind->receive(got, sizeof(got)), sizeof(frame));
		check(!memcmp(got, frame, sizeof(frame)), "not where its buffer is");
	}
	check_moved("vf0_tx_packets", round * SIZE);
	check_moved("vf0_rx_packets", round);
	check_moved("vf0_rx_dropped", round);
	check_eq(drain(), round * SIZE);
	check(!health().stopped, "stopped");
	vclose();
}

/* Decoding goes in the middle of a burst: what is rung is lost, what was rung is done. */
static void case_decode(void)
{
	unsigned int round;

	vopen(USUAL);
	put_many();
	for (round = 0; round < 8; round++) {
		offer_half(0);
		notify(TX);
		cfg_command(&evil.dev, 0, PCI_COMMAND_MEMORY);
		check_eq(rd(VIRTIO_PCI_COMMON_STATUS, 1), 0xff);
		check_eq(rd(VIRTIO_PCI_COMMON_NUMQ, 2), 0xffff);
		set_status(0);		/* nobody hears of it */
		offer_half(1);
		notify(TX);
		cfg_command(&evil.dev, PCI_COMMAND_MEMORY, 0);
		check(status() & VIRTIO_CONFIG_S_DRIVER_OK, "reset by what was not decoded");
		take_half();
		take_half();
	}
	check_moved("vf0_tx_packets", round * SIZE);
	check_eq(drain(), round * SIZE);
	works();
	vclose();
}

static __u32 window;

/* Where the window leads is the driver's. */
static bool in_window(unsigned int off)
{
	return off == window + VIRTIO_PCI_CAP_BAR ||
	       (off >= window + VIRTIO_PCI_CAP_OFFSET && off < window + WINDOW_DATA);
}

/*
 * @size bytes read by the window are what BAR0 has there, all-ones where that has none, or no
 * access to it at all.
 */
static void look_through(__u8 bar, __u32 off, __u32 len, unsigned int size)
{
	__u32 val = cfg_read(&evil.dev, window + WINDOW_DATA, size), want = 0;
	const bool one = len == 1 || len == 2 || len == 4;

	if (!bar && len && len <= size)
		want = one && off % len == 0 && off < VNIC_BAR_CTRL_SIZE ? rd(off, len) : ~0u;
	want &= ~0u >> (32 - 8 * size);
	check(val == want, "%u bytes at BAR %u, %#x, length %#x: %#x, not %#x", size, bar, off, len,
	      val, want);
}

/* Is it a write to the device's status? */
static bool meant(__u8 bar, __u32 off, __u32 len)
{
	return !bar && off == VIRTIO_PCI_COMMON_STATUS && len == 1;
}

static void through_window(__u8 bar, __u32 off, __u32 len)
{
	unsigned int size;

	window_aim(bar, off, len);
	for (size = 1; size <= 4; size *= 2) {
		look_through(bar, off, len, size);
		cfg_write(&evil.dev, window + WINDOW_DATA, size, ~0u);
		cfg_write(&evil.dev, window + WINDOW_DATA, size, 0);
		if (meant(bar, off, len)) {
			check_eq(status(), 0);
			start(USUAL);
		}
		check(status() & VIRTIO_CONFIG_S_DRIVER_OK, "BAR %u, %#x, length %#x: reset", bar,
		      off, len);
	}
}

/* Every byte of the configuration space, with everything; the window wherever it may lead */
static void case_config(void)
{
	static const __u32 offs[] = { 0, 2, 0x14, 0x3f, 0x100, 0x200, 0x1000, 0x1fff, 0x2000, ~0u };
	static const __u32 lens[] = { 0, 1, 2, 3, 4, 5, ~0u };
	static const __u8 bars[] = { 0, 1, 5, 255 };
	unsigned int i, k, l;

	vopen(USUAL);
	window = window_cap();
	scribble_config(in_window);
	flr_start();
	works();
	for (i = 0; i < ARRAY_SIZE(offs); i++)
		for (k = 0; k < ARRAY_SIZE(lens); k++) {
			for (l = 0; l < ARRAY_SIZE(bars); l++)
				through_window(bars[l], offs[i], lens[k]);
			works();
		}
	check(!health().stopped, "stopped");
	vclose();
}

/* ---- class 8 ---- */

static void aim(unsigned int q, __u32 vector)
{
	wr(VIRTIO_PCI_COMMON_Q_SELECT, 2, q);
	wr(VIRTIO_PCI_COMMON_Q_MSIX, 2, vector);
	check_eq(rd(VIRTIO_PCI_COMMON_Q_MSIX, 2), vector);
}

/* As QEMU masks: the vector's eventfd is taken away and given back; and the queue has another
 * vector, or none.
 */
static void mask(void *arg)
{
	static unsigned int n;
	unsigned int vector = 1 + n % 2;

	(void)arg;
	aim(RX, n % 4 ? vector : NONE);
	vdev_set_eventfd(&evil.dev, MSIX, vector, -1);
	aim(RX, vector);
	vdev_set_eventfd(&evil.dev, MSIX, vector, evil.irq[vector]);
	n++;
}

/* Another eventfd in the place of the one that is being signalled, which is closed */
static void replace(void *arg)
{
	static unsigned int n;
	static int last = -1;
	int fd = new_eventfd();

	(void)arg;
	aim(RX, 1 + n++ % 2);
	vdev_set_eventfd(&evil.dev, MSIX, 1, fd);
	if (last >= 0)
		close(last);
	last = fd;
}

/* The driver wants to hear of the next frame; that of packed rings hears of all. */
static void want_frame(void)
{
	if (!packed)
		__atomic_store_n(&avail_of(RX)->ring[size[RX]], htole16(seen[RX]),
				 __ATOMIC_RELEASE);
}

/* Frames from the wire, each with an interrupt, while @step goes on: none is lost. */
static void interrupts(void (*step)(void *arg))
{
	static __u8 got[2048];
	unsigned int i, n = 500;

	vopen(USUAL);
	meanwhile(step, NULL);
	for (i = 0; i < n; i++) {
		bench_kind->expect();
		want_frame();
		from_wire(60 + i % 1000, i);
		check_eq(bench_kind->receive(got, sizeof(got)), 60 + i % 1000);
	}
	meanwhile_stop();
	check_moved("vf0_rx_packets", n);
	check_moved("vf0_rx_dropped", 0);
	printf("# %llu interrupts\n", moved("vf0_interrupts"));
	check(moved("vf0_interrupts") >= n / 4, "%llu interrupts", moved("vf0_interrupts"));
	/* and what was set last is what is signalled */
	aim(RX, 2);
	vdev_set_eventfd(&evil.dev, MSIX, 2, evil.irq[2]);
	while (wait_eventfd(evil.irq[2], 0))
		;
	bench_kind->expect();
	want_frame();
	from_wire(100, i);
	check(wait_eventfd(evil.irq[2], WAIT), "no interrupt");
	check_eq(bench_kind->receive(got, sizeof(got)), 100);
	check(!health().stopped, "stopped");
	vclose();
}

static void case_masked(void)
{
	interrupts(mask);
}

static void case_replaced(void)
{
	interrupts(replace);
}

const struct hostile_case vconfig_cases[] = {
	{ 7, "master", case_master, "bus mastering cleared in the middle of a burst" },
	{ 7, "packed-master", case_master, "the same with packed rings" },
	{ 7, "decode", case_decode, "decoding cleared in the middle of a burst" },
	{ 7, "config", case_config, "every byte of configuration space, and the window there" },
	{ 8, "masked", case_masked, "vectors masked, changed and taken away at speed" },
	{ 8, "packed-masked", case_masked, "the same with packed rings" },
	{ 8, "replaced", case_replaced, "eventfds replaced and closed while signalled" },
	{}
};
