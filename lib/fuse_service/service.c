/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The conversation with the helper, from the greeting to the goodbye, as far as
 * it is not about the mount.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include "fuse_service/service_i.h"

#define FIRST_FD	3	/* the service manager's first socket */
/*
 * Seconds to wait for the helper: for its greeting, which comes at once, and in all of the conversation.  Each
 * connection costs a process, and anybody who may use the socket can keep silent.
 */
#define GREETING_PATIENCE	10
#define PATIENCE		120
#define PATIENCE_VARIABLE	"FUSE_SERVICE_TIMEOUT"
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS	83
#endif

static unsigned int patience_seconds(void)
{
	const char *text = getenv(PATIENCE_VARIABLE);
	unsigned long seconds = text ? strtoul(text, NULL, 10) : 0;

	return seconds && seconds < PATIENCE ? seconds : PATIENCE;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* Until there is a packet, but at most @limit_ms.  What is waited is taken from what is left of our patience. */
static int wait_for_packet(struct fuse_service *sf, int limit_ms)
{
	struct pollfd poll_fd = { .fd = sf->sock, .events = POLLIN };
	int64_t start = now_ms();
	int n;

	if (limit_ms > sf->patience_ms)
		limit_ms = sf->patience_ms;
	do {
		int64_t left = start + limit_ms - now_ms();

		n = left > 0 ? poll(&poll_fd, 1, left) : 0;
	} while (n < 0 && errno == EINTR);
	sf->patience_ms -= now_ms() - start;
	return n > 0 ? 0 : n ? -errno : -ETIMEDOUT;
}

/* A malformed packet breaks the conversation as much as an unknown one. */
static int receive(struct fuse_service *sf, uint32_t magic, struct wire_msg *msg, int *fd)
{
	int limit_ms = magic == WIRE_HELLO ? GREETING_PATIENCE * 1000 : INT_MAX;
	ssize_t size;

	if (fd)
		*fd = -1;
	size = wait_for_packet(sf, limit_ms);
	if (size)
		return size;
	size = wire_receive(sf->sock, sf->packet, sizeof(sf->packet), fd);
	if (size < 0)
		return size;
	if (!size)
		return -ECONNRESET;
	if (!wire_unpack(sf->packet, size, msg) && msg->magic == magic)
		return 0;
	if (fd && *fd >= 0) {
		close(*fd);
		*fd = -1;
	}
	return -EBADMSG;
}

int service_command(struct fuse_service *sf, const struct wire_msg *command)
{
	struct wire_msg reply;
	int err;

	if (sf->sock < 0)
		return -ENOTCONN;
	err = wire_send(sf->sock, command, -1);
	if (!err)
		err = receive(sf, WIRE_REPLY, &reply, NULL);
	if (err)
		return err;
	return reply.value[0] > 4095 ? -EBADMSG : -(int)reply.value[0];
}

static int greet(struct fuse_service *sf)
{
	struct wire_msg hello, reply = { .magic = WIRE_HELLO_REPLY };
	int err = receive(sf, WIRE_HELLO, &hello, NULL);

	if (err)
		return err;
	if (hello.value[0] > hello.value[1] || hello.value[0] > WIRE_VERSION ||
	    hello.value[1] < WIRE_VERSION)
		return -EOPNOTSUPP;
	if (hello.value[2] & ~WIRE_HELLO_FLAGS)
		return -EINVAL;
	sf->hello_flags = hello.value[2];
	reply.value[0] = WIRE_VERSION;
	return wire_send(sf->sock, &reply, -1);
}

/* The two files that come without being asked for. */
static int take_pushed(struct fuse_service *sf, const char *name, int *fdp)
{
	int fd, err = fuse_service_receive_file(sf, name, &fd);

	if (err)
		return err;
	if (fd < 0)
		return fd;
	*fdp = fd;
	return 0;
}

static int check_socket(int fd)
{
	struct timeval patience = { .tv_sec = GREETING_PATIENCE };
	socklen_t len = sizeof(int);
	struct stat st;
	int value;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISSOCK(st.st_mode))
		return -ENOTSOCK;
	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &value, &len))
		return -errno;
	if (value != AF_UNIX)
		return -EPROTONOSUPPORT;
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &len))
		return -errno;
	if (value != SOCK_SEQPACKET)
		return -EPROTOTYPE;
	/* (There is room for what we send, unless the other end reads nothing.) */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC))
		return -errno;
	return wire_check_buffer(fd);
}

