/* SPDX-License-Identifier: GPL-2.0 */
/* The virtual machine of vm.c, for tests of what KVM does for a VF */
#ifndef VNIC_SELFTEST_VM_H
#define VNIC_SELFTEST_VM_H

#include <linux/kvm.h>

#include "test.h"

#define VM_CODE	0x1000u			/* guest physical addresses */
#define BAR	0x10000u
#define BELL	(BAR + VNIC_DOORBELL_BASE)

extern struct vm {
	int		kvm, fd, vfio, vcpu;
	struct kvm_sregs sregs;		/* as they were at first */
	struct kvm_run	*run;
	__u8		*code;
	__u32		*page;		/* the doorbells */
} vm;

void vm_create(void);
/* A slot of a page; @at: 0: it goes.  0 or -errno */
int vm_slot(__u32 slot, __u64 at, void *mem);
/* The vCPU writes four bytes to guest physical address @at, and halts: see vm.run for
 * why it came back.
 */
void vm_run(__u32 at);
/* Put the BAR of an open device there. */
void vm_place(struct drv *v, __u64 bar);
/* Map a piece of it, as a VMM would. */
void *vm_map(struct drv *v, __u64 off, size_t len, int flags);

#endif
