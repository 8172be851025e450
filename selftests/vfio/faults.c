// SPDX-License-Identifier: GPL-2.0
/*
 * Operations of a VF's user, in each of which the first, second, third ...
 * allocation or copy fails in turn (nth.h).
 *
 * Usage: faults BDF group|cdev|kvm|virtio OPERATION
 * kvm: by group, of a virtual machine, whose doorbells are watched; "open" only.
 * virtio: by group, a virtio device that nobody drives; what is of no driver only.
 * An operation either fails with ENOMEM or EFAULT, and then succeeds at the next
 * try, or succeeds all the same.  It is over when there was no nth.  Says
 * "TRIES FAILED".
 */
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <linux/virtio_pci.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nth.h"
#include "test.h"
#include "vm.h"

#define MORE	(2u << 20)	/* bytes: more than a page of the table maps */
#define MORE_AT	0x300000000000ULL

#define MANY	64	/* bytes of configuration space, and of registers: from 0 */
#define PIECE	4	/* bytes copied at once */

static char *bdf;
static bool cdev, kvm, virtio;
static bool *watched;		/* can the doorbell page of the last opening be mapped? */
static unsigned int tries, failed;

/* ---- operations on an open device: 0 or -errno ---- */

struct op {
	const char	*name;
	int		(*run)(struct drv *v);
	void		(*undo)(struct drv *v);		/* what one that succeeded did */
	enum nth_who	who;		/* in whose hands it is done */
	bool		bare;		/* begins without queues */
	bool		silent;		/* what fails is lost, and nobody is told */
	unsigned int	pieces;		/* so many copies, if it is known */
};

static __u8 *more;

static int op_map(struct drv *v)
{
	return vdev_map(&v->dev, MORE_AT, more, MORE);
}

static int op_unmap(struct drv *v)
{
	return vdev_unmap(&v->dev, MORE_AT, MORE);
}

static void undo_map(struct drv *v)
{
	check_eq(op_unmap(v), 0);
}

static void undo_unmap(struct drv *v)
{
	check_eq(op_map(v), 0);
}

static int op_irqs(struct drv *v)
{
	__s32 fds[VNIC_MAX_VECTORS];
	unsigned int i;

	for (i = 0; i < v->dev.vectors; i++)
		fds[i] = v->irq[i];
	return vdev_set_irqs(&v->dev, VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
			     VFIO_PCI_MSIX_IRQ_INDEX, 0, v->dev.vectors, fds,
			     v->dev.vectors * sizeof(*fds));
}

static int op_info(struct drv *v)
{
	struct vfio_device_info dev = { .argsz = sizeof(dev) };
	struct vfio_irq_info irq = { .argsz = sizeof(irq), .index = VFIO_PCI_MSIX_IRQ_INDEX };
	union {
		struct vfio_region_info info;
		__u8 room[512];
	} u = { .info = { .argsz = sizeof(u) } };

	if (ioctl(v->dev.fd, VFIO_DEVICE_GET_INFO, &dev) ||
	    ioctl(v->dev.fd, VFIO_DEVICE_GET_IRQ_INFO, &irq) ||
	    ioctl(v->dev.fd, VFIO_DEVICE_GET_REGION_INFO, &u.info))
		return -errno;
	check(dev.num_irqs && irq.count == v->dev.vectors && u.info.size, "empty answers");
	return 0;
}

/* The device is as after power-on, whatever failed. */
static int op_reset(struct drv *v)
{
	return vdev_reset(&v->dev);
}

static void undo_reset(struct drv *v)
{
	cfg_command(&v->dev, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 0);
	drv_start(v);
}

static int done(int n, int want)
{
	return n < 0 ? n : n == want ? 0 : -EIO;
}

static int op_read(struct drv *v)
{
	__u32 val, cfg;
	int err;

	err = done(vdev_read(&v->dev, VFIO_PCI_BAR0_REGION_INDEX, VNIC_REG_STATUS, &val,
			     sizeof(val)), sizeof(val));
	if (!err)
		err = done(vdev_read(&v->dev, VFIO_PCI_CONFIG_REGION_INDEX, 0, &cfg, sizeof(cfg)),
			   sizeof(cfg));
	return err;
}

