/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The virtio personality of a VF: a virtio 1.2 network device (modern, PCI), for
 * guests that have no driver of vnic's.  Private to virtio/.
 *
 * Files: config.c what the guest's configuration space has of it; regs.c common and
 * device configuration, notifications; control.c the control queue and what is done
 * for the driver in the first worker's turns; ring.c virtqueues, whose formats are
 * split.c and packed.c; chain.c descriptors; tx.c and rx.c frames in virtqueues.
 *
 * It calls model/, memory/ and switch/; they call it through struct
 * vnic_personality and struct vnic_ring_ops.  Section numbers are those of the
 * virtio 1.2 specification.
 */
#ifndef _VNIC_VIRTIO_H
#define _VNIC_VIRTIO_H

#include <linux/bitmap.h>
#include <linux/if_vlan.h>
#include <linux/spinlock.h>
#include <linux/virtio_byteorder.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_pci.h>
#include <linux/virtio_ring.h>

#include "../model/fn.h"

#define VNIC_VQ_SIZE	256			/* descriptors of a virtqueue, at most */
#define VNIC_VQ_BUFS	36		/* buffers of one to receive, or a request, at most */
#define VNIC_VQ_MAX	(2 * VNIC_MAX_QPS + 1)	/* receive, transmit of each pair; control */

/* BAR0; notifications are in the doorbell page, VNIC_VQ_NOTIFY bytes a queue */
#define VNIC_VIRTIO_COMMON	0x000
#define VNIC_VIRTIO_COMMON_LEN	0x040
#define VNIC_VIRTIO_ISR		0x100
#define VNIC_VIRTIO_DEVICE	0x200
#define VNIC_VIRTIO_DEVICE_LEN	0x040
#define VNIC_VQ_NOTIFY		4

/* Bytes of a request: two lists of addresses are the longest */
#define VNIC_CTRL_MAX	(2 + 2 * sizeof(__le32) + VNIC_FILTERS_MAX * ETH_ALEN)

/**
 * struct vnic_vq - a virtqueue as the driver describes it; under vnic_fn.lock
 * @size: descriptors
 * @vector: or VIRTIO_MSI_NO_VECTOR
 * @enabled: it is in use: but for @vector it stays as it is until reset
 * @desc: bus address of the descriptor table
 * @driver: of the driver area (the available ring of a split virtqueue)
 * @device: of the device area (the used ring)
 */
struct vnic_vq {
	u16	size;
	u16	vector;
	bool	enabled;
	u64	desc;
	u64	driver;
	u64	device;
};

/**
 * struct vnic_virtio_moderation - of the interrupts of queues of a kind
 * @usecs: least time between two
 * @frames: that end the wait before its time; 0: none do
 * @set: the driver has said so.  If not both are 0, as it may read them (5.1.6.5.6), and
 *	the device chooses: see vnic_vq_aim()
 */
struct vnic_virtio_moderation {
	u32	usecs;
	u32	frames;
	bool	set;
};

