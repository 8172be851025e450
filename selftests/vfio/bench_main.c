// SPDX-License-Identifier: GPL-2.0
/*
 * The bench of the hostile driver: runs the cases of a program, and prints KTAP.
 */
#include <sys/resource.h>

#include "bench.h"

static bool arguments(int argc, char **argv)
{
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	unsigned int i;

	if (argc != 9) {
		fprintf(stderr, "usage: PROGRAM [-c CASE,...] SLOW PF ADDRESS WIRE VF VF VF VF\n");
		return false;
	}
	bench_slow = strtoul(argv[1], NULL, 0);
	bench_pf = argv[2];
	bench_bdf = argv[3];
	bench_wire = argv[4];
	for (i = 0; i < ARRAY_SIZE(bench_vf); i++)
		bench_vf[i] = argv[5 + i];
	setrlimit(RLIMIT_MEMLOCK, &unlimited);
	return true;
}

/* Run a case, and print its line.  Is it good? */
static bool one_case(const struct hostile_case *c, unsigned int n)
{
	__u64 start = now_ms();
	int result;

	if (bench_kind->prepare)
		bench_kind->prepare(c);
	result = run_case(c->name, c->run, 300 * bench_slow);
	if (!result)	/* or else the line before the case's says why it failed */
		printf("# %s: %llu ms\n", c->name, now_ms() - start);
	return !case_line(result, n, "class %u: %s: %s", c->class, c->name, c->what);
}

int bench_main(int argc, char **argv, const struct hostile_case *const *tables, unsigned int n)
{
	const char *only = take_cases(&argc, &argv);
	unsigned int i, planned = 0, done = 0, bad = 0;
	const struct hostile_case *c;

	if (!arguments(argc, argv))
		return 2;
	for (i = 0; i < n; i++)
		for (c = tables[i]; c->name; c++)
			planned += wanted_case(only, c->name);
	printf("KTAP version 1\n1..%u\n", planned);
	for (i = 0; i < n; i++)
		for (c = tables[i]; c->name; c++)
			if (wanted_case(only, c->name))
				bad += !one_case(c, ++done);
	return bad || !done;
}
