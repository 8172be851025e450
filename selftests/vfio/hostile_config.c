// SPDX-License-Identifier: GPL-2.0
/*
 * The hostile driver: registers, configuration space and interrupts (classes 7 and 8).
 */
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include "native.h"

#define BAR0	VFIO_PCI_BAR0_REGION_INDEX
#define MSIX	VFIO_PCI_MSIX_IRQ_INDEX

/* ---- class 7 ---- */

static void put_many(unsigned int n)
{
	while (n--)
		put_frame(wire_mac, 1000);
}

/* How many come out: all that were counted, and what else there is */
static unsigned int drain(void)
{
	static struct out o;
	unsigned int n = 0;

	while (comes_out(wire_sock, &o, n < moved("vf0_tx_packets") ? WAIT : QUIET))
		n++;
	return n;
}

/* Bus mastering goes in the middle of a burst: from then on no memory is touched. */
static void case_master(void)
{
	__u8 *before = malloc(MEM_SIZE);
	unsigned int round;

	bench_open(0);
	for (round = 0; round < 8; round++) {
		__u32 generation = reg_read(&evil.dev, VNIC_REG_GENERATION);
		__u64 end = now_ms() + WAIT;

		put_many(RING_SIZE);
		drv_push(&evil);
		cfg_command(&evil.dev, 0, PCI_COMMAND_MASTER);
		while (reg_read(&evil.dev, VNIC_REG_GENERATION) == generation ||
		       !(reg_read(&evil.dev, VNIC_REG_STATUS) & VNIC_STATUS_READY))
			check(now_ms() < end, "not reset");
		memcpy(before, evil.mem, MEM_SIZE);
		from_wire(300, round);
		drv_push(&evil);
		reg_write(&evil.dev, VNIC_REG_MBX_KICK, 1);
		check_moved("uplink_tx_drop_nodest", round + 1);
		usleep(20000);
		check(!memcmp(before, evil.mem, MEM_SIZE), "memory is written");
		cfg_command(&evil.dev, PCI_COMMAND_MASTER, 0);
		drv_start(&evil);
	}
	free(before);
	check_moved("vf0_rx_packets", 0);
	check(drain() == moved("vf0_tx_packets"), "more was counted than sent");
	bench_close();
}

/* Decoding goes in the middle of a burst: what is rung is lost, what was rung is done. */
static void case_decode(void)
{
	unsigned int round, n = 0;

	bench_open(0);
	for (round = 0; round < 8; round++) {
		put_many(RING_SIZE / 2);
		drv_push(&evil);
		cfg_command(&evil.dev, 0, PCI_COMMAND_MEMORY);
		check_eq(reg_read(&evil.dev, VNIC_REG_MAGIC), ~0u);
		put_many(RING_SIZE / 2);
		drv_push(&evil);	/* nobody hears the bell */
		cfg_command(&evil.dev, PCI_COMMAND_MEMORY, 0);
		check(drv_sent(&evil, WAIT), "stands still when it is decoded again");
		n += RING_SIZE;
	}
	check_moved("vf0_tx_packets", n);
	check_eq(drain(), n);
	bench_close();
}

