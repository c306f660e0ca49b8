/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See craft.h.
 */
#include <string.h>
#include "craft.h"

static void geometry(struct etest *t, struct ext2fs_super *sup)
{
	memset(sup, 0, sizeof(*sup));
	memcpy(&sup->raw, t->mem->data + SUPERBLOCK_OFFSET, sizeof(sup->raw));
	assert_int_equal(ext2fs_check_super(sup, EXT2FS_SUPER_IGNORE_CSUM, 0, &(const char *){ NULL }), 0);
}

void *craft_block(struct etest *t, blk64_t blk)
{
	struct ext2fs_super sup;

	geometry(t, &sup);
	assert_true((blk + 1) * sup.block_size <= t->mem->size);
	return t->mem->data + blk * sup.block_size;
}

struct ext2_super_block *craft_super(struct etest *t)
{
	return (void *)(t->mem->data + SUPERBLOCK_OFFSET);
}

void craft_seal_super(struct etest *t)
{
	ext2fs_superblock_csum_set(craft_super(t));
}

struct ext4_group_desc *craft_desc(struct etest *t, dgrp_t group)
{
	struct ext2fs_super sup;

	geometry(t, &sup);
	return (void *)((char *)craft_block(t, ext2fs_descriptor_block_loc(&sup, group / sup.desc_per_block)) +
			group % sup.desc_per_block * sup.desc_size);
}

void craft_seal_desc(struct etest *t, dgrp_t group)
{
	struct ext2fs_super sup;

	geometry(t, &sup);
	ext2fs_group_desc_csum_set(&sup.csum, group, craft_desc(t, group));
}

void craft_seal_bitmap(struct etest *t, dgrp_t group)
{
	struct ext4_group_desc *gd = craft_desc(t, group);
	struct ext2fs_super sup;

	geometry(t, &sup);
	ext2fs_block_bitmap_csum_set(&sup.csum, gd,
				     craft_block(t, ext2fs_bg_block_bitmap_loc(gd, sup.desc_size)));
	craft_seal_desc(t, group);
}

struct ext2_inode_large *craft_inode(struct etest *t, ext2_ino_t ino)
{
	struct ext2fs_super sup;
	uint32_t index;
	blk64_t table;

	geometry(t, &sup);
	index = (ino - 1) % sup.inodes_per_group;
	table = ext2fs_bg_inode_table_loc(craft_desc(t, ext2fs_group_of_ino(&sup, ino)), sup.desc_size);
	return (void *)((char *)craft_block(t, table) + (size_t)index * sup.inode_size);
}

void craft_seal_inode(struct etest *t, ext2_ino_t ino)
{
	struct ext2fs_super sup;

	geometry(t, &sup);
	ext2fs_inode_csum_set(&sup.csum, ino, craft_inode(t, ino));
}

struct ext3_extent *craft_extent(struct etest *t, ext2_ino_t ino)
{
	struct ext3_extent_header *eh = (void *)craft_inode(t, ino)->i_block;

	assert_int_equal(le16_to_cpu(eh->eh_magic), EXT3_EXT_MAGIC);
	assert_int_equal(eh->eh_depth, 0);
	return (struct ext3_extent *)(eh + 1);
}

blk64_t craft_first_block(struct etest *t, ext2_ino_t ino)
{
	return le32_to_cpu(craft_extent(t, ino)->ee_start);
}

static uint32_t inode_seed(struct etest *t, struct ext2fs_super *sup, ext2_ino_t ino)
{
	geometry(t, sup);
	return ext2fs_inode_csum_seed(&sup->csum, ino, le32_to_cpu(craft_inode(t, ino)->i_generation));
}

void craft_seal_leaf(struct etest *t, ext2_ino_t ino, blk64_t blk)
{
	struct ext2fs_super sup;
	uint32_t seed = inode_seed(t, &sup, ino);

	ext2fs_dir_block_csum_set(&sup.csum, seed, craft_block(t, blk));
}

void craft_seal_index(struct etest *t, ext2_ino_t ino, blk64_t blk)
{
	struct ext2fs_super sup;
	uint32_t seed = inode_seed(t, &sup, ino);

	ext2fs_dx_block_csum_set(&sup.csum, seed, craft_block(t, blk));
}

void craft_seal_extents(struct etest *t, ext2_ino_t ino, blk64_t blk)
{
	struct ext2fs_super sup;
	uint32_t seed = inode_seed(t, &sup, ino);

	ext2fs_extent_block_csum_set(&sup.csum, seed, craft_block(t, blk));
}

void craft_seal_xattrs(struct etest *t, blk64_t blk)
{
	struct ext2fs_super sup;

	geometry(t, &sup);
	ext2fs_ext_attr_block_csum_set(&sup.csum, blk, craft_block(t, blk));
}

struct ext2_dir_entry_2 *craft_entry(struct etest *t, ext2_ino_t dir, const char *name)
{
	char *block = craft_block(t, craft_first_block(t, dir));
	struct ext2_dir_entry_2 *de;
	unsigned int off;

	for (off = 0; off < 1000; off += le16_to_cpu(de->rec_len)) {
		de = (void *)(block + off);
		if (de->inode && de->name_len == strlen(name) && !memcmp(de->name, name, de->name_len))
			return de;
	}
	fail_msg("no entry %s", name);
	return NULL;
}

uint32_t craft_errors(struct etest *t)
{
	const struct ext2_super_block *sb = craft_super(t);

	if (!(le16_to_cpu(sb->s_state) & EXT2_ERROR_FS))
		return 0;
	return le32_to_cpu(sb->s_error_count);
}
