/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Queue pairs: a TX ring, an RX ring, an interrupt and a NAPI context.
 */
#ifndef _VNIC_VF_QUEUE_H
#define _VNIC_VF_QUEUE_H

#include <linux/dim.h>
#include <linux/netdevice.h>
#include <linux/sizes.h>
#include <linux/timer.h>
#include <linux/u64_stats_sync.h>
#include <net/xdp.h>
#include <vnic/vnic_ring.h>

struct bpf_prog;
struct page;
struct page_pool;
struct task_struct;
struct vnicvf;
struct xdp_buff;
struct xsk_buff_pool;

/* Event blocks of a queue pair, in one array for all */
struct vnicvf_qp_events {
	struct vnic_event	tx;
	struct vnic_event	rx;
};

#define VNICVF_TX_COPY		256	/* bytes: frames up to this are copied */
#define VNICVF_TX_SPARE		SZ_512K	/* bytes: where all are, if mapping them is dear */

/* What vnicvf_tx_buf.len bytes of a TX slot are */
enum vnicvf_tx_map {
	VNICVF_TX_SINGLE,	/* mapped */
	VNICVF_TX_PAGE,		/* mapped as a page */
	VNICVF_TX_SPARED,	/* taken from vnicvf_txq.spare */
};

/* Whose frame a TX slot holds */
enum vnicvf_tx_kind {
	VNICVF_TX_COPIED,	/* nobody's any more */
	VNICVF_TX_SKB,
	VNICVF_TX_XDP,
	VNICVF_TX_XSK,		/* of an XDP socket, in its own memory */
};

#define VNICVF_TX_DESCS		(VNIC_TX_MAX_BUFS + 1)	/* of a frame of the stack, at most */

/**
 * struct vnicvf_tx_buf - what a TX slot holds until the device is done with it
 * @skb: frame that starts here (VNICVF_TX_SKB)
 * @xdpf: the same (VNICVF_TX_XDP)
 * @dma: mapping that starts here
 * @len: bytes of that mapping, or of spare memory, that start here; 0: none
 * @bytes: of the frame that starts here, as the stack's queue counts them
 * @count: descriptors of the frame that starts here
 * @kind: enum vnicvf_tx_kind, of the frame that starts here
 * @map: enum vnicvf_tx_map, of the bytes that start here
 */
struct vnicvf_tx_buf {
	union {
		struct sk_buff		*skb;
		struct xdp_frame	*xdpf;
	};
	dma_addr_t	dma;
	u32		len;
	u32		bytes;
	u16		count;
	u8		kind;
	u8		map;
};

struct vnicvf_tx_stats {
	u64_stats_t		packets;	/* as on a wire: segments */
	u64_stats_t		bytes;		/* with the segments' headers */
	u64_stats_t		gso_packets;	/* TSO frames */
	u64_stats_t		gso_segs;	/* their segments */
	u64_stats_t		csum;		/* frames left to the device to checksum */
	u64_stats_t		copied;		/* small frames copied */
	u64_stats_t		spared;		/* others copied, not to be mapped */
	u64_stats_t		linearized;
	u64_stats_t		dropped;
	u64_stats_t		stops;
	u64_stats_t		kicks;
	u64_stats_t		xdp_frames;	/* sent by XDP, from any queue */
	u64_stats_t		xdp_full;	/* ... or not, for want of room */
	u64_stats_t		xsk_frames;	/* sent from XDP sockets' memory */
	struct u64_stats_sync	syncp;
};

