// SPDX-License-Identifier: GPL-2.0
/*
 * vm-agent: runs in a guest and executes what vm-client asks for over a virtio-serial port.
 *
 * Lines both ways, so that either side finds its place again after the other broke off:
 *   request:  run TOKEN BASE64-OF-SHELL-COMMAND
 *             kill TOKEN
 *   answer:   TOKEN o BASE64-OF-OUTPUT
 *             TOKEN x EXIT-STATUS
 * One command at a time; a new one ends the one before.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char b64[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int port;
static char token[64];
static pid_t child;
static int child_out = -1;

static void put(const char *s, size_t n)
{
	while (n) {
		ssize_t w = write(port, s, n);

		if (w <= 0) {
			usleep(50000);
			continue;
		}
		s += w;
		n -= w;
	}
}

static size_t decode(char *s)
{
	unsigned int acc = 0, bits = 0;
	size_t n = 0;
	char *p;

	for (p = s; *p && *p != '='; p++) {
		const char *c = strchr(b64, *p);

		if (!c)
			continue;
		acc = acc << 6 | (unsigned int)(c - b64);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			s[n++] = acc >> bits;
		}
	}
	s[n] = 0;
	return n;
}

static void answer(const unsigned char *s, size_t n)
{
	static char line[8192];
	size_t len = sprintf(line, "%s o ", token), i;

	for (i = 0; i < n; i += 3) {
		unsigned int v = s[i] << 16 | (i + 1 < n ? s[i + 1] << 8 : 0) |
				 (i + 2 < n ? s[i + 2] : 0);

		line[len++] = b64[v >> 18];
		line[len++] = b64[v >> 12 & 63];
		line[len++] = i + 1 < n ? b64[v >> 6 & 63] : '=';
		line[len++] = i + 2 < n ? b64[v & 63] : '=';
	}
	line[len++] = '\n';
	put(line, len);
}

static void start(char *cmd)
{
	int fds[2];

	if (child > 0) {
		kill(-child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	if (child_out >= 0)
		close(child_out);
	if (pipe2(fds, O_CLOEXEC))
		exit(1);
	child = fork();
	if (!child) {
		int null = open("/dev/null", O_RDONLY);

		setsid();
		dup2(null, 0);
		dup2(fds[1], 1);
		dup2(fds[1], 2);
		execl("/bin/bash", "bash", "-c", cmd, NULL);
		_exit(127);
	}
	close(fds[1]);
	child_out = fds[0];
}

static void request(char *line)
{
	char *tok, *arg;

	if (!strncmp(line, "run ", 4)) {
		tok = line + 4;
		arg = strchr(tok, ' ');
		if (!arg || arg - tok >= (long)sizeof(token))
			return;
		*arg++ = 0;
		strcpy(token, tok);
		decode(arg);
		start(arg);
	} else if (!strncmp(line, "kill ", 5)) {
		if (child > 0 && !strcmp(line + 5, token))
			kill(-child, SIGKILL);
	}
}

/* Reads from the port and handles whole lines. */
static void port_input(void)
{
	static char *buf;
	static size_t len, size;
	ssize_t n;
	char *nl;

	if (size - len < 4097) {
		size += 65536;
		buf = realloc(buf, size);
		if (!buf)
			exit(1);
	}
	n = read(port, buf + len, 4096);
	if (n <= 0) {
		usleep(50000);	/* nobody is connected */
		return;
	}
	len += n;
	while ((nl = memchr(buf, '\n', len))) {
		*nl = 0;
		request(buf);
		len -= nl + 1 - buf;
		memmove(buf, nl + 1, len);
	}
}

/* Returns whether there was output. */
static int child_output(void)
{
	unsigned char out[4096];
	ssize_t n = read(child_out, out, sizeof(out));

	if (n > 0) {
		answer(out, n);
		return 1;
	}
	if (n == 0 || errno != EINTR) {
		close(child_out);
		child_out = -1;
	}
	return 0;
}

static void child_end(void)
{
	struct pollfd p = { .events = POLLIN };
	char line[128];
	int st;

	if (waitpid(child, &st, WNOHANG) != child)
		return;
	child = 0;
	/* What it started may hold the pipe: take what is there, wait for no more. */
	while (child_out >= 0) {
		p.fd = child_out;
		if (poll(&p, 1, 0) <= 0 || !child_output())
			break;
	}
	if (child_out >= 0)
		close(child_out);
	child_out = -1;
	put(line, sprintf(line, "%s x %d\n", token,
			  WIFEXITED(st) ? WEXITSTATUS(st) : 128 + WTERMSIG(st)));
}

static void on_chld(int sig)
{
	(void)sig;
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = on_chld };
	sigset_t block, open_mask;
	struct timespec nap = { 1, 0 };

	if (argc != 2)
		return 2;
	port = open(argv[1], O_RDWR | O_CLOEXEC);
	if (port < 0)
		return 1;
	/* SIGCHLD only inside ppoll, so that no end of a child goes unseen. */
	sigaction(SIGCHLD, &sa, NULL);
	sigemptyset(&block);
	sigaddset(&block, SIGCHLD);
	sigprocmask(SIG_BLOCK, &block, &open_mask);
	for (;;) {
		struct pollfd p[2] = {
			{ .fd = port, .events = POLLIN },
			{ .fd = child_out, .events = POLLIN },
		};

		if (ppoll(p, 2, &nap, &open_mask) > 0) {
			if (p[0].revents & POLLIN)
				port_input();
			else if (p[0].revents & POLLHUP)
				usleep(50000);
			if (child_out >= 0 && p[1].revents)
				child_output();
		}
		if (child > 0)
			child_end();
	}
}
