// SPDX-License-Identifier: GPL-2.0
/*
 * The hostile driver: memory that changes, goes, is slow, or is something else
 * (classes 1 and 6).
 */
#include <fcntl.h>
#include <glob.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "native.h"

/* ---- class 1 ---- */

#define LONG	1500

/* Two frames, and descriptors that lead now to one, now to the other */
static void flip_desc(void *arg)
{
	struct vnic_tx_desc *ring = arg;
	static unsigned int n;
	unsigned int slot = n++ % RING_SIZE, second = n / 3 & 1;

	__atomic_store_n(&ring[slot].addr, htole64(MEM_IOVA + AT_TX_BUFS + second * PAGE),
			 __ATOMIC_RELAXED);
	__atomic_store_n(&ring[slot].len, htole16(second ? LONG : 100), __ATOMIC_RELAXED);
}

/* Each frame that leaves is one that lay in a buffer, of one of the lengths. */
static void case_descriptors(void)
{
	unsigned int i, j, rounds = 20, arrived = 0;
	static struct out o;
	__u8 *buf;

	bench_open(0);
	buf = evil.mem + AT_TX_BUFS;
	drv_frame(&evil, wire_mac, buf, LONG, 1);
	drv_frame(&evil, wire_mac, buf + PAGE, LONG, 2);
	for (i = 0; i < RING_SIZE; i++)
		((struct vnic_tx_desc *)(evil.mem + AT_TX_RING))[i].flags = htole16(VNIC_TXD_F_EOP);
	for (i = 0; i < RING_SIZE; i++)
		flip_desc(evil.mem + AT_TX_RING);
	meanwhile(flip_desc, evil.mem + AT_TX_RING);
	for (i = 0; i < rounds; i++) {
		evil.tx_prod += RING_SIZE;
		drv_push(&evil);
		check(drv_sent(&evil, WAIT), "stands still");
		for (j = 0; j < RING_SIZE && comes_out(wire_sock, &o, WAIT); j++, arrived++) {
			check(o.len == 100 || o.len == LONG, "%d bytes", o.len);
			check(!memcmp(o.frame, buf, o.len) || !memcmp(o.frame, buf + PAGE, o.len),
			      "%d bytes that were in no buffer", o.len);
		}
	}
	meanwhile_stop();
	check_eq(arrived, rounds * RING_SIZE);
	check_moved("vf0_tx_packets", arrived);
	check_moved("vf0_tx_dropped", 0);
	/* the last one leads to nothing, once it has been rung for */
	put_desc(MEM_IOVA + 2 * MEM_SIZE, 100, VNIC_TXD_F_EOP);
	drv_push(&evil);
	check_stopped("TX buffer not accessible");
	bench_close();
}

static void bursts(void *arg)
{
	unsigned int i;

	(void)arg;
	if (evil.tx_prod - le32toh(drv_event(&evil, AT_TX_EVENT)->cons) > RING_SIZE / 2)
		return;
	for (i = 0; i < 32; i++)
		put_desc(ELSEWHERE + i % 4 * PAGE, LONG, VNIC_TXD_F_EOP);
	drv_push(&evil);
}

/* What is unmapped while it is being sent: nothing of what is there then leaves. */
static void case_unmap_copy(void)
{
	__u8 *mem = get_memory(4 * PAGE), frame[LONG];
	static struct out o;
	unsigned int i, round;

	bench_open(0);
	drv_frame(&evil, wire_mac, frame, LONG, 1);
	for (round = 0; round < 3; round++) {
		for (i = 0; i < 4; i++)
			memcpy(mem + i * PAGE, frame, LONG);
		check_eq(vdev_map(&evil.dev, ELSEWHERE, mem, 4 * PAGE), 0);
		meanwhile(bursts, NULL);
		for (i = 0; i < 300 + round * 37; i++)
			check(comes_out(wire_sock, &o, WAIT), "nothing comes");
		check_eq(vdev_unmap(&evil.dev, ELSEWHERE, 4 * PAGE), 0);
		memset(mem, 0x5a, 4 * PAGE);
		check(drv_failed(&evil), "sends from memory that is unmapped");
		meanwhile_stop();
		while (comes_out(wire_sock, &o, 0))
			check(o.len == LONG && !memcmp(o.frame, frame, LONG),
			      "what was there after unmap has left");
		check_stopped("TX buffer not accessible");
	}
	bench_close();
}

