// SPDX-License-Identifier: GPL-2.0
/*
 * What a virtio driver asks for about its queues: which frame goes to which, with what
 * hash, and how far apart interrupts are.
 */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <pthread.h>
#include <unistd.h>

#include "virtio.h"

#define STEER	(USUAL | F(VIRTIO_NET_F_MQ) | F(VIRTIO_NET_F_RSS) | F(VIRTIO_NET_F_HASH_REPORT) | \
		 F(VIRTIO_NET_F_NOTF_COAL) | F(VIRTIO_NET_F_VQ_NOTF_COAL))
#define HASH_HDR	20u

/* The key and the packets by which RSS is verified (Microsoft, "Verifying the RSS hash
 * calculation")
 */
static const __u8 key[40] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
	0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
	0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

static const struct {
	const char	*from, *to;
	__u16		sport, dport;
	__u32		ip, ports;	/* hashes */
} known[] = {
	{ "66.9.149.187", "161.142.100.80", 2794, 1766, 0x323e8fc2, 0x51ccc178 },
	{ "199.92.111.2", "65.69.140.83", 14230, 4739, 0xd718262a, 0xc626b0ea },
	{ "3ffe:2501:200:1fff::7", "3ffe:2501:200:3::1", 2794, 1766, 0x2cc18cd5, 0x40207d3d },
	{ "3ffe:501:8::260:97ff:fe40:efab", "ff02::1", 14230, 4739, 0x0f0c461c, 0xdde51bbf },
};

/* An RSS_CONFIG or HASH_CONFIG, as long as it is made here */
static __u32 config(__u8 *req, __u8 cmd, __u32 types, __u16 n, __u16 other, const __u16 *table)
{
	__u8 *p = req;
	unsigned int i;
	__u16 v;

	*p++ = VIRTIO_NET_CTRL_MQ;
	*p++ = cmd;
	types = htole32(types);
	memcpy(p, &types, 4);
	p += 4;
	if (cmd == VIRTIO_NET_CTRL_MQ_HASH_CONFIG) {
		memset(p, 0, 8);
		p += 8;
	} else {
		v = htole16(n - 1);
		memcpy(p, &v, 2);
		v = htole16(other);
		memcpy(p + 2, &v, 2);
		p += 4;
		for (i = 0; i < n; i++, p += 2) {
			v = htole16(table[i]);
			memcpy(p, &v, 2);
		}
		v = htole16(2);
		memcpy(p, &v, 2);
		p += 2;
	}
	*p++ = sizeof(key);
	memcpy(p, key, sizeof(key));
	return p + sizeof(key) - req;
}

/* Packet @i as a frame from VF 1; its length */
static __u32 packet(__u8 *f, unsigned int i, __u8 proto)
{
	bool v6 = strchr(known[i].from, ':');
	__u8 *ip = f + ETH_HLEN, *l4 = ip + (v6 ? 40 : 20);
	__u16 sport = htons(known[i].sport), dport = htons(known[i].dport);

	memset(f, 0, 200);
	memcpy(f, mac, 6);
	memcpy(f + 6, good.caps.mac, 6);
	f[12] = v6 ? 0x86 : 0x08;
	f[13] = v6 ? 0xdd : 0;
	if (v6) {
		ip[0] = 0x60;
		ip[5] = 100;
		ip[6] = proto;
		ip[7] = 64;
		check(inet_pton(AF_INET6, known[i].from, ip + 8) == 1, "address");
		check(inet_pton(AF_INET6, known[i].to, ip + 24) == 1, "address");
	} else {
		ip[0] = 0x45;
		ip[3] = 120;
		ip[8] = 64;
		ip[9] = proto;
		check(inet_pton(AF_INET, known[i].from, ip + 12) == 1, "address");
		check(inet_pton(AF_INET, known[i].to, ip + 16) == 1, "address");
	}
	memcpy(l4, &sport, 2);
	memcpy(l4 + 2, &dport, 2);
	l4[12] = 0x50;
	return l4 + 100 - f;
}

