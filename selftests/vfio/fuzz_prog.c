// SPDX-License-Identifier: GPL-2.0
/*
 * Programs of the fuzzer: as text, made by chance, changed by chance (what is about virtio
 * alone: fuzz_vvalue.c).
 *
 * What an operation takes is in one table; each argument has a type, which says what
 * values are worth a try.
 */
#include <ctype.h>
#include <linux/pci_regs.h>
#include <netinet/in.h>

#include "fuzz_prog.h"

__u64 fuzz_seed = 1;

__u32 fuzz_rnd(__u32 n)
{
	fuzz_seed ^= fuzz_seed << 13;
	fuzz_seed ^= fuzz_seed >> 7;
	fuzz_seed ^= fuzz_seed << 17;
	return (fuzz_seed >> 16) % n;
}

/* ---- the table ---- */

static const struct fuzz_row {
	const char	*name;
	__u8		weight;		/* how often one is made */
	bool		data;		/* it has some */
	__u8		arg[FUZZ_ARGS];	/* enum fuzz_type */
} rows[OP_KINDS] = {
	[OP_VF]		= { "vf", 3, false, { BOOL } },
	[OP_START]	= { "start", 3, false, { FEATURES } },
	[OP_RD]		= { "rd", 3, false, { REG, WIDTH } },
	[OP_WR]		= { "wr", 8, false, { REG, WIDTH, ANY } },
	[OP_CFGRD]	= { "cfgrd", 2, false, { CFG, WIDTH } },
	[OP_CFGWR]	= { "cfgwr", 4, false, { CFG, WIDTH, ANY } },
	[OP_RGN]	= { "rgn", 1, false, { REGION, CFG, FEW, BOOL } },
	[OP_MEM]	= { "mem", 3, true, { MEM } },
	[OP_MSG]	= { "msg", 16, true, { OPCODE, LEN, ANY } },
	[OP_HDR]	= { "hdr", 3, false, { FEW, OPCODE, LEN, ANY, FEW, FEW } },
	[OP_QUEUE]	= { "queue", 6, false, { BOOL, QP, VECTOR, SIZE, RING, EVENT } },
	[OP_TXD]	= { "txd", 6, false, { RING, SLOT, ADDR, LEN, TXFLAGS, FEW } },
	[OP_CTX]	= { "ctx", 6, false, { RING, SLOT, CSUM, CSUM, LEN, CSUM, CTXFLAGS } },
	[OP_RXD]	= { "rxd", 5, false, { RING, SLOT, ADDR, LEN, FEW } },
	[OP_POST]	= { "post", 4, false, { QP, COUNT } },
	[OP_SEND]	= { "send", 12, false, { QP, FRAME, LEN, FEW, COUNT, OFFLOAD } },
	[OP_FRAME]	= { "frame", 4, false, { MEM, FRAME, LEN } },
	[OP_PROD]	= { "prod", 8, false, { EVENT, COUNT } },
	[OP_MAP]	= { "map", 2, false, { ADDR, LEN, FEW } },
	[OP_UNMAP]	= { "unmap", 2, false, { ADDR, LEN } },
	[OP_IRQ]	= { "irq", 3, false, { IRQINDEX, VECTOR, FEW, IRQFLAGS, FEW } },
	[OP_INFO]	= { "info", 2, false, { FEW, FEW, LEN } },
	[OP_RESET]	= { "reset", 1, false, { } },
	[OP_WAIT]	= { "wait", 4, false, { FEW } },
	[OP_FLIP]	= { "flip", 6, false, { MEM, ANY, ANY, WIDTH } },
	[OP_MMAP]	= { "mmap", 1, false, { REG, COUNT, BOOL } },
	[OP_OPEN]	= { "open", 1, false, { } },
	[OP_VIRTIO]	= { "virtio", 1, false, { BOOL } },
	[OP_VSTART]	= { "vstart", 4, false, { VFEATURES, VSIZE } },
	[OP_VSET]	= { "vset", 10, false, { VFIELD, ANY } },
	[OP_VWIN]	= { "vwin", 4, false, { VREG, WIDTH, WIDTH, ANY, BOOL } },
	[OP_VQ]		= { "vq", 5, false, { VQ, VSIZE, VECTOR, VRING, VRING, VRING } },
	[OP_VQRESET]	= { "vqreset", 3, false, { VQ, BOOL } },
	[OP_VDESC]	= { "vdesc", 8, false, { VRING, SLOT, ADDR, LEN, VFLAGS, VNEXT } },
	[OP_VOFFER]	= { "voffer", 6, false, { VQ, SLOT } },
	[OP_VWORD]	= { "vword", 6, false, { VQ, FEW, VWORD } },
	[OP_VSEND]	= { "vsend", 14, false, { VQ, FRAME, LEN, PIECES, COUNT, MODE } },
	[OP_VPOST]	= { "vpost", 6, false, { VQ, VLEN, PIECES, COUNT, MODE } },
	[OP_VCTRL]	= { "vctrl", 26, true, { CLASS, CLASS, LEN, ANY, MODE } },
	[OP_VKICK]	= { "vkick", 3, false, { VQ, WIDTH, VQ } },
};

