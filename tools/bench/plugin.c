// SPDX-License-Identifier: GPL-2.0
/*
 * A TCG plugin for QEMU 11.1 (plugin API 7): counts how often each translated block runs,
 * apart for the machine and for the guests inside it, and writes what was executed between
 * two marks to a file.
 *
 * A mark is the instruction "nopl MAGIC + code(%rax)" executed anywhere, in the machine or
 * in a guest (mark.c). Code 1 begins a window, code 2 ends it, code 3 ends one and begins
 * the next, code 4 says that no guest boots any more. For each window a file
 * DIR/window.N is written, N from 0:
 *
 *   # insns TOTAL guest INSNS vmruns COUNT lost BLOCKS
 *   m|gN ADDRESS INSTRUCTIONS EXECUTIONS       a line per block that ran
 *
 * Blocks of guests (N is which, in the order in which their CPUs first ran) are known by the
 * processor's state: from a VMRUN of the machine until the instruction after it, all is guest,
 * and that of the CPU whose control block RAX points to. QEMU never shares a block between
 * the machine and a guest, nor, since their memory is not the same, between guests.
 *
 * Nested guests sometimes hang under instruction counting, spinning for a lock with
 * interrupts off. When one loop of a kernel is all that runs for some seconds, the emulator
 * exits: the workload can be measured again in another machine.
 *
 * Compiled without QEMU's header, which no Debian package has: what is needed of it is
 * declared below.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAGIC		0x766e6300u
#define MAX_BLOCKS	(1u << 20)
#define BUCKETS		(1u << 21)
#define LOOP_BYTES	128	/* a loop that waits is not longer */
#define HUNG		3	/* looks of 4 s each with nothing else running; */
#define HUNG_BOOT	8	/* ... before code 4: a guest that boots waits so, too */

#define MAX_CPUS	64	/* of guests, told apart */

enum { CB_NO_REGS, CB_R_REGS };
enum { INLINE_ADD_U64 };

struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_plugin_scoreboard;
struct qemu_plugin_register;
typedef struct { struct qemu_plugin_scoreboard *score; size_t offset; } qemu_plugin_u64;
typedef struct {
	struct qemu_plugin_register *handle;
	const char *name, *feature;
} qemu_plugin_reg_descriptor;

/* GLib's, of which the emulator has a copy */
typedef struct { char *data; unsigned int len; } GArray;
typedef struct { uint8_t *data; unsigned int len; } GByteArray;
unsigned int g_array_get_element_size(GArray *array);
GByteArray *g_byte_array_new(void);
GByteArray *g_byte_array_set_size(GByteArray *array, unsigned int length);

GArray *qemu_plugin_get_registers(void);
bool qemu_plugin_read_register(struct qemu_plugin_register *handle, GByteArray *buf);
void qemu_plugin_register_vcpu_init_cb(uint64_t id, void (*cb)(unsigned int vcpu, void *data),
				       void *data);

size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t i);
size_t qemu_plugin_insn_data(const struct qemu_plugin_insn *insn, void *dest, size_t len);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
struct qemu_plugin_scoreboard *qemu_plugin_scoreboard_new(size_t size);
void *qemu_plugin_scoreboard_find(struct qemu_plugin_scoreboard *s, unsigned int vcpu);
int qemu_plugin_num_vcpus(void);
void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id,
					   void (*cb)(struct qemu_plugin_tb *tb, void *data),
					   void *data);
void qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(struct qemu_plugin_tb *tb, int op,
						       qemu_plugin_u64 entry, uint64_t add);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
					    void (*cb)(unsigned int vcpu, void *data),
					    int flags, void *data);

__attribute__((visibility("default"))) int qemu_plugin_version = 7;

struct block {
	uint64_t pc;
	uint32_t insns;
	uint32_t next;		/* in its bucket; 0 ends */
	uint8_t guest;		/* 0: the machine; else one more than which */
	bool pause;		/* has a PAUSE */
};

static struct block blocks[MAX_BLOCKS];
static uint32_t buckets[BUCKETS];
static uint32_t nr_blocks = 1;	/* 0 counts what finds no place */
static struct qemu_plugin_scoreboard *score;
static uint64_t *before;	/* the counts when the window began */
static const char *dir = ".";
static unsigned int windows;
static bool watching;

