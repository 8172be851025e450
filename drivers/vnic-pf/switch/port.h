/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Ports of the switch and the switch itself.
 *
 * A port is where a VF, the PF netdev or the uplink is connected.  It holds
 * what the host configured (MAC, VLAN, rates, checks, trust, link) and what
 * the VF's driver asked for (filters, VLANs, MTU, address), both used by the
 * forwarding path under RCU, its meters, and its counters.
 *
 * Configuration: process context, under vnic_switch.lock taken inside; may be
 * called under rtnl; never takes rtnl.
 *
 * switch/ stands on memory/, frame/ and lib/, and knows of a port's owner only struct
 * vnic_port_ops; model/, native/, virtio/ and net/ call it by this header.
 */
#ifndef _VNIC_PORT_H
#define _VNIC_PORT_H

#include <linux/bits.h>
#include <linux/etherdevice.h>
#include <linux/ethtool.h>
#include <linux/jiffies.h>
#include <linux/rhashtable.h>
#include <linux/types.h>
#include <linux/u64_stats_sync.h>

#include "../frame/frame.h"
#include "../lib/meter.h"
#include "../lib/share.h"

struct vnic_adapter;
struct vnic_node;
struct vnic_port;
struct vnic_port_xdp;
struct vnic_switch;

enum vnic_port_type { VNIC_PORT_VF, VNIC_PORT_PF, VNIC_PORT_UPLINK };

/* Why a frame was dropped.  rx: on its way to the port; tx: sent by the port.
 * Names as ethtool -S shows them are in names.c.
 */
enum vnic_drop {
	/* towards the port */
	VNIC_DROP_RX_RATE,		/* beyond the port's rate */
	VNIC_DROP_RX_PPS,		/* more packets than the port's rate of packets */
	VNIC_DROP_RX_NODE,		/* beyond the rate of a node above it */
	VNIC_DROP_RX_SHARE,		/* beyond its share of what the wire brings */
	VNIC_DROP_RX_XDP,		/* the port's program let it not pass */
	VNIC_DROP_RX_RULE,		/* its driver's rule says so */
	VNIC_DROP_RX_CODEL,		/* waited for the rate in a queue that stands (CoDel) */
	VNIC_DROP_RX_NOBUF,		/* no buffer posted, partition full; uplink: queue full */
	VNIC_DROP_RX_MEMORY,		/* partition full, though buffers are posted */
	VNIC_DROP_RX_RECLAIM,		/* waited in borrowed memory that its owner needed */
	VNIC_DROP_RX_OVERSIZE,		/* longer than the port's MTU allows */
	VNIC_DROP_RX_LINK,		/* link down or data path not enabled */
	VNIC_DROP_RX_NOMEM,		/* no memory, or not to be cut for the driver */
	VNIC_DROP_RX_RESET,		/* was waiting when the function was reset */
	/* sent by the port */
	VNIC_DROP_TX_SPOOF,		/* source address is not the port's */
	VNIC_DROP_TX_VLAN,		/* VLAN not allowed */
	VNIC_DROP_TX_STORM,		/* more for many than the port may send */
	VNIC_DROP_TX_CONTROL,		/* 01:80:c2:00:00:0x, pause, LLDP from a VF */
	VNIC_DROP_TX_MALFORMED,		/* descriptor or frame refused */
	VNIC_DROP_TX_LINK,		/* link down */
	VNIC_DROP_TX_NODEST,		/* nobody to deliver to, or a loop back to the adapter */
	VNIC_DROP_TX_FAULT,		/* memory went away, or none; uplink: backlog full */
	VNIC_DROP_MAX
};

#define VNIC_DROP_FIRST_TX	VNIC_DROP_TX_SPOOF

/* per CPU; in packets and bytes as on a wire (TSO: segments with headers) */
struct vnic_port_pcpu {
	u64_stats_t		rx_packets;	/* delivered to the port */
	u64_stats_t		rx_bytes;
	u64_stats_t		rx_multicast;
	u64_stats_t		rx_broadcast;
	u64_stats_t		rx_marked;	/* of these, marked: CE */
	u64_stats_t		tx_packets;	/* sent by the port, also what was dropped then */
	u64_stats_t		tx_bytes;
	u64_stats_t		drops[VNIC_DROP_MAX];
	struct u64_stats_sync	syncp;
};

