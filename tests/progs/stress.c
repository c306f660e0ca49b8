/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stress DIR SECONDS [THREADS [SEED]]: many threads do everything to the same few names in the
 * same few directories.  That they get in each other's way is expected; that the file system
 * finds itself damaged, or gone, is not: then the exit status is 1.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define DIRS	6
#define NAMES	24
#define MAX_IO	(200 * 1024)

struct worker {
	unsigned int	seed;
	unsigned long	done;
	char		*buf;
};

static time_t end_time;
static int bad;

static unsigned int dice(struct worker *w, unsigned int sides)
{
	return rand_r(&w->seed) % sides;
}

/* What only a broken file system says. */
static void judge(const char *what, const char *path, long result)
{
	int err = errno;

	if (result >= 0)
		return;
	if (err != EIO && err != EUCLEAN && err != EBADMSG && err != ENOTCONN && err != ECONNABORTED &&
	    err != ESTALE && err != EROFS && err != EFAULT && err != ENOSYS && err != EBADF)
		return;
	if (!__atomic_exchange_n(&bad, 1, __ATOMIC_RELAXED))
		fprintf(stderr, "%s %s: %s\n", what, path, strerror(err));
}

static void some_path(struct worker *w, char *path)
{
	unsigned int dir = dice(w, DIRS), name = dice(w, NAMES);

	if (dice(w, 8))
		sprintf(path, "d%u/n%u", dir, name);
	else
		sprintf(path, "d%u/sub%u/n%u", dir, name % 3, name);
}

static void some_dir(struct worker *w, char *path)
{
	sprintf(path, "d%u/sub%u", dice(w, DIRS), dice(w, 3));
}

/* ---- on an open file ---- */

static void use_data(struct worker *w, int fd, const char *path)
{
	off_t off = dice(w, 4) ? dice(w, 1 << 18) : dice(w, 1 << 30);
	size_t len = dice(w, 3) ? dice(w, 9000) : dice(w, MAX_IO);

	switch (dice(w, 12)) {
	case 0: case 1: case 2: case 3:
		judge("write", path, pwrite(fd, w->buf, len, off));
		break;
	case 4: case 5:
		judge("read", path, pread(fd, w->buf + MAX_IO, len, off));
		break;
	case 6:
		judge("truncate", path, ftruncate(fd, dice(w, 2) ? off : (off_t)dice(w, 70000)));
		break;
	case 7:
		judge("punch", path, fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, off, len + 1));
		break;
	case 8:
		judge("allocate", path, fallocate(fd, dice(w, 2) ? FALLOC_FL_KEEP_SIZE : 0, off % (1 << 20), len + 1));
		break;
	case 9:
		judge("zero", path, fallocate(fd, FALLOC_FL_ZERO_RANGE, off % (1 << 20), len + 1));
		break;
	case 10:
		judge("fsync", path, dice(w, 20) ? 0 : fsync(fd));
		break;
	default:
		/* Refused or not, it must not hang. */
		lseek(fd, off, dice(w, 2) ? SEEK_DATA : SEEK_HOLE);
		break;
	}
}

static void use_file(struct worker *w)
{
	char path[64];
	int fd;

	some_path(w, path);
	fd = open(path, O_RDWR | (dice(w, 2) ? O_CREAT : 0) | (dice(w, 10) ? 0 : O_TRUNC) | O_NOFOLLOW | O_NONBLOCK, 0644);
	judge("open", path, fd);
	if (fd < 0)
		return;
	for (int i = dice(w, 6); i >= 0; i--)
		use_data(w, fd, path);
	judge("close", path, close(fd));
}

static void use_nameless(struct worker *w)
{
	char path[64], from[64];
	int fd;

	sprintf(path, "d%u", dice(w, DIRS));
	fd = open(path, O_RDWR | O_TMPFILE, 0600);
	judge("tmpfile", path, fd);
	if (fd < 0)
		return;
	use_data(w, fd, path);
	some_path(w, path);
	sprintf(from, "/proc/self/fd/%d", fd);
	judge("link tmpfile", path, linkat(AT_FDCWD, from, AT_FDCWD, path, AT_SYMLINK_FOLLOW));
	close(fd);
}

/* ---- names ---- */

