// SPDX-License-Identifier: GPL-2.0
/*
 * A VF's driver that misbehaves when told to, through vfio.
 *
 * Usage: misbehave BDF
 * Starts the VF and says "ready", then reads commands, a line each, and answers
 * each with a line: "ok", or what was asked for.
 *
 *   send MAC LEN N    send N frames of LEN bytes to MAC
 *   stop              break the transmit ring's rules; ends when that is noticed
 *   refused           make a request that is refused
 *   reset             reset the function and start again
 *   resets MS         reset it for so long, one after the other: how often
 *   messages MS       the same with messages that change the switch's configuration
 *   status            the status register
 *   generation        the generation register
 */
#include <unistd.h>

#include "test.h"

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

static void refused(struct drv *v)
{
	struct vnic_mbx_u32 mtu = { .value = htole32(1) };

	check_eq(drv_msg(v, VNIC_MBX_SET_MTU, &mtu, sizeof(mtu), NULL, 0), VNIC_MBX_E_INVAL);
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

static void command(struct drv *v, const char *line)
{
	if (!strncmp(line, "send ", 5)) {
		send_frames(v, line + 5);
	} else if (!strcmp(line, "stop")) {
		stop(v);
	} else if (!strcmp(line, "refused")) {
		refused(v);
	} else if (!strcmp(line, "reset")) {
		reg_write(&v->dev, VNIC_REG_CONTROL, VNIC_CTRL_RESET);
		drv_start(v);
	} else if (!strncmp(line, "resets ", 7)) {
		printf("%u\n", resets(v, strtoul(line + 7, NULL, 10)));
		return;
	} else if (!strncmp(line, "messages ", 9)) {
		printf("%u\n", messages(v, strtoul(line + 9, NULL, 10)));
		return;
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
	char line[128];
	struct drv v;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc != 2) {
		fprintf(stderr, "usage: misbehave BDF\n");
		return 2;
	}
	drv_open(&v, argv[1], false);
	drv_start(&v);
	printf("ready\n");
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = 0;
		command(&v, line);
	}
	return 0;
}