/* delivered frames, not counted yet */
struct vnic_rx_sum {
	u32	packets;
	u32	bytes;
	u32	multicast;
	u32	broadcast;
};

/* sum over CPUs */
struct vnic_port_stats {
	u64	rx_packets, rx_bytes, rx_multicast, rx_broadcast, rx_marked;
	u64	tx_packets, tx_bytes;
	u64	drops[VNIC_DROP_MAX];
	u64	rx_dropped, tx_dropped;		/* sums of drops */
};

/**
 * struct vnic_port_ops - what a port's owner does for the switch
 * @deliver: take admitted frames, 1 to VNIC_BATCH.  Preemption (and BH) disabled, so it may not
 *	sleep; counts rx (vnic_port_count_rx()) or drops per frame.  Frames stay
 *	the switch's: other ports may get them, too, so they are not changed
 *	except by vnic_frame_take_skb() and vnic_frame_hash().  Their vlan_* is
 *	what this port is to see: a port VLAN is stripped already.
 * @queue: the same for a port with a VNIC_RATE_RX_QUEUE: frames that its rates have
 *	not admitted yet.  The owner pays (vnic_port_rx_spend()) for what it delivers and
 *	lets the rest wait, in order.  May be NULL: vnic_port_set_rate() refuses.
 * @set_queue: @queue is called from now on, unless @target is 0; ns that frames
 *	may wait before they are marked or dropped.  Also called when the rate
 *	has changed.  With 0 what waits is delivered as far as the rate allows,
 *	the rest is dropped.  Calls of @queue may still come from who has begun
 *	before.  Process context under vnic_switch.lock.
 * @busy: would a frame of @src have to wait (uplink: in-flight bound of @src
 *	reached, or its qdisc full)?  The switch then stops a VF's batch there
 *	and the owner wakes @src by its @unblock later.  If not, the owner has
 *	promised to take the frame, until @forget.  May be NULL: never.
 * @forget: what was promised to this CPU's batch is not needed any more: @f, which
 *	nobody gets, or, with NULL, all of it: the batch has been delivered, as
 *	far as it was admitted.  Context as @deliver.  May be NULL without @busy.
 * @unblock: what this port may be waiting for has changed: a destination that
 *	was busy takes frames again, or its own rate is another.  It tries again
 *	at once.  Any context.  May be NULL.
 * @changed: MAC or link state changed (by the host); the owner tells its
 *	driver.  Process context under vnic_switch.lock: must not call back into
 *	configuration.
 */
struct vnic_port_ops {
	void	(*deliver)(struct vnic_port *port, struct vnic_frame **frames, unsigned int n);
	void	(*queue)(struct vnic_port *port, struct vnic_frame **frames, unsigned int n);
	void	(*set_queue)(struct vnic_port *port, u64 target);
	bool	(*busy)(struct vnic_port *port, struct vnic_port *src, const struct vnic_frame *f);
	void	(*forget)(struct vnic_port *port, const struct vnic_frame *f);
	void	(*unblock)(struct vnic_port *port);
	void	(*changed)(struct vnic_port *port);
};

struct vnic_port_policy;	/* switch-internal, RCU */

/* Trees of shares; see tree.h */
enum vnic_tree_id {
	VNIC_WIRE_OUT,		/* what VFs send to the wire */
	VNIC_WIRE_IN,		/* what the wire brings them */
	VNIC_CAP_OUT,		/* what VFs below nodes send */
	VNIC_CAP_IN,		/* what they are sent */
	VNIC_TREES
};

