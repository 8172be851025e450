// SPDX-License-Identifier: GPL-2.0
/*
 * A VF's driver that misbehaves when told to, through vfio.
 *
 * Usage: misbehave BDF [vm]
 * Starts the VF (with "vm" not: it has a virtual machine, and its BAR0 a place there, where
 * nobody writes to the doorbell page) and says "ready", then reads commands, a line each, and
 * answers each with a line: "ok", or what was asked for.
 *
 *   send MAC LEN N    send N frames of LEN bytes to MAC
 *   flood             send frames to all for ever, half a ring at a time; no answer
 *   offload FLAGS CSUM_START CSUM_OFFSET GSO_SIZE HDR_LEN HEX
 *                     send this frame behind a context (struct vnic_tx_ctx)
 *   take MS           take frames until none has come for so long: how many
 *   stop              break the transmit ring's rules; ends when that is noticed
 *   refused N         make so many requests that are refused
 *   scatter N         map a page at so many places, none of which shares a table of the IOMMU's
 *                     with another
 *   reset             reset the function and start again
 *   resets MS         reset it for so long, one after the other: how often
 *   messages MS       the same with messages that change the switch's configuration
 *   registers MS      read all registers for so long: how often
 *   hold              with a virtual machine: KVM holds its slots' lock, since one waits for
 *                     the vCPU, which waits for memory that never comes; and a register
 *                     is read meanwhile
 *   status            the status register
 *   generation        the generation register
 */
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include "test.h"
#include "vm.h"

static void send_frames(struct drv *v, const char *args)
{
	__u8 to[6], frame[TX_BUF_SIZE];
	unsigned int len, n;

	check(sscanf(args, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx %u %u", &to[0], &to[1], &to[2],
		     &to[3], &to[4], &to[5], &len, &n) == 8, "send %s", args);
	check(len >= 1 && len <= sizeof(frame), "%u bytes", len);
	drv_frame(v, to, frame, len < 14 ? 14 : len, 0);
	while (n--) {
		drv_send(v, frame, len, 1);
		check(drv_sent(v, WAIT), "not sent");
	}
}

