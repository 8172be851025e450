/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Spinlocks and memory order for pure code of the modules, in a program of one
 * thread: only that each lock is taken and released in turn is checked.
 */
#ifndef _SHIM_LINUX_SPINLOCK_H
#define _SHIM_LINUX_SPINLOCK_H

#include <stdio.h>
#include <stdlib.h>

typedef struct {
	int held;
} spinlock_t;

static inline void shim_lock(spinlock_t *lock, int held)
{
	if (lock->held == held) {
		fprintf(stderr, "a lock was %s twice\n", held ? "taken" : "released");
		exit(1);
	}
	lock->held = held;
}

#define spin_lock_init(lock)	((void)((lock)->held = 0))
#define spin_lock(lock)		shim_lock(lock, 1)
#define spin_unlock(lock)	shim_lock(lock, 0)
#define spin_lock_bh(lock)	shim_lock(lock, 1)
#define spin_unlock_bh(lock)	shim_lock(lock, 0)

#define READ_ONCE(x)		(x)
#define smp_load_acquire(p)	(*(p))
#define smp_store_release(p, v)	((void)(*(p) = (v)))

#endif /* _SHIM_LINUX_SPINLOCK_H */
