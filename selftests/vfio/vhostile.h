/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The bench (bench.h) whose VF 0 is a virtio network device, and what its cases have in
 * common.  VF 3 is a native one that it exchanges frames with, the "good" one of virtio.h.
 */
#ifndef VNIC_SELFTEST_VFIO_VHOSTILE_H
#define VNIC_SELFTEST_VFIO_VHOSTILE_H

#include "bench.h"
#include "virtio.h"

#define BAD_TX	"TX ring or descriptors invalid"
#define BAD_RX	"RX ring invalid"

extern const struct bench_kind virtio_kind;
extern const struct hostile_case vring_cases[], vframe_cases[], vmemory_cases[],
				 vcontrol_cases[], vconfig_cases[], vchance_cases[];

/* The bench, and VF 3 */
void vopen(__u64 wanted);
void vclose(void);

/* Descriptor @i as the device reads it: of the table, or of the ring if that is packed */
struct vring_desc *live(unsigned int q, unsigned int i);
/* A header and a frame of @len bytes to @dst in one piece, in descriptor 0; not offered */
void put_frame_to(const __u8 *dst, __u32 len);
/* Descriptor 0 is offered, and used after some time. */
void send_it(void);
/* A frame of @len bytes of the buffer arrives at PF or wire. */
void comes_out_whole(int sock, __u32 len);
/* The queue is reset alone (VIRTIO_F_RING_RESET), and is to be made again. */
void queue_reset(unsigned int q);
/* Receive buffers 0 to @n - 1, in descriptors of these numbers, and ring */
void post_many(unsigned int n);

#endif
