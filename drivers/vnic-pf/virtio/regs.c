// SPDX-License-Identifier: GPL-2.0
/*
 * Registers of a virtio device over PCI (4.1.4): common configuration, device
 * configuration, interrupt status, notifications; and the device's life.
 *
 * Values come from the driver and are hostile: each is used once.  Under vnic_fn.lock,
 * which no worker takes; a reset, and what needs the switch, is done without it.
 */
#include <linux/nospec.h>
#include <linux/slab.h>

#include "../personality.h"
#include "../model/worker.h"
#include "virtio.h"

#define VNIC_VIRTIO_USECS	20	/* between a queue's interrupts, until the driver says */

static u64 vnic_virtio_offered(const struct vnic_virtio *v)
{
	u64 features = BIT_ULL(VIRTIO_F_VERSION_1) | BIT_ULL(VIRTIO_F_ACCESS_PLATFORM) |
		       BIT_ULL(VIRTIO_F_IN_ORDER) | BIT_ULL(VIRTIO_F_RING_RESET) |
		       BIT_ULL(VIRTIO_RING_F_EVENT_IDX) | BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC) |
		       BIT_ULL(VIRTIO_NET_F_CSUM) | BIT_ULL(VIRTIO_NET_F_GUEST_CSUM) |
		       BIT_ULL(VIRTIO_NET_F_CTRL_GUEST_OFFLOADS) | BIT_ULL(VIRTIO_NET_F_MAC) |
		       BIT_ULL(VIRTIO_NET_F_GUEST_TSO4) | BIT_ULL(VIRTIO_NET_F_GUEST_TSO6) |
		       BIT_ULL(VIRTIO_NET_F_HOST_TSO4) | BIT_ULL(VIRTIO_NET_F_HOST_TSO6) |
		       BIT_ULL(VIRTIO_NET_F_GUEST_USO4) | BIT_ULL(VIRTIO_NET_F_GUEST_USO6) |
		       BIT_ULL(VIRTIO_NET_F_HOST_USO) |
		       BIT_ULL(VIRTIO_NET_F_MRG_RXBUF) | BIT_ULL(VIRTIO_NET_F_STATUS) |
		       BIT_ULL(VIRTIO_NET_F_CTRL_VQ) | BIT_ULL(VIRTIO_NET_F_CTRL_RX) |
		       BIT_ULL(VIRTIO_NET_F_CTRL_VLAN) | BIT_ULL(VIRTIO_NET_F_CTRL_MAC_ADDR) |
		       BIT_ULL(VIRTIO_NET_F_NOTF_COAL) | BIT_ULL(VIRTIO_NET_F_VQ_NOTF_COAL) |
		       BIT_ULL(VIRTIO_NET_F_RSS) | BIT_ULL(VIRTIO_NET_F_HASH_REPORT) |
		       BIT_ULL(VIRTIO_NET_F_GUEST_ANNOUNCE) |
		       BIT_ULL(VIRTIO_NET_F_SPEED_DUPLEX);

	if (v->fn->pers != &vnic_virtio_split_personality)
		features |= BIT_ULL(VIRTIO_F_RING_PACKED);
	if (v->pairs > 1)
		features |= BIT_ULL(VIRTIO_NET_F_MQ);
	return features;
}

/* 5.1.3.1: what needs what */
static const u8 vnic_virtio_depends[][2] = {
	{ VIRTIO_NET_F_GUEST_TSO4, VIRTIO_NET_F_GUEST_CSUM },
	{ VIRTIO_NET_F_GUEST_TSO6, VIRTIO_NET_F_GUEST_CSUM },
	{ VIRTIO_NET_F_HOST_TSO4, VIRTIO_NET_F_CSUM },
	{ VIRTIO_NET_F_HOST_TSO6, VIRTIO_NET_F_CSUM },
	{ VIRTIO_NET_F_GUEST_USO4, VIRTIO_NET_F_GUEST_CSUM },
	{ VIRTIO_NET_F_GUEST_USO6, VIRTIO_NET_F_GUEST_CSUM },
	{ VIRTIO_NET_F_HOST_USO, VIRTIO_NET_F_CSUM },
	{ VIRTIO_NET_F_CTRL_RX, VIRTIO_NET_F_CTRL_VQ },
	{ VIRTIO_NET_F_CTRL_VLAN, VIRTIO_NET_F_CTRL_VQ },
	{ VIRTIO_NET_F_CTRL_MAC_ADDR, VIRTIO_NET_F_CTRL_VQ },
	{ VIRTIO_NET_F_CTRL_GUEST_OFFLOADS, VIRTIO_NET_F_CTRL_VQ },
	{ VIRTIO_NET_F_GUEST_ANNOUNCE, VIRTIO_NET_F_CTRL_VQ },
	{ VIRTIO_NET_F_NOTF_COAL, VIRTIO_NET_F_CTRL_VQ },
	{ VIRTIO_NET_F_VQ_NOTF_COAL, VIRTIO_NET_F_CTRL_VQ },
	{ VIRTIO_NET_F_RSS, VIRTIO_NET_F_CTRL_VQ },
	{ VIRTIO_NET_F_HASH_REPORT, VIRTIO_NET_F_CTRL_VQ },
	{ VIRTIO_NET_F_MQ, VIRTIO_NET_F_CTRL_VQ },
};

