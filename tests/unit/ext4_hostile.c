/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Images that lie, with checksums that are right: what each operation answers,
 * that nothing hangs, and that the superblock keeps a record of the damage.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "craft.h"

#define IMAGE	"-t ext4 -b 1024 -I 256 -O ^resize_inode -J size=1 4M"
#define BLOCKS	4096
#define TIME_LIMIT 20	/* seconds: a test that hangs dies */

/* Inodes of the tree that every image begins with. */
struct tree {
	uint32_t a, b, c;		/* /a, /a/b, /a/b/c */
	uint32_t file1, file2;		/* in the root, 3000 bytes each */
};

static struct etest *t;
static struct tree tree;

static void quiet(void *priv, enum ext4_log_level level, const char *message)
{
	(void)priv;
	(void)level;
	if (getenv("ETEST_LOG"))
		print_message("# %s\n", message);
}

static uint32_t number(struct ext4_inode *inode)
{
	uint32_t ino = ext4_ino(inode);

	ext4_iput(inode);
	return ino;
}

static void add_file(const char *name, uint32_t *ino)
{
	struct ext4_inode *inode = etest_create(t->root, name);
	char text[3000];

	memset(text, 'D', sizeof(text));
	etest_write(inode, text, sizeof(text), 0);
	*ino = number(inode);
}

static void grow_tree(void)
{
	struct ext4_inode *a = etest_mkdir(t->root, "a"), *b = etest_mkdir(a, "b");

	tree.a = ext4_ino(a);
	tree.b = ext4_ino(b);
	tree.c = number(etest_mkdir(b, "c"));
	ext4_iput(b);
	ext4_iput(a);
	add_file("file1", &tree.file1);
	add_file("file2", &tree.file2);
}

static void new_image(const char *mke2fs)
{
	t = etest_new(mke2fs);
	t->opts.log = quiet;
	t->opts.errors = EXT4_ERRORS_CONTINUE;
	t->opts.commit_interval = 3600;
	etest_mount(t);
	grow_tree();
}

static int setup(void **state __attribute__((unused)))
{
	alarm(TIME_LIMIT);
	new_image(IMAGE);
	assert_int_equal(etest_umount(t), 0);
	return 0;
}

static int teardown(void **state __attribute__((unused)))
{
	etest_free(t);
	alarm(0);
	return 0;
}

static void end_recorded(void)
{
	etest_umount(t);
	assert_true(craft_errors(t) > 0);
}

static struct ext4_inode *get(uint32_t ino)
{
	struct ext4_inode *inode;

	assert_int_equal(ext4_iget(t->fs, ino, &inode), 0);
	return inode;
}

static bool count_entry(void *priv, const struct ext4_dirent *ent)
{
	assert_null(memchr(ent->name, '/', ent->len));
	++*(unsigned int *)priv;
	return true;
}

static int list(uint32_t ino, unsigned int *n)
{
	struct ext4_inode *dir = get(ino);
	int err;

	*n = 0;
	err = ext4_readdir(dir, NULL, 0, count_entry, n);
	ext4_iput(dir);
	return err;
}

static int look_up(uint32_t dir_ino, const char *name)
{
	struct ext4_inode *dir = get(dir_ino), *inode;
	int err = ext4_lookup(dir, name, strlen(name), &inode);

	if (!err)
		ext4_iput(inode);
	ext4_iput(dir);
	return err;
}

static int remove_name(uint32_t dir_ino, const char *name, bool is_dir)
{
	struct ext4_inode *dir = get(dir_ino);
	int err = is_dir ? ext4_rmdir(dir, name, strlen(name)) : ext4_unlink(dir, name, strlen(name));

	ext4_iput(dir);
	return err;
}

static ssize_t read_file(uint32_t ino)
{
	struct ext4_inode *inode = get(ino);
	char buf[4000];
	ssize_t n = ext4_read(inode, buf, sizeof(buf), 0);

	ext4_iput(inode);
	return n;
}

