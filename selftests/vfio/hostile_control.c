// SPDX-License-Identifier: GPL-2.0
/*
 * The hostile driver: messages and resets (classes 9 and 11).
 */
#include <netinet/in.h>

#include "native.h"

/* A request just as it is; the answer's status, or -1: none, since its seq is 0 */
static int raw(__u16 version, __u16 opcode, __u16 len, __u16 seq, __u32 rest)
{
	struct vnic_mbx_page *mbx = drv_mbx(&evil);
	__u64 end = now_ms() + WAIT;

	memset(&mbx->resp, 0xff, sizeof(mbx->resp));
	mbx->req = (struct vnic_mbx_hdr) {
		.version = htole16(version),
		.opcode = htole16(opcode),
		.len = htole16(len),
		.seq = htole16(seq),
		.status = htole32(rest & 1),
		.rsvd = htole32(rest & 2),
	};
	__sync_synchronize();
	reg_write(&evil.dev, VNIC_REG_MBX_KICK, 1);
	while (le16toh(__atomic_load_n(&mbx->resp.seq, __ATOMIC_SEQ_CST)) != seq)
		check(now_ms() < end, "message %u is not answered", opcode);
	check_eq(le16toh(mbx->resp.opcode), opcode);
	return le32toh(mbx->resp.status);
}

/* ---- class 9 ---- */

#define FEATURES (FEATURE(VLAN_FILTER) | FEATURE(VLAN_MAP) | FEATURE(COALESCE) | \
		  FEATURE(MQ) | FEATURE(RSS) | FEATURE(HASH_FIELDS) | FEATURE(RULES))

/* Too short, too long, unknown, out of order: which answer, and each is counted */
static void case_messages(void)
{
	static const __u16 unknown[] = { 0, DRV_LAST_MSG + 1, 255, 256, 0x8000, 0xffff };
	unsigned int op, i, n = 0;

	bench_open(FEATURES);
	for (op = VNIC_MBX_QUEUE_CREATE; op <= DRV_LAST_MSG; op++) {
		const __u16 right = drv_msg_len[op];
		const __u16 len[] = { right - 1, right + 1, right + 6, VNIC_MBX_REQ_MAX,
				      VNIC_MBX_REQ_MAX + 1, 4096, 65535 };

		for (i = right ? 0 : 1; i < ARRAY_SIZE(len); i++, n++)
			check_eq(raw(VNIC_VERSION_1, op, len[i], 7 + i, 0), VNIC_MBX_E_LEN);
		check_eq(raw(2, op, right, 1, 0), VNIC_MBX_E_VERSION);
		check_eq(raw(VNIC_VERSION_1, op, right, 2, 1), VNIC_MBX_E_INVAL);
		check_eq(raw(VNIC_VERSION_1, op, right, 3, 2), VNIC_MBX_E_INVAL);
		check_eq(raw(VNIC_VERSION_1, op, right, 0, 0), VNIC_MBX_E_INVAL);
		n += 4;
	}
	for (i = 0; i < ARRAY_SIZE(unknown); i++, n++)
		check_eq(raw(VNIC_VERSION_1, unknown[i], 0, 5, 0), VNIC_MBX_E_OPCODE);
	check_eq(raw(VNIC_VERSION_1, VNIC_MBX_HELLO, drv_msg_len[VNIC_MBX_HELLO], 6, 0),
		 VNIC_MBX_E_STATE);
	n++;
	/* and all of them before HELLO */
	reg_write(&evil.dev, VNIC_REG_CONTROL, VNIC_CTRL_RESET);
	drv_mailbox(&evil);
	for (op = VNIC_MBX_QUEUE_CREATE; op <= DRV_LAST_MSG; op++, n++)
		check_eq(raw(VNIC_VERSION_1, op, drv_msg_len[op], 8, 0), VNIC_MBX_E_STATE);
	check_refused(n);
	bench_close();
}

static int set_rule(const struct vnic_mbx_rule *rule)
{
	return drv_msg(&evil, VNIC_MBX_SET_RULE, rule, sizeof(*rule), NULL, 0);
}

/* A rule with one byte changed to some value, which makes it one that there cannot be */
static void bad_rule(const struct vnic_mbx_rule *good, size_t at, __u8 value)
{
	struct vnic_mbx_rule bad = *good;

	((__u8 *)&bad)[at] = value;
	check_eq(set_rule(&bad), VNIC_MBX_E_INVAL);
}

#define BAD_RULE(good, field, value) \
	bad_rule(good, offsetof(struct vnic_mbx_rule, field), value)

