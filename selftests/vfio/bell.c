// SPDX-License-Identifier: GPL-2.0
/*
 * The doorbell page watched by KVM: what QEMU does, and what a QEMU that a guest
 * has taken over could do.
 */
#include <linux/pci_regs.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "test.h"
#include "vm.h"

#define SMM	(1u << 16)		/* address space in a slot's number */

static unsigned int rung;		/* by the page */
static bool done;

/* It rings the doorbell at @offset of the page. */
static void vm_write(__u32 offset)
{
	vm_run(BELL + offset);
	check_eq(vm.run->exit_reason, KVM_EXIT_HLT);
}

static bool dead(struct drv *v, unsigned int event)
{
	return le32toh(__atomic_load_n(&drv_event(v, event)->flags, __ATOMIC_SEQ_CST)) &
	       VNIC_EV_F_DOORBELL_DEAD;
}

/* By register alone */
static void kick(struct drv *v, __u32 doorbell)
{
	reg_write(&v->dev, VNIC_REG_KICK, doorbell & 4 ? VNIC_KICK_RX(0) : VNIC_KICK_TX(0));
}

/* As a driver rings */
static void ring(struct drv *v, __u32 doorbell)
{
	if (dead(v, doorbell & 4 ? AT_RX_EVENT : AT_TX_EVENT)) {
		vm_run(BAR + doorbell);
		kick(v, doorbell);
	} else {
		vm_write(doorbell - VNIC_DOORBELL_BASE);
		rung++;
	}
}

/* Ringing is what makes it alive. */
static void wait_dead(struct drv *v, bool want)
{
	__u64 end = now_ms() + WAIT;

	while (dead(v, AT_TX_EVENT) != want || dead(v, AT_RX_EVENT) != want) {
		check(now_ms() < end, "the event blocks do not say %d", want);
		if (!want)
			ring(v, VNIC_DOORBELL_TX(0));
		usleep(2000);
	}
}

/* @n frames there and back */
static void exchange(struct drv *a, struct drv *b, unsigned int n)
{
	__u8 frame[200], got[65536];
	unsigned int i;

	for (i = 0; i < n; i++) {
		drv_frame(a, b->caps.mac, frame, sizeof(frame), i);
		drv_send(a, frame, sizeof(frame), 1);
		check_eq(drv_receive(b, got, sizeof(got), WAIT), sizeof(frame));
		drv_frame(b, a->caps.mac, frame, sizeof(frame), i);
		drv_send(b, frame, sizeof(frame), 1);
		check_eq(drv_receive(a, got, sizeof(got), WAIT), sizeof(frame));
	}
}

/* Without a virtual machine nothing may be mapped, and both ways ring. */
void bell_none(const char *a, const char *b, bool cdev)
{
	static struct drv va, vb;

	drv_open(&va, a, cdev);
	drv_open(&vb, b, cdev);
	check(vm_map(&va, VNIC_DOORBELL_BASE, PAGE, MAP_SHARED) == MAP_FAILED, "mapped");
	drv_start(&va);
	drv_start(&vb);
	check(!dead(&va, AT_TX_EVENT) && !dead(&va, AT_RX_EVENT), "dead");
	exchange(&va, &vb, 10);
	drv_event(&va, AT_TX_EVENT)->flags = htole32(VNIC_EV_F_DOORBELL_DEAD);
	drv_event(&va, AT_RX_EVENT)->flags = htole32(VNIC_EV_F_DOORBELL_DEAD);
	va.ring = kick;
	exchange(&va, &vb, 10);
	check_eq(rung, 0);
}

/* @a in a virtual machine with the page mapped and in place, @b without one */
static void bell_start(struct drv *va, struct drv *vb, const char *a, const char *b, bool cdev)
{
	vm_create();
	drv_open(vb, b, cdev);
	drv_start(vb);
	vdev_kvm = vm.vfio;
	drv_open(va, a, cdev);
	vdev_kvm = -1;
	va->ring = ring;
	vm.page = vm_map(va, VNIC_DOORBELL_BASE, PAGE, MAP_SHARED);
	check(vm.page != MAP_FAILED, "the page cannot be mapped: %m");
	check_eq(vm_slot(0, VM_CODE, vm.code), 0);
	vm_place(va, BAR);
}

