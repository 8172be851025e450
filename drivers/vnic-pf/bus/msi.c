// SPDX-License-Identifier: GPL-2.0
/*
 * MSI-X towards drivers on this host: the parent of the interrupt domains that
 * the PCI core makes for the devices of the bus.
 *
 * A message needs no hardware: raising a vector runs its handler from the
 * irq_work interrupt of the CPU it is bound to.  What is masked stays pending
 * until it is unmasked, as the PCI specification wants it.
 */
#include <linux/irq.h>
#include <linux/irqdomain.h>
#include <linux/msi.h>

#include "../vnic.h"
#include "compat.h"
#include "priv.h"

static bool vnic_irq_blocked(const struct vnic_irq *irq)
{
	return irq->masked || READ_ONCE(irq->fn->maskall);
}

static void vnic_irq_set_pending(struct vnic_irq *irq, bool pending)
{
	unsigned int vector = irq - irq->fn->irq;

	lockdep_assert_held(&irq->lock);
	if (irq->pending == pending)
		return;
	irq->pending = pending;
	assign_bit(vector, irq->fn->pba, pending);
}

static void vnic_irq_handle(struct vnic_irq *irq)
{
	unsigned int virq = READ_ONCE(irq->virq);

	if (virq)
		generic_handle_irq(virq);
}

static void vnic_irq_work(struct irq_work *work)
{
	vnic_irq_handle(container_of(work, struct vnic_irq, work));
}

/* On the CPU the vector is bound to; an idle CPU calls this outside hardirq,
 * where no handler may run.
 */
static void vnic_irq_call(void *data)
{
	struct vnic_irq *irq = data;

	clear_bit(0, &irq->queued);
	/* Who found it set wrote what the handler shall see before; pairs with
	 * test_and_set_bit() in vnic_irq_send().
	 */
	smp_mb__after_atomic();
	if (in_hardirq())
		vnic_irq_handle(irq);
	else
		irq_work_queue(&irq->work);
	atomic_dec_return_release(&irq->busy);
}

/* Let the handler run.  Interrupts off, irq->lock held. */
static void vnic_irq_send(struct vnic_irq *irq)
{
	unsigned int cpu = READ_ONCE(irq->cpu);

	lockdep_assert_held(&irq->lock);
	if (cpu == smp_processor_id()) {
		irq_work_queue(&irq->work);
		return;
	}
	if (test_and_set_bit(0, &irq->queued))
		return;
	atomic_inc(&irq->busy);
	if (!smp_call_function_single_async(cpu, &irq->call))
		return;
	/* That CPU has just gone offline. */
	atomic_dec(&irq->busy);
	clear_bit(0, &irq->queued);
	irq_work_queue(&irq->work);
}

void vnic_bus_raise(struct vnic_bus *bus, int vf, unsigned int vector)
{
	struct vnic_bus_fn *fn = vnic_bus_fn(bus, vf);
	struct vnic_irq *irq;
	unsigned long flags;

	if (vector >= VNIC_MAX_VECTORS)
		return;
	irq = &fn->irq[vector];
	raw_spin_lock_irqsave(&irq->lock, flags);
	if (irq->virq && READ_ONCE(fn->msix)) {
		if (vnic_irq_blocked(irq))
			vnic_irq_set_pending(irq, true);
		else
			vnic_irq_send(irq);
	}
	raw_spin_unlock_irqrestore(&irq->lock, flags);
}

/* Deliver what is pending if it may be now; forget it with MSI-X off. */
static void vnic_irq_replay(struct vnic_irq *irq)
{
	lockdep_assert_held(&irq->lock);
	if (!irq->pending || (READ_ONCE(irq->fn->msix) && vnic_irq_blocked(irq)))
		return;
	vnic_irq_set_pending(irq, false);
	if (READ_ONCE(irq->fn->msix))
		vnic_irq_send(irq);
}

