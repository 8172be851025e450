// SPDX-License-Identifier: GPL-2.0
/*
 * What the host changes while a virtio driver runs, and how the driver is told.
 */
#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include "virtio.h"

#define LATER	300	/* ms after which a driver would have been asked to announce itself */

/* `ip link set PF vf 0 WHAT` */
static void host(const char *what)
{
	char path[96], cmd[320];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/physfn/net", virtio_bdf[0]);
	dir = opendir(path);
	check(dir, "%s: %m", path);
	do {
		entry = readdir(dir);
		check(entry, "the PF has no interface");
	} while (entry->d_name[0] == '.');
	snprintf(cmd, sizeof(cmd), "ip link set %s vf 0 %s", entry->d_name, what);
	closedir(dir);
	check(!system(cmd), "%s", cmd);
}

static __u16 net_status(void)
{
	return rd(DEVICE + offsetof(struct virtio_net_config, status), 2);
}

static __u8 generation(void)
{
	return rd(VIRTIO_PCI_COMMON_CFGGENERATION, 1);
}

/* The configuration says that, after an interrupt. */
static void told(__u16 want)
{
	__u64 end = now_ms() + WAIT;

	check(wait_eventfd(evil.irq[0], WAIT), "no interrupt");
	while (net_status() != want && now_ms() < end)
		usleep(1000);
	check_eq(net_status(), want);
}

static void quiet(__u8 gen)
{
	usleep(LATER * 1000);
	check_eq(generation(), gen);
}

void told_announce(void)
{
	static const __u8 ack[2] = { VIRTIO_NET_CTRL_ANNOUNCE, VIRTIO_NET_CTRL_ANNOUNCE_ACK };
	const __u16 up = VIRTIO_NET_S_LINK_UP, asked = up | VIRTIO_NET_S_ANNOUNCE;
	__u8 gen;

	open_both(USUAL | F(VIRTIO_NET_F_GUEST_ANNOUNCE));
	works();
	gen = generation();
	quiet(gen);			/* it has just started: nobody has lost sight of it */
	check_eq(net_status(), up);
	host("state disable");
	told(0);
	quiet(gen + 1);
	host("state auto");
	told(asked);
	check_eq(generation(), (__u8)(gen + 3));	/* the link in a step of its own */
	check_eq(ctrl(ack, sizeof(ack), 1), VIRTIO_NET_OK);
	check_eq(net_status(), up);
	quiet(gen + 4);
	host("vlan 5");
	told(asked);
	check_eq(ctrl(ack, sizeof(ack), 1), VIRTIO_NET_OK);
	check_eq(ctrl(ack, sizeof(ack), 1), VIRTIO_NET_OK);	/* twice: no harm */
	host("vlan 6");
	told(asked);
	host("vlan 7");			/* while it is slow to answer */
	usleep(LATER * 1000);
	check_eq(net_status(), asked);
	check_eq(ctrl(ack, sizeof(ack), 1), VIRTIO_NET_OK);
	told(asked);
	check_eq(ctrl(ack, sizeof(ack), 1), VIRTIO_NET_OK);
	check_eq(net_status(), up);
	host("vlan 0");
	told(asked);
	reset();			/* what it was asked for goes with it */
	check_eq(net_status(), up);
	start(USUAL);
	works();
	gen = generation();
	check_eq(ctrl(ack, sizeof(ack), 1), VIRTIO_NET_ERR);
	host("state disable");
	told(0);
	host("state auto");
	told(up);
	quiet(gen + 2);
	close_both();
}

static void address(const __u8 *want)
{
	unsigned int i;

	for (i = 0; i < 6; i++)
		check_eq(rd(DEVICE + i, 1), want[i]);
}

/*
 * The driver changes its address: it can read it once that is answered, and is told nothing,
 * nor asked to announce itself.  One that the host sets it is told of, and it is a move.
 */
void told_address(void)
{
	static const __u8 ack[2] = { VIRTIO_NET_CTRL_ANNOUNCE, VIRTIO_NET_CTRL_ANNOUNCE_ACK };
	static const __u8 req[8] = { VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET,
				     2, 0, 0, 0, 0x66, 1 };
	static const __u8 hosts[6] = { 2, 0, 0, 0, 0x77, 1 };
	const __u16 up = VIRTIO_NET_S_LINK_UP;
	__u8 gen;

	open_both(USUAL | F(VIRTIO_NET_F_GUEST_ANNOUNCE) | F(VIRTIO_NET_F_CTRL_MAC_ADDR));
	works();
	quiet(generation());
	while (wait_eventfd(evil.irq[0], 1))	/* of the start */
		;
	gen = generation();
	check_eq(ctrl(req, sizeof(req), 1), VIRTIO_NET_OK);
	address(req + 2);
	quiet(gen + 1);
	check_eq(net_status(), up);
	check(!wait_eventfd(evil.irq[0], 1), "an interrupt for its own change");
	host("mac 02:00:00:00:77:01");
	told(up | VIRTIO_NET_S_ANNOUNCE);
	address(hosts);
	check_eq(ctrl(ack, sizeof(ack), 1), VIRTIO_NET_OK);
	host("mac 00:00:00:00:00:00");
	close_both();
}
