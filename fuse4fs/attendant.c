/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The second process and the messages between the two.  A message from the server is a number and
 * an argument, and means nothing but that task: a server that was taken over gains nothing by it.
 */
#include <bsd/unistd.h>
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "attendant.h"
#include "daemon.h"

#define TASK_END	(-1)

struct message {
	int32_t	task, arg;
	int32_t	answer;		/* whether the server waits for one */
};

static int attendant_fd = -1;
static pid_t attendant_process;

static void __attribute__((noreturn))
attend(int fd, const struct options *opt, int (*perform)(int task, int arg), int lost)
{
	struct message message;
	int32_t answer;
	ssize_t n;

	prctl(PR_SET_NAME, "fuse4fs-attend");
	setproctitle("-%s: attends to %s", opt->program, opt->mountpoint);
	daemon_forget();
	if (chdir("/"))
		_exit(1);
	for (;;) {
		n = recv(fd, &message, sizeof(message), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n != sizeof(message))
			break;
		if (message.task == TASK_END)
			_exit(0);
		answer = perform(message.task, message.arg);
		if (message.answer && send(fd, &answer, sizeof(answer), MSG_NOSIGNAL) < 0)
			break;
	}
	perform(lost, 0);
	_exit(1);
}

bool attendant_start(const struct options *opt, int (*perform)(int task, int arg), int lost)
{
	int fds[2], err;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds))
		return false;
	attendant_process = fork();
	if (!attendant_process) {
		close(fds[0]);
		attend(fds[1], opt, perform, lost);
	}
	err = errno;
	close(fds[1]);
	if (attendant_process < 0) {
		close(fds[0]);
		errno = err;
		return false;
	}
	attendant_fd = fds[0];
	return true;
}

bool attendant_runs(void)
{
	return attendant_fd >= 0;
}

int attendant_ask(int task, int arg)
{
	struct message message = { task, arg, true };
	int32_t answer;
	ssize_t n;

	if (write(attendant_fd, &message, sizeof(message)) != sizeof(message))
		return -1;
	do {
		n = read(attendant_fd, &answer, sizeof(answer));
	} while (n < 0 && errno == EINTR);
	return n == sizeof(answer) ? answer : -1;
}

void attendant_tell(int task, int arg)
{
	struct message message = { task, arg, false };

	/* Whether it is there or not, there is nobody else to tell. */
	if (write(attendant_fd, &message, sizeof(message)) < 0)
		return;
}

int attendant_pid(void)
{
	return attendant_process;
}

void attendant_stop(void)
{
	if (!attendant_runs())
		return;
	attendant_tell(TASK_END, 0);
	close(attendant_fd);
	attendant_fd = -1;
	while (waitpid(attendant_process, NULL, 0) < 0 && errno == EINTR)
		;
}
