/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The device model of one virtual function: queues, vectors, workers, reset.
 *
 * A function has at most one backend at a time: the VF driver on this host
 * (model/host.c) or a guest (vnic-vfio-pci).  The backend supplies the address
 * space and takes interrupts.  All work of a queue pair runs in its worker's
 * turns, one at a time: in the worker's thread or, a little, in the thread that
 * rings the doorbell.  The first queue pair's worker has the mailbox, too.
 *
 * What the driver meets, registers, rings and how it asks for things, is a
 * personality: native/ or virtio/.
 *
 * Files: fn.c lifetime, attach and reset; state.c errors and what is pending; kick.c
 * doorbells; vectors.c interrupts and moderation; worker.c the threads; ring.c rings in
 * memory; queue_tx.c from a ring to the switch; deliver.c the port, from which pace.c
 * holds back what waits for the rate, and queue_rx.c fills buffers; host.c the host
 * driver's entry points.
 *
 * model/ stands on switch/ and all below it; native/, virtio/, net/, vfio/ and pf.c call it.
 */
#ifndef _VNIC_FN_H
#define _VNIC_FN_H

#include <linux/hrtimer.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <vnic/vnic_regs.h>
#include <vnic/vnic_ring.h>

#include <compat.h>

#include "../memory/as.h"
#include "../memory/partition.h"
#include "../frame/hash.h"
#include "../switch/port.h"
#include "../vnic.h"

struct vnic_bus_ops;
struct vnic_cfg;
struct vnic_fn;
struct vnic_host_ops;
struct vnic_mbx;
struct vnic_virtio;
struct vnic_worker;

/**
 * struct vnic_backend_ops - who drives the function
 * @raise: signal an MSI-X vector.  Any context (not NMI).
 * @work: do what it has left to the function's thread by vnic_fn_wake_backend(), in a
 *	turn of the first worker; NULL: it leaves nothing
 * @guest: true: a guest through vfio (its worker is a vhost_task of the
 *	calling process; numvfs=0 is refused meanwhile)
 */
struct vnic_backend_ops {
	void	(*raise)(void *priv, unsigned int vector);
	void	(*work)(void *priv);
	bool	guest;
};

/**
 * struct vnic_personality - what a function's driver meets
 * @name: what the administrator calls it
 * @width: the only width of accesses to BAR0, bytes; 0: any
 * @blind: a driver cannot be told that the doorbell page may not ring, nor that it has
 *	to start over: resets by the host only drop what waits for its rate
 * @window: where in the guest's configuration space there is a virtio PCI_CFG
 *	capability; 0: nowhere
 * @attach: a driver has come; under vnic_fn.lock, before its worker starts.  0 or
 *	-ENOMEM
 * @detach: it has gone; under vnic_fn.lock, workers stopped
 * @config: fill in what a guest's configuration space has of it
 * @read: read @size bytes of BAR0; @offset is aligned.  Any context if native, else
 *	process context
 * @write: write them; which context: see vnic_fn_write()
 * @bell: a write of @size bytes to the doorbell page at @offset, by the thread that
 *	writes; context as vnic_fn_bell()
 * @work: do what is vnic_fn.pending; in a turn of the first worker
 * @used: has the driver set up anything?  Any context
 * @tell_reset: tell the driver of a reset that it has not asked for; under
 *	vnic_fn.lock, workers paused
 * @reset: back to the state after creation; likewise
 */
struct vnic_personality {
	const char	*name;
	u32		width;
	bool		blind;
	u32		window;
	int		(*attach)(struct vnic_fn *fn);
	void		(*detach)(struct vnic_fn *fn);
	void		(*config)(const struct vnic_fn *fn, struct vnic_cfg *cfg);
	u32		(*read)(struct vnic_fn *fn, u32 offset, u32 size);
	void		(*write)(struct vnic_fn *fn, u32 offset, u32 size, u32 value);
	void		(*bell)(struct vnic_fn *fn, u32 offset, u32 size);
	void		(*work)(struct vnic_fn *fn);
	bool		(*used)(const struct vnic_fn *fn);
	void		(*tell_reset)(struct vnic_fn *fn);
	void		(*reset)(struct vnic_fn *fn);
};