/* Each CPU of the machine is a thread of the emulator, or all are one. */
static __thread uint8_t in_guest;	/* as block.guest */
static struct qemu_plugin_register *rax;	/* the same on each CPU */
static uint64_t control_blocks[MAX_CPUS];
static uint64_t after_vmrun, vmruns, vmruns_before;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;	/* of blocks, nr_blocks, buckets */

static uint32_t find_block(uint64_t pc, uint32_t insns, uint8_t guest)
{
	uint32_t *bucket = &buckets[(pc * 0x9e3779b97f4a7c15ull + insns * 2 + guest) >> 43];
	uint32_t i;

	pthread_mutex_lock(&lock);
	for (i = *bucket; i; i = blocks[i].next)
		if (blocks[i].pc == pc && blocks[i].insns == insns && blocks[i].guest == guest)
			break;
	if (!i && nr_blocks < MAX_BLOCKS) {
		i = nr_blocks;
		blocks[i] = (struct block){ .pc = pc, .insns = insns, .guest = guest,
					    .next = *bucket };
		*bucket = i;
		nr_blocks++;
	}
	pthread_mutex_unlock(&lock);
	return i;
}

static void count_all(uint64_t *counts)
{
	int cpu;

	memset(counts, 0, nr_blocks * sizeof(*counts));
	for (cpu = 0; cpu < qemu_plugin_num_vcpus(); cpu++) {
		uint64_t *c = qemu_plugin_scoreboard_find(score, cpu);
		uint32_t i;

		for (i = 0; i < nr_blocks; i++)
			counts[i] += c[i];
	}
}

static void window_begin(void)
{
	memset(before, 0, MAX_BLOCKS * sizeof(*before));
	count_all(before);
	vmruns_before = vmruns;
}

static void window_end(void)
{
	static uint64_t now[MAX_BLOCKS];
	uint64_t all = 0, guest = 0;
	char tmp[512], path[500];
	uint32_t i;
	FILE *f;

	count_all(now);
	for (i = 0; i < nr_blocks; i++) {
		now[i] -= before[i];
		all += now[i] * blocks[i].insns;
		if (blocks[i].guest)
			guest += now[i] * blocks[i].insns;
	}
	snprintf(path, sizeof(path), "%s/window.%u", dir, windows++);
	snprintf(tmp, sizeof(tmp), "%s/window.tmp", dir);
	f = fopen(tmp, "w");
	if (!f)
		return;
	fprintf(f, "# insns %llu guest %llu vmruns %llu lost %llu\n", (unsigned long long)all,
		(unsigned long long)guest, (unsigned long long)(vmruns - vmruns_before),
		(unsigned long long)now[0]);
	for (i = 1; i < nr_blocks; i++) {
		if (!now[i])
			continue;
		if (blocks[i].guest)
			fprintf(f, "g%u", blocks[i].guest - 1u);
		fprintf(f, "%s %llx %u %llu\n", blocks[i].guest ? "" : "m",
			(unsigned long long)blocks[i].pc, blocks[i].insns,
			(unsigned long long)now[i]);
	}
	fclose(f);
	rename(tmp, path);
}

static void on_mark(unsigned int vcpu, void *data)
{
	uintptr_t code = (uintptr_t)data;

	(void)vcpu;
	if (code & 2)
		window_end();
	if (code & 1)
		window_begin();
	if (code & 4)
		watching = true;
}

/* On each CPU of the machine, before it runs */
static void on_cpu(unsigned int vcpu, void *data)
{
	GArray *all = qemu_plugin_get_registers();
	unsigned int i, step = g_array_get_element_size(all);

	(void)vcpu;
	(void)data;
	for (i = 0; i < all->len; i++) {
		qemu_plugin_reg_descriptor *reg = (void *)(all->data + i * step);

		if (!strcmp(reg->name, "rax"))
			rax = reg->handle;
	}
}

/* Which CPU of a guest the machine enters; 0: too many */
static unsigned int which_guest(void)
{
	static __thread GByteArray *buf;
	uint64_t block = 0;
	unsigned int i;

	buf = buf ?: g_byte_array_new();
	g_byte_array_set_size(buf, 0);
	if (rax)
		qemu_plugin_read_register(rax, buf);
	if (buf->len < sizeof(block))
		return 0;
	memcpy(&block, buf->data, sizeof(block));
	pthread_mutex_lock(&lock);
	for (i = 0; i < MAX_CPUS && control_blocks[i] && control_blocks[i] != block; i++)
		;
	if (i < MAX_CPUS)
		control_blocks[i] = block;
	pthread_mutex_unlock(&lock);
	return i < MAX_CPUS ? i : 0;
}

