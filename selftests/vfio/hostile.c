// SPDX-License-Identifier: GPL-2.0
/*
 * A hostile guest: registers, config space, mailbox, rings and memory by
 * chance, while two other VFs exchange frames that must arrive unharmed.
 *
 * Most of what it does is nearly right, so that it gets past the first check:
 * values are picked among those at the edges.  A second thread rewrites the
 * memory all the time, so that what the device reads twice differs; a third
 * maps and unmaps.
 */
#include <linux/pci_regs.h>
#include <pthread.h>
#include <unistd.h>

#include "test.h"

#define EXTRA_IOVA	(MEM_IOVA + 2 * MEM_SIZE)
#define EXTRA_SIZE	(256u << 10)

static bool done;
static struct drv evil;
static __u8 *extra;

static __u64 bad_addr(__u32 *s)
{
	switch (below(s, 8)) {
	case 0:
		return ((__u64)rnd(s) << 32) | rnd(s);
	case 1:
		return MEM_IOVA + MEM_SIZE - below(s, 4096);
	case 2:
		return ~0ull - below(s, 8192);
	case 3:
		return EXTRA_IOVA + below(s, EXTRA_SIZE);
	case 4:
		return MEM_IOVA + (below(s, MEM_SIZE) & ~127u);
	default:
		return MEM_IOVA + below(s, MEM_SIZE);
	}
}

static __u32 edge(__u32 *s)
{
	static const __u32 edges[] = {
		0, 1, 2, 13, 14, 15, 16, 60, 63, 64, 65, 127, 128, 255, 256, 257, 1514, 2048,
		4095, 4096, 4097, 9014, 32767, 32768, 65535, 65536, 0x7fffffff, 0x80000000, ~0u,
	};

	return below(s, 4) ? edges[below(s, ARRAY_SIZE(edges))] : rnd(s);
}

static void scribble_tx(__u32 *s)
{
	struct vnic_tx_desc *ring = (void *)(evil.mem + AT_TX_RING);
	unsigned int i = below(s, RING_SIZE);

	if (!below(s, 3)) {
		struct vnic_tx_ctx *ctx = (void *)&ring[i];

		ctx->csum_start = htole16(below(s, 2) ? below(s, 80) : edge(s));
		ctx->csum_offset = htole16(below(s, 2) ? 16 : edge(s));
		ctx->gso_size = htole16(edge(s));
		ctx->hdr_len = htole16(below(s, 2) ? 54 : edge(s));
		ctx->flags = htole16(VNIC_TXD_F_CTX | (rnd(s) & 0x1f));
		return;
	}
	ring[i].addr = htole64(below(s, 4) ? MEM_IOVA + AT_TX_BUFS + i * TX_BUF_SIZE : bad_addr(s));
	ring[i].len = htole16(below(s, 2) ? 60 + below(s, 1500) : edge(s));
	ring[i].flags = htole16(below(s, 8) ? below(s, 2) : rnd(s));
}

static void scribble_rx(__u32 *s)
{
	struct vnic_rx_desc *ring = (void *)(evil.mem + AT_RX_RING);
	unsigned int i = below(s, RING_SIZE);

	ring[i].addr = htole64(below(s, 4) ? MEM_IOVA + AT_RX_BUFS + i * RX_BUF_SIZE : bad_addr(s));
	ring[i].len = htole32(below(s, 2) ? RX_BUF_SIZE : edge(s));
}

static void scribble_event(__u32 *s)
{
	struct vnic_event *ev = drv_event(&evil, below(s, 2) ? AT_TX_EVENT : AT_RX_EVENT);

	switch (below(s, 4)) {
	case 0:
		ev->prod = htole32(le32toh(ev->cons) + edge(s));
		break;
	case 1:
		ev->intr_at = htole32(le32toh(ev->cons) + below(s, 3));
		break;
	case 2:
		ev->cons = htole32(edge(s));
		break;
	default:
		ev->prod = htole32(le32toh(ev->cons) + below(s, RING_SIZE + 2));
	}
}

/* A frame's headers: to a victim, often IPv4 and TCP, for the offloads */
static void scribble_frame(__u32 *s)
{
	static const __u8 ip[] = {
		0x08, 0x00, 0x45, 0, 0x05, 0xdc, 0, 1, 0x40, 0, 64, 6, 0, 0,
		10, 0, 0, 1, 10, 0, 0, 2,
		0x30, 0x39, 0x00, 0x50, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10,
	};
	__u8 *frame = evil.mem + AT_TX_BUFS + below(s, RING_SIZE) * TX_BUF_SIZE;

	memset(frame, 0xff, 6);
	if (below(s, 2))
		frame[below(s, 6)] = rnd(s);
	memcpy(frame + 6, evil.caps.mac, 6);
	memcpy(frame + 12, ip, sizeof(ip));
	if (!below(s, 4))
		frame[below(s, 64)] = rnd(s);
}

