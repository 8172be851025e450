// SPDX-License-Identifier: GPL-2.0
/*
 * What is mapped for a VF through vfio: what it reaches and what not, how much,
 * how fast it can be taken away, and that it does not matter to others.
 *
 * Usage: memory GIB SLOW VF VF VF
 *   GIB   so much is mapped in the case that maps much
 *   SLOW  limits of time are so many times as long
 */
#include <linux/membarrier.h>
#include <linux/pci_regs.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "test.h"

/*
 * Seen on an emulated machine of two CPUs: 61 ms for a frame of the others at most, 455 on the
 * debug kernel; 12.9 s to map 16 GiB and 5.3 s to unmap them, there 14.4 s and 11.5 s for one;
 * 60 ms to unmap in a storm, there 1.7 s.  That kernel checks each page: the limits of these
 * grow with the square of SLOW.
 */
#define LONGEST		500000u		/* us for a frame */
#define MAP_MS		3000u		/* for a GiB */
#define UNMAP_MS	1500u
#define STORM_US	500000u

static const char *vf[3];
static bool cdev;
static unsigned int gib, slow;

static void open_pair(struct drv *a, struct drv *b)
{
	drv_open(a, vf[0], cdev);
	drv_open(b, vf[1], cdev);
}

static void start_pair(struct drv *a, struct drv *b)
{
	open_pair(a, b);
	drv_start(a);
	drv_start(b);
}

/* Part of the driver's memory mapped otherwise */
static void remap(struct drv *v, unsigned int at, size_t len, bool readable, bool writable)
{
	check_eq(vdev_unmap(&v->dev, v->iova, MEM_SIZE), 0);
	if (at)
		check_eq(vdev_map(&v->dev, v->iova, v->mem, at), 0);
	check_eq(vdev_map_as(&v->dev, v->iova + at, v->mem + at, len, readable, writable), 0);
	if (at + len < MEM_SIZE)
		check_eq(vdev_map(&v->dev, v->iova + at + len, v->mem + at + len,
				  MEM_SIZE - at - len), 0);
}

static void restart(struct drv *v)
{
	reg_write(&v->dev, VNIC_REG_CONTROL, VNIC_CTRL_RESET);
	drv_start(v);
}

static __u8 nobody[6] = { 2, 0, 0, 0, 0, 99 };

/* What is only sent need not be writable: ring and buffers. */
static void case_read_only(void)
{
	struct drv a, b;

	open_pair(&a, &b);
	remap(&a, AT_TX_BUFS, RING_SIZE * TX_BUF_SIZE, true, false);
	drv_start(&a);
	drv_start(&b);
	drv_exchange(&a, &b, b.caps.mac, 1000, 3);
	drv_exchange(&b, &a, a.caps.mac, 1000, 3);
	remap(&a, AT_TX_RING, PAGE, true, false);
	restart(&a);
	drv_exchange(&a, &b, b.caps.mac, 1000, 3);
	drv_exchange(&b, &a, a.caps.mac, 1000, 3);
}

static bool stop_traffic;
static __u64 longest_us;
static unsigned long exchanged;

struct two {
	struct drv	*a, *b;
};