static void on_vmrun(unsigned int vcpu, void *data)
{
	(void)vcpu;
	in_guest = 1 + which_guest();
	after_vmrun = (uintptr_t)data + 3;
	__atomic_add_fetch(&vmruns, 1, __ATOMIC_RELAXED);
}

static void on_exit_of_guest(unsigned int vcpu, void *data)
{
	(void)vcpu;
	(void)data;
	in_guest = 0;
}

static void translated(struct qemu_plugin_tb *tb, void *data)
{
	static const uint8_t nopl[3] = { 0x0f, 0x1f, 0x80 }, vmrun[3] = { 0x0f, 0x01, 0xd8 };
	size_t n = qemu_plugin_tb_n_insns(tb), i;
	uint32_t block;
	qemu_plugin_u64 count = { .score = score };

	(void)data;
	if (after_vmrun && qemu_plugin_tb_vaddr(tb) == after_vmrun) {
		in_guest = 0;
		qemu_plugin_register_vcpu_insn_exec_cb(qemu_plugin_tb_get_insn(tb, 0),
						       on_exit_of_guest, CB_NO_REGS, NULL);
	}
	block = find_block(qemu_plugin_tb_vaddr(tb), n, in_guest);
	count.offset = block * sizeof(uint64_t);
	qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(tb, INLINE_ADD_U64, count, 1);
	for (i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		uint8_t code[16];
		size_t len = qemu_plugin_insn_data(insn, code, sizeof(code));
		uint32_t disp;

		if (len == 3 && !memcmp(code, vmrun, 3))
			qemu_plugin_register_vcpu_insn_exec_cb(insn, on_vmrun, CB_R_REGS,
				(void *)(uintptr_t)qemu_plugin_insn_vaddr(insn));
		if (len == 2 && code[0] == 0xf3 && code[1] == 0x90)
			blocks[block].pause = true;
		if (len != 7 || memcmp(code, nopl, 3))
			continue;
		memcpy(&disp, code + 3, 4);
		if ((disp & ~0xffu) == MAGIC)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, on_mark, CB_NO_REGS,
							       (void *)(uintptr_t)(disp & 0xff));
	}
}

/* The place in a kernel that waited nearly all the time since the last call, or 0. */
static uint64_t only_place(uint64_t *last, uint64_t *ran)
{
	uint64_t *now = qemu_plugin_scoreboard_find(score, 0), all = 0, there = 0, pc;
	uint32_t i, n = nr_blocks, most = 0;
	bool pause = false;

	for (i = 1; i < n; i++) {
		ran[i] = now[i] - last[i];
		last[i] = now[i];
		all += ran[i];
		if (blocks[i].pc >> 63 && (!most || ran[i] > ran[most]))
			most = i;
	}
	if (!most)
		return 0;
	pc = blocks[most].pc;
	for (i = 1; i < n; i++)
		if (blocks[i].pc - pc + LOOP_BYTES <= 2 * LOOP_BYTES) {
			there += ran[i];
			pause |= blocks[i].pause && ran[i];
		}
	return pause && there > all / 10 * 8 ? pc & ~(2ull * LOOP_BYTES - 1) : 0;
}

static void *watch(void *data)
{
	uint64_t *last = calloc(MAX_BLOCKS, sizeof(*last)), *ran = calloc(MAX_BLOCKS, sizeof(*ran));
	uint64_t place, before_place = 0;
	int times = 0;

	(void)data;
	while (last && ran) {
		sleep(4);
		place = only_place(last, ran);
		times = place && place == before_place ? times + 1 : 0;
		before_place = place;
		if (times == (watching ? HUNG : HUNG_BOOT)) {
			fprintf(stderr, "bench plugin: hung near %#llx\n",
				(unsigned long long)place);
			_exit(3);
		}
	}
	return NULL;
}

__attribute__((visibility("default")))
int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
	pthread_t thread;
	int i;

	(void)info;
	for (i = 0; i < argc; i++)
		if (!strncmp(argv[i], "dir=", 4))
			dir = strdup(argv[i] + 4);
	score = qemu_plugin_scoreboard_new(MAX_BLOCKS * sizeof(uint64_t));
	before = calloc(MAX_BLOCKS, sizeof(*before));
	if (!score || !before || !dir)
		return 1;
	qemu_plugin_register_vcpu_init_cb(id, on_cpu, NULL);
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated, NULL);
	return pthread_create(&thread, NULL, watch, NULL);
}