static bool vnic_virtio_features_ok(const struct vnic_virtio *v)
{
	unsigned int i;

	if (!vnic_virtio_has(v, VIRTIO_F_VERSION_1) || v->features & ~vnic_virtio_offered(v))
		return false;
	for (i = 0; i < ARRAY_SIZE(vnic_virtio_depends); i++)
		if (vnic_virtio_has(v, vnic_virtio_depends[i][0]) &&
		    !vnic_virtio_has(v, vnic_virtio_depends[i][1]))
			return false;
	return true;
}

/* ---- queues ---- */

static const struct vnic_ring_ops vnic_vring_ops = {
	.prod		= vnic_vring_prod,
	.publish	= vnic_vring_publish,
	.arm		= vnic_vring_arm,
	.behind		= vnic_vring_behind,
	.tx_cut		= vnic_vring_tx_cut,
	.rx_fetch	= vnic_vring_rx_fetch,
	.rx_quick	= vnic_vring_rx_quick,
	.rx_room	= vnic_vring_rx_room,
	.rx_front	= vnic_vring_rx_front,
	.rx_complete	= vnic_vring_rx_complete,
};

/* The selected one; NULL: there is none of this number. */
static struct vnic_vq *vnic_vq_selected(struct vnic_virtio *v)
{
	unsigned int i = v->queue_sel;

	return i <= 2 * v->pairs ? &v->vq[array_index_nospec(i, VNIC_VQ_MAX)] : NULL;
}

/* Of a queue that there is, as the driver counts */
static struct vnic_ring *vnic_vq_ring(struct vnic_virtio *v, unsigned int index)
{
	if (index == vnic_virtio_ctrl(v))
		return &v->ctrl;
	return index & 1 ? &v->fn->txq[index / 2].ring : &v->fn->rxq[index / 2].ring;
}

/* The vector it raises, which has the queue's moderation; none: it is mute.  Its worker
 * paused; of a receive queue in use vnic_rxq.lock held, too
 */
static void vnic_vq_aim(struct vnic_virtio *v, unsigned int index, struct vnic_ring *ring,
			u16 vector)
{
	const struct vnic_virtio_moderation *m = &v->vq_moderation[index];

	ring->vring.mute = vector >= READ_ONCE(v->fn->vectors);
	ring->vector = ring->vring.mute ? 0 : array_index_nospec(vector, VNIC_MAX_VECTORS);
	if (!ring->vring.mute && index != vnic_virtio_ctrl(v))
		vnic_vector_set_moderation(&v->fn->vec[ring->vector],
					   m->set ? m->usecs : VNIC_VIRTIO_USECS, m->frames);
}

static void vnic_vq_set_ring(struct vnic_virtio *v, const struct vnic_vq *q,
			     struct vnic_ring *ring)
{
	ring->ops = &vnic_vring_ops;
	ring->addr = q->desc;
	ring->size = q->size;
	ring->seen = 0;
	ring->vring = (struct vnic_vring) {
		.driver		= q->driver,
		.device		= q->device,
		.packed		= vnic_virtio_has(v, VIRTIO_F_RING_PACKED),
		.event_idx	= vnic_virtio_has(v, VIRTIO_RING_F_EVENT_IDX),
		.indirect	= vnic_virtio_has(v, VIRTIO_RING_F_INDIRECT_DESC),
		.merge		= vnic_virtio_has(v, VIRTIO_NET_F_MRG_RXBUF),
		.front		= vnic_virtio_front(v),
	};
}

