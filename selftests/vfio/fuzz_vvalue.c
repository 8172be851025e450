// SPDX-License-Identifier: GPL-2.0
/*
 * Values for programs that drive a virtio device, mostly such that get past the first
 * check.
 */
#include "fuzz_prog.h"
#include "virtio.h"

#define OFFERED	(USUAL | F(VIRTIO_F_ACCESS_PLATFORM) | F(VIRTIO_F_IN_ORDER) | \
		 F(VIRTIO_F_RING_RESET) | F(VIRTIO_NET_F_CTRL_GUEST_OFFLOADS) | \
		 F(VIRTIO_NET_F_GUEST_TSO4) | F(VIRTIO_NET_F_GUEST_TSO6) | \
		 F(VIRTIO_NET_F_HOST_TSO6) | F(VIRTIO_NET_F_GUEST_USO4) | \
		 F(VIRTIO_NET_F_GUEST_USO6) | F(VIRTIO_NET_F_HOST_USO) | \
		 F(VIRTIO_NET_F_STATUS) | F(VIRTIO_NET_F_CTRL_VLAN) | \
		 F(VIRTIO_NET_F_CTRL_MAC_ADDR) | F(VIRTIO_NET_F_NOTF_COAL) | \
		 F(VIRTIO_NET_F_VQ_NOTF_COAL) | F(VIRTIO_NET_F_RSS) | \
		 F(VIRTIO_NET_F_HASH_REPORT) | F(VIRTIO_NET_F_SPEED_DUPLEX) | F(VIRTIO_NET_F_MQ))

static __u64 features(void)
{
	__u64 all = OFFERED;

	if (fuzz_rnd(2))
		all |= F(VIRTIO_F_RING_PACKED);
	switch (fuzz_rnd(8)) {
	case 0:
		return BASE | (all & F(VIRTIO_F_RING_PACKED));
	case 1:
		return all & ~F(VIRTIO_NET_F_MRG_RXBUF);
	case 2:
		return all & ~F(VIRTIO_RING_F_EVENT_IDX);
	case 3:
		return all & ~(F(VIRTIO_NET_F_MQ) | F(VIRTIO_NET_F_RSS) |
			       F(VIRTIO_NET_F_HASH_REPORT));
	case 4:
		return all & ~F(fuzz_rnd(64));
	default:
		return all;
	}
}

static __u64 field(void)
{
	static const __u8 fields[] = {
		VIRTIO_PCI_COMMON_DFSELECT, VIRTIO_PCI_COMMON_DF, VIRTIO_PCI_COMMON_GFSELECT,
		VIRTIO_PCI_COMMON_GF, VIRTIO_PCI_COMMON_MSIX, VIRTIO_PCI_COMMON_NUMQ,
		VIRTIO_PCI_COMMON_STATUS, VIRTIO_PCI_COMMON_CFGGENERATION,
		VIRTIO_PCI_COMMON_Q_SELECT, VIRTIO_PCI_COMMON_Q_SIZE, VIRTIO_PCI_COMMON_Q_MSIX,
		VIRTIO_PCI_COMMON_Q_ENABLE, VIRTIO_PCI_COMMON_Q_NOFF, VIRTIO_PCI_COMMON_Q_DESCLO,
		VIRTIO_PCI_COMMON_Q_DESCHI, VIRTIO_PCI_COMMON_Q_AVAILLO,
		VIRTIO_PCI_COMMON_Q_AVAILHI, VIRTIO_PCI_COMMON_Q_USEDLO,
		VIRTIO_PCI_COMMON_Q_USEDHI, VIRTIO_PCI_COMMON_Q_NDATA, VIRTIO_PCI_COMMON_Q_RESET,
	};

	return fields[fuzz_rnd(ARRAY_SIZE(fields))];
}

static __u64 step(void)
{
	static const __u8 steps[] = { 0, 1, 3, 11, 15, 4, 8, 0x40, 0x80, 0xff };

	return steps[fuzz_rnd(ARRAY_SIZE(steps))];
}

__u64 fuzz_virtio_field(__u64 field)
{
	if (!fuzz_rnd(8))
		return fuzz_edge();
	switch (field) {
	case VIRTIO_PCI_COMMON_STATUS:
		return step();
	case VIRTIO_PCI_COMMON_GF:
		return fuzz_rnd(2) ? features() : features() >> 32;
	case VIRTIO_PCI_COMMON_Q_SIZE:
		return 1u << fuzz_rnd(10);
	case VIRTIO_PCI_COMMON_Q_ENABLE:
	case VIRTIO_PCI_COMMON_Q_RESET:
		return 1;
	case VIRTIO_PCI_COMMON_Q_DESCLO:
	case VIRTIO_PCI_COMMON_Q_AVAILLO:
	case VIRTIO_PCI_COMMON_Q_USEDLO:
		return fuzz_virtio_value(VRING);
	case VIRTIO_PCI_COMMON_Q_DESCHI:
	case VIRTIO_PCI_COMMON_Q_AVAILHI:
	case VIRTIO_PCI_COMMON_Q_USEDHI:
		return MEM_IOVA >> 32;
	default:
		return fuzz_rnd(6);
	}
}

