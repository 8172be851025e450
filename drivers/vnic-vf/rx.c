// SPDX-License-Identifier: GPL-2.0
/*
 * Receive: buffers from a page pool, completions to skbs.
 *
 * A buffer is a part of a page, or a whole one, laid out so that an skb can be
 * built around it: headroom, data, skb_shared_info.  A frame may take several;
 * the first becomes the skb's head, the others its fragments.  Small frames are
 * copied: their buffer stays in its place and is posted again.
 *
 * A ring that is new has few buffers, so that a VF with little to receive takes little
 * memory.  When half of them have come before NAPI looks, there are to be twice as many.
 *
 * While much of what comes are long frames, of many segments, buffers are long, of several
 * pages, and a quarter as many: a frame takes four of them, not seventeen.  They hold data
 * only: the skb's head is a copy of the headers.
 *
 * While an XDP program is attached a buffer is a place in XDP sockets' memory (xsk.c)
 * if the queue has any, else a whole page with room for the program in front.
 * The device has been told to leave nothing to us (vnicvf_wanted_features()).  A frame
 * is one buffer, and the MTU limited, unless the program knows of several.
 */
#include <linux/bpf.h>
#include <linux/dma-mapping.h>
#include <linux/filter.h>
#include <net/page_pool/helpers.h>
#include <net/tcp.h>
#include <net/xdp_sock_drv.h>

#include <compat.h>
#include <vnic_copy.h>
#include "rx.h"

#define VNICVF_RX_HEADROOM	(NET_SKB_PAD + NET_IP_ALIGN)
#define VNICVF_RX_TAILROOM	SKB_DATA_ALIGN(sizeof(struct skb_shared_info))
#define VNICVF_RX_OVERHEAD	(VNICVF_RX_HEADROOM + VNICVF_RX_TAILROOM)
#define VNICVF_RX_SMALL		2048	/* bytes of a page for a buffer that holds a usual frame */
#define VNICVF_RX_LARGE		4096	/* for jumbo and GSO frames */
#define VNICVF_RX_LONG_SIZE		16384	/* for GSO frames, if there are many */
#define VNICVF_RX_LONG_FRAME	12288	/* bytes of a frame that they are for */
#define VNICVF_RX_LONG_WEIGHT	64	/* of such a frame, and against it: */
#define VNICVF_RX_OTHER_WEIGHT	16	/* ... of another, but for small ones, which have 1 */
#define VNICVF_RX_LONG_AT	512	/* long buffers are posted from this balance on, */
#define VNICVF_RX_LONG_TO	256	/* ... down to this */
#define VNICVF_RX_LONG_MAX	1024	/* it is no larger */
#define VNICVF_RX_LONG_AGAIN	HZ	/* until they are tried again if there was no memory */
#define VNICVF_RX_LEAST		32	/* buffers that a long frame of any mixture fits into */
#define VNICVF_RX_COPY		256	/* frames up to this are copied */
#define VNICVF_RX_PIECE		512	/* bytes of a page for the copy of a usual small one */
#define VNICVF_RX_HEAD		(256 + 2 * VLAN_HLEN)	/* bytes of headers, at most */
#define VNICVF_RX_BATCH		64	/* buffers to refill at once */
#define VNICVF_RX_RETRY		(HZ / 10)
#define VNICVF_RX_FIRST		128	/* buffers of a ring at first, if it is not smaller */

/* Bytes of a page that a buffer takes at this MTU. */
u32 vnicvf_rx_buf_size(const struct vnicvf *vf, unsigned int mtu)
{
	if (vnicvf_has(vf, VNIC_F_RX_GSO) || vf->prog ||
	    mtu + ETH_HLEN + 2 * VLAN_HLEN > VNICVF_RX_SMALL - VNICVF_RX_OVERHEAD)
		return VNICVF_RX_LARGE;
	return VNICVF_RX_SMALL;
}

/* The largest MTU with a program: a frame fits into one buffer with XDP's headroom, also
 * of XDP sockets' memory, unless program and sockets know of several.
 */
unsigned int vnicvf_xdp_max_mtu(const struct vnicvf *vf, const struct bpf_prog *prog)
{
	unsigned int i, len = VNICVF_RX_LARGE - XDP_PACKET_HEADROOM - VNICVF_RX_TAILROOM;
	bool frags = prog->aux->xdp_has_frags;

	if (frags)
		len = VNIC_MTU_MAX + ETH_HLEN + 2 * VLAN_HLEN;
	for (i = 0; i < vf->made_qps; i++)
		if (vf->qp[i].xsk && !(frags && vnicvf_xsk_sg(vf->qp[i].xsk)))
			len = min(len, vnicvf_xsk_buf_len(vf->qp[i].xsk));
	return len - ETH_HLEN - 2 * VLAN_HLEN;
}

/* ---- buffers, long and not ---- */

static bool vnicvf_rx_is_long(const struct vnicvf_rx_buf *buf)
{
	return buf->size == VNICVF_RX_LONG_SIZE;
}

static struct page_pool *vnicvf_rx_pool_of(const struct vnicvf_rxq *rx, bool is_long)
{
	return unlikely(is_long) ? rx->long_pool : rx->pool;
}

/* Where in its page the device may write */
static u32 vnicvf_rx_start(const struct vnicvf_rxq *rx, const struct vnicvf_rx_buf *buf,
			   bool is_long)
{
	return buf->offset + (unlikely(is_long) ? 0 : rx->headroom);
}

