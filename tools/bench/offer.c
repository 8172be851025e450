// SPDX-License-Identifier: GPL-2.0
/*
 * offer: HTTP requests at a rate, whether those before have been answered or not, as
 * httperf does; but it sleeps meanwhile, which httperf never does, so that the CPU can be
 * measured and shared.
 *
 *   offer IP RATE SECONDS CONNECTIONS
 *
 * so many requests a second for /page, over so many connections that are kept, or with 0 a
 * connection for each, which the server closes. Half a second that does not count comes
 * first, then it prints "begin", and when all is over, a line:
 *
 *   due        requests that were due in SECONDS
 *   answered   of these, within a second from when they were due
 *   replies    that came in SECONDS
 *   p50 p99    of the answered ones, us from when they were due
 *   late       us: the worst delay of a request by this program itself
 *
 * It ends when all is answered, and SECONDS and a second and a half after it began whatever
 * happens. At most MOST connections are there at once; what is due meanwhile waits for one.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define MOST		900
#define SECOND		1000000000ull
#define WARM		(SECOND / 2)
#define PATIENCE	SECOND
#define LOOK		(SECOND / 50)	/* how often it looks for what took too long */
#define ANSWERS		1000000
#define EVENTS		64
#define HEAD		1024

enum state { FREE, CONNECTING, ASKED };

struct conn {
	int fd;
	enum state state;
	uint64_t due;
	size_t got, want;	/* bytes of the answer; want is 0 until its head is complete */
	char head[HEAD + 1];
};

static struct conn conns[MOST];
static int idle[MOST], n_idle, most;	/* free connections, all of them */
static uint64_t *dues;		/* a queue of what waits for a connection */
static uint64_t dues_in, dues_out, n_dues;
static uint32_t took[ANSWERS];
static uint64_t due, answered, replies, late, first, last;
static struct sockaddr_in to = { .sin_family = AF_INET };
static const char *request;
static int closing, poll_fd;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * SECOND + ts.tv_nsec;
}

/* An answer is complete. */
static void count(const struct conn *c)
{
	uint64_t t = now();

	if (t >= first && t < last)
		replies++;
	if (c->due < first || c->due >= last || t - c->due > PATIENCE)
		return;
	if (answered < ANSWERS)
		took[answered++] = (t - c->due) / 1000;
}

static void drop(struct conn *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

static void release(struct conn *c)
{
	c->state = FREE;
	idle[n_idle++] = c - conns;
}

static void give_up(struct conn *c)
{
	drop(c);
	release(c);
}

static void want(struct conn *c, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = c };

	epoll_ctl(poll_fd, EPOLL_CTL_MOD, c->fd, &event);
}

static void ask(struct conn *c)
{
	size_t len = strlen(request);

	c->state = ASKED;
	c->got = 0;
	c->want = 0;
	if (write(c->fd, request, len) != (ssize_t)len)
		give_up(c);
}

static void begin(struct conn *c, uint64_t when)
{
	struct epoll_event event = { .events = EPOLLOUT, .data.ptr = c };
	int one = 1;

	c->due = when;
	if (c->fd >= 0) {
		ask(c);
		return;
	}
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (c->fd < 0)
		fail("socket");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	c->state = CONNECTING;
	if (connect(c->fd, (struct sockaddr *)&to, sizeof(to)) && errno != EINPROGRESS)
		give_up(c);
	else
		epoll_ctl(poll_fd, EPOLL_CTL_ADD, c->fd, &event);
}

/* How long an answer is, by its head; 0 while that is not complete. */
static size_t length(struct conn *c)
{
	char *end, *len;

	c->head[c->got < HEAD ? c->got : HEAD] = 0;
	end = strstr(c->head, "\r\n\r\n");
	len = strcasestr(c->head, "\r\nContent-Length:");
	if (!end || !len || len > end || memcmp(c->head, "HTTP/1.1 200", 12))
		return 0;
	return end + 4 - c->head + strtoul(len + 17, NULL, 10);
}