int fuse_service_accept(struct fuse_service **sfp)
{
	const char *count = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");
	struct fuse_service *sf;
	int err;

	*sfp = NULL;
	if (!count || !pid || atol(pid) != getpid())
		return 0;
	if (strcmp(count, "1"))
		return -E2BIG;
	err = check_socket(FIRST_FD);
	if (err)
		return err;
	sf = calloc(1, sizeof(*sf));
	if (!sf)
		return -ENOMEM;
	sf->sock = FIRST_FD;
	sf->patience_ms = patience_seconds() * 1000;
	sf->argv_fd = sf->fusedev = -1;
	mount_words_init(&sf->words);
	err = greet(sf);
	if (!err)
		err = take_pushed(sf, "argv", &sf->argv_fd);
	if (!err)
		err = take_pushed(sf, "fusedev", &sf->fusedev);
	if (err)
		fuse_service_destroy(&sf);
	*sfp = sf;
	return err;
}

bool fuse_service_can_allow_other(const struct fuse_service *sf)
{
	return sf->hello_flags & WIRE_HELLO_ALLOW_OTHER;
}

static int request(struct fuse_service *sf, uint32_t magic, const char *path, int open_flags,
		   mode_t mode, unsigned int request_flags, unsigned int block_size)
{
	const struct wire_msg msg = {
		.magic = magic,
		.value = { open_flags, mode, request_flags, block_size },
		.text = path,
	};

	if (request_flags & ~FUSE_SERVICE_REQUEST_FILE_QUIET)
		return -EINVAL;
	if (strlen(path) > WIRE_MAX_TEXT)
		return -ENAMETOOLONG;
	return sf->sock < 0 ? -ENOTCONN : wire_send(sf->sock, &msg, -1);
}

int fuse_service_request_file(struct fuse_service *sf, const char *path, int open_flags,
			      mode_t create_mode, unsigned int request_flags)
{
	return request(sf, WIRE_OPEN, path, open_flags, create_mode, request_flags, 0);
}

int fuse_service_request_blockdev(struct fuse_service *sf, const char *path, int open_flags,
				  mode_t create_mode, unsigned int request_flags,
				  unsigned int block_size)
{
	return request(sf, WIRE_OPEN_BDEV, path, open_flags, create_mode, request_flags,
		       block_size);
}

int fuse_service_receive_file(struct fuse_service *sf, const char *path, int *fdp)
{
	struct wire_msg file;
	int fd, err;

	*fdp = -ENOTCONN;
	if (sf->sock < 0)
		return -ENOTCONN;
	err = receive(sf, WIRE_FILE, &file, &fd);
	if (!err && (strcmp(file.text, path) || file.value[0] > 4095 || (file.value[0] && fd >= 0)))
		err = -EBADMSG;
	if (err) {
		if (fd >= 0)
			close(fd);
		*fdp = err;
		return err;
	}
	*fdp = file.value[0] ? -(int)file.value[0] : fd < 0 ? -ENOENT : fd;
	return 0;
}

int fuse_service_finish_file_requests(struct fuse_service *sf)
{
	int zero = 0;

	/* (Kernels before 6.16 cannot refuse descriptors; we do not look at them.) */
	if (setsockopt(sf->sock, SOL_SOCKET, SO_PASSRIGHTS, &zero, sizeof(zero)) &&
	    errno != ENOPROTOOPT)
		return -errno;
	return 0;
}

int fuse_service_send_goodbye(struct fuse_service *sf, int exitcode)
{
	const struct wire_msg bye = { .magic = WIRE_BYE, .value = { exitcode } };
	int err;

	if (!sf || sf->sock < 0)
		return 0;
	err = wire_send(sf->sock, &bye, -1);
	shutdown(sf->sock, SHUT_RDWR);
	close(sf->sock);
	sf->sock = -1;
	return err;
}

static void drop_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void fuse_service_release(struct fuse_service *sf)
{
	if (!sf)
		return;
	drop_fd(&sf->argv_fd);
	drop_fd(&sf->fusedev);
	drop_fd(&sf->sock);
}

void fuse_service_destroy(struct fuse_service **sfp)
{
	if (!*sfp)
		return;
	fuse_service_release(*sfp);
	mount_words_free(&(*sfp)->words);
	free(*sfp);
	*sfp = NULL;
}

int fuse_service_exit(int ret)
{
	fflush(NULL);
	sleep(2);
	return ret ? 1 : 0;
}