/* ... and how many bytes */
static u32 vnicvf_rx_room(const struct vnicvf_rxq *rx, bool is_long)
{
	return unlikely(is_long) ? VNICVF_RX_LONG_SIZE : rx->buf_len;
}

/* How many buffers the device is to have, by @long_balance and @buf_mask */
static void vnicvf_rx_set_want(struct vnicvf_rxq *rx)
{
	u32 all = rx->buf_mask + 1;

	rx->posts_long = rx->long_balance >= (rx->posts_long ? VNICVF_RX_LONG_TO :
							       VNICVF_RX_LONG_AT);
	rx->want = all;
	if (rx->posts_long)
		rx->want = max(all / (VNICVF_RX_LONG_SIZE / VNICVF_RX_LARGE),
			       min(all, VNICVF_RX_LEAST));
	rx->batch = min(VNICVF_RX_BATCH, rx->want / 4);
}

/* A frame of @len bytes has come: of what size are buffers to be? */
static void vnicvf_rx_weigh(struct vnicvf_rxq *rx, u32 len)
{
	if (unlikely(len >= VNICVF_RX_LONG_FRAME) && rx->long_pool &&
	    time_after_eq(jiffies, rx->long_again))
		rx->long_balance = min(rx->long_balance + VNICVF_RX_LONG_WEIGHT,
				       VNICVF_RX_LONG_MAX);
	else if (unlikely(rx->long_balance))
		rx->long_balance -= min_t(u32, rx->long_balance,
					  len > VNICVF_RX_COPY ? VNICVF_RX_OTHER_WEIGHT : 1);
	else
		return;
	vnicvf_rx_set_want(rx);
}

/* Memory in several pages is taken if it is there, and not tried for. */
static bool vnicvf_rx_alloc_long(struct vnicvf_rxq *rx, struct vnicvf_rx_buf *buf)
{
	buf->size = VNICVF_RX_LONG_SIZE;
	buf->page = page_pool_alloc(rx->long_pool, &buf->offset, &buf->size,
				    GFP_NOWAIT | __GFP_NOWARN | __GFP_NORETRY);
	if (buf->page)
		return true;
	rx->long_balance = 0;
	rx->long_again = jiffies + VNICVF_RX_LONG_AGAIN;
	vnicvf_rx_set_want(rx);
	return false;
}

static bool vnicvf_rx_alloc_buf(struct vnicvf_rxq *rx, struct vnicvf_rx_buf *buf, gfp_t gfp)
{
	if (unlikely(rx->posts_long) && vnicvf_rx_alloc_long(rx, buf))
		return true;
	buf->size = rx->buf_size;
	buf->page = page_pool_alloc(rx->pool, &buf->offset, &buf->size, gfp);
	return buf->page;
}

static bool vnicvf_rx_fill_one(struct vnicvf_rxq *rx, u32 at, gfp_t gfp)
{
	struct vnicvf_rx_buf *buf = vnicvf_rx_buf(rx, at);
	bool is_long;

	if (!buf->page && unlikely(!vnicvf_rx_alloc_buf(rx, buf, gfp)))
		return false;
	is_long = vnicvf_rx_is_long(buf);
	rx->desc[at & rx->mask].post = (struct vnic_rx_desc) {
		.addr = cpu_to_le64(page_pool_get_dma_addr(buf->page) +
				    vnicvf_rx_start(rx, buf, is_long)),
		.len  = cpu_to_le32(vnicvf_rx_room(rx, is_long)),
	};
	return true;
}

/* The frame in a long buffer is not kept: it goes back to its pool, for there are more places
 * than long buffers, and each would come to hold one.
 */
static noinline void vnicvf_rx_keep_long(struct vnicvf_rxq *rx, struct vnicvf_rx_buf *buf)
{
	page_pool_put_full_page(rx->long_pool, buf->page, true);
	buf->page = NULL;
}

/* The frame in the buffer is not kept: the device may have it again. */
static __always_inline void vnicvf_rx_keep(struct vnicvf_qp *qp, struct vnicvf_rx_buf *buf)
{
	struct vnicvf_rxq *rx = &qp->rx;

	if (unlikely(vnicvf_rx_is_long(buf))) {
		vnicvf_rx_keep_long(rx, buf);
		return;
	}
	dma_sync_single_range_for_device(qp->dev, page_pool_get_dma_addr(buf->page),
					 buf->offset + rx->headroom, rx->buf_len,
					 page_pool_get_dma_dir(rx->pool));
}

/* How many buffers are missing from @at on; less than 0: there are more than are wanted. */
static s32 vnicvf_rx_missing(const struct vnicvf_rxq *rx, u32 at)
{
	return rx->want - (at - rx->clean);
}

/* Give the device all buffers that it is to have.  Return: false without memory. */
static bool vnicvf_rx_fill(struct vnicvf_qp *qp, gfp_t gfp)
{
	struct vnicvf_rxq *rx = &qp->rx;
	u32 at = rx->prod;

	/* more, once there are no long ones */
	while (vnicvf_rx_missing(rx, at) > 0 && vnicvf_rx_fill_one(rx, at, gfp | __GFP_NOWARN))
		at++;
	vnicvf_rx_show(qp, at);
	return vnicvf_rx_missing(rx, at) <= 0;
}

/*
 * Twice as many buffers from now on.  Each goes to its place under the larger mask: where
 * it is, or as far behind that as there were places.
 */
