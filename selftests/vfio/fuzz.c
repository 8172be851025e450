// SPDX-License-Identifier: GPL-2.0
/*
 * A fuzzer of a VF's device, as a hostile virtual machine or its monitor sees it, led by
 * coverage: programs that reach something new are kept, and the next ones are made of them.
 *
 * Usage: fuzz [-b] [-c DIR] [-r FILE] [-n TIMES] [-t SECONDS] [-s SEED] -l DIR VF VF...
 *   -b         blind: on a kernel without KCOV, changes of the corpus alone
 *   -c DIR     the programs to begin with
 *   -r FILE    do this program, -n times, and nothing else
 *   -t SECONDS how long to go on after those (0: not at all)
 *   -s SEED    of what depends on chance
 *   -l DIR     for the last programs (last-0 to last-7, the header says which is the
 *              newest), the places reached (places) and a corpus (corpus/)
 *
 * A program is written there before it is done, so that it survives the machine.
 */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"

#define CORPUS	2048
#define LAST	8
#define HANG_S	120	/* without an operation done; seconds */

struct entry {
	struct fuzz_prog	prog;
	unsigned int		n;	/* places */
	__u64			*place;
};

static struct entry *corpus[CORPUS];
static unsigned int num_corpus;
static unsigned long runs;
static int last_fd[LAST];
static const char *log_dir, *corpus_dir, *replay;
static unsigned int seconds, times = 200;
static __u64 began;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ended = PTHREAD_COND_INITIALIZER;
static bool over, blind;

static void open_log(void)
{
	char path[300];
	unsigned int i;

	mkdir(log_dir, 0777);
	for (i = 0; i < LAST; i++) {
		snprintf(path, sizeof(path), "%s/last-%u", log_dir, i);
		last_fd[i] = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
		check(last_fd[i] >= 0, "%s: %m", path);
	}
}

static void write_last(const struct fuzz_prog *p)
{
	static char text[FUZZ_TEXT + 64];
	int fd = last_fd[runs % LAST];
	size_t len;

	len = sprintf(text, "# program %lu\n", runs);
	len += fuzz_print(p, text + len, FUZZ_TEXT);
	check(pwrite(fd, text, len, 0) == (ssize_t)len, "last program: %m");
	check(!ftruncate(fd, len), "last program: %m");
}

/* Do it: does it reach anything new? */
static bool run(const struct fuzz_prog *p)
{
	write_last(p);
	runs++;
	cover_reset();
	fuzz_run(p);
	return cover_take();
}

static void keep(const struct fuzz_prog *p)
{
	const __u64 *places;
	struct entry *e;

	if (num_corpus == CORPUS)
		return;
	e = malloc(sizeof(*e));
	check(e, "no memory");
	e->prog = *p;
	places = cover_last(&e->n);
	e->place = malloc(e->n * sizeof(*places) + 1);
	check(e->place, "no memory");
	memcpy(e->place, places, e->n * sizeof(*places));
	corpus[num_corpus++] = e;
}

static void load(struct fuzz_prog *p, const char *path)
{
	static char text[FUZZ_TEXT];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	const char *wrong;
	ssize_t len;

	check(fd >= 0, "%s: %m", path);
	len = read(fd, text, sizeof(text) - 1);
	check(len >= 0, "%s: %m", path);
	close(fd);
	text[len] = 0;
	wrong = fuzz_parse(p, text);
	check(!wrong, "%s: %s", path, wrong);
}