static struct drv slow_drv;
static void *slow_mem;
static int slow_result;

static void *map_slow(void *arg)
{
	int *done = arg;

	slow_result = vdev_map(&slow_drv.dev, ELSEWHERE, slow_mem, PAGE);
	check_eq(write(*done, "m", 1), 1);
	return NULL;
}

static void send_one(void)
{
	__u8 frame[100];

	drv_frame(&slow_drv, wire_mac, frame, sizeof(frame), 1);
	drv_send(&slow_drv, frame, sizeof(frame), 1);
	check(drv_sent(&slow_drv, WAIT), "not sent");
}

/*
 * A VM of its own, VF 3, with slow memory.  Says 'w' when its map call waits for a
 * page, or 'r' when the call is refused because it may not wait (type1 of 6.12),
 * and 'd' when it is mapped and in use.
 */
static void slow_vm(int to, bool give)
{
	struct uffdio_zeropage zero = { .range.len = PAGE };
	struct pollfd wait[2] = { { .events = POLLIN }, { .events = POLLIN } };
	pthread_t thread;
	int done[2];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	check(!pipe2(done, O_CLOEXEC), "%m");
	drv_open(&slow_drv, bench_vf[3], false);
	drv_start(&slow_drv);
	wait[0].fd = slow_memory(&slow_mem, PAGE);
	wait[1].fd = done[0];
	check(!pthread_create(&thread, NULL, map_slow, &done[1]), "no thread");
	check(poll(wait, 2, WAIT) > 0, "neither waits nor ends");
	send_one();	/* its own VF goes on with what is mapped */
	if (wait[1].revents) {
		check_eq(slow_result, -EFAULT);
		check_eq(write(to, "r", 1), 1);
	} else {
		check_eq(write(to, "w", 1), 1);
	}
	if (!give)
		pause();
	zero.range.start = (uintptr_t)slow_mem;
	check(!ioctl(wait[0].fd, UFFDIO_ZEROPAGE, &zero), "%m");
	pthread_join(thread, NULL);
	if (slow_result)
		slow_result = vdev_map(&slow_drv.dev, ELSEWHERE, slow_mem, PAGE);
	check_eq(slow_result, 0);
	/* no page is missing from now on, whatever becomes of the program that gave it */
	drv_frame(&slow_drv, wire_mac, slow_mem, 100, 1);
	drv_send_from(&slow_drv, ELSEWHERE);
	check(drv_sent(&slow_drv, WAIT), "not sent from what was slow");
	check_eq(write(to, "d", 1), 1);
	_exit(0);
}

/* Is the map call refused, and does not wait?  Of others it is not known. */
static bool never_waits(void)
{
	struct utsname name;

	check(!uname(&name), "%m");
	return !getenv("VNIC_CONTAINER") && !strncmp(name.release, "6.12.", 5);
}

/*
 * The device never waits for a page: what is mapped is pinned.  If anybody waits for
 * slow memory it is the map call, which can be killed; nobody else waits for it.
 */
