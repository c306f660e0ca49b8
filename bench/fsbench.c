/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Timed workloads on a mounted file system: one per call, "NAME RATE UNIT" on
 * standard output.  Mounting and comparing is run's business.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TREE_FILES	16384	/* in directories of 128 */
#define PER_DIR		128
#define SMALL_SIZE	2048	/* bytes */
#define BIG_NAMES	50000
#define FSYNCS		2000
#define BIG_BYTES	(1ULL << 30)
#define CHUNK		(1U << 20)
#define RANDOM_OPS	20000

static const char *root;
static int threads;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* ---- work divided among threads ---- */

struct share {
	int	(*work)(int i, unsigned int *seed);
	int	from, to;
	unsigned int seed;
};

static void *run_share(void *arg)
{
	struct share *s = arg;
	int i;

	for (i = s->from; i < s->to; i++)
		if (s->work(i, &s->seed))
			err(1, "item %d", i);
	return NULL;
}

static double timed(int (*work)(int i, unsigned int *seed), int n)
{
	struct share share[16];
	pthread_t id[16];
	double start = now();
	int t;

	for (t = 0; t < threads; t++) {
		share[t] = (struct share){ work, n / threads * t, t == threads - 1 ? n : n / threads * (t + 1), t + 1 };
		pthread_create(&id[t], NULL, run_share, &share[t]);
	}
	for (t = 0; t < threads; t++)
		pthread_join(id[t], NULL);
	return now() - start;
}

/* ---- a tree of small files ---- */

static void tree_name(char *path, size_t size, int i, const char *base)
{
	snprintf(path, size, "%s/tree/d%d/%s%d", root, i / PER_DIR, base, i);
}

static int make_file(const char *path, size_t size)
{
	static char data[CHUNK];
	int fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0644);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		return -1;
	return close(fd);
}

static int tree_create(int i, unsigned int *seed)
{
	char path[256];

	(void)seed;
	if (i % PER_DIR == 0) {
		snprintf(path, sizeof(path), "%s/tree/d%d", root, i / PER_DIR);
		if (mkdir(path, 0755))
			return -1;
	}
	tree_name(path, sizeof(path), i, "f");
	return make_file(path, SMALL_SIZE);
}

static int tree_stat(int i, unsigned int *seed)
{
	struct stat st;
	char path[256];

	(void)seed;
	tree_name(path, sizeof(path), i, "f");
	return stat(path, &st);
}

static int tree_read(int i, unsigned int *seed)
{
	char path[256], data[SMALL_SIZE];
	int fd;

	(void)seed;
	tree_name(path, sizeof(path), i, "f");
	fd = open(path, O_RDONLY);
	if (fd < 0 || read(fd, data, sizeof(data)) != sizeof(data))
		return -1;
	return close(fd);
}

static int tree_rename(int i, unsigned int *seed)
{
	char from[256], to[256];

	(void)seed;
	tree_name(from, sizeof(from), i, "f");
	tree_name(to, sizeof(to), i, "g");
	return rename(from, to);
}

static int tree_unlink(int i, unsigned int *seed)
{
	char path[256];

	(void)seed;
	tree_name(path, sizeof(path), i, "g");
	return unlink(path);
}

/* List a directory of the tree and stat each name, as ls -l and find do. */
static int tree_walk(int d, unsigned int *seed)
{
	struct dirent *de;
	struct stat st;
	char path[256];
	DIR *dir;

	(void)seed;
	snprintf(path, sizeof(path), "%s/tree/d%d", root, d);
	dir = opendir(path);
	if (!dir)
		return -1;
	while ((de = readdir(dir)))
		if (fstatat(dirfd(dir), de->d_name, &st, AT_SYMLINK_NOFOLLOW))
			return -1;
	return closedir(dir);
}

/* ---- one big directory ---- */

static int big_create(int i, unsigned int *seed)
{
	char path[256];
	int fd;

	(void)seed;
	snprintf(path, sizeof(path), "%s/big/name-%d", root, i);
	fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0644);
	return fd < 0 ? -1 : close(fd);
}

static int big_stat(int i, unsigned int *seed)
{
	struct stat st;
	char path[256];

	(void)i;
	snprintf(path, sizeof(path), "%s/big/name-%d", root, rand_r(seed) % BIG_NAMES);
	return stat(path, &st);
}

static int big_unlink(int i, unsigned int *seed)
{
	char path[256];

	(void)seed;
	snprintf(path, sizeof(path), "%s/big/name-%d", root, i);
	return unlink(path);
}

/* ---- durability ---- */