static void run_corpus(void)
{
	static struct fuzz_prog p;
	struct dirent **names;
	char path[600];
	int n, i;

	n = scandir(corpus_dir, &names, NULL, alphasort);
	check(n >= 0, "%s: %m", corpus_dir);
	for (i = 0; i < n; i++) {
		if (names[i]->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", corpus_dir, names[i]->d_name);
		load(&p, path);
		run(&p);
		keep(&p);
	}
	printf("# corpus: %u programs reach %u places\n", num_corpus, cover_places());
	fflush(stdout);
}

/* One of the corpus, the newer the likelier */
static const struct fuzz_prog *pick(void)
{
	unsigned int at = fuzz_rnd(num_corpus);

	if (fuzz_rnd(2))
		at = num_corpus - 1 - fuzz_rnd(num_corpus < 16 ? num_corpus : 16);
	return &corpus[at]->prog;
}

static void progress(void)
{
	static __u64 next;
	__u64 now = now_ms();

	if (now < next)
		return;
	next = now + 10000;
	printf("# %llu s: %lu programs, %u kept, %u places\n",
	       (unsigned long long)(now - began) / 1000, runs, num_corpus, cover_places());
	fflush(stdout);
}

static void fuzz(void)
{
	__u64 end = now_ms() + seconds * 1000ull;
	static struct fuzz_prog p, other;

	while (now_ms() < end) {
		if (!num_corpus || !fuzz_rnd(12)) {
			fuzz_make(&p);
		} else {
			p = *pick();
			other = *pick();
			fuzz_mutate(&p, &other);
		}
		if (run(&p))
			keep(&p);
		progress();
	}
}

/* The programs that reach all places, those that reach most of what is left first */
static void write_corpus(void)
{
	static __u64 seen[1 << 16];
	unsigned int left, best, i, j, most, count, rank = 0;
	char path[600], text[FUZZ_TEXT];
	FILE *file;

	snprintf(path, sizeof(path), "%s/corpus", log_dir);
	mkdir(path, 0777);
	for (left = num_corpus; left; left--) {
		for (i = 0, most = 0; i < num_corpus; i++) {
			if (!corpus[i]->place)
				continue;
			for (j = 0, count = 0; j < corpus[i]->n; j++)
				count += !(seen[corpus[i]->place[j] >> 6 & 0xffff] &
					   1ull << (corpus[i]->place[j] & 63));
			if (count > most) {
				most = count;
				best = i;
			}
		}
		if (!most)
			break;
		for (j = 0; j < corpus[best]->n; j++)
			seen[corpus[best]->place[j] >> 6 & 0xffff] |=
				1ull << (corpus[best]->place[j] & 63);
		free(corpus[best]->place);
		corpus[best]->place = NULL;
		snprintf(path, sizeof(path), "%s/corpus/%03u", log_dir, rank++);
		file = fopen(path, "w");
		check(file, "%s: %m", path);
		fuzz_print(&corpus[best]->prog, text, sizeof(text));
		fprintf(file, "# %u places that none before reaches\n%s", most, text);
		check(!fclose(file), "%s: %m", path);
	}
}

static void *worker(void *arg)
{
	static struct fuzz_prog p;

	if (!blind)
		cover_local();
	if (corpus_dir)
		run_corpus();
	if (replay) {
		load(&p, replay);
		while (times--)
			run(&p);
	}
	fuzz();
	pthread_mutex_lock(&lock);
	over = true;
	pthread_cond_signal(&ended);
	pthread_mutex_unlock(&lock);
	return arg;
}

/* Wait for the end; a program may not hang. */
static void watch(void)
{
	unsigned long before = 0, now;
	struct timespec ts;
	unsigned int still = 0;

	pthread_mutex_lock(&lock);
	while (!over) {
		clock_gettime(CLOCK_REALTIME, &ts);
		ts.tv_sec++;
		pthread_cond_timedwait(&ended, &lock, &ts);
		now = __atomic_load_n(&fuzz_done, __ATOMIC_RELAXED);
		still = now == before ? still + 1 : 0;
		before = now;
		check(still < HANG_S, "program %lu hangs", runs - 1);
	}
	pthread_mutex_unlock(&lock);
}

static void report(void)
{
	__u64 took = now_ms() - began;
	char path[300];

	printf("# %lu programs in %llu s, %llu.%llu a second, %lu operations, %u kept, %u places\n",
	       runs, (unsigned long long)took / 1000, runs * 1000ull / (took + 1),
	       runs * 10000ull / (took + 1) % 10, fuzz_done, num_corpus, cover_places());
	snprintf(path, sizeof(path), "%s/places", log_dir);
	cover_write(path);
	write_corpus();
	if (!blind && !cover_places())
		fail("nothing of vnic's modules is reached");
}

int main(int argc, char **argv)
{
	pthread_t thread;
	__u64 seed = 1;
	int c;

	while ((c = getopt(argc, argv, "bc:r:n:t:s:l:")) != -1)
		switch (c) {
		case 'b':
			blind = true;
			break;
		case 'c':
			corpus_dir = optarg;
			break;
		case 'r':
			replay = optarg;
			break;
		case 'n':
			times = atoi(optarg);
			break;
		case 't':
			seconds = atoi(optarg);
			break;
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 'l':
			log_dir = optarg;
			break;
		default:
			fail("see the head of fuzz.c");
		}
	check(log_dir, "-l is lacking");
	check(blind || cover_possible(), "no kcov here, only -b works");
	fuzz_seed = seed * 0x9e3779b97f4a7c15ull | 1;
	open_log();
	fuzz_open(argv + optind, argc - optind);
	if (!blind)
		cover_remote();
	began = now_ms();
	check(!pthread_create(&thread, NULL, worker, NULL), "thread");
	watch();
	report();
	return 0;
}
