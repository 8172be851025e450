// SPDX-License-Identifier: GPL-2.0
/*
 * A virtio driver in user space: registers, queues, frames and requests, as they should be.
 * What breaks the rules on top of it: virtio.c and its cases, hostile_virtio*.
 */
#include <linux/pci_regs.h>
#include <unistd.h>

#include "virtio.h"

const char *virtio_bdf[2];
__u8 mac[6];
bool packed;
__u16 size[QUEUES2 + 1];
unsigned int ring_size = SIZE;
__u16 early_vector = 1;
__u64 rings_at;
__u16 avail[QUEUES2 + 1], seen[QUEUES2 + 1];
static __u64 features;

/* ---- registers ---- */

__u32 rd(__u32 off, unsigned int len)
{
	__u32 val = 0;

	check_eq(vdev_read(&evil.dev, VFIO_PCI_BAR0_REGION_INDEX, off, &val, len), len);
	return le32toh(val);
}

void wr(__u32 off, unsigned int len, __u32 val)
{
	val = htole32(val);
	check_eq(vdev_write(&evil.dev, VFIO_PCI_BAR0_REGION_INDEX, off, &val, len), len);
}

__u8 status(void)
{
	return rd(VIRTIO_PCI_COMMON_STATUS, 1);
}

void set_status(__u8 bits)
{
	wr(VIRTIO_PCI_COMMON_STATUS, 1, bits);
}

static void wr64(__u32 off, __u64 val)
{
	wr(off, 4, val);
	wr(off + 4, 4, val >> 32);
}

void notify(unsigned int q)
{
	wr(NOTIFY + 4 * q, 2, q);
}

__u64 offered(void)
{
	__u64 lo;

	wr(VIRTIO_PCI_COMMON_DFSELECT, 4, 0);
	lo = rd(VIRTIO_PCI_COMMON_DF, 4);
	wr(VIRTIO_PCI_COMMON_DFSELECT, 4, 1);
	return lo | (__u64)rd(VIRTIO_PCI_COMMON_DF, 4) << 32;
}

bool negotiate(__u64 wanted)
{
	if (packed)
		wanted |= F(VIRTIO_F_RING_PACKED);
	features = wanted;
	wr(VIRTIO_PCI_COMMON_GFSELECT, 4, 0);
	wr(VIRTIO_PCI_COMMON_GF, 4, wanted);
	wr(VIRTIO_PCI_COMMON_GFSELECT, 4, 1);
	wr(VIRTIO_PCI_COMMON_GF, 4, wanted >> 32);
	set_status(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |
		   VIRTIO_CONFIG_S_FEATURES_OK);
	return status() & VIRTIO_CONFIG_S_FEATURES_OK;
}

__u32 window_cap(void)
{
	__u32 cap = cfg_find_cap(&evil.dev, PCI_CAP_ID_VNDR);
	unsigned int i;

	for (i = 0; i < 8 && cap; i++) {
		if (cfg_read(&evil.dev, cap + VIRTIO_PCI_CAP_CFG_TYPE, 1) == VIRTIO_PCI_CAP_PCI_CFG)
			return cap;
		cap = cfg_read(&evil.dev, cap + VIRTIO_PCI_CAP_NEXT, 1);
	}
	fail("no PCI_CFG capability");
}

void window_aim(__u8 bar, __u32 off, __u32 len)
{
	__u32 cap = window_cap();

	cfg_write(&evil.dev, cap + VIRTIO_PCI_CAP_BAR, 1, bar);
	cfg_write(&evil.dev, cap + VIRTIO_PCI_CAP_OFFSET, 4, off);
	cfg_write(&evil.dev, cap + VIRTIO_PCI_CAP_LENGTH, 4, len);
}

/* ---- queues ---- */

__u64 rings_iova(void)
{
	return rings_at ?: evil.iova;
}

struct vring_desc *desc(unsigned int q)
{
	return (void *)(evil.mem + AT_DESC(q));
}

struct vring_avail *avail_of(unsigned int q)
{
	return (void *)(evil.mem + AT_AVAIL(q));
}

static struct vring_used *used_of(unsigned int q)
{
	return (void *)(evil.mem + AT_USED(q));
}

