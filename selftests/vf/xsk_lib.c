// SPDX-License-Identifier: GPL-2.0
/*
 * XDP sockets by the kernel's own interface: see xsk.h.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "xsk.h"

#define INSN(op, d, s, o, i)	\
	((struct bpf_insn){ .code = (op), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) })

static int bpf(int cmd, union bpf_attr *attr)
{
	return syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

/* The tests' frames to the socket of their queue (or the verdict), all others up the stack */
static int load_prog(const struct xsk *x)
{
	static char log[8192];
	struct bpf_insn code[] = {
		INSN(0x61, 2, 1, 0, 0),			/* r2 = data */
		INSN(0x61, 3, 1, 4, 0),			/* r3 = data_end */
		INSN(0xbf, 4, 2, 0, 0),
		INSN(0x07, 4, 0, 0, 14),
		INSN(0x2d, 4, 3, 8, 0),			/* shorter than a header: pass */
		INSN(0x69, 5, 2, 12, 0),
		INSN(0x55, 5, 0, 6, htons(XSK_TYPE)),	/* no frame of the tests: pass */
		INSN(0x61, 2, 1, 16, 0),		/* r2 = rx_queue_index */
		INSN(0x18, 1, BPF_PSEUDO_MAP_FD, 0, x->map),
		INSN(0, 0, 0, 0, 0),
		INSN(0xb7, 3, 0, 0, XDP_PASS),		/* without a socket */
		INSN(0x85, 0, 0, 0, BPF_FUNC_redirect_map),
		INSN(0x95, 0, 0, 0, 0),
		INSN(0xb7, 0, 0, 0, XDP_PASS),
		INSN(0x95, 0, 0, 0, 0),
	};
	union bpf_attr attr;

	if (x->ask.verdict) {
		code[7] = INSN(0xb7, 0, 0, 0, x->ask.verdict);
		code[8] = INSN(0x95, 0, 0, 0, 0);
		memmove(&code[9], &code[13], 2 * sizeof(*code));
		code[4].off = 4;
		code[6].off = 2;
	}
	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_XDP;
	attr.expected_attach_type = BPF_XDP;
	attr.insn_cnt = x->ask.verdict ? 11 : sizeof(code) / sizeof(*code);
	attr.insns = (uintptr_t)code;
	attr.license = (uintptr_t)"GPL";
	attr.prog_flags = x->ask.frags ? BPF_F_XDP_HAS_FRAGS : 0;
	attr.log_buf = (uintptr_t)log;
	attr.log_size = sizeof(log);
	attr.log_level = 1;
	return bpf(BPF_PROG_LOAD, &attr);
}

const char *xsk_attach(struct xsk *x)
{
	union bpf_attr attr;

	x->prog = load_prog(x);
	if (x->prog < 0)
		return "program";
	memset(&attr, 0, sizeof(attr));
	attr.link_create.prog_fd = x->prog;
	attr.link_create.target_ifindex = x->ifindex;
	attr.link_create.attach_type = BPF_XDP;
	attr.link_create.flags = XDP_FLAGS_DRV_MODE;
	x->link = bpf(BPF_LINK_CREATE, &attr);
	return x->link < 0 ? "attach" : NULL;
}

const char *xsk_exchange(struct xsk *x)
{
	union bpf_attr attr;
	int prog = load_prog(x);

	if (prog < 0)
		return "program";
	memset(&attr, 0, sizeof(attr));
	attr.link_update.link_fd = x->link;
	attr.link_update.new_prog_fd = prog;
	if (bpf(BPF_LINK_UPDATE, &attr)) {
		close(prog);
		return "exchange";
	}
	close(x->prog);
	x->prog = prog;
	return NULL;
}

void xsk_detach(struct xsk *x)
{
	if (x->link > 0)
		close(x->link);
	if (x->prog > 0)
		close(x->prog);
	x->link = 0;
	x->prog = 0;
}

static const char *make_map(struct xsk *x)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = BPF_MAP_TYPE_XSKMAP;
	attr.key_size = 4;
	attr.value_size = 4;
	attr.max_entries = 16;
	x->map = bpf(BPF_MAP_CREATE, &attr);
	return x->map < 0 ? "map" : NULL;
}

static const char *into_map(struct xsk *x)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = x->map;
	attr.key = (uintptr_t)&x->queue;
	attr.value = (uintptr_t)&x->fd;
	attr.flags = BPF_ANY;
	return bpf(BPF_MAP_UPDATE_ELEM, &attr) ? "map element" : NULL;
}

static bool map_ring(struct xsk *x, struct xsk_ring *r, const struct xdp_ring_offset *off,
		     size_t each, off_t where)
{
	uint8_t *p = mmap(NULL, off->desc + x->ask.ring * each, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_POPULATE, x->fd, where);

	if (p == MAP_FAILED)
		return false;
	r->prod = (uint32_t *)(p + off->producer);
	r->cons = (uint32_t *)(p + off->consumer);
	r->flags = (uint32_t *)(p + off->flags);
	r->desc = p + off->desc;
	r->mask = x->ask.ring - 1;
	return true;
}