static int op_write(struct drv *v)
{
	__u32 kick = htole32(VNIC_KICK_RX(0));
	__u16 command = htole16(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	int err;

	err = done(vdev_write(&v->dev, VFIO_PCI_BAR0_REGION_INDEX, VNIC_REG_KICK, &kick,
			      sizeof(kick)), sizeof(kick));
	if (!err)
		err = done(vdev_write(&v->dev, VFIO_PCI_CONFIG_REGION_INDEX, PCI_COMMAND, &command,
				      sizeof(command)), sizeof(command));
	return err;
}

/* What was there before; written back by op_writemany() */
static __u8 many[2][MANY];

static int op_readmany(struct drv *v)
{
	unsigned int off;
	int err;

	err = done(vdev_read(&v->dev, VFIO_PCI_CONFIG_REGION_INDEX, 0, many[0], MANY), MANY);
	for (off = 0; !err && off < MANY; off += PIECE)
		err = done(vdev_read(&v->dev, VFIO_PCI_BAR0_REGION_INDEX, off, many[1] + off,
				     PIECE), PIECE);
	return err;
}

static int op_writemany(struct drv *v)
{
	unsigned int off;
	int err;

	err = done(vdev_write(&v->dev, VFIO_PCI_CONFIG_REGION_INDEX, 0, many[0], MANY), MANY);
	for (off = 0; !err && off < MANY; off += PIECE)
		err = done(vdev_write(&v->dev, VFIO_PCI_BAR0_REGION_INDEX, off, many[1] + off,
				      PIECE), PIECE);
	return err;
}

#define WINDOW	0xe4u	/* a virtio device's PCI_CFG capability */

static int config(struct drv *v, unsigned int off, unsigned int len, __u32 val)
{
	val = htole32(val);
	return done(vdev_write(&v->dev, VFIO_PCI_CONFIG_REGION_INDEX, WINDOW + off, &val, len),
		    len);
}

/* Which of the device's features are asked for, written and read */
static int op_window(struct drv *v)
{
	const unsigned int data = offsetof(struct virtio_pci_cfg_cap, pci_cfg_data);
	__u32 val = 0;
	int err;

	err = config(v, VIRTIO_PCI_CAP_BAR, 1, 0) ?:
	      config(v, VIRTIO_PCI_CAP_OFFSET, 4, VIRTIO_PCI_COMMON_DFSELECT) ?:
	      config(v, VIRTIO_PCI_CAP_LENGTH, 4, 4) ?: config(v, data, 4, 1) ?:
	      done(vdev_read(&v->dev, VFIO_PCI_CONFIG_REGION_INDEX, WINDOW + data, &val, 4), 4);
	check(err || le32toh(val) == 1, "reads %#x", le32toh(val));
	return err;
}

static int answer(int status)
{
	check(status == VNIC_MBX_OK || status == VNIC_MBX_E_NOMEM, "status %d", status);
	return status ? -ENOMEM : 0;
}

static int op_queue(struct drv *v)
{
	return answer(drv_create(v, VNIC_QUEUE_RX, AT_RX_RING, AT_RX_EVENT));
}

static int op_txqueue(struct drv *v)
{
	return answer(drv_create(v, VNIC_QUEUE_TX, AT_TX_RING, AT_TX_EVENT));
}

/* The second pair's, which has a thread of its own */
static int op_pair(struct drv *v)
{
	struct vnic_mbx_queue q = {
		.type = htole16(VNIC_QUEUE_RX),
		.index = htole16(1),
		.vector = htole16(1),
		.size = htole32(RING_SIZE),
		.ring = htole64(v->iova + AT_RX_RING),
		.event = htole64(v->iova + AT_RX_EVENT),
	};

	return answer(drv_msg(v, VNIC_MBX_QUEUE_CREATE, &q, sizeof(q), NULL, 0));
}

/* Mailbox, HELLO, no queue */
static void undo_queue(struct drv *v)
{
	reg_write(&v->dev, VNIC_REG_CONTROL, VNIC_CTRL_RESET);
	drv_mailbox(v);
	drv_hello(v);
}

/* To the PF and the uplink, which want an skb each; a frame without memory is lost. */
static int op_send(struct drv *v)
{
	static const __u8 all[6] = { 255, 255, 255, 255, 255, 255 };
	__u8 frame[1500];

	drv_frame(v, all, frame, sizeof(frame), 1);
	drv_send(v, frame, sizeof(frame), 1);
	check(drv_sent(v, WAIT), "not sent");
	return 0;
}

/* Both queues go: that needs none */
static int op_destroy(struct drv *v)
{
	static const __u16 types[] = { VNIC_QUEUE_RX, VNIC_QUEUE_TX };
	struct vnic_mbx_queue_id id = {};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		id.type = htole16(types[i]);
		check_eq(drv_msg(v, VNIC_MBX_QUEUE_DESTROY, &id, sizeof(id), NULL, 0), VNIC_MBX_OK);
	}
	return 0;
}