static unsigned int args_of(unsigned int kind)
{
	unsigned int n = 0;

	while (n < FUZZ_ARGS && rows[kind].arg[n])
		n++;
	return n;
}

/* ---- text ---- */

static const char *skip(const char *at)
{
	while (*at == ' ' || *at == '\t')
		at++;
	return at;
}

/* "name ARG... [hex]"; NULL: good */
static const char *parse_op(struct fuzz_op *op, const char *at)
{
	unsigned int i, n, byte;
	char name[16];
	char *end;
	int used;

	memset(op, 0, sizeof(*op));
	if (sscanf(at, "%15s%n", name, &used) != 1)
		return "no operation";
	for (i = 0; i < OP_KINDS && strcmp(rows[i].name, name); i++)
		;
	if (i == OP_KINDS)
		return "no such operation";
	op->kind = i;
	for (i = 0, n = args_of(op->kind), at += used; i < n; i++, at = end) {
		op->arg[i] = strtoull(at, &end, 0);
		if (end == at)
			return "an argument is lacking";
	}
	at = skip(at);
	while (rows[op->kind].data && op->len < FUZZ_DATA && sscanf(at, "%2x", &byte) == 1 &&
	       isxdigit(at[1])) {
		op->data[op->len++] = byte;
		at += 2;
	}
	return *skip(at) && *skip(at) != '#' ? "too much" : NULL;
}

const char *fuzz_parse(struct fuzz_prog *p, const char *text)
{
	static char message[64];
	const char *what = NULL, *at;
	char line[512];
	unsigned int n;

	p->n = 0;
	for (n = 1; *text && !what; n++) {
		at = strchrnul(text, '\n');
		snprintf(line, sizeof(line), "%.*s", (int)(at - text), text);
		text = *at ? at + 1 : at;
		at = skip(line);
		if (!*at || *at == '#')
			continue;
		what = p->n == FUZZ_OPS ? "too many operations" : parse_op(&p->op[p->n], at);
		p->n++;
		if (what)
			snprintf(message, sizeof(message), "line %u: %s", n, what);
	}
	return what ? message : p->n ? NULL : "empty";
}

size_t fuzz_print(const struct fuzz_prog *p, char *text, size_t size)
{
	unsigned int i, j;
	size_t at = 0;

	for (i = 0; i < p->n; i++) {
		const struct fuzz_op *op = &p->op[i];

		at += snprintf(text + at, size - at, "%s", rows[op->kind].name);
		for (j = 0; j < args_of(op->kind); j++)
			at += snprintf(text + at, size - at, " %#llx",
				       (unsigned long long)op->arg[j]);
		for (j = 0; j < op->len; j++)
			at += snprintf(text + at, size - at, "%s%02x", j ? "" : " ", op->data[j]);
		at += snprintf(text + at, size - at, "\n");
	}
	return at;
}

/* ---- values ---- */

/* The program to be made or changed is for virtio VFs, or for one of them. */
static bool virtio;

__u64 fuzz_edge(void)
{
	static const __u64 edges[] = {
		0, 1, 2, 3, 4, 5, 13, 14, 15, 16, 17, 31, 32, 60, 63, 64, 65, 100, 127, 128, 129,
		255, 256, 257, 511, 512, 1500, 1514, 1518, 2032, 2033, 2048, 4094, 4095, 4096, 4097,
		8192, 9000, 9014, 9018, 9019, 32767, 32768, 65535, 65536, 0x8100, 0x88a8, 10000,
		0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, ~0ull,
	};

	return edges[fuzz_rnd(ARRAY_SIZE(edges))];
}

__u64 fuzz_half(void)
{
	return fuzz_rnd(4) ? 0 : FUZZ_HALF;
}

