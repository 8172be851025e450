// SPDX-License-Identifier: GPL-2.0
/*
 * A small driver of the device, in user space: mailbox and one queue pair.
 */
#include <linux/pci_regs.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "test.h"

#define MSG_MS	(4 * VNIC_MBX_TIMEOUT_MS)	/* on a slow, checking kernel */

const __u16 drv_msg_len[DRV_LAST_MSG + 1] = {
	[VNIC_MBX_HELLO] = sizeof(struct vnic_mbx_hello),
	[VNIC_MBX_QUEUE_CREATE] = sizeof(struct vnic_mbx_queue),
	[VNIC_MBX_QUEUE_DESTROY] = sizeof(struct vnic_mbx_queue_id),
	[VNIC_MBX_ENABLE] = sizeof(struct vnic_mbx_u32),
	[VNIC_MBX_SET_MAC] = sizeof(struct vnic_mbx_mac),
	[VNIC_MBX_SET_RX_MODE] = sizeof(struct vnic_mbx_rx_mode),
	[VNIC_MBX_VLAN_ADD] = sizeof(struct vnic_mbx_vlan),
	[VNIC_MBX_VLAN_DEL] = sizeof(struct vnic_mbx_vlan),
	[VNIC_MBX_SET_MTU] = sizeof(struct vnic_mbx_u32),
	[VNIC_MBX_SET_RSS] = sizeof(struct vnic_mbx_rss),
	[VNIC_MBX_SET_COALESCE] = sizeof(struct vnic_mbx_coalesce),
	[VNIC_MBX_GET_STATS] = 0,
	[VNIC_MBX_SET_VLANS] = sizeof(struct vnic_mbx_vlans),
	[VNIC_MBX_SET_HASH] = sizeof(struct vnic_mbx_hash),
	[VNIC_MBX_SET_CONTEXT] = sizeof(struct vnic_mbx_context),
	[VNIC_MBX_SET_RULE] = sizeof(struct vnic_mbx_rule),
};

__u64 now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ull + ts.tv_nsec / 1000000;
}

__u64 now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000ull + ts.tv_nsec / 1000;
}

void *get_memory(size_t len)
{
	void *mem = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	check(mem != MAP_FAILED, "mmap: %m");
	return mem;
}

#define GUARD_SIZE	(64u << 10)
#define GUARD	0xa7

__u8 *guarded_memory(size_t len)
{
	__u8 *mem = get_memory(len + 2 * GUARD_SIZE);

	memset(mem, GUARD, len + 2 * GUARD_SIZE);
	return mem + GUARD_SIZE;
}

void check_guards(const __u8 *mem, size_t len)
{
	const __u8 *at[2] = { mem - GUARD_SIZE, mem + len };
	unsigned int i, j;

	for (i = 0; i < 2; i++)
		for (j = 0; j < GUARD_SIZE; j++)
			check(at[i][j] == GUARD, "memory never given to the device is changed");
}

__u32 rnd(__u32 *state)
{
	__u32 x = *state;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return *state = x;
}

__u32 below(__u32 *state, __u32 n)
{
	return rnd(state) % n;
}

int new_eventfd(void)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	check(fd >= 0, "eventfd: %m");
	return fd;
}

/* Was it signalled?  It is not afterwards. */
bool wait_eventfd(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	__u64 count;

	if (poll(&p, 1, ms) <= 0)
		return false;
	return read(fd, &count, sizeof(count)) == sizeof(count);
}

struct vnic_mbx_page *drv_mbx(struct drv *v)
{
	return (void *)(v->mem + AT_MBX);
}

struct vnic_event *drv_event(struct drv *v, unsigned int at)
{
	return (void *)(v->mem + at);
}

static __u32 get32(const __le32 *p)
{
	return le32toh(__atomic_load_n(p, __ATOMIC_SEQ_CST));
}

static void put32(__le32 *p, __u32 val)
{
	__atomic_store_n(p, htole32(val), __ATOMIC_SEQ_CST);
}