struct vnicvf_rx_stats {
	u64_stats_t		packets;
	u64_stats_t		bytes;
	u64_stats_t		multicast;	/* of the packets */
	u64_stats_t		gso_packets;	/* frames of several segments */
	u64_stats_t		gso_segs;
	u64_stats_t		csum_ok;	/* verified by the device */
	u64_stats_t		csum_partial;	/* of a near sender: there is none yet */
	u64_stats_t		csum_none;
	u64_stats_t		copied;		/* small frames copied out */
	u64_stats_t		long_frames;	/* those in long buffers */
	u64_stats_t		alloc_fail;	/* no memory: to refill, or for a frame */
	u64_stats_t		nomem;		/* those frames, which are lost */
	u64_stats_t		errors;		/* completions that make no sense */
	u64_stats_t		aborted;	/* frames the device gave up */
	u64_stats_t		kicks;
	u64_stats_t		interrupts;
	u64_stats_t		xdp_pass;
	u64_stats_t		xdp_drop;
	u64_stats_t		xdp_tx;
	u64_stats_t		xdp_redirect;
	u64_stats_t		xdp_aborted;	/* by the program, or could not be sent on */
	u64_stats_t		xsk_starved;	/* times XDP sockets' fill ring had too little */
	struct u64_stats_sync	syncp;
};

/**
 * struct vnicvf_txq - TX ring
 * @desc: descriptors
 * @ev: event block
 * @buf: one per slot
 * @copy: VNICVF_TX_COPY bytes per slot for small frames, or NULL
 * @copy_dma: bus address of @copy
 * @spare: VNICVF_TX_SPARE bytes, used in turn, for frames that are not to be mapped;
 *	NULL: mapping costs nothing here
 * @spare_dma: bus address of @spare
 * @spared: bytes of @spare taken, since the ring was made (xmit)
 * @nq: the stack's queue; its lock is what xmit and XDP fill the ring under
 * @mask: size - 1
 * @prod: next slot to fill (xmit)
 * @published: @prod as the device knows it (xmit)
 * @held: slot behind the last frame whose completion is waited for (xmit)
 * @arm_max: an interrupt is asked for after so many descriptors at most
 * @lazy: no interrupt has been asked for; see vnicvf_tx_arm()
 * @owed: frames wait for the end of a poll to be shown to the device (xmit)
 * @clean: next slot to complete (NAPI)
 * @given: bytes of @spare given back (NAPI)
 * @xsk: of the XDP sockets whose frames are sent from here, or NULL
 * @xsk_done: descriptors of theirs that the device has completed, but they have not been
 *	told (NAPI)
 * @xsk_open: ... that are in the ring and no frame yet (NAPI)
 * @xsk_skip: ... up to the end of a frame are not sent (NAPI)
 * @dma: bus address of @desc
 * @stats: written by xmit
 */
struct vnicvf_txq {
	union vnicvf_tx_slot	*desc;
	struct vnic_event	*ev;
	struct vnicvf_tx_buf	*buf;
	u8			*copy;
	dma_addr_t		copy_dma;
	u8			*spare;
	dma_addr_t		spare_dma;
	u32			spared;
	struct netdev_queue	*nq;
	u32			mask;
	u32			prod;
	u32			published;
	u32			held;
	u32			arm_max;
	bool			lazy;
	bool			owed;
	u32			clean ____cacheline_aligned_in_smp;
	u32			given;
	struct xsk_buff_pool	*xsk;
	u32			xsk_done;
	u16			xsk_open;
	bool			xsk_skip;
	dma_addr_t		dma;
	struct vnicvf_tx_stats	stats ____cacheline_aligned_in_smp;
};

/* Either kind of TX descriptor */
union vnicvf_tx_slot {
	struct vnic_tx_desc	data;
	struct vnic_tx_ctx	ctx;
};

/* Either side's view of an RX slot */
union vnicvf_rx_slot {
	struct vnic_rx_desc	post;
	struct vnic_rx_cmpl	cmpl;
};

struct vnicvf_rx_buf {
	union {
		struct page	*page;	/* NULL: given away; stays when a frame is not kept */
		struct xdp_buff	*xsk;	/* with vnicvf_rxq.xsk; NULL: not in the ring */
	};
	u32		offset;		/* of the buffer in the page, headroom included */
	u32		size;		/* bytes of the page it takes */
};

#define VNICVF_XDP_BULK		16	/* frames of XDP_TX sent at once */

