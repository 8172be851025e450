// SPDX-License-Identifier: GPL-2.0
/*
 * What a program reaches in vnic's modules, by kcov: its own thread's system calls, and the
 * VFs' threads and kworkers (kcov's remote handle, model/fn.c).
 *
 * What counts as new is a place, or that some are reached another order of magnitude of times.
 * Not what follows what: threads make that different each time.
 */
#include <fcntl.h>
#include <linux/kcov.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

#define KCOV	"/sys/kernel/debug/kcov"
#define WORDS	(1u << 17)	/* of the area of each kind */
#define SEEN	(1u << 20)	/* bits */
#define PLACES	(1u << 16)	/* slots of a hash table */
#define HANDLE	1
#define SOME	8	/* places reached another order of magnitude of times */

struct places {
	unsigned int	n;
	__u64		slot[PLACES];
	__u64		list[PLACES];
	unsigned int	times[PLACES];	/* by slot */
};

static unsigned long *area[2];
static __u8 seen[SEEN / 8];
static struct places all, last;

bool cover_possible(void)
{
	return !access(KCOV, R_OK | W_OK);
}

static int map_area(unsigned int which)
{
	int fd = open(KCOV, O_RDWR | O_CLOEXEC);

	check(fd >= 0, KCOV ": %m (a kernel with CONFIG_KCOV?)");
	check(!ioctl(fd, KCOV_INIT_TRACE, WORDS), "KCOV_INIT_TRACE: %m");
	area[which] = mmap(NULL, WORDS * sizeof(long), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	check(area[which] != MAP_FAILED, "kcov: mmap: %m");
	return fd;
}

void cover_remote(void)
{
	struct kcov_remote_arg arg = {
		.trace_mode = KCOV_TRACE_PC,
		.area_size = WORDS / 2,
		.common_handle = kcov_remote_handle(KCOV_SUBSYSTEM_COMMON, HANDLE),
	};

	check(!ioctl(map_area(1), KCOV_REMOTE_ENABLE, &arg), "KCOV_REMOTE_ENABLE: %m");
}

void cover_local(void)
{
	check(!ioctl(map_area(0), KCOV_ENABLE, KCOV_TRACE_PC), "KCOV_ENABLE: %m");
}

void cover_reset(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(area) && area[i]; i++)
		__atomic_store_n(&area[i][0], 0, __ATOMIC_SEQ_CST);
}

static __u64 hash(__u64 x)
{
	x *= 0x9e3779b97f4a7c15ull;
	return x ^ x >> 29;
}

static unsigned int find_slot(const struct places *p, __u64 pc)
{
	unsigned int i = hash(pc) % PLACES;

	while (p->slot[i] && p->slot[i] != pc)
		i = (i + 1) % PLACES;
	return i;
}

static void add_place(struct places *p, __u64 pc)
{
	unsigned int i = find_slot(p, pc);

	p->times[i]++;
	if (p->slot[i])
		return;
	check(p->n < PLACES / 2, "more places than there is room for");
	p->slot[i] = pc;
	p->list[p->n++] = pc;
}

/* Is it new that @pc is reached about so many times?  Not any more. */
static bool note_new(__u64 pc, unsigned int times)
{
	unsigned int bit = hash(pc ^ hash(32 - __builtin_clz(times))) % SEEN;
	bool fresh = !(seen[bit / 8] & 1 << bit % 8);

	seen[bit / 8] |= 1 << bit % 8;
	return fresh;
}

bool cover_take(void)
{
	unsigned int before = all.n, fresh = 0, i;
	unsigned long at, n;

	memset(&last, 0, sizeof(last));
	for (i = 0; i < ARRAY_SIZE(area) && area[i]; i++) {
		n = __atomic_load_n(&area[i][0], __ATOMIC_SEQ_CST);
		for (at = 1; at <= n && at < WORDS; at++)
			add_place(&last, area[i][at]);
	}
	for (i = 0; i < last.n; i++) {
		fresh += note_new(last.list[i], last.times[find_slot(&last, last.list[i])]);
		add_place(&all, last.list[i]);
	}
	return all.n > before || fresh >= SOME;
}

const __u64 *cover_last(unsigned int *n)
{
	*n = last.n;
	return last.list;
}

unsigned int cover_places(void)
{
	return all.n;
}

void cover_write(const char *path)
{
	FILE *file = fopen(path, "w");
	unsigned int i;

	check(file, "%s: %m", path);
	for (i = 0; i < all.n; i++)
		fprintf(file, "%llx\n", (unsigned long long)all.list[i]);
	check(!fclose(file), "%s: %m", path);
}
