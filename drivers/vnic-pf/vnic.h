/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The adapter: what ties the layers together, and its lifetime.
 *
 * An adapter exists from module load to unload and owns a software PCI bus
 * with one PF.  While the PF's driver is bound to it, it also has a switch, a
 * PF netdev and the VFs' device models.
 *
 * Lock order: device_lock -> devl -> rtnl -> vnic_adapter.lock -> vnic_fn.lock ->
 * vnic_switch.lock.
 * None of ours is held across pci_enable_sriov() or pci_disable_sriov().
 */
#ifndef _VNIC_H
#define _VNIC_H

#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/types.h>

#define VNIC_MAX_ADAPTERS	8
#define VNIC_MAX_VFS		256
#define VNIC_DEF_VFS		64
#define VNIC_DEF_VECTORS	5	/* of a VF: control + 4 queue pairs; virtio: 2 pairs */
#define VNIC_POOL_VECTORS	9	/* there are so many for each VF: virtio: 4 pairs */
#define VNIC_DEF_MEMORY		16	/* MiB of packet memory */
#define VNIC_MAX_MEMORY		1024
#define VNIC_EXTRA_VECTORS	64	/* ... and so many for all that have more */

struct net_device;
struct vnic_adapter;
struct vnic_bus;
struct vnic_fn;
struct vnic_memory;
struct vnic_net;
struct vnic_personality;
struct vnic_switch;

/**
 * struct vnic_watch_ops - who is told what becomes of VFs (model to net/)
 * @stopped: a driver's error has stopped a VF; any context (not NMI)
 * @restarted: a VF that was stopped has been reset; process context, vnic_fn.lock
 *	held
 */
struct vnic_watch_ops {
	void	(*stopped)(struct vnic_adapter *ad);
	void	(*restarted)(struct vnic_adapter *ad);
};

/**
 * struct vnic_adapter - one adapter
 * @id: 0 to VNIC_MAX_ADAPTERS - 1
 * @total_vfs: TotalVFs of the SR-IOV capability
 * @bus: the software PCI bus; lives as long as the adapter
 * @pf: the PF's pci_dev while its driver is bound, else NULL
 * @sw: the switch, while the PF driver is bound
 * @net: PF netdev and uplink, while the PF driver is bound
 * @host_pers: what drivers of VFs on this host meet
 * @guest_pers: what those in guests meet in new VFs
 * @memory_size: bytes of packet memory
 * @memory: the packet memory, while there are VF models
 * @watch: set while there may be VFs
 * @num_vfs: number of VF models in @vfs; written under @lock
 * @vfs: VF models by index, RCU; entries [0, num_vfs) are set while SR-IOV is
 *	being enabled, enabled or being disabled.  Readers: rcu_read_lock() or
 *	rtnl (VF count cannot change under the ndos: sriov_numvfs holds
 *	device_lock and takes rtnl around the change of @vfs)
 * @lock: serialises creation and destruction of VFs and what works on all of
 *	them; held where VFs are to stay without rtnl
 */
struct vnic_adapter {
	int			id;
	unsigned int		total_vfs;
	struct vnic_bus		*bus;
	struct pci_dev		*pf;
	struct vnic_switch	*sw;
	struct vnic_net		*net;
	const struct vnic_personality *host_pers;
	const struct vnic_personality *guest_pers;
	u32			memory_size;
	struct vnic_memory	*memory;
	const struct vnic_watch_ops *watch;
	unsigned int		num_vfs;
	struct vnic_fn __rcu	*vfs[VNIC_MAX_VFS];
	struct mutex		lock; /* see above */
};

/* address.c: addresses of PFs and VFs */

#define VNIC_ADDRESS_PF	VNIC_MAX_VFS	/* instead of a VF's index */

/* Once, before any adapter is made */
void vnic_address_init(void);
/* The default address of a function: the same each time on this machine, unicast,
 * locally administered.  Any context.  False: this machine's are to be random.
 */
bool vnic_address(unsigned int adapter, unsigned int index, u8 *mac);

/* main.c / pf.c */

/* The adapter of a pci_dev on our bus (PF or VF), by its sysdata. */
struct vnic_adapter *vnic_adapter_of(struct pci_dev *pdev);

#endif /* _VNIC_H */
