// SPDX-License-Identifier: GPL-2.0
/*
 * What the fuzzer's programs do to VFs: VFs, memory, and the native device's operations.
 *
 * All VFs share one container and the memory in it, which stays; a VF is opened when a
 * program first needs it and closed at its end, which resets it and ends its threads.  A VF
 * that its driver has made fail does nothing for a second, so there are more than the two
 * that a program has, and those that rest are left out.
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <linux/pci_regs.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz_exec.h"

#define VFS		16
#define REST_MS		1200	/* of a VF that has failed; the device's own is a second */
#define BAR		0xf0000000ull	/* guest's memory where it may put the BAR */
#define BAR_SIZE	0x10000u
#define MAPS		16

#define BAR0	VFIO_PCI_BAR0_REGION_INDEX
#define CFG	VFIO_PCI_CONFIG_REGION_INDEX

static struct vf vfs[VFS];
static unsigned int num_vfs, next_vf;
static struct side sides[2];
struct side *cur;
static __u8 *mem, *more;
static int eventfds[VNIC_MAX_VECTORS];
static struct {
	__u64	iova, len;
} maps[MAPS];
static unsigned int num_maps;

unsigned long fuzz_done;

/* ---- a thread that changes a word all the time ---- */

static struct {
	pthread_mutex_t	lock;
	pthread_cond_t	change;
	bool		on, idle;
	__u8		*at;
	__u32		a, b;
	unsigned int	width;
} flip = { .lock = PTHREAD_MUTEX_INITIALIZER, .change = PTHREAD_COND_INITIALIZER, .idle = true };

static void put(__u8 *at, __u32 val, unsigned int width)
{
	switch (width) {
	case 1:
		__atomic_store_n(at, val, __ATOMIC_RELAXED);
		break;
	case 2:
		__atomic_store_n((__u16 *)at, val, __ATOMIC_RELAXED);
		break;
	default:
		__atomic_store_n((__u32 *)at, val, __ATOMIC_RELAXED);
	}
}

static void *flipper(void *arg)
{
	pthread_mutex_lock(&flip.lock);
	for (;;) {
		while (!flip.on) {
			flip.idle = true;
			pthread_cond_broadcast(&flip.change);
			pthread_cond_wait(&flip.change, &flip.lock);
		}
		flip.idle = false;
		pthread_mutex_unlock(&flip.lock);
		while (__atomic_load_n(&flip.on, __ATOMIC_RELAXED)) {
			put(flip.at, flip.a, flip.width);
			put(flip.at, flip.b, flip.width);
		}
		pthread_mutex_lock(&flip.lock);
	}
	return arg;
}

static void flip_stop(void)
{
	pthread_mutex_lock(&flip.lock);
	__atomic_store_n(&flip.on, false, __ATOMIC_RELAXED);
	while (!flip.idle)
		pthread_cond_wait(&flip.change, &flip.lock);
	pthread_mutex_unlock(&flip.lock);
}

static void flip_start(__u8 *at, __u32 a, __u32 b, unsigned int width)
{
	flip_stop();
	pthread_mutex_lock(&flip.lock);
	flip.at = at;
	flip.a = a;
	flip.b = b;
	flip.width = width;
	flip.idle = false;
	__atomic_store_n(&flip.on, true, __ATOMIC_RELAXED);
	pthread_cond_broadcast(&flip.change);
	pthread_mutex_unlock(&flip.lock);
}

/* ---- VFs ---- */

/* A virtual machine, which vfio is told of, with memory where the BAR may lie */
static void open_kvm(void)
{
	struct kvm_create_device dev = { .type = KVM_DEV_TYPE_VFIO };
	struct kvm_userspace_memory_region r = {
		.guest_phys_addr = BAR,
		.memory_size = BAR_SIZE,
		.userspace_addr = (uintptr_t)get_memory(BAR_SIZE),
	};
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), vm;

	if (kvm < 0)
		return;
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	check(vm >= 0, "KVM_CREATE_VM: %m");
	check(!ioctl(vm, KVM_CREATE_DEVICE, &dev), "KVM_CREATE_DEVICE: %m");
	check(!ioctl(vm, KVM_SET_USER_MEMORY_REGION, &r), "KVM_SET_USER_MEMORY_REGION: %m");
	vdev_kvm = dev.fd;
}