void bell(const char *a, const char *b, bool cdev)
{
	static struct drv va, vb;
	unsigned int i;
	__u8 frame[200];

	bell_start(&va, &vb, a, b, cdev);
	check(vm_map(&va, 0, PAGE, MAP_SHARED) == MAP_FAILED, "registers are mapped");
	check(vm_map(&va, 0, 2 * PAGE, MAP_SHARED) == MAP_FAILED, "all is mapped");
	check(vm_map(&va, VNIC_DOORBELL_BASE, 2 * PAGE, MAP_SHARED) == MAP_FAILED, "too much");
	check(vm_map(&va, VNIC_DOORBELL_BASE, PAGE, MAP_PRIVATE) == MAP_FAILED, "private");
	for (i = 0; i < PAGE / 4; i++)
		check_eq(vm.page[i], 0);
	drv_start(&va);
	wait_dead(&va, true);
	exchange(&va, &vb, 10);
	check_eq(rung, 0);
	for (i = 0; i < 3; i++) {
		/* KVM remembers that nothing is there */
		vm_run(BELL);
		check_eq(vm.run->exit_reason, KVM_EXIT_MMIO);
		check_eq(vm_slot(1, BELL, vm.page), 0);
		/* and then it is tracked before the page is touched */
		usleep(20000);
		reg_read(&va.dev, VNIC_REG_STATUS);
		wait_dead(&va, false);
		rung = 0;
		exchange(&va, &vb, 20);
		check(rung >= 20, "rung %u times by the page", rung);
		/* decoding off and on, with the slot as it is */
		cfg_command(&va.dev, 0, PCI_COMMAND_MEMORY);
		cfg_command(&va.dev, PCI_COMMAND_MEMORY, 0);
		wait_dead(&va, false);
		/* the slot of system management mode goes: lost and found */
		check_eq(vm_slot(1 | SMM, BELL, vm.page), 0);
		check_eq(vm_slot(1 | SMM, 0, NULL), 0);
		exchange(&va, &vb, 10);
		wait_dead(&va, false);
		/* a reset, as a reboot begins */
		check_eq(vdev_reset(&va.dev), 0);
		cfg_command(&va.dev, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 0);
		drv_start(&va);
		wait_dead(&va, false);
		check_eq(vm_slot(1, 0, NULL), 0);
		wait_dead(&va, true);
		exchange(&va, &vb, 10);
	}
	check_eq(vm_slot(1, BELL, vm.page), 0);
	wait_dead(&va, false);
	/* The page as a buffer: nothing but what its user has written */
	check_eq(vdev_map(&va.dev, MEM_IOVA + 2 * MEM_SIZE, vm.page, PAGE), 0);
	drv_frame(&va, vb.caps.mac, vm.page + 256, 100, 5);	/* not where it rings */
	drv_send_from(&va, MEM_IOVA + 2 * MEM_SIZE + 1024);
	check_eq(drv_receive(&vb, frame, sizeof(frame), WAIT), 100);
	check(!memcmp(frame, vm.page + 256, 100), "other bytes than the page's");
	check(drv_sent(&va, WAIT), "not sent");
	memset(vm.page, 0, PAGE);
	vdev_close(&va.dev);
	vm_write(0);		/* into memory that is nobody's any more */
	check(vm.page[0] == 0, "what was written is not there");
}

static struct {
	unsigned int slots, writes, steps;
} at;

/* Which of the threads hangs?  It was seen once, on stable under emulation, and not why. */
static void stuck(int sig)
{
	(void)sig;
	printf("# stuck: done %d, slot %u, write %u (exit %u), step %u\n", done, at.slots, at.writes,
	       vm.run->exit_reason, at.steps);
	fflush(stdout);
	_exit(CASE_STUCK);
}

/* Slots of both address spaces come and go. */
static void *slots(void *arg)
{
	unsigned int i;

	for (i = 0; at.slots = i, !__atomic_load_n(&done, __ATOMIC_RELAXED); i++) {
		__u32 slot = 1 | (i % 3 == 2 ? SMM : 0);

		vm_slot(slot, i % 5 ? BELL : BELL + 2 * PAGE, vm.page);
		usleep(i % 7 * 100);
		vm_slot(slot, 0, NULL);
	}
	printf("# %u slots\n", i);
	return arg;
}

/* Registers, so that it is tried again all the time */
static void *reader(void *arg)
{
	struct drv *v = arg;
	unsigned int i;

	for (i = 0; !__atomic_load_n(&done, __ATOMIC_RELAXED); i++)
		reg_write(&v->dev, VNIC_REG_KICK, i);
	return arg;
}

/* Where the page may be or may not, and its neighbours; whatever that exits for */
static void *writer(void *arg)
{
	unsigned int i;

	for (i = 0; at.writes = i, !__atomic_load_n(&done, __ATOMIC_RELAXED); i++)
		vm_run(BELL + i % 3 * PAGE + i % 64 * 4);
	printf("# %u writes\n", i);
	return arg;
}

void bell_hostile(const char *a, const char *b, bool cdev, unsigned int seconds)
{
	static const __u64 places[] = { BAR, BAR + 2 * PAGE, VM_CODE & ~(2 * PAGE - 1), 0,
					0xfee00000, ~0ull - 2 * PAGE + 1, 1ull << 40 };
	static struct drv va, vb;
	pthread_t threads[3];
	unsigned int i;
	__u64 end;

	signal(SIGALRM, stuck);
	bell_start(&va, &vb, a, b, cdev);
	drv_start(&va);
	check(!pthread_create(&threads[0], NULL, slots, NULL), "thread");
	check(!pthread_create(&threads[1], NULL, reader, &va), "thread");
	check(!pthread_create(&threads[2], NULL, writer, NULL), "thread");
	end = now_ms() + seconds * 1000ull;
	for (i = 0; at.steps = i, now_ms() < end; i++) {
		vm_place(&va, places[i % ARRAY_SIZE(places)]);
		if (i % 4)
			cfg_command(&va.dev, PCI_COMMAND_MEMORY, 0);
		else
			cfg_command(&va.dev, 0, PCI_COMMAND_MEMORY);
		if (i % 100 == 99)
			check_eq(vdev_reset(&va.dev), 0);
	}
	__atomic_store_n(&done, true, __ATOMIC_RELAXED);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	vm_place(&va, BAR);
	cfg_command(&va.dev, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 0);
	check_eq(vdev_reset(&va.dev), 0);
	cfg_command(&va.dev, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 0);
	drv_start(&va);
	check_eq(vm_slot(1, BELL, vm.page), 0);
	wait_dead(&va, false);
	exchange(&va, &vb, 20);
	check(rung, "not rung by the page");
}