static void vnicvf_rx_grow(struct vnicvf_rxq *rx)
{
	u32 old = rx->buf_mask, at;

	rx->buf_mask = 2 * old + 1;
	vnicvf_rx_set_want(rx);
	for (at = rx->clean; at != rx->clean + old + 1; at++)
		if (at & rx->buf_mask & ~old) {
			*vnicvf_rx_buf(rx, at) = rx->buf[at & old];
			rx->buf[at & old].page = NULL;
		}
}

/* Short of memory a moment ago: NAPI tries again. */
static void vnicvf_rx_retry(struct timer_list *timer)
{
	struct vnicvf_qp *qp = container_of(timer, struct vnicvf_qp, rx.refill);

	napi_schedule(&qp->napi);
}

/* Buffers are missing. */
static noinline void vnicvf_rx_refill_now(struct vnicvf_qp *qp)
{
	struct vnicvf_rxq *rx = &qp->rx;

	if (rx->xsk) {
		vnicvf_xsk_fill(qp);
		return;
	}
	if (vnicvf_rx_fill(qp, GFP_ATOMIC))
		return;
	u64_stats_update_begin(&rx->stats.syncp);
	u64_stats_inc(&rx->stats.alloc_fail);
	u64_stats_update_end(&rx->stats.syncp);
	mod_timer(&rx->refill, jiffies + VNICVF_RX_RETRY);
}

/* Refill, if @least buffers or more are missing. */
static __always_inline void vnicvf_rx_refill(struct vnicvf_qp *qp, s32 least)
{
	if (unlikely(vnicvf_rx_missing(&qp->rx, qp->rx.prod) >= least))
		vnicvf_rx_refill_now(qp);
}

/* For @size pages, or long buffers */
static struct page_pool *vnicvf_rx_pool(struct vnicvf_qp *qp, u32 size, u32 len)
{
	/* A program may write into a frame and send it back. */
	struct page_pool_params pp = {
		.flags		= PP_FLAG_DMA_MAP | PP_FLAG_DMA_SYNC_DEV,
		.order		= get_order(len),
		.pool_size	= size,
		.nid		= dev_to_node(qp->dev),
		.dev		= qp->dev,
		.napi		= &qp->napi,
		.netdev		= qp->vf->netdev,
		.queue_idx	= qp->index,
		.dma_dir	= qp->vf->prog ? DMA_BIDIRECTIONAL : DMA_FROM_DEVICE,
		.max_len	= PAGE_ALIGN(len),
	};

	return page_pool_create(&pp);
}

/* Memory of the queue but for the buffers. */
static void vnicvf_rx_free_ring(struct vnicvf_qp *qp, u32 size)
{
	struct vnicvf_rxq *rx = &qp->rx;

	kvfree(rx->buf);
	dma_free_coherent(qp->dev, size * VNIC_DESC_SIZE, rx->desc, rx->dma);
}

/* The device is done with the queue and NAPI is off. */
void vnicvf_rx_free(struct vnicvf_qp *qp)
{
	struct vnicvf_rxq *rx = &qp->rx;
	struct page_pool *pool = rx->pool;
	struct vnicvf_rx_buf *buf;
	u32 i;

	for (; rx->cut_left; rx->cut_left--)
		page_pool_put_full_page(pool, rx->cut, false);
	for (i = 0; i <= rx->mask; i++) {
		buf = &rx->buf[i];
		if (!buf->page)
			continue;
		if (rx->xsk)
			xsk_buff_free(buf->xsk);
		else
			page_pool_put_full_page(vnicvf_rx_pool_of(rx, vnicvf_rx_is_long(buf)),
						buf->page, false);
	}
	if (rx->long_pool)
		page_pool_destroy(rx->long_pool);
	rx->long_pool = NULL;
	rx->pool = NULL;
	rx->xsk = NULL;
	xdp_rxq_info_unreg(&rx->xdp);
	if (pool)
		page_pool_destroy(pool);
	vnicvf_rx_free_ring(qp, rx->mask + 1);
}

/* Where frames come from, known to XDP: a page pool, or XDP sockets' memory. */
static int vnicvf_rx_alloc_pool(struct vnicvf_qp *qp, u32 size)
{
	struct vnicvf_rxq *rx = &qp->rx;
	struct page_pool *pool = NULL;
	int err;

	if (!rx->xsk) {
		pool = vnicvf_rx_pool(qp, size, rx->buf_size);
		if (IS_ERR(pool))
			return PTR_ERR(pool);
	}
	/* A program may add to the last buffer what is left of its page or chunk. */
	err = __xdp_rxq_info_reg(&rx->xdp, qp->vf->netdev, qp->index, qp->napi.napi_id,
				 rx->xsk ? vnicvf_xsk_frag_size(rx->xsk) : rx->buf_size);
	if (err)
		goto destroy;
	err = xdp_rxq_info_reg_mem_model(&rx->xdp, rx->xsk ? MEM_TYPE_XSK_BUFF_POOL :
							     MEM_TYPE_PAGE_POOL, pool);
	if (err)
		goto unreg;
	rx->pool = pool;
	rx->cut_left = 0;
	return 0;

unreg:
	xdp_rxq_info_unreg(&rx->xdp);
destroy:
	if (pool)
		page_pool_destroy(pool);
	return err;
}

