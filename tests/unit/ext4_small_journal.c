/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What changes more blocks than the smallest journal (1024 blocks) takes in one transaction
 * happens in several, or fails and has changed nothing: free counts are exact afterwards,
 * e2fsck finds nothing, and a crash in between is finished by the next mount.  The same with a larger one, and with
 * so little memory that no more of it may be used.
 */
#include <linux/falloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include "etest.h"

#define BLOCK	1024
#define EXT3	"-t ext3 -b 1024 -J size=1 -m 0 16M"
/* Many groups, whose bitmaps are blocks to be changed, too. */
#define EXT4	"-t ext4 -b 1024 -J size=1 -g 512 -m 0 -O ^flex_bg,^resize_inode,^orphan_file 40M"
#define ORPHAN_FILE "-t ext4 -b 1024 -J size=1 -m 0 -O orphan_file 40M"

/* A block at each stride: of its own extent, or behind an indirect block of its own. */
struct layout {
	const char	*mke2fs;
	int		blocks, stride;
};

static struct layout indirect = { EXT3, 1500, 257 }, deep = { EXT4, 12000, 2 }, listed = { ORPHAN_FILE, 8000, 3 };

static char data[1 << 20];
static uint64_t little_memory;	/* bytes, or 0: as much as it takes */

static struct ext4_inode *huge(struct etest *t, const struct layout *l, const char *name)
{
	struct ext4_inode *inode = etest_create(t->root, name);
	int i;

	for (i = 0; i < l->blocks; i++)
		etest_write(inode, data, BLOCK, (off_t)i * l->stride * BLOCK);
	return inode;
}

static off_t end_of(const struct layout *l)
{
	return (off_t)l->blocks * l->stride * BLOCK;
}

static int cut(struct ext4_inode *inode, off_t size)
{
	struct ext4_iattr attr = { .valid = EXT4_ATTR_SIZE, .size = size };

	return ext4_setattr(inode, &attr);
}

/* As if the power went now: the next mount finishes what was begun. */
static void after_a_crash(struct etest *t, const struct statvfs *want)
{
	struct etest *crashed = etest_from(t->mem->data, t->mem->size);
	struct statvfs st;

	etest_mount(crashed);
	etest_get_free(crashed, &st);
	if (want)
		etest_same_free(want, &st);
	assert_int_equal(etest_umount(crashed), 0);
	assert_int_equal(etest_fsck(crashed), 0);
	etest_free(crashed);
}

static void end(struct etest *t, const struct statvfs *before)
{
	struct statvfs after;

	assert_false(ext4_is_read_only(t->fs));
	etest_get_free(t, &after);
	etest_same_free(before, &after);
	assert_int_equal(etest_umount(t), 0);
	assert_int_equal(etest_fsck(t), 0);
	etest_free(t);
}

static struct etest *make(const char *mke2fs)
{
	char options[200], *size;
	struct etest *t;

	snprintf(options, sizeof(options), "%s", mke2fs);
	size = strstr(options, "size=1");
	assert_non_null(size);
	if (little_memory)
		size[5] = '6';
	t = etest_new(options);
	t->opts.memory_bytes = little_memory;
	return t;
}

static struct etest *begin(const char *mke2fs, struct statvfs *before)
{
	struct etest *t = make(mke2fs);

	etest_mount(t);
	etest_get_free(t, before);
	return t;
}

static void deleted(void **state)
{
	const struct layout *l = *state;
	struct statvfs before;
	struct etest *t = begin(l->mke2fs, &before);

	ext4_iput(huge(t, l, "file"));
	assert_int_equal(ext4_unlink(t->root, "file", 4), 0);
	end(t, &before);
}

/* It is deleted at the mount. */
static void orphaned(void **state)
{
	const struct layout *l = *state;
	struct statvfs before;
	struct etest *t = begin(l->mke2fs, &before);
	struct ext4_inode *inode = huge(t, l, "file");

	assert_int_equal(ext4_unlink(t->root, "file", 4), 0);
	assert_int_equal(ext4_syncfs(t->fs), 0);
	after_a_crash(t, &before);
	ext4_iput(inode);
	end(t, &before);
}

static void truncated(void **state)
{
	const struct layout *l = *state;
	struct statvfs before;
	struct etest *t = begin(l->mke2fs, &before);
	struct ext4_inode *inode = huge(t, l, "file");

	assert_int_equal(cut(inode, end_of(l) / 3 + 77), 0);
	after_a_crash(t, NULL);
	assert_int_equal(cut(inode, 0), 0);
	after_a_crash(t, NULL);
	ext4_iput(inode);
	assert_int_equal(ext4_unlink(t->root, "file", 4), 0);
	end(t, &before);
}