static void flood(struct drv *v)
{
	static const __u8 all[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	__u8 frame[1000];
	unsigned int i;

	drv_frame(v, all, frame, sizeof(frame), 0);
	for (;;) {
		for (i = 0; i < RING_SIZE / 2; i++)
			drv_put(v, frame, sizeof(frame), 1);
		drv_push(v);
		while (!drv_sent(v, WAIT))
			;
	}
}

static void offload(struct drv *v, const char *args)
{
	struct vnic_tx_ctx *ring = (void *)(v->mem + AT_TX_RING);
	unsigned int flags, start, offset, gso, hdr, len;
	__u8 frame[TX_BUF_SIZE];
	int at;

	check(sscanf(args, "%i %u %u %u %u %n", &flags, &start, &offset, &gso, &hdr, &at) == 5,
	      "offload %s", args);
	for (len = 0; sscanf(args + at + 2 * len, "%2hhx", &frame[len]) == 1; len++)
		check(len < sizeof(frame) - 1, "too long");
	ring[v->tx_prod++ % RING_SIZE] = (struct vnic_tx_ctx) {
		.csum_start = htole16(start),
		.csum_offset = htole16(offset),
		.gso_size = htole16(gso),
		.hdr_len = htole16(hdr),
		.flags = htole16(VNIC_TXD_F_CTX | flags),
	};
	drv_send(v, frame, len, 1);
	check(drv_sent(v, WAIT), "not sent");
}

static unsigned int take(struct drv *v, int ms)
{
	__u8 got[RX_BUF_SIZE];
	unsigned int n;

	for (n = 0; drv_receive(v, got, sizeof(got), ms) >= 0; n++)
		;
	return n;
}

/* More descriptors than the ring has. */
static void stop(struct drv *v)
{
	struct vnic_event *ev = drv_event(v, AT_TX_EVENT);
	__u64 end = now_ms() + WAIT;

	__atomic_store_n(&ev->prod, htole32(v->tx_prod + RING_SIZE + 1), __ATOMIC_SEQ_CST);
	reg_write(&v->dev, VNIC_REG_KICK, VNIC_KICK_TX(0));
	while (!(reg_read(&v->dev, VNIC_REG_STATUS) & VNIC_STATUS_FAILED)) {
		check(now_ms() < end, "not stopped");
		usleep(1000);
	}
}

static void refused(struct drv *v, unsigned int n)
{
	struct vnic_mbx_u32 mtu = { .value = htole32(1) };

	while (n--)
		check_eq(drv_msg(v, VNIC_MBX_SET_MTU, &mtu, sizeof(mtu), NULL, 0),
			 VNIC_MBX_E_INVAL);
}

#define APART	(2u << 20)	/* what the entries of one table are for */

static void scatter(struct drv *v, unsigned int n)
{
	void *page = get_memory(PAGE);

	while (n--)
		check_eq(vdev_map(&v->dev, ELSEWHERE + (__u64)n * APART, page, PAGE), 0);
}

static unsigned int resets(struct drv *v, unsigned int ms)
{
	__u64 end = now_ms() + ms;
	unsigned int n;

	for (n = 0; now_ms() < end; n++)
		reg_write(&v->dev, VNIC_REG_CONTROL, VNIC_CTRL_RESET);
	drv_start(v);
	return n;
}

static unsigned int messages(struct drv *v, unsigned int ms)
{
	__u64 end = now_ms() + ms;
	unsigned int n;

	for (n = 0; now_ms() < end; n++) {
		struct vnic_mbx_u32 mtu = { .value = htole32(1000 + n % 2) };

		check_eq(drv_msg(v, VNIC_MBX_SET_MTU, &mtu, sizeof(mtu), NULL, 0), VNIC_MBX_OK);
	}
	return n;
}

static unsigned int registers(struct drv *v, unsigned int ms)
{
	static __u8 buf[PAGE];
	__u64 end = now_ms() + ms;
	unsigned int n;

	for (n = 0; now_ms() < end; n++)
		vdev_read(&v->dev, VFIO_PCI_BAR0_REGION_INDEX, 0, buf, sizeof(buf));
	return n;
}

#define HELD	0x20000u		/* guest physical address */
#define MOMENT	(200 * 1000)		/* us in which a thread has come to where it waits */

static void *touch_held(void *arg)
{
	vm_run(HELD);
	return arg;
}

static void *drop_held(void *mem)
{
	vm_slot(1, 0, mem);
	return mem;
}

static void *read_on(void *arg)
{
	struct drv *v = arg;

	for (;;)
		reg_read(&v->dev, VNIC_REG_STATUS);
	return NULL;
}

static void hold(struct drv *v)
{
	struct pollfd wait = { .events = POLLIN };
	pthread_t thread[3];
	void *mem;

	wait.fd = slow_memory(&mem, PAGE);
	check_eq(vm_slot(1, HELD, mem), 0);
	check(!pthread_create(&thread[0], NULL, touch_held, NULL), "no thread");
	check(poll(&wait, 1, WAIT) > 0, "the vCPU does not wait for the page");
	check(!pthread_create(&thread[1], NULL, drop_held, mem), "no thread");
	usleep(MOMENT);
	check(!pthread_create(&thread[2], NULL, read_on, v), "no thread");
	usleep(MOMENT);
}

static void open_in_vm(struct drv *v, const char *bdf)
{
	vm_create();
	vdev_kvm = vm.vfio;
	drv_open(v, bdf, false);
	check_eq(vm_slot(0, VM_CODE, vm.code), 0);
	vm_place(v, BAR);
}

static void command(struct drv *v, const char *line)
{
	if (!strncmp(line, "send ", 5)) {
		send_frames(v, line + 5);
	} else if (!strcmp(line, "flood")) {
		flood(v);
	} else if (!strncmp(line, "offload ", 8)) {
		offload(v, line + 8);
	} else if (!strncmp(line, "take ", 5)) {
		printf("%u\n", take(v, strtoul(line + 5, NULL, 10)));
		return;
	} else if (!strcmp(line, "stop")) {
		stop(v);
	} else if (!strncmp(line, "refused ", 8)) {
		refused(v, strtoul(line + 8, NULL, 10));
	} else if (!strncmp(line, "scatter ", 8)) {
		scatter(v, strtoul(line + 8, NULL, 10));
	} else if (!strcmp(line, "reset")) {
		reg_write(&v->dev, VNIC_REG_CONTROL, VNIC_CTRL_RESET);
		drv_start(v);
	} else if (!strncmp(line, "resets ", 7)) {
		printf("%u\n", resets(v, strtoul(line + 7, NULL, 10)));
		return;
	} else if (!strncmp(line, "messages ", 9)) {
		printf("%u\n", messages(v, strtoul(line + 9, NULL, 10)));
		return;
	} else if (!strncmp(line, "registers ", 10)) {
		printf("%u\n", registers(v, strtoul(line + 10, NULL, 10)));
		return;
	} else if (!strcmp(line, "hold")) {
		hold(v);
	} else if (!strcmp(line, "status")) {
		printf("%u\n", reg_read(&v->dev, VNIC_REG_STATUS));
		return;
	} else if (!strcmp(line, "generation")) {
		printf("%u\n", reg_read(&v->dev, VNIC_REG_GENERATION));
		return;
	} else {
		fail("unknown command: %s", line);
	}
	printf("ok\n");
}

int main(int argc, char **argv)
{
	static char line[2 * TX_BUF_SIZE + 128];
	struct drv v;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc != 2 && (argc != 3 || strcmp(argv[2], "vm"))) {
		fprintf(stderr, "usage: misbehave BDF [vm]\n");
		return 2;
	}
	if (argc == 3) {
		open_in_vm(&v, argv[1]);
	} else {
		drv_open(&v, argv[1], false);
		v.features = 1ull << VNIC_F_TX_CSUM | 1ull << VNIC_F_TX_TSO;
		drv_start(&v);
	}
	printf("ready\n");
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = 0;
		command(&v, line);
	}
	return 0;
}
