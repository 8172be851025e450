// SPDX-License-Identifier: GPL-2.0
/*
 * For a VF's port: how many new TCP connections a second a VM gets, all together and of
 * each sender, and none of senders that are not there.
 *
 *   clang -O2 -g -target bpf -c port_syn.bpf.c -o port_syn.bpf.o    # clang, libbpf-dev
 *   ip link set dev vnic8vf0 xdpdrv obj port_syn.bpf.o sec xdp
 *
 * -DTOTAL=N, -DEACH=N: SYNs a second; -DCHALLENGE=0: senders are not asked.
 *
 * Who sends a first SYN is asked to show that he is there.  A SYN-ACK that acknowledges
 * what he has not sent makes a TCP answer with a RST of that very number (RFC 9293,
 * 3.5.2), which he can know from the answer alone: it is a SYN cookie.  His next SYN
 * goes to the VM.  A sender whose firewall drops such a SYN-ACK never gets there.
 *
 * IPv4 is judged, with one VLAN tag or none; what else there is passes, but for what
 * cannot be read to the end of the TCP header.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <stddef.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#ifndef TOTAL
#define TOTAL		1000
#endif
#ifndef EACH
#define EACH		100
#endif
#ifndef CHALLENGE
#define CHALLENGE	1
#endif
#define SENDERS		65536		/* that are remembered */
#define SECOND		1000000000ULL
#define OFFSET		0x1fff		/* of a fragment */

struct vlan {
	__be16	tci;
	__be16	proto;
};

/* SYNs of the second that began at @since, ns; CPUs may count a few too many together */
struct window {
	__u64	since;
	__u64	syns;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct window);
} total SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, SENDERS);
	__type(key, __be32);
	__type(value, struct window);
} senders SEC(".maps");

/* May one more come? */
static __always_inline int take(struct window *w, __u64 most)
{
	__u64 now = bpf_ktime_get_ns();

	if (now - w->since > SECOND) {
		w->since = now;
		w->syns = 0;
	}
	return __sync_fetch_and_add(&w->syns, 1) < most;
}

/* Internet checksum, folded, complemented */
static __always_inline __u16 fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return ~((sum & 0xffff) + (sum >> 16));
}

/* The cookie of a connection, by its addresses and ports alone */
static __always_inline __s64 cookie(const struct iphdr *ip, const struct tcphdr *tcp)
{
	struct iphdr i = { .saddr = ip->saddr, .daddr = ip->daddr };
	struct tcphdr t = { .source = tcp->source, .dest = tcp->dest, .doff = 5 };

	return bpf_tcp_raw_gen_syncookie_ipv4(&i, &t, sizeof(t));
}

/* A RST with a number that only who got our SYN-ACK can know? */
static __always_inline int answered(const struct iphdr *ip, const struct tcphdr *tcp)
{
	struct iphdr i = { .saddr = ip->saddr, .daddr = ip->daddr };
	struct tcphdr t = { .source = tcp->source, .dest = tcp->dest, .seq = bpf_htonl(1),
			    .ack_seq = bpf_htonl(bpf_ntohl(tcp->seq) + 1) };

	return !bpf_tcp_raw_check_syncookie_ipv4(&i, &t);
}

/* Make of a SYN the SYN-ACK that asks who sent it.  What is behind the header is cut off. */
static __always_inline int ask(struct xdp_md *ctx, struct ethhdr *eth, struct iphdr *ip,
			       struct tcphdr *tcp)
{
	int cut = (int)((long)ctx->data_end - (long)(tcp + 1));
	__s64 number = cookie(ip, tcp);
	__u8 mac[ETH_ALEN];
	__be32 addr = ip->saddr;
	__be16 port = tcp->source;
	__u32 sum;

	if (number < 0)
		return XDP_DROP;
	__builtin_memcpy(mac, eth->h_dest, ETH_ALEN);
	__builtin_memcpy(eth->h_dest, eth->h_source, ETH_ALEN);
	__builtin_memcpy(eth->h_source, mac, ETH_ALEN);
	ip->saddr = ip->daddr;
	ip->daddr = addr;
	ip->tot_len = bpf_htons(sizeof(*ip) + sizeof(*tcp));
	ip->ttl = 64;
	ip->check = 0;
	ip->check = fold(bpf_csum_diff(NULL, 0, (__be32 *)ip, sizeof(*ip), 0));
	*tcp = (struct tcphdr) {
		.source = tcp->dest, .dest = port, .doff = 5, .syn = 1, .ack = 1,
		.ack_seq = bpf_htonl((__u32)number),
	};
	sum = bpf_csum_diff(NULL, 0, &ip->saddr, 8, bpf_htons(IPPROTO_TCP));
	sum = bpf_csum_diff(NULL, 0, (__be32 *)tcp, sizeof(*tcp),
			    sum + bpf_htons(sizeof(*tcp)));
	tcp->check = fold(sum);
	return bpf_xdp_adjust_tail(ctx, -cut) ? XDP_DROP : XDP_TX;
}

static __always_inline int syn(struct xdp_md *ctx, struct ethhdr *eth, struct iphdr *ip,
			       struct tcphdr *tcp)
{
	__be32 from = ip->saddr;
	struct window *w = bpf_map_lookup_elem(&senders, &from);
	struct window first = { .since = bpf_ktime_get_ns(), .syns = 1 };
	__u32 zero = 0;

	if (!w && CHALLENGE)
		return ip->ihl == 5 ? ask(ctx, eth, ip, tcp) : XDP_DROP;
	if (!w)
		bpf_map_update_elem(&senders, &from, &first, BPF_ANY);
	else if (!take(w, EACH))
		return XDP_DROP;
	w = bpf_map_lookup_elem(&total, &zero);
	return !w || take(w, TOTAL) ? XDP_PASS : XDP_DROP;
}

SEC("xdp")
int port_syn(struct xdp_md *ctx)
{
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = (void *)(long)ctx->data;
	struct iphdr *ip = (void *)(eth + 1);
	struct window none = {};
	struct tcphdr *tcp;
	__be16 proto;

	if ((void *)ip > end)
		return XDP_DROP;
	proto = eth->h_proto;
	if (proto == bpf_htons(ETH_P_8021Q) || proto == bpf_htons(ETH_P_8021AD)) {
		struct vlan *vlan = (void *)ip;

		if ((void *)(vlan + 1) > end)
			return XDP_DROP;
		proto = vlan->proto;
		ip = (void *)(vlan + 1);
	}
	if (proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	if ((void *)(ip + 1) > end || ip->ihl < 5)
		return XDP_DROP;
	if (ip->protocol != IPPROTO_TCP || ip->frag_off & bpf_htons(OFFSET))
		return XDP_PASS;
	tcp = (void *)ip + ip->ihl * 4;
	if ((void *)(tcp + 1) > end)
		return XDP_DROP;
	if (tcp->syn && !tcp->ack)
		return syn(ctx, eth, ip, tcp);
	if (CHALLENGE && tcp->rst && !tcp->ack && answered(ip, tcp)) {
		bpf_map_update_elem(&senders, &ip->saddr, &none, BPF_NOEXIST);
		return XDP_DROP;
	}
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