/* What buffers are like.  XDP sockets' memory is for programs: none, and it is not used. */
static void vnicvf_rx_layout(struct vnicvf_qp *qp)
{
	struct vnicvf_rxq *rx = &qp->rx;

	rx->xsk = qp->vf->prog ? qp->xsk : NULL;
	rx->headroom = qp->vf->prog ? XDP_PACKET_HEADROOM : VNICVF_RX_HEADROOM;
	rx->buf_size = vnicvf_rx_buf_size(qp->vf, qp->vf->netdev->mtu);
	rx->buf_len = rx->buf_size - rx->headroom - VNICVF_RX_TAILROOM;
	if (rx->xsk)
		rx->buf_len = vnicvf_xsk_buf_len(rx->xsk);
}

/* Long buffers are for the stack, and for what only comes with RX_GSO.  They are not missed. */
static void vnicvf_rx_alloc_long_pool(struct vnicvf_qp *qp, u32 size)
{
	struct vnicvf_rxq *rx = &qp->rx;

	rx->long_balance = 0;
	rx->long_again = jiffies;
	rx->posts_long = false;
	rx->long_pool = NULL;
	if (qp->vf->prog || !vnicvf_has(qp->vf, VNIC_F_RX_GSO))
		return;
	rx->long_pool = vnicvf_rx_pool(qp, max(size / 4, VNICVF_RX_LEAST), VNICVF_RX_LONG_SIZE);
	if (IS_ERR(rx->long_pool))
		rx->long_pool = NULL;
}

int vnicvf_rx_alloc(struct vnicvf_qp *qp, u32 size)
{
	struct vnicvf_rxq *rx = &qp->rx;
	int err = -ENOMEM;

	/* A GSO frame fits into a head and MAX_SKB_FRAGS fragments. */
	BUILD_BUG_ON((MAX_SKB_FRAGS + 1) * (VNICVF_RX_LARGE - VNICVF_RX_OVERHEAD) < VNIC_FRAME_MAX);
	rx->desc = dma_alloc_coherent(qp->dev, size * VNIC_DESC_SIZE, &rx->dma, GFP_KERNEL);
	if (!rx->desc)
		return err;
	rx->buf = kvcalloc(size, sizeof(*rx->buf), GFP_KERNEL);
	if (!rx->buf)
		goto free_ring;
	vnicvf_rx_layout(qp);
	err = vnicvf_rx_alloc_pool(qp, size);
	if (err)
		goto free_ring;
	vnicvf_rx_alloc_long_pool(qp, size);
	rx->mask = size - 1;
	rx->buf_mask = rx->xsk ? rx->mask : min(size, VNICVF_RX_FIRST) - 1;
	vnicvf_rx_set_want(rx);
	rx->clean = 0;
	rx->prod = 0;
	INIT_LIST_HEAD(&rx->up);
	rx->up_num = 0;
	rx->up_gro = 0;
	rx->up_seen = false;
	rx->xdp_num = 0;
	rx->xdp_redirected = false;
	timer_setup(&rx->refill, vnicvf_rx_retry, 0);
	if (rx->xsk) {
		rx->prod = vnicvf_xsk_post(rx, 0);	/* the rest is the first poll's */
		vnicvf_publish(&rx->ev->prod, rx->prod);
		return 0;
	}
	if (vnicvf_rx_fill(qp, GFP_KERNEL))
		return 0;
	vnicvf_rx_free(qp);
	return -ENOMEM;

free_ring:
	vnicvf_rx_free_ring(qp, size);
	return err;
}

/* Build an skb around @size bytes of a page, of which @len behind @headroom are the frame. */
static __always_inline struct sk_buff *vnicvf_rx_build_at(void *start, u32 size, u32 headroom,
							  u32 len)
{
	struct sk_buff *skb = napi_build_skb(start, size);

	if (likely(skb)) {
		skb_reserve(skb, headroom);
		__skb_put(skb, len);
		skb_mark_for_recycle(skb);
	}
	return skb;
}

/* The same around a buffer, the first of a frame */
static struct sk_buff *vnicvf_rx_build(struct vnicvf_rx_buf *buf, u32 headroom, u32 len)
{
	struct sk_buff *skb = vnicvf_rx_build_at(page_address(buf->page) + buf->offset, buf->size,
						 headroom, len);

	if (likely(skb))
		buf->page = NULL;
	return skb;
}

/* The next page of the pool becomes pieces.  Return: false without memory. */
static noinline bool vnicvf_rx_cut_page(struct vnicvf_rxq *rx)
{
	rx->cut = page_pool_alloc_pages(rx->pool, GFP_ATOMIC | __GFP_NOWARN);
	if (!rx->cut)
		return false;
	rx->cut_left = PAGE_SIZE / VNICVF_RX_PIECE;
	page_pool_fragment_page(rx->cut, rx->cut_left);
	return true;
}

/* Copy a frame into @size bytes of a page from the pool, at @offset.  NULL: without memory, and
 * the part has gone back.
 */
static __always_inline struct sk_buff *vnicvf_rx_copy_to(struct vnicvf_rxq *rx, struct page *page,
							 u32 offset, u32 size, const void *data,
							 u32 len)
{
	void *start = page_address(page) + offset;
	struct sk_buff *skb;

	vnic_copy(start + VNICVF_RX_HEADROOM, data, len);
	skb = vnicvf_rx_build_at(start, size, VNICVF_RX_HEADROOM, len);
	if (unlikely(!skb))
		page_pool_put_full_page(rx->pool, page, true);
	return skb;
}

/* Copy a frame that does not fit into a piece. */
static noinline struct sk_buff *vnicvf_rx_copy_large(struct vnicvf_rxq *rx, const void *data,
						     u32 len, u32 size)
{
	struct page *page;
	u32 offset;

	page = page_pool_alloc(rx->pool, &offset, &size, GFP_ATOMIC | __GFP_NOWARN);
	return page ? vnicvf_rx_copy_to(rx, page, offset, size, data, len) : NULL;
}