/**
 * struct vnic_port - a port
 * @sw: its switch
 * @ops: its owner
 * @priv: owner's own
 * @type: kind
 * @index: VF index (VNIC_PORT_VF)
 * @node: in sw->ports
 * @policy: what the forwarding path reads; replaced whole under sw->lock
 * @xdp: its program (port_xdp.h); NULL: none; RCU
 * @conf: what was asked for; sw->lock
 * @vlans: VLANs its driver has joined, a bitmap for 802.1Q and one for 802.1ad;
 *	written bit by bit, by one request of its driver at a time, and without any
 * @rx_lock: protects @rx_meter and @rx_pps
 * @rx_meter: polices what is sent to the port
 * @rx_pps: the same, of packets
 * @rx_cap: least rate of the nodes above it for what it is sent, bytes per second; 0: none;
 *	written under sw->lock
 * @tx_lock: protects @tx_meter, @tx_pps, @storm and @min_meter
 * @tx_meter: shapes what the port sends; charged by the owner (VF worker)
 * @tx_pps: the same, of packets
 * @tx_cap: as @rx_cap, for what it sends
 * @storm: limits packets for many; see VNIC_RATE_STORM
 * @min_meter: finds what is inside the port's guarantee; see vnic_frame.assured
 * @assured: jiffies when such a frame was last sent to the port
 * @claim: what it may send and get over the wire, and as a child of a node; each under
 *	the lock of its vnic_switch.tree
 * @pcpu: counters
 */
struct vnic_port {
	struct vnic_switch		*sw;
	const struct vnic_port_ops	*ops;
	void				*priv;
	enum vnic_port_type		type;
	u16				index;
	struct list_head		node;		/* sw->ports, RCU */
	struct vnic_port_policy __rcu	*policy;
	struct vnic_port_xdp __rcu	*xdp;
	struct vnic_port_conf		*conf;		/* switch-internal, sw->lock */
	unsigned long			*vlans;		/* switch-internal */
	spinlock_t			rx_lock; /* rx_* */
	struct vnic_meter		rx_meter;
	struct vnic_meter		rx_pps;
	u64				rx_cap;
	spinlock_t			tx_lock ____cacheline_aligned_in_smp; /* tx_*, meters */
	struct vnic_meter		tx_meter;
	struct vnic_meter		tx_pps;
	u64				tx_cap;
	struct vnic_meter		storm;
	struct vnic_meter		min_meter;
	unsigned long			assured;
	struct vnic_claim		claim[VNIC_TREES];
	struct vnic_port_pcpu __percpu	*pcpu;
};

/* ---- switch.c: lifetime ---- */

struct vnic_switch *vnic_switch_create(struct vnic_adapter *ad);
void vnic_switch_destroy(struct vnic_switch *sw);	/* no ports left */

/* Add a port.  @mac: its default address (NULL, or another port's: a random one is
 * made; uplink: not used, all that nobody else has goes there).  The port starts with defaults:
 * spoofchk on, trust off, link auto, no VLAN, no rate, MTU 1500, data path
 * disabled (VF); the PF's and the uplink's are trusted, unchecked, enabled, in
 * all VLANs and always up.  Process context.  0, -ENOMEM, -EEXIST (there is one
 * of this type and index).
 */
int vnic_port_init(struct vnic_port *port, struct vnic_switch *sw, enum vnic_port_type type,
		   u16 index, const struct vnic_port_ops *ops, void *priv, const u8 *mac);
/* Remove it; when it returns no forwarding path uses the port (waits RCU). */
void vnic_port_destroy(struct vnic_port *port);
/* The uplink's port, or NULL.  RCU */
struct vnic_port *vnic_switch_uplink(struct vnic_switch *sw);

/* ---- forward.c: the path ---- */

/**
 * vnic_switch_forward - classify a batch and deliver it
 * @src: port that sends
 * @frames: finished frames (see vnic_frame_finish(), vnic_frame_from_skb())
 * @n: 1 to VNIC_BATCH
 * @busy: set: a destination of the first frame not consumed is busy
 *
 * Source checks, classification, port VLANs, police, grouping by destination,
 * delivery.  Frames refused are counted.  Never returns a frame to @src.
 *
 * Also counts what @src sends (vnic_port_count_tx()).
 *
 * Who gets a frame: every port with the address (its own or a filter of it) in
 * the frame's VLAN; the uplink and promiscuous ports if there is none; all of
 * the VLAN for broadcast; for multicast ports with the filter or allmulti, or that
 * hears discovery (vnic_port_guest_discovery()), and the uplink.  01:80:c2:00:00:0x
 * goes between PF and uplink only.
 *
 * Context: BH disabled (so preemption, too); enters RCU itself.  Called from
 * inside a deliver() (an uplink redirected back to the PF) it drops all.
 * Return: number of frames consumed from the start.  Fewer than @n with @busy: the
 * rest is offered again after @src's unblock(); callers that cannot wait (PF
 * netdev, uplink) treat it as they see fit.  Fewer without: enough copies have
 * been made for a batch, the rest is offered again at once.
 * Frames not consumed are as they were; of those consumed only skb may be used.
 */