static ssize_t write_file(uint32_t ino, off_t off)
{
	struct ext4_inode *inode = get(ino);
	ssize_t n = ext4_write(inode, "x", 1, off, 0, &etest_root);

	ext4_iput(inode);
	return n;
}

/* ---- the tree ---- */

static void aim_entry(uint32_t dir, const char *name, uint32_t ino)
{
	craft_entry(t, dir, name)->inode = cpu_to_le32(ino);
	craft_seal_leaf(t, dir, craft_first_block(t, dir));
}

static void directory_in_itself(void **state __attribute__((unused)))
{
	struct ext4_inode *b, *a;

	aim_entry(tree.b, "c", tree.b);
	etest_mount(t);
	assert_int_equal(look_up(tree.b, "c"), -EUCLEAN);
	assert_int_equal(remove_name(tree.b, "c", true), -EUCLEAN);
	b = get(tree.b);
	a = get(tree.a);
	assert_int_equal(ext4_rename(b, "c", 1, b, "d", 1, 0, &etest_root), -EUCLEAN);
	assert_int_equal(ext4_rename(b, "c", 1, a, "d", 1, 0, &etest_root), -EUCLEAN);
	assert_int_equal(ext4_rename(a, "b", 1, b, "d", 1, 0, &etest_root), -EINVAL);
	ext4_iput(b);
	ext4_iput(a);
	end_recorded();
}

static void directory_in_its_child(void **state __attribute__((unused)))
{
	struct ext4_inode *a, *b;

	aim_entry(tree.b, "c", tree.a);
	etest_mount(t);
	a = get(tree.a);
	b = get(tree.b);
	assert_int_equal(ext4_rename(b, "c", 1, t->root, "d", 1, 0, &etest_root), 0);
	assert_int_equal(ext4_rename(t->root, "a", 1, b, "d", 1, 0, &etest_root), -EINVAL);
	assert_int_equal(remove_name(tree.a, "b", true), 0);
	ext4_iput(b);
	ext4_iput(a);
}

static void parents_in_a_circle(void **state __attribute__((unused)))
{
	struct ext4_inode *b, *parent;

	aim_entry(tree.a, "..", tree.b);
	etest_mount(t);
	b = get(tree.b);
	assert_int_equal(ext4_get_parent(b, &parent), 0);
	ext4_iput(parent);
	assert_int_equal(ext4_rename(b, "c", 1, t->root, "c", 1, 0, &etest_root), -EUCLEAN);
	ext4_iput(b);
	end_recorded();
}

static void name_with_slash(void **state __attribute__((unused)))
{
	unsigned int n;

	craft_entry(t, tree.a, "b")->name[0] = '/';
	craft_seal_leaf(t, tree.a, craft_first_block(t, tree.a));
	etest_mount(t);
	assert_int_equal(list(tree.a, &n), -EUCLEAN);
	assert_int_equal(look_up(tree.a, "/"), -EINVAL);
	assert_int_equal(look_up(tree.a, "b"), -ENOENT);
	end_recorded();
}

static void entry_without_length(void **state __attribute__((unused)))
{
	unsigned int n;

	craft_entry(t, tree.a, "b")->rec_len = 0;
	craft_seal_leaf(t, tree.a, craft_first_block(t, tree.a));
	etest_mount(t);
	assert_int_equal(list(tree.a, &n), -EUCLEAN);
	assert_int_equal(look_up(tree.a, "b"), -EUCLEAN);
	assert_int_equal(remove_name(tree.a, "b", true), -EUCLEAN);
	end_recorded();
}

static void entry_to_nowhere(void **state __attribute__((unused)))
{
	struct ext4_inode *inode;

	aim_entry(tree.a, "b", 1 << 30);
	aim_entry(tree.b, "c", EXT2_JOURNAL_INO);
	etest_mount(t);
	assert_int_equal(look_up(tree.a, "b"), -EUCLEAN);
	assert_int_equal(look_up(tree.b, "c"), -EUCLEAN);
	assert_int_equal(ext4_iget(t->fs, 1 << 30, &inode), -ESTALE);
	end_recorded();
}