/**
 * struct vnicvf_rxq - RX ring; used by NAPI only
 * @desc: descriptors
 * @ev: event block
 * @buf: buffers, as many as slots; see @buf_mask
 * @pool: where buffers come from, unless @xsk is set
 * @cut: page of @pool that small copies are being cut from
 * @cut_left: pieces of it that are left; 0: there is none
 * @long_pool: where long ones come from; NULL: there are none
 * @posts_long: those are posted now
 * @long_balance: how much of what came recently are long frames; decides @posts_long
 * @long_again: jiffies before which there are none
 * @want: buffers that the device is to have
 * @batch: buffers that are missing when it gets them during a poll
 * @xsk: of the XDP sockets in whose memory frames are received, or NULL
 * @mask: size - 1
 * @buf_mask: places of @buf in use, a power of two, less 1; at most @mask
 * @clean: next slot to take
 * @prod: next slot to fill, as the device knows it
 * @headroom: bytes in front of the data
 * @buf_len: bytes of a buffer the device may write
 * @buf_size: bytes of a page a buffer takes: headroom, @buf_len, skb_shared_info
 * @up_gro: polls with UDP of which GRO joins none, until UDP goes past it
 * @up_seen: UDP has gone through GRO in this poll
 * @up_num: frames in @up
 * @up: frames that go up the stack together
 * @xdp_num: entries of @xdp_tx
 * @xdp_redirected: xdp_do_flush() is due
 * @xdp_tx: frames of XDP_TX to be sent
 * @xdp: for XDP programs
 * @refill: tries again when there was no memory
 * @dma: bus address of @desc
 * @stats: counters
 */
struct vnicvf_rxq {
	union vnicvf_rx_slot	*desc;
	struct vnic_event	*ev;
	struct vnicvf_rx_buf	*buf;
	struct page_pool	*pool;
	struct page		*cut;
	u32			cut_left;
	struct page_pool	*long_pool;
	struct xsk_buff_pool	*xsk;
	u32			mask;
	u32			buf_mask;
	u32			clean;
	u32			prod;
	u32			headroom;
	u32			buf_len;
	u32			buf_size;
	u32			long_balance;
	unsigned long		long_again;
	u32			want;
	s32			batch;
	bool			posts_long;
	u16			up_gro;
	bool			up_seen;
	u16			up_num;
	struct list_head	up;
	u16			xdp_num;
	bool			xdp_redirected;
	struct xdp_frame	*xdp_tx[VNICVF_XDP_BULK];
	struct xdp_rxq_info	xdp;
	struct timer_list	refill;
	dma_addr_t		dma;
	struct vnicvf_rx_stats	stats ____cacheline_aligned_in_smp;
};

/**
 * struct vnicvf_moder - interrupt moderation of a queue pair, as the user set it
 * @usecs: least time between two interrupts
 * @frames: completions at which one that waits for @usecs comes at once; 0: none
 * @tx_frames: completions of frames under way until an interrupt, at most,
 *	and no more than three quarters of them; 0: VNICVF_TX_FRAMES_DEFAULT
 * @adaptive: @usecs and @frames are the kernel's choice (dim)
 */
struct vnicvf_moder {
	u32	usecs;
	u32	frames;
	u32	tx_frames;
	bool	adaptive;
};

/**
 * struct vnicvf_qp - a queue pair
 * @vf: function
 * @dev: for DMA
 * @index: of the queue pair
 * @irq: Linux interrupt number
 * @failed: the device's indices make no sense
 * @napi: both rings
 * @poller: task in whose context NAPI is polling
 * @xsk: memory of XDP sockets without copies, or NULL; what the rings made from now on
 *	use (rtnl).  Mapped for @dev.
 * @moder: interrupt moderation (rtnl)
 * @dim: what adapts it, from NAPI
 * @dim_next: jiffies before which it does not
 * @tx: TX ring
 * @rx: RX ring
 * @name: of the interrupt
 */
struct vnicvf_qp {
	struct vnicvf		*vf;
	struct device		*dev;
	u16			index;
	int			irq;
	bool			failed;
	struct napi_struct	napi;
	struct task_struct	*poller;
	struct xsk_buff_pool	*xsk;
	struct vnicvf_moder	moder;
	struct dim		dim;
	unsigned long		dim_next;
	struct vnicvf_txq	tx;
	struct vnicvf_rxq	rx;
	char			name[IFNAMSIZ + 12];
};