static bool vnic_vq_ok(struct vnic_fn *fn, const struct vnic_ring *ring)
{
	bool ok;

	vnic_as_begin();
	ok = vnic_vring_reaches(fn, ring);
	vnic_as_end();
	return ok;
}

/* Open queue @index with its worker paused.  0; -EFAULT; -ENOMEM */
static int vnic_vq_open(struct vnic_virtio *v, unsigned int index, const struct vnic_vq *q)
{
	struct vnic_fn *fn = v->fn;
	unsigned int qp = index / 2;
	struct vnic_txq *txq = &fn->txq[qp];
	struct vnic_rxq *rxq = &fn->rxq[qp];
	struct vnic_ring *ring = vnic_vq_ring(v, index);

	vnic_vq_set_ring(v, q, ring);
	if (!vnic_vq_ok(fn, ring))
		return -EFAULT;
	v->vq_moderation[index] = v->moderation[index & 1];
	vnic_vq_aim(v, index, ring, q->vector);
	if (index == vnic_virtio_ctrl(v)) {
		ring->rx = true;	/* what is consumed goes back as it is answered */
		ring->live = true;
		return 0;
	}
	if (index & 1)
		return vnic_txq_open(txq);
	return vnic_rxq_open(rxq, vnic_virtio_tell(v), VNIC_VQ_SIZE);
}

static void vnic_vq_close(struct vnic_virtio *v, unsigned int index)
{
	struct vnic_fn *fn = v->fn;
	unsigned int qp = index / 2;

	if (index == vnic_virtio_ctrl(v))
		vnic_ctrl_reset(v);
	else if (index & 1 && fn->txq[qp].ring.live)
		vnic_txq_close(&fn->txq[qp]);
	else if (!(index & 1) && fn->rxq[qp].ring.live)
		vnic_rxq_close(&fn->rxq[qp]);
}

/* The queue pair whose worker has the queue's turns */
static unsigned int vnic_vq_qp(const struct vnic_virtio *v, unsigned int index)
{
	return index == vnic_virtio_ctrl(v) ? 0 : index / 2;
}

/* The first worker, which others' pauses are nested in, then the queue's own */
static void vnic_vq_pause(const struct vnic_fn *fn, unsigned int qp)
{
	vnic_worker_pause(fn->worker[0]);
	if (qp)
		vnic_worker_pause(fn->worker[qp]);
}

static void vnic_vq_resume(const struct vnic_fn *fn, unsigned int qp)
{
	if (qp)
		vnic_worker_resume(fn->worker[qp]);
	vnic_worker_resume(fn->worker[0]);
}

static void vnic_vq_enable(struct vnic_virtio *v)
{
	struct vnic_vq *q = vnic_vq_selected(v);
	unsigned int index = v->queue_sel, qp;
	struct vnic_fn *fn = v->fn;
	int err;

	if (!q || q->enabled || !(v->status & VIRTIO_CONFIG_S_FEATURES_OK) ||
	    index > vnic_virtio_ctrl(v))
		return;
	qp = vnic_vq_qp(v, index);
	err = vnic_worker_start(fn->worker[qp], true);
	if (!err) {
		vnic_vq_pause(fn, qp);
		err = vnic_vq_open(v, index, q);
		vnic_vq_resume(fn, qp);
	}
	q->enabled = !err;
	if (err == -EFAULT)
		vnic_fn_fail(fn, "virtqueue is not in the driver's memory");
	else if (err)
		vnic_fn_fail(fn, "no memory for a virtqueue");
	else if (test_bit(VNIC_FN_ENABLED, &fn->flags))
		vnic_fn_wake_queues(fn);
}

/* 4.1.4.3.2: the queue is as after the device's reset when it returns. */
static void vnic_vq_reset(struct vnic_virtio *v)
{
	struct vnic_vq *q = vnic_vq_selected(v);
	unsigned int qp = vnic_vq_qp(v, v->queue_sel);

	if (!q || !q->enabled || !vnic_virtio_has(v, VIRTIO_F_RING_RESET))
		return;
	vnic_vq_pause(v->fn, qp);
	vnic_vq_close(v, v->queue_sel);
	*q = (struct vnic_vq) { .size = VNIC_VQ_SIZE, .vector = VIRTIO_MSI_NO_VECTOR };
	vnic_vq_resume(v->fn, qp);
}