static void replaced(void **state)
{
	const struct layout *l = *state;
	struct statvfs before;
	struct etest *t = begin(l->mke2fs, &before);

	ext4_iput(huge(t, l, "file"));
	ext4_iput(etest_create(t->root, "new"));
	assert_int_equal(ext4_rename(t->root, "new", 3, t->root, "file", 4, 0, &etest_root), 0);
	after_a_crash(t, NULL);
	assert_int_equal(ext4_unlink(t->root, "file", 4), 0);
	end(t, &before);
}

static void punched(void **state)
{
	const struct layout *l = *state;
	const int punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	struct statvfs before;
	struct etest *t = begin(l->mke2fs, &before);
	struct ext4_inode *inode = huge(t, l, "file");
	struct ext4_stat st;

	assert_int_equal(ext4_fallocate(inode, punch, end_of(l) / 3 + 5, end_of(l) / 3, 0, &etest_root), 0);
	after_a_crash(t, NULL);
	assert_int_equal(ext4_fallocate(inode, punch, 0, end_of(l), 0, &etest_root), 0);
	ext4_getattr(inode, &st);
	assert_int_equal(st.st.st_blocks, 0);
	ext4_iput(inode);
	assert_int_equal(ext4_unlink(t->root, "file", 4), 0);
	end(t, &before);
}

/* All of its blocks become unwritten ones, the holes are filled; then all is written again. */
static void zeroed(void **state)
{
	const struct layout *l = *state;
	struct statvfs before;
	struct etest *t = begin(l->mke2fs, &before);
	struct ext4_inode *inode = huge(t, l, "file");
	off_t off;

	assert_int_equal(ext4_fallocate(inode, FALLOC_FL_ZERO_RANGE, 0, end_of(l), 0, &etest_root), 0);
	after_a_crash(t, NULL);
	for (off = 0; off + (off_t)sizeof(data) <= end_of(l); off += sizeof(data))
		etest_write(inode, data, sizeof(data), off);
	after_a_crash(t, NULL);
	ext4_iput(inode);
	assert_int_equal(ext4_unlink(t->root, "file", 4), 0);
	end(t, &before);
}

/* Free space in pieces of one block: one call needs many of them. */
static void pieces(void **state)
{
	struct statvfs before;
	struct etest *t = begin(*state, &before);
	struct ext4_inode *inode = etest_create(t->root, "all"), *file = etest_create(t->root, "file");
	off_t i, blocks = before.f_bfree - 400;

	for (i = 0; i < blocks; i++)
		etest_write(inode, data, BLOCK, i * BLOCK);
	for (i = 0; i < blocks; i += 2)
		assert_int_equal(ext4_fallocate(inode, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, i * BLOCK, BLOCK, 0,
						&etest_root), 0);
	assert_int_equal(ext4_syncfs(t->fs), 0);
	for (i = 0; i < 4; i++)
		etest_write(file, data, sizeof(data), i * sizeof(data));
	after_a_crash(t, NULL);
	ext4_iput(file);
	ext4_iput(inode);
	assert_int_equal(ext4_unlink(t->root, "file", 4), 0);
	assert_int_equal(ext4_unlink(t->root, "all", 3), 0);
	end(t, &before);
}

/* ---- names and attributes ---- */

static void large_directory(void **state)
{
	struct statvfs before;
	struct etest *t = begin(*state, &before);
	struct ext4_inode *dir = etest_mkdir(t->root, "dir");
	char name[200];
	int i;

	memset(name, 'n', sizeof(name));
	for (i = 0; i < 1500; i++) {
		snprintf(name, sizeof(name), "%0*d", 190, i);
		ext4_iput(etest_create(dir, name));
	}
	assert_int_equal(ext4_rmdir(t->root, "dir", 3), -ENOTEMPTY);
	for (i = 0; i < 1500; i++) {
		snprintf(name, sizeof(name), "%0*d", 190, i);
		assert_int_equal(ext4_unlink(dir, name, strlen(name)), 0);
	}
	assert_int_equal(ext4_rmdir(t->root, "dir", 3), 0);
	assert_int_equal(ext4_syncfs(t->fs), 0);
	after_a_crash(t, &before);
	ext4_iput(dir);
	end(t, &before);
}

/* Each value, if it is taken at all, is an inode of its own with many blocks. */
static void values(struct ext4_inode *inode, int n, size_t size)
{
	char name[32];
	int i, err;

	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "user.%d", i);
		memset(data, 'a' + i, size);
		err = ext4_setxattr(inode, name, data, size, 0);
		assert_true(!err || err == -ENOSPC);
		assert_int_equal(ext4_getxattr(inode, name, NULL, 0), err ? -ENODATA : (ssize_t)size);
	}
}

