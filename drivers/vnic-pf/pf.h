/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The PF's PCI driver.
 */
#ifndef _VNIC_PF_H
#define _VNIC_PF_H

#include <linux/pci.h>

extern struct pci_driver vnic_pf_driver;

#endif /* _VNIC_PF_H */