void drv_prepare(struct drv *v, __u64 iova)
{
	unsigned int i;

	v->iova = iova;
	check(v->dev.vectors >= VNIC_MIN_VECTORS && v->dev.vectors <= VNIC_MAX_VECTORS,
	      "%u vectors", v->dev.vectors);
	v->mem = mmap(NULL, MEM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(v->mem != MAP_FAILED, "mmap: %m");
	check_eq(vdev_map(&v->dev, iova, v->mem, MEM_SIZE), 0);
	for (i = 0; i < v->dev.vectors; i++) {
		v->irq[i] = new_eventfd();
		check_eq(vdev_set_eventfd(&v->dev, VFIO_PCI_MSIX_IRQ_INDEX, i, v->irq[i]), 0);
	}
	cfg_command(&v->dev, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 0);
}

void drv_open(struct drv *v, const char *bdf, bool cdev)
{
	memset(v, 0, sizeof(*v));
	vdev_open(&v->dev, bdf, cdev);
	drv_prepare(v, MEM_IOVA);
}

void drv_forget(struct drv *v)
{
	unsigned int i;

	for (i = 0; i < v->dev.vectors; i++)
		close(v->irq[i]);
	munmap(v->mem, MEM_SIZE);
}

static void wait_ready(struct drv *v)
{
	__u64 end = now_ms() + MSG_MS;

	while (!(reg_read(&v->dev, VNIC_REG_STATUS) & VNIC_STATUS_READY)) {
		check(now_ms() < end, "not ready");
		usleep(1000);
	}
}

void drv_mailbox(struct drv *v)
{
	wait_ready(v);
	memset(drv_mbx(v), 0, VNIC_MBX_PAGE_SIZE);
	reg_write(&v->dev, VNIC_REG_MBX_ADDR_HI, (v->iova + AT_MBX) >> 32);
	reg_write(&v->dev, VNIC_REG_MBX_ADDR_LO, (__u32)(v->iova + AT_MBX));
}

int drv_msg_ms(struct drv *v, __u16 opcode, const void *req, size_t len, int ms)
{
	struct vnic_mbx_page *mbx = drv_mbx(v);
	__u64 end = now_ms() + ms, now;

	if (!++v->seq)
		v->seq = 1;
	check(len <= sizeof(mbx->req_payload), "%zu bytes", len);
	if (len)
		memcpy(mbx->req_payload, req, len);
	mbx->req = (struct vnic_mbx_hdr) {
		.version = htole16(VNIC_VERSION_1),
		.opcode = htole16(opcode),
		.len = htole16(len),
		.seq = htole16(v->seq),
	};
	__sync_synchronize();
	reg_write(&v->dev, VNIC_REG_MBX_KICK, 1);
	while (le16toh(__atomic_load_n(&mbx->resp.seq, __ATOMIC_SEQ_CST)) != v->seq) {
		now = now_ms();
		if (now >= end)
			return -ETIMEDOUT;
		wait_eventfd(v->irq[0], end - now);
	}
	return le32toh(mbx->resp.status);
}

int drv_msg(struct drv *v, __u16 opcode, const void *req, size_t len,
	    void *resp, size_t resp_len)
{
	int status = drv_msg_ms(v, opcode, req, len, MSG_MS);
	const struct vnic_mbx_page *mbx = drv_mbx(v);

	check(status != -ETIMEDOUT, "message %u not answered", opcode);
	check_eq(le16toh(mbx->resp.opcode), opcode);
	if (resp_len && !status) {
		check_eq(le16toh(mbx->resp.len), resp_len);
		memcpy(resp, mbx->resp_payload, resp_len);
	}
	return status;
}

void drv_hello(struct drv *v)
{
	struct vnic_mbx_hello hello = { .features = htole64(v->features) };

	check_eq(drv_msg(v, VNIC_MBX_HELLO, &hello, sizeof(hello), &v->caps, sizeof(v->caps)),
		 VNIC_MBX_OK);
	check_eq(le16toh(v->caps.vectors), v->dev.vectors);
}

int drv_create(struct drv *v, __u16 type, __u32 ring, __u32 event)
{
	struct vnic_mbx_queue q = {
		.type = htole16(type),
		.vector = htole16(1),
		.size = htole32(RING_SIZE),
		.ring = htole64(v->iova + ring),
		.event = htole64(v->iova + event),
	};

	return drv_msg(v, VNIC_MBX_QUEUE_CREATE, &q, sizeof(q), NULL, 0);
}

static void create_queue(struct drv *v, __u16 type, __u32 ring, __u32 event)
{
	memset(v->mem + event, 0, sizeof(struct vnic_event));
	check_eq(drv_create(v, type, ring, event), VNIC_MBX_OK);
}

static void post(struct drv *v)
{
	struct vnic_rx_desc *ring = (void *)(v->mem + AT_RX_RING);
	unsigned int slot = v->rx_prod % RING_SIZE;

	ring[slot] = (struct vnic_rx_desc) {
		.addr = htole64(v->iova + AT_RX_BUFS + slot * RX_BUF_SIZE),
		.len = htole32(RX_BUF_SIZE),
	};
	put32(&drv_event(v, AT_RX_EVENT)->prod, ++v->rx_prod);
}

void drv_queues(struct drv *v)
{
	struct vnic_mbx_u32 on = { .value = htole32(1) };

	create_queue(v, VNIC_QUEUE_RX, AT_RX_RING, AT_RX_EVENT);
	create_queue(v, VNIC_QUEUE_TX, AT_TX_RING, AT_TX_EVENT);
	v->tx_prod = 0;
	v->rx_prod = 0;
	v->rx_cons = 0;
	while (v->rx_prod < (v->rx_posts ?: RING_SIZE))
		post(v);
	put32(&drv_event(v, AT_RX_EVENT)->intr_at, 1);
	reg_write(&v->dev, VNIC_REG_KICK, VNIC_KICK_RX(0));
	check_eq(drv_msg(v, VNIC_MBX_ENABLE, &on, sizeof(on), NULL, 0), VNIC_MBX_OK);
	check(reg_read(&v->dev, VNIC_REG_STATUS) & VNIC_STATUS_ENABLED, "not enabled");
}

void drv_start(struct drv *v)
{
	drv_mailbox(v);
	drv_hello(v);
	drv_queues(v);
}

static void drv_ring(struct drv *v, __u32 doorbell)
{
	if (v->ring)
		v->ring(v, doorbell);
	else
		reg_write(&v->dev, doorbell, 0);
}

void drv_put(struct drv *v, const void *frame, size_t len, unsigned int nbufs)
{
	struct vnic_tx_desc *ring = (void *)(v->mem + AT_TX_RING);
	const __u8 *from = frame;
	unsigned int i;

	for (i = 0; i < nbufs; i++) {
		unsigned int slot = (v->tx_prod + i) % RING_SIZE;
		size_t part = i + 1 < nbufs ? len / nbufs : len - (nbufs - 1) * (len / nbufs);

		check(part && part <= TX_BUF_SIZE, "%zu bytes", part);
		memcpy(v->mem + AT_TX_BUFS + slot * TX_BUF_SIZE, from, part);
		from += part;
		ring[slot] = (struct vnic_tx_desc) {
			.addr = htole64(v->iova + AT_TX_BUFS + slot * TX_BUF_SIZE),
			.len = htole16(part),
			.flags = htole16(i + 1 < nbufs ? 0 : VNIC_TXD_F_EOP),
		};
	}
	v->tx_prod += nbufs;
}

void drv_push(struct drv *v)
{
	put32(&drv_event(v, AT_TX_EVENT)->prod, v->tx_prod);
	drv_ring(v, VNIC_DOORBELL_TX(0));
}

void drv_send(struct drv *v, const void *frame, size_t len, unsigned int nbufs)
{
	drv_put(v, frame, len, nbufs);
	drv_push(v);
}

bool drv_sent(struct drv *v, int ms)
{
	__u64 end = now_ms() + ms;

	while (get32(&drv_event(v, AT_TX_EVENT)->cons) != v->tx_prod) {
		if (now_ms() >= end)
			return false;
		usleep(200);
	}
	return true;
}

/* One completion: its bytes into @buf; NULL when there is none within @ms. */
static struct vnic_rx_cmpl *next_cmpl(struct drv *v, int ms)
{
	struct vnic_event *ev = drv_event(v, AT_RX_EVENT);
	__u64 end = now_ms() + ms, now;

	while (get32(&ev->cons) == v->rx_cons) {
		put32(&ev->intr_at, v->rx_cons + 1);
		if (get32(&ev->cons) != v->rx_cons)
			break;
		now = now_ms();
		if (now >= end)
			return NULL;
		wait_eventfd(v->irq[1], end - now);
	}
	return (void *)(v->mem + AT_RX_RING + v->rx_cons % RING_SIZE * VNIC_DESC_SIZE);
}

int drv_receive(struct drv *v, void *buf, size_t size, int ms)
{
	unsigned int slot, len, flags;
	struct vnic_rx_cmpl *c;
	size_t total = 0;

	do {
		c = next_cmpl(v, ms);
		if (!c)
			return -1;
		slot = v->rx_cons % RING_SIZE;
		len = le16toh(c->len);
		flags = le16toh(c->flags);
		check(len <= RX_BUF_SIZE, "completion of %u bytes", len);
		check(!!(flags & VNIC_RXC_F_SOP) == !total, "flags %#x at %zu", flags, total);
		check(total + len <= size, "frame longer than %zu bytes", size);
		memcpy((__u8 *)buf + total, v->mem + AT_RX_BUFS + slot * RX_BUF_SIZE, len);
		total += len;
		v->rx_cons++;
		post(v);
	} while (!(flags & VNIC_RXC_F_EOP));
	drv_ring(v, VNIC_DOORBELL_RX(0));
	return total;
}

void drv_frame(const struct drv *v, const __u8 *dst, void *frame, size_t len, unsigned int seed)
{
	__u8 *to = frame;
	size_t i;

	memcpy(to, dst, 6);
	memcpy(to + 6, v->caps.mac, 6);
	to[12] = 0x88;	/* local experimental */
	to[13] = 0xb5;
	for (i = 14; i < len; i++)
		to[i] = (i * 31 + seed * 7 + (i >> 8)) & 0xff;
}

/* Frame of @len bytes in @nbufs pieces from @from to @to, and nothing else */
void drv_exchange(struct drv *from, struct drv *to, const __u8 *dst, size_t len,
		  unsigned int nbufs)
{
	static __u8 sent[65536], got[65536];
	int n;

	drv_frame(from, dst, sent, len, len + nbufs);
	drv_send(from, sent, len, nbufs);
	n = drv_receive(to, got, sizeof(got), WAIT);
	check(n == (int)len, "%d bytes of %zu in %u pieces arrive", n, len, nbufs);
	check(!memcmp(sent, got, len), "%zu bytes in %u pieces: changed", len, nbufs);
	check(drv_sent(from, WAIT), "descriptors not given back");
}

void put16(__u8 *to, unsigned int val)
{
	to[0] = val >> 8;
	to[1] = val;
}

unsigned int get16(const __u8 *from)
{
	return from[0] << 8 | from[1];
}

unsigned int sum16(const __u8 *data, size_t len, unsigned int sum)
{
	size_t i;

	for (i = 0; i + 1 < len; i += 2)
		sum += get16(data + i);
	if (i < len)
		sum += data[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static int by_value(const void *a, const void *b)
{
	__u32 x = *(const __u32 *)a, y = *(const __u32 *)b;

	return x < y ? -1 : x > y;
}

void sort_samples(__u32 *sample, unsigned int n)
{
	qsort(sample, n, sizeof(*sample), by_value);
}

bool drv_failed(struct drv *v)
{
	__u64 end = now_ms() + WAIT;

	while (!(reg_read(&v->dev, VNIC_REG_STATUS) & VNIC_STATUS_FAILED)) {
		if (now_ms() >= end)
			return false;
		usleep(1000);
	}
	return true;
}

void drv_send_from(struct drv *v, __u64 iova)
{
	struct vnic_tx_desc *ring = (void *)(v->mem + AT_TX_RING);

	ring[v->tx_prod++ % RING_SIZE] = (struct vnic_tx_desc) {
		.addr = htole64(iova),
		.len = htole16(100),
		.flags = htole16(VNIC_TXD_F_EOP),
	};
	drv_push(v);
}
