// SPDX-License-Identifier: GPL-2.0
/*
 * The bench of the hostile driver: see bench.h.
 */
#include <arpa/inet.h>
#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>

#include "bench.h"

#define SAMPLES		20000
#define QUIET_FRAMES	40
#define LEAST_FRAMES	20	/* of the others in a case */
#define FRAME_LEN	200
#define COUNTERS	512

const char *bench_vf[4], *bench_pf, *bench_bdf, *bench_wire;
unsigned int bench_slow = 1;
struct drv evil;
__u8 pf_mac[6], wire_mac[6] = { 2, 0, 0, 0, 0, 0x99 };
int pf_sock, wire_sock;

static struct drv vb, vc;
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

void check_stopped(const char *reason)
{
	struct health h;

	check(drv_failed(&evil), "goes on; expected: %s", reason);
	h = health();
	check(h.stopped, "devlink says that it is not stopped");
	check_eq(h.failures, ++health_before.failures);
	check(!strcmp(h.reason, reason), "stopped: %s; expected: %s", h.reason, reason);
	flr_start(&evil);
}

void check_refused(__u64 n)
{
	struct health h = health();

	check_eq(h.refused - health_before.refused, n);
}

/* ---- PF and wire ---- */

static int open_socket(const char *dev, __u8 *mac)
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
	int on = 1, size = 8 << 20;
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	struct ifreq ifr = {};

	check(fd >= 0, "socket: %m");
	at.sll_ifindex = if_nametoindex(dev);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	check(!setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)), "%m");
	check(!bind(fd, (void *)&at, sizeof(at)), "%s: %m", dev);
	snprintf(ifr.ifr_name, IFNAMSIZ, "%s", dev);
	check(!ioctl(fd, SIOCGIFHWADDR, &ifr), "%m");
	if (mac)
		memcpy(mac, ifr.ifr_hwaddr.sa_data, 6);
	return fd;
}

bool take(int sock, struct out *o, int ms)
{
	__u64 end = now_ms() + ms, now;
	struct timeval tv;

	do {
		struct sockaddr_ll from;
		socklen_t len = sizeof(from);
		int n;

		now = now_ms();
		now = now < end ? end - now : 0;
		tv = (struct timeval) { .tv_sec = now / 1000, .tv_usec = now % 1000 * 1000 };
		setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
		n = recvfrom(sock, &o->vnet, sizeof(o->vnet) + sizeof(o->frame),
			     now ? 0 : MSG_DONTWAIT, (void *)&from, &len);
		if (n < 0)
			return false;
		o->len = n - (int)sizeof(o->vnet);
		if (from.sll_pkttype != PACKET_OUTGOING)
			return true;
	} while (now);
	return false;
}

void check_silent(void)
{
	static struct out o;

	check(!take(pf_sock, &o, QUIET), "%d bytes reach the PF", o.len);
	check(!take(wire_sock, &o, 0), "%d bytes reach the wire", o.len);
}

void from_wire_to(const __u8 *mac, size_t len, unsigned int seed)
{
	static __thread __u8 buf[sizeof(struct virtio_net_hdr) + 9014];
	__u8 *frame = buf + sizeof(struct virtio_net_hdr);

	drv_frame(&evil, mac, frame, len, seed);
	memcpy(frame + 6, wire_mac, 6);
	check(send(wire_sock, buf, frame - buf + len, 0) > 0, "send: %m");
}

void from_wire(size_t len, unsigned int seed)
{
	from_wire_to(evil.caps.mac, len, seed);
}

/* ---- the others' traffic ---- */

static __u32 sample[SAMPLES];
static unsigned int samples;
static unsigned long frames;
static bool stop_traffic;
static pthread_t traffic_thread;

static void one_frame(void)
{
	__u64 t = now_us();

	drv_exchange(&vb, &vc, vc.caps.mac, FRAME_LEN, 1);
	if (samples < SAMPLES)
		sample[samples++] = now_us() - t;
	frames++;
}

static __u32 median(void)
{
	sort_samples(sample, samples);
	return sample[samples / 2];
}

static void *traffic(void *arg)
{
	while (!__atomic_load_n(&stop_traffic, __ATOMIC_RELAXED) || samples < LEAST_FRAMES)
		one_frame();
	return arg;
}

static __u32 quiet_us;

static void traffic_start(void)
{
	while (samples < QUIET_FRAMES)
		one_frame();
	quiet_us = median();
	samples = 0;
	check(!pthread_create(&traffic_thread, NULL, traffic, NULL), "no thread");
}

