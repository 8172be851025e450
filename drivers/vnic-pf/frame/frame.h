/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A frame on its way through the switch.
 *
 * Made from a VF's descriptors or from an skb.  Its headers are copied once,
 * and everything is decided from, and delivered from, that copy: the sender
 * may rewrite its memory at any time.  The rest of a VF's frame is reached
 * through spans, good only inside the preemption-disabled stretch in which the
 * frame was made; an skb's through the skb.
 *
 * The outermost VLAN tag is never in hdr[] or in len: it is held in vlan_*.
 *
 * frame/ stands on lib/ alone, takes no lock, and is called by all that have frames in
 * hand.
 */
#ifndef _VNIC_FRAME_H
#define _VNIC_FRAME_H

#include <linux/bits.h>
#include <linux/skbuff.h>
#include <linux/types.h>
#include <vnic/vnic_ring.h>

#define VNIC_HDR_MAX	256	/* bytes of each frame that are copied and looked at, at most */
#define VNIC_HDR_USUAL	128	/* ... of which all but odd headers need no more than these */
#define VNIC_HDR_ROOM	4	/* the switch may put a guest's tag back into a frame */
#define VNIC_BATCH	32	/* frames of one forwarding batch */

struct vnic_port;

struct vnic_span {
	const u8	*ptr;
	u32		len;
};

/* vnic_frame.flags.  Where native completions have such a bit it is the same (native/rx.c). */
#define VNIC_FR_CSUM_OK		BIT(2)	/* verified by a lower device */
#define VNIC_FR_CSUM_PARTIAL	BIT(3)	/* csum_start, csum_offset valid */
#define VNIC_FR_TSO4		BIT(4)	/* TCP of gso_size bytes a segment */
#define VNIC_FR_TSO6		BIT(5)
#define VNIC_FR_TSO		(VNIC_FR_TSO4 | VNIC_FR_TSO6)
#define VNIC_FR_HASH_L3		BIT(6)	/* hash valid */
#define VNIC_FR_HASH_L4		BIT(7)
/* What no native completion has: UDP of gso_size bytes a segment */
#define VNIC_FR_USO4		BIT(12)
#define VNIC_FR_USO6		BIT(13)
#define VNIC_FR_USO		(VNIC_FR_USO4 | VNIC_FR_USO6)
#define VNIC_FR_GSO		(VNIC_FR_TSO | VNIC_FR_USO)
/* ... and of what the hash is, beside its layer */
#define VNIC_FR_HASH_V6		BIT(14)
#define VNIC_FR_HASH_UDP	BIT(15)
#define VNIC_FR_HASHED		(VNIC_FR_HASH_L3 | VNIC_FR_HASH_L4)
#define VNIC_FR_HASH		(VNIC_FR_HASHED | VNIC_FR_HASH_V6 | VNIC_FR_HASH_UDP)

/**
 * struct vnic_frame - a frame in the switch
 * @len: bytes, Ethernet header included, VLAN tag (in vlan_tci) and FCS not
 * @wire: layer-2 bytes it has on a wire, without FCS: all segments with their
 *	headers (no tag): what meters are charged and rx_bytes counts
 * @segs: frames on a wire (1, or the number of segments)
 * @hdr_len: valid bytes of @hdr.  A frame's maker sets min(len, VNIC_HDR_USUAL),
 *	or as much up to VNIC_HDR_MAX as holds the headers that the sender points
 *	to; a tag moved from or to the header makes it VLAN_HLEN bytes shorter or
 *	longer
 * @nspans: spans with the bytes behind @hdr; 0 for an skb frame
 * @flags: VNIC_FR_*
 * @csum_start: offset in the frame (tag not counted)
 * @csum_offset: from @csum_start
 * @gso_size: bytes of TCP or UDP payload a segment
 * @gso_hdr_len: bytes of headers of a segment, Ethernet to TCP or UDP (tag not counted)
 * @vlan_tci: tag, if @vlan_proto.  For each destination the switch sets both
 *	to what that port is to see (port VLAN stripped) before it calls
 *	deliver(), and sets them back afterwards; inner tags stay in @hdr
 * @vlan_proto: htons(ETH_P_8021Q), htons(ETH_P_8021AD) or 0: untagged
 * @copies: destinations still to be served, the one being served included; see
 *	vnic_frame_take_skb()
 * @assured: the sender is inside its guarantee, set by vnic_switch_forward()
 * @answer: a port's program made it, and no other answers it
 * @behind: buffers that who receives has got before and not seen to, set by deliver();
 *	0: it is not known, or that waits for an interrupt
 * @hash: receive hash for the destination being served
 * @src: port that sends, set by vnic_switch_forward()
 * @skb: skb frame: the skb, data at the Ethernet header; NULL once taken
 * @spans: bytes behind @hdr
 * @hdr: the first @hdr_len bytes
 */
