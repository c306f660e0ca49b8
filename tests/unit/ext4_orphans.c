/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files without a name, and truncations that fail: what a crash leaves of
 * them is cleaned up by the next mount.
 */
#include <stdlib.h>
#include <string.h>
#include "craft.h"
#include "scratch.h"

static void fill(struct ext4_inode *inode, size_t len)
{
	char *data = calloc(1, len);

	memset(data, 'D', len);
	etest_write(inode, data, len, 0);
	free(data);
}

static int cut(struct ext4_inode *inode, off_t size)
{
	struct ext4_iattr attr = { .valid = EXT4_ATTR_SIZE, .size = size };

	return ext4_setattr(inode, &attr);
}

/* As if the power went now: the next mount finishes, and e2fsck is content. */
static void crash_and_check(struct etest *t)
{
	struct etest *after = etest_from(t->mem->data, t->mem->size);

	etest_mount(after);
	assert_int_equal(etest_umount(after), 0);
	assert_int_equal(etest_fsck(after), 0);
	etest_free(after);
}

static void truncated_without_name(const char *mke2fs)
{
	struct etest *t = etest_new(mke2fs);
	struct ext4_inode *inode;

	etest_mount(t);
	inode = etest_create(t->root, "gone");
	fill(inode, 20000);
	assert_int_equal(ext4_unlink(t->root, "gone", 4), 0);
	assert_int_equal(cut(inode, 5000), 0);
	assert_int_equal(ext4_syncfs(t->fs), 0);
	crash_and_check(t);
	ext4_iput(inode);
	assert_int_equal(etest_umount(t), 0);
	assert_int_equal(etest_fsck(t), 0);
	etest_free(t);
}

static void truncated_on_the_list(void **state __attribute__((unused)))
{
	truncated_without_name("-t ext4 -b 1024 -J size=1 -O ^orphan_file 4M");
}

static void truncated_in_the_file(void **state __attribute__((unused)))
{
	truncated_without_name("-t ext4 -b 1024 -J size=1 -O orphan_file 4M");
}

/* The tree's last block is damaged: the truncation fails, and the inode may leave memory. */
static void truncation_that_fails(void **state __attribute__((unused)))
{
	struct etest *t = etest_new("-t ext2 -b 1024 4M");
	struct ext4_inode *inode;
	uint32_t ino;
	int i;

	etest_mount(t);
	inode = etest_create(t->root, "file");
	fill(inode, 50000);
	ino = ext4_ino(inode);
	ext4_iput(inode);
	assert_int_equal(etest_umount(t), 0);
	((__le32 *)craft_block(t, le32_to_cpu(craft_inode(t, ino)->i_block[EXT2_IND_BLOCK])))[3] = cpu_to_le32(1);
	t->opts.errors = EXT4_ERRORS_CONTINUE;
	etest_mount(t);
	inode = etest_lookup(t->root, "file");
	assert_int_equal(cut(inode, 13000), -EUCLEAN);
	ext4_iput(inode);
	for (i = 0; i < 10; i++)
		ext4_shrink(t->fs, true);
	inode = etest_create(t->root, "other");
	fill(inode, 20000);
	assert_int_equal(cut(inode, 100), 0);
	assert_int_equal(ext4_unlink(t->root, "other", 5), 0);
	ext4_iput(inode);
	etest_umount(t);
	assert_int_equal(craft_super(t)->s_last_orphan, 0);
	assert_true(craft_errors(t) > 0);
	etest_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(truncated_on_the_list),
		cmocka_unit_test(truncated_in_the_file),
		cmocka_unit_test(truncation_that_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