unsigned int vnic_switch_forward(struct vnic_port *src, struct vnic_frame *frames, unsigned int n,
				 bool *busy);

/*
 * ---- policy.c: configuration by the host (ndo_set_vf_*, net/) ----
 *
 * What trust means, as with ice, i40e and ixgbe:
 *
 *			not trusted			trusted
 * own MAC		if the host has set none	always
 * unicast filters	if the host has set no MAC:	VNIC_UC_TRUSTED
 *			VNIC_UC_UNTRUSTED
 * multicast filters	VNIC_MC_UNTRUSTED		VNIC_MC_TRUSTED
 * promisc, allmulti	no				yes
 * VLANs not joined	no				yes
 * sources (spoofchk)	own MAC				own MAC, unicast filters
 *
 * The host may give two VFs the same MAC: both get the frames.  A VF's driver
 * cannot take the address of another port, trusted or not; nor the default one of
 * a port to which the host has given another.
 * Errors of the vnic_port_set_*(): -EINVAL (out of range), -EPROTONOSUPPORT
 * (VLAN protocol), -ENOMEM.
 */
#define VNIC_RATE_MAX	1000000		/* Mb/s */
#define VNIC_PRIO_BY_QOS	(~0U)	/* VNIC_RATE_PRIO: the priority of the port VLAN */
#define VNIC_RATE_AS_TX	(~0U)		/* VNIC_RATE_RX: whatever VNIC_RATE_TX is */

/*
 * Range of VNIC_RATE_TX_PPS and _RX_PPS.  With less, a VF's interface would wait for
 * a ring of large frames until its watchdog takes the device for hung.
 */
#define VNIC_PPS_MIN	100
#define VNIC_PPS_MAX	1000000000

/*
 * VNIC_RATE_STORM: of broadcast, multicast and unknown addresses, what leads to more than
 * one port.  Each is as much work as there are ports, and all of them notice.  A bucket
 * of a tenth of a second, or VNIC_STORM_BURST.
 */
#define VNIC_STORM_DEFAULT	1000
#define VNIC_STORM_BURST	32
#define VNIC_STORM_MIN		10

/* Range of VNIC_RATE_RX_QUEUE, us */
#define VNIC_QUEUE_TARGET_MIN	100
#define VNIC_QUEUE_TARGET_MAX	1000000

/* What can be set of a port's rates */
enum vnic_rate {
	VNIC_RATE_TX,		/* Mb/s that it may send, shaped; 0: no limit */
	VNIC_RATE_RX,		/* Mb/s that may be sent to it, policed; 0: no limit; or AS_TX */
	VNIC_RATE_TX_BURST,	/* bytes; 0: vnic_meter_default_burst() of the rate */
	VNIC_RATE_RX_BURST,	/* the same */
	VNIC_RATE_MIN,		/* Mb/s that it is guaranteed, sending and receiving */
	VNIC_RATE_WEIGHT,	/* of the spare of the wire; 0: VNIC_RATE_MIN, at least 1 */
	VNIC_RATE_PRIO,		/* 0 to 7, who gets spare first; or BY_QOS */
	VNIC_RATE_TX_PPS,	/* packets a second that it may send, shaped; 0: no limit */
	VNIC_RATE_RX_PPS,	/* packets a second that may be sent to it, as RX; 0: no limit */
	VNIC_RATE_STORM,	/* packets a second for many that it may send; 0: no limit */
	VNIC_RATE_RX_QUEUE,	/* us that a frame may wait for RX; 0: what is beyond is dropped */
	VNIC_RATES
};

/**
 * struct vnic_refusal - why something can not be guaranteed; after -ENOSPC
 * @left: Mb/s that still can (-EBUSY: that already are)
 * @of: of what
 * @node: name of that node; cut if it is long
 */
