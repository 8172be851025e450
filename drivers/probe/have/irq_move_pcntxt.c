// SPDX-License-Identifier: GPL-2.0
/* Interrupts move in process context only where that is said. Gone in Linux 6.14 */
#include <linux/irq.h>

static void probe_irq_move(unsigned int virq)
{
	irq_set_status_flags(virq, IRQ_MOVE_PCNTXT);
}
