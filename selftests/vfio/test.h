/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the vfio selftests share: access to a VF through vfio (dev.c) and a
 * small driver of the device on top of it (drv.c), as a guest would drive it,
 * without a guest.
 *
 * Anything unexpected ends the process: each case runs in one of its own.
 */
#ifndef VNIC_SELFTEST_VFIO_H
#define VNIC_SELFTEST_VFIO_H

#include <endian.h>
#include <errno.h>
#include <linux/types.h>
#include <linux/vfio.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vnic/vnic_mbx.h>
#include <vnic/vnic_regs.h>
#include <vnic/vnic_ring.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define fail(fmt, ...) do {							\
	printf("# %s:%d: " fmt "\n", __FILE__, __LINE__, ##__VA_ARGS__);	\
	fflush(stdout);								\
	_exit(1);								\
} while (0)

#define check(cond, fmt, ...) do {						\
	if (!(cond))								\
		fail("%s: " fmt, #cond, ##__VA_ARGS__);				\
} while (0)

#define check_eq(got, want) do {						\
	long long got_ = (got), want_ = (want);					\
										\
	if (got_ != want_)							\
		fail("%s: got %lld (%#llx), want %lld (%#llx)", #got,		\
		     got_, got_, want_, want_);					\
} while (0)

/*
 * Of what is judged by the clock, of which a busy host can be the cause, too: the case may be
 * tried again (ktap.py has the same).  To be checked last.
 */
#define timely(cond, fmt, ...) do {						\
	if (!(cond)) {								\
		printf("# %s:%d: " fmt "\n", __FILE__, __LINE__, ##__VA_ARGS__);	\
		fflush(stdout);							\
		_exit(CASE_LATE);						\
	}									\
} while (0)

/* ---- dev.c ---- */

extern int vdev_kvm;	/* a virtual machine's vfio device, told of what is opened; -1: none */

struct vdev {
	char		bdf[16];
	bool		cdev;		/* through iommufd, else group and container */
	int		group;
	int		container;	/* or iommufd */
	__u32	ioas;
	int		fd;
	__u64	off[VFIO_PCI_NUM_REGIONS];
	unsigned int	vectors;
};

bool vdev_have_cdev(void);
void vdev_open(struct vdev *d, const char *bdf, bool cdev);
/* By group, in the container of another, whose memory it shares */
void vdev_open_with(struct vdev *d, const char *bdf, const struct vdev *other);
void vdev_close(struct vdev *d);
int vdev_group_path(const char *bdf, char *path, size_t size);

/* 0 or -errno */
int vdev_map(struct vdev *d, __u64 iova, void *va, size_t len);
int vdev_map_as(struct vdev *d, __u64 iova, void *va, size_t len, bool readable, bool writable);
int vdev_unmap(struct vdev *d, __u64 iova, size_t len);
int vdev_reset(struct vdev *d);
/* An address space more of one by cdev; to be attached to that, or to none; 0 or -errno */
__u32 vdev_new_ioas(struct vdev *d);
int vdev_attach(struct vdev *d, __u32 ioas);
int vdev_detach(struct vdev *d);
int vdev_set_irqs(struct vdev *d, __u32 flags, __u32 index, __u32 start,
		  __u32 count, const void *data, size_t size);
int vdev_set_eventfd(struct vdev *d, __u32 index, __u32 vector, int fd);

/* bytes or -errno */
int vdev_read(struct vdev *d, int region, __u64 off, void *buf, size_t len);
int vdev_write(struct vdev *d, int region, __u64 off, const void *buf, size_t len);

__u32 reg_read(struct vdev *d, __u32 off);
void reg_write(struct vdev *d, __u32 off, __u32 val);
__u32 cfg_read(struct vdev *d, __u32 off, unsigned int size);
void cfg_write(struct vdev *d, __u32 off, unsigned int size, __u32 val);
__u32 cfg_find_cap(struct vdev *d, __u8 id);

/* ---- cases.c ---- */

#define CASE_STUCK	2	/* it said itself that its time was up: may be tried again */
#define CASE_LATE	3	/* see timely(): may be tried again */
#define CASE_SKIP	4	/* see skip_case() */

/* Take "-c LIST" from the front of the arguments; NULL: it is not there */
const char *take_cases(int *argc, char ***argv);
/* Is it in a list, "A,B,C"?  NULL: all are. */
bool wanted_case(const char *list, const char *name);
/*
 * Run it in a process of its own, so that it can end and hang as it likes, for @seconds
 * at most; again if it says that it may be.  Return: 0, CASE_SKIP, or else it failed.
 */
