/* SPDX-License-Identifier: GPL-2.0 */
/* TCP packets of VF 0, to be segmented or not, and what has become of them */
#ifndef VNIC_SELFTEST_VFIO_BENCH_TCP_H
#define VNIC_SELFTEST_VFIO_BENCH_TCP_H

#include "bench.h"

#define IP	14
#define TCP	34
#define HEADERS	54
#define TSO_LEN	4000u

/* A TCP segment of @len bytes with its headers, its checksum to be completed */
void make_tcp(__u8 *f, const __u8 *dst, size_t len);
/*
 * The same over IPv6, with @exts headers of @size bytes each (a multiple of 8) in between:
 * where TCP begins
 */
unsigned int make_tcp6(__u8 *f, const __u8 *dst, size_t len, unsigned int exts, unsigned int size);

/* A packet over IPv6 that is to be segmented */
struct tso6 {
	const char	*what;		/* NULL: the last */
	__u16		gso;
	__u16		exts, size;	/* as of make_tcp6() */
	__u16		at, val;	/* 16 bits of it, changed */
	__u16		len;		/* 0: TSO_LEN */
};

extern const struct tso6 bad_tso6[], good_tso6[];
/* Where TCP begins */
unsigned int make_tso6(__u8 *f, const __u8 *dst, const struct tso6 *t);
unsigned int tso6_len(const struct tso6 *t);

/* What came out is a whole TCP packet: its headers tell the truth, or it is none.  Its payload */
unsigned int check_tcp(const struct out *o);
/* @payload bytes of TCP arrive at @vf, which takes no more than segments, or at @sock */
void tcp_arrives(struct drv *vf, int sock, unsigned int payload);

#endif