struct vnic_refusal {
	u64	left;
	enum {
		VNIC_OF_LINK,		/* the link's speed */
		VNIC_OF_NODE_MIN,	/* the guarantee of a node above */
		VNIC_OF_NODE_MAX,	/* the rate of one that has no guarantee of its own */
	} of;
	char	node[20];
};

struct vnic_port_info {
	u8	mac[ETH_ALEN];		/* in force */
	u8	host_mac[ETH_ALEN];	/* the same, unless its driver has set another */
	bool	mac_default;	/* the one in force is the port's default one */
	bool	mac_random;	/* and that was made up */
	u32	mac_seq;	/* counts changes of it, and that the host gave it the same again */
	u32	allow_seq;	/* counts changes of what the host allows its driver */
	u16	vlan;		/* 0: none */
	u8	qos;
	__be16	vlan_proto;
	u32	rates[VNIC_RATES];
	bool	spoofchk, trusted;
	int	link_state;	/* IFLA_VF_LINK_STATE_* */
	bool	link_up;	/* resulting */
	u32	speed;		/* Mb/s */
	bool	enabled;
};

void vnic_port_get_info(struct vnic_port *port, struct vnic_port_info *info);
/* The address in force.  True: its driver has set it.  Any context (not NMI) */
bool vnic_port_own_mac(const struct vnic_port *port, u8 *mac);
/* How often an address that its driver had claimed proved to be another's.  Any context */
u64 vnic_port_lost(const struct vnic_port *port);
/* Zero, or the default address: unset, the port has its default address.  Replaces an
 * address the driver has set, too.
 */
int vnic_port_set_mac(struct vnic_port *port, const u8 *mac);
int vnic_port_set_vlan(struct vnic_port *port, u16 vid, u8 qos, __be16 proto);
/**
 * vnic_port_set_rates - set some of a port's rates, or none of them
 * @port: port of a VF
 * @which: bits of enum vnic_rate
 * @values: by enum vnic_rate
 * @no: why not, after -ENOSPC
 *
 * Takes effect at once, also on who waits.  Without more, RX is AS_TX: a rate is
 * for both directions.
 *
 * Return: 0; -ERANGE: a value out of its range; -EINVAL: a guarantee above
 * VNIC_RATE_TX; -ENODATA: a part of the link, whose speed is not known;
 * -ENOSPC: guarantees of more than the link, or a node above it, has; -EOPNOTSUPP:
 * nothing can wait for the rate of such a port.
 */
int vnic_port_set_rates(struct vnic_port *port, unsigned int which,
			const u32 values[VNIC_RATES], struct vnic_refusal *no);
/* The same for one that is no guarantee */
int vnic_port_set_rate(struct vnic_port *port, enum vnic_rate which, u32 value);
int vnic_port_set_spoofchk(struct vnic_port *port, bool on);
/* Off: takes back what needs it: receive modes, filters, own MAC. */
int vnic_port_set_trust(struct vnic_port *port, bool on);
int vnic_port_set_link_state(struct vnic_port *port, int state);
/* The speed of the link, Mb/s, instead of the uplink's; 0: the uplink's, and
 * where that is not known nothing is shared, which the log says.  -ERANGE;
 * -ENOSPC: VFs were guaranteed more: @promised.  Process context.
 */
int vnic_switch_set_link_speed(struct vnic_switch *sw, u32 speed, u64 *promised);
u32 vnic_switch_get_link_speed(struct vnic_switch *sw);
/* The carrier and speed that "auto" follows, for all ports.  Process context. */
void vnic_switch_set_carrier(struct vnic_switch *sw, bool up, u32 speed);

/*
 * ---- policy.c: requests of the port's driver (a VF's; PF netdev) ----
 *
 * Process context, one at a time for a port.  Return 0; -EINVAL: nobody may have
 * it; -EPERM: the host does not allow it (trust, port VLAN); -EADDRINUSE: another
 * port has the address; -ENOSPC: too many; -ENOMEM.  vnic_port_guest_rx_mode() puts
 * in force what is allowed of a request and returns the first error; after -EINVAL
 * all is as before.
 */
int vnic_port_guest_mac(struct vnic_port *port, const u8 *mac);
/* Can @n addresses, one after the other, be filters of that kind?  Any context */
bool vnic_port_macs_valid(const u8 *macs, unsigned int n, bool multicast);