/* Every offset of BAR0 in every width: only aligned ones of 4 bytes are answered. */
static void case_registers(void)
{
	static const unsigned int width[] = { 1, 2, 4, 8 };
	const __u64 ones = ~0ull, zero = 0;
	unsigned int off, w, size;
	__u64 val;

	bench_open(0);
	for (w = 0; w < ARRAY_SIZE(width); w++) {
		for (off = 0; off < VNIC_BAR_CTRL_SIZE; off++) {
			int want = off + width[w] <= VNIC_BAR_CTRL_SIZE ? width[w] :
				   VNIC_BAR_CTRL_SIZE - off;

			size = width[w];
			val = 0;
			check_eq(vdev_read(&evil.dev, BAR0, off, &val, size), want);
			if (want == 4 && !(off & 3))	/* also what is cut at the end */
				continue;
			check(!memcmp(&val, &ones, want), "%u bytes at %#x: %#llx", size, off, val);
			vdev_write(&evil.dev, BAR0, off, off & 1 ? &ones : &zero, size);
		}
	}
	/* none of these has written anything */
	check_eq(reg_read(&evil.dev, VNIC_REG_MBX_ADDR_LO), (__u32)MEM_IOVA);
	check_eq(reg_read(&evil.dev, VNIC_REG_MBX_ADDR_HI), MEM_IOVA >> 32);
	check(reg_read(&evil.dev, VNIC_REG_STATUS) & VNIC_STATUS_ENABLED, "not enabled");
	put_frame(wire_mac, 300);
	drv_push(&evil);
	check(drv_sent(&evil, WAIT), "not sent");
	check_eq(drain(), 1);
	/* and now those that do; a mailbox that is nowhere stops it */
	for (off = 0; off < VNIC_BAR_CTRL_SIZE; off += 4) {
		if (off != VNIC_REG_CONTROL)
			reg_write(&evil.dev, off, 0);
		if (off != VNIC_REG_CONTROL && off != VNIC_REG_MBX_ADDR_LO)
			reg_write(&evil.dev, off, ~0u);
	}
	reg_write(&evil.dev, VNIC_REG_MBX_ADDR_HI, ~0u);
	reg_write(&evil.dev, VNIC_REG_MBX_ADDR_LO, ~0u << 12);
	reg_write(&evil.dev, VNIC_REG_MBX_KICK, 1);
	check_stopped("mailbox page is not accessible");
	reg_write(&evil.dev, VNIC_REG_CONTROL, ~0u);
	bench_close();
}

static void case_config(void)
{
	bench_open(0);
	scribble_config(NULL);
	bench_close();
}

/* ---- class 8 ---- */

/* As QEMU masks: the vector's eventfd is taken away and given back. */
static void mask(void *arg)
{
	(void)arg;
	vdev_set_eventfd(&evil.dev, MSIX, 1, -1);
	vdev_set_eventfd(&evil.dev, MSIX, 1, evil.irq[1]);
}

/* Another eventfd in the place of the one that is being signalled, which is closed */
static void replace(void *arg)
{
	static int last = -1;
	int fd = new_eventfd();

	(void)arg;
	vdev_set_eventfd(&evil.dev, MSIX, 1, fd);
	if (last >= 0)
		close(last);
	last = fd;
}

/* @n frames from the wire, each with an interrupt, while @step goes on */
static void interrupts(void (*step)(void *arg), unsigned int n)
{
	static __u8 got[2048];
	unsigned int i;

	meanwhile(step, NULL);
	for (i = 0; i < n; i++) {
		__u64 end = now_ms() + WAIT;

		drv_event(&evil, AT_RX_EVENT)->intr_at = htole32(evil.rx_cons + 1);
		from_wire(60 + i % 1000, i);
		/* an interrupt may be missed while it is masked, a frame may not */
		while (le32toh(__atomic_load_n(&drv_event(&evil, AT_RX_EVENT)->cons,
					       __ATOMIC_ACQUIRE)) == evil.rx_cons)
			check(now_ms() < end, "frame %u is lost", i);
		check_eq(drv_receive(&evil, got, sizeof(got), WAIT), 60 + i % 1000);
	}
	meanwhile_stop();
	check_moved("vf0_rx_packets", n);
	check_moved("vf0_rx_dropped", 0);
	check(moved("vf0_interrupts") >= n / 2, "%llu interrupts", moved("vf0_interrupts"));
}

static void case_masked(void)
{
	bench_open(0);
	interrupts(mask, 1500);
	bench_close();
}

static void case_replaced(void)
{
	bench_open(0);
	interrupts(replace, 1500);
	bench_close();
}

static void trigger(void *arg)
{
	const unsigned int n = evil.dev.vectors;

	(void)arg;
	vdev_set_irqs(&evil.dev, VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER, MSIX, 0, n,
		      NULL, 0);
	reg_write(&evil.dev, VNIC_REG_MBX_KICK, 1);
}

/* All vectors triggered by hand, and by messages, as fast as it goes */
static void case_storm(void)
{
	bench_open(0);
	interrupts(trigger, 1500);
	bench_close();
}

#define CROWD	20000	/* who wait for one eventfd */

/* From here on many wait for VF 0's interrupt, each for a duplicate of its eventfd. */
static void crowd(void)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	int ep = epoll_create1(EPOLL_CLOEXEC);
	unsigned int i;

	check(ep >= 0, "%m");
	for (i = 0; i < CROWD; i++)
		check(!epoll_ctl(ep, EPOLL_CTL_ADD, dup(evil.irq[1]), &ev), "watcher %u: %m", i);
}