/* What vnic_vq_set_vector() is for.  Is there something to tell? */
static bool vnic_vq_turn(struct vnic_virtio *v, struct vnic_vq *q, unsigned int index,
			 struct vnic_ring *ring, u16 vector)
{
	WRITE_ONCE(q->vector, vector);
	vnic_vq_aim(v, index, ring, vector);
	return ring->vring.told && !ring->vring.mute;
}

/*
 * Of a queue in use: many drivers set vectors after they have enabled queues, and look
 * whether they are kept (4.1.5.1.2.2).  What the vector before was to tell may not have
 * been heard, or is held back for it; the new one tells of that, too.
 */
static void vnic_vq_set_vector(struct vnic_virtio *v, struct vnic_vq *q, u16 vector)
{
	unsigned int index = v->queue_sel, qp = vnic_vq_qp(v, index);
	struct vnic_ring *ring = vnic_vq_ring(v, index);
	struct vnic_fn *fn = v->fn;
	bool tell;

	if (vector == q->vector)
		return;
	vnic_vq_pause(fn, qp);
	if (ring == &fn->rxq[qp].ring) {
		spin_lock_bh(&fn->rxq[qp].lock);	/* who sends delivers */
		tell = vnic_vq_turn(v, q, index, ring, vector);
		spin_unlock_bh(&fn->rxq[qp].lock);
	} else {
		tell = vnic_vq_turn(v, q, index, ring, vector);
	}
	vnic_vq_resume(fn, qp);
	if (tell)
		vnic_vector_raise(fn, vector, 1, 0);
}

/* ---- common configuration ---- */

static u8 vnic_virtio_get_status(const struct vnic_virtio *v)
{
	bool failed = v->status && test_bit(VNIC_FN_FAILED, &v->fn->flags);

	return v->status | (failed || v->lost ? VIRTIO_CONFIG_S_NEEDS_RESET : 0);
}

static u32 vnic_virtio_read_queue(struct vnic_virtio *v, u32 offset)
{
	const struct vnic_vq *q = vnic_vq_selected(v);

	if (!q)
		return 0;
	switch (offset) {
	case VIRTIO_PCI_COMMON_Q_SIZE:
		return q->size;
	case VIRTIO_PCI_COMMON_Q_MSIX:
		return q->vector;
	case VIRTIO_PCI_COMMON_Q_ENABLE:
		return q->enabled;
	case VIRTIO_PCI_COMMON_Q_NOFF:
	case VIRTIO_PCI_COMMON_Q_NDATA:
		return v->queue_sel;
	case VIRTIO_PCI_COMMON_Q_DESCLO:
		return lower_32_bits(q->desc);
	case VIRTIO_PCI_COMMON_Q_DESCHI:
		return upper_32_bits(q->desc);
	case VIRTIO_PCI_COMMON_Q_AVAILLO:
		return lower_32_bits(q->driver);
	case VIRTIO_PCI_COMMON_Q_AVAILHI:
		return upper_32_bits(q->driver);
	case VIRTIO_PCI_COMMON_Q_USEDLO:
		return lower_32_bits(q->device);
	case VIRTIO_PCI_COMMON_Q_USEDHI:
		return upper_32_bits(q->device);
	}
	return 0;
}

static u32 vnic_virtio_read_common(struct vnic_virtio *v, u32 offset)
{
	switch (offset) {
	case VIRTIO_PCI_COMMON_DFSELECT:
		return v->device_sel;
	case VIRTIO_PCI_COMMON_DF:
		return v->device_sel < 2 ? vnic_virtio_offered(v) >> 32 * v->device_sel : 0;
	case VIRTIO_PCI_COMMON_GFSELECT:
		return v->driver_sel;
	case VIRTIO_PCI_COMMON_GF:
		return v->driver_sel < 2 ? v->features >> 32 * v->driver_sel : 0;
	case VIRTIO_PCI_COMMON_MSIX:
		return v->vector;
	case VIRTIO_PCI_COMMON_NUMQ:
		return 2 * v->pairs + 1;
	case VIRTIO_PCI_COMMON_STATUS:
		return vnic_virtio_get_status(v);
	case VIRTIO_PCI_COMMON_CFGGENERATION:
		return READ_ONCE(v->generation);
	case VIRTIO_PCI_COMMON_Q_SELECT:
		return v->queue_sel;
	}
	return vnic_virtio_read_queue(v, offset);
}

