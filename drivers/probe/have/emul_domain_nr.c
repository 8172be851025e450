// SPDX-License-Identifier: GPL-2.0
/* The PCI core keeps account of the domains of emulated buses. Linux 7.0 */
/* exported: pci_bus_find_emul_domain_nr pci_bus_release_emul_domain_nr */
#include <linux/pci.h>

static void probe_emul_domain(u32 min, u32 max)
{
	int nr = pci_bus_find_emul_domain_nr(min, min, max);

	pci_bus_release_emul_domain_nr(nr);
}
