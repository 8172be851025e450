// SPDX-License-Identifier: GPL-2.0
/*
 * What a hostile driver of a virtio VF can do, by class, as classes.c has it for a native one:
 * each is directed at one thing, while two other VFs exchange frames, the PF is up and there
 * is a wire.  Prints KTAP.
 *
 * Usage: classes_virtio [-c CASE,...] SLOW PF ADDRESS WIRE VF VF VF VF
 * as of classes.c; VF 0 is a virtio network device, the others are native ones.
 *
 * "packed-" before a case's name: with packed rings.  What other tests show already is not
 * here again: the frames and rings of a driver that keeps the rules, negotiation and
 * registers are those of virtio.py; what the switch makes of a frame's tags and who waits for
 * an interrupt are the same for every personality.
 */
#include "vhostile.h"

int main(int argc, char **argv)
{
	static const struct hostile_case *const all[] = {
		vframe_cases, vring_cases, vmemory_cases, vcontrol_cases, vconfig_cases,
		vchance_cases,
	};

	bench_kind = &virtio_kind;
	return bench_main(argc, argv, all, ARRAY_SIZE(all));
}