/* Receive modes; those of a VF take trust */
#define VNIC_MODE_PROMISC	BIT(0)	/* unknown unicast */
#define VNIC_MODE_ALLMULTI	BIT(1)	/* all multicast */
#define VNIC_MODE_ALLCTAG	BIT(2)	/* in all VLANs of 802.1Q */
#define VNIC_MODE_ALLSTAG	BIT(3)	/* ... and of 802.1ad */
#define VNIC_MODES		(VNIC_MODE_PROMISC | VNIC_MODE_ALLMULTI | \
				 VNIC_MODE_ALLCTAG | VNIC_MODE_ALLSTAG)

/* In place of all modes and filters: @addrs, @num_uc unicast ones, then @num_mc multicast
 * ones, VNIC_FILTERS_MAX together; @flags: VNIC_MODE_*
 */
int vnic_port_guest_rx_mode(struct vnic_port *port, u32 flags, unsigned int num_uc,
			    unsigned int num_mc, const u8 *addrs);
/*
 * The port takes what finds its neighbours, without a filter: multicast to all nodes, all
 * hosts, and all solicited-node addresses, which say no more than ARP's broadcast.  For
 * drivers that can only ask for all multicast, for which it takes trust.
 */
void vnic_port_guest_discovery(struct vnic_port *port, bool on);
/* Any context: it is no more than a bit. */
int vnic_port_guest_vlan(struct vnic_port *port, u16 vid, u16 proto, bool add);
/* In place of all of the protocol: @vlans, VLAN_N_VID bits */
int vnic_port_guest_vlans(struct vnic_port *port, u16 proto, const unsigned long *vlans);
int vnic_port_guest_mtu(struct vnic_port *port, u32 mtu);
void vnic_port_guest_enable(struct vnic_port *port, bool on);
/* Back to what the host configured: filters, VLANs, MTU, the driver's own MAC */
void vnic_port_guest_reset(struct vnic_port *port);

/**
 * struct vnic_port_limits - what the port's driver has and may ask for now
 * @mtu: bytes
 * @max_uc: unicast filters beside its address
 * @max_mc: multicast filters
 * @max_vlans: VLANs; 0: the host has set a port VLAN
 * @mac: its address
 * @mac_seq: as vnic_port_info.mac_seq
 * @mac_fixed: it may not set another: the host has set it, and does not trust the driver
 * @mac_random: it was made up
 * @trusted: modes and filters are not limited to its own
 */
struct vnic_port_limits {
	u16	mtu;
	u16	max_uc;
	u16	max_mc;
	u16	max_vlans;
	u8	mac[ETH_ALEN];
	u32	mac_seq;
	bool	mac_fixed;
	bool	mac_random;
	bool	trusted;
};

void vnic_port_guest_limits(struct vnic_port *port, struct vnic_port_limits *limits);

#define VNIC_UC_UNTRUSTED	16	/* filters of a VF without trust */
#define VNIC_MC_UNTRUSTED	64
#define VNIC_UC_TRUSTED		128	/* and with it */
#define VNIC_MC_TRUSTED		128
#define VNIC_FILTERS_MAX	(VNIC_UC_TRUSTED + VNIC_MC_TRUSTED)
#define VNIC_VLANS_MAX		4094	/* a bitmap: no smaller limit is needed */

/* ---- names.c; any context ---- */

/* Reasons of drops, as counters are called */
extern const char vnic_drop_names[VNIC_DROP_MAX][ETH_GSTRING_LEN];
/* PCI address of the adapter's PF, for trace events */
const char *vnic_port_pf_name(const struct vnic_port *port);

/* ---- port_stats.c ---- */

/* At most a batch is summed up.  @mac: where it goes */
static inline void vnic_rx_sum_frames(struct vnic_rx_sum *sum, const u8 *mac,
				      unsigned int packets, unsigned int bytes)
{
	sum->packets += packets;
	sum->bytes += bytes;
	if (likely(!is_multicast_ether_addr(mac)))
		return;
	if (is_broadcast_ether_addr(mac))
		sum->broadcast += packets;
	else
		sum->multicast += packets;
}