/**
 * struct vnic_virtio - the device, while a guest has it
 * @fn: function
 * @pairs: of queues
 * @device_sel: device_feature_select; under vnic_fn.lock, as all up to @vq
 * @driver_sel: driver_feature_select
 * @queue_sel: queue_select
 * @features: what the driver has accepted; does not change once it is FEATURES_OK
 * @status: device_status, without NEEDS_RESET
 * @vector: of configuration changes, or VIRTIO_MSI_NO_VECTOR
 * @telling: a reset is on its way that the driver has not asked for
 * @lost: there was one: NEEDS_RESET until the driver resets the device itself
 * @vq: queues
 * @lock: leaf; protects @config and @generation
 * @config: device configuration
 * @generation: counts its changes
 * @isr: bit 1: the configuration has changed; no lock
 * @ctrl: the control queue; in turns of the first worker, or with that paused, as all
 *	that follows
 * @offloads: VIRTIO_NET_F_GUEST_* in force
 * @hash_types: VIRTIO_NET_RSS_HASH_TYPE_* that the driver has asked for
 * @moderation: of receive queues, and of transmit queues, unless it is set of one
 * @vq_moderation: of each queue, which its vector gets
 * @next: entry of its ring
 * @id: chain of the request being answered
 * @entries: that it takes
 * @in: buffers for its answer
 * @num_in: their number
 * @reply: what goes before the result, also before an error
 * @reply_len: bytes of that
 * @len: bytes of the request
 * @req: the request: class, command, data
 * @modes: VNIC_MODE_* in force
 * @wanted: those that the driver has asked for
 * @allow_seq: of what the host allowed when they and @vlans were put in force last
 * @settled: it has started with @vlan, and with the address in @config: others are a change
 * @vlan: the host's VLAN for it
 * @vlan_proto: of that
 * @announce_at: ns, when it is asked to announce itself; 0: it is not to be
 * @announce: it has been, and has not answered
 * @announce_again: it is to be once more when it has
 * @filters: it has said of a VLAN whether it is in that: it is in no other
 * @vlans: that the driver has asked for
 * @num_uc: unicast filters in @addrs
 * @num_mc: multicast filters behind them
 * @addrs: filters
 */
struct vnic_virtio {
	struct vnic_fn			*fn;
	unsigned int			pairs;
	u32				device_sel;
	u32				driver_sel;
	u16				queue_sel;
	u64				features;
	u8				status;
	u16				vector;
	bool				telling;
	bool				lost;
	struct vnic_vq			vq[VNIC_VQ_MAX];

	spinlock_t			lock;	/* see above */
	struct virtio_net_config	config;
	u8				generation;
	unsigned long			isr;

	struct vnic_ring		ctrl;
	u64				offloads;
	u32				hash_types;
	struct vnic_virtio_moderation	moderation[2];
	struct vnic_virtio_moderation	vq_moderation[VNIC_VQ_MAX];
	u32				next;
	u16				id;
	u16				entries;
	struct vnic_buf			in[2];
	u16				num_in;
	u8				reply_len;
	u8				reply[8];
	u32				len;
	u8				req[VNIC_CTRL_MAX];
	u32				modes;
	u32				wanted;
	u32				allow_seq;
	bool				settled;
	u16				vlan;
	__be16				vlan_proto;
	u64				announce_at;
	bool				announce;
	bool				announce_again;
	bool				filters;
	DECLARE_BITMAP(vlans, VLAN_N_VID);
	u16				num_uc;
	u16				num_mc;
	u8				addrs[VNIC_FILTERS_MAX * ETH_ALEN];
};

static inline bool vnic_virtio_has(const struct vnic_virtio *v, unsigned int feature)
{
	return v->features & BIT_ULL(feature);
}

static inline u16 vnic_v16(__virtio16 val)
{
	return __virtio16_to_cpu(true, val);
}

static inline u32 vnic_v32(__virtio32 val)
{
	return __virtio32_to_cpu(true, val);
}

static inline u64 vnic_v64(__virtio64 val)
{
	return __virtio64_to_cpu(true, val);
}

static inline __virtio16 vnic_to_v16(u16 val)
{
	return __cpu_to_virtio16(true, val);
}

/**
 * struct vnic_virtio_hdr - the header before a frame (5.1.6)
 * @v1: what all have
 * @hash: with VIRTIO_NET_F_HASH_REPORT, as all that follows
 * @report: VIRTIO_NET_HASH_REPORT_*
 * @padding: 0
 */
struct vnic_virtio_hdr {
	struct virtio_net_hdr_v1	v1;
	__le32				hash;
	__le16				report;
	__le16				padding;
};

static_assert(sizeof(struct vnic_virtio_hdr) == 20);

/* Bytes of it */
static inline u8 vnic_virtio_front(const struct vnic_virtio *v)
{
	return vnic_virtio_has(v, VIRTIO_NET_F_HASH_REPORT) ?
	       sizeof(struct vnic_virtio_hdr) : sizeof(struct virtio_net_hdr_v1);
}

