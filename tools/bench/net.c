// SPDX-License-Identifier: GPL-2.0
/*
 * net: the smallest programs that load a network, with the marks of plugin.c around what
 * is to be counted (after a warm-up in the same connection). All use port 7000.
 *
 *   net server                      serves the others for ever: TCP and UDP, and what is
 *                                   only counted at port 7001
 *   net rr tcp|udp IP COUNT         COUNT requests and answers of 64 bytes
 *   net crr IP COUNT                COUNT times a TCP connection, a request, an answer, close
 *   net udp IP BYTES COUNT          COUNT datagrams of BYTES as fast as the socket takes them;
 *                                   prints how many the server's socket has got
 *   net bulk IP BYTES [STREAMS]     BYTES by TCP; ends when the server has got them
 *   net pace IP BITRATE SECONDS     TCP at that rate, in pieces of 16 KB; without marks
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "mark.h"

#define PORT		7000
#define SINK		(PORT + 1)
#define SINK_BUFFER	(4 << 20)	/* of the socket: what loses frames is to be the network */
#define QUIET_MS	20	/* nothing came for so long: nothing comes any more */
#define RR_SIZE		64
#define CHUNK		(128 * 1024)
#define PACE_CHUNK	(16 * 1024)

/* What a TCP client wants: answers to requests, to be told when all has come, or how many
 * datagrams have (in bytes).
 */
enum mode { MODE_RR, MODE_BULK, MODE_SUNK };
struct hello {
	uint64_t mode;
	uint64_t bytes;
};

static char buf[CHUNK];
static uint64_t *sunk;	/* datagrams at SINK; all processes of the server have it */

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void get_all(int fd, void *to, size_t len)
{
	while (len) {
		ssize_t n = read(fd, to, len);

		if (n <= 0)
			exit(n < 0);
		to = (char *)to + n;
		len -= n;
	}
}

static void put_all(int fd, const void *from, size_t len)
{
	while (len) {
		ssize_t n = write(fd, from, len);

		if (n <= 0)
			fail("write");
		from = (const char *)from + n;
		len -= n;
	}
}

static void get_bulk(int fd, uint64_t bytes)
{
	while (bytes) {
		ssize_t n = read(fd, buf, sizeof(buf));

		if (n <= 0)
			exit(n < 0);
		bytes -= (uint64_t)n < bytes ? (uint64_t)n : bytes;
	}
}

static void no_delay(int fd)
{
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

static void serve_tcp(int fd)
{
	struct hello hello;

	no_delay(fd);
	for (;;) {
		get_all(fd, &hello, sizeof(hello));
		if (hello.mode == MODE_BULK) {
			get_bulk(fd, hello.bytes);
			put_all(fd, &hello, sizeof(hello));
			continue;
		}
		if (hello.mode == MODE_SUNK) {
			hello.bytes = __atomic_load_n(sunk, __ATOMIC_RELAXED);
			put_all(fd, &hello, sizeof(hello));
			continue;
		}
		for (; hello.bytes; hello.bytes--) {
			get_all(fd, buf, RR_SIZE);
			put_all(fd, buf, RR_SIZE);
		}
	}
}

static void serve_udp(int fd)
{
	struct sockaddr_in from;
	socklen_t len;
	ssize_t n;

	for (;;) {
		len = sizeof(from);
		n = recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&from, &len);
		if (n >= 0)
			sendto(fd, buf, n, 0, (struct sockaddr *)&from, len);
	}
}

static void serve_sink(int fd)
{
	int size = SINK_BUFFER;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	for (;;)
		if (recv(fd, buf, sizeof(buf), 0) >= 0)
			__atomic_add_fetch(sunk, 1, __ATOMIC_RELAXED);
}

static int bound(int type, unsigned int port)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, type, 0), one = 1;

	if (type == SOCK_STREAM)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&any, sizeof(any)))
		fail("bind");
	return fd;
}

static void server(void)
{
	int tcp = bound(SOCK_STREAM, PORT), udp = bound(SOCK_DGRAM, PORT);
	int sink = bound(SOCK_DGRAM, SINK);

	sunk = mmap(NULL, sizeof(*sunk), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (sunk == MAP_FAILED || listen(tcp, 64))
		fail("server");
	if (!fork())
		serve_udp(udp);
	if (!fork())
		serve_sink(sink);
	for (;;) {
		int fd = accept(tcp, NULL, NULL);

		if (fd < 0)
			continue;
		if (!fork())
			serve_tcp(fd);
		close(fd);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
}

static int connect_port(const char *ip, int type, unsigned int port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, type, 0);

	if (inet_pton(AF_INET, ip, &to.sin_addr) != 1)
		fail(ip);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)))
		fail("connect");
	if (type == SOCK_STREAM)
		no_delay(fd);
	return fd;
}

static int connect_to(const char *ip, int type)
{
	return connect_port(ip, type, PORT);
}

static void exchange(int fd, int udp, uint64_t count)
{
	struct hello hello = { .mode = MODE_RR, .bytes = count };

	if (!udp)
		put_all(fd, &hello, sizeof(hello));
	for (; count; count--) {
		put_all(fd, buf, RR_SIZE);
		get_all(fd, buf, RR_SIZE);
	}
}

