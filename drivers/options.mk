# SPDX-License-Identifier: GPL-2.0
#
# Which modules this kernel can have: by its options, which kbuild has read before.
# Read by the Kbuild files. VNIC_PARTS=vf, given to make, builds vnic-vf alone.

vnic-needs-vnic-vf := X86_64 NET PCI_MSI DIMLIB PAGE_POOL
vnic-needs-vnic-pf := X86_64 NET PCI_MSI PCI_IOV NET_DEVLINK GRO_CELLS
# For vnic-pf, which goes without it, and for vnic-vfio-pci, which does not.
vnic-needs-vnic-iommu := $(vnic-needs-vnic-pf) IOMMU_API
vnic-needs-vnic-vfio-pci := $(vnic-needs-vnic-iommu) VFIO VHOST_TASK

vnic-for-X86_64 := no other machine is supported
vnic-for-NET := networking
vnic-for-PCI_MSI := MSI-X vectors
vnic-for-DIMLIB := interrupt moderation; NIC drivers as virtio_net select it
vnic-for-PAGE_POOL := receive buffers; NIC drivers as virtio_net select it
vnic-for-PCI_IOV := virtual functions
vnic-for-NET_DEVLINK := rates, packet memory and health; NIC drivers select it
vnic-for-GRO_CELLS := what the host receives; tunnels as VXLAN select it
vnic-for-IOMMU_API := VFs in virtual machines; VFIO selects it
vnic-for-VFIO := VFs in virtual machines
vnic-for-VHOST_TASK := VFs in virtual machines: threads in their processes; KVM and VHOST_NET select it

vnic-modules := $(if $(filter vf,$(VNIC_PARTS)),vnic-vf,vnic-vf vnic-iommu vnic-pf vnic-vfio-pci)

# $(call vnic-lacks,MODULE): the options it needs and this kernel does not have
vnic-lacks = $(strip $(foreach o,$(vnic-needs-$(1)),$(if $(filter y m,$(CONFIG_$(o))),,$(o))))

vnic-built := $(strip $(foreach m,$(vnic-modules),$(if $(call vnic-lacks,$(m)),,$(m))))
# The directories they are in.
vnic-dirs := $(filter $(vnic-built),vnic-vf vnic-iommu vnic-pf)

# $(call vnic-without,OPTION): the modules that are left out for the lack of it
vnic-without = $(strip $(foreach m,$(vnic-modules),$(if $(filter $(1),$(call vnic-lacks,$(m))),$(m))))

# One line an option, quoted for the shell
vnic-left-out := $(foreach o,$(sort $(foreach m,$(vnic-modules),$(call vnic-lacks,$(m)))),\
	'this kernel lacks CONFIG_$(o) ($(vnic-for-$(o))): not built: $(call vnic-without,$(o))')
