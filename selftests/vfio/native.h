/* SPDX-License-Identifier: GPL-2.0 */
/* The bench (bench.h) whose VF 0 is a native one, and what its cases have in common */
#ifndef VNIC_SELFTEST_VFIO_NATIVE_H
#define VNIC_SELFTEST_VFIO_NATIVE_H

#include "bench.h"

#define BAD_TX	"TX ring or descriptors invalid"
#define BAD_RX	"RX ring invalid"

extern const struct bench_kind native_kind;
extern const struct hostile_case ring_cases[], memory_cases[], frame_cases[], config_cases[],
				 control_cases[];

/* VF 3, in VF 0's container, with memory of its own at ELSEWHERE */
void bench_mate(struct drv *v);

/* A frame of @len bytes in VF 0's next buffer, to @dst; not pushed */
__u8 *put_frame(const __u8 *dst, size_t len);
/* Another descriptor in VF 0's ring; not pushed */
struct vnic_tx_desc *put_desc(__u64 addr, __u16 len, __u16 flags);

#endif
