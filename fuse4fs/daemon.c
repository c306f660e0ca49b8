/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The process: background, place in the queue of the OOM killer.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "daemon.h"
#include "exitcode.h"
#include "logging.h"

#ifndef PR_SET_IO_FLUSHER
#define PR_SET_IO_FLUSHER	57
#endif
#define DEFAULT_OOM_SCORE	(-500)

static int ready_fd = -1;
static int null_fd = -1;

/* The parent's whole life: the child's word, or its exit status. */
static void __attribute__((noreturn)) wait_for_child(pid_t child, int fd)
{
	char word;
	int status;
	ssize_t n;

	do {
		n = read(fd, &word, 1);
	} while (n < 0 && errno == EINTR);
	if (n == 1)
		_exit(EXIT_OK);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status))
		_exit(WEXITSTATUS(status) ? WEXITSTATUS(status) : EXIT_SYSTEM);
	_exit(EXIT_SYSTEM);
}

bool daemon_start(void)
{
	int fds[2];
	pid_t child;

	if (pipe2(fds, O_CLOEXEC))
		return false;
	child = fork();
	if (child < 0) {
		close(fds[0]);
		close(fds[1]);
		return false;
	}
	if (child) {
		close(fds[1]);
		wait_for_child(child, fds[0]);
	}
	close(fds[0]);
	ready_fd = fds[1];
	setsid();
	signal(SIGHUP, SIG_DFL);
	return true;
}

void daemon_settle(void)
{
	if (chdir("/"))
		log_warn("cannot change to the root directory: %s", strerror(errno));
	if (ready_fd < 0)
		return;
	null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
}

void daemon_leave_terminal(void)
{
	if (null_fd < 0)
		return;
	dup2(null_fd, STDIN_FILENO);
	dup2(null_fd, STDOUT_FILENO);
	dup2(null_fd, STDERR_FILENO);
	if (null_fd > STDERR_FILENO)
		close(null_fd);
	null_fd = -1;
}

void daemon_forget(void)
{
	if (ready_fd >= 0)
		null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	ready_fd = -1;
}

void daemon_ready(void)
{
	if (ready_fd < 0)
		return;
	daemon_leave_terminal();
	if (write(ready_fd, "", 1) != 1)
		log_debug("nobody waited for the mount");
	close(ready_fd);
	ready_fd = -1;
}

/* Whether whoever started us, like a service's unit, has protected us better already. */
static bool has_oom_score(int score)
{
	FILE *file = fopen("/proc/self/oom_score_adj", "re");
	bool good = false;
	int now;

	if (!file)
		return false;
	if (fscanf(file, "%d", &now) == 1)
		good = now <= score;
	fclose(file);
	return good;
}

static bool set_oom_score(int score)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	bool good;

	if (fd < 0)
		return false;
	good = dprintf(fd, "%d", score) > 0;
	close(fd);
	return good;
}

void process_protect(const struct options *opt)
{
	int score = opt->has_oom_score ? (int)opt->oom_score_adj : DEFAULT_OOM_SCORE;

	/* Lowering it takes a privilege that an ordinary user lacks; only what was asked for is worth a word. */
	if (opt->has_oom_score && !set_oom_score(score))
		log_warn("cannot set oom_score_adj to %d: %s", score, strerror(errno));
	else if (!opt->has_oom_score && !has_oom_score(score))
		set_oom_score(score);
	if (prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0))
		log_debug("not marked as an I/O flusher: %s", strerror(errno));
}
