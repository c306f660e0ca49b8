/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How creating files in the engine itself scales: no FUSE, a file in memory
 * as device, one thread and then two, each in a directory of its own.
 *
 *   bench/engine-create IMAGE [FILES]     IMAGE: freshly made by mkfs.ext4; it is changed
 */
#include <err.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "ext2fs/ext2_err.h"
#include "ext4/ext4.h"

#define ROUNDS	5

static const struct ext4_cred root_cred = { .privileged = true };
static struct ext4_fs *fs;
static int files;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void *fill(void *arg)
{
	struct ext4_inode *dir = arg, *inode;
	char name[32];
	int i;

	for (i = 0; i < files; i++) {
		snprintf(name, sizeof(name), "file%d", i);
		if (ext4_create(dir, name, strlen(name), S_IFREG | 0644, 022, 0, &root_cred, &inode))
			errx(1, "cannot create %s", name);
		ext4_iput(inode);
	}
	return NULL;
}

static double rate(struct ext4_inode *root, int threads, int round)
{
	struct ext4_inode *dir[8];
	pthread_t id[8];
	char name[32];
	double start;
	int t;

	for (t = 0; t < threads; t++) {
		snprintf(name, sizeof(name), "dir%d.%d.%d", round, threads, t);
		if (ext4_mkdir(root, name, strlen(name), 0755, 0, &root_cred, &dir[t]))
			errx(1, "cannot make %s", name);
	}
	start = now();
	for (t = 0; t < threads; t++)
		pthread_create(&id[t], NULL, fill, dir[t]);
	for (t = 0; t < threads; t++)
		pthread_join(id[t], NULL);
	start = now() - start;
	for (t = 0; t < threads; t++)
		ext4_iput(dir[t]);
	return files * threads / start;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *rates)
{
	qsort(rates, ROUNDS, sizeof(*rates), compare);
	return rates[ROUNDS / 2];
}

int main(int argc, char **argv)
{
	struct ext4_mount_opts opts = { .barrier = true, .acl = EXT4_UNSET, .user_xattr = EXT4_UNSET };
	struct ext4_inode *root;
	double one[ROUNDS], two[ROUNDS];
	char reason[256];
	io_channel dev;
	int i;

	if (argc < 2)
		errx(1, "usage: %s IMAGE [FILES]", argv[0]);
	files = argc > 2 ? atoi(argv[2]) : 20000;
	initialize_ext2_error_table();
	if (unix_io_manager->open(argv[1], IO_FLAG_RW, &dev))
		errx(1, "cannot open %s", argv[1]);
	if (ext4_mount(dev, &opts, &fs, reason, sizeof(reason)))
		errx(1, "%s: %s", argv[1], reason);
	if (ext4_iget(fs, EXT4_ROOT_INODE, &root))
		errx(1, "no root");
	for (i = 0; i < ROUNDS; i++) {
		one[i] = rate(root, 1, i);
		two[i] = rate(root, 2, i);
	}
	printf("1 thread %.0f/s, 2 threads %.0f/s, ratio %.2f\n", median(one), median(two),
	       median(two) / median(one));
	ext4_iput(root);
	if (ext4_unmount(fs))
		errx(1, "unmount failed");
	return io_channel_close(dev) ? 1 : 0;
}