static void *traffic(void *arg)
{
	struct two *two = arg;
	__u64 t = now_us(), n;

	while (!__atomic_load_n(&stop_traffic, __ATOMIC_RELAXED)) {
		drv_exchange(two->a, two->b, two->b->caps.mac, 200, 1);
		n = now_us();
		if (n - t > longest_us)
			longest_us = n - t;
		t = n;
		__atomic_fetch_add(&exchanged, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static pthread_t traffic_start(struct two *two)
{
	pthread_t thread;

	stop_traffic = false;
	longest_us = 0;
	exchanged = 0;
	check(!pthread_create(&thread, NULL, traffic, two), "no thread");
	return thread;
}

/* The others have not got far enough yet to say that they are not disturbed. */
static bool few(void)
{
	return __atomic_load_n(&exchanged, __ATOMIC_RELAXED) < 20;
}

static void traffic_stop(pthread_t thread, const char *during)
{
	__atomic_store_n(&stop_traffic, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	printf("# %s: %lu frames of two others, at most %llu us for one\n", during, exchanged,
	       longest_us);
	check(!few(), "others stood still");
}

/* None waits for what is mapped or unmapped, but each may wait for a CPU. */
static void traffic_judge(void)
{
	timely(longest_us <= LONGEST * slow, "a frame of the others took %llu us", longest_us);
}

/* us that this process waits for a grace period of RCU now */
static __u64 grace_period(void)
{
	__u64 t = now_us();

	check(!syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0), "membarrier: %m");
	return now_us() - t;
}

/*
 * As many grace periods as an unmap may last: on PREEMPT_RT it waits for one, which is no
 * quicker there, for being expedited, than any other (rcu_normal_after_boot).
 */
static unsigned int most_graces(void)
{
	struct utsname name;

	check(!uname(&name), "uname: %m");
	return strstr(name.version, "PREEMPT_RT") ? 2 : 1;
}

static __u32 median(__u32 *sample, unsigned int n)
{
	sort_samples(sample, n);
	return sample[n / 2];
}

/*
 * As a guest with an IOMMU of its own does for each frame.  Grace periods are waited for
 * in between, on the same busy machine.
 */
static void case_each_frame(void)
{
	const unsigned int frames = 300 / slow;
	__u32 unmap, grace, unmaps[512], graces[ARRAY_SIZE(unmaps)];
	__u64 t, end;
	__u8 *page = get_memory(PAGE);
	struct drv a, b, c;
	struct two two = { &b, &c };
	pthread_t thread;
	unsigned int i, waited = 0;

	start_pair(&a, &b);
	drv_open(&c, vf[2], cdev);
	drv_start(&c);
	drv_frame(&a, nobody, page, 100, 1);
	thread = traffic_start(&two);
	end = now_us() + 10000000ull * slow;
	for (i = 0; i < frames || (few() && now_us() < end); i++) {
		check_eq(vdev_map_as(&a.dev, ELSEWHERE, page, PAGE, true, false), 0);
		drv_send_from(&a, ELSEWHERE);
		check(drv_sent(&a, WAIT), "not sent");
		t = now_us();
		check_eq(vdev_unmap(&a.dev, ELSEWHERE, PAGE), 0);
		unmaps[i % ARRAY_SIZE(unmaps)] = now_us() - t;
		if (i % 16 == 0)
			graces[waited++ % ARRAY_SIZE(graces)] = grace_period();
	}
	traffic_stop(thread, "unmapped after each frame");
	unmap = median(unmaps, i < ARRAY_SIZE(unmaps) ? i : ARRAY_SIZE(unmaps));
	grace = median(graces, waited < ARRAY_SIZE(graces) ? waited : ARRAY_SIZE(graces));
	printf("# %u us for one unmap, %u for a grace period\n", unmap, grace);
	timely(unmap < grace * most_graces(), "slower than a grace period");
	traffic_judge();
}

#define PIECE	(64u << 20)	/* bytes mapped by one call */

/*
 * Memory for @pieces, each of which begins a page behind the one before and overlaps it, so
 * that no two of them have the same page at the same place.  Each page has a frame from @a
 * to @b that says which it is.
 */
static __u8 *numbered_pages(struct drv *a, struct drv *b, unsigned int pieces)
{
	const __u32 pages = PIECE / PAGE + pieces;
	__u8 *mem = get_memory((size_t)pages * PAGE);
	__u32 i;

	for (i = 0; i < pages; i++) {
		drv_frame(a, b->caps.mac, mem + i * PAGE, 100, i);
		memcpy(mem + i * PAGE + 14, &i, sizeof(i));
	}
	return mem;
}

/* What lies at @iova of @a reaches @b, and it is what lies at @page. */
static void arrives_from(struct drv *a, struct drv *b, __u64 iova, const __u8 *page)
{
	__u8 got[RX_BUF_SIZE];

	drv_send_from(a, iova);
	check_eq(drv_receive(b, got, sizeof(got), WAIT), 100);
	check(!memcmp(got, page, 100), "%#llx leads to another page", iova);
	check(drv_sent(a, WAIT), "not sent");
}

/* Nothing is there any more: the VF is stopped, and starts again. */
static void gone(struct drv *v, __u64 iova)
{
	drv_send_from(v, iova);
	check(drv_failed(v), "memory is reached after unmap, at %#llx", iova);
	restart(v);
}

/* GIB of bus addresses, each piece reached at both of its ends, while two others talk */
static void case_much(void)
{
	const __u64 len = (__u64)gib << 30;
	struct drv a, b, c;
	struct two two = { &b, &c };
	__u64 at, t, mapped, unmapped;
	pthread_t thread;
	__u8 *mem, *page;

	start_pair(&a, &b);
	drv_open(&c, vf[2], cdev);
	drv_start(&c);
	mem = numbered_pages(&a, &b, len / PIECE);
	thread = traffic_start(&two);
	t = now_us();
	for (at = 0, page = mem; at < len; at += PIECE, page += PAGE)
		check_eq(vdev_map(&a.dev, ELSEWHERE + at, page, PIECE), 0);
	mapped = (now_us() - t) / 1000;
	for (at = 0, page = mem; at < len; at += PIECE, page += PAGE) {
		arrives_from(&a, &b, ELSEWHERE + at, page);
		arrives_from(&a, &b, ELSEWHERE + at + PIECE - PAGE, page + PIECE - PAGE);
	}
	t = now_us();
	check_eq(vdev_unmap(&a.dev, ELSEWHERE, len), 0);
	unmapped = (now_us() - t) / 1000;
	traffic_stop(thread, "much mapped and unmapped");
	printf("# %u GiB: mapped in %llu ms, unmapped in %llu ms\n", gib, mapped, unmapped);
	drv_exchange(&b, &a, a.caps.mac, 200, 1);
	gone(&a, ELSEWHERE);
	gone(&a, ELSEWHERE + len / 2 + PIECE / 2);
	gone(&a, ELSEWHERE + len - PAGE);
	drv_exchange(&a, &b, b.caps.mac, 200, 1);
	timely(mapped <= MAP_MS * gib * slow * slow, "mapped in %llu ms", mapped);
	timely(unmapped <= UNMAP_MS * gib * slow * slow, "unmapped in %llu ms", unmapped);
	traffic_judge();
}

static bool stop_storm;
static unsigned long storm_rounds;

static void *storm(void *arg)
{
	const size_t len = 256u << 20;
	void *mem = mmap(NULL, len, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(mem != MAP_FAILED, "mmap: %m");
	while (!__atomic_load_n(&stop_storm, __ATOMIC_RELAXED)) {
		check(!mprotect(mem, len, PROT_READ | PROT_WRITE), "%m");
		check(!mprotect(mem, len, PROT_READ), "%m");
		__atomic_fetch_add(&storm_rounds, 1, __ATOMIC_RELAXED);
	}
	return arg;
}

#define STORM_LEN	PIECE

static unsigned long rounds(void)
{
	return __atomic_load_n(&storm_rounds, __ATOMIC_RELAXED);
}

/* Mapped, used, and unmapped in the storm: us that unmapping takes */
static __u64 in_storm(struct drv *a, __u8 *mem)
{
	unsigned long before;
	unsigned int i;
	__u64 t;

	check_eq(vdev_map(&a->dev, ELSEWHERE, mem, STORM_LEN), 0);
	for (i = 0; i < STORM_LEN >> 20; i++)
		drv_send_from(a, ELSEWHERE + ((__u64)i << 20));
	check(drv_sent(a, WAIT * slow), "not sent");
	before = rounds();
	t = now_us();
	check_eq(vdev_unmap(&a->dev, ELSEWHERE, STORM_LEN), 0);
	t = now_us() - t;
	printf("# unmapped in %llu us, %lu rounds meanwhile\n", t, rounds() - before);
	timely(rounds() > before, "there was no storm");
	gone(a, ELSEWHERE);
	gone(a, ELSEWHERE + STORM_LEN - PAGE);
	return t;
}

/* The VMM's own threads keep its mmap lock busy: it is unmapped all the same, and others talk. */
static void case_storm(void)
{
	__u8 *mem = get_memory(STORM_LEN);
	pthread_t thread[4], others;
	struct drv a, b, c;
	struct two two = { &b, &c };
	unsigned int i;
	__u64 t;

	start_pair(&a, &b);
	drv_open(&c, vf[2], cdev);
	drv_start(&c);
	for (i = 0; i < STORM_LEN >> 20; i++)
		drv_frame(&a, nobody, mem + (i << 20), 100, 1);
	others = traffic_start(&two);
	for (i = 0; i < ARRAY_SIZE(thread); i++)
		check(!pthread_create(&thread[i], NULL, storm, NULL), "no thread");
	t = in_storm(&a, mem);
	__atomic_store_n(&stop_storm, true, __ATOMIC_RELAXED);
	for (i = 0; i < ARRAY_SIZE(thread); i++)
		pthread_join(thread[i], NULL);
	traffic_stop(others, "unmapped in a storm");
	timely(t <= STORM_US * slow * slow, "unmapped in %llu us", t);
	traffic_judge();
}

/* Two VFs of one VM share what is mapped: one goes, the other does not care.  By
 * group only, where a container is what is shared.
 */
static void case_shared(void)
{
	struct drv a, b;

	memset(&b, 0, sizeof(b));
	drv_open(&a, vf[0], false);
	vdev_open_with(&b.dev, vf[1], &a.dev);
	drv_prepare(&b, ELSEWHERE);
	drv_start(&a);
	drv_start(&b);
	drv_exchange(&a, &b, b.caps.mac, 700, 2);
	drv_exchange(&b, &a, a.caps.mac, 700, 2);
	drv_send_from(&a, ELSEWHERE);	/* the other's memory is the VM's */
	check(drv_sent(&a, WAIT), "not sent");
	vdev_close(&a.dev);
	drv_frame(&b, a.caps.mac, b.mem + AT_TX_BUFS, 100, 1);
	drv_send_from(&b, ELSEWHERE + AT_TX_BUFS);
	check(drv_sent(&b, WAIT), "not sent");
	check_eq(vdev_unmap(&b.dev, ELSEWHERE, MEM_SIZE), 0);
	reg_write(&b.dev, VNIC_DOORBELL_TX(0), 0);
	check(drv_failed(&b), "memory is reached after unmap");
}

static const struct {
	const char *name;
	void (*run)(void);
	const char *what;
} cases[] = {
	{ "read_only", case_read_only, "what is sent may lie in read-only memory" },
	{ "each_frame", case_each_frame, "mapped and unmapped for each frame" },
	{ "much", case_much, "many GiB mapped and unmapped while others talk" },
	{ "storm", case_storm, "unmapped while the VMM keeps its memory's lock busy" },
	/* the last one: not by cdev */
	{ "shared", case_shared, "two VFs in one container" },
};

int main(int argc, char **argv)
{
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	const unsigned int by_cdev = vdev_have_cdev() ? ARRAY_SIZE(cases) - 1 : 0;
	unsigned int i, n = 0, bad = 0;
	const char *only = take_cases(&argc, &argv);

	if (argc != 6) {
		fprintf(stderr, "usage: memory [-c CASE,...] GIB SLOW VF VF VF\n");
		return 2;
	}
	gib = strtoul(argv[1], NULL, 0);
	slow = strtoul(argv[2], NULL, 0);
	for (i = 0; i < ARRAY_SIZE(vf); i++)
		vf[i] = argv[3 + i];
	setrlimit(RLIMIT_MEMLOCK, &all);
	for (i = 0; i < ARRAY_SIZE(cases) + by_cdev; i++)
		n += wanted_case(only, cases[i % ARRAY_SIZE(cases)].name);
	printf("KTAP version 1\n1..%u\n", n);
	n = 0;
	for (i = 0; i < ARRAY_SIZE(cases) + by_cdev; i++) {
		unsigned int c = i % ARRAY_SIZE(cases);
		int result;

		if (!wanted_case(only, cases[c].name))
			continue;
		cdev = i >= ARRAY_SIZE(cases);
		result = run_case(cases[c].name, cases[c].run, 200 * slow);
		bad += case_line(result, ++n, "%s: %s: %s", cdev ? "cdev" : "group",
				 cases[c].name, cases[c].what);
	}
	return bad || !n;
}