static __u64 mem_offset(void)
{
	if (virtio && fuzz_rnd(8))
		return fuzz_half() + fuzz_virtio_offset();
	switch (fuzz_rnd(6)) {
	case 0:
		return fuzz_half() + FUZZ_MBX + 2 * fuzz_rnd(64);
	case 1:
		return fuzz_half() + FUZZ_EVENT(fuzz_rnd(FUZZ_QPS), fuzz_rnd(2)) + 4 * fuzz_rnd(2);
	case 2:		/* length and flags of a descriptor */
	case 3:
		return fuzz_half() + FUZZ_RING(fuzz_rnd(FUZZ_QPS), fuzz_rnd(2)) +
		       16 * fuzz_rnd(4) + (fuzz_rnd(4) ? 8 : 2 * fuzz_rnd(8));
	case 4:
		return fuzz_half() + FUZZ_TX_BUFS + FUZZ_BUF * fuzz_rnd(4) + fuzz_rnd(64);
	default:
		return fuzz_rnd(2 * FUZZ_HALF);
	}
}

static __u64 address(void)
{
	switch (fuzz_rnd(8)) {
	case 0:
		return MEM_IOVA + 2 * FUZZ_HALF - fuzz_rnd(4096);
	case 1:
		return ELSEWHERE + (__u64)PAGE * fuzz_rnd(16);
	case 2:
		return ~0ull - fuzz_rnd(8192);
	case 3:
		return fuzz_edge();
	case 4:
		return MEM_IOVA + fuzz_half() + FUZZ_RX_BUFS + fuzz_rnd(FUZZ_RX_SLOTS) * FUZZ_BUF;
	default:
		return MEM_IOVA + fuzz_half() + FUZZ_TX_BUFS + fuzz_rnd(FUZZ_TX_SLOTS) * FUZZ_BUF;
	}
}

static __u64 reg(void)
{
	static const __u64 regs[] = {
		VNIC_REG_MAGIC, VNIC_REG_VERSION, VNIC_REG_FEATURES_LO, VNIC_REG_FEATURES_HI,
		VNIC_REG_STATUS, VNIC_REG_CONTROL, VNIC_REG_MBX_ADDR_LO, VNIC_REG_MBX_ADDR_HI,
		VNIC_REG_MBX_KICK, VNIC_REG_GENERATION, VNIC_REG_KICK,
	};

	if (virtio && fuzz_rnd(4))
		return fuzz_virtio_value(VREG);
	switch (fuzz_rnd(8)) {
	case 0:
		return fuzz_rnd(VNIC_BAR_CTRL_SIZE + 16);
	case 1:
	case 2:
	case 3:
		return VNIC_DOORBELL_BASE + 4 * fuzz_rnd(8);
	default:
		return regs[fuzz_rnd(ARRAY_SIZE(regs))];
	}
}

static __u64 config(void)
{
	static const __u64 at[] = {
		PCI_COMMAND, PCI_STATUS, PCI_CACHE_LINE_SIZE, PCI_BASE_ADDRESS_0,
		PCI_BASE_ADDRESS_1, PCI_BASE_ADDRESS_2, PCI_BASE_ADDRESS_3, PCI_ROM_ADDRESS,
		PCI_INTERRUPT_LINE, 0x40, 0x44, 0x50, 0x58, 0x90, 0x92, 0x94,
		0xe8, 0xec, 0xf0, 0xf4,		/* virtio's window to BAR0 */
	};

	return fuzz_rnd(4) ? at[fuzz_rnd(ARRAY_SIZE(at))] : fuzz_rnd(fuzz_rnd(4) ? 256 : 4200);
}

static __u64 features(void)
{
	__u64 all = (1ull << (DRV_LAST_F + 1)) - 1;

	switch (fuzz_rnd(4)) {
	case 0:
		return 0;
	case 1:
		return all & ~(1ull << fuzz_rnd(DRV_LAST_F + 1));
	default:
		return all;
	}
}

