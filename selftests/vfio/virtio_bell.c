// SPDX-License-Identifier: GPL-2.0
/*
 * Notifications of a virtio driver by a page that KVM watches: the driver cannot be told
 * when the page is not watched, and none may be lost.
 *
 * The memory slot of the page goes and comes back all the time, as it does when QEMU
 * changes its memory map, while the driver sends frame after frame and waits for each.
 * Time is counted in naps of the driver, which has to wait for a CPU of a busy host just
 * as the device has.
 */
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "virtio.h"
#include "vm.h"

#define NAP_US		50u
#define LATE		20u	/* naps: 2 ms, for Linux makes 100 us of 50 */
#define ROUNDS	4		/* the least disturbed one counts */
#define LOST		200000u	/* nobody looks any more */
#define STUCK		10000u	/* a second: no single one takes so long, but on a busy host */

static unsigned int lost;		/* times that the slot has gone */
static bool done;

static void *slots(void *arg)
{
	unsigned int *times = arg;

	for (lost = 0; lost < *times; lost++) {
		check_eq(vm_slot(1, BELL, vm.page), 0);
		usleep(lost % 7 * 1000);
		check_eq(vm_slot(1, 0, NULL), 0);
		usleep(lost % 5 * 200);
	}
	check_eq(vm_slot(1, BELL, vm.page), 0);
	__atomic_store_n(&done, true, __ATOMIC_RELAXED);
	return NULL;
}

/*
 * The guest's driver: where there is no slot the VMM hears of it, and writes to the BAR.
 * False: so it was.
 */
static bool vm_notify(unsigned int q)
{
	vm_run(BAR + NOTIFY + 4 * q);
	if (vm.run->exit_reason != KVM_EXIT_MMIO)
		return true;
	notify(q);
	return false;
}

/* Send a frame and wait until it is used.  *@naps: for how long.  True: by the page. */
static bool send_one(__u32 *naps)
{
	bool page;

	offer(TX, 0);
	page = vm_notify(TX);
	for (*naps = 0; !used(TX); ++*naps) {
		check(*naps < LOST, "a notification is lost; the slot had gone %u times", lost);
		usleep(NAP_US);
	}
	check(take(TX, &(struct vring_used_elem){}, 0), "not used");
	return page;
}

static void bell_open(void)
{
	vm_create();
	vdev_kvm = vm.vfio;
	open_both(0);
	vdev_kvm = -1;
	vm.page = vm_map(&evil, VNIC_DOORBELL_BASE, PAGE, MAP_SHARED);
	check(vm.page != MAP_FAILED, "the page cannot be mapped: %m");
	check_eq(vm_slot(0, VM_CODE, vm.code), 0);
	vm_place(&evil, BAR);
	start(BASE);
	works();
}

static __u32 naps[200000];

static void receive_all(int ms)
{
	static __u8 got[2048];

	while (drv_receive(&good, got, sizeof(got), ms) >= 0)
		;
}

/* The same while the slot stays: what the host makes of it now */
static __u32 quiet_round(void)
{
	unsigned int i;

	for (i = 0; i < 200; i++) {	/* VF 1 has room for 256 */
		check(send_one(&naps[i]), "not by the page");
		if (i % 64 == 63)
			receive_all(0);
	}
	receive_all(100);
	sort_samples(naps, i);
	printf("# the slot there: naps until used: p50 %u, p99 %u\n", naps[i / 2],
	       naps[i * 99 / 100]);
	return naps[i * 99 / 100];
}

/* While the slot goes @times times: the 99th of 100 naps */
static __u32 round_of(unsigned int times)
{
	unsigned int sent, n = 0;
	pthread_t thread;

	__atomic_store_n(&done, false, __ATOMIC_RELAXED);
	check(!pthread_create(&thread, NULL, slots, &times), "no thread");
	for (sent = 0; n < ARRAY_SIZE(naps) && !__atomic_load_n(&done, __ATOMIC_RELAXED); sent++) {
		n += send_one(&naps[n]);
		if (sent % 64 == 63)
			receive_all(0);
	}
	pthread_join(thread, NULL);
	receive_all(100);
	check(n >= times / 2, "%u frames by the page", n);
	sort_samples(naps, n);
	printf("# the slot gone %u times, %u of %u frames by the page: naps until used: p50 %u, p99 %u, most %u\n",
	       lost, n, sent, naps[n / 2], naps[n * 99 / 100], naps[n - 1]);
	timely(naps[n - 1] < STUCK, "a notification is seen after %u naps", naps[n - 1]);
	return naps[n * 99 / 100];
}

void bell_lost(void)
{
	__u32 p99, quiet, most = 0, best = ~0u;
	unsigned int i;

	bell_open();
	put_frame(100, NULL, 1);
	for (i = 0; i < ROUNDS; i++) {
		p99 = round_of(1000 / ROUNDS);
		best = p99 < best ? p99 : best;
		quiet = quiet_round();
		most = quiet > most ? quiet : most;
	}
	timely(best < LATE + most, "notifications are late: p99 %u naps, %u while the slot stays",
	       best, most);
	works();
	close_both();
}
