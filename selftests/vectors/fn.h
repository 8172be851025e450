/* SPDX-License-Identifier: GPL-2.0 */
/* What vectors.c needs of the module's header of that name: a function with two vectors. */
#ifndef _VNIC_FN_H
#define _VNIC_FN_H

#include <linux/types.h>

#include "vectors.h"

#define VNIC_MAX_VECTORS	2

struct vnic_backend_ops {
	void (*raise)(void *priv, unsigned int vector);
};

struct vnic_fn {
	struct vnic_vector		vec[VNIC_MAX_VECTORS];
	const struct vnic_backend_ops	*be;
	void				*be_priv;
};

#endif /* _VNIC_FN_H */
