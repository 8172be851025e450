/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between the kernels vnic is built for, Linux 6.12 and newer, by
 * what their headers have: drivers/probe asks them.  A version says nothing:
 * stable and enterprise kernels take over changes from newer ones.  The
 * versions named here are those that brought a change first.
 */
#ifndef _VNIC_COMPAT_H
#define _VNIC_COMPAT_H

#include <linux/dim.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/hrtimer.h>
#include <linux/kcov.h>
#include <linux/irq.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/pci.h>
#include <linux/sched/vhost_task.h>
#include <linux/version.h>
#include <linux/vmalloc.h>
#include <net/devlink.h>
#include <net/xdp_sock_drv.h>

#include <generated/probed.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#error "vnic needs Linux 6.12 or newer"
#endif
#ifndef CONFIG_X86_64
#error "vnic needs an x86-64 kernel"
#endif

/* Linux 6.13: symbol namespaces are strings. */
#if VNIC_HAVE_MODULE_NS_STRING
#define EXPORT_SYMBOL_VNIC(sym)	EXPORT_SYMBOL_NS_GPL(sym, "VNIC")
#define VNIC_IMPORT_NS()	MODULE_IMPORT_NS("VNIC")
#else
#define EXPORT_SYMBOL_VNIC(sym)	EXPORT_SYMBOL_NS_GPL(sym, VNIC)
#define VNIC_IMPORT_NS()	MODULE_IMPORT_NS(VNIC)
#endif

/*
 * Linux 6.19: the vfio core asks drivers for their regions by an op of its own;
 * before, they answer VFIO_DEVICE_GET_REGION_INFO in their ioctl op.  This is
 * the initialiser of that op, where it exists.
 */
#if VNIC_HAVE_VFIO_REGION_INFO_OP
#define VNIC_VFIO_REGION_INFO_OP(fn)	.get_region_info_caps = (fn),
#else
#define VNIC_VFIO_REGION_INFO_OP(fn)
#endif

/*
 * Linux 6.19: who attaches a device to an IOMMU domain is told which it was
 * attached to before, which is not used here.  This is the head of such a function.
 */
#if VNIC_HAVE_IOMMU_ATTACH_OLD
#define VNIC_IOMMU_ATTACH(fn) \
	fn(struct iommu_domain *domain, struct device *dev, struct iommu_domain *old)
#else
#define VNIC_IOMMU_ATTACH(fn)	fn(struct iommu_domain *domain, struct device *dev)
#endif

/* Linux 6.19: a domain's page sizes are said in the domain alone; before, also in
 * the ops.  This is the initialiser there.
 */
#if VNIC_HAVE_IOMMU_OPS_PGSIZES
#define VNIC_IOMMU_OPS_PGSIZES(sizes)	.pgsize_bitmap = (sizes),
#else
#define VNIC_IOMMU_OPS_PGSIZES(sizes)
#endif

/* Linux 6.13: a timer gets its function when it is initialised. */
static inline void vnic_hrtimer_setup(struct hrtimer *timer,
				      enum hrtimer_restart (*fn)(struct hrtimer *))
{
#if VNIC_HAVE_HRTIMER_SETUP
	hrtimer_setup(timer, fn, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);
#else
	hrtimer_init(timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);
	timer->function = fn;
#endif
}

/*
 * Linux 6.17: what a flow's hash is made of is asked for and set by ops of their own;
 * before, by get_rxnfc and set_rxnfc.  These are the initialisers of those ops, where
 * they exist.
 */
#if VNIC_HAVE_RXFH_FIELDS_OP
#define VNIC_GET_RXFH_FIELDS_OP(fn)	.get_rxfh_fields = (fn),
#define VNIC_SET_RXFH_FIELDS_OP(fn)	.set_rxfh_fields = (fn),
#define VNIC_GET_RXFH_OF_RXNFC(get, netdev, info)	(-EOPNOTSUPP)
#define VNIC_SET_RXFH_OF_RXNFC(set, netdev, info)	(-EOPNOTSUPP)
#else
#define VNIC_GET_RXFH_FIELDS_OP(fn)
#define VNIC_SET_RXFH_FIELDS_OP(fn)
#define VNIC_GET_RXFH_OF_RXNFC(get, netdev, info)	(get)(netdev, info)
#define VNIC_SET_RXFH_OF_RXNFC(set, netdev, info)	(set)(netdev, info, NULL)
#define ethtool_rxfh_fields	ethtool_rxnfc	/* has the fields that are used */
#endif

/*
 * Linux 6.15: a mask says which symmetric hashes a driver has; before, a bit that it
 * has the only one there is.  This is the initialiser of that, of ops that have both.
 */
#if VNIC_HAVE_RSS_INPUT_XFRM
#define VNIC_RSS_XFRM_CAP	.supported_input_xfrm = RXH_XFRM_SYM_XOR | RXH_XFRM_SYM_OR_XOR,
#else
#define VNIC_RSS_XFRM_CAP	.cap_rss_sym_xor_supported = true,
#define RXH_XFRM_SYM_OR_XOR	BIT(1)	/* nobody asks for it */
#endif

