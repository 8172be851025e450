// SPDX-License-Identifier: GPL-2.0
/*
 * The bench of the hostile driver: see bench.h.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/kvm.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "bench_priv.h"

const char *bench_vf[4], *bench_pf, *bench_bdf, *bench_wire;
unsigned int bench_slow = 1;
const struct bench_kind *bench_kind;
struct drv evil, bench_vc;
__u8 pf_mac[6], wire_mac[6] = { 2, 0, 0, 0, 0, 0x99 };
int pf_sock, wire_sock;

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

bool comes_out(int sock, struct out *o, int ms)
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

	check(!comes_out(pf_sock, &o, QUIET), "%d bytes reach the PF", o.len);
	check(!comes_out(wire_sock, &o, 0), "%d bytes reach the wire", o.len);
}

bool stands_still(unsigned int us)
{
	__u8 *before = malloc(MEM_SIZE);
	bool still;

	check(before, "no memory");
	memcpy(before, evil.mem, MEM_SIZE);
	usleep(us);
	still = !memcmp(before, evil.mem, MEM_SIZE);
	free(before);
	return still;
}

void check_still(void)
{
	check(stands_still(2000), "memory is written");
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

void flood_in(void *arg)
{
	static unsigned int n;

	(void)arg;
	n++;
	from_wire(60 + n % 1400, n);
}

/* ---- a case ---- */

void bench_open(__u64 features)
{
	drv_open(&evil, bench_vf[0], getenv("VNIC_CDEV"));
	evil.features = features;
	bench_kind->start();
	pf_sock = open_socket(bench_pf, pf_mac);
	wire_sock = open_socket(bench_wire, NULL);
	traffic_open();
	bench_count();
	traffic_start();
}

void flr(struct drv *v)
{
	__u32 exp = cfg_find_cap(&v->dev, PCI_CAP_ID_EXP);
	__u64 end = now_ms() + WAIT;

	cfg_write(&v->dev, exp + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_BCR_FLR);
	while (cfg_read(&v->dev, PCI_COMMAND, 4) == ~0u)
		check(now_ms() < end, "never comes back from its reset");
}

void flr_start(void)
{
	unsigned int i;

	flr(&evil);
	cfg_command(&evil.dev, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 0);
	for (i = 0; i < evil.dev.vectors; i++)
		vdev_set_eventfd(&evil.dev, VFIO_PCI_MSIX_IRQ_INDEX, i, evil.irq[i]);
	bench_kind->start();
}

void bench_vm(void)
{
	struct kvm_create_device dev = { .type = KVM_DEV_TYPE_VFIO };
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), fd;

	if (kvm < 0)
		skip_case("no KVM");
	fd = ioctl(kvm, KVM_CREATE_VM, 0);
	check(fd >= 0 && !ioctl(fd, KVM_CREATE_DEVICE, &dev), "KVM: %m");
	vdev_kvm = dev.fd;
}

/* CONFIG_KVM_EXTERNAL_WRITE_TRACKING; KVM is loaded. */
static bool kvm_tracks_writes(void)
{
	FILE *names = fopen("/proc/kallsyms", "re");
	char name[128];
	bool found = false;

	check(names, "/proc/kallsyms: %m");
	while (!found && fscanf(names, "%*s %*s %127s%*[^\n]", name) == 1)
		found = !strcmp(name, "kvm_write_track_add_gfn");
	fclose(names);
	return found;
}

void *bench_bell_page(void)
{
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, evil.dev.fd,
			  evil.dev.off[VFIO_PCI_BAR0_REGION_INDEX] + VNIC_DOORBELL_BASE);

	if (page != MAP_FAILED)
		return page;
	check(!kvm_tracks_writes(), "the doorbell page cannot be mapped: %m");
	skip_case("KVM does not track writes: nothing of the BAR can be mapped");
}

/* A frame of VF 0 arrives at @sock, or -1: at VF 2, as it was. */
static void check_out(const __u8 *dst, int sock)
{
	static struct out o;
	__u8 frame[1000];

	drv_frame(&evil, dst, frame, sizeof(frame), 3);
	bench_kind->send(frame, sizeof(frame));
	if (sock < 0)
		o.len = drv_receive(&bench_vc, o.frame, sizeof(o.frame), WAIT);
	else
		check(comes_out(sock, &o, WAIT), "nothing arrives after the reset");
	check_eq(o.len, sizeof(frame));
	check(!memcmp(o.frame, frame, sizeof(frame)), "changed");
}

static void check_in(void)
{
	static __u8 got[2048], frame[1000];

	bench_kind->expect();
	drv_frame(&bench_vc, evil.caps.mac, frame, sizeof(frame), 4);
	drv_send(&bench_vc, frame, sizeof(frame), 3);
	check_eq(bench_kind->receive(got, sizeof(got)), sizeof(frame));
	check(!memcmp(got, frame, sizeof(frame)), "changed");
	bench_kind->expect();
	from_wire(300, 1);
	check_eq(bench_kind->receive(got, sizeof(got)), 300);
}

void bench_close(void)
{
	static struct out o;

	traffic_stop();
	flr_start();
	while (comes_out(wire_sock, &o, 0) || comes_out(pf_sock, &o, 0))
		;
	check_out(bench_vc.caps.mac, -1);
	check_out(pf_mac, pf_sock);
	check_out(wire_mac, wire_sock);
	check_in();
	traffic_judge();
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
