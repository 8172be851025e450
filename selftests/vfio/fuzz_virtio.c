// SPDX-License-Identifier: GPL-2.0
/*
 * What the fuzzer's programs do to a VF that is a virtio network device: its registers,
 * also by way of configuration space, and its start.
 *
 * Unlike virtio.c, nothing here relies on the device, or believes that it answers.
 */
#include <linux/pci_regs.h>

#include "fuzz_exec.h"
#include "virtio.h"

#define BAR0	VFIO_PCI_BAR0_REGION_INDEX
#define CFG	VFIO_PCI_CONFIG_REGION_INDEX
#define VENDOR	0x1af4
#define WINDOW	0xe4u	/* the PCI_CFG capability */

bool fuzz_virtio_is(struct vdev *d)
{
	return cfg_read(d, PCI_VENDOR_ID, 2) == VENDOR;
}

bool fuzz_virtio_failed(struct vdev *d)
{
	__u8 status = 0;

	vdev_read(d, BAR0, VIRTIO_PCI_COMMON_STATUS, &status, sizeof(status));
	return status & VIRTIO_CONFIG_S_NEEDS_RESET;
}

/* Bytes of a field of the common configuration */
static unsigned int width_of(__u64 field)
{
	switch (field) {
	case VIRTIO_PCI_COMMON_STATUS:
	case VIRTIO_PCI_COMMON_CFGGENERATION:
		return 1;
	case VIRTIO_PCI_COMMON_MSIX:
	case VIRTIO_PCI_COMMON_NUMQ:
	case VIRTIO_PCI_COMMON_Q_SELECT ... VIRTIO_PCI_COMMON_Q_NOFF:
	case VIRTIO_PCI_COMMON_Q_NDATA ... VIRTIO_PCI_COMMON_Q_RESET:
		return 2;
	default:
		return 4;
	}
}

static void set(__u64 field, __u64 val)
{
	fuzz_wr(field, width_of(field), val);
}

static void set64(__u64 field, __u64 val)
{
	set(field, val);
	set(field + 4, val >> 32);
}

static __u32 get(__u64 field)
{
	__u32 val = 0;

	vdev_read(fuzz_dev(), BAR0, field, &val, width_of(field));
	return le32toh(val);
}

static __u64 vq_offers(void)
{
	__u64 lo;

	set(VIRTIO_PCI_COMMON_DFSELECT, 0);
	lo = get(VIRTIO_PCI_COMMON_DF);
	set(VIRTIO_PCI_COMMON_DFSELECT, 1);
	return lo | (__u64)get(VIRTIO_PCI_COMMON_DF) << 32;
}

static void make_queue(__u64 q, __u64 size, __u64 vector, __u64 desc, __u64 driver, __u64 device)
{
	set(VIRTIO_PCI_COMMON_Q_SELECT, q);
	set(VIRTIO_PCI_COMMON_Q_SIZE, size);
	set(VIRTIO_PCI_COMMON_Q_MSIX, vector);
	set64(VIRTIO_PCI_COMMON_Q_DESCLO, MEM_IOVA + desc);
	set64(VIRTIO_PCI_COMMON_Q_AVAILLO, MEM_IOVA + driver);
	set64(VIRTIO_PCI_COMMON_Q_USEDLO, MEM_IOVA + device);
	set(VIRTIO_PCI_COMMON_Q_ENABLE, 1);
	fuzz_vring_make(q % FUZZ_VQS, size);
}

/* Where "vsend" and the others believe it is */
static void make_usual(unsigned int q, __u64 size)
{
	__u32 at = cur->iova - MEM_IOVA + FUZZ_VQ(q);

	memset(cur->mem + FUZZ_VQ(q), 0, 0x1000);
	if (cur->features & F(VIRTIO_F_RING_PACKED))
		make_queue(q, size, 1 + q / 2, at + FUZZ_VQ_DRIVER, at + FUZZ_VQ_DEVICE,
			   at + FUZZ_VQ_DEVICE + 4);
	else
		make_queue(q, size, 1 + q / 2, at, at + FUZZ_VQ_DRIVER, at + FUZZ_VQ_DEVICE);
}

/* As a driver does: features, of those that are offered, then queues, and ready */
static void do_start(__u64 features, __u64 size)
{
	const __u8 begun = VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER;
	unsigned int n = 2, q;
	__u64 pairs;

	set(VIRTIO_PCI_COMMON_STATUS, 0);
	set(VIRTIO_PCI_COMMON_STATUS, begun);
	cur->features = features & vq_offers();
	set(VIRTIO_PCI_COMMON_GFSELECT, 0);
	set(VIRTIO_PCI_COMMON_GF, cur->features);
	set(VIRTIO_PCI_COMMON_GFSELECT, 1);
	set(VIRTIO_PCI_COMMON_GF, cur->features >> 32);
	set(VIRTIO_PCI_COMMON_STATUS, begun | VIRTIO_CONFIG_S_FEATURES_OK);
	vdev_read(fuzz_dev(), BAR0, DEVICE, cur->mac, sizeof(cur->mac));
	pairs = get(VIRTIO_PCI_COMMON_NUMQ) / 2;
	if (cur->features & (F(VIRTIO_NET_F_MQ) | F(VIRTIO_NET_F_RSS)))
		n = 2 * pairs;
	for (q = 0; q <= n && q < FUZZ_VQS; q++)
		make_usual(q, size);
	set(VIRTIO_PCI_COMMON_MSIX, 0);
	set(VIRTIO_PCI_COMMON_STATUS, begun | VIRTIO_CONFIG_S_FEATURES_OK |
	    VIRTIO_CONFIG_S_DRIVER_OK);
}

/* By the window: @width bytes at @off of BAR0, through a field of @window bytes */
static void do_window(__u64 off, __u64 width, __u64 window, __u64 val, bool write)
{
	__u32 where = htole32(off), len = htole32(width);

	val = htole64(val);
	vdev_write(fuzz_dev(), CFG, WINDOW + VIRTIO_PCI_CAP_OFFSET, &where, sizeof(where));
	vdev_write(fuzz_dev(), CFG, WINDOW + VIRTIO_PCI_CAP_LENGTH, &len, sizeof(len));
	if (window > sizeof(val))
		window = sizeof(val);
	if (write)
		vdev_write(fuzz_dev(), CFG, WINDOW + sizeof(struct virtio_pci_cap), &val, window);
	else
		vdev_read(fuzz_dev(), CFG, WINDOW + sizeof(struct virtio_pci_cap), &val, window);
}

/* From here on the side's VF is one of this personality. */
static void become(bool virtio)
{
	if (cur->virtio != virtio)
		fuzz_close();
	cur->virtio = virtio;
}

void fuzz_virtio(const struct fuzz_op *op)
{
	const __u64 *a = op->arg;

	switch (op->kind) {
	case OP_VIRTIO:
		become(a[0] & 1);
		break;
	case OP_VSTART:
		become(true);
		do_start(a[0], a[1]);
		break;
	case OP_VSET:
		set(a[0] % 0x40, a[1]);
		break;
	case OP_VWIN:
		do_window(a[0], a[1], a[2], a[3], a[4] & 1);
		break;
	case OP_VQ:
		make_queue(a[0], a[1], a[2], a[3], a[4], a[5]);
		break;
	case OP_VQRESET:
		set(VIRTIO_PCI_COMMON_Q_SELECT, a[0]);
		set(VIRTIO_PCI_COMMON_Q_RESET, 1);
		if (a[1] & 1)
			make_usual(a[0] % FUZZ_VQS, FUZZ_VQ_SIZE);
		break;
	default:
		fuzz_vring(op);
	}
}