/* ---- extents ---- */

static void aim_file(uint32_t ino, blk64_t blk)
{
	craft_extent(t, ino)->ee_start = cpu_to_le32((uint32_t)blk);
	craft_extent(t, ino)->ee_start_hi = cpu_to_le16((uint16_t)(blk >> 32));
	craft_seal_inode(t, ino);
}

static void crossed_blocks(void **state __attribute__((unused)))
{
	aim_file(tree.file2, craft_first_block(t, tree.file1));
	etest_mount(t);
	assert_int_equal(read_file(tree.file2), 3000);
	assert_int_equal(remove_name(EXT4_ROOT_INODE, "file1", false), 0);
	assert_int_equal(ext4_syncfs(t->fs), 0);
	/* The name goes; that its blocks were free already is recorded. */
	remove_name(EXT4_ROOT_INODE, "file2", false);
	assert_int_equal(look_up(EXT4_ROOT_INODE, "file2"), -ENOENT);
	end_recorded();
}

static void assert_bad_inode(uint32_t ino)
{
	struct ext4_inode *inode;

	craft_seal_inode(t, ino);
	etest_mount(t);
	assert_int_equal(ext4_iget(t->fs, ino, &inode), -EUCLEAN);
	assert_int_equal(look_up(EXT4_ROOT_INODE, "file1"), -EUCLEAN);
	assert_int_equal(remove_name(EXT4_ROOT_INODE, "file1", false), -EUCLEAN);
	end_recorded();
}

static void assert_no_file_block(blk64_t blk)
{
	aim_file(tree.file1, blk);
	assert_bad_inode(tree.file1);
	assert_true(craft_super(t)->s_magic == cpu_to_le16(EXT2_SUPER_MAGIC));
}

static void file_over_the_superblock(void **state __attribute__((unused)))
{
	assert_no_file_block(1);
}

static void file_over_the_journal(void **state __attribute__((unused)))
{
	assert_no_file_block(craft_first_block(t, EXT2_JOURNAL_INO) + 5);
}

static void file_over_a_bitmap(void **state __attribute__((unused)))
{
	assert_no_file_block(le32_to_cpu(craft_desc(t, 0)->bg_block_bitmap));
}

static void file_over_the_inodes(void **state __attribute__((unused)))
{
	assert_no_file_block(le32_to_cpu(craft_desc(t, 0)->bg_inode_table) + 1);
}

static void file_past_the_end(void **state __attribute__((unused)))
{
	assert_no_file_block(BLOCKS - 1);
}

static void file_far_past_the_end(void **state __attribute__((unused)))
{
	assert_no_file_block(0xfffffffffff0);
}

static struct ext3_extent_header *root_of(uint32_t ino)
{
	return (void *)craft_inode(t, ino)->i_block;
}

static void extent_depth_6(void **state __attribute__((unused)))
{
	root_of(tree.file1)->eh_depth = cpu_to_le16(6);
	assert_bad_inode(tree.file1);
}

static void more_extents_than_room(void **state __attribute__((unused)))
{
	root_of(tree.file1)->eh_entries = cpu_to_le16(5);
	assert_bad_inode(tree.file1);
}

static void endless_size(void **state __attribute__((unused)))
{
	craft_inode(t, tree.file1)->i_size_high = cpu_to_le32(0x7fffffff);
	assert_bad_inode(tree.file1);
}