static int fsync_file(int i, unsigned int *seed)
{
	char path[256], data[SMALL_SIZE] = "";
	int fd;

	(void)seed;
	snprintf(path, sizeof(path), "%s/s%d-%d", root, threads, i);
	fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0644);
	if (fd < 0 || write(fd, data, sizeof(data)) != sizeof(data) || fsync(fd))
		return -1;
	return close(fd);
}

/* ---- one big file ---- */

static int open_big(int flags)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/file", root);
	fd = open(path, flags, 0644);
	if (fd < 0)
		err(1, "%s", path);
	return fd;
}

/* Time up to fsync: what is still in a cache is not written. */
static double seq_write(void)
{
	char *data = calloc(1, CHUNK);
	double start = now();
	int fd = open_big(O_CREAT | O_TRUNC | O_WRONLY);
	uint64_t off;

	for (off = 0; off < BIG_BYTES; off += CHUNK)
		if (write(fd, data, CHUNK) != CHUNK)
			err(1, "write");
	if (fsync(fd) || close(fd))
		err(1, "fsync");
	free(data);
	return now() - start;
}

static double seq_read(void)
{
	char *data = malloc(CHUNK);
	double start = now();
	int fd = open_big(O_RDONLY);

	while (read(fd, data, CHUNK) > 0)
		;
	close(fd);
	free(data);
	return now() - start;
}

static int random_fd;

static int random_write(int i, unsigned int *seed)
{
	char data[4096] = "";

	(void)i;
	return pwrite(random_fd, data, sizeof(data), (off_t)(rand_r(seed) % (BIG_BYTES / 4096)) * 4096) == 4096 ? 0 : -1;
}

static int random_read(int i, unsigned int *seed)
{
	char data[4096];

	(void)i;
	return pread(random_fd, data, sizeof(data), (off_t)(rand_r(seed) % (BIG_BYTES / 4096)) * 4096) == 4096 ? 0 : -1;
}

/* ---- by name ---- */

/* Not by mkdir alone, which has the kernel look again for a name that it knows: fuse-floor has forgotten it. */
static void make_dir(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	if (access(path, F_OK) && mkdir(path, 0755))
		err(1, "%s", path);
}

static const struct {
	const char	*name;
	int		(*work)(int i, unsigned int *seed);
	int		n, ops;	/* calls; operations that are counted */
} workloads[] = {
	{ "create", tree_create, TREE_FILES, TREE_FILES },
	{ "stat", tree_stat, TREE_FILES, TREE_FILES },
	{ "read", tree_read, TREE_FILES, TREE_FILES },
	{ "walk", tree_walk, TREE_FILES / PER_DIR, TREE_FILES },
	{ "rename", tree_rename, TREE_FILES, TREE_FILES },
	{ "unlink", tree_unlink, TREE_FILES, TREE_FILES },
	{ "big-create", big_create, BIG_NAMES, BIG_NAMES },
	{ "big-stat", big_stat, BIG_NAMES, BIG_NAMES },
	{ "big-unlink", big_unlink, BIG_NAMES, BIG_NAMES },
	{ "fsync", fsync_file, FSYNCS, FSYNCS },
	{ "random-write", random_write, RANDOM_OPS, RANDOM_OPS },
	{ "random-read", random_read, RANDOM_OPS, RANDOM_OPS },
};

static void remove_dirs(void)
{
	char path[256];
	int d;

	for (d = 0; d < TREE_FILES / PER_DIR; d++) {
		snprintf(path, sizeof(path), "%s/tree/d%d", root, d);
		rmdir(path);
	}
}

static double run(const char *name, int *ops)
{
	double seconds;
	unsigned int i;

	*ops = BIG_BYTES >> 20;
	if (!strcmp(name, "seq-write"))
		return seq_write();
	if (!strcmp(name, "seq-read"))
		return seq_read();
	for (i = 0; i < sizeof(workloads) / sizeof(workloads[0]); i++) {
		if (strcmp(name, workloads[i].name))
			continue;
		make_dir("tree");
		make_dir("big");
		if (!strncmp(name, "random", 6))
			random_fd = open_big(O_RDWR);
		seconds = timed(workloads[i].work, workloads[i].n);
		if (!strcmp(name, "random-write") && fsync(random_fd))
			err(1, "fsync");
		if (!strcmp(name, "unlink"))
			remove_dirs();
		*ops = workloads[i].ops;
		return seconds;
	}
	errx(1, "unknown workload %s", name);
}

int main(int argc, char **argv)
{
	double seconds;
	int ops;

	if (argc != 4)
		errx(1, "usage: %s MOUNTPOINT THREADS WORKLOAD", argv[0]);
	root = argv[1];
	threads = atoi(argv[2]);
	if (threads < 1 || threads > 16)
		errx(1, "1 to 16 threads");
	seconds = run(argv[3], &ops);
	printf("%.0f\n", ops / seconds);
	return 0;
}