static void *scribbler(void *arg)
{
	__u32 s = (uintptr_t)arg;

	while (!__atomic_load_n(&done, __ATOMIC_RELAXED)) {
		switch (below(&s, 8)) {
		case 0:
			scribble_event(&s);
			break;
		case 1:
		case 2:
			scribble_rx(&s);
			break;
		case 3:
			scribble_frame(&s);
			break;
		case 4:		/* the mailbox while it is read */
			evil.mem[AT_MBX + below(&s, 64)] = rnd(&s);
			break;
		default:
			scribble_tx(&s);
		}
		if (!below(&s, 64))
			usleep(below(&s, 50));
	}
	return NULL;
}

static void *mapper(void *arg)
{
	__u32 s = (uintptr_t)arg;

	while (!__atomic_load_n(&done, __ATOMIC_RELAXED)) {
		vdev_map(&evil.dev, EXTRA_IOVA, extra, EXTRA_SIZE);
		usleep(below(&s, 3000));
		vdev_unmap(&evil.dev, EXTRA_IOVA, EXTRA_SIZE);
		usleep(below(&s, 1000));
	}
	return NULL;
}

/* Registers: what a driver writes, and anything else.  Not the mailbox address. */
static void evil_register(__u32 *s)
{
	__u32 off = below(s, 4) ? VNIC_DOORBELL_BASE + 4 * below(s, 40)
				   : 4 * below(s, VNIC_BAR_CTRL_SIZE / 4);

	if (off == VNIC_REG_CONTROL && below(s, 20))
		return;
	if (below(s, 2))
		reg_read(&evil.dev, off);
	else
		reg_write(&evil.dev, off, edge(s));
}

static void evil_config(__u32 *s)
{
	__u32 off = below(s, 8) ? below(s, 256) : below(s, 4096), val = rnd(s);
	unsigned int size = 1u << below(s, 3);
	__u8 buf[16];

	vdev_read(&evil.dev, VFIO_PCI_CONFIG_REGION_INDEX, off, buf, sizeof(buf));
	if (!below(s, 10))
		vdev_write(&evil.dev, VFIO_PCI_CONFIG_REGION_INDEX, off, &val, size);
}

/* A queue that is nearly right */
static size_t evil_queue(__u32 *s, __u8 *to)
{
	struct vnic_mbx_queue q = {
		.type = htole16(below(s, 8) ? below(s, 2) : edge(s)),
		.index = htole16(below(s, 8) ? below(s, 4) : edge(s)),
		.vector = htole16(below(s, 8) ? 1 + below(s, 4) : edge(s)),
		.size = htole32(below(s, 4) ? 64u << below(s, 7) : edge(s)),
		.ring = htole64(below(s, 4) ? MEM_IOVA + AT_TX_RING : bad_addr(s)),
		.event = htole64(below(s, 4) ? MEM_IOVA + AT_TX_EVENT : bad_addr(s)),
	};

	memcpy(to, &q, sizeof(q));
	return sizeof(q);
}

static void evil_message(__u32 *s)
{
	unsigned int opcode = 1 + below(s, DRV_LAST_MSG), i;
	struct vnic_mbx_page *mbx = drv_mbx(&evil);
	size_t len = drv_msg_len[opcode] + (opcode == VNIC_MBX_SET_RX_MODE ? 6 * 4 : 0);
	__u32 val;

	for (i = 0; i < sizeof(mbx->req_payload); i += 4) {
		val = htole32(below(s, 3) ? below(s, 8) : edge(s));
		memcpy(mbx->req_payload + i, &val, 4);
	}
	if (opcode == VNIC_MBX_QUEUE_CREATE && below(s, 8))
		len = evil_queue(s, mbx->req_payload);
	if (!below(s, 8))
		len = edge(s);
	mbx->req.version = htole16(below(s, 16) ? VNIC_VERSION_1 : rnd(s));
	mbx->req.opcode = htole16(below(s, 16) ? opcode : rnd(s));
	mbx->req.len = htole16(len);
	mbx->req.seq = htole16(rnd(s));
	__sync_synchronize();
	reg_write(&evil.dev, VNIC_REG_MBX_KICK, rnd(s));
	if (below(s, 4))
		wait_eventfd(evil.irq[0], 2);
}

static void evil_irqs(__u32 *s)
{
	__u32 vector = below(s, evil.dev.vectors);

	vdev_set_eventfd(&evil.dev, VFIO_PCI_MSIX_IRQ_INDEX, vector,
			 below(s, 2) ? evil.irq[vector] : -1);
}

