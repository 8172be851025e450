/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Trace events: /sys/kernel/tracing/events/vnic.
 *
 * Every event names the adapter by its PF's PCI address, and a VF by its index.
 * A switched-off event is a jump that is not taken.  Reasons of drops are
 * recorded by name, so that no tool depends on numbers that are not ABI.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM vnic

#if !defined(_VNIC_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _VNIC_TRACE_H

#include <linux/pci.h>
#include <linux/tracepoint.h>
#include <linux/virtio_net.h>
#include <vnic/vnic_mbx.h>

#include "model/fn.h"
#include "switch/port.h"

TRACE_DEFINE_ENUM(VNIC_PORT_VF);
TRACE_DEFINE_ENUM(VNIC_PORT_PF);
TRACE_DEFINE_ENUM(VNIC_PORT_UPLINK);

#define vnic_show_port_type(type)				\
	__print_symbolic(type,					\
			 { VNIC_PORT_VF,	"vf" },		\
			 { VNIC_PORT_PF,	"pf" },		\
			 { VNIC_PORT_UPLINK,	"uplink" })

#define vnic_show_opcode(opcode)					\
	__print_symbolic(opcode,					\
			 { VNIC_MBX_HELLO,		"HELLO" },	\
			 { VNIC_MBX_QUEUE_CREATE,	"QUEUE_CREATE" }, \
			 { VNIC_MBX_QUEUE_DESTROY,	"QUEUE_DESTROY" }, \
			 { VNIC_MBX_ENABLE,		"ENABLE" },	\
			 { VNIC_MBX_SET_MAC,		"SET_MAC" },	\
			 { VNIC_MBX_SET_RX_MODE,	"SET_RX_MODE" }, \
			 { VNIC_MBX_VLAN_ADD,		"VLAN_ADD" },	\
			 { VNIC_MBX_VLAN_DEL,		"VLAN_DEL" },	\
			 { VNIC_MBX_SET_MTU,		"SET_MTU" },	\
			 { VNIC_MBX_SET_RSS,		"SET_RSS" },	\
			 { VNIC_MBX_SET_COALESCE,	"SET_COALESCE" }, \
			 { VNIC_MBX_GET_STATS,		"GET_STATS" },		\
			 { VNIC_MBX_SET_VLANS,		"SET_VLANS" },	\
			 { VNIC_MBX_SET_HASH,		"SET_HASH" },	\
			 { VNIC_MBX_SET_CONTEXT,	"SET_CONTEXT" }, \
			 { VNIC_MBX_SET_RULE,		"SET_RULE" })

#define vnic_show_mbx_status(status)					\
	__print_symbolic(status,					\
			 { VNIC_MBX_OK,		"OK" },			\
			 { VNIC_MBX_E_VERSION,	"E_VERSION" },		\
			 { VNIC_MBX_E_OPCODE,	"E_OPCODE" },		\
			 { VNIC_MBX_E_LEN,	"E_LEN" },		\
			 { VNIC_MBX_E_INVAL,	"E_INVAL" },		\
			 { VNIC_MBX_E_STATE,	"E_STATE" },		\
			 { VNIC_MBX_E_PERM,	"E_PERM" },		\
			 { VNIC_MBX_E_INUSE,	"E_INUSE" },		\
			 { VNIC_MBX_E_NOSPC,	"E_NOSPC" },		\
			 { VNIC_MBX_E_FAULT,	"E_FAULT" },		\
			 { VNIC_MBX_E_NOMEM,	"E_NOMEM" })

#define vnic_show_errno(err)						\
	__print_symbolic(err,						\
			 { 0,			"OK" },			\
			 { EPERM,		"EPERM" },		\
			 { ENOMEM,		"ENOMEM" },		\
			 { EINVAL,		"EINVAL" },		\
			 { ENOSPC,		"ENOSPC" },		\
			 { EMSGSIZE,		"EMSGSIZE" },		\
			 { EOPNOTSUPP,		"EOPNOTSUPP" },		\
			 { EADDRINUSE,		"EADDRINUSE" })

#define vnic_show_ctrl_class(class)					\
	__print_symbolic(class,						\
			 { VIRTIO_NET_CTRL_RX,		"RX" },		\
			 { VIRTIO_NET_CTRL_MAC,		"MAC" },	\
			 { VIRTIO_NET_CTRL_VLAN,	"VLAN" },	\
			 { VIRTIO_NET_CTRL_ANNOUNCE,	"ANNOUNCE" },	\
			 { VIRTIO_NET_CTRL_MQ,		"MQ" },		\
			 { VIRTIO_NET_CTRL_GUEST_OFFLOADS, "GUEST_OFFLOADS" }, \
			 { VIRTIO_NET_CTRL_NOTF_COAL,	"NOTF_COAL" })

