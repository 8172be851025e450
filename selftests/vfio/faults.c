// SPDX-License-Identifier: GPL-2.0
/*
 * Operations of a VF's user, in each of which the first, second, third ...
 * allocation or copy fails in turn (/proc/<task>/fail-nth; what counts has been
 * told to the kernel before, selftests/lib/faults.py).
 *
 * Usage: faults BDF group|cdev OPERATION
 * An operation either fails with ENOMEM or EFAULT, and then succeeds at the next
 * try, or succeeds all the same.  It is over when there was no nth.  Says
 * "TRIES FAILED".
 */
#include <dirent.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

#define MOST	2000		/* tries: an operation has fewer allocations */
#define MORE	(2u << 20)	/* bytes: more than a page of the table maps */
#define MORE_AT	0x300000000000ULL

static char *bdf;
static bool cdev;
static unsigned int tries, failed;

/* ---- fail-nth ---- */

/* Of the task @tid, 0: of this one */
static int nth_open(pid_t tid)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/fail-nth", tid ? getpid() : gettid(),
		 tid ? tid : gettid());
	fd = open(path, O_RDWR | O_CLOEXEC);
	check(fd >= 0, "%s: %m", path);
	return fd;
}

static void nth_set(int fd, unsigned int nth)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", nth);

	check(pwrite(fd, text, len, 0) == len, "fail-nth: %m");
}

/* What is left of it: 0 if one has failed */
static unsigned int nth_get(int fd)
{
	char text[16] = "";

	check(pread(fd, text, sizeof(text) - 1, 0) > 0, "fail-nth: %m");
	return atoi(text);
}

/* ---- operations on an open device: 0 or -errno ---- */

struct op {
	const char	*name;
	int		(*run)(struct drv *v);
	void		(*undo)(struct drv *v);		/* what one that succeeded did */
	bool		worker;		/* the VF's thread does it */
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

static int op_queue(struct drv *v)
{
	int status = drv_create(v, VNIC_QUEUE_RX, AT_RX_RING, AT_RX_EVENT);

	check(status == VNIC_MBX_OK || status == VNIC_MBX_E_NOMEM, "status %d", status);
	return status ? -ENOMEM : 0;
}

/* Mailbox, HELLO, no queue: as op_queue() wants it */
static void undo_queue(struct drv *v)
{
	reg_write(&v->dev, VNIC_REG_CONTROL, VNIC_CTRL_RESET);
	drv_mailbox(v);
	drv_hello(v);
}

static const struct op ops[] = {
	{ .name = "map", .run = op_map, .undo = undo_map },
	{ .name = "unmap", .run = op_unmap, .undo = undo_unmap },
	{ .name = "irqs", .run = op_irqs },
	{ .name = "info", .run = op_info },
	{ .name = "reset", .run = op_reset, .undo = undo_reset },
	{ .name = "read", .run = op_read },
	{ .name = "write", .run = op_write },
	{ .name = "queue", .run = op_queue, .undo = undo_queue, .worker = true },
};

/* The VF's thread, which is one of this process */
static pid_t worker(void)
{
	DIR *dir = opendir("/proc/self/task");
	char path[300], name[32];
	struct dirent *ent;
	pid_t found = 0;
	FILE *file;

	check(dir, "/proc/self/task: %m");
	while ((ent = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/self/task/%s/comm", ent->d_name);
		file = fopen(path, "r");
		if (!file)
			continue;
		if (fgets(name, sizeof(name), file) && !strncmp(name, "vnic-", 5))
			found = atoi(ent->d_name);
		fclose(file);
	}
	closedir(dir);
	check(found, "no thread of the VF");
	return found;
}

/* What the operation left must be what it found: it can be done again. */
static void on_device(const struct op *op)
{
	unsigned int nth, left;
	struct drv v;
	int fd, err;

	more = mmap(NULL, MORE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(more != MAP_FAILED, "mmap: %m");
	drv_open(&v, bdf, cdev);
	drv_start(&v);
	if (op->run == op_unmap)
		undo_unmap(&v);
	if (op->run == op_queue)
		undo_queue(&v);
	fd = nth_open(op->worker ? worker() : 0);
	for (nth = 1; nth < MOST; nth++) {
		nth_set(fd, nth);
		err = op->run(&v);
		left = nth_get(fd);
		nth_set(fd, 0);
		check(!err || err == -ENOMEM || err == -EFAULT, "%s, nth %u: error %d", op->name,
		      nth, err);
		check(!err || !left, "%s: error %d, and none was injected", op->name, err);
		if (err)
			check_eq(op->run(&v), 0);
		if (op->undo)
			op->undo(&v);
		tries++;
		failed += !!err;
		if (left)
			return;
	}
	fail("%s has no end", op->name);
}

/* ---- opening it ---- */

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
		nth_set(nth_open(0), nth);
		vdev_open(&d, bdf, cdev);
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

static void open_device(void)
{
	char said[512], again[512];
	unsigned int nth;
	bool none;

	for (nth = 1; nth < MOST; nth++) {
		none = try_open(nth, said, sizeof(said));
		check(!*said || strstr(said, strerror(ENOMEM)) || strstr(said, strerror(EFAULT)),
		      "nth %u: %s", nth, said);
		check(!*said || !none, "none was injected: %s", said);
		if (*said)
			check(try_open(0, again, sizeof(again)) + 1 && !*again, "nth %u, again: %s",
			      nth, again);
		tries++;
		failed += !!*said;
		if (none)
			return;
	}
	fail("opening has no end");
}

int main(int argc, char **argv)
{
	unsigned int i;

	if (argc != 4) {
		fprintf(stderr, "usage: faults BDF group|cdev OPERATION\n");
		return 2;
	}
	bdf = argv[1];
	cdev = !strcmp(argv[2], "cdev");
	if (!strcmp(argv[3], "open"))
		open_device();
	for (i = 0; i < ARRAY_SIZE(ops); i++)
		if (!strcmp(argv[3], ops[i].name))
			on_device(&ops[i]);
	check(tries, "unknown operation: %s", argv[3]);
	printf("%u %u\n", tries, failed);
	return 0;
}