/* Hashes, tables and rules that there cannot be: all refused, and none has changed anything */
static void case_steering(void)
{
	struct vnic_mbx_hash hash = { .fields = { 3, 15, 15, 3, 15, 15 } };
	struct vnic_mbx_context context = { .context = htole16(VNIC_RSS_CONTEXTS) };
	struct vnic_mbx_rule rule = {
		.action = VNIC_RULE_QUEUE, .version = 4, .proto = IPPROTO_TCP,
		.value = { 10, 0, 0, 1, [10] = 80 }, .mask = { 255, 255, 255, 255, [10] = 255 },
	};
	unsigned int i, qps, n = 0;

	bench_open(FEATURES);
	qps = le16toh(evil.caps.max_qps);
	for (i = 0; i < VNIC_HASH_KINDS; i++) {
		struct vnic_mbx_hash bad = hash;

		bad.fields[i] = i % 3 ? 16 : 4;
		check_eq(drv_msg(&evil, VNIC_MBX_SET_HASH, &bad, sizeof(bad), NULL, 0),
			 VNIC_MBX_E_INVAL);
		bad.fields[i] = 1;
		bad.xfrm = VNIC_HASH_X_XOR;
		check_eq(drv_msg(&evil, VNIC_MBX_SET_HASH, &bad, sizeof(bad), NULL, 0),
			 VNIC_MBX_E_INVAL);
		n += 2;
	}
	for (i = VNIC_HASH_X_MAX + 1; i < 256; i += i, n++) {
		hash.xfrm = i;
		check_eq(drv_msg(&evil, VNIC_MBX_SET_HASH, &hash, sizeof(hash), NULL, 0),
			 VNIC_MBX_E_INVAL);
	}
	check_eq(drv_msg(&evil, VNIC_MBX_SET_CONTEXT, &context, sizeof(context), NULL, 0),
		 VNIC_MBX_OK);
	for (i = 0; i < VNIC_RSS_ENTRIES; i++, n++) {
		struct vnic_mbx_context bad = context;

		bad.table[i] = i % 2 ? qps : 255;
		check_eq(drv_msg(&evil, VNIC_MBX_SET_CONTEXT, &bad, sizeof(bad), NULL, 0),
			 VNIC_MBX_E_INVAL);
	}
	for (i = VNIC_RSS_CONTEXTS + 1; i <= 65536; i += i, n++) {
		context.context = htole16(i);		/* the last one is 0 */
		check_eq(drv_msg(&evil, VNIC_MBX_SET_CONTEXT, &context, sizeof(context), NULL, 0),
			 VNIC_MBX_E_INVAL);
	}
	check_eq(set_rule(&rule), VNIC_MBX_OK);
	BAD_RULE(&rule, index, VNIC_MAX_RULES);
	BAD_RULE(&rule, index, 255);
	BAD_RULE(&rule, action, VNIC_RULE_RSS + 1);
	BAD_RULE(&rule, action, VNIC_RULE_NONE);
	BAD_RULE(&rule, arg, qps);
	BAD_RULE(&rule, version, 5);
	BAD_RULE(&rule, proto, 0);		/* has no ports */
	BAD_RULE(&rule, proto, IPPROTO_ICMP);
	BAD_RULE(&rule, rsvd[1], 1);
	BAD_RULE(&rule, value[4], 1);		/* beside the mask */
	BAD_RULE(&rule, mask[12], 1);		/* behind the ports */
	BAD_RULE(&rule, mask[VNIC_RULE_BYTES - 1], 1);
	rule.action = VNIC_RULE_RSS;
	BAD_RULE(&rule, arg, VNIC_RSS_CONTEXTS + 1);
	rule.action = VNIC_RULE_DROP;
	BAD_RULE(&rule, arg, 1);
	n += 14;
	/* All that there can be, changed while others send */
	for (i = 0; i < 40 * VNIC_MAX_RULES; i++) {
		rule.index = htole16(i % VNIC_MAX_RULES);
		rule.action = 1 + i % 3;
		rule.arg = rule.action == VNIC_RULE_DROP ? 0 : i % qps;
		rule.value[0] = i;
		check_eq(set_rule(&rule), VNIC_MBX_OK);
	}
	check_refused(n);
	bench_close();
}

static void set_mtus(void)
{
	struct vnic_mbx_u32 mtu = { .value = htole32(1500) };
	unsigned int i;

	for (i = 0; i < TOLL_BATCH; i++)
		check_eq(drv_msg(&evil, VNIC_MBX_SET_MTU, &mtu, sizeof(mtu), NULL, 0), VNIC_MBX_OK);
}

