/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What groups and the superblock say, against what the walk has reached.
 */
#include <string.h>
#include "jbd2/jbd2_disk.h"
#include "walk_i.h"

static bool bit(const uint8_t *map, uint32_t i)
{
	return map[i / 8] >> (i % 8) & 1;
}

void walk_claim_fixed(struct walk *w)
{
	const struct ext2fs_super *s = &w->v->super;
	const struct ext4_group_desc *gd;
	dgrp_t g;

	if (s->first_data_block)
		w->used[0] = 1;
	for (g = 0; g < s->group_count; g++) {
		gd = view_group(w->v, g);
		walk_claim(w, ext2fs_group_first_block(s, g), ext2fs_group_overhead(s, g));
		walk_claim(w, ext2fs_bg_block_bitmap_loc(gd, s->desc_size), 1);
		walk_claim(w, ext2fs_bg_inode_bitmap_loc(gd, s->desc_size), 1);
		walk_claim(w, ext2fs_bg_inode_table_loc(gd, s->desc_size),
			   s->inode_blocks_per_group);
	}
}

struct counts {
	uint64_t blocks, inodes; /* free, in all groups */
};

static void check_block_bitmap(struct walk *w, dgrp_t g, struct counts *c)
{
	const struct ext2fs_super *s = &w->v->super;
	const struct ext4_group_desc *gd = view_group(w->v, g);
	const uint8_t *map = view_block(w->v, ext2fs_bg_block_bitmap_loc(gd, s->desc_size));
	const uint8_t *used = w->used + ext2fs_group_first_block(s, g);
	uint32_t n = ext2fs_group_blocks_count(s, g), i, free = 0;
	bool uninit = (s->csum.metadata_csum || s->csum.gdt_csum) &&
		      gd->bg_flags & cpu_to_le16(EXT2_BG_BLOCK_UNINIT);

	if (!map)
		return;
	for (i = 0; i < n; i++) {
		free += !used[i];
		if (!uninit && bit(map, i) != used[i])
			view_problem(w->v, "block %llu is %s, but its bit says otherwise",
				     (unsigned long long)ext2fs_group_first_block(s, g) + i,
				     used[i] ? "used" : "free");
	}
	for (i = n; !uninit && i < s->block_size * 8; i++)
		if (!bit(map, i))
			view_problem(w->v, "group %u: padding of the block bitmap is not set", g);
	if (!uninit && !ext2fs_block_bitmap_csum_verify(&s->csum, gd, map))
		view_problem(w->v, "group %u: bad checksum of the block bitmap", g);
	if (free != ext2fs_bg_free_blocks_count(gd, s->desc_size))
		view_problem(w->v, "group %u: %u free blocks, should be %u", g,
			     ext2fs_bg_free_blocks_count(gd, s->desc_size), free);
	c->blocks += free;
}

static bool is_dir(const struct walk *w, ext2_ino_t ino)
{
	return (le16_to_cpu(view_inode(w->v, ino)->i_mode) & LINUX_S_IFMT) == LINUX_S_IFDIR;
}

