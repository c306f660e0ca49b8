/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Using a feature sets its flag, an old revision is raised with the first mount that may write, and what
 * another system keeps in inodes is left alone: e2fsck finds all as it should be.
 */
#include <stdlib.h>
#include <string.h>
#include "craft.h"

static void set_attribute(struct ext4_inode *file)
{
	assert_int_equal(ext4_setxattr(file, "user.a", "value", 5, 0), 0);
}

static void make_large(struct ext4_inode *file)
{
	struct ext4_iattr attr = { .valid = EXT4_ATTR_SIZE, .size = 3LL << 30 };

	assert_int_equal(ext4_setattr(file, &attr), 0);
}

/* Mount, do it to a new file, unmount, e2fsck. */
static struct etest *use(const char *mke2fs, void (*what)(struct ext4_inode *file))
{
	struct etest *t = etest_new(mke2fs);
	struct ext4_inode *file;

	etest_mount(t);
	file = etest_create(t->root, "file");
	what(file);
	ext4_iput(file);
	assert_int_equal(etest_umount(t), 0);
	assert_int_equal(etest_fsck(t), 0);
	return t;
}

static void attributes(void **state)
{
	static const char *const kinds[] = { "-t ext2 -O ^ext_attr 8M", "-t ext4 -O ^ext_attr 16M", "-t ext2 -r 0 8M" };
	struct etest *t;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		t = use(kinds[i], set_attribute);
		assert_true(ext2fs_has_feature_xattr(craft_super(t)));
		etest_free(t);
	}
}

static void large_files(void **state)
{
	static const char *const kinds[] = { "-t ext2 -O ^large_file 8M",
					     "-t ext4 -O ^large_file,^huge_file 16M", "-t ext2 -r 0 8M" };
	struct etest *t;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		t = use(kinds[i], make_large);
		assert_true(ext2fs_has_feature_large_file(craft_super(t)));
		etest_free(t);
	}
}

static void do_nothing(struct ext4_inode *file)
{
	(void)file;
}

static void revision(void **state)
{
	struct etest *t = use("-t ext2 -r 0 8M", do_nothing);

	(void)state;
	assert_int_equal(le32_to_cpu(craft_super(t)->s_rev_level), EXT2_DYNAMIC_REV);
	assert_int_equal(le32_to_cpu(craft_super(t)->s_first_ino), 11);
	assert_int_equal(le16_to_cpu(craft_super(t)->s_inode_size), 128);
	etest_free(t);
	/* Only looked at, it stays. */
	t = etest_new("-t ext2 -r 0 8M");
	t->opts.read_only = true;
	etest_mount(t);
	assert_int_equal(etest_umount(t), 0);
	assert_int_equal(le32_to_cpu(craft_super(t)->s_rev_level), EXT2_GOOD_OLD_REV);
	etest_free(t);
}

static void write_some(struct ext4_inode *file)
{
	etest_write(file, "data", 4, 0);
	etest_write(file, "data", 4, 5000);
}

static void hurd(void **state)
{
	struct etest *t = use("-t ext2 -o hurd 8M", write_some);
	struct ext2_inode_large *raw;
	struct ext4_inode *file;
	uint32_t ino;

	(void)state;
	/* A translator's block, the high bits of a mode and an author belong to Hurd. */
	etest_mount(t);
	file = etest_lookup(t->root, "file");
	ino = ext4_ino(file);
	ext4_iput(file);
	assert_int_equal(etest_umount(t), 0);
	raw = craft_inode(t, ino);
	assert_int_equal(raw->osd1.linux1.l_i_version, 0);
	raw->osd1.linux1.l_i_version = cpu_to_le32(0x1234);
	raw->osd2.linux2.l_i_file_acl_high = cpu_to_le16(0x42);
	raw->osd2.linux2.l_i_blocks_hi = cpu_to_le16(0x17);
	craft_seal_inode(t, ino);
	etest_mount(t);
	file = etest_lookup(t->root, "file");
	write_some(file);
	set_attribute(file);
	ext4_iput(file);
	assert_int_equal(etest_umount(t), 0);
	raw = craft_inode(t, ino);
	assert_int_equal(le32_to_cpu(raw->osd1.linux1.l_i_version), 0x1234);
	assert_int_equal(le16_to_cpu(raw->osd2.linux2.l_i_file_acl_high), 0x42);
	assert_int_equal(le16_to_cpu(raw->osd2.linux2.l_i_blocks_hi), 0x17);
	etest_free(t);
	/* As the kernel: these lie in the same place. */
	t = etest_new("-t ext4 -O 64bit,^metadata_csum 16M");
	craft_super(t)->s_creator_os = cpu_to_le32(EXT2_OS_HURD);
	craft_seal_super(t);
	assert_int_equal(etest_try_mount(t), -EINVAL);
	assert_non_null(strstr(t->reason, "Hurd"));
	etest_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(attributes),
		cmocka_unit_test(large_files),
		cmocka_unit_test(revision),
		cmocka_unit_test(hurd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