/* An index block whose entry leads to itself. */
static void extent_tree_in_a_circle(void **state __attribute__((unused)))
{
	blk64_t blk = craft_first_block(t, tree.file1);
	struct ext3_extent_header *root = root_of(tree.file1), *node = craft_block(t, blk);
	struct ext3_extent_idx *idx = (void *)(root + 1);

	root->eh_depth = cpu_to_le16(2);
	*idx = (struct ext3_extent_idx){ .ei_leaf = cpu_to_le32((uint32_t)blk) };
	memset(node, 0, 1024);
	*node = (struct ext3_extent_header){ .eh_magic = cpu_to_le16(EXT3_EXT_MAGIC), .eh_entries = cpu_to_le16(1),
					     .eh_max = cpu_to_le16(84), .eh_depth = cpu_to_le16(1) };
	*(struct ext3_extent_idx *)(node + 1) = *idx;
	craft_seal_inode(t, tree.file1);
	craft_seal_extents(t, tree.file1, blk);
	etest_mount(t);
	assert_int_equal(read_file(tree.file1), -EUCLEAN);
	assert_int_equal(write_file(tree.file1, 50000), -EUCLEAN);
	remove_name(EXT4_ROOT_INODE, "file1", false);
	end_recorded();
}

/* All ways through three levels of tables lead to one block: 16 million blocks in a file. */
static void map_with_shared_branches(void **state __attribute__((unused)))
{
	blk64_t blk = craft_first_block(t, tree.file1);
	struct ext2_inode_large *raw = craft_inode(t, tree.file1);
	struct ext4_inode *inode;
	unsigned int level, i;

	for (level = 0; level < 3; level++)
		for (i = 0; i < 256; i++)
			((__le32 *)craft_block(t, blk + level))[i] = cpu_to_le32((uint32_t)(level ? blk + level - 1 :
											 blk + 1));
	raw->i_flags &= cpu_to_le32(~EXT4_EXTENTS_FL);
	for (i = 0; i < EXT2_N_BLOCKS; i++)
		raw->i_block[i] = cpu_to_le32((uint32_t)(i < EXT2_NDIR_BLOCKS ? blk : blk + i - EXT2_NDIR_BLOCKS));
	ext2fs_inode_size_set(raw, 16ULL << 30);
	craft_seal_inode(t, tree.file1);
	etest_mount(t);
	inode = get(tree.file1);
	assert_int_equal(ext4_seek(inode, 0, SEEK_HOLE), -EUCLEAN);
	ext4_iput(inode);
	remove_name(EXT4_ROOT_INODE, "file1", false);
	end_recorded();
}

/* ---- hashed directories ---- */

static uint32_t big_directory(void)
{
	struct ext4_inode *dir;
	char name[60];
	uint32_t ino;
	int i;

	etest_mount(t);
	dir = etest_mkdir(t->root, "big");
	for (i = 0; i < 60; i++) {
		snprintf(name, sizeof(name), "%050d", i);
		ext4_iput(etest_create(dir, name));
	}
	assert_true(ext4_inode_flags(dir) & EXT2_INDEX_FL);
	ino = number(dir);
	assert_int_equal(etest_umount(t), 0);
	return ino;
}

static struct ext2_dx_entry *index_of(uint32_t ino)
{
	char *block = craft_block(t, craft_first_block(t, ino));

	return (void *)(block + EXT2_DX_ROOT_OFF + sizeof(struct ext2_dx_root_info));
}

static void assert_bad_index(uint32_t ino)
{
	struct ext4_inode *dir, *inode;
	unsigned int n;

	craft_seal_index(t, ino, craft_first_block(t, ino));
	etest_mount(t);
	list(ino, &n);
	assert_true(n < 200);
	dir = get(ino);
	assert_int_equal(ext4_create(dir, "new", 3, S_IFREG | 0644, 0, 0, &etest_root, &inode), -EUCLEAN);
	ext4_iput(dir);
	end_recorded();
}

static void index_to_itself(void **state __attribute__((unused)))
{
	uint32_t ino = big_directory(), i;

	for (i = 0; i < le16_to_cpu(((struct ext2_dx_countlimit *)index_of(ino))->count); i++)
		index_of(ino)[i].block = 0;
	assert_bad_index(ino);
}