/* May the driver use all pairs of queues?  Then it chooses among them, too. */
static inline bool vnic_virtio_steers(const struct vnic_virtio *v)
{
	return vnic_virtio_has(v, VIRTIO_NET_F_MQ) || vnic_virtio_has(v, VIRTIO_NET_F_RSS);
}

/* Index of the control queue, as the driver counts (5.1.2) */
static inline unsigned int vnic_virtio_ctrl(const struct vnic_virtio *v)
{
	return vnic_virtio_steers(v) ? 2 * v->pairs : 2;
}

/* ---- config.c ---- */

#define VNIC_VIRTIO_WINDOW	0xe4	/* where the PCI_CFG capability is */
void vnic_virtio_config(const struct vnic_fn *fn, struct vnic_cfg *cfg);

/* ---- control.c; see struct vnic_personality ---- */

void vnic_virtio_work(struct vnic_fn *fn);
/* Fill in the device configuration from how things are.  Process context. */
void vnic_virtio_gather(void *virtio);
/* What the driver may be told of a frame, VNIC_FR_* */
u16 vnic_virtio_tell(const struct vnic_virtio *v);
/* Nothing is hashed yet, if it is for the driver to say what is. */
void vnic_ctrl_hash_begin(struct vnic_virtio *v);
/* Back to the state after reset; the first worker paused */
void vnic_ctrl_reset(struct vnic_virtio *v);

/* ---- chain.c; in a stretch ---- */

#define VNIC_VRING_DESC	sizeof(struct vring_desc)	/* bytes, in both formats */
static_assert(sizeof(struct vring_desc) == sizeof(struct vring_packed_desc));

/**
 * struct vnic_chain - descriptors that a driver has put together
 * @buf: where its buffers go: first those to be read, then those to be written
 * @most: room there
 * @n: number of buffers
 * @out: of these, those to be read
 * @id: how the driver knows it
 * @entries: of the ring that it takes
 */
struct vnic_chain {
	struct vnic_buf	*buf;
	unsigned int	most;
	unsigned int	n;
	unsigned int	out;
	u16		id;
	u16		entries;
};

/* Copy from the driver's memory; may cross pages.  False: it is not. */
bool vnic_vring_copy(struct vnic_fn *fn, u64 addr, void *to, size_t len);

/* For the formats.  Add a buffer: 0; -E2BIG; -EINVAL. */
static inline int vnic_chain_add(struct vnic_chain *c, u64 addr, u32 len, bool write)
{
	if (c->n == c->most)
		return -E2BIG;
	if (!write && c->out != c->n)
		return -EINVAL;		/* to be read, behind one to be written */
	c->buf[c->n].addr = addr;
	c->buf[c->n++].len = len;
	c->out += !write;
	return 0;
}

/* Copy descriptor @index of a table, which may cross a page: @to, or NULL. */
static __always_inline const void *vnic_vring_desc(struct vnic_fn *fn, struct vnic_ring_page *page,
						   u64 table, unsigned int index, void *to)
{
	u64 addr = table + index * VNIC_VRING_DESC;
	const void *ptr;

	if (unlikely(offset_in_page(addr) > PAGE_SIZE - VNIC_VRING_DESC))
		return vnic_vring_copy(fn, addr, to, VNIC_VRING_DESC) ? to : NULL;
	ptr = vnic_ring_at(fn, page, addr);
	return ptr ? memcpy(to, ptr, VNIC_VRING_DESC) : NULL;
}

/* The descriptors of a table in a chain (2.7.5.3, 2.8.7): 0: it is none. */
unsigned int vnic_vring_table(const struct vnic_ring *ring, u32 len, bool next);

/* ---- ring.c; in a stretch ---- */

/**
 * vnic_vring_chain - the descriptors of a chain, each copied once
 * @fn: function
 * @ring: virtqueue
 * @page: pages of the ring in use
 * @index: entry that it begins with, which is available
 * @c: @c->buf and @c->most are set
 *
 * Return: 0; -E2BIG: there are more, or no end, @c->id and @c->entries are good;
 * -EINVAL; -ENXIO: no ring.
 */
