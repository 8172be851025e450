/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR MIT) */
/*
 * The mailbox of a vnic virtual function: control messages from the driver to
 * the device, and the status block through which the device tells of changes.
 *
 * This header holds wire formats only: little-endian, fixed layout.
 *
 * One page of the driver's memory (struct vnic_mbx_page).  The driver writes a
 * request, then VNIC_REG_MBX_KICK; the device writes the response, its header's
 * seq last, and raises vector 0.  One request is outstanding at a time.  A
 * request that is not answered within VNIC_MBX_TIMEOUT_MS means a device that
 * must be reset.  When status.event changes the device raises vector 0, too.
 */
#ifndef _UAPI_VNIC_MBX_H
#define _UAPI_VNIC_MBX_H

#include <linux/types.h>

#define VNIC_MBX_PAGE_SIZE	4096
#define VNIC_MBX_REQ_MAX	2032	/* bytes of payload */
#define VNIC_MBX_RESP_MAX	1008	/* bytes of payload */
#define VNIC_MBX_TIMEOUT_MS	10000

/**
 * struct vnic_mbx_hdr - header of request and response
 * @version: interface version of the message, VNIC_VERSION_1
 * @opcode: VNIC_MBX_*; a response repeats it
 * @len: bytes of payload behind the header
 * @seq: chosen by the driver, never 0; a response repeats it
 * @status: VNIC_MBX_E_* in a response, 0 in a request
 * @rsvd: 0
 */
struct vnic_mbx_hdr {
	__le16	version;
	__le16	opcode;
	__le16	len;
	__le16	seq;
	__le32	status;
	__le32	rsvd;
};

/**
 * struct vnic_mbx_status - status block, written by the device only
 * @event: changes whenever anything below does; written last
 * @flags: VNIC_ST_F_*
 * @speed: link speed in Mb/s, 0 if unknown
 * @mac_seq: changes with the function's address: when the host gives it one, the same
 *	one too, and after SET_MAC.  The driver then takes @mac, whatever it has set itself
 * @mac: the function's primary address
 * @allow_seq: changes whenever the host changes what it allows the function (trust,
 *	port VLAN, an address of its own): a driver that wants more than it was given
 *	asks again for its receive mode and VLANs, part of which may be gone, too
 * @rsvd1: 0
 * @rsvd2: 0
 */
struct vnic_mbx_status {
	__le32	event;
	__le32	flags;
	__le32	speed;
	__le32	mac_seq;
	__u8	mac[6];
	__u8	rsvd1[2];
	__le32	allow_seq;
	__le32	rsvd2[9];
};

#define VNIC_ST_F_LINK_UP	(1u << 0)
/* The function has been reset by the host, or has failed: reset it, start over */
#define VNIC_ST_F_RESET		(1u << 1)
/* The host trusts the function */
#define VNIC_ST_F_TRUSTED	(1u << 2)
/* The address is the function's default one: neither host nor driver has set another */
#define VNIC_ST_F_MAC_DEFAULT	(1u << 3)
/* It was made up, another each time VFs are made */
#define VNIC_ST_F_MAC_RANDOM	(1u << 4)

struct vnic_mbx_page {
	struct vnic_mbx_hdr	req;
	__u8			req_payload[VNIC_MBX_REQ_MAX];
	struct vnic_mbx_hdr	resp;
	__u8			resp_payload[VNIC_MBX_RESP_MAX];
	struct vnic_mbx_status	status;
	__u8			rsvd[1024 - sizeof(struct vnic_mbx_status)];
};

/* status of a response */
#define VNIC_MBX_OK		0
#define VNIC_MBX_E_VERSION	1	/* version not spoken */
#define VNIC_MBX_E_OPCODE	2	/* unknown or not negotiated */
#define VNIC_MBX_E_LEN		3	/* payload length wrong for the opcode */
#define VNIC_MBX_E_INVAL	4	/* a field out of range */
#define VNIC_MBX_E_STATE	5	/* not now: e.g. HELLO not done, queue exists */
#define VNIC_MBX_E_PERM		6	/* the host does not allow it (trust, port VLAN) */
#define VNIC_MBX_E_INUSE	7	/* address belongs to another port */
#define VNIC_MBX_E_NOSPC	8	/* limit reached */
#define VNIC_MBX_E_FAULT	9	/* memory named is not accessible */
#define VNIC_MBX_E_NOMEM	10	/* host is out of memory */

