// SPDX-License-Identifier: GPL-2.0
/*
 * The hostile virtio driver: rings and buffers where they may not be, or not any more
 * (class 6).
 */
#include <sys/mman.h>

#include "vhostile.h"

#define NOT_THERE	"virtqueue is not in the driver's memory"
#define RINGS		AT_DESC(0)		/* where all of them begin in evil.mem */
#define RINGS_LEN	(AT_TABLE - RINGS)
#define FAR		(ELSEWHERE + (1u << 20))

/* All rings are at ELSEWHERE for the device, who may write to them or not. */
static void rings_elsewhere(bool writable)
{
	check_eq(vdev_map_as(&evil.dev, ELSEWHERE, evil.mem + RINGS, RINGS_LEN, true, writable), 0);
	rings_at = ELSEWHERE - RINGS;
}

static void rings_gone(void)
{
	check_eq(vdev_unmap(&evil.dev, ELSEWHERE, RINGS_LEN), 0);
	rings_at = 0;
}

/* The parts of TX are at these places: it is not made, and the VF is stopped. */
static void refuses(__u64 d, __u64 a, __u64 u)
{
	reset();
	check(negotiate(USUAL), "features");
	place(TX, SIZE, d, a, u);
	check(!enabled(TX), "a ring at %#llx, %#llx, %#llx", d, a, u);
	check_stopped(NOT_THERE);
}

/* Rings that are read-only, in part or all, or not mapped, in part or all */
static void case_ring_places(void)
{
	const __u64 d = MEM_IOVA + AT_DESC(TX), end = MEM_IOVA + MEM_SIZE;
	const __u64 a = MEM_IOVA + AT_AVAIL(TX), u = MEM_IOVA + AT_USED(TX);
	void *page = get_memory(PAGE);

	vopen(USUAL);
	check_eq(vdev_map_as(&evil.dev, FAR, page, PAGE, true, false), 0);
	refuses(-4096ull, a, u);
	refuses(end - 64, a, u);		/* it leads out of what is mapped */
	refuses(d, packed ? end : end - 16, u);
	refuses(d, a, FAR);			/* what the device writes to */
	if (packed)
		refuses(FAR, a, u);
	check(memchr(page, 0, PAGE) == page && !memcmp(page, page + 1, PAGE - 1),
	      "read-only memory is written to");
	vclose();
}

/* Rings that go while they are in use, all at once: a queue is rung for, but a worker may be
 * looking at another one by itself, or be about to rest.
 */
static void case_ring_gone(void)
{
	static const char *const reason[] = {
		"RX ring or buffer not accessible", "TX ring unmapped",
		"control queue not accessible", "RX ring unmapped",
	};
	unsigned int q;

	vopen(USUAL);
	for (q = RX; q <= CTRL; q++) {
		rings_elsewhere(true);
		flr_start();
		works();
		rings_gone();
		notify(q);
		check_stopped_by(reason, ARRAY_SIZE(reason));
	}
	check_moved("vf0_tx_packets", q);
	check_moved("vf0_rx_packets", q);
	vclose();
}

/* Buffers in memory that is only to be read, and requests and answers in such, or in none */
static void case_buffers(void)
{
	const struct {
		__u64 request, answer;
	} bad[] = {
		{ FAR + PAGE, MEM_IOVA + AT_ACK }, { MEM_IOVA + AT_CTRL, FAR },
	};
	__u8 frame[300], *page = get_memory(PAGE);
	unsigned int i;

	vopen(USUAL);
	memset(page, 0xa7, PAGE);
	check_eq(vdev_map_as(&evil.dev, FAR, page, PAGE, true, false), 0);
	works();
	put_desc(RX, 0, FAR, 2048, VRING_DESC_F_WRITE, 0);
	offer(RX, 0);
	notify(RX);
	drv_frame(&good, mac, frame, sizeof(frame), 1);
	drv_send(&good, frame, sizeof(frame), 1);
	check_stopped("RX ring or buffer unmapped");
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		memset(evil.mem + AT_CTRL, 0, 3);
		put_desc(CTRL, 0, bad[i].request, 3, VRING_DESC_F_NEXT, 1);
		put_desc(CTRL, 1, bad[i].answer, 1, VRING_DESC_F_WRITE, 0);
		offer(CTRL, 0);
		notify(CTRL);
		check_stopped("control queue not accessible");
	}
	for (i = 0; i < PAGE; i++)
		check(page[i] == 0xa7, "read-only memory is written to");
	check_moved("vf0_rx_packets", 1);
	vclose();
}

/* ---- the doorbell page, which is memory as any other ---- */

static struct vring_avail *bar_avail;

static void bar_offer(__u16 idx)
{
	__atomic_store_n(&bar_avail->idx, htole16(idx), __ATOMIC_RELEASE);
	notify(TX);
}

/* TX and its frame are in the VF's own BAR, whose page @page is at ELSEWHERE. */
static void start_in_bar(__u8 *page)
{
	reset();
	check(negotiate(USUAL), "features");
	check(enable(RX) && enable(CTRL), "no queues");
	memset(page, 0, PAGE);
	bar_avail = (void *)(page + 512);
	place(TX, 16, ELSEWHERE, ELSEWHERE + 512, ELSEWHERE + 1024);
	check(enabled(TX), "no ring in the BAR");
	set_status(status() | VIRTIO_CONFIG_S_DRIVER_OK);
	drv_frame(&evil, wire_mac, page + 2048 + HDR, 300, 1);
	*(struct vring_desc *)page = (struct vring_desc) {
		.addr = htole64(ELSEWHERE + 2048), .len = htole32(HDR + 300),
	};
}

static void case_bar(void)
{
	static struct out o;
	__u8 *page;

	bench_vm();
	vopen(USUAL);
	page = bench_bell_page();
	check_eq(vdev_map(&evil.dev, ELSEWHERE, page, PAGE), 0);
	start_in_bar(page);
	bar_offer(1);
	check(comes_out(wire_sock, &o, WAIT), "nothing is sent from the BAR");
	check(o.len == 300 && !memcmp(o.frame, page + 2048 + HDR, 300), "changed");
	check_eq(vdev_unmap(&evil.dev, ELSEWHERE, PAGE), 0);
	bar_offer(2);
	check_stopped("TX ring unmapped");
	check_moved("vf0_tx_packets", 1);
	vclose();
}

const struct hostile_case vmemory_cases[] = {
	{ 6, "ring_places", case_ring_places, "rings in read-only memory, or none" },
	{ 6, "packed-ring_places", case_ring_places, "the same with packed rings" },
	{ 6, "ring_gone", case_ring_gone, "rings unmapped while they are in use" },
	{ 6, "packed-ring_gone", case_ring_gone, "the same with packed rings" },
	{ 6, "buffers", case_buffers, "buffers and requests in read-only memory, or none" },
	{ 6, "bar", case_bar, "a ring and its frames in its own BAR" },
	{}
};