/*
 * Linux 6.19: the number of RX rings is asked for by an op of its own; before, by
 * get_rxnfc.  This is the initialiser of that op, where it exists.
 */
#if VNIC_HAVE_RX_RING_COUNT_OP
#define VNIC_RX_RING_COUNT_OP(fn)	.get_rx_ring_count = (fn),
#else
#define VNIC_RX_RING_COUNT_OP(fn)
#endif

/* Linux 6.13: dim takes a sample by reference. */
static inline void vnic_net_dim(struct dim *dim, const struct dim_sample *sample)
{
#if VNIC_HAVE_NET_DIM_BY_REF
	net_dim(dim, sample);
#else
	net_dim(dim, *sample);
#endif
}

/*
 * Linux 6.13: what the user set for a NAPI context is kept by its index; before,
 * it goes with the context.
 */
static inline void vnic_napi_add(struct net_device *netdev, struct napi_struct *napi,
				 int (*poll)(struct napi_struct *, int), int index)
{
#if VNIC_HAVE_NAPI_CONFIG
	netif_napi_add_config(netdev, napi, poll, index);
#else
	netif_napi_add(netdev, napi, poll);
#endif
}

/*
 * Linux 6.18: an skb that takes over XDP's frags is told their flags; before, one of them.
 */
static inline void vnic_xdp_skb_frags(struct sk_buff *skb, u8 nr_frags, unsigned int size,
				      unsigned int truesize, const struct xdp_buff *xdp)
{
#if VNIC_HAVE_XDP_SKB_FRAGS_INFO
	xdp_update_skb_frags_info(skb, nr_frags, size, truesize, xdp_buff_get_skb_flags(xdp));
#else
	xdp_update_skb_shared_info(skb, nr_frags, size, truesize,
				   xdp_buff_is_frag_pfmemalloc(xdp));
#endif
}

#if !VNIC_HAVE_XDP_BUFF_ADD_FRAG
/* The part @at, from 0 */
static inline void vnic_xdp_fill_frag(struct xdp_buff *xdp, u32 at, struct page *page, u32 offset,
				      u32 len)
{
	struct skb_shared_info *shinfo = xdp_get_shared_info_from_buff(xdp);

	if (!at) {
		shinfo->xdp_frags_size = 0;
		xdp_buff_set_frags_flag(xdp);
	}
	skb_frag_fill_page_desc(&shinfo->frags[at], page, offset, len);
	shinfo->nr_frags = at + 1;
	shinfo->xdp_frags_size += len;
}
#endif

/*
 * Linux 6.14: there is a function that adds a part of a page to a frame that XDP sees.
 * Return: false: it has too many.
 */
static inline bool vnic_xdp_add_frag(struct xdp_buff *xdp, struct page *page, u32 offset, u32 len,
				     u32 truesize)
{
#if VNIC_HAVE_XDP_BUFF_ADD_FRAG
	return xdp_buff_add_frag(xdp, page_to_netmem(page), offset, len, truesize);
#else
	u32 at = xdp_buff_has_frags(xdp) ? xdp_get_shared_info_from_buff(xdp)->nr_frags : 0;

	if (at == MAX_SKB_FRAGS)
		return false;
	vnic_xdp_fill_frag(xdp, at, page, offset, len);
	if (page_is_pfmemalloc(page))
		xdp_buff_set_frag_pfmemalloc(xdp);
	return true;
#endif
}

/*
 * Linux 6.14: XDP sockets' memory is added to a frame in one go; before, to the list of
 * its buffers only.  @have: how many have been added, fewer than MAX_SKB_FRAGS: what the
 * frame says of itself lies in the sockets' memory.  The same return.
 */
static inline bool vnic_xsk_add_frag(struct xdp_buff *head, struct xdp_buff *xdp, u32 have)
{
#if VNIC_HAVE_XDP_BUFF_ADD_FRAG
	return xsk_buff_add_frag(head, xdp);
#else
	vnic_xdp_fill_frag(head, have, vmalloc_to_page(xdp->data), offset_in_page(xdp->data),
			   xdp->data_end - xdp->data);
	xsk_buff_add_frag(xdp);
	return true;
#endif
}

/*
 * Linux 6.18: the grace period of a health reporter is in its ops; before, it was
 * an argument.  None is wanted.
 */
static inline struct devlink_health_reporter *
vnic_health_reporter_create(struct devlink *devlink, const struct devlink_health_reporter_ops *ops,
			    void *priv)
{
#if VNIC_HAVE_HEALTH_OPS_PERIOD
	return devlink_health_reporter_create(devlink, ops, priv);
#else
	return devlink_health_reporter_create(devlink, ops, 0, priv);
#endif
}

