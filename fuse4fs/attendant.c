/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The second process and the messages between the two.
 */
#include <bsd/unistd.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "attendant.h"
#include "daemon.h"
#include "logging.h"
#include "mounting.h"
#include "support/fds.h"

#define TASK_END	(-1)
#define GONE_MSEC	200
#ifndef SYS_pidfd_open
#define SYS_pidfd_open	434
#endif

struct message {
	int32_t	task, arg;
	int32_t	answer;		/* whether the server waits for one */
	char	text[ATTENDANT_TEXT];
};
#define EMPTY_SIZE	offsetof(struct message, text)

/* The kernel's struct pidfd_info; Linux 6.15 tells there how a process ended. */
struct process_info {
	uint64_t	mask, cgroup;
	uint32_t	ids[11];
	int32_t		status;
};
#define INFO_EXIT	UINT64_C(8)

static int attendant_fd = -1;
static pid_t attendant_process;
static pthread_mutex_t ask_lock = PTHREAD_MUTEX_INITIALIZER;	/* of what follows */
static pthread_cond_t ask_cond = PTHREAD_COND_INITIALIZER;
static bool asking;		/* somebody waits for an answer */
static bool long_task;		/* one that our workers are needed for is on its way, or being done */

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

/* The signal that ended the process, or 0. */
static int end_of(int process)
{
	struct pollfd gone = { .fd = process };
	struct process_info info = { .mask = INFO_EXIT };

	_Static_assert(sizeof(info) == 64, "as ATTENDANT_REQUEST has it");
	if (process < 0)
		return 0;
	/* Until it has been waited for; whoever that is may take longer. */
	for (int i = 0; i < GONE_MSEC / 10 && !(gone.revents & POLLHUP); i++) {
		const struct timespec pause = { .tv_nsec = 10000000 };

		nanosleep(&pause, NULL);
		poll(&gone, 1, 0);
	}
	if (ioctl(process, ATTENDANT_REQUEST, &info) || !(info.mask & INFO_EXIT))
		return 0;
	return WIFSIGNALED(info.status) ? WTERMSIG(info.status) : 0;
}

static bool obey(int fd, struct message *message, size_t size, const struct attendant_ops *ops)
{
	int result = -1;
	int32_t answer;
	bool sent;

	if (size < EMPTY_SIZE)
		return false;
	((char *)message)[size < sizeof(*message) ? size : sizeof(*message) - 1] = '\0';
	if (size == EMPTY_SIZE)
		message->text[0] = '\0';
	if (message->task == TASK_END)
		_exit(0);
	answer = ops->perform(message->task, message->arg, message->text, &result);
	sent = !message->answer || send_answer(fd, answer, result);
	if (result >= 0)
		close(result);
	return sent;
}

static void __attribute__((noreturn))
attend(int fd, const struct options *opt, const struct attendant_ops *ops)
{
	int keep[] = { fd, log_file(), mounting_point() }, server;
	struct message message;
	ssize_t n;

	support_fds_close_others(keep, sizeof(keep) / sizeof(keep[0]));
	server = ops->watches ? syscall(SYS_pidfd_open, getppid(), 0) : -1;
	prctl(PR_SET_NAME, "fuse4fs-attend");
	setproctitle("-%s: attends to %s", opt->program, opt->mountpoint);
	daemon_forget();
	if (chdir("/"))
		_exit(1);
	ops->begin();
	do {
		n = recv(fd, &message, sizeof(message), 0);
	} while ((n < 0 && errno == EINTR) || (n > 0 && obey(fd, &message, n, ops)));
	ops->lost(end_of(server));
	_exit(1);
}

/* The server must never wait for it but where it asks for an answer. */
static bool keep_end(int fd)
{
	attendant_fd = fd;
	return !fcntl(fd, F_SETFL, O_NONBLOCK);
}

bool attendant_start(const struct options *opt, const struct attendant_ops *ops)
{
	int fds[2], err;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds))
		return false;
	attendant_process = fork();
	if (!attendant_process)
		attend(fds[1], opt, ops);
	err = errno;
	close(fds[1]);
	if (attendant_process < 0) {
		close(fds[0]);
		errno = err;
		return false;
	}
	return keep_end(fds[0]);
}

bool attendant_runs(void)
{
	return attendant_fd >= 0;
}

static bool wait_for(short events)
{
	struct pollfd poll_fd = { .fd = attendant_fd, .events = events };

	return poll(&poll_fd, 1, -1) > 0 || errno == EINTR;
}

/* One number, and the descriptor that may come with it. */
static int receive_answer(int *fd)
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
		n = recvmsg(attendant_fd, &msg, MSG_CMSG_CLOEXEC);
	} while (n < 0 && (errno == EINTR || (errno == EAGAIN && wait_for(POLLIN))));
	if (n != sizeof(answer))
		return -EIO;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (cmsg && cmsg->cmsg_type == SCM_RIGHTS && cmsg->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(fd, CMSG_DATA(cmsg), sizeof(*fd));
	return answer;
}

/* One question at a time; false: not now. */
static bool begin_asking(bool is_long)
{
	bool refused;

	pthread_mutex_lock(&ask_lock);
	if (is_long) {
		long_task = true;
		pthread_cond_broadcast(&ask_cond);
	}
	while (asking && (is_long || !long_task))
		pthread_cond_wait(&ask_cond, &ask_lock);
	refused = long_task && !is_long;
	if (!refused)
		asking = true;
	pthread_mutex_unlock(&ask_lock);
	return !refused;
}

static void end_asking(bool is_long)
{
	pthread_mutex_lock(&ask_lock);
	asking = false;
	if (is_long)
		long_task = false;
	pthread_cond_broadcast(&ask_cond);
	pthread_mutex_unlock(&ask_lock);
}

static int ask(int task, int arg, int *result, bool is_long)
{
	struct message message = { .task = task, .arg = arg, .answer = true };
	int fd = -1, answer = -EIO;
	ssize_t n;

	if (result)
		*result = -1;
	if (!begin_asking(is_long))
		return -EAGAIN;
	do {
		n = write(attendant_fd, &message, EMPTY_SIZE);
	} while (n < 0 && errno == EAGAIN && wait_for(POLLOUT));
	if (n == EMPTY_SIZE)
		answer = receive_answer(&fd);
	end_asking(is_long);
	if (result)
		*result = fd;
	else if (fd >= 0)
		close(fd);
	return answer;
}

int attendant_ask(int task, int arg, int *result)
{
	return ask(task, arg, result, false);
}

int attendant_ask_long(int task, int arg)
{
	return ask(task, arg, NULL, true);
}

bool attendant_tell(int task, int arg, const char *text)
{
	struct message message = { .task = task, .arg = arg, .answer = false };
	size_t size = EMPTY_SIZE;

	if (text)
		size += snprintf(message.text, sizeof(message.text), "%.*s", ATTENDANT_TEXT - 1, text);
	return write(attendant_fd, &message, size) == (ssize_t)size;
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
	/* If it has not arrived, then it cannot be told apart from our death. */
	while (!attendant_tell(TASK_END, 0, NULL) && errno == EAGAIN && wait_for(POLLOUT))
		;
	close(attendant_fd);
	attendant_fd = -1;
	while (waitpid(attendant_process, NULL, 0) < 0 && errno == EINTR)
		;
}
