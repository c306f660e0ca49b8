/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Answering the server's commands.  The server is not trusted: it gets what the
 * caller could have done with the same words, and nothing else.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>
#include "fuse_service/wire.h"
#include "fsm.h"

#define MESSAGES_MAX	4096	/* bytes that a server may tell the user */

static int reply(const struct talk *talk, int err)
{
	const struct wire_msg msg = { .magic = WIRE_REPLY, .value = { -err } };

	return wire_send(talk->sock, &msg, -1);
}

/* ---- files ---- */

/*
 * A server that wants to tell the user something opens our standard error.  It gets a pipe instead,
 * which can neither be read from nor made to block, and which works where the terminal is not the caller's.
 */
static int open_messages(struct talk *talk)
{
	int fds[2];

	if (talk->messages >= 0)
		return -EBUSY;
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK))
		return -errno;
	talk->messages = fds[0];
	return fds[1];
}

static bool wants_messages(const struct wire_msg *msg)
{
	return msg->magic == WIRE_OPEN && (msg->value[0] & O_ACCMODE) == O_WRONLY &&
	       !strcmp(msg->text, "/dev/stderr");
}

/* Show what has come so far, line by line. */
static void show_messages(struct talk *talk)
{
	char text[MESSAGES_MAX + 1], *line, *rest = text;
	size_t len = 0;
	ssize_t n = 1;

	while (talk->messages >= 0 && n > 0 && talk->told + len < MESSAGES_MAX) {
		n = read(talk->messages, text + len, MESSAGES_MAX - talk->told - len);
		len += n > 0 ? n : 0;
	}
	text[len] = '\0';
	talk->told += len;
	while ((line = strsep(&rest, "\n")))
		if (*line)
			fsm_relay(line);
}

static int do_open(struct talk *talk, const struct wire_msg *msg, int malformed)
{
	struct wire_msg file = { .magic = WIRE_FILE, .text = malformed ? "?" : msg->text };
	int fd = malformed;

	if (!fd && msg->value[2] & ~WIRE_OPEN_QUIET)
		fd = -EINVAL;
	if (!fd)
		fd = wants_messages(msg) ? open_messages(talk) : open_for_server(talk, msg);
	if (fd < 0) {
		file.value[0] = -fd;
		if (!malformed && fd != -EBUSY && fd != -EALREADY && !(msg->value[2] & WIRE_OPEN_QUIET))
			fsm_tell("%s: %s", msg->text, strerror(-fd));
		return wire_send(talk->sock, &file, -1);
	}
	malformed = wire_send(talk->sock, &file, fd);
	close(fd);
	return malformed;
}

/* ---- the mount ---- */

static int do_fsopen(struct talk *talk, const struct wire_msg *msg)
{
	uint32_t flags = msg->value[0];

	if (talk->mount.begun || flags & ~WIRE_FSOPEN_FUSEBLK)
		return -EINVAL;
	if (flags && talk->caller.uid)
		return -EPERM;
	return mount_begin(&talk->mount, flags & WIRE_FSOPEN_FUSEBLK);
}

/* What the list of mounts shows is read by people and programs: the caller's word, not the server's. */
static int do_source(struct talk *talk, const struct wire_msg *msg)
{
	/* (A device that the kernel itself is to open needs its own name.) */
	const char *typed = talk->mount.blkdev ? talk->typed.source : typed_source_name(&talk->typed);

	return talk->mount.source ? -EINVAL : mount_set_source(&talk->mount, typed ? typed : msg->text);
}

static bool has_word(const char *options, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = options; p; p = strchr(p, ',')) {
		p += *p == ',';
		if (!strncmp(p, word, len) && strchr(",=", p[len]))
			return true;
	}
	return false;
}

