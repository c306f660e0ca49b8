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
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>
#include "fuse_service/wire.h"
#include "../fuse4fs/holder.h"
#include "fsm.h"

#define MESSAGES_MAX	4096	/* bytes that a server may tell the user */

static int reply(const struct talk *talk, int err)
{
	const struct wire_msg msg = { .magic = WIRE_REPLY, .value = { -err } };

	return wire_send(talk->sock, &msg, -1);
}

/* ---- files ---- */

/*
 * Why the server, which sees no other process, may not get this file for itself alone.
 * Told at the end, if the mount comes to nothing.
 */
static void note_holder(struct talk *talk, const char *path, const struct stat *st)
{
	char text[200];
	bool ending;

	free(talk->holder);
	talk->holder = NULL;
	caller_begin(&talk->caller);
	if (holder_find(st, text, sizeof(text), &ending) &&
	    asprintf(&talk->holder, "%s is in use by %s", path, text) < 0)
		talk->holder = NULL;
	caller_end(&talk->caller);
}

/* O_EXCL means something for block devices only; for a file we look who has locked it. */
static int check_alone(struct talk *talk, const char *path, int fd, int flags)
{
	bool writing = (flags & O_ACCMODE) != O_RDONLY;
	char loop[32], text[300];
	struct stat st;

	if (!(flags & O_EXCL) || fstat(fd, &st) || !S_ISREG(st.st_mode))
		return 0;
	if (holder_loop(&st, !writing, loop, sizeof(loop))) {
		free(talk->holder);
		snprintf(text, sizeof(text), "%.200s is in use by the kernel as %s", path, loop);
		talk->holder = strdup(text);
		return -EBUSY;
	}
	if (!flock(fd, (writing ? LOCK_EX : LOCK_SH) | LOCK_NB))
		flock(fd, LOCK_UN);
	else if (errno == EWOULDBLOCK)
		note_holder(talk, path, &st);
	return 0;
}

static int open_for_server(struct talk *talk, const struct wire_msg *msg)
{
	unsigned int block_size = msg->value[3];
	struct stat st;
	int fd, err = 0, size = block_size;

	fd = caller_open(&talk->caller, msg->text, msg->value[0], msg->value[1] & 07777);
	if (fd == -EBUSY && !stat(msg->text, &st))
		note_holder(talk, msg->text, &st);
	if (fd < 0)
		return fd;
	if (msg->magic == WIRE_OPEN_BDEV) {
		if (fstat(fd, &st))
			err = -errno;
		else if (!S_ISBLK(st.st_mode))
			err = -ENOTBLK;
		else if (block_size && ioctl(fd, BLKBSZSET, &size))
			err = -errno;
	}
	if (!err)
		err = check_alone(talk, msg->text, fd, msg->value[0]);
	if (!err)
		return fd;
	close(fd);
	return err;
}

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
		if (!malformed && fd != -EBUSY && !(msg->value[2] & WIRE_OPEN_QUIET))
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

static int do_source(struct talk *talk, const struct wire_msg *msg)
{
	return talk->mount.source ? -EINVAL : mount_set_source(&talk->mount, msg->text);
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
	if (talk->mount.options)
		return -EINVAL;
	if (!caller_may_allow_other(&talk->caller) &&
	    (has_word(msg->text, "allow_other") || has_word(msg->text, "allow_root"))) {
		fsm_tell("allow_other is not allowed for ordinary users (user_allow_other in /etc/fuse.conf)");
		return -EPERM;
	}
	return mount_set_options(&talk->mount, msg->text);
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
		return caller_open(&talk->caller, path, O_RDONLY, 0);
	/* Only a regular file that the caller may write can be opened so. */
	fd = caller_open(&talk->caller, path, O_WRONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (fd == -EISDIR)
		fd = caller_open(&talk->caller, path, O_RDONLY | O_DIRECTORY, 0);
	if (fd == -EACCES || fd == -EPERM)
		fd = caller_open(&talk->caller, path, O_PATH, 0);
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
	if (!err && S_ISDIR(m->point_st.st_mode) && fchdir(fd))
		err = -errno;
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
	for (int i = 1; i < talk->argc; i++)
		if (!strcmp(talk->argv[i - 1], "-o") && has_word(talk->argv[i], word))
			fsm_tell("option `%s' is not for ordinary users, and ignored", word);
}

static int check_caller(struct talk *talk, unsigned long *flags)
{
	struct mount *m = &talk->mount;
	int err = caller_check_mount_max(&talk->caller);

	if (err || !talk->caller.uid)
		return err;
	if (!(*flags & MS_NOSUID))
		tell_unsafe(talk, "suid");
	if (!(*flags & MS_NODEV))
		tell_unsafe(talk, "dev");
	*flags |= MS_NOSUID | MS_NODEV;
	return caller_check_mountpoint(&talk->caller, m->point, &m->point_st);
}

static int do_mount(struct talk *talk, const struct wire_msg *msg)
{
	unsigned long flags = msg->value[0];
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
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (commands[i].magic == msg->magic)
			return reply(talk, malformed ? malformed : commands[i].func(talk, msg));
	return -EBADMSG;
}

int talk_serve(struct talk *talk)
{
	static char packet[WIRE_MAX_PACKET];
	struct wire_msg msg;
	ssize_t size;
	int err;

	for (;;) {
		size = wire_receive(talk->sock, packet, sizeof(packet), NULL);
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
			fsm_tell("talking to the file system's server: %s", strerror(-err));
			return EXIT_REFUSED;
		}
	}
}