/* In BAR0: common, interrupt status, device configuration, notifications */
static __u64 reg(void)
{
	switch (fuzz_rnd(6)) {
	case 0:
		return fuzz_rnd(0x300);
	case 1:
		return 0x100;
	case 2:
		return DEVICE + fuzz_rnd(0x44);
	case 3:
		return NOTIFY + 4 * fuzz_rnd(8);
	default:
		return field();
	}
}

__u64 fuzz_virtio_offset(void)
{
	unsigned int q = FUZZ_VQ(fuzz_rnd(FUZZ_VQS));

	switch (fuzz_rnd(8)) {
	case 0:		/* flags and index, or a packed ring's first descriptor */
		return q + FUZZ_VQ_DRIVER + 2 * fuzz_rnd(8);
	case 1:
		return q + FUZZ_VQ_DEVICE + 2 * fuzz_rnd(8);
	case 2:
		return q + FUZZ_VQ_TABLE + 16 * fuzz_rnd(4) + 4 * fuzz_rnd(4);
	case 3:
		return q + FUZZ_VQ_DRIVER + 16 * fuzz_rnd(8) + 8 + 4 * fuzz_rnd(2);
	case 4:
		return FUZZ_CTRL + fuzz_rnd(64);
	case 5:		/* a frame's header, and its own */
		return FUZZ_TX_BUFS + FUZZ_BUF * fuzz_rnd(4) + fuzz_rnd(72);
	default:
		return q + 16 * fuzz_rnd(8) + 8 + 4 * fuzz_rnd(2);
	}
}

static __u64 ring(void)
{
	static const __u32 at[] = { 0, FUZZ_VQ_DRIVER, FUZZ_VQ_DEVICE, FUZZ_VQ_TABLE };

	return fuzz_half() + FUZZ_VQ(fuzz_rnd(FUZZ_VQS)) + at[fuzz_rnd(ARRAY_SIZE(at))] +
	       (fuzz_rnd(16) ? 0 : 4096 - 8 * fuzz_rnd(8));
}

/* A split descriptor's next; a packed one's flags, with whose it is */
static __u64 next(void)
{
	return fuzz_rnd(2) ? fuzz_rnd(8) : (0x80u << 8 * fuzz_rnd(2)) | fuzz_rnd(8);
}

__u64 fuzz_virtio_value(unsigned int type)
{
	static const __u8 flags[] = { 0, 0, 1, 2, 3, 4, 5, 6, 7, 1, 2 };
	static const __u8 classes[] = { 0, 1, 1, 2, 3, 4, 4, 4, 5, 6, 6, 7 };
	__u32 i = fuzz_rnd(1u << 16);

	switch (type) {
	case VFEATURES:
		return features();
	case VSIZE:
		return i % 4 ? 64 : fuzz_rnd(2) ? 1u << i / 4 % 10 : i / 4 % 300;
	case VFIELD:
		return field();
	case VREG:
		return reg();
	case VQ:	/* transmit, mostly */
		return i % 3 ? 2 * (i / 3 % 2) + 1 : i / 3 % 6;
	case VRING:
		return ring();
	case VFLAGS:
		return flags[i % ARRAY_SIZE(flags)];
	case VNEXT:
		return next();
	case VWORD:
		return i % 3 ? fuzz_rnd(5) : i % 2 ? fuzz_edge() : next();
	case VLEN:
		return i % 4 ? 128 + fuzz_rnd(1900) : fuzz_edge();
	case PIECES:
		return i % 4 ? i / 4 % 4 : 30 + i / 4 % 12;
	case MODE:
		return (i % FUZZ_MODES & (fuzz_rnd(4) ? ~FUZZ_NOWHERE : ~0u)) +
		       (fuzz_rnd(4) ? 0 : fuzz_edge() * FUZZ_MODES);
	default:	/* CLASS, and command */
		return classes[i % ARRAY_SIZE(classes)];
	}
}

/* ---- requests ---- */

static void put_le(__u8 *to, __u32 val, unsigned int bytes)
{
	val = htole32(val);
	memcpy(to, &val, bytes);
}

static __u32 small(__u32 n)
{
	return fuzz_rnd(16) ? fuzz_rnd(n) : fuzz_edge();
}