static const char *make_rings(struct xsk *x)
{
	static const int names[] = { XDP_UMEM_FILL_RING, XDP_UMEM_COMPLETION_RING,
				     XDP_RX_RING, XDP_TX_RING };
	struct xdp_mmap_offsets off;
	socklen_t len = sizeof(off);
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (setsockopt(x->fd, SOL_XDP, names[i], &x->ask.ring, sizeof(x->ask.ring)))
			return "rings";
	if (getsockopt(x->fd, SOL_XDP, XDP_MMAP_OFFSETS, &off, &len) ||
	    !map_ring(x, &x->rx, &off.rx, sizeof(struct xdp_desc), XDP_PGOFF_RX_RING) ||
	    !map_ring(x, &x->tx, &off.tx, sizeof(struct xdp_desc), XDP_PGOFF_TX_RING) ||
	    !map_ring(x, &x->fill, &off.fr, 8, XDP_UMEM_PGOFF_FILL_RING) ||
	    !map_ring(x, &x->done, &off.cr, 8, XDP_UMEM_PGOFF_COMPLETION_RING))
		return "mapping of rings";
	return NULL;
}

/* Chunks below ask.ring are to receive into, those above to send from. */
static const char *make_umem(struct xsk *x)
{
	size_t size = 2ul * x->ask.ring * x->ask.chunk;
	struct xdp_umem_reg reg = {
		.len = size, .chunk_size = x->ask.chunk, .headroom = x->ask.headroom,
	};
	uint32_t i;

	x->umem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	x->spare = calloc(x->ask.ring, sizeof(*x->spare));
	if (x->umem == MAP_FAILED || !x->spare)
		return "memory";
	memset(x->umem, 0xee, size);
	reg.addr = (uintptr_t)x->umem;
	for (i = 0; i < x->ask.ring; i++)
		x->spare[i] = (uint64_t)(x->ask.ring + i) * x->ask.chunk;
	x->spares = i;
	return setsockopt(x->fd, SOL_XDP, XDP_UMEM_REG, &reg, sizeof(reg)) ? "umem" : NULL;
}

static const char *bind_it(struct xsk *x)
{
	struct sockaddr_xdp at = {
		.sxdp_family = AF_XDP, .sxdp_ifindex = x->ifindex, .sxdp_queue_id = x->queue,
	};

	if (!x->ask.any)
		at.sxdp_flags |= x->ask.copy ? XDP_COPY : XDP_ZEROCOPY;
	if (x->ask.wakeup)
		at.sxdp_flags |= XDP_USE_NEED_WAKEUP;
	if (x->ask.sg)
		at.sxdp_flags |= XDP_USE_SG;
	return bind(x->fd, (struct sockaddr *)&at, sizeof(at)) ? "bind" : NULL;
}

/* It sends nothing: with it the kernel asks both in turn, a descriptor at a time. */
static const char *make_twin(struct xsk *x)
{
	struct sockaddr_xdp at = {
		.sxdp_family = AF_XDP, .sxdp_ifindex = x->ifindex, .sxdp_queue_id = x->queue,
		.sxdp_flags = XDP_SHARED_UMEM, .sxdp_shared_umem_fd = x->fd,
	};

	x->twin = socket(AF_XDP, SOCK_RAW, 0);
	if (x->twin < 0 ||
	    setsockopt(x->twin, SOL_XDP, XDP_TX_RING, &x->ask.ring, sizeof(x->ask.ring)) ||
	    bind(x->twin, (struct sockaddr *)&at, sizeof(at)))
		return "twin";
	return NULL;
}

static const char *find_dev(struct xsk *x, const char *dev)
{
	struct ifreq ifr = {};

	x->ifindex = if_nametoindex(dev);
	strncpy(ifr.ifr_name, dev, IFNAMSIZ - 1);
	x->fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (!x->ifindex || x->fd < 0 || ioctl(x->fd, SIOCGIFHWADDR, &ifr))
		return "netdev";
	memcpy(x->mac, ifr.ifr_hwaddr.sa_data, 6);
	close(x->fd);
	return NULL;
}

static void give_all(struct xsk *x)
{
	__u64 addr;
	uint32_t i;

	for (i = 0; i < x->ask.chunks; i++) {
		addr = (uint64_t)i * x->ask.chunk;
		xsk_give(x, &addr, 1);
	}
}

const char *xsk_open(struct xsk *x, const char *dev, unsigned int queue, const struct xsk_ask *ask)
{
	const char *bad;

	memset(x, 0, sizeof(*x));
	x->ask = *ask;
	x->queue = queue;
	x->ask.chunk = ask->chunk ? ask->chunk : 4096;
	x->ask.ring = ask->ring ? ask->ring : 1024;
	x->ask.chunks = ask->chunks ? ask->chunks : x->ask.ring;
	bad = find_dev(x, dev);
	if (bad)
		return bad;
	x->fd = socket(AF_XDP, SOCK_RAW, 0);
	if (x->fd < 0)
		return "socket";
	if ((bad = make_umem(x)) || (bad = make_rings(x)) || (bad = make_map(x)))
		return bad;
	give_all(x);
	if (!ask->noprog && (bad = xsk_attach(x)))
		return bad;
	if ((bad = bind_it(x)) || (ask->twin && (bad = make_twin(x))))
		return bad;
	return into_map(x);
}

