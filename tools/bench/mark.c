// SPDX-License-Identifier: GPL-2.0
/*
 * mark: begins and ends the window in which plugin.c counts instructions. Runs in the
 * machine or in a guest.
 *
 *   mark begin|end|next|watch    a mark
 *   mark write FILE TEXT         writes a line to FILE (/proc/net/pktgen/pgctrl) between two marks
 *   mark run COMMAND [ARG]...    runs it between two marks; its status
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "mark.h"

static int cmd_write(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY);
	char line[256];
	ssize_t n;

	if (fd < 0) {
		perror(file);
		return 1;
	}
	snprintf(line, sizeof(line), "%s\n", text);
	mark_begin();
	n = write(fd, line, strlen(line));
	mark_end();
	if (n < 0)
		perror(file);
	return n < 0;
}

static int cmd_run(char **argv)
{
	int status;
	pid_t pid;

	mark_begin();
	pid = fork();
	if (!pid) {
		execvp(argv[0], argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		status = -1;
	mark_end();
	return WIFEXITED(status) ? WEXITSTATUS(status) : 126;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "begin"))
		mark_begin();
	else if (argc == 2 && !strcmp(argv[1], "end"))
		mark_end();
	else if (argc == 2 && !strcmp(argv[1], "next"))
		MARK(3);
	else if (argc == 2 && !strcmp(argv[1], "watch"))
		MARK(4);
	else if (argc == 4 && !strcmp(argv[1], "write"))
		return cmd_write(argv[2], argv[3]);
	else if (argc > 2 && !strcmp(argv[1], "run"))
		return cmd_run(argv + 2);
	else
		return 2;
	return 0;
}