/* ---- queues (model/queue.h has the rest) ---- */
#include "queue.h"
#include "steer.h"
#include "pace.h"
#include "vectors.h"

/* fn->flags, bit numbers */
#define VNIC_FN_ATTACHED	0	/* a backend is there */
#define VNIC_FN_RESETTING	1	/* reset running: ask vnic_fn_resetting() */
#define VNIC_FN_ENABLED		2	/* data path enabled by the driver */
#define VNIC_FN_FAILED		3	/* driver error: stopped until reset */
#define VNIC_FN_MASTER		4	/* bus mastering on */
#define VNIC_FN_DYING		5	/* being destroyed: no new backend */
#define VNIC_FN_GUEST		6	/* the backend is a guest */
#define VNIC_FN_RESET_OWN	7	/* reset requested, by its driver or who takes it away */
#define VNIC_FN_RESET_TELL	8	/* ... by the host: its driver is to be told, or spared */
#define VNIC_FN_LOGGED		9	/* an error was logged since attach, or is to be */
#define VNIC_FN_BELL_DEAD	10	/* the doorbell page may not ring: event blocks say so */
#define VNIC_FN_RETIRED		11	/* about to be destroyed: no guest gets it */
#define VNIC_FN_TO_LOG		12	/* an error is to be logged */

/* Bits of vnic_fn.pending */
#define VNIC_PENDING_REQUEST	0	/* the driver asks for something */
#define VNIC_PENDING_STATUS	1	/* it is to be told how things are */
#define VNIC_PENDING_START	2	/* it is ready: the data path is to be enabled */

/*
 * Work that a guest causes outside its own threads (in a kworker: resets,
 * messages that change the switch's configuration) is limited to this, so that a flood
 * costs the guest only.
 */
#define VNIC_TOLL_TIME		(50 * NSEC_PER_MSEC)	/* ns of work a second: 5 % of a CPU */
#define VNIC_TOLL_SAVED		(250 * NSEC_PER_MSEC)	/* of it, after a quiet time */
#define VNIC_TOLL_EACH		(100 * NSEC_PER_USEC)	/* what a piece costs around its work */
#define VNIC_TOLL_LONGEST	(50 * NSEC_PER_MSEC)	/* what a piece is charged with at most */

/* After a driver's error nothing is done for it for so long, reset or not: bounds
 * what a driver costs that errs all the time.
 */
#define VNIC_FAIL_HOLD_MS	1000

/**
 * struct vnic_fn - one VF
 * @ad: adapter
 * @index: VF index
 * @vectors: MSI-X table size
 * @lock: serialises attach, detach, reset, register writes that are not
 *	doorbells; never taken by the worker or the forwarding path
 * @flags: VNIC_FN_*
 * @be: backend ops; NULL: free.  Written under @lock
 * @be_priv: the backend's own
 * @as: address space of the backend, while there is one
 * @worker: of each queue pair; live as long as the function
 * @pers: what its driver meets; written under @lock while it has none
 * @guest_pers: what a guest's would; written under @lock
 * @reset_work: the one place where resets are done
 * @toll_lock: leaf; protects @toll
 * @toll: bucket of work in kworkers, a "byte" is a ns; see vnic_fn_toll()
 * @fail_until: ktime ns before which no work is done after an error; 0: none
 * @fail_lock: leaf, interrupts off; protects the three that follow
 * @failures: driver errors since the function was created
 * @fail_why: the last one, a constant; NULL: none
 * @fail_at: when it happened, ktime ns
 * @refused: requests that were refused; written by the mailbox, or the control queue
 * @generation: VNIC_REG_GENERATION
 * @features: negotiated; written while there are no queues, but senders read it
 *	without a lock (READ_ONCE), as they do @rss_key and @rss_table
 * @hello: HELLO done since reset
 * @mbx: mailbox buffers, while there is a backend
 * @mbx_hi: VNIC_REG_MBX_ADDR_HI
 * @mbx_lo: VNIC_REG_MBX_ADDR_LO
 * @mbx_addr: bus address of the mailbox page; 0: none
 * @mbx_event: last status.event written
 * @virtio: of the virtio personality, while it has a driver
 * @pending: VNIC_PENDING_*, for the personality
 * @port: its port of the switch (lives as long as the fn)
 * @part: its partition
 * @pace: what waits there for the rate
 * @txq: transmit queues
 * @rxq: receive queues
 * @rss_key: Toeplitz key, random after reset, and what is hashed, all after reset
 * @rss_table: queue pairs, always below VNIC_MAX_QPS; 0 after reset
 * @rss_other: the queue pair of frames without a hash; 0 after reset
 * @steer: rules that come before these; none after reset
 * @vec: vectors
 * @kicks_page: doorbells of a guest by the doorbell page, taken in the kernel,
 *	since the function was created
 * @kcov: kcov's handle of who attached: what is done for the function in threads and
 *	kworkers counts as covered by it; 0: by nobody
 * @node: link while a set of functions is created or destroyed
 */