/* Bytes of a field; 0: there is none at this offset */
static u32 vnic_virtio_field(u32 offset)
{
	switch (offset) {
	case VIRTIO_PCI_COMMON_STATUS:
	case VIRTIO_PCI_COMMON_CFGGENERATION:
		return sizeof(u8);
	case VIRTIO_PCI_COMMON_MSIX:
	case VIRTIO_PCI_COMMON_NUMQ:
	case VIRTIO_PCI_COMMON_Q_SELECT:
	case VIRTIO_PCI_COMMON_Q_SIZE:
	case VIRTIO_PCI_COMMON_Q_MSIX:
	case VIRTIO_PCI_COMMON_Q_ENABLE:
	case VIRTIO_PCI_COMMON_Q_NOFF:
	case VIRTIO_PCI_COMMON_Q_NDATA:
	case VIRTIO_PCI_COMMON_Q_RESET:
		return sizeof(u16);
	}
	return IS_ALIGNED(offset, sizeof(u32)) && offset < VIRTIO_PCI_COMMON_Q_NDATA ?
	       sizeof(u32) : 0;
}

static void vnic_virtio_set_half(u64 *field, u32 value, bool high)
{
	*field = high ? (u64)value << 32 | lower_32_bits(*field) :
			(*field & ~(u64)U32_MAX) | value;
}

static u16 vnic_virtio_vector(const struct vnic_virtio *v, u32 value)
{
	return value < READ_ONCE(v->fn->vectors) ? value : VIRTIO_MSI_NO_VECTOR;
}

/* A split virtqueue's is a power of two (2.7); what cannot be is not taken over. */
static void vnic_virtio_set_size(const struct vnic_virtio *v, struct vnic_vq *q, u32 value)
{
	if (value && value <= VNIC_VQ_SIZE &&
	    (vnic_virtio_has(v, VIRTIO_F_RING_PACKED) || is_power_of_2(value)))
		q->size = value;
}

/* Of a queue in use only the vector changes. */
static void vnic_virtio_write_queue(struct vnic_virtio *v, u32 offset, u32 value)
{
	struct vnic_vq *q = vnic_vq_selected(v);

	if (q && q->enabled && offset == VIRTIO_PCI_COMMON_Q_MSIX)
		return vnic_vq_set_vector(v, q, vnic_virtio_vector(v, value));
	if (!q || q->enabled)
		return;
	switch (offset) {
	case VIRTIO_PCI_COMMON_Q_SIZE:
		return vnic_virtio_set_size(v, q, value);
	case VIRTIO_PCI_COMMON_Q_MSIX:
		WRITE_ONCE(q->vector, vnic_virtio_vector(v, value));
		return;
	case VIRTIO_PCI_COMMON_Q_DESCLO:
	case VIRTIO_PCI_COMMON_Q_DESCHI:
		return vnic_virtio_set_half(&q->desc, value, offset & 4);
	case VIRTIO_PCI_COMMON_Q_AVAILLO:
	case VIRTIO_PCI_COMMON_Q_AVAILHI:
		return vnic_virtio_set_half(&q->driver, value, offset & 4);
	case VIRTIO_PCI_COMMON_Q_USEDLO:
	case VIRTIO_PCI_COMMON_Q_USEDHI:
		return vnic_virtio_set_half(&q->device, value, offset & 4);
	}
}

/* What the paths go by of the features */
static u64 vnic_virtio_to_native(const struct vnic_virtio *v)
{
	u64 features = 0;

	if (vnic_virtio_steers(v))
		features |= BIT_ULL(VNIC_F_MQ) | BIT_ULL(VNIC_F_RSS);
	if (vnic_virtio_has(v, VIRTIO_NET_F_HASH_REPORT))
		features |= BIT_ULL(VNIC_F_RX_HASH);
	return features;
}