static void case_slow(void)
{
	int pipefd[2], status, give;
	__u64 end;
	pid_t pid;
	char c;

	if (syscall(SYS_userfaultfd, O_CLOEXEC) < 0 && errno == ENOSYS)
		skip_case("kernel without userfaultfd");
	bench_open(0);
	for (give = 0; give < 2; give++) {
		check(!pipe2(pipefd, O_CLOEXEC), "%m");
		pid = fork();
		if (!pid)
			slow_vm(pipefd[1], give);
		close(pipefd[1]);
		check_eq(read(pipefd[0], &c, 1), 1);
		check(c == 'r' || (c == 'w' && !never_waits()), "%c", c);
		printf("# the map call %s\n", c == 'w' ? "waits" : "is refused");
		/* the administrator: devlink, ethtool, a reset of another VF; another VM's maps */
		check(!health().stopped, "stopped");
		check(moved("vf3_tx_packets"), "VF 3 has sent nothing");
		flr_start();
		check_eq(vdev_map(&evil.dev, ELSEWHERE, get_memory(PAGE), PAGE), 0);
		check_eq(vdev_unmap(&evil.dev, ELSEWHERE, PAGE), 0);
		if (give) {
			check_eq(read(pipefd[0], &c, 1), 1);
			check_eq(c, 'd');
		} else {
			check(waitpid(pid, &status, WNOHANG) == 0, "has ended");
			kill(pid, SIGKILL);
		}
		for (end = now_ms() + WAIT; waitpid(pid, &status, WNOHANG) != pid; usleep(1000))
			check(now_ms() < end, "does not end");
		check_eq(status, give ? 0 : SIGKILL);
		close(pipefd[0]);
	}
	bench_close();
}

/* ---- class 6 ---- */

static int queue_at(__u16 type, __u64 ring, __u64 event)
{
	struct vnic_mbx_queue q = {
		.type = htole16(type),
		.vector = htole16(1),
		.size = htole32(64),
		.ring = htole64(ring),
		.event = htole64(event),
	};

	return drv_msg(&evil, VNIC_MBX_QUEUE_CREATE, &q, sizeof(q), NULL, 0);
}

static int enable(void)
{
	struct vnic_mbx_u32 on = { .value = htole32(1) };

	return drv_msg(&evil, VNIC_MBX_ENABLE, &on, sizeof(on), NULL, 0);
}

/* Reset, mailbox and HELLO, but no queues */
static void afresh(void)
{
	reg_write(&evil.dev, VNIC_REG_CONTROL, VNIC_CTRL_RESET);
	drv_mailbox(&evil);
	drv_hello(&evil);
}

enum { MBX = AT_MBX, EV = AT_TX_EVENT, RING = AT_TX_RING };

/*
 * Rings, event blocks and buffers, one over the other, and what the device says of it; NULL: it
 * goes on.  Where a frame is written over both event blocks, or over a ring that may have been
 * fetched by then, it is who looks first.
 */
static const struct layout {
	__u32		rx, rx_event, tx, tx_event, bufs;
	const char	*reason, *other;
} layouts[] = {
	{ RING, EV, RING, EV + 128, AT_RX_BUFS, NULL, NULL },
	{ RING, EV, AT_RX_RING, EV, AT_RX_BUFS, BAD_TX, NULL },
	{ RING, RING, AT_RX_RING, EV, AT_RX_BUFS, BAD_RX, NULL },
	{ RING, RING + 128, RING + 64, RING + 256, RING, BAD_TX, BAD_RX },
	{ RING, EV, AT_RX_RING, EV + 128, RING, NULL, BAD_RX },
	{ RING, EV, AT_RX_RING, EV + 128, EV & ~(PAGE - 1), BAD_TX, BAD_RX },
	{ RING, EV, AT_RX_RING, EV + 128, MBX, NULL, NULL },
	{ MBX, EV, MBX + 1024, EV + 128, MBX + 2048, NULL, NULL },
};

#define FRAMES	40

/* Queues there, and 64 buffers posted */
static void overlap_start(const struct layout *at)
{
	struct vnic_rx_desc *ring = (void *)(evil.mem + at->rx);
	unsigned int i;

	memset(evil.mem, 0, AT_TX_BUFS);	/* of the layout before */
	afresh();
	health_note();		/* the layout before may have failed late */
	check_eq(queue_at(VNIC_QUEUE_RX, MEM_IOVA + at->rx, MEM_IOVA + at->rx_event), VNIC_MBX_OK);
	check_eq(queue_at(VNIC_QUEUE_TX, MEM_IOVA + at->tx, MEM_IOVA + at->tx_event), VNIC_MBX_OK);
	check_eq(enable(), VNIC_MBX_OK);
	for (i = 0; i < 64; i++)
		ring[i] = (struct vnic_rx_desc) {
			.addr = htole64(MEM_IOVA + at->bufs + i % 4 * 512),
			.len = htole32(512),
		};
	drv_event(&evil, at->rx_event)->prod = htole32(64);
}