/* opcodes; the payload of request and response by opcode */
#define VNIC_MBX_HELLO		1	/* vnic_mbx_hello -> vnic_mbx_caps */
#define VNIC_MBX_QUEUE_CREATE	2	/* vnic_mbx_queue -> none */
#define VNIC_MBX_QUEUE_DESTROY	3	/* vnic_mbx_queue_id -> none */
#define VNIC_MBX_ENABLE		4	/* vnic_mbx_u32: 1 on, 0 off -> none */
#define VNIC_MBX_SET_MAC	5	/* vnic_mbx_mac -> none */
#define VNIC_MBX_SET_RX_MODE	6	/* vnic_mbx_rx_mode -> none */
#define VNIC_MBX_VLAN_ADD	7	/* vnic_mbx_vlan -> none */
#define VNIC_MBX_VLAN_DEL	8	/* vnic_mbx_vlan -> none */
#define VNIC_MBX_SET_MTU	9	/* vnic_mbx_u32: bytes -> none */
#define VNIC_MBX_SET_RSS	10	/* vnic_mbx_rss -> none */
#define VNIC_MBX_SET_COALESCE	11	/* vnic_mbx_coalesce -> none */
#define VNIC_MBX_GET_STATS	12	/* none -> vnic_mbx_stats, with DROPS vnic_mbx_stats_all */
#define VNIC_MBX_SET_VLANS	13	/* vnic_mbx_vlans -> none; with VLAN_MAP */
#define VNIC_MBX_SET_HASH	14	/* vnic_mbx_hash -> none; with HASH_FIELDS */
#define VNIC_MBX_SET_CONTEXT	15	/* vnic_mbx_context -> none; with RULES */
#define VNIC_MBX_SET_RULE	16	/* vnic_mbx_rule -> none; with RULES */

/* VNIC_MBX_HELLO: first message after reset, only once */
struct vnic_mbx_hello {
	__le64	features;	/* accepted VNIC_F_* bits */
	__le32	rsvd[2];
};

struct vnic_mbx_caps {
	__le64	features;	/* in force */
	__le16	max_qps;	/* queue pairs, 1 to VNIC_MAX_QPS */
	__le16	vectors;	/* MSI-X vectors, control vector included */
	__le16	mtu_max;	/* bytes */
	__le16	mtu;		/* bytes: after reset */
	__le16	max_uc;		/* unicast filters beside the primary address */
	__le16	max_mc;		/* multicast filters */
	__u8	mac[6];		/* primary address */
	__u8	mac_fixed;	/* 1: SET_MAC is refused (address set by the host, no trust) */
	__u8	trusted;	/* 1: promiscuous modes are allowed */
	__le16	rss_entries;	/* entries of the indirection table */
	__le16	max_vlans;	/* VLAN filters, 0 while the host has set a port VLAN */
	__le32	mac_seq;	/* as in struct vnic_mbx_status, for @mac */
	__le32	flags;		/* VNIC_CAPS_F_* */
	__le32	rsvd[2];
};

/* As VNIC_ST_F_MAC_RANDOM */
#define VNIC_CAPS_F_MAC_RANDOM	(1u << 0)

#define VNIC_QUEUE_TX		0
#define VNIC_QUEUE_RX		1

struct vnic_mbx_queue {
	__le16	type;		/* VNIC_QUEUE_* */
	__le16	index;		/* queue pair */
	__le16	vector;		/* 1 to vectors - 1 */
	__le16	rsvd;
	__le32	size;		/* descriptors, a power of two */
	__le32	rsvd1;
	__le64	ring;		/* bus address */
	__le64	event;		/* bus address of struct vnic_event */
};

struct vnic_mbx_queue_id {
	__le16	type;
	__le16	index;
	__le32	rsvd;
};

struct vnic_mbx_u32 {
	__le32	value;
	__le32	rsvd;
};

struct vnic_mbx_mac {
	__u8	mac[6];
	__u8	rsvd[2];
};

/*
 * Replaces all filters and modes.  addrs: num_uc unicast addresses, then num_mc multicast
 * addresses, 6 bytes each; the payload has exactly that length.
 */
#define VNIC_RX_MODE_PROMISC	(1u << 0)	/* unknown unicast; trusted VFs only */
#define VNIC_RX_MODE_ALLMULTI	(1u << 1)	/* all multicast; trusted VFs only */
/*
 * As if it had joined each VLAN of 802.1Q, of 802.1ad: it sends and receives in them.
 * Trusted VFs only, with VLAN_ALL.
 */
