/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See damage.h.
 */
#include <string.h>
#include "damage.h"
#include "jbd2/jbd2_disk.h"
#include "view.h"

static void empty_journal(struct view *v, char *image)
{
	const struct ext2_inode_large *inode = view_inode(v, EXT2_JOURNAL_INO);
	const struct ext3_extent *ex = (const void *)((const char *)inode->i_block + 12);
	struct journal_superblock *jsb;
	blk64_t blk = le32_to_cpu(inode->i_block[0]);

	if (le32_to_cpu(inode->i_flags) & EXT4_EXTENTS_FL)
		blk = le32_to_cpu(ex->ee_start);
	jsb = (struct journal_superblock *)(image + (blk << v->super.block_bits));
	jsb->s_start = 0;
	if (!(jsb->s_feature_incompat &
	      cpu_to_be32(JBD2_FEATURE_INCOMPAT_CSUM_V2 | JBD2_FEATURE_INCOMPAT_CSUM_V3)))
		return;
	jsb->s_checksum = 0;
	jsb->s_checksum = cpu_to_be32(ext2fs_crc32c_le(~0U, jsb, 1024));
}

static void recount(struct view *v, struct ext2_super_block *sb)
{
	uint64_t blocks = 0, inodes = 0;
	dgrp_t g;

	for (g = 0; g < v->super.group_count; g++) {
		blocks += ext2fs_bg_free_blocks_count(view_group(v, g), v->super.desc_size);
		inodes += ext2fs_bg_free_inodes_count(view_group(v, g), v->super.desc_size);
	}
	ext2fs_free_blocks_count_set(sb, blocks);
	sb->s_free_inodes_count = cpu_to_le32(inodes);
}

void damage_forget_journal(char *image, uint64_t size)
{
	struct ext2_super_block *sb = (struct ext2_super_block *)(image + SUPERBLOCK_OFFSET);
	struct view v;

	if (!view_open(&v, image, size))
		return;
	if (ext2fs_has_feature_journal(sb)) {
		empty_journal(&v, image);
		ext2fs_clear_feature_journal_needs_recovery(sb);
	}
	sb->s_state |= cpu_to_le16(EXT2_VALID_FS);
	recount(&v, sb);
	ext2fs_superblock_csum_set(sb);
}
