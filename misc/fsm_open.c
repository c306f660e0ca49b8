/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The files that a server gets: the device and the journal that the caller typed, a device
 * that holds an external journal, and what tells of memory pressure.  A server may be in somebody
 * else's hands by the time it asks, so nothing else is opened, and nothing is created,
 * emptied or entered.
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
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "fuse_service/wire.h"
#include "../fuse4fs/identity.h"
#include "fsm.h"

/* The C library has a zero of that name where files are large anyway; servers may send the kernel's. */
#define LARGEFILE	0100000
/* What a server may wish for beyond reading and writing: it changes how, not what. */
#define HOW_FLAGS	(O_EXCL | O_DIRECT | O_SYNC | O_DSYNC | O_NOATIME | O_NONBLOCK | O_NOCTTY | \
			 O_NOFOLLOW | O_CLOEXEC | LARGEFILE)

#define SYSTEM_PRESSURE	"/proc/pressure/memory"
#define CGROUPS		"/sys/fs/cgroup/"
#define CGROUP_PRESSURE	"/memory.pressure"

enum file_kind {
	FILE_REFUSED,
	FILE_TYPED,	/* a name that the caller typed: a block device or an image */
	FILE_JOURNAL,	/* found by the server: a block device with an external journal */
	FILE_PRESSURE,
};

/* ---- which file it is ---- */

/* A device by its UUID, by its numbers, or by a name right below /dev. */
static bool may_be_journal(const char *path)
{
	static const char by_uuid[] = "/dev/disk/by-uuid/", by_number[] = "/dev/block/";

	if (!strncmp(path, by_uuid, strlen(by_uuid))) {
		path += strlen(by_uuid);
		return strlen(path) == 36 && strspn(path, "0123456789abcdefABCDEF-") == 36;
	}
	if (!strncmp(path, by_number, strlen(by_number))) {
		path += strlen(by_number);
		return *path && !path[strspn(path, "0123456789:")];
	}
	return !strncmp(path, "/dev/", 5) && path[5] && path[5] != '.' && !strchr(path + 5, '/');
}

static bool is_pressure(const char *path)
{
	size_t len = strlen(path), end = strlen(CGROUP_PRESSURE);

	if (!strcmp(path, SYSTEM_PRESSURE))
		return true;
	return !strncmp(path, CGROUPS, strlen(CGROUPS)) && len > end &&
	       !strcmp(path + len - end, CGROUP_PRESSURE) && !strstr(path, "/../");
}

static enum file_kind kind_of(const struct talk *talk, const char *path)
{
	if (talk->typed.source && !strcmp(path, talk->typed.source))
		return FILE_TYPED;
	if (typed_has_value(&talk->typed, "journal_path", path))
		return FILE_TYPED;
	if (is_pressure(path))
		return FILE_PRESSURE;
	return may_be_journal(path) ? FILE_JOURNAL : FILE_REFUSED;
}

static int forbid(const char *path)
{
	fsm_tell("the server wanted to open %s, which is not what you asked to mount; refused", path);
	return -EPERM;
}

static int check_flags(const struct talk *talk, enum file_kind kind, const char *path, int flags)
{
	int mode = flags & O_ACCMODE;

	if (flags & ~(O_ACCMODE | HOW_FLAGS) || (mode != O_RDONLY && mode != O_RDWR))
		return forbid(path);
	/* A trigger is set by writing, and changes nothing. */
	if (kind != FILE_PRESSURE && mode != O_RDONLY && talk->typed.flags & MS_RDONLY)
		return -EROFS;
	return 0;
}

/* ---- opening it ---- */

/*
 * Open what was looked at, and nothing that has taken its place meanwhile; what only opening
 * it would set off (a tape that rewinds, a pipe that waits) is not opened at all.
 */
static int open_device(const struct talk *talk, const char *path, int flags, bool only_block)
{
	char again[32];
	struct stat st;
	int where, fd;

	caller_begin(&talk->caller);
	where = open(path, O_PATH | O_CLOEXEC | (flags & O_NOFOLLOW));
	fd = where < 0 || fstat(where, &st) ? -errno : 0;
	if (!fd && S_ISDIR(st.st_mode))
		fd = -EISDIR;
	else if (!fd && !S_ISBLK(st.st_mode) && (only_block || !S_ISREG(st.st_mode)))
		fd = -ENOTBLK;
	if (!fd) {
		snprintf(again, sizeof(again), "/proc/self/fd/%d", where);
		fd = open(again, (flags & ~O_NOFOLLOW) | O_NOCTTY | O_CLOEXEC);
		fd = fd < 0 ? -errno : fd;
	}
	if (where >= 0)
		close(where);
	caller_end(&talk->caller);
	return fd;
}

