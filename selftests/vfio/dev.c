// SPDX-License-Identifier: GPL-2.0
/*
 * A VF through vfio: by its group and a container, or by its character device
 * and iommufd.  VNIC_CONTAINER in the environment is a container's path; iommufd may be
 * given for one: then all is done by group.
 */
#include <dirent.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/iommufd.h>
#include <linux/kvm.h>
#include <linux/pci_regs.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "test.h"

#define DEVICES	"/sys/bus/pci/devices"

int vdev_kvm = -1;

/* The virtual machine's, if there is one: group or character device */
static void tell_kvm(int fd)
{
	__s32 file = fd;
	struct kvm_device_attr attr = {
		.group = KVM_DEV_VFIO_FILE,
		.attr = KVM_DEV_VFIO_FILE_ADD,
		.addr = (uintptr_t)&file,
	};

	if (vdev_kvm >= 0)
		check(!ioctl(vdev_kvm, KVM_SET_DEVICE_ATTR, &attr), "%m");
}

static const char *container_path(void)
{
	return getenv("VNIC_CONTAINER") ?: "/dev/vfio/vfio";
}

bool vdev_have_cdev(void)
{
	return !getenv("VNIC_CONTAINER") && !access("/dev/iommu", R_OK | W_OK) &&
	       !access("/dev/vfio/devices", X_OK);
}

/* /dev/vfio/<n> of a device; 0 or -errno */
int vdev_group_path(const char *bdf, char *path, size_t size)
{
	char link[64], to[256];
	ssize_t len;

	snprintf(link, sizeof(link), DEVICES "/%s/iommu_group", bdf);
	len = readlink(link, to, sizeof(to) - 1);
	if (len < 0)
		return -errno;
	to[len] = 0;
	snprintf(path, size, "/dev/vfio/%s", basename(to));
	return 0;
}

static void open_group(struct vdev *d, const struct vdev *other)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	char path[64];
	int err;

	err = vdev_group_path(d->bdf, path, sizeof(path));
	check(!err, "no group of %s", d->bdf);
	d->container = other ? dup(other->container) : open(container_path(), O_RDWR | O_CLOEXEC);
	check(d->container >= 0, "%s: %m", container_path());
	check_eq(ioctl(d->container, VFIO_GET_API_VERSION), VFIO_API_VERSION);
	d->group = open(path, O_RDWR | O_CLOEXEC);
	check(d->group >= 0, "%s: %m", path);
	check(!ioctl(d->group, VFIO_GROUP_GET_STATUS, &status), "%m");
	check(status.flags & VFIO_GROUP_FLAGS_VIABLE, "group not viable");
	check(!ioctl(d->group, VFIO_GROUP_SET_CONTAINER, &d->container), "%m");
	if (!other)
		check(!ioctl(d->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU), "%m");
	tell_kvm(d->group);
	d->fd = ioctl(d->group, VFIO_GROUP_GET_DEVICE_FD, d->bdf);
	check(d->fd >= 0, "open %s: %m", d->bdf);
}

__u32 vdev_new_ioas(struct vdev *d)
{
	struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };

	check(!ioctl(d->container, IOMMU_IOAS_ALLOC, &alloc), "%m");
	return alloc.out_ioas_id;
}

int vdev_attach(struct vdev *d, __u32 ioas)
{
	struct vfio_device_attach_iommufd_pt attach = { .argsz = sizeof(attach), .pt_id = ioas };

	if (ioctl(d->fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach))
		return -errno;
	d->ioas = ioas;
	return 0;
}

int vdev_detach(struct vdev *d)
{
	struct vfio_device_detach_iommufd_pt detach = { .argsz = sizeof(detach) };

	return ioctl(d->fd, VFIO_DEVICE_DETACH_IOMMUFD_PT, &detach) ? -errno : 0;
}