int vnic_vring_chain(struct vnic_fn *fn, const struct vnic_ring *ring,
		     struct vnic_ring_page *page, u32 index, struct vnic_chain *c);
/* Give back the chain @id, which took entries from @index on; @len bytes of it are
 * written.  In a packed virtqueue the driver sees it now.  False: memory is gone.
 */
bool vnic_vring_put(struct vnic_fn *fn, const struct vnic_ring *ring,
		    struct vnic_ring_page *page, u32 index, u16 id, u32 len);
/* Does the ring, as it is set, lie in the driver's memory, aligned? */
bool vnic_vring_reaches(struct vnic_fn *fn, const struct vnic_ring *ring);
/* Ask for no doorbells until vnic_vring_arm().  False: memory is gone. */
bool vnic_vring_hush(struct vnic_fn *fn, struct vnic_ring *ring);

/* ---- split.c, packed.c: what ring.c needs of a format; in a stretch ---- */

/* Entries behind @seen (of a packed virtqueue @most at most), or -ENXIO.  Those up to
 * @done are used: let the driver see it.  Does the driver want an interrupt for the
 * step from @old to @new (or -ENXIO)?  Does it wait for one, with all up to @done used?
 * No doorbells.  A doorbell for the @ahead th entry behind @seen.
 */
int vnic_split_more(struct vnic_fn *fn, const struct vnic_ring *ring, u32 seen);
bool vnic_split_publish(struct vnic_fn *fn, const struct vnic_ring *ring, u32 done);
int vnic_split_wants(struct vnic_fn *fn, const struct vnic_ring *ring, u32 old, u32 new,
		     u16 *event);
bool vnic_split_waits(struct vnic_fn *fn, const struct vnic_ring *ring, u32 done);
bool vnic_split_hush(struct vnic_fn *fn, const struct vnic_ring *ring);
bool vnic_split_arm(struct vnic_fn *fn, const struct vnic_ring *ring, u32 seen, u32 ahead);
bool vnic_split_put(struct vnic_fn *fn, const struct vnic_ring *ring,
		    struct vnic_ring_page *page, u32 index, u16 id, u32 len);
bool vnic_split_reaches(struct vnic_fn *fn, const struct vnic_ring *ring);
int vnic_split_chain(struct vnic_fn *fn, const struct vnic_ring *ring,
		     struct vnic_ring_page *page, u32 index, struct vnic_chain *c);

int vnic_packed_more(struct vnic_fn *fn, const struct vnic_ring *ring, u32 seen, u32 most);
int vnic_packed_wants(struct vnic_fn *fn, const struct vnic_ring *ring, u32 old, u32 new,
		      u16 *event);
bool vnic_packed_waits(struct vnic_fn *fn, const struct vnic_ring *ring, u32 done);
bool vnic_packed_hush(struct vnic_fn *fn, const struct vnic_ring *ring);
bool vnic_packed_arm(struct vnic_fn *fn, const struct vnic_ring *ring, u32 seen, u32 ahead);
bool vnic_packed_put(struct vnic_fn *fn, const struct vnic_ring *ring,
		     struct vnic_ring_page *page, u32 index, u16 id, u32 len);
bool vnic_packed_reaches(struct vnic_fn *fn, const struct vnic_ring *ring);
int vnic_packed_chain(struct vnic_fn *fn, const struct vnic_ring *ring,
		      struct vnic_ring_page *page, u32 index, struct vnic_chain *c);

/* ---- rx.c; rxq->lock held, in a stretch ---- */

int vnic_vring_rx_room(const struct vnic_rxq *rxq, u32 len);
int vnic_vring_rx_front(struct vnic_rxq *rxq, struct vnic_rx_cursor *cur,
			const struct vnic_rx_note *note, u32 len);
int vnic_vring_rx_complete(struct vnic_rxq *rxq, const struct vnic_rx_cursor *cur,
			   const struct vnic_rx_note *note);

#endif /* _VNIC_VIRTIO_H */
