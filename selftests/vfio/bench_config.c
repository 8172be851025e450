// SPDX-License-Identifier: GPL-2.0
/*
 * The bench of the hostile driver: VF 0's configuration space, whatever its personality.
 */
#include "bench.h"

#define CFG	VFIO_PCI_CONFIG_REGION_INDEX
#define SIZE	4096u
#define PM_CTRL	0x44u

static bool writable(unsigned int off)
{
	/* command, cache line, BARs, interrupt line; PM control, device control, MSI-X control */
	return off == PCI_COMMAND || off == PCI_COMMAND + 1 || off == PCI_CACHE_LINE_SIZE ||
	       (off >= PCI_BASE_ADDRESS_0 && off < PCI_BASE_ADDRESS_4) ||
	       off == PCI_INTERRUPT_LINE || (off >= PM_CTRL && off < PM_CTRL + 2) ||
	       (off >= 0x58 && off < 0x5a) || (off >= 0x92 && off < 0x94);
}

/* A byte, or two or four where that is an access in one */
static void write_all(__u8 with)
{
	unsigned int off;
	__u8 val[4];

	memset(val, with, sizeof(val));
	for (off = 0; off < SIZE; off++)
		vdev_write(&evil.dev, CFG, off, val, off % 3 ? 1 : off % 2 ? 2 : 4);
}

void scribble_config(bool (*own)(unsigned int off))
{
	static const __u8 with[] = { 0xff, 0x00, 0x55, 0xaa };
	static __u8 before[SIZE], after[SIZE];
	unsigned int off, i;
	__u64 end;

	check_eq(vdev_read(&evil.dev, CFG, 0, before, SIZE), SIZE);
	for (i = 0; i < ARRAY_SIZE(with); i++)
		write_all(with[i]);
	end = now_ms() + WAIT;
	while (cfg_read(&evil.dev, PCI_VENDOR_ID, 4) == ~0u)
		check(now_ms() < end, "never comes back from its reset");
	check_eq(vdev_read(&evil.dev, CFG, 0, after, SIZE), SIZE);
	for (off = 0; off < SIZE; off++)
		check(before[off] == after[off] || writable(off) || (own && own(off)),
		      "byte %#x is %#x, was %#x", off, after[off], before[off]);
	vdev_write(&evil.dev, CFG, PCI_COMMAND, before + PCI_COMMAND, 2);
	cfg_write(&evil.dev, PM_CTRL, 2, 0);
}
