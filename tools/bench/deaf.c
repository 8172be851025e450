// SPDX-License-Identifier: GPL-2.0
/*
 * deaf VF: a driver that posts a ring of receive buffers once and never looks at it again.
 * Built with the driver of selftests/vfio; the VF must be bound to vnic-vfio-pci.
 */
#include <unistd.h>
#include "test.h"

int main(int argc, char **argv)
{
	struct drv deaf;

	check_eq(argc, 2);
	drv_open(&deaf, argv[1], false);
	drv_start(&deaf);
	puts("deaf");
	fflush(stdout);
	for (;;)
		pause();
}