/* It arrives in queue @q with that hash. */
static void comes(unsigned int q, const __u8 *f, __u32 len, __u32 hash, __u16 report)
{
	struct vring_used_elem e;
	__u8 *to = evil.mem + AT_RX_BUFS + (q == RX ? 0 : 4096);
	__u32 value;
	__u16 kind;

	drv_send(&good, f, len, 1);
	check(take(q, &e, WAIT), "not in queue %u", q);
	check_eq(e.len, HASH_HDR + len);
	memcpy(&value, to + HDR, 4);
	memcpy(&kind, to + HDR + 4, 2);
	check_eq(le16toh(kind), report);
	if (report)
		check_eq(le32toh(value), hash);
	check(!memcmp(to + HASH_HDR, f, len), "changed");
	offer(q, 0);
	notify(q);
}

static void start_pairs(void)
{
	static const __u8 mode[] = { VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, 0 };
	unsigned int q;

	open_both(STEER);
	check_eq(ctrl(mode, sizeof(mode), 1), 0);	/* then it is ready */
	for (q = RX; q <= RX1; q += RX1) {
		put_desc(q, 0, evil.iova + AT_RX_BUFS + (q == RX ? 0 : 4096), 2048,
			 VRING_DESC_F_WRITE, 0);
		offer(q, 0);
		notify(q);
	}
}

/* The queue in which it arrives, without a hash */
static unsigned int comes_where(const __u8 *f, __u32 len)
{
	static const __u8 none[HASH_HDR - HDR];
	struct vring_used_elem e;
	unsigned int q = RX, ms;

	drv_send(&good, f, len, 1);
	for (ms = 0; !take(q, &e, 1); ms++) {
		check(ms < 2 * WAIT, "nowhere");
		q = q == RX ? RX1 : RX;
	}
	check_eq(e.len, HASH_HDR + len);
	check(!memcmp(evil.mem + AT_RX_BUFS + (q == RX ? 0 : 4096) + HDR, none, sizeof(none)),
	      "a hash");
	offer(q, 0);
	notify(q);
	return q;
}

/*
 * Told the number of pairs and nothing else, the device spreads flows (as Linux 6.1 has it).
 * Its key is one by chance: the flows differ in all bits of an address, since with a few bits
 * only there are keys by which all of them go to one queue.
 */
static void by_itself(void)
{
	static const __u8 pairs[4] = { VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, 2 };
	unsigned int i, first = 0;
	__u32 len, from;
	__u8 f[200];

	check_eq(ctrl(pairs, sizeof(pairs), 1), VIRTIO_NET_OK);
	len = packet(f, 0, IPPROTO_TCP);
	for (i = 0; i < 64; i++) {
		from = (i + 1) * 0x9e3779b9;
		memcpy(f + ETH_HLEN + 12, &from, sizeof(from));
		first += comes_where(f, len) == RX;
	}
	check(first && first < 64, "%u of 64 flows in the first queue", first);
}

void steer_hash(void)
{
	static const __u16 report[2][3] = { { 1, 2, 3 }, { 4, 5, 6 } };
	static const __u16 flip[2] = { 1, 0 };
	__u8 f[200], req[512], only_ip = 1 | 1 << 3;
	__u32 len, hash;
	unsigned int i;

	start_pairs();
	check_eq(rd(DEVICE + 17, 1), 40);	/* key, table, types */
	check_eq(rd(DEVICE + 18, 2), 128);
	check_eq(rd(DEVICE + 20, 4), 0x3f);
	len = packet(f, 0, IPPROTO_TCP);
	comes(RX, f, len, 0, 0);		/* not asked for yet */
	by_itself();
	/* by address and port, even hashes to the second queue */
	check_eq(ctrl(req, config(req, VIRTIO_NET_CTRL_MQ_RSS_CONFIG, 0x3f, 2, 0, flip), 1), 0);
	for (i = 0; i < ARRAY_SIZE(known); i++) {
		len = packet(f, i, IPPROTO_TCP);
		hash = known[i].ports;
		comes(hash & 1 ? RX : RX1, f, len, hash, report[i >= 2][1]);
		len = packet(f, i, IPPROTO_UDP);
		comes(hash & 1 ? RX : RX1, f, len, hash, report[i >= 2][2]);
		len = packet(f, i, IPPROTO_ICMP);
		comes(known[i].ip & 1 ? RX : RX1, f, len, known[i].ip, report[i >= 2][0]);
	}
	/* by addresses only; what is no IP goes to the queue for the rest */
	check_eq(ctrl(req, config(req, VIRTIO_NET_CTRL_MQ_RSS_CONFIG, only_ip, 2, 1, flip), 1),
		 0);
	for (i = 0; i < ARRAY_SIZE(known); i++) {
		len = packet(f, i, IPPROTO_TCP);
		comes(known[i].ip & 1 ? RX : RX1, f, len, known[i].ip, report[i >= 2][0]);
	}
	f[12] = 0x88;
	f[13] = 0xb5;
	comes(RX1, f, len, 0, 0);
	/* of UDP over IPv4 only */
	len = config(req, VIRTIO_NET_CTRL_MQ_HASH_CONFIG, 1 << 2, 0, 0, NULL);
	check_eq(ctrl(req, len, 1), 0);
	len = packet(f, 0, IPPROTO_UDP);
	comes(known[0].ports & 1 ? RX : RX1, f, len, known[0].ports, 3);
	len = packet(f, 0, IPPROTO_TCP);
	comes(RX1, f, len, 0, 0);
	close_both();
}

