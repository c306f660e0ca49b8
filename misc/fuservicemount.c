/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuservicemount SOURCE MOUNTPOINT -t TYPE [-o OPTIONS]: mount through the
 * service that listens for TYPE.  It brings the service what only the user has (the device, the
 * mount point and the right to mount) and is needed no longer once the mount is made.
 * This file: the command line, the connection, and the greeting.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>
#include "config.h"
#include "fuse_service/wire.h"
#include "fsm.h"
#include "support/fds.h"

#define DEVICE		"/dev/fuse"
#define DEVICE_VARIABLE	"FUSE_KERN_DEVICE"
/*
 * Seconds for all of the conversation: replaying a journal and waiting for another host's claim take
 * minutes.  Whoever has less patience says so.
 */
#define PATIENCE	900
#define PATIENCE_VARIABLE	"FUSE_SERVICE_TIMEOUT"
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS	83
#endif

static int usage(FILE *out)
{
	fprintf(out, "usage: fuservicemount SOURCE MOUNTPOINT -t TYPE [-o OPTIONS]\n"
		     "       fuservicemount -t TYPE --check\n");
	return EXIT_REFUSED;
}

/* The type without `fuse.'; NULL when there is none, or one that would lead out of the folder. */
static const char *find_type(int argc, char **argv)
{
	const char *type = NULL;

	for (int i = 1; i < argc - 1; i++)
		if (!strcmp(argv[i], "-t"))
			type = argv[++i];
	if (!type)
		return NULL;
	if (!strncmp(type, "fuse.", 5))
		type += 5;
	else if (!strncmp(type, "fuseblk.", 8))
		type += 8;
	return *type && *type != '.' && !strchr(type, '/') ? type : NULL;
}

static bool socket_address(const char *type, struct sockaddr_un *address)
{
	int len;

	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	len = snprintf(address->sun_path, sizeof(address->sun_path), "%s/%s",
		       FUSE_SERVICE_SOCKET_DIR, type);
	return len < (int)sizeof(address->sun_path);
}

/* Is there a socket that the caller may use? */
static int check(const char *type)
{
	struct sockaddr_un address;
	struct stat st;

	if (!type) {
		fsm_tell("--check needs a file system type: -t TYPE");
		return EXIT_REFUSED;
	}
	if (!socket_address(type, &address) || stat(address.sun_path, &st) ||
	    !S_ISSOCK(st.st_mode) || access(address.sun_path, W_OK))
		return EXIT_REFUSED;
	return 0;
}

static unsigned int patience_seconds(void)
{
	const char *text = getenv(PATIENCE_VARIABLE);
	unsigned long seconds = text ? strtoul(text, NULL, 10) : 0;

	return seconds && seconds < PATIENCE ? seconds : PATIENCE;
}

/* The connection, or -1 with *@status set. */
static int connect_service(const struct caller *caller, const char *type, int *status)
{
	struct timeval patience = { .tv_sec = patience_seconds() };
	struct sockaddr_un address;
	int sock, err, zero = 0;

	*status = EXIT_REFUSED;
	if (!socket_address(type, &address)) {
		fsm_tell("%s: the name of the type is too long", type);
		return -1;
	}
	sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (sock < 0) {
		fsm_tell("cannot make a socket: %s", strerror(errno));
		return -1;
	}
	/* Nobody gives us descriptors.  (Older kernels cannot refuse; they are not taken.) */
	setsockopt(sock, SOL_SOCKET, SO_PASSRIGHTS, &zero, sizeof(zero));
	setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	caller_begin(caller);
	err = connect(sock, (struct sockaddr *)&address, sizeof(address)) ? errno : 0;
	caller_end(caller);
	if (!err && !wire_check_buffer(sock))
		return sock;
	close(sock);
	if (!err || err == ENOENT || err == ECONNREFUSED) {
		fsm_tell("no service mounts file systems of type %s here", type);
		*status = EXIT_FALLBACK;
	} else {
		fsm_tell("%s: %s", address.sun_path, strerror(err));
	}
	return -1;
}

static bool greet(const struct talk *talk)
{
	const struct caller *caller = &talk->caller;
	struct wire_msg msg = { .magic = WIRE_HELLO, .value = { WIRE_VERSION, WIRE_VERSION } };
	char packet[64];
	ssize_t size;
	int err;

	if (caller_may_allow_other(caller))
		msg.value[2] |= WIRE_HELLO_ALLOW_OTHER;
	if (!caller->uid)
		msg.value[2] |= WIRE_HELLO_FUSEBLK;
	err = wire_send(talk->sock, &msg, -1);
	size = err ? err : talk_receive(talk, packet, sizeof(packet));
	if (size <= 0) {
		fsm_tell("the service does not answer: %s", size ? strerror(-size) : "it hung up");
		return false;
	}
	err = wire_unpack(packet, size, &msg);
	if (!err && msg.magic == WIRE_HELLO_REPLY && msg.value[0] == WIRE_VERSION)
		return true;
	fsm_tell("the service speaks another protocol");
	return false;
}