#define POLLERS	4

/* Waits for the epoll instance that @arg points to, as many times as crowd() does; for what never
 * comes, so that nobody leaves the queue.
 */
static void *poller(void *arg)
{
	struct pollfd *fds = calloc(CROWD, sizeof(*fds));
	unsigned int i;

	for (i = 0; fds && i < CROWD; i++)
		fds[i] = (struct pollfd) { .fd = *(int *)arg, .events = POLLPRI };
	poll(fds, CROWD, -1);
	return NULL;
}

/* The only one that waits for VF 0's interrupt is an epoll, for which many wait; from now on. */
static void crowd_behind(pthread_t *who)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	static int ep;
	unsigned int i;

	ep = epoll_create1(EPOLL_CLOEXEC);
	check(ep >= 0 && !epoll_ctl(ep, EPOLL_CTL_ADD, evil.irq[1], &ev), "%m");
	for (i = 0; i < POLLERS; i++)
		check(!pthread_create(&who[i], NULL, poller, &ep), "no thread");
	sleep(1);
}

/* Median time in us of sending a frame that interrupts VF 0; each interrupt comes. */
static __u32 sending(struct drv *mate)
{
	static __u8 frame[100], got[2048];
	__u32 took[100];
	unsigned int i;

	drv_frame(mate, evil.caps.mac, frame, sizeof(frame), 5);
	for (i = 0; i < ARRAY_SIZE(took); i++) {
		__u64 t;

		drv_event(&evil, AT_RX_EVENT)->intr_at = htole32(evil.rx_cons + 1);
		t = now_us();
		drv_send(mate, frame, sizeof(frame), 1);
		took[i] = now_us() - t;
		check(wait_eventfd(evil.irq[1], WAIT), "no interrupt of frame %u", i);
		check_eq(drv_receive(&evil, got, sizeof(got), WAIT), sizeof(frame));
	}
	sort_samples(took, ARRAY_SIZE(took));
	return took[ARRAY_SIZE(took) / 2];
}

/*
 * Whoever waits for VF 0's interrupts costs VF 0's own thread, not who sends to it.  Seen on
 * an emulated machine: 9 us alone, 54 to 83 with the crowd, since that thread may take the CPU
 * at once; 10 to 14 ms where who sends signals all of them.
 */
static void case_crowd(void)
{
	struct rlimit most = { CROWD + 1000, CROWD + 1000 };
	__u32 alone, crowded, behind;
	pthread_t who[POLLERS];
	struct drv mate;
	unsigned int i;

	check(!setrlimit(RLIMIT_NOFILE, &most), "%m");
	bench_open(0);
	bench_mate(&mate);
	alone = sending(&mate);
	crowd_behind(who);
	behind = sending(&mate);
	for (i = 0; i < POLLERS; i++)
		check(!pthread_cancel(who[i]) && !pthread_join(who[i], NULL), "no end");
	crowd();
	crowded = sending(&mate);
	printf("# a doorbell takes %u us; %u with %u who wait for the interrupt, %u with %u behind one\n",
	       alone, crowded, CROWD, behind, POLLERS * CROWD);
	timely(crowded <= alone + 1000 * bench_slow, "a doorbell takes %u us, alone %u", crowded,
	       alone);
	timely(behind <= alone + 1000 * bench_slow, "a doorbell takes %u us, alone %u", behind,
	       alone);
	vdev_close(&mate.dev);
	bench_close();
}

const struct hostile_case config_cases[] = {
	{ 7, "master", case_master, "bus mastering cleared in the middle of a burst" },
	{ 7, "decode", case_decode, "decoding cleared in the middle of a burst" },
	{ 7, "registers", case_registers, "every offset and width of BAR0" },
	{ 7, "config", case_config, "every byte of the configuration space written" },
	{ 8, "masked", case_masked, "vectors masked and unmasked at speed" },
	{ 8, "replaced", case_replaced, "eventfds replaced and closed while signalled" },
	{ 8, "interrupts", case_storm, "a storm of interrupts" },
	{ 8, "crowd", case_crowd, "many wait for one interrupt" },
	{}
};