struct vnic_frame {
	u32		len;
	u32		wire;
	u16		segs;
	u16		hdr_len;
	u16		nspans;
	u16		flags;
	u16		csum_start;
	u16		csum_offset;
	u16		gso_size;
	u16		gso_hdr_len;
	u16		vlan_tci;
	__be16		vlan_proto;
	u16		copies;
	bool		assured;
	bool		answer;
	u32		behind;
	u32		hash;
	struct vnic_port *src;
	struct sk_buff	*skb;
	/* a 64 KB buffer spans 17 pages at most */
	struct vnic_span spans[2 * VNIC_TX_MAX_BUFS + 16];
	u8		hdr[VNIC_HDR_MAX + VNIC_HDR_ROOM];
};

/**
 * struct vnic_headers - where the headers of a frame are
 * @l3: offset of the IP header
 * @l4: offset of what follows it and its options or extension headers
 * @l3_proto: ETH_P_IP or ETH_P_IPV6
 * @l4_proto: IPPROTO_* of what is at @l4
 * @fragment: part of a datagram: no (whole) header at @l4
 */
struct vnic_headers {
	u16	l3;
	u16	l4;
	u16	l3_proto;
	u8	l4_proto;
	bool	fragment;
};

/* frame.c */

/* Find the headers in the copy.  False: not IP, or the header is cut off. */
bool vnic_frame_parse(const struct vnic_frame *f, struct vnic_headers *h);

/* Fill @f from @skb (data at the Ethernet header, not shared; hwaccel or inline
 * tag moves to vlan_*).  Does not take the skb: f->skb = skb, owned by the
 * caller until taken, so that whoever called vnic_switch_forward() frees f->skb
 * of each consumed frame if it is still there.  Any context.
 *
 * 0; -EINVAL: the skb cannot be a frame; -ENOMEM; -EOPNOTSUPP: segmentation of
 * a kind the switch does not know (anything but TCP and UDP straight over IP, headers
 * longer than VNIC_HDR_MAX, a frag_list of whole packets, larger than VNIC_FRAME_MAX):
 * the caller drops it, or segments it first (skb_gso_segment()) and offers the segments.
 */
int vnic_frame_from_skb(struct vnic_frame *f, struct sk_buff *skb);

/* Finish a VF's frame whose len, hdr, hdr_len, spans and offload fields (as the
 * sender gave them) are set: move the inline tag to vlan_*, check that offload
 * requests fit the headers (offsets inside, protocol is TCP or UDP over the IP version
 * named, lengths plausible), compute segs and wire.  VNIC_FR_USO, both bits: UDP over
 * whichever IP it is; gso_hdr_len 0: up to the end of TCP's or UDP's header.  A request
 * of a single segment becomes a checksum request.
 * -EINVAL: malformed, or too many segments (each costs the same whatever its size): TCP
 * with a gso_size below VNIC_GSO_MIN, UDP in more than UDP_MAX_SEGMENTS.
 */
int vnic_frame_finish(struct vnic_frame *f);

/* Do the IP headers of the copy say that the sender reacts to marks (RFC 3168)?
 * Mark it as having met congestion, if they do.
 */
bool vnic_frame_ect(const struct vnic_frame *f);
void vnic_frame_set_ce(struct vnic_frame *f);

/* Put tag @tci, @proto back into the header copy (a frame made of spans only). */
void vnic_frame_push_tag(struct vnic_frame *f, u16 tci, __be16 proto);

/* Copy @len bytes from offset @off of the frame (tag not counted). */
void vnic_frame_copy(const struct vnic_frame *f, unsigned int off, void *to, unsigned int len);

/* Internet checksum (not folded) of @len bytes from @off of the frame */
__wsum vnic_frame_csum(const struct vnic_frame *f, unsigned int off, unsigned int len);

/* An skb of the frame for a netdev (PF or uplink), data at the Ethernet header,
 * tag as hwaccel tag, offloads set: the frame's own if this is its last
 * destination, a clone, or a new one with the bytes copied.  NULL: no memory.
 * Context: BH or preemption disabled.
 */
struct sk_buff *vnic_frame_take_skb(struct vnic_frame *f);

/* segment.c: for a destination without RX_GSO or RX_CSUM.  Number of pieces is
 * f->segs.  Writes the headers of piece @i (lengths, ids, sequence, flags,
 * checksum) to @hdr and says which bytes of the frame's payload follow.
 * The checksum is computed over the copied payload by the caller:
 */
struct vnic_piece {
	u8	hdr[VNIC_HDR_MAX + VNIC_HDR_ROOM];
	u32	hdr_len;	/* bytes of hdr to deliver */
	u32	off;		/* offset in the frame of the bytes behind */
	u32	len;		/* bytes behind */
};

/*
 * Complete a partial checksum that is not TCP's or UDP's own in the header copy: a port's
 * program is to judge what the destination will get, and the sender chose where it goes.
 * False: without memory.
 */
bool vnic_frame_settle_csum(struct vnic_frame *f);

/* Piece @i of @f as a complete wire frame without offloads: @p->hdr finished,
 * checksum included (reads the payload through @f).
 */
void vnic_frame_piece(const struct vnic_frame *f, unsigned int i, struct vnic_piece *p);

#endif /* _VNIC_FRAME_H */