/* Copy a small frame: its buffer stays ours.  It goes to a part of a page that is just large
 * enough, from the pool: no page is cleared for it.  Parts of the usual size are cut here.
 */
static struct sk_buff *vnicvf_rx_copy(struct vnicvf_qp *qp, const void *data, u32 len)
{
	u32 size = SKB_DATA_ALIGN(VNICVF_RX_HEADROOM + len) + VNICVF_RX_TAILROOM;
	struct vnicvf_rxq *rx = &qp->rx;

	if (unlikely(size > VNICVF_RX_PIECE))
		return vnicvf_rx_copy_large(rx, data, len, size);
	if (unlikely(!rx->cut_left) && !vnicvf_rx_cut_page(rx))
		return NULL;
	rx->cut_left--;
	return vnicvf_rx_copy_to(rx, rx->cut, rx->cut_left * VNICVF_RX_PIECE, VNICVF_RX_PIECE,
				 data, len);
}

/* A buffer's @len bytes from @start become a fragment.  Return: false: it is one too many. */
static bool vnicvf_rx_add(struct sk_buff *skb, struct vnicvf_rx_buf *buf, u32 start, u32 len)
{
	if (unlikely(skb_shinfo(skb)->nr_frags >= MAX_SKB_FRAGS))
		return false;
	skb_add_rx_frag(skb, skb_shinfo(skb)->nr_frags, buf->page, start, len, buf->size);
	buf->page = NULL;
	return true;
}

/* Bytes of a frame's first buffer that are copied; what fits into a page is not left in several */
static u32 vnicvf_rx_copied(const struct vnicvf_rx_frame *f, bool is_long, u32 len, bool only)
{
	if (only && len <= VNICVF_RX_COPY)
		return len;
	if (likely(!is_long))
		return 0;
	if (only && len <= VNICVF_RX_LARGE - VNICVF_RX_OVERHEAD)
		return len;
	if (f->hdr_len >= ETH_HLEN && f->hdr_len < VNICVF_RX_HEAD)
		return min(len, f->hdr_len);
	return min(len, VNICVF_RX_HEAD);
}

/* The first or only buffer of a frame.  Return: false without memory. */
static bool vnicvf_rx_take_first(struct vnicvf_qp *qp, struct vnicvf_rx_frame *f,
				 struct vnicvf_rx_buf *buf, bool is_long, u32 start, u32 len,
				 bool only)
{
	u32 copied = vnicvf_rx_copied(f, is_long, len, only);

	if (!copied) {
		f->skb = vnicvf_rx_build(buf, qp->rx.headroom, len);
		return f->skb;
	}
	f->copied = copied == len;
	f->in_long = !f->copied;
	f->skb = vnicvf_rx_copy(qp, page_address(buf->page) + start, copied);
	if (f->copied && f->skb)	/* else whoever hears of it keeps the buffer */
		vnicvf_rx_keep(qp, buf);
	return f->skb && (f->copied || vnicvf_rx_add(f->skb, buf, start + copied, len - copied));
}

/* Take one buffer into the frame.  Return: false: not possible. */
static bool vnicvf_rx_take(struct vnicvf_qp *qp, struct vnicvf_rx_frame *f,
			   struct vnicvf_rx_buf *buf, bool is_long, u32 len, bool only)
{
	struct vnicvf_rxq *rx = &qp->rx;
	u32 start = vnicvf_rx_start(rx, buf, is_long);

	page_pool_dma_sync_for_cpu(vnicvf_rx_pool_of(rx, is_long), buf->page, start, len);
	if (!f->skb)
		return vnicvf_rx_take_first(qp, f, buf, is_long, start, len, only);
	return vnicvf_rx_add(f->skb, buf, start, len);
}

/* A small frame, in one buffer, is copied. */
static enum vnicvf_rx_result vnicvf_rx_gather_small(struct vnicvf_qp *qp, struct vnicvf_rx_frame *f,
						    const struct vnic_rx_cmpl *c, u16 flags,
						    u16 len)
{
	struct vnicvf_rxq *rx = &qp->rx;
	struct vnicvf_rx_buf *buf = vnicvf_rx_buf(rx, rx->clean);
	bool is_long = vnicvf_rx_is_long(buf);
	u32 start = vnicvf_rx_start(rx, buf, is_long);

	vnicvf_rx_first(f, c, flags);
	page_pool_dma_sync_for_cpu(vnicvf_rx_pool_of(rx, is_long), buf->page, start, len);
	f->copied = true;
	f->skb = vnicvf_rx_copy(qp, page_address(buf->page) + start, len);
	vnicvf_rx_keep(qp, buf);
	rx->clean++;
	return likely(f->skb) ? VNICVF_RX_FRAME : VNICVF_RX_NOMEM;
}

/**
 * vnicvf_rx_gather - take the buffers of one frame
 * @qp: queue pair
 * @f: result; with VNICVF_RX_FRAME: an skb of the frame
 * @todo: completed buffers from rx->clean on, at least 1
 *
 * Consumes up to the end of the frame (or @todo).  A frame that starts without
 * SOP, has no end, is empty or longer than its buffers is the device's error.
 */