void fuzz_open(char **bdf, unsigned int n)
{
	unsigned int kinds[2] = {}, i;
	pthread_t thread;

	check(n >= 2 && n <= VFS, "2 to %u VFs, please", VFS);
	open_kvm();
	for (i = 0; i < n; i++) {
		if (i)
			vdev_open_with(&vfs[i].dev, bdf[i], &vfs[0].dev);
		else
			vdev_open(&vfs[i].dev, bdf[i], false);
		vfs[i].virtio = fuzz_virtio_is(&vfs[i].dev);
		kinds[vfs[i].virtio]++;
		close(vfs[i].dev.fd);
		vfs[i].dev.fd = -1;
	}
	check(kinds[0] >= 2 && kinds[1] >= 2, "%u native VFs, %u virtio", kinds[0], kinds[1]);
	num_vfs = n;
	mem = get_memory(2 * FUZZ_HALF);
	more = get_memory(MAPS * PAGE);
	check_eq(vdev_map(&vfs[0].dev, MEM_IOVA, mem, 2 * FUZZ_HALF), 0);
	for (i = 0; i < ARRAY_SIZE(eventfds); i++)
		eventfds[i] = new_eventfd();
	check(!pthread_create(&thread, NULL, flipper, NULL), "thread");
}

/* One of the side's kind that does not rest, and is not the other side's */
static struct vf *find_vf(void)
{
	struct vf *vf;

	for (;; next_vf++) {
		vf = &vfs[next_vf % num_vfs];
		if (vf->virtio == cur->virtio && vf->dev.fd < 0 && vf->rests <= now_ms())
			break;
		if (!(next_vf % num_vfs))
			usleep(1000);
	}
	next_vf++;
	return vf;
}

