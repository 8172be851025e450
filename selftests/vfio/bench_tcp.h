/* SPDX-License-Identifier: GPL-2.0 */
/* TCP packets of VF 0, to be segmented or not, and what has become of them */
#ifndef VNIC_SELFTEST_VFIO_BENCH_TCP_H
#define VNIC_SELFTEST_VFIO_BENCH_TCP_H

#include "bench.h"

#define IP	14
#define TCP	34
#define HEADERS	54

/* A TCP segment of @len bytes with its headers, its checksum to be completed */
void make_tcp(__u8 *f, const __u8 *dst, size_t len);
/* What came out is a whole TCP packet: its headers tell the truth, or it is none. */
void check_tcp(const struct out *o);

#endif