static void open_cdev(struct vdev *d)
{
	struct vfio_device_bind_iommufd bind = { .argsz = sizeof(bind) };
	char path[300] = "";
	struct dirent *ent;
	DIR *dir;

	snprintf(path, sizeof(path), DEVICES "/%s/vfio-dev", d->bdf);
	dir = opendir(path);
	check(dir, "%s: %m", path);
	path[0] = 0;
	while ((ent = readdir(dir)))
		if (!strncmp(ent->d_name, "vfio", 4))
			snprintf(path, sizeof(path), "/dev/vfio/devices/%s", ent->d_name);
	closedir(dir);
	d->container = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	check(d->container >= 0, "/dev/iommu: %m");
	d->fd = open(path, O_RDWR | O_CLOEXEC);
	check(d->fd >= 0, "%s: %m", path);
	tell_kvm(d->fd);
	bind.iommufd = d->container;
	check(!ioctl(d->fd, VFIO_DEVICE_BIND_IOMMUFD, &bind), "%m");
	check(!vdev_attach(d, vdev_new_ioas(d)), "attach: %m");
}

static void open_device(struct vdev *d, const char *bdf, bool cdev, const struct vdev *other)
{
	struct vfio_irq_info irq = { .argsz = sizeof(irq), .index = VFIO_PCI_MSIX_IRQ_INDEX };
	unsigned int i;

	memset(d, 0, sizeof(*d));
	snprintf(d->bdf, sizeof(d->bdf), "%s", bdf);
	d->cdev = cdev;
	d->group = -1;
	if (cdev)
		open_cdev(d);
	else
		open_group(d, other);
	for (i = 0; i < VFIO_PCI_VGA_REGION_INDEX; i++) {
		struct vfio_region_info info = { .argsz = sizeof(info), .index = i };

		check(!ioctl(d->fd, VFIO_DEVICE_GET_REGION_INFO, &info), "region %u: %m", i);
		d->off[i] = info.offset;
	}
	check(!ioctl(d->fd, VFIO_DEVICE_GET_IRQ_INFO, &irq), "%m");
	d->vectors = irq.count;
}

void vdev_open(struct vdev *d, const char *bdf, bool cdev)
{
	open_device(d, bdf, cdev, NULL);
}

void vdev_open_with(struct vdev *d, const char *bdf, const struct vdev *other)
{
	open_device(d, bdf, false, other);
}

void vdev_close(struct vdev *d)
{
	close(d->fd);
	if (d->group >= 0)
		close(d->group);
	close(d->container);
}

static int map_ioas(struct vdev *d, __u64 iova, void *va, size_t len, bool readable, bool writable)
{
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA |
			 (readable ? IOMMU_IOAS_MAP_READABLE : 0) |
			 (writable ? IOMMU_IOAS_MAP_WRITEABLE : 0),
		.ioas_id = d->ioas,
		.user_va = (uintptr_t)va,
		.length = len,
		.iova = iova,
	};

	return ioctl(d->container, IOMMU_IOAS_MAP, &map) ? -errno : 0;
}

int vdev_map_as(struct vdev *d, __u64 iova, void *va, size_t len, bool readable, bool writable)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = (readable ? VFIO_DMA_MAP_FLAG_READ : 0) |
			 (writable ? VFIO_DMA_MAP_FLAG_WRITE : 0),
		.vaddr = (uintptr_t)va,
		.iova = iova,
		.size = len,
	};

	if (d->cdev)
		return map_ioas(d, iova, va, len, readable, writable);
	return ioctl(d->container, VFIO_IOMMU_MAP_DMA, &map) ? -errno : 0;
}

int vdev_map(struct vdev *d, __u64 iova, void *va, size_t len)
{
	return vdev_map_as(d, iova, va, len, true, true);
}