/* Frames from the wire, and doorbells of both: all are delivered, or it says why not. */
static void overlap_run(const struct layout *at)
{
	__u64 had = moved("vf0_rx_packets");
	const char *reason = at->reason;
	unsigned int i;

	for (i = 0; i < FRAMES; i++) {
		reg_write(&evil.dev, VNIC_REG_KICK, VNIC_KICK_RX(0));
		from_wire(400, i);
		reg_write(&evil.dev, VNIC_REG_KICK, VNIC_KICK_TX(0));
	}
	if (!reason && at->other && drv_failed(&evil)) {
		check_stopped(at->other);
		return;
	}
	if (!reason) {
		check_moved("vf0_rx_packets", had + FRAMES);
		check(!health().stopped, "layout %td: stopped", at - layouts);
		return;
	}
	check(drv_failed(&evil), "layout %td: goes on", at - layouts);
	if (at->other && !strcmp(health().reason, at->other))
		reason = at->other;
	check_stopped(reason);
}

/*
 * Rings, event blocks, buffers and mailbox one over the other: what the device writes
 * into one is what it reads from another.  It goes on or stops; nothing else is changed.
 */
static void case_overlap(void)
{
	__u8 *guard = get_memory(2 * PAGE);
	unsigned int i;

	bench_open(0);
	memset(guard, 0xa7, 2 * PAGE);
	check_eq(vdev_map(&evil.dev, ELSEWHERE, guard, PAGE), 0);
	for (i = 0; i < ARRAY_SIZE(layouts); i++) {
		overlap_start(&layouts[i]);
		overlap_run(&layouts[i]);
	}
	for (i = 0; i < 2 * PAGE; i++)
		check(guard[i] == 0xa7, "written where no ring leads to");
	check_moved("vf0_tx_packets", 0);
	bench_close();
}

/* Rings and buffers in the VF's own BAR: page 1 is memory, the rest cannot be mapped. */
static void case_bar(void)
{
	/* all that both workers look at is in that page: who looks first says why */
	static const char *const gone[] = {
		"TX ring unmapped", "RX ring or buffer not accessible", "RX ring unmapped",
	};
	static struct out o;
	__u8 *page, *beside;
	unsigned int i;

	bench_vm();
	bench_open(0);
	beside = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, evil.dev.fd, evil.dev.off[0]);
	check(beside == MAP_FAILED, "registers are mapped");
	page = bench_bell_page();
	check_eq(vdev_map(&evil.dev, ELSEWHERE, page, PAGE), 0);
	afresh();
	check_eq(queue_at(VNIC_QUEUE_TX, ELSEWHERE, ELSEWHERE + 3072), VNIC_MBX_OK);
	check_eq(queue_at(VNIC_QUEUE_RX, ELSEWHERE + 1024, ELSEWHERE + 3200), VNIC_MBX_OK);
	for (i = 0; i < 64; i++)
		((struct vnic_rx_desc *)(page + 1024))[i] = (struct vnic_rx_desc) {
			.addr = htole64(ELSEWHERE + 2048),
			.len = htole32(512),
		};
	((struct vnic_event *)(page + 3200))->prod = htole32(64);
	check_eq(enable(), VNIC_MBX_OK);
	reg_write(&evil.dev, VNIC_REG_KICK, VNIC_KICK_RX(0));
	from_wire(300, 1);
	check_moved("vf0_rx_packets", 1);
	/* what came in is sent out again, from where it is */
	memcpy(page + 2048, wire_mac, 6);
	memcpy(page + 2054, evil.caps.mac, 6);
	*(struct vnic_tx_desc *)page = (struct vnic_tx_desc) {
		.addr = htole64(ELSEWHERE + 2048),
		.len = htole16(300),
		.flags = htole16(VNIC_TXD_F_EOP),
	};
	((struct vnic_event *)(page + 3072))->prod = htole32(1);
	reg_write(&evil.dev, VNIC_REG_KICK, VNIC_KICK_TX(0));
	check(comes_out(wire_sock, &o, WAIT), "nothing is sent from the BAR");
	check(o.len == 300 && !memcmp(o.frame, page + 2048, 300), "changed");
	check_eq(vdev_unmap(&evil.dev, ELSEWHERE, PAGE), 0);
	((struct vnic_event *)(page + 3072))->prod = htole32(2);
	reg_write(&evil.dev, VNIC_REG_KICK, VNIC_KICK_TX(0));
	check_stopped_by(gone, ARRAY_SIZE(gone));
	bench_close();
}

