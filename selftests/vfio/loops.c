// SPDX-License-Identifier: GPL-2.0
/*
 * How long frames take from the sender's prod until their receiver sees them, and
 * how many requests are answered in a second: between two VFs driven from here.
 *
 * Usage: loops VF VF   (bound to vnic-vfio-pci)
 * Commands on standard input, one line of answer each:
 *   loop DEPTH LEN MS [WINDOW]   so many requests under way for so long, each answered by
 *                      a frame of the same length, or one for each WINDOW of them:
 *                      "PER_SECOND P50 P99 MAX KICKS"
 *   batch DEPTH LEN MS [WINDOW]   the same; what one turn has to send is shown together
 *   stream GAP BURST LEN MS   one way, bursts that begin GAP ns apart, 0: at once: the same
 *   moderate USECS     of both VFs; with 0 no frame waits for the device to look
 *   start N USECS      both start anew, post N buffers at most, and ask for an interrupt
 *                      after they took what had come, but once in USECS; 0: never
 * The rate is of requests or frames; delays are of frames in ns, whichever way they go;
 * kicks are doorbells per 1000 frames.
 *
 * As a driver does it, both ring only if they are asked to: in a loop for each frame, as
 * one does whose stack sends frame by frame, in a batch at the end of what they found, as
 * one does in its poll.  They do not sleep: what they wait for is the device.
 */
#include <linux/if_ether.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "test.h"

#define SAMPLES		(1u << 20)
#define STAMP		16	/* where a frame's time is */
#define LEAST		60	/* bytes of a frame */
#define WARM_MS		20	/* not measured */

struct end {
	struct drv	drv;
	struct end	*to;
	unsigned int	len;		/* bytes of a frame */
	__u32		tx_shown;	/* prod as the device sees it */
	__u32		rx_shown;
	__u64		armed;		/* when it asked for an interrupt */
};

static struct end ends[2];
static __u32 *delay;
static unsigned int samples, kicks, frames;
static unsigned int posts = RING_SIZE, pause_us;

static __u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static __u32 get32(const __le32 *p)
{
	return le32toh(__atomic_load_n(p, __ATOMIC_ACQUIRE));
}

