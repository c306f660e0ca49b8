/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The log file and the lock file.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "logging.h"
#include "named.h"

#define MAX_LINKS	8
#define MAX_TRIES	10
#define PID_TEXT	16

static int lock_fd = -1;
static char *lock_path;
static struct stat lock_stat;
static bool lock_ours;		/* made by us, or by a server of our user that has died */

/* ---- the log file ---- */

/*
 * Where a symlink leads to: *@path is replaced.  False with errno if it is none of root's or ours.
 * Those of /proc (/dev/stderr) lead to what is open, not to a name: *@follow.
 */
static bool resolve_link(char **path, bool *follow)
{
	int fd = open(*path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	char target[PATH_MAX], *next = NULL, *slash;
	struct statfs fs;
	struct stat st;
	ssize_t len = -1;

	if (fd < 0)
		return false;
	if (fstat(fd, &st) || fstatfs(fd, &fs) || !S_ISLNK(st.st_mode) ||
	    (st.st_uid != 0 && st.st_uid != geteuid())) {
		errno = ELOOP;
	} else if (fs.f_type == PROC_SUPER_MAGIC) {
		*follow = true;
		len = 0;
	} else {
		len = readlinkat(fd, "", target, sizeof(target) - 1);
	}
	close(fd);
	if (len <= 0)
		return len == 0;
	target[len] = '\0';
	slash = strrchr(*path, '/');
	if (target[0] == '/' || !slash)
		next = strdup(target);
	else if (asprintf(&next, "%.*s/%s", (int)(slash - *path), *path, target) < 0)
		next = NULL;
	free(*path);
	*path = next;
	return next;
}

static int open_resolved(const char *path, int flags)
{
	bool follow = false;
	char *at = strdup(path);
	int fd = -1;

	for (int i = 0; at && i < MAX_LINKS; i++) {
		fd = open(at, flags | (follow ? 0 : O_NOFOLLOW), 0640);
		if (fd >= 0 || errno != ELOOP || follow || !resolve_link(&at, &follow))
			break;
	}
	free(at);
	return fd;
}

int named_open_log(const char *path)
{
	int fd = open_resolved(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_nlink <= 1)
		return fd;
	close(fd);
	errno = EMLINK;
	return -1;
}

/* ---- the lock file ---- */

/* A number and a newline: what a server leaves behind when it is killed.  *@empty: nothing at all. */
static bool holds_number(int fd, char text[PID_TEXT], bool *empty)
{
	ssize_t len = pread(fd, text, PID_TEXT - 1, 0);
	size_t digits = 0;

	text[len > 0 ? len : 0] = '\0';
	*empty = !len;
	while (isdigit((unsigned char)text[digits]))
		digits++;
	if (!digits || strcmp(text + digits, "\n"))
		return false;
	text[digits] = '\0';
	return true;
}

static bool is_lock_file(int fd, const struct stat *st, char text[PID_TEXT])
{
	bool empty, number = holds_number(fd, text, &empty);

	lock_ours = number && st->st_uid == geteuid();
	return S_ISREG(st->st_mode) && st->st_nlink <= 1 && st->st_size < PID_TEXT && (number || empty);
}

/* Make it, or open the one that is there. */
static int open_lock(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);

	lock_ours = fd >= 0;
	if (fd >= 0 || errno != EEXIST)
		return fd;
	return open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Whether the name is that of @fd: whoever had the lock may have removed it meanwhile. */
static bool still_named(int fd, const char *path)
{
	struct stat st;

	return !fstat(fd, &lock_stat) && !lstat(path, &st) && same_file(&st, &lock_stat);
}

static bool refuse(const char *path, const char *why)
{
	log_err("cannot use the lock file %s: %s", path, why);
	if (lock_fd >= 0)
		close(lock_fd);
	lock_fd = -1;
	return false;
}

/* False with a message.  *@again: it vanished while we looked. */
static bool try_lock(const char *path, bool *again)
{
	char text[PID_TEXT] = "?", why[80];
	struct stat st;

	*again = false;
	lock_fd = open_lock(path);
	if (lock_fd < 0)
		return refuse(path, errno == ELOOP ? "it is a symbolic link" : strerror(errno));
	if (fstat(lock_fd, &st) || (!lock_ours && !is_lock_file(lock_fd, &st, text)))
		return refuse(path, "it is no lock file; remove it, or name another");
	if (flock(lock_fd, LOCK_EX | LOCK_NB)) {
		snprintf(why, sizeof(why), "it is held by process %s; unmount that first", text);
		return refuse(path, why);
	}
	*again = !still_named(lock_fd, path);
	if (*again) {
		close(lock_fd);
		lock_fd = -1;
	}
	return !*again;
}

bool lockfile_take(const struct options *opt)
{
	bool again = true, good = false;

	if (!opt->lockfile)
		return true;
	for (int i = 0; again && i < MAX_TRIES; i++)
		good = try_lock(opt->lockfile, &again);
	if (again)
		return refuse(opt->lockfile, "others make and remove it all the time");
	if (!good)
		return false;
	/* The name must still be good when the folder has been left. */
	lock_path = realpath(opt->lockfile, NULL);
	if (ftruncate(lock_fd, 0) || dprintf(lock_fd, "%d\n", getpid()) < 0)
		log_warn("cannot write the lock file %s: %s", opt->lockfile, strerror(errno));
	return true;
}

void lockfile_remove(void)
{
	struct stat st;

	if (lock_path && lock_ours && !lstat(lock_path, &st) && same_file(&st, &lock_stat))
		unlink(lock_path);
	free(lock_path);
	lock_path = NULL;
}

void lockfile_drop(void)
{
	free(lock_path);
	lock_path = NULL;
	if (lock_fd >= 0)
		close(lock_fd);
	lock_fd = -1;
}
