// SPDX-License-Identifier: GPL-2.0
/* The name is free. */
#include <linux/irq.h>

static int IRQ_MOVE_PCNTXT;