void vnic_msi_update(struct vnic_bus_fn *fn)
{
	unsigned long flags;
	unsigned int i;

	for (i = 0; i < VNIC_MAX_VECTORS; i++) {
		raw_spin_lock_irqsave(&fn->irq[i].lock, flags);
		vnic_irq_replay(&fn->irq[i]);
		raw_spin_unlock_irqrestore(&fn->irq[i].lock, flags);
	}
}

/* ---- the interrupt chip; called under the descriptor's lock ---- */

static void vnic_chip_set_mask(struct irq_data *data, bool masked)
{
	struct vnic_irq *irq = irq_data_get_irq_chip_data(data);

	raw_spin_lock(&irq->lock);
	irq->masked = masked;
	vnic_irq_replay(irq);
	raw_spin_unlock(&irq->lock);
}

static void vnic_chip_mask(struct irq_data *data)
{
	vnic_chip_set_mask(data, true);
}

static void vnic_chip_unmask(struct irq_data *data)
{
	vnic_chip_set_mask(data, false);
}

static void vnic_chip_ack(struct irq_data *data)
{
	/* an edge: nothing to acknowledge */
}

static int vnic_chip_retrigger(struct irq_data *data)
{
	struct vnic_irq *irq = irq_data_get_irq_chip_data(data);
	unsigned long flags;

	raw_spin_lock_irqsave(&irq->lock, flags);
	vnic_irq_send(irq);
	raw_spin_unlock_irqrestore(&irq->lock, flags);
	return 1;
}

static int vnic_chip_set_affinity(struct irq_data *data, const struct cpumask *mask, bool force)
{
	struct vnic_irq *irq = irq_data_get_irq_chip_data(data);
	unsigned int cpu = cpumask_any_and_distribute(mask, cpu_online_mask);

	if (cpu >= nr_cpu_ids)
		return -EINVAL;
	WRITE_ONCE(irq->cpu, cpu);
	irq_data_update_effective_affinity(data, cpumask_of(cpu));
	return IRQ_SET_MASK_OK_DONE;
}

/* What the PCI core writes into the table.  Nobody reads it. */
static void vnic_chip_compose(struct irq_data *data, struct msi_msg *msg)
{
	msg->address_hi = 0;
	msg->address_lo = X86_MSI_BASE_ADDRESS_LOW << 20;
	msg->data = data->hwirq;
}

static struct irq_chip vnic_chip = {
	.name			= "vnic",
	.irq_mask		= vnic_chip_mask,
	.irq_unmask		= vnic_chip_unmask,
	.irq_ack		= vnic_chip_ack,
	.irq_retrigger		= vnic_chip_retrigger,
	.irq_set_affinity	= vnic_chip_set_affinity,
	.irq_compose_msi_msg	= vnic_chip_compose,
	.flags			= IRQCHIP_SKIP_SET_WAKE,
};

/* ---- the domain ---- */

static int vnic_domain_alloc(struct irq_domain *domain, unsigned int virq, unsigned int nr,
			     void *arg)
{
	struct msi_desc *desc = ((msi_alloc_info_t *)arg)->desc;
	struct vnic_bus *bus = domain->host_data;
	int vf = vnic_bus_dev_vf(to_pci_dev(msi_desc_to_dev(desc)));
	unsigned int vector = desc->msi_index;
	struct vnic_irq *irq;

	if (nr != 1 || vf < VNIC_PF || vector >= VNIC_MAX_VECTORS)
		return -EINVAL;
	irq = &vnic_bus_fn(bus, vf)->irq[vector];
	irq_domain_set_info(domain, virq, (vf + 1) * VNIC_MAX_VECTORS + vector, &vnic_chip, irq,
			    handle_edge_irq, NULL, "edge");
	vnic_irq_allow_move(virq);

	raw_spin_lock_irq(&irq->lock);
	irq->virq = virq;
	irq->masked = true;
	irq->cpu = cpumask_first(cpu_online_mask);
	raw_spin_unlock_irq(&irq->lock);
	return 0;
}

