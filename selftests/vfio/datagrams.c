// SPDX-License-Identifier: GPL-2.0
/*
 * UDP in bulk, on the host or in a guest: datagrams that are made below the socket.
 *
 * Usage: datagrams send ADDRESS COUNT   sends COUNT bulks of SEGMENTS datagrams (UDP_SEGMENT)
 *        datagrams take COUNT           says "N right": datagrams of so many bulks that came
 *                                       with the right contents (UDP_GRO)
 * IPv4 or IPv6. A pause follows each bulk: it is not the rate that is tried.
 */
#include <arpa/inet.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define PORT		5300
#define SIZE		1200u
#define SEGMENTS	20u
#define BULKS		64u
#ifndef UDP_SEGMENT
#define UDP_SEGMENT	103
#define UDP_GRO		104
#endif

static void made(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(1);
}

/* Contents of the datagram of that number */
static void fill(unsigned char *at, unsigned int number)
{
	unsigned int i;

	memcpy(at, &number, sizeof(number));
	for (i = sizeof(number); i < SIZE; i++)
		at[i] = number + i;
}

static void send_bulks(const char *address, unsigned int count)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_port = htons(PORT) };
	int sock = socket(AF_INET6, SOCK_DGRAM, 0), size = SIZE;
	static unsigned char bulk[SEGMENTS * SIZE];
	unsigned int i, n = 0;
	char mapped[64];

	made(sock >= 0, "socket");
	snprintf(mapped, sizeof(mapped), "%s%s", strchr(address, ':') ? "" : "::ffff:", address);
	made(inet_pton(AF_INET6, mapped, &to.sin6_addr) == 1, "address");
	made(!setsockopt(sock, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof(size)), "UDP_SEGMENT");
	while (count--) {
		for (i = 0; i < SEGMENTS; i++)
			fill(bulk + i * SIZE, n++);
		made(sendto(sock, bulk, sizeof(bulk), 0, (void *)&to, sizeof(to)) == sizeof(bulk),
		     "sendto");
		usleep(10000);
	}
}

static void take_bulks(unsigned int count)
{
	struct sockaddr_in6 me = { .sin6_family = AF_INET6, .sin6_port = htons(PORT) };
	int sock = socket(AF_INET6, SOCK_DGRAM, 0), on = 1, room = 1 << 20;
	static unsigned char got[1 << 16], want[SIZE], seen[BULKS * SEGMENTS];
	struct timeval wait = { .tv_sec = 20 };
	unsigned int number, right = 0;
	ssize_t len;
	size_t at;

	made(sock >= 0 && !setsockopt(sock, IPPROTO_UDP, UDP_GRO, &on, sizeof(on)) &&
	     !setsockopt(sock, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)) &&
	     !bind(sock, (void *)&me, sizeof(me)), "socket");
	while (right < count * SEGMENTS) {
		setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
		len = recv(sock, got, sizeof(got), 0);
		if (len < 0)
			break;
		wait.tv_sec = 3;
		for (at = 0; at + SIZE <= (size_t)len; at += SIZE) {
			memcpy(&number, got + at, sizeof(number));
			if (number >= count * SEGMENTS || seen[number])
				continue;
			fill(want, number);
			seen[number] = !memcmp(got + at, want, SIZE);
			right += seen[number];
		}
	}
	printf("%u right\n", right);
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "send")) {
		send_bulks(argv[2], atoi(argv[3]));
	} else if (argc == 3 && !strcmp(argv[1], "take") && (unsigned int)atoi(argv[2]) <= BULKS) {
		take_bulks(atoi(argv[2]));
	} else {
		fprintf(stderr, "usage: datagrams send ADDRESS COUNT | take COUNT\n");
		return 2;
	}
	return 0;
}
