// SPDX-License-Identifier: GPL-2.0
/*
 * The passthrough of VFs tested from user space, as QEMU and a guest's driver
 * would use it but without them: the vfio interface, legal and not, then the
 * device behind it.
 *
 * Usage: vfio_api [-s SEED] [-t SECONDS] [-c CASE] A B C
 * A, B, C: addresses of three VFs of one PF bound to vnic-vfio-pci.  Prints KTAP.
 */
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "test.h"

#define CFG	VFIO_PCI_CONFIG_REGION_INDEX
#define BAR0	VFIO_PCI_BAR0_REGION_INDEX
#define BAR2	VFIO_PCI_BAR2_REGION_INDEX
#define MSIX	VFIO_PCI_MSIX_IRQ_INDEX
#define EVENTFD	(VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER)
#define NONE	(VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER)
#define BOOL	(VFIO_IRQ_SET_DATA_BOOL | VFIO_IRQ_SET_ACTION_TRIGGER)
#define QUIET	200	/* ms in which something would have happened */

static const char *vf_a, *vf_b, *vf_c;
static bool cdev;
static unsigned int seed, seconds = 10;

static void case_info(void)
{
	static const __u64 sizes[VFIO_PCI_VGA_REGION_INDEX] = {
		[BAR0] = VNIC_BAR_CTRL_SIZE,
		[BAR2] = VNIC_BAR_MSIX_SIZE,
		[CFG] = 4096,
	};
	struct vfio_device_info info = { .argsz = sizeof(info) };
	struct vdev d;
	unsigned int i;

	vdev_open(&d, vf_a, cdev);
	check(!ioctl(d.fd, VFIO_DEVICE_GET_INFO, &info), "%m");
	check(info.flags & VFIO_DEVICE_FLAGS_PCI && info.flags & VFIO_DEVICE_FLAGS_RESET,
	      "flags %#x", info.flags);
	check_eq(info.num_regions, VFIO_PCI_NUM_REGIONS);
	check_eq(info.num_irqs, VFIO_PCI_NUM_IRQS);
	info.argsz = 8;
	check_eq(ioctl(d.fd, VFIO_DEVICE_GET_INFO, &info) ? errno : 0, EINVAL);
	for (i = 0; i < VFIO_PCI_NUM_REGIONS + 2; i++) {
		struct vfio_region_info region = { .argsz = sizeof(region), .index = i };
		int err = ioctl(d.fd, VFIO_DEVICE_GET_REGION_INFO, &region) ? errno : 0;

		check_eq(err, i < VFIO_PCI_VGA_REGION_INDEX ? 0 : EINVAL);
		if (!err)
			check_eq(region.size, sizes[i]);
	}
	for (i = 0; i < VFIO_PCI_NUM_IRQS + 2; i++) {
		struct vfio_irq_info irq = { .argsz = sizeof(irq), .index = i };
		int err = ioctl(d.fd, VFIO_DEVICE_GET_IRQ_INFO, &irq) ? errno : 0;

		check_eq(err, i < VFIO_PCI_NUM_IRQS ? 0 : EINVAL);
		if (err)
			continue;
		if (i == MSIX)
			check(irq.count >= VNIC_MIN_VECTORS, "%u vectors", irq.count);
		else
			check_eq(irq.count, i >= VFIO_PCI_ERR_IRQ_INDEX);
	}
	check_eq(ioctl(d.fd, VFIO_DEVICE_GET_INFO, NULL) ? errno : 0, EFAULT);
	check_eq(ioctl(d.fd, _IO(VFIO_TYPE, VFIO_BASE + 99), NULL) ? errno : 0, ENOTTY);
}

static void check_bar(struct vdev *d, unsigned int at, __u32 size)
{
	__u32 flags = cfg_read(d, at, 4) & 0xf;

	check_eq(flags & (PCI_BASE_ADDRESS_SPACE | PCI_BASE_ADDRESS_MEM_TYPE_MASK),
		 PCI_BASE_ADDRESS_MEM_TYPE_64);
	cfg_write(d, at, 4, ~0u);
	cfg_write(d, at + 4, 4, ~0u);
	check_eq(cfg_read(d, at, 4), (-size & ~0xfu) | flags);
	check_eq(cfg_read(d, at + 4, 4), ~0u);
	cfg_write(d, at, 4, 0xfe000000);
	cfg_write(d, at + 4, 4, 3);
	check_eq(cfg_read(d, at, 4), 0xfe000000 | flags);
	check_eq(cfg_read(d, at + 4, 4), 3);
}

