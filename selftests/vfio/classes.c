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
 *
 * What other tests show already is not here again (api, memory: selftests/vfio/):
 *
 *   class 1   memory:each_frame,much,storm   map and unmap under traffic
 *   class 2   stats/health.py                more descriptors than the ring has
 *   class 5   stats/drops.py:nobuf           no receive buffers
 *   class 6   memory:read_only,no_write,ring,no_read   what may not be written or read
 *             api:unmap,address              rings unmapped; addresses that are nobody's
 *   class 7   api:illegal,config,decode,master         the rules, one by one
 *   class 8   api:irqs,irqs_illegal          vectors beyond the count
 *   class 10  switch/classify.py:claims      an address claimed before the host sets it
 *             switch/classify.py:burst       broadcasts to many
 *             stats/drops.py:spoof,control,vlan        the same from the host's VFs
 *   class 11  api:reset,reset_traffic        resets of each kind, and in traffic
 *   all       api:hostile, by chance
 */
#include <sys/resource.h>

#include "bench.h"

int main(int argc, char **argv)
{
	static const struct hostile_case *const all[] = {
		memory_cases, frame_cases, ring_cases, config_cases, control_cases,
	};
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	const struct hostile_case *c;
	unsigned int i, n = 0, bad = 0;
	const char *only = take_cases(&argc, &argv);

	if (argc != 9) {
		fprintf(stderr, "usage: classes [-c CASE,...] SLOW PF ADDRESS WIRE VF VF VF VF\n");
		return 2;
	}
	bench_slow = strtoul(argv[1], NULL, 0);
	bench_pf = argv[2];
	bench_bdf = argv[3];
	bench_wire = argv[4];
	for (i = 0; i < ARRAY_SIZE(bench_vf); i++)
		bench_vf[i] = argv[5 + i];
	setrlimit(RLIMIT_MEMLOCK, &unlimited);
	for (i = 0; i < ARRAY_SIZE(all); i++)
		for (c = all[i]; c->name; c++)
			n += wanted_case(only, c->name);
	printf("KTAP version 1\n1..%u\n", n);
	for (i = 0, n = 0; i < ARRAY_SIZE(all); i++)
		for (c = all[i]; c->name; c++) {
			__u64 start = now_ms();
			int result;

			if (!wanted_case(only, c->name))
				continue;
			result = run_case(c->run, 60 * bench_slow);
			bad += !!result;
			printf("%sok %u class %u: %s: %s # %llu ms\n", result ? "not " : "", ++n,
			       c->class, c->name, c->what, now_ms() - start);
		}
	return bad || !n;
}