static inline u32 vnicvf_tx_room(const struct vnicvf_txq *tx)
{
	return tx->mask + 1 - (tx->prod - READ_ONCE(tx->clean));
}

/* tx.c */
int vnicvf_tx_alloc(struct vnicvf_qp *qp, u32 size);	/* rtnl */
void vnicvf_tx_free(struct vnicvf_qp *qp);		/* rtnl; NAPI and xmit are off */
netdev_tx_t vnicvf_xmit(struct sk_buff *skb, struct net_device *netdev);	/* queue's lock */
netdev_features_t vnicvf_features_check(struct sk_buff *skb, struct net_device *netdev,
					netdev_features_t features);
void vnicvf_tx_flush(struct vnicvf_qp *qp);		/* queue's lock */
void vnicvf_tx_settle(struct vnicvf_qp *qp);		/* softirq; takes the queue's lock */
void vnicvf_tx_clean(struct vnicvf_qp *qp, int budget);	/* NAPI, netpoll */
u32 vnicvf_tx_arm(struct vnicvf_txq *tx);		/* NAPI */
/* BH disabled; takes the queue's lock */
int vnicvf_tx_xdp(struct vnicvf_qp *qp, struct xdp_frame **frames, int n, bool mapped, bool flush);

/* xdp.c */

/* What becomes of a frame that a program has seen */
enum vnicvf_xdp_verdict {
	VNICVF_XDP_PASS,	/* up the stack */
	VNICVF_XDP_DROP,	/* its buffer is free again */
	VNICVF_XDP_TAKEN,	/* its buffer is somebody else's */
};

enum vnicvf_xdp_verdict vnicvf_xdp_run(struct vnicvf_qp *qp, const struct bpf_prog *prog,
				       struct xdp_buff *xdp);	/* NAPI */
void vnicvf_xdp_flush(struct vnicvf_qp *qp);			/* NAPI */
/* ndo_xdp_xmit: NAPI of any device */
int vnicvf_xdp_xmit(struct net_device *netdev, int n, struct xdp_frame **frames, u32 flags);

/* xsk.c */
bool vnicvf_xsk_sg(const struct xsk_buff_pool *pool);	/* any context */
u32 vnicvf_xsk_buf_len(struct xsk_buff_pool *pool);
u32 vnicvf_xsk_frag_size(struct xsk_buff_pool *pool);
void vnicvf_xsk_fill(struct vnicvf_qp *qp);		/* NAPI */
bool vnicvf_xsk_send(struct vnicvf_qp *qp);		/* NAPI; takes the queue's lock */
int vnicvf_xsk_wakeup(struct net_device *netdev, u32 queue, u32 flags);	/* RCU; process context */

/* rx.c */
u32 vnicvf_rx_buf_size(const struct vnicvf *vf, unsigned int mtu);	/* rtnl */
unsigned int vnicvf_xdp_max_mtu(const struct vnicvf *vf, const struct bpf_prog *prog);	/* rtnl */
int vnicvf_rx_alloc(struct vnicvf_qp *qp, u32 size);	/* rtnl */
void vnicvf_rx_free(struct vnicvf_qp *qp);		/* rtnl; NAPI is off */
int vnicvf_rx_poll(struct vnicvf_qp *qp, int budget);	/* NAPI */
u32 vnicvf_rx_arm(struct vnicvf_rxq *rx);		/* NAPI */

/* queue.c; rtnl, once the netdev is registered; all sleep */
int vnicvf_qps_init(struct vnicvf *vf);
void vnicvf_qps_free(struct vnicvf *vf);
void vnicvf_xps_default(struct vnicvf *vf);		/* with rtnl or not */
int vnicvf_qps_alloc(struct vnicvf *vf);
void vnicvf_qps_release(struct vnicvf *vf);
int vnicvf_qps_enable(struct vnicvf *vf);
void vnicvf_qps_disable(struct vnicvf *vf);
int vnicvf_qps_create(struct vnicvf *vf);
int vnicvf_qps_destroy(struct vnicvf *vf);
void vnicvf_qps_start(struct vnicvf *vf);

#endif /* _VNIC_VF_QUEUE_H */
