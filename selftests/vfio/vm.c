// SPDX-License-Identifier: GPL-2.0
/*
 * A virtual machine made of one page of code and one vCPU in real mode, which
 * writes where it is told to, as a guest's driver does to a VF's BAR.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vm.h"

struct vm vm;

void vm_create(void)
{
	struct kvm_create_device dev = { .type = KVM_DEV_TYPE_VFIO };
	int size;

	vm.kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (vm.kvm < 0)
		skip_case("no KVM: /dev/kvm: %m");
	vm.fd = ioctl(vm.kvm, KVM_CREATE_VM, 0);
	check(vm.fd >= 0, "KVM_CREATE_VM: %m");
	check(!ioctl(vm.fd, KVM_CREATE_DEVICE, &dev), "KVM_CREATE_DEVICE: %m");
	vm.vfio = dev.fd;
	vm.vcpu = ioctl(vm.fd, KVM_CREATE_VCPU, 0);
	check(vm.vcpu >= 0, "KVM_CREATE_VCPU: %m");
	check(!ioctl(vm.vcpu, KVM_GET_SREGS, &vm.sregs), "%m");
	vm.sregs.cs.base = 0;
	vm.sregs.cs.selector = 0;
	size = ioctl(vm.kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	vm.run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vm.vcpu, 0);
	check(vm.run != MAP_FAILED, "%m");
	vm.code = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(vm.code != MAP_FAILED, "%m");
}

int vm_slot(__u32 slot, __u64 at, void *mem)
{
	struct kvm_userspace_memory_region r = {
		.slot = slot,
		.guest_phys_addr = at,
		.memory_size = at ? PAGE : 0,
		.userspace_addr = (uintptr_t)mem,
	};

	return ioctl(vm.fd, KVM_SET_USER_MEMORY_REGION, &r) ? -errno : 0;
}

/* mov %eax, %ds:0; hlt */
void vm_run(__u32 at)
{
	static const __u8 code[] = { 0x66, 0xa3, 0x00, 0x00, 0xf4 };
	struct kvm_regs regs = { .rip = VM_CODE, .rflags = 2 };

	memcpy(vm.code, code, sizeof(code));
	vm.sregs.ds.base = at;
	check(!ioctl(vm.vcpu, KVM_SET_SREGS, &vm.sregs), "%m");
	check(!ioctl(vm.vcpu, KVM_SET_REGS, &regs), "%m");
	check(!ioctl(vm.vcpu, KVM_RUN, 0), "KVM_RUN: %m");
}

void vm_place(struct drv *v, __u64 bar)
{
	cfg_write(&v->dev, PCI_BASE_ADDRESS_0, 4, (__u32)bar);
	cfg_write(&v->dev, PCI_BASE_ADDRESS_1, 4, bar >> 32);
}

void *vm_map(struct drv *v, __u64 off, size_t len, int flags)
{
	return mmap(NULL, len, PROT_READ | PROT_WRITE, flags, v->dev.fd,
		    v->dev.off[VFIO_PCI_BAR0_REGION_INDEX] + off);
}