#define VNIC_RX_MODE_ALLCTAG	(1u << 2)
#define VNIC_RX_MODE_ALLSTAG	(1u << 3)
#define VNIC_MAX_FILTERS	256		/* num_uc + num_mc */
struct vnic_mbx_rx_mode {
	__le32	flags;
	__le16	num_uc;
	__le16	num_mc;
	__u8	addrs[];
};

struct vnic_mbx_vlan {
	__le16	vid;		/* 1 to 4094 */
	__le16	proto;		/* 0x8100 or 0x88a8 */
	__le32	rsvd;
};

/*
 * Replaces all VLANs of a protocol, or none of them: E_PERM if one is named that
 * the host does not allow.
 */
struct vnic_mbx_vlans {
	__le16	proto;		/* 0x8100 or 0x88a8 */
	__le16	rsvd[3];
	__le64	map[64];	/* VID n: bit n % 64 of map[n / 64]; not 0, not 4095 */
};

#define VNIC_RSS_KEY_LEN	40
#define VNIC_RSS_ENTRIES	128
struct vnic_mbx_rss {
	__u8	key[VNIC_RSS_KEY_LEN];		/* Toeplitz */
	__u8	table[VNIC_RSS_ENTRIES];	/* queue pairs */
};

/*
 * What of a packet is hashed, by its kind.  What is neither TCP nor UDP, and a fragment,
 * is of the kind IPV4 or IPV6.  The input of the hash is the two addresses, and behind
 * them, if one of them is chosen, the two ports; a field that is not chosen counts as 0.
 */
#define VNIC_HASH_K_IPV4	0
#define VNIC_HASH_K_TCP4	1
#define VNIC_HASH_K_UDP4	2
#define VNIC_HASH_K_IPV6	3
#define VNIC_HASH_K_TCP6	4
#define VNIC_HASH_K_UDP6	5
#define VNIC_HASH_KINDS		6

#define VNIC_HASH_F_SADDR	(1u << 0)	/* source address */
#define VNIC_HASH_F_DADDR	(1u << 1)
#define VNIC_HASH_F_SPORT	(1u << 2)	/* TCP and UDP only */
#define VNIC_HASH_F_DPORT	(1u << 3)
#define VNIC_HASH_F_ADDRS	(VNIC_HASH_F_SADDR | VNIC_HASH_F_DADDR)
#define VNIC_HASH_F_PORTS	(VNIC_HASH_F_SPORT | VNIC_HASH_F_DPORT)

#define VNIC_HASH_X_NONE	0	/* as they are */
#define VNIC_HASH_X_XOR		1	/* source ^ destination in the places of both */
#define VNIC_HASH_X_OR_XOR	2	/* source ^ destination, then source | destination */
#define VNIC_HASH_X_MAX		VNIC_HASH_X_OR_XOR

struct vnic_mbx_hash {
	__u8	fields[VNIC_HASH_KINDS];	/* VNIC_HASH_F_*; 0: no hash, queue pair 0 */
	__u8	xfrm;		/* VNIC_HASH_X_*; but for NONE, of each pair both or none */
	__u8	rsvd;
};

/* Another table, for packets that a rule chooses it for; all 0 after reset */
#define VNIC_RSS_CONTEXTS	15
struct vnic_mbx_context {
	__le16	context;			/* 1 to VNIC_RSS_CONTEXTS */
	__le16	rsvd[3];
	__u8	table[VNIC_RSS_ENTRIES];	/* queue pairs */
};

/*
 * Sets the rule @index, or removes it: NONE, and 0 behind it.  A rule fits a packet of
 * this version of IP (and this protocol) whose addresses and ports, under @mask, are
 * @value, in network order.  Ports are those of TCP, UDP and SCTP, which @proto must be
 * then; a fragment has none.  The rule of the lowest index that fits decides.
 */
#define VNIC_MAX_RULES		32
#define VNIC_RULE_BYTES		36

#define VNIC_RULE_NONE		0
#define VNIC_RULE_DROP		1
#define VNIC_RULE_QUEUE		2	/* @arg: queue pair */
#define VNIC_RULE_RSS		3	/* @arg: context, 0: the table of SET_RSS */

struct vnic_mbx_rule {
	__le16	index;		/* 0 to VNIC_MAX_RULES - 1 */
	__u8	action;		/* VNIC_RULE_* */
	__u8	arg;
	__u8	version;	/* of IP: 4 or 6 */
	__u8	proto;		/* IPPROTO_*; 0: any */
	__u8	rsvd[2];
	/* source and destination address, source and destination port, then 0 */
	__u8	value[VNIC_RULE_BYTES];	/* 0 where @mask is */
	__u8	mask[VNIC_RULE_BYTES];
};