/* Bits are set only (2.1); 0, a reset, does not come here. */
static void vnic_virtio_set_status(struct vnic_virtio *v, u8 value)
{
	u8 new = (value | v->status) & ~(u8)VIRTIO_CONFIG_S_NEEDS_RESET;
	u8 begun = new & ~v->status;

	if (begun & VIRTIO_CONFIG_S_FEATURES_OK) {
		if (vnic_virtio_features_ok(v)) {
			v->offloads = v->features;
			vnic_ctrl_hash_begin(v);
			WRITE_ONCE(v->fn->features, vnic_virtio_to_native(v));
		} else {
			new &= ~VIRTIO_CONFIG_S_FEATURES_OK;
		}
	}
	if (!(new & VIRTIO_CONFIG_S_FEATURES_OK))
		new &= ~VIRTIO_CONFIG_S_DRIVER_OK;
	v->status = new;
	if (begun & new & VIRTIO_CONFIG_S_DRIVER_OK)
		vnic_fn_pend(v->fn, VNIC_PENDING_START);
}

static void vnic_virtio_write_common(struct vnic_virtio *v, u32 offset, u32 value)
{
	switch (offset) {
	case VIRTIO_PCI_COMMON_DFSELECT:
		v->device_sel = value;
		return;
	case VIRTIO_PCI_COMMON_GFSELECT:
		v->driver_sel = value;
		return;
	case VIRTIO_PCI_COMMON_GF:
		if (v->driver_sel < 2 && !(v->status & VIRTIO_CONFIG_S_FEATURES_OK))
			vnic_virtio_set_half(&v->features, value, v->driver_sel);
		return;
	case VIRTIO_PCI_COMMON_MSIX:
		WRITE_ONCE(v->vector, vnic_virtio_vector(v, value));
		return;
	case VIRTIO_PCI_COMMON_STATUS:
		return vnic_virtio_set_status(v, value);
	case VIRTIO_PCI_COMMON_Q_SELECT:
		v->queue_sel = value;
		return;
	case VIRTIO_PCI_COMMON_Q_ENABLE:
		if (value == 1)
			vnic_vq_enable(v);
		return;
	case VIRTIO_PCI_COMMON_Q_RESET:
		if (value == 1)
			vnic_vq_reset(v);
		return;
	}
	vnic_virtio_write_queue(v, offset, value);
}

/* ---- accesses ---- */

static u32 vnic_virtio_read_device(struct vnic_virtio *v, u32 offset, u32 size)
{
	u32 value = 0;

	if (offset + size <= sizeof(v->config)) {
		spin_lock(&v->lock);
		memcpy(&value, (u8 *)&v->config + offset, size);
		spin_unlock(&v->lock);
	}
	return le32_to_cpu((__force __le32)value);
}

static u32 vnic_virtio_read_locked(struct vnic_virtio *v, u32 offset, u32 size)
{
	if (offset < VNIC_VIRTIO_COMMON_LEN)
		return size == vnic_virtio_field(offset) ? vnic_virtio_read_common(v, offset) : 0;
	if (offset == VNIC_VIRTIO_ISR)
		return test_and_clear_bit(1, &v->isr) ? BIT(1) : 0;
	if (offset >= VNIC_VIRTIO_DEVICE && offset < VNIC_VIRTIO_DEVICE + VNIC_VIRTIO_DEVICE_LEN)
		return vnic_virtio_read_device(v, offset - VNIC_VIRTIO_DEVICE, size);
	return 0;
}

static u32 vnic_virtio_read(struct vnic_fn *fn, u32 offset, u32 size)
{
	u32 value;

	mutex_lock(&fn->lock);
	value = vnic_virtio_read_locked(fn->virtio, offset, size);
	mutex_unlock(&fn->lock);
	return value;
}

/* A notification, wherever it was written */
static void vnic_virtio_bell(struct vnic_fn *fn, u32 offset, u32 size)
{
	const struct vnic_virtio *v = fn->virtio;
	unsigned int index = offset / VNIC_VQ_NOTIFY;

	if (offset % VNIC_VQ_NOTIFY || index > 2 * v->pairs)
		return;
	if (index == vnic_virtio_ctrl(v))
		vnic_fn_pend(fn, VNIC_PENDING_REQUEST);
	else
		vnic_queue_kick(fn, index / 2, !(index & 1), true);
}