/* Each arrived as it was sent (drv_exchange()); nothing else came or was lost. */
static void traffic_stop(void)
{
	__u32 busy_us;

	__atomic_store_n(&stop_traffic, true, __ATOMIC_RELAXED);
	pthread_join(traffic_thread, NULL);
	busy_us = median();
	printf("# %lu frames of the others, median %u us, %u us when it is quiet\n", frames,
	       busy_us, quiet_us);
	check_moved("vf1_tx_packets", frames);
	check_moved("vf1_tx_bytes", frames * FRAME_LEN);
	check_moved("vf2_rx_packets", frames);
	check_moved("vf2_rx_bytes", frames * FRAME_LEN);
	check_moved("vf1_rx_packets", 0);
	check_moved("vf2_tx_packets", 0);
	check_moved("vf1_rx_dropped", 0);
	check_moved("vf1_tx_dropped", 0);
	check_moved("vf2_rx_dropped", 0);
	check_moved("vf2_tx_dropped", 0);
	/* who shares two CPUs with threads that never sleep waits for some time slices */
	check(busy_us <= 20 * quiet_us + 5000 * bench_slow, "the others were held up");
}

/* ---- a case ---- */

void bench_open(__u64 features)
{
	drv_open(&vb, bench_vf[1], false);
	drv_open(&vc, bench_vf[2], false);
	drv_open(&evil, bench_vf[0], false);
	drv_start(&vb);
	drv_start(&vc);
	evil.features = features;
	drv_start(&evil);
	pf_sock = open_socket(bench_pf, pf_mac);
	wire_sock = open_socket(bench_wire, NULL);
	get_names();
	get_counters(before);
	health_before = health();
	traffic_start();
}

void bench_mate(struct drv *v)
{
	memset(v, 0, sizeof(*v));
	vdev_open_with(&v->dev, bench_vf[3], &evil.dev);
	drv_prepare(v, ELSEWHERE);
	drv_start(v);
}

void flr(struct drv *v)
{
	__u32 exp = cfg_find_cap(&v->dev, PCI_CAP_ID_EXP);
	__u64 end = now_ms() + WAIT;

	cfg_write(&v->dev, exp + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_BCR_FLR);
	while (cfg_read(&v->dev, PCI_COMMAND, 4) == ~0u)
		check(now_ms() < end, "never comes back from its reset");
}

void flr_start(struct drv *v)
{
	unsigned int i;

	flr(v);
	cfg_command(&v->dev, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 0);
	for (i = 0; i < v->dev.vectors; i++)
		vdev_set_eventfd(&v->dev, VFIO_PCI_MSIX_IRQ_INDEX, i, v->irq[i]);
	drv_start(v);
}

void bench_close(void)
{
	static struct out o;
	__u8 frame[FRAME_LEN];
	int i;

	traffic_stop();
	flr_start(&evil);
	while (take(wire_sock, &o, 0) || take(pf_sock, &o, 0))
		;
	drv_exchange(&evil, &vc, vc.caps.mac, 1000, 3);
	drv_exchange(&vc, &evil, evil.caps.mac, 1000, 3);
	for (i = 0; i < 2; i++) {
		drv_frame(&evil, i ? pf_mac : wire_mac, frame, sizeof(frame), i);
		drv_send(&evil, frame, sizeof(frame), 1);
		check(take(i ? pf_sock : wire_sock, &o, WAIT), "nothing arrives after the reset");
		check(o.len == sizeof(frame) && !memcmp(o.frame, frame, sizeof(frame)), "changed");
	}
	from_wire(300, 1);
	check_eq(drv_receive(&evil, o.frame, sizeof(o.frame), WAIT), 300);
}

__u8 *put_frame(const __u8 *dst, size_t len)
{
	unsigned int slot = evil.tx_prod % RING_SIZE;
	__u8 frame[TX_BUF_SIZE];

	drv_frame(&evil, dst, frame, len, slot);
	drv_put(&evil, frame, len, 1);
	return evil.mem + AT_TX_BUFS + slot * TX_BUF_SIZE;
}

struct vnic_tx_desc *put_desc(__u64 addr, __u16 len, __u16 flags)
{
	struct vnic_tx_desc *ring = (void *)(evil.mem + AT_TX_RING);
	struct vnic_tx_desc *d = &ring[evil.tx_prod++ % RING_SIZE];

	*d = (struct vnic_tx_desc) {
		.addr = htole64(addr),
		.len = htole16(len),
		.flags = htole16(flags),
	};
	return d;
}

static bool meanwhile_done;
static pthread_t meanwhile_thread;
static void (*meanwhile_step)(void *arg);

static void *meanwhile_run(void *arg)
{
	while (!__atomic_load_n(&meanwhile_done, __ATOMIC_RELAXED))
		meanwhile_step(arg);
	return arg;
}

void meanwhile(void (*step)(void *arg), void *arg)
{
	meanwhile_step = step;
	__atomic_store_n(&meanwhile_done, false, __ATOMIC_RELAXED);
	check(!pthread_create(&meanwhile_thread, NULL, meanwhile_run, arg), "no thread");
}

void meanwhile_stop(void)
{
	__atomic_store_n(&meanwhile_done, true, __ATOMIC_RELAXED);
	pthread_join(meanwhile_thread, NULL);
}