/* Two lists of addresses: short ones in the data, or one that is as long as it may be */
static __u32 make_table(struct fuzz_op *op)
{
	__u32 uc = fuzz_rnd(4), mc = fuzz_rnd(5), n = fuzz_rnd(66);

	op->len = 8 + 6 * (uc + mc);
	memset(op->data, 3, op->len);
	op->arg[3] = 0x0303030303030303;
	if (fuzz_rnd(4)) {
		put_le(op->data, uc, 4);
		put_le(op->data + 4 + 6 * uc, mc, 4);
		return 8 + 6 * (uc + mc);
	}
	put_le(op->data, 0, 4);
	put_le(op->data + 4, n, 4);
	return 8 + 6 * n;
}

/* A key of @n bytes behind its length, at offset @at of the data, as far as there is room */
static __u32 put_key(struct fuzz_op *op, __u32 at)
{
	__u8 n = fuzz_rnd(3) ? 40 : fuzz_rnd(2) ? 30 + fuzz_rnd(40) : fuzz_edge();

	op->data[at] = n;
	op->len = at + 1;
	op->arg[3] = 0x6d5a56da255b0ec2;
	return at + 1 + n + fuzz_rnd(2);
}

/* A table of few entries and a key, or one of many, of which all but the front is filled */
static __u32 make_rss(struct fuzz_op *op)
{
	__u32 n = 1u << fuzz_rnd(4), i;

	put_le(op->data, small(64), 4);
	put_le(op->data + 6, small(2), 2);
	if (fuzz_rnd(3)) {
		put_le(op->data + 4, fuzz_rnd(16) ? n - 1 : fuzz_edge(), 2);
		for (i = 0; i < n; i++)
			put_le(op->data + 8 + 2 * i, small(2), 2);
		put_le(op->data + 8 + 2 * n, 1 + small(2), 2);
		return put_key(op, 10 + 2 * n);
	}
	n = 16u << fuzz_rnd(5);
	put_le(op->data + 4, n - 1, 2);
	op->len = 8;
	op->arg[3] = 0x0001000100010001;
	return 8 + 2 * n + 4;
}

static __u32 make_mq(struct fuzz_op *op)
{
	switch (op->arg[1]) {
	case VIRTIO_NET_CTRL_MQ_RSS_CONFIG:
		return make_rss(op);
	case VIRTIO_NET_CTRL_MQ_HASH_CONFIG:
		memset(op->data, 0, 12);
		put_le(op->data, small(64), 4);
		return put_key(op, 12);
	default:
		op->len = 2;
		put_le(op->data, small(4), 2);
		return 2;
	}
}

/* Numbers: of a queue, of frames, of microseconds */
static __u32 make_moderation(struct fuzz_op *op)
{
	static const __u8 lens[] = { 8, 8, 12, 4 };
	unsigned int cmd = op->arg[1] % 4;

	memset(op->data, 0, 12);
	put_le(op->data, small(6), 4);
	put_le(op->data + 4, small(100), 4);
	put_le(op->data + 8, small(100), 4);
	op->len = lens[cmd];
	if (cmd == 3)	/* who asks has room for the answer */
		op->arg[4] = FUZZ_MORE | (op->arg[4] & FUZZ_INDIRECT);
	return op->len;
}

/* By the class; the length that it should have */
static __u32 make_data(struct fuzz_op *op)
{
	__u64 offloads;

	memset(op->data, 0, 12);
	switch (op->arg[0]) {
	case VIRTIO_NET_CTRL_RX:
		op->len = 1;
		op->data[0] = fuzz_rnd(2);
		return 1;
	case VIRTIO_NET_CTRL_MAC:
		if (!op->arg[1])
			return make_table(op);
		op->len = 6;
		op->data[0] = small(4);
		op->data[5] = fuzz_rnd(4);
		return 6;
	case VIRTIO_NET_CTRL_VLAN:
		op->len = 2;
		put_le(op->data, small(4096), 2);
		return 2;
	case VIRTIO_NET_CTRL_MQ:
		return make_mq(op);
	case VIRTIO_NET_CTRL_GUEST_OFFLOADS:
		op->len = 8;
		offloads = htole64(1ull << fuzz_rnd(12) | (fuzz_rnd(2) ? 3ull << 54 : 0));
		memcpy(op->data, &offloads, 8);
		return 8;
	case VIRTIO_NET_CTRL_NOTF_COAL:
		return make_moderation(op);
	default:
		op->len = 4;
		return 4;
	}
}

void fuzz_virtio_request(struct fuzz_op *op)
{
	static const __u8 commands[] = { 2, 2, 2, 1, 3, 1, 4 };
	__u32 len;

	if (op->arg[0] < ARRAY_SIZE(commands) && fuzz_rnd(16))
		op->arg[1] = fuzz_rnd(commands[op->arg[0]]);
	len = make_data(op);
	op->arg[2] = fuzz_rnd(8) ? len : fuzz_rnd(2) ? len + fuzz_rnd(5) - 2 : fuzz_edge();
}