static void vnic_virtio_write(struct vnic_fn *fn, u32 offset, u32 size, u32 value)
{
	if (offset >= VNIC_DOORBELL_BASE) {
		vnic_virtio_bell(fn, offset - VNIC_DOORBELL_BASE, size);
		return;
	}
	if (offset >= VNIC_VIRTIO_COMMON_LEN || size != vnic_virtio_field(offset))
		return;
	if (offset == VIRTIO_PCI_COMMON_STATUS && !(u8)value) {
		clear_bit(1, &fn->virtio->isr);
		vnic_fn_reset(fn, false);
		WRITE_ONCE(fn->virtio->lost, false);
		return;
	}
	mutex_lock(&fn->lock);
	if (test_bit(VNIC_FN_ATTACHED, &fn->flags) && !test_bit(VNIC_FN_FAILED, &fn->flags))
		vnic_virtio_write_common(fn->virtio, offset, value);
	mutex_unlock(&fn->lock);
}

/* ---- life ---- */

static void vnic_virtio_clear(struct vnic_virtio *v)
{
	unsigned int i;

	vnic_ctrl_reset(v);
	memset(v->moderation, 0, sizeof(v->moderation));
	v->modes = 0;
	v->wanted = 0;
	v->settled = false;
	v->announce_at = 0;
	v->announce = false;
	v->announce_again = false;
	v->filters = false;
	bitmap_zero(v->vlans, VLAN_N_VID);
	v->num_uc = 0;
	v->num_mc = 0;
	v->device_sel = 0;
	v->driver_sel = 0;
	v->queue_sel = 0;
	v->features = 0;
	v->status = 0;
	WRITE_ONCE(v->vector, VIRTIO_MSI_NO_VECTOR);
	for (i = 0; i < VNIC_VQ_MAX; i++)
		v->vq[i] = (struct vnic_vq) {
			.size	= VNIC_VQ_SIZE,
			.vector	= VIRTIO_MSI_NO_VECTOR,
		};
}

static void vnic_virtio_reset(struct vnic_fn *fn)
{
	struct vnic_virtio *v = fn->virtio;

	lockdep_assert_held(&fn->lock);
	WRITE_ONCE(fn->features, 0);
	vnic_fn_reset_rss(fn);
	if (!v)
		return;
	vnic_virtio_clear(v);
	v->lost |= v->telling;
	v->telling = false;
	vnic_virtio_gather(v);
}

/* A vector for configuration, and two for each pair while there are enough */
static int vnic_virtio_attach(struct vnic_fn *fn)
{
	struct vnic_virtio *v = kvzalloc(sizeof(*v), GFP_KERNEL_ACCOUNT);

	if (!v)
		return -ENOMEM;
	v->fn = fn;
	v->pairs = clamp((READ_ONCE(fn->vectors) - 1) / 2, 1, VNIC_MAX_QPS);
	spin_lock_init(&v->lock);
	vnic_virtio_clear(v);
	vnic_fn_call(fn, vnic_virtio_gather, v);
	fn->virtio = v;
	return 0;
}

static void vnic_virtio_detach(struct vnic_fn *fn)
{
	kvfree(fn->virtio);
	fn->virtio = NULL;
}

/* Nothing is lost while bus mastering is off: the queues stay as they are. */
static bool vnic_virtio_used(const struct vnic_fn *fn)
{
	return false;
}

/* By NEEDS_RESET (2.1.2); not all drivers look. */
static void vnic_virtio_tell_reset(struct vnic_fn *fn)
{
	struct vnic_virtio *v = fn->virtio;
	u16 vector;

	if (!v || !v->status)
		return;
	v->telling = true;
	set_bit(1, &v->isr);
	vector = READ_ONCE(v->vector);
	if (vector < READ_ONCE(fn->vectors))
		vnic_vector_raise(fn, vector, 1, 0);
}

#define VNIC_VIRTIO_OPS				\
	.blind		= true,			\
	.window		= VNIC_VIRTIO_WINDOW,	\
	.attach		= vnic_virtio_attach,	\
	.detach		= vnic_virtio_detach,	\
	.config		= vnic_virtio_config,	\
	.read		= vnic_virtio_read,	\
	.write		= vnic_virtio_write,	\
	.bell		= vnic_virtio_bell,	\
	.work		= vnic_virtio_work,	\
	.used		= vnic_virtio_used,	\
	.tell_reset	= vnic_virtio_tell_reset, \
	.reset		= vnic_virtio_reset

const struct vnic_personality vnic_virtio_personality = {
	.name		= "virtio",
	VNIC_VIRTIO_OPS,
};

/* For a driver whose packed virtqueues are at fault: none are offered. */
const struct vnic_personality vnic_virtio_split_personality = {
	.name		= "virtio-split",
	VNIC_VIRTIO_OPS,
};
