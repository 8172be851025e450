// SPDX-License-Identifier: GPL-2.0
/*
 * The bench of the hostile driver, with a native VF 0: see native.h.
 */
#include "native.h"

static void native_start(void)
{
	drv_start(&evil);
}

static bool native_failed(void)
{
	return drv_failed(&evil);
}

static void native_send(const void *frame, size_t len)
{
	drv_send(&evil, frame, len, 3);
}

static void native_expect(void)
{
	/* its buffers are posted */
}

static int native_receive(void *buf, size_t size)
{
	return drv_receive(&evil, buf, size, WAIT);
}

const struct bench_kind native_kind = {
	.start = native_start,
	.failed = native_failed,
	.send = native_send,
	.expect = native_expect,
	.receive = native_receive,
};

void bench_mate(struct drv *v)
{
	memset(v, 0, sizeof(*v));
	vdev_open_with(&v->dev, bench_vf[3], &evil.dev);
	drv_prepare(v, ELSEWHERE);
	drv_start(v);
}

__u8 *put_frame(const __u8 *dst, size_t len)
{
	unsigned int slot = evil.tx_prod % RING_SIZE;
	__u8 frame[TX_BUF_SIZE];

	drv_frame(&evil, dst, frame, len, slot);
	drv_put(&evil, frame, len, 1);
	return evil.mem + AT_TX_BUFS + slot * TX_BUF_SIZE;
}

struct vnic_tx_desc *put_desc(__u64 addr, __u16 len, __u16 flags)
{
	struct vnic_tx_desc *ring = (void *)(evil.mem + AT_TX_RING);
	struct vnic_tx_desc *d = &ring[evil.tx_prod++ % RING_SIZE];

	*d = (struct vnic_tx_desc) {
		.addr = htole64(addr),
		.len = htole16(len),
		.flags = htole16(flags),
	};
	return d;
}