void steer_refused(void)
{
	static const __u16 table[256] = { 0, 1, 1, 0 }, wrong[2] = { 0, 2 };
	__u8 req[1024];
	__u32 len;

	start_pairs();
	len = config(req, VIRTIO_NET_CTRL_MQ_RSS_CONFIG, 0x3f, 128, 1, table);
	check_eq(ctrl(req, len, 1), VIRTIO_NET_OK);
	len = config(req, VIRTIO_NET_CTRL_MQ_RSS_CONFIG, 0x3f, 256, 1, table);
	check_eq(ctrl(req, len, 1), VIRTIO_NET_ERR);		/* more than there may be */
	len = config(req, VIRTIO_NET_CTRL_MQ_RSS_CONFIG, 0x3f, 4, 1, table);
	check_eq(ctrl(req, len, 1), VIRTIO_NET_OK);
	check_eq(ctrl(req, len - 1, 1), VIRTIO_NET_ERR);	/* the key is cut off */
	check_eq(ctrl(req, len + 1, 1), VIRTIO_NET_OK);	/* as Linux's driver has it */
	check_eq(ctrl(req, 15, 1), VIRTIO_NET_ERR);		/* the table is */
	req[len - 41] = 41;					/* a longer key */
	check_eq(ctrl(req, len + 1, 1), VIRTIO_NET_ERR);
	len = config(req, VIRTIO_NET_CTRL_MQ_RSS_CONFIG, 0x40, 4, 1, table);
	check_eq(ctrl(req, len, 1), VIRTIO_NET_ERR);		/* an unknown type */
	len = config(req, VIRTIO_NET_CTRL_MQ_RSS_CONFIG, 0x3f, 3, 1, table);
	check_eq(ctrl(req, len, 1), VIRTIO_NET_ERR);		/* three entries */
	len = config(req, VIRTIO_NET_CTRL_MQ_RSS_CONFIG, 0x3f, 2, 1, wrong);
	check_eq(ctrl(req, len, 1), VIRTIO_NET_ERR);		/* a third pair */
	len = config(req, VIRTIO_NET_CTRL_MQ_RSS_CONFIG, 0x3f, 4, 2, table);
	check_eq(ctrl(req, len, 1), VIRTIO_NET_ERR);
	req[6] = 0xff;						/* 65536 entries */
	req[7] = 0xff;
	check_eq(ctrl(req, len, 1), VIRTIO_NET_ERR);
	len = config(req, VIRTIO_NET_CTRL_MQ_HASH_CONFIG, 0x80, 0, 0, NULL);
	check_eq(ctrl(req, len, 1), VIRTIO_NET_ERR);
	len = config(req, VIRTIO_NET_CTRL_MQ_HASH_CONFIG, 0x3f, 0, 0, NULL);
	check_eq(ctrl(req, len - 1, 1), VIRTIO_NET_ERR);
	check_eq(ctrl(req, len, 1), VIRTIO_NET_OK);
	close_both();
}