static int do_options(struct talk *talk, const struct wire_msg *msg)
{
	char *harmless = NULL;
	int err;

	if (talk->mount.options)
		return -EINVAL;
	if (!caller_may_allow_other(&talk->caller) &&
	    (has_word(msg->text, "allow_other") || has_word(msg->text, "allow_root"))) {
		fsm_tell("allow_other is not allowed for ordinary users (user_allow_other in /etc/fuse.conf)");
		return -EPERM;
	}
	err = typed_check_options(&talk->typed, msg->text, &harmless);
	if (!err)
		err = mount_set_options(&talk->mount, harmless);
	free(harmless);
	return err;
}

/*
 * mount(8) keeps a list of such words, and writes it itself; the server's word is not good enough
 * for it, because `user=' decides who may unmount.
 */
static int do_mtab(struct talk *talk, const struct wire_msg *msg)
{
	if (talk->mtab)
		return -EINVAL;
	talk->mtab = strdup(msg->text);
	return talk->mtab ? 0 : -ENOMEM;
}

static int open_mountpoint(const struct talk *talk, const char *path)
{
	int fd;

	if (!talk->caller.uid)
		return caller_open(&talk->caller, path, O_RDONLY | O_NONBLOCK);
	/* Only a regular file that the caller may write can be opened so. */
	fd = caller_open(&talk->caller, path, O_WRONLY | O_NONBLOCK);
	if (fd == -EISDIR)
		fd = caller_open(&talk->caller, path, O_RDONLY | O_DIRECTORY);
	if (fd == -EACCES || fd == -EPERM)
		fd = caller_open(&talk->caller, path, O_PATH);
	return fd;
}

static bool is_own_word(const struct talk *talk, const char *word)
{
	for (int i = 1; i < talk->argc; i++)
		if (!strcmp(talk->argv[i], word))
			return true;
	return false;
}

static int check_format(mode_t mode, mode_t expected)
{
	if (!S_ISDIR(mode) && !S_ISREG(mode))
		return -EACCES;
	if (expected == S_IFDIR && !S_ISDIR(mode))
		return -ENOTDIR;
	return expected == S_IFREG && !S_ISREG(mode) ? -EISDIR : 0;
}

static int take_mountpoint(struct talk *talk, const struct wire_msg *msg)
{
	mode_t expected = msg->value[0];
	struct mount *m = &talk->mount;
	int fd, err;

	fd = open_mountpoint(talk, msg->text);
	if (fd < 0)
		return fd;
	err = fstat(fd, &m->point_st) ? -errno : check_format(m->point_st.st_mode, expected);
	if (err)
		close(fd);
	else
		m->point = fd;
	return err;
}

static int do_mountpoint(struct talk *talk, const struct wire_msg *msg)
{
	mode_t expected = msg->value[0];
	int err;

	if (talk->mount.point >= 0 || (expected && expected != S_IFDIR && expected != S_IFREG) ||
	    !is_own_word(talk, msg->text))
		return -EINVAL;
	err = take_mountpoint(talk, msg);
	if (err)
		fsm_tell("cannot mount on %s: %s", msg->text, strerror(-err));
	return err;
}

/* Words that the user typed, and that an ordinary user does not get. */
static void tell_unsafe(const struct talk *talk, const char *word)
{
	if (typed_has(&talk->typed, word))
		fsm_tell("option `%s' is not for ordinary users, and ignored", word);
}

static int check_caller(struct talk *talk, unsigned long *flags)
{
	struct mount *m = &talk->mount;
	int err = caller_check_mount_max(&talk->caller);

	if (err || !talk->caller.uid)
		return err;
	if (!(talk->typed.flags & MS_NOSUID))
		tell_unsafe(talk, "suid");
	if (!(talk->typed.flags & MS_NODEV))
		tell_unsafe(talk, "dev");
	*flags |= MS_NOSUID | MS_NODEV;
	return caller_check_mountpoint(&talk->caller, m->point, &m->point_st);
}