static void use_names(struct worker *w)
{
	static const unsigned int flags[] = { 0, 0, 0, RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT };
	char path[64], other[64];

	some_path(w, path);
	some_path(w, other);
	switch (dice(w, 10)) {
	case 0: case 1:
		judge("unlink", path, unlink(path));
		break;
	case 2: case 3:
		judge("rename", path, renameat2(AT_FDCWD, path, AT_FDCWD, other, flags[dice(w, 6)]));
		break;
	case 4:
		judge("link", path, link(path, other));
		break;
	case 5:
		judge("symlink", path, symlink(dice(w, 2) ? "short" : w->buf, path));
		break;
	case 6:
		judge("mknod", path, mknod(path, dice(w, 2) ? S_IFIFO | 0600 : S_IFCHR | 0600, 0x0103));
		break;
	case 7:
		some_dir(w, path);
		judge("mkdir", path, mkdir(path, 0755));
		break;
	case 8:
		some_dir(w, path);
		judge("rmdir", path, rmdir(path));
		break;
	default:
		some_dir(w, path);
		some_dir(w, other);
		judge("rename", path, renameat2(AT_FDCWD, path, AT_FDCWD, other, flags[dice(w, 5)]));
		break;
	}
}

/* ---- attributes ---- */

static void use_attributes(struct worker *w)
{
	char path[64], name[32];
	struct statvfs sv;
	struct stat st;

	some_path(w, path);
	sprintf(name, "user.x%u", dice(w, 5));
	switch (dice(w, 8)) {
	case 0:
		judge("chmod", path, chmod(path, dice(w, 07777)));
		break;
	case 1:
		judge("chown", path, lchown(path, dice(w, 3), dice(w, 70000)));
		break;
	case 2: case 3:
		judge("setxattr", path, lsetxattr(path, name, w->buf, dice(w, 2) ? dice(w, 100) : dice(w, 3000), 0));
		break;
	case 4:
		judge("removexattr", path, lremovexattr(path, name));
		break;
	case 5:
		judge("getxattr", path, lgetxattr(path, name, w->buf + MAX_IO, MAX_IO));
		break;
	case 6:
		judge("stat", path, lstat(path, &st));
		break;
	default:
		judge("statvfs", path, statvfs(".", &sv));
		judge("utimens", path, utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW));
		break;
	}
}

static void read_directory(struct worker *w)
{
	char path[64];
	DIR *dir;

	sprintf(path, "d%u", dice(w, DIRS));
	dir = opendir(path);
	judge("opendir", path, dir ? 0 : -1);
	if (!dir)
		return;
	do
		errno = 0;
	while (readdir(dir));
	judge("readdir", path, errno ? -1 : 0);
	closedir(dir);
}

static void *work(void *data)
{
	struct worker *w = data;

	while (time(NULL) < end_time && !__atomic_load_n(&bad, __ATOMIC_RELAXED)) {
		unsigned int what = dice(w, 100);

		if (what < 40)
			use_file(w);
		else if (what < 75)
			use_names(w);
		else if (what < 94)
			use_attributes(w);
		else if (what < 97)
			use_nameless(w);
		else
			read_directory(w);
		w->done++;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	int threads = argc > 3 ? atoi(argv[3]) : 8;
	unsigned int seed = argc > 4 ? strtoul(argv[4], NULL, 0) : (unsigned int)time(NULL);
	struct worker *w = calloc(threads, sizeof(*w));
	pthread_t *ids = calloc(threads, sizeof(*ids));
	unsigned long done = 0;
	char name[16];

	if (argc < 3 || !w || !ids || chdir(argv[1]) < 0) {
		fprintf(stderr, "usage: stress DIR SECONDS [THREADS [SEED]]\n");
		return 2;
	}
	for (int i = 0; i < DIRS; i++) {
		sprintf(name, "d%d", i);
		if (mkdir(name, 0755) < 0 && errno != EEXIST)
			return 2;
	}
	end_time = time(NULL) + atoi(argv[2]);
	for (int i = 0; i < threads; i++) {
		w[i].seed = seed * 100 + i;
		w[i].buf = calloc(2, MAX_IO);
		memset(w[i].buf, 'a' + i, 300);
		if (!w[i].buf || pthread_create(&ids[i], NULL, work, &w[i]))
			return 2;
	}
	for (int i = 0; i < threads; i++) {
		pthread_join(ids[i], NULL);
		done += w[i].done;
		free(w[i].buf);
	}
	free(w);
	free(ids);
	printf("seed %u: %lu operations\n", seed, done);
	return bad;
}