static void vnic_domain_free(struct irq_domain *domain, unsigned int virq, unsigned int nr)
{
	struct irq_data *data = irq_domain_get_irq_data(domain, virq);
	struct vnic_irq *irq = irq_data_get_irq_chip_data(data);

	raw_spin_lock_irq(&irq->lock);
	WRITE_ONCE(irq->virq, 0);
	vnic_irq_set_pending(irq, false);
	raw_spin_unlock_irq(&irq->lock);

	/* No handler of it runs any more: calls are short, with interrupts off. */
	while (atomic_read_acquire(&irq->busy))
		cpu_relax();
	irq_work_sync(&irq->work);
	irq_domain_reset_irq_data(data);
}

static const struct irq_domain_ops vnic_domain_ops = {
	.alloc	= vnic_domain_alloc,
	.free	= vnic_domain_free,
};

#define VNIC_MSI_REQUIRED	(MSI_FLAG_USE_DEF_DOM_OPS | MSI_FLAG_USE_DEF_CHIP_OPS | \
				 MSI_FLAG_PCI_MSI_MASK_PARENT)
#define VNIC_MSI_SUPPORTED	(MSI_GENERIC_FLAGS_MASK | MSI_FLAG_PCI_MSIX | \
				 MSI_FLAG_PCI_MSIX_ALLOC_DYN)

/* The PCI core makes the MSI-X domain of a device: what it takes from us. */
static bool vnic_init_dev_msi_info(struct device *dev, struct irq_domain *domain,
				   struct irq_domain *real_parent, struct msi_domain_info *info)
{
	if (info->bus_token != DOMAIN_BUS_PCI_DEVICE_MSIX)
		return false;
	info->flags &= VNIC_MSI_SUPPORTED;
	info->flags |= VNIC_MSI_REQUIRED;
	info->chip->irq_ack = irq_chip_ack_parent;
	return true;
}

static const struct msi_parent_ops vnic_msi_parent_ops = {
	.supported_flags	= VNIC_MSI_SUPPORTED,
	.required_flags		= VNIC_MSI_REQUIRED,
	.bus_select_token	= DOMAIN_BUS_PCI_MSI,
	.init_dev_msi_info	= vnic_init_dev_msi_info,
};

int vnic_msi_init(struct vnic_bus *bus)
{
	bus->fwnode = irq_domain_alloc_named_id_fwnode("vnic", bus->ad->id);
	if (!bus->fwnode)
		return -ENOMEM;
	bus->irqs = irq_domain_create_hierarchy(NULL, IRQ_DOMAIN_FLAG_MSI_PARENT |
						IRQ_DOMAIN_FLAG_ISOLATED_MSI, 0, bus->fwnode,
						&vnic_domain_ops, bus);
	if (!bus->irqs) {
		irq_domain_free_fwnode(bus->fwnode);
		return -ENOMEM;
	}
	bus->irqs->msi_parent_ops = &vnic_msi_parent_ops;
	irq_domain_update_bus_token(bus->irqs, DOMAIN_BUS_PCI_MSI);
	return 0;
}

void vnic_msi_exit(struct vnic_bus *bus)
{
	irq_domain_remove(bus->irqs);
	irq_domain_free_fwnode(bus->fwnode);
}

void vnic_msi_init_fn(struct vnic_bus_fn *fn)
{
	unsigned int i;

	for (i = 0; i < VNIC_MAX_VECTORS; i++) {
		struct vnic_irq *irq = &fn->irq[i];

		raw_spin_lock_init(&irq->lock);
		irq->fn = fn;
		irq->masked = true;
		irq->work = IRQ_WORK_INIT_HARD(vnic_irq_work);
		INIT_CSD(&irq->call, vnic_irq_call, irq);
	}
}