static void case_config(void)
{
	__u8 all[4096], some[16];
	struct vdev d;
	__u32 cap;

	vdev_open(&d, vf_a, cdev);
	check_eq(cfg_read(&d, PCI_VENDOR_ID, 2), VNIC_PCI_VENDOR_ID);
	check_eq(cfg_read(&d, PCI_DEVICE_ID, 2), VNIC_PCI_DEVICE_ID_VF);
	check_eq(cfg_read(&d, PCI_VENDOR_ID, 4),
		 VNIC_PCI_DEVICE_ID_VF << 16 | VNIC_PCI_VENDOR_ID);
	check_eq(cfg_read(&d, PCI_DEVICE_ID + 1, 1), VNIC_PCI_DEVICE_ID_VF >> 8);
	check_eq(cfg_read(&d, PCI_CLASS_DEVICE, 2), 0x0200);
	check_eq(cfg_read(&d, PCI_INTERRUPT_PIN, 1), 0);
	check(cfg_find_cap(&d, PCI_CAP_ID_EXP) && cfg_find_cap(&d, PCI_CAP_ID_PM), "capabilities");
	cap = cfg_find_cap(&d, PCI_CAP_ID_MSIX);
	check(cap, "no MSI-X");
	check_eq((cfg_read(&d, cap + PCI_MSIX_FLAGS, 2) & PCI_MSIX_FLAGS_QSIZE) + 1, d.vectors);
	check_eq(cfg_read(&d, cap + PCI_MSIX_TABLE, 4), VNIC_MSIX_TABLE_OFFSET | VNIC_BAR_MSIX);
	check_eq(cfg_read(&d, cap + PCI_MSIX_PBA, 4), VNIC_MSIX_PBA_OFFSET | VNIC_BAR_MSIX);
	cfg_write(&d, cap + PCI_MSIX_FLAGS, 2, 0xffff);
	check_eq(cfg_read(&d, cap + PCI_MSIX_FLAGS, 2),
		 PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL | (d.vectors - 1));
	check_bar(&d, PCI_BASE_ADDRESS_0, VNIC_BAR_CTRL_SIZE);
	check_bar(&d, PCI_BASE_ADDRESS_2, VNIC_BAR_MSIX_SIZE);
	/* what is read-only stays: ids, class, capabilities */
	check_eq(vdev_read(&d, CFG, 0, all, sizeof(all)), sizeof(all));
	cfg_write(&d, PCI_VENDOR_ID, 4, 0);
	cfg_write(&d, PCI_CLASS_REVISION, 4, 0);
	cfg_write(&d, PCI_CAPABILITY_LIST, 1, 0);
	cfg_write(&d, cap, 1, 0);
	check_eq(vdev_read(&d, CFG, 0, some, sizeof(some)), sizeof(some));
	check(!memcmp(all, some, sizeof(some)), "read-only registers changed");
	check_eq(cfg_find_cap(&d, PCI_CAP_ID_MSIX), cap);
	/* the end */
	check_eq(vdev_read(&d, CFG, 4092, some, 16), 4);
	check_eq(vdev_read(&d, CFG, 4095, some, 1), 1);
	check_eq(vdev_read(&d, CFG, 4096, some, 1), -EINVAL);
	check_eq(vdev_write(&d, CFG, 4096, some, 1), -EINVAL);
	check_eq(vdev_write(&d, CFG, 4090, all, 64), 6);
}

static void case_illegal_access(void)
{
	__u64 wide = 0;
	void *nowhere;
	__u8 buf[64];
	struct vdev d;
	unsigned int i;

	vdev_open(&d, vf_a, cdev);
	cfg_command(&d, PCI_COMMAND_MEMORY, 0);
	check_eq(reg_read(&d, VNIC_REG_MAGIC), VNIC_MAGIC);
	/* any other width or alignment: all-ones, ignored */
	check_eq(vdev_read(&d, BAR0, VNIC_REG_MAGIC, &wide, 8), 8);
	check(wide == ~0ull, "8 bytes read %#llx", (unsigned long long)wide);
	for (i = 1; i <= 2; i++) {
		__u32 val = 0;

		check_eq(vdev_read(&d, BAR0, VNIC_REG_MAGIC, &val, i), i);
		check_eq(val, (1u << 8 * i) - 1);
		check_eq(vdev_read(&d, BAR0, i, &val, 4), 4);
		check_eq(val, ~0u);
	}
	reg_write(&d, VNIC_REG_MBX_ADDR_HI, 0x12345678);
	check_eq(reg_read(&d, VNIC_REG_MBX_ADDR_HI), 0x12345678);
	wide = 0;
	check_eq(vdev_write(&d, BAR0, VNIC_REG_MBX_ADDR_LO, &wide, 8), 8);
	check_eq(vdev_write(&d, BAR0, VNIC_REG_MBX_ADDR_HI, &wide, 1), 1);
	check_eq(vdev_write(&d, BAR0, VNIC_REG_MBX_ADDR_HI + 2, &wide, 4), 4);
	check_eq(reg_read(&d, VNIC_REG_MBX_ADDR_HI), 0x12345678);
	/* the end of regions, and regions that are not there */
	check_eq(vdev_read(&d, BAR0, VNIC_BAR_CTRL_SIZE - 4, buf, 64), 4);
	check_eq(vdev_read(&d, BAR0, VNIC_BAR_CTRL_SIZE, buf, 4), -EINVAL);
	check_eq(vdev_write(&d, BAR0, VNIC_BAR_CTRL_SIZE, buf, 4), -EINVAL);
	check_eq(vdev_read(&d, BAR0, 1ull << 39, buf, 4), -EINVAL);
	check_eq(vdev_read(&d, VFIO_PCI_BAR1_REGION_INDEX, 0, buf, 4), -EINVAL);
	check_eq(vdev_read(&d, VFIO_PCI_ROM_REGION_INDEX, 0, buf, 4), -EINVAL);
	check_eq(vdev_write(&d, VFIO_PCI_BAR5_REGION_INDEX, 0, buf, 4), -EINVAL);
	check_eq(pread(d.fd, buf, 4, 8ll << 40) < 0 ? errno : 0, EINVAL);
	check_eq(pread(d.fd, buf, 4, 9ll << 40) < 0 ? errno : 0, EINVAL);
	check_eq(pread(d.fd, buf, 4, INT64_MAX - 8) < 0 ? errno : 0, EINVAL);
	nowhere = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check_eq(vdev_read(&d, CFG, 0, nowhere, 4), -EFAULT);
	check_eq(vdev_write(&d, BAR0, 0, nowhere, 4), -EFAULT);
	check_eq(vdev_read(&d, BAR0, 0, buf, 0), 0);
	/* the MSI-X table belongs to the user */
	check_eq(vdev_read(&d, BAR2, 0, buf, 64), 64);
	for (i = 0; i < sizeof(buf); i++)
		check_eq(buf[i], 0xff);
	check_eq(vdev_write(&d, BAR2, 0, buf, 64), 64);
}

