/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a device stands for, and who else has a part of that.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <limits.h>
#include <linux/loop.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "identity.h"
#include "support/proctext.h"

#define MAX_DEPTH	8	/* of devices that are built on devices */
#define SECTOR		512	/* bytes, in /sys */

/* A part of a file, or of a block device, that a loop device shows. */
struct extent {
	struct stat	file;
	uint64_t	start, end;	/* bytes; end is UINT64_MAX where it is not bounded */
	bool		read_only;
	char		path[PATH_MAX];	/* of the file, as the kernel tells it */
};

struct question {
	bool		read_only;
	struct holder	*holder;	/* the answer */
};

/* ---- what /sys says ---- */

static bool read_text(const char *dir, const char *name, char *text, size_t size)
{
	char path[PATH_MAX];

	return snprintf(path, sizeof(path), "%s/%s", dir, name) < (int)sizeof(path) &&
	       support_read_text(path, text, size);
}

static uint64_t read_number(const char *dir, const char *name)
{
	char text[32];

	return read_text(dir, name, text, sizeof(text)) ? strtoull(text, NULL, 10) : 0;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	if (S_ISBLK(a->st_mode) || S_ISBLK(b->st_mode))
		return S_ISBLK(a->st_mode) && S_ISBLK(b->st_mode) && a->st_rdev == b->st_rdev;
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/*
 * The file behind a loop device.  The kernel's path may be one of another mount namespace, or have gone;
 * the device itself knows device and inode, for whoever may open it.
 */
static bool find_file(const char *name, struct extent *extent)
{
	struct loop_info64 info;
	char node[300];
	bool found;
	int fd;

	snprintf(node, sizeof(node), "/dev/%s", name);
	fd = open(node, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	found = fd >= 0 && !ioctl(fd, LOOP_GET_STATUS64, &info);
	if (fd >= 0)
		close(fd);
	if (!found)
		return !stat(extent->path, &extent->file);
	if (!stat(extent->path, &extent->file) && (S_ISBLK(extent->file.st_mode) ||
	    (extent->file.st_dev == info.lo_device && extent->file.st_ino == info.lo_inode)))
		return true;
	extent->file = (struct stat) { .st_mode = S_IFREG, .st_dev = info.lo_device, .st_ino = info.lo_inode };
	return true;
}

/* The whole loop device whose folder in /sys is @dir: false when it is none, or has no file. */
static bool read_loop(const char *dir, const char *name, struct extent *extent)
{
	char loop[PATH_MAX];
	uint64_t size;

	if (snprintf(loop, sizeof(loop), "%s/loop", dir) >= (int)sizeof(loop) ||
	    !read_text(loop, "backing_file", extent->path, sizeof(extent->path)) || !find_file(name, extent))
		return false;
	extent->start = read_number(loop, "offset");
	size = read_number(dir, "size") * SECTOR;
	extent->end = size ? extent->start + size : UINT64_MAX;
	extent->read_only = read_number(dir, "ro");
	return true;
}

/* Of a partition, given that of its disk. */
static void narrow(const char *dir, struct extent *extent)
{
	extent->start += read_number(dir, "start") * SECTOR;
	extent->end = extent->start + read_number(dir, "size") * SECTOR;
	extent->read_only = extent->read_only || read_number(dir, "ro");
}

/* @dir: of any block device.  True when it is a loop device or a partition of one. */
static bool read_extent(const char *dir, struct extent *extent)
{
	char parent[PATH_MAX], *real = realpath(dir, NULL), *slash;
	bool found;

	if (!real)
		return false;
	found = read_loop(real, basename(real), extent);
	slash = strrchr(real, '/');
	if (!found && slash && read_number(real, "partition")) {
		snprintf(parent, sizeof(parent), "%.*s", (int)(slash - real), real);
		found = read_loop(parent, basename(parent), extent);
		if (found)
			narrow(real, extent);
	}
	free(real);
	return found;
}

static bool overlap(const struct extent *a, const struct extent *b)
{
	return same_file(&a->file, &b->file) && a->start < b->end && b->start < a->end;
}

/* ---- who uses it ---- */

/* Whether somebody has the device to themselves: mounted, a part of another one, or served. */
static bool is_claimed(const char *name)
{
	char node[300];
	int fd;

	snprintf(node, sizeof(node), "/dev/%s", name);
	fd = open(node, O_RDONLY | O_CLOEXEC | O_EXCL | O_NONBLOCK);
	if (fd < 0)
		return errno != ENXIO && errno != ENOMEDIUM;	/* what cannot be told counts as used */
	close(fd);
	return false;
}

static bool say(const struct question *q, const struct stat *st, const char *how, const char *name)
{
	char who[400];

	if (!holder_find(st, q->holder))
		snprintf(q->holder->text, sizeof(q->holder->text), "somebody");
	snprintf(who, sizeof(who), "%.399s", q->holder->text);
	snprintf(q->holder->text, sizeof(q->holder->text), "%s, by another name, %s%.*s", who, how, 200, name);
	return true;
}

static bool say_device(const struct question *q, const char *name)
{
	char node[300];
	struct stat st;

	snprintf(node, sizeof(node), "/dev/%s", name);
	if (stat(node, &st))
		memset(&st, 0, sizeof(st));
	return say(q, &st, "/dev/", name);
}

/* Is @self @name, or a partition of it? */
static bool is_of(const char *self, const char *name)
{
	size_t len = strlen(name);

	return !strncmp(self, name, len) && (!self[len] || self[len] == 'p');
}

/*
 * Is a loop device, or one of its partitions, in use that shows a part of @mine?  A claim of a partition is
 * one of the whole, too, so partitions are looked at first.
 */
static bool loop_in_use(const char *dir, const char *name, const struct extent *mine, const char *self,
			const struct question *q)
{
	struct extent whole, part;
	bool found = false, claimed = false;
	char path[PATH_MAX];
	struct dirent *ent;
	DIR *list;

	if (!read_loop(dir, name, &whole) || !overlap(&whole, mine) || (q->read_only && whole.read_only))
		return false;
	list = opendir(dir);
	while (list && !found && (ent = readdir(list))) {
		if (!is_of(ent->d_name, name) || !strcmp(ent->d_name, self) ||
		    snprintf(path, sizeof(path), "%s/%s", dir, ent->d_name) >= (int)sizeof(path) ||
		    !read_number(path, "partition") || !is_claimed(ent->d_name))
			continue;
		claimed = true;
		part = whole;
		narrow(path, &part);
		found = overlap(&part, mine) && say_device(q, ent->d_name);
	}
	if (list)
		closedir(list);
	/* (Our own disk is claimed because we are.) */
	if (!found && !claimed && !is_of(self, name) && is_claimed(name))
		found = say_device(q, name);
	return found;
}

static bool other_loop_in_use(const struct extent *mine, const char *self, const struct question *q)
{
	DIR *dir = opendir("/sys/block");
	char path[PATH_MAX];
	struct dirent *ent;
	bool found = false;

	while (dir && !found && (ent = readdir(dir))) {
		if (strncmp(ent->d_name, "loop", 4) || !strcmp(ent->d_name, self))
			continue;
		snprintf(path, sizeof(path), "/sys/block/%s", ent->d_name);
		found = loop_in_use(path, ent->d_name, mine, self, q);
	}
	if (dir)
		closedir(dir);
	return found;
}

/* The file under a loop device: locked by one who serves it, or a block device that somebody has. */
static bool file_in_use(const struct extent *mine, const struct question *q)
{
	bool block = S_ISBLK(mine->file.st_mode), busy = false;
	struct stat st;
	int fd;

	fd = open(mine->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (block ? O_EXCL : 0));
	if (fd < 0)
		busy = block && errno == EBUSY;
	else if (!block && !fstat(fd, &st) && same_file(&st, &mine->file))
		busy = flock(fd, (q->read_only ? LOCK_SH : LOCK_EX) | LOCK_NB) && errno == EWOULDBLOCK;
	if (fd >= 0)
		close(fd);
	return busy && say(q, &mine->file, "", mine->path);
}

/*
 * A loop device over a file is in the way even before anybody uses it: whoever comes then is not told of
 * us.
 */
static bool loop_over_file(const struct stat *st, const struct question *q)
{
	DIR *dir = opendir("/sys/block");
	struct extent *loop = malloc(sizeof(*loop));
	char path[PATH_MAX];
	struct dirent *ent;
	bool found = false;

	while (dir && loop && !found && (ent = readdir(dir))) {
		if (strncmp(ent->d_name, "loop", 4))
			continue;
		snprintf(path, sizeof(path), "/sys/block/%s", ent->d_name);
		found = read_loop(path, ent->d_name, loop) && same_file(st, &loop->file) &&
			!(q->read_only && loop->read_only);
		if (found)
			snprintf(q->holder->text, sizeof(q->holder->text),
				 "the kernel as /dev/%s (mount that instead, or `losetup -d /dev/%s')",
				 ent->d_name, ent->d_name);
	}
	q->holder->stays = found;
	free(loop);
	if (dir)
		closedir(dir);
	return found;
}

/* ---- all that a device stands for ---- */

static bool device_in_use(const char *dir, const struct question *q, int depth)
{
	char path[PATH_MAX], *real = realpath(dir, NULL);
	struct extent *mine = malloc(sizeof(*mine));
	struct dirent *ent;
	bool found = false;
	DIR *slaves;

	if (real && mine && read_extent(real, mine))
		found = other_loop_in_use(mine, basename(real), q) || file_in_use(mine, q);
	free(mine);
	slaves = real && depth < MAX_DEPTH && snprintf(path, sizeof(path), "%s/slaves", real) < (int)sizeof(path) ?
		 opendir(path) : NULL;
	while (slaves && !found && (ent = readdir(slaves))) {
		if (ent->d_name[0] == '.' ||
		    snprintf(path, sizeof(path), "%s/slaves/%s", real, ent->d_name) >= (int)sizeof(path))
			continue;
		found = device_in_use(path, q, depth + 1);
	}
	if (slaves)
		closedir(slaves);
	free(real);
	return found;
}

bool identity_in_use(const struct stat *st, bool read_only, struct holder *holder)
{
	const struct question q = { read_only, holder };
	struct extent *whole;
	char path[64];
	bool found;

	*holder = (struct holder) { .ending = false };
	if (S_ISREG(st->st_mode))
		return loop_over_file(st, &q);
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", major(st->st_rdev), minor(st->st_rdev));
	if (device_in_use(path, &q, 0))
		return true;
	/* A loop device over this one. */
	whole = calloc(1, sizeof(*whole));
	if (!whole)
		return false;
	whole->file = *st;
	whole->end = UINT64_MAX;
	found = other_loop_in_use(whole, "", &q);
	free(whole);
	return found;
}