/* Part of VF 0's memory mapped otherwise: @len bytes at @at, which is not the end.  A mapping
 * goes as it came: all is away for a moment, in which a frame may come.
 */
static void remap(unsigned int at, size_t len, bool readable, bool writable)
{
	check_eq(vdev_unmap(&evil.dev, MEM_IOVA, MEM_SIZE), 0);
	if (at)
		check_eq(vdev_map(&evil.dev, MEM_IOVA, evil.mem, at), 0);
	if (readable || writable)
		check_eq(vdev_map_as(&evil.dev, MEM_IOVA + at, evil.mem + at, len, readable,
				     writable), 0);
	check_eq(vdev_map(&evil.dev, MEM_IOVA + at + len, evil.mem + at + len,
			  MEM_SIZE - at - len), 0);
}

/* All of it as it was */
static void map_all(void)
{
	remap(0, PAGE, true, true);
}

/* Received into read-only memory: not a byte, and who sends does not wait. */
static void case_no_write(void)
{
	const size_t len = RING_SIZE * RX_BUF_SIZE;
	__u8 frame[200], *before = malloc(len);
	struct drv mate;

	bench_open(0);
	bench_mate(&mate);
	remap(AT_RX_BUFS, len, true, false);
	memcpy(before, evil.mem + AT_RX_BUFS, len);
	drv_frame(&mate, evil.caps.mac, frame, sizeof(frame), 77);
	drv_send(&mate, frame, sizeof(frame), 1);
	check(drv_sent(&mate, WAIT), "the sender waits for the receiver");
	check(drv_failed(&evil), "it goes on");
	check(!memcmp(before, evil.mem + AT_RX_BUFS, len), "written to read-only memory");
	check_stopped("RX ring or buffer unmapped");
	check_moved("vf3_tx_packets", 1);
	check_moved("vf3_tx_dropped", 0);
	check_moved("vf0_rx_packets", 0);
	check_moved("vfs_rx_drop_reset", 1);
	map_all();
	vdev_close(&mate.dev);
	free(before);
	bench_close();
}

/* Sent from memory that may only be written: to the wire, and a frame of two buffers */
static void case_no_read(void)
{
	void *page = get_memory(PAGE);
	unsigned int i;

	bench_open(0);
	check_eq(vdev_map_as(&evil.dev, ELSEWHERE, page, PAGE, false, true), 0);
	for (i = 0; i < 2; i++) {
		drv_frame(&evil, wire_mac, page, 100, i);
		if (i) {	/* the headers are there, the rest may not be read */
			put_frame(wire_mac, 60);
			evil.tx_prod--;
			put_desc(MEM_IOVA + AT_TX_BUFS + evil.tx_prod % RING_SIZE * TX_BUF_SIZE,
				 60, 0);
		}
		put_desc(ELSEWHERE, 100, VNIC_TXD_F_EOP);
		drv_push(&evil);
		check_stopped("TX buffer not accessible");
	}
	check_silent();
	check_moved("vf0_tx_packets", 0);
	bench_close();
}