static void index_with_false_depth(void **state __attribute__((unused)))
{
	uint32_t ino = big_directory();
	struct ext2_dx_root_info *info = (void *)((char *)index_of(ino) - sizeof(*info));

	info->indirect_levels = 1;
	assert_bad_index(ino);
}

static void index_past_the_end(void **state __attribute__((unused)))
{
	uint32_t ino = big_directory(), i;

	for (i = 0; i < le16_to_cpu(((struct ext2_dx_countlimit *)index_of(ino))->count); i++)
		index_of(ino)[i].block = cpu_to_le32(0x0fffffff);
	assert_bad_index(ino);
}

/* ---- xattrs ---- */

/* Both files get an xattr block of their own; the number of file1's. */
static blk64_t xattr_blocks(void)
{
	struct ext4_inode *inode;
	char value[400];
	uint32_t i;

	etest_mount(t);
	for (i = 0; i < 2; i++) {
		memset(value, 'x' + i, sizeof(value));
		inode = get(i ? tree.file2 : tree.file1);
		assert_int_equal(ext4_setxattr(inode, "user.x", value, sizeof(value), 0), 0);
		ext4_iput(inode);
	}
	assert_int_equal(etest_umount(t), 0);
	assert_true(craft_inode(t, tree.file1)->i_file_acl != 0);
	return le32_to_cpu(craft_inode(t, tree.file1)->i_file_acl);
}

static void remove_both(void)
{
	remove_name(EXT4_ROOT_INODE, "file1", false);
	ext4_syncfs(t->fs);
	remove_name(EXT4_ROOT_INODE, "file2", false);
}

/* One count for two files: whoever goes last finds the block free. */
static void shared_xattrs_counted_once(void **state __attribute__((unused)))
{
	blk64_t blk = xattr_blocks();
	char value[500];
	struct ext4_inode *inode;

	craft_inode(t, tree.file2)->i_file_acl = cpu_to_le32((uint32_t)blk);
	craft_seal_inode(t, tree.file2);
	etest_mount(t);
	inode = get(tree.file2);
	assert_int_equal(ext4_getxattr(inode, "user.x", value, sizeof(value)), 400);
	assert_int_equal(value[0], 'x');
	ext4_iput(inode);
	remove_both();
	end_recorded();
}

static void xattrs_nobody_uses(void **state __attribute__((unused)))
{
	blk64_t blk = xattr_blocks();
	struct ext2_ext_attr_header *h = craft_block(t, blk);

	h->h_refcount = 0;
	craft_seal_xattrs(t, blk);
	etest_mount(t);
	remove_both();
	end_recorded();
}

static void xattrs_in_the_inode_table(void **state __attribute__((unused)))
{
	struct ext4_inode *inode;

	craft_inode(t, tree.file1)->i_file_acl = craft_desc(t, 0)->bg_inode_table;
	craft_seal_inode(t, tree.file1);
	etest_mount(t);
	assert_int_equal(ext4_iget(t->fs, tree.file1, &inode), -EUCLEAN);
	end_recorded();
}

static void xattr_value_outside(void **state __attribute__((unused)))
{
	blk64_t blk = xattr_blocks();
	struct ext2_ext_attr_header *h = craft_block(t, blk);
	struct ext2_ext_attr_entry *e = (void *)(h + 1);
	struct ext4_inode *inode;
	char value[500];

	e->e_value_offs = cpu_to_le16(1020);
	craft_seal_xattrs(t, blk);
	etest_mount(t);
	inode = get(tree.file1);
	assert_int_equal(ext4_getxattr(inode, "user.x", value, sizeof(value)), -EUCLEAN);
	assert_int_equal(ext4_listxattr(inode, value, sizeof(value), true), -EUCLEAN);
	assert_int_equal(ext4_setxattr(inode, "user.y", value, 300, 0), -EUCLEAN);
	ext4_iput(inode);
	end_recorded();
}

/* ---- values in EA inodes ---- */