struct vnic_fn {
	struct vnic_adapter		*ad;
	u16				index;
	u16				vectors;
	struct mutex			lock;		/* see above */
	unsigned long			flags;
	const struct vnic_backend_ops	*be;
	void				*be_priv;
	struct vnic_as			*as;
	struct vnic_worker		*worker[VNIC_MAX_QPS];
	const struct vnic_personality	*pers;
	const struct vnic_personality	*guest_pers;
	struct work_struct		reset_work;
	spinlock_t			toll_lock;	/* see above */
	struct vnic_meter		toll;
	u64				fail_until;
	spinlock_t			fail_lock;	/* see above */
	u64				failures;
	const char			*fail_why;
	u64				fail_at;
	u64				refused;

	u32				generation;
	u64				features;
	bool				hello;
	struct vnic_mbx			*mbx;
	u32				mbx_hi;
	u32				mbx_lo;
	u64				mbx_addr;
	u32				mbx_event;
	struct vnic_virtio		*virtio;
	unsigned long			pending;

	struct vnic_port		port;
	struct vnic_partition		part;
	struct vnic_pace		pace;
	struct vnic_txq			txq[VNIC_MAX_QPS];
	struct vnic_rxq			rxq[VNIC_MAX_QPS];
	struct vnic_hash_key		rss_key;
	u8				rss_table[VNIC_RSS_SLOTS];
	u8				rss_other;
	struct vnic_steer		steer;
	struct vnic_vector		vec[VNIC_MAX_VECTORS];
	atomic_long_t			kicks_page;
	struct vnic_kcov		kcov;
	struct list_head		node;
};

/* ---- fn.c ---- */

/* Create VFs [0, n) with partitions and ports; all or none.  Process context,
 * rtnl not held (taken inside around the change).  Called before
 * pci_enable_sriov().
 */
int vnic_fns_create(struct vnic_adapter *ad, unsigned int n);
/* Destroy all; after pci_disable_sriov(), so nothing is attached. */
void vnic_fns_destroy(struct vnic_adapter *ad);
/* All VFs are about to go: from here on no guest gets one.  False: a guest has one, and
 * nothing has changed.  Under the PF's device_lock.
 */
bool vnic_fns_retire(struct vnic_adapter *ad);
/* The PF was reset: reset all VFs and tell their drivers.  Under the PF's
 * device_lock.  Returns when all are done; those in guests, whose threads may not get
 * the CPU, are waited for as by vnic_fns_settle().
 */
void vnic_fns_reset(struct vnic_adapter *ad);

/**
 * vnic_fn_attach - give a function a driver
 * @fn: function
 * @be: backend
 * @priv: for @be
 * @as: address space; the function owns it from success on
 *
 * Starts the worker.  Context: process; for a guest: the VM's process.
 * Return: 0, -EBUSY (attached already), -ENODEV (about to go), -ENOMEM, -EOPNOTSUPP
 * (a guest on a kernel without vhost tasks).
 */
