/* SPDX-License-Identifier: GPL-2.0 */
/* The virtio driver in user space (virtio_drv.c), and cases in files of their own. */
#ifndef VNIC_SELFTEST_VIRTIO_H
#define VNIC_SELFTEST_VIRTIO_H

#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_pci.h>
#include <linux/virtio_ring.h>

#include "test.h"

#define AT_DESC(q)	(0x10000u + (q) * 0x4000u)
#define AT_AVAIL(q)	(AT_DESC(q) + 0x1000u)	/* the ring, if packed */
#define AT_USED(q)	(AT_DESC(q) + 0x2000u)	/* event suppression, if packed */
#define HDR		12u
#define AT_CTRL		0x31000u	/* requests */
#define AT_ACK		0x32000u
#define NOTIFY		VNIC_DOORBELL_BASE
#define DEVICE		0x200u
#define WINDOW_DATA	offsetof(struct virtio_pci_cfg_cap, pci_cfg_data)

#define F(f)		(1ull << (f))
#define BASE		(F(VIRTIO_F_VERSION_1) | F(VIRTIO_NET_F_MAC))
#define USUAL		(BASE | F(VIRTIO_RING_F_INDIRECT_DESC) | F(VIRTIO_RING_F_EVENT_IDX) | \
			 F(VIRTIO_NET_F_MRG_RXBUF) | F(VIRTIO_NET_F_CSUM) | \
			 F(VIRTIO_NET_F_HOST_TSO4) | F(VIRTIO_NET_F_GUEST_CSUM) | \
			 F(VIRTIO_NET_F_CTRL_VQ) | F(VIRTIO_NET_F_CTRL_RX))

#define AT_TABLE	0x30000u	/* indirect descriptors */
#define SIZE		64u	/* of each queue, if a case does not want another */

enum { RX, TX, CTRL, QUEUES };
enum { RX1 = 2, TX1, CTRL2, QUEUES2 };	/* with VIRTIO_NET_F_MQ, and two pairs */

extern struct drv evil, good;	/* VF 0, virtio; VF 1, native */
extern const char *virtio_bdf[2];	/* their addresses, for open_both() */
extern __u8 mac[6];		/* of VF 0 */

extern bool packed;		/* virtqueues are packed ones */
extern __u16 size[];		/* of each queue */
extern __u16 avail[], seen[];	/* chains offered, and seen to be used, of split ones */
extern unsigned int seconds;	/* for cases that take their time */
extern unsigned int ring_size;	/* of those that are made from now on */
extern __u16 early_vector;	/* which they have when they are enabled */
/* Where the device finds evil.mem when it reads those; 0: where it finds the rest of it */
extern __u64 rings_at;
__u64 rings_iova(void);

/* Registers */
__u32 rd(__u32 off, unsigned int len);
void wr(__u32 off, unsigned int len, __u32 val);
__u8 status(void);
void set_status(__u8 bits);
__u64 offered(void);
void place(unsigned int q, __u16 n, __u64 d, __u64 a, __u64 u);
/* The table that chains are made in */
struct vring_desc *desc(unsigned int q);
struct vring_avail *avail_of(unsigned int q);
void notify(unsigned int q);
void reset(void);
/* The capability by which BAR0 is reached from configuration space, and where it is to lead */
__u32 window_cap(void);
void window_aim(__u8 bar, __u32 off, __u32 len);
/* Features and queues, then the rest: both are start(). */
void prepare(__u64 wanted);
void driver_ok(void);
void start(__u64 wanted);
/* Accept features: is FEATURES_OK kept? */
bool negotiate(__u64 wanted);
/* All queues of what was negotiated, whether they are enabled or not */
void make_queues(void);
bool enabled(unsigned int q);
/* Make queue @q: is it there? */
bool enable(unsigned int q);
/* Frames pass both ways. */
void works(void);
/* One request, with @in bytes for the answer: its result, or -1: the device has stopped */
int ctrl(const void *req, __u32 len, __u32 in);
/* The device has stopped, says so, and is reset and works. */
void comes_back(__u64 wanted);
/* Both VFs opened; the virtio one started if features are wanted */
void open_both(__u64 wanted);
void close_both(void);
void put_desc(unsigned int q, unsigned int i, __u64 addr, __u32 len, __u16 flags, __u16 next);
/* Offer the chain that begins with @head; the device is not told. */
void offer(unsigned int q, __u16 head);
/* With EVENT_IDX: does the device want to be told of the last chain that was offered? */
bool asked(unsigned int q);
/* Does it want to be told of any of the last @n? */
bool asked_of(unsigned int q, unsigned int n);
/* With EVENT_IDX: the driver wants to hear of the next chain of TX that is used. */
void want_next(void);
/* Has the device used another chain? */
bool used(unsigned int q);
/* The next used element; false: none comes within @ms. */
bool take(unsigned int q, struct vring_used_elem *e, int ms);
/* Offer a buffer for one frame, or a part of one, and ring. */
void post(unsigned int i, __u32 len);
/* The same without ringing */
void refill(unsigned int i, __u32 len);
/* Where header and frame are put */
__u8 *tx_buf(void);
/* A header and a frame of @len bytes to VF 1 in one piece; not offered */
void put_frame(__u32 len, const struct virtio_net_hdr_v1 *hdr, unsigned int fill);
/* The device has consumed the chain, in its time. */
void consumed(__u16 head);
/* That frame arrives as it was. */
void arrives(__u32 len);

/* ---- virtio_bad.c ---- */

/*
 * Offer chain @i of those that stop the device, and ring: what devlink then says.  "": it
 * is none in rings of this format; NULL: there are no more.
 */
const char *bad_chain(unsigned int i);

/* Requests of the control queue that must be refused, with USUAL, are.  How many */
unsigned int bad_requests_refused(void);

/* ---- virtio_steer.c ---- */

void steer_hash(void);
void steer_refused(void);
void steer_moderation(void);
void steer_taken(void);

/* ---- virtio_order.c ---- */

void order_vectors(void);
void order_moving(void);
void order_control(void);
void order_discovery(void);
void order_vlans(void);
void order_unfiltered(void);
void order_table(void);
void order_pieces(void);

/* ---- virtio_told.c ---- */

void told_announce(void);
void told_address(void);

/* ---- virtio_uso.c ---- */

void uso(void);

/* ---- virtio_bell.c ---- */

void bell_lost(void);

/* ---- virtio_faults.c ---- */

void faults(const char *name);

/* ---- virtio_packed.c ---- */

void packed_place(unsigned int q);
void packed_offer(unsigned int q, __u16 head);
bool packed_asked(unsigned int q);
bool packed_used(unsigned int q);
void packed_take(unsigned int q, struct vring_used_elem *e);
/* The driver wants to hear of the next chain of TX that is used. */
void packed_want_next(void);
/* Write over flags, and the wish for interrupts. */
void packed_scribble(unsigned int q, __u32 n, __u16 flags);
void packed_laps(void);
void packed_events(void);
void packed_hostile(void);

#endif