static void undo_destroy(struct drv *v)
{
	undo_queue(v);
	drv_queues(v);
}

static int set_enabled(struct drv *v, bool on)
{
	struct vnic_mbx_u32 req = { .value = htole32(on) };

	return answer(drv_msg(v, VNIC_MBX_ENABLE, &req, sizeof(req), NULL, 0));
}

/* Frames pass once the queues are there: what is received makes the device fetch buffers. */
static int op_enable(struct drv *v)
{
	int err = set_enabled(v, true);

	return err ?: op_send(v);
}

static void undo_enable(struct drv *v)
{
	check_eq(set_enabled(v, false), 0);
}

/* Another address each time */
static int op_mac(struct drv *v)
{
	static __u8 last;
	struct vnic_mbx_mac req = { .mac = { 2, 0, 0, 0, 0x77, ++last } };

	return answer(drv_msg(v, VNIC_MBX_SET_MAC, &req, sizeof(req), NULL, 0));
}

/* The same for what is received beside it: one address, and one of a group */
static int op_filters(struct drv *v)
{
	static __u8 last;
	struct {
		struct vnic_mbx_rx_mode	head;
		__u8			addrs[2][6];
	} __attribute__((packed)) req = {
		.head = { .num_uc = htole16(1), .num_mc = htole16(1) },
		.addrs = { { 2, 0, 0, 0, 0x78, ++last }, { 3, 0, 0, 0, 0x78, last } },
	};

	return answer(drv_msg(v, VNIC_MBX_SET_RX_MODE, &req, sizeof(req), NULL, 0));
}

static const struct op ops[] = {
	{ .name = "map", .run = op_map, .undo = undo_map },
	{ .name = "unmap", .run = op_unmap, .undo = undo_unmap },
	{ .name = "irqs", .run = op_irqs },
	{ .name = "info", .run = op_info },
	{ .name = "reset", .run = op_reset, .undo = undo_reset },
	{ .name = "read", .run = op_read },
	{ .name = "write", .run = op_write },
	{ .name = "readmany", .run = op_readmany, .pieces = 2 * MANY / PIECE },
	{ .name = "writemany", .run = op_writemany, .pieces = 2 * MANY / PIECE },
	{ .name = "window", .run = op_window, .pieces = 5 },
	{ .name = "queue", .run = op_queue, .undo = undo_queue, .who = NTH_WORKERS, .bare = true },
	{ .name = "txqueue", .run = op_txqueue, .undo = undo_queue, .who = NTH_ALL, .bare = true },
	{ .name = "pair", .run = op_pair, .undo = undo_queue, .who = NTH_WORKERS, .bare = true },
	{ .name = "destroy", .run = op_destroy, .undo = undo_destroy, .who = NTH_EVERYONE },
	{ .name = "enable", .run = op_enable, .undo = undo_enable, .who = NTH_EVERYONE },
	{ .name = "mac", .run = op_mac, .who = NTH_KWORKERS },
	{ .name = "filters", .run = op_filters, .who = NTH_KWORKERS },
	{ .name = "send", .run = op_send, .who = NTH_BOTH, .silent = true },
};