void xsk_close(struct xsk *x)
{
	xsk_detach(x);
	if (x->twin)
		close(x->twin);
	close(x->map);
	close(x->fd);
}

bool xsk_copies(struct xsk *x)
{
	struct xdp_options opts = {};
	socklen_t len = sizeof(opts);

	return getsockopt(x->fd, SOL_XDP, XDP_OPTIONS, &opts, &len) ||
	       !(opts.flags & XDP_OPTIONS_ZEROCOPY);
}

/* Byte at of the payload, as frame() of lib/vnic.py has it */
static uint8_t pattern(uint32_t at)
{
	static const uint8_t head[] = { XSK_TYPE >> 8, XSK_TYPE & 0xff, 'v', 'n', 'i', 'c' };

	return at < 18 ? head[at - 12] : ((at - 18) * 7 + 4) & 0xff;
}

static void fill_in(struct xsk *x, const uint8_t *to, uint64_t addr, uint32_t at, uint32_t len)
{
	uint8_t *p = x->umem + addr;
	uint32_t i;

	for (i = 0; i < len; i++, at++)
		p[i] = at < 6 ? to[at] : at < 12 ? x->mac[at - 6] : pattern(at);
}

static bool tx_room(const struct xsk *x, uint32_t n)
{
	uint32_t used = *x->tx.prod - __atomic_load_n(x->tx.cons, __ATOMIC_ACQUIRE);

	return x->spares >= n && x->tx.mask + 1 - used >= n;
}

uint32_t xsk_put(struct xsk *x, const uint8_t *to, uint32_t count, uint32_t size, uint32_t part)
{
	uint32_t n, at, len, pieces, put, prod = *x->tx.prod;
	struct xdp_desc *d;

	part = part ? part : x->ask.chunk;
	pieces = size ? (size + part - 1) / part : 1;
	for (put = 0; put < count && tx_room(x, pieces + prod - *x->tx.prod); put++) {
		for (n = 0, at = 0; n < pieces; n++, at += len, prod++) {
			len = size - at < part ? size - at : part;
			d = (struct xdp_desc *)x->tx.desc + (prod & x->tx.mask);
			d->addr = x->spare[--x->spares];
			d->len = len;
			d->options = n + 1 < pieces ? XDP_PKT_CONTD : 0;
			fill_in(x, to, d->addr, at, len);
		}
		__atomic_store_n(x->tx.prod, prod, __ATOMIC_RELEASE);
	}
	return put;
}

void xsk_put_open(struct xsk *x)
{
	uint32_t n, prod = *x->tx.prod;

	for (n = 0; n < 3; n++, prod++)
		((struct xdp_desc *)x->tx.desc)[prod & x->tx.mask] = (struct xdp_desc) {
			.addr = x->spare[--x->spares], .len = 100, .options = XDP_PKT_CONTD,
		};
	__atomic_store_n(x->tx.prod, prod, __ATOMIC_RELEASE);
}

void xsk_kick(struct xsk *x, bool always)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (always || !x->ask.wakeup || *(volatile uint32_t *)x->tx.flags & XDP_RING_NEED_WAKEUP)
		sendto(x->fd, NULL, 0, MSG_DONTWAIT, NULL, 0);
}

uint32_t xsk_reap(struct xsk *x)
{
	uint32_t cons = *x->done.cons, prod = __atomic_load_n(x->done.prod, __ATOMIC_ACQUIRE);
	uint32_t n = prod - cons;

	for (; cons != prod; cons++)
		x->spare[x->spares++] = ((uint64_t *)x->done.desc)[cons & x->done.mask];
	__atomic_store_n(x->done.cons, cons, __ATOMIC_RELEASE);
	return n;
}

uint32_t xsk_received(struct xsk *x)
{
	return __atomic_load_n(x->rx.prod, __ATOMIC_ACQUIRE) - *x->rx.cons;
}

const struct xdp_desc *xsk_peek(struct xsk *x, uint32_t i)
{
	return (struct xdp_desc *)x->rx.desc + ((*x->rx.cons + i) & x->rx.mask);
}

void xsk_take(struct xsk *x, uint32_t n)
{
	__atomic_store_n(x->rx.cons, *x->rx.cons + n, __ATOMIC_RELEASE);
}

void xsk_give(struct xsk *x, const __u64 *addrs, uint32_t n)
{
	uint32_t i, prod = *x->fill.prod;

	for (i = 0; i < n; i++)
		((uint64_t *)x->fill.desc)[(prod + i) & x->fill.mask] = addrs[i];
	__atomic_store_n(x->fill.prod, prod + n, __ATOMIC_RELEASE);
}

void xsk_wake(struct xsk *x, bool always)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (always || *(volatile uint32_t *)x->fill.flags & XDP_RING_NEED_WAKEUP)
		recvfrom(x->fd, NULL, 0, MSG_DONTWAIT, NULL, NULL);
}