/* A value that such an argument might have, mostly one that gets past the first check */
static __u64 value(unsigned int type)
{
	static const __u16 irq_flags[] = { 0x24, 0x21, 0x22, 0x24, 0x09, 0x11, 0x0a, 0x14 };
	static const __u8 csum_at[] = { 0, 6, 16, 14, 34, 54, 74, 38, 58 };
	__u32 i = fuzz_rnd(1u << 16);

	if (!fuzz_rnd(12))
		return fuzz_rnd(2) ? fuzz_edge() : fuzz_rnd(~0u);
	switch (type) {
	case BOOL:
		return i % 2;
	case REG:
		return reg();
	case WIDTH:
		return i % 8 ? 4 : 1u << fuzz_rnd(4);
	case CFG:
		return config();
	case REGION:
		return i % 9;
	case MEM:
		return mem_offset();
	case ADDR:
		return address();
	case LEN:
		return i % 3 ? 14 + fuzz_rnd(1600) : fuzz_edge();
	case OPCODE:
		return 1 + i % DRV_LAST_MSG;
	case FEATURES:
		return features();
	case QP:
		return fuzz_rnd(8) ? i % FUZZ_QPS : i % (VNIC_MAX_QPS + 1);
	case VECTOR:
		return i % 6;
	case SIZE:
		return 32ull << fuzz_rnd(9);
	case RING:
		return fuzz_half() + FUZZ_RING(i % FUZZ_QPS, fuzz_rnd(2));
	case EVENT:
		return fuzz_half() + FUZZ_EVENT(i % FUZZ_QPS, fuzz_rnd(2));
	case SLOT:
		return i % (fuzz_rnd(4) ? 8 : FUZZ_RING_SIZE);
	case TXFLAGS:
		return i % 4 ? 1 : i % 32;
	case CTXFLAGS:
		return VNIC_TXD_F_CTX |
		       (i & (VNIC_TXD_F_CSUM | VNIC_TXD_F_TSO4 | VNIC_TXD_F_TSO6));
	case CSUM:
		return csum_at[i % ARRAY_SIZE(csum_at)];
	case FRAME:
		return i % FUZZ_FRAMES;
	case OFFLOAD:
		return i % 2 | (fuzz_rnd(4) ? 0 : fuzz_edge() << 1);
	case COUNT:
		return 1 + i % (fuzz_rnd(3) ? 8 : FUZZ_RING_SIZE + 1);
	case FEW:
		return i % 8;
	case IRQINDEX:
		return i % 8 ? 2 : i / 8 % 6;
	case IRQFLAGS:
		return irq_flags[i % ARRAY_SIZE(irq_flags)];
	case VIRTIO_TYPES ... ALL_TYPES:
		return fuzz_virtio_value(type);
	default:
		return fuzz_rnd(3) ? fuzz_edge() : fuzz_rnd(~0u);
	}
}

/* The head of a rule, as a message has it; what is behind 64 bytes is the mask's, and 0 */
static void fuzz_rule(__u8 *data)
{
	const __u8 protos[] = { 0, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP };
	unsigned int i;

	memset(data, 0, 64);
	data[0] = fuzz_rnd(VNIC_MAX_RULES + 1);
	if (!fuzz_rnd(4))
		return;				/* removed */
	data[2] = 1 + fuzz_rnd(4);
	data[3] = data[2] == VNIC_RULE_DROP ? 0 : fuzz_rnd(5);
	data[4] = fuzz_rnd(2) ? 4 : 6;
	data[5] = protos[fuzz_rnd(ARRAY_SIZE(protos))];
	for (i = 44; i < 44 + 12; i++)		/* the mask begins here */
		data[i] = fuzz_rnd(3) ? 0 : fuzz_edge();
}