static void large_values(void **state)
{
	struct statvfs before;
	struct etest *t = begin(*state, &before);
	struct ext4_inode *a = etest_create(t->root, "a"), *b = etest_create(t->root, "b"), *dir = etest_mkdir(t->root, "dir");
	ssize_t size;

	values(a, 12, 65000);
	values(b, 12, 50000);
	values(b, 12, 65000);
	size = ext4_listxattr(a, NULL, 0, true);
	assert_true(size > 0);
	assert_int_equal(ext4_rename(t->root, "a", 1, t->root, "b", 1, EXT4_RENAME_EXCHANGE, &etest_root), 0);
	assert_int_equal(ext4_rename(t->root, "a", 1, dir, "a", 1, EXT4_RENAME_WHITEOUT, &etest_root), 0);
	assert_int_equal(ext4_syncfs(t->fs), 0);
	after_a_crash(t, NULL);
	assert_int_equal(ext4_rename(t->root, "b", 1, dir, "a", 1, 0, &etest_root), 0);
	assert_int_equal(ext4_syncfs(t->fs), 0);
	after_a_crash(t, NULL);
	ext4_iput(b);
	assert_int_equal(ext4_listxattr(a, NULL, 0, true), size);
	assert_int_equal(ext4_removexattr(a, "user.0"), 0);
	assert_int_equal(ext4_unlink(dir, "a", 1), 0);
	assert_int_equal(ext4_syncfs(t->fs), 0);
	after_a_crash(t, NULL);
	ext4_iput(a);
	ext4_iput(dir);
	assert_int_equal(ext4_unlink(t->root, "a", 1), 0);
	assert_int_equal(ext4_rmdir(t->root, "dir", 3), 0);
	end(t, &before);
}

/* More in one call than a transaction takes, when the data go through the log as well. */
static void journaled_data(void **state)
{
	struct etest *t = make(*state);
	struct ext4_inode *inode;
	struct statvfs before;
	int i;

	t->opts.data = EXT4_DATA_JOURNAL;
	etest_mount(t);
	etest_get_free(t, &before);
	inode = etest_create(t->root, "file");
	for (i = 0; i < 8; i++)
		etest_write(inode, data, sizeof(data), (off_t)(i % 4) * sizeof(data) + i);
	after_a_crash(t, NULL);
	assert_int_equal(cut(inode, 12345), 0);
	etest_write(inode, data, sizeof(data), 0);
	after_a_crash(t, NULL);
	ext4_iput(inode);
	assert_int_equal(ext4_unlink(t->root, "file", 4), 0);
	end(t, &before);
}

/* What follows has next to no memory for its caches. */
static void take_memory_away(void **state __attribute__((unused)))
{
	little_memory = 1;
}

#define WITH(f, name, with) { name, f, NULL, NULL, with }
#define ALL_TESTS \
	WITH(deleted, "deleted, indirect", &indirect), WITH(deleted, "deleted, extents", &deep), \
	WITH(orphaned, "orphan, indirect", &indirect), WITH(orphaned, "orphan, extents", &deep), \
	WITH(orphaned, "orphan in the file", &listed), \
	WITH(truncated, "truncated, indirect", &indirect), WITH(truncated, "truncated, extents", &deep), \
	WITH(truncated, "truncated, orphan file", &listed), \
	WITH(replaced, "replaced, indirect", &indirect), WITH(replaced, "replaced, extents", &deep), \
	WITH(punched, "punched, indirect", &indirect), WITH(punched, "punched, extents", &deep), \
	WITH(zeroed, "zeroed, extents", &deep), \
	WITH(pieces, "free in pieces, extents", "-t ext4 -b 1024 -J size=1 -m 0 16M"), \
	WITH(pieces, "free in pieces, indirect", EXT3), \
	WITH(large_directory, "large directory", "-t ext4 -b 1024 -J size=1 -m 0 -N 4096 16M"), \
	WITH(large_directory, "large directory, ext3", "-t ext3 -b 1024 -J size=1 -m 0 -N 4096 16M"), \
	WITH(large_values, "EA inodes", "-t ext4 -b 1024 -J size=1 -m 0 -O ea_inode 16M"), \
	WITH(journaled_data, "data=journal", "-t ext4 -b 1024 -J size=1 -m 0 16M"), \
	WITH(journaled_data, "data=journal, ext3", EXT3)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ALL_TESTS, cmocka_unit_test(take_memory_away), ALL_TESTS,
	};

	return cmocka_run_group_tests_name("a small journal", tests, NULL, NULL);
}
