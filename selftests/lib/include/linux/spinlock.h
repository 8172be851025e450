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

static inline void shim_held(const spinlock_t *lock)
{
	if (!lock->held) {
		fprintf(stderr, "a lock is not held\n");
		exit(1);
	}
}

#define spin_lock_init(lock)	((void)((lock)->held = 0))
#define spin_lock(lock)		shim_lock(lock, 1)
#define spin_unlock(lock)	shim_lock(lock, 0)
#define spin_lock_bh(lock)	shim_lock(lock, 1)
#define spin_unlock_bh(lock)	shim_lock(lock, 0)
#define spin_lock_irq(lock)	shim_lock(lock, 1)
#define spin_unlock_irq(lock)	shim_lock(lock, 0)
#define spin_lock_irqsave(lock, flags) ((void)((flags) = 0), shim_lock(lock, 1))
#define spin_unlock_irqrestore(lock, flags) ((void)(flags), shim_lock(lock, 0))

#define lockdep_assert_held(lock) ((void)shim_held(lock))
#define ____cacheline_aligned_in_smp

#define READ_ONCE(x)		(x)
#define WRITE_ONCE(x, v)	((void)((x) = (v)))
#define smp_load_acquire(p)	(*(p))
#define smp_store_release(p, v)	((void)(*(p) = (v)))

#endif /* _SHIM_LINUX_SPINLOCK_H */