static void case_decode(void)
{
	struct vdev d;
	__u32 pm;

	vdev_open(&d, vf_a, cdev);
	check_eq(reg_read(&d, VNIC_REG_MAGIC), ~0u);
	cfg_command(&d, PCI_COMMAND_MEMORY, 0);
	check_eq(reg_read(&d, VNIC_REG_MAGIC), VNIC_MAGIC);
	pm = cfg_find_cap(&d, PCI_CAP_ID_PM);
	cfg_write(&d, pm + PCI_PM_CTRL, 2, 3);
	check_eq(cfg_read(&d, pm + PCI_PM_CTRL, 2) & PCI_PM_CTRL_STATE_MASK, 3);
	check_eq(reg_read(&d, VNIC_REG_MAGIC), ~0u);
	cfg_write(&d, pm + PCI_PM_CTRL, 2, 0);
	check_eq(reg_read(&d, VNIC_REG_MAGIC), VNIC_MAGIC);
	cfg_command(&d, 0, PCI_COMMAND_MEMORY);
	check_eq(reg_read(&d, VNIC_REG_MAGIC), ~0u);
	reg_write(&d, VNIC_REG_MBX_ADDR_HI, 5);
	cfg_command(&d, PCI_COMMAND_MEMORY, 0);
	check_eq(reg_read(&d, VNIC_REG_MBX_ADDR_HI), 0);
}

static void case_irqs_illegal(void)
{
	__s32 fds[2] = { -1, -1 }, bad[2];
	struct vfio_irq_set set = {
		.argsz = sizeof(set),
		.flags = EVENTFD,
		.index = MSIX,
		.count = 1,
	};
	struct vdev d;

	vdev_open(&d, vf_a, cdev);
	check_eq(vdev_set_irqs(&d, EVENTFD, VFIO_PCI_NUM_IRQS, 0, 1, fds, 4), -EINVAL);
	check_eq(vdev_set_irqs(&d, EVENTFD, VFIO_PCI_INTX_IRQ_INDEX, 0, 1, fds, 4), -EINVAL);
	check_eq(vdev_set_irqs(&d, EVENTFD, VFIO_PCI_MSI_IRQ_INDEX, 0, 1, fds, 4), -EINVAL);
	check_eq(vdev_set_irqs(&d, EVENTFD, MSIX, d.vectors, 1, fds, 4), -EINVAL);
	check_eq(vdev_set_irqs(&d, EVENTFD, MSIX, d.vectors - 1, 2, fds, 8), -EINVAL);
	check_eq(vdev_set_irqs(&d, EVENTFD, MSIX, 0, ~0u, fds, 8), -EINVAL);
	check_eq(vdev_set_irqs(&d, EVENTFD, MSIX, ~0u, 2, fds, 8), -EINVAL);
	check_eq(vdev_set_irqs(&d, EVENTFD, VFIO_PCI_ERR_IRQ_INDEX, 1, 1, fds, 4), -EINVAL);
	check_eq(vdev_set_irqs(&d, EVENTFD, VFIO_PCI_REQ_IRQ_INDEX, 0, 2, fds, 8), -EINVAL);
	check_eq(vdev_set_irqs(&d, EVENTFD | VFIO_IRQ_SET_DATA_BOOL, MSIX, 0, 1, fds, 4), -EINVAL);
	check_eq(vdev_set_irqs(&d, VFIO_IRQ_SET_ACTION_TRIGGER, MSIX, 0, 1, fds, 4), -EINVAL);
	check_eq(vdev_set_irqs(&d, VFIO_IRQ_SET_DATA_NONE, MSIX, 0, 1, NULL, 0), -EINVAL);
	check_eq(vdev_set_irqs(&d, NONE | VFIO_IRQ_SET_ACTION_MASK, MSIX, 0, 1, NULL, 0), -EINVAL);
	check_eq(vdev_set_irqs(&d, NONE | 1 << 20, MSIX, 0, 1, NULL, 0), -EINVAL);
	check_eq(vdev_set_irqs(&d, VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_MASK,
			       MSIX, 0, 1, NULL, 0), -ENOTTY);
	check_eq(ioctl(d.fd, VFIO_DEVICE_SET_IRQS, &set) ? errno : 0, EINVAL); /* no data */
	set.argsz = 4;
	check_eq(ioctl(d.fd, VFIO_DEVICE_SET_IRQS, &set) ? errno : 0, EINVAL);
	fds[0] = 12345;
	check_eq(vdev_set_irqs(&d, EVENTFD, MSIX, 0, 1, fds, 4), -EBADF);
	fds[0] = d.fd;
	check_eq(vdev_set_irqs(&d, EVENTFD, MSIX, 0, 1, fds, 4), -EINVAL);
	/* all or nothing */
	bad[0] = new_eventfd();
	bad[1] = 12345;
	check_eq(vdev_set_irqs(&d, EVENTFD, MSIX, 0, 2, bad, 8), -EBADF);
	check_eq(vdev_set_irqs(&d, NONE, MSIX, 0, 1, NULL, 0), 0);
	check(!wait_eventfd(bad[0], 0), "set by a call that failed");
}