static int rr(const char *proto, const char *ip, uint64_t count)
{
	int udp = !strcmp(proto, "udp");
	int fd = connect_to(ip, udp ? SOCK_DGRAM : SOCK_STREAM);

	exchange(fd, udp, count / 4 + 1);
	mark_begin();
	exchange(fd, udp, count);
	mark_end();
	return 0;
}

static void connections(const char *ip, uint64_t count)
{
	for (; count; count--) {
		int fd = connect_to(ip, SOCK_STREAM);

		exchange(fd, 0, 1);
		close(fd);
	}
}

static int crr(const char *ip, uint64_t count)
{
	connections(ip, count / 4 + 1);
	mark_begin();
	connections(ip, count);
	mark_end();
	return 0;
}

/* Datagrams that the server's socket has got, ever */
static uint64_t arrived(int fd)
{
	struct hello hello = { .mode = MODE_SUNK };

	put_all(fd, &hello, sizeof(hello));
	get_all(fd, &hello, sizeof(hello));
	return hello.bytes;
}

/* ... when no more come */
static uint64_t settled(int fd)
{
	uint64_t before, now = arrived(fd);

	do {
		before = now;
		poll(NULL, 0, QUIET_MS);
		now = arrived(fd);
	} while (now != before);
	return now;
}

static void datagrams(int fd, size_t bytes, uint64_t count)
{
	for (; count; count--)
		while (send(fd, buf, bytes, 0) < 0)
			;
}

/* The end of the window is when the last one has come; looking for it costs two requests. */
static int udp_stream(const char *ip, size_t bytes, uint64_t count)
{
	int fd = connect_port(ip, SOCK_DGRAM, SINK), control = connect_to(ip, SOCK_STREAM);
	uint64_t before;

	if (bytes > sizeof(buf))
		return 2;
	datagrams(fd, bytes, count / 4 + 1);
	before = settled(control);
	mark_begin();
	datagrams(fd, bytes, count);
	before = settled(control) - before;
	mark_end();
	printf("%llu\n", (unsigned long long)before);
	return 0;
}

static void send_bulk(int fd, uint64_t bytes)
{
	struct hello hello = { .mode = MODE_BULK, .bytes = bytes };

	put_all(fd, &hello, sizeof(hello));
	while (bytes) {
		size_t n = bytes < CHUNK ? bytes : CHUNK;

		put_all(fd, buf, n);
		bytes -= n;
	}
	get_all(fd, &hello, sizeof(hello));
}

/* Each stream in a process of its own; they begin together when the pipe is closed. */
static int bulk(const char *ip, uint64_t bytes, int streams)
{
	int ready[2], go[2], i, bad = 0, status;

	if (pipe(ready) || pipe(go))
		fail("pipe");
	for (i = 0; i < streams; i++) {
		if (!fork()) {
			int fd = connect_to(ip, SOCK_STREAM);

			close(go[1]);
			send_bulk(fd, bytes / streams / 4);
			put_all(ready[1], buf, 1);
			get_all(go[0], buf, 1);
			send_bulk(fd, bytes / streams);
			_exit(0);
		}
	}
	for (i = 0; i < streams; i++)
		get_all(ready[0], buf, 1);
	mark_begin();
	put_all(go[1], buf, streams);
	for (i = 0; i < streams; i++)
		bad |= wait(&status) < 0 || status;
	mark_end();
	return bad != 0;
}

static int pace(const char *ip, uint64_t bitrate, unsigned int seconds)
{
	uint64_t gap = PACE_CHUNK * 8ull * 1000000000ull / bitrate;
	uint64_t count = seconds * 1000000000ull / gap, i;
	struct hello hello = { .mode = MODE_BULK, .bytes = count * PACE_CHUNK };
	int fd = connect_to(ip, SOCK_STREAM);
	struct timespec next;

	put_all(fd, &hello, sizeof(hello));
	clock_gettime(CLOCK_MONOTONIC, &next);
	for (i = 0; i < count; i++) {
		put_all(fd, buf, PACE_CHUNK);
		next.tv_nsec += gap;
		while (next.tv_nsec >= 1000000000) {
			next.tv_nsec -= 1000000000;
			next.tv_sec++;
		}
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
	}
	get_all(fd, &hello, sizeof(hello));
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (!strcmp(what, "server"))
		server();
	if (!strcmp(what, "rr") && argc == 5)
		return rr(argv[2], argv[3], strtoull(argv[4], NULL, 0));
	if (!strcmp(what, "crr") && argc == 4)
		return crr(argv[2], strtoull(argv[3], NULL, 0));
	if (!strcmp(what, "udp") && argc == 5)
		return udp_stream(argv[2], strtoul(argv[3], NULL, 0), strtoull(argv[4], NULL, 0));
	if (!strcmp(what, "bulk") && (argc == 4 || argc == 5))
		return bulk(argv[2], strtoull(argv[3], NULL, 0), argc == 5 ? atoi(argv[4]) : 1);
	if (!strcmp(what, "pace") && argc == 5)
		return pace(argv[2], strtoull(argv[3], NULL, 0), atoi(argv[4]));
	return 2;
}
