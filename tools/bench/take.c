// SPDX-License-Identifier: GPL-2.0
/*
 * take: an application that has something to do for each datagram it is sent (UDP, port 9).
 *
 *   take WARM_MS MS WORK    WORK instructions for each, from the first datagram on for
 *                           WARM_MS, then for MS; prints how many it had in the latter, and
 *                           how many ns these were
 */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

#define PORT		9
#define PATIENCE_US	20000	/* to look at the clock though nothing comes */

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

static int open_socket(void)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	struct timeval patience = { .tv_usec = PATIENCE_US };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (bind(fd, (struct sockaddr *)&any, sizeof(any)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience))) {
		perror("take");
		exit(1);
	}
	return fd;
}

/* Two instructions a turn. */
static void work(uint64_t instructions)
{
	uint64_t turns = instructions / 2 + 1;

	asm volatile("1: dec %0; jnz 1b" : "+r"(turns) : : "cc");
}

int main(int argc, char **argv)
{
	uint64_t warm, length, effort, begin = 0, now, count = 0;
	static char buf[2048];
	int fd, got;

	if (argc != 4)
		return 2;
	warm = strtoull(argv[1], NULL, 0) * 1000000;
	length = strtoull(argv[2], NULL, 0) * 1000000;
	effort = strtoull(argv[3], NULL, 0);
	fd = open_socket();
	for (;;) {
		got = recv(fd, buf, sizeof(buf), 0) >= 0;
		now = now_ns();
		if (!begin && got)
			begin = now + warm;
		if (begin && now >= begin + length)
			break;
		if (!got)
			continue;
		work(effort);
		count += now >= begin;
	}
	printf("%llu %llu\n", (unsigned long long)count, (unsigned long long)(now - begin));
	return 0;
}
