/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Page pool statistics for ethtool, in kernels that keep them.
 */
#ifndef _VNIC_VF_PP_STATS_H
#define _VNIC_VF_PP_STATS_H

#include <net/page_pool/helpers.h>

#ifdef CONFIG_PAGE_POOL_STATS
/* Sum over the receive queues in use; returns the place behind in @data. */
static inline u64 *vnicvf_pp_stats(struct vnicvf *vf, u64 *data)
{
	struct page_pool_stats sum = {};
	unsigned int i;

	for (i = 0; i < vf->num_qps; i++) {
		if (vf->qp[i].rx.pool)
			page_pool_get_stats(vf->qp[i].rx.pool, &sum);
		if (vf->qp[i].rx.long_pool)
			page_pool_get_stats(vf->qp[i].rx.long_pool, &sum);
	}
	return page_pool_ethtool_stats_get(data, &sum);
}
#else
static inline u64 *vnicvf_pp_stats(struct vnicvf *vf, u64 *data)
{
	return data;
}
#endif

#endif /* _VNIC_VF_PP_STATS_H */
