// SPDX-License-Identifier: GPL-2.0
/*
 * A virtio VF's driver that misbehaves when told to, through vfio: what misbehave is to a
 * native one.
 *
 * Usage: vmisbehave BDF [packed]
 * Starts the device, with split virtqueues or packed ones, and says "ready", then reads
 * commands, a line each, and answers each with "ok", or what was asked for:
 *
 *   send MAC LEN N    send N frames of LEN bytes to MAC
 *   gso MAC KIND N    send N frames that are to be cut into segments: of TCP (tcpv4, tcpv6)
 *                     or datagrams (udp4, udp6)
 *   take MS           take frames until none has come for so long: how many
 *   rounds N          N times: frames to all, a request that is refused, a chain that stops
 *                     the device, and the device started again
 */
#include <netinet/in.h>
#include <sys/resource.h>
#include <unistd.h>

#include "virtio.h"

#define BUFS	16u
#define FEATURES	(USUAL | F(VIRTIO_NET_F_HOST_TSO6) | F(VIRTIO_NET_F_HOST_USO))
#define ETH	14u
#define PAYLOAD	4000u
#define SEGMENT	1000u

struct drv evil, good;		/* there is no other VF */

static void start_again(void)
{
	unsigned int i;

	reset();
	start(FEATURES);
	for (i = 0; i < BUFS; i++)
		refill(i, 2048);
	notify(RX);
}

static unsigned int take_frames(int ms)
{
	struct vring_used_elem e;
	unsigned int n;

	for (n = 0; take(RX, &e, ms); n++)
		post(e.id, 2048);
	return n;
}

static void send_frames(const __u8 *to, unsigned int len, unsigned int n)
{
	while (n--) {
		put_frame(len, NULL, n);
		memcpy(tx_buf() + HDR, to, 6);
		offer(TX, 0);
		notify(TX);
		consumed(0);
	}
}

/* The IP header of a packet of @len bytes behind it, which carries this protocol */
static void put_ip(__u8 *ip, bool v6, __u8 proto, unsigned int len)
{
	static const __u8 ip4[20] = { 0x45, [8] = 64, [12] = 10, 9, 0, 1, 10, 9, 0, 2 };
	static const __u8 ip6[40] = { 0x60, [7] = 64, 0xfd, [23] = 1, 0xfd, [39] = 2 };

	memcpy(ip, v6 ? ip6 : ip4, v6 ? sizeof(ip6) : sizeof(ip4));
	ip[v6 ? 6 : 9] = proto;
	put16(ip + (v6 ? 4 : 2), v6 ? len : sizeof(ip4) + len);
	if (!v6)
		put16(ip + 10, ~sum16(ip, sizeof(ip4), 0));
}

/* A frame that is to be cut into segments, whose headers bear that out */
static void put_gso(const __u8 *to, bool udp, bool v6)
{
	const unsigned int l4 = ETH + (v6 ? 40 : 20), end = l4 + (udp ? 8 : 20);
	const struct virtio_net_hdr_v1 hdr = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = udp ? VIRTIO_NET_HDR_GSO_UDP_L4 :
			    v6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4,
		.hdr_len = htole16(end), .gso_size = htole16(SEGMENT),
		.csum_start = htole16(l4), .csum_offset = htole16(udp ? 6 : 16),
	};
	__u8 *f = tx_buf() + HDR;

	put_frame(end + PAYLOAD, &hdr, 1);
	memcpy(f, to, 6);
	put16(f + 12, v6 ? 0x86dd : 0x0800);
	put_ip(f + ETH, v6, udp ? IPPROTO_UDP : IPPROTO_TCP, end - l4 + PAYLOAD);
	if (udp)
		put16(f + l4 + 4, end - l4 + PAYLOAD);
	else
		put16(f + l4 + 12, 0x5010);
}

static void send_gso(const __u8 *to, const char *kind, unsigned int n)
{
	const bool udp = !strncmp(kind, "udp", 3), v6 = kind[strlen(kind) - 1] == '6';

	while (n--) {
		put_gso(to, udp, v6);
		offer(TX, 0);
		notify(TX);
		consumed(0);
	}
}

static void rounds(unsigned int n)
{
	static const __u8 all[6] = { 255, 255, 255, 255, 255, 255 }, unknown[] = { 99, 99, 99 };
	const char *reason;
	unsigned int i = 0;
	__u64 end;

	while (n--) {
		send_frames(all, 200, 20);
		take_frames(0);
		check_eq(ctrl(unknown, sizeof(unknown), 1), VIRTIO_NET_ERR);
		reason = bad_chain(i++);
		if (!reason) {
			i = 0;
			continue;
		}
		for (end = now_ms() + WAIT; *reason && !(status() & VIRTIO_CONFIG_S_NEEDS_RESET);
		     usleep(1000))
			check(now_ms() < end, "chain %u does not stop it", i - 1);
		start_again();
	}
}

static void command(const char *line)
{
	unsigned int len, n;
	char kind[6];
	__u8 to[6];

	if (sscanf(line, "send %hhx:%hhx:%hhx:%hhx:%hhx:%hhx %u %u", &to[0], &to[1], &to[2],
		   &to[3], &to[4], &to[5], &len, &n) == 8) {
		check(len >= 14 && len <= 1514, "%u bytes", len);
		send_frames(to, len, n);
	} else if (sscanf(line, "gso %hhx:%hhx:%hhx:%hhx:%hhx:%hhx %5s %u", &to[0], &to[1], &to[2],
			  &to[3], &to[4], &to[5], kind, &n) == 8) {
		send_gso(to, kind, n);
	} else if (sscanf(line, "take %u", &n) == 1) {
		printf("%u\n", take_frames(n));
		return;
	} else if (sscanf(line, "rounds %u", &n) == 1) {
		rounds(n);
	} else {
		fail("unknown command: %s", line);
	}
	printf("ok\n");
}

int main(int argc, char **argv)
{
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	char line[128];

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 2 || argc > 3) {
		fprintf(stderr, "usage: vmisbehave BDF [packed]\n");
		return 2;
	}
	packed = argc == 3;
	setrlimit(RLIMIT_MEMLOCK, &all);
	drv_open(&evil, argv[1], false);
	start_again();
	printf("ready\n");
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = 0;
		command(line);
	}
	return 0;
}
