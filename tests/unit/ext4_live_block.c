/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A bitmap calls a block free that a directory or an extent tree lies in: it is not given to somebody else
 * while those are in use.
 */
#include <string.h>
#include "craft.h"

#define IMAGE	"-t ext4 -b 1024 -O ^resize_inode -J size=1 4M"
#define IMAGE2	"-t ext2 -b 1024 -O ^resize_inode 4M"

static struct etest *new_image(const char *mke2fs)
{
	struct etest *t = etest_new(mke2fs);

	t->opts.log = NULL;
	t->opts.errors = EXT4_ERRORS_CONTINUE;
	etest_mount(t);
	return t;
}

/* Free in the first group's bitmap and count. */
static void call_free(struct etest *t, blk64_t blk)
{
	char *map = craft_block(t, le32_to_cpu(craft_desc(t, 0)->bg_block_bitmap));

	map[(blk - 1) / 8] &= ~(1 << (blk - 1) % 8);
	le16_add_cpu(&craft_desc(t, 0)->bg_free_blocks_count, 1);
	craft_seal_bitmap(t, 0);
}

static blk64_t block_of_directory(struct etest *t, uint32_t ino)
{
	struct ext2_inode_large *raw = craft_inode(t, ino);

	return le32_to_cpu(raw->i_flags) & EXT4_EXTENTS_FL ? craft_first_block(t, ino) : le32_to_cpu(raw->i_block[0]);
}

static void directory(const char *mke2fs)
{
	struct etest *t = new_image(mke2fs);
	struct ext4_inode *dir = etest_mkdir(t->root, "dir"), *new = NULL;
	uint32_t ino = ext4_ino(dir);

	ext4_iput(etest_create(dir, "file"));
	ext4_iput(dir);
	assert_int_equal(etest_umount(t), 0);
	call_free(t, block_of_directory(t, ino));
	etest_mount(t);
	dir = etest_lookup(t->root, "dir");
	ext4_iput(etest_lookup(dir, "file"));
	assert_int_equal(ext4_mkdir(t->root, "new", 3, 0755, 0, &etest_root, &new), -EUCLEAN);
	/* It counts as used from then on. */
	ext4_iput(etest_mkdir(t->root, "new"));
	ext4_iput(etest_lookup(dir, "file"));
	ext4_iput(dir);
	etest_umount(t);
	assert_true(craft_errors(t) > 0);
	etest_free(t);
}

static void directory_with_a_journal(void **state __attribute__((unused)))
{
	directory(IMAGE);
}

static void directory_without_a_journal(void **state __attribute__((unused)))
{
	directory(IMAGE2);
}

#define PIECES	200	/* extents; a block holds 84 */

/* One block at @i * 2: nothing that could be joined. */
static int write_piece(struct ext4_inode *inode, unsigned int i)
{
	char block[1024];

	memset(block, 'x', sizeof(block));
	return ext4_write(inode, block, sizeof(block), i * 2048, 0, &etest_root) == sizeof(block) ? 0 : -1;
}

/* The tree needs a new block, and gets offered the one that it wants to split. */
static void extent_tree(void **state __attribute__((unused)))
{
	struct etest *t = new_image(IMAGE);
	struct ext4_inode *inode = etest_create(t->root, "file");
	struct ext3_extent_idx *ix;
	uint32_t ino = ext4_ino(inode), i;
	char block[1024];
	int failed = 0;

	for (i = 0; i < 60; i++)
		assert_int_equal(write_piece(inode, i), 0);
	ext4_iput(inode);
	assert_int_equal(etest_umount(t), 0);
	ix = (struct ext3_extent_idx *)(craft_inode(t, ino)->i_block + 3);
	call_free(t, le32_to_cpu(ix->ei_leaf));
	etest_mount(t);
	inode = etest_lookup(t->root, "file");
	for (; i < PIECES; i++)
		failed += write_piece(inode, i) < 0;
	assert_int_not_equal(failed, 0);
	for (i = 0; i < 60; i++) {
		assert_int_equal(ext4_read(inode, block, sizeof(block), i * 2048), sizeof(block));
		assert_int_equal(block[1000], 'x');
	}
	ext4_iput(inode);
	etest_umount(t);
	assert_true(craft_errors(t) > 0);
	etest_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(directory_with_a_journal),
		cmocka_unit_test(directory_without_a_journal),
		cmocka_unit_test(extent_tree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