int run_case(const char *name, void (*run)(void), unsigned int seconds);
/* Print the KTAP line of case @n, "ok @n ...".  Return: it failed. */
bool case_line(int result, unsigned int n, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Skip the case that runs, for a reason that is the machine's */
void skip_case(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

/* ---- drv.c ---- */

#define PAGE		4096u
#define ELSEWHERE	0x200000000ULL	/* bus addresses that are free */
#define WAIT	20000	/* ms: much longer than anything may take */

#define MEM_SIZE	(4u << 20)
#define MEM_IOVA	0x100000000ULL
#define RING_SIZE	256u
/* offsets in the memory */
#define AT_MBX		0x0000u
#define AT_TX_EVENT	0x1000u
#define AT_RX_EVENT	0x1080u
#define AT_TX_RING	0x2000u
#define AT_RX_RING	0x3000u
#define AT_TX_BUFS	0x100000u
#define AT_RX_BUFS	0x200000u
#define TX_BUF_SIZE	4096u
#define RX_BUF_SIZE	2048u

/* Queue pair 0 with vector 1, and the control vector 0 */
struct drv {
	struct vdev		dev;
	__u8			*mem;
	__u64			iova;		/* of @mem */
	int			irq[VNIC_MAX_VECTORS];
	__u16		seq;
	__u64		features;	/* VNIC_F_* bits that it takes; 0: none */
	struct vnic_mbx_caps	caps;
	__u32		tx_prod;
	__u32		rx_prod;
	__u32		rx_cons;
	__u32		rx_posts;	/* buffers that drv_start() posts; 0: as many as fit */
	/* how the driver rings; NULL: by pwrite() to the doorbell */
	void		(*ring)(struct drv *v, __u32 doorbell);
};

/* Memory, eventfds, bus mastering; nothing of the device's own yet */
void drv_open(struct drv *v, const char *bdf, bool cdev);
/* The same for a device that is open, with other memory at @iova */
void drv_prepare(struct drv *v, __u64 iova);
/* Memory and eventfds of one that was closed */
void drv_forget(struct drv *v);
/* From reset to traffic: mailbox, HELLO, queues, enabled */
void drv_start(struct drv *v);
void drv_mailbox(struct drv *v);
void drv_hello(struct drv *v);
void drv_queues(struct drv *v);
/*
 * A message; VNIC_MBX_OK or VNIC_MBX_E_*.  drv_msg_len[]: bytes by opcode, of lists
 * those of an empty one.  The first believes whatever is in
 * the page, and says -ETIMEDOUT if there is no answer within @ms.
 */
#define DRV_LAST_MSG	VNIC_MBX_SET_RULE
#define DRV_LAST_F	VNIC_F_RULES
extern const __u16 drv_msg_len[DRV_LAST_MSG + 1];
int drv_msg_ms(struct drv *v, __u16 opcode, const void *req, size_t len, int ms);
int drv_msg(struct drv *v, __u16 opcode, const void *req, size_t len,
	    void *resp, size_t resp_len);
/* Place a frame into @nbufs TX buffers; the device does not know yet */
void drv_put(struct drv *v, const void *frame, size_t len, unsigned int nbufs);
/* Tell it of all that was placed; does not wait */
void drv_push(struct drv *v);
/* Both */
void drv_send(struct drv *v, const void *frame, size_t len, unsigned int nbufs);
/* Wait until the device has consumed all; false: not within @ms */
bool drv_sent(struct drv *v, int ms);
/* The next frame; its length, or -1 when none arrives within @ms */
int drv_receive(struct drv *v, void *buf, size_t size, int ms);
/* An Ethernet frame from @v to @dst with a payload made of @seed */
void drv_frame(const struct drv *v, const __u8 *dst, void *frame, size_t len, unsigned int seed);

/* A frame of 100 bytes from @iova; does not wait */
void drv_send_from(struct drv *v, __u64 iova);
/* Does the device stop it? */
bool drv_failed(struct drv *v);
/* A frame of @len bytes in @nbufs buffers, received and compared */
void drv_exchange(struct drv *from, struct drv *to, const __u8 *dst, size_t len,
		  unsigned int nbufs);

/* A queue of RING_SIZE, at these offsets: the device's answer */
int drv_create(struct drv *v, __u16 type, __u32 ring, __u32 event);
struct vnic_mbx_page *drv_mbx(struct drv *v);
struct vnic_event *drv_event(struct drv *v, unsigned int at);
bool wait_eventfd(int fd, int ms);
/* Memory whose pages come when a program gives them, as those of FUSE do.  Return: of the uffd */
int slow_memory(void **mem, size_t len);
int new_eventfd(void);
__u64 now_ms(void);
__u64 now_us(void);
/* Smallest first: the median is in the middle. */
void sort_samples(__u32 *sample, unsigned int n);
/* 16 bits as networks have them; the one's complement sum of @len bytes, added to @sum */
void put16(__u8 *to, unsigned int val);
unsigned int get16(const __u8 *from);
unsigned int sum16(const __u8 *data, size_t len, unsigned int sum);
/* Zeroed, shared, not of the driver */
void *get_memory(size_t len);
/* The same between two parts that nobody is given; is nothing written there? */
__u8 *guarded_memory(size_t len);
void check_guards(const __u8 *mem, size_t len);
/* xorshift: the same numbers for the same seed, not 0; each thread has its own */
__u32 rnd(__u32 *state);
__u32 below(__u32 *state, __u32 n);
__u16 cfg_command(struct vdev *d, __u16 set, __u16 clear);

/* ---- bell.c ---- */

void bell_none(const char *a, const char *b, bool cdev);
void bell(const char *a, const char *b, bool cdev);
void bell_hostile(const char *a, const char *b, bool cdev, unsigned int seconds);

/* ---- hostile.c ---- */

/* @a misbehaves for @seconds; what depends on chance follows from @seed */
void hostile(const char *a, const char *b, const char *c, bool cdev, unsigned int seconds,
	     unsigned int seed);

#endif