static inline void vnic_rx_sum_add(struct vnic_rx_sum *sum, const struct vnic_frame *f)
{
	vnic_rx_sum_frames(sum, f->hdr, f->segs, f->wire);
}

/* Context of the counters: preemption disabled. */
void vnic_port_count_rx(struct vnic_port *port, const struct vnic_frame *f);
void vnic_port_count_rx_sum(struct vnic_port *port, const struct vnic_rx_sum *sum);
void vnic_port_count_tx(struct vnic_port *port, unsigned int packets, unsigned int bytes);
void vnic_port_count_marked(struct vnic_port *port, unsigned int packets);
void vnic_port_drop(struct vnic_port *port, enum vnic_drop why, unsigned int packets);
/* A frame of @segs packets ends after @done, which were delivered, of @each bytes as on a
 * wire; the others are lost.
 */
void vnic_port_lose_rest(struct vnic_port *port, enum vnic_drop why, unsigned int segs,
			 unsigned int done, unsigned int each);
void vnic_port_get_stats(struct vnic_port *port, struct vnic_port_stats *st);

/*
 * ---- wire.c: shares of the uplink; BH disabled ----
 *
 * Only VFs have them.  bytes: as on the wire.
 */
/* Mb/s of the wire; 0: it is not shared, and what follows always says yes */
u32 vnic_port_wire_speed(const struct vnic_port *port);
/* May it send to the wire now?  True: its share is taken. */
bool vnic_port_wire_take(struct vnic_port *port, unsigned int bytes);
/* Would its share last for @bytes?  No lock is taken and nothing is dealt out: as of late. */
bool vnic_port_wire_lasts(const struct vnic_port *port, unsigned int bytes);
/* The PF sends: out of the spare. */
void vnic_port_wire_spend(struct vnic_port *port, unsigned int bytes);

/* ---- rate.c ---- */

/*
 * A frame passes if the port's meters and those of all nodes above it let it, and is
 * charged to all or to none.  What nodes allow is in the port's claim: see share.h.
 */
/* May a frame of @bytes and @packets (its wire and segs) go to the port now?
 * VNIC_DROP_MAX: it may, and is charged; else why it is to be dropped.  @half: only if
 * half of each bucket of the port is left then (of a node's, nothing is kept).  rx_lock
 * held, BH disabled; @now: ktime ns, read under it.
 */
enum vnic_drop vnic_port_rx_take(struct vnic_port *port, u32 bytes, u32 packets, bool half,
				 u64 now);
/* Charge for one that need not wait (vnic_port_rx_wait()); rx_lock held */
void vnic_port_rx_spend(struct vnic_port *port, u32 bytes, u32 packets);
/* ns until it may; 0: now.  rx_lock held */
u64 vnic_port_rx_wait(struct vnic_port *port, u32 bytes, u32 packets, u64 now);

/* TX shaping by the owner: how many of the frames may go now?  These are charged;
 * of less than @n, *@wait: ns until the next may.  Process context or BH.
 */
unsigned int vnic_port_shape(struct vnic_port *port, const struct vnic_frame *frames,
			     unsigned int n, u64 *wait);
/* The same for one frame that may go only if half of each rate's bucket is left for others,
 * or the bucket is full.
 */
bool vnic_port_shape_spare(struct vnic_port *port, const struct vnic_frame *f);
/* May the port send so many packets for many?  @take: and they are charged.  BH disabled. */
bool vnic_port_storm_may(struct vnic_port *port, u32 packets, bool take);
/* Some that might go did not: they are not charged after all. */
void vnic_port_unshape(struct vnic_port *port, const struct vnic_frame *frames, unsigned int n);
/* Is there a rate at all?  Any context. */
static inline bool vnic_port_shaped(const struct vnic_port *port)
{
	return READ_ONCE(port->tx_meter.rate) || READ_ONCE(port->tx_pps.rate) ||
	       READ_ONCE(port->tx_cap);
}

/* Has somebody inside its guarantee sent to the port within the last second?  Then
 * a part of its bucket and partition is left to such.  Any context.
 */
static inline bool vnic_port_assured(const struct vnic_port *port)
{
	unsigned long last = READ_ONCE(port->assured);

	return last && time_before(jiffies, last + HZ);
}

#endif /* _VNIC_PORT_H */