/* Show the device the index; ring if it has asked for that. */
static void show(struct end *e, unsigned int event, __u32 doorbell, __u32 *old, __u32 new)
{
	struct vnic_event *ev = drv_event(&e->drv, event);
	bool rx = event == AT_RX_EVENT;

	if (*old == new)
		return;
	__atomic_store_n(&ev->prod, htole32(new), __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (vnic_need_event(get32(&ev->kick_at), new, *old)) {
		kicks++;
		reg_write(&e->drv.dev, doorbell, 0);
		if (get32(&ev->flags) & VNIC_EV_F_DOORBELL_DEAD)
			reg_write(&e->drv.dev, VNIC_REG_KICK,
				  rx ? VNIC_KICK_RX(0) : VNIC_KICK_TX(0));
	}
	*old = new;
}

static unsigned int tx_room(struct end *e)
{
	return RING_SIZE - (e->drv.tx_prod - get32(&drv_event(&e->drv, AT_TX_EVENT)->cons));
}

/* A frame, shown with the next. */
static void put(struct end *e)
{
	unsigned int slot = e->drv.tx_prod % RING_SIZE;
	struct vnic_tx_desc *d = (void *)(e->drv.mem + AT_TX_RING + slot * VNIC_DESC_SIZE);
	__u8 *frame = e->drv.mem + AT_TX_BUFS + slot * TX_BUF_SIZE;
	__u64 now = now_ns();

	check(tx_room(e), "a ring of %u is full", RING_SIZE);
	memcpy(frame, e->to->drv.caps.mac, ETH_ALEN);
	memcpy(frame + ETH_ALEN, e->drv.caps.mac, ETH_ALEN);
	frame[12] = 0x88;	/* local experimental */
	frame[13] = 0xb5;
	memcpy(frame + STAMP, &now, sizeof(now));
	*d = (struct vnic_tx_desc) {
		.addr = htole64(e->drv.iova + AT_TX_BUFS + slot * TX_BUF_SIZE),
		.len = htole16(e->len),
		.flags = htole16(VNIC_TXD_F_EOP),
	};
	e->drv.tx_prod++;
}

static void push(struct end *e)
{
	show(e, AT_TX_EVENT, VNIC_DOORBELL_TX(0), &e->tx_shown, e->drv.tx_prod);
}

static void send_some(struct end *e, unsigned int n, bool together)
{
	while (n--) {
		put(e);
		if (!together || !n)
			push(e);
	}
}

/* A buffer, in the place behind the last */
static void post(struct end *e)
{
	struct vnic_rx_desc *ring = (void *)(e->drv.mem + AT_RX_RING);
	unsigned int slot = e->drv.rx_prod++ % RING_SIZE;

	ring[slot] = (struct vnic_rx_desc) {
		.addr = htole64(e->drv.iova + AT_RX_BUFS + slot * RX_BUF_SIZE),
		.len = htole32(RX_BUF_SIZE),
	};
}

/* As a driver at the end of its poll does, whose interrupts are moderated */
static void arm(struct end *e, __u64 now)
{
	if (!pause_us || now < e->armed + pause_us * 1000ull)
		return;
	e->armed = now;
	__atomic_store_n(&drv_event(&e->drv, AT_RX_EVENT)->intr_at, htole32(e->drv.rx_cons + 1),
			 __ATOMIC_SEQ_CST);
}

/* Take what has come; how many frames. */
static unsigned int take(struct end *e)
{
	struct vnic_rx_desc *ring = (void *)(e->drv.mem + AT_RX_RING);
	__u32 cons = get32(&drv_event(&e->drv, AT_RX_EVENT)->cons);
	unsigned int n = cons - e->drv.rx_cons;
	__u64 now = now_ns(), sent;

	for (; e->drv.rx_cons != cons; e->drv.rx_cons++) {
		unsigned int slot = e->drv.rx_cons % RING_SIZE;
		struct vnic_rx_cmpl *c = (void *)&ring[slot];
		unsigned int at = AT_RX_BUFS + slot * RX_BUF_SIZE;

		check_eq(le16toh(c->len), e->to->len);
		memcpy(&sent, e->drv.mem + at + STAMP, sizeof(sent));
		if (samples < SAMPLES)
			delay[samples++] = now - sent;
	}
	while (e->drv.rx_prod - e->drv.rx_cons < posts)
		post(e);
	show(e, AT_RX_EVENT, VNIC_DOORBELL_RX(0), &e->rx_shown, e->drv.rx_prod);
	arm(e, now);
	frames += n;
	return n;
}

static void report(unsigned int done, __u64 ns)
{
	check(samples && frames, "nothing has come");
	sort_samples(delay, samples);
	printf("%.0f %u %u %u %.0f\n", done * 1e9 / ns, delay[samples / 2],
	       delay[(__u64)samples * 99 / 100], delay[samples - 1], kicks * 1e3 / frames);
}

static void forget(void)
{
	samples = 0;
	kicks = 0;
	frames = 0;
}

/* Nothing is under way any more; what comes is not answered. */
static void settle(void)
{
	__u64 end = now_ms() + 2;

	while (now_ms() < end)
		if (take(&ends[0]) + take(&ends[1]))
			end = now_ms() + 2;
}

struct loop {
	unsigned int	window;		/* requests of an answer */
	bool		together;	/* a turn's frames are shown at once */
	unsigned int	owed;		/* requests without an answer yet */
};

/* Answer what has come to the second, send as many requests as were answered. */
static unsigned int turn(struct loop *l)
{
	unsigned int n;

	l->owed += take(&ends[1]);
	send_some(&ends[1], l->owed / l->window, l->together);
	l->owed %= l->window;
	n = take(&ends[0]) * l->window;
	send_some(&ends[0], n, l->together);
	return n;
}

static unsigned int turns(struct loop *l, __u64 until)
{
	unsigned int done = 0;

	while (now_ns() < until)
		done += turn(l);
	return done;
}

static void cmd_loop(unsigned int depth, unsigned int ms, unsigned int window, bool together)
{
	struct loop l = { .window = window, .together = together };
	__u64 begin = now_ns();
	unsigned int done;

	check(depth && depth <= RING_SIZE / 2 && window && window <= depth, "depth, window");
	send_some(&ends[0], depth, together);
	turns(&l, begin + WARM_MS * 1000000ull);
	forget();
	begin = now_ns();
	done = turns(&l, begin + ms * 1000000ull);
	report(done, now_ns() - begin);
	settle();
}

static void cmd_stream(unsigned int gap, unsigned int burst, unsigned int ms)
{
	__u64 begin = now_ns(), next = begin, now, warm = begin + WARM_MS * 1000000ull;
	__u64 end = warm + ms * 1000000ull;
	unsigned int i, done = 0;
	bool measured = false;

	check(burst && burst <= RING_SIZE / 2, "burst");
	while ((now = now_ns()) < end) {
		if (!measured && now >= warm) {
			measured = true;
			done = 0;
			begin = now;
			forget();
		}
		if (now >= next && tx_room(&ends[0]) >= burst) {
			for (i = 0; i < burst; i++)
				put(&ends[0]);
			push(&ends[0]);
			next = gap ? next + gap : now;
		}
		done += take(&ends[1]);
	}
	report(done, now - begin);
	settle();
}

static void cmd_moderate(unsigned int usecs)
{
	struct vnic_mbx_coalesce req = { .vector = htole16(1), .usecs = htole32(usecs) };
	unsigned int i;

	for (i = 0; i < 2; i++)
		check_eq(drv_msg(&ends[i].drv, VNIC_MBX_SET_COALESCE, &req, sizeof(req), NULL, 0),
			 VNIC_MBX_OK);
	puts("moderated");
}

static void set_len(unsigned int len)
{
	check(len >= LEAST && len <= RX_BUF_SIZE, "%u bytes", len);
	ends[0].len = len;
	ends[1].len = len;
}

static void start(struct end *e)
{
	drv_start(&e->drv);
	e->tx_shown = e->drv.tx_prod;
	e->rx_shown = e->drv.rx_prod;
	/* nobody sleeps: no interrupts, unless it asks for them */
	drv_event(&e->drv, AT_RX_EVENT)->intr_at = htole32(e->drv.rx_cons - 1);
	drv_event(&e->drv, AT_TX_EVENT)->intr_at = htole32(e->drv.tx_prod - 1);
}

static void open_end(struct end *e, struct end *to, const char *bdf)
{
	drv_open(&e->drv, bdf, false);
	e->drv.features = (__u64)1 << VNIC_F_COALESCE;
	e->to = to;
	start(e);
}

static void cmd_start(unsigned int n, unsigned int usecs)
{
	unsigned int i;

	check(n && n <= RING_SIZE, "buffers");
	posts = n;
	pause_us = usecs;
	for (i = 0; i < 2; i++)
		reg_write(&ends[i].drv.dev, VNIC_REG_CONTROL, VNIC_CTRL_RESET);
	for (i = 0; i < 2; i++) {
		ends[i].drv.rx_posts = n;
		start(&ends[i]);
	}
	puts("started");
}

int main(int argc, char **argv)
{
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	unsigned int a, b, c, d;
	char line[128];

	if (argc != 3) {
		fprintf(stderr, "usage: loops VF VF\n");
		return 2;
	}
	setrlimit(RLIMIT_MEMLOCK, &all);
	setvbuf(stdout, NULL, _IOLBF, 0);
	delay = get_memory(SAMPLES * sizeof(*delay));
	memset(delay, 0, SAMPLES * sizeof(*delay));	/* no faults while it counts */
	open_end(&ends[0], &ends[1], argv[1]);
	open_end(&ends[1], &ends[0], argv[2]);
	puts("ready");
	while (fgets(line, sizeof(line), stdin)) {
		d = 1;
		if (sscanf(line, "loop %u %u %u %u", &a, &b, &c, &d) >= 3) {
			set_len(b);
			cmd_loop(a, c, d, false);
		} else if (sscanf(line, "batch %u %u %u %u", &a, &b, &c, &d) >= 3) {
			set_len(b);
			cmd_loop(a, c, d, true);
		} else if (sscanf(line, "stream %u %u %u %u", &a, &b, &c, &d) == 4) {
			set_len(c);
			cmd_stream(a, b, d);
		} else if (sscanf(line, "moderate %u", &a) == 1) {
			cmd_moderate(a);
		} else if (sscanf(line, "start %u %u", &a, &b) == 2) {
			cmd_start(a, b);
		} else {
			fail("command: %s", line);
		}
	}
	return 0;
}