/* Decoding and bus mastering on, out of D3 */
static void awake(void)
{
	__u32 pm = cfg_find_cap(&evil.dev, PCI_CAP_ID_PM);

	if (pm)
		cfg_write(&evil.dev, pm + PCI_PM_CTRL, 2, 0);
	cfg_write(&evil.dev, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

/* Everything right for once, as far as the scribbler lets it */
static void fresh_start(void)
{
	struct vnic_mbx_u32 on = { .value = htole32(1) };
	struct vnic_mbx_hello hello = {
		.features = htole64(reg_read(&evil.dev, VNIC_REG_FEATURES_LO)),
	};
	struct vnic_mbx_queue q[2] = {
		{ .type = htole16(VNIC_QUEUE_RX), .ring = htole64(MEM_IOVA + AT_RX_RING),
		  .event = htole64(MEM_IOVA + AT_RX_EVENT) },
		{ .type = htole16(VNIC_QUEUE_TX), .ring = htole64(MEM_IOVA + AT_TX_RING),
		  .event = htole64(MEM_IOVA + AT_TX_EVENT) },
	};
	int i;

	awake();
	reg_write(&evil.dev, VNIC_REG_CONTROL, VNIC_CTRL_RESET);
	for (i = 0; i < 100; i++) {
		if (reg_read(&evil.dev, VNIC_REG_STATUS) == VNIC_STATUS_READY)
			break;
		usleep(100);
	}
	reg_write(&evil.dev, VNIC_REG_MBX_ADDR_HI, (MEM_IOVA + AT_MBX) >> 32);
	reg_write(&evil.dev, VNIC_REG_MBX_ADDR_LO, (__u32)(MEM_IOVA + AT_MBX));
	drv_msg_ms(&evil, VNIC_MBX_HELLO, &hello, sizeof(hello), 20);
	for (i = 0; i < 2; i++) {
		q[i].vector = htole16(1);
		q[i].size = htole32(RING_SIZE);
		drv_msg_ms(&evil, VNIC_MBX_QUEUE_CREATE, &q[i], sizeof(q[i]), 20);
	}
	drv_msg_ms(&evil, VNIC_MBX_ENABLE, &on, sizeof(on), 20);
}

/* All of a register that is not decoded is ones. */
static bool is_stopped(void)
{
	__u32 status = reg_read(&evil.dev, VNIC_REG_STATUS);

	return status != ~0u && status & VNIC_STATUS_FAILED;
}

static void evil_step(__u32 *s)
{
	__u32 what = below(s, 1000);
	unsigned int i;

	if (what < 5)
		vdev_reset(&evil.dev);
	if (what < 15) {
		fresh_start();
	} else if (what < 40) {
		evil_config(s);
		if (!below(s, 4))
			awake();
	} else if (what < 60) {
		evil_irqs(s);
	} else if (what < 250) {
		evil_message(s);
	} else if (what < 700) {
		for (i = below(s, 20); i; i--)
			scribble_tx(s);
		scribble_event(s);
		reg_write(&evil.dev, VNIC_DOORBELL_TX(0), 0);
	} else {
		evil_register(s);
	}
}

/* Frames between the others: whatever is broadcast by the evil one is left aside. */
static void victims(struct drv *b, struct drv *c, unsigned int n)
{
	static __u8 sent[1514], got[65536];
	__u64 end = now_ms() + 60000;
	int len;

	drv_frame(b, c->caps.mac, sent, sizeof(sent), n);
	drv_send(b, sent, sizeof(sent), 1 + n % 3);
	do {
		check(now_ms() < end, "frame %u between the others is lost", n);
		len = drv_receive(c, got, sizeof(got), 20000);
	} while (len < 12 || memcmp(got + 6, b->caps.mac, 6) || memcmp(got, c->caps.mac, 6));
	check_eq(len, sizeof(sent));
	check(!memcmp(sent, got, sizeof(sent)), "frame %u between the others is changed", n);
}

void hostile(const char *a, const char *b, const char *c, bool cdev, unsigned int seconds,
	     unsigned int seed)
{
	__u64 end = now_ms() + seconds * 1000ull;
	__u32 s = seed * 2654435761u | 1;
	static struct drv vb, vc;
	pthread_t threads[2];
	unsigned int steps = 0, frames = 0, stopped = 0;

	drv_open(&vb, b, cdev);
	drv_open(&vc, c, cdev);
	drv_start(&vb);
	drv_start(&vc);
	drv_open(&evil, a, cdev);
	extra = guarded_memory(EXTRA_SIZE);
	drv_start(&evil);
	check(!pthread_create(&threads[0], NULL, scribbler, (void *)(uintptr_t)(s ^ 0x5bd1e995)),
	      "thread");
	check(!pthread_create(&threads[1], NULL, mapper, (void *)(uintptr_t)(s ^ 0x1b873593)),
	      "thread");
	while (now_ms() < end) {
		evil_step(&s);
		stopped += is_stopped();
		if (!(++steps % 50))
			victims(&vb, &vc, frames++);
	}
	__atomic_store_n(&done, true, __ATOMIC_RELAXED);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	printf("# %u steps, %u frames between the others; it was found stopped %u times\n", steps,
	       frames, stopped);
	check(frames && stopped, "it has not done much");
	check_guards(extra, EXTRA_SIZE);

	/* And the evil one may behave again. */
	check_eq(vdev_reset(&evil.dev), 0);
	awake();
	for (seed = 0; seed < evil.dev.vectors; seed++)
		vdev_set_eventfd(&evil.dev, VFIO_PCI_MSIX_IRQ_INDEX, seed, evil.irq[seed]);
	drv_start(&evil);
	victims(&vb, &vc, frames);
}