static void case_irqs(void)
{
	static const __u32 single[] = { VFIO_PCI_ERR_IRQ_INDEX, VFIO_PCI_REQ_IRQ_INDEX };
	const __u8 second[2] = { 0, 1 };
	__s32 fds[2];
	struct vdev d;
	unsigned int i;

	vdev_open(&d, vf_a, cdev);
	/* as QEMU: the first call with -1, then one at a time */
	check_eq(vdev_set_eventfd(&d, MSIX, 0, -1), 0);
	for (i = 0; i < 2; i++) {
		fds[i] = new_eventfd();
		check_eq(vdev_set_eventfd(&d, MSIX, i, fds[i]), 0);
	}
	check_eq(vdev_set_irqs(&d, NONE, MSIX, 0, 1, NULL, 0), 0);
	check(wait_eventfd(fds[0], 0) && !wait_eventfd(fds[1], 0), "vector 0 only");
	check_eq(vdev_set_irqs(&d, BOOL, MSIX, 0, 2, second, 2), 0);
	check(!wait_eventfd(fds[0], 0) && wait_eventfd(fds[1], 0), "vector 1 only");
	check_eq(vdev_set_eventfd(&d, MSIX, 1, -1), 0);
	check_eq(vdev_set_irqs(&d, NONE, MSIX, 0, 2, NULL, 0), 0);
	check(wait_eventfd(fds[0], 0) && !wait_eventfd(fds[1], 0), "vector 1 taken away");
	check_eq(vdev_set_irqs(&d, EVENTFD, MSIX, 0, 2, fds, 8), 0);
	check_eq(vdev_set_irqs(&d, NONE, MSIX, 0, 0, NULL, 0), 0);
	check_eq(vdev_set_irqs(&d, NONE, MSIX, 0, 2, NULL, 0), 0);
	check(!wait_eventfd(fds[0], 0) && !wait_eventfd(fds[1], 0), "all taken away");
	for (i = 0; i < 2; i++) {
		check_eq(vdev_set_eventfd(&d, single[i], 0, fds[i]), 0);
		check_eq(vdev_set_irqs(&d, NONE, single[i], 0, 1, NULL, 0), 0);
		check(wait_eventfd(fds[i], 0) && !wait_eventfd(fds[!i], 0), "kind %u", single[i]);
		check_eq(vdev_set_eventfd(&d, single[i], 0, -1), 0);
	}
}

static void check_clean(struct vdev *d)
{
	cfg_command(d, PCI_COMMAND_MEMORY, 0);
	check_eq(reg_read(d, VNIC_REG_STATUS), VNIC_STATUS_READY);
	check_eq(reg_read(d, VNIC_REG_MBX_ADDR_LO), 0);
	check_eq(reg_read(d, VNIC_REG_MBX_ADDR_HI), 0);
}

static void case_reset(void)
{
	struct drv v;
	__u32 gen, exp;
	__u64 end;

	drv_open(&v, vf_a, cdev);
	drv_start(&v);
	gen = reg_read(&v.dev, VNIC_REG_GENERATION);
	check_eq(vdev_reset(&v.dev), 0);
	check_eq(cfg_read(&v.dev, PCI_COMMAND, 2), 0);
	check_clean(&v.dev);
	check(reg_read(&v.dev, VNIC_REG_GENERATION) != gen, "generation stays %u", gen);

	/* function-level reset: not there, then as new */
	cfg_command(&v.dev, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 0);
	drv_start(&v);
	gen = reg_read(&v.dev, VNIC_REG_GENERATION);
	exp = cfg_find_cap(&v.dev, PCI_CAP_ID_EXP);
	check(cfg_read(&v.dev, exp + PCI_EXP_DEVCAP, 4) & PCI_EXP_DEVCAP_FLR, "no FLR");
	cfg_write(&v.dev, exp + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_BCR_FLR);
	end = now_ms() + WAIT;
	while (cfg_read(&v.dev, PCI_COMMAND, 4) == ~0u)
		check(now_ms() < end, "never comes back");
	check_eq(cfg_read(&v.dev, PCI_COMMAND, 2), 0);
	check_clean(&v.dev);
	check(reg_read(&v.dev, VNIC_REG_GENERATION) != gen, "generation stays %u", gen);

	/* the device's own reset register */
	cfg_command(&v.dev, PCI_COMMAND_MASTER, 0);
	drv_start(&v);
	reg_write(&v.dev, VNIC_REG_CONTROL, VNIC_CTRL_RESET);
	drv_start(&v);
}