/* Rings and event blocks that cannot be what they have to be are refused. */
static void case_ring_places(void)
{
	const __u64 tx = MEM_IOVA + AT_TX_RING, rx = MEM_IOVA + AT_RX_RING;
	const __u64 event = MEM_IOVA + AT_TX_EVENT;
	unsigned int n = 0;

	bench_open(0);
	afresh();
	remap(AT_RX_RING, PAGE, true, false);		/* completions are written there */
	check_eq(queue_at(VNIC_QUEUE_RX, rx, event), VNIC_MBX_E_FAULT);
	remap(AT_TX_EVENT, PAGE, true, false);
	check_eq(queue_at(VNIC_QUEUE_TX, tx, event), VNIC_MBX_E_FAULT);
	check_eq(queue_at(VNIC_QUEUE_RX, rx, event), VNIC_MBX_E_FAULT);
	remap(AT_TX_EVENT, PAGE, false, true);
	check_eq(queue_at(VNIC_QUEUE_TX, tx, event), VNIC_MBX_E_FAULT);
	remap(AT_TX_RING, PAGE, false, true);
	check_eq(queue_at(VNIC_QUEUE_TX, tx, event), VNIC_MBX_E_FAULT);
	n += 5;
	remap(AT_TX_RING, PAGE, false, false);		/* and not at all */
	check_eq(queue_at(VNIC_QUEUE_TX, tx, event), VNIC_MBX_E_FAULT);
	remap(AT_RX_RING, PAGE, false, false);
	check_eq(queue_at(VNIC_QUEUE_RX, rx, event), VNIC_MBX_E_FAULT);
	n += 2;
	check_refused(n);
	map_all();
	check_eq(queue_at(VNIC_QUEUE_TX, tx, event), VNIC_MBX_OK);
	check_refused(n);
	bench_close();
}

/* What goes while it is in use, and nothing else: mailbox, event blocks, rings */
static void case_ring_gone(void)
{
	static const struct {
		unsigned int	at;
		__u32		ring;		/* the register that is written to */
		const char	*reason[3];
	} gone[] = {
		{ AT_MBX, VNIC_REG_MBX_KICK, { "mailbox page is not accessible" } },
		{ AT_TX_EVENT, VNIC_DOORBELL_TX(0),	/* RX's, too: who looks first says why */
		  { "TX ring unmapped", "RX ring or buffer not accessible", "RX ring unmapped" } },
		{ AT_TX_RING, VNIC_DOORBELL_TX(0), { "TX ring unmapped" } },
		{ AT_RX_RING, VNIC_DOORBELL_RX(0),	/* a frame, or who fetches the last buffers */
		  { "RX ring or buffer unmapped", "RX ring or buffer not accessible",
		    "RX ring unmapped" } },
	};
	static struct out o;
	unsigned int i;

	bench_open(0);
	for (i = 0; i < ARRAY_SIZE(gone); i++) {
		reg_write(&evil.dev, VNIC_REG_CONTROL, VNIC_CTRL_RESET);
		remap(gone[i].at, PAGE, true, true);	/* a mapping of its own */
		drv_start(&evil);
		put_frame(wire_mac, 300);
		drv_push(&evil);
		check(comes_out(wire_sock, &o, WAIT) && o.len == 300, "it does not send");
		put_frame(wire_mac, 300);	/* what the ring then leads to */
		check_eq(vdev_unmap(&evil.dev, MEM_IOVA + gone[i].at, PAGE), 0);
		memset(evil.mem + gone[i].at, 0x5a, PAGE);
		if (gone[i].at == AT_TX_RING)	/* not before: the worker may still look */
			drv_event(&evil, AT_TX_EVENT)->prod = htole32(evil.tx_prod);
		if (gone[i].at == AT_RX_RING)
			from_wire(300, i);
		reg_write(&evil.dev, gone[i].ring, 1);
		check(drv_failed(&evil), "%#x is gone, and it goes on", gone[i].at);
		check(evil.mem[gone[i].at] == 0x5a &&
		      !memcmp(evil.mem + gone[i].at, evil.mem + gone[i].at + 1, PAGE - 1),
		      "written to after unmap");
		map_all();
		check_stopped_by(gone[i].reason, gone[i].reason[1] ? 3 : 1);
	}
	check_silent();
	check_moved("vf0_tx_packets", i);
	check_moved("vf0_rx_packets", 0);
	bench_close();
}