static struct ext2_ext_attr_entry *entry_of(uint32_t ino)
{
	blk64_t blk = le32_to_cpu(craft_inode(t, ino)->i_file_acl);

	return (void *)((char *)craft_block(t, blk) + sizeof(struct ext2_ext_attr_header));
}

static int ea_setup(void **state __attribute__((unused)))
{
	char value[5000], pad[400];
	struct ext4_inode *inode;
	int i;

	alarm(TIME_LIMIT);
	new_image("-t ext4 -b 1024 -I 256 -O ^resize_inode,ea_inode -J size=1 4M");
	for (i = 0; i < 2; i++) {
		inode = get(i ? tree.file2 : tree.file1);
		memset(value, 'v' + i, sizeof(value));
		memset(pad, 'p' + i, sizeof(pad));
		/* The first goes to the block, since the second leaves no room in the inode. */
		assert_int_equal(ext4_setxattr(inode, "user.abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrstuvwxyz-"
					       "abcdefghijklmnopqrstuvwxyz", value, sizeof(value), 0), 0);
		ext4_iput(inode);
	}
	assert_int_equal(etest_umount(t), 0);
	return 0;
}

/* The EA inode of the file, from wherever its entry is. */
static __le32 *value_inode(uint32_t ino)
{
	struct ext2_inode_large *raw = craft_inode(t, ino);
	struct ext2_ext_attr_entry *e;

	if (raw->i_file_acl) {
		e = entry_of(ino);
	} else {
		e = (void *)((char *)raw + EXT2_GOOD_OLD_INODE_SIZE + le16_to_cpu(raw->i_extra_isize) + 4);
	}
	assert_true(e->e_value_inum != 0);
	return &e->e_value_inum;
}

static void seal_values(uint32_t ino)
{
	uint32_t blk = le32_to_cpu(craft_inode(t, ino)->i_file_acl);

	if (blk)
		craft_seal_xattrs(t, blk);
	craft_seal_inode(t, ino);
}

static void value_referenced_twice(void **state __attribute__((unused)))
{
	*value_inode(tree.file2) = *value_inode(tree.file1);
	seal_values(tree.file2);
	etest_mount(t);
	remove_both();
	end_recorded();
}

static void value_is_its_own_file(void **state __attribute__((unused)))
{
	char buf[5000], names[200];
	struct ext4_inode *inode;

	*value_inode(tree.file1) = cpu_to_le32(tree.file1);
	seal_values(tree.file1);
	etest_mount(t);
	inode = get(tree.file1);
	assert_true(ext4_listxattr(inode, names, sizeof(names), true) > 0);
	assert_int_equal(ext4_getxattr(inode, names, buf, sizeof(buf)), -EUCLEAN);
	ext4_removexattr(inode, names);
	ext4_iput(inode);
	remove_both();
	end_recorded();
}

/* The EA inode has an attribute whose value is in itself. */
static void value_inode_holds_itself(void **state __attribute__((unused)))
{
	uint32_t ea = le32_to_cpu(*value_inode(tree.file1));
	struct ext2_inode_large *from = craft_inode(t, tree.file1), *to = craft_inode(t, ea);

	if (from->i_file_acl)
		to->i_file_acl = from->i_file_acl;
	else
		memcpy((char *)to + EXT2_GOOD_OLD_INODE_SIZE + 32, (char *)from + EXT2_GOOD_OLD_INODE_SIZE + 32, 96);
	craft_seal_inode(t, ea);
	etest_mount(t);
	remove_both();
	etest_umount(t);
}

static void value_with_false_count(void **state __attribute__((unused)))
{
	uint32_t ea = le32_to_cpu(*value_inode(tree.file1));

	ext2fs_set_ea_inode_ref(craft_inode(t, ea), 0);
	craft_seal_inode(t, ea);
	etest_mount(t);
	remove_both();
	end_recorded();
}

/* ---- orphans ---- */