static void case_mailbox(void)
{
	struct vnic_mbx_hello hello = {};
	struct vnic_mbx_stats stats;
	__u8 junk[VNIC_MBX_REQ_MAX] = {};
	__u64 end = now_ms() + WAIT;
	struct drv v;

	drv_open(&v, vf_a, cdev);
	drv_mailbox(&v);
	check_eq(drv_msg(&v, VNIC_MBX_GET_STATS, NULL, 0, NULL, 0), VNIC_MBX_E_STATE);
	check_eq(drv_msg(&v, VNIC_MBX_HELLO, junk, 8, NULL, 0), VNIC_MBX_E_LEN);
	hello.features = htole64(1ull << 63);
	check(drv_msg(&v, VNIC_MBX_HELLO, &hello, sizeof(hello), NULL, 0), "feature not offered");
	drv_hello(&v);
	hello.features = 0;
	check_eq(drv_msg(&v, VNIC_MBX_HELLO, &hello, sizeof(hello), NULL, 0), VNIC_MBX_E_STATE);
	check_eq(drv_msg(&v, 999, NULL, 0, NULL, 0), VNIC_MBX_E_OPCODE);
	check_eq(drv_msg(&v, VNIC_MBX_GET_STATS, junk, sizeof(junk), NULL, 0), VNIC_MBX_E_LEN);
	check_eq(drv_msg(&v, VNIC_MBX_GET_STATS, NULL, 0, &stats, sizeof(stats)), VNIC_MBX_OK);
	check(v.caps.mac[0] || v.caps.mac[5], "no MAC");
	while (!__atomic_load_n(&drv_mbx(&v)->status.event, __ATOMIC_ACQUIRE) && now_ms() < end)
		usleep(1000);
	check(!memcmp(drv_mbx(&v)->status.mac, v.caps.mac, 6), "MAC in the status block");
}

static void pair(struct drv *a, struct drv *b)
{
	drv_open(a, vf_a, cdev);
	drv_open(b, vf_b, cdev);
	drv_start(a);
	drv_start(b);
}

static void case_frames(void)
{
	static const __u8 all[6] = { 255, 255, 255, 255, 255, 255 };
	static const size_t lens[] = { 60, 61, 64, 255, 256, 257, 512, 1000, 1513, 1514 };
	struct drv a, b;
	unsigned int i, n;

	pair(&a, &b);
	for (i = 0; i < ARRAY_SIZE(lens); i++)
		for (n = 1; n <= 4; n++) {
			drv_exchange(&a, &b, b.caps.mac, lens[i], n);
			drv_exchange(&b, &a, a.caps.mac, lens[i], n);
		}
	for (i = 0; i < 3 * RING_SIZE; i++)
		drv_exchange(&a, &b, b.caps.mac, 60 + i % 1400, 1);
	drv_exchange(&a, &b, all, 100, 1);
	drv_exchange(&a, &b, b.caps.mac, 1514, VNIC_TX_MAX_BUFS);
}

static void case_no_master(void)
{
	struct drv v;

	drv_open(&v, vf_a, cdev);
	cfg_command(&v.dev, 0, PCI_COMMAND_MASTER);
	drv_mailbox(&v);
	check_eq(drv_msg_ms(&v, VNIC_MBX_HELLO, NULL, 0, QUIET), -ETIMEDOUT);
	check_eq(drv_mbx(&v)->resp.seq, 0);
	cfg_command(&v.dev, PCI_COMMAND_MASTER, 0);
	reg_write(&v.dev, VNIC_REG_CONTROL, VNIC_CTRL_RESET);
	drv_start(&v);
	cfg_command(&v.dev, 0, PCI_COMMAND_MASTER);
	cfg_command(&v.dev, PCI_COMMAND_MASTER, 0);
	reg_write(&v.dev, VNIC_REG_CONTROL, VNIC_CTRL_RESET);
	drv_start(&v);
}

/* A burst from @v to @dst without waiting; the ring may not overflow */
static void burst(struct drv *v, const __u8 *dst, unsigned int n)
{
	__u8 frame[1000];

	drv_frame(v, dst, frame, sizeof(frame), n);
	while (n--)
		drv_send(v, frame, sizeof(frame), 1);
}