int vnic_fn_attach(struct vnic_fn *fn, const struct vnic_backend_ops *be, void *priv,
		   struct vnic_as *as);
/* Reset, stop the worker, free the address space; no raise() after.
 * Process context; the backend no longer calls the function.
 */
void vnic_fn_detach(struct vnic_fn *fn);

/* The function behind a VF's pci_dev, or NULL.  Valid while the caller keeps
 * the pci_dev bound (the VF cannot be destroyed under its driver).
 */
struct vnic_fn *vnic_fn_of(struct pci_dev *pdev);

/* Complete reset, synchronous: queues gone, no access to the driver's memory
 * when it returns; host configuration stays.  Process context.
 * @tell: tell the driver first (a reset it did not ask for), see
 * vnic_personality.tell_reset.
 */
void vnic_fn_reset(struct vnic_fn *fn, bool tell);
/* The same from any context: completes later; vnic_fn_resetting() until then. */
void vnic_fn_reset_async(struct vnic_fn *fn);

/* Bus mastering changed.  Off: stops all access (async reset of the queues). */
void vnic_fn_set_master(struct vnic_fn *fn, bool on);

/* ms that the driver of a VF that was stopped has to reset it itself */
#define VNIC_RESCUE_MS	10000
/* Begin to reset the VFs that have been stopped for @ns or longer, and to tell their
 * drivers.  Process context, adapter's lock not held.
 */
void vnic_fns_rescue(struct vnic_adapter *ad, u64 ns);
/* Wait until no VF of the adapter is being reset, for two seconds at most: a reset waits
 * for the guest's thread, and for what the guest owes.  False: one still is.  Process context.
 */
bool vnic_fns_settle(struct vnic_adapter *ad);

/* MSI-X vectors of a VF; checks done by the caller, who tells the bus, too */
void vnic_fn_set_vectors(struct vnic_fn *fn, unsigned int vectors);
/* What the next guest's driver will meet.  Process context.  -EBUSY: a guest has it. */
int vnic_fn_set_personality(struct vnic_fn *fn, const struct vnic_personality *pers);
/* A random key, the first queue pair for all.  Under vnic_fn.lock */
void vnic_fn_reset_rss(struct vnic_fn *fn);

/* ---- state.c ---- */

/* Is a reset asked for, or under way?  Any context */
bool vnic_fn_resetting(const struct vnic_fn *fn);
/* May queues be worked on?  In a turn. */
bool vnic_fn_running(const struct vnic_fn *fn);
/* There is work for the personality (VNIC_PENDING_*), now or at @when (ktime ns).  Any
 * context (not NMI).
 */
void vnic_fn_pend(struct vnic_fn *fn, unsigned int pending);
void vnic_fn_pend_at(struct vnic_fn *fn, unsigned int pending, u64 when);
/* Have the first worker call vnic_backend_ops.work.  Any context (not NMI). */
void vnic_fn_wake_backend(struct vnic_fn *fn);
/* Look at all queues that exist.  Any context (not NMI). */
void vnic_fn_wake_queues(struct vnic_fn *fn);
/* Is nothing done for it yet, since it erred a moment ago?  Then the first worker is
 * woken for @bit when that is over.  In its turn.
 */
bool vnic_fn_held(struct vnic_fn *fn, unsigned int bit);
/* Has its driver made a queue?  Any context */
bool vnic_fn_has_queues(const struct vnic_fn *fn);
/* Something has been rung for, it is not known what.  Any context (not NMI). */
void vnic_fn_rung(struct vnic_fn *fn);

/**
 * vnic_fn_set_bell - does the doorbell page ring?
 * @fn: function
 * @rings: writes to it arrive from now on; false: they have ceased to
 *
 * The workers let the event blocks say so.  When it has ceased, each then looks
 * at its queues once, so that a doorbell rung in vain meanwhile delays nothing.
 *
 * Context: any (not NMI).
 */
void vnic_fn_set_bell(struct vnic_fn *fn, bool rings);

/* A driver's error that needs a reset: stop, count, log once per attachment;
 * the driver is told that it has to reset.  Any context.
 */
