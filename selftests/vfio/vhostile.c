// SPDX-License-Identifier: GPL-2.0
/*
 * The bench of the hostile driver, with a virtio VF 0: see vhostile.h.
 */
#include <assert.h>
#include <unistd.h>

#include "vhostile.h"

struct drv good;

static void virtio_prepare(const struct hostile_case *c)
{
	packed = !strncmp(c->name, "packed-", 7);
}

static void virtio_start(void)
{
	reset();
	start(evil.features);
	memcpy(evil.caps.mac, mac, sizeof(mac));
}

static bool virtio_failed(void)
{
	__u64 end = now_ms() + WAIT;

	while (!(status() & VIRTIO_CONFIG_S_NEEDS_RESET)) {
		if (now_ms() >= end)
			return false;
		usleep(1000);
	}
	return true;
}

static void virtio_send(const void *frame, size_t len)
{
	memset(tx_buf(), 0, HDR);
	memcpy(tx_buf() + HDR, frame, len);
	put_desc(TX, 0, evil.iova + AT_TX_BUFS, HDR + len, 0, 0);
	send_it();
}

static void virtio_expect(void)
{
	post(3, 2048);
}

static int virtio_receive(void *buf, size_t size)
{
	struct vring_used_elem e;

	if (!take(RX, &e, WAIT))
		return -1;
	check_eq(e.id, 3);
	check(e.len >= HDR && e.len - HDR <= size, "%u bytes", e.len);
	memcpy(buf, evil.mem + AT_RX_BUFS + 3 * 4096 + HDR, e.len - HDR);
	return e.len - HDR;
}

const struct bench_kind virtio_kind = {
	.prepare = virtio_prepare,
	.start = virtio_start,
	.failed = virtio_failed,
	.send = virtio_send,
	.expect = virtio_expect,
	.receive = virtio_receive,
};

void vopen(__u64 wanted)
{
	bench_open(wanted);
	drv_open(&good, bench_vf[3], false);
	drv_start(&good);
}

void vclose(void)
{
	check(!(reg_read(&good.dev, VNIC_REG_STATUS) & VNIC_STATUS_FAILED), "VF 3 was stopped");
	vdev_close(&good.dev);
	bench_close();
}

struct vring_desc *live(unsigned int q, unsigned int i)
{
	/* address and length are where they are in the other */
	static_assert(sizeof(struct vring_desc) == sizeof(struct vring_packed_desc) &&
		      offsetof(struct vring_desc, len) == offsetof(struct vring_packed_desc, len));
	return packed ? (struct vring_desc *)(evil.mem + AT_AVAIL(q)) + i : desc(q) + i;
}

void put_frame_to(const __u8 *dst, __u32 len)
{
	memset(tx_buf(), 0, HDR);
	drv_frame(&evil, dst, tx_buf() + HDR, len, len);
	put_desc(TX, 0, evil.iova + AT_TX_BUFS, HDR + len, 0, 0);
}

void send_it(void)
{
	offer(TX, 0);
	notify(TX);
	consumed(0);
}

void comes_out_whole(int sock, __u32 len)
{
	static struct out o;

	check(comes_out(sock, &o, WAIT), "nothing arrives");
	check_eq(o.len, len);
	check(!memcmp(o.frame, tx_buf() + HDR, len), "changed on its way");
}

void queue_reset(unsigned int q)
{
	wr(VIRTIO_PCI_COMMON_Q_SELECT, 2, q);
	wr(VIRTIO_PCI_COMMON_Q_RESET, 2, 1);
	check_eq(rd(VIRTIO_PCI_COMMON_Q_RESET, 2), 0);
	check(!enabled(q), "queue %u is there after its reset", q);
}

void post_many(unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		refill(i, 2048);
	notify(RX);
}
