/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What it costs to find a free inode or block does not grow with the number of groups that are full.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "etest.h"

#define MKE2FS	"-t ext4 -b 1024 -g 256 -N 4096 -m 0 -J size=1 -O ^flex_bg,^resize_inode 64M"	/* 256 groups */
#define FEW	100	/* blocks looked at by one create; groups are more */

static uint64_t lookups(struct etest *t)
{
	struct ext4_metrics m;

	ext4_get_metrics(t->fs, &m);
	return m.cache_hits + m.cache_misses;
}

static int create(struct etest *t, int i)
{
	struct ext4_inode *inode = NULL;
	char name[16];
	int err;

	snprintf(name, sizeof(name), "%d", i);
	err = ext4_create(t->root, name, strlen(name), S_IFREG | 0644, 0, 0, &etest_root, &inode);
	ext4_iput(inode);
	return err;
}

static void unlink_one(struct etest *t, int i)
{
	char name[16];

	snprintf(name, sizeof(name), "%d", i);
	assert_int_equal(ext4_unlink(t->root, name, strlen(name)), 0);
}

static void finish(struct etest *t)
{
	assert_int_equal(etest_umount(t), 0);
	assert_int_equal(etest_fsck(t), 0);
	etest_free(t);
}

static void inodes(void **state)
{
	struct etest *t = etest_new(MKE2FS);
	uint64_t before;
	int n, i;

	(void)state;
	etest_mount(t);
	for (n = 0; create(t, n) == 0; n++)
		;
	assert_true(n > 4000);
	for (i = 0; i < 3; i++)
		unlink_one(t, n - 1 - i * 20);
	/* The first may look at all groups once. */
	assert_int_equal(create(t, n), 0);
	before = lookups(t);
	assert_int_equal(create(t, n + 1), 0);
	assert_int_equal(create(t, n + 2), 0);
	assert_in_range(lookups(t) - before, 2, 2 * FEW);
	before = lookups(t);
	assert_int_equal(create(t, n + 3), -ENOSPC);
	assert_in_range(lookups(t) - before, 2, 2 * FEW);
	/* One that comes free is found. */
	unlink_one(t, 5);
	assert_int_equal(create(t, n + 3), 0);
	finish(t);
}

static void blocks(void **state)
{
	struct etest *t = etest_new(MKE2FS);
	struct ext4_inode *file, *fill;
	char data[4096] = "data";
	uint64_t before;
	off_t off = 0;
	size_t len = sizeof(data);
	int i;

	(void)state;
	etest_mount(t);
	fill = etest_create(t->root, "fill");
	file = etest_create(t->root, "file");
	etest_write(file, data, 1024, 0);
	while (len >= 1024) {
		if (ext4_write(fill, data, len, off, 0, &etest_root) == (ssize_t)len)
			off += len;
		else
			len /= 2;
	}
	assert_true(off > 20 << 20);
	/* Six blocks come free at the end of a file that fills all groups. */
	assert_int_equal(ext4_setattr(fill, &(struct ext4_iattr){ .valid = EXT4_ATTR_SIZE, .size = off - 6 * 1024 }), 0);
	assert_int_equal(ext4_syncfs(t->fs), 0);
	etest_write(file, data, 1024, 2048);
	for (i = 2; i < 6; i++) {
		before = lookups(t);
		etest_write(file, data, 1024, i * 2048);
		assert_in_range(lookups(t) - before, 1, FEW);
		assert_int_equal(ext4_syncfs(t->fs), 0);
	}
	ext4_iput(file);
	ext4_iput(fill);
	finish(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inodes),
		cmocka_unit_test(blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
