// SPDX-License-Identifier: GPL-2.0
/* dim takes a sample by value. */
#include <linux/dim.h>

static void probe_net_dim(struct dim *dim, const struct dim_sample *sample)
{
	net_dim(dim, *sample);
}