static void make_orphan(uint32_t ino, uint32_t next, uint16_t links)
{
	craft_inode(t, ino)->i_links_count = cpu_to_le16(links);
	craft_inode(t, ino)->i_dtime = cpu_to_le32(next);
	craft_seal_inode(t, ino);
}

static void mount_with_orphans(uint32_t head)
{
	craft_super(t)->s_last_orphan = cpu_to_le32(head);
	craft_seal_super(t);
	etest_mount(t);
	assert_false(ext4_is_read_only(t->fs));
	etest_umount(t);
	assert_int_equal(craft_super(t)->s_last_orphan, 0);
}

static void orphans_in_a_circle(void **state __attribute__((unused)))
{
	make_orphan(tree.file1, tree.file2, 0);
	make_orphan(tree.file2, tree.file1, 0);
	mount_with_orphans(tree.file1);
	assert_true(craft_errors(t) > 0);
}

static void orphan_after_itself(void **state __attribute__((unused)))
{
	make_orphan(tree.file1, tree.file1, 1);
	mount_with_orphans(tree.file1);
	assert_true(craft_errors(t) > 0);
}

static void orphan_without_inode(void **state __attribute__((unused)))
{
	mount_with_orphans(0x7fffffff);
	assert_true(craft_errors(t) > 0);
}

static void root_is_an_orphan(void **state __attribute__((unused)))
{
	mount_with_orphans(EXT4_ROOT_INODE);
	etest_mount(t);
	assert_int_equal(look_up(EXT4_ROOT_INODE, "a"), 0);
	etest_umount(t);
}

/* ---- bitmaps and counters ---- */

static void bitmap_says_all_free(void **state __attribute__((unused)))
{
	struct ext4_inode *inode;
	char data[20000];

	memset(craft_block(t, le32_to_cpu(craft_desc(t, 0)->bg_block_bitmap)), 0, 1024);
	craft_desc(t, 0)->bg_flags &= cpu_to_le16((uint16_t)~EXT2_BG_BLOCK_UNINIT);
	craft_seal_bitmap(t, 0);
	etest_mount(t);
	inode = etest_create(t->root, "new");
	memset(data, 'D', sizeof(data));
	ext4_write(inode, data, sizeof(data), 0, 0, &etest_root);
	ext4_iput(inode);
	/* Nothing was put over the superblock, the descriptors or the inodes. */
	assert_int_equal(read_file(tree.file1), 3000);
	end_recorded();
	assert_int_equal(le16_to_cpu(craft_super(t)->s_magic), EXT2_SUPER_MAGIC);
}

static void counters_lie(void **state __attribute__((unused)))
{
	struct statvfs st;
	uint32_t ino;

	craft_super(t)->s_free_blocks_count = cpu_to_le32(0xffffffff);
	craft_super(t)->s_free_inodes_count = cpu_to_le32(0xffffffff);
	craft_seal_super(t);
	etest_mount(t);
	assert_int_equal(ext4_statfs(t->fs, &st), 0);
	assert_true(st.f_bfree <= st.f_blocks && st.f_ffree <= st.f_files);
	add_file("new", &ino);
	assert_int_equal(read_file(ino), 3000);
	etest_umount(t);
}

/* A group whose count does not fit its bitmap is not used, and there is no other here. */
static void group_counter_lies(void **state __attribute__((unused)))
{
	struct ext4_inode *inode;

	le16_add_cpu(&craft_desc(t, 0)->bg_free_blocks_count, 1);
	craft_seal_desc(t, 0);
	etest_mount(t);
	inode = get(tree.file1);
	assert_int_equal(ext4_write(inode, "x", 1, 100000, 0, &etest_root), -ENOSPC);
	ext4_iput(inode);
	assert_int_equal(read_file(tree.file2), 3000);
	assert_int_equal(remove_name(EXT4_ROOT_INODE, "file2", false), 0);
	end_recorded();
}

/* ---- what makes a mount fail ---- */

static void assert_refused(int err)
{
	assert_int_equal(etest_try_mount(t), err);
	assert_true(strlen(t->reason) > 5);
}

