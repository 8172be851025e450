// SPDX-License-Identifier: GPL-2.0
/*
 * The bench of the hostile driver: an administrator who changes VF 0's packet memory.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "bench.h"

#define POOLS	2u	/* what VF 0 is guaranteed, and what it may borrow */

static unsigned long was[POOLS];
static int changes = -1;
static pid_t resizer;

/* Port 0 is VF 0's. */
static unsigned long threshold(unsigned int pool)
{
	char cmd[128], said[512] = "", *at;
	FILE *p;

	snprintf(cmd, sizeof(cmd), "devlink -j sb port pool show pci/%s/0 pool %u", bench_bdf,
		 pool);
	p = popen(cmd, "re");
	check(p, "devlink: %m");
	check(fread(said, 1, sizeof(said) - 1, p) && !pclose(p), "devlink does not answer");
	at = strstr(said, "\"threshold\":");
	check(at, "%s", said);
	return strtoul(at + 12, NULL, 10);
}

static void set_threshold(unsigned int pool, unsigned long bytes)
{
	char cmd[128];

	snprintf(cmd, sizeof(cmd), "devlink sb port pool set pci/%s/0 pool %u th %lu", bench_bdf,
		 pool, bytes);
	check(!system(cmd), "%s", cmd);
	check_eq(threshold(pool), bytes);
}

/* Below and above what waits there: each of its frames takes 2048 bytes.  A line for each */
void resize_start(void)
{
	unsigned int pool;
	int pipefd[2];
	char cmd[512];

	for (pool = 0; pool < POOLS; pool++)
		was[pool] = threshold(pool);
	snprintf(cmd, sizeof(cmd),
		 "set_() { devlink sb port pool set pci/%s/0 pool $1 th $2 && echo || exit 1; }\n"
		 "while :; do set_ 0 65536; set_ 1 0; set_ 0 524288; set_ 1 131072; done",
		 bench_bdf);
	check(!pipe2(pipefd, O_CLOEXEC | O_NONBLOCK), "%m");
	resizer = fork();
	if (!resizer) {
		setpgid(0, 0);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(pipefd[1], STDOUT_FILENO);
		execlp("sh", "sh", "-c", cmd, NULL);
		_exit(127);
	}
	check(resizer > 0, "fork: %m");
	changes = pipefd[0];
}

/* By whether the VF has buffers it is one reason or another. */
static bool full(void)
{
	return moved("vfs_rx_drop_memory") || moved("vfs_rx_drop_nobuf");
}

void resize_full(void)
{
	__u64 end = now_ms() + WAIT * bench_slow;

	for (; !full(); usleep(1000))
		check(now_ms() < end, "its packet memory is never full");
}

unsigned int resize_changes(void)
{
	char buf[256];
	ssize_t n = read(changes, buf, sizeof(buf));

	return n > 0 ? n : 0;
}

/* Of all reasons for which a frame to VF 0 can be lost */
static __u64 lost_for_a_reason(void)
{
	static const char *const why[] = {
		"memory", "reclaim", "reset", "link", "nobuf", "codel", "share", "nomem",
	};
	__u64 n = 0, all = 0;
	unsigned int i;
	char name[64];

	printf("# frames lost:");
	for (i = 0; i < ARRAY_SIZE(why); i++, all += n) {
		snprintf(name, sizeof(name), "vfs_rx_drop_%s", why[i]);
		n = moved(name);
		printf(" %s %llu", why[i], n);
	}
	printf("\n");
	return all;
}

void resize_stop(void)
{
	unsigned int pool;

	check_eq(waitpid(resizer, NULL, WNOHANG), 0);	/* none was refused */
	kill(-resizer, SIGKILL);
	waitpid(resizer, NULL, 0);
	for (pool = 0; pool < POOLS; pool++) {
		set_threshold(pool, 65536);	/* it is still changed by that */
		set_threshold(pool, was[pool]);
	}
	check_eq(lost_for_a_reason(), moved("vf0_rx_dropped"));
	check(moved("vfs_rx_drop_reset"), "nothing waited there at a reset");
	check(!health().stopped, "stopped");
}