static void moderate(void)
{
	__u8 set[14] = { VIRTIO_NET_CTRL_NOTF_COAL, VIRTIO_NET_CTRL_NOTF_COAL_VQ_SET, RX, 0, 0, 0,
			 7, 0, 0, 0, 90 };
	__u8 get[6] = { VIRTIO_NET_CTRL_NOTF_COAL, VIRTIO_NET_CTRL_NOTF_COAL_VQ_GET, RX };
	__u32 got[2];

	start_pairs();
	check_eq(ctrl(get, sizeof(get), 9), VIRTIO_NET_OK);
	memcpy(got, evil.mem + AT_ACK, sizeof(got));
	check(!got[0] && !got[1], "not 0 at first: %u, %u", le32toh(got[0]), le32toh(got[1]));
	check_eq(ctrl(set, sizeof(set), 1), VIRTIO_NET_OK);
	check_eq(ctrl(get, sizeof(get), 9), VIRTIO_NET_OK);
	memcpy(got, evil.mem + AT_ACK, sizeof(got));
	check_eq(le32toh(got[0]), 7);		/* packets, us */
	check_eq(le32toh(got[1]), 90);
	check_eq(ctrl(get, sizeof(get), 8), VIRTIO_NET_ERR);		/* no room */
	set[2] = CTRL2;
	check_eq(ctrl(set, sizeof(set), 1), VIRTIO_NET_ERR);
	get[2] = CTRL2;
	check_eq(ctrl(get, sizeof(get), 9), VIRTIO_NET_ERR);	/* behind what it would have been */
	get[2] = RX;
	set[2] = RX;
	set[13] = 0xff;
	check_eq(ctrl(set, sizeof(set), 1), VIRTIO_NET_ERR);
	check_eq(ctrl(get, sizeof(get), 9), VIRTIO_NET_OK);
	memcpy(got, evil.mem + AT_ACK, sizeof(got));
	check_eq(le32toh(got[1]), 90);
	close_both();
}

/* A queue's own moderation (NOTF_COAL, VQ_NOTF_COAL), also of one that has no vector yet */
void steer_moderation(void)
{
	early_vector = VIRTIO_MSI_NO_VECTOR;
	moderate();
	early_vector = 1;
	moderate();
}

/* Another vCPU resets a queue, which takes its vector away, and enables it again. */
static void *resets(void *done)
{
	while (!__atomic_load_n((bool *)done, __ATOMIC_RELAXED)) {
		wr(VIRTIO_PCI_COMMON_Q_SELECT, 2, RX);
		wr(VIRTIO_PCI_COMMON_Q_RESET, 2, 1);
		check(enable(RX), "again");
	}
	return NULL;
}

/* ... while the first one asks for, and changes, the moderation of that vector. */
void steer_taken(void)
{
	__u8 set[14] = { VIRTIO_NET_CTRL_NOTF_COAL, VIRTIO_NET_CTRL_NOTF_COAL_VQ_SET, RX, 0, 0, 0,
			 7, 0, 0, 0, 90 };
	__u8 get[6] = { VIRTIO_NET_CTRL_NOTF_COAL, VIRTIO_NET_CTRL_NOTF_COAL_VQ_GET, RX };
	unsigned int answers[2] = {};
	bool done = false;
	pthread_t thread;
	__u32 got[2];
	__u64 end;

	open_both(STEER | F(VIRTIO_F_RING_RESET));
	check(!pthread_create(&thread, NULL, resets, &done), "no thread");
	for (end = now_ms() + 1000 * seconds; now_ms() < end; ) {
		ctrl(set, sizeof(set), 1);
		if (ctrl(get, sizeof(get), 9) != VIRTIO_NET_OK) {
			answers[0]++;
			continue;
		}
		answers[1]++;
		memcpy(got, evil.mem + AT_ACK, sizeof(got));
		/* as set, or without any */
		check((le32toh(got[0]) == 7 && le32toh(got[1]) == 90) || (!got[0] && !got[1]),
		      "moderation of nobody's vector: %u, %u", got[0], got[1]);
	}
	__atomic_store_n(&done, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	printf("# %u refused, %u answered\n", answers[0], answers[1]);
	check(answers[1], "the queue never had a vector when it was asked for");
	close_both();
}
