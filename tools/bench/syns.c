// SPDX-License-Identifier: GPL-2.0
/*
 * A flood of TCP SYNs of forged senders: syns DEV DST-MAC SRC-MAC DST-IP PORT BURST GAP-US
 *
 * Sends bursts by a packet socket, one each gap, until it is killed.  Senders are of
 * 198.18.0.0/15, which is nobody's (RFC 2544).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define FRAMES	8192		/* different ones */
#define BURST	256		/* at most */

struct frame {
	struct ether_header	eth;
	struct iphdr		ip;
	struct tcphdr		tcp;
	uint8_t			pad[6];
} __attribute__((packed));

static struct frame frames[FRAMES];

static uint32_t sum(const void *data, size_t len, uint32_t s)
{
	const uint8_t *p = data;

	for (; len > 1; p += 2, len -= 2)
		s += p[0] << 8 | p[1];
	return s;
}

static uint16_t fold(uint32_t s)
{
	s = (s & 0xffff) + (s >> 16);
	return htons(~((s & 0xffff) + (s >> 16)));
}

static void make(struct frame *f, unsigned int i, char **argv)
{
	memcpy(f->eth.ether_dhost, ether_aton(argv[2]), 6);
	memcpy(f->eth.ether_shost, ether_aton(argv[3]), 6);
	f->eth.ether_type = htons(ETHERTYPE_IP);
	f->ip = (struct iphdr) {
		.version = 4, .ihl = 5, .tot_len = htons(40), .ttl = 64, .protocol = IPPROTO_TCP,
		.saddr = htonl(0xc6120000 + 1 + i * 15), .daddr = inet_addr(argv[4]),
	};
	f->ip.check = fold(sum(&f->ip, 20, 0));
	f->tcp = (struct tcphdr) {
		.source = htons(1024 + i * 7 % 60000), .dest = htons(atoi(argv[5])),
		.seq = htonl(i * 2654435761u), .doff = 5, .syn = 1, .window = htons(1000),
	};
	f->tcp.check = fold(sum(&f->tcp, 20, sum(&f->ip.saddr, 8, IPPROTO_TCP + 20)));
}

int main(int argc, char **argv)
{
	static struct mmsghdr msgs[BURST];
	static struct iovec iov[BURST];
	struct sockaddr_ll to = { .sll_family = AF_PACKET };
	unsigned int burst, i, next = 0;
	struct timespec at;
	int fd = socket(AF_PACKET, SOCK_RAW, 0), on = 1;
	long gap;

	if (argc != 8 || fd < 0)
		return 1;
	burst = atoi(argv[6]);
	gap = atol(argv[7]) * 1000;
	to.sll_ifindex = if_nametoindex(argv[1]);
	if (!burst || burst > BURST || bind(fd, (void *)&to, sizeof(to)))
		return 1;
	setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on));
	for (i = 0; i < FRAMES; i++)
		make(&frames[i], i, argv);
	for (i = 0; i < burst; i++) {
		iov[i].iov_len = sizeof(frames[0]);
		msgs[i].msg_hdr.msg_iov = &iov[i];
		msgs[i].msg_hdr.msg_iovlen = 1;
	}
	clock_gettime(CLOCK_MONOTONIC, &at);
	for (;;) {
		for (i = 0; i < burst; i++)
			iov[i].iov_base = &frames[next++ % FRAMES];
		sendmmsg(fd, msgs, burst, 0);
		at.tv_nsec += gap;
		while (at.tv_nsec >= 1000000000) {
			at.tv_nsec -= 1000000000;
			at.tv_sec++;
		}
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
	}
}