/*
 * The first event after a quiet time interrupts at once; those within @usecs of
 * an interrupt are gathered to its end, or until they are @frames descriptors
 * (of all rings of the vector), whichever comes first.
 */
struct vnic_mbx_coalesce {
	__le16	vector;		/* 1 to vectors - 1 */
	__le16	frames;		/* 0: no limit */
	__le32	usecs;		/* 0 to VNIC_COALESCE_MAX; 0: always at once, for each frame
				 * sent, too: see event suppression in vnic_ring.h
				 */
};

#define VNIC_COALESCE_MAX	10000

/* Device-side counters of the function, since it was created; packets */
struct vnic_mbx_stats {
	__le64	rx_drop_rate;		/* policed: beyond the VF's rate or share */
	__le64	rx_drop_nobuf;		/* no buffer posted and partition full */
	__le64	rx_drop_other;		/* every other reason, towards the VF */
	__le64	tx_drop_spoof;		/* source check */
	__le64	tx_drop_vlan;		/* VLAN not allowed */
	__le64	tx_drop_malformed;	/* descriptor or frame refused */
	__le64	tx_drop_other;
	__le64	interrupts;		/* raised */
};

/*
 * What rx_drop_other and tx_drop_other are made of.  What these have beyond the
 * sums is of reasons that have no name here.
 */
struct vnic_mbx_drops {
	__le64	rx_drop_oversize;	/* longer than the MTU allows */
	__le64	rx_drop_link;		/* link down, or not enabled */
	__le64	rx_drop_reset;		/* waited when the function was reset */
	__le64	tx_drop_control;	/* addressed to the network's own equipment */
	__le64	tx_drop_link;		/* link down */
	__le64	tx_drop_nodest;		/* nobody to deliver to */
	__le64	rx_drop_memory;		/* partition full, though buffers are posted */
	__le64	rx_drop_reclaim;	/* waited in borrowed memory that its owner needed */
};

/* Frames that waited for the VF's rate, if the host lets them */
struct vnic_mbx_waited {
	__le64	rx_drop_codel;		/* too long: dropped; part of rx_drop_other, too */
	__le64	rx_marked;		/* too long: delivered with CE */
};

/*
 * The answer of VNIC_MBX_GET_STATS if VNIC_F_DROPS was negotiated; @waited only
 * with VNIC_F_WAITED.
 */
struct vnic_mbx_stats_all {
	struct vnic_mbx_stats	stats;
	struct vnic_mbx_drops	drops;
	struct vnic_mbx_waited	waited;
};

#ifndef __cplusplus
_Static_assert(sizeof(struct vnic_mbx_hdr) == 16, "mailbox header");
_Static_assert(sizeof(struct vnic_mbx_status) == 64, "status block");
_Static_assert(sizeof(struct vnic_mbx_page) == VNIC_MBX_PAGE_SIZE, "mailbox page");
_Static_assert(sizeof(struct vnic_mbx_hello) == 16, "hello");
_Static_assert(sizeof(struct vnic_mbx_caps) == 48, "caps");
_Static_assert(sizeof(struct vnic_mbx_queue) == 32, "queue");
_Static_assert(sizeof(struct vnic_mbx_queue_id) == 8, "queue id");
_Static_assert(sizeof(struct vnic_mbx_u32) == 8, "one value");
_Static_assert(sizeof(struct vnic_mbx_mac) == 8, "mac");
_Static_assert(sizeof(struct vnic_mbx_rx_mode) == 8, "rx mode");
_Static_assert(sizeof(struct vnic_mbx_vlan) == 8, "vlan");
_Static_assert(sizeof(struct vnic_mbx_vlans) == 520, "vlans");
_Static_assert(sizeof(struct vnic_mbx_rss) == 168, "rss");
_Static_assert(sizeof(struct vnic_mbx_hash) == 8, "hash");
_Static_assert(sizeof(struct vnic_mbx_context) == 136, "context");
_Static_assert(sizeof(struct vnic_mbx_rule) == 80, "rule");
_Static_assert(sizeof(struct vnic_mbx_coalesce) == 8, "coalesce");
_Static_assert(sizeof(struct vnic_mbx_stats) == 64, "stats");
_Static_assert(sizeof(struct vnic_mbx_drops) == 64, "drops");
_Static_assert(sizeof(struct vnic_mbx_waited) == 16, "waited");
_Static_assert(sizeof(struct vnic_mbx_stats_all) == 144, "stats, drops and waited");
#endif

#endif /* _UAPI_VNIC_MBX_H */
