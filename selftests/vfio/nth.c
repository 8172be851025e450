// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "nth.h"
#include "test.h"

#define NTH_TASKS	256

static int armed[NTH_TASKS];
static unsigned int num_armed;
static bool all_fail;

static int open_path(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	check(fd >= 0, "%s: %m", path);
	return fd;
}

int nth_open(pid_t tid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/fail-nth", tid ? getpid() : gettid(),
		 tid ? tid : gettid());
	return open_path(path);
}

void nth_set(int fd, unsigned int nth)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", nth);

	check(pwrite(fd, text, len, 0) == len, "fail-nth: %m");
}

unsigned int nth_get(int fd)
{
	char text[16] = "";

	check(pread(fd, text, sizeof(text) - 1, 0) > 0, "fail-nth: %m");
	return atoi(text);
}

static bool begins(const char *path, const char *with)
{
	char name[32] = "";
	FILE *file = fopen(path, "r");

	if (!file)
		return false;	/* it has ended */
	if (!fgets(name, sizeof(name), file))
		name[0] = 0;
	fclose(file);
	return !strncmp(name, with, strlen(with));
}

/* Tasks in @dir, /proc or what is like it, whose names begin so */
static void arm_all(const char *dir, const char *with, unsigned int nth)
{
	DIR *all = opendir(dir);
	struct dirent *ent;
	char path[512];

	check(all, "%s: %m", dir);
	while ((ent = readdir(all))) {
		snprintf(path, sizeof(path), "%s/%s/comm", dir, ent->d_name);
		if (!isdigit(ent->d_name[0]) || !begins(path, with))
			continue;
		snprintf(path, sizeof(path), "%s/%s/fail-nth", dir, ent->d_name);
		check(num_armed < NTH_TASKS, "too many tasks");
		armed[num_armed] = open_path(path);
		nth_set(armed[num_armed++], nth);
	}
	closedir(all);
	check(num_armed, "no %s in %s", with, dir);
}

static void arm_self(unsigned int nth)
{
	armed[num_armed] = nth_open(0);
	nth_set(armed[num_armed++], nth);
}

static void write_attr(const char *attr, const char *name, const char *val)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%s", attr, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	check(fd >= 0 && write(fd, val, strlen(val)) > 0, "%s: %m", path);
	close(fd);
}

static void set_all(bool on)
{
	all_fail = on;
	write_attr("failslab", "times", on ? "-1" : "0");
	write_attr("fail_page_alloc", "times", on ? "-1" : "0");
	write_attr("failslab", "probability", on ? "100" : "0");
	write_attr("fail_page_alloc", "probability", on ? "100" : "0");
}

void nth_arm(enum nth_who who, unsigned int nth)
{
	num_armed = 0;
	switch (who) {
	case NTH_SELF:
		arm_self(nth);
		break;
	case NTH_BOTH:
		arm_self(nth);
		arm_all("/proc/self/task", "vn", nth);
		break;
	case NTH_WORKERS:
		arm_all("/proc/self/task", "vn", nth);
		break;
	case NTH_KWORKERS:
		arm_all("/proc", "kworker/0:", nth);
		arm_all("/proc", "kworker/1:", nth);
		break;
	case NTH_EVERYONE:
		arm_self(nth);
		arm_all("/proc/self/task", "vn", nth);
		arm_all("/proc", "kworker/", nth);
		break;
	case NTH_ALL:
		set_all(nth == 1);
		break;
	}
}

bool nth_disarm(void)
{
	bool failed = all_fail;
	unsigned int i;

	if (all_fail)
		set_all(false);
	for (i = 0; i < num_armed; i++) {
		failed |= !nth_get(armed[i]);
		nth_set(armed[i], 0);
		close(armed[i]);
	}
	num_armed = 0;
	return failed;
}
