/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The second process and the messages between the two.  A message from the server is a number and
 * an argument, and means nothing but that task: a server that was taken over gains nothing by it.
 */
#include <bsd/unistd.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "attendant.h"
#include "daemon.h"
#include "logging.h"
#include "support/fds.h"

#define TASK_END	(-1)

struct message {
	int32_t	task, arg;
	int32_t	answer;		/* whether the server waits for one */
};

static int attendant_fd = -1;
static pid_t attendant_process;
static pthread_mutex_t ask_lock = PTHREAD_MUTEX_INITIALIZER;	/* a question and its answer */

/* One number, and the descriptor that goes with it, if there is one. */
static bool send_answer(int sock, int32_t answer, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { &answer, sizeof(answer) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cmsg;

	if (fd >= 0) {
		msg.msg_control = control;
		msg.msg_controllen = sizeof(control);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	}
	return sendmsg(sock, &msg, MSG_NOSIGNAL) == sizeof(answer);
}

static int receive_answer(int sock, int *fd)
{
	char control[CMSG_SPACE(sizeof(int))];
	int32_t answer;
	struct iovec iov = { &answer, sizeof(answer) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;
	ssize_t n;

	*fd = -1;
	do {
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n != sizeof(answer))
		return -EIO;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (cmsg && cmsg->cmsg_type == SCM_RIGHTS && cmsg->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(fd, CMSG_DATA(cmsg), sizeof(*fd));
	return answer;
}

static void __attribute__((noreturn))
attend(int fd, const struct options *opt, int (*perform)(int task, int arg, int *result), int lost)
{
	struct message message;
	int32_t answer;
	ssize_t n;
	int result;

	int keep[] = { fd, log_file() };

	support_fds_close_others(keep, sizeof(keep) / sizeof(keep[0]));
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
		result = -1;
		answer = perform(message.task, message.arg, &result);
		if (message.answer && !send_answer(fd, answer, result))
			break;
		if (result >= 0)
			close(result);
	}
	perform(lost, 0, &result);
	_exit(1);
}

bool attendant_start(const struct options *opt, int (*perform)(int task, int arg, int *result), int lost)
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

int attendant_ask(int task, int arg, int *result)
{
	struct message message = { task, arg, true };
	int fd = -1, answer = -EIO;

	pthread_mutex_lock(&ask_lock);
	if (write(attendant_fd, &message, sizeof(message)) == sizeof(message))
		answer = receive_answer(attendant_fd, &fd);
	pthread_mutex_unlock(&ask_lock);
	if (result)
		*result = fd;
	else if (fd >= 0)
		close(fd);
	return answer;
}

void attendant_tell(int task, int arg)
{
	struct message message = { task, arg, false };

	/* Whether it is there or not, there is nobody else to tell. */
	if (write(attendant_fd, &message, sizeof(message)) < 0)
		return;
}

int attendant_socket(void)
{
	return attendant_fd;
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
