/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the cases of a hostile driver have in common, whatever its VF is: VF 0 is the
 * hostile one's, VFs 1 and 2 exchange frames all the time, VF 3 is there for what needs
 * one more, and PF and wire are listened to.
 *
 * A case is bench_open(), what it does, and bench_close(), which checks that the
 * others went on untouched and that a function-level reset brings VF 0 back.
 */
#ifndef VNIC_SELFTEST_VFIO_BENCH_H
#define VNIC_SELFTEST_VFIO_BENCH_H

#include <linux/pci_regs.h>
#include <linux/virtio_net.h>
#include <pthread.h>
#include <unistd.h>

#include "test.h"

#define FEATURE(f)	((__u64)1 << VNIC_F_##f)
#define QUIET		200		/* ms in which something would have happened */

struct hostile_case {
	unsigned int	class;
	const char	*name;
	void		(*run)(void);
	const char	*what;
};

/* How VF 0 is driven, by its personality */
struct bench_kind {
	/* before each case, if it is there */
	void	(*prepare)(const struct hostile_case *c);
	/* from reset to traffic, with evil.features; sets evil.caps.mac */
	void	(*start)(void);
	/* does the device stop it? */
	bool	(*failed)(void);
	void	(*send)(const void *frame, size_t len);
	/* there will be a buffer for the next frame */
	void	(*expect)(void);
	/* its length; -1: none comes */
	int	(*receive)(void *buf, size_t size);
};

extern const struct bench_kind *bench_kind;
extern const char *bench_vf[4], *bench_pf, *bench_bdf, *bench_wire;
extern unsigned int bench_slow;
extern struct drv evil;
extern __u8 pf_mac[6], wire_mac[6];	/* to whom frames leave the VFs' world */
extern int pf_sock, wire_sock;

/*
 * @features: of VF 0, which is opened by group, with VNIC_CDEV in the environment by its
 * character device, with an address space of iommufd's
 */
void bench_open(__u64 features);
void bench_close(void);
/* Before that: a VM, so that the doorbell page can be mapped; it has no memory and never runs */
void bench_vm(void);
/* That page; skips the case where KVM does not track writes */
void *bench_bell_page(void);
/* VF 0 is reset by FLR, and starts again; the other: its registers are off after that */
void flr_start(void);
void flr(struct drv *v);

/* Counters as ethtool -S of the PF has them */
__u64 counter(const char *name);
/* By how much it has moved since bench_open() */
__u64 moved(const char *name);
/* Wait until it has moved by @n, and not by more */
void check_moved(const char *name, __u64 n);

/* What devlink health says of VF 0 */
struct health {
	bool		stopped;
	__u64		failures, refused;
	char		reason[80];
};

struct health health(void);
/* VF 0 is stopped for this reason and nobody else; it is reset and starts again */
void check_stopped(const char *reason);
/* ... for one of these, whoever of several looks first */
void check_stopped_by(const char *const *reasons, unsigned int n);
/* So many requests of VF 0 were refused since bench_open() */
void check_refused(__u64 n);
/* What devlink health says now is what those two count from. */
void health_note(void);

/* VF 0's packet memory is changed all the time, until resize_stop(), which checks that it was
 * full meanwhile, that frames were lost by resets, and that each is counted for its reason.
 */
void resize_start(void);
/* Frames that come in all the time have filled it. */
void resize_full(void);
/* How many changes there were since it was asked last */
unsigned int resize_changes(void);
void resize_stop(void);

/*
 * @batch makes the host do TOLL_BATCH pieces of work for VF 0: again and again until it is held
 * to its rate.  No more were done than it had saved and has earned.  How many
 */
#define TOLL_BATCH	32u
unsigned int check_toll(void (*batch)(void));

/* Every byte of VF 0's configuration space is written with everything, a reset among it: what is
 * read-only stays.  @own: what its personality lets a driver write beside the rest
 */
void scribble_config(bool (*own)(unsigned int off));

/* A frame that came out at PF or wire, with what the stack says of it */
struct out {
	struct virtio_net_hdr	vnet;
	__u8			frame[70000];
	int			len;
};

/* False: none within @ms */
bool comes_out(int sock, struct out *o, int ms);
/* Nothing has come out anywhere */
void check_silent(void);
/* Does what VF 0 may write to stay as it is for so long? */
bool stands_still(unsigned int us);
/* It does, for 2 ms. */
void check_still(void);
/* Into the switch from the wire, to VF 0 or whomever */
void from_wire(size_t len, unsigned int seed);
void from_wire_to(const __u8 *mac, size_t len, unsigned int seed);
/* One more frame from the wire, of another length each time; for meanwhile() */
void flood_in(void *arg);

/* A thread that calls @step(@arg) until meanwhile_stop() */
void meanwhile(void (*step)(void *arg), void *arg);
void meanwhile_stop(void);

/*
 * The program: NAME [-c CASE,...] SLOW PF ADDRESS WIRE VF VF VF VF, all cases of the tables,
 * each of which ends with one that has no name.
 */
int bench_main(int argc, char **argv, const struct hostile_case *const *tables, unsigned int n);

#endif