static int open_pressure(const struct talk *talk, const char *path, int flags)
{
	struct open_how how = { .flags = flags | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY,
				.resolve = RESOLVE_NO_SYMLINKS };
	struct statfs fs;
	int fd;

	caller_begin(&talk->caller);
	fd = syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
	if (fd < 0 && errno == ENOSYS)
		fd = open(path, how.flags);
	fd = fd < 0 ? -errno : fd;
	caller_end(&talk->caller);
	if (fd < 0 || (!fstatfs(fd, &fs) &&
		       (fs.f_type == PROC_SUPER_MAGIC || fs.f_type == CGROUP2_SUPER_MAGIC)))
		return fd;
	close(fd);
	return forbid(path);
}

/*
 * Does the device hold nothing but an external journal: the superblock of ext4 with the feature
 * that says so?
 */
static bool is_journal(int fd)
{
	static _Alignas(4096) unsigned char block[4096];
	const unsigned char *sb = block + 1024;

	if (pread(fd, block, sizeof(block), 0) != (ssize_t)sizeof(block))
		return false;
	return sb[0x38] == 0x53 && sb[0x39] == 0xef && sb[0x60] & 8;
}

static int open_kind(const struct talk *talk, enum file_kind kind, const char *path, int flags)
{
	int fd;

	if (kind == FILE_PRESSURE)
		return open_pressure(talk, path, flags);
	fd = open_device(talk, path, flags, kind == FILE_JOURNAL);
	if (fd < 0 || kind == FILE_TYPED || is_journal(fd))
		return fd;
	close(fd);
	return forbid(path);
}

/* ---- for us alone ---- */

/*
 * Why the server, which sees no other process, may not get this file for itself alone: told at the
 * end, if the mount comes to nothing.  What it is told is whether to try again.
 */
static int busy(struct talk *talk, const char *path, const struct holder *holder)
{
	free(talk->holder);
	talk->holder = NULL;
	if (*holder->text && asprintf(&talk->holder, "%s is in use by %s", path, holder->text) < 0)
		talk->holder = NULL;
	return holder->stays ? -EALREADY : -EBUSY;
}

/*
 * O_EXCL means something for block devices only, and nothing for what they stand for.  Of a file we see who
 * has locked it, and leave it to the server to lock it.
 */
static int check_alone(struct talk *talk, const char *path, int fd, int flags)
{
	bool writing = (flags & O_ACCMODE) != O_RDONLY, found;
	struct holder holder;
	struct stat st;

	if (!(flags & O_EXCL) || fstat(fd, &st))
		return 0;
	caller_begin(&talk->caller);
	found = identity_in_use(&st, !writing, &holder);
	caller_end(&talk->caller);
	if (found)
		return busy(talk, path, &holder);
	if (!S_ISREG(st.st_mode))
		return 0;
	if (!flock(fd, (writing ? LOCK_EX : LOCK_SH) | LOCK_NB)) {
		flock(fd, LOCK_UN);
		return 0;
	}
	if (errno != EWOULDBLOCK)
		return 0;
	caller_begin(&talk->caller);
	holder_find(&st, &holder);
	caller_end(&talk->caller);
	return busy(talk, path, &holder);
}

/* A block device that could not be opened exclusively. */
static int explain_busy(struct talk *talk, const char *path)
{
	struct holder holder = { .stays = false };
	struct stat st;

	caller_begin(&talk->caller);
	if (!stat(path, &st))
		holder_find(&st, &holder);
	caller_end(&talk->caller);
	return busy(talk, path, &holder);
}

/* What is asked for block devices only, and changes them for everybody: root's to give. */
static int set_block_size(const struct talk *talk, int fd, unsigned int block_size)
{
	int size = block_size;
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISBLK(st.st_mode))
		return -ENOTBLK;
	if (!size)
		return 0;
	if (talk->caller.uid)
		return -EPERM;
	return ioctl(fd, BLKBSZSET, &size) ? -errno : 0;
}

int open_for_server(struct talk *talk, const struct wire_msg *msg)
{
	enum file_kind kind = kind_of(talk, msg->text);
	int flags = msg->value[0], fd, err = 0;

	if (talk->sealed || kind == FILE_REFUSED)
		err = forbid(msg->text);
	if (!err)
		err = check_flags(talk, kind, msg->text, flags);
	fd = err ? err : open_kind(talk, kind, msg->text, flags);
	if (fd < 0)
		return fd == -EBUSY ? explain_busy(talk, msg->text) : fd;
	if (msg->magic == WIRE_OPEN_BDEV)
		err = set_block_size(talk, fd, msg->value[3]);
	if (!err)
		err = check_alone(talk, msg->text, fd, flags);
	if (!err)
		return fd;
	close(fd);
	return err;
}
