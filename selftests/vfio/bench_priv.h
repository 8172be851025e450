/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the bench have in common, and no case needs */
#ifndef VNIC_SELFTEST_VFIO_BENCH_PRIV_H
#define VNIC_SELFTEST_VFIO_BENCH_PRIV_H

#include "bench.h"

extern struct drv bench_vc;		/* VF 2 */

/* ---- bench_counters.c ---- */

/* Counters move from now on. */
void bench_count(void);

/* ---- bench_traffic.c ---- */

/* VFs 1 and 2 are opened; they exchange frames until they are to stop. */
void traffic_open(void);
void traffic_start(void);
/* Each arrived as it was sent (drv_exchange()); nothing else came or was lost. */
void traffic_stop(void);
/* Nor was it held up. */
void traffic_judge(void);

#endif
