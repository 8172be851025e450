// SPDX-License-Identifier: GPL-2.0
/*
 * The bench of the hostile driver: what an administrator sees, by ethtool and devlink.
 */
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "bench_priv.h"

#define COUNTERS	512

static struct health health_before;

/* ---- counters ---- */

static struct ethtool_gstrings *names;
static __u64 before[COUNTERS];

static void ethtool(void *data)
{
	static int fd = -1;
	struct ifreq ifr = { .ifr_data = data };

	if (fd < 0)
		fd = socket(AF_INET, SOCK_DGRAM, 0);
	snprintf(ifr.ifr_name, IFNAMSIZ, "%s", bench_pf);
	check(!ioctl(fd, SIOCETHTOOL, &ifr), "ethtool: %m");
}

static void get_names(void)
{
	struct {
		struct ethtool_sset_info info;
		__u32 n;
	} q = { .info = { .cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1 << ETH_SS_STATS } };

	ethtool(&q);
	check(q.n && q.n <= COUNTERS, "%u counters", q.n);
	names = calloc(1, sizeof(*names) + q.n * ETH_GSTRING_LEN);
	names->cmd = ETHTOOL_GSTRINGS;
	names->string_set = ETH_SS_STATS;
	names->len = q.n;
	ethtool(names);
}

static void get_counters(__u64 *to)
{
	struct {
		struct ethtool_stats stats;
		__u64 data[COUNTERS];
	} s = { .stats = { .cmd = ETHTOOL_GSTATS, .n_stats = names->len } };

	ethtool(&s);
	memcpy(to, s.stats.data, names->len * sizeof(*to));
}

static unsigned int counter_index(const char *name)
{
	unsigned int i;

	for (i = 0; i < names->len; i++)
		if (!strncmp((char *)names->data + i * ETH_GSTRING_LEN, name, ETH_GSTRING_LEN))
			return i;
	fail("no counter %s", name);
}

__u64 counter(const char *name)
{
	__u64 now[COUNTERS];

	get_counters(now);
	return now[counter_index(name)];
}

__u64 moved(const char *name)
{
	return counter(name) - before[counter_index(name)];
}

void check_moved(const char *name, __u64 n)
{
	__u64 end = now_ms() + WAIT, got;

	while ((got = moved(name)) < n && now_ms() < end)
		usleep(1000);
	check(got == n, "%s moved by %llu, not by %llu", name, got, n);
}

/* ---- devlink health ---- */

static __u64 number_after(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}

struct health health(void)
{
	struct health h = {};
	char text[8192], cmd[96], *vf, *end;
	size_t n;
	FILE *p;

	snprintf(cmd, sizeof(cmd), "devlink -j health diagnose pci/%s reporter vf", bench_bdf);
	p = popen(cmd, "re");
	check(p, "devlink: %m");
	n = fread(text, 1, sizeof(text) - 1, p);
	text[n] = 0;
	check(!pclose(p), "devlink health does not answer");
	vf = strstr(text, "\"vf\":0,");
	if (!vf)
		return h;
	end = strchr(vf, '}');
	check(end, "%s", text);
	*end = 0;
	h.stopped = strstr(vf, "\"stopped\":true");
	h.failures = number_after(vf, "\"failures\":");
	h.refused = number_after(vf, "\"refused requests\":");
	vf = strstr(vf, "\"reason\":\"");
	if (vf)
		sscanf(vf + 10, "%79[^\"]", h.reason);
	return h;
}

void check_stopped_by(const char *const *reasons, unsigned int n)
{
	struct health h;
	unsigned int i;

	check(bench_kind->failed(), "goes on; expected: %s", reasons[0]);
	h = health();
	check(h.stopped, "devlink says that it is not stopped");
	check_eq(h.failures, ++health_before.failures);
	for (i = 0; i < n && strcmp(h.reason, reasons[i]); i++)
		;
	check(i < n, "stopped: %s; expected: %s", h.reason, reasons[0]);
	flr_start();
}

void check_stopped(const char *reason)
{
	check_stopped_by(&reason, 1);
}

void check_refused(__u64 n)
{
	struct health h = health();

	check_eq(h.refused - health_before.refused, n);
}

void health_note(void)
{
	health_before = health();
}

void bench_count(void)
{
	get_names();
	get_counters(before);
	health_before = health();
}
