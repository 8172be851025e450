/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR MIT) */
/*
 * PCI identity, BAR map and control registers of a vnic virtual function.
 *
 * This header holds wire formats only.  Every register is 32 bits wide,
 * little-endian, naturally aligned; an access of any other width or alignment
 * reads all-ones and is ignored on write.  Reserved registers read 0.
 * Documentation/device.rst describes the order in which a driver uses them.
 */
#ifndef _UAPI_VNIC_REGS_H
#define _UAPI_VNIC_REGS_H

/* PCI identity (the vendor id exists on vnic's software bus only) */
#define VNIC_PCI_VENDOR_ID		0x766e	/* "vn" */
#define VNIC_PCI_DEVICE_ID_PF		0x1000
#define VNIC_PCI_DEVICE_ID_VF		0x1001
#define VNIC_PCI_REVISION		0x01

/*
 * BAR map of a VF.  BAR0 (64-bit memory): one page of control registers, one
 * page of doorbells.  BAR2 (64-bit memory): MSI-X table and pending bits.
 */
#define VNIC_BAR_CTRL			0
#define VNIC_BAR_CTRL_SIZE		0x2000
#define VNIC_BAR_MSIX			2
#define VNIC_BAR_MSIX_SIZE		0x1000
#define VNIC_MSIX_TABLE_OFFSET		0x000
#define VNIC_MSIX_PBA_OFFSET		0x800

/* Fixed limits of this version of the interface */
#define VNIC_MAX_QPS			16	/* queue pairs of one VF */
#define VNIC_MAX_VECTORS		(1 + VNIC_MAX_QPS)
#define VNIC_MIN_VECTORS		2	/* control + one queue pair */

/*
 * Registers in page 0 of BAR0.
 * RO: read-only, RW: read-write, WO: reads 0.
 */
#define VNIC_REG_MAGIC			0x000	/* RO: VNIC_MAGIC */
#define VNIC_MAGIC			0x43494e56	/* "VNIC" */
/* RO: interface versions the device speaks, newest in 15:0, oldest in 31:16 */
#define VNIC_REG_VERSION		0x004
#define VNIC_VERSION_1			1
/* RO: feature bits 31:0 and 63:32 the device offers (VNIC_F_*) */
#define VNIC_REG_FEATURES_LO		0x008
#define VNIC_REG_FEATURES_HI		0x00c
#define VNIC_REG_STATUS			0x010	/* RO: VNIC_STATUS_* */
#define VNIC_REG_CONTROL		0x014	/* WO: VNIC_CTRL_* */
/*
 * RW: bus address of the mailbox page (struct vnic_mbx_page), 4096-byte
 * aligned.  Writing the low half latches the pair, so write HI first.
 * Cleared by reset.
 */
#define VNIC_REG_MBX_ADDR_LO		0x018
#define VNIC_REG_MBX_ADDR_HI		0x01c
/* WO: any value: a request has been placed in the mailbox page */
#define VNIC_REG_MBX_KICK		0x020
/* RO: counts resets of the function; a driver that reads another value than
 * it remembers has lost all its queues and filters and starts over
 */
#define VNIC_REG_GENERATION		0x024
/*
 * WO: a queue's doorbell by register: queue pair << 1, plus 1 for RX.  For a
 * driver that is told VNIC_EV_F_DOORBELL_DEAD, beside the doorbell; always works.
 */
#define VNIC_REG_KICK			0x028
#define VNIC_KICK_TX(qp)		((qp) << 1)
#define VNIC_KICK_RX(qp)		((qp) << 1 | 1)

/* VNIC_REG_STATUS */
#define VNIC_STATUS_READY		(1u << 0) /* not in reset, registers valid */
#define VNIC_STATUS_ENABLED		(1u << 1) /* data path enabled by the driver */
#define VNIC_STATUS_FAILED		(1u << 2) /* driver error: reset needed */

/* VNIC_REG_CONTROL */
#define VNIC_CTRL_RESET			(1u << 0)

/*
 * Page 1 of BAR0: doorbells.  A driver writes the index of the queue pair (any
 * 32-bit value) at the queue pair's offset when its TX or RX producer index
 * passed the device's event index, and while VNIC_EV_F_DOORBELL_DEAD is set it
 * writes VNIC_REG_KICK, too (see vnic_ring.h).  The page may be memory whose
 * writes the device watches: what it reads as has no meaning.
 */
#define VNIC_DOORBELL_BASE		0x1000
#define VNIC_DOORBELL_TX(qp)		(VNIC_DOORBELL_BASE + 8 * (qp))
#define VNIC_DOORBELL_RX(qp)		(VNIC_DOORBELL_BASE + 8 * (qp) + 4)

/*
 * Feature bits: offered in VNIC_REG_FEATURES_*, accepted in VNIC_MBX_HELLO.
 * A driver accepts a subset; an accepted bit it was not offered fails HELLO.
 */
#define VNIC_F_TX_CSUM		0	/* device completes partial checksums */
#define VNIC_F_TX_TSO		1	/* device takes TCP/IPv4+IPv6 GSO frames; needs TX_CSUM */
#define VNIC_F_RX_CSUM		2	/* driver takes partial checksums on receive */
#define VNIC_F_RX_GSO		3	/* driver takes GSO frames; needs RX_CSUM */
#define VNIC_F_MQ		4	/* more than one queue pair */
#define VNIC_F_RSS		5	/* RSS key and indirection table */
#define VNIC_F_VLAN_FILTER	6	/* VLAN membership by mailbox */
#define VNIC_F_COALESCE		7	/* interrupt moderation by mailbox */
#define VNIC_F_RX_HASH		8	/* flow hash in receive completions */
#define VNIC_F_DROPS		9	/* GET_STATS tells of more reasons of drops */
#define VNIC_F_WAITED		10	/* ... and of frames that waited for a rate; needs DROPS */
#define VNIC_F_VLAN_MAP		11	/* all VLANs in one message; needs VLAN_FILTER */
#define VNIC_F_VLAN_ALL		12	/* receive modes for VLANs not joined; needs VLAN_FILTER */
#define VNIC_F_HASH_FIELDS	13	/* SET_HASH: what of a packet is hashed; needs RSS */
#define VNIC_F_RULES		14	/* SET_RULE and SET_CONTEXT; needs RSS */
/* bits 15-63 reserved, 0 */

#endif /* _UAPI_VNIC_REGS_H */
