// SPDX-License-Identifier: GPL-2.0
/*
 * The bench of the hostile driver: two VFs that have nothing to do with it exchange frames.
 */
#include "bench_priv.h"

#define SAMPLES		20000
#define QUIET_FRAMES	40
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

static void *traffic(void *arg)
{
	while (!__atomic_load_n(&stop_traffic, __ATOMIC_RELAXED) || samples < LEAST_FRAMES)
		one_frame();
	return arg;
}

static __u32 quiet_us;

void traffic_open(void)
{
	drv_open(&vb, bench_vf[1], false);
	drv_open(&bench_vc, bench_vf[2], false);
	drv_start(&vb);
	drv_start(&bench_vc);
}

void traffic_start(void)
{
	while (samples < QUIET_FRAMES)
		one_frame();
	quiet_us = median();
	samples = 0;
	check(!pthread_create(&traffic_thread, NULL, traffic, NULL), "no thread");
}

/* Each arrived as it was sent (drv_exchange()); nothing else came or was lost. */
void traffic_stop(void)
{
	__u32 busy_us;

	__atomic_store_n(&stop_traffic, true, __ATOMIC_RELAXED);
	pthread_join(traffic_thread, NULL);
	busy_us = median();
	printf("# %lu frames of the others, median %u us, %u us when it is quiet\n", frames,
	       busy_us, quiet_us);
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
	/* who shares two CPUs with threads that never sleep waits for some time slices */
	check(busy_us <= 20 * quiet_us + 5000 * bench_slow, "the others were held up");
}