static void journal_past_the_end(void **state __attribute__((unused)))
{
	aim_file(EXT2_JOURNAL_INO, BLOCKS - 1);
	assert_refused(-EUCLEAN);
}

static void journal_over_the_inodes(void **state __attribute__((unused)))
{
	aim_file(EXT2_JOURNAL_INO, le32_to_cpu(craft_desc(t, 0)->bg_inode_table));
	assert_refused(-EUCLEAN);
}

static void journal_of_no_size(void **state __attribute__((unused)))
{
	craft_inode(t, EXT2_JOURNAL_INO)->i_size = 0;
	craft_seal_inode(t, EXT2_JOURNAL_INO);
	assert_refused(-EUCLEAN);
}

static void journal_that_is_a_directory(void **state __attribute__((unused)))
{
	craft_super(t)->s_journal_inum = cpu_to_le32(EXT4_ROOT_INODE);
	craft_seal_super(t);
	assert_refused(-EUCLEAN);
}

static void more_free_than_there_is(void **state __attribute__((unused)))
{
	craft_desc(t, 0)->bg_free_blocks_count = cpu_to_le16(0xffff);
	craft_seal_desc(t, 0);
	assert_refused(-EUCLEAN);
}

static void no_root(void **state __attribute__((unused)))
{
	craft_inode(t, EXT4_ROOT_INODE)->i_mode = cpu_to_le16(LINUX_S_IFREG | 0644);
	craft_seal_inode(t, EXT4_ROOT_INODE);
	assert_refused(-EUCLEAN);
}

/* ---- sizes beyond the device ---- */

static void more_blocks_than_the_device(void **state __attribute__((unused)))
{
	struct ext4_inode *inode;
	int i;

	/* A device in memory does not tell its size: reading past its end fails. */
	craft_super(t)->s_blocks_count = cpu_to_le32(8192);
	craft_seal_super(t);
	if (etest_try_mount(t))
		return;
	for (i = 0; i < 4; i++) {
		if (!ext4_create(t->root, &"abcd"[i], 1, S_IFREG | 0644, 0, 0, &etest_root, &inode)) {
			ext4_fallocate(inode, 0, 0, 3 << 20, 0, &etest_root);
			ext4_iput(inode);
		}
	}
	etest_umount(t);
}

#define TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)
#define EA_TEST(name)	cmocka_unit_test_setup_teardown(name, ea_setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(directory_in_itself), TEST(directory_in_its_child), TEST(parents_in_a_circle),
		TEST(name_with_slash), TEST(entry_without_length), TEST(entry_to_nowhere), TEST(crossed_blocks),
		TEST(file_over_the_superblock), TEST(file_over_the_journal), TEST(file_over_a_bitmap),
		TEST(file_over_the_inodes), TEST(file_past_the_end), TEST(file_far_past_the_end),
		TEST(extent_depth_6), TEST(more_extents_than_room), TEST(endless_size),
		TEST(extent_tree_in_a_circle), TEST(map_with_shared_branches),
		TEST(index_to_itself), TEST(index_with_false_depth),
		TEST(index_past_the_end), TEST(shared_xattrs_counted_once), TEST(xattrs_nobody_uses),
		TEST(xattrs_in_the_inode_table), TEST(xattr_value_outside), EA_TEST(value_referenced_twice),
		EA_TEST(value_is_its_own_file), EA_TEST(value_inode_holds_itself), EA_TEST(value_with_false_count),
		TEST(orphans_in_a_circle), TEST(orphan_after_itself), TEST(orphan_without_inode),
		TEST(root_is_an_orphan), TEST(bitmap_says_all_free), TEST(counters_lie),
		TEST(group_counter_lies), TEST(journal_past_the_end),
		TEST(journal_over_the_inodes), TEST(journal_of_no_size), TEST(journal_that_is_a_directory),
		TEST(no_root), TEST(more_free_than_there_is), TEST(more_blocks_than_the_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