static void case_unmap(void)
{
	struct drv a, b;
	int round;

	pair(&a, &b);
	for (round = 0; round < 5; round++) {
		drv_exchange(&a, &b, b.caps.mac, 200, 2);
		burst(&a, b.caps.mac, 100);
		/* the receiver's memory goes while frames come in, then the sender's */
		check_eq(vdev_unmap(&b.dev, MEM_IOVA, MEM_SIZE), 0);
		check_eq(vdev_unmap(&a.dev, MEM_IOVA, MEM_SIZE), 0);
		memset(a.mem, 0x5a, MEM_SIZE);
		memset(b.mem, 0x5a, MEM_SIZE);
		/* whether frames were still under way or not: a ring that is not there stops it */
		reg_write(&a.dev, VNIC_DOORBELL_TX(0), 0);
		reg_write(&b.dev, VNIC_DOORBELL_RX(0), 0);
		check(drv_failed(&a), "sends from a ring that is unmapped");
		check(drv_failed(&b), "receives into a ring that is unmapped");
		usleep(20000);
		check(a.mem[AT_MBX] == 0x5a && !memcmp(a.mem, a.mem + 1, MEM_SIZE - 1),
		      "written to after unmap");
		check(b.mem[AT_MBX] == 0x5a && !memcmp(b.mem, b.mem + 1, MEM_SIZE - 1),
		      "written to after unmap");
		check_eq(vdev_map(&a.dev, MEM_IOVA, a.mem, MEM_SIZE), 0);
		check_eq(vdev_map(&b.dev, MEM_IOVA, b.mem, MEM_SIZE), 0);
		reg_write(&a.dev, VNIC_REG_CONTROL, VNIC_CTRL_RESET);
		reg_write(&b.dev, VNIC_REG_CONTROL, VNIC_CTRL_RESET);
		drv_start(&a);
		drv_start(&b);
	}
}

#define BURST	100u

/* As many of a burst's frames as come, each as it was sent */
static unsigned int take_burst(const struct drv *a, struct drv *b, unsigned int most, int ms)
{
	__u8 sent[1000], got[RX_BUF_SIZE];
	unsigned int n;
	int len;

	drv_frame(a, b->caps.mac, sent, sizeof(sent), BURST);
	for (n = 0; n < most; n++) {
		len = drv_receive(b, got, sizeof(got), ms);
		if (len < 0)
			break;
		check(len == sizeof(sent) && !memcmp(got, sent, sizeof(sent)),
		      "frame %u, of %d bytes, was not sent so", n, len);
	}
	return n;
}

/* Nothing of what is there now is sent, or written to, once it is detached. */
static void detach_in_burst(struct drv *a, struct drv *b)
{
	burst(a, b->caps.mac, BURST);
	check_eq(vdev_detach(&a->dev), 0);
	memset(a->mem, 0x5a, MEM_SIZE);
	reg_write(&a->dev, VNIC_DOORBELL_TX(0), 0);
	check(drv_failed(a), "goes on without an address space");
	take_burst(a, b, BURST, 50);
	check(a->mem[0] == 0x5a && !memcmp(a->mem, a->mem + 1, MEM_SIZE - 1),
	      "written to after it was detached");
}

/* A frame that is none of a burst's, of which some may still be in front of it */
static void after_burst(struct drv *a, struct drv *b)
{
	__u8 sent[300], burst[1000], got[RX_BUF_SIZE];
	unsigned int n;
	int len;

	drv_frame(a, b->caps.mac, burst, sizeof(burst), BURST);
	drv_frame(a, b->caps.mac, sent, sizeof(sent), 301);
	drv_send(a, sent, sizeof(sent), 1);
	for (n = 0; n <= BURST; n++) {
		len = drv_receive(b, got, sizeof(got), WAIT);
		if (len != sizeof(burst) || memcmp(got, burst, sizeof(burst)))
			break;
	}
	check(len == sizeof(sent) && !memcmp(got, sent, sizeof(sent)),
	      "%d bytes arrive behind %u of the burst", len, n);
	check(drv_sent(a, WAIT), "descriptors not given back");
}

/* Another address space with the same mappings, and none, in bursts */
static void case_reattach(void)
{
	struct drv a, b;
	unsigned int round;
	__u32 ioas[2];

	pair(&a, &b);
	ioas[0] = a.dev.ioas;
	ioas[1] = vdev_new_ioas(&a.dev);
	a.dev.ioas = ioas[1];
	check_eq(vdev_map(&a.dev, a.iova, a.mem, MEM_SIZE), 0);
	for (round = 0; round < 30; round++) {
		burst(&a, b.caps.mac, BURST);
		check_eq(vdev_attach(&a.dev, ioas[!(round & 1)]), 0);
		check_eq(take_burst(&a, &b, BURST, WAIT), BURST);
		detach_in_burst(&a, &b);
		check_eq(vdev_attach(&a.dev, ioas[!(round & 1)]), 0);
		reg_write(&a.dev, VNIC_REG_CONTROL, VNIC_CTRL_RESET);
		drv_start(&a);
		after_burst(&a, &b);
		drv_exchange(&b, &a, a.caps.mac, 300, 1);
	}
}