int vdev_unmap(struct vdev *d, __u64 iova, size_t len)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = iova,
		.size = len,
	};
	struct iommu_ioas_unmap ioas = {
		.size = sizeof(ioas),
		.ioas_id = d->ioas,
		.iova = iova,
		.length = len,
	};

	if (d->cdev)
		return ioctl(d->container, IOMMU_IOAS_UNMAP, &ioas) ? -errno : 0;
	return ioctl(d->container, VFIO_IOMMU_UNMAP_DMA, &unmap) ? -errno : 0;
}

int vdev_reset(struct vdev *d)
{
	return ioctl(d->fd, VFIO_DEVICE_RESET) ? -errno : 0;
}

int vdev_set_irqs(struct vdev *d, __u32 flags, __u32 index, __u32 start,
		  __u32 count, const void *data, size_t size)
{
	union {
		struct vfio_irq_set set;
		__u8 room[sizeof(struct vfio_irq_set) + 256];
	} u = {};

	u.set.argsz = sizeof(u.set) + size;
	u.set.flags = flags;
	u.set.index = index;
	u.set.start = start;
	u.set.count = count;
	if (size)
		memcpy(u.set.data, data, size);
	return ioctl(d->fd, VFIO_DEVICE_SET_IRQS, &u.set) ? -errno : 0;
}

int vdev_set_eventfd(struct vdev *d, __u32 index, __u32 vector, int fd)
{
	__s32 data = fd;

	return vdev_set_irqs(d, VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
			     index, vector, 1, &data, sizeof(data));
}

int vdev_read(struct vdev *d, int region, __u64 off, void *buf, size_t len)
{
	ssize_t n = pread(d->fd, buf, len, d->off[region] + off);

	return n < 0 ? -errno : n;
}

int vdev_write(struct vdev *d, int region, __u64 off, const void *buf, size_t len)
{
	ssize_t n = pwrite(d->fd, buf, len, d->off[region] + off);

	return n < 0 ? -errno : n;
}

__u32 reg_read(struct vdev *d, __u32 off)
{
	__u32 val;

	check_eq(vdev_read(d, VFIO_PCI_BAR0_REGION_INDEX, off, &val, sizeof(val)), sizeof(val));
	return le32toh(val);
}

void reg_write(struct vdev *d, __u32 off, __u32 val)
{
	val = htole32(val);
	check_eq(vdev_write(d, VFIO_PCI_BAR0_REGION_INDEX, off, &val, sizeof(val)), sizeof(val));
}

__u32 cfg_read(struct vdev *d, __u32 off, unsigned int size)
{
	__u32 val = 0;

	check_eq(vdev_read(d, VFIO_PCI_CONFIG_REGION_INDEX, off, &val, size), size);
	return le32toh(val);
}

void cfg_write(struct vdev *d, __u32 off, unsigned int size, __u32 val)
{
	val = htole32(val);
	check_eq(vdev_write(d, VFIO_PCI_CONFIG_REGION_INDEX, off, &val, size), size);
}

/* Offset of a capability, 0: none */
__u32 cfg_find_cap(struct vdev *d, __u8 id)
{
	__u32 at = cfg_read(d, PCI_CAPABILITY_LIST, 1);
	int left;

	for (left = 48; at && left; left--) {
		if (cfg_read(d, at, 1) == id)
			return at;
		at = cfg_read(d, at + 1, 1);
	}
	return 0;
}

__u16 cfg_command(struct vdev *d, __u16 set, __u16 clear)
{
	__u16 cmd = cfg_read(d, PCI_COMMAND, 2);

	cmd = (cmd | set) & ~clear;
	cfg_write(d, PCI_COMMAND, 2, cmd);
	return cmd;
}

int slow_memory(void **mem, size_t len)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	check(fd >= 0, "userfaultfd: %m");
	*mem = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(*mem != MAP_FAILED, "mmap: %m");
	reg.range.start = (uintptr_t)*mem;
	reg.range.len = len;
	check(!ioctl(fd, UFFDIO_API, &api), "%m");
	check(!ioctl(fd, UFFDIO_REGISTER, &reg), "%m");
	return fd;
}