/* As many as it can: those that touch the switch are held to a rate, others are not. */
static void case_flood(void)
{
	unsigned int refused;

	bench_open(0);
	check_toll(set_mtus);
	for (refused = 0; refused < 3000; refused++)
		check_eq(drv_msg(&evil, 999, NULL, 0, NULL, 0), VNIC_MBX_E_OPCODE);
	check_refused(refused);
	bench_close();
}

static void change_request(void *arg)
{
	struct vnic_mbx_page *mbx = arg;
	struct vnic_mbx_u32 *mtu = (void *)mbx->req_payload;

	__atomic_store_n(&mtu->value, htole32(1), __ATOMIC_SEQ_CST);
	__atomic_store_n(&mbx->req.len, htole16(9), __ATOMIC_SEQ_CST);
	__atomic_store_n(&mtu->value, htole32(1400), __ATOMIC_SEQ_CST);
	__atomic_store_n(&mbx->req.len, htole16(sizeof(*mtu)), __ATOMIC_SEQ_CST);
}

/* Changed after submission: the answer is that of one of the requests it was. */
static void case_changed(void)
{
	struct vnic_mbx_u32 mtu = { .value = htole32(1400) };
	unsigned int i, n[8] = {};
	__u64 end = 0;
	int status;

	bench_open(0);
	meanwhile(change_request, drv_mbx(&evil));
	for (i = 0; i < 1000 || !n[VNIC_MBX_OK] || n[VNIC_MBX_OK] == i; i++) {
		if (i < 1000)	/* these are done, however long they take */
			end = now_ms() + 5 * WAIT * bench_slow;
		check(now_ms() < end, "nothing was changed in time: %u of %u ok", n[VNIC_MBX_OK],
		      i);
		status = drv_msg(&evil, VNIC_MBX_SET_MTU, &mtu, sizeof(mtu), NULL, 0);
		check(status == VNIC_MBX_OK || status == VNIC_MBX_E_INVAL ||
		      status == VNIC_MBX_E_LEN, "answer %d", status);
		n[status]++;
	}
	meanwhile_stop();
	printf("# %u ok, %u refused for the value, %u for the length\n", n[VNIC_MBX_OK],
	       n[VNIC_MBX_E_INVAL], n[VNIC_MBX_E_LEN]);
	check_refused(n[VNIC_MBX_E_INVAL] + n[VNIC_MBX_E_LEN]);
	bench_close();
}

/* ---- class 11 ---- */

static __u32 generation;

static void resets_begin(void)
{
	generation = reg_read(&evil.dev, VNIC_REG_GENERATION);
}

/* Each reset has been one, and is counted; an FLR, which takes bus mastering away, too, may be
 * done twice.
 */
static void resets_end(unsigned int n)
{
	__u32 done = reg_read(&evil.dev, VNIC_REG_GENERATION) - generation;

	check(done >= n && done <= 2 * n, "%u resets, %u were done", n, done);
}

#define SEQ	0xfffeu

/* A message whose answer is not waited for */
static void submit(unsigned int op)
{
	struct vnic_mbx_page *mbx = drv_mbx(&evil);

	memset(mbx->req_payload, 0, 64);
	mbx->req_payload[0] = op == VNIC_MBX_ENABLE;
	mbx->resp.seq = 0;
	mbx->req = (struct vnic_mbx_hdr) {
		.version = htole16(VNIC_VERSION_1),
		.opcode = htole16(op),
		.len = htole16(drv_msg_len[op]),
		.seq = htole16(SEQ),
	};
	__sync_synchronize();
	reg_write(&evil.dev, VNIC_REG_MBX_KICK, 1);
}

static bool answered(void)
{
	return __atomic_load_n(&drv_mbx(&evil)->resp.seq, __ATOMIC_ACQUIRE) == htole16(SEQ);
}

/* In the middle of each kind of message: what is not answered by its end never is. */
static void case_flr_message(void)
{
	unsigned int i, op, n = 0, within = 0;
	__u64 end = 0;
	bool early;

	bench_open(FEATURES);
	resets_begin();
	for (i = 0; i < 3 || !within; i++) {
		if (i < 3)	/* these are done, however long they take */
			end = now_ms() + 5 * WAIT * bench_slow;
		check(now_ms() < end, "no reset came in the middle of a message");
		for (op = VNIC_MBX_QUEUE_CREATE; op <= DRV_LAST_MSG; op++, n++) {
			submit(op);
			if (i % 3)
				usleep(i % 3 * 50);
			early = answered();
			flr(&evil);
			within += !early && answered();
			check_still();
			flr_start();
		}
	}
	printf("# %u of %u messages were answered during a reset\n", within, n);
	resets_end(2 * n);
	bench_close();
}