static enum vnicvf_rx_result vnicvf_rx_gather(struct vnicvf_qp *qp, struct vnicvf_rx_frame *f,
					      u32 todo)
{
	enum vnicvf_rx_result result = VNICVF_RX_FRAME;
	struct vnicvf_rxq *rx = &qp->rx;
	const struct vnic_rx_cmpl *c;
	struct vnicvf_rx_buf *buf;
	bool first = true, is_long, keep;
	u16 len, flags;

	c = &rx->desc[rx->clean & rx->mask].cmpl;
	flags = le16_to_cpu(READ_ONCE(c->flags));
	len = le16_to_cpu(READ_ONCE(c->len));
	if (likely((flags & (VNIC_RXC_F_SOP | VNIC_RXC_F_EOP | VNIC_RXC_F_ABORT)) ==
		   (VNIC_RXC_F_SOP | VNIC_RXC_F_EOP) && len >= ETH_HLEN && len <= VNICVF_RX_COPY))
		return vnicvf_rx_gather_small(qp, f, c, flags, len);
	f->skb = NULL;
	do {
		c = &rx->desc[rx->clean & rx->mask].cmpl;
		buf = vnicvf_rx_buf(rx, rx->clean);
		is_long = vnicvf_rx_is_long(buf);
		flags = le16_to_cpu(READ_ONCE(c->flags));
		len = le16_to_cpu(READ_ONCE(c->len));
		if (first)
			vnicvf_rx_first(f, c, flags);
		if (likely(result == VNICVF_RX_FRAME))
			result = vnicvf_rx_check(vnicvf_rx_room(rx, is_long), flags, len, first);
		keep = result == VNICVF_RX_FRAME &&
		       vnicvf_rx_take(qp, f, buf, is_long, len, flags & VNIC_RXC_F_EOP);
		if (unlikely(!keep)) {
			vnicvf_rx_keep(qp, buf);
			if (result == VNICVF_RX_FRAME)
				result = f->skb ? VNICVF_RX_BAD : VNICVF_RX_NOMEM;
		}
		first = false;
		rx->clean++;
	} while (--todo && !(flags & VNIC_RXC_F_EOP));

	if (unlikely(!(flags & VNIC_RXC_F_EOP)))
		result = VNICVF_RX_BAD;
	if (unlikely(result != VNICVF_RX_FRAME) && f->skb)
		napi_consume_skb(f->skb, 1);
	return result;
}

/* An skb around what a program has left of a frame's buffers. */
static struct sk_buff *vnicvf_rx_build_xdp(struct vnicvf_rx_buf *buf, const struct xdp_buff *xdp)
{
	struct skb_shared_info *shinfo = xdp_get_shared_info_from_buff(xdp);
	u32 meta = xdp->data - xdp->data_meta, nr_frags = 0, size = 0;
	struct sk_buff *skb;

	if (unlikely(xdp_buff_has_frags(xdp))) {	/* where the skb has its own, too */
		nr_frags = shinfo->nr_frags;
		size = shinfo->xdp_frags_size;
	}
	skb = vnicvf_rx_build(buf, xdp->data - xdp->data_hard_start,
			      xdp->data_end - xdp->data);
	if (unlikely(!skb))
		return NULL;
	if (meta)
		skb_metadata_set(skb, meta);
	if (unlikely(nr_frags))
		vnic_xdp_skb_frags(skb, nr_frags, size, nr_frags * buf->size, xdp);
	return skb;
}

/* Buffers of a frame that is not kept, but for the first, which stays in its slot.  A
 * program may have given back some itself.
 */
static void vnicvf_rx_drop_frags(struct vnicvf_qp *qp, const struct xdp_buff *xdp)
{
	struct skb_shared_info *shinfo = xdp_get_shared_info_from_buff(xdp);
	u32 i;

	if (likely(!xdp_buff_has_frags(xdp)))
		return;
	for (i = 0; i < shinfo->nr_frags; i++)
		page_pool_put_full_page(qp->rx.pool, skb_frag_page(&shinfo->frags[i]), true);
}

/* What a program has passed.  Return: false without memory. */
static bool vnicvf_rx_take_xdp(struct vnicvf_qp *qp, struct vnicvf_rx_frame *f,
			       struct vnicvf_rx_buf *buf, const struct xdp_buff *xdp)
{
	u32 len = xdp->data_end - xdp->data;

	f->copied = len <= VNICVF_RX_COPY && xdp->data == xdp->data_meta &&
		    !xdp_buff_has_frags(xdp);
	if (f->copied) {
		f->skb = vnicvf_rx_copy(qp, xdp->data, len);
		vnicvf_rx_keep(qp, buf);
		return f->skb;
	}
	f->skb = vnicvf_rx_build_xdp(buf, xdp);
	if (likely(f->skb))
		return true;
	vnicvf_rx_drop_frags(qp, xdp);
	vnicvf_rx_keep(qp, buf);
	return false;
}

/* One buffer into the frame that a program is to see. */
static enum vnicvf_rx_result vnicvf_rx_add_xdp(struct vnicvf_qp *qp, struct xdp_buff *xdp,
					       struct vnicvf_rx_buf *buf, u16 len, bool first)
{
	struct vnicvf_rxq *rx = &qp->rx;

	page_pool_dma_sync_for_cpu(rx->pool, buf->page, buf->offset + rx->headroom, len);
	if (likely(first)) {
		xdp_init_buff(xdp, buf->size, &rx->xdp);
		xdp_prepare_buff(xdp, page_address(buf->page) + buf->offset, rx->headroom, len,
				 true);
		return VNICVF_RX_FRAME;
	}
	if (!vnic_xdp_add_frag(xdp, buf->page, buf->offset + rx->headroom, len, buf->size))
		return VNICVF_RX_BAD;
	buf->page = NULL;
	return VNICVF_RX_FRAME;
}