void vnic_fn_fail(struct vnic_fn *fn, const char *why);

/**
 * struct vnic_fn_health - what a function is up to, and what has stopped it
 * @mac: its address
 * @own_mac: that is one which its driver has set
 * @failures: how often
 * @refused: requests of its driver that were refused by the mailbox
 * @lost: addresses it had claimed that the host gave to another, or that spoke elsewhere
 * @why: the last time; NULL: never
 * @at: when that was, ktime ns
 * @when: the same, seconds since 1970
 * @stopped: it has not been reset since
 */
struct vnic_fn_health {
	u8		mac[ETH_ALEN];
	bool		own_mac;
	u64		failures;
	u64		refused;
	u64		lost;
	const char	*why;
	u64		at;
	time64_t	when;
	bool		stopped;
};

/* Any context (not NMI) */
void vnic_fn_get_health(struct vnic_fn *fn, struct vnic_fn_health *st);
/* Log that the driver has stopped it, once for each attach.  Process context or RCU */
void vnic_fn_log_failure(struct vnic_fn *fn);

/* ---- toll.c ---- */

/* May a kworker work for the function now?  0: yes (taken); else ns to wait. */
u64 vnic_fn_toll(struct vnic_fn *fn);
/* It has, since then (ktime ns).  What waits for the function's own driver is not to be
 * in it: a VM that is throttled would pay for that.
 */
void vnic_fn_toll_spend(struct vnic_fn *fn, u64 since);
/* Run @call in a kworker, wait for it, and charge for it (not asked before).  Process
 * context.
 */
void vnic_fn_call(struct vnic_fn *fn, void (*call)(void *arg), void *arg);

/* Queue pairs the function has: one vector is for control */
static inline unsigned int vnic_fn_qps(const struct vnic_fn *fn)
{
	return min_t(unsigned int, READ_ONCE(fn->vectors) - 1, VNIC_MAX_QPS);
}

/* ---- access.c ---- */
/* Accesses to BAR0 of @size bytes, 1, 2 or 4; what is not aligned, or nobody answers,
 * reads all-ones and is lost.  Native doorbells, KICK, MBX_KICK and reads: any context;
 * other writes, and all of a guest: process context, may sleep.
 */
u32 vnic_fn_read(struct vnic_fn *fn, u32 offset, u32 size);
void vnic_fn_write(struct vnic_fn *fn, u32 offset, u32 size, u32 value);

/* ---- kick.c ---- */
/**
 * struct vnic_fn_stats - who was woken how often, since the function was created
 * @kicks: doorbells rung
 * @kicks_page: of these, a guest's by the doorbell page, taken in the kernel
 * @kicks_here: of all, those whose work was done by who rang
 * @wakeups: times a worker's thread was woken from sleep
 * @interrupts: raised
 */
struct vnic_fn_stats {
	u64	kicks;
	u64	kicks_page;
	u64	kicks_here;
	u64	wakeups;
	u64	interrupts;
};

/* Any context */
void vnic_fn_get_stats(struct vnic_fn *fn, struct vnic_fn_stats *st);

/**
 * vnic_fn_bell - the doorbell page was written to
 * @fn: function
 * @offset: in the page
 * @size: bytes: any value, as @offset
 *
 * Context: process, the thread that wrote, BHs on, preemption on or off; does not sleep.
 */
void vnic_fn_bell(struct vnic_fn *fn, u32 offset, u32 size);
/**
 * vnic_queue_kick - a queue's doorbell was rung
 * @fn: function
 * @qp: queue pair as the driver names it: any value
 * @rx: receive queue
 * @here: the calling thread may do the work at once, bounded; context then: as
 *	vnic_fn_bell(); else any (not NMI)
 */
void vnic_queue_kick(struct vnic_fn *fn, unsigned int qp, bool rx, bool here);

/* ---- host.c ---- */
extern const struct vnic_host_ops vnic_host_ops;	/* platform data of the bridge */
extern const struct vnic_bus_ops vnic_model_bus_ops;	/* bus -> model */

#endif /* _VNIC_FN_H */
