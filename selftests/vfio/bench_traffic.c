// SPDX-License-Identifier: GPL-2.0
/*
 * The bench of the hostile driver: two VFs that have nothing to do with it exchange frames.
 */
#include "bench_priv.h"

#define SAMPLES		(1024 * 1024)
#define QUIET_FRAMES	40
#define TAIL_FRAMES	1000	/* of less there is no tail */
#define LEAST_FRAMES	20	/* of the others in a case */
#define FRAME_LEN	200

static struct drv vb;

static __u32 sample[SAMPLES];
static unsigned int samples;
static unsigned long frames;
static bool stop_traffic;
static pthread_t traffic_thread;

static void one_frame(void)
{
	__u64 t = now_us();

	drv_exchange(&vb, &bench_vc, bench_vc.caps.mac, FRAME_LEN, 1);
	if (samples < SAMPLES)
		sample[samples++] = now_us() - t;
	frames++;
}

static __u32 median(void)
{
	sort_samples(sample, samples);
	return sample[samples / 2];
}

/* The 99th of 100; 0: not known */
static __u32 tail(void)
{
	return samples < TAIL_FRAMES ? 0 : sample[samples / 100 * 99];
}

static void *traffic(void *arg)
{
	while (!__atomic_load_n(&stop_traffic, __ATOMIC_RELAXED) || samples < LEAST_FRAMES)
		one_frame();
	return arg;
}

static __u32 quiet_us, busy_us, tail_us;

void traffic_open(void)
{
	drv_open(&vb, bench_vf[1], false);
	drv_open(&bench_vc, bench_vf[2], false);
	drv_start(&vb);
	drv_start(&bench_vc);
}

static __u32 when_quiet(void)
{
	__u32 us;

	samples = 0;
	while (samples < QUIET_FRAMES)
		one_frame();
	us = median();
	samples = 0;
	return us;
}

void traffic_start(void)
{
	quiet_us = when_quiet();
	check(!pthread_create(&traffic_thread, NULL, traffic, NULL), "no thread");
}

/* Each arrived as it was sent (drv_exchange()); nothing else came or was lost. */
void traffic_stop(void)
{
	__atomic_store_n(&stop_traffic, true, __ATOMIC_RELAXED);
	pthread_join(traffic_thread, NULL);
	busy_us = median();
	tail_us = tail();
	printf("# %lu frames of the others, median %u us, p99 %u us; %u us when it is quiet\n",
	       frames, busy_us, tail_us, quiet_us);
	check_moved("vf1_tx_packets", frames);
	check_moved("vf1_tx_bytes", frames * FRAME_LEN);
	check_moved("vf2_rx_packets", frames);
	check_moved("vf2_rx_bytes", frames * FRAME_LEN);
	check_moved("vf1_rx_packets", 0);
	check_moved("vf2_tx_packets", 0);
	check_moved("vf1_rx_dropped", 0);
	check_moved("vf1_tx_dropped", 0);
	check_moved("vf2_rx_dropped", 0);
	check_moved("vf2_tx_dropped", 0);
}

/*
 * Seen on an emulated machine of two CPUs, busy or not: a median of 0.9 to 1.4 of the quiet
 * one, and a 99th percentile of 1.5 to 21 times that; beside other machines on the same CPUs
 * up to 17 ms on the debug kernel.  One in a hundred may wait for some time slices of threads,
 * or of machines, that never sleep.
 *
 * What the host has to do besides may begin at any time: it is quiet again now, VF 0 was reset.
 */
void traffic_judge(void)
{
	const __u32 again_us = when_quiet();

	printf("# %u us when it is quiet again\n", again_us);
	timely(again_us <= 3 * quiet_us + 5 * bench_slow,
	       "the others are slower from now on: %u us, %u us before", again_us, quiet_us);
	quiet_us = again_us > quiet_us ? again_us : quiet_us;
	timely(busy_us <= 2 * quiet_us + 5 * bench_slow,
	       "the others were held up: median %u us, %u us when it is quiet", busy_us, quiet_us);
	timely(tail_us <= 25 * quiet_us + 5000 * bench_slow,
	       "some of the others were held up: p99 %u us, the median is %u us when it is quiet",
	       tail_us, quiet_us);
}