/* The buffers of one frame, as with vnicvf_rx_gather().  @xdp is made if the first is good. */
static enum vnicvf_rx_result vnicvf_rx_collect_xdp(struct vnicvf_qp *qp, struct vnicvf_rx_frame *f,
						   struct xdp_buff *xdp, u32 todo, bool frags)
{
	enum vnicvf_rx_result result = VNICVF_RX_FRAME;
	struct vnicvf_rxq *rx = &qp->rx;
	const struct vnic_rx_cmpl *c;
	struct vnicvf_rx_buf *buf;
	bool first = true;
	u16 len, flags;

	xdp->data = NULL;
	do {
		c = &rx->desc[rx->clean & rx->mask].cmpl;
		buf = vnicvf_rx_buf(rx, rx->clean);
		flags = le16_to_cpu(READ_ONCE(c->flags));
		len = le16_to_cpu(READ_ONCE(c->len));
		if (first)
			vnicvf_rx_first(f, c, flags);
		if (likely(result == VNICVF_RX_FRAME))
			result = vnicvf_rx_check(rx->buf_len, flags, len, first);
		if (unlikely(!first && !frags && result == VNICVF_RX_FRAME))
			result = VNICVF_RX_LONG;
		if (likely(result == VNICVF_RX_FRAME))
			result = vnicvf_rx_add_xdp(qp, xdp, buf, len, first);
		if (unlikely(result != VNICVF_RX_FRAME))
			vnicvf_rx_keep(qp, buf);
		first = false;
		rx->clean++;
	} while (--todo && !(flags & VNIC_RXC_F_EOP));

	return flags & VNIC_RXC_F_EOP ? result : VNICVF_RX_BAD;
}

/* The same as vnicvf_rx_gather() with a program attached. */
static enum vnicvf_rx_result vnicvf_rx_gather_xdp(struct vnicvf_qp *qp, struct vnicvf_rx_frame *f,
						  const struct bpf_prog *prog, u32 todo)
{
	struct vnicvf_rxq *rx = &qp->rx;
	struct vnicvf_rx_buf *buf = vnicvf_rx_buf(rx, rx->clean);
	enum vnicvf_rx_result result;
	struct xdp_buff xdp;

	result = vnicvf_rx_collect_xdp(qp, f, &xdp, todo, prog->aux->xdp_has_frags);
	if (unlikely(result != VNICVF_RX_FRAME)) {
		if (xdp.data) {
			vnicvf_rx_drop_frags(qp, &xdp);
			vnicvf_rx_keep(qp, buf);
		}
		return result;
	}
	switch (vnicvf_xdp_run(qp, prog, &xdp)) {
	case VNICVF_XDP_PASS:
		return vnicvf_rx_take_xdp(qp, f, buf, &xdp) ? VNICVF_RX_FRAME : VNICVF_RX_NOMEM;
	case VNICVF_XDP_TAKEN:
		buf->page = NULL;
		return VNICVF_RX_XDP;
	default:
		vnicvf_rx_drop_frags(qp, &xdp);
		vnicvf_rx_keep(qp, buf);
		return VNICVF_RX_XDP;
	}
}

/* A frame of several segments, as the sender's stack made it: TCP with a
 * partial checksum.  Its headers are checked by whoever segments it.
 */
static bool vnicvf_rx_gso(struct vnicvf_rx_frame *f)
{
	struct skb_shared_info *shinfo = skb_shinfo(f->skb);
	struct sk_buff *skb = f->skb;

	if (!(f->flags & VNIC_RXC_F_CSUM_PARTIAL) ||
	    f->csum_offset != offsetof(struct tcphdr, check) ||
	    f->hdr_len < f->csum_start + sizeof(struct tcphdr) ||
	    f->hdr_len > skb_headlen(skb) ||
	    f->gso_size < TCP_MIN_GSO_SIZE || f->gso_size == GSO_BY_FRAGS)
		return false;
	if (skb->len - f->hdr_len <= f->gso_size)
		return true;
	shinfo->gso_size = f->gso_size;
	shinfo->gso_segs = DIV_ROUND_UP(skb->len - f->hdr_len, f->gso_size);
	shinfo->gso_type = SKB_GSO_DODGY |
			   (f->flags & VNIC_RXC_F_TSO4 ? SKB_GSO_TCPV4 : SKB_GSO_TCPV6);
	return true;
}

/* Checksum, segments, hash.  Return: false: they make no sense. */
static bool vnicvf_rx_offloads(struct vnicvf_qp *qp, struct vnicvf_rx_frame *f)
{
	struct net_device *netdev = qp->vf->netdev;

	if (f->flags & VNIC_RXC_F_CSUM_PARTIAL) {
		if (!skb_partial_csum_set(f->skb, f->csum_start, f->csum_offset))
			return false;
	} else if (f->flags & VNIC_RXC_F_CSUM_OK && netdev->features & NETIF_F_RXCSUM) {
		f->skb->ip_summed = CHECKSUM_UNNECESSARY;
	}
	if (f->flags & (VNIC_RXC_F_TSO4 | VNIC_RXC_F_TSO6) && !vnicvf_rx_gso(f))
		return false;
	if (f->flags & (VNIC_RXC_F_HASH_L3 | VNIC_RXC_F_HASH_L4) &&
	    netdev->features & NETIF_F_RXHASH)
		skb_set_hash(f->skb, f->hash, f->flags & VNIC_RXC_F_HASH_L4 ? PKT_HASH_TYPE_L4 :
									      PKT_HASH_TYPE_L3);
	return true;
}