static void check_inode_bitmap(struct walk *w, dgrp_t g, struct counts *c)
{
	const struct ext2fs_super *s = &w->v->super;
	const struct ext4_group_desc *gd = view_group(w->v, g);
	const uint8_t *map = view_block(w->v, ext2fs_bg_inode_bitmap_loc(gd, s->desc_size));
	uint32_t i, free = 0, dirs = 0, last = 0;
	bool csums = s->csum.metadata_csum || s->csum.gdt_csum, used;
	bool uninit = csums && gd->bg_flags & cpu_to_le16(EXT2_BG_INODE_UNINIT);
	ext2_ino_t ino;

	if (!map)
		return;
	for (i = 0; i < s->inodes_per_group; i++) {
		ino = g * s->inodes_per_group + i + 1;
		used = w->reached[ino] || ino < s->first_ino;
		free += !used;
		dirs += w->reached[ino] && is_dir(w, ino);
		if (used)
			last = i + 1;
		if (uninit ? used : bit(map, i) != used)
			view_problem(w->v, "inode %u is %s, but its bit says otherwise", ino,
				     used ? "used" : "free");
	}
	if (!uninit && !ext2fs_inode_bitmap_csum_verify(&s->csum, gd, map))
		view_problem(w->v, "group %u: bad checksum of the inode bitmap", g);
	if (free != ext2fs_bg_free_inodes_count(gd, s->desc_size))
		view_problem(w->v, "group %u: %u free inodes, should be %u", g,
			     ext2fs_bg_free_inodes_count(gd, s->desc_size), free);
	if (dirs != ext2fs_bg_used_dirs_count(gd, s->desc_size))
		view_problem(w->v, "group %u: %u directories, should be %u", g,
			     ext2fs_bg_used_dirs_count(gd, s->desc_size), dirs);
	if (csums && ext2fs_bg_itable_unused(gd, s->desc_size) > s->inodes_per_group - last)
		view_problem(w->v, "group %u: an inode in use lies in the unused part", g);
	c->inodes += free;
}

static void check_journal(struct walk *w)
{
	const struct ext2_super_block *sb = &w->v->super.raw;
	const struct ext2_inode_large *inode = view_inode(w->v, EXT2_JOURNAL_INO);
	const struct ext3_extent *ex = (const void *)((const char *)inode->i_block + 12);
	const struct journal_superblock *jsb;
	blk64_t blk = le32_to_cpu(inode->i_block[0]);

	if (!ext2fs_has_feature_journal(sb) || !sb->s_journal_inum)
		return;
	if (ext2fs_has_feature_journal_needs_recovery(sb))
		view_problem(w->v, "the journal needs recovery");
	if (le32_to_cpu(inode->i_flags) & EXT4_EXTENTS_FL)
		blk = le32_to_cpu(ex->ee_start);
	jsb = view_block(w->v, blk);
	if (!jsb || jsb->s_header.h_magic != cpu_to_be32(JBD2_MAGIC_NUMBER) || jsb->s_start)
		view_problem(w->v, "the journal is not empty");
}

static void check_super(struct walk *w, const struct counts *c)
{
	const struct ext2_super_block *sb = &w->v->super.raw;

	if (!ext2fs_superblock_csum_verify(sb))
		view_problem(w->v, "bad checksum of the superblock");
	if (!(le16_to_cpu(sb->s_state) & EXT2_VALID_FS) || le16_to_cpu(sb->s_state) & EXT2_ERROR_FS)
		view_problem(w->v, "the state is %x", le16_to_cpu(sb->s_state));
	if (sb->s_last_orphan || ext2fs_has_feature_orphan_present(sb))
		view_problem(w->v, WALK_ORPHANS);
	if (ext2fs_free_blocks_count(sb) != c->blocks)
		view_problem(w->v, "%llu free blocks, should be %llu",
			     (unsigned long long)ext2fs_free_blocks_count(sb),
			     (unsigned long long)c->blocks);
	if (le32_to_cpu(sb->s_free_inodes_count) != c->inodes)
		view_problem(w->v, "%u free inodes, should be %llu",
			     le32_to_cpu(sb->s_free_inodes_count), (unsigned long long)c->inodes);
}

void walk_groups(struct walk *w)
{
	struct counts c = { 0, 0 };
	dgrp_t g;

	for (g = 0; g < w->v->super.group_count; g++) {
		if (!ext2fs_group_desc_csum_verify(&w->v->super.csum, g, view_group(w->v, g)))
			view_problem(w->v, "group %u: bad checksum of the descriptor", g);
		check_block_bitmap(w, g, &c);
		check_inode_bitmap(w, g, &c);
	}
	check_super(w, &c);
	check_journal(w);
}