void place(unsigned int q, __u16 n, __u64 d, __u64 a, __u64 u)
{
	wr(VIRTIO_PCI_COMMON_Q_SELECT, 2, q);
	wr(VIRTIO_PCI_COMMON_Q_SIZE, 2, n);
	wr(VIRTIO_PCI_COMMON_Q_MSIX, 2, early_vector);
	wr64(VIRTIO_PCI_COMMON_Q_DESCLO, d);
	wr64(VIRTIO_PCI_COMMON_Q_AVAILLO, a);
	wr64(VIRTIO_PCI_COMMON_Q_USEDLO, u);
	wr(VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
}

bool enabled(unsigned int q)
{
	wr(VIRTIO_PCI_COMMON_Q_SELECT, 2, q);
	return rd(VIRTIO_PCI_COMMON_Q_ENABLE, 2) == 1;
}

bool enable(unsigned int q)
{
	avail[q] = 0;
	seen[q] = 0;
	size[q] = ring_size;
	memset(evil.mem + AT_DESC(q), 0, 0x4000);
	if (packed)
		packed_place(q);
	else
		place(q, size[q], rings_iova() + AT_DESC(q), rings_iova() + AT_AVAIL(q),
		      rings_iova() + AT_USED(q));
	return enabled(q);
}

void put_desc(unsigned int q, unsigned int i, __u64 addr, __u32 len, __u16 flags, __u16 next)
{
	desc(q)[i] = (struct vring_desc) {
		.addr = htole64(addr), .len = htole32(len), .flags = htole16(flags),
		.next = htole16(next),
	};
}

void offer(unsigned int q, __u16 head)
{
	struct vring_avail *a = avail_of(q);

	if (packed) {
		packed_offer(q, head);
		return;
	}
	a->ring[avail[q] % size[q]] = htole16(head);
	__atomic_store_n(&a->idx, htole16(++avail[q]), __ATOMIC_RELEASE);
}

bool asked_of(unsigned int q, unsigned int n)
{
	__u16 *event = (__u16 *)&used_of(q)->ring[size[q]];

	if (packed)
		return packed_asked(q);
	__sync_synchronize();	/* the index before the device's wish */
	if (!(features & F(VIRTIO_RING_F_EVENT_IDX)))
		return !(le16toh(__atomic_load_n(&used_of(q)->flags, __ATOMIC_RELAXED)) &
			 VRING_USED_F_NO_NOTIFY);
	return vring_need_event(le16toh(__atomic_load_n(event, __ATOMIC_RELAXED)), avail[q],
				avail[q] - n);
}

bool asked(unsigned int q)
{
	return asked_of(q, 1);
}

bool used(unsigned int q)
{
	return packed ? packed_used(q) :
	       __atomic_load_n(&used_of(q)->idx, __ATOMIC_ACQUIRE) != htole16(seen[q]);
}

bool take(unsigned int q, struct vring_used_elem *e, int ms)
{
	struct vring_used *u = used_of(q);
	__u64 end = now_ms() + ms;

	while (!used(q)) {
		if (now_ms() > end)
			return false;
		usleep(200);
	}
	if (packed) {
		packed_take(q, e);
		return true;
	}
	e->id = le32toh(u->ring[seen[q] % size[q]].id);
	e->len = le32toh(u->ring[seen[q] % size[q]].len);
	seen[q]++;
	return true;
}

/* ---- the device as it should be ---- */

void reset(void)
{
	set_status(0);
	check_eq(status(), 0);
}

/* How many there are, by what was negotiated; with CTRL_VQ the last is for control. */
static unsigned int queues(void)
{
	if (features & (F(VIRTIO_NET_F_MQ) | F(VIRTIO_NET_F_RSS)))
		return QUEUES2;
	return features & F(VIRTIO_NET_F_CTRL_VQ) ? QUEUES : CTRL;
}

void make_queues(void)
{
	unsigned int i;

	for (i = 0; i < queues(); i++)
		enable(i);
}

void prepare(__u64 wanted)
{
	unsigned int i;

	check(negotiate(wanted), "features %#llx refused", wanted);
	make_queues();
	for (i = 0; i < queues(); i++)
		check(enabled(i), "queue %u is not enabled", i);
	wr(VIRTIO_PCI_COMMON_MSIX, 2, 0);
}

void driver_ok(void)
{
	unsigned int i;

	set_status(status() | VIRTIO_CONFIG_S_DRIVER_OK);
	for (i = 0; i < 6; i++)
		mac[i] = rd(DEVICE + i, 1);
}

void start(__u64 wanted)
{
	prepare(wanted);
	driver_ok();
}

void open_both(__u64 wanted)
{
	drv_open(&good, virtio_bdf[1], false);
	drv_start(&good);
	drv_open(&evil, virtio_bdf[0], false);
	reset();
	if (wanted)
		start(wanted);
}

void refill(unsigned int i, __u32 len)
{
	put_desc(RX, i, evil.iova + AT_RX_BUFS + i * 4096, len, VRING_DESC_F_WRITE, 0);
	offer(RX, i);
}

void post(unsigned int i, __u32 len)
{
	refill(i, len);
	notify(RX);
}

__u8 *tx_buf(void)
{
	return evil.mem + AT_TX_BUFS;
}

void put_frame(__u32 len, const struct virtio_net_hdr_v1 *hdr, unsigned int fill)
{
	static const struct virtio_net_hdr_v1 none;

	memcpy(tx_buf(), hdr ?: &none, HDR);
	drv_frame(&good, good.caps.mac, tx_buf() + HDR, len, fill);
	memcpy(tx_buf() + HDR + 6, mac, 6);
	put_desc(TX, 0, evil.iova + AT_TX_BUFS, HDR + len, 0, 0);
}

void consumed(__u16 head)
{
	struct vring_used_elem e;

	check(take(TX, &e, WAIT), "not sent; status %#x", status());
	check_eq(e.id, head);
	check_eq(e.len, 0);
}

/* Whoever else is on the switch, as a stack that looks for a neighbour, sends, too. */
static bool of_others(const __u8 *got, const __u8 *sent)
{
	return memcmp(got + 6, sent + 6, 6);
}

void arrives(__u32 len)
{
	static __u8 got[70000];
	int n;

	do
		n = drv_receive(&good, got, sizeof(got), WAIT);
	while (n > 0 && of_others(got, tx_buf() + HDR));
	check_eq(n, len);
	check(!memcmp(got, tx_buf() + HDR, len), "changed on its way");
}

void works(void)
{
	struct virtio_net_hdr_v1 hdr;
	struct vring_used_elem e;
	__u8 frame[300];

	put_frame(300, NULL, 7);
	offer(TX, 0);
	notify(TX);
	consumed(0);
	arrives(300);
	drv_frame(&good, mac, frame, sizeof(frame), 9);
	post(3, 2048);
	drv_send(&good, frame, sizeof(frame), 1);
	for (;;) {
		check(take(RX, &e, WAIT), "nothing received; status %#x", status());
		check_eq(e.id, 3);
		if (!of_others(evil.mem + AT_RX_BUFS + 3 * 4096 + HDR, frame))
			break;
		post(3, 2048);
	}
	check_eq(e.len, HDR + sizeof(frame));
	memcpy(&hdr, evil.mem + AT_RX_BUFS + 3 * 4096, HDR);
	check_eq(le16toh(hdr.num_buffers), 1);
	check(!memcmp(evil.mem + AT_RX_BUFS + 3 * 4096 + HDR, frame, sizeof(frame)), "changed");
}

void comes_back(__u64 wanted)
{
	__u64 end = now_ms() + WAIT;

	while (!(status() & VIRTIO_CONFIG_S_NEEDS_RESET)) {
		check(now_ms() < end, "it is not stopped; status %#x", status());
		usleep(1000);
	}
	reset();
	start(wanted);
	works();
}

void close_both(void)
{
	check(!(status() & VIRTIO_CONFIG_S_NEEDS_RESET), "it has stopped");
	check(!(reg_read(&good.dev, VNIC_REG_STATUS) & VNIC_STATUS_FAILED), "VF 1 was stopped");
	vdev_close(&evil.dev);
	vdev_close(&good.dev);
}

void want_next(void)
{
	if (packed)
		packed_want_next();
	else
		__atomic_store_n(&avail_of(TX)->ring[size[TX]], htole16(seen[TX]),
				 __ATOMIC_RELEASE);
}

int ctrl(const void *req, __u32 len, __u32 in)
{
	struct vring_used_elem e;
	unsigned int q = queues() - 1;

	memcpy(evil.mem + AT_CTRL, req, len);
	memset(evil.mem + AT_ACK, 0xee, in);
	put_desc(q, 0, evil.iova + AT_CTRL, len, VRING_DESC_F_NEXT, 1);
	put_desc(q, 1, evil.iova + AT_ACK, in, VRING_DESC_F_WRITE, 0);
	offer(q, 0);
	notify(q);
	while (!take(q, &e, 100))
		if (status() & VIRTIO_CONFIG_S_NEEDS_RESET)
			return -1;
	check_eq(e.id, 0);
	check_eq(e.len, in);	/* the result is the last of what the request has room for */
	return evil.mem[AT_ACK + in - 1];
}