static void open_vf(struct vf *vf)
{
	vf->dev.fd = ioctl(vf->dev.group, VFIO_GROUP_GET_DEVICE_FD, vf->dev.bdf);
	check(vf->dev.fd >= 0, "open %s: %m", vf->dev.bdf);
	vdev_set_irqs(&vf->dev, VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
		      VFIO_PCI_MSIX_IRQ_INDEX, 0, vf->dev.vectors, eventfds,
		      vf->dev.vectors * sizeof(eventfds[0]));
	cfg_write(&vf->dev, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

static bool has_failed(struct vf *vf)
{
	__u32 status = 0;

	if (vf->virtio)
		return fuzz_virtio_failed(&vf->dev);
	vdev_read(&vf->dev, BAR0, VNIC_REG_STATUS, &status, sizeof(status));
	return le32toh(status) & VNIC_STATUS_FAILED;
}

static void close_vf(struct vf *vf)
{
	cfg_write(&vf->dev, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	if (has_failed(vf))
		vf->rests = now_ms() + REST_MS;
	close(vf->dev.fd);
	vf->dev.fd = -1;
}

void fuzz_close(void)
{
	if (cur->vf)
		close_vf(cur->vf);
	cur->vf = NULL;
}

struct vdev *fuzz_dev(void)
{
	if (!cur->vf) {
		cur->vf = find_vf();
		open_vf(cur->vf);
	}
	return &cur->vf->dev;
}

/* ---- pieces of operations ---- */

__u8 *fuzz_at(__u64 off, size_t len)
{
	return mem + off % (2 * FUZZ_HALF - len);
}

static void store32(__u8 *p, __u32 val)
{
	val = htole32(val);
	memcpy(p, &val, sizeof(val));
}

void fuzz_wr(__u64 off, unsigned int width, __u64 val)
{
	val = htole64(val);
	vdev_write(fuzz_dev(), BAR0, off & 0xffffff, &val, width > 8 ? 8 : width);
}

static struct vnic_mbx_page *mbx(void)
{
	return (void *)(cur->mem + FUZZ_MBX);
}

bool fuzz_failed(void)
{
	fuzz_dev();
	return has_failed(cur->vf);
}

/* A message whose header is right but for what is given; waits for the answer */
static bool kick_message(__u16 version, __u16 opcode, __u16 len, __u32 status, __u32 rsvd)
{
	__u64 end = now_ms() + (cur->silent || cur->virtio ? 1 : FUZZ_ANSWER_MS), now;

	if (!++cur->seq)
		cur->seq = 1;
	mbx()->req = (struct vnic_mbx_hdr) {
		.version = htole16(version),
		.opcode = htole16(opcode),
		.len = htole16(len),
		.seq = htole16(cur->seq),
		.status = htole32(status),
		.rsvd = htole32(rsvd),
	};
	__sync_synchronize();
	fuzz_wr(VNIC_REG_MBX_KICK, 4, 1);
	while (le16toh(__atomic_load_n(&mbx()->resp.seq, __ATOMIC_SEQ_CST)) != cur->seq) {
		now = now_ms();
		if (now >= end) {
			cur->silent = true;
			return false;
		}
		if (!wait_eventfd(eventfds[0], 5) && fuzz_failed())
			end = now;
	}
	return true;
}

/* @data, then @fill again and again, as @len bytes of payload */
static void do_message(__u64 opcode, __u64 len, __u64 fill, const __u8 *data, unsigned int n)
{
	__u8 *to = mbx()->req_payload;
	unsigned int i;

	for (i = 0; i < sizeof(mbx()->req_payload); i++)
		to[i] = i < n ? data[i] : fill >> i % 8 * 8;
	kick_message(VNIC_VERSION_1, opcode, len, 0, 0);
}

static void do_queue(__u64 type, __u64 index, __u64 vector, __u64 size, __u64 ring, __u64 event)
{
	struct vnic_mbx_queue q = {
		.type = htole16(type),
		.index = htole16(index),
		.vector = htole16(vector),
		.size = htole32(size),
		.ring = htole64(MEM_IOVA + ring),
		.event = htole64(MEM_IOVA + event),
	};

	do_message(VNIC_MBX_QUEUE_CREATE, sizeof(q), 0, (__u8 *)&q, sizeof(q));
}

/* As a driver does: mailbox, HELLO, queues, enabled */
static void do_start(__u64 features)
{
	struct vnic_mbx_hello hello = { .features = htole64(features) };
	struct vnic_mbx_u32 on = { .value = htole32(1) };
	unsigned int qps = features & 1ull << VNIC_F_MQ ? FUZZ_QPS : 1, qp, rx;
	__u32 base = cur->iova - MEM_IOVA;

	fuzz_wr(VNIC_REG_MBX_ADDR_HI, 4, (cur->iova + FUZZ_MBX) >> 32);
	fuzz_wr(VNIC_REG_MBX_ADDR_LO, 4, cur->iova + FUZZ_MBX);
	do_message(VNIC_MBX_HELLO, sizeof(hello), 0, (__u8 *)&hello, sizeof(hello));
	memcpy(cur->mac, ((struct vnic_mbx_caps *)mbx()->resp_payload)->mac, sizeof(cur->mac));
	for (qp = 0; qp < qps; qp++)
		for (rx = 0; rx < 2; rx++)
			do_queue(rx, qp, 1 + qp, FUZZ_RING_SIZE, base + FUZZ_RING(qp, rx),
				 base + FUZZ_EVENT(qp, rx));
	do_message(VNIC_MBX_ENABLE, sizeof(on), 0, (__u8 *)&on, sizeof(on));
}

static void do_post(unsigned int qp, unsigned int n)
{
	struct vnic_rx_desc *ring = (void *)(cur->mem + FUZZ_RING(qp, 1));
	unsigned int i;

	for (i = 0; i < FUZZ_RING_SIZE; i++)
		ring[i] = (struct vnic_rx_desc) {
			.addr = htole64(cur->iova + FUZZ_RX_BUFS + i % FUZZ_RX_SLOTS * FUZZ_BUF),
			.len = htole32(FUZZ_BUF),
		};
	store32(cur->mem + FUZZ_EVENT(qp, 1), n);
	fuzz_wr(VNIC_DOORBELL_RX(qp), 4, qp);
}

/*
 * Frames of a kind, in @bufs buffers each: placed, published and rung for.  Bit 0 of @offload
 * asks for what the frame can have; the other bits, if any, say where the checksum is instead
 * of where it should be.
 */
static void do_send(unsigned int qp, unsigned int kind, __u32 len, unsigned int bufs,
		    unsigned int count, __u32 offload)
{
	struct vnic_tx_desc *ring = (void *)(cur->mem + FUZZ_RING(qp, 0));
	bool tagged = kind == 7, six = kind == 2;
	unsigned int l4 = 14 + 4 * tagged + (six ? 40 : 20), i;

	for (; count; count--) {
		__u32 slot = cur->prod[qp] % FUZZ_TX_SLOTS;
		__u8 *frame = cur->mem + FUZZ_TX_BUFS + slot * FUZZ_BUF;
		__u64 addr = cur->iova + FUZZ_TX_BUFS + slot * FUZZ_BUF;

		fuzz_headers(frame, kind, len);
		if (offload & 1) {
			struct vnic_tx_ctx *ctx = (void *)&ring[cur->prod[qp]++ % FUZZ_RING_SIZE];
			bool tcp = kind == 1 || kind == 2 || kind == 7;

			*ctx = (struct vnic_tx_ctx) {
				.csum_start = htole16(l4),
				.csum_offset = htole16(offload >> 1 ?: tcp ? 16 : 6),
				.flags = htole16(VNIC_TXD_F_CTX | VNIC_TXD_F_CSUM),
			};
			if (tcp && len > 400) {
				ctx->gso_size = htole16(200);
				ctx->hdr_len = htole16(l4 + 20);
				ctx->flags |= htole16(six ? VNIC_TXD_F_TSO6 : VNIC_TXD_F_TSO4);
			}
		}
		for (i = 0; i < bufs; i++)
			ring[cur->prod[qp]++ % FUZZ_RING_SIZE] = (struct vnic_tx_desc) {
				.addr = htole64(addr + i * (len / bufs)),
				.len = htole16(i + 1 < bufs ? len / bufs : len - i * (len / bufs)),
				.flags = htole16(i + 1 < bufs ? 0 : VNIC_TXD_F_EOP),
			};
	}
	store32(cur->mem + FUZZ_EVENT(qp, 0), cur->prod[qp]);
	__sync_synchronize();
	fuzz_wr(VNIC_DOORBELL_TX(qp), 4, qp);
}

static void do_txd(const __u64 *a)
{
	struct vnic_tx_desc d = {
		.addr = htole64(a[2]), .len = htole16(a[3]), .flags = htole16(a[4]),
		.rsvd = htole32(a[5] == 7),
	};

	memcpy(fuzz_at(a[0] + a[1] % VNIC_RING_MAX * sizeof(d), sizeof(d)), &d, sizeof(d));
}

static void do_ctx(const __u64 *a)
{
	struct vnic_tx_ctx d = {
		.csum_start = htole16(a[2]), .csum_offset = htole16(a[3]),
		.gso_size = htole16(a[4]), .hdr_len = htole16(a[5]), .flags = htole16(a[6]),
	};

	memcpy(fuzz_at(a[0] + a[1] % VNIC_RING_MAX * sizeof(d), sizeof(d)), &d, sizeof(d));
}

static void do_rxd(const __u64 *a)
{
	struct vnic_rx_desc d = {
		.addr = htole64(a[2]), .len = htole32(a[3]), .rsvd = htole32(a[4] == 7),
	};

	memcpy(fuzz_at(a[0] + a[1] % VNIC_RING_MAX * sizeof(d), sizeof(d)), &d, sizeof(d));
}

static void do_rgn(const __u64 *a)
{
	static __u8 buf[8192];
	size_t len = a[2] * 3 % sizeof(buf);

	if (a[3])
		vdev_write(fuzz_dev(), a[0] % VFIO_PCI_NUM_REGIONS, a[1], buf, len);
	else
		vdev_read(fuzz_dev(), a[0] % VFIO_PCI_NUM_REGIONS, a[1], buf, len);
}

/* Pages beside the memory that is always there */
static void do_map(const __u64 *a)
{
	__u64 len = (1 + a[1] % MAPS) * PAGE, iova = a[0] & ~(PAGE - 1ull);

	if (num_maps == MAPS)
		return;
	if (vdev_map_as(&vfs[0].dev, iova, more, len, a[2] != 6, a[2] != 7))
		return;
	maps[num_maps].iova = iova;
	maps[num_maps++].len = len;
}

static void do_unmap(const __u64 *a)
{
	vdev_unmap(&vfs[0].dev, a[0] & ~(PAGE - 1ull), (1 + a[1]) * PAGE);
}

/* @fds: 0, 1: none; 2: one that is no eventfd; else eventfds */
static void do_irq(__u64 index, __u64 start, __u64 count, __u64 flags, __u64 fds)
{
	__s32 data[8];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(data); i++)
		data[i] = fds < 2 ? -1 : fds == 2 ? 0 : eventfds[(start + i) % VNIC_MAX_VECTORS];
	vdev_set_irqs(fuzz_dev(), flags, index, start, count, data,
		      flags & VFIO_IRQ_SET_DATA_NONE ? 0 : sizeof(data));
}

static void do_info(__u64 which, __u64 index, __u64 argsz)
{
	static const unsigned int requests[] = {
		VFIO_DEVICE_GET_INFO, VFIO_DEVICE_GET_REGION_INFO, VFIO_DEVICE_GET_IRQ_INFO,
		VFIO_DEVICE_FEATURE, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, VFIO_DEVICE_IOEVENTFD,
	};
	__u32 buf[1024] = { argsz, 0, index };

	if (which % ARRAY_SIZE(requests) == 3) {
		buf[0] = sizeof(buf);
		buf[1] = argsz;
	}
	ioctl(fuzz_dev()->fd, requests[which % ARRAY_SIZE(requests)], buf);
}

static void do_mmap(__u64 off, __u64 pages, bool touch)
{
	size_t len = (1 + pages % 3 / 2) * PAGE;
	__u32 *p;

	p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fuzz_dev()->fd,
		 fuzz_dev()->off[BAR0] + (off & ~(PAGE - 1ull)));
	if (p == MAP_FAILED)
		return;
	if (touch)
		p[0] = 1;
	munmap(p, len);
}

static void do_cfg(const __u64 *a, bool write)
{
	__u64 val = htole64(a[2]);
	unsigned int width = a[1] > 8 ? 8 : a[1];

	if (write && (a[0] & ~4ull) == PCI_BASE_ADDRESS_0 && a[2] % 4 == 0)
		val = htole32(a[0] & 4 ? 0 : (__u32)BAR);
	if (write)
		vdev_write(fuzz_dev(), CFG, a[0], &val, width);
	else
		vdev_read(fuzz_dev(), CFG, a[0], &val, width);
}

/* ---- programs ---- */

static void do_rings(const struct fuzz_op *op)
{
	const __u64 *a = op->arg;

	switch (op->kind) {
	case OP_TXD:
		do_txd(a);
		break;
	case OP_CTX:
		do_ctx(a);
		break;
	case OP_RXD:
		do_rxd(a);
		break;
	case OP_POST:
		do_post(a[0] % FUZZ_QPS, a[1]);
		break;
	case OP_SEND:
		do_send(a[0] % FUZZ_QPS, a[1] % FUZZ_FRAMES, a[2], 1 + a[3] % 18,
			1 + a[4] % (FUZZ_RING_SIZE / 20), a[5]);
		break;
	case OP_FRAME:
		fuzz_headers(fuzz_at(a[0], 128), a[1] % FUZZ_FRAMES, a[2]);
		break;
	case OP_PROD:
		store32(fuzz_at(a[0] & ~3ull, 4), a[1]);
		fuzz_wr(VNIC_DOORBELL_TX(0) + ((a[0] % FUZZ_HALF - 0x1000) / 0x80 % 4) * 4, 4, 0);
		break;
	case OP_FLIP:
		flip_start(fuzz_at(a[0] & ~3ull, 4), a[1], a[2], a[3]);
		break;
	}
}

static void do_op(const struct fuzz_op *op)
{
	const __u64 *a = op->arg;
	__u64 val;

	switch (op->kind) {
	case OP_VF:
		cur = &sides[a[0] & 1];
		break;
	case OP_START:
		do_start(a[0]);
		break;
	case OP_RD:
		vdev_read(fuzz_dev(), BAR0, a[0] & 0xffffff, &val, a[1] > 8 ? 8 : a[1]);
		break;
	case OP_WR:
		fuzz_wr(a[0], a[1], a[2]);
		break;
	case OP_CFGRD:
	case OP_CFGWR:
		do_cfg(a, op->kind == OP_CFGWR);
		break;
	case OP_RGN:
		do_rgn(a);
		break;
	case OP_MEM:
		memcpy(fuzz_at(a[0], FUZZ_DATA), op->data, op->len);
		break;
	case OP_MSG:
		do_message(a[0], a[1], a[2], op->data, op->len);
		break;
	case OP_HDR:
		kick_message(a[0], a[1], a[2], a[4] == 7, a[5] == 7);
		break;
	case OP_QUEUE:
		do_queue(a[0], a[1], a[2], a[3], a[4], a[5]);
		break;
	case OP_MAP:
		do_map(a);
		break;
	case OP_UNMAP:
		do_unmap(a);
		break;
	case OP_IRQ:
		do_irq(a[0], a[1], a[2], a[3], a[4]);
		break;
	case OP_INFO:
		do_info(a[0], a[1], a[2]);
		break;
	case OP_RESET:
		vdev_reset(fuzz_dev());
		break;
	case OP_WAIT:
		usleep(a[0] % 16 * 500);
		break;
	case OP_MMAP:
		do_mmap(a[0], a[1], a[2] & 1);
		break;
	case OP_OPEN:
		fuzz_close();
		break;
	default:
		if (op->kind < OP_VIRTIO)
			do_rings(op);
		else
			fuzz_virtio(op);
	}
}

/* As it was before: nothing mapped but the memory */
static void restore_maps(void)
{
	vdev_unmap(&vfs[0].dev, 0, 1ull << 63);
	vdev_unmap(&vfs[0].dev, 1ull << 63, 1ull << 63);
	num_maps = 0;
	check_eq(vdev_map(&vfs[0].dev, MEM_IOVA, mem, 2 * FUZZ_HALF), 0);
}

void fuzz_run(const struct fuzz_prog *p)
{
	bool maps_changed = false;
	unsigned int i;

	memset(mem, 0, 2 * FUZZ_TX_BUFS);
	memset(mem + FUZZ_HALF, 0, FUZZ_TX_BUFS);
	for (i = 0; i < 2; i++)
		sides[i] = (struct side) {
			.mem = mem + i * FUZZ_HALF, .iova = MEM_IOVA + i * FUZZ_HALF,
			.mac = { 2, 0, 0, 0, 0, i }, .peer = &sides[!i],
		};
	cur = sides;
	for (i = 0; i < p->n; i++) {
		maps_changed |= p->op[i].kind == OP_MAP || p->op[i].kind == OP_UNMAP;
		do_op(&p->op[i]);
		__atomic_fetch_add(&fuzz_done, 1, __ATOMIC_RELAXED);
	}
	flip_stop();
	for (cur = sides; cur < sides + 2; cur++)
		fuzz_close();
	if (maps_changed)
		restore_maps();
}
