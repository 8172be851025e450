// SPDX-License-Identifier: GPL-2.0
/*
 * What a hostile driver of a VF can do, by class, each directed at one thing, while
 * two other VFs exchange frames, the PF is up and there is a wire.  Prints KTAP.
 *
 * Usage: classes [-c CASE,...] SLOW PF ADDRESS WIRE VF VF VF VF
 *   SLOW         limits of time are so many times as long
 *   PF           the PF's netdev; ADDRESS: the PF's on the PCI bus
 *   WIRE         a netdev that is the far end of the uplink
 *   VF           addresses of VFs 0 to 3, bound to vnic-vfio-pci
 * VNIC_CDEV in the environment: see bench_open().
 *
 * What other tests show already is not here again (api, memory: selftests/vfio/):
 *
 *   class 1   memory:each_frame,much,storm   map and unmap under traffic
 *   class 2   stats/health.py                more descriptors than the ring has
 *   class 5   stats/drops.py:nobuf           no receive buffers
 *   class 6   api:unmap,address              rings unmapped; addresses that are nobody's
 *   class 7   api:illegal,config,decode,master         the rules, one by one
 *   class 8   api:irqs,irqs_illegal          vectors beyond the count
 *   class 10  switch/classify.py:claims      an address claimed before the host sets it
 *             switch/classify.py:burst       broadcasts to many
 *             stats/drops.py:spoof,control,vlan        the same from the host's VFs
 *   class 11  api:reset,reset_traffic        resets of each kind, and in traffic
 *   all       api:hostile, by chance
 */
#include "native.h"

int main(int argc, char **argv)
{
	static const struct hostile_case *const all[] = {
		memory_cases, frame_cases, ring_cases, config_cases, control_cases,
	};

	bench_kind = &native_kind;
	return bench_main(argc, argv, all, ARRAY_SIZE(all));
}