/* A message's payload that the device may take, as long as is right */
static void make_payload(struct fuzz_op *op)
{
	static const __u8 lens[] = { 16, 32, 8, 8, 8, 8, 8, 8, 8, 64, 8, 0, 8, 8, 8, 64 };
	unsigned int opcode = op->arg[0], field, i;

	op->len = 16;
	for (i = 0; i < op->len; i += 2) {
		field = fuzz_rnd(3) ? 0 : fuzz_rnd(2) ? fuzz_rnd(8) : fuzz_edge();
		op->data[i] = field;
		op->data[i + 1] = field >> 8;
	}
	if (!opcode || opcode > DRV_LAST_MSG)
		return;
	op->len = lens[opcode - 1];
	op->arg[1] = drv_msg_len[opcode];
	op->arg[2] = 0;
	if (opcode == VNIC_MBX_SET_RX_MODE) {	/* so many addresses, unicast or multicast */
		memset(op->data, 0, 8);
		op->data[0] = fuzz_rnd(16);
		op->data[4] = fuzz_rnd(8);
		op->data[6] = fuzz_rnd(8);
		op->arg[1] += 6 * (op->data[4] + op->data[6]);
		op->arg[2] = fuzz_rnd(2) ? 0x0202020202020202 : 0x0303030303030303;
	} else if (opcode == VNIC_MBX_SET_MAC) {
		memset(op->data, 0, 8);
		op->data[0] = 2;
		op->data[5] = fuzz_rnd(4);
	} else if (opcode >= VNIC_MBX_VLAN_ADD && opcode <= VNIC_MBX_VLAN_DEL) {
		memcpy(op->data, (const __u8[]){ fuzz_rnd(8), 0, 0, 0x81, 0, 0, 0, 0 }, 8);
	} else if (opcode == VNIC_MBX_SET_VLANS) {
		memset(op->data, 0, 8);
		op->data[1] = 0x81;
	} else if (opcode == VNIC_MBX_SET_HASH) {
		for (i = 0; i < VNIC_HASH_KINDS; i++)
			op->data[i] = fuzz_rnd(i % 3 ? 16 : 4);
		op->data[6] = fuzz_rnd(3);
		op->data[7] = 0;
	} else if (opcode == VNIC_MBX_SET_CONTEXT) {
		memset(op->data, 0, 8);
		op->data[0] = fuzz_rnd(VNIC_RSS_CONTEXTS + 2);
		op->arg[2] = fuzz_rnd(2) ? 0 : 0x0100010001000100;
	} else if (opcode == VNIC_MBX_SET_RULE) {
		fuzz_rule(op->data);
	} else if (opcode == VNIC_MBX_SET_COALESCE) {
		memset(op->data, 0, 8);
		field = fuzz_rnd(2) ? fuzz_rnd(6) : fuzz_edge();
		op->data[0] = field;
		op->data[1] = field >> 8;
		op->data[4] = fuzz_rnd(256);
	} else if (opcode == VNIC_MBX_SET_MTU) {
		memset(op->data, 0, 8);
		op->data[0] = fuzz_rnd(256);
		op->data[1] = fuzz_rnd(36);
	} else if (opcode == VNIC_MBX_ENABLE) {
		memset(op->data, 0, 8);
		op->data[0] = fuzz_rnd(2);
	}
}

/* How often one is made: in a program about virtio others are, too, but seldom */
static unsigned int weight(unsigned int kind)
{
	bool native = kind == OP_START || (kind >= OP_MSG && kind <= OP_PROD);

	if (kind >= OP_VIRTIO && !virtio)
		return 0;
	if (native && virtio && kind != OP_SEND && kind != OP_FRAME)
		return rows[kind].weight;
	return 8 * rows[kind].weight;
}

static void finish_op(struct fuzz_op *op)
{
	unsigned int i;

	if (op->kind == OP_MSG)
		make_payload(op);
	else if (op->kind == OP_VCTRL)
		fuzz_virtio_request(op);
	else if (op->kind == OP_VSET)
		op->arg[1] = fuzz_virtio_field(op->arg[0]);
	else if (rows[op->kind].data)
		for (op->len = 1 + fuzz_rnd(16), i = 0; i < op->len; i++)
			op->data[i] = fuzz_rnd(256);
}

static void make_op(struct fuzz_op *op)
{
	unsigned int total = 0, pick, i;

	for (i = 0; i < OP_KINDS; i++)
		total += weight(i);
	pick = fuzz_rnd(total);
	for (i = 0; pick >= weight(i); i++)
		pick -= weight(i);
	memset(op, 0, sizeof(*op));
	op->kind = i;
	for (i = 0; i < args_of(op->kind); i++)
		op->arg[i] = value(rows[op->kind].arg[i]);
	finish_op(op);
}

static void add_op(struct fuzz_prog *p, unsigned int kind, __u64 a, __u64 b)
{
	p->op[p->n++] = (struct fuzz_op) { .kind = kind, .arg = { a, b } };
}

/* The start of a VF, mostly of the kind that the program is about, with room for frames */
static void add_start(struct fuzz_prog *p)
{
	if (virtio && fuzz_rnd(4)) {
		add_op(p, OP_VSTART, value(VFEATURES), value(VSIZE));
		add_op(p, OP_VPOST, 0, 1526);
		p->op[p->n - 1].arg[3] = fuzz_rnd(64);
	} else {
		add_op(p, OP_START, features(), 0);
		add_op(p, OP_POST, 0, 64);
	}
}

