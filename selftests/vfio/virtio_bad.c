// SPDX-License-Identifier: GPL-2.0
/*
 * What a virtio driver must not do, for all who do it: chains that leave the device in doubt,
 * and requests that are refused.
 */
#include <unistd.h>

#include "virtio.h"

#define BAD_TX	"TX ring or descriptors invalid"

/* A table of one descriptor in a table */
static void nested(void)
{
	struct vring_desc *t = (void *)(evil.mem + AT_TABLE);

	t[0] = (struct vring_desc) { htole64(evil.iova + AT_TABLE), htole32(16),
				     htole16(VRING_DESC_F_INDIRECT), 0 };
	put_desc(TX, 0, evil.iova + AT_TABLE, 16, VRING_DESC_F_INDIRECT, 0);
}

/* A table at @addr of @len bytes */
static void table(__u64 addr, __u32 len, __u16 flags)
{
	put_desc(TX, 0, addr, len, VRING_DESC_F_INDIRECT | flags, 1);
}

static void no_such(void)
{
	put_desc(TX, 0, evil.iova + AT_TX_BUFS, 112, VRING_DESC_F_NEXT, 65535);
}

static void to_be_written(void)
{
	put_desc(TX, 0, evil.iova + AT_TX_BUFS, 112, VRING_DESC_F_WRITE, 0);
}

/* To be read, behind one to be written */
static void mixed(void)
{
	put_desc(TX, 0, evil.iova + AT_TX_BUFS, 112, VRING_DESC_F_WRITE | VRING_DESC_F_NEXT, 1);
	put_desc(TX, 1, evil.iova + AT_TX_BUFS, 112, 0, 0);
}

static void goes_on(void)
{
	table(evil.iova + AT_TABLE, 16, VRING_DESC_F_NEXT);
}

static void odd(void)
{
	table(evil.iova + AT_TABLE, 17, 0);
}

static void none(void)
{
	table(evil.iova + AT_TABLE, 0, 0);
}

static void nowhere(void)
{
	table(-4096ull, 16, 0);
}

/* From itself to itself: packed rings have no end then, split ones another chain's (lost). */
static void endless(void)
{
	put_desc(TX, 0, evil.iova + AT_TX_BUFS, 112, VRING_DESC_F_NEXT, 0);
}

/* One that ends behind what the ring can hold */
static void longer(void)
{
	unsigned int n;

	for (n = 0; n < size[TX]; n++)
		put_desc(TX, n, evil.iova + AT_TX_BUFS, 112, VRING_DESC_F_NEXT, n + 1);
}

static const struct {
	void		(*put)(void);
	__u16		head;
	bool		split, packed;		/* in rings of which format it can be */
	const char	*reason;
} chains[] = {
	{ to_be_written, SIZE, true, false, BAD_TX },	/* the head is none */
	{ to_be_written, 65535, true, false, BAD_TX },
	{ no_such, 0, true, false, BAD_TX },
	{ to_be_written, 0, true, true, BAD_TX },
	{ mixed, 0, true, true, BAD_TX },
	{ nested, 0, true, false, BAD_TX },	/* a packed one's flags say nothing there */
	{ goes_on, 0, true, true, BAD_TX },
	{ odd, 0, true, true, BAD_TX },
	{ none, 0, true, true, BAD_TX },
	{ nowhere, 0, true, true, "TX ring unmapped" },
	{ endless, 0, false, true, BAD_TX },
	{ longer, 0, false, true, BAD_TX },
};

const char *bad_chain(unsigned int i)
{
	put_frame(100, NULL, i);
	if (i == ARRAY_SIZE(chains)) {		/* the last: a receive buffer to be read */
		put_desc(RX, 0, evil.iova + AT_RX_BUFS, 2048, 0, 0);
		offer(RX, 0);
		notify(RX);
		return "RX ring invalid";
	}
	if (i > ARRAY_SIZE(chains))
		return NULL;
	if (!(packed ? chains[i].packed : chains[i].split))
		return "";
	chains[i].put();
	offer(TX, chains[i].head);
	notify(TX);
	return chains[i].reason;
}

static const struct {
	const char	*what;
	__u8		len, req[8];
} bad_requests[] = {
	{ "no command", 1, { 0 } },
	{ "no data", 2, { VIRTIO_NET_CTRL_RX } },
	{ "an unknown class", 3, { 99, 99, 99 } },
	{ "an unknown command", 3, { VIRTIO_NET_CTRL_RX, 99, 0 } },
	{ "too long", 4, { VIRTIO_NET_CTRL_RX, 0, 0, 0 } },
	{ "promiscuous, no trust", 3, { VIRTIO_NET_CTRL_RX, 0, 1 } },
	{ "all groups, no trust", 3, { VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_ALLMULTI, 1 } },
	{ "of another kind", 3, { VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_ALLUNI, 1 } },
	{ "an address, not negotiated", 8, { VIRTIO_NET_CTRL_MAC, 1, 2, 0, 0, 0, 0, 9 } },
	{ "pairs, not negotiated", 4, { VIRTIO_NET_CTRL_MQ, 0, 1, 0 } },
	{ "a VLAN, not negotiated", 4, { VIRTIO_NET_CTRL_VLAN, 0, 5, 0 } },
	{ "a table cut off", 8, { VIRTIO_NET_CTRL_MAC, 0, 1, 0, 0, 0, 1, 1 } },
	{ "a table without end", 6, { VIRTIO_NET_CTRL_MAC, 0, 255, 255, 255, 255 } },
};

unsigned int bad_requests_refused(void)
{
	static __u8 table[2 + 4 + 300 * 6 + 4] = { VIRTIO_NET_CTRL_MAC };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad_requests); i++)
		check(ctrl(bad_requests[i].req, bad_requests[i].len, 1) == VIRTIO_NET_ERR,
		      "%s: not refused", bad_requests[i].what);
	table[2] = 300 & 255;
	table[3] = 300 >> 8;
	check_eq(ctrl(table, sizeof(table), 1), VIRTIO_NET_ERR);
	return i + 1;
}