/* What can be mapped of a file at @off, or MAP_FAILED; the file is not needed any more. */
static void *map_of(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC), err;
	void *mem;

	check(fd >= 0, "%s: %m", path);
	mem = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	err = errno;
	close(fd);
	errno = err;
	return mem;
}

/* A BAR of a device that has no driver, and is none of ours: classes.py has seen to one. */
static void *foreign_bar(void)
{
	void *mem = MAP_FAILED;
	glob_t found;
	size_t i;

	check(!glob("/sys/bus/pci/devices/*/resource[0-5]", 0, NULL, &found), "no BARs");
	for (i = 0; i < found.gl_pathc && mem == MAP_FAILED; i++)
		mem = map_of(found.gl_pathv[i]);
	check(mem != MAP_FAILED, "no BAR of the machine can be mapped");
	printf("# %s\n", found.gl_pathv[i - 1]);
	globfree(&found);
	return mem;
}

/* No ring may be there: two requests are refused. */
static void no_ring_in(void *bar)
{
	check_eq(vdev_map(&evil.dev, ELSEWHERE, bar, PAGE), 0);
	afresh();
	check_eq(queue_at(VNIC_QUEUE_TX, ELSEWHERE, ELSEWHERE + 2048), VNIC_MBX_E_FAULT);
	check_eq(queue_at(VNIC_QUEUE_RX, ELSEWHERE, ELSEWHERE + 2048), VNIC_MBX_E_FAULT);
}

/*
 * Memory of a device.  Of a VF nothing can be mapped but its doorbell page: not by vfio, nor by
 * sysfs where the kernel keeps root from the BARs of devices in use (CONFIG_IO_STRICT_DEVMEM).
 * Of another device vfio maps what it can.
 */
static void case_device_memory(void)
{
	struct vdev other;
	char path[96];
	void *bar;

	bench_open(0);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource0", bench_vf[3]);
	bar = map_of(path);
	if (bar == MAP_FAILED) {
		check_eq(errno, EINVAL);
	} else {
		no_ring_in(bar);
		check_refused(2);
		check_eq(vdev_unmap(&evil.dev, ELSEWHERE, PAGE), 0);
		health_note();
	}
	vdev_open_with(&other, bench_vf[3], &evil.dev);
	bar = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, other.fd, other.off[0]);
	check(bar == MAP_FAILED && errno == EINVAL, "registers of VF 3 are mapped: %m");
	vdev_close(&other);
	no_ring_in(foreign_bar());
	check_refused(2);
	/* nor a buffer */
	drv_queues(&evil);
	drv_send_from(&evil, ELSEWHERE);
	check_stopped("TX buffer not accessible");
	bench_close();
}

const struct hostile_case memory_cases[] = {
	{ 1, "descriptors", case_descriptors, "descriptors rewritten after the doorbell" },
	{ 1, "unmap_copy", case_unmap_copy, "memory unmapped while it is copied from" },
	{ 1, "slow", case_slow, "memory whose pages do not come: nobody waits, but its map call" },
	{ 6, "overlap", case_overlap, "rings, event blocks, buffers and mailbox overlap" },
	{ 6, "bar", case_bar, "rings and buffers in its own BAR" },
	{ 6, "no_write", case_no_write, "read-only memory is not written" },
	{ 6, "no_read", case_no_read, "write-only memory is not sent from" },
	{ 6, "ring_places", case_ring_places, "rings that cannot be read or written" },
	{ 6, "ring_gone", case_ring_gone, "mailbox, event blocks and rings unmapped in use" },
	{ 6, "device_memory", case_device_memory, "rings in another device's memory" },
	{}
};