static void bursts(void *arg)
{
	struct vnic_event *ev = drv_event(&evil, AT_TX_EVENT);

	(void)arg;
	__atomic_store_n(&ev->prod, htole32(le32toh(ev->cons) + 128), __ATOMIC_SEQ_CST);
	reg_write(&evil.dev, VNIC_DOORBELL_TX(0), 0);
}

/* In the middle of what is copied out of its memory, to the wire */
static void case_flr_copy(void)
{
	static struct out o;
	unsigned int i, j;

	bench_open(0);
	resets_begin();
	for (i = 0; i < 12; i++) {
		for (j = 0; j < RING_SIZE; j++)
			put_frame(wire_mac, 1500);
		meanwhile(bursts, NULL);
		for (j = 0; j < 200; j++)
			check(comes_out(wire_sock, &o, WAIT) && o.len == 1500, "nothing comes");
		flr(&evil);
		meanwhile_stop();
		while (comes_out(wire_sock, &o, 0))
			check(o.len == 1500 && !memcmp(o.frame + 6, evil.caps.mac, 6), "changed");
		flr_start();
	}
	resets_end(2 * i);
	bench_close();
}

/* In the middle of what is copied into its memory: none of it is written afterwards. */
static void case_flr_delivery(void)
{
	const unsigned int len = RING_SIZE * RX_BUF_SIZE;
	__u8 *before = malloc(len);
	unsigned int i;
	__u64 had;

	bench_open(0);
	resets_begin();
	meanwhile(flood_in, NULL);
	had = counter("vf0_rx_packets");
	for (i = 0; i < 12; i++) {
		__u64 end = now_ms() + WAIT;

		while (counter("vf0_rx_packets") < had + 20)
			check(now_ms() < end, "nothing is delivered");
		flr(&evil);
		memcpy(before, evil.mem + AT_RX_BUFS, len);
		usleep(2000);
		check(!memcmp(before, evil.mem + AT_RX_BUFS, len), "written after the reset");
		/* before it runs: the ring may be full as soon as it does, and nobody refills it */
		had = counter("vf0_rx_packets");
		flr_start();
	}
	meanwhile_stop();
	resets_end(2 * i);
	free(before);
	bench_close();
}

/* In the middle of changes of its packet memory, with frames that wait there */
static void case_flr_resize(void)
{
	unsigned int i, changes = 0;
	__u64 end = 0;

	bench_open(0);
	resets_begin();
	resize_start();
	meanwhile(flood_in, NULL);
	resize_full();
	for (i = 0; i < 12 || changes < 12; i++) {
		if (i < 12)	/* these are done, however long they take */
			end = now_ms() + 5 * WAIT * bench_slow;
		check(now_ms() < end, "only %u changes", changes);
		usleep(30000);
		flr(&evil);
		flr_start();
		changes += resize_changes();
	}
	meanwhile_stop();
	flr_start();	/* and nothing waits any more */
	resets_end(2 * i + 1);
	printf("# %u resets, %u changes\n", i, changes);
	resize_stop();
	bench_close();
}

static void bells(void *arg)
{
	static unsigned int n;

	(void)arg;
	reg_write(&evil.dev, VNIC_DOORBELL_BASE + n % 1024 * 4, n);
	reg_write(&evil.dev, VNIC_REG_KICK, n);
	n++;
}

static void some_resets(void)
{
	unsigned int i;

	for (i = 0; i < TOLL_BATCH; i++) {
		reg_write(&evil.dev, VNIC_REG_CONTROL, VNIC_CTRL_RESET);
		cfg_command(&evil.dev, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 0);
	}
}

/* Doorbells of all queues that are and are not, and resets, as fast as it goes */
static void case_storm(void)
{
	unsigned int n;

	bench_open(0);
	resets_begin();
	meanwhile(bells, NULL);
	n = check_toll(some_resets);
	meanwhile_stop();
	resets_end(n);
	drv_start(&evil);
	bench_close();
}

const struct hostile_case control_cases[] = {
	{ 9, "messages", case_messages, "messages of illegal length, kind, version and order" },
	{ 9, "steering", case_steering, "hashes, tables and rules that there cannot be" },
	{ 9, "flood", case_flood, "a flood of messages" },
	{ 9, "changed", case_changed, "messages changed after submission" },
	{ 11, "flr_message", case_flr_message, "FLR during messages" },
	{ 11, "flr_copy", case_flr_copy, "FLR while frames are copied from it" },
	{ 11, "flr_delivery", case_flr_delivery, "FLR while frames are copied to it" },
	{ 11, "flr_resize", case_flr_resize, "FLR while its packet memory is resized" },
	{ 11, "storms", case_storm, "storms of doorbells and resets" },
	{}
};