/* What the operation left must be what it found: it can be done again. */
static void on_device(const struct op *op)
{
	unsigned int nth;
	struct drv v;
	bool hit;
	int err;

	more = mmap(NULL, MORE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(more != MAP_FAILED, "mmap: %m");
	drv_open(&v, bdf, cdev);
	v.features = 1ull << VNIC_F_MQ;
	if (!virtio)
		drv_start(&v);
	check_eq(op_readmany(&v), 0);
	if (op->run == op_unmap || op->run == op_enable)
		op->undo(&v);
	if (op->bare)
		undo_queue(&v);
	for (nth = 1; nth < NTH_MOST; nth++) {
		nth_arm(op->who, nth);
		err = op->run(&v);
		hit = nth_disarm();
		check(!err || err == -ENOMEM || err == -EFAULT, "%s, nth %u: error %d", op->name,
		      nth, err);
		check(!err || hit, "%s: error %d, and none was injected", op->name, err);
		if (err)
			check_eq(op->run(&v), 0);
		if (op->undo)
			op->undo(&v);
		tries++;
		failed += op->silent ? hit : !!err;
		if (!hit)
			break;
	}
	check(nth < NTH_MOST, "%s has no end", op->name);
	check(!op->pieces || failed == op->pieces, "%s: %u copies failed, of %u", op->name, failed,
	      op->pieces);
}

/* ---- opening it ---- */

static bool has_bell_page(const struct vdev *d)
{
	struct vfio_region_info info = {
		.argsz = sizeof(info), .index = VFIO_PCI_BAR0_REGION_INDEX,
	};

	check(!ioctl(d->fd, VFIO_DEVICE_GET_REGION_INFO, &info), "%m");
	return info.flags & VFIO_REGION_INFO_FLAG_MMAP;
}

/* In a process of its own; what it says if it fails goes to @said.  True: there was no nth. */
static bool try_open(unsigned int nth, char *said, size_t size)
{
	char path[64], text[16] = "";
	siginfo_t info;
	int pipefd[2], fd;
	ssize_t len;
	pid_t pid;

	fflush(stdout);
	check(!pipe2(pipefd, O_CLOEXEC), "%m");
	pid = fork();
	check(pid >= 0, "%m");
	if (!pid) {
		struct vdev d;

		dup2(pipefd[1], STDOUT_FILENO);
		if (kvm) {
			vm_create();
			vdev_kvm = vm.vfio;
		}
		nth_set(nth_open(0), nth);
		vdev_open(&d, bdf, cdev);
		*watched = has_bell_page(&d);
		_exit(0);
	}
	close(pipefd[1]);
	len = read(pipefd[0], said, size - 1);
	said[len > 0 ? len : 0] = 0;
	close(pipefd[0]);
	check(!waitid(P_PID, pid, &info, WEXITED | WNOWAIT), "%m");
	snprintf(path, sizeof(path), "/proc/%d/fail-nth", pid);
	fd = open(path, O_RDONLY);
	check(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0, "%s: %m", path);
	close(fd);
	check(waitpid(pid, NULL, 0) == pid, "%m");
	check(info.si_code == CLD_EXITED, "ended by signal %d", info.si_status);
	check(!info.si_status == !*said, "exit %d, said '%s'", info.si_status, said);
	return atoi(text);
}

/* One in which something failed works all the same: doorbells are trapped. */
static void open_device(void)
{
	unsigned int nth, trapped = 0;
	char said[512], again[512];
	bool none;

	watched = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(watched != MAP_FAILED, "mmap: %m");
	for (nth = 1; nth < NTH_MOST; nth++) {
		none = try_open(nth, said, sizeof(said));
		check(!*said || strstr(said, strerror(ENOMEM)) || strstr(said, strerror(EFAULT)),
		      "nth %u: %s", nth, said);
		check(!*said || !none, "none was injected: %s", said);
		if (*said)
			check(try_open(0, again, sizeof(again)) + 1 && !*again, "nth %u, again: %s",
			      nth, again);
		check(*said || *watched == (none && kvm), "nth %u: %swatched", nth,
		      *watched ? "" : "not ");
		tries++;
		failed += !!*said;
		trapped += !*said && !none;
		if (none)
			break;
	}
	check(nth < NTH_MOST, "opening has no end");
	check(!kvm || trapped > 1, "%u openings without the page", trapped);
}

int main(int argc, char **argv)
{
	unsigned int i;

	if (argc != 4) {
		fprintf(stderr, "usage: faults BDF group|cdev|kvm|virtio OPERATION\n");
		return 2;
	}
	bdf = argv[1];
	cdev = !strcmp(argv[2], "cdev");
	kvm = !strcmp(argv[2], "kvm");
	virtio = !strcmp(argv[2], "virtio");
	if (!strcmp(argv[3], "open"))
		open_device();
	for (i = 0; i < ARRAY_SIZE(ops); i++)
		if (!strcmp(argv[3], ops[i].name))
			on_device(&ops[i]);
	check(tries, "unknown operation: %s", argv[3]);
	printf("%u %u\n", tries, failed);
	return 0;
}
