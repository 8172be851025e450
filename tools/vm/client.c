// SPDX-License-Identifier: GPL-2.0
/*
 * vm-client: what tools/vm/guest talks to a guest and to its QEMU with.
 *
 *   vm-client exec SOCKET SECONDS COMMAND     runs a shell command by the guest's agent,
 *                                             returns its status; 124 after SECONDS
 *   vm-client qmp SOCKET SECONDS JSON [EVENT DEVICE]
 *                                             one QMP command, then waits for the event
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static const char b64[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int sock;
static long long deadline;

static long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static void put(const char *s)
{
	size_t n = strlen(s);

	while (n) {
		ssize_t w = write(sock, s, n);

		if (w <= 0) {
			fprintf(stderr, "vm-client: the guest's QEMU is gone\n");
			exit(125);
		}
		s += w;
		n -= w;
	}
}

/* The next line, without its end; NULL when the time is over. */
static char *get(void)
{
	static char buf[1 << 17];
	static size_t len, used;
	char *nl;

	memmove(buf, buf + used, len - used);
	len -= used;
	used = 0;
	while (!(nl = memchr(buf, '\n', len))) {
		struct pollfd p = { .fd = sock, .events = POLLIN };
		long long left = deadline - now_ms();
		ssize_t n;

		if (left <= 0 || poll(&p, 1, left) <= 0)
			return NULL;
		if (len == sizeof(buf))
			len = 0;
		n = read(sock, buf + len, sizeof(buf) - len);
		if (n <= 0) {
			fprintf(stderr, "vm-client: the guest's QEMU is gone\n");
			exit(125);
		}
		len += n;
	}
	*nl = 0;
	used = nl + 1 - buf;
	return buf;
}

static void show(const char *s)
{
	unsigned int acc = 0, bits = 0;

	for (; *s && *s != '='; s++) {
		const char *c = strchr(b64, *s);

		if (!c)
			continue;
		acc = acc << 6 | (unsigned int)(c - b64);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			putchar(acc >> bits & 255);
		}
	}
	fflush(stdout);
}

static int cmd_exec(const char *cmd)
{
	size_t n = strlen(cmd), i, len = 0;
	char token[40], *req, *line;

	snprintf(token, sizeof(token), "t%d-%lld", getpid(), now_ms());
	req = malloc(n * 2 + 128);
	if (!req)
		return 125;
	len = sprintf(req, "\nrun %s ", token);
	for (i = 0; i < n; i += 3) {
		unsigned int v = (cmd[i] & 255) << 16 |
				 (i + 1 < n ? (cmd[i + 1] & 255) << 8 : 0) |
				 (i + 2 < n ? cmd[i + 2] & 255 : 0);

		req[len++] = b64[v >> 18];
		req[len++] = b64[v >> 12 & 63];
		req[len++] = i + 1 < n ? b64[v >> 6 & 63] : '=';
		req[len++] = i + 2 < n ? b64[v & 63] : '=';
	}
	strcpy(req + len, "\n");
	put(req);

	n = strlen(token);
	while ((line = get())) {
		if (strncmp(line, token, n) || line[n] != ' ')
			continue;	/* of a request that was broken off */
		if (line[n + 1] == 'o')
			show(line + n + 3);
		else if (line[n + 1] == 'x')
			return atoi(line + n + 3);
	}
	snprintf(req, 128, "\nkill %s\n", token);
	put(req);
	return 124;
}

static int cmd_qmp(const char *json, const char *event, const char *device)
{
	int answered = 0, happened = !event;
	char want[128], dev[128], *line;

	snprintf(want, sizeof(want), "\"event\": \"%s\"", event ? event : "");
	snprintf(dev, sizeof(dev), "\"device\": \"%s\"", device ? device : "");
	put("{\"execute\": \"qmp_capabilities\", \"id\": \"hello\"}\n");
	put(json);
	put("\n");
	while ((!answered || !happened) && (line = get())) {
		if (strstr(line, "\"id\": \"hello\"") || strstr(line, "\"QMP\""))
			continue;
		if (strstr(line, "\"error\":")) {
			fprintf(stderr, "%s\n", line);
			return 1;
		}
		if (strstr(line, "\"return\":")) {
			answered = 1;
			printf("%s\n", line);
		} else if (event && strstr(line, want) && (!device || strstr(line, dev))) {
			happened = 1;
		}
	}
	return answered && happened ? 0 : 124;
}

int main(int argc, char **argv)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	if (argc < 5 || strlen(argv[2]) >= sizeof(addr.sun_path)) {
		fprintf(stderr, "usage: vm-client exec|qmp SOCKET SECONDS TEXT ...\n");
		return 2;
	}
	deadline = now_ms() + (long long)(atof(argv[3]) * 1000);
	strcpy(addr.sun_path, argv[2]);
	sock = socket(AF_UNIX, SOCK_STREAM, 0);
	if (sock < 0 || connect(sock, (struct sockaddr *)&addr, sizeof(addr))) {
		perror(argv[2]);
		return 125;
	}
	if (!strcmp(argv[1], "exec"))
		return cmd_exec(argv[4]);
	return cmd_qmp(argv[4], argc > 5 ? argv[5] : NULL, argc > 6 ? argv[6] : NULL);
}