static bool push_file(int sock, const char *name, int fd)
{
	const struct wire_msg msg = { .magic = WIRE_FILE, .text = name };
	int err = wire_send(sock, &msg, fd);

	if (err)
		fsm_tell("talking to the service: %s", strerror(-err));
	return !err;
}

/* The type, and all our words but those that named it. */
static int pack_arguments(int argc, char **argv, const char *type)
{
	char **words = calloc(argc + 1, sizeof(char *));
	int count = 0, fd;

	if (!words)
		return -ENOMEM;
	words[count++] = (char *)type;
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "-t") && i + 1 < argc)
			i++;
		else
			words[count++] = argv[i];
	}
	fd = wire_args_write(count, words);
	free(words);
	return fd;
}

static bool push_arguments(int sock, int argc, char **argv, const char *type)
{
	int fd = pack_arguments(argc, argv, type);
	bool good;

	if (fd < 0) {
		fsm_tell("cannot pass on the command line: %s", strerror(-fd));
		return false;
	}
	good = push_file(sock, "argv", fd);
	close(fd);
	return good;
}

/* Whoever has it under another name says so; it is opened with the caller's rights. */
static const char *device_name(void)
{
	const char *name = getenv(DEVICE_VARIABLE);

	if (!name || !*name)
		return DEVICE;
	if (!strncmp(name, "/dev/", 5) && !strstr(name, "/../"))
		return name;
	fsm_tell("%s: `%s' is not in /dev", DEVICE_VARIABLE, name);
	return NULL;
}

/* The kernel wants the same user to open this and to mount.  A descriptor, or -1. */
static int push_device(int sock, const struct caller *caller)
{
	const char *name = device_name();
	struct stat st;
	int fd;

	if (!name)
		return -1;
	fd = caller_open(caller, name, O_RDWR | O_NONBLOCK);
	if (fd < 0) {
		fsm_tell("%s: %s", name, strerror(-fd));
		return -1;
	}
	/* (What blocks when it is opened is not waited for.) */
	if (fstat(fd, &st) || !S_ISCHR(st.st_mode) || fcntl(fd, F_SETFL, O_RDWR))
		fsm_tell("%s is not a character device", name);
	else if (push_file(sock, "fusedev", fd))
		return fd;
	close(fd);
	return -1;
}

static void tell_kernel_message(const char *message)
{
	fsm_tell("the kernel says: %s", message);
}

static int converse(struct talk *talk, const char *type)
{
	int fusedev, status;

	if (!greet(talk) ||
	    !push_arguments(talk->sock, talk->argc, talk->argv, type))
		return EXIT_REFUSED;
	fusedev = push_device(talk->sock, &talk->caller);
	if (fusedev < 0)
		return EXIT_REFUSED;
	mount_init(&talk->mount, type, fusedev, talk->caller.uid, talk->caller.gid);
	talk->mount.tell = tell_kernel_message;
	status = talk_serve(talk);
	mount_free(&talk->mount);
	free(talk->mtab);
	close(fusedev);
	free(talk->holder);
	if (talk->messages >= 0)
		close(talk->messages);
	return status;
}

int main(int argc, char **argv)
{
	struct talk talk = { .argc = argc, .argv = argv, .messages = -1 };
	const char *type;
	int status;

	if (!support_fds_standard())
		return EXIT_REFUSED;
	if (argc < 3 || !strcmp(argv[1], "--help"))
		return usage(stdout);
	type = find_type(argc, argv);
	if (!strcmp(argv[1], "--check") || !strcmp(argv[argc - 1], "--check"))
		return argc == 4 || !type ? check(type) : usage(stderr);
	if (!type) {
		fsm_tell("which type of file system?  Say -t TYPE");
		return EXIT_REFUSED;
	}
	caller_init(&talk.caller);
	if (typed_init(&talk.typed, argc, argv)) {
		fsm_tell("out of memory");
		return EXIT_REFUSED;
	}
	talk_set_deadline(&talk, patience_seconds());
	talk.sock = connect_service(&talk.caller, type, &status);
	if (talk.sock >= 0) {
		status = converse(&talk, type);
		close(talk.sock);
	}
	typed_free(&talk.typed);
	return status;
}