static int do_mount(struct talk *talk, const struct wire_msg *msg)
{
	unsigned long flags = msg->value[0] | talk->typed.flags;
	struct mount *m = &talk->mount;
	int err;

	if (talk->mounted)
		return -EBUSY;
	if (!m->source || m->point < 0)
		return -EINVAL;
	if (!mount_flags_harmless(flags)) {
		fsm_tell("the server asked for mount flags %#lx, which are not for it to choose", flags);
		return -EINVAL;
	}
	err = fstat(m->point, &m->point_st) ? -errno : check_caller(talk, &flags);
	if (err)
		return err;
	err = mount_make(m, flags);
	if (err)
		fsm_tell("mounting failed: %s", strerror(-err));
	else
		talk->mounted = true;
	return err;
}

/* ---- the conversation ---- */

static int goodbye(struct talk *talk, uint32_t code)
{
	show_messages(talk);
	if (!code)
		return 0;
	if (talk->holder)
		fsm_tell("%s; unmount it there first", talk->holder);
	else if (!talk->told)
		fsm_tell("the file system's server refused; its messages are in the system log");
	/* 2 would have the classic server try what this one has just refused. */
	return (code & 0xff) == EXIT_FALLBACK || !(code & 0xff) ? EXIT_REFUSED : code & 0xff;
}

static int do_command(struct talk *talk, const struct wire_msg *msg, int malformed)
{
	static const struct {
		uint32_t	magic;
		int		(*func)(struct talk *talk, const struct wire_msg *msg);
	} commands[] = {
		{ WIRE_FSOPEN, do_fsopen },	{ WIRE_SOURCE, do_source },
		{ WIRE_MNTOPTS, do_options },	{ WIRE_MTABOPTS, do_mtab },
		{ WIRE_MNTPT, do_mountpoint },	{ WIRE_MOUNT, do_mount },
	};

	if (msg->magic == WIRE_OPEN || msg->magic == WIRE_OPEN_BDEV)
		return do_open(talk, msg, malformed);
	talk->sealed = true;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (commands[i].magic == msg->magic)
			return reply(talk, malformed ? malformed : commands[i].func(talk, msg));
	return -EBADMSG;
}

void talk_set_deadline(struct talk *talk, unsigned int seconds)
{
	clock_gettime(CLOCK_MONOTONIC, &talk->deadline);
	talk->deadline.tv_sec += seconds;
}

ssize_t talk_receive(const struct talk *talk, void *packet, size_t size)
{
	struct pollfd poll_fd = { .fd = talk->sock, .events = POLLIN };
	struct timespec now;
	int64_t left;
	int n;

	do {
		clock_gettime(CLOCK_MONOTONIC, &now);
		left = (talk->deadline.tv_sec - now.tv_sec) * INT64_C(1000) +
		       (talk->deadline.tv_nsec - now.tv_nsec) / 1000000;
		n = left > 0 ? poll(&poll_fd, 1, left) : 0;
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n ? -errno : -ETIMEDOUT;
	return wire_receive(talk->sock, packet, size, NULL);
}

int talk_serve(struct talk *talk)
{
	static char packet[WIRE_MAX_PACKET];
	struct wire_msg msg;
	ssize_t size;
	int err;

	for (;;) {
		size = talk_receive(talk, packet, sizeof(packet));
		if (!size || size == -ECONNRESET) {
			show_messages(talk);
			fsm_tell("the file system's server ended without saying why; its messages are in the system log");
			return EXIT_REFUSED;
		}
		err = size < 0 ? (int)size : wire_unpack(packet, size, &msg);
		if (!err && msg.magic == WIRE_BYE)
			return goodbye(talk, msg.value[0]);
		if (!err || err == -EINVAL)
			err = do_command(talk, &msg, err);
		if (err) {
			show_messages(talk);
			fsm_tell("talking to the file system's server: %s", strerror(-err));
			return EXIT_REFUSED;
		}
	}
}