static void case_bad_address(void)
{
	static const __u64 bad[] = {
		0, MEM_IOVA - 4096, MEM_IOVA + MEM_SIZE, 1ull << 63, ~0ull << 12,
	};
	__u8 frame[100];
	struct drv a, b;
	unsigned int i;

	pair(&a, &b);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct vnic_tx_desc *ring = (void *)(a.mem + AT_TX_RING);

		/* a frame whose bytes are nobody's */
		drv_frame(&a, b.caps.mac, frame, sizeof(frame), i);
		drv_send(&a, frame, sizeof(frame), 1);
		check(drv_sent(&a, WAIT), "first frame not sent");
		check_eq(drv_receive(&b, frame, sizeof(frame), WAIT), sizeof(frame));
		ring[a.tx_prod % RING_SIZE] = (struct vnic_tx_desc) {
			.addr = htole64(bad[i]),
			.len = htole16(100),
			.flags = htole16(VNIC_TXD_F_EOP),
		};
		a.tx_prod++;
		__sync_synchronize();
		drv_event(&a, AT_TX_EVENT)->prod = htole32(a.tx_prod);
		reg_write(&a.dev, VNIC_DOORBELL_TX(0), 0);
		check(drv_failed(&a), "goes on; address %#llx", bad[i]);
		check_eq(drv_receive(&b, frame, sizeof(frame), QUIET), -1);
		/* a mailbox that is nobody's */
		reg_write(&a.dev, VNIC_REG_CONTROL, VNIC_CTRL_RESET);
		drv_mailbox(&a);
		reg_write(&a.dev, VNIC_REG_MBX_ADDR_HI, bad[i] >> 32);
		reg_write(&a.dev, VNIC_REG_MBX_ADDR_LO, (__u32)bad[i]);
		reg_write(&a.dev, VNIC_REG_MBX_KICK, 1);
		if (bad[i])	/* 0: there is none */
			check(drv_failed(&a), "goes on; mailbox %#llx", bad[i]);
		reg_write(&a.dev, VNIC_REG_CONTROL, VNIC_CTRL_RESET);
		drv_start(&a);
	}
}

static void case_reset_traffic(void)
{
	struct drv a, b;
	int round;

	pair(&a, &b);
	for (round = 0; round < 6; round++) {
		burst(&a, b.caps.mac, 200);
		check_eq(vdev_reset(round % 2 ? &a.dev : &b.dev), 0);
		check_eq(vdev_reset(round % 2 ? &b.dev : &a.dev), 0);
		cfg_command(&a.dev, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 0);
		cfg_command(&b.dev, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 0);
		drv_start(&a);
		drv_start(&b);
		drv_exchange(&a, &b, b.caps.mac, 300, 1);
	}
}

static void case_close_live(void)
{
	struct drv a, b;
	int round;

	for (round = 0; round < 3; round++) {
		pair(&a, &b);
		burst(&a, b.caps.mac, 200);
		vdev_close(&b.dev);
		burst(&a, b.caps.mac, 20);
		vdev_close(&a.dev);
	}
	vdev_open(&a.dev, vf_a, cdev);
	check_eq(cfg_read(&a.dev, PCI_COMMAND, 2), 0);
	check_clean(&a.dev);
}

/* Ends a child with everything live as QEMU is killed with -9 */
static void case_killed(void)
{
	struct drv a, b;
	int ready[2], round;
	pid_t pid;
	char c;

	for (round = 0; round < 3; round++) {
		check(!pipe(ready), "%m");
		pid = fork();
		if (!pid) {
			pair(&a, &b);
			check_eq(write(ready[1], "x", 1), 1);
			for (;;) {
				burst(&a, b.caps.mac, 100);
				drv_sent(&a, WAIT);
			}
		}
		check_eq(read(ready[0], &c, 1), 1);
		usleep(50000);
		kill(pid, SIGKILL);
		check_eq(waitpid(pid, NULL, 0), pid);
		close(ready[0]);
		close(ready[1]);
	}
	pair(&a, &b);
	drv_exchange(&a, &b, b.caps.mac, 300, 1);
}

static void case_second_open(void)
{
	char path[64];
	struct vdev d;

	vdev_open(&d, vf_a, cdev);
	/* however it is open: nobody else gets the group */
	check_eq(vdev_group_path(vf_a, path, sizeof(path)), 0);
	check_eq(open(path, O_RDWR) < 0 ? errno : 0, EBUSY);
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		err = -errno;
	close(fd);
	return err;
}

static void case_host_reset(void)
{
	char path[128];
	struct drv v;
	__u32 gen;

	drv_open(&v, vf_a, cdev);
	drv_start(&v);
	gen = reg_read(&v.dev, VNIC_REG_GENERATION);
	while (wait_eventfd(v.irq[0], 0))
		;
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/reset", vf_a);
	check_eq(write_file(path, "1"), 0);
	check(wait_eventfd(v.irq[0], WAIT), "not told");
	check(le32toh(drv_mbx(&v)->status.flags) & VNIC_ST_F_RESET, "no VNIC_ST_F_RESET");
	check(reg_read(&v.dev, VNIC_REG_GENERATION) != gen, "generation stays %u", gen);
	check(cfg_read(&v.dev, PCI_COMMAND, 2) & PCI_COMMAND_MASTER, "config lost");
	drv_start(&v);
}

static void case_in_use(void)
{
	char path[128];
	struct drv v;

	drv_open(&v, vf_a, cdev);
	drv_start(&v);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/physfn/sriov_numvfs", vf_a);
	check_eq(write_file(path, "0"), -EBUSY);
	check_eq(reg_read(&v.dev, VNIC_REG_MAGIC), VNIC_MAGIC);
}