void fuzz_make(struct fuzz_prog *p)
{
	unsigned int n = 3 + fuzz_rnd(12);

	p->n = 0;
	virtio = fuzz_rnd(2);
	if (fuzz_rnd(8)) {
		add_start(p);
		if (fuzz_rnd(2)) {
			add_op(p, OP_VF, 1, 0);
			add_start(p);
			add_op(p, OP_VF, 0, 0);
		}
	} else if (virtio) {
		add_op(p, OP_VIRTIO, 1, 0);
	}
	while (n--)
		make_op(&p->op[p->n++]);
}

/* ---- changes ---- */

static void change_arg(struct fuzz_op *op)
{
	unsigned int n = args_of(op->kind), i;
	__u64 *arg;

	if (op->kind == OP_VCTRL && fuzz_rnd(2)) {	/* another request */
		op->arg[0] = value(CLASS);
		finish_op(op);
		return;
	}
	if (op->len && (!n || fuzz_rnd(2))) {
		op->data[fuzz_rnd(op->len)] = fuzz_rnd(2) ? fuzz_rnd(256) : fuzz_rnd(8);
		return;
	}
	if (!n)
		return;
	i = fuzz_rnd(n);
	arg = &op->arg[i];
	switch (fuzz_rnd(6)) {
	case 0:
		*arg ^= 1ull << fuzz_rnd(fuzz_rnd(2) ? 16 : 64);
		break;
	case 1:
		*arg += fuzz_rnd(33) - 16;
		break;
	case 2:
		*arg = fuzz_edge();
		break;
	default:
		*arg = value(rows[op->kind].arg[i]);
		if (i == 0 && (op->kind == OP_MSG || op->kind == OP_VSET || op->kind == OP_VCTRL))
			finish_op(op);
	}
}

static void insert_ops(struct fuzz_prog *p, unsigned int at, const struct fuzz_op *ops,
		       unsigned int n)
{
	if (n > FUZZ_OPS - p->n)
		n = FUZZ_OPS - p->n;
	memmove(&p->op[at + n], &p->op[at], (p->n - at) * sizeof(*ops));
	memcpy(&p->op[at], ops, n * sizeof(*ops));
	p->n += n;
}

static void delete_ops(struct fuzz_prog *p, unsigned int at, unsigned int n)
{
	if (n > p->n - at)
		n = p->n - at;
	if (n == p->n)
		return;
	memmove(&p->op[at], &p->op[at + n], (p->n - at - n) * sizeof(*p->op));
	p->n -= n;
}

/* A descriptor or word that the program uses changes all the time from here on. */
static void insert_flip(struct fuzz_prog *p)
{
	unsigned int at = fuzz_rnd(p->n + 1);
	struct fuzz_op op = { .kind = OP_FLIP };

	op.arg[0] = mem_offset() & ~3ull;
	op.arg[1] = fuzz_rnd(2) ? (!virtio << 16) | (14 + fuzz_rnd(1500)) : fuzz_edge();
	op.arg[2] = fuzz_rnd(2) ? (!virtio << 16) | (14 + fuzz_rnd(1500)) : fuzz_edge();
	op.arg[3] = 4;
	insert_ops(p, at, &op, 1);
}

static bool is_virtio(const struct fuzz_prog *p)
{
	unsigned int i;

	for (i = 0; i < p->n; i++)
		if (p->op[i].kind >= OP_VIRTIO)
			return true;
	return false;
}

void fuzz_mutate(struct fuzz_prog *p, const struct fuzz_prog *other)
{
	static struct fuzz_prog copy;
	struct fuzz_op op;
	unsigned int at;

	virtio = is_virtio(p);
	do {
		at = fuzz_rnd(p->n);
		switch (fuzz_rnd(10)) {
		case 0:
		case 1:
			make_op(&op);
			insert_ops(p, fuzz_rnd(p->n + 1), &op, 1);
			break;
		case 2:
			delete_ops(p, at, 1 + fuzz_rnd(3));
			break;
		case 3:		/* a part of the other */
			copy = *other;
			at = fuzz_rnd(copy.n);
			insert_ops(p, fuzz_rnd(p->n + 1), &copy.op[at], 1 + fuzz_rnd(copy.n - at));
			break;
		case 4:		/* once more */
			copy = *p;
			insert_ops(p, fuzz_rnd(p->n + 1), &copy.op[at], 1 + fuzz_rnd(copy.n - at));
			break;
		case 5:
			insert_flip(p);
			break;
		default:
			change_arg(&p->op[at]);
		}
	} while (fuzz_rnd(3));
}
