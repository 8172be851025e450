/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The nth allocation, or copy from or to user space, of some tasks fails
 * (/proc/<task>/fail-nth; what counts has been told to the kernel before,
 * selftests/lib/faults.py).
 */
#ifndef VNIC_SELFTEST_NTH_H
#define VNIC_SELFTEST_NTH_H

#include <stdbool.h>
#include <sys/types.h>

#define NTH_MOST	2000		/* tries: an operation has fewer allocations */

enum nth_who {
	NTH_SELF,	/* this task */
	NTH_BOTH,	/* this task, and the VFs' threads */
	NTH_WORKERS,	/* the VFs' threads, which are this process's */
	NTH_KWORKERS,	/* the kernel's that serve a CPU: one of them sets what a VF asks for */
	NTH_EVERYONE,	/* all of those, each of which does a part: the nth in each of them */
	NTH_ALL,	/* not one in a task, but all of them everywhere, while @nth is 1: without
			 * this kvmalloc() never fails, for it has another way
			 */
};

/* fail-nth of a task of this process; 0: of this one */
int nth_open(pid_t tid);
void nth_set(int fd, unsigned int nth);
/* What is left of it: 0 if one has failed */
unsigned int nth_get(int fd);

/* The nth in each of those tasks */
void nth_arm(enum nth_who who, unsigned int nth);
/* No more.  True: one has failed, in some task */
bool nth_disarm(void);

#endif
