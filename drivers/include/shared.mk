# SPDX-License-Identifier: GPL-2.0
#
# What modules of one build share beside the symbols that they export, as names that only
# another build has different: they compare them when they are loaded.  Read by their Kbuild
# files.

vnic-shared-dir := $(dir $(lastword $(MAKEFILE_LIST)))
# $(call vnic-hash,FILE...)
vnic-hash = $(shell cat $(sort $(wildcard $(1))) | sha256sum | cut -c1-16)

# vnic-pf and vnic-vfio-pci: structs and inline functions
vnic-pf-shared = $(call vnic-hash,$(addprefix $(vnic-shared-dir),*.h ../vnic-pf/*.h \
	../vnic-pf/*/*.h ../../uapi/vnic/*.h))
# vnic-iommu and vnic-pf: the page table
vnic-iommu-shared = $(call vnic-hash,$(vnic-shared-dir)vnic_iommu.h)