static void take(struct conn *c)
{
	static char rest[65536];
	ssize_t n;

	for (;;) {
		if (c->got < HEAD)
			n = read(c->fd, c->head + c->got, HEAD - c->got);
		else
			n = read(c->fd, rest, sizeof(rest));
		if (n <= 0)
			break;
		c->got += n;
		if (!c->want)
			c->want = length(c);
		if (!closing && c->want && c->got >= c->want) {
			count(c);
			release(c);
			return;
		}
	}
	if (n < 0 && errno == EAGAIN)
		return;
	if (!n && c->want && c->got >= c->want)
		count(c);
	give_up(c);
}

static void event(struct conn *c)
{
	socklen_t len = sizeof(int);
	int error = 0;

	if (c->state == ASKED) {
		take(c);
	} else if (c->state == FREE) {
		drop(c);	/* the server has closed it */
	} else {
		getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len);
		if (error) {
			give_up(c);
			return;
		}
		want(c, EPOLLIN);
		ask(c);
	}
}

/* What is due, and a connection for it. */
static void serve(uint64_t t)
{
	while (dues_out < dues_in && n_idle) {
		uint64_t when = dues[dues_out++ % n_dues];

		if (t - when <= PATIENCE)
			begin(&conns[idle[--n_idle]], when);
	}
}

static void expire(uint64_t t)
{
	int i;

	for (i = 0; i < MOST; i++)
		if (conns[i].state != FREE && t - conns[i].due > PATIENCE)
			give_up(&conns[i]);
}

static void sleep_until(uint64_t t, uint64_t when)
{
	struct epoll_event events[EVENTS];
	uint64_t left = when > t ? when - t : 0;
	struct timespec ts = { .tv_sec = left / SECOND, .tv_nsec = left % SECOND };
	int i, n = epoll_pwait2(poll_fd, events, EVENTS, &ts, NULL);

	for (i = 0; i < n; i++)
		event(events[i].data.ptr);
}

static void run(uint64_t rate)
{
	uint64_t start = now(), made = 0, looked = start, t = start, next;
	int begun = 0;

	first = start + WARM;
	while (t < last || (t < last + PATIENCE && (dues_out < dues_in || n_idle < most))) {
		next = start + made * SECOND / rate;
		for (; next < last && next <= t; next = start + ++made * SECOND / rate) {
			dues[dues_in++ % n_dues] = next;
			if (next >= first) {
				due++;
				if (t - next > late)
					late = t - next;
			}
		}
		serve(t);
		if (t - looked >= LOOK) {
			expire(t);
			looked = t;
		}
		if (t >= first && !begun) {
			puts("begin");
			fflush(stdout);
			begun = 1;
		}
		sleep_until(t, next < last && next < looked + LOOK ? next : looked + LOOK);
		t = now();
	}
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static uint32_t percentile(int percent)
{
	return answered ? took[answered * percent / 100] : 0;
}

int main(int argc, char **argv)
{
	uint64_t rate, seconds;
	int i;

	if (argc != 5 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1)
		return 2;
	to.sin_port = htons(80);
	rate = strtoull(argv[2], NULL, 0);
	seconds = strtoull(argv[3], NULL, 0);
	most = atoi(argv[4]);
	closing = !most;
	most = closing ? MOST : most;
	if (!rate || !seconds || most < 1 || most > MOST)
		return 2;
	request = closing ? "GET /page HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
			  : "GET /page HTTP/1.1\r\nHost: a\r\n\r\n";
	for (i = 0; i < MOST; i++)
		conns[i].fd = -1;
	for (i = most; i--;)
		idle[n_idle++] = i;
	n_dues = rate * (seconds + 2);
	dues = calloc(n_dues, sizeof(*dues));
	poll_fd = epoll_create1(0);
	if (!dues || poll_fd < 0)
		fail("offer");
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_TIMERSLACK, 1);
	last = now() + WARM + seconds * SECOND;
	run(rate);
	qsort(took, answered, sizeof(took[0]), compare);
	printf("%llu %llu %llu %u %u %llu\n", (unsigned long long)due, (unsigned long long)answered,
	       (unsigned long long)replies, percentile(50), percentile(99),
	       (unsigned long long)late / 1000);
	return 0;
}
