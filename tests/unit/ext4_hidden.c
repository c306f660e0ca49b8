/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A name that leads to an inode which the file system itself uses, as one of a damaged or crafted image may: it
 * cannot be looked up, removed, moved, replaced or linked, and that inode stays as it is.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include "craft.h"

#define MKE2FS	"-t ext4 -O ea_inode,orphan_file 16M"

static struct etest *with_bad_entry(uint32_t (*choose)(struct etest *t))
{
	struct etest *t = etest_new(MKE2FS);
	char value[3000];
	struct ext4_inode *file;

	memset(value, 'v', sizeof(value));
	etest_mount(t);
	file = etest_create(t->root, "good");
	assert_int_equal(ext4_setxattr(file, "user.big", value, sizeof(value), 0), 0);
	ext4_iput(file);
	ext4_iput(etest_create(t->root, "bad"));
	ext4_iput(etest_mkdir(t->root, "dir"));
	assert_int_equal(etest_umount(t), 0);
	craft_entry(t, EXT4_ROOT_INODE, "bad")->inode = cpu_to_le32(choose(t));
	craft_seal_leaf(t, EXT4_ROOT_INODE, craft_first_block(t, EXT4_ROOT_INODE));
	etest_mount(t);
	return t;
}

static bool look_at(void *priv, const struct ext4_dirent *ent)
{
	struct ext4_inode *inode;
	struct etest *t = priv;

	if (ent->len == 3 && !memcmp(ent->name, "bad", 3))
		assert_int_equal(ext4_iget(t->fs, ent->ino, &inode), -ESTALE);
	return true;
}

static void refused(uint32_t (*choose)(struct etest *t))
{
	struct etest *t = with_bad_entry(choose);
	struct ext2_inode_large before;
	struct ext4_inode *inode, *dir = etest_lookup(t->root, "dir");
	uint32_t ino = choose(t);

	before = *craft_inode(t, ino);
	assert_int_equal(ext4_lookup(t->root, "bad", 3, &inode), -EUCLEAN);
	assert_int_equal(ext4_readdir(t->root, NULL, 0, look_at, t), 0);
	assert_int_equal(ext4_unlink(t->root, "bad", 3), -EUCLEAN);
	assert_int_equal(ext4_rmdir(t->root, "bad", 3), -EUCLEAN);
	assert_int_equal(ext4_rename(t->root, "bad", 3, dir, "moved", 5, 0, &etest_root), -EUCLEAN);
	assert_int_equal(ext4_rename(t->root, "good", 4, t->root, "bad", 3, 0, &etest_root), -EUCLEAN);
	assert_int_equal(ext4_iget_handle(t->fs, ino, le32_to_cpu(before.i_generation), &inode), -ESTALE);
	ext4_iput(dir);
	etest_umount(t);
	assert_memory_equal(craft_inode(t, ino), &before, sizeof(before));
	/* The next mount is not in danger. */
	etest_mount(t);
	inode = etest_lookup(t->root, "good");
	assert_int_equal(ext4_getxattr(inode, "user.big", NULL, 0), 3000);
	ext4_iput(inode);
	etest_free(t);
}

static uint32_t ea_inode(struct etest *t)
{
	uint32_t ino;

	for (ino = 12; !(craft_inode(t, ino)->i_flags & cpu_to_le32(EXT4_EA_INODE_FL)); ino++)
		assert_true(ino < 40);
	return ino;
}

static uint32_t orphan_file(struct etest *t)
{
	return le32_to_cpu(craft_super(t)->s_orphan_file_inum);
}

static uint32_t journal(struct etest *t)
{
	return le32_to_cpu(craft_super(t)->s_journal_inum);
}

static uint32_t resize_inode(struct etest *t)
{
	(void)t;
	return 7;
}

static void ea_inodes(void **state)
{
	(void)state;
	refused(ea_inode);
}

static void orphan_files(void **state)
{
	(void)state;
	refused(orphan_file);
}

static void journals(void **state)
{
	(void)state;
	refused(journal);
}

static void resize_inodes(void **state)
{
	(void)state;
	refused(resize_inode);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ea_inodes),
		cmocka_unit_test(orphan_files),
		cmocka_unit_test(journals),
		cmocka_unit_test(resize_inodes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