static void case_unbind(void)
{
	char path[128];
	int req = new_eventfd(), status;
	struct drv v;
	pid_t pid;

	drv_open(&v, vf_a, cdev);
	drv_start(&v);
	check_eq(vdev_set_eventfd(&v.dev, VFIO_PCI_REQ_IRQ_INDEX, 0, req), 0);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver/unbind", vf_a);
	pid = fork();
	if (!pid) {
		vdev_close(&v.dev);	/* the parent's counts */
		_exit(write_file(path, vf_a) ? 1 : 0);
	}
	check(wait_eventfd(req, WAIT), "not asked for the device");
	check_eq(waitpid(pid, NULL, WNOHANG), 0);
	vdev_close(&v.dev);
	check_eq(waitpid(pid, &status, 0), pid);
	check_eq(status, 0);
	check_eq(write_file("/sys/bus/pci/drivers_probe", vf_a), 0);
	drv_open(&v, vf_a, cdev);
	drv_start(&v);
}

static void case_hostile(void)
{
	printf("# seed %u, %u s\n", seed, seconds);
	fflush(stdout);
	hostile(vf_a, vf_b, vf_c, cdev, seconds, seed);
}

static void case_bell_none(void)
{
	bell_none(vf_a, vf_b, cdev);
}

static void case_bell(void)
{
	bell(vf_a, vf_b, cdev);
}

static void case_bell_hostile(void)
{
	bell_hostile(vf_a, vf_b, cdev, seconds);
}

#define BY_CDEV	"reattach"	/* that case is by cdev only */

static const struct {
	const char *name;
	void (*run)(void);
	const char *what;
} cases[] = {
	{ "info", case_info, "infos of device, regions and interrupts" },
	{ "config", case_config, "the config space a guest sees" },
	{ "illegal", case_illegal_access, "accesses of illegal offset, width and alignment" },
	{ "decode", case_decode, "memory enable and D3hot" },
	{ "irqs", case_irqs, "eventfds come, go and are triggered" },
	{ "irqs_illegal", case_irqs_illegal, "illegal SET_IRQS are refused" },
	{ "second", case_second_open, "a second open is refused" },
	{ "mailbox", case_mailbox, "HELLO by registers, memory and eventfd; refused messages" },
	{ "reset", case_reset, "reset by vfio, FLR and register" },
	{ "frames", case_frames, "frames between two VFs, byte for byte" },
	{ "master", case_no_master, "without bus mastering no memory is touched" },
	{ "unmap", case_unmap, "memory unmapped under live rings is not touched" },
	{ BY_CDEV, case_reattach, "other address spaces, and none, in bursts" },
	{ "address", case_bad_address, "bus addresses that are nobody's" },
	{ "reset_traffic", case_reset_traffic, "reset during traffic" },
	{ "close", case_close_live, "closed with everything live" },
	{ "killed", case_killed, "killed with everything live" },
	{ "host_reset", case_host_reset, "the host's reset is told to the driver" },
	{ "in_use", case_in_use, "numvfs=0 is refused meanwhile" },
	{ "unbind", case_unbind, "unbind asks for the device and waits" },
	{ "bell_none", case_bell_none, "doorbells by page and register without a virtual machine" },
	{ "bell", case_bell, "doorbells by a page that KVM watches, and its loss" },
	{ "bell_hostile", case_bell_hostile, "memory slots, BAR and decoding change all the time" },
	{ "hostile", case_hostile, "a hostile driver does no harm to others" },
};

static bool by_cdev(unsigned int i)
{
	return !strcmp(cases[i].name, BY_CDEV);
}

/* Every case by group and container, then by iommufd; nonzero: failed */
static int run_all(const char *only)
{
	const bool have_cdev = vdev_have_cdev();
	unsigned int i, n = 0, failed = 0;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		if (wanted_case(only, cases[i].name))
			n += !by_cdev(i) + have_cdev;
	printf("KTAP version 1\n1..%u\n", n + !have_cdev);
	n = 0;
	for (i = 0; i < (have_cdev ? 2 : 1) * ARRAY_SIZE(cases); i++) {
		unsigned int c = i % ARRAY_SIZE(cases);
		int result;

		cdev = i >= ARRAY_SIZE(cases);
		if (!wanted_case(only, cases[c].name) || (by_cdev(c) && !cdev))
			continue;
		result = run_case(cases[c].name, cases[c].run, 600 + seconds * 4);
		failed += case_line(result, ++n, "%s: %s: %s", cdev ? "cdev" : "group",
				    cases[c].name, cases[c].what);
	}
	if (!have_cdev)
		printf("ok %u cdev: all of it # SKIP kernel without iommufd\n", ++n);
	return failed || !n;
}

int main(int argc, char **argv)
{
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	const char *only = NULL;
	int opt;

	seed = time(NULL) ^ getpid();
	while ((opt = getopt(argc, argv, "s:t:c:")) != -1) {
		switch (opt) {
		case 's':
			seed = strtoul(optarg, NULL, 0);
			break;
		case 't':
			seconds = strtoul(optarg, NULL, 0);
			break;
		case 'c':
			only = optarg;
			break;
		default:
			return 2;
		}
	}
	if (argc - optind != 3) {
		fprintf(stderr, "usage: vfio_api [-s SEED] [-t SECONDS] [-c CASE,...] VF VF VF\n");
		return 2;
	}
	vf_a = argv[optind];
	vf_b = argv[optind + 1];
	vf_c = argv[optind + 2];
	setrlimit(RLIMIT_MEMLOCK, &all);
	return run_all(only);
}
