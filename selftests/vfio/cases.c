// SPDX-License-Identifier: GPL-2.0
/*
 * The cases of a program: which are wanted, each in a process of its own, and KTAP.
 */
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

#define TRIES	3	/* of what fails by the clock only, as in ktap.py */

static char *skipped;	/* why, as the case's process says it */
#define SKIPPED_SIZE	128

const char *take_cases(int *argc, char ***argv)
{
	const char *list;

	if (*argc < 3 || strcmp((*argv)[1], "-c"))
		return NULL;
	list = (*argv)[2];
	*argv += 2;
	*argc -= 2;
	return list;
}

bool wanted_case(const char *list, const char *name)
{
	size_t len = strlen(name);
	const char *at;

	if (!list)
		return true;
	for (at = list; (at = strstr(at, name)); at += len)
		if ((at == list || at[-1] == ',') && (!at[len] || at[len] == ','))
			return true;
	return false;
}

static int run_once(void (*run)(void), unsigned int seconds)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		alarm(seconds);
		run();
		fflush(stdout);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 1;
	if (WIFSIGNALED(status)) {
		printf("# ended by signal %d\n", WTERMSIG(status));
		return 1;
	}
	return WEXITSTATUS(status);
}

int run_case(const char *name, void (*run)(void), unsigned int seconds)
{
	int result, tries = 0;

	if (!skipped)
		skipped = mmap(NULL, SKIPPED_SIZE, PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(skipped != MAP_FAILED, "%m");
	for (;;) {
		result = run_once(run, seconds);
		if (result == CASE_LATE && ++tries < TRIES) {
			printf("# again: %s: a figure of the clock does not hold\n", name);
			fflush(stdout);
			sleep(2 * tries);	/* the host may be less busy then */
		} else if (result == CASE_STUCK && !tries++) {
			printf("# again: %s: stuck, see above\n", name);
		} else {
			return result;
		}
	}
}

bool case_line(int result, unsigned int n, const char *fmt, ...)
{
	const bool failed = result && result != CASE_SKIP;
	va_list args;

	printf("%sok %u ", failed ? "not " : "", n);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	if (result == CASE_SKIP)
		printf(" # SKIP %s", skipped);
	puts("");
	return failed;
}

void skip_case(const char *fmt, ...)
{
	va_list args;

	check(skipped, "skipped without a case: %s", fmt);
	va_start(args, fmt);
	vsnprintf(skipped, SKIPPED_SIZE, fmt, args);
	va_end(args);
	fflush(stdout);
	_exit(CASE_SKIP);
}
