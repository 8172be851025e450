// SPDX-License-Identifier: GPL-2.0
/* Both names are free. */
#include <linux/pci.h>

static int pci_bus_find_emul_domain_nr;
static int pci_bus_release_emul_domain_nr;
