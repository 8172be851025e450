// SPDX-License-Identifier: GPL-2.0
/*
 * A VMM whose memory never comes: that of a file of FUSE whose server does not answer.
 *
 * Usage: slow serve DIR      be that server, of DIR/file; says "ready", and "asked" when
 *                            somebody wants a page of it, who waits from then on
 *        slow map BDF FILE   the VMM: says "ready", then reads commands, a line each:
 *                              map    map a page of FILE for the VF, which waits: "ok"
 *                              send   send a frame: "ok"
 */
#include <fcntl.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "test.h"

#define FILE_ID		2

/* ---- the server ---- */

static void answer(int fd, const struct fuse_in_header *in, int err, void *data, size_t len)
{
	struct fuse_out_header out = {
		.len = sizeof(out) + len,
		.error = err,
		.unique = in->unique,
	};
	struct iovec vec[2] = { { &out, sizeof(out) }, { data, len } };

	/* who asked may have gone */
	check(writev(fd, vec, 2) == (ssize_t)out.len || errno == ENOENT, "/dev/fuse: %m");
}

static struct fuse_attr attr(__u64 node)
{
	return (struct fuse_attr) {
		.ino = node,
		.size = PAGE,
		.mode = node == FILE_ID ? S_IFREG | 0600 : S_IFDIR | 0700,
		.nlink = 1,
	};
}

static void serve_one(int fd, const struct fuse_in_header *in)
{
	struct fuse_init_out init = { .major = FUSE_KERNEL_VERSION, .minor = 31,
				      .max_write = PAGE };
	struct fuse_entry_out entry = { .nodeid = FILE_ID, .entry_valid = 3600,
					.attr_valid = 3600, .attr = attr(FILE_ID) };
	struct fuse_attr_out attrs = { .attr_valid = 3600, .attr = attr(in->nodeid) };
	struct fuse_open_out opened = { .fh = 1 };

	switch (in->opcode) {
	case FUSE_INIT:
		answer(fd, in, 0, &init, sizeof(init));
		break;
	case FUSE_LOOKUP:
		answer(fd, in, 0, &entry, sizeof(entry));
		break;
	case FUSE_GETATTR:
		answer(fd, in, 0, &attrs, sizeof(attrs));
		break;
	case FUSE_OPEN:
		answer(fd, in, 0, &opened, sizeof(opened));
		break;
	case FUSE_READ:
		puts("asked");
		break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:	/* no answer is wanted */
		break;
	default:
		answer(fd, in, -ENOSYS, NULL, 0);
	}
}

static void serve(const char *dir)
{
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	static __u64 buf[(FUSE_MIN_READ_BUFFER + 2 * PAGE) / sizeof(__u64)];
	char opts[64];
	ssize_t len;

	check(fd >= 0, "/dev/fuse: %m");
	snprintf(opts, sizeof(opts), "fd=%d,rootmode=40000,user_id=0,group_id=0", fd);
	check(!mount("slow", dir, "fuse", 0, opts), "mount: %m");
	puts("ready");
	while ((len = read(fd, buf, sizeof(buf))) >= 0 || errno == ENOENT)
		if (len > 0)
			serve_one(fd, (const struct fuse_in_header *)buf);
	check(errno == ENODEV, "/dev/fuse: %m");	/* unmounted */
}

/* ---- the VMM ---- */

static struct drv vm;
static void *never;

static void *map(void *arg)
{
	int err = vdev_map(&vm.dev, ELSEWHERE, never, PAGE);

	printf("# the map call returns %d\n", err);
	return arg;
}

static void send_one(void)
{
	static const __u8 all[6] = { 255, 255, 255, 255, 255, 255 };
	__u8 frame[200];

	drv_frame(&vm, all, frame, sizeof(frame), 1);
	drv_send(&vm, frame, sizeof(frame), 1);
	check(drv_sent(&vm, WAIT), "not sent");
}

static void be_vmm(const char *bdf, const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	pthread_t thread;
	char line[32];

	check(fd >= 0, "%s: %m", path);
	never = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	check(never != MAP_FAILED, "mmap: %m");
	drv_open(&vm, bdf, false);
	drv_start(&vm);
	send_one();
	puts("ready");
	while (fgets(line, sizeof(line), stdin)) {
		if (!strcmp(line, "map\n"))
			check(!pthread_create(&thread, NULL, map, NULL), "no thread");
		else if (!strcmp(line, "send\n"))
			send_one();
		else
			fail("unknown command: %s", line);
		puts("ok");
	}
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 3 && !strcmp(argv[1], "serve")) {
		serve(argv[2]);
	} else if (argc == 4 && !strcmp(argv[1], "map")) {
		be_vmm(argv[2], argv[3]);
	} else {
		fprintf(stderr, "usage: slow serve DIR | slow map BDF FILE\n");
		return 2;
	}
	return 0;
}