/* The same as vnic_hrtimer_setup(), relative, and called in softirq context */
static inline void vnic_hrtimer_setup_soft(struct hrtimer *timer,
					   enum hrtimer_restart (*fn)(struct hrtimer *))
{
#if VNIC_HAVE_HRTIMER_SETUP
	hrtimer_setup(timer, fn, CLOCK_MONOTONIC, HRTIMER_MODE_REL_SOFT);
#else
	hrtimer_init(timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_SOFT);
	timer->function = fn;
#endif
}

/* Can a tc or netfilter hook drop what is sent to the device?  BH disabled. */
static inline bool vnic_dev_filters_egress(const struct net_device *dev)
{
	bool filters = false;

#ifdef CONFIG_NET_XGRESS
	filters |= !!rcu_access_pointer(dev->tcx_egress);
#endif
#ifdef CONFIG_NETFILTER_EGRESS
	filters |= !!rcu_access_pointer(dev->nf_hooks_egress);
#endif
	return filters;
}

/* Linux 6.15: what keeps a netdev in its network namespace has another name. */
static inline void vnic_netdev_stays(struct net_device *dev)
{
#if VNIC_HAVE_NETNS_IMMUTABLE
	dev->netns_immutable = true;
#else
	dev->netns_local = true;
#endif
}

/*
 * Threads of a VM's process.  Kernels without KVM and vhost have none: VFs work
 * on the host only, and vnic-vfio-pci is not built.  An error is NULL before Linux
 * 6.14, ERR_PTR() since then.
 */
static inline struct vhost_task *vnic_vhost_task_create(bool (*fn)(void *),
							void (*killed)(void *), void *arg,
							const char *name)
{
#if IS_ENABLED(CONFIG_VHOST_TASK)
	struct vhost_task *task = vhost_task_create(fn, killed, arg, name);

	return task ? task : ERR_PTR(-ENOMEM);
#else
	return ERR_PTR(-EOPNOTSUPP);
#endif
}

static inline void vnic_vhost_task_start(struct vhost_task *task)
{
#if IS_ENABLED(CONFIG_VHOST_TASK)
	vhost_task_start(task);
#endif
}

static inline void vnic_vhost_task_stop(struct vhost_task *task)
{
#if IS_ENABLED(CONFIG_VHOST_TASK)
	vhost_task_stop(task);
#endif
}

/*
 * Linux 6.14: an interrupt may be moved to another CPU from process context
 * unless its chip objects; before, unless it was not said so.
 */
static inline void vnic_irq_allow_move(unsigned int virq)
{
#if VNIC_HAVE_IRQ_MOVE_PCNTXT
	irq_set_status_flags(virq, IRQ_MOVE_PCNTXT);
#endif
}

/* Has the domain a bus?  Those of a real one need not begin at 0. */
static inline bool vnic_domain_taken(int nr)
{
	struct pci_bus *bus = NULL;

	while ((bus = pci_find_next_bus(bus)))
		if (pci_domain_nr(bus) == nr)
			return true;
	return false;
}

/*
 * A free PCI domain number in [min, max], or -errno.  Linux 7.0: the PCI core
 * keeps account of those of emulated buses.  A domain that firmware gave to a
 * real bus is in neither account, so that the buses are looked at as well.
 */
#if VNIC_HAVE_EMUL_DOMAIN_NR
static inline int vnic_domain_nr_get(u32 min, u32 max)
{
	int nr = pci_bus_find_emul_domain_nr(min, min, max);

	while (nr >= 0 && vnic_domain_taken(nr)) {
		pci_bus_release_emul_domain_nr(nr);
		if ((u32)nr >= max)
			return -ENOSPC;
		nr = pci_bus_find_emul_domain_nr(nr + 1, nr + 1, max);
	}
	return nr;
}

static inline void vnic_domain_nr_put(int nr)
{
	pci_bus_release_emul_domain_nr(nr);
}
#else
static inline int vnic_domain_nr_get(u32 min, u32 max)
{
	u32 nr;

	for (nr = min; nr <= max; nr++)
		if (!vnic_domain_taken(nr))
			return nr;
	return -ENOSPC;
}

static inline void vnic_domain_nr_put(int nr)
{
}
#endif

/*
 * Linux 6.19: reading a devlink parameter has an extack, which is not used here.
 * This is the head of such a function.
 */
#if VNIC_HAVE_PARAM_GET_EXTACK
#define VNIC_PARAM_GET(fn) \
	int fn(struct devlink *devlink, u32 id, struct devlink_param_gset_ctx *ctx, \
	       struct netlink_ext_ack *extack)
#else
#define VNIC_PARAM_GET(fn) \
	int fn(struct devlink *devlink, u32 id, struct devlink_param_gset_ctx *ctx)
#endif

/* What kcov knows a thread's collection by: a number, or a type of its own from 7.1 on */
struct vnic_kcov {
	typeof(kcov_common_handle()) handle;
};

#endif /* _VNIC_COMPAT_H */