static void vnicvf_rx_account(struct vnicvf_rxq *rx, const struct vnicvf_rx_frame *f)
{
	const struct skb_shared_info *shinfo = skb_shinfo(f->skb);
	struct vnicvf_rx_stats *st = &rx->stats;
	unsigned int segs = 1, bytes = f->skb->len;

	u64_stats_update_begin(&st->syncp);
	if (shinfo->gso_size) {
		segs = shinfo->gso_segs;
		bytes += (segs - 1) * f->hdr_len;
		u64_stats_inc(&st->gso_packets);
		u64_stats_add(&st->gso_segs, segs);
	}
	if (is_multicast_ether_addr(f->skb->data) && !is_broadcast_ether_addr(f->skb->data))
		u64_stats_add(&st->multicast, segs);
	if (f->skb->ip_summed == CHECKSUM_NONE)
		u64_stats_inc(&st->csum_none);
	else if (f->skb->ip_summed == CHECKSUM_PARTIAL)
		u64_stats_inc(&st->csum_partial);
	else
		u64_stats_inc(&st->csum_ok);
	if (f->copied)
		u64_stats_inc(&st->copied);
	if (f->in_long)
		u64_stats_inc(&st->long_frames);
	u64_stats_add(&st->packets, segs);
	u64_stats_add(&st->bytes, bytes);
	u64_stats_update_end(&st->syncp);
}

static void vnicvf_rx_drop(struct vnicvf_rxq *rx, enum vnicvf_rx_result why)
{
	struct vnicvf_rx_stats *st = &rx->stats;

	u64_stats_update_begin(&st->syncp);
	if (why == VNICVF_RX_NOMEM) {
		u64_stats_inc(&st->alloc_fail);
		u64_stats_inc(&st->nomem);
	} else if (why == VNICVF_RX_ABORTED) {
		u64_stats_inc(&st->aborted);
	} else if (why == VNICVF_RX_LONG) {
		u64_stats_inc(&st->xdp_aborted);
	} else {
		u64_stats_inc(&st->errors);
	}
	u64_stats_update_end(&st->syncp);
}

static void vnicvf_rx_one(struct vnicvf_qp *qp, const struct bpf_prog *prog, u32 todo)
{
	enum vnicvf_rx_result result;
	struct vnicvf_rx_frame f;

	if (unlikely(prog))
		result = qp->rx.xsk ? vnicvf_xsk_gather(qp, &f, prog, todo) :
				      vnicvf_rx_gather_xdp(qp, &f, prog, todo);
	else
		result = vnicvf_rx_gather(qp, &f, todo);
	if (unlikely(result == VNICVF_RX_XDP))
		return;
	if (unlikely(result != VNICVF_RX_FRAME)) {
		vnicvf_rx_drop(&qp->rx, result);
		return;
	}
	if (unlikely(!vnicvf_rx_offloads(qp, &f))) {
		napi_consume_skb(f.skb, 1);
		vnicvf_rx_drop(&qp->rx, VNICVF_RX_BAD);
		return;
	}
	vnicvf_rx_weigh(&qp->rx, f.skb->len);
	vnicvf_rx_account(&qp->rx, &f);
	skb_record_rx_queue(f.skb, qp->index);
	f.skb->protocol = eth_type_trans(f.skb, qp->vf->netdev);
	vnicvf_stack_rx(qp, f.skb);
}

/**
 * vnicvf_rx_poll - receive
 * @qp: queue pair
 * @budget: frames at most, > 0
 *
 * Also what arrives meanwhile, as long as the budget lasts.
 *
 * Context: NAPI.
 * Return: frames taken.
 */
int vnicvf_rx_poll(struct vnicvf_qp *qp, int budget)
{
	const struct bpf_prog *prog = READ_ONCE(qp->vf->prog);
	struct vnicvf_rxq *rx = &qp->rx;
	u32 cons = vnicvf_load(&rx->ev->cons);
	int work = 0;

	while (work < budget && cons != rx->clean) {
		if (unlikely(cons - rx->clean > rx->prod - rx->clean)) {
			vnicvf_qp_fail(qp);
			break;
		}
		if (unlikely(cons - rx->clean > max(rx->want, rx->prod - rx->clean) / 2) &&
		    rx->buf_mask != rx->mask)
			vnicvf_rx_grow(rx);
		for (; work < budget && cons != rx->clean; work++) {
			vnicvf_rx_one(qp, prog, cons - rx->clean);
			vnicvf_rx_refill(qp, rx->batch);
		}
		cons = vnicvf_load(&rx->ev->cons);
	}
	vnicvf_stack_end(qp);
	/* All of them: the device takes those that are missing for frames that are not seen to.
	 * vnicvf_rx_retry() counts on it, too: there may be no frame.
	 */
	vnicvf_rx_refill(qp, rx->xsk ? rx->batch : 1);
	if (unlikely(prog))
		vnicvf_xdp_flush(qp);
	return work;
}

/* Ask for an interrupt with the next frame.  Return: index at which there is
 * something to receive.
 */
u32 vnicvf_rx_arm(struct vnicvf_rxq *rx)
{
	u32 at = rx->clean + 1;

	WRITE_ONCE(rx->ev->intr_at, cpu_to_le32(at));
	return at;
}