/* Packets dropped and counted at a port, as a counter of it is moved. */
TRACE_EVENT(vnic_drop,
	TP_PROTO(const struct vnic_port *port, enum vnic_drop why, unsigned int packets),
	TP_ARGS(port, why, packets),
	TP_STRUCT__entry(
		__string(pf, vnic_port_pf_name(port))
		__field(unsigned int, type)
		__field(int, vf)
		__string(reason, vnic_drop_names[why])
		__field(unsigned int, packets)
	),
	TP_fast_assign(
		__assign_str(pf);
		__entry->type = port->type;
		__entry->vf = port->type == VNIC_PORT_VF ? port->index : -1;
		__assign_str(reason);
		__entry->packets = packets;
	),
	TP_printk("pf=%s port=%s vf=%d reason=%s packets=%u", __get_str(pf),
		  vnic_show_port_type(__entry->type), __entry->vf, __get_str(reason),
		  __entry->packets)
);

/* What a batch had for a VF beyond its rate; vnic_drop tells of it, too. */
TRACE_EVENT(vnic_police,
	TP_PROTO(const struct vnic_port *port, unsigned int frames, unsigned int bytes),
	TP_ARGS(port, frames, bytes),
	TP_STRUCT__entry(
		__string(pf, vnic_port_pf_name(port))
		__field(unsigned int, vf)
		__field(unsigned int, frames)
		__field(unsigned int, bytes)
	),
	TP_fast_assign(
		__assign_str(pf);
		__entry->vf = port->index;
		__entry->frames = frames;
		__entry->bytes = bytes;
	),
	TP_printk("pf=%s vf=%u frames=%u bytes=%u", __get_str(pf), __entry->vf, __entry->frames,
		  __entry->bytes)
);

/* A frame that waited in a VF's partition has been delivered. */
TRACE_EVENT(vnic_waited,
	TP_PROTO(const struct vnic_fn *fn, u64 ns, unsigned int packets),
	TP_ARGS(fn, ns, packets),
	TP_STRUCT__entry(
		__string(pf, pci_name(fn->ad->pf))
		__field(unsigned int, vf)
		__field(u64, ns)
		__field(unsigned int, packets)
	),
	TP_fast_assign(
		__assign_str(pf);
		__entry->vf = fn->index;
		__entry->ns = ns;
		__entry->packets = packets;
	),
	TP_printk("pf=%s vf=%u ns=%llu packets=%u", __get_str(pf), __entry->vf, __entry->ns,
		  __entry->packets)
);

/* A VF has been reset; tell: not by its driver, which is told; failed: it was stopped. */
TRACE_EVENT(vnic_reset,
	TP_PROTO(const struct vnic_fn *fn, bool tell, bool failed),
	TP_ARGS(fn, tell, failed),
	TP_STRUCT__entry(
		__string(pf, pci_name(fn->ad->pf))
		__field(unsigned int, vf)
		__field(bool, tell)
		__field(bool, failed)
		__field(u32, generation)
	),
	TP_fast_assign(
		__assign_str(pf);
		__entry->vf = fn->index;
		__entry->tell = tell;
		__entry->failed = failed;
		__entry->generation = fn->generation;
	),
	TP_printk("pf=%s vf=%u tell=%d failed=%d generation=%u", __get_str(pf), __entry->vf,
		  __entry->tell, __entry->failed, __entry->generation)
);

/* A request of a VF's native driver and what it was answered. */
TRACE_EVENT(vnic_mbx,
	TP_PROTO(const struct vnic_fn *fn, u16 opcode, u32 status),
	TP_ARGS(fn, opcode, status),
	TP_STRUCT__entry(
		__string(pf, pci_name(fn->ad->pf))
		__field(unsigned int, vf)
		__field(u16, opcode)
		__field(u32, status)
	),
	TP_fast_assign(
		__assign_str(pf);
		__entry->vf = fn->index;
		__entry->opcode = opcode;
		__entry->status = status;
	),
	TP_printk("pf=%s vf=%u opcode=%s status=%s", __get_str(pf), __entry->vf,
		  vnic_show_opcode(__entry->opcode), vnic_show_mbx_status(__entry->status))
);

/* A request by a virtio device's control queue, and why it was refused, or OK. */
TRACE_EVENT(vnic_ctrl,
	TP_PROTO(const struct vnic_fn *fn, u8 class, u8 command, int err),
	TP_ARGS(fn, class, command, err),
	TP_STRUCT__entry(
		__string(pf, pci_name(fn->ad->pf))
		__field(unsigned int, vf)
		__field(u8, class)
		__field(u8, command)
		__field(u32, status)
	),
	TP_fast_assign(
		__assign_str(pf);
		__entry->vf = fn->index;
		__entry->class = class;
		__entry->command = command;
		__entry->status = -err;
	),
	TP_printk("pf=%s vf=%u class=%s command=%u status=%s", __get_str(pf), __entry->vf,
		  vnic_show_ctrl_class(__entry->class), __entry->command,
		  vnic_show_errno(__entry->status))
);

#endif /* _VNIC_TRACE_H */

/* Found by -I of this folder (Kbuild): the sources may lie anywhere. */
#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
