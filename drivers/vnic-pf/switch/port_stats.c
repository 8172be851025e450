// SPDX-License-Identifier: GPL-2.0
/*
 * Counters of a port, per CPU, in packets and bytes as on a wire.
 */
#include <linux/percpu.h>

#include "../trace.h"
#include "switch.h"

void vnic_port_count_rx_sum(struct vnic_port *port, const struct vnic_rx_sum *sum)
{
	struct vnic_port_pcpu *pc = this_cpu_ptr(port->pcpu);

	if (!sum->packets)
		return;
	u64_stats_update_begin(&pc->syncp);
	u64_stats_add(&pc->rx_packets, sum->packets);
	u64_stats_add(&pc->rx_bytes, sum->bytes);
	u64_stats_add(&pc->rx_multicast, sum->multicast);
	u64_stats_add(&pc->rx_broadcast, sum->broadcast);
	u64_stats_update_end(&pc->syncp);
}

void vnic_port_count_rx(struct vnic_port *port, const struct vnic_frame *f)
{
	struct vnic_rx_sum sum = {};

	vnic_rx_sum_add(&sum, f);
	vnic_port_count_rx_sum(port, &sum);
}

void vnic_port_count_tx(struct vnic_port *port, unsigned int packets, unsigned int bytes)
{
	struct vnic_port_pcpu *pc = this_cpu_ptr(port->pcpu);

	u64_stats_update_begin(&pc->syncp);
	u64_stats_add(&pc->tx_packets, packets);
	u64_stats_add(&pc->tx_bytes, bytes);
	u64_stats_update_end(&pc->syncp);
}

void vnic_port_count_marked(struct vnic_port *port, unsigned int packets)
{
	struct vnic_port_pcpu *pc = this_cpu_ptr(port->pcpu);

	u64_stats_update_begin(&pc->syncp);
	u64_stats_add(&pc->rx_marked, packets);
	u64_stats_update_end(&pc->syncp);
}

void vnic_port_drop(struct vnic_port *port, enum vnic_drop why, unsigned int packets)
{
	struct vnic_port_pcpu *pc = this_cpu_ptr(port->pcpu);

	u64_stats_update_begin(&pc->syncp);
	u64_stats_add(&pc->drops[why], packets);
	u64_stats_update_end(&pc->syncp);
	trace_vnic_drop(port, why, packets);
}

void vnic_port_lose_rest(struct vnic_port *port, enum vnic_drop why, unsigned int segs,
			 unsigned int done, unsigned int each)
{
	struct vnic_rx_sum sum = { .packets = done, .bytes = done * each };

	vnic_port_count_rx_sum(port, &sum);
	vnic_port_drop(port, why, segs - done);
}

/* A consistent copy of one CPU's counters, in the form of sums */
static void vnic_pcpu_read(const struct vnic_port_pcpu *pc, struct vnic_port_stats *st)
{
	unsigned int start, i;

	do {
		start = u64_stats_fetch_begin(&pc->syncp);
		st->rx_packets = u64_stats_read(&pc->rx_packets);
		st->rx_bytes = u64_stats_read(&pc->rx_bytes);
		st->rx_multicast = u64_stats_read(&pc->rx_multicast);
		st->rx_broadcast = u64_stats_read(&pc->rx_broadcast);
		st->rx_marked = u64_stats_read(&pc->rx_marked);
		st->tx_packets = u64_stats_read(&pc->tx_packets);
		st->tx_bytes = u64_stats_read(&pc->tx_bytes);
		for (i = 0; i < VNIC_DROP_MAX; i++)
			st->drops[i] = u64_stats_read(&pc->drops[i]);
	} while (u64_stats_fetch_retry(&pc->syncp, start));
}

/**
 * vnic_port_get_stats - sum up the counters of a port
 * @port: port
 * @st: filled in
 *
 * Context: any.
 */
void vnic_port_get_stats(struct vnic_port *port, struct vnic_port_stats *st)
{
	struct vnic_port_stats one;
	unsigned int i;
	int cpu;

	memset(st, 0, sizeof(*st));
	for_each_possible_cpu(cpu) {
		vnic_pcpu_read(per_cpu_ptr(port->pcpu, cpu), &one);
		st->rx_packets += one.rx_packets;
		st->rx_bytes += one.rx_bytes;
		st->rx_multicast += one.rx_multicast;
		st->rx_broadcast += one.rx_broadcast;
		st->rx_marked += one.rx_marked;
		st->tx_packets += one.tx_packets;
		st->tx_bytes += one.tx_bytes;
		for (i = 0; i < VNIC_DROP_MAX; i++)
			st->drops[i] += one.drops[i];
	}
	for (i = 0; i < VNIC_DROP_FIRST_TX; i++)
		st->rx_dropped += st->drops[i];
	for (; i < VNIC_DROP_MAX; i++)
		st->tx_dropped += st->drops[i];
}
